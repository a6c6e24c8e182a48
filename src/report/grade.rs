//! What came of a grading, as one piece of data.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::lesson::{Course, StepId};
use crate::session::machine::Machine;
use crate::session::{LessonReport, StepReport, StepState, Summary, Verdict};

/// What came of grading pages. Its JSON is `lectern grade --format json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GradeReport {
    /// The pages, in course order.
    pub lessons: Vec<LessonReport>,
    /// Their numbers.
    pub summary: Summary,
}

impl GradeReport {
    /// Adds the pages of a course as a session left them, as far as they were to be graded: `pages` by their number,
    /// and of their executed steps those for which `wanted` is true.
    pub fn add(
        &mut self,
        course: &Course,
        machine: &Machine,
        pages: &BTreeSet<usize>,
        wanted: impl Fn(StepId) -> bool,
    ) {
        for (number, lesson) in course.lessons.iter().enumerate().filter(|(number, _)| pages.contains(number)) {
            let mut steps = Vec::new();
            for step in 0..lesson.steps.len() {
                let id = StepId { lesson: number, step };
                if machine.state(id) == Some(&StepState::NotExecuted) || !wanted(id) {
                    continue;
                }
                steps.push(machine.report(id).cloned().unwrap_or_else(|| skipped(lesson.steps[step].span.line)));
            }
            let count = |verdict| steps.iter().filter(|step| step.verdict == verdict).count();
            let (passed, failed) = (count(Verdict::Passed), count(Verdict::Failed));
            let verdict = match (passed, failed) {
                (_, 1..) => Verdict::Failed,
                (passed, 0) if passed > 0 && passed == steps.len() => Verdict::Passed,
                _ => Verdict::Skipped,
            };
            self.summary.lessons += 1;
            self.summary.steps += steps.len();
            self.summary.passed += passed;
            self.summary.failed += failed;
            self.summary.skipped += steps.len() - passed - failed;
            self.lessons.push(LessonReport {
                path: lesson.path.display().to_string(),
                title: lesson.front_matter.title.clone(),
                digest: lesson.digest.clone(),
                verdict,
                steps,
            });
        }
    }

    /// Adds another report behind this one.
    pub fn append(&mut self, other: Self) {
        self.lessons.extend(other.lessons);
        self.summary.lessons += other.summary.lessons;
        self.summary.steps += other.summary.steps;
        self.summary.passed += other.summary.passed;
        self.summary.failed += other.summary.failed;
        self.summary.skipped += other.summary.skipped;
    }

    /// Whether every executed step passed.
    pub fn right(&self) -> bool {
        self.summary.failed == 0 && self.summary.skipped == 0
    }
}

/// A step that was not tried.
fn skipped(line: usize) -> StepReport {
    StepReport {
        line,
        verdict: Verdict::Skipped,
        cause: None,
        commands: Vec::new(),
        hooks: Vec::new(),
        wait_s: 0,
        ms: 0,
        advice: None,
    }
}
