//! `lectern preview`: a page or a course as learners will see it, taken up again whenever a file is saved.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::engine;
use super::failure::{self, BadUsage};
use super::signals::Signals;
use super::target::{TargetName, TargetOptions};
use crate::check::{self, Disk, Finding, Severity, Surroundings};
use crate::front::tui::preview::{self, Author, Look, Remark, Running, Watched};
use crate::lesson::{Course, CourseConfig, Lesson, LessonError, is_folder};
use crate::session::{How, Setup, check_directives, start_of};
use crate::target::{Kind, Programs};
use crate::tools;

/// See a page or a course as learners will, while you write it.
#[derive(Debug, Args)]
pub struct Preview {
    /// A page or a folder of pages
    #[arg(value_name = "PAGE|FOLDER")]
    path: PathBuf,
    /// Look for changed files every second, where the system does not tell of them
    #[arg(long)]
    poll: bool,
    #[command(flatten)]
    target: TargetOptions,
}

/// Runs it; answers the exit status.
///
/// # Errors
/// When what was named is neither a page nor a folder of pages, or without a terminal.
pub fn run(preview: &Preview) -> miette::Result<u8> {
    let usage = |message: &str, help: &str| BadUsage { message: message.into(), help: Some(help.into()) };
    if preview.target.target == TargetName::Live {
        let help = "leave out `--target live`; `lectern learn` and `lectern grade` have it";
        return Err(usage("a preview runs in the sandbox", help).into());
    }
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let help = "`lectern check` says what is wrong with pages, and `lectern grade` runs them, without one";
        return Err(usage("a preview needs a terminal", help).into());
    }
    let config = super::config::load()?;
    let desk =
        Desk { path: preview.path.clone(), target: preview.target.clone(), programs: preview.target.programs()? };
    let first = desk.survey(&Course::default())?;
    let Some(course) = first.course.clone().filter(|course| !course.lessons.is_empty()) else {
        return Err(BadUsage { message: "there are no pages here".into(), help: None }.into());
    };
    let front = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| miette::miette!("no runtime: {error}"))?;
    front.block_on(async {
        let mut signals = Signals::listen()?;
        preview::run(Arc::new(desk), course, first, config.options, preview.poll, signals.next())
            .await
            .map_err(|error| miette::miette!("the terminal: {error}"))
    })
}

/// What an author works on.
struct Desk {
    path: PathBuf,
    target: TargetOptions,
    programs: Programs,
}

impl Desk {
    /// Looks at the files.
    fn survey(&self, before: &Course) -> Result<Look, LessonError> {
        let instead = |error: &LessonError| {
            let path = path_of(error)?;
            let same = before.lessons.iter().find(|page| page.path == path);
            same.cloned().or_else(|| in_its_place(path, error))
        };
        let (mut course, unusable) = Course::survey_with(&self.path, &instead)?;
        check_directives(&mut course);
        let (config, mut remarks) = match CourseConfig::of(&self.path) {
            Ok(config) => (config.unwrap_or_default(), Vec::new()),
            Err(error) => (CourseConfig::default(), vec![remark(&error)]),
        };
        let mut watched = self.folders(&course, &config);
        let world = match self.world(&config, &mut watched) {
            _ if !remarks.is_empty() => String::new(),
            Ok(world) => world,
            Err((path, message)) => {
                remarks.push(Remark { message, ..of_file(&path) });
                String::new()
            }
        };
        let commands = super::check::commands();
        let disk = Disk::of(&course, &config);
        let surroundings = Surroundings { files: &disk, commands: &commands, lacks: tools::lacks, config };
        // A page that is shown as it last was is not checked: its places are those of other lines.
        let mut sound = course.clone();
        sound.lessons.retain(|page| !unusable.iter().any(|error| path_of(error) == Some(page.path.as_path())));
        let pages = sound.lessons.iter().flat_map(|page| check::page(page, &surroundings));
        let mut findings: Vec<Finding> = pages.collect();
        if unusable.is_empty() {
            findings.extend(check::folders(&course, &disk));
        }
        findings.sort_by_key(|finding| (place_of(&course, &finding.path), finding.span.start, finding.code));
        findings.dedup();
        remarks.extend(unusable.iter().map(remark));
        remarks.extend(findings.iter().map(|finding| of_finding(finding, &course)));
        Ok(Look { course: Some(Arc::new(course)), remarks, world, watched })
    }

    /// What sessions start from besides the pages, as text.
    fn world(&self, config: &CourseConfig, watched: &mut Vec<Watched>) -> Result<String, (PathBuf, String)> {
        let beside = config.path.parent().unwrap_or(Path::new(""));
        let folder = match (self.target.scenario.as_deref(), config.scenario.as_deref()) {
            (Some(name), _) => is_folder(name).then(|| PathBuf::from(name)),
            (None, name) => name.filter(|name| is_folder(name)).map(|name| beside.join(name)),
        };
        if let Some(folder) = &folder {
            watched.push(Watched { path: folder.clone(), deep: true });
        }
        let path = || folder.clone().unwrap_or_else(|| config.path.clone());
        let scenario =
            start_of(self.target.scenario.as_deref(), config).map_err(|error| (path(), error.to_string()))?;
        Ok(format!("{config:?} {scenario:?}"))
    }

    /// The folders whose files matter.
    fn folders(&self, course: &Course, config: &CourseConfig) -> Vec<Watched> {
        let here = |path: &Path| if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() };
        let deep = |path: PathBuf| Watched { path, deep: true };
        let shallow = |path: PathBuf| Watched { path, deep: false };
        let root = here(&course.root);
        let mut folders = Vec::new();
        if self.path.is_dir() {
            folders.push(deep(root.clone()));
        } else {
            // Of a page's folder only what is the page's: there may be a whole disk below it.
            folders.extend([shallow(root.clone()), deep(root.join("tests")), deep(root.join("manifests"))]);
        }
        if let Some(folder) = config.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            folders.push(shallow(folder.to_owned()));
        }
        folders.extend(self.target.maps.iter().map(|(_, folder)| deep(folder.clone())));
        folders.extend(config.map.values().cloned().map(deep));
        if let Ok(full) = root.canonicalize() {
            let websites = full.ancestors().filter(|above| above.file_name().is_some_and(|name| name == "website"));
            folders.extend(websites.filter_map(|website| Some(deep(website.parent()?.join("manifests")))).take(1));
        }
        folders
    }
}

impl Author for Desk {
    fn look(&self, before: &Course) -> Look {
        self.survey(before).unwrap_or_else(|error| {
            // What can be watched is watched on: the next time it may be better.
            let config = CourseConfig::of(&self.path).ok().flatten().unwrap_or_default();
            Look { remarks: remarks(&error), watched: self.folders(before, &config), ..Look::default() }
        })
    }

    fn start(&self, course: Arc<Course>) -> Result<Running, String> {
        let setup = Setup {
            course,
            named: self.path.clone(),
            kind: Kind::Sandbox,
            scenario: self.target.scenario.clone(),
            maps: self.target.maps.clone(),
            speed: self.target.speed,
            no_wait: self.target.no_wait,
            programs: self.programs.clone(),
            how: How { unlocked: true, ..How::default() },
            keep: false,
            look: None,
        };
        let prepared = setup.prepare().map_err(|error| error.to_string())?;
        let engine = engine::start(move || Ok(prepared)).map_err(|error| format!("no thread: {error}"))?;
        let thread = engine.thread;
        let end = Box::new(move || match thread.join() {
            Ok(ended) => ended.err().map(|error| error.to_string()),
            Err(_) => Some(failure::broke_off().to_string()),
        });
        Ok(Running { requests: engine.requests, events: engine.events, end })
    }
}

/// The page that an error is about.
fn path_of(error: &LessonError) -> Option<&Path> {
    match error {
        LessonError::Unreadable { path, .. }
        | LessonError::NotAPage { path }
        | LessonError::NoPages { path }
        | LessonError::TooLarge { path, .. }
        | LessonError::Page { path, .. } => Some(path),
        LessonError::Several { .. } => None,
    }
}

/// A page that says why the page cannot be used: there was none yet that could.
fn in_its_place(path: &Path, error: &LessonError) -> Option<Lesson> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let title = serde_json::Value::from(name);
    let help = match error {
        LessonError::Page { help, .. } => help.as_str(),
        _ => "",
    };
    let quoted = |text: &str| format!("~~~~text\n{}\n~~~~\n", text.replace("~~~~", "~ ~ ~ ~"));
    let text = format!(
        "---\ntitle: {title}\n---\nThis page cannot be used yet:\n\n{}\n{}",
        quoted(&error.to_string()),
        if help.is_empty() { String::new() } else { quoted(help) }
    );
    let mut lesson = Lesson::parse(path, text.as_bytes()).ok()?;
    lesson.executable = false;
    Some(lesson)
}

fn of_file(path: &Path) -> Remark {
    Remark {
        path: path.to_owned(),
        line: 1,
        column: 1,
        severity: Severity::Error,
        code: String::new(),
        message: String::new(),
        help: String::new(),
        text: String::new(),
        fatal: false,
    }
}

fn remarks(error: &LessonError) -> Vec<Remark> {
    match error {
        LessonError::Several { errors } => errors.iter().flat_map(remarks).collect(),
        error => vec![remark(error)],
    }
}

fn remark(error: &LessonError) -> Remark {
    let plain = of_file(path_of(error).unwrap_or(Path::new("")));
    match error {
        LessonError::Page { line, column, message, help, .. } => {
            Remark { line: *line, column: *column, message: message.clone(), help: help.clone(), fatal: true, ..plain }
        }
        LessonError::Unreadable { source, .. } => {
            Remark { message: format!("it cannot be read: {source}"), fatal: true, ..plain }
        }
        LessonError::NoPages { .. } => {
            Remark { message: "there is no page in this folder".into(), fatal: true, ..plain }
        }
        other => Remark { message: other.to_string(), fatal: true, ..plain },
    }
}

fn of_finding(finding: &Finding, course: &Course) -> Remark {
    let page = course.lessons.iter().find(|page| page.path == finding.path);
    let text = page.and_then(|page| page.source.lines().nth(finding.span.line.saturating_sub(1))).unwrap_or_default();
    Remark {
        path: finding.path.clone(),
        line: finding.span.line,
        column: finding.span.column,
        severity: finding.severity,
        code: finding.code.id().to_owned(),
        message: finding.message.clone(),
        help: finding.help.clone(),
        text: text.to_owned(),
        fatal: false,
    }
}

/// Pages come in the order of the course.
fn place_of(course: &Course, path: &Path) -> usize {
    course.lessons.iter().position(|page| page.path == path).unwrap_or(usize::MAX)
}
