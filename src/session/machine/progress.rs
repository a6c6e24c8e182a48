//! What the machine knows, as data that outlives the process, and what of it still holds for a course that was edited.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::edit::Began;
use super::{Machine, Rules};
use crate::compare::Bindings;
use crate::lesson::{Course, Lesson, StepId};
use crate::session::model::{Cause, StepReport, StepState, Verdict};

/// Where a learner stands in a course.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// By page, as its path from the course's root.
    pub lessons: BTreeMap<String, LessonProgress>,
    /// The suites whose `before` has run, as paths from the course's root.
    pub suites: BTreeSet<PathBuf>,
}

/// Where a learner stands in a page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LessonProgress {
    /// The page's digest when this was written.
    pub digest: String,
    /// Its steps, in order.
    pub steps: Vec<StepProgress>,
    /// What its values stand for.
    pub bindings: Bindings,
}

/// What came of a step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StepProgress {
    /// The fence as it was, info string included.
    pub source: String,
    /// What came of it.
    pub report: Option<StepReport>,
    /// What the page's values stood for before it, if it was ever begun.
    pub before: Option<Bindings>,
    /// Whether the learner changed something at the prompt since it failed.
    #[serde(default)]
    pub built_on: bool,
    /// The suites whose `before` had run ahead of it, if it was ever begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suites: Option<BTreeSet<PathBuf>>,
}

impl Machine {
    /// What is to be saved.
    pub fn progress(&self) -> Progress {
        // A course is the same one whichever way its folder was named.
        let within = |suites: &BTreeSet<PathBuf>| -> BTreeSet<PathBuf> {
            suites.iter().map(|suite| suite.strip_prefix(&self.course.root).unwrap_or(suite).to_owned()).collect()
        };
        let mut lessons = BTreeMap::new();
        for (number, lesson) in self.course.lessons.iter().enumerate() {
            let steps = (0..lesson.steps.len())
                .map(|step| {
                    let id = StepId { lesson: number, step };
                    StepProgress {
                        source: fence(lesson, step),
                        report: self.reports.get(&id).cloned(),
                        before: self.before.get(&id).cloned(),
                        built_on: self.built_on.contains(&id),
                        suites: self.began.get(&id).map(|began| within(&began.suites)),
                    }
                })
                .collect();
            let progress =
                LessonProgress { digest: lesson.digest.clone(), steps, bindings: self.bindings[number].clone() };
            lessons.insert(key(&self.course, lesson), progress);
        }
        Progress { lessons, suites: within(&self.suites) }
    }

    /// A session that goes on where `progress` stood. The course must be the one of the progress: see [`first_change`].
    pub fn resume(course: Arc<Course>, rules: Rules, progress: &Progress) -> Self {
        let mut machine = Self::new(Arc::clone(&course), rules);
        let found = |suites: &BTreeSet<PathBuf>| suites.iter().map(|suite| course.root.join(suite)).collect();
        machine.suites = found(&progress.suites);
        for (number, lesson) in course.lessons.iter().enumerate() {
            let Some(saved) = progress.lessons.get(&key(&course, lesson)) else { continue };
            machine.bindings[number] = saved.bindings.clone();
            let mut open = true;
            for (step, state) in machine.states[number].iter_mut().enumerate() {
                let id = StepId { lesson: number, step };
                let saved = saved.steps.get(step);
                if let Some(before) = saved.and_then(|saved| saved.before.clone()) {
                    machine.before.insert(id, before);
                }
                if saved.is_some_and(|saved| saved.built_on) {
                    machine.built_on.insert(id);
                }
                if let Some(suites) = saved.and_then(|saved| saved.suites.as_ref()) {
                    machine.beginnings += 1;
                    machine.began.insert(id, Began { order: machine.beginnings, suites: found(suites) });
                }
                if *state == StepState::NotExecuted {
                    continue;
                }
                let report = saved.and_then(|saved| saved.report.clone());
                let passed = report.as_ref().is_some_and(|report| report.verdict == Verdict::Passed);
                *state = match &report {
                    _ if !open => StepState::Locked,
                    Some(_) if passed => StepState::Passed,
                    Some(report) => StepState::Failed(report.cause.unwrap_or(Cause::Cancelled)),
                    None => StepState::Ready,
                };
                if open && let Some(report) = report {
                    machine.reports.insert(id, report);
                }
                open &= passed;
            }
        }
        machine
    }
}

/// The first step that was done and is not on its page any more as it was: what came from there on does not hold.
/// Answers the step's place in the course as it is now (it may lie behind a page's last step), and the page.
pub fn first_change(course: &Course, progress: &Progress) -> Option<(StepId, String)> {
    for (number, lesson) in course.lessons.iter().enumerate() {
        let Some(saved) = progress.lessons.get(&key(course, lesson)) else { continue };
        if saved.digest == lesson.digest {
            continue;
        }
        for (step, saved) in saved.steps.iter().enumerate() {
            let same = step < lesson.steps.len() && fence(lesson, step) == saved.source;
            if !same && saved.before.is_some() {
                return Some((StepId { lesson: number, step }, lesson.path.display().to_string()));
            }
            if !same {
                break;
            }
        }
    }
    None
}

/// A step's fence as written.
pub(super) fn fence(lesson: &Lesson, step: usize) -> String {
    lesson
        .steps
        .get(step)
        .and_then(|step| lesson.source.get(step.span.start..step.span.end))
        .unwrap_or_default()
        .to_owned()
}

/// A page's name in the progress: its path from the course's root.
fn key(course: &Course, lesson: &Lesson) -> String {
    lesson.path.strip_prefix(&course.root).unwrap_or(&lesson.path).display().to_string()
}
