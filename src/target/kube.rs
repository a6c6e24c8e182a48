//! The way to the cluster: the sandbox's API server without a socket, or the person's own cluster by their kubeconfig.
//!
//! A lesson's configuration is the one that the person's environment named at the start; what a lesson writes besides
//! (`~/.kube/config`, KUBECONFIG, `--kubeconfig`) may choose contexts, namespaces and users of its own, but leads to the
//! session's server and starts nothing. A person's own line is read as kubectl reads it.

mod api_path;
mod choice;
mod connect;
mod kubeconfig;
mod login;
mod plugin;
mod recorder;

pub use api_path::ApiPath;

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use kube::config::{AuthInfo, Cluster, Kubeconfig};

use super::{EksToken, Kind, Target, TargetError};
use crate::tools::Files;
use choice::Chosen;
use login::EksLogin;
use plugin::Plugin;
use recorder::Recorder;

/// A token is made anew this long before it ends.
const EARLY: SignedDuration = SignedDuration::from_secs(60);

/// What a command may choose of its way to the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KubeOptions {
    /// `--kubeconfig`.
    pub kubeconfig: Option<String>,
    /// `--context`.
    pub context: Option<String>,
    /// `--cluster`: another cluster of the configuration than the context's.
    pub cluster: Option<String>,
    /// `--user`: another user of the configuration than the context's.
    pub user: Option<String>,
    /// `--as`.
    pub impersonate: Option<String>,
    /// `--request-timeout`.
    pub request_timeout: Option<Duration>,
    /// What is said of cluster and user besides the configuration. Only a person's own line may, see
    /// [`Target::trusts_commands`].
    pub overrides: KubeOverrides,
    /// The command's environment, as far as [`KubeOptions::VARIABLES`] go.
    pub environment: BTreeMap<String, String>,
}

/// What a command line says of cluster and user besides the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KubeOverrides {
    /// `--server`.
    pub server: Option<String>,
    /// `--token`.
    pub token: Option<String>,
    /// `--username`.
    pub username: Option<String>,
    /// `--password`.
    pub password: Option<String>,
    /// `--certificate-authority`, an absolute path.
    pub certificate_authority: Option<String>,
    /// `--client-certificate`, an absolute path.
    pub client_certificate: Option<String>,
    /// `--client-key`, an absolute path.
    pub client_key: Option<String>,
    /// `--tls-server-name`.
    pub tls_server_name: Option<String>,
    /// `--insecure-skip-tls-verify`.
    pub insecure_skip_tls_verify: bool,
}

impl KubeOptions {
    /// The variables that have a say.
    pub const VARIABLES: &[&str] = &[
        "AWS_DEFAULT_PROFILE",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
        "AWS_REGION",
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "KUBECONFIG",
        "KUBERNETES_MASTER",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
        "NO_PROXY",
        "POD_NAMESPACE",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    ];
    /// Those of them that a lesson's shell may set.
    const OF_LESSONS: &[&str] =
        &["AWS_DEFAULT_PROFILE", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_REGION", "HOME", "KUBECONFIG"];

    /// The environment that has a say, out of a whole one.
    pub fn take(variable: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
        let taken = Self::VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?)));
        taken.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// A variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// How the cluster is reached, and what is kept between calls.
#[derive(Default)]
pub(super) struct KubeSide {
    /// The person's own configuration; `None` in a sandbox.
    own: Option<Own>,
    clients: Mutex<HashMap<String, KubeClient>>,
    kept: Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>,
}

/// The person's own configuration as it was at the start.
struct Own {
    config: Result<Kubeconfig, String>,
    environment: BTreeMap<String, String>,
}

/// A cluster as a person calls it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ClusterName {
    pub name: String,
    pub region: Option<String>,
}

impl KubeSide {
    /// The person's own kubeconfig: the files of KUBECONFIG, else `~/.kube/config`.
    pub(super) fn of_environment() -> Self {
        let environment = KubeOptions::take(|name| std::env::var(name).ok());
        let options = KubeOptions { environment, ..KubeOptions::default() };
        let cwd = std::env::current_dir().unwrap_or_default();
        let config = kubeconfig::Files::of(&options).read(&cwd, &|path| std::fs::read(path));
        Self { own: Some(Own { config, environment: options.environment }), ..Self::default() }
    }

    /// What the person's own configuration chooses by itself.
    fn own_choice(&self) -> Option<Chosen> {
        let own = self.own.as_ref()?;
        let options = KubeOptions { environment: own.environment.clone(), ..KubeOptions::default() };
        let chosen = Chosen::of(own.config.as_ref().ok()?, &options).ok()?;
        chosen.configured.then_some(chosen)
    }

    /// The cluster that the current context leads to: by its name in EKS where the configuration tells it, else in the
    /// person's own words, else by its server.
    pub(super) fn cluster(&self) -> Option<ClusterName> {
        let own = self.own.as_ref()?;
        let chosen = self.own_choice()?;
        let variable = |name: &str| own.environment.get(name).cloned();
        let login = EksLogin::of(&chosen.user, "", &variable).ok().flatten();
        let config = own.config.as_ref().ok()?;
        let context = config.contexts.iter().find(|named| Some(&named.name) == config.current_context.as_ref());
        let called = context.and_then(|named| named.context.as_ref()).map(|context| context.cluster.clone());
        let called = called.filter(|name| !name.is_empty()).unwrap_or_else(|| chosen.server.clone());
        // arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME, as `aws eks update-kubeconfig` writes it.
        let parts: Vec<&str> = called.splitn(6, ':').collect();
        let of_arn = match parts.as_slice() {
            ["arn", _, "eks", region, _, cluster] => Some((*region, cluster.strip_prefix("cluster/")?)),
            _ => None,
        };
        // NAME.REGION.eksctl.io, as eksctl does.
        let of_eksctl = called.strip_suffix(".eksctl.io").and_then(|rest| rest.rsplit_once('.'));
        let named = of_arn.or(of_eksctl.map(|(name, region)| (region, name)));
        Some(match (named, login) {
            (Some((region, name)), _) => ClusterName { name: name.to_owned(), region: Some(region.to_owned()) },
            (None, Some(login)) => ClusterName { name: login.cluster, region: login.aws.region },
            (None, None) => ClusterName { name: called, region: None },
        })
    }
}

/// A way to a cluster's API server.
#[derive(Clone)]
pub struct KubeClient {
    /// Sends requests; they are recorded.
    pub client: kube::Client,
    /// The namespace that commands without `-n` mean.
    pub namespace: String,
    /// The server's URL.
    pub server: String,
    /// What the configuration calls the user.
    pub user: String,
    login: Option<Arc<Login>>,
}

/// A user whose token is made here and does not last.
struct Login {
    by: Means,
    token: tokio::sync::Mutex<Option<EksToken>>,
}

/// Where a token comes from.
#[derive(Debug)]
enum Means {
    Eks(Box<EksLogin>),
    Plugin(Box<Plugin>),
}

impl KubeClient {
    /// The `Authorization` that requests must carry besides what the client does, if they must.
    ///
    /// # Errors
    /// When no token can be made.
    pub async fn authorization(&self, target: &Target) -> Result<Option<HeaderValue>, TargetError> {
        let Some(login) = &self.login else { return Ok(None) };
        let mut held = login.token.lock().await;
        let fresh = match &*held {
            Some(token) if Timestamp::now() + EARLY < token.expires => token.clone(),
            _ => match &login.by {
                // On the heap, with all that the SDKs hold: every command's future would have it within otherwise, deeper than
                // the compiler looks.
                Means::Eks(eks) => Box::pin(target.eks_token(&eks.aws, &eks.cluster, eks.role.as_deref())).await?,
                Means::Plugin(plugin) => Box::pin(plugin.token(target.clock())).await?,
            },
        };
        let mut value = HeaderValue::try_from(format!("Bearer {}", fresh.token))
            .map_err(|error| TargetError::NoIdentity(error.to_string()))?;
        value.set_sensitive(true);
        *held = Some(fresh);
        Ok(Some(value))
    }

    /// The address of the first name server that this machine asks, if it says so.
    pub fn nameserver() -> Option<String> {
        let text = std::fs::read_to_string("/etc/resolv.conf").ok()?;
        let mut lines = text.lines().map(str::split_whitespace);
        lines.find_map(|mut words| (words.next() == Some("nameserver")).then(|| words.next())?.map(str::to_owned))
    }

    /// Told that the server did not take the token: the next request carries a new one.
    pub async fn unauthorized(&self) {
        if let Some(login) = &self.login {
            *login.token.lock().await = None;
        }
    }
}

impl Target {
    /// The way to the cluster that a command means. `files` are those that the command may open.
    ///
    /// # Errors
    /// When the options name what is not there, with kubectl's words; or when a lesson's lead elsewhere.
    pub async fn kube(&self, options: &KubeOptions, files: &Files) -> Result<KubeClient, TargetError> {
        let config = self.kubeconfig(options, files)?;
        let effective = self.effective(options);
        let chosen = Chosen::of(&config, &effective)?;
        if !self.is_persons_line() {
            self.check_server(&chosen)?;
        }
        let eks = EksLogin::of(&chosen.user, &chosen.user_name, &|name| effective.variable(name).map(str::to_owned));
        let login = match (eks, Plugin::of(&chosen.user, &chosen.user_name, self.programs())) {
            (Ok(eks), _) => eks.map(|eks| Means::Eks(Box::new(eks))),
            (Err(_), Some(plugin)) => Some(Means::Plugin(Box::new(plugin))),
            (Err(refused), None) => return Err(refused),
        };
        let proxy = if self.kind() == Kind::Live { connect::proxy(&chosen, &effective)? } else { None };
        let key = format!("{} {proxy:?} {login:?} {}", chosen.server, serde_json::json!([chosen.cluster, chosen.user]));
        let side = &self.kube;
        let known = side.clients.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let namespace = chosen.namespace.clone();
        if let Some(known) = known {
            return Ok(KubeClient { namespace, user: chosen.user_name, ..known });
        }
        let recorder = Recorder { calls: self.calls().clone(), clock: self.clock().clone() };
        let client = match self.as_sandbox() {
            Some(sandbox) => {
                use tower::Layer;
                let service = recorder.layer(sandbox.cluster().server().client_service());
                kube::Client::new(service, namespace.clone())
            }
            None => connect::client(&chosen, proxy, &recorder)?,
        };
        let login = login.map(|by| Arc::new(Login { by, token: tokio::sync::Mutex::default() }));
        let made = KubeClient { client, namespace, server: chosen.server, user: chosen.user_name, login };
        side.clients.lock().unwrap_or_else(PoisonError::into_inner).insert(key, made.clone());
        Ok(made)
    }

    /// The configuration that a command sees, without its own choices: the person's own or one that describes the sandbox,
    /// and what a lesson wrote. Secrets are in it.
    ///
    /// # Errors
    /// When a file cannot be read, with kubectl's words, or when what a lesson wrote leads elsewhere.
    pub fn kubeconfig(&self, options: &KubeOptions, files: &Files) -> Result<Kubeconfig, TargetError> {
        let named = kubeconfig::Files::of(options);
        if self.is_persons_line() {
            let open = |path: &Path| match files.stream(path) {
                Some(bytes) => Ok(bytes.to_vec()),
                None => std::fs::read(path),
            };
            return named.read(files.cwd(), &open).map_err(TargetError::Kubeconfig);
        }
        let own = match &self.kube.own {
            Some(own) => own.config.clone().map_err(TargetError::Kubeconfig)?,
            None => self.sandbox_kubeconfig(),
        };
        let read = named.read(files.cwd(), &|path| files.read(path)).map_err(TargetError::Kubeconfig)?;
        if read.clusters.is_empty() && read.contexts.is_empty() && read.auth_infos.is_empty() {
            return Ok(own);
        }
        if options.kubeconfig.is_some() || options.variable("KUBECONFIG").is_some() {
            return self.allowed(read, &own, &named);
        }
        // Nobody named this file. What leads elsewhere in it is left out.
        let mut theirs = read;
        theirs
            .clusters
            .retain(|named| named.cluster.as_ref().is_some_and(|cluster| self.may_use(cluster, &own).is_ok()));
        theirs.auth_infos.retain(|named| self.may_be(&named.name, named.auth_info.as_ref()).is_ok());
        let clusters: Vec<_> = theirs.clusters.iter().chain(&own.clusters).map(|named| &named.name).collect();
        theirs
            .contexts
            .retain(|named| named.context.as_ref().is_some_and(|context| clusters.contains(&&context.cluster)));
        theirs.current_context = theirs
            .current_context
            .filter(|current| theirs.contexts.iter().chain(&own.contexts).any(|named| named.name == *current));
        let theirs = self.allowed(theirs, &own, &named)?;
        theirs.merge(own).map_err(|error| TargetError::Kubeconfig(format!("error: {error}")))
    }

    /// What was kept under `key` for this session, such as what the server can do.
    pub fn kept<T: Any + Send + Sync>(&self, key: &str) -> Option<Arc<T>> {
        let kept = self.kube.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kept.get(key)?).downcast().ok()
    }

    /// Keeps something for this session.
    pub fn keep<T: Any + Send + Sync>(&self, key: &str, value: Arc<T>) {
        self.kube.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), value);
    }

    /// Whether commands may name any cluster: they are the person's own, and so is the target.
    pub fn is_persons_line(&self) -> bool {
        self.trusts_commands() && self.kind() == Kind::Live
    }

    /// The options with the environment that counts: a lesson's shell has no say in proxies and servers.
    fn effective(&self, options: &KubeOptions) -> KubeOptions {
        let mut effective = options.clone();
        if !self.is_persons_line() {
            effective.overrides = KubeOverrides::default();
            let mut counts = self.kube.own.as_ref().map_or_else(BTreeMap::new, |own| own.environment.clone());
            for name in KubeOptions::OF_LESSONS {
                if let Some(value) = options.environment.get(*name) {
                    counts.insert((*name).to_owned(), value.clone());
                }
            }
            effective.environment = counts;
        }
        effective
    }

    /// Looks whether a choice that a lesson made leads to the session's server.
    fn check_server(&self, chosen: &Chosen) -> Result<(), TargetError> {
        let session = match self.kind() {
            Kind::Sandbox => return Ok(()),
            Kind::Live => self.kube.own_choice().map(|own| own.server),
        };
        match session {
            None => Err(TargetError::NoCluster("the kubeconfig of the person who runs the lesson names none".into())),
            Some(server) if server == chosen.server => Ok(()),
            Some(server) => Err(TargetError::Refused {
                what: format!("the server {}", chosen.server),
                why: format!("it is not the session's, {server}; {ONCE}"),
            }),
        }
    }

    /// A configuration that a lesson wrote, with what the person's own says of its clusters.
    fn allowed(
        &self,
        mut theirs: Kubeconfig,
        own: &Kubeconfig,
        named: &kubeconfig::Files,
    ) -> Result<Kubeconfig, TargetError> {
        let refused =
            |why: String| TargetError::Refused { what: format!("the kubeconfig {}", named.names().join(":")), why };
        for cluster in theirs.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
            *cluster = self.may_use(cluster, own).map_err(refused)?;
        }
        for user in &mut theirs.auth_infos {
            self.may_be(&user.name, user.auth_info.as_ref()).map_err(refused)?;
            // In the sandbox everybody is let in already.
            if self.kind() == Kind::Sandbox {
                user.auth_info = Some(AuthInfo::default());
            }
        }
        Ok(theirs)
    }

    /// The cluster that a lesson's entry may lead to: the person's own entry for the same server.
    fn may_use(&self, entry: &Cluster, own: &Kubeconfig) -> Result<Cluster, String> {
        let Some(server) = &entry.server else { return Ok(Cluster::default()) };
        let known = own.clusters.iter().filter_map(|known| known.cluster.as_ref());
        let same = known.into_iter().find(|known| known.server.as_ref() == Some(server));
        same.cloned().ok_or_else(|| format!("its server {server} is not the session's; {ONCE}"))
    }

    /// Whether a lesson's entry may say who one is.
    fn may_be(&self, name: &str, entry: Option<&AuthInfo>) -> Result<(), String> {
        let Some(entry) = entry else { return Ok(()) };
        if entry.auth_provider.is_some() || entry.token_file.is_some() {
            return Err("it holds an auth-provider or tokenFile entry, which a lesson may not choose".into());
        }
        if entry.client_certificate.is_some() || entry.client_key.is_some() {
            return Err("a lesson's certificates are given as data, not as paths".into());
        }
        EksLogin::of(entry, name, &|_| None).map(|_| ()).map_err(|error| error.to_string())
    }

    /// The kubeconfig that describes the sandbox's cluster, by what the scenario calls it.
    fn sandbox_kubeconfig(&self) -> Kubeconfig {
        let name = self.identity().cluster.unwrap_or_else(|| "sandbox".to_owned());
        let endpoint = self.as_sandbox().and_then(|sandbox| sandbox.aws().cluster_endpoint(&name));
        let server = endpoint.unwrap_or_else(|| SANDBOX_SERVER.to_owned());
        let text = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": server}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "users": [{"name": name, "user": {}}],
        });
        serde_json::from_value(text).unwrap_or_default()
    }
}

const ONCE: &str = "the cluster is chosen once, by the person who runs the lesson";

/// The name that a server has inside of its own cluster: the sandbox's, where the account has none for it.
const SANDBOX_SERVER: &str = "https://kubernetes.default.svc";
