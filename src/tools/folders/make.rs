//! `mkdir` and `touch`.

use std::io::ErrorKind;
use std::time::SystemTime;

use super::why;
use crate::tools::text::operands::Spec;
use crate::tools::{Invocation, Status, Streams};

/// `mkdir [-pv] [-m MODE] FOLDER…`. Modes are taken and have no meaning here: one person uses the work folder.
pub(crate) fn mkdir(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec { short: "pv", with_value: "m", long: &[("parents", 'p'), ("verbose", 'v'), ("mode", 'm')] };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    if parsed.operands.is_empty() {
        return crate::tools::text::operands::BadUsage::new("missing operand").tell(invocation, streams, 1);
    }
    let mut status = 0;
    for folder in &parsed.operands {
        let parents = parsed.has('p');
        let mut made = Vec::new();
        // With -p each part of the way is made that is not there yet.
        let ends = folder.char_indices().filter(|(at, c)| *c == '/' && *at > 0).map(|(at, _)| at);
        let parts = ends.filter(|_| parents).chain([folder.len()]).map(|end| &folder[..end]);
        for part in parts {
            match invocation.files.create_dir(part) {
                Ok(()) => made.push(part),
                Err(error) if parents && is_folder(invocation, part) => drop(error),
                Err(error) => {
                    let reason = if parents && error.kind() == ErrorKind::AlreadyExists && part.len() < folder.len() {
                        "Not a directory".to_owned()
                    } else {
                        why(&error)
                    };
                    let _ = writeln!(streams.stderr, "mkdir: cannot create directory ‘{part}’: {reason}");
                    status = 1;
                    break;
                }
            }
        }
        if parsed.has('v') {
            for part in made {
                let _ = writeln!(streams.stdout, "mkdir: created directory '{part}'");
            }
        }
    }
    status
}

fn is_folder(invocation: &Invocation, path: &str) -> bool {
    invocation.files.metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// `touch [-acm] FILE…`: makes files, or sets the time of those that are there to now.
pub(crate) fn touch(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec { short: "acmfh", with_value: "", long: &[("no-create", 'c')] };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    if parsed.operands.is_empty() {
        return crate::tools::text::operands::BadUsage::new("missing file operand").tell(invocation, streams, 1);
    }
    let now = SystemTime::from(invocation.clock.now());
    let mut status = 0;
    for path in &parsed.operands {
        let present = invocation.files.metadata(path).is_ok();
        if parsed.has('c') && !present || is_folder(invocation, path) {
            continue;
        }
        let done = invocation.files.append(path).and_then(|file| file.into_std().set_modified(now));
        if let Err(error) = done {
            let _ = writeln!(streams.stderr, "touch: cannot touch '{path}': {}", why(&error));
            status = 1;
        }
    }
    status
}
