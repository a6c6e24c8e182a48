//! What ends the program from outside.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::signal::SIGXFSZ;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Makes a file that may not grow any further (`ulimit -f`) an error of writing it, as a full disk is, and not the end of the
/// program. Programs that are started later have the system's way again.
pub fn survive_file_limits() {
    // Without a handler it is as it was; nothing else hangs on it.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

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
