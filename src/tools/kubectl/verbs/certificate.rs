//! `kubectl certificate approve` and `deny`: what becomes of a CertificateSigningRequest.

use http::Method;
use serde_json::{Value, json};

use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{FILES, Flag, PRINT};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;

/// The options of both commands.
pub const OPTIONS: &[&[Flag]] = &[&[Flag::switch("force")], FILES, PRINT];

/// Approves requests.
///
/// # Errors
/// As kubectl.
pub async fn approve(session: &Session) -> Result<(), Failure> {
    decide(session, "Approved", "KubectlApprove", "This CSR was approved by kubectl certificate approve.", "approved")
        .await
}

/// Denies requests.
///
/// # Errors
/// As kubectl.
pub async fn deny(session: &Session) -> Result<(), Failure> {
    decide(session, "Denied", "KubectlDeny", "This CSR was denied by kubectl certificate deny.", "denied").await
}

async fn decide(session: &Session, kind: &str, reason: &str, message: &str, done: &str) -> Result<(), Failure> {
    if session.options.args.is_empty() && !session.has_files() {
        return Err(Failure::message("one or more CSRs must be specified as <name> or -f <filename>"));
    }
    let mut printer = ObjectPrinter::chosen(session).await?;
    let mut args = session.options.args.clone();
    if !args.is_empty() && !args.iter().any(|arg| arg.contains('/')) {
        args.insert(0, "certificatesigningrequests".to_owned());
    }
    let selection = session.select(&args, Rules { own_type: true, ..Rules::default() }).await?;
    let mut failures = selection.failures;
    for object in &selection.objects {
        match one(session, object, kind, reason, message).await {
            Ok(value) => {
                let text = match &mut printer {
                    Some(printer) if !printer.is_name() => printer.print(&value)?,
                    Some(_) => format!("{}\n", object.title()).into(),
                    None => format!("{} {done}\n", object.title()).into(),
                };
                session.print(text).await?;
            }
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

async fn one(session: &Session, object: &Object, kind: &str, reason: &str, message: &str) -> Result<Value, Failure> {
    if object.mapping.kind != "CertificateSigningRequest" {
        return Err(Failure::message(format!("{} is not a CertificateSigningRequest", object.title())));
    }
    let mut value = object.value.clone();
    let conditions = value["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let is = |one: &Value, kind: &str| one["type"] == kind;
    let other = if kind == "Approved" { "Denied" } else { "Approved" };
    if conditions.iter().any(|one| is(one, other)) {
        return Err(Failure::message(format!("certificate signing request {:?} is already {other}", object.name)));
    }
    if conditions.iter().any(|one| is(one, kind)) && !session.options.on("force") {
        return Ok(value);
    }
    let now = session.clock().now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut conditions: Vec<Value> = conditions.into_iter().filter(|one| !is(one, kind)).collect();
    conditions
        .push(json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastUpdateTime": now}));
    value["status"]["conditions"] = conditions.into();
    let call = Call::new(Method::PUT, object.part("approval")).json(&value);
    session.api().await?.value(&call).await
}
