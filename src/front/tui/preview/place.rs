//! Where on the page, as it is laid out, a line of its source is; and where a line went when the page changed.

use std::collections::BTreeSet;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::model::{Preview, step_at};
use crate::front::tui::document::Document;
use crate::front::tui::model::Model;

/// The places of the remarks about the page that is shown: line of the page as it is laid out, and number of the remark; by line.
pub fn places(model: &Model, preview: &Preview, document: &Document) -> Vec<(usize, usize)> {
    let Some(page) = model.course.lessons.get(model.lesson) else { return Vec::new() };
    let mut found: Vec<(usize, usize)> = preview
        .remarks_of(&page.path)
        .map(|(number, remark)| (place(model, document, remark.line, &remark.text), number))
        .collect();
    found.sort_unstable();
    found
}

/// Where line `line` of the page's source is, which reads `text`.
///
/// Steps are laid out with their places. Between them the line that has most words of the source's line is taken, of several the one
/// where the text would be if all lines were equally long.
fn place(model: &Model, document: &Document, line: usize, text: &str) -> usize {
    let Some(page) = model.course.lessons.get(model.lesson) else { return 0 };
    if line < page.source[..page.body].lines().count() {
        return 0;
    }
    let lines_of = |step: usize| {
        let span = page.steps[step].span;
        let count = page.source.get(span.start..span.end).map_or(0, |text| text.trim_end().lines().count());
        span.line..span.line + count
    };
    let (source, shown): (Range<usize>, Range<usize>) = match step_at(model, line) {
        Some(id) => match model.laid.steps.get(&id) {
            Some((first, last)) => (lines_of(id.step), *first..last + 1),
            None => return 0,
        },
        None => {
            let known = || model.laid.steps.iter().filter(|(id, _)| id.lesson == model.lesson);
            let before = known().rfind(|(id, _)| lines_of(id.step).end <= line);
            let behind = known().find(|(id, _)| lines_of(id.step).start > line);
            let (from, first) = before.map_or((1, 0), |(id, (_, last))| (lines_of(id.step).end, last + 1));
            let all = page.source.lines().count() + 1;
            let (to, end) = behind.map_or((all, document.len), |(id, (first, _))| (lines_of(id.step).start, *first));
            (from..to, first..end)
        }
    };
    let rows = shown.len();
    if rows == 0 {
        return shown.start.min(document.len.saturating_sub(1));
    }
    let even = shown.start + (line - source.start.min(line)) * rows / source.len().max(1);
    let even = even.min(shown.end - 1);
    let wanted = words(text);
    let best = document
        .lines(shown.start, rows)
        .iter()
        .enumerate()
        .map(|(at, shown_line)| {
            let shared = words(&shown_line.to_string()).intersection(&wanted).count();
            (shared, std::cmp::Reverse((shown.start + at).abs_diff(even)), shown.start + at)
        })
        .max();
    match best {
        Some((shared, _, at)) if shared > 0 => at,
        // A fence's first line is not shown as it is: its card begins there.
        _ if step_at(model, line).is_some() => shown.start,
        _ => even,
    }
}

fn words(text: &str) -> BTreeSet<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    parts.map(str::to_lowercase).collect()
}

/// All lines of a page as text.
pub fn texts(document: &Document) -> Vec<String> {
    document.lines(0, document.len).iter().map(|line| line.to_string().trim_end().to_owned()).collect()
}

/// Where the line at place `at` of `before` is now, or what stands in its place.
pub fn follow(before: &[String], now: &[String], at: usize) -> usize {
    for operation in capture_diff_slices(Algorithm::Myers, before, now) {
        if !operation.old_range().contains(&at) {
            continue;
        }
        let inside = at - operation.old_range().start;
        return match operation {
            DiffOp::Equal { new_index, .. } => new_index + inside,
            DiffOp::Replace { new_index, new_len, .. } => new_index + inside.min(new_len.saturating_sub(1)),
            DiffOp::Delete { new_index, .. } | DiffOp::Insert { new_index, .. } => new_index,
        };
    }
    now.len().saturating_sub(before.len().saturating_sub(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    #[test]
    fn a_line_is_found_where_it_went() {
        let before = lines("abcdefgh");
        for (now, at, expected) in [
            ("abcdefgh", 3, 3),
            ("XYabcdefgh", 3, 5),
            ("defgh", 3, 0),
            ("abcXdefgh", 3, 4),
            ("abcDefgh", 3, 3),
            ("abc", 5, 3),
            ("", 5, 0),
        ] {
            assert_eq!(follow(&before, &lines(now), at), expected, "{now} {at}");
        }
    }
}
