//! `kubectl set image` and `kubectl set env`

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::set_edit::{Unchanged, edit, fits, name_of, objects, pod_spec, template};
use super::set_resolve;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;

/// The options of `set image`.
pub const IMAGE_OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all"),
        Flag::text("field-manager").or("kubectl-set"),
        Flag::switch("local"),
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
        Flag::text("from"),
        Flag::list("keys"),
        Flag::switch("list"),
        Flag::switch("local"),
        Flag::switch("overwrite").or("true"),
        Flag::text("prefix"),
        Flag::switch("resolve"),
        Flag::text("selector").short('l'),
    ],
    DRY_RUN,
    FILES,
    PRINT,
];

const CONTAINERS: [&str; 2] = ["containers", "initContainers"];

fn no_resources(session: &Session, resources: &[String]) -> Option<Failure> {
    (resources.is_empty() && !session.has_files() && !session.options.on("local"))
        .then(|| Failure::message("one or more resources must be specified as <resource> <name> or <resource>/<name>"))
}

/// Sets images of containers.
///
/// # Errors
/// As kubectl.
pub async fn image(session: &Session) -> Result<(), Failure> {
    let (resources, changes) = split(session);
    if let Some(failure) = no_resources(session, resources) {
        return Err(failure);
    }
    if changes.is_empty() {
        // Whether the resources make sense is told first.
        objects(session, resources).await?.complete()?;
        return Err(Failure::message("at least one image update is required"));
    }
    let images: Vec<(&str, &str)> = changes.iter().filter_map(|change| change.split_once('=')).collect();
    let nowhere = Mutex::new(Vec::new());
    let done = edit(session, resources, "image updated", Unchanged::Silent, |object, value| {
        let spec = pod_spec(object, value)?;
        let mut missing: Vec<&str> = images.iter().map(|(name, _)| *name).collect();
        for list in CONTAINERS {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                let Some(name) = container["name"].as_str().map(str::to_owned) else { continue };
                for (pattern, image) in &images {
                    if fits(pattern, &name) {
                        missing.retain(|known| known != pattern);
                        container["image"] = json!(image);
                    }
                }
            }
        }
        // What else was asked for is done all the same.
        let words = missing.into_iter().map(|name| format!("error: unable to find container named {}", quote(name)));
        nowhere.lock().unwrap_or_else(PoisonError::into_inner).extend(words.map(Failure::Message));
        Ok(())
    })
    .await;
    let mut failures = nowhere.into_inner().unwrap_or_else(PoisonError::into_inner);
    match done {
        Err(Failure::Closed) => return Err(Failure::Closed),
        Err(Failure::Many(others)) => failures.extend(others),
        Err(other) => failures.push(other),
        Ok(()) => {}
    }
    Failure::together(failures)
}

/// Sets variables of containers, or lists them.
///
/// # Errors
/// As kubectl.
pub async fn env(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let (resources, changes) = split(session);
    let changes: Vec<String> = changes.iter().chain(options.all("env")).cloned().collect();
    if let Some(failure) = no_resources(session, resources) {
        return Err(failure);
    }
    if options.on("list") && options.given("output") {
        return Err(Failure::message("--list and --output may not be specified together"));
    }
    if !options.all("keys").is_empty() && options.text("from").is_empty() {
        return Err(Failure::message("when specifying --keys, a configmap or secret must be provided with --from"));
    }
    let (mut new, mut removed): (Vec<Value>, Vec<&str>) = (Vec::new(), Vec::new());
    for change in &changes {
        match (change.split_once('='), change.strip_suffix('-')) {
            (Some((name, value)), _) => new.push(json!({"name": name, "value": value})),
            (None, Some(name)) if !name.is_empty() => removed.push(name),
            _ => {
                return Err(Failure::message(format!("environment variables must be of the form key=value: {change}")));
            }
        }
    }
    if new.iter().any(|variable| removed.iter().any(|name| variable["name"] == *name)) {
        return Err(Failure::message(
            "can not both modify and remove the same environment variable in the same command",
        ));
    }
    if !options.text("from").is_empty() {
        new.extend(variables_from(session, options.text("from")).await?);
    }
    if options.on("list") {
        return list(session, resources).await;
    }
    let pattern = options.text("containers");
    let overwrite = options.on("overwrite");
    let warnings = Mutex::new(Vec::new());
    let done = edit(session, resources, "env updated", Unchanged::Silent, |object, value| {
        let spec = pod_spec(object, value)?;
        let mut found = false;
        for list in CONTAINERS {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                if !container["name"].as_str().is_some_and(|name| fits(pattern, name)) {
                    continue;
                }
                found = true;
                change_one(object, container, &new, &removed, overwrite)?;
            }
        }
        if !found {
            warnings.lock().unwrap_or_else(PoisonError::into_inner).push(format!(
                "Warning: {}/{} does not have any containers matching {}\n",
                object.mapping.kind,
                object.name,
                quote(pattern)
            ));
        }
        Ok(())
    })
    .await;
    let warnings = warnings.into_inner().unwrap_or_else(PoisonError::into_inner);
    session.complain(warnings.concat()).await?;
    done
}

/// Changes the variables of one container.
fn change_one(
    object: &Object,
    container: &mut Value,
    new: &[Value],
    removed: &[&str],
    overwrite: bool,
) -> Result<(), String> {
    let before = container["env"].as_array().cloned().unwrap_or_default();
    let named = |list: &[Value], name: &Value| list.iter().find(|variable| variable["name"] == *name).cloned();
    if !overwrite && let Some(known) = new.iter().find_map(|variable| named(&before, &variable["name"])) {
        return Err(format!(
            "{}'{}' already has a value ({}), and --overwrite is false",
            name_of(object, "\n "),
            known["name"].as_str().unwrap_or_default(),
            known["value"].as_str().unwrap_or_default()
        ));
    }
    let mut after: Vec<Value> = Vec::new();
    for variable in &before {
        if removed.iter().any(|name| variable["name"] == *name) {
            continue;
        }
        after.push(named(new, &variable["name"]).unwrap_or_else(|| variable.clone()));
    }
    for variable in new {
        if named(&after, &variable["name"]).is_none() {
            after.push(variable.clone());
        }
    }
    if let Some(container) = container.as_object_mut() {
        match after.is_empty() {
            true => container.remove("env"),
            false => container.insert("env".into(), after.into()),
        };
    }
    Ok(())
}

/// The variables that a ConfigMap or Secret gives: one for each key.
async fn variables_from(session: &Session, from: &str) -> Result<Vec<Value>, Failure> {
    let unsupported = || Failure::message("unsupported resource specified in --from");
    if session.options.on("local") || !from.contains('/') {
        return Err(unsupported());
    }
    let selection = session.select(&[from.to_owned()], Rules::default()).await?;
    let keys = session.options.all("keys");
    let prefix = session.options.text("prefix");
    let mut all = Vec::new();
    for object in selection.complete()? {
        let reference = match object.mapping.kind.as_str() {
            "ConfigMap" => "configMapKeyRef",
            "Secret" => "secretKeyRef",
            _ => return Err(unsupported()),
        };
        let mut names: Vec<&String> =
            object.value["data"].as_object().into_iter().flatten().map(|(key, _)| key).collect();
        names.sort();
        for key in names.into_iter().filter(|key| keys.is_empty() || keys.contains(key)) {
            let letters = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_uppercase() } else { '_' };
            let name: String = key.chars().map(letters).collect();
            if name != *key {
                session.complain(format!("Warning: key {key} transferred to {name}\n")).await?;
            }
            let mut source = json!({});
            source[reference] = json!({"name": object.name, "key": key});
            all.push(json!({"name": format!("{prefix}{name}"), "valueFrom": source}));
        }
    }
    Ok(all)
}

/// Prints the variables of containers.
async fn list(session: &Session, resources: &[String]) -> Result<(), Failure> {
    let selection = objects(session, resources).await?;
    let pattern = session.options.text("containers");
    let (mut text, mut unresolved) = (String::new(), String::new());
    for object in &selection.objects {
        let Some(path) = template(&object.mapping.kind) else { continue };
        let spec = path.iter().fold(&object.value, |value, part| &value[*part]);
        for container in CONTAINERS.iter().flat_map(|list| spec[*list].as_array().into_iter().flatten()) {
            let name = container["name"].as_str().unwrap_or_default();
            if !fits(pattern, name) {
                continue;
            }
            text.push_str(&format!("# {} {}, container {name}\n", object.mapping.kind, object.name));
            for variable in container["env"].as_array().into_iter().flatten() {
                let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let (name, source) = (part(&variable["name"]), &variable["valueFrom"]);
                let from = if source["configMapKeyRef"].is_object() {
                    let from = &source["configMapKeyRef"];
                    format!("configmap {}, key {}", part(&from["name"]), part(&from["key"]))
                } else if source["secretKeyRef"].is_object() {
                    let from = &source["secretKeyRef"];
                    format!("secret {}, key {}", part(&from["name"]), part(&from["key"]))
                } else if source["fieldRef"].is_object() {
                    format!("field path {}", part(&source["fieldRef"]["fieldPath"]))
                } else if source["resourceFieldRef"].is_object() {
                    let from = &source["resourceFieldRef"];
                    let prefix = match part(&from["containerName"]).as_str() {
                        "" => String::new(),
                        name => format!("{name}/"),
                    };
                    format!("resource field {prefix}{}", part(&from["resource"]))
                } else {
                    text.push_str(&format!("{name}={}\n", part(&variable["value"])));
                    continue;
                };
                if session.options.on("resolve") {
                    match set_resolve::value_of(session, object, container, source).await {
                        Ok(value) => {
                            text.push_str(&format!("{name}={value}\n"));
                            continue;
                        }
                        Err(Failure::Closed) => return Err(Failure::Closed),
                        Err(failure) => unresolved
                            .push_str(&format!("error retrieving reference for {name}: {}\n", failure.words())),
                    }
                }
                text.push_str(&format!("# {name} from {from}\n"));
            }
        }
    }
    session.print(text).await?;
    session.complain(unresolved).await?;
    Failure::together(selection.failures)
}

fn split(session: &Session) -> (&[String], &[String]) {
    let args = &session.options.args;
    let is_change = |arg: &String| arg.contains('=') || (arg.ends_with('-') && arg.len() > 1);
    args.split_at(args.iter().position(is_change).unwrap_or(args.len()))
}
