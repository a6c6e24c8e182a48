//! `env`: prints the exported variables, or runs a command with others.

use std::io::Write;

use brush_core::{CommandArg, ExecutionResult, ShellVariable};

use super::{fail, run_program};
use crate::shell::builtins::{Answer, Call, exported, is_program, place_of, stopped, words};

/// The command: `env [-i] [-u NAME]… [-0] [-C DIR] [NAME=VALUE]… [COMMAND [ARG]…]`, as GNU coreutils have it.
pub(in crate::shell) fn run(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let Some((context, scope)) = place_of(&call) else { return Ok(stopped()) };
        let words = words(&args);
        let mut words = words.as_slice();
        let mut shell = call.shell.clone();
        let mut end = '\n';
        while let Some(word) = words.first() {
            let (option, value) = match word.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            let mut takes = 1;
            match option {
                "-i" | "-" | "--ignore-environment" => {
                    for name in exported(&shell).into_keys() {
                        let _ = shell.env_mut().unset(&name);
                    }
                }
                "-0" | "--null" => end = '\0',
                "-u" | "--unset" | "-C" | "--chdir" => {
                    let value = match value {
                        Some(value) => value,
                        None => match words.get(1) {
                            Some(value) => {
                                takes = 2;
                                value.clone()
                            }
                            None => {
                                let letter = option.trim_start_matches('-').chars().next().unwrap_or('u');
                                let message = format!("env: option requires an argument -- '{letter}'\n{MORE}");
                                return Ok(fail(&call, 125, &message));
                            }
                        },
                    };
                    if matches!(option, "-u" | "--unset") {
                        let _ = shell.env_mut().unset(&value);
                    } else if shell.set_working_dir(&value).is_err() {
                        let message = format!("env: cannot change directory to '{value}': No such file or directory");
                        return Ok(fail(&call, 125, &message));
                    }
                }
                "--" => {
                    words = &words[1..];
                    break;
                }
                _ if option.starts_with("--") => {
                    return Ok(fail(&call, 125, &format!("env: unrecognized option '{word}'\n{MORE}")));
                }
                _ if option.starts_with("-u") && option.len() > 2 => {
                    let _ = shell.env_mut().unset(&option[2..]);
                }
                _ if option.starts_with('-') => {
                    let letter = option.chars().nth(1).unwrap_or('-');
                    return Ok(fail(&call, 125, &format!("env: invalid option -- '{letter}'\n{MORE}")));
                }
                _ => break,
            }
            words = &words[takes..];
        }
        while let Some((name, value)) = words.first().and_then(|word| word.split_once('=')) {
            let mut variable = ShellVariable::new(value);
            variable.export();
            shell.env_mut().set_global(name, variable)?;
            words = &words[1..];
        }
        let Some(name) = words.first() else {
            let _active = context.activity.active();
            let mut all = String::new();
            for (name, value) in exported(&shell) {
                all.push_str(&format!("{name}={value}{end}"));
            }
            call.stdout().write_all(all.as_bytes())?;
            return Ok(ExecutionResult::success());
        };
        if !is_program(&context, name) {
            scope.run.note_unknown(name);
            return Ok(fail(&call, 127, &format!("env: ‘{name}’: No such file or directory")));
        }
        let result = run_program(&mut shell, call.params.clone(), words).await?;
        Ok(if scope.token.is_cancelled() { stopped() } else { result.exit_code.into() })
    })
}

const MORE: &str = "Try 'env --help' for more information.";
