//! From a place in a command's text to its place on the page.

use super::Page;
use crate::lesson::{Command, Span};

impl Page<'_> {
    /// The span on the page of line `line` and column `column` (from 1, in characters) of a command, `length` characters long.
    ///
    /// `prompt` is how many characters stand ahead of the command on its first line.
    pub(super) fn in_command(
        &self,
        command: &Command,
        prompt: usize,
        (line, column): (usize, usize),
        length: usize,
    ) -> Span {
        let source = &self.lesson.source;
        let line_start = self.index.start_of(command.span.line + line.saturating_sub(1), source);
        let text = source[line_start..].split(['\n', '\r']).next().unwrap_or_default();
        // A fence's own indentation is not part of its content.
        let ahead = command.span.column - 1 + if line <= 1 { prompt } else { 0 };
        let from = text.char_indices().nth(ahead + column.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
        let to = text[from..].char_indices().nth(length.max(1)).map_or(text.len(), |(at, _)| from + at);
        self.span(line_start + from, line_start + to)
    }

    /// The span of bytes `range` of an expected output's text, which begins on the page at `start`.
    pub(super) fn in_output(&self, output: Span, text: &str, range: std::ops::Range<usize>) -> Span {
        let before = &text[..range.start];
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let source = &self.lesson.source;
        let line_start = self.index.start_of(output.line + line, source);
        let ahead = output.column - 1;
        let on_page = source[line_start..].split(['\n', '\r']).next().unwrap_or_default();
        let from = on_page.char_indices().nth(ahead + column).map_or(on_page.len(), |(at, _)| at);
        let length = text[range].split('\n').next().unwrap_or_default().chars().count();
        let to = on_page[from..].char_indices().nth(length).map_or(on_page.len(), |(at, _)| from + at);
        self.span(line_start + from, line_start + to)
    }
}
