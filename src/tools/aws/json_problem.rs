//! What is wrong with a JSON text, in the words of Python's `json` module, which the CLI passes on.

/// The first problem with its place; `None` when there is none.
pub(super) fn find(text: &str) -> Option<String> {
    let mut reader = Reader { text: text.chars().collect(), at: 0 };
    let found = reader.value().and_then(|()| {
        reader.space();
        if reader.at < reader.text.len() { Err(("Extra data", reader.at)) } else { Ok(()) }
    });
    let (what, at) = found.err()?;
    let before = &reader.text[..at.min(reader.text.len())];
    let line = before.iter().filter(|c| **c == '\n').count() + 1;
    let column = at - before.iter().rposition(|c| *c == '\n').map_or(0, |newline| newline + 1) + 1;
    Some(format!("{what}: line {line} column {column} (char {at})"))
}

struct Reader {
    text: Vec<char>,
    at: usize,
}

type Read = Result<(), (&'static str, usize)>;

impl Reader {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Read {
        self.space();
        let start = self.at;
        match self.peek() {
            Some('{') => self.object(),
            Some('[') => self.array(),
            Some('"') => self.string(),
            _ => {
                let end = self.text[start..].iter().position(|c| !(c.is_ascii_alphanumeric() || "+-.".contains(*c)));
                let end = end.map_or(self.text.len(), |length| start + length);
                let word: String = self.text[start..end].iter().collect();
                let known = ["NaN", "Infinity", "-Infinity"].contains(&word.as_str());
                if known || serde_json::from_str::<serde_json::Value>(&word).is_ok() {
                    self.at = end;
                    return Ok(());
                }
                Err(("Expecting value", start))
            }
        }
    }

    fn object(&mut self) -> Read {
        self.at += 1;
        self.space();
        if self.peek() == Some('}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            if self.peek() != Some('"') {
                return Err(("Expecting property name enclosed in double quotes", self.at));
            }
            self.string()?;
            self.space();
            if self.peek() != Some(':') {
                return Err(("Expecting ':' delimiter", self.at));
            }
            self.at += 1;
            self.value()?;
            if self.ends('}')? {
                return Ok(());
            }
        }
    }

    fn array(&mut self) -> Read {
        self.at += 1;
        self.space();
        if self.peek() == Some(']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value()?;
            if self.ends(']')? {
                return Ok(());
            }
        }
    }

    /// Behind a member: whether that was the last one.
    fn ends(&mut self, close: char) -> Result<bool, (&'static str, usize)> {
        self.space();
        let next = self.peek();
        if next != Some(close) && next != Some(',') {
            return Err(("Expecting ',' delimiter", self.at));
        }
        self.at += 1;
        Ok(next == Some(close))
    }

    fn string(&mut self) -> Read {
        let start = self.at;
        self.at += 1;
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' => {
                    match self.text.get(self.at + 1) {
                        Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {}
                        Some('u') => {
                            let hex = self.text.get(self.at + 2..self.at + 6).unwrap_or_default();
                            if hex.len() < 4 || !hex.iter().all(char::is_ascii_hexdigit) {
                                return Err(("Invalid \\uXXXX escape", self.at + 1));
                            }
                        }
                        Some(_) => return Err(("Invalid \\escape", self.at)),
                        None => break,
                    }
                    self.at += 2;
                }
                c if u32::from(c) < 0x20 => return Err(("Invalid control character at", self.at)),
                _ => self.at += 1,
            }
        }
        Err(("Unterminated string starting at", start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Python 3.11 says it.
    #[test]
    fn problems_in_pythons_words() {
        for (text, expected) in [
            (r#"[{"Key": "x""#, Some("Expecting ',' delimiter: line 1 column 13 (char 12)")),
            ("{", Some("Expecting property name enclosed in double quotes: line 1 column 2 (char 1)")),
            (r#"{"a" 1}"#, Some("Expecting ':' delimiter: line 1 column 6 (char 5)")),
            (r#"{"a": }"#, Some("Expecting value: line 1 column 7 (char 6)")),
            ("{\n \"a\": 1\n \"b\": 2}", Some("Expecting ',' delimiter: line 3 column 2 (char 11)")),
            (r#"{"a": 1} x"#, Some("Extra data: line 1 column 10 (char 9)")),
            (r#"["a"#, Some("Unterminated string starting at: line 1 column 2 (char 1)")),
            (r#"["\q"]"#, Some("Invalid \\escape: line 1 column 3 (char 2)")),
            ("", Some("Expecting value: line 1 column 1 (char 0)")),
            (r#"{"a": [1, -2.5e3, true, null, "\u00fc"]}"#, None),
        ] {
            assert_eq!(find(text).as_deref(), expected, "{text}");
        }
    }
}
