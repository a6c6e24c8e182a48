//! Session time: fast while everything rests, real while anything works.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Clock, Elapsed, session_runtime};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn waiting_goes_fast() {
    let clock = Clock::accelerated(100_000.0);
    let began = Instant::now();
    session_runtime(&clock).expect("a runtime").block_on(async {
        for _ in 0..10 {
            clock.sleep(HOUR).await;
        }
    });
    assert!(clock.elapsed() >= HOUR * 10);
    assert!(began.elapsed() < Duration::from_secs(30), "took {:?}", began.elapsed());
}

#[test]
fn work_is_real_time() {
    let clock = Clock::accelerated(100_000.0);
    session_runtime(&clock).expect("a runtime").block_on(async {
        let timer = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(HOUR).await }
        });
        tokio::task::yield_now().await;
        let before = clock.elapsed();
        // A task that runs, and never waits.
        let busy = Instant::now();
        while busy.elapsed() < Duration::from_millis(50) {
            tokio::task::yield_now().await;
        }
        assert!(clock.elapsed() - before < Duration::from_secs(40), "at {:?}", clock.elapsed() - before);
        timer.abort();
    });
}

#[test]
fn a_busy_thread_holds_time_and_a_busy_loop_meets_its_limit() {
    let clock = Clock::accelerated(100_000.0);
    let (stop, stopped) = mpsc::channel::<()>();
    let busy = clock.busy();
    let thread = thread::spawn(move || {
        let _busy = busy;
        let _ = stopped.recv();
    });
    let began = Instant::now();
    let result = session_runtime(&clock)
        .expect("a runtime")
        .block_on(clock.timeout(Duration::from_millis(60), std::future::pending::<()>()));
    assert_eq!(result, Err(Elapsed));
    assert!(began.elapsed() >= Duration::from_millis(60), "the limit came early: {:?}", began.elapsed());
    drop(stop);
    thread.join().expect("no panic");
}

#[test]
fn timers_fire_in_order_and_at_their_time() {
    let clock = Clock::accelerated(1_000_000.0);
    let seen = session_runtime(&clock).expect("a runtime").block_on(async {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        for seconds in [50, 10, 30, 20, 40] {
            let (clock, tell) = (clock.clone(), tell.clone());
            tokio::spawn(async move {
                clock.sleep(Duration::from_secs(seconds)).await;
                let _ = tell.send((seconds, clock.elapsed()));
            });
        }
        drop(tell);
        let mut seen = Vec::new();
        while let Some(one) = told.recv().await {
            seen.push(one);
        }
        seen
    });
    assert_eq!(seen.iter().map(|(seconds, _)| *seconds).collect::<Vec<_>>(), [10, 20, 30, 40, 50]);
    for (seconds, at) in seen {
        let late = at.saturating_sub(Duration::from_secs(seconds));
        assert!(late < Duration::from_secs(9), "{seconds} s came {late:?} late");
    }
}

#[test]
fn a_blocking_sleeper_wakes_with_work_in_hand() {
    let clock = Clock::accelerated(1_000_000.0);
    let cancel = CancellationToken::new();
    let busy = clock.sleep_blocking(HOUR, &cancel).expect("not cancelled");
    let before = clock.elapsed();
    assert!(before >= HOUR);
    // Another timer must not run away while this thread is at work.
    let other = thread::spawn({
        let (clock, cancel) = (clock.clone(), cancel.clone());
        move || clock.sleep_blocking(HOUR, &cancel).is_some()
    });
    thread::sleep(Duration::from_millis(30));
    assert!(clock.elapsed() - before < Duration::from_secs(30));
    drop(busy);
    assert!(other.join().expect("no panic"));
    assert!(clock.elapsed() >= HOUR * 2);
}

#[test]
fn cancelling_ends_a_blocking_sleep() {
    let clock = Clock::real();
    let cancel = CancellationToken::new();
    let thread = thread::spawn({
        let (clock, cancel) = (clock.clone(), cancel.clone());
        move || clock.sleep_blocking(HOUR, &cancel).is_none()
    });
    cancel.cancel();
    assert!(thread.join().expect("no panic"));
}

#[test]
fn input_that_has_come_counts_as_work() {
    let clock = Clock::accelerated(1_000_000.0);
    let idle = Arc::new(AtomicBool::new(false));
    let check = clock.idle_check({
        let idle = Arc::clone(&idle);
        move || idle.load(Ordering::SeqCst)
    });
    session_runtime(&clock).expect("a runtime").block_on(async {
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(HOUR).await }
        });
        tokio::time::sleep(Duration::from_millis(40)).await;
        assert!(clock.elapsed() < Duration::from_secs(60), "time ran on past unread input: {:?}", clock.elapsed());
        idle.store(true, Ordering::SeqCst);
        drop(sleeper.await);
    });
    drop(check);
    assert!(clock.elapsed() >= HOUR);
}

#[test]
fn a_loaded_machine_does_not_shorten_a_limit() {
    let clock = Clock::accelerated(1000.0);
    let over = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let over = Arc::clone(&over);
            thread::spawn(move || while !over.load(Ordering::Relaxed) {})
        })
        .collect();
    let result = session_runtime(&clock).expect("a runtime").block_on(async {
        let work = async {
            // 100 times: a little work, then a second's wait.
            for _ in 0..100 {
                tokio::task::yield_now().await;
                clock.sleep(Duration::from_secs(1)).await;
            }
        };
        clock.timeout(Duration::from_secs(120), work).await
    });
    over.store(true, Ordering::Relaxed);
    for thread in load {
        thread.join().expect("no panic");
    }
    assert_eq!(result, Ok(()));
}
