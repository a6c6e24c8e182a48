//! YAML as the Go libraries write it: go-yaml v2 as kubectl prints objects, and go-yaml v3 as `yq` does.
//!
//! The choices (when a string is quoted and how, where a line is folded, the order of keys) are those of
//! `gopkg.in/yaml.v2` with `sigs.k8s.io/yaml` above it, and of `gopkg.in/yaml.v3`; what decides whether a string could
//! be taken for something else is in `resolve`.

mod resolve;
mod scalar;
mod sorted;

use serde_json::Value;

pub(crate) use resolve::{Kind, kind_of};
pub(crate) use scalar::Quoting;

/// Whose YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// What `kubectl -o yaml` prints: keys sorted, sequences not indented under their key, long lines folded after
    /// 80 columns.
    Kubectl,
    /// What `yq` v4 prints: keys as they come, sequences indented, nothing folded.
    Yq,
    /// What Python's YAML libraries print, as the AWS CLI uses them: keys as they come, sequences not indented, single
    /// quotes, plain text folded after 80 columns.
    Python,
}

/// A value with the way it is to be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// A scalar: its text, and how it is quoted if nothing speaks against it.
    Scalar(String, Quoting),
    /// A sequence; `true` on one line, in brackets.
    Sequence(Vec<Node>, bool),
    /// A mapping; `true` on one line, in braces.
    Mapping(Vec<(Node, Node)>, bool),
}

/// A JSON value as YAML, with a newline at the end.
pub fn to_yaml(value: &Value, dialect: Dialect) -> String {
    write_node(&node(value, dialect), dialect)
}

/// A node as YAML, with a newline at the end.
pub(crate) fn write_node(node: &Node, dialect: Dialect) -> String {
    let mut writer = Writer { out: String::new(), column: 0, dialect };
    writer.node(node, Place { indent: 0, scalar_indent: 2, in_key: false, in_flow: false });
    if writer.column != 0 {
        writer.newline();
    }
    writer.out
}

/// How a JSON value is written.
fn node(value: &Value, dialect: Dialect) -> Node {
    match value {
        Value::Null => Node::Scalar("null".to_owned(), Quoting::Plain),
        Value::Bool(flag) => Node::Scalar(flag.to_string(), Quoting::Plain),
        Value::Number(number) => Node::Scalar(number_text(number, dialect), Quoting::Plain),
        Value::String(text) => Node::Scalar(text.clone(), quoting_in(text, dialect)),
        Value::Array(items) => Node::Sequence(items.iter().map(|item| node(item, dialect)).collect(), false),
        Value::Object(members) => {
            let members: Vec<_> = match dialect {
                Dialect::Kubectl => sorted::by_key(members),
                Dialect::Yq | Dialect::Python => members.iter().collect(),
            };
            let entries = members
                .into_iter()
                .map(|(key, value)| (Node::Scalar(key.clone(), quoting_in(key, dialect)), node(value, dialect)))
                .collect();
            Node::Mapping(entries, false)
        }
    }
}

/// How go-yaml's encoder asks for a string to be written.
pub(crate) fn quoting(text: &str) -> Quoting {
    if text.contains('\n') {
        Quoting::Literal
    } else if matches!(kind_of(text), Kind::String | Kind::Merge)
        && !resolve::looks_like_base_60(text)
        && !resolve::was_bool(text)
    {
        Quoting::Plain
    } else {
        Quoting::Double
    }
}

fn quoting_in(text: &str, dialect: Dialect) -> Quoting {
    match quoting(text) {
        Quoting::Double | Quoting::Literal if dialect == Dialect::Python => Quoting::Single,
        other => other,
    }
}

/// Whole numbers as they are; others as Go prints them.
fn number_text(number: &serde_json::Number, dialect: Dialect) -> String {
    if number.is_i64() || number.is_u64() || dialect != Dialect::Kubectl {
        return number.to_string();
    }
    match number.as_f64() {
        // sigs.k8s.io/yaml goes through JSON, where a whole float has no point, and is read back as an integer.
        Some(float) if float == float.trunc() && (-9.2e18..1.8e19).contains(&float) => format!("{float:.0}"),
        Some(float) => go_float(float),
        None => number.to_string(),
    }
}

/// `strconv.FormatFloat(float, 'g', -1, 64)`: the shortest form, with an exponent from a million on.
fn go_float(float: f64) -> String {
    let text = format!("{float:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    match exponent.parse::<i32>() {
        Ok(power) if !(-4..6).contains(&power) => {
            let sign = if power < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", power.abs())
        }
        _ => format!("{float}"),
    }
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct Place {
    /// The column of a block collection's lines.
    indent: usize,
    /// The column of a scalar's further lines.
    scalar_indent: usize,
    /// A scalar that is a key stays on one line.
    in_key: bool,
    /// Between brackets or braces.
    in_flow: bool,
}

/// Text being written, and how far its last line is.
pub(crate) struct Writer {
    out: String,
    column: usize,
    dialect: Dialect,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn put_char(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn newline(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    /// Begins a line at a column, unless the text already stands at one's beginning.
    fn line_at(&mut self, indent: usize) {
        if self.column != 0 {
            self.newline();
        }
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    /// The column after which a space becomes a line break.
    fn width(&self) -> usize {
        match self.dialect {
            Dialect::Kubectl | Dialect::Python => 80,
            Dialect::Yq => usize::MAX,
        }
    }

    fn node(&mut self, node: &Node, place: Place) {
        match node {
            Node::Scalar(text, wanted) => self.scalar(text, *wanted, place),
            Node::Sequence(items, flow) if *flow || place.in_flow || items.is_empty() => {
                self.flow_sequence(items, place)
            }
            Node::Mapping(entries, flow) if *flow || place.in_flow || entries.is_empty() => {
                self.flow_mapping(entries, place);
            }
            Node::Sequence(items, _) => self.sequence(items, place.indent, false),
            Node::Mapping(entries, _) => self.mapping(entries, place.indent, false),
        }
    }

    fn flow_sequence(&mut self, items: &[Node], place: Place) {
        self.put("[");
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.put(", ");
            }
            self.node(item, Place { in_flow: true, ..place });
        }
        self.put("]");
    }

    fn flow_mapping(&mut self, entries: &[(Node, Node)], place: Place) {
        self.put("{");
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 {
                self.put(", ");
            }
            self.node(key, Place { in_flow: true, in_key: true, ..place });
            self.put(": ");
            self.node(value, Place { in_flow: true, ..place });
        }
        self.put("}");
    }

    fn sequence(&mut self, items: &[Node], indent: usize, mut begun: bool) {
        for item in items {
            if !std::mem::take(&mut begun) {
                self.line_at(indent);
            }
            self.put("- ");
            match item {
                Node::Sequence(items, false) if !items.is_empty() => self.sequence(items, indent + 2, true),
                Node::Mapping(entries, false) if !entries.is_empty() => self.mapping(entries, indent + 2, true),
                _ => self.node(item, below(indent)),
            }
        }
    }

    fn mapping(&mut self, entries: &[(Node, Node)], indent: usize, mut begun: bool) {
        for (key, value) in entries {
            if !std::mem::take(&mut begun) {
                self.line_at(indent);
            }
            if simple(key) {
                self.node(key, Place { in_key: true, ..below(indent) });
            } else {
                self.put("? ");
                self.node(key, below(indent));
                self.line_at(indent);
            }
            self.put(":");
            match value {
                Node::Mapping(entries, false) if !entries.is_empty() => self.mapping(entries, indent + 2, false),
                Node::Sequence(items, false) if !items.is_empty() => {
                    let deeper = if self.dialect == Dialect::Yq { indent + 2 } else { indent };
                    self.sequence(items, deeper, false);
                }
                _ => {
                    if !matches!(value, Node::Scalar(text, Quoting::Plain) if text.is_empty()) {
                        self.put(" ");
                    }
                    self.node(value, below(indent));
                }
            }
        }
    }
}

/// The place of what belongs to a line at `indent`.
fn below(indent: usize) -> Place {
    Place { indent: indent + 2, scalar_indent: indent + 2, in_key: false, in_flow: false }
}

/// Whether a key fits on the line of its value: go-yaml's limit is 128 bytes.
fn simple(key: &Node) -> bool {
    match key {
        Node::Scalar(text, _) => text.len() <= 128 && !text.contains('\n'),
        Node::Sequence(items, _) => items.is_empty(),
        Node::Mapping(entries, _) => entries.is_empty(),
    }
}

#[cfg(test)]
mod tests;
