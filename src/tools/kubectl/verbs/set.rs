//! `kubectl set image` and `kubectl set env`

use http::Method;
use serde_json::{Value, json};

use super::dry_run::{DryRun, tell};
use crate::tools::kubectl::api::{Call, STRATEGIC_MERGE};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;

/// The options of `set image`.
pub const IMAGE_OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all"),
        Flag::text("field-manager").or("kubectl-set"),
        Flag::refused("local", "this kubectl does not have it yet").alone("true"),
        Flag::text("selector").short('l'),
    ],
    DRY_RUN,
    FILES,
    PRINT,
];

/// The options of `set env`.
pub const ENV_OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all"),
        Flag::text("containers").short('c').or("*"),
        Flag::each("env").short('e'),
        Flag::text("field-manager").or("kubectl-set"),
        Flag::refused("from", "this kubectl does not have it yet"),
        Flag::refused("keys", "this kubectl does not have it yet"),
        Flag::refused("list", "this kubectl does not have it yet").alone("true"),
        Flag::refused("local", "this kubectl does not have it yet").alone("true"),
        Flag::switch("overwrite").or("true"),
        Flag::refused("prefix", "this kubectl does not have it yet"),
        Flag::refused("resolve", "this kubectl does not have it yet").alone("true"),
        Flag::text("selector").short('l'),
    ],
    DRY_RUN,
    FILES,
    PRINT,
];

/// Where the containers of a kind are.
fn template(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "Pod" => Some(&["spec"]),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
            Some(&["spec", "template", "spec"])
        }
        "CronJob" => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        _ => None,
    }
}

/// Whether a container's name fits a pattern with `*`.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail),
    }
}

/// Sets images of containers.
///
/// # Errors
/// As kubectl.
pub async fn image(session: &Session) -> Result<(), Failure> {
    let (resources, changes) = split(session);
    if resources.is_empty() && !session.has_files() {
        return Err(Failure::message(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    }
    if changes.is_empty() {
        return Err(Failure::message("at least one image update is required"));
    }
    let images: Vec<(&str, &str)> = changes.iter().filter_map(|change| change.split_once('=')).collect();
    change(session, resources, "image updated", |object, path| {
        let mut patches = serde_json::Map::new();
        let mut missing: Vec<&str> = images.iter().map(|(name, _)| *name).collect();
        for key in ["initContainers", "containers"] {
            let mut list = Vec::new();
            for container in spec(&object.value, path)[key].as_array().into_iter().flatten() {
                let name = container["name"].as_str().unwrap_or_default();
                for (pattern, image) in &images {
                    if fits(pattern, name) {
                        missing.retain(|known| known != pattern);
                        if container["image"] != *image {
                            list.push(json!({"name": name, "image": image}));
                        }
                    }
                }
            }
            if !list.is_empty() {
                patches.insert(key.into(), Value::from(list));
            }
        }
        if let Some(name) = missing.first() {
            return Err(format!("unable to find container named {}", quote(name)));
        }
        Ok(Value::Object(patches))
    })
    .await
}

/// Sets variables of containers.
///
/// # Errors
/// As kubectl.
pub async fn env(session: &Session) -> Result<(), Failure> {
    let (resources, changes) = split(session);
    let changes: Vec<String> = changes.iter().chain(session.options.all("env")).cloned().collect();
    if resources.is_empty() && !session.has_files() {
        return Err(Failure::message(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    }
    if changes.is_empty() {
        return Err(Failure::message("at least one environment variable must be provided"));
    }
    let wanted = session.options.text("containers").to_owned();
    change(session, resources, "env updated", |object, path| {
        let mut patches = serde_json::Map::new();
        for key in ["initContainers", "containers"] {
            let mut list = Vec::new();
            for container in spec(&object.value, path)[key].as_array().into_iter().flatten() {
                let name = container["name"].as_str().unwrap_or_default();
                if !fits(&wanted, name) {
                    continue;
                }
                let present = |key: &str| {
                    container["env"].as_array().into_iter().flatten().find(|variable| variable["name"] == key)
                };
                let mut variables = Vec::new();
                for change in &changes {
                    match change.split_once('=') {
                        Some((key, value)) => {
                            if present(key).is_none_or(|variable| variable["value"] != value) {
                                variables.push(json!({"name": key, "value": value, "valueFrom": null}));
                            }
                        }
                        None => {
                            let key = change.trim_end_matches('-');
                            if present(key).is_some() {
                                variables.push(json!({"$patch": "delete", "name": key}));
                            }
                        }
                    }
                }
                if !variables.is_empty() {
                    list.push(json!({"name": name, "env": variables}));
                }
            }
            if !list.is_empty() {
                patches.insert(key.into(), Value::from(list));
            }
        }
        Ok(Value::Object(patches))
    })
    .await
}

fn split(session: &Session) -> (&[String], &[String]) {
    let args = &session.options.args;
    let is_change = |arg: &String| arg.contains('=') || (arg.ends_with('-') && arg.len() > 1);
    args.split_at(args.iter().position(is_change).unwrap_or(args.len()))
}

fn spec<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, part| &value[*part])
}

async fn change(
    session: &Session,
    resources: &[String],
    done: &str,
    patch: impl Fn(&Object, &[&str]) -> Result<Value, String>,
) -> Result<(), Failure> {
    let dry = DryRun::of(session).await?;
    let mut printer = ObjectPrinter::chosen(session).await?;
    let selection = session.select(resources, Rules { type_alone: false, selectors: true }).await?;
    let mut failures = selection.failures;
    for object in &selection.objects {
        let Some(path) = template(&object.mapping.kind) else {
            failures.push(Failure::message(format!(
                "the object is not a pod or does not have a pod template: {}",
                object.title()
            )));
            continue;
        };
        let inner = match patch(object, path) {
            Ok(inner) => inner,
            Err(why) => {
                failures.push(Failure::message(why));
                continue;
            }
        };
        // What is set already is not told of.
        if inner.as_object().is_none_or(serde_json::Map::is_empty) {
            continue;
        }
        if dry == DryRun::Client {
            tell(session, &mut printer, object, &object.value, done, dry).await?;
            continue;
        }
        let whole = path.iter().rev().fold(inner, |inner, part| json!({ *part: inner }));
        let call = Call::new(Method::PATCH, object.path())
            .query("fieldManager", session.options.text("field-manager"))
            .query("dryRun", dry.query())
            .body(STRATEGIC_MERGE, whole.to_string().into_bytes());
        match session.api().await?.value(&call).await {
            Ok(changed) => tell(session, &mut printer, object, &changed, done, dry).await?,
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure.prefixed("failed to patch image update to pod template: ")),
        }
    }
    Failure::together(failures)
}
