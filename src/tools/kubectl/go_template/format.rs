//! Go's `fmt`: how values look in text.

use super::value::{Value, View, of_json};
use crate::tools::kubectl::options::duration::quote;

/// A value as an action prints it.
pub fn printable(value: &Value<'_>, out: &mut Vec<u8>) {
    match value.view() {
        View::Missing => out.extend_from_slice(b"<no value>"),
        view => plain_view(view, out),
    }
}

/// A value as `%v` prints it.
pub fn plain(value: &Value<'_>, out: &mut Vec<u8>) {
    plain_view(value.view(), out);
}

/// The same as `%s` prints it, for an error that is worded so.
pub fn as_text(value: &Value<'_>) -> String {
    String::from_utf8_lossy(&printf(b"%s", std::slice::from_ref(value))).into_owned()
}

/// The same as text, for an error.
pub fn shown(value: &Value<'_>) -> String {
    let mut out = Vec::new();
    plain(value, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn plain_view(view: View<'_>, out: &mut Vec<u8>) {
    nested(view, out, &mut |view, out| match view {
        View::Missing | View::Null => out.extend_from_slice(b"<nil>"),
        View::Bool(truth) => out.extend_from_slice(truth.to_string().as_bytes()),
        View::Int(number) | View::Int64(number) => out.extend_from_slice(number.to_string().as_bytes()),
        View::Byte(byte) => out.extend_from_slice(byte.to_string().as_bytes()),
        View::Float(number) => out.extend_from_slice(shortest(number).as_bytes()),
        View::Text(text) => out.extend_from_slice(text),
        View::List(_) | View::Map(_) => {}
    });
}

/// Prints lists and maps as Go does, their members by `leaf`.
fn nested(view: View<'_>, out: &mut Vec<u8>, leaf: &mut dyn FnMut(View<'_>, &mut Vec<u8>)) {
    match view {
        View::List(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                nested(of_json(item), out, leaf);
            }
            out.push(b']');
        }
        View::Map(map) => {
            out.extend_from_slice(b"map[");
            for (at, (key, item)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                leaf(View::Text(key.as_bytes()), out);
                out.push(b':');
                nested(of_json(item), out, leaf);
            }
            out.push(b']');
        }
        view => leaf(view, out),
    }
}

/// A number as `%g` prints it with as many digits as it needs: with an exponent from 1e+06 on.
pub fn shortest(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let written = format!("{number:e}");
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{number}");
    }
    format!("{mantissa}{}", exponent_text(exponent))
}

fn exponent_text(exponent: i32) -> String {
    format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// Go's `Sprint`: a space between two that are no texts.
pub fn print(values: &[Value<'_>], one: fn(&Value<'_>, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    let is_text = |value: &Value<'_>| matches!(value.view(), View::Text(_));
    for (at, value) in values.iter().enumerate() {
        if at > 0 && !is_text(value) && !is_text(&values[at - 1]) {
            out.push(b' ');
        }
        one(value, &mut out);
    }
    out
}

/// Go's `Sprintln`: a space between any two, and a newline.
pub fn println(values: &[Value<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        plain(value, &mut out);
    }
    out.push(b'\n');
    out
}

/// The widest that a field may be, as Go has it.
const WIDEST: usize = 1_000_000;

/// The flags, width and precision of one verb.
#[derive(Debug, Clone, Copy, Default)]
struct Verb {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
    letter: char,
}

/// Go's `Sprintf`.
pub fn printf(format: &[u8], values: &[Value<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let text = String::from_utf8_lossy(format);
    let mut rest = text.chars().peekable();
    let mut next = 0;
    let mut reordered = false;
    while let Some(c) = rest.next() {
        if c != '%' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let mut verb = Verb::default();
        while let Some(flag) = rest.next_if(|c| matches!(c, '+' | '-' | '#' | ' ' | '0')) {
            match flag {
                '+' => verb.plus = true,
                '-' => verb.minus = true,
                '#' => verb.sharp = true,
                ' ' => verb.space = true,
                _ => verb.zero = true,
            }
        }
        index_of(&mut rest, &mut next, &mut reordered);
        if rest.next_if_eq(&'*').is_some() {
            match values.get(next).and_then(|value| value.view().as_int()) {
                Some(width) if width.unsigned_abs() <= WIDEST as u64 => {
                    verb.minus |= width < 0;
                    verb.width = usize::try_from(width.unsigned_abs()).ok();
                }
                _ => out.extend_from_slice(b"%!(BADWIDTH)"),
            }
            next += 1;
        } else {
            verb.width = digits(&mut rest);
        }
        if rest.next_if_eq(&'.').is_some() {
            if rest.next_if_eq(&'*').is_some() {
                match values.get(next).and_then(|value| value.view().as_int()) {
                    Some(precision) if (0..=WIDEST as i64).contains(&precision) => {
                        verb.precision = usize::try_from(precision).ok();
                    }
                    _ => out.extend_from_slice(b"%!(BADPREC)"),
                }
                next += 1;
            } else {
                verb.precision = Some(digits(&mut rest).unwrap_or(0));
            }
        }
        index_of(&mut rest, &mut next, &mut reordered);
        let Some(letter) = rest.next() else {
            out.extend_from_slice(b"%!(NOVERB)");
            break;
        };
        verb.letter = letter;
        if letter == '%' {
            out.push(b'%');
            continue;
        }
        match values.get(next) {
            Some(value) => one(verb, value.view(), &mut out),
            None => out.extend_from_slice(format!("%!{letter}(MISSING)").as_bytes()),
        }
        next += 1;
    }
    if !reordered && next < values.len() {
        out.extend_from_slice(b"%!(EXTRA ");
        for (at, value) in values[next..].iter().enumerate() {
            if at > 0 {
                out.extend_from_slice(b", ");
            }
            typed(value.view(), &mut out);
        }
        out.push(b')');
    }
    out
}

type Letters<'t> = std::iter::Peekable<std::str::Chars<'t>>;

fn digits(rest: &mut Letters<'_>) -> Option<usize> {
    let mut number = None;
    while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
        rest.next();
        let value = number.unwrap_or(0usize).saturating_mul(10).saturating_add(digit as usize);
        number = Some(value.min(WIDEST));
    }
    number
}

/// `[2]`: the argument that comes next.
fn index_of(rest: &mut Letters<'_>, next: &mut usize, reordered: &mut bool) {
    if rest.next_if_eq(&'[').is_none() {
        return;
    }
    *reordered = true;
    if let Some(number) = digits(rest).filter(|number| *number > 0) {
        *next = number - 1;
    }
    rest.next_if_eq(&']');
}

/// `string=text`
fn typed(view: View<'_>, out: &mut Vec<u8>) {
    match view {
        View::Missing | View::Null => out.extend_from_slice(b"<nil>"),
        view => {
            out.extend_from_slice(view.type_name().as_bytes());
            out.push(b'=');
            plain_view(view, out);
        }
    }
}

fn one(verb: Verb, view: View<'_>, out: &mut Vec<u8>) {
    match (verb.letter, view) {
        ('T', view) => return pad(verb, view.type_name().as_bytes(), out),
        ('v', View::Missing | View::Null) => return pad(verb, b"<nil>", out),
        (_, View::Missing | View::Null) => {
            out.extend_from_slice(format!("%!{}(<nil>)", verb.letter).as_bytes());
            return;
        }
        ('v', view) if verb.sharp => {
            let mut text = Vec::new();
            sharp(view, &mut text);
            return pad(verb, &text, out);
        }
        _ => {}
    }
    nested(view, out, &mut |view, out| leaf(verb, view, out));
}

/// One value that holds no others.
fn leaf(verb: Verb, view: View<'_>, out: &mut Vec<u8>) {
    let done = match view {
        View::Missing | View::Null if verb.letter == 'v' => Some(b"<nil>".to_vec()),
        View::Missing | View::Null => {
            out.extend_from_slice(format!("%!{}(<nil>)", verb.letter).as_bytes());
            return;
        }
        View::Bool(truth) => matches!(verb.letter, 'v' | 't').then(|| truth.to_string().into_bytes()),
        View::Int(number) | View::Int64(number) => whole(verb, number < 0, number.unsigned_abs()),
        View::Byte(byte) => whole(verb, false, u64::from(byte)),
        View::Float(number) => float(verb, number).map(String::into_bytes),
        View::Text(text) => of_text(verb, text),
        View::List(_) | View::Map(_) => None,
    };
    match done {
        Some(text) => pad(verb, &text, out),
        None => {
            out.extend_from_slice(format!("%!{}(", verb.letter).as_bytes());
            typed(view, out);
            out.push(b')');
        }
    }
}

fn whole(verb: Verb, negative: bool, amount: u64) -> Option<Vec<u8>> {
    let digits = match verb.letter {
        'v' | 'd' => amount.to_string(),
        'b' => format!("{amount:b}"),
        'o' => format!("{}{amount:o}", if verb.sharp { "0" } else { "" }),
        'O' => format!("0o{amount:o}"),
        'x' => format!("{}{amount:x}", if verb.sharp { "0x" } else { "" }),
        'X' => format!("{}{amount:X}", if verb.sharp { "0X" } else { "" }),
        'c' => char::from_u32(u32::try_from(amount).unwrap_or(0xfffd)).unwrap_or('\u{fffd}').to_string(),
        'q' => format!("'{}'", char::from_u32(u32::try_from(amount).unwrap_or(0xfffd)).unwrap_or('\u{fffd}')),
        'U' => format!("U+{amount:04X}"),
        _ => return None,
    };
    if matches!(verb.letter, 'c' | 'q' | 'U') {
        return Some(digits.into_bytes());
    }
    let sign = match negative {
        true => "-",
        false if verb.plus => "+",
        false if verb.space => " ",
        false => "",
    };
    let least = match (verb.precision, verb.width) {
        (Some(precision), _) => precision,
        (None, Some(width)) if verb.zero && !verb.minus => width.saturating_sub(sign.len()),
        _ => 0,
    };
    Some(format!("{sign}{digits:0>least$}").into_bytes())
}

fn float(verb: Verb, number: f64) -> Option<String> {
    let text = match (verb.letter, verb.precision) {
        ('v' | 'g' | 'G', None) => shortest(number),
        ('v' | 'g' | 'G', Some(precision)) => general(number, precision.max(1)),
        ('f' | 'F', precision) => format!("{number:.*}", precision.unwrap_or(6)),
        ('e' | 'E', precision) => scientific(number, precision.unwrap_or(6)),
        _ => return None,
    };
    let text = if matches!(verb.letter, 'E' | 'G') { text.to_uppercase() } else { text };
    let text = match text.strip_prefix('-') {
        Some(_) => text,
        None if verb.plus => format!("+{text}"),
        None if verb.space => format!(" {text}"),
        None => text,
    };
    if verb.zero && !verb.minus {
        let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+', ' '])));
        let least = verb.width.unwrap_or(0).saturating_sub(sign.len());
        return Some(format!("{sign}{digits:0>least$}"));
    }
    Some(text)
}

fn scientific(number: f64, precision: usize) -> String {
    let written = format!("{number:.precision$e}");
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    format!("{mantissa}{}", exponent_text(exponent.parse().unwrap_or(0)))
}

/// `%.3g`: that many digits, without zeros at the end.
fn general(number: f64, precision: usize) -> String {
    let written = format!("{number:.*e}", precision - 1);
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let bare = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let limit = i32::try_from(precision).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= limit {
        return format!("{}{}", bare(mantissa), exponent_text(exponent));
    }
    let decimals = usize::try_from(limit - 1 - exponent).unwrap_or(0);
    bare(&format!("{number:.decimals$}"))
}

fn of_text(verb: Verb, text: &[u8]) -> Option<Vec<u8>> {
    let cut = || -> Vec<u8> {
        match verb.precision {
            Some(precision) if matches!(verb.letter, 'v' | 's' | 'q') => {
                String::from_utf8_lossy(text).chars().take(precision).collect::<String>().into_bytes()
            }
            Some(precision) => text.iter().take(precision).copied().collect(),
            None => text.to_vec(),
        }
    };
    let hex = |upper: bool| {
        let bytes = cut();
        let separator = if verb.space { " " } else { "" };
        let prefix = match (verb.sharp, upper) {
            (false, _) => "",
            (true, false) => "0x",
            (true, true) => "0X",
        };
        let digits: Vec<String> =
            bytes.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect();
        match verb.space {
            true => digits.iter().map(|digits| format!("{prefix}{digits}")).collect::<Vec<_>>().join(separator),
            false => format!("{prefix}{}", digits.concat()),
        }
    };
    match verb.letter {
        'v' | 's' => Some(cut()),
        'q' => {
            let text = String::from_utf8_lossy(&cut()).into_owned();
            Some(if verb.sharp && !text.contains('`') { format!("`{text}`") } else { quote(&text) }.into_bytes())
        }
        'x' => Some(hex(false).into_bytes()),
        'X' => Some(hex(true).into_bytes()),
        _ => None,
    }
}

/// `%#v`: Go's own syntax.
fn sharp(view: View<'_>, out: &mut Vec<u8>) {
    let text = match view {
        View::Missing | View::Null => "interface {}(nil)".to_owned(),
        View::Byte(byte) => format!("{byte:#x}"),
        View::Text(text) => quote(&String::from_utf8_lossy(text)),
        View::List(items) => {
            out.extend_from_slice(b"[]interface {}{");
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(b", ");
                }
                sharp(of_json(item), out);
            }
            "}".to_owned()
        }
        View::Map(map) => {
            out.extend_from_slice(b"map[string]interface {}{");
            for (at, (key, item)) in map.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(b", ");
                }
                out.extend_from_slice(format!("{}:", quote(key)).as_bytes());
                sharp(of_json(item), out);
            }
            "}".to_owned()
        }
        other => {
            plain_view(other, out);
            return;
        }
    };
    out.extend_from_slice(text.as_bytes());
}

/// Fills a field up to its width, which counts characters.
fn pad(verb: Verb, text: &[u8], out: &mut Vec<u8>) {
    let length = String::from_utf8_lossy(text).chars().count();
    let missing = verb.width.unwrap_or(0).saturating_sub(length);
    if !verb.minus {
        out.extend(std::iter::repeat_n(if verb.zero { b'0' } else { b' ' }, missing));
    }
    out.extend_from_slice(text);
    if verb.minus {
        out.extend(std::iter::repeat_n(b' ', missing));
    }
}
