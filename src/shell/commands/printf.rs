//! `printf`: brush's, with `%(…)T` done before, on the session's clock.

use brush_core::CommandArg;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::shell::context::Context;

/// The arguments with each `%(FORMAT)T` and the argument that it takes (seconds since 1970, or -1 for now) replaced by
/// text. Only a format that is used once for all arguments is looked at.
pub(in crate::shell) fn with_times(context: &Context, args: Vec<CommandArg>) -> Vec<CommandArg> {
    let mut words: Vec<String> = args.iter().map(ToString::to_string).collect();
    let mut at = 1;
    if words.get(at).is_some_and(|word| word == "-v") {
        at += 2;
    }
    if words.get(at).is_some_and(|word| word == "--") {
        at += 1;
    }
    let Some(format) = words.get(at).filter(|format| format.contains("%(")).cloned() else { return args };
    let mut out = String::new();
    let mut next = at + 1;
    let mut rest = format.as_str();
    while let Some(percent) = rest.find('%') {
        out.push_str(&rest[..percent]);
        rest = &rest[percent..];
        if let Some(end) = rest.strip_prefix("%(").and_then(|text| text.find(")T")) {
            let seconds = if next < words.len() { words.remove(next).parse().unwrap_or(-1) } else { -1 };
            out.push_str(&time(context, &rest[2..2 + end], seconds).replace('%', "%%"));
            rest = &rest[2 + end + 2..];
            continue;
        }
        // Another conversion takes one argument, but for `%%`.
        let len =
            rest[1..].find(|char: char| char.is_ascii_alphabetic() || char == '%').map_or(rest.len(), |it| it + 2);
        next += usize::from(&rest[..len] != "%%");
        out.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    out.push_str(rest);
    words[at] = out;
    words.into_iter().map(CommandArg::String).collect()
}

fn time(context: &Context, format: &str, seconds: i64) -> String {
    let time = match seconds {
        // -2 is the time at which the shell started.
        -2 => context.clock.epoch(),
        -1 => context.clock.now(),
        seconds => Timestamp::from_second(seconds).unwrap_or_default(),
    };
    let format = if format.is_empty() { "%H:%M:%S" } else { format };
    jiff::fmt::strtime::format(format, &time.to_zoned(TimeZone::UTC)).unwrap_or_default()
}
