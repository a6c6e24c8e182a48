//! Numbers of the language, and texts between quotes.

/// A number as it stands there, under all types that can hold it.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// As it stands there.
    pub text: String,
    /// As a whole number.
    pub int: Option<i64>,
    /// As a whole number without a sign.
    pub uint: Option<u64>,
    /// As a floating point number.
    pub float: Option<f64>,
}

impl Number {
    /// Reads a number.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn read(text: &str) -> Result<Self, String> {
        let quoted = || crate::tools::kubectl::options::duration::quote(text);
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let signed = digits.len() < text.len();
        let uint = unsigned(digits);
        let int = uint.and_then(|value| i64::try_from(sign * i128::from(value)).ok());
        let uint = uint.filter(|value| !signed || *value == 0);
        let number = |int, uint, float| Ok(Self { text: text.to_owned(), int, uint, float });
        if let Some(value) = int {
            return number(int, uint, Some(value as f64));
        }
        if let Some(value) = uint {
            return number(int, uint, Some(value as f64));
        }
        let float = text
            .replace('_', "")
            .parse::<f64>()
            .ok()
            .filter(|_| text.contains(|c: char| c.is_ascii_digit()) && !text.contains(['x', 'X', 'i', 'n']));
        let Some(float) = float.filter(|float| float.is_finite()) else {
            return Err(format!("illegal number syntax: {}", quoted()));
        };
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", quoted()));
        }
        let whole = float.trunc() == float;
        let int = (whole && float.abs() < 9.3e18).then_some(float as i64);
        let uint = (whole && (0.0..1.8e19).contains(&float)).then_some(float as u64);
        number(int, uint, Some(float))
    }

    /// Reads a character between quotes as the number that it is.
    ///
    /// # Errors
    /// When it is not one character.
    pub fn of_character(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        let malformed = || format!("malformed character constant: {text}");
        let bytes = inner.ok_or_else(malformed)?;
        let bytes =
            unquote(&format!("\"{}\"", bytes.replace("\\'", "'").replace('"', "\\\""))).map_err(|_| malformed())?;
        let value = String::from_utf8(bytes).map_err(|_| malformed())?;
        let mut characters = value.chars();
        let (Some(c), None) = (characters.next(), characters.next()) else { return Err(malformed()) };
        let code = u32::from(c);
        Ok(Self {
            text: text.to_owned(),
            int: Some(i64::from(code)),
            uint: Some(u64::from(code)),
            float: Some(f64::from(code)),
        })
    }

    /// Whether it is written as a floating point number.
    pub fn is_float(&self) -> bool {
        let hex = self.text.contains(['x', 'X']);
        !self.text.starts_with('\'') && !hex && self.text.contains(['.', 'e', 'E', 'p', 'P'])
    }
}

/// A whole number with the prefixes that Go knows.
fn unsigned(digits: &str) -> Option<u64> {
    let lower = digits.to_ascii_lowercase();
    let (radix, rest) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if rest.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(&rest.replace('_', ""), radix).ok()
}

/// What a text between quotes or backticks means.
///
/// # Errors
/// When it is no such text.
pub fn unquote(text: &str) -> Result<Vec<u8>, String> {
    let invalid = || "invalid syntax".to_owned();
    if let Some(raw) = text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        return Ok(raw.replace('\r', "").into_bytes());
    }
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(invalid)?;
    let mut out = Vec::new();
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let code = |rest: &mut std::str::Chars<'_>, first: &str, count: usize, radix: u32| {
            let digits: String = first.chars().chain(rest.by_ref().take(count)).collect();
            let whole = digits.len() == first.len() + count;
            u32::from_str_radix(&digits, radix).ok().filter(|_| whole)
        };
        match rest.next().ok_or_else(invalid)? {
            'a' => out.push(7),
            'b' => out.push(8),
            'f' => out.push(12),
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'v' => out.push(11),
            '\\' => out.push(b'\\'),
            '"' => out.push(b'"'),
            'x' => out.push(code(&mut rest, "", 2, 16).and_then(|code| u8::try_from(code).ok()).ok_or_else(invalid)?),
            digit @ '0'..='7' => {
                let code = code(&mut rest, digit.encode_utf8(&mut [0; 4]), 2, 8);
                out.push(code.and_then(|code| u8::try_from(code).ok()).ok_or_else(invalid)?);
            }
            long @ ('u' | 'U') => {
                let code = code(&mut rest, "", if long == 'u' { 4 } else { 8 }, 16);
                let c = code.and_then(char::from_u32).ok_or_else(invalid)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => return Err(invalid()),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_go_s() {
        for (text, int, float) in [
            ("12", Some(12), Some(12.0)),
            ("-3", Some(-3), Some(-3.0)),
            ("0x10", Some(16), Some(16.0)),
            ("010", Some(8), Some(8.0)),
            ("1_000", Some(1000), Some(1000.0)),
            ("1.5", None, Some(1.5)),
            ("1e3", Some(1000), Some(1000.0)),
            ("18446744073709551615", None, Some(18446744073709551615.0)),
        ] {
            let number = Number::read(text).unwrap();
            assert_eq!((number.int, number.float), (int, float), "{text}");
        }
        assert_eq!(Number::read("100000000000000000000"), Err("integer overflow: \"100000000000000000000\"".into()));
        assert_eq!(Number::of_character("'a'").unwrap().int, Some(97));
        assert_eq!(Number::of_character("'\\''").unwrap().int, Some(39));
        assert!(Number::of_character("'ab'").is_err());
    }

    #[test]
    fn quotes_mean_bytes() {
        assert_eq!(unquote(r#""a\n\x41é\"""#).unwrap(), "a\nA\u{e9}\"".as_bytes());
        assert_eq!(unquote(r#""\xff""#).unwrap(), [0xff]);
        assert_eq!(unquote("`a\\n`").unwrap(), b"a\\n");
        assert!(unquote(r#""\q""#).is_err());
    }
}
