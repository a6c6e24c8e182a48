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
                let objects: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| located(&file, &error))?;
                let objects = objects.into_iter().filter(|object| !object.is_null());
                scenario.cluster.manifests.extend(objects.map(|object| Manifest { file: file.clone(), object }));
            } else if !known.iter().any(|known| path == Path::new(known)) {
                return Err(whole(
                    &file,
                    &format!("a scenario has no such file; it has {}, manifests", known.join(", ")),
                ));
            }
        }
        Ok(scenario)
    }
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
    // The first line says what is wrong; below it is an excerpt of the file, which whoever prints this can show better.
    let message = error.without_snippet().to_string();
    SandboxError::Scenario {
        file: file.to_owned(),
        line: place.map_or(1, |place| number(place.line())),
        column: place.map_or(1, |place| number(place.column())),
        message: message.lines().next().unwrap_or_default().to_owned(),
    }
}
