//! Differential: the real AWS CLI (version 1, PyPI `awscli`, with `cli_timestamp_format = iso8601`) and ours, command by
//! command, on two accounts that started alike. The real one reaches its account on a loopback socket; ours in process.
//! Standard output must be the same, standard error too but for what version 2 says otherwise, and the exit status by the
//! table in [`statuses_agree`].
//!
//! A second set goes to `moto_server` as an independent server, where `LECTERN_MOTO` names its binary: each side to one of
//! its own, ours as the whole program.
//!
//! `LECTERN_PARITY_ONLY` picks the command lines that hold it, to try a few.
//! `LECTERN_AWS_CLI` names the CLI's binary, else it is `aws` in PATH; without one the tests are ignored.

#[path = "aws_parity/errors.rs"]
mod errors;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use lectern::clock::{Clock, session_runtime};
use lectern::sandbox::cluster::CloudIdentity as _;
use lectern::sandbox::{Sandbox, Scenario, aws};
use lectern::target::Target;
use lectern::tools::{
    self, Commands, Exports, Files, Invocation, Output, Root, StdStream, TargetCall, TargetInput, Tool,
};
use needs::needs;
use regex::Regex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The command lines by service: words are parted by spaces, `'…'` holds them together; `!advance N` lets N seconds
/// pass, `#` begins a comment. The same on both sides.
const COMMANDS: [(&str, &str); 3] = [
    ("eks", include_str!("aws_parity/eks.txt")),
    ("iam", include_str!("aws_parity/iam.txt")),
    ("sts", include_str!("aws_parity/sts.txt")),
];

/// Those for an account that somebody else made: moto's.
const FOR_MOTO: &str = include_str!("aws_parity/moto.txt");

/// What the real CLI is run by.
const DRIVER: &str = include_str!("aws_parity/cli.py");

fn lines(text: &str) -> impl Iterator<Item = &str> {
    let only = std::env::var("LECTERN_PARITY_ONLY").unwrap_or_default();
    text.lines().filter(move |line| {
        !line.is_empty() && !line.starts_with('#') && (line.starts_with('!') || line.contains(&only))
    })
}

fn seed() -> aws::Seed {
    let text = include_str!("aws_parity.yaml");
    serde_saphyr::from_str(text).unwrap()
}

fn words(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            out.push(part.to_owned());
        } else {
            out.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    out
}

/// A word with the issuer of cluster `one` for `{issuer}`, and for `{token:AUDIENCE:NAMESPACE:ACCOUNT:SECONDS}` the token of
/// a service account that is valid so long.
fn with_tokens(word: &str, account: &aws::Aws, clock: &Clock) -> String {
    static PLACES: OnceLock<Regex> = OnceLock::new();
    let places = PLACES.get_or_init(|| Regex::new(r"\{issuer\}|\{token:([^:}]*):([^:}]*):([^:}]*):(-?\d+)\}").unwrap());
    let sign = |claims: &serde_json::Value| account.sign("one", claims).unwrap();
    let filled = places.replace_all(word, |place: &regex::Captures<'_>| {
        let Some(audience) = place.get(1) else {
            let token = sign(&serde_json::json!({}));
            let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
            let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
            return claims["iss"].as_str().unwrap().trim_start_matches("https://").to_owned();
        };
        let seconds: i64 = place[4].parse().unwrap();
        sign(&serde_json::json!({
            "aud": [audience.as_str()],
            "sub": format!("system:serviceaccount:{}:{}", &place[2], &place[3]),
            "exp": clock.now().as_second() + seconds,
        }))
    });
    filled.into_owned()
}

#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

/// The real CLI, in one process for many command lines.
struct Theirs {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Theirs {
    fn start(cli: &Path, folder: &Path, port: u16) -> Self {
        // The script's first line names the Python that has the CLI.
        let script = std::fs::read_to_string(cli).unwrap();
        let python = script.lines().next().and_then(|line| line.strip_prefix("#!")).expect("a Python script");
        #[expect(clippy::disallowed_methods, reason = "the real CLI is the measure")]
        let mut command = std::process::Command::new(python.trim());
        let mut process = command
            .args(["-c", DRIVER])
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "Europe/Paris")
            .env("AWS_CONFIG_FILE", folder.join("config"))
            .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_DEFAULT_REGION", "us-west-2")
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            .env("AWS_MAX_ATTEMPTS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Self { process, to, from }
    }

    fn run(&mut self, args: &[String]) -> Ran {
        writeln!(self.to, "{}", serde_json::json!(args)).unwrap();
        let mut answer = String::new();
        self.from.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{args:?}: {error}: {answer}"))
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

async fn ours(target: &Arc<Target>, clock: &Clock, folder: &Path, args: &[String]) -> Ran {
    let (pieces, mut printed) = mpsc::channel(64);
    let (requests, _asked) = mpsc::channel(1);
    let (_chunks, chunks) = mpsc::channel(1);
    let dir = cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap();
    let env = BTreeMap::from([
        ("AWS_REGION".to_owned(), "us-west-2".to_owned()),
        ("TZ".to_owned(), "Europe/Paris".to_owned()),
    ]);
    let call = TargetCall {
        invocation: Invocation {
            name: "aws".into(),
            args: args.to_vec(),
            env,
            files: Files::new(vec![Root { path: "/work".into(), dir, writable: true }], "/work".into()),
            clock: clock.clone(),
            cancel: CancellationToken::new(),
        },
        exports: Exports::default(),
        commands: Commands::default(),
        target: Arc::clone(target),
        stdin: TargetInput::new(requests, chunks),
        out: Output::new(pieces, clock.clone()),
    };
    let Some(Tool::Target(aws)) = tools::find("aws") else { panic!("no aws") };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let collect = async {
        while let Some(piece) = printed.recv().await {
            match piece.stream {
                StdStream::Stdout => stdout.extend(piece.bytes),
                StdStream::Stderr => stderr.extend(piece.bytes),
            }
        }
    };
    let (status, ()) = tokio::join!(aws(call), collect);
    Ran {
        status: status.into(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Serves an account on a loopback socket; answers the port.
async fn serve(account: aws::Aws) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let account = account.clone();
            let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let account = account.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body =
                        body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_else(|_| Bytes::new());
                    let response = account.call(http::Request::from_parts(parts, body)).await;
                    Ok::<_, Infallible>(response.map(Full::new))
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    port
}

/// Takes out what is made up anew on each side: ids, keys, and the moments of now.
fn without_chance(text: &str) -> String {
    static PATTERNS: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
    let patterns = PATTERNS.get_or_init(|| {
        [
            (r"a-[a-z0-9]{17}", "a-ID"),
            (r"\b(AROA|ANPA|AIDA|AGPA|AIPA)[A-Z2-7]{17}\b", "${1}ID"),
            (r"\b(AKIA|ASIA)[A-Z2-7]{16}\b", "${1}ID"),
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
            (r#""(SecretAccessKey|SessionToken)": "[^"]+""#, "$1: SECRET"),
            // What a scenario gives no date was made a day before the session began.
            (r"2026-03-03T06:06:\d\d\.\d{6}\+01:00", "YESTERDAY"),
            (r"2026-03-04T\d\d:\d\d:\d\d(\.\d{6})?\+0[01]:00", "NOW"),
        ]
        .map(|(pattern, replacement)| (Regex::new(pattern).unwrap(), replacement))
        .into()
    });
    let mut text = text.to_owned();
    for (pattern, replacement) in patterns {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    text
}

/// Standard error as version 2 would have it: version 1 advertises version 2 above its usage.
fn as_version_2(stderr: &str) -> String {
    let note = Regex::new(r"(?s)\r?Note: AWS CLI version 2,.*?\n\n").unwrap();
    let stderr = note.replace(stderr, "").replace("aws: [ERROR]: ", "").replace("\r", "");
    // It says "usage: usage:", and leaves a blank line out.
    let blank = Regex::new(r"\n\n+").unwrap();
    blank.replace_all(stderr.replace("usage: usage:", "usage:").trim(), "\n").into_owned()
}

/// Version 1's statuses as version 2's, <https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-returncodes.html>:
/// 2 (usage) is 252, and 255 is now 252, 253, 254 or 255 by its cause.
fn statuses_agree(theirs: i32, ours: i32) -> bool {
    match theirs {
        2 => ours == 252,
        255 => (252..=255).contains(&ours),
        same => ours == same,
    }
}

/// What differs between the two, but for chance.
fn differences(theirs: &Ran, ours: &Ran, without_chance: impl Fn(&str) -> String) -> String {
    let mut problems = String::new();
    let (a, b) = (without_chance(&theirs.stdout), without_chance(&ours.stdout));
    if a != b {
        problems += &format!("  stdout theirs:\n{a}\n  ours:\n{b}\n");
    }
    let (a, b) = (as_version_2(&theirs.stderr), as_version_2(&ours.stderr));
    let (a, b) = (without_chance(&a), without_chance(&b));
    if a != b {
        problems += &format!("  stderr theirs:\n{a}\n  ours:\n{b}\n");
    }
    if !statuses_agree(theirs.status, ours.status) {
        problems += &format!("  status theirs {} ours {}\n", theirs.status, ours.status);
    }
    problems
}

/// A folder with the files that command lines name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("config", "[default]\ncli_timestamp_format = iso8601\n");
    write("name.json", "{\"name\": \"one\"}");
    write("keys.txt", "env");
    write(
        "trust.json",
        r#"{"Version": "2012-10-17", "Statement": [{"Sid": "Über", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}]}"#,
    );
    write(
        "policy.json",
        r#"{"Version": "2012-10-17", "Statement": [{"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:List*"], "Resource": "*"}]}"#,
    );
    folder
}

#[needs("aws")]
#[test]
fn the_real_cli_and_ours_say_the_same() {
    let cli = oracles::path("aws");
    let clock = Clock::starting_at(1.0, "2026-03-04T05:06:07.089Z".parse().unwrap(), Duration::ZERO);
    let runtime = session_runtime(&clock).unwrap();
    let folder = folder();
    runtime.block_on(async {
        let mut scenario = Scenario::default();
        scenario.aws = seed();
        let served = Sandbox::start(&scenario, &clock).await.unwrap();
        let port = serve(served.aws().clone()).await;
        let target = Arc::new(Target::sandbox(Sandbox::start(&scenario, &clock).await.unwrap(), clock.clone()));
        // EKS changes nothing that IAM's commands see, and the other way round: one process for each at a time.
        let compare = async |service: &str, text: &str| {
            let mut real = Theirs::start(&cli, folder.path(), port);
            let (mut found, mut count) = (Vec::new(), 0);
            for line in lines(text) {
                if let Some(seconds) = line.strip_prefix("!advance ") {
                    clock.advance_to(clock.elapsed() + Duration::from_secs(seconds.parse().unwrap()));
                    continue;
                }
                count += 1;
                let filled = |account| words(line).iter().map(|word| with_tokens(word, account, &clock)).collect();
                let asked: Vec<String> = filled(served.aws());
                let args: Vec<String> = filled(target.as_sandbox().unwrap().aws());
                let (back, theirs) = tokio::task::spawn_blocking(move || {
                    let ran = real.run(&asked);
                    (real, ran)
                })
                .await
                .unwrap();
                real = back;
                let problems = differences(&theirs, &ours(&target, &clock, folder.path(), &args).await, without_chance);
                if !problems.is_empty() {
                    found.push(format!("aws {line}\n{problems}"));
                }
            }
            println!("{service}: {} of {count} command lines agree", count - found.len());
            (found, count)
        };
        let [eks, iam, sts] = COMMANDS;
        let (eks, others) =
            tokio::join!(compare(eks.0, eks.1), async { [compare(iam.0, iam.1).await, compare(sts.0, sts.1).await] });
        let all: Vec<_> = std::iter::once(eks).chain(others).collect();
        for (different, _) in &all {
            print!("{}", different.join("\n"));
        }
        for (different, count) in &all {
            // Releases of the real CLI differ among themselves in a word here and there.
            assert!(different.len() * 50 <= *count, "{} of {count} differ", different.len());
        }
        let total: usize = all.iter().map(|(_, count)| count).sum();
        assert!(total >= 300 || std::env::var_os("LECTERN_PARITY_ONLY").is_some(), "{total}");
    });
}

/// moto's server, if LECTERN_MOTO names one; it answers as an account of its own making.
struct Moto {
    process: Child,
    port: u16,
}

impl Moto {
    fn start(binary: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        #[expect(clippy::disallowed_methods, reason = "an independent server")]
        let mut command = std::process::Command::new(binary);
        let process = command
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Self { process, port };
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return moto;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("moto does not answer");
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Our answers to all command lines, from one process, as its user runs it.
fn all_ours(folder: &Path, port: u16, commands: &[&str]) -> Vec<Ran> {
    let script: String = commands.iter().map(|line| format!("aws {line}\necho \"@@ $?\"\necho @@ >&2\n")).collect();
    #[expect(clippy::disallowed_methods, reason = "the program as its users run it")]
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lectern"));
    let ran = command
        .args(["sh", "--target", "live", "-c", &script])
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("TZ", "Europe/Paris")
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "us-west-2")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    let marks = Regex::new(r"@@ (\d+)\n").unwrap();
    let statuses = marks.captures_iter(&stdout).map(|mark| mark[1].parse().unwrap()).collect::<Vec<i32>>();
    assert_eq!(statuses.len(), commands.len(), "{stdout}{stderr}");
    let outputs = marks.split(&stdout);
    let errors = stderr.split("@@\n");
    let each = statuses.into_iter().zip(outputs).zip(errors);
    each.map(|((status, out), err)| Ran { status, stdout: out.to_owned(), stderr: err.to_owned() }).collect()
}

/// Takes out what moto makes up: ids, and moments as the machine's clock has them.
fn without_motos_chance(text: &str) -> String {
    static PATTERNS: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
    let patterns = PATTERNS.get_or_init(|| {
        [
            (r"\bsg-[0-9a-z]+", "ID"),
            (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+\d\d:\d\d|Z)", "MOMENT"),
            (r"\b(AROA|ANPA|AIDA|AGPA|AIPA|AKIA|ASIA|A)[A-Za-z0-9]{16,20}\b", "ID"),
            (r#""([A-Za-z]*Id|SecretAccessKey|SessionToken|id|data|endpoint|issuer)": "[^"]+""#, "$1: ID"),
            (r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", "UUID"),
            (r"\ba-[a-z0-9]{17}\b|\b[a-z0-9]{20,}\b", "ID"),
        ]
        .map(|(pattern, replacement)| (Regex::new(pattern).unwrap(), replacement))
        .into()
    });
    let mut text = text.to_owned();
    for (pattern, replacement) in patterns {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    text
}

#[needs("aws", "moto")]
#[test]
fn against_moto_too_they_say_the_same() {
    let (cli, moto) = (oracles::path("aws"), oracles::path("moto"));
    let folder = folder();
    let commands: Vec<&str> = lines(FOR_MOTO).collect();
    let ours = {
        let server = Moto::start(&moto);
        all_ours(folder.path(), server.port, &commands)
    };
    let server = Moto::start(&moto);
    let mut real = Theirs::start(&cli, folder.path(), server.port);
    let mut found = Vec::new();
    for (line, ours) in commands.iter().zip(&ours) {
        let problems = differences(&real.run(&words(line)), ours, without_motos_chance);
        if !problems.is_empty() {
            found.push(format!("aws {line}\n{problems}"));
        }
    }
    println!("moto: {} of {} command lines agree", commands.len() - found.len(), commands.len());
    print!("{}", found.join("\n"));
    assert!(found.len() * 50 <= commands.len(), "{} of {} differ", found.len(), commands.len());
}
