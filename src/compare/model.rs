//! The words of a comparison, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One question: does this output match?
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The command without its prompt.
    pub command: &'a str,
    /// What the page shows below it.
    pub expected: &'a str,
    /// What it printed: standard output, and standard error in its place, as a terminal shows them.
    pub actual: &'a str,
    /// Its exit status.
    pub exit_status: i32,
}

/// What the session knows of the learner's world: `AWS_ACCOUNT_ID`, `AWS_REGION`, `EKS_CLUSTER_NAME`, … A value that is
/// known must be the known one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known(pub BTreeMap<String, String>);

/// What the page's values stand for in this session, passed from step to step of a lesson.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bindings {
    /// The kind and the author's value (`region: us-west-2`) to the learner's value.
    pub values: BTreeMap<String, String>,
}

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The output is what the page shows, but for accepted differences.
    Match,
    /// It is not.
    Mismatch,
    /// There was nothing to compare.
    Unchecked,
}

/// A difference that is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// What the page shows.
    pub expected: String,
    /// What was printed.
    pub actual: String,
    /// Which rule let it pass, in words for the learner.
    pub reason: String,
}

/// A difference that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// JSON pointer, row and column, or line.
    #[serde(rename = "where")]
    pub place: String,
    /// What the page shows there; empty when it shows nothing.
    pub expected: String,
    /// What was printed there; empty when nothing was.
    pub actual: String,
    /// Whether time alone could mend it: a status, a count, a row or an object that is not there yet.
    #[serde(skip)]
    pub transient: bool,
    /// What is wrong with it, where there is more to say than that it differs; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The verdict on one output, with its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Match, mismatch, or nothing to compare.
    pub verdict: Outcome,
    /// Differences that were accepted, and why.
    pub accepted: Vec<Accepted>,
    /// Differences that were not, and where.
    pub rejected: Vec<Rejected>,
}

impl Comparison {
    /// The comparison of a command whose output is not compared.
    pub fn unchecked() -> Self {
        Self { verdict: Outcome::Unchecked, accepted: Vec::new(), rejected: Vec::new() }
    }
}
