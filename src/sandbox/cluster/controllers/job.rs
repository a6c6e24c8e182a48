//! The Job controller: Pods until enough have succeeded, or too many failed.
//! <https://kubernetes.io/docs/concepts/workloads/controllers/job/>

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::control::Control;
use super::pods;

const COMPONENT: &str = "job-controller";
const KIND: (&str, &str) = ("batch/v1", "Job");
/// How soon to try again what the server refused.
const RETRY: Duration = Duration::from_secs(10);

/// Brings a Job closer to its end. Answers when to look again without being told of a change.
pub(super) fn reconcile(control: &Control, key: &Key) -> Option<Timestamp> {
    let job = control.store.get(key)?;
    if object::is_deleting(&job) {
        return None;
    }
    let done = |kind: &str| object::has_condition(&job, kind);
    let ended = done("Complete") || done("Failed");
    let all = control.controlled(&resources::PODS, &job);
    let succeeded = all.iter().filter(|pod| object::text(pod, "/status/phase") == "Succeeded").count();
    let failed = all.iter().filter(|pod| object::text(pod, "/status/phase") == "Failed").count();
    let restarts: i64 = all
        .iter()
        .flat_map(|pod| object::list(pod, "/status/containerStatuses"))
        .filter_map(|status| status["restartCount"].as_i64())
        .sum();
    let mut active: Vec<Object> = all.iter().filter(|pod| object::is_active(pod)).cloned().collect();
    let number = |path: &str, default: i64| object::number(&job, path).unwrap_or(default);
    let completions = usize::try_from(number("/spec/completions", 1)).unwrap_or(1);
    let parallelism = usize::try_from(number("/spec/parallelism", 1)).unwrap_or(1);
    let backoff = number("/spec/backoffLimit", 6);
    let mut status = job["status"].clone();
    if !status.is_object() {
        status = json!({});
    }
    if ended {
        return expire(control, key, &job);
    }
    let now = object::written(control.now);
    if job["spec"]["suspend"] == true {
        for pod in &active {
            control.delete(&Key::of(&resources::PODS, pod));
        }
        return None;
    }
    if status.get("startTime").is_none() {
        status["startTime"] = now.clone().into();
    }
    let started = object::time(&status, "/startTime").unwrap_or(control.now);
    let deadline = object::number(&job, "/spec/activeDeadlineSeconds")
        .map(|seconds| object::after(started, Duration::from_secs(u64::try_from(seconds).unwrap_or(0))));
    let too_many = i64::try_from(failed).unwrap_or(i64::MAX) + restarts > backoff;
    let mut conditions = Vec::new();
    let mut next = deadline.filter(|deadline| *deadline > control.now);
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": "True", "lastProbeTime": now, "lastTransitionTime": now,
            "reason": reason, "message": message})
    };
    let failure = if too_many {
        Some(("BackoffLimitExceeded", "Job has reached the specified backoff limit"))
    } else if deadline.is_some_and(|deadline| control.now >= deadline) {
        Some(("DeadlineExceeded", "Job was active longer than specified deadline"))
    } else {
        None
    };
    if let Some((reason, message)) = failure {
        for pod in active.drain(..) {
            control.delete(&Key::of(&resources::PODS, &pod));
        }
        control.warning(COMPONENT, &job, KIND, reason, message);
        conditions = vec![condition("FailureTarget", reason, message), condition("Failed", reason, message)];
    } else if succeeded >= completions {
        control.event(COMPONENT, &job, KIND, "Completed", "Job completed");
        let message = "Reached expected number of succeeded pods";
        conditions = vec![
            condition("SuccessCriteriaMet", "CompletionsReached", message),
            condition("Complete", "CompletionsReached", message),
        ];
        status["completionTime"] = now.clone().into();
    } else {
        let wanted = parallelism.min(completions - succeeded);
        let wait = retry_at(&all, failed);
        if active.len() < wanted && wait.is_none_or(|at| at <= control.now) {
            for _ in active.len()..wanted {
                active.extend(create(control, &job));
            }
            if active.len() < wanted {
                let retry = object::after(control.now, RETRY);
                next = next.into_iter().chain([retry]).min();
            }
        } else if active.len() < wanted {
            next = next.into_iter().chain(wait).min();
        }
    }
    let ready = active.iter().filter(|pod| object::has_condition(pod, "Ready")).count();
    for (field, number) in [("active", active.len()), ("succeeded", succeeded), ("failed", failed)] {
        if number > 0 {
            status[field] = number.into();
        } else if let Some(status) = status.as_object_mut() {
            status.shift_remove(field);
        }
    }
    status["ready"] = ready.into();
    status["terminating"] = all.iter().filter(|pod| object::is_deleting(pod)).count().into();
    status["uncountedTerminatedPods"] = json!({});
    if !conditions.is_empty() {
        status["conditions"] = conditions.into();
    }
    control.set_status(&resources::JOBS, &job, status);
    next
}

/// After failures the next Pod comes later and later: 10 s, 20 s, … 6 min.
fn retry_at(all: &[Object], failed: usize) -> Option<Timestamp> {
    let last = all
        .iter()
        .filter(|pod| object::text(pod, "/status/phase") == "Failed")
        .flat_map(|pod| object::list(pod, "/status/containerStatuses"))
        .filter_map(|status| object::time(status, "/state/terminated/finishedAt"))
        .max()?;
    let doublings = u32::try_from(failed.saturating_sub(1)).unwrap_or(10).min(10);
    Some(object::after(last, Duration::from_secs((10_u64 << doublings).min(360))))
}

fn create(control: &Control, job: &Object) -> Option<Object> {
    match pods::create(control, job, KIND, None) {
        Ok(pod) => {
            let message = format!("Created pod: {}", object::name(&pod));
            control.event(COMPONENT, job, KIND, "SuccessfulCreate", &message);
            Some(pod)
        }
        Err(error) => {
            control.warning(COMPONENT, job, KIND, "FailedCreate", &format!("Error creating: {error}"));
            None
        }
    }
}

/// Deletes a Job that has ended when `ttlSecondsAfterFinished` has passed.
fn expire(control: &Control, key: &Key, job: &Value) -> Option<Timestamp> {
    let seconds = u64::try_from(object::number(job, "/spec/ttlSecondsAfterFinished")?).unwrap_or(0);
    let ended = object::list(job, "/status/conditions")
        .iter()
        .filter(|condition| matches!(object::text(condition, "/type"), "Complete" | "Failed"))
        .find_map(|condition| object::time(condition, "/lastTransitionTime"))?;
    let due = object::after(ended, Duration::from_secs(seconds));
    if control.now < due {
        return Some(due);
    }
    control.delete(key);
    None
}
