//! The files beside a page: the only thing outside of it that a check looks at.

use std::path::{Path, PathBuf};

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// Asks about files.
pub trait Files {
    /// What is at `path`, symbolic links followed; `None` when nothing is.
    fn kind(&self, path: &Path) -> Option<FileKind>;

    /// The path from the file system's root, symbolic links resolved; the path itself when nothing is there.
    fn full(&self, path: &Path) -> PathBuf;

    /// The text of a file; `None` when it is not there, not text, or too long to be a script or a page.
    fn text(&self, path: &Path) -> Option<String>;
}

/// The files of this computer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

/// Nothing that a check reads is longer.
const LIMIT: u64 = 4 << 20;

impl Files for Disk {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        let about = std::fs::metadata(path).ok()?;
        if about.is_dir() { Some(FileKind::Folder) } else { about.is_file().then_some(FileKind::File) }
    }

    fn full(&self, path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }

    fn text(&self, path: &Path) -> Option<String> {
        let about = std::fs::metadata(path).ok()?;
        (about.is_file() && about.len() <= LIMIT).then(|| std::fs::read_to_string(path).ok()).flatten()
    }
}
