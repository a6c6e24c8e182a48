//! Tools that change folders: each line runs in a folder of ours and in one of theirs, which must stay the same.

use std::collections::BTreeMap;
use std::path::Path;

use crate::side_by_side::{ours, theirs, words};
use needs::needs;

const LINES: &[&str] = &[
    "ls",
    "ls -1 dir",
    "ls -a dir",
    "ls -A dir",
    "ls a.txt dir b.txt",
    "ls dir a.txt missing",
    "ls missing",
    "ls -d dir",
    "ls -p",
    "ls -F",
    "ls -R",
    "ls -r",
    "ls -S",
    "ls --strange",
    "mkdir new",
    "mkdir new",
    "mkdir -p new/deep/deeper",
    "mkdir -p new/deep",
    "mkdir -v loud",
    "mkdir -pv loud/a/b",
    "mkdir missing/x",
    "mkdir -p a.txt/x",
    "mkdir",
    "touch fresh new/deep/leaf",
    "touch -c absent",
    "touch missing/x",
    "touch",
    "cp a.txt c.txt",
    "cp -v a.txt new",
    "cp a.txt b.txt new/deep",
    "cp dir copy",
    "cp -r dir copy",
    "cp -r dir copy",
    "cp -rv dir/inner.txt copy",
    "cp missing x",
    "cp a.txt b.txt c.txt",
    "cp a.txt a.txt",
    "cp -n b.txt a.txt",
    "cp",
    "cp a.txt",
    "cp -t new b.txt",
    "mv c.txt d.txt",
    "mv -v d.txt new",
    "mv missing x",
    "mv new/deep/leaf fresh",
    "mv copy new",
    "mv a.txt b.txt fresh",
    "mv",
    "rm fresh",
    "rm fresh",
    "rm -f fresh",
    "rm dir",
    "rm -v b.txt",
    "rm -d loud/a/b",
    "rm -d loud",
    "rm -rf new",
    "rm -rv loud",
    "rm",
    "rm -f",
    "rmdir dir",
    "mkdir -p e/f/g",
    "rmdir -p e/f/g",
    "rmdir missing",
    "ls -R",
    "tr a-z A-Z",
    "tr -d aeiou",
    "tr -s ' '",
    "tr -s a-z",
    "tr -cd '[:alnum:]'",
    "tr '[:lower:]' '[:upper:]'",
    "tr '\\n' ,",
    "tr abc x",
    "tr -t abc x",
    "tr a '[b*]'",
    "tr z-a x",
    "tr",
    "tr a",
    "tr a b c",
    "tr -d a b",
    "tr '[:strange:]' x",
    "tr -ds a b",
    "tr ab '\\101\\t'",
];

fn tree(folder: &Path) -> BTreeMap<String, Option<String>> {
    let mut tree = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            tree.insert(name, std::fs::read_to_string(&path).ok());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    tree
}

#[needs("ls", "cp", "tr")]
#[test]
fn folders_are_changed_as_theirs_are() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for folder in &folders {
        std::fs::create_dir(folder.path().join("dir")).unwrap();
        for (name, text) in [("a.txt", "alpha\n"), ("b.txt", "uno due"), ("dir/inner.txt", "x"), ("dir/.hidden", "")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
    }
    let [our_folder, their_folder] = &folders;
    let stdin = b"some  text, aabbcc zz\n\tand more\n";
    let mut wrong = Vec::new();
    for line in LINES {
        let words = words(line);
        let theirs = theirs(&words, stdin, their_folder.path());
        let ours = ours(&words, stdin, our_folder.path());
        if ours != theirs {
            wrong.push(format!("{line}\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
        assert_eq!(tree(our_folder.path()), tree(their_folder.path()), "after {line}");
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), LINES.len(), wrong.join("\n"));
}

#[test]
fn nothing_outside_is_changed() {
    let outside = tempfile::tempdir().unwrap();
    let work = outside.path().join("work");
    std::fs::create_dir(&work).unwrap();
    std::fs::write(outside.path().join("precious"), "p").unwrap();
    std::fs::write(work.join("own"), "o").unwrap();
    let precious = outside.path().join("precious").to_string_lossy().into_owned();
    for line in [
        "rm ../precious",
        "rm -rf ..",
        "rm -rf .",
        &format!("rm -f {precious}"),
        &format!("mv {precious} x"),
        &format!("cp own {precious}"),
        "mv own ../taken",
        "mkdir ../new",
        "touch ../new",
    ] {
        let ran = ours(&words(line), b"", &work);
        assert!(ran.status != 0 || line.starts_with("rm -f "), "{line}: {ran:?}");
    }
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "p");
    assert_eq!(tree(&work).len(), 1);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 2);
}
