//! `kubectl cluster-info dump`: what there is in some namespaces, and the logs of their containers.

use serde_json::Value;

use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::manifests::reason;
use crate::tools::kubectl::options::{Flag, PRINT};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all-namespaces").short('A'),
        Flag::list("namespaces"),
        Flag::text("output").short('o').or("json"),
        Flag::text("output-directory"),
        Flag::duration("pod-running-timeout", "20s"),
    ],
    PRINT,
];

/// What is listed of a namespace: its path, and the file that it goes to.
const LISTS: &[(&str, &str)] = &[
    ("/api/v1", "events"),
    ("/api/v1", "replicationcontrollers"),
    ("/api/v1", "services"),
    ("/apis/apps/v1", "daemonsets"),
    ("/apis/apps/v1", "deployments"),
    ("/apis/apps/v1", "replicasets"),
    ("/api/v1", "pods"),
];

/// Shows the nodes, and of each namespace its objects and logs; with `--output-directory` in files.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let Some(printer) = ObjectPrinter::chosen(session).await? else { return Ok(()) };
    let mut to = Dump { session, ending: if options.text("output") == "yaml" { "yaml" } else { "json" }, printer };
    let api = session.api().await?;
    if to.printer.is_name() {
        return Err(Failure::message("list types are not supported by name printing: *v1.NodeList"));
    }
    to.list("nodes", &api.value(&Call::get("/api/v1/nodes")).await?).await?;
    let mut namespaces = options.all("namespaces").to_vec();
    if options.on("all-namespaces") {
        let all = api.value(&Call::get("/api/v1/namespaces")).await?;
        let names = all["items"].as_array().into_iter().flatten().filter_map(|one| one["metadata"]["name"].as_str());
        namespaces = names.map(str::to_owned).collect();
    } else if namespaces.is_empty() {
        namespaces = vec!["kube-system".to_owned(), session.namespace().await?];
    }
    for namespace in &namespaces {
        let mut pods = Value::Null;
        for (root, plural) in LISTS {
            let list = api.value(&Call::get(format!("{root}/namespaces/{namespace}/{plural}"))).await?;
            let file = if *plural == "replicationcontrollers" { "replication-controllers" } else { plural };
            to.list(&format!("{namespace}/{file}"), &list).await?;
            pods = list;
        }
        for pod in pods["items"].as_array().into_iter().flatten() {
            to.logs(namespace, pod).await?;
        }
    }
    match options.text("output-directory") {
        "" | "-" => Ok(()),
        folder => session.print(format!("Cluster info dumped to {folder}\n")).await,
    }
}

/// Where it goes.
struct Dump<'a> {
    session: &'a Session,
    ending: &'static str,
    printer: ObjectPrinter,
}

impl Dump<'_> {
    async fn list(&mut self, file: &str, list: &Value) -> Result<(), Failure> {
        let text = self.printer.print(list)?;
        self.write(&format!("{file}.{}", self.ending), &text).await
    }

    async fn logs(&self, namespace: &str, pod: &Value) -> Result<(), Failure> {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let mut text = Vec::new();
        let lists = ["initContainers", "containers"];
        let containers = lists.iter().flat_map(|list| pod["spec"][*list].as_array().into_iter().flatten());
        for container in containers.filter_map(|one| one["name"].as_str()) {
            let of = format!("logs for container {container} of pod {namespace}/{name}");
            let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/log");
            text.extend(format!("==== START {of} ====\n").into_bytes());
            match self.session.api().await?.bytes(&Call::get(path).query("container", container)).await {
                Ok(log) => text.extend(log),
                Err(Failure::Closed) => return Err(Failure::Closed),
                Err(failure) => text.extend(format!("Request log error: {}\n", failure.words()).into_bytes()),
            }
            text.extend(format!("==== END {of} ====\n").into_bytes());
        }
        self.write(&format!("{namespace}/{name}/logs.txt"), &text).await
    }

    /// Writes a file of the folder that is named, or prints it.
    async fn write(&self, file: &str, text: &[u8]) -> Result<(), Failure> {
        let folder = self.session.options.text("output-directory");
        if matches!(folder, "" | "-") {
            return self.session.print(text).await;
        }
        let path = format!("{}/{file}", folder.trim_end_matches('/'));
        for (at, _) in path.match_indices('/').filter(|(at, _)| *at > 0) {
            // One that is there is as good; what is wrong the file itself tells.
            let _ = self.session.files().create_dir(&path[..at]);
        }
        let written =
            self.session.files().create(&path).and_then(|mut file| std::io::Write::write_all(&mut file, text));
        written.map_err(|error| Failure::message(format!("open {path}: {}", reason(&error))))
    }
}
