//! The one door through which the program writes files of its own and of the person: whole, and on the disk, or not at all.
//!
//! A file is written beside its final name, flushed to the disk, and then takes the name: whoever reads it sees what was there
//! before or all of the new, whatever ends the program. What is no plain file (a terminal, a pipe, `/dev/stdout`) is written in
//! place.

mod below;

use std::ffi::OsString;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use below::Below;

/// How many symbolic links one path may lead through, as on Linux.
const MOST_LINKS: usize = 40;

/// Who may read a file that is written for the first time. One that is there already keeps its permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Its owner alone.
    Private,
    /// Those whom the process's umask lets.
    Shared,
}

/// Writes a file, with what `fill` writes for its content.
///
/// # Errors
/// When it cannot be written whole; what was there before is then still there.
pub fn write(path: &Path, access: Access, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    Output::find(path, access)?.write(fill)
}

/// A file that is going to be written: it is known that it can be, and nothing of it has changed yet.
#[derive(Debug)]
pub struct Output {
    place: Place,
    access: Access,
}

#[derive(Debug)]
enum Place {
    /// A plain file, or none yet: its folder without symbolic links, and its name in it.
    Plain { folder: PathBuf, name: OsString },
    /// Anything else, opened.
    Stream(Stream),
}

#[derive(Debug)]
enum Stream {
    /// What the process's standard output is.
    Stdout,
    /// What its standard error is.
    Stderr,
    /// Another one, with its device and inode.
    Other { file: File, identity: (u64, u64), device: bool },
}

impl Output {
    /// Looks whether a file can be written, and leaves all as it is. A symbolic link is followed: what it points to is
    /// written.
    ///
    /// # Errors
    /// When it cannot be written: it is a folder, its folder is missing, or the person may not.
    pub fn open(path: &Path, access: Access) -> io::Result<Self> {
        let output = Self::find(path, access)?;
        if let Place::Plain { folder, .. } = &output.place {
            // This one has no name, so that nothing stays behind whatever ends the program now.
            tempfile::tempfile_in(folder)?;
        }
        Ok(output)
    }

    fn find(path: &Path, access: Access) -> io::Result<Self> {
        let found = match fs::metadata(path) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if found.as_ref().is_some_and(Metadata::is_dir) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let (at, of_process) = followed(path)?;
        if let Some(found) = found.as_ref().filter(|found| of_process || !found.is_file()) {
            return Ok(Self { place: Place::Stream(Stream::open(path, found)?), access });
        }
        let name = at.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let folder = folder_of(&at).canonicalize()?;
        if found.is_some() {
            // A file that may not be written is not replaced either, though its folder would allow it.
            File::options().write(true).open(folder.join(&name))?;
        }
        Ok(Self { place: Place::Plain { folder, name }, access })
    }

    /// Whether both are one and the same file.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::Plain { folder, name }, Place::Plain { folder: other, name: its }) => {
                folder == other && name == its
            }
            (Place::Stream(one), Place::Stream(other)) => match (one, other) {
                (Stream::Other { identity, device: false, .. }, Stream::Other { identity: its, .. }) => identity == its,
                (Stream::Stdout, Stream::Stdout) | (Stream::Stderr, Stream::Stderr) => true,
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether it is the plain file at a path.
    pub fn is_at(&self, path: &Path) -> bool {
        let Place::Plain { folder, name } = &self.place else { return false };
        path.canonicalize().is_ok_and(|path| path == folder.join(name))
    }

    /// Writes it, with what `fill` writes for its content.
    ///
    /// # Errors
    /// When it cannot be written whole; of a plain file, what was there before is then still there.
    pub fn write(self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match self.place {
            Place::Plain { folder, name } => replace(&folder, &name, self.access, fill),
            Place::Stream(Stream::Stdout) => fill_all(io::stdout().lock(), fill).map(drop),
            Place::Stream(Stream::Stderr) => fill_all(io::stderr().lock(), fill).map(drop),
            Place::Stream(Stream::Other { file, .. }) => fill_all(file, fill).map(drop),
        }
    }
}

impl Stream {
    fn open(path: &Path, found: &Metadata) -> io::Result<Self> {
        let identity = (found.dev(), found.ino());
        // What the process has open already goes on where that stands.
        let is = |other: rustix::io::Result<rustix::fs::Stat>| other.is_ok_and(|it| (it.st_dev, it.st_ino) == identity);
        if is(rustix::fs::fstat(io::stdout())) {
            return Ok(Self::Stdout);
        }
        if is(rustix::fs::fstat(io::stderr())) {
            return Ok(Self::Stderr);
        }
        let file = File::options().append(true).open(path)?;
        let kind = found.file_type();
        Ok(Self::Other { file, identity, device: kind.is_char_device() || kind.is_block_device() })
    }
}

/// Where a path leads through symbolic links of its last part, and whether that is something that a process has open
/// (`/dev/stdout`, `/dev/fd/3`), which has no name to be given to another file.
fn followed(path: &Path) -> io::Result<(PathBuf, bool)> {
    let mut at = path.to_owned();
    for _ in 0..MOST_LINKS {
        if !fs::symlink_metadata(&at).is_ok_and(|metadata| metadata.is_symlink()) {
            return Ok((at, false));
        }
        let folder = folder_of(&at).canonicalize()?;
        if folder.starts_with("/proc") {
            return Ok((at, true));
        }
        at = folder.join(fs::read_link(&at)?);
    }
    Err(io::Error::other("too many symbolic links"))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn replace(
    folder: &Path,
    name: &OsString,
    access: Access,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let path = folder.join(name);
    let mode = if access == Access::Private { 0o600 } else { 0o666 };
    let file = tempfile::Builder::new()
        .prefix(".lectern-")
        // The system takes from these what the umask says.
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    let (file, beside) = file.into_parts();
    let file = fill_all(file, fill)?;
    if let Ok(before) = fs::metadata(&path) {
        let now = file.metadata()?;
        if (before.uid(), before.gid()) != (now.uid(), now.gid()) {
            // Only root can; for all others the file is theirs from now on, as with any editor.
            let _ = std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()));
        }
        file.set_permissions(before.permissions())?;
    }
    file.sync_all()?;
    beside.persist(&path).map_err(|error| error.error)?;
    // The new name is on the disk when the folder is. Some file systems have no such thing.
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

fn fill_all<W: Write>(to: W, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<W> {
    let mut writer = io::BufWriter::new(to);
    fill(&mut writer)?;
    writer.into_inner().map_err(io::IntoInnerError::into_error).and_then(|mut to| to.flush().map(|()| to))
}

#[cfg(test)]
mod tests;
