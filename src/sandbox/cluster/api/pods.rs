//! What the server does for Pods, Services, Jobs and claims beyond their fields' defaults, because it depends on what
//! else there is; and the sub-resources of Pods.

use std::collections::HashSet;

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::body::{self, Body};
use super::defaults::{each, entries, set};
use super::hooks::{ExecRequest, LogOptions};
use super::kinds::Kind;
use super::request::{Call, Target, number, object_of};
use super::{Server, Status, claims};
use crate::sandbox::cluster::store::{GroupResource, Key, Object};

mod exec;

const PODS: GroupResource = GroupResource::of("", "pods");
const SERVICES: GroupResource = GroupResource::of("", "services");

/// How much of its resources a Pod is sure of.
pub fn qos_class(pod: &Value) -> &'static str {
    let containers = || {
        ["containers", "initContainers"].into_iter().flat_map(|list| pod["spec"][list].as_array().into_iter().flatten())
    };
    let filled = |value: &Value| value.as_object().is_some_and(|map| !map.is_empty());
    let any = containers().any(|one| filled(&one["resources"]["limits"]) || filled(&one["resources"]["requests"]));
    if !any {
        return "BestEffort";
    }
    let sure = containers().all(|one| {
        ["cpu", "memory"].into_iter().all(|name| {
            let (limit, request) = (&one["resources"]["limits"][name], &one["resources"]["requests"][name]);
            !limit.is_null() && (request.is_null() || request == limit)
        })
    });
    if sure { "Guaranteed" } else { "Burstable" }
}

/// Completes an object that is about to be created.
///
/// # Errors
/// When what it needs is not there: its service account, a free address.
pub fn complete(server: &Server, kind: &Kind, object: &mut Value) -> Result<(), Status> {
    match (kind.group.as_ref(), kind.plural.as_ref()) {
        ("", "pods") => complete_pod(server, object),
        ("", "services") => complete_service(server, object),
        ("batch", "jobs") => {
            complete_job(object);
            Ok(())
        }
        ("", "persistentvolumeclaims") => {
            claims::complete(server, object);
            Ok(())
        }
        ("", "persistentvolumes") => {
            claims::protect(object, "kubernetes.io/pv-protection");
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Where the service account's token, the cluster's CA and the namespace are mounted.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

fn complete_pod(server: &Server, pod: &mut Value) -> Result<(), Status> {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let spec = &mut pod["spec"];
    prioritize(server, spec, &name)?;
    // A Pod waits five minutes on a node that does not answer.
    let tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
    let mut tolerations = tolerations;
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let known = tolerations.iter().any(|one| {
            (one["key"] == key || one["key"].is_null()) && (one["effect"] == "NoExecute" || one["effect"].is_null())
        });
        if !known {
            tolerations
                .push(json!({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300}));
        }
    }
    spec["tolerations"] = tolerations.into();
    service_account(server, spec, &namespace, &name)
}

/// Gives a Pod its priority: of the class that it names, or of the one that is for all that name none.
fn prioritize(server: &Server, spec: &mut Value, pod: &str) -> Result<(), Status> {
    let classes = GroupResource::of("scheduling.k8s.io", "priorityclasses");
    let named = spec["priorityClassName"].as_str().filter(|class| !class.is_empty()).map(str::to_owned);
    let found = match &named {
        Some(class) => server.store().get(&Key::cluster(&classes, class)),
        None => {
            let all = server.store().list(&classes, None);
            all.into_iter().filter(|class| class["globalDefault"] == true).min_by_key(|class| class["value"].as_i64())
        }
    };
    let value = match (&found, named.as_deref()) {
        (Some(found), _) => found["value"].clone(),
        (None, Some("system-cluster-critical")) => 2_000_000_000.into(),
        (None, Some("system-node-critical")) => 2_000_001_000.into(),
        (None, Some(class)) => {
            let why = format!("no PriorityClass with name {class} was found");
            return Err(Status::forbidden(&PODS, pod, &why));
        }
        (None, None) => 0.into(),
    };
    if let Some(found) = &found {
        spec["priorityClassName"] = found["metadata"]["name"].clone();
        if let Some(policy) = found["preemptionPolicy"].as_str() {
            set(spec, "preemptionPolicy", policy);
        }
    }
    if named.is_some() {
        spec["priority"] = value;
    } else {
        set(spec, "priority", value);
    }
    set(spec, "preemptionPolicy", "PreemptLowerPriority");
    Ok(())
}

fn service_account(server: &Server, spec: &mut Value, namespace: &str, pod: &str) -> Result<(), Status> {
    set(spec, "serviceAccountName", "default");
    let account = spec["serviceAccountName"].clone();
    set(spec, "serviceAccount", account.clone());
    let account = account.as_str().unwrap_or_default();
    let accounts = GroupResource::of("", "serviceaccounts");
    let Some(found) = server.store().get(&Key::namespaced(&accounts, namespace, account)) else {
        let why =
            format!("error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found");
        return Err(Status::forbidden(&PODS, pod, &why));
    };
    if spec["imagePullSecrets"].is_null() && found["imagePullSecrets"].is_array() {
        spec["imagePullSecrets"] = found["imagePullSecrets"].clone();
    }
    let wanted = spec["automountServiceAccountToken"]
        .as_bool()
        .or_else(|| found["automountServiceAccountToken"].as_bool())
        .unwrap_or(true);
    if !wanted {
        return Ok(());
    }
    let volume = spec["volumes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|volume| volume["name"].as_str())
        .find(|name| name.starts_with("kube-api-access-"))
        .map(str::to_owned);
    let name = volume.clone().unwrap_or_else(|| format!("kube-api-access-{}", server.store().suffix(5)));
    let mut used = false;
    for list in ["initContainers", "containers"] {
        for container in each(spec.get_mut(list)) {
            let mounts = container["volumeMounts"].as_array().into_iter().flatten();
            if mounts.into_iter().any(|mount| mount["mountPath"] == TOKEN_PATH) {
                continue;
            }
            used = true;
            let mount = json!({"name": name, "readOnly": true, "mountPath": TOKEN_PATH});
            push(&mut container["volumeMounts"], mount);
        }
    }
    if used && volume.is_none() {
        let namespace =
            json!({"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}});
        let sources = json!([
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [namespace]}},
        ]);
        push(&mut spec["volumes"], json!({"name": name, "projected": {"sources": sources, "defaultMode": 420}}));
    }
    Ok(())
}

pub fn push(list: &mut Value, item: Value) {
    match list {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}

fn complete_service(server: &Server, service: &mut Value) -> Result<(), Status> {
    let name = service["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let spec = &mut service["spec"];
    if spec["type"] == "ExternalName" {
        return Ok(());
    }
    let others = server.store().list(&SERVICES, None);
    if spec["clusterIP"].as_str().unwrap_or_default().is_empty() {
        let taken: HashSet<&str> = others.iter().filter_map(|one| one["spec"]["clusterIP"].as_str()).collect();
        spec["clusterIP"] = free_address(server, &taken).into();
    } else if spec["clusterIP"] != "None" && others.iter().any(|one| one["spec"]["clusterIP"] == spec["clusterIP"]) {
        let message = format!(
            "failed to allocate IP {}: provided IP is already allocated",
            spec["clusterIP"].as_str().unwrap_or_default()
        );
        let kind = super::kinds::of_resource(server.store(), &SERVICES).ok_or_else(Status::no_resource)?;
        let cause = super::Cause::invalid("spec.clusterIPs", &json!([spec["clusterIP"]]), &message);
        return Err(Status::invalid(&kind, &name, &[cause]));
    }
    let address = spec["clusterIP"].clone();
    set(spec, "clusterIPs", json!([address]));
    complete_ports(server, service);
    Ok(())
}

/// Gives ports on the nodes to a Service that is to have them.
pub fn complete_ports(server: &Server, service: &mut Value) {
    let spec = &mut service["spec"];
    let wanted = match spec["type"].as_str() {
        Some("LoadBalancer") => spec["allocateLoadBalancerNodePorts"] != false,
        kind => kind == Some("NodePort"),
    };
    if !wanted {
        return;
    }
    let others = server.store().list(&SERVICES, None);
    let mut taken: HashSet<i64> = others
        .iter()
        .flat_map(|one| one["spec"]["ports"].as_array().into_iter().flatten())
        .filter_map(|port| port["nodePort"].as_i64())
        .collect();
    for port in each(spec.get_mut("ports")) {
        if port["nodePort"].as_i64().unwrap_or(0) == 0 {
            let free = free_port(server, &taken);
            taken.insert(free);
            port["nodePort"] = free.into();
        }
    }
}

/// A number from the store's generator below `limit`.
fn draw(server: &Server, limit: u64) -> u64 {
    let uid = server.store().uid();
    u64::from_str_radix(&uid[..8], 16).unwrap_or(0) % limit
}

fn free_address(server: &Server, taken: &HashSet<&str>) -> String {
    let [a, b] = server.config().service_network;
    loop {
        // The lower end is for addresses that are asked for by name.
        let (c, d) = (draw(server, 256), 2 + draw(server, 252));
        let address = format!("{a}.{b}.{c}.{d}");
        if !taken.contains(address.as_str()) {
            return address;
        }
    }
}

fn free_port(server: &Server, taken: &HashSet<i64>) -> i64 {
    loop {
        let port = 30_000 + i64::try_from(draw(server, 2_768)).unwrap_or(0);
        if !taken.contains(&port) {
            return port;
        }
    }
}

/// A Job finds its Pods by its own uid.
fn complete_job(job: &mut Value) {
    if job["spec"]["manualSelector"] == true {
        return;
    }
    let (uid, name) = (job["metadata"]["uid"].clone(), job["metadata"]["name"].clone());
    let labels = entries(&mut job["spec"]["template"]["metadata"]["labels"]);
    for (key, value) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        labels.insert(key.into(), value.clone());
    }
    if job["spec"]["selector"].is_null() {
        job["spec"]["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    }
}

impl Server {
    pub(super) fn pod_of(&self, target: &Target) -> Result<Object, Status> {
        let key = target.key();
        self.store().get(&key).ok_or_else(|| Status::not_found(&key.resource, &key.name))
    }

    /// Binds a Pod to a node.
    pub(super) fn bind(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let binding = object_of(call)?;
        let node = binding["target"]["name"].as_str().unwrap_or_default().to_owned();
        if node.is_empty() {
            return Err(Status::bad_request("Binding is invalid: target.name: Required value"));
        }
        let key = target.key();
        let now = self.store().timestamp();
        self.store().update::<Status>(&key, None, |pod| {
            let bound = pod["spec"]["nodeName"].as_str().unwrap_or_default();
            if !bound.is_empty() {
                let why = format!("pod {} is already assigned to node {bound:?}", key.name);
                return Err(Status::conflict(&GroupResource::of("", "pods/binding"), &key.name, &why));
            }
            pod["spec"]["nodeName"] = node.clone().into();
            let condition =
                json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now});
            let conditions = entries(&mut pod["status"]).entry("conditions").or_insert_with(|| json!([]));
            if let Some(list) = conditions.as_array_mut() {
                list.retain(|one| one["type"] != "PodScheduled");
                list.push(condition);
            }
            Ok(())
        })?;
        Ok(body::json(StatusCode::CREATED, &success()))
    }

    /// Which container a request means.
    ///
    /// # Errors
    /// 400 when it names none of several, or one that is not there.
    fn container_of(&self, call: &Call, pod: &Value) -> Result<String, Status> {
        let names = |list: &str| -> Vec<String> {
            let items = pod["spec"][list].as_array().into_iter().flatten();
            items.filter_map(|one| one["name"].as_str()).map(str::to_owned).collect()
        };
        let pod_name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let containers = names("containers");
        let (init, ephemeral) = (names("initContainers"), names("ephemeralContainers"));
        match call.param("container") {
            Some(name) if containers.iter().chain(&init).chain(&ephemeral).any(|one| one == name) => {
                Ok(name.to_owned())
            }
            Some(name) => Err(Status::bad_request(format!("container {name} is not valid for pod {pod_name}"))),
            None if containers.len() == 1 => Ok(containers[0].clone()),
            None => {
                let mut message = format!(
                    "a container name must be specified for pod {pod_name}, choose one of: [{}]",
                    containers.join(" ")
                );
                if !init.is_empty() {
                    message.push_str(&format!(" or one of the init containers: [{}]", init.join(" ")));
                }
                Err(Status::bad_request(message))
            }
        }
    }

    /// A container's log.
    pub(super) fn log(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let pod = self.pod_of(target)?;
        let container = self.container_of(call, &pod)?;
        let since_time = match call.param("sinceTime") {
            None => None,
            Some(text) => {
                Some(text.parse().map_err(|_| Status::bad_request(format!("parsing time {text:?}: not RFC 3339")))?)
            }
        };
        let options = LogOptions {
            follow: call.flag("follow"),
            previous: call.flag("previous"),
            tail_lines: number(call, "tailLines")?,
            since: number(call, "sinceSeconds")?.map(std::time::Duration::from_secs),
            since_time,
            timestamps: call.flag("timestamps"),
            limit_bytes: number(call, "limitBytes")?,
        };
        // A Pod without a node has no log yet, and that is no error.
        if pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() {
            return Ok(body::text(StatusCode::OK, ""));
        }
        let containers = self.containers().ok_or_else(|| Status::internal("no kubelet answers"))?;
        let stream = containers.log(&pod, &container, &options)?;
        let mut response = Response::new(body::streamed(stream));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        Ok(response)
    }

    /// What a request to run a command asks for.
    fn exec_request(&self, call: &Call, target: &Target) -> Result<(Object, String, ExecRequest), Status> {
        let pod = self.pod_of(target)?;
        let container = self.container_of(call, &pod)?;
        let command: Vec<String> =
            call.query.iter().filter(|(key, _)| key == "command").map(|(_, value)| value.clone()).collect();
        let attaches = target.subresource.as_deref() == Some("attach");
        if command.is_empty() && !attaches {
            return Err(Status::bad_request("you must specify at least one command for the container"));
        }
        if let Some(phase) = pod["status"]["phase"].as_str().filter(|phase| matches!(*phase, "Succeeded" | "Failed")) {
            let message = format!("cannot exec into a container in a completed pod; current phase is {phase}");
            return Err(Status::bad_request(message));
        }
        if pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            return Err(Status::bad_request(format!("pod {name} does not have a host assigned")));
        }
        Ok((pod, container, ExecRequest { command, stdin: None, tty: call.flag("tty") }))
    }
}

/// The answer to what only happens.
pub fn success() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})
}
