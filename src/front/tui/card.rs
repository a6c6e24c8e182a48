//! A step on the page: its commands, where it stands, what it printed, and how that compares.

use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::highlight;
use super::model::{Output, StepView};
use super::theme::{Theme, cause_words, sign, words};
use super::wrap::{self, Run};
use crate::compare::Outcome;
use crate::lesson::{Expected, Step};
use crate::session::{Cause, CommandReport, StepState, plain};
use crate::tools::StdStream;

/// How many lines of output a step shows that is done; `d` shows all.
const SHORT: usize = 16;

/// Draws a step as lines of at most `width` columns.
pub fn card(
    step: &Step,
    view: &StepView,
    number: usize,
    selected: bool,
    width: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let mut card = Card { width, theme, border: border(view, selected, theme), lines: Vec::new() };
    card.title(step, view, number, selected);
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

struct Card {
    width: usize,
    theme: Theme,
    border: Style,
    lines: Vec<Line<'static>>,
}

impl Card {
    fn title(&mut self, step: &Step, view: &StepView, number: usize, selected: bool) {
        let mark = if selected { "┏" } else { "┌" };
        let name =
            format!("{mark}━ {} Step {number} ", sign(&view.state)).replace('━', if selected { "━" } else { "─" });
        let mut state = words(&view.state);
        if view.state == StepState::Ready && !selected {
            state = "ready".into();
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
        self.lines.extend(wrap::cut(runs, self.width, &first, &rest));
    }

    fn text(&mut self, text: &str, style: Style, indent: usize) {
        let first = [self.bar(), (" ".repeat(indent), Style::new())];
        self.lines.extend(wrap::words(&[(text.to_owned(), style)], self.width, &first, &first));
    }

    fn command(&mut self, text: &str) {
        for (at, mut runs) in highlight::lines(text, "bash", self.theme).into_iter().enumerate() {
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

    fn streaming(&mut self, output: &Output) {
        if output.dropped > 0 {
            self.text(&format!("… {} bytes before this are not shown", output.dropped), self.theme.quiet(), 0);
        }
        for line in styled_lines(&output.text, self.theme) {
            self.line(&line, 0);
        }
    }

    fn result(&mut self, report: &CommandReport, output: Option<&Output>, view: &StepView) {
        let failed = matches!(view.state, StepState::Failed(_));
        // The output as it came has both streams in order; a resumed session has the report alone.
        let text = match output {
            Some(output) if output.dropped == 0 => output.text.clone(),
            _ => vec![
                (StdStream::Stdout, plain(report.stdout.as_bytes())),
                (StdStream::Stderr, plain(report.stderr.as_bytes())),
            ],
        };
        let lines = styled_lines(&text, self.theme);
        let all = view.details || failed || lines.len() <= SHORT + 4;
        let shown = if all { lines.len() } else { SHORT };
        for line in lines.iter().take(shown) {
            self.line(line, 0);
        }
        if shown < lines.len() {
            self.text(&format!("… {} more lines (d shows them)", lines.len() - shown), self.theme.quiet(), 0);
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
                let hint = if view.details { "" } else { " (d shows them)" };
                self.text(&format!("✓ the output matches, {differences}{hint}"), self.theme.good(), 0);
                if view.details {
                    for accepted in &comparison.accepted {
                        let text = format!(
                            "≈ {} for {}: {}",
                            one_line(&accepted.actual),
                            one_line(&accepted.expected),
                            accepted.reason
                        );
                        self.text(&text, self.theme.quiet(), 2);
                    }
                }
            }
            Outcome::Mismatch => {
                self.text("✗ the output is not what the page shows:", self.theme.bad(), 0);
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
                let lines = styled_lines(&output.text, self.theme);
                let from = if view.details { 0 } else { lines.len().saturating_sub(SHORT) };
                for line in lines.iter().skip(from) {
                    self.line(line, 2);
                }
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
        let StepState::Failed(cause) = view.state else { return };
        let (theme, words) = (self.theme, cause_words(cause));
        self.text(&format!("✗ {words}"), theme.bad(), 0);
        let next = match cause {
            Cause::Cancelled => "Enter runs the step again.",
            _ => "Enter runs the step again from where it began; d shows all that it did.",
        };
        self.text(next, theme.quiet(), 0);
    }

    fn foot(&mut self) {
        let dashes = "─".repeat(self.width.saturating_sub(1).min(8));
        self.lines.extend(wrap::cut(&[(format!("└{dashes}"), self.border)], self.width, &[], &[]));
    }
}

/// Output as lines, standard error apart by its style.
fn styled_lines(pieces: &[(StdStream, String)], theme: Theme) -> Vec<Vec<Run>> {
    let mut lines: Vec<Vec<Run>> = Vec::new();
    let mut open = false;
    for (stream, text) in pieces {
        let style = match stream {
            StdStream::Stdout => Style::new(),
            StdStream::Stderr => theme.busy().remove_modifier(Modifier::BOLD),
        };
        for line in text.split_inclusive('\n') {
            let run = (line.trim_end_matches('\n').to_owned(), style);
            match lines.last_mut() {
                Some(last) if open => last.push(run),
                _ => lines.push(vec![run]),
            }
            open = !line.ends_with('\n');
        }
    }
    lines
}

fn one_line(text: &str) -> String {
    let text = plain(text.as_bytes());
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    if lines.next().is_some() { format!("{first} …") } else { first }
}
