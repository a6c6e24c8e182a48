//! `exec`: redirects that last, or a last command.

use brush_core::CommandArg;

use super::run_program;
use crate::shell::builtins::{Answer, Call, leave, place_of, stopped, words};
use crate::shell::context::{GUARD_FD, SCOPE_FD, TRACE_FD};

/// The builtin. A program is never started: a tool or builtin runs, and the shell ends with its status.
pub(in crate::shell) fn run(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        if place_of(&call).is_none() {
            return Ok(stopped());
        }
        let mut words = words(&args);
        while let Some(first) = words.first() {
            match first.as_str() {
                "-a" => drop(words.drain(..words.len().min(2))),
                "-c" | "-l" | "-cl" | "--" => drop(words.remove(0)),
                _ => break,
            }
        }
        if words.is_empty() {
            // The shell's own descriptors stay, whatever the redirects say.
            let own: Vec<_> = [GUARD_FD, SCOPE_FD, TRACE_FD]
                .into_iter()
                .filter_map(|fd| Some((fd, call.shell.open_files().try_fd(fd)?.clone())))
                .collect();
            let fds: Vec<_> = call.iter_fds().filter(|(fd, _)| own.iter().all(|(known, _)| known != fd)).collect();
            call.shell.replace_open_files(fds.into_iter().chain(own));
            return Ok(brush_core::ExecutionResult::success());
        }
        let params = call.params.clone();
        let result = run_program(call.shell, params, &words).await?;
        Ok(leave(u8::from(result.exit_code)))
    })
}
