//! EKS: clusters, their tags and pod identity associations are answered here; lists of what else is in a cluster by
//! winterbaume, from the same clusters. What would change those has nothing behind it yet and says so.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use winterbaume_core::MockRequest;
use winterbaume_eks::EksService;
use winterbaume_eks::views::ClusterView;

use super::associations::{Association, Associations, Place, epoch, page};
use super::behind::Behind;
use super::seed::{ClusterSeed, Seed};
use super::wire::{self, Refusal, WireRequest, WireResponse};
use crate::clock::Clock;
use crate::sandbox::SandboxError;

/// Parts of a cluster that winterbaume lists and describes.
const PARTS: &[&str] =
    &["access-entries", "addons", "fargate-profiles", "identity-provider-configs", "node-groups", "updates"];

pub(super) struct Eks {
    behind: Behind<EksService>,
    pub associations: Associations,
    /// Members of the API's `Cluster` that winterbaume cannot keep, by the cluster's name.
    details: Mutex<BTreeMap<String, Map<String, Value>>>,
    /// The cluster whose API server is on a socket, once it is.
    served: OnceLock<Served>,
    account: String,
    region: String,
    clock: Clock,
}

/// A cluster's API server on a socket.
struct Served {
    cluster: String,
    endpoint: String,
    /// The certificate authority: PEM in base64.
    authority: String,
}

impl Eks {
    pub fn new(account: &str, region: &str, clock: &Clock) -> Self {
        Self {
            behind: Behind::new(EksService::new(), region, account, clock),
            associations: Associations::default(),
            details: Mutex::default(),
            served: OnceLock::new(),
            account: account.into(),
            region: region.into(),
            clock: clock.clone(),
        }
    }

    pub async fn fill(&self, seed: &Seed, made: Timestamp) -> Result<(), SandboxError> {
        let mut clusters = Map::new();
        let mut details = BTreeMap::new();
        for cluster in &seed.clusters {
            let arn = self.cluster_arn(&cluster.name);
            clusters.insert(cluster.name.clone(), view(cluster, &arn, &self.region, &self.account, made));
            let mut detail = cluster.detail.clone();
            detail.insert("tags".into(), json!(cluster.tags));
            details.insert(cluster.name.clone(), detail);
            let place = Place { account: &self.account, region: &self.region, cluster: &cluster.name, now: made };
            for association in &cluster.associations {
                self.associations.seed(&place, association);
            }
        }
        *self.details() = details;
        self.behind.restore(json!({ "clusters": clusters })).await
    }

    pub fn snapshot(&self) -> Result<Value, SandboxError> {
        let associations = serde_json::to_value(self.associations.all());
        Ok(json!({
            "state": self.behind.snapshot(),
            "details": *self.details(),
            "associations": associations.map_err(|error| SandboxError::Snapshot(error.to_string()))?,
        }))
    }

    pub async fn restore(&self, snapshot: &Value) -> Result<(), SandboxError> {
        let wrong = |error: serde_json::Error| SandboxError::Snapshot(error.to_string());
        let associations: Vec<Association> = serde_json::from_value(snapshot["associations"].clone()).map_err(wrong)?;
        let details = serde_json::from_value(snapshot["details"].clone()).map_err(wrong)?;
        self.behind.restore(snapshot["state"].clone()).await?;
        self.associations.replace(associations);
        *self.details() = details;
        Ok(())
    }

    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.behind.view().clusters.into_keys().collect();
        names.sort();
        names
    }

    /// The URL of a cluster's API server, as the account tells it.
    pub fn endpoint(&self, name: &str) -> Option<String> {
        if let Some(served) = self.served(name) {
            return Some(served.endpoint.clone());
        }
        Some(self.behind.view().clusters.get(name)?.endpoint.clone())
    }

    pub fn serve(&self, cluster: &str, endpoint: &str, authority: &str) {
        let served =
            Served { cluster: cluster.to_owned(), endpoint: endpoint.to_owned(), authority: authority.to_owned() };
        // Told once: who is served is not served elsewhere too.
        let _ = self.served.set(served);
    }

    fn served(&self, name: &str) -> Option<&Served> {
        self.served.get().filter(|served| served.cluster == name)
    }

    pub fn cluster_arn(&self, name: &str) -> String {
        format!("arn:aws:eks:{}:{}:cluster/{name}", self.region, self.account)
    }

    /// Answers a request to the EKS of `region`. `check_role` says whether a role can be given to Pods.
    pub async fn call(
        &self,
        request: &WireRequest,
        region: &str,
        check_role: &(dyn Fn(&str) -> Result<(), Refusal> + Sync),
    ) -> WireResponse {
        let path: Vec<String> = request
            .uri()
            .path()
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| wire::percent_decode(part, false))
            .collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let query: BTreeMap<String, String> = wire::form(request.uri().query().unwrap_or("")).into_iter().collect();
        if region != self.region {
            // The account has nothing in other regions.
            return match (request.method().as_str(), path.as_slice()) {
                ("GET", ["clusters"]) => wire::json(200, &json!({ "clusters": [] })),
                (_, ["clusters", name, ..]) => wire::json_refusal(&no_cluster(name)),
                (method, path) => wire::json_refusal(&absent(method, path)),
            };
        }
        match self.answer(request, &path, &query, check_role).await {
            Ok(response) => response,
            Err(refusal) => wire::json_refusal(&refusal),
        }
    }

    async fn answer(
        &self,
        request: &WireRequest,
        path: &[&str],
        query: &BTreeMap<String, String>,
        check_role: &(dyn Fn(&str) -> Result<(), Refusal> + Sync),
    ) -> Result<WireResponse, Refusal> {
        let method = request.method().as_str();
        let clusters = self.behind.view().clusters;
        if let ["clusters", name, ..] = path
            && !clusters.contains_key(*name)
        {
            return Err(no_cluster(name));
        }
        let place = |cluster| Place { account: &self.account, region: &self.region, cluster, now: self.clock.now() };
        let body = || -> Result<Value, Refusal> {
            serde_json::from_slice(request.body())
                .map_err(|_| Refusal::new(400, "InvalidRequestException", "The request body is not JSON."))
        };
        let content = match (method, path) {
            ("GET", ["clusters"]) => {
                let mut names: Vec<Value> = clusters.keys().map(|name| json!(name)).collect();
                names.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                page("clusters", names, query)?
            }
            ("GET", ["clusters", name]) => json!({ "cluster": self.describe(name, &clusters[*name]) }),
            ("GET", ["clusters", name, "pod-identity-associations"]) => self.associations.list(name, query)?,
            ("POST", ["clusters", name, "pod-identity-associations"]) => {
                self.associations.create(&place(name), &body()?, check_role)?
            }
            ("GET", ["clusters", name, "pod-identity-associations", id]) => self.associations.describe(name, id)?,
            ("POST", ["clusters", name, "pod-identity-associations", id]) => {
                self.associations.update(&place(name), id, &body()?, check_role)?
            }
            ("DELETE", ["clusters", name, "pod-identity-associations", id]) => self.associations.delete(name, id)?,
            ("GET", ["tags", arn @ ..]) => {
                let arn = arn.join("/");
                json!({ "tags": self.tags(&arn, |tags| tags.clone())? })
            }
            ("POST", ["tags", arn @ ..]) => {
                let body = body()?;
                let added = body["tags"].as_object().cloned().unwrap_or_default();
                let added: BTreeMap<String, Value> = added.into_iter().collect();
                self.tags(&arn.join("/"), |tags| tags.extend(added))?;
                json!({})
            }
            ("DELETE", ["tags", arn @ ..]) => {
                let keys: Vec<String> = wire::form(request.uri().query().unwrap_or(""))
                    .into_iter()
                    .filter_map(|(key, value)| (key == "tagKeys").then_some(value))
                    .collect();
                self.tags(&arn.join("/"), |tags| tags.retain(|key, _| !keys.contains(key)))?;
                json!({})
            }
            ("GET", ["clusters", _, part, ..]) if PARTS.contains(part) => return self.behind(request).await,
            ("GET", ["access-policies"]) => return self.behind(request).await,
            (method, path) => return Err(absent(method, path)),
        };
        Ok(wire::json(200, &content))
    }

    /// A part of a cluster, from winterbaume.
    async fn behind(&self, request: &WireRequest) -> Result<WireResponse, Refusal> {
        let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let behind = MockRequest {
            method: request.method().to_string(),
            uri: format!("https://eks.{}.amazonaws.com{path}", self.region),
            headers: http::HeaderMap::new(),
            body: request.body().clone(),
        };
        let failed = |error: SandboxError| Refusal::new(500, "ServerException", error.to_string());
        let answer = self.behind.call(behind, false).await.map_err(failed)?;
        let mut response = wire::answer(answer.status, "application/json", answer.body);
        if let Some(kind) = answer.headers.get("x-amzn-errortype") {
            response.headers_mut().insert("x-amzn-errortype", kind.clone());
        }
        Ok(response)
    }

    fn describe(&self, name: &str, view: &ClusterView) -> Value {
        let created = view.created_at.as_deref().and_then(|moment| moment.parse::<Timestamp>().ok());
        let mut cluster = json!({
            "name": view.name,
            "arn": view.arn,
            "createdAt": created.map(epoch),
            "version": view.version,
            "endpoint": view.endpoint,
            "roleArn": view.role_arn,
            "status": view.status,
        });
        if let (Some(cluster), Some(detail)) = (cluster.as_object_mut(), self.details().get(name)) {
            cluster.extend(detail.clone());
        }
        if let Some(served) = self.served(name) {
            cluster["endpoint"] = json!(served.endpoint);
            cluster["certificateAuthority"] = json!({ "data": served.authority });
        }
        cluster
    }

    /// Lets `change` at the tags of a cluster or an association.
    fn tags<T>(&self, arn: &str, change: impl FnOnce(&mut Map<String, Value>) -> T) -> Result<T, Refusal> {
        let missing = || Refusal::new(404, "NotFoundException", format!("Resource not found: {arn}"));
        if let Some(name) = arn.strip_prefix(self.cluster_arn("").as_str()) {
            let mut details = self.details();
            let detail = details.get_mut(name).ok_or_else(missing)?;
            let tags = detail.entry("tags").or_insert_with(|| json!({}));
            return tags.as_object_mut().map(change).ok_or_else(missing);
        }
        self.associations.with_tags(arn, change).ok_or_else(missing)
    }

    fn details(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Map<String, Value>>> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_cluster(name: &str) -> Refusal {
    Refusal::new(404, "ResourceNotFoundException", format!("No cluster found for name: {name}."))
}

fn absent(method: &str, path: &[&str]) -> Refusal {
    // Names and ids out, so that the message says what kind of thing is missing.
    let kind: Vec<_> = path.iter().enumerate().map(|(at, part)| if at % 2 == 1 { "{}" } else { part }).collect();
    Refusal::absent("eks", &format!("{method} /{}", kind.join("/")))
}

/// A cluster as winterbaume's view has it.
fn view(seed: &ClusterSeed, arn: &str, region: &str, account: &str, made: Timestamp) -> Value {
    let created = seed.created.clone().unwrap_or_else(|| made.to_string());
    let part = |kind: &str, name: &str| {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(format!("{arn}/{kind}/{name}"));
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let id = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        format!("arn:aws:eks:{region}:{account}:{kind}/{}/{name}/{id}", seed.name)
    };
    let addons: Map<String, Value> = seed
        .addons
        .iter()
        .map(|addon| {
            let view = json!({"addon_name": addon.name, "addon_arn": part("addon", &addon.name),
                "cluster_name": seed.name, "addon_version": addon.version, "service_account_role_arn": null,
                "status": "ACTIVE", "created_at": created, "modified_at": created});
            (addon.name.clone(), view)
        })
        .collect();
    let entries: Map<String, Value> = seed
        .access_entries
        .iter()
        .map(|entry| {
            let principal = entry.principal_arn.split_once(":role/").map_or("", |(_, name)| name);
            let view = json!({"principal_arn": entry.principal_arn,
                "access_entry_arn": part("access-entry", &format!("role/{account}/{principal}")),
                "cluster_name": seed.name, "kubernetes_groups": entry.groups, "entry_type": entry.kind,
                "username": entry.username, "created_at": created, "modified_at": created});
            (entry.principal_arn.clone(), view)
        })
        .collect();
    let endpoint = format!("https://{}.gr7.{region}.eks.amazonaws.com", unique(arn));
    json!({
        "name": seed.name, "arn": arn, "endpoint": endpoint, "role_arn": seed.role_arn, "status": "ACTIVE",
        "version": seed.version, "created_at": created, "addons": addons, "access_entries": entries,
    })
}

/// 32 hex digits, as in a cluster's endpoint, the same for the same ARN.
fn unique(arn: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(arn.as_bytes()).iter().take(16).map(|byte| format!("{byte:02X}")).collect()
}
