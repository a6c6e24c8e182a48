//! `kubectl rollout restart`, `pause` and `resume`: patches to a workload's template or specification.

use serde_json::{Value, json};

use crate::tools::kubectl::api::{Call, STRATEGIC_MERGE};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{FILES, Flag, PRINT};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;

/// The options of `restart`.
pub const RESTART_OPTIONS: &[&[Flag]] =
    &[&[Flag::text("field-manager").or("kubectl-rollout"), Flag::text("selector").short('l')], FILES, PRINT];
/// The options of `pause` and `resume`.
pub const PAUSE_OPTIONS: &[&[Flag]] = RESTART_OPTIONS;

/// Starts a rollout of the same template by an annotation that says when.
///
/// # Errors
/// As kubectl.
pub async fn restart(session: &Session) -> Result<(), Failure> {
    let now = jiff::fmt::strtime::format("%Y-%m-%dT%H:%M:%SZ", session.clock().now()).unwrap_or_default();
    change(session, "restarted", |object| {
        let unsupported =
            || format!("{} {} restarting is not supported", object.mapping.group_resource(), quote(&object.name));
        match object.mapping.kind.as_str() {
            "Deployment" if object.value["spec"]["paused"] == true => {
                Err("can't restart paused deployment (run rollout resume first)".to_owned())
            }
            "Deployment" | "DaemonSet" | "StatefulSet" if object.mapping.group == "apps" => Ok(json!({
                "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}}
            })),
            _ => Err(unsupported()),
        }
    })
    .await
}

/// Stops a Deployment from rolling out changes.
///
/// # Errors
/// As kubectl.
pub async fn pause(session: &Session) -> Result<(), Failure> {
    let looks = session.effects().is_some();
    change(session, "paused", |object| match (object.mapping.kind.as_str(), object.value["spec"]["paused"] == true) {
        ("Deployment", true) if !looks => Err("is already paused".to_owned()),
        ("Deployment", _) => Ok(json!({"spec": {"paused": true}})),
        _ => Err("pausing is not supported".to_owned()),
    })
    .await
}

/// Lets a Deployment go on.
///
/// # Errors
/// As kubectl.
pub async fn resume(session: &Session) -> Result<(), Failure> {
    let looks = session.effects().is_some();
    change(session, "resumed", |object| match (object.mapping.kind.as_str(), object.value["spec"]["paused"] == true) {
        ("Deployment", false) if !looks => Err("is not paused".to_owned()),
        ("Deployment", _) => Ok(json!({"spec": {"paused": null}})),
        _ => Err("resuming is not supported".to_owned()),
    })
    .await
}

async fn change(
    session: &Session,
    done: &str,
    patch: impl Fn(&Object) -> Result<Value, String>,
) -> Result<(), Failure> {
    let options = &session.options;
    if options.args.is_empty() && !session.has_files() {
        return Err(Failure::message("required resource not specified"));
    }
    let mut printer = ObjectPrinter::chosen(session).await?;
    let selection =
        session.select(&options.args, Rules { type_alone: true, selectors: true, ..Rules::default() }).await?;
    let mut failures = selection.failures;
    if selection.objects.is_empty() && failures.is_empty() {
        let namespace = session.namespace().await?;
        return session.complain(format!("No resources found in {namespace} namespace.\n")).await;
    }
    for object in &selection.objects {
        let patch = match patch(object) {
            Ok(patch) => patch,
            Err(why) => {
                let whole = why.contains("supported") && why.contains(&object.name);
                failures.push(Failure::message(if whole {
                    why
                } else {
                    format!("{} {} {why}", object.mapping.group_resource(), quote(&object.name))
                }));
                continue;
            }
        };
        let call = Call::new(http::Method::PATCH, object.path())
            .query("fieldManager", options.text("field-manager"))
            .body(STRATEGIC_MERGE, patch.to_string().into_bytes());
        match session.api().await?.value(&call).await {
            Ok(changed) => {
                let text = match &mut printer {
                    Some(printer) if !printer.is_name() => printer.print(&changed)?,
                    Some(_) => format!("{}\n", object.title()).into(),
                    None => format!("{} {done}\n", object.title()).into(),
                };
                session.print(text).await?;
            }
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure.prefixed("failed to patch: ")),
        }
    }
    Failure::together(failures)
}
