//! The taint eviction controller: Pods leave a node whose taint of effect `NoExecute` they don't tolerate, or no longer tolerate.
//! <https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions>

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::super::object::{self, resources};
use super::super::store::Key;
use super::control::Control;
use super::scheduler;

const COMPONENT: &str = "taint-eviction-controller";
const KIND: (&str, &str) = ("v1", "Pod");

/// Looks at the Pods of a node whose taints may have changed. Answers when the next one has to leave.
pub(super) fn reconcile(control: &Control, node: &Value) -> Option<Timestamp> {
    hard(node).next()?;
    let pods = control.store.list(&resources::PODS, None);
    pods.iter()
        .filter(|pod| object::text(pod, "/spec/nodeName") == object::name(node))
        .filter_map(|pod| check(control, pod, node))
        .min()
}

/// Looks at one Pod. Answers when it has to leave.
pub(super) fn look_at(control: &Control, pod: &Value) -> Option<Timestamp> {
    let node = control.store.get(&Key::cluster(&resources::NODES, object::text(pod, "/spec/nodeName")))?;
    check(control, pod, &node)
}

fn hard(node: &Value) -> impl Iterator<Item = &Value> {
    object::list(node, "/spec/taints").iter().filter(|taint| taint["effect"] == "NoExecute")
}

fn check(control: &Control, pod: &Value, node: &Value) -> Option<Timestamp> {
    if object::is_deleting(pod) {
        return None;
    }
    let mut leaves: Option<Timestamp> = None;
    for taint in hard(node) {
        let fits = |toleration: &&Value| scheduler::tolerated(taint, std::slice::from_ref(*toleration));
        let tolerations: Vec<&Value> = object::list(pod, "/spec/tolerations").iter().filter(fits).collect();
        // Those that bear it for a while count from when the taint came.
        let spans = tolerations.iter().filter_map(|toleration| toleration["tolerationSeconds"].as_i64());
        let at = match (tolerations.is_empty(), spans.min()) {
            (true, _) => control.now,
            (false, None) => continue,
            (false, Some(seconds)) => {
                let came = taint["timeAdded"].as_str().and_then(|text| text.parse().ok());
                let since = came.or_else(|| object::time(pod, "/status/startTime")).unwrap_or(control.now);
                object::after(since, Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
            }
        };
        leaves = leaves.into_iter().chain([at]).min();
    }
    let at = leaves?;
    if at > control.now {
        return Some(at);
    }
    let message = format!("Marking for deletion Pod {}/{}", object::namespace(pod), object::name(pod));
    control.event(COMPONENT, pod, KIND, "TaintManagerEviction", &message);
    let key = Key::of(&resources::PODS, pod);
    let why = "Taint manager: deleting due to NoExecute taint";
    control.update(&key, |pod| object::set_disrupted(pod, control.now, "DeletionByTaintManager", why));
    control.delete(&key);
    None
}
