//! Which objects a controller has: found by its uid, without a look at those of others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::super::object;
use super::{GroupResource, Object, Objects, Store};

/// Namespace and name.
type Place = (String, String);

/// The objects of each resource by their controllers.
#[derive(Debug, Default)]
pub(super) struct Owners(BTreeMap<GroupResource, Owned>);

#[derive(Debug, Default)]
struct Owned {
    /// By the uid of the controller.
    controlled: HashMap<String, BTreeSet<Place>>,
    /// Those that have none.
    free: BTreeSet<Place>,
}

impl Owners {
    /// Those of everything that there is.
    pub(super) fn of(objects: &BTreeMap<GroupResource, Arc<Objects>>) -> Self {
        let mut owners = Self::default();
        for (resource, objects) in objects {
            for (place, object) in objects.iter() {
                owners.note(resource, place, None, Some(object));
            }
        }
        owners
    }

    /// Notes that an object is another than before; none where it is not there.
    pub(super) fn note(
        &mut self,
        resource: &GroupResource,
        place: &Place,
        before: Option<&Object>,
        now: Option<&Object>,
    ) {
        let of = |object: &Object| object::controller(object).map(|owner| object::text(owner, "/uid").to_owned());
        let (before, now) = (before.map(of), now.map(of));
        if before == now {
            return;
        }
        if !self.0.contains_key(resource) {
            self.0.insert(resource.clone(), Owned::default());
        }
        let Some(owned) = self.0.get_mut(resource) else { return };
        match before {
            Some(Some(uid)) => {
                if let Some(own) = owned.controlled.get_mut(&uid) {
                    own.remove(place);
                    if own.is_empty() {
                        owned.controlled.remove(&uid);
                    }
                }
            }
            Some(None) => drop(owned.free.remove(place)),
            None => {}
        }
        match now {
            Some(Some(uid)) => drop(owned.controlled.entry(uid).or_default().insert(place.clone())),
            Some(None) => drop(owned.free.insert(place.clone())),
            None => {}
        }
    }
}

impl Store {
    /// The objects of a resource and namespace whose controller has that uid, by name.
    pub fn controlled(&self, resource: &GroupResource, namespace: &str, uid: &str) -> Vec<Object> {
        let state = self.lock();
        let (Some(objects), Some(owned)) = (state.objects.get(resource), state.owners.0.get(resource)) else {
            return Vec::new();
        };
        let own = owned.controlled.get(uid).into_iter().flatten();
        own.filter(|(of, _)| of == namespace).filter_map(|place| objects.get(place).cloned()).collect()
    }

    /// The objects of a resource and namespace that have no controller, by name.
    pub fn uncontrolled(&self, resource: &GroupResource, namespace: &str) -> Vec<Object> {
        let state = self.lock();
        let (Some(objects), Some(owned)) = (state.objects.get(resource), state.owners.0.get(resource)) else {
            return Vec::new();
        };
        let free = owned.free.range((namespace.to_owned(), String::new())..);
        free.take_while(|(of, _)| of == namespace).filter_map(|place| objects.get(place).cloned()).collect()
    }
}
