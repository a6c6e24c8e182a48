//! What a template is made of.

use std::collections::BTreeMap;
use std::fmt;

use super::numbers::Number;

/// The templates of a text by their names; the text itself is [`MAIN`].
pub type Templates = BTreeMap<String, Vec<Statement>>;

/// The name that kubectl gives the whole template.
pub const MAIN: &str = "output";

/// Text or an action.
#[derive(Debug, Clone)]
pub enum Statement {
    /// Text as it is.
    Text(String),
    /// The value of a pipeline, unless it declares variables.
    Action(Pipe),
    /// `if`
    If(Branch),
    /// `with`
    With(Branch),
    /// `range`
    Range(Branch),
    /// `template` and `block`
    Call(Call),
    /// `break`
    Break,
    /// `continue`
    Continue,
}

/// A pipeline that decides, and what it decides on.
#[derive(Debug, Clone)]
pub struct Branch {
    /// What decides.
    pub pipe: Pipe,
    /// What follows when it is true.
    pub body: Vec<Statement>,
    /// What follows otherwise.
    pub otherwise: Option<Vec<Statement>>,
}

/// A call of another template.
#[derive(Debug, Clone)]
pub struct Call {
    /// Where its name stands, in bytes.
    pub at: usize,
    /// The template's name.
    pub name: String,
    /// What is its dot.
    pub pipe: Option<Pipe>,
}

/// Commands, each of which gets what the one ahead of it made.
#[derive(Debug, Clone)]
pub struct Pipe {
    /// Where it stands, in bytes.
    pub at: usize,
    /// Whether variables are set (`=`) and not made (`:=`).
    pub assigns: bool,
    /// The variables.
    pub variables: Vec<String>,
    /// The commands.
    pub commands: Vec<Command>,
}

/// A function or operand with its arguments.
#[derive(Debug, Clone)]
pub struct Command {
    /// Where it stands, in bytes.
    pub at: usize,
    /// The function or operand, and its arguments.
    pub words: Vec<Node>,
}

/// An operand.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it stands, in bytes.
    pub at: usize,
    /// What it is.
    pub term: Term,
}

/// What an operand is.
#[derive(Debug, Clone)]
pub enum Term {
    /// `.a.b`
    Field(Vec<String>),
    /// `$x.a.b`
    Variable(String, Vec<String>),
    /// `(…).a.b`
    Chain(Box<Node>, Vec<String>),
    /// A function's name.
    Function(String),
    /// `(…)`
    Pipe(Pipe),
    /// `true`, `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text as it stands there, and what it means.
    Text(String, Vec<u8>),
    /// `.`
    Dot,
    /// `nil`
    Nil,
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            write!(f, "{} {} ", self.variables.join(", "), if self.assigns { "=" } else { ":=" })?;
        }
        for (at, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if at > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.words.iter().enumerate() {
            if at > 0 {
                write!(f, " ")?;
            }
            match &word.term {
                Term::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => write!(f, "{word}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &[String]| path.iter().map(|part| format!(".{part}")).collect::<String>();
        match &self.term {
            Term::Field(fields) => write!(f, "{}", path(fields)),
            Term::Variable(name, fields) => write!(f, "{name}{}", path(fields)),
            Term::Chain(node, fields) => match &node.term {
                Term::Pipe(pipe) => write!(f, "({pipe}){}", path(fields)),
                _ => write!(f, "{node}{}", path(fields)),
            },
            Term::Function(name) => write!(f, "{name}"),
            Term::Pipe(pipe) => write!(f, "{pipe}"),
            Term::Bool(truth) => write!(f, "{truth}"),
            Term::Number(number) => write!(f, "{}", number.text),
            Term::Text(quoted, _) => write!(f, "{quoted}"),
            Term::Dot => write!(f, "."),
            Term::Nil => write!(f, "nil"),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = crate::tools::kubectl::options::duration::quote(&self.name);
        match &self.pipe {
            Some(pipe) => write!(f, "{{{{template {name} {pipe}}}}}"),
            None => write!(f, "{{{{template {name}}}}}"),
        }
    }
}
