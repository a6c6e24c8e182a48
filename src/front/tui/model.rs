//! What the screen shows, as data.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Options;
use super::keys::Action;
use super::output::Output;
use super::picture::Pictures;
use super::prompt::Prompt;
use crate::lesson::{Course, StepId};
use crate::session::{CommandReport, Request, StepReport, StepState};
use crate::shell::HookPhase;
use crate::tools::StdStream;

/// What the screen shows.
pub struct Model {
    /// How the person wants it.
    pub options: Options,
    /// The course.
    pub course: Arc<Course>,
    /// Whether the course is shown, not a page of it.
    pub home: bool,
    /// The page that is marked there; until the person moves, the one to go on with.
    pub home_at: Option<usize>,
    /// The page that is shown.
    pub lesson: usize,
    /// The step that keys act on.
    pub selected: Option<StepId>,
    /// The first line of the page that is shown, by page.
    pub scroll: BTreeMap<usize, usize>,
    /// What is known of each step.
    pub steps: BTreeMap<StepId, StepView>,
    /// Which tab is open, by page and number of the group of tabs.
    pub tabs: BTreeMap<(usize, usize), usize>,
    /// What lies over the page.
    pub overlay: Overlay,
    /// What is being typed.
    pub typing: Option<Typing>,
    /// What is searched for; empty if nothing is.
    pub search: String,
    /// The line of the page that was found last.
    pub found: Option<usize>,
    /// Whether keys move in the step's output.
    pub output: bool,
    /// The first line of the output that is shown; none follows its end.
    pub output_top: Option<usize>,
    /// Where the learner tries commands.
    pub prompt: Prompt,
    /// The pictures that the terminal can show.
    pub pictures: Pictures,
    /// How two outputs that differ are shown.
    pub difference: Difference,
    /// Whether the mouse is on.
    pub mouse: bool,
    /// What the terminal is to do.
    pub wishes: Vec<Wish>,
    /// What the session is to be asked because of what it said.
    pub requests: Vec<Request>,
    /// The last messages, newest last.
    pub notices: Vec<String>,
    /// Whether the notice at the bottom is shown.
    pub notice_shown: bool,
    /// The place to bring into view at the next drawing.
    pub reveal: Option<Reveal>,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// What was laid out last.
    pub laid: Laid,
    /// Whether the session has said anything yet.
    pub started: bool,
    /// Whether the program is to end.
    pub quit: bool,
    /// Quitting asks once more.
    pub confirm_quit: bool,
    /// Going back to before this step asks once more.
    pub confirm_undo: Option<StepId>,
    /// Whether it is an author who looks.
    pub preview: bool,
}

/// What keys and the mouse need to know of the last drawing.
#[derive(Debug, Default)]
pub struct Laid {
    /// Lines of the page, and rows that it has.
    pub page: (usize, usize),
    /// Lines at its end that say nothing of their own: a blank one, and what to do next.
    pub tail: usize,
    /// Lines of the output, and rows that it has.
    pub output: (usize, usize),
    /// The first and last line of each step of the page.
    pub steps: BTreeMap<StepId, (usize, usize)>,
    /// Groups of tabs of the page: line, number, how many tabs.
    pub tabs: Vec<(usize, usize, usize)>,
    /// Links of the page: line, text, address.
    pub links: Vec<(usize, String, String)>,
    /// Lines of the page that hold what is searched for.
    pub matches: Vec<usize>,
    /// Where on the screen the page stands: first row and column, rows and columns.
    pub area: (u16, u16, u16, u16),
    /// Pages that are listed on the screen, by row.
    pub pages: Vec<(u16, usize)>,
}

/// How two outputs that differ are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// The places that differ.
    Places,
    /// Both outputs line by line, one above the other.
    Unified,
    /// Both beside each other.
    SideBySide,
}

/// What is being typed at the bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typing {
    /// What for.
    pub what: TypingFor,
    /// The text so far.
    pub text: String,
}

/// What a text is typed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypingFor {
    /// A search.
    Search,
    /// The palette.
    Palette,
}

/// What the terminal is to do, beside drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Put a text on the clipboard.
    Copy {
        /// What it is, for the message.
        what: String,
        /// The text.
        text: String,
    },
    /// Switch the mouse on or off.
    Mouse(bool),
    /// Go to the background.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// What only an author's screen can do.
    Author(Action),
}

/// What lies over the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    /// Nothing.
    None,
    /// The keys.
    Help {
        /// The first line that is shown.
        at: usize,
    },
    /// The course's pages and the page's steps.
    Outline {
        /// The marked page.
        at: usize,
    },
    /// What was said, all of it.
    Notices {
        /// The first line that is shown.
        at: usize,
    },
    /// All actions and pages by name.
    Palette {
        /// The marked line.
        at: usize,
    },
    /// The page's links.
    Links {
        /// The marked line.
        at: usize,
    },
}

/// What to bring into view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reveal {
    /// The step's first line.
    Top(StepId),
    /// The step's last line.
    End(StepId),
    /// The next line at or behind (or ahead of) this one that holds what is searched for.
    Match {
        /// Where to begin.
        from: usize,
        /// Whether to go on forwards.
        forwards: bool,
    },
}

/// What is known of a step.
#[derive(Debug, Clone)]
pub struct StepView {
    /// Where it stands.
    pub state: StepState,
    /// Output of its commands as it came, by number.
    pub output: BTreeMap<usize, Output>,
    /// Output of its hooks as it came.
    pub hooks: BTreeMap<&'static str, Output>,
    /// What came of its commands, as far as they ended.
    pub commands: BTreeMap<usize, CommandReport>,
    /// What came of it all.
    pub report: Option<StepReport>,
    /// Whether accepted differences, calls and hooks are shown in full.
    pub details: bool,
    /// Whether the cause of its failure is explained.
    pub explained: bool,
    /// Counts its changes, so that it is laid out anew only then.
    pub version: u64,
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
        let mouse = options.mouse;
        let mut model = Self {
            options,
            home: course.lessons.len() > 1,
            course,
            home_at: None,
            lesson: 0,
            selected: None,
            scroll: BTreeMap::new(),
            steps,
            tabs: BTreeMap::new(),
            overlay: Overlay::None,
            typing: None,
            search: String::new(),
            found: None,
            output: false,
            output_top: None,
            prompt: Prompt::default(),
            pictures: Pictures::default(),
            difference: Difference::Places,
            mouse,
            wishes: if mouse { vec![Wish::Mouse(true)] } else { Vec::new() },
            requests: Vec::new(),
            notices: Vec::new(),
            notice_shown: false,
            reveal: None,
            size,
            laid: Laid::default(),
            started: false,
            quit: false,
            confirm_quit: false,
            confirm_undo: None,
            preview: false,
        };
        model.select_next_to_do();
        model
    }

    /// The executed steps of a page.
    pub fn steps_of(&self, lesson: usize) -> impl DoubleEndedIterator<Item = (StepId, &StepView)> {
        self.steps
            .range(StepId { lesson, step: 0 }..StepId { lesson: lesson + 1, step: 0 })
            .filter(|(_, step)| step.state != StepState::NotExecuted)
            .map(|(id, step)| (*id, step))
    }

    /// The executed steps of the page that is shown.
    pub fn page_steps(&self) -> impl DoubleEndedIterator<Item = (StepId, &StepView)> {
        self.steps_of(self.lesson)
    }

    /// Executed steps of a page that are passed, and all of them.
    pub fn progress(&self, lesson: usize) -> (usize, usize) {
        self.steps_of(lesson)
            .fold((0, 0), |(passed, all), (_, step)| (passed + usize::from(step.state.has_passed()), all + 1))
    }

    /// The nearest page ahead of one that has steps, if they are not all passed.
    pub fn unfinished_before(&self, lesson: usize) -> Option<usize> {
        let before = (0..lesson).rev().find(|other| self.progress(*other).1 > 0)?;
        let (passed, all) = self.progress(before);
        (passed < all).then_some(before)
    }

    /// The page to go on with: where something was begun and not finished, else the one behind what is done.
    pub fn resume(&self) -> usize {
        let count = self.course.lessons.len();
        let begun = (0..count).rev().find(|lesson| {
            let (passed, all) = self.progress(*lesson);
            let touched = self.steps_of(*lesson).any(|(_, step)| step.report.is_some() || step.is_running());
            (passed > 0 || touched) && passed < all
        });
        let done = || (0..count).rev().find(|lesson| self.progress(*lesson).0 > 0).map(|lesson| lesson + 1);
        begun.or_else(done).unwrap_or(0).min(count.saturating_sub(1))
    }

    /// The page that is marked on the course's screen.
    pub fn marked_page(&self) -> usize {
        self.home_at.unwrap_or_else(|| self.resume())
    }

    /// The step that runs, on any page.
    pub fn running(&self) -> Option<StepId> {
        self.steps.iter().find(|(_, step)| step.is_running()).map(|(id, _)| *id)
    }

    /// The step that has passed and behind which a wait goes on, on any page.
    pub fn waiting(&self) -> Option<StepId> {
        self.steps.iter().find(|(_, step)| matches!(step.state, StepState::Waiting(_))).map(|(id, _)| *id)
    }

    /// Whether a step runs, or a command at the prompt.
    pub fn is_busy(&self) -> bool {
        self.prompt.running || self.running().is_some()
    }

    /// Whether keys go to the prompt.
    pub fn has_prompt_keys(&self) -> bool {
        self.prompt.open && self.overlay == Overlay::None
    }

    /// Marks the first step of the page that is not passed, else the last one.
    pub fn select_next_to_do(&mut self) {
        let next = self.page_steps().find(|(_, step)| !step.state.has_passed()).map(|(id, _)| id);
        self.selected = next.or_else(|| self.page_steps().next_back().map(|(id, _)| id));
    }

    /// How far the page is scrolled.
    pub fn scrolled(&self) -> usize {
        self.scroll.get(&self.lesson).copied().unwrap_or(0)
    }

    /// Whether the beginning of a step is to be seen, so that running it is no surprise.
    pub fn sees(&self, id: StepId) -> bool {
        let (from, rows) = (self.scrolled(), self.laid.page.1);
        self.laid.steps.get(&id).is_none_or(|(first, last)| {
            // Of a long step the first lines, of a short one the whole.
            let end = (*last).min(first + rows.saturating_sub(4));
            *last >= from && end < from + rows
        })
    }

    /// Whether the end of the page's text is to be seen.
    pub fn at_end(&self) -> bool {
        self.scrolled() + self.laid.page.1 + self.laid.tail >= self.laid.page.0
    }

    /// The step that a look at details means: the marked one, or the one before it if that has not run yet.
    pub fn looked_at(&self) -> Option<StepId> {
        let selected = self.selected?;
        let ran = |id: &StepId| self.steps.get(id).is_some_and(StepView::has_run);
        if ran(&selected) {
            return Some(selected);
        }
        self.page_steps().map(|(id, _)| id).rfind(|id| *id < selected && ran(id))
    }

    /// Scrolls the page to a line, as far as it goes.
    pub fn scroll_to(&mut self, line: usize) {
        let (lines, rows) = self.laid.page;
        self.scroll.insert(self.lesson, line.min(lines.saturating_sub(rows)));
    }

    /// Says something at the bottom.
    pub fn say(&mut self, text: impl Into<String>) {
        /// How many messages are kept.
        const NOTICES: usize = 100;
        self.notices.push(text.into());
        let surplus = self.notices.len().saturating_sub(NOTICES);
        self.notices.drain(..surplus);
        self.notice_shown = true;
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
            explained: false,
            version: 0,
        }
    }

    /// Whether something of it is going on.
    pub fn is_running(&self) -> bool {
        matches!(self.state, StepState::Hook(_) | StepState::Running(_) | StepState::Settling(_))
    }

    /// Whether it has begun at least.
    pub fn has_run(&self) -> bool {
        self.is_running() || !self.commands.is_empty() || self.report.is_some()
    }

    /// Forgets what the last run printed.
    pub fn clear(&mut self) {
        self.output.clear();
        self.hooks.clear();
        self.commands.clear();
        self.report = None;
        self.explained = false;
    }

    /// Takes what came of a command; its output too, if that did not come by itself (in a session that was taken up again).
    pub fn command_ended(&mut self, command: usize, report: CommandReport) {
        self.output.entry(command).or_insert_with(|| {
            let mut output = Output::default();
            for (stream, text) in [(StdStream::Stdout, &report.stdout), (StdStream::Stderr, &report.stderr)] {
                let text = crate::session::plain(text.as_bytes());
                if !text.is_empty() {
                    output.push(stream, &text);
                }
            }
            output
        });
        self.commands.insert(command, report);
    }

    /// The key of a hook's output.
    pub fn hook_key(phase: HookPhase) -> &'static str {
        phase.as_str()
    }
}
