//! `kubectl debug`: a container beside those of a Pod, in a copy of one, or on a node.

use http::Method;
use serde_json::{Value, json};

use super::attach;
use super::debug_profile::{Profile, Style, is_in_vain};
use super::run::is_image_name;
use crate::tools::kubectl::api::{Call, STRATEGIC_MERGE};
use crate::tools::kubectl::claims;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::manifests::{documents, reason};
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{FILES, Flag};
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;
use crate::tools::kubectl::{strategic, three_way};

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("arguments-only"),
        Flag::switch("attach"),
        Flag::text("container").short('c'),
        Flag::text("copy-to"),
        Flag::text("custom"),
        Flag::each("env"),
        Flag::text("image"),
        Flag::text("image-pull-policy"),
        Flag::switch("keep-annotations"),
        Flag::switch("keep-init-containers").or("true"),
        Flag::switch("keep-labels"),
        Flag::switch("keep-liveness"),
        Flag::switch("keep-readiness"),
        Flag::switch("keep-startup"),
        Flag::text("profile").or("legacy"),
        Flag::switch("quiet").short('q'),
        Flag::switch("replace"),
        Flag::switch("same-node"),
        Flag::each("set-image"),
        Flag::switch("share-processes").or("true"),
        Flag::switch("stdin").short('i'),
        Flag::text("target"),
        Flag::switch("tty").short('t'),
    ],
    FILES,
];

/// The letters of generated names: none that make words.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// What kubectl says of a profile that it will lose.
const LEGACY: &str = "--profile=legacy is deprecated and will be removed in the future. It is recommended to explicitly specify a profile, for example \"--profile=general\".\n";
/// What it says of rights that a Pod's user can't use.
const IN_VAIN: &str = "Warning: Non-root user is configured for the entire target Pod, and some capabilities granted by debug profile may not work. Please consider using \"--custom\" with a custom profile that specifies \"securityContext.runAsUser: 0\".\n";

/// What was asked for, read.
struct Asked {
    profile: Profile,
    custom: Option<Value>,
    environment: Vec<(String, String)>,
    images: Vec<(String, String)>,
    names: Vec<String>,
    words: Vec<String>,
    attaches: bool,
}

/// Starts a container to debug with, and attaches to it if that is asked for.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let asked = read(session)?;
    if let Some(effects) = session.effects() {
        let name = asked.names.first().map_or("", String::as_str);
        return Err(claims::refuse(effects, claims::pod(&session.namespace().await?, name)));
    }
    let options = &session.options;
    let target = options.text("target");
    if !target.is_empty() && !options.on("quiet") {
        session
            .print(format!(
                "Targeting container {}. If you don't see processes from this container it may be because the container runtime doesn't support this feature.\n",
                quote(target)
            ))
            .await?;
    }
    if asked.profile == Profile::Legacy {
        session.complain(LEGACY).await?;
    }
    let objects = if session.has_files() {
        session.select(&asked.names, Rules::default()).await?.complete()?
    } else {
        let mut objects = Vec::new();
        for name in &asked.names {
            let words = if name.contains('/') { vec![name.clone()] } else { vec!["pods".to_owned(), name.clone()] };
            objects.extend(session.select(&words, Rules { own_type: true, ..Rules::default() }).await?.complete()?);
        }
        objects
    };
    for object in &objects {
        let kind = (object.mapping.group.as_str(), object.mapping.kind.as_str());
        let (pod, container) = match kind {
            ("", "Node") => on_node(session, &asked, object).await?,
            ("", "Pod") if options.text("copy-to").is_empty() => beside(session, &asked, object).await?,
            ("", "Pod") => copied(session, &asked, object).await?,
            (group, kind) => {
                let kind = format!("{group}/{}, Kind={kind}", object.mapping.version);
                return Err(Failure::message(format!("{} not supported by debug", quote(&kind))));
            }
        };
        if asked.attaches && !container.is_empty() {
            attach::when_started(session, &pod, &container).await?;
        }
    }
    Ok(())
}

/// Reads what was asked for. The order is kubectl's: what is wrong first is told.
fn read(session: &Session) -> Result<Asked, Failure> {
    let options = &session.options;
    let error = |message: String| Err(Failure::message(message));
    let environment = pairs(session, "env")?;
    let images = pairs(session, "set-image")?;
    let profile = Profile::named(options.text("profile"))?;
    let custom = custom(session)?;
    let (names, words) = match options.dash {
        Some(dash) => options.args.split_at(dash),
        None => (options.args.as_slice(), &[][..]),
    };
    let (image, container) = (options.text("image"), options.text("container"));
    let interactive = options.on("stdin");
    let attaches = if options.given("attach") { options.on("attach") } else { interactive };
    if options.given("attach") && attaches && image.is_empty() && container.is_empty() {
        return error(
            "you must specify --container or create a new container using --image in order to attach.".into(),
        );
    }
    if !options.text("copy-to").is_empty() {
        if image.is_empty() && images.is_empty() && words.is_empty() {
            return error("you must specify --image, --set-image or command arguments.".into());
        }
        if !words.is_empty() && container.is_empty() && image.is_empty() {
            return error("you must specify an existing container or a new image when specifying args.".into());
        }
    } else {
        let of_copies = [("replace", options.on("replace")), ("same-node", options.on("same-node"))];
        let of_copies = of_copies.into_iter().chain([("set-image", !images.is_empty())]);
        if let Some((name, _)) = of_copies.into_iter().find(|(_, given)| *given) {
            return error(format!("--{name} may only be used with --copy-to."));
        }
        if image.is_empty() {
            return error("you must specify --image when not using --copy-to.".into());
        }
    }
    if !image.is_empty() && !is_image_name(image) {
        return error(format!("invalid image name {}: invalid reference format", quote(image)));
    }
    if names.is_empty() && !session.has_files() {
        return error("NAME or filename is required for debug".into());
    }
    let policy = options.text("image-pull-policy");
    if !matches!(policy, "" | "Always" | "IfNotPresent" | "Never") {
        return error(format!("invalid image pull policy: {policy}"));
    }
    if let Some((name, image)) = images.iter().find(|(_, image)| !is_image_name(image)) {
        return error(format!(
            "invalid image name {} for container {}: invalid reference format",
            quote(image),
            quote(name)
        ));
    }
    if !options.text("target").is_empty() && !options.text("copy-to").is_empty() {
        return error("--target is incompatible with --copy-to. Use --share-processes instead.".into());
    }
    if options.on("tty") && !interactive {
        return error("-i/--stdin is required for containers with -t/--tty=true".into());
    }
    Ok(Asked { profile, custom, environment, images, names: names.to_vec(), words: words.to_vec(), attaches })
}

/// The pairs of an option as `a=b,c=d` (pflag's StringToString): commas part them where there are several.
fn pairs(session: &Session, option: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut all: Vec<(String, String)> = Vec::new();
    for given in session.options.all(option) {
        let parts: Vec<&str> =
            if given.matches('=').count() > 1 { given.split(',').collect() } else { vec![given.as_str()] };
        for part in parts {
            let Some((key, value)) = part.split_once('=') else {
                return Err(Failure::Plain(format!(
                    "error: invalid argument {} for \"--{option}\" flag: {part} must be formatted as key=value\nSee 'kubectl debug --help' for usage.",
                    quote(given)
                )));
            };
            all.retain(|(known, _)| known != key);
            all.push((key.to_owned(), value.to_owned()));
        }
    }
    Ok(all)
}

/// What the file of `--custom` sets in the container.
fn custom(session: &Session) -> Result<Option<Value>, Failure> {
    let path = session.options.text("custom");
    if path.is_empty() {
        return Ok(None);
    }
    let bytes = session.files().read(path).map_err(|error| {
        Failure::message(format!(
            "must pass a container spec json file for custom profile: open {path}: {}",
            reason(&error)
        ))
    })?;
    let read = documents(&String::from_utf8_lossy(&bytes)).map(|mut read| read.drain(..).next().unwrap_or_default());
    let value = read.and_then(|value| match value {
        Value::Null | Value::Object(_) => Ok(value),
        _ => Err(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal into Go value of type v1.Container"
                .to_owned(),
        ),
    });
    let value =
        value.map_err(|why| Failure::message(format!("{path} does not contain a valid container spec: {why}")))?;
    if ["name", "command", "image", "lifecycle", "volumeDevices"].iter().any(|field| !value[*field].is_null()) {
        return Err(Failure::message(
            "name, command, image, lifecycle and volume devices are not modifiable via custom profile",
        ));
    }
    Ok(Some(value))
}

/// Five letters for a name.
fn letters() -> String {
    std::iter::repeat_with(|| char::from(LETTERS[fastrand::usize(..LETTERS.len())])).take(5).collect()
}

/// The container of this name as it was asked for.
fn container(session: &Session, asked: &Asked, name: &str) -> Value {
    let mut container = json!({"name": name, "resources": {}, "terminationMessagePolicy": "File"});
    fill(session, asked, &mut container);
    container
}

/// Sets in a container what was asked for.
fn fill(session: &Session, asked: &Asked, container: &mut Value) {
    let options = &session.options;
    if !asked.words.is_empty() {
        if options.on("arguments-only") {
            container["args"] = json!(asked.words);
        } else {
            container["command"] = json!(asked.words);
            if let Some(container) = container.as_object_mut() {
                container.shift_remove("args");
            }
        }
    }
    if !asked.environment.is_empty() {
        let variables = asked.environment.iter().map(|(name, value)| json!({"name": name, "value": value}));
        container["env"] = variables.collect();
    }
    for (field, option) in [("image", "image"), ("imagePullPolicy", "image-pull-policy")] {
        if !options.text(option).is_empty() {
            container[field] = json!(options.text(option));
        }
    }
    for field in ["stdin", "tty"] {
        match options.on(field) {
            true => container[field] = json!(true),
            false => drop(container.as_object_mut().and_then(|container| container.shift_remove(field))),
        }
    }
}

/// Sets in the container of a Pod what `--custom` says, and tells what it cannot use.
async fn customize(session: &Session, asked: &Asked, pod: &mut Value, list: &str, name: &str) -> Result<(), Failure> {
    let found = pod["spec"][list].as_array_mut().into_iter().flatten().find(|one| one["name"] == name);
    let Some(own) = found else { return Ok(()) };
    if let Some(custom) = &asked.custom {
        // The lists of a container are merged as those of a Pod's.
        own["kind"] = json!("Pod");
        *own = strategic::merged(own, custom);
        if let Some(own) = own.as_object_mut() {
            own.shift_remove("kind");
        }
    }
    let own = own.clone();
    if is_in_vain(pod, &own) {
        session.complain(IN_VAIN).await?;
    }
    Ok(())
}

/// The name of a new container among those of a Pod.
async fn new_name(session: &Session, pod: &Value) -> Result<String, Failure> {
    let given = session.options.text("container");
    if !given.is_empty() {
        return Ok(given.to_owned());
    }
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let taken = |name: &str| {
        lists.iter().flat_map(|list| pod["spec"][*list].as_array().into_iter().flatten()).any(|one| one["name"] == name)
    };
    let mut name = format!("debugger-{}", letters());
    while taken(&name) {
        name = format!("debugger-{}", letters());
    }
    if !session.options.on("quiet") {
        session.print(format!("Defaulting debug container name to {name}.\n")).await?;
    }
    Ok(name)
}

/// Puts a container into a running Pod.
async fn beside(session: &Session, asked: &Asked, pod: &Object) -> Result<(Object, String), Failure> {
    let name = new_name(session, &pod.value).await?;
    let mut own = container(session, asked, &name);
    let target = session.options.text("target");
    if !target.is_empty() {
        own["targetContainerName"] = json!(target);
    }
    let mut changed = pod.value.clone();
    let list = &mut changed["spec"]["ephemeralContainers"];
    match list.as_array_mut() {
        Some(list) => list.push(own),
        None => *list = json!([own]),
    }
    asked.profile.apply(Style::Ephemeral, &mut changed, &name, &session.options);
    customize(session, asked, &mut changed, "ephemeralContainers", &name).await?;
    let patch = three_way::strategic("Pod", &pod.value, &changed, &pod.value);
    let call =
        Call::new(Method::PATCH, pod.part("ephemeralcontainers")).body(STRATEGIC_MERGE, patch.to_string().into_bytes());
    match session.api().await?.value(&call).await {
        Ok(value) => Ok((Object::read(pod.mapping.clone(), value), name)),
        // A missing Pod is named in the answer; a server without the sub-resource names nothing.
        Err(Failure::Api(failure)) if failure.is_not_found() && failure.details["name"].is_null() => {
            Err(Failure::message(format!(
                "ephemeral containers are disabled for this cluster (error from server: {}).",
                quote(&failure.message)
            )))
        }
        Err(failure) => Err(failure),
    }
}

/// Makes a copy of a Pod with a container more, or with one changed.
async fn copied(session: &Session, asked: &Asked, pod: &Object) -> Result<(Object, String), Failure> {
    let options = &session.options;
    let mut metadata = json!({"name": options.text("copy-to"), "namespace": pod.namespace});
    for field in ["annotations", "labels"] {
        if !pod.value["metadata"][field].is_null() {
            metadata[field] = pod.value["metadata"][field].clone();
        }
    }
    let mut copy = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod.value["spec"]});
    if let Some(spec) = copy["spec"].as_object_mut() {
        spec.shift_remove("ephemeralContainers");
        if !options.on("same-node") {
            spec.shift_remove("nodeName");
        }
        if options.given("share-processes") {
            spec.insert("shareProcessNamespace".into(), json!(options.on("share-processes")));
        }
    }
    let image_of = |name: &str| asked.images.iter().find(|(known, _)| known == name).map(|(_, image)| image.clone());
    for container in copy["spec"]["containers"].as_array_mut().into_iter().flatten() {
        let own = container["name"].as_str().and_then(image_of).or_else(|| image_of("*"));
        if let Some(image) = own {
            container["image"] = json!(image);
        }
    }
    let mut name = options.text("container").to_owned();
    let list = copy["spec"]["containers"].as_array();
    let known = list.and_then(|list| list.iter().position(|one| one["name"] == name.as_str()));
    match known {
        Some(known) => fill(session, asked, &mut copy["spec"]["containers"][known]),
        None if options.text("image").is_empty() && !asked.images.is_empty() => name.clear(),
        None if options.text("image").is_empty() => {
            return Err(Failure::message("you must specify image when creating new container"));
        }
        None => {
            name = new_name(session, &copy).await?;
            let own = container(session, asked, &name);
            if let Some(list) = copy["spec"]["containers"].as_array_mut() {
                list.push(own);
            }
        }
    }
    // A call that sets images only has no container to debug with, and no profile.
    if !name.is_empty() {
        if let Some(metadata) = copy["metadata"].as_object_mut().filter(|_| !options.on("keep-labels")) {
            // With them it would count among the Pods of the original's owner.
            metadata.shift_remove("labels");
        }
        asked.profile.apply(Style::Copy, &mut copy, &name, options);
        customize(session, asked, &mut copy, "containers", &name).await?;
    }
    let created = create(session, pod, &pod.namespace, copy).await?;
    if options.on("replace") {
        let call = Call::new(Method::DELETE, pod.path()).json(&json!({"gracePeriodSeconds": 0}));
        session.api().await?.value(&call).await?;
    }
    Ok((created, name))
}

/// Makes a Pod on a node.
async fn on_node(session: &Session, asked: &Asked, node: &Object) -> Result<(Object, String), Failure> {
    let options = &session.options;
    let name = match options.text("container") {
        "" => "debugger",
        name => name,
    };
    let pod_name = format!("node-debugger-{}-{}", node.name, letters());
    if !options.on("quiet") {
        session
            .print(format!("Creating debugging pod {pod_name} with container {name} on node {}.\n", node.name))
            .await?;
    }
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod_name}, "spec": {
        "containers": [container(session, asked, name)], "nodeName": node.name, "restartPolicy": "Never",
        "tolerations": [{"operator": "Exists"}]}});
    asked.profile.apply(Style::Node, &mut pod, name, options);
    customize(session, asked, &mut pod, "containers", name).await?;
    let mapping = Object { mapping: session.mapping("pods").await?, ..node.clone() };
    let namespace = session.namespace().await?;
    Ok((create(session, &mapping, &namespace, pod).await?, name.to_owned()))
}

/// Creates a Pod; `like` is one, or what has its kind.
async fn create(session: &Session, like: &Object, namespace: &str, pod: Value) -> Result<Object, Failure> {
    let call = Call::new(Method::POST, like.mapping.path(namespace, "", "")).json(&pod);
    Ok(Object::read(like.mapping.clone(), session.api().await?.value(&call).await?))
}
