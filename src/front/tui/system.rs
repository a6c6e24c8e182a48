//! What only Unix has: going to the background and coming back. The one place of the screen that knows it.

/// Waits until somebody stops the program (SIGTSTP), as `kill -TSTP` does; a key does not, in raw mode.
#[cfg(unix)]
pub struct Stops(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Stops {
    /// Listens from now on.
    pub fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self(signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw())).ok())
    }

    /// The next time.
    pub async fn next(&mut self) {
        let stopped = match &mut self.0 {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if stopped.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Stops this process until it is told to go on (SIGCONT).
#[cfg(unix)]
pub fn stop() {
    // A process that nobody can wake again must not sleep: that is so where there is no shell above it.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
}

/// There is no such signal here.
#[cfg(not(unix))]
pub struct Stops;

#[cfg(not(unix))]
impl Stops {
    /// Listens for nothing.
    pub fn listen() -> Self {
        Self
    }

    /// Never.
    pub async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// Does nothing.
#[cfg(not(unix))]
pub fn stop() {}
