//! Whether the shell works or only waits, as the session's clock needs to know it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::{Busy, Clock};
use crate::tools::Waiter;

/// Counts the commands at work in one shell.
///
/// While a run goes on the shell is busy, except while at least one command is active and all active ones wait. Commands
/// that run other commands are not counted: those they run are.
pub(super) struct Activity {
    clock: Clock,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    running: usize,
    active: usize,
    waiting: usize,
    /// The shell was given up: what its threads still do counts no more.
    dead: bool,
    busy: Option<Busy>,
}

impl Activity {
    pub(super) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, counts: Mutex::default() })
    }

    /// A run goes on until the guard is dropped.
    pub(super) fn running(self: &Arc<Self>) -> Guard {
        self.guard(|counts, on| step(&mut counts.running, on))
    }

    /// A command is at work until the guard is dropped.
    pub(super) fn active(self: &Arc<Self>) -> Guard {
        self.guard(|counts, on| step(&mut counts.active, on))
    }

    /// An active command waits until the guard is dropped. What will wake it must be known to the clock before: a timer,
    /// an idle check, or a message that will carry a [`Busy`].
    pub(super) fn waiting(self: &Arc<Self>) -> Guard {
        self.guard(|counts, on| step(&mut counts.waiting, on))
    }

    /// Gives the shell up: from now on it is never busy.
    pub(super) fn give_up(&self) {
        self.change(|counts| counts.dead = true);
    }

    fn guard(self: &Arc<Self>, change: fn(&mut Counts, bool)) -> Guard {
        self.change(|counts| change(counts, true));
        Guard { activity: Arc::clone(self), change }
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.lock();
        change(&mut counts);
        let idle = counts.active > 0 && counts.waiting >= counts.active;
        let busy = counts.running > 0 && !idle && !counts.dead;
        let released = match (busy, counts.busy.is_some()) {
            (true, false) => counts.busy.replace(self.clock.busy()),
            (false, true) => counts.busy.take(),
            _ => None,
        };
        drop(counts);
        drop(released);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn step(count: &mut usize, on: bool) {
    *count = if on { *count + 1 } else { count.saturating_sub(1) };
}

impl Waiter for Activity {
    fn wait_begins(&self) {
        self.change(|counts| step(&mut counts.waiting, true));
    }

    fn wait_ends(&self) {
        self.change(|counts| step(&mut counts.waiting, false));
    }
}

/// Ends what it stands for when it is dropped.
pub(super) struct Guard {
    activity: Arc<Activity>,
    change: fn(&mut Counts, bool),
}

impl Drop for Guard {
    fn drop(&mut self) {
        let change = self.change;
        self.activity.change(|counts| change(counts, false));
    }
}
