//! `head` and `tail`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

use super::operands::{Spec, lines, open, open_file, reason, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// How much of a file: so many from its end that is meant, or all but (`head`) or from (`tail`) so many.
#[derive(Clone, Copy)]
struct Amount {
    bytes: bool,
    count: usize,
    other_way: bool,
}

const LONG: &[(&str, char)] =
    &[("lines", 'n'), ("bytes", 'c'), ("quiet", 'q'), ("silent", 'q'), ("verbose", 'v'), ("follow", 'f')];

/// `head [-n [-]N | -c [-]N] [-qv] [FILES]`.
pub(crate) fn head(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec { short: "qv", with_value: "nc", long: &LONG[..5] };
    run(invocation, streams, &spec, '-', take_head)
}

/// `tail [-n [+]N | -c [+]N] [-fqv] [FILES]`.
pub(crate) fn tail(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec { short: "qvfF", with_value: "nc", long: LONG };
    run(invocation, streams, &spec, '+', take_tail)
}

type Take = fn(&mut dyn Read, Amount, &mut dyn Write) -> io::Result<()>;

fn run(invocation: &Invocation, streams: &mut Streams<'_>, spec: &Spec, sign: char, take: Take) -> Status {
    let parsed = match spec.parse_args(&with_number(&invocation.args, sign)) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    let mut amount = Amount { bytes: false, count: 10, other_way: false };
    let mut headers = None;
    let mut follow = false;
    for (option, value) in &parsed.options {
        match option {
            'n' | 'c' => {
                let (what, bytes) = if *option == 'c' { ("bytes", true) } else { ("lines", false) };
                let (other_way, digits) = match value.strip_prefix(sign) {
                    Some(digits) => (true, digits),
                    None => (false, value.trim_start_matches(['+', '-'])),
                };
                let Some(count) = size(digits) else {
                    let name = &invocation.name;
                    let _ = writeln!(streams.stderr, "{name}: invalid number of {what}: ‘{value}’");
                    return 1;
                };
                amount = Amount { bytes, count, other_way };
            }
            'q' => headers = Some(false),
            'v' => headers = Some(true),
            _ => follow = true,
        }
    }
    let operands = parsed.operands_or_stdin();
    let headers = headers.unwrap_or(operands.len() > 1);
    let mut status = 0;
    let mut first = true;
    for operand in &operands {
        let mut source = match open(invocation, streams.stdin, operand) {
            Ok(source) => source,
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                let _ = writeln!(streams.stderr, "{}: error reading '{operand}': Is a directory", invocation.name);
                status = 1;
                continue;
            }
            Err(error) => {
                let name = &invocation.name;
                let _ = writeln!(streams.stderr, "{name}: cannot open '{operand}' for reading: {}", reason(&error));
                status = 1;
                continue;
            }
        };
        let mut written = Ok(());
        if headers {
            let label = if *operand == "-" { "standard input" } else { operand };
            let gap = if first { "" } else { "\n" };
            written = writeln!(streams.stdout, "{gap}==> {label} <==");
        }
        first = false;
        let written = written.and_then(|()| take(&mut source, amount, streams.stdout));
        drop(source);
        if let Err(error) = written.and_then(|()| streams.stdout.flush()) {
            return unwritable(invocation, streams, &error);
        }
    }
    match operands.last() {
        Some(last) if follow && *last != "-" && status == 0 => follow_file(invocation, streams, last),
        _ => status,
    }
}

/// The old forms `-5` and, for `tail`, `+5`.
fn with_number(args: &[String], sign: char) -> Vec<String> {
    let mut args = args.to_vec();
    if let Some(first) = args.first_mut() {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if first.strip_prefix('-').is_some_and(digits) {
            *first = format!("-n{}", &first[1..]);
        } else if sign == '+' && first.strip_prefix('+').is_some_and(digits) {
            *first = format!("-n{first}");
        }
    }
    args
}

/// A number with an optional multiplier.
fn size(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor = match &text[end..] {
        "" => 1,
        "b" => 512,
        "k" | "K" | "KiB" => 1024,
        "kB" | "KB" => 1000,
        "m" | "M" | "MiB" => 1024 * 1024,
        "MB" => 1_000_000,
        "G" | "GiB" => 1024 * 1024 * 1024,
        _ => return None,
    };
    text[..end].parse::<usize>().ok()?.checked_mul(factor)
}

fn take_head(source: &mut dyn Read, amount: Amount, out: &mut dyn Write) -> io::Result<()> {
    if amount.other_way {
        let mut all = Vec::new();
        source.read_to_end(&mut all)?;
        return if amount.bytes {
            out.write_all(&all[..all.len().saturating_sub(amount.count)])
        } else {
            let count = lines(&all).count().saturating_sub(amount.count);
            lines(&all).take(count).try_for_each(|line| out.write_all(line))
        };
    }
    if amount.bytes {
        let mut left = amount.count;
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            let wanted = left.min(buffer.len());
            let count = source.read(&mut buffer[..wanted])?;
            if count == 0 {
                break;
            }
            out.write_all(&buffer[..count])?;
            left -= count;
        }
        return Ok(());
    }
    let mut reader = BufReader::new(source);
    for _ in 0..amount.count {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        out.write_all(&line)?;
    }
    Ok(())
}

fn take_tail(source: &mut dyn Read, amount: Amount, out: &mut dyn Write) -> io::Result<()> {
    let mut all = Vec::new();
    source.read_to_end(&mut all)?;
    let skipped = |total: usize| {
        if amount.other_way { amount.count.saturating_sub(1) } else { total.saturating_sub(amount.count) }
    };
    if amount.bytes {
        return out.write_all(&all[skipped(all.len()).min(all.len())..]);
    }
    lines(&all).skip(skipped(lines(&all).count())).try_for_each(|line| out.write_all(line))
}

/// Prints what is added to a file, until the call is cancelled.
fn follow_file(invocation: &Invocation, streams: &mut Streams<'_>, path: &str) -> Status {
    let mut shown = invocation.files.metadata(path).map_or(0, |known| known.len());
    let mut busy = None;
    loop {
        drop(busy.take());
        busy = invocation.clock.sleep_blocking(Duration::from_secs(1), &invocation.cancel);
        if busy.is_none() {
            return 130;
        }
        let length = invocation.files.metadata(path).map_or(shown, |known| known.len());
        if length == shown {
            continue;
        }
        let added = open_file(invocation, path).and_then(|mut file| {
            use std::io::Seek as _;
            if length < shown {
                shown = 0;
            }
            file.seek(io::SeekFrom::Start(shown))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        if let Ok(bytes) = added {
            shown += bytes.len() as u64;
            if let Err(error) = streams.stdout.write_all(&bytes).and_then(|()| streams.stdout.flush()) {
                return unwritable(invocation, streams, &error);
            }
        }
    }
}
