//! What the session asks of the shell, and what it hears from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::files::Below;
use crate::target::Target;
use crate::tools::{Files, StdStream};

/// A folder that the lesson sees inside of its home, read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Where the lesson sees it, relative to its home: `environment/eks-workshop`.
    pub at: PathBuf,
    /// The folder itself.
    pub folder: PathBuf,
    /// The folder as it was opened, where it must be that one whatever becomes of its path: what a course names.
    pub opened: Option<Below>,
}

impl Mapped {
    /// A folder that the person named.
    pub fn named(at: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self { at: at.into(), folder: folder.into(), opened: None }
    }

    /// A folder that was opened as one of a course.
    pub fn of_course(at: impl Into<PathBuf>, folder: Below) -> Self {
        Self { at: at.into(), folder: folder.root().to_owned(), opened: Some(folder) }
    }

    /// The folder, opened now unless it was before.
    pub(super) fn open(&self) -> Result<Below, ShellError> {
        match &self.opened {
            Some(opened) => Ok(opened.clone()),
            None => open(&self.folder),
        }
    }
}

/// Opens a folder that a shell needs.
pub(super) fn open(folder: &Path) -> Result<Below, ShellError> {
    Below::open(folder).map_err(|source| ShellError::Folder { path: folder.to_owned(), source })
}

/// How much a lesson may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of output that one run may hand on; what comes after is counted and dropped.
    pub output: u64,
    /// Bytes that all variables together may hold.
    pub variables: u64,
    /// Bytes that all files in the work folder together may hold.
    pub files: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { output: 64 << 20, variables: 64 << 20, files: 256 << 20 }
    }
}

/// What a shell starts with.
#[derive(Clone)]
pub struct ShellConfig {
    /// The work folder: the first working directory, which may be written to. It exists.
    pub work: PathBuf,
    /// HOME, where that is not the work folder; it may be written to as well, and exists.
    pub home: Option<PathBuf>,
    /// Folders seen inside of HOME.
    pub mapped: Vec<Mapped>,
    /// Folders that may be read where they are: the lessons' own.
    pub readable: Vec<PathBuf>,
    /// The exported variables that it starts with; nothing is taken from the process.
    pub env: BTreeMap<String, String>,
    /// How much a lesson may use.
    pub limits: Limits,
    /// The session's clock.
    pub clock: Clock,
    /// Where the tools' calls go. They run on the runtime that `Shell::start` is called on.
    pub target: Arc<Target>,
}

impl ShellConfig {
    /// What HOME is.
    pub fn home(&self) -> &Path {
        self.home.as_deref().unwrap_or(&self.work)
    }
}

/// How the shell's thread is confined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confinement {
    /// Landlock holds it to its folders, and it can start no program.
    Full,
    /// It can start no program, but the kernel does not hold it to its folders, for this reason.
    NoLandlock(String),
}

/// Output on its way to the session, in the order in which it was printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Standard output or error.
    pub stream: StdStream,
    /// The bytes, control sequences and all.
    pub bytes: Vec<u8>,
}

/// A script to run in the lesson's shell.
pub struct Run {
    /// The text, of one or more lines.
    pub script: String,
    /// Whether a failing command ends the script (`set -e`).
    pub errexit: bool,
    /// Session time that it may take.
    pub limit: Option<Duration>,
    /// Where its output goes; a closed channel drops it.
    pub output: mpsc::Sender<Chunk>,
    /// Whether the process's own standard input is the script's (`lectern sh`); else it is empty.
    pub inherit_stdin: bool,
    /// Ends it early.
    pub cancel: CancellationToken,
}

/// Ahead of a step (or suite) or behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HookPhase {
    /// Ahead.
    Before,
    /// Behind.
    After,
}

impl HookPhase {
    /// The argument that the hook script gets.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// A hook script to run, in a shell of its own with the lesson's exported variables.
pub struct HookCall {
    /// The script.
    pub script: PathBuf,
    /// Its argument.
    pub phase: HookPhase,
    /// `TEST_OUTPUT`, for the phase behind a step.
    pub test_output: Option<String>,
    /// Session time that it may take.
    pub limit: Duration,
    /// Where its output goes.
    pub output: mpsc::Sender<Chunk>,
    /// Ends it early.
    pub cancel: CancellationToken,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Exited,
    /// Its time limit was reached.
    TimeLimit,
    /// It was cancelled.
    Cancelled,
    /// lectern itself broke off in it; what it printed last says so.
    Fault,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOutcome {
    /// The exit status; 124 at a time limit, 130 when cancelled, 70 at a fault of lectern's own.
    pub status: u8,
    /// How it ended.
    pub ended: Ended,
    /// Commands that were looked for and that lectern has no tool for, in order, each once.
    pub unknown: Vec<String>,
    /// Bytes of output dropped because the run printed more than it may.
    pub dropped: u64,
}

/// What a command line can name: for completing one.
pub struct Surroundings {
    /// The exported variables.
    pub exported: BTreeMap<String, String>,
    /// The names of all variables, sorted.
    pub variables: Vec<String>,
    /// Tools, builtins, programs that are allowed, functions and aliases, sorted.
    pub commands: Vec<String>,
    /// Aliases and what they stand for.
    pub aliases: BTreeMap<String, String>,
    /// The files that tools may open, seen from the working directory.
    pub files: Files,
}

/// Variables, functions, options and working directory, to be put back later, in another process too.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ShellState(pub serde_json::Value);

/// Why the shell could not do its work. What a lesson's commands do wrong is an exit status, not this.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// The thread or its runtime could not be started.
    #[error("the shell could not be started: {0}")]
    Start(String),
    /// A folder that it needs is not there.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The shell ended while it was needed.
    #[error("the shell has ended")]
    Gone,
    /// A saved state is not one.
    #[error("the saved state of the shell cannot be used: {0}")]
    State(String),
}
