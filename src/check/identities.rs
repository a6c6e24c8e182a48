//! Values of one account, region or cluster mixed with another's in one page.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::output::outputs;
use super::{Code, Finding, Page};
use crate::compare::{Identity, identities};
use crate::lesson::Span;

/// Where outputs name a cluster: its ARN, and the fields and labels that hold its name.
static CLUSTER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r#"(?:arn:aws:eks:[a-z0-9-]*:[0-9xX]*:cluster/|(?:clusterName|cluster-name|ClusterName|CLUSTER_NAME)"?\s*[:=]\s*"?)(?P<name>[A-Za-z0-9][A-Za-z0-9_-]*)"#;
    Regex::new(pattern).ok()
});

pub(super) fn check(page: &Page<'_>, findings: &mut Vec<Finding>) {
    // Each value with the place where the page shows it first.
    let mut seen: [BTreeMap<String, Span>; 3] = Default::default();
    for (_, text, span) in outputs(page) {
        let mut see = |kind: usize, range: std::ops::Range<usize>| {
            let value = text[range.clone()].to_owned();
            seen[kind].entry(value).or_insert_with(|| page.in_output(span, text, range));
        };
        for (identity, range) in identities(text) {
            see(if identity == Identity::Account { 0 } else { 1 }, range);
        }
        for found in CLUSTER.iter().flat_map(|regex| regex.captures_iter(text)).filter_map(|c| c.name("name")) {
            see(2, found.range());
        }
    }
    let kinds = [(Code::MixedAccount, "account"), (Code::MixedRegion, "region"), (Code::MixedCluster, "cluster")];
    for ((code, word), values) in kinds.into_iter().zip(seen) {
        let mut values: Vec<(String, Span)> = values.into_iter().collect();
        values.sort_by_key(|(_, span)| span.start);
        let Some(((first, at), others)) = values.split_first() else { continue };
        for (value, span) in others {
            findings.push(page.finding(
                code,
                *span,
                format!("the {word} `{value}` is mixed with `{first}` of line {}", at.line),
                format!("use one {word} on a page"),
            ));
        }
    }
}
