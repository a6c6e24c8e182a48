//! Colours for code, as the theme has them.

use std::sync::OnceLock;

use ratatui::style::Style;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use super::theme::{Role, Theme};
use super::wrap::Run;

/// Longer code is shown without colours: the colours would cost more than they help.
const MOST: usize = 64 * 1024;

fn syntaxes() -> &'static SyntaxSet {
    static SYNTAXES: OnceLock<SyntaxSet> = OnceLock::new();
    SYNTAXES.get_or_init(SyntaxSet::load_defaults_newlines)
}

/// The lines of a piece of code, coloured if the language is known.
pub fn lines(code: &str, language: &str, theme: Theme) -> Vec<Vec<Run>> {
    let plain = || code.lines().map(|line| vec![(line.to_owned(), Style::new())]).collect();
    if !theme.has_colour() || code.len() > MOST {
        return plain();
    }
    match syntaxes().find_syntax_by_token(alias(language)) {
        Some(syntax) => coloured(code, syntax, theme).unwrap_or_else(plain),
        None => plain(),
    }
}

fn alias(language: &str) -> &str {
    match language {
        "shell" | "console" | "sh" => "bash",
        "yml" => "yaml",
        other => other,
    }
}

/// `None` when the syntax is broken.
fn coloured(code: &str, syntax: &SyntaxReference, theme: Theme) -> Option<Vec<Vec<Run>>> {
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut out = Vec::new();
    for line in code.lines() {
        // The syntaxes are written for lines with their newline.
        let line = format!("{line}\n");
        let mut runs: Vec<Run> = Vec::new();
        let mut from = 0;
        for (at, operation) in state.parse_line(&line, syntaxes()).ok()? {
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
