//! `<!-- lectern: … -->`: what an author says about the outputs of the fence below.
//!
//! Here a directive is text at a place: what its words mean is for those who compare.

use std::ops::Range;

use super::model::{Diagnostic, Directive, Severity, Slip};
use super::source::LineIndex;

const OPEN: &str = "<!--";
const CLOSE: &str = "-->";
/// What a comment that is a directive begins with.
const WORD: &str = "lectern:";

/// Collects the directives on the way to their fence.
pub struct Directives<'a> {
    source: &'a str,
    index: &'a LineIndex,
    waiting: Vec<Directive>,
}

impl<'a> Directives<'a> {
    /// None so far.
    pub fn new(source: &'a str, index: &'a LineIndex) -> Self {
        Self { source, index, waiting: Vec::new() }
    }

    /// Reads the HTML at a range of the page: directives, other comments, or something else, which stands between them and
    /// the fence.
    pub fn read(&mut self, range: Range<usize>, diagnostics: &mut Vec<Diagnostic>) {
        let end = self.source.floor_char_boundary(range.end);
        let mut at = range.start;
        loop {
            let rest = &self.source[at..end];
            at += rest.len() - rest.trim_start().len();
            let rest = rest.trim_start();
            if rest.is_empty() {
                return;
            }
            let Some(comment) = rest.strip_prefix(OPEN) else {
                self.passed(diagnostics);
                return;
            };
            let Some(length) = comment.find(CLOSE) else {
                self.unclosed(comment, at, end, diagnostics);
                return;
            };
            let content = comment[..length].trim_start();
            let start = at + OPEN.len() + length - content.len();
            if let Some(text) = content.strip_prefix(WORD) {
                let start = start + content.len() - text.trim_start().len();
                let text = text.trim();
                let span = self.index.span(self.source, start, start + text.len());
                self.waiting.push(Directive { text: text.to_owned(), span });
            }
            at += OPEN.len() + length + CLOSE.len();
        }
    }

    fn unclosed(&mut self, comment: &str, at: usize, end: usize, diagnostics: &mut Vec<Diagnostic>) {
        if comment.trim_start().starts_with(WORD) {
            diagnostics.push(Diagnostic {
                slip: Slip::Directive,
                severity: Severity::Error,
                span: self.index.span(self.source, at, end),
                message: "the comment of this directive is not closed: the rest of the page belongs to it".into(),
                help: Some(format!("close it with `{CLOSE}`")),
            });
        }
    }

    /// The directives of the fence that comes now.
    pub fn take(&mut self) -> Vec<Directive> {
        std::mem::take(&mut self.waiting)
    }

    /// Something else comes, or the end: directives that wait have no fence.
    pub fn passed(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        diagnostics.extend(self.take().into_iter().map(|directive| Diagnostic {
            slip: Slip::Directive,
            severity: Severity::Error,
            span: directive.span,
            message: "this directive belongs to no step: it does not stand right above a `bash` fence".into(),
            help: Some("put it above the fence whose output it is about, with nothing but blank lines between".into()),
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::lesson::Lesson;

    /// The directives of each step as `line:column text`, and the diagnostics as `line:column message`.
    fn read(body: &str) -> (Vec<Vec<String>>, Vec<String>) {
        let page = format!("---\ntitle: Page\n---\n{body}");
        let lesson = Lesson::parse(Path::new("page.md"), page.as_bytes()).unwrap();
        let of = |step: &crate::lesson::Step| -> Vec<String> {
            step.directives.iter().map(|d| format!("{}:{} {}", d.span.line, d.span.column, d.text)).collect()
        };
        let said = lesson.diagnostics.iter();
        let said = said.map(|d| format!("{}:{} {}", d.span.line, d.span.column, d.message)).collect();
        (lesson.steps.iter().map(of).collect(), said)
    }

    #[test]
    fn directives_belong_to_the_next_fence_only() {
        type Case<'a> = (&'a str, &'a [&'a [&'a str]]);
        let cases: &[Case<'_>] = &[
            ("<!-- lectern: ignore=/a -->\n```bash\n$ a\n```\n```bash\n$ b\n```\n", &[&["4:15 ignore=/a"], &[]]),
            ("text\n<!--lectern:ignore=/a-->\n\n\n\n```bash\n$ a\n```\n", &[&["5:13 ignore=/a"]]),
            (
                "<!-- lectern: a=b -->\n\n<!-- a remark -->\n<!-- lectern:\n  c=d\n  e=f -->\n```bash\n$ a\n```\n",
                &[&["4:15 a=b", "8:3 c=d\n  e=f"]],
            ),
            ("<!-- lectern: a=b --> <!-- lectern: c=d -->\n```bash\n$ a\n```\n", &[&["4:15 a=b", "4:37 c=d"]]),
            ("<!-- lectern: é=b -->\r\n```bash\r\n$ a\r\n```\r\n", &[&["4:15 é=b"]]),
            ("<!-- of lectern: a=b -->\n```bash\n$ a\n```\n", &[&[]]),
            (":::tip\n<!-- lectern: a=b -->\n```bash\n$ a\n```\n:::\n", &[&["5:15 a=b"]]),
            ("```html\n<!-- lectern: a=b -->\n```\n```bash\n$ a\n```\n", &[&[]]),
        ];
        for (body, expected) in cases {
            let (found, said) = read(body);
            assert_eq!(found, expected.iter().map(|step| step.to_vec()).collect::<Vec<_>>(), "{body:?}");
            assert!(said.is_empty(), "{body:?}: {said:?}");
        }
    }

    #[test]
    fn a_directive_without_a_fence_is_an_error() {
        for (body, place) in [
            ("<!-- lectern: a=b -->\ntext\n\n```bash\n$ a\n```\n", "4:15 this directive belongs to no step"),
            ("<!-- lectern: a=b -->\n```yaml\na: b\n```\n```bash\n$ a\n```\n", "4:15 this directive belongs"),
            ("<!-- lectern: a=b --> text\n```bash\n$ a\n```\n", "4:15 this directive belongs"),
            ("```bash\n$ a\n```\n<!-- lectern: a=b -->\n", "7:15 this directive belongs"),
            ("- x\n\n  <!-- lectern: a=b -->\n\n```bash\n$ a\n```\n", "6:17 this directive belongs"),
            ("text <!-- lectern: a=b --> text\n\n```bash\n$ a\n```\n", "4:20 this directive belongs"),
            ("```bash\n$ a\n```\n<!-- lectern: a=b\n", "7:1 the comment of this directive is not closed"),
        ] {
            let (found, said) = read(body);
            assert_eq!(said.len(), 1, "{body:?}: {said:?}");
            assert!(said[0].starts_with(place), "{body:?}: {said:?}");
            assert!(found.concat().is_empty(), "{body:?}: {found:?}");
        }
    }
}
