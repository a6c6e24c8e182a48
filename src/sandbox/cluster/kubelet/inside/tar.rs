//! `tar` in a container, as far as `kubectl cp` uses it: `tar cf - PATH` and `tar xf - [-C FOLDER]`, with a few options that change
//! nothing here.

use super::super::answers::Answer;
use super::files::Files;
use crate::sandbox::tar::{self, Entry, EntryKind};

/// How deep folders are packed.
const DEPTH: usize = 32;

/// Packs or unpacks; `None` with options that nobody plays.
pub(super) fn tar(files: &mut Files<'_>, arguments: &[&str], input: &[u8]) -> Option<Answer> {
    let (mut letters, mut paths, mut folder) = (String::new(), Vec::new(), "/");
    let mut rest = arguments.iter();
    let mut first = true;
    while let Some(argument) = rest.next() {
        match *argument {
            "--no-same-permissions" | "--no-same-owner" => {}
            "-C" => folder = rest.next()?,
            "-" => {}
            word if word.starts_with("--") => return None,
            word if word.starts_with('-') || first => letters.push_str(word.trim_start_matches('-')),
            word => paths.push(word),
        }
        first = *argument == "--no-same-permissions" || *argument == "--no-same-owner";
    }
    let played = letters.chars().all(|letter| "cxfmp".contains(letter)) && letters.contains('f');
    match (letters.contains('c'), letters.contains('x'), played) {
        (true, false, true) => Some(pack(files, &paths)),
        (false, true, true) => Some(unpack(files, folder, input)),
        _ => None,
    }
}

fn pack(files: &Files<'_>, paths: &[&str]) -> Answer {
    let (mut archive, mut answer) = (Vec::new(), Answer::default());
    for path in paths {
        if path.starts_with('/') {
            answer.stderr.push_str("tar: Removing leading `/' from member names\n");
        }
        if let Err(why) = add(files, path, DEPTH, &mut archive) {
            answer.stderr.push_str(&format!("tar: {path}: {why}\n"));
            answer.code = 2;
        }
    }
    if answer.code != 0 {
        answer.stderr.push_str("tar: Exiting with failure status due to previous errors\n");
    }
    tar::finish(&mut archive);
    // The files of containers are text, and so are the headers.
    answer.stdout = String::from_utf8_lossy(&archive).into_owned();
    answer
}

/// Adds a file, or a folder with what it holds.
fn add(files: &Files<'_>, path: &str, depth: usize, archive: &mut Vec<u8>) -> Result<(), String> {
    let (folder, entries) = files.list(path).map_err(|why| format!("Cannot stat: {why}"))?;
    let name = path.trim_start_matches('/').to_owned();
    let seconds = |entry: &super::files::Entry| u64::try_from(entry.at.as_second()).unwrap_or(0);
    if !folder {
        for file in entries {
            let at = seconds(&file);
            let entry = Entry { path: name.clone(), kind: EntryKind::File(file.text.unwrap_or_default().into_bytes()) };
            tar::add(archive, &entry, 0o644, at)?;
        }
        return Ok(());
    }
    if !name.is_empty() {
        let at = u64::try_from(files.started.as_second()).unwrap_or(0);
        tar::add(archive, &Entry { path: name, kind: EntryKind::Folder }, 0o755, at)?;
    }
    if depth > 0 {
        for inner in entries {
            add(files, &format!("{}/{}", path.trim_end_matches('/'), inner.name), depth - 1, archive)?;
        }
    }
    Ok(())
}

fn unpack(files: &mut Files<'_>, folder: &str, input: &[u8]) -> Answer {
    let failed = |stderr: String| Answer { stderr, code: 2, ..Answer::default() };
    if !matches!(files.list(folder), Ok((true, _))) {
        return failed(format!(
            "tar: {folder}: Cannot open: No such file or directory\ntar: Error is not recoverable: exiting now\n"
        ));
    }
    let entries = match tar::read(input) {
        Ok(entries) => entries,
        Err(_) => {
            return failed(
                "tar: This does not look like a tar archive\ntar: Exiting with failure status due to previous errors\n"
                    .into(),
            );
        }
    };
    let mut answer = Answer::default();
    for entry in entries {
        // Folders are there as soon as they hold something.
        let EntryKind::File(content) = entry.kind else { continue };
        let path = format!("{}/{}", folder.trim_end_matches('/'), entry.path.trim_start_matches('/'));
        if let Err(why) = files.write(&path, &String::from_utf8_lossy(&content), false) {
            answer.stderr.push_str(&format!("tar: {}: Cannot open: {why}\n", entry.path));
            answer.code = 2;
        }
    }
    if answer.code != 0 {
        answer.stderr.push_str("tar: Exiting with failure status due to previous errors\n");
    }
    answer
}
