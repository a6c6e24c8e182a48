//! A page as a tree to show: what CommonMark knows, and what Docusaurus adds to it.
//!
//! The tree is made for drawing: text comes in flat runs with their style, comments and imports are gone, and
//! a fence that is a step says which. Making it never fails, whatever the text.

mod build;
mod inline;

pub use inline::{Run, Runs};

use super::model::Lesson;

/// A part of a page, from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// `# Title {#id}`.
    Heading {
        /// From 1 to 6.
        level: u8,
        /// The title.
        text: Runs,
        /// The name that links may use.
        id: Option<String>,
    },
    /// Running text.
    Paragraph(Runs),
    /// A list; of a numbered one the first number.
    List {
        /// The number of the first item, `None` for bullets.
        start: Option<u64>,
        /// The items.
        items: Vec<Item>,
    },
    /// A fence or indented code.
    Code {
        /// The first word behind the fence: `bash`, `yaml`, `kustomization`, …; empty if there is none.
        language: String,
        /// What stands behind that word: annotations, as written.
        info: String,
        /// The content.
        source: String,
        /// Its place in [`Lesson::steps`], if it is a step.
        step: Option<usize>,
    },
    /// `:::tip Title` to `:::`.
    Admonition {
        /// `tip`, `note`, `info`, `caution`, `warning`, `danger`, or a word that the author made up.
        kind: String,
        /// The title; empty if the author gave none.
        title: Runs,
        /// What it holds.
        blocks: Vec<Block>,
    },
    /// A table.
    Table {
        /// How each column is aligned.
        alignments: Vec<Alignment>,
        /// The cells of the first row.
        head: Vec<Runs>,
        /// The cells of the other rows.
        rows: Vec<Vec<Runs>>,
    },
    /// A quotation.
    Quote(Vec<Block>),
    /// A picture on its own.
    Image {
        /// What it shows, for who does not see it.
        alt: String,
        /// Its path or address, as written.
        url: String,
    },
    /// A line across.
    Rule,
    /// `::required-time{…}`.
    RequiredTime {
        /// How long the lab takes, in minutes, if the page says it.
        minutes: Option<u32>,
    },
    /// `::yaml{file="…" paths="…"}`: a manifest to show, with its parts that the list below it numbers.
    YamlFile {
        /// The file's path, as written (`manifests/…`).
        file: String,
        /// The parts, `spec.replicas` and the like, in the order of the notes below.
        paths: Vec<String>,
        /// A title in the place of the file's name.
        title: Option<String>,
    },
    /// `<Tabs>`.
    Tabs(Vec<Tab>),
    /// `<details>`: text that is folded away until somebody wants it.
    Details {
        /// What to show while it is folded.
        summary: Runs,
        /// What it holds.
        blocks: Vec<Block>,
    },
    /// `<Browser url=…>`: what a browser shows at an address.
    Browser {
        /// The address.
        url: String,
        /// What stands in the window, usually a picture.
        blocks: Vec<Block>,
    },
    /// `<ConsoleButton url=… label=…/>`, `<Link to=…>`, `<ReactPlayer src=…/>`: something to open elsewhere.
    Button {
        /// What it says.
        label: String,
        /// Where it leads.
        url: String,
    },
    /// HTML that none of the others is.
    Html {
        /// As written.
        source: String,
        /// The same without its tags.
        text: String,
    },
}

/// An item of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// Of a task list, whether it is done.
    pub checked: Option<bool>,
    /// What it holds.
    pub blocks: Vec<Block>,
}

/// A `<TabItem>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// What the tab says.
    pub label: String,
    /// What it holds.
    pub blocks: Vec<Block>,
}

/// How a column of a table is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Alignment {
    /// Not said.
    #[default]
    None,
    /// To the left.
    Left,
    /// In the middle.
    Center,
    /// To the right.
    Right,
}

/// The tree of a lesson's body.
pub fn of(lesson: &Lesson) -> Vec<Block> {
    build::of(&lesson.source, lesson.body, &lesson.steps, 0)
}
