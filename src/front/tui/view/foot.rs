//! The line at the bottom: what can be done now, or what is being typed.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::front::tui::keys::Action;
use crate::front::tui::model::{Model, Overlay, TypingFor};
use crate::front::tui::theme::{Theme, words};
use crate::front::tui::wrap::{columns, fit};
use crate::session::StepState;

pub(super) fn footer(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let width = usize::from(area.width);
    let text = match &model.typing {
        Some(typing) => {
            let prompt = match typing.what {
                TypingFor::Search => "/",
                TypingFor::Palette => ":",
            };
            // The end is where one types.
            let mut text = format!(" {prompt}{}▏", typing.text);
            while columns(&text) > width && text.pop().is_some() {
                let mut rest = text.chars();
                rest.next();
                text = format!("{}▏", rest.as_str().trim_end_matches('▏'));
                if text.chars().count() <= 1 {
                    break;
                }
            }
            text
        }
        None => hints(model, width),
    };
    let text = fit(&text, width);
    let gap = " ".repeat(width.saturating_sub(columns(&text)));
    frame.render_widget(Paragraph::new(Line::styled(format!("{text}{gap}"), theme.bar())), area);
}

fn hints(model: &Model, width: usize) -> String {
    if model.confirm_quit {
        return match (model.running(), model.is_busy()) {
            (running, true) => {
                let quit = model.options.keys.hint(Action::Quit);
                let what = if running.is_some() { "step" } else { "command" };
                format!(" A {what} is running. {quit} again quits and cancels it; any other key goes on.")
            }
            (_, false) => {
                let (quit, interrupt) =
                    (model.options.keys.hint(Action::Quit), model.options.keys.hint(Action::Interrupt));
                format!(" {interrupt} again, or {quit}, quits.")
            }
        };
    }
    let mut keys = Keys { model, shown: Vec::new() };
    if !model.started {
        keys.shown.push((9, "Starting the sandbox …".into()));
        keys.add(9, Action::Quit, "quit");
        return keys.line(width);
    }
    match model.overlay {
        Overlay::None if model.prompt.open => {
            prompt(model, &mut keys);
            return keys.line(width);
        }
        Overlay::None if model.home => {
            keys.add(9, Action::Run, if model.home_at.is_none() { "go on" } else { "open" });
            keys.shown.push((5, "j/k move".into()));
            keys.add(4, Action::Search, "search");
        }
        Overlay::None if model.output => {
            let follows = model.output_top.is_none();
            keys.add(8, Action::Output, "back to the page");
            if !follows {
                keys.add(7, Action::Bottom, "follow");
            }
            keys.add(5, Action::Search, "search");
            keys.add(6, Action::CopyOutput, "copy");
        }
        Overlay::None => page(model, &mut keys),
        Overlay::Outline { .. } | Overlay::Links { .. } | Overlay::Palette { .. } => {
            keys.add(8, Action::Run, "open");
            keys.add(8, Action::Cancel, "close");
        }
        Overlay::Help { .. } | Overlay::Notices { .. } => keys.add(8, Action::Cancel, "close"),
    }
    keys.add(9, Action::Help, "keys");
    keys.add(9, Action::Quit, "quit");
    keys.line(width)
}

fn prompt(model: &Model, keys: &mut Keys<'_>) {
    let mut add = |matters, text: &str| keys.shown.push((matters, text.to_owned()));
    if model.prompt.search.is_some() {
        add(9, "Enter run");
        add(8, "Tab take");
        add(7, "Ctrl-R older");
        add(8, "Esc leave");
        return;
    }
    match model.prompt.running {
        true => add(9, "Ctrl-C cancel"),
        false => add(9, "Enter run"),
    }
    add(8, "Tab complete");
    add(6, "Up before");
    add(5, "Ctrl-R search");
    add(4, "PgUp scroll");
    add(3, "Ctrl-L clear");
    add(9, "Esc back to the page");
}

fn page(model: &Model, keys: &mut Keys<'_>) {
    match model.running().or(model.waiting()).and_then(|id| model.steps.get(&id)).map(|step| &step.state) {
        Some(StepState::Waiting(left)) => {
            keys.shown.push((7, format!("waiting {left} s before the next step")));
            keys.add(9, Action::Cancel, "go on");
        }
        Some(state @ StepState::Hook(_)) => keys.shown.push((7, words(state))),
        _ => {}
    }
    let state = model.selected.and_then(|id| model.steps.get(&id)).map(|step| &step.state);
    let seen = model.selected.is_none_or(|id| model.sees(id));
    match state {
        Some(StepState::Ready | StepState::Failed(_)) if !seen => keys.add(9, Action::Run, "read on"),
        Some(StepState::Ready) => keys.add(9, Action::Run, "run"),
        Some(StepState::Failed(_) | StepState::Unfinished) => keys.add(9, Action::Run, "try again"),
        Some(StepState::Settling(_)) => keys.add(9, Action::Skip, "stop waiting"),
        Some(StepState::Passed) | None if !model.at_end() => keys.add(9, Action::Run, "read on"),
        Some(StepState::Passed) | None if model.lesson + 1 < model.course.lessons.len() => {
            keys.add(9, Action::Run, "next page");
        }
        _ => {}
    }
    if model.prompt.running {
        keys.shown.push((7, "a command runs at the prompt".into()));
    }
    if model.is_busy() {
        keys.add(8, Action::Cancel, "cancel");
    }
    if model.preview {
        keys.add(6, Action::RunTo, "run to here");
        keys.add(6, Action::Findings, "findings");
    }
    if !model.search.is_empty() {
        keys.add(7, Action::NextMatch, "next match");
    }
    if matches!(state, Some(StepState::Failed(_))) {
        keys.add(7, Action::Explain, "help");
    }
    if state.is_some() {
        keys.add(4, Action::Prompt, "prompt");
    }
    if model.looked_at().is_some() {
        keys.add(5, Action::Output, "output");
        keys.add(3, Action::Details, "details");
    }
    if state.is_some_and(|state| state.has_passed() || matches!(state, StepState::Failed(_))) {
        keys.add(6, Action::Undo, "undo");
    }
    if model.course.lessons.len() > 1 {
        keys.add(4, Action::Home, "course");
    }
    keys.add(2, Action::Search, "search");
    keys.add(1, Action::NextStep, "next step");
    if model.course.lessons.len() > 1 {
        keys.add(4, Action::NextPage, "page");
    }
    keys.add(3, Action::Palette, "all");
}

/// Keys with how much they matter.
struct Keys<'a> {
    model: &'a Model,
    shown: Vec<(u8, String)>,
}

impl Keys<'_> {
    fn add(&mut self, matters: u8, action: Action, what: &str) {
        let key = self.model.options.keys.hint(action);
        if !key.is_empty() {
            self.shown.push((matters, format!("{key} {what}")));
        }
    }

    /// As many of them as there is room for; the way to all keys, and out, before all others.
    fn line(mut self, width: usize) -> String {
        loop {
            let text = format!(" {}", self.shown.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("  "));
            let least = self.shown.iter().map(|(matters, _)| *matters).min().unwrap_or(9);
            if columns(&text) < width || self.shown.len() < 2 {
                return text;
            }
            if let Some(at) = self.shown.iter().rposition(|(matters, _)| *matters == least) {
                self.shown.remove(at);
            }
        }
    }
}
