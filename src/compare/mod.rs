//! Compares what a command printed with what its lesson expects. Pure: text in, reasons out.
//!
//! A page was written in another account, region, cluster and time, and does not say what is volatile. So an output is
//! read by its structure first and by its values then:
//!
//! - `terminal`: what a terminal shows of a text; `command`: what the command says about its output; `comments`: what of a
//!   page's lines is not output.
//! - The shapes: `json`, `yaml`, `table` and `lines` (descriptions, lists, logs, progress, text).
//! - `phrase`: one piece of text against another. `values`: the kinds of value that may differ; `counterpart`: which
//!   of them may stand for which; `masks`: where the page hides one. `bindings`: they may differ in one way only.
//! - `rules`: what a page's author adds; `remarks`: what tools say beside their output. `findings`: what was accepted and
//!   why, what was not and where.
//!
//! Everything that no rule calls volatile must be the same.

mod bindings;
mod command;
mod comments;
mod counterpart;
mod effort;
mod findings;
mod home;
mod identities;
mod json;
mod lines;
mod load_balancer;
mod masks;
mod model;
mod phrase;
mod remarks;
mod rules;
mod shares;
mod table;
pub(crate) mod terminal;
mod values;
mod yaml;

pub(crate) use identities::{Identity, identities};
pub use model::{Accepted, Bindings, Case, Comparison, Known, Outcome, Rejected};
pub use rules::{Ignored, Pattern, RuleError, Rules};
pub use terminal::plain;

use bindings::Ledger;
use command::Manner;
use phrase::Judge;

/// Compares one command's output with the page's. The bindings that come in are those of the commands before it in this
/// lesson; those that come out are to be kept only if the output matched.
pub fn compare(case: &Case<'_>, known: &Known, bindings: &Bindings) -> (Comparison, Bindings) {
    compare_with(case, known, bindings, &Rules::default())
}

/// As [`compare`], with what the page's author says beside it.
pub fn compare_with(case: &Case<'_>, known: &Known, bindings: &Bindings, rules: &Rules) -> (Comparison, Bindings) {
    let (expected, actual) = (terminal::plain(case.expected), terminal::plain(case.actual));
    let offered = terminal::lines(&actual);
    let mut judge = Judge::new(Ledger::new(known, bindings, &rules.known), rules);
    let expected = comments::blanked(&mut judge, &expected, &offered);
    let expected = home::as_tilde(&mut judge, expected, &actual);
    let wanted = terminal::lines(&expected);
    if wanted.is_empty() {
        return (Comparison::unchecked(), bindings.clone());
    }
    shapes(&mut judge, case.command, (&expected, &wanted), (&actual, &offered));
    let Judge { ledger, findings, .. } = judge;
    if findings.has_rejections() {
        return (findings.into_comparison(), bindings.clone());
    }
    (findings.into_comparison(), ledger.into_bindings())
}

type Text<'t> = (&'t str, &'t [terminal::Line<'t>]);

/// Finds the shape of the expected output and compares in it.
fn shapes(judge: &mut Judge<'_>, command: &str, expected: Text<'_>, actual: Text<'_>) {
    let manner = Manner::of(command);
    if actual.1.is_empty() {
        let first = expected.1[0];
        judge.reject("line 1".into(), first.text, "", true, "nothing was printed".into());
        return;
    }
    if let Some(documents) = json::documents(expected.0) {
        match json::documents(actual.0) {
            Some(others) => json::compare(judge, &documents, &others),
            None => {
                let (e, a) = (expected.1[0], actual.1[0]);
                judge.reject("/".into(), e.text, a.text, remarks::is_absence(a.content()), json::problem(actual.0));
            }
        }
        return;
    }
    let first = expected.1.iter().find(|line| !line.is_elision());
    if first.is_some_and(|line| table::is_header(line.text))
        && let Some(tables) = table::read(expected.1)
    {
        match table::read(actual.1) {
            Some(others) => table::compare(judge, &manner, &tables, &others),
            None => {
                let (e, a) = (expected.1[0], actual.1[0]);
                let transient = remarks::is_absence(a.content());
                judge.reject("line 1".into(), e.text, a.text, transient, "this is no such table".into());
            }
        }
        return;
    }
    let is_manifest = || first.is_some_and(|line| line.text.starts_with("apiVersion: "));
    if (manner.yaml || is_manifest())
        && let (Some(documents), Some(others)) = (yaml::documents(expected.1), yaml::documents(actual.1))
    {
        json::compare(judge, &documents, &others);
        return;
    }
    lines::compare(judge, &manner, expected.1, actual.1);
}
