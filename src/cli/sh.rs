//! `lectern sh`: one command line in the lessons' shell, in the current folder. Its home is the person's own on their own account
//! and cluster; in the sandbox it is a folder of its own, so that what commands write by themselves (a kubeconfig) is nobody's.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::failure;
use super::signals::Signals;
use super::target::{TargetName, TargetOptions};
use crate::clock::{self, Clock};
use crate::sandbox::Sandbox;
use crate::session::{SessionError, scenario};
use crate::shell::{Chunk, Ended, Limits, Mapped, Run, Shell, ShellConfig};
use crate::target::{Programs, Target};
use crate::tools::StdStream;

/// Run one command line in the lessons' shell.
#[derive(Debug, Args)]
pub struct Sh {
    /// The command line
    #[arg(short = 'c', value_name = "COMMAND", allow_hyphen_values = true)]
    command: String,
    #[command(flatten)]
    target: TargetOptions,
}

/// Runs it; answers the command's exit status.
///
/// # Errors
/// When the target or lectern itself is not as it should be.
pub fn run(sh: &Sh) -> miette::Result<u8> {
    let clock = match sh.target.target {
        TargetName::Sandbox => Clock::accelerated(sh.target.speed),
        TargetName::Live => Clock::real(),
    };
    let runtime = clock::session_runtime(&clock).map_err(|error| miette::miette!("no runtime: {error}"))?;
    let programs = sh.target.programs()?;
    runtime.block_on(async {
        let signals = Signals::listen()?;
        in_shell(sh, clock, programs, signals).await.map_err(failure::session)
    })
}

async fn in_shell(sh: &Sh, clock: Clock, programs: Programs, mut signals: Signals) -> Result<u8, SessionError> {
    let here = || PathBuf::from(".");
    // Dropped after the shell: it is gone when nothing can write to it any more.
    let own_home;
    let work = here().canonicalize().map_err(|source| SessionError::Folder { path: here(), source })?;
    let (target, env, home) = match sh.target.target {
        TargetName::Sandbox => {
            let scenario = scenario(sh.target.scenario.as_deref())?;
            let sandbox = Sandbox::start(&scenario, &clock).await?;
            let target = Target::sandbox(sandbox, clock.clone());
            let env = target.environment();
            let folder = |source| SessionError::Folder { path: std::env::temp_dir(), source };
            own_home = tempfile::Builder::new().prefix("lectern-home-").tempdir().map_err(folder)?;
            let home = own_home.path().canonicalize().map_err(folder)?;
            (target, env, Some(home))
        }
        TargetName::Live => {
            let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute() && home.is_dir());
            (Target::live(clock.clone(), programs.clone()).await?, std::env::vars().collect(), home)
        }
    };
    let mapped = sh.target.maps.iter().map(|(at, folder)| Mapped::named(at, folder)).collect();
    let shell = Shell::start(ShellConfig {
        work,
        home,
        mapped,
        readable: Vec::new(),
        env,
        // The person's own line may print and write as much as it likes.
        limits: Limits { output: u64::MAX, variables: u64::MAX, files: u64::MAX },
        clock: clock.clone(),
        target: Arc::new(target.trusting_commands().allowing(programs)),
    })
    .await?;
    let (output, mut chunks) = mpsc::channel::<Chunk>(64);
    let cancel = CancellationToken::new();
    let run = Run {
        script: sh.command.clone(),
        errexit: false,
        limit: None,
        output,
        inherit_stdin: true,
        cancel: cancel.clone(),
    };
    let print = async {
        while let Some(chunk) = chunks.recv().await {
            let written = match chunk.stream {
                StdStream::Stdout => io::stdout().write_all(&chunk.bytes).and_then(|()| io::stdout().flush()),
                StdStream::Stderr => io::stderr().write_all(&chunk.bytes),
            };
            if written.is_err() {
                cancel.cancel();
                break;
            }
        }
    };
    let signal = async {
        let status = signals.next().await;
        cancel.cancel();
        status
    };
    tokio::pin!(signal);
    let running = async { tokio::join!(shell.run(run), print).0 };
    tokio::pin!(running);
    let mut ended = None;
    loop {
        tokio::select! {
            biased;
            outcome = &mut running => {
                let outcome = outcome?;
                let status = if outcome.ended == Ended::Fault { failure::INTERNAL } else { outcome.status };
                return Ok(ended.unwrap_or(status));
            }
            status = &mut signal, if ended.is_none() => ended = Some(status),
        }
    }
}
