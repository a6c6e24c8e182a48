//! `kubectl create`: from files, and the kinds that can be made from options alone.

use base64::Engine;
use http::Method;
use serde_json::{Map, Value, json};

use super::apply::{is_selected, validation, with_last_applied};
use super::dry_run::{DryRun, tell};
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::discovery::built_in;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::manifests::reason;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;

/// The options that each of these commands has.
pub(super) const COMMON: &[Flag] = &[
    Flag::text("field-manager").or("kubectl-create"),
    Flag::switch("save-config"),
    Flag::text("validate").or("strict").alone("strict"),
];
const DATA: &[Flag] = &[Flag::each("from-literal"), Flag::each("from-file"), Flag::each("from-env-file")];

/// The options of `create -f`.
pub const OPTIONS: &[&[Flag]] = &[
    COMMON,
    &[Flag::switch("edit"), Flag::text("raw"), Flag::text("selector").short('l'), Flag::switch("windows-line-endings")],
    DRY_RUN,
    FILES,
    PRINT,
];
/// The options of `create namespace` and `create serviceaccount`.
pub const NAMED_OPTIONS: &[&[Flag]] = &[COMMON, DRY_RUN, PRINT];
/// The options of `create configmap`.
pub const CONFIG_MAP_OPTIONS: &[&[Flag]] = &[COMMON, DATA, &[Flag::switch("append-hash")], DRY_RUN, PRINT];
/// The options of `create secret`.
pub const SECRET_OPTIONS: &[&[Flag]] =
    &[COMMON, DATA, &[Flag::switch("append-hash"), Flag::text("type")], DRY_RUN, PRINT];
/// The options of `create deployment`.
pub const DEPLOYMENT_OPTIONS: &[&[Flag]] = &[
    COMMON,
    &[Flag::list("image"), Flag::number("port", "-1"), Flag::number("replicas", "1").short('r')],
    DRY_RUN,
    PRINT,
];
/// The options of `create job`.
pub const JOB_OPTIONS: &[&[Flag]] = &[COMMON, &[Flag::text("image"), Flag::text("from")], DRY_RUN, PRINT];

/// Creates the objects of files.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    if let Some(word) = session.options.args.first() {
        return Err(session.usage(format!("Unexpected args: [{word}]")));
    }
    if !session.has_files() {
        return Err(Failure::message("must specify one of -f and -k"));
    }
    if !session.options.text("raw").is_empty() {
        return super::raw::send(session, Method::POST, true).await;
    }
    if session.options.on("edit") {
        return super::edit::create(session).await;
    }
    let mut failures = Vec::new();
    let mut objects = Vec::new();
    for object in session.objects_of_files().await? {
        if is_selected(session, &object)? {
            objects.push(object);
        }
    }
    if objects.is_empty() {
        return Err(Failure::message("no objects passed to create"));
    }
    let mut printer = ObjectPrinter::chosen(session).await?;
    for object in objects {
        match send(session, &mut printer, object, "created", true).await {
            Ok(_) => {}
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

/// Sends an object to be created, and tells of it. `of_create`: as `kubectl create` words a name that is taken.
async fn send(
    session: &Session,
    printer: &mut Option<ObjectPrinter>,
    object: Object,
    done: &str,
    of_create: bool,
) -> Result<Object, Failure> {
    let dry = DryRun::of(session).await?;
    let value = if session.options.on("save-config") { with_last_applied(&object.value) } else { object.value.clone() };
    if dry == DryRun::Client {
        tell(session, printer, &object, &value, done, dry).await?;
        return Ok(object);
    }
    let call = Call::new(Method::POST, object.mapping.path(&object.namespace, "", ""))
        .query("dryRun", dry.query())
        .query("fieldManager", session.options.text("field-manager"))
        .query("fieldValidation", validation(session))
        .json(&value);
    let created =
        session.api().await?.value(&call).await.map_err(|failure| match (object.source.as_str(), failure) {
            // Of a namespace alone kubectl tells what the server says.
            ("", failure @ (Failure::Api(_) | Failure::Away { .. }))
                if of_create && object.mapping.kind != "Namespace" =>
            {
                let kind = object.mapping.kind.to_lowercase();
                let colon = if object.mapping.kind == "Secret" { "" } else { ":" };
                Failure::Plain(format!("error: failed to create {kind}{colon} {}", failure.words()))
            }
            ("", failure) => failure,
            (source, failure) => failure.when("creating", source),
        })?;
    let object = Object { name: created["metadata"]["name"].as_str().unwrap_or_default().to_owned(), ..object };
    tell(session, printer, &object, &created, done, dry).await?;
    Ok(Object { value: created, ..object })
}

/// Creates an object; `noun` is what kubectl calls it when the server does not take it.
///
/// # Errors
/// As kubectl.
pub(super) async fn make_named(session: &Session, value: Value, noun: &str) -> Result<(), Failure> {
    match make_with(session, value, "created", false, true).await {
        Err(Failure::Api(failure)) => {
            let colon = if noun == super::create_secret::SECRET { "" } else { ":" };
            Err(Failure::message(format!("failed to create {noun}{colon} {}", Failure::Api(failure).words())))
        }
        Err(failure @ Failure::Away { .. }) => {
            let colon = if noun == super::create_secret::SECRET { "" } else { ":" };
            Err(failure.prefixed(&format!("failed to create {noun}{colon} ")))
        }
        other => other.map(drop),
    }
}

/// Looks whether options are given that a command cannot do without.
///
/// # Errors
/// When some are not.
pub(super) fn required(session: &Session, names: &[&str]) -> Result<(), Failure> {
    let missing: Vec<String> =
        names.iter().filter(|name| !session.options.given(name)).map(|name| quote(name)).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Failure::message(format!("required flag(s) {} not set", missing.join(", ")))),
    }
}

/// A selector as a manifest has it, from the words of an option: `a=b,c in (d,e),f`.
///
/// # Errors
/// When it is none.
pub(super) fn selector(text: &str) -> Result<Value, Failure> {
    let (mut labels, mut expressions) = (Map::new(), Vec::new());
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        match (c, depth, parts.last_mut()) {
            (',', 0, _) => parts.push(String::new()),
            (c, _, Some(part)) => part.push(c),
            _ => {}
        }
    }
    for part in parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        let list = |text: &str| -> Vec<String> {
            let inside = text.trim().trim_start_matches('(').trim_end_matches(')');
            inside.split(',').map(|value| value.trim().to_owned()).collect()
        };
        if part.contains("!=") {
            return Err(Failure::message(format!("{} is not a valid label selector operator", quote("!="))));
        }
        if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            labels.insert(key.trim().to_owned(), json!(value.trim()));
        } else if let Some((key, values)) = part.split_once(" notin ") {
            expressions.push(json!({"key": key.trim(), "operator": "NotIn", "values": list(values)}));
        } else if let Some((key, values)) = part.split_once(" in ") {
            expressions.push(json!({"key": key.trim(), "operator": "In", "values": list(values)}));
        } else if let Some(key) = part.strip_prefix('!') {
            expressions.push(json!({"key": key.trim(), "operator": "DoesNotExist"}));
        } else {
            expressions.push(json!({"key": part, "operator": "Exists"}));
        }
    }
    let mut value = json!({});
    if !labels.is_empty() {
        value["matchLabels"] = labels.into();
    }
    if !expressions.is_empty() {
        value["matchExpressions"] = expressions.into();
    }
    Ok(value)
}

async fn make(session: &Session, value: Value) -> Result<(), Failure> {
    make_with(session, value, "created", true, true).await.map(|_| ())
}

/// Creates an object that another command than `create` has made, and tells that it was `done`. Answers it, unless it was
/// only shown.
///
/// # Errors
/// As kubectl.
pub async fn make_as(session: &Session, value: Value, done: &str) -> Result<Option<Object>, Failure> {
    make_with(session, value, done, false, true).await
}

/// The same for an object that is shown without its namespace when it is only shown.
///
/// # Errors
/// As kubectl.
pub async fn make_unplaced(session: &Session, value: Value, done: &str) -> Result<Option<Object>, Failure> {
    make_with(session, value, done, false, false).await
}

async fn make_with(
    session: &Session,
    mut value: Value,
    done: &str,
    of_create: bool,
    placed: bool,
) -> Result<Option<Object>, Failure> {
    let mut printer = ObjectPrinter::chosen(session).await?;
    if DryRun::of(session).await? == DryRun::Client {
        // What is only shown is shown as kubectl would send it, with the fields that it leaves empty.
        let mapping = built_in().of(text(&value["apiVersion"]), text(&value["kind"]))?;
        let namespace = session.options.text("namespace");
        if placed && mapping.namespaced && !namespace.is_empty() {
            value["metadata"]["namespace"] = json!(namespace);
        }
        let object = Object::read(mapping, value.clone());
        tell(session, &mut printer, &object, &value, done, DryRun::Client).await?;
        return Ok(None);
    }
    without_nulls(&mut value);
    // These are kinds of every cluster: kubectl does not ask for them.
    let object = session.placed(built_in().of(text(&value["apiVersion"]), text(&value["kind"]))?, value).await?;
    send(session, &mut printer, object, done, of_create).await.map(Some)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Takes out fields that say nothing.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// The name that the command's one argument is.
///
/// # Errors
/// When there is not exactly one.
pub(super) fn name(session: &Session) -> Result<String, Failure> {
    match session.options.args.as_slice() {
        [name] => Ok(name.clone()),
        args => Err(session.usage(format!("exactly one NAME is required, got {}", args.len()))),
    }
}

/// Creates a Namespace.
///
/// # Errors
/// As kubectl.
pub async fn namespace(session: &Session) -> Result<(), Failure> {
    make(session, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"creationTimestamp": null, "name": name(session)?}, "spec": {}, "status": {}})).await
}

/// Creates a ServiceAccount.
///
/// # Errors
/// As kubectl.
pub async fn service_account(session: &Session) -> Result<(), Failure> {
    make(session, json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"creationTimestamp": null, "name": name(session)?}})).await
}

/// What `--from-literal`, `--from-file` and `--from-env-file` hold.
///
/// # Errors
/// When a file cannot be read, or a literal is none.
pub(super) fn data(session: &Session) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let given = |name: &str| !session.options.all(name).is_empty();
    if given("from-env-file") && (given("from-file") || given("from-literal")) {
        return Err(Failure::message("from-env-file cannot be combined with from-file or from-literal"));
    }
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let read = |path: &str| {
        session
            .files()
            .read(path)
            .map_err(|error| Failure::message(format!("error reading {path}: {}", reason(&error))))
    };
    for source in session.options.all("from-file") {
        let (key, path) = match source.split_once('=') {
            Some((key, path)) => (key.to_owned(), path),
            None => (source.rsplit('/').next().unwrap_or_default().to_owned(), source.as_str()),
        };
        if session.files().metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            let names = session
                .files()
                .names_in(path)
                .map_err(|error| Failure::message(format!("error reading {path}: {}", reason(&error))))?;
            for name in names {
                let whole = format!("{}/{name}", path.trim_end_matches('/'));
                if session.files().metadata(&whole).is_ok_and(|metadata| metadata.is_file()) {
                    all.push((name, read(&whole)?));
                }
            }
        } else {
            all.push((key, read(path)?));
        }
    }
    for source in session.options.all("from-literal") {
        let (key, value) = source
            .split_once('=')
            .ok_or_else(|| Failure::message(format!("invalid literal source {source}, expected key=value")))?;
        all.push((key.to_owned(), value.trim_matches(['\'', '"']).as_bytes().to_vec()));
    }
    for path in session.options.all("from-env-file") {
        for line in String::from_utf8_lossy(&read(path)?).lines() {
            let line = line.trim_start();
            if !line.is_empty() && !line.starts_with('#') {
                let (key, value) = line.split_once('=').unwrap_or((line, ""));
                all.push((key.to_owned(), value.as_bytes().to_vec()));
            }
        }
    }
    Ok(all)
}

/// Looks whether the keys may be keys, and each is there once. `of` is the object, as in `ConfigMap "x"`.
fn keys(data: &[(String, Vec<u8>)], of: &str) -> Result<(), Failure> {
    for (at, (key, _)) in data.iter().enumerate() {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if key.is_empty() || !key.chars().all(is_inside) {
            return Err(Failure::message(format!(
                "{} is not a valid key name for a {}: a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
                quote(key),
                of.split(' ').next().unwrap_or_default()
            )));
        }
        if data[..at].iter().any(|(other, _)| other == key) {
            return Err(Failure::message(format!(
                "cannot add key {}, another key by that name already exists in Data for {of}",
                quote(key)
            )));
        }
    }
    Ok(())
}

/// Creates a ConfigMap.
///
/// # Errors
/// As kubectl.
pub async fn config_map(session: &Session) -> Result<(), Failure> {
    let (mut plain, mut binary) = (Map::new(), Map::new());
    let data = data(session)?;
    keys(&data, &format!("ConfigMap {}", quote(&name(session)?)))?;
    for (key, bytes) in data {
        match String::from_utf8(bytes) {
            Ok(text) => plain.insert(key, json!(text)),
            Err(error) => binary.insert(key, json!(base64::engine::general_purpose::STANDARD.encode(error.as_bytes()))),
        };
    }
    let mut value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"creationTimestamp": null, "name": name(session)?}});
    for (field, map) in [("data", plain), ("binaryData", binary)] {
        if !map.is_empty() {
            value[field] = Value::Object(map);
        }
    }
    super::create_secret::append_hash(session, &mut value);
    make(session, value).await
}

/// Creates a generic Secret.
///
/// # Errors
/// As kubectl.
pub async fn secret(session: &Session) -> Result<(), Failure> {
    let mut map = Map::new();
    let data = data(session)?;
    keys(&data, &format!("Secret {}", quote(&name(session)?)))?;
    for (key, bytes) in data {
        map.insert(key, json!(base64::engine::general_purpose::STANDARD.encode(bytes)));
    }
    let mut value =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"creationTimestamp": null, "name": name(session)?}});
    let kind = session.options.text("type");
    if !kind.is_empty() {
        value["type"] = json!(kind);
    }
    if !map.is_empty() {
        value["data"] = Value::Object(map);
    }
    super::create_secret::append_hash(session, &mut value);
    make(session, value).await
}

/// Creates a Deployment of one or more images.
///
/// # Errors
/// As kubectl.
pub async fn deployment(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let words = options.dash.map_or(&[][..], |dash| &options.args[dash..]);
    let named = &options.args[..options.dash.unwrap_or(options.args.len())];
    let images = options.all("image");
    if images.is_empty() {
        return Err(Failure::message("required flag(s) \"image\" not set"));
    }
    let [name] = named else {
        return Err(session.usage(format!("exactly one NAME is required, got {}", named.len())));
    };
    if images.len() > 1 && !words.is_empty() {
        return Err(Failure::message("cannot specify multiple --image options and command"));
    }
    let containers: Vec<Value> = images
        .iter()
        .map(|image| {
            let title = image.rsplit('/').next().unwrap_or_default();
            let title = title.split(['@', ':']).next().unwrap_or_default();
            let mut container = json!({"name": title, "image": image, "resources": {}});
            if options.number("port") > 0 {
                container["ports"] = json!([{"containerPort": options.number("port")}]);
            }
            if !words.is_empty() {
                container["command"] = json!(words);
            }
            container
        })
        .collect();
    make(
        session,
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"creationTimestamp": null, "name": name, "labels": {"app": name}},
            "spec": {"replicas": options.number("replicas"), "selector": {"matchLabels": {"app": name}},
                "strategy": {}, "template": {"metadata": {"creationTimestamp": null, "labels": {"app": name}}, "spec": {"containers": containers}}},
            "status": {}}),
    )
    .await
}

/// Creates a Job of an image or from a CronJob.
///
/// # Errors
/// As kubectl.
pub async fn job(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let words = options.dash.map_or(&[][..], |dash| &options.args[dash..]);
    let named = &options.args[..options.dash.unwrap_or(options.args.len())];
    let [name] = named else {
        return Err(session.usage(format!("exactly one NAME is required, got {}", named.len())));
    };
    let value = match (options.text("image"), options.text("from")) {
        ("", "") => return Err(Failure::message("either --image or --from must be specified")),
        (image, "") => {
            let mut container = json!({"name": name, "image": image, "resources": {}});
            if !words.is_empty() {
                container["command"] = json!(words);
            }
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"creationTimestamp": null, "name": name},
                "spec": {"template": {"metadata": {"creationTimestamp": null}, "spec": {"containers": [container], "restartPolicy": "Never"}}},
                "status": {}})
        }
        ("", from) => {
            let source = session.select(&[from.to_owned()], Rules::default()).await?.complete()?.remove(0);
            if source.mapping.kind != "CronJob" {
                return Err(Failure::message(format!(
                    "from must be an existing cronjob, not {}",
                    quote(&source.title())
                )));
            }
            let template = &source.value["spec"]["jobTemplate"];
            let mut annotations = template["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
            annotations.insert("cronjob.kubernetes.io/instantiate".into(), json!("manual"));
            let mut metadata = json!({"name": name, "annotations": annotations, "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "CronJob", "name": source.name,
                "uid": source.value["metadata"]["uid"], "controller": true}]});
            if !template["metadata"]["labels"].is_null() {
                metadata["labels"] = template["metadata"]["labels"].clone();
            }
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"], "status": {}})
        }
        _ => return Err(Failure::message("either --image or --from must be specified")),
    };
    make(session, value).await
}
