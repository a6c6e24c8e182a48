//! Hook scripts: whether they are bash, and whether both of their calls find a function.

use std::collections::BTreeSet;

use super::shell;
use super::{Code, Files, Finding, Page};
use crate::lesson::{CourseFolder, Span};

pub(super) fn check(page: &Page<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for (place, step) in page.lesson.steps.iter().enumerate() {
        let Some(name) = step.annotations.hook.as_deref().filter(|_| page.lesson.executes(place)) else { continue };
        let Some(path) = page.lesson.hook_path(name).filter(|_| seen.insert(name)) else { continue };
        let Some(text) = page.site.files.text(&path) else { continue };
        let span = annotation(page, step.span, name);
        if let Some(Wrong { code, place, what, help }) = look(&text) {
            let place = place.map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
            findings.push(page.finding(code, span, format!("the hook {}{place} {what}", path.display()), help));
        }
    }
}

/// Checks the suites of a course's folders: scripts that are called ahead of the folder's first page and behind its last.
pub(super) fn suites(folder: &CourseFolder, files: &dyn Files, findings: &mut Vec<Finding>) {
    if let Some(path) = &folder.suite
        && let Some(text) = files.text(path)
        && let Some(Wrong { code, place, what, help }) = look(&text)
    {
        let (line, column) = place.unwrap_or((1, 1));
        let span = Span { start: 0, end: 0, line, column };
        let message = format!("the hook suite {what}");
        let severity = code.severity();
        let path = path.clone();
        findings.push(Finding { code, severity, path, span, end: span, message, help, fix: Vec::new() });
    }
    folder.folders.iter().for_each(|inner| suites(inner, files, findings));
}

/// What is wrong with a script.
struct Wrong {
    code: Code,
    place: Option<(usize, usize)>,
    what: String,
    help: String,
}

fn look(text: &str) -> Option<Wrong> {
    let script = match shell::read(text) {
        Ok(script) => script,
        Err(problem) => {
            let place = Some(problem.place.unwrap_or((text.lines().count().max(1), 1)));
            let what = format!("does not parse: {}", problem.message);
            return Some(Wrong { code: Code::HookSyntax, place, what, help: "correct the script".into() });
        }
    };
    // A script that does not call what its argument names has another way of telling its calls apart.
    let dispatches = script.calls.iter().any(|call| {
        call.words.first().is_some_and(|word| matches!(word.raw.as_str(), "\"$@\"" | "$@" | "$1" | "\"$1\""))
    });
    let lacking: Vec<&str> = ["before", "after"]
        .into_iter()
        .filter(|name| !script.functions.iter().any(|function| function == name))
        .collect();
    (dispatches && !lacking.is_empty()).then(|| Wrong {
        code: Code::HookFunction,
        place: None,
        what: format!("does not define `{}`", lacking.join("` and `")),
        help: format!("define it; one that does nothing is `{}() {{ :; }}`", lacking[0]),
    })
}

/// The place of `hook=NAME` on a fence's first line.
fn annotation(page: &Page<'_>, fence: Span, name: &str) -> Span {
    let line = page.lesson.source[fence.start..].lines().next().unwrap_or_default();
    match line.find(&format!("hook={name}")) {
        Some(at) => page.span(fence.start + at, fence.start + at + "hook=".len() + name.len()),
        None => page.span(fence.start, fence.start + line.len()),
    }
}
