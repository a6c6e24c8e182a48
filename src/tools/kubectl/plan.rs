//! Which requests a command line would make, from its words alone.

mod groups;

use std::cell::OnceCell;
use std::sync::Arc;

use serde_json::Value;

use super::discovery::{Mapping, built_in};
use super::find;
use super::options::Parsed;
use crate::sandbox::cluster::object::resource_of;
use crate::sandbox::cluster::store::GroupResource;
use crate::tools::Files;
use crate::tools::plan::{Objects, Planned, at_home};

/// What stands for a number that is not known, so that the options can be read.
const SOME_NUMBER: &str = "7777777";

/// The requests of one command line.
pub fn plan(args: &[String], files: &Files, input: &Objects) -> Vec<Planned> {
    let Ok((verb, words)) = find(args) else { return Vec::new() };
    let Some(options) = read(&words, verb.options) else { return vec![unknown(args)] };
    let mut plan = Plan { options, files, input, objects: OnceCell::new(), calls: Vec::new() };
    plan.of(verb.words);
    if plan.calls.is_empty() {
        return plan.calls;
    }
    // What the server has is asked once in a session, and again for what is not known.
    for path in ["/api", "/apis"] {
        plan.add("get", path, None, None, false, true);
    }
    plan.calls
}

fn unknown(args: &[String]) -> Planned {
    Planned {
        service: "kubernetes".into(),
        operation: format!("* ({})", args.join(" ")),
        namespace: Some("*".into()),
        about: Vec::new(),
        changes: true,
        maybe: true,
    }
}

/// Reads the options; where a value that is not known is no number, some number takes its place.
fn read(words: &[String], tables: &[&'static [super::options::Flag]]) -> Option<Parsed> {
    let with = |number: &str| -> Vec<String> {
        words
            .iter()
            .map(|word| match word.strip_suffix("=*") {
                Some(option) if option.starts_with('-') => format!("{option}={number}"),
                _ if word == "*" => number.to_owned(),
                _ => word.clone(),
            })
            .collect()
    };
    let tries = [words.to_vec(), with(SOME_NUMBER), with(&format!("{SOME_NUMBER}s"))];
    tries.iter().find_map(|words| Parsed::read(words, tables).ok())
}

/// Whether a request of that verb changes nothing.
fn reads(verb: &str) -> bool {
    matches!(verb, "get" | "list" | "watch")
}

/// Something that a command is about: its kind and its name, `*` when that is not known, none for all.
type About = (Arc<Mapping>, Option<String>);

struct Plan<'a> {
    options: Parsed,
    files: &'a Files,
    input: &'a Objects,
    /// The objects of `-f` and `-k`, once they were read.
    objects: OnceCell<Objects>,
    calls: Vec<Planned>,
}

impl Plan<'_> {
    fn add(
        &mut self,
        verb: &str,
        resource: &str,
        namespace: Option<String>,
        name: Option<&str>,
        changes: bool,
        maybe: bool,
    ) {
        let name = name.map(|name| if name.starts_with(SOME_NUMBER) { "*" } else { name });
        let call = Planned {
            service: "kubernetes".into(),
            operation: format!("{verb} {resource}"),
            namespace,
            about: name.map(str::to_owned).into_iter().collect(),
            changes,
            maybe,
        };
        if !self.calls.contains(&call) {
            self.calls.push(call);
        }
    }

    fn namespace(&self, mapping: &Mapping) -> Option<String> {
        if !mapping.namespaced {
            return None;
        }
        if self.options.on("all-namespaces") {
            return Some("*".into());
        }
        Some(match self.options.text("namespace") {
            "" => "default".into(),
            given => given.to_owned(),
        })
    }

    /// A call about what a command names.
    fn call(&mut self, verb: &str, about: &About, part: &str, maybe: bool) {
        let (mapping, name) = about;
        let changes = !reads(verb) || matches!(part, "/exec" | "/attach");
        let resource = format!("{}{part}", mapping.group_resource());
        self.add(verb, &resource, self.namespace(mapping), name.as_deref(), changes, maybe);
    }

    fn kind(&self, word: &str) -> Arc<Mapping> {
        built_in().find(word).unwrap_or_else(|_| {
            // A kind that the cluster's own definitions bring: its words are all that is known.
            let (plural, group) = word.split_once('.').unwrap_or((word, "*"));
            Arc::new(Mapping {
                group: group.to_owned(),
                plural: plural.to_owned(),
                namespaced: true,
                ..Mapping::default()
            })
        })
    }

    /// What the arguments name.
    fn about(&self, args: &[String]) -> Vec<About> {
        if args.iter().any(|arg| arg.contains('/')) {
            return args
                .iter()
                .filter_map(|arg| arg.split_once('/'))
                .map(|(kind, name)| (self.kind(kind), Some(name.to_owned())))
                .collect();
        }
        let Some((types, names)) = args.split_first() else { return Vec::new() };
        let mut found = Vec::new();
        for word in types.split(',') {
            let category = built_in().category(word);
            let kinds = if category.is_empty() { vec![self.kind(word)] } else { category };
            for kind in kinds {
                match names {
                    [] => found.push((kind, None)),
                    names => found.extend(names.iter().map(|name| (Arc::clone(&kind), Some(name.clone())))),
                }
            }
        }
        found
    }

    /// The objects of `-f` and `-k`; `None` when they are not known.
    fn read(&self) -> Objects {
        let folder = self.options.text("kustomize");
        if !folder.is_empty() {
            return crate::tools::kustomize::build(self.files, &at_home(self.files, folder)).ok();
        }
        let mut objects = Vec::new();
        for name in self.options.all("filename") {
            if name == "-" {
                objects.extend(self.input.clone()?);
                continue;
            }
            let path = at_home(self.files, name);
            let mut paths = vec![path.clone()];
            if self.files.metadata(&path).ok()?.is_dir() {
                let mut names = self.files.names_in(&path).ok()?;
                names.retain(|name| [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending)));
                paths = names.into_iter().map(|name| format!("{path}/{name}")).collect();
            }
            for path in paths {
                super::manifests::decode(&self.files.read_to_string(&path).ok()?, &path, false, &mut objects).ok()?;
            }
        }
        Some(objects)
    }

    fn has_files(&self) -> bool {
        !self.options.all("filename").is_empty() || !self.options.text("kustomize").is_empty()
    }

    /// Calls about each object of the files; where these are not known, about any.
    fn each_object(&mut self, verbs: &[(&str, bool)]) {
        self.each_part(verbs, "");
    }

    /// Calls about a part of each object of the files.
    fn each_part(&mut self, verbs: &[(&str, bool)], part: &str) {
        let Some(objects) = self.objects.get_or_init(|| self.read()).clone() else {
            for (verb, maybe) in verbs {
                self.add(verb, "*", Some("*".into()), Some("*"), !reads(verb), *maybe);
            }
            return;
        };
        for object in objects {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
            let mapping = built_in().of(&api_version, &kind).unwrap_or_else(|_| {
                let GroupResource { group, resource } = resource_of(&api_version, &kind);
                let (group, plural) = (group.into_owned(), resource.into_owned());
                Arc::new(Mapping { group, kind, plural, namespaced: true, ..Mapping::default() })
            });
            let own = text(&object["metadata"]["namespace"]);
            let namespace =
                if own.is_empty() { self.namespace(&mapping) } else { Some(own).filter(|_| mapping.namespaced) };
            let name = text(&object["metadata"]["name"]);
            for (verb, maybe) in verbs {
                let name = Some(name.as_str()).filter(|_| !matches!(*verb, "create" | "list" | "watch"));
                let resource = format!("{}{part}", mapping.group_resource());
                self.add(verb, &resource, namespace.clone(), name, !reads(verb), *maybe);
            }
        }
    }

    /// Reads what the arguments name, or the files.
    fn select(&mut self, args: &[String]) -> Vec<About> {
        self.select_part(args, "")
    }

    /// Reads a part of what the arguments name, or of the files; with `--local` nothing is asked.
    fn select_part(&mut self, args: &[String], part: &str) -> Vec<About> {
        if self.options.on("local") {
            return Vec::new();
        }
        if self.has_files() {
            self.each_part(&[("get", false)], part);
            return Vec::new();
        }
        let found = self.about(args);
        for about in &found {
            self.call(if about.1.is_some() { "get" } else { "list" }, about, part, false);
        }
        found
    }

    /// Follows objects until something is true of them.
    fn follow(&mut self, found: &[About], maybe: bool) {
        for (mapping, _) in found {
            let all = (Arc::clone(mapping), None);
            self.call("list", &all, "", maybe);
            self.call("watch", &all, "", true);
        }
    }

    fn all(&mut self, verb: &str, word: &str, maybe: bool) {
        let about = (self.kind(word), None);
        self.call(verb, &about, "", maybe);
    }

    fn of(&mut self, words: &[&str]) {
        let args: Vec<String> = self.options.args[..self.options.dash.unwrap_or(self.options.args.len())].to_vec();
        let client = matches!(self.options.text("dry-run"), "client" | "true" | "unchanged");
        let server = self.options.text("dry-run") == "server";
        // With --dry-run=server the request is made, and nothing is kept.
        let from = self.calls.len();
        match words {
            ["get"] if !self.options.text("raw").is_empty() => {
                let path = self.options.text("raw").to_owned();
                self.raw(path.split('?').next().unwrap_or_default());
            }
            ["get"] => {
                let part = self.part();
                let found = self.select_part(&args, &part);
                if self.options.on("watch") || self.options.on("watch-only") {
                    self.follow(&found, true);
                }
            }
            ["describe"] => {
                let found = self.select(&args);
                for (mapping, name) in found {
                    if name.is_some() {
                        self.call("list", &(Arc::clone(&mapping), None), "", true);
                    }
                    self.around(&mapping, name.as_deref());
                }
            }
            ["apply", "view-last-applied"] => {
                self.select(&args);
            }
            ["apply", "set-last-applied"] => {
                self.each_object(&[("get", false)]);
                self.changed(&[], client, true, "");
            }
            ["apply"] if self.options.on("server-side") => self.each_object(&[("patch", false)]),
            ["apply"] if client => self.each_object(&[("get", false)]),
            ["apply"] => {
                self.each_object(&[("get", false), ("create", true), ("patch", true)]);
                if self.options.on("force") {
                    self.each_object(&[("delete", true)]);
                }
                if self.options.on("prune") {
                    self.add("list", "*", Some("*".into()), None, false, false);
                    self.add("delete", "*", Some("*".into()), Some("*"), true, true);
                }
            }
            ["diff"] => self.each_object(&[("get", false), ("create", true), ("patch", true)]),
            ["replace"] if client => self.each_object(&[("get", true)]),
            ["replace"] if self.options.on("force") => {
                self.each_object(&[("get", true), ("delete", true), ("list", true), ("watch", true), ("create", true)]);
            }
            ["replace"] => self.each_object(&[("get", true), ("update", true)]),
            ["create", "job"] if !self.options.text("from").is_empty() => {
                self.select(&[self.options.text("from").to_owned()]);
                self.made("jobs", client);
            }
            ["create"] => {
                if !client {
                    self.each_object(&[("create", false)]);
                }
            }
            ["create", kind, ..] => self.made(kind, client),
            ["run"] => self.run(client),
            ["expose"] => {
                self.select(&args);
                self.made("services", client);
            }
            ["autoscale"] => {
                self.select(&args);
                self.made("horizontalpodautoscalers", client);
            }
            ["delete"] => {
                let found = self.select(&args);
                if !client {
                    if self.has_files() {
                        self.each_object(&[("delete", false), ("list", true), ("watch", true)]);
                    }
                    for about in &found {
                        self.call("delete", about, "", about.1.is_none());
                    }
                    if self.options.text("wait") != "false" {
                        self.follow(&found, true);
                    }
                }
            }
            ["scale"] => {
                let found = self.select(&args);
                for about in found.iter().filter(|_| !client) {
                    let checked =
                        self.options.number("current-replicas") >= 0 || self.options.given("resource-version");
                    if checked {
                        self.call("get", about, "/scale", false);
                    }
                    self.call(if checked { "update" } else { "patch" }, about, "/scale", about.1.is_none());
                }
                if self.has_files() && !client {
                    self.each_part(&[("get", true), ("update", true), ("patch", true)], "/scale");
                }
                if self.options.given("timeout") {
                    self.follow(&found, true);
                }
            }
            ["rollout", "status"] => {
                let found = self.select(&args);
                self.follow(&found, true);
            }
            ["rollout", "history"] => {
                self.select(&args);
                self.revisions();
            }
            ["rollout", what] => {
                let found = self.select(&args);
                if *what == "undo" {
                    self.revisions();
                }
                self.changed(&found, client, false, "");
            }
            ["label" | "annotate"] | ["set", ..] | ["patch"] | ["taint"] => {
                let change =
                    |arg: &String| arg.contains('=') || (arg.ends_with('-') && arg.len() > 1) || arg.contains(':');
                let end =
                    if words == ["patch"] { args.len() } else { args.iter().position(change).unwrap_or(args.len()) };
                let part = self.part();
                let found = self.select(&args[..end]);
                self.changed(&found, client || self.options.on("local"), words != ["patch"], &part);
                if words == ["set", "env"] {
                    self.variables(&found);
                }
            }
            ["edit"] | ["apply", "edit-last-applied"] => {
                let found = self.select(&args);
                // Whether something is changed is the editor's to say.
                self.changed(&found, false, true, "");
            }
            ["cordon" | "uncordon" | "drain"] => {
                let mut nodes = vec!["nodes".to_owned()];
                nodes.extend(args);
                let found = self.select(&nodes);
                self.changed(&found, client, true, "");
                if words == ["drain"] {
                    let everywhere = Some("*".to_owned());
                    self.add("list", "pods", everywhere.clone(), None, false, true);
                    self.add("get", "daemonsets.apps", everywhere.clone(), Some("*"), false, true);
                    self.add("create", "pods/eviction", everywhere.clone(), Some("*"), true, true);
                    self.add("delete", "pods", everywhere.clone(), Some("*"), true, true);
                    self.add("list", "pods", everywhere.clone(), None, false, true);
                    self.add("watch", "pods", everywhere, None, false, true);
                }
            }
            ["wait"] => {
                let found = self.select(&args);
                self.follow(&found, true);
            }
            ["logs" | "exec" | "cp"] => self.pods(words[0], &args),
            ["attach"] => match args.as_slice() {
                [kind, name] => self.pods("attach", &[format!("{kind}/{name}")]),
                _ => self.pods("attach", &args),
            },
            ["top", node] if node.starts_with("no") => {
                self.measured("nodes", args.first().map(String::as_str));
                self.all("list", "nodes", true);
                if let Some(name) = args.first() {
                    self.call("get", &(self.kind("nodes"), Some(name.clone())), "", true);
                }
            }
            ["top", _] => self.measured("pods", args.first().map(String::as_str)),
            ["events"] => {
                self.all("list", "events", false);
                if self.options.on("watch") {
                    self.all("watch", "events", false);
                }
                if !self.options.text("for").is_empty() {
                    let about = self.about(&[self.options.text("for").to_owned()]);
                    about.iter().for_each(|about| self.call("get", about, "", true));
                }
            }
            ["auth", "can-i"] => {
                self.add("create", "selfsubjectaccessreviews.authorization.k8s.io", None, None, false, true);
                self.add("create", "selfsubjectrulesreviews.authorization.k8s.io", None, None, false, true);
            }
            ["auth", "whoami"] => {
                self.add("create", "selfsubjectreviews.authentication.k8s.io", None, None, false, false);
            }
            ["cluster-info", "dump"] => {
                self.all("list", "nodes", false);
                let kinds =
                    ["events", "replicationcontrollers", "services", "daemonsets", "deployments", "replicasets"];
                kinds.iter().chain(&["pods"]).for_each(|kind| {
                    let resource = self.kind(kind).group_resource();
                    self.add("list", &resource, Some("*".into()), None, false, false);
                });
                self.add("get", "pods/log", Some("*".into()), Some("*"), false, true);
            }
            ["cluster-info", ..] => self.add("list", "services", Some("kube-system".into()), None, false, false),
            ["version"] if !self.options.on("client") => self.add("get", "/version", None, None, false, false),
            ["api-resources" | "api-versions"] => {
                for path in ["/api", "/apis"] {
                    self.add("get", path, None, None, false, true);
                }
            }
            ["certificate", ..] => {
                if self.has_files() {
                    self.each_object(&[("get", false)]);
                    self.each_part(&[("update", true)], "/approval");
                }
                for name in &args {
                    let request = (self.kind("certificatesigningrequests"), Some(name.clone()));
                    self.call("get", &request, "", false);
                    self.call("update", &request, "/approval", true);
                }
            }
            ["debug"] => {
                for word in &args {
                    let place = word.contains('/');
                    let named = if place { vec![word.clone()] } else { vec!["pods".to_owned(), word.clone()] };
                    for about in self.select(&named) {
                        let copies = !self.options.text("copy-to").is_empty();
                        if about.0.kind == "Node" || copies {
                            self.all("create", "pods", false);
                        } else {
                            self.call("patch", &about, "/ephemeralcontainers", false);
                        }
                        if copies && self.options.on("replace") {
                            self.call("delete", &about, "", false);
                        }
                    }
                }
                if self.options.on("attach") || self.options.on("stdin") && !self.options.given("attach") {
                    self.all("list", "pods", false);
                    self.all("watch", "pods", true);
                    let namespace = self.namespace(&self.kind("pods"));
                    self.add("get", "pods/attach", namespace.clone(), Some("*"), true, true);
                    self.add("get", "pods/log", namespace, Some("*"), false, true);
                }
            }
            ["auth", "reconcile"] => {
                let create = (!client).then_some(("create", true));
                let calls: Vec<_> = [("get", false)]
                    .into_iter()
                    .chain(create)
                    .chain((!client).then_some(("update", true)))
                    .chain((!client).then_some(("delete", true)))
                    .collect();
                self.each_object(&calls);
                // What is in a namespace needs it; kubectl looks whether it is there.
                let namespaces: Vec<String> =
                    self.calls[from..].iter().filter_map(|call| call.namespace.clone()).collect();
                for namespace in namespaces {
                    let namespace = (self.kind("namespaces"), Some(namespace));
                    self.call("get", &namespace, "", true);
                    if !client {
                        self.all("create", "namespaces", true);
                    }
                }
            }
            ["explain"] => self.explain(args.first()),
            // These read files alone, or are refused.
            [
                "config" | "completion" | "kustomize" | "options" | "plugin" | "version" | "port-forward" | "proxy",
                ..,
            ] => {}
            other => {
                let command = other.join(" ");
                self.add("*", &format!("({command})"), Some("*".into()), None, true, true);
            }
        }
        if server || words == ["diff"] {
            self.calls[from..].iter_mut().for_each(|call| call.changes = false);
        }
    }
}
