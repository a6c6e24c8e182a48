//! `--query`: JMESPath (<https://jmespath.org/specification.html>). The crate `jmespath` parses; evaluation is ours, on
//! values whose keys keep their order: the crate's own values sort them.

use jmespath::ast::{Ast, Comparator};
use serde_json::{Map, Number, Value};

mod functions;

/// An expression.
#[derive(Debug, Clone)]
pub(super) struct Query(Ast);

impl Query {
    /// Parses an expression.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        jmespath::parse(&with_json_literals(text)).map(Self).map_err(|error| {
            let error = error.to_string();
            if error.contains("found Eof") {
                // In the words of the CLI's library.
                let mark = " ".repeat(text.chars().count() + 1);
                return format!("Invalid jmespath expression: Incomplete expression:\n\"{text}\"\n{mark}^");
            }
            error
        })
    }

    /// Its value on `data`.
    ///
    /// # Errors
    /// A function that does not exist, or is given what it cannot take.
    pub fn search(&self, data: &Value) -> Result<Value, String> {
        evaluate(&self.0, data)
    }
}

/// The expression with each literal in backticks as JSON: what is none is a string, as the CLI's library still takes it
/// (<https://github.com/jmespath/jmespath.jep/blob/main/proposals/0012-raw-string-literals.md>).
fn with_json_literals(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['`', '\'', '"']) {
        let quote = rest[at..].chars().next().unwrap_or('`');
        out.push_str(&rest[..at]);
        let inner = &rest[at + 1..];
        let mut escaped = false;
        let end = inner.char_indices().find_map(|(place, c)| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends.then_some(place)
        });
        let Some(end) = end else {
            out.push_str(&rest[at..]);
            return out;
        };
        let literal = &inner[..end];
        let string = format!("\"{}\"", literal.trim_start());
        let is_json = |text: &str| serde_json::from_str::<Value>(&text.replace("\\`", "`")).is_ok();
        if quote == '`' && !is_json(literal) && is_json(&string) {
            out.push_str(&format!("`{string}`"));
        } else {
            out.push_str(&rest[at..at + end + 2]);
        }
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    out
}

fn evaluate(ast: &Ast, data: &Value) -> Result<Value, String> {
    Ok(match ast {
        Ast::Identity { .. } => data.clone(),
        Ast::Field { name, .. } => data.get(name).cloned().unwrap_or(Value::Null),
        Ast::Literal { value, .. } => serde_json::to_value(value).unwrap_or(Value::Null),
        Ast::Subexpr { lhs, rhs, .. } => evaluate(rhs, &evaluate(lhs, data)?)?,
        Ast::Index { idx, .. } => match data {
            Value::Array(items) => place(*idx, items.len()).map_or(Value::Null, |at| items[at].clone()),
            _ => Value::Null,
        },
        Ast::Slice { start, stop, step, .. } => match data {
            Value::Array(items) => slice(items, *start, *stop, *step)?,
            _ => Value::Null,
        },
        Ast::Projection { lhs, rhs, .. } => match evaluate(lhs, data)? {
            Value::Array(items) => {
                let mut out = Vec::new();
                for item in &items {
                    match evaluate(rhs, item)? {
                        Value::Null => {}
                        value => out.push(value),
                    }
                }
                Value::Array(out)
            }
            _ => Value::Null,
        },
        Ast::Flatten { node, .. } => match evaluate(node, data)? {
            Value::Array(items) => {
                let mut out = Vec::new();
                for item in items {
                    match item {
                        Value::Array(inner) => out.extend(inner),
                        item => out.push(item),
                    }
                }
                Value::Array(out)
            }
            _ => Value::Null,
        },
        Ast::ObjectValues { node, .. } => match evaluate(node, data)? {
            Value::Object(map) => map.into_iter().map(|(_, value)| value).collect(),
            _ => Value::Null,
        },
        Ast::Condition { predicate, then, .. } => {
            if truthy(&evaluate(predicate, data)?) {
                evaluate(then, data)?
            } else {
                Value::Null
            }
        }
        Ast::And { lhs, rhs, .. } => match evaluate(lhs, data)? {
            left if truthy(&left) => evaluate(rhs, data)?,
            left => left,
        },
        Ast::Or { lhs, rhs, .. } => match evaluate(lhs, data)? {
            left if truthy(&left) => left,
            _ => evaluate(rhs, data)?,
        },
        Ast::Not { node, .. } => Value::Bool(!truthy(&evaluate(node, data)?)),
        Ast::Comparison { comparator, lhs, rhs, .. } => {
            compare(comparator, &evaluate(lhs, data)?, &evaluate(rhs, data)?)
        }
        Ast::MultiList { .. } | Ast::MultiHash { .. } if data.is_null() => Value::Null,
        Ast::MultiList { elements, .. } => {
            Value::Array(elements.iter().map(|element| evaluate(element, data)).collect::<Result<_, _>>()?)
        }
        Ast::MultiHash { elements, .. } => {
            let mut out = Map::new();
            for pair in elements {
                out.insert(pair.key.clone(), evaluate(&pair.value, data)?);
            }
            Value::Object(out)
        }
        Ast::Function { name, args, .. } => functions::call(name, args, data)?,
        Ast::Expref { .. } => return Err("an expression type (&…) stands only as an argument of a function".into()),
    })
}

fn place(index: i32, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let index = i64::from(index);
    let at = if index < 0 { index + length } else { index };
    usize::try_from(at).ok().filter(|_| at < length)
}

/// A slice as Python has it.
fn slice(items: &[Value], start: Option<i32>, stop: Option<i32>, step: i32) -> Result<Value, String> {
    if step == 0 {
        return Err("Invalid value for step: 0".into());
    }
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |bound: Option<i32>, default: i64| match bound.map(i64::from) {
        None => default,
        Some(bound) if bound < 0 => (bound + length).max(low),
        Some(bound) => bound.min(high),
    };
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let (mut at, stop) = (bound(start, first), bound(stop, last));
    let mut out = Vec::new();
    while if step > 0 { at < stop } else { at > stop } {
        out.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
        at += i64::from(step);
    }
    Ok(Value::Array(out))
}

fn truthy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

fn compare(comparator: &Comparator, left: &Value, right: &Value) -> Value {
    let order = || match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        _ => None,
    };
    let ordered =
        |wanted: fn(std::cmp::Ordering) -> bool| order().map_or(Value::Null, |order| Value::Bool(wanted(order)));
    match comparator {
        Comparator::Equal => Value::Bool(equal(left, right)),
        Comparator::NotEqual => Value::Bool(!equal(left, right)),
        Comparator::LessThan => ordered(std::cmp::Ordering::is_lt),
        Comparator::LessThanEqual => ordered(std::cmp::Ordering::is_le),
        Comparator::GreaterThan => ordered(std::cmp::Ordering::is_gt),
        Comparator::GreaterThanEqual => ordered(std::cmp::Ordering::is_ge),
    }
}

/// Equality by value: numbers by their value, objects without regard to order.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
        }
        (left, right) => left == right,
    }
}

/// A number as a value: whole ones without a fraction.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests;
