//! Keys on the course's screen, and in what lies over a page.

use super::{open, palette};
use crate::front::files;
use crate::front::tui::keys::Action;
use crate::front::tui::model::{Model, Overlay, Wish};
use crate::session::Request;

/// On the course's screen.
pub(super) fn home(model: &mut Model, action: Action) {
    let last = model.course.lessons.len().saturating_sub(1);
    let at = model.marked_page();
    let page = usize::from(model.size.1).saturating_sub(8).max(1);
    let to = match action {
        Action::Down | Action::NextStep => at + 1,
        Action::Up | Action::PreviousStep => at.saturating_sub(1),
        Action::PageDown | Action::HalfDown => at + page,
        Action::PageUp | Action::HalfUp => at.saturating_sub(page),
        Action::Top => 0,
        Action::Bottom => last,
        Action::Run | Action::NextPage => {
            open(model, at);
            return;
        }
        Action::NextMatch | Action::PreviousMatch if !model.search.is_empty() => {
            super::search::next(model, action == Action::NextMatch);
            return;
        }
        _ => return,
    };
    model.home_at = Some(to.min(last));
}

/// In what lies over the page; a key that means nothing there closes it.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Request> {
    let rows = usize::from(model.size.1).saturating_sub(6).max(1);
    let last = match model.overlay {
        Overlay::None => 0,
        Overlay::Outline { .. } => model.course.lessons.len().saturating_sub(1),
        Overlay::Links { .. } => model.laid.links.len().saturating_sub(1),
        Overlay::Palette { .. } => {
            let typed = model.typing.as_ref().map(|typing| typing.text.clone()).unwrap_or_default();
            palette::entries(model, &typed).len().saturating_sub(1)
        }
        // The drawing knows where they end.
        Overlay::Help { .. } | Overlay::Notices { .. } => usize::MAX / 2,
    };
    let (Overlay::Help { at }
    | Overlay::Notices { at }
    | Overlay::Outline { at }
    | Overlay::Palette { at }
    | Overlay::Links { at }) = &mut model.overlay
    else {
        return Vec::new();
    };
    match action {
        Action::Down | Action::NextStep => *at = (*at + 1).min(last),
        Action::Up | Action::PreviousStep => *at = at.saturating_sub(1),
        Action::PageDown | Action::HalfDown => *at = (*at + rows).min(last),
        Action::PageUp | Action::HalfUp => *at = at.saturating_sub(rows),
        Action::Top => *at = 0,
        Action::Bottom => *at = last,
        Action::Run => {
            let at = *at;
            return enter(model, at);
        }
        Action::CopyCommand | Action::CopyOutput if matches!(model.overlay, Overlay::Links { .. }) => {
            copy_link(model);
        }
        _ => model.overlay = Overlay::None,
    }
    Vec::new()
}

fn enter(model: &mut Model, at: usize) -> Vec<Request> {
    match std::mem::replace(&mut model.overlay, Overlay::None) {
        Overlay::Outline { .. } => open(model, at),
        Overlay::Links { .. } => {
            let Some((_, _, url)) = model.laid.links.get(at).cloned() else { return Vec::new() };
            match files::page_of(&model.course, model.lesson, &url) {
                Some(page) if page != model.lesson => open(model, page),
                Some(_) => anchor(model, &url),
                None => {
                    model.overlay = Overlay::Links { at };
                    copy_link(model);
                    model.overlay = Overlay::None;
                }
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Goes to the heading that a link on the page itself names.
fn anchor(model: &mut Model, url: &str) {
    let name = url.split_once('#').map_or("", |(_, name)| name).replace('-', " ");
    if !name.is_empty() {
        model.search = name.to_lowercase();
        model.reveal = Some(crate::front::tui::model::Reveal::Match { from: 0, forwards: true });
    }
}

fn copy_link(model: &mut Model) {
    if let Overlay::Links { at } = model.overlay
        && let Some((_, _, url)) = model.laid.links.get(at)
    {
        let text = crate::session::plain(url.as_bytes());
        model.wishes.push(Wish::Copy { what: "the link".into(), text });
    }
}
