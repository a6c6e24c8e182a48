//! The metrics API, as a metrics server answers it: what nodes and Pods use at the moment they are asked for.
//! <https://kubernetes.io/docs/reference/external-api/metrics.v1beta1/>

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::body::{self, Body};
use super::hooks::{Containers, Usage};
use super::request::{Call, Target};
use super::selector::Selector;
use super::{Quantity, Server, Status};
use crate::sandbox::cluster::object::{list, name, namespace, text, written};
use crate::sandbox::cluster::store::{GroupResource, Object};

const NODES: GroupResource = GroupResource::of("", "nodes");
const PODS: GroupResource = GroupResource::of("", "pods");

/// For how long a metrics server looks: what it says is the mean of this time.
const WINDOW: &str = "15s";

impl Server {
    /// Answers what a node or Pod uses, or all of them.
    pub(super) fn metrics(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let of_nodes = target.kind.plural == "nodes";
        let resource = if of_nodes { &NODES } else { &PODS };
        let selector = Selector::parse(&target.kind, call.param("labelSelector"), call.param("fieldSelector"))?;
        let Some(containers) = self.containers() else {
            return Err(Status::new(503, "ServiceUnavailable", "no kubelet answers"));
        };
        let objects = self.store().list(resource, target.namespace.as_deref());
        let wanted = |object: &&Object| target.name.as_ref().is_none_or(|wanted| name(object) == wanted);
        let found = objects.iter().filter(wanted).filter(|object| selector.matches(object));
        let items: Vec<Value> = found
            .filter_map(|object| {
                let mut value = if of_nodes { self.node(&*containers, object)? } else { pod(&*containers, object)? };
                let now = written(self.clock().now());
                value["apiVersion"] = json!(target.kind.api_version());
                value["kind"] = json!(target.kind.kind);
                value["metadata"] = json!({"name": name(object), "creationTimestamp": now});
                if !of_nodes {
                    value["metadata"]["namespace"] = json!(namespace(object));
                }
                if object["metadata"]["labels"].is_object() {
                    value["metadata"]["labels"] = object["metadata"]["labels"].clone();
                }
                value["timestamp"] = json!(now);
                value["window"] = json!(WINDOW);
                Some(value)
            })
            .collect();
        let answer = match &target.name {
            None => json!({"kind": format!("{}List", target.kind.kind), "apiVersion": target.kind.api_version(),
                "metadata": {}, "items": items}),
            Some(name) => {
                let resource = target.kind.resource();
                items.into_iter().next().ok_or_else(|| Status::not_found(&resource, name))?
            }
        };
        Ok(body::json(StatusCode::OK, &answer))
    }

    fn node(&self, containers: &dyn Containers, node: &Value) -> Option<Value> {
        let own = containers.node_usage(name(node))?;
        let pods = self.store().list(&PODS, None);
        let here = pods.iter().filter(|pod| text(pod, "/spec/nodeName") == name(node));
        let used = here.flat_map(|pod| used(containers, pod).into_iter().map(|(_, usage)| usage)).fold(own, sum);
        Some(json!({"usage": shown(used)}))
    }
}

fn pod(containers: &dyn Containers, pod: &Value) -> Option<Value> {
    let used = used(containers, pod);
    let all: Vec<Value> = used.iter().map(|(name, usage)| json!({"name": name, "usage": shown(*usage)})).collect();
    (!all.is_empty()).then(|| json!({"containers": all}))
}

/// The containers of a Pod that run, and what they use.
fn used<'p>(containers: &dyn Containers, pod: &'p Value) -> Vec<(&'p str, Usage)> {
    let all = list(pod, "/spec/containers").iter();
    all.filter_map(|container| Some((text(container, "/name"), containers.container_usage(pod, container)?))).collect()
}

fn sum(a: Usage, b: Usage) -> Usage {
    Usage { cpu: a.cpu + b.cpu, memory: a.memory + b.memory }
}

fn shown(Usage { cpu, memory }: Usage) -> Value {
    let text = |amount: Quantity| amount.to_string();
    json!({"cpu": text(cpu), "memory": text(memory)})
}
