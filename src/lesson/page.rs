//! One page: from bytes to a [`Lesson`].

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};
use sha2::{Digest, Sha256};

use super::annotations;
use super::blocks::{self, Block};
use super::commands::{self, Line};
use super::directives::Directives;
use super::error::LessonError;
use super::front_matter;
use super::markdown::Markdown;
use super::model::{Annotations, Diagnostic, Lesson, Severity, Slip, Span, Step};
use super::source::{LineIndex, lines_from};
use crate::files::Below;

/// How many bytes a page may have. The longest page of the EKS Workshop has 30 thousand; what is larger than this is no lesson.
pub const PAGE_LIMIT: u64 = 4 << 20;

/// The language of the fences that are steps.
const LANGUAGE: &str = "bash";

impl Lesson {
    /// Reads a page from a file, and looks whether the hooks that it names are there.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than [`PAGE_LIMIT`] (it is not read then), or is no page: see [`Lesson::parse`].
    pub fn read(path: &Path) -> Result<Self, LessonError> {
        let shown_only = super::course::is_shown_only(path.parent().unwrap_or(Path::new("")));
        Self::made_of(path, &read_bytes(path)?, shown_only)
    }

    /// Makes a lesson of a page's bytes, and looks whether the hooks that it names are there.
    pub(super) fn made_of(path: &Path, bytes: &[u8], shown_only: bool) -> Result<Self, LessonError> {
        let mut lesson = Self::parse(path, bytes)?;
        lesson.executable = !shown_only;
        if lesson.executable {
            lesson.look_for_hooks();
        }
        Ok(lesson)
    }

    /// Makes a lesson of a page's bytes. Touches no file: `path` is for messages, and to find hooks later.
    ///
    /// # Errors
    /// When the bytes are too many or are not UTF-8, when there is no front matter, or when it has no title. Everything else that is
    /// wrong with a page is a [`Diagnostic`] of the lesson.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, LessonError> {
        if bytes.len() as u64 > PAGE_LIMIT {
            return Err(LessonError::TooLarge { path: path.to_owned(), size: bytes.len() as u64, limit: PAGE_LIMIT });
        }
        let source = std::str::from_utf8(bytes).map_err(|error| not_utf8(path, bytes, error.valid_up_to()))?;
        let index = LineIndex::new(source);
        let (front_matter, body) = front_matter::read(path, source, &index)?;
        let mut diagnostics = Vec::new();
        let steps = steps(source, body, &index, &mut diagnostics);
        diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
        let digest = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            path: path.to_owned(),
            source: Arc::from(source),
            digest,
            front_matter,
            body,
            steps,
            executable: true,
            diagnostics,
        })
    }

    /// The Markdown behind the front matter, for whoever wants its events with their offsets.
    pub fn markdown(&self) -> Markdown<'_> {
        Markdown::new(&self.source, self.body)
    }

    /// The page as a tree to show.
    pub fn blocks(&self) -> Vec<Block> {
        blocks::of(self)
    }

    /// Whether step `step` (a place in [`Lesson::steps`]) is executed: it is one that can be, on a page that may be.
    pub fn executes(&self, step: usize) -> bool {
        self.executable && self.steps.get(step).is_some_and(|step| step.executed)
    }

    /// Whether a diagnostic says that something on the page does not mean what it seems to.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Where the hook `name` of this page is: `tests/hook-NAME.sh` in the page's folder. `None` for a name that would lead
    /// out of that folder, which no [`Annotations::hook`] is.
    pub fn hook_path(&self, name: &str) -> Option<PathBuf> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        annotations::is_hook_name(name).then(|| folder.join("tests").join(format!("hook-{name}.sh")))
    }

    fn look_for_hooks(&mut self) {
        let mut missing = Vec::new();
        for step in self.steps.iter().filter(|step| step.executed) {
            let Some(path) = step.annotations.hook.as_deref().and_then(|name| self.hook_path(name)) else { continue };
            if !path.is_file() {
                missing.push(Diagnostic {
                    slip: Slip::MissingHook,
                    severity: Severity::Error,
                    span: step.span,
                    message: format!("the hook of this step is missing: {}", path.display()),
                    help: Some("write the script, or take the `hook` annotation away".into()),
                });
            }
        }
        self.diagnostics.extend(missing);
        self.diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, LessonError> {
    let unreadable = |error| LessonError::unreadable(path, error);
    // Opening a named pipe would wait for a writer: look what it is first.
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(LessonError::NotAPage { path: path.to_owned() });
    }
    if about.len() > PAGE_LIMIT {
        return Err(LessonError::TooLarge { path: path.to_owned(), size: about.len(), limit: PAGE_LIMIT });
    }
    // A file may grow, and some say that they are empty: read no more than the limit whatever was said.
    let mut bytes = Vec::with_capacity(about.len() as usize);
    File::open(path).map_err(unreadable)?.take(PAGE_LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// The bytes of the page at `inside` of a course's folder; `path` is for messages.
pub(super) fn read_below(own: &Below, inside: &Path, path: &Path) -> Result<Vec<u8>, LessonError> {
    own.read(inside, PAGE_LIMIT).map_err(|error| match error.kind() {
        std::io::ErrorKind::FileTooLarge => {
            let size = std::fs::metadata(path).map_or(PAGE_LIMIT + 1, |about| about.len());
            LessonError::TooLarge { path: path.to_owned(), size, limit: PAGE_LIMIT }
        }
        _ => LessonError::unreadable(path, error),
    })
}

fn not_utf8(path: &Path, bytes: &[u8], at: usize) -> LessonError {
    let before = &bytes[..at];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    let byte = bytes.get(at).copied().unwrap_or_default();
    let message = format!("the page is not UTF-8: the byte 0x{byte:02x} cannot stand here");
    LessonError::at(path, line, column, message, "save the page as UTF-8")
}

fn steps(source: &str, body: usize, index: &LineIndex, diagnostics: &mut Vec<Diagnostic>) -> Vec<Step> {
    let mut steps = Vec::new();
    // How many lists and quotes are open: what stands in them is no step.
    let mut inside = 0usize;
    let markdown = Markdown::new(source, body);
    let mut directives = Directives::new(source, index);
    for (event, range) in markdown.events() {
        match event {
            Event::Start(Tag::List(_) | Tag::BlockQuote(_)) => inside += 1,
            Event::End(TagEnd::List(_) | TagEnd::BlockQuote(_)) => inside = inside.saturating_sub(1),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) if inside == 0 => {
                let fence = Fence::read(source, range.start, range.end, index);
                if fence.language != LANGUAGE {
                    directives.passed(diagnostics);
                }
                let step = (fence.language == LANGUAGE)
                    .then(|| Step { directives: directives.take(), ..step(&fence, source, index, diagnostics) });
                if !fence.closed {
                    diagnostics.push(Diagnostic {
                        slip: Slip::UnclosedFence,
                        severity: Severity::Error,
                        span: fence.opening,
                        message: "the fence that begins here is not closed: the rest of the page belongs to it".into(),
                        help: Some(format!("close it with a line `{}`", fence.mark)),
                    });
                }
                steps.extend(step);
            }
            Event::Start(Tag::HtmlBlock) | Event::InlineHtml(_) => {
                directives.read(range, diagnostics);
                if inside > 0 || !matches!(event, Event::Start(_)) {
                    directives.passed(diagnostics);
                }
            }
            Event::Html(_) | Event::End(TagEnd::HtmlBlock) => {}
            _ => directives.passed(diagnostics),
        }
    }
    directives.passed(diagnostics);
    steps
}

/// A top-level fence, taken apart.
struct Fence<'a> {
    span: Span,
    /// Its first line.
    opening: Span,
    /// The run of backticks or tildes.
    mark: &'a str,
    language: &'a str,
    /// What stands behind the language.
    words: (usize, usize),
    lines: Vec<Line<'a>>,
    closed: bool,
}

impl<'a> Fence<'a> {
    fn read(source: &'a str, start: usize, end: usize, index: &LineIndex) -> Self {
        let line_start = index.start_of(index.line(start), source);
        let mut lines = lines_from(&source[..end], line_start);
        let opening = lines.next().map_or("", |(_, line)| line);
        let marked = opening.trim_start_matches(' ');
        let indent = opening.len() - marked.len();
        let rest = marked.trim_start_matches(marked.chars().next().unwrap_or('`'));
        let mark = &marked[..marked.len() - rest.len()];
        let info = rest.trim_start();
        let language = info.split_whitespace().next().unwrap_or("");
        let info_start = line_start + opening.len() - info.len();
        let mut lines: Vec<Line<'a>> = lines
            .map(|(offset, text)| {
                // A fence's own indentation is not part of its content (CommonMark 0.31, example 131).
                let taken = text.bytes().take(indent).take_while(|byte| *byte == b' ').count();
                Line { offset: offset + taken, text: &text[taken..] }
            })
            .collect();
        let closed = lines.last().is_some_and(|line| {
            let text = line.text.trim_matches(' ').trim_end();
            text.len() >= mark.len() && !mark.is_empty() && text.trim_start_matches(&mark[..1]).is_empty()
        });
        if closed {
            lines.pop();
        }
        // Blank lines at the end of an unclosed fence may belong to a command.
        let whole = lines.last().filter(|_| !closed).map_or(start, Line::end);
        let whole = source[..end].trim_end_matches(['\n', '\r']).len().max(whole);
        Self {
            span: index.span(source, start, whole),
            opening: index.span(source, line_start + indent, line_start + opening.len()),
            mark,
            language,
            words: (info_start + language.len(), line_start + opening.len()),
            lines,
            closed,
        }
    }
}

fn step(fence: &Fence<'_>, source: &str, index: &LineIndex, diagnostics: &mut Vec<Diagnostic>) -> Step {
    let read = annotations::read(source, fence.words, index, diagnostics);
    let commands = if read.annotations.raw {
        commands::raw(&fence.lines, source, index).into_iter().collect()
    } else {
        commands::read(&fence.lines, source, index, diagnostics)
    };
    let annotations = read.annotations;
    if commands.is_empty() && annotations != (Annotations { test: annotations.test, ..Annotations::default() }) {
        diagnostics.push(Diagnostic {
            slip: Slip::IdleAnnotations,
            severity: Severity::Warning,
            span: fence.opening,
            message: "this fence has annotations but no command, so it is not executed".into(),
            help: Some("begin its commands with `$ `, or write `raw=true` to execute all of it".into()),
        });
    }
    // A step whose annotations cannot be understood, or that swallowed the rest of its page, is not what its author meant.
    let executed = annotations.test && !commands.is_empty() && read.usable && fence.closed;
    let source = fence.lines.iter().flat_map(|line| [line.text, "\n"]).collect();
    Step { span: fence.span, annotations, commands, directives: Vec::new(), source, executed }
}
