//! The commands of steps: whether they parse, whether there are tools for them, what they read, how long they may take.

use std::collections::BTreeMap;

use super::shell::{self, Call, Word};
use super::site::plain;
use super::{Code, FileKind, Finding, Page};
use crate::lesson::{Command, Span, Step};

/// Verbs of kubectl whose `-f` and `-k` name manifests to read; with others they mean something else (`logs -f`).
const READS_MANIFESTS: [&str; 14] = [
    "apply",
    "create",
    "delete",
    "replace",
    "diff",
    "get",
    "describe",
    "wait",
    "patch",
    "label",
    "annotate",
    "scale",
    "expose",
    "autoscale",
];

/// The names by which kustomize knows its file.
/// Source: `RecognizedKustomizationFileNames` of kustomize's API.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Characters of a command's first line that are the prompt.
fn prompt(step: &Step) -> usize {
    if step.annotations.raw { 0 } else { 2 }
}

pub(super) fn check(page: &Page<'_>, findings: &mut Vec<Finding>) {
    // Functions of one step can be called in all that follow.
    let mut functions: Vec<String> = Vec::new();
    let mut lacking: BTreeMap<String, (Span, usize)> = BTreeMap::new();
    for (place, step) in page.lesson.steps.iter().enumerate() {
        if !page.lesson.executes(place) {
            continue;
        }
        for command in &step.commands {
            let script = match shell::read(&command.text) {
                Ok(script) => script,
                Err(problem) => {
                    let span = match problem.place {
                        Some(place) => page.in_command(command, prompt(step), place, 1),
                        None => page.span(command.span.end.saturating_sub(1), command.span.end),
                    };
                    findings.push(page.finding(
                        Code::CommandSyntax,
                        span,
                        format!("this command does not parse: {}", problem.message),
                        "close what was opened; a loop over several lines belongs into one command, or into a `raw` fence",
                    ));
                    continue;
                }
            };
            functions.extend(script.functions.iter().cloned());
            for call in &script.calls {
                let name = call.name();
                let own = name.is_empty() || functions.iter().any(|function| function == name);
                let missing = if own {
                    None
                } else if page.commands.contains(name) {
                    let words = call.words[1..].iter().map(|word| word.text.as_ref().unwrap_or(&word.raw).clone());
                    (page.lacks)(name, &words.collect::<Vec<_>>())
                } else {
                    Some(name.to_owned())
                };
                if let Some(missing) = missing {
                    let span = word_span(page, step, command, &call.words[0]);
                    lacking.entry(missing).or_insert((span, 0)).1 += 1;
                }
                manifests(page, step, command, call, findings);
                time(page, step, command, call, findings);
            }
        }
    }
    for (name, (span, count)) in lacking {
        let times = if count == 1 { String::new() } else { format!(" ({count} times on this page)") };
        findings.push(page.finding(
            Code::UnknownTool,
            span,
            format!("lectern has no `{name}`{times}"),
            "its step fails: use what lectern has, or mark the step `test=false`",
        ));
    }
}

fn word_span(page: &Page<'_>, step: &Step, command: &Command, word: &Word) -> Span {
    page.in_command(command, prompt(step), word.place, word.raw.lines().next().map_or(1, |line| line.chars().count()))
}

fn manifests(page: &Page<'_>, step: &Step, command: &Command, call: &Call, findings: &mut Vec<Finding>) {
    let mut named: Vec<(&Word, String, bool)> = Vec::new();
    match call.name() {
        "kubectl" => {
            let verb = call.arguments().map(Word::known).find(|word| {
                READS_MANIFESTS.contains(word) || matches!(*word, "kustomize" | "logs" | "exec" | "rollout")
            });
            match verb {
                Some("kustomize") => {
                    let folder = call.arguments().skip_while(|word| word.known() != "kustomize").nth(1);
                    named.extend(folder.map(|word| (word, word.known().to_owned(), true)));
                }
                Some(verb) if READS_MANIFESTS.contains(&verb) => {
                    let files =
                        call.values(&["-f", "--filename"]).into_iter().map(|(word, value)| (word, value, false));
                    let folders =
                        call.values(&["-k", "--kustomize"]).into_iter().map(|(word, value)| (word, value, true));
                    named.extend(files.chain(folders));
                }
                _ => {}
            }
        }
        "cat" => named.extend(
            call.arguments()
                .filter(|word| !word.raw.starts_with('-'))
                .map(|word| (word, word.known().to_owned(), false)),
        ),
        _ => {}
    }
    for (word, paths, is_kustomization) in named {
        // kubectl takes several files with commas between them.
        for path in paths.split(',').filter(|path| !path.is_empty()) {
            let Some(real) = page.site.mapped(path) else { continue };
            let problem = match page.site.files.kind(&real) {
                None => format!("`{path}` does not exist"),
                Some(FileKind::File) if is_kustomization => {
                    format!("`{path}` is a file, not a folder with a kustomization")
                }
                Some(FileKind::Folder)
                    if is_kustomization
                        && !KUSTOMIZATIONS
                            .iter()
                            .any(|name| page.site.files.kind(&real.join(name)) == Some(FileKind::File)) =>
                {
                    format!("the folder `{path}` has no kustomization.yaml")
                }
                _ => continue,
            };
            let span = word_span(page, step, command, word);
            let help = format!("lessons find this path at {}; correct it, or add the file", plain(&real).display());
            findings.push(page.finding(Code::MissingManifest, span, problem, help));
        }
    }
}

fn time(page: &Page<'_>, step: &Step, command: &Command, call: &Call, findings: &mut Vec<Finding>) {
    let limit = step.annotations.timeout;
    let mut may_take: Vec<(&Word, f64)> = Vec::new();
    match call.name() {
        "sleep" => may_take.extend(call.arguments().next().and_then(|word| Some((word, seconds(word.known(), true)?)))),
        "timeout" => may_take.extend(
            call.arguments()
                .find(|word| word.known().starts_with(|c: char| c.is_ascii_digit()))
                .and_then(|word| Some((word, seconds(word.known(), true)?))),
        ),
        _ => {
            let waits = call.values(&["--timeout"]).into_iter();
            may_take.extend(waits.filter_map(|(word, value)| Some((word, seconds(&value, false)?))));
        }
    }
    for (word, time) in may_take {
        if time > limit as f64 {
            findings.push(page.finding(
                Code::ShortTimeout,
                word_span(page, step, command, word),
                format!("this command may take {time} seconds, but its step no more than {limit}"),
                format!("give the step a `timeout` of more than {time}"),
            ));
        }
    }
}

/// A duration in seconds: Go's (`1h30m`, `90s`), and for `sleep` and `timeout` bare numbers and days.
fn seconds(text: &str, coreutils: bool) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" | "" => 1.0,
                "ms" => 0.001,
                "d" if coreutils => 86400.0,
                _ => return None,
            };
        rest = &rest[end..];
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("90s", Some(90.0)),
            ("1m30s", Some(90.0)),
            ("2h", Some(7200.0)),
            ("60", Some(60.0)),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(seconds(text, false), expected, "{text}");
        }
        assert_eq!(seconds("1d", true), Some(86400.0));
        assert_eq!(seconds("1d", false), None);
    }
}
