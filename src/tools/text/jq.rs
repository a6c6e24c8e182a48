//! `jq`: the command line of jq 1.7 around jaq's engine.

mod engine;
mod input;
mod options;
mod read;
mod write;

use std::cell::RefCell;
use std::io;

use jaq_core::{Ctx, Vars};
use jaq_json::{Map, Val};

use super::operands::{self, reason};
use crate::tools::{Invocation, Status, Streams};
use input::Inputs;
use options::{Given, Options, Program};

const USAGE: Status = 2;
const COMPILE: Status = 3;
const RUNTIME: Status = 5;

/// `jq [OPTIONS] FILTER [FILES]`.
pub(crate) fn jq(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let options = match options::parse(&invocation.args) {
        Ok(options) => options,
        Err(problem) => return complain(streams, &format!("jq: {problem}"), USAGE),
    };
    if options.version {
        let _ = writeln!(streams.stdout, "jq-1.7.1");
        return 0;
    }
    match run(invocation, streams, &options) {
        Ok(status) => status,
        Err(Failure::Output(error)) => operands::unwritable(invocation, streams, &error),
        Err(Failure::Message(message, status)) => complain(streams, &message, status),
    }
}

fn complain(streams: &mut Streams<'_>, message: &str, status: Status) -> Status {
    let _ = writeln!(streams.stderr, "{message}");
    status
}

enum Failure {
    Output(io::Error),
    Message(String, Status),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn run(invocation: &Invocation, streams: &mut Streams<'_>, options: &Options) -> Result<Status, Failure> {
    let (program, operands) = program(invocation, options)?;
    let (names, values) = variables(invocation, options)?;
    let filter = engine::compiled(&program, &names).map_err(|errors| {
        let count = errors.len();
        let shown: String = errors.iter().map(|error| format!("jq: error: {error}\n")).collect();
        let plural = if count == 1 { "" } else { "s" };
        Failure::Message(format!("{shown}jq: {count} compile error{plural}"), COMPILE)
    })?;

    let inputs = RefCell::new(Inputs::new(invocation, &mut *streams.stdin, operands, options));
    let next = || inputs.borrow_mut().next();
    let file = || inputs.borrow().file();
    let notes = RefCell::new(Vec::new());
    let session = engine::Session {
        lut: &filter.lut,
        input: &next,
        file: &file,
        cancel: &invocation.cancel,
        now: invocation.clock.now().as_microsecond() as f64 / 1e6,
        stderr: &notes,
    };
    let mut status = 0;
    let mut last = None;
    let mut null = options.null_input.then_some(Val::Null);
    loop {
        let input = match options.null_input {
            true => null.take().map(Ok),
            false => next(),
        };
        report(&inputs, streams.stderr);
        let value = match input {
            None => break,
            Some(Ok(value)) => value,
            Some(Err(problem)) => {
                let _ = writeln!(streams.stderr, "jq: parse error: {problem}");
                status = RUNTIME;
                break;
            }
        };
        // As in jq, the last input decides.
        status = 0;
        let context = Ctx::<engine::Kind>::new(&session, Vars::new(values.iter().cloned()));
        for output in filter.id.run((context, value)) {
            let printed = notes.take();
            streams.stderr.write_all(&printed)?;
            if invocation.cancel.is_cancelled() {
                return Ok(130);
            }
            let problem = match output {
                Ok(value) => {
                    last = Some(!matches!(value, Val::Null | Val::Bool(false)));
                    print(streams.stdout, options, &value)?;
                    continue;
                }
                Err(exception) => match exception.get_err() {
                    Ok(error) => engine::failure(error),
                    Err(exception) => match exception.get_halt() {
                        Ok(status) => return Ok(status as u8),
                        Err(_) => Val::utf8_str("break"),
                    },
                },
            };
            let place = inputs.borrow().place();
            let message = match &problem {
                Val::TStr(text) => format!("jq: error (at {place}): {}", String::from_utf8_lossy(text)),
                Val::Null => format!("jq: error (at {place}) (not a string): null"),
                other => {
                    let text = write::compact(other);
                    format!("jq: error (at {place}) (not a string): {}", String::from_utf8_lossy(&text))
                }
            };
            let _ = writeln!(streams.stderr, "{message}");
            status = RUNTIME;
            last = None;
            break;
        }
        streams.stderr.write_all(&notes.take())?;
    }
    report(&inputs, streams.stderr);
    streams.stdout.flush()?;
    if inputs.borrow().failed() {
        return Ok(USAGE);
    }
    Ok(match (status, options.exit_status, last) {
        (0, true, Some(true)) | (0, false, _) => 0,
        (0, true, Some(false)) => 1,
        (0, true, None) => 4,
        (status, ..) => status,
    })
}

/// Prints what could not be opened.
fn report(inputs: &RefCell<Inputs<'_>>, stderr: &mut dyn io::Write) {
    for message in inputs.borrow_mut().messages() {
        let _ = writeln!(stderr, "{message}");
    }
}

fn print(stdout: &mut dyn io::Write, options: &Options, value: &Val) -> io::Result<()> {
    let mut out = match value {
        Val::TStr(text) if options.raw_output && !options.layout.ascii => text.to_vec(),
        // jq quotes a string that it must write in ASCII.
        Val::TStr(text) if options.raw_output => options.layout.quoted(text),
        value => options.layout.text(value),
    };
    if !options.join {
        out.push(if options.null_separated { 0 } else { b'\n' });
    }
    stdout.write_all(&out)
}

/// The program's text, and the files that are left.
fn program(invocation: &Invocation, options: &Options) -> Result<(String, Vec<String>), Failure> {
    match &options.program {
        Program::Text(text) => Ok((text.clone(), options.files.clone())),
        Program::File(path) => match invocation.files.read_to_string(path) {
            Ok(text) => Ok((text, options.files.clone())),
            Err(error) => {
                let message = format!("jq: error: Could not open {path}: {}", reason(&error));
                Err(Failure::Message(message, USAGE))
            }
        },
    }
}

/// Names, with `$`, and values of the variables that a program is given.
fn variables(invocation: &Invocation, options: &Options) -> Result<(Vec<String>, Vec<Val>), Failure> {
    let mut named = Map::default();
    for (name, given) in &options.named {
        let value = match given {
            Given::Text(text) => Val::from(text.clone()),
            Given::Json(text) => engine::one_value(text).ok_or_else(|| {
                Failure::Message(format!("jq: Invalid JSON text passed to --argjson\n{}", options::HINT), USAGE)
            })?,
            Given::RawFile(path) => {
                invocation.files.read(path).map(Val::utf8_str).map_err(|error| bad_file(name, path, &reason(&error)))?
            }
            Given::JsonFile(path) => {
                let bytes = invocation.files.read(path).map_err(|error| bad_file(name, path, &reason(&error)))?;
                input::all_values(&bytes).map_err(|problem| bad_file(name, path, &problem))?
            }
        };
        // The first of two with one name counts.
        named.entry(Val::from(name.clone())).or_insert(value);
    }
    let positional = options.positional.iter().map(|given| match given {
        Given::Json(text) => engine::one_value(text).ok_or_else(|| {
            Failure::Message(format!("jq: Invalid JSON text passed to --jsonargs\n{}", options::HINT), USAGE)
        }),
        Given::Text(text) | Given::RawFile(text) | Given::JsonFile(text) => Ok(Val::from(text.clone())),
    });
    let positional: Val = positional.collect::<Result<_, _>>()?;
    let env: Map =
        invocation.env.iter().map(|(name, value)| (Val::from(name.clone()), Val::from(value.clone()))).collect();

    let mut names = vec!["$ENV".to_owned(), "$ARGS".to_owned()];
    let args = [(Val::utf8_str("positional"), positional), (Val::utf8_str("named"), Val::obj(named.clone()))];
    let mut values = vec![Val::obj(env), Val::obj(args.into_iter().collect())];
    for (name, value) in named {
        if let Val::TStr(name) = &name {
            names.push(format!("${}", String::from_utf8_lossy(name)));
            values.push(value);
        }
    }
    Ok((names, values))
}

fn bad_file(name: &str, path: &str, problem: &str) -> Failure {
    Failure::Message(format!("jq: Bad JSON in --slurpfile {name} {path}: {problem}"), USAGE)
}

/// What a program makes of one input, for tools whose language is jq's.
pub(super) fn evaluate(invocation: &Invocation, program: &str, input: Val) -> Result<Vec<Val>, String> {
    let names = ["$ENV".to_owned()];
    let filter = engine::compiled(program, &names).map_err(|errors| errors.join("; "))?;
    let notes = RefCell::new(Vec::new());
    let session = engine::Session {
        lut: &filter.lut,
        input: &|| None,
        file: &|| None,
        cancel: &invocation.cancel,
        now: invocation.clock.now().as_microsecond() as f64 / 1e6,
        stderr: &notes,
    };
    let env: Map =
        invocation.env.iter().map(|(name, value)| (Val::from(name.clone()), Val::from(value.clone()))).collect();
    let context = Ctx::<engine::Kind>::new(&session, Vars::new([Val::obj(env)]));
    let outputs = filter.id.run((context, input)).map(|output| {
        output.map_err(|exception| match exception.get_err() {
            Ok(error) => match engine::failure(error) {
                Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
                other => String::from_utf8_lossy(&write::compact(&other)).into_owned(),
            },
            Err(_) => "the expression ended early".to_owned(),
        })
    });
    outputs.collect()
}

/// A value as JSON, on one line or indented.
pub(super) fn json(value: &Val, indent: Option<String>) -> Vec<u8> {
    write::Layout { indent, ..write::Layout::default() }.text(value)
}
