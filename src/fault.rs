//! lectern's own faults: panics. One hook for the whole process keeps each of them, with a report file, and prints nothing:
//! whoever was at work tells of it where its user looks, so that a panic beside the screen does not write over it.

use std::backtrace::Backtrace;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

/// How long a panic waits for its report to be written.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most faults that are kept at a time: what panics again and again must not fill the memory or the disk.
const MOST: usize = 64;

/// A panic, and where its report is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// What the panic said.
    pub message: String,
    /// The file with the backtrace; none when it could not be written.
    pub report: Option<PathBuf>,
    thread: ThreadId,
    thread_name: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "lectern's own fault: {}, please report it", self.message)?;
        match &self.report {
            Some(report) => write!(f, " with {}", report.display()),
            None => Ok(()),
        }
    }
}

/// A report to write, and where to say that it is written.
struct Report {
    head: String,
    backtrace: Backtrace,
    written: SyncSender<Option<PathBuf>>,
}

struct Hook {
    reports: SyncSender<Report>,
}

static HOOK: OnceLock<Option<Hook>> = OnceLock::new();
static FAULTS: Mutex<Vec<Fault>> = Mutex::new(Vec::new());
static COUNT: AtomicUsize = AtomicUsize::new(0);
static ALOUD: AtomicBool = AtomicBool::new(false);

fn faults() -> MutexGuard<'static, Vec<Fault>> {
    FAULTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts the hook in place, once for the process; `folder` is where reports go.
pub fn install(folder: PathBuf) {
    HOOK.get_or_init(|| {
        let (reports, waiting) = sync_channel::<Report>(MOST);
        // A thread of its own writes them: those of the shell may write nowhere but in the work folder.
        let writer = std::thread::Builder::new().name("faults".into()).spawn(move || {
            while let Ok(report) = waiting.recv() {
                // Whose function a frame is stands in the program's file, which the shell's threads may not read either.
                let text = format!("{}\n{}", report.head, report.backtrace);
                drop(report.written.send(write(&folder, &text)));
            }
        });
        std::panic::set_hook(Box::new(keep));
        #[cfg(debug_assertions)]
        room::read_environment();
        writer.ok().map(|_| Hook { reports })
    });
}

/// Says each fault on standard error as soon as it happens: for a program that has no screen and runs on.
pub fn say_aloud() {
    ALOUD.store(true, Ordering::SeqCst);
}

/// Whether there was any fault since the process began.
pub fn happened() -> bool {
    COUNT.load(Ordering::SeqCst) > 0
}

/// Takes the faults of the calling thread that nobody has told yet.
pub fn take_here() -> Vec<Fault> {
    let here = std::thread::current().id();
    take(|fault| fault.thread == here)
}

/// Takes the faults of the threads of that name that nobody has told yet.
pub fn take_of(name: &str) -> Vec<Fault> {
    take(|fault| fault.thread_name == name)
}

/// Takes all faults that nobody has told yet.
pub fn take_all() -> Vec<Fault> {
    take(|_| true)
}

fn take(wanted: impl Fn(&Fault) -> bool) -> Vec<Fault> {
    let mut faults = faults();
    let (taken, left) = std::mem::take(&mut *faults).into_iter().partition(wanted);
    *faults = left;
    taken
}

/// The hook itself.
fn keep(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let thread_name = thread.name().unwrap_or("unnamed").to_owned();
    let message = panic.payload_as_str().unwrap_or("a panic without a message").to_owned();
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    let report = if count < MOST { report(&message, panic, &thread_name) } else { None };
    let message = match panic.location() {
        Some(place) => format!("{message} ({}:{})", place.file(), place.line()),
        None => message,
    };
    let fault = Fault { message, report, thread: thread.id(), thread_name };
    if ALOUD.load(Ordering::SeqCst) {
        // Standard error may be closed: there is nobody else to tell.
        drop(writeln!(std::io::stderr(), "{fault}"));
        return;
    }
    let mut faults = faults();
    if faults.len() < MOST {
        faults.push(fault);
    }
}

/// Has the report written; its path.
fn report(message: &str, panic: &PanicHookInfo<'_>, thread: &str) -> Option<PathBuf> {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let version = env!("CARGO_PKG_VERSION");
    let head = format!("lectern {version}\nthread {thread} panicked at {place}:\n{message}\n");
    let (written, path) = sync_channel(1);
    let hook = HOOK.get()?.as_ref()?;
    hook.reports.try_send(Report { head, backtrace: Backtrace::force_capture(), written }).ok()?;
    path.recv_timeout(PATIENCE).ok()?
}

/// Writes a report to a new file in the folder, or else in the temporary folder.
fn write(folder: &Path, text: &str) -> Option<PathBuf> {
    let temporary = std::env::temp_dir();
    [folder, temporary.as_path()].into_iter().find_map(|folder| {
        std::fs::create_dir_all(folder).ok()?;
        let mut file = tempfile::Builder::new().prefix("fault-").suffix(".txt").tempfile_in(folder).ok()?;
        file.write_all(text.as_bytes()).ok()?;
        file.keep().ok().map(|(_, path)| path)
    })
}

pub use room::{Room, may_panic};

/// Where tests make lectern panic. Only in builds with debug assertions: nothing can make a release panic by it, and what the
/// process's environment says is read once, so that no lesson's variable comes into it.
#[cfg(debug_assertions)]
mod room {
    use std::sync::Mutex;

    /// A place where a test can make lectern panic.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Room {
        /// The shell's thread, beside any command.
        Shell,
        /// A command inside of the shell.
        Builtin,
        /// A tool on the shell's thread.
        Stream,
        /// A tool on the session's runtime.
        Tool,
        /// The cluster's API server.
        Api,
        /// The cluster's controllers.
        Controllers,
        /// The account.
        Account,
        /// The session's driver.
        Session,
        /// The screen's drawing.
        Draw,
        /// The dialogue's input.
        Input,
        /// What takes the served sandbox's connections.
        Listener,
    }

    static ARMED: Mutex<Option<Room>> = Mutex::new(None);

    /// Reads which room is to panic, once.
    pub(super) fn read_environment() {
        let named = std::env::var("LECTERN_PANIC_IN").unwrap_or_default();
        let rooms = [
            ("shell", Room::Shell),
            ("builtin", Room::Builtin),
            ("stream", Room::Stream),
            ("tool", Room::Tool),
            ("api", Room::Api),
            ("controllers", Room::Controllers),
            ("account", Room::Account),
            ("session", Room::Session),
            ("draw", Room::Draw),
            ("input", Room::Input),
            ("listener", Room::Listener),
        ];
        let room = rooms.into_iter().find(|(name, _)| *name == named).map(|(_, room)| room);
        *ARMED.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = room;
    }

    /// Panics, once in the life of the process, if a test asked for this room.
    #[track_caller]
    pub fn may_panic(room: Room) {
        let mut armed = ARMED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *armed == Some(room) {
            *armed = None;
            drop(armed);
            panic!("a test asked for a panic in {room:?}");
        }
    }
}

/// In a release there is nothing of it.
#[cfg(not(debug_assertions))]
mod room {
    /// A place where a test can make lectern panic.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[allow(missing_docs, reason = "nothing uses it in a release")]
    pub enum Room {
        Shell,
        Builtin,
        Stream,
        Tool,
        Api,
        Controllers,
        Account,
        Session,
        Draw,
        Input,
        Listener,
    }

    /// Does nothing.
    pub fn may_panic(_: Room) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_whose_it_is_and_what_to_do() {
        let thread = std::thread::current().id();
        let mut fault = Fault {
            message: "index out of bounds (src/a.rs:3)".into(),
            report: Some(PathBuf::from("/state/fault-1.txt")),
            thread,
            thread_name: "shell-1".into(),
        };
        let said = "lectern's own fault: index out of bounds (src/a.rs:3), please report it";
        assert_eq!(fault.to_string(), format!("{said} with /state/fault-1.txt"));
        fault.report = None;
        assert_eq!(fault.to_string(), said);
    }

    #[test]
    fn a_report_goes_to_the_temporary_folder_where_there_is_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "a").unwrap();
        assert!(path.starts_with(folder.path()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let path = write(&file.join("below"), "b").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "b");
        std::fs::remove_file(path).unwrap();
    }
}
