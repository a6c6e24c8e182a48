//! CronJobs on the session's clock.

use jiff::Timestamp;

use super::*;

/// A world whose present is so many seconds after a full minute.
fn world(second: i64) -> World {
    let mut world = World::new();
    let behind = world.now.as_second().rem_euclid(60);
    let wait = (second - behind).rem_euclid(60);
    world.wait(u64::try_from(wait).unwrap());
    world
}

fn cron(image: &str, more: Value) -> Value {
    let mut spec = json!({"schedule": "* * * * *", "jobTemplate": {"metadata": {"labels": {"made": "by-cron"}}, "spec": {
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "work", "image": image}]}}}}});
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    json!({"metadata": {"name": "tick", "namespace": "default"}, "spec": spec})
}

fn jobs(world: &World) -> Vec<String> {
    world.list(&resources::JOBS).iter().map(|job| object::name(job).to_owned()).collect()
}

/// The name of the Job of the minute that `moment` is in.
fn named(moment: Timestamp) -> String {
    format!("tick-{}", moment.as_second() / 60)
}

#[test]
fn a_job_for_each_minute_and_the_last_three_are_kept() {
    let mut world = world(30);
    world.create(&resources::CRON_JOBS, cron("work:1", json!({})));
    assert!(jobs(&world).is_empty(), "the first minute is yet to come");
    world.wait(32);
    let first = named(world.now);
    assert_eq!(jobs(&world), std::slice::from_ref(&first));
    let tick = world.get(&resources::CRON_JOBS, "tick");
    assert_eq!(tick["status"]["active"][0]["name"], first.as_str());
    let job = world.get(&resources::JOBS, &first);
    assert_eq!(job["metadata"]["labels"]["made"], "by-cron");
    let note = object::annotation(&job, "batch.kubernetes.io/cronjob-scheduled-timestamp").to_owned();
    assert_eq!(note, object::text(&tick, "/status/lastScheduleTime"));
    world.wait(20);
    let tick = world.get(&resources::CRON_JOBS, "tick");
    assert!(tick["status"].get("active").is_none(), "{}", tick["status"]);
    assert_eq!(tick["status"]["lastSuccessfulTime"], world.get(&resources::JOBS, &first)["status"]["completionTime"]);
    world.wait(4 * 60);
    assert_eq!(jobs(&world).len(), 3);
    assert!(!jobs(&world).contains(&first));
    let events = world.events("tick");
    for event in [
        format!("SuccessfulCreate Created job {first} (1)"),
        format!("SawCompletedJob Saw completed job: {first}, condition: Complete (1)"),
        format!("SuccessfulDelete Deleted job {first} (1)"),
    ] {
        assert!(events.contains(&event), "{event} in {events:?}");
    }
}

#[test]
fn a_failed_job_is_kept_once() {
    let mut world = world(50);
    let mut failing = cron("crash:1", json!({}));
    failing["spec"]["jobTemplate"]["spec"]["backoffLimit"] = 0.into();
    world.create(&resources::CRON_JOBS, failing);
    world.wait(5 * 60);
    let kept = jobs(&world);
    let failed = world.list(&resources::JOBS).iter().filter(|job| object::has_condition(job, "Failed")).count();
    assert_eq!(failed, 1, "{kept:?}");
    assert!(world.get(&resources::CRON_JOBS, "tick")["status"].get("lastSuccessfulTime").is_none());
}

#[test]
fn what_runs_when_the_next_one_is_due() {
    for (policy, running) in [("Allow", 3), ("Forbid", 1), ("Replace", 1)] {
        let mut world = world(55);
        world.create(&resources::CRON_JOBS, cron("long:1", json!({"concurrencyPolicy": policy})));
        world.wait(10);
        let first = named(world.now);
        world.wait(120);
        let tick = world.get(&resources::CRON_JOBS, "tick");
        assert_eq!(object::list(&tick, "/status/active").len(), running, "{policy}");
        assert_eq!(world.find(&resources::JOBS, &first).is_some(), policy != "Replace", "{policy}");
        let events = world.events("tick");
        let refused =
            "JobAlreadyActive Not starting job because prior execution is running and concurrency policy is Forbid";
        assert_eq!(events.iter().any(|event| event.starts_with(refused)), policy == "Forbid", "{events:?}");
    }
}

#[test]
fn a_suspended_one_makes_up_for_one_moment_only() {
    let mut world = world(10);
    world.create(&resources::CRON_JOBS, cron("work:1", json!({"suspend": true})));
    world.wait(5 * 60);
    assert!(jobs(&world).is_empty());
    assert_eq!(world.controllers.next_due(), None);
    world.change(&resources::CRON_JOBS, "tick", |tick| tick["spec"]["suspend"] = false.into());
    assert_eq!(jobs(&world), [named(world.now)]);
}

#[test]
fn a_moment_that_is_too_long_ago_is_left_out() {
    let mut world = world(10);
    let spec = json!({"suspend": true, "startingDeadlineSeconds": 20, "schedule": "0 * * * *"});
    world.create(&resources::CRON_JOBS, cron("work:1", spec));
    world.wait(2 * 3600);
    // At least twenty seconds after the hour, whenever the test began.
    let past = world.now.as_second().rem_euclid(3600);
    if past < 30 {
        world.wait(30);
    }
    world.change(&resources::CRON_JOBS, "tick", |tick| tick["spec"]["suspend"] = false.into());
    assert!(jobs(&world).is_empty());
}

#[test]
fn what_is_no_cron_job() {
    let world = World::new();
    for (more, why) in [
        (
            json!({"schedule": "61 * * * *"}),
            "spec.schedule: Invalid value: \"61 * * * *\": end of range (61) above maximum (59): 61",
        ),
        (
            json!({"timeZone": "Mars/Olympus"}),
            "spec.timeZone: Invalid value: \"Mars/Olympus\": unknown time zone Mars/Olympus",
        ),
        (
            json!({"concurrencyPolicy": "Sometimes"}),
            "spec.concurrencyPolicy: Unsupported value: \"Sometimes\": supported values: \"Allow\", \"Forbid\", \"Replace\"",
        ),
    ] {
        let error = world.controllers.control.create(&resources::CRON_JOBS, cron("work:1", more)).unwrap_err();
        assert_eq!(error.to_string(), format!("CronJob.batch \"tick\" is invalid: {why}"));
    }
}
