//! Two outputs line by line: what the page shows, and what came.

use std::collections::BTreeMap;

use ratatui::style::Style;
use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::theme::{Role, Theme};
use super::wrap::{Run, columns, fit, fold};
use crate::compare::Accepted;
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
    let alike = Alike::of(&report.comparison.accepted);
    let bare = |line: &String| alike.bare(line);
    let (left, right): (Vec<_>, Vec<_>) = (expected.iter().map(bare).collect(), actual.iter().map(bare).collect());
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

/// Texts of which some stood in the places of others, and that was accepted: each with the number of its likes. One text may stand for
/// several: two ages of the page are the same age later.
struct Alike<'a>(Vec<(&'a str, usize)>);

impl<'a> Alike<'a> {
    fn of(accepted: &'a [Accepted]) -> Self {
        let mut all: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, one) in accepted.iter().enumerate().filter(|(_, one)| !one.expected.is_empty()) {
            let (old, new) = (one.expected.as_str(), one.actual.as_str());
            let (before, behind) = (all.get(old).copied(), all.get(new).copied());
            let of = before.or(behind).unwrap_or(number);
            // What were two kinds so far is one.
            all.values_mut().filter(|other| Some(**other) == behind).for_each(|other| *other = of);
            all.insert(old, of);
            all.insert(new, of);
        }
        let mut all: Vec<_> = all.into_iter().filter(|(text, _)| !text.is_empty()).collect();
        all.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        Self(all)
    }

    /// A line with the likes of each text in its place, and one blank where there are several.
    fn bare(&self, line: &str) -> String {
        /// Shorter texts are parts of too many others.
        const A_PART: usize = 4;
        let mut line = line.to_owned();
        for (text, of) in self.0.iter().filter(|(text, _)| text.len() >= A_PART) {
            line = line.replace(text, &format!("\u{1}{of}\u{1}"));
        }
        let word = |word: &str| match self.0.iter().find(|(text, _)| *text == word) {
            Some((_, of)) => format!("\u{1}{of}\u{1}"),
            None => word.to_owned(),
        };
        line.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_stand_for_several() {
        let accepted: Vec<Accepted> = [("5m49s", "63m"), ("20m", "63m"), ("pod-aaaaa", "pod-bbbbb"), ("", "x")]
            .map(|(expected, actual)| Accepted { expected: expected.into(), actual: actual.into(), reason: "r".into() })
            .into();
        let alike = Alike::of(&accepted);
        for (expected, actual, same) in [
            ("pod-aaaaa  Running  0  5m49s", "pod-bbbbb   Running   0   63m", true),
            ("other      Running  0  20m", "other       Running   0   63m", true),
            ("pod-aaaaa  Running  0  20m", "pod-bbbbb   Error     0   63m", false),
            ("\"pod-aaaaa\",", "\"pod-bbbbb\",", true),
            ("20m5", "63m5", false),
        ] {
            assert_eq!(alike.bare(expected) == alike.bare(actual), same, "{expected}");
        }
    }
}
