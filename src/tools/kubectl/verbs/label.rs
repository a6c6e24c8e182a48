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
        Flag::switch("local"),
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

impl Which {
    /// What the words `key=value` and `key-` ask for; what is removed is null.
    fn read(&self, changes: &[String]) -> Result<Map<String, Value>, Failure> {
        let (mut new, mut removed) = (Map::new(), Map::new());
        for change in changes {
            let Some((key, value)) = change.split_once('=') else {
                removed.insert(change[..change.len() - 1].to_owned(), Value::Null);
                continue;
            };
            if self.noun == "label"
                && let Some(why) = wrong_value(value)
            {
                return Err(Failure::message(format!("invalid label value: \"{change}\": {why}")));
            }
            new.insert(key.to_owned(), json!(value));
        }
        if let Some(key) = removed.keys().find(|key| new.contains_key(*key)) {
            return Err(Failure::message(if self.noun == "label" {
                "can not both modify and remove a label in the same command".to_owned()
            } else {
                format!("can not both modify and remove the following annotation(s) in the same command: {key}")
            }));
        }
        new.extend(removed);
        Ok(new)
    }
}

/// What is wrong with a label's value, in apimachinery's words (IsValidLabelValue).
fn wrong_value(value: &str) -> Option<String> {
    let is_letter = |c: char| c.is_ascii_alphanumeric();
    if value.len() > 63 {
        return Some("must be no more than 63 bytes".to_owned());
    }
    let inside = |c: char| is_letter(c) || matches!(c, '-' | '_' | '.');
    let right =
        value.is_empty() || (value.chars().all(inside) && value.starts_with(is_letter) && value.ends_with(is_letter));
    (!right).then(|| "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')".to_owned())
}

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
    let local = options.on("local");
    if local && options.text("dry-run") == "server" {
        return Err(Failure::message("cannot specify --local and --dry-run=server - did you mean --dry-run=client?"));
    }
    if local && !resources.is_empty() {
        return Err(Failure::message(
            "can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set",
        ));
    }
    if local && !session.has_files() {
        return Err(Failure::message("one or more files must be specified as -f pod.yaml or --filename=pod.json"));
    }
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
    let new = which.read(changes)?;
    let dry = DryRun::of(session).await?;
    let mut printer = ObjectPrinter::chosen(session).await?;
    let selection = match local {
        true => super::set_edit::local(session).await?,
        false => session.select(resources, Rules { type_alone: false, selectors: true, ..Rules::default() }).await?,
    };
    let mut failures = selection.failures;
    for object in &selection.objects {
        if options.on("list") {
            let current = object.value["metadata"][which.field].as_object().cloned().unwrap_or_default();
            let mut lines = String::new();
            let indent = if selection.single { "" } else { " " };
            if !selection.single {
                lines.push_str(&format!(
                    "Listing {}s for {}/{}:\n",
                    which.noun,
                    super::expose::of_group(object),
                    object.name
                ));
            }
            for (key, value) in current {
                lines.push_str(&format!("{indent}{key}={}\n", value.as_str().unwrap_or_default()));
            }
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
                // Of an annotation kubectl does not say it.
                let sent = dry != DryRun::Client && !session.options.on("local");
                if which.noun == "label" && sent {
                    session.print(format!("label \"{key}\" not found.\n")).await?;
                }
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
    if dry == DryRun::Client || session.options.on("local") {
        let mut value = object.value.clone();
        let map = &mut value["metadata"][which.field];
        if map.is_null() {
            *map = json!({});
        }
        if let Some(map) = map.as_object_mut() {
            map.retain(|key, _| patch.get(key).is_none_or(|new| !new.is_null()));
            map.extend(patch.into_iter().filter(|(_, new)| !new.is_null()));
        }
        return Ok((value, done));
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
