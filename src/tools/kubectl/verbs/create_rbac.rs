//! `kubectl create role`, `clusterrole`, `rolebinding`, `clusterrolebinding`: who may do what.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::create::{self, COMMON};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{DRY_RUN, Flag, PRINT};
use crate::tools::kubectl::session::Session;

const RULES: &[Flag] = &[Flag::list("resource"), Flag::each("resource-name"), Flag::list("verb")];
const SUBJECTS: &[Flag] =
    &[Flag::text("clusterrole"), Flag::each("group"), Flag::each("serviceaccount"), Flag::each("user")];

/// The options of `create role`.
pub const ROLE_OPTIONS: &[&[Flag]] = &[COMMON, RULES, DRY_RUN, PRINT];
/// The options of `create clusterrole`.
pub const CLUSTER_ROLE_OPTIONS: &[&[Flag]] =
    &[COMMON, RULES, &[Flag::list("aggregation-rule"), Flag::list("non-resource-url")], DRY_RUN, PRINT];
/// The options of `create rolebinding`.
pub const BINDING_OPTIONS: &[&[Flag]] = &[COMMON, SUBJECTS, &[Flag::text("role")], DRY_RUN, PRINT];
/// The options of `create clusterrolebinding`.
pub const CLUSTER_BINDING_OPTIONS: &[&[Flag]] = &[COMMON, SUBJECTS, DRY_RUN, PRINT];

/// The verbs of resources; others are told of.
const VERBS: &[&str] = &[
    "*",
    "get",
    "delete",
    "list",
    "create",
    "update",
    "patch",
    "watch",
    "proxy",
    "deletecollection",
    "use",
    "bind",
    "escalate",
    "impersonate",
];
/// The verbs of paths that are no resources.
const PATH_VERBS: &[&str] = &["*", "get", "post", "put", "delete", "patch", "head", "options"];

const GROUP: &str = "rbac.authorization.k8s.io";

/// Verbs that only some resources have, with these resources and their groups.
const SPECIAL: &[(&str, &[(&str, &str)])] = &[
    ("use", &[("podsecuritypolicies", "policy"), ("podsecuritypolicies", "extensions")]),
    ("bind", &[("roles", GROUP), ("clusterroles", GROUP)]),
    ("escalate", &[("roles", GROUP), ("clusterroles", GROUP)]),
    ("impersonate", &[("users", ""), ("serviceaccounts", ""), ("groups", ""), ("userextras", "authentication.k8s.io")]),
];

/// The verbs that are asked for, each once; `*` stands for all.
fn verbs(session: &Session) -> Vec<&str> {
    let mut verbs: Vec<&str> = Vec::new();
    for verb in session.options.all("verb").iter().map(|verb| verb.trim()).filter(|verb| !verb.is_empty()) {
        if verb == "*" {
            return vec!["*"];
        }
        if !verbs.contains(&verb) {
            verbs.push(verb);
        }
    }
    verbs
}

/// The rules for the resources that are asked for, one for each group.
async fn rules(session: &Session, verbs: &[&str]) -> Result<Vec<Value>, Failure> {
    for verb in verbs {
        if !VERBS.contains(verb) {
            session.complain(format!("Warning: '{verb}' is not a standard resource verb\n")).await?;
        }
    }
    let wanted: Vec<&str> =
        session.options.all("resource").iter().map(|word| word.trim()).filter(|word| !word.is_empty()).collect();
    let names: Vec<&String> = session.options.all("resource-name").iter().filter(|name| !name.is_empty()).collect();
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if wanted.contains(&"*") {
        groups.insert(String::new(), vec!["*".to_owned()]);
    } else {
        for word in wanted {
            let (resource, part) = word.split_once('/').map_or((word, None), |(resource, part)| (resource, Some(part)));
            if resource.is_empty() {
                return Err(Failure::message("resource must be specified if apiGroup/subresource specified"));
            }
            let (name, group) = match session.mapping(resource).await {
                Ok(mapping) => (mapping.plural.clone(), mapping.group.clone()),
                Err(failure) => {
                    let (name, group) = resource.split_once('.').unwrap_or((resource, ""));
                    let known = SPECIAL
                        .iter()
                        .any(|(verb, resources)| verbs.contains(verb) && resources.contains(&(name, group)));
                    if matches!(failure, Failure::Closed | Failure::Away { .. } | Failure::Api(_)) {
                        return Err(failure);
                    }
                    if !known {
                        // Here kubectl says it without a prefix.
                        return Err(Failure::Plain(failure.words()));
                    }
                    (name.to_owned(), group.to_owned())
                }
            };
            for (verb, resources) in SPECIAL.iter().filter(|(verb, _)| verbs.contains(verb)) {
                if !resources.contains(&(name.as_str(), group.as_str())) {
                    return Err(Failure::message(format!("can not perform '{verb}' on '{name}' in group '{group}'")));
                }
            }
            let whole = part.map_or(name.clone(), |part| format!("{name}/{part}"));
            let known = groups.entry(group).or_default();
            if !known.contains(&whole) {
                known.push(whole);
            }
        }
    }
    Ok(groups
        .into_iter()
        .map(|(group, resources)| {
            let mut rule = json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
            if !names.is_empty() {
                rule["resourceNames"] = json!(names);
            }
            rule
        })
        .collect())
}

fn role_of(kind: &str, name: &str, rules: Value) -> Value {
    json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind,
        "metadata": {"creationTimestamp": null, "name": name}, "rules": rules})
}

/// Creates a Role.
///
/// # Errors
/// As kubectl.
pub async fn role(session: &Session) -> Result<(), Failure> {
    let name = create::name(session)?;
    let verbs = verbs(session);
    if verbs.is_empty() {
        return Err(Failure::message("at least one verb must be specified"));
    }
    if session.options.all("resource").iter().all(|word| word.trim().is_empty()) {
        return Err(Failure::message("at least one resource must be specified"));
    }
    let rules = rules(session, &verbs).await?;
    create::make_as(session, role_of("Role", &name, rules.into()), "created").await.map(drop)
}

/// Creates a ClusterRole.
///
/// # Errors
/// As kubectl.
pub async fn cluster_role(session: &Session) -> Result<(), Failure> {
    let name = create::name(session)?;
    let options = &session.options;
    let given = |name: &str| options.all(name).iter().any(|word| !word.trim().is_empty());
    if given("aggregation-rule") {
        if given("verb") || given("resource") || given("non-resource-url") || given("resource-name") {
            return Err(Failure::message(
                "aggregation rule must be specified without nonResourceURLs, verbs, resources or resourceNames",
            ));
        }
        let mut labels = Map::new();
        for pair in options.all("aggregation-rule") {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                Failure::Plain(format!(
                    "error: invalid argument \"{pair}\" for \"--aggregation-rule\" flag: {pair} must be formatted as key=value\nSee '{} --help' for usage.",
                    session.command
                ))
            })?;
            labels.insert(key.to_owned(), json!(value));
        }
        let mut role = role_of("ClusterRole", &name, Value::Null);
        role["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": labels}]});
        return create::make_as(session, role, "created").await.map(drop);
    }
    let verbs = verbs(session);
    if verbs.is_empty() {
        return Err(Failure::message("at least one verb must be specified"));
    }
    let urls: Vec<&str> =
        options.all("non-resource-url").iter().map(|url| url.trim()).filter(|url| !url.is_empty()).collect();
    let resources = given("resource");
    if !resources && urls.is_empty() {
        return Err(Failure::message("one of resource or nonResourceURL must be specified"));
    }
    let mut all = if resources { rules(session, &verbs).await? } else { Vec::new() };
    if !urls.is_empty() {
        if let Some(verb) = verbs.iter().find(|verb| !PATH_VERBS.contains(verb)) {
            return Err(Failure::message(format!("invalid verb: '{verb}' for nonResourceURL")));
        }
        for url in &urls {
            if *url == "*" {
                continue;
            }
            if !url.starts_with('/') {
                return Err(Failure::message("nonResourceURL should start with /"));
            }
            if url.find('*').is_some_and(|at| at + 1 < url.len()) {
                return Err(Failure::message("nonResourceURL only supports wildcard matches when '*' is at the end"));
            }
        }
        all.push(json!({"nonResourceURLs": urls, "verbs": verbs}));
    }
    create::make_as(session, role_of("ClusterRole", &name, all.into()), "created").await.map(drop)
}

fn binding_of(session: &Session, kind: &str, name: &str, role: (&str, &str)) -> Result<Value, Failure> {
    let mut subjects = Vec::new();
    for (option, kind) in [("user", "User"), ("group", "Group")] {
        for name in session.options.all(option) {
            subjects.push(json!({"kind": kind, "apiGroup": GROUP, "name": name}));
        }
    }
    for account in session.options.all("serviceaccount") {
        let parts: Vec<&str> = account.split(':').collect();
        let [namespace, name] = parts.as_slice() else {
            return Err(Failure::message("serviceaccount must be <namespace>:<name>"));
        };
        if namespace.is_empty() || name.is_empty() {
            return Err(Failure::message("serviceaccount must be <namespace>:<name>"));
        }
        subjects.push(json!({"kind": "ServiceAccount", "namespace": namespace, "name": name}));
    }
    let mut binding = json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind,
        "metadata": {"creationTimestamp": null, "name": name},
        "roleRef": {"apiGroup": GROUP, "kind": role.0, "name": role.1}});
    if !subjects.is_empty() {
        binding["subjects"] = subjects.into();
    }
    Ok(binding)
}

/// Creates a RoleBinding.
///
/// # Errors
/// As kubectl.
pub async fn binding(session: &Session) -> Result<(), Failure> {
    let name = create::name(session)?;
    let role = match (session.options.text("role"), session.options.text("clusterrole")) {
        ("", "") => return Err(Failure::message("exactly one of clusterrole or role must be specified")),
        (role, "") => ("Role", role),
        ("", role) => ("ClusterRole", role),
        _ => return Err(Failure::message("exactly one of clusterrole or role must be specified")),
    };
    create::make_named(session, binding_of(session, "RoleBinding", &name, role)?, "rolebinding").await
}

/// Creates a ClusterRoleBinding.
///
/// # Errors
/// As kubectl.
pub async fn cluster_binding(session: &Session) -> Result<(), Failure> {
    let role = session.options.text("clusterrole");
    create::required(session, &["clusterrole"])?;
    let name = create::name(session)?;
    if role.is_empty() {
        return Err(Failure::message("clusterrole must be specified"));
    }
    let binding = binding_of(session, "ClusterRoleBinding", &name, ("ClusterRole", role))?;
    create::make_named(session, binding, "clusterrolebinding").await
}
