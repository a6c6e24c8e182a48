//! Lines of expected output that are plainly commands whose `$ ` was forgotten.
//!
//! Taking a command for output makes a right answer wrong; taking output for a command gives up a comparison that
//! would have taught something. The second is worse and harder to notice, so a line counts only when nobody could
//! read it in another way: a tool of these lessons at the very start of the line, a verb of that tool behind it, and nothing
//! above it that announces a command for the reader to copy.

use super::commands::Line;

/// The first such line in what `command` should print.
pub fn find<'a, 'b>(command: &str, output: &'a [Line<'b>]) -> Option<&'a Line<'b>> {
    if shows_scripts(command) {
        return None;
    }
    let announced = |at: usize| {
        let above = output[..at].iter().rfind(|above| !above.text.trim().is_empty());
        above.is_some_and(|above| above.text.trim_end().ends_with(':'))
    };
    let found = output.iter().enumerate().find(|(at, line)| is_command(line.text) && !announced(*at));
    found.map(|(_, line)| line)
}

/// Whether a command's own output may well be commands: it prints a file, its own words or its usage.
fn shows_scripts(command: &str) -> bool {
    let printing = [
        "cat", "echo", "printf", "head", "tail", "less", "more", "sed", "awk", "grep", "history", "alias", "type",
        "yq", "jq",
    ];
    command
        .split(['|', '\n', ';', '&'])
        .filter_map(|part| part.split_whitespace().next())
        .any(|word| printing.contains(&word))
        || command.split_whitespace().any(|word| matches!(word, "--help" | "help" | "-h"))
}

const KUBECTL: &[&str] = &[
    "get",
    "describe",
    "apply",
    "create",
    "delete",
    "logs",
    "exec",
    "rollout",
    "scale",
    "wait",
    "patch",
    "label",
    "annotate",
    "edit",
    "expose",
    "run",
    "set",
    "port-forward",
    "top",
    "cp",
    "drain",
    "cordon",
    "uncordon",
    "taint",
    "config",
    "kustomize",
    "autoscale",
    "replace",
    "diff",
    "explain",
    "version",
    "api-resources",
    "auth",
    "debug",
    "events",
];
const HELM: &[&str] = &[
    "install",
    "upgrade",
    "uninstall",
    "list",
    "ls",
    "repo",
    "status",
    "template",
    "history",
    "rollback",
    "get",
    "show",
    "pull",
    "search",
    "dependency",
];
const EKSCTL: &[&str] =
    &["create", "get", "delete", "update", "upgrade", "scale", "utils", "enable", "associate", "drain"];
/// How the names of AWS operations begin.
const AWS: &[&str] = &[
    "list-",
    "get-",
    "describe-",
    "create-",
    "delete-",
    "update-",
    "put-",
    "attach-",
    "detach-",
    "associate-",
    "disassociate-",
    "tag-",
    "untag-",
    "batch-",
    "start-",
    "stop-",
    "run-",
    "modify-",
    "wait",
    "assume-",
];

fn is_command(line: &str) -> bool {
    // Prose ends in a full stop or a colon; so do the hints that tools print.
    if line.trim_end().ends_with(['.', ':', '!']) && !line.trim_end().ends_with(" .") {
        return false;
    }
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let tool = if line.starts_with([' ', '\t']) { None } else { words.next() };
    match tool {
        Some("kubectl") => verb(&mut words).is_some_and(|verb| KUBECTL.contains(&verb)),
        Some("helm") => verb(&mut words).is_some_and(|verb| HELM.contains(&verb)),
        Some("eksctl") => verb(&mut words).is_some_and(|verb| EKSCTL.contains(&verb)),
        Some("aws") => {
            let service = verb(&mut words).filter(|word| is_lower_kebab(word));
            let operation = service.and_then(|_| verb(&mut words)).filter(|word| is_lower_kebab(word));
            operation.is_some_and(|operation| AWS.iter().any(|start| operation.starts_with(start)))
        }
        Some("sleep") => {
            let time = words.next().map(|word| word.trim_end_matches(['s', 'm', 'h', 'd']));
            let number =
                time.is_some_and(|time| !time.is_empty() && time.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
            number && words.next().is_none()
        }
        Some("export") => {
            let assigned = words.next().and_then(|word| word.split_once('='));
            assigned.is_some_and(|(name, _)| {
                name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            })
        }
        Some("curl") => words.any(|word| word.starts_with("http://") || word.starts_with("https://")),
        _ => false,
    }
}

/// The first word that is neither an option nor the value of one of the short options that stand ahead of a verb.
fn verb<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<&'a str> {
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            return Some(word);
        }
        let takes_value = matches!(
            word,
            "-n" | "--namespace"
                | "--context"
                | "--kubeconfig"
                | "-s"
                | "--region"
                | "--profile"
                | "--output"
                | "--query"
        );
        if takes_value {
            words.next();
        }
    }
    None
}

fn is_lower_kebab(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forgotten(command: &str, output: &str) -> Option<String> {
        let lines: Vec<Line<'_>> =
            super::super::source::lines_from(output, 0).map(|(offset, text)| Line { offset, text }).collect();
        find(command, &lines).map(|line| line.text.to_owned())
    }

    #[test]
    fn plain_commands_are_found() {
        for line in [
            "kubectl logs -n carts -p $LATEST_POD",
            "kubectl -n carts get pods",
            "sleep 60",
            "aws eks list-clusters",
            "aws --region us-west-2 iam get-role --role-name x",
            "helm install x y",
            "export NAME=$(aws sts get-caller-identity)",
            "curl -s http://localhost:8080/",
            "kubectl apply -f .",
        ] {
            assert_eq!(forgotten("kubectl get ns", &format!("one\n{line}\ntwo")).as_deref(), Some(line));
        }
    }

    #[test]
    fn output_is_left_alone() {
        for line in [
            "kubectl is ready",
            "kubectl",
            "kubectl get pods shows them.",
            "  kubectl get pods",
            "aws-node-abcde   2/2   Running   0   1h",
            "aws   provider   1.0",
            "aws eks Cluster is up",
            "sleeping 60",
            "sleep 60 seconds",
            "AWS_REGION=us-west-2",
            "deployment.apps/carts restarted",
            "curl: (7) Failed to connect",
            "export const x = 1",
            "NAME   READY",
            "helm v3",
        ] {
            assert_eq!(forgotten("kubectl get ns", line), None, "{line}");
        }
        assert_eq!(forgotten("kubectl get ns", "To see it, run:\n\nkubectl get pods"), None);
        assert_eq!(forgotten("cat run.sh", "kubectl get pods"), None);
        assert_eq!(forgotten("kubectl get cm x -o yaml | yq .data", "sleep 60"), None);
        assert_eq!(forgotten("kubectl --help", "kubectl get pods"), None);
    }
}
