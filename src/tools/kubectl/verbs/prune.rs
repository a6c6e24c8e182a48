//! `kubectl apply --prune`: what was applied before and is not in the files any more is deleted.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::apply::LAST_APPLIED;
use super::delete;
use super::dry_run::{DryRun, tell};
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::discovery::Mapping;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::{Object, with_kind};
use crate::tools::kubectl::session::Session;

/// The kinds that are pruned when `--prune-allowlist` names none, in kubectl's order.
const KINDS: &[(&str, &str)] = &[
    ("v1", "ConfigMap"),
    ("v1", "Endpoints"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Pod"),
    ("v1", "ReplicationController"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "Ingress"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("v1", "Namespace"),
    ("v1", "PersistentVolume"),
];

/// What was applied: it stays, and its namespaces are where is looked for what goes.
#[derive(Debug, Default)]
pub struct Visited {
    uids: BTreeSet<String>,
    namespaces: BTreeSet<String>,
}

impl Visited {
    /// Adds an object as it was applied.
    pub fn add(&mut self, object: &Object, applied: &Value) {
        self.uids.extend(applied["metadata"]["uid"].as_str().map(str::to_owned));
        if object.mapping.namespaced {
            self.namespaces.insert(object.namespace.clone());
        }
    }
}

/// The kinds that `--prune-allowlist` names; none for those that kubectl prunes by itself.
///
/// # Errors
/// When one is no `group/version/kind`, or the server has no such kind.
pub async fn chosen(session: &Session) -> Result<Vec<Arc<Mapping>>, Failure> {
    let mut chosen = Vec::new();
    if !session.options.on("prune") {
        return Ok(chosen);
    }
    for named in session.options.all("prune-allowlist") {
        let parts: Vec<&str> = named.split('/').collect();
        let [group, version, kind] = parts.as_slice() else {
            return Err(Failure::message(format!(
                "invalid GroupVersionKind format: {named}, please follow <group/version/kind>"
            )));
        };
        let version = if *group == "core" { (*version).to_owned() } else { format!("{group}/{version}") };
        let mapping = session.mapping_of(&version, kind).await?;
        if !chosen.contains(&mapping) {
            chosen.push(mapping);
        }
    }
    Ok(chosen)
}

/// Whether the options of a pruning call go together.
///
/// # Errors
/// When they do not.
pub fn check(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let selector = options.text("selector");
    if options.on("all") && !selector.is_empty() {
        return Err(Failure::message("cannot set --all and --selector at the same time"));
    }
    if options.on("prune") && options.on("force") {
        return Err(Failure::message("--force cannot be used with --prune"));
    }
    if options.on("prune") && !options.on("all") && selector.is_empty() {
        return Err(Failure::message(
            "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector",
        ));
    }
    Ok(())
}

/// Deletes what was applied before and is not among the `visited`.
///
/// # Errors
/// As kubectl.
pub async fn run(
    session: &Session,
    chosen: &[Arc<Mapping>],
    visited: &Visited,
    printer: &mut Option<ObjectPrinter>,
    dry: DryRun,
) -> Result<(), Failure> {
    let mappings = kinds(session, chosen).await?;
    for namespace in &visited.namespaces {
        for mapping in mappings.iter().filter(|mapping| mapping.namespaced) {
            let done = kind(session, mapping, namespace, visited, printer, dry).await;
            done.map_err(|failure| failure.prefixed(&format!("error pruning namespaced object {}: ", told(mapping))))?;
        }
    }
    for mapping in mappings.iter().filter(|mapping| !mapping.namespaced) {
        let done = kind(session, mapping, "", visited, printer, dry).await;
        done.map_err(|failure| failure.prefixed(&format!("error pruning nonNamespaced object {}: ", told(mapping))))?;
    }
    Ok(())
}

/// All that would be pruned.
///
/// # Errors
/// As kubectl.
pub async fn all_left(session: &Session, chosen: &[Arc<Mapping>], visited: &Visited) -> Result<Vec<Object>, Failure> {
    let mappings = kinds(session, chosen).await?;
    let mut all = Vec::new();
    for namespace in &visited.namespaces {
        for mapping in mappings.iter().filter(|mapping| mapping.namespaced) {
            all.extend(left(session, mapping, namespace, visited).await?);
        }
    }
    for mapping in mappings.iter().filter(|mapping| !mapping.namespaced) {
        all.extend(left(session, mapping, "", visited).await?);
    }
    Ok(all)
}

/// The kinds that are pruned: those that were chosen, else kubectl's own.
async fn kinds(session: &Session, chosen: &[Arc<Mapping>]) -> Result<Vec<Arc<Mapping>>, Failure> {
    let mut mappings = chosen.to_vec();
    if mappings.is_empty() {
        session
            .log_warning("prune.go:71", "Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the --namespace flag in a future release. To preserve the current behaviour, list the resources you want to target explicitly in the --prune-allowlist flag.")
            .await?;
        for (version, kind) in KINDS {
            let found = session.mapping_of(version, kind).await;
            mappings.push(found.map_err(|failure| {
                failure.prefixed(&format!(
                    "error retrieving RESTMappings to prune: invalid resource {version}, Kind={kind}: "
                ))
            })?);
        }
    }
    Ok(mappings)
}

/// A kind as Go prints it.
fn told(mapping: &Mapping) -> String {
    format!("{}/{}, Kind={}", mapping.group, mapping.version, mapping.kind)
}

/// The objects of one kind in a namespace that were applied before and are not among the visited.
async fn left(
    session: &Session,
    mapping: &Arc<Mapping>,
    namespace: &str,
    visited: &Visited,
) -> Result<Vec<Object>, Failure> {
    let call = Call::get(mapping.path(namespace, "", "")).query("labelSelector", session.options.text("selector"));
    let mut list = session.api().await?.value(&call).await?;
    let items = match list["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let is_left = |item: &Value| {
        let metadata = &item["metadata"];
        // What was made in another way than by apply is somebody else's.
        metadata["annotations"].get(LAST_APPLIED).is_some()
            && metadata["uid"].as_str().is_none_or(|uid| !visited.uids.contains(uid))
    };
    let items = items.into_iter().filter(is_left);
    Ok(items.map(|item| Object::read(Arc::clone(mapping), with_kind(item, mapping))).collect())
}

/// Prunes the objects of one kind in a namespace.
async fn kind(
    session: &Session,
    mapping: &Arc<Mapping>,
    namespace: &str,
    visited: &Visited,
    printer: &mut Option<ObjectPrinter>,
    dry: DryRun,
) -> Result<(), Failure> {
    let api = session.api().await?;
    for object in left(session, mapping, namespace, visited).await? {
        if dry != DryRun::Client {
            let mut body = json!({"propagationPolicy": delete::propagation(session)?});
            if session.options.number("grace-period") >= 0 {
                body["gracePeriodSeconds"] = json!(session.options.number("grace-period"));
            }
            if dry == DryRun::Server {
                body["dryRun"] = json!(["All"]);
            }
            let call = Call::new(Method::DELETE, object.path()).query("dryRun", dry.query()).json(&body);
            match api.value(&call).await {
                Err(failure) if !failure.is_not_found() => return Err(failure),
                _ => {}
            }
        }
        tell(session, printer, &object, &object.value, "pruned", dry).await?;
    }
    Ok(())
}
