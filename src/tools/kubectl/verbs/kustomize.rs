//! `kubectl kustomize`: prints what a kustomization builds. Nothing is asked of the cluster.

use serde_json::Value;

use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::Flag;
use crate::tools::kubectl::session::Session;
use crate::tools::kustomize;

const NO_PROGRAMS: &str = "no other programs are run";

/// The options of `kustomize`.
pub const OPTIONS: &[&[Flag]] = &[&[
    Flag::refused("as-current-user", NO_PROGRAMS),
    Flag::refused("enable-alpha-plugins", NO_PROGRAMS),
    Flag::refused("enable-helm", NO_PROGRAMS),
    Flag::refused("env", NO_PROGRAMS).short('e'),
    Flag::refused("helm-command", NO_PROGRAMS),
    Flag::refused("load-restrictor", "files come from the kustomization's own folder"),
    Flag::refused("mount", NO_PROGRAMS),
    Flag::refused("network", NO_PROGRAMS),
    Flag::refused("network-name", NO_PROGRAMS),
    Flag::refused("output", "use > to write a file").short('o'),
]];

/// Prints the objects of the kustomization in a folder.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let folder = match session.options.args.as_slice() {
        [] => ".",
        [folder] => folder.as_str(),
        _ => return Err(Failure::message("specify one path to kustomization.yaml")),
    };
    session.print(kustomize::render(&build(session, folder).await?)).await
}

/// Builds the kustomization in a folder; its warnings go to standard error.
///
/// # Errors
/// As kubectl.
pub async fn build(session: &Session, folder: &str) -> Result<Vec<Value>, Failure> {
    let mut warnings = Vec::new();
    let built = kustomize::build_with_warnings(session.files(), folder, &mut warnings);
    for warning in warnings {
        session.complain(format!("{warning}\n")).await?;
    }
    built.map_err(|error| Failure::message(error.to_string().trim_end_matches('\n')))
}
