//! Tables in prose, in columns as wide as they need and the screen allows.

use ratatui::style::{Modifier, Style};

use super::theme::Theme;
use super::wrap::{Run, columns, fit};
use crate::lesson::blocks::{Alignment, Runs};
use crate::session::plain;

/// The lines of a table of at most `width` columns. Cells that do not fit are set below each other, a row at a time.
pub fn lines(alignments: &[Alignment], head: &[Runs], rows: &[Vec<Runs>], width: usize, theme: Theme) -> Vec<Vec<Run>> {
    let head: Vec<String> = head.iter().map(text).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(text).collect()).collect();
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let count = rows.iter().map(Vec::len).chain([head.len()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|at| rows.iter().chain([&head]).filter_map(|row| row.get(at)).map(|cell| columns(cell)).max().unwrap_or(0))
        .collect();
    if widths.iter().sum::<usize>() + 2 * count.saturating_sub(1) > width {
        return stacked(&head, &rows, width, bold);
    }
    let row = |cells: &[String], style: Style| -> Vec<Run> {
        let mut line = String::new();
        for (at, wide) in widths.iter().enumerate() {
            let cell = cells.get(at).map_or("", String::as_str);
            let space = wide.saturating_sub(columns(cell));
            let (left, right) = match alignments.get(at) {
                Some(Alignment::Right) => (space, 0),
                Some(Alignment::Center) => (space / 2, space - space / 2),
                _ => (0, space),
            };
            line.push_str(&" ".repeat(left));
            line.push_str(cell);
            line.push_str(&" ".repeat(right + 2));
        }
        vec![(line.trim_end().to_owned(), style)]
    };
    let rule = widths.iter().map(|wide| "─".repeat(*wide)).collect::<Vec<_>>().join("  ");
    let mut out = vec![row(&head, bold), vec![(rule, theme.quiet())]];
    out.extend(rows.iter().map(|cells| row(cells, Style::new())));
    out
}

/// A cell a line, each behind its column's name.
fn stacked(head: &[String], rows: &[Vec<String>], width: usize, bold: Style) -> Vec<Vec<Run>> {
    let mut out = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        if number > 0 {
            out.push(Vec::new());
        }
        for (at, cell) in row.iter().enumerate() {
            let name = head.get(at).map_or("", String::as_str);
            out.push(vec![(format!("{}: ", fit(name, width / 2)), bold), (cell.clone(), Style::new())]);
        }
    }
    out
}

fn text(cell: &Runs) -> String {
    plain(cell.iter().map(|run| run.text.replace('\n', " ")).collect::<String>().as_bytes())
}
