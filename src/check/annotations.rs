//! The words behind `bash`: what lesson parsing says of them, and what it cannot know of blanks around `=`.

use std::ops::Range;

use super::{Code, Edit, Finding, Page, Severity};
use crate::lesson::{Slip, Span};

/// The annotations, as they are written.
const KEYS: [&str; 7] = ["test", "timeout", "wait", "hook", "hookTimeout", "expectError", "raw"];

pub(super) fn check(page: &Page<'_>, findings: &mut Vec<Finding>) {
    let spaced = spaced(page);
    for (range, joined) in &spaced {
        let mut finding = page.finding(
            Code::SpacedAnnotation,
            page.span(range.start, range.end),
            format!("blanks around `=`: this is not read as `{joined}`"),
            format!("write `{joined}`"),
        );
        finding.fix = vec![Edit { start: range.start, end: range.end, text: joined.clone() }];
        findings.push(finding);
    }
    for diagnostic in &page.lesson.diagnostics {
        let span = diagnostic.span;
        if spaced.iter().any(|(range, _)| range.start <= span.start && span.end <= range.end) {
            continue;
        }
        let code = match diagnostic.slip {
            Slip::UnknownAnnotation => Code::UnknownAnnotation,
            Slip::AnnotationValue => Code::AnnotationValue,
            Slip::RepeatedAnnotation => Code::RepeatedAnnotation,
            Slip::IdleAnnotations => Code::IdleAnnotations,
            Slip::UnclosedFence => Code::UnclosedFence,
            Slip::MissingHook => Code::MissingHook,
            Slip::TextAboveCommand => Code::TextAboveCommand,
            Slip::EmptyPrompt => Code::EmptyPrompt,
            Slip::ForgottenPrompt => Code::ForgottenPrompt,
            Slip::UnendedHereDocument => Code::UnendedHereDocument,
            Slip::Directive => Code::Directive,
        };
        let mut finding =
            page.finding(code, span, diagnostic.message.clone(), diagnostic.help.clone().unwrap_or_default());
        finding.severity = code.severity().max(Severity::from(diagnostic.severity));
        match diagnostic.slip {
            Slip::UnknownAnnotation => finding.fix = respelt(page, span).into_iter().collect(),
            // The whole fence is at fault; its first line says so best.
            Slip::MissingHook => finding.end = first_line(page, span),
            _ => {}
        }
        findings.push(finding);
    }
}

/// The place behind the first line of a span.
fn first_line(page: &Page<'_>, span: Span) -> Span {
    let text = &page.lesson.source[span.start..span.end];
    let end = span.start + text.find(['\n', '\r']).unwrap_or(text.len());
    page.span(end, end)
}

/// The edit that spells a misspelt annotation rightly, where there is no doubt which is meant.
fn respelt(page: &Page<'_>, span: Span) -> Option<Edit> {
    let word = &page.lesson.source[span.start..span.end];
    let (key, value) = word.split_once('=')?;
    let known = KEYS.into_iter().find(|known| same_letters(known, key)).or_else(|| {
        let close = similar::get_close_matches(key, &KEYS, 1, 0.8);
        close.first().copied().filter(|known| known.len().abs_diff(key.len()) <= 1)
    })?;
    let fits = match known {
        "test" | "expectError" | "raw" => matches!(value, "true" | "false"),
        "hook" => !value.is_empty(),
        _ => !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()),
    };
    // One of the two would lose.
    let line = page.index.start_of(span.line, &page.lesson.source);
    let info = page.lesson.source[line..].lines().next().unwrap_or_default();
    let taken = info.split_whitespace().any(|other| other.split('=').next() == Some(known));
    (fits && !taken).then(|| Edit { start: span.start, end: span.start + key.len(), text: known.to_owned() })
}

/// Whether two names differ in nothing but case, hyphens and underscores.
fn same_letters(a: &str, b: &str) -> bool {
    let letters = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
    letters(a) == letters(b)
}

/// Where a fence's info string has `key = value`, `key= value` or `key =value` of a known key, and what is meant.
fn spaced(page: &Page<'_>) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    for step in &page.lesson.steps {
        let start = page.index.start_of(step.span.line, &page.lesson.source);
        let line = page.lesson.source[start..].lines().next().unwrap_or_default();
        let words = words(line);
        let mut at = 1;
        while let Some(&(from, word)) = words.get(at) {
            let next = words.get(at + 1).copied();
            let (key, value, used) = match (word.split_once('='), next) {
                (None, Some((_, "="))) => (word, words.get(at + 2).copied(), 3),
                (None, Some((offset, behind))) if behind.starts_with('=') => {
                    (word, Some((offset + 1, &behind[1..])), 2)
                }
                (Some((key, "")), value) => (key, value, 2),
                _ => ("", None, 1),
            };
            let value = value.filter(|(_, value)| !value.is_empty() && !value.contains('='));
            match value {
                Some((offset, value)) if KEYS.contains(&key) => {
                    found.push((start + from..start + offset + value.len(), format!("{key}={value}")));
                    at += used;
                }
                _ => at += 1,
            }
        }
    }
    found
}

/// The words of a line, with the offset of each.
fn words(line: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut at = 0;
    for part in line.split(char::is_whitespace) {
        if !part.is_empty() {
            words.push((at, part));
        }
        at += part.len() + line[at + part.len()..].chars().next().map_or(0, char::len_utf8);
    }
    words
}
