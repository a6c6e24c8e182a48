//! One piece of text against another: literal but for blanks and typed values.

use super::bindings::{Ledger, Mark as LedgerMark};
use super::counterpart::{counterpart, typed};
use super::findings::Findings;
use super::load_balancer::Host;
use super::masks::{masked_run, masked_word};
use super::model::Rejected;
use super::rules::Rules;
use super::values::Kind;

/// How far a guess looks ahead, in bytes; longer words are compared as they are.
const LOOK_AHEAD: usize = 512;
/// How deep guesses nest: a name in an ARN in a line.
const DEPTH: u8 = 3;

/// Compares texts and keeps the books: bindings and findings.
pub(super) struct Judge<'c> {
    pub(super) ledger: Ledger<'c>,
    pub(super) findings: Findings,
    pub(super) rules: &'c Rules,
    depth: u8,
}

/// A state to go back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    ledger: LedgerMark,
    findings: usize,
}

/// Where two texts part, and why if there is more to say than that they do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) reason: String,
}

impl<'c> Judge<'c> {
    pub(super) fn new(ledger: Ledger<'c>, rules: &'c Rules) -> Self {
        Self { ledger, findings: Findings::default(), rules, depth: 0 }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { ledger: self.ledger.mark(), findings: self.findings.mark() }
    }

    pub(super) fn back(&mut self, mark: Mark) {
        self.ledger.back(mark.ledger);
        self.findings.back(mark.findings);
    }

    /// Records a difference that counts.
    pub(super) fn reject(&mut self, place: String, expected: &str, actual: &str, transient: bool, reason: String) {
        self.findings.reject(Rejected { place, expected: expected.into(), actual: actual.into(), transient, reason });
    }

    /// Whether the texts say the same; leaves no trace when they don't. `key` names the field, if there is one.
    pub(super) fn phrase(&mut self, expected: &str, actual: &str, key: &str) -> Result<(), Difference> {
        let mark = self.mark();
        let result = self.walk(expected, actual, key);
        if result.is_err() {
            self.back(mark);
        }
        result
    }

    fn walk(&mut self, expected: &str, actual: &str, key: &str) -> Result<(), Difference> {
        let (e, a) = (expected.as_bytes(), actual.as_bytes());
        let (mut i, mut j) = (0, 0);
        loop {
            let blank_e = blanks(e, i);
            let blank_a = blanks(a, j);
            let inside = i > 0 && j > 0 && i + blank_e < e.len() && j + blank_a < a.len();
            if inside && (blank_e == 0) != (blank_a == 0) {
                return Err(Difference::default());
            }
            i += blank_e;
            j += blank_a;
            if i >= e.len() {
                return if j >= a.len() { Ok(()) } else { Err(Difference::default()) };
            }
            let starts = i == 0 || !e[i - 1].is_ascii_alphanumeric();
            if starts && let Some((next_i, next_j)) = self.value(expected, i, actual, j, key)? {
                (i, j) = (next_i, next_j);
                continue;
            }
            if e[i].is_ascii_digit()
                && !starts
                && !(i > 1 && e[i - 1].is_ascii_digit() && e[i - 2].is_ascii_digit())
                && let Some(n) = creation_digits(e, i)
                && let Some(m) = creation_digits(a, j)
            {
                self.bind(Kind::CreationSuffix, &expected[i..i + n], &actual[j..j + m])?;
                (i, j) = (i + n, j + m);
                continue;
            }
            if let Some((length, other)) = masked_run(expected, i, actual, j) {
                let (mask, told) = (&expected[i..i + length], &actual[j..j + other]);
                // In the place of an account in an ARN, the session knows what is masked.
                let is_account = length == 12 && expected[..i].ends_with(':') && e.get(i + length) == Some(&b':');
                self.bind(if is_account { Kind::Account } else { Kind::Mask }, mask, told)?;
                (i, j) = (i + length, j + other);
                continue;
            }
            match elision(e, i) {
                Some(length) if !a.get(j..).unwrap_or_default().starts_with(&e[i..i + length]) => {
                    return self.elided(expected, i + length, actual, j, key);
                }
                _ => {}
            }
            if j >= a.len() {
                return Err(Difference::default());
            }
            if e[i] != a[j] {
                return match masked_word(expected, i, actual, j) {
                    Some((next_i, next_j)) => {
                        self.findings.accept(&expected[i..next_i], &actual[j..next_j], Kind::Mask.name());
                        (i, j) = (next_i, next_j);
                        continue;
                    }
                    None => Err(Difference::default()),
                };
            }
            i += 1;
            j += 1;
        }
    }

    /// A typed value at the start of a word; where to go on behind it.
    fn value(
        &mut self,
        expected: &str,
        i: usize,
        actual: &str,
        j: usize,
        key: &str,
    ) -> Result<Option<(usize, usize)>, Difference> {
        if let Some(next) = self.author_pattern(expected, i, actual, j) {
            return Ok(Some(next));
        }
        if let Some(next) = self.cluster(expected, i, actual, j)? {
            return Ok(Some(next));
        }
        if let Some((length, other)) = self.known_account(expected, i, actual, j) {
            self.bind(Kind::Account, &expected[i..i + length], &actual[j..j + other])?;
            return Ok(Some((i + length, j + other)));
        }
        if let Some((page, own)) = Host::at(expected, i).zip(Host::at(actual, j))
            && own.stands_for(&page)
        {
            self.bind(Kind::Region, page.region, own.region)?;
            self.bind(Kind::LoadBalancer, page.text, own.text)?;
            return Ok(Some((i + page.text.len(), j + own.text.len())));
        }
        if let Some((kind, length)) = typed(expected, i, key)
            && let Some(other) = counterpart(kind, expected, i, length, actual, j, key)
        {
            if matches!(kind, Kind::Hash | Kind::NameSuffix) && i > 0 && expected.as_bytes()[i - 1] == b'-' {
                // Such a part says who it is together with the name ahead of it.
                let (from, to) = (name_start(expected, i), name_start(actual, j));
                self.bind(kind, &expected[from..i + length], &actual[to..j + other])?;
            } else {
                self.bind(kind, &expected[i..i + length], &actual[j..j + other])?;
            }
            return Ok(Some((i + length, j + other)));
        }
        Ok(None)
    }

    /// Digits of about an account's length where the learner has the account.
    fn known_account(&self, expected: &str, i: usize, actual: &str, j: usize) -> Option<(usize, usize)> {
        let account = self.ledger.account()?;
        let digits = expected.as_bytes()[i..].iter().take(16).take_while(|b| b.is_ascii_digit()).count();
        let next = expected.as_bytes().get(i + digits).copied().unwrap_or(b' ');
        let there =
            (10..=12).contains(&digits) && !next.is_ascii_alphanumeric() && actual.get(j..)?.starts_with(account);
        (there && !actual.as_bytes().get(j + 12).is_some_and(u8::is_ascii_alphanumeric))
            .then_some((digits, account.len()))
    }

    /// Lets one value stand for another and says so.
    pub(super) fn bind(&mut self, kind: Kind, expected: &str, actual: &str) -> Result<(), Difference> {
        if kind == Kind::Node {
            return self.node(expected, actual);
        }
        match self.ledger.bind(kind, expected, actual) {
            Ok(true) => {
                self.findings.accept(expected, actual, kind.name());
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(conflict) => Err(Difference { reason: conflict.reason(kind) }),
        }
    }

    /// The name of a node holds its address, and outside of us-east-1 its region.
    fn node(&mut self, expected: &str, actual: &str) -> Result<(), Difference> {
        let parts = |name: &str| {
            let (host, domain) = name.split_once('.').unwrap_or((name, ""));
            let region = match domain {
                "" => String::new(),
                "ec2.internal" => "us-east-1".to_owned(),
                other => other.split('.').next().unwrap_or_default().to_owned(),
            };
            (host.trim_start_matches("ip-").replace('-', "."), region)
        };
        let ((address_e, region_e), (address_a, region_a)) = (parts(expected), parts(actual));
        if !region_a.is_empty() {
            let page = if region_e.is_empty() { &region_a } else { &region_e };
            self.bind(Kind::Region, page, &region_a)?;
        } else if !region_e.is_empty() {
            return Err(Difference::default());
        }
        self.bind(Kind::Address, &address_e, &address_a)
    }

    /// A part that the page's author declared volatile.
    fn author_pattern(&mut self, expected: &str, i: usize, actual: &str, j: usize) -> Option<(usize, usize)> {
        for pattern in &self.rules.volatile {
            let length = pattern.length_at(expected, i);
            let other = pattern.length_at(actual, j);
            if let (Some(length), Some(other)) = (length, other) {
                if expected[i..i + length] != actual[j..j + other] {
                    let reason = format!("the page says that /{}/ is volatile", pattern.source());
                    self.findings.accept(&expected[i..i + length], &actual[j..j + other], reason);
                }
                return Some((i + length, j + other));
            }
        }
        None
    }

    /// The learner's cluster name where the page has the author's, which only the two outputs together tell.
    fn cluster(
        &mut self,
        expected: &str,
        i: usize,
        actual: &str,
        j: usize,
    ) -> Result<Option<(usize, usize)>, Difference> {
        let (Some(rest_e), Some(rest_a)) = (expected.get(i..), actual.get(j..)) else { return Ok(None) };
        let at_end = |text: &str, n: usize| !text.as_bytes().get(n).is_some_and(u8::is_ascii_alphanumeric);
        let found =
            self.ledger.clusters().iter().copied().find(|name| rest_a.starts_with(name) && at_end(rest_a, name.len()));
        if let Some(learner) = found {
            if let Some(author) = self.ledger.author_of(learner) {
                let length = author.len();
                if rest_e.starts_with(author) && at_end(rest_e, length) {
                    return Ok(Some((i + length, j + learner.len())));
                }
            } else if let Some(length) = self.guess_author(rest_e, rest_a, learner) {
                let author = &rest_e[..length];
                if author != learner {
                    self.findings.accept(author, learner, Kind::Cluster.name());
                }
                return Ok(Some((i + length, j + learner.len())));
            }
        }
        if let Some((_, learner)) = self.ledger.cluster_of_author(rest_e)
            && !is_constant(expected, i)
            && !(rest_a.starts_with(learner) && at_end(rest_a, learner.len()))
        {
            return Err(Difference { reason: format!("the cluster of this session is {learner}") });
        }
        Ok(None)
    }

    /// How much of the expected text is the author's name, so that the rest of the word is the same on both sides.
    fn guess_author(&mut self, rest_e: &str, rest_a: &str, learner: &'c str) -> Option<usize> {
        if self.depth >= DEPTH {
            return None;
        }
        let name = rest_e.bytes().take(LOOK_AHEAD).take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count();
        let (end_e, end_a) = (word_end(rest_e)?, word_end(rest_a)?);
        let tail_a = rest_a.get(learner.len()..end_a)?;
        self.depth += 1;
        let mut found = None;
        let ends = (2..=name).filter(|&n| {
            n == name || (rest_e.as_bytes()[n] == b'-' && rest_e.as_bytes()[n - 1].is_ascii_alphanumeric())
        });
        for end in ends.take(16) {
            let author = &rest_e[..end];
            let mark = self.mark();
            if self.ledger.learn_cluster(author, learner) {
                let tail_e = rest_e.get(end..end_e).unwrap_or_default();
                if tail_e.is_empty() == tail_a.is_empty() && self.walk_tail(tail_e, tail_a) {
                    found = Some(end);
                }
            }
            if found.is_some() {
                // The tail is compared again by the caller; only the name is kept.
                self.back(mark);
                self.ledger.learn_cluster(author, learner);
                break;
            }
            self.back(mark);
        }
        self.depth -= 1;
        found
    }

    fn walk_tail(&mut self, tail_e: &str, tail_a: &str) -> bool {
        self.walk(tail_e, tail_a, "").is_ok()
    }

    /// `[...]` within a line: anything, up to the text behind it.
    fn elided(&mut self, expected: &str, after: usize, actual: &str, j: usize, key: &str) -> Result<(), Difference> {
        let rest = expected.get(after..).unwrap_or_default().trim_start();
        let remaining = actual.get(j..).unwrap_or_default();
        if rest.is_empty() {
            if remaining.trim().is_empty() {
                return Err(Difference { reason: "nothing is there".into() });
            }
            self.findings.accept("[...]", remaining, "the page leaves this out");
            return Ok(());
        }
        let anchor = rest.split_whitespace().next().unwrap_or(rest);
        let Some(found) = remaining.find(anchor) else { return Err(Difference::default()) };
        if self.depth >= DEPTH {
            return Err(Difference::default());
        }
        self.depth += 1;
        let result = self.walk(rest, &remaining[found..], key);
        self.depth -= 1;
        result
    }
}

/// Where the name that goes on at `at` begins.
fn name_start(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let length = bytes[..at].iter().rev().take(128).take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
    at - length
}

fn blanks(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_whitespace()).count()
}

fn creation_digits(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = bytes.get(at..)?.iter().take(32).take_while(|b| b.is_ascii_digit()).count();
    ((24..=28).contains(&digits) && bytes[at..].starts_with(b"20")).then_some(digits)
}

/// The end of a word in the sense of a shell or a quoted string; `None` when it is too far away to look at.
fn word_end(text: &str) -> Option<usize> {
    let end =
        text.bytes().take(LOOK_AHEAD).position(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b',' | b')'));
    end.or_else(|| (text.len() <= LOOK_AHEAD).then_some(text.len()))
}

/// Places where a text that looks like the cluster's name is a constant of the application: who created an object, and
/// paths and repositories outside of ARNs.
fn is_constant(expected: &str, i: usize) -> bool {
    let from = (i.saturating_sub(96)..=i).find(|&n| expected.is_char_boundary(n)).unwrap_or(i);
    let before = &expected[from..i];
    let label = before.trim_end_matches([':', '=', ' ', '"']);
    if label.ends_with("created-by") || label.ends_with("managed-by") || label.ends_with("part-of") {
        return true;
    }
    before.ends_with("environment/") || before.ends_with("aws-samples/")
}

/// `[...]` or `…` at an offset.
fn elision(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    match rest.first()? {
        b'[' if rest.starts_with(b"[...]") => Some(5),
        0xE2 if rest.starts_with("…".as_bytes()) => Some(3),
        b'<' if rest.starts_with(b"<snip>") => Some(6),
        _ => None,
    }
}
