//! The whole Pod Identity module: the carts run with a local database, fail with the real one, and are mended by the association; by
//! cause and effect, so that a world in which the cause is missing stays broken at the right step.

#[path = "module/plan.rs"]
mod plan;
mod support;
#[path = "module/verify.rs"]
mod verify;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{World, shared};

/// The workshop's module, if it is there.
fn corpus() -> Option<PathBuf> {
    shared().map(|shared| shared.join("corpus/website/docs/fastpaths/developer/amazon-eks-pod-identity"))
}

/// The course that comes with the program.
fn bundled() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons")
}

fn grade(world: &World, course: &Path, more: &[&str]) -> (Value, Option<i32>) {
    let course = course.display().to_string();
    let mut arguments = vec!["grade", &course, "--speed", "1000", "--format", "json"];
    arguments.extend(more);
    world.json(&arguments)
}

/// The steps' verdicts by the name of their page, in order; only of pages with steps.
fn verdicts(report: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let lessons = report["lessons"].as_array().cloned().unwrap_or_default();
    lessons
        .iter()
        .map(|lesson| {
            let page = lesson["path"].as_str().unwrap_or_default();
            let steps = lesson["steps"].as_array().cloned().unwrap_or_default();
            let name = Path::new(page).file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (name, steps.iter().map(|step| text(&step["verdict"])).collect::<Vec<_>>())
        })
        .filter(|(_, steps)| !steps.is_empty())
        .collect()
}

fn is_green(course: &Path) {
    let world = World::new();
    let began = Instant::now();
    let (report, status) = grade(&world, course, &[]);
    let verdicts = verdicts(&report);
    assert!(verdicts.iter().flat_map(|(_, steps)| steps).all(|verdict| verdict == "passed"), "{report:#}");
    assert_eq!(verdicts.len(), 5, "five pages have steps: {verdicts:?}");
    assert_eq!(status, Some(0));
    // Many minutes of session time, most of them waited: a busy machine has to manage it too.
    assert!(began.elapsed() < Duration::from_secs(60), "it took {:?}", began.elapsed());
}

#[test]
fn the_module_of_the_workshop_is_green() {
    let Some(module) = corpus() else { return };
    is_green(&module);
}

#[test]
fn the_bundled_module_is_green() {
    is_green(&bundled());
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

/// Changes a file: the text must be there.
fn edit(path: &Path, before: &str, after: &str) {
    let text = fs::read_to_string(path).expect("a file");
    assert!(text.contains(before), "{} does not hold {before:?}", path.display());
    fs::write(path, text.replacen(before, after, 1)).expect("written");
}

/// The bundled course graded with a scenario whose account differs.
fn with_other_account(before: &str, after: &str) -> Vec<(String, Vec<String>)> {
    let world = World::new();
    let scenario = world.path("scenario");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/scenarios/eks-workshop-auto"), &scenario);
    edit(&scenario.join("aws.yaml"), before, after);
    // The page that shows the policy and the trust would tell; here it does not look.
    let course = world.path("course");
    copy(&bundled(), &course);
    let page = course.join("pod-identity/use-pod-identity.md");
    edit(&page, "```bash\n$ aws iam get-policy-version", "```bash test=false\n$ aws iam get-policy-version");
    edit(&page, "```bash\n$ aws iam get-role", "```bash test=false\n$ aws iam get-role");
    let (report, status) = grade(&world, &course, &["--scenario", &format!("{}/", scenario.display())]);
    assert_eq!(status, Some(1), "{report:#}");
    verdicts(&report)
}

/// Everything up to the restart is well; then the carts stay broken.
fn stays_broken(verdicts: &[(String, Vec<String>)]) {
    for (page, steps) in verdicts {
        let failed = steps.iter().position(|verdict| verdict == "failed");
        let first_failure = steps.iter().position(|verdict| verdict != "passed" && verdict != "skipped");
        assert_eq!(failed, first_failure);
        match page.as_str() {
            "introduction" | "using-dynamo" | "understanding" => assert_eq!(failed, None, "{verdicts:?}"),
            // The rollout after the restart does not end.
            "use-pod-identity" => assert!(failed.is_some(), "{verdicts:?}"),
            _ => {}
        }
    }
    assert!(verdicts.iter().any(|(page, _)| page == "use-pod-identity"), "{verdicts:?}");
}

#[test]
fn a_policy_for_another_table_leaves_it_broken() {
    stays_broken(&with_other_account("table/eks-workshop-auto-carts", "table/eks-workshop-auto-orders"));
}

#[test]
fn a_role_that_trusts_somebody_else_leaves_it_broken() {
    stays_broken(&with_other_account("Service: pods.eks.amazonaws.com", "Service: ec2.amazonaws.com"));
}

#[test]
fn without_the_association_it_stays_broken() {
    let world = World::new();
    let course = world.path("course");
    copy(&bundled(), &course);
    let page = course.join("pod-identity/use-pod-identity.md");
    edit(&page, "```bash wait=30\n$ aws eks create-pod", "```bash test=false\n$ aws eks create-pod");
    let (report, status) = grade(&world, &course, &[]);
    assert_eq!(status, Some(1), "{report:#}");
    stays_broken(&verdicts(&report));
    // The Pods have no credentials, and the page that looks for them says so.
    assert!(report.to_string().contains("AWS_CONTAINER_CREDENTIALS_FULL_URI"), "{report:#}");
}

#[test]
fn prepare_environment_begins_anew() {
    let world = World::new();
    let line = "kubectl delete namespace carts >/dev/null; \
                aws eks create-pod-identity-association --cluster-name eks-workshop-auto --namespace ui --service-account ui \
                --role-arn $CARTS_IAM_ROLE >/dev/null; \
                prepare-environment fastpaths/developer; \
                kubectl get namespace carts -o name; kubectl -n carts wait --for=condition=Available deployment/carts; \
                aws eks list-pod-identity-associations --cluster-name eks-workshop-auto --query 'length(associations)'";
    let output = world.run(&["sh", "-c", line]);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "The sandbox is as at the start of the module.\nnamespace/carts\ndeployment.apps/carts condition met\n0\n",
        "{output:?}"
    );
}

#[test]
fn prepare_environment_names_a_module_that_it_does_not_know() {
    let world = World::new();
    let output = world.run(&["sh", "-c", "prepare-environment no/such/module"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("no/such/module is not known") && told.contains("fastpaths/developer"), "{told}");
}
