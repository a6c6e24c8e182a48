//! What a role may do: who may take it, and what its policies allow. winterbaume-iam-rule-eval matches actions and
//! resources; it takes every condition as met, so conditions are judged here before it sees a statement.

use std::collections::HashMap;

use winterbaume_iam::views::{AttachedPolicyView, IamStateView, InlinePolicyView, RoleView, UserView};
use winterbaume_iam_rule_eval::{
    ConditionBlock, EvalDecision, PolicyDocument, PolicySource, PrincipalSpec, SimulationContext, Statement, evaluate,
};

/// The service that takes roles for Pods.
pub(super) const PODS: &str = "pods.eks.amazonaws.com";

/// Values of a request that conditions ask for, by lower-case key.
pub(super) type Context = HashMap<String, String>;

/// A decision, and what stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Allowed,
    /// A statement denies it.
    Denied,
    /// No statement allows it.
    NotAllowed,
}

impl Decision {
    /// What a service says to `user` (an ARN) when it is not allowed; none when it is.
    pub fn refusal(self, user: &str, action: &str, resource: &str) -> Option<String> {
        let why = match self {
            Self::Allowed => return None,
            Self::Denied => "with an explicit deny in an identity-based policy".to_owned(),
            Self::NotAllowed => format!("because no identity-based policy allows the {action} action"),
        };
        Some(format!("User: {user} is not authorized to perform: {action} on resource: {resource} {why}"))
    }
}

/// Whether a role's trust policy lets `service` do all of `actions`.
pub(super) fn trusts(role: &RoleView, service: &str, actions: &[&str], context: &Context) -> bool {
    trusts_any(role, "Service", &[service], actions, context)
}

/// As [`trusts`], leaving open what conditions ask that nobody can know before a Pod asks.
pub(super) fn trusts_conditionally(role: &RoleView, service: &str, actions: &[&str], context: &Context) -> bool {
    let mut role = role.clone();
    if let Ok(mut document) = serde_json::from_str::<serde_json::Value>(&role.assume_role_policy_document) {
        if let Some(statements) = document["Statement"].as_array_mut() {
            for statement in statements.iter_mut().filter(|statement| statement["Effect"] == "Allow") {
                if let Some(members) = statement.as_object_mut() {
                    members.remove("Condition");
                }
            }
        }
        role.assume_role_policy_document = document.to_string();
    }
    trusts(&role, service, actions, context)
}

/// Whether a role's trust policy lets one of these AWS principals (ARNs, or an account's number) do `action`.
pub(super) fn trusts_principal(role: &RoleView, principals: &[&str], action: &str, context: &Context) -> bool {
    trusts_any(role, "AWS", principals, &[action], context)
}

/// Whether a role's trust policy lets who comes from that identity provider (an ARN) do `action`.
pub(super) fn trusts_federated(role: &RoleView, provider: &str, action: &str, context: &Context) -> bool {
    trusts_any(role, "Federated", &[provider], &[action], context)
}

/// Whether a role's trust policy lets one of these principals of a kind do all of `actions`.
fn trusts_any(role: &RoleView, kind: &str, principals: &[&str], actions: &[&str], context: &Context) -> bool {
    let Ok(mut document) = serde_json::from_str::<PolicyDocument>(&role.assume_role_policy_document) else {
        return false;
    };
    document.statement.retain(|statement| names(statement, kind, principals));
    let documents = [document];
    actions.iter().all(|action| decide(&documents, action, &role.arn, context) == Decision::Allowed)
}

/// Whether a statement is about one of these principals of a kind.
fn names(statement: &Statement, kind: &str, principals: &[&str]) -> bool {
    let holds = |spec: &PrincipalSpec| match spec {
        PrincipalSpec::Wildcard => true,
        PrincipalSpec::Map(map) => {
            map.get(kind).is_some_and(|named| named.iter().any(|one| one == "*" || principals.iter().any(|p| one == p)))
        }
    };
    match (&statement.principal, &statement.not_principal) {
        (Some(spec), _) => holds(spec),
        (None, Some(spec)) => !holds(spec),
        (None, None) => false,
    }
}

/// Somebody with policies: what they say together, and the boundary around it.
pub(super) struct Holder<'a> {
    attached: Vec<&'a AttachedPolicyView>,
    inline: Vec<&'a InlinePolicyView>,
    boundary: Option<&'a str>,
}

impl<'a> From<&'a RoleView> for Holder<'a> {
    fn from(role: &'a RoleView) -> Self {
        Self {
            attached: role.attached_policies.iter().collect(),
            inline: role.inline_policies.iter().collect(),
            boundary: role.permissions_boundary.as_deref(),
        }
    }
}

impl<'a> Holder<'a> {
    /// A user, with what its groups give it.
    pub fn user(view: &'a IamStateView, user: &'a UserView) -> Self {
        let groups = || view.groups.values().filter(|group| group.members.contains(&user.name));
        Self {
            attached: user
                .attached_policies
                .iter()
                .chain(groups().flat_map(|group| &group.attached_policies))
                .collect(),
            inline: user.inline_policies.iter().chain(groups().flat_map(|group| &group.inline_policies)).collect(),
            boundary: user.permissions_boundary.as_deref(),
        }
    }
}

impl Holder<'_> {
    /// The names and texts of its policies.
    pub fn documents(&self, view: &IamStateView) -> Vec<(String, String)> {
        let managed = self.attached.iter().filter_map(|attached| {
            let policy = view.policies.get(&attached.policy_arn)?;
            let version = policy.versions.iter().find(|version| version.is_default_version)?;
            Some((attached.policy_name.clone(), version.document.clone()))
        });
        let inline = self.inline.iter().map(|one| (one.policy_name.clone(), one.policy_document.clone()));
        managed.chain(inline).collect()
    }
}

/// What documents, each with its name, decide together, and the names of those that decided it.
pub(super) fn judge<'a>(
    policies: &'a [(String, String)],
    action: &str,
    resource: &str,
    context: &Context,
) -> (Decision, Vec<&'a str>) {
    let parsed = policies.iter().filter_map(|(name, text)| Some((name.as_str(), serde_json::from_str(text).ok()?)));
    let each: Vec<(&str, Decision)> =
        parsed.map(|(name, document)| (name, decide(&[document], action, resource, context))).collect();
    let has = |wanted: Decision| each.iter().any(|(_, decision)| *decision == wanted);
    let decision = match () {
        () if has(Decision::Denied) => Decision::Denied,
        () if has(Decision::Allowed) => Decision::Allowed,
        () => return (Decision::NotAllowed, Vec::new()),
    };
    (decision, each.iter().filter(|(_, one)| *one == decision).map(|(name, _)| *name).collect())
}

/// What the holder's policies, its boundary and the session's own policy together say.
pub(super) fn may(
    view: &IamStateView,
    holder: &Holder<'_>,
    session_policy: Option<&str>,
    action: &str,
    resource: &str,
    context: &Context,
) -> Decision {
    let managed = |arn: &str| {
        let policy = view.policies.get(arn)?;
        let version = policy.versions.iter().find(|version| version.is_default_version)?;
        serde_json::from_str::<PolicyDocument>(&version.document).ok()
    };
    let mut documents: Vec<PolicyDocument> =
        holder.attached.iter().filter_map(|attached| managed(&attached.policy_arn)).collect();
    documents.extend(holder.inline.iter().filter_map(|p| serde_json::from_str(&p.policy_document).ok()));
    let mut decision = decide(&documents, action, resource, context);
    let limits = holder.boundary.map(|arn| managed(arn).into_iter().collect::<Vec<_>>());
    let session = session_policy.map(|text| serde_json::from_str(text).into_iter().collect::<Vec<_>>());
    for limit in limits.into_iter().chain(session) {
        match decide(&limit, action, resource, context) {
            Decision::Denied => decision = Decision::Denied,
            Decision::NotAllowed if decision == Decision::Allowed => decision = Decision::NotAllowed,
            _ => {}
        }
    }
    decision
}

fn decide(documents: &[PolicyDocument], action: &str, resource: &str, context: &Context) -> Decision {
    let prepared: Vec<(PolicyDocument, PolicySource)> = documents
        .iter()
        .map(|document| {
            let mut document = document.clone();
            document.statement.retain(|s| s.condition.as_ref().is_none_or(|block| met(block, context)));
            for statement in &mut document.statement {
                for resources in [&mut statement.resource, &mut statement.not_resource].into_iter().flatten() {
                    resources.0.iter_mut().for_each(|pattern| *pattern = with_variables(pattern, context));
                }
            }
            (document, PolicySource { id: String::new(), policy_type: "IAM Policy".into() })
        })
        .collect();
    match evaluate(&prepared, action, resource, &SimulationContext::default()).decision {
        EvalDecision::Allowed => Decision::Allowed,
        EvalDecision::ExplicitDenied => Decision::Denied,
        EvalDecision::ImplicitDenied => Decision::NotAllowed,
    }
}

/// `${aws:PrincipalTag/kubernetes-namespace}` and the like, replaced where the value is known.
fn with_variables(text: &str, context: &Context) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(end) = rest[start..].find('}').map(|len| start + len) else { break };
        out.push_str(&rest[..start]);
        match context.get(&rest[start + 2..end].to_lowercase()) {
            Some(value) => out.push_str(value),
            None => out.push_str(&rest[start..=end]),
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}

/// Whether every condition of a block is met. An operator that is not known is not met.
fn met(block: &ConditionBlock, context: &Context) -> bool {
    block.iter().all(|(operator, keys)| {
        keys.iter().all(|(key, wanted)| {
            let actual = context.get(&key.to_lowercase());
            let wanted: Vec<String> = wanted.as_slice().iter().map(|value| with_variables(value, context)).collect();
            condition(operator, actual.map(String::as_str), &wanted)
        })
    })
}

fn condition(operator: &str, actual: Option<&str>, wanted: &[String]) -> bool {
    let (all_values, operator) = match operator.split_once(':') {
        Some(("ForAllValues", rest)) => (true, rest),
        Some(("ForAnyValue", rest)) => (false, rest),
        _ => (false, operator),
    };
    let (if_exists, operator) = match operator.strip_suffix("IfExists") {
        Some(rest) => (true, rest),
        None => (false, operator),
    };
    if operator == "Null" {
        return wanted.iter().any(|value| (value == "true") == actual.is_none());
    }
    let negative = operator.contains("Not");
    let Some(actual) = actual else { return if_exists || negative || all_values };
    let one = |wanted: &String| match operator {
        "StringEquals" | "StringNotEquals" => actual == wanted,
        "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => actual.to_lowercase() == wanted.to_lowercase(),
        "StringLike" | "StringNotLike" | "ArnLike" | "ArnNotLike" | "ArnEquals" | "ArnNotEquals" => {
            like(wanted.as_bytes(), actual.as_bytes())
        }
        "Bool" => actual.eq_ignore_ascii_case(wanted),
        // Neither allows nor lets a denial pass unseen: a negative of it is not met either.
        _ => negative,
    };
    wanted.iter().any(one) != negative
}

/// `*` for any run, `?` for one character.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', pattern_rest)), _) => {
            like(pattern_rest, text) || text.split_first().is_some_and(|(_, text_rest)| like(pattern, text_rest))
        }
        (Some((b'?', pattern_rest)), Some((_, text_rest))) => like(pattern_rest, text_rest),
        (Some((p, pattern_rest)), Some((t, text_rest))) if p == t => like(pattern_rest, text_rest),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn documents(value: serde_json::Value) -> Vec<PolicyDocument> {
        vec![serde_json::from_value(json!({ "Version": "2012-10-17", "Statement": value })).unwrap()]
    }

    #[test]
    fn decisions() {
        let context = Context::from([("aws:principaltag/kubernetes-namespace".into(), "carts".into())]);
        let allow = json!({"Effect": "Allow", "Action": "dynamodb:*", "Resource": "arn:aws:dynamodb:*:*:table/t"});
        let deny = json!({"Effect": "Deny", "Action": "dynamodb:Delete*", "Resource": "*"});
        let conditional = |operator: &str, value: &str| {
            json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
                "Condition": {operator: {"aws:PrincipalTag/kubernetes-namespace": value}}})
        };
        let variable = json!({"Effect": "Allow", "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::b/${aws:PrincipalTag/kubernetes-namespace}/*"});
        let table = "arn:aws:dynamodb:us-west-2:1:table/t";
        let object = "arn:aws:s3:::b/carts/x";
        for (policy, action, resource, expected) in [
            (json!([allow]), "dynamodb:GetItem", table, Decision::Allowed),
            (json!([allow]), "dynamodb:GetItem", "arn:aws:dynamodb:us-west-2:1:table/u", Decision::NotAllowed),
            (json!([allow, deny]), "dynamodb:DeleteItem", table, Decision::Denied),
            (json!([conditional("StringEquals", "carts")]), "s3:GetObject", object, Decision::Allowed),
            (json!([conditional("StringEquals", "other")]), "s3:GetObject", object, Decision::NotAllowed),
            (json!([conditional("StringNotEquals", "carts")]), "s3:GetObject", object, Decision::NotAllowed),
            (json!([conditional("StringLike", "ca*")]), "s3:GetObject", object, Decision::Allowed),
            (json!([conditional("NumericEquals", "1")]), "s3:GetObject", object, Decision::NotAllowed),
            (json!([variable]), "s3:GetObject", object, Decision::Allowed),
            (json!([variable]), "s3:GetObject", "arn:aws:s3:::b/other/x", Decision::NotAllowed),
        ] {
            assert_eq!(decide(&documents(policy.clone()), action, resource, &context), expected, "{policy} {action}");
        }
    }
}
