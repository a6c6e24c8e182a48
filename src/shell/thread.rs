//! The shell's own thread: it confines itself, runs brush on a runtime of its own, and does one job after the other.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brush_core::openfiles::OpenFile;
use brush_core::{Shell, ShellFd};
use futures::FutureExt;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

use super::activity::Guard;
use super::builtins::exported;
use super::commands::bash::{run_text, unreadable};
use super::context::{Context, STACK_SIZE, Scope, lock, set_last_dir};
use super::errors::Extensions;
use super::interpreter::{self, Start};
use super::state::Saved;
use super::streams::{RunStream, Stopped};
use super::{Confinement, ShellError, ShellState, confine, jobs, work};
use crate::clock::{Busy, Clock, IdleCheck};
use crate::fault::{Room, may_panic};
use crate::files::Below;
use crate::tools::StdStream;

/// How long a thread that has nothing to do stays for the next pipeline.
const KEEP_THREADS: Duration = Duration::from_millis(300);

/// An answer on its way, with the work that it stands for.
pub(super) type Reply<T> = oneshot::Sender<(T, Busy)>;

/// What the shell's thread is asked to do.
pub(super) enum Job {
    /// Run a script in the lesson's shell.
    Run { script: String, errexit: bool, stdin: Option<std::fs::File>, scope: Arc<Scope>, busy: Busy, reply: Reply<u8> },
    /// Run a script in a shell of its own.
    Hook {
        script: PathBuf,
        args: Vec<String>,
        env: Vec<(String, String)>,
        scope: Arc<Scope>,
        busy: Busy,
        reply: Reply<u8>,
    },
    /// Tell the state.
    Save { busy: Busy, reply: Reply<Result<ShellState, ShellError>> },
    /// Take on a state.
    Restore { state: Box<Saved>, busy: Busy, reply: Reply<Result<(), ShellError>> },
    /// Tell the exported variables.
    Exported { busy: Busy, reply: Reply<BTreeMap<String, String>> },
    /// Tell what a command line can name.
    Names { busy: Busy, reply: Reply<Names> },
}

/// What a command line can name of the shell's own.
#[derive(Default)]
pub(super) struct Names {
    pub exported: BTreeMap<String, String>,
    pub variables: Vec<String>,
    pub functions: Vec<String>,
    pub aliases: BTreeMap<String, String>,
    pub working_dir: PathBuf,
}

impl Names {
    fn of(shell: &Shell<Extensions>) -> Self {
        Self {
            exported: exported(shell),
            variables: shell.env().iter().map(|(name, _)| name.clone()).collect(),
            functions: shell.funcs().iter().map(|(name, _)| name.clone()).collect(),
            aliases: shell.aliases().iter().map(|(name, text)| (name.clone(), text.clone())).collect(),
            working_dir: shell.working_dir().to_owned(),
        }
    }
}

/// A shell thread that runs.
pub(super) struct Worker {
    pub jobs: mpsc::UnboundedSender<Job>,
    pub context: Arc<Context>,
    /// The state before the run that goes on, or after the last one.
    pub last_state: Arc<Mutex<Option<Saved>>>,
    /// Keeps time from going fast while one of the threads could run.
    _work: IdleCheck,
}

/// What a shell thread is started with.
pub(super) struct Setup {
    pub work: PathBuf,
    /// Where its folders really are, for Landlock.
    pub writable: Vec<Below>,
    pub readable: Vec<Below>,
    pub env: BTreeMap<String, String>,
    pub state: Option<Saved>,
}

impl Worker {
    /// Starts a shell thread, and waits until it has confined itself and has its bash.
    pub(super) async fn start(context: Arc<Context>, setup: Setup) -> Result<(Self, Confinement), ShellError> {
        let (jobs, inbox) = mpsc::unbounded_channel();
        let (started, start) = oneshot::channel();
        let last_state = Arc::new(Mutex::new(None));
        let (its_context, its_state) = (Arc::clone(&context), Arc::clone(&last_state));
        let busy = context.clock.busy();
        // The clock starts its thread with its first timer. A shell's thread must not start it: it would pass its
        // confinement on, and the clock could not see the state of threads.
        let _ = futures::poll!(std::pin::pin!(context.clock.sleep(Duration::from_millis(1))));
        let name = context.name.clone();
        let work = context.clock.idle_check(move || !work::is_going_on(&name));
        std::thread::Builder::new()
            .name(context.name.clone())
            .stack_size(STACK_SIZE)
            .spawn(move || main(&its_context, &setup, inbox, &its_state, (started, busy)))
            .map_err(|error| ShellError::Start(error.to_string()))?;
        let (confinement, _busy) = start.await.map_err(|_| ShellError::Gone)?;
        Ok((Self { jobs, context, last_state, _work: work }, confinement?))
    }
}

type Started = (Reply<Result<Confinement, ShellError>>, Busy);

fn main(
    context: &Arc<Context>,
    setup: &Setup,
    mut inbox: mpsc::UnboundedReceiver<Job>,
    last_state: &Mutex<Option<Saved>>,
    (started, busy): Started,
) {
    // Before the runtime: the threads that it starts inherit it.
    let confinement = confine::restrict(&setup.writable, &setup.readable);
    context.adopt_thread();
    let begun = runtime(context).map_err(|error| ShellError::Start(error.to_string())).and_then(|runtime| {
        let shell = new_shell(&runtime, context, setup)?;
        Ok((runtime, shell))
    });
    let (runtime, mut shell) = match begun {
        Ok(begun) => {
            let _ = started.send((Ok(confinement), busy));
            begun
        }
        Err(error) => {
            let _ = started.send((Err(error), busy));
            return;
        }
    };
    if let Some(state) = &setup.state {
        state.give_to(&mut shell);
    }
    while let Some(job) = inbox.blocking_recv() {
        match job {
            Job::Run { script, errexit, stdin, scope, busy, reply } => {
                // As at each of bash's prompts.
                jobs::unlist_ended(&mut shell, context);
                let before = Saved::of(&shell);
                *lock(last_state) = Some(before.clone());
                may_panic(Room::Shell);
                shell.options_mut().exit_on_nonzero_command_exit = errexit;
                set_last_dir(shell.working_dir());
                let fds = std_fds(stdin, &scope);
                for (fd, file) in fds {
                    shell.open_files_mut().set_fd(fd, file);
                }
                interpreter::enter(&mut shell, context, &scope);
                let (status, running) = run_to_end(&runtime, context, &scope, busy, run_text(&mut shell, script));
                let too_large = || {
                    let size = Saved::of(&shell).size();
                    size > context.limits.variables
                };
                let status = match status {
                    Some(status) if !scope.token.is_cancelled() && !too_large() => status,
                    Some(_) if !scope.token.is_cancelled() => {
                        let message = b"bash: the variables hold more than a lesson may use; they are as they were\n";
                        scope.run.print(StdStream::Stderr, message, &scope.token);
                        restore(&runtime, context, setup, &before, &mut shell);
                        1
                    }
                    // What was cut, in the middle of anything, leaves the shell as it was before.
                    _ => {
                        restore(&runtime, context, setup, &before, &mut shell);
                        130
                    }
                };
                leave(&mut shell);
                finish(&scope, status, running, reply);
            }
            Job::Hook { script, args, env, scope, busy, reply } => {
                let mut all = exported(&shell);
                all.extend(env);
                let hook = hook(context, &shell, &script, args, all, &scope);
                let (status, running) = run_to_end(&runtime, context, &scope, busy, hook);
                finish(&scope, status.unwrap_or(130), running, reply);
            }
            Job::Save { busy, reply } => {
                let _ = reply.send((Saved::of(&shell).to_state(), busy));
            }
            Job::Restore { state, busy, reply } => {
                context.jobs.end_all(context);
                let answer = new_shell(&runtime, context, setup).map(|fresh| {
                    shell = fresh;
                    state.give_to(&mut shell);
                });
                let _ = reply.send((answer, busy));
            }
            Job::Exported { busy, reply } => {
                let _ = reply.send((exported(&shell), busy));
            }
            Job::Names { busy, reply } => {
                let _ = reply.send((Names::of(&shell), busy));
            }
        }
    }
    context.jobs.end_all(context);
    context.lasting.cancel();
    drop(shell);
    // All scopes have ended: what is left stops by itself.
    runtime.shutdown_timeout(Duration::from_secs(1));
}

/// Ends a run: what of it goes on are background jobs, which have scopes of their own.
fn finish(scope: &Scope, status: u8, running: Running, reply: Reply<u8>) {
    scope.token.cancel();
    // The answer is work on its way before the run's own ends.
    let _ = reply.send((status, running.clock.busy()));
}

/// A run goes on: the shell is busy, or its commands say that they wait.
struct Running {
    clock: Clock,
    _guard: Guard,
}

fn runtime(context: &Arc<Context>) -> std::io::Result<Runtime> {
    let (starting, ending) = (Arc::clone(context), Arc::clone(context));
    Builder::new_multi_thread()
        // With fewer, a command substitution that prints more than a pipe holds blocks for ever.
        .worker_threads(2)
        .enable_all()
        .thread_name(context.name.clone())
        .thread_stack_size(STACK_SIZE)
        .thread_keep_alive(KEEP_THREADS)
        .on_thread_start(move || starting.adopt_thread())
        .on_thread_stop(move || ending.leave_thread())
        .build()
}

fn new_shell(runtime: &Runtime, context: &Arc<Context>, setup: &Setup) -> Result<Shell<Extensions>, ShellError> {
    let start = Start {
        name: "bash".to_owned(),
        args: Vec::new(),
        env: setup.env.clone(),
        working_dir: &setup.work,
        fds: HashMap::new(),
        scope: None,
    };
    let mut shell =
        runtime.block_on(interpreter::start(context, start)).map_err(|error| ShellError::Start(error.to_string()))?;
    leave(&mut shell);
    Ok(shell)
}

fn restore(runtime: &Runtime, context: &Arc<Context>, setup: &Setup, before: &Saved, shell: &mut Shell<Extensions>) {
    context.jobs.end_all(context);
    if let Ok(fresh) = new_shell(runtime, context, setup) {
        *shell = fresh;
        before.give_to(shell);
    }
}

/// Takes the run's descriptors away, so that its scope can end.
fn leave(shell: &mut Shell<Extensions>) {
    shell.replace_open_files(std::iter::empty());
}

fn std_fds(stdin: Option<std::fs::File>, scope: &Arc<Scope>) -> HashMap<ShellFd, OpenFile> {
    let stdin = stdin.map(OpenFile::File).or_else(|| brush_core::openfiles::null().ok());
    let stream =
        |stream| OpenFile::Stream(Box::new(RunStream { scope: Arc::clone(scope), stream, report: None }) as Box<_>);
    let out = [(1, stream(StdStream::Stdout)), (2, stream(StdStream::Stderr))];
    stdin.map(|stdin| (0, stdin)).into_iter().chain(out).collect()
}

/// Runs to the end, or until it is stopped; none when it was.
fn run_to_end(
    runtime: &Runtime,
    context: &Context,
    scope: &Scope,
    busy: Busy,
    script: impl Future<Output = Result<u8, brush_core::Error>>,
) -> (Option<u8>, Running) {
    let running = Running { clock: context.clock.clone(), _guard: context.activity.running() };
    // The job has arrived; from here on the shell itself says whether it is busy.
    drop(busy);
    let status = match runtime.block_on(AssertUnwindSafe(script).catch_unwind()) {
        Ok(Ok(status)) => Some(status),
        Ok(Err(error)) => {
            scope.run.print(StdStream::Stderr, format!("bash: {error}\n").as_bytes(), &scope.token);
            Some(1)
        }
        Err(payload) if payload.is::<Stopped>() => None,
        // The session tells of it.
        Err(_) => None,
    };
    (status, running)
}

async fn hook(
    context: &Arc<Context>,
    lesson: &Shell<Extensions>,
    script: &std::path::Path,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    scope: &Arc<Scope>,
) -> Result<u8, brush_core::Error> {
    let name = script.to_string_lossy().into_owned();
    // A hook comes with the course: what leads out of the course's folders is none.
    let text = match context.files.read(lesson.absolute_path(&name)) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            let (status, reason) = unreadable(&error);
            let message = format!("bash: {name}: {reason}\n");
            scope.run.print(StdStream::Stderr, message.as_bytes(), &scope.token);
            return Ok(status);
        }
    };
    let start = Start {
        name,
        args,
        env,
        working_dir: lesson.working_dir(),
        fds: std_fds(None, scope),
        scope: Some(Arc::clone(scope)),
    };
    let mut shell = interpreter::start(context, start).await?;
    run_text(&mut shell, text).await
}
