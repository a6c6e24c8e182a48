//! `tee`.

use std::io::{Seek, SeekFrom, Write};

use super::operands::{Spec, reason, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// `tee [-a] [FILES]`.
pub(crate) fn tee(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec { short: "ai", with_value: "", long: &[("append", 'a'), ("ignore-interrupts", 'i')] };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    let mut status = 0;
    let mut files = Vec::new();
    for path in &parsed.operands {
        // What is there already is written again before what is added: files can only be made anew here.
        let before = if parsed.has('a') { invocation.files.read(path).unwrap_or_default() } else { Vec::new() };
        let opened = invocation.files.create(path).and_then(|mut file| {
            file.write_all(&before)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        });
        match opened {
            Ok(file) => files.push((path, file)),
            Err(error) => {
                let _ = writeln!(streams.stderr, "tee: {path}: {}", reason(&error));
                status = 1;
            }
        }
    }
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match streams.stdin.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => {
                let _ = writeln!(streams.stderr, "tee: read error: {}", reason(&error));
                return 1;
            }
        };
        for (path, file) in &mut files {
            if let Err(error) = file.write_all(&buffer[..count]) {
                let _ = writeln!(streams.stderr, "tee: {path}: {}", reason(&error));
                status = 1;
            }
        }
        if let Err(error) = streams.stdout.write_all(&buffer[..count]).and_then(|()| streams.stdout.flush()) {
            return unwritable(invocation, streams, &error);
        }
    }
    status
}
