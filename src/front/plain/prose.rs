//! A page's prose as lines of text: words where a screen has colour and place. Lines are not folded: the terminal, or a
//! screen reader, does that better.

use std::fmt::Write;

use crate::lesson::blocks::{Block, Item, Run};
use crate::session::{Change, ChangeLine, plain};

/// What stands in the place of parts of a page that are more than their text.
pub trait Shows {
    /// Of a step's fence, by the step's number.
    fn step(&self, number: usize, source: &str) -> String;
    /// Of a file that the page names.
    fn file(&self, name: &str) -> Option<String>;
    /// Of the change that a kustomization makes: of which object, by which file.
    fn change(&self, name: &str, object: &str) -> Option<Change>;
    /// The page of the course that a link leads to, from 0.
    fn page(&self, link: &str) -> Option<usize>;
}

/// The text of a part of a page.
pub fn text(block: &Block, shows: &dyn Shows) -> String {
    let mut out = String::new();
    write(&mut out, block, "", shows);
    plain(out.as_bytes())
}

/// The steps in a part of a page.
pub fn steps(block: &Block) -> Vec<usize> {
    match block {
        Block::Code { step, .. } => step.iter().copied().collect(),
        Block::Admonition { blocks, .. } | Block::Details { blocks, .. } | Block::Browser { blocks, .. } => {
            blocks.iter().flat_map(steps).collect()
        }
        Block::Quote(blocks) => blocks.iter().flat_map(steps).collect(),
        Block::List { items, .. } => items.iter().flat_map(|item| &item.blocks).flat_map(steps).collect(),
        Block::Tabs(tabs) => tabs.iter().flat_map(|tab| &tab.blocks).flat_map(steps).collect(),
        _ => Vec::new(),
    }
}

/// Text in a row; where a link leads stands behind it.
fn runs(runs: &[Run], shows: &dyn Shows) -> String {
    let mut out = String::new();
    for (at, run) in runs.iter().enumerate() {
        if run.image.is_some() {
            let _ = write!(out, "[Picture: {}]", run.text);
            continue;
        }
        let mark = if run.code { "`" } else { "" };
        let _ = write!(out, "{mark}{}{mark}", run.text);
        let ends = runs.get(at + 1).is_none_or(|next| next.link != run.link);
        if let Some(link) = run.link.as_ref().filter(|link| ends && ***link != *run.text) {
            let _ = match shows.page(link) {
                Some(page) => write!(out, " (page {})", page + 1),
                None => write!(out, " ({link})"),
            };
        }
    }
    out
}

fn lines(out: &mut String, indent: &str, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "{}", format!("{indent}{line}").trim_end());
    }
}

fn all(out: &mut String, blocks: &[Block], indent: &str, shows: &dyn Shows) {
    for block in blocks {
        write(out, block, indent, shows);
    }
}

fn write(out: &mut String, block: &Block, indent: &str, shows: &dyn Shows) {
    let deeper = format!("{indent}  ");
    match block {
        Block::Heading { level, text, .. } => {
            lines(out, indent, &format!("{} {}", "#".repeat((*level).into()), runs(text, shows)))
        }
        Block::Paragraph(text) => lines(out, indent, &runs(text, shows)),
        Block::List { start, items } => {
            for (number, item) in items.iter().enumerate() {
                let mark = match start {
                    Some(start) => format!("{}. ", start + number as u64),
                    None => "- ".to_owned(),
                };
                list_item(out, item, indent, &mark, shows);
            }
            return out.push('\n');
        }
        Block::Code { language, source, step: Some(number), .. } => {
            let _ = language;
            lines(out, indent, &shows.step(*number, source));
        }
        Block::Code { language, source, .. } if matches!(language.as_str(), "file" | "kustomization") => {
            named(out, indent, source, shows);
        }
        Block::Code { language, source, .. } => {
            if !language.is_empty() {
                lines(out, indent, &format!("{language}:"));
            }
            lines(out, &deeper, source);
        }
        Block::Admonition { kind, title, blocks } => {
            let mut name: String = kind.clone();
            if let Some(first) = name.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            let title = if title.is_empty() { String::new() } else { format!(": {}", runs(title, shows)) };
            lines(out, indent, &format!("{name}{title}"));
            return all(out, blocks, &deeper, shows);
        }
        Block::Table { head, rows, .. } => {
            for row in rows {
                let cells: Vec<String> = head
                    .iter()
                    .zip(row)
                    .map(|(name, cell)| format!("{}: {}", runs(name, shows), runs(cell, shows)))
                    .collect();
                lines(out, indent, &format!("- {}", cells.join("; ")));
            }
        }
        Block::Quote(blocks) => return all(out, blocks, &format!("{indent}> "), shows),
        Block::Image { alt, url } => {
            lines(out, indent, &format!("[Picture: {}]", if alt.is_empty() { url } else { alt }))
        }
        Block::Rule => lines(out, indent, "---"),
        Block::RequiredTime { minutes: Some(minutes) } => {
            lines(out, indent, &format!("Time needed: {minutes} minutes."))
        }
        Block::RequiredTime { minutes: None } => return,
        Block::YamlFile { file, paths, title } => {
            let title = title.as_ref().unwrap_or(file);
            let parts = if paths.is_empty() { String::new() } else { format!(" (parts: {})", paths.join(", ")) };
            lines(out, indent, &format!("File {title}{parts}:"));
            lines(out, &deeper, &shows.file(file).unwrap_or_else(|| "(the file is not here)".to_owned()));
        }
        Block::Tabs(tabs) => {
            for tab in tabs {
                lines(out, indent, &format!("Tab {}:", tab.label));
                all(out, &tab.blocks, &deeper, shows);
            }
            return;
        }
        Block::Details { summary, blocks } => {
            lines(out, indent, &format!("Details: {}", runs(summary, shows)));
            return all(out, blocks, &deeper, shows);
        }
        Block::Browser { url, blocks } => {
            lines(out, indent, &format!("In a browser at {url}:"));
            return all(out, blocks, &deeper, shows);
        }
        Block::Button { label, url } => lines(out, indent, &format!("{label}: {url}")),
        Block::Html { text, .. } if text.trim().is_empty() => return,
        Block::Html { text, .. } => lines(out, indent, text.trim()),
    }
    out.push('\n');
}

/// A fence that names a file, and perhaps the object that it changes.
fn named(out: &mut String, indent: &str, source: &str, shows: &dyn Shows) {
    let mut words = source.lines().map(str::trim).filter(|line| !line.is_empty());
    let name = words.next().unwrap_or_default();
    let object = words.next();
    let deeper = format!("{indent}  ");
    if let Some((object, change)) = object.and_then(|object| Some((object, shows.change(name, object)?))) {
        lines(out, indent, &format!("Change of {object} by {name}; + is new, - is gone:"));
        for (line, text) in &change.lines {
            let mark = match line {
                ChangeLine::Same => " ",
                ChangeLine::Added => "+",
                ChangeLine::Removed => "-",
                ChangeLine::Gap => "…",
            };
            lines(out, &deeper, &format!("{mark} {text}"));
        }
        return;
    }
    let of = object.map_or(String::new(), |object| format!(", which changes {object}"));
    lines(out, indent, &format!("File {name}{of}:"));
    lines(out, &deeper, &shows.file(name).unwrap_or_else(|| "(the file is not here)".to_owned()));
}

fn list_item(out: &mut String, item: &Item, indent: &str, mark: &str, shows: &dyn Shows) {
    let mark = match item.checked {
        Some(true) => format!("{mark}(done) "),
        Some(false) => format!("{mark}(to do) "),
        None => mark.to_owned(),
    };
    let deeper = format!("{indent}{}", " ".repeat(mark.len()));
    let mut inner = String::new();
    all(&mut inner, &item.blocks, &deeper, shows);
    let inner = inner.trim_end();
    let first = inner.strip_prefix(deeper.as_str()).unwrap_or(inner);
    let _ = writeln!(out, "{indent}{mark}{first}");
}

#[cfg(test)]
mod tests {
    struct Numbers;

    impl super::Shows for Numbers {
        fn step(&self, number: usize, _: &str) -> String {
            format!("Step {}", number + 1)
        }

        fn file(&self, name: &str) -> Option<String> {
            (name == "a.yaml").then(|| "kind: A\n".to_owned())
        }

        fn change(&self, _: &str, object: &str) -> Option<super::Change> {
            let lines =
                vec![(super::ChangeLine::Removed, "a: 1".to_owned()), (super::ChangeLine::Added, "a: 2".to_owned())];
            (object == "A/a").then_some(super::Change { lines })
        }

        fn page(&self, link: &str) -> Option<usize> {
            (link == "./other.md").then_some(2)
        }
    }

    fn shown(body: &str) -> String {
        let text = format!("---\ntitle: T\n---\n{body}");
        let lesson = crate::lesson::Lesson::parse(std::path::Path::new("page.md"), text.as_bytes()).unwrap();
        let all = crate::lesson::blocks::of(&lesson);
        all.iter().map(|block| super::text(block, &Numbers)).collect()
    }

    #[test]
    fn structure_is_told_in_words() {
        assert_eq!(
            shown("## Two\n\nSome *words* and `code`, see [there](x.md).\n"),
            "## Two\n\nSome words and `code`, see there (x.md).\n\n"
        );
        assert_eq!(
            shown("See [the other](./other.md#part).\n\n[There](./other.md)\n"),
            "See the other (./other.md#part).\n\nThere (page 3)\n\n"
        );
        assert_eq!(shown("- a\n- b\n  1. c\n"), "- a\n- b\n\n  1. c\n\n");
        assert_eq!(shown(":::tip Mind\nthis\n:::\n"), "Tip: Mind\n  this\n\n");
        assert_eq!(shown("| A | B |\n|---|---|\n| 1 | 2 |\n"), "- A: 1; B: 2\n\n");
        assert_eq!(shown("```bash\n$ ls\n```\n"), "Step 1\n\n");
        assert_eq!(shown("```file\na.yaml\n```\n"), "File a.yaml:\n  kind: A\n\n");
        assert_eq!(
            shown("```kustomization\na.yaml\nA/a\n```\n"),
            "Change of A/a by a.yaml; + is new, - is gone:\n  - a: 1\n  + a: 2\n\n"
        );
        assert_eq!(
            shown("```kustomization\nb.yaml\nA/b\n```\n"),
            "File b.yaml, which changes A/b:\n  (the file is not here)\n\n"
        );
        assert_eq!(shown("![A cat](cat.png)\n"), "[Picture: A cat]\n\n");
    }

    #[test]
    fn nothing_moves_the_cursor() {
        let text = shown("a\u{1b}[2Jb \u{202e}c\n\n```text\nx\u{7}\n```\n");
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
    }
}
