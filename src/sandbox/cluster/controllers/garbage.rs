//! Garbage collection: what nobody owns any more goes, and deletion in the foreground or with orphans is carried out.
//! <https://kubernetes.io/docs/concepts/architecture/garbage-collection/>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::object;
use super::super::store::Key;
use super::control::Control;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// Deletes an object whose owners are all gone; owners that are gone are struck off otherwise.
pub(super) fn check_owners(control: &Control, key: &Key) {
    let Some(found) = control.store.get(key) else { return };
    let owners = object::list(&found, "/metadata/ownerReferences");
    if owners.is_empty() || object::is_deleting(&found) {
        return;
    }
    let is_there = |reference: &Value| {
        let owner = control.store.get(&object::owner_key(&found, reference));
        owner.is_some_and(|owner| object::uid(&owner) == object::text(reference, "/uid"))
    };
    let (present, absent): (Vec<&Value>, Vec<&Value>) = owners.iter().partition(|reference| is_there(reference));
    if absent.is_empty() {
        return;
    }
    if present.is_empty() {
        control.delete(key);
        return;
    }
    let present: Vec<Value> = present.into_iter().cloned().collect();
    control.update(key, |object| object["metadata"]["ownerReferences"] = present.into());
}

/// Carries out the finalizers that belong to garbage collection.
pub(super) fn finalize(control: &Control, key: &Key, found: &Value, dependents: &BTreeSet<Key>) {
    let finalizers = object::list(found, "/metadata/finalizers");
    let has = |name: &str| finalizers.iter().any(|finalizer| finalizer == name);
    if has(ORPHAN) {
        for dependent in dependents {
            control.update(dependent, |object| {
                if let Some(owners) = object.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut) {
                    owners.retain(|owner| object::text(owner, "/uid") != object::uid(found));
                }
            });
        }
        release(control, key, ORPHAN);
    } else if has(FOREGROUND) {
        let mut blocking = false;
        for dependent in dependents {
            let Some(object) = control.store.get(dependent) else { continue };
            control.delete(dependent);
            let blocks = object::list(&object, "/metadata/ownerReferences")
                .iter()
                .any(|owner| object::text(owner, "/uid") == object::uid(found) && owner["blockOwnerDeletion"] == true);
            blocking |= blocks && control.store.get(dependent).is_some();
        }
        if !blocking {
            release(control, key, FOREGROUND);
        }
    }
}

/// Takes a finalizer off, and the object away when it was the last one.
pub(super) fn release(control: &Control, key: &Key, finalizer: &str) {
    let changed = control.update(key, |object| {
        let left: Vec<Value> =
            object::list(object, "/metadata/finalizers").iter().filter(|known| *known != finalizer).cloned().collect();
        let meta = object::map_at(object, "metadata");
        if left.is_empty() {
            meta.shift_remove("finalizers");
        } else {
            meta.insert("finalizers".into(), json!(left));
        }
    });
    if let Some(changed) = changed
        && object::is_deleting(&changed)
        && object::list(&changed, "/metadata/finalizers").is_empty()
        && object::text(&changed, "/spec/nodeName").is_empty()
    {
        // Whoever was faster did the same.
        let _ = control.store.remove(key);
    }
}
