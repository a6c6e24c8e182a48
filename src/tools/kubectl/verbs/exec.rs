//! `kubectl exec`: a command in a container, by WebSocket. The first byte of each message says which stream it is.

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::{attach, pods};
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::{ApiFailure, Failure};
use crate::tools::kubectl::options::Flag;
use crate::tools::kubectl::resources::Object;
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[&[
    Flag::text("container").short('c'),
    Flag::list("filename").short('f'),
    Flag::duration("pod-running-timeout", "1m"),
    Flag::switch("quiet").short('q'),
    Flag::switch("stdin").short('i'),
    Flag::switch("tty").short('t'),
]];

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
/// Ends one stream; its second byte says which. Version 5 of the protocol has it.
const CLOSE: u8 = 255;

/// Runs a command in a container and passes its output and exit status through.
///
/// # Errors
/// As kubectl; also with the command's own exit status.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let files = options.all("filename");
    let word = options.args.first().filter(|_| options.dash != Some(0) && files.is_empty());
    if word.is_none() && files.is_empty() {
        return Err(Failure::message("pod, type/name or --filename must be specified"));
    }
    let command = match options.dash {
        Some(dash) => &options.args[dash.max(usize::from(word.is_some()))..],
        None if options.args.len() > 1 => {
            return Err(
                session.usage("exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead")
            );
        }
        None => &[],
    };
    if command.is_empty() {
        return Err(Failure::message("you must specify at least one command for the container"));
    }
    let limit = options.duration("pod-running-timeout");
    let word = match word {
        Some(word) => word.clone(),
        None => session.objects_of_files().await?.first().map(Object::title).unwrap_or_default(),
    };
    let pods = pods::of(session, &word, limit, "cannot attach to").await?;
    let pod = &pods[0];
    let phase = pod.value["status"]["phase"].as_str().unwrap_or_default();
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(Failure::message(format!(
            "cannot exec into a container in a completed pod; current phase is {phase}"
        )));
    }
    let container = if !options.text("container").is_empty() {
        // Whether it is there is the server's to say.
        options.text("container").to_owned()
    } else if options.on("quiet") {
        pod.value["spec"]["containers"][0]["name"].as_str().unwrap_or_default().to_owned()
    } else {
        pods::container(session, pod, options.text("container")).await?
    };
    if options.on("tty") {
        attach::no_terminal(session, options.on("stdin")).await?;
    }
    let mut call = Call::get(pod.part("exec")).query("container", container);
    for word in command {
        call = call.query("command", word.as_str());
    }
    let outcome = converse(session, call, options.on("stdin")).await?;
    if outcome.is_null() || outcome["status"] == "Success" {
        return Ok(());
    }
    if outcome["reason"] == "NonZeroExitCode" {
        let code = outcome["details"]["causes"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|cause| cause["reason"] == "ExitCode")
            .and_then(|cause| cause["message"].as_str()?.parse::<i64>().ok())
            .unwrap_or(1);
        session.complain(format!("command terminated with exit code {code}\n")).await?;
        return Err(Failure::Status((code & 0xff) as u8));
    }
    let failure = ApiFailure::read(500, outcome.to_string().as_bytes(), false, "");
    Err(Failure::message(failure.message))
}

/// Passes the streams of a process in a container through until it ends; answers the `Status` that the server told of its end,
/// null when it told none.
///
/// # Errors
/// When the server refuses, or the connection breaks.
pub async fn converse(session: &Session, call: Call, with_input: bool) -> Result<Value, Failure> {
    let call = if with_input { call.query("stdin", "true") } else { call };
    let call = call.query("stdout", "true").query("stderr", "true");
    let connection = session.api().await?.connect(&call).await?;
    let closes = connection.supports_stream_close();
    let mut socket = connection.into_stream();
    let mut input = if with_input { session.take_stdin().await } else { None };
    let mut outcome = Value::Null;
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            chunk = async {
                match &mut input {
                    Some(input) => input.chunk().await,
                    None => std::future::pending().await,
                }
            } => {
                let message = match &chunk {
                    Some(chunk) => Some([&[STDIN][..], chunk].concat()),
                    None => closes.then(|| vec![CLOSE, STDIN]),
                };
                if chunk.is_none() {
                    input = None;
                }
                if let Some(message) = message {
                    // A command that ended does not read any more; its status is what counts.
                    let _ = socket.send(Message::Binary(message.into())).await;
                }
                continue;
            }
        };
        match message {
            Some(Ok(Message::Binary(bytes))) => match bytes.split_first() {
                Some((&STDOUT, text)) if !text.is_empty() => session.print(text).await?,
                Some((&STDERR, text)) if !text.is_empty() => session.complain(text).await?,
                Some((&STATUS, text)) => outcome = serde_json::from_slice(text).unwrap_or_default(),
                _ => {}
            },
            Some(Ok(Message::Close(_))) | None => return Ok(outcome),
            Some(Ok(_)) => {}
            Some(Err(_)) if !outcome.is_null() => return Ok(outcome),
            Some(Err(error)) => return Err(Failure::message(format!("error reading from the stream: {error}"))),
        }
    }
}
