//! Sets the blocks of a page into lines of a width: prose, lists, code, files, steps as cards.

use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::card::{self, card};
use super::document::{Holds, Section, look};
use super::keys::Action;
use super::model::Model;
use super::theme::{Role, Theme};
use super::wrap::{self, Run, columns};
use super::{highlight, table};
use crate::front::files;
use crate::lesson::blocks::{self, Block, Item, Runs};
use crate::lesson::{Lesson, StepId};
use crate::session::{Change, ChangeLine, StepState, plain};

/// Where the next line goes, and what is set so far.
pub(super) struct Setter<'a> {
    model: &'a Model,
    lesson: usize,
    theme: Theme,
    width: usize,
    /// The output of steps stands beside the page: cards need not show it.
    brief: bool,
    /// What stands ahead of the next line, and of those behind it: bullets, bars, indentation.
    first: Vec<Run>,
    rest: Vec<Run>,
    /// Executed steps and groups of tabs so far.
    number: usize,
    tabs: usize,
    pub(super) out: Section,
}

impl<'a> Setter<'a> {
    /// Sets what stands behind so many executed steps and groups of tabs.
    pub(super) fn new(model: &'a Model, width: usize, brief: bool, (number, tabs): (usize, usize)) -> Self {
        let (first, rest) = (Vec::new(), Vec::new());
        let theme = model.options.theme;
        Self { model, lesson: model.lesson, theme, width, brief, first, rest, number, tabs, out: Section::default() }
    }
}

impl Setter<'_> {
    /// The page's title, and what stands ahead of it that is not done.
    pub(super) fn title(&mut self, lesson: &Lesson) {
        self.words(vec![(plain(lesson.front_matter.title.as_bytes()), self.theme.heading(1))]);
        if let Some(before) = self.model.unfinished_before(self.lesson)
            && let Some(page) = self.model.course.lessons.get(before)
            && self.model.started
        {
            let (passed, all) = self.model.progress(before);
            let title = plain(page.front_matter.title.as_bytes());
            let text = format!(
                "! “{title}” comes before this and is not finished ({passed}/{all} steps). You may go on here."
            );
            self.words(vec![(text, self.theme.busy())]);
        }
        self.blank();
    }

    /// What to do at the page's end.
    pub(super) fn end(&mut self, lesson: &Lesson) {
        let (passed, all) = self.model.progress(self.lesson);
        let last = self.lesson + 1 == self.model.course.lessons.len();
        let done = all == 0 || passed == all;
        let keys = &self.model.options.keys;
        let (run, quit) = (keys.hint(Action::Run), keys.hint(Action::Quit));
        let text = match (done, last) {
            (true, true) if all > 0 => {
                format!("✓ This page is done, and it is the last one. Well done. {quit} quits.")
            }
            (true, true) => format!("This is the last page. {quit} quits."),
            (true, false) if all > 0 => format!("✓ This page is done: {run} opens the next one."),
            (true, false) => format!("{run} opens the next page."),
            (false, _) => return,
        };
        let style = if lesson.steps.is_empty() { self.theme.ready() } else { self.theme.good() };
        self.words(vec![(text, style)]);
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

    /// A block.
    pub(super) fn block(&mut self, block: &Block) {
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
                self.behind("▏ ", self.theme.quiet(), |setter| {
                    setter.words(vec![(format!("Picture: {}", plain(shown.as_bytes())), setter.theme.quiet())]);
                });
                self.picture(url);
            }
            Block::Rule => {
                let width = self.width.saturating_sub(self.indent()).max(1);
                self.cut(vec![("─".repeat(width), self.theme.quiet())]);
            }
            Block::RequiredTime { minutes } => {
                if let Some(minutes) = minutes {
                    self.words(vec![(format!("Time needed: about {minutes} minutes"), self.theme.quiet())]);
                }
            }
            Block::YamlFile { file, paths, title } => self.yaml_file(file, paths, title.as_deref()),
            Block::Tabs(tabs) => {
                let group = self.tabs;
                self.tabs += 1;
                let open = self.model.tabs.get(&(self.lesson, group)).copied().unwrap_or(0) % tabs.len().max(1);
                self.out.tabs.push((self.out.lines.len(), group, tabs.len()));
                let mut runs: Vec<Run> = Vec::new();
                for (at, tab) in tabs.iter().enumerate() {
                    let style = if at == open { self.theme.style(Role::Selected) } else { self.theme.quiet() };
                    let mark = if at == open {
                        format!(" [{}] ", plain(tab.label.as_bytes()))
                    } else {
                        format!("  {}  ", plain(tab.label.as_bytes()))
                    };
                    runs.push((mark, style));
                }
                let hint = self.model.options.keys.hint(Action::Tab);
                if tabs.len() > 1 && !hint.is_empty() {
                    runs.push((format!(" ({hint} turns)"), self.theme.quiet()));
                }
                self.words(runs);
                for (at, tab) in tabs.iter().enumerate() {
                    if at == open {
                        self.behind("▏ ", self.theme.quiet(), |setter| setter.blocks(&tab.blocks, false));
                    } else {
                        // What is hidden is counted all the same: numbers must not depend on what is open.
                        let mut holds = Holds::default();
                        tab.blocks.iter().for_each(|block| look(block, &mut holds));
                        self.number += holds.steps.len();
                        self.tabs += holds.tabs;
                    }
                }
            }
            Block::Details { summary, blocks } => {
                let style = Style::new().add_modifier(Modifier::BOLD);
                let runs = self.runs(summary, style);
                self.words(runs);
                self.behind("  ", Style::new(), |setter| setter.blocks(blocks, false));
            }
            Block::Browser { url, blocks } => {
                self.address(Vec::new(), url);
                self.behind("  ", Style::new(), |setter| setter.blocks(blocks, false));
            }
            Block::Button { label, url } => {
                let label = (format!("{}: ", plain(label.as_bytes())), Style::new());
                self.address(vec![label], url);
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
                let look = card::Look {
                    number: self.number,
                    selected,
                    started: self.model.started,
                    brief: self.brief,
                    difference: self.model.difference,
                    keys: &self.model.options.keys,
                    theme: self.theme,
                };
                for line in card(data, view, width, look) {
                    let runs = line.spans.into_iter().map(|span| (span.content.into_owned(), span.style)).collect();
                    self.cut(runs);
                }
                self.out.steps.push((id, first, self.out.lines.len().saturating_sub(1)));
                return;
            }
        }
        if matches!(language, "kustomization" | "file") && self.change(language, source) {
            return;
        }
        let (source, marks) = highlight::marked(&plain(source.as_bytes()));
        let marks: Vec<_> = marks.into_iter().map(|marked| marked.then_some(None)).collect();
        self.source(&source, language, &marks);
    }

    /// Code behind a rule. Lines that are marked have a bar ahead of them, and the number of the note that speaks of them.
    fn source(&mut self, source: &str, language: &str, marks: &[Option<Option<usize>>]) {
        let numbered = marks.iter().flatten().any(Option::is_some);
        let wide = if marks.is_empty() { 0 } else { 1 + 2 * usize::from(numbered) };
        for (at, line) in highlight::lines(source, language, self.theme).into_iter().enumerate() {
            let mark = marks.get(at).copied().flatten();
            let first = marks.get(at.wrapping_sub(1)).copied().flatten() != mark || at == 0;
            let label = match mark {
                Some(Some(number)) if first => format!("{:>2}▐", number + 1),
                Some(_) => format!("{:>wide$}", "▐"),
                None => " ".repeat(wide),
            };
            let style = self.theme.style(Role::Marked);
            // What goes on in the next row stands further in than its beginning.
            let indent = line.first().map_or(0, |(text, _)| text.len() - text.trim_start_matches(' ').len());
            let hang = (indent + 2).min(self.width / 3);
            self.behind("▏ ", self.theme.quiet(), |setter| {
                setter.first.push((label, style));
                let bar = if mark.is_some() { format!("{:>wide$}", "▐") } else { " ".repeat(wide) };
                setter.rest.push((bar, style));
                setter.rest.push((" ".repeat(hang), Style::new()));
                let lines = wrap::fold(&line, setter.width, &setter.first, &setter.rest);
                setter.put(lines);
            });
        }
    }

    fn yaml_file(&mut self, file: &str, paths: &[String], title: Option<&str>) {
        let name = plain(title.unwrap_or(file).as_bytes());
        self.words(vec![(format!("File {name}"), self.theme.heading(3))]);
        let page = self.model.course.lessons.get(self.lesson);
        let Some(text) = page.and_then(|page| files::read(&self.model.course, &page.path, file)) else {
            if !paths.is_empty() {
                let paths = plain(paths.join(", ").as_bytes());
                self.words(vec![(format!("its parts: {paths}"), self.theme.quiet())]);
            }
            self.words(vec![("(the file is not here)".to_owned(), self.theme.quiet())]);
            return;
        };
        let mut marks = vec![None; text.lines().count()];
        for (number, path) in paths.iter().enumerate() {
            if let Some((first, last)) = files::yaml_lines(&text, path) {
                marks.iter_mut().take(last + 1).skip(first).for_each(|mark| *mark = Some(Some(number)));
            }
        }
        let marks = if paths.is_empty() { Vec::new() } else { marks };
        self.source(&plain(text.as_bytes()), "yaml", &marks);
    }

    /// A fence that names a file, and in a `kustomization` the object that it changes: shown as the file, or as the change.
    fn change(&mut self, language: &str, source: &str) -> bool {
        let mut words = source.lines().map(str::trim).filter(|line| !line.is_empty());
        let Some(name) = words.next() else { return false };
        let object = words.next().filter(|_| language == "kustomization");
        let heading = match object {
            Some(object) => format!("Change of {object} by {name}"),
            None => format!("File {name}"),
        };
        self.words(vec![(plain(heading.as_bytes()), self.theme.heading(3))]);
        let Some(page) = self.model.course.lessons.get(self.lesson) else { return true };
        if let Some(change) = object.and_then(|object| files::change(&self.model.course, &page.path, name, object)) {
            self.changed(&change);
            return true;
        }
        let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
        match files::read(&self.model.course, &page.path, name) {
            Some(text) => self.source(&plain(text.as_bytes()), kind, &[]),
            None => self.words(vec![("(the file is not here)".to_owned(), self.theme.quiet())]),
        }
        true
    }

    /// The lines of a change, what is new and what is gone told by sign and colour.
    fn changed(&mut self, change: &Change) {
        for (line, text) in &change.lines {
            let text = plain(text.as_bytes());
            let runs = match line {
                ChangeLine::Gap => vec![("  …".to_owned(), self.theme.quiet())],
                ChangeLine::Added => vec![(format!("+ {text}"), self.theme.style(Role::Inserted))],
                ChangeLine::Removed => vec![(format!("- {text}"), self.theme.style(Role::Deleted))],
                ChangeLine::Same => {
                    let mut runs = highlight::lines(&text, "yaml", self.theme).into_iter().next().unwrap_or_default();
                    runs.insert(0, ("  ".to_owned(), Style::new()));
                    runs
                }
            };
            self.behind("▏ ", self.theme.quiet(), |setter| setter.cut(runs));
        }
    }

    fn address(&mut self, mut runs: Vec<Run>, url: &str) {
        let shown = plain(url.as_bytes());
        self.out.links.push((shown.clone(), url.to_owned()));
        runs.push((shown, self.theme.style(Role::Link)));
        self.words(runs);
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

    /// Leaves room for a picture, if it can be shown.
    fn picture(&mut self, url: &str) {
        let course = &self.model.course;
        let Some(page) = course.lessons.get(self.lesson) else { return };
        let room = self.width.saturating_sub(self.indent());
        let Some(picture) = self.model.pictures.of(course, &page.path, url, room) else { return };
        let first = self.out.lines.len();
        for _ in 0..picture.rows() {
            self.cut(Vec::new());
        }
        self.out.pictures.push((first, self.indent(), picture));
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

    /// A line between blocks, if there is none yet.
    pub(super) fn blank(&mut self) {
        let bars: Vec<Run> = self.rest.iter().filter(|(text, _)| !text.trim().is_empty()).cloned().collect();
        let line = wrap::cut(&[], self.width, &bars, &bars);
        let again = self.out.lines.last().is_some_and(|last| last.to_string().trim().is_empty());
        if !again || !bars.is_empty() {
            self.out.lines.extend(line);
        }
    }

    fn runs(&mut self, runs: &[blocks::Run], base: Style) -> Vec<Run> {
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
                if let Some(url) = &run.link {
                    let text = plain(run.text.as_bytes());
                    match self.out.links.last_mut() {
                        // One link in several styles is one link.
                        Some((last, of)) if **of == **url && run.emphasis | run.strong | run.code => {
                            last.push_str(&text)
                        }
                        _ => self.out.links.push((text, url.to_string())),
                    }
                    style = style.patch(self.theme.style(Role::Link));
                }
                let text = match &run.image {
                    Some(_) => format!("[Picture: {}]", run.text),
                    None => run.text.clone(),
                };
                (plain(text.as_bytes()), style)
            })
            .collect()
    }
}
