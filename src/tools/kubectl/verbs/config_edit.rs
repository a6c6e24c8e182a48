//! `kubectl config`: the commands that change contexts, in the files that the configuration is made of.
//!
//! Where the calls go and as whom is the person's choice, made before anything runs; what is written here changes nothing of it.

use std::io::Write;

use serde_json::{Map, Value, json};

use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::manifests::reason;
use crate::tools::kubectl::options::Flag;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::print::json::sorted;
use crate::tools::kubectl::session::Session;
use crate::tools::yaml::{Dialect, to_yaml};

/// The options of `config set-context`. `--cluster` and `--user` are global ones as well; here they belong to the context.
pub const SET_CONTEXT_OPTIONS: &[&[Flag]] = &[&[Flag::text("cluster"), Flag::switch("current"), Flag::text("user")]];
/// The options of `config set`.
pub const SET_OPTIONS: &[&[Flag]] = &[&[Flag::switch("set-raw-bytes")]];

/// A file of the configuration.
struct File {
    path: String,
    value: Value,
    changed: bool,
}

/// All files, as they are.
pub(super) struct Config<'s> {
    session: &'s Session,
    files: Vec<File>,
    /// What the files and the session make together.
    whole: Value,
}

impl<'s> Config<'s> {
    pub(super) fn read(session: &'s Session) -> Result<Self, Failure> {
        let whole = serde_json::to_value(session.kubeconfig()?).unwrap_or_default();
        let mut files = Vec::new();
        for path in session.kubeconfig_files() {
            let wrong = |why: String| Failure::message(format!("error loading config file {}: {why}", quote(&path)));
            let value = match session.files().read_to_string(&path) {
                Ok(text) if !text.trim().is_empty() => {
                    serde_saphyr::from_str::<Value>(&text).map_err(|error| wrong(format!("yaml: {error}")))?
                }
                Ok(_) => Value::Null,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Value::Null,
                Err(error) => return Err(wrong(reason(&error))),
            };
            let value = if value.is_object() {
                value
            } else {
                json!({"apiVersion": "v1", "kind": "Config", "preferences": {}, "clusters": null, "contexts": null,
                    "users": null, "current-context": ""})
            };
            files.push(File { path, value, changed: false });
        }
        Ok(Self { session, files, whole })
    }

    /// The name of the file that is named in messages.
    fn path(&self) -> &str {
        self.files.first().map_or("", |file| file.path.as_str())
    }

    fn names(&self, list: &str) -> Vec<String> {
        let entries = self.whole[list].as_array().into_iter().flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry["name"].as_str()).map(str::to_owned).collect();
        names.sort();
        names
    }

    pub(super) fn entry(&self, list: &str, name: &str) -> Option<&Value> {
        self.whole[list].as_array()?.iter().find(|entry| entry["name"] == name)
    }

    fn current(&self) -> &str {
        self.whole["current-context"].as_str().unwrap_or_default()
    }

    /// Puts an entry in the file that has it, or in the first one.
    pub(super) fn put(&mut self, list: &str, name: &str, entry: Value) {
        let has = |file: &File| file.value[list].as_array().into_iter().flatten().any(|entry| entry["name"] == name);
        let at = self.files.iter().position(has).unwrap_or(0);
        let Some(file) = self.files.get_mut(at) else { return };
        if !file.value[list].is_array() {
            file.value[list] = json!([]);
        }
        if let Some(entries) = file.value[list].as_array_mut() {
            match entries.iter_mut().find(|entry| entry["name"] == name) {
                Some(known) => *known = entry,
                None => entries.push(entry),
            }
        }
        file.changed = true;
    }

    /// Takes an entry out of all files; false when none has it.
    fn remove(&mut self, list: &str, name: &str) -> bool {
        let mut found = false;
        for file in &mut self.files {
            if let Some(entries) = file.value[list].as_array_mut() {
                let before = entries.len();
                entries.retain(|entry| entry["name"] != name);
                if entries.len() != before {
                    file.changed = true;
                    found = true;
                }
            }
        }
        found
    }

    fn set_current(&mut self, name: &str) {
        let has = |file: &File| file.value["current-context"].as_str().is_some_and(|current| !current.is_empty());
        let at = self.files.iter().position(has).unwrap_or(0);
        if let Some(file) = self.files.get_mut(at) {
            file.value["current-context"] = json!(name);
            file.changed = true;
        }
    }

    pub(super) fn write(&self) -> Result<(), Failure> {
        for file in self.files.iter().filter(|file| file.changed) {
            let mut value = file.value.clone();
            complete(&mut value);
            for list in ["clusters", "contexts", "users"] {
                if let Some(entries) = value[list].as_array_mut() {
                    entries.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
                }
            }
            let text = to_yaml(&sorted(&value), Dialect::Kubectl);
            let files = self.session.files();
            let mut missing = Vec::new();
            for folder in std::path::Path::new(&file.path).ancestors().skip(1) {
                if folder.as_os_str().is_empty() || files.metadata(folder).is_ok() {
                    break;
                }
                missing.push(folder);
            }
            for folder in missing.into_iter().rev() {
                // A folder above the lesson's own is not there for it, and need not be made.
                let _ = files.create_dir(folder);
            }
            let written = files.create(&file.path).and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|error| {
                let why = reason(&error);
                Failure::message(format!("open {}: {why} (only files of the lesson's folders are written)", file.path))
            })?;
        }
        Ok(())
    }
}

/// Adds what kubectl writes of every configuration, and of every program that gets credentials.
pub(super) fn complete(config: &mut Value) {
    for (field, empty) in [
        ("clusters", Value::Null),
        ("contexts", Value::Null),
        ("users", Value::Null),
        ("preferences", json!({})),
        ("current-context", json!("")),
    ] {
        if config[field].is_null() || config[field].as_array().is_some_and(Vec::is_empty) {
            config[field] = empty;
        }
    }
    for user in config["users"].as_array_mut().into_iter().flatten() {
        let Some(plugin) = user["user"].get_mut("exec").and_then(Value::as_object_mut) else { continue };
        for (field, value) in [("args", Value::Null), ("env", Value::Null), ("provideClusterInfo", json!(false))] {
            plugin.entry(field).or_insert(value);
        }
    }
}

fn one(session: &Session) -> Result<&str, Failure> {
    match session.options.args.as_slice() {
        [name] => Ok(name),
        args => Err(Failure::message(format!("Unexpected args: [{}]", args.join(" ")))),
    }
}

/// Makes another context the current one.
///
/// # Errors
/// When there is no such context.
pub async fn use_context(session: &Session) -> Result<(), Failure> {
    let name = one(session)?;
    let mut config = Config::read(session)?;
    let Some(entry) = config.entry("contexts", name).cloned() else {
        return Err(Failure::message(format!("no context exists with the name: {}", quote(name))));
    };
    // The session's own contexts are in no file; the one that is chosen has to be in one.
    config.put("contexts", name, entry);
    config.set_current(name);
    config.write()?;
    session.print(format!("Switched to context {}.\n", quote(name))).await
}

/// Makes or changes a context.
///
/// # Errors
/// When none is named.
pub async fn set_context(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if options.args.len() > 1 {
        return Err(Failure::message(format!("Unexpected args: [{}]", options.args.join(" "))));
    }
    let mut config = Config::read(session)?;
    let name = match (options.args.first(), options.on("current")) {
        (None, false) => return Err(Failure::message("you must specify a non-empty context name or --current")),
        (Some(_), true) => {
            return Err(Failure::message("you cannot specify both a context name and --current"));
        }
        (Some(name), false) => name.clone(),
        (None, true) if config.current().is_empty() => return Err(Failure::message("no current context is set")),
        (None, true) => config.current().to_owned(),
    };
    let known = config.entry("contexts", &name).cloned();
    let mut entry = known.clone().unwrap_or_else(|| json!({"name": name, "context": {}}));
    for option in ["cluster", "user", "namespace"] {
        if options.given(option) {
            entry["context"][option] = json!(options.text(option));
        }
    }
    // kubectl keeps the two that a context cannot do without, even empty.
    for needed in ["cluster", "user"] {
        if entry["context"][needed].is_null() {
            entry["context"][needed] = json!("");
        }
    }
    if let Some(context) = entry["context"].as_object_mut() {
        context.retain(|key, value| !value.is_null() && (key != "namespace" || value != ""));
    }
    config.put("contexts", &name, entry);
    config.write()?;
    let done = if known.is_some() { "modified" } else { "created" };
    session.print(format!("Context {} {done}.\n", quote(&name))).await
}

/// Gives a context another name.
///
/// # Errors
/// When it is not there, or the name is taken.
pub async fn rename_context(session: &Session) -> Result<(), Failure> {
    let [from, to] = session.options.args.as_slice() else {
        return Err(Failure::message(format!("Unexpected args: [{}]", session.options.args.join(" "))));
    };
    let mut config = Config::read(session)?;
    let Some(mut entry) = config.entry("contexts", from).cloned() else {
        return Err(Failure::message(format!(
            "cannot rename the context {}, it's not in {}",
            quote(from),
            config.path()
        )));
    };
    if config.entry("contexts", to).is_some() {
        return Err(Failure::message(format!(
            "cannot rename the context {}, the context {} already exists in {}",
            quote(from),
            quote(to),
            config.path()
        )));
    }
    entry["name"] = json!(to);
    config.put("contexts", to, entry);
    config.remove("contexts", from);
    if config.current() == from {
        config.set_current(to);
    }
    config.write()?;
    session.print(format!("Context {} renamed to {}.\n", quote(from), quote(to))).await
}

async fn delete(session: &Session, list: &str, noun: &str) -> Result<(), Failure> {
    let name = one(session)?;
    let mut config = Config::read(session)?;
    let path = config.path().to_owned();
    if config.entry(list, name).is_none() {
        return Err(Failure::message(format!("cannot delete {noun} {name}, not in {path}")));
    }
    if list == "contexts" && config.current() == name {
        session
            .complain("warning: this removed your active context, use \"kubectl config use-context\" to select a different one\n")
            .await?;
    }
    if !config.remove(list, name) {
        return Err(Failure::message(format!(
            "{noun} {name} belongs to the session itself and is in no file: it cannot be deleted"
        )));
    }
    config.write()?;
    session.print(format!("deleted {noun} {name} from {path}\n")).await
}

/// Deletes a context.
///
/// # Errors
/// When there is none of this name.
pub async fn delete_context(session: &Session) -> Result<(), Failure> {
    delete(session, "contexts", "context").await
}

/// Deletes a cluster's entry.
///
/// # Errors
/// When there is none of this name.
pub async fn delete_cluster(session: &Session) -> Result<(), Failure> {
    delete(session, "clusters", "cluster").await
}

/// Deletes a user's entry.
///
/// # Errors
/// When there is none of this name.
pub async fn delete_user(session: &Session) -> Result<(), Failure> {
    delete(session, "users", "user").await
}

async fn list(session: &Session, which: &str) -> Result<(), Failure> {
    let names = Config::read(session)?.names(which);
    session.print(format!("NAME\n{}", names.iter().map(|name| format!("{name}\n")).collect::<String>())).await
}

/// Prints the names of the clusters.
///
/// # Errors
/// When the configuration cannot be read.
pub async fn clusters(session: &Session) -> Result<(), Failure> {
    list(session, "clusters").await
}

/// Prints the names of the users.
///
/// # Errors
/// When the configuration cannot be read.
pub async fn users(session: &Session) -> Result<(), Failure> {
    list(session, "users").await
}

/// Sets one field of the configuration.
///
/// # Errors
/// When it is none of a context, or there is no such field.
pub async fn set(session: &Session) -> Result<(), Failure> {
    let [property, value] = session.options.args.as_slice() else {
        return Err(Failure::message(format!("Unexpected args: [{}]", session.options.args.join(" "))));
    };
    change(session, property, Some(value))?;
    session.print(format!("Property {} set.\n", quote(property))).await
}

/// Empties one field of the configuration.
///
/// # Errors
/// When it is none of a context, or there is no such field.
pub async fn unset(session: &Session) -> Result<(), Failure> {
    let property = one(session)?;
    change(session, property, None)?;
    session.print(format!("Property {} unset.\n", quote(property))).await
}

fn change(session: &Session, property: &str, value: Option<&String>) -> Result<(), Failure> {
    let mut config = Config::read(session)?;
    let parts: Vec<&str> = property.split('.').collect();
    match parts.as_slice() {
        ["current-context"] => config.set_current(value.map_or("", String::as_str)),
        ["contexts", name] if value.is_none() => {
            if !config.remove("contexts", name) {
                return Err(Failure::message(format!("current map key `{name}` is invalid")));
            }
        }
        ["contexts", name, field @ ("cluster" | "user" | "namespace")] => {
            let fresh = || json!({"name": name, "context": {"cluster": "", "user": ""}});
            let mut entry = config.entry("contexts", name).cloned().unwrap_or_else(fresh);
            let context: &mut Map<String, Value> = match entry["context"].as_object_mut() {
                Some(context) => context,
                None => return Err(Failure::message(format!("context {} is not one", quote(name)))),
            };
            context.retain(|_, value| !value.is_null());
            match value {
                Some(value) => {
                    context.insert((*field).to_owned(), json!(value));
                }
                None if *field == "namespace" => {
                    context.remove("namespace");
                }
                None => {
                    context.insert((*field).to_owned(), json!(""));
                }
            }
            config.put("contexts", name, entry);
        }
        ["clusters" | "users", ..] => {
            return Err(Failure::message(format!(
                "{property} is refused: where calls go and as whom is chosen before anything runs, by the person who runs it"
            )));
        }
        [_, ..] => {
            return Err(Failure::message(format!("unable to parse {property} after [] at api.Config")));
        }
        [] => {}
    }
    config.write()
}
