//! A sandbox changes nothing of the person's by itself, and reads nothing either.

use std::fs;

use super::support::World;
use super::{everything, program, text};

/// A world whose home is full of files that tools would read, and change by themselves.
fn canaries(home: &str) -> World {
    let mut world = World::new();
    let folder = world.path(home);
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: canary\ncontexts:\n- name: canary\n  context: {cluster: canary, user: canary, namespace: canary}\nclusters:\n- name: canary\n  cluster: {server: 'https://canary.invalid'}\nusers:\n- name: canary\n  user: {token: canary}\n";
    for (name, held) in [
        (".kube/config", kubeconfig),
        (".aws/config", "[default]\nregion = canary-1\noutput = yaml\n[profile canary]\nregion = canary-2\n"),
        (".aws/credentials", "[default]\naws_access_key_id = canary\naws_secret_access_key = canary\n"),
        (".bashrc", "echo canary\n"),
        (".profile", "echo canary\n"),
        (".bash_history", "canary\n"),
        (".config/lectern/config.toml", "theme = \"none\"\n"),
        (".jq", "def canary: 1;\n"),
    ] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, held).expect("written");
    }
    world.env.push(("HOME".into(), folder.display().to_string()));
    for (name, value) in [
        ("KUBECONFIG", folder.join(".kube/config").display().to_string()),
        ("AWS_PROFILE", "canary".into()),
        ("AWS_CONFIG_FILE", folder.join(".aws/config").display().to_string()),
        ("AWS_SHARED_CREDENTIALS_FILE", folder.join(".aws/credentials").display().to_string()),
    ] {
        world.env.push((name.into(), value));
    }
    world
}

/// Each command that writes a file nobody named, and some that read one.
const BY_THEMSELVES: &[&str] = &[
    "aws eks update-kubeconfig --name $EKS_CLUSTER_NAME",
    "aws eks update-kubeconfig --name $EKS_CLUSTER_NAME --alias other; kubectl config use-context other",
    "kubectl config set-context --current --namespace=kube-system",
    "kubectl config set-cluster other --server=https://127.0.0.1",
    "kubectl config set-credentials other --token=x",
    "kubectl config unset current-context",
    "aws eks update-kubeconfig --name $EKS_CLUSTER_NAME >out.txt; kubectl config delete-context $(kubectl config current-context); rm out.txt",
    "kubectl create namespace here; KUBE_EDITOR=cat kubectl edit namespace here",
    "kubectl get namespaces; kubectl get pods -A -o name; kubectl api-resources; kubectl explain pod",
    "aws sts get-caller-identity; aws eks list-clusters; aws iam list-roles",
    "echo x >~/x; mkdir ~/y; cd; pwd; cp x y; ls -a; HOME=$(pwd)/y; kubectl config set-context a --namespace=b; ls -a ~",
    "cat ~/.kube/config ~/.aws/config ~/.bashrc; kubectl config view --raw; kubectl config current-context",
];

#[test]
fn a_sandbox_leaves_the_home_alone_that_it_stands_in() {
    for home in ["", "elsewhere/home"] {
        let world = canaries(home);
        let before = everything(world.folder.path());
        for line in BY_THEMSELVES {
            let output = world.run(&["sh", "-c", line]);
            let (out, error) = (text(&output.stdout), text(&output.stderr));
            assert!(!out.contains("canary") && !error.contains("canary"), "{line}: {out}{error}");
            assert!(!out.is_empty() || output.status.code() == Some(0), "{line}: {error}");
            let after = everything(world.folder.path());
            assert_eq!(after, before, "{line}");
        }
    }
}

#[test]
fn what_is_named_is_written_where_it_is_named() {
    let world = canaries("");
    let here = world.folder.path().canonicalize().expect("a folder");
    let line = "echo a >here.txt; cat here.txt; pwd; aws eks update-kubeconfig --name $EKS_CLUSTER_NAME --kubeconfig .kube/config --alias mine";
    let output = world.run(&["sh", "-c", line]);
    let said = format!("a\n{0}\nAdded new context mine to {0}/.kube/config\n", here.display());
    assert_eq!(text(&output.stdout), said, "{output:?}");
    let config = fs::read_to_string(world.path(".kube/config")).expect("there");
    assert!(config.contains("current-context: mine") && config.contains("canary.invalid"), "{config}");
    assert_eq!(fs::read_to_string(world.path("here.txt")).expect("there"), "a\n");
}

#[test]
fn the_sandboxs_home_is_its_own_and_goes_with_it() {
    let mut world = canaries("home");
    program(&mut world, "look-home", "echo \"$HOME\"; echo x >\"$HOME/of-program\"; pwd");
    fs::create_dir(world.path("manifests")).expect("a folder");
    fs::write(world.path("manifests/a.yaml"), "a: 1\n").expect("written");
    let before = everything(world.folder.path());
    let line = "echo ~; look-home; cat ~/of-program ~/environment/a.yaml";
    let options = ["--allow", "look-home", "--map", "~/environment=./manifests"];
    let output = world.run(&[&["sh"], &options[..], &["-c", line]].concat());
    let out = text(&output.stdout);
    let lines: Vec<&str> = out.lines().collect();
    let here = world.folder.path().canonicalize().expect("a folder").display().to_string();
    assert_eq!(lines[1..], [lines[0], here.as_str(), "x", "a: 1"], "{output:?}");
    assert_ne!(lines[0], here);
    assert!(!std::path::Path::new(lines[0]).exists(), "{} is still there", lines[0]);
    assert_eq!(everything(world.folder.path()), before);
}

#[test]
fn on_ones_own_account_home_is_ones_own() {
    let world = canaries("home");
    let output = world.run(&["sh", "--target", "live", "-c", "echo ~; pwd; echo mine >~/mine; cat ~/mine .here 2>&1"]);
    let (home, here) = (world.path("home"), world.folder.path().canonicalize().expect("a folder"));
    let out = text(&output.stdout);
    let said = format!("{}\n{}\nmine\n", home.display(), here.display());
    assert!(out.starts_with(&said), "{output:?}");
    assert_eq!(fs::read_to_string(home.join("mine")).expect("there"), "mine\n");
}

#[test]
fn grading_learning_and_checking_leave_the_home_alone() {
    let world = canaries("");
    world.bare();
    let body = "```bash\n$ aws eks update-kubeconfig --name bare\n$ echo x >~/x\n$ kubectl config current-context >/dev/null\n```";
    let page = super::page(&world, "page.md", body);
    let before = everything(world.folder.path());
    let output = world.run(&["grade", &page, "--scenario", "./bare"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for command in ["plan", "check", "steps"] {
        assert_eq!(world.run(&[command, &page]).status.code(), Some(0), "{command}");
    }
    assert_eq!(everything(world.folder.path()), before);
    let output = world.run_with(&["learn", "--plain", &page, "--scenario", "./bare"], "run\nquit\n");
    assert!(text(&output.stdout).contains("Step 1 passed."), "{output:?}");
    let mut after = everything(world.folder.path());
    // What is lectern's own by the person's environment.
    after.retain(|path, _| !path.starts_with(world.state()));
    assert_eq!(after, before);
}
