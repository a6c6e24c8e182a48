//! Differential: command lines with the real kubectl 1.33 and with the native one, on sandboxes that began alike. Standard
//! output, standard error and exit status must be the same but for what [`masks`] lists; the share is printed by verb.
//!
//! `reads.txt` is run on one sandbox that both ask, `changes.txt` on two, one for each; see [`lines`] for the form, [`own`] for
//! `own.txt` and [`away`] for `away.txt`. [`ways`] has the ways to a cluster. The kubectl lines of the shared corpus's pages
//! (`LECTERN_SHARED`, else `../shared`) that need no shell are run too.
//!
//! The real kubectl is the file that `LECTERN_KUBECTL` names, else `kubectl.1.33` beside the `kubectl` on PATH; without one
//! the tests are ignored. `LECTERN_PARITY_ONLY` picks the sections whose name holds it, to try a few;
//! `LECTERN_PARITY_SHOW` shows every line's outputs, the same ones too.

mod away;
#[path = "../kubectl/harness.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod harness;
mod lines;
mod masks;
mod own;
mod sides;
mod ways;

use std::collections::BTreeMap;
use std::sync::Mutex;

use lines::{Line, Section};
use masks::Masks;
use needs::needs;

/// How many of a hundred command lines must be byte for byte the same.
const AT_LEAST_PERCENT: usize = 98;
/// How many command lines there are at least, without those of the corpus.
const AT_LEAST_LINES: usize = 400;
/// How many sections are run at the same time.
const AT_ONCE: usize = 3;

/// What came of one line.
pub struct Outcome {
    line: Line,
    same: bool,
}

#[needs("kubectl", "shared/corpus")]
#[test]
fn the_native_kubectl_says_what_the_real_one_says() {
    let program = oracles::path("kubectl");
    let mut sections = lines::sections(include_str!("reads.txt"), false);
    sections.extend(lines::sections(include_str!("changes.txt"), true));
    let own: usize = sections.iter().map(|section| section.lines.len()).sum();
    assert!(own >= AT_LEAST_LINES, "{own} lines");
    let corpus = oracles::path("shared/corpus");
    sections.extend(lines::of_corpus(&corpus));
    if let Ok(only) = std::env::var("LECTERN_PARITY_ONLY") {
        sections.retain(|section| section.name.contains(&only));
    }
    // Those that change something take longest.
    sections.sort_by_key(|section| std::cmp::Reverse((section.changes, section.lines.len())));
    let place = sides::Place { program, corpus, masks: Masks::new(), spent: Mutex::default() };
    let waiting = Mutex::new(sections.into_iter().collect::<std::collections::VecDeque<Section>>());
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(section) = waiting.lock().unwrap().pop_front() else { break };
                    let came = sides::run(&place, section);
                    outcomes.lock().unwrap().extend(came);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    let mut by_verb: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for outcome in &outcomes {
        let (same, all) = by_verb.entry(outcome.line.verb()).or_default();
        *same += usize::from(outcome.same);
        *all += 1;
    }
    for (verb, (same, all)) in &by_verb {
        println!("{verb:<14} {same:>4} of {all}");
    }
    let different: Vec<&str> =
        outcomes.iter().filter(|outcome| !outcome.same).map(|outcome| outcome.line.text.as_str()).collect();
    let same = outcomes.len() - different.len();
    println!("spent: {:.0?}", place.spent.lock().unwrap());
    println!("identical: {same} of {}", outcomes.len());
    assert!(same * 100 >= outcomes.len() * AT_LEAST_PERCENT, "different: {different:#?}");
}
