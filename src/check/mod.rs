//! What is wrong with pages, without executing anything: for their authors, and for whoever reviews their changes.
//!
//! `cli` → `check` → `lesson`, `compare`. Pure but for asking about files beside a page, through [`Files`].
//!
//! - [`codes`]: every finding has a code; what each means.
//! - The checks: annotations, hooks, commands, expected output, values of other accounts, links, order in a folder, and what the
//!   workshop's own runner never executes.
//! - [`fix`]: what is mechanical. [`mod@format`]: findings for people and programs.

mod annotations;
pub mod codes;
mod commands;
mod files;
pub mod fix;
pub mod format;
mod hooks;
mod identities;
mod links;
mod model;
mod order;
mod output;
mod place;
mod runner;
mod secrets;
pub(crate) mod shell;
mod site;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;

pub use codes::Code;
pub use files::{Disk, FileKind, Files};
pub use model::{Edit, Finding, Report, Severity};

use crate::lesson::{Course, CourseConfig, Lesson, LessonError, LineIndex, Span};
use site::Site;

/// What the checks may know besides the pages.
pub struct Surroundings<'a> {
    /// The files beside the pages.
    pub files: &'a dyn Files,
    /// Names of the commands that lessons find: tools and builtins.
    pub commands: &'a BTreeSet<String>,
    /// What a command lacks of a command line: a sub-command or an option, with the words ahead of it.
    pub lacks: fn(&str, &[String]) -> Option<String>,
    /// What `lectern.toml` says, if the course has one.
    pub config: CourseConfig,
}

/// A page and what its checks need.
struct Page<'a> {
    lesson: &'a Lesson,
    index: LineIndex,
    site: Site<'a>,
    commands: &'a BTreeSet<String>,
    lacks: fn(&str, &[String]) -> Option<String>,
}

impl Page<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
        self.index.span(&self.lesson.source, start, end)
    }

    fn finding(&self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) -> Finding {
        Finding {
            code,
            severity: code.severity(),
            path: self.lesson.path.clone(),
            span,
            end: self.span(span.end, span.end),
            message: message.into(),
            help: help.into(),
            fix: Vec::new(),
        }
    }
}

/// Checks all pages of a course, and the order of its folders. `unusable` are its pages that are none.
pub fn course(course: &Course, unusable: &[LessonError], surroundings: &Surroundings<'_>) -> Report {
    let mut report = Report { pages: course.lessons.len() + unusable.len(), ..Report::default() };
    report.findings.extend(unusable.iter().flat_map(unusable_page));
    for lesson in &course.lessons {
        report.findings.extend(page(lesson, surroundings));
        report.sources.insert(lesson.path.clone(), lesson.source.clone());
    }
    report.findings.extend(folders(course, surroundings.files));
    report.findings.sort_by(|a, b| {
        (&a.path, a.span.start, a.span.line, a.code.id()).cmp(&(&b.path, b.span.start, b.span.line, b.code.id()))
    });
    report.findings.dedup();
    report
}

/// Checks what is of no page by itself: the order of the pages and folders of a course, and the suites of its folders.
pub fn folders(course: &Course, files: &dyn Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    order::check(course, &mut findings);
    hooks::suites(&course.tree, files, &mut findings);
    findings
}

/// Checks one page by itself.
pub fn page(lesson: &Lesson, surroundings: &Surroundings<'_>) -> Vec<Finding> {
    let page = Page {
        lesson,
        index: LineIndex::new(&lesson.source),
        site: Site::of(&lesson.path, surroundings.files, &surroundings.config),
        commands: surroundings.commands,
        lacks: surroundings.lacks,
    };
    let mut findings = Vec::new();
    annotations::check(&page, &mut findings);
    hooks::check(&page, &mut findings);
    commands::check(&page, &mut findings);
    output::check(&page, &mut findings);
    secrets::check(&page, &mut findings);
    identities::check(&page, &mut findings);
    links::check(&page, &mut findings);
    runner::check(&page, &mut findings);
    findings
}

/// A page that cannot be used has one finding, at its place.
fn unusable_page(error: &LessonError) -> Vec<Finding> {
    let at = |path: &Path, line, column, message: String, help: String| {
        let span = Span { start: 0, end: 0, line, column };
        Finding {
            code: Code::UnusablePage,
            severity: Code::UnusablePage.severity(),
            path: path.to_owned(),
            span,
            end: span,
            message,
            help,
            fix: Vec::new(),
        }
    };
    match error {
        LessonError::Several { errors } => errors.iter().flat_map(unusable_page).collect(),
        LessonError::Page { path, line, column, message, help } => {
            vec![at(path, *line, *column, message.clone(), help.clone())]
        }
        LessonError::TooLarge { path, size, limit } => vec![at(
            path,
            1,
            1,
            format!("the page has {size} bytes, more than the {limit} that a page may have"),
            "split the page, or check that this file is a lesson".into(),
        )],
        LessonError::Unreadable { path, source } => {
            vec![at(path, 1, 1, format!("the page cannot be read: {source}"), "check that you may read it".into())]
        }
        LessonError::NotAPage { path } | LessonError::NoPages { path } => {
            vec![at(path, 1, 1, "this is no page".into(), "name a Markdown file".into())]
        }
    }
}
