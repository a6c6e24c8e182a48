//! Following the store's changes.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::watch::Receiver;

use super::{GroupResource, Object, Store};

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is another than before.
    Modified,
    /// It is gone; the event shows its last state with the revision of its removal.
    Deleted,
}

/// One change of the store.
#[derive(Debug, Clone)]
pub struct WatchEvent {
    /// The object's resource.
    pub resource: GroupResource,
    /// What became of it.
    pub kind: Change,
    /// The object after the change.
    pub object: Object,
    /// The object before the change, unless it is new.
    pub previous: Option<Object>,
    /// The revision that the change made.
    pub revision: u64,
    /// What a watch says of it that shows the whole object as it is stored: written once for all.
    pub(in super::super) line: OnceLock<Bytes>,
}

/// The changes that a watch asks for are no longer known: list again and watch from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the changes asked for are no longer known")]
pub struct Gone;

/// The changes of a resource, in order, none left out.
pub struct Watch {
    store: Store,
    moved: Receiver<(u64, u64)>,
    filter: Option<GroupResource>,
    seen: u64,
    epoch: u64,
}

impl Watch {
    pub(super) fn new(
        store: Store,
        moved: Receiver<(u64, u64)>,
        filter: Option<GroupResource>,
        seen: u64,
        epoch: u64,
    ) -> Self {
        Self { store, moved, filter, seen, epoch }
    }

    /// The next change. `None` is the end: the store went back to a snapshot, or this watch fell too far behind
    /// ([`Gone`]); whoever still wants to know lists again and starts another.
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Arc<WatchEvent>> {
        loop {
            // What comes after this line wakes `changed` below.
            self.moved.borrow_and_update();
            match self.try_next() {
                Ok(Some(event)) => return Some(event),
                Err(Gone) => return None,
                Ok(None) => self.moved.changed().await.ok()?,
            }
        }
    }

    /// The next change that has already happened, if there is one.
    ///
    /// # Errors
    /// [`Gone`], as in [`Watch::next`].
    pub fn try_next(&mut self) -> Result<Option<Arc<WatchEvent>>, Gone> {
        let state = self.store.lock();
        if state.epoch != self.epoch || self.seen < state.forgotten {
            return Err(Gone);
        }
        let first = state.history.partition_point(|event| event.revision <= self.seen);
        for event in state.history.range(first..) {
            self.seen = event.revision;
            if self.filter.as_ref().is_none_or(|filter| *filter == event.resource) {
                return Ok(Some(Arc::clone(event)));
            }
        }
        Ok(None)
    }

    /// The revision up to which this watch has looked: everything of its resource up to there has been given out.
    pub fn seen(&self) -> u64 {
        self.seen
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("filter", &self.filter).field("seen", &self.seen).finish()
    }
}
