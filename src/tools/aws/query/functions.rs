//! JMESPath's functions.

use std::cmp::Ordering;

use jmespath::ast::Ast;
use serde_json::{Map, Value};

use super::{equal, evaluate, number, truthy};

/// Calls the function `name` on its arguments.
pub(super) fn call(name: &str, args: &[Ast], data: &Value) -> Result<Value, String> {
    let (least, most) = arity(name).ok_or_else(|| format!("Unknown function: {name}()"))?;
    if args.len() < least || args.len() > most {
        let wanted = if least == most { least.to_string() } else { format!("at least {least}") };
        return Err(format!("Expected {wanted} argument(s) for function {name}(), received {}", args.len()));
    }
    // map, sort_by, max_by and min_by take an expression.
    let (expression, values): (Option<&Ast>, Vec<Value>) = match name {
        "map" => (inner(name, &args[0])?.into(), vec![evaluate(&args[1], data)?]),
        "sort_by" | "max_by" | "min_by" => (inner(name, &args[1])?.into(), vec![evaluate(&args[0], data)?]),
        _ => (None, args.iter().map(|arg| evaluate(arg, data)).collect::<Result<_, _>>()?),
    };
    let call = Call { name, values, expression };
    call.result()
}

fn arity(name: &str) -> Option<(usize, usize)> {
    Some(match name {
        "abs" | "avg" | "ceil" | "floor" | "keys" | "length" | "max" | "min" | "reverse" | "sort" | "sum"
        | "to_array" | "to_number" | "to_string" | "type" | "values" => (1, 1),
        "contains" | "ends_with" | "join" | "map" | "max_by" | "min_by" | "sort_by" | "starts_with" => (2, 2),
        "merge" | "not_null" => (1, usize::MAX),
        _ => return None,
    })
}

fn inner<'a>(name: &str, arg: &'a Ast) -> Result<&'a Ast, String> {
    match arg {
        Ast::Expref { ast, .. } => Ok(ast),
        _ => Err(format!("In function {name}(), an expression (&…) is expected as an argument")),
    }
}

struct Call<'a> {
    name: &'a str,
    values: Vec<Value>,
    expression: Option<&'a Ast>,
}

impl Call<'_> {
    fn result(&self) -> Result<Value, String> {
        let first = &self.values[0];
        Ok(match self.name {
            "abs" => number(self.number(0)?.abs()),
            "ceil" => number(self.number(0)?.ceil()),
            "floor" => number(self.number(0)?.floor()),
            "avg" | "sum" => {
                let items = self.array(0)?;
                let mut sum = 0.0;
                for item in items {
                    sum += item.as_f64().ok_or_else(|| self.wrong(first, "'array-number'"))?;
                }
                #[expect(clippy::cast_precision_loss, reason = "lists are short")]
                match (self.name, items.len()) {
                    ("avg", 0) => Value::Null,
                    ("avg", count) => number(sum / count as f64),
                    _ => number(sum),
                }
            }
            "contains" => match (first, &self.values[1]) {
                (Value::String(text), Value::String(part)) => Value::Bool(text.contains(part.as_str())),
                (Value::String(_), _) => Value::Bool(false),
                (Value::Array(items), item) => Value::Bool(items.iter().any(|other| equal(other, item))),
                _ => return Err(self.wrong(first, "'array', 'string'")),
            },
            "starts_with" => Value::Bool(self.string(0)?.starts_with(self.string(1)?)),
            "ends_with" => Value::Bool(self.string(0)?.ends_with(self.string(1)?)),
            "join" => {
                let wrong = || self.wrong(&self.values[1], "'array-string'");
                let parts: Option<Vec<&str>> =
                    self.values[1].as_array().ok_or_else(wrong)?.iter().map(Value::as_str).collect();
                Value::String(parts.ok_or_else(wrong)?.join(self.string(0)?))
            }
            "keys" => self.object(0)?.keys().cloned().map(Value::String).collect(),
            "values" => self.object(0)?.values().cloned().collect(),
            "length" => Value::from(match first {
                Value::String(text) => text.chars().count(),
                Value::Array(items) => items.len(),
                Value::Object(map) => map.len(),
                _ => return Err(self.wrong(first, "'string', 'array', 'object'")),
            }),
            "map" => {
                let items = self.array(0)?;
                Value::Array(items.iter().map(|item| self.of(item)).collect::<Result<_, _>>()?)
            }
            "max" => self.extreme(self.array(0)?.iter().map(|item| (item.clone(), item)), Ordering::is_gt)?,
            "min" => self.extreme(self.array(0)?.iter().map(|item| (item.clone(), item)), Ordering::is_lt)?,
            "max_by" => self.extreme(self.keyed()?.into_iter(), Ordering::is_gt)?,
            "min_by" => self.extreme(self.keyed()?.into_iter(), Ordering::is_lt)?,
            "sort" => self.sorted(self.array(0)?.iter().map(|item| (item.clone(), item)).collect())?,
            "sort_by" => self.sorted(self.keyed()?)?,
            "merge" => {
                let mut out = Map::new();
                for at in 0..self.values.len() {
                    out.extend(self.object(at)?.clone());
                }
                Value::Object(out)
            }
            "not_null" => self.values.iter().find(|value| !value.is_null()).cloned().unwrap_or(Value::Null),
            "reverse" => match first {
                Value::String(text) => Value::String(text.chars().rev().collect()),
                Value::Array(items) => items.iter().rev().cloned().collect(),
                _ => return Err(self.wrong(first, "'array', 'string'")),
            },
            "to_array" if first.is_array() => first.clone(),
            "to_array" => Value::Array(vec![first.clone()]),
            "to_number" => match first {
                Value::Number(_) => first.clone(),
                Value::String(text) => text
                    .parse::<i64>()
                    .map(Value::from)
                    .or_else(|_| text.parse::<f64>().map(number))
                    .unwrap_or(Value::Null),
                _ => Value::Null,
            },
            "to_string" => match first {
                Value::String(_) => first.clone(),
                other => Value::String(other.to_string()),
            },
            "type" => Value::from(kind(first)),
            // The arity table has no other.
            _ => Value::Bool(truthy(first)),
        })
    }

    fn of(&self, item: &Value) -> Result<Value, String> {
        self.expression.map_or(Ok(Value::Null), |expression| evaluate(expression, item))
    }

    fn keyed(&self) -> Result<Vec<(Value, &Value)>, String> {
        self.array(0)?.iter().map(|item| Ok((self.of(item)?, item))).collect()
    }

    fn order(&self, left: &Value, right: &Value) -> Result<Ordering, String> {
        match (left, right) {
            (Value::String(left), Value::String(right)) => Ok(left.cmp(right)),
            (Value::Number(left), Value::Number(right)) => {
                Ok(left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal))
            }
            (Value::String(_) | Value::Number(_), other) | (other, _) => Err(self.wrong(other, "'number', 'string'")),
        }
    }

    fn extreme<'v>(
        &self,
        items: impl Iterator<Item = (Value, &'v Value)>,
        better: fn(Ordering) -> bool,
    ) -> Result<Value, String> {
        let mut best: Option<(Value, &Value)> = None;
        for (key, item) in items {
            self.order(&key, &key)?;
            match &best {
                Some((known, _)) if !better(self.order(&key, known)?) => {}
                _ => best = Some((key, item)),
            }
        }
        Ok(best.map_or(Value::Null, |(_, item)| item.clone()))
    }

    fn sorted(&self, mut items: Vec<(Value, &Value)>) -> Result<Value, String> {
        // One order for all: what compares with the first compares with every other.
        if let Some((first, _)) = items.first() {
            items.iter().try_for_each(|(key, _)| self.order(first, key).map(|_| ()))?;
        }
        items.sort_by(|left, right| self.order(&left.0, &right.0).unwrap_or(Ordering::Equal));
        Ok(items.into_iter().map(|(_, item)| item.clone()).collect())
    }

    fn number(&self, at: usize) -> Result<f64, String> {
        self.values[at].as_f64().ok_or_else(|| self.wrong(&self.values[at], "'number'"))
    }

    fn string(&self, at: usize) -> Result<&str, String> {
        self.values[at].as_str().ok_or_else(|| self.wrong(&self.values[at], "'string'"))
    }

    fn array(&self, at: usize) -> Result<&Vec<Value>, String> {
        self.values[at].as_array().ok_or_else(|| self.wrong(&self.values[at], "'array'"))
    }

    fn object(&self, at: usize) -> Result<&Map<String, Value>, String> {
        self.values[at].as_object().ok_or_else(|| self.wrong(&self.values[at], "'object'"))
    }

    fn wrong(&self, value: &Value, expected: &str) -> String {
        let shown = match value {
            Value::Null => "None".to_owned(),
            Value::Bool(true) => "True".into(),
            Value::Bool(false) => "False".into(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        format!(
            "In function {}(), invalid type for value: {shown}, expected one of: [{expected}], received: \"{}\"",
            self.name,
            kind(value)
        )
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
