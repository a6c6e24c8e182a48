//! The session's handle on a lesson's shell.

use std::collections::BTreeMap;
use std::future::Future;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cap_std::fs::Dir;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::builtins::command_names;
use super::context::{Context, RunState, Scope, ToolSet, lock};
use super::model::open;
use super::state::Saved;
use super::thread::{Job, Names, Reply, Setup, Worker};
use super::{
    Chunk, Confinement, Ended, HookCall, Mapped, Run, RunOutcome, ShellConfig, ShellError, ShellState, Surroundings,
};
use crate::clock::Busy;
use crate::fault;
use crate::files::Below;
use crate::tools::{Files, Root, StdStream};

/// How long (real time) a run that was told to end may take to do so before its thread is given up.
const GRACE: Duration = Duration::from_secs(3);

/// The exit status of what lectern itself broke off in.
const FAULT: u8 = 70;

/// The niceness of a thread that was given up.
const LOWEST_PRIORITY: i32 = 19;

/// A lesson's shell. Dropping it ends its thread.
pub struct Shell {
    config: ShellConfig,
    tools: ToolSet,
    files: Files,
    started: Duration,
    confinement: Confinement,
    worker: Mutex<Worker>,
}

impl Shell {
    /// Starts the shell's thread, with all of lectern's tools.
    ///
    /// # Errors
    /// When the thread cannot be started or a folder is missing.
    pub async fn start(config: ShellConfig) -> Result<Self, ShellError> {
        Self::start_with(config, ToolSet::default()).await
    }

    /// Starts the shell's thread, with these tools.
    ///
    /// # Errors
    /// When the thread cannot be started or a folder is missing.
    pub async fn start_with(config: ShellConfig, tools: ToolSet) -> Result<Self, ShellError> {
        let files = files(&config.work, config.home(), &config.readable, &config.mapped)?;
        for mapped in &config.mapped {
            map(config.home(), &mapped.at, mapped.open()?.root())?;
        }
        let started = config.clock.elapsed();
        let (worker, confinement) = start_worker(&config, tools, &files, started, None).await?;
        Ok(Self { config, tools, files, started, confinement, worker: Mutex::new(worker) })
    }

    /// How it is confined.
    pub fn confinement(&self) -> &Confinement {
        &self.confinement
    }

    /// Runs a script in the lesson's shell. Its variables, functions, working directory and background jobs
    /// last, and its EXIT trap runs. `exit` ends the script, not the shell. A run that was cut leaves the shell as it
    /// was before it.
    ///
    /// # Errors
    /// When the shell itself fails.
    pub async fn run(&self, run: Run) -> Result<RunOutcome, ShellError> {
        let Run { script, errexit, limit, output, inherit_stdin, cancel } = run;
        let stdin = if inherit_stdin {
            let stdin = std::io::stdin().as_fd().try_clone_to_owned();
            Some(std::fs::File::from(stdin.map_err(|error| ShellError::Start(error.to_string()))?))
        } else {
            None
        };
        let job = move |scope, busy, reply| Job::Run { script, errexit, stdin, scope, busy, reply };
        self.supervise(output, limit, cancel, true, job).await
    }

    /// Runs a hook in a shell of its own, which has the lesson's exported variables and leaves no trace in it.
    ///
    /// # Errors
    /// When the shell itself fails.
    pub async fn hook(&self, hook: HookCall) -> Result<RunOutcome, ShellError> {
        let HookCall { script, phase, test_output, limit, output, cancel } = hook;
        let args = vec![phase.as_str().to_owned()];
        let env = test_output.map(|output| ("TEST_OUTPUT".to_owned(), output)).into_iter().collect();
        let job = move |scope, busy, reply| Job::Hook { script, args, env, scope, busy, reply };
        self.supervise(output, Some(limit), cancel, false, job).await
    }

    /// The state as it is now.
    ///
    /// # Errors
    /// When the shell itself fails.
    pub async fn save(&self) -> Result<ShellState, ShellError> {
        self.ask(|busy, reply| Job::Save { busy, reply }).await?
    }

    /// Goes back to a saved state.
    ///
    /// # Errors
    /// When the shell itself fails or the state is not one.
    pub async fn restore(&self, state: &ShellState) -> Result<(), ShellError> {
        let state = Box::new(Saved::from_state(state)?);
        self.ask(|busy, reply| Job::Restore { state, busy, reply }).await?
    }

    /// The names of the exported variables with their values.
    ///
    /// # Errors
    /// When the shell itself fails.
    pub async fn exported(&self) -> Result<BTreeMap<String, String>, ShellError> {
        self.ask(|busy, reply| Job::Exported { busy, reply }).await
    }

    /// What a command line in this shell can name. It waits for the run that goes on, if one does.
    ///
    /// # Errors
    /// When the shell itself fails.
    pub async fn surroundings(&self) -> Result<Surroundings, ShellError> {
        let Names { exported, mut variables, functions, aliases, working_dir } =
            self.ask(|busy, reply| Job::Names { busy, reply }).await?;
        variables.sort();
        let tools = (self.tools.names)();
        let programs = self.config.target.programs();
        let mut commands: Vec<String> = command_names()
            .chain(tools.iter().map(|name| (*name).to_owned()))
            .chain(programs.names().map(str::to_owned))
            .chain(functions)
            .chain(aliases.keys().cloned())
            .filter(|name| !name.starts_with([':', '_']))
            .collect();
        commands.sort();
        commands.dedup();
        Ok(Surroundings { exported, variables, commands, aliases, files: self.files.at(working_dir) })
    }

    async fn ask<T>(&self, job: impl FnOnce(Busy, Reply<T>) -> Job) -> Result<T, ShellError> {
        let worker = self.worker.lock().await;
        let (reply, answer) = oneshot::channel();
        worker.jobs.send(job(self.config.clock.busy(), reply)).map_err(|_| ShellError::Gone)?;
        answer.await.map(|(answer, _busy)| answer).map_err(|_| ShellError::Gone)
    }

    /// Sends a job that runs a script, and ends it when its time is up or it is cancelled. Its background jobs go on behind it
    /// if it `lasts`.
    async fn supervise(
        &self,
        output: mpsc::Sender<Chunk>,
        limit: Option<Duration>,
        cancel: CancellationToken,
        lasts: bool,
        job: impl FnOnce(Arc<Scope>, Busy, Reply<u8>) -> Job,
    ) -> Result<RunOutcome, ShellError> {
        let mut worker = self.worker.lock().await;
        let clock = &self.config.clock;
        let name = worker.context.name.clone();
        let told = output.clone();
        let _listening = Listening::new(&worker.context.output, output);
        let state = RunState::new(Arc::clone(&worker.context.output), self.config.limits);
        let token = CancellationToken::new();
        // If this future is dropped the script ends too.
        let _end = token.clone().drop_guard();
        let lasting = if lasts { worker.context.lasting.child_token() } else { token.clone() };
        let scope = Scope::new(&worker.context, token.clone(), lasting, Arc::clone(&state), 0)
            .map_err(|error| ShellError::Start(error.to_string()))?;
        let (reply, mut answer) = oneshot::channel();
        worker.jobs.send(job(scope, clock.busy(), reply)).map_err(|_| ShellError::Gone)?;
        let time_is_up = async {
            match limit {
                Some(limit) => drop(clock.sleep(limit).await),
                None => std::future::pending().await,
            }
        };
        let (mut ended, answered) = tokio::select! {
            biased;
            status = &mut answer => (Ended::Exited, Some(status)),
            () = cancel.cancelled() => (Ended::Cancelled, None),
            () = time_is_up => (Ended::TimeLimit, None),
        };
        let mut status = match answered {
            Some(Ok((status, _busy))) => status,
            // Its thread broke off.
            Some(Err(_)) => {
                self.take_over(&mut worker).await?;
                ended = Ended::Fault;
                FAULT
            }
            None => {
                token.cancel();
                worker.context.jobs.end_all(&worker.context);
                if !came_in_time(&mut answer, clock).await {
                    self.take_over(&mut worker).await?;
                }
                if ended == Ended::TimeLimit { 124 } else { 130 }
            }
        };
        // Tools on the session's runtime run on this thread, all else on the shell's.
        let mut faults = fault::take_of(&name);
        faults.extend(fault::take_here());
        for fault in &faults {
            let chunk = Chunk { stream: StdStream::Stderr, bytes: format!("{fault}\n").into_bytes() };
            // Who does not listen any more does not miss it.
            drop(told.send(chunk).await);
        }
        if !faults.is_empty() {
            ended = Ended::Fault;
            status = FAULT;
        }
        Ok(RunOutcome { status, ended, unknown: state.unknown(), dropped: state.dropped() })
    }

    /// Gives up the shell's thread and starts another one with the state before the run.
    async fn take_over(&self, worker: &mut Worker) -> Result<(), ShellError> {
        worker.context.activity.give_up();
        worker.context.jobs.end_all(&worker.context);
        for thread in lock(&worker.context.threads).iter() {
            // A thread that has ended meanwhile needs no priority.
            let _ = rustix::process::setpriority_process(Some(*thread), LOWEST_PRIORITY);
        }
        let state = lock(&worker.last_state).take();
        let (new, _) = start_worker(&self.config, self.tools, &self.files, self.started, state).await?;
        *worker = new;
        Ok(())
    }
}

/// Lets output go to this run until it is dropped.
struct Listening(Arc<std::sync::Mutex<Option<mpsc::Sender<Chunk>>>>);

impl Listening {
    fn new(slot: &Arc<std::sync::Mutex<Option<mpsc::Sender<Chunk>>>>, output: mpsc::Sender<Chunk>) -> Self {
        *lock(slot) = Some(output);
        Self(Arc::clone(slot))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        *lock(&self.0) = None;
    }
}

async fn came_in_time(answer: &mut (impl Future + Unpin), clock: &crate::clock::Clock) -> bool {
    // At work: the grace is real time, even if the shell says that it waits.
    let _busy = clock.busy();
    clock.timeout(GRACE, answer).await.is_ok()
}

async fn start_worker(
    config: &ShellConfig,
    tools: ToolSet,
    files: &Files,
    started: Duration,
    state: Option<Saved>,
) -> Result<(Worker, Confinement), ShellError> {
    let context = Context::new(
        tools,
        files.clone(),
        config.clock.clone(),
        Arc::clone(&config.target),
        Handle::current(),
        config.limits,
        config.home().to_owned(),
        started,
    );
    let readable = config.readable.iter().map(|folder| open(folder));
    let readable = readable.chain(config.mapped.iter().map(Mapped::open));
    let setup = Setup {
        work: config.work.clone(),
        writable: vec![open(&config.work)?, open(config.home())?],
        readable: readable.collect::<Result<_, _>>()?,
        env: config.env.clone(),
        state,
    };
    Worker::start(context, setup).await
}

/// The files that tools may open, with the work folder as working directory; it and `home` may be written to. Each folder is seen under the path that the lesson
/// sees and the one it really has.
///
/// # Errors
/// When one of the folders cannot be opened.
pub fn files(work: &Path, home: &Path, readable: &[PathBuf], mapped: &[Mapped]) -> Result<Files, ShellError> {
    let mut roots = Vec::new();
    let mut add = |seen: &Path, folder: &Below, writable| {
        let mut paths = vec![seen.to_owned()];
        if folder.root() != seen {
            paths.push(folder.root().to_owned());
        }
        for path in paths {
            let dir = folder.dir().try_clone();
            let dir = dir.map_err(|source| ShellError::Folder { path: folder.root().to_owned(), source })?;
            roots.push(Root { path, dir, writable });
        }
        Ok(())
    };
    add(work, &open(work)?, true)?;
    if home != work {
        add(home, &open(home)?, true)?;
    }
    for folder in readable {
        add(folder, &open(folder)?, false)?;
    }
    for mapped in mapped {
        add(&home.join(&mapped.at), &mapped.open()?, false)?;
    }
    Ok(Files::new(roots, work.to_owned()))
}

/// Makes `folder` seen at `at` in the home folder, by a symbolic link: Landlock lets the shell read what is behind it, and
/// the tools' file access serves it from a root of its own. Links that a lesson left in it lead nowhere else.
fn map(home: &Path, at: &Path, folder: &Path) -> Result<(), ShellError> {
    let fail = |source| ShellError::Folder { path: home.join(at), source };
    if at.components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
        return Err(fail(std::io::Error::other("not a path inside of the home folder")));
    }
    let dir = Dir::open_ambient_dir(home, cap_std::ambient_authority()).map_err(fail)?;
    if dir.symlink_metadata(at).is_ok_and(|metadata| metadata.is_symlink()) {
        if dir.read_link_contents(at).is_ok_and(|target| target == folder) {
            return Ok(());
        }
        dir.remove_file(at).map_err(fail)?;
    }
    if let Some(parent) = at.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        dir.create_dir_all(parent).map_err(fail)?;
    }
    dir.symlink_contents(folder, at).map_err(fail)
}
