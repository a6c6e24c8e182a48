//! `eval`: as brush has it, but what it runs is rewritten as the script around it is.

use brush_core::builtins::Registration;
use brush_core::{CommandArg, ExecutionResult};

use crate::shell::builtins::{Call, words};
use crate::shell::errors::Extensions;
use crate::shell::rewrite;

/// Runs the arguments as a script. What cannot be parsed is left to brush's `eval`, which says so.
pub(in crate::shell) async fn run(
    eval: &Registration<Extensions>,
    call: Call<'_>,
    args: Vec<CommandArg>,
) -> Result<ExecutionResult, brush_core::Error> {
    let words = words(&args);
    let text = words.strip_prefix(&["--".to_owned()]).unwrap_or(&words).join(" ");
    if !rewrite::has_jobs(&text) {
        return (eval.execute_func)(call, args).await;
    }
    let Ok(mut program) = call.shell.parse_string(text) else { return (eval.execute_func)(call, args).await };
    rewrite::pipelines(&mut program, &|name| call.shell.builtins().contains_key(name));
    call.shell.run_program(program, &call.params).await
}
