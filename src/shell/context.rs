//! What the builtins of one shell thread share, and how a builtin finds it.
//!
//! A builtin of brush is a plain function. It finds the shell that it belongs to by a thread-local (set on every thread
//! of the shell's runtime), and the scope that it runs in (which token ends it) by a file descriptor that no script can
//! name: descriptors go along into pipelines, functions, subshells and background jobs.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use brush_core::ShellFd;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::jobs::Jobs;
use super::{Chunk, Limits};
use crate::clock::Clock;
use crate::target::Target;
use crate::tools::{Files, StdStream, Tool};

/// The descriptor that makes every start of a program fail.
pub(super) const GUARD_FD: ShellFd = -1;
/// The descriptor that names the scope.
pub(super) const SCOPE_FD: ShellFd = -2;
/// The descriptor that traced commands go to.
pub(super) const TRACE_FD: ShellFd = 250;

/// How deep `bash` may run in `bash`, and so on.
pub(super) const MAX_DEPTH: u32 = 32;

/// The native commands that a shell has.
#[derive(Clone, Copy)]
pub struct ToolSet {
    /// The command of that name.
    pub find: fn(&str) -> Option<Tool>,
    /// The names of all commands.
    pub names: fn() -> Vec<&'static str>,
}

impl Default for ToolSet {
    fn default() -> Self {
        Self { find: crate::tools::find, names: || crate::tools::names().collect() }
    }
}

/// What all builtins of one shell thread share.
pub(super) struct Context {
    pub tools: ToolSet,
    pub files: Files,
    pub clock: Clock,
    pub target: Arc<Target>,
    /// The session's runtime.
    pub runtime: Handle,
    pub limits: Limits,
    pub home: PathBuf,
    pub activity: Arc<Activity>,
    pub jobs: Jobs,
    /// Where the output of the present run goes: background jobs of earlier ones print there too.
    pub output: Arc<Mutex<Option<mpsc::Sender<Chunk>>>>,
    /// Ends what outlives runs.
    pub lasting: CancellationToken,
    /// The name of the shell's threads, unique in the process.
    pub name: String,
    /// Session time at which the shell started, for SECONDS.
    pub started: Duration,
    scopes: Mutex<HashMap<u64, Weak<Scope>>>,
    next_scope: AtomicU64,
    /// The shell's own threads, for when it has to be given up.
    pub threads: Mutex<Vec<rustix::process::Pid>>,
}

thread_local! {
    static CONTEXT: RefCell<Option<Arc<Context>>> = const { RefCell::new(None) };
    /// An address near the start of this thread's stack.
    static STACK_START: RefCell<usize> = const { RefCell::new(0) };
    /// The last command that was traced on this thread.
    static LAST_COMMAND: RefCell<String> = const { RefCell::new(String::new()) };
    /// The working directory of the last builtin on this thread.
    static LAST_DIR: RefCell<PathBuf> = const { RefCell::new(PathBuf::new()) };
}

/// Shells started in this process.
static SHELLS: AtomicU64 = AtomicU64::new(1);

/// Stack that each thread of the shell has.
pub(super) const STACK_SIZE: usize = 32 << 20;

impl Context {
    #[allow(clippy::too_many_arguments, reason = "made in one place, from a configuration")]
    pub(super) fn new(
        tools: ToolSet,
        files: Files,
        clock: Clock,
        target: Arc<Target>,
        runtime: Handle,
        limits: Limits,
        home: PathBuf,
        started: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: format!("shell-{}", SHELLS.fetch_add(1, Ordering::Relaxed)),
            tools,
            files,
            activity: Activity::new(clock.clone()),
            jobs: Jobs::default(),
            output: Arc::default(),
            lasting: CancellationToken::new(),
            clock,
            target,
            runtime,
            limits,
            home,
            started,
            scopes: Mutex::default(),
            next_scope: AtomicU64::new(1),
            threads: Mutex::default(),
        })
    }

    /// Makes this thread one of the shell's.
    pub(super) fn adopt_thread(self: &Arc<Self>) {
        CONTEXT.set(Some(Arc::clone(self)));
        let here = 0_u8;
        STACK_START.set(std::ptr::from_ref(&here).addr());
        lock(&self.threads).push(rustix::thread::gettid());
    }

    /// This thread ends.
    pub(super) fn leave_thread(&self) {
        let this = rustix::thread::gettid();
        lock(&self.threads).retain(|thread| *thread != this);
    }

    /// The shell that this thread belongs to.
    pub(super) fn current() -> Option<Arc<Self>> {
        CONTEXT.with_borrow(Clone::clone)
    }

    /// The scope of that number.
    pub(super) fn scope(&self, id: u64) -> Option<Arc<Scope>> {
        lock(&self.scopes).get(&id).and_then(Weak::upgrade)
    }
}

/// Whether three quarters of this thread's stack are used.
pub(super) fn stack_is_low() -> bool {
    let here = 0_u8;
    let used = STACK_START.with_borrow(|start| start.abs_diff(std::ptr::from_ref(&here).addr()));
    used > STACK_SIZE / 4 * 3
}

/// Keeps the text of the command that is about to run on this thread.
pub(super) fn set_last_command(text: &str) {
    LAST_COMMAND.with_borrow_mut(|last| {
        last.clear();
        last.push_str(text);
    });
}

/// The name of the last command on this thread.
pub(super) fn last_command_name() -> String {
    LAST_COMMAND.with_borrow(|last| {
        let mut words = last.split_whitespace();
        let name = match words.next() {
            Some("command") => words.find(|word| !word.starts_with('-')),
            name => name,
        };
        name.unwrap_or_default().trim_matches(['\'', '"']).to_owned()
    })
}

/// Keeps the working directory of the command that is about to run on this thread.
pub(super) fn set_last_dir(dir: &Path) {
    LAST_DIR.with_borrow_mut(|last| {
        if last != dir {
            dir.clone_into(last);
        }
    });
}

/// The working directory of the last command on this thread.
pub(super) fn last_dir() -> PathBuf {
    LAST_DIR.with_borrow(Clone::clone)
}

/// What one run of the session has: where its output goes, and what is noted about it.
pub(super) struct RunState {
    output: Arc<Mutex<Option<mpsc::Sender<Chunk>>>>,
    limits: Limits,
    sent: AtomicU64,
    dropped: AtomicU64,
    /// Bytes written to files.
    pub written: AtomicU64,
    /// Whether `set -x` is on.
    pub xtrace: AtomicBool,
    unknown: Mutex<Vec<String>>,
}

impl RunState {
    pub(super) fn new(output: Arc<Mutex<Option<mpsc::Sender<Chunk>>>>, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            output,
            limits,
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            written: AtomicU64::new(0),
            xtrace: AtomicBool::new(false),
            unknown: Mutex::default(),
        })
    }

    /// Notes a command that there is no tool for.
    pub(super) fn note_unknown(&self, name: &str) {
        let mut unknown = lock(&self.unknown);
        if !unknown.iter().any(|known| known == name) {
            unknown.push(name.to_owned());
        }
    }

    pub(super) fn unknown(&self) -> Vec<String> {
        lock(&self.unknown).clone()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Hands output on; what is too much is counted, what nobody waits for is dropped.
    pub(super) fn print(&self, stream: StdStream, bytes: &[u8], token: &CancellationToken) {
        if bytes.is_empty() || token.is_cancelled() {
            return;
        }
        let len = bytes.len() as u64;
        let before = self.sent.fetch_add(len, Ordering::Relaxed);
        let room = self.limits.output.saturating_sub(before).min(len);
        self.dropped.fetch_add(len - room, Ordering::Relaxed);
        let bytes = &bytes[..usize::try_from(room).unwrap_or(0)];
        if bytes.is_empty() {
            return;
        }
        let chunk = Chunk { stream, bytes: bytes.to_vec() };
        // Between runs nobody listens.
        let Some(output) = lock(&self.output).clone() else { return };
        let Err(mpsc::error::TrySendError::Full(chunk)) = output.try_send(chunk) else { return };
        tokio::task::block_in_place(|| {
            futures::executor::block_on(async {
                tokio::select! {
                    biased;
                    () = token.cancelled() => {}
                    _ = output.send(chunk) => {}
                }
            });
        });
    }
}

/// Which token ends the commands in it, and which run they belong to.
pub(super) struct Scope {
    pub id: u64,
    pub token: CancellationToken,
    /// What its background jobs end with.
    pub lasting: CancellationToken,
    pub run: Arc<RunState>,
    pub depth: u32,
    /// Becomes readable once the token has fired, for those who poll.
    pub alarm: OwnedFd,
    /// The background job that it is of: it has ended when nothing of it is left, however that came.
    pub job: Mutex<Option<(Arc<Context>, u32)>>,
}

impl Scope {
    /// A scope that `token` ends. The token fires when the scope is dropped, at the latest.
    pub(super) fn new(
        context: &Context,
        token: CancellationToken,
        lasting: CancellationToken,
        run: Arc<RunState>,
        depth: u32,
    ) -> io::Result<Arc<Self>> {
        let (alarm, bell) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let id = context.next_scope.fetch_add(1, Ordering::Relaxed);
        let scope = Arc::new(Self { id, token: token.clone(), lasting, run, depth, alarm, job: Mutex::default() });
        let mut scopes = lock(&context.scopes);
        scopes.retain(|_, scope| scope.strong_count() > 0);
        scopes.insert(id, Arc::downgrade(&scope));
        drop(scopes);
        context.runtime.spawn(async move {
            token.cancelled().await;
            drop(bell);
        });
        Ok(scope)
    }

    /// A scope inside of this one, which ends with it or earlier.
    pub(super) fn inner(&self, context: &Context) -> io::Result<Arc<Self>> {
        let token = self.token.child_token();
        Self::new(context, token.clone(), token, Arc::clone(&self.run), self.depth + 1)
    }

    /// The scope of a background job that was started in this one, which ends with `token`.
    pub(super) fn job(&self, context: &Arc<Context>, token: CancellationToken, pid: u32) -> io::Result<Arc<Self>> {
        let scope = Self::new(context, token, self.lasting.clone(), Arc::clone(&self.run), self.depth)?;
        *lock(&scope.job) = Some((Arc::clone(context), pid));
        Ok(scope)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.token.cancel();
        if let Some((context, pid)) = lock(&self.job).take() {
            context.jobs.cut(&context, pid);
        }
    }
}

/// Locks, whatever happened to who held it before.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
