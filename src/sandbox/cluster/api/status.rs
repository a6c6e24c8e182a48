//! The server's errors, in its own words: `meta/v1 Status`.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::kinds::Kind;
use crate::sandbox::cluster::store::{GroupResource, StoreError};

/// An error as the server answers it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// The HTTP status.
    pub code: u16,
    /// The reason as one word: `NotFound`.
    pub reason: &'static str,
    /// What a person reads.
    pub message: String,
    /// What the error is about: `{"name", "group", "kind", "causes"}`.
    pub details: Option<Value>,
}

/// One thing that is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueInvalid`, `FieldValueRequired`, …
    pub reason: &'static str,
    /// The path of the field: `spec.template.spec.containers[0].image`.
    pub field: String,
    /// What is wrong, without the path.
    pub message: String,
}

impl Cause {
    /// A value that is not allowed. `value` is shown as JSON.
    pub fn invalid(field: impl Into<String>, value: &Value, message: &str) -> Self {
        let message = format!("Invalid value: {value}: {message}");
        Self { reason: "FieldValueInvalid", field: field.into(), message }
    }

    /// A value that is missing.
    pub fn required(field: impl Into<String>, message: &str) -> Self {
        let message =
            if message.is_empty() { "Required value".to_owned() } else { format!("Required value: {message}") };
        Self { reason: "FieldValueRequired", field: field.into(), message }
    }

    /// A value that is not one of those there are.
    pub fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let known: Vec<String> = supported.iter().map(|one| format!("{one:?}")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", known.join(", "));
        Self { reason: "FieldValueNotSupported", field: field.into(), message }
    }

    /// A value that there is twice.
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self { reason: "FieldValueDuplicate", field: field.into(), message: format!("Duplicate value: {value}") }
    }

    /// A field that may not be set or not be changed.
    pub fn forbidden(field: impl Into<String>, message: &str) -> Self {
        Self { reason: "FieldValueForbidden", field: field.into(), message: format!("Forbidden: {message}") }
    }
}

fn details(resource: &GroupResource, name: &str) -> Value {
    let mut details = Map::new();
    if !name.is_empty() {
        details.insert("name".into(), name.into());
    }
    if !resource.group.is_empty() {
        details.insert("group".into(), resource.group.as_ref().into());
    }
    details.insert("kind".into(), resource.resource.as_ref().into());
    Value::Object(details)
}

impl Status {
    /// An error of any kind.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    /// The request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// Nobody knows who calls.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// The answer that says it.
    pub fn response(&self) -> http::Response<super::body::Body> {
        super::body::error(self)
    }

    /// There is no such object.
    pub fn not_found(resource: &GroupResource, name: &str) -> Self {
        let message = format!("{resource} \"{name}\" not found");
        Self { details: Some(details(resource, name)), ..Self::new(404, "NotFound", message) }
    }

    /// There is no such path or resource.
    pub fn no_resource() -> Self {
        let message = "the server could not find the requested resource";
        Self { details: Some(json!({})), ..Self::new(404, "NotFound", message) }
    }

    /// The resource knows no such verb.
    pub fn no_method() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self { details: Some(json!({})), ..Self::new(405, "MethodNotAllowed", message) }
    }

    /// There is an object of that name.
    pub fn already_exists(resource: &GroupResource, name: &str) -> Self {
        let message = format!("{resource} \"{name}\" already exists");
        Self { details: Some(details(resource, name)), ..Self::new(409, "AlreadyExists", message) }
    }

    /// The object is another than the caller thinks.
    pub fn conflict(resource: &GroupResource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
        Self { details: Some(details(resource, name)), ..Self::new(409, "Conflict", message) }
    }

    /// The object has changed since the caller read it.
    pub fn modified(resource: &GroupResource, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    /// The caller may not.
    pub fn forbidden(resource: &GroupResource, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} \"{name}\" is forbidden: {why}")
        };
        Self { details: Some(details(resource, name)), ..Self::new(403, "Forbidden", message) }
    }

    /// The object is wrong.
    pub fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        let qualified = match kind.group.as_ref() {
            "" => kind.kind.to_string(),
            group => format!("{}.{group}", kind.kind),
        };
        let mut texts: Vec<String> = Vec::new();
        for cause in causes {
            let text = format!("{}: {}", cause.field, cause.message);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let what = if texts.len() == 1 { texts.remove(0) } else { format!("[{}]", texts.join(", ")) };
        let causes: Vec<Value> = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        let mut details = json!({"name": name});
        if !kind.group.is_empty() {
            details["group"] = kind.group.as_ref().into();
        }
        details["kind"] = kind.kind.as_ref().into();
        details["causes"] = causes.into();
        let message = format!("{qualified} \"{name}\" is invalid: {what}");
        Self { details: Some(details), ..Self::new(422, "Invalid", message) }
    }

    /// The body is in a form that the server does not read.
    pub fn unsupported_media(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self { details: Some(json!({})), ..Self::new(415, "UnsupportedMediaType", message) }
    }

    /// What was asked for is known no longer.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// Something inside went wrong.
    pub fn internal(why: &str) -> Self {
        let message = format!("Internal error occurred: {why}");
        let details = Some(json!({"causes": [{"message": why}]}));
        Self { details, ..Self::new(500, "InternalError", message) }
    }

    /// Says that this part of the API is not there, rather than doing half of it.
    pub fn not_implemented(what: &str) -> Self {
        Self::new(501, "NotImplemented", format!("the sandbox's API server does not implement {what}"))
    }

    /// As JSON.
    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason,
        });
        if let Some(details) = &self.details {
            body["details"] = details.clone();
        }
        body["code"] = self.code.into();
        body
    }

    pub(super) fn http(&self) -> StatusCode {
        StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::AlreadyExists(key) => Self::already_exists(&key.resource, &key.name),
            StoreError::NotFound(key) => Self::not_found(&key.resource, &key.name),
            StoreError::Conflict(key) => Self::modified(&key.resource, &key.name),
            StoreError::NoName => Self::bad_request(error.to_string()),
        }
    }
}
