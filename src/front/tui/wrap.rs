//! Breaks styled text into lines of a width.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// A run of text in one style.
pub type Run = (String, Style);

/// Fills lines of at most `width` columns with words, the first line behind `first`, the others behind `rest`. A word that is
/// wider than a line is cut.
pub fn words(runs: &[Run], width: usize, first: &[Run], rest: &[Run]) -> Vec<Line<'static>> {
    let mut out = Lines::new(width, first, rest);
    for (text, style) in runs {
        for (number, part) in text.split('\n').enumerate() {
            if number > 0 {
                out.end_line();
            }
            for piece in part.split_word_bounds() {
                out.push(piece, *style);
            }
        }
    }
    out.finish()
}

/// Cuts lines of output or code at `width` columns and goes on in the next one, which begins with `rest`. Tabs become spaces.
pub fn cut(runs: &[Run], width: usize, first: &[Run], rest: &[Run]) -> Vec<Line<'static>> {
    let mut out = Lines::new(width, first, rest);
    for (text, style) in runs {
        for grapheme in text.graphemes(true) {
            if grapheme == "\t" {
                let column = out.used.saturating_sub(out.indent);
                out.glue(&" ".repeat(8 - column % 8), *style);
            } else {
                out.glue(grapheme, *style);
            }
        }
    }
    out.finish()
}

/// As [`cut`], but between words where it can, as commands and tables read best. Blanks at such a place are left out.
pub fn fold(runs: &[Run], width: usize, first: &[Run], rest: &[Run]) -> Vec<Line<'static>> {
    let mut out = Lines::new(width, first, rest);
    for (text, style) in runs {
        for piece in text.split_inclusive([' ', '\t']) {
            let word = piece.trim_end_matches([' ', '\t']);
            append(&mut out.word, word, *style);
            out.word_used += columns(word);
            if word.len() == piece.len() {
                continue;
            }
            out.flush_word();
            let column = out.used.saturating_sub(out.indent);
            let wide = if piece.ends_with('\t') { 8 - column % 8 } else { 1 };
            let room = out.width.saturating_sub(out.used);
            out.glue(&" ".repeat(wide.min(room)), *style);
        }
    }
    out.finish()
}

/// The columns that a text takes.
pub fn columns(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// As much of a text as fits, with `…` where it was cut.
pub fn fit(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += columns(grapheme);
        if used + 1 > width {
            break;
        }
        out.push_str(grapheme);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

struct Lines<'a> {
    width: usize,
    rest: &'a [Run],
    done: Vec<Line<'static>>,
    line: Vec<Run>,
    used: usize,
    indent: usize,
    /// Graphemes since the last place to break at.
    word: Vec<Run>,
    word_used: usize,
    /// There is no room for the blank that stands here, nor for a word behind it.
    full: bool,
    /// The line holds more than its indentation: it can be broken.
    begun: bool,
}

impl<'a> Lines<'a> {
    fn new(width: usize, first: &[Run], rest: &'a [Run]) -> Self {
        let mut lines = Self {
            width: width.max(1),
            rest,
            done: Vec::new(),
            line: Vec::new(),
            used: 0,
            indent: 0,
            word: Vec::new(),
            word_used: 0,
            full: false,
            begun: false,
        };
        lines.open(first);
        lines
    }

    fn open(&mut self, prefix: &[Run]) {
        (self.full, self.begun) = (false, false);
        self.line = prefix.to_vec();
        self.used = prefix.iter().map(|(text, _)| columns(text)).sum();
        self.indent = self.used;
    }

    fn end_line(&mut self) {
        self.flush_word();
        self.break_line();
    }

    fn break_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.done.push(to_line(line));
        let rest = self.rest;
        self.open(rest);
    }

    fn push(&mut self, piece: &str, style: Style) {
        if piece.trim().is_empty() {
            self.flush_word();
            if self.used > self.indent && self.used + 1 < self.width {
                append(&mut self.line, " ", style);
                self.used += 1;
            } else {
                self.full = self.used > self.indent;
            }
        } else {
            append(&mut self.word, piece, style);
            self.word_used += columns(piece);
        }
    }

    fn flush_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let word = std::mem::take(&mut self.word);
        let wide = std::mem::take(&mut self.word_used);
        if (self.full || self.used + wide > self.width) && self.begun {
            trim_end(&mut self.line);
            self.break_line();
        }
        for (text, style) in word {
            if self.used + columns(&text) <= self.width {
                self.used += columns(&text);
                append(&mut self.line, &text, style);
                self.begun |= !text.is_empty();
            } else {
                self.long(&text, style);
            }
        }
    }

    /// Adds what does not fit in a line: a path or an address is broken between its parts.
    fn long(&mut self, text: &str, style: Style) {
        for part in text.split_inclusive(['/', ',', '=', '&', ';']) {
            let wide = columns(part);
            if self.used + wide > self.width && self.indent + wide <= self.width && self.begun {
                self.break_line();
            }
            if self.used + wide <= self.width {
                append(&mut self.line, part, style);
                self.used += wide;
                self.begun |= wide > 0;
            } else {
                part.graphemes(true).for_each(|grapheme| self.glue(grapheme, style));
            }
        }
    }

    /// Adds a grapheme to the line, in the next one if this is full. One that is wider than the line is left out.
    fn glue(&mut self, grapheme: &str, style: Style) {
        let wide = columns(grapheme);
        if self.used + wide > self.width && self.used > self.indent {
            self.break_line();
        }
        if self.used + wide <= self.width {
            append(&mut self.line, grapheme, style);
            self.used += wide;
            self.begun |= !grapheme.trim().is_empty();
        }
    }

    fn finish(mut self) -> Vec<Line<'static>> {
        self.flush_word();
        self.done.push(to_line(std::mem::take(&mut self.line)));
        self.done
    }
}

fn append(line: &mut Vec<Run>, text: &str, style: Style) {
    match line.last_mut() {
        Some((last, of)) if *of == style => last.push_str(text),
        _ => line.push((text.to_owned(), style)),
    }
}

fn trim_end(line: &mut [Run]) {
    if let Some((text, _)) = line.last_mut() {
        text.truncate(text.trim_end().len());
    }
}

fn to_line(runs: Vec<Run>) -> Line<'static> {
    Line::from(runs.into_iter().map(|(text, style)| Span::styled(text, style)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str, width: usize) -> Vec<String> {
        words(&[(text.to_owned(), Style::new())], width, &[], &[]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn breaks_between_words_and_cuts_what_is_too_long() {
        assert_eq!(plain("one two three", 7), ["one two", "three"]);
        assert_eq!(plain("a  b", 10), ["a b"]);
        assert_eq!(plain("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(plain("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(plain("", 5), [""]);
        assert_eq!(plain("abc d", 4), ["abc", "d"]);
        assert_eq!(plain("abc  d e", 5), ["abc d", "e"]);
        assert_eq!(plain("path/to/some/file", 8), ["path/to/", "some/", "file"]);
    }

    #[test]
    fn folds_between_words_and_keeps_their_distances() {
        let fold = |text: &str, width| -> Vec<String> {
            let rest = [("  ".to_owned(), Style::new())];
            fold(&[(text.to_owned(), Style::new())], width, &[], &rest).iter().map(ToString::to_string).collect()
        };
        assert_eq!(fold("NAME    READY   STATUS", 13), ["NAME    READY", "  STATUS"]);
        assert_eq!(fold("    key:  value", 40), ["    key:  value"]);
        assert_eq!(fold("a\tb\tc", 40), ["a       b       c"]);
        assert_eq!(fold("a\tb\tlonger", 12), ["a       b", "  longer"]);
        assert_eq!(fold("abcdefghij k", 6), ["abcdef", "  ghij", "  k"]);
        assert_eq!(fold("    app.io/name: ui", 12), ["    app.io/", "  name: ui"], "no line of blanks alone");
    }

    #[test]
    fn words_of_several_styles_stay_together() {
        let runs =
            [("see ".to_owned(), Style::new()), ("a".to_owned(), Style::new().bold()), ("b".to_owned(), Style::new())];
        let lines: Vec<_> = words(&runs, 5, &[], &[]).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["see", "ab"]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked(text in "\\PC{0,80}", width in 1usize..40) {
            for line in words(&[(text.clone(), Style::new())], width, &[], &[]) {
                prop_assert!(line.width() <= width, "{line:?}");
            }
            for line in cut(&[(text.clone(), Style::new())], width, &[], &[]) {
                prop_assert!(line.width() <= width, "{line:?}");
            }
            for line in fold(&[(text.clone(), Style::new())], width, &[], &[]) {
                prop_assert!(line.width() <= width, "{line:?}");
            }
        }
    }
}
