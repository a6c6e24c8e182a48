//! Copying: by the terminal (OSC 52), and into a file for the terminals that don't.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::files::{self, Access};

/// Terminals drop longer sequences (xterm's limit for the text in base 64 is 100,000 characters).
const LONGEST: usize = 74_000;

/// What asks the terminal to put a text on the clipboard, if it is short enough. The text is in base 64: nothing in it is
/// obeyed.
pub fn sequence(text: &str) -> Option<String> {
    (text.len() <= LONGEST).then(|| format!("\u{1b}]52;c;{}\u{7}", STANDARD.encode(text)))
}

/// Copies a text, by the terminal if there is one; answers what to tell the person.
pub fn copy(what: &str, text: &str, terminal: Option<&mut dyn Write>, folder: &Path) -> String {
    if text.is_empty() {
        return format!("There is nothing to copy: {what} is empty.");
    }
    let has_terminal = terminal.is_some();
    let asked = sequence(text).zip(terminal).is_some_and(|(sequence, terminal)| {
        terminal.write_all(sequence.as_bytes()).and_then(|()| terminal.flush()).is_ok()
    });
    let lines = text.lines().count();
    let size = if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") };
    match (keep(text, folder), asked) {
        (Ok(path), true) => {
            format!(
                "Copied {what} ({size}) by the terminal (OSC 52); if yours does not do that, it is in {}.",
                path.display()
            )
        }
        (Ok(path), false) if !has_terminal => format!("Copied {what} ({size}) into {}.", path.display()),
        (Ok(path), false) => {
            format!("{what} ({size}) is too long for the terminal's clipboard: it is in {}.", path.display())
        }
        (Err(_), true) => format!("Copied {what} ({size}) by the terminal (OSC 52)."),
        (Err(error), false) => format!("{what} could not be copied: {error}."),
    }
}

fn keep(text: &str, folder: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("copied.txt");
    files::write(&path, Access::Private, |out| out.write_all(text.as_bytes()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_goes_to_the_terminal_and_into_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut terminal = Vec::new();
        let said = copy("the output", "a\u{1b}]0;x\u{7}\nb\n", Some(&mut terminal), folder.path());
        assert_eq!(terminal, b"\x1b]52;c;YRtdMDt4BwpiCg==\x07");
        assert!(said.contains("OSC 52") && said.contains("copied.txt") && said.contains("2 lines"), "{said}");
        assert_eq!(std::fs::read(folder.path().join("copied.txt")).unwrap(), b"a\x1b]0;x\x07\nb\n");
    }

    #[test]
    fn what_is_too_long_for_the_terminal_is_in_the_file_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut terminal = Vec::new();
        let said = copy("the output", &"x".repeat(LONGEST + 1), Some(&mut terminal), folder.path());
        assert!(terminal.is_empty());
        assert!(said.contains("too long") && said.contains("copied.txt"), "{said}");
    }
}
