//! Storage: claims get a volume, an existing one that fits or one that a driver makes, and volumes are freed or taken away
//! when their claim is gone. A driver makes volumes while its CSIDriver is there.
//! <https://kubernetes.io/docs/concepts/storage/persistent-volumes/>

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::api::Quantity;
use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::control::Control;

const COMPONENT: &str = "persistentvolume-controller";
const CLAIM: (&str, &str) = ("v1", "PersistentVolumeClaim");
const VOLUME: (&str, &str) = ("v1", "PersistentVolume");

/// What keeps a claim while a Pod uses it, and a volume while a claim does.
const CLAIM_IN_USE: &str = "kubernetes.io/pvc-protection";
const VOLUME_IN_USE: &str = "kubernetes.io/pv-protection";
/// What keeps a volume until its driver has taken away what is behind it.
const MADE: &str = "external-provisioner.volume.kubernetes.io/finalizer";
/// Which node the scheduler chose for the Pod that waits for a claim.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// How long a driver takes to make a volume, or to make it larger.
const MAKING: Duration = Duration::from_secs(2);

/// What the drivers are at: since when they make a claim's volume, or make it larger, by the claim's uid.
#[derive(Debug, Default)]
pub(super) struct Volumes {
    due: HashMap<String, Timestamp>,
}

/// What a Pod's claims mean for its scheduling.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Volumes that it has: it may go where they are.
    pub bound: Vec<Object>,
    /// Claims that wait for the Pod's node to be chosen.
    pub waiting: Vec<Object>,
}

/// The names of the claims that a Pod uses.
pub(super) fn claims_of(pod: &Value) -> impl Iterator<Item = &str> {
    let volumes = object::list(pod, "/spec/volumes").iter();
    volumes.filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str())
}

/// What a Pod's claims mean for its scheduling.
///
/// # Errors
/// Why it can go nowhere, in the scheduler's words.
pub(super) fn claims_for(control: &Control, pod: &Value) -> Result<Claims, String> {
    let mut claims = Claims::default();
    for name in claims_of(pod) {
        let Some(claim) = control.get(&resources::CLAIMS, object::namespace(pod), name) else {
            return Err(format!("persistentvolumeclaim \"{name}\" not found"));
        };
        if object::is_deleting(&claim) {
            return Err(format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        if object::text(&claim, "/status/phase") == "Bound" {
            let volume = Key::cluster(&resources::VOLUMES, object::text(&claim, "/spec/volumeName"));
            claims.bound.extend(control.store.get(&volume));
        } else if class_of(control, &claim).is_some_and(|class| waits_for_consumer(&class)) {
            claims.waiting.push(claim);
        } else {
            return Err("pod has unbound immediate PersistentVolumeClaims".into());
        }
    }
    Ok(claims)
}

/// Says for which node the claims of a Pod are to be bound.
pub(super) fn select_node(control: &Control, claims: &[Object], node: &str) {
    for claim in claims.iter().filter(|claim| object::annotation(claim, SELECTED_NODE).is_empty()) {
        control.update(&Key::of(&resources::CLAIMS, claim), |claim| {
            object::set_meta(claim, "annotations", SELECTED_NODE, node);
        });
    }
}

/// Whether a volume can be used on a node.
pub(super) fn reaches(volume: &Value, node: &Value) -> bool {
    let required = &volume["spec"]["nodeAffinity"]["required"];
    if required.is_null() {
        return true;
    }
    object::list(required, "/nodeSelectorTerms").iter().any(|term| super::scheduler::fits_term(term, node))
}

/// Tells that a Pod's volumes were attached to its node.
pub(crate) fn tell_attached(control: &Control, pod: &Value) {
    for name in claims_of(pod) {
        let Some(claim) = control.get(&resources::CLAIMS, object::namespace(pod), name) else { continue };
        let volume = object::text(&claim, "/spec/volumeName");
        let Some(found) = control.store.get(&Key::cluster(&resources::VOLUMES, volume)) else { continue };
        let driver = Key::cluster(&resources::CSI_DRIVERS, object::text(&found, "/spec/csi/driver"));
        let attaches = control.store.get(&driver).is_some_and(|driver| driver["spec"]["attachRequired"] != false);
        if attaches {
            let message = format!("AttachVolume.Attach succeeded for volume \"{volume}\"");
            control.event("attachdetach-controller", pod, ("v1", "Pod"), "SuccessfulAttachVolume", &message);
        }
    }
}

fn class_name(object: &Value) -> &str {
    object::text(object, "/spec/storageClassName")
}

fn class_of(control: &Control, claim: &Value) -> Option<Object> {
    control.store.get(&Key::cluster(&resources::STORAGE_CLASSES, class_name(claim)))
}

fn waits_for_consumer(class: &Value) -> bool {
    object::text(class, "/volumeBindingMode") == "WaitForFirstConsumer"
}

fn amount(text: &str) -> Quantity {
    text.parse().unwrap_or_default()
}

fn has_finalizer(object: &Value, name: &str) -> bool {
    object::list(object, "/metadata/finalizers").iter().any(|one| one == name)
}

/// Takes finalizers away, and the object if it waited for nothing else.
fn release(control: &Control, key: &Key, names: &[&str]) {
    let changed = control.update(key, |object| {
        if let Some(list) = object.pointer_mut("/metadata/finalizers").and_then(Value::as_array_mut) {
            list.retain(|one| !names.iter().any(|name| one == name));
        }
    });
    if changed.is_some_and(|changed| {
        object::is_deleting(&changed) && object::list(&changed, "/metadata/finalizers").is_empty()
    }) {
        // Somebody else may have been faster.
        let _ = control.store.remove(key);
    }
}

/// The driver that makes a class's volumes. The provisioner that was once part of Kubernetes is one of its own now.
fn driver_of(provisioner: &str) -> &str {
    if provisioner == "kubernetes.io/aws-ebs" { "ebs.csi.aws.com" } else { provisioner }
}

/// As the sidecar of a driver names itself in Events: driver, Pod, an id.
fn sidecar(control: &Control, driver: &str) -> String {
    let id = object::digest(&[&control.seed.name, driver]);
    format!("{driver}_csi-controller-0_{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..32])
}

impl Volumes {
    /// Forgets what was under way.
    pub fn clear(&mut self) {
        self.due.clear();
    }

    /// Brings a claim closer to its volume. Answers when to look again.
    pub fn claim(&mut self, control: &Control, key: &Key) -> Option<Timestamp> {
        let claim = control.store.get(key)?;
        if object::is_deleting(&claim) {
            if has_finalizer(&claim, CLAIM_IN_USE) && !is_used(control, &claim) {
                release(control, key, &[CLAIM_IN_USE]);
            }
            return None;
        }
        let told = |reason: &str, message: &str| control.event(COMPONENT, &claim, CLAIM, reason, message);
        let warned = |reason: &str, message: &str| control.warning(COMPONENT, &claim, CLAIM, reason, message);
        let named = object::text(&claim, "/spec/volumeName");
        if !named.is_empty() {
            let volume = control.store.get(&Key::cluster(&resources::VOLUMES, named));
            return match volume {
                Some(volume) if is_for(&volume, &claim) => {
                    bind(control, &volume, &claim, false);
                    self.grow(control, &volume, &claim)
                }
                Some(_) => {
                    warned("FailedBinding", &format!("volume \"{named}\" already bound to a different claim."));
                    None
                }
                None if object::text(&claim, "/status/phase") == "Bound" => {
                    warned("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
                    control.update(key, |claim| claim["status"]["phase"] = "Lost".into());
                    None
                }
                None => None,
            };
        }
        let class = class_of(control, &claim);
        let node = object::annotation(&claim, SELECTED_NODE).to_owned();
        let waits = class.as_ref().is_some_and(|class| waits_for_consumer(class));
        if waits && node.is_empty() {
            match waiting_pod(control, &claim) {
                Some(pod) => told("WaitForPodScheduled", &format!("waiting for pod {pod} to be scheduled")),
                None => told("WaitForFirstConsumer", "waiting for first consumer to be created before binding"),
            }
            return None;
        }
        if let Some(volume) = best_volume(control, &claim, &node) {
            bind(control, &volume, &claim, true);
            return None;
        }
        let Some(class) = class else {
            match class_name(&claim) {
                "" => {
                    told("FailedBinding", "no persistent volumes available for this claim and no storage class is set")
                }
                name => {
                    let message = format!("storageclass.storage.k8s.io \"{name}\" not found");
                    warned("ProvisioningFailed", &message);
                }
            }
            return None;
        };
        self.provision(control, &claim, &class, &node)
    }

    fn provision(&mut self, control: &Control, claim: &Object, class: &Value, node: &str) -> Option<Timestamp> {
        let provisioner = object::text(class, "/provisioner");
        let told = |reason: &str, message: &str| control.event(COMPONENT, claim, CLAIM, reason, message);
        if provisioner == "kubernetes.io/no-provisioner" {
            told("FailedBinding", "no persistent volumes available for this claim and no storage class is set");
            return None;
        }
        let driver = driver_of(provisioner);
        let key = Key::of(&resources::CLAIMS, claim);
        control.update(&key, |claim| {
            for name in ["volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner"] {
                object::set_meta(claim, "annotations", name, driver);
            }
        });
        let (now, uid) = (control.now, object::uid(claim).to_owned());
        let due = self.due.get(&uid).copied();
        if due.is_none() {
            let message = format!(
                "Waiting for a volume to be created either by the external provisioner '{driver}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
            );
            told("ExternalProvisioning", &message);
        }
        control.store.get(&Key::cluster(&resources::CSI_DRIVERS, driver))?;
        let component = sidecar(control, driver);
        let due = match due {
            Some(due) => due,
            None => {
                let of = format!("{}/{}", object::namespace(claim), object::name(claim));
                let message = format!("External provisioner is provisioning volume for claim \"{of}\"");
                control.event(&component, claim, CLAIM, "Provisioning", &message);
                let due = object::after(now, MAKING);
                self.due.insert(uid.clone(), due);
                due
            }
        };
        if now < due {
            return Some(due);
        }
        self.due.remove(&uid);
        let node = control.store.get(&Key::cluster(&resources::NODES, node));
        let volume = made_volume(claim, class, driver, node.as_deref());
        match control.create(&resources::VOLUMES, volume) {
            Ok(volume) => {
                let message = format!("Successfully provisioned volume {}", object::name(&volume));
                control.event(&component, claim, CLAIM, "ProvisioningSucceeded", &message);
                bind(control, &volume, claim, true);
            }
            Err(error) => {
                let message =
                    format!("failed to provision volume with StorageClass {:?}: {error}", object::name(class));
                control.warning(&component, claim, CLAIM, "ProvisioningFailed", &message);
            }
        }
        None
    }

    /// Makes a bound volume larger when its claim asks for more.
    fn grow(&mut self, control: &Control, volume: &Object, claim: &Object) -> Option<Timestamp> {
        let wanted = object::text(claim, "/spec/resources/requests/storage");
        let has = object::text(claim, "/status/capacity/storage");
        if has.is_empty() || amount(wanted) <= amount(has) {
            return None;
        }
        let driver = object::text(volume, "/spec/csi/driver");
        control.store.get(&Key::cluster(&resources::CSI_DRIVERS, driver))?;
        let uid = object::uid(claim).to_owned();
        let now = control.now;
        let due = *self.due.entry(uid.clone()).or_insert_with(|| {
            let message = format!("External resizer is resizing volume {}", object::name(volume));
            control.event(&format!("external-resizer {driver}"), claim, CLAIM, "Resizing", &message);
            object::after(now, MAKING)
        });
        if now < due {
            return Some(due);
        }
        self.due.remove(&uid);
        control.update(&Key::of(&resources::VOLUMES, volume), |volume| {
            volume["spec"]["capacity"]["storage"] = wanted.into();
        });
        control.update(&Key::of(&resources::CLAIMS, claim), |claim| {
            claim["status"]["capacity"]["storage"] = wanted.into();
        });
        let message = format!("MountVolume.NodeExpandVolume succeeded for volume \"{}\"", object::name(volume));
        control.event("kubelet", claim, CLAIM, "FileSystemResizeSuccessful", &message);
        None
    }
}

/// Whether a Pod that has not ended uses a claim.
fn is_used(control: &Control, claim: &Value) -> bool {
    let pods = control.store.list(&resources::PODS, Some(object::namespace(claim)));
    pods.iter().any(|pod| {
        !matches!(object::text(pod, "/status/phase"), "Succeeded" | "Failed")
            && claims_of(pod).any(|name| name == object::name(claim))
    })
}

/// A Pod that uses a claim and waits for its node.
fn waiting_pod(control: &Control, claim: &Value) -> Option<String> {
    let pods = control.store.list(&resources::PODS, Some(object::namespace(claim)));
    let found = pods.iter().find(|pod| {
        object::text(pod, "/spec/nodeName").is_empty() && claims_of(pod).any(|name| name == object::name(claim))
    });
    found.map(|pod| object::name(pod).to_owned())
}

/// Whether a volume is free for a claim, or is the claim's already.
fn is_for(volume: &Value, claim: &Value) -> bool {
    let of = &volume["spec"]["claimRef"];
    of.is_null()
        || of["name"] == object::name(claim)
            && of["namespace"] == object::namespace(claim)
            && (object::text(of, "/uid").is_empty() || of["uid"] == object::uid(claim))
}

/// The smallest free volume that fits a claim; one that was meant for it first.
fn best_volume(control: &Control, claim: &Value, node: &str) -> Option<Object> {
    let node = control.store.get(&Key::cluster(&resources::NODES, node));
    let wanted = amount(object::text(claim, "/spec/resources/requests/storage"));
    let modes = object::list(claim, "/spec/accessModes");
    let mut fitting = control.store.list(&resources::VOLUMES, None);
    fitting.retain(|volume| {
        let spec = &volume["spec"];
        let selector = &claim["spec"]["selector"];
        is_for(volume, claim)
            && !object::is_deleting(volume)
            && object::text(volume, "/status/phase") != "Released"
            && class_name(volume) == class_name(claim)
            && spec["volumeMode"] == claim["spec"]["volumeMode"]
            && modes.iter().all(|mode| object::list(spec, "/accessModes").contains(mode))
            && amount(object::text(spec, "/capacity/storage")) >= wanted
            && (selector.is_null() || object::selects(selector, &volume["metadata"]["labels"]))
            && node.as_ref().is_none_or(|node| reaches(volume, node))
    });
    fitting.sort_by(|a, b| {
        let size = |volume: &Value| amount(object::text(volume, "/spec/capacity/storage"));
        let free = |volume: &Value| volume["spec"]["claimRef"].is_null();
        free(a).cmp(&free(b)).then_with(|| size(a).partial_cmp(&size(b)).unwrap_or(std::cmp::Ordering::Equal))
    });
    fitting.into_iter().next()
}

/// Makes volume and claim each other's. `chosen` says that the controller found the volume, not the claim's author.
fn bind(control: &Control, volume: &Object, claim: &Object, chosen: bool) {
    let now = object::written(control.now);
    control.update(&Key::of(&resources::VOLUMES, volume), |volume| {
        if object::text(volume, "/spec/claimRef/uid") != object::uid(claim) {
            if volume["spec"]["claimRef"].is_null() {
                object::set_meta(volume, "annotations", "pv.kubernetes.io/bound-by-controller", "yes");
            }
            volume["spec"]["claimRef"] = json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": object::name(claim),
                "namespace": object::namespace(claim), "uid": object::uid(claim),
                "resourceVersion": claim["metadata"]["resourceVersion"],
            });
        }
        if object::text(volume, "/status/phase") != "Bound" {
            volume["status"]["phase"] = "Bound".into();
            volume["status"]["lastPhaseTransitionTime"] = now.into();
        }
    });
    if object::text(claim, "/status/phase") == "Bound" {
        return;
    }
    control.update(&Key::of(&resources::CLAIMS, claim), |claim| {
        object::set_meta(claim, "annotations", "pv.kubernetes.io/bind-completed", "yes");
        if chosen {
            object::set_meta(claim, "annotations", "pv.kubernetes.io/bound-by-controller", "yes");
        }
        claim["spec"]["volumeName"] = object::name(volume).into();
        claim["status"] = json!({
            "accessModes": volume["spec"]["accessModes"], "capacity": volume["spec"]["capacity"], "phase": "Bound",
        });
    });
}

/// The volume that a driver makes for a claim.
fn made_volume(claim: &Value, class: &Value, driver: &str, node: Option<&Value>) -> Value {
    let name = format!("pvc-{}", object::uid(claim));
    let digest = object::digest(&[&name]);
    let shared = object::text(class, "/parameters/fileSystemId");
    let handle = if !shared.is_empty() {
        format!("{shared}::fsap-0{}", &digest[..16])
    } else if driver.starts_with("ebs.") {
        format!("vol-0{}", &digest[..16])
    } else {
        name.clone()
    };
    let mut source = json!({
        "driver": driver, "volumeHandle": handle,
        "volumeAttributes": {"storage.kubernetes.io/csiProvisionerIdentity": format!("{}-{driver}", &digest[16..28])},
    });
    if shared.is_empty() {
        let kind = class["parameters"]["csi.storage.k8s.io/fstype"].as_str().unwrap_or_default();
        source["fsType"] = if kind.is_empty() { "ext4" } else { kind }.into();
    }
    let reclaim = object::text(class, "/reclaimPolicy");
    let mut spec = json!({
        "accessModes": claim["spec"]["accessModes"],
        "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
        "claimRef": {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": object::name(claim),
            "namespace": object::namespace(claim), "uid": object::uid(claim),
            "resourceVersion": claim["metadata"]["resourceVersion"],
        },
        "csi": source,
        "persistentVolumeReclaimPolicy": if reclaim.is_empty() { "Delete" } else { reclaim },
        "storageClassName": object::name(class),
        "volumeMode": claim["spec"]["volumeMode"],
    });
    if class["mountOptions"].is_array() {
        spec["mountOptions"] = class["mountOptions"].clone();
    }
    // What was made for a node is where that node is.
    const ZONE: &str = "topology.kubernetes.io/zone";
    if let Some(zone) = node.and_then(|node| node["metadata"]["labels"][ZONE].as_str()) {
        spec["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]},
        ]}});
    }
    json!({
        "metadata": {
            "name": name,
            "annotations": {
                "pv.kubernetes.io/provisioned-by": driver,
                "volume.kubernetes.io/provisioner-deletion-secret-name": "",
                "volume.kubernetes.io/provisioner-deletion-secret-namespace": "",
            },
            "finalizers": [MADE, VOLUME_IN_USE],
        },
        "spec": spec,
    })
}

/// Brings a volume to the phase that follows from its claim, and takes it away when nobody wants it any more.
pub(super) fn volume(control: &Control, key: &Key) -> Option<Timestamp> {
    let volume = control.store.get(key)?;
    let of = &volume["spec"]["claimRef"];
    let claim = control.get(&resources::CLAIMS, object::text(of, "/namespace"), object::text(of, "/name"));
    let uid = object::text(of, "/uid");
    let phase = match &claim {
        _ if of.is_null() || uid.is_empty() => "Available",
        Some(claim) if object::uid(claim) == uid => "Bound",
        // What could not be taken away stays so.
        _ if object::text(&volume, "/status/phase") == "Failed" => "Failed",
        _ => "Released",
    };
    if object::is_deleting(&volume) {
        if phase != "Bound" {
            release(control, key, &[VOLUME_IN_USE, MADE]);
        }
        return None;
    }
    if object::text(&volume, "/status/phase") != phase {
        let now = object::written(control.now);
        control.update(key, |volume| volume["status"] = json!({"phase": phase, "lastPhaseTransitionTime": now}));
    }
    if phase == "Released" && object::text(&volume, "/spec/persistentVolumeReclaimPolicy") == "Delete" {
        let driver = object::text(&volume, "/spec/csi/driver");
        let made = !object::annotation(&volume, "pv.kubernetes.io/provisioned-by").is_empty();
        if made && control.store.get(&Key::cluster(&resources::CSI_DRIVERS, driver)).is_some() {
            control.delete(key);
        } else if !made {
            let message = "error getting deleter volume plugin for volume: no deletable volume plugin matched";
            control.warning(COMPONENT, &volume, VOLUME, "VolumeFailedDelete", message);
            control.update(key, |volume| volume["status"]["phase"] = "Failed".into());
        }
    }
    None
}
