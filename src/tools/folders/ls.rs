//! `ls`, as it prints where no terminal reads it: a name a line.

use std::cmp::Reverse;

use cap_std::fs::{Metadata, MetadataExt};
use jiff::Timestamp;

use super::{inside, why};
use crate::tools::text::operands::{Parsed, Spec, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// `ls [-1aAdFhlpRrSt] [FILE]…`. Owners are shown by their numbers: whom they belong to is the machine's own business.
pub(crate) fn ls(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec {
        short: "1aAdFhlpRrStCn",
        with_value: "",
        long: &[
            ("all", 'a'),
            ("almost-all", 'A'),
            ("directory", 'd'),
            ("classify", 'F'),
            ("human-readable", 'h'),
            ("recursive", 'R'),
            ("reverse", 'r'),
        ],
    };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 2),
    };
    let mut listing = Listing { invocation, parsed: &parsed, out: String::new(), errors: String::new(), status: 0 };
    let operands: Vec<String> = if parsed.operands.is_empty() { vec![".".to_owned()] } else { parsed.operands.clone() };
    listing.operands(operands);
    let _ = streams.stderr.write_all(listing.errors.as_bytes());
    let (out, status) = (listing.out, listing.status);
    match streams.stdout.write_all(out.as_bytes()).and_then(|()| streams.stdout.flush()) {
        Ok(()) => status,
        Err(error) => unwritable(invocation, streams, &error),
    }
}

struct Entry {
    name: String,
    metadata: Metadata,
}

struct Listing<'a> {
    invocation: &'a Invocation,
    parsed: &'a Parsed,
    out: String,
    errors: String,
    status: Status,
}

impl Listing<'_> {
    fn operands(&mut self, operands: Vec<String>) {
        let several = operands.len() > 1 || self.parsed.has('R');
        let mut entries = Vec::new();
        for name in operands {
            match self.invocation.files.metadata(&name) {
                Ok(metadata) => entries.push(Entry { name, metadata }),
                Err(error) => {
                    self.errors.push_str(&format!("ls: cannot access '{name}': {}\n", why(&error)));
                    self.status = 2;
                }
            }
        }
        self.sort(&mut entries);
        let as_files = |entry: &Entry| self.parsed.has('d') || !entry.metadata.is_dir();
        let (files, folders): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(as_files);
        self.print(&files, false);
        for (at, folder) in folders.iter().enumerate() {
            if at > 0 || !files.is_empty() {
                self.out.push('\n');
            }
            self.folder(&folder.name, several);
        }
    }

    fn folder(&mut self, path: &str, headed: bool) {
        if self.invocation.cancel.is_cancelled() {
            return;
        }
        let names = match self.invocation.files.names_in(path) {
            Ok(names) => names,
            Err(error) => {
                self.errors.push_str(&format!("ls: cannot open directory '{path}': {}\n", why(&error)));
                self.status = 2;
                return;
            }
        };
        if headed {
            self.out.push_str(&format!("{path}:\n"));
        }
        let (all, almost) = (self.parsed.has('a'), self.parsed.has('A'));
        let special = [".", ".."].into_iter().filter(|_| all && !almost).map(str::to_owned);
        let shown = names.into_iter().filter(|name| all || almost || !name.starts_with('.'));
        let entry = |name: String| {
            let metadata = self.invocation.files.metadata(inside(path, &name)).ok()?;
            Some(Entry { name, metadata })
        };
        let mut entries: Vec<Entry> = special.chain(shown).filter_map(entry).collect();
        self.sort(&mut entries);
        self.print(&entries, true);
        if self.parsed.has('R') {
            for entry in entries.iter().filter(|entry| entry.metadata.is_dir()) {
                if !matches!(entry.name.as_str(), "." | "..") {
                    self.out.push('\n');
                    self.folder(&inside(path, &entry.name), true);
                }
            }
        }
    }

    fn sort(&self, entries: &mut [Entry]) {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        if self.parsed.has('t') {
            entries.sort_by_key(|entry| Reverse((entry.metadata.mtime(), entry.metadata.mtime_nsec())));
        } else if self.parsed.has('S') {
            entries.sort_by_key(|entry| Reverse(entry.metadata.size()));
        }
        if self.parsed.has('r') {
            entries.reverse();
        }
    }

    fn print(&mut self, entries: &[Entry], total: bool) {
        if !self.parsed.has('l') && !self.parsed.has('n') {
            for entry in entries {
                let line = self.named(entry);
                self.out.push_str(&line);
                self.out.push('\n');
            }
            return;
        }
        if total {
            let kibibytes = entries.iter().map(|entry| entry.metadata.blocks()).sum::<u64>() / 2;
            let text = if self.parsed.has('h') { human(kibibytes * 1024) } else { kibibytes.to_string() };
            self.out.push_str(&format!("total {text}\n"));
        }
        let rows: Vec<[String; 7]> = entries.iter().map(|entry| self.row(entry)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let (links, owner, group, size) = (width(1), width(2), width(3), width(4));
        for [mode, link, uid, gid, bytes, time, name] in &rows {
            self.out
                .push_str(&format!("{mode} {link:>links$} {uid:<owner$} {gid:<group$} {bytes:>size$} {time} {name}\n"));
        }
    }

    fn row(&self, entry: &Entry) -> [String; 7] {
        let metadata = &entry.metadata;
        let size = if self.parsed.has('h') { human(metadata.size()) } else { metadata.size().to_string() };
        [
            mode(metadata),
            metadata.nlink().to_string(),
            metadata.uid().to_string(),
            metadata.gid().to_string(),
            size,
            self.time(metadata),
            self.named(entry),
        ]
    }

    /// `Nov 24 14:40`; the year instead of the hour for what is older than six months or in the future, as GNU has it.
    fn time(&self, metadata: &Metadata) -> String {
        const HALF_A_YEAR: i64 = 31_556_952 / 2;
        let now = self.invocation.clock.now();
        let time = Timestamp::from_second(metadata.mtime()).unwrap_or(Timestamp::UNIX_EPOCH);
        let age = now.as_second() - time.as_second();
        let zone = self.invocation.env.get("TZ").and_then(|zone| jiff::tz::TimeZone::get(zone).ok());
        let local = time.to_zoned(zone.unwrap_or(jiff::tz::TimeZone::UTC));
        let form = if (0..HALF_A_YEAR).contains(&age) { "%b %e %H:%M" } else { "%b %e  %Y" };
        local.strftime(form).to_string()
    }

    fn named(&self, entry: &Entry) -> String {
        let mark = match () {
            () if entry.metadata.is_dir() && (self.parsed.has('F') || self.parsed.has('p')) => "/",
            () if self.parsed.has('F') && !entry.metadata.is_dir() && entry.metadata.mode() & 0o111 != 0 => "*",
            () => "",
        };
        format!("{}{mark}", entry.name)
    }
}

fn mode(metadata: &Metadata) -> String {
    let kind = if metadata.is_dir() { 'd' } else { '-' };
    let bits = metadata.mode();
    let letters = (0..9).map(|at| if bits & (0o400 >> at) == 0 { '-' } else { ['r', 'w', 'x'][at % 3] });
    std::iter::once(kind).chain(letters).collect()
}

/// A size as `-h` has it: at most three digits, rounded up.
fn human(bytes: u64) -> String {
    if bytes < 1024 {
        return bytes.to_string();
    }
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= 1024.0 && unit < 4 {
        size /= 1024.0;
        unit += 1;
    }
    let letter = ['B', 'K', 'M', 'G', 'T'][unit];
    if size < 10.0 { format!("{:.1}{letter}", (size * 10.0).ceil() / 10.0) } else { format!("{}{letter}", size.ceil()) }
}
