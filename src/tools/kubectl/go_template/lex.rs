//! Takes a template's text apart.

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The text is wrong here; the piece's text says how.
    Error,
    /// `true`, `false`
    Bool,
    /// One character that means something to the grammar, such as a comma.
    Char,
    /// `'x'`
    CharConstant,
    /// `1+2i`
    Complex,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    /// The end.
    End,
    /// `.name`
    Field,
    /// A name.
    Identifier,
    /// `{{`
    Left,
    /// `(`
    LeftParen,
    /// A number.
    Number,
    /// `|`
    Pipe,
    /// A text between backticks.
    RawString,
    /// `}}`
    Right,
    /// `)`
    RightParen,
    /// White space between arguments.
    Space,
    /// A text between quotes.
    String,
    /// Text outside of actions.
    Text,
    /// `$name`
    Variable,
    /// `.`
    Dot,
    /// A word of the language; the piece's text says which.
    Keyword,
    /// `nil`
    Nil,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What it is.
    pub kind: Kind,
    /// Where it begins, in bytes.
    pub at: usize,
    /// Its text, or what is wrong.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
}

impl Piece {
    /// Whether it is this word of the language.
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Keyword && self.text == word
    }
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const WORDS: &[&str] = &["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"];

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// A character as Go's `%#U` prints it.
fn unicode(c: Option<char>) -> String {
    match c {
        Some(c) if c.is_control() => format!("U+{:04X}", c as u32),
        Some(c) => format!("U+{:04X} '{c}'", c as u32),
        None => "U+FFFFFFFFFFFFFFFF".into(),
    }
}

/// The pieces of a text, up to its end or the first that is wrong.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut lexer = Lexer { text, start: 0, at: 0, parens: 0, pieces: Vec::new() };
    if let Err(why) = lexer.all() {
        lexer.emit_text(Kind::Error, why);
    }
    lexer.pieces
}

struct Lexer<'t> {
    text: &'t str,
    start: usize,
    at: usize,
    parens: usize,
    pieces: Vec<Piece>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn emit_text(&mut self, kind: Kind, text: String) {
        let line = 1 + self.text[..self.start].matches('\n').count();
        self.pieces.push(Piece { kind, at: self.start, text, line });
        self.start = self.at;
    }

    fn emit(&mut self, kind: Kind) {
        self.emit_text(kind, self.text[self.start..self.at].to_owned());
    }

    fn all(&mut self) -> Result<(), String> {
        loop {
            let Some(found) = self.rest().find(LEFT) else {
                self.at = self.text.len();
                if self.at > self.start {
                    self.emit(Kind::Text);
                }
                self.emit(Kind::End);
                return Ok(());
            };
            let delimiter = self.at + found;
            self.at = delimiter;
            let trims = self.trims_left();
            if trims {
                self.at = self.start + self.text[self.start..delimiter].trim_end_matches(is_space).len();
            }
            if self.at > self.start {
                self.emit(Kind::Text);
            }
            self.at = delimiter;
            self.start = delimiter;
            self.at += LEFT.len();
            let marker = if trims { 2 } else { 0 };
            if self.text[self.at + marker..].starts_with("/*") {
                self.at += marker;
                self.start = self.at;
                self.comment()?;
                continue;
            }
            self.emit(Kind::Left);
            self.at += marker;
            self.start = self.at;
            self.parens = 0;
            while !self.inside()? {}
        }
    }

    /// Whether the delimiter here takes the white space ahead of it away: `{{- `.
    fn trims_left(&self) -> bool {
        let mut after = self.text[self.at + LEFT.len()..].chars();
        after.next() == Some('-') && after.next().is_some_and(is_space)
    }

    /// Whether the action ends here, and whether it takes the white space behind it away.
    fn ends(&self) -> Option<bool> {
        if let Some(after) = self.rest().strip_prefix(is_space)
            && after.starts_with("-}}")
        {
            return Some(true);
        }
        self.rest().starts_with(RIGHT).then_some(false)
    }

    fn comment(&mut self) -> Result<(), String> {
        self.at += 2;
        let Some(end) = self.rest().find("*/") else { return Err("unclosed comment".into()) };
        self.at += end + 2;
        let Some(trims) = self.ends() else { return Err("comment ends before closing delimiter".into()) };
        self.close(trims);
        self.start = self.at;
        self.skip_trimmed(trims);
        Ok(())
    }

    /// Steps over the end of an action and what white space it takes away.
    fn close(&mut self, trims: bool) {
        if trims {
            self.at += 2;
            self.start = self.at;
        }
        self.at += RIGHT.len();
    }

    fn skip_trimmed(&mut self, trims: bool) {
        if trims {
            self.at += self.rest().len() - self.rest().trim_start_matches(is_space).len();
            self.start = self.at;
        }
    }

    fn right(&mut self, trims: bool) {
        self.close(trims);
        self.emit(Kind::Right);
        self.skip_trimmed(trims);
    }

    /// Reads one piece of an action; true at its end.
    fn inside(&mut self) -> Result<bool, String> {
        if let Some(trims) = self.ends() {
            if self.parens > 0 {
                return Err("unclosed left paren".into());
            }
            self.right(trims);
            return Ok(true);
        }
        let Some(c) = self.next() else { return Err("unclosed action".into()) };
        match c {
            c if is_space(c) => {
                while self.peek().is_some_and(is_space) && self.ends().is_none() {
                    self.next();
                }
                self.emit(Kind::Space);
            }
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.next() != Some('=') {
                    return Err("expected :=".into());
                }
                self.emit(Kind::Declare);
            }
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string")?,
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant")?,
            '`' => {
                let Some(end) = self.rest().find('`') else { return Err("unterminated raw quoted string".into()) };
                self.at += end + 1;
                self.emit(Kind::RawString);
            }
            '$' => self.name(Kind::Variable, Kind::Variable)?,
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => self.name(Kind::Field, Kind::Dot)?,
            '.' | '+' | '-' | '0'..='9' => {
                self.at = self.start;
                self.number()?;
            }
            c if is_word(c) => self.identifier()?,
            '(' => {
                self.parens += 1;
                self.emit(Kind::LeftParen);
            }
            ')' => {
                if self.parens == 0 {
                    return Err("unexpected right paren".into());
                }
                self.parens -= 1;
                self.emit(Kind::RightParen);
            }
            c if c.is_ascii_graphic() => self.emit(Kind::Char),
            c => return Err(format!("unrecognized character in action: {}", unicode(Some(c)))),
        }
        Ok(false)
    }

    fn quoted(&mut self, end: char, kind: Kind, unterminated: &str) -> Result<(), String> {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.peek(), None | Some('\n')) => {
                    self.next();
                }
                None | Some('\n' | '\\') => return Err(unterminated.to_owned()),
                Some(c) if c == end => break,
                Some(_) => {}
            }
        }
        self.emit(kind);
        Ok(())
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) if is_space(c) => true,
            _ => self.rest().starts_with(RIGHT),
        }
    }

    fn name(&mut self, kind: Kind, bare: Kind) -> Result<(), String> {
        if self.at_terminator() {
            self.emit(bare);
            return Ok(());
        }
        while self.peek().is_some_and(is_word) {
            self.next();
        }
        if !self.at_terminator() {
            return Err(format!("bad character {}", unicode(self.peek())));
        }
        self.emit(kind);
        Ok(())
    }

    fn identifier(&mut self) -> Result<(), String> {
        while self.peek().is_some_and(is_word) {
            self.next();
        }
        if !self.at_terminator() {
            return Err(format!("bad character {}", unicode(self.peek())));
        }
        let kind = match &self.text[self.start..self.at] {
            "true" | "false" => Kind::Bool,
            "nil" => Kind::Nil,
            word if WORDS.contains(&word) => Kind::Keyword,
            _ => Kind::Identifier,
        };
        self.emit(kind);
        Ok(())
    }

    fn accept(&mut self, set: &str) -> bool {
        let fits = self.peek().is_some_and(|c| set.contains(c));
        if fits {
            self.next();
        }
        fits
    }

    fn number(&mut self) -> Result<(), String> {
        let bad = |lexer: &Self| {
            let text = &lexer.text[lexer.start..lexer.at];
            format!("bad number syntax: {}", crate::tools::kubectl::options::duration::quote(text))
        };
        if !self.scan_number() {
            return Err(bad(self));
        }
        if matches!(self.peek(), Some('+' | '-')) {
            if !self.scan_number() || !self.text[..self.at].ends_with('i') {
                return Err(bad(self));
            }
            self.emit(Kind::Complex);
        } else {
            self.emit(Kind::Number);
        }
        Ok(())
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        let mut exponents = "eE";
        if self.accept("0") {
            if self.accept("xX") {
                (digits, exponents) = ("0123456789abcdefABCDEF_", "pP");
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        while self.accept(digits) {}
        if self.accept(".") {
            while self.accept(digits) {}
        }
        if self.accept(exponents) {
            self.accept("+-");
            while self.accept("0123456789_") {}
        }
        self.accept("i");
        if self.peek().is_some_and(is_word) {
            self.next();
            return false;
        }
        true
    }
}
