//! A step on the page: its commands, where it stands, what it printed, and how that compares.

use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::highlight;
use super::keys::{Action, KeyMap};
use super::model::{Difference, StepView};
use super::output::Output;
use super::theme::{Role, Theme, sign, words};
use super::wrap::{self, Run};
use crate::compare::Outcome;
use crate::lesson::{Expected, Step};
use crate::session::{Cause, CommandReport, StepState, plain};
use crate::tools::StdStream;

/// How many lines of output a step shows that is done; `d` shows all.
const SHORT: usize = 16;

/// The same where the output stands beside the page.
const BRIEF: usize = 4;

/// How a card is to look.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The step's number on its page, from 1.
    pub number: usize,
    /// Whether it is the marked one.
    pub selected: bool,
    /// Whether the session has said yet where steps stand.
    pub started: bool,
    /// Whether its output stands elsewhere too, so that little of it is needed here.
    pub brief: bool,
    /// How two outputs that differ are shown.
    pub difference: Difference,
    /// The keys, for the hints.
    pub keys: &'a KeyMap,
    /// The styles.
    pub theme: Theme,
}

/// Draws a step as lines of at most `width` columns.
pub fn card(step: &Step, view: &StepView, width: usize, look: Look<'_>) -> Vec<Line<'static>> {
    let border = border(view, look.selected, look.theme);
    let mut card = Card { width, theme: look.theme, border, look, lines: Vec::new() };
    card.title(step, view);
    card.environment(step, view);
    for (at, command) in step.commands.iter().enumerate() {
        card.command(&command.text);
        let done = view.commands.get(&at);
        match (done, view.output.get(&at)) {
            (Some(report), output) => card.result(report, output, view),
            (None, Some(output)) => card.streaming(output),
            (None, None) if !view.is_running() => card.expected(&command.expected),
            (None, None) => {}
        }
    }
    card.hooks(view);
    card.ending(view);
    card.foot();
    card.lines
}

fn border(view: &StepView, selected: bool, theme: Theme) -> Style {
    let style = theme.step(&view.state);
    if selected { style.add_modifier(Modifier::BOLD) } else { style.remove_modifier(Modifier::BOLD) }
}

struct Card<'a> {
    width: usize,
    look: Look<'a>,
    theme: Theme,
    border: Style,
    lines: Vec<Line<'static>>,
}

impl Card<'_> {
    fn title(&mut self, step: &Step, view: &StepView) {
        let (number, selected) = (self.look.number, self.look.selected);
        let mark = if selected { "┏" } else { "┌" };
        let name =
            format!("{mark}━ {} Step {number} ", sign(&view.state)).replace('━', if selected { "━" } else { "─" });
        let mut state = words(&view.state);
        if view.state == StepState::Ready && !selected {
            state = "ready".into();
        }
        if view.state == StepState::Locked && !self.look.started {
            state = "starting".into();
        }
        if let (StepState::Passed, Some(report)) = (&view.state, &view.report)
            && report.ms >= 1000
        {
            state.push_str(&format!(" in {} s", report.ms / 1000));
        }
        let annotations = &step.annotations;
        let mut notes = Vec::new();
        if annotations.expect_error && !view.is_running() && view.report.is_none() {
            notes.push("an error is expected here".to_owned());
        }
        if annotations.wait > 0 && view.report.is_none() && !view.is_running() {
            notes.push(format!("then waits {} s", annotations.wait));
        }
        let mut text = state;
        for note in notes {
            text.push_str(", ");
            text.push_str(&note);
        }
        let title: Vec<Run> = vec![(name, self.border), (text, self.theme.step(&view.state))];
        let bar = if selected { "┃ " } else { "│ " };
        self.lines.extend(wrap::words(&title, self.width, &[], &[(bar.into(), self.border)]));
    }

    fn bar(&self) -> Run {
        ("│ ".to_owned(), self.border)
    }

    fn line(&mut self, runs: &[Run], indent: usize) {
        let first = [self.bar(), (" ".repeat(indent), Style::new())];
        let rest = [self.bar(), (" ".repeat(indent + 2), Style::new())];
        self.lines.extend(wrap::fold(runs, self.width, &first, &rest));
    }

    fn text(&mut self, text: &str, style: Style, indent: usize) {
        let first = [self.bar(), (" ".repeat(indent), Style::new())];
        self.lines.extend(wrap::words(&[(text.to_owned(), style)], self.width, &first, &first));
    }

    fn command(&mut self, text: &str) {
        let text = plain(text.as_bytes());
        for (at, mut runs) in highlight::lines(&text, "bash", self.theme).into_iter().enumerate() {
            let prompt = if at == 0 { "$ " } else { "  " };
            runs.insert(0, (prompt.to_owned(), self.theme.quiet()));
            let rest = [self.bar(), ("    ".to_owned(), Style::new())];
            self.lines.extend(wrap::fold(&runs, self.width, &[self.bar()], &rest));
        }
    }

    /// What the page says that will come, before the step has run.
    fn expected(&mut self, expected: &Expected) {
        if let Some(text) = expected.text() {
            self.text("should print:", self.theme.quiet().add_modifier(Modifier::ITALIC), 0);
            for line in text.lines() {
                self.line(&[(plain(line.as_bytes()), self.theme.quiet())], 0);
            }
        }
    }

    /// The variables that the commands use, before they run.
    fn environment(&mut self, step: &Step, view: &StepView) {
        let names = variables(&step.commands.iter().map(|command| command.text.as_str()).collect::<Vec<_>>());
        if !names.is_empty() && (view.details || !view.has_run()) {
            self.text(&format!("uses {}", names.join(", ")), self.theme.quiet(), 0);
        }
    }

    fn output(&mut self, output: &Output, from: usize, most: usize) {
        for (stream, line) in output.from(from).take(most) {
            let style = match stream {
                StdStream::Stdout => Style::new(),
                StdStream::Stderr => self.theme.style(Role::ErrorOutput),
            };
            self.line(&[(line.to_owned(), style)], 0);
        }
    }

    fn streaming(&mut self, output: &Output) {
        let most = if self.look.brief { BRIEF } else { SHORT };
        let from = output.len().saturating_sub(most);
        if from + output.dropped.0 > 0 {
            self.more(from + output.dropped.0, "above");
        }
        self.output(output, from, most);
    }

    fn more(&mut self, count: usize, place: &str) {
        let key = self.look.keys.hint(Action::Output);
        let lines = if count == 1 { "1 line".to_owned() } else { format!("{count} lines") };
        self.text(&format!("… {lines} {place} ({key} shows all)"), self.theme.quiet(), 0);
    }

    fn result(&mut self, report: &CommandReport, output: Option<&Output>, view: &StepView) {
        let failed = matches!(view.state, StepState::Failed(_));
        if let Some(output) = output {
            let whole = match (view.details, self.look.brief, failed) {
                (true, ..) => 400,
                (_, true, _) => BRIEF,
                (_, false, true) => 60,
                _ => SHORT,
            };
            let all = output.len() <= whole + 4 && output.dropped.0 == 0;
            if all {
                self.output(output, 0, usize::MAX);
            } else if failed {
                // What went wrong stands at the end, mostly.
                let from = output.len().saturating_sub(whole);
                self.more(from + output.dropped.0, "above");
                self.output(output, from, whole);
            } else {
                self.output(output, 0, whole);
                self.more(output.len() - whole.min(output.len()), "more");
            }
        }
        self.comparison(report, view);
        if view.details {
            for call in &report.calls {
                let text = format!("call: {} {} -> {} in {} ms", call.service, call.operation, call.status, call.ms);
                self.text(&text, self.theme.quiet(), 0);
            }
        }
    }

    fn comparison(&mut self, report: &CommandReport, view: &StepView) {
        let comparison = &report.comparison;
        match comparison.verdict {
            Outcome::Unchecked => {
                if report.exit_status != 0 {
                    self.text(&format!("exit status {}", report.exit_status), self.theme.bad(), 0);
                }
            }
            Outcome::Match if comparison.accepted.is_empty() => {
                self.text("✓ the output is what the page shows", self.theme.good(), 0);
            }
            Outcome::Match => {
                let count = comparison.accepted.len();
                let differences = if count == 1 {
                    "1 accepted difference".to_owned()
                } else {
                    format!("{count} accepted differences")
                };
                let hint = if view.details {
                    String::new()
                } else {
                    format!(" ({} shows them)", self.look.keys.hint(Action::Details))
                };
                self.text(&format!("✓ the output matches, {differences}{hint}"), self.theme.good(), 0);
                if view.details {
                    for accepted in &comparison.accepted {
                        // Whole objects may differ: their beginnings tell which.
                        let shown = |text: &str| wrap::fit(&one_line(text), self.width);
                        let text = match (accepted.actual.as_str(), accepted.expected.as_str()) {
                            (actual, "") => format!("≈ {}: {}", shown(actual), accepted.reason),
                            ("", expected) => format!("≈ no {}: {}", shown(expected), accepted.reason),
                            (actual, expected) => {
                                format!("≈ {} for {}: {}", shown(actual), shown(expected), accepted.reason)
                            }
                        };
                        self.text(&text, self.theme.quiet(), 2);
                    }
                }
            }
            Outcome::Mismatch => {
                self.text("✗ the output is not what the page shows:", self.theme.bad(), 0);
                let rules = ["the places", "both, line by line", "side by side"];
                let at = self.look.difference as usize;
                let key = self.look.keys.hint(Action::Diff);
                self.text(&format!("{} ({key}: {})", rules[at], rules[(at + 1) % 3]), self.theme.quiet(), 2);
                if self.look.difference != Difference::Places {
                    let side_by_side = self.look.difference == Difference::SideBySide;
                    let width = self.width.saturating_sub(4);
                    for line in super::difference::lines(report, side_by_side, width, self.theme) {
                        self.line(&line, 2);
                    }
                    return;
                }
                for rejected in &comparison.rejected {
                    let mut place = format!("at {}", plain(rejected.place.as_bytes()));
                    if !rejected.reason.is_empty() {
                        place.push_str(": ");
                        place.push_str(&plain(rejected.reason.as_bytes()));
                    }
                    self.text(&place, Style::new(), 2);
                    for (label, text) in [("expected ", &rejected.expected), ("got      ", &rejected.actual)] {
                        let shown = if text.is_empty() { "nothing".to_owned() } else { plain(text.as_bytes()) };
                        for (at, line) in shown.lines().enumerate() {
                            let label = if at == 0 { label } else { "         " };
                            let style = if label.starts_with('g') { self.theme.bad() } else { self.theme.good() };
                            self.line(&[(label.to_owned(), self.theme.quiet()), (line.to_owned(), style)], 4);
                        }
                    }
                }
            }
        }
    }

    fn hooks(&mut self, view: &StepView) {
        for (phase, output) in &view.hooks {
            let running = matches!(view.state, StepState::Hook(of) if of.as_str() == *phase);
            if running || view.details {
                self.text(&format!("hook, {phase}:"), self.theme.quiet(), 0);
                let from = if view.details { 0 } else { output.len().saturating_sub(SHORT) };
                self.output(output, from, usize::MAX);
            }
        }
        if view.state != StepState::Failed(Cause::Hook) || view.details {
            return;
        }
        let Some(report) = &view.report else { return };
        for hook in report.hooks.iter().filter(|hook| hook.exit_status != 0) {
            let text = format!("hook {} {}, exit status {}:", hook.name, hook.phase.as_str(), hook.exit_status);
            self.text(&text, self.theme.bad(), 0);
            for line in plain(hook.output.as_bytes()).lines() {
                self.line(&[(line.to_owned(), Style::new())], 2);
            }
        }
    }

    fn ending(&mut self, view: &StepView) {
        let keys = self.look.keys;
        let StepState::Failed(cause) = view.state else {
            if view.state == StepState::Unfinished {
                let run = keys.hint(Action::Run);
                self.text(&format!("It was cut off. {run} runs it again, as it is."), self.theme.quiet(), 0);
            }
            return;
        };
        let advice = view.report.as_ref().and_then(|report| report.advice.as_ref());
        let why = advice.map_or_else(|| cause.words().to_owned(), |advice| plain(advice.why.as_bytes()));
        self.text(&format!("✗ {why}"), self.theme.bad(), 0);
        if let Some(advice) = advice.filter(|_| view.explained) {
            for next in &advice.next {
                self.text(next, Style::new(), 2);
            }
            if !advice.look.is_empty() {
                self.text("To look further:", self.theme.quiet(), 2);
                for command in &advice.look {
                    self.text(&plain(command.as_bytes()), self.theme.style(Role::Code), 4);
                }
            }
        }
        let hints = [
            (Action::Run, "runs it again"),
            (Action::Explain, "helps"),
            (Action::Undo, "undoes"),
            (Action::Reset, "resets the page"),
            (Action::Details, "shows details"),
        ];
        let hints = hints
            .iter()
            .filter(|(action, _)| !view.explained || *action != Action::Explain)
            .map(|(action, what)| format!("{} {what}", keys.hint(*action)));
        self.text(&hints.collect::<Vec<_>>().join(" · "), self.theme.quiet(), 0);
    }

    fn foot(&mut self) {
        let dashes = "─".repeat(self.width.saturating_sub(1).min(8));
        self.lines.extend(wrap::cut(&[(format!("└{dashes}"), self.border)], self.width, &[], &[]));
    }
}

/// The environment variables that commands name, `$NAME` and `${NAME}`, in order, without those that they set themselves.
fn variables(commands: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for command in commands {
        let mut parts = command.split('$');
        parts.next();
        for part in parts {
            let part = part.strip_prefix('{').unwrap_or(part);
            let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let is_name = name.chars().next().is_some_and(|c| c.is_ascii_uppercase() || c == '_');
            let set = commands.iter().any(|command| command.contains(&format!("{name}=")));
            if is_name && !set && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn one_line(text: &str) -> String {
    let text = plain(text.as_bytes());
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    if lines.next().is_some() { format!("{first} …") } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_a_step_uses_are_named_once() {
        let commands = [
            "aws eks list --name $EKS_CLUSTER_NAME",
            "ROLE=x",
            "echo ${ROLE} $ROLE ${AWS_REGION:-x} $1 $(pwd) $EKS_CLUSTER_NAME",
        ];
        assert_eq!(variables(&commands), ["EKS_CLUSTER_NAME", "AWS_REGION"]);
    }
}
