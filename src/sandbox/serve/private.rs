//! Folders for temporary files that only their owner can look into. They go with the sandbox; those of a lectern that was
//! killed go when the next sandbox is served.

use std::fs::{self, File};
use std::io;
use std::path::Path;

const PREFIX: &str = "lectern-sandbox-";

/// What its lectern holds a lock on as long as it runs.
const LOCK: &str = "lock";

/// A folder of this process.
#[derive(Debug)]
pub(super) struct PrivateFolder {
    folder: tempfile::TempDir,
    _lock: File,
}

impl PrivateFolder {
    /// Makes one where temporary files go, and takes away what killed ones left there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> io::Result<Self> {
        Self::new_in(&std::env::temp_dir())
    }

    fn new_in(place: &Path) -> io::Result<Self> {
        sweep(place);
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(fs::Permissions::from_mode(0o700));
        }
        let folder = builder.tempdir_in(place)?;
        // The file gets its name once it is locked: a folder whose lock is free is nobody's.
        let unnamed = tempfile::NamedTempFile::new_in(folder.path())?;
        unnamed.as_file().try_lock().map_err(io::Error::from)?;
        #[allow(
            clippy::disallowed_methods,
            reason = "what counts is the lock on it, and that it is gone with the machine"
        )]
        let lock = unnamed.persist(folder.path().join(LOCK)).map_err(|error| error.error)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Takes away the folders whose lectern runs no more. What cannot be looked into is somebody else's and stays.
fn sweep(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !named || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let Ok(lock) = File::options().write(true).open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            // Another one may be sweeping too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_one_left_goes_and_what_is_in_use_stays() {
        let place = tempfile::tempdir().unwrap();
        let running = PrivateFolder::new_in(place.path()).unwrap();
        let left = place.path().join("lectern-sandbox-left");
        fs::create_dir(&left).unwrap();
        for name in [LOCK, "kubeconfig"] {
            fs::write(left.join(name), "").unwrap();
        }
        let beginning = place.path().join("lectern-sandbox-beginning");
        fs::create_dir(&beginning).unwrap();
        let other = place.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join(LOCK), "").unwrap();
        let next = PrivateFolder::new_in(place.path()).unwrap();
        assert!(!left.exists());
        for kept in [running.path(), next.path(), &beginning, &other] {
            assert!(kept.exists(), "{}", kept.display());
        }
        let path = running.path().to_owned();
        drop(running);
        assert!(!path.exists());
    }
}
