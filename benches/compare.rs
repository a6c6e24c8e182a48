//! How many labelled pairs a second, and how long 10 MB take. `cargo bench --bench compare`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use divan::counter::{BytesCount, ItemsCount};
use lectern::compare::{Bindings, Case, Known, compare};

fn main() {
    divan::main();
}

#[derive(serde::Deserialize)]
struct Pair {
    command: String,
    expected: String,
    actual: String,
    context: BTreeMap<String, String>,
}

/// The labelled pairs where they are there, else a few of the same kinds.
fn pairs() -> Vec<(Pair, Known)> {
    let labelled = oracles::find("shared/compare/dev.jsonl").ok().and_then(|path| std::fs::read_to_string(path).ok());
    let text = labelled.unwrap_or_else(|| {
        let table = |hash: &str| format!("NAME   READY   STATUS    AGE\\nui-{hash}-zplwx   1/1   Running   5m");
        let line = format!(
            r#"{{"command": "kubectl get pods", "expected": "{}", "actual": "{}", "context": {{}}}}"#,
            table("55fbd7f494"),
            table("lcph7b8wdf")
        );
        vec![line; 1000].join("\n")
    });
    text.lines()
        .map(|line| serde_json::from_str::<Pair>(line).unwrap())
        .map(|pair| {
            let known = Known(pair.context.clone());
            (pair, known)
        })
        .collect()
}

#[divan::bench]
fn labelled_pairs(bencher: divan::Bencher<'_, '_>) {
    let pairs = pairs();
    let bindings = Bindings::default();
    bencher.counter(ItemsCount::new(pairs.len())).bench_local(|| {
        for (pair, known) in &pairs {
            let case = Case { command: &pair.command, expected: &pair.expected, actual: &pair.actual, exit_status: 0 };
            divan::black_box(compare(&case, known, &bindings));
        }
    });
}

#[divan::bench(args = ["table", "lines", "json"], sample_count = 5)]
fn ten_megabytes(bencher: divan::Bencher<'_, '_>, shape: &str) {
    const SIZE: usize = 10 << 20;
    let fill = |unit: &str| unit.repeat(SIZE / unit.len());
    let (command, expected, actual) = match shape {
        "table" => {
            let table = |age: &str| {
                format!(
                    "NAME   READY   STATUS    AGE\n{}",
                    fill(&format!("ui-5b68c8cddf-bn8bp   1/1   Running   {age}\n"))
                )
            };
            ("kubectl get pods", table("5m"), table("7h"))
        }
        "lines" => (
            "cat x",
            fill("2025-10-11T01:13:27Z started on 10.42.0.7\n"),
            fill("2026-01-11T01:13:27Z started on 10.42.0.9\n"),
        ),
        _ => {
            let list = |id: &str| format!("[{}{{}}]", fill(&format!("{{\"id\": \"{id}\", \"state\": \"up\"}},")));
            ("aws x", list("vpc-0123456789abcdef0"), list("vpc-0fedcba9876543210"))
        }
    };
    let (known, bindings) = (Known::default(), Bindings::default());
    bencher.counter(BytesCount::new(SIZE)).bench_local(|| {
        let case = Case { command, expected: &expected, actual: &actual, exit_status: 0 };
        divan::black_box(compare(&case, &known, &bindings))
    });
}
