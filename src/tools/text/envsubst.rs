//! `envsubst`: GNU gettext's, which puts exported variables where a text names them.

use std::collections::BTreeSet;

use super::operands::{Spec, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// A part of a text.
enum Part<'t> {
    Text(&'t [u8]),
    /// A reference as written, and the name in it.
    Variable(&'t [u8], &'t str),
}

/// `envsubst [-v] [SHELL-FORMAT]`.
pub(crate) fn envsubst(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec { short: "vhV", with_value: "", long: &[("variables", 'v'), ("help", 'h'), ("version", 'V')] };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    if parsed.operands.len() > 1 {
        let _ = writeln!(streams.stderr, "envsubst: too many arguments");
        return 1;
    }
    let format = parsed.operands.first();
    if parsed.has('v') {
        let Some(format) = format else {
            let _ = writeln!(streams.stderr, "envsubst: missing arguments");
            return 1;
        };
        let names: String = names(format).into_iter().map(|name| format!("{name}\n")).collect();
        return match streams.stdout.write_all(names.as_bytes()) {
            Ok(()) => 0,
            Err(error) => unwritable(invocation, streams, &error),
        };
    }
    let only: Option<BTreeSet<&str>> = format.map(|format| names(format).into_iter().collect());
    let mut input = Vec::new();
    if let Err(error) = streams.stdin.read_to_end(&mut input) {
        let _ = writeln!(streams.stderr, "envsubst: error while reading standard input: {error}");
        return 1;
    }
    let mut out = Vec::with_capacity(input.len());
    for part in parts(&input) {
        match part {
            Part::Text(text) => out.extend_from_slice(text),
            Part::Variable(written, name) if only.as_ref().is_some_and(|only| !only.contains(name)) => {
                out.extend_from_slice(written);
            }
            Part::Variable(_, name) => {
                out.extend_from_slice(invocation.env.get(name).map_or("", String::as_str).as_bytes())
            }
        }
    }
    match streams.stdout.write_all(&out).and_then(|()| streams.stdout.flush()) {
        Ok(()) => 0,
        Err(error) => unwritable(invocation, streams, &error),
    }
}

/// The variables that a text names, in their order.
fn names(text: &str) -> Vec<&str> {
    parts(text.as_bytes())
        .into_iter()
        .filter_map(|part| match part {
            Part::Variable(_, name) => Some(name),
            Part::Text(_) => None,
        })
        .collect()
}

/// Takes a text apart at `$NAME` and `${NAME}`; anything else with a dollar sign stands for itself.
fn parts(text: &[u8]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'$' {
            at += 1;
            continue;
        }
        let braced = text.get(at + 1) == Some(&b'{');
        let start = at + 1 + usize::from(braced);
        let first = text.get(start).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        let length = text[start.min(text.len())..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        let end = start + length;
        if !first || braced && text.get(end) != Some(&b'}') {
            at += 1;
            continue;
        }
        let after = end + usize::from(braced);
        if let Ok(name) = std::str::from_utf8(&text[start..end]) {
            parts.push(Part::Text(&text[begin..at]));
            parts.push(Part::Variable(&text[at..after], name));
            begin = after;
        }
        at = after;
    }
    parts.push(Part::Text(&text[begin..]));
    parts
}
