//! What the next word of a `kubectl` command line could be: commands, options, their values, types, names.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;

use super::api::Call;
use super::options::{Flag, GLOBAL, Kind, PERSONS, Parsed};
use super::session::Session;
use super::verbs::{VERBS, Verb};
use crate::target::{KubeOptions, Target};
use crate::tools::complete::Candidates;
use crate::tools::{Invocation, Output, TargetInput};

/// How many names are asked for: nobody reads more.
const MOST: &str = "500";

/// A list of names alone, where the server can give one.
const NAMES: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

/// What `--output` may be.
const FORMATS: &[&str] = &["custom-columns=", "go-template=", "json", "jsonpath=", "name", "wide", "yaml"];

/// The types that a command is about, if its first argument is a name of that type.
const OF_ONE_TYPE: &[(&str, &str)] = &[
    ("cordon", "nodes"),
    ("drain", "nodes"),
    ("attach", "pods"),
    ("exec", "pods"),
    ("port-forward", "pods"),
    ("logs", "pods"),
    ("uncordon", "nodes"),
];

/// The types that `rollout` is about.
const ROLLOUTS: &[&str] = &["daemonsets", "deployments", "statefulsets"];

/// Options whose value is a file or a folder.
const FILES: &[&str] = &["filename", "kustomize", "from-file", "from-env-file", "patch-file", "kubeconfig"];

/// A command line as far as it goes.
#[derive(Default)]
struct Line {
    /// The command's words, and the commands that they may still mean.
    depth: usize,
    verbs: Vec<Verb>,
    /// The arguments behind them.
    args: Vec<String>,
    /// Options with their values.
    given: Vec<(&'static str, String)>,
    /// The option whose value is due.
    open: Option<&'static Flag>,
    /// Whether `--` came.
    dash: bool,
}

impl Line {
    fn read(words: &[String]) -> Self {
        let mut line = Self { verbs: VERBS.to_vec(), ..Self::default() };
        for word in words {
            line.word(word);
        }
        line
    }

    fn flags(&self) -> impl Iterator<Item = &'static Flag> + '_ {
        let own = self.verbs.iter().filter(|_| self.depth > 0).flat_map(|verb| verb.options.iter().copied().flatten());
        own.chain(GLOBAL)
    }

    fn word(&mut self, word: &str) {
        if self.dash {
            return;
        }
        if let Some(flag) = self.open.take() {
            self.given.push((flag.name, word.to_owned()));
        } else if word == "--" {
            self.dash = true;
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let Some(flag) = self.flags().find(|flag| flag.name == name) else { return };
            match (value, flag.alone) {
                (Some(value), _) => self.given.push((flag.name, value.to_owned())),
                (None, Some(alone)) => self.given.push((flag.name, alone.to_owned())),
                (None, None) => self.open = Some(flag),
            }
        } else if word.len() > 1 && word.starts_with('-') {
            self.shorts(&word[1..]);
        } else {
            let deeper: Vec<Verb> =
                self.verbs.iter().filter(|verb| verb.words.get(self.depth) == Some(&word)).copied().collect();
            if self.args.is_empty() && !deeper.is_empty() {
                self.verbs = deeper;
                self.depth += 1;
            } else {
                self.args.push(word.to_owned());
            }
        }
    }

    fn shorts(&mut self, letters: &str) {
        for (at, letter) in letters.char_indices() {
            let Some(flag) = self.flags().find(|flag| flag.short == Some(letter)) else { return };
            let rest = &letters[at + letter.len_utf8()..];
            match flag.alone {
                Some(alone) => self.given.push((flag.name, alone.to_owned())),
                None if rest.is_empty() => self.open = Some(flag),
                None => {
                    self.given.push((flag.name, rest.trim_start_matches('=').to_owned()));
                    return;
                }
            }
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.given.iter().rev().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }

    fn verb(&self) -> &'static str {
        self.verbs.first().filter(|_| self.depth > 0).map_or("", |verb| verb.words[0])
    }

    /// Whether the words so far are a command.
    fn is_complete(&self) -> bool {
        self.verbs.iter().any(|verb| verb.words.len() == self.depth)
    }
}

/// What `word` behind the invocation's arguments could be.
pub(in crate::tools) async fn complete(call: Invocation, word: &str, target: Arc<Target>) -> Candidates {
    let line = Line::read(&call.args);
    if line.dash {
        return Candidates::Files;
    }
    let cluster = Cluster::new(&line, call, target);
    if let Some(flag) = line.open {
        return value(&line, flag, &cluster).await;
    }
    if let Some((name, _)) = word.strip_prefix("--").and_then(|long| long.split_once('=')) {
        let Some(flag) = line.flags().find(|flag| flag.name == name) else { return Candidates::Words(Vec::new()) };
        return match value(&line, flag, &cluster).await {
            Candidates::Words(values) => {
                Candidates::Words(values.iter().map(|value| format!("--{name}={value}")).collect())
            }
            files => files,
        };
    }
    if word.starts_with('-') {
        let shown = |flag: &&Flag| !PERSONS.contains(&flag.name) && !matches!(flag.kind, Kind::Refused(_));
        return Candidates::Words(line.flags().filter(shown).map(|flag| format!("--{}", flag.name)).collect());
    }
    let mut words: Vec<String> = Vec::new();
    if line.args.is_empty() {
        words.extend(line.verbs.iter().filter_map(|verb| verb.words.get(line.depth)).map(|word| (*word).to_owned()));
    }
    if line.depth == 0 || !line.is_complete() {
        return Candidates::Words(words);
    }
    match arguments(&line, word, &cluster).await {
        Some(found) => words.extend(found),
        None if words.is_empty() => return Candidates::Files,
        None => {}
    }
    Candidates::Words(words)
}

/// What the value of an option could be.
async fn value(line: &Line, flag: &Flag, cluster: &Cluster) -> Candidates {
    if FILES.contains(&flag.name) {
        return Candidates::Files;
    }
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Candidates::Words(match (flag.name, flag.kind) {
        ("namespace", _) => cluster.names("namespaces").await,
        ("output", _) => owned(FORMATS),
        ("dry-run", _) => owned(&["client", "none", "server"]),
        ("cascade", _) => owned(&["background", "foreground", "orphan"]),
        ("container", _) => match line.args.first() {
            Some(pod) => cluster.containers(pod).await.unwrap_or_default(),
            None => Vec::new(),
        },
        (_, Kind::Bool) => owned(&["false", "true"]),
        _ => Vec::new(),
    })
}

/// What an argument could be; none if it is a file or free text.
async fn arguments(line: &Line, word: &str, cluster: &Cluster) -> Option<Vec<String>> {
    let verb = line.verb();
    let first = line.args.first().map(String::as_str);
    if let Some((_, of)) = OF_ONE_TYPE.iter().find(|(known, _)| *known == verb) {
        return Some(match word.split_once('/') {
            Some((kind, _)) => cluster.qualified(kind).await,
            // A pod is enough for these; nodes may be several.
            None if first.is_some() && *of == "pods" => Vec::new(),
            None => cluster.names(of).await,
        });
    }
    let second = line.verbs.first().and_then(|verb| verb.words.get(1)).copied().filter(|_| line.depth > 1);
    match (verb, second) {
        ("top", Some(second)) => {
            let of = if second.starts_with("no") { "nodes" } else { "pods" };
            return Some(cluster.names(of).await);
        }
        ("cp" | "kustomize", _) => return None,
        ("explain", _) => return Some(cluster.types(None).await),
        ("auth", Some("can-i")) if first.is_none() => {
            let verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];
            return Some(verbs.iter().map(|verb| (*verb).to_owned()).collect());
        }
        (
            "annotate" | "autoscale" | "delete" | "describe" | "edit" | "expose" | "get" | "label" | "patch"
            | "rollout" | "scale" | "set" | "taint" | "wait",
            _,
        ) => {}
        ("auth", Some("can-i")) => return Some(cluster.types(None).await),
        _ => return Some(Vec::new()),
    }
    // TYPE NAME, or TYPE/NAME; several types are joined by commas.
    if let Some((kind, _)) = word.split_once('/') {
        return Some(cluster.qualified(kind).await);
    }
    match first {
        None => {
            let (ahead, _) = word.rsplit_once(',').map_or(("", word), |(ahead, _)| (&word[..=ahead.len()], ""));
            let types = cluster.types((verb == "rollout").then_some(ROLLOUTS)).await;
            Some(types.iter().map(|name| format!("{ahead}{name}")).collect())
        }
        Some(kind) if kind.contains('/') => Some(Vec::new()),
        Some(kind) => Some(cluster.names(kind).await),
    }
}

/// Questions to the cluster. One that is not answered has no names.
struct Cluster {
    session: Session,
    everywhere: bool,
    /// Warnings are said to nobody.
    _unheard: (mpsc::Receiver<crate::tools::Piece>, mpsc::Receiver<()>),
}

impl Cluster {
    fn new(line: &Line, call: Invocation, target: Arc<Target>) -> Self {
        let chosen = ["namespace", "context"].iter().filter_map(|name| {
            let value = line.value(name).filter(|value| !value.is_empty())?;
            Some(format!("--{name}={value}"))
        });
        let options = Parsed::read(&chosen.collect::<Vec<_>>(), &[]).unwrap_or_default();
        let kube = KubeOptions {
            context: line.value("context").map(str::to_owned),
            kubeconfig: line.value("kubeconfig").map(str::to_owned),
            environment: KubeOptions::take(|name| call.env.get(name).cloned()),
            ..KubeOptions::default()
        };
        let (pieces, unheard) = mpsc::channel(64);
        let (requests, unread) = mpsc::channel(1);
        let (_, chunks) = mpsc::channel(1);
        let (stdin, out) = (TargetInput::new(requests, chunks), Output::new(pieces, call.clock.clone()));
        let session = Session::new(options, "kubectl".to_owned(), kube, target, call, stdin, out);
        let everywhere = line.value("all-namespaces") == Some("true");
        Self { session, everywhere, _unheard: (unheard, unread) }
    }

    /// The types that there are; `only` these.
    async fn types(&self, only: Option<&[&str]>) -> Vec<String> {
        let Ok(discovery) = self.session.discovery().await else { return Vec::new() };
        let wanted = |plural: &str| only.is_none_or(|only| only.contains(&plural));
        let mappings = discovery.preferred().filter(|mapping| mapping.can("list") && wanted(&mapping.plural));
        mappings.map(|mapping| mapping.plural.clone()).collect()
    }

    /// The names of a type's objects, the type as it may be written.
    async fn names(&self, kind: &str) -> Vec<String> {
        self.list(kind).await.unwrap_or_default()
    }

    /// The same with the type ahead: `deployment/web`.
    async fn qualified(&self, kind: &str) -> Vec<String> {
        self.names(kind).await.iter().map(|name| format!("{kind}/{name}")).collect()
    }

    async fn list(&self, kind: &str) -> Option<Vec<String>> {
        let mapping = self.session.mapping(kind).await.ok()?;
        let namespace = match self.everywhere {
            true => String::new(),
            false => self.session.namespace().await.ok()?,
        };
        let call = Call::get(mapping.path(&namespace, "", "")).query("limit", MOST).accept(NAMES);
        let list = self.session.api().await.ok()?.value(&call).await.ok()?;
        let items = list["items"].as_array()?;
        Some(items.iter().filter_map(|item| item["metadata"]["name"].as_str().map(str::to_owned)).collect())
    }

    /// The containers of a pod.
    async fn containers(&self, pod: &str) -> Option<Vec<String>> {
        let pod = pod.strip_prefix("pod/").or_else(|| pod.strip_prefix("pods/")).unwrap_or(pod);
        let mapping = self.session.mapping("pods").await.ok()?;
        let path = mapping.path(&self.session.namespace().await.ok()?, pod, "");
        let pod: Value = self.session.api().await.ok()?.value(&Call::get(path)).await.ok()?;
        let lists =
            ["initContainers", "containers"].map(|list| pod["spec"][list].as_array().cloned().unwrap_or_default());
        Some(lists.iter().flatten().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect())
    }
}
