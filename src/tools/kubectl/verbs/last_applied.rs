//! `kubectl apply view-last-applied` and `set-last-applied`: the annotation that `apply` keeps.

use http::Method;
use serde_json::{Value, json};

use super::apply::LAST_APPLIED;
use super::dry_run::{DryRun, no_resource, tell};
use crate::tools::kubectl::api::{Call, MERGE};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::print::json::{compact, sorted};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::Rules;
use crate::tools::kubectl::session::Session;
use crate::tools::yaml::{Dialect, to_yaml};

/// The options of `view-last-applied`.
pub const VIEW_OPTIONS: &[&[Flag]] =
    &[&[Flag::switch("all"), Flag::text("output").short('o').or("yaml"), Flag::text("selector").short('l')], FILES];
/// The options of `set-last-applied`.
pub const SET_OPTIONS: &[&[Flag]] = &[&[Flag::switch("create-annotation")], DRY_RUN, FILES, PRINT];

/// Prints what was applied last.
///
/// # Errors
/// As kubectl.
pub async fn view(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if let Some(failure) = no_resource(session) {
        return Err(failure);
    }
    if options.on("all") {
        // kubectl's own slip: it takes the empty selector for one that was given.
        return Err(Failure::message("setting 'all' parameter but found a non empty selector. "));
    }
    let selection =
        session.select(&options.args, Rules { type_alone: true, selectors: true, ..Rules::default() }).await?;
    let objects = selection.complete()?;
    let mut texts = Vec::new();
    for object in &objects {
        let Some(kept) = object.value["metadata"]["annotations"][LAST_APPLIED].as_str() else {
            return Err(Failure::message(format!(
                "no last-applied-configuration annotation found on resource: {}",
                object.name
            )));
        };
        let value: Value = serde_json::from_str(kept).map_err(|error| Failure::message(error.to_string()))?;
        let value = sorted(&value);
        texts.push(match options.text("output") {
            "yaml" => to_yaml(&value, Dialect::Kubectl),
            // Here kubectl indents by two, and ends with an empty line.
            "json" => serde_json::to_string_pretty(&value).unwrap_or_default() + "\n",
            other => {
                return Err(session
                    .usage(format!("Unexpected -o output mode: {other}, the flag 'output' must be one of yaml|json")));
            }
        });
    }
    for text in texts {
        session.print(text).await?;
    }
    Ok(())
}

/// An object as the annotation keeps it. Unlike `apply` this command adds no empty annotations.
fn written(value: &Value) -> Value {
    let mut plain = value.clone();
    if let Some(annotations) = plain["metadata"].get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.shift_remove(LAST_APPLIED);
    }
    Value::String(compact(&plain) + "\n")
}

/// Sets what was applied last to what files say, and changes nothing else.
///
/// # Errors
/// As kubectl.
pub async fn set(session: &Session) -> Result<(), Failure> {
    let dry = DryRun::of(session).await?;
    if let Some(failure) = no_resource(session) {
        return Err(failure);
    }
    let mut printer = ObjectPrinter::chosen(session).await?;
    for object in session.objects_of_files().await? {
        let now = session.api().await?.value(&Call::get(object.path())).await?;
        let kept = &now["metadata"]["annotations"][LAST_APPLIED];
        if kept.is_null() && !session.options.on("create-annotation") {
            return Err(Failure::message(format!(
                "no last-applied-configuration annotation found on resource: {}, to create the annotation, run the command with --create-annotation",
                object.name
            )));
        }
        let new = &written(&object.value);
        let value = if new == kept || dry == DryRun::Client {
            now.clone()
        } else {
            let patch = json!({"metadata": {"annotations": {LAST_APPLIED: new}}}).to_string().into_bytes();
            let call = Call::new(Method::PATCH, object.path()).query("dryRun", dry.query()).body(MERGE, patch);
            session.api().await?.value(&call).await?
        };
        tell(session, &mut printer, &object, &value, "configured", dry).await?;
    }
    Ok(())
}
