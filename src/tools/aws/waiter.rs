//! `aws SERVICE wait NAME`: asks again and again until something is so. What is asked, how often, and what counts are data
//! under `assets/aws`, made from botocore's by the script beside them.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::End;
use super::command::{self, Answer};
use super::failure::Failure;
use super::globals::Globals;
use super::help;
use super::model::{self, Service};
use super::options::{self, Opt};
use super::query::Query;
use crate::tools::TargetCall;

/// Something that can be waited for.
#[derive(Debug, Deserialize)]
struct Waiter {
    operation: String,
    /// Seconds between two attempts.
    delay: u64,
    attempts: u32,
    acceptors: Vec<Acceptor>,
}

#[derive(Debug, Deserialize)]
struct Acceptor {
    state: State,
    matcher: Matcher,
    argument: Option<String>,
    expected: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Success,
    Failure,
    Retry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Matcher {
    #[serde(rename = "path")]
    Path,
    #[serde(rename = "pathAll")]
    PathAll,
    #[serde(rename = "pathAny")]
    PathAny,
    #[serde(rename = "status")]
    Status,
    #[serde(rename = "error")]
    Error,
}

/// The waiters of a service, by their names in the model.
fn waiters(service: &str) -> &'static BTreeMap<String, Waiter> {
    static ALL: OnceLock<BTreeMap<String, BTreeMap<String, Waiter>>> = OnceLock::new();
    static NONE: BTreeMap<String, Waiter> = BTreeMap::new();
    // The text is part of the program; that it can be read is tested.
    let all =
        ALL.get_or_init(|| serde_json::from_str(include_str!("../../../assets/aws/waiters.json")).unwrap_or_default());
    all.get(service).unwrap_or(&NONE)
}

/// The names of what can be waited for, as the command line has them.
pub(super) fn names(service: &str) -> Vec<String> {
    waiters(service).keys().map(|name| model::dashed(name)).collect()
}

/// The operation that waiting for `name` asks.
pub(super) fn operation(service: &str, name: &str) -> Option<&'static str> {
    let found = waiters(service).iter().find(|(known, _)| model::dashed(known) == name);
    found.map(|(_, waiter)| waiter.operation.as_str())
}

/// Waits for what the words name.
pub(super) async fn run(call: &TargetCall, globals: &Globals, service: &Service, words: &[String]) -> Result<(), End> {
    let parsed = options::parse(&[] as &[Opt], words)?;
    let known = names(&service.name);
    let Some(name) = parsed.positional else {
        return Err(Failure::usage("the following arguments are required: operation").into());
    };
    if name == "help" {
        call.out.stdout(help::waiters(service)).await?;
        return Ok(());
    }
    let Some((named, waiter)) = waiters(&service.name).iter().find(|(known, _)| model::dashed(known) == name) else {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        return Err(Failure::usage(options::invalid_choice("operation", &name, &known)).into());
    };
    let Some(asked) = command::prepare(call, globals, service, &waiter.operation, &parsed.rest).await? else {
        return Ok(());
    };
    let failed = |why: String| End::from(Failure::general(format!("Waiter {named} failed: {why}")));
    let mut last = String::new();
    for attempt in 1..=waiter.attempts {
        let answer = asked.ask().await?;
        let met = waiter.acceptors.iter().find(|acceptor| acceptor.meets(&answer));
        match (met.map(|acceptor| acceptor.state), &answer) {
            (Some(State::Success), _) => return Ok(()),
            (Some(State::Failure), _) => {
                let why = met.map(|acceptor| acceptor.explanation()).unwrap_or_default();
                return Err(failed(format!("Waiter encountered a terminal failure state: {why}")));
            }
            (None, Answer::Refused { code, message, .. }) => {
                return Err(failed(format!("An error occurred ({code}): {message}")));
            }
            (Some(State::Retry), _) => last = met.map(|acceptor| acceptor.explanation()).unwrap_or_default(),
            (None, Answer::Given { .. }) => {}
        }
        if attempt < waiter.attempts {
            call.invocation.clock.sleep(Duration::from_secs(waiter.delay)).await;
        }
    }
    let before = if last.is_empty() { String::new() } else { format!(". Previously accepted state: {last}") };
    Err(failed(format!("Max attempts exceeded{before}")))
}

impl Acceptor {
    fn meets(&self, answer: &Answer) -> bool {
        match (self.matcher, answer) {
            (Matcher::Status, Answer::Given { status, .. } | Answer::Refused { status, .. }) => {
                self.expected.as_u64() == Some(u64::from(*status))
            }
            (Matcher::Error, Answer::Refused { code, .. }) => self.expected.as_str() == Some(code),
            (Matcher::Error, Answer::Given { .. }) => self.expected == Value::Bool(false),
            (_, Answer::Refused { .. }) => false,
            (matcher, Answer::Given { value, .. }) => {
                let picked = self.argument.as_deref().and_then(|path| Query::parse(path).ok()?.search(value).ok());
                let Some(picked) = picked else { return false };
                match (matcher, picked.as_array()) {
                    (Matcher::PathAll, Some(all)) => !all.is_empty() && all.iter().all(|one| *one == self.expected),
                    (Matcher::PathAny, Some(all)) => all.contains(&self.expected),
                    (Matcher::Path, _) => picked == self.expected,
                    _ => false,
                }
            }
        }
    }

    /// What it matched, in botocore's words.
    fn explanation(&self) -> String {
        let expected = match &self.expected {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let argument = self.argument.as_deref().unwrap_or_default();
        match self.matcher {
            Matcher::Path => format!("For expression \"{argument}\" we matched expected path: \"{expected}\""),
            Matcher::PathAll => {
                format!("For expression \"{argument}\" all members matched expected path: \"{expected}\"")
            }
            Matcher::PathAny => {
                format!("For expression \"{argument}\" we matched expected path: \"{expected}\" at least once")
            }
            Matcher::Status => format!("Matched expected HTTP status code: {expected}"),
            Matcher::Error => format!("Matched expected service error code: {expected}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_waiter_asks_an_operation_that_there_is() {
        let mut count = 0;
        for service in model::SERVICES {
            let model = model::service(service).unwrap();
            for (name, waiter) in waiters(service) {
                assert!(model.operations.contains_key(&waiter.operation), "{name}");
                assert!(super::super::operations::find(service, &waiter.operation).is_some(), "{name}");
                for acceptor in &waiter.acceptors {
                    if let Some(path) = &acceptor.argument {
                        assert!(Query::parse(path).is_ok(), "{name}: {path}");
                    }
                }
                count += 1;
            }
        }
        assert!(count >= 13, "{count}");
        assert!(names("eks").contains(&"cluster-active".to_owned()));
    }
}
