//! The whole Pod Identity module: the carts run with a local database, fail with the real one, and are mended by the association; by
//! cause and effect, so that a world in which the cause is missing stays broken at the right step.

#[path = "module/plan.rs"]
mod plan;
mod support;
#[path = "module/verify.rs"]
mod verify;

use std::fs;
use std::path::{Path, PathBuf};

use needs::needs;
use serde_json::Value;
use support::World;

/// The workshop's module.
fn corpus() -> PathBuf {
    oracles::path("shared/corpus/website/docs/fastpaths/developer/amazon-eks-pod-identity")
}

/// The course that comes with the program.
fn bundled() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons")
}

fn grade(world: &World, course: &Path, more: &[&str]) -> (Value, Option<i32>) {
    let course = course.display().to_string();
    let mut arguments = vec!["grade", &course, "--speed", "1000", "--format", "json"];
    arguments.extend(more);
    world.json(&arguments)
}

/// The steps' verdicts by the name of their page, in order; only of pages with steps.
fn verdicts(report: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let lessons = report["lessons"].as_array().cloned().unwrap_or_default();
    lessons
        .iter()
        .map(|lesson| {
            let page = lesson["path"].as_str().unwrap_or_default();
            let steps = lesson["steps"].as_array().cloned().unwrap_or_default();
            let name = Path::new(page).file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (name, steps.iter().map(|step| text(&step["verdict"])).collect::<Vec<_>>())
        })
        .filter(|(_, steps)| !steps.is_empty())
        .collect()
}

fn is_green(course: &Path) {
    let world = World::new();
    let (report, status) = grade(&world, course, &[]);
    let verdicts = verdicts(&report);
    assert!(verdicts.iter().flat_map(|(_, steps)| steps).all(|verdict| verdict == "passed"), "{report:#}");
    assert_eq!(verdicts.len(), 5, "five pages have steps: {verdicts:?}");
    assert_eq!(status, Some(0));
}

#[needs("shared/corpus")]
#[test]
fn the_module_of_the_workshop_is_green() {
    let module = corpus();
    is_green(&module);
}

#[test]
fn the_bundled_module_is_green() {
    is_green(&bundled());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Changes a file: the text must be there.
fn edit(path: &Path, before: &str, after: &str) {
    let text = fs::read_to_string(path).expect("a file");
    assert!(text.contains(before), "{} does not hold {before:?}", path.display());
    fs::write(path, text.replacen(before, after, 1)).expect("written");
}

/// The bundled course graded with a scenario whose account differs.
fn with_other_account(before: &str, after: &str) -> Vec<(String, Vec<String>)> {
    let world = World::new();
    let scenario = world.path("scenario");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/scenarios/eks-workshop-auto"), &scenario);
    edit(&scenario.join("aws.yaml"), before, after);
    // The page that shows the policy and the trust would tell; here it does not look.
    let course = world.path("course");
    copy(&bundled(), &course);
    let page = course.join("pod-identity/use-pod-identity.md");
    edit(&page, "```bash\n$ aws iam get-policy-version", "```bash test=false\n$ aws iam get-policy-version");
    edit(&page, "```bash\n$ aws iam get-role", "```bash test=false\n$ aws iam get-role");
    let (report, status) = grade(&world, &course, &["--scenario", &format!("{}/", scenario.display())]);
    assert_eq!(status, Some(1), "{report:#}");
    verdicts(&report)
}

/// Everything up to the restart is well; then the carts stay broken.
fn stays_broken(verdicts: &[(String, Vec<String>)]) {
    for (page, steps) in verdicts {
        let failed = steps.iter().position(|verdict| verdict == "failed");
        let first_failure = steps.iter().position(|verdict| verdict != "passed" && verdict != "skipped");
        assert_eq!(failed, first_failure);
        match page.as_str() {
            "introduction" | "using-dynamo" | "understanding" => assert_eq!(failed, None, "{verdicts:?}"),
            // The rollout after the restart does not end.
            "use-pod-identity" => assert!(failed.is_some(), "{verdicts:?}"),
            _ => {}
        }
    }
    assert!(verdicts.iter().any(|(page, _)| page == "use-pod-identity"), "{verdicts:?}");
}

#[test]
fn a_policy_for_another_table_leaves_it_broken() {
    stays_broken(&with_other_account("table/eks-workshop-auto-carts", "table/eks-workshop-auto-orders"));
}

#[test]
fn a_role_that_trusts_somebody_else_leaves_it_broken() {
    stays_broken(&with_other_account("Service: pods.eks.amazonaws.com", "Service: ec2.amazonaws.com"));
}

#[test]
fn without_the_association_it_stays_broken() {
    let world = World::new();
    let course = world.path("course");
    copy(&bundled(), &course);
    let page = course.join("pod-identity/use-pod-identity.md");
    edit(&page, "```bash wait=30\n$ aws eks create-pod", "```bash test=false\n$ aws eks create-pod");
    let (report, status) = grade(&world, &course, &[]);
    assert_eq!(status, Some(1), "{report:#}");
    stays_broken(&verdicts(&report));
    // The Pods have no credentials, and the page that looks for them says so.
    assert!(report.to_string().contains("AWS_CONTAINER_CREDENTIALS_FULL_URI"), "{report:#}");
}

#[test]
fn prepare_environment_begins_anew() {
    let world = World::new();
    let line = "kubectl delete namespace carts >/dev/null; \
                aws eks create-pod-identity-association --cluster-name eks-workshop-auto --namespace ui --service-account ui \
                --role-arn $CARTS_IAM_ROLE >/dev/null; \
                prepare-environment fastpaths/developer; \
                kubectl get namespace carts -o name; kubectl -n carts wait --for=condition=Available deployment/carts; \
                aws eks list-pod-identity-associations --cluster-name eks-workshop-auto --query 'length(associations)'";
    let output = world.run(&["sh", "-c", line]);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "The sandbox is as at the start of the module.\nnamespace/carts\ndeployment.apps/carts condition met\n0\n",
        "{output:?}"
    );
}

#[test]
fn prepare_environment_names_a_module_that_it_does_not_know() {
    let world = World::new();
    let output = world.run(&["sh", "-c", "prepare-environment no/such/module"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("no/such/module is not known") && told.contains("fastpaths/developer"), "{told}");
}

/// What a line of the lessons' shell prints, standard output and error.
fn told(world: &World, scenario: &str, line: &str) -> (String, String) {
    let output = world.run(&["sh", "--speed", "1000", "--scenario", scenario, "-c", line]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_module_of_another_scenario_brings_its_cluster_and_variables() {
    let world = World::new();
    let line = "prepare-environment introduction/getting-started >/dev/null; \
                echo $EKS_CLUSTER_NAME; kubectl get namespace -o name; kubectl get daemonset -n kube-system aws-node -o name; \
                aws eks describe-cluster --name $EKS_CLUSTER_NAME --query cluster.status; \
                prepare-environment; kubectl get deployment -n ui -o name; \
                prepare-environment fastpaths/operator; echo $EKS_CLUSTER_NAME; kubectl get node -o name | wc -l; \
                kubectl get nodepool,nodeclass -o name";
    let (printed, complained) = told(&world, "eks-workshop-auto", line);
    let began = "The sandbox is as at the start of the module.\n";
    let expected = format!(
        "eks-workshop\nnamespace/default\nnamespace/kube-node-lease\nnamespace/kube-public\nnamespace/kube-system\n\
         daemonset.apps/aws-node\n\"ACTIVE\"\n{began}deployment.apps/ui\n{began}eks-workshop-auto\n2\n\
         nodepool.karpenter.sh/general-purpose\nnodeclass.eks.amazonaws.com/default\n"
    );
    assert_eq!(printed, expected, "{complained}");
}

#[test]
fn containers_reach_each_other_as_network_policies_let_them() {
    let world = World::new();
    let ask = "kubectl -n ui exec deployment/ui -- curl -sS --connect-timeout 3 http://catalog.catalog/health; echo; ";
    let deny = r#"kubectl apply -f - >/dev/null <<'EOF'
{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "none", "namespace": "catalog"},
 "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
EOF
"#;
    let count = "kubectl -n kube-system create configmap amazon-vpc-cni --from-literal=enable-network-policy-controller=true >/dev/null; ";
    let own = "kubectl -n catalog exec deployment/catalog -- curl -s localhost:8080/health; echo; \
               kubectl -n ui exec deployment/ui -- curl -sS http://nobody.ui:80; kubectl -n ui exec deployment/ui -- nslookup ui";
    let (printed, complained) = told(&world, "eks-workshop-auto", &[ask, deny, ask, count, ask, own].concat());
    // A policy counts once the cluster is told that policies do.
    assert_eq!(printed, "OK\nOK\n\nOK\n", "{complained}");
    for line in [
        "curl: (28) Failed to connect to catalog.catalog port 80 after 3000 ms: Timeout was reached",
        "command terminated with exit code 28",
        "curl: (6) Could not resolve host: nobody.ui",
        "exec: \"nslookup\": executable file not found in $PATH",
    ] {
        assert!(complained.contains(line), "{line} is not in {complained}");
    }
}

#[test]
fn what_a_container_writes_lasts_as_long_as_its_volume() {
    let world = World::new();
    let pod = "kubectl -n catalog exec catalog-mysql-0 -- ";
    let line = [
        pod,
        "bash -c 'echo 123 > /var/lib/mysql/test.txt && cat /var/lib/mysql/test.txt'; ",
        pod,
        "ls -l /var/lib/mysql | grep -c test.txt; ",
        "kubectl -n catalog delete pod catalog-mysql-0 >/dev/null; sleep 5; ",
        "kubectl -n catalog wait --for=condition=Ready pod/catalog-mysql-0 >/dev/null; ",
        pod,
        "cat /var/lib/mysql/test.txt",
    ]
    .concat();
    let (printed, complained) = told(&world, "eks-workshop-auto", &line);
    assert_eq!(printed, "123\n1\n", "{complained}");
    assert!(complained.contains("cat: /var/lib/mysql/test.txt: No such file or directory"), "{complained}");
}

/// Folders of the workshop, and how many of their steps pass at least. What is missing of the rest needs programs that lectern does
/// not have, or is not as the page shows it on any cluster.
const FLOORS: &[(&str, usize)] = &[
    ("introduction/getting-started", 13),
    ("introduction/basics", 65),
    ("fastpaths/getting-started", 15),
    ("fastpaths/developer", 25),
    ("fastpaths/operator/karpenter", 13),
    ("fastpaths/operator/network-policies", 6),
    ("fastpaths/operator/amazon-eks-pod-identity", 16),
    ("fundamentals/workloads/horizontal-pod-autoscaler", 3),
    ("fundamentals/compute/fargate", 7),
    ("fundamentals/compute/managed-node-groups/graviton", 5),
    ("fundamentals/storage/ebs", 6),
    ("fundamentals/storage/efs", 3),
    ("fundamentals/storage/fsx-for-lustre", 15),
    ("fundamentals/storage/mountpoint-s3", 7),
];

#[needs("shared/corpus")]
#[test]
fn folders_of_the_workshop_pass_as_far_as_they_did() {
    let docs = oracles::path("shared/corpus/website/docs");
    let world = World::new();
    let folders: Vec<String> = FLOORS.iter().map(|(folder, _)| docs.join(folder).display().to_string()).collect();
    let mut arguments = vec!["grade", "--speed", "1000", "--jobs", "2", "--format", "json"];
    arguments.extend(folders.iter().map(String::as_str));
    let (report, _) = world.json(&arguments);
    let lessons = report["lessons"].as_array().cloned().unwrap_or_default();
    for ((folder, floor), path) in FLOORS.iter().zip(&folders) {
        let own =
            lessons.iter().filter(|lesson| lesson["path"].as_str().is_some_and(|page| page.starts_with(path.as_str())));
        let steps: Vec<Value> =
            own.flat_map(|lesson| lesson["steps"].as_array().cloned().unwrap_or_default()).collect();
        let passed = steps.iter().filter(|step| step["verdict"] == "passed").count();
        println!("{folder}: {passed} of {}", steps.len());
        assert!(passed >= *floor, "{folder}: {passed} steps pass, {floor} did");
    }
}

/// What gives the carts the role with a token of their service account, up to the restart. `$SUBJECT` is whom the role
/// trusts.
const BY_TOKEN: &str = r#"
set -e
kubectl patch configmap carts -n carts --type merge -p "{\"data\": {\"RETAIL_CART_PERSISTENCE_PROVIDER\": \"dynamodb\",
  \"RETAIL_CART_PERSISTENCE_DYNAMODB_ENDPOINT\": null, \"AWS_REGION\": \"$AWS_REGION\", \"RETAIL_CART_PERSISTENCE_DYNAMODB_TABLE_NAME\": \"$EKS_CLUSTER_NAME-carts\"}}" >/dev/null
ISSUER=$(aws eks describe-cluster --name $EKS_CLUSTER_NAME --query cluster.identity.oidc.issuer --output text)
PROVIDER=$(aws iam create-open-id-connect-provider --url $ISSUER --client-id-list sts.amazonaws.com \
  --thumbprint-list 9e99a48a9960b14926bb7f3b02e22da2b0ab7280 --query OpenIDConnectProviderArn --output text)
HOST=${ISSUER#https://}
ROLE=$(aws iam create-role --role-name by-token --query Role.Arn --output text --assume-role-policy-document "{
  \"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"Federated\": \"$PROVIDER\"},
  \"Action\": \"sts:AssumeRoleWithWebIdentity\", \"Condition\": {\"StringEquals\": {
    \"$HOST:sub\": \"$SUBJECT\", \"$HOST:aud\": \"sts.amazonaws.com\"}}}]}")
POLICY=$(aws iam list-attached-role-policies --role-name ${CARTS_IAM_ROLE##*/} --query AttachedPolicies[0].PolicyArn --output text)
aws iam attach-role-policy --role-name by-token --policy-arn $POLICY
kubectl annotate serviceaccount carts -n carts eks.amazonaws.com/role-arn=$ROLE >/dev/null
kubectl rollout restart deployment/carts -n carts >/dev/null
set +e
kubectl rollout status deployment/carts -n carts --timeout=120s >/dev/null 2>&1; echo "rolled out: $?"
kubectl exec -n carts deployment/carts -- env | grep -E 'AWS_ROLE_ARN|AWS_WEB|CREDENTIALS'
TOKEN=$(kubectl create token carts -n carts --audience sts.amazonaws.com)
aws sts assume-role-with-web-identity --role-arn $ROLE --role-session-name me --web-identity-token $TOKEN \
  --query SubjectFromWebIdentityToken 2>&1
kubectl logs -n carts -l app.kubernetes.io/name=carts --tail=-1 2>/dev/null | grep -o 'Not authorized to perform sts:AssumeRoleWithWebIdentity' | head -1
"#;

fn by_token(subject: &str) -> String {
    let world = World::new();
    let output = world.run(&["sh", "--speed", "1000", "-c", &format!("SUBJECT={subject}{BY_TOKEN}")]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_role_that_the_service_account_names_is_taken_with_its_token() {
    let told = by_token("system:serviceaccount:carts:carts");
    let lines: Vec<&str> = told.lines().collect();
    let [rolled_out, role, file, subject] = lines.as_slice() else { panic!("{told}") };
    assert_eq!(*rolled_out, "rolled out: 0");
    assert!(role.starts_with("AWS_ROLE_ARN=arn:aws:iam::") && role.ends_with(":role/by-token"), "{told}");
    assert_eq!(*file, "AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/eks.amazonaws.com/serviceaccount/token");
    assert_eq!(*subject, "\"system:serviceaccount:carts:carts\"");
}

#[test]
fn a_role_that_trusts_another_service_account_leaves_it_broken() {
    let told = by_token("system:serviceaccount:carts:other");
    assert!(told.starts_with("rolled out: 1\n"), "{told}");
    let refusal =
        "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized";
    assert!(told.contains(refusal), "{told}");
}
