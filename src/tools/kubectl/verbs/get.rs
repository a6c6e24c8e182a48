//! `kubectl get`

use std::sync::Arc;

use serde_json::{Value, json};

use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::discovery::Mapping;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{FILES, Flag, PRINT};
use crate::tools::kubectl::print::columns::Columns;
use crate::tools::kubectl::print::object::{self, ObjectPrinter};
use crate::tools::kubectl::print::sort;
use crate::tools::kubectl::print::table::{self, TableOptions, TablePrinter};
use crate::tools::kubectl::resources::{CHUNK, Rules, Selection, Wanted};
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all-namespaces").short('A'),
        Flag::number("chunk-size", CHUNK),
        Flag::text("field-selector"),
        Flag::switch("ignore-not-found"),
        Flag::list("label-columns").short('L'),
        Flag::switch("no-headers"),
        Flag::switch("output-watch-events"),
        Flag::text("raw"),
        Flag::text("selector").short('l'),
        Flag::switch("server-print").or("true"),
        Flag::switch("show-kind"),
        Flag::switch("show-labels"),
        Flag::text("sort-by"),
        Flag::text("subresource"),
        Flag::switch("watch").short('w'),
        Flag::switch("watch-only"),
    ],
    FILES,
    PRINT,
];

const AS_TABLE: &str =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

/// Gets objects and prints them.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if !options.text("raw").is_empty() {
        if !options.args.is_empty() {
            return Err(Failure::message("arguments may not be passed when --raw is specified"));
        }
        if !options.text("raw").starts_with('/') {
            return Err(Failure::message(format!(
                "--raw must be a valid URL path: parse {}: invalid URI for request",
                quote(options.text("raw"))
            )));
        }
        let bytes = session.api().await?.bytes(&Call::get(options.text("raw"))).await?;
        return session.print(bytes).await;
    }
    let watch = options.on("watch") || options.on("watch-only");
    if watch && !options.text("sort-by").is_empty() {
        session.complain("warning: --watch or --watch-only requested, --sort-by will be ignored\n").await?;
    }
    if !watch && options.args.is_empty() && !session.has_files() {
        session
            .complain("You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n\n")
            .await?;
        return Err(session.usage(
            "Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource (e.g. kubectl explain pods).",
        ));
    }
    let output = options.text("output");
    if options.on("show-labels") && !matches!(output, "" | "wide") {
        return Err(Failure::message(format!("--show-labels option cannot be used with {output} printer")));
    }
    if options.on("output-watch-events") && !watch {
        return Err(Failure::message("--output-watch-events option can only be used with --watch or --watch-only"));
    }
    if session.has_files() && !options.args.is_empty() {
        return Err(Failure::message(
            "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well",
        ));
    }
    let printer = ObjectPrinter::chosen(session).await?;
    match (watch, printer) {
        (true, printer) => super::get_watch::run(session, printer).await,
        (false, Some(printer)) => objects(session, printer).await,
        (false, None) => tables(session).await,
    }
}

/// What is wrong inside of files, as `get` tells it: without its prefix.
fn of_files(failure: Failure) -> Failure {
    match failure {
        Failure::Message(words) if !words.starts_with("the path ") => Failure::Plain(words),
        other => other,
    }
}

/// How rows look.
pub(super) fn table_options(session: &Session, mapping: &Mapping, with_kind: bool) -> TableOptions {
    let options = &session.options;
    TableOptions {
        kind: if with_kind || options.on("show-kind") { mapping.group_kind() } else { String::new() },
        namespaces: options.on("all-namespaces") && mapping.namespaced,
        no_headers: options.on("no-headers"),
        wide: options.text("output") == "wide",
        label_columns: options.all("label-columns").iter().filter(|label| !label.is_empty()).cloned().collect(),
        show_labels: options.on("show-labels"),
    }
}

/// A request that asks for a table.
pub(super) fn as_table(session: &Session, call: Call) -> Call {
    let call = if session.options.on("server-print") { call.accept(AS_TABLE) } else { call };
    if session.options.text("sort-by").is_empty() { call } else { call.query("includeObject", "Object") }
}

/// The server's answer as a table, also when it sent none.
pub(super) fn table_of(session: &Session, answer: Value) -> Value {
    if answer["kind"] == "Table" {
        return answer;
    }
    let objects = match answer["items"].as_array() {
        Some(items) => items.clone(),
        None => vec![answer],
    };
    let now = session.clock().now();
    table::plain(&objects, |object| {
        crate::tools::kubectl::age::since(object["metadata"]["creationTimestamp"].as_str(), now)
    })
}

async fn tables(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let mut found: Vec<(Arc<Mapping>, Value)> = Vec::new();
    let mut failures = Selection::default();
    let namespace = session.namespace().await?;
    let mut wanted = Vec::new();
    if session.has_files() {
        for object in session.objects_of_files().await.map_err(of_files)? {
            let call = as_table(session, Call::get(object.part(options.text("subresource"))));
            wanted.push((object.mapping, call, true));
        }
    } else {
        let (read, _) =
            session.wanted(&options.args, Rules { type_alone: true, selectors: true, ..Rules::default() }).await?;
        for one in read {
            match one {
                Wanted::Named(mapping, name) => {
                    if options.on("all-namespaces") && mapping.namespaced {
                        return Err(Failure::message("a resource cannot be retrieved by name across all namespaces"));
                    }
                    let path = mapping.path(&namespace, &name, options.text("subresource"));
                    wanted.push((mapping, as_table(session, Call::get(path)), true));
                }
                Wanted::All(mapping) => {
                    let call = as_table(session, session.list_call(&mapping, &session.scope().await?));
                    wanted.push((mapping, call, false));
                }
            }
        }
    }
    for (mapping, call, one) in wanted {
        let place = call.namespace();
        let answer = if one { session.api().await?.value(&call).await } else { session.list(&call).await };
        match answer {
            Ok(answer) => found.push((mapping, table_of(session, answer))),
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) if one => failures.fail(session.not_there(failure, &mapping, &place).await),
            Err(failure) => failures.fail(failure),
        }
    }
    let with_kind = found.iter().any(|(mapping, _)| Some(mapping) != found.first().map(|(first, _)| first));
    let mut columns = Columns::table();
    let mut out = String::new();
    let mut last: Option<(Arc<Mapping>, TablePrinter)> = None;
    let mut separator = false;
    let all_namespaced = !options.on("all-namespaces") && found.iter().all(|(mapping, _)| mapping.namespaced);
    for (mapping, mut table) in found {
        if !options.text("sort-by").is_empty()
            && let Some(rows) = table["rows"].as_array_mut()
            && !rows.is_empty()
            && sort::sort(rows, options.text("sort-by"), Some("object")).is_err()
        {
            // Rows that cannot be sorted are not printed; kubectl says no more of it.
            rows.clear();
        }
        if last.as_ref().is_none_or(|(before, _)| *before != mapping) {
            push(&mut out, &columns.flush(), &mut separator);
            columns.forget();
            // A blank line stands between kinds when rows with headers came before.
            if last.is_some() && !options.on("no-headers") && !out.is_empty() {
                separator = true;
            }
            let printer = TablePrinter::new(table_options(session, &mapping, with_kind));
            last = Some((Arc::clone(&mapping), printer));
        }
        if let Some((_, printer)) = &mut last {
            printer.print(&table, None, &mut columns);
        }
    }
    push(&mut out, &columns.flush(), &mut separator);
    session.print(&out).await?;
    if options.on("ignore-not-found") {
        failures.ignore_not_found();
    }
    if out.is_empty() && !options.on("ignore-not-found") && failures.failures.is_empty() {
        session
            .complain(if all_namespaced {
                format!("No resources found in {namespace} namespace.\n")
            } else {
                "No resources found\n".to_owned()
            })
            .await?;
    }
    Failure::together(failures.failures)
}

fn push(out: &mut String, text: &str, separator: &mut bool) {
    if text.is_empty() {
        return;
    }
    if std::mem::take(separator) {
        out.push('\n');
    }
    out.push_str(text);
}

async fn objects(session: &Session, mut printer: ObjectPrinter) -> Result<(), Failure> {
    let options = &session.options;
    let mut selection =
        session.select(&options.args, Rules { type_alone: true, selectors: true, ..Rules::default() }).await?;
    if options.on("ignore-not-found") {
        selection.ignore_not_found();
    }
    if selection.single && !selection.failures.is_empty() {
        return Failure::together(selection.failures);
    }
    if options.on("ignore-not-found") && selection.objects.is_empty() && (selection.single || session.has_files()) {
        return Failure::together(selection.failures);
    }
    let mut values: Vec<Value> = selection.objects.into_iter().map(|object| object.value).collect();
    let printed = if selection.single && values.len() == 1 {
        printer.print(&values.remove(0))?
    } else {
        printer.print(&object::list(values))?
    };
    session.print(printed).await?;
    Failure::together(selection.failures)
}

/// A watch event as `--output-watch-events` prints it.
pub(super) fn watch_event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}
