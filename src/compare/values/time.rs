//! Moments in the formats that tools print, and ages.

use super::{Kind, Word};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Reads a piece of a format at an offset; answers the offset behind it.
type Reader<'a> = (&'a [u8], usize);

pub(super) fn recognise(word: Word<'_>) -> Option<(Kind, usize)> {
    let rest = word.rest();
    let end = iso(rest)
        .or_else(|| access_log(rest))
        .or_else(|| clock_only(rest, word.previous()))
        .or_else(|| klog(rest))
        .or_else(|| calendar(rest))?;
    let next = rest.get(end).copied().unwrap_or(b' ');
    (!next.is_ascii_alphanumeric()).then_some((Kind::Time, end))
}

fn digits((rest, at): Reader<'_>, count: usize) -> Option<usize> {
    rest.get(at..at + count)?.iter().all(u8::is_ascii_digit).then_some(at + count)
}

fn byte((rest, at): Reader<'_>, expected: impl Fn(u8) -> bool) -> Option<usize> {
    rest.get(at).filter(|&&b| expected(b)).map(|_| at + 1)
}

fn one_of((rest, at): Reader<'_>, names: &[&str]) -> Option<usize> {
    let found = rest.get(at..at + 3)?;
    names.iter().any(|name| name.as_bytes() == found).then_some(at + 3)
}

/// `12:40:10`, with a fraction behind `.`, `,` or `:` if there is one.
fn clock((rest, at): Reader<'_>) -> Option<usize> {
    let hour = digits((rest, at), 2)?;
    let minute = digits((rest, byte((rest, hour), |b| b == b':')?), 2)?;
    let mut end = digits((rest, byte((rest, minute), |b| b == b':')?), 2)?;
    if let Some(&separator) = rest.get(end)
        && matches!(separator, b'.' | b',' | b':')
    {
        let fraction = rest[end + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        if fraction >= 3 || (separator == b'.' && fraction > 0) {
            end += 1 + fraction;
        }
    }
    Some(end)
}

/// `Z`, `+00:00`, ` +0000`, ` UTC`, ` +0000 UTC`, ` MDT`.
fn zone((rest, at): Reader<'_>) -> usize {
    let mut end = at;
    if rest.get(end) == Some(&b'Z') {
        return end + 1;
    }
    let blank = usize::from(rest.get(end) == Some(&b' '));
    if matches!(rest.get(end + blank), Some(b'+' | b'-'))
        && let Some(hours) = digits((rest, end + blank + 1), 2)
    {
        let colon = usize::from(rest.get(hours) == Some(&b':'));
        if let Some(minutes) = digits((rest, hours + colon), 2) {
            end = minutes;
        }
    }
    zone_name((rest, end)).unwrap_or(end)
}

/// ` UTC`, ` MDT`: a blank and three or four capitals.
fn zone_name((rest, at): Reader<'_>) -> Option<usize> {
    let start = byte((rest, at), |b| b == b' ')?;
    let letters = rest[start..].iter().take_while(|b| b.is_ascii_uppercase()).count();
    let next = rest.get(start + letters).copied().unwrap_or(b' ');
    let known = (3..=4).contains(&letters)
        && !next.is_ascii_alphanumeric()
        && next != b':'
        && (rest[start..].starts_with(b"UTC")
            || rest[start..].starts_with(b"GMT")
            || rest[start + letters - 1] == b'T');
    known.then_some(start + letters)
}

/// `2025-10-11T01:13:27.763000+00:00`, `2024-06-11 03:58:39 +0000 UTC`, `2022/11/18 22:52:51`.
fn iso(rest: &[u8]) -> Option<usize> {
    let year = digits((rest, 0), 4)?;
    let separator = *rest.get(year)?;
    if !matches!(separator, b'-' | b'/') {
        return None;
    }
    let month = digits((rest, year + 1), 2)?;
    let day = digits((rest, byte((rest, month), |b| b == separator)?), 2)?;
    let time = clock((rest, byte((rest, day), |b| matches!(b, b'T' | b' ' | b't'))?))?;
    Some(zone((rest, time)))
}

/// `10/Oct/2000:13:55:36 +0000`.
fn access_log(rest: &[u8]) -> Option<usize> {
    let day = byte((rest, digits((rest, 0), 2)?), |b| b == b'/')?;
    let month = byte((rest, one_of((rest, day), &MONTHS)?), |b| b == b'/')?;
    let year = byte((rest, digits((rest, month), 4)?), |b| b == b':')?;
    Some(zone((rest, clock((rest, year))?)))
}

/// `12:40:10`, but not where more digits and colons surround it.
fn clock_only(rest: &[u8], previous: u8) -> Option<usize> {
    let end = clock((rest, 0))?;
    (previous != b':' && !matches!(rest.get(end), Some(b':'))).then_some(end)
}

/// `I0801 15:02:45.330307`: severity, month and day, time. Source: k8s.io/klog.
fn klog(rest: &[u8]) -> Option<usize> {
    let severity = byte((rest, 0), |b| matches!(b, b'I' | b'W' | b'E' | b'F'))?;
    let day = byte((rest, digits((rest, severity), 4)?), |b| b == b' ')?;
    let time = clock((rest, day))?;
    // The id of the thread.
    let blanks = rest[time..].iter().take(8).take_while(|&&b| b == b' ').count();
    let id = rest[time + blanks..].iter().take(8).take_while(|b| b.is_ascii_digit()).count();
    let ends = rest.get(time + blanks + id) == Some(&b' ');
    Some(if blanks > 0 && id > 0 && ends { time + blanks + id } else { time })
}

/// `Fri Aug 30 12:26:58 MDT 2024`, `Tue Jun 11 03:58:39 2024`, `Fri, 11 Nov 2022 13:00:36 +0000`, `Oct 18 13:57`.
fn calendar(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    let weekday = one_of((rest, 0), &DAYS);
    if let Some(end) = weekday {
        at = end + usize::from(rest.get(end) == Some(&b','));
        at = byte((rest, at), |b| b == b' ')?;
        if rest.get(at) == Some(&b' ') {
            at += 1;
        }
    }
    if weekday.is_some() && rest.get(at).is_some_and(u8::is_ascii_digit) {
        // Day ahead of month, as in mail and HTTP.
        let day = rest[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let month = byte((rest, one_of((rest, byte((rest, at + day), |b| b == b' ')?), &MONTHS)?), |b| b == b' ')?;
        let year = byte((rest, digits((rest, month), 4)?), |b| b == b' ')?;
        return Some(zone((rest, clock((rest, year))?)));
    }
    let month = byte((rest, one_of((rest, at), &MONTHS)?), |b| b == b' ')?;
    let blanks = rest[month..].iter().take_while(|&&b| b == b' ').count();
    let day = rest.get(month + blanks..)?.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=2).contains(&day) {
        return None;
    }
    let mut end = byte((rest, month + blanks + day), |b| b == b' ')?;
    if rest.get(end) == Some(&b' ') {
        end += 1;
    }
    let Some(time) = clock((rest, end)) else {
        // The times of `ls -l`: a time of day for files of this year, a year for others.
        let hour =
            digits((rest, end), 2).and_then(|h| byte((rest, h), |b| b == b':')).and_then(|m| digits((rest, m), 2));
        return hour.or_else(|| digits((rest, end), 4));
    };
    let zoned = zone((rest, time));
    Some(byte((rest, zoned), |b| b == b' ').and_then(|year| digits((rest, year), 4)).unwrap_or(zoned))
}

/// The length of an age or duration at `at`: numbers with units, as `2m6s`, `3d21h`, `43.258137629s`, `210ms`.
pub(in super::super) fn age_at(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    // Years, days, hours, minutes and seconds are five; numbers have few digits.
    for _ in 0..6 {
        let number = bytes.get(end..)?.iter().take(24).take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        if number == 0 || bytes[end] == b'.' {
            break;
        }
        let unit = match bytes.get(end + number..) {
            Some([b'm', b's', ..]) => 2,
            Some([b's' | b'm' | b'h' | b'd' | b'y', ..]) => 1,
            _ => break,
        };
        end += number + unit;
    }
    let next = bytes.get(end).copied().unwrap_or(b' ');
    (end > at && !next.is_ascii_alphanumeric() && next != b'_' && next != b'-').then_some(end - at)
}

/// Whether a cell is nothing but an age: `5m`, `23s (x2 over 47s)`, `<unknown>`.
pub(in super::super) fn is_age_cell(cell: &str) -> bool {
    if matches!(cell, "<unknown>" | "<invalid>" | "just now") {
        return true;
    }
    let bytes = cell.as_bytes();
    if is_told_age(cell) {
        return true;
    }
    let Some(length) = age_at(bytes, 0) else { return false };
    let rest = cell[length..].trim_start().strip_suffix(" ago").unwrap_or(cell[length..].trim_start());
    if rest.is_empty() || rest == "ago" {
        return true;
    }
    let Some(inner) = rest.strip_prefix("(x").and_then(|r| r.strip_suffix(')')) else { return false };
    let Some((count, over)) = inner.split_once(" over ") else { return false };
    count.bytes().all(|b| b.is_ascii_digit()) && age_at(over.as_bytes(), 0) == Some(over.len())
}

/// `2 minutes ago`, `About an hour ago`, as docker says it.
fn is_told_age(cell: &str) -> bool {
    let Some(told) = cell.strip_suffix(" ago") else { return false };
    let told = ["About ", "Less than "].iter().find_map(|word| told.strip_prefix(word)).unwrap_or(told);
    let units = ["second", "minute", "hour", "day", "week", "month", "year"];
    told.split_once(' ').is_some_and(|(count, unit)| {
        (matches!(count, "a" | "an") || count.parse::<u32>().is_ok()) && units.contains(&unit.trim_end_matches('s'))
    })
}

/// A key by which times in one ISO format and zone can be ordered; `None` for others.
pub(in super::super) fn order(text: &str) -> Option<String> {
    let rest = text.as_bytes();
    (iso(rest) == Some(rest.len())).then(|| text.chars().filter(char::is_ascii_digit).take(20).collect())
}
