//! Objects on their way through a build, with the names that they had.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

/// Group, version and kind; an empty part of a selector fits anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Gvk {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The kind.
    pub kind: String,
}

impl Gvk {
    /// From the fields of an object.
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// Whether every part of `selector` that is not empty is the same here.
    pub fn is_selected(&self, selector: &Gvk) -> bool {
        let fits = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        fits(&selector.group, &self.group) && fits(&selector.version, &self.version) && fits(&selector.kind, &self.kind)
    }

    /// Whether objects of this kind are in no namespace, as far as kustomize knows: the kinds of Kubernetes 1.21.
    pub fn is_cluster_scoped(&self) -> bool {
        let versions: &[&str] = match (self.group.as_str(), self.kind.as_str()) {
            ("", "ComponentStatus" | "Namespace" | "Node" | "PersistentVolume") => &["v1"],
            ("admissionregistration.k8s.io", "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
            | ("apiregistration.k8s.io", "APIService")
            | ("certificates.k8s.io", "CertificateSigningRequest")
            | ("networking.k8s.io", "IngressClass") => &["v1", "v1beta1"],
            ("flowcontrol.apiserver.k8s.io", "FlowSchema" | "PriorityLevelConfiguration") => &["v1alpha1", "v1beta1"],
            ("node.k8s.io", "RuntimeClass")
            | ("rbac.authorization.k8s.io", "ClusterRole" | "ClusterRoleBinding")
            | ("scheduling.k8s.io", "PriorityClass")
            | ("storage.k8s.io", "CSIDriver" | "CSINode" | "StorageClass" | "VolumeAttachment") => {
                &["v1", "v1alpha1", "v1beta1"]
            }
            ("policy", "PodSecurityPolicy") => &["v1beta1"],
            _ => &[],
        };
        versions.contains(&self.version.as_str())
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &str, none: &'static str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        let (kind, version) = (or(&self.kind, "[noKind]"), or(&self.version, "[noVer]"));
        write!(to, "{kind}.{version}.{}", or(&self.group, "[noGrp]"))
    }
}

/// What tells an object from all others of a build.
#[derive(Debug, Clone)]
pub(super) struct Id {
    /// Its kind.
    pub gvk: Gvk,
    /// Its name.
    pub name: String,
    /// Its namespace as written; may be empty.
    pub namespace: String,
}

impl Id {
    /// The namespace that it is in: `default` where none is written, and one that no object can name for kinds that have
    /// none.
    pub fn effective_namespace(&self) -> &str {
        if self.gvk.is_cluster_scoped() {
            "_non_namespaceable_"
        } else if self.namespace.is_empty() {
            "default"
        } else {
            &self.namespace
        }
    }

    /// Whether both are of the same object.
    pub fn equals(&self, other: &Id) -> bool {
        self.gvk == other.gvk && self.name == other.name && self.effective_namespace() == other.effective_namespace()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = if self.namespace.is_empty() { "[noNs]" } else { &self.namespace };
        let name = if self.name.is_empty() { "[noName]" } else { &self.name };
        write!(to, "{}/{name}.{namespace}", self.gvk)
    }
}

/// What a generated object does with one that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Behavior {
    /// There must be none.
    #[default]
    Create,
    /// It takes its place.
    Replace,
    /// It adds to it.
    Merge,
}

/// An object and what a build remembers of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Resource {
    /// The object; null when a patch deleted it.
    pub value: Value,
    /// What it was called before each change, the oldest first.
    pub previous: Vec<Id>,
    /// The prefixes that its name got, the innermost first.
    pub prefixes: Vec<String>,
    /// The suffixes that its name got, the innermost first.
    pub suffixes: Vec<String>,
    /// Whether its name gets a hash of its content.
    pub hashed: bool,
    /// What a generated object does with one that is there already.
    pub behavior: Behavior,
}

impl Resource {
    /// An object as it was read.
    pub fn new(value: Value) -> Self {
        Self { value, ..Self::default() }
    }

    /// A text below `metadata`; empty when there is none.
    pub fn meta(&self, field: &str) -> &str {
        self.value["metadata"][field].as_str().unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.meta("name")
    }

    /// Its kind.
    pub fn gvk(&self) -> Gvk {
        let text = |field: &str| self.value[field].as_str().unwrap_or_default();
        Gvk::new(text("apiVersion"), text("kind"))
    }

    /// What it is called now.
    pub fn id(&self) -> Id {
        Id { gvk: self.gvk(), name: self.name().to_owned(), namespace: self.meta("namespace").to_owned() }
    }

    /// What it was called at first.
    pub fn original_id(&self) -> Id {
        self.previous.first().cloned().unwrap_or_else(|| self.id())
    }

    /// What it was ever called, and is called now.
    pub fn ids(&self) -> Vec<Id> {
        let mut ids = self.previous.clone();
        ids.push(self.id());
        ids
    }

    /// Remembers what it is called now, ahead of a change.
    pub fn remember(&mut self) {
        let mut id = self.id();
        id.namespace = id.effective_namespace().to_owned();
        self.previous.push(id);
    }

    /// The object as kustomize shows it in errors: JSON, with what it remembers in annotations.
    pub fn described(&self) -> String {
        let mut shown = self.clone();
        let mut annotations = shown.texts("annotations");
        if !self.previous.is_empty() {
            let mut add = |part: &str, texts: Vec<&str>| {
                annotations.insert(format!("internal.config.kubernetes.io/previous{part}"), texts.join(",").into());
            };
            add("Kinds", self.previous.iter().map(|id| id.gvk.kind.as_str()).collect());
            add("Names", self.previous.iter().map(|id| id.name.as_str()).collect());
            add("Namespaces", self.previous.iter().map(|id| id.namespace.as_str()).collect());
        }
        shown.set_texts("annotations", annotations);
        sorted(&shown.value).to_string()
    }

    /// Sets a text below `metadata`; takes the field out when it is empty.
    pub fn set_meta(&mut self, field: &str, text: &str) {
        let Some(object) = self.value.as_object_mut() else { return };
        let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if let Some(metadata) = metadata.as_object_mut() {
            if text.is_empty() {
                metadata.shift_remove(field);
            } else {
                metadata.insert(field.to_owned(), Value::String(text.to_owned()));
            }
        }
    }

    /// Texts by key below `metadata`: labels, annotations.
    pub fn texts(&self, field: &str) -> Map<String, Value> {
        self.value["metadata"][field].as_object().cloned().unwrap_or_default()
    }

    /// Sets texts by key below `metadata`; takes the field out when there are none.
    pub fn set_texts(&mut self, field: &str, texts: Map<String, Value>) {
        let Some(metadata) = self.value.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        if texts.is_empty() {
            metadata.shift_remove(field);
        } else {
            metadata.insert(field.to_owned(), Value::Object(texts));
        }
    }
}

/// Adds an object to others.
///
/// # Errors
/// When one of them is called the same.
pub(super) fn append(resources: &mut Vec<Resource>, resource: Resource) -> Result<(), String> {
    let id = resource.id();
    if resources.iter().any(|other| other.id().equals(&id)) {
        return Err(format!("may not add resource with an already registered id: {id}"));
    }
    resources.push(resource);
    Ok(())
}

/// A value with the keys of all objects in order.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let entries: BTreeMap<&String, &Value> = entries.iter().collect();
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
