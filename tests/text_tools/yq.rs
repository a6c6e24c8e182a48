//! What `yq` prints, written down from mikefarah/yq v4.

use crate::side_by_side::{ours, words};

const INPUT: &str = "# comment\napiVersion: v1\nspec:\n  replicas: 3\n  on: \"yes\"\n  s: 'single'\n  list: [a, \"b\"]\n  ports:\n  - name: http\n    \
    port: 80\n  - name: x\n    t: |\n      line1\n      line2\n  e: {}\n  n:\n  host: a.b.c\n  app.kubernetes.io/name: carts\n";

/// Command lines, what they print, and their status.
const TABLE: &[(&str, &str, i32)] = &[
    ("yq .spec.host", "a.b.c\n", 0),
    ("yq '.spec.replicas'", "3\n", 0),
    ("yq .spec.on", "yes\n", 0),
    ("yq -r=false .spec.on", "\"yes\"\n", 0),
    ("yq -r .spec.s", "single\n", 0),
    ("yq .spec.missing.deeper", "null\n", 0),
    ("yq '.spec.ports[0]'", "name: http\nport: 80\n", 0),
    ("yq '.spec.ports[-1].name'", "x\n", 0),
    ("yq '.spec.ports[7]'", "null\n", 0),
    ("yq '.spec.ports[].name'", "http\nx\n", 0),
    ("yq '.spec.ports[] | .name'", "http\nx\n", 0),
    ("yq '.spec.ports'", "- name: http\n  port: 80\n- name: x\n  t: |\n    line1\n    line2\n", 0),
    ("yq '.spec.list'", "[a, \"b\"]\n", 0),
    ("yq -P '.spec.list'", "- a\n- b\n", 0),
    ("yq '.spec.\"app.kubernetes.io/name\"'", "carts\n", 0),
    ("yq '.spec[\"app.kubernetes.io/name\"]'", "carts\n", 0),
    ("yq eval .spec.host -", "a.b.c\n", 0),
    ("yq .a two.yaml", "1\n---\n2\n", 0),
    ("yq -N .a two.yaml", "1\n2\n", 0),
    ("yq two.yaml", "a: 1\n---\na: 2\n", 0),
    (
        "yq -o json '.spec.ports'",
        "[\n  {\n    \"name\": \"http\",\n    \"port\": 80\n  },\n  {\n    \"name\": \"x\",\n    \"t\": \"line1\\nline2\\n\"\n  }\n]\n",
        0,
    ),
    ("yq -o=json -I0 .spec.list", "[\"a\",\"b\"]\n", 0),
    ("yq -o json .spec.on", "\"yes\"\n", 0),
    ("yq '.spec.ports[] | select(.port == 80) | .name'", "http\n", 0),
    ("yq '.spec.list | length'", "2\n", 0),
    ("yq '.spec.e'", "{}\n", 0),
    ("yq -e .spec.missing", "null\n", 1),
    ("yq -p json -P . in.json", "b:\n  - 1\n  - \"2\"\na: true\n", 0),
    ("yq .spec.ports.name", "", 1),
    ("yq . bad.yaml", "", 1),
    ("yq . missing.yaml", "", 1),
    ("yq -o toml .", "", 1),
];

#[test]
fn expressions_print_what_yq_prints() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("two.yaml", "a: 1\n---\na: 2\n"), ("bad.yaml", "a: [1\n"), ("in.json", "{\"b\": [1, \"2\"], \"a\": true}")]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    for (line, stdout, status) in TABLE {
        let ran = ours(&words(line), INPUT.as_bytes(), folder.path());
        assert_eq!((ran.stdout.as_str(), ran.status), (*stdout, *status), "{line}: {}", ran.stderr);
        assert_eq!(ran.stderr.starts_with("Error: "), *status != 0, "{line}: {}", ran.stderr);
    }
}

#[test]
fn a_document_keeps_its_order_and_quotes() {
    let folder = tempfile::tempdir().unwrap();
    let ran = ours(&words("yq"), INPUT.as_bytes(), folder.path());
    let expected = "apiVersion: v1\nspec:\n  replicas: 3\n  on: \"yes\"\n  s: 'single'\n  list: [a, \"b\"]\n  ports:\n    - name: http\n      \
        port: 80\n    - name: x\n      t: |\n        line1\n        line2\n  e: {}\n  n:\n  host: a.b.c\n  app.kubernetes.io/name: carts\n";
    assert_eq!(ran.stdout, expected);
}
