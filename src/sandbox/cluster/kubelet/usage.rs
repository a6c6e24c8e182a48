//! What containers use of a node.

use serde_json::Value;

use super::super::api::{Quantity, Usage};
use super::super::controllers::control::Control;
use super::super::object::{self, resources};
use super::super::seed::Behaviour;
use super::conditions::Scene;
use super::{Nodes, Stage, behaviour};

/// What a container uses at present; none while it does not run.
pub fn usage(control: &Control, nodes: &Nodes, pod: &Value, container: &Value) -> Option<Usage> {
    let runtime = nodes.pod(object::uid(pod))?;
    let Stage::Running(run) = &runtime.containers.get(object::text(container, "/name"))?.stage else { return None };
    let row = behaviour(control, pod, container);
    let mut used = row.and_then(|row| row.usage).unwrap_or_else(|| idle(container));
    let scene = Scene { control, pod, container, environment: &run.environment };
    for load in row.map_or(&[][..], |row| &row.load) {
        let holds = load.when.as_ref().is_none_or(|when| scene.holds(when, &mut String::new()));
        if let (true, Some(row)) = (holds, row) {
            let among = sharers(control, pod, row).max(1);
            used.cpu = load.cpu.divided(among) + used.cpu;
            used.memory = load.memory.divided(among) + used.memory;
        }
    }
    // A container gets no more processor time than its limit.
    if let Ok(limit) = object::text(container, "/resources/limits/cpu").parse::<Quantity>()
        && used.cpu > limit
    {
        used.cpu = limit;
    }
    Some(used)
}

/// How many containers of the Pod's namespace share a row's load: those that it plays and that are ready.
fn sharers(control: &Control, pod: &Value, row: &Behaviour) -> i128 {
    let pods = control.store.list(&resources::PODS, Some(object::namespace(pod)));
    let ready = pods.iter().flat_map(|pod| {
        object::list(pod, "/spec/containers").iter().filter(move |container| {
            let mut statuses = object::list(pod, "/status/containerStatuses").iter();
            let status = statuses.find(|status| status["name"] == container["name"]);
            status.is_some_and(|status| status["ready"] == true && status["state"]["running"].is_object())
                && behaviour(control, pod, container).is_some_and(|of| std::ptr::eq(of, row))
        })
    });
    i128::try_from(ready.count()).unwrap_or(1)
}

/// What a container uses of which nobody says anything: a little of what it asks for.
fn idle(container: &Value) -> Usage {
    let asked = |pointer: &str, percent: i128, least: &str| {
        let asked: Option<Quantity> = object::text(container, pointer).parse().ok();
        let least: Option<Quantity> = least.parse().ok();
        asked.map(|asked| asked.percent(percent)).into_iter().chain(least).next()
    };
    Usage {
        cpu: asked("/resources/requests/cpu", 3, "1m").unwrap_or_default(),
        memory: asked("/resources/requests/memory", 60, "24Mi").unwrap_or_default(),
    }
}
