//! What the server says that it is and has: version, groups, resources.

use http::{Response, StatusCode, header};
use serde_json::{Value, json};

use super::body::{self, Body};
use super::kinds::{self, Kind};
use super::request::Call;
use super::{Server, Status};

/// The sub-resources whose objects are of another kind: group, version, kind, verbs.
fn subresource(kind: &Kind, name: &str) -> (String, String, String, Vec<&'static str>) {
    let own = |verbs: &[&'static str]| {
        (kind.group.to_string(), kind.version.to_string(), kind.kind.to_string(), verbs.to_vec())
    };
    let other = |group: &str, version: &str, kind: &str, verbs: &[&'static str]| {
        (group.to_owned(), version.to_owned(), kind.to_owned(), verbs.to_vec())
    };
    match name {
        "scale" => other("autoscaling", "v1", "Scale", &["get", "patch", "update"]),
        "binding" => other("", "v1", "Binding", &["create"]),
        "eviction" => other("policy", "v1", "Eviction", &["create"]),
        "attach" => other("", "v1", "PodAttachOptions", &["create", "get"]),
        "exec" => other("", "v1", "PodExecOptions", &["create", "get"]),
        "log" => own(&["get"]),
        "token" => other("authentication.k8s.io", "v1", "TokenRequest", &["create"]),
        "finalize" => own(&["update"]),
        _ => own(&["get", "patch", "update"]),
    }
}

/// Groups with their versions, in order, the preferred version first. The core group is `""`.
fn groups(kinds: &[Kind]) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for kind in kinds {
        let (group, version) = (kind.group.to_string(), kind.version.to_string());
        match groups.iter_mut().find(|(name, _)| *name == group) {
            Some((_, versions)) if versions.contains(&version) => {}
            Some((_, versions)) => versions.push(version),
            None => groups.push((group, vec![version])),
        }
    }
    groups
}

fn group_entry(group: &str, versions: &[String]) -> Value {
    let entry = |version: &String| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let entries: Vec<Value> = versions.iter().map(entry).collect();
    json!({"name": group, "versions": entries, "preferredVersion": entries.first()})
}

fn resource_list(kinds: &[Kind], group: &str, version: &str) -> Option<Value> {
    let mut resources = Vec::new();
    for kind in kinds.iter().filter(|kind| kind.group == group && kind.version == version) {
        let mut entry = json!({
            "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind,
            "verbs": kind.verbs(),
        });
        if !kind.short.is_empty() {
            entry["shortNames"] = kind.short.iter().map(|one| Value::from(one.as_ref())).collect();
        }
        if !kind.categories.is_empty() {
            entry["categories"] = kind.categories.iter().map(|one| Value::from(one.as_ref())).collect();
        }
        resources.push(entry);
        for name in kind.subresources.iter() {
            let (sub_group, sub_version, sub_kind, verbs) = subresource(kind, name);
            let mut entry = json!({
                "name": format!("{}/{name}", kind.plural), "singularName": "", "namespaced": kind.namespaced,
                "kind": sub_kind, "verbs": verbs,
            });
            if sub_group != group || sub_version != version {
                entry["group"] = sub_group.into();
                entry["version"] = sub_version.into();
            }
            resources.push(entry);
        }
    }
    if resources.is_empty() {
        return None;
    }
    let name = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}))
}

/// Everything in one document: `apidiscovery.k8s.io/v2`.
fn aggregated(kinds: &[Kind], groups: &[(String, Vec<String>)]) -> Value {
    let items: Vec<Value> = groups
        .iter()
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let of = kinds.iter().filter(|kind| kind.group == *group && kind.version == *version);
                    let resources: Vec<Value> = of.map(aggregated_resource).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let meta = if group.is_empty() {
                json!({"creationTimestamp": null})
            } else {
                json!({"name": group, "creationTimestamp": null})
            };
            json!({"metadata": meta, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn aggregated_resource(kind: &Kind) -> Value {
    let of = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let scope = if kind.namespaced { "Namespaced" } else { "Cluster" };
    let mut entry = json!({
        "resource": kind.plural, "responseKind": of(&kind.group, &kind.version, &kind.kind), "scope": scope,
        "singularResource": kind.singular, "verbs": kind.verbs(),
    });
    if !kind.short.is_empty() {
        entry["shortNames"] = kind.short.iter().map(|one| Value::from(one.as_ref())).collect();
    }
    if !kind.categories.is_empty() {
        entry["categories"] = kind.categories.iter().map(|one| Value::from(one.as_ref())).collect();
    }
    let subs: Vec<Value> = kind
        .subresources
        .iter()
        .map(|name| {
            let (group, version, sub_kind, verbs) = subresource(kind, name);
            json!({"subresource": name, "responseKind": of(&group, &version, &sub_kind), "verbs": verbs})
        })
        .collect();
    if !subs.is_empty() {
        entry["subresources"] = subs.into();
    }
    entry
}

impl Server {
    /// `/version`.
    pub(super) fn version(&self) -> Value {
        let git = &self.git_version();
        let mut numbers = git.trim_start_matches('v').split(['.', '-']);
        let (major, minor) = (numbers.next().unwrap_or("1"), numbers.next().unwrap_or("0"));
        json!({
            "major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor,
            "minCompatibilityMajor": major,
            "minCompatibilityMinor": minor.parse::<u32>().map_or_else(|_| minor.to_owned(), |minor| minor.saturating_sub(1).to_string()),
            "gitVersion": git, "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "", "compiler": "gc", "platform": "linux/amd64",
        })
    }

    /// `/`: the paths that there are.
    pub(super) fn paths(&self) -> Value {
        let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
        for (group, versions) in groups(&kinds::all(self.store())).iter().filter(|(group, _)| !group.is_empty()) {
            paths.push(format!("/apis/{group}"));
            paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
        }
        paths.extend(["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"].map(str::to_owned));
        json!({ "paths": paths })
    }

    /// Everything at and directly below `/api` and `/apis`.
    pub(super) fn discover(&self, call: &Call, path: &str) -> Result<Response<Body>, Status> {
        let kinds = kinds::all(self.store());
        let groups = groups(&kinds);
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let whole = call.header(header::ACCEPT).split(',').any(|one| {
            let params: Vec<&str> = one.split(';').map(str::trim).collect();
            ["g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"].iter().all(|wanted| params.contains(wanted))
        });
        let (core, named): (Vec<_>, Vec<_>) = groups.into_iter().partition(|(group, _)| group.is_empty());
        let value = match parts.as_slice() {
            ["api"] | ["apis"] if whole => {
                let value = aggregated(&kinds, if parts == ["api"] { &core } else { &named });
                let mut response = body::json(StatusCode::OK, &value);
                let media = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
                response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media));
                return Ok(response);
            }
            ["api"] => json!({
                "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "kubernetes.default.svc:443"}],
            }),
            ["apis"] => {
                let list: Vec<Value> = named.iter().map(|(group, versions)| group_entry(group, versions)).collect();
                json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": list})
            }
            ["api", version] => resource_list(&kinds, "", version).ok_or_else(Status::no_resource)?,
            ["apis", group] => {
                let found = named.iter().find(|(name, _)| name == group).ok_or_else(Status::no_resource)?;
                let mut entry = group_entry(group, &found.1);
                entry["kind"] = "APIGroup".into();
                entry["apiVersion"] = "v1".into();
                entry
            }
            ["apis", group, version] => resource_list(&kinds, group, version).ok_or_else(Status::no_resource)?,
            _ => return Err(Status::no_resource()),
        };
        Ok(body::json(StatusCode::OK, &value))
    }
}
