//! The lesson that the project exists for, graded from page to verdict; and each of its steps failing for a reason that lies
//! in the world, not in the text.

mod support;

use std::fs;
use std::path::Path;

use needs::needs;
use serde_json::Value;
use support::World;

/// Grades a page at speed 1000.
fn grade(world: &World, page: &str, more: &[&str]) -> (Value, Option<i32>) {
    let mut arguments = vec!["grade", page, "--speed", "1000", "--format", "json"];
    arguments.extend(more);
    world.json(&arguments)
}

fn verdicts(report: &Value, lesson: usize) -> Vec<(String, String)> {
    let steps = report["lessons"][lesson]["steps"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    steps.iter().map(|step| (text(&step["verdict"]), text(&step["cause"]))).collect()
}

fn calls(report: &Value, lesson: usize) -> Vec<String> {
    let mut calls = Vec::new();
    for step in report["lessons"][lesson]["steps"].as_array().into_iter().flatten() {
        for command in step["commands"].as_array().into_iter().flatten() {
            for call in command["calls"].as_array().into_iter().flatten() {
                let text = |key: &str| call[key].as_str().unwrap_or_default().to_owned();
                calls.push(format!("{} {}", text("service"), text("operation")));
            }
        }
    }
    calls
}

/// All seven steps passed, by real calls.
fn all_is_well(report: &Value, lesson: usize) {
    let passed = ("passed".to_owned(), "-".to_owned());
    assert_eq!(verdicts(report, lesson), vec![passed; 7], "{report:#}");
    let calls = calls(report, lesson);
    for call in [
        "eks ListPodIdentityAssociations",
        "iam GetPolicyVersion",
        "iam GetRole",
        "eks CreatePodIdentityAssociation",
        "kubernetes get deployments.apps",
        "kubernetes patch deployments.apps",
        "kubernetes watch deployments.apps",
    ] {
        assert!(calls.iter().any(|made| made == call), "no {call} in {calls:?}");
    }
    let wait = &report["lessons"][lesson]["steps"][3]["wait_s"];
    assert_eq!(wait, &Value::from(30));
}

#[needs("shared/seed")]
#[test]
fn the_seed_page_passes() {
    let seed = oracles::path("shared/seed/use-pod-identity.md").display().to_string();
    let world = World::new();
    let (report, status) = grade(&world, &seed, &[]);
    all_is_well(&report, 0);
    assert_eq!(status, Some(0));
}

#[test]
fn the_bundled_lesson_passes() {
    let world = World::new();
    let (report, status) = world.json(&["grade", "--speed", "1000", "--format", "json"]);
    let lessons = report["lessons"].as_array().expect("lessons");
    let lesson = lessons.iter().position(|lesson| lesson["steps"].as_array().is_some_and(|steps| steps.len() == 7));
    all_is_well(&report, lesson.expect("a lesson of seven steps"));
    assert_eq!(status, Some(0), "{report:#}");
}

#[test]
fn a_loaded_machine_changes_nothing() {
    let world = World::new();
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let load: Vec<_> = (0..std::thread::available_parallelism().map_or(2, usize::from))
        .map(|_| {
            let over = std::sync::Arc::clone(&over);
            std::thread::spawn(move || while !over.load(std::sync::atomic::Ordering::Relaxed) {})
        })
        .collect();
    let (report, status) = world.json(&["grade", "--speed", "1000", "--format", "json"]);
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    for thread in load {
        thread.join().expect("no panic");
    }
    assert_eq!(status, Some(0), "{report:#}");
}

/// A copy of the bundled scenario in which these texts are others.
fn variant(world: &World, edits: &[(&str, &str, &str)]) -> String {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/scenarios/eks-workshop-auto");
    let to = world.path("scenario");
    copy(&from, &to);
    for (file, before, after) in edits {
        let path = to.join(file);
        let text = fs::read_to_string(&path).expect("a file of the scenario");
        assert!(text.contains(before), "{file} does not hold {before:?}");
        fs::write(&path, text.replacen(before, after, 1)).expect("written");
    }
    format!("{}/", to.display())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// The step of that number, from 1, fails for this cause in a world that differs; those before it pass, those behind it are
/// not tried.
fn fails_at(step: usize, cause: &str, edits: &[(&str, &str, &str)]) {
    let world = World::new();
    let scenario = variant(&world, edits);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons");
    let page = find_lesson(&page).expect("the bundled lesson");
    let (report, status) = grade(&world, &page.display().to_string(), &["--scenario", &scenario]);
    let expected: Vec<(String, String)> = (1..=7)
        .map(|number| match number.cmp(&step) {
            std::cmp::Ordering::Less => ("passed".to_owned(), "-".to_owned()),
            std::cmp::Ordering::Equal => ("failed".to_owned(), cause.to_owned()),
            std::cmp::Ordering::Greater => ("skipped".to_owned(), "-".to_owned()),
        })
        .collect();
    assert_eq!(verdicts(&report, 0), expected, "{report:#}");
    assert_eq!(status, Some(1));
}

/// The bundled page of seven steps.
fn find_lesson(folder: &Path) -> Option<std::path::PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path()).collect();
    entries.sort();
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            find_lesson(&path)
        } else {
            let text = fs::read_to_string(&path).unwrap_or_default();
            (path.extension().is_some_and(|extension| extension == "md") && text.matches("\n```bash").count() == 7)
                .then_some(path)
        }
    })
}

#[test]
fn step_1_fails_when_the_association_exists_already() {
    let association = "associations:\n      - namespace: carts\n        service_account: carts\n        \
                       role_arn: arn:aws:iam::889914021345:role/eks-workshop-auto-carts-dynamo\n    access_entries:\n";
    fails_at(1, "output", &[("aws.yaml", "access_entries:\n", association)]);
}

#[test]
fn step_2_fails_when_the_policy_allows_something_else() {
    fails_at(2, "output", &[("aws.yaml", "Action: dynamodb:*", "Action: dynamodb:GetItem")]);
}

#[test]
fn step_3_fails_when_the_role_trusts_somebody_else() {
    fails_at(3, "output", &[("aws.yaml", "Service: pods.eks.amazonaws.com", "Service: ec2.amazonaws.com")]);
}

#[test]
fn step_4_fails_when_the_learner_may_not_make_associations() {
    let denied = "Statement:\n          - Effect: Deny\n            Action: eks:CreatePodIdentityAssociation\n            \
                  Resource: \"*\"\n          - Effect: Allow\n            Action: \"*\"\n";
    let allowed = "Statement:\n          - Effect: Allow\n            Action: \"*\"\n";
    fails_at(4, "output", &[("aws.yaml", allowed, denied)]);
}

#[test]
fn step_5_fails_when_the_deployment_uses_another_service_account() {
    fails_at(
        5,
        "output",
        &[
            ("manifests/carts.yaml", "serviceAccountName: carts", "serviceAccountName: other"),
            (
                "manifests/carts.yaml",
                "apiVersion: apps/v1",
                "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: other, namespace: carts}\n---\napiVersion: apps/v1",
            ),
        ],
    );
}

#[test]
fn step_6_fails_when_the_deployment_is_paused() {
    fails_at(6, "exit_status", &[("manifests/carts.yaml", "  replicas: 1", "  paused: true\n  replicas: 1")]);
}

#[test]
fn step_6_fails_in_its_hook_when_the_deployment_never_becomes_available() {
    fails_at(
        6,
        "hook",
        &[("manifests/carts.yaml", "retail-store-sample-cart:1.2.1", "retail-store-sample-cart:0.0.0")],
    );
}

#[test]
fn step_7_fails_when_the_new_pods_do_not_become_available_in_time() {
    fails_at(7, "time_limit", &[("manifests/carts.yaml", "  replicas: 1", "  minReadySeconds: 900\n  replicas: 1")]);
}
