//! The native kubectl beside the real one, on the same server: bytes of both outputs, and exit status.
//!
//! Not compared: what the real one asks for in protobuf (`auth`), which the sandbox's server does not speak. The name
//! that the real one was started by is taken for `kubectl`.
//!
//! The real one is `kubectl.1.33` beside the `kubectl` on PATH; without it the test says that it was skipped.

use std::path::PathBuf;

use lectern::clock::{Clock, session_runtime};

use crate::harness::{Cluster, Ran};

/// Command lines that change nothing.
const READS: &[&str] = &[
    "get namespaces",
    "get ns -l app.kubernetes.io/created-by=eks-workshop",
    "get ns -l no=such",
    "get deploy -n carts",
    "get deploy -A",
    "get deployment carts -n carts -o wide",
    "get deployment/carts -n carts",
    "get deploy,rs -n carts",
    "get deploy/carts svc/carts -n carts",
    "get pods -n carts --show-labels",
    "get pods -n carts -L app.kubernetes.io/name,nope",
    "get pods -A -o wide",
    "get pods -n carts --no-headers",
    "get pods -n nowhere",
    "get all -n carts",
    "get all -n nowhere",
    "get nodes",
    "get nodes -o wide",
    "get svc -A",
    "get cm,sa -n carts",
    "get deploy carts nosuch -n carts",
    "get deploy nosuch -n carts",
    "get deploy nosuch -n carts --ignore-not-found",
    "get nosuch",
    "get nosuch.apps",
    "get deploy carts -n carts -o json",
    "get deploy carts -n carts -o yaml",
    "get deploy -n carts -o json",
    "get deploy -n carts -o yaml",
    "get pods -n carts -o name",
    "get deploy,svc -n carts -o name",
    "get pods -n carts -o jsonpath={.items[*].metadata.name}",
    "get pods -n carts -o jsonpath={.items[-1:].spec.containers[0].name}",
    "get pods -n carts -o jsonpath={range\u{a0}.items[*]}{.metadata.name}{\"\\t\"}{.spec.nodeName}{\"\\n\"}{end}",
    "get deploy carts -n carts -o jsonpath={.spec.template.spec.containers[?(@.name==\"carts\")].image}",
    "get deploy carts -n carts -o jsonpath={.metadata.labels}",
    "get deploy carts -n carts -o jsonpath={.spec",
    "get deploy carts -n carts -o jsonpath={.spec.nothing[0]}",
    "get deploy carts -n carts -o jsonpath={.spec.template.spec.containers[5]}",
    "get pods -n carts -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName,X:.nope",
    "get deploy -A -o custom-columns=N:metadata.name --sort-by=.metadata.name --no-headers",
    "get deploy -A --sort-by=.metadata.name",
    "get deploy -A --sort-by=.nope",
    "get pods -o foo",
    "get pods -n carts --field-selector status.phase=Running",
    "get --raw /version",
    "get",
    "get --foo",
    "get -z",
    "get -n",
    "get pods --watch=maybe",
    "get pods x -l a=b",
    "get pods pods/x",
    "get pods/",
    "describe deployment carts -n carts",
    "describe deploy -n carts",
    "describe rs -n carts",
    "describe pods -n carts",
    "describe svc -n carts",
    "describe sa carts -n carts",
    "describe cm carts -n carts",
    "describe ns carts",
    "describe node",
    "describe deploy nosuch -n carts",
    "describe pod car -n carts",
    "describe svc kubernetes",
    "describe",
    "rollout status deploy/carts -n carts",
    "rollout status svc/carts -n carts",
    "rollout history deploy/carts -n carts",
    "rollout history deploy/carts -n carts --revision=1",
    "rollout history deploy/carts -n carts --revision=9",
    "rollout status",
    "rollout foo",
    "rollout undo deploy/carts -n carts --to-revision=77",
    "wait --for=condition=Available deploy/carts -n carts",
    "wait --for=condition=Ready pods --all -n carts",
    "wait --for=condition=No deploy/carts -n carts --timeout=1s",
    "wait --for=jsonpath={.status.replicas}=1 deploy/carts -n carts",
    "wait --for=delete pod/nosuch -n carts",
    "wait pod/x",
    "wait --for=condition=Ready pods -l no=such -n carts",
    "version",
    "version --client",
    "api-resources",
    "api-resources -o name",
    "api-resources --namespaced=false",
    "apply",
    "apply foo",
    "delete",
    "delete pod",
    "scale deploy/carts -n carts",
    "scale deploy/nosuch -n carts --replicas=1",
    "scale deploy/carts -n carts --replicas=3 --current-replicas=9",
    "patch pod x",
    "label",
    "label deploy carts -n carts",
    "exec",
    "exec nosuch -- ls",
    "logs",
    "logs nosuch",
    "logs deploy/carts -n carts --tail=3",
    "set image deploy/carts nope=x -n carts",
    "create",
    "gett",
    "--bogus get",
    "scale deploy/carts -n carts --replicas=2 --dry-run=client",
    "label ns carts a=b --dry-run=client",
    "create ns x --dry-run=client -o yaml",
    "create cm x --from-literal=a=b --dry-run=client -o yaml",
    "create deploy x --image=nginx:1 --dry-run=client -o yaml",
    "top node",
    "top nodes --sort-by=cpu",
    "top node nosuch",
    "top pod -n carts",
    "top pod -A --containers",
    "top pod -n carts --sum",
    "top pod -n nowhere",
    "top pod --sort-by=x",
    "events -n nowhere",
    "events -n carts --types=Foo",
    "events -n carts --types Warning",
    "events -n carts --for=x",
    "get nodemetrics",
    "run",
    "run x",
    "run x --image=nginx --dry-run=client -o yaml",
    "run x --image=nginx --dry-run=client -o yaml --env A=b --port 80 --labels a=b,c=d --restart=Never --command -- sleep 1",
    "run x --image=nginx --dry-run=client -o yaml --expose --port 80",
    "run x --image=nginx --restart=Foo",
    "run x --image=nginx --rm",
    "run x --image=nginx --port abc --dry-run=client",
    "run x --image=nginx --env nope --dry-run=client",
    "expose deploy carts -n carts --name x --dry-run=client -o yaml",
    "expose deploy carts -n carts --port 80,81 --target-port=8080 --type NodePort --name y --dry-run=client -o yaml",
    "expose svc carts -n carts --name z --dry-run=client -o yaml",
    "expose cm carts -n carts",
    "expose deploy nosuch",
    "expose",
    "expose deploy carts -n carts --port 80",
    "autoscale deploy carts -n carts --max 3 --min 2 --cpu-percent 80 --dry-run=client -o yaml",
    "autoscale deploy carts -n carts",
    "autoscale deploy carts -n carts --max 0",
    "autoscale deploy carts -n carts --max 2 --min 3",
    "autoscale svc carts -n carts --max 2",
    "cordon",
    "cordon nosuch",
    "cordon i-0c4e19f7a2b3d5681 --dry-run=client",
    "drain",
    "drain nosuch",
    "drain i-0c4e19f7a2b3d5681 --dry-run=client",
    "taint nodes i-0c4e19f7a2b3d5681",
    "taint nodes i-0c4e19f7a2b3d5681 a",
    "taint nodes i-0c4e19f7a2b3d5681 a=b:Foo",
    "taint nodes i-0c4e19f7a2b3d5681 a=b:NoSchedule --dry-run=client",
    "taint nodes i-0c4e19f7a2b3d5681 a-",
    "taint pods x a=b:NoSchedule",
    "replace",
    "diff",
    "diff x",
    "diff -f nosuch.yaml",
    "api-versions",
];

fn real_kubectl() -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).find_map(|folder| {
        let kubectl = folder.join("kubectl").canonicalize().ok()?;
        Some(kubectl.parent()?.join("kubectl.1.33")).filter(|path| path.is_file())
    })
}

/// Runs the real one, away from the runtime's thread.
#[allow(clippy::disallowed_methods, reason = "the real kubectl is what the native one is measured by")]
async fn real(program: PathBuf, home: PathBuf, server: String, words: Vec<String>) -> Ran {
    tokio::task::spawn_blocking(move || {
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}],
        });
        std::fs::create_dir_all(home.join(".kube")).unwrap();
        std::fs::write(home.join(".kube/config"), config.to_string()).unwrap();
        let output = std::process::Command::new(program).args(&words).env_clear().env("HOME", home).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace("kubectl.1.33", "kubectl");
        Ran {
            status: output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    })
    .await
    .unwrap()
}

#[test]
fn reads_are_the_same() {
    let Some(program) = real_kubectl() else {
        eprintln!("skipped: kubectl.1.33 is not beside the kubectl on PATH");
        return;
    };
    let clock = Clock::real();
    let runtime = session_runtime(&clock).unwrap();
    let home = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let cluster = Cluster::start(&clock).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = cluster.target.as_sandbox().unwrap().cluster().server().clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move { server.serve_connection(stream).await });
            }
        });
        let mut different = Vec::new();
        for line in READS {
            let words: Vec<String> = line.split(' ').map(|word| word.replace('\u{a0}', " ")).collect();
            let ours = cluster.words(&words.iter().map(String::as_str).collect::<Vec<_>>(), "").await;
            let theirs = real(program.clone(), home.path().to_owned(), address.clone(), words).await;
            if ours != theirs {
                eprintln!("--- {line}\nours:   {ours:?}\ntheirs: {theirs:?}\n");
                different.push(*line);
            }
        }
        let same = READS.len() - different.len();
        eprintln!("identical: {same} of {}", READS.len());
        // What is known to differ is told above; the share may only grow.
        assert!(same * 100 >= READS.len() * AT_LEAST_PERCENT, "{different:#?}");
    });
}

/// How many of a hundred command lines must be byte for byte the same.
const AT_LEAST_PERCENT: usize = 98;
