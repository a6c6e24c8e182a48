//! The wait behind a step that has passed.

use super::*;

/// A step with a wait of half a minute behind it, and another one.
fn waiting() -> Machine {
    let wait = Annotations { wait: 30, ..Annotations::default() };
    machine(&[(wait, &[("a", "")]), (Annotations::default(), &[("b", "")])])
}

#[test]
fn the_verdict_is_told_and_saved_before_the_wait() {
    let mut machine = waiting();
    run(&mut machine, 0);
    let effects = machine.handle(T, end(0, ""));
    assert_eq!(done(&effects), ["save", "timer 1"]);
    let told = |effect: &Effect| matches!(effect, Effect::Emit(Event::StepDone { report, .. }) if report.verdict == Verdict::Passed);
    assert!(effects.iter().any(told), "{effects:?}");
    assert_eq!(machine.state(id(0)), Some(&StepState::Waiting(30)));
    assert_eq!(machine.state(id(1)), Some(&StepState::Locked), "the wait holds it up");
    assert!(done(&run(&mut machine, 1)).is_empty());
    // Whatever ends the process now, the next one goes on behind the step.
    let again = Machine::resume(waiting().course, Rules::default(), &machine.progress());
    assert_eq!(again.state(id(0)), Some(&StepState::Passed));
    assert_eq!(again.state(id(1)), Some(&StepState::Ready));
}

#[test]
fn whatever_ends_a_wait_leaves_the_step_passed() {
    for request in [Request::SkipWait, Request::Cancel, Request::Quit] {
        let mut machine = waiting();
        run(&mut machine, 0);
        let effects = machine.handle(T, end(0, ""));
        machine.handle(T, Input::Timer(timer_of(&effects)));
        let effects = machine.handle(T, Input::Request(request.clone()));
        assert_eq!(machine.state(id(0)), Some(&StepState::Passed), "{request:?}");
        assert_eq!(machine.state(id(1)), Some(&StepState::Ready), "{request:?}");
        assert_eq!(machine.report(id(0)).map(|report| (report.verdict, report.wait_s)), Some((Verdict::Passed, 1)));
        assert!(!machine.awaits_timer());
        assert_eq!(
            done(&effects).last().map(String::as_str),
            Some(if request == Request::Quit { "stop" } else { "save" })
        );
    }
    let mut machine = waiting();
    run(&mut machine, 0);
    machine.handle(T, end(0, ""));
    assert_eq!(done(&machine.handle(T, Input::Request(Request::UndoTo(id(0))))), ["save", "restore"]);
    machine.handle(T, Input::Restored(id(0)));
    assert_eq!(machine.state(id(0)), Some(&StepState::Ready));
    assert_eq!(machine.state(id(1)), Some(&StepState::Locked));
}

#[test]
fn commands_can_be_tried_while_a_wait_goes_on() {
    let mut machine = waiting();
    run(&mut machine, 0);
    let effects = machine.handle(T, end(0, ""));
    assert_eq!(done(&attempt(&mut machine)), ["try ls"]);
    // Ending the command is not ending the wait.
    assert_eq!(done(&machine.handle(T, Input::Request(Request::Cancel))), ["cancel"]);
    assert_eq!(machine.state(id(0)), Some(&StepState::Waiting(30)));
    let mut timer = timer_of(&effects);
    for _ in 0..29 {
        timer = timer_of(&machine.handle(T, Input::Timer(timer)));
    }
    assert!(done(&machine.handle(T, Input::Timer(timer))).is_empty(), "the shell is at work: nothing can be saved");
    assert_eq!(machine.state(id(1)), Some(&StepState::Ready));
    assert_eq!(done(&machine.handle(T, tried(false))), ["save"]);
}
