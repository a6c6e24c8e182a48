//! Who owns which field (`metadata.managedFields`), and server-side apply: merging what a manager says, taking away what
//! it said before and says no longer, and refusing what another manager owns.

mod fields;

use http::{Response, StatusCode};
use serde_json::{Value, json};

use self::fields::{Set, Shape};
use super::body::{self, Body};
use super::create::{Ownership, Strictness, check_fields, check_identity};
use super::kinds::Kind;
use super::read::Form;
use super::request::{Call, Target};
use super::{Server, Status, convert, defaults};
use crate::sandbox::cluster::store::Object;

/// Metadata that nobody owns: the server sets it.
const UNOWNED: [&str; 11] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "generateName",
    "selfLink",
];

/// An object without what nobody owns, and without the half that the request is not about.
fn ownable(kind: &Kind, object: &Value, subresource: Option<&str>) -> Value {
    let mut value = object.clone();
    if let Some(entries) = value.as_object_mut() {
        entries.shift_remove("apiVersion");
        entries.shift_remove("kind");
        if kind.has("status") && subresource != Some("status") {
            entries.shift_remove("status");
        }
    }
    if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.retain(|name, _| !UNOWNED.contains(&name.as_str()));
        if meta.is_empty()
            && let Some(entries) = value.as_object_mut()
        {
            entries.shift_remove("metadata");
        }
    }
    value
}

fn set_of(entry: &Value) -> Set {
    Set::from_json(&entry["fieldsV1"])
}

fn entries(object: &Value) -> Vec<Value> {
    object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default()
}

/// Whether an entry is that of a manager.
fn is_of(entry: &Value, manager: &str, operation: &str, subresource: Option<&str>) -> bool {
    entry["manager"] == manager && entry["operation"] == operation && entry["subresource"].as_str() == subresource
}

fn entry(kind: &Kind, manager: &str, operation: &str, subresource: Option<&str>, set: &Set, now: &str) -> Value {
    let mut entry = json!({
        "manager": manager, "operation": operation, "apiVersion": kind.api_version(), "time": now,
        "fieldsType": "FieldsV1", "fieldsV1": set.to_json(),
    });
    if let Some(subresource) = subresource {
        entry["subresource"] = subresource.into();
    }
    entry
}

fn store(object: &mut Value, list: Vec<Value>) {
    let meta = defaults::entries(&mut object["metadata"]);
    if list.is_empty() {
        meta.shift_remove("managedFields");
    } else {
        meta.insert("managedFields".into(), list.into());
    }
}

/// Notes which fields a manager set by a create, update or patch: those are its own now, and nobody else's.
pub fn note(kind: &Kind, old: Option<&Value>, new: &mut Value, manager: &str, subresource: Option<&str>, now: &str) {
    let shape = Shape::of(kind);
    let after = ownable(kind, new, subresource);
    let before = old.map(|old| ownable(kind, old, subresource));
    let changed = Set::changed(before.as_ref(), &after, shape);
    if before.as_ref() == Some(&after) {
        return;
    }
    let existing = Set::of(&ownable(kind, new, Some("status")), shape);
    let mut list = Vec::new();
    let mut found = false;
    for one in entries(new) {
        let mut set = set_of(&one);
        set.keep_existing(&existing);
        let own = is_of(&one, manager, "Update", subresource);
        if own {
            set.add(&changed);
            found = true;
        } else {
            set.take(&changed);
        }
        if set.is_empty() {
            continue;
        }
        let mut one = one;
        let written = set.to_json();
        if one["fieldsV1"] != written {
            one["fieldsV1"] = written;
            if own {
                one["time"] = now.into();
            }
        }
        list.push(one);
    }
    if !found && !changed.is_empty() {
        list.push(entry(kind, manager, "Update", subresource, &changed, now));
    }
    store(new, list);
}

/// Notes what an applied configuration says on an object that was made from it.
pub fn note_applied(kind: &Kind, config: &Value, new: &mut Value, manager: &str, now: &str) {
    let set = Set::of(&ownable(kind, config, None), Shape::of(kind));
    store(new, vec![entry(kind, manager, "Apply", None, &set, now)]);
}

fn shown(entry: &Value) -> String {
    let mut text = format!("{:?}", entry["manager"].as_str().unwrap_or_default());
    if let Some(subresource) = entry["subresource"].as_str() {
        text.push_str(&format!(" with subresource {subresource:?}"));
    }
    if entry["operation"] == "Update" {
        text.push_str(&format!(" using {}", entry["apiVersion"].as_str().unwrap_or_default()));
    }
    text
}

fn conflict(conflicts: &[(String, Vec<String>)]) -> Status {
    let total: usize = conflicts.iter().map(|(_, paths)| paths.len()).sum();
    let message = match conflicts {
        [(manager, paths)] if paths.len() == 1 => {
            format!("Apply failed with 1 conflict: conflict with {manager}: {}", paths[0])
        }
        _ => {
            let mut lines = Vec::new();
            for (manager, paths) in conflicts {
                lines.push(format!("conflicts with {manager}:"));
                lines.extend(paths.iter().map(|path| format!("- {path}")));
            }
            format!("Apply failed with {total} conflicts: {}", lines.join("\n"))
        }
    };
    let causes: Vec<Value> = conflicts
        .iter()
        .flat_map(|(manager, paths)| {
            paths.iter().map(move |path| {
                json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": path})
            })
        })
        .collect();
    Status { details: Some(json!({"causes": causes})), ..Status::new(409, "Conflict", message) }
}

/// What becomes of an object when a manager applies a configuration to it.
fn applied(kind: &Kind, old: &Value, config: &Value, manager: &str, force: bool, now: &str) -> Result<Value, Status> {
    let shape = Shape::of(kind);
    let wanted = ownable(kind, config, None);
    let set = Set::of(&wanted, shape);
    let mut new = old.clone();
    // Only what would really become another value can be in conflict.
    let mut result = ownable(kind, old, None);
    fields::merge(&mut result, &wanted, shape);
    let changes = Set::changed(Some(&ownable(kind, old, None)), &result, shape);
    let mut conflicts: Vec<(String, Vec<String>)> = Vec::new();
    let mut others = Set::default();
    let mut own = Set::default();
    let mut list = Vec::new();
    for one in entries(old) {
        if is_of(&one, manager, "Apply", None) {
            own = set_of(&one);
            continue;
        }
        let mut theirs = set_of(&one);
        let contested = theirs.common(&set).common(&changes);
        let paths = contested.paths();
        if !paths.is_empty() {
            conflicts.push((shown(&one), paths));
            theirs.take(&contested);
        }
        others.add(&theirs);
        if !theirs.is_empty() {
            let mut one = one;
            one["fieldsV1"] = theirs.to_json();
            list.push(one);
        }
    }
    if !conflicts.is_empty() && !force {
        return Err(conflict(&conflicts));
    }
    fields::merge(&mut new, &wanted, shape);
    own.take(&set);
    own.take(&others);
    fields::remove(&mut new, &own, shape);
    let previous = entries(old).into_iter().find(|one| is_of(one, manager, "Apply", None));
    let mut written = entry(kind, manager, "Apply", None, &set, now);
    if let Some(previous) = previous.filter(|one| one["fieldsV1"] == written["fieldsV1"] && new == *old) {
        written["time"] = previous["time"].clone();
    }
    // Appliers come before updaters, as the server sorts them.
    let place = list.iter().position(|one| one["operation"] != "Apply").unwrap_or(list.len());
    list.insert(place, written);
    store(&mut new, list);
    Ok(new)
}

impl Server {
    /// Answers a server-side apply.
    pub(super) fn server_side_apply(
        &self,
        call: &Call,
        target: &Target,
        form: Form,
        mut config: Value,
    ) -> Result<Response<Body>, Status> {
        let kind = &target.kind;
        if target.subresource.is_some() {
            return Err(Status::not_implemented("server-side apply of a sub-resource"));
        }
        let Some(manager) = call.param("fieldManager") else {
            let message =
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
            return Err(Status::new(422, "Invalid", message));
        };
        check_identity(target, &mut config)?;
        if config["metadata"]["managedFields"].as_array().is_some_and(|list| !list.is_empty()) {
            return Err(Status::bad_request("metadata.managedFields must be nil"));
        }
        let warnings = check_fields(kind, &mut config, Strictness::of(call)?)?;
        defaults::drop_nulls(&mut config);
        let now = self.store().timestamp();
        let exists = self.store().get(&target.key()).is_some();
        let (made, code): (Object, _) = if exists {
            let force = call.flag("force");
            let (made, _) = self.change(call, target, false, true, &|old| {
                let new = applied(kind, old, &config, manager, force, &now)?;
                Ok((new, Vec::new()))
            })?;
            (made, StatusCode::OK)
        } else {
            let ownership = Ownership::Apply(manager);
            let (stored, config) = (self.stored_kind(kind)?, convert::stored(kind, config));
            (self.make(&stored, &call.user, config, ownership, call.dry_run()?)?, StatusCode::CREATED)
        };
        let mut response = self.show(kind, &made, form, code);
        body::warn(response.headers_mut(), &warnings);
        Ok(response)
    }
}

#[cfg(test)]
mod tests;
