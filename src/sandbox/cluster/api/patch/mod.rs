//! The patches that a server takes, as functions on objects.

mod strategic;

use serde_json::Value;

use super::schema::Type;
use super::status::Status;

/// How a patch is to be read: its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own: lists are merged by keys of their items.
    Strategic,
    /// Server-side apply.
    Apply,
}

impl Form {
    /// The media types of patches, as the server lists them.
    pub const ACCEPTED: [&'static str; 4] = [
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    ];

    /// The form of a media type.
    pub fn of(media: &str) -> Option<Self> {
        match media.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            "application/apply-patch+yaml" => Some(Self::Apply),
            _ => None,
        }
    }
}

/// Applies a JSON patch.
///
/// # Errors
/// 400 when it is none, 422 when it does not apply.
pub fn json_patch(object: &mut Value, patch: &Value) -> Result<(), Status> {
    let patch: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    // A real server does not say which operation failed either.
    json_patch::patch(object, &patch)
        .map_err(|_| Status::new(422, "Invalid", "the server rejected our request due to an error in our request"))
}

/// Applies a merge patch: objects are merged, anything else replaced, null takes away.
pub fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(serde_json::Map::new());
    }
    let Value::Object(entries) = object else { return };
    for (key, change) in changes {
        if change.is_null() {
            entries.shift_remove(key);
        } else {
            merge(entries.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

/// Applies a strategic merge patch to an object of a built-in type.
///
/// # Errors
/// 400 or 422 when its directives are wrong, or items lack the key that they are merged by.
pub fn strategic(object: &mut Value, patch: &Value, of: Type) -> Result<(), Status> {
    let Value::Object(changes) = patch else {
        return Err(Status::bad_request("json: cannot unmarshal the patch into a map"));
    };
    let Value::Object(entries) = object else { return Ok(()) };
    strategic::merge_object(entries, changes, Some(of))
}

#[cfg(test)]
mod tests;
