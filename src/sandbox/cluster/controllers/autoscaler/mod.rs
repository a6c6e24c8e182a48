//! The controller of horizontal Pod autoscalers: how many replicas a workload has follows from what its Pods use.
//! <https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details>

mod demand;
mod pace;

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::api::Status;
use super::super::kubelet::Nodes;
use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::control::Control;
use demand::{Demand, Metrics};
use pace::Pace;

const COMPONENT: &str = "horizontal-pod-autoscaler";
const KIND: (&str, &str) = ("autoscaling/v2", "HorizontalPodAutoscaler");

/// How often each autoscaler is looked at: the controller manager's `--horizontal-pod-autoscaler-sync-period`.
const PERIOD: Duration = Duration::from_secs(15);

/// What the controller remembers. It is lost when the controllers start again, as a controller manager's is.
#[derive(Debug, Default)]
pub(super) struct Autoscalers {
    known: HashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    next: Timestamp,
    /// Whether nothing changed at the last look, and nothing will while no Pod does.
    settled: bool,
    pace: Pace,
}

impl Autoscalers {
    /// Whether an autoscaler waits for nothing but its next look.
    pub fn is_settled(&self, uid: &str) -> bool {
        self.known.get(uid).is_some_and(|known| known.settled)
    }

    /// Something changed that all of them may depend on.
    pub fn unsettle(&mut self) {
        for known in self.known.values_mut() {
            known.settled = false;
        }
    }

    /// An autoscaler is gone.
    pub fn forget(&mut self, uid: &str) {
        self.known.remove(uid);
    }

    /// Looks at an autoscaler when it is its time. Answers when that is next.
    pub fn reconcile(&mut self, control: &Control, nodes: &Nodes, key: &Key) -> Option<Timestamp> {
        let hpa = control.store.get(key)?;
        if object::is_deleting(&hpa) {
            return None;
        }
        let later = object::after(control.now, PERIOD);
        let fresh = || Known { next: later, settled: false, pace: Pace::default() };
        let known = self.known.entry(object::uid(&hpa).to_owned()).or_insert_with(fresh);
        if control.now < known.next {
            return Some(known.next);
        }
        known.next = later;
        let mut status = hpa["status"].clone();
        if !status.is_object() {
            status = json!({});
        }
        let mut look = Look { control, hpa: &hpa, status };
        let quiet = look.scale(nodes, &mut known.pace);
        known.settled = quiet && look.status == hpa["status"];
        let status = std::mem::take(&mut look.status);
        control.set_status(&resources::AUTOSCALERS, &hpa, status);
        Some(later)
    }
}

/// One look at an autoscaler.
struct Look<'a> {
    control: &'a Control,
    hpa: &'a Object,
    status: Value,
}

impl Look<'_> {
    fn condition(&mut self, kind: &str, truth: bool, reason: &str, message: &str) {
        let truth = if truth { "True" } else { "False" };
        let condition = self.control.condition(&self.status, kind, truth, reason, message);
        if !self.status["conditions"].is_array() {
            self.status["conditions"] = json!([]);
        }
        let Some(conditions) = self.status["conditions"].as_array_mut() else { return };
        match conditions.iter_mut().find(|known| known["type"] == kind) {
            Some(known) => *known = condition,
            None => conditions.push(condition),
        }
    }

    fn warning(&self, reason: &str, message: &str) {
        self.control.warning(COMPONENT, self.hpa, KIND, reason, message);
    }

    /// The workload, and where it is.
    fn target(&self) -> Result<(Key, Object), String> {
        let reference = &self.hpa["spec"]["scaleTargetRef"];
        let (version, kind) = (object::text(reference, "/apiVersion"), object::text(reference, "/kind"));
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let resource = object::resource_of(version, kind);
        let known = super::super::api::kinds::of_resource(&self.control.store, &resource);
        if known.as_ref().is_none_or(|known| known.kind != kind) {
            return Err(format!("no matches for kind {kind:?} in group {group:?}"));
        }
        if !known.is_some_and(|known| known.has("scale")) {
            return Err("the server could not find the requested resource".into());
        }
        let key = Key::namespaced(&resource, object::namespace(self.hpa), object::text(reference, "/name"));
        let found = self.control.store.get(&key).ok_or_else(|| Status::not_found(&resource, &key.name).to_string())?;
        Ok((key, found))
    }

    /// Brings the workload to the size that its Pods' use asks for. Answers whether time alone will change nothing.
    fn scale(&mut self, nodes: &Nodes, pace: &mut Pace) -> bool {
        let now = self.control.now;
        let (key, target) = match self.target() {
            Ok(found) => found,
            Err(why) => {
                self.warning("FailedGetScale", &why);
                let message = format!("the HPA controller was unable to get the target's current scale: {why}");
                self.condition("AbleToScale", false, "FailedGetScale", &message);
                return true;
            }
        };
        let message = "the HPA controller was able to get the target's current scale";
        self.condition("AbleToScale", true, "SucceededGetScale", message);
        let current = object::number(&target, "/spec/replicas").unwrap_or(1);
        pace.begin(current, now);
        let number = |pointer: &str, default: i64| object::number(self.hpa, pointer).unwrap_or(default);
        let (least, most) = (number("/spec/minReplicas", 1), number("/spec/maxReplicas", 1));
        let mut quiet = true;
        let mut measured = Value::Null;
        let (wanted, reason) = if current == 0 && least != 0 {
            let message = "scaling is disabled since the replica count of the target is zero";
            self.condition("ScalingActive", false, "ScalingDisabled", message);
            (current, String::new())
        } else if current > most {
            (most, "Current number of replicas above Spec.MaxReplicas".into())
        } else if current < least {
            (least, "Current number of replicas below Spec.MinReplicas".into())
        } else {
            let metrics = Metrics { control: self.control, nodes, target: &target, current };
            let demand = metrics.compute(object::list(self.hpa, "/spec/metrics"));
            for (reason, why) in &demand.failures {
                self.warning(reason, why);
            }
            quiet = demand.is_certain;
            match self.paced(demand, current, (least, most), pace, &mut measured, &mut quiet) {
                Some(wanted) => wanted,
                None => {
                    self.status["currentReplicas"] = current.into();
                    return quiet;
                }
            }
        };
        let rescale = wanted != current;
        if rescale {
            self.control.update(&key, |target| target["spec"]["replicas"] = wanted.into());
            let message = format!("the HPA controller was able to update the target scale to {wanted}");
            self.condition("AbleToScale", true, "SucceededRescale", &message);
            let message = format!("New size: {wanted}; reason: {reason}");
            self.control.event(COMPONENT, self.hpa, KIND, "SuccessfulRescale", &message);
            pace.note(&self.hpa["spec"]["behavior"], current, wanted, now);
            self.status["lastScaleTime"] = object::written(now).into();
        }
        self.status["currentReplicas"] = current.into();
        self.status["desiredReplicas"] = wanted.into();
        self.status["currentMetrics"] = measured;
        quiet && !rescale
    }

    /// What the metrics ask for, as far as the pace allows it, and why. None when they could not be had.
    fn paced(
        &mut self,
        demand: Demand,
        current: i64,
        (least, most): (i64, i64),
        pace: &mut Pace,
        measured: &mut Value,
        quiet: &mut bool,
    ) -> Option<(i64, String)> {
        *measured = demand.statuses.into();
        let total = object::list(self.hpa, "/spec/metrics").len();
        let asked = match (demand.asked, demand.failures.first()) {
            (Some(asked), None) => asked,
            (Some(asked), Some(_)) if asked.replicas >= current => asked,
            (_, first) => {
                let (reason, why) = first?;
                let message = format!("the HPA was unable to compute the replica count: {why}");
                self.condition("ScalingActive", false, reason, &message);
                let failed = demand.failures.len();
                let message = format!(
                    "invalid metrics ({failed} invalid out of {total}), first error is: {}{why}",
                    demand.failed_of.as_deref().unwrap_or_default()
                );
                self.warning("FailedComputeMetricsReplicas", &message);
                return None;
            }
        };
        let message = format!("the HPA was able to successfully calculate a replica count from {}", asked.metric);
        self.condition("ScalingActive", true, "ValidMetricFound", &message);
        let behavior = &self.hpa["spec"]["behavior"];
        let stable = pace.stabilise(behavior, current, asked.replicas, self.control.now);
        match stable.held {
            Some((reason, message)) => self.condition("AbleToScale", true, reason, message),
            None => {
                self.condition("AbleToScale", true, "ReadyForNewScale", "recommended size matches current size");
            }
        }
        let limited = pace.limit(behavior, current, stable.replicas, (least, most), self.control.now);
        let is_limited = limited.replicas != stable.replicas;
        self.condition("ScalingLimited", is_limited, limited.reason, limited.message);
        // What is held back comes by itself later.
        *quiet &= stable.held.is_none() && !matches!(limited.reason, "ScaleUpLimit" | "ScaleDownLimit");
        let reason = if asked.replicas > current {
            format!("{} above target", asked.metric)
        } else {
            "All metrics below target".into()
        };
        Some((limited.replicas, reason))
    }
}
