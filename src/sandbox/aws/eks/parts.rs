//! The parts of a cluster: managed node groups and access entries, which have modules of their own, add-ons, Fargate
//! profiles, identity provider configurations.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::associations::epoch;
use super::cluster::{merge, minor};
use super::entries::{policies, update_entry};
use super::groups::{update_group, upgrade_group};
use super::store::{Cluster, Thing, members};
use super::update::{Change, missing, noun};
use super::{Ask, Eks, Wanted, in_use, invalid, no_cluster};
use crate::sandbox::addons;
use crate::sandbox::aws::wire::{self, Refusal};

/// A kind of part, in the API's words.
struct Kind {
    path: &'static str,
    /// Around one of them, and around many.
    one: &'static str,
    many: &'static str,
    name: &'static str,
    arn: &'static str,
}

const KINDS: [Kind; 5] = [
    Kind { path: "node-groups", one: "nodegroup", many: "nodegroups", name: "nodegroupName", arn: "nodegroupArn" },
    Kind { path: "addons", one: "addon", many: "addons", name: "addonName", arn: "addonArn" },
    Kind {
        path: "fargate-profiles",
        one: "fargateProfile",
        many: "fargateProfileNames",
        name: "fargateProfileName",
        arn: "fargateProfileArn",
    },
    Kind {
        path: "access-entries",
        one: "accessEntry",
        many: "accessEntries",
        name: "principalArn",
        arn: "accessEntryArn",
    },
    Kind {
        path: "identity-provider-configs",
        one: "identityProviderConfig",
        many: "identityProviderConfigs",
        name: "identityProviderConfigName",
        arn: "identityProviderConfigArn",
    },
];

/// Seconds that parts take, about as in AWS.
pub(super) const GROUP: u64 = 120;
const ADDON: u64 = 30;
const PROFILE: u64 = 90;
const PROVIDER: u64 = 300;

/// How many Fargate profiles a cluster may have (Amazon EKS User Guide, "Service quotas").
const PROFILES: usize = 10;

pub(super) fn is_kind(path: &str) -> bool {
    KINDS.iter().any(|kind| kind.path == path)
}

/// The member that holds the ARN of a kind of part.
pub(super) fn arn_member(path: &str) -> Option<&'static str> {
    KINDS.iter().find(|kind| kind.path == path).map(|kind| kind.arn)
}

impl Eks {
    /// A call about the parts of a kind; `None` where there is no such call.
    pub(super) fn part(
        &self,
        method: &str,
        cluster_name: &str,
        path: &str,
        rest: &[&str],
        ask: &Ask<'_>,
    ) -> Result<Option<Value>, Refusal> {
        let Some(kind) = KINDS.iter().find(|kind| kind.path == path) else { return Ok(None) };
        let mut clusters = self.lock();
        let cluster = clusters.get_mut(cluster_name).ok_or_else(|| no_cluster(cluster_name))?;
        let answer = match (method, path, rest) {
            ("GET", "identity-provider-configs", []) => {
                let all = cluster.part(path).keys().map(|name| json!({"type": "oidc", "name": name})).collect();
                ask.page(kind.many, all)?
            }
            ("GET", _, []) => {
                let policy = ask.parameter("associatedPolicyArn");
                let all = cluster
                    .part(path)
                    .iter()
                    .filter(|(_, thing)| policy.is_none_or(|arn| thing.policies.contains_key(arn)));
                ask.page(kind.many, all.map(|(name, _)| json!(name)).collect())?
            }
            ("POST", "identity-provider-configs", ["associate"]) => {
                self.associate_provider(cluster_name, cluster, ask)?
            }
            ("POST", "identity-provider-configs", [what @ ("describe" | "disassociate")]) => {
                let name = ask.get("identityProviderConfig")["name"].as_str().unwrap_or_default().to_owned();
                let provider = cluster.part(path).get_mut(&name).ok_or_else(|| missing(path, cluster_name, &name))?;
                if *what == "describe" {
                    json!({ "identityProviderConfig": { "oidc": provider.body } })
                } else {
                    if provider.status() != "ACTIVE" {
                        return Err(in_use(format!("Identity provider config {name} is not in ACTIVE state")));
                    }
                    provider.goes(ask.now, PROVIDER);
                    let params =
                        vec![("IdentityProviderConfig", json!(json!([{"type": "oidc", "name": name}]).to_string()))];
                    cluster.note_update(("", cluster_name), "DisassociateIdentityProviderConfig", params, PROVIDER, ask)
                }
            }
            ("POST", _, []) if path != "identity-provider-configs" => {
                if cluster.whole.status() == "CREATING" || cluster.whole.status() == "DELETING" {
                    let message = format!("Cluster '{cluster_name}' is not in ACTIVE status");
                    return Err(Refusal::new(400, "InvalidRequestException", message));
                }
                let name = ask.required(kind.name)?.to_owned();
                if let Some(same) = cluster.part(path).get(&name) {
                    // The same call once more, as a retry makes it.
                    if same.token.is_some() && same.token == ask.token() {
                        return Ok(Some(json!({ kind.one: same.body })));
                    }
                    return Err(in_use(exists(path, cluster_name, &name)));
                }
                let made = self.make(cluster_name, cluster, path, &name, ask)?;
                let shown = json!({ kind.one: made.body });
                cluster.part(path).insert(name, made);
                shown
            }
            (_, "access-entries", [principal, "access-policies", rest @ ..]) => {
                let known = cluster.part(path).get_mut(*principal);
                let entry = known.ok_or_else(|| missing(path, cluster_name, principal))?;
                let Some(answer) = policies(method, cluster_name, principal, entry, rest, ask)? else {
                    return Ok(None);
                };
                answer
            }
            ("GET", _, [name]) if path != "identity-provider-configs" => {
                let thing = cluster.part(path).get(*name).ok_or_else(|| missing(path, cluster_name, name))?;
                json!({ kind.one: thing.body })
            }
            ("DELETE", "access-entries", [name]) => {
                cluster.part(path).remove(*name).ok_or_else(|| missing(path, cluster_name, name))?;
                json!({})
            }
            ("DELETE", "node-groups" | "addons" | "fargate-profiles", [name]) => {
                let thing = cluster.part(path).get_mut(*name).ok_or_else(|| missing(path, cluster_name, name))?;
                if thing.status() == "UPDATING" || thing.status() == "CREATING" && path == "fargate-profiles" {
                    let noun = noun(path);
                    return Err(in_use(format!(
                        "The {noun} {name} cannot be deleted: it is currently {}",
                        thing.status()
                    )));
                }
                if thing.status() != "DELETING" {
                    thing.preserved = path == "addons" && ask.parameter("preserve") == Some("true");
                    thing.goes(ask.now, if path == "addons" { ADDON } else { GROUP });
                }
                json!({ kind.one: thing.body })
            }
            ("POST", "access-entries", [name]) => update_entry(cluster_name, cluster, name, ask)?,
            ("POST", "node-groups", [name, "update-config"]) => update_group(cluster_name, cluster, name, ask)?,
            ("POST", "node-groups", [name, "update-version"]) => upgrade_group(cluster_name, cluster, name, ask)?,
            ("POST", "addons", [name, "update"]) => self.update_addon(cluster_name, cluster, name, ask)?,
            _ => return Ok(None),
        };
        Ok(Some(answer))
    }

    /// A new part, as a call asks for it.
    fn make(
        &self,
        cluster_name: &str,
        cluster: &mut Cluster,
        path: &str,
        name: &str,
        ask: &Ask<'_>,
    ) -> Result<Thing, Refusal> {
        let (mut body, seconds) = match path {
            "node-groups" => (self.make_group(cluster_name, cluster, name, ask)?, GROUP),
            "addons" => (self.make_addon(cluster_name, cluster, name, ask)?, ADDON),
            "fargate-profiles" => (self.make_profile(cluster_name, cluster, name, ask)?, PROFILE),
            _ => (self.make_entry(cluster_name, cluster, name, ask)?, 0),
        };
        body["tags"] = ask.tags()?;
        let mut thing = Thing::new(body, ask.token());
        if seconds > 0 {
            thing.becomes("CREATING", ask.now, seconds, members([("status", json!("ACTIVE"))]));
        }
        Ok(thing)
    }

    pub(super) fn part_arn(&self, kind: &str, cluster: &str, name: &str) -> String {
        format!("arn:aws:eks:{}:{}:{kind}/{cluster}/{name}/{}", self.region, self.account, wire::uuid())
    }

    pub(super) fn addon(&self, cluster: &str, name: &str, version: &str, now: Timestamp) -> Value {
        json!({
            "addonName": name, "clusterName": cluster, "status": "ACTIVE", "addonVersion": version,
            "health": {"issues": []}, "addonArn": self.part_arn("addon", cluster, name), "createdAt": epoch(now),
            "modifiedAt": epoch(now), "tags": {},
        })
    }

    /// The version of an add-on that a call asks for.
    fn addon_version(&self, name: &str, wanted: &str) -> Result<String, Refusal> {
        let known = self.addons.get(name).ok_or_else(|| invalid("Addon specified is not supported"))?;
        match wanted {
            "" => known.first().cloned().ok_or_else(|| invalid("Addon specified is not supported")),
            wanted => known
                .iter()
                .find(|version| *version == wanted || version.split("-eksbuild").next() == Some(wanted))
                .cloned()
                .ok_or_else(|| invalid("Addon version specified is not supported")),
        }
    }

    fn make_addon(&self, cluster_name: &str, _: &mut Cluster, name: &str, ask: &Ask<'_>) -> Result<Value, Refusal> {
        let version = self.addon_version(name, ask.text("addonVersion"))?;
        let mut addon = self.addon(cluster_name, name, &version, ask.now);
        if let Some(role) = ask.body.get("serviceAccountRoleArn") {
            (ask.principals)(role.as_str().unwrap_or_default(), Wanted::Exists)?;
            addon["serviceAccountRoleArn"] = role.clone();
        }
        if !ask.get("podIdentityAssociations").is_null() {
            return Err(Refusal::absent("eks", "CreateAddon with podIdentityAssociations"));
        }
        addon["configurationValues"] = ask.get("configurationValues");
        check_configuration(name, ask)?;
        Ok(addon)
    }

    fn update_addon(
        &self,
        cluster_name: &str,
        cluster: &mut Cluster,
        name: &str,
        ask: &Ask<'_>,
    ) -> Result<Value, Refusal> {
        if !cluster.part("addons").contains_key(name) {
            return Err(missing("addons", cluster_name, name));
        }
        if !ask.get("podIdentityAssociations").is_null() {
            return Err(Refusal::absent("eks", "UpdateAddon with podIdentityAssociations"));
        }
        check_configuration(name, ask)?;
        let mut changed = Map::new();
        if !ask.text("addonVersion").is_empty() {
            changed.insert("addonVersion".into(), json!(self.addon_version(name, ask.text("addonVersion"))?));
        }
        if let Some(role) = ask.body.get("serviceAccountRoleArn") {
            (ask.principals)(role.as_str().unwrap_or_default(), Wanted::Exists)?;
            changed.insert("serviceAccountRoleArn".into(), role.clone());
        }
        if let Some(values) = ask.body.get("configurationValues") {
            changed.insert("configurationValues".into(), values.clone());
        }
        let params = [
            ("AddonVersion", "addonVersion"),
            ("ServiceAccountRoleArn", "serviceAccountRoleArn"),
            ("ResolveConflicts", "resolveConflicts"),
            ("ConfigurationValues", "configurationValues"),
        ];
        let params = params.into_iter().map(|(param, member)| (param, ask.get(member))).collect();
        let change = Change { kind: "AddonUpdate", params, members: changed, seconds: ADDON };
        cluster.begin_update(cluster_name, Some(("addons", name)), change, ask)
    }

    /// The add-ons that there are, with their versions.
    pub(super) fn addon_versions(&self, ask: &Ask<'_>) -> Result<Value, Refusal> {
        let clusters = self.lock();
        let mut versions: Vec<String> =
            clusters.values().map(|cluster| cluster.whole.text("version").to_owned()).collect();
        versions.sort_by_key(|version| minor(version));
        versions.dedup();
        if let Some(wanted) = ask.parameter("kubernetesVersion") {
            versions.retain(|version| version == wanted);
        }
        let wanted = ask.parameter("addonName");
        let infos = self.addons.iter().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name.as_str())).map(|(name, all)| {
            let each = all.iter().enumerate().map(|(at, version)| {
                let fits = versions.iter().map(|cluster| json!({"clusterVersion": cluster, "defaultVersion": at == 0}));
                json!({"addonVersion": version, "compatibilities": fits.collect::<Vec<_>>()})
            });
            json!({"addonName": name, "owner": "aws", "publisher": "eks", "addonVersions": each.collect::<Vec<_>>()})
        });
        ask.page("addons", infos.collect())
    }

    fn make_profile(
        &self,
        cluster_name: &str,
        cluster: &mut Cluster,
        name: &str,
        ask: &Ask<'_>,
    ) -> Result<Value, Refusal> {
        if cluster.count("fargate-profiles") >= PROFILES {
            return Err(limit("You have reached the maximum number of Fargate profiles for this cluster."));
        }
        if cluster
            .part("fargate-profiles")
            .values()
            .any(|profile| profile.status() == "CREATING" || profile.status() == "DELETING")
        {
            return Err(in_use("Only one Fargate profile of a cluster can be created or deleted at a time"));
        }
        let role = ask.required("podExecutionRoleArn")?;
        (ask.principals)(role, Wanted::Trusts("eks-fargate-pods.amazonaws.com"))?;
        let selectors = ask.get("selectors");
        let count = selectors.as_array().map_or(0, Vec::len);
        if count == 0 || count > 5 {
            return Err(invalid("Fargate profile must have between 1 and 5 selectors."));
        }
        Ok(json!({
            "fargateProfileName": name, "fargateProfileArn": self.part_arn("fargateprofile", cluster_name, name),
            "clusterName": cluster_name, "createdAt": epoch(ask.now), "podExecutionRoleArn": role,
            "subnets": ask.get("subnets").as_array().cloned().unwrap_or_default(), "selectors": selectors,
        }))
    }

    fn associate_provider(&self, cluster_name: &str, cluster: &mut Cluster, ask: &Ask<'_>) -> Result<Value, Refusal> {
        let oidc = ask.get("oidc");
        let name = oidc["identityProviderConfigName"].as_str().unwrap_or_default().to_owned();
        if !oidc["issuerUrl"].as_str().is_some_and(|url| url.starts_with("https://")) {
            return Err(invalid("issuerUrl must be a URL that begins with https://"));
        }
        if cluster.count("identity-provider-configs") > 0 {
            return Err(in_use("The cluster already has an identity provider config associated with it"));
        }
        let mut body = json!({
            "identityProviderConfigName": name,
            "identityProviderConfigArn": self.part_arn("identityproviderconfig", cluster_name, &format!("oidc/{name}")),
            "clusterName": cluster_name,
        });
        merge(&mut body, &oidc);
        body["tags"] = ask.tags()?;
        let tags = body["tags"].clone();
        let mut provider = Thing::new(body, ask.token());
        provider.becomes("CREATING", ask.now, PROVIDER, members([("status", json!("ACTIVE"))]));
        cluster.part("identity-provider-configs").insert(name.clone(), provider);
        let params = vec![("IdentityProviderConfig", json!(json!([{"type": "oidc", "name": name}]).to_string()))];
        let mut shown =
            cluster.note_update(("", cluster_name), "AssociateIdentityProviderConfig", params, PROVIDER, ask);
        shown["tags"] = tags;
        Ok(shown)
    }
}

/// Whether an add-on knows all values that a call configures.
fn check_configuration(name: &str, ask: &Ask<'_>) -> Result<(), Refusal> {
    let given = ask.text("configurationValues");
    if given.is_empty() {
        return Ok(());
    }
    let refused = |why: String| {
        let message = format!("ConfigurationValue provided in request is not supported: {why}");
        Err(invalid(message))
    };
    match addons::unknown_values(name, given) {
        Ok(unknown) if unknown.is_empty() => Ok(()),
        Ok(unknown) => {
            let each = unknown.iter().map(|path| {
                format!("{path}: is not defined in the schema and the schema does not allow additional properties")
            });
            refused(format!("Json schema validation failed with error: [{}]", each.collect::<Vec<_>>().join(", ")))
        }
        Err(error) => refused(error.to_string()),
    }
}

pub(super) fn limit(message: &str) -> Refusal {
    Refusal::new(400, "ResourceLimitExceededException", message)
}

fn exists(path: &str, cluster: &str, name: &str) -> String {
    match path {
        "node-groups" => format!("NodeGroup already exists with name {name} and cluster name {cluster}"),
        "addons" => "Addon already exists.".into(),
        "fargate-profiles" => "A Fargate Profile already exists with this name in this cluster.".into(),
        _ => "The specified access entry resource is already in use on this cluster.".into(),
    }
}
