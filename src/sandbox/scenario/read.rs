//! Reads a scenario's files, and lays one scenario over another.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::source::{HEAD, Texts};
use super::{SandboxError, Scenario};
use crate::sandbox::cluster::{Manifest, fits_pattern};
use crate::sandbox::{aws, cluster};

/// The files that a scenario may have besides its manifests.
const FILES: [&str; 3] = [HEAD, "aws.yaml", "cluster.yaml"];

/// `scenario.yaml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub environment: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    pub modules: Vec<String>,
    /// The scenario that this one builds on.
    #[serde(default)]
    pub base: Option<String>,
    /// What this one does not have of it: `Kind/name` or `Kind/namespace/name`, with `*` for anything. With a Namespace goes what is in it.
    #[serde(default)]
    pub without: Vec<String>,
}

/// The head of a scenario.
pub(super) fn head(folder: &Path, texts: &Texts) -> Result<Head, SandboxError> {
    match texts.get(Path::new(HEAD)) {
        Some(text) => one(&folder.join(HEAD), text),
        None => Err(whole(&folder.join(HEAD), "a scenario needs this file; an empty `environment: {}` will do")),
    }
}

impl Scenario {
    /// Lays the files of a folder over what the scenario has.
    pub(super) fn lay(&mut self, folder: &Path, head: Head, texts: &Texts) -> Result<(), SandboxError> {
        self.take_away(&head.without);
        if !head.description.is_empty() {
            self.description = head.description;
        }
        self.environment.extend(head.environment);
        for (path, text) in texts {
            let file = folder.join(path);
            if path.parent() == Some(Path::new("manifests")) {
                for manifest in manifests(&file, text)? {
                    self.put(manifest);
                }
            } else if path == Path::new(FILES[1]) {
                self.aws.lay(one(&file, text)?);
            } else if path == Path::new(FILES[2]) {
                let given: serde_json::Map<String, Value> = one(&file, text)?;
                self.cluster.lay(one(&file, text)?, &|key| given.contains_key(key));
            } else if path != Path::new(HEAD) {
                return Err(whole(
                    &file,
                    &format!("a scenario has no such file; it has {}, manifests", FILES.join(", ")),
                ));
            }
        }
        self.agree(folder, texts)
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

    /// Adds an object of this layer, in place of one of that name which a lower layer has.
    fn put(&mut self, manifest: Manifest) {
        let own = written(&manifest.object);
        let lower = |held: &Manifest| held.file.parent() != manifest.file.parent() && written(&held.object) == own;
        match self.cluster.manifests.iter_mut().find(|held| lower(held)) {
            Some(held) => *held = manifest,
            None => self.cluster.manifests.push(manifest),
        }
    }

    fn take_away(&mut self, without: &[String]) {
        if without.is_empty() {
            return;
        }
        let gone = |text: &str| without.iter().any(|pattern| fits_pattern(pattern, text));
        self.cluster.manifests.retain(|manifest| {
            let namespace = manifest.object["metadata"]["namespace"].as_str();
            !gone(&written(&manifest.object))
                && !namespace.is_some_and(|namespace| gone(&format!("Namespace/{namespace}")))
        });
    }
}

/// An object as `without` names it.
fn written(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let (kind, name) = (text(&object["kind"]), text(&metadata["name"]));
    match metadata["namespace"].as_str() {
        Some(namespace) => format!("{kind}/{namespace}/{name}"),
        None => format!("{kind}/{name}"),
    }
}

impl aws::Seed {
    /// Lays another account's contents over this one's: what has the same name takes its place.
    fn lay(&mut self, upper: Self) {
        fn over<T>(lower: &mut Vec<T>, upper: Vec<T>, name: impl Fn(&T) -> &str) {
            lower.retain(|held| !upper.iter().any(|new| name(new) == name(held)));
            lower.extend(upper);
        }
        for (lower, upper) in [(&mut self.account, upper.account), (&mut self.region, upper.region)] {
            if !upper.is_empty() {
                *lower = upper;
            }
        }
        if !upper.principal.arn.is_empty() {
            self.principal = upper.principal;
        }
        over(&mut self.clusters, upper.clusters, |cluster| &cluster.name);
        over(&mut self.roles, upper.roles, |role| &role.name);
        over(&mut self.policies, upper.policies, |policy| &policy.name);
        over(&mut self.users, upper.users, |user| &user.name);
        self.addon_versions.extend(upper.addon_versions);
    }
}

impl cluster::Seed {
    /// Lays another cluster's description over this one's: what it gives takes the place of what was there; its containers come
    /// first.
    fn lay(&mut self, mut upper: Self, given: &dyn Fn(&str) -> bool) {
        upper.containers.append(&mut self.containers);
        self.containers = upper.containers;
        self.images.append(&mut upper.images);
        if given("name") {
            self.name = upper.name;
        }
        if given("region") {
            self.region = upper.region;
        }
        if given("version") {
            self.version = upper.version;
        }
        if given("running_for") {
            self.running_for = upper.running_for;
        }
        if given("nodes") {
            self.nodes = upper.nodes;
        }
        if given("zones") {
            self.zones = upper.zones;
        }
        if given("load_balancer_after") {
            self.load_balancer_after = upper.load_balancer_after;
        }
        if given("random") {
            self.random = upper.random;
        }
    }
}

/// The objects of a file of manifests, each with the line that it begins at.
pub(in crate::sandbox) fn manifests(file: &Path, text: &str) -> Result<Vec<Manifest>, SandboxError> {
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
pub(in crate::sandbox) fn whole(file: &Path, message: &str) -> SandboxError {
    SandboxError::Scenario { file: PathBuf::from(file), line: 1, column: 1, message: message.into() }
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
