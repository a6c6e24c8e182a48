//! Fields that a build changes: which kinds have them where, and the way to them.

use serde_json::{Map, Value};

use super::document::is_null;
use super::resource::Gvk;

/// A field of some kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldSpec {
    /// The kinds that have it.
    pub gvk: Gvk,
    /// The way there: `spec/template/metadata/labels`. Lists on the way stand for all of their items; `\/` is a slash in
    /// a name, and behind a name that ends in `[]` a list must be.
    pub path: String,
    /// Whether it is made where it is missing.
    pub create: bool,
}

/// What is made where a field is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// A text.
    Scalar,
    /// A mapping.
    Map,
    /// Nothing.
    Skip,
}

/// Reads a table: a line per field with its path, `+` if it is made where it is missing, and `kind.version.group`, of
/// which the last ones may be missing, or be empty.
pub(super) fn table(text: &str) -> Vec<FieldSpec> {
    let mut specs = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(path) = words.next() else { continue };
        let mut create = false;
        let mut gvks = Vec::new();
        for word in words {
            if word == "+" {
                create = true;
                continue;
            }
            let mut parts = word.splitn(3, '.').map(str::to_owned);
            let kind = parts.next().unwrap_or_default();
            let (version, group) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            gvks.push(Gvk { group, version, kind });
        }
        if gvks.is_empty() {
            gvks.push(Gvk::default());
        }
        specs.extend(gvks.into_iter().map(|gvk| FieldSpec { gvk, path: path.to_owned(), create }));
    }
    specs
}

/// Where `labels` with `includeTemplates` go, and where all labels go first.
pub(super) const TEMPLATE_LABELS: &str = "
metadata/labels +
spec/template/metadata/labels + ReplicationController.v1 Deployment ReplicaSet DaemonSet StatefulSet..apps Job..batch
spec/volumeClaimTemplates[]/metadata/labels + StatefulSet..apps
spec/jobTemplate/metadata/labels + CronJob..batch
spec/jobTemplate/spec/template/metadata/labels + CronJob..batch
";

/// Where labels go that selectors select by, besides [`TEMPLATE_LABELS`].
pub(super) const SELECTOR_LABELS: &str = "
spec/selector + Service.v1 ReplicationController.v1
spec/selector/matchLabels + Deployment ReplicaSet DaemonSet StatefulSet..apps
spec/selector/matchLabels Job..batch PodDisruptionBudget..policy
spec/jobTemplate/spec/selector/matchLabels CronJob..batch
spec/template/spec/affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels Deployment..apps StatefulSet..apps
spec/template/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels Deployment..apps StatefulSet..apps
spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels Deployment..apps StatefulSet..apps
spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels Deployment..apps StatefulSet..apps
spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels Deployment..apps StatefulSet..apps
spec/podSelector/matchLabels NetworkPolicy..networking.k8s.io
spec/ingress/from/podSelector/matchLabels NetworkPolicy..networking.k8s.io
spec/egress/to/podSelector/matchLabels NetworkPolicy..networking.k8s.io
";

/// Where `commonAnnotations` go.
pub(super) const ANNOTATIONS: &str = "
metadata/annotations +
spec/template/metadata/annotations + ReplicationController.v1 Deployment ReplicaSet DaemonSet StatefulSet Job..batch
spec/jobTemplate/metadata/annotations + CronJob..batch
spec/jobTemplate/spec/template/metadata/annotations + CronJob..batch
";

/// Where the namespace goes, besides `metadata.namespace`.
pub(super) const NAMESPACE: &str = "
metadata/name + Namespace
spec/service/namespace + APIService..apiregistration.k8s.io
spec/conversion/webhook/clientConfig/service/namespace CustomResourceDefinition..apiextensions.k8s.io
";

/// Where the number of replicas is.
pub(super) const REPLICAS: &str = "spec/replicas + Deployment StatefulSet ReplicaSet ReplicationController";

/// Where images are, besides what is under `containers` or `initContainers` anywhere.
pub(super) const IMAGES: &str = "
spec/containers[]/image
spec/initContainers[]/image
spec/template/spec/containers[]/image
spec/template/spec/initContainers[]/image
";

/// Calls `set` with each value of the field in an object of kind `gvk`.
///
/// # Errors
/// When the way leads through a text or number, or what `set` says.
pub(super) fn visit(
    object: &mut Value,
    gvk: &Gvk,
    spec: &FieldSpec,
    missing: Missing,
    set: &mut dyn FnMut(&mut Value) -> Result<(), String>,
) -> Result<(), String> {
    if !gvk.is_selected(&spec.gvk) {
        return Ok(());
    }
    let missing = if spec.create { missing } else { Missing::Skip };
    let path = split(&spec.path);
    descend(object, &path, missing, set).map_err(|why| format!("at path '{}': {why}", spec.path))
}

fn descend(
    value: &mut Value,
    path: &[String],
    missing: Missing,
    set: &mut dyn FnMut(&mut Value) -> Result<(), String>,
) -> Result<(), String> {
    let Some((step, rest)) = path.split_first() else { return set(value) };
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| descend(item, path, missing, set)),
        Value::Object(entries) => {
            let (name, listed) = step.strip_suffix("[]").map_or((step.as_str(), false), |name| (name, true));
            let create = missing != Missing::Skip && !listed;
            if entries.get(name).is_none_or(is_null) {
                if !create {
                    return Ok(());
                }
                let made = match missing {
                    Missing::Scalar if rest.is_empty() => Value::String(String::new()),
                    _ => Value::Object(Map::new()),
                };
                entries.insert(name.to_owned(), made);
            }
            entries.get_mut(name).map_or(Ok(()), |field| descend(field, rest, missing, set))
        }
        nothing if is_null(nothing) => Ok(()),
        _ => Err("expected sequence or mapping node".to_owned()),
    }
}

/// The names of a path.
fn split(path: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in path.split('/') {
        match names.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('/');
                last.push_str(part);
            }
            _ => names.push(part.to_owned()),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_found_in_every_item_and_made_where_they_may_be() {
        let mut object = json!({"spec": {"a": [{"b": 1}, {"c": 2}], "d": null}});
        let mut set = |path: &str, missing| {
            let spec = FieldSpec { gvk: Gvk::default(), path: path.to_owned(), create: true };
            visit(&mut object, &Gvk::default(), &spec, missing, &mut |value| {
                *value = json!("x");
                Ok(())
            })
        };
        set("spec/a/b", Missing::Skip).unwrap();
        set("spec/d/e", Missing::Scalar).unwrap();
        set("spec/f[]/g", Missing::Scalar).unwrap();
        set("spec/h\\/i", Missing::Scalar).unwrap();
        assert!(set("spec/a/c/d", Missing::Skip).is_err());
        assert_eq!(object, json!({"spec": {"a": [{"b": "x"}, {"c": 2}], "d": {"e": "x"}, "h/i": "x"}}));
    }
}
