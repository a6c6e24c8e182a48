//! What a terminal shows of a text: no colours, no carriage returns, no blanks at the ends.

use std::borrow::Cow;

/// The text as a terminal shows it in the end: without escape sequences, and of a line that was written over its last state.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(['\x1b', '\r', '\u{8}']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => skip_sequence(&mut chars),
            '\r' => {
                // A line that was written over shows its last state; `\r\n` only ends it.
                if chars.peek().is_some_and(|&next| next != '\n' && next != '\r') {
                    out.truncate(out.rfind('\n').map_or(0, |at| at + 1));
                }
            }
            '\u{8}' => {
                if !out.ends_with('\n') {
                    out.pop();
                }
            }
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// Skips what follows an escape character. Source: ECMA-48, control functions.
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            while let Some(&c) = chars.peek() {
                if c == '\n' || c == '\x1b' {
                    return;
                }
                chars.next();
                if ('\u{40}'..='\u{7e}').contains(&c) {
                    return;
                }
            }
        }
        Some(']') => {
            while let Some(&c) = chars.peek() {
                if c == '\n' {
                    return;
                }
                chars.next();
                if c == '\u{7}' {
                    return;
                }
                if c == '\x1b' {
                    chars.next_if_eq(&'\\');
                    return;
                }
            }
        }
        Some('(' | ')') => {
            chars.next();
            chars.next();
        }
        Some(c) if !c.is_whitespace() => {
            chars.next();
        }
        _ => {}
    }
}

/// A line and its number in the text, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'t> {
    pub(super) number: usize,
    /// Without blanks at its end.
    pub(super) text: &'t str,
    elision: bool,
}

impl<'t> Line<'t> {
    /// Without blanks at its start either.
    pub(super) fn content(self) -> &'t str {
        self.text.trim_start()
    }

    /// Whether the page leaves lines out here.
    pub(super) fn is_elision(self) -> bool {
        self.elision
    }
}

/// `...`, `[...]`, `# ...`, `…` and the like.
fn is_elision(content: &str) -> bool {
    if !content.starts_with(['.', '[', '#', '/', '…', 's', '<']) {
        return false;
    }
    let content = content.strip_prefix('#').or_else(|| content.strip_prefix("//")).unwrap_or(content).trim();
    let bare = content.strip_prefix('[').and_then(|c| c.strip_suffix(']')).unwrap_or(content).trim();
    let dots = bare.len() >= 3 && bare.bytes().all(|b| b == b'.');
    dots || matches!(bare, "…" | "snip" | "<snip>")
}

/// The lines that are not blank, without the arrows with which authors point at a line.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, without_arrow(line.trim_end())))
        .filter(|(_, text)| !text.is_empty())
        .map(|(number, text)| Line { number, text, elision: is_elision(text.trim_start()) })
        .collect()
}

/// `placeholder.jpg   <-------`: the arrow is the author's.
fn without_arrow(line: &str) -> &str {
    let head = line.trim_end_matches('-');
    let dashes = line.len() - head.len();
    match head.strip_suffix('<') {
        Some(content) if dashes >= 3 && content.ends_with([' ', '\t']) => content.trim_end(),
        _ => line,
    }
}
