//! `kubectl get --watch`: what is there, then what happens to it.

use serde_json::Value;

use super::get::{as_table, table_of, table_options, watch_event};
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::{ApiFailure, Failure};
use crate::tools::kubectl::print::columns::Columns;
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::print::table::TablePrinter;
use crate::tools::kubectl::resources::{Rules, Wanted, with_kind};
use crate::tools::kubectl::session::Session;

/// Prints objects and watches them until the call is cancelled or the server ends the watch.
///
/// # Errors
/// As kubectl; also when more than one type is asked for.
pub async fn run(session: &Session, mut printer: Option<ObjectPrinter>) -> Result<(), Failure> {
    let options = &session.options;
    let (wanted, _) =
        session.wanted(&options.args, Rules { type_alone: true, selectors: true, ..Rules::default() }).await?;
    let one_type = "watch is only supported on individual resources and resource collections";
    let [wanted] = wanted.as_slice() else {
        let names = wanted.iter().filter(|one| matches!(one, Wanted::Named(..))).count();
        return Err(Failure::message(format!("{one_type} - {} resources were found", names.max(wanted.len()))));
    };
    let scope = session.scope().await?;
    let (mapping, list) = match wanted {
        Wanted::Named(mapping, name) => {
            (mapping, Call::get(mapping.path(&scope, "", "")).query("fieldSelector", format!("metadata.name={name}")))
        }
        Wanted::All(mapping) => (mapping, session.list_call(mapping, &scope)),
    };
    let plain = printer.is_some();
    let shaped = |call: Call| if plain { call } else { as_table(session, call) };
    let events = options.on("output-watch-events");
    let mut rows = TablePrinter::new(table_options(session, mapping, false));
    let mut columns = Columns::table();
    let mut first = session.api().await?.value(&shaped(list.clone())).await?;
    if let Wanted::Named(mapping, name) = wanted {
        let empty = ["items", "rows"].iter().all(|key| first[*key].as_array().is_none_or(Vec::is_empty));
        if empty {
            return Err(crate::tools::kubectl::resources::not_found(mapping, name));
        }
    }
    let version = first["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    if !options.on("watch-only") {
        match &mut printer {
            Some(printer) => {
                for item in first["items"].as_array_mut().into_iter().flatten() {
                    let item = with_kind(item.take(), mapping);
                    let item = if events { watch_event("ADDED", &item) } else { item };
                    session.print(printer.print(&item)?).await?;
                }
            }
            None => {
                rows.print(&table_of(session, first), events.then_some("ADDED"), &mut columns);
                session.print(columns.flush()).await?;
            }
        }
    }
    let call = shaped(list).query("resourceVersion", version).query("watch", "true");
    let mut stream = session.api().await?.stream(&call).await?;
    while let Some((kind, object)) = stream.event().await? {
        match kind.as_str() {
            "BOOKMARK" => {}
            "ERROR" => return Err(status(&object)),
            kind => {
                let text = match &mut printer {
                    Some(printer) if events => printer.print(&watch_event(kind, &object))?,
                    Some(printer) => printer.print(&object)?,
                    None => {
                        rows.print(&table_of(session, object), events.then_some(kind), &mut columns);
                        columns.flush().into_bytes()
                    }
                };
                session.print(text).await?;
            }
        }
    }
    Ok(())
}

/// The failure that a watch ends with.
pub fn status(object: &Value) -> Failure {
    let code = object["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(500);
    ApiFailure::read(code, object.to_string().as_bytes(), false, "").into()
}
