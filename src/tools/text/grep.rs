//! `grep`, `egrep` and `fgrep`, on the engine of ripgrep's line search.

mod options;
mod pattern;
mod search;

use crate::tools::text::operands::{open, reason, unwritable};
use crate::tools::{Invocation, Status, Streams};
use options::{Names, Options};
use search::{Outcome, Report, Searching};

/// Trouble: bad usage, a bad pattern, a file that could not be read.
const TROUBLE: Status = 2;

/// `grep [OPTIONS] PATTERNS [FILES]`.
pub(crate) fn grep(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let options = match options::parse(invocation, streams.stdin) {
        Ok(options) => options,
        Err(problem) => {
            let _ = writeln!(streams.stderr, "{problem}");
            return TROUBLE;
        }
    };
    if options.version {
        let _ = writeln!(streams.stdout, "grep (GNU grep) 3.8, as lectern has it");
        return 0;
    }
    let matcher = match pattern::matcher(&options) {
        Ok((matcher, warnings)) => {
            for warning in warnings {
                let _ = writeln!(streams.stderr, "{}: warning: {warning}", invocation.name);
            }
            matcher
        }
        Err(problem) => {
            let _ = writeln!(streams.stderr, "{}: {problem}", invocation.name);
            return TROUBLE;
        }
    };
    // Nothing can be selected: GNU grep doesn't even open its files.
    let all = options.patterns.iter().any(String::is_empty);
    let nothing = options.max_count == Some(0) || all && options.invert && !options.whole_lines && !options.words;
    if nothing && !options.files_without {
        return 1;
    }
    let mut files = Vec::new();
    let mut trouble = false;
    for operand in &options.files {
        expand(invocation, streams, &options, operand, &mut files, &mut trouble);
    }
    let with_names = match options.names {
        Names::Always => true,
        Names::Never => false,
        Names::IfSeveral => options.files.len() > 1 || options.recursive,
    };
    let mut any = false;
    let mut report = Report::new(&options, with_names);
    for file in files {
        if invocation.cancel.is_cancelled() {
            return 130;
        }
        let label = if file == "-" { "(standard input)" } else { file.as_str() };
        let label = label.to_owned();
        let searching = Searching { options: &options, matcher: matcher.as_ref(), cancel: &invocation.cancel };
        let mut source = match open(invocation, streams.stdin, &file) {
            Ok(source) => source,
            Err(error) => {
                if !options.no_messages {
                    let text = match error.kind() {
                        std::io::ErrorKind::IsADirectory => format!("{}: {file}: Is a directory", invocation.name),
                        _ => format!("{}: {file}: {}", invocation.name, reason(&error)),
                    };
                    let _ = writeln!(streams.stderr, "{text}");
                }
                trouble = true;
                continue;
            }
        };
        let outcome = searching.run(&mut source, &label, &mut report, streams.stdout);
        drop(source);
        match outcome {
            Ok(Outcome::Selected) => {
                any = true;
                if options.quiet {
                    return 0;
                }
            }
            Ok(Outcome::Nothing) => {}
            Ok(Outcome::Unreadable(error)) => {
                if !options.no_messages {
                    let _ = writeln!(streams.stderr, "{}: {file}: {}", invocation.name, reason(&error));
                }
                trouble = true;
            }
            Err(error) => return unwritable(invocation, streams, &error),
        }
    }
    if let Err(error) = streams.stdout.flush() {
        return unwritable(invocation, streams, &error);
    }
    match (trouble, any) {
        (true, true) if options.quiet => 0,
        (true, _) => TROUBLE,
        (false, true) => 0,
        (false, false) => 1,
    }
}

/// The files that an operand means: itself, or with `-r` those below it.
fn expand(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    options: &Options,
    operand: &str,
    files: &mut Vec<String>,
    trouble: &mut bool,
) {
    let folder = operand != "-" && invocation.files.metadata(operand).is_ok_and(|known| known.is_dir());
    if !(folder && options.recursive) {
        files.push(operand.to_owned());
        return;
    }
    match invocation.files.names_in(operand) {
        Ok(names) => {
            for name in names {
                let inner = if options.bare_recursion && operand == "." {
                    name
                } else {
                    format!("{}/{name}", operand.trim_end_matches('/'))
                };
                expand(invocation, streams, options, &inner, files, trouble);
            }
        }
        Err(error) => {
            let _ = writeln!(streams.stderr, "{}: {operand}: {}", invocation.name, reason(&error));
            *trouble = true;
        }
    }
}
