//! What cannot be the same on two sandboxes, and nothing else. Of lines that read one and the same sandbox only the orders and the
//! first entry are masked, where kubectl's log library stands ahead of a line (`W1128 08:26:39.942212 565 `), and of `diff` the
//! names of temporary files and what the server gives out anew in each dry run: uids and addresses.
//!
//! - The real one's own name, where it was started under another, and the server's URL.
//! - `uid`s and other UUIDs, resource versions, dates and times.
//! - Ages and durations (`25m`, `3m2s`, `<invalid>` where the real one's clock is behind the sandbox's), how often and when
//!   an event was seen, and the width of columns that follows from these.
//! - The zone of the machine that a Pod came to, where its labels are printed as JSON.
//! - The letters that generated names end with, hashes of templates and revisions, node ports, IPv4 addresses of Pods and
//!   Services; names of temporary files; tokens.
//! - The padding of a column that holds a generated name in one of its rows, of this column alone and in this table alone: hashes
//!   have seven to ten letters. How wide columns are is told without a mask where both ask the same sandbox.
//! - The order of events that are as old as each other, of Pods that are evicted at the same time, and of a described ConfigMap's
//!   or Secret's entries, of listed labels and of the names of clusters and users, and of the variables that `set env --from` makes, which kubectl takes from
//!   Go maps.
//! - How often `rollout status` and `wait` say what they wait for: that they did is told once, by the result.

use regex::Regex;

use crate::harness::Ran;
use crate::lines::Line;

pub struct Masks {
    rules: Vec<(Regex, &'static str)>,
    temporary: [(Regex, &'static str); 5],
    logged: Regex,
}

/// What comes in any order sorted.
fn in_order(line: &Line, ran: &Ran) -> Ran {
    let has = |words: &[&str]| line.words.iter().any(|word| words.iter().any(|known| word.starts_with(known)));
    let maps =
        line.verb() == "describe" && has(&["cm", "configmap", "secret"]) || line.verb() == "set" && has(&["--from"]);
    let text =
        |text: &str| match maps || line.verb() == "drain" || has(&["events", "--list", "get-clusters", "get-users"]) {
            true => sorted(text.lines()),
            false => text.to_owned(),
        };
    Ran { status: ran.status, stdout: text(&ran.stdout), stderr: text(&ran.stderr) }
}

/// Lines as a set.
fn sorted<'t>(lines: impl Iterator<Item = &'t str>) -> String {
    let mut lines: Vec<&str> = lines.collect();
    lines.sort_unstable();
    lines.dedup();
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Descriptions with their events as a set.
fn with_sorted_events(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        if line.starts_with("Events:") {
            let mut events = Vec::new();
            while let Some(event) = lines.next_if(|line| line.starts_with(' ')) {
                events.push(event.trim_end_matches('\n'));
            }
            out.push_str(&sorted(events.into_iter()));
        }
    }
    out
}

/// What kubectl's log library prints ahead of a warning.
const LOGGED: &str = r"(?m)(^[EW])\d{4} [\d:.]+ +\d+ ";

/// Takes the padding out of the columns of a table that hold a generated name. Tables are lines without an empty one between them;
/// cells end where two spaces stand.
fn without_padding(text: &str) -> String {
    let mut out = String::new();
    let mut table: Vec<&str> = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() || line.starts_with("NAME ") || line.starts_with("NAMESPACE ") {
            close(&mut table, &mut out);
        }
        table.push(line);
    }
    close(&mut table, &mut out);
    out
}

/// Writes a table down.
fn close(table: &mut Vec<&str>, out: &mut String) {
    let is_generated = |cell: &str| cell.contains("-HASH") || cell.contains("-LETTERS");
    let rows: Vec<Vec<&str>> = table.drain(..).map(cells).collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let loose: Vec<bool> =
        (0..width).map(|at| rows.iter().any(|row| row.get(at).is_some_and(|cell| is_generated(cell)))).collect();
    for row in rows {
        let last = row.len() - 1;
        for (at, cell) in row.iter().enumerate() {
            match loose[at] && at < last && !cell.trim().is_empty() {
                true => out.push_str(&format!("{} ", cell.trim_end_matches(' '))),
                false => out.push_str(cell),
            }
        }
    }
}

/// A line in its cells, each with the spaces behind it.
fn cells(line: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let mut rest = line;
    let indent = line.len() - line.trim_start_matches(' ').len();
    let mut from = indent;
    while let Some(at) = rest[from..].find("  ") {
        let spaces = rest[from + at..].len() - rest[from + at..].trim_start_matches(' ').len();
        let (cell, left) = rest.split_at(from + at + spaces);
        cells.push(cell);
        rest = left;
        from = 0;
    }
    cells.push(rest);
    cells
}

/// The letters of generated names.
const LETTERS: &str = "[bcdfghjklmnpqrstvwxz2456789]";

impl Masks {
    pub fn new() -> Self {
        let age = r"(?:\d+y)?(?:\d+d)?(?:\d+h)?(?:\d+m)?\d+s|\d+y\d+d|\d+y|\d+d\d+h|\d+d|\d+h\d+m|\d+h|\d+m|<invalid>|<unknown>";
        // Twice, since two of them may stand side by side.
        let ages = (format!(r"(?m)(^|[\s(])(?:{age})(\s+(?:\(|ago\b)| *|\))"), "${1}AGE ");
        let rules = [
            (r"[\w./-]*/kubectl-edit-\d+".to_owned(), "TEMPORARY"),
            // Thousandths of a processor are no minutes.
            (r"(cpu:? +\d+)m\b".to_owned(), "${1} thousandths"),
            (r"\b(\d+)m( +\(\d+%\)| +\d+%| +\d+Mi)".to_owned(), "${1} thousandths$2"),
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".to_owned(), "UID"),
            (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d ([+-]\d{4}|GMT)".to_owned(), "TIME"),
            (r#"("topology.kubernetes.io/zone":")us-west-2[abc]"#.to_owned(), "${1}ZONE"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z".to_owned(), "TIME"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4}( UTC)?".to_owned(), "TIME"),
            (r#"((?:resourceVersion|"resourceVersion"): )"\d+""#.to_owned(), "$1\"N\""),
            (r#"(containerd://)[0-9a-f]{64}"#.to_owned(), "${1}ID"),
            (r"((?:LIVE|MERGED)-)\d+".to_owned(), "${1}N"),
            (r"eyJ[\w.-]+".to_owned(), "TOKEN"),
            (r"\(x\d+ over [^)]*\)".to_owned(), "(SEEN)"),
            (r"(\w+-)\d{8}(-)".to_owned(), "${1}MINUTE$2"),
            (format!(r"-(?:[bcdf0-9]*{LETTERS}{{7,10}})-{LETTERS}{{5}}\b"), "-HASH-LETTERS"),
            (format!(r"(hash[=:] ?){LETTERS}{{7,10}}\b"), "${1}HASH"),
            (format!(r"-{LETTERS}{{8,10}}\b"), "-HASH"),
            (format!(r"-{LETTERS}{{5}}\b"), "-LETTERS"),
            (r"\b10\.\d+\.\d+\.\d+ *".to_owned(), "ADDRESS "),
            (r"\b172\.20\.\d+\.\d+ *".to_owned(), "ADDRESS "),
            (r"(:|nodePort: |NodePort: +\S+ +|/)3[0-2]\d{3}\b(/TCP)? *".to_owned(), "${1}PORT$2 "),
            ages.clone(),
            ages,
            (r"(AGE|IP|CLUSTER-IP|ENDPOINTS|PORT\(S\)|LAST SEEN|RESTARTS|Age|From) +".to_owned(), "$1 "),
            (r"SEEN\) +".to_owned(), "SEEN) "),
            (LOGGED.to_owned(), "${1}LOGGED "),
            (r"---- +".to_owned(), "---- "),
            (r"(?m)^(?:Waiting for|waiting for) .*\n".to_owned(), ""),
            (r"(?m) +$".to_owned(), ""),
        ];
        Self {
            rules: rules.into_iter().map(|(rule, by)| (Regex::new(&rule).unwrap(), by)).collect(),
            temporary: [
                (r"(LIVE|MERGED)-\d+", "$1-N"),
                (r"\t\d{4}-\d\d-\d\d \S+ \+0000", "\tTIME"),
                (r"(\+ +uid: )[0-9a-f-]{36}\b", "${1}UID"),
                (r"\b172\.20\.\d+\.\d+\b", "ADDRESS"),
                (r"(\+ +- name: |\+ +name: )?kube-api-access-[a-z0-9]{5}\b", "${1}kube-api-access-LETTERS"),
            ]
            .map(|(rule, by)| (Regex::new(rule).unwrap(), by)),
            logged: Regex::new(LOGGED).unwrap(),
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (rule, by) in &self.rules {
            text = rule.replace_all(&text, *by).into_owned();
        }
        without_padding(&text)
    }

    /// What is compared of a run of `line` on a sandbox that both sides ask: only what `diff` calls its temporary files differs.
    pub fn temporary(&self, line: &Line, ran: &Ran) -> Ran {
        let text = |text: &str| {
            let rules = self.temporary.iter().filter(|_| line.verb() == "diff");
            rules.fold(text.to_owned(), |text, (rule, by)| rule.replace_all(&text, *by).into_owned())
        };
        let stderr = self.logged.replace_all(&ran.stderr, "${1}LOGGED ").into_owned();
        in_order(line, &Ran { status: ran.status, stdout: text(&ran.stdout), stderr })
    }

    /// What is compared of a run of `line` on a sandbox of its own.
    pub fn apply(&self, line: &Line, ran: &Ran) -> Ran {
        let text = |text: &str| with_sorted_events(&self.text(text));
        in_order(line, &Ran { status: ran.status, stdout: text(&ran.stdout), stderr: text(&ran.stderr) })
    }
}
