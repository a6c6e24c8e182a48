//! Get and list, and the forms in which objects are answered: as they are, as a Table, or as metadata only.

use std::borrow::Cow;

use http::{Response, StatusCode, header};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::body::{self, Body};
use super::kinds::Kind;
use super::request::{Call, Target, number};
use super::selector::Selector;
use super::{Server, Status, convert, table};
use crate::sandbox::cluster::object::{self, resources};
use crate::sandbox::cluster::store::{self, Object};

/// How objects are to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Whole,
    /// As a Table, each row with the object's metadata, the object, or nothing.
    Table(Include),
    /// `PartialObjectMetadata`.
    Metadata,
}

/// What a row of a Table holds of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Include {
    /// Its metadata.
    Metadata,
    /// All of it.
    Object,
    /// Nothing.
    None,
}

impl Form {
    /// Reads the `Accept` header.
    ///
    /// # Errors
    /// 406 when nothing that it accepts can be answered.
    pub fn of(call: &Call) -> Result<Self, Status> {
        let accept = call.header(header::ACCEPT);
        if accept.is_empty() {
            return Ok(Self::Whole);
        }
        for one in accept.split(',') {
            let mut parts = one.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            if !matches!(media, "application/json" | "*/*" | "application/*") {
                continue;
            }
            let params: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
            let param = |name: &str| params.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            match param("as") {
                None => return Ok(Self::Whole),
                Some("Table") if param("v") == Some("v1") => {
                    let include = match call.param("includeObject") {
                        None | Some("Metadata") => Include::Metadata,
                        Some("Object") => Include::Object,
                        Some("None") => Include::None,
                        Some(other) => {
                            let message = format!("unrecognized includeObject value: {other:?}");
                            return Err(Status::bad_request(message));
                        }
                    };
                    return Ok(Self::Table(include));
                }
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => return Ok(Self::Metadata),
                Some(_) => {}
            }
        }
        Err(Status::new(
            406,
            "NotAcceptable",
            "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
        ))
    }
}

/// An object's metadata alone.
pub fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// Where a `continue` token goes on: after this place, in the list as it was at that revision; or as it is by then, where none is told.
struct Continue {
    revision: Option<u64>,
    after: (String, String),
}

impl Continue {
    fn parse(token: &str) -> Option<Self> {
        let bytes = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, token).ok()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        let after = (value["namespace"].as_str()?.to_owned(), value["name"].as_str()?.to_owned());
        Some(Self { revision: value["rv"].as_u64(), after })
    }

    fn write(&self) -> String {
        let (namespace, name) = &self.after;
        let mut token = json!({"v": "meta.k8s.io/v1", "namespace": namespace, "name": name});
        if let Some(revision) = self.revision {
            token["rv"] = revision.into();
        }
        base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, token.to_string())
    }

    /// Says that the list is no longer known as it was, with a token for what is left of it now.
    fn expired(self) -> Response<Body> {
        const WHY: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list \
            without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. \
            Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted \
            between the time the first chunk was returned and now may show up in the list.";
        let mut status = Status::expired(WHY).to_json();
        status["metadata"]["continue"] = Self { revision: None, ..self }.write().into();
        body::json(StatusCode::GONE, &status)
    }
}

/// The warnings that come with each use of a kind.
pub fn deprecation(kind: &Kind) -> Vec<String> {
    match (kind.group.as_ref(), kind.plural.as_ref()) {
        ("", "endpoints") => {
            vec!["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".to_owned()]
        }
        _ => Vec::new(),
    }
}

impl Server {
    /// Answers one object.
    pub(super) fn get(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let form = Form::of(call)?;
        let key = target.key();
        let object = self.store().get(&key).ok_or_else(|| Status::not_found(&key.resource, &key.name))?;
        Ok(self.show(&target.kind, &object, form, StatusCode::OK))
    }

    /// An answer that is one object.
    pub(super) fn show(&self, kind: &Kind, object: &Value, form: Form, code: StatusCode) -> Response<Body> {
        let value = match form {
            Form::Whole => convert::shown(kind, object).into_owned(),
            Form::Metadata => metadata_only(object),
            Form::Table(include) => {
                let version = object["metadata"]["resourceVersion"].clone();
                let mut table = table::render(kind, [object], include, self.clock().now(), true);
                table["metadata"] = json!({"resourceVersion": version});
                table
            }
        };
        let mut response = body::json(code, &value);
        body::warn(response.headers_mut(), &deprecation(kind));
        response
    }

    /// Answers a list.
    pub(super) fn list(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let form = Form::of(call)?;
        let kind = &target.kind;
        let selector = Selector::parse(kind, call.param("labelSelector"), call.param("fieldSelector"))?;
        let limit = number::<usize>(call, "limit")?.filter(|limit| *limit > 0);
        let (mut objects, mut revision) = self.store().list_at(&kind.resource(), target.namespace.as_deref());
        let token = call.param("continue").filter(|token| !token.is_empty());
        let from = match token.map(|token| Continue::parse(token).ok_or(token)) {
            Some(Err(_)) => return Err(Status::bad_request("continue key is not valid")),
            Some(Ok(from)) => Some(from),
            None => None,
        };
        // The pages of a list show one moment.
        if let Some(from) = &from
            && let Some(then) = from.revision
        {
            match self.store().list_as_of(&kind.resource(), target.namespace.as_deref(), then) {
                Ok(known) => (objects, revision) = (known, then),
                Err(store::Gone) => return Ok(Continue { revision: None, after: from.after.clone() }.expired()),
            }
        }
        if let Some(version) = number::<u64>(call, "resourceVersion")?
            && from.is_none()
        {
            self.check_version(call, version, revision)?;
        }
        let mut objects: Vec<Object> = objects.into_iter().filter(|object| selector.matches(object)).collect();
        if let Some(from) = &from {
            objects.retain(|object| place(object) > from.after);
        }
        let mut meta = json!({"resourceVersion": revision.to_string()});
        if let Some(limit) = limit
            && objects.len() > limit
        {
            let left = objects.len() - limit;
            objects.truncate(limit);
            if let Some(last) = objects.last() {
                meta["continue"] = Continue { revision: Some(revision), after: place(last) }.write().into();
            }
            if selector.is_empty() {
                meta["remainingItemCount"] = left.into();
            }
        }
        if kind.resource() == resources::EVENTS {
            // A real Event's name goes on with the moment behind the object's name, so that lists come in the order of time.
            objects.sort_by_cached_key(|event| {
                let version: u64 = object::text(event, "/metadata/resourceVersion").parse().unwrap_or(0);
                let text = |pointer| object::text(event, pointer).to_owned();
                (text("/metadata/namespace"), text("/involvedObject/name"), text("/firstTimestamp"), version)
            });
        }
        let value = match form {
            Form::Whole => {
                // Items of a list come without kind and apiVersion from a real server; clients that need them add them.
                let items = objects.iter().map(|object| {
                    let shown = convert::shown(kind, object);
                    Item { shown, bare: kind.schema.is_some() }
                });
                let list = List {
                    kind: format!("{}List", kind.kind),
                    api_version: kind.api_version(),
                    metadata: meta,
                    items: items.collect(),
                };
                let bytes = serde_json::to_vec(&list).map_err(|error| Status::internal(&error.to_string()))?;
                let mut response = body::json_bytes(StatusCode::OK, bytes);
                body::warn(response.headers_mut(), &deprecation(kind));
                return Ok(response);
            }
            Form::Metadata => {
                let items: Vec<Value> = objects.iter().map(|object| metadata_only(object)).collect();
                json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "items": items})
            }
            Form::Table(include) => {
                let rows = objects.iter().map(|object| &**object);
                let mut table = table::render(kind, rows, include, self.clock().now(), true);
                table["metadata"] = meta;
                table
            }
        };
        let mut response = body::json(StatusCode::OK, &value);
        body::warn(response.headers_mut(), &deprecation(kind));
        Ok(response)
    }

    /// Refuses versions that are still to come; `Exact` ones that are past are known no longer.
    fn check_version(&self, call: &Call, version: u64, revision: u64) -> Result<(), Status> {
        if version > revision {
            let message = format!("Too large resource version: {version}, current: {revision}");
            return Err(Status::new(504, "Timeout", message));
        }
        if call.param("resourceVersionMatch") == Some("Exact") && version != revision {
            let message = format!("The provided resource version {version} is no longer available");
            return Err(Status::expired(message));
        }
        Ok(())
    }
}

/// A list of whole objects.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    kind: String,
    api_version: String,
    metadata: Value,
    items: Vec<Item<'a>>,
}

/// One of them, written as it lies in the store.
struct Item<'a> {
    shown: Cow<'a, Value>,
    /// Without kind and apiVersion.
    bare: bool,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &*self.shown {
            Value::Object(entries) if self.bare => {
                serializer.collect_map(entries.iter().filter(|(key, _)| *key != "kind" && *key != "apiVersion"))
            }
            whole => whole.serialize(serializer),
        }
    }
}

fn place(object: &Value) -> (String, String) {
    let meta = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    (meta("namespace"), meta("name"))
}
