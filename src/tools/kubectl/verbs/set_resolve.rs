//! `kubectl set env --list --resolve`: the value behind a variable's reference.

use serde_json::Value;

use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::quantity;
use crate::tools::kubectl::resources::Object;
use crate::tools::kubectl::session::Session;

/// The value that a variable of a container of `object` refers to.
///
/// # Errors
/// When it refers to something that is not there, or that only the kubelet knows.
pub async fn value_of(
    session: &Session,
    object: &Object,
    container: &Value,
    source: &Value,
) -> Result<String, Failure> {
    if source["secretKeyRef"].is_object() {
        return entry(session, object, &source["secretKeyRef"], true).await;
    }
    if source["configMapKeyRef"].is_object() {
        return entry(session, object, &source["configMapKeyRef"], false).await;
    }
    if let Some(path) = source["fieldRef"]["fieldPath"].as_str() {
        return field(&object.value["metadata"], path);
    }
    if source["resourceFieldRef"].is_object() {
        return resource(container, &source["resourceFieldRef"]);
    }
    Err(Failure::message("unknown type of environment variable source"))
}

/// The entry of a ConfigMap or a Secret.
async fn entry(session: &Session, object: &Object, wanted: &Value, secret: bool) -> Result<String, Failure> {
    let (name, key) = (text(&wanted["name"]), text(&wanted["key"]));
    let mapping = session.mapping(if secret { "secrets" } else { "configmaps" }).await?;
    let found = session.api().await?.value(&Call::get(mapping.path(&object.namespace, name, ""))).await?;
    let Some(value) = found["data"][key].as_str() else {
        let noun = if secret { "secret" } else { "config map" };
        return Err(Failure::message(format!("key {key} not found in {noun} {name}")));
    };
    if !secret {
        return Ok(value.to_owned());
    }
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(value);
    let bytes = bytes.map_err(|error| Failure::message(format!("key {key} of secret {name}: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A field of the object's metadata; kubectl knows no others.
fn field(metadata: &Value, path: &str) -> Result<String, Failure> {
    let unsupported = || Failure::message(format!("unsupported fieldPath: {path}"));
    let path = path.strip_prefix("metadata.").ok_or_else(unsupported)?;
    if let Some((map @ ("labels" | "annotations"), key)) = path.split_once('[') {
        let key = key.strip_suffix(']').ok_or_else(unsupported)?.trim_matches(['\'', '"']);
        return Ok(text(&metadata[map][key]).to_owned());
    }
    match path {
        "labels" | "annotations" => {
            let mut lines: Vec<String> = metadata[path]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, value)| format!("{key}={}", quote(text(value))))
                .collect();
            lines.sort();
            Ok(lines.join("\n"))
        }
        "name" | "namespace" | "uid" => Ok(text(&metadata[path]).to_owned()),
        _ => Err(unsupported()),
    }
}

/// A limit or request of the container itself, in units of the divisor, rounded up.
fn resource(container: &Value, wanted: &Value) -> Result<String, Failure> {
    let name = text(&wanted["resource"]);
    let unsupported = || Failure::message(format!("unsupported container resource : {name}"));
    let (part, kind) = name.split_once('.').ok_or_else(unsupported)?;
    if !matches!(part, "limits" | "requests") || !matches!(kind, "cpu" | "memory" | "ephemeral-storage") {
        return Err(unsupported());
    }
    let amount = quantity::parse(text(&container["resources"][part][kind])).unwrap_or(0.0);
    let divisor = match text(&wanted["divisor"]) {
        "" | "0" => 1.0,
        divisor => quantity::parse(divisor).unwrap_or(1.0),
    };
    Ok(format!("{:.0}", (amount / divisor - 1e-9).ceil().max(0.0)))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_and_resources() {
        let metadata = json!({"name": "web", "labels": {"b": "2", "a": "1"}});
        assert_eq!(field(&metadata, "metadata.name").unwrap(), "web");
        assert_eq!(field(&metadata, "metadata.labels").unwrap(), "a=\"1\"\nb=\"2\"");
        assert_eq!(field(&metadata, "metadata.labels['b']").unwrap(), "2");
        assert!(field(&metadata, "status.podIP").is_err());
        let container = json!({"resources": {"limits": {"cpu": "500m", "memory": "64Mi"}}});
        let of = |resource: &str, divisor: &str| {
            super::resource(&container, &json!({"resource": resource, "divisor": divisor})).unwrap()
        };
        assert_eq!(of("limits.cpu", "0"), "1");
        assert_eq!(of("limits.memory", "1Mi"), "64");
        assert_eq!(of("limits.cpu", "1m"), "500");
    }
}
