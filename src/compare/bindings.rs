//! What the page's values stand for: one expected value for one actual value, and no two for the same.

use std::collections::{BTreeMap, HashMap};

use super::masks::is_invented;
use super::model::{Bindings, Known};
use super::values::{Kind, Reach, is_registry_of_aws, reach};

/// Why two values may not stand for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Conflict {
    /// The session knows the value, and this is another.
    Known(String),
    /// The page's value stands for another one elsewhere.
    Bound(String),
    /// Another of the page's values stands for this one already.
    Taken(String),
}

impl Conflict {
    /// The conflict in words for the learner.
    pub(super) fn reason(&self, kind: Kind) -> String {
        let kind = kind.name();
        match self {
            Self::Known(value) => format!("the {kind} of this session is {value}"),
            Self::Bound(value) => format!("elsewhere this {kind} of the page stands for {value}"),
            Self::Taken(value) => format!("this {kind} stands for the page's {value} already"),
        }
    }
}

/// The bindings of one comparison on top of those of the commands before it. Attempts can be taken back.
pub(super) struct Ledger<'b> {
    earlier: &'b Bindings,
    /// What the commands before this one made stand for an actual value.
    earlier_backward: HashMap<String, &'b str>,
    account: Option<&'b str>,
    region: Option<&'b str>,
    /// The learner's cluster names, longest first.
    clusters: Vec<&'b str>,
    /// Author's cluster name and the learner's, in the order of their discovery.
    authors: Vec<(String, &'b str)>,
    /// What a value stands for, and whether later commands are held to it.
    forward: HashMap<String, (String, bool)>,
    backward: HashMap<String, String>,
    journal: Vec<(String, String)>,
    /// Which rows belong together was a choice: what they say is not carried to later commands.
    pub(super) tentative: bool,
}

/// A state to go back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    journal: usize,
    authors: usize,
}

fn key(kind: Kind, value: &str) -> String {
    let name = kind.name();
    let mut key = String::with_capacity(name.len() + 2 + value.len());
    key.push_str(name);
    key.push_str(": ");
    key.push_str(value);
    key
}

/// The bindings of earlier commands the other way round, without what authors invented.
fn backward_of(earlier: &Bindings) -> HashMap<String, &str> {
    let parts = earlier.values.iter().filter_map(|(key, actual)| Some((key.split_once(": ")?, actual)));
    parts
        .filter(|((_, expected), _)| !is_invented(expected))
        .map(|((kind, expected), actual)| (format!("{kind}: {actual}"), expected))
        .collect()
}

impl<'b> Ledger<'b> {
    pub(super) fn new(known: &'b Known, earlier: &'b Bindings, authors: &'b BTreeMap<String, String>) -> Self {
        let value =
            |names: &[&str]| names.iter().find_map(|n| known.0.get(*n)).map(String::as_str).filter(|v| !v.is_empty());
        let is_cluster = |name: &str| name.contains("CLUSTER") && name.ends_with("NAME");
        let mut clusters: Vec<&str> =
            known.0.iter().filter(|(n, v)| is_cluster(n) && v.len() > 1).map(|(_, v)| v.as_str()).collect();
        clusters.sort_by_key(|name| std::cmp::Reverse(name.len()));
        clusters.dedup();
        let mut ledger = Self {
            earlier,
            earlier_backward: backward_of(earlier),
            account: value(&["AWS_ACCOUNT_ID", "ACCOUNT_ID"]),
            region: value(&["AWS_REGION", "AWS_DEFAULT_REGION"]),
            clusters,
            authors: Vec::new(),
            forward: HashMap::new(),
            backward: HashMap::new(),
            journal: Vec::new(),
            tentative: false,
        };
        for (name, author) in authors.iter().filter(|(name, _)| is_cluster(name)) {
            if let Some(learner) = known.0.get(name) {
                ledger.authors.push((author.clone(), learner));
            }
        }
        let prefix = key(Kind::Cluster, "");
        for (bound, learner) in earlier.values.range(prefix.clone()..).take_while(|(k, _)| k.starts_with(&prefix)) {
            if let Some(learner) = ledger.clusters.iter().find(|c| *c == learner) {
                ledger.authors.push((bound[prefix.len()..].to_owned(), learner));
            }
        }
        ledger
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { journal: self.journal.len(), authors: self.authors.len() }
    }

    /// Forgets everything that was bound since the mark.
    pub(super) fn back(&mut self, mark: Mark) {
        for (forward, backward) in self.journal.drain(mark.journal.min(self.journal.len())..) {
            self.forward.remove(&forward);
            self.backward.remove(&backward);
        }
        self.authors.truncate(mark.authors);
    }

    pub(super) fn account(&self) -> Option<&'b str> {
        self.account
    }

    pub(super) fn clusters(&self) -> &[&'b str] {
        &self.clusters
    }

    /// The author's name for one of the learner's clusters.
    pub(super) fn author_of(&self, learner: &str) -> Option<&str> {
        self.authors.iter().find(|(_, l)| *l == learner).map(|(author, _)| author.as_str())
    }

    /// The learner's cluster for the author's name that `text` starts with, and that name's length.
    pub(super) fn cluster_of_author(&self, text: &str) -> Option<(usize, &'b str)> {
        let at_end = |n: usize| !text.as_bytes().get(n).is_some_and(u8::is_ascii_alphanumeric);
        self.authors
            .iter()
            .filter(|(a, _)| text.starts_with(a.as_str()) && at_end(a.len()))
            .max_by_key(|(a, _)| a.len())
            .map(|(a, l)| (a.len(), *l))
    }

    /// Learns the author's name of one of the learner's clusters; `false` when it is known to be another.
    pub(super) fn learn_cluster(&mut self, author: &str, learner: &'b str) -> bool {
        if self.authors.iter().any(|(a, l)| (a == author) != (*l == learner)) {
            return false;
        }
        if self.author_of(learner).is_none() {
            self.authors.push((author.to_owned(), learner));
            let bound = key(Kind::Cluster, author);
            self.forward.insert(bound.clone(), (learner.to_owned(), true));
            self.journal.push((bound, String::new()));
        }
        true
    }

    /// Lets `expected` stand for `actual`; `Ok(true)` when it is the first time and the two differ.
    pub(super) fn bind(&mut self, kind: Kind, expected: &str, actual: &str) -> Result<bool, Conflict> {
        if !kind.binds() {
            return Ok(expected != actual);
        }
        match kind {
            Kind::Account => {
                if is_registry_of_aws(expected) && (expected == actual || is_registry_of_aws(actual)) {
                    return Ok(expected != actual);
                }
                // A template that nothing was put into yet.
                if expected == actual && expected.starts_with('$') {
                    return Ok(false);
                }
                if let Some(account) = self.account.filter(|account| *account != actual) {
                    return Err(Conflict::Known(account.into()));
                }
            }
            Kind::Region => {
                if let Some(region) = self.region {
                    return if region == actual { Ok(expected != actual) } else { Err(Conflict::Known(region.into())) };
                }
            }
            Kind::Zone => {
                if let Some(region) = self.region
                    && !actual.starts_with(region)
                {
                    return Err(Conflict::Known(format!("one of {region}")));
                }
            }
            Kind::Address if reach(expected) == Some(Reach::Fixed) => return Ok(false),
            _ => {}
        }
        // Equal templates have equal hashes, and private networks equal addresses: the page's own value is no difference.
        let unchanged = expected == actual && matches!(kind, Kind::TemplateHash | Kind::Address);
        let forward = key(kind, expected);
        if !unchanged
            && let Some(bound) =
                self.forward.get(&forward).map(|(bound, _)| bound).or_else(|| self.earlier.values.get(&forward))
        {
            if bound == actual {
                return Ok(false);
            }
            return Err(Conflict::Bound(bound.clone()));
        }
        // What an author invented, or masked, may stand for anything, and beside a recorded value for the same.
        let recorded = kind.is_distinct() && !is_invented(expected);
        let mut backward = key(kind, actual);
        if recorded {
            let earlier = || self.earlier_backward.get(&backward).copied().filter(|_| kind.is_distinct_in_lesson());
            if let Some(other) = self.backward.get(&backward).map(String::as_str).or_else(earlier)
                && other != expected
            {
                return Err(Conflict::Taken(other.to_owned()));
            }
            if self.backward.insert(backward.clone(), expected.to_owned()).is_some() {
                backward.clear();
            }
        } else {
            backward.clear();
        }
        if unchanged {
            self.journal.push((String::new(), backward));
            return Ok(false);
        }
        let masked = kind == Kind::Address && reach(expected).is_none();
        let certain = !self.tentative || matches!(kind, Kind::Account | Kind::Region | Kind::Zone);
        let lasts = certain && !masked;
        self.forward.insert(forward.clone(), (actual.to_owned(), lasts));
        self.journal.push((forward, backward));
        Ok(expected != actual)
    }

    /// The earlier bindings and those of this comparison that later commands are held to.
    pub(super) fn into_bindings(self) -> Bindings {
        let lasting = self.forward.into_iter().filter(|(_, (_, lasts))| *lasts).map(|(key, (value, _))| (key, value));
        if self.earlier.values.is_empty() {
            return Bindings { values: lasting.collect() };
        }
        let mut bindings = self.earlier.clone();
        bindings.values.extend(lasting);
        bindings
    }
}

#[cfg(test)]
mod tests {
    use crate::compare::{Bindings, Case, Known, Outcome, compare};

    fn known() -> Known {
        Known([("AWS_ACCOUNT_ID".to_owned(), "640218837755".to_owned())].into())
    }

    /// The verdicts on commands of one lesson, each a page's output and the actual one.
    fn lesson(outputs: &[(&str, &str)]) -> Vec<bool> {
        let mut bindings = Bindings::default();
        let verdicts = outputs.iter().map(|&(expected, actual)| {
            let case = Case { command: "echo", expected, actual, exit_status: 0 };
            let (comparison, next) = compare(&case, &known(), &bindings);
            bindings = next;
            comparison.verdict == Outcome::Match
        });
        verdicts.collect()
    }

    #[test]
    fn two_accounts_of_a_page_are_not_one() {
        let own = "arn:aws:iam::640218837755:role/a arn:aws:iam::640218837755:role/b";
        for (page, same) in [
            ("arn:aws:iam::267912352941:role/a arn:aws:iam::267912352941:role/b", true),
            ("arn:aws:iam::267912352941:role/a arn:aws:iam::999912352941:role/b", false),
            // What authors write for any account may stand beside one that was recorded.
            ("arn:aws:iam::267912352941:role/a arn:aws:iam::111122223333:role/b", true),
            ("arn:aws:iam::123456789012:role/a arn:aws:iam::267912352941:role/b", true),
            ("arn:aws:iam::XXXXXXXXXXXX:role/a arn:aws:iam::1234567890:role/b", true),
            ("arn:aws:iam::$AWS_ACCOUNT_ID:role/a arn:aws:iam::<account>:role/b", true),
            ("arn:aws:iam::640218837755:role/a arn:aws:iam::640218837755:role/b", true),
        ] {
            assert_eq!(lesson(&[(page, own)]), [same], "{page}");
        }
    }

    #[test]
    fn a_variable_in_a_template_is_itself() {
        let template = "role: arn:aws:iam::$AWS_ACCOUNT_ID:role/a";
        assert_eq!(lesson(&[(template, template)]), [true]);
        assert_eq!(lesson(&[("role: arn:aws:iam::267912352941:role/a", template)]), [false]);
    }

    #[test]
    fn what_a_lesson_gave_a_meaning_keeps_it_both_ways() {
        let role = |account: &str| format!("arn:aws:iam::{account}:role/a");
        let own = role("640218837755");
        assert_eq!(lesson(&[(&role("267912352941"), &own), (&role("999912352941"), &own)]), [true, false]);
        assert_eq!(lesson(&[(&role("267912352941"), &own), (&role("111122223333"), &own)]), [true, true]);
        let (first, second) = ("vol-0a1b9c3d7e5f60718", "vol-0f1e2d3c4b5a69788");
        let (one, other) = ("vol-00aa17bb22cc33dd4", "vol-09988771655443322");
        assert_eq!(lesson(&[(first, one), (second, other)]), [true, true]);
        assert_eq!(lesson(&[(first, one), (second, one)]), [true, false]);
        assert_eq!(lesson(&[(first, one), (first, other)]), [true, false]);
        // An address that is free again may be given out again.
        assert_eq!(lesson(&[("10.42.1.15", "10.42.9.9"), ("10.42.1.16", "10.42.9.9")]), [true, true]);
    }

    #[test]
    fn a_mask_stands_for_one_value_in_an_output_and_for_any_in_a_lesson() {
        let masked = "Trying XXX.XXX.XXX.XXX, connected to XXX.XXX.XXX.XXX";
        let connected = |address: &str| format!("Trying {address}, connected to {address}");
        let (one, other) = (connected("172.20.3.7"), connected("172.20.8.1"));
        assert_eq!(lesson(&[(masked, &one), (masked, &other)]), [true, true]);
        assert_eq!(lesson(&[(masked, "Trying 172.20.3.7, connected to 172.20.8.1")]), [false]);
        // Beside it, the address itself.
        assert_eq!(lesson(&[("Trying XXX.XXX.XXX.XXX, connected to 172.20.5.5", &one)]), [true]);
    }
}
