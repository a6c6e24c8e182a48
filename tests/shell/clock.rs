//! Session time: what waits lets it go fast, what works does not; limits; cancelling leaves nothing behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lectern::clock::Clock;
use lectern::shell::Ended;
use tokio_util::sync::CancellationToken;

use crate::world::session;

const MINUTES: Option<Duration> = Some(Duration::from_secs(120));

#[test]
fn sleeping_loops_take_session_time_only() {
    for script in [
        "for i in 1 2 3 4 5 6; do sleep 10; done; echo $SECONDS",
        "for i in 1 2 3 4 5 6; do echo $i; sleep 10; done | cat | head -0; upper < /dev/null; echo 60",
        "x=$(sleep 60; echo $SECONDS); echo $x",
        "upper -w 60 < /dev/null; echo $SECONDS",
        "sleep 60 | upper | upper -w 20; echo $SECONDS",
        "sleep 60 & wait; echo $SECONDS",
        "(sleep 30; echo 3) | while read -r x; do sleep 30; echo 6${x#3}0; done",
        "timeout 60 sleep 100; echo $SECONDS",
        "timeout 60 upper -w 100; echo $SECONDS",
        "timeout 60 bash -c 'while true; do sleep 1; done'; echo $SECONDS",
        "sleep 0.5m 30; echo $SECONDS",
        "cat <(sleep 60; echo $SECONDS)",
    ] {
        let clock = Clock::accelerated(1000.0);
        let began = Instant::now();
        let ran = session(clock, async |world| world.limited(script, MINUTES, CancellationToken::new(), false).await);
        assert!(began.elapsed() < Duration::from_secs(30), "{script}: {:?}", began.elapsed());
        assert_eq!(ran.outcome.ended, Ended::Exited, "{script}: {ran:?}");
        let seconds: u64 = ran.out.lines().last().unwrap_or_default().parse().unwrap_or(0);
        assert!((60..=62).contains(&seconds), "{script}: {ran:?}");
    }
}

#[test]
fn a_busy_loop_meets_its_limit_in_real_time() {
    for script in
        ["while true; do :; done", "while [[ 1 ]]; do x=1; done", "x=$(while ((1)); do :; done)", "yes > /dev/null"]
    {
        let clock = Clock::accelerated(1000.0);
        let began = Instant::now();
        session(clock, async |world| {
            let ran = world.limited(script, Some(Duration::from_secs(1)), CancellationToken::new(), false).await;
            assert_eq!((ran.outcome.ended, ran.outcome.status), (Ended::TimeLimit, 124), "{script}: {ran:?}");
            let took = began.elapsed();
            assert!(took > Duration::from_millis(900) && took < Duration::from_secs(30), "{script}: {took:?}");
            assert_eq!(world.run("echo on").await.out, "on\n");
        });
    }
}

#[test]
fn a_polling_loop_meets_its_limit_in_session_time() {
    let began = Instant::now();
    let ran = session(Clock::accelerated(1000.0), async |world| {
        world
            .limited("until false; do sleep 5; done", Some(Duration::from_secs(300)), CancellationToken::new(), false)
            .await
    });
    assert_eq!(ran.outcome.ended, Ended::TimeLimit);
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_loaded_machine_causes_no_time_limit() {
    let stop = Arc::new(AtomicBool::new(false));
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let spinners: Vec<_> = (0..cores)
        .map(|_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || while !stop.load(Ordering::Relaxed) {})
        })
        .collect();
    let ran = session(Clock::accelerated(1000.0), async |world| {
        let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $i | upper | cat; x=$(echo b | upper -w 1); \
                      sleep 4 | cat; done; echo $SECONDS";
        world.limited(script, MINUTES, CancellationToken::new(), true).await
    });
    stop.store(true, Ordering::Relaxed);
    for spinner in spinners {
        spinner.join().unwrap();
    }
    assert_eq!(ran.outcome.ended, Ended::Exited, "{ran:?}");
    let seconds: u64 = ran.out.lines().last().unwrap().parse().unwrap();
    assert!((60..100).contains(&seconds), "{ran:?}");
}

/// The threads of this process's shells.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(Result::ok)
        // The main thread has the name of the test program.
        .filter(|task| task.file_name().to_str() != Some(&std::process::id().to_string()))
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
        .filter(|name| name.starts_with("shell-"))
        .count()
}

#[test]
fn cancelling_leaves_nothing_behind() {
    session(Clock::real(), async |world| {
        for script in [
            "sleep 100 | sleep 100 | cat",
            "sleep 100",
            "yes | cat | upper > /dev/null",
            "upper -w 100",
            "while true; do :; done",
            "while true; do sleep 0.01; done | cat",
            "while [[ 1 ]]; do x=1; done",
            "while ((1)); do case a in a) x=2;; esac; done",
            "until ((0)); do x=$(echo a); done",
            "f() { while true; do echo $1; done; }; f a | cat > /dev/null",
            "x=$(sleep 100)",
            "sleep 100 & sleep 100 & wait",
            "cat <(sleep 100)",
            "(sleep 100) | while read -r x; do :; done",
            "timeout 1000 bash -c 'sleep 100; while [[ 1 ]]; do x=1; done'",
            "trap 'sleep 100' EXIT; sleep 100",
            "{ while true; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done; } | sleep 100",
            "mapfile x < <(sleep 100)",
            "read x < <(sleep 100)",
        ] {
            world.run("kept=1; f() { echo f; }").await;
            let cancel = CancellationToken::new();
            let stop = async {
                world.clock.sleep(Duration::from_millis(150)).await;
                let began = Instant::now();
                cancel.cancel();
                began
            };
            let run = world.limited(script, None, cancel.clone(), false);
            let (ran, began) = tokio::join!(run, stop);
            let took = began.elapsed();
            assert_eq!((ran.outcome.ended, ran.outcome.status), (Ended::Cancelled, 130), "{script}");
            assert!(took < Duration::from_secs(15), "{script}: {took:?}");
            let ran = world.run("f; echo $kept $BASH_SUBSHELL").await;
            assert_eq!(ran.out, "f\n1 0\n", "after {script}: {ran:?}");
        }
    });
    // With the shell all of its threads end; those of other tests' shells do too, in time. One look decides: a test
    // that begins between two looks has threads again.
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut left = threads();
    while left > 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
        left = threads();
    }
    assert_eq!(left, 0);
}
