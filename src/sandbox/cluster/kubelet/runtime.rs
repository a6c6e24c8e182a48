//! What a container runtime remembers of a Pod: for each container which stage it is at, since when, and its last run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::controllers::control::Control;
use super::super::controllers::volumes::tell_attached;
use super::super::object;
use super::environment::Environment;

/// What is known of one Pod.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PodRuntime {
    /// When the kubelet first saw it.
    pub started: Option<Timestamp>,
    /// When its network is there.
    pub network_at: Option<Timestamp>,
    /// Its address; empty before.
    pub ip: String,
    /// A volume that cannot be mounted, and why.
    pub missing: Option<String>,
    /// When its containers end that were asked to.
    pub stop_at: Option<Timestamp>,
    /// Its containers by name, init containers included.
    pub containers: BTreeMap<String, ContainerRuntime>,
}

/// What is known of one container.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ContainerRuntime {
    /// Where it is.
    pub stage: Stage,
    /// How often it was started again.
    pub restarts: u32,
    /// The run before the present one.
    pub last: Option<Run>,
    /// How long the next wait after a crash is, in seconds; 0 before the first crash.
    pub crash_wait: u64,
    /// How long the next wait after a failed pull is, in seconds; 0 before the first.
    pub pull_wait: u64,
    /// Whether its image has been there once.
    pub has_image: bool,
}

/// Where a container is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub enum Stage {
    /// Nothing has been done for it.
    #[default]
    Waiting,
    /// Its image is being pulled.
    Pulling {
        /// Since when.
        since: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// Its image could not be pulled.
    PullFailed {
        /// Why.
        message: String,
        /// From when on the kubelet says that it waits.
        wait_from: Timestamp,
        /// When it pulls again.
        until: Timestamp,
        /// Whether it says so already.
        waiting: bool,
    },
    /// It is being made.
    Creating {
        /// When it starts.
        until: Timestamp,
    },
    /// Something that its environment is made of is not there.
    ConfigError(String),
    /// It runs.
    Running(Run),
    /// It has ended.
    Ended {
        /// The run.
        run: Run,
        /// When it starts again, if it does.
        restart_at: Option<Timestamp>,
        /// From when on the kubelet says that it waits.
        wait_from: Option<Timestamp>,
        /// Whether it says so already, and for how many seconds.
        waiting: Option<u64>,
    },
}

/// One run of a container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    /// `containerd://…`
    pub id: String,
    /// When it started.
    pub started: Timestamp,
    /// Its environment.
    pub environment: Environment,
    /// When its readiness probe succeeds; `None` when it never does.
    pub ready_at: Option<Timestamp>,
    /// When its failing probe is told of.
    pub unhealthy_at: Option<Timestamp>,
    /// The row of its possible ends that is examined next.
    pub next_exit: usize,
    /// When.
    pub exit_at: Option<Timestamp>,
    /// What it printed before its end, besides what it prints in any case.
    pub last_words: Option<String>,
    /// When and how it will end, where that is known from its command.
    #[serde(default)]
    pub planned: Option<End>,
    /// When and how it ended.
    pub end: Option<End>,
}

/// The end of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// The exit status.
    pub code: i64,
}

impl PodRuntime {
    /// A Pod comes to its node.
    pub(super) fn begin(&mut self, control: &Control, pod: &Value) {
        self.started = Some(control.now);
        tell_attached(control, pod);
        for container in
            super::play::containers(pod, "initContainers").chain(super::play::containers(pod, "containers"))
        {
            self.containers.insert(object::text(container, "/name").to_owned(), ContainerRuntime::default());
        }
    }

    /// When something is due by itself.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let own = [self.stop_at, self.network_at.filter(|_| self.ip.is_empty())];
        let of_containers = self.containers.values().filter_map(|container| container.next(now));
        own.into_iter().flatten().chain(of_containers).filter(|due| *due > now).min()
    }

    /// The run of a container that has an id, if it is still known.
    pub fn run(&self, container: &str, id: &str) -> Option<&Run> {
        let own = self.containers.get(container)?;
        own.run().into_iter().chain(&own.last).find(|run| run.id == id)
    }

    /// Whether it waits for an object that is not there.
    pub(super) fn is_stuck(&self) -> bool {
        self.missing.is_some()
            || self.containers.values().any(|container| matches!(container.stage, Stage::ConfigError(_)))
    }
}

impl ContainerRuntime {
    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let due = match &self.stage {
            Stage::Waiting | Stage::ConfigError(_) => [None; 3],
            Stage::Pulling { until, .. } | Stage::Creating { until } => [Some(*until), None, None],
            Stage::PullFailed { wait_from, until, .. } => [Some(*wait_from), Some(*until), None],
            Stage::Running(run) => [run.exit_at, run.ready_at, run.unhealthy_at],
            Stage::Ended { restart_at, wait_from, .. } => [*restart_at, *wait_from, None],
        };
        due.into_iter().flatten().filter(|due| *due > now).min()
    }

    /// The present or latest run.
    pub fn run(&self) -> Option<&Run> {
        match &self.stage {
            Stage::Running(run) | Stage::Ended { run, .. } => Some(run),
            _ => None,
        }
    }
}

impl Run {
    /// Whether its readiness probe has succeeded.
    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.end.is_none() && self.ready_at.is_some_and(|at| at <= now)
    }
}
