//! The account as the cluster and the session see it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Aws, CloudIdentity, Seed, WebIdentity};
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
    let document = super::wire::percent_encode(&trust(&json!("*")).to_string());
    let form = format!("Action=CreateRole&RoleName=r&AssumeRolePolicyDocument={document}&Version=2010-05-08");
    let request = request("A", "iam", "POST", "/", &form);
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

/// A request that this key signed.
fn request(key: &str, service: &str, method: &str, path: &str, body: &str) -> super::WireRequest {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260304/us-west-2/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    http::Request::builder()
        .method(method)
        .uri(format!("https://{service}.us-west-2.amazonaws.com{path}"))
        .header("authorization", scope)
        .body(body.to_owned().into())
        .unwrap()
}

/// Status, and what the answer says: its error's code and its body.
async fn ask(aws: &Aws, key: &str, service: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let response = aws.call(request(key, service, method, path, body)).await;
    let code = response.headers().get("x-amzn-errortype").map(|code| code.to_str().unwrap()).unwrap_or_default();
    (response.status().as_u16(), format!("{code} {}", String::from_utf8_lossy(response.body())))
}

async fn eks(aws: &Aws, method: &str, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let response = aws.call(request("A", "eks", method, path, &body)).await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

/// The text between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map(|(inner, _)| inner).unwrap_or_default()
}

/// What the sandbox has nothing behind. Its list is README's of what the sandbox does not do; an operation leaves it only
/// with state of its own.
#[tokio::test]
async fn what_has_nothing_behind_it_says_so() {
    let aws = Aws::start(&seed(&trust(&json!("*")), &[]), &clock()).await.unwrap();
    let eks = [
        ("GET", "/cluster-versions", "DescribeClusterVersions"),
        ("GET", "/addons/configuration-schemas", "DescribeAddonConfiguration"),
        ("POST", "/clusters/one/updates/x/cancel-update", "CancelUpdate"),
        ("POST", "/clusters/one/insights", "ListInsights"),
        ("GET", "/clusters/one/insights/x", "DescribeInsight"),
        ("GET", "/clusters/one/insights-refresh", "DescribeInsightsRefresh"),
        ("POST", "/clusters/one/insights-refresh", "StartInsightsRefresh"),
        ("GET", "/clusters/one/capabilities", "ListCapabilities"),
        ("POST", "/clusters/one/capabilities", "CreateCapability"),
        ("GET", "/clusters/one/capabilities/x", "DescribeCapability"),
        ("POST", "/clusters/one/capabilities/x", "UpdateCapability"),
        ("DELETE", "/clusters/one/capabilities/x", "DeleteCapability"),
        ("GET", "/clusters/one/certificate-authorities", "ListCertificateAuthorities"),
        ("POST", "/clusters/one/certificate-authorities", "CreateCertificateAuthority"),
        ("GET", "/clusters/one/certificate-authorities/x", "DescribeCertificateAuthority"),
        ("DELETE", "/clusters/one/certificate-authorities/x", "DeleteCertificateAuthority"),
        ("POST", "/clusters/one/certificate-authorities/x/activate", "ActivateCertificateAuthority"),
        ("GET", "/eks-anywhere-subscriptions", "ListEksAnywhereSubscriptions"),
        ("POST", "/eks-anywhere-subscriptions", "CreateEksAnywhereSubscription"),
        ("GET", "/eks-anywhere-subscriptions/x", "DescribeEksAnywhereSubscription"),
        ("POST", "/eks-anywhere-subscriptions/x", "UpdateEksAnywhereSubscription"),
        ("DELETE", "/eks-anywhere-subscriptions/x", "DeleteEksAnywhereSubscription"),
        ("POST", "/cluster-registrations", "RegisterCluster"),
        ("DELETE", "/cluster-registrations/x", "DeregisterCluster"),
    ];
    for (method, path, name) in eks {
        let (status, said) = ask(&aws, "A", "eks", method, path, "").await;
        assert_eq!(status, 501, "{name}: {said}");
        assert!(said.contains("NotImplemented") && said.contains(&format!("eks:{name}\"")), "{said}");
    }
    let sts = ["AssumeRoleWithSAML", "AssumeRoot", "GetFederationToken"];
    for name in sts {
        let (status, said) = ask(&aws, "A", "sts", "POST", "/", &format!("Action={name}")).await;
        assert_eq!(status, 501, "{name}: {said}");
        assert!(said.contains("NotImplemented") && said.contains(&format!("sts:{name}<")), "{said}");
    }
    let (status, _) = ask(&aws, "A", "dynamodb", "POST", "/", "{}").await;
    assert_eq!(status, 501);
    let unsigned = http::Request::builder().body(bytes::Bytes::new()).unwrap();
    assert_eq!(aws.call(unsigned).await.status(), 403);
}

/// Every operation of IAM's model, asked with nothing, in an account with nothing: only those succeed that list or count
/// what there is. All others say what is wrong, or that nothing is behind them.
#[tokio::test]
async fn iam_never_succeeds_for_nothing() {
    const TELL: &[&str] = &[
        "GetAccountSummary",
        "ListAccountAliases",
        "ListGroups",
        "ListInstanceProfiles",
        "ListOpenIDConnectProviders",
        "ListPolicies",
        "ListRoles",
        "ListUsers",
        // Takes its defaults, and they are kept.
        "UpdateAccountPasswordPolicy",
        // Nothing to take away is no error.
        "DeleteOpenIDConnectProvider",
        "SimulateCustomPolicy",
    ];
    let model: Value = serde_json::from_str(include_str!("../../../assets/aws/iam.json")).unwrap();
    let aws = Aws::start(&Seed::default(), &clock()).await.unwrap();
    let mut absent = 0;
    for name in model["operations"].as_object().unwrap().keys() {
        let (status, said) = ask(&aws, "A", "iam", "POST", "/", &format!("Action={name}&Version=2010-05-08")).await;
        assert!(status != 200 || TELL.contains(&name.as_str()), "{name}: {said}");
        assert_ne!(status, 500, "{name}: {said}");
        if status == 501 {
            assert!(said.contains(&format!("iam:{name}")), "{name}: {said}");
            absent += 1;
        }
    }
    // What lessons on clusters need works: roles, policies, users, groups, instance profiles, OIDC providers, the simulator.
    assert!((60..=95).contains(&absent), "{absent}");
}

#[tokio::test]
async fn what_takes_time_in_aws_takes_time() {
    let clock = clock();
    let mut seed = seed(&trust(&json!("*")), &[]);
    let role = |service: &str| json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]});
    seed.roles.push(serde_json::from_value(json!({"name": "nodes", "trust": role("ec2.amazonaws.com")})).unwrap());
    let aws = Aws::start(&seed, &clock).await.unwrap();
    let pass = |seconds| clock.advance_to(clock.elapsed() + Duration::from_secs(seconds));
    let node_role = format!("arn:aws:iam::{ACCOUNT}:role/nodes");
    let group = json!({"nodegroupName": "g", "subnets": ["s"], "nodeRole": node_role, "clientRequestToken": "t"});
    let path = "/clusters/one/node-groups";
    let (status, made) = eks(&aws, "POST", path, group.clone()).await;
    assert_eq!((status, &made["nodegroup"]["status"]), (200, &json!("CREATING")), "{made}");
    // The same token is the same call once more; another one is another call.
    let (status, again) = eks(&aws, "POST", path, group.clone()).await;
    assert_eq!((status, &again), (200, &made));
    let mut other = group;
    other["clientRequestToken"] = json!("u");
    assert_eq!(eks(&aws, "POST", path, other).await.0, 409);
    let one = "/clusters/one/node-groups/g";
    let sizes = json!({"scalingConfig": {"minSize": 1, "maxSize": 5, "desiredSize": 4}});
    let update = format!("{one}/update-config");
    assert_eq!(eks(&aws, "POST", &update, sizes.clone()).await.0, 409, "not while it is made");
    pass(130);
    assert_eq!(eks(&aws, "GET", one, Value::Null).await.1["nodegroup"]["status"], "ACTIVE");
    let (status, begun) = eks(&aws, "POST", &update, sizes).await;
    assert_eq!((status, &begun["update"]["status"]), (200, &json!("InProgress")), "{begun}");
    let shown = eks(&aws, "GET", one, Value::Null).await.1;
    assert_eq!(shown["nodegroup"]["scalingConfig"]["desiredSize"], 2, "not before it is done");
    // A snapshot in between goes on from there.
    let snapshot = aws.snapshot().await.unwrap();
    pass(70);
    for _ in 0..2 {
        let shown = eks(&aws, "GET", one, Value::Null).await.1;
        assert_eq!(shown["nodegroup"]["scalingConfig"]["desiredSize"], 4);
        let id = begun["update"]["id"].as_str().unwrap();
        let update = format!("/clusters/one/updates/{id}?nodegroupName=g");
        assert_eq!(eks(&aws, "GET", &update, Value::Null).await.1["update"]["status"], "Successful");
        aws.restore(&snapshot).await.unwrap();
    }
    assert_eq!(eks(&aws, "DELETE", "/clusters/one", Value::Null).await.0, 409);
    assert_eq!(eks(&aws, "DELETE", one, Value::Null).await.1["nodegroup"]["status"], "DELETING");
    pass(130);
    assert_eq!(eks(&aws, "GET", one, Value::Null).await.0, 404);
    assert_eq!(eks(&aws, "DELETE", "/clusters/one", Value::Null).await.0, 200);
    assert_eq!(aws.association("one", "n", "s"), None, "associations go with their cluster");
    pass(200);
    assert!(aws.clusters().is_empty());
}

#[tokio::test]
async fn keys_of_a_role_are_its_own_until_they_expire() {
    let clock = clock();
    let root = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "sts:AssumeRole"}]});
    let mut seed = seed(&root, &[statement("Allow", "eks:ListClusters", "*")]);
    seed.principal =
        serde_json::from_value(json!({"arn": format!("arn:aws:iam::{ACCOUNT}:user/me"), "user_id": "AIDA"})).unwrap();
    let aws = Aws::start(&seed, &clock).await.unwrap();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/pods");
    let form = format!("Action=AssumeRole&RoleSessionName=me&DurationSeconds=900&RoleArn={role}");
    let (status, said) = ask(&aws, "A", "sts", "POST", "/", &form).await;
    assert_eq!(status, 200, "{said}");
    let key = between(&said, "<AccessKeyId>", "<").to_owned();
    assert!(aws.gave_key(&key) && !aws.gave_key("A"));
    let identity = "Action=GetCallerIdentity";
    let (_, said) = ask(&aws, &key, "sts", "POST", "/", identity).await;
    assert!(said.contains(&format!("arn:aws:sts::{ACCOUNT}:assumed-role/pods/me")), "{said}");
    assert_eq!(ask(&aws, &key, "eks", "GET", "/clusters", "").await.0, 200);
    let (status, said) = ask(&aws, &key, "eks", "GET", "/clusters/one", "").await;
    assert!(status == 403 && said.contains("AccessDeniedException"), "{said}");
    let snapshot = aws.snapshot().await.unwrap();
    clock.advance_to(clock.elapsed() + Duration::from_secs(901));
    let (status, said) = ask(&aws, &key, "eks", "GET", "/clusters", "").await;
    assert!(status == 403 && said.contains("ExpiredTokenException"), "{said}");
    let fresh = Aws::start(&seed, &clock).await.unwrap();
    assert!(!fresh.gave_key(&key));
    fresh.restore(&snapshot).await.unwrap();
    assert!(fresh.gave_key(&key));
    let none = form.replace("role/pods", "role/none");
    let (status, said) = ask(&aws, "A", "sts", "POST", "/", &none).await;
    assert!(status == 403 && said.contains("is not authorized to perform: sts:AssumeRole"), "{said}");
}

#[tokio::test]
async fn a_role_is_taken_with_a_token_of_the_account_s_own_cluster_only() {
    let aws =
        Aws::start(&seed(&trust(&json!("*")), &[statement("Allow", "dynamodb:*", TABLE)]), &clock()).await.unwrap();
    let (_, shown) = eks(&aws, "GET", "/clusters/one", Value::Null).await;
    let issuer = shown["cluster"]["identity"]["oidc"]["issuer"].as_str().unwrap().to_owned();
    let host = issuer.trim_start_matches("https://");
    let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{host}");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/pods");
    let may = |service_account: &str, audience: &str| {
        let identity = WebIdentity { namespace: "n", service_account, audience, role: &role };
        aws.allowed_by_token("one", &identity, "dynamodb:GetItem", TABLE)
    };
    let refused = |answer: Result<(), String>, words: &str| {
        assert!(answer.as_ref().is_err_and(|told| told.contains(words)), "{answer:?} {words}");
    };
    refused(may("s", "sts.amazonaws.com"), "No OpenIDConnect provider found in your account for https://");
    let form = format!(
        "Action=CreateOpenIDConnectProvider&Url={}&ClientIDList.member.1=sts.amazonaws.com&Version=2010-05-08",
        super::wire::percent_encode(&issuer)
    );
    assert_eq!(ask(&aws, "A", "iam", "POST", "/", &form).await.0, 200);
    refused(may("s", "elsewhere"), "Incorrect token audience");
    refused(may("s", "sts.amazonaws.com"), "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{host}:sub"): "system:serviceaccount:n:s"}}}]});
    let form = format!(
        "Action=UpdateAssumeRolePolicy&RoleName=pods&PolicyDocument={}&Version=2010-05-08",
        super::wire::percent_encode(&document.to_string())
    );
    assert_eq!(ask(&aws, "A", "iam", "POST", "/", &form).await.0, 200);
    assert_eq!(may("s", "sts.amazonaws.com"), Ok(()));
    refused(may("other", "sts.amazonaws.com"), "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let identity = WebIdentity { namespace: "n", service_account: "s", audience: "sts.amazonaws.com", role: &role };
    let elsewhere = aws.allowed_by_token("one", &identity, "dynamodb:GetItem", "arn:aws:dynamodb:us-west-2:1:table/u");
    refused(elsewhere, "because no identity-based policy allows the dynamodb:GetItem action");

    // Only what this account signed counts, also after it was brought back from a snapshot.
    let claims = |issuer: &str, audience: &str, seconds: i64| {
        let expires = aws.inner.clock.now().as_second() + seconds;
        json!({"iss": issuer, "aud": [audience], "sub": "system:serviceaccount:n:s", "exp": expires})
    };
    let other = Aws::start(&Seed { account: ACCOUNT.into(), ..Seed::default() }, &clock()).await.unwrap();
    let good = claims(&issuer, "sts.amazonaws.com", 60);
    let token = aws.sign("one", &good).unwrap();
    assert_eq!(aws.sign("two", &good), None);
    for (token, status, told) in [
        (token.clone(), 200, "<SubjectFromWebIdentityToken>system:serviceaccount:n:s<"),
        (other.inner.tokens.sign(&good), 400, "retrieve verification key"),
        (aws.inner.tokens.sign(&claims("https://elsewhere.example", "sts.amazonaws.com", 60)), 400, "No OpenIDConnect"),
        (aws.inner.tokens.sign(&claims(&issuer, "sts.amazonaws.com", 0)), 400, "<Code>ExpiredTokenException<"),
        ("a.b.c".into(), 400, "not a valid JWT"),
    ] {
        let form = format!(
            "Action=AssumeRoleWithWebIdentity&RoleArn={role}&RoleSessionName=me&WebIdentityToken={token}&Version=2011-06-15"
        );
        // Nobody has to sign it: the token is enough.
        let unsigned = http::Request::builder().method("POST").uri("/").body(bytes::Bytes::from(form)).unwrap();
        let response = aws.call(unsigned).await;
        let body = String::from_utf8_lossy(response.body()).into_owned();
        assert_eq!(response.status(), status, "{body}");
        assert!(body.contains(told), "{body}");
    }
    other.restore(&aws.snapshot().await.unwrap()).await.unwrap();
    assert_eq!(other.sign("one", &good), Some(token));
}
