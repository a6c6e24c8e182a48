//! Which key does what.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table below says what each does")]
pub enum Action {
    Run,
    Skip,
    Cancel,
    Interrupt,
    Undo,
    Details,
    Down,
    Up,
    HalfDown,
    HalfUp,
    PageDown,
    PageUp,
    Top,
    Bottom,
    NextStep,
    PreviousStep,
    NextPage,
    PreviousPage,
    Outline,
    Notices,
    Help,
    Quit,
}

/// The keys as `?` shows them.
pub const HELP: &[(&str, &str)] = &[
    ("Enter", "run the marked step; if it is not to be seen yet, read on to it; then open the next page"),
    ("Tab, n", "mark the next step"),
    ("Shift-Tab, N", "mark the step before"),
    ("d", "show or hide a step's details: accepted differences, calls, hooks"),
    ("s", "skip the wait behind a step, or stop waiting for its output"),
    ("Esc, Ctrl-C", "cancel what is running"),
    ("u", "undo: go back to before the marked step"),
    ("j k, arrows", "scroll by a line"),
    ("Ctrl-D Ctrl-U", "scroll by half a screen"),
    ("Space b, PgDn PgUp", "scroll by a screen"),
    ("g G, Home End", "top and bottom of the page"),
    ("] [, Right Left", "next page, page before"),
    ("o", "outline: pages and progress"),
    ("m", "messages"),
    ("?", "these keys"),
    ("q", "quit; progress is saved"),
];

/// The action of a key, if it has one.
pub fn action(key: KeyEvent) -> Option<Action> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Some(Action::Interrupt),
            KeyCode::Char('d') => Some(Action::HalfDown),
            KeyCode::Char('u') => Some(Action::HalfUp),
            KeyCode::Char('f') => Some(Action::PageDown),
            KeyCode::Char('b') => Some(Action::PageUp),
            KeyCode::Char('n') => Some(Action::Down),
            KeyCode::Char('p') => Some(Action::Up),
            _ => None,
        };
    }
    Some(match key.code {
        KeyCode::Enter | KeyCode::Char('r') => Action::Run,
        KeyCode::Char('s') => Action::Skip,
        KeyCode::Esc => Action::Cancel,
        KeyCode::Char('u') => Action::Undo,
        KeyCode::Char('d') => Action::Details,
        KeyCode::Char('j') | KeyCode::Down => Action::Down,
        KeyCode::Char('k') | KeyCode::Up => Action::Up,
        KeyCode::Char(' ') | KeyCode::PageDown => Action::PageDown,
        KeyCode::Char('b') | KeyCode::PageUp => Action::PageUp,
        KeyCode::Char('g') | KeyCode::Home => Action::Top,
        KeyCode::Char('G') | KeyCode::End => Action::Bottom,
        KeyCode::Char('n') | KeyCode::Tab => Action::NextStep,
        KeyCode::Char('N') | KeyCode::BackTab => Action::PreviousStep,
        KeyCode::Char(']') | KeyCode::Right | KeyCode::Char('l') => Action::NextPage,
        KeyCode::Char('[') | KeyCode::Left | KeyCode::Char('h') => Action::PreviousPage,
        KeyCode::Char('o') => Action::Outline,
        KeyCode::Char('m') => Action::Notices,
        KeyCode::Char('?') => Action::Help,
        KeyCode::Char('q') => Action::Quit,
        _ => return None,
    })
}
