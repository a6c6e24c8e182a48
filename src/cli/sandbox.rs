//! `lectern sandbox`: the account and the cluster on this machine's loopback address, for the real `aws` and `kubectl`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::failure::{BadUsage, INTERNAL, NoTarget};
use super::signals::Signals;
use super::target::speed;
use crate::clock::{self, Clock};
use crate::fault;
use crate::sandbox::serve::{Saved, ServeError, Serving, StateFolder};
use crate::session::scenario;

/// Serve an account and a cluster on this machine, for the real aws and kubectl.
///
/// Prints lines for the shell's `eval` and serves until Ctrl-C.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// What the sandbox starts with: a bundled scenario's name, or a folder (with a slash in its path)
    #[arg(long, value_name = "NAME|DIR")]
    scenario: Option<String>,
    /// Where the cluster answers; the account answers on the next port. Port 0 takes free ones. Loopback only
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Let time go N times faster while everything only waits
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    speed: f64,
    /// Keep the sandbox in this folder over a restart. What was answered is kept, whatever ends the program
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// Serves; answers the exit status of the signal that ended it.
///
/// # Errors
/// When the address is not loopback, the folder or the scenario cannot be used, or the system gives no sockets.
pub fn run(sandbox: &Sandbox) -> miette::Result<u8> {
    if !sandbox.listen.ip().is_loopback() {
        return Err(reported(ServeError::NotLoopback(sandbox.listen)));
    }
    let (state, saved) = match &sandbox.state {
        Some(path) => {
            let (folder, saved) = StateFolder::open(path, sandbox.scenario.as_deref()).map_err(reported)?;
            (Some(folder), saved)
        }
        None => (None, None),
    };
    let clock = Clock::accelerated(sandbox.speed);
    if let Some(saved) = &saved {
        // Time does not go back, even if it went faster than real time before.
        let ahead = saved.now.duration_since(clock.now());
        clock.advance_to(ahead.try_into().unwrap_or_default());
    }
    fault::say_aloud();
    let runtime = clock::session_runtime(&clock).map_err(|error| miette::miette!("no runtime: {error}"))?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let name = state.as_ref().and_then(|state| state.scenario()).or(sandbox.scenario.as_deref());
        let serving = async {
            let filled = crate::sandbox::Sandbox::start(&scenario(name)?, &clock).await?;
            if let Some(Saved { sandbox: held, .. }) = &saved {
                filled.restore(held).await?;
            }
            let cluster = filled.cluster().clone();
            Ok((Serving::start(&filled, &clock, sandbox.listen, state.clone()).await?, cluster))
        };
        let (serving, cluster) = serving.await.map_err(reported)?;
        serving.save().await.map_err(reported)?;
        let written = io::stdout().write_all(serving.exports().as_bytes()).and_then(|()| io::stdout().flush());
        written.map_err(|error| miette::miette!("standard output: {error}"))?;
        eprintln!("The sandbox answers until Ctrl-C. kubeconfig: {}", serving.kubeconfig().display());
        let status = tokio::select! {
            status = signals.next() => status,
            // A cluster in which nothing happens any more is none.
            () = cluster.broke_off() => INTERNAL,
        };
        serving.save().await.map_err(reported)?;
        Ok(status)
    })
}

/// Puts an error where its exit status is found.
fn reported(error: ServeError) -> miette::Report {
    let message = error.to_string();
    match error {
        ServeError::NotLoopback(_) => {
            BadUsage { message, help: Some("listen on 127.0.0.1:0 or [::1]:0".into()) }.into()
        }
        ServeError::Content { .. } => BadUsage { message, help: None }.into(),
        ServeError::Sandbox(_) | ServeError::Listen { .. } | ServeError::InUse(_) => {
            NoTarget { message, help: None }.into()
        }
        ServeError::File { .. } | ServeError::Certificate(_) => miette::miette!("{message}"),
    }
}
