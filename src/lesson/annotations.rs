//! The words behind `bash` in a fence's info string.

use super::model::{Annotations, Diagnostic, Severity, Slip};
use super::source::LineIndex;

/// The keys that mean something, as they are written.
const KEYS: [&str; 7] = ["test", "timeout", "wait", "hook", "hookTimeout", "expectError", "raw"];

/// No step takes, and nothing waits for, longer than a week: a larger number is a slip of the finger.
const LONGEST: u64 = 7 * 24 * 60 * 60;

/// How many words an info string is read for; nobody means more.
const MOST_WORDS: usize = 64;

/// What an info string says, with what is wrong in it.
pub struct Read {
    /// The values, defaults filled in where nothing (usable) is said.
    pub annotations: Annotations,
    /// False when a word has an unusable value: what the author wants is then not known, and the step is not executed.
    pub usable: bool,
}

/// Reads the info string's words from byte `start` to `end` of the page, the language left out.
pub fn read(source: &str, (start, end): (usize, usize), index: &LineIndex, diagnostics: &mut Vec<Diagnostic>) -> Read {
    let mut read = Read { annotations: Annotations::default(), usable: true };
    let mut seen: Vec<&str> = Vec::new();
    for (place, (offset, word)) in words(&source[start..end]).into_iter().enumerate() {
        let at = start + offset;
        if place == MOST_WORDS {
            diagnostics.push(Diagnostic {
                slip: Slip::AnnotationValue,
                severity: Severity::Error,
                span: index.span(source, at, end),
                message: format!("this fence has more than {MOST_WORDS} words behind its language"),
                help: Some("keep the annotations that are needed".into()),
            });
            read.usable = false;
            break;
        }
        let span = index.span(source, at, at + word.len());
        let mut say = |slip, severity, message: String, help: Option<String>| {
            diagnostics.push(Diagnostic { slip, severity, span, message, help });
        };
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let Some(key) = KEYS.into_iter().find(|known| *known == key) else {
            let help = match similar::get_close_matches(key, &KEYS, 1, 0.6).first() {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known annotations are {}", KEYS.join(", ")),
            };
            say(Slip::UnknownAnnotation, Severity::Warning, format!("unknown annotation `{key}`"), Some(help));
            continue;
        };
        if seen.contains(&key) {
            say(
                Slip::RepeatedAnnotation,
                Severity::Warning,
                format!("`{key}` is given twice; the last one counts"),
                Some("take one away".into()),
            );
        }
        seen.push(key);
        let value = unquoted(value);
        if let Err(help) = set(&mut read.annotations, key, value) {
            read.usable = false;
            let message = match key {
                "hook" => format!("`{value}` is not the name of a hook"),
                _ => format!("`{word}` is not a value that `{key}` can have"),
            };
            say(Slip::AnnotationValue, Severity::Error, message, Some(help));
        }
    }
    read
}

fn set(annotations: &mut Annotations, key: &str, value: &str) -> Result<(), String> {
    match key {
        "test" => annotations.test = truth(key, value)?,
        "timeout" => annotations.timeout = seconds(key, value)?,
        "wait" => annotations.wait = seconds(key, value)?,
        "hookTimeout" => annotations.hook_timeout = seconds(key, value)?,
        "expectError" => annotations.expect_error = truth(key, value)?,
        "raw" => annotations.raw = truth(key, value)?,
        _ if is_hook_name(value) => annotations.hook = Some(value.to_owned()),
        _ => {
            return Err("write `hook=NAME` for tests/hook-NAME.sh beside the page; a name has letters, digits, \
                        hyphens, underscores and dots, and leads to no other folder"
                .to_owned());
        }
    }
    Ok(())
}

fn truth(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("write `{key}=true` or `{key}=false`")),
    }
}

fn seconds(key: &str, value: &str) -> Result<u64, String> {
    let number = value.bytes().all(|b| b.is_ascii_digit()).then(|| value.parse().ok()).flatten();
    match number {
        Some(seconds) if seconds <= LONGEST => Ok(seconds),
        _ => Err(format!("write whole seconds, as in `{key}=60`; at most {LONGEST}")),
    }
}

/// Whether `tests/hook-NAME.sh` stays in the folder `tests`: hooks are run, and lessons come from strangers.
pub fn is_hook_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn unquoted(value: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value)
}

/// Words apart by blanks; quotes and braces keep blanks together (`title="two words"`), as Docusaurus has them.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut start, mut close) = (None, None);
    for (at, c) in text.char_indices() {
        if let Some(expected) = close {
            if c == expected {
                close = None;
            }
        } else if c.is_whitespace() {
            if let Some(start) = start.take() {
                found.push((start, &text[start..at]));
            }
            continue;
        } else {
            close = match c {
                '"' | '\'' => Some(c),
                '{' => Some('}'),
                _ => None,
            };
        }
        start.get_or_insert(at);
    }
    found.extend(start.map(|start| (start, text[start..].trim_end())));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(info: &str) -> (Annotations, bool, Vec<String>) {
        let mut diagnostics = Vec::new();
        let read = read(info, (0, info.len()), &LineIndex::new(info), &mut diagnostics);
        let said = diagnostics
            .iter()
            .map(|d| {
                let severity = if d.severity == Severity::Error { "error" } else { "warning" };
                format!("{}: {severity}: {} ({})", d.span.column, d.message, d.help.as_deref().unwrap_or("-"))
            })
            .collect();
        (read.annotations, read.usable, said)
    }

    #[test]
    fn values_replace_defaults() {
        assert_eq!(parse("").0, Annotations::default());
        let (annotations, usable, said) =
            parse("test=false timeout=5  wait=30 hook=pod-logs hookTimeout=430 expectError=true raw=true ");
        let expected = Annotations {
            test: false,
            timeout: 5,
            wait: 30,
            hook: Some("pod-logs".into()),
            hook_timeout: 430,
            expect_error: true,
            raw: true,
        };
        assert_eq!((annotations, usable, said), (expected, true, vec![]));
    }

    #[test]
    fn unknown_words_are_warnings() {
        let (annotations, usable, said) = parse("hooktimeout=3 title=\"two words\" {1,3} wait=1 wait=2");
        assert!(usable);
        assert_eq!(annotations.wait, 2);
        assert_eq!(said.len(), 4, "{said:?}");
        assert_eq!(said[0], "1: warning: unknown annotation `hooktimeout` (did you mean `hookTimeout`?)");
        assert!(
            said[1].starts_with("15: warning: unknown annotation `title` (known annotations are test, "),
            "{said:?}"
        );
        assert!(said[3].starts_with("46: warning: `wait` is given twice"), "{said:?}");
    }

    #[test]
    fn an_endless_info_string_is_not_read_to_its_end() {
        let (_, usable, said) = parse(&"x ".repeat(100_000));
        assert!(!usable);
        assert_eq!(said.len(), MOST_WORDS + 1);
        assert!(said[MOST_WORDS].starts_with("129: error: this fence has more than 64 words"), "{}", said[MOST_WORDS]);
    }

    #[test]
    fn unusable_values_are_errors_at_their_place() {
        for word in [
            "wait=abc",
            "wait=",
            "wait",
            "wait=-1",
            "wait=1.5",
            "wait=+1",
            "timeout=99999999999999999999",
            "timeout=604801",
            "test=no",
            "raw=True",
            "expectError",
            "hook=../../x",
            "hook=a/b",
            "hook=",
            "hook=..",
            "hook=.x",
            "hook=a\\b",
        ] {
            let (annotations, usable, said) = parse(&format!("hookTimeout=9 {word}"));
            assert!(!usable, "{word}");
            assert_eq!(annotations, Annotations { hook_timeout: 9, ..Annotations::default() }, "{word}");
            assert_eq!(said.len(), 1, "{word}");
            assert!(said[0].starts_with("15: error: `"), "{said:?}");
        }
    }
}
