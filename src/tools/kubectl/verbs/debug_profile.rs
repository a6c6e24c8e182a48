//! The profiles of `kubectl debug`: what a debugging container may do, and what of a Pod goes into its copy.
//! <https://kubernetes.io/docs/reference/kubectl/generated/kubectl_debug/> names them; what each sets is what kubectl 1.33 sends.

use serde_json::{Value, json};

use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::Parsed;

/// Where a debugging container goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Into a Pod of its own on a node.
    Node,
    /// Into a copy of a Pod.
    Copy,
    /// Into a running Pod.
    Ephemeral,
}

/// How much a debugging container may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// What was before there were profiles.
    Legacy,
    /// Looks into other processes.
    General,
    /// What the baseline Pod security standard lets it.
    Baseline,
    /// What the restricted one lets it.
    Restricted,
    /// Changes networks.
    NetworkAdmin,
    /// Everything.
    SystemAdmin,
}

impl Profile {
    /// The profile that `--profile` names.
    ///
    /// # Errors
    /// When there is none of the name.
    pub fn named(name: &str) -> Result<Self, Failure> {
        Ok(match name {
            "legacy" => Self::Legacy,
            "general" => Self::General,
            "baseline" => Self::Baseline,
            "restricted" => Self::Restricted,
            "netadmin" => Self::NetworkAdmin,
            "sysadmin" => Self::SystemAdmin,
            other => return Err(Failure::message(format!("unknown profile: {other}"))),
        })
    }

    /// Sets what the profile says in a Pod's specification for the container of this name.
    pub fn apply(self, style: Style, pod: &mut Value, container: &str, options: &Parsed) {
        if style == Style::Copy && self != Self::Legacy {
            leave_out(pod, options);
            if pod["spec"]["shareProcessNamespace"].is_null() {
                pod["spec"]["shareProcessNamespace"] = json!(true);
            }
        }
        let shares_host = !matches!(self, Self::Baseline | Self::Restricted);
        if style == Style::Node && shares_host {
            for field in ["hostNetwork", "hostPID", "hostIPC"] {
                pod["spec"][field] = json!(true);
            }
        }
        let sees_disk = shares_host && self != Self::NetworkAdmin;
        if style == Style::Node && sees_disk {
            pod["spec"]["volumes"] = json!([{"name": "host-root", "hostPath": {"path": "/"}}]);
        }
        let list = if style == Style::Ephemeral { "ephemeralContainers" } else { "containers" };
        let containers = pod["spec"][list].as_array_mut();
        let Some(own) = containers.into_iter().flatten().find(|one| one["name"] == container) else { return };
        if style == Style::Node && sees_disk {
            own["volumeMounts"] = json!([{"name": "host-root", "mountPath": "/host"}]);
        }
        if let Some(own) = own.as_object_mut().filter(|_| self.begins_anew()) {
            own.shift_remove("securityContext");
        }
        match self {
            Self::Legacy | Self::Baseline => {}
            Self::General if style == Style::Node => {}
            Self::General => add_capabilities(own, &["SYS_PTRACE"]),
            Self::Restricted => {
                own["securityContext"] = json!({
                    "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": true,
                    "seccompProfile": {"type": "RuntimeDefault"},
                });
            }
            Self::NetworkAdmin => add_capabilities(own, &["NET_ADMIN", "NET_RAW"]),
            Self::SystemAdmin => own["securityContext"]["privileged"] = json!(true),
        }
    }

    /// Whether what the container had before does not count.
    fn begins_anew(self) -> bool {
        matches!(self, Self::General | Self::Baseline | Self::Restricted)
    }
}

fn add_capabilities(container: &mut Value, names: &[&str]) {
    let list = &mut container["securityContext"]["capabilities"]["add"];
    if !list.is_array() {
        *list = json!([]);
    }
    if let Some(list) = list.as_array_mut() {
        for name in names {
            if !list.iter().any(|known| known == name) {
                list.push(json!(name));
            }
        }
    }
}

/// Leaves out of a copy what would count it in among what the Pod belongs to, or end it, unless it is to be kept.
fn leave_out(pod: &mut Value, options: &Parsed) {
    if let Some(metadata) = pod["metadata"].as_object_mut().filter(|_| !options.on("keep-annotations")) {
        metadata.shift_remove("annotations");
    }
    for container in pod["spec"]["containers"].as_array_mut().into_iter().flatten() {
        let Some(container) = container.as_object_mut() else { continue };
        for probe in ["liveness", "readiness", "startup"] {
            if !options.on(&format!("keep-{probe}")) {
                container.shift_remove(&format!("{probe}Probe"));
            }
        }
    }
    if let Some(spec) = pod["spec"].as_object_mut().filter(|_| !options.on("keep-init-containers")) {
        spec.shift_remove("initContainers");
    }
}

/// Whether a container gets from its profile what a Pod that is no root's can't use.
pub fn is_in_vain(pod: &Value, container: &Value) -> bool {
    let (whole, own) = (&pod["spec"]["securityContext"]["runAsUser"], &container["securityContext"]);
    let gets = own["privileged"] == true || own["capabilities"]["add"].as_array().is_some_and(|list| !list.is_empty());
    whole.as_i64().is_some_and(|user| user != 0) && own["runAsUser"] != 0 && gets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_opened_as_far_as_the_profile_goes() {
        for (name, host, disk) in [("legacy", true, true), ("netadmin", true, false), ("restricted", false, false)] {
            let mut pod = json!({"spec": {"containers": [{"name": "debugger"}]}});
            Profile::named(name).unwrap().apply(Style::Node, &mut pod, "debugger", &Parsed::default());
            assert_eq!(pod["spec"]["hostPID"] == true, host, "{name}");
            assert_eq!(pod["spec"]["containers"][0]["volumeMounts"].is_array(), disk, "{name}");
        }
        assert!(Profile::named("root").is_err());
    }

    #[test]
    fn what_a_pod_s_user_cannot_use_is_in_vain() {
        let pod = json!({"spec": {"securityContext": {"runAsUser": 1000}}});
        let given = json!({"securityContext": {"capabilities": {"add": ["SYS_PTRACE"]}}});
        assert!(is_in_vain(&pod, &given));
        assert!(!is_in_vain(&json!({}), &given));
        assert!(!is_in_vain(&pod, &json!({"securityContext": {"runAsUser": 0, "privileged": true}})));
        assert!(!is_in_vain(&pod, &json!({})));
    }
}
