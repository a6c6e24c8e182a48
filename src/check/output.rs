//! Expected output: whether it is the JSON or YAML that it seems to be, and whether it fits a terminal.

use super::shell::{self, Call};
use super::{Code, Finding, Page};
use crate::lesson::{Command, Expected, Span};

/// Columns of the usual terminal.
const COLUMNS: usize = 80;

pub(super) fn check(page: &Page<'_>, findings: &mut Vec<Finding>) {
    for (command, text, span) in outputs(page) {
        wide(page, text, span, findings);
        // What is not compared, and what is cut on purpose, need not be whole.
        if matches!(command.expected, Expected::Unchecked { .. }) || text.lines().any(is_elision) {
            continue;
        }
        match shape(command, text) {
            Shape::Json => json(page, text, span, findings),
            Shape::Yaml => yaml(page, text, span, findings),
            Shape::Other => {}
        }
    }
}

/// The expected outputs of a page's commands.
pub(super) fn outputs<'p>(page: &'p Page<'_>) -> impl Iterator<Item = (&'p Command, &'p str, Span)> {
    let commands = page.lesson.steps.iter().flat_map(|step| &step.commands);
    commands.filter_map(|command| match &command.expected {
        Expected::None => None,
        Expected::Text { text, span } | Expected::Unchecked { text, span, .. } => Some((command, text.as_str(), *span)),
    })
}

/// Whether a line stands for others that are left out.
fn is_elision(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    line.contains("...") || line.contains('…') || lower.contains("truncated") || lower.contains("omitted")
}

enum Shape {
    Json,
    Yaml,
    Other,
}

fn shape(command: &Command, text: &str) -> Shape {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let script = shell::read(&command.text).unwrap_or_default();
    // What is shown is the output of the last command whose output goes nowhere else; of several, nothing is known.
    let mut shown = script.calls.iter().filter(|call| !call.hidden);
    let last = shown.next().filter(|_| shown.next().is_none());
    let says = |wanted| last.is_some_and(|call| prints(call) == Some(wanted));
    if matches!(first, "{" | "[") || (first.starts_with(['{', '[']) && says("json")) {
        return Shape::Json;
    }
    if says("yaml") && !first.starts_with(['{', '[']) && first.contains(':') {
        return Shape::Yaml;
    }
    Shape::Other
}

/// The format that a command prints, if it says so.
fn prints(call: &Call) -> Option<&'static str> {
    let raw = || call.arguments().any(|word| matches!(word.known(), "-r" | "--raw-output" | "-j" | "-rc" | "-cr"));
    match call.name() {
        "kubectl" if call.arguments().any(|word| word.known() == "kustomize") => Some("yaml"),
        "kubectl" | "aws" | "eksctl" | "helm" | "argocd" => {
            let formats = call.values(&["-o", "--output"]);
            match formats.last().map(|(_, value)| value.as_str()) {
                Some("json") => Some("json"),
                Some("yaml") => Some("yaml"),
                None if call.name() == "aws" => Some("json"),
                _ => None,
            }
        }
        "jq" if !raw() => Some("json"),
        "yq" => Some("yaml"),
        _ => None,
    }
}

fn json(page: &Page<'_>, text: &str, span: Span, findings: &mut Vec<Finding>) {
    let start = text.len() - text.trim_start().len();
    let documents = serde_json::Deserializer::from_str(&text[start..]).into_iter::<serde::de::IgnoredAny>();
    let Some(error) = documents.filter_map(Result::err).next() else { return };
    let at = start + offset(&text[start..], error.line(), error.column());
    let at = text.floor_char_boundary(at.min(text.len().saturating_sub(1)));
    let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    let message = if error.is_eof() {
        "this JSON ends before it is complete".to_owned()
    } else {
        let said = error.to_string();
        format!("this is not JSON: {}", said.split(" at line ").next().unwrap_or_default())
    };
    findings.push(page.finding(
        Code::NotJson,
        page.in_output(span, text, at..end),
        message,
        "record the output again, or correct it; what is left out is marked by a line `...`",
    ));
}

/// The byte of a line and column, both from 1 (serde_json counts columns in bytes).
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    start + column.saturating_sub(1)
}

fn yaml(page: &Page<'_>, text: &str, span: Span, findings: &mut Vec<Finding>) {
    let Err(error) = serde_saphyr::from_multiple::<serde_json::Value>(text) else { return };
    let error = error.without_snippet();
    let line = error.location().map_or(1, |at| at.line() as usize);
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let start = start.min(text.len());
    let end = start + text[start..].lines().next().map_or(0, str::len);
    let said = error.to_string();
    let said = said.lines().next().unwrap_or_default().split(" at line ").next().unwrap_or_default().to_owned();
    findings.push(page.finding(
        Code::NotYaml,
        page.in_output(span, text, start..end),
        format!("this is not YAML: {said}"),
        "record the output again, or correct its indentation",
    ));
}

fn wide(page: &Page<'_>, text: &str, span: Span, findings: &mut Vec<Finding>) {
    let mut wide: Vec<(usize, usize, &str)> = Vec::new();
    let mut at = 0;
    for line in text.split('\n') {
        let columns = unicode_width::UnicodeWidthStr::width(line.trim_end());
        if columns > COLUMNS {
            wide.push((at, columns, line.trim_end()));
        }
        at += line.len() + 1;
    }
    let Some(&(at, _, line)) = wide.first() else { return };
    let longest = wide.iter().map(|(_, columns, _)| *columns).max().unwrap_or_default();
    let message = match wide.len() {
        1 => format!("this line of expected output has {longest} columns"),
        count => {
            format!("{count} lines of this expected output have more than {COLUMNS} columns, the longest {longest}")
        }
    };
    findings.push(page.finding(
        Code::WideOutput,
        page.in_output(span, text, at..at + line.len()),
        message,
        "ask for less, with `-o custom-columns` or `--query`, unless the whole is the point",
    ));
}

#[cfg(test)]
mod tests {
    use super::is_elision;

    #[test]
    fn elisions() {
        for line in ["...", "  [...]", "# ...", "<...>", "\"a\": ...,", "…", "... more", "[ truncated ]"] {
            assert!(is_elision(line), "{line}");
        }
        for line in ["", "{", "\"a\": 1", "a. b", "}"] {
            assert!(!is_elision(line), "{line}");
        }
    }
}
