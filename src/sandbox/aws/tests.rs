//! The account as the cluster and the session see it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Aws, CloudIdentity, Seed};
use crate::clock::Clock;

const ACCOUNT: &str = "889914021345";
const TABLE: &str = "arn:aws:dynamodb:us-west-2:889914021345:table/t";

fn clock() -> Clock {
    Clock::starting_at(1.0, "2026-03-04T05:06:07Z".parse().unwrap(), Duration::ZERO)
}

fn statement(effect: &str, action: &str, resource: &str) -> Value {
    json!({"Effect": effect, "Action": action, "Resource": resource})
}

fn trust(actions: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": actions}]})
}

/// An account whose role `pods` has that trust policy and those statements, and an association of `n/s` with it.
fn seed(trust: &Value, statements: &[Value]) -> Seed {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/pods");
    serde_json::from_value(json!({
        "account": ACCOUNT, "region": "us-west-2",
        "clusters": [{"name": "one", "version": "1.36",
            "associations": [{"namespace": "n", "service_account": "s", "role_arn": role}]}],
        "policies": [{"name": "p", "document": {"Version": "2012-10-17", "Statement": statements}}],
        "roles": [{"name": "pods", "trust": trust, "attached": [format!("arn:aws:iam::{ACCOUNT}:policy/p")]}],
    }))
    .unwrap()
}

#[tokio::test]
async fn a_pod_may_what_its_roles_policies_allow() {
    let both = json!(["sts:AssumeRole", "sts:TagSession"]);
    let allow = statement("Allow", "dynamodb:*", TABLE);
    for (trust_policy, statements, expected) in [
        (trust(&both), vec![allow.clone()], Ok(())),
        (trust(&json!("sts:AssumeRole")), vec![allow.clone()], Err("sts:AssumeRole")),
        (trust(&both), vec![], Err("no identity-based policy allows")),
        (
            trust(&both),
            vec![statement("Allow", "dynamodb:*", "arn:aws:dynamodb:*:*:table/u")],
            Err("no identity-based policy allows"),
        ),
        (trust(&both), vec![allow.clone(), statement("Deny", "dynamodb:Describe*", "*")], Err("explicit deny")),
        (
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": both, "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "other"}}}]}),
            vec![allow.clone()],
            Err("sts:AssumeRole"),
        ),
        (
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": both}]}),
            vec![allow.clone()],
            Err("sts:AssumeRole"),
        ),
    ] {
        let aws = Aws::start(&seed(&trust_policy, &statements), &clock()).await.unwrap();
        let answer = aws.allowed("one", "n", "s", "dynamodb:DescribeTable", TABLE);
        match expected {
            Ok(()) => assert_eq!(answer, Ok(())),
            Err(part) => assert!(answer.as_ref().is_err_and(|words| words.contains(part)), "{answer:?} {part}"),
        }
        assert!(
            aws.allowed("one", "n", "other", "dynamodb:DescribeTable", TABLE)
                .unwrap_err()
                .contains("no pod identity association")
        );
        assert_eq!(aws.association("one", "n", "s").as_deref(), Some("arn:aws:iam::889914021345:role/pods"));
        assert_eq!(aws.association("two", "n", "s"), None);
    }
}

#[tokio::test]
async fn a_snapshot_brings_everything_back() {
    let seed = seed(&trust(&json!("*")), &[]);
    let aws = Aws::start(&seed, &clock()).await.unwrap();
    let before = aws.snapshot().await.unwrap();
    aws.inner.eks.associations.replace(Vec::new());
    let form = "Action=CreateRole&RoleName=r&AssumeRolePolicyDocument=%7B%7D&Version=2010-05-08";
    let request = http::Request::builder()
        .method("POST")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=A/20260304/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0",
        )
        .body(bytes::Bytes::from_static(form.as_bytes()))
        .unwrap();
    assert_eq!(aws.call(request.clone()).await.status(), 200);
    let after = aws.snapshot().await.unwrap();
    assert_ne!(before, after);
    let text = serde_json::to_string(&before).unwrap();
    let fresh = Aws::start(&Seed { account: ACCOUNT.into(), ..Seed::default() }, &clock()).await.unwrap();
    for account in [&aws, &fresh] {
        account.restore(&serde_json::from_str(&text).unwrap()).await.unwrap();
        assert_eq!(account.snapshot().await.unwrap(), before);
        assert!(account.association("one", "n", "s").is_some());
    }
    assert_eq!(aws.call(request).await.status(), 200, "the role is gone, so it can be made again");
}

#[tokio::test]
async fn what_has_nothing_behind_it_says_so() {
    let aws = Aws::start(&Seed::default(), &clock()).await.unwrap();
    for (service, body, uri, method) in [
        ("iam", "Action=CreateServiceLinkedRole", "https://iam.amazonaws.com/", "POST"),
        ("sts", "Action=AssumeRole", "https://sts.us-west-2.amazonaws.com/", "POST"),
        ("eks", "{}", "https://eks.us-west-2.amazonaws.com/clusters", "POST"),
        ("dynamodb", "{}", "https://dynamodb.us-west-2.amazonaws.com/", "POST"),
    ] {
        let request = http::Request::builder()
            .method(method)
            .uri(uri)
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential=A/20260304/us-west-2/{service}/aws4_request, SignedHeaders=host, Signature=0"))
            .body(bytes::Bytes::from_static(body.as_bytes()))
            .unwrap();
        let response = aws.call(request).await;
        assert_eq!(response.status(), 501, "{service}");
        let said = format!("{:?}{}", response.headers(), String::from_utf8_lossy(response.body()));
        assert!(said.contains("NotImplemented") && said.contains(&format!("{service}:")), "{said}");
    }
    let unsigned = http::Request::builder().body(bytes::Bytes::new()).unwrap();
    assert_eq!(aws.call(unsigned).await.status(), 403);
}
