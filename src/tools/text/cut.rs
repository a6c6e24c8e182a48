//! `cut`.

use super::operands::{BadUsage, Parsed, Spec, lines, read_all, reason, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// `cut (-b | -c | -f) LIST [-d DELIMITER] [-s] [--complement] [--output-delimiter TEXT] [FILES]`.
pub(crate) fn cut(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec {
        short: "sn!",
        with_value: "bcfdo",
        long: &[
            ("bytes", 'b'),
            ("characters", 'c'),
            ("fields", 'f'),
            ("delimiter", 'd'),
            ("only-delimited", 's'),
            ("complement", '!'),
            ("output-delimiter", 'o'),
        ],
    };
    let wanted = spec.parse(invocation).and_then(|parsed| Wanted::new(&parsed).map(|wanted| (parsed, wanted)));
    let (parsed, wanted) = match wanted {
        Ok(wanted) => wanted,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    let mut status = 0;
    for operand in parsed.operands_or_stdin() {
        let bytes = match read_all(invocation, streams.stdin, operand) {
            Ok(bytes) => bytes,
            Err(error) => {
                let _ = writeln!(streams.stderr, "cut: {operand}: {}", reason(&error));
                status = 1;
                continue;
            }
        };
        let mut out = Vec::with_capacity(bytes.len());
        for line in lines(&bytes) {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if let Some(kept) = wanted.kept(line) {
                out.extend_from_slice(&kept);
                out.push(b'\n');
            }
        }
        if let Err(error) = streams.stdout.write_all(&out) {
            return unwritable(invocation, streams, &error);
        }
    }
    match streams.stdout.flush() {
        Ok(()) => status,
        Err(error) => unwritable(invocation, streams, &error),
    }
}

struct Wanted {
    ranges: Vec<(usize, usize)>,
    fields: bool,
    delimiter: u8,
    joiner: Option<Vec<u8>>,
    only_delimited: bool,
    complement: bool,
}

impl Wanted {
    fn new(parsed: &Parsed) -> Result<Self, BadUsage> {
        let lists: Vec<&(char, String)> =
            parsed.options.iter().filter(|(option, _)| matches!(option, 'b' | 'c' | 'f')).collect();
        let (kind, list) = match lists[..] {
            [] => return Err(BadUsage::new("you must specify a list of bytes, characters, or fields")),
            [one] => one,
            _ => return Err(BadUsage::new("only one list may be specified")),
        };
        let fields = *kind == 'f';
        let delimiter = match parsed.value('d').map(str::as_bytes) {
            None => b'\t',
            Some([]) => 0,
            Some([one]) => *one,
            Some(_) => return Err(BadUsage::new("the delimiter must be a single character")),
        };
        if !fields && parsed.has('d') {
            return Err(BadUsage::new("an input delimiter may be specified only when operating on fields"));
        }
        Ok(Self {
            ranges: ranges(list, fields)?,
            fields,
            delimiter,
            joiner: parsed.value('o').map(|text| text.as_bytes().to_vec()),
            only_delimited: parsed.has('s'),
            complement: parsed.has('!'),
        })
    }

    fn has(&self, place: usize) -> bool {
        self.ranges.iter().any(|(from, upto)| (*from..=*upto).contains(&place)) != self.complement
    }

    fn kept(&self, line: &[u8]) -> Option<Vec<u8>> {
        if !self.fields {
            let mut out = Vec::new();
            let mut last = None;
            for (index, byte) in line.iter().enumerate().filter(|(index, _)| self.has(index + 1)) {
                if let (Some(joiner), Some(last)) = (&self.joiner, last)
                    && last + 1 != index
                {
                    out.extend_from_slice(joiner);
                }
                out.push(*byte);
                last = Some(index);
            }
            return Some(out);
        }
        if !line.contains(&self.delimiter) {
            return if self.only_delimited { None } else { Some(line.to_vec()) };
        }
        let fields = line.split(|byte| *byte == self.delimiter).enumerate();
        let kept: Vec<&[u8]> = fields.filter(|(index, _)| self.has(index + 1)).map(|(_, field)| field).collect();
        Some(kept.join(self.joiner.as_deref().unwrap_or(&[self.delimiter])))
    }
}

/// `N`, `N-`, `N-M`, `-M`, with commas between them.
fn ranges(list: &str, fields: bool) -> Result<Vec<(usize, usize)>, BadUsage> {
    let numbered = if fields { "fields are numbered from 1" } else { "byte/character positions are numbered from 1" };
    list.split([',', ' '])
        .map(|part| {
            let bound = |text: &str, default: usize| match text {
                "" => Ok(default),
                text => match text.parse::<usize>() {
                    Ok(0) => Err(BadUsage::new(numbered)),
                    Ok(value) => Ok(value),
                    Err(_) if fields => Err(BadUsage::new(format!("invalid field value ‘{text}’"))),
                    Err(_) => Err(BadUsage::new(format!("invalid byte/character position ‘{text}’"))),
                },
            };
            let (from, upto) = match part.split_once('-') {
                Some(("", "")) => return Err(BadUsage::new("invalid range with no endpoint: -")),
                Some((from, upto)) => (bound(from, 1)?, bound(upto, usize::MAX)?),
                None if part.is_empty() => return Err(BadUsage::new(numbered)),
                None => {
                    let one = bound(part, 1)?;
                    (one, one)
                }
            };
            if from > upto { Err(BadUsage::new("invalid decreasing range")) } else { Ok((from, upto)) }
        })
        .collect()
}
