use std::path::PathBuf;

use super::{Plan, policy, roles};
use crate::tools::{Files, Root};

/// Plans a page with one fence; files are those of the folder's `home`.
fn planned(script: &str) -> Plan {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::write(
        home.join("m.yaml"),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n",
    )
    .unwrap();
    let page = folder.path().join("page.md");
    let fence: String = script.lines().map(|line| format!("$ {line}\n")).collect();
    std::fs::write(&page, format!("---\ntitle: T\n---\n\n```bash\n{fence}```\n")).unwrap();
    let course = crate::session::open_course(&page).unwrap();
    let dir = cap_std::fs::Dir::open_ambient_dir(&home, cap_std::ambient_authority()).unwrap();
    let home: PathBuf = home.canonicalize().unwrap();
    Plan::of(&course, &Files::new(vec![Root { path: home.clone(), dir, writable: false }], home))
}

fn lines(script: &str) -> Vec<String> {
    planned(script)
        .calls()
        .filter(|call| !call.call.operation.contains(" /api"))
        .map(|call| {
            let call = &call.call;
            let mut line = format!("{} {} {}", call.service, call.operation, call.about.join(","));
            if let Some(namespace) = &call.namespace {
                line.push_str(&format!(" @{namespace}"));
            }
            if call.changes {
                line.push_str(" changes");
            }
            if call.maybe {
                line.push_str(" maybe");
            }
            line
        })
        .collect()
}

#[test]
fn calls_come_from_words_alone() {
    for (script, expected) in [
        ("kubectl get pods", &["kubernetes list pods  @default"][..]),
        ("kubectl -n x get deploy/web -o yaml", &["kubernetes get deployments.apps web @x"]),
        ("kubectl get pod $POD -A", &["kubernetes get pods * @*"]),
        (
            "kubectl delete ns x --wait=false",
            &["kubernetes get namespaces x", "kubernetes delete namespaces x changes"],
        ),
        (
            "kubectl -n x scale deploy web --replicas=$N",
            &["kubernetes get deployments.apps web @x", "kubernetes patch deployments.apps/scale web @x changes"],
        ),
        (
            "kubectl -n x get pods --dry-run 2>/dev/null || aws eks list-clusters",
            &["kubernetes * (* ()", "eks ListClusters  maybe"][1..],
        ),
        ("aws eks describe-cluster --name $C --query cluster.name", &["eks DescribeCluster name=*"]),
        ("aws eks wait cluster-active --name c", &["eks DescribeCluster name=c"]),
        ("aws iam create-role --role-name r --assume-role-policy-document x", &["iam CreateRole RoleName=r changes"]),
        ("aws ec2 describe-volumes", &["ec2 DescribeVolumes "]),
        ("if true; then aws iam list-roles; fi", &["iam ListRoles  maybe"]),
        ("for x in a b; do kubectl -n $x get pods; done", &["kubernetes list pods  @* maybe"]),
        ("kubectl apply -f ~/m.yaml --dry-run=client", &["kubernetes get deployments.apps web @shop"]),
        (
            "cat ~/m.yaml | envsubst | kubectl apply -f-",
            &[
                "kubernetes get deployments.apps web @shop",
                "kubernetes create deployments.apps  @shop changes maybe",
                "kubernetes patch deployments.apps web @shop changes maybe",
            ],
        ),
        (
            "X=$(kubectl -n x exec deploy/web -- env) echo hi",
            &[
                "kubernetes get deployments.apps web @x",
                "kubernetes list pods  @x maybe",
                "kubernetes get pods/exec * @x changes maybe",
            ],
        ),
        ("echo hi | wc -l", &[]),
        ("f() { aws sts get-caller-identity; }; f", &["sts GetCallerIdentity "]),
    ] {
        let found: Vec<String> = lines(script);
        let expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
        if script.contains("--dry-run 2>") {
            // An option that the command has not ends it: its calls are not known.
            assert!(found.last().is_some_and(|line| line == "eks ListClusters  maybe"), "{found:?}");
            continue;
        }
        assert_eq!(found, expected, "{script}");
    }
}

#[test]
fn what_is_read_at_run_time_is_not_known() {
    let found = lines("curl example.com | kubectl apply -f -");
    assert_eq!(found[0], "kubernetes get * * @*");
    assert!(found.iter().any(|line| line.contains("patch *") && line.contains("changes")), "{found:?}");
}

#[test]
fn the_least_policy() {
    let plan = planned(
        "aws eks describe-cluster --name c\naws eks create-pod-identity-association --cluster-name c --namespace n --service-account s --role-arn arn:aws:iam::1:role/r\naws sts get-caller-identity\naws iam list-roles",
    );
    let policy = policy(&plan);
    let statements = policy["Statement"].as_array().unwrap();
    let of = |resource: &str| {
        let statement = statements.iter().find(|statement| statement["Resource"] == resource);
        statement.map(|statement| statement["Action"].to_string()).unwrap_or_default()
    };
    assert_eq!(of("arn:aws:eks:*:*:cluster/c"), r#"["eks:CreatePodIdentityAssociation","eks:DescribeCluster"]"#);
    assert_eq!(of("arn:aws:iam::1:role/r"), r#"["iam:GetRole","iam:PassRole"]"#);
    assert_eq!(of("*"), r#"["iam:ListRoles"]"#);
    assert_eq!(statements.len(), 3);
}

#[test]
fn the_least_roles() {
    let plan = planned("kubectl -n x get deploy web\nkubectl -n x rollout restart deploy web\nkubectl get nodes");
    let roles = roles(&plan);
    assert_eq!(roles[0]["kind"], "ClusterRole");
    let rules = roles[0]["rules"].to_string();
    assert!(rules.contains(r#"{"apiGroups":[""],"resources":["nodes"],"verbs":["list"]}"#), "{rules}");
    assert_eq!(roles[1]["metadata"]["namespace"], "x");
    assert_eq!(
        roles[1]["rules"].to_string(),
        r#"[{"apiGroups":["apps"],"resources":["deployments"],"resourceNames":["web"],"verbs":["get","patch"]}]"#
    );
}
