//! What not every system has: going to the background and coming back, disks that are elsewhere. The one place of the screen
//! that knows it.

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

/// Whether a folder is on a file system that others may change without this system hearing of it: a network's, a virtual
/// machine's host's, Windows' below WSL.
#[cfg(target_os = "linux")]
pub fn is_remote(folder: &std::path::Path) -> bool {
    /// NFS, SMB, CIFS, SMB2, 9P (WSL 2), FUSE (sshfs, virtiofs, shared folders), Coda, AFS, Ceph, and WSL 1's drvfs.
    /// Sources: linux/magic.h; the last is what WSL 1 answers.
    const REMOTE: [u64; 10] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x0102_1997,
        0x6573_5546,
        0x7375_7245,
        0x5346_414f,
        0x00c3_6400,
        0x5346_4846,
    ];
    rustix::fs::statfs(folder).is_ok_and(|about| REMOTE.contains(&(about.f_type as u64 & 0xffff_ffff)))
}

/// Not known here.
#[cfg(not(target_os = "linux"))]
pub fn is_remote(_: &std::path::Path) -> bool {
    false
}
