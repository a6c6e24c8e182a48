//! Strategic merge as kustomize does it: the patch's items come first in lists that are merged, nulls and `$patch`
//! directives take fields out. It differs from the API server's in both.

use serde_json::{Map, Value};

use super::document::{is_nothing, is_null};
use super::resource::Gvk;
use crate::sandbox::cluster::api::schema::{List, Type};

const DIRECTIVE: &str = "$patch";

/// What a patch does with what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strategy {
    Merge,
    Replace,
    Delete,
}

/// How a list is merged.
enum Listed {
    /// As a whole.
    Atomic,
    /// As a set of plain values.
    Set,
    /// By these fields of its items.
    Keys(Vec<String>),
}

/// The type of the objects of a kind, if it is built in.
fn type_of(value: &Value) -> Option<Type> {
    let gvk = Gvk::new(value["apiVersion"].as_str()?, value["kind"].as_str()?);
    let group = match gvk.group.strip_suffix(".k8s.io") {
        Some(known) => known.split('.').next().unwrap_or_default(),
        None if gvk.group.is_empty() => "core",
        None if gvk.group.contains('.') => return None,
        None => gvk.group.as_str(),
    };
    // Kinds whose beta versions kustomize still knows; their lists are merged as in the first stable version.
    let version = if gvk.version == "v1beta1" { "v1" } else { gvk.version.as_str() };
    Type::find(&format!("{group}.{version}.{}", gvk.kind))
}

/// Merges a patch into an object.
///
/// Returns `None` when the patch deletes it.
///
/// # Errors
/// When the patch has a directive that does not exist, or a list where the object has none.
pub(super) fn merge(object: Value, patch: &Value) -> Result<Option<Value>, String> {
    walk(Some(object), Some(patch), None, "")
}

fn walk(dest: Option<Value>, patch: Option<&Value>, of: Option<Type>, path: &str) -> Result<Option<Value>, String> {
    let of = of.or_else(|| dest.as_ref().and_then(type_of)).or_else(|| patch.and_then(type_of));
    let decisive = dest.as_ref().filter(|value| !is_null(value)).or(patch.filter(|value| !is_null(value)));
    let mismatch = |wanted: &str| {
        let fits = |value: &Value| is_null(value) || kind(value) == wanted;
        match dest.iter().chain(patch).find(|value| !fits(value)) {
            Some(value) => {
                Err(format!("wrong Node Kind for {path} expected: {wanted} was {}: value: {{{value}}}", kind(value)))
            }
            None => Ok(()),
        }
    };
    match decisive {
        None => map(dest, patch, of, path),
        Some(Value::Object(_)) => {
            mismatch("MappingNode")?;
            map(dest, patch, of, path)
        }
        Some(Value::Array(_)) => {
            mismatch("SequenceNode")?;
            list(dest, patch, of, path)
        }
        Some(_) => {
            mismatch("ScalarNode")?;
            Ok(match patch {
                Some(null) if is_null(null) => None,
                Some(value) => Some(value.clone()),
                None => dest,
            })
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "MappingNode",
        Value::Array(_) => "SequenceNode",
        _ => "ScalarNode",
    }
}

fn map(dest: Option<Value>, patch: Option<&Value>, of: Option<Type>, path: &str) -> Result<Option<Value>, String> {
    let mut cleaned;
    let (mut dest, patch) = match (dest, patch) {
        (Some(Value::Object(dest)), None) => (dest, None),
        (Some(Value::Object(_)), Some(null)) if is_null(null) => return Ok(None),
        (Some(Value::Object(dest)), Some(Value::Object(patch))) => {
            cleaned = patch.clone();
            match take_strategy(&mut cleaned)? {
                Strategy::Delete => return Ok(None),
                Strategy::Replace => (cleaned.clone(), Some(&cleaned)),
                Strategy::Merge => (dest, Some(&cleaned)),
            }
        }
        (_, Some(Value::Object(patch))) => {
            cleaned = patch.clone();
            if take_strategy(&mut cleaned)? == Strategy::Delete {
                return Ok(None);
            }
            (cleaned.clone(), Some(&cleaned))
        }
        // A null that is written stays where the patch has nothing.
        (Some(null), None) if is_null(&null) && !is_nothing(&null) => return Ok(Some(Value::Null)),
        _ => return Ok(None),
    };
    let mut names: Vec<String> = dest.keys().cloned().collect();
    names.extend(patch.iter().flat_map(|patch| patch.keys()).filter(|name| !dest.contains_key(*name)).cloned());
    for name in names {
        let below = of.and_then(|of| of.field(&name));
        let change = patch.and_then(|patch| patch.get(&name));
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let value = dest.shift_remove(&name);
        let merged = match below {
            Some(field) if field.of.item().is_some() => {
                let way = match (field.patch, field.listed) {
                    (None, _) => Listed::Atomic,
                    (Some("."), _) => Listed::Set,
                    (Some(_), List::Map(keys)) => Listed::Keys(keys.split(',').map(str::to_owned).collect()),
                    (Some(key), _) => Listed::Keys(vec![key.to_owned()]),
                };
                listed(value, change, field.of.item(), &way, &path)?
            }
            _ => walk(value, change, below.map(|field| field.of), &path)?,
        };
        if let Some(merged) = merged {
            dest.insert(name, merged);
        }
    }
    Ok(Some(Value::Object(dest)))
}

fn list(dest: Option<Value>, patch: Option<&Value>, of: Option<Type>, path: &str) -> Result<Option<Value>, String> {
    listed(dest, patch, of.and_then(Type::item), &Listed::Atomic, path)
}

fn listed(
    dest: Option<Value>,
    patch: Option<&Value>,
    item: Option<Type>,
    way: &Listed,
    path: &str,
) -> Result<Option<Value>, String> {
    let is_list = |value: &Value| is_null(value) || value.is_array();
    if !dest.as_ref().is_none_or(is_list) || !patch.is_none_or(is_list) || dest.iter().chain(patch).all(is_null) {
        return walk(dest, patch, None, path);
    }
    if matches!(way, Listed::Atomic) {
        return Ok(match patch {
            Some(null) if is_null(null) => None,
            Some(value) => Some(value.clone()),
            None => dest,
        });
    }
    let mut changes = patch.and_then(Value::as_array).cloned().unwrap_or_default();
    let dest = match dest {
        Some(Value::Array(items)) => {
            if patch.is_some_and(is_null) {
                return Ok(None);
            }
            match take_list_strategy(&mut changes)? {
                Strategy::Delete => return Ok(None),
                Strategy::Replace => changes.clone(),
                Strategy::Merge => items,
            }
        }
        _ => changes.clone(),
    };
    let merged = match way {
        Listed::Keys(keys) => by_keys(dest, &changes, keys, item, path)?,
        _ => {
            let mut all = changes;
            all.extend(dest);
            let mut seen: Vec<Value> = Vec::new();
            for value in all {
                if !is_null(&value) && !seen.contains(&value) {
                    seen.push(value);
                }
            }
            seen
        }
    };
    Ok(Some(Value::Array(merged)))
}

/// Merges lists whose items are told apart by fields. It follows kyaml's walk of associative sequences step by step,
/// with what that does to items that lack a field.
fn by_keys(
    mut dest: Vec<Value>,
    changes: &[Value],
    keys: &[String],
    item: Option<Type>,
    path: &str,
) -> Result<Vec<Value>, String> {
    let mut wanted: Vec<Vec<String>> = Vec::new();
    for one in changes.iter().chain(&dest) {
        let values: Vec<String> = keys.iter().map(|key| text_of(one.get(key))).collect();
        if !wanted.contains(&values) {
            wanted.push(values);
        }
    }
    if keys.len() > 1 {
        complete(&mut wanted);
    }
    // Fields that no item has tell nothing apart.
    let has = |at: &usize| wanted.iter().any(|values| !values[*at].is_empty());
    let mut used: Vec<usize> = (0..keys.len()).filter(has).collect();
    if used.is_empty() {
        used = (0..keys.len()).collect();
    }
    let names: Vec<&str> = used.iter().map(|at| keys[*at].as_str()).collect();
    let mut merged: Vec<Value> = Vec::new();
    for values in &wanted {
        let values: Vec<&str> = used.iter().map(|at| values[*at].as_str()).collect();
        let some: Vec<(&str, &str)> =
            names.iter().copied().zip(values.iter().copied()).filter(|(_, text)| !text.is_empty()).collect();
        let fits = |one: &&Value| match some.as_slice() {
            [] => names.iter().all(|name| one.get(name).is_some_and(|field| field == "")),
            some => some.iter().all(|(name, text)| one.get(name).is_some() && text_of(one.get(name)) == *text),
        };
        let change = changes.iter().find(fits);
        let place = dest.iter().position(|one| fits(&one));
        let old = place.and_then(|place| dest.get(place)).cloned();
        let replaces = change.is_some_and(|change| change[DIRECTIVE] == "replace");
        let value = walk(old, change, item, path)?;
        let Some(mut value) =
            value.filter(|value| !is_null(value) && value.as_object().is_none_or(|map| !map.is_empty()))
        else {
            set(&mut dest, &names, &values, None);
            continue;
        };
        if let Some(entries) = value.as_object_mut() {
            for (key, text) in &some {
                entries.entry(*key).or_insert_with(|| Value::String((*text).to_owned()));
            }
        }
        if !replaces && let Some(old) = place.and_then(|place| dest.get_mut(place)) {
            *old = value.clone();
        }
        set(&mut merged, &names, &values, Some(value));
    }
    if wanted.is_empty() {
        return Ok(dest);
    }
    for one in dest {
        let mut values = Vec::new();
        for name in &names {
            match one.get(name) {
                Some(_) => values.push(text_of(one.get(name))),
                None => merged.push(one.clone()),
            }
        }
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        if names.len() > 1 {
            set(&mut merged, &names, &values, None);
        }
        set(&mut merged, &names, &values, Some(one));
    }
    Ok(merged)
}

/// Items that differ only in what one of them does not say are taken for one.
fn complete(wanted: &mut [Vec<String>]) {
    for at in 0..wanted.len() {
        let first = wanted[at].clone();
        for other in 0..wanted.len() {
            let second = &wanted[other];
            let fit = first.iter().zip(second).all(|(a, b)| a == b || a.is_empty() || b.is_empty());
            if fit && first.iter().zip(second).any(|(a, b)| a == b) {
                let both: Vec<String> =
                    first.iter().zip(second).map(|(a, b)| if a.is_empty() { b } else { a }.clone()).collect();
                wanted[at].clone_from(&both);
                wanted[other] = both;
            }
        }
    }
}

/// Puts an item in the place of those with these fields, or at the end; `None` takes them out. An empty text stands for
/// any, and where fewer texts than fields are given the last one decides; where none are given, nothing is kept.
fn set(items: &mut Vec<Value>, names: &[&str], values: &[&str], element: Option<Value>) {
    let mut found = false;
    let mut kept = Vec::new();
    for one in items.drain(..) {
        if is_null(&one) || one.as_object().is_some_and(Map::is_empty) {
            continue;
        }
        let fits = |(name, text): (&&str, &&str)| {
            one.get(name).is_some() && (text.is_empty() || text_of(one.get(name)) == **text)
        };
        if one.is_object() && (values.is_empty() || !names.iter().zip(values).all(fits)) {
            if !values.is_empty() {
                kept.push(one);
            }
        } else if !one.is_object() {
            kept.push(one);
        } else {
            found = true;
            kept.extend(element.clone());
        }
    }
    *items = kept;
    if !found {
        items.extend(element);
    }
}

fn text_of(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) if !value.is_some_and(is_null) => text.clone(),
        Some(Value::Bool(_) | Value::Number(_)) => value.map(Value::to_string).unwrap_or_default(),
        _ => String::new(),
    }
}

fn strategy(word: &Value) -> Result<Strategy, String> {
    match word.as_str() {
        Some("delete") => Ok(Strategy::Delete),
        Some("replace") => Ok(Strategy::Replace),
        Some("merge") => Ok(Strategy::Merge),
        _ => Err(format!("unknown patch strategy '{}'", text_of(Some(word)))),
    }
}

/// Takes the directive out of a mapping.
fn take_strategy(patch: &mut Map<String, Value>) -> Result<Strategy, String> {
    patch.shift_remove(DIRECTIVE).map_or(Ok(Strategy::Merge), |word| strategy(&word))
}

/// Takes the directive out of a list: an item of nothing else.
fn take_list_strategy(patch: &mut Vec<Value>) -> Result<Strategy, String> {
    let Some(first) = patch.iter().find_map(|item| item.as_object().filter(|item| item.contains_key(DIRECTIVE))) else {
        return Ok(Strategy::Merge);
    };
    if first.len() > 1 {
        return Ok(Strategy::Merge);
    }
    let found = strategy(&first[DIRECTIVE])?;
    patch.retain(|item| item.get(DIRECTIVE).is_none());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(spec: Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
            "spec": {"template": {"spec": spec}}})
    }

    fn merged(object: Value, patch: Value) -> Value {
        merge(deployment(object), &deployment(patch)).unwrap().unwrap()["spec"]["template"]["spec"].clone()
    }

    #[test]
    fn the_items_of_a_patch_come_first() {
        let containers = json!({"containers": [{"name": "a", "image": "x"}, {"name": "b", "args": ["1", "2"]}]});
        let patch = json!({"containers": [{"name": "c"}, {"name": "b", "args": ["3"], "image": "y"}]});
        let expected = json!({"containers": [{"name": "c"}, {"name": "b", "args": ["3"], "image": "y"}, {"name": "a", "image": "x"}]});
        assert_eq!(merged(containers, patch), expected);
    }

    #[test]
    fn nulls_and_directives_delete() {
        let object = json!({"nodeSelector": {"a": "1", "b": "2"}, "containers": [{"name": "a"}, {"name": "b"}],
            "securityContext": {"x": 1}, "volumes": [{"name": "v"}]});
        let patch = json!({"nodeSelector": {"a": null}, "containers": [{"name": "a", "$patch": "delete"}],
            "securityContext": {"$patch": "replace", "y": 2}, "volumes": [{"$patch": "replace"}, {"name": "w"}]});
        let expected = json!({"nodeSelector": {"b": "2"}, "containers": [{"name": "b"}],
            "securityContext": {"y": 2}, "volumes": [{"name": "w"}]});
        assert_eq!(merged(object, patch), expected);
        let gone = json!({"apiVersion": "apps/v1", "kind": "Deployment", "$patch": "delete"});
        assert_eq!(merge(deployment(json!({})), &gone), Ok(None));
        assert!(merge(deployment(json!({})), &json!({"spec": {"$patch": "eat"}})).is_err());
    }

    #[test]
    fn two_fields_may_tell_items_apart() {
        let object = json!({"containers": [{"name": "a", "ports": [
            {"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]}]});
        let patch =
            json!({"containers": [{"name": "a", "ports": [{"containerPort": 53, "protocol": "UDP", "name": "u"}]}]});
        // Unlike other items, those keep their places.
        let expected = json!([{"containerPort": 53, "protocol": "TCP"},
            {"containerPort": 53, "protocol": "UDP", "name": "u"}]);
        assert_eq!(merged(object, patch)["containers"][0]["ports"], expected);
    }

    #[test]
    fn lists_of_unknown_kinds_are_replaced() {
        let object = json!({"apiVersion": "x.io/v1", "kind": "X", "spec": {"a": [{"name": "a"}]}});
        let patch = json!({"apiVersion": "x.io/v1", "kind": "X", "spec": {"a": [{"name": "b"}]}});
        assert_eq!(merge(object, &patch).unwrap().unwrap()["spec"]["a"], json!([{"name": "b"}]));
    }
}
