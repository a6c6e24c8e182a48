//! `kubectl expose`

use serde_json::{Map, Value, json};

use super::dry_run::no_resource;
use super::{create, overrides};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::text("cluster-ip"),
        Flag::text("external-ip"),
        Flag::text("field-manager").or("kubectl-expose"),
        Flag::text("labels").short('l'),
        Flag::text("load-balancer-ip"),
        Flag::text("name"),
        Flag::text("port"),
        Flag::text("protocol"),
        Flag::switch("save-config"),
        Flag::text("selector"),
        Flag::text("session-affinity"),
        Flag::text("target-port"),
        Flag::text("type"),
    ],
    overrides::OPTIONS,
    DRY_RUN,
    FILES,
    PRINT,
];

/// Makes Services for workloads.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    if let Some(failure) = no_resource(session) {
        return Err(failure);
    }
    // What files say is exposed as they say it.
    let selection = match session.has_files() {
        true => session.name(&session.options.args, Rules::default()).await?,
        false => session.select(&session.options.args, Rules::default()).await?,
    };
    let mut failures = selection.failures;
    for object in &selection.objects {
        let made = match service(session, object) {
            Ok(service) => match overrides::overridden(session, service) {
                Ok(service) => create::make_as(session, service, "exposed").await.map(|_| ()),
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        match made {
            Ok(()) => {}
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

/// The pairs of `key=value,key=value`.
fn pairs(text: &str) -> Result<Map<String, Value>, Failure> {
    let mut map = Map::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| Failure::message(format!("unexpected label spec: {pair}")))?;
        map.insert(key.to_owned(), json!(value));
    }
    Ok(map)
}

/// The kind and its group, as messages about a kind name it: `Deployment.apps`.
pub fn of_group(object: &Object) -> String {
    let mapping = &object.mapping;
    if mapping.group.is_empty() { mapping.kind.clone() } else { format!("{}.{}", mapping.kind, mapping.group) }
}

fn service(session: &Session, object: &Object) -> Result<Value, Failure> {
    let options = &session.options;
    let spec = &object.value["spec"];
    let kind = object.mapping.kind.as_str();
    if !matches!(kind, "Pod" | "Service" | "ReplicationController" | "Deployment" | "ReplicaSet") {
        return Err(Failure::message(format!("cannot expose a {}", of_group(object))));
    }
    let selector = match (options.text("selector"), kind) {
        ("", "Pod") => object.value["metadata"]["labels"].clone(),
        ("", "Service" | "ReplicationController") => spec["selector"].clone(),
        ("", _) => {
            if spec["selector"]["matchExpressions"].as_array().is_some_and(|list| !list.is_empty()) {
                return Err(Failure::message(format!(
                    "couldn't retrieve selectors via --selector flag or introspection: couldn't convert expressions - \"{}\" to map-based selector format",
                    spec["selector"]["matchExpressions"]
                )));
            }
            spec["selector"]["matchLabels"].clone()
        }
        (given, _) => Value::Object(pairs(given)?),
    };
    if selector.as_object().is_none_or(Map::is_empty) {
        let why = format!("the {kind} has no labels and cannot be exposed").to_lowercase();
        return Err(Failure::message(format!(
            "couldn't retrieve selectors via --selector flag or introspection: {why}"
        )));
    }
    let protocol = |given: Option<&str>| match options.text("protocol") {
        "" => given.unwrap_or("TCP").to_owned(),
        own => own.to_uppercase(),
    };
    let containers = if kind == "Pod" { &spec["containers"] } else { &spec["template"]["spec"]["containers"] };
    let own: Vec<(i64, Option<&str>)> = match kind {
        "Service" => list(&spec["ports"]).map(|port| (number(&port["port"]), port["protocol"].as_str())).collect(),
        _ => list(containers)
            .flat_map(|container| list(&container["ports"]))
            .map(|port| (number(&port["containerPort"]), port["protocol"].as_str()))
            .collect(),
    };
    let wanted: Vec<i64> = match options.text("port") {
        "" => own.iter().map(|(port, _)| *port).collect(),
        given => given
            .split(',')
            .map(|port| {
                port.parse()
                    .map_err(|_| Failure::message(format!("strconv.Atoi: parsing {}: invalid syntax", quote(port))))
            })
            .collect::<Result<_, _>>()?,
    };
    if wanted.is_empty() {
        return Err(Failure::message("couldn't find port via --port flag or introspection"));
    }
    let target = options.text("target-port");
    let many = wanted.len() > 1;
    let ports: Vec<Value> = wanted
        .iter()
        .enumerate()
        .map(|(index, port)| {
            let told = own.iter().find(|(own, _)| own == port).and_then(|(_, protocol)| *protocol);
            let mut one = json!({"protocol": protocol(told), "port": port});
            if many {
                one["name"] = json!(format!("port-{}", index + 1));
            }
            one["targetPort"] = match target.parse::<i64>() {
                _ if target.is_empty() => json!(port),
                Ok(number) => json!(number),
                Err(_) => json!(target),
            };
            one
        })
        .collect();
    let name = match options.text("name") {
        "" => object.name.as_str(),
        given => given,
    };
    let mut metadata = json!({"creationTimestamp": null, "name": name});
    let labels = match options.text("labels") {
        "" => object.value["metadata"]["labels"].clone(),
        given => Value::Object(pairs(given)?),
    };
    if labels.is_object() {
        metadata["labels"] = labels;
    }
    if !object.namespace.is_empty() && options.text("namespace").is_empty() && !session.has_files() {
        metadata["namespace"] = json!(object.namespace);
    }
    let mut made = json!({"ports": ports, "selector": selector});
    match options.text("type") {
        "" => {}
        given => made["type"] = json!(given),
    }
    for (option, field) in
        [("cluster-ip", "clusterIP"), ("load-balancer-ip", "loadBalancerIP"), ("session-affinity", "sessionAffinity")]
    {
        if !options.text(option).is_empty() {
            made[field] = json!(options.text(option));
        }
    }
    if !options.text("external-ip").is_empty() {
        made["externalIPs"] = json!([options.text("external-ip")]);
    }
    Ok(
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": made, "status": {"loadBalancer": {}}}),
    )
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// The Service that `kubectl run --expose` makes.
///
/// # Errors
/// When the port is not a number.
pub fn of_pod(name: &str, port: &str, labels: &Value) -> Result<Value, Failure> {
    let number: u16 =
        port.parse().map_err(|_| Failure::message(format!("strconv.Atoi: parsing {}: invalid syntax", quote(port))))?;
    Ok(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"creationTimestamp": null, "name": name},
        "spec": {"ports": [{"port": number, "protocol": "TCP", "targetPort": number}], "selector": labels},
        "status": {"loadBalancer": {}}}))
}
