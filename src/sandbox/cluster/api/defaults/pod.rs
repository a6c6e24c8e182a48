//! Pods and Pod templates.

use serde_json::{Value, json};

use super::{each, entries, set};

/// When an image is pulled if nobody says: always for `:latest` or no tag.
pub fn image_pull_policy(image: &str) -> &'static str {
    let (reference, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let tag = reference.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    match (tag, digest) {
        (Some("latest"), _) | (None, None) => "Always",
        _ => "IfNotPresent",
    }
}

/// A Pod: what a template gets, and what only a Pod gets.
pub fn pod(object: &mut Value) {
    pod_spec(&mut object["spec"]);
    let spec = &mut object["spec"];
    set(spec, "enableServiceLinks", true);
    for list in ["containers", "initContainers"] {
        for container in each(spec.get_mut(list)) {
            // What is limited and not requested is requested as much as it is limited.
            let Some(limits) = container["resources"].get("limits").cloned() else { continue };
            let requests = entries(&mut container["resources"]["requests"]);
            for (name, amount) in limits.as_object().into_iter().flatten() {
                requests.entry(name.clone()).or_insert_with(|| amount.clone());
            }
        }
    }
}

/// A Pod's spec, or a template's.
pub fn pod_spec(spec: &mut Value) {
    set(spec, "restartPolicy", "Always");
    set(spec, "dnsPolicy", "ClusterFirst");
    set(spec, "schedulerName", "default-scheduler");
    set(spec, "securityContext", json!({}));
    set(spec, "terminationGracePeriodSeconds", 30);
    let account = match (spec["serviceAccountName"].as_str(), spec["serviceAccount"].as_str()) {
        (Some(name), _) | (None, Some(name)) if !name.is_empty() => Some(name.to_owned()),
        _ => None,
    };
    if let Some(account) = account {
        // The old name of the field is kept in step with the new one.
        spec["serviceAccountName"] = account.clone().into();
        spec["serviceAccount"] = account.into();
    }
    let host_network = spec["hostNetwork"] == true;
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for one in each(spec.get_mut(list)) {
            container(one, host_network);
        }
    }
    for one in each(spec.get_mut("volumes")) {
        volume(one);
    }
}

fn container(container: &mut Value, host_network: bool) {
    set(container, "terminationMessagePath", "/dev/termination-log");
    set(container, "terminationMessagePolicy", "File");
    let policy = image_pull_policy(container["image"].as_str().unwrap_or_default());
    set(container, "imagePullPolicy", policy);
    set(container, "resources", json!({}));
    for port in each(container.get_mut("ports")) {
        set(port, "protocol", "TCP");
        if host_network {
            let same = port["containerPort"].clone();
            set(port, "hostPort", same);
        }
    }
    for variable in each(container.get_mut("env")) {
        if let Some(reference) = variable.get_mut("valueFrom").and_then(|from| from.get_mut("fieldRef")) {
            set(reference, "apiVersion", "v1");
        }
        if let Some(reference) = variable.get_mut("valueFrom").and_then(|from| from.get_mut("resourceFieldRef")) {
            set(reference, "divisor", "0");
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(probe) else { continue };
        set(probe, "timeoutSeconds", 1);
        set(probe, "periodSeconds", 10);
        set(probe, "successThreshold", 1);
        set(probe, "failureThreshold", 3);
        action(probe);
    }
    if let Some(lifecycle) = container.get_mut("lifecycle") {
        for hook in ["postStart", "preStop"] {
            if let Some(hook) = lifecycle.get_mut(hook) {
                action(hook);
            }
        }
    }
}

fn action(action: &mut Value) {
    if let Some(get) = action.get_mut("httpGet") {
        set(get, "path", "/");
        set(get, "scheme", "HTTP");
    }
    if let Some(grpc) = action.get_mut("grpc") {
        set(grpc, "service", "");
    }
}

fn volume(volume: &mut Value) {
    let Some(entries) = volume.as_object() else { return };
    if entries.keys().all(|key| key == "name") {
        volume["emptyDir"] = json!({});
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        let Some(source) = volume.get_mut(source) else { continue };
        set(source, "defaultMode", 420);
        field_versions(source);
        for part in each(source.get_mut("sources")) {
            if let Some(token) = part.get_mut("serviceAccountToken") {
                set(token, "expirationSeconds", 3600);
            }
            if let Some(downward) = part.get_mut("downwardAPI") {
                field_versions(downward);
            }
        }
    }
    if let Some(path) = volume.get_mut("hostPath") {
        set(path, "type", "");
    }
    if let Some(spec) = volume.get_mut("ephemeral").map(|one| &mut one["volumeClaimTemplate"]["spec"]) {
        set(spec, "volumeMode", "Filesystem");
    }
}

fn field_versions(source: &mut Value) {
    for item in each(source.get_mut("items")) {
        if let Some(reference) = item.get_mut("fieldRef") {
            set(reference, "apiVersion", "v1");
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn untagged_and_latest_images_are_always_pulled() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("localhost:5000/nginx", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("public.ecr.aws/x/y:1.2.1", "IfNotPresent"),
            ("nginx@sha256:abc", "IfNotPresent"),
        ] {
            assert_eq!(super::image_pull_policy(image), policy, "{image}");
        }
    }
}
