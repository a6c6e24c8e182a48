//! Keys in a step's output, and what is copied of a step.

use crate::front::tui::document::holds;
use crate::front::tui::keys::Action;
use crate::front::tui::model::{Model, Wish};
use crate::front::tui::view::Whole;

/// Whether the action means something in the output; then it is done.
pub(super) fn act(model: &mut Model, action: Action) -> bool {
    let (len, rows) = model.laid.output;
    let end = len.saturating_sub(rows);
    let at = model.output_top.unwrap_or(end);
    let page = rows.saturating_sub(1).max(1);
    let to = match action {
        Action::Down => at + 1,
        Action::Up => at.saturating_sub(1),
        Action::HalfDown => at + page / 2 + 1,
        Action::HalfUp => at.saturating_sub(page / 2 + 1),
        Action::PageDown => at + page,
        Action::PageUp => at.saturating_sub(page),
        Action::Top => 0,
        Action::Bottom => usize::MAX,
        Action::NextMatch | Action::PreviousMatch if !model.search.is_empty() => {
            find(model, action == Action::NextMatch);
            return true;
        }
        Action::Output => {
            model.output = false;
            return true;
        }
        Action::Cancel if model.running().or(model.waiting()).is_none() => {
            model.output = false;
            return true;
        }
        _ => return false,
    };
    // At its end the output is followed again.
    model.output_top = (to < end).then_some(to);
    true
}

/// Goes to the next line of the output that holds what is searched for.
pub(super) fn find(model: &mut Model, forwards: bool) {
    let Some(id) = model.looked_at() else { return };
    let (Some(step), Some(view)) = (model.course.step(id), model.steps.get(&id)) else { return };
    let whole = Whole::of(step, view);
    let (len, rows) = (whole.len(), model.laid.output.1);
    let at = model.output_top.unwrap_or(len.saturating_sub(rows)).min(len);
    let hit = |number: &usize| whole.line(*number).is_some_and(|(_, text)| holds(text, &model.search));
    let found = if forwards {
        (at + 1..len).chain(0..(at + 1).min(len)).find(hit)
    } else {
        (0..at).rev().chain((at..len).rev()).find(hit)
    };
    match found {
        Some(line) => model.output_top = Some(line),
        None => model.say(format!("“{}” is not in this output.", model.search)),
    }
}

/// Copies the commands or the output of the marked step.
pub(super) fn copy(model: &mut Model, action: Action) {
    let command = action == Action::CopyCommand;
    let id = if command { model.selected } else { model.looked_at() };
    let Some((step, view)) = id.and_then(|id| Some((model.course.step(id)?, model.steps.get(&id)?))) else {
        model.say(if command { "There is no step here." } else { "No step has run here: there is no output to copy." });
        return;
    };
    let (what, text) = if command {
        let commands: Vec<&str> = step.commands.iter().map(|command| command.text.as_str()).collect();
        ("the command", crate::session::plain(commands.join("\n").as_bytes()))
    } else {
        ("the output", view.output.values().map(|output| output.text()).collect())
    };
    model.wishes.push(Wish::Copy { what: what.to_owned(), text });
}
