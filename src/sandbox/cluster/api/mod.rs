//! The API server: Kubernetes' REST API on the [`Store`], in process. What it answers follows Kubernetes 1.36, so that
//! clients that know nothing of it (kube, kubectl) are content.
//!
//! [`Server`] is the whole; [`Server::client_service`] is what a client talks to. Controllers work on the store, but let
//! the server create objects ([`Server::create`]), so that these get their defaults.

mod access;
mod body;
mod claims;
mod convert;
mod create;
mod defaults;
mod delete;
mod descriptions;
mod discovery;
mod eviction;
mod hooks;
pub mod kinds;
mod limits;
mod managed;
mod metrics;
mod openapi;
mod patch;
mod pods;
mod quantity;
mod quota;
mod read;
mod request;
mod scale;
pub mod schema;
mod selector;
mod service;
mod status;
mod table;
mod update;
mod validate;
mod watch;
pub mod wire;

use std::sync::{Arc, Mutex, PoisonError};

pub use hooks::{Admission, Attached, Containers, ExecAnswer, ExecRequest, LogOptions, LogStream, Usage};
pub use kinds::Kind;
pub use quantity::Quantity;
pub(super) use quota::used as quota_used;
pub use selector::selects;
pub use service::{ClientService, ServedBody};
pub use status::{Cause, Status};

use serde_json::Value;

use super::store::Store;
use crate::clock::Clock;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The groups.
    pub groups: Vec<String>,
}

impl User {
    /// A cluster's administrator: every call is allowed.
    pub fn admin(name: &str) -> Self {
        Self { name: name.into(), groups: vec!["system:masters".into(), "system:authenticated".into()] }
    }
}

/// What a server says of itself and gives out.
#[derive(Debug, Clone)]
pub struct Config {
    /// The version, as EKS tells it: `v1.36.2-eks-1234567`.
    pub git_version: String,
    /// The first two numbers of the network that Services get addresses from: `172.20` on EKS.
    pub service_network: [u8; 2],
    /// Who calls when a request does not say otherwise.
    pub user: User,
}

impl Default for Config {
    fn default() -> Self {
        Self { git_version: "v1.36.2".into(), service_network: [172, 20], user: User::admin("kubernetes-admin") }
    }
}

/// The API server. Cheap to clone; all clones are the same server.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

/// Signs the claims of a service account's token as the cluster's issuer; `None` when it has none outside the cluster.
pub type Signer = Arc<dyn Fn(&Value) -> Option<String> + Send + Sync>;

struct Inner {
    store: Store,
    clock: Clock,
    config: Config,
    version: Mutex<String>,
    containers: Mutex<Option<Arc<dyn Containers>>>,
    admission: Mutex<Vec<Arc<dyn Admission>>>,
    signer: Mutex<Option<Signer>>,
}

impl Server {
    /// A server on a store. Logs and exec answer an error until [`Server::set_containers`] was called.
    pub fn new(store: Store, clock: Clock, config: Config) -> Self {
        let version = Mutex::new(config.git_version.clone());
        let (containers, admission) = (Mutex::new(None), Mutex::new(Vec::new()));
        let inner = Inner { store, clock, config, version, containers, admission, signer: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Says who answers for running containers.
    pub fn set_containers(&self, containers: Arc<dyn Containers>) {
        *self.inner.containers.lock().unwrap_or_else(PoisonError::into_inner) = Some(containers);
    }

    /// Says which hooks see every object that is about to be created, in their order.
    pub fn set_admission(&self, admission: Vec<Arc<dyn Admission>>) {
        *self.inner.admission.lock().unwrap_or_else(PoisonError::into_inner) = admission;
    }

    /// Says who signs the tokens of service accounts.
    pub fn set_signer(&self, signer: Signer) {
        *self.inner.signer.lock().unwrap_or_else(PoisonError::into_inner) = Some(signer);
    }

    /// A token with these claims, when the cluster's issuer signs it.
    fn sign(&self, claims: &Value) -> Option<String> {
        let signer = self.inner.signer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        signer.and_then(|sign| sign(claims))
    }

    /// From now on the server says that it is of this version.
    pub fn set_version(&self, git_version: &str) {
        git_version.clone_into(&mut self.inner.version.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn git_version(&self) -> String {
        self.inner.version.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The store that it serves.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The session's clock.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    fn config(&self) -> &Config {
        &self.inner.config
    }

    fn containers(&self) -> Option<Arc<dyn Containers>> {
        self.inner.containers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn admission(&self) -> Vec<Arc<dyn Admission>> {
        self.inner.admission.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A tower service for `kube::Client::new`: requests are answered by this server without a socket, as the user of
    /// its [`Config`].
    pub fn client_service(&self) -> ClientService {
        ClientService::new(self.clone())
    }
}
