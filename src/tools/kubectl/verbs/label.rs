//! `kubectl label` and `kubectl annotate`

use http::Method;
use serde_json::{Map, Value, json};

use super::dry_run::{DryRun, tell};
use crate::tools::kubectl::api::{Call, MERGE};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;

/// The options of both commands.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all"),
        Flag::switch("all-namespaces").short('A'),
        Flag::text("field-manager"),
        Flag::text("field-selector"),
        Flag::switch("list"),
        Flag::refused("local", "this kubectl does not have it yet").alone("true"),
        Flag::switch("overwrite"),
        Flag::text("resource-version"),
        Flag::text("selector").short('l'),
    ],
    DRY_RUN,
    FILES,
    PRINT,
];

/// Which of the two maps, and what is said of it.
struct Which {
    field: &'static str,
    noun: &'static str,
    set: &'static str,
    none: &'static str,
    removed: &'static str,
}

const LABELS: Which =
    Which { field: "labels", noun: "label", set: "labeled", none: "not labeled", removed: "unlabeled" };
const ANNOTATIONS: Which =
    Which { field: "annotations", noun: "annotation", set: "annotated", none: "annotated", removed: "annotated" };

/// Sets and removes labels.
///
/// # Errors
/// As kubectl.
pub async fn label(session: &Session) -> Result<(), Failure> {
    run(session, &LABELS).await
}

/// Sets and removes annotations.
///
/// # Errors
/// As kubectl.
pub async fn annotate(session: &Session) -> Result<(), Failure> {
    run(session, &ANNOTATIONS).await
}

async fn run(session: &Session, which: &Which) -> Result<(), Failure> {
    let options = &session.options;
    let is_change = |arg: &&String| arg.contains('=') || (arg.ends_with('-') && arg.len() > 1);
    let split = options.args.iter().position(|arg| is_change(&arg)).unwrap_or(options.args.len());
    let (resources, changes) = options.args.split_at(split);
    if resources.is_empty() && !session.has_files() {
        return Err(Failure::message(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    }
    if let Some(other) = changes.iter().find(|change| !is_change(change)) {
        return Err(Failure::message(format!(
            "all resources must be specified before {} changes: {other}",
            which.noun
        )));
    }
    if changes.is_empty() && !options.on("list") {
        return Err(Failure::message(format!("at least one {} update is required", which.noun)));
    }
    let mut new: Map<String, Value> = Map::new();
    for change in changes {
        match change.split_once('=') {
            Some((key, value)) => new.insert(key.to_owned(), json!(value)),
            None => new.insert(change[..change.len() - 1].to_owned(), Value::Null),
        };
    }
    let dry = DryRun::of(session).await?;
    let mut printer = ObjectPrinter::chosen(session).await?;
    let selection = session.select(resources, Rules { type_alone: false, selectors: true }).await?;
    let mut failures = selection.failures;
    for object in &selection.objects {
        if options.on("list") {
            let current = object.value["metadata"][which.field].as_object().cloned().unwrap_or_default();
            let lines: String =
                current.iter().map(|(key, value)| format!("{key}={}\n", value.as_str().unwrap_or_default())).collect();
            session.print(lines).await?;
            continue;
        }
        match one(session, object, which, &new, dry).await {
            Ok((value, done)) => tell(session, &mut printer, object, &value, done, dry).await?,
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

async fn one(
    session: &Session,
    object: &Object,
    which: &Which,
    new: &Map<String, Value>,
    dry: DryRun,
) -> Result<(Value, &'static str), Failure> {
    let current = &object.value["metadata"][which.field];
    let mut patch = Map::new();
    let looks = session.effects().is_some();
    for (key, value) in new {
        match (&current[key], value) {
            (_, value) if looks => {
                patch.insert(key.clone(), value.clone());
            }
            (Value::Null, Value::Null) => {
                session.complain(format!("{} \"{key}\" not found.\n", which.noun)).await?;
            }
            (before, value) if before == value => {}
            (before, Value::String(_)) if !before.is_null() && !session.options.on("overwrite") => {
                let before = before.as_str().unwrap_or_default();
                return Err(Failure::message(if which.noun == "label" {
                    format!("'{key}' already has a value ({before}), and --overwrite is false")
                } else {
                    format!(
                        "--overwrite is false but found the following declared annotation(s): '{key}' already has a value ({before})"
                    )
                }));
            }
            (_, value) => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    if patch.is_empty() {
        return Ok((object.value.clone(), which.none));
    }
    let removed = patch.values().all(Value::is_null);
    let done = if removed { which.removed } else { which.set };
    if dry == DryRun::Client {
        return Ok((object.value.clone(), done));
    }
    let mut metadata = Map::new();
    metadata.insert(which.field.into(), Value::Object(patch));
    let version = session.options.text("resource-version");
    if !version.is_empty() {
        metadata.insert("resourceVersion".into(), json!(version));
    }
    let manager = match session.options.text("field-manager") {
        "" => format!("kubectl-{}", if which.noun == "label" { "label" } else { "annotate" }),
        manager => manager.to_owned(),
    };
    let call = Call::new(Method::PATCH, object.path())
        .query("fieldManager", manager)
        .query("dryRun", dry.query())
        .body(MERGE, json!({ "metadata": metadata }).to_string().into_bytes());
    Ok((session.api().await?.value(&call).await?, done))
}
