//! `sort`, by bytes as in the C locale.

use std::cmp::Ordering;

use super::operands::{BadUsage, Spec, lines, read_all, reason, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// Which part of a line is compared, and how.
#[derive(Clone, Default)]
struct Key {
    /// First and last field, from 1; 0 is to the end.
    from: usize,
    upto: usize,
    numeric: bool,
    human: bool,
    fold: bool,
    reverse: bool,
}

/// `sort [-fhnru] [-t SEPARATOR] [-k FIELD[,FIELD][fhnr]] [FILES]`.
pub(crate) fn sort(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec {
        short: "fhnrusb",
        with_value: "tk",
        long: &[
            ("ignore-case", 'f'),
            ("human-numeric-sort", 'h'),
            ("numeric-sort", 'n'),
            ("reverse", 'r'),
            ("unique", 'u'),
            ("stable", 's'),
            ("field-separator", 't'),
            ("key", 'k'),
        ],
    };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 2),
    };
    let mut whole = Key { from: 1, ..Key::default() };
    parsed.options.iter().for_each(|(option, _)| whole.flag(*option));
    let mut keys = Vec::new();
    for (_, text) in parsed.options.iter().filter(|(option, _)| *option == 'k') {
        match key(text, &whole) {
            Ok(key) => keys.push(key),
            Err(problem) => {
                let _ = writeln!(streams.stderr, "sort: {}", problem.text());
                return 2;
            }
        }
    }
    let separator = parsed.value('t').and_then(|text| text.bytes().next());
    let mut all = Vec::new();
    for operand in parsed.operands_or_stdin() {
        match read_all(invocation, streams.stdin, operand) {
            Ok(bytes) => {
                all.extend_from_slice(&bytes);
                if all.last().is_some_and(|last| *last != b'\n') {
                    all.push(b'\n');
                }
            }
            Err(error) => {
                let _ = writeln!(streams.stderr, "sort: cannot read: {operand}: {}", reason(&error));
                return 2;
            }
        }
    }
    let mut sorted: Vec<&[u8]> = lines(&all).collect();
    let by_keys = |a: &&[u8], b: &&[u8]| {
        let (a, b) = (&a[..a.len() - 1], &b[..b.len() - 1]);
        let compared = if keys.is_empty() { std::slice::from_ref(&whole) } else { &keys[..] };
        compared.iter().map(|key| key.compare(a, b, separator)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let last_resort = !parsed.has('s') && !parsed.has('u');
    sorted.sort_by(|a, b| {
        let order = by_keys(a, b);
        if order.is_ne() || !last_resort {
            return order;
        }
        let bytes = a[..a.len() - 1].cmp(&b[..b.len() - 1]);
        if whole.reverse { bytes.reverse() } else { bytes }
    });
    if parsed.has('u') {
        sorted.dedup_by(|a, b| by_keys(a, b).is_eq());
    }
    match streams.stdout.write_all(&sorted.concat()).and_then(|()| streams.stdout.flush()) {
        Ok(()) => 0,
        Err(error) => unwritable(invocation, streams, &error),
    }
}

/// `FIELD[,FIELD]` with letters after either number; without letters it is compared as lines are.
fn key(text: &str, whole: &Key) -> Result<Key, BadUsage> {
    let digits = |part: &str| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        (part[..end].parse::<usize>(), part[end..].to_owned())
    };
    let (from, upto) = text.split_once(',').unwrap_or((text, ""));
    let (Ok(from), from_flags) = digits(from) else {
        return Err(BadUsage::new(format!("invalid number at field start: invalid count at start of ‘{text}’")));
    };
    if from == 0 {
        return Err(BadUsage::new(format!("-: invalid field specification ‘{text}’: field number is zero")));
    }
    let (upto, upto_flags) = digits(upto);
    let flags = from_flags + &upto_flags;
    if let Some(unknown) = flags.chars().find(|flag| !"fhnrb".contains(*flag)) {
        return Err(BadUsage::new(format!("-k with ‘{unknown}’ is not available here: use fields and f, h, n, r")));
    }
    let mut key = if flags.is_empty() { whole.clone() } else { Key::default() };
    flags.chars().for_each(|flag| key.flag(flag));
    (key.from, key.upto) = (from, upto.unwrap_or(0));
    Ok(key)
}

impl Key {
    fn flag(&mut self, flag: char) {
        match flag {
            'n' => self.numeric = true,
            'h' => self.human = true,
            'f' => self.fold = true,
            'r' => self.reverse = true,
            _ => {}
        }
    }

    fn compare(&self, a: &[u8], b: &[u8], separator: Option<u8>) -> Ordering {
        let (a, b) = (self.part(a, separator), self.part(b, separator));
        let order = if self.human {
            human(a).total_cmp(&human(b))
        } else if self.numeric {
            number(a).0.total_cmp(&number(b).0)
        } else if self.fold {
            a.to_ascii_uppercase().cmp(&b.to_ascii_uppercase())
        } else {
            a.cmp(b)
        };
        if self.reverse { order.reverse() } else { order }
    }

    /// The fields of a line; without a separator each begins with the blanks before it.
    fn part<'l>(&self, line: &'l [u8], separator: Option<u8>) -> &'l [u8] {
        if self.from <= 1 && self.upto == 0 {
            return line;
        }
        let mut ends = Vec::new();
        match separator {
            Some(separator) => ends.extend((0..line.len()).filter(|at| line[*at] == separator)),
            None => {
                let blank = |at: usize| matches!(line[at], b' ' | b'\t');
                ends.extend((1..line.len()).filter(|at| blank(*at) && !blank(at - 1)));
            }
        }
        let skip = usize::from(separator.is_some());
        let start = match self.from {
            0 | 1 => 0,
            from => ends.get(from - 2).map_or(line.len(), |end| end + skip),
        };
        let end = if self.upto == 0 { line.len() } else { ends.get(self.upto - 1).copied().unwrap_or(line.len()) };
        &line[start..end.max(start)]
    }
}

/// The number that a text begins with, and what follows it.
fn number(text: &[u8]) -> (f64, &[u8]) {
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(text.len());
    let text = &text[start..];
    let sign = usize::from(text.first() == Some(&b'-'));
    let length = text[sign..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count() + sign;
    let value = std::str::from_utf8(&text[..length]).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0.0);
    // Minus zero is zero.
    (value + 0.0, &text[length..])
}

/// A number with a unit letter: units count before digits.
fn human(text: &[u8]) -> f64 {
    let (value, rest) = number(text);
    let power = rest.first().and_then(|unit| b"KMGTPEZY".iter().position(|known| *known == unit.to_ascii_uppercase()));
    value * 1024_f64.powi(power.map_or(0, |power| power as i32 + 1))
}
