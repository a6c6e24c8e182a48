//! Attaching to a container that was just made, as `debug` and `run` do: when it runs, its streams are passed through; where the
//! server attaches nobody, or the container has ended by then, its log is shown.

use std::time::Duration;

use serde_json::Value;

use super::exec::converse;
use super::follow::{Event, Following};
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::resources::Object;
use crate::tools::kubectl::session::Session;

/// How long a container may take to start.
const STARTS: Duration = Duration::from_secs(60);

/// Waits until a container has started, and attaches to it.
///
/// # Errors
/// When it does not start in time, or neither its streams nor its log can be had.
pub async fn when_started(session: &Session, pod: &Object, container: &str) -> Result<(), Failure> {
    let limit = session.options.duration("pod-running-timeout").unwrap_or(STARTS);
    let status = session.clock().timeout(limit, started(session, pod, container)).await;
    let status = status.unwrap_or_else(|_| Err(Failure::message("timed out waiting for the condition")))?;
    if status["state"]["terminated"].is_object() {
        return log(session, pod, container).await;
    }
    if session.options.on("tty") {
        session.complain("Unable to use a TTY - input is not a terminal or the right kind of file\n").await?;
    }
    if !session.options.on("quiet") {
        session.complain("If you don't see a command prompt, try pressing enter.\n").await?;
    }
    let call = Call::get(pod.part("attach")).query("container", container);
    match converse(session, call, session.options.on("stdin")).await {
        Ok(_) => Ok(()),
        Err(Failure::Closed) => Err(Failure::Closed),
        Err(failure) => {
            session
                .complain(format!(
                    "warning: couldn't attach to pod/{}, falling back to streaming logs: {}\n",
                    pod.name,
                    failure.words()
                ))
                .await?;
            log(session, pod, container).await
        }
    }
}

/// The status of a container once it has started.
async fn started(session: &Session, pod: &Object, container: &str) -> Result<Value, Failure> {
    let mut following = Following::new(session, pod);
    let mut told = Vec::new();
    loop {
        let value = match following.next().await? {
            Event::Present(value) => value,
            Event::Absent | Event::Deleted => {
                return Err(crate::tools::kubectl::resources::not_found(&pod.mapping, &pod.name));
            }
        };
        let lists = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];
        let all = lists.iter().flat_map(|list| value["status"][*list].as_array().into_iter().flatten());
        let Some(status) = all.into_iter().find(|one| one["name"] == container) else { continue };
        let is_over = |state: &Value| state["running"].is_object() || state["terminated"].is_object();
        if is_over(&status["state"]) || status["lastState"]["terminated"].is_object() {
            return Ok(status.clone());
        }
        let waiting = status["state"]["waiting"]["message"].as_str().unwrap_or_default().to_owned();
        if !waiting.is_empty() && !session.options.on("quiet") && !told.contains(&waiting) {
            session.complain(format!("Warning: container {container}: {waiting}\n")).await?;
            told.push(waiting);
        }
    }
}

async fn log(session: &Session, pod: &Object, container: &str) -> Result<(), Failure> {
    let call = Call::get(pod.part("log")).query("container", container).query("follow", "true");
    let mut stream = session.api().await?.stream(&call).await?;
    while let Some(chunk) = stream.chunk().await? {
        session.print(chunk).await?;
    }
    Ok(())
}
