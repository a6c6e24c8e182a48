//! The order of keys in go-yaml: letters after other characters, numbers inside of keys by their value.

use std::cmp::Ordering;

use serde_json::Value;

/// The members of an object in go-yaml's order.
///
/// That order is not transitive (`a1b` < `a01` < `a2` < `a10` < `a1b`), which the standard sort may answer with a panic;
/// inserting one by one doesn't mind.
pub(super) fn by_key(members: &serde_json::Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut sorted: Vec<(&String, &Value)> = Vec::with_capacity(members.len());
    for member in members {
        let at = sorted.partition_point(|before| natural(before.0, member.0).is_lt());
        sorted.insert(at, member);
    }
    sorted
}

/// Compares two keys as go-yaml's encoder does (`keyList.Less`).
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    for at in 0..a.len().min(b.len()) {
        let (x, y) = (a[at], b[at]);
        if x == y {
            continue;
        }
        return match (x.is_alphabetic(), y.is_alphabetic()) {
            (true, true) => x.cmp(&y),
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => numbers(&a, &b, at),
        };
    }
    a.len().cmp(&b.len())
}

/// Compares from the first difference on, where neither key has a letter.
fn numbers(a: &[char], b: &[char], at: usize) -> Ordering {
    // A zero that follows other digits belongs to their number and must not be dropped.
    let continues =
        (a[at] == '0' || b[at] == '0') && a[..at].iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0');
    let number = |of: &[char]| {
        let digits = of[at..].iter().map_while(|c| c.to_digit(10));
        digits.fold((i64::from(continues), 0_usize), |(value, count), digit| {
            (value.wrapping_mul(10).wrapping_add(i64::from(digit)), count + 1)
        })
    };
    let ((x, x_digits), (y, y_digits)) = (number(a), number(b));
    x.cmp(&y).then(x_digits.cmp(&y_digits)).then(a[at].cmp(&b[at]))
}
