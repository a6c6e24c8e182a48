//! Calling a native tool: on this thread, or by messages with a task on the session's runtime.

use std::collections::BTreeMap;
use std::io::{LineWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use brush_core::{CommandArg, ExecutionResult, ShellVariable};
use tokio::sync::{mpsc, oneshot};

use super::builtins::{Answer, Call, exported, is_program, place_of, program_result, stopped, words};
use super::commands::run_program;
use super::context::{Context, Scope, set_last_dir};
use super::streams::{Channel, Stopped};
use crate::clock::Busy;
use crate::fault::{Room, may_panic};
use crate::tools::{
    Commands, Errand, Exports, Invocation, Output, Piece, Status, StdStream, StreamTool, Streams, TargetCall,
    TargetInput, Tool, program, with_waiter,
};

/// Pieces of output that a tool may be ahead of the shell.
const PIECES_AHEAD: usize = 16;

/// A builtin that is a tool.
pub(super) fn run(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let Some((context, scope)) = place_of(&call) else { return Ok(stopped()) };
        set_last_dir(call.shell.working_dir());
        let name = args.first().map_or_else(|| call.command_name.clone(), ToString::to_string);
        // What the person allowed by name is what they mean by it, even where a tool has that name.
        let program = context.target.programs().path(&name).map(Path::to_owned);
        let tool = (context.tools.find)(&name);
        if program.is_none() && tool.is_none() {
            return Err(brush_core::ErrorKind::CommandNotFound(name).into());
        }
        let folder = call.shell.working_dir().to_owned();
        let args = words(&args);
        let streams = streams_named(&call, &args, &context, &scope);
        let invocation = Invocation {
            name,
            args,
            env: exported(call.shell),
            files: context.files.at(call.shell.working_dir()).with_streams(streams),
            clock: context.clock.clone(),
            cancel: scope.token.clone(),
        };
        let ends = Ends {
            stdin: Channel::new(call.try_fd(0), &context, &scope),
            stdout: Channel::new(call.try_fd(1), &context, &scope),
            stderr: Channel::new(call.try_fd(2), &context, &scope),
        };
        let exports = Exports::default();
        let status = tokio::task::block_in_place(|| {
            let mut active = Some(context.activity.active());
            // A command that the tool runs is counted instead of the tool.
            let errand = |words: Vec<String>| {
                active = None;
                let status = tokio::runtime::Handle::current().block_on(command(&call, &context, &scope, &words));
                active = Some(context.activity.active());
                status
            };
            match (program, tool) {
                (Some(path), _) => {
                    let home = context.home.clone();
                    let start = program::Start { path, folder, home, stdin: ends.stdin.descriptor() };
                    let run = |call| Box::pin(program::run(call, start)) as _;
                    target(run, invocation, ends, &context, &scope, Exports::default(), |_| None)
                }
                (None, Some(Tool::Stream(tool))) => stream(tool, &invocation, ends, &context),
                (None, Some(Tool::Target(tool))) => {
                    target(tool, invocation, ends, &context, &scope, exports.clone(), errand)
                }
                (None, None) => 127,
            }
        });
        for (name, value) in exports.take() {
            let mut variable = ShellVariable::new(value);
            variable.export();
            call.shell.env_mut().set_global(name, variable)?;
        }
        Ok(if scope.token.is_cancelled() { stopped() } else { result(&call, status) })
    })
}

/// Runs another command for a tool, as a program would be: what it does to the shell's variables is lost. `None` where there is no
/// such command.
async fn command(call: &Call<'_>, context: &Arc<Context>, scope: &Arc<Scope>, words: &[String]) -> Option<Status> {
    let name = words.first()?;
    if !is_program(context, name) {
        scope.run.note_unknown(name);
        return None;
    }
    let mut shell = call.shell.clone();
    let result = run_program(&mut shell, call.params.clone(), words).await;
    Some(result.map_or(126, |result| u8::from(result.exit_code)))
}

fn result(call: &Call<'_>, status: Status) -> ExecutionResult {
    program_result(call, status)
}

/// What the descriptors hold that arguments name as files: a process substitution is read to its end first.
fn streams_named(
    call: &Call<'_>,
    args: &[String],
    context: &Arc<Context>,
    scope: &Arc<Scope>,
) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut streams = BTreeMap::new();
    for arg in args {
        let Some(at) = arg.find("/dev/fd/").or_else(|| arg.find("/dev/stdin")) else { continue };
        let path = &arg[at..];
        let fd = match path.strip_prefix("/dev/fd/") {
            Some(fd) => fd.parse().ok(),
            None => (path == "/dev/stdin").then_some(0),
        };
        let Some(file) = fd.filter(|fd| *fd >= 0).and_then(|fd| call.try_fd(fd)) else { continue };
        let mut bytes = Vec::new();
        let _active = context.activity.active();
        let limit = context.limits.files;
        let _ = Channel::new(Some(file), context, scope).take(limit).read_to_end(&mut bytes);
        streams.entry(PathBuf::from(path)).or_insert(bytes);
    }
    streams
}

struct Ends {
    stdin: Channel,
    stdout: Channel,
    stderr: Channel,
}

fn stream(tool: StreamTool, invocation: &Invocation, ends: Ends, context: &Arc<Context>) -> Status {
    let Ends { mut stdin, stdout, stderr } = ends;
    let mut stdout = LineWriter::with_capacity(8192, stdout);
    let mut stderr = LineWriter::with_capacity(1024, stderr);
    let waiter: Arc<dyn crate::tools::Waiter> = Arc::clone(&context.activity) as _;
    let call = || {
        let mut streams = Streams { stdin: &mut stdin, stdout: &mut stdout, stderr: &mut stderr };
        may_panic(Room::Stream);
        with_waiter(waiter, || tool(invocation, &mut streams))
    };
    // A mistake in one tool must not take the lesson's shell along.
    let status = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)) {
        Ok(status) => status,
        Err(payload) if payload.is::<Stopped>() => std::panic::resume_unwind(payload),
        // The session tells of it.
        Err(_) => 70,
    };
    let _ = stderr.flush();
    match stdout.flush() {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => 141,
        _ => status,
    }
}

/// What the tool's task tells this thread.
enum Message {
    Piece(Piece),
    /// The tool wants input.
    Read(Busy),
    /// The tool wants a command run.
    Run(Errand),
    Done(Status, Busy),
}

/// What a tool or a program does on the session's runtime.
type Running = Pin<Box<dyn Future<Output = Status> + Send>>;

fn target(
    tool: impl FnOnce(TargetCall) -> Running + Send + 'static,
    invocation: Invocation,
    ends: Ends,
    context: &Arc<Context>,
    scope: &Arc<Scope>,
    exports: Exports,
    mut run: impl FnMut(Vec<String>) -> Option<Status>,
) -> Status {
    let Ends { stdin, stdout, stderr } = ends;
    let clock = context.clock.clone();
    let (pieces_in, mut pieces) = mpsc::channel(PIECES_AHEAD);
    let (requests_in, mut requests) = mpsc::channel(1);
    let (reads_in, mut reads) = mpsc::channel::<Busy>(1);
    let (chunks_in, chunks) = mpsc::channel(1);
    let (errands_in, mut errands) = mpsc::channel(1);
    let (done_in, mut done) = oneshot::channel::<(Status, Busy)>();
    let call = TargetCall {
        target: Arc::clone(&context.target),
        stdin: TargetInput::new(requests_in, chunks),
        out: Output::new(pieces_in, clock.clone()),
        invocation,
        exports,
        commands: Commands::new(errands_in, clock.clone()),
    };
    let cancel = scope.token.clone();
    let starting = clock.busy();
    let task = context.runtime.spawn(async move {
        let relay_clock = clock.clone();
        // Requests for input pass through this runtime, so that they carry work from the moment they are made.
        let relay = async move {
            while requests.recv().await.is_some() {
                if reads_in.send(relay_clock.busy()).await.is_err() {
                    break;
                }
            }
            std::future::pending::<Status>().await
        };
        may_panic(Room::Tool);
        let running = tool(call);
        drop(starting);
        let status = tokio::select! {
            biased;
            () = cancel.cancelled() => 130,
            status = running => status,
            status = relay => status,
        };
        let _ = done_in.send((status, clock.busy()));
    });
    let mut io = TargetIo { stdin, stdout, stderr, chunks: chunks_in };
    let mut finished = None;
    loop {
        let message = {
            let _waiting = context.activity.waiting();
            futures::executor::block_on(async {
                tokio::select! {
                    biased;
                    Some(piece) = pieces.recv() => Message::Piece(piece),
                    Some(busy) = reads.recv(), if finished.is_none() => Message::Read(busy),
                    Some(errand) = errands.recv(), if finished.is_none() => Message::Run(errand),
                    end = &mut done, if finished.is_none() => match end {
                        Ok((status, busy)) => Message::Done(status, busy),
                        // The task ended without an answer: it panicked.
                        Err(_) => Message::Done(70, context.clock.busy()),
                    },
                    else => Message::Done(finished.unwrap_or(70), context.clock.busy()),
                }
            })
        };
        match message {
            Message::Piece(Piece { stream, bytes, busy }) => {
                // This thread is at work again by itself; a full pipe may be waited for.
                drop(busy);
                match io.write(stream, &bytes) {
                    Ok(()) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                        task.abort();
                        return 141;
                    }
                    Err(_) => {
                        task.abort();
                        return if scope.token.is_cancelled() { 130 } else { 1 };
                    }
                }
            }
            Message::Read(busy) => {
                drop(busy);
                io.read(context);
            }
            Message::Run(Errand { words, answer, busy }) => {
                drop(busy);
                let status = run(words);
                if scope.token.is_cancelled() {
                    task.abort();
                    return 130;
                }
                // A tool that has ended does not wait for it any more.
                let _ = answer.send((status, context.clock.busy()));
            }
            Message::Done(status, _busy) => {
                if finished.is_some() || scope.token.is_cancelled() {
                    return status;
                }
                // What it printed last may still be on its way.
                finished = Some(status);
            }
        }
    }
}

struct TargetIo {
    stdin: Channel,
    stdout: Channel,
    stderr: Channel,
    chunks: mpsc::Sender<(Vec<u8>, Busy)>,
}

impl TargetIo {
    fn write(&mut self, stream: StdStream, bytes: &[u8]) -> std::io::Result<()> {
        match stream {
            StdStream::Stdout => self.stdout.write_all(bytes),
            StdStream::Stderr => self.stderr.write_all(bytes),
        }
    }

    fn read(&mut self, context: &Arc<Context>) {
        let mut buffer = vec![0; 64 * 1024];
        let len = self.stdin.read(&mut buffer).unwrap_or(0);
        buffer.truncate(len);
        // The channel has room: the tool asked for one chunk. If it is gone nobody misses it.
        let _ = self.chunks.try_send((buffer, context.clock.busy()));
    }
}
