//! Access entries of a cluster, and the access policies that they have.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::associations::epoch;
use super::store::{Cluster, Thing};
use super::update::missing;
use super::{Ask, Eks, Wanted, invalid};
use crate::sandbox::aws::wire::Refusal;

/// The access policies that EKS has (Amazon EKS User Guide, "Review access policy permissions").
const POLICIES: [&str; 12] = [
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSBlockStorageClusterPolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSComputeClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
    "AmazonEKSViewPolicy",
];

const POLICY_PREFIX: &str = "arn:aws:eks::aws:cluster-access-policy/";

pub(super) fn access_policies() -> Vec<Value> {
    POLICIES.iter().map(|name| json!({"name": name, "arn": format!("{POLICY_PREFIX}{name}")})).collect()
}

/// An access policy as it is associated.
pub(super) fn associated(arn: &str, scope: &Value, now: Timestamp) -> Value {
    json!({"policyArn": arn, "accessScope": scope, "associatedAt": epoch(now), "modifiedAt": epoch(now)})
}

impl Eks {
    /// An access entry as EKS makes it where a call says nothing.
    pub(super) fn access_entry(&self, cluster: &str, principal: &str, kind: &str, now: Timestamp) -> Value {
        let (noun, name) = match principal.split_once(":user/") {
            Some((_, name)) => ("user", name),
            None => ("role", principal.split_once(":role/").map_or("", |(_, name)| name)),
        };
        let last = name.rsplit('/').next().unwrap_or(name);
        let username = match (kind, noun) {
            ("STANDARD", "user") => principal.to_owned(),
            ("STANDARD", _) => format!("arn:aws:sts::{}:assumed-role/{last}/{{{{SessionName}}}}", self.account),
            ("FARGATE_LINUX", _) => "system:node:{{SessionName}}".into(),
            _ => "system:node:{{EC2PrivateDNSName}}".into(),
        };
        let groups: &[&str] = match kind {
            "STANDARD" | "EC2" | "HYBRID_LINUX" => &[],
            _ => &["system:nodes"],
        };
        let arn = self.part_arn("access-entry", cluster, &format!("{noun}/{}/{last}", self.account));
        json!({
            "clusterName": cluster, "principalArn": principal, "kubernetesGroups": groups, "accessEntryArn": arn,
            "createdAt": epoch(now), "modifiedAt": epoch(now), "tags": {}, "username": username, "type": kind,
        })
    }

    pub(super) fn make_entry(
        &self,
        cluster_name: &str,
        cluster: &mut Cluster,
        name: &str,
        ask: &Ask<'_>,
    ) -> Result<Value, Refusal> {
        if cluster.whole.body.get("accessConfig").is_some_and(|config| config["authenticationMode"] == "CONFIG_MAP") {
            let message = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.";
            return Err(Refusal::new(400, "InvalidRequestException", message));
        }
        if !name.starts_with("arn:") {
            return Err(invalid("The principalArn parameter format is not valid"));
        }
        (ask.principals)(name, Wanted::Exists)?;
        const TYPES: [&str; 6] = ["STANDARD", "EC2", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX"];
        let kind = match ask.text("type") {
            "" => "STANDARD",
            kind if TYPES.contains(&kind) => kind,
            _ => return Err(invalid("The specified type is not valid")),
        };
        let mut entry = self.access_entry(cluster_name, name, kind, ask.now);
        let groups = ask.get("kubernetesGroups");
        let named = groups.as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(group) = named.clone().find(|group| group.starts_with("system:")) {
            return Err(invalid(format!("The kubernetes group name {group} is invalid, it cannot start with system:")));
        }
        for (member, given) in [("kubernetesGroups", groups), ("username", ask.get("username"))] {
            if !given.is_null() {
                if kind != "STANDARD" {
                    return Err(invalid(format!("The {member} cannot be given for an access entry of type {kind}")));
                }
                entry[member] = given;
            }
        }
        Ok(entry)
    }
}

pub(super) fn update_entry(
    cluster_name: &str,
    cluster: &mut Cluster,
    name: &str,
    ask: &Ask<'_>,
) -> Result<Value, Refusal> {
    let path = "access-entries";
    let entry = cluster.part(path).get_mut(name).ok_or_else(|| missing(path, cluster_name, name))?;
    if entry.text("type") != "STANDARD" {
        let message = format!("Access entries of type {} cannot be updated", entry.text("type"));
        return Err(Refusal::new(400, "InvalidRequestException", message));
    }
    for member in ["kubernetesGroups", "username"] {
        if let Some(value) = ask.body.get(member) {
            entry.body.insert(member.into(), value.clone());
        }
    }
    entry.body.insert("modifiedAt".into(), epoch(ask.now));
    Ok(json!({ "accessEntry": entry.body }))
}

/// The access policies of an entry: listed, associated, disassociated.
pub(super) fn policies(
    method: &str,
    cluster: &str,
    principal: &str,
    entry: &mut Thing,
    rest: &[&str],
    ask: &Ask<'_>,
) -> Result<Option<Value>, Refusal> {
    match (method, rest) {
        ("GET", []) => {
            let mut answer = ask.page("associatedAccessPolicies", entry.policies.values().cloned().collect())?;
            answer["clusterName"] = json!(cluster);
            answer["principalArn"] = json!(principal);
            Ok(Some(answer))
        }
        ("POST", []) => {
            let arn = ask.required("policyArn")?;
            if arn.strip_prefix(POLICY_PREFIX).is_none_or(|name| !POLICIES.contains(&name)) {
                return Err(not_a_policy());
            }
            if entry.text("type") != "STANDARD" && entry.text("type") != "EC2" {
                let message =
                    format!("Access policies cannot be associated with an access entry of type {}", entry.text("type"));
                return Err(Refusal::new(400, "InvalidRequestException", message));
            }
            let mut scope = ask.get("accessScope");
            let names = scope["namespaces"].as_array().cloned().unwrap_or_default();
            match scope["type"].as_str() {
                Some("cluster") if !names.is_empty() => {
                    return Err(invalid("The accessScope type cluster cannot have namespaces"));
                }
                Some("namespace") if names.is_empty() => {
                    return Err(invalid("The accessScope type namespace must have namespaces"));
                }
                Some("cluster" | "namespace") => {}
                _ => return Err(invalid("The accessScope type must be one of [cluster, namespace]")),
            }
            scope["namespaces"] = json!(names);
            let mut made = associated(arn, &scope, ask.now);
            if let Some(old) = entry.policies.get(arn) {
                made["associatedAt"] = old["associatedAt"].clone();
            }
            entry.policies.insert(arn.to_owned(), made.clone());
            Ok(Some(json!({"clusterName": cluster, "principalArn": principal, "associatedAccessPolicy": made})))
        }
        ("DELETE", arn @ [_, ..]) => {
            // The ARN has a slash, which a path may hold as such.
            entry.policies.remove(&arn.join("/")).ok_or_else(not_a_policy)?;
            Ok(Some(json!({})))
        }
        _ => Ok(None),
    }
}

fn not_a_policy() -> Refusal {
    Refusal::new(
        404,
        "ResourceNotFoundException",
        "The specified policyArn could not be found. You can view your \
        associated access policies with 'list-associated-access-policies'.",
    )
}
