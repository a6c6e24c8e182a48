//! What can be wrong with a sandbox.

use std::path::PathBuf;

/// Why a sandbox could not be filled, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// There is no scenario of that name.
    #[error("there is no scenario named {name}; there are: {known}")]
    NoScenario {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A scenario's file is wrong.
    #[error("{}:{line}:{column}: {message}", file.display())]
    Scenario {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The scenario was read but cannot be brought about.
    #[error("the scenario cannot be set up: {0}")]
    Setup(String),
    /// A snapshot is not one.
    #[error("the saved state of the sandbox cannot be used: {0}")]
    Snapshot(String),
}
