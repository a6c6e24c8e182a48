//! `wc`.

use super::operands::{Spec, open_file, read_all, reason, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// What is counted, in the order in which it is printed.
const COUNTS: [char; 5] = ['l', 'w', 'm', 'c', 'L'];

/// `wc [-clLmw] [FILES]`.
pub(crate) fn wc(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec {
        short: "clLmw",
        with_value: "",
        long: &[("bytes", 'c'), ("chars", 'm'), ("lines", 'l'), ("max-line-length", 'L'), ("words", 'w')],
    };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    let default = parsed.options.is_empty();
    let wanted: Vec<char> =
        COUNTS.into_iter().filter(|count| parsed.has(*count) || default && "lwc".contains(*count)).collect();
    let operands = parsed.operands_or_stdin();
    let width = width(invocation, &operands, &wanted);
    let mut total = [0; 5];
    let mut status = 0;
    for operand in &operands {
        let bytes = match read_all(invocation, streams.stdin, operand) {
            Ok(bytes) => bytes,
            Err(error) => {
                let _ = writeln!(streams.stderr, "wc: {operand}: {}", reason(&error));
                status = 1;
                Vec::new()
            }
        };
        let missing = status == 1 && bytes.is_empty() && *operand != "-" && open_file(invocation, operand).is_err();
        let is_folder = invocation.files.metadata(operand).is_ok_and(|known| known.is_dir());
        if missing && !is_folder {
            continue;
        }
        let counts = counts(&bytes);
        for (index, count) in counts.iter().enumerate() {
            total[index] = if COUNTS[index] == 'L' { total[index].max(*count) } else { total[index] + count };
        }
        let name = (!parsed.operands.is_empty()).then_some(*operand);
        if let Err(error) = print(streams, &counts, &wanted, width, name) {
            return unwritable(invocation, streams, &error);
        }
    }
    let totalled = if operands.len() > 1 { print(streams, &total, &wanted, width, Some("total")) } else { Ok(()) };
    match totalled.and_then(|()| streams.stdout.flush()) {
        Ok(()) => status,
        Err(error) => unwritable(invocation, streams, &error),
    }
}

fn counts(bytes: &[u8]) -> [usize; 5] {
    let text = String::from_utf8_lossy(bytes);
    let longest = text.split('\n').map(|line| unicode_width::UnicodeWidthStr::width(line.trim_end_matches('\r')));
    [
        bytes.iter().filter(|byte| **byte == b'\n').count(),
        text.split_whitespace().count(),
        std::str::from_utf8(bytes).map_or_else(|_| text.chars().count(), |text| text.chars().count()),
        bytes.len(),
        longest.max().unwrap_or(0),
    ]
}

/// As wide as the size of all files together; 7 where a size can't be known beforehand.
fn width(invocation: &Invocation, operands: &[&str], wanted: &[char]) -> usize {
    if operands.len() == 1 && wanted.len() == 1 {
        return 1;
    }
    let mut least = 1;
    let mut size = 0;
    for operand in operands {
        match invocation.files.metadata(operand) {
            _ if *operand == "-" => least = 7,
            Ok(known) if known.is_file() => size += known.len(),
            Ok(_) => least = 7,
            Err(_) => {}
        }
    }
    size.to_string().len().max(least)
}

fn print(
    streams: &mut Streams<'_>,
    counts: &[usize; 5],
    wanted: &[char],
    width: usize,
    name: Option<&str>,
) -> std::io::Result<()> {
    let shown = COUNTS.iter().zip(counts).filter(|(count, _)| wanted.contains(count));
    let mut line = shown.map(|(_, count)| format!("{count:width$}")).collect::<Vec<_>>().join(" ");
    if let Some(name) = name {
        line.push(' ');
        line.push_str(name);
    }
    writeln!(streams.stdout, "{line}")
}
