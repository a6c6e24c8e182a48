//! Takes out of what a lesson prints everything that a terminal would obey, by the rules of the comparison: what is shown is what
//! is compared.

use vte::{Parser, Perform};

use crate::compare::terminal;

/// Turns bytes as they come into text without control sequences: escape sequences, control characters other than newline
/// and tab, and characters that reorder text are left out. Remembers sequences and characters that are cut in two.
#[derive(Default)]
pub struct Plain {
    parser: Parser,
}

#[derive(Default)]
struct Text(String);

impl Plain {
    /// The text of the next bytes.
    pub fn next(&mut self, bytes: &[u8]) -> String {
        let mut text = Text::default();
        terminal::feed(&mut self.parser, &mut text, bytes);
        text.0
    }
}

/// The text of all of these bytes.
pub fn plain(bytes: &[u8]) -> String {
    Plain::default().next(bytes)
}

/// The first line of a command, without control sequences and with a sign that there are more.
pub fn first_line(command: &str) -> String {
    let mut line = plain(command.lines().next().unwrap_or_default().as_bytes());
    if command.lines().count() > 1 {
        line = format!("{} …", line.trim_end_matches('\\').trim_end());
    }
    line
}

impl Perform for Text {
    fn print(&mut self, character: char) {
        if terminal::is_shown(character) {
            self.0.push(character);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => self.0.push('\n'),
            b'\t' => self.0.push('\t'),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_text_and_takes_everything_else() {
        for (bytes, text) in [
            (&b"plain\ttext\n"[..], "plain\ttext\n"),
            (b"\x1b[31mred\x1b[0m\r\n", "red\n"),
            (b"\x1b]0;title\x07after", "after"),
            (b"\x1b]52;c;aGFjaw==\x1b\\after", "after"),
            (b"\x1bP$q q\x1b\\after", "after"),
            (b"\x1b]0;never ends\nnext", "\nnext"),
            (b"bell\x07 back\x08space", "bell backspace"),
            ("caf\u{e9} \u{202e}txt".as_bytes(), "caf\u{e9} txt"),
            ("c1 \u{9b}31m".as_bytes(), "c1 31m"),
        ] {
            assert_eq!(plain(bytes), text, "{bytes:?}");
            // Only what moves back on a line is another matter: the screen shows output as it comes.
            if !bytes.contains(&8) {
                assert_eq!(crate::compare::plain(&String::from_utf8_lossy(bytes)), text, "{bytes:?}");
            }
        }
    }

    #[test]
    fn a_sequence_may_come_in_pieces() {
        let whole = "a\u{1b}[1;31m\u{e9}\u{1b}]0;t\u{7}b".as_bytes();
        for cut in 0..whole.len() {
            let mut plain = Plain::default();
            let (head, tail) = whole.split_at(cut);
            assert_eq!(plain.next(head) + &plain.next(tail), "a\u{e9}b", "cut at {cut}");
        }
    }
}
