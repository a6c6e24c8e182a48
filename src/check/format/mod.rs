//! Findings for people and programs.

pub mod github;
pub mod human;
pub mod json;
pub mod sarif;

use crate::compare::terminal::is_shown;

/// Lessons come from strangers: what they hold is printed without control characters.
fn printable(text: &str) -> String {
    text.chars().map(|c| if is_shown(c) { c } else { '\u{fffd}' }).collect()
}

/// A path as addresses have it: with `/`.
fn slashed(path: &std::path::Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join("/")
        .replacen("//", "/", 1)
}
