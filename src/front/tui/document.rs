//! A page laid out for a width: prose typeset, steps as cards. Drawing it is then dumb.

use std::collections::BTreeMap;

use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::card::card;
use super::model::Model;
use super::theme::{Role, Theme};
use super::wrap::{self, Run, columns};
use super::{highlight, table};
use crate::lesson::blocks::{self, Block, Item, Runs};
use crate::lesson::{Lesson, StepId};
use crate::session::{StepState, plain};

/// Prose is not set wider than this many columns: longer lines are hard to read.
const WIDEST: usize = 100;

/// A page as lines.
#[derive(Debug, Default)]
pub struct Document {
    /// From top to bottom.
    pub lines: Vec<Line<'static>>,
    /// The first and the last line of each step.
    pub steps: BTreeMap<StepId, (usize, usize)>,
}

/// Lays out the page that the model shows.
pub fn layout(model: &Model, blocks: &[Block], width: usize, theme: Theme) -> Document {
    let mut setter = Setter {
        model,
        lesson: model.lesson,
        theme,
        width: width.clamp(1, WIDEST),
        first: Vec::new(),
        rest: Vec::new(),
        number: 0,
        out: Document::default(),
    };
    if let Some(lesson) = model.course.lessons.get(model.lesson) {
        setter.title(lesson);
        setter.blocks(blocks, true);
        setter.end(lesson);
    }
    setter.out
}

struct Setter<'a> {
    model: &'a Model,
    lesson: usize,
    theme: Theme,
    width: usize,
    /// What stands ahead of the next line, and of those behind it: bullets, bars, indentation.
    first: Vec<Run>,
    rest: Vec<Run>,
    /// Executed steps so far.
    number: usize,
    out: Document,
}

impl Setter<'_> {
    fn title(&mut self, lesson: &Lesson) {
        self.words(vec![(plain(lesson.front_matter.title.as_bytes()), self.theme.heading(1))]);
        self.blank();
    }

    fn end(&mut self, lesson: &Lesson) {
        let (passed, all) = self.model.progress(self.lesson);
        let last = self.lesson + 1 == self.model.course.lessons.len();
        let done = all == 0 || passed == all;
        let text = match (done, last) {
            (true, true) if all > 0 => "✓ This page is done, and it is the last one. Well done. q quits.",
            (true, true) => "This is the last page. q quits.",
            (true, false) if all > 0 => "✓ This page is done: Enter opens the next one.",
            (true, false) => "Enter opens the next page.",
            (false, _) => return,
        };
        let style = if lesson.steps.is_empty() { self.theme.ready() } else { self.theme.good() };
        self.words(vec![(text.to_owned(), style)]);
    }

    /// Sets blocks; `apart` puts a blank line behind each.
    fn blocks(&mut self, blocks: &[Block], apart: bool) {
        for (at, block) in blocks.iter().enumerate() {
            self.block(block);
            // A list inside of an item follows its text closely.
            let close = !apart && matches!(blocks.get(at + 1), Some(Block::List { .. }));
            if apart || (at + 1 < blocks.len() && !close) {
                self.blank();
            }
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Heading { level, text, .. } => {
                let style = self.theme.heading((*level).max(2));
                let mark = (format!("{} ", "#".repeat(usize::from(*level))), style);
                let mut runs = vec![mark];
                runs.extend(self.runs(text, style));
                self.words(runs);
            }
            Block::Paragraph(text) => {
                let runs = self.runs(text, Style::new());
                self.words(runs);
            }
            Block::List { start, items } => self.list(*start, items),
            Block::Code { language, source, step, .. } => self.code(language, source, *step),
            Block::Admonition { kind, title, blocks } => self.admonition(kind, title, blocks),
            Block::Table { alignments, head, rows } => {
                let width = self.width.saturating_sub(self.indent());
                for line in table::lines(alignments, head, rows, width, self.theme) {
                    self.cut(line);
                }
            }
            Block::Quote(blocks) => self.behind("▌ ", self.theme.quiet(), |setter| setter.blocks(blocks, false)),
            Block::Image { alt, url } => {
                let shown = if alt.is_empty() { url } else { alt };
                self.words(vec![(format!("[picture: {}]", plain(shown.as_bytes())), self.theme.quiet())]);
            }
            Block::Rule => {
                let width = self.width.saturating_sub(self.indent()).max(1);
                self.cut(vec![("─".repeat(width), self.theme.quiet())]);
            }
            Block::RequiredTime { minutes } => {
                let text = match minutes {
                    Some(minutes) => format!("Time needed: about {minutes} minutes"),
                    None => "Time needed: not said".into(),
                };
                self.words(vec![(text, self.theme.quiet())]);
            }
            Block::YamlFile { file, paths, title } => {
                let name = title.as_deref().unwrap_or(file);
                self.words(vec![(format!("File {}", plain(name.as_bytes())), self.theme.heading(3))]);
                if !paths.is_empty() {
                    let paths = plain(paths.join(", ").as_bytes());
                    self.words(vec![(format!("its parts: {paths}"), self.theme.quiet())]);
                }
            }
            Block::Tabs(tabs) => {
                for tab in tabs {
                    self.words(vec![(format!("[{}]", plain(tab.label.as_bytes())), self.theme.heading(3))]);
                    self.behind("  ", Style::new(), |setter| setter.blocks(&tab.blocks, false));
                }
            }
            Block::Details { summary, blocks } => {
                let style = Style::new().add_modifier(Modifier::BOLD);
                let runs = self.runs(summary, style);
                self.words(runs);
                self.behind("  ", Style::new(), |setter| setter.blocks(blocks, false));
            }
            Block::Browser { url, blocks } => {
                self.words(vec![(plain(url.as_bytes()), self.theme.style(Role::Link))]);
                self.behind("  ", Style::new(), |setter| setter.blocks(blocks, false));
            }
            Block::Button { label, url } => {
                let label = (format!("{}: ", plain(label.as_bytes())), Style::new());
                self.words(vec![label, (plain(url.as_bytes()), self.theme.style(Role::Link))]);
            }
            Block::Html { text, .. } => {
                let text = plain(text.trim().as_bytes());
                if !text.is_empty() {
                    self.words(vec![(text, Style::new())]);
                }
            }
        }
    }

    fn list(&mut self, start: Option<u64>, items: &[Item]) {
        for (at, item) in items.iter().enumerate() {
            let mark = match (item.checked, start) {
                (Some(true), _) => "[x] ".to_owned(),
                (Some(false), _) => "[ ] ".to_owned(),
                (None, Some(start)) => format!("{}. ", start.saturating_add(at as u64)),
                (None, None) => "• ".to_owned(),
            };
            let before = (self.first.clone(), self.rest.clone());
            self.rest.push((" ".repeat(columns(&mark)), Style::new()));
            self.first.push((mark, self.theme.quiet()));
            self.blocks(&item.blocks, false);
            (self.first, self.rest) = before;
        }
    }

    fn admonition(&mut self, kind: &str, title: &Runs, blocks: &[Block]) {
        let style = self.theme.admonition(kind);
        let name = plain(kind.to_uppercase().as_bytes());
        self.behind("▌ ", style, |setter| {
            let mut runs = vec![(name, style)];
            if !title.is_empty() {
                runs.push((" ".into(), style));
                runs.extend(setter.runs(title, style));
            }
            setter.words(runs);
            setter.blocks(blocks, false);
        });
    }

    fn code(&mut self, language: &str, source: &str, step: Option<usize>) {
        if let Some(step) = step {
            let id = StepId { lesson: self.lesson, step };
            if let (Some(data), Some(view)) = (self.model.course.step(id), self.model.steps.get(&id))
                && view.state != StepState::NotExecuted
            {
                self.number += 1;
                let selected = self.model.selected == Some(id);
                let indent = self.indent();
                let width = self.width.saturating_sub(indent);
                let first = self.out.lines.len();
                for line in card(data, view, self.number, selected, width, self.theme) {
                    let runs = line.spans.into_iter().map(|span| (span.content.into_owned(), span.style)).collect();
                    self.cut(runs);
                }
                self.out.steps.insert(id, (first, self.out.lines.len().saturating_sub(1)));
                return;
            }
        }
        let source = plain(source.as_bytes());
        self.behind("  ", Style::new(), |setter| {
            for line in highlight::lines(&source, language, setter.theme) {
                setter.cut(line);
            }
        });
    }

    /// Sets blocks behind a bar or an indentation.
    fn behind(&mut self, bar: &str, style: Style, set: impl FnOnce(&mut Self)) {
        let before = (self.first.clone(), self.rest.clone());
        // Far too deep nesting would leave no room for text.
        if self.indent() + columns(bar) + 8 < self.width {
            self.first.push((bar.to_owned(), style));
            self.rest.push((bar.to_owned(), style));
        }
        set(self);
        (self.first, self.rest) = before;
    }

    fn indent(&self) -> usize {
        self.rest.iter().map(|(text, _)| columns(text)).sum()
    }

    fn words(&mut self, runs: Vec<Run>) {
        let lines = wrap::words(&runs, self.width, &self.first, &self.rest);
        self.put(lines);
    }

    fn cut(&mut self, runs: Vec<Run>) {
        let lines = wrap::cut(&runs, self.width, &self.first, &self.rest);
        self.put(lines);
    }

    /// Adds lines; a bullet stands ahead of one line only.
    fn put(&mut self, lines: Vec<Line<'static>>) {
        self.out.lines.extend(lines);
        self.first.clone_from(&self.rest);
    }

    fn blank(&mut self) {
        let bars: Vec<Run> = self.rest.iter().filter(|(text, _)| !text.trim().is_empty()).cloned().collect();
        let line = wrap::cut(&[], self.width, &bars, &bars);
        let again = self.out.lines.last().is_some_and(|last| last.to_string().trim().is_empty());
        if !again || !bars.is_empty() {
            self.out.lines.extend(line);
        }
    }

    fn runs(&self, runs: &[blocks::Run], base: Style) -> Vec<Run> {
        runs.iter()
            .map(|run| {
                let mut style = base;
                if run.emphasis {
                    style = style.add_modifier(Modifier::ITALIC);
                }
                if run.strong {
                    style = style.add_modifier(Modifier::BOLD);
                }
                if run.strike {
                    style = style.add_modifier(Modifier::CROSSED_OUT);
                }
                if run.code {
                    style = style.patch(self.theme.style(Role::Code));
                }
                if run.link.is_some() {
                    style = style.patch(self.theme.style(Role::Link));
                }
                let text = match &run.image {
                    Some(_) => format!("[picture: {}]", run.text),
                    None => run.text.clone(),
                };
                (plain(text.as_bytes()), style)
            })
            .collect()
    }
}
