//! Workflow commands of GitHub Actions, which show as annotations of the files.
//!
//! Source: GitHub Docs, "Workflow commands for GitHub Actions": `::error file={name},line={line},endLine={endLine},title={title}::{message}`.

use super::slashed;
use crate::check::{Report, Severity};

/// The report, a line a finding.
pub fn write(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let command = match finding.severity {
            Severity::Note => "notice",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        // Columns are shown only for one line.
        let columns = if finding.end.line == finding.span.line && finding.end.column > finding.span.column {
            format!(",endColumn={}", finding.end.column)
        } else {
            String::new()
        };
        out += &format!(
            "::{command} file={},line={},endLine={},col={}{columns},title={}::{}\n",
            property(&slashed(&finding.path)),
            finding.span.line,
            finding.end.line.max(finding.span.line),
            finding.span.column,
            property(finding.code.id()),
            data(&format!("{}\n{}", finding.message, finding.help)),
        );
    }
    out
}

/// Escapes a message as the runner reads it back.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property's value.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_value_is_escaped() {
        assert_eq!(data("100%\r\n::"), "100%25%0D%0A::");
        assert_eq!(property("a:b,c"), "a%3Ab%2Cc");
    }
}
