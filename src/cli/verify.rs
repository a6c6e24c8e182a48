//! `lectern verify`: is the work there? Nothing is done again, nothing is changed.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio::sync::mpsc;

use super::failure::{self, BadUsage};
use super::signals::Signals;
use super::target::{self, TargetName};
use crate::clock;
use crate::lesson::StepId;
use crate::report::{Looked, VerifyReport, verify_human};
use crate::session::{Event, How, Look, Request, Setup, StepState, open_course, plain};
use crate::target::Programs;

/// Look whether the work of pages is there, without doing it again and without changing anything.
#[derive(Debug, Args)]
pub struct Verify {
    /// Pages and folders of pages
    #[arg(value_name = "PAGE|FOLDER", required = true)]
    paths: Vec<PathBuf>,
    /// What is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Where to look: the sandbox of a saved session, or your own account and cluster
    #[arg(long, value_enum, default_value = "sandbox")]
    target: TargetName,
    /// The folder of the saved session to look at; by default your own of the page or folder
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The scenario that the session was started with
    #[arg(long, value_name = "NAME|DIR")]
    scenario: Option<String>,
    /// Show the lesson a folder, read-only, at a path below its home
    #[arg(long = "map", value_name = "LESSON_PATH=DIR", value_parser = target::map)]
    maps: Vec<(String, PathBuf)>,
    /// In the sandbox, let time go N times faster while everything only waits
    #[arg(long, value_name = "N", default_value = "1000", value_parser = target::speed)]
    speed: f64,
}

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// For programs
    Json,
}

/// Runs it; answers the exit status: 0 when the work is there, 1 when something of it is missing.
///
/// # Errors
/// When a page, the saved session or the target is not as it should be.
pub fn run(verify: &Verify) -> miette::Result<u8> {
    if verify.state.is_some() && verify.target == TargetName::Live {
        let help = Some("leave --state out to look at the live cluster".into());
        return Err(BadUsage { message: "--state is the folder of a sandbox's session".into(), help }.into());
    }
    let mut report = VerifyReport::default();
    let mut ended = None;
    for path in &verify.paths {
        let (one, status) = look_at(verify, path)?;
        report.append(one);
        ended = status;
        if ended.is_some() {
            break;
        }
    }
    let text = match verify.format {
        Format::Human => verify_human(&report),
        Format::Json => serde_json::to_string_pretty(&report)
            .map(|text| text + "\n")
            .map_err(|error| miette::miette!("the report: {error}"))?,
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(miette::miette!("standard output: {error}"));
        }
        _ => {}
    }
    Ok(ended.unwrap_or(if report.right() { 0 } else { 1 }))
}

/// Looks at one page or folder.
fn look_at(verify: &Verify, path: &Path) -> miette::Result<(VerifyReport, Option<u8>)> {
    let course = Arc::new(open_course(path)?);
    let look = Look { state: verify.state.clone(), ..Look::default() };
    let effects = look.effects.clone();
    let setup = Setup {
        course: Arc::clone(&course),
        named: path.to_owned(),
        kind: verify.target.into(),
        scenario: verify.scenario.clone(),
        maps: verify.maps.clone(),
        speed: verify.speed,
        no_wait: true,
        programs: Programs::default(),
        how: How { unlocked: true, ..How::default() },
        keep: false,
        look: Some(look),
    };
    let prepared = setup.prepare().map_err(failure::session)?;
    let runtime = clock::session_runtime(prepared.clock()).map_err(|error| miette::miette!("no runtime: {error}"))?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let mut session = prepared.open().await.map_err(failure::session)?;
        let mut waiting: VecDeque<StepId> = session.machine().executed().collect();
        let (ask, asked) = mpsc::unbounded_channel();
        let (tell, mut events) = mpsc::unbounded_channel();
        let mut looked = Vec::new();
        let mut running = waiting.pop_front();
        // A session that has ended needs no more of it.
        let next = |id: Option<StepId>| drop(ask.send(id.map_or(Request::Quit, Request::Run)));
        next(running);
        let mut ended = None;
        {
            let session = session.run(asked, tell);
            tokio::pin!(session);
            loop {
                tokio::select! {
                    biased;
                    result = &mut session => break result.map_err(failure::session)?,
                    Some(event) = events.recv() => match event {
                        Event::StepDone { id, report } => looked.push(Looked { id, report }),
                        Event::Notice { text } | Event::Refused { text } => eprintln!("lectern: {}", plain(text.as_bytes())),
                        Event::Step { id, state: StepState::Passed | StepState::Failed(_) | StepState::Unfinished }
                            if running == Some(id) =>
                        {
                            running = waiting.pop_front();
                            next(running);
                        }
                        _ => {}
                    },
                    status = signals.next(), if ended.is_none() => {
                        ended = Some(status);
                        drop(ask.send(Request::Quit));
                    }
                }
            }
        }
        while let Ok(event) = events.try_recv() {
            if let Event::StepDone { id, report } = event {
                looked.push(Looked { id, report });
            }
        }
        Ok::<_, miette::Report>((VerifyReport::of(&course, &looked, &effects.take()), ended))
    })
}
