//! The order of the pages and folders of a folder.

use std::path::Path;

use super::Code;
use super::model::Finding;
use crate::lesson::{Course, CourseFolder, Lesson, Span};

/// Checks every folder of a course.
pub(super) fn check(course: &Course, findings: &mut Vec<Finding>) {
    folder(course, &course.tree, findings);
}

fn folder(course: &Course, this: &CourseFolder, findings: &mut Vec<Finding>) {
    let is_index = |lesson: &Lesson| {
        let name = lesson.path.file_name().unwrap_or_default();
        ["index.md", "index.en.md", "_index.md"].iter().any(|index| name == *index)
    };
    let pages = this.lessons.iter().filter_map(|place| course.lessons.get(*place)).filter(|lesson| !is_index(lesson));
    let folders = this.folders.iter().filter_map(|inner| {
        inner.lessons.iter().filter_map(|place| course.lessons.get(*place)).find(|lesson| is_index(lesson))
    });
    let siblings: Vec<&Lesson> = pages.chain(folders).collect();
    let mut ordered: Vec<(f64, &Lesson)> = Vec::new();
    for lesson in &siblings {
        let Some(order) = order(lesson) else {
            if siblings.iter().any(|other| self::order(other).is_some()) {
                findings.push(finding(
                    Code::NoOrder,
                    lesson,
                    "this page has no `sidebar_position`, and others beside it have one".into(),
                    "give it one: without it, it comes first".into(),
                ));
            }
            continue;
        };
        if let Some((_, other)) = ordered.iter().find(|(taken, _)| *taken == order) {
            findings.push(finding(
                Code::DuplicateOrder,
                lesson,
                format!("the order {order} is also that of {}", beside(&lesson.path, &other.path)),
                "give each a number of its own".into(),
            ));
        }
        ordered.push((order, lesson));
    }
    for inner in &this.folders {
        folder(course, inner, findings);
    }
}

/// The order that a page states.
fn order(lesson: &Lesson) -> Option<f64> {
    let keys = &lesson.front_matter.keys;
    ["weight", "sidebar_position"].iter().find_map(|key| keys.get(*key).and_then(serde_json::Value::as_f64))
}

/// The name of a page as seen from a sibling: an index page speaks for its folder.
fn beside(from: &Path, other: &Path) -> String {
    let shared = from.ancestors().find(|above| other.starts_with(above)).unwrap_or(Path::new(""));
    other.strip_prefix(shared).unwrap_or(other).display().to_string()
}

fn finding(code: Code, lesson: &Lesson, message: String, help: String) -> Finding {
    // The key, if there is one; else the front matter's first line.
    let front = lesson.front_matter.span;
    let block = &lesson.source[front.start..front.end];
    let mut at = front.start;
    let mut place = Span { end: front.start + 3, ..front };
    for (number, line) in block.split_inclusive('\n').enumerate() {
        if ["weight", "sidebar_position"].iter().any(|key| line.starts_with(key)) {
            place = Span { start: at, end: at + line.trim_end().len(), line: front.line + number, column: 1 };
            break;
        }
        at += line.len();
    }
    let columns = lesson.source.get(place.start..place.end).unwrap_or_default().chars().count();
    let end = Span { start: place.end, end: place.end, line: place.line, column: place.column + columns };
    Finding {
        code,
        severity: code.severity(),
        path: lesson.path.clone(),
        span: place,
        end,
        message,
        help,
        fix: Vec::new(),
    }
}
