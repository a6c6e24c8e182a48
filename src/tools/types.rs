//! What a tool is given and what it answers.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::Files;
use crate::clock::{Busy, Clock};
use crate::target::Target;

/// An exit status as the shell sees it.
pub type Status = u8;

/// One call of a tool.
#[derive(Clone)]
pub struct Invocation {
    /// The name it was called by.
    pub name: String,
    /// Its arguments, without the name.
    pub args: Vec<String>,
    /// The exported variables.
    pub env: BTreeMap<String, String>,
    /// The files it may open, seen from the shell's working directory.
    pub files: Files,
    /// The session's clock.
    pub clock: Clock,
    /// Fires when the step is cancelled or out of time: the tool returns soon, with any status.
    pub cancel: CancellationToken,
}

/// The blocking streams of a [`StreamTool`]. Reading and writing end early with an error once the call is cancelled; a
/// write to a pipe that nobody reads any more is `BrokenPipe`, on which a tool ends as if by SIGPIPE (status 141).
pub struct Streams<'a> {
    /// Standard input.
    pub stdin: &'a mut dyn Read,
    /// Standard output.
    pub stdout: &'a mut dyn Write,
    /// Standard error.
    pub stderr: &'a mut dyn Write,
}

/// A tool that works on streams and files alone.
pub type StreamTool = fn(&Invocation, &mut Streams<'_>) -> Status;

/// A tool that calls the target.
pub type TargetTool = fn(TargetCall) -> Pin<Box<dyn Future<Output = Status> + Send>>;

/// A native command.
#[derive(Clone, Copy)]
pub enum Tool {
    /// Works on streams and files alone.
    Stream(StreamTool),
    /// Calls the target.
    Target(TargetTool),
}

/// One call of a [`TargetTool`], on the session's runtime.
pub struct TargetCall {
    /// Name, arguments, environment, files.
    pub invocation: Invocation,
    /// Where calls go, and as whom.
    pub target: Arc<Target>,
    /// Standard input.
    pub stdin: TargetInput,
    /// Standard output and error.
    pub out: Output,
    /// Variables that it sets.
    pub exports: Exports,
    /// Runs other commands, as an editor is.
    pub commands: Commands,
}

/// Runs commands of the shell that calls a tool, on the tool's own streams, in the shell's working directory and with its exported
/// variables. Cheap to clone.
#[derive(Clone, Default)]
pub struct Commands(Option<(mpsc::Sender<Errand>, Clock)>);

/// A command that a tool wants to have run. The guard keeps session time at real speed until the shell has begun.
pub struct Errand {
    /// Its name and arguments.
    pub words: Vec<String>,
    /// Where its status goes; `None` where the shell has no such command.
    pub answer: oneshot::Sender<(Option<Status>, Busy)>,
    /// Work in progress: nobody has begun it yet.
    pub busy: Busy,
}

impl Commands {
    /// Commands that are run by whoever receives `errands`. The default has nobody who runs any.
    pub fn new(errands: mpsc::Sender<Errand>, clock: Clock) -> Self {
        Self(Some((errands, clock)))
    }

    /// Runs a command to its end and answers its status; `None` where there is no such command.
    pub async fn run(&self, words: Vec<String>) -> Option<Status> {
        let (errands, clock) = self.0.as_ref()?;
        let (answer, answered) = oneshot::channel();
        errands.send(Errand { words, answer, busy: clock.busy() }).await.ok()?;
        let (status, _arrived) = answered.await.ok()?;
        status
    }
}

/// Variables that a tool sets, and exports, in the shell that calls it, once it has ended. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Exports(Arc<Mutex<BTreeMap<String, String>>>);

impl Exports {
    /// Sets variables.
    pub fn set(&self, variables: BTreeMap<String, String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(variables);
    }

    /// What was set.
    pub fn take(&self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Which of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StdStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A piece of output on its way to the shell's thread. The guard keeps session time at real speed until it has arrived.
#[derive(Debug)]
pub struct Piece {
    /// Where it goes.
    pub stream: StdStream,
    /// What it is.
    pub bytes: Vec<u8>,
    /// Work in progress: the piece has not been written yet.
    pub busy: Busy,
}

/// Nobody reads the output any more: the tool ends as if by SIGPIPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody reads the output any more")]
pub struct Closed;

/// Where a [`TargetTool`] prints. Writing waits while the reader is behind.
#[derive(Clone)]
pub struct Output {
    pieces: mpsc::Sender<Piece>,
    clock: Clock,
}

impl Output {
    /// Output that goes to `pieces`.
    pub fn new(pieces: mpsc::Sender<Piece>, clock: Clock) -> Self {
        Self { pieces, clock }
    }

    /// Prints to standard output.
    ///
    /// # Errors
    /// [`Closed`] when nobody reads it any more.
    pub async fn stdout(&self, bytes: impl AsRef<[u8]>) -> Result<(), Closed> {
        self.write(StdStream::Stdout, bytes.as_ref()).await
    }

    /// Prints to standard error.
    ///
    /// # Errors
    /// [`Closed`] when nobody reads it any more.
    pub async fn stderr(&self, bytes: impl AsRef<[u8]>) -> Result<(), Closed> {
        self.write(StdStream::Stderr, bytes.as_ref()).await
    }

    async fn write(&self, stream: StdStream, bytes: &[u8]) -> Result<(), Closed> {
        for chunk in bytes.chunks(64 * 1024) {
            let piece = Piece { stream, bytes: chunk.to_vec(), busy: self.clock.busy() };
            self.pieces.send(piece).await.map_err(|_| Closed)?;
        }
        Ok(())
    }
}

/// Standard input of a [`TargetTool`]: asks the shell's thread to read only when the tool reads.
pub struct TargetInput {
    requests: mpsc::Sender<()>,
    chunks: mpsc::Receiver<(Vec<u8>, Busy)>,
}

impl TargetInput {
    /// Input that is read by whoever receives `requests`, one chunk for each; an empty chunk is the end.
    pub fn new(requests: mpsc::Sender<()>, chunks: mpsc::Receiver<(Vec<u8>, Busy)>) -> Self {
        Self { requests, chunks }
    }

    /// The next bytes; `None` at the end.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        self.requests.send(()).await.ok()?;
        let (bytes, _arrived) = self.chunks.recv().await?;
        if bytes.is_empty() { None } else { Some(bytes) }
    }

    /// Everything up to the end, or `limit` bytes and one more, so that the caller can tell too much.
    pub async fn read_to_end(&mut self, limit: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await {
            all.extend_from_slice(&chunk);
            if all.len() > limit {
                all.truncate(limit + 1);
                break;
            }
        }
        all
    }
}
