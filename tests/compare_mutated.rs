//! A small fuzzer that needs no nightly compiler: the labelled pairs, cut, spliced and overwritten at random. Runs for
//! `LECTERN_FUZZ_SECONDS` (2 by default).
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use lectern::compare::{Bindings, Case, Known, Outcome, compare};
use needs::needs;

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }
}

fn cut(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&n| text.is_char_boundary(n)).unwrap_or(0)
}

/// One to six random changes.
fn mutate(text: &str, other: &str, random: &mut Random) -> String {
    const PIECES: [&str; 24] = [
        "\n",
        "  ",
        "...",
        "[...]",
        "\t",
        "\r",
        "\x1b[",
        "é",
        "…",
        "\u{0}",
        "-",
        ":",
        "\"",
        "{",
        "]",
        "x",
        "0",
        "NAME   AGE\n",
        "5m",
        "<a>",
        "us-east-1",
        "arn:aws:",
        "- ",
        "Waiting for x...",
    ];
    let mut text = text.to_owned();
    for _ in 0..=random.below(6) {
        let (a, b) = (random.below(text.len() + 1), random.below(text.len() + 1));
        let (from, to) = (cut(&text, a.min(b)), cut(&text, a.max(b)));
        match random.below(5) {
            0 => text.replace_range(from..to.min(cut(&text, from + 40)), ""),
            1 => text.insert_str(from, PIECES[random.below(PIECES.len())]),
            2 => {
                let piece = text[from..to].to_owned();
                if piece.len() < 2000 {
                    text.insert_str(from, &piece);
                }
            }
            3 => {
                let start = cut(other, random.below(other.len() + 1));
                let end = cut(other, start + random.below(200));
                text.insert_str(from, &other[start.min(end)..end]);
            }
            _ => text.truncate(to),
        }
    }
    text
}

#[needs("shared/compare")]
#[test]
fn mutated_pairs_do_no_harm() {
    let text = std::fs::read_to_string(oracles::path("shared/compare/dev.jsonl")).unwrap();
    let pairs: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seconds = std::env::var("LECTERN_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(2);
    let start = Instant::now();
    let mut random = Random(u64::from(std::process::id()) << 20 | 0x2545_f491);
    let mut rounds = 0_u64;
    while start.elapsed() < Duration::from_secs(seconds) {
        let pick =
            |random: &mut Random, field: &str| pairs[random.below(pairs.len())][field].as_str().unwrap().to_owned();
        let pair = &pairs[random.below(pairs.len())];
        let other = pick(&mut random, "actual");
        let expected = mutate(pair["expected"].as_str().unwrap(), &other, &mut random);
        let actual = mutate(
            if rounds.is_multiple_of(2) { pair["actual"].as_str().unwrap() } else { &expected },
            &other,
            &mut random,
        );
        let command = if rounds.is_multiple_of(5) {
            pick(&mut random, "command")
        } else {
            pair["command"].as_str().unwrap().to_owned()
        };
        let known: Known = serde_json::from_value(pair["context"].clone()).unwrap();
        let began = Instant::now();
        let (comparison, _) = compare(
            &Case { command: &command, expected: &expected, actual: &actual, exit_status: 0 },
            &known,
            &Bindings::default(),
        );
        assert!(began.elapsed() < Duration::from_secs(30), "slow:\n{command}\n{expected}\n---\n{actual}");
        assert_eq!(
            comparison.rejected.is_empty(),
            comparison.verdict != Outcome::Mismatch,
            "{expected}\n---\n{actual}"
        );
        let same = compare(
            &Case { command: &command, expected: &expected, actual: &expected, exit_status: 0 },
            &Known::default(),
            &Bindings::default(),
        )
        .0;
        assert_ne!(same.verdict, Outcome::Mismatch, "{command}\n{expected}\n{:?}", same.rejected);
        rounds += 1;
    }
    println!("{rounds} rounds");
}
