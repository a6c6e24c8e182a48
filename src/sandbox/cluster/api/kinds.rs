//! The kinds of objects that the server knows, as data: the built-in ones, and those that custom resource definitions
//! in the store add.

use std::borrow::Cow;

use serde_json::Value;

use crate::sandbox::cluster::store::{GroupResource, Key, Store};

/// How names of a kind are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// A lowercase RFC 1123 subdomain.
    Subdomain,
    /// A lowercase RFC 1123 label.
    Label,
    /// A DNS-1035 label.
    Dns1035,
    /// A path segment: no `/`, no `%`.
    Path,
}

/// What the server knows of a kind of objects.
#[derive(Debug, Clone)]
pub struct Kind {
    /// The API group; `""` for the core group.
    pub group: Cow<'static, str>,
    /// The version.
    pub version: Cow<'static, str>,
    /// The kind: `Deployment`.
    pub kind: Cow<'static, str>,
    /// The plural, as paths name it.
    pub plural: Cow<'static, str>,
    /// The singular.
    pub singular: Cow<'static, str>,
    /// Short names.
    pub short: Cow<'static, [Cow<'static, str>]>,
    /// Categories, such as `all`.
    pub categories: Cow<'static, [Cow<'static, str>]>,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Sub-resources: `status`, `scale`, `log`, …
    pub subresources: Cow<'static, [Cow<'static, str>]>,
    /// Whether `metadata.generation` counts the changes of what is desired.
    pub generation: bool,
    /// How its names are checked.
    pub names: NameRule,
    /// Whether the server keeps objects of it. Of the others (reviews) it only answers a create.
    pub stored: bool,
    /// The type in the schema, if it is built in.
    pub schema: Option<&'static str>,
    /// The columns of a custom resource: `additionalPrinterColumns`.
    pub columns: Option<Value>,
}

impl Kind {
    /// Where its objects are in the store. All versions of a kind share that place.
    pub fn resource(&self) -> GroupResource {
        if self.group == "events.k8s.io" {
            // They are the core group's Events.
            return GroupResource::of("", "events");
        }
        GroupResource { group: self.group.clone(), resource: self.plural.clone() }
    }

    /// `apps/v1`, `v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether its objects are measured when they are asked for.
    pub fn is_measured(&self) -> bool {
        self.group == "metrics.k8s.io"
    }

    /// Whether it has the sub-resource.
    pub fn has(&self, subresource: &str) -> bool {
        self.subresources.iter().any(|one| one == subresource)
    }

    /// The verbs of the resource itself.
    pub fn verbs(&self) -> &'static [&'static str] {
        match (self.stored, self.plural.as_ref()) {
            (false, _) if self.is_measured() => &["get", "list"],
            (false, _) => &["create"],
            // Namespaces are deleted one by one only.
            (true, "namespaces") => &["create", "delete", "get", "list", "patch", "update", "watch"],
            _ => &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        }
    }
}

macro_rules! words {
    ($($word:literal)*) => { Cow::Borrowed(&[$(Cow::Borrowed($word)),*]) };
}

/// One line a kind: group, version, kind, plural, scope, (short names), (categories), (sub-resources), generation, rule of
/// names, type.
macro_rules! kinds {
    ($($group:literal $version:literal $kind:literal $plural:literal $singular:literal $namespaced:ident
       ($($short:literal)*) ($($category:literal)*) ($($sub:literal)*) $generation:ident $names:ident $stored:ident $schema:literal;)*) => {
        &[$(Kind {
            group: Cow::Borrowed($group), version: Cow::Borrowed($version), kind: Cow::Borrowed($kind),
            plural: Cow::Borrowed($plural), singular: Cow::Borrowed($singular),
            short: words!($($short)*), categories: words!($($category)*),
            namespaced: kinds!(@$namespaced), subresources: words!($($sub)*),
            generation: kinds!(@$generation), names: NameRule::$names, stored: kinds!(@$stored),
            schema: Some($schema), columns: None,
        }),*]
    };
    (@namespaced) => { true };
    (@cluster) => { false };
    (@counted) => { true };
    (@uncounted) => { false };
    (@stored) => { true };
    (@review) => { false };
}

/// The built-in kinds. Groups come in the order in which a real server lists them.
pub static BUILT_IN: &[Kind] = kinds! {
    "" "v1" "Binding" "bindings" "binding" namespaced () () () uncounted Subdomain review "core.v1.Binding";
    "" "v1" "ConfigMap" "configmaps" "configmap" namespaced ("cm") () () uncounted Subdomain stored "core.v1.ConfigMap";
    "" "v1" "Endpoints" "endpoints" "endpoints" namespaced ("ep") () () uncounted Subdomain stored "core.v1.Endpoints";
    "" "v1" "Event" "events" "event" namespaced ("ev") () () uncounted Subdomain stored "core.v1.Event";
    "" "v1" "LimitRange" "limitranges" "limitrange" namespaced ("limits") () () uncounted Subdomain stored "core.v1.LimitRange";
    "" "v1" "Namespace" "namespaces" "namespace" cluster ("ns") () ("finalize" "status") uncounted Label stored "core.v1.Namespace";
    "" "v1" "Node" "nodes" "node" cluster ("no") () ("status") uncounted Subdomain stored "core.v1.Node";
    "" "v1" "PersistentVolumeClaim" "persistentvolumeclaims" "persistentvolumeclaim" namespaced ("pvc") () ("status") uncounted Subdomain stored "core.v1.PersistentVolumeClaim";
    "" "v1" "PersistentVolume" "persistentvolumes" "persistentvolume" cluster ("pv") () ("status") uncounted Subdomain stored "core.v1.PersistentVolume";
    "" "v1" "Pod" "pods" "pod" namespaced ("po") ("all") ("attach" "binding" "ephemeralcontainers" "eviction" "exec" "log" "status") counted Subdomain stored "core.v1.Pod";
    "" "v1" "PodTemplate" "podtemplates" "podtemplate" namespaced () () () counted Subdomain stored "core.v1.PodTemplate";
    "" "v1" "ReplicationController" "replicationcontrollers" "replicationcontroller" namespaced ("rc") ("all") ("scale" "status") counted Subdomain stored "core.v1.ReplicationController";
    "" "v1" "ResourceQuota" "resourcequotas" "resourcequota" namespaced ("quota") () ("status") uncounted Subdomain stored "core.v1.ResourceQuota";
    "" "v1" "Secret" "secrets" "secret" namespaced () () () uncounted Subdomain stored "core.v1.Secret";
    "" "v1" "ServiceAccount" "serviceaccounts" "serviceaccount" namespaced ("sa") () ("token") uncounted Subdomain stored "core.v1.ServiceAccount";
    "" "v1" "Service" "services" "service" namespaced ("svc") ("all") ("status") uncounted Dns1035 stored "core.v1.Service";
    "apiregistration.k8s.io" "v1" "APIService" "apiservices" "apiservice" cluster () ("api-extensions") ("status") uncounted Path stored "apiregistration.v1.APIService";
    "apps" "v1" "ControllerRevision" "controllerrevisions" "controllerrevision" namespaced () () () uncounted Subdomain stored "apps.v1.ControllerRevision";
    "apps" "v1" "DaemonSet" "daemonsets" "daemonset" namespaced ("ds") ("all") ("status") counted Subdomain stored "apps.v1.DaemonSet";
    "apps" "v1" "Deployment" "deployments" "deployment" namespaced ("deploy") ("all") ("scale" "status") counted Subdomain stored "apps.v1.Deployment";
    "apps" "v1" "ReplicaSet" "replicasets" "replicaset" namespaced ("rs") ("all") ("scale" "status") counted Subdomain stored "apps.v1.ReplicaSet";
    "apps" "v1" "StatefulSet" "statefulsets" "statefulset" namespaced ("sts") ("all") ("scale" "status") counted Subdomain stored "apps.v1.StatefulSet";
    "authentication.k8s.io" "v1" "SelfSubjectReview" "selfsubjectreviews" "selfsubjectreview" cluster () () () uncounted Path review "authentication.v1.SelfSubjectReview";
    "authentication.k8s.io" "v1" "TokenReview" "tokenreviews" "tokenreview" cluster () () () uncounted Path review "authentication.v1.TokenReview";
    "authorization.k8s.io" "v1" "LocalSubjectAccessReview" "localsubjectaccessreviews" "localsubjectaccessreview" namespaced () () () uncounted Path review "authorization.v1.LocalSubjectAccessReview";
    "authorization.k8s.io" "v1" "SelfSubjectAccessReview" "selfsubjectaccessreviews" "selfsubjectaccessreview" cluster () () () uncounted Path review "authorization.v1.SelfSubjectAccessReview";
    "authorization.k8s.io" "v1" "SelfSubjectRulesReview" "selfsubjectrulesreviews" "selfsubjectrulesreview" cluster () () () uncounted Path review "authorization.v1.SelfSubjectRulesReview";
    "authorization.k8s.io" "v1" "SubjectAccessReview" "subjectaccessreviews" "subjectaccessreview" cluster () () () uncounted Path review "authorization.v1.SubjectAccessReview";
    "autoscaling" "v2" "HorizontalPodAutoscaler" "horizontalpodautoscalers" "horizontalpodautoscaler" namespaced ("hpa") ("all") ("status") uncounted Subdomain stored "autoscaling.v2.HorizontalPodAutoscaler";
    "autoscaling" "v1" "HorizontalPodAutoscaler" "horizontalpodautoscalers" "horizontalpodautoscaler" namespaced ("hpa") ("all") ("status") uncounted Subdomain stored "autoscaling.v1.HorizontalPodAutoscaler";
    "batch" "v1" "CronJob" "cronjobs" "cronjob" namespaced ("cj") ("all") ("status") counted Subdomain stored "batch.v1.CronJob";
    "batch" "v1" "Job" "jobs" "job" namespaced () ("all") ("status") counted Subdomain stored "batch.v1.Job";
    "certificates.k8s.io" "v1" "CertificateSigningRequest" "certificatesigningrequests" "certificatesigningrequest" cluster ("csr") () ("approval" "status") uncounted Subdomain stored "certificates.v1.CertificateSigningRequest";
    "events.k8s.io" "v1" "Event" "events" "event" namespaced ("ev") () () uncounted Subdomain stored "events.v1.Event";
    "networking.k8s.io" "v1" "IngressClass" "ingressclasses" "ingressclass" cluster () () () counted Subdomain stored "networking.v1.IngressClass";
    "networking.k8s.io" "v1" "Ingress" "ingresses" "ingress" namespaced ("ing") () ("status") counted Subdomain stored "networking.v1.Ingress";
    "networking.k8s.io" "v1" "NetworkPolicy" "networkpolicies" "networkpolicy" namespaced ("netpol") () () counted Subdomain stored "networking.v1.NetworkPolicy";
    "policy" "v1" "PodDisruptionBudget" "poddisruptionbudgets" "poddisruptionbudget" namespaced ("pdb") () ("status") counted Subdomain stored "policy.v1.PodDisruptionBudget";
    "rbac.authorization.k8s.io" "v1" "ClusterRoleBinding" "clusterrolebindings" "clusterrolebinding" cluster () () () uncounted Path stored "rbac.v1.ClusterRoleBinding";
    "rbac.authorization.k8s.io" "v1" "ClusterRole" "clusterroles" "clusterrole" cluster () () () uncounted Path stored "rbac.v1.ClusterRole";
    "rbac.authorization.k8s.io" "v1" "RoleBinding" "rolebindings" "rolebinding" namespaced () () () uncounted Path stored "rbac.v1.RoleBinding";
    "rbac.authorization.k8s.io" "v1" "Role" "roles" "role" namespaced () () () uncounted Path stored "rbac.v1.Role";
    "storage.k8s.io" "v1" "CSIDriver" "csidrivers" "csidriver" cluster () () () uncounted Subdomain stored "storage.v1.CSIDriver";
    "storage.k8s.io" "v1" "CSINode" "csinodes" "csinode" cluster () () () uncounted Subdomain stored "storage.v1.CSINode";
    "storage.k8s.io" "v1" "StorageClass" "storageclasses" "storageclass" cluster ("sc") () () uncounted Subdomain stored "storage.v1.StorageClass";
    "storage.k8s.io" "v1" "VolumeAttachment" "volumeattachments" "volumeattachment" cluster () () ("status") uncounted Subdomain stored "storage.v1.VolumeAttachment";
    "admissionregistration.k8s.io" "v1" "MutatingWebhookConfiguration" "mutatingwebhookconfigurations" "mutatingwebhookconfiguration" cluster () ("api-extensions") () counted Subdomain stored "admissionregistration.v1.MutatingWebhookConfiguration";
    "admissionregistration.k8s.io" "v1" "ValidatingWebhookConfiguration" "validatingwebhookconfigurations" "validatingwebhookconfiguration" cluster () ("api-extensions") () counted Subdomain stored "admissionregistration.v1.ValidatingWebhookConfiguration";
    "apiextensions.k8s.io" "v1" "CustomResourceDefinition" "customresourcedefinitions" "customresourcedefinition" cluster ("crd" "crds") ("api-extensions") ("status") counted Subdomain stored "apiextensions.v1.CustomResourceDefinition";
    "scheduling.k8s.io" "v1" "PriorityClass" "priorityclasses" "priorityclass" cluster ("pc") () () counted Subdomain stored "scheduling.v1.PriorityClass";
    "coordination.k8s.io" "v1" "Lease" "leases" "lease" namespaced () () () uncounted Subdomain stored "coordination.v1.Lease";
    "node.k8s.io" "v1" "RuntimeClass" "runtimeclasses" "runtimeclass" cluster () () () uncounted Subdomain stored "node.v1.RuntimeClass";
    "discovery.k8s.io" "v1" "EndpointSlice" "endpointslices" "endpointslice" namespaced () () () counted Subdomain stored "discovery.v1.EndpointSlice";
};

/// What a metrics server adds while its APIService is there. Its objects are measured, not kept.
pub static MEASURED: &[Kind] = kinds! {
    "metrics.k8s.io" "v1beta1" "NodeMetrics" "nodes" "" cluster () () () uncounted Path review "";
    "metrics.k8s.io" "v1beta1" "PodMetrics" "pods" "" namespaced () () () uncounted Path review "";
};

const SERVICES: GroupResource = GroupResource::of("apiregistration.k8s.io", "apiservices");

/// The measured kinds, if somebody serves them.
fn measured(store: &Store) -> &'static [Kind] {
    let key = Key { resource: SERVICES, namespace: None, name: "v1beta1.metrics.k8s.io".into() };
    if store.get(&key).is_some() { MEASURED } else { &[] }
}

/// Where custom resource definitions are.
pub const DEFINITIONS: GroupResource = GroupResource::of("apiextensions.k8s.io", "customresourcedefinitions");

fn words_of(list: &Value) -> Cow<'static, [Cow<'static, str>]> {
    let words = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.map(|word| Cow::Owned(word.to_owned())).collect::<Vec<_>>().into()
}

/// The kinds that a custom resource definition adds: one for each version that is served.
pub fn defined_by(definition: &Value) -> Vec<Kind> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let versions = spec["versions"].as_array().into_iter().flatten();
    versions
        .filter(|version| version["served"] == true)
        .map(|version| {
            let kind = text(&names["kind"]);
            let singular = names["singular"].as_str().map_or_else(|| kind.to_lowercase(), str::to_owned);
            let mut subresources: Vec<Cow<'static, str>> = Vec::new();
            for sub in ["scale", "status"] {
                if version["subresources"].get(sub).is_some() {
                    subresources.push(Cow::Borrowed(sub));
                }
            }
            Kind {
                group: text(&spec["group"]).into(),
                version: text(&version["name"]).into(),
                kind: kind.into(),
                plural: text(&names["plural"]).into(),
                singular: singular.into(),
                short: words_of(&names["shortNames"]),
                categories: words_of(&names["categories"]),
                namespaced: spec["scope"] == "Namespaced",
                subresources: subresources.into(),
                generation: true,
                names: NameRule::Subdomain,
                stored: true,
                schema: None,
                columns: Some(version["additionalPrinterColumns"].clone()),
            }
        })
        .collect()
}

/// Every kind that the server knows now.
pub fn all(store: &Store) -> Vec<Kind> {
    let custom = store.list(&DEFINITIONS, None);
    BUILT_IN
        .iter()
        .chain(measured(store))
        .cloned()
        .chain(custom.iter().flat_map(|definition| defined_by(definition)))
        .collect()
}

/// The kind that a path names.
pub fn find(store: &Store, group: &str, version: &str, plural: &str) -> Option<Kind> {
    let fits = |kind: &&Kind| kind.plural == plural && kind.version == version && kind.group == group;
    if let Some(kind) = BUILT_IN.iter().find(fits) {
        return Some(kind.clone());
    }
    if let Some(kind) = measured(store).iter().find(fits) {
        return Some(kind.clone());
    }
    let definition = store
        .list(&DEFINITIONS, None)
        .into_iter()
        .find(|definition| definition["spec"]["group"] == group && definition["spec"]["names"]["plural"] == plural)?;
    defined_by(&definition).into_iter().find(|kind| kind.version == version)
}

/// The built-in kind, or the preferred version of the custom one, that is kept at a place of the store.
pub fn of_resource(store: &Store, resource: &GroupResource) -> Option<Kind> {
    let fits = |kind: &Kind| kind.resource() == *resource;
    BUILT_IN.iter().find(|kind| fits(kind)).cloned().or_else(|| all(store).into_iter().find(fits))
}
