//! `kubectl autoscale`

use serde_json::json;

use super::create;
use super::dry_run::DryRun;
use super::expose;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::options::{DRY_RUN, FILES, Flag, PRINT};
use crate::tools::kubectl::resources::Rules;
use crate::tools::kubectl::session::Session;

/// The command's options.
pub const OPTIONS: &[&[Flag]] = &[
    &[
        Flag::number("cpu-percent", "-1"),
        Flag::text("field-manager").or("kubectl-autoscale"),
        Flag::number("max", "-1"),
        Flag::number("min", "-1"),
        Flag::text("name"),
        Flag::switch("save-config"),
    ],
    DRY_RUN,
    FILES,
    PRINT,
];

/// Makes HorizontalPodAutoscalers for workloads.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let options = &session.options;
    if !options.given("max") {
        return Err(Failure::message("required flag(s) \"max\" not set"));
    }
    let (max, min, percent) = (options.number("max"), options.number("min"), options.number("cpu-percent"));
    if max < 1 {
        return Err(Failure::message(format!("--max=MAXPODS is required and must be at least 1, max: {max}")));
    }
    if max < min {
        return Err(Failure::message(format!(
            "--max=MAXPODS must be larger or equal to --min=MINPODS, max: {max}, min: {min}"
        )));
    }
    let selection = session.select(&options.args, Rules::default()).await?;
    let mut failures = selection.failures;
    for object in &selection.objects {
        if !object.mapping.kind.ends_with("Set") && object.mapping.kind != "Deployment" {
            let mapping = &object.mapping;
            failures.push(Failure::message(format!(
                "cannot autoscale a {}: could not find scale subresource for {}/{}, Resource={} in discovery information",
                expose::of_group(object),
                mapping.group,
                mapping.version,
                mapping.plural
            )));
            continue;
        }
        let name = match options.text("name") {
            "" => object.name.as_str(),
            given => given,
        };
        let mut spec = json!({"maxReplicas": max, "scaleTargetRef": {
            "apiVersion": object.mapping.api_version(), "kind": object.mapping.kind, "name": object.name}});
        if min > 0 {
            spec["minReplicas"] = json!(min);
        }
        if percent >= 0 {
            spec["metrics"] = json!([{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}]);
        }
        let metadata = json!({"creationTimestamp": null, "name": name});
        let value = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata,
            "spec": spec, "status": {"currentMetrics": null, "desiredReplicas": 0}});
        let done = if DryRun::of(session).await? == DryRun::Client { "created" } else { "autoscaled" };
        match create::make_unplaced(session, value, done).await {
            Ok(_) => {}
            Err(Failure::Closed) => return Err(Failure::Closed),
            Err(failure) => failures.push(failure),
        }
    }
    Failure::together(failures)
}
