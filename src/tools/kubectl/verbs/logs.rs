//! `kubectl logs`

use serde_json::Value;

use super::pods;
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{Flag, duration};
use crate::tools::kubectl::resources::{ATTEMPTS, Object, with_kind};
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[&[
    Flag::switch("all-containers"),
    Flag::switch("all-pods"),
    Flag::text("container").short('c'),
    Flag::switch("follow").short('f'),
    Flag::switch("ignore-errors"),
    Flag::switch("insecure-skip-tls-verify-backend"),
    Flag::number("limit-bytes", "0"),
    Flag::number("max-log-requests", "5"),
    Flag::duration("pod-running-timeout", "20s"),
    Flag::switch("prefix"),
    Flag::switch("previous").short('p'),
    Flag::text("selector").short('l'),
    Flag::duration("since", "0s"),
    Flag::text("since-time"),
    Flag::number("tail", "-1"),
    Flag::switch("timestamps"),
]];

const USAGE: &str = "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command";

/// Prints what containers have written.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let selector = options.text("selector");
    let (word, mut container) = match options.args.as_slice() {
        [] if selector.is_empty() => return Err(session.usage(USAGE)),
        [] => (None, ""),
        [_, ..] if !selector.is_empty() && options.args.len() == 1 => {
            return Err(session.usage("only a selector (-l) or a POD name is allowed"));
        }
        [word] => (Some(word), ""),
        [word, container] => (Some(word), container.as_str()),
        _ => return Err(session.usage(USAGE)),
    };
    if !options.text("container").is_empty() {
        if !container.is_empty() {
            return Err(Failure::message("only one of -c or an inline [CONTAINER] arg is allowed"));
        }
        container = options.text("container");
    }
    let all = options.on("all-containers") || options.on("all-pods");
    if options.on("all-containers") && !container.is_empty() {
        return Err(Failure::message(format!(
            "--all-containers=true should not be specified with container name {container}"
        )));
    }
    if options.number("tail") < -1 {
        return Err(Failure::message("--tail must be greater than or equal to -1"));
    }
    let since_time = options.text("since-time");
    if !since_time.is_empty() && since_time.parse::<jiff::Timestamp>().is_err() {
        return Err(Failure::message(format!(
            "parsing time {quoted} as \"2006-01-02T15:04:05Z07:00\": cannot parse {quoted} as \"2006\"",
            quoted = duration::quote(since_time)
        )));
    }
    if !options.text("since-time").is_empty() && options.duration("since").is_some() {
        return Err(Failure::message("at most one of `sinceTime` or `sinceSeconds` may be specified"));
    }
    let pods = match word {
        Some(word) => {
            let found =
                pods::of(session, word, options.duration("pod-running-timeout"), "cannot get the logs from").await;
            let mut pods = match found {
                Err(failure) if failure.is_not_found() => {
                    return Err(Failure::message(format!(
                        "error from server (NotFound): {} in namespace {}",
                        failure.words(),
                        duration::quote(&session.namespace().await?)
                    )));
                }
                other => other?,
            };
            if pods.len() > 1 && !options.on("all-pods") {
                session.complain(format!("Found {} pods, using pod/{}\n", pods.len(), pods[0].name)).await?;
                pods.truncate(1);
            }
            pods
        }
        None => selected(session, selector).await?,
    };
    let mut sources = Vec::new();
    for pod in &pods {
        if all {
            for key in ["initContainers", "containers", "ephemeralContainers"] {
                for one in pod.value["spec"][key].as_array().into_iter().flatten() {
                    sources.push((pod, one["name"].as_str().unwrap_or_default().to_owned()));
                }
            }
        } else {
            let found = pods::container(session, pod, container).await;
            let not_valid = || Failure::message(format!("container {container} is not valid for pod {}", pod.name));
            // The container's name is the only thing that can be wrong here.
            sources.push((pod, found.map_err(|failure| if container.is_empty() { failure } else { not_valid() })?));
        }
    }
    if options.on("follow") && sources.len() > 1 {
        let most = usize::try_from(options.number("max-log-requests")).unwrap_or(0);
        if sources.len() > most {
            return Err(Failure::message(format!(
                "you are attempting to follow {} log streams, but maximum allowed concurrency is {most}, use --max-log-requests to increase the limit",
                sources.len()
            )));
        }
        let streams = sources.iter().map(|(pod, container)| print(session, pod, container));
        return futures::future::try_join_all(streams).await.map(|_| ());
    }
    for (pod, container) in sources {
        match print(session, pod, &container).await {
            Err(failure) if options.on("ignore-errors") && !matches!(failure, Failure::Closed) => {
                session.print(format!("error: {}\n", failure.words())).await?;
            }
            other => other?,
        }
    }
    Ok(())
}

async fn selected(session: &Session, selector: &str) -> Result<Vec<Object>, Failure> {
    session.discovered(ATTEMPTS).await?;
    let mapping = session.mapping("pods").await?;
    let namespace = session.namespace().await?;
    let call = Call::get(mapping.path(&namespace, "", "")).query("labelSelector", selector);
    let mut list = session.list(&call).await?;
    let items = match list["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    if items.is_empty() {
        session.complain(format!("No resources found in {namespace} namespace.\n")).await?;
    }
    Ok(items.into_iter().map(|item| Object::read(mapping.clone(), with_kind(item, &mapping))).collect())
}

async fn print(session: &Session, pod: &Object, container: &str) -> Result<(), Failure> {
    let options = &session.options;
    let on = |name: &str| if options.on(name) { "true" } else { "" };
    let tail = match options.number("tail") {
        -1 if !options.text("selector").is_empty() && !options.given("tail") => "10".to_owned(),
        -1 => String::new(),
        tail => tail.to_string(),
    };
    let since = match duration::parse(options.text("since")) {
        Ok((since, false)) if !since.is_zero() => since.as_secs_f64().round().to_string(),
        _ => String::new(),
    };
    let bytes = Some(options.number("limit-bytes")).filter(|limit| *limit > 0);
    let call = Call::get(pod.part("log"))
        .query("container", container)
        .query("follow", on("follow"))
        .query("previous", on("previous"))
        .query("timestamps", on("timestamps"))
        .query("sinceSeconds", since)
        .query("sinceTime", options.text("since-time"))
        .query("tailLines", tail)
        .query("limitBytes", bytes.map_or(String::new(), |limit| limit.to_string()));
    let mut stream = session.api().await?.stream(&call).await?;
    let prefix = if options.on("prefix") || options.on("all-pods") {
        format!("[pod/{}/{container}] ", pod.name)
    } else {
        String::new()
    };
    let mut line = Vec::new();
    while let Some(chunk) = stream.chunk().await? {
        if prefix.is_empty() {
            session.print(chunk).await?;
            continue;
        }
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                session.print([prefix.as_bytes(), &line].concat()).await?;
                line.clear();
            }
        }
    }
    if !line.is_empty() {
        session.print([prefix.as_bytes(), &line].concat()).await?;
    }
    Ok(())
}
