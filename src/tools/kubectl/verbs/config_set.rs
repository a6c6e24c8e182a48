//! `kubectl config set-cluster` and `set-credentials`: entries of a kubeconfig. What is written down counts for nothing by itself: a
//! lesson's kubeconfig is only taken where its server is the session's, and its exec plugins never run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::config_edit::Config;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::manifests::reason;
use crate::tools::kubectl::options::Flag;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::session::Session;

/// The options of `config set-cluster`. Most are global ones as well; here they belong to the entry.
pub const CLUSTER_OPTIONS: &[&[Flag]] = &[&[
    Flag::text("certificate-authority"),
    Flag::switch("embed-certs"),
    Flag::switch("insecure-skip-tls-verify"),
    Flag::text("proxy-url"),
    Flag::text("server"),
    Flag::text("tls-server-name"),
]];
/// The options of `config set-credentials`.
pub const USER_OPTIONS: &[&[Flag]] = &[&[
    Flag::refused("auth-provider", "no auth provider is built in").alone(""),
    Flag::refused("auth-provider-arg", "no auth provider is built in").alone(""),
    Flag::text("client-certificate"),
    Flag::text("client-key"),
    Flag::switch("embed-certs"),
    Flag::text("exec-api-version"),
    Flag::each("exec-arg"),
    Flag::text("exec-command"),
    Flag::each("exec-env"),
    Flag::text("exec-interactive-mode"),
    Flag::switch("exec-provide-cluster-info"),
    Flag::text("password"),
    Flag::text("token"),
    Flag::text("username"),
]];

/// The entry of this name as it is, or a fresh one.
fn entry(config: &Config<'_>, list: &str, name: &str, part: &str) -> Map<String, Value> {
    let mut known = match config.entry(list, name).map(|entry| entry[part].clone()) {
        Some(Value::Object(known)) => known,
        _ => Map::new(),
    };
    known.retain(|_, value| !value.is_null());
    known
}

/// Sets a field, or takes it out when it is to be empty.
fn put(entry: &mut Map<String, Value>, field: &str, value: &str) {
    match value {
        "" => drop(entry.shift_remove(field)),
        value => drop(entry.insert(field.to_owned(), json!(value))),
    }
}

/// What a file holds, as a kubeconfig carries it.
///
/// # Errors
/// When it cannot be read, in kubectl's words.
pub fn embedded(session: &Session, option: &str, path: &str) -> Result<String, Failure> {
    let bytes = session.files().read(path).map_err(|error| {
        Failure::message(format!("could not stat {option} file {path}: stat {path}: {}", reason(&error)))
    })?;
    Ok(STANDARD.encode(bytes))
}

/// Sets the path of a file, or its content with `--embed-certs`. `data` is the field for the content.
fn certificate(session: &Session, entry: &mut Map<String, Value>, option: &str) -> Result<(), Failure> {
    let data = format!("{option}-data");
    if !session.options.given(option) {
        return Ok(());
    }
    let path = session.options.text(option);
    if session.options.on("embed-certs") {
        put(entry, &data, &embedded(session, option, path)?);
        entry.shift_remove(option);
    } else {
        put(entry, option, path);
        if !path.is_empty() {
            entry.shift_remove(&data);
        }
    }
    Ok(())
}

/// Makes or changes a cluster's entry.
///
/// # Errors
/// As kubectl.
pub async fn cluster(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let [name] = options.args.as_slice() else {
        return Err(Failure::message(format!("Unexpected args: [{}]", options.args.join(" "))));
    };
    if options.on("insecure-skip-tls-verify") && !options.text("certificate-authority").is_empty() {
        return Err(Failure::message("you cannot specify a certificate authority and insecure mode at the same time"));
    }
    if options.on("embed-certs") && options.text("certificate-authority").is_empty() {
        return Err(Failure::message("you must specify a --certificate-authority to embed"));
    }
    let mut config = Config::read(session)?;
    let mut entry = entry(&config, "clusters", name, "cluster");
    if options.given("server") {
        // What was said of the old server does not hold for the new one.
        entry.shift_remove("tls-server-name");
        entry.shift_remove("insecure-skip-tls-verify");
    }
    for field in ["server", "tls-server-name", "proxy-url"] {
        if options.given(field) {
            put(&mut entry, field, options.text(field));
        }
    }
    if options.given("insecure-skip-tls-verify") {
        match options.on("insecure-skip-tls-verify") {
            true => {
                entry.insert("insecure-skip-tls-verify".into(), json!(true));
                entry.shift_remove("certificate-authority");
                entry.shift_remove("certificate-authority-data");
            }
            false => drop(entry.shift_remove("insecure-skip-tls-verify")),
        }
    }
    certificate(session, &mut entry, "certificate-authority")?;
    if !options.text("certificate-authority").is_empty() {
        entry.shift_remove("insecure-skip-tls-verify");
    }
    // An entry cannot do without one, even empty.
    entry.entry("server").or_insert(json!(""));
    config.put("clusters", name, json!({"name": name, "cluster": entry}));
    config.write()?;
    session.print(format!("Cluster {} set.\n", quote(name))).await
}

/// Makes or changes a user's entry.
///
/// # Errors
/// As kubectl.
pub async fn user(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let [name] = options.args.as_slice() else {
        return Err(Failure::message(format!("unexpected args: [{}]", options.args.join(" "))));
    };
    let given = |option: &str| !options.text(option).is_empty();
    if given("token") && (given("username") || given("password")) {
        return Err(Failure::message(
            "you cannot specify more than one authentication method at the same time: --token, --username/--password",
        ));
    }
    if options.on("embed-certs") && !given("client-certificate") && !given("client-key") {
        return Err(Failure::message("you must specify a --client-certificate or --client-key to embed"));
    }
    let mut config = Config::read(session)?;
    let mut entry = entry(&config, "users", name, "user");
    for option in ["client-certificate", "client-key"] {
        certificate(session, &mut entry, option)?;
    }
    if options.given("token") {
        put(&mut entry, "token", options.text("token"));
        if given("token") {
            entry.shift_remove("username");
            entry.shift_remove("password");
        }
    }
    for option in ["username", "password"] {
        if options.given(option) {
            put(&mut entry, option, options.text(option));
            if given(option) {
                entry.shift_remove("token");
            }
        }
    }
    plugin(session, &mut entry)?;
    config.put("users", name, json!({"name": name, "user": entry}));
    config.write()?;
    session.print(format!("User {} set.\n", quote(name))).await
}

/// Sets what is said of a program that gets credentials. Without a command there is none to say it of.
fn plugin(session: &Session, entry: &mut Map<String, Value>) -> Result<(), Failure> {
    let options = &session.options;
    if options.given("exec-command") && !entry.contains_key("exec") {
        entry.insert("exec".into(), json!({"args": null, "env": null, "provideClusterInfo": false}));
    }
    let Some(plugin) = entry.get_mut("exec") else { return Ok(()) };
    for (option, field) in
        [("exec-command", "command"), ("exec-api-version", "apiVersion"), ("exec-interactive-mode", "interactiveMode")]
    {
        if options.given(option) {
            plugin[field] = json!(options.text(option));
        }
    }
    if options.given("exec-provide-cluster-info") {
        plugin["provideClusterInfo"] = json!(options.on("exec-provide-cluster-info"));
    }
    if options.given("exec-arg") {
        plugin["args"] = json!(options.all("exec-arg"));
    }
    for change in options.all("exec-env") {
        let mut variables = plugin["env"].as_array().cloned().unwrap_or_default();
        let (name, value) = match (change.split_once('='), change.strip_suffix('-')) {
            (Some((name, value)), _) => (name, Some(value)),
            (None, Some(name)) => (name, None),
            (None, None) => return Err(Failure::message(format!("Error parsing exec-env: {change}"))),
        };
        match (variables.iter_mut().find(|variable| variable["name"] == name), value) {
            (Some(known), Some(value)) => known["value"] = json!(value),
            (None, Some(value)) => variables.push(json!({"name": name, "value": value})),
            (_, None) => variables.retain(|variable| variable["name"] != name),
        }
        plugin["env"] = if variables.is_empty() { Value::Null } else { variables.into() };
    }
    Ok(())
}
