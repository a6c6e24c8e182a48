//! What the next word of an `aws` command line could be: services, operations, options, choices.

use super::options::{Opt, Values};
use super::{command, globals, help, model, operations};
use crate::target::Target;
use crate::tools::complete::Candidates;

/// The options that name a cluster.
const CLUSTER: &[(&str, &str)] = &[("eks", "--cluster-name"), ("eks", "--name")];

/// What `word` behind `args` could be. No call is made.
pub(in crate::tools) fn complete(args: &[String], word: &str, target: &Target) -> Candidates {
    let mut known = globals::options();
    let mut service = None;
    let mut operation: Option<&str> = None;
    // The option whose value is due, and whether more than one may follow it.
    let mut open: Option<Opt> = None;
    for arg in args {
        if let Some(name) = arg.strip_prefix("--") {
            let option = known.iter().find(|option| option.name == *arg && !name.contains('='));
            open = option.filter(|option| option.values != Values::None).cloned();
            continue;
        }
        if let Some(option) = &open {
            if option.values == Values::One {
                open = None;
            }
            continue;
        }
        match (service, operation) {
            (None, _) => service = model::service(arg),
            (Some(of), None) => {
                operation = of.commands().into_iter().find(|(name, _)| name == arg).map(|(_, name)| name);
                if let Some(found) = operation.and_then(|name| of.operations.get_key_value(name)) {
                    known.extend(command::options(of, found.0, found.1));
                }
            }
            _ => {}
        }
    }
    if let Some(option) = open {
        let one = option.values == Values::One;
        if !option.choices.is_empty() {
            return words(option.choices.iter().copied());
        }
        let names_cluster =
            service.is_some_and(|of| CLUSTER.contains(&(of.name.as_str(), option.name.as_str()))) && one;
        if names_cluster {
            return words(target.identity().cluster.iter().map(String::as_str));
        }
        if one || !word.starts_with('-') {
            return Candidates::Files;
        }
    }
    if word.starts_with('-') {
        return words(known.iter().map(|option| option.name.as_str()));
    }
    match (service, operation) {
        (None, _) => words(model::SERVICES.iter().copied()),
        (Some(of), None) => {
            let commands = of.commands();
            let built = commands.iter().filter(|(_, name)| operations::find(&of.name, name).is_some());
            let own = help::customizations(&of.name).map(str::to_owned);
            Candidates::Words(built.map(|(command, _)| command.clone()).chain(own).collect())
        }
        (Some(_), Some(_)) => Candidates::Files,
    }
}

fn words<'a>(all: impl Iterator<Item = &'a str>) -> Candidates {
    Candidates::Words(all.map(str::to_owned).collect())
}
