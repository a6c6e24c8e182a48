//! `lectern grade`: runs pages without a person.

mod choice;
mod conductor;
mod outputs;
mod progress;

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::sync::mpsc;

use super::consent;
use super::failure::{self, BadUsage, INTERNAL, TARGET, USAGE};
use super::signals::Signals;
use super::target::{TargetName, TargetOptions};
use crate::clock;
use crate::fault;
use crate::lesson::{Course, Severity};
use crate::report::GradeReport;
use crate::session::{How, Request, Setup, open_course, plain};

use choice::Choice;
use conductor::Conductor;
use outputs::{Outputs, print};
use progress::Progress;

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
    /// Grade only pages whose path in the folder, or whose path as it is reported, fits; `*` fits anything
    #[arg(long = "filter", value_name = "GLOB", value_parser = glob::Pattern::new)]
    filters: Vec<glob::Pattern>,
    /// Begin with this step: its number, from 1, among the executed steps of the graded pages. What is ahead of it is not run
    #[arg(long, value_name = "STEP", value_parser = clap::value_parser!(u32).range(1..))]
    from: Option<u32>,
    /// End with this step
    #[arg(long, value_name = "STEP", value_parser = clap::value_parser!(u32).range(1..))]
    until: Option<u32>,
    /// What the commands of a step may take together, in seconds, whatever the pages say
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    /// What one call of a hook may take, in seconds, whatever the pages say
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    hook_timeout: Option<u64>,
    /// How many of the pages and folders given are graded at the same time, each in a sandbox of its own
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
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
    /// JUnit XML, for CI systems
    Junit,
    /// One HTML file
    Html,
    /// Test Anything Protocol 14
    Tap,
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
    let usage = |message: &str, help: &str| BadUsage { message: message.into(), help: Some(help.into()) };
    if (grade.from.is_some() || grade.until.is_some()) && paths.len() > 1 {
        return Err(usage("--from and --until number the steps of one page or folder", "give one path").into());
    }
    if grade.jobs > 1 && grade.target.target == TargetName::Live {
        return Err(usage("--jobs needs sandboxes: a live cluster is one for all", "leave --jobs out").into());
    }
    let courses = paths.iter().map(|path| open_course(path)).collect::<Result<Vec<_>, _>>()?;
    let mut chosen = Vec::new();
    for (course, named) in courses.into_iter().zip(paths) {
        let choice = Choice::of(&course, &named, &grade.filters, grade.from, grade.until)?;
        chosen.push((Arc::new(course), named, choice));
    }
    if refuse_errors(chosen.iter().map(|(course, _, choice)| (&**course, choice))) {
        return Ok(USAGE);
    }
    if chosen.iter().all(|(_, _, choice)| choice.pages.is_empty()) {
        let help = (!grade.filters.is_empty()).then(|| "no page fits --filter".into());
        return Err(BadUsage { message: "there are no pages here".into(), help }.into());
    }
    let programs = grade.target.programs()?;
    let pages = chosen.iter().flat_map(|(course, ..)| &course.lessons).map(|lesson| lesson.path.as_path());
    let outputs = Outputs::open(&grade.outputs, grade.format, pages)?;
    let how = How {
        unlocked: grade.from.is_some(),
        timeout: grade.timeout.map(Duration::from_secs),
        hook_timeout: grade.hook_timeout.map(Duration::from_secs),
    };
    let progress = Progress::new(chosen.iter().map(|(_, _, choice)| choice.steps.len()).sum());
    let mut waiting = VecDeque::new();
    for (number, (course, named, choice)) in chosen.into_iter().enumerate() {
        let setup = Setup {
            course,
            named,
            kind: grade.target.target.into(),
            scenario: grade.target.scenario.clone(),
            maps: grade.target.maps.clone(),
            speed: grade.target.speed,
            no_wait: grade.target.no_wait,
            programs: programs.clone(),
            how: how.clone(),
            keep: false,
            look: None,
        };
        waiting.push_back((number, setup, choice));
    }
    let Graded { report, ended, broken } = grade_all(grade, waiting, &progress);
    progress.clear();
    if let Some(error) = broken {
        // What was graded before is told all the same; where nothing was, the reports of last time stay.
        if !report.lessons.is_empty() {
            print(grade.format, outputs, &report)?;
        }
        return Err(error);
    }
    let printed = print(grade.format, outputs, &report)?;
    if !printed || fault::happened() && ended.is_none() {
        return Ok(INTERNAL);
    }
    Ok(ended.unwrap_or(if report.right() { 0 } else { 1 }))
}

/// What is still to be graded, by its place.
type Waiting = VecDeque<(usize, Setup, Choice)>;

/// What came of grading, as far as it went.
#[derive(Default)]
struct Graded {
    report: GradeReport,
    /// The exit status of what ended it early.
    ended: Option<u8>,
    /// Why lectern could not go on.
    broken: Option<miette::Report>,
}

impl Graded {
    /// Adds what came of what stands behind it.
    fn append(&mut self, next: Self) {
        self.report.append(next.report);
        self.ended = self.ended.or(next.ended);
        self.broken = self.broken.take().or(next.broken);
    }

    /// Whether nothing else is to be graded.
    fn ends(&self, bail: bool) -> bool {
        self.ended.is_some() || self.broken.is_some() || (bail && self.report.summary.failed > 0)
    }
}

/// Grades everything, as many at a time as was asked for; returns the whole report in the order of what was given.
fn grade_all(grade: &Grade, waiting: Waiting, progress: &Progress) -> Graded {
    let mut all = Graded::default();
    if grade.jobs == 1 {
        let mut yes = grade.target.yes;
        for (_, setup, choice) in waiting {
            all.append(grade_course(setup, &choice, &mut yes, grade.bail, progress));
            if all.ends(grade.bail) {
                break;
            }
        }
        return all;
    }
    let waiting = Mutex::new(waiting);
    let done = Mutex::new(Vec::new());
    let take = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || {
        let mut yes = grade.target.yes;
        while let Some((number, setup, choice)) = take() {
            let one = grade_course(setup, &choice, &mut yes, grade.bail, progress);
            let stop = one.ends(grade.bail);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((number, one));
            if stop {
                waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..grade.jobs {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    for (_, one) in done {
        all.append(one);
    }
    all
}

/// Prints what is wrong with pages; whether a page cannot be run for it.
fn refuse_errors<'c>(courses: impl Iterator<Item = (&'c Course, &'c Choice)>) -> bool {
    let mut refused = false;
    for (course, choice) in courses {
        for lesson in choice.pages.iter().filter_map(|page| course.lessons.get(*page)) {
            for diagnostic in &lesson.diagnostics {
                if diagnostic.severity == Severity::Error {
                    refused = true;
                    let (path, span) = (plain(lesson.path.display().to_string().as_bytes()), diagnostic.span);
                    eprintln!("{path}:{}:{}: error: {}", span.line, span.column, plain(diagnostic.message.as_bytes()));
                    if let Some(help) = &diagnostic.help {
                        eprintln!("  help: {}", plain(help.as_bytes()));
                    }
                }
            }
        }
    }
    refused
}

/// Runs one course in a session of its own.
fn grade_course(setup: Setup, choice: &Choice, yes: &mut bool, bail: bool, progress: &Progress) -> Graded {
    run_course(setup, choice, yes, bail, progress)
        .unwrap_or_else(|error| Graded { broken: Some(error), ..Graded::default() })
}

fn run_course(
    setup: Setup,
    choice: &Choice,
    yes: &mut bool,
    bail: bool,
    progress: &Progress,
) -> miette::Result<Graded> {
    let course = Arc::clone(&setup.course);
    let mut prepared = setup.prepare().map_err(failure::session)?;
    // Asked once: further courses run in the same account and cluster.
    consent::ask(&mut prepared, *yes)?;
    *yes = prepared.live().is_some() && io::stdin().is_terminal() || *yes;
    let runtime = clock::session_runtime(prepared.clock()).map_err(|error| miette::miette!("no runtime: {error}"))?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let mut session = prepared.open().await.map_err(failure::session)?;
        let (requests, asked) = mpsc::unbounded_channel();
        let (tell, mut events) = mpsc::unbounded_channel();
        let mut conductor = Conductor::new(choice.steps.clone(), bail, requests, Arc::clone(&course), progress);
        conductor.next();
        let mut ended = None;
        let result = {
            let running = session.run(asked, tell);
            tokio::pin!(running);
            loop {
                tokio::select! {
                    biased;
                    result = &mut running => break result,
                    Some(event) = events.recv() => conductor.hear(&event),
                    status = signals.next(), if ended.is_none() => {
                        ended = Some(status);
                        conductor.ask(Request::Quit);
                    }
                }
            }
        };
        // What came last is told too.
        while let Ok(event) = events.try_recv() {
            conductor.hear(&event);
        }
        let mut report = GradeReport::default();
        report.add(&course, session.machine(), &choice.pages, |id| choice.steps.contains(&id));
        if let Some(operation) = session.stopped() {
            eprintln!("lectern: {operation} was not called: {}", consent::UNASKED);
            ended = ended.or(Some(TARGET));
        }
        Ok(Graded { report, ended, broken: result.err().map(failure::session) })
    })
}
