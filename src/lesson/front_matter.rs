//! The YAML block at the head of a page.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::LessonError;
use super::model::FrontMatter;
use super::source::{LineIndex, lines_from};

const SHAPE: &str = "begin the page with a line of three hyphens, `title: …`, and another line of three hyphens";

/// Reads the block; answers it and the offset of the first byte behind it.
///
/// # Errors
/// When there is no block, it is not closed, is no YAML mapping, or has no title.
pub fn read(path: &Path, source: &str, index: &LineIndex) -> Result<(FrontMatter, usize), LessonError> {
    let start = if source.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut lines = lines_from(source, start);
    let is_fence = |line: &str| line.trim_end() == "---";
    let opened = lines.next().is_some_and(|(_, line)| is_fence(line));
    if !opened {
        return Err(LessonError::at(path, 1, 1, "the page has no front matter", SHAPE));
    }
    let Some((close, fence)) = lines.find(|(_, line)| is_fence(line)) else {
        return Err(LessonError::at(
            path,
            1,
            1,
            "the front matter that begins here is not closed",
            "close it with a line of three hyphens before the text",
        ));
    };
    let yaml_start = index.start_of(2, source);
    let keys = keys(path, &source[yaml_start..close])?;
    let title = match keys.get("title") {
        Some(serde_json::Value::String(title)) if !title.trim().is_empty() => title.clone(),
        Some(value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => value.to_string(),
        Some(_) => {
            let line = line_of_key(source, yaml_start, close, "title", index);
            return Err(LessonError::at(
                path,
                line,
                1,
                "the title in the front matter is empty or is not text",
                "give the page a title: `title: \"…\"`",
            ));
        }
        None => {
            return Err(LessonError::at(path, 1, 1, "the front matter has no title", "add a line `title: …` to it"));
        }
    };
    let order = ["weight", "sidebar_position"]
        .iter()
        .find_map(|key| keys.get(*key).and_then(serde_json::Value::as_f64))
        .filter(|order| order.is_finite())
        .unwrap_or(0.0);
    let end = close + fence.len();
    let body = source[end..].find('\n').map_or(source.len(), |newline| end + newline + 1);
    Ok((FrontMatter { title, order, keys, span: index.span(source, start, end) }, body))
}

fn keys(path: &Path, yaml: &str) -> Result<BTreeMap<String, serde_json::Value>, LessonError> {
    if yaml.trim().is_empty() {
        return Ok(BTreeMap::new());
    }
    // YAML 1.2, as Docusaurus reads it: `y`, `no` and `on` are text.
    let options = serde_saphyr::options! { strict_booleans: true };
    match serde_saphyr::from_str_with_options::<BTreeMap<String, serde_json::Value>>(yaml, options) {
        Ok(keys) => Ok(keys),
        Err(error) => {
            let error = error.without_snippet();
            // The YAML begins on the page's second line.
            let (line, column) = error.location().map_or((1, 1), |at| (at.line() as usize + 1, at.column() as usize));
            let message = error.to_string();
            // Its own place counts from the block's first line; ours counts from the page's.
            let message = message.lines().next().unwrap_or_default().split(" at line ").next().unwrap_or_default();
            Err(LessonError::at(
                path,
                line,
                column.max(1),
                format!("the front matter is not a YAML mapping: {message}"),
                "write one `key: value` a line; put text with a colon in it in quotes",
            ))
        }
    }
}

fn line_of_key(source: &str, start: usize, end: usize, key: &str, index: &LineIndex) -> usize {
    lines_from(&source[..end], start)
        .find(|(_, line)| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')))
        .map_or(1, |(offset, _)| index.line(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_page(source: &str) -> Result<(FrontMatter, usize), String> {
        read(Path::new("page.md"), source, &LineIndex::new(source)).map_err(|error| error.to_string())
    }

    #[test]
    fn title_and_order() {
        for (yaml, title, order) in [
            ("title: Pods", "Pods", 0.0),
            ("title: \"A: b\"\nsidebar_position: 34", "A: b", 34.0),
            ("sidebar_position: 34\nweight: 5\ntitle: x", "x", 5.0),
            ("title: 2024\nweight: 1.5", "2024", 1.5),
            ("title: no # really", "no", 0.0),
            ("title: x\nweight: heavy\nsidebar_position: 3", "x", 3.0),
        ] {
            let source = format!("---\n{yaml}\n---\nText\n");
            let (front, body) = read_page(&source).unwrap();
            assert_eq!((front.title.as_str(), front.order), (title, order), "{yaml}");
            assert_eq!(&source[body..], "Text\n");
        }
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_are_accepted() {
        let source = "\u{feff}---\r\ntitle: x\r\ntags: [a, b]\r\n---\r\nText";
        let (front, body) = read_page(source).unwrap();
        assert_eq!(front.title, "x");
        assert_eq!(front.keys["tags"], serde_json::json!(["a", "b"]));
        assert_eq!(&source[body..], "Text");
    }

    #[test]
    fn a_bad_block_is_an_error_at_its_place() {
        for (source, expected) in [
            ("", "page.md:1:1: the page has no front matter"),
            ("# Title\n", "page.md:1:1: the page has no front matter"),
            ("\n---\ntitle: x\n---\n", "page.md:1:1: the page has no front matter"),
            ("---\ntitle: x\n", "page.md:1:1: the front matter that begins here is not closed"),
            ("---\n---\n", "page.md:1:1: the front matter has no title"),
            ("---\nother: x\n---\n", "page.md:1:1: the front matter has no title"),
            ("---\nother: x\ntitle:\n---\n", "page.md:3:1: the title in the front matter is empty"),
            ("---\na: 1\ntitle: b: c\n---\n", "page.md:3:9: the front matter is not a YAML mapping"),
            ("---\n- a\n---\n", "page.md:2:"),
        ] {
            let message = read_page(source).unwrap_err();
            assert!(message.starts_with(expected), "{source:?}: {message}");
        }
    }
}
