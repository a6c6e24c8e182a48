//! Deleting: at once, after a grace period, or once the finalizers are gone.

use std::time::Duration;

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::body::{self, Body};
use super::kinds::Kind;
use super::read::Form;
use super::request::{Call, Target, number, object_of};
use super::selector::Selector;
use super::update::may_go;
use super::{Server, Status, convert, defaults};
use crate::sandbox::cluster::store::{Key, Object};

/// What became of an object that was to be deleted.
pub enum Deleted {
    /// It is gone; this was its last state.
    Gone(Object),
    /// It is on its way.
    Leaving(Object),
}

/// What a request says about a deletion.
#[derive(Debug, Clone, Default)]
struct Options {
    grace: Option<i64>,
    propagation: Option<String>,
    uid: Option<String>,
    version: Option<String>,
    dry_run: bool,
}

impl Options {
    fn of(call: &Call, body: &Value) -> Result<Self, Status> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let propagation =
            text(&body["propagationPolicy"]).or_else(|| call.param("propagationPolicy").map(str::to_owned));
        let orphan = body["orphanDependents"].as_bool().map(|yes| if yes { "Orphan" } else { "Background" }.to_owned());
        if let Some(word) =
            propagation.as_deref().filter(|word| !matches!(*word, "Orphan" | "Background" | "Foreground"))
        {
            let message = format!(
                "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: {word:?}: supported values: \"Background\", \"Foreground\", \"Orphan\", \"nil\""
            );
            return Err(Status::new(422, "Invalid", message));
        }
        Ok(Self {
            grace: body["gracePeriodSeconds"].as_i64().or(number(call, "gracePeriodSeconds")?),
            propagation: propagation.or(orphan),
            uid: text(&body["preconditions"]["uid"]),
            version: text(&body["preconditions"]["resourceVersion"]),
            dry_run: call.dry_run()?
                || body["dryRun"].as_array().is_some_and(|list| list.iter().any(|one| one == "All")),
        })
    }
}

impl Server {
    /// Answers a DELETE of one object.
    pub(super) fn delete(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let form = Form::of(call)?;
        let options = object_of(call)?;
        let outcome = self.delete_with(call, target, &options)?;
        let kind = &target.kind;
        let mut response = match outcome {
            Deleted::Leaving(object) => self.show(kind, &object, form, StatusCode::OK),
            Deleted::Gone(object) if returns_object(kind) => self.show(kind, &object, form, StatusCode::OK),
            Deleted::Gone(object) => {
                let mut details = json!({"name": object["metadata"]["name"]});
                if !kind.group.is_empty() {
                    details["group"] = kind.group.as_ref().into();
                }
                details["kind"] = kind.plural.as_ref().into();
                details["uid"] = object["metadata"]["uid"].clone();
                let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
                body::json(StatusCode::OK, &status)
            }
        };
        let options = Options::of(call, &options)?;
        if kind.group == "batch" && kind.plural == "jobs" && options.propagation.is_none() {
            let text = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning";
            body::warn(response.headers_mut(), &[text.to_owned()]);
        }
        Ok(response)
    }

    /// Answers a DELETE of a collection: each object that is selected.
    pub(super) fn delete_collection(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let kind = &target.kind;
        let options = Options::of(call, &object_of(call)?)?;
        let selector = Selector::parse(kind, call.param("labelSelector"), call.param("fieldSelector"))?;
        let (objects, revision) = self.store().list_at(&kind.resource(), target.namespace.as_deref());
        let mut items = Vec::new();
        for object in objects.iter().filter(|object| selector.matches(object)) {
            let key = Key::of(&kind.resource(), object);
            match self.remove(kind, &key, &options) {
                Ok(Deleted::Gone(object) | Deleted::Leaving(object)) => {
                    items.push(convert::shown(kind, &object).into_owned())
                }
                Err(status) if status.code == 404 => {}
                Err(status) => return Err(status),
            }
        }
        let list = json!({
            "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(),
            "metadata": {"resourceVersion": revision.to_string()}, "items": items,
        });
        Ok(body::json(StatusCode::OK, &list))
    }

    pub(super) fn delete_with(&self, call: &Call, target: &Target, options: &Value) -> Result<Deleted, Status> {
        self.remove(&target.kind, &target.key(), &Options::of(call, options)?)
    }

    /// Deletes an object as a request would, with the propagation given: `Background`, `Foreground`, `Orphan`. For
    /// controllers.
    ///
    /// # Errors
    /// 404 when there is none.
    pub fn delete_object(&self, key: &Key, grace: Option<i64>, propagation: &str) -> Result<Deleted, Status> {
        let kind = super::kinds::of_resource(self.store(), &key.resource).ok_or_else(Status::no_resource)?;
        let options = Options { grace, propagation: Some(propagation.to_owned()), ..Options::default() };
        self.remove(&kind, key, &options)
    }

    fn remove(&self, kind: &Kind, key: &Key, options: &Options) -> Result<Deleted, Status> {
        let old = self.store().get(key).ok_or_else(|| Status::not_found(&key.resource, &key.name))?;
        for (wanted, field, name) in
            [(&options.uid, "uid", "UID"), (&options.version, "resourceVersion", "ResourceVersion")]
        {
            let has = old["metadata"][field].as_str().unwrap_or_default();
            if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != has) {
                let why =
                    format!("Precondition failed: {name} in precondition: {wanted}, {name} in object meta: {has}");
                return Err(Status::conflict(&key.resource, &key.name, &why));
            }
        }
        let mut new = (*old).clone();
        self.mark(kind, &mut new, options);
        if options.dry_run {
            return Ok(if may_go(key, &new) { Deleted::Gone(new.into()) } else { Deleted::Leaving(new.into()) });
        }
        if may_go(key, &new) {
            return Ok(Deleted::Gone(self.store().remove(key)?));
        }
        let stored = self.store().update::<Status>(key, None, |object| {
            self.mark(kind, object, options);
            Ok(())
        })?;
        Ok(Deleted::Leaving(stored))
    }

    /// Says on an object that it is to go: when, and what has to happen before.
    fn mark(&self, kind: &Kind, object: &mut Value, options: &Options) {
        let finalizer = match options.propagation.as_deref() {
            Some("Orphan") => Some("orphan"),
            Some("Foreground") => Some("foregroundDeletion"),
            None if kind.group == "batch" && kind.plural == "jobs" => Some("orphan"),
            _ => None,
        };
        let meta = &mut object["metadata"];
        if let Some(finalizer) = finalizer {
            let list = defaults::entries(meta).entry("finalizers").or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                // The two exclude each other; the last word counts.
                list.retain(|one| one != "orphan" && one != "foregroundDeletion");
                list.push(finalizer.into());
            }
        }
        let grace = grace_of(kind, object, options.grace);
        let meta = &mut object["metadata"];
        let running = meta["deletionTimestamp"].is_string();
        if running && meta["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) <= grace {
            return;
        }
        let at = self.clock().now() + jiff::SignedDuration::from_secs(grace);
        meta["deletionTimestamp"] = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        meta["deletionGracePeriodSeconds"] = grace.into();
        if !running && let Some(generation) = meta["generation"].as_i64() {
            meta["generation"] = (generation + 1).into();
        }
        if kind.group.is_empty() && kind.plural == "namespaces" {
            object["status"]["phase"] = "Terminating".into();
        }
    }
}

/// How long an object has to end, in seconds: only Pods that run somewhere need time.
fn grace_of(kind: &Kind, object: &Value, asked: Option<i64>) -> i64 {
    if !(kind.group.is_empty() && kind.plural == "pods") {
        return 0;
    }
    let placed = object["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    let over = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if !placed || over {
        return 0;
    }
    let own = object["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30);
    let grace = asked.unwrap_or(own);
    // A day is longer than anything in a session; it keeps dates from overflowing.
    grace.clamp(
        if asked == Some(0) { 0 } else { 1 },
        i64::try_from(Duration::from_secs(86_400 * 365).as_secs()).unwrap_or(i64::MAX),
    )
}

/// The kinds whose last state is answered when they are gone at once.
fn returns_object(kind: &Kind) -> bool {
    kind.group.is_empty()
        && matches!(
            kind.plural.as_ref(),
            "pods"
                | "services"
                | "serviceaccounts"
                | "persistentvolumes"
                | "persistentvolumeclaims"
                | "podtemplates"
                | "resourcequotas"
                | "replicationcontrollers"
        )
}
