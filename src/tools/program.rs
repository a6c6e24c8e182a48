//! Runs a program that the person allowed: on the session's runtime, in the lesson's folder, with the step's limits.

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::types::Closed;
use super::{Output, Status, StdStream, TargetCall};
use crate::target::CallRecord;

/// How long the output of a program is waited for after its end, where something that it left behind holds it open.
const GRACE: Duration = Duration::from_millis(500);

/// What is started, and where.
pub struct Start {
    /// The program.
    pub path: PathBuf,
    /// Its working directory: the shell's.
    pub folder: PathBuf,
    /// The lesson's home.
    pub home: PathBuf,
    /// Its standard input; without one it reads an end.
    pub stdin: Option<OwnedFd>,
}

/// Starts the program and passes on what it prints; answers its exit status as bash would.
///
/// It is killed with all that it started when the step is cancelled or out of time, and when it ends: nothing stays.
pub async fn run(call: TargetCall, start: Start) -> Status {
    let TargetCall { invocation, target, stdin: _, out, exports: _, commands: _ } = call;
    // What goes on outside is work: session time runs at real speed meanwhile.
    let _busy = invocation.clock.busy();
    let begun = invocation.clock.elapsed();
    let name = &invocation.name;
    let environment = match target.calls().permit(&format!("the program {name}"), true) {
        Ok(()) => target.program_environment(&invocation.env, &start.home).await,
        Err(error) => Err(error),
    };
    let environment = match environment {
        Ok(environment) => environment,
        Err(error) => {
            let _ = out.stderr(format!("lectern: {name}: {error}\n")).await;
            return 126;
        }
    };
    let mut command = Command::new(&start.path);
    command
        .args(&invocation.args)
        .env_clear()
        .envs(environment)
        .current_dir(&start.folder)
        .stdin(start.stdin.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let _ = out.stderr(format!("bash: {name}: {error}\n")).await;
            return 126;
        }
    };
    let ended = watch(child, &out, &invocation.clock).await;
    let ms = u64::try_from((invocation.clock.elapsed() - begun).as_millis()).unwrap_or(u64::MAX);
    // Nobody sees what it called: it may have changed anything.
    target.calls().record(CallRecord {
        service: "program".into(),
        operation: name.clone(),
        path: String::new(),
        status: 0,
        ms,
        mutating: true,
    });
    match ended {
        Ok(status) => status_of(status),
        Err(Ending::NoReader) => 141,
        Err(Ending::Lost(error)) => {
            let _ = out.stderr(format!("bash: {name}: {error}\n")).await;
            126
        }
    }
}

/// Why the end of a program is not known.
enum Ending {
    NoReader,
    Lost(std::io::Error),
}

/// Ends all that a program started, when it is dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // When nobody of it is left there is nothing to end.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn watch(mut child: Child, out: &Output, clock: &crate::clock::Clock) -> Result<ExitStatus, Ending> {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let _group = Group(pid);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let printing =
        async { tokio::try_join!(pass(stdout, StdStream::Stdout, out), pass(stderr, StdStream::Stderr, out)) };
    tokio::pin!(printing);
    let mut printed = None;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(Ending::Lost)?,
            end = &mut printing, if printed.is_none() => {
                end.map_err(|Closed| Ending::NoReader)?;
                printed = Some(());
            }
        }
    };
    if printed.is_none()
        && let Ok(Err(Closed)) = clock.timeout(GRACE, printing).await
    {
        return Err(Ending::NoReader);
    }
    Ok(status)
}

async fn pass(from: Option<impl AsyncRead + Unpin>, to: StdStream, out: &Output) -> Result<(), Closed> {
    let Some(mut from) = from else { return Ok(()) };
    let mut buffer = vec![0; 32 * 1024];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(length) => match to {
                StdStream::Stdout => out.stdout(&buffer[..length]).await?,
                StdStream::Stderr => out.stderr(&buffer[..length]).await?,
            },
        }
    }
}

/// A status as bash's `$?`: 128 and the signal for one that a signal ended.
fn status_of(status: ExitStatus) -> Status {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(126);
    u8::try_from(code & 0xff).unwrap_or(126)
}
