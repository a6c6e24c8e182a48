//! Kinds that kubectl has no describer for: their fields, with titles made of the fields' names.

use serde_json::Value;

use super::writer::{Writer, entries, text};
use crate::tools::kubectl::print::object::go_text;

const SHOWN_ABOVE: &[&str] =
    &[".metadata.managedFields", ".metadata.name", ".metadata.namespace", ".metadata.labels", ".metadata.annotations"];

/// Describes an object of any kind up to its events.
pub fn describe(w: &mut Writer, value: &Value) {
    let metadata = &value["metadata"];
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    fields(w, 0, value, "");
}

fn fields(w: &mut Writer, level: usize, value: &Value, path: &str) {
    for (field, value) in entries(value) {
        let path = format!("{path}.{field}");
        if SHOWN_ABOVE.contains(&path.as_str()) {
            continue;
        }
        let title = title(field);
        match value {
            Value::Object(_) => {
                w.line(level, format!("{title}:"));
                fields(w, level + 1, value, &path);
            }
            Value::Array(items) => {
                w.line(level, format!("{title}:"));
                for item in items {
                    match item {
                        Value::Object(_) => fields(w, level + 1, item, &path),
                        item => w.line(level + 1, go_text(item)),
                    }
                }
            }
            value => w.line(level, format!("{title}:\t{}", go_text(value))),
        }
    }
}

/// A title made of a field's name: `apiVersion` is `API Version`.
fn title(field: &str) -> String {
    if field.chars().any(|c| !c.is_alphabetic() && c != '-') {
        return field.to_owned();
    }
    let words = split(field);
    words
        .iter()
        .map(|word| {
            let upper = word.to_uppercase();
            if ["API", "URL", "UID", "OSB", "GUID"].contains(&upper.as_str()) {
                upper
            } else if word.to_lowercase() == *word {
                let mut letters = word.chars();
                letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
            } else {
                word.clone()
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Splits a name at changes of letter case; a run of capitals ends ahead of the capital that begins a word.
fn split(field: &str) -> Vec<String> {
    #[derive(PartialEq, Clone, Copy)]
    enum Class {
        Lower,
        Upper,
        Other,
    }
    let class = |c: char| {
        if c.is_lowercase() {
            Class::Lower
        } else if c.is_uppercase() {
            Class::Upper
        } else {
            Class::Other
        }
    };
    let mut runs: Vec<(Class, String)> = Vec::new();
    for c in field.chars() {
        match runs.last_mut() {
            Some((last, run)) if *last == class(c) => run.push(c),
            _ => runs.push((class(c), c.to_string())),
        }
    }
    for at in 0..runs.len().saturating_sub(1) {
        if runs[at].0 == Class::Upper
            && runs[at + 1].0 == Class::Lower
            && let Some(capital) = runs[at].1.pop()
        {
            runs[at + 1].1.insert(0, capital);
        }
    }
    runs.into_iter().map(|(_, run)| run).filter(|run| !run.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles() {
        for (field, expected) in [
            ("apiVersion", "API Version"),
            ("creationTimestamp", "Creation Timestamp"),
            ("uid", "UID"),
            ("podCIDRs", "Pod CID Rs"),
            ("kubernetes.io/name", "kubernetes.io/name"),
            ("spec", "Spec"),
        ] {
            assert_eq!(title(field), expected);
        }
    }
}
