//! The syntax of kubectl's JSONPath templates.

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Printed as it is.
    Text(String),
    /// `{…}`: steps from the current value.
    Path(Vec<Node>),
    /// `.name`
    Field(String),
    /// `.*`, `[*]`
    Wildcard,
    /// `..`
    Recursive,
    /// `[a:b:c]`: bounds that are given; whether it is `[a]`, whose second bound follows from the first.
    Slice([Option<i64>; 3], bool),
    /// `[?(a op b)]`
    Filter(Vec<Node>, String, Vec<Node>),
    /// `[a,b]`
    Union(Vec<Vec<Node>>),
    /// `"text"` inside of braces.
    Quoted(String),
    /// A whole number in a filter.
    Int(i64),
    /// A number with a point in a filter.
    Float(f64),
    /// `true`, `false` in a filter.
    Bool(bool),
    /// `range`, `end`.
    Word(String),
}

/// Reads a template.
///
/// # Errors
/// What is wrong, in the words of client-go's parser.
pub fn parse(text: &str) -> Result<Vec<Node>, String> {
    let mut parser = Parser { text: text.chars().collect(), at: 0 };
    let mut nodes = Vec::new();
    let mut plain = String::new();
    while let Some(c) = parser.peek() {
        if c == '{' {
            if !plain.is_empty() {
                nodes.push(Node::Text(std::mem::take(&mut plain)));
            }
            parser.at += 1;
            nodes.push(Node::Path(parser.action()?));
        } else {
            plain.push(c);
            parser.at += 1;
        }
    }
    if !plain.is_empty() {
        nodes.push(Node::Text(plain));
    }
    Ok(nodes)
}

struct Parser {
    text: Vec<char>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += 1;
        c
    }

    fn action(&mut self) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        loop {
            match self.next() {
                None | Some('\n' | '\r') => return Err("unclosed action".into()),
                Some('}') => return Ok(nodes),
                Some(' ' | '\t' | '@' | '$') => {}
                Some('[') => nodes.push(self.array()?),
                Some(quote @ ('"' | '\'')) => nodes.push(Node::Quoted(self.quoted(quote)?)),
                Some('.') => nodes.push(self.field()?),
                Some(c) if c == '+' || c == '-' || c.is_ascii_digit() => {
                    self.at -= 1;
                    nodes.push(self.number()?);
                }
                Some(c) if is_word(c) => {
                    self.at -= 1;
                    let word = self.word();
                    nodes.push(match word.as_str() {
                        "true" | "false" => Node::Bool(word == "true"),
                        _ => Node::Word(word),
                    });
                }
                Some(c) => return Err(format!("unrecognized character in action: {}", unicode(c))),
            }
        }
    }

    fn word(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(is_word) {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    fn number(&mut self) -> Result<Node, String> {
        let start = self.at;
        if matches!(self.peek(), Some('+' | '-')) {
            self.at += 1;
        }
        while self.peek().is_some_and(|c| c.is_ascii_digit() || c == '.') {
            self.at += 1;
        }
        let text: String = self.text[start..self.at].iter().collect();
        if let Ok(number) = text.parse() {
            return Ok(Node::Int(number));
        }
        text.parse().map(Node::Float).map_err(|_| format!("cannot parse number {text}"))
    }

    fn field(&mut self) -> Result<Node, String> {
        match self.peek() {
            Some('.') => {
                self.at += 1;
                // `..name`: the name follows as a field of its own.
                if self.peek().is_some_and(|c| is_word(c) || c == '*') {
                    self.at -= 1;
                    self.text[self.at] = '.';
                }
                return Ok(Node::Recursive);
            }
            Some('*') => {
                self.at += 1;
                return Ok(Node::Wildcard);
            }
            _ => {}
        }
        let mut name = String::new();
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    self.at += 1;
                    name.extend(self.next());
                }
                ' ' | '\t' | '\n' | '\r' | '[' | ']' | '}' | '.' | ',' | '(' | ')' | '"' | '\'' | '$' | '@' | '{'
                | '=' | '!' | '<' | '>' | '+' | '|' | '&' => break,
                c => {
                    name.push(c);
                    self.at += 1;
                }
            }
        }
        Ok(Node::Field(name))
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let mut out = String::new();
        loop {
            match self.next() {
                None => return Err("unterminated quoted string".into()),
                Some(c) if c == quote => return Ok(out),
                Some('\\') => match self.next() {
                    None => return Err("unterminated quoted string".into()),
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some('r') => out.push('\r'),
                    Some('a') => out.push('\u{7}'),
                    Some('b') => out.push('\u{8}'),
                    Some('f') => out.push('\u{c}'),
                    Some('v') => out.push('\u{b}'),
                    Some('u') => out.push(self.code_point(4)?),
                    Some('x') => out.push(self.code_point(2)?),
                    Some(c) => out.push(c),
                },
                Some(c) => out.push(c),
            }
        }
    }

    fn code_point(&mut self, digits: usize) -> Result<char, String> {
        let text: String = self.text.iter().skip(self.at).take(digits).collect();
        self.at += digits;
        u32::from_str_radix(&text, 16).ok().and_then(char::from_u32).ok_or_else(|| "invalid syntax".to_owned())
    }

    /// What stands in `[…]`, behind the opening bracket.
    fn array(&mut self) -> Result<Node, String> {
        if self.peek() == Some('?') {
            self.at += 1;
            if self.next() != Some('(') {
                return Err("invalid array index ?".into());
            }
            return self.filter();
        }
        let start = self.at;
        let mut quoted = None;
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated array".into()),
                Some('\\') if quoted.is_some() => self.at += 1,
                Some(c) if quoted == Some(c) => quoted = None,
                Some(c @ ('"' | '\'')) if quoted.is_none() => quoted = Some(c),
                Some(']') if quoted.is_none() => break,
                Some(_) => {}
            }
        }
        let inside: String = self.text[start..self.at - 1].iter().collect();
        element(&inside)
    }

    /// `a op b)]`, behind `[?(`.
    fn filter(&mut self) -> Result<Node, String> {
        let start = self.at;
        let mut depth = 0;
        let mut quoted = None;
        let mut operator: Option<(usize, usize)> = None;
        loop {
            let at = self.at;
            match self.next() {
                None | Some('\n') => return Err("unterminated filter".into()),
                Some('\\') if quoted.is_some() => self.at += 1,
                Some(c) if quoted == Some(c) => quoted = None,
                Some(c @ ('"' | '\'')) if quoted.is_none() => quoted = Some(c),
                Some(_) if quoted.is_some() => {}
                Some('(') => depth += 1,
                Some(')') if depth == 0 => break,
                Some(')') => depth -= 1,
                Some('=' | '!' | '<' | '>') if operator.is_none() => {
                    if self.peek() == Some('=') {
                        self.at += 1;
                    }
                    operator = Some((at, self.at));
                }
                Some(_) => {}
            }
        }
        let end = self.at - 1;
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".into());
        }
        let side = |from: usize, to: usize| -> Result<Vec<Node>, String> {
            let text: String = self.text[from..to].iter().collect();
            let mut parser = Parser { text: format!("{}}}", text.trim()).chars().collect(), at: 0 };
            parser.action()
        };
        match operator {
            None => Ok(Node::Filter(side(start, end)?, "exists".into(), Vec::new())),
            Some((from, to)) => {
                let operator: String = self.text[from..to].iter().collect();
                if operator == "=" || operator == "!" {
                    return Err(format!("unrecognized filter operator {operator}"));
                }
                Ok(Node::Filter(side(start, from)?, operator, side(to, end)?))
            }
        }
    }
}

/// What one array element means: `*`, `0`, `-1:`, `'name'`, `0,2`.
fn element(text: &str) -> Result<Node, String> {
    let trimmed = text.trim();
    let parts = split_union(trimmed);
    if parts.len() > 1 {
        let nodes: Result<Vec<Vec<Node>>, String> = parts.iter().map(|part| Ok(vec![element(part)?])).collect();
        return Ok(Node::Union(nodes?));
    }
    if trimmed == "*" {
        return Ok(Node::Wildcard);
    }
    if let Some(quote @ ('\'' | '"')) = trimmed.chars().next()
        && trimmed.len() >= 2
        && trimmed.ends_with(quote)
    {
        // A key in quotes is a path: dots in it separate names unless a backslash stands before them.
        let path = format!(".{}}}", trimmed[1..trimmed.len() - 1].replace(&format!("\\{quote}"), &quote.to_string()));
        return Ok(Node::Path(Parser { text: path.chars().collect(), at: 0 }.action()?));
    }
    let invalid = || format!("invalid array index {trimmed}");
    let bounds: Vec<&str> = trimmed.split(':').collect();
    let bound = |text: &str| -> Result<Option<i64>, String> {
        if text.is_empty() { Ok(None) } else { text.trim().parse().map(Some).map_err(|_| invalid()) }
    };
    match bounds.as_slice() {
        [one] => {
            let index: i64 = one.parse().map_err(|_| invalid())?;
            Ok(Node::Slice([Some(index), Some(index + 1), None], true))
        }
        [from, to] => Ok(Node::Slice([bound(from)?, bound(to)?, None], false)),
        [from, to, step] => Ok(Node::Slice([bound(from)?, bound(to)?, bound(step)?], false)),
        _ => Err(invalid()),
    }
}

fn split_union(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = None;
    for c in text.chars() {
        match c {
            c if quoted == Some(c) => quoted = None,
            '"' | '\'' if quoted.is_none() => quoted = Some(c),
            ',' if quoted.is_none() => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Go's `%#U` of a character.
fn unicode(c: char) -> String {
    format!("U+{:04X} '{c}'", c as u32)
}
