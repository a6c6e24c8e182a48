//! The commands that a script consists of, read with the parser of the lessons' shell; nothing is expanded or executed.

use brush_parser::word::{self, TildeExpr, WordPiece, WordPieceWithSource};
use brush_parser::{ParseError, Parser, ParserOptions, SourceSpan, ast};

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// The word as written.
    pub(crate) raw: String,
    /// What the shell makes of it, if that does not hang on variables, files or other commands.
    pub(crate) text: Option<String>,
    /// The same with `*` for each part that is not known before the script runs.
    pub(crate) pattern: String,
    /// Line and column in the script, from 1, in characters.
    pub(crate) place: (usize, usize),
}

impl Word {
    /// What the shell makes of it; empty if that is not known.
    pub(crate) fn known(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }
}

/// A command with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The command's name and its arguments.
    pub(crate) words: Vec<Word>,
    /// Whether its standard output goes to a pipe, a file, or into another command's words.
    pub(crate) hidden: bool,
    /// Whether it runs only under a condition, or so often as only running it tells.
    pub(crate) maybe: bool,
    /// The function in whose body it stands.
    pub(crate) function: Option<String>,
    /// What it reads on standard input, as far as that is known.
    pub(crate) input: Input,
}

/// What a command reads on standard input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Input {
    /// Nothing that the script says.
    #[default]
    Unknown,
    /// A text of the script's own, its expansions left as they are written.
    Text(String),
    /// A file, by the word that names it.
    File(Word),
    /// What another command prints, by its place among the script's.
    Pipe(usize),
}

impl Call {
    /// The command's name; empty if it is not known before the script runs.
    pub(crate) fn name(&self) -> &str {
        self.words.first().map_or("", Word::known)
    }

    /// The arguments up to `--`.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Word> {
        self.words.iter().skip(1).take_while(|word| word.known() != "--")
    }

    /// The values of an option, given as `--name=value`, `--name value`, and for one letter `-nvalue`.
    pub(crate) fn values<'w>(&'w self, names: &[&str]) -> Vec<(&'w Word, String)> {
        let mut found = Vec::new();
        let mut words = self.arguments();
        while let Some(word) = words.next() {
            let text = word.text.as_deref().unwrap_or(&word.raw);
            if names.contains(&text) {
                found.extend(words.next().map(|value| (value, value.known().to_owned())));
                continue;
            }
            let attached = names.iter().find_map(|name| {
                let rest = text.strip_prefix(name)?;
                if name.starts_with("--") { rest.strip_prefix('=') } else { Some(rest.trim_start_matches('=')) }
            });
            if let Some(value) = attached {
                found.push((word, if word.text.is_some() { value.to_owned() } else { String::new() }));
            }
        }
        found
    }
}

/// What a script does, as far as that can be read from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Script {
    /// The commands, in the order in which they are written.
    pub(crate) calls: Vec<Call>,
    /// The functions that it defines.
    pub(crate) functions: Vec<String>,
}

/// Why a script is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Line and column, from 1; `None` for the script's end.
    pub(crate) place: Option<(usize, usize)>,
    /// What is wrong.
    pub(crate) message: String,
}

/// Scripts within scripts (`$( )`, `bash -c`) are read to this depth.
const DEEPEST: usize = 16;

/// Reads a script.
pub(crate) fn read(text: &str) -> Result<Script, Problem> {
    let mut reader = Reader {
        script: Script::default(),
        text: text.chars().collect(),
        outer: None,
        depth: 0,
        maybe: false,
        function: None,
        input: Input::Unknown,
        last: None,
    };
    reader.source(text, false)?;
    Ok(reader.script)
}

fn problem(error: &ParseError) -> Problem {
    match error {
        ParseError::ParsingNear(at) => {
            Problem { place: Some((at.line, at.column)), message: "bash does not expect this here".into() }
        }
        ParseError::ParsingAtEndOfInput => {
            Problem { place: None, message: "the command ends before it is complete".into() }
        }
        ParseError::Tokenizing { inner, position } => {
            Problem { place: position.as_ref().map(|at| (at.line, at.column)), message: inner.to_string() }
        }
    }
}

struct Reader {
    script: Script,
    /// The outermost script.
    text: Vec<char>,
    /// In a script within a word, where the word is.
    outer: Option<(usize, usize)>,
    depth: usize,
    /// Whether what is read now runs only under a condition.
    maybe: bool,
    function: Option<String>,
    /// What the next command reads.
    input: Input,
    /// The place of the last simple command of a pipeline.
    last: Option<usize>,
}

impl Reader {
    fn source(&mut self, text: &str, hidden: bool) -> Result<(), Problem> {
        let program =
            Parser::new(text.as_bytes(), &ParserOptions::default()).parse_program().map_err(|error| problem(&error))?;
        for list in &program.complete_commands {
            self.list(list, hidden);
        }
        Ok(())
    }

    fn list(&mut self, list: &ast::CompoundList, hidden: bool) {
        for ast::CompoundListItem(and_or, _) in &list.0 {
            for (number, (_, pipeline)) in and_or.into_iter().enumerate() {
                self.perhaps(number > 0, |reader| {
                    let last = pipeline.seq.len().saturating_sub(1);
                    for (place, command) in pipeline.seq.iter().enumerate() {
                        let before = reader.last.take().filter(|_| place > 0);
                        reader.input = before.map_or(Input::Unknown, Input::Pipe);
                        reader.command(command, hidden || place < last);
                        reader.input = Input::Unknown;
                    }
                });
            }
        }
    }

    /// Reads what runs only under a condition, if `condition`.
    fn perhaps(&mut self, condition: bool, read: impl FnOnce(&mut Self)) {
        let outer = self.maybe;
        self.maybe |= condition;
        read(self);
        self.maybe = outer;
    }

    fn command(&mut self, command: &ast::Command, hidden: bool) {
        match command {
            ast::Command::Simple(simple) => self.simple(simple, hidden),
            ast::Command::Compound(compound, redirects) => {
                let to_file = redirects.as_ref().is_some_and(|list| list.0.iter().any(hides));
                self.compound(compound, hidden || to_file);
                self.redirects(redirects.as_ref());
            }
            ast::Command::Function(function) => {
                self.script.functions.push(function.fname.value.clone());
                let outer = self.function.replace(function.fname.value.clone());
                self.compound(&function.body.0, true);
                self.function = outer;
                self.redirects(function.body.1.as_ref());
            }
            ast::Command::ExtendedTest(_, redirects) => self.redirects(redirects.as_ref()),
        }
    }

    fn compound(&mut self, compound: &ast::CompoundCommand, hidden: bool) {
        use ast::CompoundCommand as C;
        match compound {
            C::Arithmetic(_) => {}
            C::ArithmeticForClause(clause) => self.perhaps(true, |reader| reader.list(&clause.body.list, hidden)),
            C::BraceGroup(group) => self.list(&group.list, hidden),
            C::Subshell(subshell) => self.list(&subshell.list, hidden),
            C::ForClause(clause) => {
                for word in clause.values.iter().flatten() {
                    self.word(word);
                }
                self.perhaps(true, |reader| reader.list(&clause.body.list, hidden));
            }
            C::CaseClause(clause) => {
                self.word(&clause.value);
                for item in &clause.cases {
                    if let Some(list) = &item.cmd {
                        self.perhaps(true, |reader| reader.list(list, hidden));
                    }
                }
            }
            C::IfClause(clause) => {
                self.list(&clause.condition, hidden);
                self.perhaps(true, |reader| {
                    reader.list(&clause.then, hidden);
                    for part in clause.elses.iter().flatten() {
                        if let Some(condition) = &part.condition {
                            reader.list(condition, hidden);
                        }
                        reader.list(&part.body, hidden);
                    }
                });
            }
            C::WhileClause(clause) | C::UntilClause(clause) => {
                self.list(&clause.0, hidden);
                self.perhaps(true, |reader| reader.list(&clause.1.list, hidden));
            }
            C::Coprocess(coprocess) => self.command(&coprocess.body, true),
        }
    }

    fn simple(&mut self, simple: &ast::SimpleCommand, hidden: bool) {
        let mut words = Vec::new();
        let mut hidden = hidden;
        let piped = std::mem::take(&mut self.input);
        for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
            self.item(item, &mut Vec::new(), &mut hidden);
        }
        if let Some(name) = &simple.word_or_name {
            words.push(self.word(name));
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut words, &mut hidden);
        }
        // A redirection takes the place of the pipe.
        let redirected = std::mem::take(&mut self.input);
        self.input = if redirected == Input::Unknown { piped } else { redirected };
        self.last = None;
        if !words.is_empty() {
            let place = self.call(words, hidden);
            self.last = Some(place);
        }
    }

    /// Notes a command, and the one that it runs in its turn.
    fn call(&mut self, words: Vec<Word>, hidden: bool) -> usize {
        let inner = inner_command(&words);
        let script = inner_script(&words).map(|word| (word.known().to_owned(), word.place));
        let mut number = self.script.calls.len();
        let (maybe, function, input) = (self.maybe, self.function.clone(), self.input.clone());
        // How often xargs runs its command depends on what it reads.
        let often = words.first().is_some_and(|word| word.known() == "xargs");
        self.script.calls.push(Call { words: words.clone(), hidden, maybe, function, input });
        if let Some(start) = inner {
            self.perhaps(often, |reader| number = reader.call(words[start..].to_vec(), hidden));
        }
        if let Some((text, place)) = script {
            self.nested(&text, place, hidden);
        }
        number
    }

    fn item(&mut self, item: &ast::CommandPrefixOrSuffixItem, words: &mut Vec<Word>, hidden: &mut bool) {
        use ast::CommandPrefixOrSuffixItem as I;
        match item {
            I::IoRedirect(redirect) => {
                *hidden |= hides(redirect);
                self.redirect(redirect);
            }
            I::Word(word) => words.push(self.word(word)),
            I::AssignmentWord(_, word) => words.push(self.word(word)),
            I::ProcessSubstitution(_, subshell) => self.list(&subshell.list, true),
        }
    }

    fn redirects(&mut self, redirects: Option<&ast::RedirectList>) {
        for redirect in redirects.iter().flat_map(|list| &list.0) {
            self.redirect(redirect);
        }
    }

    fn redirect(&mut self, redirect: &ast::IoRedirect) {
        match redirect {
            ast::IoRedirect::File(_, _, target) => match target {
                ast::IoFileRedirectTarget::Filename(word) | ast::IoFileRedirectTarget::Duplicate(word) => {
                    let word = self.word(word);
                    if matches!(redirect, ast::IoRedirect::File(None | Some(0), ast::IoFileRedirectKind::Read, _)) {
                        self.input = Input::File(word);
                    }
                }
                ast::IoFileRedirectTarget::ProcessSubstitution(_, subshell) => self.list(&subshell.list, true),
                ast::IoFileRedirectTarget::Fd(_) => {}
            },
            ast::IoRedirect::HereDocument(_, document) if document.requires_expansion => {
                self.input = Input::Text(document.doc.value.clone());
                let place = self.place(document.here_end.loc.as_ref());
                if let Ok(pieces) = word::parse_heredoc(&document.doc.value, &ParserOptions::default()) {
                    self.pieces(&pieces, place);
                }
            }
            ast::IoRedirect::HereDocument(_, document) => self.input = Input::Text(document.doc.value.clone()),
            ast::IoRedirect::HereString(_, word) => self.input = Input::Text(self.word(word).pattern),
            ast::IoRedirect::OutputAndError(word, _) => {
                self.word(word);
            }
        }
    }

    fn word(&mut self, word: &ast::Word) -> Word {
        let place = self.place(word.loc.as_ref());
        let outer = std::mem::take(&mut self.input);
        let (pattern, known) = match word::parse(&word.value, &ParserOptions::default()) {
            Ok(pieces) => self.pieces(&pieces, place),
            Err(_) => ("*".to_owned(), false),
        };
        self.input = outer;
        // Names of files and lists of words are made where the command runs.
        let fixed = !word.value.contains(['*', '?', '{']) || word.value.starts_with(['\'', '"']);
        let text = (known && fixed).then(|| pattern.clone());
        Word { raw: word.value.clone(), text, pattern, place }
    }

    /// Reads the commands in a word's pieces; answers their text, with `*` for what is not known, and whether all of it is.
    fn pieces(&mut self, pieces: &[WordPieceWithSource], place: (usize, usize)) -> (String, bool) {
        let mut text = String::new();
        let mut known = true;
        for piece in pieces {
            let part = match &piece.piece {
                WordPiece::Text(part) | WordPiece::SingleQuotedText(part) => Some(part.clone()),
                WordPiece::DoubleQuotedSequence(inner) | WordPiece::GettextDoubleQuotedSequence(inner) => {
                    let (part, all) = self.pieces(inner, place);
                    known &= all;
                    Some(part)
                }
                WordPiece::TildeExpansion(TildeExpr::Home) => Some("~".to_owned()),
                WordPiece::EscapeSequence(escape) => match escape.strip_prefix('\\') {
                    Some("\n") => Some(String::new()),
                    Some(escaped) => Some(escaped.to_owned()),
                    None => Some(escape.clone()),
                },
                WordPiece::CommandSubstitution(script) | WordPiece::BackquotedCommandSubstitution(script) => {
                    self.nested(script, place, true);
                    None
                }
                WordPiece::ParameterExpansion(expression) => home(expression),
                WordPiece::AnsiCQuotedText(_) | WordPiece::TildeExpansion(_) | WordPiece::ArithmeticExpression(_) => {
                    None
                }
            };
            known &= part.is_some();
            text.push_str(part.as_deref().unwrap_or("*"));
        }
        (text, known)
    }

    /// Line and column of a word. The parser lets a word begin at the line's continuation ahead of it.
    fn place(&self, span: Option<&SourceSpan>) -> (usize, usize) {
        let Some(span) = span.filter(|_| self.outer.is_none()) else { return self.outer.unwrap_or((1, 1)) };
        let mut at = span.start.index.min(self.text.len());
        while self.text.get(at).is_some_and(|c| c.is_whitespace())
            || (self.text.get(at) == Some(&'\\') && self.text.get(at + 1) == Some(&'\n'))
        {
            at += 1;
        }
        let before = &self.text[..at];
        let line_start = before.iter().rposition(|c| *c == '\n').map_or(0, |newline| newline + 1);
        (before.iter().filter(|c| **c == '\n').count() + 1, at - line_start + 1)
    }

    /// A script in a script. What is wrong in it shows when it runs: the outer one is right as it is.
    fn nested(&mut self, text: &str, place: (usize, usize), hidden: bool) {
        if self.depth >= DEEPEST {
            return;
        }
        let outer = self.outer.replace(place);
        self.depth += 1;
        drop(self.source(text, hidden));
        self.depth -= 1;
        self.outer = outer;
    }
}

fn home(expression: &word::ParameterExpr) -> Option<String> {
    match expression {
        word::ParameterExpr::Parameter { parameter: word::Parameter::Named(name), .. } if name == "HOME" => {
            Some("~".to_owned())
        }
        _ => None,
    }
}

/// Whether a redirection takes standard output away.
fn hides(redirect: &ast::IoRedirect) -> bool {
    match redirect {
        ast::IoRedirect::File(descriptor, kind, _) => {
            matches!(descriptor, None | Some(1))
                && matches!(
                    kind,
                    ast::IoFileRedirectKind::Write | ast::IoFileRedirectKind::Append | ast::IoFileRedirectKind::Clobber
                )
        }
        ast::IoRedirect::OutputAndError(..) => true,
        _ => false,
    }
}

/// Of a command that runs another one (`timeout 60 kubectl …`), where that one begins.
fn inner_command(words: &[Word]) -> Option<usize> {
    let is_option = |word: &Word| word.raw.starts_with('-');
    let behind_options = |valued: &[&str]| {
        let mut at = 1;
        while let Some(word) = words.get(at).filter(|word| is_option(word)) {
            at += 1 + usize::from(valued.contains(&word.known()));
        }
        at
    };
    let at = match words.first()?.known() {
        "timeout" => behind_options(&["-s", "--signal", "-k", "--kill-after"]) + 1,
        "command" if words.get(1).is_some_and(|word| matches!(word.known(), "-v" | "-V")) => return None,
        "exec" | "command" | "builtin" | "time" | "nohup" => behind_options(&[]),
        "sudo" => behind_options(&["-u", "-g"]),
        "xargs" => behind_options(&["-n", "-I", "-L", "-P", "-d", "-s", "-E"]),
        "watch" => behind_options(&["-n"]),
        "env" => {
            let mut at = behind_options(&["-u", "-C"]);
            while words.get(at).is_some_and(|word| word.raw.contains('=')) {
                at += 1;
            }
            at
        }
        _ => return None,
    };
    (at < words.len()).then_some(at)
}

/// The script of `bash -c '…'` and `eval '…'`.
fn inner_script(words: &[Word]) -> Option<&Word> {
    match words.first()?.known() {
        "bash" | "sh" => {
            let at = words.iter().position(|word| word.known().starts_with('-') && word.known().ends_with('c'))?;
            words.get(at + 1).filter(|word| word.text.is_some())
        }
        "eval" if words.len() == 2 => words.get(1).filter(|word| word.text.is_some()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(script: &str) -> Vec<String> {
        let calls = read(script).unwrap_or_else(|error| panic!("{script}: {error:?}")).calls;
        calls.iter().map(|call| call.name().to_owned()).collect()
    }

    #[test]
    fn commands_are_found_wherever_they_stand() {
        for (script, expected) in [
            ("a | b && c || d; e &", &["a", "b", "c", "d", "e"][..]),
            ("X=$(a \"$(b)\") c `d`", &["b", "a", "d", "c"]),
            ("for x in $(a); do b; done", &["a", "b"]),
            ("if a; then b; elif c; then d; else e; fi", &["a", "b", "c", "d", "e"]),
            ("while a; do b; done; until c; do d; done", &["a", "b", "c", "d"]),
            ("case $(a) in x) b;; esac", &["a", "b"]),
            ("f() { a; }; f", &["a", "f"]),
            ("( a ); { b; }", &["a", "b"]),
            ("a < <(b) > $(c)", &["b", "c", "a"]),
            ("cat <<EOF\n$(a)\nEOF", &["a", "cat"]),
            ("cat <<'EOF'\n$(a)\nEOF", &["cat"]),
            ("timeout -k 5 60 env A=b kubectl get", &["timeout", "env", "kubectl"]),
            ("bash -c 'a | b'", &["bash", "a", "b"]),
            ("X=1", &[]),
            ("$CMD a", &[""]),
        ] {
            let mut found = names(script);
            let mut expected: Vec<_> = expected.iter().map(|name| (*name).to_owned()).collect();
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{script}");
        }
    }

    #[test]
    fn words_have_their_text_and_place() {
        let script = read("a \\\n  'b c'd \"$HOME/x\" $y").unwrap();
        let words: Vec<_> = script.calls[0].words.iter().map(|word| (word.text.as_deref(), word.place)).collect();
        assert_eq!(words, [(Some("a"), (1, 1)), (Some("b cd"), (2, 3)), (Some("~/x"), (2, 10)), (None, (2, 20))]);
    }

    #[test]
    fn values_of_options() {
        let script = read("k -f a -fb --file=c --file d -- -f e").unwrap();
        let values: Vec<_> = script.calls[0].values(&["-f", "--file"]).into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, ["a", "b", "c", "d"]);
    }

    #[test]
    fn what_does_not_parse_has_a_place() {
        assert_eq!(read("a | | b").unwrap_err().place, Some((1, 5)));
        assert!(read("for x in a; do").is_err());
        assert!(read("echo 'a").is_err());
        assert!(read("echo $(a").is_err());
    }
}
