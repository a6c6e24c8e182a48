//! EKS: clusters, their parts and updates, tags and pod identity associations. What takes time in AWS takes time here, on
//! the session's clock. What there is nothing behind (insights, capabilities, certificate authorities, EKS Anywhere,
//! registrations of clusters elsewhere, schemas of add-ons, the catalogue of versions) is refused by name.

mod associations;
mod cluster;
mod entries;
mod groups;
mod parts;
mod provision;
mod store;
mod update;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

pub(super) use associations::Association;
use associations::{Associations, Place, page};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use store::{Clusters, Thing};

use super::seed::Seed;
use super::wire::{self, Refusal, WireRequest, WireResponse};
use crate::clock::Clock;
use crate::sandbox::SandboxError;

/// What EKS asks IAM about an ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A role that Pods may be given.
    Pods,
    /// A role that this service may take.
    Trusts(&'static str),
    /// Somebody who is there.
    Exists,
}

/// Asks IAM.
pub(super) type Principals<'a> = &'a (dyn Fn(&str, Wanted) -> Result<(), Refusal> + Sync);

pub(super) struct Eks {
    pub associations: Associations,
    clusters: Mutex<Clusters>,
    /// The versions of add-ons that there are, the default first.
    addons: BTreeMap<String, Vec<String>>,
    /// The cluster whose API server is on a socket, once it is.
    served: OnceLock<Served>,
    /// Counts what may have changed what clusters have.
    changed: tokio::sync::watch::Sender<u64>,
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

/// A call on its way through.
struct Ask<'a> {
    query: &'a [(String, String)],
    body: Map<String, Value>,
    principals: Principals<'a>,
    now: Timestamp,
}

impl Ask<'_> {
    /// A value of the query.
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of the query with that name.
    fn parameters(&self, name: &str) -> Vec<&str> {
        self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// A member of the body; null when it is absent.
    fn get(&self, name: &str) -> Value {
        self.body.get(name).cloned().unwrap_or(Value::Null)
    }

    fn text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A member that must be there.
    fn required(&self, name: &str) -> Result<&str, Refusal> {
        match self.text(name) {
            "" => Err(invalid(format!("{name} can't be null!"))),
            text => Ok(text),
        }
    }

    fn token(&self) -> Option<String> {
        self.body.get("clientRequestToken").and_then(Value::as_str).map(str::to_owned)
    }

    /// The tags, in the order of their keys: on the wire they come in any.
    fn tags(&self) -> Result<Value, Refusal> {
        let tags: BTreeMap<String, Value> =
            self.body.get("tags").and_then(Value::as_object).cloned().unwrap_or_default().into_iter().collect();
        check_tags(tags.keys(), tags.len())?;
        Ok(json!(tags))
    }

    fn page(&self, name: &str, items: Vec<Value>) -> Result<Value, Refusal> {
        let of = |key: &str| {
            let inner = self.parameter(key).map(str::to_owned);
            // Operations that list by POST say it in the body.
            inner.or_else(|| self.body.get(key).map(|value| value.as_str().map_or(value.to_string(), str::to_owned)))
        };
        let query = ["maxResults", "nextToken"].into_iter().filter_map(|key| Some((key.to_owned(), of(key)?)));
        page(name, items, &query.collect())
    }
}

/// The limits of a resource's tags (Amazon EKS User Guide, "Tagging your resources").
fn check_tags<'a>(mut keys: impl Iterator<Item = &'a String>, total: usize) -> Result<(), Refusal> {
    if total > 50 {
        return Err(Refusal::new(400, "BadRequestException", "A resource can have at most 50 tags"));
    }
    if keys.any(|key| key.to_lowercase().starts_with("aws:")) {
        return Err(invalid("Tag keys cannot start with the reserved prefix aws:"));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "InvalidParameterException", message)
}

fn in_use(message: impl Into<String>) -> Refusal {
    Refusal::new(409, "ResourceInUseException", message)
}

fn not_found(message: impl Into<String>) -> Refusal {
    Refusal::new(404, "ResourceNotFoundException", message)
}

fn no_cluster(name: &str) -> Refusal {
    not_found(format!("No cluster found for name: {name}."))
}

impl Eks {
    pub fn new(account: &str, region: &str, seed: &Seed, made: Timestamp, clock: &Clock) -> Self {
        let eks = Self {
            associations: Associations::default(),
            clusters: Mutex::default(),
            addons: seed.addon_versions.clone(),
            served: OnceLock::new(),
            changed: tokio::sync::watch::Sender::new(0),
            account: account.into(),
            region: region.into(),
            clock: clock.clone(),
        };
        for cluster in &seed.clusters {
            let place = eks.place(&cluster.name, made);
            for association in &cluster.associations {
                eks.associations.seed(&place, association);
            }
            let filled = eks.seeded(cluster, made);
            eks.lock().insert(cluster.name.clone(), filled);
        }
        eks
    }

    pub fn snapshot(&self) -> Result<Value, SandboxError> {
        let failed = |error: serde_json::Error| SandboxError::Snapshot(error.to_string());
        Ok(json!({
            "clusters": serde_json::to_value(&*self.lock()).map_err(failed)?,
            "associations": serde_json::to_value(self.associations.all()).map_err(failed)?,
        }))
    }

    pub fn restore(&self, snapshot: &Value) -> Result<(), SandboxError> {
        let wrong = |error: serde_json::Error| SandboxError::Snapshot(error.to_string());
        let associations: Vec<Association> = serde_json::from_value(snapshot["associations"].clone()).map_err(wrong)?;
        let clusters = serde_json::from_value(snapshot["clusters"].clone()).map_err(wrong)?;
        self.associations.replace(associations);
        *self.lock() = clusters;
        self.note_change();
        Ok(())
    }

    pub fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// The URL of a cluster's API server, as the account tells it.
    pub fn endpoint(&self, name: &str) -> Option<String> {
        if let Some(served) = self.served(name) {
            return Some(served.endpoint.clone());
        }
        self.lock().get(name).map(|cluster| cluster.whole.text("endpoint").to_owned())
    }

    /// The OpenID Connect issuer of a cluster.
    pub fn issuer(&self, name: &str) -> Option<String> {
        let issuer = self.lock().get(name)?.whole.body.get("identity")?["oidc"]["issuer"].as_str()?.to_owned();
        Some(issuer)
    }

    /// Whether a cluster of the account has that issuer.
    pub fn is_issuer(&self, url: &str) -> bool {
        let clusters = self.lock();
        clusters.values().any(|one| one.whole.body.get("identity").is_some_and(|it| it["oidc"]["issuer"] == url))
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

    fn place<'a>(&'a self, cluster: &'a str, now: Timestamp) -> Place<'a> {
        Place { account: &self.account, region: &self.region, cluster, now }
    }

    /// The clusters as they are now.
    fn lock(&self) -> MutexGuard<'_, Clusters> {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        store::settle(&mut clusters, self.clock.now());
        clusters
    }

    /// Answers a request to the EKS of `region`.
    pub fn call(&self, request: &WireRequest, region: &str, principals: Principals<'_>) -> WireResponse {
        let path: Vec<String> = request
            .uri()
            .path()
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| wire::percent_decode(part, false))
            .collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let query = wire::form(request.uri().query().unwrap_or(""));
        if region != self.region {
            // The account has nothing in other regions.
            return match (request.method().as_str(), path.as_slice()) {
                ("GET", ["clusters"]) => wire::json(200, &json!({ "clusters": [] })),
                (_, ["clusters", name, ..]) => wire::json_refusal(&no_cluster(name)),
                (method, path) => wire::json_refusal(&absent(method, path)),
            };
        }
        let body = match request.body().as_ref() {
            b"" => Ok(Map::new()),
            bytes => serde_json::from_slice(bytes)
                .map_err(|_| Refusal::new(400, "InvalidRequestException", "The request body is not JSON.")),
        };
        let answer = body.and_then(|body| {
            let ask = Ask { query: &query, body, principals, now: self.clock.now() };
            self.answer(request.method().as_str(), &path, &ask)
        });
        if answer.is_ok() && request.method() != http::Method::GET {
            self.note_change();
        }
        match answer {
            Ok(content) => wire::json(200, &content),
            Err(refusal) => wire::json_refusal(&refusal),
        }
    }

    fn answer(&self, method: &str, path: &[&str], ask: &Ask<'_>) -> Result<Value, Refusal> {
        if let ["clusters", name, ..] = path
            && !self.lock().contains_key(*name)
        {
            return Err(no_cluster(name));
        }
        let query: BTreeMap<String, String> = ask.query.iter().cloned().collect();
        let body = || Value::Object(ask.body.clone());
        let pods = |arn: &str| (ask.principals)(arn, Wanted::Pods);
        match (method, path) {
            ("GET", ["clusters"]) => ask.page("clusters", self.lock().keys().map(|name| json!(name)).collect()),
            ("POST", ["clusters"]) => self.create_cluster(ask),
            ("GET", ["clusters", name]) => {
                let clusters = self.lock();
                let cluster = clusters.get(*name).ok_or_else(|| no_cluster(name))?;
                Ok(json!({ "cluster": self.shown(name, &cluster.whole) }))
            }
            ("DELETE", ["clusters", name]) => self.delete_cluster(name, ask),
            ("POST", ["clusters", name, "update-config"]) => self.update_config(name, ask),
            ("POST", ["clusters", name, "updates"]) => self.update_version(name, ask),
            ("POST", ["clusters", name, "encryption-config", "associate"]) => self.associate_encryption(name, ask),
            ("GET", ["clusters", name, "updates", rest @ ..]) => self.updates(name, rest, ask),
            ("GET", ["clusters", name, "pod-identity-associations"]) => self.associations.list(name, &query),
            ("POST", ["clusters", name, "pod-identity-associations"]) => {
                self.associations.create(&self.place(name, ask.now), &body(), pods)
            }
            ("GET", ["clusters", name, "pod-identity-associations", id]) => self.associations.describe(name, id),
            ("POST", ["clusters", name, "pod-identity-associations", id]) => {
                self.associations.update(&self.place(name, ask.now), id, &body(), pods)
            }
            ("DELETE", ["clusters", name, "pod-identity-associations", id]) => self.associations.delete(name, id),
            (_, ["clusters", name, kind, rest @ ..]) if parts::is_kind(kind) => {
                self.part(method, name, kind, rest, ask)?.ok_or_else(|| absent(method, path))
            }
            ("GET", ["access-policies"]) => ask.page("accessPolicies", entries::access_policies()),
            ("GET", ["addons", "supported-versions"]) => self.addon_versions(ask),
            ("GET", ["tags", arn @ ..]) => Ok(json!({ "tags": self.tags(&arn.join("/"), |tags| tags.clone())? })),
            ("POST", ["tags", arn @ ..]) => {
                let added: BTreeMap<String, Value> =
                    ask.get("tags").as_object().cloned().unwrap_or_default().into_iter().collect();
                let arn = arn.join("/");
                let total =
                    self.tags(&arn, |tags| tags.len() + added.keys().filter(|key| !tags.contains_key(*key)).count())?;
                check_tags(added.keys(), total)?;
                self.tags(&arn, |tags| tags.extend(added))?;
                Ok(json!({}))
            }
            ("DELETE", ["tags", arn @ ..]) => {
                let keys = ask.parameters("tagKeys");
                self.tags(&arn.join("/"), |tags| tags.retain(|key, _| !keys.contains(&key.as_str())))?;
                Ok(json!({}))
            }
            (method, path) => Err(absent(method, path)),
        }
    }

    /// A cluster as the API shows it.
    fn shown(&self, name: &str, cluster: &Thing) -> Value {
        let mut shown = cluster.body.clone();
        // Nobody answers before it is there.
        if cluster.status() == "CREATING" {
            shown.retain(|key, _| !["endpoint", "certificateAuthority", "identity"].contains(&key.as_str()));
        }
        if let Some(served) = self.served(name) {
            shown.insert("endpoint".into(), json!(served.endpoint));
            shown.insert("certificateAuthority".into(), json!({ "data": served.authority }));
        }
        Value::Object(shown)
    }

    /// Lets `change` at the tags of what an ARN names.
    fn tags<T>(&self, arn: &str, change: impl FnOnce(&mut Map<String, Value>) -> T) -> Result<T, Refusal> {
        let missing = || Refusal::new(404, "NotFoundException", format!("Resource not found: {arn}"));
        if !arn.starts_with("arn:") {
            return Err(Refusal::new(400, "BadRequestException", format!("Invalid ARN: {arn}")));
        }
        let mut clusters = self.lock();
        for cluster in clusters.values_mut() {
            if cluster.whole.text("arn") == arn {
                return Ok(cluster.whole.with_tags(change));
            }
            for (kind, things) in &mut cluster.parts {
                let Some(member) = parts::arn_member(kind) else { continue };
                if let Some(thing) = things.values_mut().find(|thing| thing.text(member) == arn) {
                    return Ok(thing.with_tags(change));
                }
            }
        }
        drop(clusters);
        self.associations.with_tags(arn, change).ok_or_else(missing)
    }
}

/// The refusal of an operation that nothing is behind, by its name in the API where paths tell it.
fn absent(method: &str, path: &[&str]) -> Refusal {
    let name = match (method, path) {
        ("POST", ["clusters", _, "updates", _, "cancel-update"]) => "CancelUpdate",
        ("GET", ["addons", "configuration-schemas"]) => "DescribeAddonConfiguration",
        ("GET", ["cluster-versions"]) => "DescribeClusterVersions",
        ("POST", ["cluster-registrations"]) => "RegisterCluster",
        ("DELETE", ["cluster-registrations", _]) => "DeregisterCluster",
        ("POST", ["clusters", _, "insights"]) => "ListInsights",
        ("GET", ["clusters", _, "insights", _]) => "DescribeInsight",
        ("GET", ["clusters", _, "insights-refresh"]) => "DescribeInsightsRefresh",
        ("POST", ["clusters", _, "insights-refresh"]) => "StartInsightsRefresh",
        ("GET", ["clusters", _, "capabilities"]) => "ListCapabilities",
        ("POST", ["clusters", _, "capabilities"]) => "CreateCapability",
        ("GET", ["clusters", _, "capabilities", _]) => "DescribeCapability",
        ("POST", ["clusters", _, "capabilities", _]) => "UpdateCapability",
        ("DELETE", ["clusters", _, "capabilities", _]) => "DeleteCapability",
        ("GET", ["clusters", _, "certificate-authorities"]) => "ListCertificateAuthorities",
        ("POST", ["clusters", _, "certificate-authorities"]) => "CreateCertificateAuthority",
        ("GET", ["clusters", _, "certificate-authorities", _]) => "DescribeCertificateAuthority",
        ("DELETE", ["clusters", _, "certificate-authorities", _]) => "DeleteCertificateAuthority",
        ("POST", ["clusters", _, "certificate-authorities", _, "activate"]) => "ActivateCertificateAuthority",
        ("GET", ["eks-anywhere-subscriptions"]) => "ListEksAnywhereSubscriptions",
        ("POST", ["eks-anywhere-subscriptions"]) => "CreateEksAnywhereSubscription",
        ("GET", ["eks-anywhere-subscriptions", _]) => "DescribeEksAnywhereSubscription",
        ("POST", ["eks-anywhere-subscriptions", _]) => "UpdateEksAnywhereSubscription",
        ("DELETE", ["eks-anywhere-subscriptions", _]) => "DeleteEksAnywhereSubscription",
        _ => {
            // Names and ids out, so that the message says what kind of thing is missing.
            let kind: Vec<_> =
                path.iter().enumerate().map(|(at, part)| if at % 2 == 1 { "{}" } else { part }).collect();
            return Refusal::absent("eks", &format!("{method} /{}", kind.join("/")));
        }
    };
    Refusal::absent("eks", name)
}
