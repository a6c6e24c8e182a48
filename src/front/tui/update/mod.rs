//! What happens to the model: keys, the mouse, events of the session, the size of the terminal. Pure; answers requests.

mod output;
mod over;
pub mod palette;
mod prompt;
mod search;
mod session;

pub use session::event;

use crossterm::event::{Event as Input, KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};

use super::keys::Action;
use super::model::{Difference, Model, Overlay, Reveal, Typing, TypingFor, Wish};
use crate::compare::Outcome;
use crate::lesson::StepId;
use crate::session::{Request, StepState};

/// Takes what the terminal says.
pub fn input(model: &mut Model, input: &Input) -> Vec<Request> {
    match input {
        Input::Key(key) if key.kind != KeyEventKind::Release => press(model, *key),
        Input::Mouse(mouse) if model.mouse => {
            point(model, *mouse);
            Vec::new()
        }
        Input::Paste(text) => {
            if let Some(typing) = &mut model.typing {
                typing.text.push_str(&crate::session::plain(text.as_bytes()).replace(['\n', '\t'], " "));
            } else if model.has_prompt_keys() {
                prompt::paste(model, text);
            }
            Vec::new()
        }
        Input::Resize(columns, rows) => {
            model.size = (*columns, *rows);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn press(model: &mut Model, key: KeyEvent) -> Vec<Request> {
    if model.typing.is_some() {
        return search::typed(model, key);
    }
    if model.has_prompt_keys() {
        return prompt::press(model, key);
    }
    match model.options.keys.action(key) {
        Some(action) => act(model, action),
        None => {
            model.confirm_quit = false;
            model.confirm_undo = None;
            Vec::new()
        }
    }
}

/// Does what was asked for, by a key or from the palette.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Request> {
    let confirmed = std::mem::take(&mut model.confirm_quit);
    let undo = model.confirm_undo.take();
    // These are the same everywhere.
    match action {
        Action::Interrupt if model.is_busy() => return vec![Request::Cancel],
        Action::Interrupt if model.waiting().is_some() => return vec![Request::SkipWait],
        Action::Interrupt => return quit(model, confirmed),
        Action::Suspend => {
            model.wishes.push(Wish::Suspend);
            return Vec::new();
        }
        Action::Redraw => {
            model.wishes.push(Wish::Redraw);
            return Vec::new();
        }
        action if action.is_of_authors() => {
            model.overlay = Overlay::None;
            model.wishes.push(Wish::Author(action));
            return Vec::new();
        }
        Action::Mouse => {
            model.mouse = !model.mouse;
            model.wishes.push(Wish::Mouse(model.mouse));
            let key = model.options.keys.hint(Action::Mouse);
            model.say(if model.mouse {
                format!("The mouse scrolls and marks; {key} gives it back to the terminal, for its selection.")
            } else {
                "The mouse is the terminal's again.".to_owned()
            });
            return Vec::new();
        }
        _ => {}
    }
    if model.overlay != Overlay::None {
        return over::act(model, action);
    }
    match action {
        Action::Quit => {
            let sure = confirmed || !model.is_busy();
            return quit(model, sure);
        }
        Action::Help => model.overlay = Overlay::Help { at: 0 },
        Action::Notices => model.overlay = Overlay::Notices { at: 0 },
        Action::Outline => model.overlay = Overlay::Outline { at: model.lesson },
        Action::Palette => {
            model.overlay = Overlay::Palette { at: 0 };
            model.typing = Some(Typing { what: TypingFor::Palette, text: String::new() });
        }
        Action::Prompt => prompt::open(model),
        Action::Search => model.typing = Some(Typing { what: TypingFor::Search, text: String::new() }),
        // Of a wait it was said that this key skips it.
        Action::Cancel if model.notice_shown && model.waiting().is_none() => model.notice_shown = false,
        Action::Cancel if !model.search.is_empty() => {
            model.search.clear();
            model.found = None;
        }
        _ if model.home => over::home(model, action),
        _ if model.output && output::act(model, action) => {}
        _ => return on_page(model, action, undo),
    }
    Vec::new()
}

fn quit(model: &mut Model, sure: bool) -> Vec<Request> {
    model.confirm_quit = !sure;
    model.quit = sure;
    if sure { vec![Request::Quit] } else { Vec::new() }
}

/// Goes back to before a step. What takes more than one step with it is asked for twice: that is much work lost for a slip.
fn go_back(model: &mut Model, action: Action, id: StepId, asked: Option<StepId>) -> Vec<Request> {
    let lost = model.steps.range(id..).filter(|(_, step)| step.state.has_passed()).count();
    if lost > 1 && asked != Some(id) && !model.preview {
        model.confirm_undo = Some(id);
        let key = model.options.keys.hint(action);
        model.say(format!("That undoes {lost} steps that are done: {key} again does it."));
        return Vec::new();
    }
    model.notice_shown &= asked.is_none();
    model.selected = Some(id);
    model.reveal = Some(Reveal::Top(id));
    vec![Request::UndoTo(id)]
}

fn on_page(model: &mut Model, action: Action, undo: Option<StepId>) -> Vec<Request> {
    match action {
        Action::Run => return run(model),
        Action::Skip => return vec![Request::SkipWait],
        Action::Cancel if model.is_busy() => return vec![Request::Cancel],
        Action::Cancel if model.waiting().is_some() => {
            model.notice_shown = false;
            return vec![Request::SkipWait];
        }
        Action::Undo | Action::Reset => {
            let first = model.page_steps().next().map(|(id, _)| id);
            return match if action == Action::Undo { model.selected } else { first } {
                Some(id) => go_back(model, action, id, undo),
                None => Vec::new(),
            };
        }
        Action::Details => {
            change_step(model, |step| step.details = !step.details);
            // They stand at its end, which may be below the screen's.
            model.reveal = model.looked_at().filter(|id| model.steps[id].details).map(Reveal::End);
        }
        Action::Explain => {
            let failed = |model: &Model, id: StepId| matches!(model.steps[&id].state, StepState::Failed(_));
            match model.looked_at().filter(|id| failed(model, *id)) {
                Some(id) => {
                    change_step(model, |step| step.explained = !step.explained);
                    model.reveal = Some(Reveal::End(id));
                }
                None => model.say("No step has failed here."),
            }
        }
        Action::Diff => {
            let differs = |id: StepId| {
                model.steps[&id].commands.values().any(|command| command.comparison.verdict == Outcome::Mismatch)
            };
            match model.looked_at().filter(|id| differs(*id)) {
                Some(id) => model.reveal = Some(Reveal::End(id)),
                None => {
                    model.say("No output differs here from what the page shows.");
                    return Vec::new();
                }
            }
            model.difference = match model.difference {
                Difference::Places => Difference::Unified,
                Difference::Unified => Difference::SideBySide,
                Difference::SideBySide => Difference::Places,
            };
        }
        Action::Output => {
            if model.looked_at().is_some() {
                model.output = true;
                model.output_top = None;
            } else {
                model.say("No step has run on this page yet: there is no output.");
            }
        }
        Action::Home => {
            model.home = true;
            model.home_at = Some(model.lesson);
        }
        Action::Links => model.overlay = Overlay::Links { at: 0 },
        Action::Tab => turn_tab(model),
        Action::CopyCommand | Action::CopyOutput => output::copy(model, action),
        other => movement(model, other),
    }
    Vec::new()
}

fn change_step(model: &mut Model, change: impl FnOnce(&mut super::model::StepView)) {
    if let Some(step) = model.looked_at().and_then(|id| model.steps.get_mut(&id)) {
        change(step);
        step.version += 1;
    }
}

/// Turns the first group of tabs that is to be seen, or the last one above.
fn turn_tab(model: &mut Model) {
    let (from, end) = (model.scrolled(), model.scrolled() + model.laid.page.1);
    let seen = model.laid.tabs.iter().find(|(line, ..)| (from..end).contains(line));
    match seen.or_else(|| model.laid.tabs.iter().rfind(|(line, ..)| *line < from)) {
        Some((_, group, count)) => {
            let open = model.tabs.entry((model.lesson, *group)).or_default();
            *open = (*open + 1) % (*count).max(1);
        }
        None => model.say("There are no tabs to be seen here."),
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
    let to_do = !model.steps.get(&id).is_some_and(|step| step.state.has_passed());
    if to_do && !model.sees(id) {
        let (first, _) = model.laid.steps.get(&id).copied().unwrap_or_default();
        if first < model.scrolled() {
            model.reveal = Some(Reveal::Top(id));
        } else {
            let page = model.laid.page.1.saturating_sub(2).max(1);
            model.scroll_to((model.scrolled() + page).min(first.saturating_sub(2)));
        }
        return Vec::new();
    }
    match model.steps.get(&id).map(|step| &step.state) {
        Some(StepState::Waiting(_)) => {
            let key = model.options.keys.hint(Action::Cancel);
            model.say(format!("The step has passed; the wait before the next one goes on, {key} skips it."));
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
            model.output_top = None;
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
    let page = model.laid.page.1.saturating_sub(2).max(1);
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
        Action::NextStep => select(model, 1),
        Action::PreviousStep => select(model, -1),
        Action::NextMatch if model.search.is_empty() => select(model, 1),
        Action::PreviousMatch if model.search.is_empty() => select(model, -1),
        Action::NextMatch => search::next(model, true),
        Action::PreviousMatch => search::next(model, false),
        Action::NextPage => turn(model, 1),
        Action::PreviousPage => turn(model, -1),
        _ => {}
    }
}

fn select(model: &mut Model, by: isize) {
    let steps: Vec<StepId> = model.page_steps().map(|(id, _)| id).collect();
    let at = model.selected.and_then(|id| steps.iter().position(|other| *other == id)).unwrap_or(0);
    let to = at.saturating_add_signed(by).min(steps.len().saturating_sub(1));
    if let Some(id) = steps.get(to) {
        model.selected = Some(*id);
        model.reveal = Some(Reveal::Top(*id));
        model.output_top = None;
    }
}

fn turn(model: &mut Model, by: isize) {
    let to = model.lesson.saturating_add_signed(by);
    if to < model.course.lessons.len() && to != model.lesson {
        open(model, to);
    }
}

/// Opens a page.
pub(super) fn open(model: &mut Model, lesson: usize) {
    model.home = false;
    model.output = false;
    model.output_top = None;
    model.found = None;
    if model.lesson != lesson {
        model.lesson = lesson;
        model.laid = super::model::Laid::default();
    }
    model.select_next_to_do();
}

/// The mouse: its wheel scrolls, a click marks a step or opens a page.
fn point(model: &mut Model, mouse: MouseEvent) {
    let by = |model: &mut Model, action| {
        for _ in 0..3 {
            drop(act(model, action));
        }
    };
    match mouse.kind {
        MouseEventKind::ScrollDown if model.has_prompt_keys() => prompt::scroll(model, true, false),
        MouseEventKind::ScrollUp if model.has_prompt_keys() => prompt::scroll(model, false, false),
        MouseEventKind::ScrollDown => by(model, Action::Down),
        MouseEventKind::ScrollUp => by(model, Action::Up),
        MouseEventKind::Down(MouseButton::Left) if model.overlay == Overlay::None => {
            let (top, left, rows, columns) = model.laid.area;
            let in_page = !model.home
                && !model.output
                && (top..top.saturating_add(rows)).contains(&mouse.row)
                && (left..left.saturating_add(columns)).contains(&mouse.column);
            if in_page {
                let line = model.scrolled() + usize::from(mouse.row - top);
                let hit = model.laid.steps.iter().find(|(_, (first, last))| (*first..=*last).contains(&line));
                if let Some(id) = hit.map(|(id, _)| *id) {
                    model.selected = Some(id);
                }
            } else if let Some((_, lesson)) = model.laid.pages.iter().find(|(row, _)| *row == mouse.row).copied()
                && (model.home || mouse.column < left)
            {
                if model.home && model.home_at != Some(lesson) {
                    model.home_at = Some(lesson);
                } else {
                    open(model, lesson);
                }
            }
        }
        _ => {}
    }
}
