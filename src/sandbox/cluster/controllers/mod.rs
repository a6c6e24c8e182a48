//! The controllers, the scheduler and the kubelets, run one object at a time. What changes in the store is looked at, and
//! what that concerns; what is due at a later moment is looked at then. Nothing runs while nothing is due.

mod autoscaler;
mod cluster_roles;
pub mod control;
mod cron_job;
mod daemonset;
mod deployment;
mod disruption;
mod endpoints;
mod garbage;
mod job;
mod load_balancer;
pub(crate) mod namespace;
pub(crate) mod pods;
mod quota;
mod replicaset;
mod revisions;
pub mod scheduler;
mod statefulset;
mod taints;
pub(crate) mod volumes;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use jiff::Timestamp;
use serde_json::Value;

use self::autoscaler::Autoscalers;
use self::control::Control;
use self::scheduler::Occupancy;
use self::volumes::Volumes;
use super::kubelet::{Nodes, answers};
use super::object::{self, resources};
use super::provision;
use super::store::{Change, Gone, GroupResource, Key, Object, Watch, WatchEvent};

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Work {
    /// The object itself.
    Object(Key),
    /// Whether its owners are still there.
    Owners(Key),
    /// What the account says that the cluster has.
    Account,
}

/// The controllers' state: what is to be looked at, and when; the nodes' memory. All but the latter follows from the store.
pub struct Controllers {
    /// How they read and write, and the present.
    pub control: Control,
    /// The nodes.
    pub nodes: Nodes,
    watch: Watch,
    queue: VecDeque<Work>,
    queued: HashSet<Work>,
    timers: BTreeSet<(Timestamp, Work)>,
    due: HashMap<Work, Timestamp>,
    /// Dependents by their owner's uid.
    dependents: HashMap<String, BTreeSet<Key>>,
    /// What a namespace holds.
    contents: HashMap<String, BTreeSet<Key>>,
    /// Pods that wait for a node, and Pods that wait for another object.
    unscheduled: BTreeSet<Key>,
    stuck: BTreeSet<Key>,
    autoscalers: Autoscalers,
    volumes: Volumes,
    occupancy: Occupancy,
    /// Tells when the account says something else.
    account: Option<tokio::sync::watch::Receiver<u64>>,
}

impl Controllers {
    /// Controllers on a store, which look at everything that is there already.
    ///
    /// # Errors
    /// [`Gone`] never, as the watch starts at the present.
    pub fn new(control: Control, nodes: Nodes) -> Result<Self, Gone> {
        let watch = control.store.watch(None, None)?;
        let account = control.cloud.provision_changes();
        let mut controllers = Self {
            account,
            control,
            nodes,
            watch,
            queue: VecDeque::new(),
            queued: HashSet::new(),
            timers: BTreeSet::new(),
            due: HashMap::new(),
            dependents: HashMap::new(),
            contents: HashMap::new(),
            unscheduled: BTreeSet::new(),
            stuck: BTreeSet::new(),
            autoscalers: Autoscalers::default(),
            volumes: Volumes::default(),
            occupancy: Occupancy::default(),
        };
        controllers.relist();
        Ok(controllers)
    }

    /// Looks at everything anew, as after going back to a snapshot.
    ///
    /// # Errors
    /// [`Gone`] never, as the watch starts at the present.
    pub fn restart(&mut self, nodes: Nodes) -> Result<(), Gone> {
        self.watch = self.control.store.watch(None, None)?;
        self.nodes = nodes;
        self.queue.clear();
        self.queued.clear();
        self.timers.clear();
        self.due.clear();
        self.dependents.clear();
        self.contents.clear();
        self.unscheduled.clear();
        self.stuck.clear();
        self.autoscalers = Autoscalers::default();
        self.volumes.clear();
        self.relist();
        Ok(())
    }

    fn relist(&mut self) {
        self.enqueue(Work::Account);
        self.occupancy = Occupancy::of(&self.control);
        for resource in self.control.store.resources() {
            if resource == resources::EVENTS {
                continue;
            }
            for object in self.control.store.list(&resource, None) {
                let key = Key::of(&resource, &object);
                self.index(&key, &object, true);
                self.enqueue(Work::Object(key.clone()));
                if !object::list(&object, "/metadata/ownerReferences").is_empty() {
                    self.enqueue(Work::Owners(key));
                }
            }
        }
    }

    /// When the next thing is due by itself.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Whether something is still to be looked at, now or later. What is looked at every few seconds whether anything changed
    /// or not does not count while it would change nothing.
    pub fn is_pending(&self) -> bool {
        let settled = |work: &Work| match work {
            Work::Object(key) if key.resource == resources::AUTOSCALERS => {
                let found = self.control.store.get(key);
                found.is_none_or(|found| self.autoscalers.is_settled(object::uid(&found)))
            }
            _ => false,
        };
        !self.queue.is_empty()
            || self.account.as_ref().is_some_and(|account| account.has_changed().unwrap_or(false))
            || self.timers.iter().any(|(_, work)| !settled(work))
            || self.watch.seen() < self.control.store.revision()
            || answers::is_talking(&self.control, &self.nodes, self.control.server.clock().now())
    }

    /// Does all that is due at `now`, until nothing is left to do.
    ///
    /// # Errors
    /// [`Gone`] when the store went back to a snapshot: [`Controllers::restart`] is next.
    pub fn run(&mut self, now: Timestamp) -> Result<(), Gone> {
        self.control.now = now;
        if let Some(account) = &mut self.account
            && account.has_changed().unwrap_or(false)
        {
            account.mark_unchanged();
            self.enqueue(Work::Account);
        }
        loop {
            while let Some(event) = self.watch.try_next()? {
                self.absorb(&event);
            }
            while let Some((at, work)) = self.timers.first().cloned()
                && at <= now
            {
                self.timers.remove(&(at, work.clone()));
                self.due.remove(&work);
                self.enqueue(work);
            }
            let Some(work) = self.queue.pop_front() else { return Ok(()) };
            self.queued.remove(&work);
            let next = self.look(&work);
            self.schedule(work, next);
        }
    }

    /// Lives through the time up to `until`, from one due moment to the next.
    ///
    /// # Errors
    /// As [`Controllers::run`].
    pub fn live_until(&mut self, from: Timestamp, until: Timestamp) -> Result<(), Gone> {
        let mut now = from;
        loop {
            self.run(now)?;
            match self.next_due() {
                Some(due) if due <= until => now = due.max(now),
                _ => break,
            }
        }
        self.control.now = until;
        Ok(())
    }

    /// Follows what these controllers have not looked at yet.
    ///
    /// # Errors
    /// [`Gone`] when the store went back to a snapshot.
    pub fn changes(&self) -> Result<Watch, Gone> {
        self.control.store.watch(None, Some(self.watch.seen()))
    }

    fn enqueue(&mut self, work: Work) {
        if self.queued.insert(work.clone()) {
            self.queue.push_back(work);
        }
    }

    fn schedule(&mut self, work: Work, next: Option<Timestamp>) {
        if let Some(before) = self.due.remove(&work) {
            self.timers.remove(&(before, work.clone()));
        }
        if let Some(next) = next {
            self.due.insert(work.clone(), next);
            self.timers.insert((next, work));
        }
    }

    fn index(&mut self, key: &Key, object: &Value, present: bool) {
        for owner in object::list(object, "/metadata/ownerReferences") {
            let of = self.dependents.entry(object::text(owner, "/uid").to_owned()).or_default();
            if present {
                of.insert(key.clone())
            } else {
                of.remove(key)
            };
        }
        if let Some(namespace) = &key.namespace {
            let of = self.contents.entry(namespace.clone()).or_default();
            if present {
                of.insert(key.clone())
            } else {
                of.remove(key)
            };
        }
    }

    /// Notes whom a change concerns.
    fn absorb(&mut self, event: &WatchEvent) {
        let key = Key::of(&event.resource, &event.object);
        let gone = event.kind == Change::Deleted;
        if event.resource == resources::EVENTS {
            self.index(&key, &event.object, !gone);
            return;
        }
        if let Some(previous) = &event.previous {
            self.index(&key, previous, false);
        }
        self.index(&key, &event.object, !gone);
        if event.resource == resources::LEASES {
            return;
        }
        for version in event.previous.iter().chain([&event.object]) {
            if let Some(owner) = object::controller(version) {
                self.enqueue(Work::Object(object::owner_key(version, owner)));
            }
        }
        self.enqueue(Work::Object(key.clone()));
        if event.kind == Change::Added && !object::list(&event.object, "/metadata/ownerReferences").is_empty() {
            self.enqueue(Work::Owners(key.clone()));
        }
        if gone {
            for dependent in self.dependents.get(object::uid(&event.object)).cloned().unwrap_or_default() {
                self.enqueue(Work::Owners(dependent));
            }
            self.unscheduled.remove(&key);
            self.stuck.remove(&key);
            if event.resource == resources::PODS {
                self.nodes.forget(object::uid(&event.object));
            } else if event.resource == resources::AUTOSCALERS {
                self.autoscalers.forget(object::uid(&event.object));
            }
        }
        if let Some(namespace) = &key.namespace {
            let of = Key::cluster(&resources::NAMESPACES, namespace);
            let restored = matches!(&*event.resource.resource, "serviceaccounts" | "configmaps");
            let leaving = || self.control.store.get(&of).is_some_and(|found| object::is_deleting(&found));
            if gone && (restored || leaving()) {
                self.enqueue(Work::Object(of));
            }
        }
        self.tell_related(event, &key);
        self.tell_keepers(event, &key);
    }

    /// Notes whom a change concerns that does not own the object.
    fn tell_related(&mut self, event: &WatchEvent, key: &Key) {
        let resource = &event.resource;
        let namespace = key.namespace.as_deref();
        if *resource == resources::PODS {
            self.autoscalers.unsettle();
            if event.kind == Change::Deleted {
                self.occupancy.forget(object::uid(&event.object));
            } else {
                self.occupancy.note(&event.object);
            }
            if self.nodes.provisioned.is_busy() || provision::concerns(&event.object) {
                self.enqueue(Work::Account);
            }
            for service in self.control.store.list(&resources::SERVICES, namespace) {
                let concerned = event
                    .previous
                    .iter()
                    .chain([&event.object])
                    .any(|pod| object::selects_by_map(&service["spec"]["selector"], &pod["metadata"]["labels"]));
                if concerned {
                    self.enqueue(Work::Object(Key::of(&resources::SERVICES, &service)));
                }
            }
            // Pods without a controller may be adopted; a Pod that goes makes room for others.
            if object::controller(&event.object).is_none() && event.kind != Change::Deleted {
                self.tell_adopters(
                    &event.object,
                    &[resources::REPLICA_SETS, resources::STATEFUL_SETS, resources::DAEMON_SETS],
                );
            }
            let finished = matches!(object::text(&event.object, "/status/phase"), "Succeeded" | "Failed");
            if event.kind == Change::Deleted || finished {
                self.wake_unscheduled();
            }
        } else if *resource == resources::REPLICA_SETS && object::controller(&event.object).is_none() {
            self.tell_adopters(&event.object, &[resources::DEPLOYMENTS]);
        } else if *resource == resources::CLUSTER_ROLES {
            for role in self.control.store.list(resource, None) {
                if role["aggregationRule"].is_object() {
                    self.enqueue(Work::Object(Key::of(resource, &role)));
                }
            }
        } else if *resource == resources::NODES {
            self.enqueue(Work::Account);
            self.wake_unscheduled();
            for daemons in self.control.store.list(&resources::DAEMON_SETS, None) {
                self.enqueue(Work::Object(Key::of(&resources::DAEMON_SETS, &daemons)));
            }
        } else if matches!(&*resource.resource, "configmaps" | "secrets" | "serviceaccounts" | "services") {
            let waiting: Vec<Key> = self.stuck.iter().filter(|pod| pod.namespace == key.namespace).cloned().collect();
            for pod in waiting {
                self.enqueue(Work::Object(pod));
            }
        }
    }

    /// Notes which claims, volumes, budgets and quotas a change concerns.
    fn tell_keepers(&mut self, event: &WatchEvent, key: &Key) {
        let namespace = key.namespace.as_deref();
        let resource = &event.resource;
        let mut concerned: Vec<Key> = Vec::new();
        let mut all = |of: &GroupResource, namespace: Option<&str>| {
            concerned.extend(self.control.store.list(of, namespace).iter().map(|object| Key::of(of, object)));
        };
        match &*resource.resource {
            "pods" => {
                all(&resources::DISRUPTION_BUDGETS, namespace);
                let names = volumes::claims_of(&event.object);
                concerned.extend(
                    names.map(|name| Key::namespaced(&resources::CLAIMS, object::namespace(&event.object), name)),
                );
            }
            // A workload's size decides how many Pods a budget expects.
            "deployments" | "replicasets" | "statefulsets" | "replicationcontrollers"
                if event.kind == Change::Modified =>
            {
                all(&resources::DISRUPTION_BUDGETS, namespace);
            }
            "persistentvolumeclaims" => {
                let volume = object::text(&event.object, "/spec/volumeName");
                if !volume.is_empty() {
                    concerned.push(Key::cluster(&resources::VOLUMES, volume));
                }
                self.wake_unscheduled();
            }
            "persistentvolumes" | "storageclasses" | "csidrivers" => {
                all(&resources::CLAIMS, None);
                if event.kind == Change::Added && *resource == resources::CSI_DRIVERS {
                    all(&resources::VOLUMES, None);
                }
            }
            _ => {}
        }
        if let Some(namespace) = namespace
            && *resource != resources::RESOURCE_QUOTAS
            && (event.kind != Change::Modified
                || *resource == resources::PODS
                || *resource == resources::SERVICES
                || *resource == resources::CLAIMS)
        {
            let quotas = self.control.store.list(&resources::RESOURCE_QUOTAS, Some(namespace));
            concerned.extend(quotas.iter().map(|quota| Key::of(&resources::RESOURCE_QUOTAS, quota)));
        }
        for key in concerned {
            self.enqueue(Work::Object(key));
        }
    }

    fn tell_adopters(&mut self, object: &Value, adopters: &[GroupResource]) {
        for resource in adopters {
            for adopter in self.control.store.list(resource, Some(object::namespace(object))) {
                if object::selects(&adopter["spec"]["selector"], &object["metadata"]["labels"]) {
                    self.enqueue(Work::Object(Key::of(resource, &adopter)));
                }
            }
        }
    }

    fn wake_unscheduled(&mut self) {
        for pod in self.unscheduled.clone() {
            self.enqueue(Work::Object(pod));
        }
    }

    /// Looks at one object. Answers when to look again by itself.
    fn look(&mut self, work: &Work) -> Option<Timestamp> {
        let key = match work {
            Work::Object(key) => key,
            Work::Owners(key) => {
                garbage::check_owners(&self.control, key);
                return None;
            }
            Work::Account => return provision::reconcile(&self.control, &mut self.nodes, &self.occupancy),
        };
        let found = self.control.store.get(key)?;
        if object::is_deleting(&found) && !object::list(&found, "/metadata/finalizers").is_empty() {
            let dependents = self.dependents.get(object::uid(&found)).cloned().unwrap_or_default();
            garbage::finalize(&self.control, key, &found, &dependents);
        }
        match (&*key.resource.group, &*key.resource.resource) {
            ("apps", "deployments") => deployment::reconcile(&self.control, key),
            ("apps", "replicasets") => replicaset::reconcile(&self.control, key),
            ("apps", "statefulsets") => statefulset::reconcile(&self.control, key),
            ("apps", "daemonsets") => daemonset::reconcile(&self.control, key),
            ("batch", "jobs") => job::reconcile(&self.control, key),
            ("batch", "cronjobs") => cron_job::reconcile(&self.control, key),
            ("autoscaling", "horizontalpodautoscalers") => self.autoscalers.reconcile(&self.control, &self.nodes, key),
            ("", "pods") => self.look_at_pod(key, &found),
            ("", "nodes") => taints::reconcile(&self.control, &found),
            ("", "services") => endpoints::reconcile(&self.control, key),
            ("", "persistentvolumeclaims") => self.volumes.claim(&self.control, key),
            ("", "persistentvolumes") => volumes::volume(&self.control, key),
            ("", "resourcequotas") => quota::reconcile(&self.control, key),
            ("policy", "poddisruptionbudgets") => disruption::reconcile(&self.control, key),
            ("rbac.authorization.k8s.io", "clusterroles") => cluster_roles::reconcile(&self.control, key),
            ("networking.k8s.io", "ingresses") => load_balancer::ingress(&self.control, key),
            ("", "namespaces") => {
                let contents = self.contents.get(&key.name).cloned().unwrap_or_default();
                namespace::reconcile(&self.control, key, &contents)
            }
            _ => None,
        }
    }

    fn look_at_pod(&mut self, key: &Key, pod: &Object) -> Option<Timestamp> {
        if object::text(pod, "/spec/nodeName").is_empty() {
            if object::is_deleting(pod) {
                // Nobody but a kubelet would end it.
                if object::list(pod, "/metadata/finalizers").is_empty() {
                    let _ = self.control.store.remove(key);
                }
            } else if object::text(pod, "/spec/schedulerName") == provision::SCHEDULER
                || scheduler::reconcile(&self.control, pod, &self.occupancy)
            {
                self.unscheduled.remove(key);
            } else {
                self.unscheduled.insert(key.clone());
            }
            return None;
        }
        let evicted = taints::look_at(&self.control, pod);
        let outcome = self.nodes.sync(&self.control, pod);
        if outcome.stuck {
            self.stuck.insert(key.clone());
        } else {
            self.stuck.remove(key);
        }
        outcome.next.into_iter().chain(evicted).min()
    }
}

/// Objects by a text of theirs, for those that are looked up more than once.
pub(crate) fn by_name(objects: &[Object]) -> BTreeMap<&str, &Object> {
    objects.iter().map(|object| (object::name(object), object)).collect()
}
