//! `date`, by the session's clock.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use super::operands::{Spec, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// `date [-u] [-d TIME] [-I[s]] [-R] [+FORMAT]`.
pub(crate) fn date(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec {
        short: "uR!",
        with_value: "d",
        long: &[("utc", 'u'), ("universal", 'u'), ("date", 'd'), ("rfc-email", 'R')],
    };
    let iso = |arg: &String| match arg.as_str() {
        "-I" | "-Idate" | "--iso-8601" | "--iso-8601=date" => Some("%Y-%m-%d"),
        "-Is" | "-Iseconds" | "--iso-8601=seconds" => Some("%Y-%m-%dT%H:%M:%S%:z"),
        _ => None,
    };
    let mut format = invocation.args.iter().find_map(iso).map(str::to_owned);
    let args: Vec<String> = invocation.args.iter().filter(|arg| iso(arg).is_none()).cloned().collect();
    let parsed = match spec.parse_args(&args) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    if parsed.has('R') {
        format = Some("%a, %d %b %Y %H:%M:%S %z".to_owned());
    }
    for operand in &parsed.operands {
        match operand.strip_prefix('+') {
            Some(given) => format = Some(given.to_owned()),
            None => {
                let _ = writeln!(streams.stderr, "date: invalid date ‘{operand}’");
                return 1;
            }
        }
    }
    let zone = match invocation.env.get("TZ") {
        Some(name) if !parsed.has('u') => TimeZone::get(name.trim_start_matches(':')).unwrap_or(TimeZone::UTC),
        _ => TimeZone::UTC,
    };
    let now = invocation.clock.now().to_zoned(zone.clone());
    let time = match parsed.value('d') {
        None => now,
        Some(text) => match meant(text, &now) {
            Some(time) => time,
            None => {
                let _ = writeln!(streams.stderr, "date: invalid date ‘{text}’");
                return 1;
            }
        },
    };
    let line = formatted(&time, format.as_deref().unwrap_or("%a %b %e %H:%M:%S %Z %Y"));
    match writeln!(streams.stdout, "{line}").and_then(|()| streams.stdout.flush()) {
        Ok(()) => 0,
        Err(error) => unwritable(invocation, streams, &error),
    }
}

/// The time that a text means: seconds since 1970, a date with or without a time, or a distance from now.
fn meant(text: &str, now: &Zoned) -> Option<Zoned> {
    let text = text.trim();
    let zone = now.time_zone().clone();
    if let Some(seconds) = text.strip_prefix('@') {
        let nanoseconds = (seconds.parse::<f64>().ok()? * 1e9).round();
        return Some(Timestamp::from_nanosecond(nanoseconds as i128).ok()?.to_zoned(zone));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.to_zoned(zone));
    }
    if let Ok(time) = text.parse::<jiff::civil::DateTime>() {
        return time.to_zoned(zone).ok();
    }
    let mut time = now.clone();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let (count, unit) = match word {
            "now" | "today" => continue,
            "yesterday" => (-1, "day"),
            "tomorrow" => (1, "day"),
            "next" => (1, words.next()?),
            "last" => (-1, words.next()?),
            word => match word.parse::<i64>() {
                Ok(count) => (count, words.next()?),
                Err(_) => {
                    let digits = word.find(|c: char| c.is_ascii_alphabetic())?;
                    (word[..digits].parse().ok()?, &word[digits..])
                }
            },
        };
        let count = if words.next_if_eq(&"ago").is_some() { -count } else { count };
        let span = match unit.trim_end_matches('s') {
            "sec" | "second" => Span::new().try_seconds(count),
            "min" | "minute" => Span::new().try_minutes(count),
            "hour" => Span::new().try_hours(count),
            "day" => Span::new().try_days(count),
            "week" => Span::new().try_weeks(count),
            "month" => Span::new().try_months(count),
            "year" => Span::new().try_years(count),
            _ => return None,
        };
        time = time.checked_add(span.ok()?).ok()?;
    }
    (!text.is_empty()).then_some(time)
}

/// Puts a time into a format; what is no directive stands for itself.
fn formatted(time: &Zoned, format: &str) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let directive = &rest[at + 1..];
        let flags = directive.find(|c: char| !"-_0^#:".contains(c)).unwrap_or(directive.len());
        let Some(letter) = directive[flags..].chars().next() else {
            out.push_str(&rest[at..]);
            return out;
        };
        let end = flags + letter.len_utf8();
        match letter {
            '%' => out.push('%'),
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'N' => out.push_str(&format!("{:09}", time.subsec_nanosecond())),
            'c' => out.push_str(&formatted(time, "%a %b %e %H:%M:%S %Y")),
            'x' | 'D' => out.push_str(&formatted(time, "%m/%d/%y")),
            'X' => out.push_str(&formatted(time, "%H:%M:%S")),
            'r' => out.push_str(&formatted(time, "%I:%M:%S %p")),
            _ => {
                let one = format!("%{}", &directive[..end]);
                out.push_str(&jiff::fmt::strtime::format(&one, time).unwrap_or(one));
            }
        }
        rest = &directive[end..];
    }
    out.push_str(rest);
    out
}
