//! The functions of Go's `text/template`, and kubectl's own two.

use std::borrow::Cow;
use std::cmp::Ordering;

use base64::Engine;

use super::format;
use super::value::{Value, View, of_json};

/// What an argument has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Anything; nil is a nil interface.
    Any,
    /// Anything, as it is.
    Value,
    /// A text.
    Text,
}

/// How a function is called.
#[derive(Debug, Clone, Copy)]
pub struct Signature {
    /// The arguments that it must have.
    pub fixed: &'static [Type],
    /// What further ones are, if there may be any.
    pub more: Option<Type>,
}

/// How a function is called; `None` when there is no such function.
pub fn signature(name: &str) -> Option<Signature> {
    let (fixed, more): (&'static [Type], _) = match name {
        "and" | "or" | "call" | "index" | "slice" | "eq" => (&[Type::Value], Some(Type::Value)),
        "html" | "js" | "print" | "println" | "urlquery" => (&[], Some(Type::Any)),
        "printf" => (&[Type::Text], Some(Type::Any)),
        "len" | "not" => (&[Type::Value], None),
        "ge" | "gt" | "le" | "lt" | "ne" => (&[Type::Value, Type::Value], None),
        "exists" => (&[Type::Any], Some(Type::Any)),
        "base64decode" => (&[Type::Text], None),
        _ => return None,
    };
    Some(Signature { fixed, more })
}

/// Whether there is such a function.
pub fn is_known(name: &str) -> bool {
    signature(name).is_some()
}

/// Calls a function with arguments that fit its signature. `callee` is how its first argument is written.
///
/// # Errors
/// In the words of Go's own function.
pub fn call<'a>(name: &str, arguments: Vec<Value<'a>>, callee: &str) -> Result<Value<'a>, String> {
    let pair = |test: fn(&[Value<'a>]) -> Result<bool, String>| test(&arguments).map(Value::Bool);
    match name {
        "index" => index(&arguments[0], &arguments[1..]),
        "slice" => slice(&arguments[0], &arguments[1..]),
        "len" => length(&arguments[0]),
        "not" => Ok(Value::Bool(!arguments[0].is_true())),
        "eq" => equal(&arguments[0], &arguments[1..]).map(Value::Bool),
        "ne" => pair(|pair| Ok(!equal(&pair[0], &pair[1..])?)),
        "lt" => pair(|pair| less(&pair[0], &pair[1])),
        "le" => pair(|pair| Ok(less(&pair[0], &pair[1])? || equal(&pair[0], &pair[1..])?)),
        "gt" => pair(|pair| Ok(!(less(&pair[0], &pair[1])? || equal(&pair[0], &pair[1..])?))),
        "ge" => pair(|pair| Ok(!less(&pair[0], &pair[1])?)),
        "print" => Ok(bytes(format::print(&arguments, format::plain))),
        "println" => Ok(bytes(format::println(&arguments))),
        "printf" => {
            let View::Text(text) = arguments[0].view() else {
                return Err("expected string".into());
            };
            Ok(bytes(format::printf(text, &arguments[1..])))
        }
        "html" => Ok(bytes(html(&joined(&arguments)))),
        "js" => Ok(bytes(js(&joined(&arguments)))),
        "urlquery" => Ok(bytes(query(&joined(&arguments)))),
        "exists" => Ok(Value::Bool(exists(&arguments[0], &arguments[1..]))),
        "base64decode" => {
            let View::Text(text) = arguments[0].view() else { return Err("expected string".into()) };
            decode(text).map(bytes).map_err(|why| format!("base64 decode failed: {why}"))
        }
        "call" => match arguments[0].view() {
            View::Missing | View::Null => Err("call of nil".into()),
            view => Err(format!("non-function {callee} of type {}", view.type_name())),
        },
        _ => Err(format!("{name} cannot be called")),
    }
}

fn bytes<'a>(bytes: Vec<u8>) -> Value<'a> {
    Value::Text(Cow::Owned(bytes))
}

/// Where an index points in something that is `length` long; it may be just behind the end.
fn place(index: &Value<'_>, length: usize) -> Result<usize, String> {
    let number = match (index.view().as_int(), index.view()) {
        (Some(number), _) => number,
        (None, View::Missing | View::Null) => return Err("cannot index slice/array with nil".into()),
        (None, view) => return Err(format!("cannot index slice/array with type {}", view.type_name())),
    };
    usize::try_from(number).ok().filter(|at| *at <= length).ok_or_else(|| format!("index out of range: {number}"))
}

fn index<'a>(item: &Value<'a>, indexes: &[Value<'a>]) -> Result<Value<'a>, String> {
    let mut item = item.clone();
    if matches!(item.view(), View::Missing | View::Null) {
        return Err("index of untyped nil".into());
    }
    for index in indexes {
        if matches!(item, Value::Missing) || matches!(item.view(), View::Null) {
            return Err("index of nil pointer".into());
        }
        item = if let Some(items) = item.as_list() {
            let at = place(index, items.len())?;
            Value::Boxed(items.get(at).ok_or("reflect: slice index out of range")?)
        } else if let Some(map) = item.as_map() {
            let key = match index.view() {
                View::Text(key) => key,
                View::Missing | View::Null => return Err("value is nil; should be of type string".into()),
                view => return Err(format!("value has type {}; should be string", view.type_name())),
            };
            let found = std::str::from_utf8(key).ok().and_then(|key| map.get(key));
            Value::Boxed(found.unwrap_or(&serde_json::Value::Null))
        } else {
            match item.view() {
                View::Text(text) => {
                    let at = place(index, text.len())?;
                    Value::Byte(*text.get(at).ok_or("reflect: string index out of range")?)
                }
                view => return Err(format!("can't index item of type {}", view.type_name())),
            }
        };
    }
    Ok(item)
}

fn slice<'a>(item: &Value<'a>, indexes: &[Value<'a>]) -> Result<Value<'a>, String> {
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()));
    }
    let length = match item.view() {
        View::Missing | View::Null => return Err("slice of untyped nil".into()),
        View::Text(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        View::Text(text) => text.len(),
        View::List(items) => items.len(),
        view => return Err(format!("can't slice item of type {}", view.type_name())),
    };
    let mut bounds = [0, length, length];
    for (at, index) in indexes.iter().enumerate() {
        bounds[at] = place(index, length)?;
    }
    for (low, high) in [(bounds[0], bounds[1]), (bounds[1], bounds[2])] {
        if low > high {
            return Err(format!("invalid slice index: {low} > {high}"));
        }
    }
    let range = bounds[0]..bounds[1];
    match (item.as_list(), item.view()) {
        (Some(items), _) => Ok(Value::Part(&items[range])),
        (None, View::Text(text)) => Ok(bytes(text[range].to_vec())),
        (None, view) => Err(format!("can't slice item of type {}", view.type_name())),
    }
}

fn length<'a>(item: &Value<'a>) -> Result<Value<'a>, String> {
    let length = match item.view() {
        View::Text(text) => text.len(),
        View::List(items) => items.len(),
        View::Map(map) => map.len(),
        View::Missing => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        View::Null => return Err("len of nil pointer".into()),
        view => return Err(format!("len of type {}", view.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

const INCOMPATIBLE: &str = "incompatible types for comparison";

fn equal(first: &Value<'_>, others: &[Value<'_>]) -> Result<bool, String> {
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        let same = match (first.view(), other.view()) {
            (View::Bool(a), View::Bool(b)) => a == b,
            (View::Float(a), View::Float(b)) => a == b,
            (View::Text(a), View::Text(b)) => a == b,
            (View::Missing | View::Null, View::Missing | View::Null) => true,
            (View::Missing | View::Null, _) | (_, View::Missing | View::Null) => false,
            (View::List(_), View::List(_)) | (View::Map(_), View::Map(_)) => {
                return Err(format!("non-comparable type {}: {}", format::as_text(other), other.view().type_name()));
            }
            (View::List(_), View::Map(_)) | (View::Map(_), View::List(_)) => {
                return Err(format!(
                    "non-comparable types {}: {}, {}: {}",
                    format::as_text(first),
                    first.view().type_name(),
                    other.view().type_name(),
                    format::shown(other)
                ));
            }
            (a, b) => match (a.as_int(), b.as_int()) {
                (Some(a), Some(b)) => a == b,
                _ => return Err(INCOMPATIBLE.into()),
            },
        };
        if same {
            return Ok(true);
        }
    }
    Ok(false)
}

fn less(first: &Value<'_>, second: &Value<'_>) -> Result<bool, String> {
    let basic = |view: &View<'_>| !matches!(view, View::Missing | View::Null | View::List(_) | View::Map(_));
    let (first, second) = (first.view(), second.view());
    if !basic(&first) || !basic(&second) {
        return Err("invalid type for comparison".into());
    }
    let order = match (first, second) {
        (View::Float(a), View::Float(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Greater),
        (View::Text(a), View::Text(b)) => a.cmp(b),
        (View::Bool(_), View::Bool(_)) => return Err("invalid type for comparison".into()),
        (a, b) => match (a.as_int(), b.as_int()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => return Err(INCOMPATIBLE.into()),
        },
    };
    Ok(order.is_lt())
}

/// kubectl's `exists`: whether an index path leads to anything.
fn exists(item: &Value<'_>, indexes: &[Value<'_>]) -> bool {
    let mut view = item.view();
    for index in indexes {
        view = match (view, index.view()) {
            (View::List(items), index) => match position(index).and_then(|at| items.get(at)) {
                Some(found) => of_json(found),
                None => return false,
            },
            (View::Text(text), index) => match position(index).and_then(|at| text.get(at)) {
                Some(byte) => View::Byte(*byte),
                None => return false,
            },
            (View::Map(map), View::Text(key)) => match std::str::from_utf8(key).ok().and_then(|key| map.get(key)) {
                Some(found) => of_json(found),
                None => return false,
            },
            _ => return false,
        };
    }
    // Without a path Go has no interface around what it is asked of, and nothing is not nil then.
    indexes.is_empty() || !matches!(view, View::Null)
}

fn position(index: View<'_>) -> Option<usize> {
    usize::try_from(index.as_int()?).ok()
}

/// Arguments as one text, as `print` makes it; what is nothing is told as `<no value>`.
fn joined(arguments: &[Value<'_>]) -> Vec<u8> {
    format::print(arguments, format::printable)
}

fn html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            byte => out.push(*byte),
        }
    }
    out
}

fn js(text: &[u8]) -> Vec<u8> {
    let mut out = String::with_capacity(text.len());
    for c in String::from_utf8_lossy(text).chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' => out.push_str("\\u003C"),
            '>' => out.push_str("\\u003E"),
            '&' => out.push_str("\\u0026"),
            '=' => out.push_str("\\u003D"),
            c if c < ' ' || c.is_control() => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.into_bytes()
}

fn query(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' => out.push(b'+'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

/// Decodes base64 as Go's standard encoding does: line breaks count for nothing.
fn decode(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut kept = Vec::with_capacity(text.len());
    let mut places = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        if !matches!(byte, b'\r' | b'\n') {
            kept.push(*byte);
            places.push(at);
        }
    }
    base64::engine::general_purpose::STANDARD.decode(&kept).map_err(|error| {
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let at = match error {
            base64::DecodeError::InvalidByte(at, _) => places.get(at),
            _ => kept.iter().position(|byte| !is_letter(byte)).and_then(|at| places.get(at)),
        };
        format!("illegal base64 data at input byte {}", at.copied().unwrap_or(text.len() / 4 * 4))
    })
}
