//! The same session as a dialogue in lines: for pipes, dumb terminals and screen readers. Nothing moves the cursor, and
//! nothing is said by colour alone. Answers are lines of standard input; a line that is there already waits until the step
//! that was asked for before it has ended.

mod answer;
mod prose;
mod say;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::files;
use crate::fault::{self, Room, may_panic};
use crate::lesson::blocks::{self, Block};
use crate::lesson::{Course, StepId};
use crate::session::{Change, Event, Request, StepReport, StepState, plain};

/// How many faults of its own the reading of the input outlives.
const MOST_FAULTS: usize = 8;

/// Goes through the course until the learner quits, the input ends, the session ends, or a signal comes; answers the exit
/// status. `signal` waits for the next signal and answers its exit status; it is given up and asked again, and loses none by that.
///
/// # Errors
/// When standard output cannot be written.
pub async fn run(
    course: Arc<Course>,
    requests: UnboundedSender<Request>,
    mut events: UnboundedReceiver<Event>,
    mut signal: impl AsyncFnMut() -> u8,
) -> io::Result<u8> {
    let mut lines = answers();
    let mut dialogue = Dialogue::new(course, requests);
    while !dialogue.is_announced() {
        tokio::select! {
            biased;
            status = signal() => {
                dialogue.ask(Request::Quit);
                return Ok(status);
            }
            event = events.recv() => match event {
                Some(event) => dialogue.hear(event)?,
                None => return Ok(0),
            },
        }
    }
    dialogue.welcome()?;
    loop {
        if !dialogue.is_busy() {
            // What the session still says belongs to what was done.
            while let Ok(event) = events.try_recv() {
                dialogue.hear(event)?;
            }
        }
        if dialogue.stopped {
            return Ok(0);
        }
        let listens = !dialogue.is_busy() || dialogue.is_terminal;
        if !dialogue.is_busy() {
            dialogue.prompt()?;
        }
        tokio::select! {
            biased;
            status = signal() => {
                // Ctrl-C ends what runs first.
                if status == 130 && dialogue.is_busy() {
                    // The terminal has shown the key.
                    if dialogue.is_terminal {
                        dialogue.say("\n")?;
                    }
                    dialogue.ask(Request::Cancel);
                } else {
                    dialogue.ask(Request::Quit);
                    return Ok(status);
                }
            }
            event = events.recv() => match event {
                Some(event) => dialogue.hear(event)?,
                None => return Ok(0),
            },
            line = lines.recv(), if listens => match line {
                Some(Ok(line)) => dialogue.answer(line.trim())?,
                Some(Err(fault)) => dialogue.say(&format!("{fault}\n"))?,
                None => {
                    dialogue.ask(Request::Quit);
                    return Ok(0);
                }
            },
        }
    }
}

/// The lines of standard input, as they come; in place of one, the fault by which it was lost.
fn answers() -> UnboundedReceiver<Result<String, String>> {
    let (tell, lines) = unbounded_channel();
    // It ends with the input, or with the process: nothing waits for it.
    std::thread::spawn(move || {
        let read = || {
            for line in io::stdin().lines() {
                let Ok(line) = line else { break };
                may_panic(Room::Input);
                if tell.send(Ok(line)).is_err() {
                    break;
                }
            }
        };
        for _ in 0..MOST_FAULTS {
            if std::panic::catch_unwind(AssertUnwindSafe(&read)).is_ok() {
                return;
            }
            // The line is lost, and the next ones are read.
            let told: Vec<String> = fault::take_here().iter().map(ToString::to_string).collect();
            if tell.send(Err(told.join("\n"))).is_err() {
                return;
            }
        }
    });
    lines
}

/// Where the dialogue stands.
struct Dialogue {
    course: Arc<Course>,
    requests: UnboundedSender<Request>,
    states: BTreeMap<StepId, StepState>,
    reports: BTreeMap<StepId, StepReport>,
    /// The page, its parts, and how many of them were shown.
    page: usize,
    blocks: Vec<Block>,
    shown: usize,
    /// The step that was run last.
    last: Option<StepId>,
    /// Asked for and not begun yet, or running.
    busy: Option<StepId>,
    /// What was asked for is to go back to before it.
    going_back: bool,
    /// A command of the learner's own runs.
    trying: bool,
    prompted: bool,
    /// What was said last does not end its line.
    open_line: bool,
    is_terminal: bool,
    stopped: bool,
}

/// A page as it stands in the dialogue.
struct Shown<'a> {
    dialogue: &'a Dialogue,
    page: usize,
}

impl prose::Shows for Shown<'_> {
    fn step(&self, number: usize, source: &str) -> String {
        self.dialogue.fence(StepId { lesson: self.page, step: number }, source)
    }

    fn file(&self, name: &str) -> Option<String> {
        let course = &self.dialogue.course;
        files::read(course, &course.lessons.get(self.page)?.path, name)
    }

    fn change(&self, name: &str, object: &str) -> Option<Change> {
        let course = &self.dialogue.course;
        files::change(course, &course.lessons.get(self.page)?.path, name, object)
    }

    fn page(&self, link: &str) -> Option<usize> {
        files::page_of(&self.dialogue.course, self.page, link).filter(|page| *page != self.page)
    }
}

impl Dialogue {
    fn new(course: Arc<Course>, requests: UnboundedSender<Request>) -> Self {
        Self {
            course,
            requests,
            states: BTreeMap::new(),
            reports: BTreeMap::new(),
            page: 0,
            blocks: Vec::new(),
            shown: 0,
            last: None,
            busy: None,
            going_back: false,
            trying: false,
            prompted: false,
            open_line: false,
            is_terminal: io::stdin().is_terminal(),
            stopped: false,
        }
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.prompted = false;
        self.open_line = !text.ends_with('\n');
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Something that the learner should know, on a line of its own.
    fn note(&mut self, text: &str) -> io::Result<()> {
        let start = if self.prompted || self.open_line { "\n" } else { "" };
        self.say(&format!("{start}Note: {}\n", plain(text.as_bytes())))
    }

    /// Ends the line that a command left open.
    fn end_line(&mut self) -> io::Result<()> {
        if self.open_line { self.say("\n") } else { Ok(()) }
    }

    fn ask(&self, request: Request) {
        // A session that has ended says so by its events.
        drop(self.requests.send(request));
    }

    /// Whether the session has said where every step stands.
    fn is_announced(&self) -> bool {
        self.states.len() >= self.course.lessons.iter().map(|lesson| lesson.steps.len()).sum()
    }

    fn is_busy(&self) -> bool {
        self.trying || self.busy.is_some()
    }

    fn prompt(&mut self) -> io::Result<()> {
        if self.prompted {
            return Ok(());
        }
        self.end_line()?;
        self.say("> ")?;
        self.prompted = true;
        self.open_line = false;
        Ok(())
    }

    /// The executed steps of a page.
    fn steps_of(&self, page: usize) -> Vec<StepId> {
        let steps = self.states.iter().filter(|(id, state)| id.lesson == page && **state != StepState::NotExecuted);
        steps.map(|(id, _)| *id).collect()
    }

    fn passed(&self, id: StepId) -> bool {
        self.states.get(&id).is_some_and(StepState::has_passed)
    }

    /// How many steps of a page are passed, and how many there are.
    fn progress(&self, page: usize) -> (usize, usize) {
        let steps = self.steps_of(page);
        (steps.iter().filter(|id| self.passed(**id)).count(), steps.len())
    }

    /// The first step of the page that is not passed.
    fn current(&self) -> Option<StepId> {
        self.steps_of(self.page).into_iter().find(|id| !self.passed(*id))
    }

    fn welcome(&mut self) -> io::Result<()> {
        let pages = self.course.lessons.len();
        let (mut done, mut all) = (0, 0);
        let mut begin = None;
        for page in 0..pages {
            let (passed, steps) = self.progress(page);
            (done, all) = (done + passed, all + steps);
            if passed < steps && begin.is_none() {
                begin = Some(page);
            }
        }
        let start = if done == 0 { 0 } else { begin.unwrap_or(0) };
        let pages = say::count(pages, "page");
        self.say(&format!("{pages}, {done} of {} done. Say help for what can be said.\n\n", say::count(all, "step")))?;
        self.open(start)
    }

    fn open(&mut self, page: usize) -> io::Result<()> {
        let Some(lesson) = self.course.lessons.get(page) else {
            return self.say(&format!("There is no page {}.\n", page + 1));
        };
        let (title, blocks) = (lesson.front_matter.title.clone(), blocks::of(lesson));
        (self.page, self.blocks, self.shown) = (page, blocks, 0);
        let (passed, steps) = self.progress(page);
        let done = if steps == 0 { String::new() } else { format!(", {passed} of {} done", say::count(steps, "step")) };
        let head = format!("Page {} of {}: {title}{done}\n\n", page + 1, self.course.lessons.len());
        self.say(&plain(head.as_bytes()))?;
        let before = (0..page).find(|before| {
            let (passed, steps) = self.progress(*before);
            passed < steps
        });
        if let Some(before) = before {
            self.say(&format!(
                "Page {} ahead of it is not done yet; this one may be read and tried all the same.\n\n",
                before + 1
            ))?;
        }
        self.read_on()
    }

    /// Shows the page down to the next step to do, and that step with it.
    fn read_on(&mut self) -> io::Result<()> {
        let current = self.current();
        let mut text = String::new();
        while let Some(block) = self.blocks.get(self.shown) {
            self.shown += 1;
            text.push_str(&prose::text(block, &Shown { dialogue: self, page: self.page }));
            if current.is_some_and(|current| prose::steps(block).contains(&current.step)) {
                break;
            }
        }
        self.say(&text)?;
        let hint = match current {
            Some(id) => format!("Enter runs step {}.\n", self.number(id)),
            None if self.page + 1 < self.course.lessons.len() => {
                "This page is done. Enter opens the next one.\n".to_owned()
            }
            None => "This was the last page.\n".to_owned(),
        };
        self.say(&hint)
    }

    /// A step's number on its page, from 1.
    fn number(&self, id: StepId) -> usize {
        self.steps_of(id.lesson).iter().take_while(|other| **other < id).count() + 1
    }

    /// What stands in the place of a step's fence.
    fn fence(&self, id: StepId, source: &str) -> String {
        let Some(step) = self.course.step(id) else { return source.to_owned() };
        if self.states.get(&id) == Some(&StepState::NotExecuted) {
            return format!("Shown only:\n{}", say::indented(source));
        }
        let commands: Vec<String> = step.commands.iter().map(|command| format!("$ {}", command.text)).collect();
        let done = if self.passed(id) { ", done" } else { "" };
        format!("Step {}{done}:\n{}", self.number(id), say::indented(&commands.join("\n")))
    }

    /// Takes what the session tells.
    fn hear(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Step { id, state } => self.moved(id, state),
            Event::Output { text, .. } => self.say(&text),
            Event::Command { id, report, .. } if self.busy == Some(id) => {
                self.end_line()?;
                let text = say::compared(&report);
                self.say(&text)
            }
            Event::StepDone { id, report } => {
                self.reports.insert(id, report);
                Ok(())
            }
            Event::TryOutput { text, .. } => self.say(&text),
            Event::TryDone { report } => {
                self.trying = false;
                self.end_line()?;
                let text = say::tried(&report);
                self.say(&text)
            }
            Event::Notice { text } => self.note(&text),
            Event::Refused { text } => {
                self.trying = false;
                if self.busy.is_some_and(|id| !say::is_running(self.states.get(&id))) {
                    self.busy = None;
                }
                self.note(&text)
            }
            Event::Stopped => {
                self.stopped = true;
                self.busy = None;
                Ok(())
            }
            Event::Command { .. }
            | Event::LessonDone { .. }
            | Event::TakenUp { .. }
            | Event::TryBegun { .. }
            | Event::History { .. }
            | Event::Completions { .. } => Ok(()),
        }
    }

    fn moved(&mut self, id: StepId, state: StepState) -> io::Result<()> {
        let before = self.states.insert(id, state.clone());
        if self.busy != Some(id) {
            return Ok(());
        }
        match state {
            StepState::Hook(phase) => self.say(&format!("Hook {} the step.\n", phase.as_str())),
            StepState::Running(command) => {
                let text = self.course.step(id).and_then(|step| step.commands.get(command));
                let text = text.map_or(String::new(), |command| plain(command.text.as_bytes()));
                self.say(&format!("$ {text}\n"))
            }
            StepState::Settling(what) => self.say(&format!("Waiting: {}\n", plain(what.as_bytes()))),
            StepState::Waiting(seconds) if !matches!(before, Some(StepState::Waiting(_))) => {
                let wait = say::count(usize::try_from(seconds).unwrap_or(0), "second");
                // Where answers are not heard meanwhile, none is offered.
                let skip = if self.is_terminal { "; say skip to go on at once" } else { "" };
                self.say(&format!("Step {} passed.\nWaiting {wait} before the next step{skip}.\n", self.number(id)))
            }
            StepState::Waiting(_) | StepState::NotExecuted => Ok(()),
            StepState::Passed => {
                self.busy = None;
                match before {
                    Some(StepState::Waiting(_)) => self.say("\n")?,
                    _ => self.say(&format!("Step {} passed.\n\n", self.number(id)))?,
                }
                self.read_on()
            }
            StepState::Failed(_) | StepState::Unfinished => {
                self.busy = None;
                let text = self.reports.get(&id).map_or(String::new(), say::failed);
                self.say(&format!(
                    "{text}Enter tries it again; help tells what may be wrong; details tells all; undo goes back.\n"
                ))
            }
            StepState::Ready if self.going_back => {
                self.busy = None;
                self.say(&format!("Back to before step {}.\n", self.number(id)))?;
                self.read_on()
            }
            // That the step before it has passed may be told when this one was asked for already.
            StepState::Ready => Ok(()),
            StepState::Locked => Ok(()),
        }
    }
}
