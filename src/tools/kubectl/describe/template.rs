//! Pod templates: labels, containers, volumes, where Pods may run.

use serde_json::Value;

use super::container::{containers, tolerations};
use super::volumes::volumes;
use super::writer::{Writer, entries, items, number, text};

/// Describes a template.
pub fn describe(w: &mut Writer, template: &Value) {
    w.line(0, "Pod Template:");
    let (metadata, spec) = (&template["metadata"], &template["spec"]);
    w.labels("  Labels", &metadata["labels"]);
    if !entries(&metadata["annotations"]).is_empty() {
        w.annotations("  Annotations", &metadata["annotations"]);
    }
    if !text(&spec["serviceAccountName"]).is_empty() {
        w.line(1, format!("Service Account:\t{}", text(&spec["serviceAccountName"])));
    }
    if items(&spec["initContainers"]).next().is_some() {
        containers(w, "Init Containers", &spec["initContainers"], &Value::Null, &Value::Null, "  ");
    }
    containers(w, "Containers", &spec["containers"], &Value::Null, &Value::Null, "  ");
    volumes(w, &spec["volumes"], "  ");
    spread(w, &spec["topologySpreadConstraints"], "  ");
    if !text(&spec["priorityClassName"]).is_empty() {
        w.line(1, format!("Priority Class Name:\t{}", text(&spec["priorityClassName"])));
    }
    w.labels_indented("  ", "Node-Selectors", &spec["nodeSelector"]);
    tolerations(w, "  ", "Tolerations", &spec["tolerations"]);
}

/// A template as `rollout history --revision` prints it: with its tabs.
pub fn unaligned(template: &Value) -> String {
    let mut w = Writer::new(jiff::Timestamp::UNIX_EPOCH);
    describe(&mut w, template);
    w.raw()
}

/// How Pods are spread over topologies.
pub fn spread(w: &mut Writer, constraints: &Value, space: &str) {
    let mut sorted: Vec<&Value> = items(constraints).collect();
    if sorted.is_empty() {
        return;
    }
    sorted.sort_by_key(|constraint| text(&constraint["topologyKey"]).to_owned());
    w.part(format!("{space}Topology Spread Constraints:\t"));
    for (at, constraint) in sorted.into_iter().enumerate() {
        if at > 0 {
            w.part(format!("{space}\t"));
        }
        w.part(format!(
            "{}:{} when max skew {} is exceeded",
            text(&constraint["topologyKey"]),
            text(&constraint["whenUnsatisfiable"]),
            number(&constraint["maxSkew"])
        ));
        if constraint["labelSelector"].is_object() {
            w.part(format!(" for selector {}", selector(&constraint["labelSelector"])));
        }
        w.part("\n");
    }
}

/// A label selector on one line.
pub fn selector(value: &Value) -> String {
    let text = crate::tools::kubectl::verbs::selector_text(value);
    if text.is_empty() { "<none>".into() } else { text }
}
