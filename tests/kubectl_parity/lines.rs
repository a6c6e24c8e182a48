//! Command lines as data.
//!
//! A line is what stands behind `kubectl`, its words as a shell without expansions reads them; `< FILE` at its end is its
//! standard input. `== NAME` begins a section: the lines of one are run in order, in a folder of their own with the files of
//! `files/` in it. `#` begins a comment.

use std::collections::BTreeSet;
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
    /// The file that is standard input.
    pub stdin: Option<String>,
}

/// Options with a value that may stand before the verb.
const LEADING: &[&str] = &["-n", "--namespace", "--context"];

impl Line {
    fn read(text: &str) -> Self {
        let mut words = split(text);
        let stdin = match words.iter().position(|word| word == "<") {
            Some(at) => words.split_off(at).pop(),
            None => None,
        };
        Self { text: text.to_owned(), words, stdin }
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

    /// Whether the command waits for what the cluster does by itself.
    pub fn waits(&self) -> bool {
        let has = |word: &str| self.words.iter().any(|known| known == word);
        matches!(self.verb(), "wait" | "delete" | "drain" | "run" | "logs" | "replace")
            || has("status")
            || has("--wait")
    }
}

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

/// What a command line must not hold to be run here: expansions, pipes, redirections, several commands, comments.
const SHELL: &[&str] = &["$", "|", ";", "&", "<", ">", "`", "#", "\n", "{a..", "*"];

/// Words of commands that do not end by themselves, or that need a terminal.
const ENDLESS: &[&str] = &["--watch", "-w", "port-forward", "proxy", "edit", "-f=true", "-it", "--tty"];

/// The kubectl lines of the corpus, each once, by chapter in the order of the pages.
pub fn of_corpus(corpus: &Path) -> Vec<Section> {
    let (course, _) = Course::survey(&corpus.join("website/docs")).expect("the corpus is a course");
    let mut seen = BTreeSet::new();
    let mut changes: Vec<Section> = Vec::new();
    for lesson in &course.lessons {
        let below = lesson.path.strip_prefix(corpus.join("website/docs")).unwrap_or(&lesson.path);
        let chapter: Vec<_> = below.iter().take(2).map(|part| part.to_string_lossy()).collect();
        let name = format!("corpus: {}", chapter.join("/"));
        for command in lesson.steps.iter().flat_map(|step| &step.commands) {
            let Some(text) = command.text.strip_prefix("kubectl ") else { continue };
            if SHELL.iter().any(|part| text.contains(part)) {
                continue;
            }
            let manifests = corpus.join("manifests");
            let line = Line::read(&text.trim().replace("~/environment/eks-workshop", &manifests.to_string_lossy()));
            let endless = line.words.iter().any(|word| ENDLESS.contains(&word.as_str()));
            if endless || !seen.insert(line.words.clone()) {
                continue;
            }
            if changes.last().is_none_or(|last| last.name != name) {
                changes.push(Section { name: name.clone(), changes: true, lines: Vec::new() });
            }
            changes.last_mut().expect("just put there").lines.push(line);
        }
    }
    changes
}
