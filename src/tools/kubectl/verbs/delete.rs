//! `kubectl delete`

use std::time::Duration;

use http::Method;
use serde_json::{Map, Value, json};

use super::dry_run::{DryRun, no_resource};
use super::follow::{Event, Following};
use super::raw;
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::claims;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag};
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all"),
        Flag::switch("all-namespaces").short('A'),
        Flag::text("cascade").or("background").alone("background"),
        Flag::text("field-selector"),
        Flag::switch("force"),
        Flag::number("grace-period", "-1"),
        Flag::switch("ignore-not-found"),
        Flag::switch("interactive").short('i'),
        Flag::switch("now"),
        Flag::text("output").short('o'),
        Flag::text("raw"),
        Flag::text("selector").short('l'),
        Flag::duration("timeout", "0s"),
        Flag::switch("wait").or("true"),
    ],
    DRY_RUN,
    FILES,
];

/// How long is waited when no limit is given, as kubectl does.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Deletes objects and waits until they are gone.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if !options.text("raw").is_empty() {
        return raw::send(session, Method::DELETE, false).await;
    }
    if let Some(failure) = no_resource(session) {
        return Err(failure);
    }
    let dry = DryRun::of(session).await?;
    if let Some(effects) = session.effects().filter(|_| dry == DryRun::No) {
        return claims::deleted(session, effects).await;
    }
    let name_only = match options.text("output") {
        "" => false,
        "name" => true,
        other => {
            return Err(Failure::message(format!("unexpected -o output mode: {other}. We only support '-o name'")));
        }
    };
    if options.on("all") && !options.text("selector").is_empty() {
        return Err(Failure::message("setting 'all' parameter but found a non empty selector. "));
    }
    let mut grace = options.number("grace-period");
    if options.on("now") {
        if grace != -1 {
            return Err(Failure::message("--now and --grace-period cannot be specified together"));
        }
        grace = 1;
    }
    let force = options.on("force");
    if force && grace > 0 {
        return Err(Failure::message("--force and --grace-period greater than 0 cannot be specified together"));
    }
    let mut wait = options.on("wait");
    if grace == 0 && !force {
        // Without --force, no grace is the shortest grace, so that the deletion is seen through.
        grace = 1;
    }
    if force && grace < 0 {
        grace = 0;
    }
    if force && grace == 0 {
        session
            .complain("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n")
            .await?;
        if !options.given("wait") {
            wait = false;
        }
    }
    let propagation = propagation(session)?;
    let mut selection =
        session.name(&options.args, Rules { type_alone: false, selectors: true, ..Rules::default() }).await?;
    if options.on("ignore-not-found") || options.on("all") {
        selection.ignore_not_found();
    }
    if options.on("interactive") && !selection.objects.is_empty() && !is_confirmed(session, &selection.objects).await? {
        return session.print("deletion is cancelled\n").await;
    }
    let mut failures = selection.failures;
    let nothing = selection.objects.is_empty() && failures.is_empty();
    let mut gone: Vec<Object> = Vec::new();
    for mut object in selection.objects {
        if dry != DryRun::Client {
            let mut body = Map::new();
            body.insert("propagationPolicy".into(), json!(propagation));
            if grace >= 0 {
                body.insert("gracePeriodSeconds".into(), json!(grace));
            }
            if dry == DryRun::Server {
                body.insert("dryRun".into(), json!(["All"]));
            }
            let call = Call::new(Method::DELETE, object.path()).query("dryRun", dry.query()).json(&Value::Object(body));
            match session.api().await?.value(&call).await {
                // Which object it was: another of its name is not waited for.
                Ok(answer) => {
                    let uid =
                        if answer["kind"] == "Status" { &answer["details"]["uid"] } else { &answer["metadata"]["uid"] };
                    object.value = json!({"metadata": {"uid": uid}});
                }
                Err(Failure::Closed) => return Err(Failure::Closed),
                Err(failure) if failure.is_not_found() && options.on("ignore-not-found") => continue,
                Err(failure) => {
                    failures.push(if object.source.is_empty() {
                        failure
                    } else {
                        failure.when("deleting", &object.source)
                    });
                    continue;
                }
            }
        }
        let text = if name_only {
            format!("{}\n", object.title())
        } else {
            let done = if force && grace == 0 { "force deleted" } else { "deleted" };
            format!("{} {} {done}{}\n", object.mapping.group_kind(), quote(&object.name), dry.suffix())
        };
        session.print(text).await?;
        gone.push(object);
    }
    if nothing {
        session.print("No resources found\n").await?;
    }
    Failure::together(failures)?;
    if wait && dry == DryRun::No {
        let limit = options.duration("timeout").unwrap_or(WEEK);
        let deadline = session.clock().elapsed() + limit;
        for object in &gone {
            until_gone(session, object, deadline).await?;
        }
    }
    Ok(())
}

/// Asks whether objects are to be deleted; the answer is a line of standard input.
async fn is_confirmed(session: &Session, objects: &[Object]) -> Result<bool, Failure> {
    let titles: String = objects.iter().map(|object| object.title() + "\n").collect();
    session
        .print(format!(
            "You are about to delete the following {} resource(s):\n{titles}Do you want to continue? (y/n): ",
            objects.len()
        ))
        .await?;
    let said = session.read_stdin().await?;
    let said = String::from_utf8_lossy(&said);
    Ok(said.split_whitespace().next().is_some_and(|word| matches!(word.to_lowercase().as_str(), "y" | "yes")))
}

/// What `--cascade` says is to become of an object's dependents.
///
/// # Errors
/// When it says anything else than kubectl knows.
pub fn propagation(session: &Session) -> Result<&'static str, Failure> {
    match session.options.text("cascade") {
        "background" | "true" => Ok("Background"),
        "foreground" => Ok("Foreground"),
        "orphan" | "false" => Ok("Orphan"),
        other => Err(Failure::message(format!(
            "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
        ))),
    }
}

/// Waits until the object is gone, or another of its name has taken its place.
async fn until_gone(session: &Session, object: &Object, deadline: Duration) -> Result<(), Failure> {
    let uid = &object.value["metadata"]["uid"];
    let watch = async {
        let mut following = Following::new(session, object);
        loop {
            match following.next().await {
                Ok(Event::Absent | Event::Deleted) => return Ok(()),
                Ok(Event::Present(value)) if !uid.is_null() && value["metadata"]["uid"] != *uid => return Ok(()),
                Ok(Event::Present(_)) => {}
                // Who may delete may not always look.
                Err(Failure::Api(failure)) if matches!(failure.code, 403 | 405) => return Ok(()),
                Err(failure) => return Err(failure),
            }
        }
    };
    let left = deadline.saturating_sub(session.clock().elapsed());
    session.clock().timeout(left, watch).await.unwrap_or_else(|_| {
        Err(Failure::message(format!(
            "timed out waiting for the condition on {}/{}",
            object.mapping.plural, object.name
        )))
    })
}
