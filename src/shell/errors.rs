//! bash's words for what brush reports.

use std::path::Path;

use brush_core::extensions::{ErrorFormatter, ShellExtensionsImpl};
use brush_core::{ErrorKind, Shell, ShellExtensions};

use super::context::{Context, SCOPE_FD, last_dir};
use super::streams::scope_of;

/// The shell type of a lesson.
pub(super) type Extensions = ShellExtensionsImpl<BashErrors>;

/// Prints errors as bash does, and notes commands that are not there.
#[derive(Clone, Default)]
pub(super) struct BashErrors;

impl ErrorFormatter for BashErrors {
    fn format_error(&self, error: &brush_core::Error, shell: &Shell<impl ShellExtensions>) -> String {
        let name = shell.current_shell_name().map_or_else(|| "bash".to_owned(), std::borrow::Cow::into_owned);
        if let ErrorKind::ParseError(error, _) = error.kind() {
            return format!("{name}: syntax error: {error}\n");
        }
        let (text, unknown) = message(error.kind(), shell);
        if let Some(command) = unknown
            && let Some(context) = Context::current()
            && let Some(scope) = scope_of(&context, shell.open_files().try_fd(SCOPE_FD).cloned())
        {
            scope.run.note_unknown(&command);
        }
        format!("{name}: line {}: {text}\n", line(shell))
    }
}

/// The line that the shell is at, from 1.
pub(super) fn line(shell: &Shell<impl ShellExtensions>) -> usize {
    shell.call_stack().iter().find_map(brush_core::callstack::Frame::current_line).unwrap_or(1)
}

/// bash's words, and the command that was not found, if that is what happened.
fn message(kind: &ErrorKind, shell: &Shell<impl ShellExtensions>) -> (String, Option<String>) {
    let text = match kind {
        ErrorKind::CommandNotFound(name) => return not_found(name),
        ErrorKind::RedirectionFailure(path, reason) => redirect(path, reason, shell.working_dir()),
        ErrorKind::FailedSourcingFile(path, error) => {
            format!("{}: {}", path.display(), reason_alone(&error.to_string()))
        }
        ErrorKind::ExpandingUnsetVariable(name) => {
            let name = name.trim_start_matches("${").trim_end_matches('}');
            format!("{name}: unbound variable")
        }
        ErrorKind::CheckedExpansionError(text) => text.clone(),
        ErrorKind::BadFileDescriptor(fd) => format!("{fd}: Bad file descriptor"),
        ErrorKind::BuiltinError(error, name) => {
            let error = error.to_string();
            if let Some(command) = error.strip_prefix("command not found: ") {
                return not_found(command);
            }
            if let Some(file) = error.strip_prefix("failed to source file: ") {
                return (format!("{file}: No such file or directory"), None);
            }
            let reason = reason_alone(error.strip_prefix("i/o error: ").unwrap_or(&error));
            match (name.as_str(), shell.env_str("BASH_COMMAND")) {
                ("cd", Some(command)) if command.starts_with("cd ") => {
                    format!("{command}: {reason}").replacen("cd ", "cd: ", 1)
                }
                _ => format!("{name}: {reason}"),
            }
        }
        ErrorKind::IoError(error) => reason_alone(&error.to_string()),
        ErrorKind::MaxFunctionCallDepthExceeded => "maximum function nesting level exceeded".to_owned(),
        other => other.to_string(),
    };
    (text, None)
}

fn not_found(name: &str) -> (String, Option<String>) {
    let reason = if name.contains('/') { "No such file or directory" } else { "command not found" };
    (format!("{name}: {reason}"), Some(name.to_owned()))
}

/// A redirect that failed. brush makes paths absolute; bash shows them as they are written, mostly relative.
fn redirect(path: &str, reason: &str, dir: &Path) -> String {
    let shown = Path::new(path).strip_prefix(dir).ok().filter(|path| !path.as_os_str().is_empty());
    format!("{}: {}", shown.unwrap_or(Path::new(path)).display(), reason_alone(reason))
}

/// What brush says of a redirect that failed, in bash's words. Its line number is not known here.
pub(super) fn redirect_report(report: &str) -> String {
    let message = match report.strip_prefix("failed to redirect to ").map(|rest| (rest, rest.rsplit_once(": "))) {
        Some((_, Some((path, reason)))) => redirect(path, reason, &last_dir()),
        Some((rest, None)) => reason_alone(rest),
        None => reason_alone(report),
    };
    format!("bash: line 1: {message}\n")
}

/// A system error's text without the number that Rust adds.
fn reason_alone(text: &str) -> String {
    match text.rfind(" (os error ") {
        Some(at) if text.ends_with(')') => text[..at].to_owned(),
        _ => text.to_owned(),
    }
}
