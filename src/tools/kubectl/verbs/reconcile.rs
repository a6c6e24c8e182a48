//! `kubectl auth reconcile`: roles and bindings get what a file gives them, beside what they have.

use http::Method;
use serde_json::{Map, Value, json};

use super::dry_run::{DryRun, tell};
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::claims;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::Object;
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] =
    &[&[Flag::switch("remove-extra-permissions"), Flag::switch("remove-extra-subjects")], DRY_RUN, FILES, PRINT];

/// What has to be done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    None,
    Create,
    Update,
    /// What a binding is to cannot be changed.
    Recreate,
}

/// An object as it is to be, and how it comes to that.
struct Plan {
    operation: Operation,
    wanted: Value,
    missing: Vec<Value>,
    extra: Vec<Value>,
}

/// Gives roles the rules, and bindings the subjects, of files.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    if !session.has_files() {
        return Err(Failure::message("must specify one of -f and -k"));
    }
    if !session.options.args.is_empty() {
        return Err(Failure::message("no arguments are allowed"));
    }
    let dry = DryRun::of(session).await?;
    if dry == DryRun::Server {
        return Err(Failure::message("--dry-run=server for command reconcile is not supported yet"));
    }
    let mut printer = ObjectPrinter::chosen(session).await?;
    for object in session.objects_of_files().await? {
        let list = match object.mapping.kind.as_str() {
            _ if object.mapping.group != "rbac.authorization.k8s.io" => continue,
            "Role" | "ClusterRole" => "rules",
            "RoleBinding" | "ClusterRoleBinding" => "subjects",
            _ => continue,
        };
        if let Some(effects) = session.effects() {
            return Err(claims::refuse(effects, claims::of_object(&object)));
        }
        one(session, &object, list, &mut printer, dry).await?;
    }
    Ok(())
}

async fn one(
    session: &Session,
    object: &Object,
    list: &str,
    printer: &mut Option<ObjectPrinter>,
    dry: DryRun,
) -> Result<(), Failure> {
    let api = session.api().await?;
    let now = match api.value(&Call::get(object.path())).await {
        Ok(now) => Some(now),
        Err(failure) if failure.is_not_found() => None,
        Err(failure) => return Err(failure),
    };
    let removes =
        session.options.on(if list == "rules" { "remove-extra-permissions" } else { "remove-extra-subjects" });
    let plan = plan(now.as_ref(), &object.value, list, removes);
    let place = object.mapping.path(&object.namespace, "", "");
    let mut value = plan.wanted.clone();
    if dry == DryRun::No {
        match plan.operation {
            Operation::None => {}
            Operation::Create => {
                if object.mapping.namespaced {
                    let namespace =
                        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": object.namespace}});
                    let call = Call::get(format!("/api/v1/namespaces/{}", object.namespace));
                    if api.value(&call).await.is_err_and(|failure| failure.is_not_found()) {
                        api.value(&Call::new(Method::POST, "/api/v1/namespaces").json(&namespace)).await?;
                    }
                }
                value = api.value(&Call::new(Method::POST, place).json(&value)).await?;
            }
            Operation::Update => value = api.value(&Call::new(Method::PUT, object.path()).json(&value)).await?,
            Operation::Recreate => {
                api.value(&Call::new(Method::DELETE, object.path())).await?;
                value = api.value(&Call::new(Method::POST, place).json(&value)).await?;
            }
        }
    }
    tell(session, printer, object, &value, "reconciled", dry).await?;
    let word = match plan.operation {
        Operation::None => return Ok(()),
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Recreate => "recreate",
    };
    let mut text = format!("\treconciliation required {word}\n");
    for (items, doing) in [(&plan.missing, "added"), (&plan.extra, "removed")] {
        if items.is_empty() || doing == "removed" && !removes {
            continue;
        }
        text.push_str(&format!("\t{} {list} {doing}:\n", if doing == "added" { "missing" } else { "extra" }));
        for item in items {
            text.push_str(&format!("\t\t{}\n", if list == "rules" { rule_text(item) } else { subject_text(item) }));
        }
    }
    session.complain(text).await
}

/// What is to be done so that the object of the server gives all that the file's gives.
fn plan(now: Option<&Value>, file: &Value, list: &str, removes: bool) -> Plan {
    let items = |value: &Value| value[list].as_array().cloned().unwrap_or_default();
    let Some(now) = now else {
        return Plan { operation: Operation::Create, wanted: file.clone(), missing: items(file), extra: Vec::new() };
    };
    let new =
        |now: &Value| Plan { operation: Operation::None, wanted: now.clone(), missing: Vec::new(), extra: Vec::new() };
    if list == "subjects" && !same_role(&now["roleRef"], &file["roleRef"]) {
        return Plan { operation: Operation::Recreate, wanted: file.clone(), ..new(now) };
    }
    let mut plan = new(now);
    for map in ["labels", "annotations"] {
        for (key, value) in file["metadata"][map].as_object().into_iter().flatten() {
            // What the object has stays.
            if plan.wanted["metadata"][map][key].is_null() {
                if !plan.wanted["metadata"][map].is_object() {
                    plan.wanted["metadata"][map] = Value::Object(Map::new());
                }
                plan.wanted["metadata"][map][key] = value.clone();
                plan.operation = Operation::Update;
            }
        }
    }
    let (has, wants) = (items(now), items(file));
    (plan.missing, plan.extra) = if list == "rules" {
        (uncovered(&has, &wants), uncovered(&wants, &has))
    } else {
        let lacks = |all: &[Value], one: &Value| !all.iter().any(|other| subject_text(other) == subject_text(one));
        (
            wants.iter().filter(|one| lacks(&has, one)).cloned().collect(),
            has.iter().filter(|one| lacks(&wants, one)).cloned().collect(),
        )
    };
    if removes && !(plan.missing.is_empty() && plan.extra.is_empty()) {
        plan.wanted[list] = wants.into();
        plan.operation = Operation::Update;
    } else if !plan.missing.is_empty() {
        plan.wanted[list] = has.into_iter().chain(plan.missing.iter().cloned()).collect();
        plan.operation = Operation::Update;
    }
    plan
}

fn same_role(a: &Value, b: &Value) -> bool {
    let group = |role: &Value| match texts_of(role, "apiGroup") {
        group if group.is_empty() => "rbac.authorization.k8s.io".to_owned(),
        group => group,
    };
    group(a) == group(b) && a["kind"] == b["kind"] && a["name"] == b["name"]
}

fn texts_of(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

fn texts(rule: &Value, field: &str) -> Vec<String> {
    rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A rule taken apart into such for one verb of one thing, in the order of Kubernetes' BreakdownRule.
fn parts(rule: &Value) -> Vec<Value> {
    let mut parts = Vec::new();
    let names = texts(rule, "resourceNames");
    for group in texts(rule, "apiGroups") {
        for resource in texts(rule, "resources") {
            for verb in texts(rule, "verbs") {
                let part = json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]});
                if names.is_empty() {
                    parts.push(part);
                    continue;
                }
                for name in &names {
                    let mut part = part.clone();
                    part["resourceNames"] = json!([name]);
                    parts.push(part);
                }
            }
        }
    }
    for url in texts(rule, "nonResourceURLs") {
        for verb in texts(rule, "verbs") {
            parts.push(json!({"nonResourceURLs": [url], "verbs": [verb]}));
        }
    }
    parts
}

/// The parts of the `wanted` rules that the `given` ones do not allow.
fn uncovered(given: &[Value], wanted: &[Value]) -> Vec<Value> {
    let parts = wanted.iter().flat_map(parts);
    parts.filter(|part| !given.iter().any(|rule| covers(rule, part))).collect()
}

/// Whether a rule allows a part of another.
fn covers(rule: &Value, part: &Value) -> bool {
    let all = |field: &str| {
        let has = texts(rule, field);
        texts(part, field).iter().all(|one| has.iter().any(|known| known == "*" || known == one))
    };
    if !all("verbs") {
        return false;
    }
    let url = texts(part, "nonResourceURLs");
    if let Some(url) = url.first() {
        return texts(rule, "nonResourceURLs")
            .iter()
            .any(|known| known == url || known.strip_suffix('*').is_some_and(|head| url.starts_with(head)));
    }
    let resources = texts(rule, "resources");
    let resource = texts(part, "resources").remove(0);
    // `*/scale` is that of all resources.
    let covered = resources.iter().any(|known| {
        known == "*"
            || *known == resource
            || known.strip_prefix("*/").is_some_and(|sub| resource.split_once('/').is_some_and(|(_, own)| own == sub))
    });
    let names = texts(rule, "resourceNames");
    let wanted = texts(part, "resourceNames");
    let named = names.is_empty() || !wanted.is_empty() && wanted.iter().all(|name| names.contains(name));
    all("apiGroups") && covered && named
}

/// A rule as Go prints it.
fn rule_text(rule: &Value) -> String {
    let list = |field: &str| texts(rule, field).join(" ");
    format!(
        "{{Verbs:[{}] APIGroups:[{}] Resources:[{}] ResourceNames:[{}] NonResourceURLs:[{}]}}",
        list("verbs"),
        list("apiGroups"),
        list("resources"),
        list("resourceNames"),
        list("nonResourceURLs")
    )
}

/// A subject as Go prints it, with the group that the server fills in.
fn subject_text(subject: &Value) -> String {
    let group = match (texts_of(subject, "apiGroup"), subject["kind"].as_str()) {
        (group, Some("User" | "Group")) if group.is_empty() => "rbac.authorization.k8s.io".to_owned(),
        (group, _) => group,
    };
    format!(
        "{{Kind:{} APIGroup:{group} Name:{} Namespace:{}}}",
        texts_of(subject, "kind"),
        texts_of(subject, "name"),
        texts_of(subject, "namespace")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_added() {
        let has = json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]});
        let wants = json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "watch"]}]});
        let added = plan(Some(&has), &wants, "rules", false);
        assert_eq!(added.operation, Operation::Update);
        assert_eq!(added.wanted["rules"].as_array().unwrap().len(), 2);
        assert_eq!(
            added.missing.iter().map(rule_text).collect::<Vec<_>>(),
            ["{Verbs:[watch] APIGroups:[] Resources:[pods] ResourceNames:[] NonResourceURLs:[]}"]
        );
        assert_eq!(plan(Some(&has), &wants, "rules", true).wanted["rules"], wants["rules"]);
        assert_eq!(plan(Some(&has), &has, "rules", true).operation, Operation::None);
        let all = json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
        assert_eq!(plan(Some(&all), &wants, "rules", false).operation, Operation::None);
    }

    #[test]
    fn another_role_needs_another_binding() {
        let to = |role: &str| json!({"roleRef": {"kind": "Role", "name": role}, "subjects": []});
        assert_eq!(plan(Some(&to("a")), &to("b"), "subjects", false).operation, Operation::Recreate);
        assert_eq!(plan(Some(&to("a")), &to("a"), "subjects", false).operation, Operation::None);
    }
}
