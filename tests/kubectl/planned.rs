//! `plan` beside what is really called: every command that lectern's kubectl has is planned and then run, and its calls are compared.

use std::collections::BTreeSet;
use std::time::Duration;

use lectern::clock::{Clock, session_runtime};
use lectern::sandbox::{Sandbox, Scenario};
use lectern::target::{CallRecord, Target};
use lectern::tools::plan::{Planned, plan};
use lectern::tools::{Files, Root, kubectl_verbs};

use crate::harness::Cluster;

/// The files that the lines name.
const FILES: &[(&str, &str)] = &[
    (
        "web.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: x, labels: {app: web}}\nspec:\n  selector: {matchLabels: {app: web}}\n  \
         template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: nginx}]}\n",
    ),
    ("map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n"),
    ("other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {a: c}\n"),
    ("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: solo}\nspec: {containers: [{name: c, image: nginx}]}\n"),
    ("patch.yaml", "metadata: {labels: {patched: file}}\n"),
    (
        "rules.yaml",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader}\nrules: [{apiGroups: [\"\"], resources: [pods], verbs: [get]}]\n",
    ),
    ("k/kustomization.yaml", "resources: [map.yaml]\nnamespace: x\n"),
    ("k/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: built}\ndata: {a: b}\n"),
    (
        "request.yaml",
        "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {name: me}\nspec:\n  request: \
         LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K\n  signerName: kubernetes.io/kube-apiserver-client\n  usages: [client auth]\n",
    ),
    ("plain.txt", "text\n"),
];

/// Command lines in the order in which they are run. What is planned with `*` stands behind `~`: there the line does not name
/// what is called. A line behind `!` is one that fails in the sandbox, one behind `%` goes on until it is cut off; their calls are
/// compared all the same.
const LINES: &[&str] = &[
    "create namespace x",
    "create ns y --dry-run=client -o yaml",
    "create ns y --dry-run=server",
    "create namespace y",
    "create -f map.yaml -n x",
    "create -f map.yaml -n y --dry-run=server",
    "create -f map.yaml -n y --dry-run=client",
    "apply -f web.yaml",
    "apply -f web.yaml",
    "apply -f web.yaml --dry-run=client",
    "apply -f web.yaml --dry-run=server",
    "apply -f map.yaml -n y",
    "apply -f map.yaml -n y --server-side --force-conflicts",
    "apply -k k",
    "apply -f other.yaml -n x --force",
    "~ apply -f web.yaml --prune -l app=web -n x",
    "apply view-last-applied deploy/web -n x",
    "apply view-last-applied deploy web -n x",
    "apply view-last-applied -f web.yaml",
    "apply set-last-applied -f web.yaml --create-annotation",
    "apply set-last-applied -f web.yaml --dry-run=client",
    "apply set-last-applied -f web.yaml --dry-run=server",
    "! apply edit-last-applied deploy/web -n x",
    "rollout status deployment/web -n x --timeout=300s",
    "apply -f pod.yaml -n x",
    "wait --for=condition=Ready pod/solo -n x --timeout=120s",
    "wait --for=condition=Ready pod -l app=web -n x --timeout=120s",
    "wait --for=condition=Available deploy/web -n x --timeout=120s",
    "annotate deploy web -n x note=1",
    "annotate pod --all -n x note=1",
    "annotate -f web.yaml note=2 --overwrite",
    "annotate deploy/web -n x note=3 --overwrite --dry-run=server",
    "annotate deploy/web -n x note=3 --overwrite --dry-run=client",
    "annotate -f web.yaml note=3 --local -o yaml",
    "label deploy web -n x tier=front",
    "label deploy/web -n x --list",
    "label pods -l app=web -n x tier=front",
    "label ns x team=a",
    "api-resources",
    "api-versions",
    "%~ attach deploy/web -n x",
    "% attach solo -n x",
    "% attach pod/solo -n x",
    "% attach pod solo -n x",
    "autoscale deployment web -n x --max=3",
    "autoscale deployment web -n x --max=3 --name=w2 --dry-run=server",
    "autoscale deployment web -n x --max=3 --dry-run=client",
    "auth can-i get pods -n x",
    "auth can-i --list -n x",
    "auth whoami",
    "auth reconcile -f rules.yaml -n x",
    "auth reconcile -f rules.yaml -n x",
    "auth reconcile -f rules.yaml -n x --dry-run=client",
    "create -f request.yaml",
    "certificate approve me",
    "certificate approve -f request.yaml",
    "! certificate deny me",
    "cluster-info",
    "~ cluster-info dump --namespaces x",
    "~ cluster-info dump",
    "! completion bash",
    "config current-context",
    "config get-contexts",
    "config get-clusters",
    "config get-users",
    "! config delete-cluster no",
    "! config delete-context no",
    "! config delete-user no",
    "! config rename-context no other",
    "! config set contexts.a.namespace b",
    "! config set-cluster a --server=https://a.example",
    "! config set-context a --namespace=b",
    "! config set-credentials a --token=t",
    "! config unset contexts.a",
    "! config use no",
    "! config use-context no",
    "config view",
    "create configmap made -n x --from-literal=a=b",
    "create cm made2 -n x --from-file=plain.txt",
    "create deployment made -n x --image=nginx",
    "create deploy made2 -n x --image=nginx --replicas=0",
    "create job once -n x --image=busybox -- true",
    "create cronjob often -n x --image=busybox --schedule=@daily -- true",
    "create cj often2 -n x --image=busybox --schedule=@daily -- true",
    "create job now -n x --from=cronjob/often",
    "create job now2 -n x --from=cronjob/often --dry-run=client -o yaml",
    "create secret generic s1 -n x --from-literal=a=b",
    "create secret docker-registry s2 -n x --docker-username=u --docker-password=p",
    "create secret tls s3 -n x --cert=tls.crt --key=tls.key",
    "create clusterrole cr1 --verb=get --resource=pods",
    "create clusterrole cr2 --verb=get --non-resource-url=/healthz",
    "create clusterrolebinding crb --clusterrole=cr1 --user=u",
    "create role r1 -n x --verb=get --resource=pods",
    "create rolebinding rb1 -n x --role=r1 --user=u",
    "create ingress i1 -n x --rule=a.example/=web:80",
    "create ing i2 -n x --rule=a.example/=web:80",
    "create poddisruptionbudget b1 -n x --selector=app=web --min-available=1",
    "create pdb b2 -n x --selector=app=none --min-available=1",
    "create priorityclass p1 --value=10",
    "create pc p2 --value=10",
    "create quota q1 -n y --hard=pods=10",
    "create resourcequota q2 -n y --hard=pods=10",
    "create service clusterip c1 -n x --tcp=80:80",
    "create service externalname e1 -n x --external-name=a.example",
    "create service loadbalancer l1 -n x --tcp=80:80",
    "create service nodeport n1 -n x --tcp=80:80",
    "create svc clusterip c2 -n x --tcp=80:80",
    "create svc externalname e2 -n x --external-name=a.example",
    "create svc loadbalancer l2 -n x --tcp=80:80",
    "create svc nodeport n2 -n x --tcp=80:80",
    "create serviceaccount a1 -n x",
    "create sa a2 -n x",
    "create token a1 -n x",
    "cp plain.txt x/solo:/tmp/plain.txt",
    "cp plain.txt -n x solo:/tmp/plain.txt",
    "cp x/solo:/tmp/plain.txt back.txt",
    "get pods -n x",
    "get pods -A",
    "get deploy/web pod/solo -n x",
    "get deploy,cm -n x",
    "get all -n x",
    "get pod solo -n x -o yaml",
    "get -f web.yaml",
    "get nodes",
    "get deploy web -n x --show-managed-fields -o json",
    "get deploy web -n x --subresource=scale",
    "get --raw /version",
    "get --raw /api/v1/namespaces/x/pods",
    "get pods -l app=web -n x --sort-by=.metadata.name",
    "describe deploy web -n x",
    "describe pod/solo -n x",
    "describe pods -n x",
    "describe svc c1 -n x",
    "describe ns x",
    "~ describe sa a1 -n x",
    "describe job once -n x",
    "describe cm settings -n x",
    "describe hpa web -n x",
    "describe quota -n y",
    "~ describe nodes",
    "~ describe ingress i1 -n x",
    "diff -f web.yaml",
    "! diff -f other.yaml -n y",
    "! edit deploy web -n x",
    "events -n x",
    "events -A",
    "events --for deploy/web -n x",
    "exec solo -n x -- true",
    "exec pod/solo -n x -- true",
    "~ exec deploy/web -n x -- true",
    "explain deploy.spec",
    "explain pods",
    "expose deploy web -n x --port=80",
    "expose deploy/web -n x --port=80 --name=web2 --dry-run=server",
    "expose pod solo -n x --port=80 --name=web3 --dry-run=client -o yaml --labels=a=b",
    "kustomize k",
    "logs solo -n x",
    "logs pod/solo -n x",
    "~ logs deploy/web -n x",
    "~ logs -l app=web -n x",
    "options",
    "patch deploy web -n x -p {\"metadata\":{\"labels\":{\"p\":\"1\"}}}",
    "patch deploy/web -n x --patch-file=patch.yaml --type=merge",
    "patch -f web.yaml -p {\"metadata\":{\"labels\":{\"p\":\"2\"}}}",
    "patch -f web.yaml --local -p {\"metadata\":{\"labels\":{\"p\":\"3\"}}} -o yaml",
    "patch deploy web -n x --dry-run=server -p {\"metadata\":{\"labels\":{\"p\":\"4\"}}}",
    "patch deploy web -n x --dry-run=client -p {\"metadata\":{\"labels\":{\"p\":\"4\"}}}",
    "patch deploy web -n x --subresource=scale --type=merge -p {\"spec\":{\"replicas\":2}}",
    "! plugin list",
    "! port-forward deploy/web 80 -n x",
    "! proxy",
    "replace -f map.yaml -n x",
    "replace -f map.yaml -n x --dry-run=server",
    "replace -f map.yaml -n x --dry-run=client",
    "replace --force -f map.yaml -n x",
    "rollout history deploy/web -n x",
    "rollout history deploy web -n x --revision=1",
    "rollout pause deploy/web -n x",
    "rollout resume deploy/web -n x",
    "rollout restart deploy web -n x",
    "rollout restart deploy -n x",
    "rollout restart deploy -l app=web -n x",
    "rollout status deploy web -n x --timeout=300s",
    "rollout status deploy/web -n x --watch=false",
    "rollout undo deploy/web -n x",
    "rollout undo deploy/web -n x --dry-run=server",
    "rollout status deploy web -n x --timeout=300s",
    "run one -n x --image=nginx",
    "run two -n x --image=nginx --dry-run=client -o yaml",
    "run two -n x --image=nginx --dry-run=server",
    "run three -n x --image=nginx --expose --port=80",
    "run four -n x --image=busybox --rm --attach --restart=Never -- true",
    "scale deploy web -n x --replicas=2",
    "scale deploy/web -n x --replicas=1 --current-replicas=2",
    "scale deploy/web deploy/made -n x --replicas=1",
    "scale deploy --all -n x --replicas=1",
    "scale -f web.yaml --replicas=1",
    "scale deploy/web -n x --replicas=1 --dry-run=client",
    "scale deploy/web -n x --replicas=1 --dry-run=server",
    "scale deploy/web -n x --replicas=2 --timeout=120s",
    "set env deploy/web -n x A=b",
    "set env deploy web -n x --list",
    "~ set env deploy web -n x --list --resolve",
    "set env deploy/web -n x --from=configmap/settings",
    "set env -f web.yaml A=c --local -o yaml",
    "set env deploy/web -n x A=c --dry-run=server",
    "set image deploy/web -n x web=nginx:2",
    "set image -f web.yaml web=nginx:3",
    "set image deploy/web -n x web=nginx:3 --dry-run=client -o yaml",
    "set resources deploy/web -n x --limits=cpu=1",
    "set selector svc c1 -n x a=b",
    "set selector service/c1 -n x a=b",
    "set serviceaccount deploy/web -n x a1",
    "set serviceaccount deploy web a1 -n x",
    "set sa deploy/web -n x a2",
    "set subject rolebinding rb1 -n x --user=other",
    "set subject rolebinding/rb1 -n x --serviceaccount=x:a1",
    "set subject clusterrolebinding crb --group=g",
    "~ top node",
    "~ top nodes",
    "~ top no",
    "top pod -n x",
    "top pods -A",
    "top po -n x -l app=web",
    "top pod solo -n x",
    "version",
    "version --client",
    "debug solo -n x --image=busybox --target=c -- true",
    "debug solo -n x --image=busybox --copy-to=solo2 -- true",
    "delete pod two -n x --ignore-not-found",
    "delete pod one -n x",
    "delete pod/three svc/three -n x",
    "delete pods -l run=none -n x",
    "delete cm --all -n y",
    "delete -f other.yaml -n x",
    "delete -f map.yaml -n x --wait=false",
    "delete cm made -n x --dry-run=server",
    "delete cm made -n x --dry-run=client",
    "delete cm made -n x --now",
    "delete pod solo -n x --grace-period=0 --force",
    "delete -k k",
    "delete ns y --wait=false",
    "delete pdb b1 b2 -n x",
];

/// A node is drained last: its name is the sandbox's.
const OF_A_NODE: &[&str] = &[
    "taint node NODE a=b:NoSchedule",
    "taint nodes NODE a=b:NoSchedule-",
    "taint nodes NODE c=d:NoSchedule --dry-run=server",
    "~ describe node NODE",
    "top node NODE",
    "cordon NODE",
    "cordon NODE --dry-run=server",
    "cordon NODE --dry-run=client",
    "uncordon NODE",
    "~ debug node/NODE --image=busybox",
    "~ drain NODE --ignore-daemonsets --delete-emptydir-data --force",
    "~ drain NODE --ignore-daemonsets --delete-emptydir-data --force --dry-run=client",
];

/// How long a line may take, in session time.
const LONGEST: Duration = Duration::from_secs(600);

/// A request by its parts.
#[derive(Debug)]
struct Made {
    operation: String,
    namespace: Option<String>,
    name: Option<String>,
    changes: bool,
}

impl Made {
    fn of(call: CallRecord) -> Self {
        let mut parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        let lead = if parts[0] == "api" { 2 } else { 3 };
        if !matches!(parts[0], "api" | "apis") || parts.len() <= lead {
            return Self { operation: call.operation, namespace: None, name: None, changes: call.mutating };
        }
        parts.drain(..lead);
        let mut namespace = None;
        if parts[0] == "namespaces" && parts.len() > 2 && !matches!(parts[2], "status" | "finalize") {
            namespace = Some(parts[1].to_owned());
            parts.drain(..2);
        }
        let name = parts.get(1).map(|name| (*name).to_owned());
        Self { operation: call.operation, namespace, name, changes: call.mutating }
    }

    /// Whether the plan holds this request.
    fn is_planned(&self, planned: &Planned) -> bool {
        let verb = self.operation.split(' ').next().unwrap_or_default();
        let operation = planned.operation == self.operation || planned.operation == format!("{verb} *");
        let namespace = planned.namespace == self.namespace || planned.namespace.as_deref() == Some("*");
        let about = |name: &String| planned.about.iter().any(|about| about == "*" || about == name);
        let name = self.name.as_ref().is_none_or(|name| planned.about.is_empty() || about(name));
        operation && namespace && name && planned.changes == self.changes
    }
}

fn pem(what: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::prelude::BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

/// Whether a call is planned without saying about what; with `-A` that is what the line says of the namespace.
fn has_star(planned: &Planned, everywhere: bool) -> bool {
    let anywhere = planned.namespace.as_deref() == Some("*") && !everywhere;
    planned.operation.contains('*') || planned.about.iter().any(|about| about == "*") || anywhere
}

#[test]
fn every_command_calls_what_is_planned_and_no_plan_is_wider_than_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for (name, text) in FILES {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let pair = rcgen::generate_simple_self_signed(vec!["web.example".to_owned()]).unwrap();
    std::fs::write(root.join("tls.crt"), pem("CERTIFICATE", pair.cert.der())).unwrap();
    std::fs::write(root.join("tls.key"), pem("PRIVATE KEY", &pair.signing_key.serialize_der())).unwrap();
    let dir = cap_std::fs::Dir::open_ambient_dir(&root, cap_std::ambient_authority()).unwrap();
    let files = Files::new(vec![Root { path: root.clone(), dir, writable: true }], root);
    let clock = Clock::accelerated(1000.0);
    let mut wrong = Vec::new();
    let mut tried = BTreeSet::new();
    session_runtime(&clock).unwrap().block_on(async {
        let sandbox = Sandbox::start(&Scenario::default_bundled().unwrap(), &clock).await.unwrap();
        let cluster = Cluster::new(&clock, Target::sandbox(sandbox, clock.clone()), files.clone());
        let nodes = cluster.run("get nodes -o name").await.stdout;
        let node = nodes.lines().next().unwrap().trim_start_matches("node/").to_owned();
        cluster.target.calls().take();
        let of_a_node = OF_A_NODE.iter().map(|line| line.replace("NODE", &node));
        for line in LINES.iter().map(|line| (*line).to_owned()).chain(of_a_node) {
            let (marks, line) = match line.split_once(' ') {
                Some((marks, line)) if marks.starts_with(['!', '~', '%']) => (marks.to_owned(), line.to_owned()),
                _ => (String::new(), line),
            };
            let words: Vec<&str> = line.split_whitespace().collect();
            let longest = kubectl_verbs().filter(|verb| words.starts_with(verb)).max_by_key(|verb| verb.len());
            tried.insert(longest.unwrap_or_else(|| panic!("{line}: no command")));
            let args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let planned = plan("kubectl", &args, &files, &Some(Vec::new())).unwrap();
            let ran = clock.timeout(LONGEST, cluster.words(&words, "")).await.ok();
            let ended = ran.as_ref().map(|ran| ran.status == 0);
            let wanted = (!marks.contains('%')).then(|| !marks.contains('!'));
            if ended != wanted {
                wrong.push(format!("kubectl {line}\n  ends otherwise: {ran:?}"));
            }
            let all: Vec<Made> = cluster.target.calls().take().into_iter().map(Made::of).collect();
            for sure in planned.iter().filter(|planned| planned.changes && !planned.maybe && marks.is_empty()) {
                if !all.iter().any(|made| made.is_planned(sure)) {
                    wrong.push(format!("kubectl {line}\n  does not do what is planned for certain: {sure:?}"));
                }
            }
            for made in all {
                if !planned.iter().any(|planned| made.is_planned(planned)) {
                    let like: Vec<&Planned> = planned.iter().filter(|p| p.operation == made.operation).collect();
                    wrong.push(format!("kubectl {line}\n  makes    {made:?}\n  which is not planned: {like:?}"));
                }
            }
            let everywhere = words.contains(&"-A");
            for star in planned.iter().filter(|planned| has_star(planned, everywhere) && !marks.contains('~')) {
                wrong.push(format!("kubectl {line}\n  is planned wider than it is: {star:?}"));
            }
        }
    });
    let untried: Vec<String> =
        kubectl_verbs().filter(|verb| !tried.contains(verb)).map(|verb| verb.join(" ")).collect();
    assert!(untried.is_empty(), "commands without a line: {untried:?}");
    assert!(wrong.is_empty(), "{} findings\n{}", wrong.len(), wrong.join("\n"));
}
