//! Events about an object.

use jiff::Timestamp;
use serde_json::Value;

use super::writer::{Writer, items, text};
use crate::tools::kubectl::age;
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::resources::Object;
use crate::tools::kubectl::session::Session;

/// Asks for the events about an object; null when they are not wanted or cannot be had.
///
/// # Errors
/// When nobody reads the output any more.
pub async fn about(session: &Session, object: &Object) -> Result<Value, Failure> {
    if session.options.text("show-events") == "false" {
        return Ok(Value::Null);
    }
    let metadata = &object.value["metadata"];
    // A mirror Pod's events are told of the Pod that it mirrors.
    let uid = metadata["annotations"]["kubernetes.io/config.mirror"].as_str().unwrap_or(text(&metadata["uid"]));
    let mut fields = vec![
        format!("involvedObject.kind={}", object.mapping.kind),
        format!("involvedObject.uid={uid}"),
        format!("involvedObject.name={}", object.name),
    ];
    let namespace = if object.mapping.namespaced {
        fields.push(format!("involvedObject.namespace={}", object.namespace));
        object.namespace.as_str()
    } else {
        ""
    };
    // Nodes tell of themselves by name, not by uid.
    if object.mapping.kind == "Node" {
        fields[1] = format!("involvedObject.uid={}", object.name);
    }
    let path = match namespace {
        "" => "/api/v1/events".to_owned(),
        namespace => format!("/api/v1/namespaces/{namespace}/events"),
    };
    match session.list(&Call::get(path).query("fieldSelector", fields.join(","))).await {
        Ok(list) => Ok(list["items"].clone()),
        Err(Failure::Closed) => Err(Failure::Closed),
        Err(_) => Ok(Value::Null),
    }
}

/// Describes events, the oldest first; nothing for null.
pub fn describe(w: &mut Writer, events: &Value) {
    if events.is_null() {
        return;
    }
    let mut sorted: Vec<&Value> = items(events).collect();
    if sorted.is_empty() {
        w.line(0, "Events:\t<none>");
        return;
    }
    sorted.sort_by_key(|event| text(&event["lastTimestamp"]).to_owned());
    w.flush();
    w.line(0, "Events:");
    w.line(1, "Type\tReason\tAge\tFrom\tMessage");
    w.line(1, "----\t------\t----\t----\t-------");
    for event in sorted {
        let when = interval(event, w.now);
        let from = match text(&event["source"]["component"]) {
            "" => text(&event["reportingComponent"]),
            component => component,
        };
        let line = format!(
            "{}\t{}\t{when}\t{from}\t{}",
            text(&event["type"]),
            text(&event["reason"]),
            text(&event["message"]).trim()
        );
        w.line(1, line);
    }
}

/// How long ago, how often, and since when: `12s (x3 over 2m)`.
pub fn interval(event: &Value, now: Timestamp) -> String {
    let since = |time: &Value| age::since(time.as_str(), now);
    let first = if event["eventTime"].is_null() { since(&event["firstTimestamp"]) } else { since(&event["eventTime"]) };
    let series = &event["series"];
    let count = |value: &Value| value.as_i64().unwrap_or(0);
    if series.is_object() {
        return format!("{} (x{} over {first})", since(&series["lastObservedTime"]), count(&series["count"]));
    }
    match count(&event["count"]) {
        count if count > 1 => format!("{} (x{count} over {first})", since(&event["lastTimestamp"])),
        _ => first,
    }
}
