//! Comments that authors put among the output: lines that begin with `# ` and that the command does not print.

use std::borrow::Cow;
use std::collections::HashSet;

use super::effort::Effort;
use super::phrase::Judge;
use super::terminal::{Line, lines};

/// Line comparisons beyond the linear ones that telling comments from output may use.
const MOST_ATTEMPTS: usize = 4_000;

/// The page's text with its author's comments blanked, so that lines keep their numbers. A comment is no difference, but where the
/// command prints the line (`# HELP …`) it is output.
pub(super) fn blanked<'t>(judge: &mut Judge<'_>, expected: &'t str, actual: &[Line<'_>]) -> Cow<'t, str> {
    let page = lines(expected);
    let candidates: Vec<Line<'_>> = page.into_iter().filter(|line| is_candidate(line)).collect();
    if candidates.is_empty() {
        return Cow::Borrowed(expected);
    }
    let printed: Vec<Line<'_>> = actual.iter().filter(|line| line.text.starts_with('#')).copied().collect();
    let verbatim: HashSet<&str> = printed.iter().map(|line| line.text).collect();
    let mut effort = Effort::new(candidates.iter().map(|line| line.text), MOST_ATTEMPTS);
    let mut comments = Vec::new();
    for line in candidates.into_iter().filter(|line| !verbatim.contains(line.text)) {
        let is_printed = printed.iter().any(|other| {
            let mark = judge.mark();
            // What there is no time to look at stays output.
            let same = !effort.spend(line.text, other.text) || judge.phrase(line.text, other.text, "").is_ok();
            judge.back(mark);
            same
        });
        if !is_printed {
            judge.findings.accept(line.text, "", "a comment of the page's author");
            comments.push(line.number);
        }
    }
    if comments.is_empty() {
        return Cow::Borrowed(expected);
    }
    let kept = expected
        .split('\n')
        .enumerate()
        .map(|(index, line)| if comments.binary_search(&(index + 1)).is_ok() { "" } else { line });
    Cow::Owned(kept.collect::<Vec<_>>().join("\n"))
}

fn is_candidate(line: &Line<'_>) -> bool {
    line.text.starts_with("# ") && !line.is_elision()
}

#[cfg(test)]
mod tests {
    use crate::compare::{Bindings, Case, Known, Outcome, compare};

    fn verdict(expected: &str, actual: &str) -> Outcome {
        let case = Case { command: "show", expected, actual, exit_status: 0 };
        compare(&case, &Known::default(), &Bindings::default()).0.verdict
    }

    #[test]
    fn lines_that_are_not_printed_are_comments() {
        assert_eq!(verdict("# The answer\nready\n", "ready\n"), Outcome::Match);
        assert_eq!(verdict("{\n# A port\n\"port\": 80\n}\n", "{\"port\": 80}\n"), Outcome::Match);
        assert_eq!(verdict("NAME   AGE\nui     5m\n# Wait for it\n", "NAME   AGE\nui     9s\n"), Outcome::Match);
        assert_eq!(verdict("# The answer\nready\n", "failed\n"), Outcome::Mismatch);
    }

    #[test]
    fn lines_that_are_printed_are_output() {
        let page = "# HELP up Whether it is up.\n# TYPE up gauge\nup 1\n";
        assert_eq!(verdict(page, page), Outcome::Match);
        assert_eq!(verdict(page, &page.replace("gauge", "counter")), Outcome::Mismatch);
        assert_eq!(verdict("up 1\n", page), Outcome::Mismatch);
    }

    #[test]
    fn a_page_of_comments_shows_no_output() {
        assert_eq!(verdict("# Nothing to see yet\n", ""), Outcome::Unchecked);
        assert_eq!(verdict("# Normally a mistake\n", "no-such-tool: command not found\n"), Outcome::Unchecked);
    }
}
