//! Managed node groups: as many nodes as the account says, with the labels and taints that it says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::cloud::NodeGroup;
use super::super::controllers::control::Control;
use super::super::kubelet::Nodes;
use super::super::object::{self, resources};
use super::super::store::Object;
use super::{GROUP, Machine, Provisioned, Stage, label, life, node, node_key};

/// What a group's nodes have in common.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    labels: BTreeMap<String, String>,
    taints: Vec<Value>,
    generation: u64,
}

impl Settings {
    fn of(group: &NodeGroup) -> Self {
        Self { labels: group.labels.clone(), taints: group.taints.clone(), generation: group.generation }
    }
}

/// Brings the groups to their sizes.
pub(super) fn reconcile(control: &Control, nodes: &mut Nodes, state: &mut Provisioned, wanted: &[NodeGroup]) {
    let mut known = state.groups.take().unwrap_or_default();
    let all = control.store.list(&resources::NODES, None);
    let of_group =
        |name: &str| -> Vec<Object> { all.iter().filter(|one| label(one, GROUP) == name).cloned().collect() };
    for group in wanted {
        let settings = Settings::of(group);
        let own = of_group(&group.name);
        if let Some(before) = known.insert(group.name.clone(), settings.clone())
            && before != settings
        {
            for one in &own {
                change(control, one, &before, &settings);
            }
            if before.generation != settings.generation {
                for one in &own {
                    machine_of(state, one).outdated = true;
                }
            }
        }
        size(control, nodes, state, group, &own);
    }
    // What is left of a group that is gone goes too.
    known.retain(|name, _| {
        if wanted.iter().any(|group| group.name == *name) {
            return true;
        }
        let own = of_group(name);
        shrink(control, state, name, &own, usize::MAX);
        !own.is_empty()
    });
    state.groups = Some(known);
}

/// The machine of a node; those that the scenario brought get their entry here.
fn machine_of<'a>(state: &'a mut Provisioned, node: &Value) -> &'a mut Machine {
    let fresh = || Machine {
        group: Some(label(node, GROUP).to_owned()),
        pod: None,
        claim: None,
        networked: false,
        node: Value::Null,
        network: None,
        stage: Stage::Working,
        outdated: false,
    };
    state.machines.entry(object::name(node).to_owned()).or_insert_with(fresh)
}

fn size(control: &Control, nodes: &mut Nodes, state: &mut Provisioned, group: &NodeGroup, own: &[Object]) {
    let stage_of = |state: &Provisioned, name: &str| state.machines.get(name).map(|machine| machine.stage);
    let staying: Vec<&Object> =
        own.iter().filter(|one| !stage_of(state, object::name(one)).is_some_and(Stage::is_leaving)).collect();
    let is_outdated =
        |state: &Provisioned, name: &str| state.machines.get(name).is_some_and(|machine| machine.outdated);
    let booting = state
        .machines
        .values()
        .filter(|machine| machine.group.as_ref() == Some(&group.name) && matches!(machine.stage, Stage::Booting { .. }))
        .count();
    let (old, new): (Vec<&Object>, Vec<&Object>) =
        staying.iter().copied().partition(|one| is_outdated(state, object::name(one)));
    // While nodes are replaced there is one more, and an old one leaves for each new one that is ready.
    let desired = group.desired + usize::from(!old.is_empty() && group.desired > 0);
    let has = staying.len() + booting;
    for _ in has..desired {
        let mut places: Vec<&str> = own.iter().map(|one| label(one, "topology.kubernetes.io/zone")).collect();
        let starting: Vec<String> = state
            .machines
            .values()
            .filter(|machine| {
                machine.group.as_ref() == Some(&group.name) && matches!(machine.stage, Stage::Booting { .. })
            })
            .map(|machine| label(&machine.node, "topology.kubernetes.io/zone").to_owned())
            .collect();
        places.extend(starting.iter().map(String::as_str));
        let Some((name, machine)) = node::start(control, nodes, &mut state.started, group, &places) else { return };
        state.machines.insert(name, machine);
    }
    if has > desired {
        shrink(control, state, &group.name, own, has - desired);
    } else if let Some(oldest) = old.first() {
        let ready = new.iter().filter(|one| object::has_condition(one, "Ready")).count();
        if ready + old.len() > group.desired {
            let name = object::name(oldest).to_owned();
            life::leave(control, machine_of(state, oldest), &name);
        }
    }
}

/// Lets so many of a group's machines go: first those that are not there yet, then the youngest.
fn shrink(control: &Control, state: &mut Provisioned, group: &str, own: &[Object], mut surplus: usize) {
    let booting: Vec<String> = state
        .machines
        .iter()
        .filter(|(_, machine)| {
            machine.group.as_deref() == Some(group) && matches!(machine.stage, Stage::Booting { .. })
        })
        .map(|(name, _)| name.clone())
        .collect();
    for name in booting.into_iter().rev() {
        if surplus == 0 {
            return;
        }
        state.machines.remove(&name);
        surplus -= 1;
    }
    let mut leaving: Vec<&Object> = own.iter().collect();
    leaving.sort_by_key(|one| {
        let outdated = state.machines.get(object::name(one)).is_some_and(|machine| machine.outdated);
        let made = object::text(one, "/metadata/creationTimestamp").to_owned();
        (!outdated, std::cmp::Reverse((made, object::name(one).to_owned())))
    });
    for one in leaving {
        let machine = machine_of(state, one);
        if machine.stage.is_leaving() {
            continue;
        }
        if surplus == 0 {
            return;
        }
        life::leave(control, machine, object::name(one));
        surplus -= 1;
    }
}

/// Gives a node the labels and taints of its group in place of those that the group had before.
fn change(control: &Control, one: &Object, before: &Settings, now: &Settings) {
    control.update(&node_key(object::name(one)), |node| {
        let meta = object::map_at(node, "metadata");
        let labels = meta.entry("labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.retain(|key, _| !before.labels.contains_key(key) || now.labels.contains_key(key));
            labels.extend(now.labels.iter().map(|(key, value)| (key.clone(), Value::from(value.clone()))));
        }
        let mut taints = object::list(node, "/spec/taints").to_vec();
        taints.retain(|taint| !before.taints.contains(taint) && !now.taints.contains(taint));
        taints.extend(now.taints.iter().cloned());
        let spec = object::map_at(node, "spec");
        if taints.is_empty() {
            spec.shift_remove("taints");
        } else {
            spec.insert("taints".into(), taints.into());
        }
    });
}
