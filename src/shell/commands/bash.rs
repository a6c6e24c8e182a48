//! `bash`: another bash in this process, with the exported variables only.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use brush_core::openfiles::OpenFile;
use brush_core::{CommandArg, ExecutionResult, Shell, SourceInfo};

use super::fail;
use crate::shell::builtins::{Answer, Call, exported, place_of, stopped, words};
use crate::shell::context::{MAX_DEPTH, stack_is_low};
use crate::shell::errors::Extensions;
use crate::shell::interpreter::{self, Start};
use crate::shell::rewrite;
use crate::shell::streams::Channel;

/// What to run.
enum Source {
    Text(String),
    File(String),
    Stdin,
}

/// The command: `bash [OPTION]… [-c TEXT [NAME [ARG]…] | -s [ARG]… | FILE [ARG]…]`.
pub(in crate::shell) fn run(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let Some((context, scope)) = place_of(&call) else { return Ok(stopped()) };
        let command = args.first().map_or_else(|| "bash".to_owned(), ToString::to_string);
        if scope.depth >= MAX_DEPTH || stack_is_low() {
            return Ok(fail(&call, 1, &format!("{command}: nested too deeply")));
        }
        let parsed = match Parsed::of(&words(&args)) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(fail(&call, 2, &format!("{command}: {message}"))),
        };
        let inner = scope.inner(&context)?;
        let mut operands = parsed.operands.into_iter();
        let (name, source) = match parsed.command {
            Some(text) => (operands.next().unwrap_or_else(|| command.clone()), Source::Text(text)),
            None if parsed.stdin => (command.clone(), Source::Stdin),
            None => match operands.next() {
                Some(file) => (file.clone(), Source::File(file)),
                None => (command.clone(), Source::Stdin),
            },
        };
        let text = match source {
            Source::Text(text) => Ok(text),
            Source::File(file) => read_script(call.shell, &file)
                .map_err(|(status, reason)| fail(&call, status, &format!("{command}: {file}: {reason}"))),
            Source::Stdin => {
                let mut bytes = Vec::new();
                let active = context.activity.active();
                let _ = Channel::new(call.try_fd(0), &context, &scope).read_to_end(&mut bytes);
                drop(active);
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
        };
        let text = match text {
            Ok(text) => text,
            Err(result) => return Ok(result),
        };
        let mut env = exported(call.shell);
        let level = env.get("SHLVL").and_then(|level| level.parse::<u32>().ok()).unwrap_or(0);
        env.insert("SHLVL".to_owned(), level.saturating_add(1).to_string());
        let fds: HashMap<_, OpenFile> = call.iter_fds().filter(|(fd, _)| (0..10).contains(fd)).collect();
        let start = Start {
            name,
            args: operands.collect(),
            env,
            working_dir: call.shell.working_dir(),
            fds,
            scope: Some(Arc::clone(&inner)),
        };
        let mut shell = interpreter::start(&context, start).await?;
        // Exported functions go along, as bash hands them over in the environment.
        for (name, function) in call.shell.funcs().iter().filter(|(_, function)| function.is_exported()) {
            shell.funcs_mut().update(name.clone(), function.clone());
        }
        if !parsed.options.is_empty() {
            let prelude = format!("set {}", parsed.options.join(" "));
            run_text(&mut shell, prelude).await?;
        }
        let status = run_text(&mut shell, text).await?;
        if scope.token.is_cancelled() {
            return Ok(stopped());
        }
        Ok(ExecutionResult::new(status))
    })
}

/// Runs a whole script in `shell`, its EXIT trap included, and answers its exit status.
pub(in crate::shell) async fn run_text(shell: &mut Shell<Extensions>, text: String) -> Result<u8, brush_core::Error> {
    shell.start_command_string_mode();
    let params = shell.default_exec_params();
    let source = SourceInfo::from(shell.current_shell_name().as_deref().unwrap_or("bash"));
    let result = match shell.parse_string(text.clone()) {
        Ok(mut program) => {
            rewrite::pipelines(&mut program, &|name| shell.builtins().contains_key(name));
            match shell.run_program(program, &params).await {
                Ok(result) => Ok(result),
                Err(error) => {
                    let _ = shell.display_error(&mut shell.stderr(), &error);
                    Ok(error.into_result(shell))
                }
            }
        }
        // It fails to parse once more, and says so.
        Err(_) => shell.run_string(text, &source, &params).await,
    };
    let trapped = shell.on_exit().await;
    shell.traps_mut().remove_handlers(brush_core::traps::TrapSignal::Exit);
    shell.end_command_string_mode()?;
    trapped?;
    Ok(u8::from(result?.exit_code))
}

/// The text of a script, or an exit status with a reason.
pub(in crate::shell) fn read_script(shell: &Shell<Extensions>, file: &str) -> Result<String, (u8, String)> {
    let path = shell.absolute_path(file);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(_) if path.is_dir() => Err((126, "Is a directory".to_owned())),
        Err(error) => Err(unreadable(&error)),
    }
}

/// The exit status for a script that cannot be read, and the reason.
pub(in crate::shell) fn unreadable(error: &std::io::Error) -> (u8, String) {
    match error.kind() {
        std::io::ErrorKind::IsADirectory => (126, "Is a directory".to_owned()),
        std::io::ErrorKind::NotFound => (127, "No such file or directory".to_owned()),
        _ => (126, "Permission denied".to_owned()),
    }
}

#[derive(Default)]
struct Parsed {
    command: Option<String>,
    stdin: bool,
    /// Options for `set`.
    options: Vec<String>,
    operands: Vec<String>,
}

impl Parsed {
    fn of(args: &[String]) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut wants_command = false;
        let mut args = args.iter().peekable();
        while let Some(arg) = args.next_if(|arg| arg.len() > 1 && arg.starts_with(['-', '+'])) {
            match arg.as_str() {
                "--" => break,
                "--login" | "--norc" | "--noprofile" | "--posix" | "--noediting" => continue,
                _ if arg.starts_with("--") => return Err(format!("{arg}: invalid option")),
                _ => {}
            }
            let sign = &arg[..1];
            for flag in arg[1..].chars() {
                match flag {
                    'c' => wants_command = true,
                    's' => parsed.stdin = true,
                    'l' | 'i' | 'r' => {}
                    'o' | 'O' => {
                        let name = args.next().ok_or_else(|| format!("-{flag}: option requires an argument"))?;
                        if flag == 'o' {
                            parsed.options.push(format!("{sign}o {name}"));
                        }
                    }
                    'a' | 'b' | 'e' | 'f' | 'h' | 'k' | 'm' | 'n' | 'p' | 't' | 'u' | 'v' | 'x' | 'B' | 'C' | 'E'
                    | 'H' | 'P' | 'T' => parsed.options.push(format!("{sign}{flag}")),
                    _ => return Err(format!("{sign}{flag}: invalid option")),
                }
            }
        }
        if wants_command {
            let text = args.next().ok_or_else(|| "-c: option requires an argument".to_owned())?;
            parsed.command = Some(text.clone());
        }
        parsed.operands = args.cloned().collect();
        Ok(parsed)
    }
}
