//! grep's command line.

use std::io::Read;

use crate::tools::Invocation;
use crate::tools::text::operands::{Spec, read_all, reason};

/// How patterns are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Basic,
    Extended,
    Fixed,
    Perl,
}

/// Whether lines are preceded by the name of their file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    IfSeveral,
    Always,
    Never,
}

/// A command line taken apart.
pub(super) struct Options {
    pub(super) syntax: Syntax,
    pub(super) patterns: Vec<String>,
    pub(super) files: Vec<String>,
    pub(super) names: Names,
    pub(super) ignore_case: bool,
    pub(super) invert: bool,
    pub(super) words: bool,
    pub(super) whole_lines: bool,
    pub(super) count: bool,
    pub(super) numbers: bool,
    pub(super) byte_offsets: bool,
    pub(super) only_matching: bool,
    pub(super) quiet: bool,
    pub(super) files_with: bool,
    pub(super) files_without: bool,
    pub(super) no_messages: bool,
    pub(super) recursive: bool,
    /// `-r` without a file: names are shown without `./`.
    pub(super) bare_recursion: bool,
    pub(super) text: bool,
    pub(super) max_count: Option<u64>,
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) context: bool,
    pub(super) color: bool,
    pub(super) version: bool,
}

const SHORT: &str = "EFGPivyconqwxhHlLsrRaVbz";
const SPEC: Spec = Spec {
    short: SHORT,
    with_value: "ABCmefd",
    long: &[
        ("extended-regexp", 'E'),
        ("fixed-strings", 'F'),
        ("basic-regexp", 'G'),
        ("perl-regexp", 'P'),
        ("ignore-case", 'i'),
        ("no-ignore-case", '\u{1}'),
        ("invert-match", 'v'),
        ("count", 'c'),
        ("only-matching", 'o'),
        ("line-number", 'n'),
        ("byte-offset", 'b'),
        ("quiet", 'q'),
        ("silent", 'q'),
        ("word-regexp", 'w'),
        ("line-regexp", 'x'),
        ("no-filename", 'h'),
        ("with-filename", 'H'),
        ("files-with-matches", 'l'),
        ("files-without-match", 'L'),
        ("no-messages", 's'),
        ("recursive", 'r'),
        ("dereference-recursive", 'R'),
        ("text", 'a'),
        ("version", 'V'),
        ("line-buffered", '\u{2}'),
        ("after-context", 'A'),
        ("before-context", 'B'),
        ("context", 'C'),
        ("max-count", 'm'),
        ("regexp", 'e'),
        ("file", 'f'),
        ("directories", 'd'),
    ],
};

/// Takes the arguments apart; the error is what is printed.
pub(super) fn parse(invocation: &Invocation, stdin: &mut dyn Read) -> Result<Options, String> {
    let name = &invocation.name;
    let (args, color) = with_numbers(&invocation.args);
    let parsed = SPEC.parse_args(&args).map_err(|problem| {
        format!(
            "{name}: {}\nUsage: {name} [OPTION]... PATTERNS [FILE]...\nTry '{name} --help' for more information.",
            problem.text()
        )
    })?;
    let mut options = Options {
        syntax: match name.as_str() {
            "egrep" => Syntax::Extended,
            "fgrep" => Syntax::Fixed,
            _ => Syntax::Basic,
        },
        patterns: Vec::new(),
        files: parsed.operands,
        names: Names::IfSeveral,
        ignore_case: false,
        invert: false,
        words: false,
        whole_lines: false,
        count: false,
        numbers: false,
        byte_offsets: false,
        only_matching: false,
        quiet: false,
        files_with: false,
        files_without: false,
        no_messages: false,
        recursive: false,
        bare_recursion: false,
        text: false,
        max_count: None,
        before: 0,
        after: 0,
        context: false,
        color,
        version: false,
    };
    let (mut before, mut after, mut around) = (None, None, None);
    let mut given = false;
    for (option, value) in &parsed.options {
        match option {
            'E' => options.syntax = Syntax::Extended,
            'F' => options.syntax = Syntax::Fixed,
            'G' => options.syntax = Syntax::Basic,
            'P' => options.syntax = Syntax::Perl,
            'i' | 'y' => options.ignore_case = true,
            '\u{1}' => options.ignore_case = false,
            'v' => options.invert = true,
            'c' => options.count = true,
            'o' => options.only_matching = true,
            'n' => options.numbers = true,
            'b' => options.byte_offsets = true,
            'q' => options.quiet = true,
            'w' => options.words = true,
            'x' => options.whole_lines = true,
            'h' => options.names = Names::Never,
            'H' => options.names = Names::Always,
            'l' => (options.files_with, options.files_without) = (true, false),
            'L' => (options.files_with, options.files_without) = (false, true),
            's' => options.no_messages = true,
            'r' | 'R' => options.recursive = true,
            'a' => options.text = true,
            'V' => options.version = true,
            'z' => return Err(format!("{name}: -z is not available here: lines end with a newline")),
            'A' => after = Some(context_length(name, value)?),
            'B' => before = Some(context_length(name, value)?),
            'C' => around = Some(context_length(name, value)?),
            'm' => {
                let count: i64 = value.parse().map_err(|_| format!("{name}: invalid max count"))?;
                options.max_count = u64::try_from(count).ok();
            }
            'e' => {
                given = true;
                options.patterns.extend(value.split('\n').map(str::to_owned));
            }
            'f' => {
                given = true;
                let bytes = read_all(invocation, stdin, value)
                    .map_err(|error| format!("{name}: {value}: {}", reason(&error)))?;
                let text = String::from_utf8_lossy(&bytes);
                options.patterns.extend(text.lines().map(str::to_owned));
            }
            _ => {}
        }
    }
    options.context = before.or(after).or(around).is_some();
    options.before = before.or(around).unwrap_or(0);
    options.after = after.or(around).unwrap_or(0);
    if !given && !options.version {
        if options.files.is_empty() {
            return Err(format!(
                "Usage: {name} [OPTION]... PATTERNS [FILE]...\nTry '{name} --help' for more information."
            ));
        }
        let pattern = options.files.remove(0);
        options.patterns.extend(pattern.split('\n').map(str::to_owned));
    }
    if options.files.is_empty() {
        options.bare_recursion = options.recursive;
        options.files.push(if options.recursive { "." } else { "-" }.to_owned());
    }
    Ok(options)
}

fn context_length(name: &str, value: &str) -> Result<usize, String> {
    value.parse().map_err(|_| format!("{name}: {value}: invalid context length argument"))
}

/// The arguments with `-NUM` as `-C NUM` and without `--color`, and whether that asks for colours.
fn with_numbers(args: &[String]) -> (Vec<String>, bool) {
    let mut out = Vec::with_capacity(args.len());
    let mut color = false;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == "--" {
            out.push(arg.clone());
            out.extend(rest.by_ref().cloned());
        } else if let Some(when) = arg.strip_prefix("--color").or_else(|| arg.strip_prefix("--colour")) {
            color = when == "=always";
        } else if arg.starts_with('-') && !arg.starts_with("--") && arg.contains(|c: char| c.is_ascii_digit()) {
            split_number(arg, &mut out, &mut rest);
        } else {
            let takes_next = arg.len() == 2 && arg.starts_with('-') && SPEC.with_value.contains(&arg[1..]);
            out.push(arg.clone());
            if takes_next {
                out.extend(rest.next().cloned());
            }
        }
    }
    (out, color)
}

/// Short options with a number among them: digits that are no option's value are a context length.
fn split_number(arg: &str, out: &mut Vec<String>, rest: &mut std::slice::Iter<'_, String>) {
    let mut digits = String::new();
    let mut flags = String::from("-");
    for (at, c) in arg[1..].char_indices() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        flags.push(c);
        if SPEC.with_value.contains(c) {
            flags.push_str(&arg[1 + at + c.len_utf8()..]);
            if flags.ends_with(c)
                && arg.ends_with(c)
                && let Some(value) = rest.next()
            {
                flags.push_str(value);
            }
            break;
        }
    }
    if !digits.is_empty() {
        out.push(format!("-C{digits}"));
    }
    if flags.len() > 1 {
        out.push(flags);
    }
}
