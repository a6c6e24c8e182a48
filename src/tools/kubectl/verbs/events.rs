//! `kubectl events`

use serde_json::{Value, json};

use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::describe::interval;
use crate::tools::kubectl::discovery::built_in;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{Flag, PRINT};
use crate::tools::kubectl::print::columns::Columns;
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::{CHUNK, with_kind};
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all-namespaces").short('A'),
        Flag::number("chunk-size", CHUNK),
        Flag::text("for"),
        Flag::switch("no-headers"),
        Flag::list("types"),
        Flag::switch("watch").short('w'),
    ],
    PRINT,
];

/// Shows events, the oldest first, and those to come when asked to.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if let Some(word) = options.args.first() {
        return Err(session.usage(format!("unknown command {word:?} for \"kubectl events\"")));
    }
    if options.all("types").iter().any(|kind| !["normal", "warning"].contains(&kind.to_lowercase().as_str())) {
        return Err(Failure::message("valid --types are Normal or Warning"));
    }
    let everywhere = options.on("all-namespaces");
    let namespace = session.namespace().await?;
    let mapping = built_in().of("v1", "Event")?;
    let mut list = Call::get(mapping.path(if everywhere { "" } else { &namespace }, "", ""));
    if !options.text("for").is_empty() {
        list = list.query("fieldSelector", about(session, options.text("for")).await?);
    }
    let mut printer = ObjectPrinter::chosen(session).await?;
    let mut answer = session.list(&list).await?;
    let wanted = |event: &Value| {
        let types = options.all("types");
        types.is_empty()
            || types.iter().any(|kind| event["type"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(kind)))
    };
    let mut events: Vec<Value> = match answer["items"].take() {
        Value::Array(items) => {
            items.into_iter().filter(|event| wanted(event)).map(|item| with_kind(item, &mapping)).collect()
        }
        _ => Vec::new(),
    };
    events.sort_by_key(when);
    let watch = options.on("watch");
    if events.is_empty() && !watch {
        return session
            .complain(if everywhere {
                "No events found.\n".to_owned()
            } else {
                format!("No events found in {namespace} namespace.\n")
            })
            .await;
    }
    let mut columns = Columns::table();
    match &mut printer {
        Some(printer) if watch => {
            for event in &events {
                session.print(printer.print(event)?).await?;
            }
        }
        // kubectl prints no names of a list of events.
        Some(printer) if printer.is_name() => return Ok(()),
        Some(printer) => {
            return session
                .print(
                    printer
                        .print(&json!({"apiVersion": "v1", "items": events, "kind": "EventList", "metadata": {}}))?,
                )
                .await;
        }
        None => {
            if !options.on("no-headers") {
                let first = if everywhere { "NAMESPACE\t" } else { "" };
                columns.write(&format!("{first}LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n"));
            }
            for event in &events {
                columns.write(&row(session, event, everywhere));
            }
            session.print(columns.flush()).await?;
        }
    }
    if !watch {
        return Ok(());
    }
    let version = answer["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let mut stream =
        session.api().await?.stream(&list.query("watch", "true").query("resourceVersion", version)).await?;
    while let Some((kind, event)) = stream.event().await? {
        if kind == "DELETED" || kind == "BOOKMARK" || !wanted(&event) {
            continue;
        }
        let text = match &mut printer {
            Some(printer) => printer.print(&with_kind(event, &mapping))?,
            None => {
                columns.write(&row(session, &event, everywhere));
                columns.flush().into_bytes()
            }
        };
        session.print(text).await?;
    }
    Ok(())
}

/// The fields that choose the events about `TYPE/NAME`.
async fn about(session: &Session, word: &str) -> Result<String, Failure> {
    let Some((kind, name)) = word.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty()) else {
        return Err(Failure::message("--for must be in resource/name form"));
    };
    let mapping = session.mapping(kind).await?;
    Ok(format!(
        "involvedObject.apiVersion={},involvedObject.kind={},involvedObject.name={name}",
        mapping.api_version(),
        mapping.kind
    ))
}

/// When it happened last.
fn when(event: &Value) -> Option<jiff::Timestamp> {
    let times = [&event["series"]["lastObservedTime"], &event["lastTimestamp"], &event["eventTime"]];
    times.into_iter().find_map(Value::as_str)?.parse().ok()
}

fn row(session: &Session, event: &Value, with_namespace: bool) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &event["involvedObject"];
    let namespace = if with_namespace { text(&event["metadata"]["namespace"]) + "\t" } else { String::new() };
    format!(
        "{namespace}{}\t{}\t{}\t{}/{}\t{}\n",
        interval(event, session.clock().now()),
        text(&event["type"]),
        text(&event["reason"]),
        text(&object["kind"]),
        text(&object["name"]),
        text(&event["message"]).trim()
    )
}
