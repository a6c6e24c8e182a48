//! The record of what was called.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::TargetError;

/// One call of a service or of the cluster's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// `eks`, `iam`, `sts`, …; `kubernetes` for the cluster.
    pub service: String,
    /// `ListPodIdentityAssociations`; for the cluster a verb and a resource: `patch deployments.apps`, `get pods/log`.
    pub operation: String,
    /// The request's path in the cluster; empty for a service of the account.
    #[serde(skip)]
    pub path: String,
    /// The HTTP status; 0 when no answer came.
    pub status: u16,
    /// How long it took, in milliseconds of session time. A watch counts until it was answered, not until it ended.
    pub ms: u64,
    /// Whether the call could change something.
    #[serde(skip)]
    pub mutating: bool,
}

/// The calls that were made since they were last taken, and what may be called at all. Cheap to clone; all clones are the
/// same record.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    made: Mutex<Vec<CallRecord>>,
    /// Why nothing may be changed, if so.
    read_only: Mutex<Option<String>>,
    /// The first call that was stopped for it.
    stopped: Mutex<Option<String>>,
}

impl Calls {
    /// Adds a call.
    pub fn record(&self, call: CallRecord) {
        lock(&self.0.made).push(call);
    }

    /// Takes all calls since the last time.
    pub fn take(&self) -> Vec<CallRecord> {
        std::mem::take(&mut lock(&self.0.made))
    }

    /// From now on no call passes that could change something; `why` is what its caller is told.
    pub fn forbid_changes(&self, why: impl Into<String>) {
        *lock(&self.0.read_only) = Some(why.into());
    }

    /// Whether a call may be made. Every client of a target asks before anything is sent.
    ///
    /// # Errors
    /// When it could change something and nothing may be changed.
    pub fn permit(&self, operation: &str, mutating: bool) -> Result<(), TargetError> {
        match &*lock(&self.0.read_only) {
            Some(why) if mutating => {
                lock(&self.0.stopped).get_or_insert_with(|| operation.to_owned());
                Err(TargetError::Refused { what: operation.to_owned(), why: why.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The first call that was stopped, if one was.
    pub fn stopped(&self) -> Option<String> {
        lock(&self.0.stopped).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
