//! What a session tells, and what may be asked of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::advice::Advice;
use crate::compare::Comparison;
use crate::lesson::{Course, StepId};
use crate::shell::HookPhase;
use crate::target::CallRecord;
use crate::tools::StdStream;

/// How a step, or a lesson, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All as the page says.
    Passed,
    /// Not.
    Failed,
    /// Not tried: not executable, or a step before it failed.
    Skipped,
}

/// Why a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A command failed, or did not fail where it should have.
    ExitStatus,
    /// The output is not what the page shows.
    Output,
    /// A hook failed.
    Hook,
    /// The commands, or a hook, took too long.
    TimeLimit,
    /// The learner, or a signal, ended it.
    Cancelled,
    /// lectern itself broke off in it.
    Fault,
}

impl Cause {
    /// It in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::ExitStatus => "a command's exit status is not what it should be",
            Self::Output => "the output is not what the page shows",
            Self::Hook => "a hook failed",
            Self::TimeLimit => "the time limit was reached",
            Self::Cancelled => "cancelled",
            Self::Fault => "lectern's own fault: see what was printed last",
        }
    }
}

/// What came of one command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandReport {
    /// The command without its prompt.
    pub command: String,
    /// Its exit status.
    pub exit_status: i32,
    /// What it printed to standard output.
    pub stdout: String,
    /// What it printed to standard error.
    pub stderr: String,
    /// What the page shows; null when it shows nothing.
    pub expected: Option<String>,
    /// How the two compare.
    pub comparison: Comparison,
    /// What it called.
    pub calls: Vec<CallRecord>,
}

/// What came of one call of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookReport {
    /// Its name, without `hook-` and `.sh`.
    pub name: String,
    /// Ahead of the commands or behind them.
    pub phase: HookPhase,
    /// Its exit status.
    pub exit_status: i32,
    /// What it printed, both streams in order.
    pub output: String,
}

/// What came of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// The line of its fence.
    pub line: usize,
    /// How it ended.
    pub verdict: Verdict,
    /// Why it failed.
    pub cause: Option<Cause>,
    /// Its commands, as far as they ran.
    pub commands: Vec<CommandReport>,
    /// Its hooks, as far as they ran.
    pub hooks: Vec<HookReport>,
    /// Session time waited behind it, in seconds: what the page asks for until the wait has ended.
    pub wait_s: u64,
    /// Session time that it took, without the wait, in milliseconds.
    pub ms: u64,
    /// Why it failed in a sentence, and where to look further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<Advice>,
}

/// What came of one lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonReport {
    /// The page.
    pub path: String,
    /// Its title.
    pub title: String,
    /// SHA-256 of the page.
    pub digest: String,
    /// Failed if a step failed; passed if all executed ones passed; skipped if there was none, or none was reached.
    pub verdict: Verdict,
    /// Its executed steps.
    pub steps: Vec<StepReport>,
}

/// The numbers of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Lessons looked at.
    pub lessons: usize,
    /// Executed steps in them.
    pub steps: usize,
    /// Steps passed.
    pub passed: usize,
    /// Steps failed.
    pub failed: usize,
    /// Steps not tried.
    pub skipped: usize,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Only shown.
    NotExecuted,
    /// A step before it is not passed yet.
    Locked,
    /// Next.
    Ready,
    /// A hook runs.
    Hook(HookPhase),
    /// Its command of that number runs, from 0.
    Running(usize),
    /// It only read, does not match yet, and is tried again; the text says what it waits for.
    Settling(String),
    /// Passed, and the wait behind it goes on for these seconds.
    Waiting(u64),
    /// Done.
    Passed,
    /// Not.
    Failed(Cause),
    /// It was cut off on a live target and may have changed something.
    Unfinished,
}

impl StepState {
    /// Whether the step has passed: nothing that comes now changes that.
    pub fn has_passed(&self) -> bool {
        matches!(self, Self::Passed | Self::Waiting(_))
    }
}

/// What came of a command of the learner's own. It counts for no step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryReport {
    /// Its exit status; 124 at the time limit, 130 when it was cancelled.
    pub exit_status: i32,
    /// Why it was cut: the time limit, or the learner.
    pub cause: Option<Cause>,
    /// What it called.
    pub calls: Vec<CallRecord>,
}

/// What the word at the cursor of a command line could be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completions {
    /// Where the word begins, in bytes of the line.
    pub from: usize,
    /// What could stand in its place, up to the cursor: sorted, quoted as the shell needs it. One that ends in `/` or `=` goes
    /// on behind that.
    pub words: Vec<String>,
}

/// What a session tells everybody who listens.
#[derive(Debug, Clone)]
pub enum Event {
    /// A step stands elsewhere.
    Step {
        /// Which.
        id: StepId,
        /// Where.
        state: StepState,
    },
    /// A hook (`command` is none) or a command printed something. The text holds no control sequences.
    Output {
        /// The step.
        id: StepId,
        /// The command's number, from 0; none for a hook.
        command: Option<usize>,
        /// Which stream.
        stream: StdStream,
        /// What.
        text: String,
    },
    /// A command ended and was compared.
    Command {
        /// The step.
        id: StepId,
        /// The command's number, from 0.
        command: usize,
        /// What came of it.
        report: CommandReport,
    },
    /// A step ended: this is the verdict, whatever becomes of the wait behind it.
    StepDone {
        /// Which.
        id: StepId,
        /// What came of it.
        report: StepReport,
    },
    /// Something that the learner should know: a message for people, and what to do.
    Notice {
        /// The message.
        text: String,
    },
    /// What was asked for last is not done: why, and what to do.
    Refused {
        /// The message.
        text: String,
    },
    /// A command of the learner's own began, at the prompt.
    TryBegun {
        /// Its text.
        command: String,
    },
    /// It printed something. The text holds no control sequences.
    TryOutput {
        /// Which stream.
        stream: StdStream,
        /// What.
        text: String,
    },
    /// It ended.
    TryDone {
        /// What came of it.
        report: TryReport,
    },
    /// What was tried in this course before, the oldest first.
    History {
        /// The commands.
        commands: Vec<String>,
    },
    /// What a word of a command line could be.
    Completions {
        /// The number of the question.
        number: u64,
        /// What could stand there.
        completions: Completions,
    },
    /// All steps of the lesson are passed.
    LessonDone {
        /// Place in the course.
        lesson: usize,
    },
    /// A course that was handed over with [`Request::TakeUp`] is the session's from now on, and all steps are its steps.
    TakenUp {
        /// Which.
        course: EditedCourse,
        /// Where its executed steps stand, and what came of them.
        steps: BTreeMap<StepId, (StepState, Option<StepReport>)>,
    },
    /// The session is over.
    Stopped,
}

/// What a front may ask of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Run this step, if it is ready, failed or unfinished.
    Run(StepId),
    /// End what is running; of a wait behind a step, as [`Request::SkipWait`].
    Cancel,
    /// End the wait behind a step, or its settling, now.
    SkipWait,
    /// Go back to before this step, in the sandbox.
    UndoTo(StepId),
    /// Run this step as it is now, whatever came of it before; in the sandbox from before it, which undoes what was begun since.
    RunAgain(StepId),
    /// Run the steps of the page up to this one, as far as they pass, from the first that is not passed. What was begun of them
    /// or since is undone first, in the sandbox.
    RunTo(StepId),
    /// Go on with the course as it is now, as soon as nothing runs. Not for a session that is saved: what lies on the disk speaks of
    /// the steps as they were.
    TakeUp(EditedCourse),
    /// Run a command of the learner's own in the lesson's shell. Its effects last, but it counts for no step.
    Try(String),
    /// What could the word at the cursor be? Answered while nothing runs, with names of the cluster if it says them soon.
    Complete {
        /// A number to know the answer by.
        number: u64,
        /// The command line.
        line: String,
        /// The cursor, in bytes of the line.
        at: usize,
    },
    /// Save and stop.
    Quit,
}

/// A course that was edited. Two are equal if they are the same.
#[derive(Debug, Clone)]
pub struct EditedCourse(pub Arc<Course>);

impl PartialEq for EditedCourse {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for EditedCourse {}
