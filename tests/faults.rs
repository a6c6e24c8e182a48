//! lectern's own faults: each room is made to panic once, and what its user sees is looked at. Only builds with debug
//! assertions can be made to.
#![cfg(debug_assertions)]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use support::{LECTERN, World};

/// The rooms that work for a step.
const ROOMS: [&str; 8] = ["shell", "builtin", "stream", "tool", "api", "controllers", "account", "session"];

const SAID: &str = "lectern's own fault: a test asked for a panic in ";

/// A page with one step that goes through every room, and one behind it.
const PAGE: &str = "---\ntitle: T\n---\n\n```bash\n$ echo x | grep x\nx\n$ kubectl get namespace default -o name\n\
                    namespace/default\n$ aws sts get-caller-identity --query Account --output text\n111122223333\n```\n\n\
                    ```bash\n$ echo second\nsecond\n```\n";

fn world(room: &str) -> World {
    let mut world = World::new();
    world.bare();
    std::fs::write(world.path("page.md"), PAGE).expect("written");
    world.env.push(("LECTERN_PANIC_IN".into(), room.into()));
    world
}

/// The only report, which holds all that is needed to find the fault.
fn assert_reported(world: &World, room: &str) -> String {
    let folder = world.state().join("lectern/faults");
    let mut reports: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(reports.len(), 1, "{room}: {reports:?}");
    let report = reports.remove(0);
    let text = std::fs::read_to_string(&report).expect("a report");
    for part in [
        &*format!("lectern {}", env!("CARGO_PKG_VERSION")),
        "panicked at src/",
        "a test asked for a panic",
        "lectern::",
    ] {
        assert!(text.contains(part), "{room}: {part} in {text}");
    }
    report.file_name().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn grading_tells_the_fault_and_ends_with_4() {
    for room in ROOMS {
        let world = world(room);
        let output = world.run(&["grade", "page.md", "--scenario", "./bare", "--format", "json"]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(4), "{room}: {said}{}", String::from_utf8_lossy(&output.stderr));
        let report: serde_json::Value = serde_json::from_str(&said).expect("a report");
        let step = &report["lessons"][0]["steps"][0];
        assert_eq!(step["cause"], "fault", "{room}: {step}");
        let why = step["advice"]["why"].as_str().expect("a text");
        let file = assert_reported(&world, room);
        assert!(
            why.starts_with(SAID) && why.contains(", please report it with ") && why.ends_with(&file),
            "{room}: {why}"
        );
        assert_eq!(report["lessons"][0]["steps"][1]["verdict"], "skipped", "{room}");
    }
}

#[test]
fn the_dialogue_tells_the_fault_and_goes_on() {
    for room in ROOMS {
        let world = world(room);
        let output = world.run_with(&["learn", "--plain", "page.md", "--scenario", "./bare"], "run\nrun\nrun\nquit\n");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""), "{room}: {said}");
        assert!(said.contains(&format!("The step failed: {SAID}")), "{room}: {said}");
        assert!(said.contains("Step 1 passed.") && said.contains("Step 2 passed."), "{room}: {said}");
        assert_reported(&world, room);
    }
}

#[test]
fn the_dialogue_loses_a_line_and_reads_on() {
    let world = world("input");
    let output = world.run_with(&["learn", "--plain", "page.md", "--scenario", "./bare"], "help\nrun\nquit\n");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(SAID) && said.contains("Step 1 passed."), "{said}");
    assert_reported(&world, "input");
}

#[test]
fn the_screen_stays_and_the_step_can_be_run_again() {
    for room in ROOMS {
        let world = world(room);
        let mut screen = world.terminal(30, &["learn", "page.md", "--scenario", "./bare"]);
        screen.until_text("Enter run");
        screen.press("\r");
        screen.until_text("lectern's own fault");
        assert!(screen.alternate(), "{room}");
        screen.until_text("0/2 steps");
        screen.press("\r");
        screen.until_text("1/2 steps");
        assert!(screen.alternate(), "{room}");
        screen.press("q");
        assert_eq!(screen.end(), 0, "{room}");
        assert_reported(&world, room);
    }
}

#[test]
fn a_fault_of_the_drawing_gives_the_terminal_back_and_ends_with_4() {
    let world = world("draw");
    let mut screen = world.terminal(24, &["learn", "page.md", "--scenario", "./bare"]);
    assert_eq!(screen.end(), 4);
    assert!(!screen.alternate(), "the terminal is as it was");
    let file = assert_reported(&world, "draw");
    let text = screen.text().replace('\n', "");
    assert!(text.contains("lectern's own fault: a test asked for a panic in Draw") && text.contains(&file), "{text}");
    // Raw mode is off: what is typed is shown, and lines end as they should.
    let raw = String::from_utf8_lossy(&screen.raw);
    assert!(raw.contains("\u{1b}[?1049l"), "{raw:?}");
}

/// A served sandbox whose room panics: what it says on standard error, and the two answers to the same request.
fn served(room: &str, request: impl Fn(&str, &str) -> String) -> (String, String, String) {
    let world = world(room);
    #[allow(clippy::disallowed_methods, reason = "the test runs the program that it tests")]
    let mut child = std::process::Command::new(LECTERN)
        .env_clear()
        .envs([("XDG_STATE_HOME", world.state()), ("TMPDIR", world.path("")), ("LECTERN_PANIC_IN", room.into())])
        .args(["sandbox", "--scenario", "./bare"])
        .current_dir(world.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut said = String::new();
    while !said.contains("answers until Ctrl-C") {
        assert!(stderr.read_line(&mut said).expect("text") > 0, "{said}");
    }
    let mut exports = BufReader::new(child.stdout.take().expect("piped")).lines().map(|line| line.expect("text"));
    let value = |line: &str| line.split_once('=').map(|(_, value)| value.trim_matches(['\'', '"', ';']).to_owned());
    let (mut endpoint, mut key) = (String::new(), String::new());
    while endpoint.is_empty() || key.is_empty() {
        let line = exports.next().expect("a line");
        if line.contains("AWS_ENDPOINT_URL=") {
            endpoint = value(&line).expect("a value");
        } else if line.contains("AWS_ACCESS_KEY_ID=") {
            key = value(&line).expect("a value");
        }
    }
    let endpoint = endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let answers = (request(&endpoint, &key), request(&endpoint, &key));
    child.kill().expect("it ran until now");
    child.wait().expect("it ends");
    stderr.read_to_string(&mut said).expect("text");
    assert_reported(&world, room);
    (said, answers.0, answers.1)
}

/// Asks the account who one is.
fn identity(endpoint: &str, key: &str) -> String {
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let mut stream = TcpStream::connect(endpoint).expect("it listens");
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {endpoint}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={key}/20260101/us-west-2/sts/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    )
    .expect("sent");
    let mut answer = String::new();
    // A connection that was closed in its face has no answer.
    drop(stream.read_to_string(&mut answer));
    answer
}

#[test]
fn a_served_sandbox_answers_500_and_lives_on() {
    let (said, first, second) = served("account", identity);
    assert!(first.starts_with("HTTP/1.1 500 ") && first.contains("InternalFailure"), "{first}");
    assert!(second.starts_with("HTTP/1.1 200 ") && second.contains("<Account>111122223333</Account>"), "{second}");
    assert!(said.contains("lectern's own fault: a test asked for a panic in Account"), "{said}");
}

#[test]
fn a_served_sandbox_goes_on_taking_connections() {
    let (said, first, second) = served("listener", identity);
    assert_eq!(first, "", "that connection is lost");
    assert!(second.starts_with("HTTP/1.1 200 "), "{second}");
    assert!(said.contains("lectern's own fault: a test asked for a panic in Listener"), "{said}");
}

#[test]
fn the_controllers_of_a_served_sandbox_begin_anew() {
    let (said, first, second) = served("controllers", identity);
    assert!(first.starts_with("HTTP/1.1 200 ") && second.starts_with("HTTP/1.1 200 "), "{first}{second}");
    assert!(said.contains("lectern's own fault: a test asked for a panic in Controllers"), "{said}");
}

#[test]
fn no_variable_of_a_lesson_makes_a_room_panic() {
    let mut world = world("shell");
    world.env.clear();
    let page =
        "---\ntitle: T\n---\n```bash\n$ export LECTERN_PANIC_IN=shell\n$ echo on\non\n$ bash -c 'echo on'\non\n```\n";
    std::fs::write(world.path("page.md"), page).expect("written");
    let output = world.run(&["grade", "page.md", "--scenario", "./bare"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!world.state().join("lectern/faults").exists());
}
