//! `aws eks get-token`: a token for a cluster's API server, made in process.

use serde_json::json;

use super::failure::Failure;
use super::globals::Globals;
use super::options::{self, Opt, Values};
use super::{End, output, print};
use crate::tools::TargetCall;

/// The version that the answer has where the caller does not say which it wants, as the CLI has it.
const VERSION: &str = "client.authentication.k8s.io/v1beta1";

/// Prints an `ExecCredential`.
pub(super) async fn run(call: &TargetCall, globals: &Globals, words: &[String]) -> Result<(), End> {
    let known = ["cluster-name", "cluster-id", "role-arn"].map(|name| Opt::new(name, Values::One));
    let parsed = options::parse(&known, words)?;
    if !parsed.rest.is_empty() || parsed.positional.is_some() {
        let unknown: Vec<String> = parsed.rest.iter().cloned().chain(parsed.positional.clone()).collect();
        return Err(Failure::unknown_options(&unknown).into());
    }
    let cluster = match (parsed.last("cluster-name"), parsed.last("cluster-id")) {
        (Some(_), Some(_)) => {
            let message = "The following arguments cannot be used together: --cluster-name, --cluster-id";
            return Err(Failure::parameter(message).into());
        }
        (Some(name), None) | (None, Some(name)) => name,
        (None, None) => {
            let message = "Either parameter --cluster-name or --cluster-id must be specified.";
            return Err(Failure::parameter(message).into());
        }
    };
    let made = call.target.eks_token(&globals.aws, cluster, parsed.last("role-arn")).await;
    let made = made.map_err(|error| Failure::general(error.to_string()))?;
    let asked = call.invocation.env.get("KUBERNETES_EXEC_INFO");
    let asked: Option<serde_json::Value> = asked.and_then(|text| serde_json::from_str(text).ok());
    let version = asked.as_ref().and_then(|asked| asked["apiVersion"].as_str()).unwrap_or(VERSION);
    let credential = json!({
        "kind": "ExecCredential", "apiVersion": version, "spec": {},
        "status": {"expirationTimestamp": made.expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), "token": made.token},
    });
    print(call, globals, "get-token", &credential).await?;
    if globals.format != output::Format::Off {
        call.out.stdout("\n").await?;
    }
    Ok(())
}
