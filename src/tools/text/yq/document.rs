//! YAML documents as trees that remember how their scalars were written.

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};
use jaq_json::{Map, Num, Val};

use crate::tools::yaml::{Kind, Node, Quoting, kind_of, quoting};

/// Aliases may blow up a small text: no document has more nodes than this.
const MOST_NODES: usize = 1_000_000;

/// How deep collections may lie in each other.
const DEEPEST: usize = 500;

/// A scalar without quotes.
pub(super) fn plain(text: &str) -> Node {
    Node::Scalar(text.to_owned(), Quoting::Plain)
}

/// A collection that is being read: its items (a mapping's keys and values in turn), its style and its anchor.
struct Open {
    items: Vec<Node>,
    mapping: bool,
    flow: bool,
    anchor: usize,
}

/// The documents of a text; `block` writes collections on lines of their own, whatever they were.
pub(super) fn read(text: &str, block: bool) -> Result<Vec<Node>, String> {
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: std::collections::HashMap<usize, (Node, usize)> = std::collections::HashMap::new();
    let mut total = 0;
    let mut current = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|problem| format!("yaml: {problem}"))?;
        let (node, anchor) = match event {
            Event::DocumentStart(..) => {
                anchors.clear();
                current = None;
                continue;
            }
            Event::DocumentEnd => {
                documents.push(current.take().unwrap_or_else(|| plain("")));
                continue;
            }
            // The parser says `~` for a value that isn't there.
            Event::Scalar(nothing, ScalarStyle::Plain, anchor, None)
                if nothing == "~" && span.slice(text).is_none_or(str::is_empty) =>
            {
                (plain(""), anchor)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let way = match style {
                    ScalarStyle::SingleQuoted => Quoting::Single,
                    ScalarStyle::DoubleQuoted => Quoting::Double,
                    ScalarStyle::Literal => Quoting::Literal,
                    ScalarStyle::Folded => Quoting::Folded,
                    _ if tag.is_some() => quoting(&text),
                    _ => Quoting::Plain,
                };
                (Node::Scalar(text.into_owned(), way), anchor)
            }
            Event::SequenceStart(style, anchor, ..) => {
                open.push(Open { items: Vec::new(), mapping: false, flow: flow(&style, block), anchor });
                if open.len() > DEEPEST {
                    return Err("collections lie too deep in each other".to_owned());
                }
                continue;
            }
            Event::MappingStart(style, anchor, ..) => {
                open.push(Open { items: Vec::new(), mapping: true, flow: flow(&style, block), anchor });
                if open.len() > DEEPEST {
                    return Err("collections lie too deep in each other".to_owned());
                }
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = open.pop() else { continue };
                let node = if done.mapping {
                    let mut items = done.items.into_iter();
                    let mut entries = Vec::new();
                    while let (Some(key), Some(value)) = (items.next(), items.next()) {
                        entries.push((key, value));
                    }
                    Node::Mapping(entries, done.flow)
                } else {
                    Node::Sequence(done.items, done.flow)
                };
                (node, done.anchor)
            }
            Event::Alias(anchor) => {
                let (node, size) = anchors.get(&anchor).cloned().ok_or("an alias refers to nothing")?;
                total += size;
                (node, 0)
            }
            _ => continue,
        };
        total += 1;
        if total > MOST_NODES {
            return Err("the document is too large".to_owned());
        }
        if anchor > 0 {
            let size = size(&node);
            anchors.insert(anchor, (node.clone(), size));
        }
        match open.last_mut() {
            Some(parent) => parent.items.push(node),
            None => current = Some(node),
        }
    }
    Ok(documents)
}

fn flow(style: &StructureStyle, block: bool) -> bool {
    !block && matches!(style, StructureStyle::Flow)
}

fn size(node: &Node) -> usize {
    match node {
        Node::Scalar(..) => 1,
        Node::Sequence(items, _) => 1 + items.iter().map(size).sum::<usize>(),
        Node::Mapping(entries, _) => 1 + entries.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>(),
    }
}

/// A node as `-P` prints it: on lines, quoted only where it must be.
pub(super) fn pretty(node: &Node) -> Node {
    match node {
        Node::Scalar(text, Quoting::Plain) => plain(text),
        Node::Scalar(text, _) => Node::Scalar(text.clone(), quoting(text)),
        Node::Sequence(items, _) => Node::Sequence(items.iter().map(pretty).collect(), false),
        Node::Mapping(entries, _) => {
            Node::Mapping(entries.iter().map(|(key, value)| (pretty(key), pretty(value))).collect(), false)
        }
    }
}

/// A node as a value of jq's engine.
pub(super) fn to_value(node: &Node) -> Val {
    match node {
        Node::Scalar(text, Quoting::Plain) => match kind_of(text) {
            Kind::Null => Val::Null,
            Kind::Bool => Val::Bool(text.eq_ignore_ascii_case("true")),
            Kind::Integer | Kind::Float => number(text),
            Kind::Timestamp | Kind::Merge | Kind::String => Val::from(text.clone()),
        },
        Node::Scalar(text, _) => Val::from(text.clone()),
        Node::Sequence(items, _) => items.iter().map(to_value).collect(),
        Node::Mapping(entries, _) => {
            let mut members = Map::default();
            for (key, value) in entries {
                let key = match key {
                    Node::Scalar(text, _) => text.clone(),
                    other => String::from_utf8_lossy(&super::jq::json(&to_value(other), None)).into_owned(),
                };
                members.insert(Val::from(key), to_value(value));
            }
            Val::obj(members)
        }
    }
}

fn number(text: &str) -> Val {
    let text = text.replace('_', "");
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.trim_start_matches('+')), |digits| ("-", digits));
    let radix = match digits.get(..2) {
        Some("0x" | "0X") => Some(16),
        Some("0o") => Some(8),
        Some("0b") => Some(2),
        _ => None,
    };
    let whole = match radix {
        Some(radix) => Num::from_str_radix(&format!("{sign}{}", &digits[2..]), radix),
        None => Num::from_str_radix(&format!("{sign}{digits}"), 10),
    };
    match whole {
        Some(number) => Val::Num(number),
        None if digits.starts_with(|c: char| c.is_ascii_digit()) => {
            Val::Num(Num::Dec(format!("{sign}{digits}").into()))
        }
        None => Val::from(text.parse::<f64>().unwrap_or(f64::NAN)),
    }
}

/// A value of jq's engine as a node.
pub(super) fn from_value(value: &Val) -> Node {
    match value {
        Val::TStr(text) | Val::BStr(text) => {
            let text = String::from_utf8_lossy(text).into_owned();
            let quoting = quoting(&text);
            Node::Scalar(text, quoting)
        }
        Val::Arr(items) => Node::Sequence(items.iter().map(from_value).collect(), false),
        Val::Obj(members) => {
            Node::Mapping(members.iter().map(|(key, value)| (from_value(key), from_value(value))).collect(), false)
        }
        scalar => plain(&String::from_utf8_lossy(&super::jq::json(scalar, None))),
    }
}
