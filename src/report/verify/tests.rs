use serde_json::{Value, json};

use super::{Finding, Looked, VerifyReport};
use crate::lesson::{Course, StepId};
use crate::session::{StepReport, Verdict};
use crate::target::{Claim, Claimed, Field, Subject};

fn course(steps: usize) -> (tempfile::TempDir, Course) {
    let folder = tempfile::tempdir().unwrap();
    let fences: String = (0..steps).map(|_| "\n```bash\n$ true\n```\n".to_owned()).collect();
    std::fs::write(folder.path().join("page.md"), format!("---\ntitle: T\n---\n{fences}")).unwrap();
    let course = crate::session::open_course(folder.path()).unwrap();
    (folder, course)
}

fn subject(name: &str) -> Subject {
    Subject { service: "kubernetes".into(), kind: "deployments.apps".into(), namespace: "x".into(), name: name.into() }
}

fn present(step: usize, name: &str, found: bool, fields: &[(&str, bool)], since: Option<&str>) -> Claim {
    let fields = fields
        .iter()
        .map(|(path, holds)| Field { path: (*path).into(), expected: json!(1), found: Some(json!(2)), holds: *holds })
        .collect();
    Claim {
        at: [0, step, 0],
        command: "kubectl apply".into(),
        subject: subject(name),
        state: Claimed::BePresent { found, fields },
        since: since.map(|since| since.parse().unwrap()),
    }
}

fn absent(step: usize, name: &str, found: bool) -> Claim {
    Claim { state: Claimed::BeAbsent { found }, ..present(step, name, found, &[], None) }
}

fn verdicts(claims: &[Claim]) -> Vec<String> {
    let steps = claims.iter().map(|claim| claim.at[1] + 1).max().unwrap_or(0);
    let (_folder, course) = course(steps);
    let looked: Vec<Looked> = (0..steps)
        .map(|step| {
            let command: crate::session::CommandReport = serde_json::from_value(json!({
                "command": "true", "exit_status": 0, "stdout": "", "stderr": "", "expected": null,
                "comparison": serde_json::to_value(crate::compare::Comparison::unchecked()).unwrap(), "calls": [],
            }))
            .unwrap();
            let report = StepReport {
                line: step,
                verdict: Verdict::Passed,
                cause: None,
                commands: vec![command],
                hooks: Vec::new(),
                wait_s: 0,
                ms: 0,
                advice: None,
            };
            Looked { id: StepId { lesson: 0, step }, report }
        })
        .collect();
    let report = VerifyReport::of(&course, &looked, claims);
    report.lessons[0]
        .steps
        .iter()
        .map(|step| match &step.finding {
            Finding::Superseded { .. } => "superseded".into(),
            Finding::Follows { .. } => "follows".into(),
            other => serde_json::to_value(other).unwrap()["verdict"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
}

#[test]
fn a_later_step_may_change_what_an_earlier_one_left() {
    let old = present(0, "a", true, &[("spec.replicas", false)], None);
    assert_eq!(
        verdicts(&[old.clone(), present(1, "a", true, &[("spec.replicas", true)], None)]),
        ["superseded", "present"]
    );
    assert_eq!(verdicts(&[old.clone(), present(1, "a", true, &[("spec", true)], None)]), ["superseded", "present"]);
    // Another field, another object: no excuse.
    assert_eq!(
        verdicts(&[old.clone(), present(1, "a", true, &[("spec.replicasX", true)], None)]),
        ["missing", "present"]
    );
    assert_eq!(
        verdicts(&[old.clone(), present(1, "b", true, &[("spec.replicas", true)], None)]),
        ["missing", "present"]
    );
    assert_eq!(verdicts(&[old, absent(1, "a", false)]), ["superseded", "present"]);
    assert_eq!(verdicts(&[absent(0, "a", true), present(1, "a", true, &[], None)]), ["superseded", "present"]);
    assert_eq!(verdicts(&[present(0, "a", true, &[("x", true)], None), absent(1, "a", true)]), ["present", "missing"]);
}

#[test]
fn what_is_not_there_is_blamed_on_the_step_that_makes_it() {
    let claims = [present(0, "a", false, &[], None), present(1, "a", false, &[], None)];
    assert_eq!(verdicts(&claims), ["missing", "follows"]);
}

#[test]
fn a_new_beginning_ends_what_was_before() {
    let begin = Claim { state: Claimed::BeginAnew, ..present(1, "module", true, &[], None) };
    let claims = [present(0, "a", false, &[], None), begin, present(2, "b", true, &[], None)];
    assert_eq!(verdicts(&claims), ["superseded", "unclear", "present"]);
}

#[test]
fn a_restart_is_behind_what_it_is_for() {
    let restart = |at| {
        present(
            1,
            "a",
            true,
            &[("spec.template.metadata.annotations[kubectl.kubernetes.io/restartedAt]", true)],
            Some(at),
        )
    };
    let made = present(0, "b", true, &[], Some("2026-01-01T00:10:00Z"));
    assert_eq!(verdicts(&[made.clone(), restart("2026-01-01T00:11:00Z")]), ["present", "present"]);
    assert_eq!(verdicts(&[made, restart("2026-01-01T00:05:00Z")]), ["present", "missing"]);
}

#[test]
fn nothing_told_is_not_right() {
    let refused = Claim { state: Claimed::NotTell { why: "no".into() }, ..present(0, "a", true, &[], None) };
    let (_folder, course) = course(1);
    let report = VerifyReport::of(&course, &[], &[refused]);
    assert!(!report.right());
    let _: Value = serde_json::to_value(&report).unwrap();
}
