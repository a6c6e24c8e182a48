//! `lectern steps`: what a page or a course holds, as data. Executes nothing.

use std::io::Write;
use std::path::{Path, PathBuf};

use miette::IntoDiagnostic;

use crate::compare::terminal::is_shown;
use crate::lesson::{Annotations, Course, Diagnostic, Lesson, Severity};
use crate::session::open_course;

/// Lists the steps of a page or of all pages of a folder; nothing is executed.
#[derive(Debug, clap::Args)]
pub struct Steps {
    /// A page, or a folder of pages.
    #[arg(value_name = "PAGE|FOLDER")]
    pub path: PathBuf,
    /// How to print them.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For whom the list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For a person.
    #[default]
    Human,
    /// For a program: one JSON document.
    Json,
}

/// Everything in order.
const OK: u8 = 0;
/// A page cannot be used, or says something that cannot be meant.
const BAD_PAGE: u8 = 2;

/// Prints the list on standard output, and what is an error on the pages on standard error; answers the exit status: 0, or 2 when a page has an error.
///
/// # Errors
/// When a page or folder cannot be used at all ([`crate::lesson::LessonError`]: the caller prints it and exits with 2), or when standard
/// output cannot be written.
pub fn run(args: &Steps) -> miette::Result<u8> {
    let course = open_course(&args.path)?;
    let printed = match args.format {
        Format::Human => human(&course),
        Format::Json => json(&course).into_diagnostic()?,
    };
    write(&mut std::io::stdout().lock(), &printed)?;
    write(&mut std::io::stderr().lock(), &errors(&course))?;
    Ok(if course.lessons.iter().any(Lesson::has_errors) { BAD_PAGE } else { OK })
}

fn write(to: &mut impl Write, text: &str) -> miette::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.into_diagnostic(),
    }
}

#[derive(serde::Serialize)]
struct CourseData<'a> {
    lessons: Vec<LessonData<'a>>,
}

#[derive(serde::Serialize)]
struct LessonData<'a> {
    path: String,
    title: &'a str,
    steps: Vec<StepData<'a>>,
    diagnostics: Vec<DiagnosticData<'a>>,
}

#[derive(serde::Serialize)]
struct StepData<'a> {
    line: usize,
    executed: bool,
    annotations: &'a Annotations,
    commands: Vec<CommandData<'a>>,
}

#[derive(serde::Serialize)]
struct CommandData<'a> {
    line: usize,
    command: &'a str,
    expected: Option<&'a str>,
}

#[derive(serde::Serialize)]
struct DiagnosticData<'a> {
    severity: Severity,
    line: usize,
    column: usize,
    message: &'a str,
}

/// The course as one JSON document with a newline behind it.
///
/// # Errors
/// None that occurs: the data has no key that is not text.
pub fn json(course: &Course) -> serde_json::Result<String> {
    let data = CourseData { lessons: course.lessons.iter().map(lesson_data).collect() };
    Ok(serde_json::to_string_pretty(&data)? + "\n")
}

fn lesson_data(lesson: &Lesson) -> LessonData<'_> {
    let steps = lesson.steps.iter().enumerate().map(|(place, step)| StepData {
        line: step.span.line,
        executed: lesson.executes(place),
        annotations: &step.annotations,
        commands: step
            .commands
            .iter()
            .map(|command| CommandData {
                line: command.span.line,
                command: &command.text,
                expected: command.expected.text(),
            })
            .collect(),
    });
    let diagnostics = lesson.diagnostics.iter().map(|diagnostic| DiagnosticData {
        severity: diagnostic.severity,
        line: diagnostic.span.line,
        column: diagnostic.span.column,
        message: &diagnostic.message,
    });
    LessonData {
        path: shown(&lesson.path),
        title: &lesson.front_matter.title,
        steps: steps.collect(),
        diagnostics: diagnostics.collect(),
    }
}

/// What is an error on the pages, a line each with its place, and with advice below it.
pub fn errors(course: &Course) -> String {
    let errors = course.lessons.iter().flat_map(|lesson| lesson.diagnostics.iter().map(move |said| (lesson, said)));
    let errors = errors.filter(|(_, diagnostic)| diagnostic.severity == Severity::Error);
    errors.map(|(lesson, diagnostic)| said(&lesson.path, diagnostic, "")).collect()
}

/// The course for a person: a paragraph a page, a line a command; what is no error but worth a word is below its page.
pub fn human(course: &Course) -> String {
    let mut out = String::new();
    let (mut steps, mut executed, mut commands) = (0, 0, 0);
    for lesson in &course.lessons {
        let note = if lesson.executable { "" } else { " (shown only)" };
        out += &format!("{}{note}\n  {}\n", printable(&lesson.front_matter.title), shown(&lesson.path));
        for (place, step) in lesson.steps.iter().enumerate() {
            steps += 1;
            let runs = lesson.executes(place);
            executed += usize::from(runs);
            commands += if runs { step.commands.len() } else { 0 };
            let state = if runs { "step" } else { "shown" };
            let annotations = annotations(&step.annotations);
            out += format!("  line {:<4} {state:<5} {annotations}", step.span.line).trim_end();
            out += "\n";
            for command in &step.commands {
                let mut lines = command.text.lines();
                out += &format!("    $ {}\n", printable(lines.next().unwrap_or_default()));
                for line in lines {
                    out += &format!("      {}\n", printable(line));
                }
            }
        }
        for diagnostic in lesson.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning) {
            out += &said(&lesson.path, diagnostic, "  ");
        }
        out += "\n";
    }
    let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    out += &format!(
        "{}, {}, {executed} of them executed, with {}\n",
        counted(course.lessons.len(), "lesson"),
        counted(steps, "step"),
        counted(commands, "command")
    );
    out
}

fn said(path: &Path, diagnostic: &Diagnostic, indent: &str) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let (line, column) = (diagnostic.span.line, diagnostic.span.column);
    let help =
        diagnostic.help.as_ref().map(|help| format!("\n{indent}  help: {}", printable(help))).unwrap_or_default();
    format!("{indent}{severity}: {}:{line}:{column}: {}{help}\n", shown(path), printable(&diagnostic.message))
}

/// The annotations that differ from their defaults, as a page writes them.
fn annotations(annotations: &Annotations) -> String {
    let default = Annotations::default();
    let mut words = Vec::new();
    let mut say = |differs: bool, word: String| {
        if differs {
            words.push(word);
        }
    };
    say(annotations.test != default.test, format!("test={}", annotations.test));
    say(annotations.timeout != default.timeout, format!("timeout={}", annotations.timeout));
    say(annotations.wait != default.wait, format!("wait={}", annotations.wait));
    say(annotations.hook.is_some(), format!("hook={}", annotations.hook.as_deref().unwrap_or_default()));
    say(annotations.hook_timeout != default.hook_timeout, format!("hookTimeout={}", annotations.hook_timeout));
    say(annotations.expect_error != default.expect_error, format!("expectError={}", annotations.expect_error));
    say(annotations.raw != default.raw, format!("raw={}", annotations.raw));
    words.join(" ")
}

fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

/// Lessons come from strangers: what they hold is printed without control characters.
fn printable(text: &str) -> String {
    text.chars().map(|c| if is_shown(c) { c } else { '\u{fffd}' }).collect()
}
