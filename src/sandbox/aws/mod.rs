//! The AWS half: EKS, IAM and STS of one account, in process. EKS and STS are ours, since no crate has EKS's states that
//! take time and all that its things hold. winterbaume's service keeps IAM's state; what it gets wrong is corrected in
//! front of it, in `behind`, and what lessons read is answered by `iam` itself. What has no state behind it is refused as
//! `NotImplemented`, never answered empty.

mod access;
mod authorise;
mod behind;
mod connector;
mod eks;
mod iam;
mod seed;
mod sts;
mod web_identity;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
pub use seed::{
    AccessEntrySeed, AddonSeed, AssociationSeed, ClusterSeed, PolicySeed, Principal, RoleSeed, Seed, UserSeed,
};
use serde_json::Value;
use wire::Refusal;
pub use wire::{WireRequest, WireResponse};

use super::SandboxError;
use super::cluster::{CloudIdentity, Provision, WebIdentity};
use crate::clock::Clock;
use crate::fault::{Room, may_panic};

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
    sts: sts::Sts,
    tokens: web_identity::Tokens,
    clock: Clock,
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
        // What the scenario has was there before the session began.
        let made = clock.now().saturating_sub(Duration::from_secs(24 * 3600)).unwrap_or(jiff::Timestamp::MIN);
        let inner = Inner {
            account: account.into(),
            region: region.into(),
            principal,
            eks: eks::Eks::new(account, region, &seed, made, clock),
            iam: iam::Iam::new(account, clock),
            sts: sts::Sts::default(),
            tokens: web_identity::Tokens::new()?,
            clock: clock.clone(),
        };
        inner.iam.fill(&seed, &behind::iso_seconds(made)).await?;
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

    /// Whether the account gave that access key itself: STS for a session, or IAM for a user.
    pub fn gave_key(&self, key: &str) -> bool {
        self.inner.sts.knows(key) || self.inner.iam.view().access_keys.contains_key(key)
    }

    /// Answers a signed request of the AWS API, as the service that its signature names would. The signature itself is
    /// not checked: in process there is nobody else.
    pub async fn call(&self, request: WireRequest) -> WireResponse {
        may_panic(Room::Account);
        let now = self.inner.clock.now();
        let Some(wire::Scope { key, region, service }) = wire::scope(&request) else {
            return sts::unsigned(&self.inner, &request, now);
        };
        let caller = match self.inner.caller(&key, now) {
            Ok(caller) => caller,
            Err(refusal) => return refused(&service, refusal),
        };
        if let Err(refusal) = authorise::authorise(&self.inner, &caller.arn, &service, &request) {
            return refused(&service, refusal);
        }
        match service.as_str() {
            "eks" => {
                let ask = |arn: &str, wanted: eks::Wanted| self.inner.principal(arn, wanted);
                self.inner.eks.call(&request, &region, &ask)
            }
            "iam" => self.inner.iam.call(&request, &caller).await,
            "sts" => sts::call(&self.inner, &request, &caller, now),
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
        Ok(serde_json::json!({
            "iam": self.inner.iam.snapshot(), "eks": self.inner.eks.snapshot()?, "sts": self.inner.sts.snapshot()?,
            "tokens": self.inner.tokens.snapshot(),
        }))
    }

    /// Goes back to a snapshot.
    ///
    /// # Errors
    /// When the snapshot is not one.
    pub async fn restore(&self, snapshot: &serde_json::Value) -> Result<(), SandboxError> {
        self.inner.iam.restore(&snapshot["iam"]).await?;
        self.inner.sts.restore(&snapshot["sts"])?;
        self.inner.tokens.restore(&snapshot["tokens"])?;
        self.inner.eks.restore(&snapshot["eks"])
    }
}

/// A refusal in a service's protocol.
fn refused(service: &str, refusal: Refusal) -> WireResponse {
    match service {
        "iam" => wire::xml_refusal(iam::NAMESPACE, &refusal),
        "sts" => wire::xml_refusal(sts::NAMESPACE, &refusal),
        "eks" if refusal.code == "ExpiredToken" => {
            wire::json_refusal(&Refusal { code: "ExpiredTokenException", ..refusal })
        }
        _ => wire::json_refusal(&refusal),
    }
}

impl Inner {
    /// Whom a key belongs to: those that the account did not give are the learner's own.
    fn caller(&self, key: &str, now: jiff::Timestamp) -> Result<Principal, Refusal> {
        if let Some(session) = self.sts.caller(key, now) {
            return session;
        }
        let view = self.iam.view();
        let user = view.access_keys.get(key).and_then(|key| view.users.get(&key.user_name));
        Ok(match user {
            Some(user) => Principal { arn: user.arn.clone(), user_id: user.user_id.clone() },
            None => self.principal.clone(),
        })
    }

    /// Whether an ARN names what EKS wants.
    fn principal(&self, arn: &str, wanted: eks::Wanted) -> Result<(), Refusal> {
        let invalid = |message: String| Err(Refusal::new(400, "InvalidParameterException", message));
        let view = self.iam.view();
        let role = view.roles.values().find(|role| role.arn == arn);
        let context = access::Context::from([("aws:sourceaccount".into(), self.account.clone())]);
        match (wanted, role) {
            (eks::Wanted::Exists, Some(_)) => Ok(()),
            (eks::Wanted::Exists, None) if view.users.values().any(|user| user.arn == arn) => Ok(()),
            (eks::Wanted::Exists, None) => {
                invalid(format!("The specified principalArn is invalid: invalid principal: {arn}."))
            }
            (eks::Wanted::Pods, None) => invalid("Role provided in the request does not exist.".into()),
            (eks::Wanted::Pods, Some(role)) => {
                if access::trusts_conditionally(role, access::PODS, &["sts:AssumeRole", "sts:TagSession"], &context) {
                    return Ok(());
                }
                invalid(
                    "Trust policy of the role provided is invalid. Follow the official documentation to resolve the \
                     issue."
                        .into(),
                )
            }
            (eks::Wanted::Trusts(_), None) => {
                invalid(format!("The role with name {} cannot be found.", arn.rsplit('/').next().unwrap_or(arn)))
            }
            (eks::Wanted::Trusts(service), Some(role)) => {
                if access::trusts_conditionally(role, service, &["sts:AssumeRole"], &context) {
                    return Ok(());
                }
                invalid(format!(
                    "Following required service principals [{service}] were not found in the trust relationships of \
                     the role {arn}"
                ))
            }
        }
    }

    /// A decision about a session of a role, in the words that a service has for it.
    fn decided(
        &self,
        decision: access::Decision,
        role: &str,
        session: &str,
        action: &str,
        resource: &str,
    ) -> Result<(), String> {
        let session = format!("arn:aws:sts::{}:assumed-role/{role}/{session}", self.account);
        decision.refusal(&session, action, resource).map_or(Ok(()), Err)
    }

    /// What conditions of policies may ask about a Pod's session.
    fn context(&self, association: &eks::Association) -> access::Context {
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
        let decision = access::may(&view, &role.into(), association.policy.as_deref(), action, resource, &context);
        self.inner.decided(decision, &role.name, &format!("eks-{cluster}"), action, resource)
    }

    fn sign(&self, cluster: &str, claims: &Value) -> Option<String> {
        let mut claims = claims.clone();
        claims["iss"] = self.inner.eks.issuer(cluster)?.into();
        Some(self.inner.tokens.sign(&claims))
    }

    fn allowed_by_token(
        &self,
        cluster: &str,
        identity: &WebIdentity<'_>,
        action: &str,
        resource: &str,
    ) -> Result<(), String> {
        let WebIdentity { namespace, service_account, audience, role } = *identity;
        let issuer = self.inner.eks.issuer(cluster).ok_or("the cluster has no OpenID Connect issuer")?;
        let claims = web_identity::Claims::of_pod(issuer, namespace, service_account, audience);
        let taken = web_identity::take(&self.inner, &claims, role);
        let taken = taken.map_err(|refusal| {
            format!(
                "An error occurred ({}) when calling the AssumeRoleWithWebIdentity operation: {}",
                refusal.code, refusal.message
            )
        })?;
        let mut context = taken.context;
        context.insert("aws:principalaccount".into(), self.inner.account.clone());
        context.insert("aws:principalarn".into(), taken.role.arn.clone());
        let view = self.inner.iam.view();
        let decision = access::may(&view, &(&taken.role).into(), None, action, resource, &context);
        self.inner.decided(decision, &taken.role.name, "botocore-session", action, resource)
    }

    fn account(&self) -> String {
        self.inner.account.clone()
    }

    fn provision(&self, cluster: &str) -> Provision {
        self.inner.eks.provision(cluster)
    }

    fn provision_changes(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        Some(self.inner.eks.changes())
    }
}

#[cfg(test)]
mod tests;
