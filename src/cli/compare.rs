//! `lectern compare`: whether an output is what a page shows, for a person or, line by line, for a program.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr, miette};
use serde::{Deserialize, Serialize};

use crate::compare::{Accepted, Bindings, Case, Comparison, Known, Outcome, Rejected, Rules, compare_with, plain};

/// The outputs are the same but for what may differ.
const SAME: u8 = 0;
/// They are not.
const DIFFERENT: u8 = 1;
/// The question itself is wrong: a file that can't be read, a line that is no JSON.
const BAD_QUESTION: u8 = 2;
/// Columns of a screen that does not say how wide it is.
const DEFAULT_WIDTH: usize = 120;

/// What the subcommand is asked.
#[derive(Debug, Clone, clap::Args)]
pub struct Compare {
    /// What the page shows, as a file; `-` is standard input
    #[arg(required_unless_present = "jsonl", conflicts_with = "jsonl")]
    pub expected: Option<PathBuf>,
    /// What was printed, as a file; `-` is standard input
    #[arg(required_unless_present = "jsonl", conflicts_with = "jsonl")]
    pub actual: Option<PathBuf>,
    /// The command that printed it: it tells which lists have an order and whose objects may show
    #[arg(long, default_value = "", conflicts_with = "jsonl")]
    pub command: String,
    /// A value that is known here, as AWS_REGION=eu-west-1
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub known: Vec<(String, String)>,
    /// What a page would say in a comment, as 'ignore=/association/tags'
    #[arg(long, value_name = "DIRECTIVE", value_parser = Rules::parse_directive)]
    pub rule: Vec<Rules>,
    /// How to show the two
    #[arg(long, value_enum, default_value_t = View::Side, conflicts_with = "jsonl")]
    pub view: View,
    /// Answer questions from standard input, one JSON object a line: id, command, expected, actual, context
    #[arg(long)]
    pub jsonl: bool,
}

/// How two outputs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum View {
    /// Beside each other
    Side,
    /// One below the other
    Unified,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not KEY=VALUE")),
    }
}

/// One line of `--jsonl`.
#[derive(Deserialize)]
struct Question {
    id: serde_json::Value,
    #[serde(default)]
    command: String,
    expected: String,
    actual: String,
    #[serde(default)]
    context: BTreeMap<String, String>,
    #[serde(default)]
    exit_status: i32,
}

/// Its answer.
#[derive(Serialize)]
struct Answer<'a> {
    id: &'a serde_json::Value,
    verdict: &'static str,
    accepted: &'a [Accepted],
    rejected: &'a [Rejected],
}

/// Runs the subcommand; answers its exit status.
///
/// # Errors
/// When standard output can't be written.
pub fn run(args: &Compare) -> miette::Result<u8> {
    let rules = args.rule.iter().cloned().fold(Rules::default(), Rules::and);
    let known: BTreeMap<String, String> = args.known.iter().cloned().collect();
    let result = if args.jsonl { answer_lines(&known, &rules) } else { show(args, known, &rules) };
    match result {
        Err(error)
            if error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe) =>
        {
            // Who read the answers has seen enough.
            Ok(SAME)
        }
        other => other,
    }
}

fn answer_lines(known: &BTreeMap<String, String>, rules: &Rules) -> miette::Result<u8> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut input = std::io::stdin().lock();
    let mut line = String::new();
    let mut status = SAME;
    for number in 1.. {
        line.clear();
        match input.read_line(&mut line) {
            Ok(0) => break,
            Ok(_) if line.trim().is_empty() => continue,
            Ok(_) => {}
            Err(error) => {
                complain(&format!("standard input, line {number}: {error}"));
                status = BAD_QUESTION;
                break;
            }
        }
        let question: Question = match serde_json::from_str(&line) {
            Ok(question) => question,
            Err(error) => {
                complain(&format!(
                    "standard input, line {number}: {error}; each line is an object with id, expected and actual"
                ));
                status = BAD_QUESTION;
                continue;
            }
        };
        let mut all = known.clone();
        all.extend(question.context);
        let case = Case {
            command: &question.command,
            expected: &question.expected,
            actual: &question.actual,
            exit_status: question.exit_status,
        };
        let (comparison, _) = compare_with(&case, &Known(all), &Bindings::default(), rules);
        let answer = Answer {
            id: &question.id,
            verdict: if comparison.verdict == Outcome::Mismatch { "mismatch" } else { "match" },
            accepted: &comparison.accepted,
            rejected: &comparison.rejected,
        };
        serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from).into_diagnostic()?;
        out.write_all(b"\n").into_diagnostic()?;
    }
    out.flush().into_diagnostic()?;
    Ok(status)
}

/// Says on standard error what is wrong with the question.
fn complain(problem: &str) {
    let _ = writeln!(std::io::stderr(), "lectern compare: {problem}");
}

fn read(path: &Path) -> miette::Result<String> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).into_diagnostic().wrap_err("standard input")?;
    } else {
        // The person names these files; no lesson does.
        let mut file = std::fs::File::open(path).into_diagnostic().wrap_err_with(|| path.display().to_string())?;
        file.read_to_end(&mut bytes).into_diagnostic().wrap_err_with(|| path.display().to_string())?;
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count() + 1;
        miette!("{}:{line}: this is not UTF-8", path.display())
    })
}

fn show(args: &Compare, known: BTreeMap<String, String>, rules: &Rules) -> miette::Result<u8> {
    let (Some(expected), Some(actual)) = (&args.expected, &args.actual) else {
        complain("two files are needed: what the page shows and what was printed");
        return Ok(BAD_QUESTION);
    };
    if expected == Path::new("-") && actual == Path::new("-") {
        complain("only one of the two can be standard input");
        return Ok(BAD_QUESTION);
    }
    let (expected, actual) = match read(expected).and_then(|e| read(actual).map(|a| (e, a))) {
        Ok(both) => both,
        Err(error) => {
            complain(&format!("{error:#}"));
            return Ok(BAD_QUESTION);
        }
    };
    let case = Case { command: &args.command, expected: &expected, actual: &actual, exit_status: 0 };
    let (comparison, _) = compare_with(&case, &Known(known), &Bindings::default(), rules);
    let stdout = std::io::stdout();
    let paint = Paint { coloured: stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) };
    let width =
        std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|&c| c >= 20).unwrap_or(DEFAULT_WIDTH);
    let text = render(&comparison, &expected, &actual, args.view, width, paint);
    let mut out = stdout.lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).into_diagnostic()?;
    Ok(if comparison.verdict == Outcome::Mismatch { DIFFERENT } else { SAME })
}

/// Colours, or none.
#[derive(Clone, Copy)]
struct Paint {
    coloured: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.coloured && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
    fn good(self, text: &str) -> String {
        self.with("32", text)
    }
    fn bad(self, text: &str) -> String {
        self.with("31", text)
    }
    fn faint(self, text: &str) -> String {
        self.with("2", text)
    }
}

/// Text without anything that a terminal would obey.
fn shown(text: &str) -> String {
    plain(text).chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect()
}

fn render(comparison: &Comparison, expected: &str, actual: &str, view: View, width: usize, paint: Paint) -> String {
    let mut text = String::new();
    let mut line = |content: String| {
        text.push_str(&content);
        text.push('\n');
    };
    for row in rows(comparison, expected, actual) {
        line(match view {
            View::Side => side(&row, width, paint),
            View::Unified => unified(&row, paint),
        });
    }
    line(String::new());
    for accepted in &comparison.accepted {
        let (e, a) = (shown(&accepted.expected), shown(&accepted.actual));
        let what = if e.is_empty() { a } else { format!("{e} → {a}") };
        line(format!("{} {what}  {}", paint.good("≈"), paint.faint(&accepted.reason)));
    }
    for rejected in &comparison.rejected {
        let (e, a) = (shown(&rejected.expected), shown(&rejected.actual));
        let reason =
            if rejected.reason.is_empty() { String::new() } else { format!("  ({})", shown(&rejected.reason)) };
        line(format!("{} {}{reason}", paint.bad("✗"), shown(&rejected.place)));
        line(format!("    expected  {e}"));
        line(format!("    printed   {}", paint.bad(&a)));
    }
    line(match comparison.verdict {
        Outcome::Match => paint.good("match"),
        Outcome::Mismatch => paint.bad("mismatch"),
        Outcome::Unchecked => "unchecked: the page shows no output".into(),
    });
    text
}

/// A line of both, or of one.
enum Row {
    Same(String, String),
    Changed(Option<String>, Option<String>),
}

/// Puts the lines of the two beside each other, those that differ in accepted values only as the same.
fn rows(comparison: &Comparison, expected: &str, actual: &str) -> Vec<Row> {
    let lines = |text: &str| -> Vec<String> { plain(text).trim_matches('\n').lines().map(shown).collect() };
    let (e, a) = (lines(expected), lines(actual));
    let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let swaps: Vec<(&str, &str)> = comparison
        .accepted
        .iter()
        .filter(|accepted| {
            accepted.actual.len() > 1 && !accepted.expected.is_empty() && !accepted.actual.contains('\n')
        })
        .map(|accepted| (accepted.actual.as_str(), accepted.expected.as_str()))
        .take(200)
        .collect();
    let keys_e: Vec<String> = e.iter().map(|line| squeeze(line)).collect();
    let keys_a: Vec<String> = a
        .iter()
        .map(|line| squeeze(&swaps.iter().fold(line.clone(), |line, (mine, page)| line.replace(mine, page))))
        .collect();
    let mut rows = Vec::new();
    for op in similar::capture_diff_slices(similar::Algorithm::Patience, &keys_e, &keys_a) {
        let (old, new) = (op.old_range(), op.new_range());
        let same = matches!(op, similar::DiffOp::Equal { .. });
        for n in 0..old.len().max(new.len()) {
            let (left, right) = (e.get(old.start + n), a.get(new.start + n));
            let left = left.filter(|_| n < old.len()).cloned();
            let right = right.filter(|_| n < new.len()).cloned();
            rows.push(match (left, right) {
                (Some(left), Some(right)) if same => Row::Same(left, right),
                (left, right) => Row::Changed(left, right),
            });
        }
    }
    rows
}

fn unified(row: &Row, paint: Paint) -> String {
    match row {
        Row::Same(_, actual) => format!("  {actual}"),
        Row::Changed(left, right) => {
            let left = left.as_ref().map(|text| paint.bad(&format!("- {text}")));
            let right = right.as_ref().map(|text| paint.good(&format!("+ {text}")));
            left.into_iter().chain(right).collect::<Vec<_>>().join("\n")
        }
    }
}

fn side(row: &Row, width: usize, paint: Paint) -> String {
    let half = width.saturating_sub(3) / 2;
    let fit = |text: &str| {
        use unicode_width::UnicodeWidthChar;
        let mut taken = String::new();
        let mut columns = 0;
        for c in text.chars() {
            let wide = c.width().unwrap_or(0);
            if columns + wide > half {
                break;
            }
            columns += wide;
            taken.push(c);
        }
        taken.push_str(&" ".repeat(half - columns));
        taken
    };
    match row {
        Row::Same(left, right) => format!("{}   {}", fit(left), fit(right).trim_end()),
        Row::Changed(left, right) => {
            let left = fit(left.as_deref().unwrap_or_default());
            let right = fit(right.as_deref().unwrap_or_default());
            format!("{} {} {}", paint.bad(&left), paint.bad("│"), paint.good(right.trim_end()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(expected: &str, actual: &str, view: View) -> String {
        let case = Case { command: "", expected, actual, exit_status: 0 };
        let (comparison, _) = crate::compare::compare(&case, &Known::default(), &Bindings::default());
        render(&comparison, expected, actual, view, 40, Paint { coloured: false })
    }

    #[test]
    fn side_by_side_keeps_accepted_lines_together() {
        let text = rendered("id vpc-0123456789abcdef0\nstate up", "id vpc-0fedcba9876543210\nstate down", View::Side);
        assert!(text.lines().next().is_some_and(|first| !first.contains('│')), "{text}");
        assert!(text.contains("│ state down"), "{text}");
        assert!(text.trim_end().ends_with("mismatch"), "{text}");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_shown() {
        let text = rendered("a", "\x1b]0;title\x07b\x1b[2J\u{9b}c", View::Unified);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }

    #[test]
    fn a_known_value_has_a_key() {
        assert_eq!(pair("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert!(pair("=b").is_err());
        assert!(pair("A").is_err());
    }
}
