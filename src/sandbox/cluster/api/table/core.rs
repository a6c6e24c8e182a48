//! Everything that is not a workload.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::show::{NONE, age, age_of, count, items, joined, labels, name, number, plain, selector, since, text};
use super::{Column, Printer, Row};

const NAME: Column = ("Name", "string", 0);
const AGE: Column = ("Age", "string", 0);

/// Makes the cells of an object, as of a moment.
type Print = fn(&Value, Timestamp) -> Row;

pub fn printer(group: &str, plural: &str) -> Option<Printer> {
    let (columns, row): (&'static [Column], Print) = match (group, plural) {
        ("", "services") => (
            &[
                NAME,
                ("Type", "string", 0),
                ("Cluster-IP", "string", 0),
                ("External-IP", "string", 0),
                ("Port(s)", "string", 0),
                AGE,
                ("Selector", "string", 1),
            ],
            service,
        ),
        ("", "endpoints") => (&[NAME, ("Endpoints", "string", 0), AGE], |object, now| {
            vec![name(object), endpoints(object).into(), age(object, now)].into()
        }),
        ("discovery.k8s.io", "endpointslices") => (
            &[NAME, ("AddressType", "string", 0), ("Ports", "string", 0), ("Endpoints", "string", 0), AGE],
            endpoint_slice,
        ),
        ("", "nodes") => (
            &[
                NAME,
                ("Status", "string", 0),
                ("Roles", "string", 0),
                AGE,
                ("Version", "string", 0),
                ("Internal-IP", "string", 1),
                ("External-IP", "string", 1),
                ("OS-Image", "string", 1),
                ("Kernel-Version", "string", 1),
                ("Container-Runtime", "string", 1),
            ],
            node,
        ),
        ("", "events") => (
            &[
                ("Last Seen", "string", 0),
                ("Type", "string", 0),
                ("Reason", "string", 0),
                ("Object", "string", 0),
                ("Subobject", "string", 1),
                ("Source", "string", 1),
                ("Message", "string", 0),
                ("First Seen", "string", 1),
                ("Count", "string", 1),
                ("Name", "string", 1),
            ],
            event,
        ),
        ("", "namespaces") => (&[NAME, ("Status", "string", 0), AGE], |object, now| {
            vec![name(object), object["status"]["phase"].clone(), age(object, now)].into()
        }),
        ("", "secrets") => (&[NAME, ("Type", "string", 0), ("Data", "integer", 0), AGE], |object, now| {
            vec![name(object), object["type"].clone(), count(&object["data"]).into(), age(object, now)].into()
        }),
        ("", "configmaps") => (&[NAME, ("Data", "integer", 0), AGE], |object, now| {
            let entries = count(&object["data"]) + count(&object["binaryData"]);
            vec![name(object), entries.into(), age(object, now)].into()
        }),
        ("", "serviceaccounts") => (&[NAME, ("Secrets", "integer", 0), AGE], |object, now| {
            vec![name(object), count(&object["secrets"]).into(), age(object, now)].into()
        }),
        ("", "persistentvolumes") => (
            &[
                NAME,
                ("Capacity", "string", 0),
                ("Access Modes", "string", 0),
                ("Reclaim Policy", "string", 0),
                ("Status", "string", 0),
                ("Claim", "string", 0),
                ("StorageClass", "string", 0),
                ("VolumeAttributesClass", "string", 0),
                ("Reason", "string", 0),
                AGE,
                ("VolumeMode", "string", 1),
            ],
            volume,
        ),
        ("", "persistentvolumeclaims") => (
            &[
                NAME,
                ("Status", "string", 0),
                ("Volume", "string", 0),
                ("Capacity", "string", 0),
                ("Access Modes", "string", 0),
                ("StorageClass", "string", 0),
                ("VolumeAttributesClass", "string", 0),
                AGE,
                ("VolumeMode", "string", 1),
            ],
            claim,
        ),
        ("", "resourcequotas") => (&[NAME, ("Request", "string", 0), ("Limit", "string", 0), AGE], quota),
        ("", "limitranges") => (&[NAME, ("Created At", "string", 0)], |object, _| {
            vec![name(object), object["metadata"]["creationTimestamp"].clone()].into()
        }),
        ("storage.k8s.io", "storageclasses") => (
            &[
                NAME,
                ("Provisioner", "string", 0),
                ("ReclaimPolicy", "string", 0),
                ("VolumeBindingMode", "string", 0),
                ("AllowVolumeExpansion", "boolean", 0),
                AGE,
            ],
            storage_class,
        ),
        ("storage.k8s.io", "csinodes") => (&[NAME, ("Drivers", "integer", 0), AGE], |object, now| {
            vec![name(object), count(&object["spec"]["drivers"]).into(), age(object, now)].into()
        }),
        ("networking.k8s.io", "ingresses") => (
            &[
                NAME,
                ("Class", "string", 0),
                ("Hosts", "string", 0),
                ("Address", "string", 0),
                ("Ports", "string", 0),
                AGE,
            ],
            ingress,
        ),
        ("networking.k8s.io", "ingressclasses") => {
            (&[NAME, ("Controller", "string", 0), ("Parameters", "string", 0), AGE], ingress_class)
        }
        ("networking.k8s.io", "networkpolicies") => (&[NAME, ("Pod-Selector", "string", 0), AGE], |object, now| {
            vec![name(object), selector(&object["spec"]["podSelector"]).into(), age(object, now)].into()
        }),
        ("policy", "poddisruptionbudgets") => (
            &[
                NAME,
                ("Min Available", "string", 0),
                ("Max Unavailable", "string", 0),
                ("Allowed Disruptions", "integer", 0),
                AGE,
            ],
            disruption_budget,
        ),
        ("autoscaling", "horizontalpodautoscalers") => (
            &[
                NAME,
                ("Reference", "string", 0),
                ("Targets", "string", 0),
                ("MinPods", "string", 0),
                ("MaxPods", "string", 0),
                ("Replicas", "string", 0),
                AGE,
            ],
            autoscaler,
        ),
        ("rbac.authorization.k8s.io", "roles" | "clusterroles") => {
            (&[NAME, ("Created At", "string", 0)], |object, _| {
                vec![name(object), object["metadata"]["creationTimestamp"].clone()].into()
            })
        }
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => (
            &[
                NAME,
                ("Role", "string", 0),
                AGE,
                ("Users", "string", 1),
                ("Groups", "string", 1),
                ("ServiceAccounts", "string", 1),
            ],
            role_binding,
        ),
        ("scheduling.k8s.io", "priorityclasses") => (
            &[NAME, ("Value", "integer", 0), ("Global-Default", "boolean", 0), AGE, ("PreemptionPolicy", "string", 0)],
            priority_class,
        ),
        ("coordination.k8s.io", "leases") => (&[NAME, ("Holder", "string", 0), AGE], |object, now| {
            vec![name(object), plain(&object["spec"]["holderIdentity"]).into(), age(object, now)].into()
        }),
        ("node.k8s.io", "runtimeclasses") => (&[NAME, ("Handler", "string", 0), AGE], |object, now| {
            vec![name(object), object["handler"].clone(), age(object, now)].into()
        }),
        ("admissionregistration.k8s.io", _) => (&[NAME, ("Webhooks", "integer", 0), AGE], |object, now| {
            vec![name(object), count(&object["webhooks"]).into(), age(object, now)].into()
        }),
        ("apiextensions.k8s.io", _) => (&[NAME, ("Created At", "string", 0)], |object, _| {
            vec![name(object), object["metadata"]["creationTimestamp"].clone()].into()
        }),
        _ => return None,
    };
    Some(Printer { columns, row })
}

/// Addresses of a load balancer. Narrow output of a real server cuts them; the server is not told how wide kubectl
/// prints, so they come whole, as since 1.16.
fn balancer(status: &Value) -> String {
    let addresses: BTreeSet<String> = items(&status["loadBalancer"]["ingress"])
        .map(|one| if one["ip"].is_string() { plain(&one["ip"]) } else { plain(&one["hostname"]) })
        .filter(|address| !address.is_empty())
        .collect();
    joined(addresses.into_iter())
}

fn service(object: &Value, now: Timestamp) -> Row {
    let spec = &object["spec"];
    let external = joined(items(&spec["externalIPs"]).map(plain));
    let external = match spec["type"].as_str() {
        Some("LoadBalancer") => {
            let found: Vec<String> =
                [balancer(&object["status"]), external].into_iter().filter(|part| !part.is_empty()).collect();
            if found.is_empty() { "<pending>".into() } else { found.join(",") }
        }
        Some("ExternalName") => plain(&spec["externalName"]),
        _ if external.is_empty() => NONE.into(),
        _ => external,
    };
    let ports = joined(items(&spec["ports"]).map(|port| {
        let (number, protocol) = (number(&port["port"]), plain(&port["protocol"]));
        match port["nodePort"].as_i64() {
            Some(node) if node > 0 => format!("{number}:{node}/{protocol}"),
            _ => format!("{number}/{protocol}"),
        }
    }));
    let ports = if ports.is_empty() { NONE.to_owned() } else { ports };
    let address = items(&spec["clusterIPs"]).next().unwrap_or(&spec["clusterIP"]);
    vec![
        name(object),
        spec["type"].clone(),
        text(address),
        external.into(),
        ports.into(),
        age(object, now),
        labels(&spec["selector"]).into(),
    ]
    .into()
}

/// Up to three of a list, and how many more there are.
fn first_three(list: &[String]) -> String {
    if list.len() > 3 {
        return format!("{} + {} more...", list[..3].join(","), list.len() - 3);
    }
    list.join(",")
}

fn endpoints(object: &Value) -> String {
    if count(&object["subsets"]) == 0 {
        return NONE.into();
    }
    let mut list = Vec::new();
    for subset in items(&object["subsets"]) {
        if count(&subset["ports"]) == 0 {
            list.extend(items(&subset["addresses"]).map(|one| plain(&one["ip"])));
        }
        for port in items(&subset["ports"]) {
            for address in items(&subset["addresses"]) {
                let ip = plain(&address["ip"]);
                let ip = if ip.contains(':') { format!("[{ip}]") } else { ip };
                list.push(format!("{ip}:{}", number(&port["port"])));
            }
        }
    }
    first_three(&list)
}

fn endpoint_slice(object: &Value, now: Timestamp) -> Row {
    let ports: Vec<String> = items(&object["ports"])
        .map(|port| match (port["port"].as_i64(), port["name"].as_str().filter(|name| !name.is_empty())) {
            (Some(number), _) => number.to_string(),
            (None, Some(name)) => name.to_owned(),
            (None, None) => "*".into(),
        })
        .collect();
    let addresses: Vec<String> =
        items(&object["endpoints"]).flat_map(|one| items(&one["addresses"]).map(plain)).collect();
    let unset = |text: String| if text.is_empty() { "<unset>".to_owned() } else { text };
    vec![
        name(object),
        object["addressType"].clone(),
        unset(first_three(&ports)).into(),
        unset(first_three(&addresses)).into(),
        age(object, now),
    ]
    .into()
}

fn node(object: &Value, now: Timestamp) -> Row {
    let status = &object["status"];
    let ready = items(&status["conditions"]).find(|one| one["type"] == "Ready");
    let mut state = match ready {
        Some(ready) if ready["status"] == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if object["spec"]["unschedulable"] == true {
        state.push_str(",SchedulingDisabled");
    }
    let mut roles = BTreeSet::new();
    for (label, value) in object["metadata"]["labels"].as_object().into_iter().flatten() {
        if let Some(role) = label.strip_prefix("node-role.kubernetes.io/").filter(|role| !role.is_empty()) {
            roles.insert(role.to_owned());
        } else if label == "kubernetes.io/role" && !plain(value).is_empty() {
            roles.insert(plain(value));
        }
    }
    let roles = if roles.is_empty() { NONE.to_owned() } else { joined(roles.into_iter()) };
    let address = |of: &str| {
        let found = items(&status["addresses"]).find(|one| one["type"] == of);
        text(found.map_or(&Value::Null, |one| &one["address"]))
    };
    let info = &status["nodeInfo"];
    let known = |value: &Value| match plain(value) {
        text if text.is_empty() => "<unknown>".to_owned(),
        text => text,
    };
    let mut kernel = known(&info["kernelVersion"]);
    if let Some(architecture) = info["architecture"].as_str().filter(|text| !text.is_empty()) {
        kernel = format!("{kernel} ({architecture})");
    }
    vec![
        name(object),
        state.into(),
        roles.into(),
        age(object, now),
        info["kubeletVersion"].clone(),
        address("InternalIP"),
        address("ExternalIP"),
        known(&info["osImage"]).into(),
        kernel.into(),
        known(&info["containerRuntimeVersion"]).into(),
    ]
    .into()
}

fn event(object: &Value, now: Timestamp) -> Row {
    let time = |value: &Value| since(value, now);
    let first =
        time(&object["firstTimestamp"]).or_else(|| time(&object["eventTime"])).unwrap_or_else(|| "<unknown>".into());
    let last = time(&object["series"]["lastObservedTime"])
        .or_else(|| time(&object["lastTimestamp"]))
        .unwrap_or_else(|| first.clone());
    let number = match (object["series"]["count"].as_i64(), object["count"].as_i64()) {
        (Some(count), _) => count,
        (None, Some(count)) if count > 0 => count,
        _ => 1,
    };
    let involved = &object["involvedObject"];
    let kind = plain(&involved["kind"]).to_lowercase();
    let target = match plain(&involved["name"]) {
        name if name.is_empty() => kind,
        name => format!("{kind}/{name}"),
    };
    let mut source = plain(&object["source"]["component"]);
    if source.is_empty() {
        source = plain(&object["reportingComponent"]);
    }
    let host = plain(&object["source"]["host"]);
    let host = if host.is_empty() { plain(&object["reportingInstance"]) } else { host };
    if !host.is_empty() {
        source = format!("{source}, {host}");
    }
    vec![
        last.into(),
        object["type"].clone(),
        object["reason"].clone(),
        target.into(),
        plain(&involved["fieldPath"]).into(),
        source.into(),
        plain(&object["message"]).trim().into(),
        first.into(),
        number.into(),
        name(object),
    ]
    .into()
}

fn access_modes(modes: &Value) -> String {
    joined(items(modes).map(|mode| match mode.as_str() {
        Some("ReadWriteOnce") => "RWO".to_owned(),
        Some("ReadOnlyMany") => "ROX".to_owned(),
        Some("ReadWriteMany") => "RWX".to_owned(),
        Some("ReadWriteOncePod") => "RWOP".to_owned(),
        _ => plain(mode),
    }))
}

fn volume_mode(spec: &Value) -> Value {
    match plain(&spec["volumeMode"]) {
        mode if mode.is_empty() => "<unset>".into(),
        mode => mode.into(),
    }
}

fn attributes_class(spec: &Value) -> Value {
    match plain(&spec["volumeAttributesClassName"]) {
        class if class.is_empty() => "<unset>".into(),
        class => class.into(),
    }
}

fn phase(object: &Value) -> Value {
    if object["metadata"]["deletionTimestamp"].is_string() {
        return "Terminating".into();
    }
    plain(&object["status"]["phase"]).into()
}

fn volume(object: &Value, now: Timestamp) -> Row {
    let spec = &object["spec"];
    let claim = match &spec["claimRef"] {
        Value::Null => String::new(),
        claim => format!("{}/{}", plain(&claim["namespace"]), plain(&claim["name"])),
    };
    vec![
        name(object),
        plain(&spec["capacity"]["storage"]).into(),
        access_modes(&spec["accessModes"]).into(),
        plain(&spec["persistentVolumeReclaimPolicy"]).into(),
        phase(object),
        claim.into(),
        plain(&spec["storageClassName"]).into(),
        attributes_class(spec),
        plain(&object["status"]["reason"]).into(),
        age(object, now),
        volume_mode(spec),
    ]
    .into()
}

fn claim(object: &Value, now: Timestamp) -> Row {
    let (spec, status) = (&object["spec"], &object["status"]);
    let bound = !plain(&spec["volumeName"]).is_empty();
    let if_bound = |text: String| if bound { text } else { String::new() };
    vec![
        name(object),
        phase(object),
        plain(&spec["volumeName"]).into(),
        if_bound(plain(&status["capacity"]["storage"])).into(),
        if_bound(access_modes(&status["accessModes"])).into(),
        plain(&spec["storageClassName"]).into(),
        attributes_class(spec),
        age(object, now),
        volume_mode(spec),
    ]
    .into()
}

fn quota(object: &Value, now: Timestamp) -> Row {
    let (hard, used) = (&object["status"]["hard"], &object["status"]["used"]);
    let mut names: Vec<&String> = hard.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    names.sort();
    let line = |limits: bool| {
        let parts = names.iter().filter(|name| name.starts_with("limits") == limits);
        let parts: Vec<String> =
            parts.map(|name| format!("{name}: {}/{}", plain(&used[*name]), plain(&hard[*name]))).collect();
        Value::from(parts.join(", "))
    };
    vec![name(object), line(false), line(true), age(object, now)].into()
}

fn storage_class(object: &Value, now: Timestamp) -> Row {
    let default = &object["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"];
    let mut shown = plain(&name(object));
    if default == "true" {
        shown.push_str(" (default)");
    }
    let or = |value: &Value, other: &str| match plain(value) {
        text if text.is_empty() => Value::from(other),
        text => text.into(),
    };
    vec![
        shown.into(),
        object["provisioner"].clone(),
        or(&object["reclaimPolicy"], "Delete"),
        or(&object["volumeBindingMode"], "<unset>"),
        (object["allowVolumeExpansion"] == true).into(),
        age(object, now),
    ]
    .into()
}

fn ingress(object: &Value, now: Timestamp) -> Row {
    let spec = &object["spec"];
    let hosts: Vec<String> =
        items(&spec["rules"]).map(|rule| plain(&rule["host"])).filter(|host| !host.is_empty()).collect();
    let hosts = if hosts.is_empty() { "*".to_owned() } else { first_three(&hosts) };
    let ports = if count(&spec["tls"]) == 0 { "80" } else { "80, 443" };
    vec![
        name(object),
        text(&spec["ingressClassName"]),
        hosts.into(),
        balancer(&object["status"]).into(),
        ports.into(),
        age(object, now),
    ]
    .into()
}

fn ingress_class(object: &Value, now: Timestamp) -> Row {
    let parameters = match &object["spec"]["parameters"] {
        Value::Null => NONE.to_owned(),
        parameters => {
            let mut kind = plain(&parameters["kind"]);
            if let Some(group) = parameters["apiGroup"].as_str() {
                kind = format!("{kind}.{group}");
            }
            format!("{kind}/{}", plain(&parameters["name"]))
        }
    };
    vec![name(object), object["spec"]["controller"].clone(), parameters.into(), age(object, now)].into()
}

fn disruption_budget(object: &Value, now: Timestamp) -> Row {
    let bound = |value: &Value| match plain(value) {
        text if text.is_empty() => Value::from("N/A"),
        text => text.into(),
    };
    vec![
        name(object),
        bound(&object["spec"]["minAvailable"]),
        bound(&object["spec"]["maxUnavailable"]),
        number(&object["status"]["disruptionsAllowed"]).into(),
        age(object, now),
    ]
    .into()
}

fn autoscaler(object: &Value, now: Timestamp) -> Row {
    let (spec, status) = (&object["spec"], &object["status"]);
    let target = &spec["scaleTargetRef"];
    let current: Vec<&Value> = items(&status["currentMetrics"]).collect();
    let mut targets: Vec<String> = Vec::new();
    for (at, metric) in items(&spec["metrics"]).enumerate() {
        let unknown = "<unknown>".to_owned();
        let source = match metric["type"].as_str() {
            Some("Resource") => "resource",
            Some("ContainerResource") => "containerResource",
            Some("Pods") => "pods",
            Some("Object") => "object",
            Some("External") => "external",
            _ => {
                targets.push("<unknown type>".into());
                continue;
            }
        };
        let wanted = &metric[source]["target"];
        let is = current.get(at).map_or(&Value::Null, |one| &one[source]["current"]);
        let text = if let Some(percent) = wanted["averageUtilization"].as_i64() {
            let now = is["averageUtilization"].as_i64().map_or(unknown, |percent| format!("{percent}%"));
            format!("{now}/{percent}%")
        } else if wanted["averageValue"].is_null() {
            let now = Some(plain(&is["value"])).filter(|text| !text.is_empty()).unwrap_or(unknown);
            format!("{now}/{}", plain(&wanted["value"]))
        } else {
            let now = Some(plain(&is["averageValue"])).filter(|text| !text.is_empty()).unwrap_or(unknown);
            let average = if matches!(source, "external" | "object") { " (avg)" } else { "" };
            format!("{now}/{}{average}", plain(&wanted["averageValue"]))
        };
        // Plain resources are named: cpu: 1%/80%.
        let label = plain(&metric[source]["name"]);
        targets.push(if source == "resource" || source == "containerResource" {
            format!("{label}: {text}")
        } else {
            text
        });
    }
    let shown = match targets.len() {
        0 => NONE.to_owned(),
        length if length > 2 => format!("{} + {} more...", targets[..2].join(", "), length - 2),
        _ => targets.join(", "),
    };
    let minimum = spec["minReplicas"].as_i64().map_or_else(|| "<unset>".to_owned(), |number| number.to_string());
    vec![
        name(object),
        format!("{}/{}", plain(&target["kind"]), plain(&target["name"])).into(),
        shown.into(),
        minimum.into(),
        number(&spec["maxReplicas"]).into(),
        number(&status["currentReplicas"]).into(),
        age(object, now),
    ]
    .into()
}

fn role_binding(object: &Value, now: Timestamp) -> Row {
    let role = &object["roleRef"];
    let of = |kind: &str| {
        let subjects = items(&object["subjects"]).filter(|one| one["kind"] == kind);
        let names = subjects.map(|one| match one["namespace"].as_str() {
            Some(namespace) => format!("{namespace}/{}", plain(&one["name"])),
            None => plain(&one["name"]),
        });
        Value::from(names.collect::<Vec<_>>().join(", "))
    };
    vec![
        name(object),
        format!("{}/{}", plain(&role["kind"]), plain(&role["name"])).into(),
        age(object, now),
        of("User"),
        of("Group"),
        of("ServiceAccount"),
    ]
    .into()
}

fn priority_class(object: &Value, now: Timestamp) -> Row {
    vec![
        name(object),
        number(&object["value"]).into(),
        (object["globalDefault"] == true).into(),
        age_of(&object["metadata"]["creationTimestamp"], now),
        plain(&object["preemptionPolicy"]).into(),
    ]
    .into()
}
