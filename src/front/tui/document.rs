//! A page laid out for a width: prose typeset, steps as cards. Each block at the top of the page is set by itself, and again only
//! when something in it has changed. Drawing it is then dumb.

use std::collections::BTreeMap;
use std::rc::Rc;

use ratatui::style::Style;
use ratatui::text::Line;

use super::highlight;
use super::model::{Difference, Model};
use super::picture::Picture;
use super::setter::Setter;
use super::theme::{Role, Theme};
use super::wrap::columns;
use crate::lesson::StepId;
use crate::lesson::blocks::{self, Block};
use crate::session::StepState;

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
pub(super) struct Holds {
    pub(super) steps: Vec<usize>,
    pub(super) tabs: usize,
    /// Executed steps and groups of tabs ahead of it.
    before: (usize, usize),
}

/// All that a block's look depends on.
type Key = (usize, bool, bool, u64, Difference, Vec<(u64, bool)>, Vec<usize>);

/// The lines of a block.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub(super) lines: Vec<Line<'static>>,
    /// Each step with its first and last line.
    pub(super) steps: Vec<(StepId, usize, usize)>,
    /// Groups of tabs: line, number, how many tabs.
    pub(super) tabs: Vec<(usize, usize, usize)>,
    /// Text and address of each link, in order.
    pub(super) links: Vec<(String, String)>,
    /// Pictures: first line, first column.
    pub(super) pictures: Vec<(usize, usize, Rc<Picture>)>,
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

    /// The pictures of which something lies in these lines: first line, first column.
    pub fn pictures(&self, from: usize, rows: usize) -> impl Iterator<Item = (usize, usize, &Picture)> {
        let all = self.sections.iter().flat_map(|(at, section)| {
            section.pictures.iter().map(move |(line, column, picture)| (at + line, *column, &**picture))
        });
        all.filter(move |(line, _, picture)| line + picture.rows() > from && *line < from + rows)
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
        let new = |before: (usize, usize)| Setter::new(model, width, brief, before);
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
        let tail = end.out.lines.len() + 1;
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
        model.laid.tail = tail;
        self.document = document;
    }

    fn read(&mut self, model: &Model) {
        let lesson = model.course.lessons.get(model.lesson);
        let mut before = (0, 0);
        let executed = |step: &usize| {
            let id = StepId { lesson: model.lesson, step: *step };
            model.steps.get(&id).is_some_and(|step| step.state != StepState::NotExecuted)
        };
        let mut blocks = lesson.map(blocks::of).unwrap_or_default();
        // The place for a time that nobody has said is no place of the page.
        blocks.retain(|block| !matches!(block, Block::RequiredTime { minutes: None }));
        // Some authors write the title as a heading too.
        if let Some(Block::Heading { level: 1, text, .. }) = blocks.first()
            && let Some(lesson) = lesson
            && text.iter().map(|run| run.text.as_str()).collect::<String>().trim() == lesson.front_matter.title.trim()
        {
            blocks.remove(0);
        }
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
    (width, brief, highlight::is_loaded(), model.pictures.version(), model.difference, steps.collect(), tabs.collect())
}

/// Collects the steps and tabs in a block.
pub(super) fn look(block: &Block, holds: &mut Holds) {
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
        if self.links.is_empty() {
            return;
        }
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
