//! Running text as flat pieces, each with its style.

use std::sync::Arc;

use pulldown_cmark::{Event, Tag, TagEnd};

/// Running text.
pub type Runs = Vec<Run>;

/// A piece of text with one style. A line break that the author asked for is a newline in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Run {
    /// The text; of a picture in running text, what it shows.
    pub text: String,
    /// `*emphasis*`.
    pub emphasis: bool,
    /// `**strong**`.
    pub strong: bool,
    /// `` `code` ``.
    pub code: bool,
    /// `~~struck out~~`.
    pub strike: bool,
    /// Where it leads, as written.
    pub link: Option<Arc<str>>,
    /// The path or address of the picture that it stands for.
    pub image: Option<Arc<str>>,
}

/// Gathers runs from the events of one paragraph, heading or cell.
#[derive(Debug, Default)]
pub struct Collector {
    runs: Runs,
    emphasis: usize,
    strong: usize,
    strike: usize,
    links: Vec<Arc<str>>,
    images: Vec<Arc<str>>,
}

impl Collector {
    /// Takes an event that belongs into running text; answers whether it was one.
    pub fn take(&mut self, event: &Event<'_>, text: Option<&str>) -> bool {
        match event {
            Event::Text(shown) => self.push(text.unwrap_or(shown), false),
            Event::Code(shown) => self.push(shown, true),
            Event::SoftBreak => self.push(" ", false),
            Event::HardBreak => self.push("\n", false),
            Event::InlineHtml(html) => {
                // Tags in running text only style it; of those a line break is worth keeping.
                if html.starts_with("<br") {
                    self.push("\n", false);
                }
            }
            Event::Start(Tag::Emphasis) => self.emphasis += 1,
            Event::Start(Tag::Strong) => self.strong += 1,
            Event::Start(Tag::Strikethrough) => self.strike += 1,
            Event::Start(Tag::Link { dest_url, .. }) => self.links.push(Arc::from(&**dest_url)),
            Event::Start(Tag::Image { dest_url, .. }) => {
                self.images.push(Arc::from(&**dest_url));
                // A picture may have no text at all.
                self.push("", false);
            }
            Event::End(TagEnd::Emphasis) => self.emphasis = self.emphasis.saturating_sub(1),
            Event::End(TagEnd::Strong) => self.strong = self.strong.saturating_sub(1),
            Event::End(TagEnd::Strikethrough) => self.strike = self.strike.saturating_sub(1),
            Event::End(TagEnd::Link) => drop(self.links.pop()),
            Event::End(TagEnd::Image) => drop(self.images.pop()),
            _ => return false,
        }
        true
    }

    fn push(&mut self, text: &str, code: bool) {
        let run = Run {
            text: String::new(),
            emphasis: self.emphasis > 0,
            strong: self.strong > 0,
            code,
            strike: self.strike > 0,
            link: self.links.last().cloned(),
            image: self.images.first().cloned(),
        };
        match self.runs.last_mut() {
            Some(last) if same_style(last, &run) => last.text.push_str(text),
            _ => self.runs.push(Run { text: text.to_owned(), ..run }),
        }
    }

    /// The runs gathered so far.
    pub fn finish(mut self) -> Runs {
        self.runs.retain(|run| !run.text.is_empty() || run.image.is_some());
        self.runs
    }
}

fn same_style(one: &Run, other: &Run) -> bool {
    (one.emphasis, one.strong, one.code, one.strike) == (other.emphasis, other.strong, other.code, other.strike)
        && same_target(&one.link, &other.link)
        && same_target(&one.image, &other.image)
}

/// Whether two runs belong to the same link. Addresses are as long as a page likes: they are shared and never compared.
fn same_target(one: &Option<Arc<str>>, other: &Option<Arc<str>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

/// Text that is one line of Markdown, such as an admonition's title.
pub fn line(text: &str) -> Runs {
    let mut collector = Collector::default();
    for event in pulldown_cmark::Parser::new(text) {
        collector.take(&event, None);
    }
    collector.finish()
}

/// The text without its styles.
pub fn plain(runs: &[Run]) -> String {
    runs.iter().map(|run| run.text.as_str()).collect()
}
