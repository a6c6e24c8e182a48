//! What a command printed, as lines, bounded: the oldest go first.

use std::collections::VecDeque;

use crate::tools::StdStream;

/// How many bytes of one command's output are kept to be shown.
pub const KEPT: usize = 12 * 1024 * 1024;

/// A line that is longer is kept as several, so that drawing one costs little.
const LONGEST: usize = 4096;

/// Lines as they came.
#[derive(Debug, Clone, Default)]
pub struct Output {
    lines: VecDeque<(StdStream, String)>,
    open: bool,
    bytes: usize,
    /// Lines and bytes that are not kept any more.
    pub dropped: (usize, usize),
}

impl Output {
    /// Adds what was printed.
    pub fn push(&mut self, stream: StdStream, text: &str) {
        for piece in text.split_inclusive('\n') {
            let line = piece.strip_suffix('\n');
            self.add(stream, line.unwrap_or(piece));
            self.open = line.is_none();
        }
        while self.bytes > KEPT && self.lines.len() > 1 {
            if let Some((_, line)) = self.lines.pop_front() {
                self.bytes -= line.len() + 1;
                self.dropped.0 += 1;
                self.dropped.1 += line.len() + 1;
            }
        }
    }

    fn add(&mut self, stream: StdStream, mut text: &str) {
        if self.open
            && let Some((last, line)) = self.lines.back_mut()
            && *last == stream
            && line.len() < LONGEST
        {
            let (head, rest) = text.split_at(text.floor_char_boundary(LONGEST.saturating_sub(line.len()).max(4)));
            line.push_str(head);
            self.bytes += head.len();
            text = rest;
            if text.is_empty() {
                return;
            }
        }
        loop {
            let (head, rest) = text.split_at(text.floor_char_boundary(LONGEST));
            self.lines.push_back((stream, head.to_owned()));
            self.bytes += head.len() + 1;
            text = rest;
            if text.is_empty() {
                return;
            }
        }
    }

    /// How many bytes are kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many lines are kept.
    #[allow(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// A line by its number among those kept.
    pub fn line(&self, at: usize) -> Option<(StdStream, &str)> {
        self.lines.get(at).map(|(stream, line)| (*stream, line.as_str()))
    }

    /// The lines from a number on.
    pub fn from(&self, at: usize) -> impl Iterator<Item = (StdStream, &str)> {
        self.lines.range(at.min(self.lines.len())..).map(|(stream, line)| (*stream, line.as_str()))
    }

    /// All that is kept, as text.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.bytes);
        for (_, line) in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[(StdStream, &str)]) -> Vec<String> {
        let mut output = Output::default();
        pieces.iter().for_each(|(stream, text)| output.push(*stream, text));
        output.from(0).map(|(_, line)| line.to_owned()).collect()
    }

    #[test]
    fn pieces_become_lines() {
        use StdStream::{Stderr, Stdout};
        assert_eq!(lines(&[(Stdout, "a\nb")]), ["a", "b"]);
        assert_eq!(lines(&[(Stdout, "a"), (Stdout, "b\n\nc\n")]), ["ab", "", "c"]);
        assert_eq!(lines(&[(Stdout, "a"), (Stderr, "b"), (Stdout, "c")]), ["a", "b", "c"]);
        let long = "\u{6f22}".repeat(5000);
        let kept = lines(&[(Stdout, &long)]);
        assert!(kept.len() > 1 && kept.iter().all(|line| line.len() <= LONGEST), "{}", kept.len());
        assert_eq!(kept.concat(), long);
    }

    #[test]
    fn the_oldest_lines_go_first_and_are_counted() {
        let mut output = Output::default();
        let line = "x".repeat(1023) + "\n";
        let all = KEPT / 1024 + 100;
        for _ in 0..all {
            output.push(StdStream::Stdout, &line);
        }
        assert_eq!(output.len() + output.dropped.0, all);
        assert_eq!(output.dropped, (100, 100 * 1024));
    }
}
