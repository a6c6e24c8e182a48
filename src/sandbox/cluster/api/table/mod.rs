//! Tables: the columns that a server prints for each kind, and their cells.

mod core;
mod custom;
mod show;
mod workloads;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::convert;
use super::kinds::Kind;
use super::read::{Include, metadata_only};

/// A column: name, type, whether only the wide output shows it.
type Column = (&'static str, &'static str, u8);

/// The cells of one object, wide ones included, and the conditions of its row.
struct Row {
    cells: Vec<Value>,
    conditions: Option<Value>,
}

impl From<Vec<Value>> for Row {
    fn from(cells: Vec<Value>) -> Self {
        Self { cells, conditions: None }
    }
}

/// How a kind is printed.
struct Printer {
    columns: &'static [Column],
    row: fn(&Value, Timestamp) -> Row,
}

fn printer(kind: &Kind) -> Option<Printer> {
    let of = kind.resource();
    workloads::printer(&of.group, &of.resource).or_else(|| core::printer(&of.group, &of.resource))
}

fn definition(name: &str, of: &str, priority: i64, description: &str) -> Value {
    let format = if name == "Name" { "name" } else { "" };
    json!({"name": name, "type": of, "format": format, "description": description, "priority": priority})
}

/// Renders objects as a Table without `metadata`. Ages are as of `now`. Column definitions are left out (null) unless
/// `headers`.
pub fn render<'a>(
    kind: &Kind,
    objects: impl IntoIterator<Item = &'a Value>,
    include: Include,
    now: Timestamp,
    headers: bool,
) -> Value {
    let mut definitions = Vec::new();
    let mut rows = Vec::new();
    let known = if kind.schema.is_some() { printer(kind) } else { None };
    match &known {
        Some(known) => {
            definitions.extend(
                known.columns.iter().map(|(name, of, priority)| definition(name, of, i64::from(*priority), "")),
            );
        }
        None => definitions = custom::definitions(kind),
    }
    for object in objects {
        let row = match &known {
            Some(known) => (known.row)(object, now),
            None => custom::row(kind, object, now),
        };
        let mut entry = json!({"cells": row.cells});
        if let Some(conditions) = row.conditions {
            entry["conditions"] = conditions;
        }
        entry["object"] = match include {
            Include::Metadata => metadata_only(object),
            Include::Object => convert::shown(kind, object).into_owned(),
            Include::None => Value::Null,
        };
        rows.push(entry);
    }
    let columns = if headers { Value::Array(definitions) } else { Value::Null };
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": columns, "rows": rows})
}

#[cfg(test)]
mod tests;
