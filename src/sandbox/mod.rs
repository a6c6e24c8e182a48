//! An account and a cluster inside the process. Knows nothing of lessons.
//!
//! `aws` answers EKS, IAM and STS; `cluster` is a Kubernetes API server with controllers and a kubelet that plays
//! containers. Both start from a scenario, which is data, and run on the session's clock.

mod addons;
pub mod aws;
pub mod cluster;
mod error;
mod hardware;
mod scenario;
pub mod serve;
pub(crate) mod tar;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub use error::SandboxError;
pub use scenario::Scenario;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;

/// Everything that a sandbox holds at one moment, both halves. Cheap to take, to clone and to keep: see
/// [`cluster::ClusterSnapshot`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    aws: Arc<serde_json::Value>,
    cluster: cluster::ClusterSnapshot,
    #[serde(default)]
    place: Place,
}

/// Which scenario a sandbox is of, where that is not the one that it was started with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// A bundled scenario's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scenario: Option<String>,
    /// A module of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    module: Option<String>,
}

/// A sandbox that runs on the session's runtime. Cheap to clone; all clones are the same sandbox. It ends with the last.
#[derive(Clone)]
pub struct Sandbox {
    aws: aws::Aws,
    cluster: cluster::Cluster,
    /// What it was started with.
    first: Arc<Scenario>,
    /// What it is of now.
    present: Arc<Mutex<Arc<Scenario>>>,
    clock: Clock,
}

impl Sandbox {
    /// Fills a sandbox from a scenario and starts its controllers on the current runtime. What the scenario deploys is
    /// running when this returns: it is the state that a lesson begins with, not the way there.
    ///
    /// # Errors
    /// When the scenario contradicts itself.
    pub async fn start(scenario: &Scenario, clock: &Clock) -> Result<Self, SandboxError> {
        let aws = aws::Aws::start(&scenario.aws, clock).await?;
        let cluster = cluster::Cluster::start(&scenario.cluster, Arc::new(aws.clone()), clock).await?;
        let first = Arc::new(scenario.clone());
        Ok(Self { aws, cluster, present: Arc::new(Mutex::new(Arc::clone(&first))), first, clock: clock.clone() })
    }

    /// Takes both halves to the beginning of a scenario of the same account, which is now: what was deployed then has been running for as
    /// long as the scenario says. Watches that are open end as with [`Sandbox::restore`].
    ///
    /// # Errors
    /// When the scenario is of another account or contradicts itself, or a part cannot be read or written.
    pub async fn begin_anew(&self, scenario: &Scenario) -> Result<(), SandboxError> {
        let fresh = Self::start(scenario, &self.clock).await?;
        if fresh.aws.account() != self.aws.account() || fresh.aws.region() != self.aws.region() {
            return Err(SandboxError::Setup("it is of another account or region than the session".into()));
        }
        self.set(&Arc::new(scenario.clone()), &fresh.snapshot().await?).await
    }

    /// What the sandbox is of now: what it was started with, or what [`Sandbox::begin_anew`] was given since.
    pub fn scenario(&self) -> Arc<Scenario> {
        Arc::clone(&self.present.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The name by which the account knows the cluster: the scenario's, if the account has it, else the first that it has.
    pub fn cluster_name(&self) -> Option<String> {
        let names = self.aws.clusters();
        let own = self.scenario().cluster.name.clone();
        if names.contains(&own) { Some(own) } else { names.into_iter().next() }
    }

    /// The AWS half.
    pub fn aws(&self) -> &aws::Aws {
        &self.aws
    }

    /// The cluster half.
    pub fn cluster(&self) -> &cluster::Cluster {
        &self.cluster
    }

    /// The environment that the scenario gives to a lesson.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.scenario().environment.clone()
    }

    /// Everything that the sandbox holds, for [`Sandbox::restore`].
    ///
    /// # Errors
    /// When the account cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot, SandboxError> {
        let place = self.place_of(&self.scenario());
        Ok(Snapshot { aws: Arc::new(self.aws.snapshot().await?), cluster: self.cluster.snapshot(), place })
    }

    /// Goes back to a snapshot. Watches that are open end as a server ends them whose history is gone (410).
    ///
    /// # Errors
    /// When the snapshot is of no account, or of a scenario that there is none of any more.
    pub async fn restore(&self, snapshot: &Snapshot) -> Result<(), SandboxError> {
        let present = self.scenario();
        let scenario = if self.place_of(&present) == snapshot.place {
            present
        } else {
            let whole = match &snapshot.place.scenario {
                Some(name) => Arc::new(Scenario::bundled(name)?),
                None => Arc::clone(&self.first),
            };
            match &snapshot.place.module {
                Some(module) => Arc::new(
                    whole
                        .at_module(module)?
                        .ok_or_else(|| SandboxError::Snapshot(format!("there is no module {module} any more")))?,
                ),
                None => whole,
            }
        };
        self.set(&scenario, snapshot).await
    }

    async fn set(&self, scenario: &Arc<Scenario>, snapshot: &Snapshot) -> Result<(), SandboxError> {
        self.aws.restore(&snapshot.aws).await?;
        self.cluster.restore(&snapshot.cluster, &scenario.cluster)?;
        *self.present.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(scenario);
        Ok(())
    }

    fn place_of(&self, scenario: &Scenario) -> Place {
        let switched = scenario.name() != self.first.name();
        Place {
            scenario: scenario.name().filter(|_| switched).map(str::to_owned),
            module: scenario.module().map(str::to_owned),
        }
    }
}
