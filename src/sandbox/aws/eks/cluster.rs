//! Clusters themselves: made, shown, changed, deleted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::associations::epoch;
use super::entries;
use super::store::{Cluster, Thing, members};
use super::update::Change;
use super::{Ask, Eks, Wanted, in_use, invalid, no_cluster};
use crate::sandbox::aws::seed::ClusterSeed;
use crate::sandbox::aws::wire::Refusal;

/// Seconds that a cluster takes, about as in AWS.
const CREATION: u64 = 8 * 60;
const DELETION: u64 = 3 * 60;
const CONFIGURATION: u64 = 2 * 60;
const VERSION: u64 = 8 * 60;

/// How many clusters an account may have in a region (Amazon EKS User Guide, "Service quotas").
const MOST: usize = 100;

impl Eks {
    /// A cluster that is there from the beginning.
    pub(super) fn seeded(&self, seed: &ClusterSeed, made: Timestamp) -> Cluster {
        let created = seed.created.as_deref().and_then(|moment| moment.parse().ok()).unwrap_or(made);
        let mut cluster = Cluster { whole: self.new_cluster(&seed.name, &seed.version, created), ..Cluster::default() };
        cluster.whole.body.insert("roleArn".into(), json!(seed.role_arn));
        cluster.whole.body.insert("status".into(), json!("ACTIVE"));
        cluster.whole.body.insert("tags".into(), json!(seed.tags));
        cluster.whole.body.extend(seed.detail.clone());
        for addon in &seed.addons {
            let thing = Thing::new(self.addon(&seed.name, &addon.name, &addon.version, created), None);
            cluster.part("addons").insert(addon.name.clone(), thing);
        }
        for entry in &seed.access_entries {
            let mut body = self.access_entry(&seed.name, &entry.principal_arn, &entry.kind, created);
            body["kubernetesGroups"] = json!(entry.groups);
            if let Some(username) = &entry.username {
                body["username"] = json!(username);
            }
            let mut thing = Thing::new(body, None);
            for arn in &entry.policies {
                thing.policies.insert(
                    arn.clone(),
                    entries::associated(arn, &json!({"type": "cluster", "namespaces": []}), created),
                );
            }
            cluster.part("access-entries").insert(entry.principal_arn.clone(), thing);
        }
        for group in &seed.nodegroups {
            let name = group.get("nodegroupName").and_then(Value::as_str).unwrap_or("default");
            let mut body = self.nodegroup(&seed.name, name, &seed.version, created);
            if let Some(body) = body.as_object_mut() {
                body.extend(group.clone());
            }
            cluster.part("node-groups").insert(name.to_owned(), Thing::new(body, None));
        }
        cluster
    }

    fn new_cluster(&self, name: &str, version: &str, created: Timestamp) -> Thing {
        let arn = self.cluster_arn(name);
        let (id, region) = (unique(&arn), &self.region);
        let body = json!({
            "name": name, "arn": arn, "createdAt": epoch(created), "version": version,
            "endpoint": format!("https://{id}.gr7.{region}.eks.amazonaws.com"),
            "identity": {"oidc": {"issuer": format!("https://oidc.eks.{region}.amazonaws.com/id/{id}")}},
        });
        Thing::new(body, None)
    }

    pub(super) fn create_cluster(&self, ask: &Ask<'_>) -> Result<Value, Refusal> {
        let name = ask.required("name")?;
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.len() > 100 || !name.chars().all(letters) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            let message = "The cluster name should match the pattern ^[0-9A-Za-z][A-Za-z0-9\\-_]* and have at most 100 characters.";
            return Err(invalid(message));
        }
        let role = ask.required("roleArn")?;
        let mut clusters = self.lock();
        if let Some(same) = clusters.get(name) {
            if same.whole.token.is_some() && same.whole.token == ask.token() {
                return Ok(json!({ "cluster": self.shown(name, &same.whole) }));
            }
            return Err(in_use(format!("Cluster already exists with name: {name}")));
        }
        if clusters.len() >= MOST {
            return Err(Refusal::new(
                400,
                "ResourceLimitExceededException",
                "You have reached the maximum number of clusters.",
            ));
        }
        (ask.principals)(role, Wanted::Trusts("eks.amazonaws.com"))?;
        let vpc = ask.get("resourcesVpcConfig");
        let subnets = vpc["subnetIds"].as_array().map_or(0, Vec::len);
        if subnets < 2 {
            return Err(invalid("Subnets specified must be in at least two different AZs"));
        }
        // Without a version it is that of the newest cluster: the sandbox knows of no others.
        let newest = clusters.values().map(|cluster| cluster.whole.text("version").to_owned()).max_by_key(|v| minor(v));
        let version = match ask.text("version") {
            "" => newest.ok_or_else(|| invalid("version can't be null: the sandbox has no default version"))?,
            version if minor(version).is_some() => version.to_owned(),
            _ => return Err(invalid("unsupported Kubernetes version")),
        };
        let mut made = self.new_cluster(name, &version, ask.now);
        made.token = ask.token();
        let public = vpc["endpointPublicAccess"].as_bool().unwrap_or(true);
        let private = vpc["endpointPrivateAccess"].as_bool().unwrap_or(false);
        let mut network = ask.get("kubernetesNetworkConfig");
        if network.is_null() {
            network = json!({});
        }
        for (member, default) in [("serviceIpv4Cidr", "172.20.0.0/16"), ("ipFamily", "ipv4")] {
            if network[member].is_null() {
                network[member] = json!(default);
            }
        }
        let logging = match ask.get("logging") {
            Value::Null => json!({"clusterLogging": [{"types": LOGS, "enabled": false}]}),
            logging => logging,
        };
        let body = json!({
            "roleArn": role,
            "resourcesVpcConfig": {
                "subnetIds": vpc["subnetIds"],
                "securityGroupIds": vpc["securityGroupIds"].as_array().cloned().unwrap_or_default(),
                "endpointPublicAccess": public,
                "endpointPrivateAccess": private,
                "publicAccessCidrs": if vpc["publicAccessCidrs"].is_null() { json!(["0.0.0.0/0"]) } else { vpc["publicAccessCidrs"].clone() },
            },
            "kubernetesNetworkConfig": network,
            "logging": logging,
            "clientRequestToken": ask.token(),
            "tags": ask.tags()?,
            "encryptionConfig": ask.get("encryptionConfig"),
            "accessConfig": {
                "authenticationMode": ask.get("accessConfig")["authenticationMode"].as_str().unwrap_or("CONFIG_MAP"),
            },
            "upgradePolicy": {"supportType": ask.get("upgradePolicy")["supportType"].as_str().unwrap_or("EXTENDED")},
            "computeConfig": ask.get("computeConfig"),
            "storageConfig": ask.get("storageConfig"),
            "deletionProtection": ask.get("deletionProtection").as_bool().unwrap_or(false),
            "health": {"issues": []},
        });
        made.body.extend(Thing::new(body, None).body);
        made.becomes("CREATING", ask.now, CREATION, members([("status", json!("ACTIVE"))]));
        let mut cluster = Cluster { whole: made, ..Cluster::default() };
        if ask.get("accessConfig")["bootstrapClusterCreatorAdminPermissions"] == true {
            // The caller's own entry would need its role's ARN, which the signature of the sandbox does not tell.
            cluster.whole.body["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] = json!(true);
        }
        let shown = self.shown(name, &cluster.whole);
        clusters.insert(name.to_owned(), cluster);
        Ok(json!({ "cluster": shown }))
    }

    pub(super) fn delete_cluster(&self, name: &str, ask: &Ask<'_>) -> Result<Value, Refusal> {
        let mut clusters = self.lock();
        let cluster = clusters.get_mut(name).ok_or_else(|| no_cluster(name))?;
        if cluster.count("node-groups") > 0 {
            return Err(in_use("Cluster has nodegroups attached"));
        }
        if cluster.count("fargate-profiles") > 0 {
            return Err(in_use("Cluster has Fargate profiles attached"));
        }
        if cluster.whole.body.get("deletionProtection") == Some(&json!(true)) {
            let message = "Cluster has deletion protection enabled. Disable it before you delete the cluster.";
            return Err(Refusal::new(400, "InvalidRequestException", message));
        }
        if matches!(cluster.whole.status(), "CREATING" | "UPDATING") {
            return Err(in_use(format!("Cannot delete because cluster {name} currently has an update in progress")));
        }
        if cluster.whole.status() != "DELETING" {
            cluster.whole.goes(ask.now, DELETION);
        }
        let shown = self.shown(name, &cluster.whole);
        drop(clusters);
        self.associations.forget(name);
        Ok(json!({ "cluster": shown }))
    }

    pub(super) fn update_version(&self, name: &str, ask: &Ask<'_>) -> Result<Value, Refusal> {
        let mut clusters = self.lock();
        let cluster = clusters.get_mut(name).ok_or_else(|| no_cluster(name))?;
        let version = ask.required("version")?;
        let current = cluster.whole.text("version").to_owned();
        if minor(version).is_none() || minor(version) != minor(&current).map(|minor| minor + 1) {
            return Err(invalid(format!("Unsupported Kubernetes minor version update from {current} to {version}")));
        }
        let change = Change {
            kind: "VersionUpdate",
            params: vec![("Version", json!(version))],
            members: members([("version", json!(version))]),
            seconds: VERSION,
        };
        cluster.begin_update(name, None, change, ask)
    }

    pub(super) fn associate_encryption(&self, name: &str, ask: &Ask<'_>) -> Result<Value, Refusal> {
        let mut clusters = self.lock();
        let cluster = clusters.get_mut(name).ok_or_else(|| no_cluster(name))?;
        if cluster.whole.body.contains_key("encryptionConfig") {
            return Err(invalid("Encryption config is already associated with the cluster"));
        }
        let config = ask.get("encryptionConfig");
        let change = Change {
            kind: "AssociateEncryptionConfig",
            params: vec![("EncryptionConfig", json!(config.to_string()))],
            members: members([("encryptionConfig", config)]),
            seconds: CONFIGURATION,
        };
        cluster.begin_update(name, None, change, ask)
    }

    pub(super) fn update_config(&self, name: &str, ask: &Ask<'_>) -> Result<Value, Refusal> {
        let mut clusters = self.lock();
        let cluster = clusters.get_mut(name).ok_or_else(|| no_cluster(name))?;
        let mut given: Vec<&str> =
            ask.body.keys().map(String::as_str).filter(|member| *member != "clientRequestToken").collect();
        // Auto Mode is switched by three members together.
        const AUTO: [&str; 3] = ["computeConfig", "kubernetesNetworkConfig", "storageConfig"];
        if given.contains(&"computeConfig") {
            given.retain(|member| *member == "computeConfig" || !AUTO.contains(member));
        }
        let [member] = given.as_slice() else {
            return Err(invalid(match given.len() {
                0 => "At least one of the update parameters must be given",
                _ => "Only one type of update can be allowed.",
            }));
        };
        let wanted = ask.get(member);
        let old = cluster.whole.body.get(*member).cloned().unwrap_or(Value::Null);
        let mut new = old.clone();
        let (kind, params) = match *member {
            "resourcesVpcConfig" => vpc_update(&wanted, &mut new)?,
            "logging" => {
                new = logging(&old, &wanted);
                ("LoggingUpdate", vec![("ClusterLogging", json!(wanted.to_string()))])
            }
            "accessConfig" => {
                access_mode(&old, &wanted)?;
                merge(&mut new, &wanted);
                ("AccessConfigUpdate", vec![("AuthenticationMode", wanted["authenticationMode"].clone())])
            }
            "deletionProtection" => {
                new = wanted.clone();
                ("DeletionProtectionUpdate", vec![("DeletionProtection", json!(wanted.to_string()))])
            }
            "upgradePolicy" | "zonalShiftConfig" | "remoteNetworkConfig" | "computeConfig" => {
                merge(&mut new, &wanted);
                let (kind, param) = match *member {
                    "upgradePolicy" => ("UpgradePolicyUpdate", "UpgradePolicy"),
                    "zonalShiftConfig" => ("ZonalShiftConfigUpdate", "ZonalShiftConfig"),
                    "remoteNetworkConfig" => ("RemoteNetworkConfigUpdate", "RemoteNetworkConfig"),
                    _ => ("AutoModeUpdate", "ComputeConfig"),
                };
                (kind, vec![(param, json!(wanted.to_string()))])
            }
            other => return Err(Refusal::absent("eks", &format!("UpdateClusterConfig with {other}"))),
        };
        if new == old {
            return Err(invalid(match *member {
                "logging" => "No changes needed for the logging config provided".to_owned(),
                "resourcesVpcConfig" => format!(
                    "Cluster is already at the desired configuration with endpointPrivateAccess: {} , endpointPublicAccess: {}, and Public Endpoint Restrictions: [{}]",
                    old["endpointPrivateAccess"],
                    old["endpointPublicAccess"],
                    old["publicAccessCidrs"]
                        .as_array()
                        .map(|all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
                        .unwrap_or_default(),
                ),
                other => format!("No changes needed for the {other} provided"),
            }));
        }
        let mut changed = Map::from_iter([((*member).to_owned(), new)]);
        if *member == "computeConfig" {
            for other in AUTO.iter().filter(|other| ask.body.contains_key(**other) && *other != member) {
                let mut value = cluster.whole.body.get(*other).cloned().unwrap_or(Value::Null);
                merge(&mut value, &ask.get(other));
                changed.insert((*other).to_owned(), value);
            }
        }
        let change = Change { kind, params, members: changed, seconds: CONFIGURATION };
        cluster.begin_update(name, None, change, ask)
    }
}

/// The kinds of logs that the control plane writes.
const LOGS: [&str; 5] = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

type Params = Vec<(&'static str, Value)>;

fn vpc_update(wanted: &Value, new: &mut Value) -> Result<(&'static str, Params), Refusal> {
    let access = ["endpointPrivateAccess", "endpointPublicAccess", "publicAccessCidrs"];
    let network = ["subnetIds", "securityGroupIds"];
    let has = |members: &[&str]| members.iter().any(|member| !wanted[*member].is_null());
    if has(&access) && has(&network) {
        return Err(invalid("Only one type of update can be allowed."));
    }
    merge(new, wanted);
    if has(&network) {
        let params = [("Subnets", "subnetIds"), ("SecurityGroups", "securityGroupIds")];
        let params = params.into_iter().filter(|(_, member)| !wanted[*member].is_null());
        return Ok((
            "VpcConfigUpdate",
            params.map(|(param, member)| (param, json!(new[member].to_string()))).collect(),
        ));
    }
    if new["endpointPrivateAccess"] != true && new["endpointPublicAccess"] != true {
        return Err(invalid("Private and public endpoint access cannot be false"));
    }
    let params = vec![
        ("EndpointPublicAccess", json!(new["endpointPublicAccess"].to_string())),
        ("EndpointPrivateAccess", json!(new["endpointPrivateAccess"].to_string())),
        ("PublicAccessCidrs", json!(new["publicAccessCidrs"].to_string())),
    ];
    Ok(("EndpointAccessUpdate", params))
}

/// An authentication mode can only be changed towards the API, one step after another.
fn access_mode(old: &Value, wanted: &Value) -> Result<(), Refusal> {
    const ORDER: [&str; 3] = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"];
    let place = |value: &Value| ORDER.iter().position(|mode| value["authenticationMode"] == *mode);
    let (from, to) = (place(old).unwrap_or(0), place(wanted));
    let Some(to) = to else { return Err(invalid("Unsupported authentication mode")) };
    if to < from || to > from + 1 {
        let message = format!("Unsupported authentication mode update from {} to {}", ORDER[from], ORDER[to]);
        return Err(invalid(message));
    }
    Ok(())
}

/// The logging configuration with changes applied: one entry for what is on, one for what is off.
fn logging(old: &Value, wanted: &Value) -> Value {
    let states = |value: &Value| -> BTreeMap<String, bool> {
        let setups = value["clusterLogging"].as_array().cloned().unwrap_or_default();
        let each = setups.iter().flat_map(|setup| {
            let on = setup["enabled"] == true;
            let types = setup["types"].as_array().cloned().unwrap_or_default();
            types.into_iter().filter_map(move |kind| Some((kind.as_str()?.to_owned(), on)))
        });
        each.collect()
    };
    let mut all: BTreeMap<String, bool> = LOGS.iter().map(|kind| ((*kind).to_owned(), false)).collect();
    all.extend(states(old));
    all.extend(states(wanted));
    let setups = [true, false].into_iter().filter_map(|on| {
        let types: Vec<&String> = all.iter().filter(|(_, state)| **state == on).map(|(kind, _)| kind).collect();
        (!types.is_empty()).then(|| json!({"types": types, "enabled": on}))
    });
    json!({ "clusterLogging": setups.collect::<Vec<_>>() })
}

/// Puts the members of `wanted` over those of `value`, inner ones too.
pub(super) fn merge(value: &mut Value, wanted: &Value) {
    match (value, wanted) {
        (Value::Object(map), Value::Object(wanted)) => {
            for (key, wanted) in wanted {
                merge(map.entry(key).or_insert(Value::Null), wanted);
            }
        }
        (value, wanted) => *value = wanted.clone(),
    }
}

/// The minor version in `1.36`.
pub(super) fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.parse().ok()
}

/// 32 hex digits, as in a cluster's endpoint, the same for the same ARN.
fn unique(arn: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(arn.as_bytes()).iter().take(16).map(|byte| format!("{byte:02X}")).collect()
}
