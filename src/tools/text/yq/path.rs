//! Paths into a document.

use super::document::plain;
use crate::tools::yaml::Node;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// `.name`
    Key(String),
    /// `[0]`, `[-1]`
    Index(i64),
    /// `[]`
    Each,
}

/// Takes an expression apart that is nothing but paths and pipes; `None` for any other.
pub(super) fn parse(expression: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = expression.trim();
    loop {
        // Every path begins with a dot.
        rest = rest.strip_prefix('.')?;
        let mut first = true;
        loop {
            if let Some(inner) = rest.strip_prefix('[') {
                let (step, after) = bracket(inner)?;
                steps.push(step);
                rest = after;
            } else if first || rest.starts_with('.') {
                let after_dot = if first { rest } else { &rest[1..] };
                if let Some(inner) = after_dot.strip_prefix('[').filter(|_| !first) {
                    let (step, after) = bracket(inner)?;
                    steps.push(step);
                    rest = after;
                } else if let Some(quoted) = after_dot.strip_prefix('"') {
                    let (name, after) = quoted.split_once('"')?;
                    steps.push(Step::Key(name.to_owned()));
                    rest = after;
                } else {
                    let end = after_dot
                        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
                        .unwrap_or(after_dot.len());
                    if end == 0 && !first {
                        return None;
                    }
                    if end > 0 {
                        steps.push(Step::Key(after_dot[..end].to_owned()));
                    }
                    rest = &after_dot[end..];
                }
            } else {
                break;
            }
            first = false;
        }
        rest = rest.trim_start();
        match rest.strip_prefix('|') {
            Some(next) => rest = next.trim_start(),
            None if rest.is_empty() => return Some(steps),
            None => return None,
        }
    }
}

/// What stands in brackets, and what comes after them.
fn bracket(inner: &str) -> Option<(Step, &str)> {
    if let Some(quoted) = inner.strip_prefix('"') {
        let (name, after) = quoted.split_once('"')?;
        return Some((Step::Key(name.to_owned()), after.strip_prefix(']')?));
    }
    let (index, after) = inner.split_once(']')?;
    let step = match index.trim() {
        "" => Step::Each,
        index => Step::Index(index.parse().ok()?),
    };
    Some((step, after))
}

/// The nodes at the end of a path.
pub(super) fn follow(steps: &[Step], node: &Node) -> Result<Vec<Node>, String> {
    let Some((step, rest)) = steps.split_first() else { return Ok(vec![node.clone()]) };
    let is_null = matches!(node, Node::Scalar(text, crate::tools::yaml::Quoting::Plain)
        if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"));
    match (node, step) {
        (Node::Mapping(entries, _), Step::Key(name)) => {
            let found = entries.iter().rev().find(|(key, _)| matches!(key, Node::Scalar(text, _) if text == name));
            found.map_or_else(|| follow(rest, &plain("null")), |(_, value)| follow(rest, value))
        }
        (Node::Mapping(entries, _), Step::Index(index)) => {
            let name = index.to_string();
            let found = entries.iter().find(|(key, _)| matches!(key, Node::Scalar(text, _) if *text == name));
            found.map_or_else(|| follow(rest, &plain("null")), |(_, value)| follow(rest, value))
        }
        (Node::Mapping(entries, _), Step::Each) => collect(entries.iter().map(|(_, value)| value), rest),
        (Node::Sequence(items, _), Step::Each) => collect(items.iter(), rest),
        (Node::Sequence(items, _), Step::Index(index)) => {
            let at = if *index < 0 {
                let at = items.len() as i64 + index;
                if at < 0 {
                    let length = items.len();
                    return Err(format!("index [{index}] out of range, array size is {length}"));
                }
                at
            } else {
                *index
            };
            match usize::try_from(at).ok().and_then(|at| items.get(at)) {
                Some(item) => follow(rest, item),
                None => follow(rest, &plain("null")),
            }
        }
        (Node::Sequence(..), Step::Key(name)) => {
            Err(format!("cannot index array with '{name}' (strconv.ParseInt: parsing \"{name}\": invalid syntax)"))
        }
        (Node::Scalar(..), Step::Key(_) | Step::Index(_)) if is_null => follow(rest, &plain("null")),
        (Node::Scalar(..), _) => Ok(Vec::new()),
    }
}

fn collect<'n>(nodes: impl Iterator<Item = &'n Node>, rest: &[Step]) -> Result<Vec<Node>, String> {
    let mut all = Vec::new();
    for node in nodes {
        all.extend(follow(rest, node)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::{Step, parse};

    #[test]
    fn paths_are_taken_apart_and_other_expressions_left() {
        let key = |name: &str| Step::Key(name.to_owned());
        let table = [
            (".", Some(vec![])),
            (".a", Some(vec![key("a")])),
            (".a.b-c[0].d", Some(vec![key("a"), key("b-c"), Step::Index(0), key("d")])),
            (".a[] | .b", Some(vec![key("a"), Step::Each, key("b")])),
            (".[].b", Some(vec![Step::Each, key("b")])),
            (".\"x.y/z\"", Some(vec![key("x.y/z")])),
            (".a[\"x.y\"][-1]", Some(vec![key("a"), key("x.y"), Step::Index(-1)])),
            (".a | length", None),
            (".a == 1", None),
            ("..", None),
            (".a,.b", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
