use serde_json::{Value, json};

use super::Query;

fn search(query: &str, data: &Value) -> Result<Value, String> {
    Query::parse(query)?.search(data)
}

#[test]
fn expressions() {
    let data = json!({
        "b": {"z": 1, "a": [1, 2, 3, 4]}, "a": null,
        "l": [{"n": "x", "v": 3, "t": ["p"]}, {"n": "y", "v": 1, "t": ["q", "r"]}, {"m": true}],
    });
    for (query, expected) in [
        ("b", r#"{"z":1,"a":[1,2,3,4]}"#),
        ("b.a[-1]", "4"),
        ("b.a[9]", "null"),
        ("b.a[1:3]", "[2,3]"),
        ("b.a[::-1]", "[4,3,2,1]"),
        ("b.a[-2:]", "[3,4]"),
        ("l[].n", r#"["x","y"]"#),
        ("l[*].t[]", r#"["p","q","r"]"#),
        ("l[?v > `1`].n | [0]", r#""x""#),
        ("l[?n == 'y'].{second: v, first: n}", r#"[{"second":1,"first":"y"}]"#),
        ("l[*].[n, v]", r#"[["x",3],["y",1],[null,null]]"#),
        ("b.*", "[1,[1,2,3,4]]"),
        ("a.b.c", "null"),
        ("a.[b]", "null"),
        ("a || b.z", "1"),
        ("!a && b.z", "1"),
        ("length(l)", "3"),
        ("sort_by(l[?n], &v)[*].n", r#"["y","x"]"#),
        ("max_by(l[?n], &v).n", r#""x""#),
        ("join(',', l[].n)", r#""x,y""#),
        ("keys(b)", r#"["z","a"]"#),
        ("to_string(b.z)", r#""1""#),
        ("to_number('12')", "12"),
        ("sum(b.a)", "10"),
        ("avg(b.a)", "2.5"),
        ("not_null(a, b.z)", "1"),
        ("starts_with('abc', 'ab')", "true"),
        ("contains(l[].n, 'x')", "true"),
        ("map(&n, l)", r#"["x","y",null]"#),
        ("merge(b, {z: `2`}).z", "2"),
        ("reverse(b.a)", "[4,3,2,1]"),
        ("type(a)", r#""null""#),
        ("@.b.z", "1"),
        ("l[0].v == `3.0`", "true"),
    ] {
        assert_eq!(search(query, &data).map(|value| value.to_string()), Ok(expected.to_owned()), "{query}");
    }
}

#[test]
fn mistakes() {
    assert!(search("a[", &Value::Null).is_err());
    assert_eq!(
        search("length(a)", &json!({})).unwrap_err(),
        "In function length(), invalid type for value: None, expected one of: ['string', 'array', 'object'], received: \"null\""
    );
    assert_eq!(search("nope(a)", &json!({})).unwrap_err(), "Unknown function: nope()");
    assert!(search("length(a, b)", &json!({})).is_err());
    assert!(search("sort(@)", &json!([1, "a"])).is_err());
}

/// On what has no order to keep, evaluation agrees with the crate's own.
mod differential {
    use proptest::prelude::*;
    use serde_json::Value;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-9i64..9).prop_map(Value::from),
            "[ab]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn query() -> impl Strategy<Value = String> {
        let step = prop_oneof![
            Just("a"),
            Just("b"),
            Just("[0]"),
            Just("[-1]"),
            Just("[]"),
            Just("[*]"),
            Just("*"),
            Just("[?a]"),
            Just("[?a == b]"),
            Just("[?@ > `1`]"),
            Just("[1:]"),
            Just("[::-1]"),
            Just("[a, b]"),
            Just("{a: b, b: a}"),
            Just("length(@)"),
            Just("keys(@)"),
            Just("type(@)"),
            Just("sort(@)"),
            Just("to_string(@)"),
        ];
        (prop::collection::vec(step, 1..4), any::<bool>()).prop_map(|(steps, pipe)| {
            if pipe {
                return steps.join(" | ");
            }
            let mut out = "@".to_owned();
            for step in steps {
                if !step.starts_with('[') || step.starts_with("[a") {
                    out.push('.');
                }
                out.push_str(step);
            }
            out
        })
    }

    proptest! {
        #[test]
        fn agrees_with_the_crate(data in value(), query in query()) {
            let theirs = jmespath::compile(&query).and_then(|expression| expression.search(&data));
            let ours = super::search(&query, &data);
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => {
                    let theirs = serde_json::to_value(&*theirs).unwrap();
                    prop_assert!(super::super::equal(&ours, &theirs), "{query} on {data}: {ours} {theirs}");
                }
                (ours, theirs) => prop_assert_eq!(ours.is_err(), theirs.is_err(), "{} on {}", query, data),
            }
        }
    }
}

#[test]
fn literals_that_are_no_json_are_strings() {
    let data = serde_json::json!({"items": [{"name": "pods", "n": 1}, {"name": "no`des", "n": 2}]});
    for (text, expected) in [
        ("items[?name==`pods`].n", serde_json::json!([1])),
        ("items[?name==`\"pods\"`].n", serde_json::json!([1])),
        ("items[?n==`2`].name", serde_json::json!(["no`des"])),
        ("items[?name==`no\\`des`].n", serde_json::json!([2])),
        ("items[?name=='pods' || name == `x`].\"n\"", serde_json::json!([1])),
        ("join(`-`, items[].name)", serde_json::json!("pods-no`des")),
    ] {
        assert_eq!(Query::parse(text).and_then(|query| query.search(&data)), Ok(expected), "{text}");
    }
    let incomplete = Query::parse("items[").unwrap_err();
    assert_eq!(incomplete, "Invalid jmespath expression: Incomplete expression:\n\"items[\"\n       ^");
}
