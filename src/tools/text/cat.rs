//! `cat`.

use std::io::{self, Read};

use super::operands::{self, open, reason, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// What is added to the text, and where it has got to: numbering goes on from one file to the next.
#[derive(Default)]
struct Form {
    number: bool,
    number_nonblank: bool,
    squeeze: bool,
    ends: bool,
    tabs: bool,
    nonprinting: bool,
    line: usize,
    /// Newlines written in a row.
    newlines: usize,
}

/// `cat [-AbeEnstTuv] [FILES]`.
pub(crate) fn cat(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = operands::Spec {
        short: "AbeEnstTuv",
        with_value: "",
        long: &[
            ("show-all", 'A'),
            ("number-nonblank", 'b'),
            ("show-ends", 'E'),
            ("number", 'n'),
            ("squeeze-blank", 's'),
            ("show-tabs", 'T'),
            ("show-nonprinting", 'v'),
        ],
    };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    let mut form = Form { newlines: 1, ..Form::default() };
    for (option, _) in &parsed.options {
        match option {
            'A' => (form.nonprinting, form.ends, form.tabs) = (true, true, true),
            'b' => (form.number, form.number_nonblank) = (true, true),
            'e' => (form.nonprinting, form.ends) = (true, true),
            'E' => form.ends = true,
            'n' => form.number = true,
            's' => form.squeeze = true,
            't' => (form.nonprinting, form.tabs) = (true, true),
            'T' => form.tabs = true,
            'v' => form.nonprinting = true,
            _ => {}
        }
    }
    let mut status = 0;
    for operand in parsed.operands_or_stdin() {
        let copied = open(invocation, streams.stdin, operand)
            .map(|mut source| copy(&mut source, &mut form, streams.stdout, &|| invocation.cancel.is_cancelled()));
        match copied {
            Ok(Ok(())) => {}
            Ok(Err(Problem::Read(error))) | Err(error) => {
                let _ = writeln!(streams.stderr, "cat: {operand}: {}", reason(&error));
                status = 1;
            }
            Ok(Err(Problem::Write(error))) => return unwritable(invocation, streams, &error),
        }
    }
    match streams.stdout.flush() {
        Ok(()) => status,
        Err(error) => unwritable(invocation, streams, &error),
    }
}

enum Problem {
    Read(io::Error),
    Write(io::Error),
}

fn copy(
    source: &mut dyn Read,
    form: &mut Form,
    stdout: &mut dyn io::Write,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), Problem> {
    let plain = !(form.number || form.squeeze || form.ends || form.tabs || form.nonprinting);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if cancelled() {
            return Ok(());
        }
        let count = match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Problem::Read(error)),
        };
        let written = if plain {
            stdout.write_all(&buffer[..count])
        } else {
            let mut out = Vec::with_capacity(count + count / 8);
            buffer[..count].iter().for_each(|byte| form.byte(*byte, &mut out));
            stdout.write_all(&out)
        };
        written.map_err(Problem::Write)?;
    }
}

impl Form {
    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        let at_start = self.newlines > 0;
        if byte == b'\n' {
            self.newlines += 1;
            // Two newlines end an empty line; a third ends a second one.
            if self.squeeze && self.newlines > 2 {
                return;
            }
        } else {
            self.newlines = 0;
        }
        if at_start && self.number && !(self.number_nonblank && byte == b'\n') {
            self.line += 1;
            out.extend_from_slice(format!("{:6}\t", self.line).as_bytes());
        }
        match byte {
            b'\n' => {
                if self.ends {
                    out.push(b'$');
                }
                out.push(b'\n');
            }
            b'\t' if self.tabs => out.extend_from_slice(b"^I"),
            b'\t' => out.push(byte),
            byte if self.nonprinting => visible(byte, out),
            byte => out.push(byte),
        }
    }
}

/// A byte in `^` and `M-` notation.
fn visible(byte: u8, out: &mut Vec<u8>) {
    match byte {
        0x80.. => {
            out.extend_from_slice(b"M-");
            visible(byte - 0x80, out);
        }
        0..0x20 => out.extend_from_slice(&[b'^', byte + 0x40]),
        0x7f => out.extend_from_slice(b"^?"),
        _ => out.push(byte),
    }
}
