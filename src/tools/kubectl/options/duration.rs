//! Lengths of time as Go writes them.

use std::time::Duration;

/// Reads `1h2m3.5s`, `0`, `-1s` (which is taken as `None` in the second place: negative).
///
/// # Errors
/// Go's own words for what is wrong.
pub fn parse(text: &str) -> Result<(Duration, bool), String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok((Duration::ZERO, false));
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut seconds = 0f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let value: f64 = number.parse().map_err(|_| invalid())?;
        let letters = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let scale = match unit {
            "" => return Err(format!("time: missing unit in duration {}", quote(text))),
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            unit => return Err(format!("time: unknown unit {} in duration {}", quote(unit), quote(text))),
        };
        seconds += value * scale;
        rest = after;
    }
    Ok((Duration::try_from_secs_f64(seconds).map_err(|_| invalid())?, negative && seconds > 0.0))
}

/// Go's quoting of a text.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\u{b}' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, seconds) in [("0", 0.0), ("20s", 20.0), ("1m30s", 90.0), ("1.5h", 5400.0), ("300ms", 0.3)] {
            assert_eq!(parse(text), Ok((Duration::from_secs_f64(seconds), false)), "{text}");
        }
        assert_eq!(parse("x"), Err("time: invalid duration \"x\"".into()));
        assert_eq!(parse("10"), Err("time: missing unit in duration \"10\"".into()));
        assert_eq!(parse("10d"), Err("time: unknown unit \"d\" in duration \"10d\"".into()));
        assert!(parse("-1s").is_ok_and(|(_, negative)| negative));
    }
}
