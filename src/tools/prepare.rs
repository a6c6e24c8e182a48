//! `prepare-environment [MODULE]`: the sandbox as a module of the workshop begins.
//!
//! The workshop's own program creates what a module needs in a learner's account and takes away what another left there. In the
//! sandbox a scenario says what is there, so preparing is to begin with the scenario anew, in both halves. The work folder and the
//! shell stay as they are.

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
    #[error("module {module} begins with another scenario: start lectern with --scenario {scenario}")]
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
    if let Some(module) = arguments.first() {
        let module = module.trim_matches('/').to_owned();
        let own = &sandbox.scenario().modules;
        if !own.contains(&module) {
            return Err(match Scenario::of_module(&module)? {
                Some(scenario) => Refusal::Elsewhere { module, scenario },
                None if own.is_empty() => Refusal::Unknown { module, known: "no modules".into() },
                None => Refusal::Unknown { module, known: own.join(", ") },
            });
        }
    }
    sandbox.begin_anew().await?;
    // Whether the reader is still there does not change what was done.
    let _ = call.out.stdout("The sandbox is as at the start of the module.\n").await;
    Ok(())
}
