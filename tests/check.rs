//! `lectern check` as its users run it: statuses, formats, mending; the real pages of the EKS Workshop; and that a page which the workshop's own
//! runner executes is executed alike here.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use needs::needs;
use serde_json::{Value, json};
use support::World;

fn page(world: &World, name: &str, body: &str) -> String {
    let path = world.path(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(&path, format!("---\ntitle: T\n---\n{body}\n")).expect("written");
    path.display().to_string()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const CLEAN: &str = "```bash\n$ echo hello\nhello\n```";
const WARNING: &str = "```bash hooktimeout=30\n$ echo hello\nhello\n```";
const ERROR: &str = "```bash\n$ echo 'hello\n```";

#[test]
fn the_status_says_whether_anything_counts() {
    let world = World::new();
    let (clean, warning, error) =
        (page(&world, "a/clean.md", CLEAN), page(&world, "b/warning.md", WARNING), page(&world, "c/error.md", ERROR));
    for (arguments, status) in [
        (&["check", &clean][..], 0),
        (&["check", &warning], 0),
        (&["check", &warning, "--deny", "warnings"], 1),
        (&["check", &clean, "--deny", "warnings"], 0),
        (&["check", &error], 1),
        (&["check", &clean, &error], 1),
        (&["check", "no-such-page.md"], 2),
        (&["check"], 2),
        (&["check", &clean, "--format", "xml"], 2),
        (&["check", "--explain", "no-such-code"], 2),
        (&["check", "--explain", "missing-hook"], 0),
    ] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_person_sees_the_line_and_what_to_do() {
    let world = World::new();
    page(&world, "page.md", WARNING);
    let output = world.run(&["check", "page.md"]);
    let expected = "\
warning[unknown-annotation]: unknown annotation `hooktimeout`
 --> page.md:4:9
  |
4 | ```bash hooktimeout=30
  |         ^^^^^^^^^^^^^^
  = help: did you mean `hookTimeout`?

1 page: 0 errors, 1 warning, 0 notes
";
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn every_code_is_explained() {
    let world = World::new();
    let all = text(&world.run(&["check", "--explain", "all"]).stdout);
    assert!(all.lines().count() > 20);
    for line in all.lines() {
        let code = line.split_whitespace().next().expect("a code");
        let output = world.run(&["check", "--explain", code]);
        let explained = text(&output.stdout);
        for part in [code, "Why it matters: ", "Example:", "What to do: "] {
            assert!(explained.contains(part), "{code}: {explained}");
        }
    }
    let wrong = world.run(&["check", "--explain", "mising-hook"]);
    assert!(text(&wrong.stderr).contains("did you mean `missing-hook`?"), "{wrong:?}");
}

#[test]
fn a_page_that_is_none_does_not_hide_the_others() {
    let world = World::new();
    page(&world, "course/a.md", ERROR);
    fs::write(world.path("course/b.md"), "no front matter\n").expect("written");
    let (report, status) = world.json(&["check", "course", "--format", "json"]);
    assert_eq!(status, Some(1));
    let codes: Vec<_> =
        report["findings"].as_array().expect("findings").iter().map(|finding| finding["code"].clone()).collect();
    assert_eq!(codes, ["command-syntax", "unusable-page"]);
    assert_eq!(report["pages"], 2);
}

#[test]
fn orders_are_compared_in_their_folder() {
    let world = World::new();
    let write = |name: &str, front: &str| {
        let path = world.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, format!("---\ntitle: T\n{front}---\n")).expect("written");
    };
    write("c/one.md", "sidebar_position: 10\n");
    write("c/two.md", "weight: 10\n");
    write("c/three.md", "");
    write("c/sub/index.md", "sidebar_position: 20\n");
    write("c/sub/one.md", "sidebar_position: 10\n");
    let (report, _) = world.json(&["check", "c", "--format", "json"]);
    let found: Vec<String> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|f| format!("{} {} {}:{}", f["code"], f["path"], f["line"], f["column"]).replace('"', ""))
        .collect();
    assert_eq!(found, ["no-order c/three.md 1:1", "duplicate-order c/two.md 3:1"]);
}

#[test]
fn the_suite_of_a_folder_is_looked_at_too() {
    let world = World::new();
    page(&world, "c/one.md", CLEAN);
    let suite = world.path("c/tests/hook-suite.sh");
    fs::create_dir_all(suite.parent().expect("a folder")).expect("made");
    for (text, expected) in [
        ("before() { :; }\nafter() { :; }\n\"$@\"\n", &[][..]),
        ("before() { :; }\n\"$@\"\n", &["hook-function c/tests/hook-suite.sh 1"]),
        ("before() { :; }\nafter() {\n", &["hook-syntax c/tests/hook-suite.sh 2"]),
    ] {
        fs::write(&suite, text).expect("written");
        let (report, _) = world.json(&["check", "c", "--format", "json"]);
        let findings = report["findings"].as_array().expect("findings");
        let said = |f: &Value| format!("{} {} {}", f["code"], f["path"], f["line"]).replace('"', "");
        assert_eq!(findings.iter().map(said).collect::<Vec<_>>(), expected, "{text}");
        for format in ["human", "sarif", "github"] {
            let output = world.run(&["check", "c", "--format", format]);
            assert_eq!(output.status.code(), Some(i32::from(!expected.is_empty())), "{format}");
        }
    }
}

#[test]
fn the_formats_for_programs() {
    let world = World::new();
    page(&world, "a b.md", WARNING);
    let (report, status) = world.json(&["check", "a b.md", "--format", "json"]);
    assert_eq!(status, Some(0));
    assert_eq!(
        report,
        json!({
            "pages": 1, "errors": 0, "warnings": 1, "notes": 0,
            "findings": [{
                "code": "unknown-annotation", "severity": "warning", "path": "a b.md",
                "line": 4, "column": 9, "endLine": 4, "endColumn": 23,
                "message": "unknown annotation `hooktimeout`", "help": "did you mean `hookTimeout`?", "fixable": true,
            }],
        })
    );
    let github = text(&world.run(&["check", "a b.md", "--format", "github"]).stdout);
    assert_eq!(
        github,
        "::warning file=a b.md,line=4,endLine=4,col=9,endColumn=23,title=unknown-annotation::\
         unknown annotation `hooktimeout`%0Adid you mean `hookTimeout`?\n"
    );
}

/// What SARIF 2.1.0 requires of what is written (OASIS, sections 3.13, 3.14, 3.18, 3.19, 3.27, 3.29, 3.30, 3.49, 3.55 to 3.57).
fn assert_is_sarif(log: &Value) {
    let text_of = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let from_one = |value: &Value| value.as_u64().is_some_and(|number| number >= 1);
    assert_eq!(log["version"], "2.1.0");
    assert!(text_of(&log["$schema"]));
    for run in log["runs"].as_array().expect("runs") {
        let driver = &run["tool"]["driver"];
        assert!(text_of(&driver["name"]));
        let rules = driver["rules"].as_array().expect("rules");
        let ids: BTreeSet<&str> = rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
        assert_eq!(ids.len(), rules.len(), "each rule has an id of its own");
        let levels = ["none", "note", "warning", "error"];
        for rule in rules {
            assert!(levels.contains(&rule["defaultConfiguration"]["level"].as_str().expect("a level")));
            for part in ["shortDescription", "fullDescription", "help"] {
                assert!(text_of(&rule[part]["text"]), "{rule}");
            }
        }
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        for result in run["results"].as_array().expect("results") {
            let rule = &rules[result["ruleIndex"].as_u64().expect("an index") as usize];
            assert_eq!(result["ruleId"], rule["id"]);
            assert!(levels.contains(&result["level"].as_str().expect("a level")));
            assert!(text_of(&result["message"]["text"]));
            for location in result["locations"].as_array().expect("locations") {
                let place = &location["physicalLocation"];
                assert!(text_of(&place["artifactLocation"]["uri"]));
                assert!(!place["artifactLocation"]["uri"].as_str().expect("an address").contains(' '));
                let region = &place["region"];
                for key in ["startLine", "startColumn", "endLine", "endColumn"] {
                    assert!(from_one(&region[key]), "{region}");
                }
                let at = |line: &str, column: &str| (region[line].as_u64(), region[column].as_u64());
                assert!(at("startLine", "startColumn") <= at("endLine", "endColumn"), "{region}");
            }
            for fix in result["fixes"].as_array().into_iter().flatten() {
                for change in fix["artifactChanges"].as_array().expect("changes") {
                    assert!(text_of(&change["artifactLocation"]["uri"]));
                    for replacement in change["replacements"].as_array().expect("replacements") {
                        assert!(from_one(&replacement["deletedRegion"]["startLine"]));
                    }
                }
            }
        }
    }
}

#[test]
fn sarif_has_what_its_standard_requires() {
    let world = World::new();
    page(&world, "course/a b.md", WARNING);
    page(&world, "course/c.md", ERROR);
    fs::write(world.path("course/d.md"), "none\n").expect("written");
    let (log, status) = world.json(&["check", "course", "--format", "sarif"]);
    assert_eq!(status, Some(1));
    assert_is_sarif(&log);
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), 3);
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "course/a%20b.md");
    assert_eq!(
        results[0]["fixes"][0]["artifactChanges"][0]["replacements"][0],
        json!({
            "deletedRegion": {"startLine": 4, "startColumn": 9, "endLine": 4, "endColumn": 20},
            "insertedContent": {"text": "hookTimeout"},
        })
    );
}

#[test]
fn mending_changes_annotations_and_nothing_else() {
    let world = World::new();
    let body = "```bash hooktimeout=30 wait = 5\n$ echo a  b\n\ta  b\n```\n\n```bash timeout=2m\n$ echo\n```";
    let path = page(&world, "page.md", body);
    let before = fs::read_to_string(&path).expect("read");
    let output = world.run(&["check", "page.md", "--fix"]);
    assert_eq!(output.status.code(), Some(1), "what is not mechanical stays");
    assert!(text(&output.stderr).contains("mended 2 findings"), "{output:?}");
    let after = fs::read_to_string(&path).expect("read");
    assert_eq!(after, before.replace("hooktimeout=30 wait = 5", "hookTimeout=30 wait=5"));
    let again = world.run(&["check", "page.md", "--fix"]);
    assert_eq!(text(&again.stderr), "");
    assert_eq!(fs::read_to_string(&path).expect("read"), after);
    let left: Vec<_> = fs::read_dir(world.folder.path()).expect("listed").flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".tmp")), "{left:?}");
}

/// The workshop's pages have these slips and no others, but for notes: each was looked at.
#[needs("shared/corpus")]
#[test]
fn the_slips_of_real_pages() {
    let corpus = oracles::path("shared/corpus/website");
    let world = World::new();
    let (report, status) = world.json(&["check", corpus.to_str().expect("a path"), "--format", "json"]);
    assert_eq!(status, Some(0));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for finding in report["findings"].as_array().expect("findings").iter().filter(|f| f["severity"] != "note") {
        *counts.entry(finding["code"].as_str().expect("a code").to_owned()).or_default() += 1;
    }
    let expected = [
        ("duplicate-order", 5),
        ("forgotten-prompt", 2),
        ("mixed-region", 1),
        ("never-run-elsewhere", 4),
        ("short-timeout", 16),
    ];
    assert_eq!(counts, expected.map(|(code, count)| (code.to_owned(), count)).into());
    let (log, _) = world.json(&["check", corpus.to_str().expect("a path"), "--format", "sarif"]);
    assert_is_sarif(&log);
}

/// A step as the workshop's runner reads it.
#[derive(Debug, PartialEq)]
struct Elsewhere {
    line: usize,
    annotations: Value,
    commands: Vec<String>,
}

/// The steps that the workshop's runner executes of a page, by its rules: a fence whose language is `bash`, at the page's left edge; `key=value` words;
/// `$ ` begins a command that goes on over a trailing backslash and over `<<EOF` to a line `EOF`; the first blank line ends the fence.
fn elsewhere(page: &str) -> Vec<Elsewhere> {
    let mut steps = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let fence: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| !line.starts_with("```")).collect();
        let mut words = info.split_whitespace();
        if words.next() != Some("bash") {
            continue;
        }
        let said: BTreeMap<&str, &str> = words.filter_map(|word| word.split_once('=')).collect();
        let number_of = |key: &str, default: u64| said.get(key).map_or(default, |v| v.parse().expect("a number"));
        let truth_of = |key: &str, default: bool| said.get(key).map_or(default, |value| *value == "true");
        let annotations = json!({
            "test": truth_of("test", true), "timeout": number_of("timeout", 120), "wait": number_of("wait", 0),
            "hook": said.get("hook"), "hookTimeout": number_of("hookTimeout", 300),
            "expectError": truth_of("expectError", false), "raw": truth_of("raw", false),
        });
        let commands = if annotations["raw"] == true { vec![fence.join("\n")] } else { commands_elsewhere(&fence) };
        if annotations["test"] == true && !commands.is_empty() {
            steps.push(Elsewhere { line: number + 1, annotations, commands });
        }
    }
    steps
}

fn commands_elsewhere(fence: &[&str]) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut goes_on, mut in_document) = (false, false);
    for line in fence.iter().take_while(|line| !line.trim().is_empty()) {
        let begun = line.strip_prefix("$ ").filter(|_| !goes_on && !in_document);
        if let Some(command) = begun {
            commands.push(command.to_owned());
        } else if goes_on || in_document {
            let command = commands.last_mut().expect("a command goes on");
            command.push('\n');
            command.push_str(line);
        } else {
            continue;
        }
        in_document = if in_document { *line != "EOF" } else { line.contains("<<EOF") };
        goes_on = !in_document && line.ends_with('\\');
    }
    commands
}

/// The steps that lectern executes of a page, in the same words.
fn here(lesson: &Value) -> Vec<Elsewhere> {
    let steps = lesson["steps"].as_array().expect("steps").iter().filter(|step| step["executed"] == true);
    steps
        .map(|step| Elsewhere {
            line: step["line"].as_u64().expect("a line") as usize,
            annotations: step["annotations"].clone(),
            commands: step["commands"]
                .as_array()
                .expect("commands")
                .iter()
                .map(|command| command["command"].as_str().expect("text").to_owned())
                .collect(),
        })
        .collect()
}

/// All 167 pages: the same commands, hooks, time limits and waits, but for the steps that `check` says the other runner does not execute
/// in full.
#[needs("shared/corpus")]
#[test]
fn real_pages_are_executed_as_by_their_own_runner() {
    let corpus = oracles::path("shared/corpus/website");
    let world = World::new();
    let corpus = corpus.to_str().expect("a path");
    let (steps, _) = world.json(&["steps", corpus, "--format", "json"]);
    let (report, _) = world.json(&["check", corpus, "--format", "json"]);
    let intended: BTreeSet<(String, usize)> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|finding| finding["code"] == "never-run-elsewhere")
        .map(|finding| {
            (finding["path"].as_str().expect("a path").to_owned(), finding["line"].as_u64().expect("a line") as usize)
        })
        .collect();
    let (mut compared, mut different) = (0, BTreeSet::new());
    for lesson in steps["lessons"].as_array().expect("lessons") {
        let path = lesson["path"].as_str().expect("a path");
        // Below a file `.notest` nothing is executed, there and here.
        if Path::new(path).ancestors().any(|folder| folder.join(".notest").is_file()) {
            assert!(here(lesson).is_empty(), "{path}");
            continue;
        }
        let (ours, theirs) = (here(lesson), elsewhere(&fs::read_to_string(path).expect("read")));
        assert_eq!(ours.len(), theirs.len(), "{path}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            compared += 1;
            assert_eq!((ours.line, &ours.annotations), (theirs.line, &theirs.annotations), "{path}");
            if ours.commands != theirs.commands {
                let end = ours.line + text_below(path, ours.line);
                let known = intended.iter().find(|(p, line)| p == path && (ours.line..=end).contains(line));
                different.insert(known.unwrap_or_else(|| panic!("{path}: {ours:?} {theirs:?}")).clone());
            }
        }
    }
    assert!(compared > 400, "{compared} steps");
    assert_eq!(different, intended, "check names all differences, and only differences");
}

/// How many lines a fence that opens in line `line` holds.
fn text_below(path: &str, line: usize) -> usize {
    let page = fs::read_to_string(path).expect("read");
    page.lines().skip(line).take_while(|line| !line.starts_with("```")).count()
}

/// The intended differences, each in a page of its own: what is executed there, and here.
#[test]
fn the_intended_differences() {
    let world = World::new();
    for (body, theirs, ours) in [
        // Behind a blank line nothing is read there.
        ("$ echo a\n\n$ echo b", &["echo a"][..], &["echo a", "echo b"][..]),
        // A here-document is cut at its first blank line there.
        ("$ cat <<EOF\na\n\nb\nEOF", &["cat <<EOF\na"], &["cat <<EOF\na\n\nb\nEOF"]),
        // Other here-documents than `<<EOF` are not known there.
        ("$ cat <<'EOF'\na\nEOF", &["cat <<'EOF'"], &["cat <<'EOF'\na\nEOF"]),
        ("$ cat <<-END\n\ta\n\tEND", &["cat <<-END"], &["cat <<-END\n\ta\n\tEND"]),
        // No difference.
        (
            "$ cat <<EOF | \\\n  b\n$ x\nEOF\nout\n$ c",
            &["cat <<EOF | \\\n  b\n$ x\nEOF", "c"],
            &["cat <<EOF | \\\n  b\n$ x\nEOF", "c"],
        ),
        ("$ a \\\n  b\nout", &["a \\\n  b"], &["a \\\n  b"]),
    ] {
        let path = page(&world, "page.md", &format!("```bash wait=3 timeout=7\n{body}\n```"));
        let (steps, _) = world.json(&["steps", &path, "--format", "json"]);
        let here = here(&steps["lessons"][0]);
        let elsewhere = elsewhere(&fs::read_to_string(&path).expect("read"));
        assert_eq!(elsewhere[0].commands, theirs, "{body}");
        assert_eq!(here[0].commands, ours, "{body}");
        assert_eq!(here[0].annotations, elsewhere[0].annotations, "{body}");
        let (report, _) = world.json(&["check", &path, "--format", "json"]);
        let said = report["findings"].as_array().expect("findings").iter().any(|f| f["code"] == "never-run-elsewhere");
        assert_eq!(said, theirs != ours, "{body}");
    }
}
