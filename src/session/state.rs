//! A session's state on disk: one file for each moment to go back to, each written as one atomic unit by one writer.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::machine::Progress;
use crate::files::{self, Access};
use crate::lesson::StepId;
use crate::sandbox::Snapshot;
use crate::shell::ShellState;

/// How many commands of the prompt are kept.
const HISTORY: usize = 1000;

/// The version of the files' form. Files of another version are not read.
const VERSION: u32 = 1;

/// Everything of a session at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Moment {
    version: u32,
    /// Where the learner stands.
    pub progress: Progress,
    /// When the session began.
    pub epoch: Timestamp,
    /// Session time since then.
    pub elapsed: Duration,
    /// Variables, functions, working directory.
    pub shell: ShellState,
    /// The files of the work folder.
    pub work: Files,
    /// The sandbox, if the target is one.
    pub sandbox: Option<Snapshot>,
}

impl Moment {
    /// A moment of this version.
    pub fn new(
        progress: Progress,
        (epoch, elapsed): (Timestamp, Duration),
        shell: ShellState,
        work: Files,
        sandbox: Option<Snapshot>,
    ) -> Self {
        Self { version: VERSION, progress, epoch, elapsed, shell, work, sandbox }
    }
}

/// The files of a work folder, by their path in it; folders have no content. Symbolic links are not followed nor kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files(BTreeMap<PathBuf, Option<String>>);

impl Files {
    /// Reads a work folder.
    ///
    /// # Errors
    /// As the system's.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        read_into(root, Path::new(""), &mut files)?;
        Ok(Self(files))
    }

    /// Makes a work folder hold these files and no others; symbolic links, which lectern made, stay.
    ///
    /// # Errors
    /// As the system's; where there is no room for all of them the folder is as it was.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        let present = Self::read(root)?;
        let staged = self.stage(&present, root.parent().unwrap_or(root))?;
        for (path, content) in present.0.iter().rev() {
            if self.0.get(path).is_none_or(|kept| kept.is_none() != content.is_none()) {
                match content {
                    Some(_) => fs::remove_file(root.join(path))?,
                    // A folder that holds one of lectern's links stays.
                    None => drop(fs::remove_dir(root.join(path))),
                }
            }
        }
        for (path, content) in &self.0 {
            match content {
                None => fs::create_dir_all(root.join(path))?,
                Some(_) => {
                    if let Some(staged) = staged.files.get(path) {
                        fs::rename(staged, root.join(path))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes those that differ from what is `present` into a folder in `place`: from there they are only given their names.
    fn stage(&self, present: &Self, place: &Path) -> io::Result<Staged> {
        let mut staged = Staged::default();
        for (path, content) in &self.0 {
            let Some(content) = content.as_ref().filter(|_| present.0.get(path) != Some(content)) else { continue };
            let bytes = STANDARD.decode(content).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let folder = match staged.folder.take() {
                Some(folder) => folder,
                None => tempfile::Builder::new().prefix(".restoring-").tempdir_in(place)?,
            };
            let file = folder.path().join(staged.files.len().to_string());
            staged.folder = Some(folder);
            fs::write(&file, bytes)?;
            staged.files.insert(path.clone(), file);
        }
        Ok(staged)
    }
}

/// Files that are written and not in their place yet.
#[derive(Default)]
struct Staged {
    folder: Option<tempfile::TempDir>,
    files: BTreeMap<PathBuf, PathBuf>,
}

fn read_into(root: &Path, inside: &Path, files: &mut BTreeMap<PathBuf, Option<String>>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(inside))? {
        let entry = entry?;
        let path = inside.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files.insert(path.clone(), None);
            read_into(root, &path, files)?;
        } else if kind.is_file() {
            files.insert(path, Some(STANDARD.encode(fs::read(entry.path())?)));
        }
    }
    Ok(())
}

/// Why the state could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another lectern has this course open.
    #[error("this course is open in another lectern: end that one first ({})", .0.display())]
    Busy(PathBuf),
    /// There is no saved session.
    #[error("there is no saved session in {}: nothing was done here yet, or with another scenario", .0.display())]
    Nothing(PathBuf),
    /// A saved session that cannot be read.
    #[error("{}: not a saved session: {why}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
}

/// The folder of one course's state. While it exists nobody else can open it.
pub struct StateFolder {
    path: PathBuf,
    _lock: File,
}

impl StateFolder {
    /// The folder for a course and a target, under `$XDG_STATE_HOME/lectern`.
    ///
    /// # Errors
    /// When it is open elsewhere, or cannot be made.
    pub fn open(course: &Path, target: &str) -> Result<Self, StateError> {
        Self::at(&folder_of(course, target))
    }

    /// A folder by its path.
    ///
    /// # Errors
    /// When it is open elsewhere, or cannot be made.
    pub fn at(path: &Path) -> Result<Self, StateError> {
        let io = |source| StateError::Io { path: path.to_owned(), source };
        fs::create_dir_all(path.join("work")).map_err(io)?;
        let lock = File::create(path.join("lock")).map_err(io)?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => StateError::Busy(path.to_owned()),
            fs::TryLockError::Error(source) => io(source),
        })?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The work folder.
    pub fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    /// The latest state, if one was saved and can be read; a file that cannot is set aside, and the message says so.
    pub fn latest(&self) -> (Option<Moment>, Option<String>) {
        self.load(&self.path.join("now.json"))
    }

    /// The state before a step.
    pub fn before(&self, id: StepId) -> Option<Moment> {
        self.load(&self.before_path(id)).0
    }

    /// Saves the latest state.
    ///
    /// # Errors
    /// As the system's; the state that was saved before is then still there.
    pub fn save(&self, moment: &Moment) -> Result<(), StateError> {
        write_atomically(&self.path.join("now.json"), moment)
    }

    /// Saves the state before a step.
    ///
    /// # Errors
    /// As [`StateFolder::save`].
    pub fn save_before(&self, id: StepId, moment: &Moment) -> Result<(), StateError> {
        write_atomically(&self.before_path(id), moment)
    }

    /// Forgets everything, for a start from the beginning.
    ///
    /// # Errors
    /// As the system's.
    pub fn clear(&self) -> Result<(), StateError> {
        let io = |source| StateError::Io { path: self.path.clone(), source };
        for entry in fs::read_dir(&self.path).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                fs::remove_file(&path).map_err(io)?;
            }
        }
        Files::default().write(&self.work()).map_err(io)
    }

    /// What was tried at the prompt, the oldest first. It outlives a start from the beginning.
    pub fn history(&self) -> Vec<String> {
        let text = fs::read_to_string(self.history_path()).unwrap_or_default();
        let mut commands: Vec<String> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let surplus = commands.len().saturating_sub(HISTORY);
        commands.drain(..surplus);
        commands
    }

    /// Adds a command to what was tried.
    ///
    /// # Errors
    /// As the system's; what was there before is then still there.
    pub fn remember_try(&self, command: &str) -> Result<(), StateError> {
        let mut kept = self.history();
        if kept.len() >= HISTORY {
            kept.drain(..kept.len() - HISTORY / 2);
        }
        kept.push(command.to_owned());
        let path = self.history_path();
        files::write(&path, Access::Private, |out| {
            kept.iter().try_for_each(|command| {
                serde_json::to_writer(&mut *out, command)?;
                out.write_all(b"\n")
            })
        })
        .map_err(|source| StateError::Io { path, source })
    }

    fn history_path(&self) -> PathBuf {
        self.path.join("history")
    }

    fn before_path(&self, id: StepId) -> PathBuf {
        self.path.join(format!("before-{}-{}.json", id.lesson, id.step))
    }

    fn load(&self, path: &Path) -> (Option<Moment>, Option<String>) {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (None, None),
            Err(error) => return (None, Some(format!("{}: {error}", path.display()))),
        };
        match serde_json::from_slice::<Moment>(&bytes) {
            Ok(moment) if moment.version == VERSION => (Some(moment), None),
            unusable => {
                let why = match unusable {
                    Err(error) => error.to_string(),
                    Ok(moment) => format!("it is of version {}, not {VERSION}", moment.version),
                };
                let aside = path.with_extension("unusable");
                let kept = fs::rename(path, &aside).is_ok();
                let place = if kept { aside } else { path.to_owned() };
                (None, Some(format!("The saved progress cannot be used ({why}); it is kept in {}.", place.display())))
            }
        }
    }
}

/// The folder of the state of a course and a target, whether it exists or not.
pub fn folder_of(course: &Path, target: &str) -> PathBuf {
    let mut hash = Sha256::new();
    hash.update(course.as_os_str().as_encoded_bytes());
    hash.update([0]);
    hash.update(target.as_bytes());
    let name: String = hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    state_home().join(name)
}

/// The latest state in a folder, only looked at: nothing is locked, made or moved. A session that goes on meanwhile does no harm:
/// each of its states is written whole.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn look(folder: &Path) -> Result<Moment, StateError> {
    let path = folder.join("now.json");
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StateError::Nothing(folder.to_owned())),
        Err(source) => return Err(StateError::Io { path, source }),
    };
    let why = match serde_json::from_slice::<Moment>(&bytes) {
        Ok(moment) if moment.version == VERSION => return Ok(moment),
        Ok(moment) => format!("it is of version {}, not {VERSION}", moment.version),
        Err(error) => error.to_string(),
    };
    Err(StateError::Unusable { path, why })
}

/// Where states are kept: `$XDG_STATE_HOME/lectern`, by default `~/.local/state/lectern` (XDG Base Directory Specification).
pub fn state_home() -> PathBuf {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(std::env::temp_dir)
        .join("lectern")
}

fn write_atomically(path: &Path, moment: &Moment) -> Result<(), StateError> {
    files::write(path, Access::Private, |out| serde_json::to_writer(out, moment).map_err(io::Error::from))
        .map_err(|source| StateError::Io { path: path.to_owned(), source })
}
