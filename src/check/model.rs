//! The words of a check, as data.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::codes::Code;
use crate::lesson::{self, Span};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Note,
    /// Probably not what its author meant.
    Warning,
    /// The page does not do what it says.
    Error,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl From<lesson::Severity> for Severity {
    fn from(severity: lesson::Severity) -> Self {
        match severity {
            lesson::Severity::Warning => Self::Warning,
            lesson::Severity::Error => Self::Error,
        }
    }
}

/// A replacement of bytes `start..end` of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
    /// What comes in their place.
    pub text: String,
}

/// Something that is wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which kind of thing.
    pub code: Code,
    /// How much it matters; mostly that of its code.
    pub severity: Severity,
    /// The page, as found from what the person named.
    pub path: PathBuf,
    /// Where.
    pub span: Span,
    /// The place behind its last character.
    pub end: Span,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// The edits that mend it, if that is mechanical; else none.
    pub fix: Vec<Edit>,
}

/// All findings of a check.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// By page, then by place.
    pub findings: Vec<Finding>,
    /// How many pages were looked at.
    pub pages: usize,
    /// The text of each page that could be read.
    pub sources: BTreeMap<PathBuf, Arc<str>>,
}

impl Report {
    /// How many findings have that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}
