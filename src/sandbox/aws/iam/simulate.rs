//! The policy simulator: what policies would decide, without a call.

use winterbaume_iam::views::IamStateView;

use super::read::no_entity;
use super::xml::{element, members};
use super::{Parameters, list};
use crate::sandbox::aws::access::{self, Context, Decision, Holder};
use crate::sandbox::aws::wire::Refusal;

/// The results for each action on each resource, from given policies or from those of a principal.
pub(super) fn simulate(view: &IamStateView, action: &str, parameters: &Parameters) -> Result<String, Refusal> {
    let invalid = |message: String| Refusal::new(400, "InvalidInput", message);
    let mut policies: Vec<(String, String)> = Vec::new();
    if action == "SimulatePrincipalPolicy" {
        let arn = parameters.get("PolicySourceArn").map_or("", String::as_str);
        let role = view.roles.values().find(|role| role.arn == arn);
        let user = view.users.values().find(|user| user.arn == arn);
        let holder = match (role, user) {
            (Some(role), _) => Holder::from(role),
            (None, Some(user)) => Holder::user(view, user),
            (None, None) if !arn.starts_with("arn:") => {
                return Err(invalid(format!("Invalid ARN:  Could not be parsed!: {arn}")));
            }
            (None, None) => return Err(no_entity(format!("The entity with ARN {arn} cannot be found."))),
        };
        policies = holder.documents(view);
    }
    for (at, text) in list(parameters, "PolicyInputList").into_iter().enumerate() {
        super::check::identity_document(&text)?;
        policies.push((format!("PolicyInputList.{}", at + 1), text));
    }
    let mut context = Context::new();
    for at in 1.. {
        let Some(key) = parameters.get(&format!("ContextEntries.member.{at}.ContextKeyName")) else { break };
        if let Some(value) = parameters.get(&format!("ContextEntries.member.{at}.ContextKeyValues.member.1")) {
            context.insert(key.to_lowercase(), value.clone());
        }
    }
    let mut resources = list(parameters, "ResourceArns");
    if resources.is_empty() {
        resources.push("*".into());
    }
    let mut results = Vec::new();
    for name in list(parameters, "ActionNames") {
        if !name.contains(':') {
            return Err(invalid(format!("Invalid Action Name: {name}")));
        }
        for resource in &resources {
            let (decision, matched) = access::judge(&policies, &name, resource, &context);
            let word = match decision {
                Decision::Allowed => "allowed",
                Decision::Denied => "explicitDeny",
                Decision::NotAllowed => "implicitDeny",
            };
            let matched: Vec<String> = matched
                .into_iter()
                .map(|policy| element("SourcePolicyId", policy) + &element("SourcePolicyType", "IAM Policy"))
                .collect();
            results.push(
                element("EvalActionName", &name)
                    + &element("EvalResourceName", resource)
                    + &element("EvalDecision", word)
                    + &members("MatchedStatements", &matched)
                    + &members("MissingContextValues", &[]),
            );
        }
    }
    Ok(members("EvaluationResults", &results) + &element("IsTruncated", "false"))
}
