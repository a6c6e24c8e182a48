//! `kubectl describe`

use crate::tools::kubectl::describe;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{FILES, Flag};
use crate::tools::kubectl::resources::{Rules, Selection, Wanted};
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all-namespaces").short('A'),
        Flag::number("chunk-size", "500"),
        Flag::text("selector").short('l'),
        Flag::switch("show-events").or("true"),
    ],
    FILES,
];

/// Describes objects.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let args = &session.options.args;
    if args.is_empty() && !session.has_files() {
        return Err(Failure::message(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.",
        ));
    }
    let rules = Rules { type_alone: true, selectors: true, ..Rules::default() };
    let mut selection = session.select(args, rules).await?;
    let mut prefixed = false;
    if selection.objects.is_empty()
        && selection.failures.len() == 1
        && selection.failures[0].is_not_found()
        && args.len() == 2
    {
        // A name that is not there may be the beginning of others.
        prefixed = true;
        let failure = selection.failures.remove(0);
        selection = beginning_with(session, &args[1]).await?;
        if selection.objects.is_empty() {
            return Err(failure);
        }
    }
    if prefixed {
        for object in &selection.objects {
            session.print(describe::describe(session, object).await? + "\n").await?;
        }
        return Ok(());
    }
    for (at, object) in selection.objects.iter().enumerate() {
        let text = describe::describe(session, object).await?;
        session.print(if at == 0 { text } else { format!("\n\n{text}") }).await?;
    }
    if selection.objects.is_empty() && selection.failures.is_empty() {
        let text = if session.options.on("all-namespaces") {
            "No resources found\n".to_owned()
        } else {
            format!("No resources found in {} namespace.\n", session.namespace().await?)
        };
        session.complain(text).await?;
    }
    Failure::together(selection.failures)
}

async fn beginning_with(session: &Session, prefix: &str) -> Result<Selection, Failure> {
    let kinds = session.options.args[..1].to_vec();
    let (wanted, _) = session.wanted(&kinds, Rules { type_alone: true, selectors: false, ..Rules::default() }).await?;
    let mut selection = Selection::default();
    for one in wanted {
        if let Wanted::All(mapping) = one {
            let scope = session.scope().await?;
            let list = session.list(&session.list_call(&mapping, &scope)).await?;
            selection.add_list(&mapping, list);
        }
    }
    selection.objects.retain(|object| object.name.starts_with(prefix));
    Ok(selection)
}
