//! `kustomize build` against the one inside kubectl 1.33, byte by byte: every kustomization of the corpus, and small ones
//! for each feature. Skipped, with a message, where that kubectl or the corpus is missing. `LECTERN_KUBECTL` names the
//! program; else it is the plain client beside the `kubectl` in PATH.

use std::path::{Path, PathBuf};
use std::process::Command;

use lectern::tools::{Files, Root, kustomize};

/// What was printed to standard output and error, and whether the build failed.
#[derive(Debug, PartialEq)]
struct Outcome {
    out: String,
    err: String,
    ok: bool,
}

fn oracle() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("LECTERN_KUBECTL") {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join("kubectl")).find(|file| file.is_file())?;
    let plain = found.canonicalize().ok()?.with_file_name("kubectl.1.33");
    plain.is_file().then_some(plain)
}

/// What the real one does. Every build has its own process, whose state is not the next one's.
fn theirs(program: &Path, root: &Path, folder: &str) -> Outcome {
    #[allow(clippy::disallowed_methods, reason = "the oracle is the real program")]
    let mut command = Command::new(program);
    let output = command.args(["kustomize", folder]).current_dir(root).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome { out: text(output.stdout), err: text(output.stderr), ok: output.status.success() }
}

fn ours(root: &Path, folder: &str) -> Outcome {
    let dir = cap_std::fs::Dir::open_ambient_dir(root, cap_std::ambient_authority()).unwrap();
    let files = Files::new(vec![Root { path: root.to_owned(), dir, writable: false }], root.to_owned());
    let mut warnings = Vec::new();
    let built = kustomize::build_with_warnings(&files, folder, &mut warnings);
    let mut err: String = warnings.iter().map(|line| format!("{line}\n")).collect();
    let (out, ok) = match built {
        Ok(resources) => (kustomize::render(&resources), true),
        Err(error) => {
            err += &format!("error: {}\n", error.to_string().trim_end_matches('\n'));
            (String::new(), false)
        }
    };
    Outcome { out, err, ok }
}

fn kustomizations(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    if entries.iter().any(|path| path.file_name().is_some_and(|name| name == "kustomization.yaml")) {
        found.push(folder.to_owned());
    }
    entries.iter().filter(|path| path.is_dir()).for_each(|path| kustomizations(path, found));
}

#[test]
fn every_kustomization_of_the_corpus_is_built_as_kubectl_builds_it() {
    let shared = std::env::var_os("LECTERN_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let Ok(root) = shared.join("corpus/manifests").canonicalize() else {
        println!("skipped: no corpus under {}", shared.display());
        return;
    };
    let Some(program) = oracle() else {
        println!("skipped: no kubectl 1.33 to compare with");
        return;
    };
    let mut folders = Vec::new();
    kustomizations(&root, &mut folders);
    assert!(folders.len() > 90, "only {} kustomizations under {}", folders.len(), root.display());
    let mut failed = 0;
    for folder in &folders {
        let name = folder.strip_prefix(&root).unwrap().to_str().unwrap();
        let expected = theirs(&program, &root, name);
        failed += usize::from(!expected.ok);
        assert_eq!(ours(&root, name), expected, "{name}");
    }
    println!("{} kustomizations are the same, {failed} of them as errors", folders.len());
}

/// The cases of a text: `== NAME`, then the files as `>> PATH` with their lines. The folder of the first is built.
fn cases(text: &str) -> Vec<(&str, Vec<(&str, &str)>)> {
    text.split("\n== ")
        .map(|case| case.strip_prefix("== ").unwrap_or(case))
        .map(|case| {
            let (name, files) = case.split_once('\n').unwrap();
            let files = files.strip_prefix(">> ").unwrap().split("\n>> ");
            (name, files.map(|file| file.split_once('\n').unwrap_or((file, ""))).collect())
        })
        .collect()
}

fn compare(file: &str, text: &str) {
    let Some(program) = oracle() else {
        println!("skipped: no kubectl 1.33 to compare with");
        return;
    };
    let mut different = Vec::new();
    let all = cases(text);
    for (name, files) in &all {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (path, content) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("{content}\n")).unwrap();
        }
        let (ours, mut theirs) = (ours(&root, "."), theirs(&program, &root, "."));
        // Where Go prints the address of a generator, its kind and name are told instead.
        if let Some((before, after)) = theirs.err.split_once("from generator &{") {
            let after = after.split_once(" <nil>}").unwrap().1;
            let told = ours.err.split_once("from generator ").unwrap().1.split_once(": id").unwrap().0;
            theirs.err = format!("{before}from generator {told}{after}");
        }
        if ours != theirs {
            let shown = |one: &Outcome| format!("{}{}", one.out, one.err);
            let diff = similar::TextDiff::from_lines(shown(&theirs), shown(&ours)).unified_diff().to_string();
            different.push(format!("== {name}\n{diff}"));
        }
    }
    assert!(
        different.is_empty(),
        "{file}: {} of {} differ (- kubectl, + ours)\n{}",
        different.len(),
        all.len(),
        different.join("\n")
    );
}

macro_rules! compared {
    ($($test:ident $file:literal;)*) => {$(
        #[test]
        fn $test() {
            compare($file, include_str!($file));
        }
    )*};
}

compared! {
    names_follow_what_they_name "kustomize/names.txt";
    labels_go_where_kubectl_puts_them "kustomize/labels.txt";
    generators_and_hashes_are_kubectls "kustomize/generators.txt";
    patches_change_what_kubectl_changes "kustomize/patches.txt";
    images_replicas_components_replacements_and_order "kustomize/others.txt";
    mistakes_are_told_in_kubectls_words "kustomize/wrong.txt";
}
