//! Which objects a command is about: types and names from its arguments, or manifests from files.

use std::sync::Arc;

use serde_json::Value;

use super::api::{Call, encode};
use super::discovery::{Mapping, TIMEOUT};
use super::error::{ApiFailure, Failure};
use super::manifests;
use super::options::duration::quote;
use super::session::Session;

/// How often kubectl asks anew what a type could be before it gives up.
pub const ATTEMPTS: usize = 4;
/// How many objects a list asks for at a time, as kubectl does.
pub const CHUNK: &str = "500";

/// An object, or a place for one.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its kind.
    pub mapping: Arc<Mapping>,
    /// Its namespace, empty for kinds without.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What the server (or the file) says it is.
    pub value: Value,
    /// The file that it was read from; empty when it was not.
    pub source: String,
}

impl Object {
    /// An object as it was read.
    pub fn read(mapping: Arc<Mapping>, value: Value) -> Self {
        let text = |key: &str| value["metadata"][key].as_str().unwrap_or_default().to_owned();
        Self { mapping, namespace: text("namespace"), name: text("name"), value, source: String::new() }
    }

    /// The object's path.
    pub fn path(&self) -> String {
        self.mapping.path(&self.namespace, &self.name, "")
    }

    /// The path of a part of it.
    pub fn part(&self, part: &str) -> String {
        self.mapping.path(&self.namespace, &self.name, part)
    }

    /// `deployment.apps/web`
    pub fn title(&self) -> String {
        format!("{}/{}", self.mapping.group_kind(), self.name)
    }
}

/// What to ask the server for.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// One object by name.
    Named(Arc<Mapping>, String),
    /// All objects of a type that the selectors choose.
    All(Arc<Mapping>),
}

/// How arguments are read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// Whether a type alone means all of its objects.
    pub type_alone: bool,
    /// Whether `-l`, `--field-selector` and `--all` choose objects.
    pub selectors: bool,
    /// Whether the type is the command's own word, and no category then.
    pub own_type: bool,
}

/// The objects of a command, with what kept it from getting some of them.
#[derive(Debug, Default)]
pub struct Selection {
    /// What was found, in order.
    pub objects: Vec<Object>,
    /// What was not.
    pub failures: Vec<Failure>,
    /// Whether the command names exactly one object.
    pub single: bool,
}

impl Session {
    /// Reads the arguments that name types and objects.
    ///
    /// # Errors
    /// When they are no such arguments, or the server knows no such type.
    pub async fn wanted(&self, args: &[String], rules: Rules) -> Result<(Vec<Wanted>, bool), Failure> {
        let selector = rules.selectors && self.is_selected();
        let slashes = args.iter().filter(|arg| arg.contains('/')).count();
        if slashes > 0 {
            if slashes < args.len() {
                let base = "kubectl";
                return Err(Failure::message(format!(
                    "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. '{base} get resource/<resource_name>' instead of '{base} get resource resource/<resource_name>'"
                )));
            }
            self.discovered(ATTEMPTS).await?;
            let mut wanted = Vec::new();
            for arg in args {
                let (kind, name) = arg.split_once('/').unwrap_or((arg, ""));
                if name.contains('/') {
                    return Err(Failure::message("arguments in resource/name form may not have more than one slash"));
                }
                if kind.is_empty() || name.is_empty() || kind.split(',').count() > 1 {
                    return Err(Failure::message(
                        "arguments in resource/name form must have a single resource and name",
                    ));
                }
                if selector {
                    return Err(Failure::message("name cannot be provided when a selector is specified"));
                }
                wanted.push(Wanted::Named(self.mapping(kind).await?, name.to_owned()));
            }
            return Ok((wanted, args.len() == 1));
        }
        let Some((types, names)) = args.split_first() else {
            return Err(Failure::message("required resource not specified"));
        };
        if types.is_empty() {
            return Err(Failure::message("resource name may not be empty"));
        }
        // Each is looked for among the categories first.
        let categories = if rules.own_type { 0 } else { types.split(',').count() };
        self.discovered(categories + ATTEMPTS).await?;
        let mut mappings: Vec<Arc<Mapping>> = Vec::new();
        for word in types.split(',') {
            let category = self.discovery().await?.category(word);
            let found = if category.is_empty() { vec![self.mapping(word).await?] } else { category };
            for mapping in found {
                if !mappings.contains(&mapping) {
                    mappings.push(mapping);
                }
            }
        }
        if names.is_empty() {
            if !rules.type_alone && !selector {
                return Err(Failure::message("resource(s) were provided, but no name was specified"));
            }
            return Ok((mappings.into_iter().map(Wanted::All).collect(), false));
        }
        if selector {
            return Err(Failure::message("name cannot be provided when a selector is specified"));
        }
        if names.iter().any(String::is_empty) {
            return Err(Failure::message("resource name may not be empty"));
        }
        let single = mappings.len() == 1 && names.len() == 1;
        let mut wanted = Vec::new();
        for mapping in &mappings {
            wanted.extend(names.iter().map(|name| Wanted::Named(Arc::clone(mapping), name.clone())));
        }
        Ok((wanted, single))
    }

    /// Whether `-l`, `--field-selector` or `--all` is given.
    pub fn is_selected(&self) -> bool {
        !self.options.text("selector").is_empty()
            || !self.options.text("field-selector").is_empty()
            || self.options.on("all")
    }

    /// Whether files are named.
    pub fn has_files(&self) -> bool {
        !self.options.all("filename").is_empty() || !self.options.text("kustomize").is_empty()
    }

    /// The namespace to look in: none with `-A`.
    ///
    /// # Errors
    /// When the target reaches no cluster.
    pub async fn scope(&self) -> Result<String, Failure> {
        if self.options.on("all-namespaces") { Ok(String::new()) } else { self.namespace().await }
    }

    /// The request for a list, with the command's selectors.
    pub fn list_call(&self, mapping: &Mapping, namespace: &str) -> Call {
        Call::get(mapping.path(namespace, "", ""))
            .query("fieldSelector", self.options.text("field-selector"))
            .query("labelSelector", self.options.text("selector"))
    }

    /// Gets all of a list, piece by piece.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn list(&self, call: &Call) -> Result<Value, Failure> {
        let api = self.api().await?;
        let mut all =
            api.value(&call.clone().query("limit", CHUNK)).await.map_err(|failure| self.of_list(failure, call))?;
        let key = if all["kind"] == "Table" { "rows" } else { "items" };
        loop {
            let token = all["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
            if token.is_empty() {
                return Ok(all);
            }
            let mut next = api.value(&call.clone().query("limit", CHUNK).query("continue", token)).await?;
            let more = next[key].take();
            if let (Some(all), Value::Array(more)) = (all[key].as_array_mut(), more) {
                all.extend(more);
            }
            all["metadata"] = next["metadata"].take();
        }
    }

    /// The failure to get one object. When it is not there because its namespace is not, that is told, as kubectl does.
    pub async fn not_there(&self, failure: Failure, mapping: &Mapping, namespace: &str) -> Failure {
        if !failure.is_not_found() || !mapping.namespaced || matches!(namespace, "" | "default") {
            return failure;
        }
        let Ok(api) = self.api().await else { return failure };
        match api.value(&Call::get(format!("/api/v1/namespaces/{}", encode(namespace)))).await {
            Err(absent) if absent.is_not_found() => absent,
            _ => failure,
        }
    }

    /// A list's failure with what was looked for, as client-go's EnhanceListError has it.
    fn of_list(&self, failure: Failure, call: &Call) -> Failure {
        match failure {
            Failure::Api(mut failure) if matches!(failure.reason.as_str(), "BadRequest" | "NotFound") => {
                let (labels, fields) = (self.options.text("selector"), self.options.text("field-selector"));
                let what = quote(&call.listed());
                let looked_for = match (labels, fields) {
                    ("", "") => format!("Unable to list {what}"),
                    _ => format!(
                        "Unable to find {what} that match label selector {}, field selector {}",
                        quote(labels),
                        quote(fields)
                    ),
                };
                failure.message = format!("{looked_for}: {}", failure.message);
                Failure::Api(failure)
            }
            other => other,
        }
    }

    /// Gets the objects that the arguments, or the files, name. What cannot be got is told in the selection.
    ///
    /// # Errors
    /// When the arguments make no sense, or files cannot be read.
    pub async fn select(&self, args: &[String], rules: Rules) -> Result<Selection, Failure> {
        if self.has_files() {
            if !args.is_empty() {
                return Err(Failure::message(
                    "when paths, URLs, or stdin is provided as resource input, you may not specify resource arguments as well",
                ));
            }
            return self.select_files().await;
        }
        let (wanted, single) = self.wanted(args, rules).await?;
        let mut selection = Selection { single, ..Selection::default() };
        let namespace = self.namespace().await?;
        for wanted in wanted {
            match wanted {
                Wanted::Named(mapping, name) => {
                    if self.options.on("all-namespaces") && mapping.namespaced {
                        return Err(Failure::message("a resource cannot be retrieved by name across all namespaces"));
                    }
                    let part = if rules.type_alone { self.options.text("subresource") } else { "" };
                    let call = Call::get(mapping.path(&namespace, &name, part));
                    match self.api().await?.value(&call).await {
                        Ok(value) => selection.objects.push(Object::read(mapping, value)),
                        Err(Failure::Closed) => return Err(Failure::Closed),
                        Err(failure) => selection.fail(self.not_there(failure, &mapping, &namespace).await),
                    }
                }
                Wanted::All(mapping) => {
                    let scope = self.scope().await?;
                    match self.list(&self.list_call(&mapping, &scope)).await {
                        Ok(list) => selection.add_list(&mapping, list),
                        Err(Failure::Closed) => return Err(Failure::Closed),
                        Err(failure) => selection.fail(failure),
                    }
                }
            }
        }
        self.note_selected(&selection.objects);
        Ok(selection)
    }

    /// The objects that the arguments, or the files, name, without a look whether those with a name are there. What cannot be listed
    /// is told in the selection.
    ///
    /// # Errors
    /// As [`Session::select`].
    pub async fn name(&self, args: &[String], rules: Rules) -> Result<Selection, Failure> {
        if self.has_files() && args.is_empty() {
            let objects = self.objects_of_files().await?;
            return Ok(Selection { single: objects.len() == 1, objects, failures: Vec::new() });
        }
        if self.has_files() || self.is_selected() {
            return self.select(args, rules).await;
        }
        let (wanted, single) = self.wanted(args, rules).await?;
        let namespace = self.namespace().await?;
        let mut selection = Selection { single, ..Selection::default() };
        for wanted in wanted {
            let Wanted::Named(mapping, name) = wanted else { return self.select(args, rules).await };
            if self.options.on("all-namespaces") && mapping.namespaced {
                return Err(Failure::message("a resource cannot be retrieved by name across all namespaces"));
            }
            let namespace = if mapping.namespaced { namespace.clone() } else { String::new() };
            selection.objects.push(Object { mapping, namespace, name, value: Value::Null, source: String::new() });
        }
        Ok(selection)
    }

    /// Gets the objects that the files name, as the server has them.
    async fn select_files(&self) -> Result<Selection, Failure> {
        let local = self.objects_of_files().await?;
        let mut selection = Selection { single: local.len() == 1, ..Selection::default() };
        for object in local {
            match self.api().await?.value(&Call::get(object.path())).await {
                Ok(value) => selection.objects.push(Object::read(object.mapping, value)),
                Err(Failure::Closed) => return Err(Failure::Closed),
                Err(failure) => selection.fail(self.not_there(failure, &object.mapping, &object.namespace).await),
            }
        }
        self.note_selected(&selection.objects);
        Ok(selection)
    }

    /// The objects in the files, with their kinds and the namespaces they would go to.
    ///
    /// # Errors
    /// When files cannot be read, are no manifests, or are for another namespace than `-n` says.
    pub async fn objects_of_files(&self) -> Result<Vec<Object>, Failure> {
        let read = manifests::read(self).await?;
        self.recognize(&read).await?;
        let mut objects = Vec::new();
        for (value, source) in read {
            objects.push(Object { source, ..self.local(value).await? });
        }
        Ok(objects)
    }

    /// Looks whether the server says what it has, for what was read from files. Where manifests are validated, kubectl asks for the
    /// server's schema first.
    ///
    /// # Errors
    /// When it does not, told of each.
    pub async fn recognize(&self, read: &[(Value, String)]) -> Result<(), Failure> {
        self.api().await?;
        let failure = match self.discovery().await {
            Ok(_) | Err(Failure::Closed) => return Ok(()),
            Err(failure) => failure,
        };
        if matches!(self.options.text("validate"), "true" | "strict" | "warn") {
            let schema = Call::get("/openapi/v2").query("timeout", TIMEOUT).opaque();
            if let Err(failure) = self.api().await?.bytes(&schema).await {
                let source = read.first().map_or("", |(_, source)| source);
                return Err(Failure::message(format!(
                    "error validating {}: error validating data: failed to download openapi: {}; if you choose to ignore these errors, turn validation off with --validate=false",
                    quote(source),
                    failure.words()
                )));
            }
        }
        self.log_undiscovered(&failure, read.len()).await?;
        let told = |(_, source): &(Value, String)| {
            Failure::message(format!("unable to recognize {}: {}", quote(source), failure.words()))
        };
        Failure::together(read.iter().map(told).collect())
    }

    /// A manifest as an object: its kind looked up, its namespace filled in.
    ///
    /// # Errors
    /// When the server has no such kind, or the namespace is not that of `-n`.
    pub async fn local(&self, value: Value) -> Result<Object, Failure> {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let mapping = self.mapping_of(&api_version, &kind).await.map_err(|failure| match failure {
            Failure::Message(message) if message.starts_with("no matches for kind") => Failure::message(format!(
                "resource mapping not found for name: {} namespace: {} from {}: {message}\nensure CRDs are installed first",
                quote(value["metadata"]["name"].as_str().unwrap_or_default()),
                quote(value["metadata"]["namespace"].as_str().unwrap_or_default()),
                quote(self.options.all("filename").first().map_or("STDIN", |name| if name == "-" { "STDIN" } else { name })),
            )),
            other => other,
        })?;
        self.placed(mapping, value).await
    }

    /// A manifest of a kind as an object: its namespace filled in.
    ///
    /// # Errors
    /// When the namespace is not that of `-n`.
    pub async fn placed(&self, mapping: Arc<Mapping>, mut value: Value) -> Result<Object, Failure> {
        if mapping.namespaced {
            let namespace = self.namespace().await?;
            match value["metadata"]["namespace"].as_str() {
                None | Some("") => {
                    if let Some(metadata) = value["metadata"].as_object_mut() {
                        metadata.insert("namespace".into(), Value::String(namespace));
                    }
                }
                Some(own) if !self.options.text("namespace").is_empty() && own != namespace => {
                    return Err(Failure::message(format!(
                        "the namespace from the provided object {} does not match the namespace {}. You must pass '--namespace={own}' to perform this operation.",
                        quote(own),
                        quote(&namespace)
                    )));
                }
                Some(_) => {}
            }
        }
        Ok(Object::read(mapping, value))
    }
}

impl Selection {
    /// Adds what a list holds. A list's objects don't say what they are.
    pub fn add_list(&mut self, mapping: &Arc<Mapping>, mut list: Value) {
        if let Value::Array(items) = list["items"].take() {
            for item in items {
                self.objects.push(Object::read(Arc::clone(mapping), with_kind(item, mapping)));
            }
        }
    }

    /// Adds a failure unless the same was told before.
    pub fn fail(&mut self, failure: Failure) {
        let words = failure.report().0;
        if !self.failures.iter().any(|known| known.report().0 == words) {
            self.failures.push(failure);
        }
    }

    /// Leaves out objects that are not there, for `--ignore-not-found`.
    pub fn ignore_not_found(&mut self) {
        self.failures.retain(|failure| !failure.is_not_found());
    }

    /// The objects, if there was nothing wrong.
    ///
    /// # Errors
    /// What was wrong.
    pub fn complete(self) -> Result<Vec<Object>, Failure> {
        Failure::together(self.failures)?;
        Ok(self.objects)
    }
}

/// The object with `apiVersion` and `kind` filled in.
pub fn with_kind(mut item: Value, mapping: &Mapping) -> Value {
    if let Some(map) = item.as_object_mut() {
        if !map.contains_key("kind") {
            map.insert("kind".into(), Value::String(mapping.kind.clone()));
        }
        if !map.contains_key("apiVersion") {
            map.insert("apiVersion".into(), Value::String(mapping.api_version()));
        }
    }
    item
}

/// A `NotFound` in the words of the API server, for objects that are not there by our own knowledge.
pub fn not_found(mapping: &Mapping, name: &str) -> Failure {
    ApiFailure {
        code: 404,
        reason: "NotFound".into(),
        message: format!("{} {} not found", mapping.group_resource(), quote(name)),
        details: Value::Null,
    }
    .into()
}
