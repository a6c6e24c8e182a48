//! `aws`: the AWS CLI's command line and output, the SDK's calls.
//!
//! A command goes this way: `options` takes the words apart as argparse does, first for the global options, then for the
//! operation's own, which `model` knows; `arguments` makes the operation's input of them and validates it; `operations`
//! has the SDK's call; `answer` reads what came back on the wire as the model says; `paginate` joins pages; `query` picks;
//! `output` prints.

mod answer;
mod arguments;
mod claims;
mod command;
mod complete;
mod failure;
mod globals;
mod help;
mod json_problem;
mod kubeconfig;
mod model;
mod operations;
mod options;
mod output;
mod paginate;
mod plan;
mod query;
mod shorthand;
mod skeleton;
mod token;
mod waiter;

pub(super) use plan::plan;

use std::future::Future;
use std::pin::Pin;

pub(super) use complete::complete;
use failure::Failure;
use globals::Globals;
use options::{Opt, Values};
use serde_json::Value;

use super::{Closed, Status, TargetCall};

/// The tool.
pub(super) fn aws(call: TargetCall) -> Pin<Box<dyn Future<Output = Status> + Send>> {
    Box::pin(async move {
        let cancel = call.invocation.cancel.clone();
        let result = tokio::select! {
            biased;
            () = cancel.cancelled() => return 130,
            result = run(&call) => result,
        };
        let written = match result {
            Ok(()) => return 0,
            Err(End::Closed) => return 141,
            Err(End::Failure(failure)) => call.out.stderr(&failure.text).await.map(|()| failure.status),
        };
        written.unwrap_or(141)
    })
}

/// Why a command ends before its time.
enum End {
    Failure(Failure),
    /// Nobody reads any more.
    Closed,
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

async fn run(call: &TargetCall) -> Result<(), End> {
    let parsed = options::parse(&globals::options(), &call.invocation.args)?;
    if parsed.has("version") {
        call.out.stdout(format!("aws-cli/2 lectern/{}\n", env!("CARGO_PKG_VERSION"))).await?;
        return Ok(());
    }
    let Some(service) = parsed.positional.clone() else {
        return Err(Failure::usage("the following arguments are required: command").into());
    };
    let globals = Globals::new(&parsed, &call.invocation.env, &call.target)?;
    if service == "help" {
        call.out.stdout(help::all()).await?;
        return Ok(());
    }
    let Some(service) = model::service(&service) else {
        if model::is_elsewhere(&service) {
            return Err(Failure::elsewhere(&service).into());
        }
        let known: Vec<&str> = model::names().collect();
        return Err(Failure::usage(options::invalid_choice("command", &service, &known)).into());
    };
    // Operations have no options before their name: what comes there is left over, and belongs to the operation.
    let parsed = options::parse(&[] as &[Opt], &parsed.rest)?;
    let Some(name) = parsed.positional else {
        return Err(Failure::usage("the following arguments are required: operation").into());
    };
    if name == "help" {
        call.out.stdout(help::service(service)).await?;
        return Ok(());
    }
    let commands = service.commands();
    let Some((_, operation)) = commands.iter().find(|(command, _)| *command == name) else {
        match (service.name.as_str(), name.as_str()) {
            (_, "wait") if !waiter::names(&service.name).is_empty() => {
                return waiter::run(call, &globals, service, &parsed.rest).await;
            }
            ("eks", "get-token") => return token::run(call, &globals, &parsed.rest).await,
            ("eks", "update-kubeconfig") => return kubeconfig::run(call, &globals, service, &parsed.rest).await,
            _ => {}
        }
        let own = help::customizations(&service.name).map(str::to_owned);
        let mut known: Vec<String> = commands.iter().map(|(command, _)| command.clone()).chain(own).collect();
        known.sort_unstable();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        return Err(Failure::usage(options::invalid_choice("operation", &name, &known)).into());
    };
    command::run(call, &globals, service, operation, &parsed.rest).await
}

/// What a command line asks of aws that is not built here, as `aws SERVICE OPERATION`; `None` when all of it is. Options of operations are
/// those of the service's model and are not looked at.
pub(super) fn lacks(args: &[String]) -> Option<String> {
    let parsed = options::parse(&globals::options(), args).ok()?;
    let name = parsed.positional.filter(|name| name != "help")?;
    let Some(service) = model::service(&name) else { return Some(format!("aws {name}")) };
    let operation = options::parse(&[] as &[Opt], &parsed.rest).ok()?.positional.filter(|name| name != "help")?;
    let commands = service.commands();
    let known = commands.iter().find(|(command, _)| *command == operation);
    let built = known.is_some_and(|(_, name)| operations::find(&service.name, name).is_some())
        || help::customizations(&service.name).any(|name| name == operation);
    (!built).then(|| format!("aws {name} {operation}"))
}

/// Prints a value: the query's pick of it, in the format that was asked for.
async fn print(call: &TargetCall, globals: &Globals, operation: &str, value: &Value) -> Result<(), End> {
    let picked;
    let value = match &globals.query {
        Some(query) => {
            picked = query.search(value).map_err(Failure::general)?;
            &picked
        }
        None => value,
    };
    let text = match globals.format {
        output::Format::Json => output::json(value),
        output::Format::Text => output::text(value),
        output::Format::Table => output::table(operation, value).map_err(Failure::general)?,
        output::Format::Yaml => output::yaml(value),
        output::Format::YamlStream => output::yaml(&Value::Array(vec![value.clone()])),
        output::Format::Off => String::new(),
    };
    if !text.is_empty() {
        call.out.stdout(text).await?;
    }
    Ok(())
}

/// An option of an operation, and the member of the input that it sets.
struct Argument<'a> {
    name: String,
    member: Option<&'a model::Member>,
}

impl Argument<'_> {
    fn options(&self, service: &model::Service) -> Vec<Opt> {
        let kind = self.member.map(|member| service.shape(&member.shape).kind);
        match kind {
            Some(model::Kind::Boolean) => {
                vec![Opt::new(&self.name, Values::None), Opt::new(&format!("no-{}", self.name), Values::None)]
            }
            Some(model::Kind::List) => vec![Opt::new(&self.name, Values::Any)],
            _ if self.name == "generate-cli-skeleton" => {
                vec![Opt { choices: skeleton::CHOICES, ..Opt::new(&self.name, Values::Maybe) }]
            }
            _ => vec![Opt::new(&self.name, Values::One)],
        }
    }
}

#[cfg(test)]
mod tests;
