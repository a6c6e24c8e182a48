use serde_json::{Value as Json, json};

use super::GoTemplate;

fn data() -> Json {
    json!({
        "data": {"a": "b", "n": "12", "secret": "aGVsbG8="},
        "kind": "ConfigMap",
        "list": [{"x": 1}, {"x": null}, {}],
        "metadata": {"creationTimestamp": null, "name": "x"},
        "replicas": 1000000,
    })
}

fn print(template: &str) -> String {
    let template = match GoTemplate::read(template, false) {
        Ok(template) => template,
        Err(why) => return why,
    };
    match template.print(&data()) {
        Ok(output) => String::from_utf8(output).unwrap(),
        Err(stopped) => format!("{}!{}", String::from_utf8(stopped.output).unwrap(), stopped.why),
    }
}

/// Each is what kubectl 1.33 prints for the same object.
#[test]
fn templates_print_as_go_s() {
    for (template, expected) in [
        ("{{.metadata.name}}", "x"),
        ("{{.foo}} {{.foo.bar}} {{.metadata.creationTimestamp}}", "<no value> <no value> <no value>"),
        ("{{index .data \"a\"}} {{index .data \"zz\"}} {{index .list 0}}", "b <no value> map[x:1]"),
        ("{{.replicas}} {{print 1234567.0}} {{print 123456.0}} {{print 0.00001}}", "1000000 1.234567e+06 123456 1e-05"),
        ("{{.data.secret | base64decode}}", "hello"),
        (
            "{{printf \"%s %d %v %q %5s|%-5s|%T\" \"a\" 1 .metadata \"q\" \"r\" \"s\" .data}}",
            "a 1 map[creationTimestamp:<nil> name:x] \"q\"     r|s    |map[string]interface {}",
        ),
        (
            "{{printf \"%6.2f|%-6d|%06d|%+d|%x|%X|%c|%U|%t|%q|%v|%08.3f|% d|%#x|%o|%b|%e|%s\" 3.14159 42 42 42 255 \"hi\" 65 65 true 65 nil 3.14159 5 255 8 5 12345.678 true}}",
            "  3.14|42    |000042|+42|ff|6869|A|U+0041|true|'A'|<nil>|0003.142| 5|0xff|10|101|1.234568e+04|%!s(bool=true)",
        ),
        (
            "{{printf \"%d\" \"a\"}} {{printf \"%d\"}} {{printf \"x\" 1}} {{printf \"%\"}} {{printf \"%[2]d %[1]s\" \"a\" 2}} {{printf \"%*d\" 5 42}}",
            "%!d(string=a) %!d(MISSING) x%!(EXTRA int=1) %!(NOVERB) 2 a    42",
        ),
        (
            "{{eq .replicas 1000000}} {{eq 1 2 3 1}} {{ne \"a\" \"b\"}} {{gt 2 1}} {{le 3 2}} {{eq nil .nope}}",
            "true true true true false true",
        ),
        (
            "{{exists .data \"a\"}} {{exists .data \"b\"}} {{exists . \"data\" \"a\"}} {{exists .nope}}",
            "true false true true",
        ),
        ("{{if and true .data}}y{{else}}n{{end}}{{if .nope}}1{{else if .kind}}2{{end}}", "y2"),
        ("{{with .nope}}y{{else with .metadata}}{{.name}}{{end}}", "x"),
        ("{{range $k, $v := .data}}{{$k}}={{$v}},{{end}}", "a=b,n=12,secret=aGVsbG8=,"),
        ("{{range $i, $e := .list}}{{if eq $i 1}}{{continue}}{{end}}{{$i}}:{{.x}} {{end}}", "0:1 2:<no value> "),
        ("{{range .nope}}x{{else}}none{{end}}{{range 3}}{{.}}{{break}}{{end}}", "none0"),
        (
            "{{slice .kind 1 3}} {{html \"<a>\"}} {{js \"'=\"}} {{urlquery \"a b\"}} {{print 1 2 \"x\" 3}} {{len .kind}}",
            "on &lt;a&gt; \\'\\u003D a+b 1 2x3 9",
        ),
        ("{{define \"t\"}}[{{.}}]{{end}}{{template \"t\" .kind}}{{block \"b\" 1}}({{.}}){{end}}", "[ConfigMap](1)"),
        ("a {{- /* c */ -}} x\n{{- 3 -}}\n y", "ax3y"),
        ("{{$a := 1}}{{if true}}{{$a = 2}}{{end}}{{$a}}", "2"),
        (
            "{{and 0 1}} {{or 0 \"x\"}} {{not 0}} {{1 | and 0}} {{.kind | printf \"%s-%s\" \"a\"}}",
            "0 x true 0 a-ConfigMap",
        ),
        ("{{print 0b11 0o17 017 1_000 -3 'a'}} {{index .kind 0}} {{print nil}}", "3 15 15 1000 -3 97 67 <nil>"),
        ("{{print\n 1}}", "1"),
    ] {
        assert_eq!(print(template), expected, "{template}");
    }
}

#[test]
fn errors_are_go_s() {
    for (template, expected) in [
        ("{{.data", "template: output:1: unclosed action"),
        ("{{print\n 1 2", "template: output:2: unclosed action started at output:1"),
        ("{{if true}}\n{{foo}}", "template: output:2: function \"foo\" not defined"),
        ("{{if true}}\n\n", "template: output:3: unexpected EOF"),
        ("{{end}}", "template: output:1: unexpected {{end}}"),
        ("{{if}}", "template: output:1: missing value for if"),
        ("{{$x}}", "template: output:1: undefined variable \"$x\""),
        ("{{1 | 2}}", "template: output:1: non executable command in pipeline stage 2"),
        ("{{break}}", "template: output:1: {{break}} outside {{range}}"),
        ("{{range $a, $b, $c := .x}}{{end}}", "template: output:1: too many declarations in range"),
        ("{{@}}", "template: output:1: unexpected \"@\" in command"),
        ("{{a@b}}", "template: output:1: bad character U+0040 '@'"),
        ("{{(1}}", "template: output:1: unclosed left paren"),
        ("{{1)}}", "template: output:1: unexpected right paren"),
        ("{{if 1}}{{else}}{{else}}{{end}}", "template: output:1: expected end; found {{else}}"),
        ("{{\"x\".y}}", "template: output:1: unexpected . after term \"\\\"x\\\"\""),
        ("{{/* c }}", "template: output:1: unclosed comment"),
        (
            "x{{.data.a.x}}",
            "x!template: output:1:8: executing \"output\" at <.data.a.x>: can't evaluate field x in type interface {}",
        ),
        (
            "{{.metadata.creationTimestamp.x}}",
            "!template: output:1:11: executing \"output\" at <.metadata.creationTimestamp.x>: nil pointer evaluating interface {}.x",
        ),
        (
            "{{index .data 1}}",
            "!template: output:1:2: executing \"output\" at <index .data 1>: error calling index: value has type int; should be string",
        ),
        (
            "{{range .data.a}}x{{end}}",
            "!template: output:1:13: executing \"output\" at <.data.a>: range can't iterate over b",
        ),
        (
            "{{base64decode \"!\"}}",
            "!template: output:1:2: executing \"output\" at <base64decode \"!\">: error calling base64decode: base64 decode failed: illegal base64 data at input byte 0",
        ),
        (
            "{{.x.y | base64decode}}",
            "!template: output:1:9: executing \"output\" at <base64decode>: invalid value; expected string",
        ),
        (
            "{{base64decode .replicas}}",
            "!template: output:1:15: executing \"output\" at <.replicas>: wrong type for value; expected string; got int64",
        ),
        (
            "{{eq 1 1.0}}",
            "!template: output:1:2: executing \"output\" at <eq 1 1.0>: error calling eq: incompatible types for comparison",
        ),
        (
            "{{template \"x\"}}",
            "!template: output:1:11: executing \"output\" at <{{template \"x\"}}>: template \"x\" not defined",
        ),
        (
            "{{(index .data \"a\").foo}}",
            "!template: output:1:15: executing \"output\" at <\"a\">: can't evaluate field foo in type string",
        ),
        (
            "{{call .data}}",
            "!template: output:1:2: executing \"output\" at <call .data>: error calling call: non-function .data of type map[string]interface {}",
        ),
        ("{{not}}", "!template: output:1:2: executing \"output\" at <not>: wrong number of args for not: want 1 got 0"),
        (
            "{{.data.a \"x\"}}",
            "!template: output:1:7: executing \"output\" at <.data.a>: a is not a method but has arguments",
        ),
        ("{{$a := 1}}{{$b = 2}}", "!template: output:1:18: executing \"output\" at <2>: undefined variable: $b"),
        (
            "{{index .kind 99}}",
            "!template: output:1:2: executing \"output\" at <index .kind 99>: error calling index: index out of range: 99",
        ),
    ] {
        assert_eq!(print(template), expected, "{template}");
    }
    let strict = GoTemplate::read("{{.nope}}", true).unwrap();
    assert_eq!(
        strict.print(&data()).unwrap_err().why,
        "template: output:1:2: executing \"output\" at <.nope>: map has no entry for key \"nope\""
    );
}

#[test]
fn a_template_ends() {
    let why = print("{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}");
    assert!(why.contains("exceeded maximum template depth"), "{why}");
    assert!(print("{{range 100000000000}}{{end}}").contains("rounds of loops"));
    assert!(print(&"{{(".repeat(1000)).contains("unexpected"));
    assert!(print(&format!("{{{{{}1{}}}}}", "(".repeat(500), ")".repeat(500))).contains("deep in each other"));
}
