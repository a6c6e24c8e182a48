//! `kubectl edit`, and `kubectl apply edit-last-applied`: objects are written to a file, an editor changes it, and what is
//! different then is patched. What is not valid is edited again, until it is or the editor leaves it as it was.

use http::Method;
use serde_json::{Value, json};

use super::apply::{LAST_APPLIED, is_built_in, validation, with_last_applied};
use super::dry_run::{DryRun, no_resource, tell};
use crate::tools::kubectl::api::{Call, MERGE, STRATEGIC_MERGE};
use crate::tools::kubectl::claims;
use crate::tools::kubectl::editor::{self, Editor};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::jsonpath::go_value;
use crate::tools::kubectl::manifests::{decode, documents};
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{FILES, Flag, PRINT};
use crate::tools::kubectl::print::json::{compact, indented, sorted};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;
use crate::tools::kubectl::three_way;
use crate::tools::yaml::{Dialect, to_yaml};

/// The options of `edit`.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::text("field-manager").or("kubectl-edit"),
        Flag::switch("output-patch"),
        Flag::switch("save-config"),
        Flag::text("subresource"),
        Flag::text("validate").or("strict").alone("strict"),
        Flag::switch("windows-line-endings"),
    ],
    FILES,
    PRINT,
];
/// The options of `apply edit-last-applied`.
pub const LAST_APPLIED_OPTIONS: &[&[Flag]] = &[
    &[
        Flag::text("field-manager").or("kubectl-client-side-apply"),
        Flag::text("validate").or("strict").alone("strict"),
        Flag::switch("windows-line-endings"),
    ],
    FILES,
    PRINT,
];

/// What stands ahead of an object.
const HEADER: &str = "\
# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
";
/// What stands ahead of what was applied last.
const HEADER_OF_APPLIED: &str = "\
# Please edit the 'last-applied-configuration' annotations below.
# Lines beginning with a '#' will be ignored, and an empty file will abort the edit.
#
";

/// Lets objects be edited, and patches what is different then.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let objects = chosen(session).await?;
    if objects.is_empty() {
        return Err(Failure::message("edit cancelled, no objects found"));
    }
    edit(session, objects, Mode::Objects).await
}

/// Lets what was applied last be edited.
///
/// # Errors
/// As kubectl.
pub async fn last_applied(session: &Session) -> Result<(), Failure> {
    let mut kept = Vec::new();
    for object in chosen(session).await? {
        if let Some(text) = object.value["metadata"]["annotations"][LAST_APPLIED].as_str() {
            let value = serde_json::from_str(text).map_err(|error| Failure::message(error.to_string()))?;
            kept.push(Object::read(object.mapping, value));
        }
    }
    if kept.is_empty() {
        return Err(Failure::message(
            "no last-applied-configuration annotation found on resources, to create the annotation, use command `kubectl apply set-last-applied --create-annotation`",
        ));
    }
    edit(session, kept, Mode::Applied).await
}

/// Lets each object of files be edited, and creates what it is then.
///
/// # Errors
/// As kubectl.
pub async fn create(session: &Session) -> Result<(), Failure> {
    for object in session.objects_of_files().await? {
        edit(session, vec![object], Mode::New).await?;
    }
    Ok(())
}

async fn chosen(session: &Session) -> Result<Vec<Object>, Failure> {
    if let Some(failure) = no_resource(session) {
        return Err(failure);
    }
    let selection =
        session.select(&session.options.args, Rules { type_alone: true, selectors: false, ..Rules::default() }).await?;
    let validate = session.options.text("validate");
    if !matches!(validate, "strict" | "true" | "warn" | "ignore" | "false") {
        return Err(Failure::message(format!(
            "invalid - validate option {}; must be one of: strict (or true), warn, ignore (or false)",
            quote(validate)
        )));
    }
    selection.complete()
}

async fn edit(session: &Session, objects: Vec<Object>, mode: Mode) -> Result<(), Failure> {
    let format = session.options.text("output");
    if !matches!(format, "" | "json" | "yaml") {
        return Err(Failure::message(format!(
            "unable to match a printer suitable for the output format {}, allowed formats are: json,yaml",
            quote(format)
        )));
    }
    if let Some(effects) = session.effects() {
        // What an editor would make of it nobody can tell.
        return Err(claims::refuse(effects, claims::of_object(&objects[0])));
    }
    let json = format == "json";
    Editing { session, mode, editor: Editor::of(session), objects, json, results: Results::default() }.run().await
}

/// What is edited.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Objects,
    /// What `apply` keeps in their annotations.
    Applied,
    /// Objects that are not there yet.
    New,
}

/// Why the file is edited again, as its head tells.
struct Reason {
    head: String,
    causes: Vec<String>,
}

/// What came of the patches of one pass.
#[derive(Default)]
struct Results {
    reasons: Vec<Reason>,
    retryable: usize,
    not_found: usize,
    invalid: usize,
    /// The file that was edited; empty for none.
    file: String,
}

struct Editing<'a> {
    session: &'a Session,
    mode: Mode,
    editor: Editor,
    objects: Vec<Object>,
    /// Whether it is edited as JSON, which has no head.
    json: bool,
    results: Results,
}

impl Editing<'_> {
    async fn run(mut self) -> Result<(), Failure> {
        let session = self.session;
        let original = self.text();
        // What was edited and is not valid yet.
        let mut again: Option<Vec<u8>> = None;
        loop {
            let mut text = self.head();
            match &again {
                None => text.push_str(&original),
                Some(before) => text.push_str(&without_comments(&String::from_utf8_lossy(before))),
            }
            if session.options.on("windows-line-endings") && again.is_none() {
                text = text.replace('\n', "\r\n");
            }
            let ending = if self.json { ".json" } else { ".yaml" };
            let (edited, file) = match self.editor.edit(session, ending, text.as_bytes()).await {
                Ok(done) => done,
                Err(failure) => return self.preserved(failure, &self.results.file).await,
            };
            if again.as_ref().is_some_and(|before| is_same(before, &edited)) {
                let failure = Failure::message("Edit cancelled, no valid changes were saved.");
                return self.preserved(failure, &file).await;
            }
            if !self.results.file.is_empty() {
                editor::remove(session, &self.results.file);
            }
            self.results = Results { file: file.clone(), ..Results::default() };
            if validation(session) != "Ignore"
                && let Err(why) = looks_right(&edited)
            {
                let cause = format!("<nil>: Invalid value: \"The edited file failed validation\": {why}");
                session.complain(self.results.add_invalid(&self.objects[0], vec![cause])).await?;
                again = Some(edited);
                continue;
            }
            if is_same(original.as_bytes(), &edited) {
                editor::remove(session, &file);
                return session.complain("Edit cancelled, no changes made.\n").await;
            }
            if without_comments(&String::from_utf8_lossy(&edited)).trim().is_empty() {
                editor::remove(session, &file);
                return session.complain("Edit cancelled, saved file was empty.\n").await;
            }
            match self.read(&edited).await {
                Ok(updated) => {
                    if let Err(failure) = self.carry_out(updated).await {
                        return self.preserved(failure, &file).await;
                    }
                }
                Err(Failure::Closed) => return Err(Failure::Closed),
                Err(failure) => {
                    let head = format!("The edited file had a syntax error: {}", failure.words());
                    self.results.reasons.push(Reason { head, causes: Vec::new() });
                    again = Some(edited);
                    continue;
                }
            }
            if self.results.retryable > 0 {
                let word = format!("You can run `kubectl replace -f {file}` to try this update again.\n");
                session.complain(word).await?;
                return Err(Failure::Status(1));
            }
            if self.results.not_found > 0 {
                let word = format!("The edits you made on deleted resources have been saved to {}\n", quote(&file));
                session.complain(word).await?;
                return Err(Failure::Status(1));
            }
            if self.results.invalid == 0 {
                editor::remove(session, &file);
                return Ok(());
            }
            again = Some(edited);
        }
    }

    /// Tells where the changes are kept, if there are any, ahead of what went wrong.
    async fn preserved(&self, failure: Failure, file: &str) -> Result<(), Failure> {
        if !file.is_empty() && self.session.files().metadata(file).is_ok() {
            let word = format!("A copy of your changes has been stored to {}\n", quote(file));
            self.session.complain(word).await?;
        }
        Err(failure)
    }

    /// The head of the file: what it is for, and why it is edited again.
    fn head(&self) -> String {
        if self.json {
            return String::new();
        }
        let mut head = if self.mode == Mode::Applied { HEADER_OF_APPLIED } else { HEADER }.to_owned();
        for Reason { head: why, causes } in &self.results.reasons {
            let colon = if causes.is_empty() { "" } else { ":" };
            head.push_str(&format!("# {}{colon}\n", in_comment(why)));
            for cause in causes {
                head.push_str(&format!("# * {}\n", in_comment(cause)));
            }
            head.push_str("#\n");
        }
        head
    }

    /// The objects as they are written to the file: one as it is, several as a list.
    fn text(&self) -> String {
        let items: Vec<Value> = self.objects.iter().map(|object| without_managers(&object.value)).collect();
        let value = match items.as_slice() {
            [one] => one.clone(),
            _ => json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}}),
        };
        if self.json { indented(&value) } else { to_yaml(&sorted(&value), Dialect::Kubectl) }
    }

    /// The objects of the edited file.
    async fn read(&self, edited: &[u8]) -> Result<Vec<Object>, Failure> {
        let mut values = Vec::new();
        decode(&String::from_utf8_lossy(edited), "edited-file", false, &mut values)?;
        let mut objects = Vec::new();
        for value in values {
            let text = |key: &str| value[key].as_str().unwrap_or_default();
            let mapping = self.session.mapping_of(text("apiVersion"), text("kind")).await;
            let mapping = mapping.map_err(|failure| not_mapped(&failure, &value))?;
            objects.push(Object::read(mapping, value));
        }
        Ok(objects)
    }

    /// Patches what is different. What the server refuses is noted, and no error.
    async fn carry_out(&mut self, mut updated: Vec<Object>) -> Result<(), Failure> {
        let session = self.session;
        let home = session.namespace().await?;
        for object in updated.iter_mut().filter(|object| object.mapping.namespaced) {
            if object.namespace.is_empty() {
                object.namespace.clone_from(&home);
            }
            if object.namespace != home {
                let own = &object.namespace;
                return Err(Failure::message(format!(
                    "the namespace from the provided object {} does not match the namespace {}. You must pass '--namespace={own}' to perform this operation.",
                    quote(own),
                    quote(&home)
                )));
            }
        }
        for object in &mut updated {
            self.put_back_managers(object);
            if session.options.on("save-config") {
                object.value = with_last_applied(&object.value);
            }
        }
        for object in &updated {
            if self.mode == Mode::New {
                self.make(object).await?;
                continue;
            }
            let is_it = |one: &&Object| one.value["metadata"]["uid"] == object.value["metadata"]["uid"];
            let Some(before) = self.objects.iter().find(is_it).cloned() else {
                // Go tells its whole value.
                let shown = go_value(&object.value);
                return Err(Failure::message(format!(
                    "no original object found for &unstructured.Unstructured{{Object:{shown}}}"
                )));
            };
            if before.value == object.value {
                tell_anew(session, object, &object.value, "skipped").await?;
                continue;
            }
            match self.mode {
                Mode::Objects => self.patch(&before, object).await?,
                Mode::Applied | Mode::New => self.keep(object, &home).await?,
            }
        }
        Ok(())
    }

    async fn patch(&mut self, before: &Object, object: &Object) -> Result<(), Failure> {
        let session = self.session;
        let built_in = is_built_in(&object.mapping.group);
        let patch = if built_in {
            three_way::strategic(&object.mapping.kind, &before.value, &object.value, &before.value)
        } else {
            three_way::plain(&before.value, &object.value, &before.value)
        };
        if !patch["apiVersion"].is_null() || !patch["kind"].is_null() || patch["metadata"].get("name").is_some() {
            return Err(Failure::message("At least one of apiVersion, kind and name was changed"));
        }
        let patch = compact(&patch);
        if session.options.on("output-patch") {
            session.print(format!("Patch: {patch}\n")).await?;
        }
        let call = Call::new(Method::PATCH, object.part(session.options.text("subresource")))
            .query("fieldManager", session.options.text("field-manager"))
            .query("fieldValidation", validation(session))
            .body(if built_in { STRATEGIC_MERGE } else { MERGE }, patch.into_bytes());
        match session.api().await?.value(&call).await {
            Ok(changed) => tell_anew(session, object, &changed, "edited").await,
            Err(Failure::Closed) => Err(Failure::Closed),
            Err(failure) => session.complain(self.results.add(failure, object)).await,
        }
    }

    async fn make(&self, object: &Object) -> Result<(), Failure> {
        let call = Call::new(Method::POST, object.mapping.path(&object.namespace, "", ""))
            .query("fieldManager", self.session.options.text("field-manager"))
            .query("fieldValidation", validation(self.session))
            .json(&object.value);
        let created = self.session.api().await?.value(&call).await?;
        tell_anew(self.session, object, &created, "created").await
    }

    /// Keeps the edited configuration in the annotation, as what was applied last.
    async fn keep(&self, object: &Object, home: &str) -> Result<(), Failure> {
        let text = compact(&object.value) + "\n";
        let patch = json!({"metadata": {"annotations": {LAST_APPLIED: text}}}).to_string().into_bytes();
        let own = if object.mapping.namespaced { home } else { "" };
        let call = Call::new(Method::PATCH, object.mapping.path(own, &object.name, ""))
            .query("fieldManager", self.session.options.text("field-manager"))
            .query("fieldValidation", validation(self.session))
            .body(MERGE, patch);
        self.session.api().await?.value(&call).await?;
        tell_anew(self.session, object, &object.value, "edited").await
    }

    /// Who manages which fields is not shown in the file, and stays.
    fn put_back_managers(&self, object: &mut Object) {
        let uid = &object.value["metadata"]["uid"];
        let before = self.objects.iter().find(|one| one.value["metadata"]["uid"] == *uid);
        let Some(managers) = before.and_then(|one| one.value["metadata"].get("managedFields")).cloned() else { return };
        if let Some(metadata) = object.value["metadata"].as_object_mut() {
            metadata.insert("managedFields".into(), managers);
        }
    }
}

impl Results {
    /// Notes what the server said of a patch; answers the line that tells it.
    fn add(&mut self, failure: Failure, object: &Object) -> String {
        let (resource, name) = (object.mapping.group_resource(), quote(&object.name));
        match failure {
            Failure::Api(refused) if refused.reason == "Invalid" => {
                let part = |cause: &Value, key: &str| cause[key].as_str().unwrap_or_default().to_owned();
                let causes = refused.details["causes"].as_array().into_iter().flatten();
                let causes = causes.map(|one| format!("{}: {}", part(one, "field"), part(one, "message"))).collect();
                self.add_invalid(object, causes)
            }
            failure if failure.is_not_found() => {
                self.not_found += 1;
                format!("error: {resource} {name} could not be found on the server\n")
            }
            failure => {
                self.retryable += 1;
                format!("error: {resource} {name} could not be patched: {}\n", failure.words())
            }
        }
    }

    fn add_invalid(&mut self, object: &Object, causes: Vec<String>) -> String {
        let (resource, name) = (object.mapping.group_resource(), quote(&object.name));
        self.invalid += 1;
        self.reasons.push(Reason { head: format!("{resource} {name} was not valid"), causes });
        format!("error: {resource} {name} is invalid\n")
    }
}

/// Tells what was done with a printer for this object alone, as kubectl does: nothing stands between two of them.
async fn tell_anew(session: &Session, object: &Object, value: &Value, done: &str) -> Result<(), Failure> {
    let mut printer = ObjectPrinter::chosen(session).await?;
    tell(session, &mut printer, object, value, done, DryRun::No).await
}

/// The failure of an object in the edited file whose kind the server does not have.
fn not_mapped(failure: &Failure, value: &Value) -> Failure {
    let part = |key: &str| quote(value["metadata"][key].as_str().unwrap_or_default());
    Failure::message(format!(
        "resource mapping not found for name: {} namespace: {} from \"edited-file\": {}\nensure CRDs are installed first",
        part("name"),
        part("namespace"),
        failure.words()
    ))
}

/// Whether an edited file can be an object at all, as kubectl looks before it asks the server.
fn looks_right(edited: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(edited);
    // What is no YAML it has looked at without its comments.
    let read = documents(&text).or_else(|_| documents(&without_comments(&text)));
    let read = read.map_err(|why| format!("yaml: {why}"))?;
    let value = read.into_iter().next().unwrap_or_default();
    let unset: Vec<String> = ["apiVersion", "kind"]
        .into_iter()
        .filter(|field| value[*field].as_str().is_none_or(str::is_empty))
        .map(|field| format!("{field} not set"))
        .collect();
    match unset.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        many => Err(format!("[{}]", many.join(", "))),
    }
}

/// Whether two files say the same, whatever their comments.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (String::from_utf8_lossy(a), String::from_utf8_lossy(b));
    match (documents(&a), documents(&b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => without_comments(&a) == without_comments(&b),
    }
}

/// The lines that are no comments.
fn without_comments(text: &str) -> String {
    let is_comment = |line: &&str| line.trim().starts_with('#') && !line.trim().starts_with("#!");
    text.split_inclusive('\n').filter(|line| !is_comment(line)).collect()
}

/// A text of several lines in a comment.
fn in_comment(text: &str) -> String {
    text.replace('\n', "\n# ")
}

fn without_managers(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
    }
    value
}
