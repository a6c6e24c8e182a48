//! The native `kubectl`: kubectl 1.33 as a function. Standard output, standard error and exit status are its own; the
//! server is reached through the target, files through [`Files`](crate::tools::Files), and all waiting is session time.
//!
//! `options` reads words, `discovery` and `resources` say which objects are meant, `api` asks the server, `print`,
//! `jsonpath` and `describe` say how things look, `verbs` holds a file for each command.

mod age;
mod api;
mod claims;
mod complete;
mod describe;
mod discovery;
mod editor;
mod error;
mod go_template;
mod jsonpath;
mod manifests;
mod options;
mod plan;
mod print;
mod quantity;
mod resources;
mod session;
mod strategic;
mod three_way;
mod transport;
mod verbs;

pub(super) use manifests::decode;
pub(super) use plan::plan;

use std::future::Future;
use std::pin::Pin;

pub(super) use complete::complete;
use error::Failure;
use options::{PERSONS, Parsed, UsageError, command_word};
use session::Session;
use verbs::{VERBS, Verb};

use super::{Invocation, Status, TargetCall};
use crate::target::{KubeOptions, KubeOverrides};

/// Runs one kubectl command line.
pub fn kubectl(call: TargetCall) -> Pin<Box<dyn Future<Output = Status> + Send>> {
    Box::pin(async move {
        let cancel = call.invocation.cancel.clone();
        tokio::select! {
            biased;
            () = cancel.cancelled() => 130,
            status = run(call) => status,
        }
    })
}

async fn run(call: TargetCall) -> Status {
    let out = call.out.clone();
    let failure = match work(call).await {
        Ok(()) => return 0,
        Err(failure) => failure,
    };
    let (text, status) = failure.report();
    let _ = out.stdout(failure.output()).await;
    // A reader that is gone does not change what went wrong.
    let _ = out.stderr(text).await;
    status
}

async fn work(call: TargetCall) -> Result<(), Failure> {
    let TargetCall { invocation, target, stdin, out, exports: _, commands } = call;
    let (verb, words) = find(&invocation.args)?;
    let command = format!("kubectl {}", verb.title());
    let options = Parsed::read(&words, verb.options).map_err(|error| match error {
        UsageError::Flag(message) => Failure::Plain(format!("error: {message}\nSee '{command} --help' for usage.")),
        UsageError::Refused(message) => Failure::message(message),
    })?;
    if options.on("help") {
        return Err(Failure::message(format!("the help of {command} is not built in; kubectl's documentation has it")));
    }
    let own = |name: &str| verb.options.iter().copied().flatten().any(|flag| flag.name == name);
    let persons: Vec<&str> = PERSONS.iter().copied().filter(|name| options.given(name) && !own(name)).collect();
    if let Some(name) = persons.first().filter(|_| !target.is_persons_line()) {
        return Err(Failure::message(format!(
            "--{name} is refused: the cluster and the identity are chosen once, by the person who runs the lesson: leave the option out, or choose among that person's contexts with --context"
        )));
    }
    let kube = options_of(&options, &persons, &invocation);
    let session = Session::new(options, command, kube, target, invocation, stdin, out).with_commands(commands);
    let result = (verb.run)(&session).await;
    let changing =
        CHANGING.contains(&verb.words[0]) && matches!(session.options.text("dry-run"), "" | "none" | "false");
    if let Some(effects) = session.effects().filter(|effects| changing && !effects.any()) {
        match &result {
            Ok(()) => claims::unchanged(effects, &session.selected()),
            Err(failure) => claims::missing(effects, failure, &session.namespace().await.unwrap_or_default()),
        }
    }
    let warnings = session.warnings();
    if result.is_ok() && session.options.on("warnings-as-errors") && warnings > 0 {
        let noun = if warnings == 1 { "warning" } else { "warnings" };
        return Err(Failure::message(format!("{warnings} {noun} received")));
    }
    result
}

/// The commands that change objects.
const CHANGING: &[&str] = &[
    "annotate",
    "apply",
    "autoscale",
    "cordon",
    "create",
    "delete",
    "drain",
    "edit",
    "expose",
    "label",
    "patch",
    "replace",
    "run",
    "scale",
    "set",
    "taint",
    "uncordon",
];

/// What the command line says of the way to the cluster. `persons` are the options that only a person's own line has.
fn options_of(options: &Parsed, persons: &[&str], invocation: &Invocation) -> KubeOptions {
    let text = |name: &str| Some(options.text(name).to_owned()).filter(|text| !text.is_empty());
    let own = |name: &str| persons.contains(&name).then(|| options.text(name).to_owned());
    let path = |name: &str| own(name).map(|path| invocation.files.cwd().join(path).to_string_lossy().into_owned());
    KubeOptions {
        kubeconfig: text("kubeconfig"),
        context: text("context"),
        cluster: own("cluster"),
        user: own("user"),
        impersonate: text("as"),
        request_timeout: None,
        overrides: KubeOverrides {
            server: own("server"),
            token: own("token"),
            username: own("username"),
            password: own("password"),
            certificate_authority: path("certificate-authority"),
            client_certificate: path("client-certificate"),
            client_key: path("client-key"),
            tls_server_name: own("tls-server-name"),
            insecure_skip_tls_verify: persons.contains(&"insecure-skip-tls-verify")
                && options.on("insecure-skip-tls-verify"),
        },
        environment: KubeOptions::take(|name| invocation.env.get(name).cloned()),
    }
}

/// What a command line asks of kubectl that is not built here, as `kubectl COMMAND OPTION`; `None` when all of it is. Options behind `--` are another program's.
pub(super) fn lacks(args: &[String]) -> Option<String> {
    let Ok((verb, words)) = find(args) else {
        let (at, first) = command_word(args)?;
        let has_first = VERBS.iter().any(|verb| verb.words[0] == first);
        let second = command_word(&args[at + 1..]).filter(|_| has_first).map(|(_, second)| format!(" {second}"));
        // A group of commands by itself is a slip of its author's, and not lectern's.
        return (!has_first || second.is_some()).then(|| format!("kubectl {first}{}", second.unwrap_or_default()));
    };
    if REFUSED.contains(&verb.words[0]) {
        return Some(format!("kubectl {}", verb.words.join(" ")));
    }
    match Parsed::read(&words, verb.options) {
        Err(UsageError::Flag(message)) if message.starts_with("unknown ") => {
            let option = message.rsplit([' ']).next().unwrap_or_default();
            Some(format!("kubectl {} {option}", verb.words.join(" ")))
        }
        _ => None,
    }
}

/// The words of every command, behind `kubectl`.
pub fn verb_words() -> impl Iterator<Item = &'static [&'static str]> {
    VERBS.iter().map(|verb| verb.words)
}

/// The commands that are known and refused by name.
const REFUSED: &[&str] = &["completion", "port-forward", "proxy"];

/// The command that the words mean, and the words without it.
fn find(args: &[String]) -> Result<(Verb, Vec<String>), Failure> {
    let mut words = args.to_vec();
    let Some((at, first)) = command_word(&words).map(|(at, word)| (at, word.to_owned())) else {
        // Without a command, a wrong option is what there is to tell.
        return Err(match Parsed::read(&words, &[]) {
            Err(UsageError::Flag(message)) => {
                Failure::Plain(format!("error: {message}\nSee 'kubectl --help' for usage."))
            }
            Err(UsageError::Refused(message)) => Failure::message(message),
            Ok(_) => Failure::message("a command is needed, such as kubectl get pods"),
        });
    };
    let candidates: Vec<Verb> = VERBS.iter().filter(|verb| verb.words[0] == first).copied().collect();
    if candidates.is_empty() {
        return Err(unknown(&first));
    }
    words.remove(at);
    // The longest command whose words come next is meant.
    let mut depth = 1;
    let mut candidates = candidates;
    while let Some((at, next)) = command_word(&words).map(|(at, word)| (at, word.to_owned())) {
        let deeper: Vec<Verb> =
            candidates.iter().filter(|verb| verb.words.get(depth) == Some(&next.as_str())).copied().collect();
        if deeper.is_empty() {
            break;
        }
        words.remove(at);
        candidates = deeper;
        depth += 1;
    }
    if let Some(verb) = candidates.iter().find(|verb| verb.words.len() == depth) {
        return Ok((*verb, words));
    }
    Err(match command_word(&words) {
        Some((_, second)) => {
            let so_far = candidates.first().map_or(first.clone(), |verb| verb.words[..depth].join(" "));
            Failure::Plain(format!(
                "error: unknown command \"{second}\"\nSee 'kubectl {so_far} -h' for help and examples"
            ))
        }
        None => {
            let known: Vec<&str> = candidates.iter().filter_map(|verb| verb.words.get(depth).copied()).collect();
            Failure::message(format!("kubectl {first} needs one of: {}", known.join(", ")))
        }
    })
}

/// All commands that kubectl 1.33 has, in its own order, for telling one that is not built here from one that does not exist.
const KUBECTL_COMMANDS: &[&str] = &[
    "create",
    "expose",
    "run",
    "set",
    "explain",
    "get",
    "edit",
    "delete",
    "rollout",
    "scale",
    "autoscale",
    "certificate",
    "cluster-info",
    "top",
    "cordon",
    "uncordon",
    "drain",
    "taint",
    "describe",
    "logs",
    "attach",
    "exec",
    "port-forward",
    "proxy",
    "cp",
    "auth",
    "debug",
    "events",
    "diff",
    "apply",
    "patch",
    "replace",
    "wait",
    "kustomize",
    "label",
    "annotate",
    "completion",
    "api-resources",
    "api-versions",
    "config",
    "plugin",
    "version",
    "help",
    "options",
];

fn unknown(word: &str) -> Failure {
    if KUBECTL_COMMANDS.contains(&word) {
        return Failure::message(format!("kubectl {word} is not built into this kubectl yet"));
    }
    let mut text = format!("error: unknown command \"{word}\" for \"kubectl\"");
    let near: Vec<&str> = KUBECTL_COMMANDS
        .iter()
        .copied()
        .filter(|known| distance(word, known) <= 2 || known.starts_with(&word.to_lowercase()))
        .collect();
    if !near.is_empty() {
        text.push_str("\n\nDid you mean this?\n");
        for known in near {
            text.push_str(&format!("\t{known}\n"));
        }
    }
    Failure::Plain(text)
}

/// The number of edits between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = change.min(corner + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
