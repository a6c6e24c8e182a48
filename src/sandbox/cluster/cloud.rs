//! What the cluster asks of the account it lives in.

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

    /// The account id, twelve digits.
    fn account(&self) -> String;
}
