//! Services, Ingresses and Endpoints.

use serde_json::Value;

use super::workload::pairs;
use super::writer::{Writer, items, number, or_none, plain, text};

/// How many addresses of a Service's port are shown.
const ADDRESSES: usize = 3;

fn head(w: &mut Writer, metadata: &Value) {
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
}

fn joined(list: &Value) -> String {
    items(list).map(text).collect::<Vec<_>>().join(",")
}

/// Describes a Service; `slices` are its EndpointSlices.
pub fn service(w: &mut Writer, value: &Value, slices: &[Value]) {
    let spec = &value["spec"];
    head(w, &value["metadata"]);
    w.line(0, format!("Selector:\t{}", pairs(&spec["selector"])));
    w.line(0, format!("Type:\t{}", text(&spec["type"])));
    if let Some(policy) = spec["ipFamilyPolicy"].as_str() {
        w.line(0, format!("IP Family Policy:\t{policy}"));
    }
    w.line(0, format!("IP Families:\t{}", or_none(&joined(&spec["ipFamilies"]))));
    w.line(0, format!("IP:\t{}", text(&spec["clusterIP"])));
    w.line(0, format!("IPs:\t{}", or_none(&joined(&spec["clusterIPs"]))));
    for (title, what) in [
        ("External IPs", joined(&spec["externalIPs"])),
        ("Desired LoadBalancer IP", text(&spec["loadBalancerIP"]).to_owned()),
        ("External Name", text(&spec["externalName"]).to_owned()),
        ("LoadBalancer Ingress", balancers(&value["status"]["loadBalancer"]["ingress"])),
    ] {
        if !what.is_empty() {
            w.line(0, format!("{title}:\t{what}"));
        }
    }
    for port in items(&spec["ports"]) {
        let name = text(&port["name"]);
        let shown = if name.is_empty() { "<unset>" } else { name };
        let protocol = text(&port["protocol"]);
        w.line(0, format!("Port:\t{shown}\t{}/{protocol}", number(&port["port"])));
        w.line(0, format!("TargetPort:\t{}/{protocol}", plain(&port["targetPort"])));
        if number(&port["nodePort"]) != 0 {
            w.line(0, format!("NodePort:\t{shown}\t{}/{protocol}", number(&port["nodePort"])));
        }
        w.line(0, format!("Endpoints:\t{}", addresses(slices.iter(), |port| text(&port["name"]) == name)));
    }
    w.line(0, format!("Session Affinity:\t{}", text(&spec["sessionAffinity"])));
    for (title, key) in
        [("External Traffic Policy", "externalTrafficPolicy"), ("Internal Traffic Policy", "internalTrafficPolicy")]
    {
        if let Some(policy) = spec[key].as_str().filter(|policy| !policy.is_empty()) {
            w.line(0, format!("{title}:\t{policy}"));
        }
    }
    if number(&spec["healthCheckNodePort"]) != 0 {
        w.line(0, format!("HealthCheck NodePort:\t{}", number(&spec["healthCheckNodePort"])));
    }
    let ranges = joined(&spec["loadBalancerSourceRanges"]);
    if !ranges.is_empty() {
        w.line(0, format!("LoadBalancer Source Ranges:\t{ranges}"));
    }
}

fn balancers(ingress: &Value) -> String {
    items(ingress)
        .map(|one| match (text(&one["ip"]), text(&one["ipMode"])) {
            ("", _) => text(&one["hostname"]).to_owned(),
            (ip, "") => ip.to_owned(),
            (ip, mode) => format!("{ip} ({mode})"),
        })
        .collect::<Vec<_>>()
        .join(", ")
}

fn addresses<'a>(slices: impl Iterator<Item = &'a Value>, is_port: impl Fn(&Value) -> bool) -> String {
    let mut all = Vec::new();
    let mut slices = slices.peekable();
    if slices.peek().is_none() {
        return "<none>".into();
    }
    for slice in slices {
        for port in items(&slice["ports"]).filter(|port| is_port(port)) {
            for endpoint in items(&slice["endpoints"]).filter(|endpoint| endpoint["conditions"]["ready"] != false) {
                all.extend(items(&endpoint["addresses"]).map(|address| {
                    let address = text(address);
                    let port = number(&port["port"]);
                    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
                }));
            }
        }
    }
    let more = all.len().saturating_sub(ADDRESSES);
    all.truncate(ADDRESSES);
    match more {
        0 => all.join(","),
        more => format!("{} + {more} more...", all.join(",")),
    }
}

/// Describes an Ingress; `slices` are the namespace's EndpointSlices.
pub fn ingress(w: &mut Writer, value: &Value, slices: &[Value]) {
    let (metadata, spec) = (&value["metadata"], &value["spec"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.labels("Labels", &metadata["labels"]);
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    w.line(0, format!("Address:\t{}", balancers(&value["status"]["loadBalancer"]["ingress"])));
    w.line(0, format!("Ingress Class:\t{}", or_none(text(&spec["ingressClassName"]))));
    let default = &spec["defaultBackend"];
    if default.is_object() {
        w.line(0, format!("Default backend:\t{}", backend(default, slices)));
    } else {
        w.line(0, "Default backend:\t<default>");
    }
    if items(&spec["tls"]).next().is_some() {
        w.line(0, "TLS:");
        for tls in items(&spec["tls"]) {
            match text(&tls["secretName"]) {
                "" => w.line(1, format!("SNI routes {}", joined(&tls["hosts"]))),
                secret => w.line(1, format!("{secret} terminates {}", joined(&tls["hosts"]))),
            }
        }
    }
    w.line(0, "Rules:");
    w.line(1, "Host\tPath\tBackends");
    w.line(1, "----\t----\t--------");
    let mut count = 0;
    for rule in items(&spec["rules"]).filter(|rule| rule["http"].is_object()) {
        count += 1;
        let host = match text(&rule["host"]) {
            "" => "*",
            host => host,
        };
        w.line(1, format!("{host}\t"));
        for path in items(&rule["http"]["paths"]) {
            w.line(2, format!("\t{} \t{}", text(&path["path"]), backend(&path["backend"], slices)));
        }
    }
    if count == 0 {
        let to = if default.is_object() { backend(default, slices) } else { "<default>".into() };
        w.line(1, format!("*\t*\t{to}"));
    }
    w.annotations("Annotations", &metadata["annotations"]);
}

fn backend(backend: &Value, slices: &[Value]) -> String {
    let service = &backend["service"];
    if service.is_object() {
        let name = text(&service["name"]);
        let port = &service["port"];
        let own = |slice: &&Value| slice["metadata"]["labels"]["kubernetes.io/service-name"] == name;
        let shown = if number(&port["number"]) != 0 {
            number(&port["number"]).to_string()
        } else {
            text(&port["name"]).to_owned()
        };
        let found = addresses(slices.iter().filter(own), |candidate| {
            text(&port["name"]).is_empty() || candidate["name"] == port["name"]
        });
        return format!("{name}:{shown} ({found})");
    }
    let resource = &backend["resource"];
    format!(
        "APIGroup: {}, Kind: {}, Name: {}",
        or_none(text(&resource["apiGroup"])),
        text(&resource["kind"]),
        text(&resource["name"])
    )
}

/// Describes Endpoints.
pub fn endpoints(w: &mut Writer, value: &Value) {
    head(w, &value["metadata"]);
    w.line(0, "Subsets:");
    for subset in items(&value["subsets"]) {
        for (title, key) in [("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")] {
            let all: Vec<&str> = items(&subset[key]).map(|address| text(&address["ip"])).collect();
            w.line(1, format!("{title}:\t{}", or_none(&all.join(","))));
        }
        if items(&subset["ports"]).next().is_some() {
            w.line(1, "Ports:");
            w.line(2, "Name\tPort\tProtocol");
            w.line(2, "----\t----\t--------");
            for port in items(&subset["ports"]) {
                let name = match text(&port["name"]) {
                    "" => "<unset>",
                    name => name,
                };
                w.line(2, format!("{name}\t{}\t{}", number(&port["port"]), text(&port["protocol"])));
            }
        }
        w.line(0, "");
    }
}
