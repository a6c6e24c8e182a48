//! Scenarios: what a sandbox starts with, as data. Bundled ones are under `assets/scenarios`, others in any folder.
//!
//! A scenario is a folder: `scenario.yaml` (the environment of a lesson's shell, a description, the modules that begin so), `aws.yaml` (the account),
//! `cluster.yaml` (the cluster, and how containers behave in it) and `manifests/*.yaml` (plain Kubernetes objects). Only
//! the first is required.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cluster::Manifest;
use super::{SandboxError, aws, cluster};

static BUNDLED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/scenarios");

/// The file that names the scenario which is used when nobody names one.
const DEFAULT: &str = "default";

/// What a sandbox starts with.
#[derive(Debug, Clone, Default)]
pub struct Scenario {
    /// What it is, in a sentence.
    pub description: String,
    /// The environment that a lesson's shell starts with.
    pub environment: BTreeMap<String, String>,
    /// The workshop's modules that begin so, as `prepare-environment` names them.
    pub modules: Vec<String>,
    /// The account.
    pub aws: aws::Seed,
    /// The cluster.
    pub cluster: cluster::Seed,
}

/// `scenario.yaml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    #[serde(default)]
    description: String,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    modules: Vec<String>,
}

/// A scenario's files by their path in its folder.
type Texts = BTreeMap<PathBuf, String>;

impl Scenario {
    /// The scenario that is used when nobody names one.
    ///
    /// # Errors
    /// When a bundled file is wrong.
    pub fn default_bundled() -> Result<Self, SandboxError> {
        let name = BUNDLED.get_file(DEFAULT).and_then(|file| file.contents_utf8()).unwrap_or_default();
        Self::bundled(name.trim())
    }

    /// A bundled scenario.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn bundled(name: &str) -> Result<Self, SandboxError> {
        let Some(folder) = BUNDLED.dirs().find(|folder| folder.path() == Path::new(name)) else {
            return Err(SandboxError::NoScenario { name: name.into(), known: Self::names().join(", ") });
        };
        let mut texts = Texts::new();
        let manifests = folder.get_dir(folder.path().join("manifests"));
        for file in folder.files().chain(manifests.into_iter().flat_map(Dir::files)) {
            let path = file.path().strip_prefix(folder.path()).unwrap_or(file.path());
            texts.insert(path.to_owned(), file.contents_utf8().unwrap_or_default().to_owned());
        }
        Self::read(Path::new(name), &texts)
    }

    /// The names of the bundled scenarios.
    pub fn names() -> Vec<String> {
        let mut names: Vec<String> = BUNDLED.dirs().map(|folder| folder.path().display().to_string()).collect();
        names.sort();
        names
    }

    /// The name of the bundled scenario that a module of the workshop begins with.
    ///
    /// # Errors
    /// When a bundled file is wrong.
    pub fn of_module(module: &str) -> Result<Option<String>, SandboxError> {
        for name in Self::names() {
            if Self::bundled(&name)?.modules.iter().any(|known| known == module) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// The scenario in a folder.
    ///
    /// # Errors
    /// When a file cannot be read, or says what is not understood: with file, line and column.
    pub fn load(folder: &Path) -> Result<Self, SandboxError> {
        let mut texts = Texts::new();
        for part in ["", "manifests"] {
            let here = folder.join(part);
            let entries = match std::fs::read_dir(&here) {
                Ok(entries) => entries,
                Err(error) if part.is_empty() => return Err(whole(&here, &error.to_string())),
                Err(_) => continue,
            };
            for entry in entries {
                let path = entry.map_err(|error| whole(&here, &error.to_string()))?.path();
                let name = path.file_name().map(PathBuf::from).unwrap_or_default();
                if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
                    let text = std::fs::read_to_string(&path).map_err(|error| whole(&path, &error.to_string()))?;
                    texts.insert(Path::new(part).join(name), text);
                }
            }
        }
        Self::read(folder, &texts)
    }

    fn read(folder: &Path, texts: &Texts) -> Result<Self, SandboxError> {
        let mut scenario = Self::default();
        let known = ["scenario.yaml", "aws.yaml", "cluster.yaml"];
        let Some(head) = texts.get(Path::new(known[0])) else {
            return Err(whole(
                &folder.join(known[0]),
                "a scenario needs this file; an empty `environment: {}` will do",
            ));
        };
        let head: Head = one(&folder.join(known[0]), head)?;
        scenario.description = head.description;
        scenario.environment = head.environment;
        scenario.modules = head.modules;
        if let Some(text) = texts.get(Path::new(known[1])) {
            scenario.aws = one(&folder.join(known[1]), text)?;
        }
        if let Some(text) = texts.get(Path::new(known[2])) {
            scenario.cluster = one(&folder.join(known[2]), text)?;
        }
        for (path, text) in texts {
            let file = folder.join(path);
            if path.parent() == Some(Path::new("manifests")) {
                scenario.cluster.manifests.extend(manifests(&file, text)?);
            } else if !known.iter().any(|known| path == Path::new(known)) {
                return Err(whole(
                    &file,
                    &format!("a scenario has no such file; it has {}, manifests", known.join(", ")),
                ));
            }
        }
        scenario.agree(folder, texts)?;
        Ok(scenario)
    }

    /// Compares what the account and the cluster say of each other.
    fn agree(&self, folder: &Path, texts: &Texts) -> Result<(), SandboxError> {
        let wrong = |file: &str, key: &str, message: String| {
            let text = texts.get(Path::new(file)).map_or("", String::as_str);
            let line = text.lines().position(|line| line.starts_with(key)).map_or(1, |at| at + 1);
            Err(SandboxError::Scenario { file: folder.join(file), line, column: 1, message })
        };
        let (aws, cluster) = (&self.aws, &self.cluster);
        if !aws.account.is_empty() && (aws.account.len() != 12 || !aws.account.bytes().all(|one| one.is_ascii_digit()))
        {
            return wrong("aws.yaml", "account:", format!("account {:?} is not twelve digits", aws.account));
        }
        let known: Vec<&str> = aws.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        if !cluster.name.is_empty() && !known.is_empty() && !known.contains(&cluster.name.as_str()) {
            let message = format!("the account has no cluster {:?}; aws.yaml has {}", cluster.name, known.join(", "));
            return wrong("cluster.yaml", "name:", message);
        }
        if !cluster.region.is_empty() && !aws.region.is_empty() && cluster.region != aws.region {
            let message = format!("the account's region is {}, and the cluster is in {}", aws.region, cluster.region);
            return wrong("cluster.yaml", "region:", message);
        }
        let mut names: Vec<&str> = cluster.nodes.iter().map(|node| node.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return wrong("cluster.yaml", "nodes:", format!("there are two nodes named {}", pair[0]));
        }
        Ok(())
    }
}

/// The objects of a file of manifests, each with the line that it begins at.
fn manifests(file: &Path, text: &str) -> Result<Vec<Manifest>, SandboxError> {
    let mut found = Vec::new();
    let mut document = String::new();
    let mut line = 0;
    // Above each document stay as many empty lines as others took, so that errors name the file's lines.
    for (number, row) in text.lines().chain(["---"]).enumerate() {
        let ends = row == "---" || row.starts_with("--- ");
        if !ends {
            if line == 0 && !row.trim_start().is_empty() && !row.trim_start().starts_with('#') {
                line = number + 1;
            }
            document.push_str(row);
            document.push('\n');
            continue;
        }
        if line > 0 {
            let object: Value = serde_saphyr::from_str(&document).map_err(|error| located(file, &error))?;
            if !object.is_object() {
                let message = "not a Kubernetes object: a manifest is a map with apiVersion, kind and metadata".into();
                return Err(SandboxError::Scenario { file: file.to_owned(), line, column: 1, message });
            }
            found.push(Manifest { file: file.to_owned(), line, object });
        }
        document = "\n".repeat(number + 1);
        line = 0;
        if let Some(rest) = row.strip_prefix("--- ").filter(|rest| !rest.trim_start().starts_with('#')) {
            document.truncate(number);
            document.push_str(rest);
            document.push('\n');
            line = number + 1;
        }
    }
    Ok(found)
}

fn one<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, SandboxError> {
    serde_saphyr::from_str(text).map_err(|error| located(file, &error))
}

/// A file that is wrong as a whole.
fn whole(file: &Path, message: &str) -> SandboxError {
    SandboxError::Scenario { file: file.to_owned(), line: 1, column: 1, message: message.into() }
}

fn located(file: &Path, error: &serde_saphyr::Error) -> SandboxError {
    let place = error.location();
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    // The first line says what is wrong; below it is an excerpt of the file, which whoever prints this can show better. The
    // place is told ahead of it.
    let message = error.without_snippet().to_string();
    let message = message.lines().next().unwrap_or_default();
    let message = message.rsplit_once(" at line ").map_or(message, |(what, _)| what);
    let message = match message {
        // The only variants with values that a scenario has are conditions.
        "expected end of mapping after enum variant value" => {
            "a condition has one key; write `all: [...]` around several"
        }
        other => other,
    };
    SandboxError::Scenario {
        file: file.to_owned(),
        line: place.map_or(1, |place| number(place.line())),
        column: place.map_or(1, |place| number(place.column())),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(files: &[(&str, &str)]) -> String {
        let texts: Texts = files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        match Scenario::read(Path::new("s"), &texts) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let head = ("scenario.yaml", "environment: {}\n");
        let aws = ("aws.yaml", "account: \"111122223333\"\nregion: r1\nclusters: [{name: shop, version: \"1.36\"}]\n");
        let cluster = |text: &'static str| ("cluster.yaml", text);
        for (file, message) in [
            (
                cluster("# c\nname: shops\n"),
                "s/cluster.yaml:2:1: the account has no cluster \"shops\"; aws.yaml has shop",
            ),
            (
                cluster("name: shop\nregion: r2\n"),
                "s/cluster.yaml:2:1: the account's region is r1, and the cluster is in r2",
            ),
            (
                cluster("containers:\n  - match: {imag: x}\n"),
                "s/cluster.yaml:2:13: unknown field `imag`, expected one of image, container, namespace, labels, owner",
            ),
            (
                cluster("containers:\n  - exits: [{after: 1s, code: 1, when: {env: {A: b}, service: c}}]\n"),
                "s/cluster.yaml:2:54: a condition has one key; write `all: [...]` around several",
            ),
            (
                ("clustr.yaml", ""),
                "s/clustr.yaml:1:1: a scenario has no such file; it has scenario.yaml, aws.yaml, cluster.yaml, manifests",
            ),
            (
                ("manifests/a.yaml", "# a\nkind: A\n---\n- 1\n"),
                "s/manifests/a.yaml:4:1: not a Kubernetes object: a manifest is a map with apiVersion, kind and metadata",
            ),
        ] {
            assert_eq!(wrong(&[head, aws, file]), message);
        }
        assert!(wrong(&[aws]).starts_with("s/scenario.yaml:1:1: a scenario needs this file"));
    }

    #[test]
    fn manifests_know_their_lines() {
        let text = "# first\napiVersion: v1\nkind: A\n---\n# nothing\n---\n\n# second\nkind: B\n--- # third\nkind: C\n";
        let found = manifests(Path::new("m.yaml"), text).unwrap();
        let lines: Vec<(usize, &str)> =
            found.iter().map(|one| (one.line, one.object["kind"].as_str().unwrap())).collect();
        assert_eq!(lines, [(2, "A"), (9, "B"), (11, "C")]);
    }
}
