//! Schedules of CronJobs: five fields as in crontab, or `@hourly` and the like. What is taken and what is refused, and in
//! which words, is as in robfig/cron's standard parser, which Kubernetes uses.
//! <https://pkg.go.dev/github.com/robfig/cron/v3>, <https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/>

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// How many years ahead a moment is looked for: the 29th of February comes at least every eight years.
const YEARS_AHEAD: i16 = 8;

/// When something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// At moments of the calendar.
    Fields(Fields),
    /// Again and again after so long, in whole seconds.
    Every(Duration),
}

/// The values at which each field fits, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether a day must fit both of its fields: one of them says "any day". Otherwise one is enough.
    both_days: bool,
}

/// A field's least and greatest value, and the names that some values have.
struct Bounds {
    least: u64,
    greatest: u64,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const BOUNDS: [Bounds; 5] = [
    Bounds { least: 0, greatest: 59, names: &[] },
    Bounds { least: 0, greatest: 23, names: &[] },
    Bounds { least: 1, greatest: 31, names: &[] },
    Bounds { least: 1, greatest: 12, names: &MONTHS },
    Bounds { least: 0, greatest: 6, names: &WEEKDAYS },
];

impl std::str::FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty spec string".into());
        }
        let fields = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => match text.strip_prefix("@every ") {
                Some(span) => return every(text, span).map(Self::Every),
                None if text.starts_with('@') => return Err(format!("unrecognized descriptor: {text}")),
                None => text,
            },
        };
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
        };
        let read = |at: usize, text: &str| field(text, &BOUNDS[at]);
        let (minutes, _) = read(0, minutes)?;
        let (hours, _) = read(1, hours)?;
        let (days, any_day) = read(2, days)?;
        let (months, _) = read(3, months)?;
        let (weekdays, any_weekday) = read(4, weekdays)?;
        Ok(Self::Fields(Fields { minutes, hours, days, months, weekdays, both_days: any_day || any_weekday }))
    }
}

fn every(whole: &str, span: &str) -> Result<Duration, String> {
    let wrong = |why: String| format!("failed to parse duration {whole}: time: {why}");
    let mut seconds = 0.0;
    let mut rest = span;
    if rest.is_empty() {
        return Err(wrong(format!("invalid duration {span:?}")));
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let amount: f64 = rest[..digits].parse().map_err(|_| wrong(format!("invalid duration {span:?}")))?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        seconds += amount
            * match &rest[..letters] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                "" => return Err(wrong(format!("missing unit in duration {span:?}"))),
                unit => return Err(wrong(format!("unknown unit {unit:?} in duration {span:?}"))),
            };
        rest = &rest[letters..];
    }
    // Whole seconds, and not less than one; no session lasts a hundred years.
    Ok(Duration::from_secs(
        Duration::try_from_secs_f64(seconds).map_or(u64::from(u32::MAX), |span| span.as_secs().max(1)),
    ))
}

/// The bits of one field, and whether it says "any".
fn field(text: &str, bounds: &Bounds) -> Result<(u64, bool), String> {
    let (mut bits, mut any) = (0, false);
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (more, star) = range(part, bounds)?;
        bits |= more;
        any |= star;
    }
    Ok((bits, any))
}

fn range(text: &str, bounds: &Bounds) -> Result<(u64, bool), String> {
    let mut parts = text.split('/');
    let span = parts.next().unwrap_or_default();
    let steps: Vec<&str> = parts.collect();
    let ends: Vec<&str> = span.split('-').collect();
    let mut star = false;
    let (first, mut last) = match ends[..] {
        ["*" | "?", ..] => {
            star = true;
            (bounds.least, bounds.greatest)
        }
        [one] => (value(one, bounds)?, value(one, bounds)?),
        [first, last] => (value(first, bounds)?, value(last, bounds)?),
        _ => return Err(format!("too many hyphens: {text}")),
    };
    let step = match steps[..] {
        [] => 1,
        [step] => {
            let step = number(step)?;
            // `5/10` is `5-59/10`.
            if ends.len() == 1 {
                last = bounds.greatest;
            }
            star &= step <= 1;
            step
        }
        _ => return Err(format!("too many slashes: {text}")),
    };
    if first < bounds.least {
        return Err(format!("beginning of range ({first}) below minimum ({}): {text}", bounds.least));
    }
    if last > bounds.greatest {
        return Err(format!("end of range ({last}) above maximum ({}): {text}", bounds.greatest));
    }
    if first > last {
        return Err(format!("beginning of range ({first}) beyond end of range ({last}): {text}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    let mut bits = 0;
    let mut at = first;
    while at <= last {
        bits |= 1_u64 << at;
        at = at.saturating_add(step);
    }
    Ok((bits, star))
}

fn value(text: &str, bounds: &Bounds) -> Result<u64, String> {
    match bounds.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        Some(at) => Ok(at as u64 + bounds.least),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, String> {
    match text.parse::<i64>() {
        Ok(number) => u64::try_from(number).map_err(|_| format!("negative number ({number}) not allowed: {text}")),
        Err(error) => {
            let why = match error.kind() {
                std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            Err(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}"))
        }
    }
}

impl Fields {
    fn fits_day(&self, date: Date) -> bool {
        let bit = |bits: u64, at: i8| bits & (1 << at) != 0;
        let day = bit(self.days, date.day());
        let weekday = bit(self.weekdays, date.weekday().to_sunday_zero_offset());
        bit(self.months, date.month()) && if self.both_days { day && weekday } else { day || weekday }
    }
}

impl Schedule {
    /// The first moment after `after` at which it is due; `None` when there is none, such as the 31st of February.
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let fields = match self {
            Self::Every(span) => {
                let span = SignedDuration::try_from(*span).ok()?;
                return Timestamp::from_second(after.as_second()).ok()?.checked_add(span).ok();
            }
            Self::Fields(fields) => fields,
        };
        let begin = after.to_zoned(zone.clone()).datetime();
        let last_year = begin.year() + YEARS_AHEAD;
        let mut date = begin.date();
        while date.year() <= last_year {
            if fields.fits_day(date) {
                for hour in (0..24_i8).filter(|hour| fields.hours & (1 << hour) != 0) {
                    for minute in (0..60_i8).filter(|minute| fields.minutes & (1 << minute) != 0) {
                        let civil = date.at(hour, minute, 0, 0);
                        // Where clocks go forward, moments that are left out fall on the first one after.
                        let at = zone.to_zoned(civil).ok()?.timestamp();
                        if at > after {
                            return Some(at);
                        }
                    }
                }
            }
            date = date.checked_add(1.day()).ok()?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, after: &str) -> Option<String> {
        let schedule: Schedule = schedule.parse().unwrap();
        schedule.next(after.parse().unwrap(), &TimeZone::UTC).map(|at| at.to_string())
    }

    /// Moments as robfig/cron's own table of them has it.
    #[test]
    fn moments() {
        for (schedule, after, due) in [
            ("0/15 * * * *", "2012-07-09T14:45:00Z", "2012-07-09T15:00:00Z"),
            ("0/15 * * * *", "2012-07-09T14:59:59Z", "2012-07-09T15:00:00Z"),
            ("20-35/15 * * * *", "2012-07-09T15:45:00Z", "2012-07-09T16:20:00Z"),
            ("*/15 * * * *", "2012-07-09T23:46:00Z", "2012-07-10T00:00:00Z"),
            ("0 0 9 Apr-Oct ?", "2012-07-09T23:35:00Z", "2012-08-09T00:00:00Z"),
            ("0 0 * Apr,Aug,Oct Mon", "2012-07-09T23:35:00Z", "2012-08-06T00:00:00Z"),
            ("0 0 29 Feb ?", "2012-07-09T23:35:00Z", "2016-02-29T00:00:00Z"),
            // Both fields of the day are given: one is enough.
            ("0 0 1,15 * Sun", "2012-07-12T00:00:00Z", "2012-07-15T00:00:00Z"),
            ("0 0 1,15 * Sun", "2012-07-16T00:00:00Z", "2012-07-22T00:00:00Z"),
            // One of them is "any": both must fit.
            ("0 0 * * Mon", "2012-07-12T00:00:00Z", "2012-07-16T00:00:00Z"),
            ("0 0 */10 * Sun", "2012-07-09T00:00:00Z", "2012-07-11T00:00:00Z"),
            ("@hourly", "2012-07-09T14:45:10Z", "2012-07-09T15:00:00Z"),
            ("@every 1h30m", "2012-07-09T14:45:10.9Z", "2012-07-09T16:15:10Z"),
            ("59 23 31 12 *", "2012-12-31T23:59:00Z", "2013-12-31T23:59:00Z"),
        ] {
            assert_eq!(next(schedule, after).as_deref(), Some(due), "{schedule} after {after}");
        }
        assert_eq!(next("0 0 31 Feb ?", "2012-07-09T23:35:00Z"), None);
    }

    #[test]
    fn a_zone_of_its_own() {
        let schedule: Schedule = "30 2 * * *".parse().unwrap();
        let zone = TimeZone::get("America/New_York").unwrap();
        let due = schedule.next("2026-01-05T12:00:00Z".parse().unwrap(), &zone).unwrap();
        assert_eq!(due.to_string(), "2026-01-06T07:30:00Z");
    }

    #[test]
    fn what_is_no_schedule() {
        for (schedule, why) in [
            ("", "empty spec string"),
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("@nightly", "unrecognized descriptor: @nightly"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("* * * * 7", "end of range (7) above maximum (6): 7"),
            ("5-2 * * * *", "beginning of range (5) beyond end of range (2): 5-2"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("*/5/5 * * * *", "too many slashes: */5/5"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"),
            ("@every 5", "failed to parse duration @every 5: time: missing unit in duration \"5\""),
        ] {
            assert_eq!(schedule.parse::<Schedule>(), Err(why.to_owned()), "{schedule}");
        }
    }
}
