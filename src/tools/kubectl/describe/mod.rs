//! Descriptions: a describer for each kind that kubectl has one for, and a general one for all others.

mod config;
mod container;
mod events;
mod general;
mod network;
mod node;
mod pod;
mod policy;
mod storage;
pub mod template;
mod volumes;
mod workload;
mod writer;

pub use events::interval;

use serde_json::Value;

use super::api::Call;
use super::error::Failure;
use super::resources::Object;
use super::session::Session;
use writer::Writer;

/// The description of an object.
///
/// # Errors
/// When the server refuses what belongs to it, or nobody reads the output any more.
pub async fn describe(session: &Session, object: &Object) -> Result<String, Failure> {
    let mut w = Writer::new(session.clock().now());
    let value = &object.value;
    match (object.mapping.group.as_str(), object.mapping.kind.as_str()) {
        ("", "Pod") => pod::describe(&mut w, value),
        ("apps", "Deployment") => {
            let sets = related(session, object, "/apis/apps/v1", "replicasets").await?;
            workload::deployment(&mut w, value, &sets);
        }
        ("apps", "ReplicaSet" | "StatefulSet" | "DaemonSet") | ("batch", "Job") => {
            let pods = related(session, object, "/api/v1", "pods").await?;
            workload::with_pods(&mut w, object.mapping.kind.as_str(), value, &pods);
        }
        ("batch", "CronJob") => workload::cron_job(&mut w, value),
        ("", "Service") => {
            let path = format!("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", object.namespace);
            let label = format!("kubernetes.io/service-name={}", object.name);
            let slices = listed(session, Call::get(path).query("labelSelector", label)).await?;
            network::service(&mut w, value, &slices);
        }
        ("networking.k8s.io", "Ingress") => {
            let path = format!("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", object.namespace);
            let slices = listed(session, Call::get(path)).await?;
            network::ingress(&mut w, value, &slices);
        }
        ("", "Endpoints") => network::endpoints(&mut w, value),
        ("", "ConfigMap") => config::config_map(&mut w, value),
        // A Secret has no events in its description.
        ("", "Secret") => {
            config::secret(&mut w, value);
            return Ok(w.finish());
        }
        ("", "ServiceAccount") => {
            let secrets =
                listed(session, Call::get(format!("/api/v1/namespaces/{}/secrets", object.namespace))).await?;
            config::service_account(&mut w, value, &secrets);
        }
        ("", "Namespace") => {
            let path = |plural: &str| Call::get(format!("/api/v1/namespaces/{}/{plural}", object.name));
            let quotas = listed(session, path("resourcequotas")).await?;
            let limits = listed(session, path("limitranges")).await?;
            config::namespace(&mut w, value, &quotas, &limits);
            return Ok(w.finish());
        }
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => {
            config::role(&mut w, value);
            return Ok(w.finish());
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            config::binding(&mut w, value);
            return Ok(w.finish());
        }
        ("", "Node") => {
            let fields = format!("spec.nodeName={},status.phase!=Failed,status.phase!=Succeeded", object.name);
            let pods = listed(session, Call::get("/api/v1/pods").query("fieldSelector", fields)).await?;
            let path = format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{}", object.name);
            let lease = match session.api().await?.value(&Call::get(path)).await {
                Ok(lease) => lease,
                Err(Failure::Closed) => return Err(Failure::Closed),
                Err(_) => Value::Null,
            };
            node::describe(&mut w, value, &lease, &pods);
        }
        ("", "PersistentVolume") => storage::volume(&mut w, value),
        ("", "PersistentVolumeClaim") => {
            let pods = listed(session, Call::get(format!("/api/v1/namespaces/{}/pods", object.namespace))).await?;
            storage::claim(&mut w, value, &pods);
        }
        ("storage.k8s.io", "StorageClass") => storage::storage_class(&mut w, value),
        ("storage.k8s.io", "VolumeAttributesClass") => storage::attributes_class(&mut w, value),
        ("storage.k8s.io", "CSINode") => storage::csi_node(&mut w, value),
        ("scheduling.k8s.io", "PriorityClass") => storage::priority_class(&mut w, value),
        ("autoscaling", "HorizontalPodAutoscaler") => {
            // kubectl describes the second version, whichever was asked for.
            let path = format!(
                "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers/{}",
                object.namespace, object.name
            );
            match session.api().await?.value(&Call::get(path)).await {
                Ok(second) => policy::autoscaler(&mut w, &second),
                Err(Failure::Closed) => return Err(Failure::Closed),
                Err(_) => policy::autoscaler(&mut w, value),
            }
        }
        ("policy", "PodDisruptionBudget") => policy::disruption_budget(&mut w, value),
        ("networking.k8s.io", "IngressClass") => policy::ingress_class(&mut w, value),
        ("discovery.k8s.io", "EndpointSlice") => policy::endpoint_slice(&mut w, value),
        ("networking.k8s.io", "NetworkPolicy") => {
            policy::network_policy(&mut w, value);
            return Ok(w.finish());
        }
        ("", "ResourceQuota") => {
            storage::quota(&mut w, value);
            return Ok(w.finish());
        }
        ("", "LimitRange") => {
            storage::limits(&mut w, value);
            return Ok(w.finish());
        }
        _ => general::describe(&mut w, value),
    }
    let events = events::about(session, object).await?;
    events::describe(&mut w, &events);
    Ok(w.finish())
}

/// The objects that a list holds; none when the server does not serve it.
async fn listed(session: &Session, call: Call) -> Result<Vec<Value>, Failure> {
    match session.list(&call).await {
        Ok(mut list) => Ok(match list["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        }),
        Err(Failure::Closed) => Err(Failure::Closed),
        Err(_) => Ok(Vec::new()),
    }
}

/// The objects of a kind that the object's selector chooses and that it controls.
async fn related(session: &Session, object: &Object, api: &str, plural: &str) -> Result<Vec<Value>, Failure> {
    let selector = super::verbs::selector_text(&object.value["spec"]["selector"]);
    let path = format!("{api}/namespaces/{}/{plural}", object.namespace);
    let all = listed(session, Call::get(path).query("labelSelector", selector)).await?;
    let uid = &object.value["metadata"]["uid"];
    Ok(all
        .into_iter()
        .filter(|item| {
            writer::items(&item["metadata"]["ownerReferences"])
                .any(|owner| owner["controller"] == true && owner["uid"] == *uid)
        })
        .collect())
}

/// `Kind/name` of what controls an object, if anything does.
fn controller(object: &Value) -> Option<String> {
    let owner = writer::items(&object["metadata"]["ownerReferences"]).find(|owner| owner["controller"] == true)?;
    Some(format!("{}/{}", writer::text(&owner["kind"]), writer::text(&owner["name"])))
}
