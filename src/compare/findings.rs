//! What a comparison found: differences that are none, and differences that count.

use super::model::{Accepted, Comparison, Outcome, Rejected};

/// So many differences are told; nobody reads more, and a hostile output may not fill the memory.
const MOST_ACCEPTED: usize = 1_000;
/// As [`MOST_ACCEPTED`], for those that count.
const MOST_REJECTED: usize = 100;
/// Longest text quoted, in characters.
const LONGEST_QUOTE: usize = 400;

/// Collects differences in the order of the expected output.
#[derive(Default)]
pub(super) struct Findings {
    accepted: Vec<Accepted>,
    rejected: Vec<Rejected>,
}

fn quote(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl Findings {
    /// A state to go back to.
    pub(super) fn mark(&self) -> usize {
        self.accepted.len()
    }

    /// Forgets what was accepted since the mark.
    pub(super) fn back(&mut self, mark: usize) {
        self.accepted.truncate(mark);
    }

    pub(super) fn accept(&mut self, expected: &str, actual: &str, reason: impl Into<String>) {
        if self.accepted.len() < MOST_ACCEPTED {
            self.accepted.push(Accepted { expected: quote(expected), actual: quote(actual), reason: reason.into() });
        }
    }

    pub(super) fn reject(&mut self, rejected: Rejected) {
        if self.rejected.len() < MOST_REJECTED {
            self.rejected.push(Rejected {
                expected: quote(&rejected.expected),
                actual: quote(&rejected.actual),
                ..rejected
            });
        }
    }

    /// Whether nothing more would be told.
    pub(super) fn is_full(&self) -> bool {
        self.rejected.len() >= MOST_REJECTED
    }

    /// Takes over what another collection accepted.
    pub(super) fn absorb(&mut self, other: Self) {
        let room = MOST_ACCEPTED.saturating_sub(self.accepted.len());
        self.accepted.extend(other.accepted.into_iter().take(room));
    }

    /// How many differences count so far.
    pub(super) fn rejections(&self) -> usize {
        self.rejected.len()
    }

    pub(super) fn has_rejections(&self) -> bool {
        !self.rejected.is_empty()
    }

    pub(super) fn into_comparison(self) -> Comparison {
        let verdict = if self.rejected.is_empty() { Outcome::Match } else { Outcome::Mismatch };
        Comparison { verdict, accepted: self.accepted, rejected: self.rejected }
    }
}
