//! The session as a pure state machine: [`Machine::handle`] takes what happened and answers what to do. No clock, no I/O.

mod back;
mod edit;
mod progress;
mod step;
#[cfg(test)]
mod tests;
mod trying;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use edit::Matching;
pub use progress::{LessonProgress, Progress, StepProgress, first_change};

use super::home::Home;
use super::model::{Cause, Event, Request, StepReport, StepState, Verdict};
use crate::compare::{self, Bindings, Known};
use crate::lesson::{Course, CourseFolder, Step, StepId};
use crate::shell::{Ended, HookPhase};
use crate::target::CallRecord;
use crate::tools::StdStream;

/// How long the first pause of a settling step is; each further one is twice as long, up to [`SETTLE_MOST`].
const SETTLE_FIRST: Duration = Duration::from_secs(1);
const SETTLE_MOST: Duration = Duration::from_secs(10);

/// How a session goes.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Leave the waits behind steps out.
    pub no_wait: bool,
    /// Only look: no hooks, no waits, and what does not match is not tried again.
    pub only_look: bool,
    /// Whether the target is live: what was done there cannot be undone.
    pub live: bool,
    /// Whether every step is open from the start, whatever came of those before it.
    pub unlocked: bool,
    /// What the commands of a step may take together, instead of what the page says.
    pub timeout: Option<Duration>,
    /// What one call of a hook may take, instead of what the page says.
    pub hook_timeout: Option<Duration>,
    /// What the course's author says about all outputs.
    pub compare: compare::Rules,
}

/// A hook to run around a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name: `suite`, or what the step's annotation says.
    pub name: String,
    /// The script.
    pub script: PathBuf,
    /// Session time that one call may take.
    pub limit: Duration,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// A front asks for something.
    Request(Request),
    /// The hook that was started ended.
    HookEnded {
        /// Its exit status.
        status: u8,
        /// How it ended.
        ended: Ended,
        /// What it printed, both streams in order.
        output: String,
        /// Whether something is still due to happen on the target.
        pending: bool,
    },
    /// The command that was started ended.
    CommandEnded(CommandEnd),
    /// The timer of that number fired.
    Timer(u64),
    /// Everything is again as it was before the step.
    Restored(StepId),
    /// It could not be brought back, for a reason that may go away; all is as it was.
    NotRestored {
        /// Before which step it was to be.
        id: StepId,
        /// Why.
        why: String,
    },
    /// The command of the learner's own ended.
    TryEnded(TryEnd),
    /// The session itself broke off in what it did, and this is what is to be told.
    BrokeOff(String),
}

/// How a command of the learner's own ended.
#[derive(Debug, Clone)]
pub struct TryEnd {
    /// Its exit status.
    pub status: u8,
    /// How it ended.
    pub ended: Ended,
    /// What it called.
    pub calls: Vec<CallRecord>,
    /// Commands that it used and that lectern has no tool for.
    pub unknown: Vec<String>,
    /// Whether the target, the shell or the work folder may be other than before it.
    pub changed: bool,
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct CommandEnd {
    /// Its exit status.
    pub status: u8,
    /// How it ended.
    pub ended: Ended,
    /// What it printed, in order.
    pub output: Vec<(StdStream, String)>,
    /// How paths in it are shown.
    pub home: Home,
    /// What it called.
    pub calls: Vec<CallRecord>,
    /// Commands that it used and that lectern has no tool for.
    pub unknown: Vec<String>,
    /// Whether something is still due to happen in the target. Always true of a live one.
    pub pending: bool,
    /// What is known of the learner's world.
    pub known: Known,
}

/// What to do.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Remember everything as it is now, before this step.
    Checkpoint(StepId),
    /// Bring everything back to before this step, then say [`Input::Restored`], or [`Input::NotRestored`].
    Restore(StepId),
    /// Bring the shell and the work folder back to before this step.
    RewindShell(StepId),
    /// Run a hook.
    Hook {
        /// For this step.
        id: StepId,
        /// Which.
        hook: Hook,
        /// Ahead or behind.
        phase: HookPhase,
        /// `TEST_OUTPUT`.
        test_output: Option<String>,
    },
    /// Run a command.
    Command {
        /// For this step.
        id: StepId,
        /// Its number, from 0.
        command: usize,
        /// Its text.
        script: String,
        /// Session time that it may take.
        limit: Duration,
    },
    /// Run a command of the learner's own.
    Try {
        /// Its text.
        script: String,
        /// Session time that it may take.
        limit: Duration,
    },
    /// Say what the word at the cursor could be.
    Complete {
        /// The number of the question.
        number: u64,
        /// The command line.
        line: String,
        /// The cursor, in bytes of the line.
        at: usize,
    },
    /// Say [`Input::Timer`] later.
    Timer {
        /// Its number.
        timer: u64,
        /// When, session time from now.
        after: Duration,
    },
    /// The course is this one from now on, and its steps have other names: the ones before, and now.
    Renumber {
        /// The course.
        course: Arc<Course>,
        /// Steps that are still there.
        steps: BTreeMap<StepId, StepId>,
    },
    /// End the hook or command that runs.
    Cancel,
    /// Tell everybody.
    Emit(Event),
    /// Save the state.
    Save,
    /// The session is over.
    Stop,
}

/// The state of a session.
pub struct Machine {
    course: Arc<Course>,
    rules: Rules,
    states: Vec<Vec<StepState>>,
    reports: BTreeMap<StepId, StepReport>,
    /// What the values of each page stand for, as they were before each of its steps.
    before: BTreeMap<StepId, Bindings>,
    /// What else was so before each step that was begun.
    began: BTreeMap<StepId, edit::Began>,
    beginnings: u64,
    /// Steps to run one after the other.
    queue: VecDeque<StepId>,
    /// Whether everything is being brought back to before a step, and no step runs.
    going_back: bool,
    /// The course as it is now, until nothing of the one before runs any more.
    edited: Option<Arc<Course>>,
    bindings: Vec<Bindings>,
    suites: BTreeSet<PathBuf>,
    active: Option<Active>,
    /// The wait behind a step that has passed.
    waiting: Option<Wait>,
    /// Whether a command of the learner's own runs.
    trying: bool,
    /// Failed steps after which the learner changed something at the prompt: another try goes on from there.
    built_on: BTreeSet<StepId>,
    timers: u64,
    stopping: bool,
}

/// The step that is being run.
struct Active {
    id: StepId,
    stage: Stage,
    began: Duration,
    report: StepReport,
    bindings: Bindings,
    ahead: VecDeque<Hook>,
    behind: VecDeque<Hook>,
    /// Suites that count as begun once the step has passed its first hooks.
    opens: Vec<PathBuf>,
    /// Session time that commands have used, of all attempts.
    used: Duration,
    stage_began: Duration,
    attempt: u32,
    /// Standard output of the commands, and both streams in order.
    stdout: String,
    both: String,
    changed_something: bool,
    called_something: bool,
    pending: bool,
    mended_by_time: bool,
    failed_as_expected: bool,
    mismatch: bool,
    /// It is to end as soon as everything is as it was before it.
    cancelled: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Restoring,
    Ahead(Hook),
    Command(usize),
    Settling { timer: u64 },
    Behind(Hook),
}

/// A wait behind a step: all that it holds up is the next one.
struct Wait {
    id: StepId,
    timer: u64,
    /// Seconds.
    left: u64,
}

impl Machine {
    /// A session at its beginning: the first step of each page is ready.
    pub fn new(course: Arc<Course>, rules: Rules) -> Self {
        let states = course
            .lessons
            .iter()
            .map(|lesson| {
                let mut first = true;
                lesson
                    .steps
                    .iter()
                    .map(|step| match step.executed && lesson.executable {
                        false => StepState::NotExecuted,
                        true if std::mem::take(&mut first) || rules.unlocked => StepState::Ready,
                        true => StepState::Locked,
                    })
                    .collect()
            })
            .collect();
        let bindings = vec![Bindings::default(); course.lessons.len()];
        Self {
            course,
            rules,
            states,
            reports: BTreeMap::new(),
            before: BTreeMap::new(),
            began: BTreeMap::new(),
            beginnings: 0,
            queue: VecDeque::new(),
            going_back: false,
            edited: None,
            bindings,
            suites: BTreeSet::new(),
            active: None,
            waiting: None,
            trying: false,
            built_on: BTreeSet::new(),
            timers: 0,
            stopping: false,
        }
    }

    /// Where a step stands.
    pub fn state(&self, id: StepId) -> Option<&StepState> {
        self.states.get(id.lesson)?.get(id.step)
    }

    /// What came of a step the last time that it ran.
    pub fn report(&self, id: StepId) -> Option<&StepReport> {
        self.reports.get(&id)
    }

    /// All executed steps, in course order.
    pub fn executed(&self) -> impl Iterator<Item = StepId> + '_ {
        self.states.iter().enumerate().flat_map(|(lesson, states)| {
            states
                .iter()
                .enumerate()
                .filter(|(_, state)| **state != StepState::NotExecuted)
                .map(move |(step, _)| StepId { lesson, step })
        })
    }

    /// The step that is being run.
    pub fn running(&self) -> Option<StepId> {
        self.active.as_ref().map(|active| active.id)
    }

    /// Whether a timer that was asked for still matters.
    pub fn awaits_timer(&self) -> bool {
        let settles = |active: &Active| matches!(active.stage, Stage::Settling { .. });
        self.waiting.is_some() || self.active.as_ref().is_some_and(settles)
    }

    /// The state of every step, as events, for a listener that just came.
    pub fn announce(&self) -> Vec<Event> {
        let mut events: Vec<Event> =
            self.reports.iter().map(|(id, report)| Event::StepDone { id: *id, report: report.clone() }).collect();
        for (lesson, states) in self.states.iter().enumerate() {
            for (step, state) in states.iter().enumerate() {
                events.push(Event::Step { id: StepId { lesson, step }, state: state.clone() });
            }
        }
        events
    }

    /// Takes what happened at session time `at`, answers what to do, in order.
    pub fn handle(&mut self, at: Duration, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Request(request) => self.request(at, request, &mut effects),
            Input::HookEnded { status, ended, output, pending } => {
                self.hook_ended(at, (status, ended), output, pending, &mut effects);
            }
            Input::CommandEnded(end) => self.command_ended(at, end, &mut effects),
            Input::Timer(timer) => self.timer(at, timer, &mut effects),
            Input::Restored(id) => self.restored(at, id, &mut effects),
            Input::NotRestored { id, why } => self.not_restored(id, &why, &mut effects),
            Input::TryEnded(end) => self.try_ended(end, &mut effects),
            Input::BrokeOff(told) => self.broke_off(at, told, &mut effects),
        }
        if self.busy().is_none()
            && let Some(course) = self.edited.take()
        {
            self.take_up(course, &mut effects);
        }
        if !self.trying
            && let Some(next) = self.next_in_queue()
        {
            self.run(at, next, &mut effects);
        }
        if self.stopping && self.active.is_none() && !self.trying {
            effects.push(Effect::Save);
            effects.push(Effect::Emit(Event::Stopped));
            effects.push(Effect::Stop);
        }
        effects
    }

    fn request(&mut self, at: Duration, request: Request, effects: &mut Vec<Effect>) {
        match request {
            Request::Run(id) => self.run(at, id, effects),
            Request::Try(script) => self.begin_try(script, effects),
            Request::Complete { number, line, at } => self.complete(number, line, at, effects),
            Request::Cancel => self.cancel(at, effects),
            Request::SkipWait => self.skip(at, effects),
            Request::UndoTo(id) => self.undo(id, effects),
            Request::RunAgain(id) => self.run_again(id, effects),
            Request::RunTo(id) => self.run_to(id, effects),
            Request::TakeUp(course) => self.edited = Some(course.0),
            Request::Quit => {
                self.stopping = true;
                self.end_wait(effects);
                self.cancel(at, effects);
            }
        }
    }

    fn run(&mut self, at: Duration, id: StepId, effects: &mut Vec<Effect>) {
        let refused = |text: &str| Effect::Emit(Event::Refused { text: text.to_owned() });
        if let Some(busy) = self.busy() {
            effects.push(refused(&format!("{busy}: wait for it, or cancel it.")));
            return;
        }
        match self.state(id).cloned() {
            Some(StepState::Ready) => {
                effects.push(Effect::Checkpoint(id));
                self.note_beginning(id);
                self.begin(at, id, effects);
            }
            Some(StepState::Failed(_) | StepState::Unfinished) if self.rules.live => self.begin(at, id, effects),
            // What was done at the prompt since is not taken away again: from now on it is what was before the step.
            Some(StepState::Failed(_) | StepState::Unfinished) if self.built_on.remove(&id) => {
                effects.push(Effect::Checkpoint(id));
                self.begin(at, id, effects);
                let text = "What you did at the prompt stays: the step runs on top of it.".to_owned();
                effects.push(Effect::Emit(Event::Notice { text }));
            }
            // In the sandbox a second try begins where the first one began.
            Some(StepState::Failed(_) | StepState::Unfinished) => {
                self.forget_suites(id);
                self.begin(at, id, effects);
                if let Some(active) = &mut self.active {
                    active.stage = Stage::Restoring;
                }
                // Listeners hear at once that it begins again.
                effects.retain(|effect| matches!(effect, Effect::Emit(_)));
                effects.push(Effect::Restore(id));
            }
            Some(StepState::Passed) => {
                effects.push(refused("This step is done. To do it again, go back to before it."))
            }
            Some(StepState::Locked) => effects.push(refused("This step is locked: the one before it is not done yet.")),
            _ => effects.push(refused("This step is only shown; it is not executed.")),
        }
    }

    fn set(&mut self, id: StepId, state: StepState, effects: &mut Vec<Effect>) {
        if let Some(slot) = self.states.get_mut(id.lesson).and_then(|lesson| lesson.get_mut(id.step))
            && *slot != state
        {
            *slot = state.clone();
            effects.push(Effect::Emit(Event::Step { id, state }));
        }
    }

    /// What keeps a step from being run now, in words.
    fn busy(&self) -> Option<&'static str> {
        self.occupied().or(self.waiting.as_ref().map(|_| "The wait behind the step goes on"))
    }

    /// What keeps anything from being run now, in words.
    fn occupied(&self) -> Option<&'static str> {
        match (&self.active, self.trying, self.going_back) {
            (Some(_), _, _) => Some("A step is running already"),
            (None, true, _) => Some("A command is running at the prompt"),
            (None, false, true) => Some("It is going back to before a step"),
            (None, false, false) => None,
        }
    }

    fn next_timer(&mut self) -> u64 {
        self.timers += 1;
        self.timers
    }

    /// The executed step behind this one on its page.
    fn next_on_page(&self, id: StepId) -> Option<StepId> {
        self.executed().find(|other| other.lesson == id.lesson && other.step > id.step)
    }

    /// The suites of the folders that hold the lesson, outermost first, with whether the lesson ends the folder.
    fn suites_around(&self, lesson: usize) -> Vec<(PathBuf, bool)> {
        let mut found = Vec::new();
        let executed: BTreeSet<usize> = self.executed().map(|id| id.lesson).collect();
        collect_suites(&self.course.tree, lesson, &executed, &mut found);
        found
    }

    fn step(&self, id: StepId) -> Option<&Step> {
        self.course.step(id)
    }
}

/// Whether the folder holds the lesson; collects the suites on the way to it.
fn collect_suites(
    folder: &CourseFolder,
    lesson: usize,
    executed: &BTreeSet<usize>,
    found: &mut Vec<(PathBuf, bool)>,
) -> bool {
    let place = found.len();
    let inside = folder.lessons.contains(&lesson)
        || folder.folders.iter().any(|folder| collect_suites(folder, lesson, executed, found));
    if inside && let Some(suite) = &folder.suite {
        let ends = !executed.iter().any(|other| *other > lesson && holds(folder, *other));
        found.insert(place, (suite.clone(), ends));
    }
    inside
}

fn holds(folder: &CourseFolder, lesson: usize) -> bool {
    folder.lessons.contains(&lesson) || folder.folders.iter().any(|folder| holds(folder, lesson))
}

/// The verdict that goes with a cause.
fn verdict(cause: Option<Cause>) -> Verdict {
    if cause.is_some() { Verdict::Failed } else { Verdict::Passed }
}
