//! The course that comes with the program: its pages are in the binary and are unpacked where they can be read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

static LESSONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/lessons");

/// The folder of the bundled course; it is unpacked at the first call.
///
/// # Errors
/// When the folder cannot be written.
pub fn course() -> io::Result<PathBuf> {
    let mut hash = Sha256::new();
    digest(&LESSONS, &mut hash);
    let name: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let folder = crate::session::state_home().join("lessons").join(name);
    if !folder.is_dir() {
        let parent = folder.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent)?;
        let unpacked = tempfile::Builder::new().prefix("unpacking-").tempdir_in(parent)?;
        LESSONS.extract(unpacked.path())?;
        // Another lectern may have been faster; its copy is the same.
        match fs::rename(unpacked.path(), &folder) {
            Err(error) if !folder.is_dir() => return Err(error),
            _ => {}
        }
    }
    Ok(folder)
}

fn digest(dir: &Dir<'_>, hash: &mut Sha256) {
    for file in dir.files() {
        hash.update(file.path().as_os_str().as_encoded_bytes());
        hash.update(file.contents());
    }
    for dir in dir.dirs() {
        digest(dir, hash);
    }
}
