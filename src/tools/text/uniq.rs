//! `uniq`.

use super::operands::{Spec, lines, read_all, reason, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// `uniq [-cdiu] [INPUT]`.
pub(crate) fn uniq(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec {
        short: "cdiu",
        with_value: "",
        long: &[("count", 'c'), ("repeated", 'd'), ("ignore-case", 'i'), ("unique", 'u')],
    };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    let operand = parsed.operands_or_stdin()[0];
    let bytes = match read_all(invocation, streams.stdin, operand) {
        Ok(bytes) => bytes,
        Err(error) => {
            let _ = writeln!(streams.stderr, "uniq: {operand}: {}", reason(&error));
            return 1;
        }
    };
    let mut groups: Vec<(&[u8], usize)> = Vec::new();
    for line in lines(&bytes) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        match groups.last_mut() {
            Some((first, count)) if *first == line || parsed.has('i') && first.eq_ignore_ascii_case(line) => {
                *count += 1
            }
            _ => groups.push((line, 1)),
        }
    }
    let mut out = Vec::with_capacity(bytes.len());
    for (line, count) in groups {
        if parsed.has('d') && count == 1 || parsed.has('u') && count > 1 {
            continue;
        }
        if parsed.has('c') {
            out.extend_from_slice(format!("{count:7} ").as_bytes());
        }
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    match streams.stdout.write_all(&out).and_then(|()| streams.stdout.flush()) {
        Ok(()) => 0,
        Err(error) => unwritable(invocation, streams, &error),
    }
}
