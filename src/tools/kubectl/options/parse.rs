//! Reads a command's arguments as kubectl's flag library does: options in any place, `--` ends them.

use std::collections::HashMap;
use std::time::Duration;

use super::duration::{self, quote};
use super::flags::{Flag, GLOBAL, Kind};

/// What is wrong with the arguments, in the flag library's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// The words of the flag library; the command's own hint follows them.
    #[error("{0}")]
    Flag(String),
    /// The option is known and not allowed, or not built.
    #[error("{0}")]
    Refused(String),
}

/// The options and arguments of one call.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    values: HashMap<&'static str, Vec<String>>,
    defaults: HashMap<&'static str, &'static str>,
    /// The arguments that are no options.
    pub args: Vec<String>,
    /// How many of them came ahead of `--`, if there was one.
    pub dash: Option<usize>,
}

impl Parsed {
    /// Reads `words` by the options in `tables`, with the global ones.
    ///
    /// # Errors
    /// At the first word that cannot be read.
    pub fn read(words: &[String], tables: &[&'static [Flag]]) -> Result<Self, UsageError> {
        let flags: Vec<&'static Flag> = tables.iter().chain([&GLOBAL]).flat_map(|table| table.iter()).collect();
        let mut parsed = Self::default();
        for flag in &flags {
            parsed.defaults.entry(flag.name).or_insert(flag.default);
        }
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if let Some(long) = word.strip_prefix("--") {
                if long.is_empty() {
                    parsed.dash = Some(parsed.args.len());
                    parsed.args.extend(rest.by_ref().cloned());
                    break;
                }
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                if name.is_empty() || name.starts_with('-') {
                    return Err(UsageError::Flag(format!("bad flag syntax: {word}")));
                }
                let flag = flags
                    .iter()
                    .find(|flag| flag.name == name)
                    .ok_or_else(|| UsageError::Flag(format!("unknown flag: --{name}")))?;
                let value = match (value, flag.alone) {
                    (Some(value), _) => value,
                    (None, Some(alone)) => alone.to_owned(),
                    (None, None) => rest
                        .next()
                        .cloned()
                        .ok_or_else(|| UsageError::Flag(format!("flag needs an argument: --{name}")))?,
                };
                parsed.set(flag, value)?;
            } else if word.len() > 1 && word.starts_with('-') {
                parsed.shorts(word, &flags, &mut rest)?;
            } else {
                parsed.args.push(word.clone());
            }
        }
        Ok(parsed)
    }

    fn shorts(
        &mut self,
        word: &str,
        flags: &[&'static Flag],
        rest: &mut std::slice::Iter<'_, String>,
    ) -> Result<(), UsageError> {
        let letters = &word[1..];
        for (at, letter) in letters.char_indices() {
            let after = &letters[at + letter.len_utf8()..];
            let flag = flags.iter().find(|flag| flag.short == Some(letter)).ok_or_else(|| {
                UsageError::Flag(format!("unknown shorthand flag: '{letter}' in -{}", &letters[at..]))
            })?;
            // A bare `=` is the value itself.
            let (value, last) = if let Some(value) = after.strip_prefix('=').filter(|value| !value.is_empty()) {
                (value.to_owned(), true)
            } else if let Some(alone) = flag.alone {
                (alone.to_owned(), false)
            } else if !after.is_empty() {
                (after.to_owned(), true)
            } else {
                let value = rest.next().cloned().ok_or_else(|| {
                    UsageError::Flag(format!("flag needs an argument: '{letter}' in -{}", &letters[at..]))
                })?;
                (value, true)
            };
            self.set(flag, value)?;
            if last {
                break;
            }
        }
        Ok(())
    }

    fn set(&mut self, flag: &'static Flag, value: String) -> Result<(), UsageError> {
        let invalid = |why: String| {
            UsageError::Flag(format!("invalid argument {} for {} flag: {why}", quote(&value), quote(&flag.display())))
        };
        match flag.kind {
            Kind::Bool if !is_bool(&value) => {
                return Err(invalid(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(&value))));
            }
            Kind::Number if value.parse::<i64>().is_err() => {
                return Err(invalid(format!("strconv.ParseInt: parsing {}: invalid syntax", quote(&value))));
            }
            Kind::Duration => {
                duration::parse(&value).map_err(invalid)?;
            }
            Kind::Refused(why) => return Err(UsageError::Refused(format!("--{} is refused: {why}", flag.name))),
            _ => {}
        }
        let values = self.values.entry(flag.name).or_default();
        match flag.kind {
            Kind::List => values.extend(value.split(',').map(str::to_owned)),
            Kind::Each => values.push(value),
            _ => *values = vec![value],
        }
        Ok(())
    }

    /// Whether the option was given.
    pub fn given(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The text of an option, or its default.
    pub fn text(&self, name: &str) -> &str {
        match self.values.get(name).and_then(|values| values.last()) {
            Some(value) => value,
            None => self.defaults.get(name).copied().unwrap_or_default(),
        }
    }

    /// Whether a switch is on.
    pub fn on(&self, name: &str) -> bool {
        matches!(self.text(name), "1" | "t" | "T" | "true" | "TRUE" | "True")
    }

    /// The texts of an option that adds up.
    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// A number, 0 for an option that the command does not have.
    pub fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_default()
    }

    /// A length of time; `None` for zero and less, which mean no limit.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        let (duration, negative) = duration::parse(self.text(name)).ok()?;
        (!negative && !duration.is_zero()).then_some(duration)
    }

    /// Whether a length of time is below zero, which `wait` takes as a week.
    pub fn is_negative(&self, name: &str) -> bool {
        duration::parse(self.text(name)).is_ok_and(|(_, negative)| negative)
    }
}

fn is_bool(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True" | "0" | "f" | "F" | "false" | "FALSE" | "False")
}

/// Takes the command's word out of `words`, looking past options the way kubectl's command library (spf13/cobra) does:
/// an option that it does not know at this place counts as one with a value.
pub fn command_word(words: &[String]) -> Option<(usize, &str)> {
    let alone = |flag: &&Flag| flag.alone.is_some();
    let mut at = 0;
    while at < words.len() {
        let word = words[at].as_str();
        if word == "--" {
            return None;
        }
        if let Some(long) = word.strip_prefix("--") {
            let without_value = long.contains('=') || GLOBAL.iter().filter(alone).any(|flag| flag.name == long);
            at += if without_value { 1 } else { 2 };
        } else if word.len() > 1 && word.starts_with('-') {
            let letter = word.chars().nth(1);
            let takes_next = word.chars().count() == 2
                && !GLOBAL.iter().filter(alone).any(|flag| flag.short.is_some() && flag.short == letter);
            at += if takes_next { 2 } else { 1 };
        } else if word.is_empty() {
            at += 1;
        } else {
            return Some((at, word));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Flag] = &[
        Flag::switch("all-namespaces").short('A'),
        Flag::switch("watch").short('w'),
        Flag::text("output").short('o'),
        Flag::list("label-columns").short('L'),
        Flag::duration("timeout", "30s"),
        Flag::text("dry-run").or("none").alone("unchanged"),
        Flag::switch("stdin").short('i'),
        Flag::switch("tty").short('t'),
    ];

    fn read(words: &[&str]) -> Result<Parsed, UsageError> {
        Parsed::read(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), &[TABLE])
    }

    #[test]
    fn options_stand_in_any_place() {
        let parsed =
            read(&["pods", "-n", "ui", "-oyaml", "x", "--watch=false", "-A", "--dry-run", "-L", "a,b"]).unwrap();
        assert_eq!(parsed.args, ["pods", "x"]);
        assert_eq!((parsed.text("namespace"), parsed.text("output")), ("ui", "yaml"));
        assert!(parsed.on("all-namespaces") && !parsed.on("watch") && parsed.given("watch"));
        assert_eq!(parsed.text("dry-run"), "unchanged");
        assert_eq!(parsed.all("label-columns"), ["a", "b"]);
        assert_eq!(parsed.duration("timeout"), Some(Duration::from_secs(30)));
    }

    #[test]
    fn letters_join_and_a_double_dash_ends_options() {
        let parsed = read(&["-it", "pod", "-n=x", "--", "ls", "-la"]).unwrap();
        assert!(parsed.on("stdin") && parsed.on("tty"));
        assert_eq!(parsed.text("namespace"), "x");
        assert_eq!((parsed.args.len(), parsed.dash), (3, Some(1)));
    }

    #[test]
    fn errors_are_the_flag_library_s() {
        for (words, message) in [
            (&["--foo"][..], "unknown flag: --foo"),
            (&["-z"], "unknown shorthand flag: 'z' in -z"),
            (&["-n"], "flag needs an argument: 'n' in -n"),
            (&["--output"], "flag needs an argument: --output"),
            (&["--timeout=x"], "invalid argument \"x\" for \"--timeout\" flag: time: invalid duration \"x\""),
            (
                &["--watch=maybe"],
                "invalid argument \"maybe\" for \"-w, --watch\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
        ] {
            assert_eq!(read(words).unwrap_err(), UsageError::Flag(message.into()));
        }
        let local = Flag::refused("local", "why").alone("true");
        let words = ["--local".to_owned()];
        let flags: &'static [Flag] = Box::leak(Box::new([local]));
        assert!(matches!(Parsed::read(&words, &[flags]), Err(UsageError::Refused(_))));
    }

    #[test]
    fn the_command_is_found_behind_options() {
        let find = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            command_word(&words).map(|(_, word)| word.to_owned())
        };
        assert_eq!(find(&["-n", "ui", "get", "pods"]).as_deref(), Some("get"));
        assert_eq!(find(&["--namespace=ui", "-v=3", "get"]).as_deref(), Some("get"));
        assert_eq!(find(&["--bogus", "get"]), None);
        assert_eq!(find(&["-h", "get"]).as_deref(), Some("get"));
    }
}
