//! Background jobs: as the real bash has them, and how long they go on.

use std::time::Duration;

use lectern::clock::Clock;
use lectern::shell::Ended;
use tokio_util::sync::CancellationToken;

use needs::needs;

use crate::bash::do_as_in_bash;
use crate::world::session;

/// Scripts that both must do alike, but for the numbers of processes.
const SCRIPTS: &[&str] = &[
    "sleep 0.1 & sleep 0.2; wait; wait; echo $?",
    "(exit 3) & wait; echo $?; (exit 3) & wait $!; echo $?",
    "wait 99999; echo $?; wait %1; echo $?; wait abc; echo $?; wait -n; echo $?; wait -x; echo $?",
    "(exit 3) & p=$!; wait $p; echo $?; wait $p; echo $?; wait; wait $p; echo $?",
    "(exit 3) & wait %1; echo $?; wait %1; echo $?",
    "sleep 5 & kill $!; wait $!; echo $?; sleep 5 & kill -9 $!; wait $!; echo $?; sleep 5 & kill -INT $!; wait $!; echo $?",
    "sleep 5 & kill %1; wait %1; echo $?; kill %9; echo $?; kill 999999; echo $?; kill; echo $?; kill -XX 1; echo $?; kill abc; echo $?",
    "sleep 5 & sleep 6 & jobs; jobs -l; jobs -p > f; { read -r x; read -r y; } < f; echo $((y == $!)); jobs %1; jobs %9; echo $?; jobs -r; jobs -s; kill %1 %2; wait; echo end",
    "sleep 0.05 & sleep 0.4; jobs; jobs; wait $!; echo $?",
    "sleep 0.6 & a=$!; (sleep 0.1; exit 7) & b=$!; wait -n; echo $?; wait -n $a $b; echo $?; wait $a $b; echo $?",
    "sleep 0.3 & a=$!; (exit 4) & wait $! $a; echo $?; wait $a $!; echo $?",
    "sleep 0.2 & disown; jobs; wait; echo $?; disown; echo $?; disown %3; echo $?",
    "sleep 5 & disown -h %1; jobs; kill %1; wait; sleep 0.1 & disown $!; jobs; sleep 0.1 & disown -a; jobs; disown -x; echo $?",
    "fg; echo $?; bg; echo $?; sleep 0.1 & fg %1; echo $?; bg; echo $?",
    "kill -l; kill -l 9; kill -l TERM; kill -l 143; kill -l 200; echo $?; kill -l FOO; echo $?; kill -s TERM; echo $?; kill -0 $$; echo $?",
    "kill -l 15 9; kill -l 0; kill -SIGTERM; echo $?; kill -s FOO 1; echo $?; kill -n 99 1; echo $?; kill --; echo $?",
    "sleep 0.3 & kill -0 $!; echo $?; wait; kill -0 $!; echo $?; kill $!; echo $?",
    "echo \"[$!]\"; sleep 0.1 & p=$!; [ -n \"$p\" ] && echo set; (wait $p; echo $?; jobs; echo \"sub [$((p == $!))]\"); wait",
    "sleep 0.1 & p=$!; wait -p v -n; echo $? $((v == p)); sleep 0.1 & wait -p v $!; echo $? $((v == $!)); wait -f; echo $?",
    "sleep 5 | cat & jobs; kill %1; wait; f() { sleep 5 & }; f; jobs; kill $!; wait $!; echo $?",
    "(sleep 5; echo a) & jobs; kill %1; wait; true && sleep 5 & jobs; kill %1; wait; { sleep 5; } & jobs; kill %1; wait; (sleep 5) & jobs; kill %1; wait",
    "sleep 5 & sleep 6 & sleep 7 & kill %2; wait %2; echo $?; jobs; kill %%; kill %-; wait",
    "sleep 5 & sleep 5 & kill %sle; echo $?; wait %?leep; echo $?; kill %1 %2; wait; echo $?",
    "set -e; (exit 3) & wait $!; echo no",
    "set -e; false & wait; echo yes; wait $! || echo or",
    "sleep 0.1 & wait $! $!; echo $?; wait 1; echo $?; wait ''; echo $?; wait -n 99999; echo $?; wait -n %5; echo $?; jobs abc; wait -p; echo $?",
    "for i in 1 2 3; do (sleep 0.$i; exit $i) & p[$i]=$!; done; for i in 3 1 2; do wait ${p[$i]}; echo $?; done",
    "(sleep 0.1; echo in) & wait; echo out; x=1; { x=2; } & wait; echo $x",
    "(true & wait $!; echo $?); (sleep 0.1 & wait; echo sub); echo \"${!:-none}\"",
    "eval 'sleep 0.1 & wait $!'; echo $?; eval '(exit 6) &'; wait $!; echo $?; echo '$!' \"\\$!\" \\$!; cat <<< \"${!+set}\"",
    "while :; do :; done & kill $!; wait $!; echo $?; while [[ 1 ]]; do x=1; done & kill $!; wait $!; echo $?",
    "nosuch & wait $!; echo $?; echo text | cat & wait; cat <<EOF\n$([ -n '$!' ] && echo it is set)\nEOF",
    "x=$(sleep 0.1 & wait; echo done); echo $x; true & true & wait; wait; jobs > f; echo $?",
    "sleep 5 & kill -CONT $!; kill %1; wait $!; echo $?; kill $$; echo no",
];

/// Numbers of processes are not the same in both, and may be of another length.
fn without_numbers(text: &str) -> String {
    let pattern = r"(?m)(\] ?[+-] +|pid |\(|wait: |line 1: +)[0-9]+\b";
    regex::Regex::new(pattern).unwrap().replace_all(text, "$1 N").into_owned()
}

#[needs("bash")]
#[test]
fn jobs_are_as_in_bash() {
    do_as_in_bash(SCRIPTS, without_numbers);
}

#[test]
fn a_job_goes_on_when_its_command_line_has_ended() {
    session(Clock::accelerated(1000.0), async |world| {
        world.run("(sleep 3; echo late; exit 5) &").await;
        let ran = world.run("jobs; wait $!; echo $?; wait; wait; echo $?").await;
        let job = "[1]+  Running                 ( sleep 3; echo late; exit 5 ) &\n";
        assert_eq!((ran.out.as_str(), ran.err.as_str()), (&*format!("{job}late\n5\n0\n"), ""));
    });
}

#[test]
fn jobs_end_with_a_run_that_is_cut() {
    session(Clock::accelerated(1000.0), async |world| {
        let limit = Some(Duration::from_secs(2));
        world.run("sleep 1000 & echo $! > first").await;
        let ran = world.limited("sleep 1000 & wait", limit, CancellationToken::new(), false).await;
        assert_eq!(ran.outcome.ended, Ended::TimeLimit);
        let ran = world.run("kill -0 $(cat first); echo $?; jobs; wait; echo $SECONDS").await;
        assert!(ran.err.contains("No such process"), "{ran:?}");
        let seconds: u64 = ran.out.lines().last().and_then(|seconds| seconds.parse().ok()).unwrap();
        assert!(ran.out.starts_with("1\n") && seconds < 100, "{ran:?}");
    });
}

#[test]
fn jobs_end_when_the_shell_goes_back() {
    session(Clock::accelerated(1000.0), async |world| {
        let state = world.shell.save().await.unwrap();
        world.run("while :; do echo x > made; sleep 1; done &").await;
        world.run("until [ -e made ]; do sleep 1; done").await;
        world.shell.restore(&state).await.unwrap();
        let ran = world.run("jobs; echo \"[$!]\"; rm=gone; sleep 3; > made; sleep 5; cat made").await;
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("[]\n", ""));
    });
}

#[test]
fn there_are_so_many_jobs_and_no_more() {
    session(Clock::real(), async |world| {
        let ran = world.run("for ((i=0;i<300;i++)); do sleep 100 & done; echo no").await;
        assert_eq!(ran.out, "");
        assert_eq!(ran.err, "bash: fork: retry: Resource temporarily unavailable\n");
        assert_eq!(ran.outcome.status, 254);
        let ran = world.run("jobs -p | { n=0; while read -r x; do n=$((n+1)); done; echo $n; }").await;
        assert_eq!(ran.out, "0\n", "a pipeline's subshell has none of its parent's");
        let ran = world.run("jobs > f; n=0; while read -r x; do n=$((n+1)); done < f; echo $n").await;
        assert_eq!(ran.out, "256\n");
    });
}
