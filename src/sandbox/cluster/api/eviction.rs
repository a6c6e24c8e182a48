//! Evictions: deletions that disruption budgets may stand against.
//! <https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/>

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::body::{self, Body};
use super::pods::success;
use super::request::{Call, Target, object_of};
use super::{Server, Status};
use crate::sandbox::cluster::object::{self, resources};
use crate::sandbox::cluster::store::{Key, Object, StoreError};

impl Server {
    /// Evicts a Pod: deletes it unless a disruption budget stands against it.
    pub(super) fn evict(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let eviction = object_of(call)?;
        let pod = self.pod_of(target)?;
        let dry_run = call.dry_run()?;
        self.may_evict(&pod, dry_run)?;
        // One that asks for a certain version means the one before this.
        if !dry_run && eviction["deleteOptions"]["preconditions"]["resourceVersion"].is_null() {
            let now = self.clock().now();
            self.store().update::<StoreError>(&target.key(), None, |pod| {
                object::set_disrupted(pod, now, "EvictionByEvictionAPI", "Eviction API: evicting");
                Ok(())
            })?;
        }
        self.delete_with(call, target, &eviction["deleteOptions"])?;
        Ok(body::json(StatusCode::CREATED, &success()))
    }

    /// Whether a Pod may be evicted; if so, its budget has one disruption less, but for a dry run. Who asks deletes the Pod.
    ///
    /// # Errors
    /// 429 when a disruption budget stands against it.
    pub fn may_evict(&self, pod: &Value, dry_run: bool) -> Result<(), Status> {
        // What does not run disturbs nobody by going.
        let counts = matches!(pod["status"]["phase"].as_str(), Some("Running" | "Unknown"));
        let mut budgets = self.store().list(&resources::DISRUPTION_BUDGETS, pod["metadata"]["namespace"].as_str());
        budgets.retain(|budget| counts && super::selects(&budget["spec"]["selector"], &pod["metadata"]["labels"]));
        if budgets.len() > 1 {
            let message =
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return Err(Status::internal(message));
        }
        budgets.first().map_or(Ok(()), |budget| self.spend(budget, pod, dry_run))
    }

    /// Takes one disruption from a budget.
    fn spend(&self, budget: &Object, pod: &Value, dry_run: bool) -> Result<(), Status> {
        let refused = |why: String| {
            let message = "Cannot evict pod as it would violate the pod's disruption budget.";
            let mut status = Status::new(429, "TooManyRequests", message);
            status.details = Some(json!({"causes": [{"reason": "DisruptionBudget", "message": why}]}));
            Err(status)
        };
        let status = &budget["status"];
        let number = |field: &str| status[field].as_i64().unwrap_or(0);
        let name = budget["metadata"]["name"].as_str().unwrap_or_default();
        if number("observedGeneration") < budget["metadata"]["generation"].as_i64().unwrap_or(0) {
            return refused(format!("The disruption budget {name} is still being processed by the server."));
        }
        let (has, needs) = (number("currentHealthy"), number("desiredHealthy"));
        let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        let ready = conditions.any(|one| one["type"] == "Ready" && one["status"] == "True");
        // A Pod that is not healthy does not count as long as enough others are, or if the budget lets such go in any case.
        if !ready && (budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" || has >= needs && needs > 0) {
            return Ok(());
        }
        if number("disruptionsAllowed") <= 0 {
            return refused(format!("The disruption budget {name} needs {needs} healthy pods and has {has} currently"));
        }
        if dry_run {
            return Ok(());
        }
        let (pod, now) = (pod["metadata"]["name"].as_str().unwrap_or_default(), self.store().timestamp());
        self.store().update::<Status>(&Key::of(&resources::DISRUPTION_BUDGETS, budget), None, |budget| {
            let left = budget["status"]["disruptionsAllowed"].as_i64().unwrap_or(0);
            if left <= 0 {
                return refused(format!(
                    "The disruption budget {name} needs {needs} healthy pods and has {has} currently"
                ));
            }
            budget["status"]["disruptionsAllowed"] = (left - 1).into();
            budget["status"]["disruptedPods"][pod] = now.into();
            Ok(())
        })?;
        Ok(())
    }
}
