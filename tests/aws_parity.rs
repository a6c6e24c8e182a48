//! Differential: the real AWS CLI (version 1, PyPI `awscli`, with `cli_timestamp_format = iso8601`) and ours, command by
//! command, on two accounts that started alike. The real one reaches its account on a loopback socket; ours in process.
//! Standard output must be the same, standard error too but for what version 2 says otherwise, and the exit status by the
//! table in [`statuses_agree`].
//!
//! `LECTERN_PARITY_ONLY` picks the command lines that hold it, to try a few.
//! `LECTERN_AWS_CLI` names the CLI's binary, else it is `aws` in PATH; without one the test says so and passes.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use lectern::clock::{Clock, session_runtime};
use lectern::sandbox::{Sandbox, Scenario, aws};
use lectern::target::Target;
use lectern::tools::{self, Files, Invocation, Output, Root, StdStream, TargetCall, TargetInput, Tool};
use regex::Regex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A command line: words are parted by spaces, `'…'` holds them together. The same on both sides.
const COMMANDS: &[&str] = &[
    // EKS: reading
    "eks list-clusters",
    "eks list-clusters --output text",
    "eks list-clusters --max-items 1",
    "eks list-clusters --max-items 1 --output text",
    "eks list-clusters --page-size 1",
    "eks list-clusters --page-size 1 --output text",
    "eks list-clusters --no-paginate --max-results 1",
    "eks list-clusters --max-results 1",
    "eks list-clusters --starting-token eyJuZXh0VG9rZW4iOiBudWxsLCAiYm90b190cnVuY2F0ZV9hbW91bnQiOiAxfQ==",
    "eks list-clusters --query clusters[0]",
    "eks list-clusters --query clusters[0] --output text",
    "eks list-clusters --query 'length(clusters)'",
    "eks list-clusters --query nope",
    "eks list-clusters --query nope --output text",
    "eks describe-cluster --name one",
    "eks describe-cluster --name one --output text",
    "eks describe-cluster --name=one --query cluster.{v:version,n:name}",
    "eks describe-cluster --na one --query 'cluster.[name,version]' --output text",
    "eks describe-cluster --name one --query cluster.tags",
    "eks describe-cluster --name one --query cluster.createdAt",
    "eks describe-cluster --name none",
    "eks describe-cluster --cli-input-json '{\"name\": \"one\"}' --query cluster.arn",
    "eks describe-cluster --cli-input-json file://name.json --query cluster.arn",
    "eks list-addons --cluster-name one",
    "eks describe-addon --cluster-name one --addon-name coredns",
    "eks describe-addon --cluster-name one --addon-name nope",
    "eks list-nodegroups --cluster-name one",
    "eks list-nodegroups --cluster-name none",
    "eks describe-nodegroup --cluster-name one --nodegroup-name none",
    "eks list-access-entries --cluster-name one",
    "eks list-fargate-profiles --cluster-name one",
    "eks list-updates --name one",
    "eks list-identity-provider-configs --cluster-name one",
    "eks list-tags-for-resource --resource-arn arn:aws:eks:us-west-2:111122223333:cluster/one",
    // Waiting
    "eks wait cluster-active --name one",
    "eks wait cluster-active --name none",
    "eks wait cluster-deleted --name none",
    "eks wait cluster-deleted --name one",
    "eks wait addon-deleted --cluster-name one --addon-name nope",
    "eks wait nodegroup-active --cluster-name one --nodegroup-name none",
    "eks wait cluster-active",
    "iam wait role-exists --role-name pods",
    "iam wait policy-exists --policy-arn arn:aws:iam::111122223333:policy/table",
    // EKS: associations
    "eks list-pod-identity-associations --cluster-name one",
    "eks list-pod-identity-associations --cluster-name one --namespace n --service-account s",
    "eks create-pod-identity-association --cluster-name one --namespace n --service-account s --role-arn arn:aws:iam::111122223333:role/pods",
    "eks create-pod-identity-association --cluster-name one --namespace n --service-account s --role-arn arn:aws:iam::111122223333:role/pods",
    "eks create-pod-identity-association --cluster-name one --namespace n --service-account t --role-arn arn:aws:iam::111122223333:role/pods --tags b=1,a=2 --disable-session-tags",
    "eks create-pod-identity-association --cluster-name one --namespace m --service-account t --role-arn arn:aws:iam::111122223333:role/pods --tags '{\"x\": \"y z\"}' --no-disable-session-tags",
    "eks create-pod-identity-association --cluster-name one --namespace m --service-account u --role-arn arn:aws:iam::111122223333:role/nodes",
    "eks create-pod-identity-association --cluster-name one --namespace m --service-account u --role-arn arn:aws:iam::111122223333:role/none",
    "eks create-pod-identity-association --cluster-name none --namespace m --service-account u --role-arn arn:aws:iam::111122223333:role/pods",
    "eks list-pod-identity-associations --cluster-name one",
    "eks list-pod-identity-associations --cluster-name one --output text",
    "eks list-pod-identity-associations --cluster-name one --namespace n",
    "eks list-pod-identity-associations --cluster-name one --service-account t --query 'associations[].namespace'",
    "eks list-pod-identity-associations --cluster-name one --max-items 2",
    "eks list-pod-identity-associations --cluster-name one --page-size 1",
    "eks describe-pod-identity-association --cluster-name one --association-id a-0123456789abcdefg",
    "eks describe-pod-identity-association --cluster-name one --association-id a-0123456789abcdefg --output text",
    "eks describe-pod-identity-association --cluster-name one --association-id short",
    "eks describe-pod-identity-association --cluster-name one --association-id a-00000000000000000",
    "eks update-pod-identity-association --cluster-name one --association-id a-0123456789abcdefg --disable-session-tags",
    "eks tag-resource --resource-arn arn:aws:eks:us-west-2:111122223333:podidentityassociation/one/a-0123456789abcdefg --tags k=v",
    "eks untag-resource --resource-arn arn:aws:eks:us-west-2:111122223333:podidentityassociation/one/a-0123456789abcdefg --tag-keys k j",
    "eks list-tags-for-resource --resource-arn arn:aws:eks:us-west-2:111122223333:podidentityassociation/one/a-0123456789abcdefg",
    "eks delete-pod-identity-association --cluster-name one --association-id a-0123456789abcdefg",
    "eks delete-pod-identity-association --cluster-name one --association-id a-0123456789abcdefg",
    // IAM: reading
    "iam get-role --role-name pods",
    "iam get-role --role-name pods --output text",
    "iam get-role --query Role.AssumeRolePolicyDocument --role-name pods",
    "iam get-role --role-name none",
    "iam list-roles",
    "iam list-roles --output text",
    "iam list-roles --max-items 1",
    "iam list-roles --page-size 1 --query Roles[].RoleName",
    "iam list-roles --page-size 1 --query Roles[].RoleName --output text",
    "iam list-roles --no-paginate --max-items 1",
    "iam list-roles --path-prefix /none/",
    "iam list-role-tags --role-name pods",
    "iam list-attached-role-policies --role-name pods",
    "iam list-attached-role-policies --role-name none",
    "iam list-role-policies --role-name pods",
    "iam get-role-policy --role-name pods --policy-name logs",
    "iam get-role-policy --role-name pods --policy-name none",
    "iam get-policy --policy-arn arn:aws:iam::111122223333:policy/table",
    "iam get-policy --policy-arn arn:aws:iam::111122223333:policy/none",
    "iam get-policy --policy-arn table",
    "iam get-policy-version --version-id v1 --policy-arn --query PolicyVersion.Document arn:aws:iam::111122223333:policy/table",
    "iam get-policy-version --version-id v1 --policy-arn arn:aws:iam::111122223333:policy/table",
    "iam get-policy-version --version-id v9 --policy-arn arn:aws:iam::111122223333:policy/table",
    "iam list-policies --scope Local",
    "iam list-policies --only-attached --query Policies[].PolicyName",
    "iam list-policy-versions --policy-arn arn:aws:iam::111122223333:policy/table",
    "iam list-policy-tags --policy-arn arn:aws:iam::111122223333:policy/table",
    "iam get-user --user-name ada",
    "iam list-users",
    // IAM: changing
    "iam create-role --role-name made --assume-role-policy-document file://trust.json --description 'a b' --tags Key=k,Value=v Key=l,Value=",
    "iam create-role --role-name made --assume-role-policy-document file://trust.json",
    "iam create-role --role-name bad --assume-role-policy-document nonsense",
    "iam get-role --role-name made",
    "iam tag-role --role-name made --tags Key=m,Value=n",
    "iam untag-role --role-name made --tag-keys k l",
    "iam list-role-tags --role-name made",
    "iam update-assume-role-policy --role-name made --policy-document '{\"Version\": \"2012-10-17\", \"Statement\": []}'",
    "iam put-role-policy --role-name made --policy-name p --policy-document file://trust.json",
    "iam get-role-policy --role-name made --policy-name p",
    "iam attach-role-policy --role-name made --policy-arn arn:aws:iam::111122223333:policy/table",
    "iam attach-role-policy --role-name made --policy-arn arn:aws:iam::111122223333:policy/none",
    "iam list-attached-role-policies --role-name made",
    "iam delete-role --role-name made",
    "iam detach-role-policy --role-name made --policy-arn arn:aws:iam::111122223333:policy/table",
    "iam delete-role-policy --role-name made --policy-name p",
    "iam delete-role --role-name made",
    "iam delete-role --role-name made",
    "iam create-policy --policy-name p --policy-document file://trust.json --tags Key=a,Value=b",
    "iam create-policy-version --policy-arn arn:aws:iam::111122223333:policy/p --policy-document file://trust.json --set-as-default",
    "iam list-policy-versions --policy-arn arn:aws:iam::111122223333:policy/p",
    "iam set-default-policy-version --policy-arn arn:aws:iam::111122223333:policy/p --version-id v1",
    "iam delete-policy-version --policy-arn arn:aws:iam::111122223333:policy/p --version-id v2",
    "iam tag-policy --policy-arn arn:aws:iam::111122223333:policy/p --tags Key=c,Value=d",
    "iam untag-policy --policy-arn arn:aws:iam::111122223333:policy/p --tag-keys a",
    "iam get-policy --policy-arn arn:aws:iam::111122223333:policy/p",
    "iam delete-policy --policy-arn arn:aws:iam::111122223333:policy/p",
    // STS
    "sts get-caller-identity",
    "sts get-caller-identity --output text",
    "sts get-caller-identity --query Account --output text",
    // Tables
    "sts get-caller-identity --output table",
    "iam get-role --role-name nodes --output table",
    "iam get-policy --policy-arn arn:aws:iam::111122223333:policy/table --output table",
    "iam list-attached-role-policies --role-name pods --output table",
    "iam list-users --output table",
    "iam get-policy-version --version-id v1 --policy-arn arn:aws:iam::111122223333:policy/table --output table",
    "iam list-roles --query Roles[].[RoleName,MaxSessionDuration] --output table",
    "iam list-roles --query Roles[].RoleName --output table",
    "iam list-roles --query Roles[0].RoleName --output table",
    "iam list-roles --query Roles[].{n:RoleName,p:Path} --output table",
    "eks list-clusters --output table",
    "eks describe-cluster --name one --output table",
    "eks describe-cluster --name one --query cluster.{v:version} --output table",
    "eks list-pod-identity-associations --cluster-name two --output table",
    // Mistakes
    "eks describe-cluster",
    "eks create-pod-identity-association --namespace x",
    "eks describe-cluster --name",
    "eks describe-cluster --name one extra --unknown 1",
    "eks list-clusters --max-items abc",
    "eks list-clusters --max-results abc",
    "eks list-clusters --max-results 0",
    "eks list-clusters --no-paginate --max-items 1",
    "eks create-pod-identity-association --cluster-name one --namespace n --service-account s --role-arn r --tags foo",
    "eks create-pod-identity-association --cluster-name one --namespace n --service-account s --role-arn r --tags a=b,a=c",
    "eks create-pod-identity-association --cluster-name one --namespace n --service-account s --role-arn r --disable-session-tags --no-disable-session-tags",
    "eks describe-cluster --name file://none.json",
    "eks describe-cluster --cli-input-json '{\"nam\": \"one\"}'",
    "iam get-role --role-name ''",
    "iam create-role --role-name x --assume-role-policy-document '{}' --tags Key=k",
    "iam create-role --role-name x --assume-role-policy-document '{}' --tags k=v",
    "iam update-role --role-name pods --max-session-duration 10",
    "eks list-clusters --profile nope",
];

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

#[derive(Debug, PartialEq, Eq)]
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

/// The CLI's binary, if there is one that works.
fn cli() -> Option<PathBuf> {
    let named = std::env::var_os("LECTERN_AWS_CLI").map_or_else(|| PathBuf::from("aws"), PathBuf::from);
    #[expect(clippy::disallowed_methods, reason = "the real CLI is the measure")]
    let version = std::process::Command::new(&named).arg("--version").output().ok()?;
    (version.status.success() && version.stdout.starts_with(b"aws-cli/1")).then_some(named)
}

fn theirs(cli: &Path, folder: &Path, port: u16, args: &[String]) -> Ran {
    #[expect(clippy::disallowed_methods, reason = "the real CLI is the measure")]
    let mut command = std::process::Command::new(cli);
    let output = command
        .args(args)
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
        .output()
        .unwrap();
    Ran {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
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

/// Takes out what is made up anew on each side: ids, and the moments of now.
fn without_chance(text: &str, today: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, replacement) in [
        (r"a-[a-z0-9]{17}", "a-ID"),
        (r"\b(AROA|ANPA|AIDA)[A-Z2-7]{17}\b", "$1ID"),
        (r"2026-03-04T06:\d\d:\d\d(\.\d{6})?\+01:00", today),
        (r"2026-03-04T05:\d\d:\d\d\+00:00", today),
        // What a scenario gives no date was made a day before the session began.
        (r"2026-03-03T06:06:\d\d\.\d{6}\+01:00", "YESTERDAY"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, replacement).into_owned();
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

#[test]
fn the_real_cli_and_ours_say_the_same() {
    let Some(cli) = cli() else {
        println!("skipped: no AWS CLI 1 (set LECTERN_AWS_CLI to its binary; pip install awscli gives one)");
        return;
    };
    let clock = Clock::starting_at(1.0, "2026-03-04T05:06:07.089Z".parse().unwrap(), Duration::ZERO);
    let runtime = session_runtime(&clock).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("config", "[default]\ncli_timestamp_format = iso8601\n");
    write("name.json", "{\"name\": \"one\"}");
    write(
        "trust.json",
        r#"{"Version": "2012-10-17", "Statement": [{"Sid": "Über", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}]}"#,
    );
    let mut different = Vec::new();
    runtime.block_on(async {
        let scenario = Scenario { aws: seed(), ..Scenario::default() };
        let served = Sandbox::start(&scenario, &clock).await.unwrap();
        let port = serve(served.aws().clone()).await;
        let target = Arc::new(Target::sandbox(Sandbox::start(&scenario, &clock).await.unwrap(), clock.clone()));
        // EKS changes nothing that IAM's commands see, and the other way round: one process for each at a time.
        let compare = async |eks: bool| {
            let mut found = Vec::new();
            let only = std::env::var("LECTERN_PARITY_ONLY").unwrap_or_default();
            let lines = COMMANDS.iter().filter(|line| line.starts_with("eks") == eks && line.contains(&only));
            for line in lines {
                let args = words(line);
                let (their_cli, their_folder, their_args) = (cli.clone(), folder.path().to_owned(), args.clone());
                let real = tokio::task::spawn_blocking(move || theirs(&their_cli, &their_folder, port, &their_args));
                let real = real.await.unwrap();
                let native = ours(&target, &clock, folder.path(), &args).await;
                let mut problems = String::new();
                let (a, b) = (without_chance(&real.stdout, "NOW"), without_chance(&native.stdout, "NOW"));
                if a != b {
                    problems += &format!("  stdout theirs:\n{a}\n  ours:\n{b}\n");
                }
                let (a, b) = (as_version_2(&real.stderr), as_version_2(&native.stderr));
                let (a, b) = (without_chance(&a, "NOW"), without_chance(&b, "NOW"));
                if a != b {
                    problems += &format!("  stderr theirs:\n{a}\n  ours:\n{b}\n");
                }
                if !statuses_agree(real.status, native.status) {
                    problems += &format!("  status theirs {} ours {}\n", real.status, native.status);
                }
                if !problems.is_empty() {
                    found.push(format!("aws {line}\n{problems}"));
                }
            }
            found
        };
        let (eks, others) = tokio::join!(compare(true), compare(false));
        different.extend(eks.into_iter().chain(others));
    });
    println!("{} of {} command lines agree", COMMANDS.len() - different.len(), COMMANDS.len());
    // Releases of the real CLI differ among themselves in a word here and there.
    assert!(different.len() * 50 <= COMMANDS.len(), "{}", different.join("\n"));
    print!("{}", different.join("\n"));
}
