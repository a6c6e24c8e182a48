//! lectern runs Markdown lessons in the terminal.
//!
//! The rooms, and which way the arrows go:
//!
//! `cli` → `front`, `report` → `session` → `lesson`, `compare`, `shell` → `tools` → `target` → `sandbox`; `clock`, `fault` and `files`
//! below all.
//! `check` stands beside `session`: `cli` → `check` → `lesson`, `compare`; an author's screen in `front` shows its findings.
//! `plan` too: `cli` → `plan` → `check`, `tools`.
//! `lesson`, `compare` and `session::machine` are pure: no runtime, no terminal, no SDK.
#![forbid(unsafe_code)]

pub mod check;
pub mod cli;
pub mod clock;
pub mod compare;
pub mod fault;
pub mod files;
pub mod front;
pub mod lesson;
pub mod plan;
pub mod report;
pub mod sandbox;
pub mod session;
pub mod shell;
pub mod target;
pub mod tools;
