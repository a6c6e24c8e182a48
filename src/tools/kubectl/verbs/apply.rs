//! `kubectl apply`

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::dry_run::{DryRun, tell};
use super::{delete, prune};
use crate::tools::kubectl::api::{APPLY, Call, MERGE, STRATEGIC_MERGE};
use crate::tools::kubectl::claims;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::print::json;
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::Object;
use crate::tools::kubectl::session::Session;
use crate::tools::kubectl::three_way;
use crate::tools::kustomize::fits_selector;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all"),
        Flag::text("cascade").or("background").alone("background"),
        Flag::text("field-manager").or("kubectl-client-side-apply"),
        Flag::switch("force"),
        Flag::switch("force-conflicts"),
        Flag::number("grace-period", "-1"),
        Flag::switch("openapi-patch").or("true"),
        Flag::switch("overwrite").or("true"),
        Flag::switch("prune"),
        Flag::each("prune-allowlist"),
        Flag::text("selector").short('l'),
        Flag::switch("server-side"),
        Flag::text("subresource"),
        Flag::duration("timeout", "0s"),
        Flag::text("validate").or("strict").alone("strict"),
        Flag::switch("wait"),
    ],
    DRY_RUN,
    FILES,
    PRINT,
];

/// Where the last applied configuration is kept.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What kubectl says of fields that others manage.
const CONFLICT: &str = "\
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts";

/// How long is waited before it is looked again whether an object is gone.
const AGAIN: Duration = Duration::from_secs(1);
/// How often a patch is tried again when somebody else changes the object at the same time.
const CONFLICTS: usize = 5;

/// Creates or changes objects so that they are as the files say.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if !options.args.is_empty() {
        return Err(session.usage(format!("Unexpected args: [{}]", options.args.join(" "))));
    }
    if !session.has_files() {
        return Err(Failure::message("must specify one of -f and -k"));
    }
    if options.on("force") && options.on("server-side") {
        return Err(Failure::message("--force cannot be used with --server-side"));
    }
    if options.on("force-conflicts") && !options.on("server-side") {
        return Err(Failure::message("--force-conflicts only works with --server-side"));
    }
    let validate = options.text("validate");
    if !matches!(validate, "strict" | "true" | "warn" | "ignore" | "false") {
        return Err(Failure::message(format!(
            "invalid - validate option {validate:?}; must be one of: strict (or true), warn, ignore (or false)"
        )));
    }
    delete::propagation(session)?;
    let dry = DryRun::of(session).await?;
    let to_prune = prune::chosen(session).await?;
    if options.on("server-side") && dry == DryRun::Client {
        return Err(Failure::message(
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
        ));
    }
    if options.on("force") && dry == DryRun::Server {
        return Err(Failure::message("--dry-run=server cannot be used with --force"));
    }
    prune::check(session)?;
    if !options.text("subresource").is_empty() && !options.on("server-side") {
        return Err(Failure::message("--subresource can only be specified for --server-side"));
    }
    let mut printer = ObjectPrinter::chosen(session).await?;
    let mut failures = Vec::new();
    let mut applied = Vec::new();
    let mut visited = prune::Visited::default();
    let mut objects = Vec::new();
    let read = crate::tools::kubectl::manifests::read(session).await?;
    session.recognize(&read).await?;
    for (value, source) in read {
        match session.local(value).await {
            Ok(object) if is_selected(session, &object)? => objects.push(Object { source, ..object }),
            Ok(_) => {}
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    if objects.is_empty() && failures.is_empty() {
        return Err(Failure::message("no objects passed to apply"));
    }
    for object in objects {
        match one(session, &object, dry).await {
            Ok((value, done)) => {
                visited.add(&object, &value);
                match &printer {
                    Some(printer) if !printer.is_name() => applied.push(value),
                    _ => tell(session, &mut printer, &object, &value, done, dry).await?,
                }
            }
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    if let Some(printer) = &mut printer
        && !applied.is_empty()
    {
        let text = if applied.len() == 1 { printer.print(&applied[0])? } else { printer.print(&list(applied))? };
        session.print(text).await?;
    }
    Failure::together(failures)?;
    if options.on("prune") { prune::run(session, &to_prune, &visited, &mut printer, dry).await } else { Ok(()) }
}

/// Whether `-l` selects an object of the files.
///
/// # Errors
/// When it is no selector.
pub(super) fn is_selected(session: &Session, object: &Object) -> Result<bool, Failure> {
    let selector = session.options.text("selector");
    if selector.is_empty() {
        return Ok(true);
    }
    let none = serde_json::Map::new();
    let labels = object.value["metadata"]["labels"].as_object().unwrap_or(&none);
    fits_selector(selector, labels).map_err(Failure::message)
}

/// Several objects as `apply` prints them: a list whose metadata is empty, in the order of Go's type.
fn list(items: Vec<Value>) -> Value {
    json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})
}

/// How strictly the server looks at unknown fields.
pub fn validation(session: &Session) -> &'static str {
    match session.options.text("validate") {
        "true" | "strict" | "" => "Strict",
        "warn" => "Warn",
        _ => "Ignore",
    }
}

/// Creates or changes one object; answers it, and what was done.
///
/// # Errors
/// As kubectl.
pub async fn one(session: &Session, object: &Object, dry: DryRun) -> Result<(Value, &'static str), Failure> {
    if object.name.is_empty() {
        let generated = !object.value["metadata"]["generateName"].is_null();
        return Err(Failure::message(if generated {
            format!(
                "from {}: cannot use generate name with apply",
                object.value["metadata"]["generateName"].as_str().unwrap_or_default()
            )
        } else {
            format!(
                "error when retrieving current configuration of:\n{}\nfrom server for: {:?}: resource name may not be empty",
                described(object),
                object.source
            )
        }));
    }
    let api = session.api().await?;
    if let Some(effects) = api.effects().filter(|_| dry == DryRun::No) {
        return Ok((claims::applied(api, effects, object).await?, "unchanged"));
    }
    if session.options.on("server-side") {
        let manager = match session.options.given("field-manager") {
            true => session.options.text("field-manager"),
            false => "kubectl",
        };
        let part = session.options.text("subresource");
        let path = if part.is_empty() { object.path() } else { object.part(part) };
        let call = Call::new(Method::PATCH, path)
            .query("fieldManager", manager)
            .query("fieldValidation", validation(session))
            .query("force", if session.options.on("force-conflicts") { "true" } else { "false" })
            .query("dryRun", dry.query())
            .body(APPLY, object.value.to_string().into_bytes());
        return match api.value(&call).await {
            Ok(applied) => Ok((applied, "serverside-applied")),
            Err(Failure::Api(failure)) if failure.is_conflict() => {
                Err(Failure::message(format!("{}\n{CONFLICT}", failure.message)))
            }
            Err(failure) => Err(failure),
        };
    }
    let modified = with_last_applied(&object.value);
    let manager = session.options.text("field-manager");
    let mut now = match api.value(&Call::get(object.path())).await {
        Ok(now) => now,
        Err(failure) if failure.is_not_found() => {
            if dry == DryRun::Client {
                return Ok((modified, "created"));
            }
            let call = Call::new(Method::POST, object.mapping.path(&object.namespace, "", ""))
                .query("dryRun", dry.query())
                .query("fieldManager", manager)
                .query("fieldValidation", validation(session))
                .json(&modified);
            let created = api.value(&call).await.map_err(|failure| failure.when("creating", &object.source))?;
            return Ok((created, "created"));
        }
        Err(failure) => return Err(failure),
    };
    if now["metadata"]["annotations"][LAST_APPLIED].is_null() {
        session
            .complain(format!(
                "Warning: resource {}/{} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.\n",
                object.mapping.plural, object.name
            ))
            .await?;
    }
    let built_in = is_built_in(&object.mapping.group);
    for attempt in 0.. {
        let last: Value = now["metadata"]["annotations"][LAST_APPLIED]
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or(Value::Null);
        let patch = if built_in {
            three_way::strategic(&object.mapping.kind, &last, &modified, &now)
        } else {
            three_way::plain(&last, &modified, &now)
        };
        if dry == DryRun::Client {
            // kubectl does not look then whether there is anything to change.
            return Ok((now, "configured"));
        }
        if patch.as_object().is_none_or(serde_json::Map::is_empty) {
            return Ok((now, "unchanged"));
        }
        let call = Call::new(Method::PATCH, object.path())
            .query("dryRun", dry.query())
            .query("fieldManager", manager)
            .query("fieldValidation", validation(session))
            .body(if built_in { STRATEGIC_MERGE } else { MERGE }, json::compact(&patch).into_bytes());
        match api.value(&call).await {
            // Also when the server finds nothing to change in it: it may write a quantity in another way than the file.
            Ok(changed) => return Ok((changed, "configured")),
            Err(Failure::Api(failure)) if failure.is_conflict() && attempt < CONFLICTS => {
                now = api.value(&Call::get(object.path())).await?;
            }
            Err(Failure::Api(failure))
                if session.options.on("force") && matches!(failure.reason.as_str(), "Conflict" | "Invalid") =>
            {
                return Ok((anew(session, object, &now, &modified).await?, "configured"));
            }
            Err(failure) => {
                let described = format!("applying patch:\n{}\nto:\n{}\nfor:", json::compact(&patch), described(object));
                return Err(failure.when(&described, &object.source));
            }
        }
    }
    Ok((now, "unchanged"))
}

/// Deletes an object that cannot be changed as is wanted, and makes it again. When that fails, the old one is put back.
async fn anew(session: &Session, object: &Object, now: &Value, modified: &Value) -> Result<Value, Failure> {
    let api = session.api().await?;
    let options = &session.options;
    let mut body = json!({"propagationPolicy": delete::propagation(session)?});
    if options.number("grace-period") >= 0 {
        body["gracePeriodSeconds"] = json!(options.number("grace-period"));
    }
    api.value(&Call::new(Method::DELETE, object.path()).json(&body)).await?;
    let deadline = session.clock().elapsed() + options.duration("timeout").unwrap_or_default();
    loop {
        match api.value(&Call::get(object.path())).await {
            Err(failure) if failure.is_not_found() => break,
            Err(failure) => return Err(failure),
            Ok(_) if session.clock().elapsed() >= deadline => {
                // kubectl looks once without --timeout, and tells it as Go does.
                let patch = format!("applying patch:\n{}\n\nto:\n{}\nfor:", json::compact(modified), described(object));
                return Err(Failure::message("context deadline exceeded").when(&patch, &object.source));
            }
            Ok(_) => drop(session.clock().sleep(AGAIN).await),
        }
    }
    let create = |value: &Value| {
        Call::new(Method::POST, object.mapping.path(&object.namespace, "", ""))
            .query("fieldManager", options.text("field-manager"))
            .query("fieldValidation", validation(session))
            .json(value)
    };
    match api.value(&create(modified)).await {
        Ok(created) => Ok(created),
        Err(failure) => {
            let mut before = now.clone();
            if let Some(metadata) = before["metadata"].as_object_mut() {
                metadata.retain(|field, _| !matches!(field.as_str(), "resourceVersion" | "uid"));
            }
            let restored = api.value(&create(&before)).await;
            Err(match restored {
                Ok(_) => failure,
                Err(worse) => Failure::message(format!(
                    "An error occurred force-replacing the existing object with the newly provided one:\n\n{}.\n\nAdditionally, an error occurred attempting to restore the original object:\n\n{}",
                    failure.words(),
                    worse.words()
                )),
            })
        }
    }
}

/// The object as kubectl tells of it in an error.
fn described(object: &Object) -> String {
    format!(
        "Resource: {}, GroupVersionKind: {}\nName: \"{}\", Namespace: \"{}\"",
        quoted_resource(object),
        quoted_kind(object),
        object.name,
        object.namespace
    )
}

fn quoted_resource(object: &Object) -> String {
    format!("\"{}, Resource={}\"", slashed(object), object.mapping.plural)
}

fn quoted_kind(object: &Object) -> String {
    format!("\"{}, Kind={}\"", slashed(object), object.mapping.kind)
}

fn slashed(object: &Object) -> String {
    format!("{}/{}", object.mapping.group, object.mapping.version)
}

/// Whether a group is Kubernetes' own, whose lists kubectl knows how to merge.
pub fn is_built_in(group: &str) -> bool {
    !group.contains('.')
        || (group.ends_with(".k8s.io")
            && !matches!(group, "metrics.k8s.io" | "snapshot.storage.k8s.io" | "gateway.networking.k8s.io"))
}

/// The object with itself, as it is applied, in its annotation.
pub fn with_last_applied(value: &Value) -> Value {
    let mut plain = value.clone();
    if !plain["metadata"]["annotations"].is_object() {
        plain["metadata"]["annotations"] = json!({});
    }
    if let Some(annotations) = plain["metadata"]["annotations"].as_object_mut() {
        annotations.remove(LAST_APPLIED);
    }
    let text = json::compact(&plain) + "\n";
    plain["metadata"]["annotations"][LAST_APPLIED] = Value::String(text);
    plain
}
