//! The prompt: commands of the learner's own, what they printed, and the line that is being typed.

use std::collections::VecDeque;

use crossterm::event::KeyEvent;

use super::editor::Editor;
use super::output::{KEPT, Output};
use crate::session::{Completions, TryReport};

/// How many commands are shown of those that were tried.
const SHOWN: usize = 200;

/// Where the learner tries commands.
#[derive(Debug, Clone, Default)]
pub struct Prompt {
    /// Whether it is to be seen, and has the keys.
    pub open: bool,
    /// The line that is typed.
    pub editor: Editor,
    /// What was tried, the oldest first.
    pub history: Vec<String>,
    /// The command of the history that is in the line; none for a new one, which is then kept here.
    at: Option<usize>,
    draft: String,
    /// What is looked for in the history, and where it was found.
    pub search: Option<(String, Option<usize>)>,
    /// What was tried since the start, as far as it is shown.
    pub tries: VecDeque<Tried>,
    /// Whether the last one goes on.
    pub running: bool,
    /// The first line that is shown; none follows the end.
    pub top: Option<usize>,
    /// Lines that there were at the last drawing, and rows for them.
    pub laid: (usize, usize),
    /// What the word at the cursor could be.
    pub menu: Option<Menu>,
    /// The number of the last question for completions, and what was asked.
    asked: (u64, String, usize),
    /// Keys that were pressed while a question has no answer yet: they come behind it, as they do in a shell.
    pub waiting: Option<Vec<KeyEvent>>,
}

/// A command and what came of it.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// The command.
    pub command: String,
    /// What it printed.
    pub output: Output,
    /// How it ended.
    pub report: Option<TryReport>,
}

/// What could stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// Where the word begins.
    from: usize,
    /// What it could be.
    pub words: Vec<String>,
    /// The one that is in the line.
    pub chosen: Option<usize>,
}

impl Prompt {
    /// A question what the word at the cursor could be: its number, the line and the cursor.
    pub fn ask(&mut self) -> (u64, String, usize) {
        self.asked = (self.asked.0 + 1, self.editor.text().to_owned(), self.editor.at());
        self.waiting = Some(Vec::new());
        self.asked.clone()
    }

    /// The keys that waited for the answer of that number.
    pub fn waited(&mut self, number: u64) -> Vec<KeyEvent> {
        if self.asked.0 == number { self.waiting.take().unwrap_or_default() } else { Vec::new() }
    }

    /// Takes an answer, if it is the one to the last question and nothing was typed since: what all have in common is put in, and one
    /// that is alone is whole.
    pub fn answered(&mut self, number: u64, completions: Completions) {
        let same = self.asked.0 == number && self.asked.1 == self.editor.text() && self.asked.2 == self.editor.at();
        let Completions { from, words } = completions;
        if !same || words.is_empty() {
            return;
        }
        if let [only] = words.as_slice() {
            let end = if only.ends_with(['/', '=']) { "" } else { " " };
            self.editor.replace(from, &format!("{only}{end}"));
            return;
        }
        let common = common(&words);
        if common.len() > self.editor.at() - from.min(self.editor.at()) {
            self.editor.replace(from, common);
        }
        self.menu = Some(Menu { from, words, chosen: None });
    }

    /// Puts the next word of the menu in, or the one before; whether there is a menu.
    pub fn choose(&mut self, forwards: bool) -> bool {
        let Some(menu) = &mut self.menu else { return false };
        let last = menu.words.len().saturating_sub(1);
        let next = match (menu.chosen, forwards) {
            (None, true) => 0,
            (None, false) => last,
            (Some(at), true) => {
                if at < last {
                    at + 1
                } else {
                    0
                }
            }
            (Some(at), false) => at.checked_sub(1).unwrap_or(last),
        };
        menu.chosen = Some(next);
        if let Some(word) = menu.words.get(next) {
            self.editor.replace(menu.from, word);
        }
        true
    }

    /// Takes the line as a command that is tried now.
    pub fn submit(&mut self) -> String {
        let command = self.editor.take();
        self.menu = None;
        self.top = None;
        self.at = None;
        self.draft.clear();
        self.remember(&command);
        command
    }

    fn remember(&mut self, command: &str) {
        if self.history.last().is_none_or(|last| last != command) {
            self.history.push(command.to_owned());
        }
    }

    /// Puts the command before in the line, or the one behind; what was being typed is behind the last.
    pub fn recall(&mut self, back: bool) {
        let at = match (self.at, back) {
            (None, true) => self.history.len().checked_sub(1),
            (None, false) => return,
            (Some(at), true) => Some(at.saturating_sub(1)),
            (Some(at), false) => Some(at + 1).filter(|at| *at < self.history.len()),
        };
        if self.at.is_none() {
            self.editor.text().clone_into(&mut self.draft);
        }
        self.at = at;
        let text = at.and_then(|at| self.history.get(at)).unwrap_or(&self.draft).clone();
        self.editor.set(text);
    }

    /// Finds the newest command that holds what is looked for, or the one before it.
    pub fn find(&mut self, older: bool) {
        let Some((text, found)) = &mut self.search else { return };
        let end = match (older, *found) {
            (true, Some(at)) => at,
            _ => self.history.len(),
        };
        let hit = self.history.iter().take(end).rposition(|command| command.contains(text.as_str()));
        if hit.is_some() || !older {
            *found = hit;
        }
    }

    /// Ends the search; what was found is put in the line if it is wanted.
    pub fn found(&mut self, wanted: bool) {
        let Some((_, found)) = self.search.take() else { return };
        if let Some(at) = found.filter(|_| wanted) {
            if self.at.is_none() {
                self.editor.text().clone_into(&mut self.draft);
            }
            self.at = Some(at);
            self.editor.set(self.history.get(at).cloned().unwrap_or_default());
        }
    }

    /// A command began.
    pub fn begun(&mut self, command: String) {
        self.running = true;
        self.tries.push_back(Tried { command, ..Tried::default() });
        let mut bytes: usize = self.tries.iter().map(|tried| tried.output.bytes()).sum();
        while self.tries.len() > SHOWN || (bytes > KEPT && self.tries.len() > 1) {
            bytes -= self.tries.pop_front().map_or(0, |tried| tried.output.bytes());
        }
    }

    /// The session has ended: nothing goes on, and nobody answers.
    pub fn ended(&mut self) {
        self.running = false;
        self.waiting = None;
    }

    /// Lines of everything that is shown: each command, what it printed, how it ended.
    pub fn len(&self) -> usize {
        self.tries.iter().map(Tried::len).sum()
    }
}

impl Tried {
    /// Its lines.
    pub fn len(&self) -> usize {
        self.command.lines().count().max(1) + self.output.len() + usize::from(self.ending().is_some())
    }

    /// How it ended, where that is not as one would think.
    pub fn ending(&self) -> Option<String> {
        let report = self.report.as_ref()?;
        match report.cause {
            Some(crate::session::Cause::TimeLimit) => Some("the time limit was reached".to_owned()),
            Some(crate::session::Cause::Fault) => Some("lectern's own fault".to_owned()),
            Some(_) => Some("cancelled".to_owned()),
            None if report.exit_status != 0 => Some(format!("exit status {}", report.exit_status)),
            None => None,
        }
    }
}

/// What all words begin with.
fn common(words: &[String]) -> &str {
    let Some((first, rest)) = words.split_first() else { return "" };
    let mut len = first.len();
    for word in rest {
        let same = first.char_indices().zip(word.chars()).find(|((_, a), b)| a != b);
        len = len.min(same.map_or(word.len(), |((at, _), _)| at)).min(word.len());
    }
    first.get(..len).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn completions_are_put_in_as_far_as_they_agree() {
        let mut prompt = Prompt::default();
        prompt.editor.set("kubectl get de");
        let (number, ..) = prompt.ask();
        prompt.answered(number, Completions { from: 12, words: words(&["deployments", "deploymentx"]) });
        assert_eq!(prompt.editor.text(), "kubectl get deployment");
        assert!(prompt.choose(true) && prompt.choose(true));
        assert_eq!(prompt.editor.text(), "kubectl get deploymentx");
        assert!(prompt.choose(true));
        assert_eq!(prompt.editor.text(), "kubectl get deployments");
        prompt.menu = None;
        let (number, ..) = prompt.ask();
        prompt.answered(number, Completions { from: 12, words: words(&["deployments"]) });
        assert_eq!(prompt.editor.text(), "kubectl get deployments ");
        let (number, ..) = prompt.ask();
        prompt.editor.set("x");
        prompt.answered(number, Completions { from: 0, words: words(&["late"]) });
        assert_eq!(prompt.editor.text(), "x");
        assert_eq!(common(&words(&["漢字", "漢語"])), "漢");
    }

    #[test]
    fn the_history_is_gone_through_and_searched() {
        let mut prompt = Prompt { history: words(&["one", "two", "one more"]), ..Prompt::default() };
        prompt.editor.set("typed");
        for (back, text) in [(true, "one more"), (true, "two"), (false, "one more"), (false, "typed"), (false, "typed")]
        {
            prompt.recall(back);
            assert_eq!(prompt.editor.text(), text);
        }
        prompt.search = Some(("one".into(), None));
        prompt.find(false);
        prompt.find(true);
        prompt.found(true);
        assert_eq!(prompt.editor.text(), "one");
        assert_eq!(prompt.submit(), "one");
        assert_eq!(prompt.history.last().map(String::as_str), Some("one"));
    }
}
