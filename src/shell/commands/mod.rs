//! Commands that run other commands, and builtins that brush has in a way that does not fit here.

pub(super) mod bash;
pub(super) mod env;
pub(super) mod eval;
pub(super) mod exec;
pub(super) mod jobs;
pub(super) mod printf;
pub(super) mod read;
pub(super) mod set;
mod signals;
pub(super) mod timeout;
pub(super) mod xargs;

use std::io::Write;

use brush_core::commands::{ShellForCommand, SimpleCommand};
use brush_core::results::ExecutionWaitResult;
use brush_core::{CommandArg, ExecutionParameters, ExecutionResult, Shell};

use super::builtins::Call;
use super::errors::Extensions;

/// Runs a command that is a tool or a builtin; functions are not considered.
pub(super) async fn run_program(
    shell: &mut Shell<Extensions>,
    params: ExecutionParameters,
    words: &[String],
) -> Result<ExecutionResult, brush_core::Error> {
    let Some(name) = words.first() else { return Ok(ExecutionResult::success()) };
    let args = words.iter().map(CommandArg::from).collect();
    let mut command = SimpleCommand::new(ShellForCommand::ParentShell(shell), params, name.clone(), args);
    command.use_functions = false;
    match command.execute().await?.wait().await? {
        ExecutionWaitResult::Completed(result) => Ok(result),
        ExecutionWaitResult::Stopped(_) => Ok(ExecutionResult::stopped()),
    }
}

/// Prints a message of a command, and answers its status.
fn fail(call: &Call<'_>, status: u8, message: &str) -> ExecutionResult {
    let _ = writeln!(call.stderr(), "{message}");
    ExecutionResult::new(status)
}
