//! What a cluster has before anything is deployed to it, and the scenario's manifests in the order in which they fit.

mod roles;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::CloudIdentity;
use super::api::{Config, Server};
use super::controllers::control::Control;
use super::controllers::{Controllers, namespace};
use super::kubelet::Nodes;
use super::object::{self, resources};
use super::provision::node_object;
use super::seed::{Manifest, Seed};
use super::store::{GroupResource, Key, Store};
use super::webhook::PodIdentity;
use crate::clock::Clock;
use crate::sandbox::SandboxError;

/// The namespaces of every cluster.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

impl Controllers {
    /// A new cluster at the moment when everything was deployed to it and nothing has happened yet: as long ago as the
    /// scenario says ([`Control::now`]).
    ///
    /// # Errors
    /// When a manifest cannot be made.
    pub fn begin(seed: &Seed, cloud: Arc<dyn CloudIdentity>, clock: &Clock) -> Result<Self, SandboxError> {
        let random = if seed.random == 0 { fastrand::u64(1..) } else { seed.random };
        let store = Store::seeded(clock.clone(), random);
        let past = jiff::SignedDuration::try_from(seed.running_for.0).unwrap_or_default();
        let began = clock.now().saturating_sub(past).unwrap_or(Timestamp::MIN);
        let server = Server::new(store.clone(), clock.clone(), Config::default());
        let mut control = Control { server, store, seed: Arc::default(), cloud, now: began };
        control.follow(seed);
        let controllers = Self::new(control, Nodes::of(seed))
            .map_err(|_| SandboxError::Setup("the cluster's history is too long to begin with".into()))?;
        fill(&controllers.control)?;
        Ok(controllers)
    }
}

impl Control {
    /// From now on the cluster is as `seed` describes it; what it holds stays.
    pub(super) fn follow(&mut self, seed: &Seed) {
        self.server.set_version(&seed.version);
        self.server.set_admission(vec![Arc::new(PodIdentity {
            cluster: seed.name.clone(),
            region: seed.region.clone(),
            cloud: Arc::clone(&self.cloud),
            store: self.store.clone(),
        })]);
        let (cloud, cluster) = (Arc::clone(&self.cloud), seed.name.clone());
        self.server.set_signer(Arc::new(move |claims| cloud.sign(&cluster, claims)));
        self.seed = Arc::new(seed.clone());
    }
}

/// Puts everything there that is there at the start.
///
/// # Errors
/// When a manifest cannot be made.
fn fill(control: &Control) -> Result<(), SandboxError> {
    let mut first: Vec<(GroupResource, Value)> = NAMESPACES
        .iter()
        .map(|name| {
            (resources::NAMESPACES, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
        })
        .collect();
    first.push((
        resources::SERVICES,
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "kubernetes", "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"type": "ClusterIP", "clusterIP": "172.20.0.1",
                "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": 443}]},
        }),
    ));
    first.extend(roles::objects()?);
    first.extend(behind_the_server(&control.seed));
    for node in &control.seed.nodes {
        first.push((resources::NODES, node_object(control, node)));
        first.push((
            resources::LEASES,
            json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": node.name, "namespace": "kube-node-lease"},
                "spec": {"holderIdentity": node.name, "leaseDurationSeconds": 40,
                    "renewTime": object::written_micro(control.now)},
            }),
        ));
    }
    for (resource, object) in first {
        let named = format!("{resource} {}", object::name(&object));
        let made =
            control.create(&resource, object).map_err(|error| SandboxError::Setup(format!("{named}: {error}")))?;
        furnish(control, &resource, &made);
    }
    let mut manifests: Vec<&Manifest> = control.seed.manifests.iter().collect();
    manifests.sort_by_key(|manifest| rank(&manifest.object));
    for manifest in manifests {
        make(control, manifest).map_err(|message| SandboxError::Scenario {
            file: manifest.file.clone(),
            line: manifest.line,
            column: 1,
            message,
        })?;
    }
    Ok(())
}

/// Makes the object of a manifest.
///
/// # Errors
/// What is wrong with it.
fn make(control: &Control, manifest: &Manifest) -> Result<(), String> {
    let object = &manifest.object;
    let kind = object::text(object, "/kind");
    if object::text(object, "/apiVersion").is_empty() || kind.is_empty() {
        return Err("an object needs apiVersion and kind".into());
    }
    if object::name(object).is_empty() {
        return Err(format!("a {kind} without metadata.name"));
    }
    let named = format!("{kind} {}", object::name(object));
    let read = control.server.read_manifest(object.clone());
    let (resource, mut object) = read.map_err(|error| format!("{named}: {error}"))?;
    remember_applied(&mut object, &manifest.object);
    let made = control.create(&resource, object).map_err(|error| format!("{named}: {error}"))?;
    furnish(control, &resource, &made);
    Ok(())
}

/// Gives a namespace what each one has before anything is put into it: Pods need its service account.
fn furnish(control: &Control, resource: &GroupResource, made: &Value) {
    if *resource == resources::NAMESPACES {
        namespace::reconcile(control, &Key::of(resource, made), &BTreeSet::new());
    }
}

/// Where the API server answers inside the network: two addresses in the networks of the first nodes, as EKS has them.
fn behind_the_server(seed: &Seed) -> Vec<(GroupResource, Value)> {
    let addresses: Vec<String> = seed
        .nodes
        .iter()
        .take(2)
        .map(|node| {
            let network = node.pod_network;
            // The last address but two: Pods get theirs from the lower end.
            Ipv4Addr::from(network.first + network.size - 3).to_string()
        })
        .collect();
    if addresses.is_empty() {
        return Vec::new();
    }
    let labels = json!({"endpointslice.kubernetes.io/skip-mirror": "true"});
    let port = json!({"name": "https", "port": 443, "protocol": "TCP"});
    let old: Vec<Value> = addresses.iter().map(|address| json!({"ip": address})).collect();
    let new: Vec<Value> =
        addresses.iter().map(|address| json!({"addresses": [address], "conditions": {"ready": true}})).collect();
    vec![
        (
            resources::ENDPOINTS,
            json!({"metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
                "subsets": [{"addresses": old, "ports": [port]}]}),
        ),
        (
            resources::ENDPOINT_SLICES,
            json!({"metadata": {"name": "kubernetes", "namespace": "default",
                    "labels": {"kubernetes.io/service-name": "kubernetes"}},
                "addressType": "IPv4", "endpoints": new, "ports": [port]}),
        ),
    ]
}

/// Where `kubectl apply` keeps what was applied last: it takes away what is there and no longer in the new manifest.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Notes the manifest as the one applied last, since manifests get into a cluster by `kubectl apply`. A manifest that brings a note of its
/// own keeps it: then somebody has changed the object since.
fn remember_applied(object: &mut Value, manifest: &Value) {
    if !object["metadata"]["annotations"].is_object() {
        object["metadata"]["annotations"] = json!({});
    }
    if object["metadata"]["annotations"][LAST_APPLIED].is_string() {
        return;
    }
    let mut applied = manifest.clone();
    if !applied["metadata"]["annotations"].is_object() {
        applied["metadata"]["annotations"] = json!({});
    }
    if !object::namespace(object).is_empty() {
        applied["metadata"]["namespace"] = object::namespace(object).into();
    }
    applied.sort_all_objects();
    object["metadata"]["annotations"][LAST_APPLIED] = format!("{applied}\n").into();
}

/// What others refer to comes first.
fn rank(object: &Value) -> u8 {
    match object::text(object, "/kind") {
        "CustomResourceDefinition" => 0,
        "Namespace" => 1,
        "ServiceAccount" | "ConfigMap" | "Secret" | "IngressClass" | "StorageClass" => 2,
        "Service" => 3,
        _ => 4,
    }
}
