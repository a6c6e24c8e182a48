//! `lectern grade`: runs pages without a person.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio::sync::mpsc;

use super::consent;
use super::failure::{self, BadUsage, TARGET, USAGE};
use super::signals;
use super::target::TargetOptions;
use crate::clock;
use crate::lesson::{Course, Severity, StepId};
use crate::report::{GradeReport, human, step_line};
use crate::session::{Cause, Event, Request, Setup, StepState, open_course};

/// Run pages without a person and say what passed.
#[derive(Debug, Args)]
pub struct Grade {
    /// Pages and folders of pages; without one, the bundled course
    #[arg(value_name = "PAGE|FOLDER")]
    paths: Vec<PathBuf>,
    /// What is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Write a report to a file too, in the format before the `=` (by default the one of --format)
    #[arg(long = "output", value_name = "[FORMAT=]FILE", value_parser = output)]
    outputs: Vec<(Option<Format>, PathBuf)>,
    /// Stop at the first page that fails
    #[arg(long)]
    bail: bool,
    #[command(flatten)]
    target: TargetOptions,
}

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// For programs
    Json,
}

fn output(text: &str) -> Result<(Option<Format>, PathBuf), String> {
    match text.split_once('=') {
        Some((format, file)) => Ok((Some(Format::from_str(format, false)?), file.into())),
        None => Ok((None, text.into())),
    }
}

/// Runs it; answers the exit status.
///
/// # Errors
/// When a page, the target or lectern itself is not as it should be.
pub fn run(grade: &Grade) -> miette::Result<u8> {
    let mut paths = grade.paths.clone();
    if paths.is_empty() {
        paths.push(super::bundled::course().map_err(|error| miette::miette!("the bundled course: {error}"))?);
    }
    let courses = paths.iter().map(|path| open_course(path)).collect::<Result<Vec<_>, _>>()?;
    if refuse_errors(&courses) {
        return Ok(USAGE);
    }
    if courses.iter().all(|course| course.lessons.is_empty()) {
        return Err(BadUsage { message: "there are no pages here".into(), help: None }.into());
    }
    let mut report = GradeReport::default();
    let mut ended = None;
    let mut yes = grade.target.yes;
    for (course, named) in courses.into_iter().zip(paths) {
        let setup = Setup {
            course: Arc::new(course),
            named,
            kind: grade.target.target.into(),
            scenario: grade.target.scenario.clone(),
            maps: grade.target.maps.clone(),
            speed: grade.target.speed,
            no_wait: grade.target.no_wait,
            programs: grade.target.programs()?,
            keep: false,
        };
        ended = grade_course(setup, &mut yes, grade.bail, grade.format == Format::Human, &mut report)?;
        if ended.is_some() || (grade.bail && report.summary.failed > 0) {
            break;
        }
    }
    print(grade, &report)?;
    Ok(ended.unwrap_or(if report.right() { 0 } else { 1 }))
}

/// Prints what is wrong with pages; whether a page cannot be run for it.
fn refuse_errors(courses: &[Course]) -> bool {
    let mut refused = false;
    for lesson in courses.iter().flat_map(|course| &course.lessons) {
        for diagnostic in &lesson.diagnostics {
            if diagnostic.severity == Severity::Error {
                refused = true;
                let (path, span) = (lesson.path.display(), diagnostic.span);
                eprintln!("{path}:{}:{}: error: {}", span.line, span.column, diagnostic.message);
                if let Some(help) = &diagnostic.help {
                    eprintln!("  help: {help}");
                }
            }
        }
    }
    refused
}

/// Runs one course in a session of its own; answers the exit status of a signal that ended it.
fn grade_course(
    setup: Setup,
    yes: &mut bool,
    bail: bool,
    human: bool,
    report: &mut GradeReport,
) -> miette::Result<Option<u8>> {
    let course = Arc::clone(&setup.course);
    let mut prepared = setup.prepare().map_err(failure::session)?;
    // Asked once: further courses run in the same account and cluster.
    consent::ask(&mut prepared, *yes)?;
    *yes = prepared.live().is_some() && io::stdin().is_terminal() || *yes;
    let runtime = clock::session_runtime(prepared.clock()).map_err(|error| miette::miette!("no runtime: {error}"))?;
    let lines = human && io::stderr().is_terminal();
    let ended = runtime.block_on(async {
        let mut session = prepared.open().await.map_err(failure::session)?;
        let (requests, asked) = mpsc::unbounded_channel();
        let (tell, mut events) = mpsc::unbounded_channel();
        let order: Vec<StepId> = session.machine().executed().collect();
        let mut conductor = Conductor { order, at: 0, bail, requests, course: Arc::clone(&course), lines };
        conductor.next();
        let mut ended = None;
        let result = {
            let running = session.run(asked, tell);
            tokio::pin!(running);
            let signal = signals::ended();
            tokio::pin!(signal);
            loop {
                tokio::select! {
                    biased;
                    result = &mut running => break result,
                    Some(event) = events.recv() => conductor.hear(&event),
                    signal = &mut signal, if ended.is_none() => {
                        ended = Some(signal.unwrap_or(143));
                        drop(conductor.requests.send(Request::Quit));
                    }
                }
            }
        };
        result.map_err(failure::session)?;
        report.add(&course, session.machine());
        if let Some(operation) = session.stopped() {
            eprintln!("lectern: {operation} was not called: {}", consent::UNASKED);
            ended = ended.or(Some(TARGET));
        }
        Ok::<_, miette::Report>(ended)
    })?;
    Ok(ended)
}

/// Asks for one step after the other.
struct Conductor {
    order: Vec<StepId>,
    at: usize,
    bail: bool,
    requests: mpsc::UnboundedSender<Request>,
    course: Arc<Course>,
    lines: bool,
}

impl Conductor {
    fn next(&mut self) {
        let request = self.order.get(self.at).map_or(Request::Quit, |id| Request::Run(*id));
        drop(self.requests.send(request));
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::StepDone { id, report } if self.lines => {
                let command = self.course.step(*id).and_then(|step| step.commands.first());
                eprintln!("{}", step_line(report, command.map_or("", |command| command.text.as_str())));
            }
            Event::Notice { text } => eprintln!("lectern: {text}"),
            Event::Step { id, state } if self.order.get(self.at) == Some(id) => match state {
                StepState::Passed => {
                    self.at += 1;
                    self.next();
                }
                StepState::Failed(Cause::Cancelled) | StepState::Unfinished => drop(self.requests.send(Request::Quit)),
                StepState::Failed(_) => {
                    let lesson = id.lesson;
                    self.at = if self.bail {
                        self.order.len()
                    } else {
                        self.order.iter().position(|other| other.lesson > lesson).unwrap_or(self.order.len())
                    };
                    self.next();
                }
                _ => {}
            },
            _ => {}
        }
    }
}

/// Prints the report and writes the files.
fn print(grade: &Grade, report: &GradeReport) -> miette::Result<()> {
    let text = |format| match format {
        Format::Human => Ok(human(report)),
        Format::Json => serde_json::to_string_pretty(report).map(|text| text + "\n"),
    };
    let broken = |error: serde_json::Error| miette::miette!("the report: {error}");
    for (format, path) in &grade.outputs {
        let text = text(format.unwrap_or(grade.format)).map_err(broken)?;
        fs::write(path, text).map_err(|error| miette::miette!("{}: {error}", path.display()))?;
    }
    match io::stdout().lock().write_all(text(grade.format).map_err(broken)?.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(miette::miette!("standard output: {error}")),
        _ => Ok(()),
    }
}
