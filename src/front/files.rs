//! Files that a page shows: the manifests of `::yaml`, `kustomization` and `file`. And the pages that its links lead to.

#[cfg(feature = "pictures")]
use std::fs::File;
use std::path::{Component, Path, PathBuf};

use crate::files::Below;
use crate::lesson::Course;
use crate::session::Change;

/// Longer files are not shown, in bytes: texts and pictures.
const LONGEST: u64 = 128 * 1024;
#[cfg(feature = "pictures")]
const LONGEST_PICTURE: u64 = 16 * 1024 * 1024;

/// The text of a file that a page names, if it is there and is the course's own.
///
/// It is looked for as the course's site does: from the page's folder up to the course's root, and there beside a folder
/// `website`, in `manifests` too. A path that leads out of these folders, by `..` or a link, is none.
pub fn read(course: &Course, page: &Path, name: &str) -> Option<String> {
    let (base, file) = find(course, page, name)?;
    base.text(&file, LONGEST).ok()
}

/// The change that a kustomization makes to an object, `Kind/name`, if the kustomization beside the named file does change it.
pub fn change(course: &Course, page: &Path, name: &str, object: &str) -> Option<Change> {
    let (base, file) = find(course, page, name)?;
    Change::of(&base, file.parent()?, object)
}

/// Where the picture is that a page names, if it is the course's own: beside the page, or by a path from the site's root
/// (`/img/a.png`, `@site/static/img/a.png`) in a folder `static`.
#[cfg(feature = "pictures")]
pub fn picture(course: &Course, page: &Path, url: &str) -> Option<(PathBuf, File)> {
    let name = url.split(['#', '?']).next().unwrap_or_default();
    if name.is_empty() || name.contains(':') || name.starts_with("//") {
        return None;
    }
    let folder = page.parent()?.canonicalize().ok()?;
    let course = Below::open(&course.root).ok()?;
    let root = course.root().to_owned();
    let Some(rest) = name.strip_prefix("@site/static/").or_else(|| name.strip_prefix('/')) else {
        let path = plain(&folder.join(name));
        return opened(&course, path.strip_prefix(&root).ok()?);
    };
    let above = folder.ancestors().filter(|above| above.starts_with(&root) || above.ends_with("website"));
    above.into_iter().find_map(|base| opened(&Below::open(base).ok()?.own_folder("static").ok()?, Path::new(rest)))
}

/// A picture below a folder, opened: what takes its place later is not shown.
#[cfg(feature = "pictures")]
fn opened(base: &Below, path: &Path) -> Option<(PathBuf, File)> {
    let file = base.file(path).ok()?;
    (file.metadata().ok()?.len() <= LONGEST_PICTURE).then(|| (base.root().join(path), file))
}

/// Where the file is that a page names: the folder that nothing leads out of, and the path from there.
fn find(course: &Course, page: &Path, name: &str) -> Option<(Below, PathBuf)> {
    let name = name.trim().trim_start_matches("~/environment/eks-workshop/").trim_start_matches("./");
    let path = Path::new(name);
    if name.is_empty() || !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let folder = page.parent()?.canonicalize().ok()?;
    let root = course.root.canonicalize().ok()?;
    let website = folder.ancestors().find(|above| above.file_name().is_some_and(|name| name == "website"));
    let mut bases: Vec<Below> = folder
        .ancestors()
        .take_while(|above| above.starts_with(&root))
        .filter_map(|above| Below::open(above).ok())
        .collect();
    let beside = website.and_then(Path::parent).and_then(|beside| Below::open(beside).ok());
    let manifests: Vec<Below> =
        bases.iter().chain(&beside).filter_map(|base| base.own_folder("manifests").ok()).collect();
    bases.extend(manifests.iter().cloned());
    if let Some(rest) = name.strip_prefix("manifests/") {
        let found = manifests.iter().find_map(|base| within(base, Path::new(rest)));
        if found.is_some() {
            return found;
        }
    }
    bases.iter().find_map(|base| within(base, path))
}

fn within(base: &Below, path: &Path) -> Option<(Below, PathBuf)> {
    let file = base.file(path).ok()?;
    (file.metadata().ok()?.len() <= LONGEST).then(|| (base.clone(), path.to_owned()))
}

/// The page of the course that a link of a page leads to.
pub fn page_of(course: &Course, from: usize, url: &str) -> Option<usize> {
    let path = url.split(['#', '?']).next().unwrap_or_default();
    if path.is_empty() {
        return url.starts_with('#').then_some(from);
    }
    if path.contains(':') || path.starts_with("//") {
        return None;
    }
    let wanted = match path.strip_prefix('/').or_else(|| path.strip_prefix("@site/")) {
        // From the site's root: the end of the page's path must fit.
        Some(rest) => {
            let rest = rest.trim_end_matches('/').trim_start_matches("docs/");
            return course.lessons.iter().position(|lesson| {
                candidates(Path::new(rest)).iter().any(|path| !rest.is_empty() && lesson.path.ends_with(path))
            });
        }
        None => plain(&course.lessons.get(from)?.path.parent()?.join(path)),
    };
    let wanted = candidates(&wanted);
    let beside = candidates(&plain(&course.lessons.get(from)?.path.with_extension("").join(path)));
    course
        .lessons
        .iter()
        .position(|lesson| wanted.contains(&plain(&lesson.path)))
        .or_else(|| course.lessons.iter().position(|lesson| beside.contains(&plain(&lesson.path))))
}

fn candidates(path: &Path) -> Vec<PathBuf> {
    let mut with_end = path.as_os_str().to_owned();
    with_end.push(".md");
    let mut all = vec![path.to_owned(), PathBuf::from(with_end)];
    all.extend(["index.md", "index.en.md", "_index.md"].map(|name| path.join(name)));
    all
}

/// A path without `.` and `..`, as far as it goes.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

/// The lines, from 0, that a path of a YAML file speaks of: `spec.template.spec.containers.0.env`. Of several documents the first
/// that has it.
pub fn yaml_lines(text: &str, path: &str) -> Option<(usize, usize)> {
    let wanted: Vec<&str> = path.split(['.', '[', ']']).filter(|part| !part.is_empty()).collect();
    // Keys on the way to the line, with their columns; of a list the place in it.
    let mut stack: Vec<(usize, String, bool)> = Vec::new();
    let mut found: Option<(usize, usize, usize, bool)> = None;
    for (number, line) in text.lines().enumerate() {
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let mut column = line.len() - content.len();
        if let Some((first, last, own, list)) = &mut found {
            // A list may stand in the same column as its key.
            if column > *own || (column == *own && !*list && content.starts_with("- ")) {
                *last = number;
                continue;
            }
            return Some((*first, *last));
        }
        if content.starts_with("---") {
            stack.clear();
            continue;
        }
        let mut rest = content;
        while let Some(behind) = rest.strip_prefix("- ").or_else(|| (rest == "-").then_some("")) {
            stack.retain(|(at, ..)| *at <= column);
            let next = match stack.last() {
                Some((at, place, true)) if *at == column => {
                    let next = place.parse::<usize>().unwrap_or(0) + 1;
                    stack.pop();
                    next
                }
                _ => 0,
            };
            stack.push((column, next.to_string(), true));
            if matches(&stack, &wanted) {
                found = Some((number, number, column, true));
            }
            let inner = behind.trim_start();
            column += rest.len() - inner.len();
            rest = inner;
        }
        let Some((key, _)) = rest.split_once(':').filter(|(_, value)| value.is_empty() || value.starts_with(' '))
        else {
            continue;
        };
        stack.retain(|(at, ..)| *at < column);
        stack.push((column, key.trim_matches(['"', '\'']).to_owned(), false));
        if found.is_none() && matches(&stack, &wanted) {
            found = Some((number, number, column, false));
        }
    }
    found.map(|(first, last, ..)| (first, last))
}

fn matches(stack: &[(usize, String, bool)], wanted: &[&str]) -> bool {
    !wanted.is_empty() && stack.len() == wanted.len() && stack.iter().zip(wanted).all(|((_, key, _), part)| key == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: x\n    env:\n      - name: ONE\n        value: \"1\"\n      - name: TWO\n  - name: b\n    image: y\n  nodes: 3\n";

    #[test]
    fn a_path_is_found_in_a_file() {
        for (path, lines) in [
            ("kind", Some((1, 1))),
            ("spec", Some((2, 12))),
            ("spec.containers", Some((3, 11))),
            ("spec.containers.0", Some((4, 9))),
            ("spec.containers.0.image", Some((5, 5))),
            ("spec.containers.0.env", Some((6, 9))),
            ("spec.containers.0.env.1", Some((9, 9))),
            ("spec.containers.1.image", Some((11, 11))),
            ("spec.nodes", Some((12, 12))),
            ("spec.none", None),
            ("", None),
        ] {
            assert_eq!(yaml_lines(YAML, path), lines, "{path}");
        }
    }

    #[test]
    fn a_file_outside_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("course");
        std::fs::create_dir_all(root.join("manifests/a")).unwrap();
        std::fs::write(folder.path().join("secret"), "s").unwrap();
        std::fs::write(root.join("manifests/a/b.yaml"), "b").unwrap();
        let course = Course { root: root.clone(), ..Course::default() };
        let page = root.join("page.md");
        assert_eq!(read(&course, &page, "manifests/a/b.yaml").as_deref(), Some("b"));
        assert_eq!(read(&course, &page, "a/b.yaml").as_deref(), Some("b"));
        for name in ["../secret", "/etc/hostname", "manifests/../../secret", "secret", ""] {
            assert_eq!(read(&course, &page, name), None, "{name}");
        }
    }
}
