//! Tables as `get` prints them from the server's own.

use serde_json::{Value, json};

use super::columns::Columns;

/// How a table is shown.
#[derive(Debug, Clone, Default)]
pub struct TableOptions {
    /// The kind in small letters that stands before each name; empty for none.
    pub kind: String,
    /// Whether a column with namespaces comes first.
    pub namespaces: bool,
    /// Whether there is no line of headers.
    pub no_headers: bool,
    /// Whether columns of lower priority are shown.
    pub wide: bool,
    /// Labels that are columns.
    pub label_columns: Vec<String>,
    /// Whether all labels are a column.
    pub show_labels: bool,
}

/// Prints tables of one kind; headers come once as long as the columns stay.
#[derive(Debug, Clone)]
pub struct TablePrinter {
    options: TableOptions,
    columns: Vec<Value>,
    printed_headers: bool,
}

impl TablePrinter {
    /// A printer with nothing printed yet.
    pub fn new(options: TableOptions) -> Self {
        Self { options, columns: Vec::new(), printed_headers: false }
    }

    /// Prints a `Table` of the server, with the type of the watch event it came in, if that is to be shown.
    pub fn print(&mut self, table: &Value, event: Option<&str>, out: &mut Columns) {
        let given: Vec<Value> = table["columnDefinitions"].as_array().cloned().unwrap_or_default();
        let mut headers = !self.options.no_headers;
        if self.printed_headers && (given.is_empty() || given == self.columns) {
            headers = false;
        }
        if !given.is_empty() && given != self.columns {
            self.columns = given;
            self.printed_headers = false;
        }
        let rows: Vec<&Value> = table["rows"].as_array().into_iter().flatten().collect();
        if rows.is_empty() {
            return;
        }
        self.printed_headers = true;
        let shown: Vec<usize> = (0..self.columns.len())
            .filter(|at| self.options.wide || self.columns[*at]["priority"].as_i64().unwrap_or(0) == 0)
            .collect();
        if headers {
            let mut cells: Vec<String> = Vec::new();
            cells.extend(event.map(|_| "EVENT".to_owned()));
            if self.options.namespaces {
                cells.push("NAMESPACE".into());
            }
            cells.extend(shown.iter().map(|at| self.columns[*at]["name"].as_str().unwrap_or_default().to_uppercase()));
            cells.extend(
                self.options
                    .label_columns
                    .iter()
                    .map(|label| label.rsplit('/').next().unwrap_or_default().to_uppercase()),
            );
            if self.options.show_labels {
                cells.push("LABELS".into());
            }
            out.write(&(cells.join("\t") + "\n"));
        }
        let name_column =
            self.columns.iter().position(|column| column["format"] == "name" && column["type"] == "string");
        for row in rows {
            let metadata = &row["object"]["metadata"];
            let mut cells: Vec<String> = Vec::new();
            cells.extend(event.map(str::to_owned));
            if self.options.namespaces {
                cells.push(escape(metadata["namespace"].as_str().unwrap_or_default()));
            }
            for at in &shown {
                let value = cell(&row["cells"][*at]);
                if Some(*at) == name_column && !self.options.kind.is_empty() {
                    cells.push(format!("{}/{value}", self.options.kind));
                } else {
                    cells.push(value);
                }
            }
            cells.extend(self.options.label_columns.iter().map(|label| match metadata["labels"][label].as_str() {
                Some(value) => escape(value),
                None => String::new(),
            }));
            if self.options.show_labels {
                cells.push(labels(&metadata["labels"]));
            }
            out.write(&(cells.join("\t") + "\n"));
        }
    }
}

/// Labels on one line: `a=b,c=d`, `<none>`.
pub fn labels(labels: &Value) -> String {
    let mut pairs: Vec<String> = labels
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.sort();
    if pairs.is_empty() { "<none>".into() } else { pairs.join(",") }
}

/// A cell as it is printed: texts up to their first line break.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => match text.find(['\n', '\r', '\u{c}']) {
            Some(end) => format!("{}...", escape(&text[..end])),
            None => escape(text),
        },
        Value::Number(number) => number.to_string(),
        other => other.to_string(),
    }
}

/// Text without what could steer a terminal.
pub fn escape(text: &str) -> String {
    text.replace('\u{1b}', "^[").replace('\r', "\\r")
}

/// A table of objects for a server that sends none: name and age.
pub fn plain(objects: &[Value], age: impl Fn(&Value) -> String) -> Value {
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| json!({"cells": [object["metadata"]["name"], age(object)], "object": object}))
        .collect();
    json!({
        "columnDefinitions": [
            {"name": "Name", "type": "string", "format": "name", "priority": 0},
            {"name": "Age", "type": "string", "priority": 0},
        ],
        "rows": rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Value {
        json!({"columnDefinitions": [
            {"name": "Name", "type": "string", "format": "name", "priority": 0},
            {"name": "Restarts", "type": "integer", "priority": 0},
            {"name": "Node", "type": "string", "priority": 1}],
          "rows": [{"cells": ["a", 0, "n1"], "object": {"metadata": {"namespace": "x", "labels": {"b": "1", "a": "2"}}}}]})
    }

    #[test]
    fn columns_by_options() {
        let shown = |options| {
            let mut columns = Columns::table();
            TablePrinter::new(options).print(&table(), None, &mut columns);
            columns.flush()
        };
        assert_eq!(shown(TableOptions::default()), "NAME   RESTARTS\na      0\n");
        assert_eq!(
            shown(TableOptions { wide: true, ..Default::default() }),
            "NAME   RESTARTS   NODE\na      0          n1\n"
        );
        assert_eq!(
            shown(TableOptions { namespaces: true, show_labels: true, kind: "pod".into(), ..Default::default() }),
            "NAMESPACE   NAME    RESTARTS   LABELS\nx           pod/a   0          a=2,b=1\n"
        );
        assert_eq!(
            shown(TableOptions {
                no_headers: true,
                label_columns: vec!["a".into(), "z/q".into()],
                ..Default::default()
            }),
            "a     0     2     \n"
        );
    }

    #[test]
    fn headers_come_once() {
        let mut columns = Columns::table();
        let mut printer = TablePrinter::new(TableOptions::default());
        printer.print(&table(), None, &mut columns);
        printer.print(&table(), None, &mut columns);
        assert_eq!(columns.flush().matches("NAME").count(), 1);
    }
}
