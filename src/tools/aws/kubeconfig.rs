//! `aws eks update-kubeconfig`: writes down how a cluster is reached, and makes it the current one.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::End;
use super::command;
use super::failure::Failure;
use super::globals::Globals;
use super::model::Service;
use super::options::{self, Opt, Values};
use super::output;
use crate::tools::{Files, TargetCall};

/// The version of the exchange with the program that makes tokens, as the CLI writes it.
const EXEC_VERSION: &str = "client.authentication.k8s.io/v1beta1";

/// Describes the cluster and updates the kubeconfig.
pub(super) async fn run(call: &TargetCall, globals: &Globals, service: &Service, words: &[String]) -> Result<(), End> {
    let one = |name| Opt::new(name, Values::One);
    let flag = |name| Opt::new(name, Values::None);
    let known = [
        one("name"),
        one("kubeconfig"),
        one("role-arn"),
        one("proxy-url"),
        flag("dry-run"),
        flag("verbose"),
        one("alias"),
        one("user-alias"),
        one("assume-role-arn"),
    ];
    let parsed = options::parse(&known, words)?;
    let Some(name) = parsed.last("name") else {
        return Err(Failure::usage("the following arguments are required: --name").into());
    };
    if !parsed.rest.is_empty() || parsed.positional.is_some() {
        let unknown: Vec<String> = parsed.rest.iter().cloned().chain(parsed.positional.clone()).collect();
        return Err(Failure::unknown_options(&unknown).into());
    }
    for option in ["proxy-url", "assume-role-arn"] {
        if parsed.has(option) {
            return Err(Failure::general(format!("lectern's update-kubeconfig has no --{option}")).into());
        }
    }
    let describe = ["--name".to_owned(), name.to_owned()];
    let Some(asked) = command::prepare(call, globals, service, "DescribeCluster", &describe).await? else {
        return Ok(());
    };
    let answer = asked.value().await?;
    let described = &answer["cluster"];
    let status = described["status"].as_str().unwrap_or_default();
    if !matches!(status, "ACTIVE" | "UPDATING") {
        return Err(Failure::general(format!("Cluster status is {status}")).into());
    }
    let arn = described["arn"].as_str().unwrap_or_default();
    let cluster = json!({"cluster": {
        "certificate-authority-data": described["certificateAuthority"]["data"].as_str().unwrap_or_default(),
        "server": described["endpoint"],
    }, "name": arn});
    let region = arn.split(':').nth(3).unwrap_or_default();
    let mut arguments = json!(["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"]);
    if let (Some(role), Some(arguments)) = (parsed.last("role-arn"), arguments.as_array_mut()) {
        arguments.extend([json!("--role"), json!(role)]);
    }
    let mut exec = json!({"apiVersion": EXEC_VERSION, "args": arguments, "command": "aws"});
    if let Some(profile) = &globals.aws.profile {
        exec["env"] = json!([{"name": "AWS_PROFILE", "value": profile}]);
    }
    let user_name = parsed.last("user-alias").unwrap_or(arn);
    let user = json!({"name": user_name, "user": {"exec": exec}});
    let context_name = parsed.last("alias").unwrap_or(user_name);
    let context = json!({"context": {"cluster": arn, "user": user_name}, "name": context_name});

    let home = call.invocation.env.get("HOME").map_or("", String::as_str);
    let listed = call.invocation.env.get("KUBECONFIG").map_or("", String::as_str);
    let (path, mut config) = choose(&call.invocation.files, parsed.last("kubeconfig"), listed, home, arn)?;
    let known_before = entries(&config, "clusters").any(|entry| entry["name"] == arn);
    for (key, entry) in [("clusters", &cluster), ("users", &user), ("contexts", &context)] {
        insert(&mut config, key, entry.clone());
    }
    config.insert("current-context".into(), json!(context_name));
    let text = output::yaml(&Value::Object(config));
    if parsed.has("dry-run") {
        call.out.stdout(text).await?;
        return Ok(());
    }
    write(&call.invocation.files, &path, &text)
        .map_err(|error| Failure::general(format!("Can't open kubeconfig for writing: {}: {error}", path.display())))?;
    let path = path.display();
    let said = match known_before {
        true => format!("Updated context {context_name} in {path}\n"),
        false => format!("Added new context {context_name} to {path}\n"),
    };
    call.out.stdout(said).await?;
    if parsed.has("verbose") {
        let mut all = String::from("Entries:\n\n");
        for entry in [&context, &user, &cluster] {
            all.push_str(&output::yaml(entry));
            all.push('\n');
        }
        call.out.stdout(all).await?;
    }
    Ok(())
}

fn entries<'c>(config: &'c Map<String, Value>, key: &str) -> impl Iterator<Item = &'c Value> {
    config.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Puts an entry in the place of the one of its name, or behind the others.
fn insert(config: &mut Map<String, Value>, key: &str, entry: Value) {
    let list = config.entry(key).or_insert(Value::Null);
    if !list.is_array() {
        *list = json!([]);
    }
    let Some(list) = list.as_array_mut() else { return };
    match list.iter_mut().find(|other| other["name"] == entry["name"]) {
        Some(same) => *same = entry,
        None => list.push(entry),
    }
}

/// The file that is updated: the one that is named; else of those that KUBECONFIG lists the one that knows the cluster, or
/// the first; else the one in the home folder.
fn choose(
    files: &Files,
    named: Option<&str>,
    listed: &str,
    home: &str,
    arn: &str,
) -> Result<(PathBuf, Map<String, Value>), Failure> {
    let at = |path: &str| match path.strip_prefix("~/") {
        Some(rest) => Path::new(home).join(rest),
        None => files.cwd().join(path),
    };
    let mut paths: Vec<PathBuf> = match named {
        Some(path) => vec![at(path)],
        None => listed.split(':').filter(|path| !path.trim().is_empty()).map(at).collect(),
    };
    if paths.is_empty() {
        paths.push(at("~/.kube/config"));
    }
    for path in &paths {
        if let Ok(config) = read(files, path)
            && entries(&config, "clusters").any(|entry| entry["name"] == arn)
        {
            return Ok((path.clone(), config));
        }
    }
    let path = paths.remove(0);
    let config = read(files, &path)?;
    Ok((path, config))
}

/// The configuration in a file; an empty one when there is no file.
fn read(files: &Files, path: &Path) -> Result<Map<String, Value>, Failure> {
    let wrong = |why: String| Failure::general(format!("{}: {why}", path.display()));
    let text = match files.read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(wrong(format!("Can't open kubeconfig for reading: {error}"))),
    };
    if text.trim().is_empty() {
        let new = json!({"apiVersion": "v1", "clusters": [], "contexts": [], "current-context": "", "kind": "Config",
            "preferences": {}, "users": []});
        return Ok(new.as_object().cloned().unwrap_or_default());
    }
    let value: Value = serde_saphyr::from_str(&text).map_err(|error| wrong(format!("not YAML: {error}")))?;
    let Value::Object(config) = value else { return Err(wrong("not a kubeconfig: no mapping".into())) };
    for key in ["clusters", "contexts", "users"] {
        if config.get(key).is_some_and(|list| !list.is_array() && !list.is_null()) {
            return Err(wrong(format!("not a kubeconfig: {key} is no list")));
        }
    }
    Ok(config)
}

/// Writes the file, and the folders above it that are not there.
fn write(files: &Files, path: &Path, text: &str) -> std::io::Result<()> {
    let mut missing = Vec::new();
    for folder in path.ancestors().skip(1) {
        if files.metadata(folder).is_ok() {
            break;
        }
        missing.push(folder);
    }
    for folder in missing.into_iter().rev() {
        // What is above the lesson's own folders is not there for it, and need not be made.
        let _ = files.create_dir(folder);
    }
    files.create(path)?.write_all(text.as_bytes())
}
