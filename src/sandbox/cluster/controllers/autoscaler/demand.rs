//! How many replicas an autoscaler's metrics ask for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::super::super::api::Quantity;
use super::super::super::kubelet::{Nodes, usage};
use super::super::super::object::{self, resources};
use super::super::super::store::{Key, Object};
use super::super::control::Control;
use super::super::scheduler::quantity;

/// By how much use may differ from its target before anything is done, as a part of the target.
const TOLERANCE: f64 = 0.1;
/// For how long after its start a Pod's processor use counts only while it is ready.
const INITIALISATION: SignedDuration = SignedDuration::from_mins(5);
/// A Pod that becomes unready only so long after its start had been ready before.
const FIRST_READINESS: SignedDuration = SignedDuration::from_secs(30);
/// What a measurement is the mean of.
const WINDOW: SignedDuration = SignedDuration::from_secs(15);

/// What the metrics ask for.
pub(super) struct Demand {
    /// The largest of the numbers, and the metric that asks for it; none when no metric could be had.
    pub asked: Option<Asked>,
    /// The metrics that could not be had: reason and message.
    pub failures: Vec<(&'static str, String)>,
    /// What the first of them is a part of: `failed to get cpu resource metric value: `.
    pub failed_of: Option<String>,
    /// What was measured, as the status shows it.
    pub statuses: Vec<Value>,
    /// Whether it follows from all Pods: none is still starting.
    pub is_certain: bool,
}

/// A number of replicas and why.
pub(super) struct Asked {
    pub replicas: i64,
    /// `cpu resource utilization (percentage of request)`
    pub metric: String,
}

/// Where metrics come from.
pub(super) struct Metrics<'a> {
    pub control: &'a Control,
    pub nodes: &'a Nodes,
    /// The workload.
    pub target: &'a Object,
    /// How many replicas it has.
    pub current: i64,
}

/// What one metric says.
struct Reading {
    replicas: i64,
    metric: String,
    status: Value,
    certain: bool,
}

/// Pods by what their measurements count for.
#[derive(Default)]
struct Groups {
    /// What each Pod uses, in thousandths, of those that count.
    used: BTreeMap<String, i64>,
    unready: BTreeSet<String>,
    missing: BTreeSet<String>,
    ready: usize,
}

impl Metrics<'_> {
    /// Asks all metrics.
    pub fn compute(&self, metrics: &[Value]) -> Demand {
        let mut demand =
            Demand { asked: None, failures: Vec::new(), failed_of: None, statuses: Vec::new(), is_certain: true };
        for metric in metrics {
            match self.read(metric) {
                Ok(reading) => {
                    demand.statuses.push(reading.status);
                    demand.is_certain &= reading.certain;
                    if demand.asked.as_ref().is_none_or(|asked| reading.replicas > asked.replicas) {
                        demand.asked = Some(Asked { replicas: reading.replicas, metric: reading.metric });
                    }
                }
                Err((reason, of, why)) => {
                    demand.failed_of.get_or_insert(of);
                    demand.failures.push((reason, why));
                }
            }
        }
        demand
    }

    fn read(&self, metric: &Value) -> Result<Reading, (&'static str, String, String)> {
        let named = |field: &str| object::text(metric, &format!("/{field}/metric/name")).to_owned();
        let unregistered = |api: &str| format!("no {api} metrics API ({api}.metrics.k8s.io) registered");
        match object::text(metric, "/type") {
            "Resource" => {
                let of = &metric["resource"];
                self.resource(of, None).map_err(|why| {
                    let of = format!("failed to get {} resource metric value: ", object::text(of, "/name"));
                    ("FailedGetResourceMetric", of, why)
                })
            }
            "ContainerResource" => {
                let of = &metric["containerResource"];
                self.resource(of, Some(object::text(of, "/container"))).map_err(|why| {
                    let of = format!("failed to get {} container metric value: ", object::text(of, "/name"));
                    ("FailedGetContainerResourceMetric", of, why)
                })
            }
            "Pods" => {
                let name = named("pods");
                let why = format!(
                    "unable to get metric {name}: unable to fetch metrics from custom metrics API: {}",
                    unregistered("custom")
                );
                Err(("FailedGetPodsMetric", "failed to get pods metric value: ".into(), why))
            }
            "Object" => {
                let described = &metric["object"]["describedObject"];
                let why = format!(
                    "unable to get metric {}: {} on {} {}/unable to fetch metrics from custom metrics API: {}",
                    named("object"),
                    object::text(described, "/kind"),
                    object::namespace(self.target),
                    object::text(described, "/name"),
                    unregistered("custom")
                );
                Err(("FailedGetObjectMetric", "failed to get object metric value: ".into(), why))
            }
            "External" => {
                let name = named("external");
                let why = format!(
                    "unable to get external metric {}/{name}/nil: unable to fetch metrics from external metrics API: {}",
                    object::namespace(self.target),
                    unregistered("external")
                );
                let of = format!("failed to get {name} external metric value: ");
                Err(("FailedGetExternalMetric", of, why))
            }
            other => Err(("InvalidMetricSourceType", String::new(), format!("unknown metric source type {other:?}"))),
        }
    }

    /// Processor time or memory, of Pods as a whole or of one of their containers.
    fn resource(&self, of: &Value, container: Option<&str>) -> Result<Reading, String> {
        let name = object::text(of, "/name");
        let percent = object::number(of, "/target/averageUtilization");
        let word = if percent.is_some() { "utilization" } else { "usage" };
        let failed = |why: String| format!("failed to get {name} {word}: {why}");
        let pods = self.pods();
        let groups = self.group(&pods, name, container).map_err(failed)?;
        let kind = if container.is_some() { "container resource" } else { "resource" };
        let total: i64 = groups.used.values().sum();
        let average = total / i64::try_from(groups.used.len()).unwrap_or(1).max(1);
        let mut current = json!({"averageValue": Quantity::of_thousandths(average).to_string()});
        let (replicas, metric) = match percent {
            Some(percent) => {
                let requests = self.requests(&pods, name, container).map_err(failed)?;
                let ratio = |used: &BTreeMap<String, i64>| {
                    let total: i64 = used.values().sum();
                    let asked: i64 = used.keys().filter_map(|pod| requests.get(pod)).sum();
                    let is = total.saturating_mul(100) / asked.max(1);
                    (is, exact(is) / exact(percent.max(1)))
                };
                if !groups.used.keys().any(|pod| requests.contains_key(pod)) {
                    return Err(failed("no metrics returned matched known pods".into()));
                }
                current["averageUtilization"] = ratio(&groups.used).0.into();
                let fallback = percent.max(100);
                let missing = |pod: &String| requests.get(pod).copied().unwrap_or(0) * fallback / 100;
                let replicas = self.replicas(&groups, &|used| ratio(used).1, &missing);
                (replicas, format!("{name} {kind} utilization (percentage of request)"))
            }
            None => {
                let target = quantity(object::text(of, "/target/averageValue")).max(1);
                let ratio = |used: &BTreeMap<String, i64>| {
                    let total: i64 = used.values().sum();
                    exact(total / i64::try_from(used.len()).unwrap_or(1).max(1)) / exact(target)
                };
                (self.replicas(&groups, &ratio, &|_| target), format!("{name} {kind}"))
            }
        };
        let mut source = json!({"name": name, "current": current});
        let status = match container {
            Some(container) => {
                source["container"] = container.into();
                json!({"type": "ContainerResource", "containerResource": source})
            }
            None => json!({"type": "Resource", "resource": source}),
        };
        let certain = groups.unready.is_empty() && groups.missing.is_empty();
        Ok(Reading { replicas, metric, status, certain })
    }

    /// The Pods that the workload's selector finds.
    fn pods(&self) -> Vec<Object> {
        let selector = &self.target["spec"]["selector"];
        let mut pods = self.control.store.list(&resources::PODS, Some(object::namespace(self.target)));
        pods.retain(|pod| {
            let labels = &pod["metadata"]["labels"];
            object::selects(selector, labels)
                && (selector["matchLabels"].is_object() || selector["matchExpressions"].is_array())
                || object::selects_by_map(selector, labels)
        });
        pods
    }

    /// What a Pod, or one of its containers, uses of a resource, in thousandths.
    fn used(&self, pod: &Value, resource: &str, container: Option<&str>) -> Option<i64> {
        let mut total = 0;
        let mut found = false;
        for one in object::list(pod, "/spec/containers") {
            // A Pod is measured when all of its containers are.
            let used = usage(self.control, self.nodes, pod, one)?;
            if container.is_none_or(|wanted| one["name"] == wanted) {
                found = true;
                total += if resource == "memory" { used.memory } else { used.cpu }.thousandths();
            }
        }
        found.then_some(total)
    }

    fn group(&self, pods: &[Object], resource: &str, container: Option<&str>) -> Result<Groups, String> {
        let unable = |why: &str| format!("unable to get metrics for resource {resource}: {why}");
        let api = Key::cluster(&resources::API_SERVICES, "v1beta1.metrics.k8s.io");
        if self.control.store.get(&api).is_none() {
            return Err(unable(
                "unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)",
            ));
        }
        let measured: BTreeMap<String, i64> = pods
            .iter()
            .filter_map(|pod| Some((object::name(pod).to_owned(), self.used(pod, resource, container)?)))
            .collect();
        if measured.is_empty() {
            return Err(unable("no metrics returned from resource metrics API"));
        }
        let mut groups = Groups { used: measured, ..Groups::default() };
        for pod in pods {
            let name = object::name(pod).to_owned();
            if object::is_deleting(pod) || object::text(pod, "/status/phase") == "Failed" {
                groups.used.remove(&name);
            } else if object::text(pod, "/status/phase") == "Pending" {
                groups.used.remove(&name);
                groups.unready.insert(name);
            } else if !groups.used.contains_key(&name) {
                groups.missing.insert(name);
            } else if resource == "cpu" && self.is_starting(pod) {
                groups.used.remove(&name);
                groups.unready.insert(name);
            } else {
                groups.ready += 1;
            }
        }
        if groups.used.is_empty() {
            return Err("did not receive metrics for targeted pods (pods might be unready)".into());
        }
        Ok(groups)
    }

    /// Whether a Pod's processor use is that of its start and says nothing of the load.
    fn is_starting(&self, pod: &Value) -> bool {
        let now = self.control.now;
        let started = object::time(pod, "/status/startTime");
        let (Some(started), Some(ready)) = (started, object::condition(&pod["status"], "Ready")) else { return true };
        let since = object::time(ready, "/lastTransitionTime").unwrap_or(now);
        let is_ready = ready["status"] == "True";
        if now.duration_since(started) < INITIALISATION {
            return !is_ready || now.duration_since(since) < WINDOW;
        }
        !is_ready && since.duration_since(started) < FIRST_READINESS
    }

    /// What each Pod requests, in thousandths.
    fn requests(
        &self,
        pods: &[Object],
        resource: &str,
        container: Option<&str>,
    ) -> Result<BTreeMap<String, i64>, String> {
        let mut requests = BTreeMap::new();
        for pod in pods {
            let mut total = 0;
            for one in object::list(pod, "/spec/containers") {
                let name = object::text(one, "/name");
                if container.is_some_and(|wanted| wanted != name) {
                    continue;
                }
                let Some(amount) = one["resources"]["requests"][resource].as_str() else {
                    return Err(format!(
                        "missing request for {resource} in container {name} of Pod {}",
                        object::name(pod)
                    ));
                };
                total += quantity(amount);
            }
            requests.insert(object::name(pod).to_owned(), total);
        }
        Ok(requests)
    }

    /// How many replicas bring the ratio of use to target to one. `missing` is what a Pod counts as that was not measured
    /// when replicas would be taken away.
    fn replicas(
        &self,
        groups: &Groups,
        ratio: &dyn Fn(&BTreeMap<String, i64>) -> f64,
        missing: &dyn Fn(&String) -> i64,
    ) -> i64 {
        let within = |ratio: f64| (1.0 - ratio).abs() <= TOLERANCE;
        let first = ratio(&groups.used);
        let counts_unready = !groups.unready.is_empty() && first > 1.0;
        if !counts_unready && groups.missing.is_empty() {
            return if within(first) { self.current } else { ceiling(first, groups.ready) };
        }
        let mut used = groups.used.clone();
        for pod in &groups.missing {
            used.insert(pod.clone(), if first < 1.0 { missing(pod) } else { 0 });
        }
        if counts_unready {
            used.extend(groups.unready.iter().map(|pod| (pod.clone(), 0)));
        }
        let second = ratio(&used);
        if within(second) || (first < 1.0 && second > 1.0) || (first > 1.0 && second < 1.0) {
            return self.current;
        }
        let replicas = ceiling(second, used.len());
        if (second < 1.0 && replicas > self.current) || (second > 1.0 && replicas < self.current) {
            return self.current;
        }
        replicas
    }
}

#[expect(clippy::cast_precision_loss, reason = "amounts are far below 2^52")]
fn exact(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, reason = "saturates, and a bound is applied next")]
fn ceiling(ratio: f64, pods: usize) -> i64 {
    (ratio * exact(i64::try_from(pods).unwrap_or(0))).ceil() as i64
}
