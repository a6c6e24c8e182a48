//! Hook scripts: whether they are bash, and whether both of their calls find a function.

use std::collections::BTreeSet;

use super::shell;
use super::{Code, Finding, Page};
use crate::lesson::Span;

pub(super) fn check(page: &Page<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for (place, step) in page.lesson.steps.iter().enumerate() {
        let Some(name) = step.annotations.hook.as_deref().filter(|_| page.lesson.executes(place)) else { continue };
        let Some(path) = page.lesson.hook_path(name).filter(|_| seen.insert(name)) else { continue };
        let Some(text) = page.site.files.text(&path) else { continue };
        let span = annotation(page, step.span, name);
        match shell::read(&text) {
            Err(problem) => {
                let (line, column) = problem.place.unwrap_or((text.lines().count().max(1), 1));
                findings.push(page.finding(
                    Code::HookSyntax,
                    span,
                    format!("the hook {}:{line}:{column} does not parse: {}", path.display(), problem.message),
                    "correct the script",
                ));
            }
            Ok(script) => {
                // A script that does not call what its argument names has another way of telling its calls apart.
                let dispatches = script.calls.iter().any(|call| {
                    call.words
                        .first()
                        .is_some_and(|word| matches!(word.raw.as_str(), "\"$@\"" | "$@" | "$1" | "\"$1\""))
                });
                let lacking: Vec<&str> = ["before", "after"]
                    .into_iter()
                    .filter(|name| !script.functions.iter().any(|function| function == name))
                    .collect();
                if dispatches && !lacking.is_empty() {
                    findings.push(page.finding(
                        Code::HookFunction,
                        span,
                        format!("the hook {} does not define `{}`", path.display(), lacking.join("` and `")),
                        format!("define it; one that does nothing is `{}() {{ :; }}`", lacking[0]),
                    ));
                }
            }
        }
    }
}

/// The place of `hook=NAME` on a fence's first line.
fn annotation(page: &Page<'_>, fence: Span, name: &str) -> Span {
    let line = page.lesson.source[fence.start..].lines().next().unwrap_or_default();
    match line.find(&format!("hook={name}")) {
        Some(at) => page.span(fence.start + at, fence.start + at + "hook=".len() + name.len()),
        None => page.span(fence.start, fence.start + line.len()),
    }
}
