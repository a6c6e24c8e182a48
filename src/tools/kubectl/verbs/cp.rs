//! `kubectl cp`: files into and out of containers, by a `tar` that runs in the container.

use std::io::Write;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::pods;
use crate::sandbox::tar::{self, Entry, EntryKind};
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::{ApiFailure, Failure};
use crate::tools::kubectl::manifests::reason;
use crate::tools::kubectl::options::Flag;
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] =
    &[&[Flag::text("container").short('c'), Flag::switch("no-preserve"), Flag::number("retries", "0")]];

/// How many bytes are copied at most.
const LIMIT: usize = 512 << 20;
/// How much of standard input a message carries.
const CHUNK: usize = 32 * 1024;
/// How deep folders are copied.
const DEPTH: usize = 64;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const CLOSE: u8 = 255;

/// A place for files: in a container, or here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    namespace: String,
    pod: String,
    path: String,
}

impl Place {
    /// Reads `[[NAMESPACE/]POD:]PATH`.
    fn read(text: &str) -> Result<Self, Failure> {
        let format = || Failure::message("filespec must match the canonical format: [[namespace/]pod:]file/path");
        let Some((pod, path)) = text.split_once(':') else {
            return Ok(Self { namespace: String::new(), pod: String::new(), path: text.to_owned() });
        };
        let parts: Vec<&str> = pod.split('/').collect();
        let (namespace, pod) = match parts.as_slice() {
            [pod] => ("", *pod),
            [namespace, pod] if !namespace.is_empty() => (*namespace, *pod),
            _ => return Err(format()),
        };
        if pod.is_empty() {
            return Err(format());
        }
        Ok(Self { namespace: namespace.to_owned(), pod: pod.to_owned(), path: path.to_owned() })
    }

    fn is_here(&self) -> bool {
        self.pod.is_empty()
    }
}

/// Copies.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let [from, to] = session.options.args.as_slice() else {
        return Err(Failure::message("source and destination are required"));
    };
    let (from, to) = (Place::read(from)?, Place::read(to)?);
    match (from.is_here(), to.is_here()) {
        (false, false) => Err(Failure::message("one of src or dest must be a local file specification")),
        (true, true) => Err(Failure::message("one of src or dest must be a remote file specification")),
        _ if from.path.is_empty() || to.path.is_empty() => Err(Failure::message("filepath can not be empty")),
        (true, false) => into(session, &from, &to).await,
        (false, true) => out_of(session, &from, &to).await,
    }
}

/// Prints a word about the copying, or of the container's `tar`: kubectl has them on standard output when it copies `out` of a
/// container.
async fn tell(session: &Session, out: bool, text: impl AsRef<[u8]>) -> Result<(), Failure> {
    if out { session.print(text).await } else { session.complain(text).await }
}

/// The Pod, and the container in it.
async fn container(session: &Session, place: &Place, out: bool) -> Result<(Object, String), Failure> {
    let pod = if place.namespace.is_empty() || place.namespace == session.options.text("namespace") {
        session
            .select(&["pods".to_owned(), place.pod.clone()], Rules { own_type: true, ..Rules::default() })
            .await?
            .complete()?
            .remove(0)
    } else {
        let mapping = session.mapping("pods").await?;
        let call = Call::get(mapping.path(&place.namespace, &place.pod, ""));
        Object::read(mapping, session.api().await?.value(&call).await?)
    };
    let phase = pod.value["status"]["phase"].as_str().unwrap_or_default();
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(Failure::message(format!(
            "cannot exec into a container in a completed pod; current phase is {phase}"
        )));
    }
    let (container, word) = pods::choose(&pod, session.options.text("container"))?;
    tell(session, out, word).await?;
    Ok((pod, container))
}

/// How a command in a container ended.
struct Ended {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    outcome: Value,
}

impl Ended {
    /// The failure that it ended with, if it did.
    fn failure(&self) -> Option<Failure> {
        if self.outcome.is_null() || self.outcome["status"] == "Success" {
            return None;
        }
        if self.outcome["reason"] == "NonZeroExitCode" {
            let causes = self.outcome["details"]["causes"].as_array();
            let code = causes
                .into_iter()
                .flatten()
                .find(|cause| cause["reason"] == "ExitCode")
                .and_then(|cause| cause["message"].as_str()?.parse::<i64>().ok())
                .unwrap_or(1);
            return Some(Failure::Coded {
                text: format!("command terminated with exit code {code}"),
                status: (code & 0xff) as u8,
            });
        }
        let failure = ApiFailure::read(500, self.outcome.to_string().as_bytes(), false, "");
        Some(Failure::message(failure.message))
    }
}

/// Runs a command in a container, with this standard input if there is any.
async fn exec(
    session: &Session,
    (pod, container): (&Object, &str),
    command: &[String],
    input: Option<Vec<u8>>,
) -> Result<Ended, Failure> {
    let mut call = Call::get(pod.part("exec")).query("container", container);
    for word in command {
        call = call.query("command", word.as_str());
    }
    if input.is_some() {
        call = call.query("stdin", "true");
    }
    let call = call.query("stdout", "true").query("stderr", "true");
    let connection = session.api().await?.connect(&call).await?;
    let closes = connection.supports_stream_close();
    let mut socket = connection.into_stream();
    if let Some(input) = input {
        for chunk in input.chunks(CHUNK) {
            // A command that ended does not read any more; its status is what counts.
            if socket.send(Message::Binary([&[STDIN][..], chunk].concat().into())).await.is_err() {
                break;
            }
        }
        if closes {
            let _ = socket.send(Message::Binary(vec![CLOSE, STDIN].into())).await;
        }
    }
    let mut ended = Ended { stdout: Vec::new(), stderr: Vec::new(), outcome: Value::Null };
    while let Some(message) = socket.next().await {
        match message {
            Ok(Message::Binary(bytes)) => match bytes.split_first() {
                Some((&STDOUT, text)) => ended.stdout.extend_from_slice(text),
                Some((&STDERR, text)) => ended.stderr.extend_from_slice(text),
                Some((&STATUS, text)) => ended.outcome = serde_json::from_slice(text).unwrap_or_default(),
                _ => {}
            },
            Ok(Message::Close(_)) => break,
            Ok(_) => {}
            Err(_) if !ended.outcome.is_null() => break,
            Err(error) => return Err(Failure::message(format!("error reading from the stream: {error}"))),
        }
        if ended.stdout.len() > LIMIT {
            return Err(Failure::message(format!("more than {} MiB are not copied", LIMIT >> 20)));
        }
    }
    Ok(ended)
}

fn base(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

async fn into(session: &Session, from: &Place, to: &Place) -> Result<(), Failure> {
    if session.files().metadata(&from.path).is_err() {
        return Err(Failure::message(format!("{} doesn't exist in local filesystem", from.path)));
    }
    let (pod, container) = container(session, to, false).await?;
    let at = (&pod, container.as_str());
    let words = |words: &[&str]| -> Vec<String> { words.iter().map(|word| (*word).to_owned()).collect() };
    let mut path = to.path.trim_end_matches('/').to_owned();
    if path.is_empty() {
        path.push('/');
    }
    let is_folder = exec(session, at, &words(&["test", "-d", &path]), None).await?;
    if is_folder.outcome["status"] == "Success" {
        path = format!("{}/{}", path.trim_end_matches('/'), base(&from.path));
    }
    let mut archive = Vec::new();
    gather(session, &from.path, base(&path), DEPTH, &mut archive)?;
    tar::finish(&mut archive);
    let mut command = match session.options.on("no-preserve") {
        true => words(&["tar", "--no-same-permissions", "--no-same-owner", "-xmf", "-"]),
        false => words(&["tar", "-xmf", "-"]),
    };
    if let Some((folder, _)) = path.rsplit_once('/') {
        command.extend(words(&["-C", if folder.is_empty() { "/" } else { folder }]));
    }
    let ended = exec(session, at, &command, Some(archive)).await?;
    session.print(&ended.stdout).await?;
    session.complain(&ended.stderr).await?;
    ended.failure().map_or(Ok(()), Err)
}

/// Adds a file or folder here to an archive.
fn gather(session: &Session, path: &str, name: &str, depth: usize, archive: &mut Vec<u8>) -> Result<(), Failure> {
    let files = session.files();
    let wrong = |error: std::io::Error| Failure::message(format!("open {path}: {}", reason(&error)));
    let metadata = files.metadata(path).map_err(wrong)?;
    let modified = metadata
        .modified()
        .ok()
        .and_then(|time| time.into_std().duration_since(std::time::UNIX_EPOCH).ok().map(|since| since.as_secs()));
    let mut add = |kind: EntryKind, mode: u32| {
        let entry = Entry { path: name.to_owned(), kind };
        tar::add(archive, &entry, mode, modified.unwrap_or_default()).map_err(Failure::message)
    };
    if !metadata.is_dir() {
        add(EntryKind::File(files.read(path).map_err(wrong)?), 0o644)?;
        if archive.len() > LIMIT {
            return Err(Failure::message(format!("more than {} MiB are not copied", LIMIT >> 20)));
        }
        return Ok(());
    }
    let names = files.names_in(path).map_err(wrong)?;
    if names.is_empty() {
        add(EntryKind::Folder, 0o755)?;
    }
    if depth == 0 {
        return Err(Failure::message(format!("{path}: folders stand too deep in each other")));
    }
    for one in names {
        gather(
            session,
            &format!("{}/{one}", path.trim_end_matches('/')),
            &format!("{name}/{one}"),
            depth - 1,
            archive,
        )?;
    }
    Ok(())
}

async fn out_of(session: &Session, from: &Place, to: &Place) -> Result<(), Failure> {
    let (pod, container) = container(session, from, true).await?;
    let command: Vec<String> = ["tar", "cf", "-", &from.path].iter().map(|word| (*word).to_owned()).collect();
    let ended = exec(session, (&pod, &container), &command, None).await?;
    tell(session, true, &ended.stderr).await?;
    if let Some(failure) = ended.failure() {
        return Err(failure);
    }
    let entries = tar::read(&ended.stdout).map_err(Failure::message)?;
    if entries.is_empty() {
        return Err(Failure::message(format!("{}:{} no such file or directory", from.pod, from.path)));
    }
    // What leads out of the folder by `..` is what kubectl calls shortcuts.
    let prefix = from.path.trim_matches('/').trim_start_matches("./").trim_start_matches("../").to_owned();
    for entry in entries {
        let path = entry.path.trim_start_matches('/').trim_start_matches("./");
        let Some(rest) = path.strip_prefix(&prefix) else {
            return Err(Failure::message("tar contents corrupted"));
        };
        let rest = rest.trim_matches('/');
        if rest.split('/').any(|part| part == "..") {
            session.complain(format!("warning: file {path:?} is outside target destination, skipping\n")).await?;
            continue;
        }
        let target = match rest {
            "" => to.path.clone(),
            rest => format!("{}/{rest}", to.path.trim_end_matches('/')),
        };
        save(session, &target, &entry, path).await?;
    }
    Ok(())
}

async fn save(session: &Session, target: &str, entry: &Entry, path: &str) -> Result<(), Failure> {
    let files = session.files();
    let wrong = |what: &str, error: std::io::Error| Failure::message(format!("{what} {target}: {}", reason(&error)));
    let folder = match entry.kind {
        EntryKind::Folder => Some(target),
        _ => target.rsplit_once('/').map(|(folder, _)| folder).filter(|folder| !folder.is_empty()),
    };
    let mut missing = Vec::new();
    for folder in folder.map(std::path::Path::new).into_iter().flat_map(std::path::Path::ancestors) {
        if folder.as_os_str().is_empty() || files.metadata(folder).is_ok() {
            break;
        }
        missing.push(folder);
    }
    for folder in missing.into_iter().rev() {
        files.create_dir(folder).map_err(|error| wrong("mkdir", error))?;
    }
    match &entry.kind {
        EntryKind::Folder => Ok(()),
        EntryKind::File(content) => {
            files.create(target).and_then(|mut file| file.write_all(content)).map_err(|error| wrong("open", error))
        }
        EntryKind::Link(to) => {
            let line = format!(
                "warning: skipping symlink: {target:?} -> {to:?} (consider using \"kubectl exec -n \\\"{}\\\" \\\"POD\\\" -- tar cf - {path:?} | tar xf -\")\n",
                session.namespace().await?
            );
            session.complain(line).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let place = |namespace: &str, pod: &str, path: &str| Place {
            namespace: namespace.into(),
            pod: pod.into(),
            path: path.into(),
        };
        assert_eq!(Place::read("/tmp/x").unwrap(), place("", "", "/tmp/x"));
        assert_eq!(Place::read("web:/tmp/x").unwrap(), place("", "web", "/tmp/x"));
        assert_eq!(Place::read("a/web:x").unwrap(), place("a", "web", "x"));
        assert!(Place::read(":x").is_err() && Place::read("a/b/c:x").is_err());
    }
}
