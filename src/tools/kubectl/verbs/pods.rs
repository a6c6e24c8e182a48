//! Which Pod is meant when a workload is named, and which of its containers.

use std::cmp::Reverse;
use std::time::Duration;

use serde_json::Value;

use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::resources::{Object, Rules, with_kind};
use crate::tools::kubectl::session::Session;

/// The Pods of what `POD` or `TYPE/NAME` names, the one that kubectl would choose first. `doing` begins the words for a kind that
/// has none: `cannot attach to`.
///
/// # Errors
/// When there is no such thing, it has no Pods, or they don't come in time.
pub async fn of(session: &Session, word: &str, limit: Option<Duration>, doing: &str) -> Result<Vec<Object>, Failure> {
    let args = if word.contains('/') { vec![word.to_owned()] } else { vec!["pods".to_owned(), word.to_owned()] };
    let object = session.select(&args, Rules { own_type: true, ..Rules::default() }).await?.complete()?.remove(0);
    if object.mapping.kind == "Pod" {
        return Ok(vec![object]);
    }
    let selector = match object.mapping.kind.as_str() {
        "Service" | "ReplicationController" => {
            let labels = object.value["spec"]["selector"].as_object().cloned().unwrap_or_default();
            let pairs: Vec<String> =
                labels.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
            pairs.join(",")
        }
        _ => super::selector_text(&object.value["spec"]["selector"]),
    };
    if selector.is_empty() && object.mapping.kind == "Service" {
        let name = &object.name;
        return Err(Failure::message(format!(
            "{doing} *v1.Service: invalid service '{name}': Service is defined without a selector"
        )));
    }
    if selector.is_empty() {
        let mapping = &object.mapping;
        // Go tells its own type of the object.
        let kind = format!("*{}.{}", mapping.version, mapping.kind);
        return Err(Failure::message(format!("{doing} {kind}: selector for {kind} not implemented")));
    }
    let mapping = session.mapping("pods").await?;
    let call = Call::get(mapping.path(&object.namespace, "", "")).query("labelSelector", selector);
    let deadline = session.clock().elapsed() + limit.unwrap_or_default();
    loop {
        let mut list = session.list(&call).await?;
        let mut pods: Vec<Object> = match list["items"].take() {
            Value::Array(items) => {
                items.into_iter().map(|item| Object::read(mapping.clone(), with_kind(item, &mapping))).collect()
            }
            _ => Vec::new(),
        };
        if !pods.is_empty() {
            pods.sort_by_cached_key(|pod| rank(&pod.value));
            return Ok(pods);
        }
        if session.clock().elapsed() >= deadline {
            return Err(Failure::message("timed out waiting for the condition"));
        }
        session.clock().sleep(Duration::from_secs(1)).await;
    }
}

/// Pods that run, are ready, are not going, and have been ready the longest come first.
fn rank(pod: &Value) -> impl Ord + use<> {
    let status = &pod["status"];
    let phase = match status["phase"].as_str() {
        Some("Running") => 0,
        Some("Pending") => 2,
        _ => 1,
    };
    let ready = status["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    let since = ready.and_then(|condition| condition["lastTransitionTime"].as_str()).unwrap_or("9").to_owned();
    let restarts: Vec<i64> = status["containerStatuses"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|container| container["restartCount"].as_i64().unwrap_or(0))
        .collect();
    (
        pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty),
        phase,
        ready.is_none(),
        pod["metadata"]["deletionTimestamp"].is_string(),
        since,
        Reverse(restarts.into_iter().max().unwrap_or(0)),
        pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned(),
        pod["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
    )
}

/// The container that is meant: the named one, the Pod's default, else the first, with a word about it.
///
/// # Errors
/// When the Pod has no such container.
pub async fn container(session: &Session, pod: &Object, named: &str) -> Result<String, Failure> {
    let (name, word) = choose(pod, named)?;
    session.complain(word).await?;
    Ok(name)
}

/// The container that is meant, and what is to be said of it.
///
/// # Errors
/// When the Pod has no such container.
pub fn choose(pod: &Object, named: &str) -> Result<(String, String), Failure> {
    let names = |key: &str| -> Vec<&str> {
        pod.value["spec"][key].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect()
    };
    let (main, init, ephemeral) = (names("containers"), names("initContainers"), names("ephemeralContainers"));
    if !named.is_empty() {
        if main.contains(&named) || init.contains(&named) || ephemeral.contains(&named) {
            return Ok((named.to_owned(), String::new()));
        }
        return Err(Failure::message(format!("container {named} not found in pod {}", pod.name)));
    }
    let default = pod.value["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"].as_str();
    if let Some(default) = default.filter(|default| main.contains(default)) {
        return Ok((default.to_owned(), String::new()));
    }
    let Some(first) = main.first() else {
        return Err(Failure::message(format!("no container found in pod {}", pod.name)));
    };
    let mut word = String::new();
    if main.len() + init.len() + ephemeral.len() > 1 {
        let mut all: Vec<String> = main.iter().map(|name| (*name).to_owned()).collect();
        all.extend(ephemeral.iter().map(|name| format!("{name} (ephem)")));
        all.extend(init.iter().map(|name| format!("{name} (init)")));
        word = format!("Defaulted container {} out of: {}\n", quote(first), all.join(", "));
    }
    Ok(((*first).to_owned(), word))
}
