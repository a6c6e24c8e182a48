//! Limit ranges: what containers get that say nothing of their resources, and what Pods and claims may ask for.
//! <https://kubernetes.io/docs/concepts/policy/limit-range/>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::defaults::{each, entries};
use super::kinds::Kind;
use super::{Quantity, Server, Status};
use crate::sandbox::cluster::object::{self, list, resources, text};
use crate::sandbox::cluster::store::Object;

/// Where it is noted what a Pod got.
const NOTE: &str = "kubernetes.io/limit-ranger";

/// Amounts by the names of resources.
type Amounts = BTreeMap<String, Quantity>;

fn amounts(value: &Value) -> Amounts {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(name, amount)| Some((name.clone(), amount.as_str()?.parse().ok()?))).collect()
}

fn ranges(server: &Server, namespace: &str) -> Vec<Object> {
    server.store().list(&resources::LIMIT_RANGES, Some(namespace))
}

/// What follows from a range itself: the greatest amount is also the default, and a default limit the default request.
pub fn complete_range(range: &mut Value) {
    for limit in each(range["spec"].get_mut("limits")) {
        if limit["type"] != "Container" {
            continue;
        }
        for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
            let source = limit[from].as_object().cloned().unwrap_or_default();
            if source.is_empty() {
                continue;
            }
            let target = entries(&mut limit[to]);
            for (name, amount) in source {
                target.entry(name).or_insert(amount);
            }
        }
    }
}

/// Gives a Pod's containers what they do not say themselves.
pub fn complete_pod(server: &Server, pod: &mut Value) {
    let namespace = object::namespace(pod).to_owned();
    for range in ranges(server, &namespace) {
        let of_containers: Vec<&Value> =
            list(&range, "/spec/limits").iter().filter(|limit| limit["type"] == "Container").collect();
        let mut notes = Vec::new();
        for field in ["containers", "initContainers"] {
            let word = if field == "containers" { "container" } else { "init container" };
            for container in each(pod["spec"].get_mut(field)) {
                let name = text(container, "/name").to_owned();
                for (of, source, kind) in [("requests", "defaultRequest", "request"), ("limits", "default", "limit")] {
                    let mut set = Vec::new();
                    for limit in &of_containers {
                        for (resource, amount) in limit[source].as_object().into_iter().flatten() {
                            let known =
                                entries(entries(&mut container["resources"]).entry(of).or_insert_with(|| json!({})));
                            if !known.contains_key(resource) {
                                known.insert(resource.clone(), amount.clone());
                                set.push(resource.clone());
                            }
                        }
                    }
                    if !set.is_empty() {
                        set.sort();
                        notes.push(format!("{} {kind} for {word} {name}", set.join(", ")));
                    }
                }
                super::defaults::drop_nulls(container);
            }
        }
        if !notes.is_empty() {
            let note = format!("LimitRanger plugin set: {}", notes.join("; "));
            object::set_meta(pod, "annotations", NOTE, &note);
        }
    }
}

/// Whether an object keeps to the ranges of its namespace.
///
/// # Errors
/// 403 in the admission plugin's words.
pub fn check(server: &Server, kind: &Kind, object: &Value) -> Result<(), Status> {
    let is_pod = kind.group.is_empty() && kind.plural == "pods";
    if !(is_pod || kind.group.is_empty() && kind.plural == "persistentvolumeclaims") {
        return Ok(());
    }
    for range in ranges(server, object::namespace(object)) {
        let mut wrong = Vec::new();
        for limit in list(&range, "/spec/limits") {
            let of = text(limit, "/type");
            let resources = |value: &Value| (amounts(&value["requests"]), amounts(&value["limits"]));
            match of {
                "Container" if is_pod => {
                    for field in ["/spec/containers", "/spec/initContainers"] {
                        for container in list(object, field) {
                            let (requests, limits) = resources(&container["resources"]);
                            compare(limit, of, &requests, &limits, &mut wrong);
                        }
                    }
                }
                "Pod" if is_pod => {
                    let containers = list(object, "/spec/containers");
                    let sum = |field: &str| {
                        let all: Vec<Amounts> =
                            containers.iter().map(|one| amounts(&one["resources"][field])).collect();
                        total(&all)
                    };
                    compare(limit, of, &sum("requests"), &sum("limits"), &mut wrong);
                }
                "PersistentVolumeClaim" if !is_pod => {
                    let (requests, _) = resources(&object["spec"]["resources"]);
                    // A claim has no limit: what it requests is what it gets.
                    compare(limit, of, &requests, &requests, &mut wrong);
                }
                _ => {}
            }
        }
        if !wrong.is_empty() {
            let why = if wrong.len() == 1 { wrong.remove(0) } else { format!("[{}]", wrong.join(", ")) };
            return Err(Status::forbidden(&kind.resource(), object::name(object), &why));
        }
    }
    Ok(())
}

/// The sum of what all say something of.
fn total(all: &[Amounts]) -> Amounts {
    let mut sums = Amounts::new();
    for name in all.first().into_iter().flat_map(Amounts::keys) {
        let each: Option<Vec<Quantity>> = all.iter().map(|one| one.get(name).copied()).collect();
        if let Some(each) = each {
            sums.insert(name.clone(), each.into_iter().fold(Quantity::default(), |sum, one| sum + one));
        }
    }
    sums
}

fn compare(limit: &Value, of: &str, requests: &Amounts, limits: &Amounts, wrong: &mut Vec<String>) {
    for (name, least) in amounts(&limit["min"]) {
        let what = format!("minimum {name} usage per {of} is {least}");
        match (requests.get(&name), limits.get(&name)) {
            (None, _) => wrong.push(format!("{what}.  No request is specified")),
            (Some(request), _) if *request < least => wrong.push(format!("{what}, but request is {request}")),
            (_, Some(limit)) if *limit < least => wrong.push(format!("{what}, but limit is {limit}")),
            _ => {}
        }
    }
    for (name, most) in amounts(&limit["max"]) {
        let what = format!("maximum {name} usage per {of} is {most}");
        let is_claim = of == "PersistentVolumeClaim";
        match (requests.get(&name), limits.get(&name)) {
            (_, None) => wrong.push(format!("{what}.  No limit is specified")),
            (_, Some(limit)) if *limit > most && !is_claim => wrong.push(format!("{what}, but limit is {limit}")),
            (Some(request), _) if *request > most => wrong.push(format!("{what}, but request is {request}")),
            _ => {}
        }
    }
    for (name, ratio) in amounts(&limit["maxLimitRequestRatio"]) {
        let what = format!("{name} max limit to request ratio per {of} is {ratio}");
        let thousandths = |of: &Amounts| of.get(&name).map_or(0, |amount| amount.thousandths());
        let (request, limit) = (thousandths(requests), thousandths(limits));
        if request == 0 {
            wrong.push(format!("{what}, but no request is specified or request is 0"));
        } else if limit == 0 {
            wrong.push(format!("{what}, but no limit is specified or limit is 0"));
        } else {
            #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
            let is = limit as f64 / request as f64;
            #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
            if is * 1000.0 > ratio.thousandths() as f64 {
                wrong.push(format!("{what}, but provided ratio is {is:.6}"));
            }
        }
    }
}
