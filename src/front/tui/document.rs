//! A page laid out for a width: prose typeset, steps as cards. Each block at the top of the page is set by itself, and again only
//! when something in it has changed. Drawing it is then dumb.

use std::collections::BTreeMap;
use std::rc::Rc;

use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::card::{self, card};
use super::model::{Difference, Model};
use super::theme::{Role, Theme};
use super::wrap::{self, Run, columns};
use super::{highlight, table};
use crate::front::files;
use crate::lesson::blocks::{self, Block, Item, Runs};
use crate::lesson::{Lesson, StepId};
use crate::session::{Change, ChangeLine, StepState, plain};

/// Prose is not set wider than this many columns: longer lines are hard to read.
const WIDEST: usize = 100;

/// A page in blocks, with what was set of it.
#[derive(Default)]
pub struct Page {
    lesson: Option<usize>,
    blocks: Vec<(Block, Holds)>,
    set: Vec<Option<(Key, Rc<Section>)>>,
    /// The lines of all of it.
    pub document: Document,
}

/// What is in a block whose look may change.
#[derive(Default)]
struct Holds {
    steps: Vec<usize>,
    tabs: usize,
    /// Executed steps and groups of tabs ahead of it.
    before: (usize, usize),
}

/// All that a block's look depends on.
type Key = (usize, bool, bool, Difference, Vec<(u64, bool)>, Vec<usize>);

/// The lines of a block.
#[derive(Debug, Default)]
struct Section {
    lines: Vec<Line<'static>>,
    steps: Vec<(StepId, usize, usize)>,
    tabs: Vec<(usize, usize, usize)>,
    /// Text and address of each link, in order.
    links: Vec<(String, String)>,
    /// Where they are: line, first column, columns, which.
    spots: Vec<(usize, usize, usize, usize)>,
}

/// A page as lines.
#[derive(Debug, Default)]
pub struct Document {
    sections: Vec<(usize, Rc<Section>)>,
    /// How many lines there are.
    pub len: usize,
}

/// A part of a line that is a link.
pub struct Spot {
    /// The line of the page.
    pub line: usize,
    /// The first column.
    pub column: usize,
    /// How many columns.
    pub width: usize,
    /// Where it leads.
    pub url: String,
}

impl Document {
    /// Lines from one on.
    pub fn lines(&self, from: usize, rows: usize) -> Vec<Line<'static>> {
        let mut out = Vec::new();
        for (first, section) in &self.sections {
            if first + section.lines.len() <= from {
                continue;
            }
            let skip = from.saturating_sub(*first);
            out.extend(section.lines.iter().skip(skip).take(rows - out.len()).cloned());
            if out.len() >= rows {
                break;
            }
        }
        out
    }

    /// The links that are to be seen in these lines.
    pub fn spots(&self, from: usize, rows: usize) -> impl Iterator<Item = Spot> + '_ {
        let sections = self
            .sections
            .iter()
            .filter(move |(first, section)| first + section.lines.len() > from && *first < from + rows);
        sections.flat_map(|(first, section)| {
            section.spots.iter().filter_map(move |(line, column, width, link)| {
                let url = section.links.get(*link)?.1.clone();
                Some(Spot { line: first + line, column: *column, width: *width, url })
            })
        })
    }

    /// The lines that hold a text.
    pub fn all_matches<'a>(&'a self, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
        let of = |(first, section): &'a (usize, Rc<Section>)| {
            section.lines.iter().enumerate().map(move |(at, line)| (first + at, line.to_string()))
        };
        self.sections.iter().flat_map(of).filter(move |(_, text)| holds(text, needle)).map(|(line, _)| line)
    }

    /// The next line from one on, or back from it, that holds a text.
    pub fn find(&self, needle: &str, from: usize, forwards: bool) -> Option<usize> {
        let mut hits = self.all_matches(needle);
        if forwards { hits.find(|line| *line >= from) } else { hits.take_while(|line| *line <= from).last() }
    }
}

/// Whether a line holds what is searched for; capital letters in it matter if it has any.
pub fn holds(text: &str, needle: &str) -> bool {
    if needle.chars().any(char::is_uppercase) { text.contains(needle) } else { text.to_lowercase().contains(needle) }
}

impl Page {
    /// Lays out the page that the model shows; tells the model what is where.
    pub fn lay_out(&mut self, model: &mut Model, width: usize, brief: bool) {
        let theme = model.options.theme;
        if self.lesson != Some(model.lesson) {
            self.read(model);
        }
        let width = width.clamp(1, WIDEST);
        let Some(lesson) = model.course.lessons.get(model.lesson) else { return };
        let new = |before: (usize, usize)| Setter {
            model,
            lesson: model.lesson,
            theme,
            width,
            brief,
            first: Vec::new(),
            rest: Vec::new(),
            number: before.0,
            tabs: before.1,
            out: Section::default(),
        };
        let mut sections = Vec::with_capacity(self.blocks.len() + 2);
        let mut top = new((0, 0));
        top.title(lesson);
        sections.push(Rc::new(top.out));
        for ((block, holds), set) in self.blocks.iter().zip(&mut self.set) {
            let key = key(model, holds, width, brief);
            match set {
                Some((of, section)) if *of == key => sections.push(Rc::clone(section)),
                set => {
                    let mut setter = new(holds.before);
                    setter.block(block);
                    setter.blank();
                    setter.out.find_links(theme);
                    let section = Rc::new(setter.out);
                    sections.push(Rc::clone(&section));
                    *set = Some((key, section));
                }
            }
        }
        let mut end = new((0, 0));
        end.end(lesson);
        sections.push(Rc::new(end.out));
        let mut at = 0;
        let document = Document {
            sections: sections
                .into_iter()
                .map(|section| {
                    let first = at;
                    at += section.lines.len();
                    (first, section)
                })
                .collect(),
            len: at,
        };
        model.laid.steps = document
            .sections
            .iter()
            .flat_map(|(at, section)| section.steps.iter().map(move |(id, first, last)| (*id, (at + first, at + last))))
            .collect::<BTreeMap<_, _>>();
        let tabs = document.sections.iter();
        model.laid.tabs =
            tabs.flat_map(|(at, section)| section.tabs.iter().map(move |(line, n, of)| (at + line, *n, *of))).collect();
        model.laid.links.clear();
        for (at, section) in &document.sections {
            for (number, (text, url)) in section.links.iter().enumerate() {
                let line = section.spots.iter().find(|spot| spot.3 == number).map_or(0, |spot| spot.0);
                model.laid.links.push((at + line, text.clone(), url.clone()));
            }
        }
        self.document = document;
    }

    fn read(&mut self, model: &Model) {
        let lesson = model.course.lessons.get(model.lesson);
        let mut before = (0, 0);
        let executed = |step: &usize| {
            let id = StepId { lesson: model.lesson, step: *step };
            model.steps.get(&id).is_some_and(|step| step.state != StepState::NotExecuted)
        };
        let blocks = lesson.map(blocks::of).unwrap_or_default();
        self.blocks = blocks
            .into_iter()
            .map(|block| {
                let mut holds = Holds { before, ..Holds::default() };
                look(&block, &mut holds);
                before.0 += holds.steps.iter().filter(|step| executed(step)).count();
                before.1 += holds.tabs;
                (block, holds)
            })
            .collect();
        self.set = self.blocks.iter().map(|_| None).collect();
        self.lesson = Some(model.lesson);
    }
}

fn key(model: &Model, holds: &Holds, width: usize, brief: bool) -> Key {
    let steps = holds.steps.iter().map(|step| {
        let id = StepId { lesson: model.lesson, step: *step };
        (model.steps.get(&id).map_or(0, |step| step.version), model.selected == Some(id))
    });
    let tabs = (holds.before.1..holds.before.1 + holds.tabs)
        .map(|group| model.tabs.get(&(model.lesson, group)).copied().unwrap_or(0));
    (width, brief, highlight::is_loaded(), model.difference, steps.collect(), tabs.collect())
}

/// Collects the steps and tabs in a block.
fn look(block: &Block, holds: &mut Holds) {
    let all = |blocks: &[Block], holds: &mut Holds| blocks.iter().for_each(|block| look(block, holds));
    match block {
        Block::Code { step, .. } => holds.steps.extend(step),
        Block::List { items, .. } => items.iter().for_each(|item| all(&item.blocks, holds)),
        Block::Quote(blocks)
        | Block::Admonition { blocks, .. }
        | Block::Details { blocks, .. }
        | Block::Browser { blocks, .. } => all(blocks, holds),
        Block::Tabs(tabs) => {
            holds.tabs += 1;
            tabs.iter().for_each(|tab| all(&tab.blocks, holds));
        }
        _ => {}
    }
}

impl Section {
    /// Finds the links' places by their style and text: lines were broken where they had to be.
    fn find_links(&mut self, theme: Theme) {
        let style = theme.style(Role::Link);
        let looks =
            |span: Style| span.add_modifier.contains(style.add_modifier) && (style.fg.is_none() || span.fg == style.fg);
        let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let (mut link, mut left) = (0, self.links.first().map(|(text, _)| bare(text)).unwrap_or_default());
        for (number, line) in self.lines.iter().enumerate() {
            let mut column = 0;
            for span in &line.spans {
                let (wide, mut text) = (columns(&span.content), bare(&span.content));
                // Two links may stand in one span.
                while looks(span.style) && !text.is_empty() && link < self.links.len() {
                    let taken = if let Some(rest) = left.strip_prefix(text.as_str()) {
                        left = rest.to_owned();
                        text.clear();
                        true
                    } else if !left.is_empty() && text.starts_with(left.as_str()) {
                        text.drain(..left.len());
                        left.clear();
                        true
                    } else {
                        false
                    };
                    if !taken {
                        break;
                    }
                    self.spots.push((number, column, wide, link));
                    if left.is_empty() {
                        link += 1;
                        left = self.links.get(link).map(|(text, _)| bare(text)).unwrap_or_default();
                    }
                }
                column += wide;
            }
        }
    }
}

struct Setter<'a> {
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
    out: Section,
}

impl Setter<'_> {
    fn title(&mut self, lesson: &Lesson) {
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
                self.behind("▏ ", self.theme.quiet(), |setter| {
                    setter.words(vec![(format!("Picture: {}", plain(shown.as_bytes())), setter.theme.quiet())]);
                });
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
                let hint = self.model.options.keys.hint(super::keys::Action::Tab);
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
        let source = plain(source.as_bytes());
        self.source(&source, language, &[]);
    }

    /// Code behind a rule; lines that notes speak of have the note's number ahead of them.
    fn source(&mut self, source: &str, language: &str, marks: &[Option<usize>]) {
        let wide = if marks.is_empty() { 0 } else { 3 };
        for (at, line) in highlight::lines(source, language, self.theme).into_iter().enumerate() {
            let mark = marks.get(at).copied().flatten();
            let first = marks.get(at.wrapping_sub(1)).copied().flatten() != mark || at == 0;
            let label = match mark {
                Some(number) if first => format!("{:>2}▐", number + 1),
                Some(_) => "  ▐".to_owned(),
                None if wide > 0 => "   ".to_owned(),
                None => String::new(),
            };
            let style = self.theme.style(Role::Marked);
            self.behind("▏ ", self.theme.quiet(), |setter| {
                let rest = " ".repeat(wide);
                setter.first.push((label, style));
                setter.rest.push((rest, style));
                setter.cut(line);
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
                marks.iter_mut().take(last + 1).skip(first).for_each(|mark| *mark = Some(number));
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
