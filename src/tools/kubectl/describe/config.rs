//! ConfigMaps, Secrets, ServiceAccounts, Namespaces, Roles and their bindings.

use base64::Engine;
use serde_json::Value;

use super::writer::{Writer, entries, items, plain, text};

fn head(w: &mut Writer, metadata: &Value) {
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    if !metadata["namespace"].is_null() {
        w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    }
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
}

fn size(value: &Value) -> usize {
    base64::engine::general_purpose::STANDARD.decode(text(value)).map_or(0, |bytes| bytes.len())
}

/// Describes a ConfigMap.
pub fn config_map(w: &mut Writer, value: &Value) {
    head(w, &value["metadata"]);
    w.part("\nData\n====\n");
    for (key, data) in entries(&value["data"]) {
        w.part(format!("{key}:\n----\n{}\n\n", text(data)));
    }
    w.part("\nBinaryData\n====\n");
    for (key, data) in entries(&value["binaryData"]) {
        w.part(format!("{key}: {} bytes\n", size(data)));
    }
    w.part("\n");
}

/// Describes a Secret, without what is secret.
pub fn secret(w: &mut Writer, value: &Value) {
    head(w, &value["metadata"]);
    w.part(format!("\nType:\t{}\n", text(&value["type"])));
    w.part("\nData\n====\n");
    for (key, data) in entries(&value["data"]) {
        if key == "token" && value["type"] == "kubernetes.io/service-account-token" {
            let bytes = base64::engine::general_purpose::STANDARD.decode(text(data)).unwrap_or_default();
            w.line(0, format!("{key}:\t{}", String::from_utf8_lossy(&bytes)));
        } else {
            w.line(0, format!("{key}:\t{} bytes", size(data)));
        }
    }
}

/// Describes a ServiceAccount; `secrets` are those of its namespace.
pub fn service_account(w: &mut Writer, value: &Value, secrets: &[Value]) {
    head(w, &value["metadata"]);
    let missing = |name: &str| !secrets.iter().any(|secret| secret["metadata"]["name"] == name);
    let named = |key: &str| -> Vec<String> {
        let mut names: Vec<String> = items(&value[key])
            .map(|reference| text(&reference["name"]))
            .map(|name| if missing(name) { format!("{name} (not found)") } else { name.to_owned() })
            .collect();
        names.sort();
        names
    };
    let mut tokens: Vec<String> = secrets
        .iter()
        .filter(|secret| {
            let annotations = &secret["metadata"]["annotations"];
            secret["type"] == "kubernetes.io/service-account-token"
                && annotations["kubernetes.io/service-account.name"] == value["metadata"]["name"]
        })
        .map(|secret| text(&secret["metadata"]["name"]).to_owned())
        .collect();
    tokens.sort();
    for (title, mut names) in
        [("Image pull secrets", named("imagePullSecrets")), ("Mountable secrets", named("secrets")), ("Tokens", tokens)]
    {
        if names.is_empty() {
            names.push("<none>".into());
        }
        w.column(&format!("{title}:\t"), "\t", &names);
    }
}

/// Describes a Namespace with its quotas and limits.
pub fn namespace(w: &mut Writer, value: &Value, quotas: &[Value], limits: &[Value]) {
    head(w, &value["metadata"]);
    w.line(0, format!("Status:\t{}", text(&value["status"]["phase"])));
    if items(&value["status"]["conditions"]).next().is_some() {
        w.line(0, "Conditions:");
        w.line(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage");
        w.line(1, "----\t------\t------------------\t------\t-------");
        for condition in items(&value["status"]["conditions"]) {
            let part = |key: &str| text(&condition[key]);
            w.line(
                1,
                format!(
                    "{}\t{}\t{}\t{}\t{}",
                    part("type"),
                    part("status"),
                    super::writer::date(&condition["lastTransitionTime"]),
                    part("reason"),
                    part("message")
                ),
            );
        }
    }
    w.line(0, "");
    if quotas.is_empty() {
        w.line(0, "No resource quota.");
    } else {
        w.line(0, "Resource Quotas");
        for quota in quotas {
            w.line(1, format!("Name:\t{}", text(&quota["metadata"]["name"])));
            super::storage::scopes(w, quota, 1, "* ");
            w.line(1, "Resource\tUsed\tHard");
            w.line(1, "--------\t---\t---");
            for (resource, hard) in entries(&quota["status"]["hard"]) {
                w.line(1, format!("{resource}\t{}\t{}", plain(&quota["status"]["used"][resource]), plain(hard)));
            }
        }
    }
    w.line(0, "");
    if limits.is_empty() {
        w.line(0, "No LimitRange resource.");
        return;
    }
    w.line(0, "Resource Limits");
    w.line(0, " Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
    w.line(0, " ----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
    for limit in limits {
        limit_lines(w, limit, " ");
    }
}

/// The limits of a LimitRange, a line for each type and resource.
pub fn limit_lines(w: &mut Writer, range: &Value, space: &str) {
    for limit in items(&range["spec"]["limits"]) {
        let groups = ["min", "max", "defaultRequest", "default", "maxLimitRequestRatio"];
        let mut resources: Vec<&String> =
            groups.iter().flat_map(|group| entries(&limit[*group])).map(|(resource, _)| resource).collect();
        resources.sort();
        resources.dedup();
        for resource in resources {
            let mut line = format!("{space}{}\t{resource}", text(&limit["type"]));
            for group in groups {
                let amount = plain(&limit[group][resource]);
                line.push_str(&format!("\t{}", if amount.is_empty() { "-" } else { &amount }));
            }
            w.line(0, line);
        }
    }
}

/// Describes a Role or ClusterRole: its rules taken apart, a line for each resource.
pub fn role(w: &mut Writer, value: &Value) {
    let metadata = &value["metadata"];
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, "PolicyRule:");
    w.line(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs");
    w.line(1, "---------\t-----------------\t--------------\t-----");
    // Rules for the same thing are one line.
    let mut lines: Vec<RoleLine> = Vec::new();
    let list = |value: &Value| items(value).map(|item| text(item).to_owned()).collect::<Vec<_>>();
    let mut add = |line: RoleLine| match lines.iter_mut().find(|known| known.is_for_the_same(&line)) {
        Some(known) => {
            for verb in line.verbs {
                if !known.verbs.contains(&verb) {
                    known.verbs.push(verb);
                }
            }
        }
        None => lines.push(line),
    };
    for rule in items(&value["rules"]) {
        let verbs = list(&rule["verbs"]);
        for group in list(&rule["apiGroups"]) {
            for resource in list(&rule["resources"]) {
                let line = RoleLine { group: group.clone(), resource, verbs: verbs.clone(), ..RoleLine::default() };
                let names = list(&rule["resourceNames"]);
                if names.is_empty() {
                    add(line.clone());
                }
                for name in names {
                    add(RoleLine { name, ..line.clone() });
                }
            }
        }
        for url in list(&rule["nonResourceURLs"]) {
            add(RoleLine { url, verbs: verbs.clone(), ..RoleLine::default() });
        }
    }
    // kubectl sorts rules by how Go prints them, verbs ahead of groups and resources.
    lines.sort_by_cached_key(|line| {
        let verbs = line.verbs.join(" ");
        format!("[{verbs}],[{}],[{}],[{}],[{}]", line.group, line.resource, line.name, line.url)
    });
    for line in lines {
        let resource = match (line.resource.split_once('/'), line.group.as_str()) {
            (_, "") => line.resource.clone(),
            (Some((resource, part)), group) => format!("{resource}.{group}/{part}"),
            (None, group) => format!("{}.{group}", line.resource),
        };
        w.line(1, format!("{resource}\t[{}]\t[{}]\t[{}]", line.url, line.name, line.verbs.join(" ")));
    }
}

/// What a role allows with one thing.
#[derive(Debug, Clone, Default)]
struct RoleLine {
    group: String,
    resource: String,
    name: String,
    url: String,
    verbs: Vec<String>,
}

impl RoleLine {
    fn is_for_the_same(&self, other: &Self) -> bool {
        (&self.group, &self.resource, &self.name, &self.url) == (&other.group, &other.resource, &other.name, &other.url)
    }
}

/// Describes a RoleBinding or ClusterRoleBinding.
pub fn binding(w: &mut Writer, value: &Value) {
    let metadata = &value["metadata"];
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, "Role:");
    w.line(1, format!("Kind:\t{}", text(&value["roleRef"]["kind"])));
    w.line(1, format!("Name:\t{}", text(&value["roleRef"]["name"])));
    w.line(0, "Subjects:");
    w.line(1, "Kind\tName\tNamespace");
    w.line(1, "----\t----\t---------");
    for subject in items(&value["subjects"]) {
        let part = |key: &str| text(&subject[key]);
        w.line(1, format!("{}\t{}\t{}", part("kind"), part("name"), part("namespace")));
    }
}
