//! `kubectl create service` and `create ingress`.

use regex::Regex;
use serde_json::{Map, Value, json};

use super::create::{self, COMMON};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{DRY_RUN, Flag, PRINT};
use crate::tools::kubectl::session::Session;

const TCP: Flag = Flag::list("tcp");

/// The options of `create service clusterip`.
pub const CLUSTER_IP_OPTIONS: &[&[Flag]] = &[COMMON, &[Flag::text("clusterip"), TCP], DRY_RUN, PRINT];
/// The options of `create service nodeport`.
pub const NODE_PORT_OPTIONS: &[&[Flag]] = &[COMMON, &[Flag::number("node-port", "0"), TCP], DRY_RUN, PRINT];
/// The options of `create service loadbalancer`.
pub const LOAD_BALANCER_OPTIONS: &[&[Flag]] = &[COMMON, &[TCP], DRY_RUN, PRINT];
/// The options of `create service externalname`.
pub const EXTERNAL_NAME_OPTIONS: &[&[Flag]] = &[COMMON, &[Flag::text("external-name"), TCP], DRY_RUN, PRINT];
/// The options of `create ingress`.
pub const INGRESS_OPTIONS: &[&[Flag]] = &[
    COMMON,
    &[Flag::each("annotation"), Flag::text("class"), Flag::text("default-backend"), Flag::each("rule")],
    DRY_RUN,
    PRINT,
];

/// The ports that `--tcp` names: `80`, `80:8080`, `80:http`.
fn ports(session: &Session) -> Result<Vec<Value>, Failure> {
    session
        .options
        .all("tcp")
        .iter()
        .map(|word| {
            let (port, target) = word.split_once(':').unwrap_or((word, word));
            let port = number(port)?;
            let target = match target.parse::<i64>() {
                Ok(number) => json!(number),
                Err(_) => json!(target),
            };
            Ok(json!({"name": word.replace(':', "-"), "port": port, "protocol": "TCP", "targetPort": target}))
        })
        .collect()
}

fn number(text: &str) -> Result<u16, Failure> {
    text.parse().map_err(|_| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let why = if digits { "value out of range" } else { "invalid syntax" };
        Failure::message(format!("strconv.ParseUint: parsing {}: {why}", quote(text)))
    })
}

async fn service(session: &Session, kind: &str, more: Value, without_ports: bool) -> Result<(), Failure> {
    let name = create::name(session)?;
    let ports = ports(session)?;
    if ports.is_empty() && !without_ports {
        return Err(Failure::message("at least one tcp port specifier must be provided"));
    }
    let labels = json!({"app": name});
    let mut spec = json!({"selector": labels, "type": kind});
    if !ports.is_empty() {
        spec["ports"] = ports.into();
    }
    for (key, value) in more.as_object().into_iter().flatten() {
        if key == "nodePort" {
            for port in spec["ports"].as_array_mut().into_iter().flatten() {
                port["nodePort"] = value.clone();
            }
        } else {
            spec[key] = value.clone();
        }
    }
    let value = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"creationTimestamp": null, "labels": labels, "name": name},
        "spec": spec, "status": {"loadBalancer": {}}});
    create::make_named(session, value, &format!("{kind} service")).await
}

/// Creates a Service of type ClusterIP.
///
/// # Errors
/// As kubectl.
pub async fn cluster_ip(session: &Session) -> Result<(), Failure> {
    match session.options.text("clusterip") {
        "" => service(session, "ClusterIP", json!({}), false).await,
        address => service(session, "ClusterIP", json!({"clusterIP": address}), address == "None").await,
    }
}

/// Creates a Service of type NodePort.
///
/// # Errors
/// As kubectl.
pub async fn node_port(session: &Session) -> Result<(), Failure> {
    let more = match session.options.number("node-port") {
        0 => json!({}),
        port => json!({"nodePort": port}),
    };
    service(session, "NodePort", more, false).await
}

/// Creates a Service of type LoadBalancer.
///
/// # Errors
/// As kubectl.
pub async fn load_balancer(session: &Session) -> Result<(), Failure> {
    service(session, "LoadBalancer", json!({}), false).await
}

/// Creates a Service of type ExternalName.
///
/// # Errors
/// As kubectl.
pub async fn external_name(session: &Session) -> Result<(), Failure> {
    create::required(session, &["external-name"])?;
    let host = session.options.text("external-name");
    let is_label = |part: &str| {
        let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !part.is_empty() && part.chars().all(inside) && !part.starts_with('-') && !part.ends_with('-')
    };
    if host.is_empty() || host.len() > 253 || !host.split('.').all(is_label) {
        return Err(Failure::message(format!("invalid service external name {host}")));
    }
    service(session, "ExternalName", json!({"externalName": host}), true).await
}

fn port_of(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(number) => json!({"number": number}),
        Err(_) => json!({"name": text}),
    }
}

/// Creates an Ingress.
///
/// # Errors
/// As kubectl.
pub async fn ingress(session: &Session) -> Result<(), Failure> {
    let name = create::name(session)?;
    let options = &session.options;
    let (wanted, default) = (options.all("rule"), options.text("default-backend"));
    if wanted.is_empty() && default.is_empty() {
        return Err(Failure::message(
            "not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)",
        ));
    }
    let invalid = |rule: &str| {
        Failure::message(format!(
            "rule {rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"
        ))
    };
    let form = Regex::new(r"^([\w*\-.]*)(/.*)=([\w\-]+):([\w\-]+)(?:,(tls)(?:=([\w\-]+))?)?$")
        .map_err(|error| Failure::message(error.to_string()))?;
    let parts: Vec<regex::Captures<'_>> =
        wanted.iter().map(|rule| form.captures(rule).ok_or_else(|| invalid(rule))).collect::<Result<_, _>>()?;
    let mut annotations = Map::new();
    for pair in options.all("annotation") {
        let (key, value) = pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            Failure::message(format!("annotation {pair} is invalid and should be in format key=[value]"))
        })?;
        annotations.insert(key.to_owned(), json!(value));
    }
    let mut spec = Map::new();
    if !default.is_empty() {
        let (service, port) = default
            .split_once(':')
            .filter(|(service, port)| !service.is_empty() && !port.is_empty() && !port.contains(':'))
            .ok_or_else(|| Failure::message("default-backend should be in format servicename:serviceport"))?;
        spec.insert("defaultBackend".into(), json!({"service": {"name": service, "port": port_of(port)}}));
    }
    if !options.text("class").is_empty() {
        spec.insert("ingressClassName".into(), json!(options.text("class")));
    }
    let (mut rules, mut secrets) = (Vec::<Value>::new(), Vec::<Value>::new());
    for part in &parts {
        let text = |at: usize| part.get(at).map_or("", |found| found.as_str());
        let (host, path) = (text(1), text(2));
        let (path, kind) = match path.strip_suffix('*') {
            Some(prefix) => (prefix, "Prefix"),
            None => (path, "Exact"),
        };
        let backend = json!({"service": {"name": text(3), "port": port_of(text(4))}});
        let path = json!({"path": path, "pathType": kind, "backend": backend});
        let known = rules.iter_mut().find(|rule| rule["host"].as_str().unwrap_or_default() == host);
        match known.and_then(|rule| rule["http"]["paths"].as_array_mut()) {
            Some(paths) => paths.push(path),
            None => {
                let mut rule = json!({"http": {"paths": [path]}});
                if !host.is_empty() {
                    rule["host"] = json!(host);
                }
                rules.push(rule);
            }
        }
        if !text(5).is_empty() && !host.is_empty() {
            let secret = text(6);
            let known = secrets.iter_mut().find(|tls| tls["secretName"].as_str().unwrap_or_default() == secret);
            match known.and_then(|tls| tls["hosts"].as_array_mut()) {
                Some(hosts) if hosts.iter().any(|known| known == host) => {}
                Some(hosts) => hosts.push(json!(host)),
                None => {
                    let mut tls = json!({"hosts": [host]});
                    if !secret.is_empty() {
                        tls["secretName"] = json!(secret);
                    }
                    secrets.push(tls);
                }
            }
        }
    }
    for (key, list) in [("rules", rules), ("tls", secrets)] {
        if !list.is_empty() {
            spec.insert(key.into(), list.into());
        }
    }
    let mut metadata = json!({"creationTimestamp": null, "name": name});
    if !annotations.is_empty() {
        metadata["annotations"] = annotations.into();
    }
    let value = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata,
        "spec": spec, "status": {"loadBalancer": {}}});
    create::make_named(session, value, "ingress").await
}
