//! ControllerRevisions: the templates that a StatefulSet or DaemonSet has had.

use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::Key;
use super::control::Control;

/// The label that tells a Pod's revision.
pub(super) const HASH: &str = "controller-revision-hash";

/// The history of a workload.
pub(super) struct History {
    /// The revision of the present template: its name.
    pub update: String,
    /// Its hash.
    pub hash: String,
}

/// Notes the present template as the latest revision, and forgets the oldest beyond the limit.
pub(super) fn sync(control: &Control, owner: &Value, kind: (&str, &str), default_limit: usize) -> History {
    let mut known = control.controlled(&resources::CONTROLLER_REVISIONS, owner);
    known.sort_by_key(|revision| revision["revision"].as_i64().unwrap_or(0));
    let mut template = owner["spec"]["template"].clone();
    template["$patch"] = "replace".into();
    let data = json!({"spec": {"template": template}});
    let hash = object::short_hash(&data);
    let name = format!("{}-{hash}", object::name(owner));
    let latest = known.last().and_then(|revision| revision["revision"].as_i64()).unwrap_or(0);
    match known.iter().find(|revision| object::name(revision) == name) {
        // Going back makes an old revision the latest.
        Some(revision) if revision["revision"] != latest => {
            control.update(&Key::of(&resources::CONTROLLER_REVISIONS, revision), |revision| {
                revision["revision"] = (latest + 1).into();
            });
        }
        Some(_) => {}
        None => {
            let mut labels = owner["spec"]["template"]["metadata"]["labels"].clone();
            if let Some(labels) = labels.as_object_mut() {
                labels.insert(HASH.into(), hash.clone().into());
            }
            let revision = json!({
                "apiVersion": "apps/v1", "kind": "ControllerRevision",
                "metadata": {
                    "name": name, "namespace": object::namespace(owner), "labels": labels,
                    "ownerReferences": [object::controller_reference(kind.0, kind.1, owner)],
                },
                "data": data, "revision": latest + 1,
            });
            // If it is there already, it is the same.
            let _ = control.create(&resources::CONTROLLER_REVISIONS, revision);
        }
    }
    let limit = object::number(owner, "/spec/revisionHistoryLimit")
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(default_limit);
    let old: Vec<_> = known.iter().filter(|revision| object::name(revision) != name).collect();
    for revision in old.iter().take(old.len().saturating_sub(limit)) {
        control.delete(&Key::of(&resources::CONTROLLER_REVISIONS, revision));
    }
    History { update: name, hash }
}
