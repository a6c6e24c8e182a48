//! A credential plugin of the person's kubeconfig, run when the person allowed its program by name.
//!
//! The exchange is client-go's: <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use kube::config::{AuthInfo, ExecConfig};
use serde::Deserialize;
use tokio::process::Command;

use super::super::eks_token::EksToken;
use crate::clock::Clock;
use crate::target::{Programs, TargetError};

/// How long a plugin may take: it may ask a server, and cannot ask the person.
const LIMIT: Duration = Duration::from_secs(60);

/// A plugin and the program that it is.
#[derive(Debug, Clone)]
pub struct Plugin {
    exec: ExecConfig,
    program: PathBuf,
    user: String,
}

#[derive(Deserialize)]
struct Credential {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    expiration_timestamp: Option<Timestamp>,
}

impl Plugin {
    /// The user's plugin, if it has one and its program is allowed. A path in the configuration is the program then.
    pub fn of(user: &AuthInfo, name: &str, programs: &Programs) -> Option<Self> {
        let exec = user.exec.as_ref()?;
        let command = exec.command.as_deref()?;
        let allowed = programs.path(command.rsplit('/').next()?)?;
        let program = if command.contains('/') { PathBuf::from(command) } else { allowed.to_owned() };
        Some(Self { exec: exec.clone(), program, user: name.to_owned() })
    }

    /// Runs it and takes its token.
    ///
    /// # Errors
    /// When it cannot be started, fails, takes too long, or answers something else than a token.
    pub async fn token(&self, clock: &Clock) -> Result<EksToken, TargetError> {
        let failed = |why: String| {
            TargetError::NoIdentity(format!("exec of the user \"{}\": {}: {why}", self.user, self.program.display()))
        };
        // What goes on outside is work.
        let _busy = clock.busy();
        let mut command = Command::new(&self.program);
        command.args(self.exec.args.iter().flatten()).stdin(Stdio::null()).kill_on_drop(true);
        for pair in self.exec.env.iter().flatten() {
            if let (Some(name), Some(value)) = (pair.get("name"), pair.get("value")) {
                command.env(name, value);
            }
        }
        let version = self.exec.api_version.as_deref().unwrap_or("client.authentication.k8s.io/v1");
        let asked =
            serde_json::json!({"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": false}});
        command.env("KUBERNETES_EXEC_INFO", asked.to_string());
        let output = clock.timeout(LIMIT, command.output()).await;
        let output = output.map_err(|_| failed(format!("no answer in {} seconds", LIMIT.as_secs())))?;
        let output = output.map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(failed(format!("{}: {}", output.status, said.trim())));
        }
        let credential: Credential = serde_json::from_slice(&output.stdout)
            .map_err(|error| failed(format!("its answer is no ExecCredential: {error}")))?;
        let status = credential.status.ok_or_else(|| failed("its answer has no status".into()))?;
        let token = status.token.ok_or_else(|| failed("its answer has no token, and only tokens are taken".into()))?;
        Ok(EksToken { token, expires: status.expiration_timestamp.unwrap_or(Timestamp::MAX) })
    }
}
