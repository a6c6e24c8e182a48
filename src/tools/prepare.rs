//! `prepare-environment [MODULE]`: the sandbox as a module of the workshop begins.
//!
//! The workshop's own program creates what a module needs in a learner's account, takes away what another left there, and sets
//! the module's variables in the shell that calls it. In the sandbox a scenario says what is there, so preparing is to begin anew with the
//! scenario that has the module, in both halves. The work folder and the rest of the shell stay as they are.

use std::future::Future;
use std::pin::Pin;

use super::{Status, TargetCall};
use crate::sandbox::{SandboxError, Scenario};
use crate::target::{Claimed, Subject};

/// Why nothing was prepared.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("only one module can be prepared at a time; the arguments were: {0}")]
    Arguments(String),
    #[error(
        "a live account is not prepared by lectern: run the workshop's own prepare-environment there, or use the sandbox"
    )]
    Live,
    #[error("module {module} is not known here; the sandbox's scenario has {known}")]
    Unknown { module: String, known: String },
    #[error("module {module} begins in another account: start lectern with --scenario {scenario}")]
    Elsewhere { module: String, scenario: String },
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// Takes the sandbox back to the start of a module; without a module, to the start of its scenario.
pub(super) fn prepare_environment(call: TargetCall) -> Pin<Box<dyn Future<Output = Status> + Send>> {
    Box::pin(async move {
        match prepare(&call).await {
            Ok(()) => 0,
            Err(refusal) => {
                // A reader that is gone does not change what went wrong.
                let _ = call.out.stderr(format!("prepare-environment: {refusal}\n")).await;
                match refusal {
                    Refusal::Arguments(_) => 2,
                    _ => 1,
                }
            }
        }
    })
}

async fn prepare(call: &TargetCall) -> Result<(), Refusal> {
    let arguments = &call.invocation.args;
    if arguments.len() > 1 || arguments.first().is_some_and(|argument| argument.starts_with('-')) {
        return Err(Refusal::Arguments(arguments.join(" ")));
    }
    if let Some(effects) = call.target.effects() {
        let name = arguments.first().cloned().unwrap_or_default();
        let subject = Subject { service: "sandbox".into(), kind: "module".into(), namespace: String::new(), name };
        effects.of("prepare-environment").claim(subject, Claimed::BeginAnew, None);
        return Ok(());
    }
    let Some(sandbox) = call.target.as_sandbox() else { return Err(Refusal::Live) };
    let present = sandbox.scenario();
    let scenario = match arguments.first() {
        None => present.without_module()?,
        Some(module) => {
            let module = module.trim_matches('/').to_owned();
            match present.at_module(&module)? {
                Some(scenario) => scenario,
                None if present.modules.is_empty() => {
                    return Err(Refusal::Unknown { module, known: "no modules".into() });
                }
                None => return Err(Refusal::Unknown { module, known: present.modules.join(", ") }),
            }
        }
    };
    let own = |scenario: &Scenario| (scenario.aws.account.clone(), scenario.aws.region.clone());
    if own(&scenario) != own(&present) {
        let module = scenario.module().unwrap_or_default().to_owned();
        return Err(Refusal::Elsewhere { module, scenario: scenario.name().unwrap_or_default().to_owned() });
    }
    sandbox.begin_anew(&scenario).await?;
    call.exports.set(scenario.environment);
    // Whether the reader is still there does not change what was done.
    let _ = call.out.stdout("The sandbox is as at the start of the module.\n").await;
    Ok(())
}
