//! The one door through which tools open files: the work folder, and folders mapped into it read-only. No `..`, no
//! absolute path and no symbolic link leads out of them.

use std::collections::BTreeMap;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder that tools may see.
pub struct Root {
    /// Where the shell sees it: an absolute path.
    pub path: PathBuf,
    /// The folder itself, opened once.
    pub dir: cap_std::fs::Dir,
    /// Whether it may be written to.
    pub writable: bool,
}

/// The files that a tool may open. Paths are as the lesson writes them: absolute, or relative to the working directory.
#[derive(Clone)]
pub struct Files {
    roots: Arc<Vec<Root>>,
    cwd: PathBuf,
    /// What `/dev/fd/N` and `/dev/stdin` hold in this call.
    streams: Arc<BTreeMap<PathBuf, Vec<u8>>>,
}

impl Files {
    /// Access to `roots` (the most specific one that holds a path serves it), with relative paths taken from `cwd`.
    pub fn new(roots: Vec<Root>, cwd: PathBuf) -> Self {
        Self { roots: Arc::new(roots), cwd, streams: Arc::default() }
    }

    /// The same files seen from another working directory.
    pub fn at(&self, cwd: impl Into<PathBuf>) -> Self {
        Self { roots: Arc::clone(&self.roots), cwd: cwd.into(), streams: Arc::clone(&self.streams) }
    }

    /// The same files, and under these absolute paths (`/dev/fd/63`) the contents of streams.
    pub fn with_streams(&self, streams: BTreeMap<PathBuf, Vec<u8>>) -> Self {
        Self { roots: Arc::clone(&self.roots), cwd: self.cwd.clone(), streams: Arc::new(streams) }
    }

    /// The working directory.
    pub fn cwd(&self) -> &Path {
        &self.cwd
    }

    /// What a path of [`Files::with_streams`] holds.
    pub fn stream(&self, path: impl AsRef<Path>) -> Option<&[u8]> {
        self.streams.get(path.as_ref()).map(Vec::as_slice)
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// As the system's; `NotFound` for a path outside of all roots.
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<cap_std::fs::File> {
        if let Some(bytes) = self.streams.get(path.as_ref()) {
            return in_memory(bytes);
        }
        let (root, rest) = self.resolve(path.as_ref())?;
        root.dir.open(rest)
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// As [`Files::open`].
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.streams.get(path.as_ref()) {
            return Ok(bytes.clone());
        }
        let (root, rest) = self.resolve(path.as_ref())?;
        root.dir.read(rest)
    }

    /// Reads a whole file of UTF-8 text.
    ///
    /// # Errors
    /// As [`Files::open`]; `InvalidData` when it is not UTF-8.
    pub fn read_to_string(&self, path: impl AsRef<Path>) -> io::Result<String> {
        if let Some(bytes) = self.streams.get(path.as_ref()) {
            return String::from_utf8(bytes.clone()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
        }
        let (root, rest) = self.resolve(path.as_ref())?;
        root.dir.read_to_string(rest)
    }

    /// Makes or empties a file and opens it for writing.
    ///
    /// # Errors
    /// As the system's; `PermissionDenied` in a read-only folder.
    pub fn create(&self, path: impl AsRef<Path>) -> io::Result<cap_std::fs::File> {
        let (root, rest) = self.writable(path.as_ref())?;
        root.dir.create(rest)
    }

    /// Opens a file for writing at its end; makes it if it is not there.
    ///
    /// # Errors
    /// As [`Files::create`].
    pub fn append(&self, path: impl AsRef<Path>) -> io::Result<cap_std::fs::File> {
        let (root, rest) = self.writable(path.as_ref())?;
        root.dir.open_with(rest, cap_std::fs::OpenOptions::new().append(true).create(true))
    }

    /// Makes a folder.
    ///
    /// # Errors
    /// As the system's; `PermissionDenied` in a read-only folder.
    pub fn create_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let (root, rest) = self.writable(path.as_ref())?;
        root.dir.create_dir(rest)
    }

    /// Removes a file or a symbolic link.
    ///
    /// # Errors
    /// As the system's; `PermissionDenied` in a read-only folder, and for the way to one.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let (root, rest) = self.removable(path.as_ref())?;
        root.dir.remove_file(rest)
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// As [`Files::remove_file`].
    pub fn remove_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let (root, rest) = self.removable(path.as_ref())?;
        root.dir.remove_dir(rest)
    }

    /// Gives a file or folder another name.
    ///
    /// # Errors
    /// As [`Files::remove_file`], for both names.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        let (old_root, old) = self.removable(from.as_ref())?;
        let (new_root, new) = self.removable(to.as_ref())?;
        old_root.dir.rename(old, &new_root.dir, new)
    }

    /// What there is to know of a file or folder.
    ///
    /// # Errors
    /// As [`Files::open`].
    pub fn metadata(&self, path: impl AsRef<Path>) -> io::Result<cap_std::fs::Metadata> {
        let (root, rest) = self.resolve(path.as_ref())?;
        root.dir.metadata(rest)
    }

    /// As [`Files::metadata`]; of a symbolic link, of the link itself. The way into a mapped folder counts as that folder.
    ///
    /// # Errors
    /// As [`Files::open`].
    pub fn symlink_metadata(&self, path: impl AsRef<Path>) -> io::Result<cap_std::fs::Metadata> {
        let (root, rest) = self.resolve(path.as_ref())?;
        root.dir.symlink_metadata(rest)
    }

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// As the system's; `NotFound` for a path outside of all roots.
    pub fn names_in(&self, path: impl AsRef<Path>) -> io::Result<Vec<String>> {
        let (root, rest) = self.resolve(path.as_ref())?;
        let mut names = root
            .dir
            .read_dir(rest)?
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn writable(&self, path: &Path) -> io::Result<(&Root, PathBuf)> {
        let (root, rest) = self.resolve(path)?;
        if root.writable { Ok((root, rest)) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    /// As [`Files::writable`], for what may be taken away: no root, and nothing that holds one.
    fn removable(&self, path: &Path) -> io::Result<(&Root, PathBuf)> {
        let absolute = normal(&self.cwd.join(path));
        if self.roots.iter().any(|root| root.path.starts_with(&absolute)) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.writable(path)
    }

    /// The root that holds `path`, and the way there inside of it.
    fn resolve(&self, path: &Path) -> io::Result<(&Root, PathBuf)> {
        let absolute = normal(&self.cwd.join(path));
        let root = self
            .roots
            .iter()
            .filter(|root| absolute.starts_with(&root.path))
            .max_by_key(|root| root.path.components().count())
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "No such file or directory"))?;
        let rest = absolute.strip_prefix(&root.path).unwrap_or(Path::new("."));
        Ok((root, if rest.as_os_str().is_empty() { PathBuf::from(".") } else { rest.to_owned() }))
    }
}

/// A file that is nowhere and holds `bytes`.
fn in_memory(bytes: &[u8]) -> io::Result<cap_std::fs::File> {
    let file = std::fs::File::from(rustix::fs::memfd_create("stream", rustix::fs::MemfdFlags::CLOEXEC)?);
    (&file).write_all(bytes)?;
    (&file).seek(io::SeekFrom::Start(0))?;
    Ok(cap_std::fs::File::from_std(file))
}

/// Takes `.` and `..` out of an absolute path by name.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                out.pop();
            }
            std::path::Component::Normal(name) => out.push(name),
            _ => {}
        }
    }
    out
}
