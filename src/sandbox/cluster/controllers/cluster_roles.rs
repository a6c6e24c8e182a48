//! Cluster roles that are put together from others by their labels.

use jiff::Timestamp;
use serde_json::Value;

use super::super::object::{self, resources};
use super::super::store::Key;
use super::control::Control;

/// Gives an aggregated cluster role the rules of those that it selects, each rule once, in the order of their names.
pub(super) fn reconcile(control: &Control, key: &Key) -> Option<Timestamp> {
    let role = control.store.get(key)?;
    let selectors = object::list(&role, "/aggregationRule/clusterRoleSelectors");
    if selectors.is_empty() {
        return None;
    }
    let mut rules: Vec<Value> = Vec::new();
    for other in control.store.list(&resources::CLUSTER_ROLES, None) {
        let chosen = selectors.iter().any(|selector| object::selects(selector, &other["metadata"]["labels"]));
        if chosen && object::name(&other) != key.name {
            for rule in object::list(&other, "/rules") {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    if object::list(&role, "/rules") != rules {
        control.update(key, |role| role["rules"] = rules.into());
    }
    None
}
