//! The kustomization file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::fields::FieldSpec;
use super::resource::Gvk;
use super::select::Selector;

/// What a kustomization asks for: <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Kustomization {
    pub api_version: String,
    pub kind: String,
    pub metadata: Option<Value>,
    pub resources: Option<Vec<String>>,
    pub bases: Option<Vec<String>>,
    pub components: Option<Vec<String>>,
    pub namespace: String,
    pub name_prefix: String,
    pub name_suffix: String,
    pub labels: Option<Vec<Label>>,
    pub common_labels: Option<BTreeMap<String, String>>,
    pub common_annotations: Option<BTreeMap<String, String>>,
    pub images: Option<Vec<Image>>,
    pub image_tags: Option<Vec<Image>>,
    pub replicas: Option<Vec<Replica>>,
    pub config_map_generator: Option<Vec<Generator>>,
    pub secret_generator: Option<Vec<Generator>>,
    pub generator_options: Option<GeneratorOptions>,
    pub patches: Option<Vec<Patch>>,
    pub patches_strategic_merge: Option<Vec<String>>,
    #[serde(rename = "patchesJson6902")]
    pub patches_json6902: Option<Vec<Patch>>,
    pub replacements: Option<Vec<Replacement>>,
    pub sort_options: Option<SortOptions>,
    pub vars: Option<Vec<Value>>,
    pub crds: Option<Vec<Value>>,
    pub configurations: Option<Vec<Value>>,
    pub generators: Option<Vec<Value>>,
    pub transformers: Option<Vec<Value>>,
    pub validators: Option<Vec<Value>>,
    pub helm_charts: Option<Vec<Value>>,
    pub helm_chart_inflation_generator: Option<Vec<Value>>,
    pub helm_globals: Option<Value>,
    pub inventory: Option<Value>,
    pub build_metadata: Option<Vec<String>>,
    pub openapi: Option<BTreeMap<String, String>>,
}

/// Labels, and where they go besides `metadata.labels`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Label {
    pub pairs: BTreeMap<String, String>,
    pub include_selectors: bool,
    pub include_templates: bool,
    #[serde(rename = "fields")]
    pub field_specs: Vec<LabelField>,
}

/// A field of labels.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LabelField {
    group: String,
    version: String,
    kind: String,
    path: String,
    create: bool,
}

impl LabelField {
    /// As other fields are described.
    pub fn spec(&self) -> FieldSpec {
        let gvk = Gvk { group: self.group.clone(), version: self.version.clone(), kind: self.kind.clone() };
        FieldSpec { gvk, path: self.path.clone(), create: self.create }
    }
}

/// A change of images.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Image {
    pub name: String,
    pub new_name: String,
    pub tag_suffix: String,
    pub new_tag: String,
    pub digest: String,
}

/// A number of replicas.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Replica {
    pub name: String,
    pub count: i64,
}

/// A ConfigMap or Secret to make.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Generator {
    pub name: String,
    pub namespace: String,
    pub behavior: String,
    pub files: Option<Vec<String>>,
    pub literals: Option<Vec<String>>,
    pub envs: Option<Vec<String>>,
    pub env: String,
    #[serde(rename = "type")]
    pub secret_type: String,
    pub options: Option<GeneratorOptions>,
}

/// How ConfigMaps and Secrets are made.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct GeneratorOptions {
    pub labels: Option<BTreeMap<String, String>>,
    pub annotations: Option<BTreeMap<String, String>>,
    pub disable_name_suffix_hash: bool,
    pub immutable: bool,
}

/// A patch.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Patch {
    pub path: String,
    pub patch: String,
    pub target: Option<Selector>,
    pub options: Option<BTreeMap<String, bool>>,
}

/// A replacement, here or in a file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Replacement {
    pub path: String,
    pub source: Option<Source>,
    pub source_value: Option<String>,
    pub targets: Option<Vec<Target>>,
}

/// Where a replacement's value comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Source {
    pub group: String,
    pub version: String,
    pub kind: String,
    pub name: String,
    pub namespace: String,
    pub field_path: String,
    pub options: Option<FieldOptions>,
}

/// Where a replacement's value goes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Target {
    pub select: Option<Selector>,
    pub reject: Vec<Selector>,
    pub field_paths: Vec<String>,
    pub options: Option<FieldOptions>,
}

/// Which part of a field a replacement is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FieldOptions {
    pub delimiter: String,
    pub index: i64,
    pub encoding: String,
    pub create: bool,
}

/// The order of the objects.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct SortOptions {
    pub order: String,
    pub legacy_sort_options: Option<LegacySortOptions>,
}

/// Which kinds come first and last.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct LegacySortOptions {
    pub order_first: Vec<String>,
    pub order_last: Vec<String>,
}

const KUSTOMIZATION: &str = "Kustomization";

/// The kind of files that change what includes them.
pub(super) const COMPONENT: &str = "Component";

impl Kustomization {
    /// Reads the file's content; `root` is its folder, `name` its own name.
    ///
    /// # Errors
    /// When it is no kustomization.
    pub fn read(text: &str, name: &str, root: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err(format!("{name} is empty"));
        }
        let documents = super::document::read_1_1(text).map_err(|why| format!("invalid Kustomization: yaml: {why}"))?;
        let Some(mut document) = documents.into_iter().next() else {
            return Err("kustomization.yaml is empty".to_owned());
        };
        super::document::settle(&mut document);
        drop_nulls(&mut document);
        let mut read: Self = serde_json::from_value(document).map_err(|error| {
            let text = error.to_string();
            let unknown = text.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
            match unknown {
                Some((field, _)) => format!("invalid Kustomization: json: unknown field \"{field}\""),
                None => format!("invalid Kustomization: json: {text}"),
            }
        })?;
        if read.kind.is_empty() {
            read.kind = KUSTOMIZATION.to_owned();
        }
        let version = if read.kind == COMPONENT { "v1alpha1" } else { "v1beta1" };
        let version = format!("kustomize.config.k8s.io/{version}");
        if read.api_version.is_empty() {
            read.api_version.clone_from(&version);
        }
        let mut wrong = Vec::new();
        if read.kind != KUSTOMIZATION && read.kind != COMPONENT {
            wrong.push(format!("kind should be {KUSTOMIZATION} or {COMPONENT}"));
        }
        if read.api_version != version {
            wrong.push(format!("apiVersion for {} should be {version}", read.kind));
        }
        if !wrong.is_empty() {
            return Err(format!("Failed to read kustomization file under {root}:\n{}", wrong.join("\n")));
        }
        Ok(read)
    }

    /// What kustomize says of fields that it wants to be rid of.
    pub fn warnings(&self) -> Vec<String> {
        let warning = |field: &str, instead: &str, experimental: &str| {
            format!(
                "# Warning: '{field}' is deprecated. Please use '{instead}' instead. {experimental}Run 'kustomize edit fix' to update your Kustomization automatically."
            )
        };
        let fields = [
            (self.bases.is_some(), "bases", "resources", ""),
            (self.common_labels.is_some(), "commonLabels", "labels", ""),
            (self.image_tags.is_some(), "imageTags", "images", ""),
            (self.patches_json6902.is_some(), "patchesJson6902", "patches", ""),
            (self.patches_strategic_merge.is_some(), "patchesStrategicMerge", "patches", ""),
            (self.vars.is_some(), "vars", "replacements", "[EXPERIMENTAL] "),
        ];
        let set = fields.into_iter().filter(|(set, ..)| *set);
        set.map(|(_, field, instead, experimental)| warning(field, instead, experimental)).collect()
    }

    /// The first field that asks for what this build does not do.
    pub fn refused(&self) -> Option<&'static str> {
        let some = |list: &Option<Vec<Value>>| list.as_ref().is_some_and(|list| !list.is_empty());
        let fields = [
            (some(&self.vars), "vars"),
            (some(&self.helm_charts), "helmCharts"),
            (some(&self.helm_chart_inflation_generator), "helmChartInflationGenerator"),
            (some(&self.generators), "generators"),
            (some(&self.transformers), "transformers"),
            (some(&self.validators), "validators"),
            (some(&self.crds), "crds"),
            (some(&self.configurations), "configurations"),
            (self.openapi.as_ref().is_some_and(|openapi| !openapi.is_empty()), "openapi"),
            (self.build_metadata.as_ref().is_some_and(|list| !list.is_empty()), "buildMetadata"),
        ];
        fields.into_iter().find(|(set, _)| *set).map(|(_, field)| field)
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.resources.is_none()
            && self.bases.as_ref().is_none_or(Vec::is_empty)
            && self.components.is_none()
            && self.labels.is_none()
            && self.images.is_none()
            && self.image_tags.as_ref().is_none_or(Vec::is_empty)
            && self.replicas.is_none()
            && self.config_map_generator.is_none()
            && self.secret_generator.is_none()
            && self.patches.is_none()
            && self.patches_strategic_merge.is_none()
            && self.patches_json6902.is_none()
            && self.replacements.is_none()
            && self.namespace.is_empty()
            && self.name_prefix.is_empty()
            && self.name_suffix.is_empty()
            && self.common_labels.as_ref().is_none_or(BTreeMap::is_empty)
            && self.common_annotations.as_ref().is_none_or(BTreeMap::is_empty)
            && self.generator_options.is_none()
            && self.sort_options.is_none()
            && self.refused().is_none()
    }
}

/// A field that is null is one that is missing.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.retain(|_, value| !value.is_null());
            entries.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
