//! What came of looking whether work is there: each step's checks, and what they found.

mod human;
mod judge;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::compare::Outcome;
use crate::lesson::{Course, StepId};
use crate::session::StepReport;
use crate::target::Claim;

pub use human::human as verify_human;

/// What came of looking at pages. Its JSON is `lectern verify --format json`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VerifyReport {
    /// The pages, in course order.
    pub lessons: Vec<VerifiedLesson>,
    /// How many steps there are of each finding.
    pub summary: VerifySummary,
}

/// How many steps there are of each finding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct VerifySummary {
    /// Pages looked at.
    pub lessons: usize,
    /// Their executed steps.
    pub steps: usize,
    /// What they should have left is there.
    pub present: usize,
    /// It is not.
    pub missing: usize,
    /// Later steps have changed it.
    pub superseded: usize,
    /// It cannot be told.
    pub unclear: usize,
}

/// A page.
#[derive(Debug, Clone, Serialize)]
pub struct VerifiedLesson {
    /// The page that was taken: the grader's.
    pub path: String,
    /// Its title.
    pub title: String,
    /// SHA-256 of the page.
    pub digest: String,
    /// Its executed steps.
    pub steps: Vec<VerifiedStep>,
}

/// A step.
#[derive(Debug, Clone, Serialize)]
pub struct VerifiedStep {
    /// The line of its fence.
    pub line: usize,
    /// Its first command.
    pub command: String,
    /// What was found.
    pub finding: Finding,
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub looked_at: String,
    /// The command that should have made it so.
    pub command: String,
    /// What was found.
    pub finding: Finding,
    /// That in words.
    pub found: String,
}

/// What was found of a step, or of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "verdict")]
pub enum Finding {
    /// As the step should have left it.
    Present,
    /// Not as the step should have left it.
    Missing,
    /// Not as the step left it, and a later step is why.
    Superseded {
        /// The later step's page, as it is reported.
        path: String,
        /// The line of its fence.
        line: usize,
    },
    /// It cannot be told.
    Unclear,
    /// Not as the step left it; it follows from what is missing of an earlier step.
    Follows {
        /// The earlier step's page, as it is reported.
        path: String,
        /// The line of its fence.
        line: usize,
    },
}

/// What a session that only looked told of one step.
#[derive(Debug, Clone)]
pub struct Looked {
    /// Which.
    pub id: StepId,
    /// What came of its commands.
    pub report: StepReport,
}

impl VerifyReport {
    /// Judges what was looked at. `looked` and `claims` are in the order in which the steps ran.
    pub fn of(course: &Course, looked: &[Looked], claims: &[Claim]) -> Self {
        let mut report = Self::default();
        let judged = judge::judge(course, looked, claims);
        for (number, lesson) in course.lessons.iter().enumerate() {
            let steps: Vec<VerifiedStep> =
                judged.iter().filter(|(id, _)| id.lesson == number).map(|(_, step)| step.clone()).collect();
            if !looked.iter().any(|looked| looked.id.lesson == number) {
                continue;
            }
            report.summary.lessons += 1;
            for step in &steps {
                report.summary.steps += 1;
                match step.finding {
                    Finding::Present => report.summary.present += 1,
                    Finding::Missing => report.summary.missing += 1,
                    Finding::Superseded { .. } => report.summary.superseded += 1,
                    Finding::Unclear | Finding::Follows { .. } => report.summary.unclear += 1,
                }
            }
            report.lessons.push(VerifiedLesson {
                path: lesson.path.display().to_string(),
                title: lesson.front_matter.title.clone(),
                digest: lesson.digest.clone(),
                steps,
            });
        }
        report
    }

    /// Adds another report behind this one.
    pub fn append(&mut self, other: Self) {
        self.lessons.extend(other.lessons);
        self.summary.lessons += other.summary.lessons;
        self.summary.steps += other.summary.steps;
        self.summary.present += other.summary.present;
        self.summary.missing += other.summary.missing;
        self.summary.superseded += other.summary.superseded;
        self.summary.unclear += other.summary.unclear;
    }

    /// Whether the work is there: nothing is missing, and something was found.
    pub fn right(&self) -> bool {
        self.summary.missing == 0 && self.summary.present > 0
    }
}

/// Whether a command's output is as the page shows.
fn matches(report: &crate::session::CommandReport) -> bool {
    report.comparison.verdict != Outcome::Mismatch
}
