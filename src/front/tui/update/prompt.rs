//! Keys at the prompt: those of bash's line editor, and a few for what stands above it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::act;
use crate::front::tui::model::{Model, Wish};
use crate::session::{Request, is_unfinished, plain};

/// A key while the prompt is open.
pub(super) fn press(model: &mut Model, key: KeyEvent) -> Vec<Request> {
    if model.prompt.search.is_some() {
        return search(model, key);
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let prompt = &mut model.prompt;
    if let Some(waiting) = &mut prompt.waiting {
        if key.code == KeyCode::Esc || (control && key.code == KeyCode::Char('c')) {
            prompt.waiting = None;
        } else {
            waiting.push(key);
        }
        return Vec::new();
    }
    match key.code {
        KeyCode::Tab if prompt.choose(true) => return Vec::new(),
        KeyCode::BackTab => {
            prompt.choose(false);
            return Vec::new();
        }
        KeyCode::Esc if prompt.menu.take().is_some() => return Vec::new(),
        _ => {}
    }
    prompt.menu = None;
    match key.code {
        KeyCode::Tab => {
            let (number, line, at) = prompt.ask();
            return vec![Request::Complete { number, line, at }];
        }
        KeyCode::Enter if alt => prompt.editor.insert("\n"),
        KeyCode::Enter => return enter(model),
        KeyCode::Char('j') if control => return enter(model),
        KeyCode::Char('c') if control && prompt.running => return vec![Request::Cancel],
        KeyCode::Char('c') if control && !prompt.editor.text().is_empty() => drop(prompt.editor.take()),
        KeyCode::Char('d') if control && prompt.editor.text().is_empty() => prompt.open = false,
        KeyCode::Esc => prompt.open = false,
        KeyCode::Char('c') if control => prompt.open = false,
        KeyCode::Char('l') if control => clear(model),
        KeyCode::Char('r') if control => prompt.search = Some((String::new(), None)),
        KeyCode::Char('z') if control => model.wishes.push(Wish::Suspend),
        KeyCode::Up => prompt.recall(true),
        KeyCode::Down => prompt.recall(false),
        KeyCode::Char('p') if control => prompt.recall(true),
        KeyCode::Char('n') if control => prompt.recall(false),
        KeyCode::PageUp => scroll(model, false, true),
        KeyCode::PageDown => scroll(model, true, true),
        KeyCode::F(_) => return model.options.keys.action(key).map(|action| act(model, action)).unwrap_or_default(),
        _ => {
            prompt.editor.key(key);
        }
    }
    Vec::new()
}

/// Puts a pasted text in, without the prompt that a page shows ahead of its commands.
pub(super) fn paste(model: &mut Model, text: &str) {
    let text = plain(text.replace("\r\n", "\n").replace('\r', "\n").as_bytes());
    let text = text.trim_end_matches('\n');
    model.prompt.menu = None;
    let first = model.prompt.editor.text().is_empty();
    model.prompt.editor.insert(text.strip_prefix("$ ").filter(|_| first).unwrap_or(text));
}

fn enter(model: &mut Model) -> Vec<Request> {
    let prompt = &mut model.prompt;
    let text = prompt.editor.text();
    match text.trim() {
        "" => {
            prompt.top = None;
            return Vec::new();
        }
        "exit" => {
            drop(prompt.editor.take());
            prompt.open = false;
            return Vec::new();
        }
        "clear" => {
            drop(prompt.submit());
            clear(model);
            return Vec::new();
        }
        _ => {}
    }
    if is_unfinished(text) {
        prompt.editor.insert("\n");
        return Vec::new();
    }
    if prompt.running || model.running().is_some() {
        model.say("Something is running already: wait for it, or cancel it.");
        return Vec::new();
    }
    let command = model.prompt.submit();
    vec![Request::Try(command)]
}

/// Takes what was tried from the screen; what goes on stays.
fn clear(model: &mut Model) {
    let prompt = &mut model.prompt;
    let kept = usize::from(prompt.running);
    let surplus = prompt.tries.len().saturating_sub(kept);
    prompt.tries.drain(..surplus);
    prompt.top = None;
}

/// Scrolls what stands above the line, by a page or a few lines.
pub(super) fn scroll(model: &mut Model, down: bool, page: bool) {
    let (len, rows) = model.prompt.laid;
    let by = if page { rows.saturating_sub(1).max(1) } else { 3 };
    let end = len.saturating_sub(rows);
    let at = model.prompt.top.unwrap_or(end);
    let to = if down { at + by } else { at.saturating_sub(by) };
    model.prompt.top = (to < end).then_some(to);
}

/// A key while the history is searched.
fn search(model: &mut Model, key: KeyEvent) -> Vec<Request> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let prompt = &mut model.prompt;
    let Some((text, _)) = &mut prompt.search else { return Vec::new() };
    match key.code {
        KeyCode::Char('r') if control => prompt.find(true),
        KeyCode::Up => prompt.find(true),
        KeyCode::Char('g' | 'c') if control => prompt.found(false),
        KeyCode::Esc => prompt.found(false),
        KeyCode::Backspace => {
            text.pop();
            prompt.find(false);
        }
        KeyCode::Char(letter) if !control && !letter.is_control() && text.len() < 1000 => {
            text.push(letter);
            prompt.find(false);
        }
        KeyCode::Enter => {
            prompt.found(true);
            return enter(model);
        }
        _ => {
            prompt.found(true);
            return press(model, key);
        }
    }
    Vec::new()
}

/// Opens the prompt.
pub(super) fn open(model: &mut Model) {
    model.home = false;
    model.prompt.open = true;
    model.prompt.top = None;
}
