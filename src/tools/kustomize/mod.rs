//! `kustomize build`, as kustomize v5.6 does it inside kubectl 1.33: objects gathered from files and folders, changed as
//! `kustomization.yaml` asks.
//!
//! What needs the network or other programs is refused: remote bases, Helm charts, plugins. So are `vars`,
//! `configurations`, `crds`, `openapi` and `buildMetadata`. Files are opened only through [`Files`].

mod command;
mod document;
mod fields;
mod generate;
mod json_patch;
mod kustomization;
mod merge;
mod order;
mod patch;
mod references;
mod replace;
mod resource;
mod select;
mod target;
mod transform;

use serde_json::Value;

pub(super) use command::kustomize;
pub(super) use select::fits_selector;

use super::Files;
use super::yaml::{Dialect, to_yaml};

/// Why a build failed, in kustomize's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KustomizeError(String);

/// Builds the kustomization in a folder: its objects in the order in which kubectl prints and applies them.
///
/// # Errors
/// When the folder holds no kustomization, it asks for what is not there, or for what is refused.
pub fn build(files: &Files, path: &str) -> Result<Vec<Value>, KustomizeError> {
    build_with_warnings(files, path, &mut Vec::new())
}

/// Builds as [`build`] does, and adds to `warnings` the lines that kubectl prints to standard error ahead of anything
/// else, whether the build fails or not.
///
/// # Errors
/// As [`build`].
pub fn build_with_warnings(
    files: &Files,
    path: &str,
    warnings: &mut Vec<String>,
) -> Result<Vec<Value>, KustomizeError> {
    target::build(files, path, false, warnings).map_err(KustomizeError)
}

/// The objects that the kustomization in a folder begins with, before it changes them.
///
/// # Errors
/// As [`build`].
pub fn gather(files: &Files, path: &str) -> Result<Vec<Value>, KustomizeError> {
    target::build(files, path, true, &mut Vec::new()).map_err(KustomizeError)
}

/// The stream of YAML documents that `kubectl kustomize` prints.
pub fn render(resources: &[Value]) -> String {
    resources.iter().map(rendered).collect::<Vec<_>>().join("---\n")
}

fn rendered(value: &Value) -> String {
    to_yaml(value, Dialect::Kubectl)
}
