//! What the cluster holds: objects by resource, namespace and name, a revision that grows with each change, and the
//! recent changes, so that a watch misses none. It plays etcd's part and knows nothing of schemas.

mod owners;
mod snapshot;
mod watch;

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use snapshot::StoreSnapshot;
pub use watch::{Change, Gone, Watch, WatchEvent};

use crate::clock::Clock;

/// A stored object. Shared: a reader keeps the version that it got.
pub type Object = Arc<Value>;

/// How many changes a watch may lie behind.
const HISTORY: usize = 16_384;

/// The letters of generated names: no vowels and nothing that looks like another, as Kubernetes' `rand.SafeEncodeString`.
const SUFFIX_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The longest that a prefix of `generateName` is before it is cut: a label value less the suffix.
const GENERATED_PREFIX: usize = 58;

/// A kind of objects as paths name it: `("apps", "deployments")`. The core group is `""`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupResource {
    /// The API group without its version.
    pub group: Cow<'static, str>,
    /// The plural.
    pub resource: Cow<'static, str>,
}

impl GroupResource {
    /// A group and resource known in the source.
    pub const fn of(group: &'static str, resource: &'static str) -> Self {
        Self { group: Cow::Borrowed(group), resource: Cow::Borrowed(resource) }
    }
}

/// `deployments.apps`; `pods`: as messages of the server name it.
impl std::fmt::Display for GroupResource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What it is.
    pub resource: GroupResource,
    /// Its namespace; `None` for a resource of the whole cluster.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Key {
    /// The key of a namespaced object.
    pub fn namespaced(resource: &GroupResource, namespace: &str, name: &str) -> Self {
        Self { resource: resource.clone(), namespace: Some(namespace.into()), name: name.into() }
    }

    /// The key of an object of the whole cluster.
    pub fn cluster(resource: &GroupResource, name: &str) -> Self {
        Self { resource: resource.clone(), namespace: None, name: name.into() }
    }

    /// The key of an object, by its own metadata.
    pub fn of(resource: &GroupResource, object: &Value) -> Self {
        let meta = |field: &str| object["metadata"][field].as_str().filter(|text| !text.is_empty());
        Self {
            resource: resource.clone(),
            namespace: meta("namespace").map(str::to_owned),
            name: meta("name").unwrap_or_default().to_owned(),
        }
    }
}

/// Why the store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is an object of that name.
    #[error("{} \"{}\" already exists", .0.resource, .0.name)]
    AlreadyExists(Key),
    /// There is none.
    #[error("{} \"{}\" not found", .0.resource, .0.name)]
    NotFound(Key),
    /// The object has changed since the version that the caller knows.
    #[error("{} \"{}\" has another resource version", .0.resource, .0.name)]
    Conflict(Key),
    /// The object has neither a name nor a prefix for one, or is no JSON object.
    #[error("name or generateName is required")]
    NoName,
}

/// The objects of a cluster. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    state: Mutex<State>,
    /// Says that there is something new: the epoch, which changes when the store goes back to a snapshot, and the revision.
    moved: tokio::sync::watch::Sender<(u64, u64)>,
}

type Objects = BTreeMap<(String, String), Object>;

struct State {
    revision: u64,
    epoch: u64,
    /// The newest revision whose changes are forgotten.
    forgotten: u64,
    objects: BTreeMap<GroupResource, Arc<Objects>>,
    owners: owners::Owners,
    history: VecDeque<Arc<WatchEvent>>,
    random: fastrand::Rng,
}

fn place(key: &Key) -> (String, String) {
    (key.namespace.clone().unwrap_or_default(), key.name.clone())
}

impl Store {
    /// An empty store whose generated names and uids differ each time.
    pub fn new(clock: Clock) -> Self {
        Self::seeded(clock, fastrand::u64(..))
    }

    /// An empty store whose generated names and uids follow from `seed`.
    pub fn seeded(clock: Clock, seed: u64) -> Self {
        let state = State {
            revision: 1,
            epoch: 0,
            forgotten: 1,
            objects: BTreeMap::new(),
            owners: owners::Owners::default(),
            history: VecDeque::new(),
            random: fastrand::Rng::with_seed(seed),
        };
        let moved = tokio::sync::watch::Sender::new((0, 1));
        Self { inner: Arc::new(Inner { clock, state: Mutex::new(state), moved }) }
    }

    /// The clock that timestamps come from.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The session's date and time as metadata holds it: RFC 3339 in UTC, whole seconds.
    pub fn timestamp(&self) -> String {
        self.inner.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The revision of the latest change.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// A new uid (a version 4 UUID).
    pub fn uid(&self) -> String {
        self.lock().uid()
    }

    /// `length` letters for a generated name.
    pub fn suffix(&self, length: usize) -> String {
        self.lock().suffix(length)
    }

    /// The object, if there is one.
    pub fn get(&self, key: &Key) -> Option<Object> {
        self.lock().objects.get(&key.resource)?.get(&place(key)).cloned()
    }

    /// The objects of a resource, of one namespace or all, by namespace and name.
    pub fn list(&self, resource: &GroupResource, namespace: Option<&str>) -> Vec<Object> {
        self.list_at(resource, namespace).0
    }

    /// As [`Store::list`], with the revision that the list shows.
    pub fn list_at(&self, resource: &GroupResource, namespace: Option<&str>) -> (Vec<Object>, u64) {
        let state = self.lock();
        let revision = state.revision;
        let Some(objects) = state.objects.get(resource).cloned() else { return (Vec::new(), revision) };
        drop(state);
        let found = match namespace {
            None => objects.values().cloned().collect(),
            Some(namespace) => objects
                .range((namespace.to_owned(), String::new())..)
                .take_while(|((of, _), _)| of == namespace)
                .map(|(_, object)| Arc::clone(object))
                .collect(),
        };
        (found, revision)
    }

    /// As [`Store::list`], as of an earlier revision.
    ///
    /// # Errors
    /// [`Gone`] when changes since then are forgotten, or the revision is yet to come.
    pub fn list_as_of(
        &self,
        resource: &GroupResource,
        namespace: Option<&str>,
        revision: u64,
    ) -> Result<Vec<Object>, Gone> {
        let state = self.lock();
        if revision < state.forgotten || revision > state.revision {
            return Err(Gone);
        }
        let mut objects = state.objects.get(resource).map(|objects| (**objects).clone()).unwrap_or_default();
        let since = state.history.iter().rev().take_while(|event| event.revision > revision);
        for event in since.filter(|event| event.resource == *resource) {
            let at = place(&Key::of(resource, &event.object));
            match &event.previous {
                Some(previous) => objects.insert(at, Arc::clone(previous)),
                None => objects.remove(&at),
            };
        }
        drop(state);
        let within = |of: &str| namespace.is_none_or(|namespace| namespace == of);
        Ok(objects.into_iter().filter(|((of, _), _)| within(of)).map(|(_, object)| object).collect())
    }

    /// The objects of a resource in a namespace (`None`: of the whole cluster) whose names begin so, by name.
    pub fn list_prefixed(&self, resource: &GroupResource, namespace: Option<&str>, prefix: &str) -> Vec<Object> {
        let state = self.lock();
        let Some(objects) = state.objects.get(resource) else { return Vec::new() };
        let namespace = namespace.unwrap_or_default();
        objects
            .range((namespace.to_owned(), prefix.to_owned())..)
            .take_while(|((of, name), _)| of == namespace && name.starts_with(prefix))
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    /// Every resource that has objects.
    pub fn resources(&self) -> Vec<GroupResource> {
        let state = self.lock();
        state.objects.iter().filter(|(_, objects)| !objects.is_empty()).map(|(name, _)| name.clone()).collect()
    }

    /// Stores a new object. It gets a uid and a creation timestamp unless it has them, a resource version, and a name
    /// when it has only `generateName`.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`], [`StoreError::NoName`].
    pub fn create(&self, resource: &GroupResource, mut object: Value) -> Result<Object, StoreError> {
        let timestamp = self.timestamp();
        let mut state = self.lock();
        let Some(top) = object.as_object_mut() else { return Err(StoreError::NoName) };
        let meta = top.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        let Some(meta) = meta.as_object_mut() else { return Err(StoreError::NoName) };
        let text = |meta: &Map<String, Value>, field: &str| {
            meta.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        if text(meta, "name").is_none() {
            let Some(mut prefix) = text(meta, "generateName") else { return Err(StoreError::NoName) };
            prefix.truncate(prefix.floor_char_boundary(GENERATED_PREFIX));
            let name = format!("{prefix}{}", state.suffix(5));
            meta.insert("name".into(), name.into());
        }
        if text(meta, "uid").is_none() {
            meta.insert("uid".into(), state.uid().into());
        }
        if text(meta, "creationTimestamp").is_none() {
            meta.insert("creationTimestamp".into(), timestamp.into());
        }
        let key = Key::of(resource, &object);
        if state.objects.get(resource).is_some_and(|objects| objects.contains_key(&place(&key))) {
            return Err(StoreError::AlreadyExists(key));
        }
        Ok(self.record(&mut state, &key, Change::Added, object, None))
    }

    /// Changes an object in one step: nobody sees it in between, and nobody else changes it meanwhile. A change that
    /// changes nothing leaves the resource version as it is and is told to no watch. With `expected` it is only done if
    /// that is the object's resource version. The change must not use the store.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`], or what `change` answers; the object is then as before.
    pub fn update<E: From<StoreError>>(
        &self,
        key: &Key,
        expected: Option<&str>,
        change: impl FnOnce(&mut Value) -> Result<(), E>,
    ) -> Result<Object, E> {
        let mut state = self.lock();
        let Some(previous) = state.objects.get(&key.resource).and_then(|objects| objects.get(&place(key))).cloned()
        else {
            return Err(StoreError::NotFound(key.clone()).into());
        };
        let version = previous["metadata"]["resourceVersion"].clone();
        if expected.is_some_and(|expected| version.as_str() != Some(expected)) {
            return Err(StoreError::Conflict(key.clone()).into());
        }
        let mut object = (*previous).clone();
        change(&mut object)?;
        if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            meta.insert("resourceVersion".into(), version);
        }
        if object == *previous {
            return Ok(previous);
        }
        Ok(self.record(&mut state, key, Change::Modified, object, Some(previous)))
    }

    /// Takes an object away at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn remove(&self, key: &Key) -> Result<Object, StoreError> {
        let mut state = self.lock();
        let Some(previous) = state.objects.get(&key.resource).and_then(|objects| objects.get(&place(key))).cloned()
        else {
            return Err(StoreError::NotFound(key.clone()));
        };
        Ok(self.record(&mut state, key, Change::Deleted, (*previous).clone(), Some(previous)))
    }

    /// Follows the changes of a resource, or of all, after revision `from`, or from now on.
    ///
    /// # Errors
    /// [`Gone`] when changes after `from` are forgotten already, or `from` is yet to come.
    pub fn watch(&self, filter: Option<GroupResource>, from: Option<u64>) -> Result<Watch, Gone> {
        let state = self.lock();
        let seen = from.unwrap_or(state.revision);
        if seen < state.forgotten || seen > state.revision {
            return Err(Gone);
        }
        Ok(Watch::new(self.clone(), self.inner.moved.subscribe(), filter, seen, state.epoch))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a change the latest one.
    fn record(
        &self,
        state: &mut State,
        key: &Key,
        kind: Change,
        mut object: Value,
        previous: Option<Object>,
    ) -> Object {
        state.revision += 1;
        let revision = state.revision;
        if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            meta.insert("resourceVersion".into(), revision.to_string().into());
        }
        let object = Arc::new(object);
        let at = place(key);
        let present = (kind != Change::Deleted).then_some(&object);
        state.owners.note(&key.resource, &at, previous.as_ref(), present);
        let objects = Arc::make_mut(state.objects.entry(key.resource.clone()).or_default());
        match present {
            None => objects.remove(&at),
            Some(object) => objects.insert(at, Arc::clone(object)),
        };
        let resource = key.resource.clone();
        let event =
            WatchEvent { resource, kind, object: Arc::clone(&object), previous, revision, line: OnceLock::new() };
        state.history.push_back(Arc::new(event));
        if state.history.len() > HISTORY
            && let Some(oldest) = state.history.pop_front()
        {
            state.forgotten = oldest.revision;
        }
        self.inner.moved.send_replace((state.epoch, revision));
        object
    }
}

impl State {
    fn uid(&mut self) -> String {
        let mut bytes = self.random.u128(..).to_be_bytes();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut uid = String::with_capacity(36);
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                uid.push('-');
            }
            uid.push_str(&format!("{byte:02x}"));
        }
        uid
    }

    fn suffix(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(SUFFIX_LETTERS[self.random.usize(..SUFFIX_LETTERS.len())])).collect()
    }
}

#[cfg(test)]
mod tests;
