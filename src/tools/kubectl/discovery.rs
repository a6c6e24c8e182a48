//! Which kinds of objects the server has, and what they may be called.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::api::{Api, Call};
use super::error::Failure;
use super::options::duration::quote;
use crate::sandbox::cluster::api::kinds::BUILT_IN;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// How long discovery may take, as the server is told.
pub const TIMEOUT: &str = "32s";

/// A kind of object as the server serves it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping {
    /// The API group, empty for the core.
    pub group: String,
    /// The version.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`.
    pub plural: String,
    /// `deployment`.
    pub singular: String,
    /// `deploy`.
    pub short_names: Vec<String>,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// What can be done with it.
    pub verbs: Vec<String>,
    /// `all`.
    pub categories: Vec<String>,
    /// `status`, `scale`, …
    pub subresources: Vec<String>,
}

impl Mapping {
    /// `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `pods`, `deployments.apps`.
    pub fn group_resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `pod`, `deployment.apps`: the kind in small letters, as it stands before a name.
    pub fn group_kind(&self) -> String {
        let kind = self.kind.to_lowercase();
        if self.group.is_empty() { kind } else { format!("{kind}.{}", self.group) }
    }

    /// The path of the collection, or of an object in it, or of a part of that.
    pub fn path(&self, namespace: &str, name: &str, part: &str) -> String {
        let mut path = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}", self.api_version())
        };
        if self.namespaced && !namespace.is_empty() {
            path.push_str(&format!("/namespaces/{}", super::api::encode(namespace)));
        }
        path.push_str(&format!("/{}", self.plural));
        for part in [name, part].into_iter().filter(|part| !part.is_empty()) {
            path.push_str(&format!("/{}", super::api::encode(part)));
        }
        path
    }

    /// Whether the server allows `verb`.
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }
}

/// All kinds of objects, in the server's order of preference.
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    mappings: Vec<Arc<Mapping>>,
}

impl Discovery {
    /// Asks the server.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ask(api: &Api) -> Result<Self, Failure> {
        let mut discovery = Self::default();
        for root in ["/api", "/apis"] {
            let answer = api.value(&Call::get(root).query("timeout", TIMEOUT).accept(AGGREGATED).opaque()).await?;
            match answer["kind"].as_str() {
                Some("APIGroupDiscoveryList") => discovery.add_aggregated(&answer),
                _ => discovery.add_legacy(api, root, &answer).await?,
            }
        }
        Ok(discovery)
    }

    /// From answers in the aggregated form.
    pub fn add_aggregated(&mut self, list: &Value) {
        for group in items(&list["items"]) {
            let name = text(&group["metadata"]["name"]);
            for version in items(&group["versions"]) {
                for resource in items(&version["resources"]) {
                    let kind = &resource["responseKind"];
                    self.mappings.push(Arc::new(Mapping {
                        group: name.clone(),
                        version: text(&version["version"]),
                        kind: text(&kind["kind"]),
                        plural: text(&resource["resource"]),
                        singular: singular(&resource["singularResource"], &resource["responseKind"]["kind"]),
                        short_names: texts(&resource["shortNames"]),
                        namespaced: resource["scope"] == "Namespaced",
                        verbs: texts(&resource["verbs"]),
                        categories: texts(&resource["categories"]),
                        subresources: items(&resource["subresources"]).map(|sub| text(&sub["subresource"])).collect(),
                    }));
                }
            }
        }
    }

    async fn add_legacy(&mut self, api: &Api, root: &str, answer: &Value) -> Result<(), Failure> {
        let mut versions: Vec<String> = texts(&answer["versions"]);
        for group in items(&answer["groups"]) {
            let preferred = text(&group["preferredVersion"]["groupVersion"]);
            versions.push(preferred.clone());
            versions.extend(
                items(&group["versions"])
                    .map(|version| text(&version["groupVersion"]))
                    .filter(|version| *version != preferred),
            );
        }
        for group_version in versions {
            let list = match api.value(&Call::get(format!("{root}/{group_version}"))).await {
                Ok(list) => list,
                // A group whose server is away does not hide the others.
                Err(Failure::Api(_)) => continue,
                Err(failure) => return Err(failure),
            };
            let (group, version) = group_version.split_once('/').unwrap_or(("", &group_version));
            for resource in items(&list["resources"]) {
                let name = text(&resource["name"]);
                if name.contains('/') {
                    continue;
                }
                let prefix = format!("{name}/");
                let parts = items(&list["resources"])
                    .filter_map(|other| other["name"].as_str()?.strip_prefix(&prefix).map(str::to_owned));
                self.mappings.push(Arc::new(Mapping {
                    group: group.to_owned(),
                    version: version.to_owned(),
                    kind: text(&resource["kind"]),
                    singular: singular(&resource["singularName"], &resource["kind"]),
                    short_names: texts(&resource["shortNames"]),
                    namespaced: resource["namespaced"] == true,
                    verbs: texts(&resource["verbs"]),
                    categories: texts(&resource["categories"]),
                    subresources: parts.collect(),
                    plural: name,
                }));
            }
        }
        Ok(())
    }

    /// The kinds of each group's preferred version.
    pub fn preferred(&self) -> impl Iterator<Item = &Arc<Mapping>> {
        self.mappings.iter().filter(|mapping| {
            self.mappings
                .iter()
                .find(|other| other.group == mapping.group && other.plural == mapping.plural)
                .is_some_and(|first| first.version == mapping.version)
        })
    }

    /// What `TYPE`, `TYPE.GROUP` or `TYPE.VERSION.GROUP` means: by plural, singular or short name, else by kind.
    ///
    /// # Errors
    /// When the server has no such thing.
    pub fn find(&self, word: &str) -> Result<Arc<Mapping>, Failure> {
        let lower = word.to_lowercase();
        let (resource, rest) = lower.split_once('.').unwrap_or((&lower, ""));
        let named = |mapping: &&Arc<Mapping>| {
            mapping.plural == resource
                || mapping.singular == resource
                || mapping.short_names.iter().any(|short| short == resource)
        };
        let exact = |mapping: &&Arc<Mapping>| mapping.plural == resource || mapping.singular == resource;
        let grouped = |mapping: &&Arc<Mapping>, prefix: bool| {
            if let Some((version, group)) = rest.split_once('.')
                && mapping.version == version
                && mapping.group == group
            {
                return true;
            }
            rest.is_empty() || mapping.group == rest || (prefix && mapping.group.starts_with(rest))
        };
        // A short name of an earlier group must not hide the full name of a later one.
        for prefix in [false, true] {
            if let Some(found) = self
                .mappings
                .iter()
                .find(|mapping| exact(mapping) && grouped(mapping, prefix))
                .or_else(|| self.mappings.iter().find(|mapping| named(mapping) && grouped(mapping, prefix)))
            {
                return Ok(Arc::clone(found));
            }
        }
        let (kind, group) = word.split_once('.').unwrap_or((word, ""));
        let by_kind = self.mappings.iter().find(|mapping| {
            mapping.kind == kind
                && (group.is_empty()
                    || mapping.group == group
                    || format!("{}.{}", mapping.version, mapping.group) == group)
        });
        by_kind
            .map(Arc::clone)
            .ok_or_else(|| Failure::message(format!("the server doesn't have a resource type {}", quote(resource))))
    }

    /// The kind of an object that says what it is.
    ///
    /// # Errors
    /// When the server has no such kind.
    pub fn of(&self, api_version: &str, kind: &str) -> Result<Arc<Mapping>, Failure> {
        self.mappings
            .iter()
            .find(|mapping| mapping.kind == kind && mapping.api_version() == api_version)
            .map(Arc::clone)
            .ok_or_else(|| {
                Failure::message(format!("no matches for kind {} in version {}", quote(kind), quote(api_version)))
            })
    }

    /// The kinds in a category such as `all`, if it is one.
    pub fn category(&self, word: &str) -> Vec<Arc<Mapping>> {
        self.preferred()
            .filter(|mapping| mapping.categories.iter().any(|category| category == word))
            .map(Arc::clone)
            .collect()
    }
}

/// The kinds that every cluster has, known without asking.
pub fn built_in() -> &'static Discovery {
    static KNOWN: LazyLock<Discovery> = LazyLock::new(|| {
        let mut discovery = Discovery::default();
        let group = |name: &str| {
            let resources: Vec<Value> = BUILT_IN
                .iter()
                .filter(|kind| kind.group == name)
                .map(|kind| {
                    json!({"resource": kind.plural, "singularResource": kind.singular, "responseKind": {"kind": kind.kind},
                        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" }, "shortNames": kind.short,
                        "categories": kind.categories, "verbs": kind.verbs()})
                })
                .collect();
            let version = BUILT_IN.iter().find(|kind| kind.group == name).map_or("v1", |kind| &kind.version);
            json!({"metadata": {"name": name}, "versions": [{"version": version, "resources": resources}]})
        };
        let mut groups: Vec<&str> = Vec::new();
        for kind in BUILT_IN {
            if !groups.contains(&kind.group.as_ref()) {
                groups.push(&kind.group);
            }
        }
        discovery.add_aggregated(&json!({"items": groups.into_iter().map(group).collect::<Vec<_>>()}));
        discovery
    });
    &KNOWN
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    items(value).map(text).collect()
}

/// The singular that the server tells, else the kind in small letters, as client-go takes it.
fn singular(told: &Value, kind: &Value) -> String {
    match told.as_str() {
        Some(told) if !told.is_empty() => told.to_owned(),
        _ => kind.as_str().unwrap_or_default().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn discovery() -> Discovery {
        let mut discovery = Discovery::default();
        let resource = |plural: &str, singular: &str, kind: &str, short: &str| {
            json!({"resource": plural, "singularResource": singular, "responseKind": {"kind": kind}, "scope": "Namespaced",
                   "shortNames": [short], "verbs": ["get", "list"], "categories": ["all"]})
        };
        discovery.add_aggregated(&json!({"items": [
            {"metadata": {}, "versions": [{"version": "v1", "resources": [
                resource("pods", "pod", "Pod", "po"), resource("events", "event", "Event", "ev")]}]},
            {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [
                resource("deployments", "deployment", "Deployment", "deploy")]}]},
            {"metadata": {"name": "events.k8s.io"}, "versions": [{"version": "v1", "resources": [
                resource("events", "event", "Event", "ev")]}]},
        ]}));
        discovery
    }

    #[test]
    fn names_mean_kinds() {
        let discovery = discovery();
        for (word, path) in [
            ("po", "/api/v1/namespaces/x/pods"),
            ("Pod", "/api/v1/namespaces/x/pods"),
            ("deploy", "/apis/apps/v1/namespaces/x/deployments"),
            ("deployments.apps", "/apis/apps/v1/namespaces/x/deployments"),
            ("deployments.v1.apps", "/apis/apps/v1/namespaces/x/deployments"),
            ("Deployment.apps", "/apis/apps/v1/namespaces/x/deployments"),
            ("events", "/api/v1/namespaces/x/events"),
            ("events.events.k8s.io", "/apis/events.k8s.io/v1/namespaces/x/events"),
        ] {
            assert_eq!(discovery.find(word).unwrap().path("x", "", ""), path, "{word}");
        }
        assert_eq!(
            discovery.find("foo.bar").unwrap_err().report().0,
            "error: the server doesn't have a resource type \"foo\"\n"
        );
        assert_eq!(discovery.category("all").len(), 4);
    }
}
