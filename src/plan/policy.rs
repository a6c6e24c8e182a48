//! The least IAM policy that pages need. Which resources an action is about is from the Service Authorization Reference of Amazon
//! EKS, IAM and STS; accounts and regions are `*`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Plan;
use crate::tools::plan::Planned;

/// The policy document.
pub fn policy(plan: &Plan) -> Value {
    let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for call in plan.calls().map(|call| &call.call).filter(|call| call.service != "kubernetes") {
        for (action, resource) in actions(call) {
            needed.entry(resource).or_default().insert(action);
        }
    }
    let statements: Vec<Value> = needed
        .into_iter()
        .map(|(resource, actions)| json!({"Effect": "Allow", "Action": actions, "Resource": resource}))
        .collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// The actions that a call needs, each with its resource.
fn actions(call: &Planned) -> Vec<(String, String)> {
    let member = |name: &str| {
        call.about.iter().find_map(|about| {
            let (key, value) = about.split_once('=')?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    };
    let operation = call.operation.as_str();
    match call.service.as_str() {
        // Anybody may ask who they are.
        "sts" if operation == "GetCallerIdentity" || operation == "GetSessionToken" => Vec::new(),
        "sts" if operation == "AssumeRole" => vec![("sts:AssumeRole".into(), member("RoleArn").unwrap_or("*").into())],
        "sts" => vec![(format!("sts:{operation}"), "*".into())],
        "eks" => {
            let mut actions = vec![(format!("eks:{operation}"), eks(operation, member))];
            // A role that is given to a service has to be passed to it.
            let role = ["roleArn", "nodeRole", "podExecutionRoleArn", "serviceAccountRoleArn"]
                .iter()
                .find_map(|name| member(name));
            if let Some(role) = role.filter(|_| operation.starts_with("Create") || operation.starts_with("Update")) {
                actions.push(("iam:PassRole".into(), role.to_owned()));
                if operation.contains("PodIdentityAssociation") {
                    actions.push(("iam:GetRole".into(), role.to_owned()));
                }
            }
            actions
        }
        "iam" => {
            let mut actions = vec![(format!("iam:{operation}"), iam(operation, member))];
            if operation == "AddRoleToInstanceProfile" {
                let role = member("RoleName").unwrap_or("*");
                actions.push(("iam:PassRole".into(), format!("arn:aws:iam::*:role/{role}")));
            }
            actions
        }
        // Commands of the CLI's own, which make several calls.
        "s3" => vec![("s3:*".into(), "*".into())],
        service => {
            let prefix = match service {
                "elb" | "elbv2" => "elasticloadbalancing",
                "efs" => "elasticfilesystem",
                "s3api" => "s3",
                service => service,
            };
            vec![(format!("{prefix}:{operation}"), "*".into())]
        }
    }
}

fn eks<'m>(operation: &str, member: impl Fn(&str) -> Option<&'m str>) -> String {
    let arn = |path: String| format!("arn:aws:eks:*:*:{path}");
    if let Some(arn) = member("resourceArn") {
        return arn.to_owned();
    }
    let own_name = ["DescribeCluster", "DeleteCluster", "CreateCluster", "UpdateClusterConfig", "UpdateClusterVersion"];
    let Some(cluster) = member("clusterName").or_else(|| member("name").filter(|_| own_name.contains(&operation)))
    else {
        return "*".into();
    };
    // What is created, or listed, is so in its cluster.
    let in_cluster = operation.starts_with("Create")
        || (operation.starts_with("List") && operation != "ListAssociatedAccessPolicies");
    if in_cluster {
        return arn(format!("cluster/{cluster}"));
    }
    if let Some(nodegroup) = member("nodegroupName") {
        return arn(format!("nodegroup/{cluster}/{nodegroup}/*"));
    }
    if operation != "DescribeAddonVersions"
        && let Some(addon) = member("addonName")
    {
        return arn(format!("addon/{cluster}/{addon}/*"));
    }
    if let Some(profile) = member("fargateProfileName") {
        return arn(format!("fargateprofile/{cluster}/{profile}/*"));
    }
    if let Some(association) = member("associationId") {
        return arn(format!("podidentityassociation/{cluster}/{association}"));
    }
    if member("principalArn").is_some() {
        return arn(format!("access-entry/{cluster}/*"));
    }
    arn(format!("cluster/{cluster}"))
}

fn iam<'m>(operation: &str, member: impl Fn(&str) -> Option<&'m str>) -> String {
    let arn = |kind: &str, name: &str| format!("arn:aws:iam::*:{kind}/{name}");
    let instance_profile = member("InstanceProfileName").map(|name| arn("instance-profile", name));
    instance_profile
        .or_else(|| member("RoleName").map(|name| arn("role", name)))
        .or_else(|| member("UserName").map(|name| arn("user", name)))
        .or_else(|| member("GroupName").map(|name| arn("group", name)))
        .or_else(|| member("PolicyArn").map(str::to_owned))
        .or_else(|| member("PolicySourceArn").map(str::to_owned))
        .or_else(|| member("OpenIDConnectProviderArn").map(str::to_owned))
        .or_else(|| member("PolicyName").filter(|_| operation == "CreatePolicy").map(|name| arn("policy", name)))
        .unwrap_or_else(|| "*".into())
}
