//! Bash, inside the program: brush on a thread of its own, confined, with the native tools as its only commands.
//!
//! [`Shell`] is the session's handle. Its thread (`thread`) runs brush (`interpreter`), whose commands are `builtins`,
//! `tool_call` and `commands`; they read and write by `streams`, and tell the session's clock whether they work or wait
//! (`activity`). Background jobs are its own (`jobs`). Its thread never starts a program: see `streams::NoPrograms`, and `confine` for the second wall. What the
//! person allowed by name is started by the session (`tools::program`).

mod activity;
mod builtins;
mod commands;
mod confine;
mod context;
mod errors;
mod handle;
mod interpreter;
mod jobs;
mod last_job;
mod model;
mod rewrite;
mod state;
mod streams;
mod thread;
mod tool_call;
mod work;

pub use builtins::command_names;
pub use context::ToolSet;
pub use handle::{Shell, files};
pub use model::{
    Chunk, Confinement, Ended, HookCall, HookPhase, Limits, Mapped, Run, RunOutcome, ShellConfig, ShellError,
    ShellState, Surroundings,
};
