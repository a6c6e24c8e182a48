//! `kubectl replace`

use http::Method;

use super::apply::{validation, with_last_applied};
use super::dry_run::{DryRun, tell};
use super::follow::{Event, Following};
use super::raw;
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::Object;
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::text("cascade").or("background").alone("background"),
        Flag::text("field-manager").or("kubectl-replace"),
        Flag::switch("force"),
        Flag::number("grace-period", "-1"),
        Flag::text("raw"),
        Flag::switch("save-config"),
        Flag::text("subresource"),
        Flag::duration("timeout", "0s"),
        Flag::text("validate").or("strict").alone("strict"),
        Flag::switch("wait"),
    ],
    DRY_RUN,
    FILES,
    PRINT,
];

/// Replaces objects by those of files; with `--force` deletes and creates them.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if let Some(word) = options.args.first() {
        return Err(session.usage(format!("Unexpected args: [{word}]")));
    }
    if !session.has_files() {
        return Err(Failure::message("must specify one of -f and -k"));
    }
    if !options.text("raw").is_empty() {
        return raw::send(session, Method::PUT, true).await;
    }
    let dry = DryRun::of(session).await?;
    let force = options.on("force");
    if force && dry != DryRun::No {
        return Err(Failure::message("--dry-run can not be used when --force is set"));
    }
    let mut printer = ObjectPrinter::chosen(session).await?;
    let mut failures = Vec::new();
    for object in session.objects_of_files().await? {
        let replaced = if force && session.effects().is_none() {
            again(session, &object).await
        } else {
            one(session, &object, dry).await
        };
        match replaced {
            Ok(value) => tell(session, &mut printer, &object, &value, "replaced", dry).await?,
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure.when("replacing", &object.source)),
        }
    }
    Failure::together(failures)
}

fn body(session: &Session, object: &Object, before: Option<&serde_json::Value>) -> serde_json::Value {
    use super::apply::LAST_APPLIED;
    let kept = before.is_some_and(|before| before["metadata"]["annotations"][LAST_APPLIED].is_string());
    let annotated = object.value["metadata"]["annotations"][LAST_APPLIED].is_string();
    if session.options.on("save-config") || kept || annotated {
        with_last_applied(&object.value)
    } else {
        object.value.clone()
    }
}

async fn one(session: &Session, object: &Object, dry: DryRun) -> Result<serde_json::Value, Failure> {
    let api = session.api().await?;
    let path = object.part(session.options.text("subresource"));
    let before = api.value(&Call::get(&path)).await?;
    let mut value = body(session, object, Some(&before));
    if dry == DryRun::Client {
        return Ok(value);
    }
    if value["metadata"]["resourceVersion"].is_null() {
        value["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
    }
    let call = Call::new(Method::PUT, path)
        .query("dryRun", dry.query())
        .query("fieldManager", session.options.text("field-manager"))
        .query("fieldValidation", validation(session))
        .json(&value);
    api.value(&call).await
}

async fn again(session: &Session, object: &Object) -> Result<serde_json::Value, Failure> {
    let api = session.api().await?;
    match api.value(&Call::new(Method::DELETE, object.path())).await {
        Ok(_) => {
            let line = format!("{} \"{}\" deleted\n", object.mapping.group_kind(), object.name);
            session.print(line).await?;
        }
        Err(failure) if failure.is_not_found() => {}
        Err(failure) => return Err(failure),
    }
    let gone = async {
        let mut following = Following::new(session, object);
        loop {
            if matches!(following.next().await?, Event::Absent | Event::Deleted) {
                return Ok(());
            }
        }
    };
    match session.options.duration("timeout") {
        Some(limit) => session
            .clock()
            .timeout(limit, gone)
            .await
            .unwrap_or_else(|_| Err(Failure::message("timed out waiting for the condition")))?,
        None => gone.await?,
    }
    let call = Call::new(Method::POST, object.mapping.path(&object.namespace, "", ""))
        .query("fieldManager", session.options.text("field-manager"))
        .query("fieldValidation", validation(session))
        .json(&body(session, object, None));
    api.value(&call).await
}
