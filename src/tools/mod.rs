//! Native commands: what a lesson's shell finds instead of programs. Each is a function of its arguments, environment,
//! streams and files; those that need the outside get a [`Target`](crate::target::Target) too.
//!
//! Two kinds. A [`StreamTool`] (`jq`, `grep`, `cat`, …) runs on the shell's own threads with blocking streams. A
//! [`TargetTool`] (`aws`, `kubectl`) is asynchronous and runs on the session's runtime; its streams are channels.
//! Tools open files only through [`Files`], and wait only on the session's clock.

mod aws;
mod complete;
mod files;
mod folders;
mod kubectl;
pub mod kustomize;
pub mod plan;
mod prepare;
pub mod program;
mod registry;
mod sleep;
mod text;
mod types;
mod wait;
pub mod yaml;

pub use complete::{Candidates, complete};
pub use files::{Files, Root};
pub use kubectl::verb_words as kubectl_verbs;
pub use registry::{find, lacks, names};
pub use sleep::interval;
pub use types::{
    Closed, Commands, Errand, Exports, Invocation, Output, Piece, Status, StdStream, StreamTool, Streams, TargetCall,
    TargetInput, TargetTool, Tool,
};
pub use wait::{Waiter, with_waiter};
