//! What a command line says about the shape of its output.

/// What matters of a command to its comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manner {
    /// The tool that the output comes from: the first of the pipeline.
    pub(super) tool: String,
    /// `get`, `describe`, `apply` …, of kubectl and the like.
    pub(super) verb: String,
    /// Lists whatever objects of a kind the whole cluster has, so others of the learner's may show.
    pub(super) lists_cluster: bool,
    /// The order of rows means something: they are sorted on request, or come as things happen.
    pub(super) ordered: bool,
    /// What it prints comes from the cluster's client, in columns.
    pub(super) kubectl: bool,
    /// Applies manifests, at the end of a pipeline perhaps.
    pub(super) applies: bool,
    /// Prints YAML.
    pub(super) yaml: bool,
    /// Prints names in a directory, in their order.
    pub(super) lists_names: bool,
    /// Prints variables, in no order.
    pub(super) lists_variables: bool,
}

/// Options of kubectl whose value is the next word.
const VALUED: [&str; 26] = [
    "-n",
    "--namespace",
    "-l",
    "--selector",
    "-o",
    "--output",
    "-f",
    "--filename",
    "-k",
    "-c",
    "--container",
    "--context",
    "-L",
    "--label-columns",
    "--sort-by",
    "--field-selector",
    "--timeout",
    "--for",
    "--type",
    "-p",
    "--patch",
    "--replicas",
    "--image",
    "--template",
    "--kubeconfig",
    "--since",
];

/// Resources that belong to no namespace, in the forms that kubectl understands.
const CLUSTER_WIDE: [&str; 34] = [
    "node",
    "nodes",
    "no",
    "namespace",
    "namespaces",
    "ns",
    "pv",
    "persistentvolume",
    "persistentvolumes",
    "storageclass",
    "storageclasses",
    "sc",
    "crd",
    "crds",
    "customresourcedefinition",
    "customresourcedefinitions",
    "clusterrole",
    "clusterroles",
    "clusterrolebinding",
    "clusterrolebindings",
    "ingressclass",
    "ingressclasses",
    "gatewayclass",
    "gatewayclasses",
    "priorityclass",
    "priorityclasses",
    "csidriver",
    "csidrivers",
    "csinode",
    "csinodes",
    "nodepool",
    "nodepools",
    "nodeclaim",
    "nodeclaims",
];

impl Manner {
    /// Reads a command, its line breaks included. Never fails: what is not understood is not said.
    pub(super) fn of(command: &str) -> Self {
        let mut manner = Self::default();
        let mut stages = command.split(['|', ';', '\n']).filter(|stage| !stage.trim().is_empty());
        let joined = command.replace("\\\n", " ");
        manner.yaml =
            joined.contains("yaml") && joined.contains("-o") || joined.contains("yq") || joined.contains("kustomize");
        manner.kubectl = joined.contains("kubectl");
        manner.applies = joined.contains("kubectl apply");
        let first = joined.split(['|', ';']).map(str::trim).find(|stage| {
            ["kubectl", "helm", "argocd", "flux", "eksctl", "aws", "ls", "env"].iter().any(|t| has_tool(stage, t))
        });
        let Some(stage) = first.or_else(|| stages.next()) else { return manner };
        let words: Vec<&str> = stage.split_whitespace().skip_while(|w| is_prefix(w)).collect();
        let Some((tool, arguments)) = words.split_first() else { return manner };
        manner.tool = tool.trim_start_matches(['(', '$']).to_owned();
        let mut positional = Vec::new();
        let mut skip = false;
        for (index, word) in arguments.iter().enumerate() {
            if skip {
                skip = false;
                continue;
            }
            if *word == "--" {
                let rest = &arguments[index + 1..];
                manner.lists_names = rest.first().is_some_and(|w| *w == "ls")
                    || rest.iter().any(|w| w.trim_matches(['\'', '"']) == "ls");
                manner.lists_variables = rest.first().is_some_and(|w| *w == "env" || *w == "printenv");
                break;
            }
            match *word {
                "-A" | "--all-namespaces" => manner.lists_cluster = true,
                "-w" | "--watch" | "--watch-only" => manner.ordered = true,
                w if w.starts_with("--sort-by") => {
                    manner.ordered = true;
                    skip = !w.contains('=');
                }
                w if VALUED.contains(&w) => skip = true,
                w if w.starts_with('-') => {}
                w => positional.push(w),
            }
        }
        manner.verb = positional.first().copied().unwrap_or_default().to_owned();
        manner.ordered |= manner.verb == "history";
        manner.lists_names |= manner.tool == "ls";
        manner.lists_variables |= matches!(manner.tool.as_str(), "env" | "printenv");
        if manner.tool == "kubectl" && manner.verb == "get" {
            let resource = positional.get(1).copied().unwrap_or_default();
            let kind = resource.split('.').next().unwrap_or_default();
            let whole = positional.len() == 2 && !resource.contains('/');
            manner.lists_cluster = whole && (manner.lists_cluster || CLUSTER_WIDE.contains(&kind));
        }
        manner
    }
}

fn has_tool(stage: &str, tool: &str) -> bool {
    stage.split_whitespace().find(|w| !is_prefix(w)).is_some_and(|word| word == tool)
}

/// Assignments and loop words ahead of the command itself.
fn is_prefix(word: &str) -> bool {
    matches!(word, "sudo" | "time" | "do" | "then" | "if" | "!" | "\\")
        || word
            .split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}
