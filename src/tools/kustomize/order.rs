//! The order in which objects come out: by kind, which is what kubectl does unless a kustomization asks for `fifo`.

use super::kustomization::SortOptions;
use super::resource::{Id, Resource};

/// Kinds that others need, in the legacy order.
const FIRST: &[&str] = &[
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that need all others.
const LAST: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Sorts objects as the kustomization asks.
///
/// # Errors
/// When it asks for an order that does not exist.
pub(super) fn sort(resources: &mut [Resource], options: Option<&SortOptions>) -> Result<(), String> {
    let legacy = SortOptions { order: "legacy".to_owned(), legacy_sort_options: None };
    let options = options.unwrap_or(&legacy);
    match (options.order.as_str(), &options.legacy_sort_options) {
        ("fifo", None) => Ok(()),
        ("fifo", Some(_)) => {
            Err("the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'"
                .to_owned())
        }
        ("legacy", custom) => {
            let own = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>();
            let (first, last) = match custom {
                Some(custom) => (custom.order_first.clone(), custom.order_last.clone()),
                None => (own(FIRST), own(LAST)),
            };
            resources.sort_by_cached_key(|resource| key(&resource.id(), &first, &last));
            Ok(())
        }
        _ => Err("the field 'sortOptions.order' must be one of [fifo, legacy]".to_owned()),
    }
}

/// What an object is sorted by: the rank of its kind, its kind, its namespace and name. Parts that are missing come last
/// among those with the same rank, as in kustomize's first version.
fn key(id: &Id, first: &[String], last: &[String]) -> (isize, String, String) {
    let place =
        |kinds: &[String]| kinds.iter().position(|kind| *kind == id.gvk.kind).and_then(|at| isize::try_from(at).ok());
    let length = isize::try_from(first.len()).unwrap_or(isize::MAX);
    let rank = place(last).map(|at| at + 1).or(place(first).map(|at| at - length)).unwrap_or(0);
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    let gvk = &id.gvk;
    let kind = format!("{}_{}_{}", or(&gvk.group, "~G"), or(&gvk.version, "~V"), or(&gvk.kind, "~K"));
    (rank, kind, format!("{}|{}", or(&id.namespace, "~X"), or(&id.name, "~N")))
}
