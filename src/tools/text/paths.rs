//! `basename` and `dirname`.

use super::operands::{BadUsage, Spec, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// `basename NAME [SUFFIX]`, `basename (-a | -s SUFFIX) NAMES`.
pub(crate) fn basename(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec { short: "az", with_value: "s", long: &[("multiple", 'a'), ("suffix", 's'), ("zero", 'z')] };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    let several = parsed.has('a') || parsed.has('s');
    let (names, suffix) = match &parsed.operands[..] {
        [] => return BadUsage::new("missing operand").tell(invocation, streams, 1),
        names if several => (names, parsed.value('s').unwrap_or("")),
        [_] => (&parsed.operands[..], ""),
        [_, suffix] => (&parsed.operands[..1], suffix.as_str()),
        [_, _, extra, ..] => {
            return BadUsage::new(format!("extra operand ‘{extra}’")).tell(invocation, streams, 1);
        }
    };
    let end = if parsed.has('z') { '\0' } else { '\n' };
    let text: String = names.iter().map(|name| format!("{}{end}", last_part(name, suffix))).collect();
    print(invocation, streams, &text)
}

/// `dirname NAMES`.
pub(crate) fn dirname(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec { short: "z", with_value: "", long: &[("zero", 'z')] };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    if parsed.operands.is_empty() {
        return BadUsage::new("missing operand").tell(invocation, streams, 1);
    }
    let end = if parsed.has('z') { '\0' } else { '\n' };
    let text: String = parsed.operands.iter().map(|name| format!("{}{end}", folder(name))).collect();
    print(invocation, streams, &text)
}

fn print(invocation: &Invocation, streams: &mut Streams<'_>, text: &str) -> Status {
    match streams.stdout.write_all(text.as_bytes()).and_then(|()| streams.stdout.flush()) {
        Ok(()) => 0,
        Err(error) => unwritable(invocation, streams, &error),
    }
}

fn last_part<'n>(name: &'n str, suffix: &str) -> &'n str {
    let trimmed = name.trim_end_matches('/');
    if trimmed.is_empty() {
        return if name.is_empty() { "" } else { "/" };
    }
    let last = trimmed.rsplit('/').next().unwrap_or(trimmed);
    last.strip_suffix(suffix).filter(|rest| !rest.is_empty()).unwrap_or(last)
}

fn folder(name: &str) -> &str {
    let trimmed = name.trim_end_matches('/');
    if trimmed.is_empty() {
        return if name.is_empty() { "." } else { "/" };
    }
    match trimmed.rfind('/') {
        None => ".",
        Some(at) => match trimmed[..at].trim_end_matches('/') {
            "" => "/",
            folder => folder,
        },
    }
}
