//! From Markdown events and marks to the tree.

use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};

use super::inline::{self, Collector};
use super::{Alignment, Block, Item, Runs, Tab};
use crate::lesson::markdown::{Attributes, Mark, Markdown, value_of};
use crate::lesson::model::Step;

/// How deep containers nest in the tree. Text can nest them as deep as it is long; whoever walks the tree, and who drops
/// it, does so on a stack.
const DEEPEST: usize = 48;

/// How often indented text is read again as text (tabs within tabs).
const DEEPEST_TABS: usize = 3;

/// The tree of `source` from byte `body` on.
pub fn of(source: &str, body: usize, steps: &[Step], again: usize) -> Vec<Block> {
    let markdown = Markdown::new(source, body);
    let mut builder = Builder {
        markdown: &markdown,
        steps,
        again,
        frames: vec![Frame::new(Kind::Root)],
        too_deep: 0,
        text: None,
        leaf: Leaf::None,
    };
    for (event, range) in markdown.events() {
        builder.event(event, range.start, range.end);
    }
    builder.finish()
}

/// What a frame becomes when it is closed.
#[derive(Debug)]
enum Kind {
    Root,
    Quote,
    List { start: Option<u64>, items: Vec<Item> },
    Item { checked: Option<bool> },
    Admonition { colons: usize, kind: String, title: String },
    Tag { name: String, attributes: Attributes, tabs: Vec<Tab>, summary: Runs },
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    blocks: Vec<Block>,
}

impl Frame {
    fn new(kind: Kind) -> Self {
        Self { kind, blocks: Vec::new() }
    }

    /// Whether Markdown itself closes it, and marks inside of it end with it.
    fn is_markdown(&self) -> bool {
        !matches!(self.kind, Kind::Admonition { .. } | Kind::Tag { .. })
    }
}

/// A block without blocks in it, while it is read.
#[derive(Debug)]
enum Leaf {
    None,
    Heading { level: u8, id: Option<String> },
    Code { language: String, info: String, source: String, step: Option<usize>, indented: bool },
    Html(String),
    Table { alignments: Vec<Alignment>, rows: Vec<Vec<Runs>> },
}

struct Builder<'a> {
    markdown: &'a Markdown<'a>,
    steps: &'a [Step],
    again: usize,
    /// The open containers; the root is always there.
    frames: Vec<Frame>,
    /// How many containers are open that are not in the tree.
    too_deep: usize,
    text: Option<Collector>,
    leaf: Leaf,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, start: usize, end: usize) {
        // Hidden marks must not show: text is taken from the page itself wherever it is the page's own.
        let shown = match &event {
            Event::Text(text) | Event::Html(text) => {
                self.markdown.source().get(start..end).filter(|own| own.len() == text.len())
            }
            _ => None,
        };
        match &mut self.leaf {
            Leaf::Code { source, .. } => {
                if let Event::Text(text) = &event {
                    source.push_str(shown.unwrap_or(text));
                    return;
                }
            }
            Leaf::Html(source) => {
                if let Event::Html(text) | Event::Text(text) = &event {
                    source.push_str(shown.unwrap_or(text));
                    return;
                }
            }
            _ => {}
        }
        match event {
            Event::Start(tag) => self.start(tag, start, end),
            Event::End(tag) => self.end(tag),
            Event::Rule => {
                self.flush();
                match self.markdown.mark_at(start) {
                    Some(mark) => self.mark(&mark.clone()),
                    None => self.push(Block::Rule),
                }
            }
            Event::TaskListMarker(done) => {
                if let Some(Frame { kind: Kind::Item { checked }, .. }) = self.frames.last_mut() {
                    *checked = Some(done);
                }
            }
            Event::Html(text) => {
                let source = shown.unwrap_or(&text).to_owned();
                self.push_html(source);
            }
            event => {
                self.text.get_or_insert_default().take(&event, shown);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>, start: usize, end: usize) {
        match tag {
            Tag::Paragraph => self.flush(),
            Tag::Heading { level, id, .. } => {
                self.flush();
                self.leaf = Leaf::Heading { level: level as u8, id: id.map(|id| id.to_string()) };
            }
            Tag::BlockQuote(_) => self.open(Kind::Quote),
            Tag::List(number) => self.open(Kind::List { start: number, items: Vec::new() }),
            Tag::Item => self.open(Kind::Item { checked: None }),
            Tag::CodeBlock(kind) => {
                self.flush();
                let (language, info, indented) = match kind {
                    CodeBlockKind::Fenced(info) => {
                        let (language, rest) = info.trim().split_once(char::is_whitespace).unwrap_or((info.trim(), ""));
                        (language.to_owned(), rest.trim().to_owned(), false)
                    }
                    CodeBlockKind::Indented => (String::new(), String::new(), true),
                };
                let step = self.steps.binary_search_by_key(&start, |step| step.span.start).ok();
                let step = step.filter(|_| !indented && end >= start);
                self.leaf = Leaf::Code { language, info, source: String::new(), step, indented };
            }
            Tag::HtmlBlock => {
                self.flush();
                self.leaf = Leaf::Html(String::new());
            }
            Tag::Table(alignments) => {
                self.flush();
                let alignments = alignments
                    .into_iter()
                    .map(|alignment| match alignment {
                        pulldown_cmark::Alignment::None => Alignment::None,
                        pulldown_cmark::Alignment::Left => Alignment::Left,
                        pulldown_cmark::Alignment::Center => Alignment::Center,
                        pulldown_cmark::Alignment::Right => Alignment::Right,
                    })
                    .collect();
                self.leaf = Leaf::Table { alignments, rows: Vec::new() };
            }
            Tag::TableHead | Tag::TableRow => {
                if let Leaf::Table { rows, .. } = &mut self.leaf {
                    rows.push(Vec::new());
                }
            }
            Tag::TableCell => self.text = Some(Collector::default()),
            tag => {
                self.text.get_or_insert_default().take(&Event::Start(tag), None);
            }
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.flush(),
            TagEnd::Heading(_) => {
                let text = self.text.take().map(Collector::finish).unwrap_or_default();
                if let Leaf::Heading { level, id } = std::mem::replace(&mut self.leaf, Leaf::None) {
                    self.push(Block::Heading { level, text, id });
                }
            }
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item => self.close_markdown(),
            TagEnd::CodeBlock => {
                if let Leaf::Code { language, info, source, step, indented } =
                    std::mem::replace(&mut self.leaf, Leaf::None)
                {
                    self.push_code(Block::Code { language, info, source, step }, indented);
                }
            }
            TagEnd::HtmlBlock => {
                if let Leaf::Html(source) = std::mem::replace(&mut self.leaf, Leaf::None) {
                    self.push_html(source);
                }
            }
            TagEnd::Table => {
                if let Leaf::Table { alignments, mut rows } = std::mem::replace(&mut self.leaf, Leaf::None) {
                    let head = if rows.is_empty() { Vec::new() } else { rows.remove(0) };
                    self.push(Block::Table { alignments, head, rows });
                }
            }
            TagEnd::TableHead | TagEnd::TableRow => {}
            TagEnd::TableCell => {
                let cell = self.text.take().map(Collector::finish).unwrap_or_default();
                if let Leaf::Table { rows, .. } = &mut self.leaf
                    && let Some(row) = rows.last_mut()
                {
                    row.push(cell);
                }
            }
            tag => {
                self.text.get_or_insert_default().take(&Event::End(tag), None);
            }
        }
    }

    fn mark(&mut self, mark: &Mark) {
        match mark {
            Mark::Import => {}
            Mark::AdmonitionOpen { colons, kind, title } => {
                self.open_mark(Kind::Admonition { colons: *colons, kind: kind.clone(), title: title.clone() });
            }
            Mark::AdmonitionClose { colons } => {
                self.close_mark(|kind| matches!(kind, Kind::Admonition { colons: opened, .. } if opened <= colons))
            }
            Mark::TagOpen { name, attributes } => self.open_mark(Kind::Tag {
                name: name.clone(),
                attributes: attributes.clone(),
                tabs: Vec::new(),
                summary: Vec::new(),
            }),
            Mark::TagClose { name } => {
                self.close_mark(|kind| matches!(kind, Kind::Tag { name: opened, .. } if opened == name));
            }
            Mark::TagWhole { name, attributes, content } => self.whole(name, attributes, content),
            Mark::Directive { name, attributes } => match name.as_str() {
                "required-time" => {
                    let minutes = value_of(attributes, "estimatedLabExecutionTimeMinutes");
                    self.push(Block::RequiredTime { minutes: minutes.and_then(|minutes| minutes.trim().parse().ok()) });
                }
                "yaml" => {
                    let paths = value_of(attributes, "paths").unwrap_or_default().split(',').map(str::trim);
                    self.push(Block::YamlFile {
                        file: value_of(attributes, "file").unwrap_or_default().to_owned(),
                        paths: paths.filter(|path| !path.is_empty()).map(str::to_owned).collect(),
                        title: value_of(attributes, "title").map(str::to_owned),
                    });
                }
                // A directive that lectern does not know says something to the author's own site only.
                _ => {}
            },
        }
    }

    fn whole(&mut self, name: &str, attributes: &Attributes, content: &str) {
        if name == "summary" {
            if let Some(Frame { kind: Kind::Tag { name, summary, .. }, .. }) = self.frames.last_mut()
                && name == "details"
            {
                *summary = inline::line(content);
                return;
            }
            return self.push(Block::Paragraph(inline::line(content)));
        }
        if name == "img" {
            let value = |key| value_of(attributes, key).unwrap_or_default();
            let (alt, url) = (value("alt").to_owned(), quoted_part(value("src")).to_owned());
            return self.push(Block::Image { alt, url });
        }
        let value = |keys: [&str; 4]| keys.iter().find_map(|key| value_of(attributes, key)).filter(|v| !v.is_empty());
        let label = inline::plain(&inline::line(content));
        match value(["url", "to", "href", "src"]) {
            Some(url) => {
                let name = if name.ends_with("Player") { "Video" } else { name };
                let label =
                    if label.is_empty() { value(["label", "title", "name", "alt"]).unwrap_or(name) } else { &label };
                self.push(Block::Button { label: label.to_owned(), url: quoted_part(url).to_owned() });
            }
            None if !label.is_empty() => self.push(Block::Paragraph(inline::line(content))),
            None => {}
        }
    }

    /// Opens a container of Markdown; its end will come.
    fn open(&mut self, kind: Kind) {
        self.flush();
        if self.too_deep > 0 || self.frames.len() >= DEEPEST {
            self.too_deep += 1;
        } else {
            self.frames.push(Frame::new(kind));
        }
    }

    /// Opens a container that a mark begins; its end may never come.
    fn open_mark(&mut self, kind: Kind) {
        if self.too_deep == 0 && self.frames.len() < DEEPEST {
            self.frames.push(Frame::new(kind));
        }
    }

    fn close_markdown(&mut self) {
        self.flush();
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        while self.frames.len() > 1 {
            let last = self.frames.last().is_some_and(Frame::is_markdown);
            self.close();
            if last {
                return;
            }
        }
    }

    /// Closes the innermost container that `fits`, and those in it, unless a list or quote is in between.
    fn close_mark(&mut self, fits: impl Fn(&Kind) -> bool) {
        let open = self.frames.iter().rev().take_while(|frame| !frame.is_markdown());
        if let Some(above) = open.map(|frame| &frame.kind).position(fits) {
            for _ in 0..=above {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        if self.frames.len() < 2 {
            return;
        }
        let Some(Frame { kind, blocks }) = self.frames.pop() else { return };
        match kind {
            Kind::Root => {}
            Kind::Quote => self.push(Block::Quote(blocks)),
            Kind::Item { checked } => match self.frames.last_mut() {
                Some(Frame { kind: Kind::List { items, .. }, .. }) => items.push(Item { checked, blocks }),
                _ => blocks.into_iter().for_each(|block| self.push(block)),
            },
            Kind::List { start, mut items } => {
                // Items too deep for the tree leave their text with the list.
                if !blocks.is_empty() {
                    items.push(Item { checked: None, blocks });
                }
                self.push(Block::List { start, items });
            }
            Kind::Admonition { kind, title, .. } => {
                self.push(Block::Admonition { kind, title: inline::line(&title), blocks });
            }
            Kind::Tag { name, attributes, tabs, summary } => self.close_tag(&name, &attributes, tabs, summary, blocks),
        }
    }

    fn close_tag(&mut self, name: &str, attributes: &Attributes, tabs: Vec<Tab>, summary: Runs, blocks: Vec<Block>) {
        let parent = self.frames.last_mut().map(|frame| &mut frame.kind);
        match (name, parent) {
            ("TabItem", Some(Kind::Tag { name, tabs, .. })) if name == "Tabs" => {
                let label = ["label", "value"].iter().find_map(|key| value_of(attributes, key)).unwrap_or_default();
                tabs.push(Tab { label: label.to_owned(), blocks });
            }
            ("summary", Some(Kind::Tag { name, summary, .. })) if name == "details" => {
                for block in blocks {
                    if let Block::Paragraph(runs) | Block::Heading { text: runs, .. } = block {
                        summary.extend(runs);
                    }
                }
            }
            ("Tabs", _) => {
                blocks.into_iter().for_each(|block| self.push(block));
                if !tabs.is_empty() {
                    self.push(Block::Tabs(tabs));
                }
            }
            ("details", _) => self.push(Block::Details { summary, blocks }),
            ("Browser", _) => {
                let url = value_of(attributes, "url").unwrap_or_default().to_owned();
                self.push(Block::Browser { url, blocks });
            }
            // Of a component that lectern does not know, what it holds still matters.
            _ => blocks.into_iter().for_each(|block| self.push(block)),
        }
    }

    /// Ends the running text, if there is any.
    fn flush(&mut self) {
        let Some(text) = self.text.take() else { return };
        let runs = text.finish();
        match runs.as_slice() {
            [] => {}
            [run] if run.link.is_none() && run.image.is_some() => {
                let url = run.image.as_deref().unwrap_or_default().to_owned();
                self.push(Block::Image { alt: run.text.clone(), url });
            }
            _ => self.push(Block::Paragraph(runs)),
        }
    }

    fn push_code(&mut self, block: Block, indented: bool) {
        let in_tag = self.frames.iter().any(|frame| matches!(frame.kind, Kind::Tag { .. }));
        match block {
            // MDX has no indented code: what is indented inside of a component is text.
            Block::Code { source, .. } if indented && in_tag && self.again < DEEPEST_TABS => {
                of(&source, 0, &[], self.again + 1).into_iter().for_each(|block| self.push(block));
            }
            block => self.push(block),
        }
    }

    fn push_html(&mut self, source: String) {
        let html = source.trim();
        if html.is_empty() || (html.starts_with("<!--") && html.find("-->").is_none_or(|end| end + 3 == html.len())) {
            return;
        }
        let text = without_tags(html);
        self.push(Block::Html { source, text });
    }

    fn push(&mut self, block: Block) {
        if let Some(frame) = self.frames.last_mut() {
            frame.blocks.push(block);
        }
    }

    fn finish(mut self) -> Vec<Block> {
        self.flush();
        while self.frames.len() > 1 {
            self.close();
        }
        self.frames.pop().map(|root| root.blocks).unwrap_or_default()
    }
}

/// `./x.png` of `require('./x.png').default`; else all of it.
fn quoted_part(value: &str) -> &str {
    let quoted = |quote| value.split_once(quote)?.1.split_once(quote).map(|(inner, _)| inner);
    quoted('\'').or_else(|| quoted('"')).unwrap_or(value)
}

fn without_tags(html: &str) -> String {
    let (mut text, mut inside) = (String::with_capacity(html.len()), false);
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}
