//! `kubectl run`

use http::Method;
use serde_json::{Value, json};

use super::dry_run::DryRun;
use super::expose;
use super::follow::{Event, Following};
use super::{attach, create, overrides};
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::claims;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{DRY_RUN, Flag, PRINT};
use crate::tools::kubectl::resources::Object;
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::each("annotations"),
        Flag::switch("attach"),
        Flag::switch("command"),
        Flag::each("env"),
        Flag::switch("expose"),
        Flag::text("field-manager").or("kubectl-run"),
        Flag::text("image"),
        Flag::text("image-pull-policy"),
        Flag::text("labels").short('l'),
        Flag::switch("leave-stdin-open"),
        Flag::duration("pod-running-timeout", "1m0s"),
        Flag::text("port"),
        Flag::switch("privileged"),
        Flag::switch("quiet").short('q'),
        Flag::text("restart").or("Always"),
        Flag::switch("rm"),
        Flag::switch("save-config"),
        Flag::switch("stdin").short('i'),
        Flag::switch("tty").short('t'),
    ],
    overrides::OPTIONS,
    DRY_RUN,
    PRINT,
];

/// Creates a Pod of an image; with `--attach` or `-i` shows what it prints and waits for its end.
///
/// # Errors
/// As kubectl; with `--attach`, also the exit status of the container.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let image = options.text("image");
    if image.is_empty() {
        return Err(Failure::message("required flag(s) \"image\" not set"));
    }
    let named = options.args.split_first().filter(|_| options.dash != Some(0));
    let Some((name, words)) = named else { return Err(session.usage("NAME is required for run")) };
    if !is_image_name(image) {
        return Err(Failure::message(format!("Invalid image name {}: invalid reference format", quote(image))));
    }
    let restart = options.text("restart");
    if !matches!(restart, "Always" | "OnFailure" | "Never") {
        return Err(session.usage(format!("invalid restart policy: {restart}")));
    }
    if options.on("tty") && !options.on("stdin") {
        return Err(Failure::message("-i/--stdin is required for containers with -t/--tty=true"));
    }
    let attached = options.on("attach") || options.on("stdin");
    if options.on("rm") && !attached {
        return Err(session.usage("--rm should only be used for attached containers"));
    }
    if let Some(effects) = session.effects().filter(|_| attached) {
        return Err(claims::refuse(effects, claims::pod(&session.namespace().await?, name)));
    }
    let dry = DryRun::of(session).await?;
    if attached && dry != DryRun::No {
        return Err(session.usage(
            "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
        ));
    }
    let port = options.text("port");
    if options.on("expose") && port.is_empty() {
        return Err(session.usage("--port must be set when exposing a service"));
    }
    session.discovered(1).await?;
    let mut pod = overrides::overridden(session, pod(session, name, words)?)?;
    if options.on("expose") {
        let labels = pod["metadata"]["labels"].clone();
        let service = expose::of_pod(name, port, &labels)?;
        create::make_as(session, service, "created").await?;
        if dry == DryRun::Client && options.text("output") == "yaml" {
            session.print("---\n---\n").await?;
        }
    }
    if !attached {
        return create::make_as(session, pod, "created").await.map(|_| ());
    }
    if let Some(metadata) = pod["metadata"].as_object_mut() {
        metadata.shift_remove("creationTimestamp");
    }
    let object = session.local(pod).await?;
    let call = Call::new(Method::POST, object.mapping.path(&object.namespace, "", ""))
        .query("fieldManager", options.text("field-manager"))
        .json(&object.value);
    let created = Object { value: session.api().await?.value(&call).await?, ..object };
    let status = watch(session, &created).await;
    if options.on("rm") {
        let body = json!({"propagationPolicy": "Background"});
        session.api().await?.value(&Call::new(Method::DELETE, created.path()).json(&body)).await?;
        if !options.on("quiet") {
            session.print(format!("pod {} deleted\n", quote(name))).await?;
        }
    }
    match status? {
        0 => Ok(()),
        code => {
            session.complain(format!("pod {}/{} terminated (Error)\n", created.namespace, created.name)).await?;
            Err(Failure::Status(u8::try_from(code).unwrap_or(1)))
        }
    }
}

/// Whether an image can have this name, as far as slips of people go. What the name leads to is the node's to find out.
pub fn is_image_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(char::is_whitespace) && !name.contains("://")
}

fn pod(session: &Session, name: &str, words: &[String]) -> Result<Value, Failure> {
    let options = &session.options;
    let mut container = json!({"name": name, "image": options.text("image"), "resources": {}});
    if !words.is_empty() {
        container[if options.on("command") { "command" } else { "args" }] = json!(words);
    }
    if !options.all("env").is_empty() {
        let mut variables = Vec::new();
        for pair in options.all("env") {
            let Some((key, value)) = pair.split_once('=').filter(|(key, _)| !key.is_empty()) else {
                return Err(Failure::message(format!("invalid env: {pair}")));
            };
            variables.push(json!({"name": key, "value": value}));
        }
        container["env"] = json!(variables);
    }
    let port = options.text("port");
    if !port.is_empty() {
        let number: u16 = port
            .parse()
            .map_err(|_| Failure::message(format!("strconv.Atoi: parsing {}: invalid syntax", quote(port))))?;
        container["ports"] = json!([{"containerPort": number}]);
    }
    if !options.text("image-pull-policy").is_empty() {
        container["imagePullPolicy"] = json!(options.text("image-pull-policy"));
    }
    if options.on("privileged") {
        container["securityContext"] = json!({"privileged": true});
    }
    if options.on("stdin") {
        container["stdin"] = json!(true);
        container["stdinOnce"] = json!(!options.on("leave-stdin-open"));
    }
    if options.on("tty") {
        container["tty"] = json!(true);
    }
    let mut labels = serde_json::Map::new();
    for pair in options.text("labels").split(',').filter(|pair| !pair.is_empty()) {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Failure::message(format!("unexpected label spec: {pair}")));
        };
        labels.insert(key.to_owned(), json!(value));
    }
    if labels.is_empty() {
        labels.insert("run".to_owned(), json!(name));
    }
    let mut metadata = json!({"creationTimestamp": null, "name": name, "labels": labels});
    for pair in options.all("annotations") {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Failure::message(format!("invalid annotation: {pair}")));
        };
        metadata["annotations"][key] = json!(value);
    }
    Ok(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": options.text("restart")},
        "status": {}}))
}

/// Attaches to the Pod's container; answers its exit status, or 0 where it is not waited for: of a Pod that starts anew by itself.
async fn watch(session: &Session, pod: &Object) -> Result<i64, Failure> {
    attach::when_started(session, pod, &pod.name).await?;
    let options = &session.options;
    if options.on("leave-stdin-open") || options.text("restart") == "Always" {
        return Ok(0);
    }
    let mut following = Following::new(session, pod);
    loop {
        match following.next().await? {
            Event::Present(value) => {
                let state = &value["status"]["containerStatuses"][0]["state"]["terminated"];
                if matches!(value["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) {
                    return Ok(state["exitCode"].as_i64().unwrap_or(0));
                }
            }
            Event::Deleted | Event::Absent => return Ok(0),
        }
    }
}
