//! What a page's author says about its outputs, where the rules of the domain can't know.

use std::collections::BTreeMap;

use regex::Regex;

/// A part of text that an author declared volatile.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    anchored: Regex,
}

impl Pattern {
    /// Compiles a regular expression.
    ///
    /// # Errors
    /// [`RuleError::Pattern`] when it is none, or one that matches empty text.
    pub fn new(source: &str) -> Result<Self, RuleError> {
        let wrong = |problem: String| RuleError::Pattern { pattern: source.to_owned(), problem };
        let anchored = regex::RegexBuilder::new(&format!("^(?:{source})"))
            .size_limit(1 << 20)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        if anchored.is_match("") {
            return Err(wrong("it matches empty text, so it would match everywhere".into()));
        }
        Ok(Self { source: source.to_owned(), anchored })
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The length of the match that starts at an offset.
    pub(super) fn length_at(&self, text: &str, at: usize) -> Option<usize> {
        // What is volatile is a value, not a page: a match ends within reach.
        let rest = text.get(at..)?;
        let end = (0..=rest.len().min(1024)).rev().find(|&end| rest.is_char_boundary(end))?;
        self.anchored.find(&rest[..end]).map(|found| found.end()).filter(|&length| length > 0)
    }

    fn finds(&self, text: &str) -> bool {
        (0..text.len().min(1024)).any(|at| text.is_char_boundary(at) && self.length_at(text, at).is_some())
    }
}

/// A part of an output that is not compared.
#[derive(Debug, Clone)]
pub enum Ignored {
    /// A field by its JSON pointer; `*` stands for any one key or index.
    Pointer(Vec<String>),
    /// A column or a key by its name.
    Name(String),
    /// Every line in which a pattern is found.
    Lines(Pattern),
}

/// What an author says about the output of one command, one page or one course.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// What is not compared.
    pub ignore: Vec<Ignored>,
    /// What may differ, beside the values that lectern knows.
    pub volatile: Vec<Pattern>,
    /// The author's own values, by the names of [`super::Known`]: what the page shows where the learner's are expected.
    pub known: BTreeMap<String, String>,
}

/// Why a directive is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A word of the directive is no `key=value`.
    #[error("`{0}` is not `key=value`; a directive is a list of `ignore=…`, `volatile=…` and `known=NAME=VALUE`")]
    Form(String),
    /// The key is none of a directive.
    #[error("a directive has no `{0}`; it has `ignore`, `volatile` and `known`")]
    Key(String),
    /// The key has no value.
    #[error("`{0}=` has no value")]
    Empty(String),
    /// The pattern is no usable regular expression.
    #[error("the pattern `{pattern}` is not usable: {problem}")]
    Pattern {
        /// The expression as it was written.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A known value without a name.
    #[error("`known={0}` is not `known=NAME=VALUE`")]
    Known(String),
    /// A quotation that does not end.
    #[error("the quotation that starts at `{0}` does not end")]
    Quote(String),
}

impl Rules {
    /// Reads a directive as it stands in a page behind `lectern:`, for example
    /// `ignore=/association/tags ignore="LAST SEEN" volatile='run-[0-9]+' known=EKS_CLUSTER_NAME=eks-workshop`.
    ///
    /// `ignore=` takes a JSON pointer (from its `/`, `*` for any key), `line:REGEX` for lines, or the name of a column or key.
    ///
    /// # Errors
    /// [`RuleError`], with the word that is wrong.
    pub fn parse_directive(text: &str) -> Result<Self, RuleError> {
        Self::parse_directive_at(text).map_err(|(_, error)| error)
    }

    /// As [`Rules::parse_directive`], with the place of what is wrong.
    ///
    /// # Errors
    /// [`RuleError`], and the byte of the text at which the word begins that is wrong.
    pub fn parse_directive_at(text: &str) -> Result<Self, (usize, RuleError)> {
        let mut rules = Self::default();
        for (at, word) in words(text)? {
            rules.word(&word).map_err(|error| (at, error))?;
        }
        Ok(rules)
    }

    fn word(&mut self, word: &str) -> Result<(), RuleError> {
        let (key, value) = word.split_once('=').ok_or_else(|| RuleError::Form(word.to_owned()))?;
        match key {
            "ignore" => self.ignore(value),
            "volatile" => self.volatile(value),
            "known" if value.is_empty() => Err(RuleError::Empty(key.to_owned())),
            "known" => {
                let named = value.split_once('=').filter(|(name, author)| !name.is_empty() && !author.is_empty());
                let (name, author) = named.ok_or_else(|| RuleError::Known(value.to_owned()))?;
                self.known.insert(name.to_owned(), author.to_owned());
                Ok(())
            }
            other => Err(RuleError::Key(other.to_owned())),
        }
    }

    /// Adds what `ignore=` takes.
    ///
    /// # Errors
    /// [`RuleError`] when there is nothing to ignore, or its pattern is not usable.
    pub fn ignore(&mut self, value: &str) -> Result<(), RuleError> {
        if value.is_empty() {
            return Err(RuleError::Empty("ignore".to_owned()));
        }
        self.ignore.push(Ignored::parse(value)?);
        Ok(())
    }

    /// Adds what `volatile=` takes: a regular expression.
    ///
    /// # Errors
    /// [`RuleError`] when it is not usable.
    pub fn volatile(&mut self, value: &str) -> Result<(), RuleError> {
        if value.is_empty() {
            return Err(RuleError::Empty("volatile".to_owned()));
        }
        self.volatile.push(Pattern::new(value)?);
        Ok(())
    }

    /// These rules and others: a course's with a page's, a page's with a fence's.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.ignore.extend(other.ignore);
        self.volatile.extend(other.volatile);
        self.known.extend(other.known);
        self
    }

    pub(super) fn ignores_pointer(&self, pointer: &[String]) -> bool {
        self.ignore.iter().any(|ignored| match ignored {
            Ignored::Pointer(parts) => {
                parts.len() == pointer.len() && parts.iter().zip(pointer).all(|(p, key)| p == "*" || p == key)
            }
            Ignored::Name(name) => pointer.last() == Some(name),
            Ignored::Lines(_) => false,
        })
    }

    pub(super) fn ignores_name(&self, name: &str) -> bool {
        self.ignore.iter().any(|ignored| matches!(ignored, Ignored::Name(n) if n == name))
    }

    pub(super) fn ignores_line(&self, line: &str) -> bool {
        self.ignore.iter().any(|ignored| match ignored {
            Ignored::Lines(pattern) => pattern.finds(line),
            Ignored::Name(name) => {
                line.trim_start().strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with([':', '=']))
            }
            Ignored::Pointer(_) => false,
        })
    }
}

impl Ignored {
    fn parse(value: &str) -> Result<Self, RuleError> {
        if let Some(pointer) = value.strip_prefix('/') {
            return Ok(Self::Pointer(
                pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect(),
            ));
        }
        if let Some(pattern) = value.strip_prefix("line:") {
            return Pattern::new(pattern).map(Self::Lines);
        }
        Ok(Self::Name(value.to_owned()))
    }
}

/// Words at blanks, with the byte at which each begins; quotes of either kind keep blanks in a word and are dropped.
fn words(text: &str) -> Result<Vec<(usize, String)>, (usize, RuleError)> {
    let mut words = Vec::new();
    let mut word: Option<(usize, String)> = None;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        if quote.is_none() && c.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let (_, content) = word.get_or_insert_with(|| (at, String::new()));
        match (quote, c) {
            (Some((_, open)), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some((at, c)),
            _ => content.push(c),
        }
    }
    if let Some((at, _)) = quote {
        return Err((at, RuleError::Quote(text[at..].chars().take(30).collect())));
    }
    words.extend(word);
    Ok(words)
}
