//! Endpoints and EndpointSlices: which Pods stand behind a Service. And the names of load balancers.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::control::Control;

const MANAGER: &str = "endpointslice-controller.k8s.io";

/// Brings what stands behind a Service up to date.
pub(super) fn reconcile(control: &Control, key: &Key) -> Option<Timestamp> {
    let service = control.store.get(key)?;
    if object::is_deleting(&service) {
        return None;
    }
    let selector = &service["spec"]["selector"];
    if selector.as_object().is_some_and(|selector| !selector.is_empty()) {
        let mut pods = control.store.list(&resources::PODS, key.namespace.as_deref());
        pods.retain(|pod| {
            object::selects_by_map(selector, &pod["metadata"]["labels"])
                && !object::text(pod, "/status/podIP").is_empty()
                && !matches!(object::text(pod, "/status/phase"), "Succeeded" | "Failed")
        });
        write_endpoints(control, key, &service, &pods);
        write_slice(control, key, &service, &pods);
    }
    super::load_balancer::service(control, &service)
}

/// The port of a Pod that a Service's port leads to.
fn target_port(port: &Value, pod: Option<&Object>) -> Option<i64> {
    match &port["targetPort"] {
        Value::Null => port["port"].as_i64(),
        Value::Number(number) => number.as_i64(),
        named => {
            let containers = pod.map_or(&[][..], |pod| object::list(pod, "/spec/containers"));
            let mut ports = containers.iter().flat_map(|container| object::list(container, "/ports"));
            ports.find(|known| known["name"] == *named).and_then(|known| known["containerPort"].as_i64())
        }
    }
}

fn ports(service: &Value, pods: &[Object], in_slice: bool) -> Vec<Value> {
    object::list(service, "/spec/ports")
        .iter()
        .filter_map(|port| {
            let number = target_port(port, pods.first())?;
            let mut made = json!({});
            // A slice's port has a name, be it an empty one.
            if let Some(name) = port["name"].as_str().or(in_slice.then_some("")) {
                made["name"] = name.into();
            }
            made["port"] = number.into();
            made["protocol"] = port["protocol"].as_str().unwrap_or("TCP").into();
            Some(made)
        })
        .collect()
}

fn reference(pod: &Value) -> Value {
    json!({"kind": "Pod", "namespace": object::namespace(pod), "name": object::name(pod), "uid": object::uid(pod)})
}

fn write_endpoints(control: &Control, key: &Key, service: &Value, pods: &[Object]) {
    let address = |pod: &Object| json!({"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": reference(pod)});
    let (ready, unready): (Vec<&Object>, Vec<&Object>) = pods
        .iter()
        .filter(|pod| !object::is_deleting(pod))
        .partition(|pod| object::has_condition(pod, "Ready") || service["spec"]["publishNotReadyAddresses"] == true);
    let mut subsets = Vec::new();
    if !ready.is_empty() || !unready.is_empty() {
        let mut subset = json!({});
        for (field, pods) in [("addresses", ready), ("notReadyAddresses", unready)] {
            if !pods.is_empty() {
                subset[field] = pods.into_iter().map(address).collect();
            }
        }
        subset["ports"] = ports(service, pods, false).into();
        subsets.push(subset);
    }
    let subsets = Value::from(subsets);
    let endpoints = Key { resource: resources::ENDPOINTS, ..key.clone() };
    let Some(before) = control.store.get(&endpoints) else {
        let mut made = json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": key.name, "namespace": key.namespace, "labels": service["metadata"]["labels"]},
        });
        object::set_meta(&mut made, "labels", "endpoints.kubernetes.io/managed-by", "endpoint-controller");
        triggered(control, &mut made);
        if subsets.as_array().is_some_and(|subsets| !subsets.is_empty()) {
            made["subsets"] = subsets;
        }
        // Another version of it will be told of.
        let _ = control.create(&resources::ENDPOINTS, made);
        return;
    };
    let same = before.get("subsets").is_some_and(|known| *known == subsets)
        || before.get("subsets").is_none() && subsets.as_array().is_some_and(Vec::is_empty);
    if !same {
        control.update(&endpoints, |object| {
            object["subsets"] = subsets;
            triggered(control, object);
        });
    }
}

fn triggered(control: &Control, object: &mut Value) {
    let now = object::written(control.now);
    object::set_meta(object, "annotations", "endpoints.kubernetes.io/last-change-trigger-time", &now);
}

fn write_slice(control: &Control, key: &Key, service: &Value, pods: &[Object]) {
    let nodes = control.store.list(&resources::NODES, None);
    let nodes = super::by_name(&nodes);
    let endpoints: Vec<Value> = pods
        .iter()
        .map(|pod| {
            let terminating = object::is_deleting(pod);
            let serving = object::has_condition(pod, "Ready");
            let node = object::text(pod, "/spec/nodeName");
            let mut endpoint = json!({
                "addresses": [pod["status"]["podIP"]],
                "conditions": {"ready": serving && !terminating, "serving": serving, "terminating": terminating},
                "targetRef": reference(pod), "nodeName": node,
            });
            if let Some(zone) = nodes.get(node).map(|node| &node["metadata"]["labels"]["topology.kubernetes.io/zone"])
                && !zone.is_null()
            {
                endpoint["zone"] = zone.clone();
            }
            endpoint
        })
        .collect();
    let ports = ports(service, pods, true);
    let known = control.controlled(&resources::ENDPOINT_SLICES, service).into_iter().next();
    match known {
        Some(slice) => {
            control.update(&Key::of(&resources::ENDPOINT_SLICES, &slice), |slice| {
                if slice["endpoints"] != Value::from(endpoints.clone()) || slice["ports"] != Value::from(ports.clone())
                {
                    slice["endpoints"] = endpoints.into();
                    slice["ports"] = ports.into();
                    triggered(control, slice);
                }
            });
        }
        None => {
            let mut slice = json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {
                    "generateName": format!("{}-", key.name), "namespace": key.namespace, "generation": 1,
                    "labels": service["metadata"]["labels"],
                    "ownerReferences": [object::controller_reference("v1", "Service", service)],
                },
                "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
            });
            object::set_meta(&mut slice, "labels", "endpointslice.kubernetes.io/managed-by", MANAGER);
            object::set_meta(&mut slice, "labels", "kubernetes.io/service-name", &key.name);
            triggered(control, &mut slice);
            let _ = control.create(&resources::ENDPOINT_SLICES, slice);
        }
    }
}
