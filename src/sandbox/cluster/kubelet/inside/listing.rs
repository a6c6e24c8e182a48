//! `ls` and `df` in a container.

use super::super::answers::Answer;
use super::files::{Entry, Files};

/// `ls [-alhrt1] [PATH]…`; `None` with options that nobody plays.
pub(super) fn ls(files: &Files<'_>, arguments: &[&str]) -> Option<Answer> {
    let mut options = String::new();
    let mut paths = Vec::new();
    for argument in arguments {
        match argument.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            Some(letters) if letters.chars().all(|letter| "alhrt1".contains(letter)) => options.push_str(letters),
            Some(_) => return None,
            None => paths.push(*argument),
        }
    }
    let has = |letter: char| options.contains(letter);
    if paths.is_empty() {
        paths.push("/");
    }
    let mut answer = Answer::default();
    let many = paths.len() > 1;
    for path in paths {
        let (folder, mut entries) = match files.list(path) {
            Ok(found) => found,
            Err(why) => {
                answer.stderr.push_str(&format!("ls: cannot access '{path}': {why}\n"));
                answer.code = 2;
                continue;
            }
        };
        if folder && has('a') {
            for name in ["..", "."] {
                entries.insert(0, Entry { name: name.into(), text: None, at: files.started });
            }
        } else {
            entries.retain(|entry| !folder || !entry.name.starts_with('.'));
        }
        if has('t') {
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.at));
        }
        if has('r') {
            entries.reverse();
        }
        if many && folder {
            answer.stdout.push_str(&format!("{path}:\n"));
        }
        if folder && has('l') {
            let blocks: usize = entries.iter().map(|entry| size(entry).div_ceil(4096) * 4).sum();
            let unit = if has('h') { "K" } else { "" };
            answer.stdout.push_str(&format!("total {blocks}{unit}\n"));
        }
        let width = entries.iter().map(|entry| shown(size(entry), has('h')).len()).max().unwrap_or(0);
        for entry in &entries {
            if has('l') {
                let mode = if entry.text.is_some() { "-rw-r--r--. 1" } else { "drwxr-xr-x. 2" };
                let size = shown(size(entry), has('h'));
                let at = entry.at.strftime("%b %e %H:%M");
                answer.stdout.push_str(&format!("{mode} root root {size:>width$} {at} "));
            }
            answer.stdout.push_str(&entry.name);
            answer.stdout.push('\n');
        }
    }
    Some(answer)
}

fn size(entry: &Entry) -> usize {
    entry.text.as_ref().map_or(4096, String::len)
}

fn shown(size: usize, for_people: bool) -> String {
    if for_people && size >= 1024 {
        let tenths = (size * 10).div_ceil(1024);
        if tenths < 100 { format!("{}.{}K", tenths / 10, tenths % 10) } else { format!("{}K", size.div_ceil(1024)) }
    } else {
        size.to_string()
    }
}

/// `df -h`.
pub(super) fn df(files: &Files<'_>) -> String {
    let mut text =
        format!("{:<15} {:>5} {:>5} {:>5} {:>4} {}\n", "Filesystem", "Size", "Used", "Avail", "Use%", "Mounted on");
    for (source, size, at) in files.mounts() {
        text.push_str(&format!("{source:<15} {size:>5} {:>5} {size:>5} {:>4} {at}\n", "0", "0%"));
    }
    text
}
