//! Reads templates, with the errors of Go's `text/template/parse`.

use super::functions;
use super::lex::{Kind, Piece, pieces};
use super::numbers::{Number, unquote};
use super::tree::{Branch, Call, Command, MAIN, Node, Pipe, Statement, Templates, Term};
use crate::tools::kubectl::options::duration::quote;

/// How deep actions and parentheses may stand in each other; Go has no such limit, but its stack grows.
const DEPTH: usize = 100;

/// Reads the templates of a text.
///
/// # Errors
/// What is wrong, with its line.
pub fn parse(text: &str) -> Result<Templates, String> {
    let mut parser = Parser {
        pieces: pieces(text),
        next: 0,
        seen: 0,
        variables: vec!["$".to_owned()],
        ranges: 0,
        depth: 0,
        action_line: 0,
        templates: Templates::new(),
    };
    let body = parser.main()?;
    parser.add(MAIN.to_owned(), body)?;
    Ok(parser.templates)
}

/// What ends a list of statements.
enum Stop {
    End,
    Else,
}

impl Stop {
    fn shown(&self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

struct Parser {
    pieces: Vec<Piece>,
    /// The next piece.
    next: usize,
    /// How many pieces have been looked at: the last of them is where Go says that it is.
    seen: usize,
    variables: Vec<String>,
    ranges: usize,
    depth: usize,
    action_line: usize,
    templates: Templates,
}

impl Parser {
    fn look(&mut self) -> Piece {
        // Go's lexer stops at the first error and has nothing but ends behind it.
        let at = self.next.min(self.pieces.len() - 1);
        self.seen = self.seen.max(at + 1);
        self.pieces[at].clone()
    }

    fn take(&mut self) -> Piece {
        let piece = self.look();
        self.next += 1;
        piece
    }

    fn skip_space(&mut self) {
        while self.look().kind == Kind::Space {
            self.next += 1;
        }
    }

    fn take_word(&mut self) -> Piece {
        self.skip_space();
        self.take()
    }

    fn look_word(&mut self) -> Piece {
        self.skip_space();
        self.look()
    }

    fn wrong(&self, why: impl AsRef<str>) -> String {
        let line = self.pieces.get(self.seen.saturating_sub(1)).map_or(1, |piece| piece.line);
        format!("template: {MAIN}:{line}: {}", why.as_ref())
    }

    fn unexpected(&self, piece: &Piece, context: &str) -> String {
        if piece.kind == Kind::Error {
            let mut more = String::new();
            if self.action_line != 0 && self.action_line != piece.line {
                more = format!(" in action started at {MAIN}:{}", self.action_line);
                if piece.text.ends_with(" action") {
                    more = more.replacen(" in action", "", 1);
                }
            }
            return self.wrong(format!("{}{more}", piece.text));
        }
        self.wrong(format!("unexpected {} in {context}", shown(piece)))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Piece, String> {
        let piece = self.take_word();
        if piece.kind == kind { Ok(piece) } else { Err(self.unexpected(&piece, context)) }
    }

    fn add(&mut self, name: String, body: Vec<Statement>) -> Result<(), String> {
        let empty = |body: &[Statement]| {
            body.iter().all(|statement| matches!(statement, Statement::Text(text) if text.trim().is_empty()))
        };
        match self.templates.get(&name) {
            Some(known) if !empty(known) => {
                if !empty(&body) {
                    return Err(self.wrong(format!("template: multiple definition of template {}", quote(&name))));
                }
            }
            _ => {
                self.templates.insert(name, body);
            }
        }
        Ok(())
    }

    fn main(&mut self) -> Result<Vec<Statement>, String> {
        let mut body = Vec::new();
        while self.look().kind != Kind::End {
            if self.look().kind == Kind::Left {
                let before = self.next;
                self.take();
                if self.take_word().is_word("define") {
                    self.definition()?;
                    continue;
                }
                self.next = before;
            }
            match self.statement()? {
                Ok(statement) => body.extend(statement),
                Err(stop) => return Err(self.wrong(format!("unexpected {}", stop.shown()))),
            }
        }
        Ok(body)
    }

    /// Another template has variables of its own.
    fn apart<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let ranges = std::mem::take(&mut self.ranges);
        let done = work(self)?;
        self.variables = variables;
        self.ranges = ranges;
        Ok(done)
    }

    fn definition(&mut self) -> Result<(), String> {
        const CONTEXT: &str = "define clause";
        let name = self.take_word();
        let name = self.template_name(&name, CONTEXT)?;
        self.expect(Kind::Right, CONTEXT)?;
        let (body, stop) = self.apart(Self::list)?;
        if matches!(stop, Stop::Else) {
            return Err(self.wrong(format!("unexpected {} in {CONTEXT}", stop.shown())));
        }
        self.add(name, body)
    }

    fn list(&mut self) -> Result<(Vec<Statement>, Stop), String> {
        let mut body = Vec::new();
        while self.look_word().kind != Kind::End {
            match self.statement()? {
                Ok(statement) => body.extend(statement),
                Err(stop) => return Ok((body, stop)),
            }
        }
        Err(self.wrong("unexpected EOF"))
    }

    /// Text, an action, or what ends a list of them.
    fn statement(&mut self) -> Result<Result<Option<Statement>, Stop>, String> {
        let piece = self.take_word();
        match piece.kind {
            Kind::Text => Ok(Ok(Some(Statement::Text(piece.text)))),
            Kind::Left => {
                self.action_line = piece.line;
                let action = self.action();
                self.action_line = 0;
                action
            }
            _ => Err(self.unexpected(&piece, "input")),
        }
    }

    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth == DEPTH {
            return Err(self.wrong(format!("actions stand more than {DEPTH} deep in each other")));
        }
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        done
    }

    fn action(&mut self) -> Result<Result<Option<Statement>, Stop>, String> {
        let piece = self.look_word();
        if piece.kind != Kind::Keyword {
            return Ok(Ok(Some(Statement::Action(self.pipeline("command", Kind::Right)?))));
        }
        self.take();
        let statement = match piece.text.as_str() {
            "block" => self.block()?,
            "else" => {
                // `else if` and `else with` are read by what they belong to.
                let after = self.look_word();
                if !after.is_word("if") && !after.is_word("with") {
                    self.expect(Kind::Right, "else")?;
                }
                return Ok(Err(Stop::Else));
            }
            "end" => {
                self.expect(Kind::Right, "end")?;
                return Ok(Err(Stop::End));
            }
            "if" => Statement::If(self.deeper(|parser| parser.control("if"))?),
            "range" => Statement::Range(self.deeper(|parser| parser.control("range"))?),
            "with" => Statement::With(self.deeper(|parser| parser.control("with"))?),
            "template" => self.call()?,
            word @ ("break" | "continue") => {
                let action = format!("{{{{{word}}}}}");
                let after = self.take_word();
                if after.kind != Kind::Right {
                    return Err(self.unexpected(&after, &action));
                }
                if self.ranges == 0 {
                    return Err(self.wrong(format!("{action} outside {{{{range}}}}")));
                }
                if word == "break" { Statement::Break } else { Statement::Continue }
            }
            _ => {
                self.next -= 1;
                Statement::Action(self.pipeline("command", Kind::Right)?)
            }
        };
        Ok(Ok(Some(statement)))
    }

    fn control(&mut self, context: &str) -> Result<Branch, String> {
        let variables = self.variables.len();
        let pipe = self.pipeline(context, Kind::Right)?;
        let is_range = usize::from(context == "range");
        self.ranges += is_range;
        let (body, stop) = self.list()?;
        self.ranges -= is_range;
        let otherwise = match stop {
            Stop::End => None,
            Stop::Else if context != "range" && self.look().is_word(context) => {
                self.take();
                let inner = self.deeper(|parser| parser.control(context))?;
                Some(vec![if context == "if" { Statement::If(inner) } else { Statement::With(inner) }])
            }
            Stop::Else => {
                let (body, stop) = self.list()?;
                if matches!(stop, Stop::Else) {
                    return Err(self.wrong(format!("expected end; found {}", stop.shown())));
                }
                Some(body)
            }
        };
        self.variables.truncate(variables);
        Ok(Branch { pipe, body, otherwise })
    }

    fn block(&mut self) -> Result<Statement, String> {
        const CONTEXT: &str = "block clause";
        let piece = self.take_word();
        let name = self.template_name(&piece, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::Right)?;
        let (body, stop) = self.apart(|parser| parser.deeper(Self::list))?;
        if matches!(stop, Stop::Else) {
            return Err(self.wrong(format!("unexpected {} in {CONTEXT}", stop.shown())));
        }
        self.add(name.clone(), body)?;
        Ok(Statement::Call(Call { at: piece.at, name, pipe: Some(pipe) }))
    }

    fn call(&mut self) -> Result<Statement, String> {
        const CONTEXT: &str = "template clause";
        let piece = self.take_word();
        let name = self.template_name(&piece, CONTEXT)?;
        let pipe = if self.look_word().kind == Kind::Right {
            self.take();
            None
        } else {
            Some(self.pipeline(CONTEXT, Kind::Right)?)
        };
        Ok(Statement::Call(Call { at: piece.at, name, pipe }))
    }

    fn template_name(&self, piece: &Piece, context: &str) -> Result<String, String> {
        if !matches!(piece.kind, Kind::String | Kind::RawString) {
            return Err(self.unexpected(piece, context));
        }
        let name = unquote(&piece.text).map_err(|why| self.wrong(why))?;
        Ok(String::from_utf8_lossy(&name).into_owned())
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, String> {
        let mut pipe = Pipe { at: self.look_word().at, assigns: false, variables: Vec::new(), commands: Vec::new() };
        while self.look_word().kind == Kind::Variable {
            let before = self.next;
            let variable = self.take();
            let after = self.look_word();
            let comma = after.kind == Kind::Char && after.text == ",";
            if !comma && !matches!(after.kind, Kind::Assign | Kind::Declare) {
                self.next = before;
                break;
            }
            self.take();
            pipe.variables.push(variable.text.clone());
            self.variables.push(variable.text);
            if !comma {
                pipe.assigns = after.kind == Kind::Assign;
                break;
            }
            if context != "range" || pipe.variables.len() > 1 {
                return Err(self.wrong(format!("too many declarations in {context}")));
            }
            if !matches!(self.look_word().kind, Kind::Variable | Kind::Right | Kind::RightParen) {
                return Err(self.wrong("range can only initialize variables"));
            }
        }
        loop {
            let piece = self.take_word();
            match piece.kind {
                kind if kind == end => {
                    self.check(&pipe, context)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.next -= 1;
                    pipe.commands.push(self.command()?);
                }
                _ => return Err(self.unexpected(&piece, context)),
            }
        }
    }

    fn check(&self, pipe: &Pipe, context: &str) -> Result<(), String> {
        if pipe.commands.is_empty() {
            return Err(self.wrong(format!("missing value for {context}")));
        }
        for (at, command) in pipe.commands.iter().enumerate().skip(1) {
            let literal = matches!(
                command.words[0].term,
                Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::Text(..)
            );
            if literal {
                return Err(self.wrong(format!("non executable command in pipeline stage {}", at + 1)));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command, String> {
        let mut command = Command { at: self.look_word().at, words: Vec::new() };
        loop {
            self.skip_space();
            command.words.extend(self.operand()?);
            let piece = self.take();
            match piece.kind {
                Kind::Space => continue,
                Kind::Right | Kind::RightParen => self.next -= 1,
                Kind::Pipe => {}
                _ => return Err(self.unexpected(&piece, "operand")),
            }
            break;
        }
        if command.words.is_empty() {
            return Err(self.wrong("empty command"));
        }
        Ok(command)
    }

    fn operand(&mut self) -> Result<Option<Node>, String> {
        let Some(node) = self.term()? else { return Ok(None) };
        let first = self.look();
        if first.kind != Kind::Field {
            return Ok(Some(node));
        }
        let mut fields = Vec::new();
        while self.look().kind == Kind::Field {
            fields.push(self.take().text[1..].to_owned());
        }
        let term = match node.term {
            Term::Field(mut known) => {
                known.extend(fields);
                Term::Field(known)
            }
            Term::Variable(name, mut known) => {
                known.extend(fields);
                Term::Variable(name, known)
            }
            Term::Bool(_) | Term::Text(..) | Term::Number(_) | Term::Nil | Term::Dot => {
                return Err(self.wrong(format!("unexpected . after term {}", quote(&node.to_string()))));
            }
            _ => Term::Chain(Box::new(node), fields),
        };
        Ok(Some(Node { at: first.at, term }))
    }

    fn term(&mut self) -> Result<Option<Node>, String> {
        let piece = self.take_word();
        let term = match piece.kind {
            Kind::Identifier => {
                if !functions::is_known(&piece.text) {
                    return Err(self.wrong(format!("function {} not defined", quote(&piece.text))));
                }
                Term::Function(piece.text)
            }
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => {
                if !self.variables.contains(&piece.text) {
                    return Err(self.wrong(format!("undefined variable {}", quote(&piece.text))));
                }
                Term::Variable(piece.text, Vec::new())
            }
            Kind::Field => Term::Field(vec![piece.text[1..].to_owned()]),
            Kind::Bool => Term::Bool(piece.text == "true"),
            Kind::CharConstant => Term::Number(Number::of_character(&piece.text).map_err(|why| self.wrong(why))?),
            Kind::Number => Term::Number(Number::read(&piece.text).map_err(|why| self.wrong(why))?),
            Kind::Complex => return Err(self.wrong("complex numbers are not built into this kubectl")),
            Kind::LeftParen => {
                Term::Pipe(self.deeper(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?)
            }
            Kind::String | Kind::RawString => {
                let bytes = unquote(&piece.text).map_err(|why| self.wrong(why))?;
                Term::Text(piece.text, bytes)
            }
            _ => {
                self.next -= 1;
                return Ok(None);
            }
        };
        Ok(Some(Node { at: piece.at, term }))
    }
}

/// A piece as Go's lexer shows it in an error.
fn shown(piece: &Piece) -> String {
    match piece.kind {
        Kind::End => "EOF".into(),
        Kind::Keyword | Kind::Nil => format!("<{}>", piece.text),
        Kind::Dot => "<.>".into(),
        _ if piece.text.len() > 10 => {
            let start: String = piece.text.chars().take(10).collect();
            format!("{}...", quote(&start))
        }
        _ => quote(&piece.text),
    }
}
