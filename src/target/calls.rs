//! The record of what was called.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// One call of a service or of the cluster's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// `eks`, `iam`, `sts`, …; `kubernetes` for the cluster.
    pub service: String,
    /// `ListPodIdentityAssociations`; for the cluster a verb and a resource: `patch deployments.apps`, `get pods/log`.
    pub operation: String,
    /// The HTTP status; 0 when no answer came.
    pub status: u16,
    /// How long it took, in milliseconds of session time. A watch counts until it was answered, not until it ended.
    pub ms: u64,
    /// Whether the call could change something.
    #[serde(skip)]
    pub mutating: bool,
}

/// The calls that were made since they were last taken. Cheap to clone; all clones are the same record.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<Vec<CallRecord>>>);

impl Calls {
    /// Adds a call.
    pub fn record(&self, call: CallRecord) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// Takes all calls since the last time.
    pub fn take(&self) -> Vec<CallRecord> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
