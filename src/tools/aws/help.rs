//! `help`: one page that says what there is.

use super::Argument;
use super::command::takes;
use super::model::{self, Operation, Service};
use super::operations;

/// `aws help`.
pub(super) fn all() -> String {
    let mut out = String::from(
        "AWS, natively in lectern: the command line and output of AWS CLI v2, the calls of the AWS SDK.\n\nSERVICES\n",
    );
    for service in model::SERVICES {
        out.push_str(&format!("  {service}\n"));
    }
    out.push_str("\nGLOBAL OPTIONS\n");
    for option in super::globals::options() {
        out.push_str(&format!("  {}\n", option.name));
    }
    out
}

/// `aws SERVICE help`.
pub(super) fn service(service: &Service) -> String {
    let mut out = format!("aws {}: the operations that lectern calls\n\n", service.name);
    for (command, name) in service.commands() {
        if operations::find(&service.name, name).is_some() {
            out.push_str(&format!("  {command}\n"));
        }
    }
    for command in customizations(&service.name) {
        out.push_str(&format!("  {command}\n"));
    }
    out
}

/// `aws SERVICE OPERATION help`.
pub(super) fn operation(service: &Service, name: &str, operation: &Operation, arguments: &[Argument<'_>]) -> String {
    let mut out = format!("aws {} {}\n\nOPTIONS\n", service.name, model::dashed(name));
    for argument in arguments {
        let required = argument.member.is_some_and(|member| member.required && !member.token);
        let required = if required { " (required)" } else { "" };
        for option in argument.options(service) {
            out.push_str(&format!("  {}{}{required}\n", option.name, takes(service, argument)));
        }
    }
    if let Some(shape) = operation.output.as_deref().map(|output| service.shape(output)) {
        out.push_str("\nOUTPUT\n");
        for member in &shape.members {
            out.push_str(&format!("  {}\n", member.name));
        }
    }
    out
}

/// The commands of a service that are no operations of it.
pub(super) fn customizations(service: &str) -> impl Iterator<Item = &'static str> {
    let own: &[&str] = if service == "eks" { &["get-token", "update-kubeconfig"] } else { &[] };
    let wait = (!super::waiter::names(service).is_empty()).then_some("wait");
    own.iter().copied().chain(wait)
}
