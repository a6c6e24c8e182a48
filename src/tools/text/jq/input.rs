//! Where jq's inputs come from: files one after the other, or standard input.

use std::collections::VecDeque;
use std::io::Read;

use jaq_json::Val;

use super::options::Options;
use super::read::Reader;
use crate::tools::Invocation;
use crate::tools::text::operands::{Source, open_file, reason};

/// The inputs of one call.
pub(super) struct Inputs<'s> {
    invocation: &'s Invocation,
    stdin: Option<&'s mut dyn Read>,
    waiting: VecDeque<String>,
    current: Option<Source<'s>>,
    name: Option<String>,
    buffer: Vec<u8>,
    at: usize,
    /// Up to where `buffer` has been counted: the end of the line that is being read.
    counted: usize,
    line: usize,
    reader: Reader,
    raw: bool,
    slurp: bool,
    text: Vec<u8>,
    ended: bool,
    messages: Vec<String>,
    failed: bool,
}

impl<'s> Inputs<'s> {
    pub(super) fn new(
        invocation: &'s Invocation,
        stdin: &'s mut dyn Read,
        files: Vec<String>,
        options: &Options,
    ) -> Self {
        Self {
            invocation,
            waiting: if files.is_empty() { VecDeque::from(["-".to_owned()]) } else { files.into() },
            stdin: Some(stdin),
            current: None,
            name: None,
            buffer: Vec::new(),
            at: 0,
            counted: 0,
            line: 0,
            reader: Reader::new(),
            raw: options.raw_input,
            slurp: options.slurp,
            text: Vec::new(),
            ended: false,
            messages: Vec::new(),
            failed: false,
        }
    }

    /// What could not be opened since the last call.
    pub(super) fn messages(&mut self) -> Vec<String> {
        std::mem::take(&mut self.messages)
    }

    /// Whether any file could not be read.
    pub(super) fn failed(&self) -> bool {
        self.failed
    }

    /// The file that is being read.
    pub(super) fn file(&self) -> Option<String> {
        self.name.clone().filter(|name| name != "-")
    }

    /// Where the last input ended, for messages.
    pub(super) fn place(&self) -> String {
        match self.name.as_deref() {
            None => "<unknown>".to_owned(),
            Some("-") => format!("<stdin>:{}", self.line),
            Some(name) => format!("{name}:{}", self.line),
        }
    }

    /// The next input.
    pub(super) fn next(&mut self) -> Option<Result<Val, String>> {
        if self.ended {
            return None;
        }
        match (self.raw, self.slurp) {
            (true, true) => {
                while let Some(byte) = self.byte() {
                    self.text.push(byte);
                }
                self.ended = true;
                Some(Ok(text(std::mem::take(&mut self.text))))
            }
            (true, false) => {
                while let Some(byte) = self.byte() {
                    if byte == b'\n' {
                        return Some(Ok(text(std::mem::take(&mut self.text))));
                    }
                    self.text.push(byte);
                }
                self.ended = true;
                let rest = std::mem::take(&mut self.text);
                if rest.is_empty() { None } else { Some(Ok(text(rest))) }
            }
            (false, true) => {
                let mut all = Vec::new();
                while let Some(value) = self.value() {
                    match value {
                        Ok(value) => all.push(value),
                        Err(problem) => return Some(Err(problem)),
                    }
                }
                Some(Ok(all.into_iter().collect()))
            }
            (false, false) => self.value(),
        }
    }

    fn value(&mut self) -> Option<Result<Val, String>> {
        if self.ended {
            return None;
        }
        while let Some(byte) = self.byte() {
            match self.reader.byte(byte) {
                Ok(None) => {}
                Ok(Some(value)) => return Some(Ok(value)),
                Err(problem) => {
                    self.ended = true;
                    return Some(Err(problem));
                }
            }
        }
        self.ended = true;
        self.reader.end().transpose()
    }

    fn byte(&mut self) -> Option<u8> {
        while self.at == self.buffer.len() {
            self.refill()?;
        }
        if self.at >= self.counted {
            // jq takes a line at a time, so the newline at a line's end counts from its first byte on.
            let rest = &self.buffer[self.at..];
            match rest.iter().position(|byte| *byte == b'\n') {
                Some(length) => {
                    self.counted = self.at + length + 1;
                    self.line += 1;
                }
                None => self.counted = self.buffer.len(),
            }
        }
        let byte = self.buffer[self.at];
        self.at += 1;
        Some(byte)
    }

    /// Reads on, in the next file if need be; `None` after the last one.
    fn refill(&mut self) -> Option<()> {
        loop {
            if self.invocation.cancel.is_cancelled() {
                return None;
            }
            if let Some(source) = &mut self.current {
                self.buffer.resize(64 * 1024, 0);
                let read = source.read(&mut self.buffer);
                (self.at, self.counted) = (0, 0);
                match read {
                    Ok(0) => self.current = None,
                    Ok(count) => {
                        self.buffer.truncate(count);
                        return Some(());
                    }
                    Err(error) => {
                        self.complain(&format!("jq: error: Input error: {}", reason(&error)));
                        self.current = None;
                    }
                }
                self.buffer.clear();
            }
            let name = self.waiting.pop_front()?;
            let opened = if name == "-" {
                // Standard input that was read to its end is empty.
                match self.stdin.take() {
                    Some(stdin) => Ok(Source::Stdin(stdin)),
                    None => continue,
                }
            } else {
                open_file(self.invocation, &name).map(Source::File)
            };
            match opened {
                Ok(source) => {
                    self.current = Some(source);
                    self.line = 0;
                    self.name = Some(name);
                }
                Err(error) => {
                    self.complain(&format!("jq: error: Could not open {name}: {}", reason(&error)));
                }
            }
        }
    }

    fn complain(&mut self, message: &str) {
        self.messages.push(message.to_owned());
        self.failed = true;
    }
}

fn text(bytes: Vec<u8>) -> Val {
    Val::utf8_str(String::from_utf8_lossy(&bytes).into_owned().into_bytes())
}

/// All values of a text, as an array.
pub(super) fn all_values(bytes: &[u8]) -> Result<Val, String> {
    let mut reader = Reader::new();
    let mut all = Vec::new();
    for byte in bytes {
        all.extend(reader.byte(*byte)?);
    }
    all.extend(reader.end()?);
    Ok(all.into_iter().collect())
}
