//! A shell with a handful of tools, and what came of a script in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lectern::clock::{Clock, session_runtime};
use lectern::sandbox::{Sandbox, Scenario};
use lectern::shell::{Chunk, HookCall, HookPhase, Limits, Run, RunOutcome, Shell, ShellConfig, ShellError, ToolSet};
use lectern::target::Target;
use lectern::tools::{Invocation, StdStream, Streams, TargetCall, Tool};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Copies its operands, or standard input, to standard output.
fn cat(call: &Invocation, streams: &mut Streams<'_>) -> u8 {
    let mut status = 0;
    let operands = if call.args.is_empty() { vec!["-".to_owned()] } else { call.args.clone() };
    for operand in operands {
        let copied = if operand == "-" {
            std::io::copy(streams.stdin, streams.stdout).map(|_| ())
        } else {
            match call.files.read(&operand) {
                Ok(bytes) => streams.stdout.write_all(&bytes),
                Err(error) => {
                    let text = error.to_string();
                    let text = text.split(" (os error").next().unwrap_or_default();
                    let _ = writeln!(streams.stderr, "cat: {operand}: {text}");
                    status = 1;
                    Ok(())
                }
            }
        };
        if copied.is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
            return 141;
        }
    }
    status
}

/// Prints a line for ever.
fn yes(call: &Invocation, streams: &mut Streams<'_>) -> u8 {
    while !call.cancel.is_cancelled() {
        if streams.stdout.write_all(b"y\n").is_err() {
            return 141;
        }
    }
    130
}

/// The first N lines.
fn head(call: &Invocation, streams: &mut Streams<'_>) -> u8 {
    let mut left: usize = call.args.iter().find_map(|arg| arg.trim_start_matches('-').parse().ok()).unwrap_or(10);
    let mut byte = [0];
    while left > 0 && streams.stdin.read(&mut byte).is_ok_and(|len| len == 1) {
        let _ = streams.stdout.write_all(&byte);
        left -= usize::from(byte[0] == b'\n');
    }
    0
}

/// A tool on the session's runtime: `upper` prints its input in capitals, `upper -w S` waits first, `upper -e` writes to both
/// streams in turn.
fn upper(mut call: TargetCall) -> std::pin::Pin<Box<dyn Future<Output = u8> + Send>> {
    Box::pin(async move {
        let args = call.invocation.args.clone();
        match args.first().map(String::as_str) {
            Some("-w") => {
                let seconds: u64 = args[1].parse().unwrap();
                call.invocation.clock.sleep(Duration::from_secs(seconds)).await;
            }
            Some("-e") => {
                for number in 0..3 {
                    let _ = call.out.stdout(format!("out {number}\n")).await;
                    let _ = call.out.stderr(format!("err {number}\n")).await;
                }
                return 3;
            }
            _ => {}
        }
        while let Some(chunk) = call.stdin.chunk().await {
            if call.out.stdout(chunk.to_ascii_uppercase()).await.is_err() {
                return 141;
            }
        }
        0
    })
}

/// A tool on the session's runtime that has the shell run its arguments, and tells with what status that ended.
fn ask(call: TargetCall) -> std::pin::Pin<Box<dyn Future<Output = u8> + Send>> {
    Box::pin(async move {
        let _ = call.out.stdout("asks\n").await;
        let ended = call.commands.run(call.invocation.args.clone()).await;
        let _ = call.out.stdout(format!("{ended:?}\n")).await;
        0
    })
}

fn tool(name: &str) -> Option<Tool> {
    match name {
        "cat" => Some(Tool::Stream(cat)),
        "head" => Some(Tool::Stream(head)),
        "yes" => Some(Tool::Stream(yes)),
        "upper" => Some(Tool::Target(upper)),
        "ask" => Some(Tool::Target(ask)),
        "sleep" => lectern::tools::find(name),
        _ => None,
    }
}

const TOOLS: ToolSet = ToolSet { find: tool, names: || vec!["ask", "cat", "head", "yes", "upper", "sleep"] };

pub struct World {
    pub shell: Shell,
    pub clock: Clock,
    _work: tempfile::TempDir,
    pub work: std::path::PathBuf,
}

#[derive(Debug)]
pub struct Ran {
    pub out: String,
    pub err: String,
    pub outcome: RunOutcome,
}

impl World {
    pub async fn new(clock: Clock) -> Self {
        Self::with(clock, |_, _| {}).await
    }

    pub async fn with(clock: Clock, change: impl FnOnce(&Path, &mut ShellConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().canonicalize().unwrap().join("work");
        std::fs::create_dir(&work).unwrap();
        let sandbox = Sandbox::start(&Scenario::default(), &clock).await.unwrap();
        let mut config = ShellConfig {
            home: None,
            work: work.clone(),
            mapped: Vec::new(),
            readable: Vec::new(),
            env: BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
            limits: Limits::default(),
            clock: clock.clone(),
            target: Arc::new(Target::sandbox(sandbox, clock.clone())),
        };
        change(folder.path(), &mut config);
        let shell = Shell::start_with(config, TOOLS).await.unwrap();
        Self { shell, clock, _work: folder, work }
    }

    pub async fn run(&self, script: &str) -> Ran {
        self.limited(script, Some(Duration::from_secs(60)), CancellationToken::new(), false).await
    }

    pub async fn limited(
        &self,
        script: &str,
        limit: Option<Duration>,
        cancel: CancellationToken,
        errexit: bool,
    ) -> Ran {
        let (output, chunks) = mpsc::channel(16);
        let run = Run { script: script.into(), errexit, limit, output, inherit_stdin: false, cancel };
        collect(self.shell.run(run), chunks).await
    }

    pub async fn hook(&self, script: &Path, phase: HookPhase, test_output: Option<&str>) -> Ran {
        let (output, chunks) = mpsc::channel(16);
        let hook = HookCall {
            script: script.to_owned(),
            phase,
            test_output: test_output.map(str::to_owned),
            limit: Duration::from_secs(60),
            output,
            cancel: CancellationToken::new(),
        };
        collect(self.shell.hook(hook), chunks).await
    }
}

async fn collect(run: impl Future<Output = Result<RunOutcome, ShellError>>, mut chunks: mpsc::Receiver<Chunk>) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = async {
        while let Some(chunk) = chunks.recv().await {
            match chunk.stream {
                StdStream::Stdout => out.extend(chunk.bytes),
                StdStream::Stderr => err.extend(chunk.bytes),
            }
        }
    };
    let (outcome, ()) = tokio::join!(run, all);
    Ran {
        out: String::from_utf8_lossy(&out).into_owned(),
        err: String::from_utf8_lossy(&err).into_owned(),
        outcome: outcome.unwrap(),
    }
}

pub fn session<T>(clock: Clock, test: impl AsyncFnOnce(World) -> T) -> T {
    let runtime = session_runtime(&clock).unwrap();
    runtime.block_on(async { test(World::new(clock).await).await })
}
