//! One folder with a kustomization: its objects gathered and changed, those of other folders among them.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::kustomization::{COMPONENT, Kustomization, Patch, Replacement};
use super::resource::{Resource, append};
use super::{document, generate, order, patch, references, replace, transform};
use crate::tools::Files;

/// The names under which a kustomization is found.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A folder that is being built.
pub(super) struct Target<'a> {
    files: &'a Files,
    root: PathBuf,
    /// The folders that led here, this one included.
    visited: Vec<PathBuf>,
    kustomization: Kustomization,
}

/// Why something could not be read, and whether a folder may be meant after all.
enum Failed {
    /// The file is there and is no YAML.
    Malformed(String),
    /// Anything else.
    Other(String),
}

impl Failed {
    fn text(&self) -> &str {
        match self {
            Self::Malformed(text) | Self::Other(text) => text,
        }
    }
}

/// Builds the kustomization in a folder, or only gathers its objects without changing them. What kustomize warns of goes to
/// `warnings`.
pub(super) fn build(
    files: &Files,
    path: &str,
    unchanged: bool,
    warnings: &mut Vec<String>,
) -> Result<Vec<Value>, String> {
    let root = normal(&files.cwd().join(path));
    refuse_remote(files, &root, path)?;
    confirm_folder(files, &root, path).map_err(|why| format!("must build at directory: {why}"))?;
    let mut target = Target::load(files, root, &[], warnings)?;
    if unchanged {
        let Kustomization { api_version, kind, resources, bases, .. } = target.kustomization;
        target.kustomization = Kustomization { api_version, kind, resources, bases, ..Kustomization::default() };
    }
    let mut resources = target.accumulate(Vec::new(), warnings)?;
    resources.iter_mut().filter(|resource| resource.hashed).for_each(generate::add_hash);
    references::update(&mut resources)?;
    resources
        .retain(|resource| resource.value["metadata"]["annotations"]["config.kubernetes.io/local-config"].is_null());
    order::sort(&mut resources, target.kustomization.sort_options.as_ref())?;
    Ok(resources
        .into_iter()
        .map(|mut resource| {
            document::settle(&mut resource.value);
            let annotations = resource.texts("annotations");
            if annotations.is_empty() {
                resource.set_texts("annotations", annotations);
            }
            resource.value
        })
        .collect())
}

/// Refuses what is not in a folder but elsewhere.
fn refuse_remote(files: &Files, at: &Path, path: &str) -> Result<(), String> {
    let schemes = ["http://", "https://", "ssh://", "git@", "git::", "file://", "github.com/", "gh:", "oci://"];
    let remote = schemes.iter().any(|scheme| path.starts_with(scheme)) || path.contains("?ref=");
    if remote && files.metadata(at).is_err() {
        return Err(format!("remote resource '{path}' is refused: nothing is downloaded; copy it into the folder"));
    }
    Ok(())
}

impl<'a> Target<'a> {
    fn load(files: &'a Files, root: PathBuf, visited: &[PathBuf], warnings: &mut Vec<String>) -> Result<Self, String> {
        let shown = root.display().to_string();
        let mut found = NAMES.iter().filter_map(|name| Some((*name, files.read_to_string(root.join(name)).ok()?)));
        let Some((name, text)) = found.next() else {
            return Err(format!(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{shown}'"
            ));
        };
        if found.next().is_some() {
            return Err(format!("Found multiple kustomization files under: {shown}\n"));
        }
        let kustomization = Kustomization::read(&text, name, &shown)?;
        warnings.extend(kustomization.warnings());
        if kustomization.is_empty() {
            return Err("kustomization.yaml is empty".to_owned());
        }
        if let Some(field) = kustomization.refused() {
            return Err(format!(
                "the kustomization under {shown} asks for '{field}', which is refused: this build runs no plugins, downloads nothing and knows no such transformation"
            ));
        }
        let mut visited = visited.to_vec();
        visited.push(root.clone());
        Ok(Self { files, root, visited, kustomization })
    }

    /// Adds this folder's objects to those of the folder that includes it as a component, and changes them all.
    fn accumulate(&self, mut resources: Vec<Resource>, warnings: &mut Vec<String>) -> Result<Vec<Resource>, String> {
        let asked = &self.kustomization;
        for path in asked.resources.iter().chain(&asked.bases).flatten() {
            self.add(path, &mut resources, warnings).map_err(|why| format!("accumulating resources: {why}"))?;
        }
        let read = |path: &str| self.read(path);
        let global = asked.generator_options.as_ref();
        for (kind, generators) in [("ConfigMap", &asked.config_map_generator), ("Secret", &asked.secret_generator)] {
            for generator in generators.iter().flatten() {
                let made = generate::generate(kind, generator, global, &read)?;
                let name = generator.name.clone();
                generate::absorb(&mut resources, made)
                    .map_err(|why| format!("merging from generator for {kind} {name}: {why}"))?;
            }
        }
        for path in asked.components.iter().flatten() {
            resources = self
                .add_component(path, resources, warnings)
                .map_err(|why| format!("accumulating components: {why}"))?;
        }
        self.transform(&mut resources)?;
        Ok(resources)
    }

    /// Changes all objects, in kustomize's order.
    fn transform(&self, resources: &mut Vec<Resource>) -> Result<(), String> {
        let asked = &self.kustomization;
        let load = |path: &str| self.read_text(path);
        if let Some(listed) = &asked.patches_strategic_merge {
            patch::apply_listed(resources, listed, &load)?;
        }
        for one in asked.patches.iter().flatten() {
            patch::apply(resources, one, &load)?;
        }
        transform::namespace(resources, &asked.namespace)?;
        transform::prefix(resources, &asked.name_prefix);
        transform::suffix(resources, &asked.name_suffix);
        let labels = asked.labels.as_deref().unwrap_or_default();
        transform::labels(resources, labels, asked.common_labels.as_ref())?;
        transform::annotations(resources, asked.common_annotations.as_ref())?;
        for one in asked.patches_json6902.iter().flatten() {
            let one = Patch { options: None, ..one.clone() };
            patch::apply(resources, &one, &load)?;
        }
        transform::replicas(resources, asked.replicas.as_deref().unwrap_or_default())?;
        let images: Vec<_> = asked.images.iter().chain(&asked.image_tags).flatten().cloned().collect();
        transform::images(resources, &images)?;
        for replacement in asked.replacements.iter().flatten() {
            for one in self.replacements(replacement)? {
                replace::replace(resources, &one)?;
            }
        }
        Ok(())
    }

    /// A replacement, or those of the file that it names.
    fn replacements(&self, replacement: &Replacement) -> Result<Vec<Replacement>, String> {
        if replacement.path.is_empty() {
            return Ok(vec![replacement.clone()]);
        }
        if replacement.source.is_some() || replacement.targets.is_some() {
            return Err("cannot specify both path and inline replacement".to_owned());
        }
        let text = self.read_text(&replacement.path)?;
        let mut all = Vec::new();
        for mut read in document::read(&text)? {
            document::settle(&mut read);
            let list = if read.is_array() { read } else { Value::Array(vec![read]) };
            let several: Vec<Replacement> =
                serde_json::from_value(list).map_err(|error| format!("{}: {error}", replacement.path))?;
            all.extend(several);
        }
        Ok(all)
    }

    /// Adds the objects of a file or folder.
    fn add(&self, path: &str, resources: &mut Vec<Resource>, warnings: &mut Vec<String>) -> Result<(), String> {
        refuse_remote(self.files, &normal(&self.root.join(path)), path)?;
        let failed = match self.add_file(path, resources) {
            Ok(()) => return Ok(()),
            Err(failed) => failed,
        };
        let wrap = |why: String| format!("accumulation err='{}': {why}", failed.text());
        let folder = match self.folder(path) {
            Ok(folder) => folder,
            Err(why) => {
                return Err(match &failed {
                    Failed::Malformed(text) => text.clone(),
                    Failed::Other(_) => wrap(why),
                });
            }
        };
        let shown = folder.display().to_string();
        let below = Target::load(self.files, folder, &self.visited, warnings)
            .map_err(|why| wrap(format!("couldn't make target for path '{shown}': {why}")))?;
        if below.kustomization.kind == COMPONENT {
            return Err(wrap(format!("expected kind != '{COMPONENT}' for path '{shown}'")));
        }
        let more = below
            .accumulate(Vec::new(), warnings)
            .map_err(|why| wrap(format!("recursed accumulation of path '{shown}': {why}")))?;
        more.into_iter()
            .try_for_each(|resource| append(resources, resource))
            .map_err(|why| wrap(format!("recursed merging from path '{shown}': {why}")))
    }

    fn add_component(
        &self,
        path: &str,
        resources: Vec<Resource>,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Resource>, String> {
        refuse_remote(self.files, &normal(&self.root.join(path)), path)?;
        let folder = self.folder(path).map_err(|why| format!("loader.New {why:?}"))?;
        let shown = folder.display().to_string();
        let wrap = |why: String| format!("accumulateDirectory: {why:?}");
        let below = Target::load(self.files, folder, &self.visited, warnings)
            .map_err(|why| wrap(format!("couldn't make target for path '{shown}': {why}")))?;
        let kind = &below.kustomization.kind;
        if kind != COMPONENT {
            return Err(wrap(format!("expected kind '{COMPONENT}' for path '{shown}' but got '{kind}'")));
        }
        below
            .accumulate(resources, warnings)
            .map_err(|why| wrap(format!("recursed accumulation of path '{shown}': {why}")))
    }

    /// Adds the objects of a file.
    fn add_file(&self, path: &str, resources: &mut Vec<Resource>) -> Result<(), Failed> {
        let from = |why: String| format!("accumulating resources from '{path}': {why}");
        let text = self.read_text(path).map_err(|why| Failed::Other(from(why)))?;
        let read = document::read(&text)
            .map_err(|why| Failed::Malformed(from(format!("MalformedYAMLError: yaml: {why} in File: {path}"))))?;
        let mut objects = Vec::new();
        read.into_iter().try_for_each(|value| flatten(value, &mut objects)).map_err(|why| Failed::Other(from(why)))?;
        let mut own = Vec::new();
        for value in &objects {
            append(&mut own, Resource::new(value.clone())).map_err(|why| Failed::Other(from(why)))?;
        }
        for value in objects {
            append(resources, Resource::new(value))
                .map_err(|why| Failed::Other(format!("merging resources from '{path}': {why}")))?;
        }
        Ok(())
    }

    fn read_text(&self, path: &str) -> Result<String, String> {
        String::from_utf8(self.read(path)?).map_err(|_| format!("'{path}' is no UTF-8 text"))
    }

    /// Reads a file in or below the folder.
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let at = normal(&self.root.join(path));
        let shown = at.display();
        let metadata = self.files.metadata(&at).map_err(|_| missing(self.files, &at, &shown.to_string()))?;
        if metadata.is_dir() {
            return Err(format!("'{shown}' must resolve to a file"));
        }
        if !at.starts_with(&self.root) {
            return Err(format!("security; file '{shown}' is not in or below '{}'", self.root.display()));
        }
        self.files.read(&at).map_err(|error| format!("read {shown}: {error}"))
    }

    /// The folder that a path names; never one that leads here.
    fn folder(&self, path: &str) -> Result<PathBuf, String> {
        if path.is_empty() {
            return Err("new root cannot be empty".to_owned());
        }
        if Path::new(path).is_absolute() {
            return Err(format!("new root '{path}' cannot be absolute"));
        }
        let at = normal(&self.root.join(path));
        let shown = at.display().to_string();
        confirm_folder(self.files, &at, &shown).map_err(|why| format!("must build at directory: {why}"))?;
        match self.visited.iter().rev().find(|visited| visited.starts_with(&at)) {
            Some(visited) => {
                Err(format!("cycle detected: candidate root '{shown}' contains visited root '{}'", visited.display()))
            }
            None => Ok(at),
        }
    }
}

fn confirm_folder(files: &Files, at: &Path, shown: &str) -> Result<(), String> {
    match files.metadata(at) {
        Err(_) => Err(format!("not a valid directory: {}", missing(files, at, shown))),
        Ok(metadata) if !metadata.is_dir() => Err(format!("'{shown}': file is not directory")),
        Ok(_) => Ok(()),
    }
}

/// What Go says of a file that is not there: it names the first folder on the way that is missing.
fn missing(files: &Files, at: &Path, shown: &str) -> String {
    let there = |path: &&Path| files.metadata(path).is_ok();
    let first = match at.ancestors().find(there) {
        Some(parent) => at.ancestors().find(|path| path.parent() == Some(parent)).unwrap_or(at),
        None => at,
    };
    format!("evalsymlink failure on '{shown}' : lstat {}: no such file or directory", first.display())
}

/// Takes `.` and `..` out of an absolute path by name.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::Normal(name) => out.push(name),
            _ => {}
        }
    }
    out
}

/// The objects of a document: a list's items count as objects of their own.
fn flatten(value: Value, objects: &mut Vec<Value>) -> Result<(), String> {
    if value.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok(());
    }
    check(&value)?;
    let is_list = value["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    if is_list && let Some(items) = value["items"].as_array() {
        return items.iter().try_for_each(|item| flatten(item.clone(), objects));
    }
    objects.push(value);
    Ok(())
}

/// Whether a value says what object it is.
///
/// # Errors
/// What is missing.
pub(super) fn check(value: &Value) -> Result<(), String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if !value.is_object() || ["apiVersion", "kind", "metadata"].iter().all(|field| value[field].is_null()) {
        return Err("missing Resource metadata".to_owned());
    }
    let metadata = &value["metadata"];
    let texts = |field: &str| {
        let entries = metadata[field].as_object().into_iter().flatten();
        let mut entries: Vec<String> = entries.map(|(key, value)| format!("{key}:{}", text(value))).collect();
        entries.sort();
        entries.join(" ")
    };
    let shown = || {
        format!(
            "{{{{{} {}}} {{{{{} {}}} map[{}] map[{}]}}}}",
            text(&value["apiVersion"]),
            text(&value["kind"]),
            text(&metadata["name"]),
            text(&metadata["namespace"]),
            texts("labels"),
            texts("annotations")
        )
    };
    let kind = text(&value["kind"]);
    if kind.is_empty() {
        return Err(format!("missing kind in object {}", shown()));
    }
    if !kind.ends_with("List") && text(&metadata["name"]).is_empty() {
        return Err(format!("missing metadata.name in object {}", shown()));
    }
    Ok(())
}
