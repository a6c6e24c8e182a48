//! What groups of commands call: makers, patches, what runs in Pods, and what is looked at besides.

use std::sync::Arc;

use super::{About, Plan};
use crate::target::ApiPath;
use crate::tools::kubectl::discovery::{Mapping, built_in};

impl Plan<'_> {
    /// An object that a command makes.
    pub(super) fn made(&mut self, kind: &str, client: bool) {
        let word = match kind {
            "quota" => "resourcequotas",
            "token" => "serviceaccounts",
            kind => kind,
        };
        if !client {
            let about = (self.kind(word), None);
            self.call("create", &about, if kind == "token" { "/token" } else { "" }, false);
        }
    }

    /// The part of objects that `--subresource` names, as it stands in a request.
    pub(super) fn part(&self) -> String {
        match self.options.text("subresource") {
            "" => String::new(),
            part => format!("/{part}"),
        }
    }

    /// What a command patches that was selected before: objects of the files, or of the arguments.
    pub(super) fn changed(&mut self, found: &[About], client: bool, maybe: bool, part: &str) {
        if client {
            return;
        }
        if self.has_files() {
            self.each_part(&[("patch", maybe)], part);
        }
        for about in found {
            self.call("patch", about, part, maybe || about.1.is_none());
        }
    }

    /// What `set env` reads to know values: what `--from` names, and with `--resolve` whatever the containers refer to.
    pub(super) fn variables(&mut self, found: &[About]) {
        let from = self.options.text("from").to_owned();
        if !from.is_empty() {
            for about in self.about(&[from]) {
                self.call("get", &about, "", false);
            }
        }
        if self.options.on("resolve") && !found.is_empty() {
            for word in ["configmaps", "secrets"] {
                self.call("get", &(self.kind(word), Some("*".to_owned())), "", true);
            }
        }
    }

    /// A request by its path.
    pub(super) fn raw(&mut self, path: &str) {
        let Some(of) = ApiPath::of(path) else {
            self.add("get", path, None, None, false, false);
            return;
        };
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let resource = format!("{}{}{}", of.group_resource(), if of.part.is_empty() { "" } else { "/" }, of.part);
        let verb = if of.name.is_empty() { "list" } else { "get" };
        self.add(verb, &resource, some(of.namespace), some(of.name).as_deref(), false, false);
    }

    /// The descriptions of a kind: the list of them, and those of its group.
    pub(super) fn explain(&mut self, of: Option<&String>) {
        self.add("get", "/openapi/v3", None, None, false, true);
        let Some(of) = of else { return };
        let word = of.split('.').next().unwrap_or_default();
        match built_in().find(word) {
            Ok(kind) => {
                let root = if kind.group.is_empty() { "api" } else { "apis" };
                self.add("get", &format!("/openapi/v3/{root}/{}", kind.api_version()), None, None, false, true);
            }
            Err(_) => self.add("get", "*", None, None, false, true),
        }
    }

    pub(super) fn run(&mut self, client: bool) {
        if client {
            return;
        }
        self.made("pods", false);
        if self.options.on("expose") {
            self.made("services", false);
        }
        if self.options.on("attach") || self.options.on("stdin") || self.options.on("rm") {
            let name = self.options.args.first().cloned().unwrap_or_else(|| "*".to_owned());
            let about = (self.kind("pods"), Some(name));
            self.call("get", &about, "", true);
            self.follow(std::slice::from_ref(&about), true);
            self.call("get", &about, "/log", true);
            self.call("get", &about, "/attach", true);
            if self.options.on("rm") {
                self.call("delete", &about, "", false);
            }
        }
    }

    /// The Pods of what is named, and what is done in them.
    pub(super) fn pods(&mut self, verb: &str, args: &[String]) {
        let pods = self.kind("pods");
        let mut namespace = self.namespace(&pods);
        let place = match verb {
            // `NAMESPACE/POD:PATH`, on one side or the other.
            "cp" => args.iter().find_map(|arg| arg.split_once(':')).map(|(pod, _)| match pod.split_once('/') {
                Some((of, pod)) => {
                    namespace = Some(of.to_owned());
                    pod
                }
                None => pod,
            }),
            _ => args.first().map(String::as_str),
        };
        let mut name = "*".to_owned();
        let direct = place.is_none_or(|place| !place.contains('/') || place.starts_with("pod"));
        match place {
            Some(place) if place.contains('/') => {
                for about in self.about(&[place.to_owned()]) {
                    self.call("get", &about, "", false);
                    if direct {
                        name = about.1.unwrap_or_default();
                    }
                }
            }
            Some(place) => {
                name = place.to_owned();
                self.add("get", &pods.group_resource(), namespace.clone(), Some(place), false, false);
            }
            None => self.call("list", &(Arc::clone(&pods), None), "", false),
        }
        if !direct {
            self.call("list", &(Arc::clone(&pods), None), "", true);
        }
        let part = match verb {
            "logs" => "/log",
            "cp" | "exec" => "/exec",
            "attach" => "/attach",
            _ => "/portforward",
        };
        let changes = part != "/log";
        // A container that does not run is seen only in the cluster.
        self.add("get", &format!("pods{part}"), namespace, Some(&name), changes, true);
    }

    pub(super) fn measured(&mut self, what: &str, name: Option<&str>) {
        let namespace = (what == "pods").then(|| self.namespace(&self.kind("pods"))).flatten();
        let resource = format!("{what}.metrics.k8s.io");
        self.add(if name.is_some() { "get" } else { "list" }, &resource, namespace, name, false, true);
    }

    pub(super) fn revisions(&mut self) {
        self.all("list", "replicasets", true);
        self.all("list", "controllerrevisions", true);
    }

    /// What `describe` shows besides the object, which is where the object is; what runs on a node is anywhere.
    pub(super) fn around(&mut self, mapping: &Mapping, name: Option<&str>) {
        let around: &[(&str, &str)] = match mapping.kind.as_str() {
            "Deployment" => &[("list", "replicasets")],
            "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "PersistentVolumeClaim" => &[("list", "pods")],
            "Service" | "Ingress" => {
                &[("list", "endpointslices"), ("list", "services"), ("get", "services"), ("get", "endpoints")]
            }
            "ServiceAccount" => &[("list", "secrets"), ("get", "secrets")],
            "Namespace" => &[("list", "resourcequotas"), ("list", "limitranges")],
            "Node" => &[("list", "pods")],
            _ => &[],
        };
        if mapping.kind == "Node" {
            // The kubelet's heartbeat.
            let lease = self.kind("leases").group_resource();
            self.add("get", &lease, Some("kube-node-lease".into()), Some(name.unwrap_or("*")), false, true);
        }
        let place = match mapping.kind.as_str() {
            "Namespace" => name.map_or_else(|| Some("*".to_owned()), |name| Some(name.to_owned())),
            _ if mapping.namespaced => self.namespace(mapping),
            _ => Some("*".to_owned()),
        };
        for (verb, word) in around.iter().chain(&[("list", "events")]) {
            let kind = self.kind(word);
            let namespace = place.clone().filter(|_| kind.namespaced);
            // A Service has endpoints of its own name; what else is named stands in the object alone.
            let own = if mapping.kind == "Service" { name } else { None };
            let about = (*verb == "get").then_some(own.unwrap_or("*"));
            self.add(verb, &kind.group_resource(), namespace, about, false, true);
        }
    }
}
