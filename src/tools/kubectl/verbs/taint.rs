//! `kubectl taint`

use http::Method;
use serde_json::{Value, json};

use super::dry_run::{DryRun, tell};
use crate::tools::kubectl::api::{Call, MERGE};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{DRY_RUN, Flag, PRINT};
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::{Object, Rules};
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::switch("all"),
        Flag::text("field-manager").or("kubectl-taint"),
        Flag::switch("overwrite"),
        Flag::text("selector").short('l'),
        Flag::text("validate").or("strict").alone("strict"),
    ],
    DRY_RUN,
    PRINT,
];

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// A taint that is set, or, without an effect of its own, one that is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    key: String,
    value: String,
    effect: String,
    remove: bool,
}

/// Sets and removes taints of nodes.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    let is_change = |arg: &String| arg.contains('=') || arg.contains(':') || (arg.ends_with('-') && arg.len() > 1);
    let split = options.args.iter().position(is_change).unwrap_or(options.args.len());
    let (resources, specs) = options.args.split_at(split);
    if resources.is_empty() {
        return Err(Failure::message("one or more resources must be specified as <resource> <name>"));
    }
    if let Some(spec) = specs.iter().find(|spec| !is_change(spec)) {
        return Err(Failure::message(format!("all resources must be specified before taint changes: {spec}")));
    }
    if specs.is_empty() {
        return Err(Failure::message("at least one taint update is required"));
    }
    let kind = session.mapping(resources[0].split('/').next().unwrap_or_default()).await?;
    if kind.kind != "Node" {
        return Err(Failure::message(format!("invalid resource type {}, only node types are supported", resources[0])));
    }
    let changes = specs.iter().map(|spec| change(spec)).collect::<Result<Vec<_>, _>>();
    let changes = changes.map_err(|failure| session.usage(failure.words()))?;
    fitting(session, &changes)?;
    let dry = DryRun::of(session).await?;
    let mut printer = ObjectPrinter::chosen(session).await?;
    let selection =
        session.select(resources, Rules { type_alone: options.on("all"), selectors: true, ..Rules::default() }).await?;
    let mut failures = selection.failures;
    for node in &selection.objects {
        match one(session, node, &changes, dry).await {
            // kubectl does not say of a taint that nothing was sent.
            Ok((value, done)) => tell(session, &mut printer, node, &value, done, DryRun::No).await?,
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}

/// Looks whether no taint is asked for twice.
fn fitting(session: &Session, changes: &[Change]) -> Result<(), Failure> {
    for (at, change) in changes.iter().enumerate() {
        let same = |other: &&Change| other.key == change.key && other.effect == change.effect;
        if !change.remove && changes[..at].iter().filter(|other| !other.remove).any(|other| same(&other)) {
            let told = format!("{{{} {} {} <nil>}}", change.key, change.value, change.effect);
            return Err(session.usage(format!("duplicated taints with the same key and effect: {told}")));
        }
    }
    let both = |change: &&Change| {
        let removed = |other: &Change| {
            other.remove && other.key == change.key && (other.effect.is_empty() || other.effect == change.effect)
        };
        !change.remove && changes.iter().any(removed)
    };
    let both: Vec<String> =
        changes.iter().filter(both).map(|change| format!("{}={}", change.key, change.effect)).collect();
    if both.is_empty() {
        return Ok(());
    }
    Err(Failure::message(format!(
        "can not both modify and remove the following taint(s) in the same command: {}",
        both.join(", ")
    )))
}

/// Reads `key=value:Effect`, `key:Effect`, `key:Effect-`, `key-`.
fn change(spec: &str) -> Result<Change, Failure> {
    let invalid = |why: String| Failure::message(format!("invalid taint spec: {spec}, {why}"));
    let (body, remove) = match spec.strip_suffix('-') {
        Some(body) => (body, true),
        None => (spec, false),
    };
    let (pair, effect) = body.split_once(':').unwrap_or((body, ""));
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    if key.is_empty() {
        return Err(invalid("name part must be non-empty".into()));
    }
    if effect.is_empty() && !remove {
        return Err(Failure::message(format!("invalid taint spec: {spec}")));
    }
    if !effect.is_empty() && !EFFECTS.contains(&effect) {
        return Err(Failure::message(format!("invalid taint effect: {effect}, unsupported taint effect")));
    }
    Ok(Change { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned(), remove })
}

async fn one(
    session: &Session,
    node: &Object,
    changes: &[Change],
    dry: DryRun,
) -> Result<(Value, &'static str), Failure> {
    let overwrite = session.options.on("overwrite");
    let mut taints: Vec<Value> = node.value["spec"]["taints"].as_array().cloned().unwrap_or_default();
    let is = |taint: &Value, change: &Change| {
        taint["key"] == change.key.as_str() && (change.effect.is_empty() || taint["effect"] == change.effect.as_str())
    };
    let taken: Vec<String> = changes
        .iter()
        .filter(|change| !change.remove && taints.iter().any(|taint| is(taint, change)))
        .map(|change| change.key.clone())
        .collect();
    let looks = session.effects().is_some();
    if !overwrite && !taken.is_empty() && !looks {
        return Err(Failure::message(format!(
            "node {} already has {} taint(s) with same effect(s) and --overwrite is false",
            node.name,
            taken.join(",")
        )));
    }
    let (mut set, mut removed, mut modified) = (false, false, false);
    for change in changes {
        let before = taints.len();
        taints.retain(|taint| !is(taint, change));
        let gone = before != taints.len();
        if change.remove {
            if !gone && !looks {
                let effect = if change.effect.is_empty() { String::new() } else { format!(":{}", change.effect) };
                return Err(Failure::message(format!("taint \"{}{effect}\" not found", change.key)));
            }
            removed = true;
            continue;
        }
        let mut taint = json!({"effect": change.effect, "key": change.key});
        if !change.value.is_empty() {
            taint["value"] = json!(change.value);
        }
        taints.insert(0, taint);
        if gone { modified = true } else { set = true }
    }
    let done = match (set, removed, modified) {
        (true, false, false) => "tainted",
        (false, true, false) => "untainted",
        _ => "modified",
    };
    if dry == DryRun::Client {
        let mut value = node.value.clone();
        value["spec"]["taints"] = json!(taints);
        return Ok((value, done));
    }
    let patch = json!({"spec": {"taints": taints}}).to_string().into_bytes();
    let call = Call::new(Method::PATCH, node.path())
        .query("fieldManager", session.options.text("field-manager"))
        .query("dryRun", dry.query())
        .body(MERGE, patch);
    Ok((session.api().await?.value(&call).await?, done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_read_as_kubectl_reads_them() {
        let read = |spec: &str| change(spec).map(|c| (c.key, c.value, c.effect, c.remove)).ok();
        let wanted = |key: &str, value: &str, effect: &str, remove| {
            Some((key.to_owned(), value.to_owned(), effect.to_owned(), remove))
        };
        assert_eq!(read("a=b:NoSchedule"), wanted("a", "b", "NoSchedule", false));
        assert_eq!(read("a:NoExecute"), wanted("a", "", "NoExecute", false));
        assert_eq!(read("a:NoExecute-"), wanted("a", "", "NoExecute", true));
        assert_eq!(read("a-"), wanted("a", "", "", true));
        for spec in ["a", "a=b", "a=b:Never", ":NoSchedule"] {
            assert_eq!(read(spec), None, "{spec}");
        }
    }
}
