//! The AWS half: EKS, IAM and STS of one account, in process. winterbaume's services keep most of the state; what they
//! get wrong is corrected in front of them, in `behind`, and what lessons hang on (pod identity associations, clusters,
//! reading roles and policies) is answered by `eks`, `associations` and `iam` themselves. What has no state behind it is
//! refused as `NotImplemented`, never answered empty.

mod access;
mod associations;
mod authorise;
mod behind;
mod connector;
mod eks;
mod iam;
mod seed;
mod sts;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
pub use seed::{
    AccessEntrySeed, AddonSeed, AssociationSeed, ClusterSeed, PolicySeed, Principal, RoleSeed, Seed, UserSeed,
};
use wire::Refusal;
pub use wire::{WireRequest, WireResponse};

use super::SandboxError;
use super::cluster::CloudIdentity;
use crate::clock::Clock;

/// The account. Cheap to clone; all clones are the same account.
#[derive(Clone)]
pub struct Aws {
    inner: Arc<Inner>,
}

struct Inner {
    account: String,
    region: String,
    principal: Principal,
    eks: eks::Eks,
    iam: iam::Iam,
}

impl Aws {
    /// Fills the account from the scenario.
    ///
    /// # Errors
    /// When the scenario contradicts itself.
    pub async fn start(seed: &Seed, clock: &Clock) -> Result<Self, SandboxError> {
        let account = if seed.account.is_empty() { "123456789012" } else { seed.account.as_str() };
        let region = if seed.region.is_empty() { "us-west-2" } else { seed.region.as_str() };
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SandboxError::Setup(format!("an account id has twelve digits, not: {account}")));
        }
        let mut seed = seed.clone();
        seed.account = account.into();
        let mut principal = seed.principal.clone();
        if principal.arn.is_empty() {
            principal.arn = format!("arn:aws:iam::{account}:root");
            principal.user_id = account.into();
        }
        let inner = Inner {
            account: account.into(),
            region: region.into(),
            principal,
            eks: eks::Eks::new(account, region, clock),
            iam: iam::Iam::new(account, clock),
        };
        // What the scenario has was there before the session began.
        let made = clock.now().saturating_sub(Duration::from_secs(24 * 3600)).unwrap_or(jiff::Timestamp::MIN);
        inner.iam.fill(&seed, &behind::iso_seconds(made)).await?;
        inner.eks.fill(&seed, made).await?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The account id, twelve digits.
    pub fn account(&self) -> &str {
        &self.inner.account
    }

    /// The region of its clusters.
    pub fn region(&self) -> &str {
        &self.inner.region
    }

    /// Whom the learner's credentials belong to.
    pub fn principal(&self) -> &Principal {
        &self.inner.principal
    }

    /// The names of its clusters, sorted.
    pub fn clusters(&self) -> Vec<String> {
        self.inner.eks.names()
    }

    /// The URL that the account tells for a cluster's API server.
    pub fn cluster_endpoint(&self, name: &str) -> Option<String> {
        self.inner.eks.endpoint(name)
    }

    /// Told that the API server of a cluster is served on a socket: from now on the account tells that address and its
    /// certificate authority (PEM in base64) as the cluster's. No part of the account's state; told once.
    pub fn serve_cluster(&self, name: &str, endpoint: &str, authority: &str) {
        self.inner.eks.serve(name, endpoint, authority);
    }

    /// Answers a signed request of the AWS API, as the service that its signature names would. The signature itself is
    /// not checked: in process there is nobody else.
    pub async fn call(&self, request: WireRequest) -> WireResponse {
        let Some((service, region)) = wire::scope(&request) else {
            let refusal = Refusal::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
            return wire::json_refusal(&refusal);
        };
        if let Err(refusal) = authorise::authorise(&self.inner, &service, &request) {
            return match service.as_str() {
                "iam" => wire::xml_refusal(iam::NAMESPACE, &refusal),
                "sts" => wire::xml_refusal(sts::NAMESPACE, &refusal),
                _ => wire::json_refusal(&refusal),
            };
        }
        match service.as_str() {
            "eks" => {
                let check_role = |arn: &str| self.inner.check_role(arn);
                self.inner.eks.call(&request, &region, &check_role).await
            }
            "iam" => self.inner.iam.call(&request).await,
            "sts" => sts::call(&request, &self.inner.account, &self.inner.principal),
            other => wire::json_refusal(&Refusal::absent(other, "*")),
        }
    }

    /// The account as an HTTP client for the SDK.
    pub fn http_client(&self) -> SharedHttpClient {
        connector::client(self.clone())
    }

    /// Everything that the account holds.
    ///
    /// # Errors
    /// When a service cannot be read.
    pub async fn snapshot(&self) -> Result<serde_json::Value, SandboxError> {
        Ok(serde_json::json!({ "iam": self.inner.iam.snapshot(), "eks": self.inner.eks.snapshot()? }))
    }

    /// Goes back to a snapshot.
    ///
    /// # Errors
    /// When the snapshot is not one.
    pub async fn restore(&self, snapshot: &serde_json::Value) -> Result<(), SandboxError> {
        self.inner.iam.restore(&snapshot["iam"]).await?;
        self.inner.eks.restore(&snapshot["eks"]).await
    }
}

impl Inner {
    /// Whether EKS would give a role to Pods: it exists and trusts EKS's service for them.
    fn check_role(&self, arn: &str) -> Result<(), Refusal> {
        let invalid = |message: &str| Refusal::new(400, "InvalidParameterException", message);
        let view = self.iam.view();
        let Some(role) = view.roles.values().find(|role| role.arn == arn) else {
            return Err(invalid("Role provided in the request does not exist."));
        };
        let context = access::Context::from([("aws:sourceaccount".into(), self.account.clone())]);
        if access::trusts_conditionally(role, access::PODS, &["sts:AssumeRole", "sts:TagSession"], &context) {
            Ok(())
        } else {
            Err(invalid(
                "Trust policy of the role provided is invalid. Follow the official documentation to resolve the issue.",
            ))
        }
    }

    /// What conditions of policies may ask about a Pod's session.
    fn context(&self, association: &associations::Association) -> access::Context {
        let cluster = self.eks.cluster_arn(&association.cluster);
        let mut context = access::Context::from([
            ("aws:sourceaccount".into(), self.account.clone()),
            ("aws:sourcearn".into(), cluster.clone()),
            ("aws:principalaccount".into(), self.account.clone()),
            ("aws:principalarn".into(), association.role_arn.clone()),
        ]);
        if !association.disable_session_tags {
            for (tag, value) in [
                ("eks-cluster-arn", cluster.as_str()),
                ("eks-cluster-name", &association.cluster),
                ("kubernetes-namespace", &association.namespace),
                ("kubernetes-service-account", &association.service_account),
            ] {
                context.insert(format!("aws:requesttag/{tag}"), value.into());
                context.insert(format!("aws:principaltag/{tag}"), value.into());
            }
        }
        context
    }
}

impl CloudIdentity for Aws {
    fn association(&self, cluster: &str, namespace: &str, service_account: &str) -> Option<String> {
        self.inner.eks.associations.of(cluster, namespace, service_account).map(|association| association.role_arn)
    }

    fn allowed(
        &self,
        cluster: &str,
        namespace: &str,
        service_account: &str,
        action: &str,
        resource: &str,
    ) -> Result<(), String> {
        let Some(association) = self.inner.eks.associations.of(cluster, namespace, service_account) else {
            return Err(format!("no pod identity association for service account {namespace}/{service_account}"));
        };
        let view = self.inner.iam.view();
        let Some(role) = view.roles.values().find(|role| role.arn == association.role_arn) else {
            return Err(format!("the role {} does not exist", association.role_arn));
        };
        let context = self.inner.context(&association);
        // Without session tags EKS does not ask for sts:TagSession.
        let needed: &[&str] =
            if association.disable_session_tags { &["sts:AssumeRole"] } else { &["sts:AssumeRole", "sts:TagSession"] };
        if !access::trusts(role, access::PODS, needed, &context) {
            return Err(format!(
                "{} is not authorized to perform: sts:AssumeRole on resource: {}",
                access::PODS,
                role.arn
            ));
        }
        let session = format!("arn:aws:sts::{}:assumed-role/{}/eks-{cluster}", self.inner.account, role.name);
        let denied = |why: String| {
            Err(format!("User: {session} is not authorized to perform: {action} on resource: {resource} {why}"))
        };
        match access::may(&view, role, association.policy.as_deref(), action, resource, &context) {
            access::Decision::Allowed => Ok(()),
            access::Decision::Denied => denied("with an explicit deny in an identity-based policy".into()),
            access::Decision::NotAllowed => {
                denied(format!("because no identity-based policy allows the {action} action"))
            }
        }
    }

    fn account(&self) -> String {
        self.inner.account.clone()
    }
}

#[cfg(test)]
mod tests;
