//! `kubectl set resources`, `serviceaccount`, `selector` and `subject`, and what all `set` commands do with objects: each
//! is changed as it is here, and the difference is sent; with `--local` nothing is.

use std::sync::Arc;

use http::Method;
use serde_json::{Map, Value, json};

use super::create;
use super::create_policy::canonical;
use super::dry_run::{DryRun, tell};
use crate::tools::kubectl::api::{Call, STRATEGIC_MERGE};
use crate::tools::kubectl::discovery::Mapping;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::print::written::as_go_writes_it;
use crate::tools::kubectl::resources::{Object, Rules, Selection};
use crate::tools::kubectl::session::Session;
use crate::tools::kubectl::three_way;

const COMMON: &[Flag] = &[Flag::switch("all"), Flag::text("field-manager").or("kubectl-set"), Flag::switch("local")];

/// The options of `set resources`.
pub const RESOURCES_OPTIONS: &[&[Flag]] = &[
    COMMON,
    &[
        Flag::text("containers").short('c').or("*"),
        Flag::text("limits"),
        Flag::text("requests"),
        Flag::text("selector").short('l'),
    ],
    DRY_RUN,
    FILES,
    PRINT,
];
/// The options of `set serviceaccount`.
pub const ACCOUNT_OPTIONS: &[&[Flag]] = &[COMMON, DRY_RUN, FILES, PRINT];
/// The options of `set selector`.
pub const SELECTOR_OPTIONS: &[&[Flag]] = &[COMMON, &[Flag::text("resource-version")], DRY_RUN, FILES, PRINT];
/// The options of `set subject`.
pub const SUBJECT_OPTIONS: &[&[Flag]] = &[
    COMMON,
    &[Flag::each("group"), Flag::text("selector").short('l'), Flag::each("serviceaccount"), Flag::each("user")],
    DRY_RUN,
    FILES,
    PRINT,
];

/// Where the containers of a kind are.
pub fn template(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "Pod" => Some(&["spec"]),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
            Some(&["spec", "template", "spec"])
        }
        "CronJob" => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        _ => None,
    }
}

/// The specification of an object's Pods, to be changed.
///
/// # Errors
/// When it has none, in kubectl's words.
pub fn pod_spec<'v>(object: &Object, value: &'v mut Value) -> Result<&'v mut Value, String> {
    let path = template(&object.mapping.kind).ok_or_else(|| {
        format!(
            "error: {} the object is not a pod or does not have a pod template: {}\n",
            name_of(object, " ").trim_end(),
            go_type(&object.mapping)
        )
    })?;
    let place = format!("/{}", path.join("/"));
    value.pointer_mut(&place).filter(|spec| spec.is_object()).ok_or_else(|| format!("{} has no Pods", object.title()))
}

/// What an error calls an object: one of the server by its resource, one of a file by its kind, with `more` behind it.
pub fn name_of(object: &Object, more: &str) -> String {
    match object.source.as_str() {
        "" => format!("{}/{} ", object.mapping.plural, object.name),
        _ => format!("{}{more}", object.title()),
    }
}

/// Go's name for the type of a kind: `*v1.Service`, or that of what has no type.
fn go_type(mapping: &Mapping) -> String {
    match super::apply::is_built_in(&mapping.group) {
        true => format!("*{}.{}", mapping.version, mapping.kind),
        false => "*unstructured.Unstructured".into(),
    }
}

/// Whether a container's name fits a pattern with `*`.
pub fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail),
    }
}

/// A kind as a manifest names it, for when no server is asked.
fn offline(value: Value) -> Object {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let mapping = Mapping {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: format!("{}s", kind.to_lowercase()),
        singular: kind.to_lowercase(),
        kind,
        namespaced: true,
        ..Mapping::default()
    };
    Object::read(Arc::new(mapping), value)
}

/// The objects that a command is about: those of the server, or with `--local` those of the files.
///
/// # Errors
/// As kubectl.
pub async fn objects(session: &Session, resources: &[String]) -> Result<Selection, Failure> {
    if !session.options.on("local") {
        return session.select(resources, Rules { type_alone: false, selectors: true, ..Rules::default() }).await;
    }
    if session.options.text("dry-run") == "server" {
        return Err(Failure::message("cannot specify --local and --dry-run=server - did you mean --dry-run=client?"));
    }
    if !resources.is_empty() || !session.has_files() {
        return Err(Failure::Plain(
            "error: you must specify resources by --filename when --local is set.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'"
                .into(),
        ));
    }
    let mut selection = local(session).await?;
    selection.objects.iter_mut().for_each(|object| as_go_writes_it(&mut object.value));
    Ok(selection)
}

/// The objects of the files as they stand there.
///
/// # Errors
/// When they cannot be read.
pub async fn local(session: &Session) -> Result<Selection, Failure> {
    let mut selection = Selection::default();
    for (value, source) in crate::tools::kubectl::manifests::read(session).await? {
        selection.objects.push(Object { source, ..offline(value) });
    }
    selection.single = selection.objects.len() == 1;
    Ok(selection)
}

/// What becomes of an object that is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchanged {
    /// It is not told of.
    Silent,
    /// It is told of as if it were changed.
    Told,
    /// That it was not changed is told.
    Info,
}

/// Changes objects one after the other.
///
/// # Errors
/// As kubectl.
pub async fn edit(
    session: &Session,
    resources: &[String],
    done: &str,
    unchanged: Unchanged,
    change: impl Fn(&Object, &mut Value) -> Result<(), String>,
) -> Result<(), Failure> {
    let dry = DryRun::of(session).await?;
    let local = session.options.on("local");
    let mut printer = ObjectPrinter::chosen(session).await?;
    let selection = objects(session, resources).await?;
    let mut failures = selection.failures;
    for object in &selection.objects {
        let mut value = object.value.clone();
        if let Err(why) = change(object, &mut value) {
            failures.push(Failure::message(why));
            continue;
        }
        let mut patch = three_way::strategic(&object.mapping.kind, &object.value, &value, &object.value);
        let same = patch.as_object().is_none_or(Map::is_empty);
        if same && unchanged == Unchanged::Silent {
            continue;
        }
        if same && unchanged == Unchanged::Info && !local {
            failures.push(Failure::message(format!("info: {} was not changed\n", object.title())));
            continue;
        }
        if local || dry == DryRun::Client {
            as_go_writes_it(&mut value);
            tell(session, &mut printer, object, &value, done, dry).await?;
            continue;
        }
        let version = session.options.text("resource-version");
        if !version.is_empty() {
            patch["metadata"] = json!({"resourceVersion": version});
        }
        let call = Call::new(Method::PATCH, object.path())
            .query("fieldManager", session.options.text("field-manager"))
            .query("dryRun", dry.query())
            .body(STRATEGIC_MERGE, patch.to_string().into_bytes());
        match session.api().await?.value(&call).await {
            Ok(changed) => tell(session, &mut printer, object, &changed, done, dry).await?,
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(match patching(done) {
                "" => failure,
                words => failure.prefixed(words),
            }),
        }
    }
    Failure::together(failures)
}

/// kubectl's words ahead of what the server says against a change.
fn patching(done: &str) -> &'static str {
    match done {
        "image updated" => "failed to patch image update to pod template: ",
        "env updated" => "failed to patch env update to pod template: ",
        "resource requirements updated" => "failed to patch resources update to pod template ",
        "serviceaccount updated" => "failed to patch ServiceAccountName ",
        "subjects updated" => "failed to patch subjects to rolebinding: ",
        _ => "",
    }
}

/// The amounts of `cpu=100m,memory=1Gi`.
fn amounts(text: &str) -> Result<Map<String, Value>, Failure> {
    let mut all = Map::new();
    for pair in text.split(',').filter(|_| !text.is_empty()) {
        let parts: Vec<&str> = pair.split('=').collect();
        let [resource, amount] = parts.as_slice() else {
            return Err(Failure::message(format!("Invalid argument syntax {pair}, expected <resource>=<value>")));
        };
        all.insert((*resource).to_owned(), json!(canonical(amount)?));
    }
    Ok(all)
}

/// Sets what containers may use and ask for.
///
/// # Errors
/// As kubectl.
pub async fn resources(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if let Some(failure) = super::dry_run::no_resource(session) {
        return Err(failure);
    }
    if options.text("limits").is_empty() && options.text("requests").is_empty() {
        return Err(Failure::message(
            "you must specify an update to requests or limits (in the form of --requests/--limits)",
        ));
    }
    let wanted = [("limits", amounts(options.text("limits"))?), ("requests", amounts(options.text("requests"))?)];
    let pattern = options.text("containers");
    edit(session, &options.args, "resource requirements updated", Unchanged::Info, |object, value| {
        let spec = pod_spec(object, value)?;
        let mut found = false;
        for list in ["containers", "initContainers"] {
            let Some(containers) = spec.get_mut(list).and_then(Value::as_array_mut) else { continue };
            for container in containers {
                let named = container["name"].as_str().is_some_and(|name| fits(pattern, name));
                if !named {
                    continue;
                }
                found = true;
                for (field, amounts) in &wanted {
                    if amounts.is_empty() {
                        continue;
                    }
                    if !container["resources"].is_object() {
                        container["resources"] = json!({});
                    }
                    // Amounts that are not named stay.
                    let mut all = container["resources"][*field].as_object().cloned().unwrap_or_default();
                    all.extend(amounts.clone());
                    container["resources"][*field] = all.into();
                }
            }
        }
        if found { Ok(()) } else { Err(format!("unable to find container named {pattern}")) }
    })
    .await
}

/// Sets the ServiceAccount of Pods.
///
/// # Errors
/// As kubectl.
pub async fn account(session: &Session) -> Result<(), Failure> {
    let Some((name, resources)) = session.options.args.split_last() else {
        return Err(Failure::message("serviceaccount is required"));
    };
    edit(session, resources, "serviceaccount updated", Unchanged::Told, |object, value| {
        let spec = pod_spec(object, value)?;
        spec["serviceAccountName"] = json!(name);
        Ok(())
    })
    .await
}

/// Sets the selector of Services.
///
/// # Errors
/// As kubectl.
pub async fn selector(session: &Session) -> Result<(), Failure> {
    let Some((words, resources)) = session.options.args.split_last() else {
        return Err(Failure::message("one selector is required"));
    };
    let selector = create::selector(words)?;
    if selector["matchExpressions"].is_array() {
        return Err(Failure::message("only equality-based selectors are supported"));
    }
    edit(session, resources, "selector updated", Unchanged::Told, |object, value| {
        if object.mapping.kind != "Service" {
            return Err("setting a selector is only supported for Services".to_owned());
        }
        if let Some(spec) = value["spec"].as_object_mut() {
            spec.insert("selector".into(), selector["matchLabels"].clone());
        }
        Ok(())
    })
    .await
}

/// Adds subjects to bindings of roles.
///
/// # Errors
/// As kubectl.
pub async fn subject(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if let Some(failure) = super::dry_run::no_resource(session) {
        return Err(failure);
    }
    const GROUP: &str = "rbac.authorization.k8s.io";
    let mut new = Vec::new();
    for (option, kind) in [("user", "User"), ("group", "Group")] {
        for name in options.all(option) {
            new.push(json!({"kind": kind, "apiGroup": GROUP, "name": name}));
        }
    }
    for account in options.all("serviceaccount") {
        match account.split(':').collect::<Vec<_>>().as_slice() {
            [namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                new.push(json!({"kind": "ServiceAccount", "namespace": namespace, "name": name}));
            }
            _ => return Err(Failure::message("serviceaccount must be <namespace>:<name>")),
        }
    }
    if new.is_empty() {
        return Err(Failure::message("you must specify at least one value of user, group or serviceaccount"));
    }
    edit(session, &options.args, "subjects updated", Unchanged::Silent, |object, value| {
        if !matches!(object.mapping.kind.as_str(), "RoleBinding" | "ClusterRoleBinding") {
            return Err(format!(
                "{}setting subjects is only supported for RoleBinding/ClusterRoleBinding",
                name_of(object, "\n ")
            ));
        }
        if !value["subjects"].is_array() {
            value["subjects"] = json!([]);
        }
        if let Some(subjects) = value["subjects"].as_array_mut() {
            for subject in &new {
                if !subjects.contains(subject) {
                    subjects.push(subject.clone());
                }
            }
        }
        Ok(())
    })
    .await
}
