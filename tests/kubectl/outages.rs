//! A live cluster whose API server has bad moments: `lectern sh --target live` against a door that the test opens and shuts.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lectern::clock::{Clock, session_runtime};
use lectern::sandbox::cluster::api::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::harness::Cluster;

/// Lets an API server be reached on a port, or turns its clients away.
struct Door {
    server: Server,
    address: SocketAddr,
    open: Option<CancellationToken>,
    /// How many connections are still answered with `refusal`.
    refusals: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    refusal: &'static str,
}

impl Door {
    async fn new(cluster: &Cluster) -> Self {
        let server = cluster.target.as_sandbox().unwrap().cluster().server().clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut door = Self {
            server,
            address,
            open: None,
            refusals: Arc::default(),
            refused: Arc::default(),
            refusal: "429 Too Many Requests\r\nRetry-After: 0",
        };
        door.listen(listener);
        door
    }

    fn listen(&mut self, listener: TcpListener) {
        let (server, refusals, refused) = (self.server.clone(), self.refusals.clone(), self.refused.clone());
        let refusal = self.refusal;
        let open = CancellationToken::new();
        self.open = Some(open.clone());
        tokio::spawn(open.clone().run_until_cancelled_owned(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let server = server.clone();
                let left = refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                let refused = refused.clone();
                tokio::spawn(open.clone().run_until_cancelled_owned(async move {
                    if left.is_err() {
                        drop(server.serve_connection(stream).await);
                        return;
                    }
                    refused.fetch_add(1, Ordering::SeqCst);
                    let mut request = [0; 4096];
                    drop(stream.read(&mut request).await);
                    let answer = format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    drop(stream.write_all(answer.as_bytes()).await);
                }));
            }
        }));
    }

    /// Cuts all connections and lets no new ones in.
    fn shut(&mut self) {
        if let Some(open) = self.open.take() {
            open.cancel();
        }
    }

    /// Cuts all connections; new ones come in at once.
    async fn cut(&mut self) {
        self.shut();
        self.open_again().await;
    }

    async fn open_again(&mut self) {
        // The port is free as soon as the last listener is gone.
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.listen(listener);
    }

    /// Answers the next connections with a status, and tells how many were, since it was asked last.
    fn refuse(&mut self, connections: usize) -> usize {
        self.refusals.store(connections, Ordering::SeqCst);
        self.refused.swap(0, Ordering::SeqCst)
    }
}

/// The program with a kubeconfig of its own.
#[allow(clippy::disallowed_methods, reason = "the test runs the program that it tests")]
fn lectern(home: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lectern"));
    command.env_clear().env("HOME", home).current_dir(home);
    command.args(["sh", "--target", "live", "-c", line]).stdin(Stdio::null());
    command
}

fn kubeconfig(home: &Path, address: SocketAddr) {
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    });
    std::fs::create_dir_all(home.join(".kube")).unwrap();
    std::fs::write(home.join(".kube/config"), config.to_string()).unwrap();
}

async fn ended(mut command: Command) -> (i32, String, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    told(&output)
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A command that goes on, and its first line.
async fn until_first_line(mut command: Command) -> (Child, BufReader<std::process::ChildStdout>, String) {
    tokio::task::spawn_blocking(move || {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        (child, out, line)
    })
    .await
    .unwrap()
}

fn with_door(test: impl AsyncFnOnce(Cluster, Door, tempfile::TempDir)) {
    let clock = Clock::accelerated(20.0);
    let runtime = session_runtime(&clock).unwrap();
    runtime.block_on(async {
        let cluster = Cluster::start(&clock).await;
        let door = Door::new(&cluster).await;
        let home = tempfile::tempdir().unwrap();
        kubeconfig(home.path(), door.address);
        test(cluster, door, home).await;
    });
}

#[test]
fn a_server_that_asks_to_wait_is_asked_again() {
    with_door(async |_cluster, mut door, home| {
        let get = "kubectl get --raw /api/v1/namespaces/carts > got && kubectl get namespace carts -o name";
        door.refuse(3);
        assert_eq!(ended(lectern(home.path(), get)).await, (0, "namespace/carts\n".into(), String::new()));
        assert_eq!(door.refuse(0), 3);

        // Ten times at most, as client-go.
        door.refuse(1000);
        let (status, out, err) = ended(lectern(home.path(), "kubectl get --raw /api/v1/namespaces/carts")).await;
        assert_eq!((status, out.as_str()), (1, ""), "{err}");
        assert!(err.starts_with("Error from server (TooManyRequests): "), "{err}");
        assert_eq!(door.refuse(0), 11);

        // A server that does not say when to ask again is not asked again.
        door.shut();
        door.refusal = "503 Service Unavailable\r\nX-None: none";
        door.open_again().await;
        door.refuse(1000);
        let (status, _, err) = ended(lectern(home.path(), "kubectl get --raw /api/v1/namespaces/carts")).await;
        assert_eq!(status, 1);
        assert!(err.starts_with("Error from server (ServiceUnavailable): "), "{err}");
        assert_eq!(door.refuse(0), 1);
    });
}

#[test]
fn a_rollout_is_followed_through_an_outage() {
    with_door(async |cluster, mut door, home| {
        assert_eq!(cluster.run("create deployment web --image=nginx:broken").await.status, 0);
        let status = lectern(home.path(), "kubectl rollout status deployment/web --timeout=590s");
        let (mut child, mut out, line) = until_first_line(status).await;
        assert!(line.starts_with("Waiting for deployment \"web\" rollout to finish: "), "{line}");
        // The watch is cut, the server is away, and while it is what is waited for comes true.
        door.shut();
        assert_eq!(cluster.run("set image deployment/web nginx=nginx:1.27").await.status, 0);
        let rolled = cluster.run("rollout status deployment/web").await;
        assert_eq!(rolled.status, 0, "{rolled:?}");
        let refused = ended(lectern(home.path(), "kubectl get namespace carts")).await;
        assert_eq!(refused.0, 1, "a command that begins now has no server: {refused:?}");
        assert!(refused.2.contains("was refused - did you specify the right host or port?"), "{refused:?}");
        door.open_again().await;
        let (status, rest) = tokio::task::spawn_blocking(move || {
            let mut rest = String::new();
            out.read_to_string(&mut rest).unwrap();
            (child.wait().unwrap(), rest)
        })
        .await
        .unwrap();
        assert!(status.success() && rest.ends_with("deployment \"web\" successfully rolled out\n"), "{status} {rest}");
    });
}

#[test]
fn a_watch_that_is_cut_goes_on_where_it_was() {
    with_door(async |cluster, mut door, home| {
        let watch = lectern(home.path(), "kubectl get configmaps -n carts --watch --no-headers");
        let (mut child, mut out, first) = until_first_line(watch).await;
        assert!(first.starts_with("carts "), "{first}");
        assert_eq!(cluster.run("create configmap one -n carts").await.status, 0);
        let wait =
            lectern(home.path(), "kubectl wait --for=jsonpath={.data.a}=b configmap/one -n carts --timeout=590s");
        let wait = tokio::spawn(ended(wait));
        let told = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            while !line.starts_with("one ") {
                line.clear();
                assert!(out.read_line(&mut line).unwrap() > 0, "the new one is not told of");
            }
        });
        told.await.unwrap();
        for _ in 0..3 {
            door.cut().await;
        }
        assert_eq!(
            cluster.run("patch configmap one -n carts --type=merge -p {\"data\":{\"a\":\"b\"}}").await.status,
            0
        );
        let (status, said, err) = wait.await.unwrap();
        assert_eq!((status, said.as_str()), (0, "configmap/one condition met\n"), "{err}");
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn a_kubeconfig_may_be_in_several_files() {
    with_door(async |_cluster, door, home| {
        let write = |name: &str, value: serde_json::Value| {
            let path = home.path().join(name);
            std::fs::write(&path, value.to_string()).unwrap();
            path.display().to_string()
        };
        let head = |more: serde_json::Value| {
            let mut config = serde_json::json!({"apiVersion": "v1", "kind": "Config"});
            config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            config
        };
        let address = format!("http://{}", door.address);
        let context = |name: &str, namespace: &str| serde_json::json!({"name": name, "context": {"cluster": "there", "user": "me", "namespace": namespace}});
        let first =
            write("first", head(serde_json::json!({"contexts": [context("one", "carts")], "current-context": "one"})));
        let second = write(
            "second",
            head(serde_json::json!({
                "clusters": [{"name": "there", "cluster": {"server": address}}],
                "contexts": [context("one", "ui"), context("two", "ui")],
                "users": [{"name": "me", "user": {}}], "current-context": "two",
            })),
        );
        let missing = home.path().join("missing").display().to_string();
        let run = async |line: &str| {
            let mut command = lectern(home.path(), line);
            command.env("KUBECONFIG", [&*first, &*missing, &*second].join(":"));
            ended(command).await
        };
        // What the first file says of a name counts.
        assert_eq!(run("kubectl config current-context").await, (0, "one\n".into(), String::new()));
        assert_eq!(
            run("kubectl get serviceaccount carts -o name").await,
            (0, "serviceaccount/carts\n".into(), String::new())
        );
        let two = "kubectl get serviceaccount ui --context two -o name";
        assert_eq!(run(two).await, (0, "serviceaccount/ui\n".into(), String::new()));
        let names = run("kubectl config get-contexts -o name").await;
        assert_eq!(names, (0, "one\ntwo\n".into(), String::new()));
    });
}
