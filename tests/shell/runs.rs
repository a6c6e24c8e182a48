//! Runs, hooks, state.

use std::time::Duration;

use lectern::clock::{Clock, session_runtime};
use lectern::shell::{Ended, HookPhase, Mapped, RunOutcome};
use tokio_util::sync::CancellationToken;

use crate::world::{World, session};

#[test]
fn commands_pipes_and_tools_run() {
    session(Clock::real(), async |world| {
        let ran =
            world.run("echo a b; echo x | cat; echo loud | upper; X=$(echo in | cat); echo \"$X $GREETING\"").await;
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("a b\nx\nLOUD\nin hello\n", ""));
        assert_eq!(ran.outcome, RunOutcome { status: 0, ended: Ended::Exited, unknown: vec![], dropped: 0 });
        let ran = world.run("upper -e").await;
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("out 0\nout 1\nout 2\n", "err 0\nerr 1\nerr 2\n"));
        assert_eq!(ran.outcome.status, 3);
        let ran = world.run("yes | head -2; echo ${PIPESTATUS[@]}").await;
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("y\ny\n141 0\n", ""));
    });
}

#[test]
fn a_tool_has_the_shell_run_commands() {
    session(Clock::accelerated(1000.0), async |world| {
        let ran = world.run("export x=1; ask bash -c 'echo $x; x=2; exit 3'; echo $x").await;
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("asks\n1\nSome(3)\n1\n", ""));
        let ran = world.run("echo in | ask cat; cd /; ask ask upper < /dev/null; ask pwd").await;
        assert_eq!(ran.out, "asks\nin\nSome(0)\nasks\nasks\nSome(0)\nSome(0)\nasks\n/\nSome(0)\n");
        let ran = world.run("ask nosuch a").await;
        assert_eq!((ran.out.as_str(), ran.outcome.unknown), ("asks\nNone\n", vec!["nosuch".to_owned()]));
        // While the command waits, nobody is at work.
        let began = std::time::Instant::now();
        assert_eq!(world.run("ask sleep 40").await.out, "asks\nSome(0)\n");
        assert!(began.elapsed() < Duration::from_secs(20));
        let limit = Some(Duration::from_secs(5));
        let ran = world.limited("ask sleep 4000", limit, CancellationToken::new(), false).await;
        assert_eq!(ran.outcome.ended, Ended::TimeLimit);
    });
}

#[test]
fn state_lasts_from_run_to_run_and_exit_ends_only_the_run() {
    session(Clock::real(), async |world| {
        let ran = world
            .run("x=1; f() { cat <<E\nf $1\nE\n}; export y=2; mkdir() { :; }; alias l=echo; cd /; exit 7; echo no")
            .await;
        assert_eq!((ran.outcome.status, ran.out.as_str()), (7, ""));
        let ran = world.run("f a; echo $x $y; pwd; (exit 3); echo $?; echo $BASH_SUBSHELL").await;
        assert_eq!(ran.out, "f a\n1 2\n/\n3\n0\n", "{ran:?}");
        assert_eq!(world.shell.exported().await.unwrap()["y"], "2");
    });
}

#[test]
fn state_is_saved_and_restored_in_another_shell() {
    let state = session(Clock::real(), async |world| {
        let script = "declare -A m=([k]='v w'); a=(1 2 3); export E='x y'; readonly R=r; g() { cat <<E\nin g: $1 ${m[k]}\nE\n}; \
                      set -o pipefail; trap 'echo bye' EXIT; cd \"$HOME\"; unset GREETING; alias hi='echo hi'";
        assert_eq!(world.run(script).await.outcome.status, 0);
        world.shell.save().await.unwrap()
    });
    let text = serde_json::to_string(&state).unwrap();
    let state = serde_json::from_str(&text).unwrap();
    session(Clock::real(), async |world| {
        world.run("other=1").await;
        world.shell.restore(&state).await.unwrap();
        let ran = world.run("g q; echo ${a[1]} $E $R [$GREETING$other]; false | true; echo $?; hi; env | cat").await;
        assert!(ran.out.starts_with("in g: q v w\n2 x y r []\n1\nhi\nE=x y\n"), "{ran:?}");
        let ran = world.run("R=2; echo $BASH_SUBSHELL $-").await;
        assert!(ran.err.contains("readonly"), "{ran:?}");
    });
}

#[test]
fn the_exit_trap_of_a_run_runs_at_its_end() {
    session(Clock::real(), async |world| {
        let ran = world.run("trap 'echo bye $?' EXIT; echo hi; exit 3").await;
        assert_eq!((ran.out.as_str(), ran.outcome.status), ("hi\nbye 3\n", 3));
        assert_eq!(world.run("echo next").await.out, "next\n");
    });
}

#[test]
fn a_failing_command_ends_a_step() {
    session(Clock::real(), async |world| {
        let end = CancellationToken::new();
        let ran = world.limited("echo a; false; echo b", None, end.clone(), true).await;
        assert_eq!((ran.out.as_str(), ran.outcome.status), ("a\n", 1));
        let ran = world.limited("if false; then :; fi; false || echo c; nosuch; echo b", None, end, true).await;
        assert_eq!((ran.out.as_str(), ran.outcome.status), ("c\n", 127));
        assert_eq!(ran.err, "bash: line 1: nosuch: command not found\n");
        assert_eq!(ran.outcome.unknown, ["nosuch"]);
        let ran = world.run("false | a b | cat; c; a; timeout 1 d; env e").await;
        assert_eq!(ran.outcome.unknown, ["a", "c", "d", "e"], "{ran:?}");
    });
}

#[test]
fn hooks_run_in_a_shell_of_their_own() {
    session(Clock::real(), async |world| {
        let script = world.work.join("hook.sh");
        std::fs::write(
            &script,
            "set -e\nbefore() {\n  echo \"before $y $x\"; y=5\n}\nafter() {\n  echo \"after $TEST_OUTPUT\" | cat\n  \
             exit 14\n}\n\"$@\"\nnosuch\n",
        )
        .unwrap();
        world.run("x=1; export y=2").await;
        let ran = world.hook(&script, HookPhase::Before, None).await;
        assert_eq!((ran.out.as_str(), ran.outcome.status), ("before 2 \n", 127), "{ran:?}");
        assert_eq!(ran.err, format!("{}: line 10: nosuch: command not found\n", script.display()));
        let ran = world.hook(&script, HookPhase::After, Some("a\nb")).await;
        assert_eq!((ran.out.as_str(), ran.outcome.status), ("after a\nb\n", 14), "{ran:?}");
        assert_eq!(world.run("echo $y").await.out, "2\n");
        let ran = world.hook(&world.work.join("none.sh"), HookPhase::After, None).await;
        assert_eq!(ran.outcome.status, 127);
    });
}

#[test]
fn mapped_folders_are_seen_inside_of_the_work_folder() {
    let clock = Clock::real();
    session_runtime(&clock).unwrap().block_on(async {
        let world = World::with(clock, |folder, config| {
            let manifests = folder.join("manifests");
            std::fs::create_dir_all(manifests.join("base")).unwrap();
            std::fs::write(manifests.join("base/a.yaml"), "kind: A\n").unwrap();
            std::fs::write(manifests.join("base/b.yaml"), "kind: B\n").unwrap();
            config.mapped = vec![Mapped::named("environment/eks", manifests)];
        })
        .await;
        let ran = world
            .run("cat ~/environment/eks/base/a.yaml; cd ~/environment/eks/base; cat b.yaml; echo *; cat < a.yaml; echo x > c")
            .await;
        assert_eq!(ran.out, "kind: A\nkind: B\na.yaml b.yaml\nkind: A\n", "{ran:?}");
        assert_ne!(ran.outcome.status, 0);
    });
}

#[test]
fn more_output_than_a_run_may_make_is_counted() {
    let clock = Clock::real();
    session_runtime(&clock).unwrap().block_on(async {
        let world = World::with(clock, |_, config| config.limits.output = 10).await;
        let ran = world.run("echo 12345678; echo 12345678; echo 123").await;
        assert_eq!((ran.out.as_str(), ran.outcome.dropped), ("12345678\n1", 12));
        assert_eq!(world.run("yes | head -1").await.out, "y\n");
    });
}

#[test]
fn too_large_variables_are_refused() {
    let clock = Clock::real();
    session_runtime(&clock).unwrap().block_on(async {
        let world = World::with(clock, |_, config| config.limits.variables = 100_000).await;
        let ran = world.run("x=aaaaaaaa; while true; do x=$x$x; done").await;
        assert!(ran.err.contains("more than a lesson may use"), "{ran:?}");
        assert_eq!(world.run("echo ${#x}").await.out, "0\n");
        let ran = world.run("printf 'x%.0s' 1 2 3; for i in 1 2 3; do a[i]=$(yes | head -20000); done").await;
        assert!(ran.err.contains("more than a lesson may use"), "{ran:?}");
        let ran = world
            .limited(
                "while [[ 1 ]]; do x=$x$x$x; x+=1234; done",
                Some(Duration::from_secs(5)),
                CancellationToken::new(),
                false,
            )
            .await;
        assert_eq!(ran.outcome.ended, Ended::Exited, "{ran:?}");
    });
}

#[test]
fn xtrace_is_shown_when_asked_for() {
    session(Clock::real(), async |world| {
        let ran = world.run("echo a; set -x; echo 'b c'; x=1; set +x; echo d").await;
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("a\nb c\nd\n", "+ echo 'b c'\n+ x=1\n+ set +x\n"));
    });
}
