//! `replacements`: values copied from fields of one object to fields of others.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::document::{is_null, scalar};
use super::kustomization::{FieldOptions, Replacement, Source};
use super::resource::{Gvk, Id, Resource};
use super::select::{Matcher, Selector};

/// What is replaced where nothing else is said.
const DEFAULT_PATH: &str = "metadata.name";

/// Does one replacement.
///
/// # Errors
/// When the source is not one object, or a field is not there.
pub(super) fn replace(resources: &mut [Resource], replacement: &Replacement) -> Result<(), String> {
    let targets = match (&replacement.source, &replacement.source_value, &replacement.targets) {
        (None, None, _) | (_, _, None) => {
            return Err("replacements must specify a source and at least one target".to_owned());
        }
        (Some(_), Some(_), _) => return Err("value and resource selectors are mutually exclusive".to_owned()),
        (_, _, Some(targets)) => targets,
    };
    let value = match (&replacement.source, &replacement.source_value) {
        (Some(source), _) => from_source(resources, source)?,
        (None, text) => Value::String(text.clone().unwrap_or_default()),
    };
    for target in targets {
        let select = target.select.as_ref().ok_or("target must specify resources to select")?;
        // Unlike those of patches, these selectors take names by the letter.
        let matcher = Matcher::new(select)?;
        let rejected: Vec<Matcher<'_>> = target.reject.iter().map(Matcher::new).collect::<Result<_, _>>()?;
        let default = [DEFAULT_PATH.to_owned()];
        let paths = if target.field_paths.is_empty() { &default[..] } else { &target.field_paths };
        for resource in resources.iter_mut() {
            let ids = resource.ids();
            let mut out = false;
            for reject in &rejected {
                out |= reject.names_one(&ids) && reject.fits_texts(resource)?;
            }
            if out || !matcher.names_one(&ids) || !matcher.fits_texts(resource)? {
                continue;
            }
            for path in paths {
                let create = target.options.as_ref().is_some_and(|options| options.create);
                let mut failed = None;
                let found = visit(&mut resource.value, &steps(path), create, &value, &mut |field| {
                    if failed.is_none() {
                        failed = set(field, &value, target.options.as_ref()).err();
                    }
                });
                match failed {
                    Some(why) => return Err(why),
                    None if found == 0 && create => {
                        return Err(format!("unable to find or create field \"{path}\" in replacement target"));
                    }
                    None if found == 0 => return Err(format!("unable to find field \"{path}\" in replacement target")),
                    None => {}
                }
            }
        }
    }
    Ok(())
}

/// The value of a source.
fn from_source(resources: &[Resource], source: &Source) -> Result<Value, String> {
    let selector = Selector {
        group: source.group.clone(),
        version: source.version.clone(),
        kind: source.kind.clone(),
        name: source.name.clone(),
        namespace: source.namespace.clone(),
        ..Selector::default()
    };
    let gvk = Gvk { group: source.group.clone(), version: source.version.clone(), kind: source.kind.clone() };
    let id = Id { gvk, name: source.name.clone(), namespace: source.namespace.clone() };
    let path = if source.field_path.is_empty() { DEFAULT_PATH } else { &source.field_path };
    let shown = || {
        let mut shown = id.to_string();
        if !source.field_path.is_empty() {
            shown += &format!(":{}", source.field_path);
        }
        if let Some(options) = source.options.as_ref().filter(|options| !options.delimiter.is_empty() || options.create)
        {
            shown += &format!(":{}({}), create={}", options.delimiter, options.index, options.create);
        }
        shown
    };
    let mut fitting = resources.iter().filter(|resource| resource.ids().iter().any(|id| selector.names(id)));
    let Some(resource) = fitting.next() else { return Err(format!("nothing selected by {}", shown())) };
    if fitting.next().is_some() {
        return Err(format!("multiple matches for selector {}", shown()));
    }
    let mut object = resource.value.clone();
    let mut found = Vec::new();
    visit(&mut object, &steps(path), false, &Value::Null, &mut |field| found.push(field.clone()));
    let value = found.into_iter().next().filter(|value| !empty(value));
    let value = value.ok_or_else(|| format!("fieldPath `{path}` is missing for replacement source {id}"))?;
    let Some(options) = source.options.as_ref().filter(|options| !options.delimiter.is_empty()) else {
        return Ok(value);
    };
    let text = text_of(&value).ok_or("delimiter option can only be used with scalar nodes")?;
    let parts: Vec<&str> = text.split(&options.delimiter).collect();
    let part = usize::try_from(options.index).ok().and_then(|index| parts.get(index));
    part.map(|part| Value::String((*part).to_owned()))
        .ok_or_else(|| format!("options.index {} is out of bounds for value {text}", options.index))
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        other => is_null(other) || other == "",
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Writes a value, or a part of it, into a field.
fn set(field: &mut Value, value: &Value, options: Option<&FieldOptions>) -> Result<(), String> {
    let mut value = value.clone();
    if let Some(options) = options.filter(|options| !options.delimiter.is_empty()) {
        let wrong = "delimiter option can only be used with scalar nodes";
        let whole = if is_null(field) { String::new() } else { text_of(field).ok_or(wrong)? };
        let text = text_of(&value).unwrap_or_default();
        let old = match options.encoding.as_str() {
            "base64" => STANDARD
                .decode(whole.as_bytes())
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or("the field is no base64 of a text")?,
            "" => whole,
            other => return Err(format!("unknown encoding {other:?}: base64 is the only one")),
        };
        let mut parts: Vec<&str> = old.split(&options.delimiter).collect();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, &text),
            Ok(index) => match parts.get_mut(index) {
                Some(part) => *part = &text,
                None => parts.push(&text),
            },
        }
        let joined = parts.join(&options.delimiter);
        value = Value::String(if options.encoding == "base64" { STANDARD.encode(joined) } else { joined });
    }
    // Between plain values only the text is copied; its type stays that of the field.
    *field = match (&*field, text_of(&value)) {
        (Value::String(_), Some(text)) => Value::String(text),
        (Value::Bool(_) | Value::Number(_), Some(text)) => scalar(&text),
        _ => value,
    };
    Ok(())
}

/// The steps of a path: names apart by points; `\.` is a point, `[k=v]` and `[*]` choose items, also when points are in
/// them.
fn steps(path: &str) -> Vec<String> {
    let mut steps = vec![String::new()];
    let mut depth = 0;
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        let Some(last) = steps.last_mut() else { break };
        match c {
            '\\' => last.extend(chars.next()),
            '.' if depth == 0 => steps.push(String::new()),
            '[' => {
                depth += 1;
                // A choice right behind a name is a step of its own.
                if !last.is_empty() && depth == 1 {
                    steps.push(String::new());
                }
                if let Some(last) = steps.last_mut() {
                    last.push(c);
                }
            }
            _ => {
                if c == ']' {
                    depth -= 1;
                }
                last.push(c);
            }
        }
    }
    steps
}

/// Calls `change` with each field that a path leads to, and counts them.
fn visit(value: &mut Value, steps: &[String], create: bool, like: &Value, change: &mut dyn FnMut(&mut Value)) -> usize {
    let Some((step, rest)) = steps.split_first() else {
        change(value);
        return 1;
    };
    if step == "*" {
        return match value {
            Value::Array(items) => items.iter_mut().map(|item| visit(item, rest, create, like, change)).sum(),
            Value::Object(entries) => entries.values_mut().map(|item| visit(item, rest, create, like, change)).sum(),
            _ => 0,
        };
    }
    if let Some(choice) = step.strip_prefix('[').and_then(|step| step.strip_suffix(']')) {
        if create && is_null(value) {
            *value = Value::Array(Vec::new());
        }
        let Value::Array(items) = value else { return 0 };
        let (key, wanted) = choice.split_once('=').unwrap_or((choice, ""));
        let fits = |item: &Value| {
            choice == "*" || text_of(if key.is_empty() { item } else { &item[key] }).is_some_and(|text| text == wanted)
        };
        if create && choice.contains('=') && !items.iter().any(fits) {
            items.push(if key.is_empty() {
                Value::String(wanted.to_owned())
            } else {
                Value::Object(Map::from_iter([(key.to_owned(), Value::String(wanted.to_owned()))]))
            });
        }
        return items.iter_mut().filter(|item| fits(item)).map(|item| visit(item, rest, create, like, change)).sum();
    }
    match value {
        Value::Array(items) => {
            let at = if step == "-" { items.len().checked_sub(1) } else { step.parse::<usize>().ok() };
            if create && at == Some(items.len()) {
                items.push(made(rest, like));
            }
            at.and_then(|at| items.get_mut(at)).map_or(0, |item| visit(item, rest, create, like, change))
        }
        Value::Object(entries) => {
            if create && entries.get(step).is_none_or(is_null) {
                entries.insert(step.clone(), made(rest, like));
            }
            entries.get_mut(step).map_or(0, |field| visit(field, rest, create, like, change))
        }
        _ => 0,
    }
}

/// What a missing field becomes ahead of the steps below it.
fn made(rest: &[String], like: &Value) -> Value {
    match rest.first() {
        Some(step) if step.starts_with('[') => Value::Array(Vec::new()),
        Some(_) => Value::Object(Map::new()),
        None if like.is_object() || like.is_array() => Value::Null,
        // What is made for a text takes the type of what is put there.
        None => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_have_steps() {
        assert_eq!(steps("a.b"), ["a", "b"]);
        assert_eq!(steps("a.[name=x.y].c"), ["a", "[name=x.y]", "c"]);
        assert_eq!(steps("metadata.annotations.a\\.b/c"), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(steps("a.0.*"), ["a", "0", "*"]);
    }

    #[test]
    fn parts_of_texts_are_replaced() {
        let set_in = |old: Value, index: i64| {
            let mut field = old;
            let options = FieldOptions { delimiter: ":".into(), index, ..FieldOptions::default() };
            set(&mut field, &json!("new"), Some(&options)).unwrap();
            field
        };
        assert_eq!(set_in(json!("a:b"), 1), json!("a:new"));
        assert_eq!(set_in(json!("a:b"), -1), json!("new:a:b"));
        assert_eq!(set_in(json!("a:b"), 9), json!("a:b:new"));
    }
}
