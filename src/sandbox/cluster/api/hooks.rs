//! What the server asks others for: running containers, and whether and how objects are admitted.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::future::BoxFuture;
use serde_json::Value;

use super::{Kind, Quantity, Status, User};

/// A log as it is written. It ends when the container has ended, or all that was asked for is out.
pub type LogStream = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// Which part of a log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogOptions {
    /// Go on with what is written later.
    pub follow: bool,
    /// The log of the container that ran before this one.
    pub previous: bool,
    /// Only so many lines from the end.
    pub tail_lines: Option<u64>,
    /// Only what is not older than this (session time).
    pub since: Option<Duration>,
    /// Only what was written at or after this moment.
    pub since_time: Option<jiff::Timestamp>,
    /// Each line begins with its time, RFC 3339 with nanoseconds, and a space.
    pub timestamps: bool,
    /// Not more than so many bytes.
    pub limit_bytes: Option<u64>,
}

/// A command to run in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecRequest {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What was written to its standard input until that was closed, when the caller sends one.
    pub stdin: Option<Vec<u8>>,
    /// Whether the caller asked for a terminal: standard error is then part of standard output.
    pub tty: bool,
}

/// What a command in a container did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecAnswer {
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
    /// Its exit status.
    pub exit_code: i32,
}

/// What comes of attaching to a container.
pub enum Attached {
    /// It read its input, and ended with that.
    Ended(ExecAnswer),
    /// What it has printed and prints, until it ends.
    Prints(LogStream),
}

/// What a container, or a node besides its containers, uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Processors: `12m`.
    pub cpu: Quantity,
    /// Memory: `180Mi`.
    pub memory: Quantity,
}

/// The kubelet's side of logs, exec and measurements. The server has already made sure that the Pod is there, has a node and has a
/// container of that name.
pub trait Containers: Send + Sync {
    /// A container's log.
    ///
    /// # Errors
    /// When there is none, in the kubelet's words: `container "x" in pod "y" is waiting to start: ContainerCreating` (400).
    fn log(&self, pod: &Value, container: &str, options: &LogOptions) -> Result<LogStream, Status>;

    /// Attaches to what a container runs itself; `stdin` is what is written to it until that is closed, when the caller sends any.
    ///
    /// # Errors
    /// When the container does not run (500).
    fn attach(&self, pod: &Value, container: &str, stdin: Option<Vec<u8>>) -> Result<Attached, Status>;

    /// Runs a command in a container.
    ///
    /// # Errors
    /// When the container does not run (`container not found ("x")`, 500).
    fn exec<'a>(
        &'a self,
        pod: &'a Value,
        container: &'a str,
        request: ExecRequest,
    ) -> BoxFuture<'a, Result<ExecAnswer, Status>>;

    /// What a container uses now; none when it does not run, or nobody knows.
    fn container_usage(&self, _pod: &Value, _container: &Value) -> Option<Usage> {
        None
    }

    /// What a node uses besides its containers; none when nobody knows.
    fn node_usage(&self, _node: &str) -> Option<Usage> {
        None
    }
}

/// Sees, and may change or refuse, what is about to be created, as a mutating admission webhook does.
pub trait Admission: Send + Sync {
    /// Called with defaults filled in, before validation. Name and namespace are set; the name may still be a prefix
    /// (`generateName`).
    ///
    /// # Errors
    /// What the caller is told.
    fn admit(&self, kind: &Kind, user: &User, object: &mut Value) -> Result<(), Status>;
}
