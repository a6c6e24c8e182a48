//! Resource quotas: what a namespace uses of what it may.
//! <https://kubernetes.io/docs/concepts/policy/resource-quotas/>

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::kinds::Kind;
use super::{Quantity, Server, Status, pods};
use crate::sandbox::cluster::object::{self, list, resources, text};
use crate::sandbox::cluster::store::{GroupResource, Store};

/// Amounts by what a quota counts: `requests.cpu`, `count/deployments.apps`.
type Amounts = BTreeMap<String, Quantity>;

/// Where the classes of storage have amounts of their own.
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";

fn one() -> Quantity {
    Quantity::of_thousandths(1000)
}

fn amount(value: &Value) -> Option<Quantity> {
    value.as_str()?.parse().ok()
}

/// The resource whose objects something is counted of.
fn counted(name: &str) -> GroupResource {
    if let Some(of) = name.strip_prefix("count/") {
        let (plural, group) = of.split_once('.').unwrap_or((of, ""));
        return GroupResource { group: group.to_owned().into(), resource: plural.to_owned().into() };
    }
    if name.contains(OF_CLASS) || name == "requests.storage" {
        return resources::CLAIMS;
    }
    if name.starts_with("services.") {
        return resources::SERVICES;
    }
    if matches!(name, "cpu" | "memory" | "ephemeral-storage")
        || name.starts_with("requests.")
        || name.starts_with("limits.")
    {
        return resources::PODS;
    }
    GroupResource { group: "".into(), resource: name.to_owned().into() }
}

/// What an object counts as.
fn cost(resource: &GroupResource, object: &Value) -> Amounts {
    let mut cost = Amounts::from([(format!("count/{resource}"), one())]);
    if resource.group.is_empty() && *resource != resources::PODS {
        cost.insert(resource.resource.to_string(), one());
    }
    if *resource == resources::PODS {
        // A Pod that has ended needs no room.
        if matches!(text(object, "/status/phase"), "Succeeded" | "Failed") {
            return cost;
        }
        cost.insert("pods".into(), one());
        for (field, prefix) in [("requests", "requests."), ("limits", "limits.")] {
            for (name, amount) in of_pod(object, field) {
                if field == "requests" && matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") {
                    cost.insert(name.clone(), amount);
                }
                cost.insert(format!("{prefix}{name}"), amount);
            }
        }
    } else if *resource == resources::SERVICES {
        let kind = text(object, "/spec/type");
        let ports = i128::try_from(list(object, "/spec/ports").len()).unwrap_or(0);
        if kind == "LoadBalancer" {
            cost.insert("services.loadbalancers".into(), one());
        }
        if kind == "NodePort" || kind == "LoadBalancer" && object["spec"]["allocateLoadBalancerNodePorts"] != false {
            cost.insert("services.nodeports".into(), one().times(ports));
        }
    } else if *resource == resources::CLAIMS {
        let storage = amount(&object["spec"]["resources"]["requests"]["storage"]).unwrap_or_default();
        cost.insert("requests.storage".into(), storage);
        let class = text(object, "/spec/storageClassName");
        if !class.is_empty() {
            cost.insert(format!("{class}{OF_CLASS}requests.storage"), storage);
            cost.insert(format!("{class}{OF_CLASS}persistentvolumeclaims"), one());
        }
    }
    cost
}

/// What a Pod requests, or is limited to: the sum of its containers, or more if an init container needs more.
fn of_pod(pod: &Value, field: &str) -> Amounts {
    let each = |list_of: &str| -> Vec<(String, Quantity)> {
        let containers = list(pod, list_of).iter();
        let amounts = containers.flat_map(|one| one["resources"][field].as_object().into_iter().flatten());
        amounts.filter_map(|(name, value)| Some((name.clone(), amount(value)?))).collect()
    };
    let mut total = Amounts::new();
    for (name, amount) in each("/spec/containers") {
        let sum = total.entry(name).or_default();
        *sum = *sum + amount;
    }
    for (name, amount) in each("/spec/initContainers") {
        let known = total.entry(name).or_default();
        if amount > *known {
            *known = amount;
        }
    }
    total
}

/// Whether a quota is about an object, by its scopes. Only Pods have any, and claims of a class of attributes.
fn concerns(quota: &Value, resource: &GroupResource, object: &Value) -> bool {
    let plain = list(quota, "/spec/scopes").iter().filter_map(Value::as_str).map(|scope| (scope, "Exists", &[][..]));
    let chosen = list(quota, "/spec/scopeSelector/matchExpressions")
        .iter()
        .map(|one| (text(one, "/scopeName"), text(one, "/operator"), list(one, "/values")));
    plain.chain(chosen).all(|(scope, operator, values)| {
        if *resource != resources::PODS {
            return false;
        }
        let ends = object["spec"]["activeDeadlineSeconds"].is_i64();
        let class = text(object, "/spec/priorityClassName");
        match scope {
            "Terminating" => ends,
            "NotTerminating" => !ends,
            "BestEffort" => pods::qos_class(object) == "BestEffort",
            "NotBestEffort" => pods::qos_class(object) != "BestEffort",
            "PriorityClass" => match operator {
                "In" => values.iter().any(|value| value == class),
                "NotIn" => !values.iter().any(|value| value == class),
                "DoesNotExist" => class.is_empty(),
                _ => !class.is_empty(),
            },
            _ => false,
        }
    })
}

/// What the namespace of a quota uses of all that the quota is about.
pub fn used(store: &Store, quota: &Value) -> Map<String, Value> {
    let mut totals: BTreeMap<GroupResource, Amounts> = BTreeMap::new();
    let hard = quota["spec"]["hard"].as_object().cloned().unwrap_or_default();
    let mut shown = Map::new();
    for (name, most) in &hard {
        let of = counted(name);
        let totals = totals.entry(of.clone()).or_insert_with(|| {
            let mut totals = Amounts::new();
            for object in store.list(&of, Some(object::namespace(quota))) {
                if concerns(quota, &of, &object) {
                    for (name, amount) in cost(&of, &object) {
                        let sum = totals.entry(name).or_default();
                        *sum = *sum + amount;
                    }
                }
            }
            totals
        });
        let nothing = amount(most).unwrap_or_default().times(0);
        let total = totals.get(name).copied().unwrap_or(nothing);
        shown.insert(name.clone(), total.to_string().into());
    }
    shown
}

/// Whether a namespace's quotas leave room for an object; for what it needs more than the one in whose place it comes. Of changes only
/// those of Services and claims count, as the plugin has it.
///
/// # Errors
/// 403 in the admission plugin's words.
pub fn check(server: &Server, kind: &Kind, old: Option<&Value>, object: &Value) -> Result<(), Status> {
    let resource = kind.resource();
    if !kind.namespaced || old.is_some() && resource != resources::SERVICES && resource != resources::CLAIMS {
        return Ok(());
    }
    let quotas = server.store().list(&resources::RESOURCE_QUOTAS, Some(object::namespace(object)));
    if quotas.is_empty()
        || resource == resources::RESOURCE_QUOTAS
            && quotas.len() == 1
            && quotas[0]["metadata"]["name"] == object::name(object)
    {
        return Ok(());
    }
    let mut asked = cost(&resource, object);
    if let Some(old) = old {
        let before = cost(&resource, old);
        for (name, amount) in &mut asked {
            let had = before.get(name).copied().unwrap_or_default();
            *amount = if *amount > had { *amount - had } else { amount.times(0) };
        }
    }
    for quota in quotas.iter().filter(|quota| concerns(quota, &resource, object)) {
        let name = object::name(quota);
        let forbidden = |why: String| Err(Status::forbidden(&resource, object::name(object), &why));
        if resource == resources::PODS
            && let Some(missing) = unsaid(quota, object)
        {
            return forbidden(format!("failed quota: {name}: must specify {missing}"));
        }
        let used = used(server.store(), quota);
        let mut exceeded: [Vec<String>; 3] = Default::default();
        let mut names: Vec<&String> =
            quota["spec"]["hard"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
        names.sort();
        for name in names {
            let (Some(asks), Some(most)) = (asked.get(name), amount(&quota["spec"]["hard"][name])) else { continue };
            let has = amount(&used[name]).unwrap_or_default();
            if *asks > asks.times(0) && has + *asks > most {
                for (list, amount) in exceeded.iter_mut().zip([*asks, has, most]) {
                    list.push(format!("{name}={amount}"));
                }
            }
        }
        if !exceeded[0].is_empty() {
            let [asked, used, most] = exceeded.map(|list| list.join(","));
            return forbidden(format!("exceeded quota: {name}, requested: {asked}, used: {used}, limited: {most}"));
        }
    }
    Ok(())
}

/// What a Pod's containers must say because a quota counts it.
fn unsaid(quota: &Value, pod: &Value) -> Option<String> {
    let mut missing = Vec::new();
    let mut names: Vec<&String> =
        quota["spec"]["hard"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
    names.sort();
    for name in names {
        let (field, of) = match name.as_str() {
            "cpu" | "memory" => ("requests", name.as_str()),
            _ => match name.split_once('.') {
                Some((field @ ("requests" | "limits"), of @ ("cpu" | "memory"))) => (field, of),
                _ => continue,
            },
        };
        let containers = list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers"));
        let silent: Vec<&str> = containers
            .filter(|container| container["resources"][field][of].is_null())
            .map(|container| text(container, "/name"))
            .collect();
        if !silent.is_empty() {
            missing.push(format!("{name} for: {}", silent.join(",")));
        }
    }
    (!missing.is_empty()).then(|| missing.join("; "))
}
