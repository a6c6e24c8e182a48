//! `kubectl version`, `cluster-info`, `api-resources` and `auth`: the cluster and who one is there.

use http::Method;
use serde_json::{Value, json};

use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::discovery::TIMEOUT;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{Flag, PRINT};
use crate::tools::kubectl::print::columns::Columns;
use crate::tools::kubectl::print::json::{in_order, sorted};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::ATTEMPTS;
use crate::tools::kubectl::session::Session;
use crate::tools::yaml::{Dialect, to_yaml};

/// The version of kubectl whose ways these are.
const CLIENT: &str = "v1.33.1";
/// The version of kustomize in that.
const KUSTOMIZE: &str = "v5.6.0";

/// The options of `version`.
pub const VERSION_OPTIONS: &[&[Flag]] = &[&[Flag::switch("client"), Flag::text("output").short('o')]];
/// The options of commands that have none of their own.
pub const NO_OPTIONS: &[&[Flag]] = &[];
/// The options of `api-resources`.
pub const RESOURCES_OPTIONS: &[&[Flag]] = &[&[
    Flag::text("api-group"),
    Flag::switch("cached"),
    Flag::list("categories"),
    Flag::switch("namespaced").or("true"),
    Flag::switch("no-headers"),
    Flag::text("output").short('o'),
    Flag::text("sort-by"),
    Flag::list("verbs"),
]];
/// The options of `auth can-i`.
pub const CAN_I_OPTIONS: &[&[Flag]] = &[&[
    Flag::switch("all-namespaces").short('A'),
    Flag::switch("list"),
    Flag::switch("no-headers"),
    Flag::switch("quiet").short('q'),
    Flag::text("subresource"),
]];
/// The options of `auth whoami`.
pub const WHOAMI_OPTIONS: &[&[Flag]] = &[PRINT];

/// The verbs that a resource may be asked for with; others are told of.
const VERBS: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "use",
    "bind",
    "impersonate",
    "*",
    "approve",
    "sign",
    "escalate",
    "attest",
];

/// Prints the versions of client and server.
///
/// # Errors
/// As kubectl.
pub async fn version(session: &Session) -> Result<(), Failure> {
    let client_only = session.options.on("client");
    if !session.options.args.is_empty() {
        return Err(Failure::message(format!("extra arguments: [{}]", session.options.args.join(" "))));
    }
    let server =
        if client_only { Ok(Value::Null) } else { session.api().await?.value(&Call::get("/version").opaque()).await };
    let found = server.as_ref().ok().filter(|server| !server.is_null());
    match session.options.text("output") {
        "" => {
            let mut text = format!("Client Version: {CLIENT}\nKustomize Version: {KUSTOMIZE}\n");
            if let Some(server) = found {
                text.push_str(&format!("Server Version: {}\n", server["gitVersion"].as_str().unwrap_or_default()));
            }
            session.print(text).await?;
        }
        format @ ("json" | "yaml") => {
            let mut value = json!({"clientVersion": client(), "kustomizeVersion": KUSTOMIZE});
            if let Some(server) = found {
                value["serverVersion"] = server.clone();
            }
            let text = match format {
                // Here alone kubectl indents by two.
                "json" => serde_json::to_string_pretty(&value).unwrap_or_default() + "\n",
                _ => to_yaml(&sorted(&value), Dialect::Kubectl) + "\n",
            };
            session.print(text).await?;
        }
        _ => return Err(Failure::message("--output must be 'yaml' or 'json'")),
    }
    let server = server?;
    let minor = |text: Option<&str>| text.and_then(|text| text.trim_end_matches('+').parse::<i64>().ok());
    if let Some(minor) = minor(server["minor"].as_str())
        && (minor - 33).abs() > 1
    {
        session
            .complain(format!(
                "WARNING: version difference between client (1.33) and server ({}.{minor}) exceeds the supported minor version skew of +/-1\n",
                server["major"].as_str().unwrap_or("1")
            ))
            .await?;
    }
    Ok(())
}

/// What the release says of itself whose ways these are.
fn client() -> Value {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    json!({
        "major": "1", "minor": "33", "gitVersion": CLIENT, "gitCommit": "8adc0f041b8e7ad1d30e29cc59c6ae7a15e19828",
        "gitTreeState": "clean", "buildDate": "2025-05-15T08:27:33Z", "goVersion": "go1.24.2", "compiler": "gc",
        "platform": format!("{}/{architecture}", std::env::consts::OS.replace("macos", "darwin")),
    })
}

/// That a command takes no arguments.
fn without_arguments(session: &Session) -> Result<(), Failure> {
    match session.options.args.as_slice() {
        [] => Ok(()),
        args => Err(session.usage(format!("unexpected arguments: [{}]", args.join(" ")))),
    }
}

/// The last line of `cluster-info`.
const FURTHER: &str = "\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n";

/// Prints where the control plane is.
///
/// # Errors
/// As kubectl.
pub async fn info(session: &Session) -> Result<(), Failure> {
    let server = session.api().await?.server().to_owned();
    if let Err(failure) = session.discovered(1 + ATTEMPTS).await {
        session.print(FURTHER).await?;
        return Err(failure);
    }
    let call = Call::get("/api/v1/namespaces/kube-system/services")
        .query("labelSelector", "kubernetes.io/cluster-service=true");
    let services = session.api().await?.value(&call).await?;
    let mut text = format!("Kubernetes control plane is running at {server}\n");
    for service in services["items"].as_array().into_iter().flatten() {
        let metadata = &service["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        let title = metadata["labels"]["kubernetes.io/name"].as_str().unwrap_or(name);
        let port = service["spec"]["ports"][0]["name"].as_str().map_or(String::new(), |port| format!(":{port}"));
        text.push_str(&format!(
            "{title} is running at {server}/api/v1/namespaces/kube-system/services/{name}{port}/proxy\n"
        ));
    }
    text.push_str(FURTHER);
    session.print(text).await
}

/// Prints the versions of all API groups, in the order of the alphabet.
///
/// # Errors
/// As kubectl.
pub async fn versions(session: &Session) -> Result<(), Failure> {
    without_arguments(session)?;
    let api = session.api().await?;
    let ask = |root| Call::get(root).query("timeout", TIMEOUT).opaque();
    let answers = async { Ok::<_, Failure>((api.value(&ask("/api")).await?, api.value(&ask("/apis")).await?)) };
    let (core, groups) = match answers.await {
        Ok(answers) => answers,
        Err(Failure::Closed) => return Err(Failure::Closed),
        Err(failure) => {
            session.log_undiscovered(&failure, 1).await?;
            return Err(Failure::message(failure.words()).prefixed("couldn't get available api versions from server: "));
        }
    };
    let core = core["versions"].as_array().into_iter().flatten();
    let named = groups["groups"].as_array().into_iter().flatten();
    let named =
        named.flat_map(|group| group["versions"].as_array().into_iter().flatten()).map(|one| &one["groupVersion"]);
    let mut all: Vec<&str> = core.chain(named).filter_map(serde_json::Value::as_str).collect();
    all.sort_unstable();
    session.print(all.join("\n") + "\n").await
}

/// Prints the kinds of objects that the server has.
///
/// # Errors
/// As kubectl.
pub async fn resources(session: &Session) -> Result<(), Failure> {
    without_arguments(session)?;
    let options = &session.options;
    let discovery = match session.discovered(1).await {
        Ok(discovery) => discovery,
        Err(failure) => {
            if options.text("output").is_empty() && !options.on("no-headers") {
                session.print("NAME   SHORTNAMES   APIVERSION   NAMESPACED   KIND\n").await?;
            }
            return Err(failure);
        }
    };
    let mut rows: Vec<_> = discovery
        .preferred()
        .filter(|mapping| !mapping.verbs.is_empty())
        .filter(|mapping| !options.given("api-group") || mapping.group == options.text("api-group"))
        .filter(|mapping| !options.given("namespaced") || mapping.namespaced == options.on("namespaced"))
        .filter(|mapping| options.all("verbs").iter().all(|verb| mapping.can(verb)))
        .filter(|mapping| options.all("categories").iter().all(|wanted| mapping.categories.contains(wanted)))
        .collect();
    match options.text("sort-by") {
        "name" => rows.sort_by(|a, b| a.plural.cmp(&b.plural)),
        "kind" => rows.sort_by(|a, b| a.kind.cmp(&b.kind)),
        "" => rows.sort_by(|a, b| (&a.group, &a.plural).cmp(&(&b.group, &b.plural))),
        _ => return Err(Failure::message("--sort-by accepts only name or kind")),
    }
    let mut columns = Columns::table();
    let wide = match options.text("output") {
        "name" => {
            let names: String = rows.iter().map(|mapping| mapping.group_resource() + "\n").collect();
            return session.print(names).await;
        }
        "" => false,
        "wide" => true,
        other => return Err(Failure::message(format!("--output {other} is not available"))),
    };
    if !options.on("no-headers") {
        let more = if wide { "\tVERBS\tCATEGORIES" } else { "" };
        columns.write(&format!("NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND{more}\n"));
    }
    for mapping in rows {
        let mut line = format!(
            "{}\t{}\t{}\t{}\t{}",
            mapping.plural,
            mapping.short_names.join(","),
            mapping.api_version(),
            mapping.namespaced,
            mapping.kind
        );
        if wide {
            line.push_str(&format!("\t{}\t{}", mapping.verbs.join(","), mapping.categories.join(",")));
        }
        columns.write(&(line + "\n"));
    }
    session.print(columns.flush()).await
}

/// Asks whether one may do something.
///
/// # Errors
/// As kubectl; status 1 for no.
pub async fn can_i(session: &Session) -> Result<(), Failure> {
    if session.options.on("list") {
        return super::can_list::run(session).await;
    }
    let args = &session.options.args;
    let [verb, what] = args.as_slice() else {
        return Err(Failure::message(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
        ));
    };
    let namespace = session.scope().await?;
    let attributes = if what.starts_with('/') {
        json!({"spec": {"nonResourceAttributes": {"verb": verb, "path": what}}})
    } else {
        let (kind, name) = match what.split_once('/') {
            Some((kind, name)) => (kind, name),
            None => (what.as_str(), ""),
        };
        let (group, resource) = if kind == "*" {
            ("*".to_owned(), "*".to_owned())
        } else {
            match session.mapping(kind).await {
                Ok(mapping) => {
                    if !mapping.namespaced && !session.options.on("all-namespaces") {
                        let group = match mapping.group.as_str() {
                            "" => String::new(),
                            group => format!(" in group '{group}'"),
                        };
                        let plural = &mapping.plural;
                        let line = format!("Warning: resource '{plural}' is not namespace scoped{group}\n\n");
                        session.complain(line).await?;
                    }
                    (mapping.group.clone(), mapping.plural.clone())
                }
                Err(_) => {
                    let (resource, group) = kind.split_once('.').unwrap_or((kind, ""));
                    let of_group = if group.is_empty() { String::new() } else { format!(" in group '{group}'") };
                    let word = format!("Warning: the server doesn't have a resource type '{resource}'{of_group}\n\n");
                    session.complain(word).await?;
                    (group.to_owned(), resource.to_owned())
                }
            }
        };
        if !VERBS.contains(&verb.as_str()) {
            session.complain(format!("Warning: verb '{verb}' is not a known verb\n\n")).await?;
        }
        json!({"spec": {"resourceAttributes": {
            "namespace": namespace, "verb": verb, "group": group, "resource": resource,
            "subresource": session.options.text("subresource"), "name": name}}})
    };
    let mut review = attributes;
    review["apiVersion"] = json!("authorization.k8s.io/v1");
    review["kind"] = json!("SelfSubjectAccessReview");
    let call = Call::new(Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").json(&review);
    let answer = session.api().await?.value(&call).await?;
    let allowed = answer["status"]["allowed"] == true;
    if !session.options.on("quiet") {
        let mut text = if allowed { "yes".to_owned() } else { "no".to_owned() };
        if let Some(reason) = answer["status"]["reason"].as_str().filter(|reason| !reason.is_empty() && !allowed) {
            text.push_str(&format!(" - {reason}"));
        }
        session.print(text + "\n").await?;
    }
    if allowed { Ok(()) } else { Err(Failure::Status(1)) }
}

/// Asks the server who one is.
///
/// # Errors
/// As kubectl.
pub async fn whoami(session: &Session) -> Result<(), Failure> {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let call = Call::new(Method::POST, "/apis/authentication.k8s.io/v1/selfsubjectreviews").json(&review);
    let mut answer = session.api().await?.value(&call).await?;
    let printer = ObjectPrinter::chosen(session).await?;
    if let Some(mut printer) = printer.map(ObjectPrinter::in_order) {
        // What the server does not say is there, as Go writes it.
        answer["metadata"]["creationTimestamp"] = Value::Null;
        let user = in_order(&answer["status"]["userInfo"], &["username", "uid", "groups", "extra"]);
        let review = json!({"kind": answer["kind"], "apiVersion": answer["apiVersion"],
            "metadata": answer["metadata"], "status": {"userInfo": user}});
        return session.print(printer.print(&review)?).await;
    }
    let user = &answer["status"]["userInfo"];
    let mut columns = Columns::table();
    columns.write("ATTRIBUTE\tVALUE\n");
    if let Some(name) = user["username"].as_str() {
        columns.write(&format!("Username\t{name}\n"));
    }
    if let Some(uid) = user["uid"].as_str().filter(|uid| !uid.is_empty()) {
        columns.write(&format!("UID\t{uid}\n"));
    }
    let list = |value: &Value| -> String {
        let texts: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        format!("[{}]", texts.join(" "))
    };
    if user["groups"].is_array() {
        columns.write(&format!("Groups\t{}\n", list(&user["groups"])));
    }
    for (key, value) in user["extra"].as_object().into_iter().flatten() {
        columns.write(&format!("Extra: {key}\t{}\n", list(value)));
    }
    session.print(columns.flush()).await
}
