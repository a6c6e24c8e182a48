//! The runtime that a session's tasks run on, which tells the clock when it rests.

use std::io;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use super::Clock;

/// Builds the runtime of one session: a single thread, so that "nothing to run" is exact, and the clock is told of it.
///
/// Everything of the session that is asynchronous (driver, tools, sandbox) runs there; whoever calls `block_on` on it is
/// that thread. Blocking work belongs on other threads that hold a [`super::Busy`].
///
/// # Errors
/// When the operating system gives no resources for the runtime.
pub fn session_runtime(clock: &Clock) -> io::Result<Runtime> {
    // Until its first rest it is at work.
    clock.inner().set_parked(false);
    let resting = Arc::downgrade(clock.inner());
    let working = resting.clone();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .thread_name("session")
        .on_thread_park(move || {
            if let Some(clock) = resting.upgrade() {
                clock.set_parked(true);
            }
        })
        .on_thread_unpark(move || {
            if let Some(clock) = working.upgrade() {
                clock.set_parked(false);
            }
        })
        .build()?;
    // A fired timer may belong to another thread: this task makes the runtime wake and rest once more in any case.
    let clock = Arc::downgrade(clock.inner());
    runtime.spawn(async move {
        while let Some(inner) = clock.upgrade() {
            inner.fired.notified().await;
        }
    });
    Ok(runtime)
}
