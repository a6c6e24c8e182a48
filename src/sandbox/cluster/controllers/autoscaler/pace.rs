//! How fast an autoscaler follows: recommendations are looked back at before replicas are taken away, and each step is
//! bounded.
//! <https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#configurable-scaling-behavior>

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::super::super::object;

/// For how long the highest recommendation counts when nobody says otherwise: the controller manager's
/// `--horizontal-pod-autoscaler-downscale-stabilization`.
const DOWNSCALE: i64 = 300;

/// Without rules of its own an autoscaler may go to twice as many replicas at once, or to this many.
const STEP: i64 = 4;

/// What an autoscaler recommended and did.
#[derive(Debug, Default)]
pub(super) struct Pace {
    recommended: Vec<(Timestamp, i64)>,
    /// By how many replicas it grew and shrank, and when.
    grown: Vec<(Timestamp, i64)>,
    shrunk: Vec<(Timestamp, i64)>,
}

/// A recommendation after a look back.
pub(super) struct Stable {
    pub replicas: i64,
    /// Reason and message if it is another than the one just made.
    pub held: Option<(&'static str, &'static str)>,
}

/// A recommendation within its bounds.
pub(super) struct Limited {
    pub replicas: i64,
    pub reason: &'static str,
    pub message: &'static str,
}

const HIGHER: (&str, &str) = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);
const LOWER: (&str, &str) = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);

fn ago(now: Timestamp, seconds: i64) -> Timestamp {
    now.saturating_sub(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MIN)
}

/// For how long recommendations count: for growing, for shrinking.
fn windows(behavior: &Value) -> (i64, i64) {
    let window = |of: &str, default: i64| {
        object::number(behavior, &format!("/{of}/stabilizationWindowSeconds")).unwrap_or(default)
    };
    (window("scaleUp", 0), window("scaleDown", DOWNSCALE))
}

impl Pace {
    /// What there was before the first recommendation counts as one.
    pub fn begin(&mut self, current: i64, now: Timestamp) {
        if self.recommended.is_empty() {
            self.recommended.push((now, current));
        }
    }

    /// Takes a recommendation, and answers the one that counts.
    pub fn stabilise(&mut self, behavior: &Value, current: i64, wanted: i64, now: Timestamp) -> Stable {
        let (up, down) = if behavior.is_object() { windows(behavior) } else { (0, DOWNSCALE) };
        let longest = ago(now, up.max(down));
        self.recommended.retain(|(at, _)| *at >= longest);
        let grows = wanted >= current && behavior.is_object();
        let since = ago(now, if grows { up } else { down });
        let recent =
            self.recommended.iter().filter(|(at, _)| if behavior.is_object() { *at > since } else { *at >= since });
        let recent = recent.map(|(_, replicas)| *replicas);
        let replicas = if grows { recent.fold(wanted, i64::min) } else { recent.fold(wanted, i64::max) };
        self.recommended.push((now, wanted));
        Stable { replicas, held: (replicas != wanted).then_some(if grows { LOWER } else { HIGHER }) }
    }

    /// Remembers a step.
    pub fn note(&mut self, behavior: &Value, before: i64, after: i64, now: Timestamp) {
        let (steps, of) = if after > before { (&mut self.grown, "scaleUp") } else { (&mut self.shrunk, "scaleDown") };
        let longest = policies(behavior, of).map(|policy| policy.period).max().unwrap_or(0);
        let oldest = ago(now, longest);
        steps.retain(|(at, _)| *at >= oldest);
        steps.push((now, (after - before).abs()));
    }

    /// Keeps a recommendation within the autoscaler's bounds and the pace of its rules.
    pub fn limit(
        &self,
        behavior: &Value,
        current: i64,
        wanted: i64,
        (least, most): (i64, i64),
        now: Timestamp,
    ) -> Limited {
        const UP: (&str, &str) =
            ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate");
        const DOWN: (&str, &str) =
            ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate");
        const MANY: (&str, &str) =
            ("TooManyReplicas", "the desired replica count is more than the maximum replica count");
        const FEW: (&str, &str) =
            ("TooFewReplicas", "the desired replica count is less than the minimum replica count");
        let (mut lowest, mut highest) = ((least, FEW), (most, MANY));
        if behavior.is_object() {
            if wanted > current {
                let limit = self.growth(behavior, current, now).max(current);
                if most > limit {
                    highest = (limit, UP);
                }
            } else if wanted < current {
                let limit = self.shrinkage(behavior, current, now).min(current);
                if least < limit {
                    lowest = (limit, DOWN);
                }
            }
        } else {
            let limit = (2 * current).max(STEP);
            if most > limit {
                highest = (limit, UP);
            }
        }
        let (replicas, (reason, message)) = if wanted < lowest.0 {
            lowest
        } else if wanted > highest.0 {
            highest
        } else {
            (wanted, ("DesiredWithinRange", "the desired count is within the acceptable range"))
        };
        Limited { replicas, reason, message }
    }

    /// The most replicas that the rules for growing allow.
    fn growth(&self, behavior: &Value, current: i64, now: Timestamp) -> i64 {
        let select = object::text(behavior, "/scaleUp/selectPolicy");
        if select == "Disabled" {
            return current;
        }
        let proposed = policies(behavior, "scaleUp").map(|policy| {
            let start = current - changed(&self.grown, policy.period, now);
            if policy.percent { ceiling(start * (100 + policy.value), 100) } else { start + policy.value }
        });
        if select == "Min" { proposed.min() } else { proposed.max() }.unwrap_or(current)
    }

    /// The fewest replicas that the rules for shrinking allow.
    fn shrinkage(&self, behavior: &Value, current: i64, now: Timestamp) -> i64 {
        let select = object::text(behavior, "/scaleDown/selectPolicy");
        if select == "Disabled" {
            return current;
        }
        let proposed = policies(behavior, "scaleDown").map(|policy| {
            let start = current + changed(&self.shrunk, policy.period, now);
            if policy.percent { start * (100 - policy.value) / 100 } else { start - policy.value }
        });
        if select == "Min" { proposed.max() } else { proposed.min() }.unwrap_or(current)
    }
}

fn ceiling(amount: i64, by: i64) -> i64 {
    amount.div_euclid(by) + i64::from(amount.rem_euclid(by) != 0)
}

fn changed(steps: &[(Timestamp, i64)], period: i64, now: Timestamp) -> i64 {
    let since = ago(now, period);
    steps.iter().filter(|(at, _)| *at > since).map(|(_, by)| by).sum()
}

/// How many replicas, or which part of them, may change in a period of seconds.
struct Policy {
    percent: bool,
    value: i64,
    period: i64,
}

fn policies(behavior: &Value, of: &str) -> impl Iterator<Item = Policy> {
    let listed = behavior[of]["policies"].as_array().cloned().unwrap_or_default();
    listed.into_iter().map(|policy| Policy {
        percent: policy["type"] == "Percent",
        value: object::number(&policy, "/value").unwrap_or(0),
        period: object::number(&policy, "/periodSeconds")
            .unwrap_or(0)
            .clamp(0, Duration::from_secs(1800).as_secs().cast_signed()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    #[test]
    fn fewer_replicas_only_when_no_higher_recommendation_is_recent() {
        let mut pace = Pace::default();
        pace.begin(4, at(0));
        assert_eq!(pace.stabilise(&Value::Null, 4, 1, at(0)).replicas, 4);
        let held = pace.stabilise(&Value::Null, 4, 1, at(299));
        assert_eq!((held.replicas, held.held), (4, Some(HIGHER)));
        let free = pace.stabilise(&Value::Null, 4, 1, at(301));
        assert_eq!((free.replicas, free.held), (1, None));
    }

    #[test]
    fn without_rules_a_step_at_most_doubles() {
        let pace = Pace::default();
        let limited = |current, wanted| {
            let limited = pace.limit(&Value::Null, current, wanted, (2, 20), at(0));
            (limited.replicas, limited.reason)
        };
        assert_eq!(limited(1, 10), (4, "ScaleUpLimit"));
        assert_eq!(limited(6, 20), (12, "ScaleUpLimit"));
        assert_eq!(limited(15, 25), (20, "TooManyReplicas"));
        assert_eq!(limited(6, 1), (2, "TooFewReplicas"));
        assert_eq!(limited(6, 5), (5, "DesiredWithinRange"));
    }

    #[test]
    fn rules_bound_what_changes_in_a_period() {
        let behavior = json!({
            "scaleUp": {"selectPolicy": "Max", "stabilizationWindowSeconds": 0,
                "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]},
            "scaleDown": {"selectPolicy": "Max", "stabilizationWindowSeconds": 0,
                "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}]},
        });
        let mut pace = Pace::default();
        let up = pace.limit(&behavior, 2, 9, (1, 10), at(0));
        assert_eq!((up.replicas, up.reason), (4, "ScaleUpLimit"));
        pace.note(&behavior, 2, 4, at(0));
        assert_eq!(pace.limit(&behavior, 4, 9, (1, 10), at(30)).replicas, 4, "the period's growth is used up");
        assert_eq!(pace.limit(&behavior, 4, 9, (1, 10), at(61)).replicas, 6);
        assert_eq!(pace.limit(&behavior, 9, 1, (1, 10), at(61)).replicas, 4);
    }
}
