//! Strategic merge: `$patch`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`, `$retainKeys`, lists by merge key.

use serde_json::{Map, Value};

use super::super::schema::Type;
use super::Status;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

fn wrong_directive(directive: &Value, at: &Map<String, Value>) -> Status {
    Status::bad_request(format!("unknown patch type found: {directive} in map: {}", Value::Object(at.clone())))
}

/// Merges a patch into an object. Where the type is unknown, lists are replaced.
pub fn merge_object(
    object: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    of: Option<Type>,
) -> Result<(), Status> {
    match patch.get(DIRECTIVE) {
        None => {}
        Some(Value::String(word)) if word == "replace" => {
            object.clear();
            let kept = patch.iter().filter(|(key, _)| *key != DIRECTIVE);
            object.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
            return Ok(());
        }
        Some(Value::String(word)) if word == "delete" => {
            object.clear();
            return Ok(());
        }
        Some(Value::String(word)) if word == "merge" => {}
        Some(other) => return Err(wrong_directive(other, patch)),
    }
    if let Some(kept) = patch.get(RETAIN) {
        let Some(kept) = kept.as_array() else {
            return Err(Status::bad_request("$retainKeys must be a list of field names"));
        };
        object.retain(|key, _| kept.iter().any(|one| one == key.as_str()));
    }
    // Values to take out of sets of plain values come first, so that a value that is also set stays.
    for (key, values) in patch {
        let Some(field) = key.strip_prefix(DELETE) else { continue };
        let (Some(values), Some(list)) = (values.as_array(), object.get_mut(field).and_then(Value::as_array_mut))
        else {
            continue;
        };
        list.retain(|one| !values.contains(one));
    }
    for (key, change) in patch {
        if key.starts_with('$') {
            continue;
        }
        if change.is_null() {
            object.shift_remove(key);
            continue;
        }
        let field = of.and_then(|of| of.field(key));
        match change {
            Value::Object(changes) => {
                let below = field.map(|field| field.of);
                match object.get_mut(key) {
                    Some(Value::Object(entries)) => {
                        merge_object(entries, changes, below)?;
                        if changes.get(DIRECTIVE).is_some_and(|directive| directive == "delete") {
                            object.shift_remove(key);
                        }
                    }
                    _ => {
                        if changes.get(DIRECTIVE).is_some_and(|directive| directive == "delete") {
                            object.shift_remove(key);
                        } else {
                            object.insert(key.clone(), cleaned(change, below));
                        }
                    }
                }
            }
            Value::Array(changes) => {
                let item = field.and_then(|field| field.of.item());
                match field.and_then(|field| field.patch) {
                    None => {
                        object.insert(key.clone(), change.clone());
                    }
                    Some(merge_key) => {
                        let list = object.entry(key.clone()).or_insert_with(|| Value::Array(Vec::new()));
                        if !list.is_array() {
                            *list = Value::Array(Vec::new());
                        }
                        let Some(list) = list.as_array_mut() else { continue };
                        let before = list.len();
                        if merge_key == "." {
                            merge_set(list, changes);
                        } else {
                            merge_list(list, changes, merge_key, item)?;
                        }
                        order(list, patch.get(&format!("{ORDER}{key}")), changes, merge_key, before);
                    }
                }
            }
            _ => {
                object.insert(key.clone(), change.clone());
            }
        }
    }
    // An order may be given for a list that is not otherwise changed.
    for (key, wanted) in patch {
        let Some(field) = key.strip_prefix(ORDER) else { continue };
        if patch.contains_key(field) {
            continue;
        }
        let merge_key = of.and_then(|of| of.field(field)).and_then(|field| field.patch);
        if let (Some(merge_key), Some(list)) = (merge_key, object.get_mut(field).and_then(Value::as_array_mut)) {
            let before = list.len();
            order(list, Some(wanted), &[], merge_key, before);
        }
    }
    Ok(())
}

/// A value that is new in the object: without directives and nulls.
fn cleaned(value: &Value, of: Option<Type>) -> Value {
    match value {
        Value::Object(entries) => {
            let kept = entries.iter().filter(|(key, value)| !is_directive(key) && !value.is_null());
            let below = |key: &str| of.and_then(|of| of.field(key)).map(|field| field.of);
            Value::Object(kept.map(|(key, value)| (key.clone(), cleaned(value, below(key)))).collect())
        }
        Value::Array(items) => {
            let item = of.and_then(Type::item);
            let kept = items.iter().filter(|one| one.get(DIRECTIVE).is_none());
            Value::Array(kept.map(|one| cleaned(one, item)).collect())
        }
        other => other.clone(),
    }
}

fn is_directive(key: &str) -> bool {
    key == DIRECTIVE || key == RETAIN || key.starts_with(ORDER) || key.starts_with(DELETE)
}

fn merge_set(list: &mut Vec<Value>, changes: &[Value]) {
    for change in changes {
        if !list.contains(change) {
            list.push(change.clone());
        }
    }
}

fn merge_list(list: &mut Vec<Value>, changes: &[Value], key: &str, item: Option<Type>) -> Result<(), Status> {
    if changes.iter().any(|change| change[DIRECTIVE] == "replace") {
        // One item of only this directive says that the other items are the whole list.
        *list = changes.iter().filter(|change| change.get(DIRECTIVE).is_none()).map(|one| cleaned(one, item)).collect();
        return Ok(());
    }
    for change in changes {
        let Some(entries) = change.as_object() else {
            return Err(Status::bad_request("expected an object as item of a list that is merged by key"));
        };
        let Some(value) = entries.get(key) else {
            let shown = Value::Object(entries.clone());
            return Err(Status::bad_request(format!("map: {shown} does not contain declared merge key: {key}")));
        };
        let place = list.iter().position(|one| one.get(key) == Some(value));
        match entries.get(DIRECTIVE) {
            Some(Value::String(word)) if word == "delete" => list.retain(|one| one.get(key) != Some(value)),
            Some(Value::String(word)) if word == "merge" => {}
            Some(other) => return Err(wrong_directive(other, entries)),
            None => match place.and_then(|place| list.get_mut(place)).and_then(Value::as_object_mut) {
                Some(existing) => merge_object(existing, entries, item)?,
                None => list.push(cleaned(change, item)),
            },
        }
    }
    Ok(())
}

/// Puts a list into order: items that the patch names in the order given (or that of the patch), items that only the
/// server has where they were among those. Items that are new, which were put after the `before` old ones, come ahead of
/// the server's own that are left, as in a real server.
fn order(list: &mut Vec<Value>, wanted: Option<&Value>, changes: &[Value], key: &str, before: usize) {
    let identity = |one: &Value| if key == "." { Some(one.clone()) } else { one.get(key).cloned() };
    let named: Vec<Option<Value>> = match wanted.and_then(Value::as_array) {
        Some(items) => items.iter().map(identity).collect(),
        None => {
            let kept = changes.iter().filter(|one| one.get(DIRECTIVE).is_none());
            kept.map(identity).collect()
        }
    };
    if named.is_empty() {
        return;
    }
    let rank = |one: &Value| named.iter().position(|name| *name == identity(one));
    let (mut first, others): (Vec<_>, Vec<_>) = list.drain(..).enumerate().partition(|(_, one)| rank(one).is_some());
    first.sort_by_key(|(_, one)| rank(one));
    let mut first = first.into_iter().peekable();
    let mut others = others.into_iter().peekable();
    loop {
        match (first.peek(), others.peek()) {
            (Some((left, _)), Some((right, _))) if *left < before && right < left => {
                list.extend(others.next().map(|(_, one)| one))
            }
            (Some(_), _) => list.extend(first.next().map(|(_, one)| one)),
            (None, Some(_)) => list.extend(others.next().map(|(_, one)| one)),
            (None, None) => return,
        }
    }
}
