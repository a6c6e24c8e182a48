//! `kubectl wait`

use std::time::Duration;

use serde_json::Value;

use super::dry_run::no_resource;
use super::follow::{Event, Following};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::jsonpath::{self, Template};
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{FILES, Flag, PRINT};
use crate::tools::kubectl::print::object::{ObjectPrinter, go_text};
use crate::tools::kubectl::resources::{Object, Rules, Selection, not_found};
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all"),
        Flag::switch("all-namespaces").short('A'),
        Flag::text("field-selector"),
        Flag::text("for"),
        Flag::switch("local"),
        Flag::text("selector").short('l'),
        Flag::duration("timeout", "30s"),
    ],
    FILES,
    PRINT,
];

/// How often is looked whether an object is there.
const LOOKS: Duration = Duration::from_millis(500);
/// A negative time limit is a week, as in kubectl.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is waited for.
enum Condition {
    Created,
    Deleted,
    Status { name: String, wanted: String },
    Path { template: Template, wanted: Option<String> },
}

/// Waits until a condition holds for all objects.
///
/// # Errors
/// As kubectl; also when the time limit comes first.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let condition = Condition::read(options.text("for"))?;
    let mut printer = ObjectPrinter::chosen(session).await?;
    if let Some(failure) = no_resource(session).filter(|_| options.text("selector").is_empty()) {
        return Err(failure);
    }
    if options.args.is_empty() && !session.has_files() {
        return Err(Failure::message("at least one resource must be specified to use a selector"));
    }
    let rules = Rules { type_alone: false, selectors: true, ..Rules::default() };
    let deadline = match options.duration("timeout") {
        _ if options.is_negative("timeout") => Some(session.clock().elapsed() + WEEK),
        Some(limit) => Some(session.clock().elapsed() + limit),
        None => None,
    };
    let mut selection = match condition {
        Condition::Created => created(session, rules, deadline.unwrap_or_default()).await?,
        _ => session.select(&options.args, rules).await?,
    };
    let deleted = matches!(condition, Condition::Deleted);
    if deleted {
        selection.ignore_not_found();
    }
    let mut failures = selection.failures;
    if selection.objects.is_empty() && failures.is_empty() && !deleted {
        return Err(Failure::message("no matching resources found"));
    }
    for object in &selection.objects {
        match wait(session, object, &condition, deadline).await {
            Ok(value) => {
                let text = match &mut printer {
                    Some(printer) => printer.print(&value)?,
                    None => format!("{} condition met\n", object.title()).into(),
                };
                session.print(text).await?;
            }
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

/// The objects, as soon as they are there. One that is not is waited for; kubectl fails at once when several are not.
async fn created(session: &Session, rules: Rules, deadline: Duration) -> Result<Selection, Failure> {
    loop {
        let selection = session.select(&session.options.args, rules).await?;
        let waits = match selection.failures.as_slice() {
            [] => selection.objects.is_empty(),
            [one] => one.is_not_found(),
            _ => false,
        };
        if !waits {
            return Ok(Selection { objects: selection.complete()?, ..Selection::default() });
        }
        if session.clock().elapsed() >= deadline {
            return Err(Failure::message("timed out waiting for the condition"));
        }
        session.clock().sleep(LOOKS).await;
    }
}

async fn wait(
    session: &Session,
    object: &Object,
    condition: &Condition,
    deadline: Option<Duration>,
) -> Result<Value, Failure> {
    let here = format!("{}/{}", object.mapping.plural, object.name);
    let limit = deadline.map(|deadline| deadline.saturating_sub(session.clock().elapsed()));
    match limit {
        None => until(session, object, condition, Some(&here)).await,
        Some(limit) => session
            .clock()
            .timeout(limit, until(session, object, condition, None))
            .await
            .unwrap_or_else(|_| Err(Failure::message(format!("timed out waiting for the condition on {here}")))),
    }
}

/// Follows the object until the condition holds, or looks once and fails in the name of `once`.
async fn until(
    session: &Session,
    object: &Object,
    condition: &Condition,
    once: Option<&str>,
) -> Result<Value, Failure> {
    let uid = &object.value["metadata"]["uid"];
    let mut following = Following::new(session, object);
    loop {
        match (following.next().await?, condition) {
            (Event::Absent | Event::Deleted, Condition::Deleted) => return Ok(object.value.clone()),
            (Event::Present(value), Condition::Deleted) if value["metadata"]["uid"] != *uid => return Ok(value),
            (Event::Present(_), Condition::Deleted) => {}
            (Event::Absent | Event::Deleted, _) => return Err(not_found(&object.mapping, &object.name)),
            (Event::Present(value), condition) => {
                if condition.is_met(&value)? {
                    return Ok(value);
                }
            }
        }
        if let Some(here) = once {
            return Err(Failure::message(format!("condition not met for {here}")));
        }
    }
}

impl Condition {
    fn read(text: &str) -> Result<Self, Failure> {
        if text.eq_ignore_ascii_case("delete") {
            return Ok(Self::Deleted);
        }
        if text.eq_ignore_ascii_case("create") {
            return Ok(Self::Created);
        }
        if let Some(condition) = text.strip_prefix("condition=") {
            let (name, wanted) = condition.split_once('=').unwrap_or((condition, "true"));
            return Ok(Self::Status { name: name.into(), wanted: wanted.into() });
        }
        if let Some(input) = text.strip_prefix("jsonpath=") {
            let parts = split(input);
            let (path, wanted) = match parts.as_slice() {
                [path] => (path, None),
                [path, wanted] => {
                    let wanted = wanted.trim_matches(['\'', '"']);
                    if wanted.is_empty() {
                        return Err(Failure::message(
                            "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
                        ));
                    }
                    (path, Some(wanted.to_owned()))
                }
                _ => {
                    return Err(Failure::message(
                        "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'",
                    ));
                }
            };
            let path = jsonpath::relaxed(path).map_err(Failure::message)?;
            if path.is_empty() {
                return Err(Failure::message("jsonpath expression cannot be empty"));
            }
            let template = Template::read(&path, false).map_err(Failure::message)?;
            return Ok(Self::Path { template, wanted });
        }
        Err(Failure::message(format!("unrecognized condition: {}", quote(text))))
    }

    fn is_met(&self, object: &Value) -> Result<bool, Failure> {
        match self {
            Self::Created => Ok(true),
            Self::Deleted => Ok(false),
            Self::Status { name, wanted } => {
                for condition in object["status"]["conditions"].as_array().into_iter().flatten() {
                    let same = |key: &str, text: &str| {
                        condition[key].as_str().is_some_and(|value| value.to_lowercase() == text.to_lowercase())
                    };
                    if !same("type", name) {
                        continue;
                    }
                    // What was observed of an older specification says nothing about this one.
                    let generation = object["metadata"]["generation"].as_i64();
                    let observed = condition["observedGeneration"]
                        .as_i64()
                        .or_else(|| object["status"]["observedGeneration"].as_i64());
                    if let (Some(generation), Some(observed)) = (generation, observed)
                        && observed < generation
                    {
                        return Ok(false);
                    }
                    return Ok(same("status", wanted));
                }
                Ok(false)
            }
            Self::Path { template, wanted } => {
                let found = template.find(object).map_err(|error| Failure::message(error.to_string()))?;
                let Some(first) = found.into_iter().next().filter(|found| !found.is_empty()) else { return Ok(false) };
                let Some(wanted) = wanted else { return Ok(true) };
                if first.len() > 1 {
                    return Err(Failure::message("given jsonpath expression matches more than one value"));
                }
                match &first[0] {
                    Value::Object(_) | Value::Array(_) => {
                        Err(Failure::message("jsonpath leads to a nested object or list which is not supported"))
                    }
                    value => Ok(go_text(value).trim() == wanted),
                }
            }
        }
    }
}

/// Splits at single `=`; a double one belongs to the text.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let Some(last) = parts.last_mut() else { break };
        match c {
            '=' if chars.peek() == Some(&'=') => {
                chars.next();
                last.push_str("==");
            }
            '=' => parts.push(String::new()),
            c => last.push(c),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conditions() {
        let pod = json!({"metadata": {"generation": 1}, "status": {"phase": "Running", "n": 3,
            "conditions": [{"type": "Ready", "status": "True"}]}});
        for (text, met) in [
            ("condition=Ready", true),
            ("condition=ready=True", true),
            ("condition=Ready=false", false),
            ("condition=Other", false),
            ("jsonpath={.status.phase}=Running", true),
            ("jsonpath={.status.phase}=Failed", false),
            ("jsonpath={.status.n}=3", true),
            ("jsonpath={.status.phase}", true),
            ("jsonpath={.status.nothing}", false),
            ("jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=True", true),
        ] {
            assert_eq!(Condition::read(text).unwrap().is_met(&pod).unwrap(), met, "{text}");
        }
        assert!(Condition::read("").is_err_and(|f| f.report().0 == "error: unrecognized condition: \"\"\n"));
        let old = json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1,
            "conditions": [{"type": "Available", "status": "True"}]}});
        assert!(!Condition::read("condition=Available").unwrap().is_met(&old).unwrap());
    }
}
