//! Colours for code, as the theme has them.

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

/// Whether another thread is reading the syntaxes.
static LOADING: AtomicBool = AtomicBool::new(false);

/// Reads the syntaxes on another thread, which takes as long as many frames; until the answer comes code has no colours.
pub fn load() -> oneshot::Receiver<()> {
    let (tell, loaded) = oneshot::channel();
    LOADING.store(true, Ordering::SeqCst);
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

/// The lines of a piece of code, coloured if the language is known.
pub fn lines(code: &str, language: &str, theme: Theme) -> Vec<Vec<Run>> {
    let plain = || code.lines().map(|line| vec![(line.to_owned(), Style::new())]).collect();
    if !theme.has_colour() || code.len() > MOST {
        return plain();
    }
    let coloured = syntaxes().and_then(|all| coloured(code, all, all.find_syntax_by_token(alias(language))?, theme));
    coloured.unwrap_or_else(plain)
}

fn alias(language: &str) -> &str {
    match language {
        "shell" | "console" | "sh" => "bash",
        "yml" => "yaml",
        other => other,
    }
}

/// `None` when the syntax is broken.
fn coloured(code: &str, all: &SyntaxSet, syntax: &SyntaxReference, theme: Theme) -> Option<Vec<Vec<Run>>> {
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut out = Vec::new();
    for line in code.lines() {
        // The syntaxes are written for lines with their newline.
        let line = format!("{line}\n");
        let mut runs: Vec<Run> = Vec::new();
        let mut from = 0;
        for (at, operation) in state.parse_line(&line, all).ok()? {
            push(&mut runs, line.get(from..at)?, &stack, theme);
            stack.apply(&operation).ok()?;
            from = at;
        }
        push(&mut runs, line.get(from..)?, &stack, theme);
        out.push(runs);
    }
    Some(out)
}

fn push(runs: &mut Vec<Run>, text: &str, stack: &ScopeStack, theme: Theme) {
    let text = text.trim_end_matches('\n');
    if !text.is_empty() {
        runs.push((text.to_owned(), role(stack).map_or(Style::new(), |role| theme.style(role))));
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
