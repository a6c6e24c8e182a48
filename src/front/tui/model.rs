//! What the screen shows, as data.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Options;
use crate::lesson::{Course, StepId};
use crate::session::{CommandReport, StepReport, StepState};
use crate::shell::HookPhase;
use crate::tools::StdStream;

/// How many bytes of one command's output are kept to be shown; the oldest lines go first.
const KEPT: usize = 256 * 1024;

/// What the screen shows.
pub struct Model {
    /// How the person wants it.
    pub options: Options,
    /// The course.
    pub course: Arc<Course>,
    /// The page that is shown.
    pub lesson: usize,
    /// The step that keys act on.
    pub selected: Option<StepId>,
    /// The first line of the page that is shown, by page.
    pub scroll: BTreeMap<usize, usize>,
    /// What is known of each step.
    pub steps: BTreeMap<StepId, StepView>,
    /// Counts changes of what a page shows, so that its layout is made anew only then.
    pub version: u64,
    /// What lies over the page.
    pub overlay: Overlay,
    /// The last messages, newest last.
    pub notices: Vec<String>,
    /// Whether the notice at the bottom was dismissed.
    pub notice_shown: bool,
    /// The place to bring into view at the next drawing.
    pub reveal: Option<Reveal>,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Lines of the page that is shown, as last laid out, and rows that it has.
    pub extent: (usize, usize),
    /// The first and last line of each step of the page that is shown, as last laid out.
    pub places: BTreeMap<StepId, (usize, usize)>,
    /// Whether the session has said anything yet.
    pub started: bool,
    /// Whether the program is to end.
    pub quit: bool,
    /// A step runs: quitting asks once more.
    pub confirm_quit: bool,
}

/// What lies over the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// Nothing.
    None,
    /// The keys.
    Help,
    /// The course's pages and the page's steps.
    Outline {
        /// The marked line.
        at: usize,
    },
    /// What was said, all of it.
    Notices,
}

/// What to bring into view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reveal {
    /// The step's first line.
    Top(StepId),
    /// The step's last line.
    End(StepId),
}

/// What is known of a step.
#[derive(Debug, Clone)]
pub struct StepView {
    /// Where it stands.
    pub state: StepState,
    /// Output of its commands as it came, by number.
    pub output: BTreeMap<usize, Output>,
    /// Output of its hooks as it came.
    pub hooks: BTreeMap<HookKey, Output>,
    /// What came of its commands, as far as they ended.
    pub commands: BTreeMap<usize, CommandReport>,
    /// What came of it all.
    pub report: Option<StepReport>,
    /// Whether accepted differences, calls and hooks are shown in full.
    pub details: bool,
}

/// Which call of the hook.
pub type HookKey = &'static str;

/// Output as it came, bounded.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// Pieces in order.
    pub text: Vec<(StdStream, String)>,
    bytes: usize,
    /// Bytes that are not kept any more.
    pub dropped: usize,
}

impl Output {
    /// Adds what was printed.
    pub fn push(&mut self, stream: StdStream, text: &str) {
        self.bytes += text.len();
        match self.text.last_mut() {
            Some((last, all)) if *last == stream && all.len() < 16 * 1024 => all.push_str(text),
            _ => self.text.push((stream, text.to_owned())),
        }
        let mut gone = 0;
        while self.bytes > KEPT && gone + 1 < self.text.len() {
            let size = self.text.get(gone).map_or(0, |(_, text)| text.len());
            self.bytes -= size;
            self.dropped += size;
            gone += 1;
        }
        self.text.drain(..gone);
    }
}

impl Model {
    /// A screen for a course, before its session has said anything.
    pub fn new(course: Arc<Course>, options: Options, size: (u16, u16)) -> Self {
        let steps = course
            .lessons
            .iter()
            .enumerate()
            .flat_map(|(lesson, page)| {
                page.steps.iter().enumerate().map(move |(step, data)| {
                    let executed = data.executed && page.executable;
                    let state = if executed { StepState::Locked } else { StepState::NotExecuted };
                    (StepId { lesson, step }, StepView::new(state))
                })
            })
            .collect();
        let mut model = Self {
            options,
            course,
            lesson: 0,
            selected: None,
            scroll: BTreeMap::new(),
            steps,
            version: 0,
            overlay: Overlay::None,
            notices: Vec::new(),
            notice_shown: false,
            reveal: None,
            size,
            extent: (0, 0),
            places: BTreeMap::new(),
            started: false,
            quit: false,
            confirm_quit: false,
        };
        model.select_next_to_do();
        model
    }

    /// The executed steps of the page that is shown.
    pub fn page_steps(&self) -> impl DoubleEndedIterator<Item = (StepId, &StepView)> {
        let lesson = self.lesson;
        self.steps
            .iter()
            .filter(move |(id, step)| id.lesson == lesson && step.state != StepState::NotExecuted)
            .map(|(id, step)| (*id, step))
    }

    /// Executed steps of a page that are passed, and all of them.
    pub fn progress(&self, lesson: usize) -> (usize, usize) {
        let of_page = |id: &&StepId| id.lesson == lesson;
        let executed = self.steps.iter().filter(|(id, _)| of_page(id));
        let executed: Vec<_> = executed.filter(|(_, step)| step.state != StepState::NotExecuted).collect();
        let passed = executed.iter().filter(|(_, step)| step.state == StepState::Passed).count();
        (passed, executed.len())
    }

    /// The step that runs, on any page.
    pub fn running(&self) -> Option<StepId> {
        self.steps.iter().find(|(_, step)| step.is_running()).map(|(id, _)| *id)
    }

    /// Marks the first step of the page that is not passed, else the last one.
    pub fn select_next_to_do(&mut self) {
        let next = self.page_steps().find(|(_, step)| step.state != StepState::Passed).map(|(id, _)| id);
        self.selected = next.or_else(|| self.page_steps().next_back().map(|(id, _)| id));
    }

    /// How far the page is scrolled.
    pub fn scrolled(&self) -> usize {
        self.scroll.get(&self.lesson).copied().unwrap_or(0)
    }

    /// Whether the beginning of a step is to be seen, so that running it is no surprise.
    pub fn sees(&self, id: StepId) -> bool {
        let (from, rows) = (self.scrolled(), self.extent.1);
        self.places.get(&id).is_none_or(|(first, last)| {
            // Of a long step the first lines, of a short one the whole.
            let end = (*last).min(first + rows.saturating_sub(4));
            *last >= from && end < from + rows
        })
    }

    /// Whether the end of the page is to be seen.
    pub fn at_end(&self) -> bool {
        self.scrolled() + self.extent.1 >= self.extent.0
    }

    /// The step that a look at details means: the marked one, or the one before it if that has not run yet.
    pub fn looked_at(&self) -> Option<StepId> {
        let selected = self.selected?;
        let ran =
            |id: &StepId| self.steps.get(id).is_some_and(|step| !step.commands.is_empty() || step.report.is_some());
        if ran(&selected) {
            return Some(selected);
        }
        self.page_steps().map(|(id, _)| id).rfind(|id| *id < selected && ran(id))
    }

    /// Scrolls the page to a line, as far as it goes.
    pub fn scroll_to(&mut self, line: usize) {
        let (lines, rows) = self.extent;
        self.scroll.insert(self.lesson, line.min(lines.saturating_sub(rows)));
    }
}

impl StepView {
    fn new(state: StepState) -> Self {
        Self {
            state,
            output: BTreeMap::new(),
            hooks: BTreeMap::new(),
            commands: BTreeMap::new(),
            report: None,
            details: false,
        }
    }

    /// Whether something of it is going on.
    pub fn is_running(&self) -> bool {
        matches!(
            self.state,
            StepState::Hook(_) | StepState::Running(_) | StepState::Settling(_) | StepState::Waiting(_)
        )
    }

    /// Forgets what the last run printed.
    pub fn clear(&mut self) {
        self.output.clear();
        self.hooks.clear();
        self.commands.clear();
        self.report = None;
    }

    /// The key of a hook's output.
    pub fn hook_key(phase: HookPhase) -> HookKey {
        phase.as_str()
    }
}
