//! `lectern learn`: goes through a course in the terminal.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::consent;
use super::engine::{self, Engine};
use super::failure::{self, BadUsage};
use super::signals::Signals;
use super::target::TargetOptions;
use crate::front::{plain, tui};
use crate::session::{How, Setup, open_course};
use crate::target::Kind;

/// Go through a page or a course in the terminal.
#[derive(Debug, Args)]
pub struct Learn {
    /// A page or a folder of pages; without one, the bundled course
    #[arg(value_name = "PAGE|FOLDER")]
    path: Option<PathBuf>,
    /// As a dialogue in lines: for screen readers, pipes and dumb terminals. Taken by itself where there is no terminal,
    /// and with LECTERN_PLAIN=1 in the environment
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    target: TargetOptions,
}

impl Learn {
    /// Whether the session is a dialogue: when asked for, or when nothing else can be shown.
    fn is_plain(&self) -> bool {
        let asked = std::env::var_os("LECTERN_PLAIN").is_some_and(|value| !value.is_empty() && value != "0");
        let dumb = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        self.plain || asked || dumb || !io::stdin().is_terminal() || !io::stdout().is_terminal()
    }
}

/// Runs it; answers the exit status.
///
/// # Errors
/// When a page, the target, the terminal or lectern itself is not as it should be.
pub fn run(learn: &Learn) -> miette::Result<u8> {
    let path = match &learn.path {
        Some(path) => path.clone(),
        None => super::bundled::course().map_err(|error| miette::miette!("the bundled course: {error}"))?,
    };
    let config = super::config::load()?;
    let course = Arc::new(open_course(&path)?);
    if course.lessons.is_empty() {
        return Err(BadUsage { message: "there are no pages here".into(), help: None }.into());
    }
    let setup = Setup {
        course: Arc::clone(&course),
        named: path,
        kind: learn.target.target.into(),
        scenario: learn.target.scenario.clone(),
        maps: learn.target.maps.clone(),
        speed: learn.target.speed,
        no_wait: learn.target.no_wait,
        programs: learn.target.programs()?,
        how: How::default(),
        keep: true,
        look: None,
    };
    // A live target is asked about before anything is shown; the sandbox is made ready behind the first screen.
    let ready = match setup.kind {
        Kind::Sandbox => None,
        Kind::Live => {
            let mut prepared = setup.clone().prepare().map_err(failure::session)?;
            consent::ask(&mut prepared, learn.target.yes)?;
            Some(prepared)
        }
    };
    let (shown, begin) = std::sync::mpsc::channel();
    let prepare = move || match ready {
        Some(prepared) => Ok(prepared),
        None => {
            // Whatever becomes of the first screen: the session says itself what it cannot do.
            let _ = begin.recv();
            setup.prepare().map_err(failure::session)
        }
    };
    let Engine { requests, events, thread } =
        engine::start(prepare).map_err(|error| miette::miette!("no thread: {error}"))?;
    let front = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| miette::miette!("no runtime: {error}"))?;
    // What is sent from goes with it: the session's thread waits for no word that cannot come any more.
    let shown = front.block_on(async move {
        let mut signals = Signals::listen()?;
        let shown = if config.plain || learn.is_plain() {
            let _ = shown.send(());
            plain::run(course, requests, events, async || signals.next().await).await
        } else {
            tui::run(course, config.options, requests, events, signals.next(), || {
                let _ = shown.send(());
            })
            .await
        };
        shown.map_err(|error| miette::miette!("the terminal: {error}"))
    });
    // The session saves its state before it ends.
    let ended = thread.join().unwrap_or_else(|_| Err(failure::broke_off()));
    let status = shown?;
    ended?;
    Ok(status)
}
