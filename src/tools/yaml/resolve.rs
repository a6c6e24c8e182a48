//! What a plain scalar means to go-yaml.

/// The type that a plain scalar resolves to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing, `~`, `null`.
    Null,
    /// `true` and `false` (YAML 1.2).
    Bool,
    /// A whole number.
    Integer,
    /// A number with a point or exponent, `.inf`, `.nan`.
    Float,
    /// A date, with or without a time.
    Timestamp,
    /// `<<`.
    Merge,
    /// Anything else.
    String,
}

/// The type of an unquoted scalar.
pub(crate) fn kind_of(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Kind::Bool,
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf"
        | "-.INF" => {
            return Kind::Float;
        }
        "<<" => return Kind::Merge,
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' if is_float(text) => Kind::Float,
        b'+' | b'-' | b'0'..=b'9' => {
            let plain = text.replace('_', "");
            if is_timestamp(text) {
                Kind::Timestamp
            } else if is_integer(&plain) {
                Kind::Integer
            } else if is_float(&plain) {
                Kind::Float
            } else {
                Kind::String
            }
        }
        _ => Kind::String,
    }
}

/// The words that YAML 1.1 took for booleans: written with quotes, for readers that still do.
pub(crate) fn was_bool(text: &str) -> bool {
    matches!(
        text,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF"
    )
}

/// Go's `strconv.ParseInt(text, 0, 64)` or `ParseUint`, and the binary forms that go-yaml adds.
fn is_integer(text: &str) -> bool {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return false;
    }
    match u64::from_str_radix(digits, radix) {
        Ok(value) if negative => value <= 1 << 63,
        // ParseUint takes no sign.
        Ok(value) if text.starts_with('+') => i64::try_from(value).is_ok(),
        Ok(_) => true,
        Err(_) => false,
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    // Go refuses what is too large.
    mantissa_fits && exponent_fits && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// `2006-1-2`, alone or with a time as RFC 3339 has it (`T` or `t`), or after a space and without a zone.
fn is_timestamp(text: &str) -> bool {
    let Some((year, rest)) = text.split_at_checked(4) else { return false };
    if !year.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let Some((month, rest)) = rest.strip_prefix('-').and_then(|rest| rest.split_once('-')) else { return false };
    let day_digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (day, rest) = rest.split_at(day_digits);
    let (Some(month), Some(day)) = (short_number(month), short_number(day)) else { return false };
    let (Ok(year), Ok(month), Ok(day)) = (year.parse(), i8::try_from(month), i8::try_from(day)) else { return false };
    if jiff::civil::Date::new(year, month, day).is_err() {
        return false;
    }
    if rest.is_empty() {
        return true;
    }
    let (separator, rest) = rest.split_at(1);
    match separator {
        "T" | "t" => time_of_day(rest).is_some_and(is_zone),
        " " => time_of_day(rest) == Some(""),
        _ => false,
    }
}

/// One or two digits.
fn short_number(text: &str) -> Option<u8> {
    if matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// What follows `15:4:5.999999999`.
fn time_of_day(text: &str) -> Option<&str> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, rest) = rest.split_once(':')?;
    let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (second, rest) = rest.split_at(digits);
    if short_number(hour)? > 23 || short_number(minute)? > 59 || short_number(second)? > 59 {
        return None;
    }
    match rest.strip_prefix(['.', ',']) {
        Some(fraction) if fraction.starts_with(|c: char| c.is_ascii_digit()) => {
            Some(fraction.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        _ => Some(rest),
    }
}

/// `Z` or `±hh:mm`.
fn is_zone(text: &str) -> bool {
    if text == "Z" {
        return true;
    }
    let bytes = text.as_bytes();
    matches!(bytes, [b'+' | b'-', h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()))
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`: YAML 1.1 read `1:30` as ninety.
pub(super) fn looks_like_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let first_fits = parts.next().is_some_and(|first| {
        first.starts_with(|c: char| c.is_ascii_digit()) && first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    });
    let mut more = false;
    for part in parts {
        more = true;
        if short_number(part).is_none_or(|value| value > 59) {
            return false;
        }
    }
    first_fits && more && fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}
