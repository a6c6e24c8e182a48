//! EKS's add-ons as data: what each puts into a cluster, and which configuration values it knows. The account asks for the latter, the
//! cluster for the former. The files are described in `assets/kubernetes/addons/README.md`.

use std::path::Path;

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{SandboxError, scenario};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/kubernetes/addons");

/// Where a configuration value goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    /// Its path in the configuration: `defaultStorageClass.enabled`.
    value: String,
    /// The object that it changes: `Deployment/coredns`.
    to: Option<String>,
    /// Where in it, a JSON pointer.
    at: Option<String>,
    /// It is a map of variables for the container of this number.
    variables: Option<usize>,
    /// The object that is there only when it is true.
    makes: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    #[serde(default)]
    values: Vec<Setting>,
}

/// What an add-on's texts are filled with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling<'a> {
    /// The add-on's version.
    pub version: &'a str,
    /// The cluster's region.
    pub region: &'a str,
    /// The cluster's name.
    pub cluster: &'a str,
    /// The ARN of the role that the add-on was given; empty when none was.
    pub role: &'a str,
}

/// Where nobody asks what stands there.
const ANY: Filling<'static> = Filling { version: "any", region: "any", cluster: "any", role: "" };

/// An add-on as its file has it.
struct Addon {
    head: Head,
    objects: Vec<Value>,
}

fn read(name: &str, filling: Filling<'_>) -> Result<Addon, SandboxError> {
    let path = format!("{name}.yaml");
    let file = FILES.get_file(&path).and_then(|file| file.contents_utf8());
    let text = file.ok_or_else(|| SandboxError::Setup(format!("nobody knows what add-on {name} is made of")))?;
    let mut text = text.to_owned();
    for (place, value) in [
        ("${version}", filling.version),
        ("${region}", filling.region),
        ("${cluster}", filling.cluster),
        ("${role}", filling.role),
    ] {
        text = text.replace(place, value);
    }
    let (mut head, mut objects) = (Head::default(), Vec::new());
    for manifest in scenario::manifests(Path::new(&path), &text)? {
        let mut object = manifest.object;
        if object.get("kind").is_none() {
            head = serde_json::from_value(object)
                .map_err(|error| scenario::whole(Path::new(&path), &format!("the values: {error}")))?;
            continue;
        }
        if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            annotations.retain(|_, value| value != "");
        }
        objects.push(object);
    }
    Ok(Addon { head, objects })
}

/// The configuration values that an add-on does not know, as `$.node.thing`. The configuration is JSON or YAML.
///
/// # Errors
/// When the configuration cannot be read as a map, or there is no such add-on.
pub(crate) fn unknown_values(name: &str, configuration: &str) -> Result<Vec<String>, SandboxError> {
    let addon = read(name, ANY)?;
    let mut unknown = Vec::new();
    walk(&addon.head.values, "", &Value::Object(configured(configuration)?), &mut |path, _, setting| {
        if setting.is_none() {
            unknown.push(format!("$.{path}"));
        }
    });
    Ok(unknown)
}

/// The objects of an add-on with that configuration, in the order in which they are made.
///
/// # Errors
/// When there is no such add-on, or its configuration cannot be read.
pub(crate) fn objects(name: &str, filling: Filling<'_>, configuration: &str) -> Result<Vec<Value>, SandboxError> {
    let Addon { head, mut objects } = read(name, filling)?;
    let configuration = Value::Object(configured(configuration)?);
    let mut made = Vec::new();
    walk(&head.values, "", &configuration, &mut |_, value, setting| {
        let Some(setting) = setting else { return };
        if let (Some(object), true) = (&setting.makes, value == &Value::Bool(true)) {
            made.push(object.clone());
        }
        if let Some(object) = objects.iter_mut().find(|object| Some(written(object)) == setting.to) {
            set(object, setting, value);
        }
    });
    let optional: Vec<&String> = head.values.iter().filter_map(|setting| setting.makes.as_ref()).collect();
    objects.retain(|object| {
        let name = written(object);
        !optional.contains(&&name) || made.contains(&name)
    });
    Ok(objects)
}

/// All objects that an add-on may have made, whatever its configuration.
///
/// # Errors
/// When there is no such add-on.
pub(crate) fn all_objects(name: &str) -> Result<Vec<Value>, SandboxError> {
    Ok(read(name, ANY)?.objects)
}

fn configured(text: &str) -> Result<Map<String, Value>, SandboxError> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let read: Result<Value, _> = serde_json::from_str(text);
    let value = match read {
        Ok(value) => value,
        Err(_) => serde_saphyr::from_str(text).map_err(|error| SandboxError::Setup(error.to_string()))?,
    };
    match value {
        Value::Object(map) => Ok(map),
        other => Err(SandboxError::Setup(format!("the configuration values are no map: {other}"))),
    }
}

/// Goes through the values, each with the setting that it is for; a map without one is gone into.
fn walk(settings: &[Setting], at: &str, value: &Value, see: &mut dyn FnMut(&str, &Value, Option<&Setting>)) {
    let setting = settings.iter().find(|setting| setting.value == at);
    match value {
        Value::Object(inner) if setting.is_none() => {
            for (key, value) in inner {
                let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                walk(settings, &path, value, see);
            }
        }
        _ => see(at, value, setting),
    }
}

fn written(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

fn set(object: &mut Value, setting: &Setting, value: &Value) {
    if let Some(number) = setting.variables {
        let container = &mut object["spec"]["template"]["spec"]["containers"][number];
        let mut variables = container["env"].as_array().cloned().unwrap_or_default();
        for (name, value) in value.as_object().into_iter().flatten() {
            variables.retain(|variable| variable["name"] != name.as_str());
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            variables.push(json!({"name": name, "value": text}));
        }
        container["env"] = variables.into();
        return;
    }
    let mut place = &mut *object;
    for part in setting.at.iter().flat_map(|at| at.split('/').skip(1)) {
        place = match part.parse::<usize>() {
            Ok(number) if place.is_array() => &mut place[number],
            _ => &mut place[part],
        };
    }
    // What a ConfigMap holds is text.
    let text = setting.at.as_ref().is_some_and(|at| at.starts_with("/data/")) && !value.is_string();
    *place = if text { value.to_string().into() } else { value.clone() };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_add_on_of_the_bundled_accounts_is_known() {
        for name in scenario::Scenario::names() {
            let scenario = scenario::Scenario::bundled(&name).unwrap();
            for addon in scenario.aws.addon_versions.keys() {
                let objects = all_objects(addon).unwrap();
                assert!(!objects.is_empty(), "{addon}");
                // What settings name is there.
                for setting in read(addon, ANY).unwrap().head.values {
                    for named in setting.to.iter().chain(&setting.makes) {
                        assert!(objects.iter().any(|object| written(object) == *named), "{addon}: {named}");
                    }
                }
            }
        }
    }

    #[test]
    fn configuration_values_go_where_they_belong() {
        let filling = Filling { version: "v1", region: "eu-west-1", cluster: "c", role: "" };
        let made = objects("coredns", filling, r#"{"replicaCount": 4}"#).unwrap();
        let deployment = made.iter().find(|object| object["kind"] == "Deployment").unwrap();
        assert_eq!(deployment["spec"]["replicas"], 4);
        assert!(deployment.to_string().contains("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1"));
        let made = objects("vpc-cni", filling, "env:\n  WARM_IP_TARGET: '2'\nenableNetworkPolicy: true\n").unwrap();
        let set = made.iter().find(|object| object["kind"] == "DaemonSet").unwrap();
        let variables = &set["spec"]["template"]["spec"]["containers"][0]["env"];
        assert!(variables.as_array().unwrap().contains(&json!({"name": "WARM_IP_TARGET", "value": "2"})));
        let settings = made.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
        assert_eq!(settings["data"]["enable-network-policy-controller"], "true");
        let has_class = |configuration: &str| {
            let made = objects("aws-ebs-csi-driver", filling, configuration).unwrap();
            made.iter().any(|object| object["kind"] == "StorageClass")
        };
        assert!(has_class(r#"{"defaultStorageClass": {"enabled": true}}"#) && !has_class(""));
        assert_eq!(unknown_values("coredns", r#"{"nosuch": {"a": 1}}"#).unwrap(), ["$.nosuch.a"]);
        assert!(unknown_values("coredns", "[1]").is_err() && all_objects("nosuch").is_err());
    }
}
