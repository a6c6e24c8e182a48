//! The recorded commands once more, in their order, with the real kubectl on `lectern sandbox`.
//!
//! What the recording's README says is no evidence, or cannot be the same twice, is masked on both sides before the
//! comparison; nothing else:
//! - ages and durations (`25m`, `3m2s`), dates and times;
//! - IPv4 addresses, node ports, names of nodes, the port behind the API server's own Service;
//! - uids, resource versions, image and container ids, machine ids, names of temporary files;
//! - the letters that names of generated objects end with, and hashes of templates and revisions;
//! - how far a Pod is on its way to readiness (0/1 and Pending, ContainerCreating or Running; ErrImagePull or
//!   ImagePullBackOff): the recording's node side was a stand-in;
//! - Events of the kubelet, and how often and when events were seen (they are told as a set);
//! - the width of columns that follows from these: runs of spaces and of dashes count as one;
//! - `rollout status` prints a line for each change that it sees: that it waited is told once;
//! - the order of rows, of described objects and of a Deployment's old ReplicaSets that differ only in what is masked, and of a
//!   described ConfigMap's or Secret's entries, which kubectl takes from a Go map.
//!
//! The recording is played in parts that need nothing of each other, each in a sandbox of its own, at the same time.
//!
//! The recording does not say how much time passed between two records. A command that only reads is therefore asked again
//! for a while before its answer counts as another. Where containers crash the sandbox runs at twice the speed, so that
//! they crash as often in the recorded twenty seconds as the stand-in let them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use needs::needs;
use regex::Regex;
use serde::Deserialize;

use crate::served::Served;

/// How many of the records that can be compared must be answered as recorded, in percent. It may only rise.
const FLOOR: usize = 96;

/// How long a command that only reads is asked again.
const SETTLES: Duration = Duration::from_secs(5);

/// Records that cannot come again, by their number, and why.
const APART: &[(usize, &str)] = &[
    (28, "the recording's control plane answers at one address, EKS's at two"),
    (29, "the node was a stand-in: no provider, no InternalDNS, no addresses of EKS; other Pods were placed on it"),
    (60, "kubectl waits for one Pod after the other in the order of their names, which generated letters decide"),
    (95, "which of similar Events are combined into one is drawn by lot in client-go's correlator"),
];

/// Records that need nothing of those before them but what is done at the beginning. Each part is played in a sandbox of its own, all at
/// the same time: most of it is waiting.
struct Part {
    /// The number of its first record; its last is the one before the next part's first.
    first: usize,
    /// How fast its sandbox runs: slower where records show what is on its way, so that a busy machine sees it too.
    speed: &'static str,
    /// What the earlier parts leave behind that these records show.
    before: &'static [&'static str],
}

const BASE: &str = "kubectl apply -k ~/environment/eks-workshop/base-application";

const READY: &str = "kubectl wait pods --all -A --for=condition=Ready --timeout=90s";

const PARTS: &[Part] = &[
    Part { first: 0, speed: "2", before: &[] },
    Part { first: 42, speed: "2", before: &[BASE, READY] },
    Part { first: 66, speed: "2", before: &[BASE] },
    Part {
        first: 131,
        speed: "1",
        // The carts' settings are those of the page on Pod Identity.
        before: &[
            BASE,
            "kubectl kustomize ~/environment/eks-workshop/modules/security/eks-pod-identity/dynamo | envsubst | kubectl apply -f-",
        ],
    },
    // What the page on affinity begins with is the application as it was.
    Part { first: 142, speed: "1", before: &[BASE, READY] },
    Part {
        first: 158,
        speed: "2",
        // The catalog's database was started anew.
        before: &[
            BASE,
            "kubectl rollout restart sts/catalog-mysql -n catalog",
            "kubectl rollout status sts/catalog-mysql -n catalog",
        ],
    },
    Part {
        first: 169,
        speed: "1",
        // Two namespaces of the base application and a Deployment that somebody made besides are there.
        before: &[
            BASE,
            "kubectl create deployment bad --image=nginx",
            "kubectl delete namespace catalog checkout ui",
            READY,
        ],
    },
    Part {
        first: 207,
        speed: "1",
        before: &[
            "kubectl apply -k ~/environment/eks-workshop/base-application/ui",
            "kubectl apply -k ~/environment/eks-workshop/base-application/catalog",
            "kubectl scale deployment -n ui ui --replicas=3",
            READY,
        ],
    },
];

/// What was done between the records and is not among them, seen by what the record of that number shows.
const BETWEEN: &[(usize, &str)] = &[
    // The Pods of revision 3 are some seconds old and ready when the next revision's first one fails.
    (91, "kubectl rollout status deploy/web -n shop"),
    // All but the Deployment is there again.
    (188, "kubectl apply -k ~/environment/eks-workshop/base-application/ui && kubectl delete deployment ui -n ui"),
    // Ages tell it: the first Pod and those of the next scaling are seconds apart.
    (192, "sleep 1"),
    (204, "sleep 1"),
];

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
            (r"(LIVE|MERGED)-\d+".to_owned(), "$1-FILE"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} [+-]\d{4}".to_owned(), "TIME"),
            (format!(r#"("pod-template-hash": )"{suffix}+""#), "$1 HASH"),
            (r"(Port: +https +443/TCP\nTargetPort: +)\d+".to_owned(), "${1}PORT"),
            (r"((Machine ID|System UUID|Boot ID): +)\S+".to_owned(), "$1 ID"),
            (r#"(resourceVersion: )"\d+""#.to_owned(), "$1 N"),
            (r"ip-10-42-\d+-\d+\.us-west-2\.compute\.internal".to_owned(), "NODE"),
            (r"us-west-2[abc]\b".to_owned(), "ZONE"),
            (r"\d+\.\d+\.\d+\.\d+(:\d+)?(/\d+)?".to_owned(), "ADDRESS"),
            (format!(r"-[bcdf0-9]*{suffix}{{7,10}}-{suffix}{{5}}(\b|_)"), "-HASH-LETTERS$1"),
            (format!(r"-{suffix}{{5}}(\b|_)"), "-LETTERS$1"),
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
            (r"\b0/(\d+) (Pending|ContainerCreating|Running) 0\b".to_owned(), "0/$1 STARTING 0"),
            (r"(STARTING 0 AGE) (ADDRESS|<none>) ".to_owned(), "$1 ADDRESS "),
            (r"ErrImagePull|ImagePullBackOff".to_owned(), "PULLING"),
        ];
        Self(rules.into_iter().map(|(rule, by)| (Regex::new(&rule).unwrap(), by)).collect())
    }

    fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (rule, by) in &self.0 {
            text = rule.replace_all(&text, *by).into_owned();
        }
        // Described objects are apart by two empty lines.
        let mut objects: Vec<String> = text.split("\n\n\n").map(told).collect();
        if objects.iter().all(|object| object.starts_with("Name: ")) {
            objects.sort();
        }
        objects.join("\n\n\n")
    }
}

/// One described object, or any other text, with what comes in any order sorted.
fn told(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut events: Option<BTreeSet<String>> = None;
    let mut waited = false;
    for line in text.lines() {
        if line.starts_with("Waiting for ") {
            waited = true;
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
                } else if let Some(sets) = line.strip_prefix("OldReplicaSets: ") {
                    let mut sets: Vec<&str> = sets.split(", ").collect();
                    sets.sort_unstable();
                    lines.push(format!("OldReplicaSets: {}", sets.join(", ")));
                } else {
                    lines.push(line.to_owned());
                }
            }
        }
    }
    lines.extend(events.into_iter().flatten());
    // Rows that differ only in what is masked come in any order, and so do the sizes of a Secret's entries.
    let mut start = 0;
    while start < lines.len() {
        let head = |line: &str| {
            let entry = line.ends_with(" bytes").then(String::new);
            entry.or_else(|| line.find("-HASH").map(|at| line[..at].to_owned()))
        };
        let first = head(&lines[start]);
        let mut end = start + 1;
        while end < lines.len() && first.is_some() && head(&lines[end]) == first {
            end += 1;
        }
        lines[start..end].sort();
        start = end;
    }
    // The result of a rollout at once and that of one that was waited for are the same result.
    if waited && lines.is_empty() {
        lines.push("Waiting for a rollout".into());
    }
    sorted_entries(lines).join("\n")
}

/// The entries of a described ConfigMap, `KEY:` over `---`, sorted by their key.
fn sorted_entries(lines: Vec<String>) -> Vec<String> {
    let begins = |at: usize| lines[at].ends_with(':') && lines.get(at + 1).is_some_and(|next| next == "---");
    let Some(first) = (0..lines.len()).find(|at| begins(*at)) else { return lines };
    let end = (first..lines.len()).find(|at| lines[*at] == "BinaryData").unwrap_or(lines.len());
    let starts: Vec<usize> = (first..end).filter(|at| begins(*at)).chain([end]).collect();
    let mut entries: Vec<Vec<String>> = starts.windows(2).map(|pair| lines[pair[0]..pair[1]].to_vec()).collect();
    // The last one has another empty line below it, whichever it is.
    for entry in &mut entries {
        while entry.last().is_some_and(String::is_empty) {
            entry.pop();
        }
    }
    entries.sort();
    [&lines[..first], &entries.concat(), &lines[end..]].concat()
}

/// Whether a command line does nothing but look.
fn only_reads(command: &str) -> bool {
    let mut words = command.split_whitespace().skip_while(|word| *word != "kubectl").skip(1);
    let mut verb = words.next();
    while verb.is_some_and(|word| word.starts_with('-')) {
        verb = words.nth(1);
    }
    matches!(verb, Some("get" | "describe")) && command.matches("kubectl").count() == 1
}

/// Exit status, standard output and standard error as they are compared.
type Told = (i32, String, String);

/// What the sandbox answered to one record.
struct Answer {
    number: usize,
    took: Duration,
    same: bool,
    /// Where it differs, for the report.
    told: String,
}

/// What all parts are played with.
struct Stage {
    kubectl: PathBuf,
    masks: Masks,
    records: Vec<Record>,
}

impl Stage {
    /// Plays the records of a part, in their order.
    fn play(&self, part: &Part, end: usize) -> Vec<Answer> {
        let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubectl_real/scenario");
        let served = Served::start(&["--scenario", scenario.to_str().unwrap(), "--speed", part.speed]);
        std::fs::create_dir_all(served.folder.path().join("environment")).unwrap();
        let manifests = oracles::path("shared/corpus/manifests");
        std::os::unix::fs::symlink(manifests, served.folder.path().join("environment/eks-workshop")).unwrap();
        let folder = oracles::path("shared/kubernetes/manifests");
        let prepare = |command: &str| {
            let output = served.bash(&self.kubectl, &folder, command);
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        };
        part.before.iter().for_each(|command| prepare(command));
        let answer = |number: usize| {
            BETWEEN.iter().filter(|(before, _)| *before == number).for_each(|(_, command)| prepare(command));
            self.answer(&served, &folder, number)
        };
        (part.first..end).map(answer).collect()
    }

    fn answer(&self, served: &Served, folder: &Path, number: usize) -> Answer {
        let (record, masks) = (&self.records[number], &self.masks);
        let began = Instant::now();
        if record.lesson.contains("use-pod-identity") && record.command.contains("rollout restart") {
            // The page makes the association before; it is no command of kubectl.
            let body =
                r#"{"namespace":"carts","serviceAccount":"carts","roleArn":"arn:aws:iam::889914021345:role/carts"}"#;
            let key = &served.environment["AWS_ACCESS_KEY_ID"];
            let made =
                served.account("eks", key, "POST", "/clusters/eks-workshop-auto/pod-identity-associations", body);
            assert!(made.starts_with("HTTP/1.1 200 "), "{made}");
        }
        let ask = || -> Told {
            let output = served.bash(&self.kubectl, folder, &record.command);
            let text = |bytes: &[u8]| masks.apply(&String::from_utf8_lossy(bytes));
            (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
        };
        let theirs = (record.exit_code, masks.apply(&record.stdout), masks.apply(&record.stderr));
        let apart = APART.iter().find(|(apart, _)| *apart == number);
        let until = Instant::now() + SETTLES;
        let mut ours = ask();
        while ours != theirs && apart.is_none() && only_reads(&record.command) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(200));
            ours = ask();
        }
        let (took, same) = (began.elapsed(), ours == theirs);
        let mut told = String::new();
        if let Some((_, why)) = apart {
            writeln!(told, "=== {number} is apart: {why}").unwrap();
        } else if !same {
            writeln!(told, "=== {number} {}: {}", record.lesson, record.command).unwrap();
            if ours.0 != theirs.0 {
                writeln!(told, "exit status {}, recorded {}", ours.0, theirs.0).unwrap();
            }
            for (name, ours, theirs) in [("stdout", &ours.1, &theirs.1), ("stderr", &ours.2, &theirs.2)] {
                if ours != theirs {
                    let diff = similar::TextDiff::from_lines(theirs, ours);
                    let diff = diff.unified_diff().context_radius(1).header("recorded", "sandbox").to_string();
                    writeln!(told, "{name}:\n{diff}").unwrap();
                }
            }
        }
        Answer { number, took, same: same && apart.is_none(), told }
    }
}

#[needs("kubectl", "shared/kubernetes", "shared/corpus")]
#[test]
fn recorded_answers_come_again() {
    let kubectl = oracles::path("kubectl");
    let text = std::fs::read_to_string(oracles::path("shared/kubernetes/transcripts.jsonl")).unwrap();
    let began = Instant::now();
    let records: Vec<Record> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ends = PARTS[1..].iter().map(|part| part.first).chain([records.len()]);
    let stage = Stage { kubectl, masks: Masks::new(), records };
    let mut answers: Vec<Answer> = std::thread::scope(|scope| {
        let stage = &stage;
        let playing: Vec<_> =
            PARTS.iter().zip(ends).map(|(part, end)| scope.spawn(move || stage.play(part, end))).collect();
        playing.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    let total = began.elapsed().as_secs_f32();
    let same = answers.iter().filter(|answer| answer.same).count();
    let comparable = stage.records.len() - APART.len();
    let figure = format!("{same} of {comparable} comparable records are answered as recorded");
    let mut report: String = answers.iter().map(|answer| answer.told.as_str()).collect();
    // Where the time goes, for whoever wants it to be less.
    writeln!(report, "=== {total:.1} s in all").unwrap();
    for (at, part) in PARTS.iter().enumerate() {
        let end = PARTS.get(at + 1).map_or(usize::MAX, |next| next.first);
        let own = answers.iter().filter(|answer| (part.first..end).contains(&answer.number));
        let took: Duration = own.map(|answer| answer.took).sum();
        writeln!(report, "{:6.2} s  the part from {}", took.as_secs_f32(), part.first).unwrap();
    }
    answers.sort_unstable_by_key(|answer| std::cmp::Reverse(answer.took));
    for answer in answers.iter().take(25) {
        let command = &stage.records[answer.number].command;
        writeln!(report, "{:6.2} s  {} {command}", answer.took.as_secs_f32(), answer.number).unwrap();
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubectl_real.txt");
    std::fs::write(&path, format!("{figure}\n\n{report}")).unwrap();
    println!("{figure}; {total:.0} s; the others: {}", path.display());
    assert!(same * 100 >= comparable * FLOOR, "{figure}, fewer than {FLOOR} %: {}", path.display());
}
