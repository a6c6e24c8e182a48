//! An account and a cluster inside the process. Knows nothing of lessons.
//!
//! `aws` answers EKS, IAM and STS; `cluster` is a Kubernetes API server with controllers and a kubelet that plays
//! containers. Both start from a scenario, which is data, and run on the session's clock.

pub mod aws;
pub mod cluster;
mod error;
mod scenario;
pub mod serve;

use std::collections::BTreeMap;
use std::sync::Arc;

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
}

/// A sandbox that runs on the session's runtime. Cheap to clone; all clones are the same sandbox. It ends with the last.
#[derive(Clone)]
pub struct Sandbox {
    aws: aws::Aws,
    cluster: cluster::Cluster,
    scenario: Arc<Scenario>,
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
        Ok(Self { aws, cluster, scenario: Arc::new(scenario.clone()), clock: clock.clone() })
    }

    /// Takes both halves back to the scenario's beginning, which is now: what was deployed then has been running for as long as the
    /// scenario says. Watches that are open end as with [`Sandbox::restore`].
    ///
    /// # Errors
    /// When a part cannot be read or written.
    pub async fn begin_anew(&self) -> Result<(), SandboxError> {
        let fresh = Self::start(&self.scenario, &self.clock).await?;
        self.restore(&fresh.snapshot().await?).await
    }

    /// What the sandbox began with.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
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
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.scenario.environment
    }

    /// Everything that the sandbox holds, for [`Sandbox::restore`].
    ///
    /// # Errors
    /// When the account cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot, SandboxError> {
        Ok(Snapshot { aws: Arc::new(self.aws.snapshot().await?), cluster: self.cluster.snapshot() })
    }

    /// Goes back to a snapshot. Watches that are open end as a server ends them whose history is gone (410).
    ///
    /// # Errors
    /// When the snapshot is of no account.
    pub async fn restore(&self, snapshot: &Snapshot) -> Result<(), SandboxError> {
        self.aws.restore(&snapshot.aws).await?;
        self.cluster.restore(&snapshot.cluster)
    }
}
