//! What a terminal shows of a text: no colours, no carriage returns, no blanks at the ends.

use std::borrow::Cow;

use vte::{Params, Parser, Perform};

/// The text as a terminal shows it in the end: without escape sequences and characters that show nothing, and of a line that
/// was written over its last state.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| is_shown(c) || matches!(c, '\n' | '\t')) {
        return Cow::Borrowed(text);
    }
    let mut shown = Shown::default();
    feed(&mut Parser::new(), &mut shown, text.as_bytes());
    Cow::Owned(shown.lines.join("\n"))
}

/// Gives bytes to a parser of control sequences (ECMA-48). A newline ends whatever sequence is open, strings such as titles too,
/// so that one that never ends hides no more than its line.
pub(crate) fn feed(parser: &mut Parser, perform: &mut impl Perform, bytes: &[u8]) {
    /// Cancels a sequence.
    const CANCEL: &[u8] = b"\x18";
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if let Some(head) = line.strip_suffix(b"\n") {
            parser.advance(perform, head);
            parser.advance(perform, CANCEL);
            parser.advance(perform, b"\n");
        } else {
            parser.advance(perform, line);
        }
    }
}

/// Whether a character is text: no control, and no mark that makes a terminal show text in another order than it is in (Unicode
/// UAX #9, explicit formatting).
pub(crate) fn is_shown(character: char) -> bool {
    let reorders =
        matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}');
    !reorders && !character.is_control()
}

/// What is shown so far.
struct Shown {
    lines: Vec<String>,
    /// The line that the cursor is on.
    row: usize,
    /// The cursor stands at the start of its line: what is printed next stands in the place of the line.
    returned: bool,
}

impl Shown {
    fn line(&mut self) -> &mut String {
        &mut self.lines[self.row]
    }
}

impl Perform for Shown {
    fn print(&mut self, character: char) {
        if !is_shown(character) {
            return;
        }
        if std::mem::take(&mut self.returned) {
            self.line().clear();
        }
        self.line().push(character);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => self.returned = true,
            b'\n' => {
                // `\r\n` only ends the line.
                self.row += 1;
                self.returned = self.row < self.lines.len();
                if !self.returned {
                    self.lines.push(String::new());
                }
            }
            b'\t' => self.line().push('\t'),
            b'\x08' => drop(self.line().pop()),
            _ => {}
        }
    }

    /// Progress that is written over: the cursor up and down, and what is erased.
    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _ignore: bool, action: char) {
        if !intermediates.is_empty() {
            return;
        }
        let first = params.iter().next().and_then(|values| values.first()).copied().unwrap_or_default();
        let count = usize::from(first.max(1));
        match (action, first) {
            ('A' | 'F', _) => {
                self.row = self.row.saturating_sub(count);
                self.returned = true;
            }
            ('B' | 'E', _) => {
                self.row = (self.row + count).min(self.lines.len() - 1);
                self.returned = true;
            }
            ('G', 0 | 1) => self.returned = true,
            ('K', 0) if self.returned => self.line().clear(),
            ('K', 1 | 2) => self.line().clear(),
            ('J', 0) => {
                self.lines.truncate(self.row + 1);
                if self.returned {
                    self.line().clear();
                }
            }
            ('J', 2 | 3) => *self = Self::default(),
            _ => {}
        }
    }
}

impl Default for Shown {
    fn default() -> Self {
        Self { lines: vec![String::new()], row: 0, returned: false }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_a_terminal_shows_in_the_end() {
        for (text, shown) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\u{1b}[31mred\u{1b}[0m\r\n", "red\n"),
            ("10%\r50%\r100%\nnext", "100%\nnext"),
            ("ab\u{8}c", "ac"),
            ("pulling\r\u{1b}[2Kpulled\n", "pulled\n"),
            ("one 1%\ntwo 2%\n\u{1b}[2A\u{1b}[Kone done\n\u{1b}[2Ktwo done\n", "one done\ntwo done\n"),
            ("one 1%\ntwo\n\u{1b}[2A\u{1b}[2Kone done\u{1b}[2B\nend", "one done\ntwo\n\nend"),
            ("a\n\u{1b}[1A\u{1b}[Jb", "b"),
            ("before\n\u{1b}[2J\u{1b}[Hafter\u{1b}[99A\u{1b}[99B", "after"),
            ("\u{1b}[?25lwait\u{1b}[1G\u{1b}[Kready\u{1b}[?25h", "ready"),
            ("\u{1b}[38;2;1;2;3mcolour\u{1b}[39m\u{1b}[K", "colour"),
            ("\u{1b}]0;title\u{7}a\u{1b}]52;c;x\u{1b}\\b", "ab"),
            ("\u{1b}P$q q\u{1b}\\after", "after"),
            ("\u{1b}_hidden\u{1b}\\a\u{1b}^x\u{1b}\\b\u{1b}Xy\u{1b}\\c", "abc"),
            ("\u{1b}]0;never ends\nnext", "\nnext"),
            ("\u{1b}Pnever ends\nnext\u{1b}[3\nlast", "\nnext\nlast"),
            ("bell\u{7} caf\u{e9} \u{202e}txt", "bell caf\u{e9} txt"),
        ] {
            assert_eq!(plain(text), shown, "{text:?}");
        }
    }
}
