//! Tools that look at folders and change what is in them: `ls`, `mkdir`, `rm`, `cp`, `mv`, `touch`. All of it through
//! [`Files`](super::Files): nothing outside of the lesson's folders is seen or changed.

mod copy;
mod ls;
mod make;
mod remove;

pub(super) use copy::{cp, mv};
pub(super) use ls::ls;
pub(super) use make::{mkdir, touch};
pub(super) use remove::{rm, rmdir};

use std::io;

use super::text::operands::reason;

/// The system's words for what went wrong with a path, as GNU's tools print them.
fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AlreadyExists => "File exists".to_owned(),
        io::ErrorKind::DirectoryNotEmpty => "Directory not empty".to_owned(),
        _ => reason(error),
    }
}

/// The path of `name` in the folder `folder`, as a person would write it.
fn inside(folder: &str, name: &str) -> String {
    if folder.ends_with('/') { format!("{folder}{name}") } else { format!("{folder}/{name}") }
}

/// The last part of a path.
fn last_part(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}
