//! Replacing and patching objects.

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::body::{self, Body};
use super::create::{Strictness, check_fields, check_identity};
use super::kinds::{self, Kind};
use super::patch::{self, Form as PatchForm};
use super::read::Form;
use super::request::{Call, Target, object_of};
use super::schema::Type;
use super::{Server, Status, claims, convert, defaults, managed, pods, quota, validate};
use crate::sandbox::cluster::store::{GroupResource, Key, Object, StoreError};

/// How often a change is tried again when others change the object meanwhile.
const ATTEMPTS: usize = 5;

/// What a patch reads: the object as it is.
type Change<'a> = dyn Fn(&Value) -> Result<(Value, Vec<String>), Status> + 'a;

impl Server {
    /// Answers a PUT.
    pub(super) fn put(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let form = Form::of(call)?;
        let mut sent = object_of(call)?;
        check_identity(target, &mut sent)?;
        let warnings = check_fields(&target.kind, &mut sent, Strictness::of(call)?)?;
        let (made, mut told) = self.change(call, target, true, false, &|_| Ok((sent.clone(), Vec::new())))?;
        told.splice(0..0, warnings);
        let mut response = self.show(&target.kind, &made, form, StatusCode::OK);
        body::warn(response.headers_mut(), &told);
        Ok(response)
    }

    /// Answers a PATCH.
    pub(super) fn patch(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let form = Form::of(call)?;
        let media = call.header(http::header::CONTENT_TYPE);
        let accepted: Vec<&str> = PatchForm::ACCEPTED
            .into_iter()
            .filter(|one| target.kind.schema.is_some() || !one.contains("strategic"))
            .collect();
        let how = PatchForm::of(media).filter(|how| *how != PatchForm::Strategic || target.kind.schema.is_some());
        let how = how.ok_or_else(|| Status::unsupported_media(&accepted))?;
        let patch = body::parse(media, &call.body)?;
        if how == PatchForm::Apply {
            return self.server_side_apply(call, target, form, patch);
        }
        if call.flag("force") {
            let message =
                "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch";
            return Err(Status::new(422, "Invalid", message));
        }
        let strictness = Strictness::of(call)?;
        let (made, warnings) =
            self.change(call, target, true, true, &|old| patched(&target.kind, old, &patch, how, strictness))?;
        let mut response = self.show(&target.kind, &made, form, StatusCode::OK);
        body::warn(response.headers_mut(), &warnings);
        Ok(response)
    }

    /// Makes an object, or lays what is said of it over the one that is there. For those who keep objects as they want them. The namespace
    /// is the object's own.
    ///
    /// # Errors
    /// What a client would be told.
    pub fn apply(&self, resource: &GroupResource, object: Value) -> Result<Object, Status> {
        let kind = kinds::of_resource(self.store(), resource).ok_or_else(Status::no_resource)?;
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let namespace = kind.namespaced.then(|| text("namespace").to_owned());
        let key = Key { resource: resource.clone(), namespace, name: text("name").to_owned() };
        for _ in 0..ATTEMPTS {
            let Some(old) = self.store().get(&key) else { return self.create(resource, object) };
            let mut new = (*old).clone();
            match kind.schema {
                Some(name) => patch::strategic(&mut new, &object, Type::named(name))?,
                None => patch::merge(&mut new, &object),
            }
            self.settle(&kind, &old, &mut new, None)?;
            match self.replace(&key, &old, new) {
                Err(StoreError::Conflict(_)) => {}
                other => return Ok(other?),
            }
        }
        Err(Status::modified(resource, &key.name))
    }

    /// Changes an object: reads it, makes another of it, checks and stores that, from the start again if somebody else
    /// changed it meanwhile and the caller does not insist on a version. With `noted` the fields that differ become those
    /// of the call's manager.
    pub(super) fn change(
        &self,
        call: &Call,
        target: &Target,
        noted: bool,
        is_patch: bool,
        change: &Change<'_>,
    ) -> Result<(Object, Vec<String>), Status> {
        let key = target.key();
        let resource = key.resource.clone();
        let dry_run = call.dry_run()?;
        let kind = self.stored_kind(&target.kind)?;
        for _ in 0..ATTEMPTS {
            let old = self.store().get(&key).ok_or_else(|| Status::not_found(&resource, &key.name))?;
            let (new, warnings) = change(&convert::shown(&target.kind, &old))?;
            let mut new = convert::stored(&target.kind, new);
            let version = &old["metadata"]["resourceVersion"];
            let sent = new["metadata"]["resourceVersion"].as_str().filter(|sent| !sent.is_empty() && *sent != "0");
            // A patch that says nothing of the version carries the one that it was made from.
            let insists = sent.is_some() && !(is_patch && sent == version.as_str());
            if insists && sent != version.as_str() {
                return Err(Status::modified(&resource, &key.name));
            }
            self.settle(&kind, &old, &mut new, target.subresource.as_deref())?;
            let manager = call.manager();
            let now = self.store().timestamp();
            let sub = target.subresource.as_deref();
            if noted {
                managed::note(&kind, Some(&old), &mut new, &manager, sub, &now);
            }
            if dry_run {
                return Ok((Object::new(new), warnings));
            }
            match self.replace(&key, &old, new) {
                Ok(object) => return Ok((object, warnings)),
                Err(StoreError::Conflict(_)) if !insists => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Status::modified(&resource, &key.name))
    }

    /// Stores a changed object, or takes it away if it only waited for this change to go.
    fn replace(&self, key: &Key, old: &Value, new: Value) -> Result<Object, StoreError> {
        let version = old["metadata"]["resourceVersion"].as_str();
        let goes = may_go(key, &new);
        let stored = self.store().update::<StoreError>(key, version, |object| {
            *object = new;
            Ok(())
        })?;
        if goes { self.store().remove(key) } else { Ok(stored) }
    }

    /// Makes what was sent an object that may follow the old one: keeps what callers don't decide, fills in defaults,
    /// counts the generation and validates.
    pub(super) fn settle(
        &self,
        kind: &Kind,
        old: &Value,
        new: &mut Value,
        subresource: Option<&str>,
    ) -> Result<(), Status> {
        let name = old["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if let Some(uid) = new["metadata"]["uid"].as_str().filter(|uid| !uid.is_empty())
            && old["metadata"]["uid"] != uid
        {
            let has = old["metadata"]["uid"].as_str().unwrap_or_default();
            let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {has}");
            return Err(Status::conflict(&kind.resource(), &name, &why));
        }
        match subresource {
            None => {
                let meta = defaults::entries(&mut new["metadata"]);
                for field in [
                    "name",
                    "namespace",
                    "uid",
                    "creationTimestamp",
                    "deletionTimestamp",
                    "deletionGracePeriodSeconds",
                    "generation",
                    "generateName",
                    "resourceVersion",
                    "selfLink",
                ] {
                    keep(meta, &old["metadata"], field);
                }
                if !meta.contains_key("managedFields") {
                    keep(meta, &old["metadata"], "managedFields");
                }
                if kind.has("status") {
                    keep(defaults::entries(new), old, "status");
                }
                self.keep_allocated(kind, old, new)?;
                defaults::apply(kind, new);
                count_template(kind, Some(old), new);
            }
            Some(part) => {
                let sent = std::mem::replace(new, old.clone());
                match part {
                    "finalize" => new["spec"]["finalizers"] = sent["spec"]["finalizers"].clone(),
                    "ephemeralcontainers" => {
                        new["spec"]["ephemeralContainers"] = sent["spec"]["ephemeralContainers"].clone();
                    }
                    _ => match sent.get("status") {
                        Some(status) if !status.is_null() => new["status"] = status.clone(),
                        _ => {
                            defaults::entries(new).shift_remove("status");
                        }
                    },
                }
                if kind.schema.is_some() {
                    defaults::drop_nulls(&mut new["spec"]);
                }
            }
        }
        if subresource.is_none() {
            let causes = validate::update(kind, old, new);
            if !causes.is_empty() {
                return Err(Status::invalid(kind, &name, &causes));
            }
            if kind.group.is_empty() && kind.plural == "persistentvolumeclaims" {
                claims::check_growth(self, old, new)?;
            }
            quota::check(self, kind, Some(old), new)?;
        }
        if kind.generation && desired_differs(old, new) {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
            new["metadata"]["generation"] = generation.into();
        }
        Ok(())
    }

    /// Addresses, ports and types that were given out stay as they are when an update does not name them.
    fn keep_allocated(&self, kind: &Kind, old: &Value, new: &mut Value) -> Result<(), Status> {
        match (kind.group.as_ref(), kind.plural.as_ref()) {
            ("", "secrets") => keep_unless_set(new, old, "type"),
            ("", "services") => {
                let spec = &mut new["spec"];
                if !spec.is_object() {
                    return Ok(());
                }
                if spec["type"] != "ExternalName" {
                    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                        keep_unless_set(spec, &old["spec"], field);
                    }
                }
                let old_ports = old["spec"]["ports"].as_array().cloned().unwrap_or_default();
                for port in defaults::each(spec.get_mut("ports")) {
                    let before =
                        old_ports.iter().find(|one| one["port"] == port["port"] && one["name"] == port["name"]);
                    if let Some(before) = before.filter(|_| port["nodePort"].is_null()) {
                        keep_unless_set(port, before, "nodePort");
                    }
                }
                if matches!(spec["type"].as_str(), None | Some("ClusterIP")) {
                    for port in defaults::each(spec.get_mut("ports")) {
                        defaults::entries(port).shift_remove("nodePort");
                    }
                }
                if spec["clusterIP"] == old["spec"]["clusterIP"] && spec["type"] != old["spec"]["type"] {
                    defaults::apply(kind, new);
                    pods::complete_ports(self, new);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Where a DaemonSet says how often its template has changed.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// Counts the changes of a DaemonSet's template, whatever the caller says of them.
pub fn count_template(kind: &Kind, old: Option<&Value>, new: &mut Value) {
    if kind.group != "apps" || kind.plural != "daemonsets" {
        return;
    }
    let count = old.map_or(1, |old| {
        let before = old["metadata"]["annotations"][TEMPLATE_GENERATION].as_str();
        let before: i64 = before.and_then(|text| text.parse().ok()).unwrap_or(1);
        before + i64::from(old["spec"]["template"] != new["spec"]["template"])
    });
    let annotations = defaults::entries(&mut new["metadata"]["annotations"]);
    annotations.insert(TEMPLATE_GENERATION.into(), count.to_string().into());
}

/// Whether an object that is being deleted has nothing left to wait for.
pub fn may_go(key: &Key, object: &Value) -> bool {
    let meta = &object["metadata"];
    let empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    let grace = meta["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
    let is_namespace = key.resource.group.is_empty() && key.resource.resource == "namespaces";
    meta["deletionTimestamp"].is_string()
        && empty(&meta["finalizers"])
        && grace == 0
        && (!is_namespace || empty(&object["spec"]["finalizers"]))
}

fn keep(new: &mut Map<String, Value>, old: &Value, field: &str) {
    match old.get(field) {
        Some(value) => {
            new.insert(field.into(), value.clone());
        }
        None => {
            new.shift_remove(field);
        }
    }
}

fn keep_unless_set(new: &mut Value, old: &Value, field: &str) {
    let unset = match &new[field] {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    if unset && !old[field].is_null() {
        new[field] = old[field].clone();
    }
}

/// Whether anything but metadata and status differs: then the generation counts on.
fn desired_differs(old: &Value, new: &Value) -> bool {
    let without = |value: &Value| {
        let mut entries = value.as_object().cloned().unwrap_or_default();
        entries.shift_remove("metadata");
        entries.shift_remove("status");
        entries
    };
    without(old) != without(new)
}

/// What a patch makes of an object.
fn patched(
    kind: &Kind,
    old: &Value,
    patch: &Value,
    how: PatchForm,
    strictness: Strictness,
) -> Result<(Value, Vec<String>), Status> {
    let mut new = old.clone();
    match how {
        PatchForm::Json => patch::json_patch(&mut new, patch)?,
        PatchForm::Merge => patch::merge(&mut new, patch),
        PatchForm::Strategic => match kind.schema {
            Some(name) => patch::strategic(&mut new, patch, Type::named(name))?,
            None => return Err(Status::unsupported_media(&PatchForm::ACCEPTED)),
        },
        PatchForm::Apply => return Err(Status::internal("an apply is no patch of this kind")),
    }
    if !new.is_object() {
        return Err(Status::bad_request("the patched object is not an object"));
    }
    for (field, wanted) in [("kind", kind.kind.to_string()), ("apiVersion", kind.api_version())] {
        if new[field] != wanted {
            let message = format!("the {field} of the patched object does not match: {} is not {wanted}", new[field]);
            return Err(Status::bad_request(message));
        }
    }
    match check_fields(kind, &mut new, strictness) {
        Ok(warnings) => Ok((new, warnings)),
        Err(status) => match status.message.split_once("strict decoding error: ") {
            None => Err(status),
            Some((_, what)) => {
                // What a real server says of patches names the patch, in Go's notation where it was merged by type.
                let shown = if how == PatchForm::Strategic { go_map(patch) } else { patch.to_string() };
                let message =
                    format!(" \"\" is invalid: patch: Invalid value: {shown:?}: strict decoding error: {what}");
                let cause = format!("Invalid value: {shown:?}: strict decoding error: {what}");
                let mut status = Status::new(422, "Invalid", message);
                status.details =
                    Some(json!({"causes": [{"reason": "FieldValueInvalid", "message": cause, "field": "patch"}]}));
                Err(status)
            }
        },
    }
}

/// A value as Go's `%+v` shows decoded JSON.
fn go_map(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            let parts: Vec<String> = entries.iter().map(|(key, value)| format!("{key}:{}", go_map(value))).collect();
            format!("map[{}]", parts.join(" "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(go_map).collect::<Vec<_>>().join(" ")),
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".into(),
        other => other.to_string(),
    }
}
