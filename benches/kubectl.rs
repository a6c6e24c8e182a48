//! `kubectl get pods -A` three ways on one endpoint: the real kubectl, `lectern sh` as a whole process, and in process as a lesson in the
//! sandbox runs it. Aims: the process takes at most a third of kubectl's wall time, in process at most a thirtieth.
//!
//! The real kubectl is the file that LECTERN_KUBECTL names, else `kubectl.1.33` beside the `kubectl` on PATH.
#![allow(clippy::disallowed_methods, reason = "whole processes are what is measured")]

#[path = "../tests/kubectl/harness.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod harness;
#[path = "../tests/kubectl_real/served.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod served;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::Cluster;
use lectern::clock::{Clock, session_runtime};
use served::Served;

/// How often each is run; the first runs, which fill caches, are left out.
const RUNS: usize = 30;
const WARM_UP: usize = 3;

fn main() {
    let served = Served::start(&[]);
    let lectern = Path::new(env!("CARGO_BIN_EXE_lectern"));
    let whole = measure("lectern sh, a process", || {
        process(&served, lectern, &["sh", "--target", "live", "-c", "kubectl get pods -A"])
    });
    let inside = in_process();
    let Ok(kubectl) = oracles::find("kubectl") else { return };
    let real = measure("kubectl, a process", || process(&served, &kubectl, &["get", "pods", "-A"]));
    for (what, took, aim) in [("lectern sh", whole, 3.0), ("in process", inside, 30.0)] {
        let times = real.as_secs_f64() / took.as_secs_f64();
        let verdict = if times >= aim { "as wanted" } else { "TOO SLOW" };
        println!("{what}: kubectl takes {times:.1} times as long (wanted: {aim}): {verdict}");
    }
}

/// Runs something often and tells how long it took.
fn measure(what: &str, mut run: impl FnMut()) -> Duration {
    let times = (0..WARM_UP + RUNS).map(|_| {
        let began = Instant::now();
        run();
        began.elapsed()
    });
    told(what, times.collect())
}

/// Prints how long the runs took, and answers the median.
fn told(what: &str, times: Vec<Duration>) -> Duration {
    let mut times: Vec<Duration> = times.into_iter().skip(WARM_UP).collect();
    times.sort();
    let median = times[times.len() / 2];
    println!("{what}: median {median:?}, least {:?}, most {:?}", times[0], times[times.len() - 1]);
    median
}

fn process(served: &Served, program: &Path, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.env_clear().envs(&served.environment).env("HOME", served.folder.path()).args(arguments);
    let output = command.output().expect("it starts");
    assert!(output.status.success() && output.stdout.starts_with(b"NAMESPACE "), "{output:?}");
}

fn in_process() -> Duration {
    let clock = Clock::real();
    let runtime = session_runtime(&clock).expect("a runtime");
    runtime.block_on(async {
        let cluster = Cluster::start(&clock).await;
        let mut times = Vec::new();
        for _ in 0..WARM_UP + RUNS {
            let began = Instant::now();
            let ran = cluster.run("get pods -A").await;
            times.push(began.elapsed());
            assert!(ran.status == 0 && ran.stdout.starts_with("NAMESPACE "), "{ran:?}");
        }
        told("in process", times)
    })
}
