//! PersistentVolumes and their claims, classes of storage.

use serde_json::Value;

use super::volumes::volume_of_cluster;
use super::workload::pairs;
use super::writer::{Writer, date, entries, items, or_none, plain, text, truth};
use crate::tools::kubectl::age;

/// The annotation that named a class ahead of the field for it.
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

fn class(value: &Value) -> &str {
    value["metadata"]["annotations"][CLASS_ANNOTATION]
        .as_str()
        .unwrap_or_else(|| text(&value["spec"]["storageClassName"]))
}

/// The short names of access modes, in the order that kubectl lists them in.
fn modes(list: &Value) -> String {
    [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")]
        .into_iter()
        .filter(|(mode, _)| items(list).any(|one| one == mode))
        .map(|(_, short)| short)
        .collect::<Vec<_>>()
        .join(",")
}

fn finalizers(metadata: &Value) -> String {
    format!("[{}]", items(&metadata["finalizers"]).map(text).collect::<Vec<_>>().join(" "))
}

fn status(w: &mut Writer, value: &Value) {
    match value["metadata"]["deletionTimestamp"].as_str() {
        Some(since) => w.line(0, format!("Status:\tTerminating (lasts {})", age::since(Some(since), w.now))),
        None => w.line(0, format!("Status:\t{}", text(&value["status"]["phase"]))),
    }
}

/// Describes a PersistentVolume.
pub fn volume(w: &mut Writer, value: &Value) {
    let (metadata, spec) = (&value["metadata"], &value["spec"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, format!("Finalizers:\t{}", finalizers(metadata)));
    w.line(0, format!("StorageClass:\t{}", class(value)));
    status(w, value);
    let claim = &spec["claimRef"];
    let claim = match claim.is_object() {
        true => format!("{}/{}", text(&claim["namespace"]), text(&claim["name"])),
        false => String::new(),
    };
    w.line(0, format!("Claim:\t{claim}"));
    w.line(0, format!("Reclaim Policy:\t{}", text(&spec["persistentVolumeReclaimPolicy"])));
    w.line(0, format!("Access Modes:\t{}", modes(&spec["accessModes"])));
    if let Some(mode) = spec["volumeMode"].as_str() {
        w.line(0, format!("VolumeMode:\t{mode}"));
    }
    let capacity = plain(&spec["capacity"]["storage"]);
    w.line(0, format!("Capacity:\t{}", if capacity.is_empty() { "0" } else { &capacity }));
    node_affinity(w, &spec["nodeAffinity"]["required"]);
    w.line(0, format!("Message:\t{}", text(&value["status"]["message"])));
    w.line(0, "Source:");
    volume_of_cluster(w, spec);
}

fn node_affinity(w: &mut Writer, required: &Value) {
    if !required.is_object() {
        w.line(0, "Node Affinity:\t<none>");
        return;
    }
    w.line(0, "Node Affinity:\t");
    if items(&required["nodeSelectorTerms"]).next().is_none() {
        w.line(1, "Required Terms:\t<none>");
        return;
    }
    w.line(1, "Required Terms:\t");
    for (at, term) in items(&required["nodeSelectorTerms"]).enumerate() {
        let lines = items(&term["matchExpressions"])
            .map(|one| (text(&one["key"]), text(&one["operator"]).to_lowercase(), &one["values"]));
        requirements(w, 2, &format!("Term {at}"), lines.collect());
    }
}

fn requirements(w: &mut Writer, level: usize, title: &str, lines: Vec<(&str, String, &Value)>) {
    let indent = "  ".repeat(level);
    w.part(format!("{indent}{title}:\t"));
    if lines.is_empty() {
        w.part("<none>\n");
    }
    for (at, (key, operator, values)) in lines.into_iter().enumerate() {
        if at > 0 {
            w.part(format!("{indent}\t"));
        }
        let values: Vec<&str> = items(values).map(text).collect();
        match values.is_empty() {
            true => w.part(format!("{key} {operator}\n")),
            false => w.part(format!("{key} {operator} [{}]\n", values.join(", "))),
        }
    }
}

/// Describes a PersistentVolumeClaim; `pods` are those of its namespace.
pub fn claim(w: &mut Writer, value: &Value, pods: &[Value]) {
    let (metadata, spec) = (&value["metadata"], &value["spec"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    w.line(0, format!("StorageClass:\t{}", class(value)));
    status(w, value);
    w.line(0, format!("Volume:\t{}", text(&spec["volumeName"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, format!("Finalizers:\t{}", finalizers(metadata)));
    let (mut capacity, mut access) = (String::new(), String::new());
    if !text(&spec["volumeName"]).is_empty() {
        access = modes(&value["status"]["accessModes"]);
        capacity = plain(&value["status"]["capacity"]["storage"]);
        if capacity.is_empty() {
            capacity = "0".into();
        }
    }
    w.line(0, format!("Capacity:\t{capacity}"));
    w.line(0, format!("Access Modes:\t{access}"));
    if let Some(mode) = spec["volumeMode"].as_str() {
        w.line(0, format!("VolumeMode:\t{mode}"));
    }
    let source = &spec["dataSource"];
    if source.is_object() {
        w.line(0, "DataSource:");
        if let Some(group) = source["apiGroup"].as_str() {
            w.line(1, format!("APIGroup:\t{group}"));
        }
        w.line(1, format!("Kind:\t{}", text(&source["kind"])));
        w.line(1, format!("Name:\t{}", text(&source["name"])));
    }
    let mounts = |pod: &&Value| {
        items(&pod["spec"]["volumes"]).any(|volume| volume["persistentVolumeClaim"]["claimName"] == metadata["name"])
    };
    let owns = |pod: &&Value| {
        items(&metadata["ownerReferences"])
            .any(|owner| owner["kind"] == "Pod" && owner["uid"] == pod["metadata"]["uid"])
    };
    let mut names: Vec<String> = pods
        .iter()
        .filter(|pod| mounts(pod) || owns(pod))
        .map(|pod| text(&pod["metadata"]["name"]).to_owned())
        .collect();
    names.sort();
    if names.is_empty() {
        names.push("<none>".into());
    }
    w.column("Used By:\t", "\t", &names);
    w.conditions(&value["status"]["conditions"], "LastProbeTime", "lastProbeTime");
}

/// Describes a StorageClass.
pub fn storage_class(w: &mut Writer, value: &Value) {
    let annotations = &value["metadata"]["annotations"];
    let default = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]
        .iter()
        .any(|key| annotations[*key] == "true");
    w.line(0, format!("Name:\t{}", text(&value["metadata"]["name"])));
    w.line(0, format!("IsDefaultClass:\t{}", if default { "Yes" } else { "No" }));
    w.line(0, format!("Annotations:\t{}", pairs(annotations)));
    w.line(0, format!("Provisioner:\t{}", text(&value["provisioner"])));
    w.line(0, format!("Parameters:\t{}", pairs(&value["parameters"])));
    let expands = &value["allowVolumeExpansion"];
    w.line(0, format!("AllowVolumeExpansion:\t{}", if expands.is_null() { "<unset>" } else { truth(expands) }));
    if items(&value["mountOptions"]).next().is_none() {
        w.line(0, "MountOptions:\t<none>");
    } else {
        w.line(0, "MountOptions:");
        for option in items(&value["mountOptions"]) {
            w.line(1, text(option));
        }
    }
    for (title, key) in [("ReclaimPolicy", "reclaimPolicy"), ("VolumeBindingMode", "volumeBindingMode")] {
        if let Some(found) = value[key].as_str() {
            w.line(0, format!("{title}:\t{found}"));
        }
    }
    let topologies = &value["allowedTopologies"];
    if topologies.is_array() {
        if items(topologies).next().is_none() {
            w.line(0, "AllowedTopologies:\t<none>");
            return;
        }
        w.line(0, "AllowedTopologies:\t");
        for (at, term) in items(topologies).enumerate() {
            let lines =
                items(&term["matchLabelExpressions"]).map(|one| (text(&one["key"]), "in".to_owned(), &one["values"]));
            requirements(w, 1, &format!("Term {at}"), lines.collect());
        }
    }
}

/// Describes a VolumeAttributesClass.
pub fn attributes_class(w: &mut Writer, value: &Value) {
    w.line(0, format!("Name:\t{}", text(&value["metadata"]["name"])));
    w.line(0, format!("Annotations:\t{}", pairs(&value["metadata"]["annotations"])));
    w.line(0, format!("DriverName:\t{}", text(&value["driverName"])));
    w.line(0, format!("Parameters:\t{}", pairs(&value["parameters"])));
}

/// Describes a CSINode.
pub fn csi_node(w: &mut Writer, value: &Value) {
    let metadata = &value["metadata"];
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, format!("CreationTimestamp:\t{}", date(&metadata["creationTimestamp"])));
    w.line(0, "Spec:");
    if value["spec"]["drivers"].is_array() {
        w.line(1, "Drivers:");
    }
    for driver in items(&value["spec"]["drivers"]) {
        w.line(2, format!("{}:", text(&driver["name"])));
        w.line(3, format!("Node ID:\t{}", text(&driver["nodeID"])));
        if let Some(count) = driver["allocatable"]["count"].as_i64() {
            w.line(3, "Allocatables:");
            w.line(4, format!("Count:\t{count}"));
        }
        if driver["topologyKeys"].is_array() {
            let keys: Vec<&str> = items(&driver["topologyKeys"]).map(text).collect();
            w.line(3, format!("Topology Keys:\t[{}]", keys.join(" ")));
        }
    }
}

/// What a quota counts, with kubectl's explanation of it.
pub fn scopes(w: &mut Writer, quota: &Value, level: usize, mark: &str) {
    let mut scopes: Vec<&str> = items(&quota["spec"]["scopes"]).map(text).collect();
    if scopes.is_empty() {
        return;
    }
    scopes.sort_unstable();
    w.line(level, format!("Scopes:\t{}", scopes.join(", ")));
    for scope in scopes {
        let help = match scope {
            "Terminating" => {
                "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being actively terminated by the system."
            }
            "NotTerminating" => {
                "Matches all pods that do not have an active deadline. These pods usually include long running pods whose container command is not expected to terminate."
            }
            "BestEffort" => {
                "Matches all pods that do not have resource requirements set. These pods have a best effort quality of service."
            }
            "NotBestEffort" => {
                "Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed quality of service."
            }
            _ => continue,
        };
        w.line(level, format!("{mark}{help}"));
    }
}

/// Describes a ResourceQuota.
pub fn quota(w: &mut Writer, value: &Value) {
    w.line(0, format!("Name:\t{}", text(&value["metadata"]["name"])));
    w.line(0, format!("Namespace:\t{}", text(&value["metadata"]["namespace"])));
    scopes(w, value, 0, " * ");
    w.line(0, "Resource\tUsed\tHard");
    w.line(0, "--------\t----\t----");
    for (resource, hard) in entries(&value["status"]["hard"]) {
        let used = plain(&value["status"]["used"][resource]);
        w.line(0, format!("{resource}\t{}\t{}", if used.is_empty() { "0" } else { &used }, plain(hard)));
    }
}

/// Describes a LimitRange.
pub fn limits(w: &mut Writer, value: &Value) {
    w.line(0, format!("Name:\t{}", text(&value["metadata"]["name"])));
    w.line(0, format!("Namespace:\t{}", text(&value["metadata"]["namespace"])));
    w.line(0, "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
    w.line(0, "----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
    super::config::limit_lines(w, value, "");
}

/// Describes a PriorityClass.
pub fn priority_class(w: &mut Writer, value: &Value) {
    w.line(0, format!("Name:\t{}", text(&value["metadata"]["name"])));
    w.line(0, format!("Value:\t{}", super::writer::number(&value["value"])));
    w.line(0, format!("GlobalDefault:\t{}", value["globalDefault"] == true));
    let policy = value["preemptionPolicy"].as_str().unwrap_or("PreemptLowerPriority");
    w.line(0, format!("PreemptionPolicy:\t{policy}"));
    w.line(0, format!("Description:\t{}", text(&value["description"])));
    w.line(0, format!("Annotations:\t{}", or_none(&pairs(&value["metadata"]["annotations"]))));
}
