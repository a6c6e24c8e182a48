//! The CronJob controller: a Job for each moment of a schedule, and old ones taken away.
//! <https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/>

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::schedule::Schedule;
use super::super::store::{Key, Object};
use super::control::Control;

const COMPONENT: &str = "cronjob-controller";
const KIND: (&str, &str) = ("batch/v1", "CronJob");
/// So many moments may be missed before that is told.
const MANY: i64 = 100;
/// How soon to try again what the server refused.
const RETRY: Duration = Duration::from_secs(10);

/// Makes the Job that is due, if one is. Answers when the next one is.
pub(super) fn reconcile(control: &Control, key: &Key) -> Option<Timestamp> {
    let cron = control.store.get(key)?;
    let jobs = control.controlled(&resources::JOBS, &cron);
    let mut round = Round { control, active: object::list(&cron, "/status/active").to_vec(), cron };
    let mut status = round.cron["status"].clone();
    if !status.is_object() {
        status = json!({});
    }
    round.note_ended(&jobs, &mut status);
    let next = if object::is_deleting(&round.cron) { None } else { round.start_due(&mut status) };
    round.clean_up(&jobs);
    if round.active.is_empty() {
        if let Some(status) = status.as_object_mut() {
            status.shift_remove("active");
        }
    } else {
        status["active"] = round.active.into();
    }
    control.set_status(&resources::CRON_JOBS, &round.cron, status);
    next
}

/// How a Job ended: `Complete`, `Failed`.
fn ending(job: &Value) -> Option<&'static str> {
    ["Complete", "Failed"].into_iter().find(|kind| object::has_condition(job, kind))
}

/// One look at a CronJob.
struct Round<'a> {
    control: &'a Control,
    cron: Object,
    /// References to the Jobs that run, as the status has them.
    active: Vec<Value>,
}

impl Round<'_> {
    fn event(&self, reason: &str, message: &str) {
        self.control.event(COMPONENT, &self.cron, KIND, reason, message);
    }

    fn warning(&self, reason: &str, message: &str) {
        self.control.warning(COMPONENT, &self.cron, KIND, reason, message);
    }

    fn is_active(&self, uid: &str) -> bool {
        self.active.iter().any(|job| object::text(job, "/uid") == uid)
    }

    /// Compares what the status says with the Jobs that there are.
    fn note_ended(&mut self, jobs: &[Object], status: &mut Value) {
        for job in jobs {
            let (uid, name) = (object::uid(job), object::name(job));
            let Some(ending) = ending(job) else {
                if !self.is_active(uid) {
                    let message = format!("Saw a job that the controller did not create or forgot: {name}");
                    self.warning("UnexpectedJob", &message);
                }
                continue;
            };
            if self.is_active(uid) {
                self.active.retain(|job| object::text(job, "/uid") != uid);
                self.event("SawCompletedJob", &format!("Saw completed job: {name}, condition: {ending}"));
            }
            let ended = object::time(job, "/status/completionTime");
            if ending == "Complete" && ended > object::time(status, "/lastSuccessfulTime") {
                status["lastSuccessfulTime"] = job["status"]["completionTime"].clone();
            }
        }
        let missing = |active: &Value| !jobs.iter().any(|job| object::uid(job) == object::text(active, "/uid"));
        let (gone, left) = std::mem::take(&mut self.active).into_iter().partition(missing);
        self.active = left;
        let gone: Vec<Value> = gone;
        for job in gone {
            self.event("MissingJob", &format!("Active job went missing: {}", object::text(&job, "/name")));
        }
    }

    /// Starts the Job of the latest moment that has come, unless something stands against it.
    fn start_due(&mut self, status: &mut Value) -> Option<Timestamp> {
        let spec = &self.cron["spec"];
        let zone = match spec["timeZone"].as_str() {
            None => TimeZone::UTC,
            Some(name) => match TimeZone::get(name) {
                Ok(zone) => zone,
                Err(_) => {
                    let message = format!("invalid timeZone: {name:?}: unknown time zone {name}");
                    self.warning("UnknownTimeZone", &message);
                    return None;
                }
            },
        };
        if spec["suspend"] == true {
            return None;
        }
        let text = object::text(spec, "/schedule");
        let schedule: Schedule = match text.parse() {
            Ok(schedule) => schedule,
            Err(why) => {
                self.warning("UnparseableSchedule", &format!("unparseable schedule: {text:?} : {why}"));
                return None;
            }
        };
        let now = self.control.now;
        let next = schedule.next(now, &zone);
        let Some(due) = self.latest(&schedule, &zone, status) else { return next };
        let deadline = object::number(spec, "/startingDeadlineSeconds")
            .map(|seconds| object::after(due, Duration::from_secs(u64::try_from(seconds).unwrap_or(0))));
        if deadline.is_some_and(|deadline| deadline < now) {
            let moment = due.strftime("%a, %d %b %Y %H:%M:%S +0000");
            self.warning("MissSchedule", &format!("Missed scheduled time to start a job: {moment}"));
            return next;
        }
        let name = format!("{}-{}", object::name(&self.cron), due.as_second() / 60);
        let started = self.active.iter().any(|job| object::text(job, "/name") == name);
        if started || object::time(status, "/lastScheduleTime") == Some(due) {
            return next;
        }
        match object::text(spec, "/concurrencyPolicy") {
            "Forbid" if !self.active.is_empty() => {
                let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
                self.event("JobAlreadyActive", message);
                return next;
            }
            "Replace" => {
                for job in std::mem::take(&mut self.active) {
                    self.delete(object::text(&job, "/name"));
                }
            }
            _ => {}
        }
        let job = self.job(&name, due, &zone);
        match self.control.create(&resources::JOBS, job) {
            Ok(made) => {
                self.event("SuccessfulCreate", &format!("Created job {name}"));
                self.active.push(json!({
                    "apiVersion": "batch/v1", "kind": "Job", "name": name, "namespace": object::namespace(&made),
                    "uid": object::uid(&made), "resourceVersion": made["metadata"]["resourceVersion"],
                }));
                status["lastScheduleTime"] = object::written(due).into();
                next
            }
            Err(error) if error.reason == "AlreadyExists" => {
                // Somebody made it by that name; then it is not ours to count.
                status["lastScheduleTime"] = object::written(due).into();
                next
            }
            Err(error) => {
                self.warning("FailedCreate", &format!("Error creating job: {error}"));
                Some(object::after(now, RETRY)).into_iter().chain(next).min()
            }
        }
    }

    /// The latest moment of the schedule that has come and has not been dealt with.
    fn latest(&self, schedule: &Schedule, zone: &TimeZone, status: &Value) -> Option<Timestamp> {
        let now = self.control.now;
        let made = object::time(&self.cron, "/metadata/creationTimestamp")?;
        let mut from = object::time(status, "/lastScheduleTime").unwrap_or(made);
        let deadline = object::number(&self.cron, "/spec/startingDeadlineSeconds");
        if let Some(seconds) = deadline {
            let earliest = now.saturating_sub(jiff::SignedDuration::from_secs(seconds)).ok()?;
            from = from.max(earliest);
        }
        let first = schedule.next(from, zone).filter(|at| *at <= now)?;
        let Some(second) = schedule.next(first, zone).filter(|at| *at <= now) else { return Some(first) };
        let gap = second.duration_since(first);
        let missed = now.duration_since(first).as_secs() / gap.as_secs().max(1);
        let mut at = second;
        if missed > MANY {
            if deadline.is_none() {
                let message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check \
                               clock skew";
                self.warning("TooManyMissedTimes", message);
            }
            let near = now.saturating_sub(gap.saturating_mul(2)).unwrap_or(at);
            at = schedule.next(near.max(first), zone).filter(|at| *at <= now).unwrap_or(at);
        }
        while let Some(later) = schedule.next(at, zone).filter(|later| *later <= now) {
            at = later;
        }
        Some(at)
    }

    fn job(&self, name: &str, due: Timestamp, zone: &TimeZone) -> Value {
        let template = &self.cron["spec"]["jobTemplate"];
        let mut job = json!({
            "metadata": {"name": name, "namespace": object::namespace(&self.cron)}, "spec": template["spec"],
        });
        for field in ["labels", "annotations"] {
            if template["metadata"][field].is_object() {
                job["metadata"][field] = template["metadata"][field].clone();
            }
        }
        let moment = match self.cron["spec"]["timeZone"].as_str() {
            None => object::written(due),
            Some(_) => due.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        };
        object::set_meta(&mut job, "annotations", "batch.kubernetes.io/cronjob-scheduled-timestamp", &moment);
        job["metadata"]["ownerReferences"] = json!([object::controller_reference(KIND.0, KIND.1, &self.cron)]);
        job
    }

    fn delete(&self, name: &str) {
        self.control.delete(&Key::namespaced(&resources::JOBS, object::namespace(&self.cron), name));
        self.event("SuccessfulDelete", &format!("Deleted job {name}"));
    }

    /// Deletes the oldest Jobs beyond the limits of the history.
    fn clean_up(&self, jobs: &[Object]) {
        for (kind, field) in
            [("Complete", "/spec/successfulJobsHistoryLimit"), ("Failed", "/spec/failedJobsHistoryLimit")]
        {
            let Some(limit) = object::number(&self.cron, field).and_then(|limit| usize::try_from(limit).ok()) else {
                continue;
            };
            let mut ended: Vec<&Object> =
                jobs.iter().filter(|job| ending(job) == Some(kind) && !object::is_deleting(job)).collect();
            ended.sort_by_key(|job| (object::time(job, "/status/startTime"), object::name(job).to_owned()));
            let surplus = ended.len().saturating_sub(limit);
            for job in &ended[..surplus] {
                self.delete(object::name(job));
            }
        }
    }
}
