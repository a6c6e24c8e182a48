//! Carries out what the machine says, and tells it what came of it.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::completion;
use super::home::{Home, Shown};
use super::machine::{CommandEnd, Effect, Hook, Input, Machine, Progress, TryEnd};
use super::model::{Event, Request};
use super::plain::Plain;
use super::saver::{Saver, Unsaved};
use super::state::{Files, Moment, StateError};
use crate::clock::Clock;
use crate::fault::{self, Room, may_panic};
use crate::lesson::{Course, StepId};
use crate::sandbox::{SandboxError, Snapshot};
use crate::shell::{Chunk, HookCall, HookPhase, Run, RunOutcome, Shell, ShellError, ShellState};
use crate::target::Target;
use crate::tools::StdStream;

/// How many pieces of output may wait for the session before the shell waits.
const PIECES: usize = 64;

/// How many faults of its own a session outlives.
const MOST_FAULTS: usize = 8;

/// Why a session could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The shell.
    #[error(transparent)]
    Shell(#[from] ShellError),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The target.
    #[error(transparent)]
    Target(#[from] crate::target::TargetError),
    /// The state on disk.
    #[error(transparent)]
    State(#[from] StateError),
    /// The session has ended, and what was done in it could not be saved.
    #[error(transparent)]
    Unsaved(#[from] Unsaved),
    /// A folder that the session needs.
    #[error("{}: {source}", path.display())]
    Folder {
        /// Which.
        path: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A page that cannot be run, or its course's configuration.
    #[error(transparent)]
    Lesson(#[from] crate::lesson::LessonError),
}

/// A session that is ready to run.
pub struct Session {
    pub(super) course: Arc<Course>,
    pub(super) machine: Machine,
    pub(super) shell: Arc<Shell>,
    pub(super) target: Arc<Target>,
    pub(super) clock: Clock,
    pub(super) work: std::path::PathBuf,
    pub(super) saver: Option<Saver>,
    pub(super) notices: Vec<String>,
    /// The moments before steps; on disk too, if there is a state folder.
    pub(super) before: BTreeMap<StepId, Remembered>,
    /// Keeps a temporary work folder.
    pub(super) _temporary: Option<tempfile::TempDir>,
}

/// The folder that a course's pages are in.
pub(super) fn root_of(course: &Course) -> &std::path::Path {
    let root = course.root.as_path();
    if root.as_os_str().is_empty() { std::path::Path::new(".") } else { root }
}

/// What is remembered of the moment before a step.
pub(super) struct Remembered {
    shell: ShellState,
    work: Files,
    /// The sandbox, if the target is one. It shares what has not changed since.
    sandbox: Option<Snapshot>,
}

/// An answer that is being looked for.
type Answer = Pin<Box<dyn Future<Output = Event>>>;

/// Something that was started and will end.
type Job = Pin<Box<dyn Future<Output = Result<Input, SessionError>>>>;

impl Session {
    /// The course.
    pub fn course(&self) -> &Arc<Course> {
        &self.course
    }

    /// The machine, to ask where steps stand.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The first call that was stopped because nothing may be changed, if one was.
    pub fn stopped(&self) -> Option<String> {
        self.target.calls().stopped()
    }

    /// Goes on until a front asks to quit, or nobody asks any more and nothing runs.
    ///
    /// # Errors
    /// When lectern could not do its work; what a lesson does wrong is a verdict.
    pub async fn run(
        &mut self,
        mut requests: mpsc::UnboundedReceiver<Request>,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<(), SessionError> {
        for event in self.machine.announce() {
            drop(events.send(event));
        }
        for text in self.notices.drain(..) {
            drop(events.send(Event::Notice { text }));
        }
        if let Some(saver) = &self.saver {
            drop(events.send(Event::History { commands: saver.history() }));
        }
        let mut input = None;
        let mut broken = 0;
        loop {
            let working = AssertUnwindSafe(self.work(input.take(), &mut requests, &events)).catch_unwind().await;
            let payload = match working {
                Ok(ended) => return ended,
                Err(payload) => payload,
            };
            broken += 1;
            let told: Vec<String> = fault::take_here().iter().map(ToString::to_string).collect();
            if broken > MOST_FAULTS || told.is_empty() {
                std::panic::resume_unwind(payload);
            }
            // What it was at has failed; everything else goes on.
            input = Some(Input::BrokeOff(told.join("\n")));
        }
    }

    /// Goes on until the session is over, beginning with `first`.
    async fn work(
        &mut self,
        mut first: Option<Input>,
        requests: &mut mpsc::UnboundedReceiver<Request>,
        events: &mpsc::UnboundedSender<Event>,
    ) -> Result<(), SessionError> {
        let mut job: Option<Job> = None;
        let mut answer: Option<Answer> = None;
        let mut cancel = CancellationToken::new();
        let mut timer: Option<(u64, Pin<Box<crate::clock::Sleep>>)> = None;
        let mut asked = true;
        loop {
            let idle = job.is_none() && timer.is_none() && answer.is_none() && first.is_none();
            if idle && !asked {
                return Ok(());
            }
            let input = tokio::select! {
                biased;
                input = next_of(&mut first), if first.is_some() => input,
                request = requests.recv(), if asked => match request {
                    Some(request) => Input::Request(request),
                    None => { asked = false; continue; }
                },
                input = wait(&mut job), if job.is_some() => { job = None; input? }
                event = wait_answer(&mut answer), if answer.is_some() => {
                    answer = None;
                    drop(events.send(event));
                    continue;
                }
                number = wait_timer(&mut timer), if timer.is_some() => { timer = None; Input::Timer(number) }
            };
            for effect in self.machine.handle(self.clock.elapsed(), input) {
                match effect {
                    Effect::Emit(event) => drop(events.send(event)),
                    Effect::Checkpoint(id) => self.remember(id).await?,
                    Effect::RewindShell(id) => self.rewind_shell(id).await?,
                    Effect::Restore(id) => {
                        timer = None;
                        let restored = match self.restore(id).await {
                            Ok(()) => Input::Restored(id),
                            Err(SessionError::Folder { path, source }) => {
                                Input::NotRestored { id, why: format!("{}: {source}", path.display()) }
                            }
                            Err(error) => return Err(error),
                        };
                        job = Some(Box::pin(async move { Ok(restored) }));
                    }
                    Effect::Try { script, limit } => {
                        // What was asked before is not waited for: its calls are not the command's.
                        answer = None;
                        cancel = CancellationToken::new();
                        if let Some(text) = self.saver.as_mut().and_then(|saver| saver.remember_try(&script)) {
                            drop(events.send(Event::Notice { text }));
                        }
                        job = Some(self.start_try(script, limit, events, &cancel));
                    }
                    Effect::Complete { number, line, at } => {
                        let (shell, target) = (Arc::clone(&self.shell), Arc::clone(&self.target));
                        let clock = self.clock.clone();
                        answer = Some(Box::pin(async move {
                            let completions = completion::complete(&shell, &target, &clock, &line, at).await;
                            Event::Completions { number, completions }
                        }));
                    }
                    Effect::Hook { id, hook, phase, test_output } => {
                        answer = None;
                        cancel = CancellationToken::new();
                        job = Some(self.start_hook(id, hook, phase, test_output, events, &cancel));
                    }
                    Effect::Command { id, command, script, limit } => {
                        may_panic(Room::Session);
                        answer = None;
                        cancel = CancellationToken::new();
                        job = Some(self.start_command(id, command, script, limit, events, &cancel));
                    }
                    Effect::Timer { timer: number, after } => {
                        timer = Some((number, Box::pin(self.clock.sleep(after))));
                    }
                    Effect::Renumber { course, steps } => {
                        self.course = course;
                        let before = std::mem::take(&mut self.before);
                        let renamed = |(id, of)| Some((*steps.get(&id)?, of));
                        self.before = before.into_iter().filter_map(renamed).collect();
                    }
                    Effect::Cancel => cancel.cancel(),
                    Effect::Save => {
                        if let Some(text) = self.save().await? {
                            drop(events.send(Event::Notice { text }));
                        }
                    }
                    Effect::Stop => {
                        let unsaved = self.saver.as_mut().and_then(|saver| saver.unsaved(&self.course, &self.machine));
                        return unsaved.map_or(Ok(()), |unsaved| Err(unsaved.into()));
                    }
                }
            }
            // A stage that was left by cancelling needs its timer no more.
            if !self.machine.awaits_timer() {
                timer = None;
            }
        }
    }

    fn start_hook(
        &self,
        id: StepId,
        hook: Hook,
        phase: HookPhase,
        test_output: Option<String>,
        events: &mpsc::UnboundedSender<Event>,
        cancel: &CancellationToken,
    ) -> Job {
        let (output, chunks) = mpsc::channel(PIECES);
        // The hook's shell works in another folder than this process.
        let script = match (root_of(&self.course).canonicalize(), hook.script.strip_prefix(&self.course.root)) {
            (Ok(root), Ok(inside)) => root.join(inside),
            _ => hook.script,
        };
        let call = HookCall { script, phase, test_output, limit: hook.limit, output, cancel: cancel.clone() };
        let shell = Arc::clone(&self.shell);
        let target = Arc::clone(&self.target);
        let events = events.clone();
        let home = Home::of(&self.work);
        Box::pin(async move {
            let (outcome, output) = tokio::join!(
                shell.hook(call),
                collect(chunks, &home, |stream, text| Event::Output { id, command: None, stream, text }, &events)
            );
            let RunOutcome { status, ended, .. } = outcome?;
            drop(target.calls().take());
            let output = home.shown(&output.into_iter().map(|(_, text)| text).collect::<String>());
            Ok(Input::HookEnded { status, ended, output, pending: is_due(&target) })
        })
    }

    fn start_command(
        &self,
        id: StepId,
        command: usize,
        script: String,
        limit: Duration,
        events: &mpsc::UnboundedSender<Event>,
        cancel: &CancellationToken,
    ) -> Job {
        let (run, chunks) = limited(script, true, limit, cancel);
        let shell = Arc::clone(&self.shell);
        let target = Arc::clone(&self.target);
        let events = events.clone();
        let home = Home::of(&self.work);
        Box::pin(async move {
            drop(target.calls().take());
            if let Some(effects) = target.effects() {
                effects.now_runs([id.lesson, id.step, command]);
            }
            let (outcome, output) = tokio::join!(
                shell.run(run),
                collect(
                    chunks,
                    &home,
                    |stream, text| Event::Output { id, command: Some(command), stream, text },
                    &events
                )
            );
            let RunOutcome { status, ended, unknown, dropped } = outcome?;
            tell_dropped(dropped, &events);
            let pending = is_due(&target);
            let calls = target.calls().take();
            let known = super::setup::known(&target.environment());
            Ok(Input::CommandEnded(CommandEnd { status, ended, output, home, calls, unknown, pending, known }))
        })
    }

    /// A command of the learner's own: in the lesson's shell, as a step's are, but without `set -e`.
    fn start_try(
        &self,
        script: String,
        limit: Duration,
        events: &mpsc::UnboundedSender<Event>,
        cancel: &CancellationToken,
    ) -> Job {
        let (run, chunks) = limited(script, false, limit, cancel);
        let shell = Arc::clone(&self.shell);
        let target = Arc::clone(&self.target);
        let events = events.clone();
        let work = self.work.clone();
        let home = Home::of(&work);
        Box::pin(async move {
            let folder = |source| SessionError::Folder { path: work.clone(), source };
            let before = (lasting(&shell.save().await?), Files::read(&work).map_err(folder)?);
            drop(target.calls().take());
            let (outcome, _) = tokio::join!(
                shell.run(run),
                collect(chunks, &home, |stream, text| Event::TryOutput { stream, text }, &events)
            );
            let RunOutcome { status, ended, unknown, dropped } = outcome?;
            tell_dropped(dropped, &events);
            let calls = target.calls().take();
            let after = (lasting(&shell.save().await?), Files::read(&work).map_err(folder)?);
            // What a program of the person's machine does is not seen from here.
            let unseen = target.programs().names().next().is_some();
            let changed = unseen || before != after || calls.iter().any(|call| call.mutating);
            Ok(Input::TryEnded(TryEnd { status, ended, calls, unknown, changed }))
        })
    }

    async fn remember(&mut self, id: StepId) -> Result<(), SessionError> {
        let shell = self.shell.save().await?;
        let work = self.read_work()?;
        let sandbox = self.snapshot().await?;
        let moment = self.moment(shell.clone(), work.clone(), sandbox.clone());
        if let Some(saver) = &mut self.saver {
            saver.save_before(id, moment);
        }
        self.before.insert(id, Remembered { shell, work, sandbox });
        Ok(())
    }

    async fn rewind_shell(&mut self, id: StepId) -> Result<(), SessionError> {
        if let Some(remembered) = self.before.get(&id) {
            remembered
                .work
                .write(&self.work)
                .map_err(|source| SessionError::Folder { path: self.work.clone(), source })?;
            self.shell.restore(&remembered.shell).await?;
        }
        Ok(())
    }

    async fn restore(&mut self, id: StepId) -> Result<(), SessionError> {
        if !self.before.contains_key(&id)
            && let Some(moment) = self.saver.as_ref().and_then(|saver| saver.before(id))
        {
            let remembered = Remembered { shell: moment.shell, work: moment.work, sandbox: moment.sandbox };
            self.before.insert(id, remembered);
        }
        self.rewind_shell(id).await?;
        if let Some(sandbox) = self.target.as_sandbox()
            && let Some(snapshot) = self.before.get(&id).and_then(|remembered| remembered.sandbox.as_ref())
        {
            sandbox.restore(snapshot).await?;
        }
        Ok(())
    }

    /// Saves everything; returns what the learner is to be told.
    async fn save(&mut self) -> Result<Option<String>, SessionError> {
        if self.saver.is_none() {
            return Ok(None);
        }
        let moment = self.moment(self.shell.save().await?, self.read_work()?, self.snapshot().await?);
        Ok(self.saver.as_mut().and_then(|saver| saver.save(&moment, &self.machine)))
    }

    async fn snapshot(&self) -> Result<Option<Snapshot>, SessionError> {
        match self.target.as_sandbox() {
            Some(sandbox) => Ok(Some(sandbox.snapshot().await?)),
            None => Ok(None),
        }
    }

    fn moment(&self, shell: ShellState, work: Files, sandbox: Option<Snapshot>) -> Moment {
        let progress: Progress = self.machine.progress();
        let time = (self.clock.epoch(), self.clock.elapsed());
        Moment::new(progress, time, shell, work, sandbox)
    }

    fn read_work(&self) -> Result<Files, SessionError> {
        Files::read(&self.work).map_err(|source| SessionError::Folder { path: self.work.clone(), source })
    }
}

fn tell_dropped(bytes: u64, events: &mpsc::UnboundedSender<Event>) {
    if bytes > 0 {
        let text = format!("The command printed too much: {bytes} bytes of its output were left out.");
        drop(events.send(Event::Notice { text }));
    }
}

/// What of a shell's state lasts because somebody meant it to: not how the last command ended.
fn lasting(state: &ShellState) -> serde_json::Value {
    let mut value = state.0.clone();
    if let Some(all) = value.as_object_mut() {
        all.remove("last_status");
        all.remove("options");
        if let Some(variables) = all.get_mut("variables").and_then(serde_json::Value::as_object_mut) {
            variables.remove("PIPESTATUS");
        }
    }
    value
}

/// A script to run within a limit, and where its output comes; `errexit` as `set -e` has it.
fn limited(script: String, errexit: bool, limit: Duration, cancel: &CancellationToken) -> (Run, mpsc::Receiver<Chunk>) {
    let (output, chunks) = mpsc::channel(PIECES);
    let cancel = cancel.clone();
    (Run { script, errexit, limit: Some(limit), output, inherit_stdin: false, cancel }, chunks)
}

/// Whether something is still due to happen on the target; of a live one nobody knows.
fn is_due(target: &Target) -> bool {
    target.as_sandbox().is_none_or(|sandbox| sandbox.cluster().is_pending())
}

/// Collects output until its channel closes, as it was printed, and tells everybody of it as it comes, as it is shown.
async fn collect(
    mut chunks: mpsc::Receiver<Chunk>,
    home: &Home,
    event: impl Fn(StdStream, String) -> Event,
    events: &mpsc::UnboundedSender<Event>,
) -> Vec<(StdStream, String)> {
    let mut out = Streams::default();
    let mut shown = Shown::new(home.clone());
    let mut collected: Vec<(StdStream, Vec<u8>)> = Vec::new();
    while let Some(Chunk { stream, bytes }) = chunks.recv().await {
        let text = shown.next(stream, &out.of(stream).next(&bytes));
        if !text.is_empty() {
            drop(events.send(event(stream, text)));
        }
        match collected.last_mut() {
            Some((last, all)) if *last == stream => all.extend_from_slice(&bytes),
            _ => collected.push((stream, bytes)),
        }
    }
    for (stream, text) in shown.rest() {
        drop(events.send(event(stream, text)));
    }
    collected.into_iter().map(|(stream, bytes)| (stream, String::from_utf8_lossy(&bytes).into_owned())).collect()
}

/// A reader of control sequences for each stream.
#[derive(Default)]
struct Streams {
    stdout: Plain,
    stderr: Plain,
}

impl Streams {
    fn of(&mut self, stream: StdStream) -> &mut Plain {
        match stream {
            StdStream::Stdout => &mut self.stdout,
            StdStream::Stderr => &mut self.stderr,
        }
    }
}

async fn next_of(first: &mut Option<Input>) -> Input {
    match first.take() {
        Some(input) => input,
        None => std::future::pending().await,
    }
}

async fn wait(job: &mut Option<Job>) -> Result<Input, SessionError> {
    match job {
        Some(job) => job.await,
        None => std::future::pending().await,
    }
}

async fn wait_answer(answer: &mut Option<Answer>) -> Event {
    match answer {
        Some(answer) => answer.await,
        None => std::future::pending().await,
    }
}

async fn wait_timer(timer: &mut Option<(u64, Pin<Box<crate::clock::Sleep>>)>) -> u64 {
    match timer {
        Some((number, sleep)) => {
            drop(sleep.await);
            *number
        }
        None => std::future::pending().await,
    }
}
