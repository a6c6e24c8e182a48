//! What is said of a step, in words.

use crate::compare::{Comparison, Outcome};
use crate::session::{Advice, Cause, CommandReport, StepReport, StepState, TryReport, plain};

/// A number of things.
pub fn count(number: usize, of: &str) -> String {
    if number == 1 { format!("1 {of}") } else { format!("{number} {of}s") }
}

/// Text two columns further in.
pub fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Whether a step goes on.
pub fn is_running(state: Option<&StepState>) -> bool {
    matches!(state, Some(StepState::Hook(_) | StepState::Running(_) | StepState::Settling(_) | StepState::Waiting(_)))
}

/// How the output of a command compares, in a line or more.
pub fn compared(report: &CommandReport) -> String {
    match report.comparison.verdict {
        Outcome::Unchecked => String::new(),
        Outcome::Match if report.comparison.accepted.is_empty() => "The output is what the page shows.\n".to_owned(),
        Outcome::Match => {
            format!("The output matches, with {} accepted.\n", count(report.comparison.accepted.len(), "difference"))
        }
        Outcome::Mismatch => format!("The output is not what the page shows.\n{}", rejected(&report.comparison)),
    }
}

fn rejected(comparison: &Comparison) -> String {
    let mut out = String::new();
    for one in &comparison.rejected {
        let reason = if one.reason.is_empty() { String::new() } else { format!(", {}", one.reason) };
        out.push_str(&format!("At {}{reason}:\n  expected: {}\n  printed: {}\n", one.place, one.expected, one.actual));
    }
    plain(out.as_bytes())
}

/// Why a step failed.
pub fn failed(report: &StepReport) -> String {
    let why = match report.cause {
        Some(Cause::ExitStatus) => {
            let status = report.commands.last().map_or(0, |command| command.exit_status);
            format!("a command ended with status {status}")
        }
        Some(Cause::Output) => "the output is not what the page shows".to_owned(),
        Some(Cause::Hook) => "a hook found something wrong".to_owned(),
        Some(Cause::TimeLimit) => "it took longer than the page allows".to_owned(),
        Some(Cause::Cancelled) => "it was cancelled".to_owned(),
        Some(Cause::Fault) => match &report.advice {
            Some(advice) => advice.why.clone(),
            None => Cause::Fault.words().to_owned(),
        },
        None => "it did not end".to_owned(),
    };
    format!("The step failed: {why}.\n")
}

/// What may be wrong with a step that failed, and what to look at.
pub fn advice(advice: &Advice) -> String {
    let mut out = format!("{}\n", advice.why);
    for next in &advice.next {
        out.push_str(&format!("{next}\n"));
    }
    if !advice.look.is_empty() {
        out.push_str("To look further:\n");
    }
    for command in &advice.look {
        out.push_str(&format!("  try {command}\n"));
    }
    plain(out.as_bytes())
}

/// How a command of the learner's own ended, where that is not as one would think.
pub fn tried(report: &TryReport) -> String {
    match report.cause {
        Some(Cause::TimeLimit) => "The time limit was reached.\n".to_owned(),
        Some(Cause::Fault) => "It did not end: that was lectern's own fault.\n".to_owned(),
        Some(_) => "It was cancelled.\n".to_owned(),
        None if report.exit_status != 0 => format!("Exit status {}.\n", report.exit_status),
        None => String::new(),
    }
}

/// All that a step did.
pub fn details(report: &StepReport) -> String {
    let mut out = format!("Step in line {}: {:.1} seconds.\n", report.line, report.ms as f64 / 1000.0);
    for hook in &report.hooks {
        out.push_str(&format!("Hook {} {}: exit status {}.\n", hook.name, hook.phase.as_str(), hook.exit_status));
        out.push_str(&hook.output);
        if !hook.output.is_empty() && !hook.output.ends_with('\n') {
            out.push('\n');
        }
    }
    for command in &report.commands {
        out.push_str(&format!("$ {}\nExit status {}.\n", command.command, command.exit_status));
        out.push_str(&compared(command));
        for one in &command.comparison.accepted {
            out.push_str(&match (one.actual.as_str(), one.expected.as_str()) {
                (actual, "") => format!("Accepted: {actual}: {}.\n", one.reason),
                ("", expected) => format!("Accepted: no {expected}: {}.\n", one.reason),
                (actual, expected) => format!("Accepted: {actual} in the place of {expected}: {}.\n", one.reason),
            });
        }
        for call in &command.calls {
            out.push_str(&format!(
                "Called {} {}: status {}, {} ms.\n",
                call.service, call.operation, call.status, call.ms
            ));
        }
    }
    plain(out.as_bytes())
}
