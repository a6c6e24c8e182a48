//! What IAM starts with.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::sandbox::SandboxError;
use crate::sandbox::aws::behind::unique_id;
use crate::sandbox::aws::seed::Seed;

/// The state that a scenario asks for, as winterbaume's view has it.
pub(super) fn initial(seed: &Seed, made: &str) -> Result<Value, SandboxError> {
    let account = &seed.account;
    let mut attachments: HashMap<&str, u32> = HashMap::new();
    for arn in seed.roles.iter().flat_map(|role| &role.attached) {
        *attachments.entry(arn).or_default() += 1;
    }
    let mut policies = serde_json::Map::new();
    for policy in &seed.policies {
        let owner = if policy.aws { "aws" } else { account };
        let arn = format!("arn:aws:iam::{owner}:policy{}{}", policy.path, policy.name);
        let created = policy.created.as_deref().unwrap_or(made);
        let document = policy.document.to_string();
        let view = json!({
            "policy_name": policy.name, "policy_id": unique_id("ANPA", &arn), "arn": arn, "path": policy.path,
            "default_version_id": "v1", "description": policy.description, "create_date": created,
            "update_date": created, "is_attachable": true, "document": document, "tags": policy.tags,
            "attachment_count": attachments.get(arn.as_str()).copied().unwrap_or(0),
            "versions": [{"version_id": "v1", "document": document, "is_default_version": true, "create_date": created}],
        });
        policies.insert(arn, view);
    }
    let mut roles = serde_json::Map::new();
    for role in &seed.roles {
        let arn = format!("arn:aws:iam::{account}:role{}{}", role.path, role.name);
        let mut attached = Vec::new();
        for policy in &role.attached {
            let Some(known) = policies.get(policy) else {
                let problem =
                    format!("the role {} has a policy attached that is not among the policies: {policy}", role.name);
                return Err(SandboxError::Setup(problem));
            };
            attached.push(json!({"policy_name": known["policy_name"], "policy_arn": policy}));
        }
        let inline: Vec<_> = role
            .inline
            .iter()
            .map(|(name, document)| json!({"policy_name": name, "policy_document": document.to_string()}))
            .collect();
        let view = json!({
            "name": role.name, "role_id": unique_id("AROA", &arn), "account_id": account, "path": role.path, "arn": arn,
            "assume_role_policy_document": role.trust.to_string(), "description": role.description,
            "create_date": role.created.as_deref().unwrap_or(made), "max_session_duration": role.max_session_duration,
            "tags": role.tags, "attached_policies": attached, "inline_policies": inline, "permissions_boundary": null,
        });
        roles.insert(role.name.clone(), view);
    }
    let users: serde_json::Map<String, Value> = seed
        .users
        .iter()
        .map(|user| {
            let arn = format!("arn:aws:iam::{account}:user{}{}", user.path, user.name);
            let view = json!({"name": user.name, "user_id": unique_id("AIDA", &arn), "account_id": account,
                "path": user.path, "arn": arn, "create_date": made});
            (user.name.clone(), view)
        })
        .collect();
    Ok(json!({"users": users, "roles": roles, "policies": policies}))
}
