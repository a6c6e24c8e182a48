//! The text of a description: lines with tabs, laid out in columns.

use jiff::Timestamp;
use serde_json::Value;

use crate::tools::kubectl::print::columns::Columns;
use crate::tools::kubectl::print::table::escape;

/// How long an annotation's line may be.
const ANNOTATION_WIDTH: usize = 140;

/// A description that grows.
pub struct Writer {
    columns: Columns,
    done: String,
    /// The session's time, for ages.
    pub now: Timestamp,
}

impl Writer {
    /// An empty description, written at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { columns: Columns::description(), done: String::new(), now }
    }

    /// Adds a line at an indentation of two spaces a level.
    pub fn line(&mut self, level: usize, text: impl AsRef<str>) {
        self.part("  ".repeat(level));
        self.part(text);
        self.part("\n");
    }

    /// Adds a piece of a line.
    pub fn part(&mut self, text: impl AsRef<str>) {
        self.columns.write(&escape(text.as_ref()));
    }

    /// Lays out what there is; columns begin anew.
    pub fn flush(&mut self) {
        let text = self.columns.flush();
        self.done.push_str(&text);
    }

    /// The whole text.
    pub fn finish(mut self) -> String {
        self.flush();
        self.done
    }

    /// The text as it is before columns are laid out, as `rollout history --revision` prints it.
    pub fn raw(mut self) -> String {
        self.columns.take()
    }

    /// Labels, one a line.
    pub fn labels(&mut self, title: &str, labels: &Value) {
        self.labels_indented("", title, labels);
    }

    /// Labels, one a line, all of them behind an indentation.
    pub fn labels_indented(&mut self, indent: &str, title: &str, labels: &Value) {
        let mut pairs: Vec<String> = entries(labels)
            .into_iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect();
        if pairs.is_empty() {
            pairs.push("<none>".into());
        }
        self.column(&format!("{indent}{title}:\t"), &format!("{indent}\t"), &pairs);
    }

    /// Annotations, one a line, long ones below their key.
    pub fn annotations(&mut self, title: &str, annotations: &Value) {
        let mut lines = Vec::new();
        for (key, value) in entries(annotations) {
            if key == "kubectl.kubernetes.io/last-applied-configuration" {
                continue;
            }
            let value = value.as_str().unwrap_or_default();
            let value = value.strip_suffix('\n').unwrap_or(value);
            if value.len() + key.len() + 2 > ANNOTATION_WIDTH || value.contains('\n') {
                lines.push(format!("{key}:"));
                for line in value.split('\n') {
                    lines.push(format!("  {}", shorten(line, ANNOTATION_WIDTH - 2)));
                }
            } else {
                lines.push(format!("{key}: {value}"));
            }
        }
        if lines.is_empty() {
            lines.push("<none>".into());
        }
        self.column(&format!("{title}:\t"), "\t", &lines);
    }

    /// Lines below each other behind a title.
    pub fn column(&mut self, first: &str, next: &str, lines: &[String]) {
        for (at, line) in lines.iter().enumerate() {
            self.part(if at == 0 { first } else { next });
            self.part(line);
            self.part("\n");
        }
    }

    /// The table of conditions that tell when they were last looked at: the time's title and its field.
    pub fn conditions(&mut self, conditions: &Value, title: &str, field: &str) {
        if items(conditions).next().is_none() {
            return;
        }
        self.line(0, "Conditions:");
        self.line(1, format!("Type\tStatus\t{title}\tLastTransitionTime\tReason\tMessage"));
        self.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
        for condition in items(conditions) {
            let part = |key: &str| text(&condition[key]);
            self.line(
                1,
                format!(
                    "{} \t{} \t{} \t{} \t{} \t{}",
                    part("type"),
                    part("status"),
                    date(&condition[field]),
                    date(&condition["lastTransitionTime"]),
                    part("reason"),
                    part("message")
                ),
            );
        }
    }
}

fn shorten(text: &str, width: usize) -> String {
    if text.len() <= width {
        return text.to_owned();
    }
    let mut end = width;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}

/// The members of an object by their sorted keys.
pub fn entries(value: &Value) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = value.as_object().into_iter().flatten().collect();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    entries
}

/// The members of a list; none for anything else.
pub fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A text; empty for anything else.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A text, `<none>` for an empty one.
pub fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

/// A number; 0 for anything else.
pub fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// A number or text, as kubectl's `intstr` prints it.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// `True` or `False`.
pub fn truth(value: &Value) -> &'static str {
    if value == true { "True" } else { "False" }
}

/// A point in time as RFC 1123 has it, with its zone: `Mon, 23 Nov 2026 20:14:39 +0000`.
pub fn date(value: &Value) -> String {
    match value.as_str().and_then(|text| text.parse::<Timestamp>().ok()) {
        Some(time) => jiff::fmt::strtime::format("%a, %d %b %Y %H:%M:%S +0000", time).unwrap_or_default(),
        None => "Mon, 01 Jan 0001 00:00:00 +0000".into(),
    }
}
