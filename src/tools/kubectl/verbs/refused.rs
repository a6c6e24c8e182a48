//! Commands of kubectl that have no place here, each with the reason.

use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::Flag;
use crate::tools::kubectl::session::Session;

/// The options of `port-forward`.
pub const FORWARD_OPTIONS: &[&[Flag]] =
    &[&[Flag::list("address").or("localhost"), Flag::duration("pod-running-timeout", "1m")]];
/// The options of `proxy`.
pub const PROXY_OPTIONS: &[&[Flag]] = &[&[
    Flag::text("accept-hosts"),
    Flag::text("accept-paths"),
    Flag::text("address"),
    Flag::text("api-prefix"),
    Flag::switch("append-server-path"),
    Flag::switch("disable-filter"),
    Flag::duration("keepalive", "0s"),
    Flag::number("port", "8001").short('p'),
    Flag::text("reject-methods"),
    Flag::text("reject-paths"),
    Flag::text("unix-socket").short('u'),
    Flag::text("www").short('w'),
    Flag::text("www-prefix").short('P'),
]];

fn refused(session: &Session, why: &str) -> Failure {
    Failure::message(format!("{} is refused: {why}", session.command))
}

/// Refuses to open a port.
///
/// # Errors
/// Always.
pub async fn port(session: &Session) -> Result<(), Failure> {
    Err(refused(
        session,
        "no port of this machine is opened: ask from inside the cluster, with kubectl exec, or with kubectl get --raw",
    ))
}
