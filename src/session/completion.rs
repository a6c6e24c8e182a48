//! What the word at the cursor of a command line could be: commands, variables, files, and what the tools know.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::model::Completions;
use crate::clock::Clock;
use crate::shell::{Shell, Surroundings};
use crate::target::Target;
use crate::tools::{self, Candidates, Invocation};

/// How long the cluster may take to say its names. The clock is kept at real speed meanwhile.
const LIMIT: Duration = Duration::from_secs(1);

/// More are not shown.
const MOST: usize = 500;

/// Commands that run the command behind them, with the number of words of their own ahead of it.
const RUN_OTHERS: &[(&str, usize)] = &[
    ("!", 0),
    ("builtin", 0),
    ("command", 0),
    ("do", 0),
    ("elif", 0),
    ("else", 0),
    ("env", 0),
    ("exec", 0),
    ("if", 0),
    ("then", 0),
    ("time", 0),
    ("timeout", 1),
    ("until", 0),
    ("while", 0),
    ("xargs", 0),
    ("{", 0),
];

/// The word at the cursor, and what stands ahead of it in its command.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    /// The words ahead of it, quotes taken off.
    words: Vec<String>,
    /// The word so far, quotes taken off.
    word: String,
    /// Where it begins.
    from: usize,
    /// The quote that is open in it.
    quote: Option<char>,
    /// Where the name of a variable begins in the line, and whether it stands in braces.
    variable: Option<(usize, bool)>,
    /// Whether it names a file behind `<` or `>`.
    redirect: bool,
}

/// Whether bash would wait for more lines: a quote, a here-document, a group or a loop is open, or the line ends in a backslash.
pub fn is_unfinished(text: &str) -> bool {
    use brush_parser::{ParseError, Parser, ParserOptions};
    if (text.len() - text.trim_end_matches('\\').len()) % 2 == 1 {
        return true;
    }
    // A here-document ends with a whole line.
    let whole = format!("{text}\n");
    match Parser::new(whole.as_bytes(), &ParserOptions::default()).parse_program() {
        Ok(_) | Err(ParseError::ParsingNear(_)) => false,
        Err(ParseError::ParsingAtEndOfInput) => true,
        Err(ParseError::Tokenizing { inner, .. }) => inner.is_incomplete(),
    }
}

/// What the word at `at` could be; nothing where nothing is known, or nobody answers soon.
pub(super) async fn complete(shell: &Shell, target: &Arc<Target>, clock: &Clock, line: &str, at: usize) -> Completions {
    let _busy = clock.busy();
    let found = find(shell, target, clock, line, at);
    clock.timeout(LIMIT, found).await.ok().flatten().unwrap_or_default()
}

async fn find(shell: &Shell, target: &Arc<Target>, clock: &Clock, line: &str, at: usize) -> Option<Completions> {
    let asked = read(line.get(..at)?);
    let around = shell.surroundings().await.ok()?;
    if let Some((from, braces)) = asked.variable {
        let typed = line.get(from..at)?;
        let end = if braces { "}" } else { "" };
        let fit = around.variables.iter().filter(|name| name.starts_with(typed)).map(|name| format!("{name}{end}"));
        return Some(Completions { from, words: fit.take(MOST).collect() });
    }
    let candidates = match command(&asked, &around) {
        _ if asked.redirect => Candidates::Files,
        None if asked.word.contains('/') => Candidates::Files,
        None => Candidates::Words(around.commands.clone()),
        Some((name, args)) => {
            let cancel = CancellationToken::new();
            let _end = cancel.clone().drop_guard();
            let (env, files) = (around.exported.clone(), around.files.clone());
            let call = Invocation { name, args, env, files, clock: clock.clone(), cancel };
            tools::complete(call, &asked.word, Arc::clone(target)).await
        }
    };
    let mut words = match candidates {
        Candidates::Words(words) => words.into_iter().filter(|word| word.starts_with(&asked.word)).collect(),
        Candidates::Files => files(&asked.word, &around),
    };
    words.sort();
    words.dedup();
    words.truncate(MOST);
    let words = words.iter().map(|word| quoted(word, asked.quote)).collect();
    Some(Completions { from: asked.from, words })
}

/// The command that the word is an argument of, and its arguments so far; none if the word is the command.
fn command(asked: &Asked, around: &Surroundings) -> Option<(String, Vec<String>)> {
    let mut words = asked.words.as_slice();
    loop {
        let (first, rest) = words.split_first()?;
        words = rest;
        let own = match RUN_OTHERS.iter().find(|(name, _)| name == first) {
            Some((_, own)) => *own,
            None if is_assignment(first) => continue,
            None => break,
        };
        let options = words.iter().take_while(|word| word.starts_with('-')).count();
        words = words.get(options + own..).unwrap_or_default();
    }
    let at = asked.words.len() - words.len() - 1;
    let name = asked.words.get(at)?;
    let mut args = words.to_vec();
    match around.aliases.get(name) {
        Some(text) => {
            let mut stands_for = text.split_whitespace().map(str::to_owned);
            let name = stands_for.next()?;
            args.splice(0..0, stands_for);
            Some((name, args))
        }
        None => Some((name.clone(), args)),
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        let name = name.trim_end_matches('+');
        !name.is_empty() && name.chars().all(is_name) && !name.starts_with(|c: char| c.is_ascii_digit())
    })
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Reads a command line up to the cursor as bash would take its words apart, as far as that matters here.
fn read(line: &str) -> Asked {
    #[derive(Default)]
    struct Level {
        words: Vec<String>,
        word: Option<(usize, String)>,
        quote: Option<char>,
        redirect: bool,
    }
    impl Level {
        fn push(&mut self, at: usize, c: char) {
            self.word.get_or_insert((at, String::new())).1.push(c);
        }
        fn end_word(&mut self) {
            if let Some((_, word)) = self.word.take() {
                // What a redirection names is no argument.
                if !std::mem::take(&mut self.redirect) {
                    self.words.push(word);
                }
            }
        }
    }
    let mut levels = vec![Level::default()];
    let mut variable = None;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if variable.is_some() && !is_name(c) {
            variable = None;
        }
        let depth = levels.len();
        let Some(level) = levels.last_mut() else { break };
        match (level.quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => level.quote = None,
            (Some('\''), _) => level.push(at, c),
            (None, '\'' | '"') => {
                level.quote = Some(c);
                level.word.get_or_insert((at, String::new()));
            }
            (_, '\\') => {
                level.word.get_or_insert((at, String::new()));
                if let Some((at, c)) = chars.next() {
                    level.push(at, c);
                }
            }
            (_, '$') => match chars.peek() {
                Some((_, '(')) => {
                    chars.next();
                    level.word.get_or_insert((at, String::new()));
                    levels.push(Level::default());
                }
                Some((_, '{')) => {
                    chars.next();
                    level.push(at, c);
                    variable = Some((at + 2, true));
                }
                _ => {
                    level.push(at, c);
                    variable = Some((at + 1, false));
                }
            },
            (None, ')') if depth > 1 => {
                levels.pop();
            }
            (None, ' ' | '\t') => level.end_word(),
            (None, '|' | '&' | ';' | '\n' | '(' | ')') => *level = Level::default(),
            (None, '<' | '>') => {
                // `2>` is no word of its own.
                if level.word.as_ref().is_some_and(|(_, word)| word.chars().all(|c| c.is_ascii_digit())) {
                    level.word = None;
                }
                level.end_word();
                level.redirect = true;
            }
            _ => level.push(at, c),
        }
    }
    let level = levels.pop().unwrap_or_default();
    let (from, word) = level.word.unwrap_or((line.len(), String::new()));
    Asked { words: level.words, word, from, quote: level.quote, variable, redirect: level.redirect }
}

/// Files and folders whose path begins so; of those with a dot ahead only if it is typed.
fn files(word: &str, around: &Surroundings) -> Vec<String> {
    let scheme = ["file://", "fileb://"].into_iter().find(|scheme| word.starts_with(scheme)).unwrap_or_default();
    let assigned = if scheme.is_empty() && is_assignment(word) { word.find('=').map_or(0, |at| at + 1) } else { 0 };
    let (ahead, path) = word.split_at(scheme.len().max(assigned));
    let (folder, begin) =
        path.rsplit_once('/').map_or(("", path), |(_, begin)| (&path[..path.len() - begin.len()], begin));
    let home = around.exported.get("HOME").map_or("/", String::as_str);
    let place = match folder.strip_prefix("~/") {
        Some(rest) => format!("{home}/{rest}"),
        None if folder.is_empty() => ".".to_owned(),
        None => folder.to_owned(),
    };
    let names = around.files.names_in(&place).unwrap_or_default();
    let fit = names.iter().filter(|name| name.starts_with(begin) && (begin.starts_with('.') || !name.starts_with('.')));
    fit.map(|name| {
        let is_folder = around.files.metadata(Path::new(&place).join(name)).is_ok_and(|about| about.is_dir());
        format!("{ahead}{folder}{name}{}", if is_folder { "/" } else { "" })
    })
    .collect()
}

/// A word as it must be written: in the quotes that are open, else with backslashes.
fn quoted(word: &str, quote: Option<char>) -> String {
    let goes_on = word.ends_with(['/', '=']);
    match quote {
        Some(quote) => {
            let inner = if quote == '"' { escaped(word, "\"\\$`") } else { word.replace('\'', "'\\''") };
            format!("{quote}{inner}{}", if goes_on { String::new() } else { quote.to_string() })
        }
        None => {
            // A tilde ahead means the home folder.
            let (ahead, rest) = if word.starts_with("~/") { word.split_at(1) } else { ("", word) };
            format!("{ahead}{}", escaped(rest, " \t\n'\"\\$`&|;<>()*?[]{}!#~"))
        }
    }
}

fn escaped(text: &str, special: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> (Vec<String>, String, usize) {
        let Asked { words, word, from, .. } = read(line);
        (words, word, from)
    }

    #[test]
    fn the_word_at_the_end_is_found_in_its_command() {
        for (line, words, word, from) in [
            ("", &[][..], "", 0),
            ("kub", &[], "kub", 0),
            ("kubectl get po", &["kubectl", "get"], "po", 12),
            ("kubectl get ", &["kubectl", "get"], "", 12),
            ("x | kubectl -n 'a b' g", &["kubectl", "-n", "a b"], "g", 21),
            ("a && b; c d", &["c"], "d", 10),
            ("echo $(kubectl get n", &["kubectl", "get"], "n", 19),
            ("echo \"x $(kubectl get no) $(aws e", &["aws"], "e", 32),
            ("echo \"x $(kubectl get no)y", &["echo"], "x y", 5),
            ("cat <in 2>err f", &["cat"], "f", 14),
            ("cat a\\ b c\\ d", &["cat", "a b"], "c d", 9),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(asked(line), (words, word.to_owned(), from), "{line}");
        }
    }

    #[test]
    fn an_open_quote_or_loop_waits_for_more() {
        for text in
            ["echo 'a", "echo \"a\nb", "cat <<E\nx", "if true; then", "for i in 1 2; do", "ls \\", "echo $(ls", "a |"]
        {
            assert!(is_unfinished(text), "{text}");
        }
        for text in ["echo 'a'", "cat <<E\nx\nE", "if true; then ls; fi", "ls \\\\", "fi", "echo )", ""] {
            assert!(!is_unfinished(text), "{text}");
        }
    }

    #[test]
    fn variables_redirections_and_quotes_are_known() {
        for (line, variable) in [
            ("echo $AWS_R", Some((6, false))),
            ("echo \"${AWS_R", Some((8, true))),
            ("echo '$AWS_R", None),
            ("echo $A-b", None),
            ("echo \\$A", None),
        ] {
            assert_eq!(read(line).variable, variable, "{line}");
        }
        assert!(read("cat <fi").redirect && read("cat > ").redirect && !read("cat >a b").redirect);
        assert_eq!(read("cat \"a b").quote, Some('"'));
        assert_eq!(quoted("a b$c/", None), "a\\ b\\$c/");
        assert_eq!(quoted("a b$c", Some('"')), "\"a b\\$c\"");
        assert_eq!(quoted("it's", Some('\'')), "'it'\\''s'");
        assert_eq!(quoted("~/a b", None), "~/a\\ b");
    }

    #[test]
    fn commands_options_types_names_and_files_are_offered() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        std::fs::write(folder.path().join("folder/a b.yaml"), "").unwrap();
        let clock = Clock::accelerated(1000.0);
        let runtime = crate::clock::session_runtime(&clock).unwrap();
        runtime.block_on(async {
            let scenario = crate::sandbox::Scenario::default_bundled().unwrap();
            let sandbox = crate::sandbox::Sandbox::start(&scenario, &clock).await.unwrap();
            let target = Arc::new(Target::sandbox(sandbox, clock.clone()));
            let config = crate::shell::ShellConfig {
                home: None,
                work: folder.path().to_owned(),
                mapped: Vec::new(),
                readable: Vec::new(),
                env: target.environment(),
                limits: crate::shell::Limits::default(),
                clock: clock.clone(),
                target: Arc::clone(&target),
            };
            let shell = Shell::start(config).await.unwrap();
            for (line, wanted) in [
                ("kubec", &["kubectl"][..]),
                ("kubectl rollout st", &["status"]),
                ("kubectl get --all-n", &["--all-namespaces"]),
                ("kubectl get namesp", &["namespaces"]),
                ("kubectl get pods,namesp", &["pods,namespaces"]),
                ("kubectl get ns kube-s", &["kube-system"]),
                ("kubectl get ns/kube-s", &["ns/kube-system"]),
                ("kubectl -n kube-s", &["kube-system"]),
                ("kubectl --namespace=kube-s", &["--namespace=kube-system"]),
                ("kubectl get pods -o y", &["yaml"]),
                ("kubectl create -n default dep", &["deploy", "deployment"]),
                ("kubectl apply -f fol", &["folder/"]),
                ("kubectl apply -f folder/", &["folder/a\\ b.yaml"]),
                ("kubectl apply -f \"folder/a", &["\"folder/a b.yaml\""]),
                ("cat < fo", &["folder/"]),
                ("X=1 timeout 5 kubectl version --cl", &["--client"]),
                ("aws st", &["sts"]),
                ("aws eks list-pod", &["list-pod-identity-associations"]),
                ("aws eks describe-cluster --na", &["--name"]),
                ("aws sts get-caller-identity --output te", &["text"]),
                ("aws eks create-access-entry --cli-input-json file://fol", &["file://folder/"]),
                ("echo ${HOM", &["HOME}"]),
                ("no-such-command fo", &["folder/"]),
                ("kubectl get no-such-type x", &[]),
            ] {
                let found = complete(&shell, &target, &clock, line, line.len()).await;
                assert_eq!(found.words, wanted, "{line}");
            }
            assert!(target.calls().take().iter().all(|call| !call.mutating));
        });
    }
}
