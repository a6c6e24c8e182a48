//! In the sandbox nothing of the person's AWS configuration is used, whatever it says; live, what would start a program
//! is refused unless it was allowed by name. The program itself is run, with variables and files that would give themselves away.

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

/// A configuration that contacts `port` or leaves a mark in `home` when anybody follows it.
fn hostile(home: &Path, port: u16) -> Vec<(String, String)> {
    let mark = home.join("mark");
    let aws = home.join(".aws");
    std::fs::create_dir_all(&aws).unwrap();
    let config = format!(
        "[default]\nregion = eu-central-1\nendpoint_url = http://127.0.0.1:{port}\ncredential_process = /bin/sh -c \"echo x > {}\"\n",
        mark.display()
    );
    std::fs::write(aws.join("config"), config).unwrap();
    let url = format!("http://127.0.0.1:{port}");
    [
        ("HOME", home.display().to_string()),
        ("AWS_ENDPOINT_URL", url.clone()),
        ("AWS_ENDPOINT_URL_EKS", url.clone()),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.clone()),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.clone()),
        ("HTTP_PROXY", url.clone()),
        ("HTTPS_PROXY", url),
        ("AWS_REGION", "eu-central-1".into()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn lectern(env: &[(String, String)], args: &[&str]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the program as its users run it")]
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lectern"));
    command.args(args).env_clear().envs(env.iter().map(|(name, value)| (name, value))).output().unwrap()
}

#[test]
fn the_sandbox_follows_nothing_of_the_persons_configuration() {
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let env = hostile(home.path(), listener.local_addr().unwrap().port());
    let ran =
        lectern(&env, &["sh", "-c", "aws eks list-clusters && aws sts get-caller-identity && aws iam list-roles"]);
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("eks-workshop-auto"), "{stdout}");
    assert!(listener.accept().is_err(), "something was contacted");
    assert!(!home.path().join("mark").exists(), "a program was started");
}

#[test]
fn keys_that_the_sandbox_gave_are_the_shells_to_use() {
    let trust = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}"#;
    let script = format!(
        "account=$(aws sts get-caller-identity --query Account --output text)\n\
         aws iam create-role --role-name taken --assume-role-policy-document '{trust}' --query Role.RoleName\n\
         set -- $(aws sts assume-role --role-arn arn:aws:iam::$account:role/taken --role-session-name me \\\n\
           --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)\n\
         export AWS_ACCESS_KEY_ID=$1 AWS_SECRET_ACCESS_KEY=$2 AWS_SESSION_TOKEN=$3\n\
         aws sts get-caller-identity --query Arn --output text\n\
         aws eks list-clusters\n"
    );
    let ran = lectern(&[], &["sh", "-c", &script]);
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(stdout.ends_with(":assumed-role/taken/me\n"), "{stdout}{stderr}");
    assert!(stderr.contains("(AccessDeniedException) when calling the ListClusters operation"), "{stderr}");
    assert_eq!(ran.status.code(), Some(254));
}

#[test]
fn live_refuses_a_program_for_credentials() {
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let env = hostile(home.path(), listener.local_addr().unwrap().port());
    let ran = lectern(&env, &["sh", "--target", "live", "-c", "aws eks list-clusters"]);
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success() && stderr.contains("credential_process"), "{stderr}");
    assert!(listener.accept().is_err(), "something was contacted");
    assert!(!home.path().join("mark").exists(), "a program was started");
}

/// Answers one request with a list of clusters; gives back what was asked.
fn answer_once(listener: TcpListener) -> std::thread::JoinHandle<String> {
    use std::io::{Read, Write};
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut chunk = [0; 1024];
        while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
            let length = stream.read(&mut chunk).unwrap();
            asked.extend_from_slice(&chunk[..length]);
        }
        let body = r#"{"clusters":["live"]}"#;
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        String::from_utf8_lossy(&asked).into_owned()
    })
}

#[test]
fn live_follows_the_persons_own_endpoint_region_and_keys() {
    for by_option in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut env: Vec<(String, String)> = [
            ("HOME", home.path().to_str().unwrap()),
            ("AWS_ACCESS_KEY_ID", "AKIALIVE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "eu-central-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let mut line = "aws eks list-clusters --query clusters[0]".to_owned();
        if by_option {
            line += &format!(" --endpoint-url {url}");
        } else {
            env.push(("AWS_ENDPOINT_URL".into(), url));
        }
        let asked = answer_once(listener);
        let ran = lectern(&env, &["sh", "--target", "live", "-c", &line]);
        assert_eq!(String::from_utf8_lossy(&ran.stdout), "\"live\"\n", "{}", String::from_utf8_lossy(&ran.stderr));
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("GET /clusters"), "{asked}");
        assert!(asked.contains("Credential=AKIALIVE/") && asked.contains("/eu-central-1/eks/"), "{asked}");
    }
}

/// A program of the test's own in a folder that PATH names; answers PATH.
fn program(home: &Path, name: &str, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let folder = home.join("programs");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", folder.display())
}

#[test]
fn a_program_for_credentials_runs_when_it_is_allowed() {
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let keys = r#"echo '{"Version": 1, "AccessKeyId": "AKIAPROGRAM", "SecretAccessKey": "s"}'"#;
    let path = program(home.path(), "get-keys", keys);
    let aws = home.path().join(".aws");
    std::fs::create_dir_all(&aws).unwrap();
    std::fs::write(aws.join("config"), "[default]\nregion = eu-central-1\ncredential_process = get-keys now\n")
        .unwrap();
    let env = [("HOME", home.path().display().to_string()), ("PATH", path), ("AWS_ENDPOINT_URL", url)];
    let env: Vec<_> = env.map(|(name, value)| (name.to_owned(), value)).into();
    let line = "aws eks list-clusters --query clusters[0] --output text";
    let ran = lectern(&env, &["sh", "--target", "live", "-c", line]);
    assert_eq!(ran.status.code(), Some(3), "{}", String::from_utf8_lossy(&ran.stderr));
    let answer = answer_once(listener);
    let ran = lectern(&env, &["sh", "--target", "live", "--allow", "get-keys", "-c", line]);
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "live\n", "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(answer.join().unwrap().contains("Credential=AKIAPROGRAM/"));
}
