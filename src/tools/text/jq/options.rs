//! jq's command line.

use super::write::Layout;

/// What follows a usage error.
pub(super) const HINT: &str = "Use jq --help for help with command-line options,\n\
    or see the jq manpage, or online docs  at https://jqlang.github.io/jq";

/// Where the program stands.
pub(super) enum Program {
    Text(String),
    File(String),
}

/// A value given on the command line.
pub(super) enum Given {
    Text(String),
    Json(String),
    RawFile(String),
    JsonFile(String),
}

/// A command line taken apart.
pub(super) struct Options {
    pub(super) program: Program,
    pub(super) files: Vec<String>,
    pub(super) named: Vec<(String, Given)>,
    pub(super) positional: Vec<Given>,
    pub(super) layout: Layout,
    pub(super) raw_output: bool,
    pub(super) join: bool,
    pub(super) null_separated: bool,
    pub(super) null_input: bool,
    pub(super) raw_input: bool,
    pub(super) slurp: bool,
    pub(super) exit_status: bool,
    pub(super) version: bool,
}

/// What operands after the program are.
#[derive(Clone, Copy)]
enum Rest {
    Files,
    Texts,
    Json,
}

/// Takes the arguments apart.
pub(super) fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options {
        program: Program::Text(".".to_owned()),
        files: Vec::new(),
        named: Vec::new(),
        positional: Vec::new(),
        layout: Layout { indent: Some("  ".to_owned()), ..Layout::default() },
        raw_output: false,
        join: false,
        null_separated: false,
        null_input: false,
        raw_input: false,
        slurp: false,
        exit_status: false,
        version: false,
    };
    let mut program: Option<String> = None;
    let mut from_file = false;
    let mut rest = Rest::Files;
    let mut only_operands = false;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if only_operands || arg == "-" || !arg.starts_with('-') {
            match (&program, rest) {
                (None, _) => program = Some(arg.clone()),
                (_, Rest::Files) => options.files.push(arg.clone()),
                (_, Rest::Texts) => options.positional.push(Given::Text(arg.clone())),
                (_, Rest::Json) => options.positional.push(Given::Json(arg.clone())),
            }
            continue;
        }
        if let Some(long) = arg.strip_prefix("--") {
            match long {
                "" => only_operands = true,
                "args" => rest = Rest::Texts,
                "jsonargs" => rest = Rest::Json,
                "from-file" => from_file = true,
                "indent" => {
                    let count = args.next().ok_or_else(|| usage("--indent takes one parameter"))?;
                    match count.parse::<i64>() {
                        Ok(count @ 1..=7) => options.layout.indent = Some(" ".repeat(count as usize)),
                        Ok(0) => options.layout.indent = None,
                        Ok(count) if count < 0 => return Err(usage("Cannot indent less than zero")),
                        Ok(_) => return Err(usage("Cannot indent more than 7 characters")),
                        Err(_) => options.layout.indent = None,
                    }
                }
                "arg" | "argjson" | "slurpfile" | "rawfile" => {
                    let (Some(name), Some(value)) = (args.next(), args.next()) else {
                        let (second, example) = match long {
                            "arg" => ("value", "varname value"),
                            "argjson" => ("text", "varname text"),
                            _ => ("filename", "varname filename"),
                        };
                        let _ = second;
                        return Err(usage(&format!("--{long} takes two parameters (e.g. --{long} {example})")));
                    };
                    let value = value.clone();
                    let given = match long {
                        "arg" => Given::Text(value),
                        "argjson" => Given::Json(value),
                        "rawfile" => Given::RawFile(value),
                        _ => Given::JsonFile(value),
                    };
                    options.named.push((name.clone(), given));
                }
                "raw-output0" => {
                    options.raw_output = true;
                    options.null_separated = true;
                }
                long => match LONG.iter().find(|(name, _)| *name == long) {
                    Some((_, short)) => flag(&mut options, *short),
                    None => return Err(unknown(arg)),
                },
            }
            continue;
        }
        for short in arg.chars().skip(1) {
            match short {
                'f' => from_file = true,
                'L' => {
                    if arg == "-L" {
                        args.next();
                    }
                    break;
                }
                short if short.is_ascii_alphabetic() && LONG.iter().any(|(_, known)| *known == short) => {
                    flag(&mut options, short)
                }
                _ => return Err(unknown(arg)),
            }
        }
    }
    match program {
        Some(path) if from_file => options.program = Program::File(path),
        Some(text) => options.program = Program::Text(text),
        None if from_file => return Err(usage("-f takes a parameter (e.g. -f filename)")),
        None => {}
    }
    Ok(options)
}

/// Options without a parameter, by their long and short names.
const LONG: &[(&str, char)] = &[
    ("slurp", 's'),
    ("raw-output", 'r'),
    ("join-output", 'j'),
    ("compact-output", 'c'),
    ("color-output", 'C'),
    ("monochrome-output", 'M'),
    ("ascii-output", 'a'),
    ("null-input", 'n'),
    ("raw-input", 'R'),
    ("sort-keys", 'S'),
    ("exit-status", 'e'),
    ("version", 'V'),
    ("tab", '\t'),
    ("unbuffered", '\0'),
];

fn flag(options: &mut Options, short: char) {
    match short {
        's' => options.slurp = true,
        'r' => options.raw_output = true,
        'j' => {
            options.raw_output = true;
            options.join = true;
        }
        'c' => options.layout.indent = None,
        'C' => options.layout.color = true,
        'M' => options.layout.color = false,
        'a' => options.layout.ascii = true,
        'n' => options.null_input = true,
        'R' => options.raw_input = true,
        'S' => options.layout.sort_keys = true,
        'e' => options.exit_status = true,
        'V' => options.version = true,
        '\t' => options.layout.indent = Some("\t".to_owned()),
        _ => {}
    }
}

fn usage(problem: &str) -> String {
    format!("{problem}\n{HINT}")
}

fn unknown(arg: &str) -> String {
    usage(&format!("Unknown option: {arg}"))
}
