//! Walks a value along a template.

use serde_json::Value;

use super::parse::Node;
use crate::tools::kubectl::print::json;

/// Why a template cannot be evaluated, in client-go's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvalError(String);

pub(super) struct Evaluation {
    strict: bool,
}

type Found = Vec<Value>;

impl Evaluation {
    pub(super) fn new(strict: bool) -> Self {
        Self { strict }
    }

    pub(super) fn template(&self, nodes: &[Node], value: &Value) -> Result<Vec<Found>, EvalError> {
        let mut out = Vec::new();
        self.run(nodes, value, &mut out)?;
        Ok(out)
    }

    /// Evaluates `nodes` in turn; a `range` takes what follows up to its `end` for each value.
    fn run(&self, nodes: &[Node], value: &Value, out: &mut Vec<Found>) -> Result<(), EvalError> {
        let mut at = 0;
        while at < nodes.len() {
            match &nodes[at] {
                Node::Path(steps) if is_word(steps, "range") => {
                    let end = matching_end(&nodes[at + 1..]).map(|end| at + 1 + end);
                    for item in self.steps(&steps[1..], vec![value.clone()])? {
                        self.run(&nodes[at + 1..end.unwrap_or(nodes.len())], &item, out)?;
                    }
                    // Without an end client-go goes on right behind `range`, with the value that it is in.
                    at = end.unwrap_or(at) + 1;
                    continue;
                }
                Node::Path(steps) if is_word(steps, "end") => {
                    return Err(EvalError("not in range, nothing to end".into()));
                }
                Node::Text(text) => out.push(vec![Value::String(text.clone())]),
                Node::Path(steps) => out.push(self.steps(steps, vec![value.clone()])?),
                other => out.push(self.step(other, vec![value.clone()])?),
            }
            at += 1;
        }
        Ok(())
    }

    fn steps(&self, steps: &[Node], mut current: Found) -> Result<Found, EvalError> {
        for step in steps {
            current = self.step(step, current)?;
        }
        Ok(current)
    }

    fn step(&self, step: &Node, current: Found) -> Result<Found, EvalError> {
        match step {
            Node::Text(text) | Node::Quoted(text) => Ok(vec![Value::String(text.clone())]),
            Node::Int(number) => Ok(vec![Value::from(*number)]),
            Node::Float(number) => Ok(vec![Value::from(*number)]),
            Node::Bool(truth) => Ok(vec![Value::Bool(*truth)]),
            Node::Path(steps) => self.steps(steps, current),
            Node::Field(name) => self.field(name, current),
            Node::Wildcard => Ok(current.into_iter().flat_map(children).collect()),
            Node::Recursive => {
                let mut all = Vec::new();
                for value in current {
                    descend(value, &mut all);
                }
                Ok(all)
            }
            Node::Slice(bounds, single) => self.slice(*bounds, *single, current),
            Node::Union(members) => {
                let mut all = Vec::new();
                for member in members {
                    all.extend(self.steps(member, current.clone())?);
                }
                Ok(all)
            }
            Node::Filter(left, operator, right) => self.filter(left, operator, right, current),
            Node::Word(word) => Err(EvalError(format!("unrecognized identifier {word}"))),
        }
    }

    fn field(&self, name: &str, current: Found) -> Result<Found, EvalError> {
        let mut found = Vec::new();
        let empty = current.is_empty();
        for value in current {
            if name.is_empty() {
                found.push(value);
                continue;
            }
            if let Value::Object(mut map) = value
                && let Some(inner) = map.get_mut(name)
            {
                found.push(inner.take());
            }
        }
        if found.is_empty() && !empty && self.strict {
            return Err(EvalError(format!("{name} is not found")));
        }
        Ok(found)
    }

    fn slice(&self, bounds: [Option<i64>; 3], single: bool, current: Found) -> Result<Found, EvalError> {
        let mut found = Vec::new();
        for value in current {
            let items = match value {
                Value::Array(items) => items,
                Value::Null => continue,
                other => return Err(EvalError(format!("{} is not array or slice", go_type(&other)))),
            };
            let length = items.len() as i64;
            let from = bounds[0].map_or(0, |from| if from < 0 { from + length } else { from });
            let to = match bounds[1] {
                None => length,
                Some(to) if to < 0 || (to == 0 && single) => to + length,
                Some(to) => to,
            };
            if from == to {
                return Ok(found);
            }
            let outside = |index: i64| EvalError(format!("array index out of bounds: index {index}, length {length}"));
            if from >= length || from < 0 {
                return Err(outside(from));
            }
            if to > length || to < 0 {
                return Err(outside(to - 1));
            }
            if from > to {
                return Err(EvalError(format!("starting index {from} is greater than ending index {to}")));
            }
            let step = match bounds[2].unwrap_or(1) {
                step if step > 0 => step as usize,
                _ => return Err(EvalError("step must be > 0".into())),
            };
            found.extend(items.into_iter().take(to as usize).skip(from as usize).step_by(step));
        }
        Ok(found)
    }

    fn filter(&self, left: &[Node], operator: &str, right: &[Node], current: Found) -> Result<Found, EvalError> {
        let mut found = Vec::new();
        // Inside a filter a missing key is only a filter that does not match.
        let inner = Evaluation { strict: false };
        for value in current {
            let items = match value {
                Value::Array(items) => items,
                Value::Object(map) => vec![Value::Object(map)],
                Value::Null => continue,
                other => {
                    return Err(EvalError(format!(
                        "{} is not array or slice and cannot be filtered",
                        go_value(&other)
                    )));
                }
            };
            for item in items {
                let lefts = inner.steps(left, vec![item.clone()])?;
                if operator == "exists" {
                    if !lefts.is_empty() {
                        found.push(item);
                    }
                    continue;
                }
                let Some(left) = lefts.first() else { continue };
                if lefts.len() > 1 {
                    return Err(EvalError("can only compare one element at a time".into()));
                }
                let rights = inner.steps(right, vec![item.clone()])?;
                let Some(right) = rights.first() else { continue };
                if rights.len() > 1 {
                    return Err(EvalError("can only compare one element at a time".into()));
                }
                if compare(left, operator, right)? {
                    found.push(item);
                }
            }
        }
        Ok(found)
    }
}

fn compare(left: &Value, operator: &str, right: &Value) -> Result<bool, EvalError> {
    let order = match (left, right) {
        // Go compares whole numbers and others only among themselves.
        (Value::Number(a), Value::Number(b)) if a.is_f64() != b.is_f64() => None,
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    };
    let Some(order) = order else { return Err(EvalError("incompatible types for comparison".into())) };
    Ok(match operator {
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        other => return Err(EvalError(format!("unrecognized filter operator {other}"))),
    })
}

fn is_word(steps: &[Node], word: &str) -> bool {
    matches!(steps.first(), Some(Node::Word(found)) if found == word)
}

fn matching_end(nodes: &[Node]) -> Option<usize> {
    let mut depth = 0;
    for (at, node) in nodes.iter().enumerate() {
        if let Node::Path(steps) = node {
            if is_word(steps, "range") {
                depth += 1;
            } else if is_word(steps, "end") {
                if depth == 0 {
                    return Some(at);
                }
                depth -= 1;
            }
        }
    }
    None
}

fn children(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Object(map) => map.into_iter().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    }
}

fn descend(value: Value, all: &mut Found) {
    all.push(value.clone());
    for child in children(value) {
        if child.is_array() || child.is_object() {
            descend(child, all);
        }
    }
}

/// What an expression found, as it is printed: separated by spaces, maps and lists as JSON.
pub(super) fn text(found: &[Value]) -> String {
    found.iter().map(single).collect::<Vec<_>>().join(" ")
}

/// One value as it is printed.
pub(super) fn single(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".into(),
        Value::Array(_) | Value::Object(_) => json::compact(value),
        other => other.to_string(),
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as Go's `%#v` prints it.
pub fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".into(),
        Value::String(text) => crate::tools::kubectl::options::duration::quote(text),
        Value::Array(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(go_value).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            let entries: Vec<String> = entries
                .into_iter()
                .map(|(key, value)| {
                    format!("{}:{}", crate::tools::kubectl::options::duration::quote(key), go_value(value))
                })
                .collect();
            format!("map[string]interface {{}}{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
