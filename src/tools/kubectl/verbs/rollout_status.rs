//! `kubectl rollout status`

use serde_json::Value;

use super::follow::{Event, Following};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{FILES, Flag};
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::number("revision", "0"),
        Flag::text("selector").short('l'),
        Flag::duration("timeout", "0s"),
        Flag::switch("watch").short('w').or("true"),
    ],
    FILES,
];

/// Tells how a rollout goes, a line for each change, until it is done.
///
/// # Errors
/// As kubectl; also when the time limit comes first.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if options.args.is_empty() && !session.has_files() {
        return Err(Failure::message("required resource not specified"));
    }
    let revision = options.number("revision");
    if revision < 0 {
        return Err(Failure::message(format!("revision must be a positive integer: {revision}")));
    }
    let selection =
        session.select(&options.args, Rules { type_alone: true, selectors: true, ..Rules::default() }).await?;
    let mut failures = selection.failures;
    if selection.objects.is_empty() && failures.is_empty() {
        let namespace = session.namespace().await?;
        return session.complain(format!("No resources found in {namespace} namespace.\n")).await;
    }
    for object in &selection.objects {
        if !matches!(object.mapping.kind.as_str(), "Deployment" | "DaemonSet" | "StatefulSet") {
            failures
                .push(Failure::message(format!("no status viewer has been implemented for {}", object.mapping.kind)));
            continue;
        }
        let following = watch(session, object, revision);
        let answer = match options.duration("timeout") {
            None => following.await,
            Some(limit) => session
                .clock()
                .timeout(limit, following)
                .await
                .unwrap_or_else(|_| Err(Failure::message("timed out waiting for the condition"))),
        };
        match answer {
            Ok(()) => {}
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

/// Prints a line for each change until the rollout is done.
async fn watch(session: &Session, object: &Object, revision: i64) -> Result<(), Failure> {
    let mut following = Following::new(session, object);
    loop {
        match following.next().await? {
            Event::Absent => {}
            Event::Deleted => return Err(Failure::message("object has been deleted")),
            Event::Present(value) => {
                let (line, done) = status(&value, revision).map_err(Failure::Message)?;
                session.print(line).await?;
                if done || !session.options.on("watch") {
                    return Ok(());
                }
            }
        }
    }
}

/// How far the rollout of a workload is, and whether it is done.
fn status(object: &Value, revision: i64) -> Result<(String, bool), String> {
    let name = quote(object["metadata"]["name"].as_str().unwrap_or_default());
    let (spec, status) = (&object["spec"], &object["status"]);
    let count = |field: &str| status[field].as_i64().unwrap_or(0);
    let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
    let observed = count("observedGeneration");
    match object["kind"].as_str() {
        Some("Deployment") => {
            if revision > 0 {
                let running = object["metadata"]["annotations"]["deployment.kubernetes.io/revision"].as_str();
                let running = running.and_then(|text| text.parse().ok()).unwrap_or(0);
                if running != revision {
                    return Err(format!(
                        "desired revision ({revision}) is different from the running revision ({running})"
                    ));
                }
            }
            if generation > observed {
                return Ok(("Waiting for deployment spec update to be observed...\n".into(), false));
            }
            let late = status["conditions"].as_array().into_iter().flatten().any(|condition| {
                condition["type"] == "Progressing" && condition["reason"] == "ProgressDeadlineExceeded"
            });
            if late {
                return Err(format!("deployment {name} exceeded its progress deadline"));
            }
            let (updated, replicas) = (count("updatedReplicas"), count("replicas"));
            let available = count("availableReplicas");
            let waiting =
                |what: String| Ok((format!("Waiting for deployment {name} rollout to finish: {what}...\n"), false));
            if let Some(wanted) = spec["replicas"].as_i64()
                && updated < wanted
            {
                return waiting(format!("{updated} out of {wanted} new replicas have been updated"));
            }
            if replicas > updated {
                return waiting(format!("{} old replicas are pending termination", replicas - updated));
            }
            if available < updated {
                return waiting(format!("{available} of {updated} updated replicas are available"));
            }
            Ok((format!("deployment {name} successfully rolled out\n"), true))
        }
        Some("DaemonSet") => {
            if spec["updateStrategy"]["type"] != "RollingUpdate" {
                return Err("rollout status is only available for RollingUpdate strategy type".into());
            }
            if generation > observed {
                return Ok(("Waiting for daemon set spec update to be observed...\n".into(), false));
            }
            let wanted = count("desiredNumberScheduled");
            let (updated, available) = (count("updatedNumberScheduled"), count("numberAvailable"));
            let waiting =
                |what: String| Ok((format!("Waiting for daemon set {name} rollout to finish: {what}...\n"), false));
            if updated < wanted {
                return waiting(format!("{updated} out of {wanted} new pods have been updated"));
            }
            if available < wanted {
                return waiting(format!("{available} of {wanted} updated pods are available"));
            }
            Ok((format!("daemon set {name} successfully rolled out\n"), true))
        }
        _ => Ok(stateful_set(object, generation, observed)?),
    }
}

fn stateful_set(object: &Value, generation: i64, observed: i64) -> Result<(String, bool), String> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let count = |field: &str| status[field].as_i64().unwrap_or(0);
    let text = |field: &str| status[field].as_str().unwrap_or_default();
    let strategy = &spec["updateStrategy"];
    if strategy["type"] != "RollingUpdate" {
        return Err("rollout status is only available for RollingUpdate strategy type".into());
    }
    if observed == 0 || generation > observed {
        return Ok(("Waiting for statefulset spec update to be observed...\n".into(), false));
    }
    let wanted = spec["replicas"].as_i64();
    if let Some(wanted) = wanted
        && count("readyReplicas") < wanted
    {
        return Ok((format!("Waiting for {} pods to be ready...\n", wanted - count("readyReplicas")), false));
    }
    let updated = count("updatedReplicas");
    if strategy["rollingUpdate"].is_object() {
        if let (Some(wanted), Some(partition)) = (wanted, strategy["rollingUpdate"]["partition"].as_i64())
            && updated < wanted - partition
        {
            return Ok((
                format!(
                    "Waiting for partitioned roll out to finish: {updated} out of {} new pods have been updated...\n",
                    wanted - partition
                ),
                false,
            ));
        }
        return Ok((format!("partitioned roll out complete: {updated} new pods have been updated...\n"), true));
    }
    if text("updateRevision") != text("currentRevision") {
        return Ok((
            format!(
                "waiting for statefulset rolling update to complete {updated} pods at revision {}...\n",
                text("updateRevision")
            ),
            false,
        ));
    }
    Ok((
        format!(
            "statefulset rolling update complete {} pods at revision {}...\n",
            count("currentReplicas"),
            text("currentRevision")
        ),
        true,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deployment_s_rollout_line_by_line() {
        let deployment = |status: Value| json!({"kind": "Deployment", "metadata": {"name": "web", "generation": 2}, "spec": {"replicas": 3}, "status": status});
        for (state, line, done) in [
            (json!({"observedGeneration": 1}), "Waiting for deployment spec update to be observed...\n", false),
            (
                json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 1, "availableReplicas": 3}),
                "Waiting for deployment \"web\" rollout to finish: 1 out of 3 new replicas have been updated...\n",
                false,
            ),
            (
                json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 3, "availableReplicas": 3}),
                "Waiting for deployment \"web\" rollout to finish: 1 old replicas are pending termination...\n",
                false,
            ),
            (
                json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2}),
                "Waiting for deployment \"web\" rollout to finish: 2 of 3 updated replicas are available...\n",
                false,
            ),
            (
                json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}),
                "deployment \"web\" successfully rolled out\n",
                true,
            ),
        ] {
            assert_eq!(status(&deployment(state), 0), Ok((line.to_owned(), done)));
        }
        let late = json!({"observedGeneration": 2, "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]});
        assert_eq!(status(&deployment(late), 0), Err("deployment \"web\" exceeded its progress deadline".into()));
    }

    #[test]
    fn a_stateful_set_s_rollout() {
        let set = json!({"kind": "StatefulSet", "metadata": {"name": "db", "generation": 1},
            "spec": {"replicas": 2, "updateStrategy": {"type": "RollingUpdate"}},
            "status": {"observedGeneration": 1, "readyReplicas": 1}});
        assert_eq!(status(&set, 0), Ok(("Waiting for 1 pods to be ready...\n".into(), false)));
    }
}
