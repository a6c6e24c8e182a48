//! How much a search may do: what is found in the order of the page costs nothing extra, all else is counted, so that
//! the time of a comparison grows with the length of its texts and no faster.

use std::collections::BTreeSet;

/// Text that is compared at the cost of one try, in bytes.
const TRY: usize = 96;

/// What is left to spend on comparing one line or row with another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    left: usize,
}

impl Effort {
    /// Enough to compare all of these texts once with what stands at their place, and `more` tries.
    pub(super) fn new<'t>(texts: impl Iterator<Item = &'t str>, more: usize) -> Self {
        Self { left: texts.map(price).sum::<usize>() + more }
    }

    /// Pays for one comparison of two texts; `false` when there is nothing left.
    pub(super) fn spend(&mut self, expected: &str, actual: &str) -> bool {
        let price = price(expected).max(price(actual));
        let enough = self.left >= price;
        self.left = self.left.saturating_sub(price);
        enough
    }
}

fn price(text: &str) -> usize {
    1 + text.len() / TRY
}

/// The places of an output that no line of the page has taken yet.
#[derive(Debug, Clone)]
pub(super) struct Vacant(BTreeSet<usize>);

impl Vacant {
    /// All places below `count`.
    pub(super) fn all(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The next place behind `last` on the way from `home` to the end and from the start to `home`.
    pub(super) fn next(&self, home: usize, last: Option<usize>) -> Option<usize> {
        let first = |from: usize, to: usize| (from < to).then(|| self.0.range(from..to).next().copied()).flatten();
        match last {
            None => first(home, usize::MAX).or_else(|| first(0, home)),
            Some(last) if last >= home => first(last + 1, usize::MAX).or_else(|| first(0, home)),
            Some(last) => first(last + 1, home),
        }
    }

    pub(super) fn take(&mut self, place: usize) {
        self.0.remove(&place);
    }

    pub(super) fn give_back(&mut self, place: usize) {
        self.0.insert(place);
    }

    /// The places that are left, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_visited_once_each_from_home_on() {
        let mut vacant = Vacant::all(6);
        vacant.take(1);
        vacant.take(4);
        for (home, expected) in
            [(0, vec![0, 2, 3, 5]), (3, vec![3, 5, 0, 2]), (4, vec![5, 0, 2, 3]), (9, vec![0, 2, 3, 5])]
        {
            let mut seen = Vec::new();
            let mut last = None;
            while let Some(place) = vacant.next(home, last) {
                seen.push(place);
                last = Some(place);
            }
            assert_eq!(seen, expected, "from {home}");
        }
        vacant.give_back(4);
        assert_eq!(vacant.iter().collect::<Vec<_>>(), [0, 2, 3, 4, 5]);
    }

    #[test]
    fn long_texts_cost_more() {
        let long = "x".repeat(10 * TRY);
        let mut effort = Effort::new([long.as_str()].into_iter(), 3);
        assert!(effort.spend(&long, "x") && !effort.spend("x", &long));
        let mut effort = Effort::new([long.as_str()].into_iter(), 3);
        assert!((0..14).all(|_| effort.spend("", "x")) && !effort.spend("", ""));
    }
}
