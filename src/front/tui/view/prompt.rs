//! The prompt: what was tried, what the word at the cursor could be, and the line that is typed.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Borders, Clear, Paragraph};

use super::framed;
use super::pane::window;
use crate::front::tui::highlight;
use crate::front::tui::model::Model;
use crate::front::tui::prompt::{Menu, Prompt, Tried};
use crate::front::tui::theme::{Role, Theme};
use crate::front::tui::wrap::{Run, columns, cut, fit, fold};
use crate::tools::StdStream;

/// The prompt's sign, and the one of its further lines.
const SIGNS: [&str; 2] = ["$ ", "> "];

pub(super) fn prompt(frame: &mut Frame<'_>, area: Rect, model: &mut Model, theme: Theme, borders: Borders) {
    let block =
        framed(borders, theme, true).title(fit(" Try it yourself: it counts for no step ", usize::from(area.width)));
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    if inner.width == 0 || inner.height == 0 {
        return;
    }
    let (width, height) = (usize::from(inner.width), usize::from(inner.height));
    let (line, cursor) = typed(&model.prompt, width, theme);
    let high = line.len().min(height);
    let menu = model.prompt.menu.as_ref().map(|menu| listed(menu, width, height.saturating_sub(high) / 2, theme));
    let menu = menu.unwrap_or_default();
    // The line follows what was printed; only when that fills the place it stands at its bottom.
    let rows = height - high - menu.len();
    let len = model.prompt.len();
    let shown = window(len, model.prompt.top, rows, |at| set(&model.prompt, at, width, theme));
    model.prompt.laid = (len, rows);
    let [above, below, list, _] = Layout::vertical([
        Constraint::Length(shown.len() as u16),
        Constraint::Length(high as u16),
        Constraint::Length(menu.len() as u16),
        Constraint::Min(0),
    ])
    .areas(inner);
    frame.render_widget(Paragraph::new(shown), above);
    // The cursor's row is to be seen, whatever else is.
    let from = (cursor.1 + 1).saturating_sub(high);
    frame.render_widget(Paragraph::new(line.into_iter().skip(from).collect::<Vec<_>>()), below);
    frame.render_widget(Paragraph::new(menu), list);
    let (x, y) = (cursor.0.min(width - 1) as u16, (cursor.1 - from) as u16);
    if below.height > 0 && model.has_prompt_keys() {
        frame.set_cursor_position(Position { x: below.x + x, y: below.y + y });
    }
}

/// A line of what was tried, as rows.
fn set(prompt: &Prompt, mut at: usize, width: usize, theme: Theme) -> Vec<Line<'static>> {
    for tried in &prompt.tries {
        if at < tried.len() {
            return tried_line(tried, at, width, theme);
        }
        at -= tried.len();
    }
    Vec::new()
}

fn tried_line(tried: &Tried, at: usize, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let commands = tried.command.lines().count().max(1);
    if at < commands {
        let text = tried.command.lines().nth(at).unwrap_or_default();
        let style = theme.style(Role::Function).add_modifier(Modifier::BOLD);
        let sign = (SIGNS[usize::from(at > 0)].to_owned(), theme.quiet());
        return cut(&[(text.to_owned(), style)], width, &[sign], &[("  ".to_owned(), Style::new())]);
    }
    match tried.output.line(at - commands) {
        Some((stream, text)) => {
            let style = if stream == StdStream::Stderr { theme.style(Role::ErrorOutput) } else { Style::new() };
            fold(&[(text.to_owned(), style)], width, &[], &[])
        }
        None => cut(&[(tried.ending().unwrap_or_default(), theme.bad())], width, &[], &[]),
    }
}

/// The line that is typed as rows, and where the cursor is: its column and row.
fn typed(prompt: &Prompt, width: usize, theme: Theme) -> (Vec<Line<'static>>, (usize, usize)) {
    if let Some((text, found)) = &prompt.search {
        let command = found.and_then(|at| prompt.history.get(at)).map_or("", String::as_str);
        let what = if found.is_none() && !text.is_empty() { "not found" } else { "search" };
        let ahead = format!("({what}) {text}");
        let mut rows = cut(&[(ahead.clone(), theme.ready()), (": ".to_owned(), theme.quiet())], width, &[], &[]);
        let cursor = place(&[(ahead, Style::new())], width, &[]);
        rows.extend(command.lines().flat_map(|line| cut(&[(line.to_owned(), Style::new())], width, &[], &[])));
        return (rows, cursor);
    }
    let editor = &prompt.editor;
    let (mut rows, mut cursor) = (Vec::new(), (0, 0));
    let mut coloured = highlight::lines(editor.text(), "bash", theme).into_iter();
    let mut at = 0;
    for (number, line) in editor.text().split('\n').enumerate() {
        let mut runs = coloured.next().unwrap_or_default();
        let sign = [(SIGNS[usize::from(number > 0)].to_owned(), theme.ready())];
        if (at..=at + line.len()).contains(&editor.at()) {
            let ahead = line.get(..editor.at() - at).unwrap_or_default();
            let (x, y) = place(&[(ahead.to_owned(), Style::new())], width, &sign);
            cursor = (x, rows.len() + y);
            // Behind the last column the cursor has a row of its own.
            if x == 0 && y > 0 && ahead.len() == line.len() {
                runs.push((" ".to_owned(), Style::new()));
            }
        }
        rows.extend(cut(&runs, width, &sign, &[]));
        at += line.len() + 1;
    }
    (rows, cursor)
}

/// Where the next letter behind a text would stand.
fn place(runs: &[Run], width: usize, first: &[Run]) -> (usize, usize) {
    let rows = cut(runs, width, first, &[]);
    let column = rows.last().map_or(0, Line::width);
    let row = rows.len().saturating_sub(1);
    if column >= width { (0, row + 1) } else { (column, row) }
}

/// The menu's words in columns; of too many those around the chosen one.
fn listed(menu: &Menu, width: usize, most: usize, theme: Theme) -> Vec<Line<'static>> {
    if most == 0 {
        return Vec::new();
    }
    let widest = menu.words.iter().map(|word| columns(word)).max().unwrap_or(0).min(width.saturating_sub(2)) + 2;
    let across = (width / widest).max(1);
    let all = menu.words.len().div_ceil(across);
    let rows = if all > most { most.saturating_sub(1).max(1) } else { all };
    let from = menu.chosen.map_or(0, |at| (at / across + 1).saturating_sub(rows));
    let mut lines: Vec<Line<'static>> = (from..all.min(from + rows))
        .map(|row| {
            let words = menu.words.iter().enumerate().skip(row * across).take(across);
            Line::from(
                words
                    .map(|(at, word)| {
                        let shown = fit(word, widest - 2);
                        let gap = " ".repeat(widest - columns(&shown));
                        let style = if menu.chosen == Some(at) { theme.style(Role::Selected) } else { theme.quiet() };
                        [Span::styled(shown, style), Span::raw(gap)]
                    })
                    .collect::<Vec<_>>()
                    .concat(),
            )
        })
        .collect();
    if rows < all && most > 1 {
        let text = format!("{} of {}; Tab goes on", menu.chosen.map_or(0, |at| at + 1), menu.words.len());
        lines.push(Line::styled(fit(&text, width), theme.quiet()));
    }
    lines
}
