//! `wait`, `jobs`, `kill`, `disown`, `fg` and `bg`, on the jobs of this shell. No process of the machine is ever looked at.

use std::io::Write;
use std::sync::Arc;

use brush_core::{CommandArg, ExecutionResult, ShellVariable};

use super::signals;
use crate::shell::builtins::{Answer, Call, leave, place_of, stopped, words};
use crate::shell::context::{Context, Scope};
use crate::shell::errors::line;
use crate::shell::jobs::{self, Listed};

/// What is wrong with a command line of these: printed behind the command's name, or on lines of its own.
enum Wrong {
    Said(String, u8),
    Usage,
    Option(String),
}

/// The place in the script that messages begin with.
fn place(call: &Call<'_>) -> String {
    let name = call.shell.current_shell_name().map_or_else(|| "bash".to_owned(), |name| name.into_owned());
    format!("{name}: line {}", line(call.shell))
}

fn say(call: &Call<'_>, name: &str, message: &str) {
    let _ = writeln!(call.stderr(), "{}: {name}: {message}", place(call));
}

fn wrong(call: &Call<'_>, name: &str, usage: &str, wrong: Wrong) -> ExecutionResult {
    match wrong {
        Wrong::Said(message, status) => {
            say(call, name, &message);
            return ExecutionResult::new(status);
        }
        Wrong::Option(message) => say(call, name, &message),
        Wrong::Usage => {}
    }
    let _ = writeln!(call.stderr(), "{name}: usage: {usage}");
    ExecutionResult::new(2)
}

/// The job that a specification names, of those that are listed.
fn find(context: &Context, call: &Call<'_>, spec: &str) -> Result<u32, Wrong> {
    let listed: Vec<Listed> = jobs::of(call.shell).into_iter().filter(|job| job.id > 0).collect();
    let unknown = |name: &str| Wrong::Said(format!("{name}: no such job"), 1);
    let name = spec.strip_prefix('%').unwrap_or(spec);
    let found = match name {
        "" | "%" | "+" => listed.last(),
        "-" => listed.iter().rev().nth(1).or(listed.last()),
        _ if name.bytes().all(|byte| byte.is_ascii_digit()) => {
            listed.iter().find(|job| name.parse().is_ok_and(|id: usize| id == job.id))
        }
        _ => {
            let (part, inside) = name.strip_prefix('?').map_or((name, false), |part| (part, true));
            let fits = |job: &&Listed| {
                let text = context.jobs.standing(job.pid).map(|standing| standing.text).unwrap_or_default();
                if inside { text.contains(part) } else { text.starts_with(part) }
            };
            let mut fitting = listed.iter().filter(fits);
            match (fitting.next(), fitting.next()) {
                (Some(_), Some(_)) => return Err(Wrong::Said(format!("{part}: ambiguous job spec"), 1)),
                (first, _) => first,
            }
        }
    };
    found.map(|job| job.pid).ok_or_else(|| unknown(spec))
}

/// A job of this shell by its process number, listed or not.
fn child(call: &Call<'_>, pid: &str) -> Option<u32> {
    let pid = pid.parse().ok()?;
    jobs::of(call.shell).iter().any(|job| job.pid == pid).then_some(pid)
}

/// Options with their arguments, and the operands.
type Parsed = (Vec<(char, String)>, Vec<String>);

/// Takes options of single letters off; those in `valued` take an argument.
fn options(args: Vec<String>, known: &str, valued: &str) -> Result<Parsed, Wrong> {
    let mut options = Vec::new();
    let mut args = args.into_iter().peekable();
    while let Some(arg) = args.next_if(|arg| arg.len() > 1 && arg.starts_with('-')) {
        if arg == "--" {
            break;
        }
        for (at, letter) in arg.char_indices().skip(1) {
            if valued.contains(letter) {
                let rest = &arg[at + letter.len_utf8()..];
                let value = if rest.is_empty() { args.next() } else { Some(rest.to_owned()) };
                let value = value.ok_or_else(|| Wrong::Option(format!("-{letter}: option requires an argument")))?;
                options.push((letter, value));
                break;
            }
            if !known.contains(letter) {
                return Err(Wrong::Option(format!("-{letter}: invalid option")));
            }
            options.push((letter, String::new()));
        }
    }
    Ok((options, args.collect()))
}

const WAIT: &str = "wait [-fn] [-p var] [id ...]";

/// `wait [-fn] [-p var] [id ...]`.
pub(in crate::shell) fn wait(mut call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let Some((context, scope)) = place_of(&call) else { return Ok(stopped()) };
        let (options, ids) = match options(words(&args), "fn", "p") {
            Ok(parsed) => parsed,
            Err(error) => return Ok(wrong(&call, "wait", WAIT, error)),
        };
        let next = options.iter().any(|(letter, _)| *letter == 'n');
        let variable = options.into_iter().rev().find(|(letter, _)| *letter == 'p').map(|(_, name)| name);
        let (status, of) = if next {
            wait_next(&mut call, &context, &scope, ids).await
        } else if ids.is_empty() {
            wait_all(&mut call, &context, &scope).await?;
            (0, None)
        } else {
            let mut last = (0, None);
            for id in ids {
                last = wait_for(&mut call, &context, &scope, &id).await;
            }
            last
        };
        if scope.token.is_cancelled() {
            return Ok(stopped());
        }
        if let Some(name) = variable {
            // As in bash it is unset where no job was found.
            call.shell.env_mut().unset(&name)?;
            if let Some(pid) = of {
                call.shell.env_mut().set_global(name, ShellVariable::new(pid.to_string()))?;
            }
        }
        Ok(ExecutionResult::new(status))
    })
}

/// Waits for one of these jobs; its place among them and its status, or none once the token has fired.
async fn first_of(context: &Context, scope: &Scope, pids: &[u32]) -> Option<(usize, u8)> {
    let ended = pids.iter().filter_map(|pid| context.jobs.ended(context, *pid));
    let any = futures::future::select_all(ended.collect::<Vec<_>>());
    tokio::select! {
        biased;
        () = scope.token.cancelled() => None,
        (told, at, _) = any => told.ok().map(|(status, _busy)| (at, status)),
    }
}

/// One job by its number or specification.
async fn wait_for(call: &mut Call<'_>, context: &Context, scope: &Scope, id: &str) -> (u8, Option<u32>) {
    let pid = if id.starts_with('%') {
        match find(context, call, id) {
            Ok(pid) => pid,
            Err(Wrong::Said(message, _)) => {
                say(call, "wait", &message);
                return (127, None);
            }
            Err(_) => return (127, None),
        }
    } else if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        say(call, "wait", &format!("`{id}': not a pid or valid job spec"));
        return (1, None);
    } else {
        match child(call, id) {
            Some(pid) => pid,
            None => {
                say(call, "wait", &format!("pid {id} is not a child of this shell"));
                return (127, None);
            }
        }
    };
    let Some((_, status)) = first_of(context, scope, &[pid]).await else { return (130, None) };
    tell_killed(call, context, pid);
    jobs::unlist(call.shell, pid);
    (status, Some(pid))
}

/// What bash says of a job that died of a signal that it is not usual to die of.
fn tell_killed(call: &Call<'_>, context: &Context, pid: u32) {
    let listed = jobs::of(call.shell).iter().any(|job| job.pid == pid && job.id > 0);
    let Some(standing) = context.jobs.standing(pid).filter(|_| listed) else { return };
    if let Some(words) = standing.signal.and_then(signals::told) {
        let _ = writeln!(call.stderr(), "{}: {pid:5} {words:<24}{}", place(call), standing.text);
    }
}

async fn wait_all(call: &mut Call<'_>, context: &Context, scope: &Scope) -> Result<(), brush_core::Error> {
    for Listed { pid, id } in jobs::of(call.shell) {
        if id > 0 && first_of(context, scope, &[pid]).await.is_none() {
            return Ok(());
        }
        tell_killed(call, context, pid);
        jobs::disown(call.shell, pid);
        context.jobs.forget(pid);
    }
    for mut job in jobs::take_others(call.shell) {
        tokio::select! {
            biased;
            () = scope.token.cancelled() => return Ok(()),
            // A job that broke off has ended too.
            _ = job.wait() => {}
        }
    }
    Ok(())
}

async fn wait_next(call: &mut Call<'_>, context: &Context, scope: &Scope, ids: Vec<String>) -> (u8, Option<u32>) {
    let listed: Vec<u32> = jobs::of(call.shell).into_iter().filter(|job| job.id > 0).map(|job| job.pid).collect();
    let mut pids = Vec::new();
    if ids.is_empty() {
        pids = listed;
    } else {
        for id in ids {
            let found = if id.starts_with('%') { find(context, call, &id).ok() } else { child(call, &id) };
            match found.filter(|pid| listed.contains(pid)) {
                Some(pid) => pids.push(pid),
                None => say(call, "wait", &format!("{id}: no such job")),
            }
        }
    }
    if pids.is_empty() {
        return (127, None);
    }
    let Some((at, status)) = first_of(context, scope, &pids).await else { return (130, None) };
    let pid = pids.get(at).copied();
    if let Some(pid) = pid {
        tell_killed(call, context, pid);
        jobs::unlist(call.shell, pid);
    }
    (status, pid)
}

/// `jobs [-lnprs] [jobspec ...]`.
pub(in crate::shell) fn jobs(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let Some((context, _)) = place_of(&call) else { return Ok(stopped()) };
        let usage = "jobs [-lnprs] [jobspec ...] or jobs -x command [args]";
        let (options, specs) = match options(words(&args), "lnprs", "") {
            Ok(parsed) => parsed,
            Err(error) => return Ok(wrong(&call, "jobs", usage, error)),
        };
        let has = |wanted| options.iter().any(|(letter, _)| *letter == wanted);
        // Those that have ended are told of to nobody, as in every shell that nobody types at.
        jobs::unlist_ended(call.shell, &context);
        let listed: Vec<Listed> = jobs::of(call.shell).into_iter().filter(|job| job.id > 0).collect();
        let mut wanted = Vec::new();
        let mut status = 0;
        for spec in &specs {
            match find(&context, &call, spec) {
                Ok(pid) => wanted.push(pid),
                Err(error) => {
                    status = 1;
                    wrong(&call, "jobs", usage, error);
                }
            }
        }
        let mut text = String::new();
        for (at, job) in listed.iter().enumerate() {
            // None is ever stopped, and none has ended since it was told of.
            if has('s') || has('n') || (!specs.is_empty() && !wanted.contains(&job.pid)) {
                continue;
            }
            if has('p') {
                text.push_str(&format!("{}\n", job.pid));
                continue;
            }
            let sign = match listed.len() - at {
                1 => '+',
                2 => '-',
                _ => ' ',
            };
            let command = context.jobs.standing(job.pid).map(|standing| standing.text).unwrap_or_default();
            let pid = if has('l') { format!("{:5}", job.pid) } else { String::new() };
            text.push_str(&format!("[{}]{sign} {pid} {:<24}{command} &\n", job.id, "Running"));
        }
        call.stdout().write_all(text.as_bytes())?;
        Ok(ExecutionResult::new(status))
    })
}

/// `disown [-h] [-ar] [jobspec ... | pid ...]`.
pub(in crate::shell) fn disown(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let Some((context, _)) = place_of(&call) else { return Ok(stopped()) };
        let usage = "disown [-h] [-ar] [jobspec ... | pid ...]";
        let (options, specs) = match options(words(&args), "har", "") {
            Ok(parsed) => parsed,
            Err(error) => return Ok(wrong(&call, "disown", usage, error)),
        };
        let has = |wanted| options.iter().any(|(letter, _)| *letter == wanted);
        let mut status = 0;
        let mut chosen = Vec::new();
        if specs.is_empty() && (has('a') || has('r')) {
            chosen.extend(jobs::of(call.shell).into_iter().filter(|job| job.id > 0).map(|job| job.pid));
        } else if specs.is_empty() {
            match find(&context, &call, "%+") {
                Ok(pid) => chosen.push(pid),
                Err(_) => {
                    say(&call, "disown", "current: no such job");
                    status = 1;
                }
            }
        }
        for spec in &specs {
            match child(&call, spec).map_or_else(|| find(&context, &call, spec), Ok) {
                Ok(pid) => chosen.push(pid),
                Err(error) => {
                    wrong(&call, "disown", usage, error);
                    status = 1;
                }
            }
        }
        // No job gets SIGHUP at the end: with -h there is nothing to note.
        for pid in chosen.into_iter().filter(|_| !has('h')) {
            jobs::disown(call.shell, pid);
        }
        Ok(ExecutionResult::new(status))
    })
}

/// `fg` and `bg`: a script has no job control.
pub(in crate::shell) fn no_control(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let name = args.first().map_or_else(|| call.command_name.clone(), ToString::to_string);
        say(&call, &name, "no job control");
        Ok(ExecutionResult::new(1))
    })
}

const KILL: &str = "kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]";

/// `kill [-s sigspec | -n signum | -sigspec] pid | jobspec ...` and `kill -l [sigspec ...]`.
pub(in crate::shell) fn kill(call: Call<'_>, args: Vec<CommandArg>) -> Answer<'_> {
    Box::pin(async move {
        let Some((context, _)) = place_of(&call) else { return Ok(stopped()) };
        let mut args = words(&args).into_iter().peekable();
        let mut signal = Some((15, "TERM".to_owned()));
        if let Some(option) = args.next_if(|arg| arg.len() > 1 && arg.starts_with('-')) {
            match &option[1..] {
                "l" | "L" => return list(&call, args.collect()),
                "-" => {}
                "s" | "n" => match args.next() {
                    Some(name) => {
                        signal = signals::number(&name).map(|number| (number, name.clone())).or(Some((255, name)))
                    }
                    None => {
                        say(&call, "kill", &format!("{option}: option requires an argument"));
                        return Ok(ExecutionResult::new(1));
                    }
                },
                name => {
                    signal = signals::number(name).map(|number| (number, name.to_owned())).or(Some((255, name.into())))
                }
            }
        }
        let Some((signal, name)) = signal else { return Ok(ExecutionResult::new(1)) };
        if signal == 255 {
            say(&call, "kill", &format!("{name}: invalid signal specification"));
            return Ok(ExecutionResult::new(1));
        }
        args.next_if(|arg| arg == "--");
        if args.peek().is_none() {
            return Ok(wrong(&call, "kill", KILL, Wrong::Usage));
        }
        let mut status = 1;
        for operand in args {
            let pid = if operand.starts_with('%') {
                find(&context, &call, &operand)
            } else if let Ok(pid) = operand.parse::<i64>() {
                u32::try_from(pid).map_err(|_| Wrong::Said(format!("({operand}) - No such process"), 1))
            } else {
                Err(Wrong::Said(format!("{operand}: arguments must be process or job IDs"), 1))
            };
            let sent = pid.and_then(|pid| {
                if pid == std::process::id() {
                    return Ok(true);
                }
                send(&context, pid, signal).map(|()| false)
            });
            match sent {
                // The shell itself.
                Ok(true) if signals::ends(signal) => return Ok(leave(128 + signal)),
                Ok(_) => status = 0,
                Err(error) => {
                    wrong(&call, "kill", KILL, error);
                }
            }
        }
        Ok(ExecutionResult::new(status))
    })
}

/// Sends a signal to a job of any of this thread's shells.
fn send(context: &Arc<Context>, pid: u32, signal: u8) -> Result<(), Wrong> {
    let runs = context.jobs.standing(pid).is_some_and(|standing| standing.status.is_none());
    if !runs {
        return Err(Wrong::Said(format!("({pid}) - No such process"), 1));
    }
    if signals::stops(signal) {
        return Err(Wrong::Said(format!("({pid}) - Operation not supported"), 1));
    }
    if signals::ends(signal) {
        context.jobs.end(pid, signal);
    }
    Ok(())
}

/// `kill -l`: names and numbers of signals.
fn list(call: &Call<'_>, specs: Vec<String>) -> Result<ExecutionResult, brush_core::Error> {
    let mut status = 0;
    let mut text = if specs.is_empty() { signals::table() } else { String::new() };
    for spec in specs {
        let number = spec.parse::<u8>().ok();
        let said = match number {
            Some(number) => signals::name(if number > 128 { number - 128 } else { number }),
            None => signals::number(&spec).map(|number| number.to_string()),
        };
        match said {
            Some(said) => text.push_str(&format!("{said}\n")),
            None => {
                say(call, "kill", &format!("{spec}: invalid signal specification"));
                status = 1;
            }
        }
    }
    call.stdout().write_all(text.as_bytes())?;
    Ok(ExecutionResult::new(status))
}
