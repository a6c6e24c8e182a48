//! `sleep`: waits on the session's clock. Arguments and messages as in GNU coreutils.

use std::time::Duration;

use super::{Invocation, Status, Streams};

/// Sleeps for the sum of its operands: a decimal number with `s`, `m`, `h` or `d` behind it, seconds without.
pub(super) fn run(call: &Invocation, streams: &mut Streams<'_>) -> Status {
    let mut operands = Vec::new();
    let mut options = true;
    for arg in &call.args {
        match arg.as_str() {
            "--" if options => options = false,
            "--help" if options => {
                let _ = streams.stdout.write_all(HELP.as_bytes());
                return 0;
            }
            _ if options && arg.len() > 1 && arg.starts_with('-') => {
                let what = match arg.strip_prefix("--") {
                    Some(_) => format!("unrecognized option '{arg}'"),
                    None => format!("invalid option -- '{}'", arg.chars().nth(1).unwrap_or('-')),
                };
                let _ = write!(streams.stderr, "sleep: {what}\n{MORE}");
                return 1;
            }
            _ => operands.push(arg),
        }
    }
    if operands.is_empty() {
        let _ = write!(streams.stderr, "sleep: missing operand\n{MORE}");
        return 1;
    }
    let mut total = Duration::ZERO;
    let mut wrong = false;
    for operand in operands {
        match interval(operand) {
            Some(interval) => total = total.saturating_add(interval),
            None => {
                wrong = true;
                let _ = writeln!(streams.stderr, "sleep: invalid time interval ‘{operand}’");
            }
        }
    }
    if wrong {
        let _ = write!(streams.stderr, "{MORE}");
        return 1;
    }
    if call.sleep(total) { 0 } else { 130 }
}

const MORE: &str = "Try 'sleep --help' for more information.\n";

const HELP: &str = "Usage: sleep NUMBER[SUFFIX]...\n\
    Waits for the sum of its arguments, on the session's clock. SUFFIX is s (seconds, the default), m, h or d.\n";

/// A time interval as coreutils write it: a non-negative decimal number, `inf` too, and a unit of one letter.
///
/// What is longer than a [`Duration`] can be is the longest one.
pub fn interval(text: &str) -> Option<Duration> {
    let (number, unit) = match text.char_indices().next_back()? {
        (at, 's') => (&text[..at], 1.0),
        (at, 'm') => (&text[..at], 60.0),
        (at, 'h') => (&text[..at], 3600.0),
        (at, 'd') => (&text[..at], 86400.0),
        _ => (text, 1.0),
    };
    let number = number.trim_start();
    if number.ends_with(char::is_whitespace) {
        return None;
    }
    let seconds = number.parse::<f64>().ok().filter(|seconds| *seconds >= 0.0)? * unit;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_as_coreutils_read_them() {
        for (text, seconds) in
            [("1", 1.0), ("0.5", 0.5), (".25", 0.25), ("2m", 120.0), ("1h", 3600.0), ("1d", 86400.0), ("1e1s", 10.0)]
        {
            assert_eq!(interval(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        assert_eq!(interval("inf"), Some(Duration::MAX));
        for text in ["", "x", "1x", "-1", "1 s", "s", "nan", "1ms"] {
            assert_eq!(interval(text), None, "{text}");
        }
    }
}
