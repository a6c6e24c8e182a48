//! What a failed step says of its cause, in a sentence, and commands to look further.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::model::{Cause, StepReport};
use super::plain::plain;
use crate::lesson::Step;

/// The exit status of what a time limit ended.
const CUT_BY_TIME: i32 = 124;

/// Why, and what to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The cause, in a sentence.
    pub why: String,
    /// What to try.
    pub next: Vec<String>,
    /// Commands that show more.
    pub look: Vec<String>,
}

impl Advice {
    /// What is to be said of a step that failed, whose commands had this time together. `due` says whether something is still
    /// due to happen on the target, so that time alone could help.
    pub(crate) fn of(step: &Step, cause: Cause, report: &StepReport, limit: Duration, due: bool) -> Self {
        of(step, cause, report, limit, due)
    }
}

fn of(step: &Step, cause: Cause, report: &StepReport, limit: Duration, due: bool) -> Advice {
    let last = report.commands.last();
    let said = last.map(|last| plain(format!("{}\n{}", last.stderr, last.stdout).as_bytes())).unwrap_or_default();
    let command = last.map(|last| last.command.as_str()).unwrap_or_default();
    let mut advice = Advice { why: String::new(), next: Vec::new(), look: Vec::new() };
    match cause {
        Cause::ExitStatus if step.annotations.expect_error && last.is_none_or(|last| last.exit_status == 0) => {
            advice.why = "The page expects an error here, and every command succeeded.".into();
            advice
                .next
                .push("Something may have been set up already: undo to an earlier step, or reset the page.".into());
        }
        Cause::ExitStatus if let Some(name) = missing_command(&said) => no_command(name, "The step", &mut advice),
        Cause::ExitStatus => {
            let status = last.map_or(0, |last| last.exit_status);
            let error = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it printed nothing");
            advice.why = format!("`{}` ended with status {status}: {error}", first_line(command));
            known_errors(&said, command, &mut advice);
        }
        Cause::Output => {
            let rejected = report.commands.iter().find_map(|command| command.comparison.rejected.first());
            advice.why = match rejected {
                Some(first) => {
                    let (expected, actual) = (first_line(&first.expected), first_line(&first.actual));
                    let shown =
                        |text: &str| if text.is_empty() { "nothing".to_owned() } else { format!("“{text}”") };
                    let place = plain(first.place.as_bytes());
                    format!("At {place} the page shows {}, and {} came.", shown(&expected), shown(&actual))
                }
                None => "The output is not what the page shows.".into(),
            };
            if due && rejected.is_some_and(|first| first.transient) {
                advice.next.push("The cluster may need more time: run the step again.".into());
            }
        }
        Cause::Hook => {
            let hook = report.hooks.iter().rfind(|hook| hook.exit_status != 0);
            if let Some(hook) = hook
                && let Some(name) = missing_command(&plain(hook.output.as_bytes()))
            {
                let check = format!("The page's own check `{}`", plain(hook.name.as_bytes()));
                no_command(name, &check, &mut advice);
                return advice;
            }
            advice.why = match hook {
                Some(hook) => {
                    let output = plain(hook.output.as_bytes());
                    let last = output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it printed nothing");
                    let when = hook.phase.as_str();
                    format!("The page's own check `{}` ({when} the commands) did not pass: {}", hook.name, last.trim())
                }
                None => "The page's own check did not pass.".into(),
            };
        }
        Cause::TimeLimit => {
            advice.why = match report.hooks.last().filter(|hook| hook.exit_status == CUT_BY_TIME) {
                Some(hook) => format!(
                    "The page's own check `{}` ({} the commands) took longer than it may.",
                    plain(hook.name.as_bytes()),
                    hook.phase.as_str()
                ),
                None => format!("The commands took longer than the {} s that they have.", limit.as_secs()),
            };
            if due {
                advice.next.push("Run the step again: what has been started may be ready by then.".into());
            }
        }
        Cause::Fault => {
            let told = said.lines().rfind(|line| line.starts_with("lectern's own fault"));
            advice.why = told.map_or_else(|| "lectern's own fault: it broke off in this step.".into(), str::to_owned);
            advice.next.push("Run the step again: the shell is as it was before the command.".into());
        }
        Cause::Cancelled => advice.why = format!("The step was {}.", cause.words()),
    }
    look(command, &mut advice);
    advice
}

/// The first command that bash did not find.
fn missing_command(said: &str) -> Option<&str> {
    let before = said.lines().find_map(|line| line.trim_end().strip_suffix(": command not found"))?;
    before.rsplit(": ").next().map(str::trim).filter(|name| !name.is_empty())
}

fn no_command(name: &str, who: &str, advice: &mut Advice) {
    advice.why = format!("{who} needs `{name}`, a command that lectern does not have.");
    advice
        .next
        .push(format!("Start again with --allow {name} to let lectern use the program of that name on this machine."));
}

fn known_errors(said: &str, command: &str, advice: &mut Advice) {
    let has = |text: &str| said.contains(text);
    if has("AccessDenied") || has("not authorized") || has("is forbidden") {
        advice.next.push("The identity that calls may not do this: see who it is.".into());
        let who = if command.trim_start().starts_with("kubectl") {
            "kubectl auth whoami"
        } else {
            "aws sts get-caller-identity"
        };
        advice.look.push(who.into());
    }
    if has("NotFound")
        || has("not found")
        || has("No such file")
        || has("NoSuchEntity")
        || has("ResourceNotFoundException")
    {
        advice.next.push("What it names does not exist (yet): an earlier step makes it, or its name differs.".into());
    }
    if has("already exists") || has("AlreadyExists") || has("EntityAlreadyExists") || has("ResourceInUseException") {
        advice.next.push("It was made before: undo to before it was, or reset the page.".into());
    }
    // The words of the AWS CLI for what is wrong before a service decides.
    for (words, what) in [
        ("Unable to locate credentials", "Nobody says who calls: log in, or set a profile, and start lectern again."),
        ("ExpiredToken", "The credentials have expired: log in again, and start lectern again."),
        ("You must specify a region", "No region is known: add --region, or set AWS_REGION."),
        (
            "Could not connect to the endpoint",
            "The service is not reached: look at the network, the region and the proxy.",
        ),
        ("on endpoint URL", "The service did not answer in time: run the step again."),
        ("reached max retries", "The service is asked too often: wait a little, then run the step again."),
        ("Signature expired", "This machine's clock is wrong: set it, then run the step again."),
        (
            "natively: its aws makes",
            "lectern has no such AWS service; --allow aws lets it start the AWS CLI of this machine.",
        ),
    ] {
        if has(words) {
            advice.next.push(what.into());
        }
    }
    if has("unbound variable") || has("parameter null or not set") {
        advice.next.push("A variable is not set: an earlier step sets it.".into());
    }
}

/// A command that shows more about what this one is about.
fn look(command: &str, advice: &mut Advice) {
    let words: Vec<&str> = command.split_whitespace().collect();
    let namespace = words
        .windows(2)
        .find(|pair| matches!(pair[0], "-n" | "--namespace"))
        .map(|pair| pair[1])
        .or_else(|| words.iter().find_map(|word| word.strip_prefix("--namespace=")));
    let in_namespace = namespace.map(|name| format!(" -n {name}")).unwrap_or_default();
    match words.first() {
        Some(&"kubectl") => {
            let about = words.iter().position(|word| matches!(*word, "get" | "rollout" | "wait" | "logs" | "describe"));
            if about.is_some() {
                advice.look.push(format!("kubectl get pods{in_namespace}"));
                advice.look.push(format!("kubectl describe pods{in_namespace}"));
            }
            advice.look.push(format!("kubectl get events{in_namespace} --sort-by=.lastTimestamp"));
        }
        Some(&"aws") if words.len() > 2 => {
            let service = words[1];
            let identity = "aws sts get-caller-identity".to_owned();
            if service != "sts" && !advice.look.contains(&identity) {
                advice.look.push(identity);
            }
        }
        _ => {}
    }
}

fn first_line(text: &str) -> String {
    let text = plain(text.as_bytes());
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().trim_end_matches('\\').trim().to_owned();
    if lines.next().is_some() { format!("{first} …") } else { first }
}
