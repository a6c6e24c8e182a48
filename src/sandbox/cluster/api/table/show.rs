//! How single values are printed in cells.

use jiff::Timestamp;
use serde_json::Value;

/// What a cell shows for nothing.
pub const NONE: &str = "<none>";

/// A text, or `<none>`.
pub fn text(value: &Value) -> Value {
    match value {
        Value::String(text) if !text.is_empty() => text.clone().into(),
        _ => NONE.into(),
    }
}

/// A text as it is, empty when there is none.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A number, 0 when there is none.
pub fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// A duration as Kubernetes abbreviates it (`HumanDuration`): 5s, 3m20s, 45m, 5h12m, 22h, 2d3h, 90d, 2y35d, 9y.
pub fn human(duration: jiff::SignedDuration) -> String {
    let seconds = duration.as_secs();
    if seconds < -1 {
        return "<invalid>".into();
    }
    if seconds < 0 {
        return "0s".into();
    }
    let two = |whole: i64, unit: &str, rest: i64, below: &str| {
        if rest == 0 { format!("{whole}{unit}") } else { format!("{whole}{unit}{rest}{below}") }
    };
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => two(days, "d", hours % 24, "h"),
        () if hours < 24 * 365 * 2 => format!("{days}d"),
        () if hours < 24 * 365 * 8 => two(days / 365, "y", days % 365, "d"),
        () => format!("{}y", days / 365),
    }
}

/// The time that has passed since a timestamp.
pub fn since(timestamp: &Value, now: Timestamp) -> Option<String> {
    let then: Timestamp = timestamp.as_str()?.parse().ok()?;
    Some(human(now.duration_since(then)))
}

/// As [`since`], with `<unknown>` for no timestamp.
pub fn age_of(timestamp: &Value, now: Timestamp) -> Value {
    since(timestamp, now).unwrap_or_else(|| "<unknown>".into()).into()
}

/// The age of an object.
pub fn age(object: &Value, now: Timestamp) -> Value {
    age_of(&object["metadata"]["creationTimestamp"], now)
}

/// The name of an object.
pub fn name(object: &Value) -> Value {
    object["metadata"]["name"].clone()
}

/// The items of a list.
pub fn items(value: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

/// The number of items of a list or map.
pub fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(entries) => entries.len(),
        _ => 0,
    }
}

/// The texts of a list with commas.
pub fn joined(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(",")
}

/// Labels as `a=b,c=d` in the order of their keys, or `<none>`.
pub fn labels(map: &Value) -> String {
    let mut pairs: Vec<String> =
        map.as_object().into_iter().flatten().map(|(key, value)| format!("{key}={}", plain(value))).collect();
    pairs.sort();
    if pairs.is_empty() { NONE.into() } else { pairs.join(",") }
}

/// A label selector as `a=b,c in (d,e),f,!g`; `<none>` when empty, `<all>`… is not told apart here, as in Kubernetes.
pub fn selector(selector: &Value) -> String {
    let mut parts: Vec<(String, String)> = Vec::new();
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        parts.push((key.clone(), format!("{key}={}", plain(value))));
    }
    for expression in items(&selector["matchExpressions"]) {
        let key = plain(&expression["key"]);
        let mut values: Vec<String> = items(&expression["values"]).map(plain).collect();
        values.sort();
        let values = values.join(",");
        let text = match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.clone(),
        };
        parts.push((key, text));
    }
    parts.sort_by(|left, right| left.0.cmp(&right.0));
    if parts.is_empty() { NONE.into() } else { joined(parts.into_iter().map(|(_, text)| text)) }
}

/// Names and images of a Pod template's containers.
pub fn containers(spec: &Value) -> [Value; 2] {
    let of = |field: &str| joined(items(&spec["containers"]).map(|one| plain(&one[field]))).into();
    [of("name"), of("image")]
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn durations_are_abbreviated_as_kubernetes_does() {
        for (seconds, shown) in [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (599, "9m59s"),
            (600, "10m"),
            (179 * 60, "179m"),
            (3 * 3600, "3h"),
            (7 * 3600 + 120, "7h2m"),
            (8 * 3600 + 120, "8h"),
            (47 * 3600, "47h"),
            (48 * 3600, "2d"),
            (51 * 3600, "2d3h"),
            (8 * 86400 + 3600, "8d"),
            (365 * 86400, "365d"),
            (731 * 86400, "2y1d"),
            (9 * 365 * 86400, "9y"),
        ] {
            assert_eq!(human(SignedDuration::from_secs(seconds)), shown, "{seconds}");
        }
    }
}
