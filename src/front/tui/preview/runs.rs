//! What steps did the last time that they ran, and the time before.

use std::collections::{BTreeMap, BTreeSet};

use crate::compare::{Bindings, Case, Comparison, Known, Outcome, compare};
use crate::lesson::StepId;
use crate::session::machine::Matching;
use crate::session::{CommandReport, StepReport, Verdict};

/// What one step did, twice.
#[derive(Debug, Clone)]
struct Ran {
    now: StepReport,
    /// What differs from the time before; none if there was no time before.
    changes: Option<Vec<Change>>,
}

/// A difference between two runs of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another verdict.
    Verdict {
        /// The last time.
        before: Verdict,
        /// This time.
        now: Verdict,
    },
    /// A command that ran only one of the times.
    Command {
        /// The command.
        command: String,
        /// Whether it ran this time.
        now: bool,
    },
    /// Another exit status.
    Status {
        /// The command.
        command: String,
        /// The last time.
        before: i32,
        /// This time.
        now: i32,
    },
    /// Another output, in more than what differs every time. What was printed the last time stands where an expected output
    /// does.
    Output(Box<CommandReport>),
}

/// What steps did.
#[derive(Debug, Default)]
pub struct Runs(BTreeMap<StepId, Ran>);

impl Runs {
    /// Takes what a step did; answers whether it differs from the last time.
    pub fn take(&mut self, id: StepId, report: &StepReport) -> bool {
        let changes = self.0.get(&id).map(|ran| changes(&ran.now, report));
        let differs = changes.as_ref().is_some_and(|changes| !changes.is_empty());
        self.0.insert(id, Ran { now: report.clone(), changes });
        differs
    }

    /// Whether a step did something else than the last time.
    pub fn differs(&self, id: StepId) -> bool {
        !self.changes(id).is_empty()
    }

    /// Whether a step ran at least twice.
    pub fn ran_twice(&self, id: StepId) -> bool {
        self.0.get(&id).is_some_and(|ran| ran.changes.is_some())
    }

    /// What a step did otherwise than the last time.
    pub fn changes(&self, id: StepId) -> &[Change] {
        self.0.get(&id).and_then(|ran| ran.changes.as_deref()).unwrap_or_default()
    }

    /// The steps have other names.
    pub fn rename(&mut self, matching: &Matching) {
        let before = std::mem::take(&mut self.0);
        self.0 = before.into_iter().filter_map(|(id, ran)| Some((matching.step(id)?, ran))).collect();
    }
}

fn changes(before: &StepReport, now: &StepReport) -> Vec<Change> {
    let mut found = Vec::new();
    if before.verdict != now.verdict {
        found.push(Change::Verdict { before: before.verdict, now: now.verdict });
    }
    // Commands are known by their text; one that was edited by its place.
    let mut left: BTreeSet<usize> = (0..before.commands.len()).collect();
    let mut pairs: Vec<Option<usize>> = now
        .commands
        .iter()
        .map(|command| {
            let same = left.iter().copied().find(|at| before.commands[*at].command == command.command)?;
            left.remove(&same);
            Some(same)
        })
        .collect();
    for (place, pair) in pairs.iter_mut().enumerate().filter(|(_, pair)| pair.is_none()) {
        *pair = left.take(&place);
    }
    for (command, pair) in now.commands.iter().zip(&pairs) {
        let text = command.command.clone();
        let Some(last) = pair.and_then(|at| before.commands.get(at)) else {
            found.push(Change::Command { command: text, now: true });
            continue;
        };
        if last.exit_status != command.exit_status {
            found.push(Change::Status { command: text, before: last.exit_status, now: command.exit_status });
        }
        if let Some(comparison) = differs(last, command) {
            let expected = Some(printed(last));
            found.push(Change::Output(Box::new(CommandReport { expected, comparison, ..command.clone() })));
        }
    }
    let gone = left.into_iter().map(|at| Change::Command { command: before.commands[at].command.clone(), now: false });
    found.extend(gone);
    found
}

fn printed(report: &CommandReport) -> String {
    format!("{}{}", report.stdout, report.stderr)
}

/// How two outputs differ, in more than ages, ids, generated names and the like.
fn differs(before: &CommandReport, now: &CommandReport) -> Option<Comparison> {
    let (last, this) = (printed(before), printed(now));
    if last.trim().is_empty() || this.trim().is_empty() {
        let both = last.trim().is_empty() && this.trim().is_empty();
        return (!both).then(Comparison::unchecked);
    }
    let case = Case { command: &now.command, expected: &last, actual: &this, exit_status: now.exit_status };
    let (comparison, _) = compare(&case, &Known::default(), &Bindings::default());
    (comparison.verdict == Outcome::Mismatch).then_some(comparison)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: StepId = StepId { lesson: 0, step: 0 };

    fn report(commands: &[(&str, i32, &str)]) -> StepReport {
        let command = |(command, exit_status, stdout): &(&str, i32, &str)| CommandReport {
            command: (*command).into(),
            exit_status: *exit_status,
            stdout: (*stdout).into(),
            stderr: String::new(),
            expected: None,
            comparison: Comparison::unchecked(),
            calls: Vec::new(),
        };
        let verdict = if commands.iter().any(|command| command.1 != 0) { Verdict::Failed } else { Verdict::Passed };
        let commands = commands.iter().map(command).collect();
        StepReport { line: 1, verdict, cause: None, commands, hooks: Vec::new(), wait_s: 0, ms: 1, advice: None }
    }

    #[test]
    fn the_first_run_is_compared_with_nothing() {
        let mut runs = Runs::default();
        assert!(!runs.take(ID, &report(&[("echo a", 0, "a\n")])));
        assert!(!runs.ran_twice(ID));
        assert!(!runs.take(ID, &report(&[("echo a", 0, "a\n")])));
        assert!(runs.ran_twice(ID) && !runs.differs(ID));
    }

    #[test]
    fn ages_and_generated_names_are_no_difference() {
        let pods = |name: &str, status: &str, age: &str| {
            format!(
                "NAME                   READY   STATUS    RESTARTS   AGE\n{name}   1/1     {status}   0          {age}\n"
            )
        };
        let command = "kubectl get pod -n web";
        let mut runs = Runs::default();
        runs.take(ID, &report(&[(command, 0, &pods("web-6d4b75cb6d-x7k2p", "Running", "2m"))]));
        assert!(!runs.take(ID, &report(&[(command, 0, &pods("web-6d4b75cb6d-q9z4m", "Running", "9m"))])));
        assert!(runs.take(ID, &report(&[(command, 0, &pods("web-6d4b75cb6d-q9z4m", "Pending", "9m"))])));
        let [Change::Output(change)] = runs.changes(ID) else { panic!("{:?}", runs.changes(ID)) };
        assert!(change.expected.as_deref().is_some_and(|last| last.contains("Running")));
        assert!(change.stdout.contains("Pending"));
    }

    #[test]
    fn what_ran_once_only_and_how_it_ended_are_differences() {
        let mut runs = Runs::default();
        runs.take(ID, &report(&[("one", 0, ""), ("two", 0, "x\n")]));
        assert!(runs.take(ID, &report(&[("one", 1, "")])));
        let command = |name: &str| name.to_owned();
        assert_eq!(
            runs.changes(ID),
            [
                Change::Verdict { before: Verdict::Passed, now: Verdict::Failed },
                Change::Status { command: command("one"), before: 0, now: 1 },
                Change::Command { command: command("two"), now: false },
            ]
        );
        // A command that was edited is compared with what stood in its place.
        assert!(runs.take(ID, &report(&[("uno", 1, "y\n")])));
        assert!(matches!(runs.changes(ID), [Change::Output(change)] if change.command == "uno"));
    }
}
