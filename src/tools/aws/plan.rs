//! Which operations a command line would call, from its words alone.

use super::{command, globals, model, operations, options, waiter};
use crate::tools::plan::Planned;

/// The operations of one command line.
pub fn plan(args: &[String]) -> Vec<Planned> {
    // A word that is not known may be anything; as a value of an option it stands for itself.
    calls(args).unwrap_or_default()
}

fn calls(args: &[String]) -> Option<Vec<Planned>> {
    let parsed = options::parse(&globals::options(), args).ok()?;
    let name = parsed.positional.filter(|name| name != "help")?;
    let Some(service) = model::service(&name) else {
        let operation = options::parse(&[] as &[options::Opt], &parsed.rest).ok()?.positional.unwrap_or_default();
        return Some(vec![elsewhere(&name, &operation)]);
    };
    let rest = options::parse(&[] as &[options::Opt], &parsed.rest).ok()?;
    let word = rest.positional.filter(|word| word != "help")?;
    if word == "wait" {
        let waiter = options::parse(&[] as &[options::Opt], &rest.rest).ok()?;
        let operation = waiter::operation(&service.name, waiter.positional.as_deref()?)?;
        return Some(vec![planned(&service.name, operation, about(service, operation, &waiter.rest), false, false)]);
    }
    match (service.name.as_str(), word.as_str()) {
        ("eks", "update-kubeconfig") => {
            let at = rest.rest.iter().position(|word| word == "--name");
            let named = rest.rest.iter().find_map(|word| word.strip_prefix("--name="));
            let name = named.or_else(|| at.and_then(|at| rest.rest.get(at + 1)).map(String::as_str)).unwrap_or("*");
            return Some(vec![planned("eks", "DescribeCluster", vec![format!("name={name}")], false, false)]);
        }
        // It only signs.
        ("eks", "get-token") => return Some(Vec::new()),
        _ => {}
    }
    let commands = service.commands();
    let (_, operation) = commands.iter().find(|(command, _)| *command == word)?;
    operations::find(&service.name, operation)?;
    let about = about(service, operation, &rest.rest);
    let changes = service.operations.get::<str>(operation).is_some_and(|operation| operation.mutating);
    Some(vec![planned(&service.name, operation, about, changes, false)])
}

/// A call of a service that this aws has not: the operation's name is its word in another spelling.
fn elsewhere(service: &str, word: &str) -> Planned {
    let reads = ["describe-", "get-", "list-", "batch-get-", "head-"].iter().any(|start| word.starts_with(start))
        || word == "ls";
    let mut operation = String::new();
    for part in word.split('-').filter(|part| !part.is_empty()) {
        let (first, rest) = part.split_at(part.chars().next().map_or(0, char::len_utf8));
        operation.push_str(&first.to_uppercase());
        operation.push_str(rest);
    }
    planned(service, &operation, Vec::new(), !reads, false)
}

fn planned(service: &str, operation: &str, about: Vec<String>, changes: bool, maybe: bool) -> Planned {
    Planned { service: service.to_owned(), operation: operation.to_owned(), namespace: None, about, changes, maybe }
}

/// The members of the input that are given one text each: names, ARNs, ids.
fn about(service: &model::Service, operation: &str, words: &[String]) -> Vec<String> {
    let Some(known) = service.operations.get(operation) else { return Vec::new() };
    let arguments = command::list(service, operation, known);
    let options: Vec<options::Opt> = arguments.iter().flat_map(|argument| argument.options(service)).collect();
    let Ok(parsed) = options::parse(&options, words) else { return Vec::new() };
    let singles = |name: &str| ["name", "arn", "id"].iter().any(|end| name.to_lowercase().ends_with(end));
    arguments
        .iter()
        .filter_map(|argument| {
            let member = argument.member.filter(|member| singles(&member.name))?;
            let value = parsed.last(&argument.name)?;
            Some(format!("{}={value}", member.name))
        })
        .collect()
}
