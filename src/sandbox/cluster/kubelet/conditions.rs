//! What a scenario's conditions and texts mean for one container.

use serde_json::Value;

use super::super::WebIdentity;
use super::super::controllers::control::Control;
use super::super::object::{self, resources};
use super::super::seed::{Condition, Match, Text, fits_pattern};
use super::{applies, images, inside};

/// A container with the environment that it sees.
pub(super) struct Scene<'a> {
    pub control: &'a Control,
    pub pod: &'a Value,
    pub container: &'a Value,
    pub environment: &'a [(String, String)],
}

impl Scene<'_> {
    fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a condition holds at present. `reason` becomes why the last `allowed` did not.
    pub fn holds(&self, condition: &Condition, reason: &mut String) -> bool {
        match condition {
            Condition::All(all) => all.iter().all(|inner| self.holds(inner, reason)),
            Condition::Any(any) => any.iter().any(|inner| self.holds(inner, reason)),
            Condition::Not(inner) => !self.holds(inner, reason),
            Condition::Env(wanted) => wanted
                .iter()
                .all(|(name, pattern)| self.variable(name).is_some_and(|value| fits_pattern(pattern, value))),
            Condition::ServiceAccount(pattern) => {
                fits_pattern(pattern, object::text(self.pod, "/spec/serviceAccountName"))
            }
            Condition::Service(url) => self.finds_service(&self.fill(url, "")),
            Condition::Running(wanted) => self.runs(wanted),
            Condition::Reaches(place) => inside::reaches(self.control, self.pod, &self.fill(place, "")),
            Condition::Allowed(permission) => {
                let resource = self.fill(&permission.resource, "");
                // The SDKs look for a token's role before they ask for the credentials of an association.
                if let Some(role) = self.variable("AWS_ROLE_ARN")
                    && let Some(file) = self.variable("AWS_WEB_IDENTITY_TOKEN_FILE")
                {
                    let answer = self.allowed_by_token(role, file, &permission.action, &resource);
                    return answer.map_err(|why| *reason = why).is_ok();
                }
                if self.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_none() {
                    *reason = "the Pod has no credentials of a pod identity association".into();
                    return false;
                }
                let answer = self.control.cloud.allowed(
                    &self.control.seed.name,
                    object::namespace(self.pod),
                    object::text(self.pod, "/spec/serviceAccountName"),
                    &permission.action,
                    &resource,
                );
                answer.map_err(|why| *reason = why).is_ok()
            }
        }
    }

    /// Whether the role that is taken with the token in `file` may do `action`.
    fn allowed_by_token(&self, role: &str, file: &str, action: &str, resource: &str) -> Result<(), String> {
        let audience = self.audience(file).ok_or_else(|| format!("[Errno 2] No such file or directory: '{file}'"))?;
        let identity = WebIdentity {
            namespace: object::namespace(self.pod),
            service_account: object::text(self.pod, "/spec/serviceAccountName"),
            audience,
            role,
        };
        self.control.cloud.allowed_by_token(&self.control.seed.name, &identity, action, resource)
    }

    /// Whom the token in a file of the container is for, if there is one.
    fn audience(&self, file: &str) -> Option<&str> {
        let mounts = object::list(self.container, "/volumeMounts").iter();
        mounts.filter_map(|mount| Some((mount, file.strip_prefix(mount["mountPath"].as_str()?)?))).find_map(
            |(mount, rest)| {
                let volume =
                    object::list(self.pod, "/spec/volumes").iter().find(|volume| volume["name"] == mount["name"])?;
                object::list(volume, "/projected/sources").iter().find_map(|source| {
                    let token = &source["serviceAccountToken"];
                    (token["path"] == rest.trim_start_matches('/'))
                        .then(|| token["audience"].as_str().unwrap_or_default())
                })
            },
        )
    }

    /// Whether a container of that sort runs somewhere in the cluster.
    fn runs(&self, wanted: &Match) -> bool {
        self.control.store.list(&resources::PODS, None).iter().any(|pod| {
            object::list(pod, "/spec/containers").iter().any(|container| {
                let status = object::list(pod, "/status/containerStatuses")
                    .iter()
                    .find(|status| status["name"] == container["name"]);
                status.is_some_and(|status| status["state"]["running"].is_object()) && applies(wanted, pod, container)
            })
        })
    }

    /// Whether the cluster's DNS knows the host of a URL.
    fn finds_service(&self, url: &str) -> bool {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
        let mut parts = host.split('.');
        let name = parts.next().unwrap_or_default();
        let namespace = parts.next().unwrap_or(object::namespace(self.pod));
        let domain: Vec<&str> = parts.collect();
        let local = matches!(domain.as_slice(), [] | ["svc"] | ["svc", "cluster", "local"]);
        !name.is_empty() && local && self.control.get(&resources::SERVICES, namespace, name).is_some()
    }

    /// A text with its places filled, as of the present.
    pub fn fill(&self, text: &Text, reason: &str) -> String {
        fill(self.control, self.pod, self.container, text, self.environment, reason, self.control.now)
    }
}

/// Fills the places of a scenario's text for a container.
pub(super) fn fill(
    control: &Control,
    pod: &Value,
    container: &Value,
    text: &Text,
    environment: &[(String, String)],
    reason: &str,
    at: jiff::Timestamp,
) -> String {
    let value = |name: &str| match name {
        "pod" => object::name(pod).to_owned(),
        "namespace" => object::namespace(pod).to_owned(),
        "container" => object::text(container, "/name").to_owned(),
        "image" => images::full_name(object::text(container, "/image")),
        "node" => object::text(pod, "/spec/nodeName").to_owned(),
        "service_account" => object::text(pod, "/spec/serviceAccountName").to_owned(),
        "account" => control.cloud.account(),
        "region" => control.seed.region.clone(),
        "cluster" => control.seed.name.clone(),
        "time" => at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        "date" => at.strftime("%a %b %e %H:%M:%S UTC %Y").to_string(),
        _ => reason.to_owned(),
    };
    let variable = |name: &str| environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    text.fill(&value, &variable)
}
