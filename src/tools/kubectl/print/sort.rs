//! `--sort-by`: orders objects by what a path finds in them.

use std::cmp::Ordering;

use serde_json::Value;

use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::jsonpath::{self, Template};
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::quantity;

/// Orders `items`, each of which holds its object under `object` (rows of a table) or is one.
///
/// # Errors
/// When the path is none, or none of the items has it.
pub fn sort(items: &mut [Value], path: &str, object: Option<&str>) -> Result<(), Failure> {
    let field = jsonpath::relaxed(path).map_err(Failure::message)?;
    let template = Template::read(&field, false).map_err(Failure::message)?;
    let mut keyed: Vec<(Option<Value>, Value)> = Vec::with_capacity(items.len());
    for item in items.iter_mut() {
        let found = template
            .find(object.map_or(&*item, |key| &item[key]))
            .map_err(|error| Failure::message(error.to_string()))?;
        keyed.push((found.into_iter().next().and_then(|first| first.into_iter().next()), item.take()));
    }
    let found = keyed.is_empty() || keyed.iter().any(|(key, _)| key.is_some());
    keyed.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    for (item, (_, value)) in items.iter_mut().zip(keyed) {
        *item = value;
    }
    if found {
        Ok(())
    } else {
        Err(Failure::message(format!("couldn't find any field with path {} in the list of objects", quote(&field))))
    }
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => match (quantity::parse(a), quantity::parse(b)) {
            (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            _ => natural(a, b),
        },
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        }
        _ => Ordering::Equal,
    }
}

/// Texts with numbers in them by the numbers' values: `a2` before `a10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i].is_ascii_digit() && b[j].is_ascii_digit() {
            let run = |text: &[u8], from: usize| text[from..].iter().take_while(|c| c.is_ascii_digit()).count();
            let (n, m) = (run(a, i), run(b, j));
            let strip = |text: &[u8]| text.iter().skip_while(|c| **c == b'0').copied().collect::<Vec<u8>>();
            let (x, y) = (strip(&a[i..i + n]), strip(&b[j..j + m]));
            let order = x.len().cmp(&y.len()).then(x.cmp(&y)).then(n.cmp(&m));
            if order.is_ne() {
                return order;
            }
            i += n;
            j += m;
        } else if a[i] == b[j] {
            i += 1;
            j += 1;
        } else {
            // Digits come before all else.
            return b[j].is_ascii_digit().cmp(&a[i].is_ascii_digit()).then(a[i].cmp(&b[j]));
        }
    }
    (a.len() - i).cmp(&(b.len() - j))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_numbers_and_quantities() {
        let order = |values: Value| {
            let mut items: Vec<Value> = values.as_array().unwrap().iter().map(|v| json!({"a": v})).collect();
            sort(&mut items, ".a", None).unwrap();
            Value::from(items.into_iter().map(|item| item["a"].clone()).collect::<Vec<_>>())
        };
        assert_eq!(order(json!(["pod10", "pod2"])), json!(["pod2", "pod10"]));
        assert_eq!(order(json!(["pod-1", "pod1"])), json!(["pod1", "pod-1"]));
        assert_eq!(order(json!(["1Gi", "500Mi", "2"])), json!(["2", "500Mi", "1Gi"]));
        assert_eq!(order(json!([3, 1])), json!([1, 3]));
        assert!(sort(&mut [json!({"b": 1})], ".a", None).is_err());
    }
}
