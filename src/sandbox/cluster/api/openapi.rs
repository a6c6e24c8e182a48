//! `/openapi/v3`: the kinds of each group and version, their paths and types, as far as clients use them: kubectl's
//! `explain`, its question whether the server checks fields, and how its `apply` merges lists.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::body::{self, Body};
use super::kinds::{self, DEFINITIONS, Kind};
use super::patch::Form as PatchForm;
use super::request::Call;
use super::schema::{List, Type};
use super::{Server, Status, descriptions};
use crate::sandbox::cluster::object;
use crate::sandbox::cluster::store::Object;

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";

/// The name of a type in the document: `io.k8s.api.core.v1.Pod`.
fn component(of: &str) -> String {
    match of.split('.').next() {
        Some("meta" | "version") => format!("io.k8s.apimachinery.pkg.apis.{of}"),
        Some("apiextensions") => format!("io.k8s.apiextensions-apiserver.pkg.apis.{of}"),
        Some("apiregistration") => format!("io.k8s.kube-aggregator.pkg.apis.{of}"),
        _ => format!("io.k8s.api.{of}"),
    }
}

fn reference(name: &str) -> Value {
    json!({"allOf": [{"$ref": format!("#/components/schemas/{name}")}]})
}

fn describe(schema: &mut Value, text: String) {
    if !text.is_empty() {
        schema["description"] = text.into();
    }
}

/// What a document holds.
#[derive(Default)]
struct Document {
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    wanted: BTreeSet<&'static str>,
}

impl Document {
    /// The schema of a value.
    fn value(&mut self, of: Type) -> Value {
        if let Some(item) = of.item() {
            return json!({"type": "array", "items": self.value(item)});
        }
        if let Some(item) = of.values() {
            return json!({"type": "object", "additionalProperties": self.value(item)});
        }
        match of.name() {
            "string" => json!({"type": "string"}),
            "bool" => json!({"type": "boolean"}),
            "int32" => json!({"type": "integer", "format": "int32"}),
            "int64" => json!({"type": "integer", "format": "int64"}),
            "float64" => json!({"type": "number", "format": "double"}),
            "time" => json!({"type": "string", "format": "date-time"}),
            "bytes" => json!({"type": "string", "format": "byte"}),
            "any" => json!({"type": "object"}),
            "quantity" => {
                self.schemas.insert(QUANTITY.into(), json!({"oneOf": [{"type": "string"}, {"type": "number"}]}));
                reference(QUANTITY)
            }
            "int-or-string" => {
                let schema = json!({"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"});
                self.schemas.insert(INT_OR_STRING.into(), schema);
                reference(INT_OR_STRING)
            }
            name => {
                self.wanted.insert(name);
                reference(&component(name))
            }
        }
    }

    /// The schema of a struct.
    fn structure(&mut self, of: &'static str) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for (name, field) in Type::named(of).fields() {
            let mut schema = self.value(field.of);
            if field.of.item().is_some() {
                let how = match field.listed {
                    List::Atomic => "atomic",
                    List::Set => "set",
                    List::Map(keys) => {
                        schema["x-kubernetes-list-map-keys"] = keys.split(',').collect();
                        "map"
                    }
                };
                schema["x-kubernetes-list-type"] = how.into();
            } else if field.atomic {
                schema["x-kubernetes-map-type"] = "atomic".into();
            }
            if let Some(key) = field.patch {
                if key != "." {
                    schema["x-kubernetes-patch-merge-key"] = key.into();
                }
                let strategy = if field.retain { "merge,retainKeys" } else { "merge" };
                schema["x-kubernetes-patch-strategy"] = strategy.into();
            } else if field.retain {
                schema["x-kubernetes-patch-strategy"] = "retainKeys".into();
            }
            if field.required {
                required.push(Value::from(name));
            }
            let values = descriptions::values_of(of, name);
            let mut text = descriptions::of_field(of, name);
            if !values.is_empty() {
                schema["enum"] = values.into();
                text.push_str("\n\nPossible enum values:");
                text.extend(values.iter().map(|value| format!("\n - `{value:?}`")));
            }
            describe(&mut schema, text);
            properties.insert(name.into(), schema);
        }
        let mut schema = json!({"type": "object", "properties": properties});
        describe(&mut schema, descriptions::of_type(of));
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        schema
    }

    /// Adds the types that others name until none is missing.
    fn close(&mut self) {
        while let Some(of) = self.wanted.pop_first() {
            let name = component(of);
            if !self.schemas.contains_key(&name) {
                // It may name itself.
                self.schemas.insert(name.clone(), Value::Null);
                let schema = self.structure(of);
                let held = self.schemas.entry(name).or_insert(Value::Null);
                *held = schema;
            }
        }
    }

    /// Adds a kind: its paths and its type.
    fn kind(&mut self, kind: &Kind, definition: Option<&Value>) {
        let gvk = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
        let name = match kind.schema {
            Some(of) => {
                let mut schema = self.structure(of);
                schema["x-kubernetes-group-version-kind"] = json!([gvk]);
                self.schemas.insert(component(of), schema);
                component(of)
            }
            None => {
                let reversed: Vec<&str> = kind.group.rsplit('.').collect();
                let name = format!("{}.{}.{}", reversed.join("."), kind.version, kind.kind);
                let mut schema = definition.cloned().unwrap_or_else(|| json!({"type": "object"}));
                // The three that every kind has are described as anywhere.
                let text = |field: &str| descriptions::of_field("core.v1.Pod", field);
                for field in ["apiVersion", "kind"] {
                    schema["properties"][field] = json!({"type": "string", "description": text(field)});
                }
                let mut metadata = self.value(Type::named("meta.v1.ObjectMeta"));
                describe(&mut metadata, text("metadata"));
                schema["properties"]["metadata"] = metadata;
                schema["x-kubernetes-group-version-kind"] = json!([gvk]);
                self.schemas.insert(name.clone(), schema);
                name
            }
        };
        let root = if kind.group.is_empty() { "/api/v1".into() } else { format!("/apis/{}", kind.api_version()) };
        let place = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let body = |media: &[&str]| {
            let of = |media: &&str| ((*media).to_owned(), json!({"schema": reference(&name)}));
            json!({"content": Value::Object(media.iter().map(of).collect())})
        };
        let operation = |action: &str, parameters: &[&str], sends: Option<Value>| {
            let of = |name: &&str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
            let mut operation = json!({
                "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk,
                "parameters": parameters.iter().map(of).collect::<Vec<_>>(),
                "responses": {"200": body(&["application/json"])},
            });
            if let Some(sends) = sends {
                operation["requestBody"] = sends;
            }
            operation
        };
        let changes = ["dryRun", "fieldManager", "fieldValidation"];
        let whole = || Some(body(&["application/json", "application/yaml", super::wire::MEDIA]));
        let collection = format!("{root}{place}/{}", kind.plural);
        if !kind.stored {
            self.paths.insert(collection, json!({"post": operation("post", &changes, whole())}));
            return;
        }
        let mut all = json!({
            "get": operation("list", &["fieldSelector", "labelSelector", "limit", "continue", "watch"], None),
            "post": operation("post", &changes, whole()),
        });
        if kind.verbs().contains(&"deletecollection") {
            all["delete"] = operation("deletecollection", &["fieldSelector", "labelSelector"], None);
        }
        let forms: Vec<&str> = PatchForm::ACCEPTED
            .into_iter()
            .filter(|form| kind.schema.is_some() || !form.contains("strategic"))
            .collect();
        let one = json!({
            "get": operation("get", &[], None),
            "put": operation("put", &changes, whole()),
            "patch": operation("patch", &["dryRun", "fieldManager", "fieldValidation", "force"], Some(body(&forms))),
            "delete": operation("delete", &["dryRun", "gracePeriodSeconds", "propagationPolicy"], None),
        });
        self.paths.insert(format!("{collection}/{{name}}"), one);
        self.paths.insert(collection, all);
    }
}

/// The second version of the document in protocol buffers, with nothing but its head: `swagger: "2.0"`, and the title and
/// version of its `info`. Clients that ask for it look up types that the third version lacks, and find none here either.
const SECOND: &[u8] = b"\x0a\x032.0\x12\x12\x0a\x0aKubernetes\x12\x04v1.0";

impl Server {
    /// Answers `/openapi/v2`.
    pub(super) fn openapi_v2() -> Response<Body> {
        let mut response = Response::new(body::full(Bytes::from_static(SECOND)));
        let kind = HeaderValue::from_static("application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }

    /// Answers below `/openapi/v3`. A document's address in the index changes with its content, so that clients may keep
    /// what they got at it.
    pub(super) fn openapi(&self, call: &Call) -> Result<Response<Body>, Status> {
        let kinds = kinds::all(self.store());
        let definitions = self.store().list(&DEFINITIONS, None);
        let root = |kind: &Kind| match kind.group.as_ref() {
            "" => format!("api/{}", kind.version),
            _ => format!("apis/{}", kind.api_version()),
        };
        let hash = |root: &str| {
            let version = |definition: &Object| object::text(definition, "/metadata/resourceVersion").to_owned();
            let group = root.split('/').nth(1).unwrap_or_default();
            let custom = definitions.iter().filter(|definition| definition["spec"]["group"] == group).map(version);
            let custom: Vec<String> = custom.collect();
            object::digest(&[env!("CARGO_PKG_VERSION"), &self.config().git_version, root, &custom.join(",")])
                .to_uppercase()
        };
        let wanted = call.path.trim_start_matches("/openapi/v3").trim_matches('/');
        if wanted.is_empty() {
            let mut paths = Map::new();
            for kind in &kinds {
                let root = root(kind);
                if !paths.contains_key(&root) {
                    let address = format!("/openapi/v3/{root}?hash={}", hash(&root));
                    paths.insert(root, json!({"serverRelativeURL": address}));
                }
            }
            return Ok(body::json(StatusCode::OK, &json!({"paths": paths})));
        }
        let mut document = Document::default();
        for kind in kinds.iter().filter(|kind| root(kind) == wanted) {
            let versions = definitions
                .iter()
                .filter(|definition| {
                    definition["spec"]["group"] == kind.group.as_ref()
                        && definition["spec"]["names"]["kind"] == kind.kind.as_ref()
                })
                .flat_map(|definition| definition["spec"]["versions"].as_array().into_iter().flatten());
            let schema = versions
                .filter(|version| version["name"] == kind.version.as_ref())
                .map(|version| &version["schema"]["openAPIV3Schema"])
                .find(|schema| schema.is_object());
            document.kind(kind, schema);
        }
        if document.paths.is_empty() {
            return Err(Status::no_resource());
        }
        document.close();
        let whole = json!({
            "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": self.git_version()},
            "paths": document.paths, "components": {"schemas": document.schemas},
        });
        let mut response = body::json(StatusCode::OK, &whole);
        if call.param("hash") == Some(&hash(wanted)) {
            // A year from now by the clock of those who keep it, which is not the session's.
            let year = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(365 * 24);
            let expires = year.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
            headers.insert(header::VARY, HeaderValue::from_static("Accept"));
            if let Ok(expires) = expires.parse() {
                headers.insert(header::EXPIRES, expires);
            }
        }
        Ok(response)
    }
}
