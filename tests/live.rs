//! Lessons on a live target: an account and a cluster that another process serves.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use support::{LECTERN, World};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/pod-identity/use-pod-identity.md");

/// An account and a cluster that are served on loopback until the test ends.
struct Served {
    process: Child,
    env: Vec<(String, String)>,
}

impl Served {
    fn start() -> Self {
        // The test runs the program that it tests.
        #[allow(clippy::disallowed_methods)]
        let mut process = Command::new(LECTERN)
            .args(["sandbox", "--speed", "1000"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the sandbox starts");
        let mut env = Vec::new();
        for line in BufReader::new(process.stdout.take().expect("piped")).lines() {
            let line = line.expect("text");
            let Some((name, value)) = line.strip_prefix("export ").and_then(|line| line.split_once('=')) else {
                continue;
            };
            env.push((name.to_owned(), value.trim_matches('\'').to_owned()));
            if name == "KUBECONFIG" {
                break;
            }
        }
        assert!(env.iter().any(|(name, _)| name == "AWS_ENDPOINT_URL"), "{env:?}");
        Self { process, env }
    }

    fn world(&self) -> World {
        World { env: self.env.clone(), ..World::new() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn verdicts(report: &serde_json::Value) -> Vec<&str> {
    let steps = report["lessons"][0]["steps"].as_array().expect("steps");
    steps.iter().map(|step| step["verdict"].as_str().expect("a verdict")).collect()
}

#[test]
fn without_a_yes_nothing_is_changed_and_with_one_the_lesson_runs() {
    let served = Served::start();
    let world = served.world();
    let grade = ["grade", PAGE, "--target", "live", "--no-wait", "--format", "json"];
    let (report, status) = world.json(&grade);
    assert_eq!(status, Some(3), "{report}");
    let before = verdicts(&report);
    assert_eq!(before[..4], ["passed", "passed", "passed", "failed"], "{report}");
    assert_eq!(report["lessons"][0]["steps"][3]["commands"][0]["calls"], serde_json::json!([]));

    // The first step expects that there is no association: nothing was changed.
    let (report, status) = world.json(&[&grade[..], &["--yes"]].concat());
    assert_eq!((verdicts(&report), status), (vec!["passed"; 7], Some(0)), "{report}");
}

#[test]
fn a_learner_is_asked_by_account_and_cluster() {
    let served = Served::start();
    let world = served.world();
    let account = &world.env.iter().find(|(name, _)| name == "AWS_ACCOUNT_ID").expect("an account").1.clone();
    let cluster = &world.env.iter().find(|(name, _)| name == "EKS_CLUSTER_NAME").expect("a cluster").1.clone();
    let mut screen = world.terminal(24, &["learn", PAGE, "--target", "live"]);
    screen.until_text("[y/N]");
    assert!(screen.text().contains(account) && screen.text().contains(cluster), "{}", screen.text());
    screen.press("n\r");
    assert_eq!(screen.end(), 3);

    let mut screen = world.terminal(24, &["learn", PAGE, "--target", "live"]);
    screen.until_text("[y/N]");
    screen.press("y\r");
    screen.until_text("keys");
    assert!(screen.alternate());
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

#[test]
fn a_credential_plugin_runs_when_it_is_allowed() {
    use std::os::unix::fs::PermissionsExt;
    let served = Served::start();
    let mut world = served.world();
    let variable = |name: &str| served.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let text = std::fs::read_to_string(variable("KUBECONFIG").expect("a kubeconfig")).expect("readable");
    let mut config: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let token = config["users"][0]["user"]["token"].as_str().expect("a token").to_owned();
    let programs = world.path("programs");
    std::fs::create_dir(&programs).expect("a folder");
    let plugin = programs.join("get-token");
    let script = "#!/bin/sh\necho \"{\\\"kind\\\": \\\"ExecCredential\\\", \\\"status\\\": {\\\"token\\\": \\\"$1$REST\\\"}}\"\n";
    std::fs::write(&plugin, script).expect("written");
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).expect("made executable");
    let (start, rest) = token.split_at(5);
    config["users"][0]["user"] = serde_json::json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "get-token", "args": [start],
        "env": [{"name": "REST", "value": rest}], "interactiveMode": "Never",
    }});
    let own = world.path("kubeconfig");
    std::fs::write(&own, config.to_string()).expect("written");
    world.env.retain(|(name, _)| name != "KUBECONFIG");
    world.env.push(("KUBECONFIG".into(), own.display().to_string()));
    world.env.push(("PATH".into(), format!("{}:/usr/bin:/bin", programs.display())));
    let line = "kubectl get namespace carts -o name";
    let refused = world.run(&["sh", "--target", "live", "-c", line]);
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && message.contains("get-token") && message.contains("--allow"), "{message}");
    let ran = world.run(&["sh", "--target", "live", "--allow", "get-token", "-c", line]);
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "namespace/carts\n", "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn where_no_region_is_configured_the_machine_is_not_asked_for_one() {
    let served = Served::start();
    let mut world = served.world();
    // What would answer on a machine of EC2.
    let metadata = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    metadata.set_nonblocking(true).expect("set");
    let address = format!("http://{}", metadata.local_addr().expect("an address"));
    world.env.retain(|(name, _)| !matches!(name.as_str(), "AWS_REGION" | "AWS_DEFAULT_REGION"));
    world.env.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT".into(), address));
    let ran =
        world.run(&["sh", "--target", "live", "-c", "kubectl get namespace carts -o name; aws eks list-clusters"]);
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "namespace/carts\n");
    let message = String::from_utf8_lossy(&ran.stderr);
    assert!(message.contains("You must specify a region"), "{message}");
    assert!(metadata.accept().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
}
