//! Where a scenario's files are: in the program, or in a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::SandboxError;
use super::read::whole;

static BUNDLED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/scenarios");

/// The file that names the scenario which is used when nobody names one.
const DEFAULT: &str = "default";

/// The folder of a scenario's modules.
const MODULES: &str = "modules";

/// The file that every scenario and every module has.
pub(super) const HEAD: &str = "scenario.yaml";

/// How deep a module's name may be.
const DEEPEST: usize = 6;

/// A folder's files by their path in it.
pub(super) type Texts = BTreeMap<PathBuf, String>;

/// Where a scenario comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Source {
    /// It was made in code and has no files.
    #[default]
    Made,
    /// It comes with the program.
    Bundled(String),
    /// It is a folder of this machine.
    Folder(PathBuf),
}

/// The name of the scenario that is used when nobody names one.
pub(super) fn default_name() -> &'static str {
    BUNDLED.get_file(DEFAULT).and_then(|file| file.contents_utf8()).unwrap_or_default().trim()
}

/// The names of the bundled scenarios, sorted.
pub(super) fn names() -> Vec<String> {
    let mut names: Vec<String> = BUNDLED.dirs().map(|folder| folder.path().display().to_string()).collect();
    names.sort();
    names
}

impl Source {
    /// The source of a bundled scenario.
    pub fn bundled(name: &str) -> Result<Self, SandboxError> {
        if names().iter().any(|known| known == name) {
            return Ok(Self::Bundled(name.into()));
        }
        Err(SandboxError::NoScenario { name: name.into(), known: names().join(", ") })
    }

    /// The source of what a scenario here names as the one that it builds on: a bundled one's name, or a path with a slash.
    pub fn base(&self, name: &str) -> Result<Self, SandboxError> {
        match self {
            Self::Folder(folder) if name.contains('/') => Ok(Self::Folder(folder.join(name))),
            _ => Self::bundled(name),
        }
    }

    /// How it is named in errors.
    pub fn path(&self) -> &Path {
        match self {
            Self::Made => Path::new(""),
            Self::Bundled(name) => Path::new(name),
            Self::Folder(folder) => folder,
        }
    }

    /// Where the files of a module are told to be.
    pub fn module_path(&self, module: &str) -> PathBuf {
        self.path().join(MODULES).join(module)
    }

    /// The files of the scenario itself; of `module`, if one is named.
    pub fn texts(&self, module: Option<&str>) -> Result<Texts, SandboxError> {
        let inner = module.map_or_else(PathBuf::new, |module| Path::new(MODULES).join(module));
        match self {
            Self::Made => Ok(Texts::new()),
            Self::Bundled(name) => {
                let mut texts = Texts::new();
                let folder = Path::new(name).join(inner);
                for part in [folder.clone(), folder.join("manifests")] {
                    for file in BUNDLED.get_dir(&part).into_iter().flat_map(Dir::files) {
                        let path = file.path().strip_prefix(&folder).unwrap_or(file.path());
                        texts.insert(path.to_owned(), file.contents_utf8().unwrap_or_default().to_owned());
                    }
                }
                Ok(texts)
            }
            Self::Folder(root) => folder_texts(&root.join(inner)),
        }
    }

    /// The names of its modules, sorted.
    pub fn modules(&self) -> Vec<String> {
        let mut found = Vec::new();
        match self {
            Self::Made => {}
            Self::Bundled(name) => {
                let root = Path::new(name).join(MODULES);
                let mut left: Vec<&Dir<'_>> = BUNDLED.get_dir(&root).into_iter().collect();
                while let Some(folder) = left.pop() {
                    if folder.get_file(folder.path().join(HEAD)).is_some() {
                        found.extend(relative(folder.path(), &root));
                    }
                    left.extend(folder.dirs());
                }
            }
            Self::Folder(folder) => {
                let root = folder.join(MODULES);
                let mut left = vec![(root.clone(), 0)];
                while let Some((folder, depth)) = left.pop() {
                    if folder.join(HEAD).is_file() {
                        found.extend(relative(&folder, &root));
                    }
                    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
                    let inner = entries.map(|entry| entry.path()).filter(|path| depth < DEEPEST && path.is_dir());
                    left.extend(inner.map(|path| (path, depth + 1)));
                }
            }
        }
        found.sort();
        found
    }
}

fn relative(folder: &Path, root: &Path) -> Option<String> {
    let name = folder.strip_prefix(root).ok()?.to_str()?.replace('\\', "/");
    (!name.is_empty()).then_some(name)
}

fn folder_texts(folder: &Path) -> Result<Texts, SandboxError> {
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
    Ok(texts)
}
