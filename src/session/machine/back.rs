//! Going back to before a step.

use std::time::Duration;

use super::{Effect, Machine, Stage};
use crate::lesson::StepId;
use crate::session::model::{Cause, Event, StepState};

impl Machine {
    pub(super) fn undo(&mut self, id: StepId, effects: &mut Vec<Effect>) {
        let refusal = if self.active.is_some() {
            Some("A step is running: cancel it before going back.")
        } else if self.trying {
            Some("A command is running at the prompt: cancel it before going back.")
        } else if self.rules.live {
            Some("What was done in a live account cannot be undone from here.")
        } else if !self.before.contains_key(&id) {
            Some("This step has not been run: there is nothing to go back to.")
        } else {
            None
        };
        match refusal {
            Some(text) => effects.push(Effect::Emit(Event::Refused { text: text.to_owned() })),
            // Of two that come at once the second counts.
            None => {
                self.end_wait(effects);
                self.queue.clear();
                self.going_back = true;
                effects.push(Effect::Restore(id));
            }
        }
    }

    pub(super) fn restored(&mut self, at: Duration, id: StepId, effects: &mut Vec<Effect>) {
        if let Some(active) = &self.active
            && active.stage == Stage::Restoring
        {
            if active.cancelled {
                self.fail(at, Cause::Cancelled, effects);
                return;
            }
            self.active = None;
            self.begin(at, id, effects);
            return;
        }
        self.going_back = false;
        let Some(bindings) = self.before.get(&id).cloned() else { return };
        self.forget_suites(id);
        self.reports.remove(&id);
        self.built_on.remove(&id);
        for other in self.begun_after(id) {
            let first = !self.executed().any(|earlier| earlier.lesson == other.lesson && earlier < other);
            let open = first || self.rules.unlocked;
            // Of the steps of another page the one begun first is looked at last.
            self.bindings[other.lesson] = self.before.remove(&other).filter(|_| open).unwrap_or_default();
            self.began.remove(&other);
            self.built_on.remove(&other);
            self.reports.remove(&other);
            self.set(other, if open { StepState::Ready } else { StepState::Locked }, effects);
        }
        self.bindings[id.lesson] = bindings;
        // The last to be told: who waits for it knows then where all steps stand.
        self.set(id, StepState::Ready, effects);
        effects.push(Effect::Save);
    }

    pub(super) fn not_restored(&mut self, id: StepId, why: &str, effects: &mut Vec<Effect>) {
        self.queue.clear();
        self.going_back = false;
        if self.active.take_if(|active| active.stage == Stage::Restoring).is_some() {
            // It stands where it stood before another try of it was asked for.
            let report = self.reports.get(&id).cloned();
            let cause = report.as_ref().and_then(|report| report.cause).unwrap_or(Cause::Cancelled);
            effects.extend(report.map(|report| Effect::Emit(Event::StepDone { id, report })));
            self.set(id, StepState::Failed(cause), effects);
        }
        let text = format!(
            "It could not be brought back to before the step ({why}); nothing has changed. Make room, and try again."
        );
        effects.push(Effect::Emit(Event::Refused { text }));
    }
}
