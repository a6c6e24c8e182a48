//! What a container sees as its environment.
//! <https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/>

use std::collections::HashMap;

use base64::Engine as _;
use serde_json::Value;

use super::super::controllers::control::Control;
use super::super::object::{self, resources};

/// The variables of a container in the order in which a process would list them.
pub type Environment = Vec<(String, String)>;

/// Resolves a container's environment: what the image sets, `envFrom`, `env`, and the Services of the namespace.
///
/// # Errors
/// The kubelet's message for what is missing.
pub fn resolve(control: &Control, pod: &Value, container: &Value, ip: &str) -> Result<Environment, String> {
    let mut variables = Variables::default();
    variables.set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into());
    variables.set("HOSTNAME", object::text(pod, "/spec/hostname").to_owned());
    if variables.get("HOSTNAME").is_some_and(str::is_empty) {
        variables.set("HOSTNAME", object::name(pod).to_owned());
    }
    let namespace = object::namespace(pod);
    for source in object::list(container, "/envFrom") {
        let prefix = object::text(source, "/prefix");
        let (reference, resource, word) = match source.get("configMapRef") {
            Some(reference) => (reference, resources::CONFIG_MAPS, "configmap"),
            None => (&source["secretRef"], resources::SECRETS, "secret"),
        };
        let name = object::text(reference, "/name");
        match control.get(&resource, namespace, name) {
            Some(found) => {
                let mut entries: Vec<(String, String)> = entries(&found, word == "secret");
                entries.sort();
                for (key, value) in entries {
                    variables.set(&format!("{prefix}{key}"), value);
                }
            }
            None if reference["optional"] == true => {}
            None => return Err(format!("{word} \"{name}\" not found")),
        }
    }
    // What `$(NAME)` may refer to: what was declared above it.
    for variable in object::list(container, "/env") {
        let name = object::text(variable, "/name");
        let value = match variable.get("valueFrom").filter(|from| !from.is_null()) {
            None => Some(expand(object::text(variable, "/value"), &variables)),
            Some(from) => referred(control, pod, container, from, ip)?,
        };
        if let Some(value) = value {
            variables.declare(name, value);
        }
    }
    services(control, pod, &mut variables);
    if variables.get("HOME").is_none() {
        let user = object::number(container, "/securityContext/runAsUser")
            .or_else(|| object::number(pod, "/spec/securityContext/runAsUser"));
        variables.set("HOME", if user.unwrap_or(0) == 0 { "/root".into() } else { "/".into() });
    }
    Ok(variables.list)
}

#[derive(Default)]
struct Variables {
    list: Environment,
    at: HashMap<String, usize>,
}

impl Variables {
    fn get(&self, name: &str) -> Option<&str> {
        self.at.get(name).map(|at| self.list[*at].1.as_str())
    }

    fn set(&mut self, name: &str, value: String) {
        if let Some(at) = self.at.get(name) {
            self.list[*at].1 = value;
        } else {
            self.at.insert(name.to_owned(), self.list.len());
            self.list.push((name.to_owned(), value));
        }
    }

    /// Sets a variable that takes the place of one that came from elsewhere, in its own order.
    fn declare(&mut self, name: &str, value: String) {
        if let Some(at) = self.at.remove(name) {
            self.list.remove(at);
            self.at = self.list.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect();
        }
        self.set(name, value);
    }
}

/// The data of a ConfigMap or Secret as text.
pub(super) fn entries(found: &Value, encoded: bool) -> Vec<(String, String)> {
    let data = found["data"].as_object();
    let decode = |text: &str| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    data.into_iter()
        .flatten()
        .map(|(key, value)| {
            let text = value.as_str().unwrap_or_default();
            (key.clone(), if encoded { decode(text) } else { text.to_owned() })
        })
        .collect()
}

fn referred(
    control: &Control,
    pod: &Value,
    container: &Value,
    from: &Value,
    ip: &str,
) -> Result<Option<String>, String> {
    if let Some(field) = from.get("fieldRef") {
        return Ok(Some(field_of(pod, object::text(field, "/fieldPath"), ip)));
    }
    if let Some(field) = from.get("resourceFieldRef") {
        let path = object::text(field, "/resource").replace('.', "/");
        let amount = object::text(&container["resources"], &format!("/{path}"));
        let thousandths = super::super::controllers::scheduler::quantity(amount);
        return Ok(Some((thousandths.saturating_add(999) / 1000).to_string()));
    }
    let (reference, resource, word) = match from.get("configMapKeyRef") {
        Some(reference) => (reference, resources::CONFIG_MAPS, "configmap"),
        None => (&from["secretKeyRef"], resources::SECRETS, "secret"),
    };
    let (name, key) = (object::text(reference, "/name"), object::text(reference, "/key"));
    let optional = reference["optional"] == true;
    let namespace = object::namespace(pod);
    let Some(found) = control.get(&resource, namespace, name) else {
        return if optional { Ok(None) } else { Err(format!("{word} \"{name}\" not found")) };
    };
    let value = entries(&found, word == "secret").into_iter().find(|(known, _)| known == key);
    match value {
        Some((_, value)) => Ok(Some(value)),
        None if optional => Ok(None),
        None => {
            let word = if word == "secret" { "Secret" } else { "ConfigMap" };
            Err(format!("couldn't find key {key} in {word} {namespace}/{name}"))
        }
    }
}

fn field_of(pod: &Value, path: &str, ip: &str) -> String {
    let inner = |prefix: &str| path.strip_prefix(prefix).and_then(|rest| rest.strip_suffix("']"));
    if let Some(key) = inner("metadata.labels['") {
        return pod["metadata"]["labels"][key].as_str().unwrap_or_default().to_owned();
    }
    if let Some(key) = inner("metadata.annotations['") {
        return object::annotation(pod, key).to_owned();
    }
    match path {
        "status.podIP" | "status.podIPs" => ip.to_owned(),
        "status.hostIP" | "status.hostIPs" => object::text(pod, "/status/hostIP").to_owned(),
        "spec.serviceAccountName" => object::text(pod, "/spec/serviceAccountName").to_owned(),
        other => object::text(pod, &format!("/{}", other.replace('.', "/"))).to_owned(),
    }
}

/// Replaces `$(NAME)` by what is known; `$$` is one `$`, and what is not known stays.
fn expand(text: &str, variables: &Variables) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        if let Some(after) = tail.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((name, after)) = tail.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match variables.get(name) {
                Some(value) => expanded.push_str(value),
                None => expanded.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            expanded.push('$');
            rest = tail;
        }
    }
    expanded.push_str(rest);
    expanded
}

/// The variables that tell of the cluster's own Service and of those in the namespace.
fn services(control: &Control, pod: &Value, variables: &mut Variables) {
    let mut known = control.store.list(&resources::SERVICES, Some("default"));
    known.retain(|service| object::name(service) == "kubernetes");
    if pod["spec"]["enableServiceLinks"] != false {
        known.extend(control.store.list(&resources::SERVICES, Some(object::namespace(pod))));
    }
    for service in known {
        let ip = object::text(&service, "/spec/clusterIP");
        if ip.is_empty() || ip == "None" {
            continue;
        }
        let prefix = object::name(&service).to_uppercase().replace('-', "_");
        let ports = object::list(&service, "/spec/ports");
        let Some(first) = ports.first() else { continue };
        let mut put = |name: String, value: String| {
            if variables.get(&name).is_none() {
                variables.set(&name, value);
            }
        };
        let number = |port: &Value| port["port"].as_i64().unwrap_or(0);
        let protocol = |port: &Value| port["protocol"].as_str().unwrap_or("TCP").to_owned();
        put(format!("{prefix}_SERVICE_HOST"), ip.to_owned());
        put(format!("{prefix}_SERVICE_PORT"), number(first).to_string());
        for port in ports {
            let name = object::text(port, "/name").to_uppercase().replace('-', "_");
            if !name.is_empty() {
                put(format!("{prefix}_SERVICE_PORT_{name}"), number(port).to_string());
            }
        }
        put(format!("{prefix}_PORT"), format!("{}://{ip}:{}", protocol(first).to_lowercase(), number(first)));
        for port in ports {
            let (number, protocol) = (number(port), protocol(port));
            let start = format!("{prefix}_PORT_{number}_{protocol}");
            put(start.clone(), format!("{}://{ip}:{number}", protocol.to_lowercase()));
            put(format!("{start}_PROTO"), protocol.to_lowercase());
            put(format!("{start}_PORT"), number.to_string());
            put(format!("{start}_ADDR"), ip.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_between_variables() {
        let mut variables = Variables::default();
        variables.set("A", "1".into());
        for (text, expected) in
            [("x$(A)y", "x1y"), ("$(B)", "$(B)"), ("$$(A)", "$(A)"), ("a$", "a$"), ("$(A", "$(A"), ("$x", "$x")]
        {
            assert_eq!(expand(text, &variables), expected);
        }
    }

    #[test]
    fn a_declared_variable_stands_in_its_own_place() {
        let mut variables = Variables::default();
        for name in ["A", "B", "C"] {
            variables.set(name, "from".into());
        }
        variables.declare("D", "own".into());
        variables.declare("A", "own".into());
        let names: Vec<&str> = variables.list.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["B", "C", "D", "A"]);
        assert_eq!(variables.get("C"), Some("from"));
    }
}
