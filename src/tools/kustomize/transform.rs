//! The changes that go through all objects: namespace, prefix and suffix of names, labels, annotations, replicas, images.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use super::document::is_null;
use super::fields::{self, FieldSpec, Missing, table, visit};
use super::kustomization::{Image, Label, Replica};
use super::resource::{Gvk, Resource};

/// Puts all objects that can be in one into a namespace.
///
/// # Errors
/// When two would then be called the same.
pub(super) fn namespace(resources: &mut [Resource], namespace: &str) -> Result<(), String> {
    if namespace.is_empty() {
        return Ok(());
    }
    let specs = table(fields::NAMESPACE);
    for at in 0..resources.len() {
        let resource = &mut resources[at];
        let gvk = resource.gvk();
        resource.remember();
        if !gvk.is_cluster_scoped() {
            resource.set_meta("namespace", namespace);
        }
        if matches!(gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding")
            && let Some(subjects) = resource.value.get_mut("subjects").and_then(Value::as_array_mut)
        {
            // Other accounts follow when the references to them do.
            let subjects = subjects.iter_mut().filter(|subject| subject["name"] == "default");
            for subject in subjects.filter_map(Value::as_object_mut) {
                subject.insert("namespace".to_owned(), namespace.into());
            }
        }
        for spec in &specs {
            visit(&mut resource.value, &gvk, spec, Missing::Scalar, &mut |value| {
                *value = namespace.into();
                Ok(())
            })?;
        }
        let id = resources[at].id();
        let same: Vec<String> =
            resources.iter().filter(|other| other.id().equals(&id)).map(Resource::described).collect();
        if same.len() != 1 {
            return Err(format!("namespace transformation produces ID conflict: [{}]", same.join(" ")));
        }
    }
    Ok(())
}

/// Kinds whose names are no part of an application's.
fn keeps_its_name(gvk: &Gvk) -> bool {
    gvk.kind == "CustomResourceDefinition"
        || gvk.kind == "Namespace"
        || (gvk.group == "apiregistration.k8s.io" && gvk.kind == "APIService")
}

/// Puts a text ahead of all names.
pub(super) fn prefix(resources: &mut [Resource], prefix: &str) {
    rename(resources, prefix, |name| format!("{prefix}{name}"), |resource| &mut resource.prefixes);
}

/// Puts a text behind all names.
pub(super) fn suffix(resources: &mut [Resource], suffix: &str) {
    rename(resources, suffix, |name| format!("{name}{suffix}"), |resource| &mut resource.suffixes);
}

fn rename(
    resources: &mut [Resource],
    text: &str,
    name: impl Fn(&str) -> String,
    affixes: impl Fn(&mut Resource) -> &mut Vec<String>,
) {
    if text.is_empty() {
        return;
    }
    for resource in resources.iter_mut().filter(|resource| !keeps_its_name(&resource.original_id().gvk)) {
        affixes(resource).push(text.to_owned());
        resource.remember();
        let name = name(resource.name());
        resource.set_meta("name", &name);
    }
}

/// Where labels go that selectors select by.
fn selector_fields() -> Vec<FieldSpec> {
    let mut specs = table(fields::SELECTOR_LABELS);
    specs.extend(table(fields::TEMPLATE_LABELS));
    specs
}

/// Adds the labels of `labels` and `commonLabels`.
///
/// # Errors
/// When a field is none, or is described in two ways.
pub(super) fn labels(
    resources: &mut [Resource],
    labels: &[Label],
    common: Option<&BTreeMap<String, String>>,
) -> Result<(), String> {
    for label in labels {
        let mut specs: Vec<FieldSpec> = label.field_specs.iter().map(super::kustomization::LabelField::spec).collect();
        let more = if label.include_selectors {
            selector_fields()
        } else if label.include_templates {
            table(fields::TEMPLATE_LABELS)
        } else {
            table("metadata/labels +")
        };
        for spec in more {
            match specs.iter().find(|other| other.gvk == spec.gvk && other.path == spec.path) {
                Some(other) if other.create != spec.create => {
                    return Err(format!("conflicting fieldspecs for {} of {}", spec.path, spec.gvk));
                }
                Some(_) => {}
                None => specs.push(spec),
            }
        }
        texts(resources, &label.pairs, &specs)?;
    }
    common.map_or(Ok(()), |common| texts(resources, common, &selector_fields()))
}

/// Adds `commonAnnotations`.
///
/// # Errors
/// When a field is none.
pub(super) fn annotations(
    resources: &mut [Resource],
    annotations: Option<&BTreeMap<String, String>>,
) -> Result<(), String> {
    annotations.map_or(Ok(()), |annotations| texts(resources, annotations, &table(fields::ANNOTATIONS)))
}

fn texts(resources: &mut [Resource], pairs: &BTreeMap<String, String>, specs: &[FieldSpec]) -> Result<(), String> {
    if pairs.is_empty() {
        return Ok(());
    }
    for resource in resources {
        let gvk = resource.gvk();
        for spec in specs {
            visit(&mut resource.value, &gvk, spec, Missing::Map, &mut |value| {
                if is_null(value) {
                    *value = Value::Object(Map::new());
                }
                let entries = value.as_object_mut().ok_or("wrong Node Kind: expected MappingNode")?;
                entries.extend(pairs.iter().map(|(key, text)| (key.clone(), text.clone().into())));
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Sets numbers of replicas.
///
/// # Errors
/// When no object has that name.
pub(super) fn replicas(resources: &mut [Resource], replicas: &[Replica]) -> Result<(), String> {
    let specs = table(fields::REPLICAS);
    for replica in replicas {
        let mut found = false;
        for resource in resources.iter_mut() {
            if !resource.ids().iter().any(|id| id.name == replica.name) {
                continue;
            }
            let gvk = resource.gvk();
            for spec in specs.iter().filter(|spec| gvk.is_selected(&spec.gvk)) {
                found = true;
                visit(&mut resource.value, &gvk, spec, Missing::Scalar, &mut |value| {
                    *value = replica.count.into();
                    Ok(())
                })?;
            }
        }
        if !found {
            let kinds: Vec<String> = specs.iter().map(|spec| spec.gvk.to_string()).collect();
            return Err(format!(
                "resource with name {} does not match a config with the following GVK [{}]",
                replica.name,
                kinds.join(" ")
            ));
        }
    }
    Ok(())
}

/// Changes images.
///
/// # Errors
/// When a name is no regular expression, as which kustomize takes it.
pub(super) fn images(resources: &mut [Resource], images: &[Image]) -> Result<(), String> {
    let specs = table(fields::IMAGES);
    for image in images {
        let pattern = format!("^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$", image.name);
        let pattern = Regex::new(&pattern).map_err(|error| error.to_string())?;
        let change = |text: &str| pattern.is_match(text).then(|| changed(text, image));
        for resource in resources.iter_mut() {
            let gvk = resource.gvk();
            if gvk.kind != "CustomResourceDefinition" {
                containers(&mut resource.value, &change);
            }
            // These are images of containers too, and are changed once more: a suffix comes twice.
            for spec in &specs {
                visit(&mut resource.value, &gvk, spec, Missing::Skip, &mut |value| {
                    if let Some(new) = value.as_str().and_then(change) {
                        *value = new.into();
                    }
                    Ok(())
                })?;
            }
        }
    }
    Ok(())
}

/// Changes the images of all that is under `containers` and `initContainers`, wherever it is.
fn containers(value: &mut Value, change: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                if let ("containers" | "initContainers", Value::Array(items)) = (name.as_str(), &mut *value) {
                    for image in items.iter_mut().filter_map(|item| item.get_mut("image")) {
                        if let Some(new) = image.as_str().and_then(change) {
                            *image = new.into();
                        }
                    }
                }
                containers(value, change);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| containers(item, change)),
        _ => {}
    }
}

/// An image with what is new of it.
fn changed(text: &str, image: &Image) -> String {
    let (name, tag, digest) = split(text);
    let name = if image.new_name.is_empty() { name } else { &image.new_name };
    let (tag, digest) = match (image.new_tag.as_str(), image.digest.as_str()) {
        ("", "") if image.tag_suffix.is_empty() => (tag.to_owned(), digest),
        ("", "") => (format!("{tag}{}", image.tag_suffix), ""),
        (tag, digest) => (tag.to_owned(), digest),
    };
    let mut new = name.to_owned();
    if !tag.is_empty() {
        new.push(':');
        new.push_str(&tag);
    }
    if !digest.is_empty() {
        new.push('@');
        new.push_str(digest);
    }
    new
}

/// Name, tag and digest of an image. A colon ahead of the first slash is a registry's port.
fn split(image: &str) -> (&str, &str, &str) {
    let from = image.find('/').filter(|at| *at > 0).unwrap_or(0);
    let at = |c: char| image[from..].find(c).map(|at| at + from);
    match (at(':'), at('@')) {
        (None, None) => (image, "", ""),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
        (Some(colon), Some(digest)) if colon < digest => {
            (&image[..colon], &image[colon + 1..digest], &image[digest + 1..])
        }
        (_, Some(digest)) => (&image[..digest], "", &image[digest + 1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_split() {
        for (image, parts) in [
            ("nginx", ("nginx", "", "")),
            ("nginx:1", ("nginx", "1", "")),
            ("a:5000/b/c:2@sha256:0", ("a:5000/b/c", "2", "sha256:0")),
            ("a/b@sha256:0", ("a/b", "", "sha256:0")),
        ] {
            assert_eq!(split(image), parts);
        }
    }

    #[test]
    fn a_new_tag_or_digest_takes_the_place_of_both() {
        let image = |tag: &str, digest: &str| Image { new_tag: tag.into(), digest: digest.into(), ..Image::default() };
        assert_eq!(changed("a:1@sha256:0", &image("2", "")), "a:2");
        assert_eq!(changed("a:1", &image("", "sha256:9")), "a@sha256:9");
        assert_eq!(changed("a:1", &Image { new_name: "b/c".into(), ..Image::default() }), "b/c:1");
    }
}
