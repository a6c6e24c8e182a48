//! `kubectl explain`: what fields a kind has, as the server's OpenAPI document tells it.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::discovery::Mapping;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::Flag;
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] =
    &[&[Flag::text("api-version"), Flag::text("output").or("plaintext"), Flag::switch("recursive")]];

/// How deep fields are followed, for documents that name each other in circles by other ways than references.
const DEPTH: usize = 64;

/// Explains a kind or a field of it.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let word = match options.args.as_slice() {
        [] => {
            return Err(Failure::Plain(
                "error: You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.\n"
                    .into(),
            ));
        }
        [word] => word,
        _ => return Err(Failure::Plain("error: We accept only this format: explain RESOURCE\n".into())),
    };
    let (mapping, path) = subject(session, word).await?;
    match options.text("output") {
        "plaintext" | "plaintext-openapiv2" => {}
        other => return Err(Failure::message(format!("unrecognized format: {other}"))),
    }
    let (group, version) = match options.text("api-version") {
        "" => (mapping.group.as_str(), mapping.version.as_str()),
        given => given.split_once('/').unwrap_or(("", given)),
    };
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let resource = format!("{api_version}, Resource={}", mapping.plural);
    let api = session.api().await?;
    if options.text("output") == "plaintext-openapiv2" {
        return by_version_2(session, group, version, &mapping.kind).await;
    }
    let all = api.value(&Call::get("/openapi/v3").opaque()).await?;
    let root = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
    let Some(address) = all["paths"][&root]["serverRelativeURL"].as_str() else {
        return Err(Failure::message(format!(
            "couldn't find resource for \"{}\"",
            if group.is_empty() { format!("/{resource}") } else { resource }
        )));
    };
    let document = api.value(&Call::get(address)).await?;
    let text = Page { document: &document, recursive: options.on("recursive") }.print(&root, &mapping.plural, &path)?;
    match text {
        Some(text) => session.print(text).await,
        None => Err(Failure::message(format!(
            "GVR ({}) not found in OpenAPI schema",
            if group.is_empty() { format!("/{resource}") } else { resource }
        ))),
    }
}

/// Tells of a server whose older document does not describe the kind; how that document is printed is not built in.
async fn by_version_2(session: &Session, group: &str, version: &str, kind: &str) -> Result<(), Failure> {
    let document = session.api().await?.bytes(&Call::get("/openapi/v2").opaque()).await?;
    // A server that has it in no other form than protobuf describes nothing in it that could be read here.
    let document: Value = serde_json::from_slice(&document).unwrap_or_default();
    let is_it = |of: &Value| of["group"] == group && of["version"] == version && of["kind"] == kind;
    let mut definitions = document["definitions"].as_object().into_iter().flatten();
    let described = definitions.any(|(_, definition)| {
        definition["x-kubernetes-group-version-kind"].as_array().is_some_and(|all| all.iter().any(is_it))
    });
    Err(Failure::message(match described {
        true => "plaintext-openapiv2 is not built into this kubectl: use plaintext".to_owned(),
        false => format!("couldn't find resource for \"{group}/{version}, Kind={kind}\""),
    }))
}

/// The kind and the fields that `TYPE.FIELD.FIELD` means. The type may name its group: the longest one that is there counts.
async fn subject(session: &Session, word: &str) -> Result<(Arc<Mapping>, Vec<String>), Failure> {
    let parts: Vec<&str> = word.trim_end_matches('.').split('.').collect();
    let fields = |from: usize| parts[from..].iter().map(|part| (*part).to_owned()).collect();
    if session.options.text("api-version").is_empty() {
        let discovery = session.discovered(2).await?;
        for end in (2..=parts.len()).rev() {
            if let Ok(mapping) = discovery.find(&parts[..end].join("."))
                && mapping.group == parts[1..end].join(".")
            {
                return Ok((mapping, fields(end)));
            }
        }
    }
    let mapping = session.mapping(parts[0]).await.map_err(|failure| match failure {
        // Here kubectl says it without a prefix.
        Failure::Message(words) if words.starts_with("the server doesn't have") => Failure::Plain(words),
        other => other,
    })?;
    Ok((mapping, fields(1)))
}

/// A document that is read.
struct Page<'d> {
    document: &'d Value,
    recursive: bool,
}

impl<'d> Page<'d> {
    /// The whole text; `None` when the document has no such resource.
    fn print(&self, root: &str, plural: &str, path: &[String]) -> Result<Option<String>, Failure> {
        let places = [
            format!("/{root}/{plural}"),
            format!("/{root}/{plural}/{{name}}"),
            format!("/{root}/namespaces/{{namespace}}/{plural}"),
            format!("/{root}/namespaces/{{namespace}}/{plural}/{{name}}"),
        ];
        let methods = ["get", "post", "put", "patch", "delete"];
        // What a later path says counts, as kubectl looks at all of them.
        let gvk = places.iter().rev().find_map(|place| {
            let found = &self.document["paths"][place];
            methods.iter().map(|method| &found[method]["x-kubernetes-group-version-kind"]).find(|gvk| gvk.is_object())
        });
        let Some(gvk) = gvk else { return Ok(None) };
        let part = |key: &str| gvk[key].as_str().unwrap_or_default();
        let mut text = String::new();
        if !part("group").is_empty() {
            text.push_str(&format!("GROUP:      {}\n", part("group")));
        }
        text.push_str(&format!("KIND:       {}\nVERSION:    {}\n\n", part("kind"), part("version")));
        let schemas = self.document["components"]["schemas"].as_object();
        let same = |schema: &&Value| {
            let kinds = schema["x-kubernetes-group-version-kind"].as_array();
            kinds.into_iter().flatten().any(|kind| ["group", "version", "kind"].iter().all(|key| kind[key] == gvk[key]))
        };
        let mut sorted: Vec<_> = schemas.into_iter().flatten().collect();
        sorted.sort_by(|a, b| a.0.cmp(b.0));
        let Some(schema) = sorted.into_iter().map(|(_, schema)| schema).find(same) else {
            return Err(Failure::message(format!(
                "GVK {} not found in OpenAPI schema",
                crate::tools::kubectl::go_template::go_print(&json!(gvk))
            )));
        };
        let Some(body) = self.output(schema, path, &HashSet::new(), 0) else {
            let why = format!("field \"{}\" does not exist", path.last().map_or("", String::as_str));
            return Err(Failure::Printed { output: text.into_bytes(), failure: Box::new(Failure::message(why)) });
        };
        Ok(Some(text + &body + "\n"))
    }

    /// The schema that a schema stands for.
    fn resolved(&self, schema: &'d Value) -> &'d Value {
        let name = reference(schema).and_then(|reference| reference.strip_prefix("#/components/schemas/"));
        match name.map(|name| &self.document["components"]["schemas"][name]) {
            Some(found) if found.is_object() => found,
            _ => schema,
        }
    }

    /// What is said of the field at the end of a path; `None` when there is no such field.
    fn output(&self, schema: &'d Value, path: &[String], seen: &HashSet<String>, depth: usize) -> Option<String> {
        let resolved = self.resolved(schema);
        let Some((first, rest)) = path.split_first() else {
            let description = self.description(schema, 0);
            let description = if description.is_empty() { "<empty>".to_owned() } else { description };
            let mut text = format!("DESCRIPTION:\n{}\n", indented(&wrapped(&description, 76), 4));
            let documents = &resolved["externalDocs"];
            if documents.is_object() {
                text.push_str("\nEXTERNAL DOCS:\n");
                for (key, title) in [("description", ""), ("url", "URL: ")] {
                    if let Some(found) = documents[key].as_str().filter(|found| !found.is_empty()) {
                        let found = if title.is_empty() { wrapped(found, 76) } else { format!("{title}{found}") };
                        text.push_str(&format!("{}\n", indented(&found, 4)));
                    }
                }
            }
            let mut fields = String::new();
            self.fields(resolved, 1, &HashSet::new(), &mut fields);
            if !fields.is_empty() {
                text.push_str("FIELDS:\n");
                text.push_str(&fields);
            }
            return Some(text);
        };
        if depth > DEPTH || reference(schema).is_some_and(|reference| seen.contains(reference)) {
            return None;
        }
        let mut seen = seen.clone();
        seen.extend(reference(schema).map(str::to_owned));
        let field = &resolved["properties"][first];
        if field.is_object() {
            let mut text = String::new();
            if rest.is_empty() {
                text = format!("FIELD: {first} <{}>\n{}\n\n", self.kind_of(field, 0), long_enum(field));
            }
            return self.output(field, rest, &HashSet::new(), depth + 1).map(|body| text + &body);
        }
        if resolved["items"].is_object() {
            return self.output(&resolved["items"], path, &seen, depth + 1);
        }
        if resolved["additionalProperties"].is_object() {
            return self.output(&resolved["additionalProperties"], path, &seen, depth + 1);
        }
        let all = resolved["allOf"].as_array();
        all.into_iter().flatten().find_map(|one| self.output(one, path, &seen, depth + 1))
    }

    fn description(&self, schema: &'d Value, depth: usize) -> String {
        let resolved = self.resolved(schema);
        let mut text = String::new();
        if let Some(own) = resolved["description"].as_str().filter(|own| !own.is_empty()) {
            text.push_str(own);
            text.push('\n');
        }
        if depth > DEPTH {
            return text;
        }
        for one in resolved["allOf"].as_array().into_iter().flatten() {
            text.push_str(&self.description(one, depth + 1));
        }
        for key in ["items", "additionalProperties"] {
            if resolved[key].is_object() {
                text.push_str(&self.description(&resolved[key], depth + 1));
            }
        }
        text
    }

    /// The fields of a schema, with those below them if that is asked for.
    fn fields(&self, schema: &'d Value, level: usize, seen: &HashSet<String>, text: &mut String) {
        if level > DEPTH || reference(schema).is_some_and(|reference| seen.contains(reference)) {
            return;
        }
        let mut seen = seen.clone();
        seen.extend(reference(schema).map(str::to_owned));
        let resolved = self.resolved(schema);
        let mut properties: Vec<_> = resolved["properties"].as_object().into_iter().flatten().collect();
        properties.sort_by(|a, b| a.0.cmp(b.0));
        for (name, field) in properties {
            self.field(resolved, name, field, level, text);
            if self.recursive {
                self.fields(field, level + 1, &seen, text);
            }
        }
        for one in resolved["allOf"].as_array().into_iter().flatten() {
            self.fields(one, level, &seen, text);
        }
        for key in ["items", "additionalProperties"] {
            if resolved[key].is_object() {
                self.fields(&resolved[key], level, &seen, text);
            }
        }
    }

    fn field(&self, of: &Value, name: &str, field: &'d Value, level: usize, text: &mut String) {
        let indent = level * 2;
        text.push_str(&format!("{}{name}\t<{}>", " ".repeat(indent), self.kind_of(field, 0)));
        if of["required"].as_array().is_some_and(|required| required.iter().any(|one| one == name)) {
            text.push_str(" -required-");
        }
        let values: Vec<String> = field["enum"].as_array().into_iter().flatten().map(enum_value).collect();
        if !values.is_empty() {
            let more = if values.len() > 4 { ", ...." } else { "" };
            let shown = values[..values.len().min(4)].join(", ");
            text.push_str(&format!("\n{}enum: {shown}{more}", " ".repeat(indent)));
        }
        text.push('\n');
        if self.recursive {
            return;
        }
        let description = field["description"].as_str().filter(|own| !own.is_empty()).unwrap_or("<no description>");
        text.push_str(&format!("{}\n", indented(&wrapped(description, 78 - indent.min(70)), indent + 2)));
        let documents = &field["externalDocs"];
        if documents.is_object() {
            text.push_str(&format!("\n{}EXTERNAL DOCS:\n", " ".repeat(indent + 2)));
            if let Some(found) = documents["description"].as_str().filter(|found| !found.is_empty()) {
                text.push_str(&format!("{}\n", indented(&wrapped(found, 76 - indent.min(70)), indent + 4)));
            }
            if let Some(found) = documents["url"].as_str().filter(|found| !found.is_empty()) {
                text.push_str(&format!("{}\n", indented(&format!("URL: {found}"), indent + 4)));
            }
        }
        text.push('\n');
    }

    /// What kind of value a schema describes: `string`, `[]Container`, `map[string]string`.
    fn kind_of(&self, schema: &'d Value, depth: usize) -> String {
        let own = || match schema["type"].as_str() {
            None | Some("" | "object") => "Object".to_owned(),
            Some(kind) => kind.to_owned(),
        };
        if depth > DEPTH {
            return own();
        }
        if schema["items"].is_object() {
            return format!("[]{}", self.kind_of(&schema["items"], depth + 1));
        }
        if schema["additionalProperties"].is_object() {
            return format!("map[string]{}", self.kind_of(&schema["additionalProperties"], depth + 1));
        }
        if let Some([one]) = schema["allOf"].as_array().map(Vec::as_slice)
            && schema["properties"].is_null()
        {
            return self.kind_of(one, depth + 1);
        }
        let Some(reference) = reference(schema) else { return own() };
        let found = self.resolved(schema);
        match found["type"].as_str().filter(|_| !std::ptr::eq(found, schema)) {
            None | Some("" | "object") => {
                let name = reference.rsplit(['/', '.']).next().unwrap_or_default();
                if name.is_empty() { "Object".into() } else { name.to_owned() }
            }
            Some(kind) => kind.to_owned(),
        }
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().filter(|reference| !reference.is_empty())
}

fn enum_value(value: &Value) -> String {
    match value.as_str() {
        Some("") => "\"\"".into(),
        Some(text) => text.to_owned(),
        None => crate::tools::kubectl::go_template::go_print(value),
    }
}

fn long_enum(field: &Value) -> String {
    let values: Vec<String> =
        field["enum"].as_array().into_iter().flatten().map(|value| format!("\n    {}", enum_value(value))).collect();
    if values.is_empty() { String::new() } else { format!("ENUM:{}", values.concat()) }
}

fn indented(text: &str, amount: usize) -> String {
    let pad = " ".repeat(amount);
    format!("{pad}{}", text.replace('\n', &format!("\n{pad}")))
}

/// Breaks lines at white space so that they have at most `limit` characters, as kubectl's library for that does: space at
/// a break is dropped, all other is kept.
fn wrapped(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut column, mut word, mut space) = (0, String::new(), String::new());
    let count = |text: &str| text.chars().count();
    for c in text.chars() {
        if c == '\n' {
            if !word.is_empty() || column + count(&space) <= limit {
                out.push_str(&space);
            }
            out.push_str(&word);
            space.clear();
            word.clear();
            out.push('\n');
            column = 0;
        } else if c.is_whitespace() && c != '\u{a0}' {
            if space.is_empty() || !word.is_empty() {
                column += count(&space) + count(&word);
                out.push_str(&space);
                out.push_str(&word);
                space.clear();
                word.clear();
            }
            space.push(c);
        } else {
            word.push(c);
            if column + count(&word) + count(&space) > limit && count(&word) < limit {
                out.push('\n');
                column = 0;
                space.clear();
            }
        }
    }
    if !word.is_empty() || column + count(&space) <= limit {
        out.push_str(&space);
        out.push_str(&word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({
            "paths": {"/apis/a.b/v1/namespaces/{namespace}/things": {"get": {
                "x-kubernetes-group-version-kind": {"group": "a.b", "version": "v1", "kind": "Thing"}}}},
            "components": {"schemas": {
                "b.a.v1.Thing": {
                    "x-kubernetes-group-version-kind": [{"group": "a.b", "version": "v1", "kind": "Thing"}],
                    "description": "A thing.", "required": ["spec"], "type": "object",
                    "properties": {
                        "spec": {"allOf": [{"$ref": "#/components/schemas/b.a.v1.Spec"}], "description": "How it is."},
                        "names": {"type": "array", "items": {"type": "string"}},
                        "labels": {"type": "object", "additionalProperties": {"type": "string"}}}},
                "b.a.v1.Spec": {"type": "object", "properties": {
                    "mode": {"type": "string", "enum": ["", "A", "B", "C", "D"]},
                    "again": {"$ref": "#/components/schemas/b.a.v1.Spec"}}},
            }},
        })
    }

    fn print(path: &[&str], recursive: bool) -> String {
        let document = document();
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        let page = Page { document: &document, recursive };
        page.print("apis/a.b/v1", "things", &path).map_or_else(|failure| failure.report().0, Option::unwrap_or_default)
    }

    #[test]
    fn fields_are_told() {
        assert_eq!(
            print(&[], false),
            "GROUP:      a.b\nKIND:       Thing\nVERSION:    v1\n\nDESCRIPTION:\n    A thing.\n    \nFIELDS:\n  labels\t<map[string]string>\n    <no description>\n\n  names\t<[]string>\n    <no description>\n\n  spec\t<Spec> -required-\n    How it is.\n\n\n"
        );
        let spec = print(&["spec"], false);
        assert!(spec.contains("\nFIELD: spec <Spec>\n\n\nDESCRIPTION:\n    How it is.\n"), "{spec}");
        assert!(spec.contains("  mode\t<string>\n  enum: \"\", A, B, C, ....\n"), "{spec}");
        assert!(print(&["spec", "mode"], false).contains("FIELD: mode <string>\nENUM:\n    \"\"\n    A\n"));
        let none = print(&["spec", "none"], false);
        assert_eq!(none, "error: field \"none\" does not exist\n");
    }

    #[test]
    fn circles_end() {
        let all = print(&[], true);
        assert!(all.contains("  spec\t<Spec> -required-\n    again\t<Spec>\n    mode\t<string>\n"), "{all}");
        assert!(print(&["spec", "again", "again", "mode"], false).contains("FIELD: mode"));
    }

    #[test]
    fn lines_are_broken_at_spaces() {
        assert_eq!(wrapped("aa bb cc", 5), "aa bb\ncc");
        assert_eq!(wrapped("aa\n\nbb", 5), "aa\n\nbb");
        assert_eq!(wrapped("longword x", 3), "longword\nx");
    }
}
