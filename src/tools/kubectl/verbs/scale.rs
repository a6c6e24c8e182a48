//! `kubectl scale`

use http::Method;
use serde_json::json;

use super::dry_run::{DryRun, no_resource, tell};
use super::follow::{Event, Following};
use crate::tools::kubectl::api::{Call, MERGE};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all"),
        Flag::number("current-replicas", "-1"),
        Flag::number("replicas", "0"),
        Flag::text("resource-version"),
        Flag::text("selector").short('l'),
        Flag::duration("timeout", "0s"),
    ],
    DRY_RUN,
    FILES,
    PRINT,
];

/// Sets how many replicas workloads have.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if !options.given("replicas") {
        return Err(Failure::message("required flag(s) \"replicas\" not set"));
    }
    let replicas = options.number("replicas");
    if replicas < 0 {
        return Err(Failure::message(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        ));
    }
    if let Some(failure) = no_resource(session) {
        return Err(failure);
    }
    let dry = DryRun::of(session).await?;
    let mut printer = ObjectPrinter::chosen(session).await?;
    let selection =
        session.select(&options.args, Rules { type_alone: false, selectors: true, ..Rules::default() }).await?;
    if selection.objects.is_empty() {
        let why = selection.failures.iter().map(Failure::words).collect::<Vec<_>>().join(", ");
        return Err(Failure::message(format!("no objects passed to scale {why}").trim_end().to_owned()));
    }
    let mut failures = selection.failures;
    for object in &selection.objects {
        match one(session, object, replicas, dry).await {
            Ok(()) => tell(session, &mut printer, object, &object.value, "scaled", dry).await?,
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

async fn one(session: &Session, object: &Object, replicas: i64, dry: DryRun) -> Result<(), Failure> {
    let options = &session.options;
    let api = session.api().await?;
    let path = object.part("scale");
    let expected = options.number("current-replicas");
    let version = options.text("resource-version");
    if expected >= 0 || !version.is_empty() {
        let mut scale = api.value(&Call::get(&path)).await?;
        let now = scale["spec"]["replicas"].as_i64().unwrap_or(0);
        if expected >= 0 && now != expected {
            return Err(Failure::message(format!("Expected replicas to be {expected}, was {now}")));
        }
        let found = scale["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        if !version.is_empty() && found != version {
            return Err(Failure::message(format!("Expected resource version to be {version}, was {found}")));
        }
        scale["spec"]["replicas"] = json!(replicas);
        if dry != DryRun::Client {
            api.value(&Call::new(Method::PUT, &path).query("dryRun", dry.query()).json(&scale)).await?;
        }
    } else if dry != DryRun::Client {
        let patch = json!({"spec": {"replicas": replicas}}).to_string().into_bytes();
        api.value(&Call::new(Method::PATCH, &path).query("dryRun", dry.query()).body(MERGE, patch)).await?;
    }
    if let Some(limit) = options.duration("timeout") {
        let reached = async {
            let mut following = Following::new(session, object);
            loop {
                if let Event::Present(value) = following.next().await? {
                    let status = &value["status"];
                    if status["replicas"].as_i64().unwrap_or(0) == replicas
                        && status["observedGeneration"].as_i64() >= value["metadata"]["generation"].as_i64()
                    {
                        return Ok(());
                    }
                }
            }
        };
        return session
            .clock()
            .timeout(limit, reached)
            .await
            .unwrap_or_else(|_| Err(Failure::message("timed out waiting for the condition")));
    }
    Ok(())
}
