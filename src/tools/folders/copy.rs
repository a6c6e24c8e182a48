//! `cp` and `mv`.

use std::io::{self, ErrorKind};

use super::{inside, last_part, why};
use crate::tools::text::operands::{BadUsage, Parsed, Spec};
use crate::tools::{Invocation, Status, Streams};

/// `cp [-afnprRTv] [-t FOLDER] SOURCE… TARGET`. Owners and modes are those of every file in the work folder.
pub(crate) fn cp(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec {
        short: "afnprRTvud",
        with_value: "t",
        long: &[
            ("archive", 'a'),
            ("force", 'f'),
            ("no-clobber", 'n'),
            ("recursive", 'r'),
            ("no-target-directory", 'T'),
            ("target-directory", 't'),
            ("verbose", 'v'),
        ],
    };
    run(invocation, streams, &spec, |job, from, to, streams| {
        let recursive = job.parsed.has('r') || job.parsed.has('R') || job.parsed.has('a');
        job.copy(from, to, recursive, streams);
    })
}

/// `mv [-fnTv] [-t FOLDER] SOURCE… TARGET`.
pub(crate) fn mv(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec {
        short: "fnTv",
        with_value: "t",
        long: &[
            ("force", 'f'),
            ("no-clobber", 'n'),
            ("no-target-directory", 'T'),
            ("target-directory", 't'),
            ("verbose", 'v'),
        ],
    };
    run(invocation, streams, &spec, |job, from, to, streams| job.rename(from, to, streams))
}

struct Job<'a> {
    invocation: &'a Invocation,
    parsed: &'a Parsed,
    status: Status,
}

fn run(
    invocation: &Invocation,
    streams: &mut Streams<'_>,
    spec: &Spec,
    act: impl Fn(&mut Job<'_>, &str, &str, &mut Streams<'_>),
) -> Status {
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    let mut sources: Vec<&str> = parsed.operands.iter().map(String::as_str).collect();
    let target = match parsed.value('t') {
        Some(target) => target,
        None if sources.is_empty() => return BadUsage::new("missing file operand").tell(invocation, streams, 1),
        None if sources.len() == 1 => {
            let message = format!("missing destination file operand after '{}'", sources[0]);
            return BadUsage::new(message).tell(invocation, streams, 1);
        }
        None => sources.pop().unwrap_or_default(),
    };
    let name = &invocation.name;
    let into = invocation.files.metadata(target).is_ok_and(|metadata| metadata.is_dir()) && !parsed.has('T');
    if !into && (sources.len() > 1 || parsed.has('t')) {
        let _ = writeln!(streams.stderr, "{name}: target '{target}': Not a directory");
        return 1;
    }
    let mut job = Job { invocation, parsed: &parsed, status: 0 };
    for source in sources {
        let to = if into { inside(target, last_part(source)) } else { target.to_owned() };
        act(&mut job, source, &to, streams);
    }
    job.status
}

impl Job<'_> {
    fn copy(&mut self, from: &str, to: &str, recursive: bool, streams: &mut Streams<'_>) {
        if self.invocation.cancel.is_cancelled() {
            self.status = 1;
            return;
        }
        let files = &self.invocation.files;
        let metadata = match files.metadata(from) {
            Ok(metadata) => metadata,
            Err(error) => return self.failed(&format!("cannot stat '{from}'"), &error, streams),
        };
        if metadata.is_dir() {
            if !recursive {
                self.status = 1;
                let _ = writeln!(streams.stderr, "cp: -r not specified; omitting directory '{from}'");
                return;
            }
            let names = match files.names_in(from) {
                Ok(names) => names,
                Err(error) => return self.failed(&format!("cannot access '{from}'"), &error, streams),
            };
            match files.create_dir(to) {
                Ok(()) => self.tell(from, to, streams),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return self.failed(&format!("cannot create directory '{to}'"), &error, streams),
            }
            for name in names {
                self.copy(&inside(from, &name), &inside(to, &name), recursive, streams);
            }
            return;
        }
        if self.parsed.has('n') && files.metadata(to).is_ok() {
            return;
        }
        if self.same(from, to) {
            self.status = 1;
            let _ = writeln!(streams.stderr, "cp: '{from}' and '{to}' are the same file");
            return;
        }
        let mut source = match files.open(from) {
            Ok(source) => source,
            Err(error) => return self.failed(&format!("cannot open '{from}' for reading"), &error, streams),
        };
        let copied = files.create(to).and_then(|mut target| io::copy(&mut source, &mut target));
        match copied {
            Ok(_) => self.tell(from, to, streams),
            Err(error) => self.failed(&format!("cannot create regular file '{to}'"), &error, streams),
        }
    }

    fn rename(&mut self, from: &str, to: &str, streams: &mut Streams<'_>) {
        let files = &self.invocation.files;
        if let Err(error) = files.symlink_metadata(from) {
            return self.failed(&format!("cannot stat '{from}'"), &error, streams);
        }
        if self.parsed.has('n') && files.metadata(to).is_ok() {
            return;
        }
        if self.same(from, to) {
            self.status = 1;
            let _ = writeln!(streams.stderr, "mv: '{from}' and '{to}' are the same file");
            return;
        }
        match files.rename(from, to) {
            Ok(()) if self.parsed.has('v') => drop(writeln!(streams.stdout, "renamed '{from}' -> '{to}'")),
            Ok(()) => {}
            Err(error) => self.failed(&format!("cannot move '{from}' to '{to}'"), &error, streams),
        }
    }

    fn same(&self, from: &str, to: &str) -> bool {
        use cap_std::fs::MetadataExt;
        let of = |path| self.invocation.files.metadata(path).map(|it| (it.dev(), it.ino())).ok();
        of(from).is_some_and(|from| of(to) == Some(from))
    }

    fn tell(&self, from: &str, to: &str, streams: &mut Streams<'_>) {
        if self.parsed.has('v') {
            let _ = writeln!(streams.stdout, "'{from}' -> '{to}'");
        }
    }

    fn failed(&mut self, what: &str, error: &io::Error, streams: &mut Streams<'_>) {
        let _ = writeln!(streams.stderr, "{}: {what}: {}", self.invocation.name, why(error));
        self.status = 1;
    }
}
