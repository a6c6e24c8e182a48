//! When probes succeed.
//! <https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/>

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::super::object;
use super::super::seed::{Behaviour, Readiness};

/// When a container that started at `started` is ready, and when a probe of it first failed for good.
pub(super) fn readiness(
    container: &Value,
    row: Option<&Behaviour>,
    started: Timestamp,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let boot = match row.and_then(|row| row.ready) {
        None => Some(Duration::ZERO),
        Some(Readiness::After(span)) => Some(span.0),
        Some(Readiness::Never) => None,
    };
    let probe = |field: &str| container.get(field).filter(|probe| !probe.is_null());
    let mut from = Duration::ZERO;
    if let Some(startup) = probe("startupProbe") {
        match boot {
            Some(boot) => from = success(startup, boot, Duration::ZERO),
            None => return (None, Some(object::after(started, first(startup)))),
        }
    }
    match (probe("readinessProbe"), boot) {
        (None, _) => (Some(object::after(started, from)), None),
        (Some(probe), Some(boot)) => (Some(object::after(started, success(probe, boot, from))), None),
        (Some(probe), None) => (None, Some(object::after(started, from + first(probe)))),
    }
}

fn seconds(probe: &Value, field: &str, default: u64) -> u64 {
    probe[field].as_u64().unwrap_or(default)
}

fn first(probe: &Value) -> Duration {
    Duration::from_secs(seconds(probe, "initialDelaySeconds", 0) + seconds(probe, "periodSeconds", 10))
}

/// From the start until as many probes in a row have succeeded as are asked for; none is made before `from`.
fn success(probe: &Value, boot: Duration, from: Duration) -> Duration {
    let period = Duration::from_secs(seconds(probe, "periodSeconds", 10).max(1));
    let mut at = from.max(Duration::from_secs(seconds(probe, "initialDelaySeconds", 0)));
    if boot > at {
        let periods = (boot - at).as_millis().div_ceil(period.as_millis());
        at += period * u32::try_from(periods).unwrap_or(u32::MAX);
    }
    let more = u32::try_from(seconds(probe, "successThreshold", 1).saturating_sub(1)).unwrap_or(0);
    at + period * more
}

/// What the kubelet says of a probe that fails.
pub(super) fn complaint(container: &Value, ip: &str) -> String {
    let probe = &container["readinessProbe"];
    if let Some(http) = probe.get("httpGet") {
        let port = port(container, &http["port"]);
        let path = object::text(http, "/path");
        return format!(
            "Readiness probe failed: Get \"http://{ip}:{port}{path}\": dial tcp {ip}:{port}: connect: connection refused"
        );
    }
    if let Some(tcp) = probe.get("tcpSocket") {
        let port = port(container, &tcp["port"]);
        return format!("Readiness probe failed: dial tcp {ip}:{port}: connect: connection refused");
    }
    "Readiness probe failed: ".into()
}

fn port(container: &Value, port: &Value) -> i64 {
    port.as_i64().unwrap_or_else(|| {
        let named = object::list(container, "/ports").iter().find(|known| known["name"] == *port);
        named.and_then(|named| named["containerPort"].as_i64()).unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn probes_succeed_in_their_own_rhythm() {
        let probe = |initial: u64, period: u64, threshold: u64| json!({"initialDelaySeconds": initial, "periodSeconds": period, "successThreshold": threshold});
        for (probe, boot, seconds) in [
            (probe(15, 3, 1), 5, 15),
            (probe(15, 3, 1), 16, 18),
            (probe(0, 5, 3), 0, 10),
            (probe(0, 5, 3), 6, 20),
            (json!({}), 1, 10),
        ] {
            let at = success(&probe, Duration::from_secs(boot), Duration::ZERO);
            assert_eq!(at, Duration::from_secs(seconds), "{probe} {boot}");
        }
    }
}
