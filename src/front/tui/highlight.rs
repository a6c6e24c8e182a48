//! Colours for code, as the theme has them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::style::Style;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};
use tokio::sync::oneshot;

use super::theme::{Role, Theme};
use super::wrap::Run;

/// Longer code is shown without colours: the colours would cost more than they help.
const MOST: usize = 64 * 1024;

static SYNTAXES: OnceLock<SyntaxSet> = OnceLock::new();

/// Whether another thread is reading the syntaxes, or is going to.
static LOADING: AtomicBool = AtomicBool::new(false);

/// Shows code without colours until [`load`] has been called, and has answered.
pub fn hold() {
    LOADING.store(true, Ordering::SeqCst);
}

/// Reads the syntaxes on another thread, which takes as long as many frames; until the answer comes code has no colours.
pub fn load() -> oneshot::Receiver<()> {
    let (tell, loaded) = oneshot::channel();
    hold();
    std::thread::spawn(move || {
        SYNTAXES.get_or_init(SyntaxSet::load_defaults_newlines);
        LOADING.store(false, Ordering::SeqCst);
        let _ = tell.send(());
    });
    loaded
}

/// Whether code has its colours.
pub fn is_loaded() -> bool {
    SYNTAXES.get().is_some()
}

/// The syntaxes; none while another thread reads them.
fn syntaxes() -> Option<&'static SyntaxSet> {
    match SYNTAXES.get() {
        None if LOADING.load(Ordering::SeqCst) => None,
        _ => Some(SYNTAXES.get_or_init(SyntaxSet::load_defaults_newlines)),
    }
}

/// The lines of code with what each part of them is.
type Parsed = Vec<Vec<(String, Option<Role>)>>;

/// How many pieces of code are remembered.
const REMEMBERED: usize = 256;

thread_local! {
    /// What was parsed last, by language and text: a step is laid out anew with each line that it prints, and reading its
    /// commands would cost more than all the rest.
    static PARSED: RefCell<HashMap<(String, String), Parsed>> = RefCell::default();
}

/// The lines of a piece of code, coloured if the language is known.
pub fn lines(code: &str, language: &str, theme: Theme) -> Vec<Vec<Run>> {
    let plain = || code.lines().map(|line| vec![(line.to_owned(), Style::new())]).collect();
    if !theme.has_colour() || code.len() > MOST {
        return plain();
    }
    let Some(all) = syntaxes() else { return plain() };
    let Some(syntax) = all.find_syntax_by_token(alias(language)) else { return plain() };
    let coloured = |parsed: &Parsed| -> Vec<Vec<Run>> {
        let look =
            |(text, role): &(String, Option<Role>)| (text.clone(), role.map_or(Style::new(), |role| theme.style(role)));
        parsed.iter().map(|line| line.iter().map(look).collect()).collect()
    };
    PARSED.with_borrow_mut(|remembered| {
        let key = (language.to_owned(), code.to_owned());
        if let Some(parsed) = remembered.get(&key) {
            return coloured(parsed);
        }
        let Some(parsed) = parse(code, all, syntax) else { return plain() };
        let lines = coloured(&parsed);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key, parsed);
        lines
    })
}

/// Takes out of code the comments that ask for lines to be marked, as Docusaurus does: the text without them, and which of its
/// lines are marked. Without such a comment the second is empty.
pub fn marked(code: &str) -> (String, Vec<bool>) {
    let (mut text, mut marks) = (String::with_capacity(code.len()), Vec::new());
    let (mut next, mut block) = (false, false);
    for line in code.lines() {
        let words = line.trim().trim_start_matches(['#', '/', '-']).trim();
        match words {
            "HIGHLIGHT" | "highlight-next-line" => next = true,
            "highlight-start" => block = true,
            "highlight-end" => block = false,
            _ => {
                text.push_str(line);
                text.push('\n');
                marks.push(std::mem::take(&mut next) || block);
            }
        }
    }
    if !marks.contains(&true) {
        marks.clear();
    }
    (text, marks)
}

fn alias(language: &str) -> &str {
    match language {
        "shell" | "console" | "sh" => "bash",
        "yml" => "yaml",
        other => other,
    }
}

/// `None` when the syntax is broken.
fn parse(code: &str, all: &SyntaxSet, syntax: &SyntaxReference) -> Option<Parsed> {
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut out = Vec::new();
    for line in code.lines() {
        // The syntaxes are written for lines with their newline.
        let line = format!("{line}\n");
        let mut runs = Vec::new();
        let mut from = 0;
        for (at, operation) in state.parse_line(&line, all).ok()? {
            push(&mut runs, line.get(from..at)?, &stack);
            stack.apply(&operation).ok()?;
            from = at;
        }
        push(&mut runs, line.get(from..)?, &stack);
        out.push(runs);
    }
    Some(out)
}

fn push(runs: &mut Vec<(String, Option<Role>)>, text: &str, stack: &ScopeStack) {
    let text = text.trim_end_matches('\n');
    if !text.is_empty() {
        runs.push((text.to_owned(), role(stack)));
    }
}

/// The innermost scope that says something decides.
fn role(stack: &ScopeStack) -> Option<Role> {
    static RULES: OnceLock<Vec<(Scope, Role)>> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        [
            ("comment", Role::Comment),
            ("string", Role::String),
            ("constant", Role::Constant),
            ("keyword", Role::Keyword),
            ("storage", Role::Keyword),
            ("variable.parameter", Role::Variable),
            ("variable", Role::Variable),
            ("entity.name.tag", Role::Tag),
            ("support.function", Role::Function),
            ("markup.inserted", Role::Inserted),
            ("markup.deleted", Role::Deleted),
        ]
        .into_iter()
        .filter_map(|(name, role)| Some((Scope::new(name).ok()?, role)))
        .collect()
    });
    stack
        .as_slice()
        .iter()
        .rev()
        .find_map(|scope| rules.iter().find(|(rule, _)| rule.is_prefix_of(*scope)))
        .map(|(_, role)| *role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_that_mark_lines_are_taken_out() {
        let code = "a: 1\n  # HIGHLIGHT\n  b: 2\n# highlight-start\nc: 3\nd: 4\n# highlight-end\n# a comment\n";
        let (text, marks) = marked(code);
        assert_eq!(text, "a: 1\n  b: 2\nc: 3\nd: 4\n# a comment\n");
        assert_eq!(marks, [false, true, true, true, false]);
        assert_eq!(marked("a\n# b\n"), ("a\n# b\n".to_owned(), Vec::new()));
    }
}
