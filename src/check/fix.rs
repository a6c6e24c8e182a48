//! Mending what is mechanical. A page's meaning changes only where the finding says that it was not what its author meant.

use std::path::Path;

use super::model::{Edit, Finding};
use crate::lesson::Lesson;

/// A page with the edits of its findings made, and how many findings were mended; `None` when there is nothing to mend.
///
/// Each mending is made by itself and kept only if the page then has fewer diagnostics, and the same commands, expected outputs
/// and text.
pub fn mend(path: &Path, source: &str, findings: &[&Finding]) -> Option<(String, usize)> {
    let mut fixes: Vec<&[Edit]> =
        findings.iter().map(|finding| finding.fix.as_slice()).filter(|fix| !fix.is_empty()).collect();
    // From the end on, so that the places ahead stay where they are.
    fixes.sort_by_key(|fix| std::cmp::Reverse(fix[0].start));
    let (mut text, mut mended) = (source.to_owned(), 0);
    let mut before = Lesson::parse(path, text.as_bytes()).ok()?;
    for fix in fixes {
        let Some(candidate) = edited(&text, fix) else { continue };
        let Ok(after) = Lesson::parse(path, candidate.as_bytes()) else { continue };
        if after.diagnostics.len() < before.diagnostics.len() && says_the_same(&before, &after) {
            (text, before) = (candidate, after);
            mended += 1;
        }
    }
    (mended > 0).then_some((text, mended))
}

fn edited(text: &str, edits: &[Edit]) -> Option<String> {
    let mut text = text.to_owned();
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.start));
    for edit in edits {
        text.get(edit.start..edit.end)?;
        text.replace_range(edit.start..edit.end, &edit.text);
    }
    Some(text)
}

/// Whether two pages differ in nothing but annotations.
fn says_the_same(a: &Lesson, b: &Lesson) -> bool {
    let steps = |lesson: &Lesson| -> Vec<(String, Vec<String>)> {
        let step = lesson.steps.iter();
        step.map(|step| (step.source.clone(), step.commands.iter().map(|command| command.text.clone()).collect()))
            .collect()
    };
    a.front_matter.keys == b.front_matter.keys
        && steps(a) == steps(b)
        && a.source.lines().count() == b.source.lines().count()
}
