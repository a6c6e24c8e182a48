//! `set`: brush's, but for `-x`. brush's own tracing is always on, to stop loops; whether it is shown is kept apart.

use std::sync::atomic::Ordering;

use brush_core::{CommandArg, ExecutionResult};

use crate::shell::builtins::{Answer, Call, guarded, place_of, stopped, words};

/// The builtin.
pub(in crate::shell) fn run(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    let Some((_, scope)) = place_of(&call) else { return Box::pin(async { Ok(stopped()) }) };
    let (rest, xtrace) = without_xtrace(&words(&args));
    let Some(xtrace) = xtrace else { return guarded(call, args) };
    scope.run.xtrace.store(xtrace, Ordering::Relaxed);
    if rest.is_empty() {
        return Box::pin(async { Ok(ExecutionResult::success()) });
    }
    let name = CommandArg::String("set".to_owned());
    guarded(call, std::iter::once(name).chain(rest.into_iter().map(CommandArg::String)).collect())
}

/// The arguments without those that turn tracing on or off, and which of the two came last.
fn without_xtrace(args: &[String]) -> (Vec<String>, Option<bool>) {
    let mut rest = Vec::new();
    let mut xtrace = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let on = arg.starts_with('-');
        let flags = arg.get(1..).unwrap_or_default();
        if flags.is_empty() || !(on || arg.starts_with('+')) || arg == "--" {
            rest.push(arg.clone());
            rest.extend(args.cloned());
            break;
        }
        let mut kept: String = flags.chars().filter(|flag| *flag != 'x').collect();
        if kept.len() < flags.len() {
            xtrace = Some(on);
        }
        let mut name = None;
        if kept.contains('o') {
            match args.next() {
                Some(option) if option == "xtrace" => {
                    xtrace = Some(on);
                    kept.retain(|flag| flag != 'o');
                }
                other => name = other.cloned(),
            }
        }
        if !kept.is_empty() {
            rest.push(format!("{}{kept}", if on { '-' } else { '+' }));
        }
        rest.extend(name);
    }
    (rest, xtrace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xtrace_is_taken_out_and_the_rest_stays() {
        for (args, rest, xtrace) in [
            ("-x", "", Some(true)),
            ("+x", "", Some(false)),
            ("-ex", "-e", Some(true)),
            ("-euxo pipefail", "-euo pipefail", Some(true)),
            ("-o xtrace", "", Some(true)),
            ("-e -o xtrace", "-e", Some(true)),
            ("-o pipefail", "-o pipefail", None),
            ("-- -x", "-- -x", None),
            ("a -x", "a -x", None),
            ("-o", "-o", None),
        ] {
            let words: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
            let (kept, on) = without_xtrace(&words);
            assert_eq!((kept.join(" ").as_str(), on), (rest, xtrace), "{args}");
        }
    }
}
