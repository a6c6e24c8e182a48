//! One call of aws against the sandbox: in process, through the whole shell, and as a whole program beside the AWS CLI on
//! the same served account. The CLI takes part where it is found.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use lectern::clock::{Clock, session_runtime};
use lectern::sandbox::{Sandbox, Scenario};
use lectern::target::Target;
use lectern::tools::{self, Files, Invocation, Output, TargetCall, TargetInput, Tool};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

fn main() {
    divan::main();
}

/// The command line that is measured, on the default scenario's cluster.
fn arguments(cluster: &str) -> Vec<String> {
    ["eks", "describe-cluster", "--name", cluster].map(str::to_owned).into()
}

#[divan::bench]
fn in_process(bencher: divan::Bencher<'_, '_>) {
    let clock = Clock::real();
    let runtime = session_runtime(&clock).expect("a runtime");
    let scenario = Scenario::default_bundled().expect("a scenario");
    let sandbox = runtime.block_on(Sandbox::start(&scenario, &clock)).expect("a sandbox");
    let args = arguments(&sandbox.aws().clusters()[0]);
    let target = Arc::new(Target::sandbox(sandbox, clock.clone()));
    let Some(Tool::Target(aws)) = tools::find("aws") else { panic!("no aws") };
    bencher.bench_local(|| {
        runtime.block_on(async {
            let (pieces, mut printed) = mpsc::channel(64);
            let (requests, _asked) = mpsc::channel(1);
            let (_chunks, chunks) = mpsc::channel(1);
            let call = TargetCall {
                invocation: Invocation {
                    name: "aws".into(),
                    args: args.clone(),
                    env: std::collections::BTreeMap::new(),
                    files: Files::new(Vec::new(), "/".into()),
                    clock: clock.clone(),
                    cancel: CancellationToken::new(),
                },
                target: Arc::clone(&target),
                stdin: TargetInput::new(requests, chunks),
                out: Output::new(pieces, clock.clone()),
                exports: lectern::tools::Exports::default(),
                commands: lectern::tools::Commands::default(),
            };
            let mut bytes = 0;
            let collect = async {
                while let Some(piece) = printed.recv().await {
                    bytes += piece.bytes.len();
                }
            };
            let (status, ()) = tokio::join!(aws(call), collect);
            assert_eq!(status, 0);
            bytes
        })
    });
}

/// A sandbox that another process serves until the end.
struct Served {
    process: Child,
    environment: Vec<(String, String)>,
}

impl Served {
    fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the program as its users run it")]
        let mut process = Command::new(env!("CARGO_BIN_EXE_lectern"))
            .arg("sandbox")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the sandbox starts");
        let mut environment = Vec::new();
        for line in BufReader::new(process.stdout.take().expect("piped")).lines() {
            let line = line.expect("text");
            let Some((name, value)) = line.strip_prefix("export ").and_then(|line| line.split_once('=')) else {
                continue;
            };
            environment.push((name.to_owned(), value.trim_matches('\'').to_owned()));
            if name == "KUBECONFIG" {
                break;
            }
        }
        Self { process, environment }
    }

    /// Runs a program with the sandbox's variables, to its end.
    fn run(&self, program: &str, arguments: &[&str]) {
        #[expect(clippy::disallowed_methods, reason = "whole programs are compared")]
        let output = Command::new(program).args(arguments).envs(self.environment.clone()).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The cluster of the default scenario.
fn cluster() -> String {
    Scenario::default_bundled().expect("a scenario").aws.clusters[0].name.clone()
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn lectern_as_a_whole_program(bencher: divan::Bencher<'_, '_>) {
    let served = Served::start();
    let line = format!("aws eks describe-cluster --name {}", cluster());
    bencher.bench_local(|| served.run(env!("CARGO_BIN_EXE_lectern"), &["sh", "--target", "live", "-c", &line]));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn the_aws_cli(bencher: divan::Bencher<'_, '_>) {
    let Some(cli) = oracles::find("aws").ok().and_then(|path| path.to_str().map(str::to_owned)) else { return };
    let served = Served::start();
    let name = cluster();
    bencher.bench_local(|| served.run(&cli, &["eks", "describe-cluster", "--name", &name]));
}
