//! A grading for people: a line a step as it goes, and what went wrong in full.

use std::collections::HashMap;
use std::fmt::Write;

use super::GradeReport;
use crate::compare::Outcome;
use crate::session::{Advice, Cause, CommandReport, StepReport, Verdict, first_line, plain};

/// One step in one line: sign, page line, first command, how long it took.
pub fn step_line(report: &StepReport, command: &str) -> String {
    let sign = match report.verdict {
        Verdict::Passed => "ok    ",
        Verdict::Failed => "FAILED",
        Verdict::Skipped => "skip  ",
    };
    let mut line = format!("  {sign} line {:<4} {}", report.line, first_line(command));
    if report.verdict != Verdict::Skipped {
        let _ = write!(line, "  ({:.1} s", report.ms as f64 / 1000.0);
        if report.wait_s > 0 {
            let _ = write!(line, " and {} s wait", report.wait_s);
        }
        line.push(')');
    }
    if let Some(cause) = report.cause {
        let _ = write!(line, ": {}", words(cause));
    }
    line
}

/// The whole report.
pub fn human(report: &GradeReport) -> String {
    let mut out = String::new();
    for lesson in &report.lessons {
        let _ = writeln!(out, "{} ({})\n  sha256 {}", one_line(&lesson.title), one_line(&lesson.path), lesson.digest);
        for step in &lesson.steps {
            let command = step.commands.first().map_or("", |command| command.command.as_str());
            let _ = writeln!(out, "{}", step_line(step, command));
            if step.verdict == Verdict::Failed {
                failure(step, &mut out);
            }
        }
    }
    let summary = report.summary;
    let _ = writeln!(
        out,
        "{}, {}: {} passed, {} failed, {} skipped",
        count(summary.lessons, "lesson"),
        count(summary.steps, "step"),
        summary.passed,
        summary.failed,
        summary.skipped
    );
    out
}

/// A number of things.
pub(super) fn count(number: usize, of: &str) -> String {
    if number == 1 { format!("1 {of}") } else { format!("{number} {of}s") }
}

/// What went wrong in a step, in full.
pub fn failure(step: &StepReport, out: &mut String) {
    if let Some(advice) = &step.advice {
        let _ = writeln!(out, "      {}", one_line(&advice.why));
    }
    for command in &step.commands {
        match command.comparison.verdict {
            Outcome::Mismatch => {
                let _ = writeln!(out, "      $ {}", indent(&command.command));
                if step.advice.is_some() && is_told_by_its_cause(step) {
                    continue;
                }
                for rejected in &command.comparison.rejected {
                    let (place, reason) = (plain(rejected.place.as_bytes()), plain(rejected.reason.as_bytes()));
                    let _ = writeln!(out, "      at {place}: {reason}");
                    let _ = writeln!(out, "        expected: {}", indent(&rejected.expected));
                    let _ = writeln!(out, "        actual:   {}", indent(&rejected.actual));
                }
            }
            _ if matches!(step.cause, Some(Cause::ExitStatus | Cause::Fault)) => {
                exit_status(command, step.advice.as_ref(), out);
            }
            _ => {}
        }
    }
    for hook in step.hooks.iter().filter(|hook| hook.exit_status != 0) {
        if is_told(&hook.output, step.advice.as_ref()) {
            continue;
        }
        let _ = writeln!(
            out,
            "      hook {} {} ended with {}:",
            one_line(&hook.name),
            hook.phase.as_str(),
            hook.exit_status
        );
        let _ = writeln!(out, "        {}", indent(&hook.output));
    }
    let Some(advice) = &step.advice else { return };
    for next in &advice.next {
        let _ = writeln!(out, "      {}", one_line(next));
    }
    if !advice.look.is_empty() {
        let _ = writeln!(out, "      to look further:");
    }
    for command in &advice.look {
        let _ = writeln!(out, "        $ {}", one_line(command));
    }
}

/// Whether the sentence of the cause says all that differs.
fn is_told_by_its_cause(step: &StepReport) -> bool {
    let mut rejected = step.commands.iter().flat_map(|command| &command.comparison.rejected);
    let (Some(only), None) = (rejected.next(), rejected.next()) else { return false };
    let is_line = |text: &str| !text.trim_end().contains('\n');
    only.reason.is_empty() && is_line(&only.expected) && is_line(&only.actual)
}

/// Whether all that was printed is one line, which the sentence of the cause quotes.
fn is_told(printed: &str, advice: Option<&Advice>) -> bool {
    let printed = plain(printed.trim().as_bytes());
    let mut lines = printed.lines();
    let Some(first) = lines.next() else { return false };
    lines.all(|line| line == first) && advice.is_some_and(|advice| advice.why.ends_with(first.trim()))
}

fn exit_status(command: &CommandReport, advice: Option<&Advice>, out: &mut String) {
    let _ = writeln!(out, "      $ {}", indent(&command.command));
    if is_told(&[command.stdout.as_str(), &command.stderr].concat(), advice) {
        return;
    }
    let _ = writeln!(out, "      exit status {}", command.exit_status);
    for text in [&command.stdout, &command.stderr] {
        if !text.is_empty() {
            let _ = writeln!(out, "        {}", indent(text));
        }
    }
}

/// A text below its heading; a line that comes again and again is told once, where it came first.
fn indent(text: &str) -> String {
    let text = plain(text.trim_end().as_bytes());
    let mut lines: Vec<(&str, usize)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for line in text.split('\n') {
        match places.get(line).and_then(|place| lines.get_mut(*place)) {
            Some((_, times)) if !line.trim().is_empty() => *times += 1,
            _ => {
                places.insert(line, lines.len());
                lines.push((line, 1));
            }
        }
    }
    let told = lines.into_iter().map(|(line, times)| match times {
        1 => line.to_owned(),
        times => format!("{line}  ({times} times)"),
    });
    told.collect::<Vec<_>>().join("\n        ")
}

/// A text of a page as one line without control sequences.
pub(super) fn one_line(text: &str) -> String {
    plain(text.as_bytes()).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A cause in words.
pub(super) fn words(cause: Cause) -> &'static str {
    match cause {
        Cause::ExitStatus => "exit status",
        Cause::Output => "the output differs",
        Cause::Hook => "a hook failed",
        Cause::TimeLimit => "time limit",
        Cause::Cancelled => "cancelled",
        Cause::Fault => "lectern's own fault",
    }
}
