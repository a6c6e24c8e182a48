//! SARIF 2.1.0 (OASIS), which code hosts and editors read.

use serde_json::{Value, json};

use super::slashed;
use crate::check::codes::ALL;
use crate::check::{Finding, Report, Severity};

/// The version's schema, as its standard names it.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The report as SARIF, with a newline behind it.
pub fn write(report: &Report) -> String {
    let rules: Vec<Value> = ALL
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": { "text": rule.what },
                "fullDescription": { "text": format!("{} {}", rule.what, rule.why) },
                "help": { "text": format!("{}\n\nExample:\n\n{}", rule.remedy, rule.example) },
                "defaultConfiguration": { "level": level(rule.severity) },
            })
        })
        .collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "lectern",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": report.findings.iter().map(|finding| result(report, finding)).collect::<Vec<_>>(),
        }],
    });
    format!("{document:#}\n")
}

fn level(severity: Severity) -> &'static str {
    severity.word()
}

fn result(report: &Report, finding: &Finding) -> Value {
    let region = json!({
        "startLine": finding.span.line,
        "startColumn": finding.span.column,
        "endLine": finding.end.line.max(finding.span.line),
        "endColumn": finding.end.column,
    });
    let artifact = json!({ "uri": uri(&slashed(&finding.path)) });
    let mut result = json!({
        "ruleId": finding.code.id(),
        "ruleIndex": finding.code.place(),
        "level": level(finding.severity),
        "message": { "text": format!("{}. {}.", finding.message, finding.help) },
        "locations": [{ "physicalLocation": { "artifactLocation": artifact, "region": region } }],
    });
    let source = report.sources.get(&finding.path);
    if let Some(source) = source.filter(|_| !finding.fix.is_empty()) {
        let index = crate::lesson::LineIndex::new(source);
        let replacements: Vec<Value> = finding
            .fix
            .iter()
            .map(|edit| {
                let (from, to) = (index.span(source, edit.start, edit.start), index.span(source, edit.end, edit.end));
                json!({
                    "deletedRegion": {
                        "startLine": from.line, "startColumn": from.column,
                        "endLine": to.line, "endColumn": to.column,
                    },
                    "insertedContent": { "text": edit.text },
                })
            })
            .collect();
        result["fixes"] = json!([{
            "description": { "text": finding.help },
            "artifactChanges": [{ "artifactLocation": artifact, "replacements": replacements }],
        }]);
    }
    result
}

/// A path as an address (RFC 3986); absolute ones with their scheme.
fn uri(path: &str) -> String {
    let mut out = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn addresses() {
        assert_eq!(uri("a b/ü.md"), "a%20b/%C3%BC.md");
        assert_eq!(uri("/x.md"), "file:///x.md");
    }
}
