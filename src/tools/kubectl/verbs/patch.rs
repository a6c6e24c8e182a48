//! `kubectl patch`

use http::Method;
use serde_json::Value;

use super::dry_run::{DryRun, no_resource, tell};
use crate::tools::kubectl::api::{Call, JSON_PATCH, MERGE, STRATEGIC_MERGE};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::manifests::{documents, reason};
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::Rules;
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::text("field-manager").or("kubectl-patch"),
        Flag::refused("local", "this kubectl does not have it yet").alone("true"),
        Flag::text("patch").short('p'),
        Flag::text("patch-file"),
        Flag::text("subresource"),
        Flag::text("type").or("strategic"),
    ],
    DRY_RUN,
    FILES,
    PRINT,
];

/// Changes parts of objects.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let text = match (options.text("patch"), options.text("patch-file")) {
        ("", "") => {
            return Err(Failure::message("must specify --patch or --patch-file containing the contents of the patch"));
        }
        ("", file) => session
            .files()
            .read_to_string(file)
            .map_err(|error| Failure::message(format!("unable to read patch file: open {file}: {}", reason(&error))))?,
        (patch, "") => patch.to_owned(),
        _ => return Err(Failure::message("cannot specify --patch and --patch-file together")),
    };
    let content = match options.text("type").to_lowercase().as_str() {
        "strategic" => STRATEGIC_MERGE,
        "merge" => MERGE,
        "json" => JSON_PATCH,
        other => {
            return Err(Failure::message(format!("--type must be one of [json merge strategic], not {other:?}")));
        }
    };
    let patch = documents(&text)
        .ok()
        .and_then(|documents| documents.into_iter().next())
        .filter(|patch| patch.is_object() || patch.is_array())
        .ok_or_else(|| {
            Failure::message(format!(
                "unable to parse {}: yaml: not a map or a list",
                crate::tools::kubectl::options::duration::quote(&text)
            ))
        })?;
    if let Some(failure) = no_resource(session) {
        return Err(failure);
    }
    let dry = DryRun::of(session).await?;
    let mut printer = ObjectPrinter::chosen(session).await?;
    let selection = session.select(&options.args, Rules::default()).await?;
    let mut failures = selection.failures;
    for object in &selection.objects {
        if dry == DryRun::Client {
            tell(session, &mut printer, object, &object.value, "patched", dry).await?;
            continue;
        }
        let call = Call::new(Method::PATCH, object.part(options.text("subresource")))
            .query("fieldManager", options.text("field-manager"))
            .query("dryRun", dry.query())
            .body(content, patch.to_string().into_bytes());
        match session.api().await?.value(&call).await {
            Ok(changed) => {
                let same = without_version(&changed) == without_version(&object.value);
                let done = if same { "patched (no change)" } else { "patched" };
                tell(session, &mut printer, object, &changed, done, dry).await?;
            }
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

/// The object but for the bookkeeping that changes by itself.
fn without_version(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
        metadata.remove("managedFields");
    }
    crate::tools::kubectl::print::json::sorted(&object)
}
