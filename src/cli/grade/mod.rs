//! `lectern grade`: runs pages without a person.

mod choice;
mod conductor;
mod progress;

use std::collections::VecDeque;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
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
use crate::report::{GradeReport, html, human, junit, tap};
use crate::session::{How, Request, Setup, open_course};

use choice::Choice;
use conductor::Conductor;
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
    let (report, ended) = grade_all(grade, waiting, &progress)?;
    progress.clear();
    print(grade, &report)?;
    if fault::happened() {
        return Ok(ended.unwrap_or(INTERNAL));
    }
    Ok(ended.unwrap_or(if report.right() { 0 } else { 1 }))
}

/// What is still to be graded, by its place.
type Waiting = VecDeque<(usize, Setup, Choice)>;

/// Grades everything, as many at a time as was asked for; answers the whole report in the order of what was given, and the
/// exit status of what ended it.
fn grade_all(grade: &Grade, waiting: Waiting, progress: &Progress) -> miette::Result<(GradeReport, Option<u8>)> {
    let mut report = GradeReport::default();
    if grade.jobs == 1 {
        let mut ended = None;
        let mut yes = grade.target.yes;
        for (_, setup, choice) in waiting {
            let (one, status) = grade_course(setup, &choice, &mut yes, grade.bail, progress)?;
            report.append(one);
            ended = status;
            if ended.is_some() || (grade.bail && report.summary.failed > 0) {
                break;
            }
        }
        return Ok((report, ended));
    }
    let waiting = Mutex::new(waiting);
    let done = Mutex::new(Vec::new());
    let take = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || {
        let mut yes = grade.target.yes;
        while let Some((number, setup, choice)) = take() {
            let one = grade_course(setup, &choice, &mut yes, grade.bail, progress);
            let stop = match &one {
                Ok((one, ended)) => ended.is_some() || (grade.bail && one.summary.failed > 0),
                Err(_) => true,
            };
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
    let mut ended = None;
    for (_, one) in done {
        let (one, status) = one?;
        report.append(one);
        ended = ended.or(status);
    }
    Ok((report, ended))
}

/// Prints what is wrong with pages; whether a page cannot be run for it.
fn refuse_errors<'c>(courses: impl Iterator<Item = (&'c Course, &'c Choice)>) -> bool {
    let mut refused = false;
    for (course, choice) in courses {
        for lesson in choice.pages.iter().filter_map(|page| course.lessons.get(*page)) {
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
    }
    refused
}

/// Runs one course in a session of its own; answers its report and the exit status of a signal that ended it.
fn grade_course(
    setup: Setup,
    choice: &Choice,
    yes: &mut bool,
    bail: bool,
    progress: &Progress,
) -> miette::Result<(GradeReport, Option<u8>)> {
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
        result.map_err(failure::session)?;
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
        Ok::<_, miette::Report>((report, ended))
    })
}

fn written(format: Format, report: &GradeReport) -> miette::Result<String> {
    let broken = |error: &dyn std::fmt::Display| miette::miette!("the report: {error}");
    match format {
        Format::Human => Ok(human(report)),
        Format::Json => serde_json::to_string_pretty(report).map(|text| text + "\n").map_err(|error| broken(&error)),
        Format::Junit => junit(report).map_err(|error| broken(&error)),
        Format::Html => Ok(html(report)),
        Format::Tap => Ok(tap(report)),
    }
}

/// Prints the report and writes the files.
fn print(grade: &Grade, report: &GradeReport) -> miette::Result<()> {
    for (format, path) in &grade.outputs {
        let text = written(format.unwrap_or(grade.format), report)?;
        write_whole(path, text.as_bytes()).map_err(|error| miette::miette!("{}: {error}", path.display()))?;
    }
    match io::stdout().lock().write_all(written(grade.format, report)?.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(miette::miette!("standard output: {error}")),
        _ => Ok(()),
    }
}

/// Writes a file so that a reader sees all of it or what was there before. What is no plain file is written in place.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(path, bytes);
    }
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    // Temporary files are their owner's alone; a report is like any other file.
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
