//! What the learner tries at the prompt: it runs in the lesson's shell, its effects last, and it counts for no step.

use std::time::Duration;

use super::{Effect, Machine, TryEnd};
use crate::lesson::Annotations;
use crate::session::model::{Cause, Completions, Event, StepState, TryReport};
use crate::shell::Ended;

impl Machine {
    /// Runs a command, unless something runs already. A wait behind a step is no reason to wait here.
    pub(super) fn begin_try(&mut self, script: String, effects: &mut Vec<Effect>) {
        if let Some(busy) = self.occupied() {
            let text = format!("{busy}: wait for it, or cancel it.");
            effects.push(Effect::Emit(Event::Refused { text }));
            return;
        }
        self.trying = true;
        let limit = self.rules.timeout.unwrap_or(Duration::from_secs(Annotations::default().timeout));
        effects.push(Effect::Emit(Event::TryBegun { command: script.clone() }));
        effects.push(Effect::Try { script, limit });
    }

    /// The command has ended: its effects are kept.
    pub(super) fn try_ended(&mut self, end: TryEnd, effects: &mut Vec<Effect>) {
        if !std::mem::take(&mut self.trying) {
            return;
        }
        let TryEnd { status, ended, calls, unknown, changed } = end;
        if changed {
            let failed = |id: &_| matches!(self.state(*id), Some(StepState::Failed(_) | StepState::Unfinished));
            let failed: Vec<_> = self.executed().filter(failed).collect();
            self.built_on.extend(failed);
        }
        let cause = match ended {
            Ended::Exited => None,
            Ended::TimeLimit => Some(Cause::TimeLimit),
            Ended::Cancelled => Some(Cause::Cancelled),
            Ended::Fault => Some(Cause::Fault),
        };
        let report = TryReport { exit_status: i32::from(status), cause, calls };
        effects.push(Effect::Emit(Event::TryDone { report }));
        effects.extend(unknown.iter().map(|name| super::step::no_tool(name)));
        effects.push(Effect::Save);
    }

    /// Asks what a word could be; while something runs nothing can be asked.
    pub(super) fn complete(&mut self, number: u64, line: String, at: usize, effects: &mut Vec<Effect>) {
        effects.push(match self.occupied() {
            None => Effect::Complete { number, line, at },
            Some(_) => Effect::Emit(Event::Completions { number, completions: Completions::default() }),
        });
    }
}
