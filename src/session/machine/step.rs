//! One step from its first hook to the verdict, and the wait behind it.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Active, CommandEnd, Effect, Hook, Machine, SETTLE_FIRST, SETTLE_MOST, Stage, TryEnd, Wait, verdict};
use crate::compare::{Case, Comparison, Outcome, compare_with};
use crate::lesson::{Expected, StepId};
use crate::session::advice::Advice;
use crate::session::directives;
use crate::session::model::{Cause, CommandReport, Event, HookReport, StepReport, StepState};
use crate::shell::{Ended, HookPhase};
use crate::tools::StdStream;

/// What one call of a hook suite may take when nobody says otherwise.
const SUITE_LIMIT: Duration = Duration::from_secs(300);

impl Machine {
    /// Starts a step with its first hook or command.
    pub(super) fn begin(&mut self, at: Duration, id: StepId, effects: &mut Vec<Effect>) {
        let Some(step) = self.step(id) else { return };
        let line = step.span.line;
        let annotations = step.annotations.clone();
        let limit = self.rules.hook_timeout.unwrap_or(Duration::from_secs(annotations.hook_timeout));
        let suite_limit = self.rules.hook_timeout.unwrap_or(SUITE_LIMIT);
        let suites = self.suites_around(id.lesson);
        let last = self.next_on_page(id).is_none();
        let suite = |script| Hook { name: "suite".into(), script, limit: suite_limit };
        let mut ahead: VecDeque<Hook> = VecDeque::new();
        let mut behind: VecDeque<Hook> = VecDeque::new();
        let mut opens = Vec::new();
        for (script, _) in suites.iter().filter(|(script, _)| !self.suites.contains(script)) {
            opens.push(script.clone());
            ahead.push_back(suite(script.clone()));
        }
        if let Some(name) = &annotations.hook
            && let Some(script) = self.course.lessons.get(id.lesson).and_then(|lesson| lesson.hook_path(name))
        {
            let hook = Hook { name: name.clone(), script, limit };
            ahead.push_back(hook.clone());
            behind.push_back(hook);
        }
        behind.extend(suites.iter().rev().filter(|(_, ends)| *ends && last).map(|(script, _)| suite(script.clone())));
        if self.rules.only_look {
            ahead.clear();
            behind.clear();
        }
        let bindings = self.before.get(&id).cloned().unwrap_or_else(|| self.bindings[id.lesson].clone());
        self.active = Some(Active {
            id,
            stage: Stage::Restoring,
            began: at,
            report: StepReport {
                line,
                verdict: crate::session::Verdict::Skipped,
                cause: None,
                commands: Vec::new(),
                hooks: Vec::new(),
                wait_s: 0,
                ms: 0,
                advice: None,
            },
            bindings,
            ahead,
            behind,
            opens,
            used: Duration::ZERO,
            stage_began: at,
            attempt: 0,
            stdout: String::new(),
            both: String::new(),
            changed_something: false,
            called_something: false,
            pending: false,
            mended_by_time: true,
            failed_as_expected: false,
            mismatch: false,
            cancelled: false,
        });
        self.ahead(at, effects);
    }

    /// The next hook ahead of the commands, or the first command.
    fn ahead(&mut self, at: Duration, effects: &mut Vec<Effect>) {
        let Some(active) = &mut self.active else { return };
        let id = active.id;
        if let Some(hook) = active.ahead.pop_front() {
            active.stage = Stage::Ahead(hook.clone());
            self.set(id, StepState::Hook(HookPhase::Before), effects);
            effects.push(Effect::Hook { id, hook, phase: HookPhase::Before, test_output: None });
        } else {
            let opened = std::mem::take(&mut active.opens);
            self.suites.extend(opened);
            self.command(at, 0, effects);
        }
    }

    fn command(&mut self, at: Duration, number: usize, effects: &mut Vec<Effect>) {
        let Some(active) = &mut self.active else { return };
        let id = active.id;
        let Some(step) = self.course.step(id) else { return };
        let Some(command) = step.commands.get(number) else {
            self.commands_ended(at, effects);
            return;
        };
        let limit =
            self.rules.timeout.unwrap_or(Duration::from_secs(step.annotations.timeout)).saturating_sub(active.used);
        active.stage = Stage::Command(number);
        active.stage_began = at;
        let script = command.text.clone();
        self.set(id, StepState::Running(number), effects);
        effects.push(Effect::Command { id, command: number, script, limit });
    }

    pub(super) fn hook_ended(
        &mut self,
        at: Duration,
        (status, ended): (u8, Ended),
        output: String,
        pending: bool,
        effects: &mut Vec<Effect>,
    ) {
        let Some(active) = &mut self.active else { return };
        active.pending = pending;
        let (name, phase) = match &active.stage {
            Stage::Ahead(hook) => (hook.name.clone(), HookPhase::Before),
            Stage::Behind(hook) => (hook.name.clone(), HookPhase::After),
            _ => return,
        };
        active.report.hooks.push(HookReport { name, phase, exit_status: i32::from(status), output });
        let cause = match ended {
            Ended::TimeLimit => Some(Cause::TimeLimit),
            Ended::Cancelled => Some(Cause::Cancelled),
            Ended::Fault => Some(Cause::Fault),
            Ended::Exited if status != 0 => Some(Cause::Hook),
            Ended::Exited => None,
        };
        match (cause, phase) {
            (Some(cause), _) => self.fail(at, cause, effects),
            (None, HookPhase::Before) => self.ahead(at, effects),
            (None, HookPhase::After) => self.behind(at, effects),
        }
    }

    pub(super) fn command_ended(&mut self, at: Duration, end: CommandEnd, effects: &mut Vec<Effect>) {
        let Some(active) = &mut self.active else { return };
        let Stage::Command(number) = active.stage else { return };
        let id = active.id;
        let Some(step) = self.course.step(id) else { return };
        let Some(command) = step.commands.get(number) else { return };
        active.used += at.saturating_sub(active.stage_began);
        active.called_something |= !end.calls.is_empty();
        active.changed_something |= end.calls.iter().any(|call| call.mutating);
        active.pending = end.pending;
        let mut report = CommandReport {
            command: command.text.clone(),
            exit_status: i32::from(end.status),
            stdout: end.home.shown(&text_of(&end, Some(StdStream::Stdout))),
            stderr: end.home.shown(&text_of(&end, Some(StdStream::Stderr))),
            expected: command.expected.text().map(str::to_owned),
            comparison: Comparison::unchecked(),
            calls: end.calls.clone(),
        };
        // Hooks get what was printed, whose paths lead somewhere.
        let both = text_of(&end, None);
        active.stdout.push_str(&text_of(&end, Some(StdStream::Stdout)));
        active.both.push_str(&both);
        let both = end.home.shown(&both);
        let expect_error = step.annotations.expect_error;
        let failed = end.status != 0;
        let cause = match end.ended {
            Ended::TimeLimit => Some(Cause::TimeLimit),
            Ended::Cancelled => Some(Cause::Cancelled),
            Ended::Fault => Some(Cause::Fault),
            Ended::Exited if failed && !expect_error => Some(Cause::ExitStatus),
            Ended::Exited => None,
        };
        if cause.is_none()
            && let Expected::Text { text, .. } = &command.expected
        {
            let case =
                Case { command: &command.text, expected: text, actual: &both, exit_status: i32::from(end.status) };
            let rules = self.rules.compare.clone().and(directives::of_step(step));
            let (comparison, bindings) = compare_with(&case, &end.known, &active.bindings, &rules);
            if comparison.verdict == Outcome::Mismatch {
                active.mismatch = true;
                active.mended_by_time &= comparison.rejected.iter().all(|rejected| rejected.transient);
            } else {
                active.bindings = bindings;
            }
            report.comparison = comparison;
        }
        active.failed_as_expected |= failed && expect_error;
        // Where the step fails by it, its advice says so.
        if cause.is_none() {
            effects.extend(end.unknown.iter().map(|name| no_tool(name)));
        }
        active.report.commands.push(report.clone());
        effects.push(Effect::Emit(Event::Command { id, command: number, report }));
        if let Some(cause) = cause {
            self.fail(at, cause, effects);
        } else if failed {
            // Under `set -e` the expected failure ends the step's commands.
            self.commands_ended(at, effects);
        } else {
            self.command(at, number + 1, effects);
        }
    }

    /// All commands have run: what is the verdict on them?
    fn commands_ended(&mut self, at: Duration, effects: &mut Vec<Effect>) {
        let Some(active) = &mut self.active else { return };
        let id = active.id;
        let Some(step) = self.course.step(id) else { return };
        if step.annotations.expect_error && !active.failed_as_expected {
            self.fail(at, Cause::ExitStatus, effects);
            return;
        }
        if !active.mismatch {
            self.behind(at, effects);
            return;
        }
        let left =
            self.rules.timeout.unwrap_or(Duration::from_secs(step.annotations.timeout)).saturating_sub(active.used);
        let pause = SETTLE_FIRST.saturating_mul(1 << active.attempt.min(8)).min(SETTLE_MOST);
        let may_settle = active.called_something
            && !active.changed_something
            && active.mended_by_time
            && active.pending
            && !self.rules.only_look
            && left > pause;
        if !may_settle {
            self.fail(at, Cause::Output, effects);
            return;
        }
        active.attempt += 1;
        active.used += pause;
        let waits_for = waits_for(&active.report);
        let timer = self.next_timer();
        if let Some(active) = &mut self.active {
            active.stage = Stage::Settling { timer };
        }
        self.set(id, StepState::Settling(waits_for), effects);
        effects.push(Effect::Timer { timer, after: pause });
    }

    /// The next hook behind the commands, or the verdict.
    fn behind(&mut self, at: Duration, effects: &mut Vec<Effect>) {
        let Some(active) = &mut self.active else { return };
        let id = active.id;
        let Some(step) = self.course.step(id) else { return };
        if let Some(hook) = active.behind.pop_front() {
            let output = if step.annotations.expect_error { &active.both } else { &active.stdout };
            let test_output = Some(output.clone());
            active.stage = Stage::Behind(hook.clone());
            self.set(id, StepState::Hook(HookPhase::After), effects);
            effects.push(Effect::Hook { id, hook, phase: HookPhase::After, test_output });
            return;
        }
        let seconds = if self.rules.no_wait || self.rules.only_look { 0 } else { step.annotations.wait };
        self.pass(at, seconds, effects);
    }

    pub(super) fn timer(&mut self, at: Duration, fired: u64, effects: &mut Vec<Effect>) {
        match (self.active.as_ref().map(|active| &active.stage), &mut self.waiting) {
            (Some(Stage::Settling { timer }), _) if *timer == fired => self.again(at, effects),
            (_, Some(wait)) if wait.timer == fired => {
                wait.left = wait.left.saturating_sub(1);
                match wait.left {
                    0 => self.end_wait(effects),
                    _ => self.go_on_waiting(effects),
                }
            }
            // A timer of a stage that is over.
            _ => {}
        }
    }

    /// Tries the commands of a settling step again.
    fn again(&mut self, at: Duration, effects: &mut Vec<Effect>) {
        let Some(active) = &mut self.active else { return };
        active.report.commands.clear();
        active.stdout.clear();
        active.both.clear();
        active.mismatch = false;
        active.mended_by_time = true;
        active.failed_as_expected = false;
        let id = active.id;
        active.bindings = self.before.get(&id).cloned().unwrap_or_default();
        effects.push(Effect::RewindShell(id));
        self.command(at, 0, effects);
    }

    pub(super) fn cancel(&mut self, at: Duration, effects: &mut Vec<Effect>) {
        self.queue.clear();
        // At the prompt it is the command there that is meant.
        if !self.trying {
            self.end_wait(effects);
        }
        match self.active.as_ref().map(|active| active.stage.clone()) {
            None if self.trying => effects.push(Effect::Cancel),
            None => {}
            Some(Stage::Restoring) => {
                if let Some(active) = &mut self.active {
                    active.cancelled = true;
                }
            }
            Some(Stage::Ahead(_) | Stage::Command(_) | Stage::Behind(_)) => effects.push(Effect::Cancel),
            Some(Stage::Settling { .. }) => self.fail(at, Cause::Cancelled, effects),
        }
    }

    /// The session broke off: the step that ran has failed by it, whatever it was at.
    pub(super) fn broke_off(&mut self, at: Duration, told: String, effects: &mut Vec<Effect>) {
        self.queue.clear();
        self.going_back = false;
        effects.push(Effect::Emit(Event::Notice { text: told.clone() }));
        if self.active.is_some() {
            self.fail_told(at, Cause::Fault, Some(told), effects);
        }
        let end = TryEnd { status: 70, ended: Ended::Fault, calls: Vec::new(), unknown: Vec::new(), changed: true };
        self.try_ended(end, effects);
    }

    pub(super) fn skip(&mut self, at: Duration, effects: &mut Vec<Effect>) {
        self.end_wait(effects);
        if matches!(self.active.as_ref().map(|active| &active.stage), Some(Stage::Settling { .. })) {
            self.fail(at, Cause::Output, effects);
        }
    }

    /// The verdict: saves and tells it, and takes the step out of the way. What is shown is on the disk already. `told` is said of it
    /// where it is something else than what follows from the cause.
    fn conclude(
        &mut self,
        at: Duration,
        cause: Option<Cause>,
        told: Option<String>,
        wait: u64,
        effects: &mut Vec<Effect>,
    ) -> Option<Active> {
        let mut active = self.active.take()?;
        let id = active.id;
        active.report.ms = millis(at.saturating_sub(active.began));
        active.report.wait_s = wait;
        active.report.verdict = verdict(cause);
        active.report.cause = cause;
        active.report.advice = cause.zip(self.course.step(id)).map(|(cause, step)| {
            let limit = self.rules.timeout.unwrap_or(Duration::from_secs(step.annotations.timeout));
            let mut advice = Advice::of(step, cause, &active.report, limit, active.pending);
            advice.why = told.unwrap_or(advice.why);
            advice
        });
        self.reports.insert(id, active.report.clone());
        effects.push(Effect::Save);
        effects.push(Effect::Emit(Event::StepDone { id, report: active.report.clone() }));
        Some(active)
    }

    pub(super) fn fail(&mut self, at: Duration, cause: Cause, effects: &mut Vec<Effect>) {
        self.fail_told(at, cause, None, effects);
    }

    fn fail_told(&mut self, at: Duration, cause: Cause, told: Option<String>, effects: &mut Vec<Effect>) {
        let Some(active) = self.conclude(at, Some(cause), told, 0, effects) else { return };
        self.queue.clear();
        let state = match cause {
            Cause::Cancelled if self.rules.live && active.changed_something => StepState::Unfinished,
            cause => StepState::Failed(cause),
        };
        self.set(active.id, state, effects);
    }

    /// The step has passed, and is saved as such: a wait behind it only holds up the next one.
    fn pass(&mut self, at: Duration, wait: u64, effects: &mut Vec<Effect>) {
        let Some(active) = self.conclude(at, None, None, wait, effects) else { return };
        let id = active.id;
        self.bindings[id.lesson] = active.bindings;
        if wait == 0 {
            self.unlock_after(id, effects);
            return;
        }
        self.waiting = Some(Wait { id, timer: 0, left: wait });
        self.go_on_waiting(effects);
    }

    fn go_on_waiting(&mut self, effects: &mut Vec<Effect>) {
        let next = self.next_timer();
        let Some(Wait { id, timer, left }) = &mut self.waiting else { return };
        *timer = next;
        let (id, left) = (*id, *left);
        self.set(id, StepState::Waiting(left), effects);
        effects.push(Effect::Timer { timer: next, after: Duration::from_secs(1) });
    }

    /// Ends the wait behind a step, if there is one: the next step is open.
    pub(super) fn end_wait(&mut self, effects: &mut Vec<Effect>) {
        let Some(Wait { id, left, .. }) = self.waiting.take() else { return };
        if let Some(report) = self.reports.get_mut(&id) {
            report.wait_s = report.wait_s.saturating_sub(left);
        }
        self.unlock_after(id, effects);
        // While a command runs at the prompt the shell cannot be asked for its state; its end is saved.
        if !self.trying {
            effects.push(Effect::Save);
        }
    }

    fn unlock_after(&mut self, id: StepId, effects: &mut Vec<Effect>) {
        self.set(id, StepState::Passed, effects);
        match self.next_on_page(id) {
            Some(next) if self.state(next) == Some(&StepState::Locked) => self.set(next, StepState::Ready, effects),
            Some(_) => {}
            None => effects.push(Effect::Emit(Event::LessonDone { lesson: id.lesson })),
        }
    }
}

/// Tells that there is no command of that name.
pub(super) fn no_tool(name: &str) -> Effect {
    let text = format!(
        "There is no tool named `{name}`: lectern starts no other programs, unless it is told to with --allow {name}."
    );
    Effect::Emit(Event::Notice { text })
}

/// One stream of what was printed, or both in order.
fn text_of(end: &CommandEnd, stream: Option<StdStream>) -> String {
    end.output
        .iter()
        .filter(|(of, _)| stream.is_none_or(|stream| stream == *of))
        .map(|(_, text)| text.as_str())
        .collect()
}

/// What a settling step waits for, in words for the learner.
fn waits_for(report: &StepReport) -> String {
    let rejected = report.commands.iter().flat_map(|command| &command.comparison.rejected).next();
    match rejected {
        Some(rejected) if rejected.actual.is_empty() => {
            format!("{}: nothing yet, expected {}", rejected.place, rejected.expected)
        }
        Some(rejected) => format!("{}: {}, expected {}", rejected.place, rejected.actual, rejected.expected),
        None => "the expected output".to_owned(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
