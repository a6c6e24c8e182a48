//! `rm` and `rmdir`.

use std::io::{self, ErrorKind};

use super::{inside, last_part, why};
use crate::tools::text::operands::{BadUsage, Spec};
use crate::tools::{Invocation, Status, Streams};

/// `rm [-dfrRv] FILE…`. Nothing is asked: `-i` and `-I` are refused, since nobody could answer.
pub(crate) fn rm(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec {
        short: "dfrRv",
        with_value: "",
        long: &[("force", 'f'), ("recursive", 'r'), ("dir", 'd'), ("verbose", 'v')],
    };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    if parsed.operands.is_empty() {
        if parsed.has('f') {
            return 0;
        }
        return BadUsage::new("missing operand").tell(invocation, streams, 1);
    }
    let mut removal = Removal {
        invocation,
        recursive: parsed.has('r') || parsed.has('R'),
        empty_folders: parsed.has('d'),
        force: parsed.has('f'),
        verbose: parsed.has('v'),
        status: 0,
    };
    for path in &parsed.operands {
        if matches!(last_part(path), "." | ".." | "") {
            let message = format!("rm: refusing to remove '.' or '..' directory: skipping '{path}'");
            let _ = writeln!(streams.stderr, "{message}");
            removal.status = 1;
        } else {
            removal.remove(path, streams);
        }
    }
    removal.status
}

struct Removal<'a> {
    invocation: &'a Invocation,
    recursive: bool,
    empty_folders: bool,
    force: bool,
    verbose: bool,
    status: Status,
}

impl Removal<'_> {
    fn remove(&mut self, path: &str, streams: &mut Streams<'_>) {
        if self.invocation.cancel.is_cancelled() {
            self.status = 1;
            return;
        }
        let files = &self.invocation.files;
        let folder = match files.symlink_metadata(path) {
            Ok(metadata) => metadata.is_dir(),
            Err(error) if self.force && error.kind() == ErrorKind::NotFound => return,
            Err(error) => return self.failed(path, &error, streams),
        };
        let (done, words) = if !folder {
            (files.remove_file(path), "removed")
        } else if self.recursive {
            for name in files.names_in(path).unwrap_or_default() {
                self.remove(&inside(path, &name), streams);
            }
            (files.remove_dir(path), "removed directory")
        } else if self.empty_folders {
            (files.remove_dir(path), "removed directory")
        } else {
            (Err(ErrorKind::IsADirectory.into()), "")
        };
        match done {
            Ok(()) if self.verbose => drop(writeln!(streams.stdout, "{words} '{path}'")),
            Ok(()) => {}
            Err(error) => self.failed(path, &error, streams),
        }
    }

    fn failed(&mut self, path: &str, error: &io::Error, streams: &mut Streams<'_>) {
        let _ = writeln!(streams.stderr, "rm: cannot remove '{path}': {}", why(error));
        self.status = 1;
    }
}

/// `rmdir [-pv] FOLDER…`.
pub(crate) fn rmdir(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec { short: "pv", with_value: "", long: &[("parents", 'p'), ("verbose", 'v')] };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    if parsed.operands.is_empty() {
        return BadUsage::new("missing operand").tell(invocation, streams, 1);
    }
    let mut status = 0;
    for operand in &parsed.operands {
        let mut path = operand.trim_end_matches('/');
        loop {
            if parsed.has('v') {
                let _ = writeln!(streams.stdout, "rmdir: removing directory, '{path}'");
            }
            if let Err(error) = invocation.files.remove_dir(path) {
                let _ = writeln!(streams.stderr, "rmdir: failed to remove '{path}': {}", why(&error));
                status = 1;
                break;
            }
            match path.rsplit_once('/') {
                Some((parent, _)) if parsed.has('p') && !parent.is_empty() => path = parent,
                _ => break,
            }
        }
    }
    status
}
