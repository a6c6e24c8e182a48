//! What looks like a credential in expected output.

use std::sync::LazyLock;

use regex::Regex;

use super::output::outputs;
use super::{Code, Finding, Page};

struct Pattern {
    what: &'static str,
    regex: Regex,
}

/// What credentials look like; the group `secret` is what must not be shown.
/// Sources: IAM User Guide, "IAM identifiers" (unique id prefixes) and the lengths of its access keys; RFC 7519 and RFC 7468; the documented prefixes of
/// GitHub's and Slack's tokens.
static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    [
        ("an AWS access key id", r"\b(?P<secret>(?:AKIA|ASIA)[A-Z2-7]{16})\b"),
        (
            "an AWS secret access key",
            r#"(?i)secret_?access_?key"?\s*[:=]\s*"?(?P<secret>[A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)"#,
        ),
        ("an AWS session token", r#"(?i)session_?token"?\s*[:=]\s*"?(?P<secret>[A-Za-z0-9/+=]{100,})"#),
        ("a token (JWT)", r"\b(?P<secret>eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,})"),
        ("a private key", r"(?P<secret>-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----)"),
        ("a GitHub token", r"\b(?P<secret>(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,}))"),
        ("a Slack token", r"\b(?P<secret>xox[abprs]-[A-Za-z0-9-]{10,})"),
    ]
    .into_iter()
    .filter_map(|(what, pattern)| Some(Pattern { what, regex: Regex::new(pattern).ok()? }))
    .collect()
});

pub(super) fn check(page: &Page<'_>, findings: &mut Vec<Finding>) {
    for (_, text, span) in outputs(page) {
        for Pattern { what, regex } in PATTERNS.iter() {
            for found in regex.captures_iter(text).filter_map(|captures| captures.name("secret")) {
                if is_made_up(found.as_str()) {
                    continue;
                }
                findings.push(page.finding(
                    Code::Secret,
                    page.in_output(span, text, found.range()),
                    format!("this looks like {what}"),
                    "withdraw it if it was ever real, and write a made-up value that says so",
                ));
            }
        }
    }
}

/// Whether a value says that it is none: AWS's examples do, and so does a run of one character.
fn is_made_up(value: &str) -> bool {
    let upper = value.to_ascii_uppercase();
    let all = value.bytes().skip(4).collect::<std::collections::BTreeSet<_>>();
    upper.contains("EXAMPLE") || upper.contains("XXXX") || all.len() <= 2 && !value.starts_with("-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_patterns_compile() {
        assert_eq!(PATTERNS.len(), 7);
    }

    #[test]
    fn made_up_values_are_no_secrets() {
        assert!(is_made_up("AKIAIOSFODNN7EXAMPLE"));
        assert!(is_made_up("AKIAXXXXXXXXXXXXXXXX"));
        assert!(!is_made_up("AKIAIOSFODNN7QWERTYU"));
        assert!(!is_made_up("-----BEGIN PRIVATE KEY-----"));
    }
}
