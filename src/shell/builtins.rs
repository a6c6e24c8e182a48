//! The commands of a lesson's shell: bash's own builtins, each looking at the scope's token first, and the native tools.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use brush_builtins::BuiltinSet;
use brush_core::builtins::{BoxFuture, Registration};
use brush_core::openfiles::OpenFile;
use brush_core::{CommandArg, ExecutionContext, ExecutionControlFlow, ExecutionResult};

use super::context::{Context, SCOPE_FD, Scope, set_last_dir, stack_is_low};
use super::errors::Extensions;
use super::streams::{Channel, scope_of};
use super::{commands, jobs, rewrite, tool_call};
use crate::fault::{Room, may_panic};

/// What a builtin answers.
pub(super) type Answer<'a> = BoxFuture<'a, Result<ExecutionResult, brush_core::Error>>;

/// What brush hands to a builtin.
pub(super) type Call<'a> = ExecutionContext<'a, Extensions>;

/// bash's own builtins as brush has them.
static STOCK: LazyLock<HashMap<String, Registration<Extensions>>> =
    LazyLock::new(|| brush_builtins::default_builtins(BuiltinSet::BashMode));

/// Builtins that only run other commands, or wait for them: those are counted instead.
const RUNS_OTHERS: &[&str] = &["eval", "source", ".", "command", "builtin", "trap"];

/// Builtins that read standard input.
const READS: &[&str] = &["read", "mapfile", "readarray"];

/// Commands that run other commands, and those that stand in for a builtin of brush.
const OWN: &[(&str, brush_core::builtins::CommandExecuteFunc<Extensions>)] = &[
    ("bash", commands::bash::run),
    ("sh", commands::bash::run),
    ("env", commands::env::run),
    ("exec", commands::exec::run),
    ("bg", commands::jobs::no_control),
    ("disown", commands::jobs::disown),
    ("fg", commands::jobs::no_control),
    ("jobs", commands::jobs::jobs),
    ("kill", commands::jobs::kill),
    ("wait", commands::jobs::wait),
    ("set", commands::set::run),
    ("timeout", commands::timeout::run),
    ("xargs", commands::xargs::run),
    (rewrite::STAGE, rewrite::run),
    (jobs::START, jobs::start),
    (jobs::RUN, jobs::run),
];

/// Builtins that are programs too, so that `timeout`, `env` and `xargs` can run them.
const PROGRAMS: &[&str] =
    &["echo", "printf", "true", "false", "test", "[", "pwd", "bash", "sh", "env", "timeout", "xargs"];

/// The names of the commands that every lesson's shell has besides its tools.
pub fn command_names() -> impl Iterator<Item = String> {
    STOCK.keys().cloned().chain(OWN.iter().map(|(name, _)| (*name).to_owned()))
}

/// All commands of a shell with these tools.
pub(super) fn all(context: &Context) -> HashMap<String, Registration<Extensions>> {
    let mut all: HashMap<_, _> = STOCK
        .iter()
        .map(|(name, stock)| (name.clone(), Registration { execute_func: guarded, ..stock.clone() }))
        .collect();
    for name in (context.tools.names)() {
        all.insert(name.to_owned(), command(tool_call::run));
    }
    for name in context.target.programs().names() {
        all.insert(name.to_owned(), command(tool_call::run));
    }
    for (name, run) in OWN {
        let special = STOCK.get(*name).is_some_and(|stock| stock.special_builtin);
        all.insert((*name).to_owned(), Registration { special_builtin: special, ..command(*run) });
    }
    all
}

/// Whether a command that runs programs would find one of that name.
pub(super) fn is_program(context: &Context, name: &str) -> bool {
    PROGRAMS.contains(&name) || (context.tools.find)(name).is_some() || context.target.programs().path(name).is_some()
}

fn command(run: brush_core::builtins::CommandExecuteFunc<Extensions>) -> Registration<Extensions> {
    Registration {
        execute_func: run,
        content_func: |name, _, _| Ok(format!("{name}\n")),
        disabled: false,
        special_builtin: false,
        declaration_builtin: false,
    }
}

/// The shell and the scope that a call belongs to; nothing when the scope has ended.
pub(super) fn place_of(call: &Call<'_>) -> Option<(Arc<Context>, Arc<Scope>)> {
    let context = Context::current()?;
    let scope = scope_of(&context, call.try_fd(SCOPE_FD))?;
    (!scope.token.is_cancelled()).then_some((context, scope))
}

/// The answer of every command once the token has fired: the shell is left.
pub(super) fn stopped() -> ExecutionResult {
    leave(130)
}

/// Leaves the shell, or the subshell, with this status.
pub(super) fn leave(status: u8) -> ExecutionResult {
    ExecutionResult { next_control_flow: ExecutionControlFlow::ExitShell, exit_code: status.into() }
}

/// What a program's exit status is to the shell: one that died of SIGPIPE takes its subshell along, as its shell would
/// have died of the next write.
pub(super) fn program_result(call: &Call<'_>, status: u8) -> ExecutionResult {
    if status == 141 && call.shell.is_subshell() { leave(status) } else { ExecutionResult::new(status) }
}

/// The exported variables that have a value.
pub(super) fn exported(shell: &brush_core::Shell<Extensions>) -> BTreeMap<String, String> {
    shell
        .env()
        .iter_exported()
        .filter(|(_, variable)| variable.value().is_set())
        .map(|(name, variable)| (name.clone(), variable.value().to_cow_str(shell).into_owned()))
        .collect()
}

/// The arguments without the command's name, as strings.
pub(super) fn words(args: &[CommandArg]) -> Vec<String> {
    args.iter().skip(1).map(ToString::to_string).collect()
}

/// Runs a builtin of brush, unless the token has fired.
pub(super) fn guarded(mut call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let Some((context, scope)) = place_of(&call) else { return Ok(stopped()) };
        set_last_dir(call.shell.working_dir());
        let name = match args.first() {
            Some(CommandArg::String(name)) if STOCK.contains_key(name) => name.clone(),
            _ => call.command_name.clone(),
        };
        let Some(builtin) = STOCK.get(&name) else {
            return Err(brush_core::ErrorKind::BuiltinNotFound(name).into());
        };
        if RUNS_OTHERS.contains(&name.as_str()) {
            if stack_is_low() {
                return Err(brush_core::ErrorKind::MaxFunctionCallDepthExceeded.into());
            }
            if name == "eval" {
                return commands::eval::run(builtin, call, args).await;
            }
            return (builtin.execute_func)(call, args).await;
        }
        let _active = context.activity.active();
        may_panic(Room::Builtin);
        wrap_output(&mut call, 1, &context, &scope);
        if READS.contains(&name.as_str()) {
            for fd in call.iter_fds().map(|(fd, _)| fd).filter(|fd| *fd >= 0).collect::<Vec<_>>() {
                if let Some(file @ (OpenFile::PipeReader(_) | OpenFile::File(_))) = call.try_fd(fd) {
                    call.params.set_fd(fd, Channel::new(Some(file), &context, &scope).into_open_file());
                }
            }
        }
        let in_subshell = call.shell.is_subshell();
        let result = match name.as_str() {
            "read" => commands::read::run(builtin, call, args).await,
            "printf" => (builtin.execute_func)(call, commands::printf::with_times(&context, args)).await,
            _ => (builtin.execute_func)(call, args).await,
        };
        if scope.token.is_cancelled() {
            return Ok(stopped());
        }
        match result {
            Err(error) if error.as_io_error().is_some_and(is_broken_pipe) => {
                Ok(if in_subshell { leave(141) } else { ExecutionResult::new(141) })
            }
            other => other,
        }
    })
}

fn is_broken_pipe(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}

/// Lets a builtin of brush write to a pipe or file in a way that can be cancelled and counted.
fn wrap_output(call: &mut Call<'_>, fd: brush_core::ShellFd, context: &Arc<Context>, scope: &Arc<Scope>) {
    if let Some(file @ (OpenFile::PipeWriter(_) | OpenFile::File(_))) = call.try_fd(fd) {
        call.params.set_fd(fd, Channel::new(Some(file), context, scope).into_open_file());
    }
}
