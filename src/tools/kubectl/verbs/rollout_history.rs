//! `kubectl rollout history` and `undo`: the revisions that a workload keeps.

use serde_json::{Value, json};

use crate::tools::kubectl::api::{Call, JSON_PATCH, STRATEGIC_MERGE};
use crate::tools::kubectl::claims;
use crate::tools::kubectl::describe::template;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::print::columns::Columns;
use crate::tools::kubectl::print::json::sorted;
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;
use crate::tools::kubectl::strategic;

/// The options of `history`.
pub const OPTIONS: &[&[Flag]] = &[&[Flag::number("revision", "0"), Flag::text("selector").short('l')], FILES, PRINT];
/// The options of `undo`.
pub const UNDO_OPTIONS: &[&[Flag]] =
    &[&[Flag::number("to-revision", "0"), Flag::text("selector").short('l')], DRY_RUN, FILES, PRINT];

/// A kept revision.
struct Revision {
    number: i64,
    cause: String,
    /// The ReplicaSet or ControllerRevision that keeps it.
    keeper: Value,
}

/// Prints the revisions, or one of them.
///
/// # Errors
/// As kubectl.
pub async fn history(session: &Session, object: &Object, wanted: i64) -> Result<String, Failure> {
    let revisions = revisions(session, object).await?;
    if wanted > 0 {
        let found = revisions
            .iter()
            .find(|revision| revision.number == wanted)
            .ok_or_else(|| Failure::message("unable to find the specified revision"))?;
        let template = match object.mapping.kind.as_str() {
            "Deployment" => {
                let mut template = found.keeper["spec"]["template"].clone();
                if !found.cause.is_empty() {
                    template["metadata"]["annotations"]["kubernetes.io/change-cause"] = json!(found.cause);
                }
                template
            }
            _ => merged(&object.value["spec"]["template"], &found.keeper["data"]["spec"]["template"]),
        };
        return Ok(template::unaligned(&template));
    }
    if revisions.is_empty() {
        return Ok("No rollout history found.".to_owned());
    }
    let mut columns = Columns::description();
    columns.write("REVISION\tCHANGE-CAUSE\n");
    for revision in &revisions {
        let cause = if revision.cause.is_empty() { "<none>" } else { &revision.cause };
        columns.write(&format!("{}\t{cause}\n", revision.number));
    }
    Ok(columns.flush())
}

/// Prints the history of each workload that is named.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if options.args.is_empty() && !session.has_files() {
        return Err(Failure::message("required resource not specified"));
    }
    let wanted = options.number("revision");
    if wanted < 0 {
        return Err(Failure::message(format!("revision must be a positive integer: {wanted}")));
    }
    let mut printer = ObjectPrinter::chosen(session).await?;
    let selection =
        session.select(&options.args, Rules { type_alone: true, selectors: true, ..Rules::default() }).await?;
    let mut failures = selection.failures;
    for object in &selection.objects {
        if !is_kept(object) {
            failures.push(Failure::message(format!("error retrieving history for {}", visited(object))));
            continue;
        }
        if let Some(printer) = &mut printer {
            let revisions = revisions(session, object).await?;
            for revision in revisions.iter().filter(|revision| wanted == 0 || revision.number == wanted) {
                let mut keeper = match object.mapping.kind.as_str() {
                    "Deployment" => revision.keeper.clone(),
                    // Of others it is the object as it was then.
                    _ => strategic::merged(&object.value, &revision.keeper["data"]),
                };
                // Go writes the time also where there is none.
                if let Some(metadata) = keeper.pointer_mut("/spec/template/metadata").and_then(Value::as_object_mut) {
                    metadata.insert("creationTimestamp".into(), Value::Null);
                }
                session.print(printer.print(&keeper)?).await?;
            }
            continue;
        }
        match history(session, object, wanted).await {
            Ok(text) => {
                let title = object.title();
                let with = if wanted > 0 { format!("with revision #{wanted}") } else { String::new() };
                session.print(format!("{title} {with}\n{text}\n")).await?;
            }
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

fn is_kept(object: &Object) -> bool {
    object.mapping.group == "apps" && matches!(object.mapping.kind.as_str(), "Deployment" | "DaemonSet" | "StatefulSet")
}

/// The revisions of a workload, the oldest first.
async fn revisions(session: &Session, object: &Object) -> Result<Vec<Revision>, Failure> {
    let deployment = object.mapping.kind == "Deployment";
    let plural = if deployment { "replicasets" } else { "controllerrevisions" };
    let path = format!("/apis/apps/v1/namespaces/{}/{plural}", object.namespace);
    let selector = selector(&object.value["spec"]["selector"]);
    let mut list = session.list(&Call::get(path).query("labelSelector", selector)).await?;
    let mut revisions = Vec::new();
    for keeper in list["items"].as_array_mut().into_iter().flatten() {
        let owned = keeper["metadata"]["ownerReferences"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|owner| owner["controller"] == true && owner["uid"] == object.value["metadata"]["uid"]);
        if !owned {
            continue;
        }
        let annotations = &keeper["metadata"]["annotations"];
        let number = if deployment {
            annotations["deployment.kubernetes.io/revision"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
        } else {
            keeper["revision"].as_i64().unwrap_or(0)
        };
        let cause = annotations["kubernetes.io/change-cause"].as_str().unwrap_or_default().to_owned();
        let mut keeper = keeper.take();
        keeper["apiVersion"] = json!("apps/v1");
        keeper["kind"] = json!(if deployment { "ReplicaSet" } else { "ControllerRevision" });
        revisions.push(Revision { number, cause, keeper });
    }
    revisions.sort_by_key(|revision| revision.number);
    Ok(revisions)
}

/// A label selector of an object as the text of a query.
pub fn selector(selector: &Value) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        parts.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    parts.sort();
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values: Vec<&str> =
            expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        parts.push(match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({})", values.join(",")),
            Some("NotIn") => format!("{key} notin ({})", values.join(",")),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    parts.join(",")
}

/// Goes back to an earlier revision.
///
/// # Errors
/// As kubectl.
pub async fn undo(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if options.args.is_empty() && !session.has_files() {
        return Err(Failure::message("required resource not specified"));
    }
    let mut printer = ObjectPrinter::chosen(session).await?;
    let selection =
        session.select(&options.args, Rules { type_alone: true, selectors: true, ..Rules::default() }).await?;
    let mut failures = selection.failures;
    for object in &selection.objects {
        match back(session, object).await {
            Ok(outcome) => {
                let text = match &mut printer {
                    Some(printer) if !printer.is_name() => printer.print(&object.value)?,
                    Some(_) => format!("{}\n", object.title()).into(),
                    None => format!("{} {outcome}\n", object.title()).into(),
                };
                session.print(text).await?;
            }
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

async fn back(session: &Session, object: &Object) -> Result<String, Failure> {
    if let Some(effects) = session.effects() {
        // Once it is done the revision before is another one.
        return Err(claims::refuse(effects, claims::of_object(object)));
    }
    let to = session.options.number("to-revision");
    if to < 0 {
        return Err(Failure::message(format!("revision must be a positive integer: {to}")));
    }
    if !is_kept(object) {
        return Err(Failure::message(format!("error retrieving rollbacker for {}", visited(object))));
    }
    if object.value["spec"]["paused"] == true {
        return Err(Failure::message(
            "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again",
        ));
    }
    let revisions = revisions(session, object).await?;
    let found = if to > 0 {
        revisions
            .iter()
            .find(|revision| revision.number == to)
            .ok_or_else(|| Failure::message(format!("unable to find specified revision {to} in history")))?
    } else {
        revisions.iter().rev().nth(1).ok_or_else(|| {
            Failure::message(format!(
                "no rollout history found for {} {}",
                object.mapping.kind.to_lowercase(),
                crate::tools::kubectl::options::duration::quote(&object.name)
            ))
        })?
    };
    let now = &object.value["spec"]["template"];
    if session.options.text("dry-run") == "client" {
        let template = match object.mapping.kind.as_str() {
            "Deployment" => found.keeper["spec"]["template"].clone(),
            _ => merged(now, &found.keeper["data"]["spec"]["template"]),
        };
        return Ok(format!("{} (dry run)", template::unaligned(&template)));
    }
    let (content, body) = if object.mapping.kind == "Deployment" {
        let mut template = found.keeper["spec"]["template"].clone();
        if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
            labels.remove("pod-template-hash");
        }
        if sorted(&template) == sorted(now) {
            return Ok(format!("skipped rollback (current template already matches revision {to})"));
        }
        // The revision's own annotations come back with it, but for those that belong to the Deployment alone.
        let mut annotations = object.value["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
        annotations.retain(|key, _| is_own(key));
        for (key, value) in found.keeper["metadata"]["annotations"].as_object().into_iter().flatten() {
            if !is_own(key) {
                annotations.insert(key.clone(), value.clone());
            }
        }
        let patch = json!([
            {"op": "replace", "path": "/spec/template", "value": template},
            {"op": "replace", "path": "/metadata/annotations", "value": annotations},
        ]);
        (JSON_PATCH, patch)
    } else {
        let kept = &found.keeper["data"];
        let same = sorted(&merged(now, &kept["spec"]["template"])) == sorted(now);
        if same {
            return Ok(format!("skipped rollback (current template already matches revision {to})"));
        }
        (STRATEGIC_MERGE, kept.clone())
    };
    let dry = session.options.text("dry-run");
    let call = Call::new(http::Method::PATCH, object.path())
        .query("dryRun", if dry == "server" { "All" } else { "" })
        .body(content, body.to_string().into_bytes());
    session.api().await?.value(&call).await.map_err(|failure| failure.prefixed("failed restoring revision: "))?;
    Ok(if dry == "server" { "rolled back (server dry run)".into() } else { "rolled back".into() })
}

/// The words of kubectl for a kind that it has no way of going through.
fn visited(object: &Object) -> String {
    let mapping = &object.mapping;
    format!("{:?}, no visitor method exists for {{{} {}}}", mapping.kind, mapping.group, mapping.kind)
}

fn is_own(key: &str) -> bool {
    matches!(
        key,
        "kubectl.kubernetes.io/last-applied-configuration"
            | "deployment.kubernetes.io/revision"
            | "deployment.kubernetes.io/revision-history"
            | "deployment.kubernetes.io/desired-replicas"
            | "deployment.kubernetes.io/max-replicas"
            | "deprecated.deployment.rollback.to"
    )
}

/// A kept template laid over the present one; `$patch: replace` means that it stands for itself.
fn merged(now: &Value, kept: &Value) -> Value {
    let mut kept = kept.clone();
    if let Some(map) = kept.as_object_mut()
        && map.remove("$patch").is_some()
    {
        return kept;
    }
    if kept.is_null() { now.clone() } else { kept }
}
