//! What is done with what the learner says.

use std::io;

use super::{Dialogue, Shown, prose, say};
use crate::front::clipboard;
use crate::lesson::{StepId, blocks};
use crate::session::{Request, StepState, plain, state_home};

const HELP: &str = "What can be said:
  Enter, or run     run the step, or read on
  again             run the step again
  skip              skip the wait behind a step (while it goes on, in a terminal)
  cancel            end what is running (while it goes on, in a terminal; Ctrl-C does the same)
  try COMMAND       a command of your own, in the steps' shell; it counts for no step
  why               why the last step failed, and where to look further
  details           what the last step did: output differences, hooks, calls
  copy, copy output put the commands, or the output, of the step into a file
  undo N            go back to before step N of this page; without N, before the last step that was done
  reset             go back to the start of this page
  read              this page once more, to where it stands
  search TEXT       where TEXT is on this page and on those behind it
  pages             all pages, and how far they are
  open N            open page N
  next, back        the page behind, the page ahead
  help              this; after a failure its cause first
  quit              save and quit; the next time goes on here
";

/// How many places a search tells.
const FOUND: usize = 20;

impl Dialogue {
    pub(super) fn answer(&mut self, line: &str) -> io::Result<()> {
        // The newline that was typed is on the screen.
        self.prompted = false;
        let (word, rest) = line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim()));
        if self.is_busy() {
            match word {
                "skip" | "s" => self.ask(Request::SkipWait),
                "cancel" | "c" => self.ask(Request::Cancel),
                "quit" | "q" | "exit" if self.waits() => return self.quit(),
                _ if self.waits() => {
                    self.say("The step has passed; the wait before the next one goes on: say skip, quit, or wait.\n")?
                }
                _ if self.trying => self.say("A command is running: say cancel, or wait.\n")?,
                _ => self.say("A step is running: say skip, cancel, or wait.\n")?,
            }
            return Ok(());
        }
        let number = || rest.parse::<usize>().ok().filter(|number| *number > 0);
        match word {
            "" | "run" | "r" => self.go_on(),
            "try" | "t" | "$" | "!" => self.attempt(rest),
            "why" | "explain" | "e" => {
                let text = self.advice();
                self.say(text.as_deref().unwrap_or("No step has failed here.\n"))
            }
            "search" | "/" => self.search(rest),
            "copy" | "y" => self.copy(rest),
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
                    let done = match steps {
                        0 => "to read".to_owned(),
                        _ => format!("{passed} of {}", say::count(steps, "step")),
                    };
                    text.push_str(&format!("{}. {}: {done}{here}\n", page + 1, lesson.front_matter.title));
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
            "help" | "h" | "?" => {
                let text = self.advice().unwrap_or_default();
                self.say(&format!("{text}{HELP}"))
            }
            "quit" | "q" | "exit" => self.quit(),
            "skip" | "s" | "cancel" | "c" => self.say("Nothing is running.\n"),
            other => {
                let text = format!("`{}` is not understood; say help for what can be said.\n", plain(other.as_bytes()));
                self.say(&text)
            }
        }
    }

    fn quit(&mut self) -> io::Result<()> {
        self.ask(Request::Quit);
        self.stopped = true;
        Ok(())
    }

    /// Whether what goes on is the wait behind a step that has passed.
    fn waits(&self) -> bool {
        self.busy.is_some_and(|id| matches!(self.states.get(&id), Some(StepState::Waiting(_))))
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

    /// Runs a command of the learner's own.
    fn attempt(&mut self, command: &str) -> io::Result<()> {
        if command.is_empty() {
            return self.say("Say try and a command, as in: try kubectl get pods\n");
        }
        self.trying = true;
        self.ask(Request::Try(command.to_owned()));
        Ok(())
    }

    /// Why the last step failed, and where to look further.
    fn advice(&self) -> Option<String> {
        let id = self.last.or(self.current())?;
        let Some(StepState::Failed(_)) = self.states.get(&id) else { return None };
        self.reports.get(&id)?.advice.as_ref().map(say::advice)
    }

    /// Tells where a text is, on this page and then on those behind it.
    fn search(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return self.say("Say search and what to look for, as in: search namespace\n");
        }
        let needle = text.to_lowercase();
        let pages = self.course.lessons.len();
        let mut found = Vec::new();
        for page in (self.page..pages).chain(0..self.page) {
            let Some(lesson) = self.course.lessons.get(page) else { continue };
            let all = blocks::of(lesson);
            let shown = Shown { dialogue: self, page };
            let text: String = all.iter().map(|block| prose::text(block, &shown)).collect();
            let lines = text.lines().filter(|line| line.to_lowercase().contains(&needle));
            found.extend(lines.map(|line| format!("Page {}: {}\n", page + 1, line.trim())));
        }
        let mut told: String = found.iter().take(FOUND).map(String::as_str).collect();
        match found.len() {
            0 => told = format!("“{text}” is nowhere in this course.\n"),
            more if more > FOUND => told.push_str(&format!("And {} more.\n", more - FOUND)),
            _ => {}
        }
        self.say(&plain(told.as_bytes()))
    }

    /// Puts the commands of the step to do, or what the last one printed, into a file.
    fn copy(&mut self, what: &str) -> io::Result<()> {
        let output = match what {
            "" | "command" | "commands" => false,
            "output" => true,
            _ => return self.say("Say copy for the step's commands, or copy output.\n"),
        };
        let ran = |id: &StepId| self.reports.contains_key(id);
        let last = self.last.or_else(|| self.steps_of(self.page).into_iter().rfind(ran));
        let said = if output {
            let report = last.and_then(|id| self.reports.get(&id));
            let printed = report.iter().flat_map(|report| &report.commands);
            let text: String = printed.flat_map(|command| [command.stdout.as_str(), &command.stderr]).collect();
            clipboard::copy("the output", &plain(text.as_bytes()), None, &state_home())
        } else {
            let step = self.current().or(last).and_then(|id| self.course.step(id));
            let commands = step.iter().flat_map(|step| &step.commands).map(|command| command.text.as_str());
            let text = commands.collect::<Vec<_>>().join("\n");
            clipboard::copy("the command", &plain(text.as_bytes()), None, &state_home())
        };
        self.say(&format!("{said}\n"))
    }
}
