//! The store as data, and going back to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{GroupResource, Key, Object, Objects, Store, place};

/// Everything that a store holds at one moment. It shares the objects with the store, so taking one costs little
/// whatever the store holds, and keeping one costs what has changed since.
#[derive(Debug, Clone)]
pub struct StoreSnapshot {
    revision: u64,
    random: u64,
    objects: BTreeMap<GroupResource, Arc<Objects>>,
}

/// How a snapshot is written.
#[derive(Serialize, Deserialize)]
struct Written {
    revision: u64,
    random: u64,
    resources: Vec<WrittenResource>,
}

#[derive(Serialize, Deserialize)]
struct WrittenResource {
    #[serde(flatten)]
    resource: GroupResource,
    objects: Vec<serde_json::Value>,
}

impl Serialize for StoreSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let resources = self
            .objects
            .iter()
            .filter(|(_, objects)| !objects.is_empty())
            .map(|(resource, objects)| WrittenResource {
                resource: resource.clone(),
                objects: objects.values().map(|object| (**object).clone()).collect(),
            })
            .collect();
        Written { revision: self.revision, random: self.random, resources }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StoreSnapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let mut objects = BTreeMap::new();
        for WrittenResource { resource, objects: values } in written.resources {
            let by_place: Objects =
                values.into_iter().map(|value| (place(&Key::of(&resource, &value)), Object::new(value))).collect();
            objects.insert(resource, Arc::new(by_place));
        }
        Ok(Self { revision: written.revision, random: written.random, objects })
    }
}

impl Store {
    /// What the store holds now.
    pub fn snapshot(&self) -> StoreSnapshot {
        let state = self.lock();
        StoreSnapshot { revision: state.revision, random: state.random.get_seed(), objects: state.objects.clone() }
    }

    /// Goes back to a snapshot. The revision never goes back, so that no two states of an object share one; open watches
    /// end, and none can be started from an earlier revision.
    pub fn restore(&self, snapshot: &StoreSnapshot) {
        let mut state = self.lock();
        state.revision = state.revision.max(snapshot.revision) + 1;
        state.epoch += 1;
        state.forgotten = state.revision;
        state.objects = snapshot.objects.clone();
        state.owners = super::owners::Owners::of(&state.objects);
        state.history.clear();
        state.random.seed(snapshot.random);
        self.inner.moved.send_replace((state.epoch, state.revision));
    }
}
