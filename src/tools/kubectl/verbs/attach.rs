//! `kubectl attach`; and attaching to a container that was just made, as `debug` and `run` do: when it runs, its streams are passed
//! through; where the server attaches nobody, or the container has ended by then, its log is shown.

use std::time::Duration;

use serde_json::Value;

use super::exec::converse;
use super::follow::{Event, Following};
use super::pods;
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::{ApiFailure, Failure};
use crate::tools::kubectl::options::Flag;
use crate::tools::kubectl::resources::Object;
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[&[
    Flag::text("container").short('c'),
    Flag::duration("pod-running-timeout", "1m"),
    Flag::switch("quiet").short('q'),
    Flag::switch("stdin").short('i'),
    Flag::switch("tty").short('t'),
]];

/// Passes the streams of a container that runs through until it ends.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let word = match options.args.as_slice() {
        [] => return Err(Failure::message("at least 1 argument is required for attach")),
        [one] => one.clone(),
        [kind, name] => format!("{kind}/{name}"),
        many => {
            return Err(Failure::message(format!(
                "expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw {}: [{}]",
                many.len(),
                many.join(" ")
            )));
        }
    };
    let limit = options.duration("pod-running-timeout").filter(|limit| !limit.is_zero());
    let limit = limit.ok_or_else(|| session.usage("--pod-running-timeout must be higher than zero"))?;
    let pods = pods::of(session, &word, Some(limit), "cannot attach to").await?;
    let pod = &pods[0];
    let phase = pod.value["status"]["phase"].as_str().unwrap_or_default();
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(Failure::message(format!(
            "cannot attach a container in a completed pod; current phase is {phase}"
        )));
    }
    let (container, word) = pods::choose(pod, options.text("container"))
        .map_err(|failure| failure.prefixed("cannot attach to the container: "))?;
    let quiet = options.on("quiet");
    if !quiet {
        session.complain(word).await?;
    }
    if has_terminal(pod, &container) {
        no_terminal(session, options.on("stdin")).await?;
    } else if options.on("tty") && !quiet {
        let word = format!("error: Unable to use a TTY - container {container} did not allocate one\n");
        session.complain(word).await?;
    }
    if !quiet {
        session.complain(PROMPT).await?;
    }
    let call = Call::get(pod.part("attach")).query("container", container);
    let outcome = converse(session, call, options.on("stdin")).await?;
    if outcome.is_null() || outcome["status"] == "Success" {
        return Ok(());
    }
    Err(Failure::message(ApiFailure::read(500, outcome.to_string().as_bytes(), false, "").message))
}

/// Whether a container was made with a terminal.
fn has_terminal(pod: &Object, name: &str) -> bool {
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let mut all = lists.iter().flat_map(|list| pod.value["spec"][*list].as_array().into_iter().flatten());
    all.any(|one| one["name"] == name && one["tty"] == true)
}

/// Tells that there is no terminal to pass on, where one would be: only input has one.
///
/// # Errors
/// When nobody reads it any more.
pub async fn no_terminal(session: &Session, with_input: bool) -> Result<(), Failure> {
    if !with_input || session.options.on("quiet") {
        return Ok(());
    }
    session.complain("Unable to use a TTY - input is not a terminal or the right kind of file\n").await
}

/// What is said before streams are passed through.
const PROMPT: &str = "If you don't see a command prompt, try pressing enter.\n";

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
        no_terminal(session, session.options.on("stdin")).await?;
    }
    if !session.options.on("quiet") {
        session.complain(PROMPT).await?;
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
