//! The command line as a person meets it: statuses, messages, files.

mod support;

use std::fs;

use needs::needs;
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
fn every_format_tells_of_every_step() {
    let world = World::new();
    let page =
        page(&world, "page.md", "```bash\n$ echo '<&>'\n<&>\n```\n```bash\n$ echo a # b\nc\n```\n```bash\n$ echo\n```");
    let files =
        ["human", "junit", "html", "tap", "json"].map(|format| (format, world.path(&format!("report.{format}"))));
    let mut arguments = vec!["grade".to_owned(), page];
    for (format, file) in &files {
        arguments.extend(["--output".to_owned(), format!("{format}={}", file.display())]);
    }
    let output = world.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let read = |wanted: &str| {
        let (_, file) = files.iter().find(|(format, _)| *format == wanted).expect("a format");
        fs::read_to_string(file).expect("a report")
    };
    let digest =
        serde_json::from_str::<serde_json::Value>(&read("json")).expect("JSON")["lessons"][0]["digest"].clone();
    let digest = digest.as_str().expect("a digest").to_owned();
    let junit = read("junit");
    assert!(junit.contains(r#"<testsuites name="lectern" tests="3" failures="1""#), "{junit}");
    assert!(junit.contains(r#"<failure message="the output differs""#) && junit.contains("&lt;&amp;&gt;"), "{junit}");
    let tap = read("tap");
    let points: Vec<&str> = tap.lines().filter(|line| line.starts_with("ok ") || line.starts_with("not ok ")).collect();
    assert!(tap.starts_with("TAP version 14\n1..3\n"), "{tap}");
    assert!(points[0].starts_with("ok 1 - ") && points[1].starts_with("not ok 2 - "), "{tap}");
    assert!(points[1].contains(r"\# b") && points[2].contains(" # SKIP "), "{tap}");
    let html = read("html");
    assert!(html.contains("<pre class=\"stdout\">&lt;&amp;&gt;\n</pre>") && html.contains("✗ failed"), "{html}");
    for outside in ["http://", "https://", "src=", "<script", "<link", "url("] {
        assert!(!html.contains(outside), "{outside} in {html}");
    }
    assert_is_junit(&junit);
    // Why a step failed, as a learner is told it.
    let why = "At line 1 the page shows “c”, and “a” came.";
    let json: serde_json::Value = serde_json::from_str(&read("json")).expect("JSON");
    assert_eq!(json["lessons"][0]["steps"][1]["advice"]["why"], why);
    assert!(json["lessons"][0]["steps"][0].get("advice").is_none(), "{json}");
    for text in [read("human"), junit.clone(), tap.clone(), html.clone()] {
        assert!(text.contains(why), "the cause is missing in {text}");
    }
    for text in [read("human"), junit, tap, html] {
        assert!(text.contains(&digest), "the page's digest is missing in {text}");
    }
}

/// What the schema of Jenkins' xUnit plugin (`junit-10.xsd`) allows: which attributes and which elements below it each element has.
/// The schema of Surefire and the other viewers that read JUnit allow that too.
fn assert_is_junit(report: &str) {
    let allowed: &[(&str, &[&str], &[&str])] = &[
        ("testsuites", &["name", "time", "tests", "failures", "errors"], &["testsuite"]),
        (
            "testsuite",
            &["name", "tests", "failures", "errors", "time", "skipped", "timestamp"],
            &["properties", "testcase"],
        ),
        ("properties", &[], &["property"]),
        ("property", &["name", "value"], &[]),
        ("testcase", &["name", "time", "classname"], &["skipped", "failure", "system-out", "system-err"]),
        ("failure", &["type", "message"], &[]),
        ("skipped", &["type", "message"], &[]),
        ("system-out", &[], &[]),
        ("system-err", &[], &[]),
    ];
    let tag = regex::Regex::new(r#"<(/?)([a-z-]+)((?:\s+[a-z]+="[^"<]*")*)\s*(/?)>"#).expect("a pattern");
    let attribute = regex::Regex::new(r#"([a-z]+)="([^"]*)""#).expect("a pattern");
    let mut open: Vec<&str> = Vec::new();
    let body = report.strip_prefix(r#"<?xml version="1.0" encoding="UTF-8"?>"#).expect("a declaration");
    assert_eq!(tag.find_iter(body).count(), body.matches('<').count(), "all that is markup is a tag");
    for found in tag.captures_iter(body) {
        let (_, [ends, name, attributes, empty]) = found.extract();
        if !ends.is_empty() {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        let (_, may_have, _) = allowed.iter().find(|(of, ..)| *of == name).expect("an element that is known");
        match open.last() {
            Some(above) => {
                let (_, _, below) = allowed.iter().find(|(of, ..)| of == above).expect("known");
                assert!(below.contains(&name), "{name} in {above}");
            }
            None => assert_eq!(name, "testsuites"),
        }
        for of in attribute.captures_iter(attributes) {
            assert!(may_have.contains(&&of[1]), "{} of {name}", &of[1]);
            if &of[1] == "time" {
                assert!(of[2].parse::<f64>().is_ok(), "{}", &of[2]);
            }
        }
        let needed: &[&str] = match name {
            "testsuite" => &["name", "tests", "failures", "errors"],
            "testcase" => &["name"],
            "property" => &["name", "value"],
            _ => &[],
        };
        assert!(needed.iter().all(|key| attributes.contains(&format!(" {key}=\""))), "{name}: {attributes}");
        if empty.is_empty() {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// A title is a page's text: it begins no line of a report, and moves no cursor.
#[test]
fn a_hostile_title_stays_a_title() {
    let world = World::new();
    let path = world.path("page.md");
    fs::write(&path, "---\ntitle: \"T\\nnot ok 9 \\u001b[31m\"\n---\n\n```bash\n$ echo a\n```\n").expect("written");
    for format in ["human", "tap", "junit", "html"] {
        let output = world.run(&["grade", "page.md", "--format", format]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.contains('\u{1b}'), "{format}: {text}");
        let begins = text.lines().any(|line| line.starts_with("not ok"));
        assert!(!begins || format == "html", "{format}: {text}");
    }
}

#[test]
fn pages_and_steps_can_be_chosen() {
    let world = World::new();
    let folder = world.path("course");
    fs::create_dir(&folder).expect("a folder");
    let three = "```bash\n$ echo 1\n1\n```\n```bash\n$ echo 2\n2\n```\n```bash\n$ echo 3\n4\n```";
    page(&world, "course/a.md", three);
    page(&world, "course/b.md", three);
    let folder = folder.display().to_string();
    let lines = |arguments: &[&str]| -> (Vec<(String, u64)>, Option<i32>) {
        let mut all = vec!["grade", folder.as_str(), "--format", "json"];
        all.extend(arguments);
        let (report, status) = world.json(&all);
        let lessons = report["lessons"].as_array().expect("lessons").clone();
        let steps = lessons.iter().flat_map(|lesson| {
            let path = lesson["path"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
            let steps = lesson["steps"].as_array().expect("steps").clone();
            steps.into_iter().map(move |step| (path.clone(), step["line"].as_u64().expect("a line")))
        });
        (steps.collect(), status)
    };
    let named = |name: &str, line: u64| (name.to_owned(), line);
    assert_eq!(lines(&["--until", "2"]), (vec![named("a.md", 5), named("a.md", 9)], Some(0)));
    assert_eq!(lines(&["--from", "5", "--until", "5"]), (vec![named("b.md", 9)], Some(0)));
    assert_eq!(lines(&["--filter", "b*", "--until", "1"]), (vec![named("b.md", 5)], Some(0)));
    assert_eq!(lines(&["--filter", "b.md"]).1, Some(1));
    for wrong in [["--from", "7"], ["--until", "0"], ["--filter", "c*"], ["--filter", "["], ["--jobs", "0"]] {
        let output = world.run(&["grade", &folder, wrong[0], wrong[1]]);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
    }
}

#[test]
fn reports_name_the_command_to_look_further() {
    let world = World::new();
    let page = page(&world, "page.md", "```bash\n$ kubectl -n carts get configmap missing\n```");
    for format in ["human", "html", "json", "junit", "tap"] {
        let output = world.run(&["grade", &page, "--format", format]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("ended with status 1: Error from server (NotFound)"), "{text}");
        assert!(text.contains("kubectl get events -n carts --sort-by=.lastTimestamp"), "{text}");
    }
}

#[test]
fn limits_of_the_grader_count() {
    let world = World::new();
    let page = page(&world, "page.md", "```bash timeout=600\n$ sleep 30\n```");
    let (report, _) = world.json(&["grade", &page, "--speed", "1000", "--timeout", "10", "--format", "json"]);
    assert_eq!(report["lessons"][0]["steps"][0]["cause"], "time_limit");
    let why = report["lessons"][0]["steps"][0]["advice"]["why"].as_str().expect("a sentence");
    assert!(why.contains("longer than the 10 s"), "{why}");
    let (report, status) = world.json(&["grade", &page, "--speed", "1000", "--format", "json"]);
    assert_eq!(status, Some(0), "{report}");
}

#[test]
fn jobs_do_not_change_the_order_or_the_worlds() {
    let world = World::new();
    let body = |name: &str| {
        format!("```bash\n$ kubectl create namespace jobs\nnamespace/jobs created\n$ echo {name}\n{name}\n```")
    };
    let pages: Vec<String> = ["a", "b", "c", "d"].map(|name| page(&world, &format!("{name}.md"), &body(name))).into();
    let mut arguments = vec!["grade", "--jobs", "3", "--format", "json"];
    arguments.extend(pages.iter().map(String::as_str));
    let (report, status) = world.json(&arguments);
    assert_eq!(status, Some(0), "{report}");
    let order: Vec<&str> = report["lessons"]
        .as_array()
        .expect("lessons")
        .iter()
        .map(|one| one["path"].as_str().expect("a path"))
        .collect();
    assert_eq!(order, pages);
}

#[test]
fn a_kubeconfig_that_aws_writes_leads_to_the_sandbox() {
    let world = World::new();
    let name = "$EKS_CLUSTER_NAME";
    let update = format!("aws eks update-kubeconfig --name {name}");
    let line = format!(
        "echo ~; {update} --alias own; {update} --kubeconfig other --user-alias me; KUBECONFIG=~/.kube/config kubectl config current-context"
    );
    let output = world.run(&["sh", "-c", &line]);
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().collect();
    let here = world.folder.path().canonicalize().expect("a folder");
    assert_eq!(lines[1], format!("Added new context own to {}/.kube/config", lines[0]), "{output:?}");
    assert_eq!(lines[2], format!("Added new context me to {}/other", here.display()));
    assert_eq!(lines[3], "own");
    let line = format!(
        "{update} --kubeconfig own --alias own >own.txt; {update} --kubeconfig own --alias own; KUBECONFIG=own kubectl get namespace carts -o name; {update} --kubeconfig other --dry-run"
    );
    let output = world.run(&["sh", "-c", &line]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("Updated context own in "), "{output:?}");
    assert!(
        text.contains("\nnamespace/carts\napiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: "),
        "{text}"
    );
    // What was there is kept.
    assert!(text.contains("- name: me\n  user:\n    exec:\n"), "{text}");
    fs::write(world.path("broken"), "[not, a, mapping").expect("written");
    let output = world.run(&["sh", "-c", &format!("{update} --kubeconfig broken")]);
    assert_eq!(output.status.code(), Some(255), "{output:?}");
}

#[test]
fn the_configuration_is_printed_as_its_own_file() {
    let mut world = World::new();
    world.env.push(("XDG_CONFIG_HOME".into(), world.path("config").display().to_string()));
    let first = world.run(&["config"]);
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    fs::create_dir_all(world.path("config/lectern")).expect("a folder");
    let file = world.path("config/lectern/config.toml");
    fs::write(&file, &first.stdout).expect("written");
    assert_eq!(world.run(&["config"]).stdout, first.stdout);
    fs::write(&file, "plain = true\n[keys]\nqiut = [\"x\"]\n").expect("written");
    for arguments in [&["config"][..], &["learn"]] {
        let output = world.run(arguments);
        let message = String::from_utf8_lossy(&output.stderr).replace(['\n', '│'], "");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(message.contains("config.toml:3:1") && message.contains("`quit`"), "{message}");
    }
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
fn an_editor_is_a_command_of_the_shell() {
    let world = World::new();
    let script = "kubectl create cm one --from-literal=a=1; printf 'yq -i \\'.data.b=\"x\"\\' \"$1\"\\n' > ed.sh
        KUBE_EDITOR='bash ed.sh' kubectl edit cm one; kubectl get cm one -o jsonpath='{.data}'; echo
        kubectl edit cm one; echo $?; ls";
    let script = script.replace("\\'", "'\\''");
    let output = world.run(&["sh", "-c", &script]);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(out, "configmap/one created\nconfigmap/one edited\n{\"a\":\"1\",\"b\":\"x\"}\n1\ned.sh\n", "{err}");
    assert_eq!(err, "error: unable to launch the editor \"vi\"\n");
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
    let (mark, child) = (world.path("mark"), world.path("child"));
    let script = format!("(sleep 3; echo late > {}) & echo $! > {}; sleep 100", mark.display(), child.display());
    program(&mut world, "linger", &script);
    let page = page(&world, "page.md", "```bash timeout=1\n$ linger\n```");
    let (report, status) = world.json(&["grade", &page, "--allow", "linger", "--format", "json"]);
    assert_eq!(status, Some(1));
    assert_eq!(report["lessons"][0]["steps"][0]["cause"], "time_limit");
    let child = fs::read_to_string(child).expect("it was started");
    let lives = || {
        let state = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        state.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with('Z'))
    };
    // It ends in any case: killed with what started it, or by itself, and then it has left its mark.
    while lives() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
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

#[needs("kubectl")]
#[test]
fn the_real_kubectl_may_be_allowed() {
    let kubectl = oracles::path("kubectl");
    let mut world = World::new();
    program(&mut world, "kubectl", &format!("exec {} \"$@\"", kubectl.display()));
    let line = "kubectl get deployments -n carts -o name; kubectl version -o json | jq -r .clientVersion.gitVersion";
    let output = world.run(&["sh", "--allow", "kubectl", "-c", line]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("deployment.apps/carts\n") && text.contains("\nv1.33."), "{output:?}");
}

#[test]
fn a_missing_command_is_told_once_wherever_it_is_missing() {
    let world = World::new();
    fs::create_dir(world.path("tests")).expect("a folder");
    let hook = "before() { frobnicate; frobnicate; return 1; }\nafter() { :; }\n\"$@\"\n";
    fs::write(world.path("tests/hook-h.sh"), hook).expect("written");
    for body in ["```bash\n$ frobnicate\nx\n```", "```bash hook=h\n$ echo a\na\n```"] {
        let page = page(&world, "page.md", body);
        let output = world.run(&["grade", &page]);
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(text.matches("a command that lectern does not have").count(), 1, "{text}");
        assert_eq!(text.matches("command not found").count(), 1, "what bash said, once: {text}");
        assert_eq!(text.matches("--allow frobnicate").count(), 1, "{text}");
        assert!(!text.contains("does not exist (yet)") && !text.contains("more time"), "{text}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("no tool named"), "{output:?}");
    }
    // Where the step passes with it, it is told beside.
    let page = page(&world, "page.md", "```bash expectError=true\n$ frobnicate\n```");
    let output = world.run(&["grade", &page]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no tool named `frobnicate`"), "{output:?}");
}

#[test]
fn the_home_folder_is_shown_as_a_tilde() {
    let world = World::new();
    let script = "set +e; pwd; echo $PWD ~; cd nope; cat ~/nope; ls $HOME/nope; echo x > $PWD/no/file; kubectl apply -f ~/no.yaml; \
                  aws eks update-kubeconfig --name nowhere --kubeconfig ~/k; cat < $HOME/none; touch here; ls $PWD/here; true";
    let page = page(&world, "page.md", &format!("```bash\n$ {script}\n~\nsomething else\n```"));
    let output = world.run(&["learn", &page, "--plain"]);
    let (report, _) = world.json(&["grade", &page, "--format", "json"]);
    let command = &report["lessons"][0]["steps"][0]["commands"][0];
    let stdout = command["stdout"].as_str().expect("text");
    let stderr = command["stderr"].as_str().expect("text");
    assert!(stdout.starts_with("~\n~ ~\n") && stdout.ends_with("~/here\n"), "{stdout}");
    assert!(stderr.contains("cat: ~/nope: No such file") && stderr.contains("no/file: No such file"), "{stderr}");
    let plain = [output.stdout, output.stderr].concat();
    for text in [stdout, stderr, &*String::from_utf8_lossy(&plain)] {
        for folder in ["/lectern-", "/state/", "/work/"] {
            assert!(!text.contains(folder), "{folder} in {text}");
        }
    }
}

#[test]
fn a_hook_gets_paths_that_lead_somewhere() {
    let world = World::new();
    fs::create_dir(world.path("tests")).expect("a folder");
    let hook = "before() { :; }\nafter() { [ \"$(cat $TEST_OUTPUT)\" = made ]; }\n\"$@\"\n";
    fs::write(world.path("tests/hook-h.sh"), hook).expect("written");
    let body = "```bash hook=h\n$ echo made > file; echo $PWD/file\n/home/ec2-user/file\n```";
    let page = page(&world, "page.md", body);
    let output = world.run(&["grade", &page]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_course_shows_its_lessons_no_file_of_the_persons() {
    let world = World::new();
    let secret = world.path("home/.aws");
    fs::create_dir_all(&secret).expect("a folder");
    fs::write(secret.join("credentials"), "canary-in-the-output").expect("written");
    let course = world.path("course/website/docs");
    fs::create_dir_all(&course).expect("a folder");
    let page = course.join("page.md");
    let body = "set +e; cat ~/x/credentials; cat ~/environment/eks-workshop/credentials; true";
    fs::write(&page, format!("---\ntitle: T\n---\n\n```bash\n$ {body}\n```\n")).expect("written");
    let page = page.display().to_string();
    std::os::unix::fs::symlink(&secret, course.join("link")).expect("a link");
    let absolute = secret.display().to_string();
    for named in ["../../../home/.aws", "link", absolute.as_str()] {
        fs::write(course.join("lectern.toml"), format!("[map]\n\"~/x\" = \"{named}\"\n")).expect("written");
        for command in ["grade", "plan", "verify", "learn"] {
            let output = world.run(&[command, &page]);
            assert!(!String::from_utf8_lossy(&output.stdout).contains("canary"), "{command} {named}: {output:?}");
            assert_eq!(output.status.code(), Some(2), "{command} {named}: {output:?}");
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(told.contains("lectern.toml:2:9") && told.contains("--map"), "{told}");
        }
    }
    // The folder beside `website` that is found by itself, too.
    fs::remove_file(course.join("lectern.toml")).expect("removed");
    std::os::unix::fs::symlink(&secret, world.path("course/manifests")).expect("a link");
    let output = world.run(&["grade", &page, "--format", "json"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("canary"), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--map"), "{output:?}");
    // Who runs it may say so.
    let map = format!("~/x={absolute}");
    let output = world.run(&["grade", &page, "--format", "json", "--map", &map]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("canary"), "{output:?}");
}
