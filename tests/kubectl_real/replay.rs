//! The recorded commands once more, in their order, with the real kubectl on `lectern sandbox`.
//!
//! What the recording's README says is no evidence, or cannot be the same twice, is masked on both sides before the
//! comparison; nothing else:
//! - ages and durations (`25m`, `3m2s`), dates and times;
//! - IPv4 addresses, node ports, names of nodes;
//! - uids, resource versions, image and container ids, machine ids;
//! - the letters that names of generated objects end with, and hashes of templates and revisions;
//! - Events of the kubelet, and how often and when events were seen (they are told as a set);
//! - the width of columns that follows from these: runs of spaces and of dashes count as one;
//! - `rollout status` prints a line for each change that it sees: lines that wait for a rollout are told as the set of
//!   their last two, `NUMBER` for their counts;
//! - the order of rows that differ only in what is masked.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde::Deserialize;

use crate::served::{Served, real_kubectl};

/// How many records must be answered as recorded. It may only rise.
const FLOOR: usize = 180;

#[derive(Deserialize)]
struct Record {
    lesson: String,
    command: String,
    exit_code: i32,
    stdout: String,
    stderr: String,
}

struct Masks(Vec<(Regex, &'static str)>);

impl Masks {
    fn new() -> Self {
        let suffix = "[bcdfghjklmnpqrstvwxz2456789]";
        let rules = [
            (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}".to_owned(), "TIME"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z".to_owned(), "TIME"),
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".to_owned(), "UID"),
            (r"(containerd://)[0-9a-f]{64}".to_owned(), "ID"),
            (r"\S+@sha256:[0-9a-f]{64}".to_owned(), "ID"),
            (r"((Machine ID|System UUID|Boot ID): +)\S+".to_owned(), "$1 ID"),
            (r#"(resourceVersion: )"\d+""#.to_owned(), "$1 N"),
            (r"ip-10-42-\d+-\d+\.us-west-2\.compute\.internal".to_owned(), "NODE"),
            (r"us-west-2[abc]\b".to_owned(), "ZONE"),
            (r"\d+\.\d+\.\d+\.\d+(:\d+)?(/\d+)?".to_owned(), "ADDRESS"),
            (format!(r"-[bcdf0-9]*{suffix}{{7,10}}-{suffix}{{5}}\b"), "-HASH-LETTERS"),
            (format!(r"-{suffix}{{5}}\b"), "-LETTERS"),
            (r"-\d{8}\b".to_owned(), "-MINUTE"),
            (format!(r"-{suffix}{{8,10}}\b"), "-HASH"),
            (format!(r"(hash=){suffix}{{7,10}}\b"), "${1}HASH"),
            (r"\(x\d+ over [^)]*\)".to_owned(), "(SEEN)"),
            (r"\(\d+[smh][0-9smh]* ago\)".to_owned(), "(AGO)"),
            (r"\b(\d+d)?(\d+h)?(\d+m)?\d+s\b|\b\d+m\b|<invalid>".to_owned(), "AGE"),
            (r"(:)3\d{4}(/TCP)".to_owned(), "${1}PORT$2"),
            (r"(NodePort: +\S+ +)3\d{4}".to_owned(), "${1}PORT"),
            (r" {2,}".to_owned(), " "),
            (r"-{3,}".to_owned(), "---"),
            (r"(?m) +$".to_owned(), ""),
        ];
        Self(rules.into_iter().map(|(rule, by)| (Regex::new(&rule).unwrap(), by)).collect())
    }

    fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (rule, by) in &self.0 {
            text = rule.replace_all(&text, *by).into_owned();
        }
        let mut lines: Vec<String> = Vec::new();
        let mut events: Option<BTreeSet<String>> = None;
        let mut waits = BTreeSet::new();
        for line in text.lines() {
            if line.starts_with("Waiting for ") {
                // Numbers of replicas on the way.
                waits.insert(line.split(':').next().unwrap_or_default().to_owned());
                continue;
            }
            match &mut events {
                Some(seen) if line.starts_with(' ') => {
                    if !line.contains(" kubelet") && !line.contains(", NODE ") {
                        seen.insert(line.to_owned());
                    }
                }
                Some(seen) => {
                    lines.extend(std::mem::take(seen));
                    events = None;
                    lines.push(line.to_owned());
                }
                None => {
                    if line.starts_with("Events:") {
                        events = Some(BTreeSet::new());
                    } else {
                        lines.push(line.to_owned());
                    }
                }
            }
        }
        lines.extend(events.into_iter().flatten());
        // Rows that differ only in what is masked come in any order.
        let mut start = 0;
        while start < lines.len() {
            let head = |line: &str| line.split("-HASH-LETTERS").next().unwrap_or_default().to_owned();
            let mut end = start + 1;
            while end < lines.len() && lines[end].contains("-HASH-LETTERS") && head(&lines[end]) == head(&lines[start])
            {
                end += 1;
            }
            lines[start..end].sort();
            start = end;
        }
        lines.extend(waits);
        lines.join("\n")
    }
}

fn shared() -> PathBuf {
    std::env::var_os("LECTERN_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

#[test]
fn recorded_answers_come_again() {
    let Some(kubectl) = real_kubectl() else { return };
    let shared = shared();
    let Ok(text) = std::fs::read_to_string(shared.join("kubernetes/transcripts.jsonl")) else {
        eprintln!("skipped: there are no transcripts in {}", shared.display());
        return;
    };
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubectl_real/scenario");
    let served = Served::start(&["--scenario", scenario.to_str().unwrap()]);
    std::fs::create_dir_all(served.folder.path().join("environment")).unwrap();
    let manifests = shared.join("corpus/manifests").canonicalize().unwrap();
    std::os::unix::fs::symlink(manifests, served.folder.path().join("environment/eks-workshop")).unwrap();
    let folder = shared.join("kubernetes/manifests");

    let masks = Masks::new();
    let (mut total, mut same, mut report) = (0, 0, String::new());
    for (number, line) in text.lines().enumerate() {
        let record: Record = serde_json::from_str(line).unwrap();
        if record.lesson.contains("use-pod-identity") && record.command.contains("rollout restart") {
            // The page makes the association before; it is no command of kubectl.
            let body =
                r#"{"namespace":"carts","serviceAccount":"carts","roleArn":"arn:aws:iam::889914021345:role/carts"}"#;
            let key = &served.environment["AWS_ACCESS_KEY_ID"];
            let made =
                served.account("eks", key, "POST", "/clusters/eks-workshop-auto/pod-identity-associations", body);
            assert!(made.starts_with("HTTP/1.1 200 "), "{made}");
        }
        let output = served.bash(&kubectl, &folder, &record.command);
        let text = |bytes: &[u8]| masks.apply(&String::from_utf8_lossy(bytes));
        let ours = (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr));
        let theirs = (record.exit_code, masks.apply(&record.stdout), masks.apply(&record.stderr));
        total += 1;
        if ours == theirs {
            same += 1;
            continue;
        }
        writeln!(report, "=== {number} {}: {}", record.lesson, record.command).unwrap();
        if ours.0 != theirs.0 {
            writeln!(report, "exit status {}, recorded {}", ours.0, theirs.0).unwrap();
        }
        for (name, ours, theirs) in [("stdout", &ours.1, &theirs.1), ("stderr", &ours.2, &theirs.2)] {
            if ours != theirs {
                let diff = similar::TextDiff::from_lines(theirs, ours);
                writeln!(report, "{name}:\n{}", diff.unified_diff().context_radius(1).header("recorded", "sandbox"))
                    .unwrap();
            }
        }
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubectl_real.txt");
    std::fs::write(&path, format!("{same} of {total} identical\n\n{report}")).unwrap();
    println!("{same} of {total} records are answered as recorded; the others: {}", path.display());
    assert!(
        same >= FLOOR,
        "{same} of {total} records are answered as recorded, fewer than before ({FLOOR}): {}",
        path.display()
    );
}
