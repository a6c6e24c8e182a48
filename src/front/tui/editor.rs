//! A line that is edited as bash's own is (GNU Readline's Emacs keys): moving and deleting by letters and words, what was cut
//! brought back, undo. It may hold several lines, as a pasted command does.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;

/// Longer texts are not typed.
const LONGEST: usize = 64 * 1024;

/// How many states can be gone back to.
const UNDO: usize = 200;

/// A text, a cursor in it, and what was cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Editor {
    text: String,
    /// The cursor, in bytes: always between two graphemes.
    at: usize,
    cut: String,
    /// The last key cut something: the next cut is joined to it.
    cutting: bool,
    /// The last key typed a letter: undo takes a word back, not a letter.
    typing: bool,
    before: Vec<(String, usize)>,
}

impl Editor {
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The cursor, in bytes of the text.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Puts another text in its place, the cursor at its end.
    pub fn set(&mut self, text: impl Into<String>) {
        let text = text.into();
        if text != self.text {
            self.keep();
        }
        self.at = text.len();
        self.text = text;
        (self.cutting, self.typing) = (false, false);
    }

    /// Takes the text out, for a new one.
    pub fn take(&mut self) -> String {
        self.at = 0;
        self.before.clear();
        (self.cutting, self.typing) = (false, false);
        std::mem::take(&mut self.text)
    }

    /// Puts a text in at the cursor.
    pub fn insert(&mut self, text: &str) {
        self.keep();
        self.put(text);
        (self.cutting, self.typing) = (false, false);
    }

    /// Puts a text in the place of what stands from `from` to the cursor.
    pub fn replace(&mut self, from: usize, text: &str) {
        if self.text.is_char_boundary(from) && from <= self.at {
            self.keep();
            self.text.replace_range(from..self.at, "");
            self.at = from;
            self.put(text);
        }
        (self.cutting, self.typing) = (false, false);
    }

    fn put(&mut self, text: &str) {
        if self.text.len() + text.len() <= LONGEST {
            self.text.insert_str(self.at, text);
            self.at += text.len();
        }
    }

    /// Does what a key asks for; whether it asks for anything here.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let was_cutting = std::mem::take(&mut self.cutting);
        let was_typing = std::mem::take(&mut self.typing);
        match key.code {
            KeyCode::Char('a') if control => self.at = self.line_start(),
            KeyCode::Home => self.at = self.line_start(),
            KeyCode::Char('e') if control => self.at = self.line_end(),
            KeyCode::End => self.at = self.line_end(),
            KeyCode::Left if control || alt => self.at = self.word_back(),
            KeyCode::Char('b') if alt => self.at = self.word_back(),
            KeyCode::Right if control || alt => self.at = self.word_on(),
            KeyCode::Char('f') if alt => self.at = self.word_on(),
            KeyCode::Char('b') if control => self.at = self.back(),
            KeyCode::Left => self.at = self.back(),
            KeyCode::Char('f') if control => self.at = self.on(),
            KeyCode::Right => self.at = self.on(),
            KeyCode::Backspace if alt => self.cut_out(self.word_back(), self.at, was_cutting),
            KeyCode::Backspace => self.delete(self.back(), self.at),
            KeyCode::Char('h') if control => self.delete(self.back(), self.at),
            KeyCode::Char('d') if control => self.delete(self.at, self.on()),
            KeyCode::Delete => self.delete(self.at, self.on()),
            KeyCode::Char('d') if alt => self.cut_out(self.at, self.word_on(), was_cutting),
            KeyCode::Char('w') if control => self.cut_out(self.blank_back(), self.at, was_cutting),
            KeyCode::Char('k') if control => self.cut_out(self.at, self.line_end(), was_cutting),
            KeyCode::Char('u') if control => self.cut_out(self.line_start(), self.at, was_cutting),
            KeyCode::Char('y') if control => {
                let cut = self.cut.clone();
                self.keep();
                self.put(&cut);
            }
            KeyCode::Char('t') if control => self.swap(),
            // Terminals send Ctrl-_ as one of these.
            KeyCode::Char('_' | '/' | '7') if control => {
                if let Some((text, at)) = self.before.pop() {
                    (self.text, self.at) = (text, at);
                }
            }
            KeyCode::Char(letter) if !control && !alt && !letter.is_control() => {
                if !was_typing || letter == ' ' {
                    self.keep();
                }
                self.put(letter.encode_utf8(&mut [0; 4]));
                self.typing = true;
            }
            _ => {
                (self.cutting, self.typing) = (was_cutting, was_typing);
                return false;
            }
        }
        true
    }

    /// Remembers the text as it is now.
    fn keep(&mut self) {
        if self.before.len() >= UNDO {
            self.before.remove(0);
        }
        self.before.push((self.text.clone(), self.at));
    }

    fn delete(&mut self, from: usize, to: usize) {
        if from < to {
            self.keep();
            self.text.replace_range(from..to, "");
            self.at = from;
        }
    }

    fn cut_out(&mut self, from: usize, to: usize, joined: bool) {
        let part = self.text.get(from..to).unwrap_or_default().to_owned();
        self.cutting = true;
        if part.is_empty() {
            return;
        }
        match joined {
            true if to == self.at => self.cut.insert_str(0, &part),
            true => self.cut.push_str(&part),
            false => self.cut = part,
        }
        self.delete(from, to);
        self.cutting = true;
    }

    /// Swaps the grapheme ahead of the cursor with the one at it, or the last two.
    fn swap(&mut self) {
        let end = if self.at == self.text.len() { self.at } else { self.on() };
        let ahead = |at: usize| self.text[..at].grapheme_indices(true).next_back().map(|(at, _)| at);
        let Some(middle) = ahead(end) else { return };
        let Some(start) = ahead(middle) else { return };
        let swapped = format!("{}{}", &self.text[middle..end], &self.text[start..middle]);
        self.keep();
        self.text.replace_range(start..end, &swapped);
        self.at = end;
    }

    fn back(&self) -> usize {
        self.text[..self.at].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn on(&self) -> usize {
        self.at + self.text[self.at..].graphemes(true).next().map_or(0, str::len)
    }

    fn line_start(&self) -> usize {
        self.text[..self.at].rfind('\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        self.text[self.at..].find('\n').map_or(self.text.len(), |at| self.at + at)
    }

    /// The start of the word of letters and digits ahead of the cursor.
    fn word_back(&self) -> usize {
        let head = self.text[..self.at].trim_end_matches(|c: char| !c.is_alphanumeric());
        head.trim_end_matches(char::is_alphanumeric).len()
    }

    fn word_on(&self) -> usize {
        let tail = self.text[self.at..].trim_start_matches(|c: char| !c.is_alphanumeric());
        self.text.len() - tail.trim_start_matches(char::is_alphanumeric).len()
    }

    /// The start of what stands ahead of the cursor between blanks.
    fn blank_back(&self) -> usize {
        let head = self.text[..self.at].trim_end_matches(char::is_whitespace);
        head.trim_end_matches(|c: char| !c.is_whitespace()).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types letters, and keys by their names: `<C-a>`, `<M-b>`, `<left>`.
    fn typed(keys: &str) -> Editor {
        let mut editor = Editor::default();
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let (key, behind) = match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                Some((name, behind)) => (named(name), behind),
                None => (KeyEvent::new(KeyCode::Char(first), KeyModifiers::NONE), &rest[first.len_utf8()..]),
            };
            assert!(editor.key(key), "{key:?}");
            rest = behind;
        }
        editor
    }

    fn named(name: &str) -> KeyEvent {
        let (modifiers, name) = match name.split_once('-') {
            Some(("C", name)) => (KeyModifiers::CONTROL, name),
            Some(("M", name)) => (KeyModifiers::ALT, name),
            _ => (KeyModifiers::NONE, name),
        };
        let code = match name {
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "home" => KeyCode::Home,
            "back" => KeyCode::Backspace,
            "delete" => KeyCode::Delete,
            letter => KeyCode::Char(letter.chars().next().unwrap()),
        };
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn keys_do_what_they_do_in_bash() {
        for (keys, shown) in [
            ("abc<left><back>x", "ax|c"),
            ("one two<C-a>X<C-e>Y", "Xone twoY|"),
            ("one two-three<M-b>X", "one two-X|three"),
            ("one two<C-w>X", "one X|"),
            ("one a-b<M-back>X", "one a-X|"),
            ("one two three<C-w><C-w><C-y>", "one two three|"),
            ("one two<home><M-d><M-d><C-e><C-y>", "one two|"),
            ("one two<M-b><C-k><C-a><C-y>", "two|one "),
            ("one two<M-b><C-u>X", "X|two"),
            ("ab<C-t>", "ba|"),
            ("abc<left><C-t>", "acb|"),
            ("漢字e\u{301}x<left><left><delete>", "漢字|x"),
            ("one two<C-_>", "one|"),
            ("one<C-u><C-_>X", "oneX|"),
            ("x<C-d><left><C-d>", "|"),
            ("a b<C-left>X", "a X|b"),
        ] {
            let editor = typed(keys);
            let (ahead, behind) = editor.text().split_at(editor.at());
            assert_eq!(format!("{ahead}|{behind}"), shown, "{keys}");
        }
    }

    #[test]
    fn what_is_no_key_of_a_line_is_left_to_others() {
        let mut editor = typed("a");
        for name in ["C-c", "M-x"] {
            assert!(!editor.key(named(name)), "{name}");
        }
        assert!(!editor.key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
        editor.replace(0, "new words");
        assert_eq!((editor.text(), editor.at()), ("new words", 9));
        assert_eq!((editor.take(), editor.text()), ("new words".to_owned(), ""));
    }
}
