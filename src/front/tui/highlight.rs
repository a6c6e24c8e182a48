//! Colours for code, in the terminal's own sixteen colours.

use std::sync::OnceLock;

use ratatui::style::{Color, Modifier, Style};
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use super::theme::Theme;
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
        Some(syntax) => coloured(code, syntax).unwrap_or_else(plain),
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
fn coloured(code: &str, syntax: &SyntaxReference) -> Option<Vec<Vec<Run>>> {
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut out = Vec::new();
    for line in code.lines() {
        // The syntaxes are written for lines with their newline.
        let line = format!("{line}\n");
        let mut runs: Vec<Run> = Vec::new();
        let mut from = 0;
        for (at, operation) in state.parse_line(&line, syntaxes()).ok()? {
            push(&mut runs, line.get(from..at)?, &stack);
            stack.apply(&operation).ok()?;
            from = at;
        }
        push(&mut runs, line.get(from..)?, &stack);
        out.push(runs);
    }
    Some(out)
}

fn push(runs: &mut Vec<Run>, text: &str, stack: &ScopeStack) {
    let text = text.trim_end_matches('\n');
    if !text.is_empty() {
        runs.push((text.to_owned(), style(stack)));
    }
}

/// The innermost scope that says something decides.
fn style(stack: &ScopeStack) -> Style {
    static RULES: OnceLock<Vec<(Scope, Style)>> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        let colour = |colour| Style::new().fg(colour);
        [
            ("comment", colour(Color::DarkGray).add_modifier(Modifier::ITALIC)),
            ("string", colour(Color::Green)),
            ("constant", colour(Color::Magenta)),
            ("keyword", colour(Color::Blue)),
            ("storage", colour(Color::Blue)),
            ("variable.parameter", colour(Color::Cyan)),
            ("variable", colour(Color::Cyan)),
            ("entity.name.tag", colour(Color::Blue)),
            ("support.function", colour(Color::Yellow)),
            ("markup.inserted", colour(Color::Green)),
            ("markup.deleted", colour(Color::Red)),
        ]
        .into_iter()
        .filter_map(|(name, style)| Some((Scope::new(name).ok()?, style)))
        .collect()
    });
    stack
        .as_slice()
        .iter()
        .rev()
        .find_map(|scope| rules.iter().find(|(rule, _)| rule.is_prefix_of(*scope)))
        .map_or(Style::new(), |(_, style)| *style)
}
