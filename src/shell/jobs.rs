//! Background jobs. brush starts them, as tasks; what it has of them can be waited for only once and never ended. So a list
//! with `&` behind it is rewritten to a builtin of our own, which gives the job a number like a process's, a scope of its own
//! that `kill` ends, and an exit status that lasts.
//!
//! A job goes on when the command line that started it has ended. It ends with the session, when the shell goes back to an
//! earlier state, and when a run is cut. Inside of `bash` and of hooks it ends with them.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use brush_core::jobs::{Job, JobState};
use brush_core::openfiles::OpenFile;
use brush_core::{CommandArg, ExecutionParameters, ExecutionResult, Shell, ShellValue, ShellVariable};
use brush_parser::ast::{AndOrList, CompoundList, CompoundListItem, Program, SeparatorOperator};
use futures::FutureExt as _;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::builtins::{Answer, Call, leave, place_of, stopped, words};
use super::context::{Context, SCOPE_FD, Scope, TRACE_FD, lock};
use super::errors::Extensions;
use super::rewrite;
use super::streams::{RunStream, ScopeMark, Stopped, Trace, run_stream};
use crate::clock::Busy;

/// The builtin that starts a job, and the one that is it.
pub(super) const START: &str = ":job";
pub(super) const RUN: &str = ":background";

/// The variable behind `$!`.
pub(super) const LAST: &str = "BASH_LAST_JOB";

/// The most jobs at a time.
const MOST: usize = 256;

/// The exit status of a shell that gets no process.
const NO_PROCESS: u8 = 254;

/// The signal that ends what nobody else ends.
const TERM: u8 = 15;

/// The jobs of all shells on one shell thread.
#[derive(Default)]
pub(super) struct Jobs(Mutex<Table>);

#[derive(Default)]
struct Table {
    started: u32,
    jobs: BTreeMap<u32, Entry>,
}

struct Entry {
    text: String,
    token: CancellationToken,
    signal: Option<u8>,
    status: Option<u8>,
    waiting: Vec<oneshot::Sender<(u8, Busy)>>,
}

/// How a job stands.
#[derive(Clone)]
pub(super) struct Standing {
    pub text: String,
    pub status: Option<u8>,
    /// The signal that it was sent and that ended it.
    pub signal: Option<u8>,
}

impl Jobs {
    /// Adds a job that `token` ends; its number, or none where there are too many.
    fn add(&self, text: String, token: CancellationToken) -> Option<u32> {
        let mut table = lock(&self.0);
        if table.jobs.values().filter(|job| job.status.is_none()).count() >= MOST {
            return None;
        }
        table.started += 1;
        // Behind the shell's own number, as those of its children mostly are.
        let pid = std::process::id().wrapping_add(table.started);
        table.jobs.insert(pid, Entry { text, token, signal: None, status: None, waiting: Vec::new() });
        Some(pid)
    }

    /// How a job stands.
    pub(super) fn standing(&self, pid: u32) -> Option<Standing> {
        let table = lock(&self.0);
        let entry = table.jobs.get(&pid)?;
        Some(Standing { text: entry.text.clone(), status: entry.status, signal: entry.signal })
    }

    /// Sends a signal that ends. Whether there is such a job that still runs.
    pub(super) fn end(&self, pid: u32, signal: u8) -> bool {
        let mut table = lock(&self.0);
        let Some(entry) = table.jobs.get_mut(&pid).filter(|entry| entry.status.is_none()) else { return false };
        entry.signal.get_or_insert(signal);
        let token = entry.token.clone();
        drop(table);
        token.cancel();
        true
    }

    /// Ends all of them, and counts them as ended from now on.
    pub(super) fn end_all(&self, context: &Context) {
        let running: Vec<_> =
            lock(&self.0).jobs.iter().filter(|(_, job)| job.status.is_none()).map(|(pid, _)| *pid).collect();
        for pid in running {
            self.end(pid, TERM);
            self.finish(context, pid, 128 + TERM);
        }
    }

    /// What gets the exit status of a job once it has ended.
    pub(super) fn ended(&self, context: &Context, pid: u32) -> Option<oneshot::Receiver<(u8, Busy)>> {
        let (tell, told) = oneshot::channel();
        let mut table = lock(&self.0);
        let entry = table.jobs.get_mut(&pid)?;
        match entry.status {
            Some(status) => drop(tell.send((status, context.clock.busy()))),
            None => entry.waiting.push(tell),
        }
        Some(told)
    }

    /// Forgets a job that has ended.
    pub(super) fn forget(&self, pid: u32) {
        let mut table = lock(&self.0);
        if table.jobs.get(&pid).is_some_and(|job| job.status.is_some()) {
            table.jobs.remove(&pid);
        }
    }

    /// A job of which nothing is left has ended, if by nothing else then by a signal.
    pub(super) fn cut(&self, context: &Context, pid: u32) {
        self.finish(context, pid, 128 + TERM);
    }

    fn finish(&self, context: &Context, pid: u32, status: u8) {
        let mut table = lock(&self.0);
        let Some(entry) = table.jobs.get_mut(&pid).filter(|entry| entry.status.is_none()) else { return };
        let status = if entry.token.is_cancelled() { 128 + *entry.signal.get_or_insert(TERM) } else { status };
        if !entry.token.is_cancelled() {
            entry.signal = None;
        }
        entry.status = Some(status);
        for waiting in std::mem::take(&mut entry.waiting) {
            // Who waits may have been ended.
            drop(waiting.send((status, context.clock.busy())));
        }
    }
}

/// A job of one shell, as `jobs` lists it.
pub(super) struct Listed {
    /// Its number in this shell; 0 once it has been waited for or disowned.
    pub id: usize,
    pub pid: u32,
}

/// The jobs of a shell, in the order in which they were started. A subshell has none of its parent's.
pub(super) fn of(shell: &Shell<Extensions>) -> Vec<Listed> {
    let jobs = &shell.jobs().jobs;
    jobs.iter().filter_map(|job| Some(Listed { id: job.id, pid: job.command_line.parse().ok()? })).collect()
}

/// Takes a job off the list; its exit status can still be asked for by its process number.
pub(super) fn unlist(shell: &mut Shell<Extensions>, pid: u32) {
    let pid = pid.to_string();
    if let Some(job) = shell.jobs_mut().jobs.iter_mut().find(|job| job.command_line == pid) {
        job.id = 0;
        job.state = JobState::Done;
    }
}

/// Takes the jobs that have ended off the list.
pub(super) fn unlist_ended(shell: &mut Shell<Extensions>, context: &Context) {
    for Listed { pid, .. } in of(shell) {
        if context.jobs.standing(pid).is_none_or(|standing| standing.status.is_some()) {
            unlist(shell, pid);
        }
    }
}

/// Takes a job out of the shell: it is not this shell's child any more.
pub(super) fn disown(shell: &mut Shell<Extensions>, pid: u32) {
    let pid = pid.to_string();
    shell.jobs_mut().jobs.retain(|job| job.command_line != pid);
}

/// Takes the jobs that brush started by itself, in text that is not rewritten.
pub(super) fn take_others(shell: &mut Shell<Extensions>) -> Vec<Job> {
    let (ours, others) =
        std::mem::take(&mut shell.jobs_mut().jobs).into_iter().partition(|job| job.command_line.parse::<u32>().is_ok());
    shell.jobs_mut().jobs = ours;
    others
}

/// Starts a job: `:job LIST TEXT`.
pub(super) fn start(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let Some((context, scope)) = place_of(&call) else { return Ok(stopped()) };
        let Ok([list, text]) = <[String; 2]>::try_from(words(&args)) else {
            return Err(brush_core::ErrorKind::CommandNotFound(START.to_owned()).into());
        };
        let Some(pid) = context.jobs.add(text, scope.lasting.child_token()) else {
            let name = call.shell.current_shell_name().map_or_else(|| "bash".to_owned(), |name| name.into_owned());
            let message = format!("{name}: fork: retry: Resource temporarily unavailable\n");
            let _ = std::io::Write::write_all(&mut call.stderr(), message.as_bytes());
            return Ok(leave(NO_PROCESS));
        };
        let mut last = ShellVariable::new(ShellValue::String(pid.to_string()));
        last.hide_from_enumeration();
        call.shell.env_mut().set_global(LAST, last)?;
        let id = of(call.shell).iter().map(|job| job.id).max().unwrap_or(0) + 1;
        let command = rewrite::builtin(RUN, &[pid.to_string(), list]);
        let mut list = rewrite::list_of(command);
        for item in &mut list.0 {
            item.1 = SeparatorOperator::Async;
        }
        let Some(token) = lock(&context.jobs.0).jobs.get(&pid).map(|job| job.token.clone()) else {
            return Ok(stopped());
        };
        // The job's from its first moment on: the scope here may end before the job begins.
        let own = scope.job(&context, token, pid)?;
        let mut params = call.params.clone();
        for (fd, file) in call.iter_fds().collect::<Vec<_>>() {
            // The run's own output, of which only commands in a scope that has not ended may print.
            if let OpenFile::Stream(mut file) = file
                && let Some(stream) = run_stream(&mut *file)
            {
                let file = RunStream { scope: Arc::clone(&own), stream, report: None };
                params.set_fd(fd, OpenFile::Stream(Box::new(file)));
            }
        }
        let before = [SCOPE_FD, TRACE_FD].map(|fd| (fd, call.shell.open_files().try_fd(fd).cloned()));
        enter(call.shell, &mut params, &context, &own);
        drop(own);
        let begun = call.shell.run_program(Program { complete_commands: vec![list] }, &params).await;
        for (fd, file) in before {
            if let Some(file) = file {
                call.shell.open_files_mut().set_fd(fd, file);
            }
        }
        begun?;
        if let Some(job) = call.shell.jobs_mut().jobs.last_mut() {
            job.id = id;
            job.command_line = pid.to_string();
        }
        Ok(ExecutionResult::success())
    })
}

/// Makes sure that who waits for a job learns of its end, whatever the end is.
struct Running<'a> {
    context: &'a Context,
    pid: u32,
    status: u8,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.context.jobs.finish(self.context, self.pid, self.status);
    }
}

/// The job itself, in a shell of its own: `:background PID LIST`.
pub(super) fn run(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let (Some(context), Ok([pid, list])) = (Context::current(), <[String; 2]>::try_from(words(&args))) else {
            return Ok(stopped());
        };
        let Ok(pid) = pid.parse::<u32>() else { return Ok(stopped()) };
        let mut running = Running { context: &context, pid, status: 70 };
        // From here on the job itself says whether it is busy, also when the command line that started it has ended.
        let _guard = context.activity.running();
        let Ok(list) = serde_json::from_str::<AndOrList>(&list) else { return Ok(stopped()) };
        let program = Program {
            complete_commands: vec![CompoundList(vec![CompoundListItem(list, SeparatorOperator::Sequence)])],
        };
        let Call { shell, params, .. } = call;
        let ended = AssertUnwindSafe(shell.run_program(program, &params)).catch_unwind().await;
        running.status = match ended {
            Ok(Ok(result)) => u8::from(result.exit_code),
            Ok(Err(error)) => {
                let _ = shell.display_error(&mut shell.stderr(), &error);
                u8::from(error.into_result(shell).exit_code)
            }
            Err(payload) if payload.is::<Stopped>() => 130,
            Err(payload) => std::panic::resume_unwind(payload),
        };
        Ok(ExecutionResult::new(running.status))
    })
}

/// Puts a job's own scope in the place of the one that it was started in.
fn enter(shell: &mut Shell<Extensions>, params: &mut ExecutionParameters, context: &Context, scope: &Arc<Scope>) {
    let mark = || OpenFile::Stream(Box::new(ScopeMark(Arc::clone(scope))));
    let trace = || {
        let trace = Trace { scope: Arc::clone(scope), limit: context.limits.variables, text: String::new() };
        OpenFile::Stream(Box::new(trace))
    };
    params.set_fd(SCOPE_FD, mark());
    params.set_fd(TRACE_FD, trace());
    shell.open_files_mut().set_fd(SCOPE_FD, mark());
    shell.open_files_mut().set_fd(TRACE_FD, trace());
}
