//! Everything that is compared line by line: describe blocks, `NAME=value` lists, what kubectl did, logs, progress, text.

use super::command::Manner;
use super::effort::{Effort, Vacant};
use super::json::is_state;
use super::phrase::{Difference, Judge};
use super::remarks::{is_absence, is_benign, is_failure, is_meter, is_progress};
use super::terminal::Line;
use super::values::{Kind, is_age_cell};

/// Line comparisons beyond the linear ones that finding one's place again may use.
const MOST_ATTEMPTS: usize = 20_000;
/// How far ahead a report looks for the line at which the outputs meet again.
const WINDOW: usize = 12;

/// Compares two outputs by lines.
pub(super) fn compare(judge: &mut Judge<'_>, manner: &Manner, expected: &[Line<'_>], actual: &[Line<'_>]) {
    let keep =
        |line: &&Line<'_>, judge: &Judge<'_>| !is_progress(line.content()) && !judge.rules.ignores_line(line.text);
    let mut wanted: Vec<Line<'_>> = expected.iter().filter(|line| keep(line, judge)).copied().collect();
    let mut offered: Vec<Line<'_>> = actual.iter().filter(|line| keep(line, judge)).copied().collect();
    if wanted.is_empty() && !expected.is_empty() && offered.len() < actual.len() {
        // Nothing but progress on the page: then the progress is what must be there.
        wanted = expected.to_vec();
        offered = actual.to_vec();
    } else if (wanted.len(), offered.len()) != (expected.len(), actual.len()) {
        progress(judge, expected, actual);
    }
    if let Some(order_free) = Free::of(manner, &wanted) {
        order_free.compare(judge, manner, &wanted, &offered);
        return;
    }
    let mark = judge.mark();
    if !in_order(judge, manner, &wanted, &offered) {
        judge.back(mark);
        report(judge, manner, &wanted, &offered);
    }
}

/// Says that progress lines were not compared, and holds what they are about to the page's.
fn progress(judge: &mut Judge<'_>, expected: &[Line<'_>], actual: &[Line<'_>]) {
    /// So many lines of progress are looked at: they say the same again and again.
    const LOOKED_AT: usize = 64;
    let of = |lines: &[Line<'_>]| -> Vec<(usize, String)> {
        let waits = lines.iter().filter(|l| is_progress(l.content()) && !is_meter(l.content()));
        waits.take(LOOKED_AT).map(|l| (l.number, l.content().to_owned())).collect()
    };
    let (mine, theirs) = (of(expected), of(actual));
    for (number, line) in &theirs {
        let about = subject(line);
        let named = if mine.is_empty() {
            // The page shows no progress; then its last line names what is waited for.
            let name = about.split('"').nth(1);
            name.is_none_or(|name| {
                expected.iter().any(|l| !l.content().contains('"') || l.content().contains(&format!("\"{name}\"")))
            })
        } else {
            mine.iter().any(|(_, other)| judge.phrase(subject(other), about, "").is_ok())
        };
        if !named {
            let first = mine.first().map_or("", |(_, line)| line);
            judge.reject(format!("line {number}"), first, line, false, "this waits for something else".into());
            return;
        }
    }
    let text = |lines: &[(usize, String)]| lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n");
    if text(&mine) != text(&theirs) {
        judge.findings.accept(&text(&mine), &text(&theirs), "progress, as often as it takes");
    }
}

/// What is waited for: all of the line but how far it is.
fn subject(line: &str) -> &str {
    line.split(" rollout to finish").next().unwrap_or(line).split(": ").next().unwrap_or(line)
}

/// Lists whose order says nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Free {
    /// `NAME=value`.
    Variables,
    /// `deployment.apps/ui created`.
    Actions,
    /// Names in a directory.
    Names,
    /// Rows without a header, one for each object.
    Rows,
}

impl Free {
    fn of(manner: &Manner, lines: &[Line<'_>]) -> Option<Self> {
        if lines.len() < 2 || lines.iter().any(|line| line.is_elision()) {
            return None;
        }
        let all = |test: fn(&str) -> bool| lines.iter().all(|line| test(line.content()));
        if manner.lists_variables && all(is_variable) {
            return Some(Self::Variables);
        }
        if all(|content| action(content).is_some()) {
            return Some(Self::Actions);
        }
        if manner.lists_names && all(|content| !content.contains(' ')) {
            return Some(Self::Names);
        }
        let rows = manner.tool == "kubectl" && matches!(manner.verb.as_str(), "get" | "events");
        (rows && !manner.ordered && !manner.yaml && all(|content| !content.ends_with(':'))).then_some(Self::Rows)
    }

    fn compare(self, judge: &mut Judge<'_>, manner: &Manner, expected: &[Line<'_>], actual: &[Line<'_>]) {
        judge.ledger.tentative = self == Self::Rows;
        let mut vacant = Vacant::all(actual.len());
        let mut effort = Effort::new(expected.iter().chain(actual).map(|line| line.text), MOST_ATTEMPTS);
        let mut missing = Vec::new();
        for (home, line) in expected.iter().enumerate() {
            let mut last = None;
            let mut found = None;
            while let Some(candidate) = vacant.next(home, last)
                && effort.spend(line.text, actual[candidate].text)
            {
                if same_line(judge, manner, *line, actual[candidate]).is_ok() {
                    found = Some(candidate);
                    break;
                }
                last = Some(candidate);
            }
            match found {
                Some(n) => vacant.take(n),
                None => missing.push(*line),
            }
        }
        // More of them than are told need not be looked at.
        let mut rest: Vec<Line<'_>> = vacant.iter().take(400).map(|n| actual[n]).collect();
        for line in missing.into_iter().take(200) {
            // The line about the same thing, if there is one, else the next that is left.
            let subject = self.subject(line.content());
            let partner = rest
                .iter()
                .take(200)
                .position(|other| self.subject(other.content()) == subject)
                .or_else(|| (rest.len() == 1).then_some(0));
            let other = partner.map(|n| rest.remove(n));
            let text = other.map_or("", |l| l.text);
            let transient = other.is_some_and(|l| is_absence(l.content()));
            let reason = if other.is_none() { "the line is missing" } else { "" };
            judge.reject(format!("line {}", line.number), line.text, text, transient, reason.into());
        }
        for line in rest {
            if judge.findings.is_full() {
                break;
            }
            surplus(judge, line);
        }
    }

    fn subject(self, content: &str) -> &str {
        match self {
            Self::Variables => content.split('=').next().unwrap_or(content),
            Self::Actions => action(content).map_or(content, |(subject, _)| subject),
            Self::Names | Self::Rows => content.split_whitespace().next().unwrap_or(content),
        }
    }
}

fn is_variable(content: &str) -> bool {
    content
        .split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

/// What kubectl did to what: `deployment.apps/ui` `created`.
fn action(content: &str) -> Option<(&str, &str)> {
    const DEEDS: [&str; 24] = [
        "created",
        "configured",
        "unchanged",
        "deleted",
        "patched",
        "scaled",
        "restarted",
        "labeled",
        "annotated",
        "exposed",
        "edited",
        "replaced",
        "cordoned",
        "uncordoned",
        "drained",
        "evicted",
        "tainted",
        "untainted",
        "paused",
        "resumed",
        "autoscaled",
        "updated",
        "pruned",
        "serverside-applied",
    ];
    let content = content.split(" from ").next().unwrap_or(content);
    let (subject, deed) = content.rsplit_once(' ')?;
    let named = subject.contains('/') || subject.ends_with('"');
    (named && DEEDS.contains(&deed) && subject.split(' ').count() <= 2).then_some((subject, deed))
}

/// A line that the page does not have.
fn surplus(judge: &mut Judge<'_>, line: Line<'_>) {
    if is_benign(line.content()) {
        judge.findings.accept("", line.text, "a remark of the tool");
    } else {
        judge.reject(
            format!("line {}", line.number),
            "",
            line.text,
            is_absence(line.content()),
            "the page has no such line".into(),
        );
    }
}

/// Compares in order; where the page leaves lines out, any lines may stand, but no failure that the page does not show.
fn in_order(judge: &mut Judge<'_>, manner: &Manner, expected: &[Line<'_>], actual: &[Line<'_>]) -> bool {
    let mut effort = Effort::new(expected.iter().chain(actual).map(|line| line.text), MOST_ATTEMPTS);
    let fails_on_page = expected.iter().any(|line| is_failure(line.content()));
    let (mut i, mut j) = (0, 0);
    // The last place where lines are left out: behind it on the page, how far the actual got, and the books then.
    let mut gap: Option<(usize, usize, super::phrase::Mark)> = None;
    loop {
        if i < expected.len() && expected[i].is_elision() {
            i += 1;
            gap = Some((i, j, judge.mark()));
            if i == expected.len() {
                let rest = &actual[j..];
                let nothing = rest.is_empty() && expected.iter().all(|line| line.is_elision());
                let fails = !fails_on_page && rest.iter().any(|line| is_failure(line.content()));
                return !nothing && !fails;
            }
            continue;
        }
        if i == expected.len() && j == actual.len() {
            return true;
        }
        if i < expected.len() && j < actual.len() {
            if !effort.spend(expected[i].text, actual[j].text) {
                return false;
            }
            if same_line(judge, manner, expected[i], actual[j]).is_ok() {
                i += 1;
                j += 1;
                continue;
            }
        }
        if j < actual.len() && gap.is_none() && may_be_added(manner, expected, i, actual[j]) {
            judge.findings.accept("", actual[j].text, "a line that the page does not show");
            j += 1;
            continue;
        }
        match gap {
            Some((behind, from, mark)) if from < actual.len() => {
                if !fails_on_page && is_failure(actual[from].content()) {
                    return false;
                }
                judge.back(mark);
                i = behind;
                j = from + 1;
                gap = Some((behind, j, mark));
            }
            _ => return false,
        }
    }
}

/// Remarks of the tool, and in a description a key that the page does not have.
fn may_be_added(manner: &Manner, expected: &[Line<'_>], i: usize, line: Line<'_>) -> bool {
    let content = line.content();
    if is_benign(content) {
        return true;
    }
    let Some((key, _)) = key_value(content) else { return false };
    manner.tool == "kubectl"
        && manner.verb == "describe"
        && i > 0
        && i < expected.len()
        && expected.len() <= 500
        && !expected.iter().any(|l| key_value(l.content()).is_some_and(|(k, _)| k == key))
}

/// `Key:   value`, as describe prints it.
fn key_value(content: &str) -> Option<(&str, &str)> {
    let (key, value) = content.split_once(':')?;
    let named = !key.is_empty()
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-' | b'_' | b'(' | b')'));
    (named && (value.is_empty() || value.starts_with(' ')) && key.starts_with(|c: char| c.is_ascii_uppercase()))
        .then(|| (key, value.trim()))
}

/// Whether two lines say the same; leaves no trace when they don't.
fn same_line(judge: &mut Judge<'_>, manner: &Manner, expected: Line<'_>, actual: Line<'_>) -> Result<(), Difference> {
    let (e, a) = (expected.content(), actual.content());
    if manner.kubectl {
        if let Some((subject, deed)) = action(e)
            && let Some((other, done)) = action(a)
        {
            // Applied again, nothing is left to be created. A namespace in the message came with kubectl 1.34.
            let again = manner.applies && deed == "created" && done == "unchanged";
            if deed == done || again {
                judge.phrase(subject, other, "")?;
                if again {
                    judge.findings.accept(deed, done, "the step was run before");
                }
                return Ok(());
            }
            return Err(Difference::default());
        }
        if e.starts_with("No resources found") && a.starts_with("No resources found") {
            let named = |text: &str| text.split(" in ").nth(1).map(str::to_owned);
            if named(e).is_none() || named(a).is_none() {
                return Ok(());
            }
        }
        if let Some(result) = columns(judge, e, a) {
            return result;
        }
    }
    if let Some(whole) = e.strip_suffix('%')
        && !whole.is_empty()
        && !whole.contains(' ')
        && !a.ends_with('%')
    {
        // The mark with which zsh says that there was no final newline.
        return judge.phrase(whole, a, "");
    }
    if e.starts_with("Trying ")
        && let Some(note) = a.strip_prefix("* ")
    {
        // Pages lose the asterisk of curl's first note.
        return judge.phrase(e, note.trim_start(), "");
    }
    if is_ruler(e) && is_ruler(a) {
        return Ok(());
    }
    judge.phrase(e, a, "")
}

/// Lines that only draw: their length follows that of the values.
fn is_ruler(content: &str) -> bool {
    content.bytes().filter(|b| matches!(b, b'-' | b'=')).count() >= 3
        && content.bytes().all(|b| matches!(b, b'-' | b'=' | b'+' | b'|' | b' '))
}

/// Lines of columns without a header: a cell that is nothing but an age is one.
fn columns(judge: &mut Judge<'_>, expected: &str, actual: &str) -> Option<Result<(), Difference>> {
    /// No row of a table that is printed without its header is longer.
    const LONGEST_ROW: usize = 4096;
    if expected.len().max(actual.len()) > LONGEST_ROW || !expected.contains("  ") && !expected.contains('\t') {
        return None;
    }
    let pieces = |text: &'_ str| -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let mut start = 0;
        for piece in text.split("  ") {
            let from = start + (piece.len() - piece.trim_start().len());
            let end = start + piece.trim_end().len();
            if from < end {
                found.push((from, end));
            }
            start += piece.len() + 2;
        }
        found
    };
    let (e, a) = (pieces(expected), pieces(actual));
    let field = |(text, at): (&str, Option<&(usize, usize)>)| at.map(|&(f, t)| text[f..t].to_owned());
    let first = field((expected, e.first()))?;
    let key = first.strip_suffix(':').map(str::to_owned);
    let measured = match &key {
        Some(key) => e.len() == 2 && matches!(key.as_str(), "Age" | "Duration" | "Last Seen"),
        None => e.len() >= 3,
    };
    if !measured || e.len() != a.len() {
        return None;
    }
    let mark = judge.mark();
    let result = e.iter().zip(&a).try_for_each(|(&(f, t), &(from, to))| {
        let (cell, other) = (&expected[f..t], &actual[from..to]);
        if is_age_cell(cell) && is_age_cell(other) {
            if cell != other {
                judge.findings.accept(cell, other, Kind::Age.name());
            }
            return Ok(());
        }
        judge.phrase(cell, other, "")
    });
    if result.is_err() {
        judge.back(mark);
        // Blanks may be set otherwise: compare the lines as they are.
        return None;
    }
    Some(result)
}

/// Says what is wrong, line by line, finding the place again where lines are missing or too many.
fn report(judge: &mut Judge<'_>, manner: &Manner, expected: &[Line<'_>], actual: &[Line<'_>]) {
    let before = judge.findings.rejections();
    let (mut i, mut j) = (0, 0);
    let mut effort = Effort::new(expected.iter().chain(actual).map(|line| line.text), MOST_ATTEMPTS);
    let mut same = |judge: &mut Judge<'_>, e: Line<'_>, a: Line<'_>| {
        if !effort.spend(e.text, a.text) {
            return Err(Difference::default());
        }
        same_line(judge, manner, e, a)
    };
    while (i < expected.len() || j < actual.len()) && judge.findings.rejections() < before + 60 {
        if i < expected.len() && expected[i].is_elision() {
            i += 1;
            // Go on at the first line that matches what follows.
            if let Some(&next) = expected.get(i) {
                let found = (j..actual.len()).take(2_000).find(|&n| same(judge, next, actual[n]).is_ok());
                if let Some(n) = found {
                    j = n;
                } else {
                    judge.reject(format!("line {}", next.number), next.text, "", true, "the line is missing".into());
                    i += 1;
                }
            } else {
                for line in actual[j..].iter().filter(|line| is_failure(line.content())).take(20) {
                    surplus(judge, *line);
                }
                if j >= actual.len() && expected.len() == 1 {
                    judge.reject("line 1".into(), expected[0].text, "", true, "nothing was printed".into());
                }
                j = actual.len();
            }
            continue;
        }
        match (expected.get(i), actual.get(j)) {
            (Some(&e), Some(&a)) => match same(judge, e, a) {
                Ok(()) => (i, j) = (i + 1, j + 1),
                Err(difference) => {
                    let window = |from: &[Line<'_>]| 1..from.len().min(WINDOW);
                    let skipped = window(&actual[j..]).find(|&n| same(judge, e, actual[j + n]).is_ok());
                    let missed = window(&expected[i..])
                        .find(|&n| !expected[i + n].is_elision() && same(judge, expected[i + n], a).is_ok());
                    match (skipped, missed) {
                        (Some(n), m) if m.is_none_or(|m| n <= m) => {
                            for line in &actual[j..j + n] {
                                surplus(judge, *line);
                            }
                            j += n;
                        }
                        (_, Some(n)) => {
                            for line in &expected[i..i + n] {
                                missing(judge, *line);
                            }
                            i += n;
                        }
                        _ => {
                            differs(judge, e, a, difference);
                            (i, j) = (i + 1, j + 1);
                        }
                    }
                }
            },
            (Some(&e), None) => {
                missing(judge, e);
                i += 1;
            }
            (None, Some(&a)) => {
                surplus(judge, a);
                j += 1;
            }
            (None, None) => break,
        }
    }
    if judge.findings.rejections() == before {
        let place = expected.first().map_or(1, |line| line.number);
        judge.reject(
            format!("line {place}"),
            &joined(expected),
            &joined(actual),
            false,
            "the lines do not go together".into(),
        );
    }
}

/// The first lines, as one text.
fn joined(lines: &[Line<'_>]) -> String {
    lines.iter().take(20).map(|line| line.text).collect::<Vec<_>>().join("\n")
}

fn missing(judge: &mut Judge<'_>, line: Line<'_>) {
    judge.reject(format!("line {}", line.number), line.text, "", true, "the line is missing".into());
}

fn differs(judge: &mut Judge<'_>, expected: Line<'_>, actual: Line<'_>, difference: Difference) {
    let state = key_value(expected.content()).is_some_and(|(key, _)| is_state(key));
    let transient = state || is_absence(actual.content());
    judge.reject(format!("line {}", expected.number), expected.text, actual.text, transient, difference.reason);
}
