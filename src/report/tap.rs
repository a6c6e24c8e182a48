//! A grading by the Test Anything Protocol, version 14: <https://testanything.org/tap-version-14-specification.html>.

use std::fmt::Write;

use super::GradeReport;
use super::human::{failure, one_line, words};
use crate::session::{Verdict, first_line};

/// The report as TAP: a test point for each step.
pub fn tap(report: &GradeReport) -> String {
    let mut out = String::from("TAP version 14\n");
    let _ = writeln!(out, "1..{}", report.summary.steps);
    let mut number = 0;
    for lesson in &report.lessons {
        let _ = writeln!(out, "# {} ({}) sha256 {}", one_line(&lesson.title), one_line(&lesson.path), lesson.digest);
        for step in &lesson.steps {
            number += 1;
            let command = step.commands.first().map_or("", |command| command.command.as_str());
            let name = escaped(format!("{}:{} {}", one_line(&lesson.path), step.line, first_line(command)).trim_end());
            match step.verdict {
                Verdict::Passed => {
                    let _ = writeln!(out, "ok {number} - {name}");
                }
                Verdict::Skipped => {
                    let _ = writeln!(out, "ok {number} - {name} # SKIP a step before it failed");
                    continue;
                }
                Verdict::Failed => {
                    let _ = writeln!(out, "not ok {number} - {name}");
                }
            }
            let _ = writeln!(out, "  ---\n  duration_ms: {}", step.ms);
            if let Some(cause) = step.cause {
                let mut detail = String::new();
                failure(step, &mut detail);
                let _ = writeln!(out, "  message: \"{}\"\n  detail: |", words(cause));
                for line in detail.lines() {
                    let _ = writeln!(out, "    {line}");
                }
            }
            out.push_str("  ...\n");
        }
    }
    out
}

/// A description in which nothing is a directive.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#")
}
