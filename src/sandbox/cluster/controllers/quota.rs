//! The status of resource quotas.

use jiff::Timestamp;
use serde_json::json;

use super::super::api;
use super::super::object::resources;
use super::super::store::Key;
use super::control::Control;

/// Says what a quota's namespace uses.
pub(super) fn reconcile(control: &Control, key: &Key) -> Option<Timestamp> {
    let quota = control.store.get(key)?;
    let used = api::quota_used(&control.store, &quota);
    let status = json!({"hard": quota["spec"]["hard"], "used": used});
    control.set_status(&resources::RESOURCE_QUOTAS, &quota, status);
    None
}
