//! `$!`: brush knows no number of a job in this process, so before a script runs, `$!` becomes a variable.

use brush_parser::ast::Program;
use serde_json::Value;

use super::jobs::LAST;

/// Whether a text may name the last job.
pub(super) fn names_last_job(text: &str) -> bool {
    text.contains("$!") || text.contains("${!")
}

/// Puts the variable in the place of `$!` everywhere in `program`.
pub(super) fn rewrite(program: &mut Program) {
    // The parts that hold text are many, and all of them are strings of its serialized form.
    let Ok(mut value) = serde_json::to_value(&*program) else { return };
    if in_value(&mut value, true)
        && let Ok(changed) = serde_json::from_value(value)
    {
        *program = changed;
    }
}

/// Whether anything was changed. In the text of a here-document quotes are nothing special.
fn in_value(value: &mut Value, quotes: bool) -> bool {
    match value {
        Value::String(text) if names_last_job(text) => match in_text(text, quotes) {
            Some(changed) => {
                *text = changed;
                true
            }
            None => false,
        },
        Value::Array(values) => values.iter_mut().fold(false, |any, value| in_value(value, quotes) | any),
        Value::Object(fields) => match fields.get("requires_expansion") {
            Some(Value::Bool(false)) => false,
            Some(_) => fields.values_mut().fold(false, |any, value| in_value(value, false) | any),
            None => fields.values_mut().fold(false, |any, value| in_value(value, quotes) | any),
        },
        _ => false,
    }
}

fn in_text(text: &str, quotes: bool) -> Option<String> {
    let mut out = String::with_capacity(text.len() + LAST.len());
    let (mut single, mut double, mut changed) = (false, false, false);
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        if !single && let Some(behind) = rest.strip_prefix("$!") {
            out.push_str(&format!("${{{LAST}}}"));
            (rest, changed) = (behind, true);
            continue;
        }
        // `${!name}` is something else.
        if !single
            && let Some(behind) = rest.strip_prefix("${!")
            && behind.starts_with(['}', ':', '-', '+', '=', '?', '#', '%', '/'])
        {
            out.push_str(&format!("${{{LAST}"));
            (rest, changed) = (behind, true);
            continue;
        }
        let mut taken = char.len_utf8();
        match char {
            '\\' if !single => taken += rest[taken..].chars().next().map_or(0, char::len_utf8),
            '\'' if quotes && !double => single = !single,
            '"' if quotes && !single => double = !double,
            _ => {}
        }
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_job_is_found_where_it_is_expanded() {
        for (text, expected) in [
            ("$!", "${BASH_LAST_JOB}"),
            ("a$!b \"$!\"", "a${BASH_LAST_JOB}b \"${BASH_LAST_JOB}\""),
            ("${!} ${!:-none}", "${BASH_LAST_JOB} ${BASH_LAST_JOB:-none}"),
            ("$(wait $!)", "$(wait ${BASH_LAST_JOB})"),
            ("\"it's $!\"", "\"it's ${BASH_LAST_JOB}\""),
        ] {
            assert_eq!(in_text(text, true).as_deref(), Some(expected), "{text}");
        }
        for text in ["'$!'", "\\$!", "${!name}", "${!names[@]}", "\"\\$!\""] {
            assert_eq!(in_text(text, true), None, "{text}");
        }
        assert_eq!(in_text("it's $!", false).as_deref(), Some("it's ${BASH_LAST_JOB}"));
    }
}
