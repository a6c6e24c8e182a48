//! A key with its modifiers, as text: `ctrl-p`, `G`, `pagedown`.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with what is held down beside it. A letter says by its case whether Shift is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd)]
pub struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// A text that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no key: write `a`, `G`, `?`, `ctrl-p`, `alt-x`, `enter`, `space`, `pagedown`, `f1` and the like")]
pub struct ChordError(String);

const NAMES: &[(&str, KeyCode, &str)] = &[
    ("enter", KeyCode::Enter, "Enter"),
    ("esc", KeyCode::Esc, "Esc"),
    ("tab", KeyCode::Tab, "Tab"),
    ("backtab", KeyCode::BackTab, "Shift-Tab"),
    ("space", KeyCode::Char(' '), "Space"),
    ("backspace", KeyCode::Backspace, "Backspace"),
    ("delete", KeyCode::Delete, "Delete"),
    ("insert", KeyCode::Insert, "Insert"),
    ("up", KeyCode::Up, "Up"),
    ("down", KeyCode::Down, "Down"),
    ("left", KeyCode::Left, "Left"),
    ("right", KeyCode::Right, "Right"),
    ("home", KeyCode::Home, "Home"),
    ("end", KeyCode::End, "End"),
    ("pageup", KeyCode::PageUp, "PgUp"),
    ("pagedown", KeyCode::PageDown, "PgDn"),
];

impl Chord {
    /// Reads a key: `a`, `G`, `?`, `ctrl-p`, `alt-x`, `shift-f1`, `enter`, `space`, `f1`. Names may be in either case.
    ///
    /// # Errors
    /// When the text names no key.
    pub fn parse(text: &str) -> Result<Self, ChordError> {
        let error = || ChordError(text.to_owned());
        let (mut rest, mut modifiers) = (text, KeyModifiers::NONE);
        while let Some((word, behind)) =
            rest.split_once('-').filter(|(word, behind)| !word.is_empty() && !behind.is_empty())
        {
            modifiers |= match word.to_ascii_lowercase().as_str() {
                "ctrl" | "c" => KeyModifiers::CONTROL,
                "alt" | "a" => KeyModifiers::ALT,
                "shift" | "s" => KeyModifiers::SHIFT,
                _ => return Err(error()),
            };
            rest = behind;
        }
        let lower = rest.to_ascii_lowercase();
        let named = NAMES.iter().find(|(name, _, shown)| *name == lower || shown.to_ascii_lowercase() == lower);
        let mut letters = rest.chars();
        let code = match (named, letters.next(), letters.next()) {
            (Some((_, code, _)), ..) => *code,
            (None, Some(letter), None) if !letter.is_control() => KeyCode::Char(letter),
            (None, Some('f' | 'F'), Some(_)) => {
                let number = rest[1..].parse().ok().filter(|number| (1..=24).contains(number)).ok_or_else(error)?;
                KeyCode::F(number)
            }
            _ => return Err(error()),
        };
        Ok(Self::of(KeyEvent::new(code, modifiers)))
    }

    /// The chord of a key that was pressed.
    pub fn of(key: KeyEvent) -> Self {
        let mut modifiers = key.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match key.code {
            KeyCode::Char(letter) => {
                // Terminals differ in whether they say Shift beside a letter that says so itself.
                let letter = if modifiers.contains(KeyModifiers::CONTROL) {
                    letter.to_ascii_lowercase()
                } else if modifiers.contains(KeyModifiers::SHIFT) {
                    letter.to_ascii_uppercase()
                } else {
                    letter
                };
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::Char(letter)
            }
            KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::BackTab
            }
            KeyCode::BackTab => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::BackTab
            }
            other => other,
        };
        Self { code, modifiers }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, name) in
            [(KeyModifiers::CONTROL, "Ctrl-"), (KeyModifiers::ALT, "Alt-"), (KeyModifiers::SHIFT, "Shift-")]
        {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        let named = NAMES.iter().find(|(_, code, _)| *code == self.code);
        match (named, self.code) {
            (Some((_, _, shown)), _) => f.write_str(shown),
            (None, KeyCode::Char(letter)) if self.modifiers.contains(KeyModifiers::CONTROL) => {
                write!(f, "{}", letter.to_ascii_uppercase())
            }
            (None, KeyCode::Char(letter)) => write!(f, "{letter}"),
            (None, KeyCode::F(number)) => write!(f, "F{number}"),
            (None, _) => f.write_str("?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_shown() {
        for (text, shown) in [
            ("a", "a"),
            ("G", "G"),
            ("shift-g", "G"),
            ("?", "?"),
            ("-", "-"),
            ("ctrl-p", "Ctrl-P"),
            ("Ctrl-P", "Ctrl-P"),
            ("alt-enter", "Alt-Enter"),
            ("space", "Space"),
            ("PgDn", "PgDn"),
            ("shift-tab", "Shift-Tab"),
            ("f12", "F12"),
            ("ctrl--", "Ctrl--"),
        ] {
            let chord = Chord::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(chord.to_string(), shown, "{text}");
            assert_eq!(Chord::parse(&chord.to_string()), Ok(chord), "{text}");
        }
        for text in ["", "hyper-x", "ab", "f0", "f99", "\u{7}"] {
            assert!(Chord::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_capital_letter_is_one_key_however_the_terminal_says_it() {
        let plain = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::NONE);
        let shifted = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(Chord::of(plain), Chord::of(shifted));
    }
}
