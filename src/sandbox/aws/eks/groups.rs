//! Managed node groups of a cluster.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::associations::epoch;
use super::cluster::{merge, minor};
use super::parts::{GROUP, limit};
use super::store::{Cluster, members};
use super::update::{Change, missing};
use super::{Ask, Eks, Wanted, invalid};
use crate::sandbox::aws::wire::Refusal;
use crate::sandbox::hardware::Hardware;

/// How many a cluster may have (Amazon EKS User Guide, "Service quotas").
const GROUPS: usize = 30;

impl Eks {
    /// A node group as EKS makes it where a call says nothing.
    pub(super) fn nodegroup(&self, cluster: &str, name: &str, version: &str, now: Timestamp) -> Value {
        json!({
            "nodegroupName": name, "nodegroupArn": self.part_arn("nodegroup", cluster, name), "clusterName": cluster,
            "version": version, "createdAt": epoch(now), "modifiedAt": epoch(now), "status": "ACTIVE",
            "capacityType": "ON_DEMAND", "scalingConfig": {"minSize": 1, "maxSize": 2, "desiredSize": 2},
            "instanceTypes": ["t3.medium"], "amiType": "AL2023_x86_64_STANDARD", "diskSize": 20,
            "health": {"issues": []}, "updateConfig": {"maxUnavailable": 1}, "tags": {},
        })
    }

    pub(super) fn make_group(
        &self,
        cluster_name: &str,
        cluster: &mut Cluster,
        name: &str,
        ask: &Ask<'_>,
    ) -> Result<Value, Refusal> {
        if name.chars().count() > 63 {
            return Err(invalid("nodegroupName can't be longer than 63 characters!"));
        }
        if cluster.count("node-groups") >= GROUPS {
            return Err(limit("You have reached the maximum number of node groups for this cluster."));
        }
        (ask.principals)(ask.required("nodeRole")?, Wanted::Trusts("ec2.amazonaws.com"))?;
        if ask.get("subnets").as_array().is_none_or(Vec::is_empty) {
            return Err(invalid("Subnets are not specified"));
        }
        let version = match ask.text("version") {
            "" => cluster.whole.text("version").to_owned(),
            version if minor(version) > minor(cluster.whole.text("version")) => {
                return Err(invalid("Nodegroup version must not be greater than the version of its cluster"));
            }
            version => version.to_owned(),
        };
        let mut group = self.nodegroup(cluster_name, name, &version, ask.now);
        for member in [
            "capacityType",
            "instanceTypes",
            "subnets",
            "remoteAccess",
            "amiType",
            "nodeRole",
            "labels",
            "taints",
            "diskSize",
            "updateConfig",
            "nodeRepairConfig",
            "launchTemplate",
            "releaseVersion",
            "warmPoolConfig",
        ] {
            if let Some(given) = ask.body.get(member) {
                group[member] = given.clone();
            }
        }
        let types = group["instanceTypes"].as_array().cloned().unwrap_or_default();
        let unknown: Vec<&str> =
            types.iter().filter_map(Value::as_str).filter(|one| Hardware::of(one).is_none()).collect();
        if !unknown.is_empty() {
            let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
            return Err(invalid(message));
        }
        merge(&mut group["scalingConfig"], &ask.body.get("scalingConfig").cloned().unwrap_or_else(|| json!({})));
        scaling(&group["scalingConfig"])?;
        Ok(group)
    }
}

/// Whether the sizes of a node group fit together.
fn scaling(config: &Value) -> Result<(), Refusal> {
    let of = |member: &str| config[member].as_i64().unwrap_or(0);
    let (min, max, desired) = (of("minSize"), of("maxSize"), of("desiredSize"));
    if max < 1 {
        return Err(invalid("Maximum capacity should be at least 1"));
    }
    if min > max {
        return Err(invalid(format!("Minimum capacity {min} can't be greater than maximum size {max}")));
    }
    if desired > max {
        return Err(invalid(format!("desired capacity {desired} can't be greater than max size {max}")));
    }
    if min > desired {
        return Err(invalid(format!("Minimum capacity {min} can't be greater than desired size {desired}")));
    }
    Ok(())
}

pub(super) fn update_group(
    cluster_name: &str,
    cluster: &mut Cluster,
    name: &str,
    ask: &Ask<'_>,
) -> Result<Value, Refusal> {
    let path = "node-groups";
    let group = cluster.part(path).get(name).ok_or_else(|| missing(path, cluster_name, name))?;
    let mut changed = Map::new();
    let mut params = Vec::new();
    let now_of = |member: &str| group.body.get(member).cloned().unwrap_or_else(|| json!({}));
    let labels = ask.get("labels");
    if !labels.is_null() {
        let mut all = now_of("labels");
        merge(&mut all, &labels["addOrUpdateLabels"].as_object().cloned().map_or_else(|| json!({}), Value::Object));
        let removed = labels["removeLabels"].as_array().cloned().unwrap_or_default();
        if let Some(all) = all.as_object_mut() {
            all.retain(|key, _| !removed.iter().any(|gone| gone == key));
        }
        changed.insert("labels".into(), all);
        params.push(("LabelsToAdd", text_of(&labels["addOrUpdateLabels"])));
        params.push(("LabelsToRemove", text_of(&labels["removeLabels"])));
    }
    let taints = ask.get("taints");
    if !taints.is_null() {
        let same = |a: &Value, b: &Value| a["key"] == b["key"] && a["effect"] == b["effect"];
        let added = taints["addOrUpdateTaints"].as_array().cloned().unwrap_or_default();
        let removed = taints["removeTaints"].as_array().cloned().unwrap_or_default();
        let mut all = now_of("taints").as_array().cloned().unwrap_or_default();
        all.retain(|taint| !added.iter().chain(&removed).any(|other| same(taint, other)));
        all.extend(added);
        changed.insert("taints".into(), json!(all));
        params.push(("TaintsToAdd", text_of(&taints["addOrUpdateTaints"])));
        params.push(("TaintsToRemove", text_of(&taints["removeTaints"])));
    }
    let sizes = ask.get("scalingConfig");
    if !sizes.is_null() {
        let mut all = now_of("scalingConfig");
        merge(&mut all, &sizes);
        scaling(&all)?;
        changed.insert("scalingConfig".into(), all);
        let each = [("MinSize", "minSize"), ("MaxSize", "maxSize"), ("DesiredSize", "desiredSize")];
        params.extend(each.map(|(param, member)| (param, sizes[member].clone())));
    }
    let update = ask.get("updateConfig");
    if !update.is_null() {
        changed.insert("updateConfig".into(), update.clone());
        params.push(("MaxUnavailable", update["maxUnavailable"].clone()));
        params.push(("MaxUnavailablePercentage", update["maxUnavailablePercentage"].clone()));
    }
    let repair = ask.get("nodeRepairConfig");
    if !repair.is_null() {
        params.push(("NodeRepairEnabled", repair["enabled"].clone()));
        changed.insert("nodeRepairConfig".into(), repair);
    }
    if changed.is_empty() {
        return Err(invalid("No update parameters were provided"));
    }
    let change = Change { kind: "ConfigUpdate", params, members: changed, seconds: GROUP / 2 };
    cluster.begin_update(cluster_name, Some((path, name)), change, ask)
}

pub(super) fn upgrade_group(
    cluster_name: &str,
    cluster: &mut Cluster,
    name: &str,
    ask: &Ask<'_>,
) -> Result<Value, Refusal> {
    let newest = cluster.whole.text("version").to_owned();
    let group = cluster.part("node-groups").get(name).ok_or_else(|| missing("node-groups", cluster_name, name))?;
    let version = if ask.text("version").is_empty() { newest.clone() } else { ask.text("version").to_owned() };
    if minor(&version) > minor(&newest) {
        return Err(invalid("Nodegroup version must not be greater than the version of its cluster"));
    }
    if minor(&version) < minor(group.text("version")) {
        return Err(invalid("Nodegroup version cannot be lowered"));
    }
    let mut changed = members([("version", json!(version))]);
    for member in ["releaseVersion", "launchTemplate"] {
        changed.extend(ask.body.get(member).map(|value| (member.to_owned(), value.clone())));
    }
    let params = vec![("Version", json!(version)), ("ReleaseVersion", ask.get("releaseVersion"))];
    let change = Change { kind: "VersionUpdate", params, members: changed, seconds: 4 * GROUP };
    let begun = cluster.begin_update(cluster_name, Some(("node-groups", name)), change, ask)?;
    if let Some(group) = cluster.part("node-groups").get_mut(name) {
        group.generation += 1;
    }
    Ok(begun)
}

/// A value as an update's parameter: its JSON.
fn text_of(value: &Value) -> Value {
    if value.is_null() { Value::Null } else { json!(value.to_string()) }
}
