//! What the session says.

use crate::front::tui::model::{Model, Reveal, StepView};
use crate::lesson::StepId;
use crate::session::{Event, StepState, plain};
use crate::shell::HookPhase;

/// Takes what the session says.
pub fn event(model: &mut Model, event: Event) {
    model.started = true;
    match event {
        Event::Step { id, state } => step_state(model, id, state),
        Event::Output { id, command, stream, text } => {
            if let Some(step) = model.steps.get_mut(&id) {
                step.version += 1;
                match (command, &step.state) {
                    (Some(command), _) => step.output.entry(command).or_default().push(stream, &text),
                    (None, StepState::Hook(phase)) => {
                        let key = StepView::hook_key(*phase);
                        step.hooks.entry(key).or_default().push(stream, &text);
                    }
                    (None, _) => {}
                }
                follow(model, id);
            }
        }
        Event::Command { id, command, report } => {
            if let Some(step) = model.steps.get_mut(&id) {
                step.version += 1;
                step.command_ended(command, report);
                follow(model, id);
            }
        }
        Event::StepDone { id, report } => {
            if let Some(step) = model.steps.get_mut(&id) {
                step.version += 1;
                step.commands.clear();
                for (number, command) in report.commands.iter().enumerate() {
                    step.command_ended(number, command.clone());
                }
                step.report = Some(report);
            }
        }
        Event::TryBegun { command } => model.prompt.begun(plain(command.as_bytes())),
        Event::TryOutput { stream, text } => {
            if let Some(tried) = model.prompt.tries.back_mut() {
                tried.output.push(stream, &text);
            }
        }
        Event::TryDone { report } => {
            model.prompt.running = false;
            if let Some(tried) = model.prompt.tries.back_mut() {
                tried.report = Some(report);
            }
        }
        Event::History { commands } => model.prompt.history = commands,
        Event::Completions { number, completions } => {
            model.prompt.answered(number, completions);
            for key in model.prompt.waited(number) {
                let asked = super::press(model, key);
                model.requests.extend(asked);
            }
        }
        Event::Notice { text } | Event::Refused { text } => model.say(text),
        Event::LessonDone { .. } | Event::TakenUp { .. } => {}
        Event::Stopped => model.quit = true,
    }
}

fn step_state(model: &mut Model, id: StepId, state: StepState) {
    let Some(step) = model.steps.get_mut(&id) else { return };
    let starts = match (&step.state, &state) {
        (StepState::Settling(_), StepState::Running(0)) => true,
        (before, StepState::Hook(HookPhase::Before) | StepState::Running(0)) => {
            !matches!(before, StepState::Hook(_) | StepState::Running(_))
        }
        (_, StepState::Ready | StepState::Locked) => true,
        _ => false,
    };
    if starts {
        step.clear();
    }
    let same = step.state == state;
    // Who scrolls on during a wait is not taken back at every second.
    let waits_on = matches!((&step.state, &state), (StepState::Waiting(_), StepState::Waiting(_)));
    step.version += 1;
    step.state = state.clone();
    match state {
        StepState::Ready if !same && id.lesson == model.lesson && model.running().is_none() => {
            let before = model.selected.and_then(|before| model.steps.get(&before));
            if before.is_none_or(|before| before.state.has_passed() || before.state == StepState::Locked) {
                model.selected = Some(id);
            }
        }
        StepState::Failed(_) if id.lesson == model.lesson => {
            model.selected = Some(id);
            model.reveal = Some(Reveal::End(id));
        }
        _ if waits_on => {}
        _ => follow(model, id),
    }
}

/// Keeps the end of a running step in view while it is the marked one.
fn follow(model: &mut Model, id: StepId) {
    let goes_on = |step: &StepView| step.is_running() || matches!(step.state, StepState::Waiting(_));
    if model.steps.get(&id).is_some_and(goes_on) && model.selected == Some(id) && id.lesson == model.lesson {
        model.reveal = Some(Reveal::End(id));
    }
}
