//! `lectern verify`: the work of a finished module is there; each step's effect that is taken away is found, and nothing else is
//! blamed; nothing is changed by looking.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::bundled;
use super::support::World;

const SCENARIO: &str = "eks-workshop-auto";

/// A page with a change of every kind whose effect can be looked at, and the reads between them.
const WORK: &[&str] = &[
    "kubectl -n ui create configmap extra --from-literal=colour=blue",
    "kubectl -n ui scale deployment/ui --replicas=3",
    "kubectl -n ui label deployment/ui tier=front",
    "kubectl -n ui annotate deployment/ui note=one",
    "kubectl -n ui set env deployment/ui COLOUR=blue",
    "kubectl -n ui patch deployment ui --type merge -p '{\"spec\":{\"minReadySeconds\":3}}'",
    "aws eks create-pod-identity-association --cluster-name $EKS_CLUSTER_AUTO_NAME --namespace ui --service-account ui --role-arn arn:aws:iam::${AWS_ACCOUNT_ID}:role/${EKS_CLUSTER_AUTO_NAME}-carts-dynamo",
    "kubectl -n ui rollout restart deployment/ui",
    "kubectl -n ui rollout status deployment/ui --timeout=300s",
    "kubectl create namespace extra",
    "kubectl delete configmap -n ui ui --ignore-not-found",
];

/// What takes the effect of a step (by its place) away again.
const UNDONE: &[(usize, &str)] = &[
    (0, "kubectl -n ui delete configmap extra"),
    (0, "kubectl -n ui patch configmap extra -p '{\"data\":{\"colour\":\"red\"}}'"),
    (1, "kubectl -n ui scale deployment/ui --replicas=2"),
    (2, "kubectl -n ui label deployment/ui tier-"),
    (3, "kubectl -n ui annotate --overwrite deployment/ui note=two"),
    (4, "kubectl -n ui set env deployment/ui COLOUR-"),
    (5, "kubectl -n ui patch deployment ui --type merge -p '{\"spec\":{\"minReadySeconds\":0}}'"),
    (
        6,
        "aws eks delete-pod-identity-association --cluster-name $EKS_CLUSTER_AUTO_NAME --association-id $(aws eks list-pod-identity-associations --cluster-name $EKS_CLUSTER_AUTO_NAME --namespace ui --query 'associations[0].associationId' --output text)",
    ),
    (
        7,
        "kubectl -n ui patch deployment ui --type json -p '[{\"op\":\"remove\",\"path\":\"/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt\"}]'",
    ),
    (9, "kubectl delete namespace extra"),
    (10, "kubectl -n ui create configmap ui --from-literal=a=b"),
];

fn page(commands: &[&str]) -> String {
    let fences: String = commands.iter().map(|command| format!("\n```bash timeout=400\n$ {command}\n```\n")).collect();
    format!("---\ntitle: Work\n---\n{fences}")
}

/// Does the work of a page as a learner; answers the folder of its state.
fn learn(world: &World, name: &str, commands: &[&str]) -> PathBuf {
    let page_path = world.path(&format!("{name}.md"));
    fs::write(&page_path, page(commands)).unwrap();
    let states = world.state().join("lectern");
    let before: Vec<_> = folders(&states);
    let arguments = ["learn", "--plain", "--speed", "1000", "--scenario", SCENARIO, page_path.to_str().unwrap()];
    let output = world.run_with(&arguments, &"\n".repeat(commands.len() + 4));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("failed"), "{text}");
    folders(&states).into_iter().find(|folder| !before.contains(folder)).expect("a state")
}

fn folders(of: &Path) -> Vec<PathBuf> {
    fs::read_dir(of).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
}

fn verify(world: &World, page: &Path, state: &Path) -> (Value, Option<i32>) {
    let (page, state) = (page.to_str().unwrap(), state.to_str().unwrap());
    world.json(&["verify", "--format", "json", "--scenario", SCENARIO, "--state", state, page])
}

fn findings(report: &Value) -> Vec<String> {
    let steps =
        report["lessons"].as_array().into_iter().flatten().flat_map(|lesson| lesson["steps"].as_array().unwrap());
    steps.map(|step| step["finding"]["verdict"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_done_is_there_and_what_was_undone_is_missing_alone() {
    let world = World::new();
    let work = learn(&world, "work", WORK);
    let graders = world.path("work.md");
    let before = fs::read(work.join("now.json")).unwrap();
    let (report, status) = verify(&world, &graders, &work);
    assert_eq!(findings(&report), ["present"; WORK.len()], "{report:#}");
    assert_eq!(status, Some(0));
    assert_eq!(fs::read(work.join("now.json")).unwrap(), before, "looking changes nothing");
    assert_eq!(report["lessons"][0]["digest"].as_str().map(str::len), Some(64));

    for (number, (undone, how)) in UNDONE.iter().enumerate() {
        let commands: Vec<&str> = WORK.iter().copied().chain([*how]).collect();
        let state = learn(&world, &format!("undone{number}"), &commands);
        let (report, status) = verify(&world, &graders, &state);
        let missing: Vec<usize> = findings(&report)
            .iter()
            .enumerate()
            .filter(|(_, finding)| *finding == "missing")
            .map(|(at, _)| at)
            .collect();
        assert_eq!(missing, [*undone], "{how}: {report:#}");
        assert_eq!(status, Some(1), "{how}");
    }
}

#[test]
fn nothing_is_there_where_nothing_was_done() {
    let world = World::new();
    let state = learn(&world, "idle", &["kubectl -n ui get deployment ui -o name"]);
    let graders = world.path("work.md");
    fs::write(&graders, page(WORK)).unwrap();
    let (report, status) = verify(&world, &graders, &state);
    let findings = findings(&report);
    assert_eq!(status, Some(1));
    for step in [0, 1, 2, 3, 4, 5, 6, 7, 9] {
        assert_eq!(findings[step], "missing", "step {step}: {report:#}");
    }
}

#[test]
fn a_restart_before_what_it_is_for_does_not_count() {
    let world = World::new();
    // The same work, the restart ahead of the association that new Pods are to get.
    let (association, restart) = (WORK[6], WORK[7]);
    let early = learn(&world, "early", &[restart, "sleep 120", association]);
    let graders = world.path("right.md");
    fs::write(&graders, page(&[association, restart])).unwrap();
    let (report, status) = verify(&world, &graders, &early);
    assert_eq!((findings(&report), status), (vec!["present".into(), "missing".into()], Some(1)), "{report:#}");
    let found = report["lessons"][0]["steps"][1]["checks"][0]["found"].as_str().unwrap();
    assert!(found.contains("before eks pod-identity-association"), "{found}");
}

#[test]
fn the_bundled_course_is_verified_as_it_was_learned() {
    let world = World::new();
    let course = bundled();
    let arguments = ["learn", "--plain", "--speed", "1000", course.to_str().unwrap()];
    let output = world.run_with(&arguments, &"\n".repeat(60));
    assert!(output.status.success() || output.status.code() == Some(0), "{output:?}");
    let (report, status) = world.json(&["verify", "--format", "json", course.to_str().unwrap()]);
    assert_eq!(status, Some(0), "{report:#}");
    assert_eq!(report["summary"]["missing"], 0);
    assert!(report["summary"]["present"].as_u64() > Some(10), "{report:#}");
}

#[test]
fn without_a_saved_session_it_says_where_it_looked() {
    let world = World::new();
    let graders = world.path("work.md");
    fs::write(&graders, page(WORK)).unwrap();
    let output = world.run(&["verify", graders.to_str().unwrap()]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_ne!(output.status.code(), Some(0));
    assert!(words.contains("no saved session"), "{words}");
}

/// Every command that changes something, and what changes without being looked at: run while only looking, then everything is as before.
#[test]
fn no_command_changes_anything_while_only_looking() {
    const CHANGES: &[&str] = &[
        "prepare-environment",
        "kubectl -n ui annotate deployment/ui a=b",
        "kubectl apply -f - <<< '{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"m\",\"namespace\":\"ui\"}}'",
        "kubectl apply --server-side -f - <<< '{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"m\",\"namespace\":\"ui\"}}'",
        "kubectl -n ui autoscale deployment ui --max=3",
        "kubectl cordon $(kubectl get nodes -o jsonpath='{.items[0].metadata.name}')",
        "kubectl drain --force --ignore-daemonsets --delete-emptydir-data $(kubectl get nodes -o jsonpath='{.items[0].metadata.name}')",
        "kubectl taint node $(kubectl get nodes -o jsonpath='{.items[0].metadata.name}') a=b:NoSchedule",
        "kubectl -n ui create deployment d --image=x",
        "kubectl -n ui create job j --image=x",
        "kubectl -n ui create secret generic s --from-literal=a=b",
        "kubectl -n ui create serviceaccount s",
        "kubectl create namespace n",
        "kubectl -n ui delete deployment ui",
        "kubectl -n ui delete pods --all",
        "kubectl -n ui exec deployment/ui -- env",
        "kubectl -n ui expose deployment ui --port=80 --name=other",
        "kubectl -n ui label deployment/ui a=b",
        "kubectl -n ui patch deployment ui -p '{\"spec\":{\"replicas\":4}}'",
        "kubectl -n ui create configmap ui --from-literal=zz=1 --dry-run=client -o yaml | kubectl replace -f -",
        "kubectl -n ui rollout pause deployment/ui",
        "kubectl -n ui rollout restart deployment/ui",
        "kubectl -n ui rollout undo deployment/ui",
        "kubectl -n ui run p --image=x",
        "kubectl -n ui run p --image=x --rm -i --restart=Never -- true",
        "kubectl -n ui scale deployment/ui --replicas=5",
        "kubectl -n ui set env deployment/ui A=b",
        "kubectl -n ui set image deployment/ui *=x:2",
        "aws eks create-access-entry --cluster-name $EKS_CLUSTER_AUTO_NAME --principal-arn arn:aws:iam::${AWS_ACCOUNT_ID}:role/x",
        "aws eks create-addon --cluster-name $EKS_CLUSTER_AUTO_NAME --addon-name no-such-addon",
        "aws eks delete-cluster --name $EKS_CLUSTER_AUTO_NAME",
        "aws eks tag-resource --resource-arn arn:aws:eks:us-west-2:${AWS_ACCOUNT_ID}:cluster/x --tags a=b",
        "aws eks untag-resource --resource-arn arn:aws:eks:us-west-2:${AWS_ACCOUNT_ID}:cluster/x --tag-keys a",
        "aws iam create-role --role-name r --assume-role-policy-document '{\"Version\":\"2012-10-17\",\"Statement\":[]}'",
        "aws iam delete-role --role-name ${EKS_CLUSTER_AUTO_NAME}-carts-dynamo",
        "aws iam attach-role-policy --role-name ${EKS_CLUSTER_AUTO_NAME}-carts-dynamo --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess",
    ];
    let world = World::new();
    let state = learn(&world, "idle", &["kubectl -n ui get deployment ui -o name"]);
    const LOOK: &str = "$(kubectl get all,cm,secret,sa,ns,hpa -A -o yaml; kubectl get nodes -o jsonpath='{.items[*].spec}'; aws iam list-roles; aws eks list-clusters)";
    let (before, after) = (format!("BEFORE={LOOK}"), format!("test \"{LOOK}\" = \"$BEFORE\""));
    // In front and behind the same is seen; in between each command claims, or is refused, and changes nothing.
    let commands: Vec<&str> =
        [before.as_str()].into_iter().chain(CHANGES.iter().copied()).chain([after.as_str()]).collect();
    let graders = world.path("every.md");
    fs::write(&graders, page(&commands)).unwrap();
    let (report, status) = verify(&world, &graders, &state);
    assert_eq!(status, Some(1));
    let steps = report["lessons"][0]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), commands.len());
    for (step, command) in steps.iter().zip(&commands).skip(1).take(CHANGES.len()) {
        let finding = step["finding"]["verdict"].as_str().unwrap();
        assert_ne!(finding, "present", "{command}: {step:#}");
    }
    assert_eq!(steps.last().unwrap()["finding"]["verdict"], "present", "{:#}", steps.last().unwrap());
}
