//! What the caller itself may do: its role's policies decide on each call, as they do in a real account.

use super::Inner;
use super::access::{self, Holder};
use super::wire::{self, Refusal, WireRequest};

/// The code and words of a refusal: EKS and the query services name it differently.
const EKS_CODE: &str = "AccessDeniedException";
const QUERY_CODE: &str = "AccessDenied";

/// Who may call is decided by the policies of the role that the caller has taken, or of the user whose key IAM gave. Any
/// other caller (the root user, a principal from elsewhere) may do everything.
pub(super) fn authorise(inner: &Inner, caller: &str, service: &str, request: &WireRequest) -> Result<(), Refusal> {
    let account = &inner.account;
    let view = inner.iam.view();
    let role = role_of(caller).and_then(|name| view.roles.get(name));
    let user = view.users.values().find(|user| user.arn == caller && caller != inner.principal.arn);
    let (holder, arn) = match (role, user) {
        (Some(role), _) => (Holder::from(role), &role.arn),
        (None, Some(user)) => (Holder::user(&view, user), &user.arn),
        (None, None) => return Ok(()),
    };
    let (action, resource) = match service {
        "eks" => eks(request, &inner.region, account),
        _ => query(service, request, account),
    };
    // Everybody may ask who they are (AWS Security Token Service API Reference, GetCallerIdentity). Who takes a role is
    // judged where its trust policy is.
    if matches!(action.as_str(), "sts:GetCallerIdentity" | "sts:AssumeRole" | "sts:AssumeRoleWithWebIdentity") {
        return Ok(());
    }
    let context = access::Context::from([
        ("aws:principalaccount".into(), account.clone()),
        ("aws:principalarn".into(), arn.clone()),
    ]);
    let decision = access::may(&view, &holder, None, &action, &resource, &context);
    let code = if service == "eks" { EKS_CODE } else { QUERY_CODE };
    match decision.refusal(caller, &action, &resource) {
        None => Ok(()),
        Some(message) => Err(Refusal::new(403, code, message)),
    }
}

/// The role in `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
pub(super) fn role_of(caller: &str) -> Option<&str> {
    caller.split_once(":assumed-role/")?.1.split('/').next()
}

/// Action and resource of a request to EKS (Service Authorization Reference, Amazon EKS).
fn eks(request: &WireRequest, region: &str, account: &str) -> (String, String) {
    let path: Vec<String> = request
        .uri()
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| wire::percent_decode(part, false))
        .collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let arn = |kind: &str, rest: &str| format!("arn:aws:eks:{region}:{account}:{kind}/{rest}");
    let method = request.method().as_str();
    let (verb, noun, resource) = match (method, path.as_slice()) {
        ("GET", ["clusters"]) => ("List", "Clusters", "*".to_owned()),
        ("POST", ["clusters"]) => ("Create", "Cluster", "*".to_owned()),
        (_, ["clusters", name, rest @ ..]) if named(method, rest).is_some() => {
            let (verb, noun) = named(method, rest).unwrap_or_default();
            (verb, noun, arn("cluster", name))
        }
        (_, ["clusters", name]) => (verb(method), "Cluster", arn("cluster", name)),
        (_, ["clusters", name, part]) => {
            let (_, one, many, _) = part_of(part);
            let listed = method == "GET";
            (if listed { "List" } else { "Create" }, if listed { many } else { one }, arn("cluster", name))
        }
        (_, ["clusters", name, part, rest @ ..]) => {
            let (_, one, _, kind) = part_of(part);
            (verb(method), one, arn(kind, &format!("{name}/{}", rest.join("/"))))
        }
        ("GET", ["tags", arn @ ..]) => ("List", "TagsForResource", arn.join("/")),
        ("POST", ["tags", arn @ ..]) => ("Tag", "Resource", arn.join("/")),
        ("DELETE", ["tags", arn @ ..]) => ("Untag", "Resource", arn.join("/")),
        ("GET", ["access-policies"]) => ("List", "AccessPolicies", "*".to_owned()),
        ("GET", ["addons", "supported-versions"]) => ("Describe", "AddonVersions", "*".to_owned()),
        _ => ("", "Unknown", "*".to_owned()),
    };
    (format!("eks:{verb}{noun}"), resource)
}

/// Verb and noun of what paths below a cluster do not tell by their shape.
fn named(method: &str, path: &[&str]) -> Option<(&'static str, &'static str)> {
    Some(match (method, path) {
        ("POST", ["update-config"]) => ("Update", "ClusterConfig"),
        ("POST", ["updates"]) => ("Update", "ClusterVersion"),
        ("POST", ["encryption-config", "associate"]) => ("Associate", "EncryptionConfig"),
        ("POST", ["identity-provider-configs", "associate"]) => ("Associate", "IdentityProviderConfig"),
        ("POST", ["identity-provider-configs", "disassociate"]) => ("Disassociate", "IdentityProviderConfig"),
        ("POST", ["identity-provider-configs", "describe"]) => ("Describe", "IdentityProviderConfig"),
        ("POST", ["node-groups", _, "update-config"]) => ("Update", "NodegroupConfig"),
        ("POST", ["node-groups", _, "update-version"]) => ("Update", "NodegroupVersion"),
        ("POST", ["addons", _, "update"]) => ("Update", "Addon"),
        ("GET", ["access-entries", _, "access-policies"]) => ("List", "AssociatedAccessPolicies"),
        ("POST", ["access-entries", _, "access-policies"]) => ("Associate", "AccessPolicy"),
        ("DELETE", ["access-entries", _, "access-policies", ..]) => ("Disassociate", "AccessPolicy"),
        _ => return None,
    })
}

fn verb(method: &str) -> &'static str {
    match method {
        "GET" => "Describe",
        "DELETE" => "Delete",
        _ => "Update",
    }
}

type Part = (&'static str, &'static str, &'static str, &'static str);

/// The parts of a cluster: in paths, one and many in actions, and in ARNs.
const PARTS: &[Part] = &[
    ("pod-identity-associations", "PodIdentityAssociation", "PodIdentityAssociations", "podidentityassociation"),
    ("node-groups", "Nodegroup", "Nodegroups", "nodegroup"),
    ("addons", "Addon", "Addons", "addon"),
    ("access-entries", "AccessEntry", "AccessEntries", "access-entry"),
    ("fargate-profiles", "FargateProfile", "FargateProfiles", "fargateprofile"),
    ("identity-provider-configs", "IdentityProviderConfig", "IdentityProviderConfigs", "identityproviderconfig"),
    ("updates", "Update", "Updates", "cluster"),
];

fn part_of(part: &str) -> Part {
    PARTS.iter().find(|(path, ..)| *path == part).copied().unwrap_or(("", "Unknown", "Unknown", "cluster"))
}

/// Action and resource of a request to a service of the query protocol.
fn query(service: &str, request: &WireRequest, account: &str) -> (String, String) {
    let parameters = wire::form(&String::from_utf8_lossy(request.body()));
    let of = |key: &str| parameters.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let action = format!("{service}:{}", of("Action").unwrap_or_default());
    let named = [
        ("RoleName", "role"),
        ("UserName", "user"),
        ("PolicyName", "policy"),
        ("InstanceProfileName", "instance-profile"),
        ("GroupName", "group"),
    ]
    .iter()
    .find_map(|(key, kind)| of(key).map(|name| format!("arn:aws:iam::{account}:{kind}/{name}")));
    // A role's policies are the role's business: its name comes before the policy's ARN.
    let resource = named.or_else(|| of("PolicyArn").map(str::to_owned)).unwrap_or_else(|| "*".to_owned());
    (action, resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, body: &str) -> WireRequest {
        http::Request::builder().method(method).uri(path).body(body.to_owned().into()).expect("a request")
    }

    #[test]
    fn each_request_is_an_action_on_a_resource() {
        let cluster = "arn:aws:eks:r:1:cluster/c";
        for (method, path, action, resource) in [
            ("GET", "/clusters", "eks:ListClusters", "*"),
            ("GET", "/clusters/c", "eks:DescribeCluster", cluster),
            ("POST", "/clusters/c/pod-identity-associations", "eks:CreatePodIdentityAssociation", cluster),
            ("GET", "/clusters/c/node-groups", "eks:ListNodegroups", cluster),
            (
                "DELETE",
                "/clusters/c/pod-identity-associations/a-1",
                "eks:DeletePodIdentityAssociation",
                "arn:aws:eks:r:1:podidentityassociation/c/a-1",
            ),
        ] {
            let found = eks(&request(method, path, ""), "r", "1");
            assert_eq!(found, (action.to_owned(), resource.to_owned()));
        }
        let found = query("iam", &request("POST", "/", "Action=GetRole&RoleName=x"), "1");
        assert_eq!(found, ("iam:GetRole".to_owned(), "arn:aws:iam::1:role/x".to_owned()));
    }

    #[test]
    fn only_a_role_in_the_account_is_bound() {
        assert_eq!(role_of("arn:aws:sts::1:assumed-role/ide/learner"), Some("ide"));
        assert_eq!(role_of("arn:aws:iam::1:root"), None);
    }
}
