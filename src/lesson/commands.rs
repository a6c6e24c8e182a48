//! The content of a fence: `$ ` lines, what belongs to them, and what they should print.

use super::forgotten;
use super::model::{Command, Diagnostic, Expected, Severity, Slip};
use super::source::LineIndex;

/// A line of a fence's content, without its end and without the fence's own indentation.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Offset of the text in the page.
    pub offset: usize,
    /// The text.
    pub text: &'a str,
}

impl Line<'_> {
    /// The offset behind the text.
    pub fn end(&self) -> usize {
        self.offset + self.text.len()
    }
}

const PROMPT: &str = "$ ";

/// The commands of a fence that is not `raw`, in order.
pub fn read(lines: &[Line<'_>], source: &str, index: &LineIndex, diagnostics: &mut Vec<Diagnostic>) -> Vec<Command> {
    let mut commands = Vec::new();
    let first = lines.iter().position(|line| is_prompt(line));
    let mut at = first.unwrap_or(lines.len());
    let above = first.map_or(&[][..], |first| &lines[..first]);
    // The author's comments stand there too, and are no slip.
    let comments = above.iter().all(|line| line.text.trim().is_empty() || line.text.starts_with('#'));
    if let Some((from, to)) = written(above).filter(|_| !comments) {
        diagnostics.push(Diagnostic {
            slip: Slip::TextAboveCommand,
            severity: Severity::Warning,
            span: index.span(source, from, to),
            message: "this text stands above the fence's first command, so no command prints it".into(),
            help: Some("begin a command with `$ `, or move the text out of the fence".into()),
        });
    }
    while at < lines.len() {
        let begin = at;
        at = command_end(lines, begin, source, index, diagnostics);
        let text = joined(&lines[begin..at]);
        let text = text.strip_prefix(PROMPT).unwrap_or(&text).to_owned();
        let span = index.span(source, lines[begin].offset, lines[at - 1].end());
        let output = at;
        while at < lines.len() && !is_prompt(&lines[at]) {
            at += 1;
        }
        let expected = expected(&lines[output..at], &text, source, index, diagnostics);
        if text.trim().is_empty() {
            diagnostics.push(Diagnostic {
                slip: Slip::EmptyPrompt,
                severity: Severity::Warning,
                span,
                message: "there is no command behind this prompt".into(),
                help: Some("write the command, or take the prompt away".into()),
            });
            continue;
        }
        commands.push(Command { text, span, expected });
    }
    commands
}

/// The whole content as one script, for a `raw` fence.
pub fn raw(lines: &[Line<'_>], source: &str, index: &LineIndex) -> Option<Command> {
    let (from, to) = written(lines)?;
    let last = lines.iter().rposition(|line| line.end() == to)?;
    let first = lines.iter().position(|line| line.offset == from)?;
    let text = joined(&lines[first..=last]);
    Some(Command { text, span: index.span(source, from, to), expected: Expected::None })
}

fn is_prompt(line: &Line<'_>) -> bool {
    line.text.starts_with(PROMPT)
}

fn joined(lines: &[Line<'_>]) -> String {
    lines.iter().map(|line| line.text).collect::<Vec<_>>().join("\n")
}

/// From the first line that is not blank to the last one.
fn written(lines: &[Line<'_>]) -> Option<(usize, usize)> {
    let full = |line: &&Line<'_>| !line.text.trim().is_empty();
    Some((lines.iter().find(full)?.offset, lines.iter().rfind(full)?.end()))
}

fn expected(
    lines: &[Line<'_>],
    command: &str,
    source: &str,
    index: &LineIndex,
    diagnostics: &mut Vec<Diagnostic>,
) -> Expected {
    let Some((_, end)) = written(lines) else { return Expected::None };
    let count = lines.iter().take_while(|line| line.end() <= end && line.offset <= end).count();
    let lines = &lines[..count];
    let text = joined(lines);
    let span = index.span(source, lines[0].offset, end);
    match forgotten::find(command, lines) {
        Some(line) => {
            let why = format!(
                "line {} looks like a command whose `$ ` was forgotten: it is not executed, so what it printed for the \
                 author cannot be compared",
                index.line(line.offset)
            );
            diagnostics.push(Diagnostic {
                slip: Slip::ForgottenPrompt,
                severity: Severity::Warning,
                span: index.span(source, line.offset, line.end()),
                message:
                    "this line looks like a command whose `$ ` was forgotten: it is not executed, and the expected \
                          output of the command above it is not compared"
                        .into(),
                help: Some("put `$ ` ahead of it if it is a command".into()),
            });
            Expected::Unchecked { text, span, why }
        }
        None => Expected::Text { text, span },
    }
}

/// The line behind the command that begins at `begin`: over trailing backslashes, then over the heredocs that it opened.
fn command_end(
    lines: &[Line<'_>],
    begin: usize,
    source: &str,
    index: &LineIndex,
    diagnostics: &mut Vec<Diagnostic>,
) -> usize {
    let mut at = begin;
    let mut scanner = Heredocs::default();
    loop {
        let text = lines[at].text;
        scanner.read_line(if at == begin { text.strip_prefix(PROMPT).unwrap_or(text) } else { text });
        let backslashes = text.len() - text.trim_end_matches('\\').len();
        let goes_on = backslashes % 2 == 1;
        at += 1;
        if !goes_on || at >= lines.len() {
            break;
        }
    }
    for heredoc in scanner.found {
        let closes = |line: &Line<'_>| {
            let text = if heredoc.strips_tabs { line.text.trim_start_matches('\t') } else { line.text };
            text == heredoc.delimiter
        };
        match lines[at..].iter().position(closes) {
            Some(body) => at += body + 1,
            None => {
                diagnostics.push(Diagnostic {
                    slip: Slip::UnendedHereDocument,
                    severity: Severity::Warning,
                    span: index.span(source, lines[begin].offset, lines[begin].end()),
                    message: format!(
                        "the here-document of this command is not ended by a line `{}`",
                        heredoc.delimiter
                    ),
                    help: Some(format!("write `{}` alone on the line behind it, without blanks", heredoc.delimiter)),
                });
                return lines.len();
            }
        }
    }
    at
}

/// A here-document that a command opens.
#[derive(Debug, PartialEq, Eq)]
struct Heredoc {
    delimiter: String,
    /// `<<-`: tabs at the head of a line are taken off, the delimiter's line included.
    strips_tabs: bool,
}

/// Finds the here-documents of a command, line by line: redirections outside of quotes, comments and arithmetic.
#[derive(Debug, Default)]
struct Heredocs {
    quote: Option<char>,
    found: Vec<Heredoc>,
}

impl Heredocs {
    fn read_line(&mut self, line: &str) {
        let chars: Vec<char> = line.chars().collect();
        let mut at = 0;
        let mut arithmetic = 0usize;
        while let Some(&c) = chars.get(at) {
            let next = chars.get(at + 1).copied();
            match (self.quote, c) {
                (Some('\''), '\'') | (Some('"'), '"') => self.quote = None,
                (Some('\''), _) => {}
                (_, '\\') => at += 1,
                (Some(_), _) => {}
                (None, '\'' | '"') => self.quote = Some(c),
                (None, '#') if at == 0 || chars[at - 1].is_whitespace() => return,
                (None, '(') if next == Some('(') => {
                    arithmetic += 1;
                    at += 1;
                }
                (None, ')') if next == Some(')') && arithmetic > 0 => {
                    arithmetic -= 1;
                    at += 1;
                }
                (None, '<') if next == Some('<') && arithmetic == 0 => {
                    if chars.get(at + 2) == Some(&'<') {
                        at += 3;
                        continue;
                    }
                    at += 2;
                    let strips_tabs = chars.get(at) == Some(&'-');
                    at += usize::from(strips_tabs);
                    while chars.get(at).is_some_and(|c| matches!(c, ' ' | '\t')) {
                        at += 1;
                    }
                    let (delimiter, end) = delimiter(&chars, at);
                    if end > at {
                        self.found.push(Heredoc { delimiter, strips_tabs });
                    }
                    at = end;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }
}

/// The word at `at` with its quotes taken off, as bash reads a here-document's delimiter, and where it ends.
fn delimiter(chars: &[char], mut at: usize) -> (String, usize) {
    let (mut word, mut quote) = (String::new(), None);
    while let Some(&c) = chars.get(at) {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => word.push(c),
            None => match c {
                '\'' | '"' => quote = Some(c),
                '\\' => {
                    at += 1;
                    word.extend(chars.get(at));
                }
                ' ' | '\t' | ';' | '|' | '&' | '<' | '>' | '(' | ')' => break,
                _ => word.push(c),
            },
        }
        at += 1;
    }
    (word, at.min(chars.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(content: &str) -> (Vec<(String, Option<String>)>, Vec<String>) {
        let lines: Vec<Line<'_>> =
            super::super::source::lines_from(content, 0).map(|(offset, text)| Line { offset, text }).collect();
        let mut diagnostics = Vec::new();
        let commands = read(&lines, content, &LineIndex::new(content), &mut diagnostics);
        for command in &commands {
            assert_eq!(content[command.span.start..command.span.end].replace('\r', ""), format!("$ {}", command.text));
        }
        (
            commands.iter().map(|c| (c.text.clone(), c.expected.text().map(str::to_owned))).collect(),
            diagnostics.into_iter().map(|d| format!("{}:{}", d.span.line, d.message)).collect(),
        )
    }

    #[test]
    fn commands_and_what_they_print() {
        type Case<'a> = (&'a str, &'a [(&'a str, Option<&'a str>)]);
        let cases: &[Case<'_>] = &[
            ("$ a\n", &[("a", None)]),
            ("$ a\n\n\n$ b\n", &[("a", None), ("b", None)]),
            ("$ a\none\n\ntwo\n\n\n$ b\n x\n", &[("a", Some("one\n\ntwo")), ("b", Some(" x"))]),
            ("$ a\n\none\n", &[("a", Some("\none"))]),
            ("$ a \\\n  b \\\n$ c\nout\n", &[("a \\\n  b \\\n$ c", Some("out"))]),
            ("$ a \\\\\nout\n", &[("a \\\\", Some("out"))]),
            ("$ a\r\nout\r\nmore\r\n", &[("a", Some("out\nmore"))]),
            ("$ cat <<EOF\n$ x\n\nEOF\nout\n", &[("cat <<EOF\n$ x\n\nEOF", Some("out"))]),
            ("$ cat << 'END IT' | b\nx\nEND IT\nout", &[("cat << 'END IT' | b\nx\nEND IT", Some("out"))]),
            ("$ cat <<-\"E\" \\\n  | b\n\tx\n\tE\nout", &[("cat <<-\"E\" \\\n  | b\n\tx\n\tE", Some("out"))]),
            ("$ cat <<A; cat <<B\nB\nA\nA\nB\nout", &[("cat <<A; cat <<B\nB\nA\nA\nB", Some("out"))]),
            ("$ cat <<< EOF\nEOF\n", &[("cat <<< EOF", Some("EOF"))]),
            (
                "$ echo '<<EOF' \"<<EOF\" \\<<EOF # <<EOF\nout\n",
                &[("echo '<<EOF' \"<<EOF\" \\<<EOF # <<EOF", Some("out"))],
            ),
            ("$ echo $((1 << 2))\n4\n", &[("echo $((1 << 2))", Some("4"))]),
            ("# comment\nnot a command\n", &[]),
            ("$a\n $ b\n", &[]),
        ];
        for (content, expected) in cases {
            let found = parse(content).0;
            let found: Vec<_> = found.iter().map(|(c, e)| (c.as_str(), e.as_deref())).collect();
            assert_eq!(&found, expected, "{content:?}");
        }
    }

    #[test]
    fn slips_of_an_author_are_named() {
        let said = |content: &str| parse(content).1.join("; ");
        assert!(said("above\n$ a\n").starts_with("1:this text stands above"));
        assert_eq!(said("# above\n\n$ a\n"), "");
        assert!(said("$ a\n$ \n").starts_with("2:there is no command"));
        assert!(said("$ cat <<EOF\nx\n").starts_with("1:the here-document"));
        assert!(said("$ a\nkubectl get pods -n x\nout\n").starts_with("2:this line looks like"));
        assert_eq!(said("$ a\nout\n"), "");
    }
}
