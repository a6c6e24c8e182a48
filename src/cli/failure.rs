//! Exit statuses of what lectern could not do: 2 bad usage or page, 3 target, 4 anything else.

use miette::Report;

use super::engine;
use crate::fault;
use crate::lesson::LessonError;
use crate::sandbox::SandboxError;
use crate::session::SessionError;
use crate::target::TargetError;

/// Bad usage, or a page that cannot be used.
pub const USAGE: u8 = 2;
/// The target is not usable or not allowed.
pub const TARGET: u8 = 3;
/// lectern could not do its work.
pub const INTERNAL: u8 = 4;

/// Something that the person asked for and that is not so.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{message}")]
pub struct BadUsage {
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[help]
    pub help: Option<String>,
}

/// A target that is not to be had.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{message}")]
pub struct NoTarget {
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[help]
    pub help: Option<String>,
}

/// Why a session's thread ended by a panic.
pub fn broke_off() -> Report {
    match fault::take_of(engine::THREAD).pop() {
        Some(fault) => miette::miette!("{fault}"),
        None => miette::miette!("the session broke off"),
    }
}

/// Prints the report to standard error and answers the exit status.
pub fn report(report: &Report) -> u8 {
    eprintln!("{report:?}");
    status(report)
}

fn status(report: &Report) -> u8 {
    if report.downcast_ref::<BadUsage>().is_some() || report.downcast_ref::<LessonError>().is_some() {
        return USAGE;
    }
    if report.downcast_ref::<NoTarget>().is_some()
        || report.downcast_ref::<TargetError>().is_some()
        || report.downcast_ref::<SandboxError>().is_some()
    {
        return TARGET;
    }
    INTERNAL
}

/// Puts a session's error where its exit status is found.
pub fn session(error: SessionError) -> Report {
    match error {
        SessionError::Lesson(error) => error.into(),
        SessionError::Sandbox(error) => NoTarget { message: error.to_string(), help: None }.into(),
        SessionError::Unsaved(error) => {
            miette::miette!(help = "make room where it is kept, or name another place with XDG_STATE_HOME", "{error}")
        }
        SessionError::Target(error) => NoTarget { message: error.to_string(), help: None }.into(),
        other => miette::miette!("{other}"),
    }
}
