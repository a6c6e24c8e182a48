//! What was found, for people.

use std::fmt::Write;

use super::{Finding, VerifyReport};
use crate::report::human::{count, one_line};
use crate::session::{first_line, plain};

/// The whole report.
pub fn human(report: &VerifyReport) -> String {
    let mut out = String::new();
    for lesson in &report.lessons {
        let _ = writeln!(out, "{} ({})", one_line(&lesson.title), one_line(&lesson.path));
        let _ = writeln!(out, "  SHA-256 {}", lesson.digest);
        for step in &lesson.steps {
            let _ = writeln!(
                out,
                "  {:<10} line {:<4} {}{}",
                word(&step.finding),
                step.line,
                first_line(&step.command),
                why(&step.finding, &lesson.path)
            );
            for check in &step.checks {
                let sign = match &check.finding {
                    Finding::Present => '+',
                    Finding::Missing => '-',
                    _ => '?',
                };
                let _ = writeln!(
                    out,
                    "      {sign} {}: {}{}",
                    plain(check.looked_at.as_bytes()),
                    plain(check.found.as_bytes()),
                    why(&check.finding, &lesson.path)
                );
            }
        }
    }
    let summary = report.summary;
    let _ = writeln!(
        out,
        "{}, {}: {} present, {} missing, {} superseded, {} unclear",
        count(summary.lessons, "lesson"),
        count(summary.steps, "step"),
        summary.present,
        summary.missing,
        summary.superseded,
        summary.unclear
    );
    if summary.steps > 0 && summary.present == 0 && summary.missing == 0 {
        let _ = writeln!(out, "Nothing could be told of the work: that is not enough.");
    }
    out
}

fn word(finding: &Finding) -> &'static str {
    match finding {
        Finding::Present => "present",
        Finding::Missing => "MISSING",
        Finding::Superseded { .. } => "superseded",
        Finding::Unclear | Finding::Follows { .. } => "unclear",
    }
}

fn why(finding: &Finding, own: &str) -> String {
    let place = |path: &str, line: usize| {
        let other = if path == own { String::new() } else { format!(" of {}", plain(path.as_bytes())) };
        format!("the step in line {line}{other}")
    };
    match finding {
        Finding::Superseded { path, line } => format!(" (changed by {})", place(path, *line)),
        Finding::Follows { path, line } => format!(" (follows from what is missing of {})", place(path, *line)),
        _ => String::new(),
    }
}
