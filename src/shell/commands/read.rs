//! `read`: brush's, but for what is not ASCII. brush takes each byte for a character; they are put together again.

use brush_core::builtins::Registration;
use brush_core::env::EnvironmentLookup;
use brush_core::{CommandArg, ExecutionContext, ExecutionResult, ShellValue};

use crate::shell::builtins::{Call, words};
use crate::shell::errors::Extensions;

/// Runs brush's `read`, and mends the variables that it sets.
pub(in crate::shell) async fn run(
    read: &Registration<Extensions>,
    call: Call<'_>,
    args: Vec<CommandArg>,
) -> Result<ExecutionResult, brush_core::Error> {
    let names = variables(&words(&args));
    let ExecutionContext { shell, command_name, params } = call;
    let result = (read.execute_func)(ExecutionContext { shell: &mut *shell, command_name, params }, args).await;
    for name in names {
        let Some(variable) = shell.env_mut().get_mut_using_policy(&name, EnvironmentLookup::Anywhere) else { continue };
        let mended = match variable.value() {
            ShellValue::String(text) => mend(text).map(ShellValue::String),
            ShellValue::IndexedArray(array) => Some(ShellValue::IndexedArray(
                array.iter().map(|(key, text)| (*key, mend(text).unwrap_or_else(|| text.clone()))).collect(),
            )),
            _ => None,
        };
        if let Some(value) = mended {
            let literal = match value {
                ShellValue::IndexedArray(array) => {
                    brush_core::variables::ShellValueLiteral::Array(brush_core::variables::ArrayLiteral(
                        array.into_iter().map(|(key, text)| (Some(key.to_string()), text)).collect(),
                    ))
                }
                ShellValue::String(text) => brush_core::variables::ShellValueLiteral::Scalar(text),
                _ => continue,
            };
            variable.assign(literal, false)?;
        }
    }
    result
}

/// Text whose characters are bytes, as the text that those bytes are. None when there is nothing to mend.
fn mend(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let bytes = text.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect::<Option<Vec<_>>>()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The variables that `read` with these arguments sets.
fn variables(args: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    let mut array = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(flags) = arg.strip_prefix('-').filter(|flags| !flags.is_empty() && names.is_empty()) else {
            names.push(arg.clone());
            continue;
        };
        if flags == "-" {
            names.extend(args.by_ref().cloned());
            break;
        }
        if let Some((at, flag)) = flags.char_indices().find(|(_, flag)| "adinNptu".contains(*flag)) {
            let rest = &flags[at + 1..];
            let value = if rest.is_empty() { args.next().cloned() } else { Some(rest.to_owned()) };
            if flag == 'a' {
                array = value;
            }
        }
    }
    match array {
        Some(array) => vec![array],
        None if names.is_empty() => vec!["REPLY".to_owned()],
        None => names,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_are_found() {
        for (args, names) in [
            ("", "REPLY"),
            ("-r", "REPLY"),
            ("-r a b", "a b"),
            ("-rp prompt x", "x"),
            ("-d: -n 3 x", "x"),
            ("-ra arr", "arr"),
            ("-t 1 -- y", "y"),
        ] {
            let words: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
            assert_eq!(variables(&words).join(" "), names, "{args}");
        }
    }

    #[test]
    fn bytes_become_text() {
        assert_eq!(mend("abc"), None);
        assert_eq!(mend("\u{c3}\u{a9}").as_deref(), Some("é"));
        assert_eq!(mend("日"), None);
    }
}
