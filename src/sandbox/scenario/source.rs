//! Where a scenario's files are: in the program, or in a folder.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::SandboxError;
use super::read::whole;
use crate::files::Below;

static BUNDLED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/scenarios");

/// The file that names the scenario which is used when nobody names one.
const DEFAULT: &str = "default";

/// The folder of a scenario's modules.
const MODULES: &str = "modules";

/// The file that every scenario and every module has.
pub(super) const HEAD: &str = "scenario.yaml";

/// No file of a course's scenario is longer, in bytes.
const LONGEST: u64 = 16 << 20;

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
    /// It is a folder of a course, by its path from the course's root, which nothing of it leads out of.
    OfCourse(Below, PathBuf),
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
            Self::OfCourse(root, folder) if name.contains('/') => Ok(Self::OfCourse(root.clone(), folder.join(name))),
            _ => Self::bundled(name),
        }
    }

    /// How it is named in errors.
    pub fn path(&self) -> &Path {
        match self {
            Self::Made => Path::new(""),
            Self::Bundled(name) => Path::new(name),
            Self::Folder(folder) | Self::OfCourse(_, folder) => folder,
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
            Self::Folder(root) => {
                let folder = root.join(inner);
                let opened = Below::open(&folder).map_err(|error| whole(&folder, &error.to_string()))?;
                // The person named this folder: what links in it lead to is the person's too.
                let names = |part: &Path| {
                    let entries = std::fs::read_dir(opened.root().join(part))?;
                    entries.map(|entry| Ok((entry?.file_name().to_string_lossy().into_owned(), false))).collect()
                };
                folder_texts(&folder, &|path| std::fs::read_to_string(opened.root().join(path)), &names)
            }
            Self::OfCourse(root, folder) => {
                let folder = folder.join(inner);
                let read = |path: &Path| root.text(&folder.join(path), LONGEST);
                folder_texts(&folder, &read, &|part| root.names(&folder.join(part)))
            }
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
                if let Ok(root) = Below::open(&folder.join(MODULES)) {
                    modules_below(&root, Path::new(""), &mut found);
                }
            }
            Self::OfCourse(root, folder) => modules_below(root, &folder.join(MODULES), &mut found),
        }
        found.sort();
        found
    }
}

fn relative(folder: &Path, root: &Path) -> Option<String> {
    let name = folder.strip_prefix(root).ok()?.to_str()?.replace('\\', "/");
    (!name.is_empty()).then_some(name)
}

/// The modules in a folder of them.
fn modules_below(root: &Below, modules: &Path, found: &mut Vec<String>) {
    let mut left = vec![(modules.to_owned(), 0)];
    while let Some((folder, depth)) = left.pop() {
        if root.file(&folder.join(HEAD)).is_ok() {
            found.extend(relative(&folder, modules));
        }
        let entries = root.names(&folder).unwrap_or_default();
        let inner = entries.into_iter().filter(|(_, is_folder)| depth < DEEPEST && *is_folder);
        left.extend(inner.map(|(name, _)| (folder.join(name), depth + 1)));
    }
}

/// Lists a folder: what is in it, and whether that is a folder.
type Names<'a> = dyn Fn(&Path) -> io::Result<Vec<(String, bool)>> + 'a;

/// The files of a folder and of its manifests; `read` and `names` take paths from it on.
fn folder_texts(
    folder: &Path,
    read: &dyn Fn(&Path) -> io::Result<String>,
    names: &Names<'_>,
) -> Result<Texts, SandboxError> {
    let mut texts = Texts::new();
    for part in ["", "manifests"] {
        let here = folder.join(part);
        let entries = match names(Path::new(part)) {
            Ok(entries) => entries,
            Err(error) if part.is_empty() || error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(whole(&here, &error.to_string()));
            }
            Err(_) => continue,
        };
        for (name, _) in entries {
            let path = Path::new(part).join(name);
            if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
                let text = read(&path).map_err(|error| whole(&folder.join(&path), &error.to_string()))?;
                texts.insert(path, text);
            }
        }
    }
    Ok(texts)
}
