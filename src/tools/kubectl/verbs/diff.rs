//! `kubectl diff`: what `apply` would change, line by line. kubectl starts the program `diff -u -N` on two temporary folders;
//! here the same text is made in process.

use serde_json::{Value, json};
use similar::TextDiff;

use super::apply;
use super::dry_run::DryRun;
use super::prune;
use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{FILES, Flag};
use crate::tools::kubectl::resources::Object;
use crate::tools::kubectl::session::Session;
use crate::tools::yaml::{Dialect, to_yaml};

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::number("concurrency", "1"),
        Flag::text("field-manager").or("kubectl-client-side-apply"),
        Flag::switch("force-conflicts"),
        Flag::switch("prune"),
        Flag::each("prune-allowlist"),
        Flag::text("selector").short('l'),
        Flag::switch("server-side"),
        Flag::switch("show-managed-fields"),
        Flag::text("validate").or("ignore"),
    ],
    FILES,
];

/// Shows how the objects of files differ from those in the cluster.
///
/// # Errors
/// Status 1 when they differ, 2 for everything that went wrong, as kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    match differences(session).await {
        Ok(text) if text.is_empty() => Ok(()),
        Ok(text) => {
            session.print(text).await?;
            Err(Failure::Status(1))
        }
        Err(failure @ (Failure::Closed | Failure::Status(_))) => Err(failure),
        Err(failure) => {
            session.complain(failure.report().0).await?;
            Err(Failure::Status(2))
        }
    }
}

async fn differences(session: &Session) -> Result<String, Failure> {
    if let Some(word) = session.options.args.first() {
        return Err(session.usage(format!("Unexpected args: [{word}]")));
    }
    if !session.has_files() {
        return Err(Failure::message("must specify one of -f and -k"));
    }
    // One number for each of the two folders that kubectl would have made.
    let (live, merged) = (fastrand::u32(..), fastrand::u32(..));
    let at = session.clock().now().strftime("%Y-%m-%d %H:%M:%S.%9f +0000").to_string();
    let mut files = Vec::new();
    let to_prune = prune::chosen(session).await?;
    let mut visited = prune::Visited::default();
    for object in session.objects_of_files().await? {
        if !apply::is_selected(session, &object)? {
            continue;
        }
        let now = match session.api().await?.value(&Call::get(object.path())).await {
            Ok(now) => Some(now),
            Err(failure) if failure.is_not_found() => None,
            Err(failure) => return Err(failure),
        };
        let (then, _) = apply::one(session, &object, DryRun::Server).await?;
        visited.add(&object, &then);
        let (mut now, mut then) = (now, Some(then));
        keep_annotation(now.as_ref(), then.as_mut());
        if object.mapping.kind == "Secret" && object.mapping.group.is_empty() {
            hide(&mut now, &mut then);
        }
        files.push((file_name(&object), shown(session, now), shown(session, then)));
    }
    if session.options.on("prune") {
        for object in prune::all_left(session, &to_prune, &visited).await? {
            let (mut now, mut then) = (Some(object.value.clone()), None);
            if object.mapping.kind == "Secret" && object.mapping.group.is_empty() {
                hide(&mut now, &mut then);
            }
            // kubectl shows these with their bookkeeping.
            let text = now.map_or_else(String::new, |now| to_yaml(&now, Dialect::Kubectl));
            files.push((file_name(&object), text, String::new()));
        }
    }
    // `diff` goes through its folders in the order of names.
    files.sort();
    let mut out = String::new();
    for (name, now, then) in files {
        let (left, right) = (format!("/tmp/LIVE-{live}/{name}"), format!("/tmp/MERGED-{merged}/{name}"));
        let text = TextDiff::from_lines(&now, &then)
            .unified_diff()
            .context_radius(3)
            .header(&format!("{left}\t{at}"), &format!("{right}\t{at}"))
            .to_string();
        if !text.is_empty() {
            out.push_str(&format!("diff -u -N {left} {right}\n{text}"));
        }
    }
    Ok(out)
}

/// `apps.v1.Deployment.shop.web`
fn file_name(object: &Object) -> String {
    let mapping = &object.mapping;
    let group = if mapping.group.is_empty() { String::new() } else { format!("{}.", mapping.group) };
    format!("{group}{}.{}.{}.{}", mapping.version, mapping.kind, object.namespace, object.name)
}

/// `apply` would write down anew what was applied last; kubectl's comparison leaves that as it is.
fn keep_annotation(now: Option<&Value>, then: Option<&mut Value>) {
    let Some(metadata) = then.and_then(|then| then.get_mut("metadata")?.as_object_mut()) else { return };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    match now.and_then(|now| now["metadata"]["annotations"].get(apply::LAST_APPLIED)) {
        Some(last) => drop(annotations.insert(apply::LAST_APPLIED.into(), last.clone())),
        None => drop(annotations.remove(apply::LAST_APPLIED)),
    }
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}

/// Takes the secrets out of both sides; of one that differs stands which side it is.
fn hide(now: &mut Option<Value>, then: &mut Option<Value>) {
    let data =
        |side: &Option<Value>| side.as_ref().and_then(|side| side["data"].as_object().cloned()).unwrap_or_default();
    let (before, after) = (data(now), data(then));
    for (side, other, word) in [(now, &after, "before"), (then, &before, "after")] {
        let Some(data) = side.as_mut().and_then(|side| side["data"].as_object_mut()) else { continue };
        for (key, value) in data {
            let differs = other.get(key).is_some_and(|other| other != value);
            *value = json!(if differs { format!("*** ({word})") } else { "***".to_owned() });
        }
    }
}

/// An object as it is compared: without what is bookkeeping.
fn shown(session: &Session, object: Option<Value>) -> String {
    let Some(mut object) = object else { return String::new() };
    if !session.options.on("show-managed-fields")
        && let Some(metadata) = object["metadata"].as_object_mut()
    {
        metadata.remove("managedFields");
    }
    to_yaml(&object, Dialect::Kubectl)
}
