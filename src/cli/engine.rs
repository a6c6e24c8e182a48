//! A session on a thread of its own, with its clock's runtime.

use std::io;
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::failure;
use crate::clock;
use crate::session::{Event, Prepared, Request};

/// The name of a session's thread.
pub const THREAD: &str = "session";

/// A session that runs.
pub struct Engine {
    /// What it may be asked.
    pub requests: UnboundedSender<Request>,
    /// What it tells.
    pub events: UnboundedReceiver<Event>,
    /// Its thread; why it could not do its work.
    pub thread: JoinHandle<miette::Result<()>>,
}

/// Starts it with what `ready` makes ready, on its own thread: what is shown first need not wait for that.
///
/// # Errors
/// When the system gives no thread.
pub fn start(ready: impl FnOnce() -> miette::Result<Prepared> + Send + 'static) -> io::Result<Engine> {
    let (requests, asked) = unbounded_channel();
    let (tell, events) = unbounded_channel();
    let thread = std::thread::Builder::new().name(THREAD.into()).spawn(move || {
        let prepared = ready()?;
        let runtime =
            clock::session_runtime(prepared.clock()).map_err(|error| miette::miette!("no runtime: {error}"))?;
        runtime.block_on(async {
            let mut session = prepared.open().await.map_err(failure::session)?;
            session.run(asked, tell).await.map_err(failure::session)
        })
    })?;
    Ok(Engine { requests, events, thread })
}
