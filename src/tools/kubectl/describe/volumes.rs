//! Volumes of Pods and templates.

use serde_json::Value;

use super::writer::{Writer, entries, items, plain, text};

/// Describes volumes.
pub fn volumes(w: &mut Writer, volumes: &Value, space: &str) {
    if items(volumes).next().is_none() {
        w.line(0, format!("{space}Volumes:\t<none>"));
        return;
    }
    w.line(0, format!("{space}Volumes:"));
    let indent = if space.is_empty() { "" } else { " " };
    for volume in items(volumes) {
        w.line(1, format!("{indent}{}:", text(&volume["name"])));
        one(w, volume);
    }
}

/// What a PersistentVolume is made of.
pub fn volume_of_cluster(w: &mut Writer, spec: &Value) {
    let csi = &spec["csi"];
    if csi.is_object() {
        w.line(2, "Type:\tCSI (a Container Storage Interface (CSI) volume source)");
        for (title, what) in [("Driver", "driver"), ("FSType", "fsType"), ("VolumeHandle", "volumeHandle")] {
            w.line(2, format!("{title}:\t{}", text(&csi[what])));
        }
        w.line(2, format!("ReadOnly:\t{}", csi["readOnly"] == true));
        let mut lines: Vec<String> = entries(&csi["volumeAttributes"])
            .into_iter()
            .map(|(key, value)| format!("{key}={}", text(value)))
            .collect();
        // kubectl indents each piece of these lines, the tab among them.
        let mut first = "    VolumeAttributes:\t    ";
        if lines.is_empty() {
            lines.push("<none>".into());
            first = "    VolumeAttributes:\t";
        }
        w.column(first, "        \t    ", &lines);
        return;
    }
    let local = &spec["local"];
    if local.is_object() {
        w.line(2, "Type:\tLocalVolume (a persistent volume backed by local storage on a node)");
        w.line(2, format!("Path:\t{}", text(&local["path"])));
        return;
    }
    for (kind, title, fields) in KINDS_OF_CLUSTER {
        let source = &spec[*kind];
        if source.is_object() {
            w.line(2, format!("Type:\t{title}"));
            for (name, key) in *fields {
                let value = match *key {
                    "readOnly" => (source["readOnly"] == true).to_string(),
                    "partition" => source["partition"].as_i64().unwrap_or(0).to_string(),
                    key => plain(&source[key]),
                };
                w.line(2, format!("{name}:\t{value}"));
            }
            return;
        }
    }
    let known = ["hostPath", "nfs"].iter().find(|kind| spec[**kind].is_object());
    match known {
        Some(kind) => {
            let mut volume = Value::Null;
            volume[*kind] = spec[*kind].clone();
            one(w, &volume);
        }
        None => w.line(1, "<unknown>"),
    }
}

/// Titles with the fields that they show.
type Shown = &'static [(&'static str, &'static str)];

/// Sources that only name things: the field, kubectl's title, and what it shows.
const KINDS_OF_CLUSTER: &[(&str, &str, Shown)] = &[
    (
        "awsElasticBlockStore",
        "AWSElasticBlockStore (a Persistent Disk resource in AWS)",
        &[("VolumeID", "volumeID"), ("FSType", "fsType"), ("Partition", "partition"), ("ReadOnly", "readOnly")],
    ),
    (
        "gcePersistentDisk",
        "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
        &[("PDName", "pdName"), ("FSType", "fsType"), ("Partition", "partition"), ("ReadOnly", "readOnly")],
    ),
];

/// What a volume is made of.
pub fn one(w: &mut Writer, volume: &Value) {
    let source = entries(volume).into_iter().find(|(key, value)| *key != "name" && value.is_object());
    let Some((kind, source)) = source else {
        w.line(2, "<unknown>");
        return;
    };
    let optional = |source: &Value| source["optional"] == true;
    let lines: (&str, Vec<String>) = match kind.as_str() {
        "hostPath" => (
            "HostPath (bare host directory volume)",
            vec![
                format!("Path:\t{}", text(&source["path"])),
                format!("HostPathType:\t{}", source["type"].as_str().unwrap_or("<none>")),
            ],
        ),
        "emptyDir" => (
            "EmptyDir (a temporary directory that shares a pod's lifetime)",
            vec![
                format!("Medium:\t{}", text(&source["medium"])),
                format!(
                    "SizeLimit:\t{}",
                    if source["sizeLimit"].is_null() { "<unset>".into() } else { plain(&source["sizeLimit"]) }
                ),
            ],
        ),
        "secret" => (
            "Secret (a volume populated by a Secret)",
            vec![format!("SecretName:\t{}", text(&source["secretName"])), format!("Optional:\t{}", optional(source))],
        ),
        "configMap" => (
            "ConfigMap (a volume populated by a ConfigMap)",
            vec![format!("Name:\t{}", text(&source["name"])), format!("Optional:\t{}", optional(source))],
        ),
        "persistentVolumeClaim" => (
            "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
            vec![
                format!("ClaimName:\t{}", text(&source["claimName"])),
                format!("ReadOnly:\t{}", source["readOnly"] == true),
            ],
        ),
        "nfs" => (
            "NFS (an NFS mount that lasts the lifetime of a pod)",
            vec![
                format!("Server:\t{}", text(&source["server"])),
                format!("Path:\t{}", text(&source["path"])),
                format!("ReadOnly:\t{}", source["readOnly"] == true),
            ],
        ),
        "csi" => {
            let mut lines = vec![
                format!("Driver:\t{}", text(&source["driver"])),
                format!("FSType:\t{}", text(&source["fsType"])),
                format!("ReadOnly:\t{}", source["readOnly"] == true),
            ];
            let attributes = entries(&source["volumeAttributes"]);
            lines.extend(attributes.iter().enumerate().map(|(at, (key, value))| {
                let title = if at == 0 { "VolumeAttributes:" } else { "" };
                format!("{title}\t{key}={}", text(value))
            }));
            ("CSI (a Container Storage Interface (CSI) volume source)", lines)
        }
        "projected" => {
            let mut lines = Vec::new();
            for part in items(&source["sources"]) {
                let (secret, config) = (&part["secret"], &part["configMap"]);
                if secret.is_object() {
                    lines.push(format!("SecretName:\t{}", text(&secret["name"])));
                    lines.push(format!("Optional:\t{}", optional(secret)));
                } else if part["downwardAPI"].is_object() {
                    lines.push("DownwardAPI:\ttrue".into());
                } else if config.is_object() {
                    lines.push(format!("ConfigMapName:\t{}", text(&config["name"])));
                    lines.push(format!("Optional:\t{}", optional(config)));
                } else if part["serviceAccountToken"].is_object() {
                    let seconds = part["serviceAccountToken"]["expirationSeconds"].as_i64().unwrap_or(3600);
                    lines.push(format!("TokenExpirationSeconds:\t{seconds}"));
                }
            }
            ("Projected (a volume that contains injected data from multiple sources)", lines)
        }
        "downwardAPI" => {
            let mut lines = vec!["Items:".to_owned()];
            for item in items(&source["items"]) {
                let from = if item["fieldRef"].is_object() {
                    text(&item["fieldRef"]["fieldPath"])
                } else {
                    text(&item["resourceFieldRef"]["resource"])
                };
                lines.push(format!("  {from} -> {}", text(&item["path"])));
            }
            ("DownwardAPI (a volume populated by information about the pod)", lines)
        }
        _ => {
            w.line(2, "<unknown>");
            return;
        }
    };
    w.line(2, format!("Type:\t{}", lines.0));
    for line in lines.1 {
        w.line(2, line);
    }
}
