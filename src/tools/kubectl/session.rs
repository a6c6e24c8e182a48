//! One call of kubectl: its options, where it prints, and its way to the cluster.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::config::Kubeconfig;
use tokio::sync::OnceCell;

use super::api::Api;
use super::discovery::{Discovery, Mapping};
use super::error::Failure;
use super::options::duration::quote;
use super::options::{Parsed, duration};
use crate::clock::Clock;
use crate::target::{Effects, KubeOptions, Subject, Target, TargetError};
use crate::tools::{Commands, Files, Invocation, Output, TargetInput};

/// The commands of which kubectl looks for the namespace before it connects: they tell in other words of a context that is not there.
const NAMESPACE_FIRST: &[&str] = &[
    "annotate", "cp", "debug", "delete", "describe", "events", "exec", "get", "label", "logs", "patch", "rollout",
    "scale", "set", "taint",
];
/// How many bytes of standard input are taken as manifests.
const STDIN_LIMIT: usize = 64 << 20;

/// One call of kubectl.
pub struct Session {
    /// The options and arguments.
    pub options: Parsed,
    /// The command's words: `kubectl rollout status`.
    pub command: String,
    /// Where it prints.
    pub out: Output,
    kube: KubeOptions,
    target: Arc<Target>,
    invocation: Invocation,
    stdin: tokio::sync::Mutex<Option<TargetInput>>,
    commands: Commands,
    cluster: OnceCell<Cluster>,
    discovery: OnceCell<Arc<Discovery>>,
    effects: Option<Effects>,
    /// The objects that were selected, while the target is only looked at.
    selected: Mutex<Vec<Subject>>,
}

struct Cluster {
    api: Api,
    namespace: String,
}

impl Session {
    /// A call with nothing done yet.
    pub fn new(
        options: Parsed,
        command: String,
        kube: KubeOptions,
        target: Arc<Target>,
        invocation: Invocation,
        stdin: TargetInput,
        out: Output,
    ) -> Self {
        let effects = target.effects().map(|effects| effects.of(&command));
        Self {
            effects,
            selected: Mutex::default(),
            options,
            command,
            out,
            kube,
            target,
            invocation,
            stdin: tokio::sync::Mutex::new(Some(stdin)),
            commands: Commands::default(),
            cluster: OnceCell::new(),
            discovery: OnceCell::new(),
        }
    }

    /// The same with somebody who runs other commands.
    pub fn with_commands(self, commands: Commands) -> Self {
        Self { commands, ..self }
    }

    /// Runs other commands.
    pub fn commands(&self) -> &Commands {
        &self.commands
    }

    /// A variable of the shell; empty when it is not set.
    pub fn variable(&self, name: &str) -> &str {
        self.invocation.env.get(name).map_or("", String::as_str)
    }

    /// Where is claimed what the command would change, if the target is only looked at.
    pub fn effects(&self) -> Option<&Effects> {
        self.effects.as_ref()
    }

    /// Notes what the command is about, for when it changes nothing.
    pub fn note_selected(&self, objects: &[super::resources::Object]) {
        if self.effects.is_some() {
            let mut selected = self.selected.lock().unwrap_or_else(PoisonError::into_inner);
            selected.extend(objects.iter().map(super::claims::of_object));
        }
    }

    /// What was noted.
    pub fn selected(&self) -> Vec<Subject> {
        self.selected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The files that may be opened.
    pub fn files(&self) -> &Files {
        &self.invocation.files
    }

    /// The session's clock.
    pub fn clock(&self) -> &Clock {
        &self.invocation.clock
    }

    /// Prints to standard output.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub async fn print(&self, text: impl AsRef<[u8]>) -> Result<(), Failure> {
        Ok(self.out.stdout(text).await?)
    }

    /// Prints to standard error.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub async fn complain(&self, text: impl AsRef<[u8]>) -> Result<(), Failure> {
        Ok(self.out.stderr(text).await?)
    }

    /// Prints a warning to standard error as kubectl's log library (klog) does: ahead of it the date, the time, the process and
    /// the `place` in kubectl's source.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub async fn log_warning(&self, place: &str, text: &str) -> Result<(), Failure> {
        self.complain(self.logged('W', place, text)).await
    }

    fn logged(&self, level: char, place: &str, text: &str) -> String {
        let now = self.clock().now().to_zoned(jiff::tz::TimeZone::system());
        let time = now.strftime("%m%d %H:%M:%S%.6f");
        format!("{level}{time} {:>7} {place}] {text}\n", std::process::id())
    }

    /// Everything on standard input.
    ///
    /// # Errors
    /// When there is too much of it, or it was read before.
    pub async fn read_stdin(&self) -> Result<Vec<u8>, Failure> {
        let Some(mut stdin) = self.stdin.lock().await.take() else {
            return Err(Failure::message("standard input cannot be used for multiple arguments"));
        };
        let bytes = stdin.read_to_end(STDIN_LIMIT).await;
        if bytes.len() > STDIN_LIMIT {
            return Err(Failure::message("standard input holds more than 64 MiB"));
        }
        Ok(bytes)
    }

    /// Standard input itself, to be read piece by piece.
    pub async fn take_stdin(&self) -> Option<TargetInput> {
        self.stdin.lock().await.take()
    }

    async fn cluster(&self) -> Result<&Cluster, Failure> {
        self.cluster
            .get_or_try_init(|| async {
                let text = |name: &str| Some(self.options.text(name).to_owned()).filter(|text| !text.is_empty());
                let request_timeout = request_timeout(self.options.text("request-timeout"))?;
                let client = self.target.kube(&self.kube, self.files()).await;
                let client = client.map_err(|error| self.without_context(error))?;
                let impersonates = text("as").is_some();
                if !impersonates && (!self.options.all("as-group").is_empty() || text("as-uid").is_some()) {
                    // client-go refuses it when it makes the connection.
                    return Err(Failure::message(format!(
                        "requesting uid, groups or user-extra for {} without impersonating a user",
                        client.user
                    )));
                }
                let namespace = client.namespace.clone();
                let mut impersonate = Vec::new();
                impersonate.extend(text("as").map(|user| ("Impersonate-User", user)));
                impersonate
                    .extend(self.options.all("as-group").iter().map(|group| ("Impersonate-Group", group.clone())));
                impersonate.extend(text("as-uid").map(|uid| ("Impersonate-Uid", uid)));
                let api = Api::new(client, Arc::clone(&self.target), self.out.clone(), self.clock().clone())
                    .with_timeout(request_timeout)
                    .impersonating(impersonate)
                    .claiming(self.effects.clone());
                Ok(Cluster { api, namespace })
            })
            .await
    }

    /// What kubectl says of a context that is not there depends on whether it was looked there for the namespace.
    fn without_context(&self, error: TargetError) -> Failure {
        let name = self.options.text("context");
        let verb = self.command.split(' ').nth(1).unwrap_or_default();
        let looks = NAMESPACE_FIRST.contains(&verb) && self.command != "kubectl set env"
            || matches!(self.command.as_str(), "kubectl top pod" | "kubectl auth reconcile");
        match error {
            TargetError::Kubeconfig(words)
                if looks
                    && self.options.text("namespace").is_empty()
                    && self.options.text("raw").is_empty()
                    && words == format!("error: context \"{name}\" does not exist") =>
            {
                Failure::Plain(format!("Error in configuration: context was not found for specified context: {name}"))
            }
            other => other.into(),
        }
    }

    /// The way to the API server.
    ///
    /// # Errors
    /// When the target reaches no cluster.
    pub async fn api(&self) -> Result<&Api, Failure> {
        Ok(&self.cluster().await?.api)
    }

    /// The configuration, without the command's own choices.
    ///
    /// # Errors
    /// When a file of it cannot be read.
    pub fn kubeconfig(&self) -> Result<Kubeconfig, Failure> {
        Ok(self.target.kubeconfig(&self.kube, self.files())?)
    }

    /// How many warnings the server has given.
    pub fn warnings(&self) -> usize {
        self.cluster.get().map_or(0, |cluster| cluster.api.warnings())
    }

    /// The home folder as the shell has it.
    pub fn home(&self) -> &str {
        self.variable("HOME")
    }

    /// Whether credentials may be printed: those of a sandbox are no secret, and a person's own line is the person's.
    pub fn may_tell_credentials(&self) -> bool {
        self.target.as_sandbox().is_some() || self.target.is_persons_line()
    }

    /// The files that the configuration is made of, the one to write a new entry to first: that of `--kubeconfig`, else of
    /// KUBECONFIG the first that is there, else the one in the home folder.
    pub fn kubeconfig_files(&self) -> Vec<String> {
        let named = self.options.text("kubeconfig");
        if !named.is_empty() {
            return vec![named.to_owned()];
        }
        let mut files: Vec<String> =
            self.variable("KUBECONFIG").split(':').filter(|file| !file.is_empty()).map(str::to_owned).collect();
        match files.iter().position(|file| self.files().metadata(file).is_ok()) {
            Some(first) => files.swap(0, first),
            None => files.reverse(),
        }
        if files.is_empty() {
            files.push(format!("{}/.kube/config", self.home()));
        }
        files
    }

    /// The namespace that the command means: `-n`, else the context's.
    ///
    /// # Errors
    /// When the target reaches no cluster.
    pub async fn namespace(&self) -> Result<String, Failure> {
        match self.options.text("namespace") {
            "" => Ok(self.cluster().await?.namespace.clone()),
            given => Ok(given.to_owned()),
        }
    }

    /// What the server can do. It is asked once in a session, and again when something is not known.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn discovery(&self) -> Result<&Arc<Discovery>, Failure> {
        self.discovery
            .get_or_try_init(|| async {
                if let Some(kept) = self.target.kept::<Discovery>(self.api().await?.server()) {
                    return Ok(kept);
                }
                self.ask_discovery().await
            })
            .await
    }

    /// The same. When the server does not answer, it is told as often as kubectl asks in vain: anew for each way in which a word
    /// could be meant.
    ///
    /// # Errors
    /// As [`Session::discovery`].
    pub async fn discovered(&self, times: usize) -> Result<&Arc<Discovery>, Failure> {
        self.api().await?;
        match self.discovery().await {
            Ok(discovery) => Ok(discovery),
            Err(Failure::Closed) => Err(Failure::Closed),
            Err(failure) => {
                self.log_undiscovered(&failure, times).await?;
                Err(failure)
            }
        }
    }

    /// Tells that the server does not say what it has.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub async fn log_undiscovered(&self, failure: &Failure, times: usize) -> Result<(), Failure> {
        let why = quote(&format!("couldn't get current server API group list: {}", failure.words()));
        for _ in 0..times {
            self.complain(self.logged('E', "memcache.go:265", &format!("\"Unhandled Error\" err={why}"))).await?;
        }
        Ok(())
    }

    async fn ask_discovery(&self) -> Result<Arc<Discovery>, Failure> {
        let api = self.api().await?;
        let discovery = Arc::new(Discovery::ask(api).await?);
        self.target.keep(api.server(), Arc::clone(&discovery));
        Ok(discovery)
    }

    /// What a word for a type means.
    ///
    /// # Errors
    /// When the server has no such type, also when it is asked anew.
    pub async fn mapping(&self, word: &str) -> Result<Arc<Mapping>, Failure> {
        match self.discovered(2).await?.find(word) {
            Ok(mapping) => Ok(mapping),
            Err(_) => self.ask_discovery().await?.find(word),
        }
    }

    /// The kind of an object.
    ///
    /// # Errors
    /// When the server has no such kind, also when it is asked anew.
    pub async fn mapping_of(&self, api_version: &str, kind: &str) -> Result<Arc<Mapping>, Failure> {
        match self.discovery().await?.of(api_version, kind) {
            Ok(mapping) => Ok(mapping),
            Err(_) => self.ask_discovery().await?.of(api_version, kind),
        }
    }

    /// An error about how the command is used.
    pub fn usage(&self, message: impl Into<String>) -> Failure {
        Failure::Usage { message: message.into(), command: self.command.clone() }
    }
}

fn request_timeout(text: &str) -> Result<Option<Duration>, Failure> {
    let invalid = || {
        Failure::message(
            "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)",
        )
    };
    let limit = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => duration::parse(text).map_err(|_| invalid())?.0,
    };
    Ok((!limit.is_zero()).then_some(limit))
}
