//! YAML in the block style that kubectl, yq and helm print: enough of it to compare by structure, and no more.
//!
//! Scalars stay text. What is not understood (elisions, anchors, tabs) is left to the comparison by lines.

use serde_json::{Map, Value};

use super::terminal::Line;

/// Longer texts are compared by lines, which needs no tree in memory.
const MOST_LINES: usize = 50_000;
/// Nesting that is followed.
const DEEPEST: usize = 60;

/// The documents of a text in block style, of which one at least is a mapping or a sequence.
pub(super) fn documents(lines: &[Line<'_>]) -> Option<Vec<Value>> {
    if lines.len() > MOST_LINES {
        return None;
    }
    let mut documents = Vec::new();
    for part in lines.split(|line| line.text == "---") {
        if part.is_empty() {
            continue;
        }
        let mut rows = Vec::with_capacity(part.len());
        for line in part {
            let content = line.content();
            if line.is_elision() || content.starts_with(['&', '*', '%', '@', '`']) || line.text.contains('\t') {
                return None;
            }
            rows.push((line.text.len() - content.len(), content));
        }
        let indent = rows[0].0;
        let mut reader = Reader { rows, at: 0 };
        let value = reader.block(indent, 0)?;
        if reader.at < reader.rows.len() {
            return None;
        }
        documents.push(value);
    }
    documents.iter().any(|d| d.is_object() || d.is_array()).then_some(documents)
}

struct Reader<'t> {
    rows: Vec<(usize, &'t str)>,
    at: usize,
}

impl<'t> Reader<'t> {
    fn block(&mut self, indent: usize, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        let &(_, content) = self.rows.get(self.at)?;
        if content == "-" || content.starts_with("- ") {
            self.sequence(indent, depth)
        } else {
            self.mapping(indent, depth)
        }
    }

    fn sequence(&mut self, indent: usize, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        while let Some(&(row_indent, content)) = self.rows.get(self.at) {
            if row_indent != indent || !(content == "-" || content.starts_with("- ")) {
                break;
            }
            let rest = content[1..].trim_start();
            if rest.is_empty() {
                self.at += 1;
                let &(inner, _) = self.rows.get(self.at)?;
                items.push(self.block(inner, depth + 1)?);
            } else if rest.starts_with("- ") || entry(rest).is_some() {
                // The item begins on the line of its dash: go on as if it stood alone there.
                let inner = row_indent + (content.len() - rest.len());
                self.rows[self.at] = (inner, rest);
                items.push(self.block(inner, depth + 1)?);
            } else {
                self.at += 1;
                items.push(Value::String(self.scalar(rest, indent)));
            }
        }
        (!items.is_empty()).then_some(Value::Array(items))
    }

    fn mapping(&mut self, indent: usize, depth: usize) -> Option<Value> {
        let mut map = Map::new();
        while let Some(&(row_indent, content)) = self.rows.get(self.at) {
            if row_indent != indent {
                break;
            }
            let Some((key, rest)) = entry(content) else { break };
            self.at += 1;
            let value = if rest.is_empty() {
                match self.rows.get(self.at) {
                    Some(&(inner, _)) if inner > indent => self.block(inner, depth + 1)?,
                    Some(&(inner, item)) if inner == indent && (item == "-" || item.starts_with("- ")) => {
                        self.sequence(indent, depth + 1)?
                    }
                    _ => Value::String(String::new()),
                }
            } else {
                Value::String(self.scalar(rest, indent))
            };
            if map.insert(key.to_owned(), value).is_some() {
                return None;
            }
        }
        (!map.is_empty()).then_some(Value::Object(map))
    }

    /// A scalar and its continuation on deeper lines.
    fn scalar(&mut self, first: &str, indent: usize) -> String {
        let block = matches!(first, "|" | "|-" | "|+" | ">" | ">-" | ">+");
        let mut text = if block { String::new() } else { first.to_owned() };
        while let Some(&(inner, content)) = self.rows.get(self.at) {
            if inner <= indent {
                break;
            }
            if !text.is_empty() {
                text.push(if block { '\n' } else { ' ' });
            }
            text.push_str(content);
            self.at += 1;
        }
        if block { text } else { unquote(&text).to_owned() }
    }
}

/// A key and what stands behind it on the line.
fn entry(content: &str) -> Option<(&str, &str)> {
    if content.starts_with(['{', '[', '|', '>', '#']) {
        return None;
    }
    if let Some(quote @ (b'"' | b'\'')) = content.bytes().next() {
        let end = content[1..].find(quote as char)? + 1;
        let rest = content[end + 1..].strip_prefix(':')?;
        return (rest.is_empty() || rest.starts_with(' ')).then(|| (&content[1..end], rest.trim()));
    }
    let (key, rest) = match content.split_once(": ") {
        Some((key, rest)) => (key, rest.trim()),
        None => (content.strip_suffix(':')?, ""),
    };
    (!key.is_empty()).then_some((key, rest))
}

/// Drops the quotes unless they make a text of what would be a number or a truth value.
fn unquote(text: &str) -> &str {
    let inner = ['"', '\''].iter().find_map(|&quote| {
        text.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains([quote, '\\']))
    });
    match inner {
        Some(inner)
            if inner.parse::<f64>().is_err() && !matches!(inner, "true" | "false" | "null" | "yes" | "no" | "") =>
        {
            inner
        }
        _ => text,
    }
}
