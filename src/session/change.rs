//! What a kustomization makes of an object: for pages that show it.

use std::path::Path;

use serde_json::Value;
use similar::TextDiff;

use crate::files::Below;
use crate::tools::kustomize::{build, gather, render};
use crate::tools::{Files, Root};

/// Lines shown around what changes.
const AROUND: usize = 3;

/// How a line of a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// As it was.
    Same,
    /// New.
    Added,
    /// Gone.
    Removed,
    /// Lines that are as they were are left out here.
    Gap,
}

/// An object's YAML before and after a kustomization, line by line, with a few lines around what changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The lines.
    pub lines: Vec<(Line, String)>,
}

impl Change {
    /// What the kustomization in `folder` makes of `object`, `Kind/name`. `folder` is a path from `root` on; files outside of `root` are not read. None when it
    /// cannot be built, or has no such object, or does not change it.
    pub fn of(root: &Below, folder: &Path, object: &str) -> Option<Self> {
        let (kind, name) = object.trim().split_once('/')?;
        let dir = root.dir().try_clone().ok()?;
        let place = root.root().to_owned();
        let folder = place.join(folder);
        let files = Files::new(vec![Root { path: place, dir, writable: false }], folder);
        let pick = |objects: Vec<Value>| {
            let is = |value: &Value| value["kind"] == kind && value["metadata"]["name"] == name;
            objects.into_iter().find(is).map(|value| render(&[value])).unwrap_or_default()
        };
        let (before, after) = (pick(gather(&files, ".").ok()?), pick(build(&files, ".").ok()?));
        (before != after).then(|| Self { lines: lines(&before, &after) })
    }
}

fn lines(before: &str, after: &str) -> Vec<(Line, String)> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    let mut next = 0;
    for group in diff.grouped_ops(AROUND) {
        let begins = group.first().map_or(0, |operation| operation.old_range().start);
        if begins > next {
            lines.push((Line::Gap, String::new()));
        }
        for operation in &group {
            next = operation.old_range().end;
            for change in diff.iter_changes(operation) {
                let line = match change.tag() {
                    similar::ChangeTag::Equal => Line::Same,
                    similar::ChangeTag::Insert => Line::Added,
                    similar::ChangeTag::Delete => Line::Removed,
                };
                lines.push((line, change.value().trim_end_matches('\n').to_owned()));
            }
        }
    }
    if next < before.lines().count() {
        lines.push((Line::Gap, String::new()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_told_as_what_it_changes() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("base/kustomization.yaml", "resources: [web.yaml]\n");
        let object = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  a: \"1\"\n  b: \"2\"\n";
        write("base/web.yaml", object);
        write("more/kustomization.yaml", "resources: [../base]\npatches:\n- path: patch.yaml\n");
        write("more/patch.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  b: \"3\"\n");
        let root = Below::open(root.path()).unwrap();
        let change = Change::of(&root, Path::new("more"), "ConfigMap/web").unwrap();
        let shown: Vec<String> = change
            .lines
            .iter()
            .map(|(line, text)| {
                let mark = match line {
                    Line::Same => " ",
                    Line::Added => "+",
                    Line::Removed => "-",
                    Line::Gap => "~",
                };
                format!("{mark}{text}")
            })
            .collect();
        let wanted = [" apiVersion: v1", " data:", "   a: \"1\"", "-  b: \"2\"", "+  b: \"3\"", " kind: ConfigMap"];
        assert_eq!(shown[..6], wanted);
        assert_eq!(Change::of(&root, Path::new("more"), "ConfigMap/other"), None);
        assert_eq!(Change::of(&root, Path::new("base"), "ConfigMap/web"), None);
        assert_eq!(Change::of(&root.folder(Path::new("more")).unwrap(), Path::new(""), "ConfigMap/web"), None);
    }
}
