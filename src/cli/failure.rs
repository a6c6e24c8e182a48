//! Exit statuses of what lectern could not do: 2 bad usage or page, 3 target, 4 anything else.

use std::error::Error;
use std::fmt;

use miette::{Diagnostic, Report, Severity};

use super::engine;
use crate::fault;
use crate::lesson::LessonError;
use crate::sandbox::SandboxError;
use crate::session::{SessionError, plain};
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

/// A report whose words move no cursor: they may quote what a course says.
#[derive(Debug)]
struct Shown {
    message: String,
    code: Option<String>,
    help: Option<String>,
    severity: Option<Severity>,
    related: Vec<Shown>,
    source: Option<Box<Shown>>,
}

impl Shown {
    fn of(report: &(dyn Diagnostic + '_)) -> Self {
        let words = |text: &dyn fmt::Display| plain(text.to_string().as_bytes());
        Self {
            message: words(&report),
            code: report.code().map(|code| words(&code)),
            help: report.help().map(|help| words(&help)),
            severity: report.severity(),
            related: report.related().into_iter().flatten().map(Self::of).collect(),
            source: report.source().map(|source| Box::new(Self::of_cause(source))),
        }
    }

    fn of_cause(cause: &(dyn Error + 'static)) -> Self {
        Self {
            message: plain(cause.to_string().as_bytes()),
            code: None,
            help: None,
            severity: None,
            related: Vec::new(),
            source: cause.source().map(|source| Box::new(Self::of_cause(source))),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl Error for Shown {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Diagnostic for Shown {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.as_ref().map(|code| Box::new(code) as _)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn severity(&self) -> Option<Severity> {
        self.severity
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let all = || self.related.iter().map(|one| one as &dyn Diagnostic);
        (!self.related.is_empty()).then(|| Box::new(all()) as _)
    }
}

/// Prints the report to standard error and answers the exit status.
pub fn report(report: &Report) -> u8 {
    eprintln!("{:?}", Report::new(Shown::of(report.as_ref())));
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
