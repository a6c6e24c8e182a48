//! The objects of add-ons: made with the add-on, changed with its version and configuration, gone with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::cloud::Addon;
use super::super::controllers::control::Control;
use super::super::object;
use super::super::store::Key;
use super::Provisioned;
use crate::sandbox::addons::{self, Filling};

/// What was made of an add-on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Applied {
    version: String,
    configuration: String,
    role: String,
}

impl Applied {
    fn of(addon: &Addon) -> Self {
        let Addon { version, configuration, role, .. } = addon.clone();
        Self { version, configuration, role }
    }
}

/// Brings the add-ons' objects to what the account says.
pub(super) fn reconcile(control: &Control, state: &mut Provisioned, wanted: &[Addon]) {
    let Some(mut known) = state.addons.take() else {
        // Those that a cluster begins with are part of the scenario's manifests.
        state.addons = Some(wanted.iter().map(|addon| (addon.name.clone(), Applied::of(addon))).collect());
        return;
    };
    for addon in wanted {
        if addon.going {
            if known.remove(&addon.name).is_some() && !addon.preserved {
                remove(control, &addon.name);
            }
            continue;
        }
        let now = Applied::of(addon);
        if known.get(&addon.name) != Some(&now) {
            apply(control, addon);
            known.insert(addon.name.clone(), now);
        }
    }
    let gone: Vec<String> =
        known.keys().filter(|name| !wanted.iter().any(|addon| addon.name == **name)).cloned().collect();
    let gone: BTreeMap<String, Applied> = gone.into_iter().filter_map(|name| known.remove_entry(&name)).collect();
    gone.keys().for_each(|name| remove(control, name));
    state.addons = Some(known);
}

fn apply(control: &Control, addon: &Addon) {
    let filling = Filling {
        version: &addon.version,
        region: &control.seed.region,
        cluster: &control.seed.name,
        role: &addon.role,
    };
    let objects = match addons::objects(&addon.name, filling, &addon.configuration) {
        Ok(objects) => objects,
        Err(error) => {
            tracing::warn!(%error, addon = addon.name, "an add-on makes nothing");
            return;
        }
    };
    for object in objects {
        let named = object::name(&object).to_owned();
        let applied =
            control.server.read_manifest(object).and_then(|(resource, object)| control.server.apply(&resource, object));
        if let Err(error) = applied {
            tracing::warn!(%error, addon = addon.name, object = named, "an object of an add-on cannot be made");
        }
    }
}

fn remove(control: &Control, name: &str) {
    let Ok(objects) = addons::all_objects(name) else { return };
    for object in objects.into_iter().rev() {
        // What the server does not know nobody made.
        let Ok((resource, object)) = control.server.read_manifest(object) else { continue };
        let namespace = Some(object::namespace(&object)).filter(|of| !of.is_empty());
        let key = match namespace {
            Some(namespace) => Key::namespaced(&resource, namespace, object::name(&object)),
            None => Key::cluster(&resource, object::name(&object)),
        };
        control.delete(&key);
    }
}
