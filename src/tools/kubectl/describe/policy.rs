//! What rules over Pods: autoscalers, network policies, disruption budgets.

use serde_json::Value;

use super::template::selector;
use super::writer::{Writer, date, items, number, or_none, plain, text};
use crate::tools::kubectl::options::duration::quote;

/// Describes a HorizontalPodAutoscaler of either version.
pub fn autoscaler(w: &mut Writer, value: &Value) {
    let (metadata, spec, status) = (&value["metadata"], &value["spec"], &value["status"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, format!("CreationTimestamp:\t{}", date(&metadata["creationTimestamp"])));
    let target = &spec["scaleTargetRef"];
    w.line(0, format!("Reference:\t{}/{}", text(&target["kind"]), text(&target["name"])));
    if value["apiVersion"] == "autoscaling/v1" {
        if let Some(wanted) = spec["targetCPUUtilizationPercentage"].as_i64() {
            w.line(0, format!("Target CPU utilization:\t{wanted}%"));
            let current = or(&plain(&status["currentCPUUtilizationPercentage"]), "<unknown>");
            w.line(0, format!("Current CPU utilization:\t{current}%"));
        }
    } else {
        w.line(0, "Metrics:\t( current / target )");
        for (at, metric) in items(&spec["metrics"]).enumerate() {
            metrics(w, metric, &status["currentMetrics"][at]);
        }
    }
    w.line(0, format!("Min replicas:\t{}", or(&plain(&spec["minReplicas"]), "<unset>")));
    w.line(0, format!("Max replicas:\t{}", number(&spec["maxReplicas"])));
    if spec["behavior"].is_object() {
        w.line(0, "Behavior:");
        behavior(w, "Scale Up", &spec["behavior"]["scaleUp"]);
        behavior(w, "Scale Down", &spec["behavior"]["scaleDown"]);
    }
    w.line(
        0,
        format!(
            "{} pods:\t{} current / {} desired",
            text(&target["kind"]),
            number(&status["currentReplicas"]),
            number(&status["desiredReplicas"])
        ),
    );
    if items(&status["conditions"]).next().is_some() {
        w.line(0, "Conditions:");
        w.line(1, "Type\tStatus\tReason\tMessage");
        w.line(1, "----\t------\t------\t-------");
        for condition in items(&status["conditions"]) {
            let part = |key: &str| text(&condition[key]);
            let line = format!("{}\t{}\t{}\t{}", part("type"), part("status"), part("reason"), part("message"));
            w.line(1, line);
        }
    }
}

fn or(text: &str, default: &str) -> String {
    if text.is_empty() { default.to_owned() } else { text.to_owned() }
}

/// An amount; what is not told is zero.
fn amount(value: &Value) -> String {
    or(&plain(value), "0")
}

fn metrics(w: &mut Writer, metric: &Value, now: &Value) {
    let current = |kind: &str, field: &str| match now[kind].is_object() {
        true => amount(&now[kind]["current"][field]),
        false => "<unknown>".to_owned(),
    };
    match text(&metric["type"]) {
        "External" => {
            let external = &metric["external"];
            let (target, name) = (&external["target"], quote(text(&external["metric"]["name"])));
            if target["averageValue"].is_null() {
                let wanted = amount(&target["value"]);
                w.line(1, format!("{name} (target value):\t{} / {wanted}", current("external", "value")));
            } else {
                let current = or(&plain(&now["external"]["current"]["averageValue"]), "<unknown>");
                let wanted = plain(&target["averageValue"]);
                w.line(1, format!("{name} (target average value):\t{current} / {wanted}"));
            }
        }
        "Pods" => {
            let pods = &metric["pods"];
            w.line(
                1,
                format!(
                    "{} on pods:\t{} / {}",
                    quote(text(&pods["metric"]["name"])),
                    current("pods", "averageValue"),
                    amount(&pods["target"]["averageValue"])
                ),
            );
        }
        "Object" => {
            let object = &metric["object"];
            let (target, subject) = (&object["target"], &object["describedObject"]);
            let head = format!(
                "\"{}\" on {}/{}",
                text(&object["metric"]["name"]),
                text(&subject["kind"]),
                text(&subject["name"])
            );
            let (what, field) = match text(&target["type"]) {
                "AverageValue" => ("average value", "averageValue"),
                _ => ("value", "value"),
            };
            let wanted = amount(&target[field]);
            w.line(1, format!("{head} (target {what}):\t{} / {wanted}", current("object", field)));
        }
        kind @ ("Resource" | "ContainerResource") => {
            let (key, of) = match kind {
                "Resource" => ("resource", String::new()),
                _ => (
                    "containerResource",
                    format!(" of container \"{}\"", text(&metric["containerResource"]["container"])),
                ),
            };
            let target = &metric[key]["target"];
            let head = format!("resource {}{of} on pods", text(&metric[key]["name"]));
            if !target["averageValue"].is_null() {
                let wanted = plain(&target["averageValue"]);
                w.line(1, format!("{head}:\t{} / {wanted}", current(key, "averageValue")));
                return;
            }
            let current = &now[key]["current"];
            let used = match current["averageUtilization"].as_i64() {
                Some(percent) => format!("{percent}% ({})", amount(&current["averageValue"])),
                None => "<unknown>".into(),
            };
            let wanted = match target["averageUtilization"].as_i64() {
                Some(percent) => format!("{percent}%"),
                None => "<auto>".into(),
            };
            w.line(1, format!("{head}  (as a percentage of request):\t{used} / {wanted}"));
        }
        other => w.line(1, format!("<unknown metric type {}>", quote(other))),
    }
}

fn behavior(w: &mut Writer, direction: &str, rules: &Value) {
    if !rules.is_object() {
        return;
    }
    w.line(1, format!("{direction}:"));
    if let Some(seconds) = rules["stabilizationWindowSeconds"].as_i64() {
        w.line(2, format!("Stabilization Window: {seconds} seconds"));
    }
    if items(&rules["policies"]).next().is_none() {
        return;
    }
    w.line(2, format!("Select Policy: {}", rules["selectPolicy"].as_str().unwrap_or("Max")));
    w.line(2, "Policies:");
    for policy in items(&rules["policies"]) {
        w.line(
            3,
            format!(
                "- Type: {}\tValue: {}\tPeriod: {} seconds",
                text(&policy["type"]),
                number(&policy["value"]),
                number(&policy["periodSeconds"])
            ),
        );
    }
}

/// Describes a NetworkPolicy.
pub fn network_policy(w: &mut Writer, value: &Value) {
    let (metadata, spec) = (&value["metadata"], &value["spec"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    let created = text(&metadata["creationTimestamp"]).parse::<jiff::Timestamp>().ok();
    let created = created
        .and_then(|time| jiff::fmt::strtime::format("%Y-%m-%d %H:%M:%S +0000 UTC", time).ok())
        .unwrap_or_else(|| "<nil>".into());
    w.line(0, format!("Created on:\t{created}"));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, "Spec:");
    let chosen = &spec["podSelector"];
    let all = chosen["matchLabels"].as_object().is_none_or(serde_json::Map::is_empty)
        && items(&chosen["matchExpressions"]).next().is_none();
    // kubectl indents the second half of this line as well.
    w.line(
        1,
        match all {
            true => "PodSelector:     <none> (Allowing the specific traffic to all pods in this namespace)".to_owned(),
            false => format!("PodSelector:     {}", selector(chosen)),
        },
    );
    let has = |kind: &str| items(&spec["policyTypes"]).any(|one| one == kind);
    for (kind, field, words) in [("Ingress", "ingress", &INGRESS), ("Egress", "egress", &EGRESS)] {
        if has(kind) {
            w.line(1, format!("Allowing {field} traffic:"));
            rules(w, &spec[field], words);
        } else {
            w.line(1, format!("Not affecting {field} traffic"));
        }
    }
    let kinds: Vec<&str> = items(&spec["policyTypes"]).map(text).collect();
    w.line(1, format!("Policy Types: {}", or_none(&kinds.join(", "))));
}

struct Words {
    none: &'static str,
    peers: &'static str,
    title: &'static str,
    any: &'static str,
}

const INGRESS: Words = Words {
    none: "<none> (Selected pods are isolated for ingress connectivity)",
    peers: "from",
    title: "From",
    any: "<any> (traffic not restricted by source)",
};
const EGRESS: Words = Words {
    none: "<none> (Selected pods are isolated for egress connectivity)",
    peers: "to",
    title: "To",
    any: "<any> (traffic not restricted by destination)",
};

fn rules(w: &mut Writer, rules: &Value, words: &Words) {
    let count = items(rules).count();
    if count == 0 {
        w.line(2, words.none);
    }
    for (at, rule) in items(rules).enumerate() {
        if items(&rule["ports"]).next().is_none() {
            w.line(2, "To Port: <any> (traffic allowed to all ports)");
        }
        for port in items(&rule["ports"]) {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            let number = or(&plain(&port["port"]), "<nil>");
            match port["endPort"].as_i64() {
                Some(end) => w.line(2, format!("To Port Range: {number}-{end}/{protocol}")),
                None => w.line(2, format!("To Port: {number}/{protocol}")),
            }
        }
        if items(&rule[words.peers]).next().is_none() {
            w.line(2, format!("{}: {}", words.title, words.any));
        }
        for peer in items(&rule[words.peers]) {
            w.line(2, format!("{}:", words.title));
            let (pods, namespaces) = (&peer["podSelector"], &peer["namespaceSelector"]);
            if namespaces.is_object() {
                w.line(3, format!("NamespaceSelector: {}", selector(namespaces)));
            }
            if pods.is_object() {
                w.line(3, format!("PodSelector: {}", selector(pods)));
            }
            let block = &peer["ipBlock"];
            if block.is_object() && !pods.is_object() && !namespaces.is_object() {
                let except: Vec<&str> = items(&block["except"]).map(text).collect();
                w.line(3, "IPBlock:");
                w.line(4, format!("CIDR: {}", text(&block["cidr"])));
                w.line(4, format!("Except: {}", except.join(", ")));
            }
        }
        if at + 1 < count {
            w.line(2, "----------");
        }
    }
}

/// Describes a PodDisruptionBudget.
pub fn disruption_budget(w: &mut Writer, value: &Value) {
    let (spec, status) = (&value["spec"], &value["status"]);
    w.line(0, format!("Name:\t{}", text(&value["metadata"]["name"])));
    w.line(0, format!("Namespace:\t{}", text(&value["metadata"]["namespace"])));
    if !spec["minAvailable"].is_null() {
        w.line(0, format!("Min available:\t{}", plain(&spec["minAvailable"])));
    } else if !spec["maxUnavailable"].is_null() {
        w.line(0, format!("Max unavailable:\t{}", plain(&spec["maxUnavailable"])));
    }
    match spec["selector"].is_object() {
        true => w.line(0, format!("Selector:\t{}", selector(&spec["selector"]))),
        false => w.line(0, "Selector:\t<unset>"),
    }
    w.line(0, "Status:");
    for (title, key) in [
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ] {
        w.line(2, format!("{title}:\t{}", number(&status[key])));
    }
}

/// Describes an IngressClass.
pub fn ingress_class(w: &mut Writer, value: &Value) {
    let metadata = &value["metadata"];
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, format!("Controller:\t{}", text(&value["spec"]["controller"])));
    let parameters = &value["spec"]["parameters"];
    if parameters.is_object() {
        w.line(0, "Parameters:");
        if let Some(group) = parameters["apiGroup"].as_str() {
            w.line(1, format!("APIGroup:\t{group}"));
        }
        w.line(1, format!("Kind:\t{}", text(&parameters["kind"])));
        w.line(1, format!("Name:\t{}", text(&parameters["name"])));
    }
}

/// Describes an EndpointSlice.
pub fn endpoint_slice(w: &mut Writer, value: &Value) {
    let metadata = &value["metadata"];
    let or_unset = |value: &Value| or(&plain(value), "<unset>");
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, format!("AddressType:\t{}", text(&value["addressType"])));
    if items(&value["ports"]).next().is_none() {
        w.line(0, "Ports: <unset>");
    } else {
        w.line(0, "Ports:");
        w.line(1, "Name\tPort\tProtocol");
        w.line(1, "----\t----\t--------");
        for port in items(&value["ports"]) {
            let (name, number) = (or_unset(&port["name"]), or_unset(&port["port"]));
            w.line(1, format!("{name}\t{number}\t{}", text(&port["protocol"])));
        }
    }
    if items(&value["endpoints"]).next().is_none() {
        w.line(0, "Endpoints: <none>");
        return;
    }
    w.line(0, "Endpoints:");
    for endpoint in items(&value["endpoints"]) {
        let addresses: Vec<&str> = items(&endpoint["addresses"]).map(text).collect();
        w.line(1, format!("- Addresses:\t{}", or_none(&addresses.join(", "))));
        w.line(2, "Conditions:");
        w.line(3, format!("Ready:\t{}", or_unset(&endpoint["conditions"]["ready"])));
        w.line(2, format!("Hostname:\t{}", or_unset(&endpoint["hostname"])));
        let target = &endpoint["targetRef"];
        if target.is_object() {
            w.line(2, format!("TargetRef:\t{}/{}", text(&target["kind"]), text(&target["name"])));
        }
        w.line(2, format!("NodeName:\t{}", or_unset(&endpoint["nodeName"])));
        w.line(2, format!("Zone:\t{}", or_unset(&endpoint["zone"])));
    }
}
