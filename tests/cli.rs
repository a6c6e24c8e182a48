//! The command line as a person meets it: statuses, messages, files.

mod support;

use std::fs;

use support::World;

/// A page with one step.
fn page(world: &World, name: &str, body: &str) -> String {
    let path = world.path(name);
    fs::write(&path, format!("---\ntitle: T\n---\n\n{body}\n")).expect("written");
    path.display().to_string()
}

#[test]
fn a_page_that_passes_and_one_that_does_not() {
    let world = World::new();
    let right = page(&world, "right.md", "```bash\n$ echo hello\nhello\n```");
    let wrong = page(&world, "wrong.md", "```bash\n$ echo hello\ngoodbye\n```");
    let output = world.run(&["grade", &right]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let (report, status) = world.json(&["grade", "--format", "json", &wrong, &right]);
    assert_eq!(status, Some(1));
    assert_eq!(
        report["summary"],
        serde_json::json!({"lessons": 2, "steps": 2, "passed": 1, "failed": 1, "skipped": 0})
    );
    let (report, _) = world.json(&["grade", "--format", "json", "--bail", &wrong, &right]);
    assert_eq!(report["summary"]["lessons"], 1, "--bail ends with the first page that fails");
}

#[test]
fn reports_go_to_files_in_their_formats() {
    let world = World::new();
    let page = page(&world, "page.md", "```bash\n$ echo hello\nhello\n```");
    let (json, human) = (world.path("r.json"), world.path("r.txt"));
    let outputs = [format!("json={}", json.display()), format!("human={}", human.display())];
    let output = world.run(&["grade", &page, "--output", &outputs[0], "--output", &outputs[1]]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(json).expect("a report")).expect("JSON");
    assert_eq!(report["summary"]["passed"], 1);
    let step = &report["lessons"][0]["steps"][0];
    assert_eq!(step["commands"][0]["stdout"], "hello\n");
    assert_eq!(step["commands"][0]["comparison"]["verdict"], "match");
    assert!(fs::read_to_string(human).expect("a report").contains("1 lesson, 1 step: 1 passed"));
}

#[test]
fn bad_pages_and_bad_usage_are_told_apart_from_wrong_answers() {
    let world = World::new();
    fs::write(world.path("no-title.md"), "# Hello\n").expect("written");
    fs::write(world.path("latin.md"), b"---\ntitle: caf\xe9\n---\n").expect("written");
    fs::write(world.path("huge.md"), vec![b'x'; 100 << 20]).expect("written");
    let slip = page(&world, "slip.md", "```bash wait=abc\n$ true\n```");
    let good = page(&world, "good.md", "```bash\n$ true\n```");
    let outside = page(&world, "outside.md", "```bash hook=../../x\n$ true\n```");
    for (arguments, status, message) in [
        (vec!["grade", "no-title.md"], 2, "no-title.md:1:1"),
        (vec!["grade", "latin.md"], 2, "latin.md:2:11"),
        (vec!["grade", "huge.md"], 2, "huge.md:1:1"),
        (vec!["grade", &slip], 2, "slip.md:5:9"),
        (vec!["grade", &outside], 2, "outside.md:5:9"),
        (vec!["grade", "nowhere.md"], 2, "nowhere.md"),
        (vec!["grade", "--frobnicate"], 2, "--frobnicate"),
        (vec!["grade", "--speed", "0", &slip], 2, "speed"),
        (vec!["sh", "--scenario", "no-such-scenario", "-c", "true"], 3, "no-such-scenario"),
        (vec!["grade", "--target", "live", &slip], 2, "slip.md:5:9"),
        // Nothing in this environment names an account or a cluster.
        (vec!["grade", "--target", "live", &good], 3, "region"),
    ] {
        let output = world.run(&arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {text}");
        assert!(text.replace("\n  │ ", "").contains(message), "{arguments:?}: no {message:?} in {text}");
    }
}

#[test]
fn sh_passes_streams_and_status_through() {
    let world = World::new();
    let output = world.run(&["sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(output.stdout, b"out\n");
    assert_eq!(output.stderr, b"err\n");
    let output = world.run(&["sh", "-c", "no-such-tool"]);
    assert_eq!(output.status.code(), Some(127));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-tool: command not found"));
}

#[test]
fn what_a_lesson_prints_cannot_draw() {
    let world = World::new();
    let page = page(&world, "page.md", "```bash\n$ printf 'a\\033]0;title\\007b\\033[31mc\\n'\nxyz\n```");
    let output = world.run(&["grade", &page]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        !output.stdout.contains(&0x1b) && !output.stdout.contains(&0x07),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// A program of the test's own in a folder that PATH names.
fn program(world: &mut World, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let folder = world.path("programs");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made executable");
    world.env.retain(|(name, _)| name != "PATH");
    world.env.push(("PATH".into(), format!("{}:/usr/bin:/bin", folder.display())));
}

#[test]
fn a_program_runs_only_when_it_is_allowed_by_name() {
    let mut world = World::new();
    let script = r#"read line; echo "$1|$line|$(pwd)"; echo careful >&2; exit 3"#;
    program(&mut world, "greet", script);
    let line = "echo hello | greet 'a b'; echo $?";
    let output = world.run(&["sh", "-c", line]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "127\n");
    let output = world.run(&["sh", "--allow", "greet", "-c", line]);
    let here = world.folder.path().canonicalize().expect("a folder");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("a b|hello|{}\n3\n", here.display()));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "careful\n");
    // In pipes, in substitutions, under `timeout` and `env`, and ahead of a tool of that name.
    program(&mut world, "jq", "cat; echo mine");
    let line = "echo x | jq | cat; echo $(timeout 5 jq </dev/null); env A=1 jq </dev/null";
    let output = world.run(&["sh", "--allow", "greet,jq", "-c", line]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "x\nmine\nmine\nmine\n");
    for (name, status) in [("no-such-program", 2), ("../greet", 2), ("bash", 2)] {
        assert_eq!(world.run(&["sh", "--allow", name, "-c", "true"]).status.code(), Some(status), "{name}");
    }
}

#[test]
fn a_program_gets_the_sandbox_and_nothing_of_the_person() {
    let mut world = World::new();
    program(&mut world, "show-environment", "env");
    for (name, value) in [("MY_TOKEN", "secret"), ("AWS_PROFILE", "work"), ("KUBECONFIG", "/nowhere")] {
        world.env.push((name.into(), value.into()));
    }
    let line = "export SHOWN=1 LD_PRELOAD=/evil.so AWS_ENDPOINT_URL=http://192.0.2.1 PATH=/evil; show-environment";
    let output = world.run(&["sh", "--allow", "show-environment", "-c", line]);
    let text = String::from_utf8_lossy(&output.stdout);
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    assert_eq!(value("SHOWN"), Some("1"));
    for name in ["MY_TOKEN", "AWS_PROFILE", "LD_PRELOAD"] {
        assert_eq!(value(name), None, "{name}");
    }
    assert!(value("AWS_ENDPOINT_URL").is_some_and(|url| url.starts_with("http://127.0.0.1:")), "{text}");
    assert!(value("KUBECONFIG").is_some_and(|path| path != "/nowhere"));
    assert!(value("PATH").is_some_and(|path| !path.contains("evil")));
}

#[test]
fn a_program_keeps_the_limits_of_its_step() {
    let mut world = World::new();
    let mark = world.path("mark");
    program(&mut world, "linger", &format!("(sleep 3; echo late > {}) & sleep 100", mark.display()));
    let page = page(&world, "page.md", "```bash timeout=1\n$ linger\n```");
    let (report, status) = world.json(&["grade", &page, "--allow", "linger", "--format", "json"]);
    assert_eq!(status, Some(1));
    assert_eq!(report["lessons"][0]["steps"][0]["cause"], "time_limit");
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert!(!mark.exists(), "what it started goes with it");
}

#[test]
fn a_step_says_which_program_it_ran() {
    let mut world = World::new();
    program(&mut world, "greet", "echo hello");
    let page = page(&world, "page.md", "```bash\n$ greet\nhello\n```");
    let (report, status) = world.json(&["grade", &page, "--allow", "greet", "--format", "json"]);
    assert_eq!(status, Some(0), "{report}");
    let calls = &report["lessons"][0]["steps"][0]["commands"][0]["calls"];
    assert_eq!((calls[0]["service"].as_str(), calls[0]["operation"].as_str()), (Some("program"), Some("greet")));
}

#[test]
fn the_real_kubectl_may_be_allowed() {
    let Some(kubectl) = std::env::var_os("LECTERN_KUBECTL") else {
        println!("skipped: LECTERN_KUBECTL names no kubectl");
        return;
    };
    let mut world = World::new();
    program(&mut world, "kubectl", &format!("exec {} \"$@\"", kubectl.display()));
    let line = "kubectl get deployments -n carts -o name; kubectl version -o json | jq -r .clientVersion.gitVersion";
    let output = world.run(&["sh", "--allow", "kubectl", "-c", line]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("deployment.apps/carts\n") && text.contains("\nv1.33."), "{output:?}");
}
