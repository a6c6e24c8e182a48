//! A grading as JUnit XML, which CI systems read: a suite for each page, a case for each step.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::GradeReport;
use super::human::{failure, one_line, words};
use crate::session::{LessonReport, StepReport, Verdict, first_line, plain};

/// The report as XML.
///
/// # Errors
/// When it cannot be written as XML.
pub fn junit(report: &GradeReport) -> Result<String, quick_junit::SerializeError> {
    let mut all = Report::new("lectern");
    for lesson in &report.lessons {
        all.add_test_suite(suite(lesson));
    }
    let time = report.lessons.iter().map(time).sum();
    all.set_time(time);
    // Jenkins' schema for JUnit knows no `skipped` of the whole; each suite says its own.
    let whole = format!(" skipped=\"{}\"", all.skipped);
    // The two characters above the surrogates that XML 1.0 forbids and that the writer lets through.
    Ok(all.to_string()?.replacen(&whole, "", 1).replace(['\u{fffe}', '\u{ffff}'], ""))
}

fn time(lesson: &LessonReport) -> Duration {
    lesson.steps.iter().map(|step| Duration::from_millis(step.ms)).sum()
}

fn suite(lesson: &LessonReport) -> TestSuite {
    let mut suite = TestSuite::new(one_line(&lesson.title));
    suite.set_time(time(lesson));
    suite.add_property(("file", one_line(&lesson.path).as_str()));
    suite.add_property(("sha256", lesson.digest.as_str()));
    for step in &lesson.steps {
        suite.add_test_case(case(lesson, step));
    }
    suite
}

fn case(lesson: &LessonReport, step: &StepReport) -> TestCase {
    let mut detail = String::new();
    failure(step, &mut detail);
    let status = match step.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("a step before it failed");
            status
        }
        Verdict::Failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let cause = step.cause.map_or("failed", words);
            status.set_message(cause).set_type(cause).set_description(detail);
            status
        }
    };
    // A step that was not tried tells no commands.
    let name = match step.commands.first() {
        Some(command) => format!("line {}: {}", step.line, first_line(&command.command)),
        None => format!("line {}", step.line),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(one_line(&lesson.path)).set_time(Duration::from_millis(step.ms));
    let (mut out, mut err) = (String::new(), String::new());
    for command in &step.commands {
        out.push_str(&format!("$ {}\n{}", plain(command.command.as_bytes()), plain(command.stdout.as_bytes())));
        err.push_str(&plain(command.stderr.as_bytes()));
    }
    if !out.is_empty() {
        case.set_system_out(out);
    }
    if !err.is_empty() {
        case.set_system_err(err);
    }
    case
}
