//! Typing a search or into the palette, and going from one place found to the next, over the course too.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{open, output, over, palette};
use crate::front::tui::document::holds;
use crate::front::tui::keys::Action;
use crate::front::tui::model::{Model, Overlay, Reveal, TypingFor};
use crate::session::Request;

/// Longer texts are not searched for.
const LONGEST: usize = 200;

/// A key while something is typed.
pub(super) fn typed(model: &mut Model, key: KeyEvent) -> Vec<Request> {
    let Some(mut typing) = model.typing.take() else { return Vec::new() };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c' | 'g') if control => return close(model),
        KeyCode::Esc => return close(model),
        KeyCode::Backspace if typing.text.is_empty() => return close(model),
        KeyCode::Backspace => {
            typing.text.pop();
        }
        KeyCode::Char('h') if control => {
            typing.text.pop();
        }
        KeyCode::Char('u') if control => typing.text.clear(),
        KeyCode::Char('w') if control => {
            let kept = typing.text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            typing.text.truncate(kept);
        }
        KeyCode::Enter => match typing.what {
            TypingFor::Search => {
                begin(model, typing.text);
                return Vec::new();
            }
            TypingFor::Palette => {
                let Overlay::Palette { at } = std::mem::replace(&mut model.overlay, Overlay::None) else {
                    return Vec::new();
                };
                return match palette::entries(model, &typing.text).get(at) {
                    Some(entry) => entry.clone().take(model),
                    None => Vec::new(),
                };
            }
        },
        KeyCode::Up | KeyCode::Down | KeyCode::Tab | KeyCode::BackTab | KeyCode::PageUp | KeyCode::PageDown => {
            let action = match key.code {
                KeyCode::Up | KeyCode::BackTab => Action::Up,
                KeyCode::PageUp => Action::PageUp,
                KeyCode::PageDown => Action::PageDown,
                _ => Action::Down,
            };
            let palette = typing.what == TypingFor::Palette;
            model.typing = Some(typing);
            return if palette { over::act(model, action) } else { Vec::new() };
        }
        KeyCode::Char('n' | 'p') if control => {
            let palette = typing.what == TypingFor::Palette;
            model.typing = Some(typing);
            let action = if key.code == KeyCode::Char('n') { Action::Down } else { Action::Up };
            return if palette { over::act(model, action) } else { Vec::new() };
        }
        KeyCode::Char(letter) if !control && !letter.is_control() && typing.text.len() < LONGEST => {
            typing.text.push(letter);
        }
        _ => {}
    }
    if typing.what == TypingFor::Palette {
        model.overlay = Overlay::Palette { at: 0 };
    }
    model.typing = Some(typing);
    Vec::new()
}

fn close(model: &mut Model) -> Vec<Request> {
    model.typing = None;
    if matches!(model.overlay, Overlay::Palette { .. }) {
        model.overlay = Overlay::None;
    }
    Vec::new()
}

/// Begins a search where one is; nothing typed goes on with the last one.
fn begin(model: &mut Model, text: String) {
    if !text.is_empty() {
        model.search = text;
        model.found = None;
    }
    if !model.search.is_empty() {
        next(model, true);
    }
}

/// The next place, or the one before: on the page, then on the pages behind it.
pub(super) fn next(model: &mut Model, forwards: bool) {
    if model.output {
        output::find(model, forwards);
        return;
    }
    if model.home {
        // A marked page whose title fits comes first, then what pages say.
        let at = model.marked_page();
        match page_with(model, at, forwards, model.home_at.is_none()) {
            Some(page) => {
                open(model, page);
                model.reveal = Some(Reveal::Match { from: 0, forwards: true });
            }
            None => model.say(format!("“{}” is nowhere in this course.", model.search)),
        }
        return;
    }
    // On this page, as it is laid out; the drawing finds the place. Whether there is one behind, the text says.
    let begin = match model.found {
        Some(at) if forwards => at + 1,
        Some(at) => at.saturating_sub(1),
        None => model.scrolled(),
    };
    let last_match = model.found.is_some() && model.course.lessons.len() > 1 && no_more(model, begin, forwards);
    if last_match
        && let Some(page) = page_with(model, model.lesson, forwards, false).filter(|page| *page != model.lesson)
    {
        open(model, page);
        let from = if forwards { 0 } else { usize::MAX };
        model.reveal = Some(Reveal::Match { from, forwards });
        return;
    }
    if model.found.is_none()
        && !source_holds(model, model.lesson)
        && let Some(page) = page_with(model, model.lesson, forwards, false)
    {
        open(model, page);
        model.reveal = Some(Reveal::Match { from: 0, forwards: true });
        return;
    }
    model.reveal = Some(Reveal::Match { from: begin, forwards });
}

/// Whether the place that was found last was the last one of the page, or the first one backwards.
fn no_more(model: &Model, begin: usize, forwards: bool) -> bool {
    let at = |line: &usize| if forwards { *line >= begin } else { *line <= begin && model.found != Some(0) };
    !model.laid.matches.iter().any(at)
}

fn source_holds(model: &Model, lesson: usize) -> bool {
    model.course.lessons.get(lesson).is_some_and(|page| {
        page.front_matter.title.lines().chain(page.source[page.body..].lines()).any(|line| holds(line, &model.search))
    })
}

/// The next page whose text holds what is searched for, around the course; `with` says whether this one counts first.
fn page_with(model: &Model, from: usize, forwards: bool, with: bool) -> Option<usize> {
    let count = model.course.lessons.len();
    let first = usize::from(!with);
    (first..=count)
        .map(|by| if forwards { (from + by) % count } else { (from + count * 2 - by) % count })
        .find(|page| source_holds(model, *page))
}
