//! Goes through one input line by line and prints what is selected.

use std::io::{self, BufRead, BufReader, Read, Write};

use super::pattern::Finder;
use tokio_util::sync::CancellationToken;

use super::options::Options;

/// What is needed to search.
pub(super) struct Searching<'s> {
    pub(super) options: &'s Options,
    pub(super) matcher: Option<&'s Finder>,
    pub(super) cancel: &'s CancellationToken,
}

/// How a search went.
pub(super) enum Outcome {
    Selected,
    Nothing,
    Unreadable(io::Error),
}

/// How lines are printed, over all inputs.
pub(super) struct Report {
    with_names: bool,
    /// Something was printed with context already: the next group is set off by `--`.
    printed: bool,
    separated: bool,
}

impl Report {
    pub(super) fn new(options: &Options, with_names: bool) -> Self {
        Self { with_names, printed: false, separated: options.before > 0 || options.after > 0 }
    }
}

/// A line of the input.
struct Line {
    bytes: Vec<u8>,
    number: u64,
    offset: u64,
}

impl Searching<'_> {
    /// Searches one input; the error is that of writing.
    pub(super) fn run(
        &self,
        source: &mut dyn Read,
        label: &str,
        report: &mut Report,
        out: &mut dyn Write,
    ) -> io::Result<Outcome> {
        let options = self.options;
        let quiet = options.quiet || options.files_with || options.files_without || options.count;
        let mut reader = BufReader::with_capacity(64 * 1024, source);
        let mut selected = 0_u64;
        let mut before: std::collections::VecDeque<Line> = std::collections::VecDeque::new();
        let mut after = 0_usize;
        let mut last_printed = 0_u64;
        let (mut number, mut offset) = (0, 0);
        let mut binary = false;
        let mut unreadable = None;
        if options.max_count == Some(0) {
            return self.summary(label, report, 0, out);
        }
        loop {
            if self.cancel.is_cancelled() {
                break;
            }
            let mut bytes = Vec::new();
            match reader.read_until(b'\n', &mut bytes) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    unreadable = Some(error);
                    break;
                }
            }
            binary |= !options.text && bytes.contains(&0);
            number += 1;
            let length = bytes.len() as u64;
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            let line = Line { bytes, number, offset };
            offset += length;
            let reached = options.max_count.is_some_and(|limit| selected >= limit);
            if !reached && self.selects(&line.bytes) != options.invert {
                selected += 1;
                if options.quiet || options.files_with || options.files_without {
                    break;
                }
                if !quiet {
                    if binary {
                        writeln!(out, "Binary file {label} matches")?;
                        return Ok(Outcome::Selected);
                    }
                    let first = before.front().map_or(line.number, |line| line.number);
                    if report.separated && report.printed && (first > last_printed + 1 || last_printed == 0) {
                        self.separator(out)?;
                    }
                    for line in before.drain(..) {
                        self.context_line(&line, label, report, out)?;
                    }
                    self.selected_line(&line, label, report, out)?;
                    report.printed = true;
                    last_printed = line.number;
                    after = options.after;
                }
                if options.max_count == Some(selected) && (after == 0 || quiet) {
                    break;
                }
            } else if !quiet && after > 0 {
                after -= 1;
                self.context_line(&line, label, report, out)?;
                last_printed = line.number;
                if reached && after == 0 {
                    break;
                }
            } else if reached {
                break;
            } else if !quiet && options.before > 0 {
                if before.len() == options.before {
                    before.pop_front();
                }
                before.push_back(line);
            }
        }
        let outcome = self.summary(label, report, selected, out)?;
        Ok(unreadable.map_or(outcome, Outcome::Unreadable))
    }

    /// Prints what `-c`, `-l` and `-L` want.
    fn summary(&self, label: &str, report: &Report, selected: u64, out: &mut dyn Write) -> io::Result<Outcome> {
        let options = self.options;
        if options.quiet {
            return Ok(if selected > 0 { Outcome::Selected } else { Outcome::Nothing });
        }
        if options.count && !options.files_with && !options.files_without {
            if report.with_names {
                write!(out, "{}:", self.painted("35", label))?;
            }
            writeln!(out, "{selected}")?;
        }
        if options.files_with && selected > 0 || options.files_without && selected == 0 {
            writeln!(out, "{label}")?;
        }
        let success = if options.files_without && !options.files_with { selected == 0 } else { selected > 0 };
        Ok(if success { Outcome::Selected } else { Outcome::Nothing })
    }

    /// Whether a line, without its end, has a match.
    fn selects(&self, line: &[u8]) -> bool {
        let Some(matcher) = self.matcher else { return false };
        if self.options.words {
            return self.next_match(matcher, line, 0).is_some();
        }
        matcher.is_match(line)
    }

    /// The next match; with `-w` one that is a whole word, which may be a shorter one at the same place.
    fn next_match(&self, matcher: &Finder, line: &[u8], from: usize) -> Option<(usize, usize)> {
        let mut from = from;
        while from <= line.len() {
            let (start, mut end) = matcher.longest_at(line, from)?;
            if !self.options.words {
                return Some((start, end));
            }
            loop {
                if is_word(line, start, end) {
                    return Some((start, end));
                }
                // GNU grep tries a shorter match that begins at the same place before it goes on.
                if end <= start {
                    break;
                }
                match matcher.longest_at(&line[..end - 1], start) {
                    Some((at, shorter)) if at == start && shorter > start => end = shorter,
                    _ => break,
                }
            }
            from = next_char(line, start);
        }
        None
    }

    fn selected_line(&self, line: &Line, label: &str, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let options = self.options;
        let Some(matcher) = self.matcher.filter(|_| options.only_matching || options.color) else {
            self.prefix(line, label, report, ':', line.offset, out)?;
            out.write_all(&line.bytes)?;
            return out.write_all(b"\n");
        };
        if options.only_matching && options.invert {
            return Ok(());
        }
        let mut at = 0;
        let mut shown = 0;
        if !options.only_matching {
            self.prefix(line, label, report, ':', line.offset, out)?;
        }
        while let Some((start, end)) = self.next_match(matcher, &line.bytes, at).filter(|_| !options.invert) {
            if start == end {
                at = next_char(&line.bytes, end);
                if at > line.bytes.len() {
                    break;
                }
                continue;
            }
            let text = &line.bytes[start..end];
            if options.only_matching {
                self.prefix(line, label, report, ':', line.offset + start as u64, out)?;
            } else {
                out.write_all(&line.bytes[shown..start])?;
            }
            if options.color {
                out.write_all(b"\x1b[01;31m\x1b[K")?;
            }
            out.write_all(text)?;
            if options.color {
                out.write_all(b"\x1b[m\x1b[K")?;
            }
            if options.only_matching {
                out.write_all(b"\n")?;
            }
            at = end;
            shown = end;
        }
        if !options.only_matching {
            out.write_all(&line.bytes[shown..])?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn context_line(&self, line: &Line, label: &str, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        if self.options.only_matching {
            return Ok(());
        }
        self.prefix(line, label, report, '-', line.offset, out)?;
        out.write_all(&line.bytes)?;
        out.write_all(b"\n")
    }

    fn prefix(
        &self,
        line: &Line,
        label: &str,
        report: &Report,
        separator: char,
        offset: u64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let separator = self.painted("36", &separator.to_string());
        if report.with_names {
            write!(out, "{}{separator}", self.painted("35", label))?;
        }
        if self.options.numbers {
            write!(out, "{}{separator}", self.painted("32", &line.number.to_string()))?;
        }
        if self.options.byte_offsets {
            write!(out, "{}{separator}", self.painted("32", &offset.to_string()))?;
        }
        Ok(())
    }

    fn separator(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.painted("36", "--"))
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.options.color { format!("\x1b[{code}m\x1b[K{text}\x1b[m\x1b[K") } else { text.to_owned() }
    }
}

/// Where the character after `at` begins.
fn next_char(line: &[u8], at: usize) -> usize {
    let mut next = at + 1;
    while next < line.len() && (line[next] & 0xc0) == 0x80 {
        next += 1;
    }
    next
}

/// Whether no word character stands on either side.
fn is_word(line: &[u8], start: usize, end: usize) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let before = String::from_utf8_lossy(&line[..start]).chars().next_back();
    let after = String::from_utf8_lossy(&line[end..]).chars().next();
    !before.is_some_and(word) && !after.is_some_and(word)
}
