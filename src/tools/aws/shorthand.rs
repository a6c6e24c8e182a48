//! The CLI's shorthand for structures: `key=value,list=a,b,nested={x=1,y=[2,3]}`. The grammar is AWS's
//! (<https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html>).

use serde_json::{Map, Value};

/// Parses shorthand to an object.
///
/// # Errors
/// The CLI's words, with the place marked under the input.
pub(super) fn parse(input: &str) -> Result<Value, String> {
    let mut parser = Parser { input: input.chars().collect(), at: 0 };
    parser.parameter()
}

struct Parser {
    input: Vec<char>,
    at: usize,
}

impl Parser {
    fn parameter(&mut self) -> Result<Value, String> {
        let mut out = Map::new();
        let (key, value) = self.key_value()?;
        out.insert(key, value);
        let mut last = self.at;
        while self.at < self.input.len() {
            self.expect(',')?;
            let (key, value) = self.key_value()?;
            if out.contains_key(&key) {
                return Err(format!(
                    "Second instance of key \"{key}\" encountered for input:\n{}\nThis is often because there is a \
                     preceding \",\" instead of a space.",
                    self.marked(last + 1)
                ));
            }
            out.insert(key, value);
            last = self.at;
        }
        Ok(Value::Object(out))
    }

    fn key_value(&mut self) -> Result<(String, Value), String> {
        let key = self.key();
        self.expect('=')?;
        Ok((key, self.values()?))
    }

    fn key(&mut self) -> String {
        let start = self.at;
        while self.current().is_some_and(|c| c.is_ascii_alphanumeric() || "-_.#/:".contains(c)) {
            self.at += 1;
        }
        self.input[start..self.at].iter().collect()
    }

    fn values(&mut self) -> Result<Value, String> {
        match self.current() {
            None => Ok(Value::String(String::new())),
            Some('[') => self.list(),
            Some('{') => self.hash(),
            Some(_) => self.comma_separated(),
        }
    }

    fn comma_separated(&mut self) -> Result<Value, String> {
        let first = self.first_value()?;
        self.spaces();
        if self.current() != Some(',') {
            return Ok(Value::String(first));
        }
        self.expect(',')?;
        let mut all = vec![first.clone()];
        loop {
            let step = self.second_value().and_then(|value| {
                self.spaces();
                if self.current().is_some() {
                    self.expect(',')?;
                }
                Ok(value)
            });
            match step {
                Ok(value) => {
                    all.push(value);
                    if self.current().is_none() {
                        break;
                    }
                }
                Err(error) => {
                    if self.current().is_none() {
                        return Err(error);
                    }
                    // The next word is a key: back to the comma in front of it.
                    while self.at > 0 && self.input[self.at] != ',' {
                        self.at -= 1;
                    }
                    break;
                }
            }
        }
        if all.len() == 1 {
            return Ok(Value::String(first));
        }
        Ok(all.into_iter().map(Value::String).collect())
    }

    fn list(&mut self) -> Result<Value, String> {
        self.expect('[')?;
        let mut out = Vec::new();
        while self.current() != Some(']') {
            out.push(self.inner_value()?);
            self.spaces();
            if self.current() != Some(']') {
                self.expect(',')?;
            }
        }
        self.expect_tight(']')?;
        Ok(Value::Array(out))
    }

    fn hash(&mut self) -> Result<Value, String> {
        self.expect('{')?;
        let mut out = Map::new();
        while self.current() != Some('}') {
            let key = self.key();
            self.expect('=')?;
            let value = self.inner_value()?;
            self.spaces();
            if self.current() != Some('}') {
                self.expect(',')?;
            }
            out.insert(key, value);
        }
        self.expect_tight('}')?;
        Ok(Value::Object(out))
    }

    fn inner_value(&mut self) -> Result<Value, String> {
        match self.current() {
            Some('[') => self.list(),
            Some('{') => self.hash(),
            _ => self.first_value().map(Value::String),
        }
    }

    /// A value that may hold `=`, or a quoted one; nothing at all is empty.
    fn first_value(&mut self) -> Result<String, String> {
        match self.current() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            _ => Ok(self.bare(true).unwrap_or_default()),
        }
    }

    fn second_value(&mut self) -> Result<String, String> {
        match self.current() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            _ => self.bare(false).ok_or_else(|| self.expected("<second>", "<none>")),
        }
    }

    /// A word without quotes: neither begins with, nor (but for `first`, `=`) holds, what means something else.
    fn bare(&mut self, first: bool) -> Option<String> {
        let starts = |c: char| !c.is_whitespace() && !",=[]{}'\"~\u{7f}".contains(c);
        let follows = |c: char| if first { !",]}".contains(c) } else { !",=".contains(c) };
        let mut out = String::new();
        loop {
            let escaped = self.current() == Some('\\') && self.input.get(self.at + 1) == Some(&',');
            if escaped {
                out.push(',');
                self.at += 2;
                continue;
            }
            match self.current() {
                Some(c) if if out.is_empty() { starts(c) } else { follows(c) } => {
                    out.push(c);
                    self.at += 1;
                }
                _ => break,
            }
        }
        (!out.is_empty()).then(|| out.trim_end().to_owned())
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let name = if quote == '"' { "<double quoted>" } else { "<singled quoted>" };
        let mut out = String::new();
        let mut at = self.at + 1;
        loop {
            match self.input.get(at) {
                None => return Err(self.expected(name, "<none>")),
                Some('\\') if self.input.get(at + 1).is_some_and(|next| *next == quote || *next == '\\') => {
                    out.push(self.input[at + 1]);
                    at += 2;
                }
                Some(c) if *c == quote => break,
                Some(c) => {
                    out.push(*c);
                    at += 1;
                }
            }
        }
        self.at = at + 1;
        Ok(out)
    }

    fn current(&self) -> Option<char> {
        self.input.get(self.at).copied()
    }

    fn spaces(&mut self) {
        while self.current().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        self.spaces();
        self.expect_tight(wanted)?;
        self.spaces();
        Ok(())
    }

    fn expect_tight(&mut self, wanted: char) -> Result<(), String> {
        match self.current() {
            Some(c) if c == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(c) => Err(self.expected(&wanted.to_string(), &c.to_string())),
            None => Err(self.expected(&wanted.to_string(), "EOF")),
        }
    }

    fn expected(&self, wanted: &str, received: &str) -> String {
        format!("Expected: '{wanted}', received: '{received}' for input:\n{}", self.marked(self.at))
    }

    /// The input with a mark under a place; what is on later lines comes behind it.
    fn marked(&self, at: usize) -> String {
        let at = at.min(self.input.len());
        let line_start = self.input[..at].iter().rposition(|c| *c == '\n').map_or(0, |newline| newline + 1);
        let line_end = self.input[at..].iter().position(|c| *c == '\n').map_or(self.input.len(), |len| at + len);
        let consumed: String = self.input[..line_end].iter().collect();
        let rest: String = self.input[line_end..].iter().collect();
        format!("{consumed}\n{}^{rest}", " ".repeat(at - line_start))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values() {
        for (input, expected) in [
            ("a=b", json!({"a": "b"})),
            ("a=b,c", json!({"a": ["b", "c"]})),
            ("a=b,c=d", json!({"a": "b", "c": "d"})),
            ("a=b,c,d=e,f=g", json!({"a": ["b", "c"], "d": "e", "f": "g"})),
            ("a=", json!({"a": ""})),
            ("a=,b=c", json!({"a": "", "b": "c"})),
            ("a=\"b,c\",d='e f'", json!({"a": "b,c", "d": "e f"})),
            ("a=b\\,c", json!({"a": "b,c"})),
            ("a=[b,c],d={e=f,g=[h]}", json!({"a": ["b", "c"], "d": {"e": "f", "g": ["h"]}})),
            ("Key=env,Value=a=b", json!({"Key": "env", "Value": "a=b"})),
            (
                "subnetIds=a,b,endpointPublicAccess=true",
                json!({"subnetIds": ["a", "b"], "endpointPublicAccess": "true"}),
            ),
            ("created-by=eks workshop", json!({"created-by": "eks workshop"})),
        ] {
            assert_eq!(parse(input), Ok(expected), "{input}");
        }
    }

    #[test]
    fn mistakes_are_marked() {
        assert_eq!(parse("foo").unwrap_err(), "Expected: '=', received: 'EOF' for input:\nfoo\n   ^");
        assert_eq!(parse("a=b,c==d").unwrap_err().lines().next(), Some("Expected: ',', received: '=' for input:"));
        assert!(parse("a=b,a=c").unwrap_err().starts_with("Second instance of key \"a\""));
        assert!(parse("a={b=c").is_err());
        assert!(parse("a='b").is_err());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(input in "\\PC{0,40}") {
            let _ = parse(&input);
        }
    }
}
