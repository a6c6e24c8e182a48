//! Colours and signs. Meaning is in words and signs too; colours are of the terminal's own sixteen.

use ratatui::style::{Color, Modifier, Style};

use crate::session::{Cause, StepState};
use crate::shell::HookPhase;

/// The styles that the screen is drawn in.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    /// Whether colours are used at all (NO_COLOR, <https://no-color.org>).
    pub colour: bool,
}

impl Theme {
    /// The theme for the process's environment.
    pub fn from_environment() -> Self {
        Self { colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
    }

    fn in_colour(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// Headings by level, from 1.
    pub fn heading(self, level: u8) -> Style {
        let style = self.in_colour(Color::Cyan).add_modifier(Modifier::BOLD);
        if level == 1 { style.add_modifier(Modifier::UNDERLINED) } else { style }
    }

    /// Code inside of text.
    pub fn code(self) -> Style {
        self.in_colour(Color::Yellow)
    }

    /// Links.
    pub fn link(self) -> Style {
        self.in_colour(Color::Blue).add_modifier(Modifier::UNDERLINED)
    }

    /// What matters less.
    pub fn quiet(self) -> Style {
        if self.colour { Style::new().fg(Color::DarkGray) } else { Style::new().add_modifier(Modifier::DIM) }
    }

    /// What went well.
    pub fn good(self) -> Style {
        self.in_colour(Color::Green)
    }

    /// What did not.
    pub fn bad(self) -> Style {
        self.in_colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What is going on.
    pub fn busy(self) -> Style {
        self.in_colour(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// What can be done now.
    pub fn ready(self) -> Style {
        self.in_colour(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// Bars at the top and bottom.
    pub fn bar(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// An admonition's title and rule, by its kind.
    pub fn admonition(self, kind: &str) -> Style {
        let colour = match kind {
            "tip" => Color::Green,
            "caution" | "warning" => Color::Yellow,
            "danger" => Color::Red,
            _ => Color::Blue,
        };
        self.in_colour(colour).add_modifier(Modifier::BOLD)
    }

    /// A step's style by where it stands.
    pub fn step(self, state: &StepState) -> Style {
        match state {
            StepState::NotExecuted | StepState::Locked => self.quiet(),
            StepState::Ready => self.ready(),
            StepState::Passed => self.good(),
            StepState::Failed(_) | StepState::Unfinished => self.bad(),
            _ => self.busy(),
        }
    }
}

/// A step's sign by where it stands.
pub fn sign(state: &StepState) -> &'static str {
    match state {
        StepState::NotExecuted => " ",
        StepState::Locked => "·",
        StepState::Ready => "▸",
        StepState::Passed => "✓",
        StepState::Failed(_) => "✗",
        StepState::Unfinished => "!",
        _ => "●",
    }
}

/// Where a step stands, in words.
pub fn words(state: &StepState) -> String {
    match state {
        StepState::NotExecuted => "shown only".into(),
        StepState::Locked => "locked".into(),
        StepState::Ready => "ready: Enter runs it".into(),
        StepState::Hook(HookPhase::Before) => "preparing (hook)".into(),
        StepState::Hook(HookPhase::After) => "checking (hook)".into(),
        StepState::Running(command) => format!("running command {}", command + 1),
        StepState::Settling(waits_for) => format!("waiting for the cluster: {waits_for}"),
        StepState::Waiting(left) => format!("waiting {:02}:{:02}", left / 60, left % 60),
        StepState::Passed => "passed".into(),
        StepState::Failed(cause) => format!("failed: {}", cause_words(*cause)),
        StepState::Unfinished => "unfinished, may have changed something".into(),
    }
}

/// Why a step failed, in words.
pub fn cause_words(cause: Cause) -> &'static str {
    match cause {
        Cause::ExitStatus => "a command's exit status is not what it should be",
        Cause::Output => "the output is not what the page shows",
        Cause::Hook => "a hook failed",
        Cause::TimeLimit => "the time limit was reached",
        Cause::Cancelled => "cancelled",
    }
}
