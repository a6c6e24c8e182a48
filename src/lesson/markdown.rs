//! The Markdown behind a page's front matter, with what Docusaurus adds to Markdown recognised as structure.
//!
//! CommonMark knows neither `:::tip` nor `::yaml{…}` nor `<Tabs>`: it takes the first two for text and swallows
//! whatever stands directly below the third. A line that holds only such a mark is therefore hidden from the parser behind
//! a thematic break of the same length. A break ends a paragraph, a list and a heading's underline where the mark
//! would have been drawn into them, is allowed wherever the mark is, and keeps every byte offset.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

use super::source::lines_from;

/// Key and value pairs of a mark, as `url="…"` or `{file="…"}`; a word without a value has an empty one.
pub type Attributes = Vec<(String, String)>;

/// What a line that is no CommonMark means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// `:::tip Title`.
    AdmonitionOpen {
        /// How many colons it has: an admonition is closed by a line of at least as many.
        colons: usize,
        /// `tip`, `note`, …
        kind: String,
        /// What stands behind the kind, as Markdown.
        title: String,
    },
    /// `:::`.
    AdmonitionClose {
        /// How many colons it has.
        colons: usize,
    },
    /// `::name{key="value"}`.
    Directive {
        /// `required-time`, `yaml`, …
        name: String,
        /// What the braces hold.
        attributes: Attributes,
    },
    /// `<Name key="value">`, on a line of its own.
    TagOpen {
        /// The component's name.
        name: String,
        /// Its attributes.
        attributes: Attributes,
    },
    /// `</Name>`.
    TagClose {
        /// The component's name.
        name: String,
    },
    /// `<Name key="value" />` or `<Name key="value">content</Name>`.
    TagWhole {
        /// The component's name.
        name: String,
        /// Its attributes.
        attributes: Attributes,
        /// What is between its tags, as Markdown.
        content: String,
    },
    /// `import … from '…'`, which MDX executes and nobody sees.
    Import,
}

/// A page's Markdown, ready to be parsed: see [`super::Lesson::markdown`].
#[derive(Debug, Clone)]
pub struct Markdown<'a> {
    source: &'a str,
    body: usize,
    masked: Cow<'a, str>,
    marks: Vec<(Range<usize>, Mark)>,
}

/// The extensions of CommonMark that lessons use.
fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
}

impl<'a> Markdown<'a> {
    /// The Markdown of `source` from byte `body` on.
    pub fn new(source: &'a str, body: usize) -> Self {
        let body = source.floor_char_boundary(body);
        let mut candidates: Vec<(Range<usize>, Mark)> =
            lines_from(source, body).filter_map(|(offset, line)| mark_in(offset, line)).collect();
        if candidates.is_empty() {
            return Self { source, body, masked: Cow::Borrowed(&source[body..]), marks: candidates };
        }
        // Marks in code and in comments are no marks. Where code is can depend on the marks above it (a tag directly
        // above a fence), so look again with the first answer in place.
        let all = candidates.clone();
        let mut masked = Cow::Borrowed(&source[body..]);
        for _ in 0..2 {
            let opaque = opaque_ranges(&masked, body);
            candidates = all.iter().filter(|(range, _)| !inside(&opaque, range.start)).cloned().collect();
            masked = Cow::Owned(mask(&source[body..], body, &candidates));
        }
        Self { source, body, masked, marks: candidates }
    }

    /// The events of pulldown-cmark, with byte ranges of the page's source.
    ///
    /// A line that [`Self::mark_at`] knows appears as [`Event::Rule`].
    pub fn events(&self) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
        let body = self.body;
        Parser::new_ext(&self.masked, options())
            .into_offset_iter()
            .map(move |(event, range)| (event, range.start + body..range.end + body))
    }

    /// What the line that begins at `offset`, or that has only blanks and `>` before it, means besides CommonMark.
    pub fn mark_at(&self, offset: usize) -> Option<&Mark> {
        let place = self.marks.partition_point(|(range, _)| range.start < offset);
        self.marks.get(place).filter(|(range, _)| range.start == offset).map(|(_, mark)| mark)
    }

    /// The text that the offsets are of.
    pub fn source(&self) -> &'a str {
        self.source
    }
}

/// Where code and comments are in `text`, in offsets of a source in which it begins at `base`.
fn opaque_ranges(text: &str, base: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        let opaque = match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented)) => true,
            Event::Start(Tag::HtmlBlock) => text[range.clone()].trim_start().starts_with("<!--"),
            _ => false,
        };
        if opaque {
            ranges.push(range.start + base..range.end + base);
        }
    }
    ranges
}

fn inside(ranges: &[Range<usize>], offset: usize) -> bool {
    let place = ranges.partition_point(|range| range.end <= offset);
    ranges.get(place).is_some_and(|range| range.start <= offset)
}

/// `text` with a thematic break and blanks in the place of each mark; byte for byte as long.
fn mask(text: &str, base: usize, marks: &[(Range<usize>, Mark)]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for (range, _) in marks {
        let (start, end) = (range.start - base, range.end - base);
        masked.push_str(&text[done..start]);
        masked.push_str("___");
        masked.extend(std::iter::repeat_n(' ', (end - start).saturating_sub(3)));
        done = end;
    }
    masked.push_str(&text[done..]);
    masked
}

/// The mark that a line is, if it is one; its range leaves out what stands before and behind it.
fn mark_in(offset: usize, line: &str) -> Option<(Range<usize>, Mark)> {
    let trimmed = line.trim_start_matches([' ', '\t', '>']);
    let before = line.len() - trimmed.len();
    let trimmed = trimmed.trim_end();
    let mark = match trimmed.as_bytes().first()? {
        b':' => colons(trimmed)?,
        b'<' => tag(trimmed)?,
        b'i' if before == 0 => import(trimmed)?,
        _ => return None,
    };
    Some((offset + before..offset + before + trimmed.len(), mark))
}

fn import(line: &str) -> Option<Mark> {
    let rest = line.strip_prefix("import ")?.trim_end_matches(';');
    let quoted = rest.rsplit([' ', '\t']).next()?;
    let module = quoted.strip_prefix(['\'', '"'])?;
    (module.ends_with(['\'', '"']) && (rest.contains(" from ") || rest == quoted)).then_some(Mark::Import)
}

fn colons(line: &str) -> Option<Mark> {
    let colons = line.bytes().take_while(|b| *b == b':').count();
    let rest = &line[colons..];
    if colons == 2 {
        let name_end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(name_end);
        let known = name.starts_with(|c: char| c.is_ascii_alphabetic());
        let attributes = match rest.trim() {
            "" => Vec::new(),
            braces => attributes(braces.strip_prefix('{')?.strip_suffix('}')?),
        };
        return known.then(|| Mark::Directive { name: name.to_owned(), attributes });
    }
    if colons < 3 {
        return None;
    }
    let rest = rest.trim();
    if rest.is_empty() {
        return Some(Mark::AdmonitionClose { colons });
    }
    let kind_end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).unwrap_or(rest.len());
    let (kind, rest) = rest.split_at(kind_end);
    if !kind.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let rest = rest.trim();
    // `:::tip[Title]`, `:::tip{title="Title"}` and `:::tip Title` all occur in Docusaurus.
    let title = if let Some(label) = rest.strip_prefix('[').and_then(|r| r.strip_suffix(']')) {
        label.to_owned()
    } else if let Some(braces) = rest.strip_prefix('{').and_then(|r| r.strip_suffix('}')) {
        value_of(&attributes(braces), "title").unwrap_or_default().to_owned()
    } else {
        rest.to_owned()
    };
    Some(Mark::AdmonitionOpen { colons, kind: kind.to_ascii_lowercase(), title })
}

/// The value of an attribute.
pub fn value_of<'a>(attributes: &'a Attributes, key: &str) -> Option<&'a str> {
    attributes.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
}

/// A component's tag that fills its line. Names of components begin with a capital letter; of HTML's own tags those count that
/// pages write with braces, as in `style={{…}}`, which CommonMark takes for text.
fn tag(line: &str) -> Option<Mark> {
    let structure = ["details", "summary", "div", "p", "a", "img", "center", "h1", "h2", "h3", "h4", "h5", "h6"];
    let named = |rest: &str| -> Option<String> {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_')).unwrap_or(rest.len());
        let name = &rest[..end];
        (name.starts_with(|c: char| c.is_ascii_uppercase()) || structure.contains(&name)).then(|| name.to_owned())
    };
    if let Some(rest) = line.strip_prefix("</") {
        let name = named(rest)?;
        return (rest[name.len()..].trim() == ">").then_some(Mark::TagClose { name });
    }
    let rest = line.strip_prefix('<')?;
    let name = named(rest)?;
    let end = tag_end(rest)?;
    let (inner, behind) = (&rest[name.len()..end], rest[end + 1..].trim());
    if !inner.is_empty() && !inner.starts_with([' ', '\t', '/']) {
        return None;
    }
    let ends_itself = inner.ends_with('/') || name == "img";
    let attributes = attributes(inner.trim_end_matches('/'));
    // A line break behind a component occurs; it says nothing here.
    let behind = behind.trim_start_matches("<br />").trim_start_matches("<br/>").trim();
    if ends_itself {
        return behind.is_empty().then_some(Mark::TagWhole { name, attributes, content: String::new() });
    }
    if behind.is_empty() {
        return Some(Mark::TagOpen { name, attributes });
    }
    let content = behind.strip_suffix(&format!("</{name}>"))?.trim().to_owned();
    Some(Mark::TagWhole { name, attributes, content })
}

/// Where the `>` is that ends the tag, quoted and braced text passed over.
fn tag_end(rest: &str) -> Option<usize> {
    let (mut quote, mut braces) = (None, 0usize);
    for (at, c) in rest.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '{') => braces += 1,
            (None, '}') => braces = braces.saturating_sub(1),
            (None, '>') if braces == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

/// Reads `key="value" key='value' key={value} key=value word` in any mixture.
fn attributes(text: &str) -> Attributes {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, behind) = rest.split_at(end);
        let Some(value) = behind.strip_prefix('=') else {
            if !key.is_empty() {
                found.push((key.to_owned(), String::new()));
            }
            rest = behind.trim_start();
            continue;
        };
        let close = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => Some(quote),
            Some('{') => Some('}'),
            _ => None,
        };
        let (value, behind) = match close {
            Some(close) => value[1..].split_once(close).unwrap_or((&value[1..], "")),
            None => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        found.push((key.to_owned(), value.to_owned()));
        rest = behind.trim_start();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(line: &str) -> Option<Mark> {
        mark_in(0, line).map(|(_, mark)| mark)
    }

    #[test]
    fn marks_are_recognised() {
        let tip = |colons, title: &str| Mark::AdmonitionOpen { colons, kind: "tip".into(), title: title.into() };
        for (line, expected) in [
            (":::tip Before you start", tip(3, "Before you start")),
            ("  ::: tip", tip(3, "")),
            ("::::tip[A title]", tip(4, "A title")),
            (":::tip{title=\"A title\"}", tip(3, "A title")),
            ("> :::", Mark::AdmonitionClose { colons: 3 }),
            (
                "::yaml{file=\"a/b.yaml\" paths=\"spec.a,spec.b\"}",
                Mark::Directive {
                    name: "yaml".into(),
                    attributes: vec![("file".into(), "a/b.yaml".into()), ("paths".into(), "spec.a,spec.b".into())],
                },
            ),
            ("<Tabs>", Mark::TagOpen { name: "Tabs".into(), attributes: vec![] }),
            ("</Tabs>", Mark::TagClose { name: "Tabs".into() }),
            (
                "<TabItem value=\"a > b\" default>",
                Mark::TagOpen {
                    name: "TabItem".into(),
                    attributes: vec![("value".into(), "a > b".into()), ("default".into(), String::new())],
                },
            ),
            (
                "<Player src={x} /> <br />",
                Mark::TagWhole {
                    name: "Player".into(),
                    attributes: vec![("src".into(), "x".into())],
                    content: String::new(),
                },
            ),
            (
                "<summary>What **it** does</summary>",
                Mark::TagWhole { name: "summary".into(), attributes: vec![], content: "What **it** does".into() },
            ),
            ("import Tabs from '@theme/Tabs';", Mark::Import),
        ] {
            assert_eq!(mark(line), Some(expected), "{line}");
        }
        for line in
            ["::", ":: a", "a ::: b", ":::1", "<b>bold</b>", "<Name", "<divan>", "imports are fun", "import a file"]
        {
            assert_eq!(mark(line), None, "{line}");
        }
    }

    #[test]
    fn hiding_marks_keeps_the_length_and_leaves_code_alone() {
        let text = ":::tip Ü\n```bash\n:::tip\n```\n<!--\n:::\n-->\n:::\n";
        let markdown = Markdown::new(text, 0);
        assert_eq!(markdown.masked.len(), text.len());
        assert_eq!(markdown.marks.len(), 2, "{:?}", markdown.marks);
    }
}
