//! Commands in process: the tool's function, a real sandbox, the SDK between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::{Commands, Exports, Files, Invocation, Output, Root, StdStream, TargetCall, TargetInput};
use crate::clock::{Clock, session_runtime};
use crate::sandbox::{Sandbox, Scenario, aws};
use crate::target::Target;

const ACCOUNT: &str = "111122223333";

fn seed() -> aws::Seed {
    let trust = |service: &str| {
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service},
            "Action": ["sts:AssumeRole", "sts:TagSession"]}]})
    };
    serde_json::from_value(json!({
        "account": ACCOUNT, "region": "us-west-2",
        "principal": {"arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/admin/me"), "user_id": "AROAX:me"},
        "clusters": [{"name": "one", "version": "1.36", "tags": {"env": "test"}, "detail": {"platformVersion": "eks.1"},
            "addons": [{"name": "coredns", "version": "v1.0.0-eksbuild.1"}],
            "access_entries": [{"principal_arn": format!("arn:aws:iam::{ACCOUNT}:role/admin")}]},
            {"name": "two", "version": "1.35"}],
        "policies": [{"name": "table", "document": {"Version": "2012-10-17", "Statement": [
            {"Sid": "All", "Effect": "Allow", "Action": "dynamodb:*", "Resource": format!("arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/t")}]}}],
        "roles": [
            {"name": "pods", "trust": trust("pods.eks.amazonaws.com"), "attached": [format!("arn:aws:iam::{ACCOUNT}:policy/table")],
                "description": "für alle", "tags": {"b": "2", "a": "1"}, "inline": {"logs": {"Version": "2012-10-17", "Statement": []}}},
            {"name": "nodes", "trust": trust("ec2.amazonaws.com")}],
        "users": [{"name": "ada"}],
    }))
    .unwrap()
}

struct Ran {
    status: u8,
    stdout: String,
    stderr: String,
}

struct Bench {
    target: Arc<Target>,
    clock: Clock,
    env: BTreeMap<String, String>,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn new(clock: &Clock) -> Self {
        let mut scenario = Scenario::default();
        scenario.aws = seed();
        let sandbox = Sandbox::start(&scenario, clock).await.unwrap();
        let env = BTreeMap::from([("AWS_REGION".into(), "us-west-2".into())]);
        let target = Arc::new(Target::sandbox(sandbox, clock.clone()));
        Self { target, clock: clock.clone(), env, folder: tempfile::tempdir().unwrap() }
    }

    async fn run(&self, args: &[&str]) -> Ran {
        let (pieces, mut printed) = mpsc::channel(64);
        let (requests, _asked) = mpsc::channel(1);
        let (_chunks, chunks) = mpsc::channel(1);
        let dir = cap_std::fs::Dir::open_ambient_dir(self.folder.path(), cap_std::ambient_authority()).unwrap();
        let root = Root { path: "/work".into(), dir, writable: true };
        let call = TargetCall {
            invocation: Invocation {
                name: "aws".into(),
                args: args.iter().map(|arg| (*arg).to_owned()).collect(),
                env: self.env.clone(),
                files: Files::new(vec![root], "/work".into()),
                clock: self.clock.clone(),
                cancel: CancellationToken::new(),
            },
            exports: Exports::default(),
            commands: Commands::default(),
            target: Arc::clone(&self.target),
            stdin: TargetInput::new(requests, chunks),
            out: Output::new(pieces, self.clock.clone()),
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let collect = async {
            while let Some(piece) = printed.recv().await {
                match piece.stream {
                    StdStream::Stdout => stdout.extend(piece.bytes),
                    StdStream::Stderr => stderr.extend(piece.bytes),
                }
            }
        };
        let (status, ()) = tokio::join!(super::aws(call), collect);
        Ran { status, stdout: String::from_utf8(stdout).unwrap(), stderr: String::from_utf8(stderr).unwrap() }
    }

    async fn json(&self, line: &str) -> Value {
        let args: Vec<&str> = line.split_whitespace().collect();
        let ran = self.run(&args).await;
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{line}");
        serde_json::from_str(&ran.stdout).unwrap_or(Value::Null)
    }

    async fn fails(&self, line: &str, status: u8, stderr: &str) {
        let args: Vec<&str> = line.split_whitespace().collect();
        let ran = self.run(&args).await;
        assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (status, "", stderr), "{line}");
    }
}

/// Runs a test on a session's runtime.
fn on_session<F: Future<Output = ()>>(test: impl FnOnce(Clock) -> F) {
    let clock = Clock::starting_at(1.0, "2026-03-04T05:06:07.089Z".parse().unwrap(), std::time::Duration::ZERO);
    session_runtime(&clock).unwrap().block_on(test(clock));
}

#[test]
fn an_association_from_nothing_to_nothing() {
    on_session(|clock| async move {
        let bench = Bench::new(&clock).await;
        let list =
            bench.run(&["eks", "list-pod-identity-associations", "--cluster-name", "one", "--namespace", "n"]).await;
        assert_eq!(list.stdout, "{\n    \"associations\": []\n}\n");
        let role = format!("arn:aws:iam::{ACCOUNT}:role/pods");
        let create = format!(
            "eks create-pod-identity-association --cluster-name one --role-arn {role} --namespace n --service-account s --tags k=v,j=w"
        );
        let made = bench.json(&create).await;
        let association = &made["association"];
        let keys: Vec<&String> = association.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "clusterName",
                "namespace",
                "serviceAccount",
                "roleArn",
                "associationArn",
                "associationId",
                "tags",
                "createdAt",
                "modifiedAt",
                "disableSessionTags"
            ]
        );
        let id = association["associationId"].as_str().unwrap();
        assert!(
            id.len() == 19
                && id.starts_with("a-")
                && id[2..].bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        );
        assert_eq!(
            association["associationArn"],
            format!("arn:aws:eks:us-west-2:{ACCOUNT}:podidentityassociation/one/{id}")
        );
        assert_eq!(association["disableSessionTags"], false);
        let created = association["createdAt"].as_str().unwrap();
        assert!(
            created.starts_with("2026-03-04T05:06:") && created.ends_with("000+00:00") && created.len() == 32,
            "{created}"
        );

        bench
            .fails(&create, 254, &format!("\nAn error occurred (ResourceInUseException) when calling the CreatePodIdentityAssociation operation: Association already exists: {id}\n"))
            .await;
        let listed = bench
            .json("eks list-pod-identity-associations --cluster-name one --query associations[].serviceAccount")
            .await;
        assert_eq!(listed, json!(["s"]));
        let arn = association["associationArn"].as_str().unwrap();
        assert_eq!(
            bench.json(&format!("eks list-tags-for-resource --resource-arn {arn}")).await,
            json!({"tags": {"j": "w", "k": "v"}})
        );
        let described = bench
            .json(&format!("eks describe-pod-identity-association --cluster-name one --association-id {id}"))
            .await;
        assert_eq!(described, made);
        let updated = bench
            .json(&format!(
                "eks update-pod-identity-association --cluster-name one --association-id {id} --disable-session-tags"
            ))
            .await;
        assert_eq!(updated["association"]["disableSessionTags"], true);
        bench.json(&format!("eks delete-pod-identity-association --cluster-name one --association-id {id}")).await;
        assert_eq!(
            bench.json("eks list-pod-identity-associations --cluster-name one").await,
            json!({"associations": []})
        );

        let calls = bench.target.calls().take();
        let made: Vec<_> =
            calls.iter().filter(|call| call.mutating).map(|call| (call.operation.as_str(), call.status)).collect();
        assert_eq!(calls[0].service, "eks");
        assert_eq!(
            made,
            [
                ("CreatePodIdentityAssociation", 200),
                ("CreatePodIdentityAssociation", 409),
                ("UpdatePodIdentityAssociation", 200),
                ("DeletePodIdentityAssociation", 200)
            ]
        );
    });
}

#[test]
fn roles_and_policies_are_read_and_changed() {
    on_session(|clock| async move {
        let bench = Bench::new(&clock).await;
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/table");
        // A global option stands between an option and its value.
        let document = bench
            .run(&[
                "iam",
                "get-policy-version",
                "--version-id",
                "v1",
                "--policy-arn",
                "--query",
                "PolicyVersion.Document.Statement[0].Sid",
                &arn,
            ])
            .await;
        assert_eq!((document.stdout.as_str(), document.stderr.as_str()), ("\"All\"\n", ""));
        let trust = bench.json("iam get-role --role-name pods --query Role.AssumeRolePolicyDocument").await;
        assert_eq!(trust["Statement"][0]["Principal"]["Service"], "pods.eks.amazonaws.com");
        let role = bench.json("iam get-role --role-name pods").await;
        assert_eq!(role["Role"]["Description"], "für alle");
        assert_eq!(role["Role"]["Tags"], json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]));
        assert_eq!(role["Role"]["CreateDate"], "2026-03-03T05:06:07+00:00");
        assert_eq!(
            bench.json("iam list-attached-role-policies --role-name pods").await["AttachedPolicies"][0]["PolicyArn"],
            arn
        );
        assert_eq!(bench.json("iam list-role-policies --role-name pods").await, json!({"PolicyNames": ["logs"]}));
        assert_eq!(bench.json("iam list-roles --query Roles[].RoleName").await, json!(["nodes", "pods"]));
        assert_eq!(bench.json("iam list-roles --max-items 1 --query Roles[].RoleName").await, json!(["nodes"]));
        assert_eq!(bench.json("iam list-roles --page-size 1 --query Roles[].RoleName").await, json!(["nodes", "pods"]));

        // Another account in a document stays that other account, and text stays text.
        std::fs::write(bench.folder.path().join("trust.json"), r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole","Sid":"Über"}]}"#).unwrap();
        let made = bench
            .json(
                "iam create-role --role-name made --assume-role-policy-document file://trust.json --tags Key=k,Value=v",
            )
            .await;
        assert_eq!(made["Role"]["Arn"], format!("arn:aws:iam::{ACCOUNT}:role/made"));
        assert!(made["Role"]["CreateDate"].as_str().unwrap().starts_with("2026-03-04T05:06:"), "{made}");
        let read = bench.json("iam get-role --role-name made").await;
        let statement = &read["Role"]["AssumeRolePolicyDocument"]["Statement"][0];
        assert_eq!(statement["Principal"]["AWS"], "arn:aws:iam::123456789012:root");
        assert_eq!(statement["Sid"], "Über");
        bench.json(&format!("iam attach-role-policy --role-name made --policy-arn {arn}")).await;
        assert_eq!(
            bench.json(&format!("iam get-policy --policy-arn {arn} --query Policy.AttachmentCount")).await,
            json!(2)
        );
        bench.json(&format!("iam detach-role-policy --role-name made --policy-arn {arn}")).await;
        bench.json("iam delete-role --role-name made").await;
        bench.fails("iam get-role --role-name made", 254, "\nAn error occurred (NoSuchEntity) when calling the GetRole operation: The role with name made cannot be found.\n").await;
    });
}

#[test]
fn a_policys_versions_are_numbered_once() {
    on_session(|clock| async move {
        let bench = Bench::new(&clock).await;
        let policy = format!("--policy-arn arn:aws:iam::{ACCOUNT}:policy/table");
        let create = format!(
            "iam create-policy-version {policy} --policy-document {{\"Version\":\"2012-10-17\",\"Statement\":[]}} --set-as-default"
        );
        let list = format!("iam list-policy-versions {policy} --query Versions[].[VersionId,IsDefaultVersion]");
        let made = bench.json(&create).await;
        assert_eq!(made["PolicyVersion"]["VersionId"], "v2");
        assert_eq!(bench.json(&list).await, json!([["v2", true], ["v1", false]]));
        bench.json(&format!("iam set-default-policy-version {policy} --version-id v1")).await;
        bench.json(&format!("iam delete-policy-version {policy} --version-id v2")).await;
        assert_eq!(bench.json(&list).await, json!([["v1", true]]));
        for number in 3..7 {
            assert_eq!(bench.json(&create).await["PolicyVersion"]["VersionId"], format!("v{number}"));
        }
        let ran = bench.run(&create.split(' ').collect::<Vec<_>>()).await;
        assert!(ran.status == 254 && ran.stderr.contains("(LimitExceeded)"), "{}", ran.stderr);
        assert_eq!(bench.json(&format!("iam get-policy {policy} --query Policy.DefaultVersionId")).await, "v6");
    });
}

#[test]
fn what_else_there_is() {
    on_session(|clock| async move {
        let bench = Bench::new(&clock).await;
        assert_eq!(
            bench.run(&["sts", "get-caller-identity"]).await.stdout,
            format!(
                "{{\n    \"UserId\": \"AROAX:me\",\n    \"Account\": \"{ACCOUNT}\",\n    \"Arn\": \"arn:aws:sts::{ACCOUNT}:assumed-role/admin/me\"\n}}\n"
            )
        );
        assert_eq!(bench.json("eks list-clusters").await, json!({"clusters": ["one", "two"]}));
        let cluster = bench.json("eks describe-cluster --name one").await;
        assert_eq!(cluster["cluster"]["version"], "1.36");
        assert_eq!(cluster["cluster"]["tags"], json!({"env": "test"}));
        assert_eq!(bench.json("eks list-addons --cluster-name one").await, json!({"addons": ["coredns"]}));
        let addon = bench.json("eks describe-addon --cluster-name one --addon-name coredns").await;
        assert!(addon["addon"]["addonArn"].as_str().unwrap().contains(ACCOUNT));
        assert_eq!(bench.json("eks list-nodegroups --cluster-name one").await, json!({"nodegroups": []}));
        assert_eq!(
            bench.json("eks list-access-entries --cluster-name one").await["accessEntries"][0],
            format!("arn:aws:iam::{ACCOUNT}:role/admin")
        );
        assert_eq!(
            bench.run(&["eks", "list-clusters", "--output", "text"]).await.stdout,
            "CLUSTERS\tone\nCLUSTERS\ttwo\n"
        );
        assert_eq!(bench.json("eks list-clusters --region us-east-1").await, json!({"clusters": []}));
    });
}

#[test]
fn mistakes_have_the_clis_words_and_statuses() {
    on_session(|clock| async move {
        let bench = Bench::new(&clock).await;
        let usage = |message: &str| format!("\n{}\naws: error: {message}\n\n", super::failure::USAGE);
        bench.fails("eks describe-cluster", 252, &usage("the following arguments are required: --name")).await;
        bench.fails("", 252, &usage("the following arguments are required: command")).await;
        bench
            .fails(
                "eks list-clusters --nope x",
                252,
                &format!("\n{}\nUnknown options: --nope, x\n\n", super::failure::USAGE),
            )
            .await;
        let near = bench.run(&["eks", "lst-clusters"]).await;
        assert!(
            near.status == 252 && near.stderr.contains("maybe you meant:\n\n  * list-clusters\n"),
            "{}",
            near.stderr
        );
        bench
            .fails("eks describe-cluster --name none", 254, "\nAn error occurred (ResourceNotFoundException) when calling the DescribeCluster operation: No cluster found for name: none.\n")
            .await;
        let create = |role: &str| {
            format!(
                "eks create-pod-identity-association --cluster-name one --namespace n --service-account s --role-arn arn:aws:iam::{ACCOUNT}:role/{role}"
            )
        };
        let error =
            "\nAn error occurred (InvalidParameterException) when calling the CreatePodIdentityAssociation operation: ";
        bench.fails(&create("none"), 254, &format!("{error}Role provided in the request does not exist.\n")).await;
        bench
            .fails(&create("nodes"), 254, &format!("{error}Trust policy of the role provided is invalid. Follow the official documentation to resolve the issue.\n"))
            .await;
        bench.fails("eks list-clusters --profile x", 255, "\nThe config profile (x) could not be found\n").await;
        bench
            .fails("eks list-clusters --no-paginate --max-items 1", 255, "\nError during pagination: Cannot specify --no-paginate along with pagination arguments: --max-items\n")
            .await;
        for line in [
            "eks list-clusters --endpoint-url http://evil",
            "eks list-clusters --ca-bundle x",
            "eks list-clusters --no-verify-ssl",
        ] {
            let ran = bench.run(&line.split_whitespace().collect::<Vec<_>>()).await;
            assert!(ran.status == 252 && ran.stderr.contains(" is refused: "), "{}", ran.stderr);
        }
        assert_eq!(bench.target.calls().take().len(), 3, "only what was called is recorded");
    });
}

#[test]
fn a_variable_that_names_an_endpoint_is_refused() {
    on_session(|clock| async move {
        let mut bench = Bench::new(&clock).await;
        bench.env.insert("AWS_ENDPOINT_URL_EKS".into(), "http://127.0.0.1:1".into());
        let ran = bench.run(&["eks", "list-clusters"]).await;
        assert!(ran.status == 252 && ran.stderr.contains("AWS_ENDPOINT_URL_EKS is refused: "), "{}", ran.stderr);
    });
}
