//! What text tools have in common: where their input comes from, and how they end when nobody reads their output.

use std::io::{self, ErrorKind, Read};

use crate::tools::{Invocation, Status, Streams};

/// The status of a program that SIGPIPE ended.
const BROKEN_PIPE: Status = 141;

/// How a tool ends whose output could not be written.
pub(in crate::tools) fn unwritable(invocation: &Invocation, streams: &mut Streams<'_>, error: &io::Error) -> Status {
    if error.kind() == ErrorKind::BrokenPipe {
        return BROKEN_PIPE;
    }
    if !invocation.cancel.is_cancelled() {
        let _ = writeln!(streams.stderr, "{}: write error: {}", invocation.name, reason(error));
    }
    1
}

/// Why a file could not be opened or read, in the words of the C library.
pub(in crate::tools) fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "No such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "Permission denied".to_owned(),
        ErrorKind::IsADirectory => "Is a directory".to_owned(),
        ErrorKind::NotADirectory => "Not a directory".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_owned()
        }
    }
}

/// An opened operand.
pub(in crate::tools) enum Source<'s> {
    /// Standard input.
    Stdin(&'s mut dyn Read),
    /// A file.
    File(cap_std::fs::File),
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stdin(stdin) => stdin.read(buffer),
            Self::File(file) => file.read(buffer),
        }
    }
}

/// Opens an operand; `-` is standard input.
pub(in crate::tools) fn open<'s>(
    invocation: &Invocation,
    stdin: &'s mut dyn Read,
    operand: &str,
) -> io::Result<Source<'s>> {
    if operand == "-" {
        return Ok(Source::Stdin(stdin));
    }
    open_file(invocation, operand).map(Source::File)
}

/// Opens a file that is no folder.
pub(in crate::tools) fn open_file(invocation: &Invocation, path: &str) -> io::Result<cap_std::fs::File> {
    let file = invocation.files.open(path)?;
    if file.metadata()?.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

/// Everything that an operand holds.
pub(in crate::tools) fn read_all(invocation: &Invocation, stdin: &mut dyn Read, operand: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(invocation, stdin, operand)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The lines of a text, each with its newline if it has one.
pub(in crate::tools) fn lines(bytes: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}

/// The options of a tool whose command line is as `getopt_long` has it.
pub(in crate::tools) struct Spec {
    /// Options without a value.
    pub(in crate::tools) short: &'static str,
    /// Options with a value.
    pub(in crate::tools) with_value: &'static str,
    /// Long names and the short option that each stands for; unknown to `short` it may be any character.
    pub(in crate::tools) long: &'static [(&'static str, char)],
}

/// A command line taken apart.
pub(in crate::tools) struct Parsed {
    /// Options in their order, with their values.
    pub(in crate::tools) options: Vec<(char, String)>,
    /// Everything else.
    pub(in crate::tools) operands: Vec<String>,
}

impl Parsed {
    /// Whether an option was given.
    pub(in crate::tools) fn has(&self, option: char) -> bool {
        self.options.iter().any(|(given, _)| *given == option)
    }

    /// The last value of an option.
    pub(in crate::tools) fn value(&self, option: char) -> Option<&str> {
        self.options.iter().rev().find(|(given, _)| *given == option).map(|(_, value)| value.as_str())
    }

    /// The operands, or standard input if there are none.
    pub(in crate::tools) fn operands_or_stdin(&self) -> Vec<&str> {
        if self.operands.is_empty() { vec!["-"] } else { self.operands.iter().map(String::as_str).collect() }
    }
}

/// What is wrong with a command line.
pub(in crate::tools) struct BadUsage(String);

impl BadUsage {
    /// Prints it as GNU's tools do.
    pub(in crate::tools) fn tell(&self, invocation: &Invocation, streams: &mut Streams<'_>, status: Status) -> Status {
        let name = &invocation.name;
        let _ = writeln!(streams.stderr, "{name}: {}\nTry '{name} --help' for more information.", self.0);
        status
    }

    /// What is wrong.
    pub(in crate::tools) fn text(&self) -> &str {
        &self.0
    }

    /// A problem in other words.
    pub(in crate::tools) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

impl Spec {
    /// Takes the arguments apart; options may follow operands.
    pub(in crate::tools) fn parse(&self, invocation: &Invocation) -> Result<Parsed, BadUsage> {
        self.parse_args(&invocation.args)
    }

    /// As [`Spec::parse`], for given arguments.
    pub(in crate::tools) fn parse_args(&self, args: &[String]) -> Result<Parsed, BadUsage> {
        let mut parsed = Parsed { options: Vec::new(), operands: Vec::new() };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                parsed.operands.extend(args.by_ref().cloned());
            } else if let Some(long) = arg.strip_prefix("--") {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                let option = self.long_option(name, arg)?;
                let value = match (self.with_value.contains(option), value) {
                    (true, Some(value)) => value.to_owned(),
                    (true, None) => args
                        .next()
                        .cloned()
                        .ok_or_else(|| BadUsage(format!("option '--{}' requires an argument", self.full_name(name))))?,
                    (false, Some(_)) => {
                        return Err(BadUsage(format!("option '--{}' doesn't allow an argument", self.full_name(name))));
                    }
                    (false, None) => String::new(),
                };
                parsed.options.push((option, value));
            } else if arg.len() > 1 && arg.starts_with('-') {
                let mut rest = &arg[1..];
                while let Some(option) = rest.chars().next() {
                    rest = &rest[option.len_utf8()..];
                    if self.with_value.contains(option) {
                        let value = if rest.is_empty() {
                            args.next()
                                .cloned()
                                .ok_or_else(|| BadUsage(format!("option requires an argument -- '{option}'")))?
                        } else {
                            rest.to_owned()
                        };
                        parsed.options.push((option, value));
                        break;
                    }
                    if !self.short.contains(option) {
                        return Err(BadUsage(format!("invalid option -- '{option}'")));
                    }
                    parsed.options.push((option, String::new()));
                }
            } else {
                parsed.operands.push(arg.clone());
            }
        }
        Ok(parsed)
    }

    /// The option of a long name, which may be cut as long as it is clear.
    fn long_option(&self, name: &str, arg: &str) -> Result<char, BadUsage> {
        if let Some((_, option)) = self.long.iter().find(|(known, _)| *known == name) {
            return Ok(*option);
        }
        let mut starting: Vec<char> =
            self.long.iter().filter(|(known, _)| known.starts_with(name)).map(|(_, option)| *option).collect();
        starting.dedup();
        match starting[..] {
            [option] => Ok(option),
            [] => Err(BadUsage(format!("unrecognized option '{arg}'"))),
            _ => Err(BadUsage(format!("option '{arg}' is ambiguous"))),
        }
    }

    fn full_name<'n>(&self, name: &'n str) -> &'n str {
        self.long.iter().find(|(known, _)| known.starts_with(name)).map_or(name, |(known, _)| known)
    }
}
