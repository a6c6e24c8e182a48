//! kubectl called as the shell calls it, on a sandbox of the test's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use lectern::clock::{Clock, session_runtime};
use lectern::sandbox::{Sandbox, Scenario};
use lectern::target::Target;
use lectern::tools::{Commands, Exports, Files, Invocation, Output, StdStream, TargetCall, TargetInput, Tool};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What a command printed and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    pub status: u8,
    pub stdout: String,
    pub stderr: String,
}

/// A sandbox's cluster with kubectl before it.
pub struct Cluster {
    clock: Clock,
    pub target: Arc<Target>,
    pub files: Files,
}

impl Cluster {
    pub async fn start(clock: &Clock) -> Self {
        let scenario = Scenario::default_bundled().unwrap();
        let sandbox = Sandbox::start(&scenario, clock).await.unwrap();
        Self::new(clock, Target::sandbox(sandbox, clock.clone()), Files::new(Vec::new(), "/".into()))
    }

    /// kubectl before a target that is there, with files that it may open.
    pub fn new(clock: &Clock, target: Target, files: Files) -> Self {
        Self { clock: clock.clone(), target: Arc::new(target), files }
    }

    /// Runs a command line, its words split at spaces.
    pub async fn run(&self, line: &str) -> Ran {
        self.words(&line.split_whitespace().collect::<Vec<_>>(), "").await
    }

    /// Runs a command with these words and this standard input.
    pub async fn words(&self, words: &[&str], stdin: &str) -> Ran {
        self.with_commands(words, stdin, BTreeMap::new(), Commands::default()).await
    }

    /// The same with these variables, and somebody who runs commands.
    pub async fn with_commands(
        &self,
        words: &[&str],
        stdin: &str,
        env: BTreeMap<String, String>,
        commands: Commands,
    ) -> Ran {
        let Some(Tool::Target(kubectl)) = lectern::tools::find("kubectl") else { panic!("kubectl is a tool") };
        let (pieces, mut printed) = mpsc::channel(64);
        let (requests, mut asked) = mpsc::channel(1);
        let (chunks, read) = mpsc::channel(1);
        let mut input = Some(stdin.as_bytes().to_vec());
        let clock = self.clock.clone();
        let feeder = tokio::spawn(async move {
            while asked.recv().await.is_some() {
                if chunks.send((input.take().unwrap_or_default(), clock.busy())).await.is_err() {
                    break;
                }
            }
        });
        let call = TargetCall {
            invocation: Invocation {
                name: "kubectl".into(),
                args: words.iter().map(|word| (*word).to_owned()).collect(),
                env,
                files: self.files.clone(),
                clock: self.clock.clone(),
                cancel: CancellationToken::new(),
            },
            exports: Exports::default(),
            commands,
            target: Arc::clone(&self.target),
            stdin: TargetInput::new(requests, read),
            out: Output::new(pieces, self.clock.clone()),
        };
        let collected = tokio::spawn(async move {
            let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
            while let Some(piece) = printed.recv().await {
                match piece.stream {
                    StdStream::Stdout => stdout.extend(piece.bytes),
                    StdStream::Stderr => stderr.extend(piece.bytes),
                }
            }
            (stdout, stderr)
        });
        let status = kubectl(call).await;
        feeder.abort();
        let (stdout, stderr) = collected.await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { status, stdout: text(stdout), stderr: text(stderr) }
    }
}

/// Runs a test on a cluster of its own, at high speed.
pub fn with_cluster(test: impl AsyncFnOnce(Cluster)) {
    let clock = Clock::accelerated(1000.0);
    let runtime = session_runtime(&clock).unwrap();
    runtime.block_on(async { test(Cluster::start(&clock).await).await });
}
