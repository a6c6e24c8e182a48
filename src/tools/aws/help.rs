//! `help`: one page that says what there is.

use super::Argument;
use super::command::takes;
use super::model::{self, Kind, Operation, Service};
use super::operations;

/// `aws help`.
pub(super) fn all() -> String {
    let mut out = String::from(
        "NAME\n  aws - calls of the AWS SDK, made natively by lectern\n\nSYNOPSIS\n  \
         aws [options] SERVICE OPERATION [parameters]\n\nDESCRIPTION\n  \
         Command line, output and exit statuses are those of AWS CLI v2. In the sandbox nothing leaves the process.\n\n\
         SERVICES\n",
    );
    for service in model::SERVICES {
        out.push_str(&format!("  {service}\n"));
    }
    out.push_str("\nGLOBAL OPTIONS\n");
    for option in super::globals::options() {
        let choices = if option.choices.is_empty() { String::new() } else { format!(" {}", option.choices.join("|")) };
        out.push_str(&format!("  {}{choices}\n", option.name));
    }
    out.push_str(
        "\n  --color and --no-cli-pager are taken and change nothing: output has no colours and goes to no pager.\n  \
         --debug shows each call on standard error, without secrets.\n  \
         --no-verify-ssl, --no-sign-request, --ca-bundle and --cli-auto-prompt are refused.\n\nEXIT STATUS\n  \
         0 the call was answered\n  252 the command line is wrong\n  253 region, credentials or profile are missing\n  \
         254 the service refused\n  255 anything else\n\nSEE ALSO\n  aws SERVICE help\n  aws SERVICE OPERATION help\n",
    );
    out
}

/// `aws SERVICE help`.
pub(super) fn service(service: &Service) -> String {
    let mut out = format!("NAME\n  aws {}\n\nOPERATIONS\n", service.name);
    for (command, name) in service.commands() {
        if operations::find(&service.name, name).is_some() {
            out.push_str(&format!("  {command}\n"));
        }
    }
    let own: Vec<_> = customizations(&service.name).collect();
    if !own.is_empty() {
        out.push_str("\nCOMMANDS OF THE CLI'S OWN\n");
        for command in own {
            out.push_str(&format!("  {command}\n"));
        }
    }
    out.push_str(&format!("\nSEE ALSO\n  aws {} OPERATION help\n", service.name));
    out
}

/// `aws SERVICE wait help`.
pub(super) fn waiters(service: &Service) -> String {
    let names: String = super::waiter::names(&service.name).iter().map(|name| format!("  {name}\n")).collect();
    format!("NAME\n  aws {} wait\n\nWHAT CAN BE WAITED FOR\n{names}", service.name)
}

/// `aws SERVICE OPERATION help`.
pub(super) fn operation(service: &Service, name: &str, operation: &Operation, arguments: &[Argument<'_>]) -> String {
    let command = format!("aws {} {}", service.name, model::dashed(name));
    let is_required = |argument: &Argument<'_>| argument.member.is_some_and(|member| member.required && !member.token);
    let mut out = format!("NAME\n  {command}\n\nSYNOPSIS\n  {command}\n");
    for argument in arguments {
        for option in argument.options(service).iter().take(1) {
            let text = format!("{}{}", option.name, takes(service, argument));
            out.push_str(&if is_required(argument) { format!("    {text}\n") } else { format!("    [{text}]\n") });
        }
    }
    out.push_str("\nOPTIONS\n");
    for argument in arguments {
        for option in argument.options(service) {
            let mut notes = Vec::new();
            if is_required(argument) {
                notes.push("required".to_owned());
            }
            let choices = argument.member.map(|member| choices(service, &member.shape)).unwrap_or_default();
            if !choices.is_empty() {
                notes.push(format!("one of {}", choices.join(", ")));
            }
            if !option.choices.is_empty() {
                notes.push(format!("one of {}", option.choices.join(", ")));
            }
            let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
            out.push_str(&format!("  {}{}{notes}\n", option.name, takes(service, argument)));
            members(service, argument, &mut out);
        }
    }
    if operation.page.is_some() {
        out.push_str("\n  All pages are asked for and joined; --no-paginate asks for the first one alone.\n");
    }
    out.push_str("\nOUTPUT\n");
    match operation.output.as_deref().map(|output| service.shape(output)) {
        Some(shape) if !shape.members.is_empty() => {
            for member in &shape.members {
                out.push_str(&format!("  {} -> {}\n", member.name, word(service.shape(&member.shape).kind)));
            }
        }
        _ => out.push_str("  None\n"),
    }
    out
}

/// The members of a structure that an option takes.
fn members(service: &Service, argument: &Argument<'_>, out: &mut String) {
    let Some(member) = argument.member else { return };
    let shape = service.shape(&member.shape);
    let inner = match shape.kind {
        Kind::List => shape.member.as_deref().map(|inner| service.shape(inner)),
        _ => Some(shape),
    };
    for member in inner.map(|inner| inner.members.as_slice()).unwrap_or_default() {
        let required = if member.required { " (required)" } else { "" };
        out.push_str(&format!("      {} -> {}{required}\n", member.name, word(service.shape(&member.shape).kind)));
    }
}

fn choices<'a>(service: &'a Service, shape: &str) -> &'a [String] {
    let shape = service.shape(shape);
    match (shape.kind, &shape.member) {
        (Kind::List, Some(inner)) => &service.shape(inner).choices,
        _ => &shape.choices,
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Structure => "structure",
        Kind::List => "list",
        Kind::Map => "map",
        Kind::String => "string",
        Kind::Integer | Kind::Long => "integer",
        Kind::Float | Kind::Double => "float",
        Kind::Boolean => "boolean",
        Kind::Timestamp => "timestamp",
        Kind::Blob => "blob",
    }
}

/// The commands of a service that are no operations of it.
pub(super) fn customizations(service: &str) -> impl Iterator<Item = &'static str> {
    let own: &[&str] = if service == "eks" { &["get-token", "update-kubeconfig"] } else { &[] };
    let wait = (!super::waiter::names(service).is_empty()).then_some("wait");
    own.iter().copied().chain(wait)
}
