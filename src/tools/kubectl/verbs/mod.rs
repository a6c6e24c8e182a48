//! The verbs, a file each, and the table of them.

mod apply;
mod attach;
mod autoscale;
mod can_list;
mod certificate;
mod cluster;
mod config_edit;
mod config_set;
mod config_view;
mod cp;
mod create;
mod create_policy;
mod create_rbac;
mod create_secret;
mod create_service;
mod debug;
mod debug_profile;
mod delete;
mod describe;
mod diff;
mod dry_run;
mod dump;
mod edit;
mod events;
mod exec;
mod explain;
mod expose;
mod follow;
mod get;
mod get_watch;
mod kustomize;
mod label;
mod last_applied;
mod listed;
mod logs;
mod nodes;
mod overrides;
mod patch;
mod pods;
mod prune;
mod raw;
mod reconcile;
mod refused;
mod replace;
mod rollout;
mod rollout_history;
mod rollout_status;
mod run;
mod scale;
mod set;
mod set_edit;
mod set_resolve;
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

impl Verb {
    /// The command's own name, also when it is called by another: `create namespace`.
    pub fn title(&self) -> String {
        let words: Vec<&str> = self
            .words
            .iter()
            .map(|word| ALIASES.iter().find(|(alias, _)| alias == word).map_or(*word, |(_, name)| *name))
            .collect();
        words.join(" ")
    }
}

/// Other names of commands, and their own.
const ALIASES: &[(&str, &str)] = &[
    ("cm", "configmap"),
    ("deploy", "deployment"),
    ("no", "node"),
    ("nodes", "node"),
    ("ns", "namespace"),
    ("po", "pod"),
    ("pods", "pod"),
    ("sa", "serviceaccount"),
];

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
    verb!(["apply", "edit-last-applied"], edit::LAST_APPLIED_OPTIONS, edit::last_applied),
    verb!(["apply", "set-last-applied"], last_applied::SET_OPTIONS, last_applied::set),
    verb!(["apply", "view-last-applied"], last_applied::VIEW_OPTIONS, last_applied::view),
    verb!(["attach"], attach::OPTIONS, attach::run),
    verb!(["autoscale"], autoscale::OPTIONS, autoscale::run),
    verb!(["auth", "can-i"], cluster::CAN_I_OPTIONS, cluster::can_i),
    verb!(["auth", "reconcile"], reconcile::OPTIONS, reconcile::run),
    verb!(["auth", "whoami"], cluster::WHOAMI_OPTIONS, cluster::whoami),
    verb!(["certificate", "approve"], certificate::OPTIONS, certificate::approve),
    verb!(["certificate", "deny"], certificate::OPTIONS, certificate::deny),
    verb!(["cluster-info"], cluster::NO_OPTIONS, cluster::info),
    verb!(["cluster-info", "dump"], dump::OPTIONS, dump::run),
    verb!(["completion"], cluster::NO_OPTIONS, listed::completion),
    verb!(["config", "current-context"], cluster::NO_OPTIONS, config_view::current_context),
    verb!(["config", "get-contexts"], config_view::CONTEXTS_OPTIONS, config_view::contexts),
    verb!(["config", "delete-cluster"], cluster::NO_OPTIONS, config_edit::delete_cluster),
    verb!(["config", "delete-context"], cluster::NO_OPTIONS, config_edit::delete_context),
    verb!(["config", "delete-user"], cluster::NO_OPTIONS, config_edit::delete_user),
    verb!(["config", "get-clusters"], cluster::NO_OPTIONS, config_edit::clusters),
    verb!(["config", "get-users"], cluster::NO_OPTIONS, config_edit::users),
    verb!(["config", "rename-context"], cluster::NO_OPTIONS, config_edit::rename_context),
    verb!(["config", "set"], config_edit::SET_OPTIONS, config_edit::set),
    verb!(["config", "set-cluster"], config_set::CLUSTER_OPTIONS, config_set::cluster),
    verb!(["config", "set-context"], config_edit::SET_CONTEXT_OPTIONS, config_edit::set_context),
    verb!(["config", "set-credentials"], config_set::USER_OPTIONS, config_set::user),
    verb!(["config", "unset"], cluster::NO_OPTIONS, config_edit::unset),
    verb!(["config", "use"], cluster::NO_OPTIONS, config_edit::use_context),
    verb!(["config", "use-context"], cluster::NO_OPTIONS, config_edit::use_context),
    verb!(["config", "view"], config_view::VIEW_OPTIONS, config_view::view),
    verb!(["cordon"], nodes::CORDON_OPTIONS, nodes::cordon),
    verb!(["cp"], cp::OPTIONS, cp::run),
    verb!(["create"], create::OPTIONS, create::run),
    verb!(["create", "configmap"], create::CONFIG_MAP_OPTIONS, create::config_map),
    verb!(["create", "cm"], create::CONFIG_MAP_OPTIONS, create::config_map),
    verb!(["create", "deployment"], create::DEPLOYMENT_OPTIONS, create::deployment),
    verb!(["create", "deploy"], create::DEPLOYMENT_OPTIONS, create::deployment),
    verb!(["create", "job"], create::JOB_OPTIONS, create::job),
    verb!(["create", "namespace"], create::NAMED_OPTIONS, create::namespace),
    verb!(["create", "ns"], create::NAMED_OPTIONS, create::namespace),
    verb!(["create", "secret", "generic"], create::SECRET_OPTIONS, create::secret),
    verb!(["create", "clusterrole"], create_rbac::CLUSTER_ROLE_OPTIONS, create_rbac::cluster_role),
    verb!(["create", "clusterrolebinding"], create_rbac::CLUSTER_BINDING_OPTIONS, create_rbac::cluster_binding),
    verb!(["create", "cronjob"], create_policy::CRON_JOB_OPTIONS, create_policy::cron_job),
    verb!(["create", "cj"], create_policy::CRON_JOB_OPTIONS, create_policy::cron_job),
    verb!(["create", "ingress"], create_service::INGRESS_OPTIONS, create_service::ingress),
    verb!(["create", "ing"], create_service::INGRESS_OPTIONS, create_service::ingress),
    verb!(["create", "poddisruptionbudget"], create_policy::BUDGET_OPTIONS, create_policy::budget),
    verb!(["create", "pdb"], create_policy::BUDGET_OPTIONS, create_policy::budget),
    verb!(["create", "priorityclass"], create_policy::PRIORITY_OPTIONS, create_policy::priority),
    verb!(["create", "pc"], create_policy::PRIORITY_OPTIONS, create_policy::priority),
    verb!(["create", "quota"], create_policy::QUOTA_OPTIONS, create_policy::quota),
    verb!(["create", "resourcequota"], create_policy::QUOTA_OPTIONS, create_policy::quota),
    verb!(["create", "role"], create_rbac::ROLE_OPTIONS, create_rbac::role),
    verb!(["create", "rolebinding"], create_rbac::BINDING_OPTIONS, create_rbac::binding),
    verb!(["create", "secret", "docker-registry"], create_secret::REGISTRY_OPTIONS, create_secret::registry),
    verb!(["create", "secret", "tls"], create_secret::TLS_OPTIONS, create_secret::tls),
    verb!(["create", "service", "clusterip"], create_service::CLUSTER_IP_OPTIONS, create_service::cluster_ip),
    verb!(["create", "service", "externalname"], create_service::EXTERNAL_NAME_OPTIONS, create_service::external_name),
    verb!(["create", "service", "loadbalancer"], create_service::LOAD_BALANCER_OPTIONS, create_service::load_balancer),
    verb!(["create", "service", "nodeport"], create_service::NODE_PORT_OPTIONS, create_service::node_port),
    verb!(["create", "svc", "clusterip"], create_service::CLUSTER_IP_OPTIONS, create_service::cluster_ip),
    verb!(["create", "svc", "externalname"], create_service::EXTERNAL_NAME_OPTIONS, create_service::external_name),
    verb!(["create", "svc", "loadbalancer"], create_service::LOAD_BALANCER_OPTIONS, create_service::load_balancer),
    verb!(["create", "svc", "nodeport"], create_service::NODE_PORT_OPTIONS, create_service::node_port),
    verb!(["create", "token"], create_secret::TOKEN_OPTIONS, create_secret::token),
    verb!(["create", "serviceaccount"], create::NAMED_OPTIONS, create::service_account),
    verb!(["create", "sa"], create::NAMED_OPTIONS, create::service_account),
    verb!(["debug"], debug::OPTIONS, debug::run),
    verb!(["delete"], delete::OPTIONS, delete::run),
    verb!(["describe"], describe::OPTIONS, describe::run),
    verb!(["diff"], diff::OPTIONS, diff::run),
    verb!(["drain"], nodes::DRAIN_OPTIONS, nodes::drain),
    verb!(["edit"], edit::OPTIONS, edit::run),
    verb!(["events"], events::OPTIONS, events::run),
    verb!(["exec"], exec::OPTIONS, exec::run),
    verb!(["explain"], explain::OPTIONS, explain::run),
    verb!(["expose"], expose::OPTIONS, expose::run),
    verb!(["get"], get::OPTIONS, get::run),
    verb!(["kustomize"], kustomize::OPTIONS, kustomize::run),
    verb!(["label"], label::OPTIONS, label::label),
    verb!(["logs"], logs::OPTIONS, logs::run),
    verb!(["options"], cluster::NO_OPTIONS, listed::options),
    verb!(["patch"], patch::OPTIONS, patch::run),
    verb!(["plugin", "list"], listed::PLUGIN_OPTIONS, listed::plugins),
    verb!(["port-forward"], refused::FORWARD_OPTIONS, refused::port),
    verb!(["proxy"], refused::PROXY_OPTIONS, refused::port),
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
    verb!(["set", "resources"], set_edit::RESOURCES_OPTIONS, set_edit::resources),
    verb!(["set", "selector"], set_edit::SELECTOR_OPTIONS, set_edit::selector),
    verb!(["set", "serviceaccount"], set_edit::ACCOUNT_OPTIONS, set_edit::account),
    verb!(["set", "sa"], set_edit::ACCOUNT_OPTIONS, set_edit::account),
    verb!(["set", "subject"], set_edit::SUBJECT_OPTIONS, set_edit::subject),
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
