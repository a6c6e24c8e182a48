//! What the page's values stand for: one expected value for one actual value, and no two for the same.

use std::collections::{BTreeMap, HashMap};

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
                if let Some(account) = self.account {
                    return if account == actual {
                        Ok(expected != actual)
                    } else {
                        Err(Conflict::Known(account.into()))
                    };
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
        let forward = key(kind, expected);
        if let Some(bound) =
            self.forward.get(&forward).map(|(bound, _)| bound).or_else(|| self.earlier.values.get(&forward))
        {
            if bound == actual {
                return Ok(false);
            }
            return Err(Conflict::Bound(bound.clone()));
        }
        let backward = key(kind, actual);
        if kind.is_distinct()
            && let Some(other) = self.backward.get(&backward)
            && other != expected
        {
            return Err(Conflict::Taken(other.clone()));
        }
        let lasts = !self.tentative || matches!(kind, Kind::Account | Kind::Region | Kind::Zone);
        self.forward.insert(forward.clone(), (actual.to_owned(), lasts));
        self.backward.insert(backward.clone(), expected.to_owned());
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
