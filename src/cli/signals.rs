//! What ends the program from outside.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for SIGINT, SIGTERM and SIGHUP, from when it was made: a signal is kept until it is asked for, so none that comes
/// while something is shown or made ready ends the program by the system's own way.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Begins to listen; to be called within a runtime.
    ///
    /// # Errors
    /// When the system gives no handler.
    pub fn listen() -> miette::Result<Self> {
        let listen = |kind| signal(kind).map_err(|error| miette::miette!("no signals: {error}"));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal; answers the exit status that goes with it (128 and the signal's number). Nothing is lost
    /// when it is given up before a signal comes.
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
            _ = self.hang_up.recv() => 129,
        }
    }
}
