//! The files that a container sees: what the scenario says that its image has, what its volumes hold, and what was written
//! since. What a volume holds lasts as long as the volume: as long as the Pod, the node or the claim.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::super::controllers::control::Control;
use super::super::super::object::{self, resources};
use super::super::environment;

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// What it holds.
    pub text: String,
    /// When it was written last.
    pub at: Timestamp,
}

/// What was written, by the volume and the path in it.
type Volumes = BTreeMap<String, BTreeMap<String, Written>>;

/// All that containers wrote. Cheap to clone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Disks(Arc<Volumes>);

impl Disks {
    /// Forgets what a Pod alone could see.
    pub fn forget(&mut self, uid: &str) {
        if self.0.keys().any(|volume| volume.starts_with(uid)) {
            Arc::make_mut(&mut self.0).retain(|volume, _| !volume.starts_with(uid));
        }
    }
}

/// A file or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: String,
    /// What it holds; `None` of a folder.
    pub text: Option<String>,
    pub at: Timestamp,
}

/// The files of one container.
pub(super) struct Files<'a> {
    pub control: &'a Control,
    pub pod: &'a Value,
    pub container: &'a Value,
    /// The container's run: what it writes beside its volumes is gone with it.
    pub run: &'a str,
    pub started: Timestamp,
    /// What the image has.
    pub image: &'a BTreeMap<String, String>,
    pub disks: &'a mut Disks,
}

/// Where a path leads.
struct Place {
    volume: String,
    path: String,
    /// What is there from the start, by the path in the volume.
    first: BTreeMap<String, String>,
    read_only: bool,
}

impl Files<'_> {
    /// What a file holds.
    ///
    /// # Errors
    /// The system's words: `No such file or directory`, `Is a directory`.
    pub fn read(&self, path: &str) -> Result<String, &'static str> {
        let place = self.place(path);
        if let Some(text) = self.content(&place) {
            return Ok(text);
        }
        Err(if self.is_folder(&place) { "Is a directory" } else { "No such file or directory" })
    }

    /// Writes a file.
    ///
    /// # Errors
    /// The system's words.
    pub fn write(&mut self, path: &str, text: &str, append: bool) -> Result<(), &'static str> {
        let place = self.place(path);
        if place.read_only {
            return Err("Read-only file system");
        }
        if self.is_folder(&place) {
            return Err("Is a directory");
        }
        let mut whole = if append { self.content(&place).unwrap_or_default() } else { String::new() };
        whole.push_str(text);
        let written = Written { text: whole, at: self.control.now };
        Arc::make_mut(&mut self.disks.0).entry(place.volume).or_default().insert(place.path, written);
        Ok(())
    }

    /// What a folder holds, in the order of the names; the entry itself, if it is a file.
    ///
    /// # Errors
    /// The system's words.
    pub fn list(&self, path: &str) -> Result<(bool, Vec<Entry>), &'static str> {
        let place = self.place(path);
        if let Some(text) = self.content(&place) {
            return Ok((false, vec![Entry { name: path.to_owned(), text: Some(text), at: self.changed(&place) }]));
        }
        if !self.is_folder(&place) {
            return Err("No such file or directory");
        }
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        let prefix = if place.path.is_empty() { String::new() } else { format!("{}/", place.path) };
        let written = self.disks.0.get(&place.volume).into_iter().flatten();
        let all = written
            .map(|(path, file)| (path.as_str(), file.text.as_str(), file.at))
            .chain(place.first.iter().map(|(path, text)| (path.as_str(), text.as_str(), self.started)));
        for (path, text, at) in all {
            let Some(rest) = path.strip_prefix(&prefix) else { continue };
            let (name, inner) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
            let text = (!inner).then(|| text.to_owned());
            entries.entry(name.to_owned()).or_insert(Entry { name: name.to_owned(), text, at });
        }
        for name in self.mounted_in(path) {
            entries.entry(name.clone()).or_insert(Entry { name, text: None, at: self.started });
        }
        Ok((true, entries.into_values().collect()))
    }

    /// What is mounted: the source as `df` tells it, its size, and where.
    pub fn mounts(&self) -> Vec<(String, String, String)> {
        let mut mounts = vec![("overlay".to_owned(), "80G".to_owned(), "/".to_owned())];
        let mut disks = 0;
        for mount in object::list(self.container, "/volumeMounts") {
            let at = object::text(mount, "/mountPath").to_owned();
            let volume = self.volume(object::text(mount, "/name"));
            let claim = self.claim(volume);
            match claim {
                Some(claim) => {
                    disks += 1;
                    let size = object::text(&claim, "/status/capacity/storage").trim_end_matches('i').to_owned();
                    mounts.push((format!("/dev/nvme{disks}n1"), size, at));
                }
                None if volume["emptyDir"]["medium"] == "Memory" || volume.get("projected").is_some() => {
                    mounts.push(("tmpfs".into(), "7.0G".into(), at));
                }
                None => mounts.push(("/dev/nvme0n1p1".into(), "80G".into(), at)),
            }
        }
        mounts
    }

    fn volume(&self, name: &str) -> &Value {
        let volumes = object::list(self.pod, "/spec/volumes");
        volumes.iter().find(|volume| volume["name"] == name).unwrap_or(&Value::Null)
    }

    fn claim(&self, volume: &Value) -> Option<super::super::super::store::Object> {
        let name = volume["persistentVolumeClaim"]["claimName"].as_str()?;
        let claims = super::super::super::store::GroupResource::of("", "persistentvolumeclaims");
        self.control.get(&claims, object::namespace(self.pod), name)
    }

    /// The names of folders right in `path` that volumes are mounted at, or below.
    fn mounted_in(&self, path: &str) -> BTreeSet<String> {
        let prefix = format!("{}/", normal(path).trim_end_matches('/'));
        let mounts = object::list(self.container, "/volumeMounts").iter();
        mounts
            .filter_map(|mount| normal(object::text(mount, "/mountPath")).strip_prefix(&prefix).map(str::to_owned))
            .filter_map(|rest| rest.split('/').next().map(str::to_owned))
            .filter(|name| !name.is_empty())
            .collect()
    }

    fn place(&self, path: &str) -> Place {
        let path = normal(path);
        let mounts = object::list(self.container, "/volumeMounts").iter();
        let inside = mounts.filter_map(|mount| {
            let at = normal(object::text(mount, "/mountPath"));
            let rest = path.strip_prefix(&at).filter(|rest| rest.is_empty() || rest.starts_with('/') || at == "/")?;
            Some((mount, at.len(), rest.trim_start_matches('/').to_owned()))
        });
        let Some((mount, _, rest)) = inside.max_by_key(|(_, length, _)| *length) else {
            let first = self.image.iter().map(|(path, text)| (normal(path)[1..].to_owned(), text.clone())).collect();
            let read_only = self.container["securityContext"]["readOnlyRootFilesystem"] == true;
            let volume = format!("{}/{}/{}", object::uid(self.pod), object::text(self.container, "/name"), self.run);
            return Place { volume, path: path[1..].to_owned(), first, read_only };
        };
        let name = object::text(mount, "/name");
        let volume = self.volume(name);
        let sub = object::text(mount, "/subPath").trim_matches('/');
        let path = [sub, rest.as_str()].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
        let mut first = BTreeMap::new();
        let namespace = object::namespace(self.pod);
        let key = if let Some(claim) = self.claim(volume) {
            format!("claim/{}", object::uid(&claim))
        } else if let Some(host) = volume["hostPath"]["path"].as_str() {
            format!("node/{}{host}", object::text(self.pod, "/spec/nodeName"))
        } else {
            for (resource, source) in [
                (resources::CONFIG_MAPS, volume["configMap"]["name"].as_str()),
                (resources::SECRETS, volume["secret"]["secretName"].as_str()),
            ] {
                let found = source.and_then(|name| self.control.get(&resource, namespace, name));
                if let Some(found) = found {
                    first.extend(environment::entries(&found, resource == resources::SECRETS));
                }
            }
            format!("{}//{name}", object::uid(self.pod))
        };
        let changing = volume.get("configMap").or(volume.get("secret")).or(volume.get("projected"));
        let read_only = mount["readOnly"] == true || changing.is_some();
        Place { volume: key, path, first, read_only }
    }

    fn content(&self, place: &Place) -> Option<String> {
        let written = self.disks.0.get(&place.volume).and_then(|files| files.get(&place.path));
        written.map(|file| file.text.clone()).or_else(|| place.first.get(&place.path).cloned())
    }

    fn changed(&self, place: &Place) -> Timestamp {
        let written = self.disks.0.get(&place.volume).and_then(|files| files.get(&place.path));
        written.map_or(self.started, |file| file.at)
    }

    fn is_folder(&self, place: &Place) -> bool {
        if place.path.is_empty() {
            return true;
        }
        let prefix = format!("{}/", place.path);
        let written = self.disks.0.get(&place.volume).into_iter().flat_map(BTreeMap::keys);
        written.chain(place.first.keys()).any(|path| path.starts_with(&prefix))
            || matches!(place.path.as_str(), "tmp" | "etc" | "var" | "usr" | "home" | "root" | "opt")
    }
}

/// An absolute path without `.`, `..`, doubled and trailing slashes.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn paths() {
        for (path, expected) in [("/a//b/", "/a/b"), ("a/./b/../c", "/a/c"), ("/", "/"), ("/../x", "/x")] {
            assert_eq!(normal(path), expected);
        }
    }
}
