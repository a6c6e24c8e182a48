//! The same session as a dialogue in lines: for pipes, dumb terminals and screen readers. Nothing moves the cursor, and
//! nothing is said by colour alone. Answers are lines of standard input; a line that is there already waits until the step
//! that was asked for before it has ended.

mod prose;
mod say;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::lesson::blocks::{self, Block};
use crate::lesson::{Course, StepId};
use crate::session::{Event, Request, StepReport, StepState, plain};

const HELP: &str = "What can be said:
  Enter, or run     run the step, or read on
  again             run the step again
  skip              skip the wait behind a step (while it goes on, in a terminal)
  cancel            end what is running (while it goes on, in a terminal; Ctrl-C does the same)
  details           what the last step did: output differences, hooks, calls
  undo N            go back to before step N of this page; without N, before the last step that was done
  reset             go back to the start of this page
  read              this page once more, to where it stands
  pages             all pages, and how far they are
  open N            open page N
  next, back        the page behind, the page ahead
  help              this
  quit              save and quit; the next time goes on here
";

/// Goes through the course until the learner quits, the input ends, the session ends, or a signal comes; answers the exit
/// status. `signal` waits for the next signal and answers its exit status.
///
/// # Errors
/// When standard output cannot be written.
pub async fn run<S: Future<Output = u8>>(
    course: Arc<Course>,
    requests: UnboundedSender<Request>,
    mut events: UnboundedReceiver<Event>,
    signal: impl Fn() -> S,
) -> io::Result<u8> {
    let mut lines = answers();
    let mut dialogue = Dialogue::new(course, requests);
    let mut next = Box::pin(signal());
    while !dialogue.is_announced() {
        match events.recv().await {
            Some(event) => dialogue.hear(event)?,
            None => return Ok(0),
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
            status = &mut next => {
                next = Box::pin(signal());
                // Ctrl-C ends what runs first.
                if status == 130 && dialogue.is_busy() {
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
                Some(line) => dialogue.answer(line.trim())?,
                None => {
                    dialogue.ask(Request::Quit);
                    return Ok(0);
                }
            },
        }
    }
}

/// The lines of standard input, as they come.
fn answers() -> UnboundedReceiver<String> {
    let (tell, lines) = unbounded_channel();
    // It ends with the input, or with the process: nothing waits for it.
    std::thread::spawn(move || {
        for line in io::stdin().lines() {
            let Ok(line) = line else { break };
            if tell.send(line).is_err() {
                break;
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
    prompted: bool,
    is_terminal: bool,
    stopped: bool,
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
            prompted: false,
            is_terminal: io::stdin().is_terminal(),
            stopped: false,
        }
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.prompted = false;
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
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
        self.busy.is_some()
    }

    fn prompt(&mut self) -> io::Result<()> {
        if self.prompted {
            return Ok(());
        }
        self.say("> ")?;
        self.prompted = true;
        Ok(())
    }

    /// The executed steps of a page.
    fn steps_of(&self, page: usize) -> Vec<StepId> {
        let steps = self.states.iter().filter(|(id, state)| id.lesson == page && **state != StepState::NotExecuted);
        steps.map(|(id, _)| *id).collect()
    }

    fn passed(&self, id: StepId) -> bool {
        self.states.get(&id) == Some(&StepState::Passed)
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
            let page = self.page;
            text.push_str(&prose::text(block, &|number, source| {
                self.fence(StepId { lesson: page, step: number }, source)
            }));
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

    fn answer(&mut self, line: &str) -> io::Result<()> {
        // The newline that was typed is on the screen.
        self.prompted = false;
        let (word, rest) = line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim()));
        if self.is_busy() {
            match word {
                "skip" | "s" => self.ask(Request::SkipWait),
                "cancel" | "c" => self.ask(Request::Cancel),
                _ => self.say("A step is running: say skip, cancel, or wait.\n")?,
            }
            return Ok(());
        }
        let number = || rest.parse::<usize>().ok().filter(|number| *number > 0);
        match word {
            "" | "run" | "r" => self.go_on(),
            "again" | "retry" => match self.last.or(self.current()) {
                Some(id) => self.start(id),
                None => self.say("There is no step to run.\n"),
            },
            "details" | "d" => match self.last.and_then(|id| self.reports.get(&id)) {
                Some(report) => {
                    let text = say::details(report);
                    self.say(&text)
                }
                None => self.say("No step has been run yet.\n"),
            },
            "undo" | "u" => {
                let steps = self.steps_of(self.page);
                let wanted = match number() {
                    Some(number) => steps.get(number - 1).copied(),
                    None => steps.into_iter().rev().find(|id| self.reports.contains_key(id)),
                };
                self.undo(wanted)
            }
            "reset" => self.undo(self.steps_of(self.page).first().copied()),
            "read" => {
                self.shown = 0;
                self.read_on()
            }
            "pages" | "p" => {
                let mut text = String::new();
                for (page, lesson) in self.course.lessons.iter().enumerate() {
                    let (passed, steps) = self.progress(page);
                    let here = if page == self.page { " (here)" } else { "" };
                    text.push_str(&format!(
                        "{}. {}: {passed} of {}{here}\n",
                        page + 1,
                        lesson.front_matter.title,
                        say::count(steps, "step")
                    ));
                }
                self.say(&plain(text.as_bytes()))
            }
            "open" | "o" => match number() {
                Some(number) => self.open(number - 1),
                None => self.say("Say open and the page's number, as in open 3.\n"),
            },
            "next" | "n" => self.open(self.page + 1),
            "back" | "b" => match self.page.checked_sub(1) {
                Some(page) => self.open(page),
                None => self.say("This is the first page.\n"),
            },
            "help" | "h" | "?" => self.say(HELP),
            "quit" | "q" | "exit" => {
                self.ask(Request::Quit);
                self.stopped = true;
                Ok(())
            }
            "skip" | "s" | "cancel" | "c" => self.say("Nothing is running.\n"),
            other => {
                let text = format!("`{}` is not understood; say help for what can be said.\n", plain(other.as_bytes()));
                self.say(&text)
            }
        }
    }

    /// Runs the step to do, or opens the next page.
    fn go_on(&mut self) -> io::Result<()> {
        match self.current() {
            Some(id) => self.start(id),
            None if self.page + 1 < self.course.lessons.len() => self.open(self.page + 1),
            None => self.say("This was the last page. Say quit to leave, or pages to see them all.\n"),
        }
    }

    fn start(&mut self, id: StepId) -> io::Result<()> {
        self.last = Some(id);
        self.busy = Some(id);
        self.going_back = false;
        self.ask(Request::Run(id));
        Ok(())
    }

    fn undo(&mut self, id: Option<StepId>) -> io::Result<()> {
        let Some(id) = id.filter(|id| self.reports.contains_key(id) || self.passed(*id)) else {
            return self.say("There is nothing to undo there.\n");
        };
        self.ask(Request::UndoTo(id));
        self.busy = Some(id);
        self.going_back = true;
        self.shown = 0;
        Ok(())
    }

    /// Takes what the session tells.
    fn hear(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Step { id, state } => self.moved(id, state),
            Event::Output { text, .. } => self.say(&text),
            Event::Command { id, report, .. } if self.busy == Some(id) => {
                let text = say::compared(&report);
                self.say(&text)
            }
            Event::StepDone { id, report } => {
                self.reports.insert(id, report);
                Ok(())
            }
            Event::Notice { text } => {
                // A refused request ends with what is said of it.
                if self.busy.is_some_and(|id| !say::is_running(self.states.get(&id))) {
                    self.busy = None;
                }
                self.say(&format!("Note: {}\n", plain(text.as_bytes())))
            }
            Event::Stopped => {
                self.stopped = true;
                self.busy = None;
                Ok(())
            }
            Event::Command { .. } | Event::LessonDone { .. } | Event::TakenUp { .. } => Ok(()),
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
            StepState::Waiting(seconds) if !matches!(before, Some(StepState::Waiting(_))) => self.say(&format!(
                "Waiting {} behind the step.\n",
                say::count(usize::try_from(seconds).unwrap_or(0), "second")
            )),
            StepState::Waiting(_) | StepState::NotExecuted => Ok(()),
            StepState::Passed => {
                self.busy = None;
                self.say(&format!("Step {} passed.\n\n", self.number(id)))?;
                self.read_on()
            }
            StepState::Failed(_) | StepState::Unfinished => {
                self.busy = None;
                let text = self.reports.get(&id).map_or(String::new(), say::failed);
                self.say(&format!("{text}Enter tries it again; details tells all; undo goes back.\n"))
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
