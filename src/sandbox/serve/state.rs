//! A sandbox's state on disk. A request that changed something is answered only when the change is in the state file, so
//! that whatever ends the program takes nothing that was answered. What controllers do by themselves follows within a
//! second of session time; a sandbox that comes back without it does it again.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::ServeError;
use crate::clock::Clock;
use crate::files::{self, Access};
use crate::sandbox::{Sandbox, Snapshot};

/// How often what happens by itself is written at most.
const BY_ITSELF: Duration = Duration::from_secs(1);

/// The form of the state file that this version writes and reads.
const FORM: u32 = 1;

/// What a state file holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    form: u32,
    /// The scenario that the sandbox began with, as it was named; `None` for the default one.
    pub scenario: Option<String>,
    /// The session's date and time when this was written.
    pub now: Timestamp,
    /// The sandbox, for [`Sandbox::restore`].
    pub sandbox: Snapshot,
}

/// The folder of a sandbox's state; it is this program's alone while this exists.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    scenario: Option<String>,
    _lock: File,
}

impl StateFolder {
    /// Opens a folder, which is made when there is none, and reads what it holds. `scenario` is what the sandbox is to
    /// begin with; a folder that has a sandbox already remembers its own.
    ///
    /// # Errors
    /// When another program has it, when files cannot be read, or when its sandbox began with another scenario.
    pub fn open(path: &Path, scenario: Option<&str>) -> Result<(Arc<Self>, Option<Saved>), ServeError> {
        make_private(path).map_err(ServeError::file(path))?;
        let path = path.canonicalize().map_err(ServeError::file(path))?;
        let lock_path = path.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(ServeError::file(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ServeError::InUse(path)),
            Err(TryLockError::Error(error)) => return Err(ServeError::file(&lock_path)(error)),
        }
        let file = path.join("state.json");
        let saved: Option<Saved> = match fs::read(&file) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(|error| ServeError::Content {
                path: file.clone(),
                message: format!("not the state of a sandbox: {error}; name another folder, or take the file away"),
            })?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(ServeError::file(&file)(error)),
        };
        let mut scenario = scenario.map(str::to_owned);
        if let Some(saved) = &saved {
            if saved.form != FORM {
                let message = format!("has form {} and this lectern reads form {FORM}", saved.form);
                return Err(ServeError::Content { path: file, message });
            }
            if scenario.is_some() && scenario != saved.scenario {
                let begun = saved.scenario.as_deref().unwrap_or("the default one");
                let message = format!(
                    "its sandbox began with another scenario, {begun}; leave out --scenario, or name another folder"
                );
                return Err(ServeError::Content { path: file, message });
            }
            scenario.clone_from(&saved.scenario);
        }
        Ok((Arc::new(Self { path, scenario, _lock: lock }), saved))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The scenario that its sandbox began with.
    pub fn scenario(&self) -> Option<&str> {
        self.scenario.as_deref()
    }
}

#[cfg(unix)]
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> std::io::Result<()> {
    fs::create_dir_all(path)
}

/// Writes a file that only its owner reads, whole or not at all.
///
/// # Errors
/// When it cannot be written; what was there before is then still there.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), ServeError> {
    files::write(path, Access::Private, |out| out.write_all(bytes)).map_err(ServeError::file(path))
}

/// Keeps the promise that answered changes are on disk. Cheap to clone.
#[derive(Clone)]
pub struct Promise {
    inner: Arc<Inner>,
}

struct Inner {
    folder: Arc<StateFolder>,
    sandbox: Sandbox,
    clock: Clock,
    asked: AtomicU64,
    /// Up to which of those that asked the file is right. Held while it is written.
    written: Mutex<u64>,
}

impl Promise {
    /// Keeps a sandbox's state in a folder until `stop`.
    pub fn keep(folder: Arc<StateFolder>, sandbox: Sandbox, clock: Clock, stop: CancellationToken) -> Self {
        let inner = Inner { folder, sandbox, clock, asked: AtomicU64::new(0), written: Mutex::new(0) };
        let promise = Self { inner: Arc::new(inner) };
        tokio::spawn(stop.run_until_cancelled_owned(promise.clone().follow()));
        promise
    }

    /// Returns when everything that the sandbox holds now is on disk. Those who ask while the file is being written share
    /// the next writing.
    ///
    /// # Errors
    /// When it cannot be taken or written.
    pub async fn kept(&self) -> Result<(), ServeError> {
        let inner = &self.inner;
        let mine = inner.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let mut written = inner.written.lock().await;
        if *written >= mine {
            return Ok(());
        }
        let all = inner.asked.load(Ordering::Relaxed);
        let saved = Saved {
            form: FORM,
            scenario: inner.folder.scenario.clone(),
            now: inner.clock.now(),
            sandbox: inner.sandbox.snapshot().await?,
        };
        let path = inner.folder.path.join("state.json");
        // The clock must not run ahead of a disk.
        let busy = inner.clock.busy();
        let writing = tokio::task::spawn_blocking(move || {
            let bytes = serde_json::to_vec(&saved)
                .map_err(|error| ServeError::Content { path: path.clone(), message: error.to_string() })?;
            write_private(&path, &bytes)
        });
        let result = writing.await;
        drop(busy);
        result
            .map_err(|error| ServeError::Content { path: inner.folder.path.clone(), message: error.to_string() })??;
        *written = all;
        Ok(())
    }

    /// Writes what happens without being asked for.
    async fn follow(self) {
        let store = self.inner.sandbox.cluster().store().clone();
        let mut written = 0;
        loop {
            if store.revision() != written {
                written = store.revision();
                if let Err(error) = self.kept().await {
                    tracing::error!(%error, "the sandbox's state is not saved");
                }
            }
            drop(self.inner.clock.sleep(BY_ITSELF).await);
        }
    }
}
