//! What goes wrong on the way to a service: the CLI's words and exit statuses. Each service is a tiny server of the
//! test's own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A server that answers each request alike, and counts them.
struct Server {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn start(status: &'static str, headers: &'static str, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let count = Arc::clone(&count);
                std::thread::spawn(move || answer(stream.unwrap(), status, headers, body, &count));
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, status: &str, headers: &str, body: &str, asked: &AtomicUsize) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(length) => request.extend_from_slice(&chunk[..length]),
        }
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some((head, sent)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        if sent.len() < length.unwrap_or(0) {
            continue;
        }
        asked.fetch_add(1, Ordering::SeqCst);
        let answer =
            format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let _ = stream.write_all(answer.as_bytes());
        return;
    }
}

struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

/// Runs a line on a live target that is that port, with these variables besides.
fn run(port: u16, env: &[(&str, &str)], line: &str) -> Ran {
    let home = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the program as its users run it")]
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lectern"));
    let ran = command
        .args(["sh", "--target", "live", "-c", line])
        .env_clear()
        .env("HOME", home.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .envs(env.iter().copied())
        .output()
        .unwrap();
    Ran {
        status: ran.status.code().unwrap_or(-1),
        stdout: String::from_utf8(ran.stdout).unwrap(),
        stderr: String::from_utf8(ran.stderr).unwrap(),
    }
}

const KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "hidden-secret"), ("AWS_REGION", "us-west-2")];

fn xml(code: &str, message: &str) -> &'static str {
    let text = format!(
        "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    );
    Box::leak(text.into_boxed_str())
}

#[test]
fn throttling_is_told_with_its_retries() {
    let eks = Server::start(
        "429 Too Many Requests",
        "x-amzn-errortype: ThrottlingException\r\n",
        r#"{"message":"Rate exceeded"}"#,
    );
    let ran = run(eks.port, &KEYS, "aws eks list-clusters");
    let words = "An error occurred (ThrottlingException) when calling the ListClusters operation (reached max retries: 2): Rate exceeded";
    assert_eq!((ran.status, ran.stderr.trim()), (254, words));
    assert_eq!(eks.asked(), 3);
    let iam = Server::start("400 Bad Request", "", xml("Throttling", "Rate exceeded"));
    let ran = run(iam.port, &[&KEYS[..], &[("AWS_MAX_ATTEMPTS", "2")]].concat(), "aws iam list-roles");
    let words =
        "An error occurred (Throttling) when calling the ListRoles operation (reached max retries: 1): Rate exceeded";
    assert_eq!((ran.status, ran.stderr.trim()), (254, words));
    assert_eq!(iam.asked(), 2);
}

#[test]
fn what_a_service_refuses_once_is_told_once() {
    for (header, body, line, words) in [
        (
            "x-amzn-errortype: InvalidSignatureException\r\n",
            r#"{"message":"Signature expired: 20200101T000000Z is now earlier than 20260101T000000Z"}"#,
            "aws eks list-clusters",
            "An error occurred (InvalidSignatureException) when calling the ListClusters operation: Signature expired: 20200101T000000Z is now earlier than 20260101T000000Z",
        ),
        (
            "x-amzn-errortype: ExpiredTokenException\r\n",
            r#"{"message":"The security token included in the request is expired"}"#,
            "aws eks describe-cluster --name c",
            "An error occurred (ExpiredTokenException) when calling the DescribeCluster operation: The security token included in the request is expired",
        ),
        (
            "",
            xml("ExpiredToken", "The security token included in the request is expired"),
            "aws sts get-caller-identity",
            "An error occurred (ExpiredToken) when calling the GetCallerIdentity operation: The security token included in the request is expired",
        ),
        (
            "",
            xml("InvalidClientTokenId", "The security token included in the request is invalid."),
            "aws iam get-user",
            "An error occurred (InvalidClientTokenId) when calling the GetUser operation: The security token included in the request is invalid.",
        ),
    ] {
        let server = Server::start("403 Forbidden", header, body);
        let ran = run(server.port, &KEYS, line);
        assert_eq!((ran.status, ran.stderr.trim()), (254, words), "{line}");
        assert_eq!((ran.stdout.as_str(), server.asked()), ("", 1), "{line}");
    }
}

#[test]
fn what_is_missing_before_a_call_is_told() {
    let server = Server::start("200 OK", "", r#"{"clusters":[]}"#);
    let ran = run(server.port, &[("AWS_REGION", "us-west-2")], "aws eks list-clusters");
    let words = "Unable to locate credentials. You can configure credentials by running \"aws configure\".";
    assert_eq!((ran.status, ran.stderr.trim()), (253, words));
    let ran = run(server.port, &KEYS[..2], "aws eks list-clusters");
    let words = "You must specify a region. You can also configure your region by running \"aws configure\".";
    assert_eq!((ran.status, ran.stderr.trim()), (253, words));
    let ran = run(server.port, &KEYS, "aws eks list-clusters --profile nonesuch");
    assert_eq!((ran.status, ran.stderr.trim()), (255, "The config profile (nonesuch) could not be found"));
    assert_eq!(server.asked(), 0);
    // IAM and STS answer for all regions.
    let body = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let server = Server::start("200 OK", "Content-Type: text/xml\r\n", body);
    let ran = run(server.port, &KEYS[..2], "aws sts get-caller-identity --query Account");
    assert_eq!((ran.status, ran.stdout.as_str(), server.asked()), (0, "\"1\"\n", 1), "{}", ran.stderr);
}

#[test]
fn an_endpoint_that_does_not_answer_is_named() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let once = [&KEYS[..], &[("AWS_MAX_ATTEMPTS", "1")]].concat();
    let ran = run(port, &once, "aws eks describe-cluster --name c");
    let words = format!("Could not connect to the endpoint URL: \"http://127.0.0.1:{port}/clusters/c\"");
    assert_eq!((ran.status, ran.stderr.trim()), (255, words.as_str()));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let ran = run(port, &once, "aws eks list-clusters --cli-read-timeout 1");
    let words = format!("Read timeout on endpoint URL: \"http://127.0.0.1:{port}/clusters\"");
    assert_eq!((ran.status, ran.stderr.trim()), (255, words.as_str()));
    let broken = Server::start("200 OK", "", "<html>");
    let ran = run(broken.port, &once, "aws eks list-clusters");
    assert_eq!(ran.status, 255);
    assert!(ran.stderr.trim().starts_with("Unable to parse response ("), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    let gateway = Server::start("502 Bad Gateway", "", "<html>");
    let ran = run(gateway.port, &once, "aws eks list-clusters");
    let words = "An error occurred (502) when calling the ListClusters operation: Bad Gateway";
    assert_eq!((ran.status, ran.stderr.trim()), (254, words));
}

#[test]
fn debug_shows_the_call_and_no_secret() {
    let server = Server::start("200 OK", "x-amzn-requestid: the-id\r\n", r#"{"clusters":["c"]}"#);
    let keys = [&KEYS[..], &[("AWS_SESSION_TOKEN", "hidden-token")]].concat();
    let ran = run(server.port, &keys, "aws --debug eks list-clusters --output text");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "CLUSTERS\tc\n"), "{}", ran.stderr);
    let url = format!("ListClusters, attempt 1: GET http://127.0.0.1:{}/clusters", server.port);
    for part in [url.as_str(), "authorization: ****", "x-amz-security-token: ****", "answered 200", "the-id"] {
        assert!(ran.stderr.contains(part), "{part} in {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("hidden") && !ran.stderr.contains("AKIAEXAMPLE"), "{}", ran.stderr);
    let body =
        "<CreateLoginProfileResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"></CreateLoginProfileResponse>";
    let server = Server::start("200 OK", "Content-Type: text/xml\r\n", body);
    let line = "aws iam create-login-profile --user-name ada --password hidden-password --debug";
    let ran = run(server.port, &KEYS, line);
    assert!(ran.stderr.contains("UserName=ada") && !ran.stderr.contains("hidden"), "{}", ran.stderr);
}

#[test]
fn services_that_are_elsewhere_are_named_and_unknown_words_are_usage() {
    for (line, words) in [
        ("aws ec2 describe-instances", "lectern has no ec2 natively"),
        ("aws s3 ls", "lectern has no s3 natively"),
        ("aws configure list", "lectern has no configure natively"),
        ("aws nonesuch list", "argument command: Invalid choice, valid choices are:"),
        ("aws dynamodbb list", "Invalid choice: 'dynamodbb', maybe you meant:\n\n  * dynamodb"),
        ("aws eks nonesuch", "argument operation: Invalid choice, valid choices are:"),
    ] {
        let ran = run(1, &KEYS, line);
        assert_eq!((ran.status, ran.stdout.as_str()), (252, ""), "{line}");
        assert!(ran.stderr.contains(words), "{line}: {}", ran.stderr);
    }
}

#[test]
fn whole_inputs_and_skeletons_go_together() {
    let server = Server::start("200 OK", "", r#"{"cluster":{"name":"c"}}"#);
    let ran = run(server.port, &KEYS, "aws eks describe-cluster --cli-input-yaml 'name: c' --query cluster.name");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "\"c\"\n"), "{}", ran.stderr);
    let both = "aws eks describe-cluster --cli-input-yaml 'name: c' --cli-input-json '{}'";
    let ran = run(server.port, &KEYS, both);
    let words = "Only one --cli-input- parameter may be specified.";
    assert_eq!((ran.status, ran.stderr.trim()), (252, words));
    let ran = run(server.port, &KEYS, "aws eks describe-cluster --cli-input-yaml '- a'");
    assert_eq!(ran.status, 252);
    assert!(ran.stderr.contains("Invalid type: expecting map, received <class 'list'>"), "{}", ran.stderr);
    assert_eq!(server.asked(), 1);
    let ran = run(server.port, &KEYS, "aws eks describe-cluster --generate-cli-skeleton yaml-input");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "name: '' # [REQUIRED]\n"));
    for line in ["aws help", "aws eks help", "aws iam create-role help", "aws eks wait help"] {
        let ran = run(server.port, &KEYS, line);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{line}");
        assert!(ran.stdout.starts_with("NAME\n  aws"), "{line}: {}", ran.stdout);
    }
    assert_eq!(server.asked(), 1);
}
