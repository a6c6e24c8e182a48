//! The table of native commands.

use super::{Tool, folders, sleep, text};

/// The tools by name, in alphabetical order.
const TOOLS: &[(&str, Tool)] = &[
    ("aws", Tool::Target(super::aws::aws)),
    ("base64", Tool::Stream(text::base64::base64)),
    ("basename", Tool::Stream(text::paths::basename)),
    ("cat", Tool::Stream(text::cat::cat)),
    ("cp", Tool::Stream(folders::cp)),
    ("cut", Tool::Stream(text::cut::cut)),
    ("date", Tool::Stream(text::date::date)),
    ("dirname", Tool::Stream(text::paths::dirname)),
    ("egrep", Tool::Stream(text::grep::grep)),
    ("envsubst", Tool::Stream(text::envsubst::envsubst)),
    ("fgrep", Tool::Stream(text::grep::grep)),
    ("grep", Tool::Stream(text::grep::grep)),
    ("head", Tool::Stream(text::ends::head)),
    ("jq", Tool::Stream(text::jq::jq)),
    ("kubectl", Tool::Target(super::kubectl::kubectl)),
    ("kustomize", Tool::Stream(super::kustomize::kustomize)),
    ("ls", Tool::Stream(folders::ls)),
    ("mkdir", Tool::Stream(folders::mkdir)),
    ("mv", Tool::Stream(folders::mv)),
    ("prepare-environment", Tool::Target(super::prepare::prepare_environment)),
    ("rm", Tool::Stream(folders::rm)),
    ("rmdir", Tool::Stream(folders::rmdir)),
    ("seq", Tool::Stream(text::seq::seq)),
    ("sleep", Tool::Stream(sleep::run)),
    ("sort", Tool::Stream(text::sort::sort)),
    ("tail", Tool::Stream(text::ends::tail)),
    ("tee", Tool::Stream(text::tee::tee)),
    ("touch", Tool::Stream(folders::touch)),
    ("tr", Tool::Stream(text::tr::tr)),
    ("uniq", Tool::Stream(text::uniq::uniq)),
    ("wc", Tool::Stream(text::wc::wc)),
    ("yq", Tool::Stream(text::yq::yq)),
];

/// The native command of that name.
pub fn find(name: &str) -> Option<Tool> {
    TOOLS.iter().find(|(known, _)| *known == name).map(|(_, tool)| *tool)
}

/// What the tool `name` lacks of a command line with these arguments: a sub-command or an option, with the words ahead of it. `None` when it lacks
/// nothing, or has no table that says so.
pub fn lacks(name: &str, args: &[String]) -> Option<String> {
    match name {
        "aws" => super::aws::lacks(args),
        "kubectl" => super::kubectl::lacks(args),
        _ => None,
    }
}

/// The names of all native commands that are tools; those that run other commands are the shell's own.
pub fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::lacks;

    #[test]
    fn what_tools_lack_is_named() {
        let lacking = |line: &str| {
            let mut words = line.split(' ').map(str::to_owned);
            let name = words.next().unwrap();
            lacks(&name, &words.collect::<Vec<_>>())
        };
        for line in [
            "kubectl get pods -n carts -o json",
            "kubectl rollout status deployment/carts --timeout 60s",
            "kubectl exec carts -- ls --strange",
            "kubectl",
            "aws sts get-caller-identity --query Account",
            "aws --region us-west-2 eks list-clusters",
            "aws eks help",
            "jq .",
        ] {
            assert_eq!(lacking(line), None, "{line}");
        }
        for (line, expected) in [
            ("kubectl -n x port-forward svc/x 80", "kubectl port-forward"),
            ("kubectl rollout sideways", "kubectl rollout sideways"),
            ("kubectl get pods --strange", "kubectl get --strange"),
            ("aws strange list", "aws strange"),
            ("aws eks strange", "aws eks strange"),
        ] {
            assert_eq!(lacking(line).as_deref(), Some(expected), "{line}");
        }
    }
}
