//! Containers and what is known of them.

use serde_json::Value;

use super::writer::{Writer, date, entries, items, number, or_none, plain, text, truth};

/// Describes containers, with their statuses where there are any. `pod` resolves fields of the Pod itself; it is null
/// for a template.
pub fn containers(w: &mut Writer, label: &str, containers: &Value, statuses: &Value, pod: &Value, space: &str) {
    let none = if items(containers).next().is_none() { " <none>" } else { "" };
    w.line(0, format!("{space}{label}:{none}"));
    for container in items(containers) {
        let status = items(statuses).find(|status| status["name"] == container["name"]);
        basics(w, container, status, space);
        command(w, container);
        if let Some(status) = status {
            state(w, "State", &status["state"]);
            if status["lastState"]["terminated"].is_object() {
                state(w, "Last State", &status["lastState"]);
            }
            w.line(2, format!("Ready:\t{}", truth(&status["ready"])));
            w.line(2, format!("Restart Count:\t{}", number(&status["restartCount"])));
        }
        resources(w, &container["resources"], 2);
        for (name, key) in [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
        {
            if container[key].is_object() {
                w.line(2, format!("{name}:\t{}", probe(&container[key])));
            }
        }
        environment(w, container, pod);
        mounts(w, container);
    }
}

fn basics(w: &mut Writer, container: &Value, status: Option<&Value>, space: &str) {
    let indent = if space.is_empty() { "" } else { " " };
    w.line(1, format!("{indent}{}:", text(&container["name"])));
    if let Some(status) = status {
        w.line(2, format!("Container ID:\t{}", text(&status["containerID"])));
    }
    w.line(2, format!("Image:\t{}", text(&container["image"])));
    if let Some(status) = status {
        w.line(2, format!("Image ID:\t{}", text(&status["imageID"])));
    }
    let ports = |key: &str| -> String {
        items(&container["ports"])
            .map(|port| format!("{}/{}", number(&port[key]), port["protocol"].as_str().unwrap_or("TCP")))
            .collect::<Vec<_>>()
            .join(", ")
    };
    for (name, ports) in [("Port", ports("containerPort")), ("Host Port", ports("hostPort"))] {
        let plural = if ports.contains(',') { "s" } else { "" };
        w.line(2, format!("{name}{plural}:\t{}", or_none(&ports)));
    }
    let seccomp = &container["securityContext"]["seccompProfile"];
    if seccomp.is_object() {
        w.line(2, format!("SeccompProfile:\t{}", text(&seccomp["type"])));
        if seccomp["type"] == "Localhost" {
            w.line(3, format!("LocalhostProfile:\t{}", text(&seccomp["localhostProfile"])));
        }
    }
}

fn command(w: &mut Writer, container: &Value) {
    for (name, key) in [("Command", "command"), ("Args", "args")] {
        if items(&container[key]).next().is_some() {
            w.line(2, format!("{name}:"));
            for line in items(&container[key]).flat_map(|word| text(word).split('\n')) {
                w.line(3, line);
            }
        }
    }
}

fn state(w: &mut Writer, name: &str, state: &Value) {
    if state["running"].is_object() {
        w.line(2, format!("{name}:\tRunning"));
        w.line(3, format!("Started:\t{}", date(&state["running"]["startedAt"])));
    } else if state["terminated"].is_object() {
        let ended = &state["terminated"];
        w.line(2, format!("{name}:\tTerminated"));
        for (label, key) in [("Reason", "reason"), ("Message", "message")] {
            if !text(&ended[key]).is_empty() {
                w.line(3, format!("{label}:\t{}", text(&ended[key])));
            }
        }
        w.line(3, format!("Exit Code:\t{}", number(&ended["exitCode"])));
        if number(&ended["signal"]) > 0 {
            w.line(3, format!("Signal:\t{}", number(&ended["signal"])));
        }
        w.line(3, format!("Started:\t{}", date(&ended["startedAt"])));
        w.line(3, format!("Finished:\t{}", date(&ended["finishedAt"])));
    } else {
        w.line(2, format!("{name}:\tWaiting"));
        if !text(&state["waiting"]["reason"]).is_empty() {
            w.line(3, format!("Reason:\t{}", text(&state["waiting"]["reason"])));
        }
    }
}

/// Limits and requests.
pub fn resources(w: &mut Writer, resources: &Value, level: usize) {
    for (name, key) in [("Limits", "limits"), ("Requests", "requests")] {
        let amounts = entries(&resources[key]);
        if amounts.is_empty() {
            continue;
        }
        w.line(level, format!("{name}:"));
        for (resource, amount) in amounts {
            w.line(level + 1, format!("{resource}:\t{}", plain(amount)));
        }
    }
}

fn probe(probe: &Value) -> String {
    let or = |key: &str, default: i64| probe[key].as_i64().unwrap_or(default);
    let attributes = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        or("initialDelaySeconds", 0),
        or("timeoutSeconds", 0),
        or("periodSeconds", 0),
        or("successThreshold", 0),
        or("failureThreshold", 0)
    );
    if probe["exec"].is_object() {
        let words: Vec<&str> = items(&probe["exec"]["command"]).map(text).collect();
        return format!("exec [{}] {attributes}", words.join(" "));
    }
    let http = &probe["httpGet"];
    if http.is_object() {
        let scheme = http["scheme"].as_str().unwrap_or("HTTP").to_lowercase();
        let port = plain(&http["port"]);
        let path = text(&http["path"]);
        let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
        return format!("http-get {scheme}://{}:{port}{slash}{path} {attributes}", text(&http["host"]));
    }
    let tcp = &probe["tcpSocket"];
    if tcp.is_object() {
        return format!("tcp-socket {}:{} {attributes}", text(&tcp["host"]), plain(&tcp["port"]));
    }
    let grpc = &probe["grpc"];
    if grpc.is_object() {
        return format!("grpc <pod>:{} {} {attributes}", number(&grpc["port"]), text(&grpc["service"]));
    }
    format!("unknown {attributes}")
}

fn environment(w: &mut Writer, container: &Value, pod: &Value) {
    if items(&container["envFrom"]).next().is_some() {
        w.line(2, "Environment Variables from:");
        for source in items(&container["envFrom"]) {
            let (from, reference) = if source["configMapRef"].is_object() {
                ("ConfigMap", &source["configMapRef"])
            } else {
                ("Secret", &source["secretRef"])
            };
            let prefix = match text(&source["prefix"]) {
                "" => String::new(),
                prefix => format!(" with prefix '{prefix}'"),
            };
            let optional = reference["optional"] == true;
            w.line(3, format!("{}\t{from}{prefix}\tOptional: {optional}", text(&reference["name"])));
        }
    }
    let none = if items(&container["env"]).next().is_none() { "\t<none>" } else { "" };
    w.line(2, format!("Environment:{none}"));
    for variable in items(&container["env"]) {
        let name = text(&variable["name"]);
        let from = &variable["valueFrom"];
        if !from.is_object() {
            for (at, line) in text(&variable["value"]).split('\n').enumerate() {
                w.line(3, if at == 0 { format!("{name}:\t{line}") } else { format!("\t{line}") });
            }
            continue;
        }
        let (field, amount) = (&from["fieldRef"], &from["resourceFieldRef"]);
        let (secret, config) = (&from["secretKeyRef"], &from["configMapKeyRef"]);
        if field.is_object() {
            let value = pod_field(pod, text(&field["fieldPath"]));
            let version = field["apiVersion"].as_str().unwrap_or("v1");
            w.line(3, format!("{name}:\t{value} ({version}:{})", text(&field["fieldPath"])));
        } else if amount.is_object() {
            let value = if pod.is_null() { String::new() } else { container_amount(container, amount) };
            w.line(3, format!("{name}:\t{value} ({})", text(&amount["resource"])));
        } else if secret.is_object() {
            w.line(
                3,
                format!(
                    "{name}:\t<set to the key '{}' in secret '{}'>\tOptional: {}",
                    text(&secret["key"]),
                    text(&secret["name"]),
                    secret["optional"] == true
                ),
            );
        } else if config.is_object() {
            w.line(
                3,
                format!(
                    "{name}:\t<set to the key '{}' of config map '{}'>\tOptional: {}",
                    text(&config["key"]),
                    text(&config["name"]),
                    config["optional"] == true
                ),
            );
        }
    }
}

/// A field of the Pod that a variable refers to: metadata alone is known to kubectl.
fn pod_field(pod: &Value, path: &str) -> String {
    let metadata = &pod["metadata"];
    match path {
        "metadata.name" | "metadata.namespace" | "metadata.uid" => text(&metadata[&path[9..]]).to_owned(),
        "metadata.labels" | "metadata.annotations" => entries(&metadata[&path[9..]])
            .into_iter()
            .map(|(key, value)| format!("{key}={}", crate::tools::kubectl::options::duration::quote(text(value))))
            .collect::<Vec<_>>()
            .join("\n"),
        path => match path.strip_suffix("']").and_then(|path| path.split_once("['")) {
            Some((map, key)) => text(&metadata[map.trim_start_matches("metadata.")][key]).to_owned(),
            None => String::new(),
        },
    }
}

fn container_amount(container: &Value, reference: &Value) -> String {
    let (kind, resource) = text(&reference["resource"]).split_once('.').unwrap_or_default();
    let amount = plain(&container["resources"][kind][resource]);
    if amount.is_empty() {
        return if kind == "limits" { "node allocatable".into() } else { "0".into() };
    }
    let divisor = match plain(&reference["divisor"]).as_str() {
        "" | "0" => 1.0,
        divisor => crate::tools::kubectl::quantity::parse(divisor).unwrap_or(1.0),
    };
    let value = crate::tools::kubectl::quantity::parse(&amount).unwrap_or(0.0);
    format!("{}", (value / divisor - 1e-9).ceil())
}

fn mounts(w: &mut Writer, container: &Value) {
    let mut mounts: Vec<&Value> = items(&container["volumeMounts"]).collect();
    mounts.sort_by_key(|mount| text(&mount["mountPath"]).to_owned());
    w.line(2, if mounts.is_empty() { "Mounts:\t<none>" } else { "Mounts:" });
    for mount in mounts {
        let mut flags = if mount["readOnly"] == true { "ro".to_owned() } else { "rw".to_owned() };
        if !text(&mount["subPath"]).is_empty() {
            flags.push_str(&format!(
                ",path={}",
                crate::tools::kubectl::options::duration::quote(text(&mount["subPath"]))
            ));
        }
        w.line(3, format!("{} from {} ({flags})", text(&mount["mountPath"]), text(&mount["name"])));
    }
    let mut devices: Vec<&Value> = items(&container["volumeDevices"]).collect();
    devices.sort_by_key(|device| text(&device["devicePath"]).to_owned());
    if !devices.is_empty() {
        w.line(2, "Devices:");
        for device in devices {
            w.line(3, format!("{} from {}", text(&device["devicePath"]), text(&device["name"])));
        }
    }
}

/// Which taints are tolerated.
pub fn tolerations(w: &mut Writer, indent: &str, title: &str, tolerations: &Value) {
    let mut sorted: Vec<&Value> = items(tolerations).collect();
    sorted.sort_by_key(|toleration| text(&toleration["key"]).to_owned());
    let mut lines: Vec<String> = sorted
        .into_iter()
        .map(|toleration| {
            let part = |key: &str| text(&toleration[key]);
            let mut line = part("key").to_owned();
            if !part("value").is_empty() {
                line.push_str(&format!("={}", part("value")));
            }
            if !part("effect").is_empty() {
                line.push_str(&format!(":{}", part("effect")));
            }
            if part("operator") == "Exists" && part("value").is_empty() {
                line.push_str(if line.is_empty() { "op=Exists" } else { " op=Exists" });
            }
            if let Some(seconds) = toleration["tolerationSeconds"].as_i64() {
                line.push_str(&format!(" for {seconds}s"));
            }
            line
        })
        .collect();
    if lines.is_empty() {
        lines.push("<none>".into());
    }
    w.column(&format!("{indent}{title}:\t"), &format!("{indent}\t"), &lines);
}
