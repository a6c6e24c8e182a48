//! The verbs, a file each, and the table of them.

mod apply;
mod autoscale;
mod cluster;
mod create;
mod delete;
mod describe;
mod diff;
mod dry_run;
mod events;
mod exec;
mod expose;
mod follow;
mod get;
mod get_watch;
mod kustomize;
mod label;
mod logs;
mod nodes;
mod patch;
mod pods;
mod replace;
mod rollout;
mod rollout_history;
mod rollout_status;
mod run;
mod scale;
mod set;
mod taint;
mod top;
mod wait;

use std::future::Future;
use std::pin::Pin;

pub use apply::LAST_APPLIED;
pub use kustomize::build as built_kustomization;
pub use rollout_history::selector as selector_text;

use super::error::Failure;
use super::options::Flag;
use super::session::Session;

/// What a command's work looks like from outside.
pub type Work<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// One command.
#[derive(Clone, Copy)]
pub struct Verb {
    /// Its words behind `kubectl`.
    pub words: &'static [&'static str],
    /// Its options.
    pub options: &'static [&'static [Flag]],
    /// Its work.
    pub run: for<'a> fn(&'a Session) -> Work<'a>,
}

macro_rules! verb {
    ($words:expr, $options:expr, $run:path) => {
        Verb { words: &$words, options: $options, run: |session| Box::pin($run(session)) }
    };
}

/// All commands.
pub const VERBS: &[Verb] = &[
    verb!(["annotate"], label::OPTIONS, label::annotate),
    verb!(["api-resources"], cluster::RESOURCES_OPTIONS, cluster::resources),
    verb!(["api-versions"], cluster::NO_OPTIONS, cluster::versions),
    verb!(["apply"], apply::OPTIONS, apply::run),
    verb!(["autoscale"], autoscale::OPTIONS, autoscale::run),
    verb!(["auth", "can-i"], cluster::CAN_I_OPTIONS, cluster::can_i),
    verb!(["auth", "whoami"], cluster::WHOAMI_OPTIONS, cluster::whoami),
    verb!(["cluster-info"], cluster::NO_OPTIONS, cluster::info),
    verb!(["config", "current-context"], cluster::NO_OPTIONS, cluster::current_context),
    verb!(["config", "get-contexts"], cluster::CONTEXTS_OPTIONS, cluster::contexts),
    verb!(["config", "view"], cluster::VIEW_OPTIONS, cluster::view),
    verb!(["cordon"], nodes::CORDON_OPTIONS, nodes::cordon),
    verb!(["create"], create::OPTIONS, create::run),
    verb!(["create", "configmap"], create::CONFIG_MAP_OPTIONS, create::config_map),
    verb!(["create", "cm"], create::CONFIG_MAP_OPTIONS, create::config_map),
    verb!(["create", "deployment"], create::DEPLOYMENT_OPTIONS, create::deployment),
    verb!(["create", "deploy"], create::DEPLOYMENT_OPTIONS, create::deployment),
    verb!(["create", "job"], create::JOB_OPTIONS, create::job),
    verb!(["create", "namespace"], create::NAMED_OPTIONS, create::namespace),
    verb!(["create", "ns"], create::NAMED_OPTIONS, create::namespace),
    verb!(["create", "secret", "generic"], create::SECRET_OPTIONS, create::secret),
    verb!(["create", "serviceaccount"], create::NAMED_OPTIONS, create::service_account),
    verb!(["create", "sa"], create::NAMED_OPTIONS, create::service_account),
    verb!(["delete"], delete::OPTIONS, delete::run),
    verb!(["describe"], describe::OPTIONS, describe::run),
    verb!(["diff"], diff::OPTIONS, diff::run),
    verb!(["drain"], nodes::DRAIN_OPTIONS, nodes::drain),
    verb!(["events"], events::OPTIONS, events::run),
    verb!(["exec"], exec::OPTIONS, exec::run),
    verb!(["expose"], expose::OPTIONS, expose::run),
    verb!(["get"], get::OPTIONS, get::run),
    verb!(["kustomize"], kustomize::OPTIONS, kustomize::run),
    verb!(["label"], label::OPTIONS, label::label),
    verb!(["logs"], logs::OPTIONS, logs::run),
    verb!(["patch"], patch::OPTIONS, patch::run),
    verb!(["replace"], replace::OPTIONS, replace::run),
    verb!(["rollout", "history"], rollout_history::OPTIONS, rollout_history::run),
    verb!(["rollout", "pause"], rollout::PAUSE_OPTIONS, rollout::pause),
    verb!(["rollout", "restart"], rollout::RESTART_OPTIONS, rollout::restart),
    verb!(["rollout", "resume"], rollout::PAUSE_OPTIONS, rollout::resume),
    verb!(["rollout", "status"], rollout_status::OPTIONS, rollout_status::run),
    verb!(["rollout", "undo"], rollout_history::UNDO_OPTIONS, rollout_history::undo),
    verb!(["run"], run::OPTIONS, run::run),
    verb!(["scale"], scale::OPTIONS, scale::run),
    verb!(["set", "env"], set::ENV_OPTIONS, set::env),
    verb!(["set", "image"], set::IMAGE_OPTIONS, set::image),
    verb!(["taint"], taint::OPTIONS, taint::run),
    verb!(["top", "node"], top::NODE_OPTIONS, top::node),
    verb!(["top", "nodes"], top::NODE_OPTIONS, top::node),
    verb!(["top", "no"], top::NODE_OPTIONS, top::node),
    verb!(["top", "pod"], top::POD_OPTIONS, top::pod),
    verb!(["top", "pods"], top::POD_OPTIONS, top::pod),
    verb!(["top", "po"], top::POD_OPTIONS, top::pod),
    verb!(["uncordon"], nodes::CORDON_OPTIONS, nodes::uncordon),
    verb!(["version"], cluster::VERSION_OPTIONS, cluster::version),
    verb!(["wait"], wait::OPTIONS, wait::run),
];
