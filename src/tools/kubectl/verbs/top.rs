//! `kubectl top`: what nodes and Pods use, as the metrics API tells it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::Flag;
use crate::tools::kubectl::print::columns::Columns;
use crate::tools::kubectl::quantity;
use crate::tools::kubectl::session::Session;

const COMMON: &[Flag] = &[
    Flag::switch("no-headers"),
    Flag::text("selector").short('l'),
    Flag::text("sort-by"),
    Flag::switch("use-protocol-buffers").or("true"),
];
/// The options of `top node`.
pub const NODE_OPTIONS: &[&[Flag]] = &[COMMON, &[Flag::switch("show-capacity"), Flag::switch("show-swap")]];
/// The options of `top pod`.
pub const POD_OPTIONS: &[&[Flag]] = &[
    COMMON,
    &[
        Flag::switch("all-namespaces").short('A'),
        Flag::switch("containers"),
        Flag::text("field-selector"),
        Flag::switch("sum"),
        Flag::switch("show-swap"),
    ],
];

/// Thousandths of a processor, and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Usage {
    cpu: i64,
    memory: i64,
}

impl Usage {
    fn of(usage: &Value) -> Self {
        let text = |key: &str| usage[key].as_str().unwrap_or_default();
        Self { cpu: quantity::milli(text("cpu")), memory: quantity::whole(text("memory")) }
    }

    fn and(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }

    fn cells(self) -> String {
        format!("{}m\t{}Mi", self.cpu, self.memory / (1024 * 1024))
    }
}

/// Shows what nodes use, and how much of what they have that is.
///
/// # Errors
/// As kubectl; also when the cluster has no metrics API.
pub async fn node(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let named = named(session, "node")?;
    sort_key(session)?;
    let metrics = measured(session, "/apis/metrics.k8s.io/v1beta1/nodes", named).await?;
    let nodes = session.list(&Call::get("/api/v1/nodes").query("labelSelector", options.text("selector"))).await?;
    let key = if options.on("show-capacity") { "capacity" } else { "allocatable" };
    let there: BTreeMap<String, Usage> = nodes["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|node| (text(&node["metadata"]["name"]).to_owned(), Usage::of(&node["status"][key])))
        .collect();
    let mut rows: Vec<(String, Usage)> =
        metrics.iter().map(|one| (text(&one["metadata"]["name"]).to_owned(), Usage::of(&one["usage"]))).collect();
    if rows.is_empty() {
        return Err(Failure::message("metrics not available yet"));
    }
    sort(options.text("sort-by"), &mut rows, |(_, usage)| *usage, |(name, _)| name.clone());
    let mut columns = Columns::table();
    if !options.on("no-headers") {
        columns.write("NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)\t\n");
    }
    for (name, usage) in rows {
        let has = there.get(&name).copied().unwrap_or_default();
        let share = |used: i64, all: i64| {
            if all == 0 { "<unknown>".to_owned() } else { format!("{}%", used * 100 / all) }
        };
        let (cpu, memory) = (share(usage.cpu, has.cpu), share(usage.memory, has.memory));
        let mebibytes = usage.memory / (1024 * 1024);
        columns.write(&format!("{name}\t{}m\t{cpu}\t{mebibytes}Mi\t{memory}\t\n", usage.cpu));
    }
    session.print(columns.flush()).await
}

/// Shows what Pods use, or each of their containers.
///
/// # Errors
/// As kubectl; also when the cluster has no metrics API.
pub async fn pod(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let named = named(session, "pod")?;
    sort_key(session)?;
    let everywhere = options.on("all-namespaces");
    let namespace = session.namespace().await?;
    let path = match everywhere {
        true => "/apis/metrics.k8s.io/v1beta1/pods".to_owned(),
        false => format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods"),
    };
    let pods = measured(session, &path, named).await?;
    if pods.is_empty() {
        return session
            .complain(match everywhere {
                true => "No resources found\n".to_owned(),
                false => format!("No resources found in {namespace} namespace.\n"),
            })
            .await;
    }
    let total = |pod: &Value| {
        let containers = pod["containers"].as_array().into_iter().flatten();
        containers.map(|one| Usage::of(&one["usage"])).fold(Usage::default(), Usage::and)
    };
    let mut rows: Vec<(&Value, Usage)> = pods.iter().map(|pod| (pod, total(pod))).collect();
    let place = |pod: &Value| {
        let metadata = &pod["metadata"];
        let namespace = if everywhere { text(&metadata["namespace"]) } else { "" };
        (namespace.to_owned(), text(&metadata["name"]).to_owned())
    };
    sort(options.text("sort-by"), &mut rows, |(_, usage)| *usage, |(pod, _)| place(pod));
    let mut columns = Columns::table();
    if !options.on("no-headers") {
        let first = if everywhere { "NAMESPACE\t" } else { "" };
        let name = if options.on("containers") { "POD\tNAME" } else { "NAME" };
        columns.write(&format!("{first}{name}\tCPU(cores)\tMEMORY(bytes)\t\n"));
    }
    let mut sum = Usage::default();
    for (pod, usage) in &rows {
        let (namespace, name) = place(pod);
        let first = if everywhere { namespace + "\t" } else { String::new() };
        sum = sum.and(*usage);
        if !options.on("containers") {
            columns.write(&format!("{first}{name}\t{}\t\n", usage.cells()));
            continue;
        }
        let mut containers: Vec<(&str, Usage)> = pod["containers"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| (text(&one["name"]), Usage::of(&one["usage"])))
            .collect();
        sort(options.text("sort-by"), &mut containers, |(_, usage)| *usage, |(name, _)| (*name).to_owned());
        for (container, usage) in containers {
            columns.write(&format!("{first}{name}\t{container}\t{}\t\n", usage.cells()));
        }
    }
    if options.on("sum") {
        let empty = "\t".repeat(usize::from(everywhere) + usize::from(options.on("containers")));
        columns.write(&format!("{empty}\t________\t________\t\n{empty}\t{}\t\n", sum.cells()));
    }
    session.print(columns.flush()).await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The one that is named, if one is.
fn named<'s>(session: &'s Session, what: &str) -> Result<Option<&'s str>, Failure> {
    let options = &session.options;
    match options.args.as_slice() {
        [] => Ok(None),
        [_] if !options.text("selector").is_empty() => {
            Err(session.usage(format!("only one of NAME or --selector can be provided, got {:?}", options.args[0])))
        }
        [name] => Ok(Some(name)),
        _ if what == "node" => Err(session.usage("node [NAME | -l label]")),
        many => Err(session.usage(format!("only one {what} name or no name can be given, got {}", many.len()))),
    }
}

fn sort_key(session: &Session) -> Result<(), Failure> {
    match session.options.text("sort-by") {
        "" | "cpu" | "memory" => Ok(()),
        _ => Err(Failure::message("--sort-by accepts only cpu or memory")),
    }
}

/// The most used first, or by name.
fn sort<T, K: Ord>(key: &str, rows: &mut [T], usage: impl Fn(&T) -> Usage, name: impl Fn(&T) -> K) {
    match key {
        "cpu" => rows.sort_by_key(|row| std::cmp::Reverse(usage(row).cpu)),
        "memory" => rows.sort_by_key(|row| std::cmp::Reverse(usage(row).memory)),
        _ => rows.sort_by_key(name),
    }
}

/// What the metrics API tells of these.
async fn measured(session: &Session, path: &str, named: Option<&str>) -> Result<Vec<Value>, Failure> {
    let api = session.api().await?;
    let groups = api.value(&Call::get("/apis").opaque()).await?;
    let mut groups = groups["groups"].as_array().into_iter().flatten();
    if !groups.any(|group| group["name"] == "metrics.k8s.io") {
        return Err(Failure::message("Metrics API not available"));
    }
    let options = &session.options;
    match named {
        Some(name) => Ok(vec![api.value(&Call::get(format!("{path}/{name}"))).await?]),
        None => {
            let call = Call::get(path)
                .query("labelSelector", options.text("selector"))
                .query("fieldSelector", options.text("field-selector"));
            let mut list = api.value(&call).await?;
            Ok(match list["items"].take() {
                Value::Array(items) => items,
                _ => Vec::new(),
            })
        }
    }
}
