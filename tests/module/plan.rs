//! `lectern plan`: on pages that grade, the plan holds every call that was recorded, and nothing is planned for certain that was not made.

use std::collections::BTreeSet;
use std::path::Path;

use needs::needs;
use serde_json::Value;

use super::support::World;
use super::{bundled, corpus, grade};

/// The calls of each step of a page, by its line: service and operation, and whether they are certain.
type Calls = BTreeSet<(String, String)>;

fn recorded(step: &Value) -> Calls {
    let commands = step["commands"].as_array().into_iter().flatten();
    commands.flat_map(|command| command["calls"].as_array().into_iter().flatten()).map(named).collect()
}

fn named(call: &Value) -> (String, String) {
    let text = |key: &str| call[key].as_str().unwrap_or_default().to_owned();
    (text("service"), text("operation"))
}

/// Compares plan and record of all steps that passed; answers how many calls were compared.
fn compare(course: &Path, graded: &Value, planned: &Value) -> usize {
    let mut compared = 0;
    for lesson in graded["lessons"].as_array().into_iter().flatten() {
        for step in lesson["steps"].as_array().into_iter().flatten().filter(|step| step["verdict"] == "passed") {
            let place = format!("{}: {} line {}", course.display(), lesson["path"], step["line"]);
            let plan =
                planned["lessons"].as_array().into_iter().flatten().find(|other| other["path"] == lesson["path"]);
            let plan =
                plan.and_then(|plan| plan["steps"].as_array()?.iter().find(|other| other["line"] == step["line"]));
            let calls: Vec<&Value> = plan.unwrap_or_else(|| panic!("{place}: not planned"))["calls"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|call| call["hook"] == false)
                .collect();
            let all: Calls = calls.iter().map(|call| named(call)).collect();
            let made = recorded(step);
            for (service, operation) in &made {
                let (verb, _) = operation.split_once(' ').unwrap_or((operation, ""));
                let open = [format!("{verb} *"), operation.clone()];
                assert!(
                    open.iter().any(|operation| all.contains(&(service.clone(), operation.clone()))),
                    "{place}: {service} {operation} was made and is not in the plan {all:?}"
                );
                compared += 1;
            }
            for call in calls.iter().filter(|call| call["maybe"] == false) {
                let (service, operation) = named(call);
                let open = operation.ends_with(" *");
                assert!(
                    open || made.contains(&(service.clone(), operation.clone())),
                    "{place}: {service} {operation} is planned for certain and was not made: {made:?}"
                );
            }
            for (service, _) in &all {
                let some =
                    calls.iter().all(|call| call["maybe"] == true) || made.iter().any(|(other, _)| other == service);
                assert!(some, "{place}: {service} is planned and was not called");
            }
        }
    }
    compared
}

fn check(course: &Path) -> usize {
    let world = World::new();
    let (graded, _) = grade(&world, course, &[]);
    let (planned, status) = world.json(&["plan", "--format", "json", course.to_str().unwrap()]);
    assert_eq!(status, Some(0));
    compare(course, &graded, &planned)
}

#[test]
fn the_bundled_course_calls_what_is_planned() {
    assert!(check(&bundled()) > 20);
}

#[needs("shared/corpus")]
#[test]
fn the_workshop_s_module_calls_what_is_planned() {
    let module = corpus();
    assert!(check(&module) > 20);
}

#[test]
fn a_plan_runs_nothing_and_says_what_rights_are_needed() {
    let world = World::new();
    let course = bundled();
    let output = world.run(&["plan", "--format", "iam", course.to_str().unwrap()]);
    let policy: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(policy["Statement"].to_string().contains("eks:CreatePodIdentityAssociation"), "{policy:#}");
    let output = world.run(&["plan", "--format", "rbac", course.to_str().unwrap()]);
    let roles = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(roles.contains("kind: Role\n") && roles.contains("namespace: carts"), "{roles}");
    let output = world.run(&["plan", course.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("eks CreatePodIdentityAssociation") && text.contains("[changes]"), "{text}");
}
