//! A step's output by itself: all that is kept of it, to scroll and to follow.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Borders, Clear, Paragraph};

use super::{framed, mark_found};
use crate::front::tui::model::{Model, StepView};
use crate::front::tui::theme::{Role, Theme, sign, words};
use crate::front::tui::wrap::{fit, fold};
use crate::lesson::Step;
use crate::session::plain;
use crate::tools::StdStream;

/// The lines of a step's output: each command, and what it printed.
pub(crate) struct Whole<'a> {
    step: &'a Step,
    view: &'a StepView,
}

impl<'a> Whole<'a> {
    pub(crate) fn of(step: &'a Step, view: &'a StepView) -> Self {
        Self { step, view }
    }

    fn commands(&self) -> impl Iterator<Item = usize> + '_ {
        let begun = |at: &usize| self.view.output.contains_key(at) || self.view.commands.contains_key(at);
        (0..self.step.commands.len()).filter(begun)
    }

    pub(crate) fn len(&self) -> usize {
        self.commands().map(|at| 1 + self.view.output.get(&at).map_or(0, |output| output.len())).sum()
    }

    /// A line, and what it is: none for a command.
    pub(crate) fn line(&self, mut number: usize) -> Option<(Option<StdStream>, &'a str)> {
        for at in self.commands() {
            if number == 0 {
                return Some((None, self.step.commands[at].text.lines().next().unwrap_or_default()));
            }
            number -= 1;
            if let Some(output) = self.view.output.get(&at) {
                if let Some((stream, line)) = output.line(number) {
                    return Some((Some(stream), line));
                }
                number -= output.len();
            }
        }
        None
    }
}

/// The rows that are to be seen of `len` lines, which `set` breaks into rows: from a line on, or the last ones.
pub(super) fn window(
    len: usize,
    top: Option<usize>,
    rows: usize,
    set: impl Fn(usize) -> Vec<Line<'static>>,
) -> Vec<Line<'static>> {
    if let Some(top) = top {
        return (top..len).flat_map(set).take(rows).collect();
    }
    let mut lines: VecDeque<Line<'static>> = VecDeque::new();
    for at in (0..len).rev() {
        set(at).into_iter().rev().for_each(|line| lines.push_front(line));
        if lines.len() >= rows {
            break;
        }
    }
    let surplus = lines.len().saturating_sub(rows);
    lines.into_iter().skip(surplus).collect()
}

pub(super) fn pane(frame: &mut Frame<'_>, area: Rect, model: &mut Model, theme: Theme, borders: Borders) {
    let Some(id) = model.looked_at() else {
        let block = framed(borders, theme, false).title(" Output ");
        let text = Line::styled(" What a step prints is shown here.", theme.quiet());
        frame.render_widget(Paragraph::new(text).block(block), area);
        return;
    };
    let (Some(step), Some(view)) = (model.course.step(id), model.steps.get(&id)) else { return };
    let number = model.page_steps().position(|(other, _)| other == id).map_or(0, |at| at + 1);
    let whole = Whole::of(step, view);
    let follows = model.output_top.is_none();
    let dropped: usize = view.output.values().map(|output| output.dropped.0).sum();
    let mut title = format!(" Step {number} {} {}", sign(&view.state), words(&view.state));
    if dropped > 0 {
        title.push_str(&format!(", {dropped} lines before are gone"));
    }
    if model.output && !follows {
        title.push_str(&format!(", line {}/{}", model.output_top.unwrap_or(0) + 1, whole.len()));
    }
    title.push(' ');
    frame.render_widget(Clear, area);
    let [head, inner] = if borders == Borders::NONE || borders == Borders::LEFT {
        let block = framed(borders, theme, model.output);
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let [head, inner] = ratatui::layout::Layout::vertical([
            ratatui::layout::Constraint::Length(1),
            ratatui::layout::Constraint::Min(0),
        ])
        .areas(inner);
        [Some(head), Some(inner)]
    } else {
        let block = framed(borders, theme, model.output).title(fit(&title, usize::from(area.width)));
        let inner = block.inner(area);
        frame.render_widget(block, area);
        [None, Some(inner)]
    };
    if let Some(head) = head {
        let text = fit(&title, usize::from(head.width));
        let style = if model.output { theme.ready() } else { theme.quiet() };
        frame.render_widget(Paragraph::new(Line::styled(text, style)), head);
    }
    let Some(inner) = inner.filter(|inner| inner.width > 0 && inner.height > 0) else { return };
    let (width, rows) = (usize::from(inner.width), usize::from(inner.height));
    let set = |at: usize| -> Vec<Line<'static>> {
        let Some((stream, text)) = whole.line(at) else { return Vec::new() };
        let style = match stream {
            None => theme.style(Role::Function).add_modifier(Modifier::BOLD),
            Some(StdStream::Stdout) => Style::new(),
            Some(StdStream::Stderr) => theme.style(Role::ErrorOutput),
        };
        let text = if stream.is_none() { format!("$ {}", plain(text.as_bytes())) } else { text.to_owned() };
        let mut lines = fold(&[(text, style)], width, &[], &[]);
        if !model.search.is_empty() {
            lines.iter_mut().for_each(|line| mark_found(line, &model.search, theme.style(Role::Found)));
        }
        lines
    };
    let len = whole.len();
    let lines = window(len, model.output_top, rows, set);
    model.laid.output = (len, rows);
    frame.render_widget(Paragraph::new(lines), inner);
}
