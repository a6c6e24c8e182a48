//! What a container reaches over the cluster's network: names, Services, Pods, and what network policies let through.
//! <https://kubernetes.io/docs/concepts/services-networking/network-policies/>

use std::net::Ipv4Addr;

use serde_json::Value;

use super::super::super::controllers::control::Control;
use super::super::super::object::{self, resources};
use super::super::super::store::Object;

/// Where EKS says whether network policies count: a ConfigMap of the VPC CNI. <https://docs.aws.amazon.com/eks/latest/userguide/auto-net-pol.html>
const POLICIES_COUNT: (&str, &str, &str) = ("kube-system", "amazon-vpc-cni", "enable-network-policy-controller");

/// Where names are resolved: the address that EKS gives to the cluster's DNS.
const DNS_ADDRESS: &str = "172.20.0.10";

/// A place that a name or an address leads to.
#[derive(Debug, Clone)]
pub(super) enum Host {
    /// The container's own Pod.
    Own,
    /// A Service.
    Service(Object),
    /// A Pod.
    Pod(Object),
    /// An address that nobody in the cluster has.
    Foreign(Ipv4Addr),
}

/// Why nothing is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreached {
    /// Nobody listens.
    Refused,
    /// Nothing comes back.
    Silent,
    /// There is no such name.
    NoName,
    /// No answer comes from the DNS.
    DnsSilent,
}

/// The network as a Pod sees it.
pub(super) struct Network<'a> {
    pub control: &'a Control,
    pub pod: &'a Value,
}

impl Network<'_> {
    /// The address of the cluster's DNS.
    pub fn dns(&self) -> String {
        let service = self.control.get(&resources::SERVICES, "kube-system", "kube-dns");
        service.map_or(DNS_ADDRESS.into(), |service| object::text(&service, "/spec/clusterIP").to_owned())
    }

    /// What a host's name stands for.
    pub fn resolve(&self, name: &str) -> Result<Host, Unreached> {
        if matches!(name, "localhost" | "127.0.0.1") {
            return Ok(Host::Own);
        }
        if let Ok(address) = name.parse::<Ipv4Addr>() {
            return Ok(self.at_address(address));
        }
        let dns = self.dns();
        let servers: Vec<Object> = self
            .control
            .get(&resources::SERVICES, "kube-system", "kube-dns")
            .map_or_else(Vec::new, |service| self.behind(&service));
        let answered = if servers.is_empty() {
            self.may_leave(None, &dns, 53, "UDP")
        } else {
            servers.iter().any(|server| self.may_leave(Some(server), object::text(server, "/status/podIP"), 53, "UDP"))
        };
        if !answered {
            return Err(Unreached::DnsSilent);
        }
        let name = name.trim_end_matches('.');
        let mut labels: Vec<&str> = name.split('.').collect();
        if let Some(at) = labels.iter().position(|label| *label == "svc")
            && matches!(labels[at + 1..], [] | ["cluster", "local"])
        {
            labels.truncate(at);
        }
        let service = |name: &str, namespace: &str| self.control.get(&resources::SERVICES, namespace, name);
        let own = object::namespace(self.pod);
        let found = match labels.as_slice() {
            [name] => service(name, own).map(Host::Service),
            [name, namespace] => service(name, namespace).map(Host::Service),
            [pod, name, namespace] => service(name, namespace).and_then(|service| {
                let pods = self.behind(&service);
                pods.into_iter().find(|found| object::text(found, "/spec/hostname") == *pod).map(Host::Pod)
            }),
            _ => None,
        };
        found.or_else(|| self.balanced(name)).ok_or(Unreached::NoName)
    }

    fn at_address(&self, address: Ipv4Addr) -> Host {
        let text = address.to_string();
        let services = self.control.store.list(&resources::SERVICES, None);
        if let Some(service) = services.into_iter().find(|service| object::text(service, "/spec/clusterIP") == text) {
            return Host::Service(service);
        }
        let pods = self.control.store.list(&resources::PODS, None);
        match pods.into_iter().find(|pod| object::text(pod, "/status/podIP") == text) {
            Some(pod) => Host::Pod(pod),
            None => Host::Foreign(address),
        }
    }

    /// The Service that a load balancer's name leads to.
    fn balanced(&self, host: &str) -> Option<Host> {
        let services = self.control.store.list(&resources::SERVICES, None);
        let assigned = |service: &Object| {
            object::list(service, "/status/loadBalancer/ingress").iter().any(|ingress| ingress["hostname"] == host)
        };
        services.into_iter().find(assigned).map(Host::Service)
    }

    /// The ready Pods behind a Service, in the order of their names.
    fn behind(&self, service: &Value) -> Vec<Object> {
        let mut pods = self.control.store.list(&resources::PODS, Some(object::namespace(service)));
        pods.retain(|pod| {
            object::selects_by_map(&service["spec"]["selector"], &pod["metadata"]["labels"])
                && object::has_condition(pod, "Ready")
                && !object::is_deleting(pod)
        });
        pods
    }

    /// The address that a client sees itself connect to.
    pub fn address(&self, host: &Host) -> String {
        match host {
            Host::Own => "127.0.0.1".into(),
            Host::Service(service) => match object::text(service, "/spec/clusterIP") {
                "None" | "" => {
                    let pods = self.behind(service);
                    pods.first().map_or(String::new(), |pod| object::text(pod, "/status/podIP").to_owned())
                }
                address => address.to_owned(),
            },
            Host::Pod(pod) => object::text(pod, "/status/podIP").to_owned(),
            Host::Foreign(address) => address.to_string(),
        }
    }

    /// The Pod that answers at a port of a host, and the port that it is asked at.
    pub fn connect(&self, host: &Host, port: i64) -> Result<(Object, i64), Unreached> {
        let (pod, port) = match host {
            Host::Own => {
                let own = self.control.get(&resources::PODS, object::namespace(self.pod), object::name(self.pod));
                return Ok((own.ok_or(Unreached::Refused)?, port));
            }
            Host::Foreign(_) => return Err(Unreached::Silent),
            Host::Pod(pod) => (pod.clone(), port),
            Host::Service(service) => {
                // A cluster IP has no listener at ports that the Service does not name: packets to it are dropped.
                let rows = object::list(service, "/spec/ports");
                let row = rows.iter().find(|row| row["port"].as_i64() == Some(port));
                let headless = object::text(service, "/spec/clusterIP") == "None";
                if row.is_none() && !headless {
                    return Err(Unreached::Silent);
                }
                let pods = self.behind(service);
                if pods.is_empty() {
                    return Err(if headless { Unreached::NoName } else { Unreached::Refused });
                }
                let pod = pods[self.turn(pods.len())].clone();
                let target = row.filter(|_| !headless).map_or(port, |row| target_port(&pod, row));
                (pod, target)
            }
        };
        let ip = object::text(&pod, "/status/podIP");
        if self.may_leave(Some(&pod), ip, port, "TCP") && self.may_enter(&pod, port, "TCP") {
            Ok((pod, port))
        } else {
            Err(Unreached::Silent)
        }
    }

    /// Which of so many endpoints is taken: by chance, as kube-proxy does, but the same in a session that is repeated.
    fn turn(&self, many: usize) -> usize {
        let seed = object::digest(&[&self.control.now.to_string(), object::uid(self.pod)]);
        usize::from_str_radix(&seed[..6], 16).unwrap_or(0) % many.max(1)
    }

    fn policies(&self, namespace: &str) -> Vec<Object> {
        let (of, name, key) = POLICIES_COUNT;
        let counts = self.control.get(&resources::CONFIG_MAPS, of, name).is_some_and(|map| map["data"][key] == "true");
        if counts { self.control.store.list(&resources::NETWORK_POLICIES, Some(namespace)) } else { Vec::new() }
    }

    /// Whether the policies about this Pod let it send to `peer`.
    fn may_leave(&self, peer: Option<&Value>, address: &str, port: i64, protocol: &str) -> bool {
        self.allowed(self.pod, "Egress", "/spec/egress", "to", &(peer, address), port, protocol)
    }

    /// Whether the policies about `pod` let this Pod send to it.
    fn may_enter(&self, pod: &Value, port: i64, protocol: &str) -> bool {
        let own = object::text(self.pod, "/status/podIP");
        self.allowed(pod, "Ingress", "/spec/ingress", "from", &(Some(self.pod), own), port, protocol)
    }

    #[expect(clippy::too_many_arguments, reason = "one row of the table that a policy is")]
    fn allowed(
        &self,
        of: &Value,
        kind: &str,
        rules: &str,
        field: &str,
        peer: &(Option<&Value>, &str),
        port: i64,
        protocol: &str,
    ) -> bool {
        let mut isolated = false;
        for policy in self.policies(object::namespace(of)) {
            let kinds = object::list(&policy, "/spec/policyTypes");
            let about = if kinds.is_empty() {
                kind == "Ingress" || policy["spec"]["egress"].is_array()
            } else {
                kinds.iter().any(|named| named == kind)
            };
            if !about || !object::selects(&policy["spec"]["podSelector"], &of["metadata"]["labels"]) {
                continue;
            }
            isolated = true;
            let lets = |rule: &Value| {
                let peers = object::list(rule, &format!("/{field}"));
                let ports = object::list(rule, "/ports");
                (peers.is_empty() || peers.iter().any(|row| self.is_peer(row, object::namespace(&policy), peer)))
                    && (ports.is_empty()
                        || ports.iter().any(|row| {
                            has_port(row, peer.0.filter(|_| kind == "Egress").unwrap_or(of), port, protocol)
                        }))
            };
            if object::list(&policy, rules).iter().any(lets) {
                return true;
            }
        }
        !isolated
    }

    fn is_peer(&self, row: &Value, namespace: &str, (pod, address): &(Option<&Value>, &str)) -> bool {
        if let Some(block) = row.get("ipBlock") {
            let inside = |network: &Value| is_in(address, network.as_str().unwrap_or_default());
            return inside(&block["cidr"]) && !object::list(block, "/except").iter().any(inside);
        }
        let Some(pod) = pod else { return false };
        let place = match row.get("namespaceSelector") {
            None => object::namespace(pod) == namespace,
            Some(selector) => {
                let key = super::super::super::store::Key::cluster(&resources::NAMESPACES, object::namespace(pod));
                self.control
                    .store
                    .get(&key)
                    .is_some_and(|found| object::selects(selector, &found["metadata"]["labels"]))
            }
        };
        place && row.get("podSelector").is_none_or(|selector| object::selects(selector, &pod["metadata"]["labels"]))
    }
}

/// The port of a Pod that a Service's port leads to.
fn target_port(pod: &Value, row: &Value) -> i64 {
    match &row["targetPort"] {
        Value::String(name) => named_port(pod, name).unwrap_or(0),
        Value::Null => row["port"].as_i64().unwrap_or(0),
        number => number.as_i64().unwrap_or(0),
    }
}

fn named_port(pod: &Value, name: &str) -> Option<i64> {
    let containers = object::list(pod, "/spec/containers").iter();
    let mut ports = containers.flat_map(|container| object::list(container, "/ports"));
    ports.find(|port| port["name"] == name)?["containerPort"].as_i64()
}

/// Whether a policy's port is that one; a name is one of `pod`'s.
fn has_port(row: &Value, pod: &Value, port: i64, protocol: &str) -> bool {
    let same = match row["protocol"].as_str() {
        None => protocol == "TCP",
        Some(named) => named == protocol,
    };
    same && match &row["port"] {
        Value::Null => true,
        Value::String(name) => named_port(pod, name) == Some(port),
        number => {
            let first = number.as_i64().unwrap_or(-1);
            (first..=row["endPort"].as_i64().unwrap_or(first)).contains(&port)
        }
    }
}

fn is_in(address: &str, network: &str) -> bool {
    let Some((first, bits)) = network.split_once('/') else { return false };
    let (Ok(address), Ok(first), Ok(bits)) =
        (address.parse::<Ipv4Addr>(), first.parse::<Ipv4Addr>(), bits.parse::<u32>())
    else {
        return false;
    };
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
    u32::from(address) & mask == u32::from(first) & mask
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_and_networks() {
        for (address, network, inside) in [
            ("172.20.0.10", "172.20.0.10/32", true),
            ("172.20.0.11", "172.20.0.10/32", false),
            ("10.42.7.1", "10.42.0.0/16", true),
            ("8.8.8.8", "0.0.0.0/0", true),
            ("8.8.8.8", "nonsense", false),
        ] {
            assert_eq!(is_in(address, network), inside, "{address} {network}");
        }
    }

    #[test]
    fn ports_of_policies() {
        let pod = json!({"spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]}});
        for (row, port, fits) in [
            (json!({}), 1, true),
            (json!({"port": 80}), 80, true),
            (json!({"port": 80}), 81, false),
            (json!({"port": 80, "endPort": 90}), 85, true),
            (json!({"port": "http"}), 8080, true),
            (json!({"protocol": "UDP"}), 80, false),
        ] {
            assert_eq!(has_port(&row, &pod, port, "TCP"), fits, "{row}");
        }
    }
}
