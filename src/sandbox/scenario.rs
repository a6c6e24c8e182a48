//! Scenarios: what a sandbox starts with, as data. Bundled ones are under `assets/scenarios`, others in any folder.
//!
//! A scenario is a folder: `scenario.yaml` (the environment of a lesson's shell, a description, the modules that begin so), `aws.yaml` (the account),
//! `cluster.yaml` (the cluster, and how containers behave in it) and `manifests/*.yaml` (plain Kubernetes objects). Only
//! the first is required.
//!
//! A scenario may build on another one (`base:` in `scenario.yaml`) and has then all of it but what it lists under `without:`; what it says itself
//! counts more. A folder `modules/NAME` in a scenario is what is otherwise where the module of that name begins: it holds the same files, and
//! builds on the scenario that it is in.

mod read;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

pub(super) use self::read::{manifests, whole};
use self::source::Source;
use super::{SandboxError, aws, cluster};
use crate::files::Below;

/// How many scenarios may build on one another.
const DEEPEST: usize = 8;

/// What a sandbox starts with.
#[derive(Debug, Clone, Default)]
pub struct Scenario {
    /// What it is, in a sentence.
    pub description: String,
    /// The environment that a lesson's shell starts with.
    pub environment: BTreeMap<String, String>,
    /// The workshop's modules that begin here, as `prepare-environment` names them.
    pub modules: Vec<String>,
    /// The account.
    pub aws: aws::Seed,
    /// The cluster.
    pub cluster: cluster::Seed,
    /// The module at whose beginning it is; `None` where it is the scenario itself.
    module: Option<String>,
    source: Source,
}

impl Scenario {
    /// The scenario that is used when nobody names one.
    ///
    /// # Errors
    /// When a bundled file is wrong.
    pub fn default_bundled() -> Result<Self, SandboxError> {
        Self::bundled(source::default_name())
    }

    /// A bundled scenario.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn bundled(name: &str) -> Result<Self, SandboxError> {
        Self::of(&Source::bundled(name)?, DEEPEST)
    }

    /// The names of the bundled scenarios.
    pub fn names() -> Vec<String> {
        source::names()
    }

    /// The scenario in a folder.
    ///
    /// # Errors
    /// When a file cannot be read, or says what is not understood: with file, line and column.
    pub fn load(folder: &Path) -> Result<Self, SandboxError> {
        Self::of(&Source::Folder(folder.to_owned()), DEEPEST)
    }

    /// The scenario in a folder of a course: nothing that it is made of lies outside of `root`.
    ///
    /// # Errors
    /// As [`Scenario::load`]; when a file or a scenario that it builds on leads out.
    pub fn of_course(root: Below, folder: &Path) -> Result<Self, SandboxError> {
        Self::of(&Source::OfCourse(root, folder.to_owned()), DEEPEST)
    }

    fn of(source: &Source, deepest: usize) -> Result<Self, SandboxError> {
        let texts = source.texts(None)?;
        let mut head = read::head(source.path(), &texts)?;
        let mut modules = std::mem::take(&mut head.modules);
        modules.extend(source.modules());
        let mut scenario = match &head.base {
            Some(_) if deepest == 0 => {
                let file = source.path().join(source::HEAD);
                return Err(read::whole(&file, "the scenarios build on one another without an end"));
            }
            Some(base) => Self::of(&source.base(base)?, deepest - 1)?,
            None => Self::default(),
        };
        scenario.lay(source.path(), head, &texts)?;
        scenario.modules = modules;
        scenario.source = source.clone();
        Ok(scenario)
    }

    /// The scenario as a module begins: of this scenario if it has it, else of the bundled one that has it. `None` when none has.
    ///
    /// # Errors
    /// When a file of it is wrong.
    pub fn at_module(&self, module: &str) -> Result<Option<Self>, SandboxError> {
        if let Some(found) = self.without_module()?.own_module(module)? {
            return Ok(Some(found));
        }
        for name in Self::names() {
            if let Some(found) = Self::bundled(&name)?.own_module(module)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn own_module(self, module: &str) -> Result<Option<Self>, SandboxError> {
        if !self.modules.iter().any(|known| known == module) {
            return Ok(None);
        }
        let mut scenario = Self { module: Some(module.to_owned()), ..self };
        if scenario.source.modules().iter().any(|known| known == module) {
            let texts = scenario.source.texts(Some(module))?;
            let folder = scenario.source.module_path(module);
            let head = read::head(&folder, &texts)?;
            if head.base.is_some() || !head.modules.is_empty() {
                let file = folder.join(source::HEAD);
                return Err(read::whole(&file, "a module builds on the scenario that it is in, and has no modules"));
            }
            scenario.lay(&folder, head, &texts)?;
        }
        Ok(Some(scenario))
    }

    /// The scenario itself, where it was at a module's beginning.
    ///
    /// # Errors
    /// When a file of it is wrong.
    pub fn without_module(&self) -> Result<Self, SandboxError> {
        if self.module.is_none() {
            return Ok(self.clone());
        }
        Self::of(&self.source, DEEPEST)
    }

    /// The module at whose beginning it is.
    pub fn module(&self) -> Option<&str> {
        self.module.as_deref()
    }

    /// Its name, where it is a bundled one.
    pub fn name(&self) -> Option<&str> {
        match &self.source {
            Source::Bundled(name) => Some(name),
            Source::Folder(_) | Source::OfCourse(..) | Source::Made => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn all_bundled_scenarios_and_modules_can_be_read() {
        for name in Scenario::names() {
            let scenario = Scenario::bundled(&name).unwrap();
            for module in &scenario.modules {
                let found = scenario.at_module(module).unwrap().unwrap();
                assert_eq!((found.module(), found.name()), (Some(module.as_str()), Some(name.as_str())));
            }
        }
        assert!(Scenario::default_bundled().unwrap().at_module("no/such").unwrap().is_none());
    }

    #[test]
    fn a_module_is_laid_over_its_scenario() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let object = |kind: &str, namespace: &str, name: &str| {
            let namespace = if namespace.is_empty() { String::new() } else { format!(", namespace: {namespace}") };
            format!("{{apiVersion: v1, kind: {kind}, metadata: {{name: {name}{namespace}}}}}\n---\n")
        };
        write("low/scenario.yaml", "environment: {A: '1', B: '1'}");
        write("low/cluster.yaml", "name: low\nversion: v1.30.0\ncontainers: [{pull: 1s}]");
        let all = [object("Namespace", "", "web"), object("Secret", "web", "key"), object("ConfigMap", "x", "kept")];
        write("low/manifests/all.yaml", &all.concat());
        write("own/scenario.yaml", "base: ../low\nenvironment: {B: '2'}\nmodules: [plain]");
        write("own/cluster.yaml", "name: own\ncontainers: [{pull: 2s}, {pull: 3s}]");
        write("own/modules/a/b/scenario.yaml", "without: [Namespace/web]\nenvironment: {C: '3'}");
        write("own/modules/a/b/manifests/new.yaml", &object("ConfigMap", "x", "kept"));
        let own = Scenario::load(&folder.path().join("own")).unwrap();
        assert_eq!((own.cluster.name.as_str(), own.cluster.version.as_str()), ("own", "v1.30.0"));
        assert_eq!(own.cluster.containers.len(), 3);
        assert_eq!(own.modules, ["plain", "a/b"]);
        let plain = own.at_module("plain").unwrap().unwrap();
        assert_eq!(plain.cluster.manifests.len(), 3);
        let inner = plain.at_module("a/b").unwrap().unwrap();
        assert_eq!(inner.environment["A"].clone() + &inner.environment["B"] + &inner.environment["C"], "123");
        let [kept] = inner.cluster.manifests.as_slice() else { panic!("{:?}", inner.cluster.manifests) };
        assert!(kept.file.ends_with("own/modules/a/b/manifests/new.yaml"), "{kept:?}");
        assert_eq!(inner.without_module().unwrap().cluster.manifests.len(), 3);
        // Whoever builds on itself is told.
        write("low/scenario.yaml", "base: ../own");
        assert!(Scenario::load(&folder.path().join("own")).unwrap_err().to_string().contains("without an end"));
        write("low/scenario.yaml", "base: nowhere");
        assert!(Scenario::load(&folder.path().join("own")).unwrap_err().to_string().contains("nowhere"));
    }
}
