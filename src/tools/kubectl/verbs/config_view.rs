//! `kubectl config view`, `get-contexts` and `current-context`: the configuration, shown.

use serde_json::{Value, json};

use super::config_edit::complete;
use super::config_set::embedded;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{Flag, PRINT};
use crate::tools::kubectl::print::columns::Columns;
use crate::tools::kubectl::print::json::{in_order, sorted};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::session::Session;
use crate::tools::yaml::{Dialect, to_yaml};

/// The options of `config view`.
pub const VIEW_OPTIONS: &[&[Flag]] =
    &[&[Flag::switch("flatten"), Flag::switch("merge").or("true"), Flag::switch("minify"), Flag::switch("raw")], PRINT];
/// The options of `config get-contexts`.
pub const CONTEXTS_OPTIONS: &[&[Flag]] = &[&[Flag::switch("no-headers"), Flag::text("output").short('o')]];

fn chosen(session: &Session, config: &kube::config::Kubeconfig) -> Option<String> {
    Some(session.options.text("context").to_owned())
        .filter(|context| !context.is_empty())
        .or_else(|| config.current_context.clone())
}

/// Prints the name of the current context.
///
/// # Errors
/// When there is none.
pub async fn current_context(session: &Session) -> Result<(), Failure> {
    match session.kubeconfig()?.current_context.filter(|context| !context.is_empty()) {
        Some(context) => session.print(format!("{context}\n")).await,
        None => Err(Failure::message("current-context is not set")),
    }
}

/// Prints the contexts.
///
/// # Errors
/// When one is named that is not there.
pub async fn contexts(session: &Session) -> Result<(), Failure> {
    let config = session.kubeconfig()?;
    let mut columns = Columns::table();
    let name_only = session.options.text("output") == "name";
    if !name_only && !session.options.on("no-headers") {
        columns.write("CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n");
    }
    let mut names: Vec<&str> = config.contexts.iter().map(|named| named.name.as_str()).collect();
    names.sort_unstable();
    if !session.options.args.is_empty() {
        if let Some(other) = session.options.args.iter().find(|arg| !names.contains(&arg.as_str())) {
            session.print(columns.flush()).await?;
            return Err(Failure::message(format!("context {other} not found")));
        }
        names.retain(|name| session.options.args.iter().any(|arg| arg == name));
    }
    for name in names {
        if name_only {
            columns.write(&format!("{name}\n"));
            continue;
        }
        let context = config.contexts.iter().find(|named| named.name == name).and_then(|named| named.context.as_ref());
        let mark = if config.current_context.as_deref() == Some(name) { "*" } else { "" };
        let (cluster, user, namespace) = context.map_or(("", "", ""), |context| {
            (
                context.cluster.as_str(),
                context.user.as_deref().unwrap_or_default(),
                context.namespace.as_deref().unwrap_or_default(),
            )
        });
        columns.write(&format!("{mark}\t{name}\t{cluster}\t{user}\t{namespace}\n"));
    }
    session.print(columns.flush()).await
}

/// Prints the configuration without its secrets.
///
/// # Errors
/// When there is none.
pub async fn view(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if !options.args.is_empty() {
        return Err(session.usage(format!("unexpected arguments: [{}]", options.args.join(" "))));
    }
    if !options.on("merge") && options.text("kubeconfig").is_empty() {
        return Err(Failure::message("if merge==false a precise file must be specified"));
    }
    let tells_all = options.on("raw") || options.on("flatten");
    if tells_all && !session.may_tell_credentials() {
        return Err(Failure::message("--raw and --flatten are refused: they would print a person's credentials"));
    }
    let config = session.kubeconfig()?;
    let mut value = serde_json::to_value(&config).unwrap_or_default();
    value["apiVersion"] = json!("v1");
    value["kind"] = json!("Config");
    complete(&mut value);
    // client-go keeps the entries in maps, which Go prints by key.
    for key in ["clusters", "contexts", "users"] {
        if let Some(entries) = value[key].as_array_mut() {
            entries.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
        }
    }
    if options.on("flatten") {
        flatten(session, &mut value)?;
    }
    for user in value["users"].as_array_mut().into_iter().flatten().filter(|_| !tells_all) {
        for key in ["token", "password"] {
            if user["user"].get(key).is_some() {
                user["user"][key] = json!("REDACTED");
            }
        }
        for key in ["client-certificate-data", "client-key-data"] {
            if user["user"].get(key).is_some() {
                user["user"][key] = json!("DATA+OMITTED");
            }
        }
    }
    for cluster in value["clusters"].as_array_mut().into_iter().flatten().filter(|_| !tells_all) {
        if cluster["cluster"].get("certificate-authority-data").is_some() {
            cluster["cluster"]["certificate-authority-data"] = json!("DATA+OMITTED");
        }
    }
    if session.options.on("minify") {
        let context = chosen(session, &config).unwrap_or_default();
        let entry = config.contexts.iter().find(|named| named.name == context).and_then(|named| named.context.as_ref());
        let Some(entry) = entry else {
            return Err(Failure::message("cannot locate context ".to_owned() + &context));
        };
        for (key, name) in [
            ("contexts", context.as_str()),
            ("clusters", entry.cluster.as_str()),
            ("users", entry.user.as_deref().unwrap_or_default()),
        ] {
            if let Some(list) = value[key].as_array_mut() {
                list.retain(|named| named["name"] == name);
            }
        }
        value["current-context"] = json!(context);
    }
    let printer = ObjectPrinter::chosen(session).await?.map(ObjectPrinter::in_order);
    let text = match printer {
        Some(mut printer) => printer.print(&in_go_order(&value))?,
        None => to_yaml(&sorted(&value), Dialect::Kubectl).into_bytes(),
    };
    session.print(text).await
}

/// Puts what files hold in the place of their names.
fn flatten(session: &Session, config: &mut Value) -> Result<(), Failure> {
    for (list, part, option) in [
        ("clusters", "cluster", "certificate-authority"),
        ("users", "user", "client-certificate"),
        ("users", "user", "client-key"),
    ] {
        for named in config[list].as_array_mut().into_iter().flatten() {
            let Some(path) = named[part][option].as_str().map(str::to_owned) else { continue };
            named[part][format!("{option}-data")] = json!(embedded(session, option, &path)?);
            if let Some(entry) = named[part].as_object_mut() {
                entry.shift_remove(option);
            }
        }
    }
    Ok(())
}

/// The configuration in the order of client-go's types, as it is printed as JSON.
fn in_go_order(config: &Value) -> Value {
    let mut whole =
        in_order(config, &["kind", "apiVersion", "preferences", "clusters", "users", "contexts", "current-context"]);
    let parts: [(&str, &str, &[&str]); 3] = [
        (
            "clusters",
            "cluster",
            &[
                "server",
                "tls-server-name",
                "insecure-skip-tls-verify",
                "certificate-authority",
                "certificate-authority-data",
                "proxy-url",
                "disable-compression",
            ],
        ),
        (
            "users",
            "user",
            &[
                "client-certificate",
                "client-certificate-data",
                "client-key",
                "client-key-data",
                "token",
                "tokenFile",
                "as",
                "as-uid",
                "as-groups",
                "as-user-extra",
                "username",
                "password",
                "auth-provider",
                "exec",
            ],
        ),
        ("contexts", "context", &["cluster", "user", "namespace"]),
    ];
    for (list, part, fields) in parts {
        for named in whole[list].as_array_mut().into_iter().flatten() {
            let mut entry = in_order(&named[part], fields);
            if entry["exec"].is_object() {
                let fields =
                    ["command", "args", "env", "apiVersion", "installHint", "provideClusterInfo", "interactiveMode"];
                entry["exec"] = in_order(&entry["exec"], &fields);
            }
            if let Some(entry) = entry.as_object_mut() {
                entry.retain(|_, value| !value.is_null());
            }
            *named = json!({"name": named["name"], part: entry});
        }
    }
    whole
}
