//! `kustomize build` against the one inside kubectl 1.33, byte by byte: every kustomization of the corpus, and small ones
//! for each feature. Skipped, with a message, where that kubectl or the corpus is missing. `LECTERN_KUBECTL` names the
//! program; else it is the plain client beside the `kubectl` in PATH.

use std::path::{Path, PathBuf};
use std::process::Command;

use lectern::tools::{Files, Root, kustomize};
use needs::needs;

/// What was printed to standard output and error, and the exit status.
#[derive(Debug, PartialEq)]
struct Outcome {
    out: String,
    err: String,
    status: i32,
}

/// How many kustomizations the corpus has, and how many of them name a file that is not in it: kubectl fails there.
const KUSTOMIZATIONS: (usize, usize) = (97, 2);

/// What the real one does. Every build has its own process, whose state is not the next one's.
fn theirs(program: &Path, root: &Path, folder: &str) -> Outcome {
    #[allow(clippy::disallowed_methods, reason = "the oracle is the real program")]
    let mut command = Command::new(program);
    let output = command.args(["kustomize", folder]).current_dir(root).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome { out: text(output.stdout), err: text(output.stderr), status: output.status.code().unwrap_or(-1) }
}

fn ours(root: &Path, folder: &str) -> Outcome {
    let dir = cap_std::fs::Dir::open_ambient_dir(root, cap_std::ambient_authority()).unwrap();
    let files = Files::new(vec![Root { path: root.to_owned(), dir, writable: false }], root.to_owned());
    let mut warnings = Vec::new();
    let built = kustomize::build_with_warnings(&files, folder, &mut warnings);
    let mut err: String = warnings.iter().map(|line| format!("{line}\n")).collect();
    let (out, status) = match built {
        Ok(resources) => (kustomize::render(&resources), 0),
        Err(error) => {
            err += &format!("error: {}\n", error.to_string().trim_end_matches('\n'));
            (String::new(), 1)
        }
    };
    Outcome { out, err, status }
}

fn kustomizations(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    if entries.iter().any(|path| path.file_name().is_some_and(|name| name == "kustomization.yaml")) {
        found.push(folder.to_owned());
    }
    entries.iter().filter(|path| path.is_dir()).for_each(|path| kustomizations(path, found));
}

#[needs("kubectl", "shared/corpus")]
#[test]
fn every_kustomization_of_the_corpus_is_built_as_kubectl_builds_it() {
    let root = oracles::path("shared/corpus/manifests");
    let program = oracles::path("kubectl");
    let mut folders = Vec::new();
    kustomizations(&root, &mut folders);
    let mut failed = Vec::new();
    for folder in &folders {
        let name = folder.strip_prefix(&root).unwrap().to_str().unwrap();
        let expected = theirs(&program, &root, name);
        assert_eq!(ours(&root, name), expected, "{name}");
        if expected.status != 0 {
            failed.push((name, expected));
        }
    }
    println!("{} kustomizations are the same, {} of them as errors", folders.len(), failed.len());
    assert_eq!((folders.len(), failed.len()), KUSTOMIZATIONS, "under {}", root.display());
    // As errors they are the same to the shell too.
    for (name, expected) in failed {
        assert_eq!(of_the_shell(&root, name), expected, "{name}");
    }
}

/// What `kubectl kustomize FOLDER` does in a lesson's shell.
fn of_the_shell(root: &Path, folder: &str) -> Outcome {
    #[allow(clippy::disallowed_methods, reason = "the test runs the program that it tests")]
    let mut command = Command::new(env!("CARGO_BIN_EXE_lectern"));
    let output = command.args(["sh", "-c", &format!("kubectl kustomize {folder}")]).current_dir(root).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome { out: text(output.stdout), err: text(output.stderr), status: output.status.code().unwrap_or(-1) }
}

/// What asks for other programs or for the network: refused by name, nothing is built, and nothing is asked for.
#[test]
fn what_would_need_programs_or_the_network_is_refused() {
    let base = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let unsupported = |field: &str| format!("asks for '{field}', which is refused: ");
    for (kustomization, why) in [
        (
            "resources: [a.yaml]\nvars: [{name: X, objref: {kind: ConfigMap, name: a, apiVersion: v1}}]",
            unsupported("vars"),
        ),
        ("helmCharts: [{name: a, repo: 'https://charts.example.com', version: 1.0.0}]", unsupported("helmCharts")),
        ("helmChartInflationGenerator: [{chartName: a}]", unsupported("helmChartInflationGenerator")),
        ("generators: [g.yaml]", unsupported("generators")),
        ("transformers: [t.yaml]", unsupported("transformers")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::write(root.join("kustomization.yaml"), kustomization).unwrap();
        std::fs::write(root.join("a.yaml"), base).unwrap();
        let outcome = ours(&root, ".");
        assert_eq!((outcome.out.as_str(), outcome.status), ("", 1), "{outcome:?}");
        assert!(outcome.err.contains(&why), "{why}: {outcome:?}");
    }
    for remote in [
        "https://github.com/kubernetes-sigs/kustomize/examples/helloWorld?ref=v1.0.6",
        "http://example.com/base",
        "github.com/kubernetes-sigs/kustomize//examples/helloWorld",
        "git@github.com:owner/repository",
        "ssh://git@example.com/owner/repository.git",
        "git::https://example.com/repository",
        "gitlab.com/owner/repository//base?ref=main",
        "https://example.com/manifest.yaml",
    ] {
        for field in ["resources", "components", "bases"] {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().canonicalize().unwrap();
            std::fs::write(root.join("kustomization.yaml"), format!("{field}: ['{remote}']")).unwrap();
            let outcome = ours(&root, ".");
            assert_eq!((outcome.out.as_str(), outcome.status), ("", 1), "{outcome:?}");
            let told = format!("remote resource '{remote}' is refused");
            assert!(outcome.err.contains(&told), "{field}: {outcome:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        let outcome = ours(&folder.path().canonicalize().unwrap(), remote);
        assert!(outcome.status == 1 && outcome.err.contains("is refused: nothing is downloaded"), "{outcome:?}");
    }
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
    let program = oracles::path("kubectl");
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
        #[needs("kubectl")]
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
