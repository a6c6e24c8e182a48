//! Command lines as data.
//!
//! A line is what stands behind `kubectl`, its words as a shell without expansions reads them; `NAME=VALUE` ahead of them is a
//! variable, `< FILE` at its end is its standard input. `== NAME` begins a section: the lines of one are run in order, in a folder of their own with the files of
//! `files/` in it. `#` begins a comment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lectern::lesson::Course;

/// Lines that are run in order, from a fresh beginning.
#[derive(Debug)]
pub struct Section {
    pub name: String,
    /// Whether its lines change something: the two sides have a sandbox each then.
    pub changes: bool,
    pub lines: Vec<Line>,
}

/// A command line without `kubectl`.
#[derive(Debug, Clone)]
pub struct Line {
    pub text: String,
    pub words: Vec<String>,
    /// Variables that are set for it.
    pub env: BTreeMap<String, String>,
    /// The file that is standard input.
    pub stdin: Option<String>,
}

/// Options with a value that may stand before the verb.
const LEADING: &[&str] = &["-n", "--namespace", "--context"];

impl Line {
    fn read(text: &str) -> Self {
        let mut words = split(text);
        let is_variable = |word: &&String| {
            word.split_once('=')
                .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        };
        let variables = words.iter().take_while(is_variable).count();
        let set = words.drain(..variables);
        let env =
            set.filter_map(|word| word.split_once('=').map(|(name, value)| (name.into(), value.into()))).collect();
        let stdin = match words.iter().position(|word| word == "<") {
            Some(at) => words.split_off(at).pop(),
            None => None,
        };
        Self { text: text.to_owned(), words, env, stdin }
    }

    /// The verb, for counting.
    pub fn verb(&self) -> &str {
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                leading if LEADING.contains(&leading) => drop(words.next()),
                option if option.starts_with('-') => {}
                verb => return verb,
            }
        }
        "(none)"
    }

    /// Whether the command may change something.
    pub fn may_change(&self) -> bool {
        let reconciles = self.words.iter().any(|word| word == "reconcile");
        reconciles || !READING.contains(&self.verb())
    }

    /// Whether the command waits for what the cluster does by itself.
    pub fn waits(&self) -> bool {
        let has = |word: &str| self.words.iter().any(|known| known == word);
        matches!(self.verb(), "wait" | "delete" | "drain" | "run" | "logs" | "replace")
            || has("status")
            || has("--wait")
    }
}

/// Verbs that change nothing.
const READING: &[&str] = &[
    "api-resources",
    "api-versions",
    "auth",
    "cluster-info",
    "config",
    "describe",
    "diff",
    "events",
    "explain",
    "get",
    "kustomize",
    "logs",
    "top",
    "version",
    "wait",
];

/// The words of a line, as a shell reads them: quotes and backslashes, no expansions.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' => words.extend(word.take()),
            '\'' => word.get_or_insert_default().extend(chars.by_ref().take_while(|c| *c != '\'')),
            '"' => {
                let word = word.get_or_insert_default();
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    match c {
                        '\\' => match chars.next() {
                            Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                            other => word.extend(std::iter::once('\\').chain(other)),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The sections of a text.
pub fn sections(text: &str, changes: bool) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            sections.push(Section { name: name.to_owned(), changes, lines: Vec::new() });
        } else if !line.is_empty() && !line.starts_with('#') {
            sections.last_mut().expect("a section begins the text").lines.push(Line::read(line));
        }
    }
    sections
}

/// Words of commands that do not end by themselves.
const ENDLESS: &[&str] = &["--watch", "-w", "port-forward", "proxy", "edit", "-f=true"];

/// The kubectl commands in a shell text, each as it stands there: also those in pipes, substitutions and conditions. Left out are those
/// with a variable, a substitution or a pattern among their words, which only the shell could fill in.
fn calls(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let mut found = Vec::new();
    // The quotes that are open, and a `(` for each substitution that they are in.
    let mut open: Vec<char> = Vec::new();
    let mut chars = text.char_indices().peekable();
    let mut before = ' ';
    // Where a command began, how deep in substitutions, and whether it can be told without the shell.
    let mut current: Option<(usize, usize, bool)> = None;
    while let Some((at, c)) = chars.next() {
        let quote = open.last().copied().filter(|one| *one != '(');
        let depth = open.iter().filter(|one| **one == '(').count();
        let ends = quote.is_none() && matches!(c, '|' | ';' | '&' | '<' | '>' | '#' | '\n' | ')');
        if let Some((start, from, plain)) = current
            && ends
            && depth == from
        {
            let call = text[start..at].trim_end();
            // A number ahead of `>` is that of a stream.
            let call = if c == '>' { call.strip_suffix(" 2").unwrap_or(call) } else { call };
            found.extend(plain.then(|| call.trim_end().to_owned()));
            current = None;
        }
        if quote.is_none() && c == '#' && before.is_whitespace() {
            while chars.next_if(|(_, c)| *c != '\n').is_some() {}
        }
        let starts =
            text[at..].starts_with("kubectl ") && (before.is_whitespace() || matches!(before, '$' | '(' | '"'));
        if current.is_none() && starts {
            current = Some((at + "kubectl ".len(), depth, true));
        }
        match (quote, c) {
            (Some('"'), '"') => drop(open.pop()),
            (_, '\\') => drop(chars.next()),
            (None, '"') => open.push(c),
            // Hooks hand commands around in single quotes.
            (None, '\'') => {
                let inside = text[at + 1..].split('\'').next().unwrap_or_default();
                if current.is_none() {
                    found.extend(calls(inside));
                }
                while chars.next_if(|(now, _)| *now <= at + 1 + inside.len()).is_some() {}
            }
            (_, '$') if chars.next_if(|(_, next)| *next == '(').is_some() => {
                open.push('(');
                if let Some((_, _, plain)) = &mut current {
                    *plain = false;
                }
            }
            (_, '$' | '`') | (None, '*') => {
                if let Some((_, _, plain)) = &mut current {
                    *plain = false;
                }
            }
            (None, ')') => drop(open.pop_if(|last| *last == '(')),
            _ => {}
        }
        before = c;
    }
    if let Some((start, _, true)) = current {
        found.push(text[start..].trim_end().to_owned());
    }
    found
}

/// The hooks of a chapter, as one text.
fn hooks(folder: &Path) -> String {
    let mut text = String::new();
    let mut names: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    names.sort();
    for path in names {
        if path.is_dir() {
            text.push_str(&hooks(&path));
        } else if path.extension().is_some_and(|ending| ending == "sh") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
            text.push('\n');
        }
    }
    text
}

/// The kubectl lines of the corpus's pages and hooks, each once, by chapter in the order of the pages.
pub fn of_corpus(corpus: &Path) -> Vec<Section> {
    let (course, _) = Course::survey(&corpus.join("website/docs")).expect("the corpus is a course");
    let manifests = corpus.join("manifests").to_string_lossy().into_owned();
    let mut seen = BTreeSet::new();
    let mut changes: Vec<Section> = Vec::new();
    let mut add = |name: &str, text: &str| {
        for call in calls(text) {
            let line = Line::read(&call.replace("~/environment/eks-workshop", &manifests));
            let follows = line.verb() == "logs" && line.words.iter().any(|word| word == "-f");
            let endless = follows || line.words.iter().any(|word| ENDLESS.contains(&word.as_str()));
            // What another program was to write is not there.
            let piped = line.words.iter().any(|word| word == "-") && line.words.iter().any(|word| word == "-f");
            if endless || piped || !seen.insert(line.words.clone()) {
                continue;
            }
            match changes.iter_mut().find(|section| section.name == name) {
                Some(section) => section.lines.push(line),
                None => changes.push(Section { name: name.to_owned(), changes: true, lines: vec![line] }),
            }
        }
    };
    let mut chapters: Vec<String> = Vec::new();
    for lesson in &course.lessons {
        let below = lesson.path.strip_prefix(corpus.join("website/docs")).unwrap_or(&lesson.path);
        let chapter = below.iter().take(2).map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        for command in lesson.steps.iter().flat_map(|step| &step.commands) {
            add(&format!("corpus: {chapter}"), &command.text);
        }
        if !chapters.contains(&chapter) {
            chapters.push(chapter);
        }
    }
    for chapter in chapters {
        let folder = corpus.join("website/docs").join(&chapter);
        if folder.is_dir() {
            // A sandbox costs more than a line: the hooks of a chapter are run behind its pages.
            add(&format!("corpus: {chapter}"), &hooks(&folder));
        }
    }
    changes
}

#[test]
fn commands_are_found_in_shell_texts() {
    let all = calls(
        "kubectl get po -o json | jq '.x'\nX=$(kubectl get ns -o jsonpath='{.a[*]}')\nkubectl get $X\n# kubectl no\n\
         'while [[ $(kubectl get no | wc -l) -ne 1 ]];\\\ndo :; done'\nif kubectl wait pods -A 2>/dev/null; then :; fi\n\
         kubectl exec a -- sh -c 'echo > x; ls' # why",
    );
    assert_eq!(
        all,
        ["get po -o json", "get ns -o jsonpath='{.a[*]}'", "get no", "wait pods -A", "exec a -- sh -c 'echo > x; ls'"]
    );
}
