//! The cluster half: an API server, controllers, a scheduler and a kubelet, all on the session's clock.

pub mod api;
mod cloud;
mod containers;
pub mod controllers;
mod fill;
pub mod kubelet;
pub mod object;
mod provision;
mod schedule;
mod seed;
pub mod store;
mod webhook;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use cloud::{Addon, CloudIdentity, FargateProfile, NodeGroup, Provision, WebIdentity};
pub(crate) use seed::fits_pattern;
pub use seed::{
    Behaviour, Condition, ExecAnswer, Exit, Listens, Load, LogLine, Manifest, Match, Network, NodeSeed, Page,
    Permission, Readiness, Seed, Span, Text,
};

use self::api::{Containers, Server};
use self::containers::Kubelets;
use self::controllers::Controllers;
use self::kubelet::Nodes;
use self::store::{Store, StoreSnapshot};
use super::SandboxError;
use crate::clock::Clock;
use crate::fault::{Room, may_panic};

/// How many faults of their own the controllers outlive.
const MOST_FAULTS: usize = 8;

/// The cluster. Cheap to clone; all clones are the same cluster. Its controllers end with the last clone.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    server: Server,
    clock: Clock,
    controllers: Arc<Mutex<Controllers>>,
    /// Fires when the controllers have broken off too often and run no more.
    ended: CancellationToken,
    _running: DropGuard,
}

/// Everything that a cluster holds at one moment. It shares the objects with the cluster: taking one costs next to nothing
/// whatever the cluster holds, and keeping one costs what has changed since.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClusterSnapshot {
    store: StoreSnapshot,
    nodes: Nodes,
}

fn lock(controllers: &Mutex<Controllers>) -> MutexGuard<'_, Controllers> {
    controllers.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cluster {
    /// Fills the cluster from the scenario and starts its controllers on the current runtime. What the manifests deploy
    /// has then been there for as long as the scenario says.
    ///
    /// # Errors
    /// When the scenario contradicts itself.
    pub async fn start(seed: &Seed, cloud: Arc<dyn CloudIdentity>, clock: &Clock) -> Result<Self, SandboxError> {
        let present = clock.now();
        let mut controllers = Controllers::begin(seed, cloud, clock)?;
        let began = controllers.control.now;
        controllers
            .live_until(began, present)
            .map_err(|_| SandboxError::Setup("the cluster's history is too long to begin with".into()))?;
        let server = controllers.control.server.clone();
        let controllers = Arc::new(Mutex::new(controllers));
        server.set_containers(Arc::new(Kubelets { controllers: Arc::downgrade(&controllers), clock: clock.clone() }));
        let stop = CancellationToken::new();
        let ended = CancellationToken::new();
        tokio::spawn(keep_running(Arc::clone(&controllers), clock.clone(), stop.clone(), ended.clone()));
        let inner = Inner { server, clock: clock.clone(), controllers, ended, _running: stop.drop_guard() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What the cluster holds.
    pub fn store(&self) -> &Store {
        self.inner.server.store()
    }

    /// Its API server.
    pub fn server(&self) -> &Server {
        &self.inner.server
    }

    /// Its kubelets: logs of containers and commands in them.
    pub fn containers(&self) -> Arc<dyn Containers> {
        Arc::new(Kubelets { controllers: Arc::downgrade(&self.inner.controllers), clock: self.inner.clock.clone() })
    }

    /// Whether something is still due to happen by itself: a Pod becoming ready, a container starting again, a namespace
    /// going. A cluster in which nothing is due stays as it is until somebody changes it.
    pub fn is_pending(&self) -> bool {
        lock(&self.inner.controllers).is_pending()
    }

    /// Waits until the controllers have broken off by faults of lectern's own, more often than they may: nothing in the
    /// cluster happens any more.
    pub async fn broke_off(&self) {
        self.inner.ended.cancelled().await;
    }

    /// Everything that the cluster holds.
    pub fn snapshot(&self) -> ClusterSnapshot {
        let controllers = lock(&self.inner.controllers);
        ClusterSnapshot { store: self.store().snapshot(), nodes: controllers.nodes.clone() }
    }

    /// Goes to a snapshot of this cluster, or of another one that was filled from `seed`. Watches that are open end as a server ends
    /// them whose history is gone (410).
    ///
    /// # Errors
    /// When the controllers cannot start again.
    pub fn restore(&self, snapshot: &ClusterSnapshot, seed: &Seed) -> Result<(), SandboxError> {
        let mut controllers = lock(&self.inner.controllers);
        controllers.control.follow(seed);
        self.store().restore(&snapshot.store);
        controllers.control.now = self.inner.clock.now();
        controllers.restart(snapshot.nodes.clone()).map_err(|error| SandboxError::Snapshot(error.to_string()))
    }
}

/// Runs the controllers whenever something changed or is due.
async fn keep_running(
    controllers: Arc<Mutex<Controllers>>,
    clock: Clock,
    stop: CancellationToken,
    ended: CancellationToken,
) {
    let mut faults = 0;
    let mut account = lock(&controllers).control.cloud.provision_changes();
    loop {
        if let Some(account) = &mut account {
            account.mark_unchanged();
        }
        let (changes, next) = {
            let mut controllers = lock(&controllers);
            let now = clock.now();
            let run = std::panic::catch_unwind(AssertUnwindSafe(|| {
                may_panic(Room::Controllers);
                controllers.run(now)
            }));
            if run.is_err() {
                faults += 1;
                if faults > MOST_FAULTS {
                    ended.cancel();
                    return;
                }
            }
            // A fault of theirs left them in the middle of something: they begin anew from what the store holds.
            if !matches!(run, Ok(Ok(()))) {
                let nodes = controllers.nodes.clone();
                if let Err(error) = controllers.restart(nodes) {
                    tracing::error!(%error, "the controllers cannot follow the store");
                    ended.cancel();
                    return;
                }
                continue;
            }
            let next = controllers.next_due().map(|due| due.duration_since(now).unsigned_abs());
            (controllers.changes(), next)
        };
        let Ok(mut changes) = changes else { continue };
        let due = async {
            match next {
                Some(wait) => drop(clock.sleep(wait).await),
                None => std::future::pending().await,
            }
        };
        let account_changes = async {
            let told = match &mut account {
                Some(account) => account.changed().await.is_ok(),
                None => false,
            };
            // An account that is gone changes no more.
            if !told {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            _ = changes.next() => {}
            () = due => {}
            () = account_changes => {}
        }
    }
}
