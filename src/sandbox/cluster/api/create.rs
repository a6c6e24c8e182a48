//! Creating objects: what is sent is checked, completed, admitted, validated and stored.

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::body::{self, Body};
use super::kinds::{self, Kind};
use super::read::Form;
use super::request::{Call, Target, object_of};
use super::schema::{self, Type};
use super::{Server, Status, User, convert, defaults, limits, managed, pods, quota, update, validate};
use crate::sandbox::cluster::store::{GroupResource, Key, Object};

/// Where namespaces are.
const NAMESPACES: GroupResource = GroupResource::of("", "namespaces");

/// How strictly fields are taken: `fieldValidation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Unknown fields are dropped.
    Ignore,
    /// They are dropped, with a warning.
    Warn,
    /// They are an error.
    Strict,
}

impl Strictness {
    /// Reads the query.
    ///
    /// # Errors
    /// 400 for another word.
    pub fn of(call: &Call) -> Result<Self, Status> {
        match call.param("fieldValidation") {
            Some("Ignore") => Ok(Self::Ignore),
            None | Some("Warn") => Ok(Self::Warn),
            Some("Strict") => Ok(Self::Strict),
            Some(other) => Err(Status::new(
                422,
                "Invalid",
                format!(
                    "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: {other:?}: supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""
                ),
            )),
        }
    }
}

/// Whose the fields of a new object are.
#[derive(Debug, Clone, Copy)]
pub enum Ownership<'a> {
    /// Nobody's: the server made it itself.
    None,
    /// A manager's, by a create.
    Update(&'a str),
    /// A manager's, by server-side apply.
    Apply(&'a str),
}

/// Checks an object against its kind's type, and drops what the type does not have.
///
/// # Errors
/// 400 when a value has a wrong type, or with `Strict` when there is an unknown field.
pub fn check_fields(kind: &Kind, object: &mut Value, strictness: Strictness) -> Result<Vec<String>, Status> {
    let of = match kind.schema {
        Some(name) => Type::named(name),
        // Of a custom resource only the metadata is known here.
        None => Type::named("meta.v1.ObjectMeta"),
    };
    let cannot = |why: String| {
        let (kind, version) = (&kind.kind, &kind.version);
        Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
    };
    if !object.is_object() {
        return Err(cannot("json: cannot unmarshal array into Go value of type map[string]interface {}".into()));
    }
    let findings = match kind.schema {
        Some(_) => schema::check(object, of),
        None => schema::check(&mut object["metadata"], of),
    };
    if let Some(why) = findings.mistyped {
        return Err(cannot(why));
    }
    let prefix = if kind.schema.is_some() { "" } else { "metadata." };
    let told: Vec<String> = findings.unknown.iter().map(|field| format!("unknown field \"{prefix}{field}\"")).collect();
    match strictness {
        Strictness::Ignore => Ok(Vec::new()),
        Strictness::Warn => Ok(told),
        Strictness::Strict if told.is_empty() => Ok(told),
        Strictness::Strict => Err(cannot(format!("strict decoding error: {}", told.join(", ")))),
    }
}

/// Compares kind, version, name and namespace of what was sent with what the path says, and completes them.
///
/// # Errors
/// 400 when they contradict each other.
pub fn check_identity(target: &Target, object: &mut Value) -> Result<(), Status> {
    let kind = &target.kind;
    if !object.is_object() {
        return Err(Status::bad_request("the object provided is unrecognized (must be of type Object)"));
    }
    for (field, wanted) in [("kind", kind.kind.to_string()), ("apiVersion", kind.api_version())] {
        match object[field].as_str() {
            None | Some("") => object[field] = wanted.into(),
            Some(sent) if sent == wanted => {}
            Some(sent) => {
                let message = if field == "kind" {
                    format!(
                        "{sent} in version {:?} cannot be handled as a {}: converting ({}).{sent} to ({}).{}: unknown conversion",
                        kind.version, kind.kind, kind.version, kind.version, kind.kind
                    )
                } else {
                    format!("the API version in the data ({sent}) does not match the expected API version ({wanted})")
                };
                return Err(Status::bad_request(message));
            }
        }
    }
    let meta = &mut object["metadata"];
    if !(meta.is_null() || meta.is_object()) {
        return Err(Status::bad_request("the object's metadata is not an object"));
    }
    if let (true, Some(namespace)) = (kind.namespaced, &target.namespace) {
        match meta["namespace"].as_str() {
            None | Some("") => meta["namespace"] = namespace.clone().into(),
            Some(sent) if sent == namespace => {}
            Some(_) => {
                let message = "the namespace of the provided object does not match the namespace sent on the request";
                return Err(Status::bad_request(message));
            }
        }
    }
    if !kind.namespaced
        && let Some(meta) = meta.as_object_mut()
    {
        meta.shift_remove("namespace");
    }
    if let Some(name) = &target.name {
        match meta["name"].as_str() {
            None | Some("") => meta["name"] = name.clone().into(),
            Some(sent) if sent == name => {}
            Some(sent) => {
                let message = format!("the name of the object ({sent}) does not match the name on the URL ({name})");
                return Err(Status::bad_request(message));
            }
        }
    }
    Ok(())
}

impl Server {
    /// Answers a POST to a collection.
    pub(super) fn post(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let form = Form::of(call)?;
        let mut object = object_of(call)?;
        if target.kind.namespaced && target.namespace.is_none() {
            return Err(Status::bad_request("an empty namespace may not be set during creation"));
        }
        check_identity(target, &mut object)?;
        let warnings = check_fields(&target.kind, &mut object, Strictness::of(call)?)?;
        if object["metadata"]["resourceVersion"].as_str().is_some_and(|version| !version.is_empty()) {
            return Err(Status::bad_request("resourceVersion should not be set on objects to be created"));
        }
        let (kind, object) = (self.stored_kind(&target.kind)?, convert::stored(&target.kind, object));
        let made = self.make(&kind, &call.user, object, Ownership::Update(&call.manager()), call.dry_run()?)?;
        let mut response = self.show(&target.kind, &made, form, StatusCode::CREATED);
        body::warn(response.headers_mut(), &warnings);
        Ok(response)
    }

    /// Creates an object as if a request had come for it: with defaults, admission and validation. For controllers and
    /// the seed. The namespace is the object's own.
    ///
    /// # Errors
    /// What a client would be told.
    pub fn create(&self, resource: &GroupResource, mut object: Value) -> Result<Object, Status> {
        let kind = kinds::of_resource(self.store(), resource).ok_or_else(Status::no_resource)?;
        if !object.is_object() {
            return Err(Status::bad_request("the object provided is unrecognized (must be of type Object)"));
        }
        object["kind"] = kind.kind.as_ref().into();
        object["apiVersion"] = kind.api_version().into();
        check_fields(&kind, &mut object, Strictness::Ignore)?;
        let user = User::admin("system:kube-controller-manager");
        self.make(&kind, &user, object, Ownership::None, false)
    }

    /// Reads an object that names its kind: where it is kept, and how. An object of a namespace that names none is of
    /// `default`.
    ///
    /// # Errors
    /// 404 when the server does not know the kind, 400 for fields that the kind does not have or values of wrong types.
    pub fn read_manifest(&self, mut object: Value) -> Result<(GroupResource, Value), Status> {
        let text = |field: &str| object[field].as_str().unwrap_or_default();
        let (version, name) = (text("apiVersion"), text("kind"));
        let all = kinds::all(self.store());
        let Some(kind) = all.iter().find(|one| one.stored && one.kind == name && one.api_version() == version) else {
            let message = format!("no matches for kind {name:?} in version {version:?}");
            return Err(Status::new(404, "NotFound", message));
        };
        check_fields(kind, &mut object, Strictness::Strict)?;
        if kind.namespaced && object["metadata"]["namespace"].as_str().is_none_or(str::is_empty) {
            object["metadata"]["namespace"] = "default".into();
        }
        Ok((kind.resource(), convert::stored(kind, object)))
    }

    pub(super) fn make(
        &self,
        kind: &Kind,
        user: &User,
        mut object: Value,
        ownership: Ownership<'_>,
        dry_run: bool,
    ) -> Result<Object, Status> {
        let sent = if matches!(ownership, Ownership::Apply(_)) { object.clone() } else { Value::Null };
        let meta = defaults::entries(&mut object["metadata"]);
        for field in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
            "resourceVersion",
            "managedFields",
            "generation",
        ] {
            meta.shift_remove(field);
        }
        let text = |meta: &Map<String, Value>, field: &str| {
            meta.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let (mut name, prefix) = (text(meta, "name"), text(meta, "generateName"));
        if name.is_empty() && !prefix.is_empty() {
            let kept = prefix.floor_char_boundary(58);
            name = format!("{}{}", &prefix[..kept], self.store().suffix(5));
            meta.insert("name".into(), name.clone().into());
        }
        let namespace = text(meta, "namespace");
        meta.insert("uid".into(), self.store().uid().into());
        meta.insert("creationTimestamp".into(), self.store().timestamp().into());
        if kind.generation {
            meta.insert("generation".into(), 1.into());
        }
        if kind.namespaced {
            self.check_namespace(kind, &name, &namespace)?;
        }
        let resource = kind.resource();
        let key =
            Key { resource: resource.clone(), namespace: kind.namespaced.then_some(namespace), name: name.clone() };
        defaults::apply(kind, &mut object);
        update::count_template(kind, None, &mut object);
        // What the server adds from here on belongs to no manager.
        let now = self.store().timestamp();
        match ownership {
            Ownership::None => {}
            Ownership::Update(manager) => managed::note(kind, None, &mut object, manager, None, &now),
            Ownership::Apply(manager) => managed::note_applied(kind, &sent, &mut object, manager, &now),
        }
        self.begin_status(kind, &mut object);
        pods::complete(self, kind, &mut object)?;
        for hook in self.admission() {
            hook.admit(kind, user, &mut object)?;
        }
        if kind.group.is_empty() && kind.plural == "pods" {
            limits::complete_pod(self, &mut object);
        }
        defaults::apply(kind, &mut object);
        // A name that exists is told before what is wrong with the object only if the object is right, as in a real
        // server; so validation comes first.
        let causes = validate::create(kind, &object);
        if !causes.is_empty() {
            return Err(Status::invalid(kind, &name, &causes));
        }
        limits::check(self, kind, &object)?;
        quota::check(self, kind, None, &object)?;
        if dry_run {
            if self.store().get(&key).is_some() {
                return Err(Status::already_exists(&resource, &name));
            }
            return Ok(Object::new(object));
        }
        Ok(self.store().create(&resource, object)?)
    }

    fn check_namespace(&self, kind: &Kind, name: &str, namespace: &str) -> Result<(), Status> {
        let found = self.store().get(&Key::cluster(&NAMESPACES, namespace));
        let Some(found) = found else { return Err(Status::not_found(&NAMESPACES, namespace)) };
        if found["metadata"]["deletionTimestamp"].is_string() {
            let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
            let mut status = Status::forbidden(&kind.resource(), name, &why);
            if let Some(details) = &mut status.details {
                let message = format!("namespace {namespace} is being terminated");
                details["causes"] =
                    json!([{"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}]);
            }
            return Err(status);
        }
        Ok(())
    }

    /// What an object's status is at first: not what the request says.
    fn begin_status(&self, kind: &Kind, object: &mut Value) {
        if !kind.has("status") || kind.plural == "nodes" {
            return;
        }
        let status = match (kind.group.as_ref(), kind.plural.as_ref()) {
            ("", "pods") => json!({"phase": "Pending", "qosClass": pods::qos_class(object)}),
            ("", "persistentvolumes" | "persistentvolumeclaims") => json!({"phase": "Pending"}),
            ("", "namespaces") => {
                object["spec"]["finalizers"] = json!(["kubernetes"]);
                json!({"phase": "Active"})
            }
            ("", "services") | ("networking.k8s.io", "ingresses") => json!({"loadBalancer": {}}),
            ("apps", "statefulsets") => json!({"replicas": 0, "availableReplicas": 0}),
            ("apps", "replicasets") => json!({"replicas": 0}),
            ("apps", "daemonsets") => {
                json!({"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0})
            }
            ("policy", "poddisruptionbudgets") => {
                json!({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0})
            }
            ("autoscaling", _) => json!({"desiredReplicas": 0, "currentMetrics": null}),
            ("apiextensions.k8s.io", _) => self.established(object),
            _ if kind.schema.is_some() => json!({}),
            _ => Value::Null,
        };
        if status.is_null() {
            defaults::entries(object).shift_remove("status");
        } else {
            object["status"] = status;
        }
    }

    /// A definition's kinds are served from the moment that it is stored.
    fn established(&self, definition: &Value) -> Value {
        let now = self.store().timestamp();
        let condition = |of: &str, reason: &str, message: &str| json!({"type": of, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message});
        let stored: Vec<Value> = definition["spec"]["versions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|version| version["storage"] == true)
            .map(|version| version["name"].clone())
            .collect();
        json!({
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ],
            "acceptedNames": definition["spec"]["names"],
            "storedVersions": stored,
        })
    }
}
