//! Go's template language as `-o go-template` has it: Go's `text/template` with kubectl's functions `exists` and
//! `base64decode`. Crates for it exist (gtmpl, gotmpl); none tells errors with Go's places and words, which are what a
//! reader of kubectl's output gets to see.

mod eval;
mod format;
mod functions;
mod lex;
mod numbers;
mod parse;
mod tree;
mod value;

use serde_json::Value as Json;

use tree::Templates;

/// A template, read once.
#[derive(Debug, Clone)]
pub struct GoTemplate {
    text: String,
    templates: Templates,
    /// Whether a key that is not there is an error.
    strict: bool,
}

/// What a template could not do, and what it had written until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// The output up to the error.
    pub output: Vec<u8>,
    /// Go's words for it, with its place.
    pub why: String,
}

impl GoTemplate {
    /// Reads a template. With `strict`, a missing key is an error when it is evaluated.
    ///
    /// # Errors
    /// What is wrong with the syntax, in Go's words, with its line.
    pub fn read(text: &str, strict: bool) -> Result<Self, String> {
        Ok(Self { templates: parse::parse(text)?, text: text.to_owned(), strict })
    }

    /// The template's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the template makes of `value`: bytes, as decoded data need not be text. Maps are walked in the order that they
    /// are in: sort them first.
    ///
    /// # Errors
    /// At the first expression that does not fit the value.
    pub fn print(&self, value: &Json) -> Result<Vec<u8>, Stopped> {
        eval::run(&self.templates, &self.text, self.strict, value)
    }
}

/// A value as Go's `%v` prints it.
pub fn go_print(value: &Json) -> String {
    let mut out = Vec::new();
    format::plain(&value::Value::Boxed(value), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests;
