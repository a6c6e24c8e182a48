//! The one door through which the program opens what a course names: below a folder, never outside of it.
//!
//! Each opening is held below the folder by the system itself (`openat2`, or one part of the path after the other where the
//! kernel has no such call): no `..`, no absolute path and no symbolic link leads out, and exchanging a folder for a link in
//! between does not help, because what was opened stays what it was.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};

/// A folder that was opened once, out of which nothing leads.
#[derive(Debug, Clone)]
pub struct Below {
    root: PathBuf,
    dir: Arc<Dir>,
}

impl PartialEq for Below {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl Eq for Below {}

impl Below {
    /// Opens a folder that the person named, wherever it leads.
    ///
    /// # Errors
    /// When it is no folder or cannot be opened.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let root = folder.canonicalize()?;
        let dir = Dir::open_ambient_dir(&root, cap_std::ambient_authority())?;
        Ok(Self { root, dir: Arc::new(dir) })
    }

    /// The folder's path without symbolic links, as it was when it was opened.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder itself.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Opens a folder in it; links are followed as long as they stay in it.
    ///
    /// # Errors
    /// `PermissionDenied` when the path leads out, otherwise as the system's.
    pub fn folder(&self, path: &Path) -> io::Result<Self> {
        let dir = self.dir.open_dir(inner(path)?)?;
        let root = self.root.join(path).canonicalize()?;
        let (opened, named) = (dir.dir_metadata()?, std::fs::metadata(&root)?);
        // The name is of use only as long as it is that of the folder that was opened.
        let is_same = (opened.dev(), opened.ino()) == {
            use std::os::unix::fs::MetadataExt;
            (named.dev(), named.ino())
        };
        if !is_same || !root.starts_with(&self.root) {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the folder was exchanged while it was opened",
            ));
        }
        Ok(Self { root, dir: Arc::new(dir) })
    }

    /// As [`Below::folder`], for the name of a folder that may not be a symbolic link at all.
    ///
    /// # Errors
    /// As [`Below::folder`]; when it is a link.
    pub fn own_folder(&self, name: &str) -> io::Result<Self> {
        if self.dir.symlink_metadata(name)?.is_symlink() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is a symbolic link"));
        }
        let folder = self.folder(Path::new(name))?;
        // A link that took its place meanwhile would have another path.
        if folder.root != self.root.join(name) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is a symbolic link"));
        }
        Ok(folder)
    }

    /// Opens a plain file in it. One that would wait, as a pipe does, is an error.
    ///
    /// # Errors
    /// As [`Below::folder`]; when it is no plain file.
    pub fn file(&self, path: &Path) -> io::Result<File> {
        let mut how = OpenOptions::new();
        how.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
        let file = self.dir.open_with(inner(path)?, &how)?.into_std();
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        Ok(file)
    }

    /// Reads a file of at most `longest` bytes.
    ///
    /// # Errors
    /// As [`Below::file`]; `FileTooLarge` when it is longer.
    pub fn read(&self, path: &Path, longest: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file(path)?.take(longest + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > longest {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    /// Reads a file of UTF-8 text.
    ///
    /// # Errors
    /// As [`Below::read`]; `InvalidData` when it is not UTF-8.
    pub fn text(&self, path: &Path, longest: u64) -> io::Result<String> {
        String::from_utf8(self.read(path, longest)?)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
    }

    /// The names in a folder of it, each with whether it is a folder that can be opened from here.
    ///
    /// # Errors
    /// As [`Below::folder`].
    pub fn names(&self, path: &Path) -> io::Result<Vec<(String, bool)>> {
        let path = inner(path)?;
        let mut names = Vec::new();
        for entry in self.dir.read_dir(path)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let is_folder = self.dir.metadata(path.join(&name)).is_ok_and(|about| about.is_dir());
            names.push((name, is_folder));
        }
        names.sort();
        Ok(names)
    }
}

/// The path from the folder on; the folder itself for an empty one.
fn inner(path: &Path) -> io::Result<&Path> {
    if path.components().any(|part| matches!(part, Component::RootDir | Component::Prefix(_))) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "an absolute path leads out of the course"));
    }
    Ok(if path.as_os_str().is_empty() { Path::new(".") } else { path })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_leads_out() {
        let world = tempfile::tempdir().unwrap();
        let home = world.path().join("home");
        let course = world.path().join("course");
        fs::create_dir_all(course.join("in/deep")).unwrap();
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("secret"), "canary").unwrap();
        fs::write(course.join("in/own"), "own").unwrap();
        symlink(&home, course.join("absolute")).unwrap();
        symlink("../home", course.join("relative")).unwrap();
        symlink("../home/secret", course.join("file")).unwrap();
        symlink("in", course.join("inner")).unwrap();
        let below = Below::open(&course).unwrap();
        for path in ["../home/secret", "absolute/secret", "relative/secret", "file", "in/../../home/secret"] {
            assert!(below.read(Path::new(path), 99).is_err(), "{path}");
        }
        for path in ["..", "absolute", "relative", "in/../.."] {
            assert!(below.folder(Path::new(path)).is_err(), "{path}");
            assert!(below.names(Path::new(path)).is_err(), "{path}");
        }
        assert!(below.read(&home.join("secret"), 99).is_err());
        assert_eq!(below.text(Path::new("inner/own"), 3).unwrap(), "own");
        assert_eq!(below.text(Path::new("in/deep/../own"), 3).unwrap(), "own");
        assert!(below.text(Path::new("in/own"), 2).is_err());
        assert!(below.own_folder("inner").is_err());
        assert!(below.own_folder("in").is_ok());
        assert_eq!(below.folder(Path::new("inner")).unwrap().root(), course.canonicalize().unwrap().join("in"));
    }

    #[test]
    fn what_was_opened_stays_what_it_was() {
        let world = tempfile::tempdir().unwrap();
        let (home, course) = (world.path().join("home"), world.path().join("course"));
        fs::create_dir_all(course.join("files")).unwrap();
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("name"), "canary").unwrap();
        fs::write(course.join("files/name"), "own").unwrap();
        let below = Below::open(&course).unwrap();
        let files = below.folder(Path::new("files")).unwrap();
        fs::rename(course.join("files"), course.join("before")).unwrap();
        symlink(&home, course.join("files")).unwrap();
        assert_eq!(files.text(Path::new("name"), 99).unwrap(), "own");
        assert!(below.text(Path::new("files/name"), 99).is_err());
    }

    #[test]
    fn a_pipe_is_no_file() {
        let world = tempfile::tempdir().unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, world.path().join("pipe"), 0o600.into()).unwrap();
        assert!(Below::open(world.path()).unwrap().file(Path::new("pipe")).is_err());
    }
}
