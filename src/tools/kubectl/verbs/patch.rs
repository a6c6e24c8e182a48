//! `kubectl patch`

use http::Method;
use serde_json::Value;

use super::apply::is_built_in;
use super::dry_run::{DryRun, no_resource, tell};
use super::set_edit;
use crate::tools::kubectl::api::{Call, JSON_PATCH, MERGE, STRATEGIC_MERGE};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::manifests::{documents, reason};
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::print::object::{ObjectPrinter, name};
use crate::tools::kubectl::resources::Rules;
use crate::tools::kubectl::session::Session;
use crate::tools::kubectl::strategic;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::text("field-manager").or("kubectl-patch"),
        Flag::switch("local"),
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
    // What looks like JSON is sent as it is: what is wrong with it is the server's to say.
    let patch = match text.trim_start().starts_with('{') {
        true => text.into_bytes(),
        false => {
            let read = documents(&text).map_err(|why| {
                let text = crate::tools::kubectl::options::duration::quote(&text);
                Failure::message(format!("unable to parse {text}: yaml: {why}"))
            })?;
            read.into_iter().next().unwrap_or_default().to_string().into_bytes()
        }
    };
    if let Some(failure) = no_resource(session) {
        return Err(failure);
    }
    let local = options.on("local");
    if local && !options.args.is_empty() {
        return Err(Failure::message("cannot specify --local and server resources"));
    }
    let dry = DryRun::of(session).await?;
    if local && dry == DryRun::Server {
        return Err(Failure::message("cannot specify --local and --dry-run=server - did you mean --dry-run=client?"));
    }
    let mut printer = ObjectPrinter::chosen(session).await?;
    let selection = match local {
        true => set_edit::local(session).await?,
        false => session.select(&options.args, Rules::default()).await?,
    };
    let mut failures = selection.failures;
    for object in &selection.objects {
        if local || dry == DryRun::Client {
            let mapping = &object.mapping;
            if local && content == STRATEGIC_MERGE && !is_built_in(&mapping.group) {
                let kind = format!("{}, Kind={}", mapping.api_version(), mapping.kind);
                return Err(Failure::message(format!(
                    "strategic merge patch is not supported for {kind} locally, try --type merge"
                )));
            }
            // kubectl does not say of a patch that it was a dry run.
            let patched = patched(&object.value, content, &patch)?;
            let done = if without_version(&patched) == without_version(&object.value) { SAME } else { "patched" };
            tell(session, &mut printer, object, &patched, done, DryRun::No).await?;
            continue;
        }
        let call = Call::new(Method::PATCH, object.part(options.text("subresource")))
            .query("fieldManager", options.text("field-manager"))
            .query("dryRun", dry.query())
            .body(content, patch.clone());
        match session.api().await?.value(&call).await {
            Ok(changed) => {
                let same = without_version(&changed) == without_version(&object.value);
                let done = if same { SAME } else { "patched" };
                // What a part answers is told under its own name.
                let answered = if options.text("subresource").is_empty() { None } else { Some(&changed) };
                match (answered, &printer) {
                    (Some(part), None) => session.print(format!("{} {done}\n", name(part))).await?,
                    _ => tell(session, &mut printer, object, &changed, done, DryRun::No).await?,
                }
            }
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(Failure::Api(failure)) if failure.reason == "UnsupportedMediaType" => {
                let mapping = &object.mapping;
                let kind = format!("{}, Kind={}", mapping.api_version(), mapping.kind);
                failures.push(Failure::message(format!("{content} is not supported by {kind}: {}", failure.message)));
            }
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

/// What is said of a patch that changes nothing.
const SAME: &str = "patched (no change)";

/// The object as the patch would leave it, made here.
fn patched(object: &Value, content: &str, patch: &[u8]) -> Result<Value, Failure> {
    let wrong = |error: serde_json::Error| Failure::message(error.to_string());
    let mut value = object.clone();
    match content {
        JSON_PATCH => {
            let patch: json_patch::Patch = serde_json::from_slice(patch).map_err(wrong)?;
            json_patch::patch(&mut value, &patch).map_err(|error| Failure::message(error.to_string()))?;
        }
        MERGE => json_patch::merge(&mut value, &serde_json::from_slice(patch).map_err(wrong)?),
        _ => {
            let patch: Value = serde_json::from_slice(patch).map_err(wrong)?;
            value = strategic::merged(&value, &patch);
        }
    }
    Ok(value)
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
