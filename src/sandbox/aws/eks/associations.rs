//! Pod identity associations, as EKS keeps them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::sandbox::aws::seed::AssociationSeed;
use crate::sandbox::aws::wire::Refusal;

/// An association: which role the Pods of a service account get.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Association {
    pub id: String,
    pub arn: String,
    pub cluster: String,
    pub namespace: String,
    pub service_account: String,
    pub role_arn: String,
    pub tags: Map<String, Value>,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub disable_session_tags: bool,
    pub target_role_arn: Option<String>,
    pub external_id: Option<String>,
    pub policy: Option<String>,
    /// The idempotency token of the call that made it.
    pub token: Option<String>,
}

impl Association {
    /// As the API's `PodIdentityAssociation`.
    pub fn whole(&self) -> Value {
        let mut out = json!({
            "clusterName": self.cluster,
            "namespace": self.namespace,
            "serviceAccount": self.service_account,
            "roleArn": self.role_arn,
            "associationArn": self.arn,
            "associationId": self.id,
            "tags": self.tags,
            "createdAt": epoch(self.created),
            "modifiedAt": epoch(self.modified),
            "disableSessionTags": self.disable_session_tags,
        });
        for (name, value) in
            [("targetRoleArn", &self.target_role_arn), ("externalId", &self.external_id), ("policy", &self.policy)]
        {
            if let Some(value) = value {
                out[name] = json!(value);
            }
        }
        out
    }

    /// As the API's `PodIdentityAssociationSummary`.
    fn summary(&self) -> Value {
        json!({
            "clusterName": self.cluster,
            "namespace": self.namespace,
            "serviceAccount": self.service_account,
            "associationArn": self.arn,
            "associationId": self.id,
        })
    }
}

/// Seconds since 1970 with milliseconds, as EKS writes moments.
pub(super) fn epoch(moment: Timestamp) -> Value {
    let millis = moment.as_millisecond();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any year that occurs are exact in a double")]
    let seconds = millis as f64 / 1000.0;
    json!(seconds)
}

/// All associations of the account, in the order of their making.
#[derive(Default)]
pub(in super::super) struct Associations(Mutex<Vec<Association>>);

/// Where a new association is made, and when.
pub(in super::super) struct Place<'a> {
    pub account: &'a str,
    pub region: &'a str,
    pub cluster: &'a str,
    pub now: Timestamp,
}

impl Associations {
    pub fn all(&self) -> Vec<Association> {
        self.lock().clone()
    }

    pub fn replace(&self, all: Vec<Association>) {
        *self.lock() = all;
    }

    /// The association of a service account.
    pub fn of(&self, cluster: &str, namespace: &str, service_account: &str) -> Option<Association> {
        let all = self.lock();
        all.iter()
            .find(|a| a.cluster == cluster && a.namespace == namespace && a.service_account == service_account)
            .cloned()
    }

    /// Lets those of a cluster go with it.
    pub fn forget(&self, cluster: &str) {
        self.lock().retain(|association| association.cluster != cluster);
    }

    /// Lets `change` at the tags of what an ARN names.
    pub fn with_tags<T>(&self, arn: &str, change: impl FnOnce(&mut Map<String, Value>) -> T) -> Option<T> {
        self.lock().iter_mut().find(|association| association.arn == arn).map(|found| change(&mut found.tags))
    }

    pub fn seed(&self, place: &Place<'_>, seed: &AssociationSeed) {
        let id = seed.id.clone().unwrap_or_else(new_id);
        let tags = seed.tags.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        let association = Association {
            arn: arn(place, &id),
            id,
            cluster: place.cluster.into(),
            namespace: seed.namespace.clone(),
            service_account: seed.service_account.clone(),
            role_arn: seed.role_arn.clone(),
            tags,
            created: place.now,
            modified: place.now,
            disable_session_tags: seed.disable_session_tags,
            target_role_arn: None,
            external_id: None,
            policy: None,
            token: None,
        };
        self.lock().push(association);
    }

    pub fn create(
        &self,
        place: &Place<'_>,
        body: &Value,
        check_role: impl Fn(&str) -> Result<(), Refusal>,
    ) -> Result<Value, Refusal> {
        let namespace = required(body, "namespace")?;
        let service_account = required(body, "serviceAccount")?;
        let role_arn = required(body, "roleArn")?;
        let token = body["clientRequestToken"].as_str().map(str::to_owned);
        let mut all = self.lock();
        if let Some(same) = all
            .iter()
            .find(|a| a.cluster == place.cluster && a.namespace == namespace && a.service_account == service_account)
        {
            // The same call once more, as a retry makes it.
            if token.is_some() && same.token == token && same.role_arn == role_arn {
                return Ok(json!({ "association": same.whole() }));
            }
            return Err(Refusal::new(
                409,
                "ResourceInUseException",
                format!("Association already exists: {}", same.id),
            ));
        }
        check_role(&role_arn)?;
        let target_role_arn = body["targetRoleArn"].as_str().map(str::to_owned);
        let id = new_id();
        let external_id = target_role_arn.as_ref().map(|_| uuid_like(place, &id));
        let association = Association {
            arn: arn(place, &id),
            id,
            cluster: place.cluster.into(),
            namespace,
            service_account,
            role_arn,
            tags: sorted(body["tags"].as_object().cloned().unwrap_or_default()),
            created: place.now,
            modified: place.now,
            disable_session_tags: body["disableSessionTags"].as_bool().unwrap_or(false),
            target_role_arn,
            external_id,
            policy: body["policy"].as_str().map(str::to_owned),
            token,
        };
        let answer = json!({ "association": association.whole() });
        all.push(association);
        Ok(answer)
    }

    pub fn describe(&self, cluster: &str, id: &str) -> Result<Value, Refusal> {
        let all = self.lock();
        let at = position(&all, cluster, id)?;
        Ok(json!({ "association": all[at].whole() }))
    }

    pub fn delete(&self, cluster: &str, id: &str) -> Result<Value, Refusal> {
        let mut all = self.lock();
        let at = position(&all, cluster, id)?;
        Ok(json!({ "association": all.remove(at).whole() }))
    }

    pub fn update(
        &self,
        place: &Place<'_>,
        id: &str,
        body: &Value,
        check_role: impl Fn(&str) -> Result<(), Refusal>,
    ) -> Result<Value, Refusal> {
        let mut all = self.lock();
        let at = position(&all, place.cluster, id)?;
        if let Some(role) = body["roleArn"].as_str() {
            check_role(role)?;
            all[at].role_arn = role.into();
        }
        if let Some(off) = body["disableSessionTags"].as_bool() {
            all[at].disable_session_tags = off;
        }
        if let Some(policy) = body["policy"].as_str() {
            all[at].policy = (!policy.is_empty()).then(|| policy.to_owned());
        }
        if let Some(target) = body["targetRoleArn"].as_str() {
            let external = uuid_like(place, id);
            all[at].target_role_arn = (!target.is_empty()).then(|| target.to_owned());
            all[at].external_id = (!target.is_empty()).then_some(external);
        }
        all[at].modified = place.now;
        Ok(json!({ "association": all[at].whole() }))
    }

    /// A page of the list, filtered as the query asks.
    pub fn list(&self, cluster: &str, query: &BTreeMap<String, String>) -> Result<Value, Refusal> {
        let all = self.lock();
        let items = all
            .iter()
            .filter(|a| a.cluster == cluster)
            .filter(|a| query.get("namespace").is_none_or(|wanted| *wanted == a.namespace))
            .filter(|a| query.get("serviceAccount").is_none_or(|wanted| *wanted == a.service_account))
            .map(Association::summary)
            .collect();
        page("associations", items, query)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Association>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page of a list as EKS pages: `maxResults` from 1 to 100, 100 when absent; the token says how many came before.
pub(super) fn page(name: &str, items: Vec<Value>, query: &BTreeMap<String, String>) -> Result<Value, Refusal> {
    let invalid = |message: &str| Refusal::new(400, "InvalidParameterException", message);
    let most: usize = match query.get("maxResults") {
        Some(most) => most
            .parse()
            .ok()
            .filter(|most| (1..=100).contains(most))
            .ok_or_else(|| invalid("maxResults must be between 1 and 100."))?,
        None => 100,
    };
    let from: usize = match query.get("nextToken") {
        Some(token) => token.parse().map_err(|_| invalid("The nextToken value is not valid."))?,
        None => 0,
    };
    let total = items.len();
    let items: Vec<Value> = items.into_iter().skip(from).take(most).collect();
    let to = from + items.len();
    let mut out = Map::new();
    out.insert(name.into(), Value::Array(items));
    if to < total {
        out.insert("nextToken".into(), json!(to.to_string()));
    }
    Ok(Value::Object(out))
}

/// Tags in the order of their keys: on the wire they come in any.
fn sorted(tags: Map<String, Value>) -> Map<String, Value> {
    tags.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect()
}

fn required(body: &Value, member: &str) -> Result<String, Refusal> {
    match body[member].as_str() {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(Refusal::new(400, "InvalidParameterException", format!("{member} is required."))),
    }
}

fn position(all: &[Association], cluster: &str, id: &str) -> Result<usize, Refusal> {
    // The words of the service: seen in a public report of the workshop's clean-up.
    if id.chars().count() != 19 {
        let message = "The parameter associationId should be 19 characters long.";
        return Err(Refusal::new(400, "InvalidParameterException", message));
    }
    all.iter().position(|a| a.cluster == cluster && a.id == id).ok_or_else(|| {
        Refusal::new(404, "ResourceNotFoundException", format!("Association with id {id} was not found."))
    })
}

fn arn(place: &Place<'_>, id: &str) -> String {
    format!("arn:aws:eks:{}:{}:podidentityassociation/{}/{id}", place.region, place.account, place.cluster)
}

/// `a-` and 17 of a-z0-9.
fn new_id() -> String {
    let tail: String = std::iter::repeat_with(|| {
        let digit = fastrand::u8(..36);
        char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 })
    })
    .take(17)
    .collect();
    format!("a-{tail}")
}

fn uuid_like(place: &Place<'_>, id: &str) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(format!("{}/{}/{}/{id}", place.region, place.account, place.cluster));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
