//! What a course's author says about its outputs: kept by lessons as text, understood by the comparison.

use std::path::Path;

use crate::compare::{RuleError, Rules};
use crate::lesson::{
    Course, CourseConfig, Diagnostic, Directive, Lesson, LessonError, LineIndex, Severity, Slip, Step,
};

/// Opens a page or a folder of pages, and looks whether its directives are understood: one that is not is an error of its
/// page, at its word.
///
/// # Errors
/// As [`Course::open`].
pub fn open_course(path: &Path) -> Result<Course, LessonError> {
    let mut course = Course::open(path)?;
    check_directives(&mut course);
    Ok(course)
}

/// Looks whether the directives of a course's pages are understood: one that is not is an error of its page, at its word.
pub fn check_directives(course: &mut Course) {
    course.lessons.iter_mut().for_each(check);
}

fn check(lesson: &mut Lesson) {
    let mut wrong = Vec::new();
    for directive in lesson.steps.iter().flat_map(|step| &step.directives) {
        if let Err((at, error)) = Rules::parse_directive_at(&directive.text) {
            let index = LineIndex::new(&lesson.source);
            wrong.push(Diagnostic {
                slip: Slip::Directive,
                severity: Severity::Error,
                span: index.span(&lesson.source, directive.span.start + at, directive.span.end),
                message: error.to_string(),
                help: Some("correct the directive, or take it away".into()),
            });
        }
    }
    lesson.diagnostics.extend(wrong);
    lesson.diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
}

/// What `lectern.toml` says about all outputs of its course.
///
/// # Errors
/// When a value cannot be used, with its line and column.
pub(super) fn of_course(config: &CourseConfig) -> Result<Rules, LessonError> {
    let mut rules = Rules { known: config.known.clone(), ..Rules::default() };
    let mut add = |directives: &[Directive], take: fn(&mut Rules, &str) -> Result<(), RuleError>| {
        directives.iter().try_for_each(|Directive { text, span }| {
            take(&mut rules, text).map_err(|error| {
                let help = "correct the value, or take it away";
                LessonError::at(&config.path, span.line, span.column, error.to_string(), help)
            })
        })
    };
    add(&config.ignore, Rules::ignore)?;
    add(&config.volatile, Rules::volatile)?;
    Ok(rules)
}

/// What the directives above a step say. One that is not understood says nothing: see [`open_course`].
pub(super) fn of_step(step: &Step) -> Rules {
    let understood = step.directives.iter().filter_map(|directive| Rules::parse_directive(&directive.text).ok());
    understood.fold(Rules::default(), Rules::and)
}
