//! Carries a template out, with the errors of Go's `text/template`.

use std::fmt;

use serde_json::Value as Json;

use super::format;
use super::functions::{self, Signature, Type};
use super::tree::{Branch, Call, Command, MAIN, Node, Pipe, Statement, Templates, Term};
use super::value::{Value, View};
use super::{Stopped, numbers::Number};
use crate::tools::kubectl::options::duration::quote;

/// How deep templates may call each other. Go has a hundred thousand on a stack that grows.
const DEPTH: usize = 200;
/// How many rounds all loops of a template may take together.
const ROUNDS: usize = 10_000_000;
/// How many bytes a template may make.
const OUTPUT: usize = 256 << 20;

/// Carries out the main template.
///
/// # Errors
/// At the first expression that does not fit.
pub fn run(templates: &Templates, text: &str, strict: bool, data: &Json) -> Result<Vec<u8>, Stopped> {
    let dot = Value::Json(data);
    let mut state = State {
        templates,
        text,
        strict,
        out: Vec::new(),
        name: MAIN,
        place: None,
        variables: vec![("$".to_owned(), dot.clone())],
        depth: 0,
        rounds: 0,
    };
    let done = match templates.get(MAIN) {
        Some(body) => state.list(&dot, body),
        None => Ok(()),
    };
    match done {
        Ok(()) => Ok(state.out),
        Err(Leave::Error(why)) => Err(Stopped { output: state.out, why }),
        // The reader allows these in loops only.
        Err(Leave::Break | Leave::Continue) => Ok(state.out),
    }
}

/// Why a list of statements is left early.
enum Leave {
    Error(String),
    Break,
    Continue,
}

type Outcome<T> = Result<T, Leave>;

/// What an error names as its place.
#[derive(Clone, Copy)]
enum Place<'t> {
    Node(&'t Node),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Call(&'t Call),
}

impl Place<'_> {
    fn at(self) -> usize {
        match self {
            Self::Node(node) => node.at,
            Self::Pipe(pipe) => pipe.at,
            Self::Command(command) => command.at,
            Self::Call(call) => call.at,
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => node.fmt(f),
            Self::Pipe(pipe) => pipe.fmt(f),
            Self::Command(command) => command.fmt(f),
            Self::Call(call) => call.fmt(f),
        }
    }
}

struct State<'t, 'a> {
    templates: &'t Templates,
    text: &'t str,
    strict: bool,
    out: Vec<u8>,
    name: &'t str,
    place: Option<Place<'t>>,
    variables: Vec<(String, Value<'a>)>,
    depth: usize,
    rounds: usize,
}

impl<'t, 'a> State<'t, 'a> {
    fn wrong<T>(&self, why: impl fmt::Display) -> Outcome<T> {
        let Some(place) = self.place else { return Err(Leave::Error(format!("template: {}: {why}", self.name))) };
        let before = &self.text[..place.at()];
        let line = 1 + before.matches('\n').count();
        let column = before.rfind('\n').map_or(before.len(), |newline| before.len() - newline - 1);
        Err(Leave::Error(format!(
            "template: {MAIN}:{line}:{column}: executing {} at <{place}>: {why}",
            quote(self.name)
        )))
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        if self.out.len() + bytes.len() > OUTPUT {
            return self.wrong(format_args!("the output is larger than {} MiB", OUTPUT >> 20));
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn list(&mut self, dot: &Value<'a>, body: &'t [Statement]) -> Outcome<()> {
        body.iter().try_for_each(|statement| self.statement(dot, statement))
    }

    fn statement(&mut self, dot: &Value<'a>, statement: &'t Statement) -> Outcome<()> {
        match statement {
            Statement::Text(text) => self.write(text.as_bytes()),
            Statement::Action(pipe) => {
                let value = self.pipe(dot, pipe)?;
                if !pipe.variables.is_empty() {
                    return Ok(());
                }
                let mut printed = Vec::new();
                format::printable(&value, &mut printed);
                self.write(&printed)
            }
            Statement::If(branch) => self.branch(dot, branch, false),
            Statement::With(branch) => self.branch(dot, branch, true),
            Statement::Range(branch) => {
                let mark = self.variables.len();
                let done = self.range(dot, branch);
                self.variables.truncate(mark);
                done
            }
            Statement::Call(call) => self.call(dot, call),
            Statement::Break => Err(Leave::Break),
            Statement::Continue => Err(Leave::Continue),
        }
    }

    fn branch(&mut self, dot: &Value<'a>, branch: &'t Branch, with: bool) -> Outcome<()> {
        let mark = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let done = if value.is_true() {
            self.list(if with { &value } else { dot }, &branch.body)
        } else if let Some(otherwise) = &branch.otherwise {
            self.list(dot, otherwise)
        } else {
            Ok(())
        };
        self.variables.truncate(mark);
        done
    }

    fn range(&mut self, dot: &Value<'a>, branch: &'t Branch) -> Outcome<()> {
        let value = self.pipe(dot, &branch.pipe)?;
        let mut any = false;
        if let Some(items) = value.as_list() {
            for (at, item) in items.iter().enumerate() {
                any = true;
                let at = i64::try_from(at).unwrap_or(i64::MAX);
                if !self.round(branch, Value::Int(at), Value::Boxed(item))? {
                    break;
                }
            }
        } else if let Some(map) = value.as_map() {
            for (key, item) in map {
                any = true;
                if !self.round(branch, Value::text(key), Value::Boxed(item))? {
                    break;
                }
            }
        } else {
            match value.view() {
                View::Missing | View::Null => {}
                View::Int(_) | View::Int64(_) | View::Byte(_) if branch.pipe.variables.len() > 1 => {
                    return self.wrong(format_args!(
                        "can't use {} to iterate over more than one variable",
                        format::shown(&value)
                    ));
                }
                View::Int(count) | View::Int64(count) => {
                    for number in 0..count {
                        any = true;
                        if !self.round(branch, Value::Missing, Value::Int(number))? {
                            break;
                        }
                    }
                }
                View::Byte(count) => {
                    for number in 0..count {
                        any = true;
                        if !self.round(branch, Value::Missing, Value::Byte(number))? {
                            break;
                        }
                    }
                }
                _ => return self.wrong(format_args!("range can't iterate over {}", format::shown(&value))),
            }
        }
        match &branch.otherwise {
            Some(otherwise) if !any => self.list(dot, otherwise),
            _ => Ok(()),
        }
    }

    /// One round of a loop; false after `break`.
    fn round(&mut self, branch: &'t Branch, index: Value<'a>, item: Value<'a>) -> Outcome<bool> {
        self.rounds += 1;
        if self.rounds > ROUNDS {
            return self.wrong(format_args!("more than {ROUNDS} rounds of loops"));
        }
        let pipe = &branch.pipe;
        let mark = self.variables.len();
        let pair = [index, item.clone()];
        let own = if pipe.variables.len() > 1 { &pair[..] } else { &pair[1..] };
        if pipe.assigns {
            for (name, value) in pipe.variables.iter().zip(own) {
                self.set(name, value.clone())?;
            }
        } else {
            for (back, value) in own.iter().rev().take(pipe.variables.len()).enumerate() {
                self.variables[mark - 1 - back].1 = value.clone();
            }
        }
        let done = self.list(&item, &branch.body);
        self.variables.truncate(mark);
        match done {
            Ok(()) | Err(Leave::Continue) => Ok(true),
            Err(Leave::Break) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn call(&mut self, dot: &Value<'a>, call: &'t Call) -> Outcome<()> {
        self.place = Some(Place::Call(call));
        let Some((name, body)) = self.templates.get_key_value(&call.name) else {
            return self.wrong(format_args!("template {} not defined", quote(&call.name)));
        };
        if self.depth == DEPTH {
            return self.wrong(format_args!("exceeded maximum template depth ({DEPTH})"));
        }
        let dot = match &call.pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Missing,
        };
        let variables = std::mem::replace(&mut self.variables, vec![("$".to_owned(), dot.clone())]);
        let outer = std::mem::replace(&mut self.name, name);
        self.depth += 1;
        self.list(&dot, body)?;
        self.depth -= 1;
        self.name = outer;
        self.variables = variables;
        Ok(())
    }

    fn set(&mut self, name: &str, value: Value<'a>) -> Outcome<()> {
        match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, known)) => {
                *known = value;
                Ok(())
            }
            None => self.wrong(format_args!("undefined variable: {name}")),
        }
    }

    fn pipe(&mut self, dot: &Value<'a>, pipe: &'t Pipe) -> Outcome<Value<'a>> {
        self.place = Some(Place::Pipe(pipe));
        let mut last = None;
        for command in &pipe.commands {
            last = Some(self.command(dot, command, last)?.unboxed());
        }
        let value = last.unwrap_or(Value::Missing);
        for name in &pipe.variables {
            if pipe.assigns {
                self.set(name, value.clone())?;
            } else {
                self.variables.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    fn command(&mut self, dot: &Value<'a>, command: &'t Command, last: Option<Value<'a>>) -> Outcome<Value<'a>> {
        let words = &command.words;
        let first = &words[0];
        let given = words.len() > 1 || last.is_some();
        match &first.term {
            Term::Field(fields) => {
                self.place = Some(Place::Node(first));
                self.fields(dot.clone(), fields, given)
            }
            Term::Chain(node, fields) => self.chain(dot, first, node, fields, given),
            Term::Function(name) => {
                self.place = Some(Place::Node(first));
                self.function(dot, name, Place::Command(command), &words[1..], last)
            }
            Term::Pipe(pipe) => {
                self.is_no_function(first, given)?;
                self.pipe(dot, pipe)
            }
            Term::Variable(name, fields) => {
                self.place = Some(Place::Node(first));
                let value = self.variable(name)?;
                if fields.is_empty() {
                    self.is_no_function(first, given)?;
                    return Ok(value);
                }
                self.fields(value, fields, given)
            }
            term => {
                self.place = Some(Place::Node(first));
                self.is_no_function(first, given)?;
                match term {
                    Term::Bool(truth) => Ok(Value::Bool(*truth)),
                    Term::Dot => Ok(dot.clone()),
                    Term::Number(number) => self.number(number),
                    Term::Text(_, text) => Ok(Value::Text(text.clone().into())),
                    _ => self.wrong("nil is not a command"),
                }
            }
        }
    }

    fn is_no_function(&self, first: &Node, given: bool) -> Outcome<()> {
        if given {
            return self.wrong(format_args!("can't give argument to non-function {first}"));
        }
        Ok(())
    }

    fn variable(&self, name: &str) -> Outcome<Value<'a>> {
        match self.variables.iter().rev().find(|(known, _)| known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => self.wrong(format_args!("undefined variable: {name}")),
        }
    }

    fn number(&self, number: &Number) -> Outcome<Value<'a>> {
        match (number.is_float(), number.float, number.int) {
            (true, Some(float), _) => Ok(Value::Float(float)),
            (_, _, Some(int)) => Ok(Value::Int(int)),
            _ => self.wrong(format_args!("{} overflows int", number.text)),
        }
    }

    fn chain(
        &mut self,
        dot: &Value<'a>,
        whole: &'t Node,
        node: &'t Node,
        fields: &[String],
        given: bool,
    ) -> Outcome<Value<'a>> {
        self.place = Some(Place::Node(whole));
        if matches!(node.term, Term::Nil) {
            return self.wrong(format_args!("indirection through explicit nil in {whole}"));
        }
        let value = self.argument(dot, Type::Any, node)?;
        self.fields(value, fields, given)
    }

    fn fields(&self, mut value: Value<'a>, fields: &[String], given: bool) -> Outcome<Value<'a>> {
        for (at, name) in fields.iter().enumerate() {
            value = self.field(&value, name, given && at + 1 == fields.len())?;
        }
        Ok(value)
    }

    fn field(&self, value: &Value<'a>, name: &str, given: bool) -> Outcome<Value<'a>> {
        match value {
            Value::Missing if self.strict => {
                return self.wrong(format_args!("nil data; no entry for key {}", quote(name)));
            }
            Value::Missing => return Ok(Value::Missing),
            Value::Boxed(Json::Null) => {
                return self.wrong(format_args!("nil pointer evaluating interface {{}}.{name}"));
            }
            _ => {}
        }
        let Some(map) = value.as_map() else {
            return self.wrong(format_args!("can't evaluate field {name} in type {}", value.type_name()));
        };
        if given {
            return self.wrong(format_args!("{name} is not a method but has arguments"));
        }
        match map.get(name) {
            Some(found) => Ok(Value::Boxed(found)),
            None if self.strict => self.wrong(format_args!("map has no entry for key {}", quote(name))),
            None => Ok(Value::Missing),
        }
    }

    fn function(
        &mut self,
        dot: &Value<'a>,
        name: &str,
        whole: Place<'t>,
        words: &'t [Node],
        last: Option<Value<'a>>,
    ) -> Outcome<Value<'a>> {
        let Some(signature) = functions::signature(name) else {
            return self.wrong(format_args!("{} is not a defined function", quote(name)));
        };
        let Signature { fixed, more } = signature;
        let count = words.len() + usize::from(last.is_some());
        if more.is_some() && count < fixed.len() {
            return self.wrong(format_args!(
                "wrong number of args for {name}: want at least {} got {}",
                fixed.len(),
                words.len()
            ));
        }
        if more.is_none() && count != fixed.len() {
            return self.wrong(format_args!("wrong number of args for {name}: want {} got {count}", fixed.len()));
        }
        let kind = |at: usize| fixed.get(at).copied().or(more).unwrap_or(Type::Any);
        if matches!(name, "and" | "or") {
            let mut value = Value::Missing;
            for word in words {
                value = self.argument(dot, Type::Value, word)?;
                if value.is_true() == (name == "or") {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        let mut arguments = Vec::with_capacity(count);
        for (at, word) in words.iter().enumerate() {
            arguments.push(self.argument(dot, kind(at), word)?);
        }
        if let Some(last) = last {
            arguments.push(self.fit(last, kind(words.len()))?);
        }
        let callee = words.first().map_or_else(|| "<no value>".to_owned(), Node::to_string);
        match functions::call(name, arguments, &callee) {
            Ok(value) => Ok(value),
            Err(why) => {
                self.place = Some(whole);
                self.wrong(format_args!("error calling {name}: {why}"))
            }
        }
    }

    /// The value of an argument, if it is of the type that the function wants.
    fn argument(&mut self, dot: &Value<'a>, kind: Type, node: &'t Node) -> Outcome<Value<'a>> {
        self.place = Some(Place::Node(node));
        let value = match &node.term {
            Term::Dot => dot.clone(),
            Term::Nil if kind == Type::Text => return self.wrong("cannot assign nil to string"),
            Term::Nil => return Ok(Value::Missing),
            Term::Field(fields) => self.fields(dot.clone(), fields, false)?,
            Term::Variable(name, fields) => {
                let value = self.variable(name)?;
                self.fields(value, fields, false)?
            }
            Term::Pipe(pipe) => self.pipe(dot, pipe)?,
            Term::Function(name) => self.function(dot, name, Place::Node(node), &[], None)?,
            Term::Chain(inner, fields) => self.chain(dot, node, inner, fields, false)?,
            Term::Text(_, text) => return Ok(Value::Text(text.clone().into())),
            Term::Bool(_) | Term::Number(_) if kind == Type::Text => {
                return self.wrong(format_args!("expected string; found {node}"));
            }
            Term::Bool(truth) => return Ok(Value::Bool(*truth)),
            Term::Number(number) => return self.number(number),
        };
        self.fit(value, kind)
    }

    fn fit(&self, value: Value<'a>, kind: Type) -> Outcome<Value<'a>> {
        if kind != Type::Text {
            return Ok(value);
        }
        match (&value, value.view()) {
            (_, View::Text(_)) => Ok(value.unboxed()),
            (Value::Missing, _) => self.wrong("invalid value; expected string"),
            (_, View::Null) => self.wrong("wrong type for value; expected string; got interface {}"),
            (_, view) => self.wrong(format_args!("wrong type for value; expected string; got {}", view.type_name())),
        }
    }
}
