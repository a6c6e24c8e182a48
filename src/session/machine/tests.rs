//! Transitions, without any I/O: the test plays driver and target.

mod waits;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::lesson::{Annotations, Command, Expected, FrontMatter, Lesson, Span};
use crate::session::model::Event;

/// A page with one step for each of these: annotations, and commands with what they should print.
fn course(steps: &[(Annotations, &[(&str, &str)])]) -> Arc<Course> {
    let mut source = String::new();
    let steps: Vec<Step> = steps
        .iter()
        .map(|(annotations, commands)| {
            let start = source.len();
            source.push_str(&format!("{commands:?}\n"));
            let span = Span { start, end: source.len(), line: 1, column: 1 };
            let commands = commands
                .iter()
                .map(|(text, expected)| Command {
                    text: (*text).to_owned(),
                    span,
                    expected: match *expected {
                        "" => Expected::None,
                        text => Expected::Text { text: text.to_owned(), span },
                    },
                })
                .collect();
            Step {
                span,
                annotations: annotations.clone(),
                commands,
                directives: Vec::new(),
                source: String::new(),
                executed: true,
            }
        })
        .collect();
    let lesson = Lesson {
        path: PathBuf::from("/course/page.md"),
        source: source.into(),
        digest: "d".into(),
        front_matter: FrontMatter::default(),
        body: 0,
        steps,
        executable: true,
        diagnostics: Vec::new(),
    };
    let tree = CourseFolder { path: "/course".into(), lessons: vec![0], ..CourseFolder::default() };
    Arc::new(Course { root: "/course".into(), title: String::new(), lessons: vec![lesson], tree })
}

fn id(step: usize) -> StepId {
    StepId { lesson: 0, step }
}

const T: Duration = Duration::ZERO;

/// A command that ended with this status and printed this.
fn end(status: u8, stdout: &str) -> Input {
    Input::CommandEnded(CommandEnd {
        status,
        ended: Ended::Exited,
        output: vec![(StdStream::Stdout, stdout.to_owned())],
        home: Home::default(),
        calls: Vec::new(),
        unknown: Vec::new(),
        pending: false,
        known: Known::default(),
    })
}

fn call(mutating: bool) -> CallRecord {
    CallRecord {
        service: "kubernetes".into(),
        operation: "get pods".into(),
        path: String::new(),
        status: 200,
        ms: 1,
        mutating,
    }
}

fn hook(status: u8) -> Input {
    Input::HookEnded { status, ended: Ended::Exited, output: String::new(), pending: false }
}

/// What was asked to be done, events left out, in short.
fn done(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| {
            Some(match effect {
                Effect::Checkpoint(_) => "checkpoint".into(),
                Effect::Restore(_) => "restore".into(),
                Effect::RewindShell(_) => "rewind".into(),
                Effect::Hook { hook, phase, .. } => format!("{} {}", hook.name, phase.as_str()),
                Effect::Command { script, .. } => format!("run {script}"),
                Effect::Timer { after, .. } => format!("timer {}", after.as_secs()),
                Effect::Try { script, .. } => format!("try {script}"),
                Effect::Complete { line, .. } => format!("complete {line}"),
                Effect::Cancel => "cancel".into(),
                Effect::Save => "save".into(),
                Effect::Stop => "stop".into(),
                Effect::Renumber { .. } => "renumber".into(),
                Effect::Emit(_) => return None,
            })
        })
        .collect()
}

fn timer_of(effects: &[Effect]) -> u64 {
    effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Timer { timer, .. } => Some(*timer),
            _ => None,
        })
        .expect("a timer")
}

fn machine(steps: &[(Annotations, &[(&str, &str)])]) -> Machine {
    Machine::new(course(steps), Rules::default())
}

fn run(machine: &mut Machine, step: usize) -> Vec<Effect> {
    machine.handle(T, Input::Request(Request::Run(id(step))))
}

#[test]
fn steps_unlock_one_after_the_other() {
    let plain = Annotations::default();
    let mut machine = machine(&[(plain.clone(), &[("a", "x")]), (plain, &[("b", "")])]);
    assert_eq!(machine.state(id(1)), Some(&StepState::Locked));
    assert!(done(&run(&mut machine, 1)).is_empty(), "a locked step does not run");
    assert_eq!(done(&run(&mut machine, 0)), ["checkpoint", "run a"]);
    assert!(done(&run(&mut machine, 0)).is_empty(), "one step at a time");
    assert_eq!(done(&machine.handle(T, end(0, "x\n"))), ["save"]);
    assert_eq!(machine.state(id(0)), Some(&StepState::Passed));
    assert_eq!(machine.state(id(1)), Some(&StepState::Ready));
    run(&mut machine, 1);
    let effects = machine.handle(T, end(0, ""));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Emit(Event::LessonDone { lesson: 0 }))));
}

#[test]
fn hooks_commands_comparison_wait_come_in_order() {
    let annotations = Annotations { hook: Some("h".into()), wait: 2, ..Annotations::default() };
    let mut machine = machine(&[(annotations, &[("a", "x"), ("b", "")])]);
    assert_eq!(done(&run(&mut machine, 0)), ["checkpoint", "h before"]);
    assert_eq!(done(&machine.handle(T, hook(0))), ["run a"]);
    assert_eq!(done(&machine.handle(T, end(0, "x"))), ["run b"]);
    let effects = machine.handle(T, end(0, "more"));
    assert_eq!(done(&effects), ["h after"]);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Hook { test_output: Some(output), .. } if output == "xmore"))
    );
    let effects = machine.handle(T, hook(0));
    assert_eq!(machine.state(id(0)), Some(&StepState::Waiting(2)));
    let effects = machine.handle(T, Input::Timer(timer_of(&effects)));
    assert_eq!(machine.state(id(0)), Some(&StepState::Waiting(1)));
    machine.handle(T, Input::Timer(timer_of(&effects)));
    assert_eq!(machine.state(id(0)), Some(&StepState::Passed));
    assert_eq!(machine.report(id(0)).map(|report| report.wait_s), Some(2));
}

#[test]
fn each_cause_is_told_apart() {
    let plain = Annotations::default();
    let hooked = Annotations { hook: Some("h".into()), ..plain.clone() };
    let failing = Annotations { expect_error: true, ..plain.clone() };
    let cut = |ended| {
        Input::CommandEnded(CommandEnd {
            status: 1,
            ended,
            output: Vec::new(),
            home: Home::default(),
            calls: Vec::new(),
            unknown: Vec::new(),
            pending: false,
            known: Known::default(),
        })
    };
    type Case = (&'static str, Annotations, Vec<Input>, Option<Cause>);
    let cases: Vec<Case> = vec![
        ("status", plain.clone(), vec![end(1, "x")], Some(Cause::ExitStatus)),
        ("output", plain.clone(), vec![end(0, "y")], Some(Cause::Output)),
        ("before hook", hooked.clone(), vec![hook(1)], Some(Cause::Hook)),
        ("after hook", hooked, vec![hook(0), end(0, "x"), hook(3)], Some(Cause::Hook)),
        ("time limit", plain.clone(), vec![cut(Ended::TimeLimit)], Some(Cause::TimeLimit)),
        ("cancelled", plain, vec![cut(Ended::Cancelled)], Some(Cause::Cancelled)),
        ("an expected error that did not come", failing.clone(), vec![end(0, "x")], Some(Cause::ExitStatus)),
        ("an expected error", failing.clone(), vec![end(1, "x")], None),
        ("an expected error with another output", failing, vec![end(1, "y")], Some(Cause::Output)),
    ];
    for (name, annotations, inputs, cause) in cases {
        let mut machine = machine(&[(annotations, &[("a", "x")])]);
        run(&mut machine, 0);
        for input in inputs {
            machine.handle(T, input);
        }
        let state = cause.map_or(StepState::Passed, StepState::Failed);
        assert_eq!(machine.state(id(0)), Some(&state), "{name}");
    }
}

#[test]
fn an_expected_error_ends_the_commands() {
    let failing = Annotations { expect_error: true, ..Annotations::default() };
    let mut machine = machine(&[(failing, &[("a", ""), ("b", ""), ("c", "")])]);
    run(&mut machine, 0);
    assert_eq!(done(&machine.handle(T, end(0, ""))), ["run b"]);
    assert_eq!(done(&machine.handle(T, end(1, ""))), ["save"], "c does not run under set -e");
    assert_eq!(machine.state(id(0)), Some(&StepState::Passed));
}

#[test]
fn the_commands_share_the_time_limit() {
    let annotations = Annotations { timeout: 10, ..Annotations::default() };
    let mut machine = machine(&[(annotations, &[("a", ""), ("b", "")])]);
    let limit = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Command { limit, .. } => Some(limit.as_secs()),
            _ => None,
        })
    };
    assert_eq!(limit(&run(&mut machine, 0)), Some(10));
    assert_eq!(limit(&machine.handle(Duration::from_secs(7), end(0, ""))), Some(3));
}

/// A read-only command with output that time could mend; `pending` says whether something is still due to happen.
fn not_yet(calls: Vec<CallRecord>, pending: bool) -> Input {
    Input::CommandEnded(CommandEnd {
        status: 0,
        ended: Ended::Exited,
        output: vec![(StdStream::Stdout, "NAME  READY  STATUS\nweb-1  0/1  Pending\n".into())],
        home: Home::default(),
        calls,
        unknown: Vec::new(),
        pending,
        known: Known::default(),
    })
}

const PODS: &[(&str, &str)] = &[("kubectl get pod", "NAME  READY  STATUS\nweb-1  1/1  Running")];

#[test]
fn a_reading_step_settles_while_something_is_due() {
    let mut machine = machine(&[(Annotations::default(), PODS)]);
    run(&mut machine, 0);
    let effects = machine.handle(T, not_yet(vec![call(false)], true));
    assert_eq!(done(&effects), ["timer 1"]);
    assert!(matches!(machine.state(id(0)), Some(StepState::Settling(_))));
    let effects = machine.handle(T, Input::Timer(timer_of(&effects)));
    assert_eq!(done(&effects), ["rewind", "run kubectl get pod"]);
    machine.handle(T, end(0, "NAME  READY  STATUS\nweb-1  1/1  Running\n"));
    assert_eq!(machine.state(id(0)), Some(&StepState::Passed));
}

#[test]
fn a_step_that_changed_something_or_has_nothing_to_wait_for_does_not_settle() {
    for (calls, pending) in [(vec![call(true)], true), (vec![call(false)], false), (vec![], true)] {
        let mut machine = machine(&[(Annotations::default(), PODS)]);
        run(&mut machine, 0);
        machine.handle(T, not_yet(calls, pending));
        assert_eq!(machine.state(id(0)), Some(&StepState::Failed(Cause::Output)));
        // Time is advised only where something is still due to happen.
        let advice = machine.report(id(0)).and_then(|report| report.advice.clone()).unwrap();
        assert_eq!(advice.next.iter().any(|next| next.contains("more time")), pending, "{advice:?}");
    }
}

#[test]
fn settling_ends_with_the_time_limit() {
    let mut machine = machine(&[(Annotations { timeout: 30, ..Annotations::default() }, PODS)]);
    run(&mut machine, 0);
    let mut pauses = Vec::new();
    for _ in 0..20 {
        let effects = machine.handle(T, not_yet(vec![call(false)], true));
        if machine.running().is_none() {
            break;
        }
        pauses.extend(done(&effects));
        machine.handle(T, Input::Timer(timer_of(&effects)));
    }
    assert_eq!(pauses, ["timer 1", "timer 2", "timer 4", "timer 8", "timer 10"]);
    assert_eq!(machine.state(id(0)), Some(&StepState::Failed(Cause::Output)));
}

#[test]
fn a_failed_step_in_the_sandbox_begins_again_from_before_it() {
    let mut machine = machine(&[(Annotations::default(), &[("a", "x")])]);
    run(&mut machine, 0);
    machine.handle(T, end(1, ""));
    assert_eq!(done(&run(&mut machine, 0)), ["restore"]);
    assert_eq!(done(&machine.handle(T, Input::Restored(id(0)))), ["run a"]);
    machine.handle(T, end(0, "x"));
    assert_eq!(machine.state(id(0)), Some(&StepState::Passed));
}

#[test]
fn what_cannot_be_brought_back_stays_as_it_was() {
    let mut machine = machine(&[(Annotations::default(), &[("a", "x")])]);
    run(&mut machine, 0);
    machine.handle(T, end(0, "y"));
    let refused = || Input::NotRestored { id: id(0), why: "no room".into() };
    assert_eq!(done(&run(&mut machine, 0)), ["restore"]);
    let effects = machine.handle(T, refused());
    assert_eq!(machine.state(id(0)), Some(&StepState::Failed(Cause::Output)));
    let told = |effect: &Effect| matches!(effect, Effect::Emit(Event::Refused { text }) if text.contains("no room"));
    assert!(effects.last().is_some_and(told), "{effects:?}");
    assert_eq!(done(&machine.handle(T, Input::Request(Request::UndoTo(id(0))))), ["restore"]);
    machine.handle(T, refused());
    assert_eq!(machine.state(id(0)), Some(&StepState::Failed(Cause::Output)));
    assert_eq!(done(&run(&mut machine, 0)), ["restore"], "it can be tried again");
}

#[test]
fn undo_locks_what_comes_later() {
    let plain = Annotations::default();
    let mut machine = machine(&[(plain.clone(), &[("a", "")]), (plain.clone(), &[("b", "")]), (plain, &[("c", "")])]);
    for step in 0..2 {
        run(&mut machine, step);
        machine.handle(T, end(0, ""));
    }
    assert_eq!(done(&machine.handle(T, Input::Request(Request::UndoTo(id(0))))), ["restore"]);
    assert_eq!(done(&machine.handle(T, Input::Restored(id(0)))), ["save"]);
    assert_eq!(machine.state(id(0)), Some(&StepState::Ready));
    assert_eq!(machine.state(id(1)), Some(&StepState::Locked));
    assert_eq!(machine.state(id(2)), Some(&StepState::Locked));
}

#[test]
fn quitting_cancels_saves_and_stops() {
    let mut machine = machine(&[(Annotations::default(), &[("a", "")])]);
    run(&mut machine, 0);
    assert_eq!(done(&machine.handle(T, Input::Request(Request::Quit))), ["cancel"]);
    let ended = Input::CommandEnded(CommandEnd {
        status: 130,
        ended: Ended::Cancelled,
        output: Vec::new(),
        home: Home::default(),
        calls: Vec::new(),
        unknown: Vec::new(),
        pending: false,
        known: Known::default(),
    });
    let effects = done(&machine.handle(T, ended));
    assert_eq!(effects.last().map(String::as_str), Some("stop"));
    assert!(effects.contains(&"save".into()));
}

#[test]
fn progress_outlives_the_process() {
    let plain = Annotations::default();
    let steps: &[(Annotations, &[(&str, &str)])] =
        &[(plain.clone(), &[("a", "")]), (plain.clone(), &[("b", "")]), (plain.clone(), &[("c", "")])];
    let mut machine = machine(steps);
    run(&mut machine, 0);
    machine.handle(T, end(0, "out"));
    run(&mut machine, 1);
    machine.handle(T, end(1, ""));
    let text = serde_json::to_string(&machine.progress()).expect("serialises");
    let progress: Progress = serde_json::from_str(&text).expect("reads back");
    let again = Machine::resume(course(steps), Rules::default(), &progress);
    assert_eq!(again.state(id(0)), Some(&StepState::Passed));
    assert_eq!(again.state(id(1)), Some(&StepState::Failed(Cause::ExitStatus)));
    assert_eq!(again.state(id(2)), Some(&StepState::Locked));
    assert_eq!(first_change(&course(steps), &progress), None);
    // The second step is another one now: what came from it on does not hold.
    let edited: &[(Annotations, &[(&str, &str)])] = &[(plain.clone(), &[("a", "")]), (plain, &[("other", "")])];
    let mut edited = course(edited);
    Arc::get_mut(&mut edited).expect("the only one").lessons[0].digest = "e".into();
    assert_eq!(first_change(&edited, &progress).map(|(id, _)| id), Some(id(1)));
}

#[test]
fn a_second_try_says_once_that_it_runs() {
    let mut machine = machine(&[(Annotations::default(), &[("a", "x")])]);
    run(&mut machine, 0);
    machine.handle(T, end(0, "y\n"));
    assert!(matches!(machine.state(id(0)), Some(StepState::Failed(_))));
    let mut effects = run(&mut machine, 0);
    effects.extend(machine.handle(T, Input::Restored(id(0))));
    let runs = |effect: &&Effect| matches!(effect, Effect::Emit(Event::Step { state: StepState::Running(0), .. }));
    assert_eq!(effects.iter().filter(runs).count(), 1, "{effects:?}");
}

fn tried(changed: bool) -> Input {
    let (status, ended) = (0, Ended::Exited);
    Input::TryEnded(TryEnd { status, ended, calls: Vec::new(), unknown: Vec::new(), changed })
}

fn attempt(machine: &mut Machine) -> Vec<Effect> {
    machine.handle(T, Input::Request(Request::Try("ls".into())))
}

#[test]
fn a_command_of_the_learners_own_counts_for_no_step_and_nothing_else_runs_meanwhile() {
    let mut machine = machine(&[(Annotations::default(), &[("a", "")])]);
    assert_eq!(done(&attempt(&mut machine)), ["try ls"]);
    for request in [Request::Try("x".into()), Request::Run(id(0)), Request::UndoTo(id(0))] {
        let effects = machine.handle(T, Input::Request(request));
        assert!(matches!(effects.as_slice(), [Effect::Emit(Event::Refused { .. })]), "{effects:?}");
    }
    let question = Request::Complete { number: 1, line: "l".into(), at: 1 };
    let effects = machine.handle(T, Input::Request(question.clone()));
    assert!(matches!(effects.as_slice(), [Effect::Emit(Event::Completions { number: 1, .. })]), "{effects:?}");
    assert_eq!(done(&machine.handle(T, Input::Request(Request::Cancel))), ["cancel"]);
    assert_eq!(done(&machine.handle(T, tried(true))), ["save"]);
    assert_eq!(machine.state(id(0)), Some(&StepState::Ready));
    assert_eq!(done(&machine.handle(T, Input::Request(question))), ["complete l"]);
    assert_eq!(done(&run(&mut machine, 0)), ["checkpoint", "run a"]);
    assert!(done(&attempt(&mut machine)).is_empty(), "a step runs");
    machine.handle(T, end(0, ""));
    assert_eq!(done(&attempt(&mut machine)), ["try ls"]);
    assert_eq!(done(&machine.handle(T, Input::Request(Request::Quit))), ["cancel"]);
    assert_eq!(done(&machine.handle(T, tried(false))), ["save", "save", "stop"]);
}

#[test]
fn what_was_changed_at_the_prompt_is_not_taken_away_by_another_try_of_the_step() {
    let steps: &[(Annotations, &[(&str, &str)])] = &[(Annotations::default(), &[("a", "")])];
    let mut machine = machine(steps);
    run(&mut machine, 0);
    machine.handle(T, end(1, ""));
    // Who only looked begins again from where the step began.
    attempt(&mut machine);
    machine.handle(T, tried(false));
    assert_eq!(done(&run(&mut machine, 0)), ["restore"]);
    machine.handle(T, Input::Restored(id(0)));
    machine.handle(T, end(1, ""));
    attempt(&mut machine);
    machine.handle(T, tried(true));
    // The next time that lectern is started too.
    let mut machine = Machine::resume(course(steps), Rules::default(), &machine.progress());
    assert_eq!(done(&run(&mut machine, 0)), ["checkpoint", "run a"]);
    machine.handle(T, end(1, ""));
    assert_eq!(done(&run(&mut machine, 0)), ["restore"], "from what was before that try");
    machine.handle(T, Input::Restored(id(0)));
    machine.handle(T, end(1, ""));
    attempt(&mut machine);
    machine.handle(T, tried(true));
    assert_eq!(done(&machine.handle(T, Input::Request(Request::UndoTo(id(0))))), ["restore"]);
    machine.handle(T, Input::Restored(id(0)));
    assert_eq!(done(&run(&mut machine, 0)), ["checkpoint", "run a"]);
}

#[test]
fn a_second_try_can_be_cancelled_before_it_has_begun() {
    let mut machine = machine(&[(Annotations::default(), &[("a", "")])]);
    run(&mut machine, 0);
    machine.handle(T, end(1, ""));
    assert_eq!(done(&run(&mut machine, 0)), ["restore"]);
    assert!(done(&machine.handle(T, Input::Request(Request::Cancel))).is_empty());
    assert_eq!(done(&machine.handle(T, Input::Restored(id(0)))), ["save"]);
    assert_eq!(machine.state(id(0)), Some(&StepState::Failed(Cause::Cancelled)));
    assert_eq!(done(&run(&mut machine, 0)), ["restore"]);
}

/// A course of a page in a folder with a suite.
fn with_suite(root: &str, steps: &[(Annotations, &[(&str, &str)])]) -> Arc<Course> {
    let mut course = course(steps);
    let of = Arc::get_mut(&mut course).expect("the only one");
    of.root = root.into();
    of.lessons[0].path = of.root.join("page.md");
    of.tree.path = of.root.clone();
    of.tree.suite = Some(of.root.join("tests/hook-suite.sh"));
    course
}

#[test]
fn a_suite_that_is_undone_runs_again_in_a_session_that_was_taken_up_too() {
    let plain = Annotations::default();
    let steps: &[(Annotations, &[(&str, &str)])] = &[(plain.clone(), &[("a", "")]), (plain, &[("b", "")])];
    let mut machine = Machine::new(with_suite("/course", steps), Rules::default());
    assert_eq!(done(&run(&mut machine, 0)), ["checkpoint", "suite before"]);
    assert_eq!(done(&machine.handle(T, hook(0))), ["run a"]);
    machine.handle(T, end(0, ""));
    assert_eq!(done(&run(&mut machine, 1)), ["checkpoint", "run b"], "the suite has run");
    machine.handle(T, end(1, ""));
    let resume = |root: &str, machine: &Machine| {
        let text = serde_json::to_string(&machine.progress()).expect("serialises");
        let progress = serde_json::from_str(&text).expect("reads back");
        Machine::resume(with_suite(root, steps), Rules::default(), &progress)
    };
    // Whichever way the folder is named the next time.
    let mut again = resume("course", &machine);
    assert_eq!(done(&run(&mut again, 1)), ["restore"]);
    assert_eq!(done(&again.handle(T, Input::Restored(id(1)))), ["run b"], "it stands behind the suite");
    again.handle(T, end(1, ""));
    let mut again = resume("/course", &again);
    assert_eq!(done(&again.handle(T, Input::Request(Request::UndoTo(id(0))))), ["restore"]);
    again.handle(T, Input::Restored(id(0)));
    assert_eq!(done(&run(&mut again, 0)), ["checkpoint", "suite before"]);
    // A first step that fails goes back to before the suite.
    again.handle(T, hook(0));
    again.handle(T, end(1, ""));
    let mut again = resume("/course", &again);
    assert_eq!(done(&run(&mut again, 0)), ["restore"]);
    assert_eq!(done(&again.handle(T, Input::Restored(id(0)))), ["suite before"]);
}
