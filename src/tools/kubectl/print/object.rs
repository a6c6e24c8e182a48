//! Printers of whole objects: JSON, YAML, names, JSONPath, Go templates, custom columns.

use serde_json::{Value, json};

use super::columns::Columns;
use super::written::with_all_fields;
use super::{json, sort, table, typed};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::go_template::{GoTemplate, go_print};
use crate::tools::kubectl::jsonpath::{self, Template};
use crate::tools::kubectl::manifests::reason;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::session::Session;
use crate::tools::yaml::{Dialect, to_yaml};

/// What `get` can print besides tables, as its error names them.
const GET_FORMATS: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,wide,yaml";
/// What other commands can print.
const FORMATS: &str =
    "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,yaml";

/// How objects are printed.
#[derive(Debug)]
pub enum Format {
    /// `-o json`
    Json,
    /// `-o yaml`
    Yaml,
    /// `-o name`
    Name,
    /// `-o jsonpath=…`, with the template's text; `true` for `jsonpath-as-json`.
    JsonPath(Template, String, bool),
    /// `-o go-template=…`
    GoTemplate(GoTemplate),
    /// `-o custom-columns=…`: headers with templates.
    CustomColumns(Vec<(String, Template)>),
}

/// Prints objects.
#[derive(Debug)]
pub struct ObjectPrinter {
    format: Format,
    managed_fields: bool,
    no_headers: bool,
    sort_by: String,
    order: Order,
    printed: usize,
}

/// In which order JSON has the fields of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// By name.
    Sorted,
    /// As they come in.
    Own,
    /// As Go's types have them.
    Typed,
}

/// The commands that hold objects in Go's own types.
fn is_typed(command: &str) -> bool {
    let verb = command.trim_start_matches("kubectl ");
    matches!(verb, "autoscale" | "cluster-info dump" | "events" | "expose" | "run")
        || ["auth ", "create ", "rollout ", "set "].iter().any(|group| verb.starts_with(group))
}

impl ObjectPrinter {
    /// The printer that `-o` asks for; `None` for a table or the command's own words.
    ///
    /// # Errors
    /// When there is no such format, or its template is wrong.
    pub async fn chosen(session: &Session) -> Result<Option<Self>, Failure> {
        let options = &session.options;
        let is_get = session.command == "kubectl get";
        let (mut format, mut value) = match options.text("output").split_once('=') {
            Some((format, value)) => (format.to_owned(), value.to_owned()),
            None => (options.text("output").to_owned(), options.text("template").to_owned()),
        };
        if format.is_empty() && !value.is_empty() {
            format = "go-template".into();
        }
        let base = match format.as_str() {
            "templatefile" => Some("go-template".to_owned()),
            other => other.strip_suffix("-file").map(str::to_owned),
        };
        if let Some(base) = base {
            let known = matches!(base.as_str(), "jsonpath" | "go-template") || (is_get && base == "custom-columns");
            if known && !value.is_empty() {
                let option = if base == "custom-columns" { "template" } else { "--template" };
                value = session.files().read_to_string(&value).map_err(|error| {
                    Failure::message(format!("error reading {option} {value}, open {value}: {}\n", reason(&error)))
                })?;
                if base == "custom-columns" {
                    value = columns_of_file(&value)?;
                }
                format = base;
            }
        }
        let strict = !options.on("allow-missing-template-keys");
        let format = match format.as_str() {
            "" => return Ok(None),
            "wide" if is_get => return Ok(None),
            "json" => Format::Json,
            "yaml" => Format::Yaml,
            "name" => Format::Name,
            "jsonpath" | "jsonpath-as-json" => {
                if value.is_empty() {
                    return Err(Failure::message("template format specified but no template given"));
                }
                let template = Template::read(&value, strict)
                    .map_err(|why| Failure::message(format!("error parsing jsonpath {value}, {why}")))?;
                Format::JsonPath(template, value, format == "jsonpath-as-json")
            }
            "custom-columns" if is_get => Format::CustomColumns(custom_columns(&value)?),
            "go-template" | "template" | "templatefile" | "go-template-file" => {
                if value.is_empty() {
                    return Err(Failure::message("template format specified but no template given"));
                }
                let template = GoTemplate::read(&value, strict)
                    .map_err(|why| Failure::message(format!("error parsing template {value}, {why}")))?;
                Format::GoTemplate(template)
            }
            other => {
                return Err(Failure::message(format!(
                    "unable to match a printer suitable for the output format {}, allowed formats are: {}",
                    quote(other),
                    if is_get { GET_FORMATS } else { FORMATS }
                )));
            }
        };
        Ok(Some(Self {
            format,
            managed_fields: options.on("show-managed-fields"),
            no_headers: options.on("no-headers"),
            sort_by: options.text("sort-by").to_owned(),
            order: if is_typed(&session.command) { Order::Typed } else { Order::Sorted },
            printed: 0,
        }))
    }

    /// The same for an object of one of kubectl's own types: JSON has its fields in the order that they come in.
    pub fn in_order(self) -> Self {
        Self { order: Order::Own, ..self }
    }

    /// What an object, or a list of them, looks like.
    ///
    /// # Errors
    /// When a template does not fit.
    pub fn print(&mut self, object: &Value) -> Result<Vec<u8>, Failure> {
        if let Format::GoTemplate(template) = &self.format {
            self.printed += 1;
            return by_template(template, object);
        }
        self.text(object).map(String::into_bytes)
    }

    fn text(&mut self, object: &Value) -> Result<String, Failure> {
        let mut object = object.clone();
        let is_list = object["items"].is_array();
        if let Some(items) = object.get_mut("items").and_then(Value::as_array_mut) {
            if !self.sort_by.is_empty() && !items.is_empty() {
                sort::sort(items, &self.sort_by, None)?;
            }
            if !self.managed_fields {
                items.iter_mut().for_each(strip);
            }
        }
        if !self.managed_fields {
            strip(&mut object);
        }
        self.printed += 1;
        if self.order == Order::Typed && matches!(self.format, Format::Json | Format::Yaml) {
            object = with_all_fields(&object);
        }
        match &self.format {
            Format::Json => Ok(match self.order {
                Order::Sorted => json::indented(&object),
                Order::Own => json::indented_in_order(&object),
                Order::Typed => json::indented_in_order(&typed::in_go_order(&object)),
            }),
            Format::Yaml => {
                let text = to_yaml(&json::sorted(&object), Dialect::Kubectl);
                Ok(if self.printed > 1 { format!("---\n{text}") } else { text })
            }
            Format::Name => {
                let items = object["items"].as_array().filter(|_| is_list);
                Ok(match items {
                    Some(items) => items.iter().map(|item| name(item) + "\n").collect(),
                    None => name(&object) + "\n",
                })
            }
            Format::JsonPath(template, text, as_json) => {
                // client-go walks maps in the order of their keys.
                let object = json::sorted(&object);
                let failed = |error: jsonpath::EvalError| {
                    Failure::message(format!(
                        "error executing jsonpath {}: Error executing template: {error}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t{text}\n\tobject given to jsonpath engine was:\n\t\t{}\n\n\n",
                        quote(text),
                        jsonpath::go_value(&object)
                    ))
                };
                if *as_json {
                    let found: Vec<Value> = template.find(&object).map_err(failed)?.into_iter().flatten().collect();
                    return Ok(json::indented(&Value::from(found)));
                }
                template.print(&object).map_err(failed)
            }
            Format::GoTemplate(_) => Ok(String::new()),
            Format::CustomColumns(columns) => {
                let mut out = Columns::table();
                if !self.no_headers && self.printed == 1 {
                    let headers: Vec<&str> = columns.iter().map(|(header, _)| header.as_str()).collect();
                    out.write(&(headers.join("\t") + "\n"));
                }
                let items: Vec<&Value> = match object["items"].as_array().filter(|_| is_list) {
                    Some(items) => items.iter().collect(),
                    None => vec![&object],
                };
                for item in items {
                    let mut cells = Vec::new();
                    for (_, template) in columns {
                        let found =
                            template.find(&json::sorted(item)).map_err(|error| Failure::message(error.to_string()))?;
                        let values: Vec<String> =
                            found.iter().flatten().map(|value| table::escape(&go_text(value))).collect();
                        cells.push(if found.first().is_none_or(Vec::is_empty) {
                            "<none>".into()
                        } else {
                            values.join(",")
                        });
                    }
                    out.write(&(cells.join("\t") + "\n"));
                }
                Ok(out.flush())
            }
        }
    }

    /// Whether it prints names only.
    pub fn is_name(&self) -> bool {
        matches!(self.format, Format::Name)
    }
}

/// What a Go template makes of an object. kubectl prints what it had when it stopped, and what helps to find the cause.
fn by_template(template: &GoTemplate, object: &Value) -> Result<Vec<u8>, Failure> {
    let object = json::sorted(object);
    template.print(&object).map_err(|stopped| {
        let mut output = stopped.output;
        let (why, text) = (&stopped.why, template.text());
        output.extend_from_slice(
            format!(
                "Error executing template: {why}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t{text}\n\traw data was:\n\t\t{}\n\tobject given to template engine was:\n\t\t{}\n\n",
                json::compact(&object),
                go_print(&object)
            )
            .as_bytes(),
        );
        let failure = Failure::message(format!("error executing template {}: {why}", quote(text)));
        Failure::Printed { output, failure: Box::new(failure) }
    })
}

/// A list of objects as `get` prints several: a `v1` `List`.
pub fn list(items: Vec<Value>) -> Value {
    json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}})
}

/// `deployment.apps/web`
pub fn name(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    let name = object["metadata"]["name"].as_str().unwrap_or("<unknown>");
    match object["apiVersion"].as_str().and_then(|version| version.split_once('/')) {
        Some((group, _)) => format!("{kind}.{group}/{name}"),
        None => format!("{kind}/{name}"),
    }
}

fn strip(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

fn custom_columns(spec: &str) -> Result<Vec<(String, Template)>, Failure> {
    if spec.is_empty() {
        return Err(Failure::message("custom-columns format specified but no custom columns given"));
    }
    spec.split(',')
        .map(|part| {
            let (header, path) = part.split_once(':').ok_or_else(|| {
                Failure::message(format!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"))
            })?;
            let path = jsonpath::relaxed(path).map_err(Failure::message)?;
            Ok((header.to_owned(), Template::read(&path, false).map_err(Failure::message)?))
        })
        .collect()
}

/// A file of columns, a line of headers and a line of paths, as the option would have it.
fn columns_of_file(text: &str) -> Result<String, Failure> {
    let mut lines = text.lines();
    let mut line = |what: &str| {
        lines.next().map(|line| line.split_whitespace().collect::<Vec<_>>()).ok_or_else(|| {
            Failure::message(format!(
                "invalid template, missing {what} line. Expected format is one line of space separated headers, one line of space separated column specs."
            ))
        })
    };
    let (headers, specs) = (line("header")?, line("spec")?);
    if headers.len() != specs.len() {
        return Err(Failure::message(format!(
            "number of headers ({}) and field specifications ({}) don't match",
            headers.len(),
            specs.len()
        )));
    }
    Ok(headers.iter().zip(specs).map(|(header, spec)| format!("{header}:{spec}")).collect::<Vec<_>>().join(","))
}

/// A value as Go's `fmt.Sprint` prints it.
pub fn go_text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_text).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            let entries: Vec<String> =
                entries.into_iter().map(|(key, value)| format!("{key}:{}", go_text(value))).collect();
            format!("map[{}]", entries.join(" "))
        }
        other => other.to_string(),
    }
}
