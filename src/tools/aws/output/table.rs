//! `--output table`: sections with borders, as the CLI draws them where it does not know the terminal's width.

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthChar;

use super::scalar;

/// The width that the CLI takes when it knows none; wider tables stand upright.
const WIDTH: usize = 80;

/// Draws `value` under `title`, the operation's name. Nothing for what is empty.
///
/// # Errors
/// Rows of different lengths under each other, in the CLI's words.
pub(in super::super) fn table(title: &str, value: &Value) -> Result<String, String> {
    let mut sections = Vec::new();
    if !build(Some(title), value, 0, &mut sections)? {
        return Ok(String::new());
    }
    let mut width = widest(&sections);
    if width > WIDTH {
        sections.iter_mut().for_each(Section::stand_upright);
        width = widest(&sections);
    }
    let mut out = "-".repeat(width);
    out.push('\n');
    for section in &sections {
        section.draw(width, &mut out);
    }
    Ok(out)
}

#[derive(Default)]
struct Section {
    title: String,
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
    indent: usize,
    widths: Vec<usize>,
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}

fn is_scalar(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

fn build(title: Option<&str>, value: &Value, indent: usize, out: &mut Vec<Section>) -> Result<bool, String> {
    if empty(value) {
        return Ok(false);
    }
    if let Some(title) = title {
        out.push(Section { title: title.to_owned(), indent, ..Section::default() });
    }
    match value {
        Value::Array(items) if items.first().is_some_and(Value::is_object) => {
            from_list(items, title.unwrap_or_default(), indent, out)?;
        }
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::Array(row) if row.iter().all(is_scalar) => {
                        last(out).row(row.iter().map(scalar).collect())?
                    }
                    item if is_scalar(item) => last(out).row(vec![scalar(item)])?,
                    item => {
                        build(None, item, 0, out)?;
                    }
                }
            }
        }
        Value::Object(map) => from_object(map, indent, out)?,
        _ => {}
    }
    Ok(true)
}

fn last(out: &mut Vec<Section>) -> &mut Section {
    if out.is_empty() {
        out.push(Section::default());
    }
    let at = out.len() - 1;
    &mut out[at]
}

/// The keys of scalars and those of what is nested, sorted.
fn keys<'v>(maps: impl Iterator<Item = &'v Map<String, Value>>) -> (Vec<&'v String>, Vec<&'v String>) {
    let (mut scalars, mut nested) = (Vec::new(), Vec::new());
    for (key, value) in maps.flatten() {
        if is_scalar(value) { scalars.push(key) } else { nested.push(key) }
    }
    for keys in [&mut scalars, &mut nested] {
        keys.sort();
        keys.dedup();
    }
    (scalars, nested)
}

fn from_object(map: &Map<String, Value>, indent: usize, out: &mut Vec<Section>) -> Result<(), String> {
    let (headers, nested) = keys(std::iter::once(map));
    match headers.as_slice() {
        [] => {}
        [only] => last(out).row(vec![(*only).clone(), scalar(&map[only.as_str()])])?,
        _ => {
            last(out).header(headers.iter().map(|key| (*key).clone()).collect());
            last(out).row(headers.iter().map(|key| scalar(&map[key.as_str()])).collect())?;
        }
    }
    for key in nested {
        build(Some(key), &map[key.as_str()], indent + 1, out)?;
    }
    Ok(())
}

fn from_list(items: &[Value], title: &str, indent: usize, out: &mut Vec<Section>) -> Result<(), String> {
    let (headers, nested) = keys(items.iter().filter_map(Value::as_object));
    let header = || headers.iter().map(|key| (*key).clone()).collect::<Vec<_>>();
    last(out).header(header());
    for (at, item) in items.iter().enumerate() {
        if at > 0 && !nested.is_empty() {
            out.push(Section { title: title.to_owned(), indent, ..Section::default() });
            last(out).header(header());
        }
        last(out).row(headers.iter().map(|key| item.get(key.as_str()).map(scalar).unwrap_or_default()).collect())?;
        for key in &nested {
            if let Some(value) = item.get(key.as_str()) {
                build(Some(key), value, indent + 1, out)?;
            }
        }
    }
    Ok(())
}

impl Section {
    fn header(&mut self, headers: Vec<String>) {
        self.widen(&headers);
        self.headers = headers;
    }

    fn row(&mut self, row: Vec<String>) -> Result<(), String> {
        let columns = self.rows.first().map_or(self.headers.len(), Vec::len);
        if (columns > 0 || !self.rows.is_empty()) && row.len() != columns {
            return Err(format!("Row should have {columns} elements, instead it has {}", row.len()));
        }
        self.widen(&row);
        self.rows.push(row);
        Ok(())
    }

    fn widen(&mut self, cells: &[String]) {
        if self.widths.is_empty() {
            self.widths = vec![0; cells.len()];
        }
        for (width, cell) in self.widths.iter_mut().zip(cells) {
            *width = (*width).max(columns(cell));
        }
    }

    /// A single row becomes a column of its headers and one of its values.
    fn stand_upright(&mut self) {
        if self.rows.len() != 1 || self.headers.is_empty() {
            return;
        }
        let headers = std::mem::take(&mut self.headers);
        let row = self.rows.remove(0);
        self.widths.clear();
        for pair in headers.into_iter().zip(row) {
            let pair = vec![pair.0, pair.1];
            self.widen(&pair);
            self.rows.push(pair);
        }
    }

    fn total(&self) -> usize {
        let cells: usize = self.widths.iter().map(|width| width + 4).sum();
        (columns(&self.title) + 2 + 2 * self.indent).max(cells + 2 + 2 * self.indent)
    }

    /// The columns' widths, stretched to `width` in all.
    fn stretched(&self, width: usize) -> Vec<usize> {
        let plain: Vec<usize> = self.widths.iter().map(|width| width + 4).collect();
        let sum: usize = plain.iter().sum();
        if sum == 0 {
            return plain;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small"
        )]
        let mut scaled: Vec<usize> = plain
            .iter()
            .map(|column| (width as f64 / sum as f64 * *column as f64).round_ties_even() as usize)
            .collect();
        // What rounding left over is taken from the first columns, or given to the last.
        loop {
            let total: usize = scaled.iter().sum();
            if total == width {
                return scaled;
            }
            if total > width {
                scaled.iter_mut().take(total - width).for_each(|column| *column = column.saturating_sub(1));
            } else {
                scaled.iter_mut().rev().take(width - total).for_each(|column| *column += 1);
            }
        }
    }

    fn draw(&self, width: usize, out: &mut String) {
        let width = width - 2 * self.indent;
        let mut lines = Vec::new();
        if !self.title.is_empty() {
            lines.push(centred(&self.title, width, "|"));
            if self.headers.is_empty() && self.rows.is_empty() {
                lines.push(format!("+{}+", "-".repeat(width.saturating_sub(2))));
            }
        }
        let widths = self.stretched(width);
        let mut border = String::new();
        for (at, column) in widths.iter().enumerate() {
            if at == 0 {
                border.push_str(&format!("+{}+", "-".repeat(column.saturating_sub(2))));
            } else {
                border.push_str(&format!("{}+", "-".repeat(column.saturating_sub(1))));
            }
        }
        let edge = |at: usize| if at == 0 { "|" } else { "" };
        if !self.headers.is_empty() {
            lines.push(border.clone());
            let cells = self.headers.iter().zip(&widths).enumerate();
            lines.push(cells.map(|(at, (header, column))| centred(header, *column, edge(at))).collect());
        }
        if !self.rows.is_empty() && !widths.is_empty() {
            lines.push(border.clone());
            for row in &self.rows {
                let cells = row.iter().zip(&widths).enumerate();
                lines.push(cells.map(|(at, (cell, column))| left(cell, *column, edge(at))).collect());
            }
            lines.push(border);
        }
        let indent = "|".repeat(self.indent);
        for line in lines {
            out.push_str(&format!("{indent}{line}{indent}\n"));
        }
    }
}

fn widest(sections: &[Section]) -> usize {
    sections.iter().map(Section::total).max().unwrap_or(0)
}

/// Terminal columns; characters of ambiguous width count two, as the CLI counts them. Accented Latin letters, which
/// Unicode calls ambiguous too, count one here and two there.
fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width_cjk().unwrap_or(1).max(1)).sum()
}

fn centred(text: &str, width: usize, left_edge: &str) -> String {
    let before = (width / 2).saturating_sub(columns(text) / 2 + 1);
    let used = left_edge.len() + before + columns(text) + 1;
    format!("{left_edge}{}{text}{}|", " ".repeat(before), " ".repeat(width.saturating_sub(used)))
}

fn left(text: &str, width: usize, left_edge: &str) -> String {
    let bare = columns(text) + left_edge.len() + 1;
    let padding = if width >= bare + 2 { 2 } else { 0 };
    let after = width.saturating_sub(bare + padding);
    format!("{left_edge}{}{text}{}|", " ".repeat(padding), " ".repeat(after))
}
