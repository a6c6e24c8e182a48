//! `yq`, with the meaning of mikefarah/yq v4: YAML in, an expression, YAML or JSON out.
//!
//! Paths (`.a.b[0].c`, `.a[]`, with pipes between them) keep how scalars are quoted. Other expressions run on jq's
//! engine, whose language yq's follows; their strings are quoted only where they must be. Comments are not kept.

mod document;
mod path;

use super::jq;
use super::operands::{Spec, read_all, reason, unwritable};
use crate::tools::yaml::{Dialect, Node, write_node};
use crate::tools::{Invocation, Status, Streams};
use document::{from_value, plain, to_value};

/// What is printed, and how.
struct Form {
    json: bool,
    pretty: bool,
    raw: bool,
    indent: usize,
    separators: bool,
}

/// `yq [eval] [OPTIONS] [EXPRESSION] [FILES]`.
pub(crate) fn yq(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    match run(invocation, streams) {
        Ok(status) => status,
        Err(Failure::Output(error)) => unwritable(invocation, streams, &error),
        Err(Failure::Message(message)) => {
            let _ = writeln!(streams.stderr, "Error: {message}");
            1
        }
    }
}

enum Failure {
    Output(std::io::Error),
    Message(String),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

const SPEC: Spec = Spec {
    short: "PrnNMCeijV",
    with_value: "opI",
    long: &[
        ("output-format", 'o'),
        ("input-format", 'p'),
        ("prettyPrint", 'P'),
        ("unwrapScalar", 'r'),
        ("null-input", 'n'),
        ("no-doc", 'N'),
        ("no-colors", 'M'),
        ("colors", 'C'),
        ("exit-status", 'e'),
        ("inplace", 'i'),
        ("indent", 'I'),
        ("tojson", 'j'),
        ("version", 'V'),
    ],
};

fn run(invocation: &Invocation, streams: &mut Streams<'_>) -> Result<Status, Failure> {
    // `-r=false` and `--unwrapScalar=false` are the ways to keep quotes.
    let keeps_quotes = |arg: &String| matches!(arg.as_str(), "-r=false" | "--unwrapScalar=false");
    let quoted = invocation.args.iter().any(keeps_quotes);
    let args: Vec<String> = invocation.args.iter().filter(|arg| !keeps_quotes(arg)).cloned().collect();
    let parsed = SPEC.parse_args(&args).map_err(|problem| problem.text().to_owned())?;
    if parsed.has('V') {
        writeln!(streams.stdout, "yq, of lectern, after https://github.com/mikefarah/yq/ version v4")?;
        return Ok(0);
    }
    let value = |option| parsed.value(option).map(|value| value.trim_start_matches('='));
    let json = match value('o').unwrap_or(if parsed.has('j') { "json" } else { "yaml" }) {
        "json" | "j" => true,
        "yaml" | "y" | "yml" | "auto" | "a" => false,
        other => return Err(format!("unknown format '{other}' please use [yaml|json]").into()),
    };
    let from_json = match value('p').unwrap_or("auto") {
        "json" | "j" => true,
        "yaml" | "y" | "yml" | "auto" | "a" => false,
        other => return Err(format!("unknown format '{other}' please use [yaml|json]").into()),
    };
    let indent = value('I').map_or(Ok(2), str::parse).map_err(|_| "--indent takes a number".to_owned())?;
    if !json && indent != 2 {
        return Err("only an indentation of 2 is available for YAML".to_owned().into());
    }
    let form = Form {
        json,
        pretty: parsed.has('P') || from_json,
        raw: if json { parsed.has('r') } else { !quoted },
        indent,
        separators: !parsed.has('N'),
    };

    let mut operands = parsed.operands.clone();
    if matches!(operands.first().map(String::as_str), Some("eval" | "e")) {
        operands.remove(0);
    } else if matches!(operands.first().map(String::as_str), Some("eval-all" | "ea")) {
        return Err("eval-all is not available here: use eval".to_owned().into());
    }
    let is_file = |operand: &String| invocation.files.metadata(operand).is_ok_and(|known| known.is_file());
    let expression = match operands.first() {
        Some(first) if !is_file(first) && first != "-" => operands.remove(0),
        _ => ".".to_owned(),
    };
    let in_place = parsed.has('i').then(|| operands.first().cloned());
    if let Some(None) = in_place {
        return Err("write in place flag only applicable when giving an expression and at least one file"
            .to_owned()
            .into());
    }
    let mut documents = Vec::new();
    if parsed.has('n') {
        documents.push(plain("null"));
    } else {
        if operands.is_empty() {
            operands.push("-".to_owned());
        }
        for operand in &operands {
            let bytes = read_all(invocation, streams.stdin, operand).map_err(|error| match operand.as_str() {
                "-" => format!("reading standard input: {}", reason(&error)),
                _ => format!("open {operand}: {}", reason(&error).to_lowercase()),
            })?;
            let text = String::from_utf8_lossy(&bytes);
            let read = document::read(&text, from_json);
            documents.extend(read.map_err(|problem| format!("bad file '{operand}': {problem}"))?);
        }
    }

    let mut out = Vec::new();
    let mut found = false;
    let mut first = true;
    for document in documents {
        let results = evaluate(invocation, &expression, &document)?;
        for (index, result) in results.iter().enumerate() {
            found |= !matches!(result, Node::Scalar(text, _) if matches!(text.as_str(), "null" | "~" | "" | "false"));
            if index == 0 && !first && form.separators && !form.json {
                out.extend_from_slice(b"---\n");
            }
            first = false;
            print(&form, result, &mut out);
        }
    }
    match in_place.flatten() {
        Some(path) => {
            use std::io::Write as _;
            let written = invocation.files.create(&path).and_then(|mut file| file.write_all(&out));
            written.map_err(|error| format!("{path}: {}", reason(&error)))?;
        }
        None => {
            streams.stdout.write_all(&out)?;
            streams.stdout.flush()?;
        }
    }
    if parsed.has('e') && !found {
        return Err("no matches found".to_owned().into());
    }
    Ok(0)
}

/// What an expression makes of a document.
fn evaluate(invocation: &Invocation, expression: &str, document: &Node) -> Result<Vec<Node>, Failure> {
    if let Some(steps) = path::parse(expression) {
        return Ok(path::follow(&steps, document)?);
    }
    let results = jq::evaluate(invocation, expression, to_value(document))?;
    Ok(results.iter().map(from_value).collect())
}

fn print(form: &Form, node: &Node, out: &mut Vec<u8>) {
    if let (Node::Scalar(text, _), true) = (node, form.raw) {
        let shown = if text.is_empty() && node == &plain("") { "" } else { text.as_str() };
        out.extend_from_slice(shown.as_bytes());
        out.push(b'\n');
    } else if form.json {
        let indent = (form.indent > 0).then(|| " ".repeat(form.indent));
        out.extend(jq::json(&to_value(node), indent));
        out.push(b'\n');
    } else if form.pretty {
        out.extend_from_slice(write_node(&document::pretty(node), Dialect::Yq).as_bytes());
    } else {
        out.extend_from_slice(write_node(node, Dialect::Yq).as_bytes());
    }
}
