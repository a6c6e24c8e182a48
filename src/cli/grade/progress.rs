//! How far a grading is, on standard error: a line a step, and on a terminal a bar below them.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use crate::report::step_line;
use crate::session::{StepReport, plain};

/// How wide the bar is, in characters.
const WIDTH: usize = 24;

/// Counts the steps of all courses that are graded. Several threads may tell it.
pub struct Progress {
    all: usize,
    bar: bool,
    done: Mutex<(usize, String)>,
}

impl Progress {
    /// Nothing is done yet of so many steps.
    pub fn new(all: usize) -> Self {
        Self { all, bar: io::stderr().is_terminal(), done: Mutex::new((0, String::new())) }
    }

    /// A step of a page ended.
    pub fn step(&self, page: &str, report: &StepReport, command: &str) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.0 += 1;
        let mut text = String::new();
        if done.1 != page {
            page.clone_into(&mut done.1);
            text.push_str(&format!("{}\n", plain(page.as_bytes())));
        }
        text.push_str(&format!("{}\n", step_line(report, command)));
        self.write(&text, done.0);
    }

    /// Something to be said.
    pub fn line(&self, line: &str) {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(&format!("{}\n", plain(line.as_bytes())), done.0);
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if self.bar {
            drop(io::stderr().lock().write_all(b"\r\x1b[K"));
        }
    }

    fn write(&self, text: &str, done: usize) {
        let bar = if self.bar { format!("\r\x1b[K{text}{}", self.drawn(done)) } else { text.to_owned() };
        // Nobody can be told that standard error is gone.
        drop(io::stderr().lock().write_all(bar.as_bytes()));
    }

    fn drawn(&self, done: usize) -> String {
        let filled = (done * WIDTH).checked_div(self.all).unwrap_or(WIDTH).min(WIDTH);
        format!("  [{}{}] {done}/{} steps", "#".repeat(filled), "-".repeat(WIDTH - filled), self.all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_and_never_overflows() {
        let progress = Progress { all: 4, bar: true, done: Mutex::new((0, String::new())) };
        assert_eq!(progress.drawn(1), format!("  [{}{}] 1/4 steps", "#".repeat(6), "-".repeat(18)));
        assert_eq!(progress.drawn(4).matches('#').count(), WIDTH);
        assert_eq!(progress.drawn(9).matches('#').count(), WIDTH);
        let none = Progress { all: 0, bar: true, done: Mutex::new((0, String::new())) };
        assert_eq!(none.drawn(0).matches('#').count(), WIDTH);
    }
}
