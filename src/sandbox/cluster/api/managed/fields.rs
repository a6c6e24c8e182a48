//! Sets of fields, as `managedFields` writes them (`FieldsV1`), and what is done to an object by them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::schema::{Field, List, Type};

/// A set of fields: a tree whose steps are written as in `FieldsV1`: `f:name`, `k:{"name":"web"}`, `v:"value"`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Set {
    /// Whether this node itself belongs to the set.
    pub here: bool,
    /// What belongs to it below.
    pub below: BTreeMap<String, Set>,
}

/// How a value is taken apart.
#[derive(Clone, Copy)]
pub struct Shape {
    of: Option<Type>,
    field: Option<Field>,
}

impl Shape {
    /// The shape of an object of a kind; of custom resources only their nesting is known.
    pub fn of(kind: &super::super::Kind) -> Self {
        Self { of: kind.schema.map(Type::named), field: None }
    }

    fn below(self, name: &str) -> Self {
        let of = self.of.filter(|_| !self.is_opaque());
        match of.and_then(|of| of.field(name)) {
            Some(field) => Self { of: Some(field.of), field: Some(field) },
            None => Self { of: None, field: None },
        }
    }

    fn item(self) -> Self {
        Self { of: self.of.and_then(Type::item), field: None }
    }

    fn is_opaque(self) -> bool {
        self.of.is_some_and(Type::is_any)
    }

    /// Whether the value counts as one, however it is built.
    fn is_atomic(self, value: &Value) -> bool {
        match value {
            Value::Object(_) => self.field.is_some_and(|field| field.atomic) || self.is_opaque(),
            Value::Array(_) => self.listed() == List::Atomic,
            _ => true,
        }
    }

    fn listed(self) -> List {
        self.field.map_or(List::Atomic, |field| field.listed)
    }
}

/// The step to an item of a list that is merged by keys.
fn item_step(item: &Value, keys: &str) -> String {
    let mut chosen = Map::new();
    let mut names: Vec<&str> = keys.split(',').collect();
    names.sort_unstable();
    for name in names {
        let value = match item.get(name) {
            Some(value) => value.clone(),
            // The one key that has a default.
            None if name == "protocol" => "TCP".into(),
            None => continue,
        };
        chosen.insert(name.to_owned(), value);
    }
    format!("k:{}", Value::Object(chosen))
}

impl Set {
    /// The fields of a value.
    pub fn of(value: &Value, shape: Shape) -> Self {
        let mut set = Self::default();
        if shape.is_atomic(value) {
            set.here = true;
            return set;
        }
        match value {
            Value::Object(entries) => {
                set.here = entries.is_empty();
                for (name, value) in entries {
                    set.below.insert(format!("f:{name}"), Self::of(value, shape.below(name)));
                }
            }
            Value::Array(items) => {
                set.here = items.is_empty();
                for item in items {
                    match shape.listed() {
                        List::Map(keys) => {
                            let mut below = Self::of(item, shape.item());
                            below.here = true;
                            set.below.insert(item_step(item, keys), below);
                        }
                        _ => {
                            set.below.insert(format!("v:{item}"), Self { here: true, below: BTreeMap::new() });
                        }
                    }
                }
            }
            _ => {}
        }
        set
    }

    /// The fields of `new` that are not in `old` or differ there.
    pub fn changed(old: Option<&Value>, new: &Value, shape: Shape) -> Self {
        let Some(old) = old else { return Self::of(new, shape) };
        let mut set = Self::default();
        if shape.is_atomic(new) || old.is_object() != new.is_object() || old.is_array() != new.is_array() {
            set.here = old != new;
            return set;
        }
        match (old, new) {
            (Value::Object(before), Value::Object(after)) => {
                for (name, value) in after {
                    let below = Self::changed(before.get(name), value, shape.below(name));
                    if !below.is_empty() {
                        set.below.insert(format!("f:{name}"), below);
                    }
                }
            }
            (Value::Array(before), Value::Array(after)) => {
                for item in after {
                    let (step, below) = match shape.listed() {
                        List::Map(keys) => {
                            let step = item_step(item, keys);
                            let same = before.iter().find(|one| item_step(one, keys) == step);
                            let mut below = Self::changed(same, item, shape.item());
                            below.here |= same.is_none();
                            (step, below)
                        }
                        _ => {
                            let here = !before.contains(item);
                            (format!("v:{item}"), Self { here, below: BTreeMap::new() })
                        }
                    };
                    if !below.is_empty() {
                        set.below.insert(step, below);
                    }
                }
            }
            _ => {}
        }
        set
    }

    /// Whether nothing belongs to it.
    pub fn is_empty(&self) -> bool {
        !self.here && self.below.is_empty()
    }

    /// Adds all of another set.
    pub fn add(&mut self, other: &Self) {
        self.here |= other.here;
        for (step, below) in &other.below {
            self.below.entry(step.clone()).or_default().add(below);
        }
    }

    /// Takes out all of another set.
    pub fn take(&mut self, other: &Self) {
        self.here &= !other.here;
        for (step, below) in &other.below {
            if let Some(mine) = self.below.get_mut(step) {
                mine.take(below);
                if mine.is_empty() {
                    self.below.remove(step);
                }
            }
        }
    }

    /// Keeps only what there is in a value.
    pub fn keep_existing(&mut self, existing: &Self) {
        self.below.retain(|step, below| match existing.below.get(step) {
            Some(found) => {
                below.keep_existing(found);
                !below.is_empty()
            }
            None => false,
        });
    }

    /// What belongs to both.
    pub fn common(&self, other: &Self) -> Self {
        let mut set = Self { here: self.here && other.here, below: BTreeMap::new() };
        for (step, below) in &self.below {
            if let Some(found) = other.below.get(step) {
                let below = below.common(found);
                if !below.is_empty() {
                    set.below.insert(step.clone(), below);
                }
            }
        }
        set
    }

    /// As `FieldsV1`.
    pub fn to_json(&self) -> Value {
        let mut entries = Map::new();
        for (step, below) in &self.below {
            let mut value = below.to_json();
            if below.here
                && !below.below.is_empty()
                && let Value::Object(found) = &mut value
            {
                found.shift_insert(0, ".".into(), Value::Object(Map::new()));
            }
            entries.insert(step.clone(), value);
        }
        Value::Object(entries)
    }

    /// Reads `FieldsV1`.
    pub fn from_json(value: &Value) -> Self {
        let mut set = Self::default();
        for (step, value) in value.as_object().into_iter().flatten() {
            if step == "." {
                continue;
            }
            let mut below = Self::from_json(value);
            below.here = value.as_object().is_none_or(|entries| entries.is_empty() || entries.contains_key("."));
            set.below.insert(step.clone(), below);
        }
        set
    }

    /// Its fields as paths: `.spec.template.spec.containers[name="web"].image`. Items themselves are left out.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, path: &str, paths: &mut Vec<String>) {
        if self.here && !path.ends_with(']') {
            paths.push(path.to_owned());
        }
        for (step, below) in &self.below {
            let step = match step.split_once(':') {
                Some(("f", name)) => format!(".{name}"),
                Some(("k", keys)) => {
                    let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                    let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                    format!("[{}]", keys.join(","))
                }
                Some((_, value)) => format!("[={value}]"),
                None => step.clone(),
            };
            below.collect(&format!("{path}{step}"), paths);
        }
    }
}

/// Merges an applied configuration into an object.
pub fn merge(object: &mut Value, config: &Value, shape: Shape) {
    if shape.is_atomic(config) || object.is_object() != config.is_object() || object.is_array() != config.is_array() {
        *object = config.clone();
        return;
    }
    match (object, config) {
        (Value::Object(entries), Value::Object(wanted)) => {
            for (name, value) in wanted {
                match entries.get_mut(name) {
                    Some(found) => merge(found, value, shape.below(name)),
                    None => {
                        entries.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(items), Value::Array(wanted)) => {
            for item in wanted {
                let found = match shape.listed() {
                    List::Map(keys) => {
                        let step = item_step(item, keys);
                        items.iter_mut().find(|one| item_step(one, keys) == step)
                    }
                    _ => items.iter_mut().find(|one| *one == item),
                };
                match found {
                    Some(found) => merge(found, item, shape.item()),
                    None => items.push(item.clone()),
                }
            }
        }
        _ => {}
    }
}

/// Takes fields out of an object, and what is empty afterwards.
pub fn remove(object: &mut Value, gone: &Set, shape: Shape) {
    match object {
        Value::Object(entries) => {
            for (step, below) in &gone.below {
                let Some(name) = step.strip_prefix("f:") else { continue };
                let Some(value) = entries.get_mut(name) else { continue };
                remove(value, below, shape.below(name));
                let emptied = match value {
                    Value::Object(entries) => entries.is_empty(),
                    Value::Array(items) => items.is_empty(),
                    _ => false,
                };
                if emptied || (below.here && below.below.is_empty()) {
                    entries.shift_remove(name);
                }
            }
        }
        Value::Array(items) => {
            let List::Map(keys) = shape.listed() else {
                items.retain(|item| !gone.below.contains_key(&format!("v:{item}")));
                return;
            };
            items.retain_mut(|item| match gone.below.get(&item_step(item, keys)) {
                Some(below) if below.here => false,
                Some(below) => {
                    remove(item, below, shape.item());
                    true
                }
                None => true,
            });
        }
        _ => {}
    }
}
