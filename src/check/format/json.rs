//! For a program: one JSON document.

use serde_json::{Value, json};

use super::slashed;
use crate::check::{Report, Severity};

/// The report as JSON, with a newline behind it. Lines and columns count from 1, columns in characters; the end is behind the last character.
pub fn write(report: &Report) -> String {
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "code": finding.code.id(),
                "severity": finding.severity,
                "path": slashed(&finding.path),
                "line": finding.span.line,
                "column": finding.span.column,
                "endLine": finding.end.line,
                "endColumn": finding.end.column,
                "message": finding.message,
                "help": finding.help,
                "fixable": !finding.fix.is_empty(),
            })
        })
        .collect();
    let document = json!({
        "pages": report.pages,
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "notes": report.count(Severity::Note),
        "findings": findings,
    });
    format!("{document:#}\n")
}
