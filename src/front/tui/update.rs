//! What happens to the model: keys, events of the session, the size of the terminal. Pure; answers requests.

use crossterm::event::{Event as Input, KeyEvent, KeyEventKind};

use super::keys::Action;
use super::model::{Model, Overlay, Reveal, StepView};
use crate::lesson::StepId;
use crate::session::{Event, Request, StepState};
use crate::shell::HookPhase;

/// How many messages are kept.
const NOTICES: usize = 100;

/// Takes what the terminal says.
pub fn input(model: &mut Model, input: &Input) -> Vec<Request> {
    match input {
        Input::Key(key) if key.kind != KeyEventKind::Release => press(model, *key),
        Input::Resize(columns, rows) => {
            model.size = (*columns, *rows);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn press(model: &mut Model, key: KeyEvent) -> Vec<Request> {
    let Some(action) = model.options.keys.action(key) else {
        return Vec::new();
    };
    let confirmed = std::mem::take(&mut model.confirm_quit);
    if model.overlay != Overlay::None {
        return in_overlay(model, action);
    }
    match action {
        Action::Quit if model.running().is_some() && !confirmed => {
            model.confirm_quit = true;
            Vec::new()
        }
        Action::Quit => {
            model.quit = true;
            vec![Request::Quit]
        }
        Action::Interrupt if model.running().is_some() => vec![Request::Cancel],
        Action::Interrupt => {
            model.confirm_quit = true;
            if confirmed {
                model.quit = true;
                return vec![Request::Quit];
            }
            Vec::new()
        }
        Action::Run => run(model),
        Action::Skip => vec![Request::SkipWait],
        Action::Cancel if model.notice_shown => {
            model.notice_shown = false;
            Vec::new()
        }
        Action::Cancel => model.running().map(|_| Request::Cancel).into_iter().collect(),
        Action::Undo => model.selected.map(Request::UndoTo).into_iter().collect(),
        Action::Details => {
            if let Some(step) = model.looked_at().and_then(|id| model.steps.get_mut(&id)) {
                step.details = !step.details;
                model.version += 1;
            }
            Vec::new()
        }
        other => {
            movement(model, other);
            Vec::new()
        }
    }
}

/// Runs the marked step, or goes to the page behind if all steps of this one are passed.
///
/// What is not to be seen yet is shown first: nobody runs a step, or leaves a page, that they have not read.
fn run(model: &mut Model) -> Vec<Request> {
    let Some(id) = model.selected else {
        read_on(model);
        return Vec::new();
    };
    let to_do = !matches!(model.steps.get(&id).map(|step| &step.state), Some(StepState::Passed));
    if to_do && !model.sees(id) {
        let (first, _) = model.places.get(&id).copied().unwrap_or_default();
        if first < model.scrolled() {
            model.reveal = Some(Reveal::Top(id));
        } else {
            let page = model.extent.1.saturating_sub(2).max(1);
            model.scroll_to((model.scrolled() + page).min(first.saturating_sub(2)));
        }
        return Vec::new();
    }
    match model.steps.get(&id).map(|step| &step.state) {
        Some(StepState::Waiting(_)) => {
            model.notices.push("The wait behind the step goes on; `s` skips it.".into());
            model.notice_shown = true;
            Vec::new()
        }
        Some(StepState::Passed) => {
            model.select_next_to_do();
            if model.selected == Some(id) {
                read_on(model);
            } else if let Some(next) = model.selected {
                model.reveal = Some(Reveal::Top(next));
            }
            Vec::new()
        }
        _ => {
            model.reveal = Some(Reveal::End(id));
            vec![Request::Run(id)]
        }
    }
}

/// Scrolls on, and behind the page's end opens the next one.
fn read_on(model: &mut Model) {
    if model.at_end() {
        turn(model, 1);
    } else {
        movement(model, Action::PageDown);
    }
}

fn movement(model: &mut Model, action: Action) {
    let page = model.extent.1.saturating_sub(2).max(1);
    let at = model.scrolled();
    match action {
        Action::Down => model.scroll_to(at + 1),
        Action::Up => model.scroll_to(at.saturating_sub(1)),
        Action::HalfDown => model.scroll_to(at + page / 2 + 1),
        Action::HalfUp => model.scroll_to(at.saturating_sub(page / 2 + 1)),
        Action::PageDown => model.scroll_to(at + page),
        Action::PageUp => model.scroll_to(at.saturating_sub(page)),
        Action::Top => model.scroll_to(0),
        Action::Bottom => model.scroll_to(usize::MAX),
        Action::NextStep | Action::NextMatch => select(model, 1),
        Action::PreviousStep | Action::PreviousMatch => select(model, -1),
        Action::NextPage => turn(model, 1),
        Action::PreviousPage => turn(model, -1),
        Action::Help => model.overlay = Overlay::Help,
        Action::Notices => model.overlay = Overlay::Notices,
        Action::Outline => model.overlay = Overlay::Outline { at: model.lesson },
        _ => {}
    }
}

fn in_overlay(model: &mut Model, action: Action) -> Vec<Request> {
    if let Overlay::Outline { at } = &mut model.overlay {
        let last = model.course.lessons.len().saturating_sub(1);
        match action {
            Action::Down | Action::NextStep => {
                *at = (*at + 1).min(last);
                return Vec::new();
            }
            Action::Up | Action::PreviousStep => {
                *at = at.saturating_sub(1);
                return Vec::new();
            }
            Action::Top => {
                *at = 0;
                return Vec::new();
            }
            Action::Bottom => {
                *at = last;
                return Vec::new();
            }
            Action::Run => {
                let at = *at;
                model.overlay = Overlay::None;
                open(model, at);
                return Vec::new();
            }
            _ => {}
        }
    }
    model.overlay = Overlay::None;
    Vec::new()
}

fn select(model: &mut Model, by: isize) {
    let steps: Vec<StepId> = model.page_steps().map(|(id, _)| id).collect();
    let at = model.selected.and_then(|id| steps.iter().position(|other| *other == id)).unwrap_or(0);
    let to = at.saturating_add_signed(by).min(steps.len().saturating_sub(1));
    if let Some(id) = steps.get(to) {
        model.selected = Some(*id);
        model.reveal = Some(Reveal::Top(*id));
        model.version += 1;
    }
}

fn turn(model: &mut Model, by: isize) {
    let to = model.lesson.saturating_add_signed(by);
    if to < model.course.lessons.len() && to != model.lesson {
        open(model, to);
    }
}

fn open(model: &mut Model, lesson: usize) {
    model.lesson = lesson;
    model.version += 1;
    model.select_next_to_do();
}

/// Takes what the session says.
pub fn event(model: &mut Model, event: Event) {
    model.version += 1;
    model.started = true;
    match event {
        Event::Step { id, state } => step_state(model, id, state),
        Event::Output { id, command, stream, text } => {
            if let Some(step) = model.steps.get_mut(&id) {
                match (command, &step.state) {
                    (Some(command), _) => step.output.entry(command).or_default().push(stream, &text),
                    (None, StepState::Hook(phase)) => {
                        let key = StepView::hook_key(*phase);
                        step.hooks.entry(key).or_default().push(stream, &text);
                    }
                    (None, _) => {}
                }
                follow(model, id);
            }
        }
        Event::Command { id, command, report } => {
            if let Some(step) = model.steps.get_mut(&id) {
                step.commands.insert(command, report);
                follow(model, id);
            }
        }
        Event::StepDone { id, report } => {
            if let Some(step) = model.steps.get_mut(&id) {
                step.commands = report.commands.iter().cloned().enumerate().collect();
                step.report = Some(report);
            }
        }
        Event::Notice { text } => {
            model.notices.push(text);
            let surplus = model.notices.len().saturating_sub(NOTICES);
            model.notices.drain(..surplus);
            model.notice_shown = true;
        }
        Event::LessonDone { .. } => {}
        Event::Stopped => model.quit = true,
    }
}

fn step_state(model: &mut Model, id: StepId, state: StepState) {
    let Some(step) = model.steps.get_mut(&id) else { return };
    let starts = match (&step.state, &state) {
        (StepState::Settling(_), StepState::Running(0)) => true,
        (before, StepState::Hook(HookPhase::Before) | StepState::Running(0)) => {
            !matches!(before, StepState::Hook(_) | StepState::Running(_))
        }
        (_, StepState::Ready | StepState::Locked) => true,
        _ => false,
    };
    if starts {
        step.clear();
    }
    let same = step.state == state;
    step.state = state.clone();
    match state {
        StepState::Ready if !same && id.lesson == model.lesson && model.running().is_none() => {
            let before = model.selected.and_then(|before| model.steps.get(&before));
            if before.is_none_or(|before| before.state == StepState::Passed || before.state == StepState::Locked) {
                model.selected = Some(id);
            }
        }
        StepState::Failed(_) => {
            model.selected = Some(id);
            model.reveal = Some(Reveal::End(id));
        }
        _ => follow(model, id),
    }
}

/// Keeps the end of a running step in view while it is the marked one.
fn follow(model: &mut Model, id: StepId) {
    let running = model.steps.get(&id).is_some_and(StepView::is_running);
    if running && model.selected == Some(id) && id.lesson == model.lesson {
        model.reveal = Some(Reveal::End(id));
    }
}
