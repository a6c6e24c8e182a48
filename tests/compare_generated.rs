//! Pairs that this test makes itself from the pages of the corpus: variations that a learner's world brings, which must
//! match, and faults on top of them, which must not. The rules here are written apart from those of `lectern::compare`.
//!
//! Skipped with a message where the corpus is missing. `LECTERN_COMPARE_VERBOSE=1` prints every wrong verdict.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use lectern::compare::{Bindings, Case, Known, Outcome, compare};
use needs::needs;
use regex::{Captures, Regex};

/// A small generator of random numbers (xorshift), so that a failure can be met again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 11) as usize % n.max(1)
    }
    fn text(&mut self, alphabet: &str, length: usize) -> String {
        (0..length).map(|_| alphabet.as_bytes()[self.below(alphabet.len())] as char).collect()
    }
    fn pick<'t, T>(&mut self, of: &'t [T]) -> Option<&'t T> {
        if of.is_empty() { None } else { of.get(self.below(of.len())) }
    }
}

const HEX: &str = "0123456789abcdef";
const SAFE: &str = "bcdfghjklmnpqrstvwxz2456789";

struct World {
    known: BTreeMap<String, String>,
    account: &'static str,
    region: &'static str,
    cluster: &'static str,
    auto: String,
}

fn worlds() -> Vec<World> {
    [
        ("611122223333", "eu-central-1", "shop"),
        ("090909191919", "us-east-1", "team-seven-lab"),
        ("345345345345", "ap-southeast-2", "eks-workshop"),
        ("777666555444", "ca-central-1", "eks-workshop-rivera"),
    ]
    .into_iter()
    .map(|(account, region, cluster)| {
        let auto = format!("{cluster}-auto");
        let known = [
            ("AWS_ACCOUNT_ID", account),
            ("AWS_REGION", region),
            ("EKS_CLUSTER_NAME", cluster),
            ("EKS_CLUSTER_AUTO_NAME", &auto),
        ];
        let known = known.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        World { known, account, region, cluster, auto }
    })
    .collect()
}

/// A compiled pattern; each is compiled once, which is most of the time otherwise.
fn regex(pattern: &str) -> Regex {
    thread_local! {
        static KEPT: RefCell<HashMap<String, Regex>> = RefCell::default();
    }
    KEPT.with_borrow_mut(|kept| kept.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).unwrap()).clone())
}

/// Replaces every match, the same text always in the same way.
fn replace(
    text: &str,
    pattern: &str,
    memo: &mut HashMap<String, String>,
    mut new: impl FnMut(&Captures<'_>) -> String,
) -> String {
    let pattern = regex(pattern);
    pattern
        .replace_all(text, |found: &Captures<'_>| memo.entry(found[0].to_owned()).or_insert_with(|| new(found)).clone())
        .into_owned()
}

/// What the learner's world makes of an output.
fn vary(text: &str, world: &World, random: &mut Random) -> String {
    let mut m = HashMap::new();
    // Every replacement hides its result behind letters of a private alphabet, so that a later one leaves it alone.
    let mut text = text.to_owned();
    let mut hidden: Vec<String> = Vec::new();
    let mut hide = |value: String| {
        hidden.push(value);
        format!("\u{e000}{}\u{e001}", hidden.len() - 1)
    };
    text = replace(&text, r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", &mut m, |_| {
        let part: Vec<String> = [8, 4, 4, 4, 12].iter().map(|n| random.text(HEX, *n)).collect();
        hide(part.join("-"))
    });
    text = replace(&text, r"\ba-[a-z0-9]{17}\b", &mut m, |_| hide(format!("a-{}7", random.text(SAFE, 16))));
    text = replace(&text, r"\b([a-z]+(?:-[a-z]+)*)-0[0-9a-f]{16}\b", &mut m, |c| {
        hide(format!("{}-0{}", &c[1], random.text(HEX, 16)))
    });
    text = replace(&text, r"\b[0-9a-f]{64}\b", &mut m, |_| hide(random.text(HEX, 64)));
    text = replace(&text, r"\b[0-9A-F]{32}\b", &mut m, |_| hide(random.text("0123456789ABCDEF", 32)));
    text =
        replace(&text, r"\bip-(\d+)-(\d+)-(\d+)-(\d+)\.(?:[a-z]+-[a-z]+-\d\.compute|ec2)\.internal\b", &mut m, |c| {
            let domain =
                if world.region == "us-east-1" { "ec2".to_owned() } else { format!("{}.compute", world.region) };
            hide(format!("ip-{}-{}-{}-{}.{domain}.internal", &c[1], &c[2], random.below(200), 1 + random.below(250)))
        });
    // The addresses in node names stay with them.
    let nodes: Vec<(String, String)> = m
        .iter()
        .filter(|(k, _)| k.starts_with("ip-"))
        .map(|(k, v)| {
            let index: usize = v.trim_matches(['\u{e000}', '\u{e001}']).parse().unwrap();
            let address = |name: &str| name[3..].split('.').next().unwrap().replace('-', ".");
            (address(k), address(&hidden[index]))
        })
        .collect();
    let mut hide = |value: String| {
        hidden.push(value);
        format!("\u{e000}{}\u{e001}", hidden.len() - 1)
    };
    text = replace(&text, r"\b(10|172)\.(\d+)\.(\d+)\.(\d+)\b(/\d+)?", &mut m, |c| {
        if c.get(5).is_some() {
            return c[0].to_owned();
        }
        let bound = nodes.iter().find(|(page, _)| *page == c[0]).map(|(_, mine)| mine.clone());
        hide(bound.unwrap_or_else(|| format!("{}.{}.{}.{}", &c[1], &c[2], random.below(250), 1 + random.below(250))))
    });
    text = replace(&text, r"\b(k8s-[a-z0-9]+-[a-z0-9]+-)([0-9a-f]{10})\b", &mut m, |c| {
        format!("{}{}", &c[1], hide(format!("a7{}", random.text(HEX, 8))))
    });
    text = replace(&text, r"-(\d{8,10})(\.[a-z]+-[a-z]+-\d\.elb)", &mut m, |c| {
        format!("-{}{}", hide(format!("1{}", random.text("0123456789", 8))), &c[2])
    });
    text = replace(&text, r"\b\d{12}\b|\b1234567890\b|\$AWS_ACCOUNT_ID\b", &mut m, |_| hide(world.account.to_owned()));
    text = replace(&text, r"\b(?:us|eu|ap|ca)-(?:north|south|east|west|central)[a-z]*-\d([a-f]?)\b", &mut m, |c| {
        hide(format!("{}{}", world.region, &c[1]))
    });
    text = replace(&text, r"(created-by(?:=|: |\x22: \x22))eks-workshop", &mut m, |c| {
        format!("{}{}", &c[1], hide("eks-workshop".into()))
    });
    text = replace(&text, r"\beks-workshop-auto\b", &mut m, |_| hide(world.auto.clone()));
    text = replace(&text, r"\beks-workshop\b", &mut m, |_| hide(world.cluster.to_owned()));
    // Generated names: the template hash keeps its rows together.
    let mut hashes: HashMap<String, String> = HashMap::new();
    let pods = regex(
        r"\b([a-z][a-z0-9-]*?)-([0-9bcdfghjklmnpqrstvwxz]{7,10})-([bcdfghjklmnpqrstvwxz2456789]{5}|[a-z]{3}\d\d)(?:\b|_)",
    );
    text = pods
        .replace_all(&text, |c: &Captures<'_>| {
            if !c[2].bytes().any(|b| b.is_ascii_digit()) {
                return c[0].to_owned();
            }
            let hash = hashes
                .entry(c[2].to_owned())
                .or_insert_with(|| format!("{}7{}", random.text(SAFE, 4), random.text(SAFE, 5)))
                .clone();
            let whole = m
                .entry(c[0].trim_end_matches('_').to_owned())
                .or_insert_with(|| format!("{}-{hash}-{}", &c[1], random.text(SAFE, 5)));
            format!("{}{}", hide(whole.clone()), if c[0].ends_with('_') { "_" } else { "" })
        })
        .into_owned();
    for (old, new) in &hashes {
        text = text
            .replace(&format!("hash={old}"), &format!("hash={new}"))
            .replace(&format!("ReplicaSet/ui-{old}"), &format!("ReplicaSet/ui-{new}"))
            .replace(&format!("hash\": \"{old}\""), &format!("hash\": \"{new}\""));
    }
    text = replace(&text, r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", &mut m, |_| {
        hide(format!(
            "2026-0{}-1{}T1{}:2{}:3{}",
            1 + random.below(9),
            random.below(9),
            random.below(9),
            random.below(9),
            random.below(9)
        ))
    });
    text = replace(&text, r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d", &mut m, |_| {
        hide(format!("Tue, 1{} Mar 2026 0{}:11:12", random.below(9), random.below(9)))
    });
    text = replace(&text, r"vVAR::KUBERNETES_NODE_VERSION", &mut m, |_| hide("v1.33.5-eks-113cf36".into()));
    text = replace(&text, r"\bx{8,}\b", &mut m, |_| hide(random.text(HEX, 10)));
    text = replace(&text, r"\bXXX\.XXX\.XXX\.XXX\b", &mut m, |_| hide(format!("172.20.3.{}", 1 + random.below(250))));
    text = replace(&text, r"\bXXXX(?::XXXX)+::XXXX\b", &mut m, |_| hide("2a00:1450:4001:82b::2004".into()));
    text = replace(&text, r"LS0tL\(\.\.\.\)L[A-Za-z0-9]*=?", &mut m, |_| {
        hide(format!("LS0tLS1CRUdJTi{}LQo=", random.text(HEX, 40)))
    });
    text = replace(&text, r"(sealed-secrets-key)[a-z0-9]{5}\b", &mut m, |c| {
        hide(format!("{}{}", &c[1], random.text(SAFE, 5)))
    });
    text = replace(&text, r"\.([a-z0-9]{12})(\.[a-z]+-[a-z]+-\d\.rds\.)", &mut m, |c| {
        format!(".{}{}", hide(format!("c{}", random.text(SAFE, 11))), &c[2])
    });
    text = replace(&text, r"\bpvc-abc123\.\.\.", &mut m, |_| hide("pvc-0f1e2d3c-4b5a-4678-9abc-def012345678".into()));
    text = replace(&text, r"\bvol-0abc123\.\.\.", &mut m, |_| hide("vol-0a1b2c3d4e5f60718".into()));
    let age = regex(r"(  |\()(\d+[smhd](?:\d+[smhd])?)( ago\)|$|   )");
    let aged = |line: &str| !line.contains("cpu:") && !text.contains("INTERVAL");
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let new =
                |c: &Captures<'_>| format!("{}{}{}", &c[1], ["7m3s", "44s", "3h12m", "5d2h"][random.below(4)], &c[3]);
            if aged(line) { age.replace_all(line, new).into_owned() } else { line.to_owned() }
        })
        .collect();
    text = lines.join("\n");
    for (index, value) in hidden.iter().enumerate().rev() {
        text = text.replace(&format!("\u{e000}{index}\u{e001}"), value);
    }
    text
}

/// Blank lines around an output, and blanks at the ends of its lines.
fn blanks(text: &str, random: &mut Random) -> String {
    let ends = ["", " ", "   ", "\t"];
    let lines: Vec<String> = text.lines().map(|line| format!("{line}{}", ends[random.below(4)])).collect();
    format!("\n  \n{}\n\n", lines.join("\n"))
}

/// What terminals are sent beside text: colours of `grep`, `jq` and `yq`, a title, hidden cursors, and progress written over.
fn terminal(text: &str, random: &mut Random) -> String {
    let coloured = match random.below(4) {
        0 => regex(r#""[^"\n]+":"#).replace_all(text, "\x1b[0m\x1b[34;1m$0\x1b[0m").into_owned(),
        1 => regex(r"(?m)^(\s*)([\w.-]+)").replace_all(text, "$1\x1b[01;31m\x1b[K$2\x1b[m\x1b[K").into_owned(),
        2 => regex(r"(?m)^.+$").replace_all(text, "\x1b[38;2;90;200;9m$0\x1b[39m\x1b[K").into_owned(),
        _ => format!("\x1b[1m{text}\x1b[0m"),
    };
    let ahead = ["", "\x1b]0;a title\x07\x1b[?25l", "50%\r100%\r\x1b[2K", "one\ntwo\n\x1b[2A\x1b[J"];
    format!("{}{coloured}\x1b[?25h", ahead[random.below(4)])
}

/// Lines of a table sorted anew by their names, as the server gives them.
fn resort(command: &str, text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    let sorted = !command.contains("sort-by") && !command.contains("watch") && command.contains("kubectl get");
    if !sorted
        || lines.len() < 3
        || !lines[0].starts_with("NAME ")
        || lines[1..].iter().any(|l| l.starts_with("NAME"))
        || text.contains("...")
    {
        return text.to_owned();
    }
    let mut rows = lines[1..].to_vec();
    rows.sort_unstable();
    std::iter::once(lines[0]).chain(rows).collect::<Vec<_>>().join("\n")
}

/// Changes what a careful teacher would see; `None` where the fault does not fit the output.
fn fault(kind: &str, command: &str, page: &str, text: &str, world: &World, random: &mut Random) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let elided = page.contains("...");
    let is_json = page.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde_json::Value>(page).is_ok();
    let swap = |from: &str, to: &str| text.contains(from).then(|| text.replacen(from, to, 1));
    let word = |pairs: &[(&str, &str)], random: &mut Random| {
        let fitting: Vec<_> = pairs.iter().filter(|(from, _)| regex(&format!(r"\b{from}\b")).is_match(text)).collect();
        let (from, to) = random.pick(&fitting)?;
        Some(regex(&format!(r"\b{from}\b")).replacen(text, 1, *to).into_owned())
    };
    match kind {
        "empty" => Some(String::new()),
        "error" => {
            Some("Error from server (Forbidden): pods is forbidden: User \"someone\" cannot list resource".into())
        }
        "no-resources" => (page.starts_with("NAME") && !page.contains("No resources"))
            .then(|| "No resources found in default namespace.".into()),
        "status" => word(
            &[
                ("Running", "CrashLoopBackOff"),
                ("Ready", "NotReady"),
                ("Bound", "Pending"),
                ("active", "failed"),
                ("healthy", "unhealthy"),
                ("ACTIVE", "DELETING"),
                ("Complete", "Failed"),
                ("Completed", "Error"),
                ("UP", "DOWN"),
                ("created", "deleted"),
                ("deleted", "created"),
                ("True", "False"),
                ("ok", "error"),
                ("Success", "Failed"),
                ("Active", "Terminating"),
            ],
            random,
        ),
        "ready" => {
            let ready = regex(r" (\d)/(\d) ");
            let found = ready.captures(text)?;
            (found[1] == found[2] && &found[1] != "0")
                .then(|| ready.replacen(text, 1, format!(" 0/{} ", &found[2])).into_owned())
        }
        "missing-line" => {
            if elided || is_json || lines.len() < 3 {
                return None;
            }
            let candidates: Vec<usize> = (1..lines.len())
                .filter(|&n| {
                    let l = lines[n].trim();
                    l.len() > 3
                        && !l.starts_with("Waiting")
                        && !l.contains("--:--:--")
                        && lines.iter().filter(|o| o.trim() == l).count() == 1
                })
                .collect();
            let gone = *random.pick(&candidates)?;
            if lines[gone].contains("% Total") || lines[gone].contains("Dload") {
                return None;
            }
            Some(lines.iter().enumerate().filter(|(n, _)| *n != gone).map(|(_, l)| *l).collect::<Vec<_>>().join("\n"))
        }
        "wrong-name" => word(
            &[
                ("catalog", "orders"),
                ("checkout", "billing"),
                ("ui", "assets"),
                ("carts", "payments"),
                ("inflate", "deflate"),
                ("karpenter", "scaler"),
                ("external-dns", "internal-dns"),
                ("general-purpose", "special"),
                ("mysql", "postgres"),
            ],
            random,
        ),
        "other-spec" => word(
            &[
                ("ClusterIP", "NodePort"),
                ("LoadBalancer", "ClusterIP"),
                ("RWO", "RWX"),
                ("RWX", "RWO"),
                ("Delete", "Retain"),
                ("Retain", "Delete"),
                ("30Gi", "10Gi"),
                ("5Gi", "6Gi"),
                ("amd64", "arm64"),
                ("internet-facing", "internal"),
                ("application", "network"),
                ("8080", "8081"),
                ("3306", "5432"),
                ("gp2", "gp3"),
                ("alb", "nginx"),
                ("Immediate", "WaitForFirstConsumer"),
                ("on-demand", "spot"),
                ("m5.large", "m5.xlarge"),
                ("c6a.large", "c5.large"),
                ("200 OK", "503 Service Unavailable"),
                ("mysql:8.0", "mysql:5.7"),
            ],
            random,
        ),
        "wrong-account" => swap(world.account, "998877665544"),
        "wrong-region" => swap(world.region, "sa-east-1"),
        "wrong-cluster" => {
            let unlabelled = text
                .replace("created-by=eks-workshop", "")
                .replace("created-by: eks-workshop", "")
                .replace("created-by\": \"eks-workshop", "");
            if text.matches(world.cluster).count() != unlabelled.matches(world.cluster).count() {
                return None;
            }
            swap(world.cluster, "other-place")
        }
        "truncated" => is_json
            .then(|| text[..text.char_indices().map(|(i, _)| i).nth(text.chars().count() * 2 / 3).unwrap()].to_owned()),
        "json-value" => {
            if !is_json {
                return None;
            }
            let mut value: serde_json::Value = serde_json::from_str(text).ok()?;
            let paths = leaves(&value, String::new());
            let path = random.pick(&paths)?.clone();
            let leaf = value.pointer_mut(&path)?;
            *leaf = match &*leaf {
                serde_json::Value::Bool(b) => (!*b).into(),
                serde_json::Value::Number(n) if n.as_i64().is_some_and(|n| n < 30_000) => (n.as_i64()? + 1).into(),
                serde_json::Value::Number(_) => return None,
                serde_json::Value::Array(_) => serde_json::json!([{ "unexpected": "entry" }]),
                _ => serde_json::Value::Null,
            };
            Some(serde_json::to_string_pretty(&value).ok()?)
        }
        "json-missing" => {
            if !is_json {
                return None;
            }
            let mut value: serde_json::Value = serde_json::from_str(text).ok()?;
            let paths = leaves(&value, String::new());
            let path = random.pick(&paths)?.clone();
            let (parent, key) = path.rsplit_once('/')?;
            match value.pointer_mut(parent)? {
                serde_json::Value::Object(map) => drop(map.remove(&key.replace("~1", "/").replace("~0", "~"))?),
                serde_json::Value::Array(list) => drop(list.remove(key.parse().ok()?)),
                _ => return None,
            }
            Some(serde_json::to_string_pretty(&value).ok()?)
        }
        "inconsistent" => {
            // An id that the page repeats is another one in one place.
            let id = regex(r"\b(?:[a-z]+-0[0-9a-f]{16}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|a-[a-z0-9]{17})\b");
            let repeated: Vec<&str> =
                id.find_iter(text).map(|m| m.as_str()).filter(|m| text.matches(m).count() > 1).collect();
            let one = *random.pick(&repeated)?;
            let last = one.chars().last()?;
            let other = format!("{}{}", &one[..one.len() - 1], if last == '3' { '4' } else { '3' });
            Some(text.replacen(one, &other, 1))
        }
        "legacy" => {
            let value = regex(r#"(?m)^( *[A-Za-z][A-Za-z -]*: +|[A-Z_]+=)([a-z][a-z-]+)$"#);
            (value.is_match(text) && !elided).then(|| value.replacen(text, 1, "${1}legacy-${2}").into_owned())
        }
        "number" => {
            let table = page.trim_start().starts_with("NAME") && !command.contains("hpa");
            let number = regex(r"(  )([1-9])(  )");
            (table && number.is_match(text)).then(|| number.replacen(text, 1, "${1}0${3}").into_owned())
        }
        _ => None,
    }
}

fn leaves(value: &serde_json::Value, path: String) -> Vec<String> {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        serde_json::Value::Object(map) if !map.is_empty() => {
            map.iter().flat_map(|(k, v)| leaves(v, format!("{path}/{}", escape(k)))).collect()
        }
        serde_json::Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().flat_map(|(n, v)| leaves(v, format!("{path}/{n}"))).collect()
        }
        serde_json::Value::Object(_) | serde_json::Value::Null => Vec::new(),
        _ => vec![path],
    }
}

/// Every command with output on the pages below a folder.
fn commands(folder: &Path, found: &mut Vec<(PathBuf, String, String)>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            commands(&path, found);
        } else if path.extension().is_some_and(|e| e == "md") {
            let text = std::fs::read_to_string(&path).unwrap();
            for fence in regex(r"(?ms)^```bash[^\n]*\n(.*?)^```").captures_iter(&text) {
                let mut open: Option<(String, String)> = None;
                let mut lines = fence[1].lines().peekable();
                while let Some(line) = lines.next() {
                    if let Some(first) = line.strip_prefix("$ ") {
                        found.extend(open.take().map(|(c, o)| (path.clone(), c, o)));
                        let mut command = first.to_owned();
                        while command.ends_with('\\') && lines.peek().is_some() {
                            command.push('\n');
                            command.push_str(lines.next().unwrap());
                        }
                        if let Some(end) = regex(r#"<<-?\s*['"]?(\w+)"#).captures(&command.clone()) {
                            for line in lines.by_ref() {
                                command.push('\n');
                                command.push_str(line);
                                if line.trim() == &end[1] {
                                    break;
                                }
                            }
                        }
                        open = Some((command, String::new()));
                    } else if let Some((_, output)) = &mut open {
                        output.push_str(line);
                        output.push('\n');
                    }
                }
                found.extend(open.take().map(|(c, o)| (path.clone(), c, o)));
            }
        }
    }
}

#[needs("shared/corpus", "shared/corpus-more")]
#[test]
fn pairs_made_from_the_corpus() {
    let mut found = Vec::new();
    for corpus in ["shared/corpus/website/docs", "shared/corpus-more/website/docs"] {
        commands(&oracles::path(corpus), &mut found);
    }
    // What is nothing but comments is not compared.
    found.retain(|(_, _, output)| output.lines().any(|line| !line.trim().is_empty() && !line.starts_with("# ")));
    found.sort_by(|a, b| (&a.1, &a.2).cmp(&(&b.1, &b.2)));
    found.dedup_by(|a, b| a.1 == b.1 && a.2 == b.2);
    let verbose = std::env::var_os("LECTERN_COMPARE_VERBOSE").is_some();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut table: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    const FAULTS: [&str; 18] = [
        "empty",
        "error",
        "no-resources",
        "status",
        "ready",
        "missing-line",
        "wrong-name",
        "other-spec",
        "wrong-account",
        "wrong-region",
        "wrong-cluster",
        "truncated",
        "json-value",
        "json-missing",
        "number",
        "inconsistent",
        "legacy",
        "other-command",
    ];
    let others: Vec<String> = found.iter().map(|(_, _, o)| o.clone()).collect();
    for (path, command, page) in &found {
        for world in &worlds() {
            let varied = resort(command, &vary(page, world, &mut random));
            let mut check = |label: &'static str, kind: &'static str, actual: &str| {
                let case = Case { command, expected: page, actual, exit_status: 0 };
                let (comparison, _) = compare(&case, &Known(world.known.clone()), &Bindings::default());
                let right = (comparison.verdict != Outcome::Mismatch) == (label == "match");
                let row = table.entry((label, kind)).or_default();
                row.0 += 1;
                row.1 += usize::from(!right);
                if !right && verbose {
                    println!(
                        "--- {label} {kind} {}\n$ {command}\n{actual}\n{:#?}",
                        path.display(),
                        comparison.rejected
                    );
                    println!(
                        "    accepted: {:?}",
                        comparison
                            .accepted
                            .iter()
                            .take(8)
                            .map(|a| (&a.expected, &a.actual, &a.reason))
                            .collect::<Vec<_>>()
                    );
                }
            };
            check("match", "varied", &varied);
            check("match", "varied, CRLF", &varied.replace('\n', "\r\n"));
            check("match", "blanks", &blanks(&varied, &mut random));
            check("match", "terminal", &terminal(&varied, &mut random));
            let own: serde_json::Result<serde_json::Value> = serde_json::from_str(&varied);
            if let (Ok(mut value), Ok(_)) = (own, serde_json::from_str::<serde_json::Value>(page)) {
                check("match", "compact JSON", &value.to_string());
                let target = if value.is_array() { value.pointer_mut("/0") } else { Some(&mut value) };
                if let Some(serde_json::Value::Object(map)) = target {
                    map.insert("revisionHint".into(), serde_json::json!({ "since": 3 }));
                    check("match", "another field", &serde_json::to_string_pretty(&value).unwrap());
                }
            }
            let gap = regex(r"(?m)^[ \t]*\[?\.{3,4}\]?[ \t]*$");
            if gap.is_match(page) && page.trim().len() > 5 {
                check("match", "filled gap", &gap.replace_all(&varied, "Priority:  0\nsome other words\n  - and more"));
            }
            for kind in FAULTS {
                let actual = if kind == "other-command" {
                    random
                        .pick(&others)
                        .filter(|other| {
                            other.split_whitespace().nth(5) != page.split_whitespace().nth(5) && page.trim() != "[...]"
                        })
                        .cloned()
                } else {
                    fault(kind, command, page, &varied, world, &mut random)
                };
                if let Some(actual) = actual.filter(|actual| *actual != varied) {
                    check("mismatch", kind, &actual);
                }
            }
        }
    }
    let rate = |label: &str| {
        let (all, wrong) =
            table.iter().filter(|((l, _), _)| *l == label).fold((0, 0), |(a, w), (_, (n, x))| (a + n, w + x));
        println!("{label:<9} {wrong:>4} wrong of {all:>5}");
        wrong as f64 / all as f64
    };
    for ((label, kind), (all, wrong)) in &table {
        println!("  {label:<9} {kind:<14} {wrong:>4} wrong of {all:>5}");
    }
    let (rejects, accepts) = (rate("match"), rate("mismatch"));
    assert!(rejects <= 0.002, "false rejects: {:.2} %", rejects * 100.0);
    assert!(accepts <= 0.003, "false accepts: {:.2} %", accepts * 100.0);
}
