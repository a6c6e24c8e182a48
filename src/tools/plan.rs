//! What a command line would call, from its words alone. Nothing is run; what is not known before it runs is `*`.

use serde::Serialize;
use serde_json::Value;

use super::{Files, aws, kubectl};

/// One call that a command line would make.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Planned {
    /// `eks`, `iam`, `sts`; `kubernetes` for the cluster.
    pub service: String,
    /// As it is recorded when it is made: `ListClusters`, `patch deployments.apps`.
    pub operation: String,
    /// The namespace, for what is in one; `*` for all or one that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What it is about: an object's name, or the members of an operation's input that say so, `clusterName=x`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<String>,
    /// Whether it changes something.
    pub changes: bool,
    /// Whether it is made only under a condition: of the script, or of what is there.
    pub maybe: bool,
}

/// The objects that a command reads from its standard input.
pub type Objects = Option<Vec<Value>>;

/// What the command `name` would call with these arguments; `None` for commands that call nothing. `input` are the objects on
/// standard input, where they are known.
pub fn plan(name: &str, args: &[String], files: &Files, input: &Objects) -> Option<Vec<Planned>> {
    match name {
        "aws" => Some(aws::plan(args)),
        "kubectl" => Some(kubectl::plan(args, files, input)),
        _ => None,
    }
}

/// The objects that a command prints which only reads files: `kubectl kustomize`, `kustomize build`, `cat`; of `envsubst` those
/// that it reads.
pub fn objects(name: &str, args: &[String], files: &Files, input: &Objects) -> Objects {
    match (name, args.first().map(String::as_str)) {
        ("kubectl", Some("kustomize")) | ("kustomize", Some("build")) => {
            let folder = args[1..].iter().find(|arg| !arg.starts_with('-')).map_or(".", String::as_str);
            super::kustomize::build(files, &at_home(files, folder)).ok()
        }
        ("cat", _) => {
            let names = args.iter().filter(|arg| !arg.starts_with('-'));
            names
                .map(|name| documents(&files.read_to_string(at_home(files, name)).ok()?))
                .try_fold(Vec::new(), |all, more| Some([all, more?].concat()))
        }
        ("envsubst", _) => input.clone(),
        _ => None,
    }
}

/// The objects in a text of YAML documents, if it is one.
pub fn documents(text: &str) -> Objects {
    let mut objects = Vec::new();
    kubectl::decode(text, "", false, &mut objects).ok()?;
    Some(objects)
}

/// A path with the home folder in the place of `~`.
pub(super) fn at_home(files: &Files, path: &str) -> String {
    match path.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{}{rest}", files.cwd().display()),
        _ => path.to_owned(),
    }
}
