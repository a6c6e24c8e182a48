//! What the workshop's own runner never executes, or executes cut off, though lectern does.
//!
//! That runner reads a fence line by line and stops at the first blank line; of here-documents it knows those that `<<EOF` opens and a line
//! `EOF` closes, and takes the lines of any other one for output.

use super::{Code, Finding, Page};
use crate::lesson::{Command, Span};

/// The beginning of the only here-document that the other runner knows.
const KNOWN: &str = "<<EOF";

pub(super) fn check(page: &Page<'_>, findings: &mut Vec<Finding>) {
    for (place, step) in page.lesson.steps.iter().enumerate() {
        if !page.lesson.executes(place) || step.annotations.raw {
            continue;
        }
        let source = &page.lesson.source;
        let first = page.index.start_of(step.span.line + 1, source);
        // Where the other runner stops: the first blank line behind the fence's first one.
        let blank = lines(source, first, step.span.end).find(|(_, line)| line.trim().is_empty());
        let stop = blank.map_or(usize::MAX, |(offset, _)| offset);
        let later: Vec<&Command> = step.commands.iter().filter(|command| command.span.start > stop).collect();
        let blank_line = page.index.line(stop.min(source.len()));
        if let Some(command) = later.first() {
            let count = match later.len() {
                1 => "this command".to_owned(),
                count => format!("this and {} more", if count == 2 { "one".into() } else { (count - 1).to_string() }),
            };
            findings.push(page.finding(
                Code::NeverRunElsewhere,
                first_line(page, command.span),
                format!("the workshop's runner never executes {count}: it stops at the blank line {blank_line}"),
                "take the blank line away, or give the command a fence of its own",
            ));
        }
        for command in &step.commands {
            if command.span.start < stop && stop < command.span.end {
                findings.push(page.finding(
                    Code::NeverRunElsewhere,
                    first_line(page, command.span),
                    format!("the workshop's runner executes this command only up to the blank line {blank_line}"),
                    "take the blank line away",
                ));
            } else if command.span.start < stop && has_other_document(command) {
                findings.push(page.finding(
                    Code::NeverRunElsewhere,
                    first_line(page, command.span),
                    "the workshop's runner does not know this here-document: it takes its lines for output",
                    "write it as `<<EOF` … `EOF`",
                ));
            }
        }
    }
}

/// Whether the command goes on over lines that only a here-document explains, and not one that the other runner knows.
fn has_other_document(command: &Command) -> bool {
    let mut lines = command.text.lines();
    for line in lines.by_ref() {
        if line.contains(KNOWN) {
            return false;
        }
        if !line.ends_with('\\') {
            break;
        }
    }
    lines.next().is_some()
}

fn lines(source: &str, from: usize, to: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut at = from;
    source.get(from..to).unwrap_or_default().split('\n').map(move |line| {
        let offset = at;
        at += line.len() + 1;
        (offset, line)
    })
}

fn first_line(page: &Page<'_>, span: Span) -> Span {
    let text = &page.lesson.source[span.start..span.end];
    page.span(span.start, span.start + text.find(['\n', '\r']).unwrap_or(text.len()))
}
