//! What can be wrong with a target.

/// Why a call could not even be made.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Something that a lesson may not choose: an endpoint, a server, a plugin.
    #[error("{what} is refused: {why}")]
    Refused {
        /// The option, variable or kubeconfig field.
        what: String,
        /// Why, and what to do instead.
        why: String,
    },
    /// The region is known neither from the command, nor the shell, nor the person's configuration.
    #[error("no region")]
    NoRegion,
    /// The profile is not in the person's own files.
    #[error("the profile {0} could not be found")]
    NoProfile(String),
    /// Nobody says who calls: the credentials are missing, expired or refused.
    #[error("the caller is not known: {0}")]
    NoIdentity(String),
    /// The kubeconfig is wrong, or does not have what a command names: the line that kubectl prints.
    #[error("{0}")]
    Kubeconfig(String),
    /// The cluster is not reachable by the person's configuration.
    #[error("no cluster: {0}")]
    NoCluster(String),
    /// The sandbox could not be filled.
    #[error(transparent)]
    Sandbox(#[from] crate::sandbox::SandboxError),
    /// The sandbox could not be served to a program.
    #[error("the sandbox cannot be served: {0}")]
    Serve(#[from] crate::sandbox::serve::ServeError),
}
