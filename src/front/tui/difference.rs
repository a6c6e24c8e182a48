//! Two outputs line by line: what the page shows, and what came.

use ratatui::style::Style;
use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::theme::{Role, Theme};
use super::wrap::{Run, columns, fit, fold};
use crate::session::{CommandReport, plain};

/// Lines of one output that are compared: more are not looked at by eye.
const MOST: usize = 400;

/// From this many columns on, two outputs stand beside each other.
const BESIDE: usize = 50;

/// The lines of both outputs. Lines that differ only in what was accepted are quiet.
pub fn lines(report: &CommandReport, side_by_side: bool, width: usize, theme: Theme) -> Vec<Vec<Run>> {
    named(report, ["expected", "got"], side_by_side, width, theme)
}

/// The same, where the two outputs have other names.
pub fn named(
    report: &CommandReport,
    names: [&str; 2],
    side_by_side: bool,
    width: usize,
    theme: Theme,
) -> Vec<Vec<Run>> {
    let text = |text: &str| -> Vec<String> {
        plain(text.as_bytes()).lines().take(MOST).map(|line| line.trim_end().replace('\t', "        ")).collect()
    };
    let expected = text(report.expected.as_deref().unwrap_or_default());
    let both = format!("{}{}", report.stdout, report.stderr);
    let actual = text(&both);
    // What was accepted counts as the same.
    let accepted = |line: &String| {
        let mut line = line.clone();
        for accepted in &report.comparison.accepted {
            if !accepted.actual.is_empty() {
                line = line.replace(&accepted.actual, &accepted.expected);
            }
        }
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let bare = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let (left, right): (Vec<_>, Vec<_>) = (expected.iter().map(bare).collect(), actual.iter().map(accepted).collect());
    let mut rows: Vec<(Option<&str>, Option<&str>, bool)> = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, &left, &right) {
        let (old, new) = (&expected[operation.old_range()], &actual[operation.new_range()]);
        let same = operation.tag() == DiffTag::Equal;
        for at in 0..old.len().max(new.len()) {
            rows.push((old.get(at).map(String::as_str), new.get(at).map(String::as_str), same));
        }
    }
    if side_by_side && width >= BESIDE { beside(&rows, names, width, theme) } else { below(&rows, names, theme) }
}

fn below(rows: &[(Option<&str>, Option<&str>, bool)], [old, new]: [&str; 2], theme: Theme) -> Vec<Vec<Run>> {
    let (gone, come) = (theme.style(Role::Deleted), theme.style(Role::Inserted));
    let mut out = vec![vec![(format!("- {old}"), gone), ("   ".to_owned(), Style::new()), (format!("+ {new}"), come)]];
    let mut at = 0;
    while let Some((old, new, same)) = rows.get(at) {
        if *same {
            let mark = if old == new { "  " } else { "≈ " };
            out.push(vec![(format!("{mark}{}", new.unwrap_or_default()), theme.quiet())]);
            at += 1;
            continue;
        }
        let end = rows[at..].iter().position(|row| row.2).map_or(rows.len(), |behind| at + behind);
        let changed = &rows[at..end];
        out.extend(changed.iter().filter_map(|row| row.0).map(|line| vec![(format!("- {line}"), gone)]));
        out.extend(changed.iter().filter_map(|row| row.1).map(|line| vec![(format!("+ {line}"), come)]));
        at = end;
    }
    out
}

fn beside(
    rows: &[(Option<&str>, Option<&str>, bool)],
    [old, new]: [&str; 2],
    width: usize,
    theme: Theme,
) -> Vec<Vec<Run>> {
    let half = width.saturating_sub(3) / 2;
    let padded = |text: &str| format!("{text}{}", " ".repeat(half.saturating_sub(columns(text))));
    let mut out = vec![vec![
        (padded(&fit(old, half)), theme.quiet()),
        (" │ ".to_owned(), theme.quiet()),
        (fit(new, half), theme.quiet()),
    ]];
    let folded = |text: &str| -> Vec<String> {
        fold(&[(text.to_owned(), Style::new())], half, &[], &[]).iter().map(ToString::to_string).collect()
    };
    for (old, new, same) in rows {
        let (old, new) = (folded(old.unwrap_or_default()), folded(new.unwrap_or_default()));
        let (left, right) = if *same {
            (theme.quiet(), theme.quiet())
        } else {
            (theme.style(Role::Deleted), theme.style(Role::Inserted))
        };
        for at in 0..old.len().max(new.len()) {
            let part = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
            let middle = match (same, old == new) {
                (true, true) => " │ ",
                (true, false) => " ≈ ",
                _ => " ≠ ",
            };
            out.push(vec![(padded(&part(&old)), left), (middle.to_owned(), theme.quiet()), (part(&new), right)]);
        }
    }
    out
}
