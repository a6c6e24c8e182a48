use super::{Dialect, to_yaml};
use needs::needs;
use serde_json::json;

#[test]
fn collections_as_kubectl_prints_them() {
    let value = json!({"spec": {"b": [{"x": 1, "a": "t"}, [1, 2], []], "a": {}}, "kind": "K"});
    let expected = "kind: K\nspec:\n  a: {}\n  b:\n  - a: t\n    x: 1\n  - - 1\n    - 2\n  - []\n";
    assert_eq!(to_yaml(&value, Dialect::Kubectl), expected);
}

#[test]
fn collections_as_yq_prints_them() {
    let value = json!({"spec": {"b": [{"x": 1, "a": "t"}, [1, 2], []], "a": {}}, "kind": "K"});
    let expected = "spec:\n  b:\n    - x: 1\n      a: t\n    - - 1\n      - 2\n    - []\n  a: {}\nkind: K\n";
    assert_eq!(to_yaml(&value, Dialect::Yq), expected);
}

/// Texts whose quoting is decided by different rules.
const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    " a",
    "a ",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "N",
    "true",
    "True",
    "tRue",
    "null",
    "~",
    "Null",
    "nil",
    "<<",
    "1",
    "-1",
    "+1",
    "1_000",
    "0x1f",
    "0o17",
    "017",
    "08",
    "0b11",
    "1.5",
    ".5",
    "5.",
    "1e3",
    "1e",
    ".inf",
    "-.inf",
    ".nan",
    "12:30",
    "1:2:3",
    "12:99",
    "1.2.3",
    "2024-01-01",
    "2024-13-01",
    "2024-01-01T10:00:00Z",
    "2024-01-01T10:00:00",
    "2024-01-01 10:00:00",
    "2024-1-1",
    "2024-01-01T10:00:00.5+02:00",
    "- a",
    "-a",
    "-",
    "--",
    "---",
    "--- a",
    "...",
    "....",
    "a: b",
    "a:b",
    "a:",
    ":",
    ":a",
    ": a",
    "?",
    "?a",
    "? a",
    "#a",
    "a #b",
    "a#b",
    "[a]",
    "{a}",
    "a[0]",
    "&a",
    "*a",
    "!a",
    "|a",
    ">a",
    "'a'",
    "a'b",
    "\"a\"",
    "a\"b",
    "%a",
    "@a",
    "`a`",
    ",a",
    "a,b",
    "a\tb",
    "\ta",
    "a\nb",
    "a\nb\n",
    "a\n\nb\n\n",
    "\na",
    " a\nb",
    "a \nb",
    "a\n b",
    "a\n",
    "\n",
    "a\r\nb",
    "a\u{7}b",
    "é",
    "日本",
    "😀",
    "a\u{a0}b",
    "a\\b",
    "=",
    "=a",
    "0",
    "00",
    "0.0",
    "1_",
    "_1",
    "9223372036854775808",
    "18446744073709551616",
    "-9223372036854775809",
    "1e400",
    "+",
    "+a",
    "{\"a\":1}",
    "{\"a\":1}\n",
    "key=value",
    "http://a.b/c?d=e#f",
    "arn:aws:iam::123456789012:role/x",
    "a ",
    "  ",
    "a\n ",
    "0x",
    "0xg",
    "1__0",
    "0_1",
    "1e+5",
    "1E5",
    "+.5",
    "-.5e-3",
    ".",
    "..",
    ".a",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen",
    "one two: three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen  sixteen seventeen eighteen",
    "one\ttwo three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen  sixteen seventeen eighteen",
    "onetwothreefourfivesixseveneightnineteneleventwelvethirteenfourteenfifteensixteenseventeeneighteennineteentwentyone a",
];

#[needs("kubectl")]
#[test]
#[allow(clippy::disallowed_methods, reason = "the real client is the measure")]
fn texts_are_quoted_as_by_kubectl() {
    let kubectl = oracles::path("kubectl");
    let folder = tempfile::tempdir().unwrap();
    let mut data = serde_json::Map::new();
    let mut command = std::process::Command::new(kubectl);
    command.args(["create", "configmap", "x", "--dry-run=client", "-o", "yaml"]);
    for (index, text) in TEXTS.iter().enumerate() {
        let file = folder.path().join(format!("f{index}"));
        std::fs::write(&file, text).unwrap();
        command.arg(format!("--from-file=k-{index}.x={}", file.display()));
        data.insert(format!("k-{index}.x"), json!(text));
    }
    // Keys whose order shows how they are sorted.
    for key in
        ["a", "B", "a1", "a10", "a2", "a.b", "a-b", "a_b", "1", "10", "2", "a01", "ab", "yes", "1.5", "null", "100a"]
    {
        command.arg(format!("--from-literal={key}=v"));
        data.insert(key.to_owned(), json!("v"));
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ours = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data, "metadata": {"name": "x", "creationTimestamp": null}});
    let theirs = String::from_utf8(output.stdout).unwrap();
    let ours = to_yaml(&ours, Dialect::Kubectl);
    let difference = similar::TextDiff::from_lines(&theirs, &ours).unified_diff().to_string();
    assert!(difference.is_empty(), "{difference}");
}
