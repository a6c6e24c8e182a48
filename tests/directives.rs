//! What an author says about an output beside the text: comments above a fence, and `lectern.toml`.

mod support;

use std::fs;

use support::World;

const RUN: &str = "```bash\n$ echo '{\"id\": \"one\", \"tags\": {\"run\": \"run-17\"}}'\n{\"id\": \"one\", \"tags\": {\"run\": \"run-4\"}}\n```\n";

/// Grades a page of a course with this `lectern.toml`; answers the steps' verdicts, the exit status and standard error.
fn grade(configuration: &str, body: &str) -> (Vec<String>, Option<i32>, String) {
    let world = World::new();
    let course = world.path("course");
    fs::create_dir_all(course.join("module")).expect("a folder");
    if !configuration.is_empty() {
        fs::write(course.join("lectern.toml"), configuration).expect("written");
    }
    let page = course.join("module/page.md");
    fs::write(&page, format!("---\ntitle: Page\n---\n\n{body}")).expect("written");
    let output = world.run(&["grade", &page.display().to_string(), "--speed", "1000", "--format", "json"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let steps = report["lessons"][0]["steps"].as_array().cloned().unwrap_or_default();
    let verdicts = steps.iter().map(|step| step["verdict"].as_str().unwrap_or("-").to_owned()).collect();
    (verdicts, output.status.code(), stderr)
}

#[test]
fn without_a_directive_the_difference_counts() {
    assert_eq!(grade("", RUN).0, ["failed"]);
}

#[test]
fn a_directive_holds_for_its_fence() {
    for directive in [
        "<!-- lectern: ignore=/tags/run -->",
        "<!-- lectern: ignore=/tags -->",
        "<!-- lectern: ignore=/*/run -->\n\n\n",
        "<!-- lectern: ignore=run -->",
        "<!-- lectern: volatile=run-[0-9]+ -->",
        "<!-- lectern: ignore=/other -->\n\n<!-- lectern: volatile='run-[0-9]+' known=EKS_CLUSTER_NAME=x -->",
    ] {
        let (verdicts, status, stderr) = grade("", &format!("{directive}\n{RUN}"));
        assert_eq!((verdicts, status), (vec!["passed".to_owned()], Some(0)), "{directive}: {stderr}");
        let (verdicts, _, stderr) = grade("", &format!("{directive}\n{RUN}\n{RUN}"));
        assert_eq!(verdicts, ["passed", "failed"], "{directive} holds for more than its fence: {stderr}");
    }
    // What is not named is compared all the same.
    assert_eq!(grade("", &format!("<!-- lectern: ignore=/tags -->\n{}", RUN.replacen("one", "two", 1))).0, ["failed"]);
}

#[test]
fn the_configuration_holds_for_all_pages_below() {
    for configuration in
        ["[compare]\nignore = [\"/tags/run\"]\n", "title = \"T\"\n[compare]\nvolatile = [\"x\", 'run-[0-9]+']\n"]
    {
        let (verdicts, status, stderr) = grade(configuration, &format!("{RUN}\n{RUN}"));
        assert_eq!((verdicts, status), (vec!["passed".to_owned(); 2], Some(0)), "{configuration}: {stderr}");
    }
}

#[test]
fn the_authors_values_are_told_from_the_learners() {
    let page = "```bash\n$ echo \"context blue of $EKS_CLUSTER_NAME\"\ncontext blue of blue\n```\n";
    assert_eq!(grade("", page).0, ["passed"], "the name is learned from where the learner's stands");
    let page = "```bash\n$ echo \"cluster blue\"\ncluster blue\n```\n";
    assert_eq!(grade("", page).0, ["passed"]);
    let (verdicts, _, _) = grade("[known]\nEKS_CLUSTER_NAME = \"blue\"\n", page);
    assert_eq!(verdicts, ["failed"], "the learner's cluster is not the author's");
    let page = "```bash\n$ echo \"cluster $EKS_CLUSTER_NAME\"\ncluster blue\n```\n";
    assert_eq!(grade("[known]\nEKS_CLUSTER_NAME = \"blue\"\n", page).0, ["passed"]);
}

#[test]
fn what_is_not_understood_is_named_at_its_place() {
    for (comment, place, what) in [
        ("<!-- lectern: ignored=/tags -->", "page.md:5:15: error: ", "`ignored`"),
        ("<!-- lectern: ignore=/a volatile='(' -->", "page.md:5:25: error: ", "not usable"),
        ("<!-- lectern:\n  ignore=/a\n  known=X -->", "page.md:7:3: error: ", "known=NAME=VALUE"),
        ("<!-- lectern: ignore=\"/a -->", "page.md:5:22: error: ", "does not end"),
        ("<!-- lectern: ignore=/tags -->\n\ntext\n", "page.md:5:15: error: ", "belongs to no step"),
    ] {
        let (verdicts, status, stderr) = grade("", &format!("{comment}\n{RUN}"));
        assert!(verdicts.is_empty() && status == Some(2), "{comment}: {verdicts:?} {status:?}");
        assert!(stderr.contains(place) && stderr.contains(what), "{comment}: {stderr}");
    }
    let (verdicts, status, stderr) = grade("[compare]\nvolatile = [\"a\", \"(\"]\n", RUN);
    assert!(verdicts.is_empty() && status == Some(2), "{verdicts:?} {status:?}");
    // Long lines are broken for people.
    let flat = stderr.replace("\n  │ ", " ");
    assert!(flat.contains("lectern.toml:2:18: the pattern `(` is not usable"), "{stderr}");
}
