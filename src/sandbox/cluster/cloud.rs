//! What the cluster asks of the account it lives in.

use serde_json::Value;

/// A Pod's token, and the role that it is meant for.
#[derive(Debug, Clone, Copy)]
pub struct WebIdentity<'a> {
    /// The Pod's namespace.
    pub namespace: &'a str,
    /// Its service account's name.
    pub service_account: &'a str,
    /// Whom the token is for (`sts.amazonaws.com`).
    pub audience: &'a str,
    /// The role's ARN.
    pub role: &'a str,
}

/// The account's answers to the cluster: the pod identity webhook asks for associations, and containers find out what
/// their role may do. Answers are those of the moment; nobody keeps them.
pub trait CloudIdentity: Send + Sync {
    /// The ARN of the role that `cluster` associates with a service account, if there is an association.
    fn association(&self, cluster: &str, namespace: &str, service_account: &str) -> Option<String>;

    /// Whether a Pod with that service account, by the credentials which its association gives it, may do `action`
    /// (`dynamodb:DescribeTable`) on `resource` (an ARN): the association exists, the role trusts
    /// `pods.eks.amazonaws.com` with `sts:AssumeRole` and `sts:TagSession`, and its policies allow the action and do not
    /// deny it.
    ///
    /// # Errors
    /// Why not, in the words that the service has for it.
    fn allowed(
        &self,
        cluster: &str,
        namespace: &str,
        service_account: &str,
        action: &str,
        resource: &str,
    ) -> Result<(), String>;

    /// A token with these claims, and with the issuer that the account knows for the cluster: a signed JWT. `None` when the
    /// cluster has no such issuer.
    fn sign(&self, cluster: &str, claims: &Value) -> Option<String> {
        let _ = (cluster, claims);
        None
    }

    /// Whether a Pod that takes a role with a token of its service account (IAM roles for service accounts) may do `action`
    /// on `resource`: the account has the cluster's issuer as identity provider with that audience, the role trusts it, and
    /// its policies allow the action and do not deny it.
    ///
    /// # Errors
    /// Why not, in the words that the service has for it.
    fn allowed_by_token(
        &self,
        cluster: &str,
        identity: &WebIdentity<'_>,
        action: &str,
        resource: &str,
    ) -> Result<(), String> {
        let _ = (cluster, identity, action, resource);
        Err("the cluster has no OpenID Connect issuer".into())
    }

    /// The account id, twelve digits.
    fn account(&self) -> String;
}
