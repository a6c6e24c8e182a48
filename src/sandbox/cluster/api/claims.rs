//! What the server does for claims of storage beyond their fields' defaults.

use serde_json::Value;

use super::pods::push;
use super::{Quantity, Server, Status};
use crate::sandbox::cluster::object::resources;
use crate::sandbox::cluster::store::{GroupResource, Key};

/// Adds the finalizer that keeps storage while it is used.
pub fn protect(object: &mut Value, finalizer: &str) {
    let finalizers = &mut object["metadata"]["finalizers"];
    if !finalizers.as_array().is_some_and(|list| list.iter().any(|one| one == finalizer)) {
        push(finalizers, finalizer.into());
    }
}

/// A claim that names no class gets the default one.
pub fn complete(server: &Server, claim: &mut Value) {
    protect(claim, "kubernetes.io/pvc-protection");
    if !claim["spec"]["storageClassName"].is_null() {
        return;
    }
    let classes = server.store().list(&GroupResource::of("storage.k8s.io", "storageclasses"), None);
    let default = classes
        .iter()
        .find(|class| class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true");
    if let Some(class) = default {
        claim["spec"]["storageClassName"] = class["metadata"]["name"].clone();
    }
}

/// Whether a claim may ask for more than before: its class says so.
///
/// # Errors
/// 403 in the admission plugin's words.
pub fn check_growth(server: &Server, old: &Value, new: &Value) -> Result<(), Status> {
    let wanted = |claim: &Value| claim["spec"]["resources"]["requests"]["storage"].as_str()?.parse::<Quantity>().ok();
    if wanted(new).zip(wanted(old)).is_none_or(|(new, old)| new <= old) {
        return Ok(());
    }
    let name = new["metadata"]["name"].as_str().unwrap_or_default();
    let forbidden = |why: &str| Err(Status::forbidden(&resources::CLAIMS, name, why));
    if old["status"]["phase"] != "Bound" {
        return forbidden("Only bound persistent volume claims can be expanded");
    }
    let class = old["spec"]["storageClassName"].as_str().unwrap_or_default();
    let found = server.store().get(&Key::cluster(&resources::STORAGE_CLASSES, class));
    if found.is_some_and(|class| class["allowVolumeExpansion"] == true) {
        return Ok(());
    }
    forbidden(
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
    )
}
