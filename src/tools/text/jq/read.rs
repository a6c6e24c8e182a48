//! JSON as jq reads it: several values in a row, and its messages for what is none.

use jaq_json::{Map, Num, Val};

/// How deep arrays and objects may lie in each other.
const MAX_DEPTH: usize = 10_000;

/// What is being read inside of the value so far.
enum Open {
    Array(Vec<Val>),
    /// Members so far, and the key whose value is next.
    Object(Map, Option<Val>),
}

enum State {
    Normal,
    Text,
    Escape,
}

/// A reader that is given its bytes one after the other.
pub(super) struct Reader {
    open: Vec<Open>,
    /// The last value, until a separator says where it belongs.
    next: Option<Val>,
    token: Vec<u8>,
    state: State,
    line: usize,
    column: usize,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { open: Vec::new(), next: None, token: Vec::new(), state: State::Normal, line: 1, column: 0 }
    }

    /// Takes a byte; answers a value that it completes.
    pub(super) fn byte(&mut self, byte: u8) -> Result<Option<Val>, String> {
        self.column += 1;
        if byte == b'\n' {
            self.line += 1;
            self.column = 0;
        }
        self.step(byte).map_err(|problem| format!("{problem} at line {}, column {}", self.line, self.column))
    }

    /// The end of the input; answers the last value.
    pub(super) fn end(&mut self) -> Result<Option<Val>, String> {
        let place = (self.line, self.column);
        let at_end = |problem: &str| format!("{problem} at EOF at line {}, column {}", place.0, place.1);
        if !matches!(self.state, State::Normal) {
            return Err(at_end("Unfinished string"));
        }
        self.literal().map_err(at_end)?;
        if !self.open.is_empty() {
            return Err(at_end("Unfinished JSON term"));
        }
        Ok(self.next.take())
    }

    fn step(&mut self, byte: u8) -> Result<Option<Val>, &'static str> {
        match self.state {
            State::Normal => match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.literal()?,
                b'[' | b'{' | b':' | b',' | b']' | b'}' => {
                    self.literal()?;
                    // A value that is complete comes out before a bracket opens the next one.
                    let done = self.done();
                    if done.is_some() && matches!(byte, b'[' | b'{') {
                        self.structure(byte)?;
                        return Ok(done);
                    }
                    self.next = self.next.take().or(done);
                    self.structure(byte)?;
                }
                b'"' => {
                    self.literal()?;
                    let done = self.done();
                    self.state = State::Text;
                    return Ok(done);
                }
                _ => {
                    self.token.push(byte);
                    return Ok(None);
                }
            },
            State::Text if byte == b'"' => {
                let text = unescape(&self.token)?;
                self.token.clear();
                self.state = State::Normal;
                self.value(Val::utf8_str(text))?;
            }
            State::Text => {
                self.token.push(byte);
                if byte == b'\\' {
                    self.state = State::Escape;
                }
                return Ok(None);
            }
            State::Escape => {
                self.token.push(byte);
                self.state = State::Text;
                return Ok(None);
            }
        }
        Ok(self.done())
    }

    fn done(&mut self) -> Option<Val> {
        if self.open.is_empty() { self.next.take() } else { None }
    }

    fn value(&mut self, value: Val) -> Result<(), &'static str> {
        if self.next.is_some() {
            return Err("Expected separator between values");
        }
        self.next = Some(value);
        Ok(())
    }

    fn structure(&mut self, byte: u8) -> Result<(), &'static str> {
        match byte {
            b'[' | b'{' => {
                if self.open.len() >= MAX_DEPTH {
                    return Err("Exceeds depth limit for parsing");
                }
                if self.next.is_some() {
                    return Err("Expected separator between values");
                }
                self.open.push(if byte == b'[' { Open::Array(Vec::new()) } else { Open::Object(Map::default(), None) });
                Ok(())
            }
            b':' => {
                let Some(key) = self.next.take() else { return Err("Expected string key before ':'") };
                match self.open.last_mut() {
                    Some(Open::Object(_, waiting @ None)) => {
                        if !matches!(key, Val::TStr(_)) {
                            return Err("Object keys must be strings");
                        }
                        *waiting = Some(key);
                        Ok(())
                    }
                    Some(Open::Object(..)) => Err("':' should follow a key"),
                    _ => Err("':' not as part of an object"),
                }
            }
            b',' => {
                let Some(value) = self.next.take() else { return Err("Expected value before ','") };
                match self.open.last_mut() {
                    None => Err("',' not as part of an object or array"),
                    Some(Open::Array(items)) => {
                        items.push(value);
                        Ok(())
                    }
                    Some(Open::Object(members, key)) => {
                        let Some(key) = key.take() else { return Err("Objects must consist of key:value pairs") };
                        members.insert(key, value);
                        Ok(())
                    }
                }
            }
            b']' => {
                let last = self.next.take();
                match self.open.pop() {
                    Some(Open::Array(mut items)) => {
                        if last.is_none() && !items.is_empty() {
                            return Err("Expected another array element");
                        }
                        items.extend(last);
                        self.next = Some(items.into_iter().collect());
                        Ok(())
                    }
                    _ => Err("Unmatched ']'"),
                }
            }
            _ => match (self.open.pop(), self.next.take()) {
                (None, _) => Err("Unmatched '}'"),
                (Some(Open::Object(mut members, Some(key))), Some(value)) => {
                    members.insert(key, value);
                    self.next = Some(Val::obj(members));
                    Ok(())
                }
                (Some(_), Some(_)) => Err("Objects must consist of key:value pairs"),
                (Some(Open::Object(members, None)), None) if members.is_empty() => {
                    self.next = Some(Val::obj(members));
                    Ok(())
                }
                (Some(Open::Object(_, None)), None) => Err("Expected another key-value pair"),
                (Some(_), None) => Err("Unmatched '}'"),
            },
        }
    }

    /// Takes what was gathered for a number or a word.
    fn literal(&mut self) -> Result<(), &'static str> {
        if self.token.is_empty() {
            return Ok(());
        }
        let token = std::mem::take(&mut self.token);
        let word = match token[0] {
            b't' => Some((&b"true"[..], Val::Bool(true))),
            b'f' => Some((&b"false"[..], Val::Bool(false))),
            b'n' if token.len() != 3 => Some((&b"null"[..], Val::Null)),
            _ => None,
        };
        match word {
            Some((text, value)) if text == token => self.value(value),
            Some(_) => Err("Invalid literal"),
            None if token == b"nan" => self.value(Val::Null),
            None => match number(&token) {
                Some(number) => self.value(Val::Num(number)),
                None => Err("Invalid numeric literal"),
            },
        }
    }
}

/// A number as C's `strtod` takes it, without its hexadecimal forms.
fn number(token: &[u8]) -> Option<Num> {
    let text = std::str::from_utf8(token).ok()?;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || digits.parse::<f64>().is_err() {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) && text != "-0" {
        return Num::from_str_radix(text, 10);
    }
    Some(Num::Dec(text.trim_start_matches('+').to_owned().into()))
}

/// The text between two quotation marks.
fn unescape(token: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(token.len());
    let mut at = 0;
    while at < token.len() {
        let byte = token[at];
        at += 1;
        if byte != b'\\' {
            if byte < 0x20 {
                return Err("Invalid string: control characters from U+0000 through U+001F must be escaped");
            }
            out.push(byte);
            continue;
        }
        let escaped = token.get(at).copied();
        at += 1;
        match escaped {
            Some(byte @ (b'\\' | b'"' | b'/')) => out.push(byte),
            Some(b'b') => out.push(8),
            Some(b'f') => out.push(12),
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b't') => out.push(b'\t'),
            Some(b'u') => {
                let high = hex(token, at)?;
                at += 4;
                let mut code = high;
                if (0xd800..0xdc00).contains(&high) && token[at..].starts_with(b"\\u") {
                    let low = hex(token, at + 2)?;
                    if (0xdc00..0xe000).contains(&low) {
                        code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                        at += 6;
                    }
                }
                let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => return Err("Invalid escape"),
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned().into_bytes())
}

fn hex(token: &[u8], at: usize) -> Result<u32, &'static str> {
    let digits = token.get(at..at + 4).ok_or("Invalid escape")?;
    digits
        .iter()
        .try_fold(0, |code, byte| char::from(*byte).to_digit(16).map(|digit| code * 16 + digit).ok_or("Invalid escape"))
}
