//! `kubectl cordon`, `uncordon` and `drain`

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::dry_run::DryRun;
use super::follow::{Event, Following};
use crate::tools::kubectl::api::{Call, STRATEGIC_MERGE};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{DRY_RUN, Flag};
use crate::tools::kubectl::resources::{CHUNK, Object, Rules, with_kind};
use crate::tools::kubectl::session::Session;

/// The options of `cordon` and `uncordon`.
pub const CORDON_OPTIONS: &[&[Flag]] = &[&[Flag::text("selector").short('l')], DRY_RUN];
/// The options of `drain`.
pub const DRAIN_OPTIONS: &[&[Flag]] = &[
    &[
        Flag::number("chunk-size", CHUNK),
        Flag::switch("delete-emptydir-data"),
        Flag::switch("disable-eviction"),
        Flag::switch("force"),
        Flag::number("grace-period", "-1"),
        Flag::switch("ignore-daemonsets"),
        Flag::text("pod-selector"),
        Flag::text("selector").short('l'),
        Flag::number("skip-wait-for-delete-timeout", "0"),
        Flag::duration("timeout", "0s"),
    ],
    DRY_RUN,
];

/// How long an eviction that a disruption budget forbids is left before it is tried again, as kubectl does.
const AGAIN: Duration = Duration::from_secs(5);

/// Takes nodes out of scheduling.
///
/// # Errors
/// As kubectl.
pub async fn cordon(session: &Session) -> Result<(), Failure> {
    each(session, true).await
}

/// Takes nodes into scheduling again.
///
/// # Errors
/// As kubectl.
pub async fn uncordon(session: &Session) -> Result<(), Failure> {
    each(session, false).await
}

async fn each(session: &Session, cordoned: bool) -> Result<(), Failure> {
    let dry = DryRun::of(session).await?;
    let (nodes, failures) = nodes(session).await?;
    // Nothing is done to the others when one is not there.
    Failure::together(failures)?;
    let mut failures = Vec::new();
    for node in &nodes {
        match mark(session, node, cordoned, dry).await {
            Ok(()) => {}
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

/// The nodes that are named or selected.
async fn nodes(session: &Session) -> Result<(Vec<Object>, Vec<Failure>), Failure> {
    let options = &session.options;
    let selector = options.text("selector");
    let verb = session.command.trim_start_matches("kubectl ");
    if options.args.is_empty() && selector.is_empty() {
        return Err(session.usage(format!("USAGE: {verb} NODE [flags]")));
    }
    if !options.args.is_empty() && !selector.is_empty() {
        return Err(Failure::message("error: cannot specify both a node name and a --selector option"));
    }
    let mut args = vec!["nodes".to_owned()];
    args.extend(options.args.iter().cloned());
    let selection = session.select(&args, Rules { type_alone: true, selectors: true, own_type: true }).await?;
    Ok((selection.objects, selection.failures))
}

async fn mark(session: &Session, node: &Object, cordoned: bool, dry: DryRun) -> Result<(), Failure> {
    let now = node.value["spec"]["unschedulable"].as_bool().unwrap_or(false);
    let word = if cordoned { "cordoned" } else { "uncordoned" };
    if now == cordoned && session.effects().is_none() {
        return session.print(format!("{} already {word}{}\n", node.title(), dry.suffix())).await;
    }
    if dry != DryRun::Client {
        let value = if cordoned { json!(true) } else { Value::Null };
        let patch = json!({"spec": {"unschedulable": value}}).to_string().into_bytes();
        let call = Call::new(Method::PATCH, node.path()).query("dryRun", dry.query()).body(STRATEGIC_MERGE, patch);
        session.api().await?.value(&call).await?;
    }
    session.print(format!("{} {word}{}\n", node.title(), dry.suffix())).await
}

/// Takes nodes out of scheduling and evicts their Pods.
///
/// # Errors
/// As kubectl.
pub async fn drain(session: &Session) -> Result<(), Failure> {
    let dry = DryRun::of(session).await?;
    let (nodes, failures) = nodes(session).await?;
    Failure::together(failures)?;
    for node in &nodes {
        mark(session, node, true, dry).await?;
    }
    let mut failed: Vec<(&Object, Failure)> = Vec::new();
    for node in &nodes {
        let drained = match session.options.duration("timeout") {
            Some(limit) => session.clock().timeout(limit, empty(session, node, dry)).await.unwrap_or_else(|_| {
                Err(Failure::message(format!("drain did not complete within {}", session.options.text("timeout"))))
            }),
            None => empty(session, node, dry).await,
        };
        match drained {
            Ok(()) => session.print(format!("{} drained{}\n", node.title(), dry.suffix())).await?,
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => {
                session
                    .complain(format!(
                        "error: unable to drain node \"{}\" due to error: {}, continuing command...\n",
                        node.name,
                        failure.words()
                    ))
                    .await?;
                failed.push((node, failure));
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let mut text = String::from("There are pending nodes to be drained:\n");
    for (node, _) in &failed {
        text.push_str(&format!(" {}\n", node.name));
    }
    for (_, failure) in &failed {
        text.push_str(&format!("{}\n", failure.words()));
    }
    session.complain(text).await?;
    Err(Failure::Status(1))
}

/// Evicts the Pods of a node, and waits until they are gone.
async fn empty(session: &Session, node: &Object, dry: DryRun) -> Result<(), Failure> {
    let options = &session.options;
    let mapping = session.mapping("pods").await?;
    let call = Call::get("/api/v1/pods")
        .query("fieldSelector", format!("spec.nodeName={}", node.name))
        .query("labelSelector", options.text("pod-selector"));
    let mut list = session.list(&call).await?;
    let pods = match list["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let (mut going, mut errors, mut warnings) =
        (Vec::new(), BTreeMap::<&str, Vec<String>>::new(), BTreeMap::<&str, Vec<String>>::new());
    for pod in pods {
        let pod = Object::read(mapping.clone(), with_kind(pod, &mapping));
        match judge(session, &pod).await? {
            Judgement::Leave(None) => {}
            Judgement::Leave(Some(warning)) => warnings.entry(warning).or_default().push(title(&pod)),
            Judgement::Refuse(error) => errors.entry(error).or_default().push(title(&pod)),
            Judgement::Evict(warning) => {
                if let Some(warning) = warning {
                    warnings.entry(warning).or_default().push(title(&pod));
                }
                going.push(pod);
            }
        }
    }
    let told = |map: &BTreeMap<&str, Vec<String>>, between: &str| {
        let all: Vec<String> = map.iter().map(|(why, pods)| format!("{why}: {}", pods.join(", "))).collect();
        all.join(between)
    };
    if !errors.is_empty() {
        let words = told(&errors, ", ");
        return Err(Failure::message(if errors.len() > 1 { format!("[{words}]") } else { words }));
    }
    if !warnings.is_empty() {
        session.complain(format!("Warning: {}\n", told(&warnings, "; "))).await?;
    }
    for pod in &going {
        let verb = if options.on("disable-eviction") { "deleting" } else { "evicting" };
        session.print(format!("{verb} pod {}{}\n", title(pod), dry.suffix())).await?;
    }
    if dry == DryRun::Client {
        return Ok(());
    }
    futures::future::try_join_all(going.iter().map(|pod| evict(session, pod, dry))).await.map(|_| ())
}

fn title(pod: &Object) -> String {
    format!("{}/{}", pod.namespace, pod.name)
}

/// What becomes of a Pod.
enum Judgement {
    Evict(Option<&'static str>),
    Leave(Option<&'static str>),
    Refuse(&'static str),
}

/// kubectl's filters: finished Pods go; those of DaemonSets, with local storage or without a controller only when asked.
async fn judge(session: &Session, pod: &Object) -> Result<Judgement, Failure> {
    let options = &session.options;
    let metadata = &pod.value["metadata"];
    if metadata["annotations"]["kubernetes.io/config.mirror"].is_string() {
        return Ok(Judgement::Leave(None));
    }
    let finished = matches!(pod.value["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let mut owners = metadata["ownerReferences"].as_array().into_iter().flatten();
    let owner = owners.find(|owner| owner["controller"] == true);
    if let Some(owner) = owner.filter(|owner| owner["kind"] == "DaemonSet" && !finished) {
        let name = owner["name"].as_str().unwrap_or_default();
        let set = session.mapping("daemonsets.apps").await?;
        let there = session.api().await?.value(&Call::get(set.path(&pod.namespace, name, ""))).await;
        return Ok(match there {
            Err(failure) if failure.is_not_found() && options.on("force") => Judgement::Evict(None),
            Err(failure) => return Err(failure),
            Ok(_) if options.on("ignore-daemonsets") => Judgement::Leave(Some("ignoring DaemonSet-managed Pods")),
            Ok(_) => Judgement::Refuse("cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"),
        });
    }
    if finished {
        return Ok(Judgement::Evict(None));
    }
    let mut volumes = pod.value["spec"]["volumes"].as_array().into_iter().flatten();
    // What kubectl says of local storage is lost on its way, and so it is here.
    let mut warning = None;
    if volumes.any(|volume| volume["emptyDir"].is_object()) && !options.on("delete-emptydir-data") {
        return Ok(Judgement::Refuse("cannot delete Pods with local storage (use --delete-emptydir-data to override)"));
    }
    if owner.is_none() {
        if !options.on("force") {
            return Ok(Judgement::Refuse("cannot delete Pods that declare no controller (use --force to override)"));
        }
        warning = Some("deleting Pods that declare no controller");
    }
    Ok(Judgement::Evict(warning))
}

async fn evict(session: &Session, pod: &Object, dry: DryRun) -> Result<(), Failure> {
    let options = &session.options;
    let api = session.api().await?;
    let mut how = json!({});
    if options.number("grace-period") >= 0 {
        how["gracePeriodSeconds"] = json!(options.number("grace-period"));
    }
    if dry == DryRun::Server {
        how["dryRun"] = json!(["All"]);
    }
    loop {
        let call = if options.on("disable-eviction") {
            Call::new(Method::DELETE, pod.path()).query("dryRun", dry.query()).json(&how)
        } else {
            let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": {"name": pod.name, "namespace": pod.namespace}, "deleteOptions": how});
            Call::new(Method::POST, pod.part("eviction")).query("dryRun", dry.query()).json(&eviction)
        };
        match api.value(&call).await {
            Ok(_) => break,
            Err(failure) if failure.is_not_found() => break,
            Err(Failure::Api(failure)) if failure.code == 429 => {
                let line = format!(
                    "error when evicting pods/\"{}\" -n \"{}\" (will retry after 5s): {}\n",
                    pod.name, pod.namespace, failure.message
                );
                session.complain(line).await?;
                session.clock().sleep(AGAIN).await;
            }
            Err(failure) => {
                return Err(
                    failure.prefixed(&format!("error when evicting pods/\"{}\" -n \"{}\": ", pod.name, pod.namespace))
                );
            }
        }
    }
    if dry == DryRun::Server {
        return Ok(());
    }
    let uid = &pod.value["metadata"]["uid"];
    let mut following = Following::new(session, pod);
    loop {
        match following.next().await? {
            Event::Absent | Event::Deleted => break,
            Event::Present(value) if value["metadata"]["uid"] != *uid => break,
            Event::Present(_) => {}
        }
    }
    let done = if options.on("disable-eviction") { "deleted" } else { "evicted" };
    session.print(format!("{} {done}\n", pod.title())).await
}
