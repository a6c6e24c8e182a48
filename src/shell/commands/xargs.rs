//! `xargs`: runs a command with arguments that it reads.

use std::io::{Read, Write};

use brush_core::{CommandArg, ExecutionResult};

use super::{fail, run_program};
use crate::shell::builtins::{Answer, Call, is_program, place_of, stopped, words};
use crate::shell::streams::Channel;

const MORE: &str = "Try 'xargs --help' for more information.";

/// The most that one command line may hold, in bytes, as GNU xargs has it by default.
const LONGEST: usize = 128 * 1024;

/// The command: `xargs [-0rtx] [-d C] [-n N] [-L N] [-I R] [-s N] [-P N] [COMMAND [ARG]…]`, as GNU findutils have it. One
/// command runs after the other, whatever `-P` says.
pub(in crate::shell) fn run(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let Some((context, scope)) = place_of(&call) else { return Ok(stopped()) };
        let options = match Options::parse(&words(&args)) {
            Ok(options) => options,
            Err(message) => return Ok(fail(&call, 1, &format!("xargs: {message}\n{MORE}"))),
        };
        let input = {
            let _active = context.activity.active();
            let mut input = Vec::new();
            let limit = context.limits.files;
            let read = Channel::new(call.try_fd(0), &context, &scope).take(limit).read_to_end(&mut input);
            if scope.token.is_cancelled() {
                return Ok(stopped());
            }
            if let Err(error) = read {
                return Ok(fail(&call, 1, &format!("xargs: error reading input: {error}")));
            }
            String::from_utf8_lossy(&input).into_owned()
        };
        let lines = match options.lines(&input) {
            Ok(lines) => lines,
            Err(message) => return Ok(fail(&call, 1, &format!("xargs: {message}"))),
        };
        let commands = match options.commands(lines) {
            Ok(commands) => commands,
            Err(message) => return Ok(fail(&call, 1, &format!("xargs: {message}"))),
        };
        let mut status = 0;
        for command in commands {
            let name = command.first().map_or("", String::as_str);
            if !is_program(&context, name) {
                scope.run.note_unknown(name);
                return Ok(fail(&call, 127, &format!("xargs: {name}: No such file or directory")));
            }
            if options.verbose {
                let _ = writeln!(call.stderr(), "{}", command.join(" "));
            }
            let mut params = call.params.clone();
            // What the command reads is not what is left for xargs.
            params.set_fd(0, brush_core::openfiles::null()?);
            // A program is a process: what it does to the shell's variables is lost.
            let mut shell = call.shell.clone();
            let result = run_program(&mut shell, params, &command).await?;
            if scope.token.is_cancelled() {
                return Ok(stopped());
            }
            match u8::from(result.exit_code) {
                0 => {}
                255 => {
                    let message = format!("xargs: {name}: exited with status 255; aborting");
                    return Ok(fail(&call, 124, &message));
                }
                1..=125 => status = 123,
                ended => return Ok(ExecutionResult::new(ended.min(127))),
            }
        }
        Ok(ExecutionResult::new(status))
    })
}

#[derive(Debug)]
struct Options {
    delimiter: Option<char>,
    /// Arguments from the input that one command gets at most.
    most: Option<usize>,
    /// Lines of the input that one command gets at most.
    lines: Option<usize>,
    replace: Option<String>,
    longest: usize,
    run_if_empty: bool,
    verbose: bool,
    command: Vec<String>,
}

impl Options {
    fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self {
            delimiter: None,
            most: None,
            lines: None,
            replace: None,
            longest: LONGEST,
            run_if_empty: true,
            verbose: false,
            command: Vec::new(),
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                options.command = args.cloned().collect();
                break;
            }
            let Some(rest) = arg.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
                options.command = std::iter::once(arg).chain(args).cloned().collect();
                break;
            };
            if let Some(long) = rest.strip_prefix("--").or_else(|| rest.strip_prefix('-')) {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                let letter = match name {
                    "null" => '0',
                    "no-run-if-empty" => 'r',
                    "verbose" => 't',
                    "exit" => 'x',
                    "delimiter" => 'd',
                    "max-args" => 'n',
                    "max-lines" => 'L',
                    "max-chars" => 's',
                    "max-procs" => 'P',
                    "replace" => {
                        options.replace = Some(value.unwrap_or("{}").to_owned());
                        continue;
                    }
                    _ => return Err(format!("unrecognized option '{arg}'")),
                };
                if "dnLsP".contains(letter) {
                    let value = value.or_else(|| args.next().map(String::as_str));
                    options.set(letter, value.ok_or_else(|| format!("option '--{name}' requires an argument"))?)?;
                } else {
                    options.set(letter, "")?;
                }
                continue;
            }
            for (at, letter) in rest.char_indices() {
                let behind = &rest[at + letter.len_utf8()..];
                match letter {
                    '0' | 'r' | 't' | 'x' => options.set(letter, "")?,
                    'i' => {
                        options.replace = Some(if behind.is_empty() { "{}".to_owned() } else { behind.to_owned() });
                        break;
                    }
                    'd' | 'n' | 'L' | 's' | 'P' | 'I' => {
                        let value = if behind.is_empty() { args.next().map(String::as_str) } else { Some(behind) };
                        let value = value.ok_or_else(|| format!("option requires an argument -- '{letter}'"))?;
                        options.set(letter, value)?;
                        break;
                    }
                    _ => return Err(format!("invalid option -- '{letter}'")),
                }
            }
        }
        if options.command.is_empty() {
            options.command.push("echo".to_owned());
        }
        Ok(options)
    }

    fn set(&mut self, letter: char, value: &str) -> Result<(), String> {
        let number = || {
            let number: usize =
                value.parse().map_err(|_| format!("invalid number \"{value}\" for -{letter} option"))?;
            if number == 0 && letter != 'P' {
                return Err(format!("value {value} for -{letter} option should be >= 1"));
            }
            Ok(number)
        };
        match letter {
            '0' => self.delimiter = Some('\0'),
            'r' => self.run_if_empty = false,
            't' => self.verbose = true,
            'd' => self.delimiter = Some(delimiter(value)?),
            'n' => self.most = Some(number()?),
            'L' => self.lines = Some(number()?),
            's' => self.longest = number()?.min(LONGEST),
            'P' => drop(number()?),
            'I' => self.replace = Some(value.to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// The arguments of the input, line by line; with a delimiter all are one line.
    fn lines(&self, input: &str) -> Result<Vec<Vec<String>>, String> {
        if let Some(delimiter) = self.delimiter {
            let input = input.strip_suffix(delimiter).unwrap_or(input);
            if input.is_empty() {
                return Ok(Vec::new());
            }
            let all = input.split(delimiter).map(str::to_owned);
            return Ok(match &self.replace {
                Some(_) => all.map(|one| vec![one]).collect(),
                None => vec![all.collect()],
            });
        }
        let whole_lines = self.replace.is_some();
        let mut lines = Vec::new();
        let (mut line, mut word): (Vec<String>, Option<String>) = (Vec::new(), None);
        let mut chars = input.chars();
        while let Some(c) = chars.next() {
            match c {
                '\n' => {
                    line.extend(word.take());
                    if !line.is_empty() {
                        lines.push(std::mem::take(&mut line));
                    }
                }
                ' ' | '\t' if whole_lines => {
                    if let Some(word) = &mut word {
                        word.push(c);
                    }
                }
                ' ' | '\t' => line.extend(word.take()),
                '\'' | '"' => {
                    let word = word.get_or_insert_default();
                    loop {
                        match chars.next() {
                            Some(end) if end == c => break,
                            Some('\n') | None => {
                                let kind = if c == '"' { "double" } else { "single" };
                                return Err(format!(
                                    "unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option"
                                ));
                            }
                            Some(inside) => word.push(inside),
                        }
                    }
                }
                '\\' => word.get_or_insert_default().extend(chars.next()),
                other => word.get_or_insert_default().push(other),
            }
        }
        line.extend(word);
        if !line.is_empty() {
            lines.push(line);
        }
        Ok(lines)
    }

    /// The command lines to run.
    fn commands(&self, lines: Vec<Vec<String>>) -> Result<Vec<Vec<String>>, String> {
        if let Some(replace) = &self.replace {
            let lines = lines.into_iter().map(|line| line.concat());
            return Ok(lines
                .map(|line| self.command.iter().map(|word| word.replace(replace, &line)).collect())
                .collect());
        }
        let size = |words: &[String]| words.iter().map(|word| word.len() + 1).sum::<usize>();
        let room = self.longest.saturating_sub(size(&self.command));
        let mut commands = Vec::new();
        let mut current: Vec<String> = Vec::new();
        let mut flush = |current: &mut Vec<String>| {
            if !current.is_empty() {
                commands.push(self.command.iter().cloned().chain(current.drain(..)).collect());
            }
        };
        let mut used = 0;
        for line in lines {
            for word in line {
                if word.len() + 1 > room {
                    return Err("argument line too long".to_owned());
                }
                let full =
                    self.most.is_some_and(|most| current.len() >= most) || size(&current) + word.len() + 1 > room;
                if full {
                    flush(&mut current);
                }
                current.push(word);
            }
            used += 1;
            if self.lines.is_some_and(|lines| used >= lines) {
                flush(&mut current);
                used = 0;
            }
        }
        flush(&mut current);
        if commands.is_empty() && self.run_if_empty {
            commands.push(self.command.clone());
        }
        Ok(commands)
    }
}

/// One character, or an escape for one: `\n`, `\t`, `\0`, `\\`.
fn delimiter(text: &str) -> Result<char, String> {
    let mut chars = text.chars();
    let found = match (chars.next(), chars.next(), chars.next()) {
        (Some(c), None, None) => Some(c),
        (Some('\\'), Some(c), None) => match c {
            'n' => Some('\n'),
            't' => Some('\t'),
            '0' => Some('\0'),
            '\\' => Some('\\'),
            _ => None,
        },
        _ => None,
    };
    found.ok_or_else(|| {
        format!("Invalid input delimiter specification {text}: the delimiter must be either a single character or an escape sequence starting with \\.")
    })
}
