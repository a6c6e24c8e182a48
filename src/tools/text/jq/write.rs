//! JSON as jq prints it.

use jaq_json::{Num, Val};

/// How values are laid out.
#[derive(Clone, Default)]
pub(super) struct Layout {
    /// What one level of indentation is; `None` puts a value on one line.
    pub(super) indent: Option<String>,
    /// Keys in order.
    pub(super) sort_keys: bool,
    /// Nothing but ASCII.
    pub(super) ascii: bool,
    /// With jq's default colours.
    pub(super) color: bool,
}

const RESET: &str = "\x1b[0m";
const STRUCTURE: &str = "\x1b[1;39m";
const KEY: &str = "\x1b[34;1m";

impl Layout {
    /// A value as text.
    pub(super) fn text(&self, value: &Val) -> Vec<u8> {
        let mut out = Vec::new();
        self.value(&mut out, value, 0);
        out
    }

    fn line(&self, out: &mut Vec<u8>, level: usize) {
        if let Some(indent) = &self.indent {
            out.push(b'\n');
            for _ in 0..level {
                out.extend_from_slice(indent.as_bytes());
            }
        }
    }

    fn paint(&self, out: &mut Vec<u8>, code: &str) {
        if self.color {
            out.extend_from_slice(code.as_bytes());
        }
    }

    fn scalar(&self, out: &mut Vec<u8>, color: &str, text: &[u8]) {
        self.paint(out, color);
        out.extend_from_slice(text);
        self.paint(out, RESET);
    }

    fn value(&self, out: &mut Vec<u8>, value: &Val, level: usize) {
        match value {
            Val::Null => self.scalar(out, "\x1b[1;30m", b"null"),
            Val::Bool(flag) => self.scalar(out, "\x1b[0;39m", flag.to_string().as_bytes()),
            Val::Num(number) => self.scalar(out, "\x1b[0;39m", number_text(number).as_bytes()),
            Val::TStr(text) | Val::BStr(text) => self.scalar(out, "\x1b[0;32m", &self.quoted(text)),
            Val::Arr(items) => {
                self.paint(out, STRUCTURE);
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    self.separator(out, index, level);
                    self.paint(out, RESET);
                    self.value(out, item, level + 1);
                }
                self.close(out, b']', items.is_empty(), level);
            }
            Val::Obj(members) => {
                self.paint(out, STRUCTURE);
                out.push(b'{');
                let mut members: Vec<_> = members.iter().collect();
                if self.sort_keys {
                    members.sort_by(|a, b| a.0.cmp(b.0));
                }
                for (index, (key, value)) in members.iter().enumerate() {
                    self.separator(out, index, level);
                    self.paint(out, RESET);
                    match key {
                        Val::TStr(text) | Val::BStr(text) => self.scalar(out, KEY, &self.quoted(text)),
                        other => self.value(out, other, level + 1),
                    }
                    self.paint(out, STRUCTURE);
                    out.push(b':');
                    if self.indent.is_some() {
                        out.push(b' ');
                    }
                    self.paint(out, RESET);
                    self.value(out, value, level + 1);
                }
                self.close(out, b'}', members.is_empty(), level);
            }
        }
    }

    fn separator(&self, out: &mut Vec<u8>, index: usize, level: usize) {
        if index > 0 {
            self.paint(out, STRUCTURE);
            out.push(b',');
        }
        self.line(out, level + 1);
    }

    fn close(&self, out: &mut Vec<u8>, bracket: u8, empty: bool, level: usize) {
        self.paint(out, STRUCTURE);
        if !empty {
            self.line(out, level);
        }
        self.paint(out, STRUCTURE);
        out.push(bracket);
        self.paint(out, RESET);
    }

    /// A string between quotation marks.
    pub(super) fn quoted(&self, text: &[u8]) -> Vec<u8> {
        let mut out = vec![b'"'];
        for c in String::from_utf8_lossy(text).chars() {
            match c {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                '\u{8}' => out.extend_from_slice(b"\\b"),
                '\u{c}' => out.extend_from_slice(b"\\f"),
                '\0'..='\u{1f}' | '\u{7f}' => out.extend_from_slice(format!("\\u{:04x}", c as u32).as_bytes()),
                c if self.ascii && !c.is_ascii() => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                    }
                }
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        out.push(b'"');
        out
    }
}

/// A value on one line, as `tojson` gives it.
pub(super) fn compact(value: &Val) -> Vec<u8> {
    Layout::default().text(value)
}

/// A number: a literal keeps its digits, what was computed has as many as it takes.
fn number_text(number: &Num) -> String {
    match number {
        Num::Int(int) => int.to_string(),
        Num::BigInt(int) => int.to_string(),
        Num::Dec(text) => canonical(text),
        Num::Float(float) => float_text(*float),
    }
}

/// jq prints the shortest digits that mean the number, with an exponent when many zeros would be needed.
fn float_text(float: f64) -> String {
    if float.is_nan() {
        return "null".to_owned();
    }
    let float = float.clamp(-f64::MAX, f64::MAX);
    let scientific = format!("{float:e}");
    let Some((mantissa, power)) = scientific.split_once('e') else { return scientific };
    let power: i64 = power.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let (count, point) = (digits.len() as i64, power + 1);
    if point <= -4 || point > count + 15 {
        let exponent = if power < 0 { '-' } else { '+' };
        format!("{sign}{mantissa}e{exponent}{:02}", power.abs())
    } else {
        format!("{sign}{}", placed(&digits, point))
    }
}

/// Digits with the decimal point after the first `point` of them.
fn placed(digits: &str, point: i64) -> String {
    let count = digits.len() as i64;
    if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else if point >= count {
        format!("{digits}{}", "0".repeat((point - count) as usize))
    } else {
        let (whole, fraction) = digits.split_at(point as usize);
        format!("{whole}.{fraction}")
    }
}

/// A literal as jq 1.7 keeps it: decNumber's `to-scientific-string`.
fn canonical(text: &str) -> String {
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let Ok(exponent) = exponent.parse::<i64>() else { return text.to_owned() };
    if exponent.abs() > 999_999_999 {
        return text.parse().map_or_else(|_| text.to_owned(), float_text);
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = match all.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let exponent = exponent - fraction.len() as i64;
    let adjusted = exponent + digits.len() as i64 - 1;
    if exponent <= 0 && adjusted >= -6 {
        format!("{sign}{}", placed(digits, digits.len() as i64 + exponent))
    } else {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let direction = if adjusted < 0 { '-' } else { '+' };
        format!("{sign}{first}{point}{rest}E{direction}{}", adjusted.abs())
    }
}
