//! What the program writes, and what it leaves alone: reports, progress where the disk gives out, and the person's own files.

#[path = "files/homes.rs"]
mod homes;
#[path = "files/progress.rs"]
mod progress;
#[path = "files/reports.rs"]
mod reports;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use support::World;

/// A page with these fences.
fn page(world: &World, name: &str, body: &str) -> String {
    let path = world.path(name);
    fs::write(&path, format!("---\ntitle: T\n---\n\n{body}\n")).expect("written");
    path.display().to_string()
}

/// A program of the test's own in a folder that PATH names.
fn program(world: &mut World, name: &str, script: &str) {
    let folder = world.path("programs");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made executable");
    world.env.retain(|(name, _)| name != "PATH");
    world.env.push(("PATH".into(), format!("{}:/usr/bin:/bin", folder.display())));
}

/// Everything below a folder: of files the content, of links where they lead.
fn everything(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("there");
            let held = if metadata.is_dir() {
                open.push(path.clone());
                "a folder".to_owned()
            } else if metadata.is_symlink() {
                format!("to {}", fs::read_link(&path).expect("a link").display())
            } else {
                fs::read_to_string(&path).expect("a text")
            };
            all.insert(path, held);
        }
    }
    all
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
