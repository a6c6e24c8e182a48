//! Values of a template: pieces of the object, and what functions make.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

/// A value.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// Nothing: a key that is not there.
    Missing,
    /// A member of a map or list. Go holds it in an interface, which may be nil.
    Boxed(&'a Json),
    /// The same taken out of its interface; it is not null.
    Json(&'a Json),
    /// A part of a list.
    Part(&'a [Json]),
    /// A truth.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A byte of a text.
    Byte(u8),
    /// A floating point number.
    Float(f64),
    /// A text, which may be any bytes.
    Text(Cow<'a, [u8]>),
}

/// What a value is underneath.
#[derive(Debug, Clone, Copy)]
pub enum View<'v> {
    /// Nothing at all.
    Missing,
    /// An interface that holds nothing.
    Null,
    /// A truth.
    Bool(bool),
    /// A whole number of the template.
    Int(i64),
    /// A whole number of the object.
    Int64(i64),
    /// A byte.
    Byte(u8),
    /// A floating point number.
    Float(f64),
    /// A text.
    Text(&'v [u8]),
    /// A list.
    List(&'v [Json]),
    /// A map.
    Map(&'v Map<String, Json>),
}

impl<'a> Value<'a> {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into().into_bytes()))
    }

    /// What is underneath, out of any interface.
    pub fn view(&self) -> View<'_> {
        match self {
            Self::Missing => View::Missing,
            Self::Boxed(json) | Self::Json(json) => of_json(json),
            Self::Part(items) => View::List(items),
            Self::Bool(truth) => View::Bool(*truth),
            Self::Int(number) => View::Int(*number),
            Self::Byte(byte) => View::Byte(*byte),
            Self::Float(number) => View::Float(*number),
            Self::Text(text) => View::Text(text),
        }
    }

    /// The same without the interface around it; nil becomes nothing.
    pub fn unboxed(self) -> Self {
        match self {
            Self::Boxed(Json::Null) => Self::Missing,
            Self::Boxed(json) => Self::Json(json),
            other => other,
        }
    }

    /// The map that it is.
    pub fn as_map(&self) -> Option<&'a Map<String, Json>> {
        match self {
            Self::Boxed(Json::Object(map)) | Self::Json(Json::Object(map)) => Some(map),
            _ => None,
        }
    }

    /// The list that it is.
    pub fn as_list(&self) -> Option<&'a [Json]> {
        match self {
            Self::Boxed(Json::Array(items)) | Self::Json(Json::Array(items)) => Some(items),
            Self::Part(items) => Some(items),
            _ => None,
        }
    }

    /// Whether it counts as true.
    pub fn is_true(&self) -> bool {
        match self.view() {
            View::Missing | View::Null => false,
            View::Bool(truth) => truth,
            View::Int(number) | View::Int64(number) => number != 0,
            View::Byte(byte) => byte != 0,
            View::Float(number) => number != 0.0,
            View::Text(text) => !text.is_empty(),
            View::List(items) => !items.is_empty(),
            View::Map(map) => !map.is_empty(),
        }
    }

    /// Go's name for its type; an interface's is its own.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Boxed(_) => "interface {}",
            other => other.view().type_name(),
        }
    }
}

impl View<'_> {
    /// The whole number that it is, whatever its type.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) | Self::Int64(number) => Some(*number),
            Self::Byte(byte) => Some(i64::from(*byte)),
            _ => None,
        }
    }

    /// Go's name for the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Null => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Byte(_) => "uint8",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
        }
    }
}

/// What a piece of the object is. Whole numbers are `int64`, as kubectl reads them.
pub fn of_json(json: &Json) -> View<'_> {
    match json {
        Json::Null => View::Null,
        Json::Bool(truth) => View::Bool(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(number) => View::Int64(number),
            None => View::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => View::Text(text.as_bytes()),
        Json::Array(items) => View::List(items),
        Json::Object(map) => View::Map(map),
    }
}
