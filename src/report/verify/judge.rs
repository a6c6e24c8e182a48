//! From what was claimed and found to findings: what a later step has changed is not missing, and what follows from something
//! missing is told as that.

use jiff::{SignedDuration, Timestamp};

use super::{Check, Finding, Looked, VerifiedStep, matches};
use crate::lesson::{Course, StepId};
use crate::session::{Cause, CommandReport, StepReport};
use crate::target::{Claim, Claimed, Field, Subject};

/// How far clocks of an account, a cluster and a learner's machine may differ.
const CLOCKS: SignedDuration = SignedDuration::from_secs(30);

/// The exit status of the shell for a command that it has not.
const NO_SUCH_COMMAND: i32 = 127;

/// Judges each step.
pub(super) fn judge(course: &Course, looked: &[Looked], claims: &[Claim]) -> Vec<(StepId, VerifiedStep)> {
    let judge = Judge { course, claims };
    let mut missing: Vec<usize> = Vec::new();
    let mut steps = Vec::new();
    for Looked { id, report } in looked {
        let mut checks = Vec::new();
        for (number, command) in report.commands.iter().enumerate() {
            let at = [id.lesson, id.step, number];
            let own: Vec<usize> = (0..claims.len()).filter(|claim| claims[*claim].at == at).collect();
            for claim in &own {
                let check = judge.claim(*claim, &mut missing);
                if !checks.contains(&check) && !matches!(claims[*claim].state, Claimed::BeginAnew) {
                    checks.push(check);
                }
            }
            let told = own.iter().any(|claim| claims[*claim].holds() == Some(false) || not_told(&claims[*claim]));
            let beginning = own.iter().any(|claim| matches!(claims[*claim].state, Claimed::BeginAnew));
            if !beginning && (own.is_empty() || (!told && command.exit_status != 0)) {
                checks.push(judge.command(*id, report, command, !own.is_empty(), &missing));
            }
        }
        let command = report.commands.first().map_or("", |command| command.command.as_str()).to_owned();
        steps.push((*id, VerifiedStep { line: report.line, command, finding: together(&checks), checks }));
    }
    steps
}

/// What was found of a step as a whole.
fn together(checks: &[Check]) -> Finding {
    let of = |wanted: fn(&&Finding) -> bool| checks.iter().map(|check| &check.finding).find(wanted).cloned();
    of(|finding| **finding == Finding::Missing)
        .or_else(|| of(|finding| matches!(finding, Finding::Follows { .. })))
        .or_else(|| of(|finding| **finding == Finding::Present))
        .or_else(|| of(|finding| matches!(finding, Finding::Superseded { .. })))
        .unwrap_or(Finding::Unclear)
}

fn not_told(claim: &Claim) -> bool {
    matches!(claim.state, Claimed::NotTell { .. })
}

struct Judge<'a> {
    course: &'a Course,
    claims: &'a [Claim],
}

impl Judge<'_> {
    /// Page and line of what ran.
    fn place(&self, at: [usize; 3]) -> (String, usize) {
        let line = self.course.step(StepId { lesson: at[0], step: at[1] }).map_or(0, |step| step.span.line);
        let path = self.course.lessons.get(at[0]).map_or_else(String::new, |lesson| lesson.path.display().to_string());
        (path, line)
    }

    fn superseded_by(&self, later: &Claim) -> Finding {
        let (path, line) = self.place(later.at);
        Finding::Superseded { path, line }
    }

    fn follows(&self, earlier: usize) -> Finding {
        let (path, line) = self.place(self.claims[earlier].at);
        Finding::Follows { path, line }
    }

    /// Judges a claim. `missing` are the claims so far that nothing excuses.
    fn claim(&self, number: usize, missing: &mut Vec<usize>) -> Check {
        let claim = &self.claims[number];
        let check = |finding, found: String| Check {
            looked_at: claim.subject.to_string(),
            command: claim.command.clone(),
            finding,
            found,
        };
        let late = self.too_early(number);
        match (claim.holds(), late) {
            (None, _) => check(Finding::Unclear, words(&claim.state)),
            (Some(true), None) => check(Finding::Present, words(&claim.state)),
            (holds, late) => {
                let found = late.filter(|_| holds == Some(true)).unwrap_or_else(|| words(&claim.state));
                if let Some(later) = self.superseded(number) {
                    return check(self.superseded_by(later), found);
                }
                let same_thing = |earlier: &&usize| {
                    let earlier = &self.claims[**earlier];
                    earlier.subject == claim.subject
                        && is_there(earlier) == Some(false)
                        && is_there(claim) == Some(false)
                };
                if let Some(earlier) = missing.iter().find(same_thing) {
                    return check(self.follows(*earlier), found);
                }
                missing.push(number);
                check(Finding::Missing, found)
            }
        }
    }

    /// A restart is for what the steps before it have made: one that was earlier did not see it.
    fn too_early(&self, number: usize) -> Option<String> {
        let claim = &self.claims[number];
        let restarted = |claim: &Claim| match &claim.state {
            Claimed::BePresent { fields, .. } => fields.iter().any(|field| field.path.contains("restartedAt")),
            _ => false,
        };
        if !restarted(claim) {
            return None;
        }
        let at = claim.since?;
        let (made, since): (&Claim, Timestamp) = self.claims[..number]
            .iter()
            .filter(|earlier| earlier.at[0] == claim.at[0] && !restarted(earlier) && earlier.holds() == Some(true))
            .filter_map(|earlier| Some((earlier, earlier.since?)))
            .max_by_key(|(_, since)| *since)?;
        (at + CLOCKS < since).then(|| format!("restarted at {at}, before {} was there ({since})", made.subject))
    }

    /// The later claim that takes the place of this one.
    fn superseded(&self, number: usize) -> Option<&Claim> {
        let claim = &self.claims[number];
        self.claims[number + 1..].iter().find(|later| supersedes(later, claim))
    }

    /// Judges a command that claims nothing, or that failed although what it claims is there.
    fn command(
        &self,
        id: StepId,
        step: &StepReport,
        command: &CommandReport,
        changes: bool,
        missing: &[usize],
    ) -> Check {
        let as_shown = matches(command) && (command.exit_status == 0 || step.cause.is_none());
        let check = |finding, found: &str| Check {
            looked_at: "what the command prints".into(),
            command: command.command.lines().next().unwrap_or_default().to_owned(),
            finding,
            found: found.to_owned(),
        };
        if as_shown && step.cause != Some(Cause::TimeLimit) {
            return check(
                Finding::Present,
                if command.expected.is_some() { "as the page shows" } else { "it ended well" },
            );
        }
        let found = match step.cause {
            Some(Cause::TimeLimit) => "it did not end within its time".to_owned(),
            _ if command.exit_status != 0 => {
                let words = command.stderr.lines().next_back().unwrap_or_default();
                format!("exit status {}: {words}", command.exit_status)
            }
            _ => match command.comparison.rejected.first() {
                Some(rejected) => {
                    format!("{}: {}, expected {}", rejected.place, rejected.actual, rejected.expected)
                }
                None => "not as the page shows".into(),
            },
        };
        if command.exit_status == NO_SUCH_COMMAND {
            return check(Finding::Unclear, &found);
        }
        if let Some(earlier) = missing.first() {
            return check(self.follows(*earlier), &found);
        }
        let behind = |claim: &&Claim| [id.lesson, id.step] < [claim.at[0], claim.at[1]];
        if let Some(later) = self.claims.iter().find(behind).filter(|_| !changes) {
            return check(self.superseded_by(later), &found);
        }
        check(Finding::Missing, &found)
    }
}

fn is_there(claim: &Claim) -> Option<bool> {
    match claim.state {
        Claimed::BePresent { found, .. } | Claimed::BeAbsent { found } => Some(found),
        _ => None,
    }
}

/// Whether what a later claim says makes an earlier one say nothing any more.
fn supersedes(later: &Claim, earlier: &Claim) -> bool {
    if matches!(later.state, Claimed::BeginAnew) {
        return true;
    }
    if !covers(&later.subject, &earlier.subject) {
        return false;
    }
    match (&later.state, &earlier.state) {
        (Claimed::BeAbsent { .. }, Claimed::BePresent { .. }) => true,
        (Claimed::BePresent { .. }, Claimed::BeAbsent { .. }) => later.subject == earlier.subject,
        // An object that is not there is so for both; the first of them tells it.
        (Claimed::BePresent { fields: new, .. }, Claimed::BePresent { found: true, fields: old }) => {
            let again = new.is_empty() && later.command == earlier.command;
            again
                || old.iter().filter(|field| !field.holds).all(|old| new.iter().any(|new| overlap(new, old)))
                    && old.iter().any(|field| !field.holds)
        }
        _ => false,
    }
}

/// Whether what happens to one thing happens to the other: it is the same, or its namespace.
fn covers(subject: &Subject, other: &Subject) -> bool {
    subject == other || (subject.kind == "namespaces" && other.namespace == subject.name && !subject.name.is_empty())
}

fn overlap(a: &Field, b: &Field) -> bool {
    let inside = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    inside(&a.path, &b.path) || inside(&b.path, &a.path)
}

/// What was found, in words.
fn words(state: &Claimed) -> String {
    match state {
        Claimed::BePresent { found: false, .. } => "not there".into(),
        Claimed::BePresent { fields, .. } if fields.len() == 1 && fields[0].path.contains("restartedAt") => {
            match &fields[0].found {
                Some(at) => format!("restarted at {}", at.as_str().unwrap_or_default()),
                None => "never restarted".into(),
            }
        }
        Claimed::BePresent { fields, .. } => {
            let wrong: Vec<String> = fields
                .iter()
                .filter(|field| !field.holds)
                .map(|field| match &field.found {
                    Some(found) => format!("{} is {found}, should be {}", field.path, field.expected),
                    None => format!("{} is not set, should be {}", field.path, field.expected),
                })
                .collect();
            match (wrong.is_empty(), fields.len()) {
                (false, _) => wrong.join("; "),
                (true, 0) => "there".into(),
                (true, 1) => {
                    format!("{} is {}", fields[0].path, fields[0].found.as_ref().unwrap_or(&fields[0].expected))
                }
                (true, number) => format!("there, all {number} fields as they should be"),
            }
        }
        Claimed::BeAbsent { found: true } => "still there".into(),
        Claimed::BeAbsent { found: false } => "not there, as it should be".into(),
        Claimed::BeginAnew => "begins anew".into(),
        Claimed::NotTell { why } => why.clone(),
    }
}
