//! What a request would do to the cluster, looked at instead of done. In a target that is only looked at, requests that
//! would change an object come here: they claim what should be there, read what is, and are answered with that.

mod compare;

use http::Method;
use serde_json::{Value, json};

use super::api::{APPLY, Api, Call, JSON_PATCH};
use super::error::{ApiFailure, Failure};
use super::resources::{Object, Rules, Wanted};
use super::session::Session;
use crate::target::{ApiPath, Claimed, Effects, Field, Subject};

/// When a workload was restarted, as kubectl notes it. It is never as before, and must not be earlier than what the restart is for.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// What a request claims about: the object of that name, or its part.
fn about(path: &ApiPath<'_>, name: &str) -> Subject {
    let name = match path.part {
        "" | "scale" | "status" => name.to_owned(),
        part => format!("{name}/{part}"),
    };
    subject(path.group_resource(), path.namespace.to_owned(), name)
}

fn subject(kind: String, namespace: String, name: String) -> Subject {
    Subject { service: "kubernetes".into(), kind, namespace, name }
}

/// Whether a request changes an object. Questions about rights are asked by creating an object that is not kept.
pub fn changes(method: &Method, path: &str, dry: bool) -> bool {
    let question = ApiPath::of(path).is_some_and(|path| path.is_question());
    !dry && !question && !matches!(*method, Method::GET | Method::HEAD)
}

/// Claims what a changing request would leave; answers what is there.
///
/// # Errors
/// When the cluster cannot be read, or the request is one whose effect cannot be looked at.
pub async fn answer(
    api: &Api,
    effects: &Effects,
    method: &Method,
    path: &str,
    content: Option<(&str, &[u8])>,
) -> Result<Value, Failure> {
    let Some(place) = ApiPath::of(path) else {
        return Err(refuse(effects, subject("path".into(), String::new(), path.into())));
    };
    let body: Value = content.map_or(Value::Null, |(_, bytes)| read(bytes));
    let kind = content.map_or("", |(kind, _)| kind);
    let whole = matches!(place.part, "" | "scale" | "status");
    match *method {
        Method::POST if place.name.is_empty() => {
            let Some(name) = body["metadata"]["name"].as_str().filter(|name| !name.is_empty()) else {
                let generated = body["metadata"]["generateName"].as_str().unwrap_or_default();
                return Err(refuse(effects, about(&place, &format!("{generated}*"))));
            };
            let now = get(api, &format!("{path}/{}", super::api::encode(name))).await?;
            present(effects, about(&place, name), &body, now.as_ref());
            Ok(now.unwrap_or(body))
        }
        Method::PUT | Method::PATCH if whole => {
            let now = get(api, path).await?;
            if kind == JSON_PATCH {
                let fields = now.as_ref().map_or_else(Vec::new, |now| compare::patched(&body, now));
                claim(effects, about(&place, place.name), now.as_ref(), fields);
            } else {
                present(effects, about(&place, place.name), &body, now.as_ref());
            }
            // Server-side apply creates what is not there.
            now.or((kind == APPLY).then_some(body)).ok_or_else(|| not_there(&place))
        }
        Method::DELETE if !place.name.is_empty() && place.part.is_empty() => {
            let found = get(api, path).await?.is_some();
            effects.claim(about(&place, place.name), Claimed::BeAbsent { found }, None);
            Ok(json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
        }
        _ => Err(refuse(effects, about(&place, place.name))),
    }
}

/// Claims that an object is as a manifest says; answers what is there, or the manifest.
///
/// # Errors
/// When the cluster cannot be read.
pub async fn applied(api: &Api, effects: &Effects, object: &Object) -> Result<Value, Failure> {
    let now = get(api, &object.path()).await?;
    present(effects, of_object(object), &object.value, now.as_ref());
    Ok(now.unwrap_or_else(|| object.value.clone()))
}

/// Claims that the objects which a command names, or which its files hold, are not there.
///
/// # Errors
/// When the arguments make no sense, or the cluster cannot be read.
pub async fn deleted(session: &Session, effects: &Effects) -> Result<(), Failure> {
    let absent = |subject: Subject, found: bool| {
        effects.claim(subject, Claimed::BeAbsent { found }, None);
    };
    let api = session.api().await?;
    if session.has_files() {
        for object in session.objects_of_files().await? {
            absent(of_object(&object), get(api, &object.path()).await?.is_some());
        }
        return Ok(());
    }
    let namespace = session.namespace().await?;
    let (wanted, _) =
        session.wanted(&session.options.args, Rules { type_alone: false, selectors: true, ..Rules::default() }).await?;
    for wanted in wanted {
        match wanted {
            Wanted::Named(mapping, name) => {
                let own = if mapping.namespaced { namespace.clone() } else { String::new() };
                let found = get(api, &mapping.path(&own, &name, "")).await?.is_some();
                absent(subject(mapping.group_resource(), own, name), found);
            }
            Wanted::All(mapping) => {
                let scope = session.scope().await?;
                let list = session.list(&session.list_call(&mapping, &scope)).await?;
                let names: Vec<&str> = list["items"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|item| item["metadata"]["name"].as_str())
                    .collect();
                let selector = session.options.text("selector");
                let which = if selector.is_empty() { "(all)" } else { selector };
                let own = if mapping.namespaced { scope.clone() } else { String::new() };
                absent(subject(mapping.group_resource(), own, which.to_owned()), !names.is_empty());
            }
        }
    }
    Ok(())
}

/// A command that would change an object ended because the object is not there: that is what is to be told.
pub fn missing(effects: &Effects, failure: &Failure, namespace: &str) {
    match failure {
        Failure::Api(failure) if failure.is_not_found() => {
            let text = |key: &str| failure.details[key].as_str().unwrap_or_default().to_owned();
            let (kind, group) = (text("kind"), text("group"));
            if kind.is_empty() {
                return;
            }
            let kind = if group.is_empty() { kind } else { format!("{kind}.{group}") };
            claim(effects, subject(kind, namespace.to_owned(), text("name")), None, Vec::new());
        }
        Failure::Many(failures) => failures.iter().for_each(|failure| missing(effects, failure, namespace)),
        _ => {}
    }
}

/// A command that changes objects found them as it would make them: nothing was sent, and they hold.
pub fn unchanged(effects: &Effects, objects: &[Subject]) {
    for subject in objects {
        effects.claim(subject.clone(), Claimed::BePresent { found: true, fields: Vec::new() }, None);
    }
}

/// What cannot be looked at is not done either.
pub fn refuse(effects: &Effects, subject: Subject) -> Failure {
    let why = "what it leaves cannot be looked at".to_owned();
    let failure = Failure::message(format!("{subject}: not done: here is only looked at what is there"));
    effects.claim(subject, Claimed::NotTell { why }, None);
    failure
}

/// A Pod as the subject of a claim.
pub fn pod(namespace: &str, name: &str) -> Subject {
    subject("pods".into(), namespace.to_owned(), name.to_owned())
}

/// Something in a container, as the subject of a claim.
pub fn in_container(path: &str) -> Subject {
    match ApiPath::of(path) {
        Some(place) => about(&place, place.name),
        None => subject("path".into(), String::new(), path.to_owned()),
    }
}

/// An object as the subject of a claim.
pub fn of_object(object: &Object) -> Subject {
    let namespace = if object.mapping.namespaced { object.namespace.clone() } else { String::new() };
    subject(object.mapping.group_resource(), namespace, object.name.clone())
}

async fn get(api: &Api, path: &str) -> Result<Option<Value>, Failure> {
    match api.value(&Call::get(path)).await {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn read(bytes: &[u8]) -> Value {
    // A server-side apply is YAML, of which JSON is a part; kubectl and we send JSON.
    serde_json::from_slice(bytes).unwrap_or(Value::Null)
}

fn present(effects: &Effects, subject: Subject, wanted: &Value, now: Option<&Value>) {
    let fields = now.map_or_else(Vec::new, |now| compare::fields(wanted, now));
    claim(effects, subject, now, fields);
}

fn claim(effects: &Effects, subject: Subject, now: Option<&Value>, fields: Vec<Field>) {
    let restarted = fields.iter().find(|field| field.path.contains(RESTARTED)).map(|field| field.found.clone());
    // An object that only was changed may be older than the lesson: its age tells nothing of the change.
    let time = match restarted {
        Some(found) => found,
        None => now.map(|now| now["metadata"]["creationTimestamp"].clone()),
    };
    let since = time.and_then(|time| time.as_str()?.parse().ok());
    effects.claim(subject, Claimed::BePresent { found: now.is_some(), fields }, since);
}

fn not_there(place: &ApiPath<'_>) -> Failure {
    let subject = about(place, place.name);
    ApiFailure {
        code: 404,
        reason: "NotFound".into(),
        message: format!("{} \"{}\" not found", subject.kind, place.name),
        details: Value::Null,
    }
    .into()
}
