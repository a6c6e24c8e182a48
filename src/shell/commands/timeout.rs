//! `timeout`: runs a command in a scope of its own, which ends when session time is up.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use brush_core::openfiles::OpenFile;
use brush_core::{CommandArg, ExecutionResult};
use futures::FutureExt;

use super::{fail, run_program};
use crate::shell::builtins::{Answer, Call, is_program, place_of, stopped, words};
use crate::shell::context::SCOPE_FD;
use crate::shell::streams::{ScopeMark, Stopped};
use crate::tools::interval;

const MORE: &str = "Try 'timeout --help' for more information.";

/// The command: `timeout [-k DURATION] [-s SIGNAL] [--preserve-status] DURATION COMMAND [ARG]…`, as GNU coreutils have it.
/// Tools end as soon as they are told, so `-k` has nothing left to do.
pub(in crate::shell) fn run(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let Some((context, scope)) = place_of(&call) else { return Ok(stopped()) };
        let Options { signal, preserve, limit, command } = match Options::parse(&words(&args)) {
            Ok(options) => options,
            Err(message) => return Ok(fail(&call, 125, &format!("timeout: {message}\n{MORE}"))),
        };
        let Some(name) = command.first() else {
            return Ok(fail(&call, 125, &format!("timeout: missing operand\n{MORE}")));
        };
        if !is_program(&context, name) {
            scope.run.note_unknown(name);
            let message = format!("timeout: failed to run command ‘{name}’: No such file or directory");
            return Ok(fail(&call, 127, &message));
        }
        let inner = scope.inner(&context)?;
        let expired = Arc::new(AtomicBool::new(false));
        if !limit.is_zero() {
            let (clock, token, expired) = (context.clock.clone(), inner.token.clone(), Arc::clone(&expired));
            let starting = clock.busy();
            context.runtime.spawn(async move {
                let end = clock.sleep(limit);
                drop(starting);
                tokio::select! {
                    biased;
                    () = token.cancelled() => {}
                    _ = end => {
                        expired.store(true, Ordering::SeqCst);
                        token.cancel();
                    }
                }
            });
        }
        let mut params = call.params.clone();
        params.set_fd(SCOPE_FD, OpenFile::Stream(Box::new(ScopeMark(Arc::clone(&inner)))));
        // A program is a process: what it does to the shell's variables is lost.
        let mut shell = call.shell.clone();
        let running = AssertUnwindSafe(run_program(&mut shell, params, &command)).catch_unwind();
        let result = match running.await {
            Ok(result) => result,
            Err(payload) if payload.is::<Stopped>() => Ok(stopped()),
            Err(payload) => std::panic::resume_unwind(payload),
        };
        if scope.token.is_cancelled() {
            return Ok(stopped());
        }
        if expired.load(Ordering::SeqCst) {
            return Ok(ExecutionResult::new(match (signal, preserve) {
                (9, _) => 137,
                (signal, true) => 128 + signal,
                _ => 124,
            }));
        }
        Ok(result?.exit_code.into())
    })
}

struct Options {
    signal: u8,
    preserve: bool,
    limit: Duration,
    command: Vec<String>,
}

impl Options {
    fn parse(args: &[String]) -> Result<Self, String> {
        let (mut signal, mut preserve) = (15, false);
        let mut args = args.iter();
        let limit = loop {
            let Some(arg) = args.next() else { return Err("missing operand".into()) };
            let (option, mut value) = match arg.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
                _ => (arg.as_str(), None),
            };
            let option = match option {
                "-f" | "-v" | "--foreground" | "--verbose" => continue,
                "-p" | "--preserve-status" => {
                    preserve = true;
                    continue;
                }
                "-k" | "--kill-after" => 'k',
                "-s" | "--signal" => 's',
                "--" => match args.next() {
                    Some(limit) => break limit,
                    None => return Err("missing operand".into()),
                },
                _ if option.starts_with("-k") || option.starts_with("-s") => {
                    value = Some(option[2..].to_owned());
                    option.chars().nth(1).unwrap_or('k')
                }
                _ if option.starts_with("--") => return Err(format!("unrecognized option '{arg}'")),
                _ if option.starts_with('-') && option.len() > 1 => {
                    return Err(format!("invalid option -- '{}'", option.chars().nth(1).unwrap_or('-')));
                }
                _ => break arg,
            };
            let value = match value.or_else(|| args.next().cloned()) {
                Some(value) => value,
                None => return Err(format!("option requires an argument -- '{option}'")),
            };
            if option == 'k' {
                interval(&value).ok_or_else(|| format!("invalid time interval ‘{value}’"))?;
            } else {
                signal = signal_number(&value).ok_or_else(|| format!("‘{value}’: invalid signal"))?;
            }
        };
        let limit = interval(limit).ok_or_else(|| format!("invalid time interval ‘{limit}’"))?;
        Ok(Self { signal, preserve, limit, command: args.cloned().collect() })
    }
}

/// The number of a signal, given as a number or by its name with or without SIG.
fn signal_number(text: &str) -> Option<u8> {
    if let Ok(number) = text.parse() {
        return (1..65).contains(&number).then_some(number);
    }
    let name = text.to_ascii_uppercase();
    Some(match name.strip_prefix("SIG").unwrap_or(&name) {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "KILL" => 9,
        "USR1" => 10,
        "USR2" => 12,
        "PIPE" => 13,
        "ALRM" => 14,
        "TERM" => 15,
        _ => return None,
    })
}
