//! Pairs written by hand, about tools and services that the labelled pairs do not have, and judged by their author before the
//! comparator was asked. Each is an output of a page and what a learner gets: the same thing in another world, or a fault.
//!
//! `chapters.jsonl` has more of them in the form of the labelled pairs: commands and outputs of the EKS Workshop's chapters on
//! networking, security, storage, exposing and the basics (aws-samples/eks-workshop-v2, Apache License 2.0), each with what another
//! account, region, cluster and moment make of it, or with a fault on top of that.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use lectern::compare::{Bindings, Case, Known, Outcome, compare};

/// Ours to the learner: account, region and cluster.
fn known() -> Known {
    let values = [("AWS_ACCOUNT_ID", "778899001122"), ("AWS_REGION", "eu-north-1"), ("EKS_CLUSTER_NAME", "lab-seven")];
    Known(values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Asks about every case of a file: `### command`, the page's output, `---`, the learner's.
fn wrong(cases: &str, matches: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases.split("### ").skip(1) {
        let (command, outputs) = case.split_once('\n').unwrap();
        let (expected, actual) = outputs.split_once("\n---\n").unwrap();
        let case = Case { command, expected, actual, exit_status: 0 };
        let (comparison, _) = compare(&case, &known(), &Bindings::default());
        if (comparison.verdict == Outcome::Match) != matches {
            wrong.push(format!("{command}: {:?} {:?}", comparison.rejected, comparison.accepted));
        }
        count += 1;
    }
    assert_eq!(count, 31);
    wrong
}

#[test]
fn the_same_thing_in_another_world_matches() {
    let wrong = wrong(include_str!("compare/unseen-matches.txt"), true);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_fault_does_not() {
    let wrong = wrong(include_str!("compare/unseen-faults.txt"), false);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One line of `chapters.jsonl`.
#[derive(serde::Deserialize)]
struct Pair {
    id: String,
    label: String,
    kind: String,
    why: String,
    command: String,
    context: BTreeMap<String, String>,
    expected: String,
    actual: String,
}

#[test]
fn pairs_of_other_chapters() {
    let lines = include_str!("compare/chapters.jsonl").lines();
    let pairs: Vec<Pair> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(pairs.len() >= 200, "{} pairs", pairs.len());
    let mut wrong = Vec::new();
    for pair in pairs {
        let case = Case { command: &pair.command, expected: &pair.expected, actual: &pair.actual, exit_status: 0 };
        let (comparison, _) = compare(&case, &Known(pair.context), &Bindings::default());
        if (comparison.verdict == Outcome::Match) != (pair.label == "match") {
            let Pair { id, label, kind, why, command, .. } = pair;
            wrong.push(format!("{id} {label} {kind}, {why}: {command}\n  {:?}", comparison.rejected));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
