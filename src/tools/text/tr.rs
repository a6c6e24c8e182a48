//! `tr`, on bytes, as GNU has it.

use std::io::Read;

use super::operands::{BadUsage, Spec, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// `tr [-cCdst] SET1 [SET2]`.
pub(crate) fn tr(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec {
        short: "cCdst",
        with_value: "",
        long: &[("complement", 'c'), ("delete", 'd'), ("squeeze-repeats", 's'), ("truncate-set1", 't')],
    };
    let table = spec.parse(invocation).map_err(Problem::Usage).and_then(|parsed| {
        let has = |option| parsed.has(option);
        Table::new(&parsed.operands, has('c') || has('C'), has('d'), has('s'), has('t'))
    });
    let mut table = match table {
        Ok(table) => table,
        Err(Problem::Usage(problem)) => return problem.tell(invocation, streams, 1),
        Err(Problem::Set(problem)) => {
            let _ = writeln!(streams.stderr, "tr: {problem}");
            return 1;
        }
    };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match Read::read(&mut *streams.stdin, &mut buffer) {
            Ok(0) => return 0,
            Ok(count) => count,
            Err(_) => return 1,
        };
        let out: Vec<u8> = buffer[..count].iter().filter_map(|byte| table.pass(*byte)).collect();
        if let Err(error) = streams.stdout.write_all(&out).and_then(|()| streams.stdout.flush()) {
            return unwritable(invocation, streams, &error);
        }
    }
}

/// What is wrong with a command line: GNU shows the way to the help for the one, and not for the other.
enum Problem {
    Usage(BadUsage),
    Set(String),
}

/// What becomes of each byte.
struct Table {
    becomes: [u8; 256],
    deleted: [bool; 256],
    squeezed: [bool; 256],
    last: Option<u8>,
}

impl Table {
    fn new(sets: &[String], complement: bool, delete: bool, squeeze: bool, truncate: bool) -> Result<Self, Problem> {
        let wrong = |message: String| Err(Problem::Usage(BadUsage::new(message)));
        let (one, two) = match sets {
            [] => return wrong("missing operand".into()),
            [one] if delete != squeeze => (one, None),
            [one] => {
                let why = if delete { "deleting and squeezing repeats" } else { "translating" };
                return wrong(format!("missing operand after ‘{one}’\nTwo strings must be given when {why}."));
            }
            [_, two] if delete && !squeeze => {
                return wrong(format!(
                    "extra operand ‘{two}’\nOnly one string may be given when deleting without squeezing repeats."
                ));
            }
            [one, two] => (one, Some(two)),
            [_, _, extra, ..] => return wrong(format!("extra operand ‘{extra}’")),
        };
        let mut first = set(one, None)?;
        if complement {
            first = (0..=255).filter(|byte| !first.contains(byte)).collect();
        }
        let mut table = Self {
            becomes: std::array::from_fn(|at| at as u8),
            deleted: [false; 256],
            squeezed: [false; 256],
            last: None,
        };
        if delete {
            first.iter().for_each(|byte| table.deleted[usize::from(*byte)] = true);
        }
        let Some(two) = two else {
            if squeeze {
                first.iter().for_each(|byte| table.squeezed[usize::from(*byte)] = true);
            }
            return Ok(table);
        };
        let second = set(two, Some(first.len()))?;
        if !delete {
            if second.is_empty() {
                return wrong("when not truncating set1, string2 must be non-empty".into());
            }
            for (at, byte) in first.iter().enumerate() {
                match second.get(at).or(if truncate { None } else { second.last() }) {
                    Some(to) => table.becomes[usize::from(*byte)] = *to,
                    None => break,
                }
            }
        }
        if squeeze {
            second.iter().for_each(|byte| table.squeezed[usize::from(*byte)] = true);
        }
        Ok(table)
    }

    fn pass(&mut self, byte: u8) -> Option<u8> {
        if self.deleted[usize::from(byte)] {
            return None;
        }
        let byte = self.becomes[usize::from(byte)];
        if self.squeezed[usize::from(byte)] && self.last == Some(byte) {
            return None;
        }
        self.last = Some(byte);
        Some(byte)
    }
}

/// The bytes of a set: escapes, ranges, classes and, in the second set, repeats that fill it up to `length`.
fn set(text: &str, length: Option<usize>) -> Result<Vec<u8>, Problem> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"[:")
            && let Some(end) = find(rest, b":]")
        {
            let name = String::from_utf8_lossy(&rest[2..end]).into_owned();
            out.extend(class(&name).ok_or_else(|| Problem::Set(format!("invalid character class ‘{name}’")))?);
            at += end + 2;
            continue;
        }
        if rest.starts_with(b"[")
            && let Some(length) = length
            && let Some((byte, used)) = character(&rest[1..])
            && rest.get(1 + used) == Some(&b'*')
            && let Some(end) = rest.iter().position(|byte| *byte == b']')
        {
            let count = std::str::from_utf8(&rest[2 + used..end]).unwrap_or_default();
            let count = match count {
                "" => length.saturating_sub(out.len()),
                octal if octal.starts_with('0') => usize::from_str_radix(octal, 8).unwrap_or(0),
                decimal => decimal.parse().unwrap_or(0),
            };
            out.extend(std::iter::repeat_n(byte, count.min(256)));
            at += end + 1;
            continue;
        }
        let Some((byte, used)) = character(rest) else { break };
        at += used;
        if bytes.get(at) == Some(&b'-')
            && let Some((end, used)) = character(&bytes[at + 1..])
        {
            if end < byte {
                let range = String::from_utf8_lossy(&bytes[at - 1..at + 1 + used]).into_owned();
                return Err(Problem::Set(format!(
                    "range-endpoints of '{range}' are in reverse collating sequence order"
                )));
            }
            out.extend(byte..=end);
            at += 1 + used;
        } else {
            out.push(byte);
        }
    }
    Ok(out)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// A character, maybe an escape, and how many bytes it takes.
fn character(text: &[u8]) -> Option<(u8, usize)> {
    let first = *text.first()?;
    if first != b'\\' {
        return Some((first, 1));
    }
    let Some(second) = text.get(1) else { return Some((b'\\', 1)) };
    Some(match second {
        b'a' => (7, 2),
        b'b' => (8, 2),
        b'f' => (12, 2),
        b'n' => (b'\n', 2),
        b'r' => (b'\r', 2),
        b't' => (b'\t', 2),
        b'v' => (11, 2),
        b'0'..=b'7' => {
            let digits = text[1..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
            let value = text[1..=digits].iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
            (value as u8, 1 + digits)
        }
        other => (*other, 2),
    })
}

fn class(name: &str) -> Option<Vec<u8>> {
    let holds: fn(&u8) -> bool = match name {
        "alnum" => u8::is_ascii_alphanumeric,
        "alpha" => u8::is_ascii_alphabetic,
        "blank" => |byte| matches!(byte, b' ' | b'\t'),
        "cntrl" => u8::is_ascii_control,
        "digit" => u8::is_ascii_digit,
        "graph" => u8::is_ascii_graphic,
        "lower" => u8::is_ascii_lowercase,
        "print" => |byte| (32..127).contains(byte),
        "punct" => u8::is_ascii_punctuation,
        "space" => |byte| matches!(byte, 9..=13 | 32),
        "upper" => u8::is_ascii_uppercase,
        "xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    };
    Some((0..=255).filter(holds).collect())
}
