//! `kubectl create poddisruptionbudget`, `priorityclass`, `quota` and `cronjob`.

use serde_json::{Map, Value, json};

use super::create::{self, COMMON};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::options::{DRY_RUN, Flag, PRINT};
use crate::tools::kubectl::quantity;
use crate::tools::kubectl::session::Session;

/// The options of `create poddisruptionbudget`.
pub const BUDGET_OPTIONS: &[&[Flag]] =
    &[COMMON, &[Flag::text("max-unavailable"), Flag::text("min-available"), Flag::text("selector")], DRY_RUN, PRINT];
/// The options of `create priorityclass`.
pub const PRIORITY_OPTIONS: &[&[Flag]] = &[
    COMMON,
    &[
        Flag::text("description"),
        Flag::switch("global-default"),
        Flag::text("preemption-policy").or("PreemptLowerPriority"),
        Flag::number("value", "0"),
    ],
    DRY_RUN,
    PRINT,
];
/// The options of `create quota`.
pub const QUOTA_OPTIONS: &[&[Flag]] = &[COMMON, &[Flag::text("hard"), Flag::text("scopes")], DRY_RUN, PRINT];
/// The options of `create cronjob`.
pub const CRON_JOB_OPTIONS: &[&[Flag]] =
    &[COMMON, &[Flag::text("image"), Flag::text("restart"), Flag::text("schedule")], DRY_RUN, PRINT];

/// A number or a share of all, as a manifest has it.
fn share(option: &str, text: &str) -> Result<Value, Failure> {
    let digits = text.strip_suffix('%').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::message(format!("invalid format specified for {option}")));
    }
    Ok(match text.parse::<i64>() {
        Ok(number) => json!(number),
        Err(_) => json!(text),
    })
}

/// Creates a PodDisruptionBudget.
///
/// # Errors
/// As kubectl.
pub async fn budget(session: &Session) -> Result<(), Failure> {
    let name = create::name(session)?;
    let text = |option: &str| session.options.text(option);
    let (least, most) = (text("min-available"), text("max-unavailable"));
    if text("selector").is_empty() {
        return Err(Failure::message("a selector must be specified"));
    }
    let (field, value) = match (least, most) {
        ("", "") => return Err(Failure::message("one of min-available or max-unavailable must be specified")),
        (least, "") => ("minAvailable", share("min-available", least)?),
        ("", most) => ("maxUnavailable", share("max-unavailable", most)?),
        _ => return Err(Failure::message("min-available and max-unavailable cannot be both specified")),
    };
    let mut spec = json!({"selector": create::selector(text("selector"))?});
    spec[field] = value;
    let value = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"creationTimestamp": null, "name": name}, "spec": spec,
        "status": {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0}});
    create::make_named(session, value, "poddisruptionbudgets").await
}

/// Creates a PriorityClass.
///
/// # Errors
/// As kubectl.
pub async fn priority(session: &Session) -> Result<(), Failure> {
    let name = create::name(session)?;
    let options = &session.options;
    let mut value = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
        "metadata": {"creationTimestamp": null, "name": name},
        "preemptionPolicy": options.text("preemption-policy"), "value": options.number("value")});
    if options.on("global-default") {
        value["globalDefault"] = json!(true);
    }
    if !options.text("description").is_empty() {
        value["description"] = json!(options.text("description"));
    }
    create::make_named(session, value, "priorityclass").await
}

/// Creates a ResourceQuota.
///
/// # Errors
/// As kubectl.
pub async fn quota(session: &Session) -> Result<(), Failure> {
    let name = create::name(session)?;
    let mut spec = Map::new();
    let hard = session.options.text("hard");
    if !hard.is_empty() {
        let mut amounts = Map::new();
        for pair in hard.split(',') {
            let parts: Vec<&str> = pair.split('=').collect();
            let [resource, amount] = parts.as_slice() else {
                return Err(Failure::message(format!("Invalid argument syntax {pair}, expected <resource>=<value>")));
            };
            amounts.insert((*resource).to_owned(), json!(canonical(amount)?));
        }
        spec.insert("hard".into(), amounts.into());
    }
    let scopes = session.options.text("scopes");
    if !scopes.is_empty() {
        if scopes.split(',').any(str::is_empty) {
            return Err(Failure::message(format!("invalid resource quota scope {}", quote(""))));
        }
        spec.insert("scopes".into(), scopes.split(',').collect());
    }
    let value = json!({"apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"creationTimestamp": null, "name": name}, "spec": spec, "status": {}});
    create::make_named(session, value, "quota").await
}

/// An amount in the form that Kubernetes writes it in.
///
/// # Errors
/// When it is none.
pub fn canonical(amount: &str) -> Result<String, Failure> {
    if quantity::parse(amount).is_none() {
        return Err(Failure::message(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ));
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(milli) = amount.strip_suffix('m').filter(|text| digits(text)) {
        return Ok(quantity::from_milli(milli.parse().unwrap_or_default()));
    }
    if let Some(number) = amount.strip_suffix('i').filter(|text| text.len() > 1 && digits(&text[..text.len() - 1])) {
        let _ = number;
        return Ok(quantity::from_bytes(quantity::whole(amount)));
    }
    Ok(amount.to_owned())
}

/// Creates a CronJob.
///
/// # Errors
/// As kubectl.
pub async fn cron_job(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    create::required(session, &["image", "schedule"])?;
    let words = options.dash.map_or(&[][..], |dash| &options.args[dash..]);
    let named = &options.args[..options.dash.unwrap_or(options.args.len())];
    let (name, words) = match named {
        [name, rest @ ..] => (name, if rest.is_empty() { words } else { rest }),
        [] => return Err(session.usage("exactly one NAME is required, got 0")),
    };
    let mut container = json!({"name": name, "image": options.text("image"), "resources": {}});
    if !words.is_empty() {
        container["command"] = json!(words);
    }
    let restart = match options.text("restart") {
        "" => "OnFailure",
        other => other,
    };
    let value = json!({"apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"creationTimestamp": null, "name": name},
        "spec": {"jobTemplate": {"metadata": {"creationTimestamp": null, "name": name},
            "spec": {"template": {"metadata": {"creationTimestamp": null},
                "spec": {"containers": [container], "restartPolicy": restart}}}},
            "schedule": options.text("schedule")},
        "status": {}});
    create::make_named(session, value, "cronjob").await
}
