//! The files beside a page: the only thing outside of it that a check looks at.

use std::path::{Path, PathBuf};

use crate::files::Below;
use crate::lesson::{Course, CourseConfig};

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

/// The files of this computer. Read are only those of the course: what a link in it leads out to is as good as not there.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    roots: Vec<Below>,
}

impl Disk {
    /// The files of a course: in its folder, in the site's folder `website` above it, and in the folder of its `lectern.toml`.
    pub fn of(course: &Course, config: &CourseConfig) -> Self {
        let mut roots: Vec<Below> = Below::open(&course.root).into_iter().collect();
        let full = roots.first().map(|root| root.root().to_owned()).unwrap_or_default();
        let website = full.ancestors().find(|above| above.file_name().is_some_and(|name| name == "website"));
        roots.extend(website.and_then(|website| Below::open(website).ok()));
        if !config.path.as_os_str().is_empty() {
            roots.extend(config.root());
        }
        Self { roots }
    }
}

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
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let full = folder.canonicalize().ok()?.join(path.file_name()?);
        self.roots.iter().find_map(|root| root.text(full.strip_prefix(root.root()).ok()?, LIMIT).ok())
    }
}
