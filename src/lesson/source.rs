//! From byte offsets of a page to lines and columns, and back to text.

use super::model::Span;

/// Where the lines of a text begin: turns byte offsets into places that a person can find.
#[derive(Debug, Clone)]
pub struct LineIndex {
    starts: Vec<usize>,
}

impl LineIndex {
    /// Reads the line starts of `text`. A line ends with `\n`.
    pub fn new(text: &str) -> Self {
        let starts =
            std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1));
        Self { starts: starts.collect() }
    }

    /// The line of the byte at `offset`, from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).max(1)
    }

    /// The byte at which line `line` (from 1) begins; the text's end for a line that is not there.
    pub fn start_of(&self, line: usize, text: &str) -> usize {
        self.starts.get(line.saturating_sub(1)).copied().unwrap_or(text.len())
    }

    /// The span of bytes `start..end` of `text`, which must be the text that this was made from.
    ///
    /// Offsets outside of the text or inside a character are moved back to the nearest place that is a boundary.
    pub fn span(&self, text: &str, start: usize, end: usize) -> Span {
        let start = text.floor_char_boundary(start);
        let end = text.floor_char_boundary(end.max(start));
        let line = self.line(start);
        let column = text[self.starts[line - 1]..start].chars().count() + 1;
        Span { start, end, line, column }
    }
}

/// The lines of `text`, with the offset of each, from byte `base` on; without their ends (`\n` or `\r\n`).
pub fn lines_from(text: &str, base: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut at = base;
    text.get(base..).unwrap_or("").split_inclusive('\n').map(move |whole| {
        let offset = at;
        at += whole.len();
        (offset, whole.trim_end_matches('\n').trim_end_matches('\r'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let text = "é b\n\nzz";
        let index = LineIndex::new(text);
        let places: Vec<_> =
            [0, 2, 3, 5, 6, 7, 8].map(|at| index.span(text, at, at)).iter().map(|s| (s.line, s.column)).collect();
        assert_eq!(places, [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2), (3, 3)]);
        assert_eq!(index.span(text, 1, 1).start, 0, "the middle of a character is moved back");
        assert_eq!(index.span(text, 99, 100), Span { start: 8, end: 8, line: 3, column: 3 });
    }

    #[test]
    fn lines_come_without_their_ends() {
        let lines: Vec<_> = lines_from("ab\r\n\nc", 0).collect();
        assert_eq!(lines, [(0, "ab"), (4, ""), (5, "c")]);
    }
}
