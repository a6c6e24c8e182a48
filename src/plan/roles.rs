//! The least RBAC roles that pages need: a Role for each namespace that is known, a ClusterRole for all else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Plan;

/// What may be done with one kind: by name where every call names its object.
type Rules = BTreeMap<(String, String, String), Option<BTreeSet<String>>>;

/// The objects of a rule: group, resource, and names if it is for these alone.
type Objects = (String, String, Option<BTreeSet<String>>);

/// The roles, in the order of their namespaces, the ClusterRole first.
pub fn roles(plan: &Plan) -> Vec<Value> {
    let mut by_namespace: BTreeMap<Option<String>, Rules> = BTreeMap::new();
    let mut paths: BTreeSet<String> = BTreeSet::new();
    for call in plan.calls().map(|call| &call.call).filter(|call| call.service == "kubernetes") {
        let Some((verb, what)) = call.operation.split_once(' ') else { continue };
        if what.starts_with('/') {
            paths.insert(what.to_owned());
            continue;
        }
        let (resource, part) = what.split_once('/').map_or((what, None), |(resource, part)| (resource, Some(part)));
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        let (plural, group) = if plural.starts_with(['*', '(']) { ("*", "*") } else { (plural, group) };
        let verb = if verb.starts_with('*') { "*" } else { verb };
        let resource = part.map_or_else(|| plural.to_owned(), |part| format!("{plural}/{part}"));
        let namespace = call.namespace.clone().filter(|namespace| !namespace.contains('*'));
        let names = by_namespace
            .entry(namespace)
            .or_default()
            .entry((group.to_owned(), resource, verb.to_owned()))
            .or_insert_with(|| Some(BTreeSet::new()));
        // A list, and what is to be made, has no name for a rule to name.
        let name =
            call.about.first().filter(|name| !name.contains('*') && !matches!(verb, "list" | "watch" | "create"));
        match (names.as_mut(), name) {
            (Some(known), Some(name)) => drop(known.insert(name.clone())),
            _ => *names = None,
        }
    }
    let mut roles = Vec::new();
    let cluster = by_namespace.remove(&None).unwrap_or_default();
    if !cluster.is_empty() || !paths.is_empty() {
        let mut rules = rules(cluster);
        // Discovery and the like: `system:discovery` gives these to everybody already.
        if !paths.is_empty() {
            rules.push(json!({"nonResourceURLs": paths, "verbs": ["get"]}));
        }
        roles.push(role("ClusterRole", json!({"name": "lesson"}), rules));
    }
    for (namespace, known) in by_namespace {
        let namespace = namespace.unwrap_or_default();
        roles.push(role("Role", json!({"name": "lesson", "namespace": namespace}), rules(known)));
    }
    roles
}

fn role(kind: &str, metadata: Value, rules: Vec<Value>) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": rules})
}

fn rules(known: Rules) -> Vec<Value> {
    // Verbs of the same resource and names share a rule.
    let mut together: BTreeMap<Objects, BTreeSet<String>> = BTreeMap::new();
    for ((group, resource, verb), names) in known {
        let names = names.filter(|names| !names.is_empty());
        together.entry((group, resource, names)).or_default().insert(verb);
    }
    together
        .into_iter()
        .map(|((group, resource, names), verbs)| {
            let mut rule = Map::new();
            rule.insert("apiGroups".into(), json!([group]));
            rule.insert("resources".into(), json!([resource]));
            if let Some(names) = names {
                rule.insert("resourceNames".into(), json!(names));
            }
            rule.insert("verbs".into(), json!(verbs));
            Value::Object(rule)
        })
        .collect()
}
