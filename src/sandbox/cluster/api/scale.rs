//! The scale sub-resource: `autoscaling/v1 Scale`.

use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::body::{self, Body};
use super::patch::{self, Form};
use super::request::{Call, Target, object_of};
use super::{Cause, Server, Status, kinds};

fn selector_text(selector: &Value) -> String {
    let mut parts: Vec<String> = Vec::new();
    let labels = if selector["matchLabels"].is_object() { &selector["matchLabels"] } else { selector };
    for (key, value) in labels.as_object().into_iter().flatten() {
        if let Some(value) = value.as_str() {
            parts.push(format!("{key}={value}"));
        }
    }
    parts.sort();
    parts.join(",")
}

fn scale_of(object: &Value) -> Value {
    let mut meta = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        meta[field] = object["metadata"][field].clone();
    }
    let replicas = object["spec"]["replicas"].as_i64().unwrap_or(0);
    let mut spec = json!({});
    if replicas != 0 {
        spec["replicas"] = replicas.into();
    }
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": spec,
        "status": {
            "replicas": object["status"]["replicas"].as_i64().unwrap_or(0),
            "selector": selector_text(&object["spec"]["selector"]),
        },
    })
}

impl Server {
    /// Answers for the scale of an object.
    pub(super) fn scale(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let key = target.key();
        let found = || self.store().get(&key).ok_or_else(|| Status::not_found(&key.resource, &key.name));
        let wanted = match call.method {
            Method::GET => return Ok(body::json(StatusCode::OK, &scale_of(&*found()?))),
            Method::PUT => object_of(call)?,
            Method::PATCH => {
                let media = call.header(http::header::CONTENT_TYPE);
                let sent = body::parse(media, &call.body)?;
                let mut scale = scale_of(&*found()?);
                match Form::of(media) {
                    Some(Form::Json) => patch::json_patch(&mut scale, &sent)?,
                    Some(Form::Merge | Form::Strategic) => patch::merge(&mut scale, &sent),
                    Some(Form::Apply) => return Err(Status::not_implemented("server-side apply of a scale")),
                    None => return Err(Status::unsupported_media(&Form::ACCEPTED)),
                }
                scale
            }
            _ => return Err(Status::no_method()),
        };
        let replicas = match &wanted["spec"]["replicas"] {
            Value::Null => 0,
            value => value.as_i64().and_then(|number| i32::try_from(number).ok()).ok_or_else(|| {
                Status::bad_request("Scale in version \"v1\" cannot be handled as a Scale: spec.replicas is no int32")
            })?,
        };
        if replicas < 0 {
            let scale = kinds::Kind { group: "autoscaling".into(), kind: "Scale".into(), ..target.kind.clone() };
            let cause = Cause::invalid("spec.replicas", &replicas.into(), "must be greater than or equal to 0");
            return Err(Status::invalid(&scale, &key.name, &[cause]));
        }
        let version = wanted["metadata"]["resourceVersion"].clone();
        let plain = Target {
            kind: target.kind.clone(),
            namespace: target.namespace.clone(),
            name: target.name.clone(),
            subresource: None,
        };
        let (made, _) = self.change(call, &plain, true, call.method == Method::PATCH, &|old| {
            let mut new = old.clone();
            new["spec"]["replicas"] = replicas.into();
            if !version.is_null() {
                new["metadata"]["resourceVersion"] = version.clone();
            }
            Ok((new, Vec::new()))
        })?;
        Ok(body::json(StatusCode::OK, &scale_of(&made)))
    }
}
