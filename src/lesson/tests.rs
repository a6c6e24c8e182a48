//! Pages and courses from one end to the other: good ones, bad ones, and any text at all.

use std::fs;
use std::path::Path;
use std::time::Instant;

use proptest::prelude::*;

use super::blocks::{Alignment, Block, Item, Run, Tab};
use super::*;

const HEAD: &str = "---\ntitle: Page\n---\n";

fn page(body: &str) -> Lesson {
    Lesson::parse(Path::new("dir/page.md"), format!("{HEAD}{body}").as_bytes()).unwrap()
}

/// `line:column severity: message` of each diagnostic.
fn said(lesson: &Lesson) -> Vec<String> {
    let said = lesson.diagnostics.iter().map(|d| {
        let severity = if d.severity == Severity::Error { "error" } else { "warning" };
        format!("{}:{} {severity}: {}", d.span.line, d.span.column, d.message)
    });
    said.collect()
}

fn commands(lesson: &Lesson) -> Vec<Vec<&str>> {
    lesson.steps.iter().map(|step| step.commands.iter().map(|command| command.text.as_str()).collect()).collect()
}

#[test]
fn which_fences_are_steps() {
    for (body, expected) in [
        ("```bash\n$ a\n```\n", vec![vec!["a"]]),
        ("~~~~ bash wait=1\n$ a\n~~~\n~~~~\n", vec![vec!["a"]]),
        ("  ```bash\n  $ a\n   b\n  ```\n", vec![vec!["a"]]),
        ("```sh\n$ a\n```\n```bashful\n$ a\n```\n```\n$ a\n```\n", vec![]),
        // Between colons they count, whatever stands directly above and below.
        (":::tip\n```bash\n$ a\n```\n:::\n", vec![vec!["a"]]),
        (
            "::::note Title\ntext\n:::tip\n\n```bash\n$ a\n```\n\n:::\n::::\n```bash\n$ b\n```\n",
            vec![vec!["a"], vec!["b"]],
        ),
        ("- item\n:::tip\n```bash\n$ a\n```\n:::\n", vec![vec!["a"]]),
        ("- item\n\n:::\n    ```bash\n    $ a\n    ```\n", vec![]),
        // A component's tag swallows nothing.
        ("<Tabs>\n<TabItem value=\"x\">\n```bash\n$ a\n```\n</TabItem>\n</Tabs>\n", vec![vec!["a"]]),
        // In lists, quotes and comments they don't count.
        ("- item\n\n  ```bash\n  $ a\n  ```\n", vec![]),
        ("1. item\n   ```bash\n   $ a\n   ```\n", vec![]),
        ("> ```bash\n> $ a\n> ```\n", vec![]),
        ("<!--\n```bash\n$ a\n```\n-->\n", vec![]),
        ("    ```bash\n    $ a\n    ```\n", vec![]),
        ("````md\n```bash\n$ a\n```\n````\n", vec![]),
        ("- item\n\ntext\n\n```bash\n$ a\n```\n", vec![vec!["a"]]),
    ] {
        let lesson = page(body);
        assert_eq!(commands(&lesson), expected, "{body:?}");
        assert!(lesson.diagnostics.is_empty(), "{body:?}: {:?}", lesson.diagnostics);
    }
}

#[test]
fn which_steps_are_executed() {
    for (body, expected) in [
        ("```bash\n$ a\n```\n", true),
        ("```bash test=false\n$ a\n```\n", false),
        ("```bash\na\n```\n", false),
        ("```bash raw=true\na\nb\n```\n", true),
        ("```bash raw=true test=false\na\n```\n", false),
        ("```bash raw=true\n\n```\n", false),
        ("```bash wait=soon\n$ a\n```\n", false),
        ("```bash\n$ a\n", false),
    ] {
        assert_eq!(page(body).executes(0), expected, "{body:?}");
    }
    let raw = page("```bash raw=true\n\nfor i in 1 2\n\ndo :; done\n\n```\n");
    assert_eq!(commands(&raw), [["for i in 1 2\n\ndo :; done"]]);
    assert_eq!((raw.steps[0].commands[0].span.line, &raw.steps[0].commands[0].expected), (6, &Expected::None));
}

#[test]
fn a_bad_page_is_an_error_at_its_place() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "dir/page.md:1:1: the page has no front matter"),
        (b"# Title\n", "dir/page.md:1:1: the page has no front matter"),
        (b"---\ntitle: x\n", "dir/page.md:1:1: the front matter that begins here is not closed"),
        (
            b"---\ntitle: x\n---\n\n\xc3\xa9 \xff\n",
            "dir/page.md:5:3: the page is not UTF-8: the byte 0xff cannot stand here",
        ),
        (b"\xff\xfe-\0-\0", "dir/page.md:1:1: the page is not UTF-8"),
    ];
    for (bytes, expected) in cases {
        let error = Lesson::parse(Path::new("dir/page.md"), bytes).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(miette::Diagnostic::help(&error).is_some_and(|help| !help.to_string().is_empty()));
    }
}

#[test]
fn a_slip_on_a_usable_page_is_a_diagnostic_at_its_place() {
    for (body, expected) in [
        ("```bash wait=abc\n$ a\n```\n", "4:9 error: `wait=abc` is not a value that `wait` can have"),
        ("```bash hook=../../x\n$ a\n```\n", "4:9 error: `../../x` is not the name of a hook"),
        ("```bash hokk=x\n$ a\n```\n", "4:9 warning: unknown annotation `hokk`"),
        ("text\n\n```bash\n$ a\n", "6:1 error: the fence that begins here is not closed"),
        ("```yaml\na: 1\n", "4:1 error: the fence that begins here is not closed"),
        ("```bash\n$ a\n`` `\n", "4:1 error: the fence that begins here is not closed"),
        ("```bash wait=3\na\n```\n", "4:1 warning: this fence has annotations but no command"),
        ("```bash\n$ a\nsleep 5\n```\n", "6:1 warning: this line looks like a command whose `$ ` was forgotten"),
    ] {
        let said = said(&page(body));
        assert_eq!(said.len(), 1, "{body:?}: {said:?}");
        assert!(said[0].starts_with(expected), "{body:?}: {said:?}");
    }
}

#[test]
fn files_that_are_no_pages_are_refused_without_reading_them() {
    let dir = tempfile::tempdir().unwrap();
    let large = dir.path().join("large.md");
    let file = fs::File::create(&large).unwrap();
    file.set_len(100 << 20).unwrap();
    let begin = Instant::now();
    let error = Lesson::read(&large).unwrap_err();
    assert!(begin.elapsed().as_millis() < 500);
    assert!(
        error
            .to_string()
            .ends_with("large.md:1:1: the page has 104857600 bytes, more than the 4194304 that a page may have")
    );

    let error = Lesson::read(&dir.path().join("missing.md")).unwrap_err();
    assert!(matches!(error, LessonError::Unreadable { .. }), "{error}");
    let error = Lesson::read(dir.path()).unwrap_err();
    assert!(matches!(error, LessonError::NotAPage { .. }), "{error}");
    let error = Course::open(Path::new("/dev/null")).unwrap_err();
    assert!(matches!(error, LessonError::NotAPage { .. }), "{error}");
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn hooks_lie_beside_the_page_and_must_be_there() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "page.md",
        &format!("{HEAD}```bash hook=a\n$ x\n```\n```bash hook=b\n$ x\n```\n```bash hook=c test=false\n$ x\n```\n"),
    );
    write(dir.path(), "tests/hook-a.sh", "");
    let lesson = Lesson::read(&dir.path().join("page.md")).unwrap();
    let said = said(&lesson);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("7:1 error: the hook of this step is missing: "), "{said:?}");
    assert_eq!(lesson.hook_path("a").unwrap(), dir.path().join("tests/hook-a.sh"));
    assert_eq!(lesson.hook_path("../a"), None);
}

#[test]
fn a_folder_is_a_course_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let titled = |title: &str, order: &str| format!("---\ntitle: {title}\n{order}\n---\n");
    for (name, title, order) in [
        ("index.md", "Root", ""),
        ("b.md", "b", "sidebar_position: 2"),
        ("a.md", "a", "sidebar_position: 2"),
        ("late.md", "late", "weight: 30\nsidebar_position: 1"),
        ("inner/_index.md", "Inner", "weight: 10"),
        ("inner/x.md", "x", ""),
        ("inner/deep/y.md", "y", ""),
        ("zero/z.md", "z", "weight: 99"),
        ("_partials/p.md", "no", ""),
        ("tests/t.md", "no", ""),
        (".hidden/h.md", "no", ""),
    ] {
        write(dir.path(), name, &titled(title, order));
    }
    write(dir.path(), "README.md", "# About this folder\n");
    write(dir.path(), "notes.txt", "no page");
    write(dir.path(), "inner/tests/hook-suite.sh", "");
    write(dir.path(), "zero/.notest", "");
    fs::create_dir(dir.path().join("empty")).unwrap();
    let course = Course::open(dir.path()).unwrap();
    let titles: Vec<_> = course.lessons.iter().map(|lesson| lesson.front_matter.title.as_str()).collect();
    assert_eq!(titles, ["Root", "z", "a", "b", "Inner", "y", "x", "late"]);
    assert_eq!(course.title, "Root");
    assert_eq!(course.tree.lessons, [0, 2, 3, 7]);
    let folders: Vec<_> =
        course.tree.folders.iter().map(|f| (f.title.as_str(), f.suite.is_some(), f.lessons.clone())).collect();
    assert_eq!(folders, [("zero", false, vec![1]), ("Inner", true, vec![4, 6])]);
    assert_eq!(course.tree.folders[1].folders[0].lessons, [5]);
    let shown: Vec<_> =
        course.lessons.iter().filter(|lesson| !lesson.executable).map(|l| l.front_matter.title.as_str()).collect();
    assert_eq!(shown, ["z"]);

    write(dir.path(), "lectern.toml", "title = \"Named\"\n");
    assert_eq!(Course::open(dir.path()).unwrap().title, "Named");
    let page = Course::open(&dir.path().join("inner/x.md")).unwrap();
    assert_eq!((page.lessons.len(), page.title.as_str(), page.tree.suite), (1, "x", None));
    assert_eq!(CourseConfig::of(&dir.path().join("inner/x.md")).unwrap().unwrap().title.as_deref(), Some("Named"));
}

#[test]
fn all_bad_pages_of_a_folder_are_named_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let error = Course::open(dir.path()).unwrap_err();
    assert!(matches!(error, LessonError::NoPages { .. }), "{error}");
    write(dir.path(), "good.md", HEAD);
    write(dir.path(), "one.md", "text");
    let error = Course::open(dir.path()).unwrap_err();
    assert!(error.to_string().ends_with("one.md:1:1: the page has no front matter"), "{error}");
    write(dir.path(), "inner/two.md", "---\n");
    let LessonError::Several { errors } = Course::open(dir.path()).unwrap_err() else { panic!("one error") };
    assert_eq!(errors.len(), 2);
}

fn run(text: &str) -> Run {
    Run { text: text.into(), ..Run::default() }
}

fn paragraph(text: &str) -> Block {
    Block::Paragraph(vec![run(text)])
}

#[test]
fn the_tree_to_show() {
    let item = |text| Item { checked: None, blocks: vec![paragraph(text)] };
    let code = |language: &str, info: &str, source: &str, step| Block::Code {
        language: language.into(),
        info: info.into(),
        source: source.into(),
        step,
    };
    let cases = [
        ("## Title {#here}\n", vec![Block::Heading { level: 2, text: vec![run("Title")], id: Some("here".into()) }]),
        (
            "a *b **c*** `d`\n[e](f) ~~g~~\n",
            vec![Block::Paragraph(vec![
                run("a "),
                Run { emphasis: true, ..run("b ") },
                Run { emphasis: true, strong: true, ..run("c") },
                run(" "),
                Run { code: true, ..run("d") },
                run(" "),
                Run { link: Some("f".into()), ..run("e") },
                run(" "),
                Run { strike: true, ..run("g") },
            ])],
        ),
        ("- a\n- b\n", vec![Block::List { start: None, items: vec![item("a"), item("b")] }]),
        (
            "3. a\n\n   - [x] b\n",
            vec![Block::List {
                start: Some(3),
                items: vec![Item {
                    checked: None,
                    blocks: vec![
                        paragraph("a"),
                        Block::List {
                            start: None,
                            items: vec![Item { checked: Some(true), blocks: vec![paragraph("b")] }],
                        },
                    ],
                }],
            }],
        ),
        (
            ":::tip A *title*\ntext\n```bash wait=1\n$ a\n```\n- b\n:::\nmore\n",
            vec![
                Block::Admonition {
                    kind: "tip".into(),
                    title: vec![run("A "), Run { emphasis: true, ..run("title") }],
                    blocks: vec![
                        paragraph("text"),
                        code("bash", "wait=1", "$ a\n", Some(0)),
                        Block::List { start: None, items: vec![item("b")] },
                    ],
                },
                paragraph("more"),
            ],
        ),
        (
            "::::info\n:::note\nin\n:::\nout\n::::\n:::\n",
            vec![Block::Admonition {
                kind: "info".into(),
                title: vec![],
                blocks: vec![
                    Block::Admonition { kind: "note".into(), title: vec![], blocks: vec![paragraph("in")] },
                    paragraph("out"),
                ],
            }],
        ),
        (
            "- a\n\n  :::caution\n  b\n- c\n",
            vec![Block::List {
                start: None,
                items: vec![
                    Item {
                        checked: None,
                        blocks: vec![
                            paragraph("a"),
                            Block::Admonition { kind: "caution".into(), title: vec![], blocks: vec![paragraph("b")] },
                        ],
                    },
                    item("c"),
                ],
            }],
        ),
        ("```\n:::tip\n```\n", vec![code("", "", ":::tip\n", None)]),
        ("> a\n", vec![Block::Quote(vec![paragraph("a")])]),
        (
            "a\n\n---\n\n![b](c.png)\n",
            vec![paragraph("a"), Block::Rule, Block::Image { alt: "b".into(), url: "c.png".into() }],
        ),
        (
            "| a | b |\n|:--|--:|\n| 1 | `2` |\n",
            vec![Block::Table {
                alignments: vec![Alignment::Left, Alignment::Right],
                head: vec![vec![run("a")], vec![run("b")]],
                rows: vec![vec![vec![run("1")], vec![Run { code: true, ..run("2") }]]],
            }],
        ),
        (
            "::required-time{estimatedLabExecutionTimeMinutes=\"10\"}\n::required-time\n",
            vec![Block::RequiredTime { minutes: Some(10) }, Block::RequiredTime { minutes: None }],
        ),
        (
            "::yaml{file=\"a.yaml\" paths=\"b, c.0\" title=\"t\"}\n1. d\n",
            vec![
                Block::YamlFile {
                    file: "a.yaml".into(),
                    paths: vec!["b".into(), "c.0".into()],
                    title: Some("t".into()),
                },
                Block::List { start: Some(1), items: vec![item("d")] },
            ],
        ),
        (
            "import Tabs from '@theme/Tabs';\n<Tabs>\n  <TabItem value=\"x\" label=\"X\">\n    a\n\n    b\n  </TabItem>\n  <TabItem value=\"y\">\n    c\n  </TabItem>\n</Tabs>\n",
            vec![Block::Tabs(vec![
                Tab { label: "X".into(), blocks: vec![paragraph("a"), paragraph("b")] },
                Tab { label: "y".into(), blocks: vec![paragraph("c")] },
            ])],
        ),
        (
            "<details>\n<summary>More</summary>\ntext\n</details>\n",
            vec![Block::Details { summary: vec![run("More")], blocks: vec![paragraph("text")] }],
        ),
        (
            "<Browser url=\"http://x\">\n<img src={require('./a.webp').default} alt=\"A\"/>\n</Browser>\n",
            vec![Block::Browser {
                url: "http://x".into(),
                blocks: vec![Block::Image { alt: "A".into(), url: "./a.webp".into() }],
            }],
        ),
        (
            "<ConsoleButton url=\"http://x\" service=\"eks\" label=\"Open\"/>\n",
            vec![Block::Button { label: "Open".into(), url: "http://x".into() }],
        ),
        ("<!-- nobody\n\nsees this -->\na <!-- nor this --> b\n", vec![paragraph("a  b")]),
        (
            "<table>\n<tr><td>a</td></tr>\n</table>\n",
            vec![Block::Html { source: "<table>\n<tr><td>a</td></tr>\n</table>\n".into(), text: "a".into() }],
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(page(body).blocks(), expected, "{body}");
    }
}

#[test]
fn depth_and_length_are_no_danger() {
    let many = 60_000;
    for body in [
        "> ".repeat(many),
        "- ".repeat(many),
        "*a ".repeat(many),
        "[".repeat(many),
        ":::tip\n".repeat(many / 8),
        "<Tabs>\n".repeat(many / 8),
        ":::tip\n:::\n".repeat(many / 8),
        "```bash wait=1\n$ a <<E\n".repeat(many / 8),
        format!("```bash\n$ a {}\n```\n", "<<E ".repeat(many / 8)),
        format!("```bash {}\n```\n", "wait=1 ".repeat(many / 100)),
        "|".repeat(many / 8),
    ] {
        let begin = Instant::now();
        let lesson = page(&body);
        drop(lesson.blocks());
        let head: String = body.chars().take(30).collect();
        assert!(begin.elapsed().as_secs() < 20, "{head:?} takes {:?}", begin.elapsed());
    }
}

/// Lines as pages have them, and near misses of them, in any mixture.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "", "text", "```bash", "```bash wait=3 hook=a", "```bash raw=true", "```", "~~~", "    ```bash", "$ a", "$ a \\", "$ ",
            "$ cat <<EOF", "$ cat <<-'E E' | b \\", "EOF", "\tE E", "out", "sleep 5", ":::tip Title", ":::", "::::note",
            "::yaml{file=\"a\" paths=\"b\"}", "::required-time", "<Tabs>", "  <TabItem value=\"x\">", "</TabItem>",
            "</Tabs>", "<details>", "<summary>a</summary>", "</details>", "<!--", "-->", "- item", "  - item", "1. item", "> quote",
            "> :::tip", "  :::", "# Title {#id}", "| a | b |", "|---|---|", "![a](b)", "[a]: b", "---", "===", "<img src={x}>",
            "<div>", "import a from 'b'", "    indented", "\u{feff}", "\r", "é`ü", "***", "<b", "&amp;",
        ]).prop_map(str::to_owned),
        1 => "[ -~\\t\\u{e0}-\\u{ff}]{0,12}",
        1 => any::<String>(),
    ]
}

fn any_page() -> impl Strategy<Value = String> {
    let body = prop::collection::vec(line(), 0..30).prop_map(|lines| lines.join("\n"));
    prop_oneof![8 => body.prop_map(|body| format!("{HEAD}{body}")), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_lesson_or_an_error(text in any_page()) {
        let Ok(lesson) = Lesson::parse(Path::new("p.md"), text.as_bytes()) else { return Ok(()) };
        drop(lesson.blocks());
        let slice = |span: Span| -> &str {
            assert_eq!(span, LineIndex::new(&text).span(&text, span.start, span.end));
            &text[span.start..span.end]
        };
        let mut behind = lesson.body;
        for step in &lesson.steps {
            prop_assert!(step.span.start >= behind, "steps come in order and apart");
            behind = step.span.end;
            slice(step.span);
            let mut within = step.span.start;
            for command in &step.commands {
                prop_assert!(command.span.start >= within && command.span.end <= step.span.end);
                within = command.span.end;
                let written = slice(command.span);
                let prompt = if step.annotations.raw { "" } else { "$ " };
                // A fence's own indentation and carriage returns are not part of the text.
                let plain = |text: &str| text.lines().map(|l| l.trim_start().replace('\r', "")).collect::<Vec<_>>();
                prop_assert_eq!(plain(written), plain(&format!("{prompt}{}", command.text)));
                if let Expected::Text { text, span } | Expected::Unchecked { text, span, .. } = &command.expected {
                    prop_assert!(span.start >= within && span.end <= step.span.end);
                    within = span.end;
                    prop_assert_eq!(plain(slice(*span)), plain(text));
                }
            }
        }
        for diagnostic in &lesson.diagnostics {
            slice(diagnostic.span);
        }
    }

    #[test]
    fn any_bytes_are_a_lesson_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let with_head = [HEAD.as_bytes(), &bytes].concat();
        for bytes in [&bytes, &with_head] {
            match Lesson::parse(Path::new("p.md"), bytes) {
                Ok(lesson) => drop(lesson.blocks()),
                Err(error) => prop_assert!(error.to_string().starts_with("p.md:"), "{}", error),
            }
        }
    }

    #[test]
    fn any_configuration_is_one_or_an_error(text in "([a-z\\[\\]=\"' \\n~/]{0,40})") {
        if let Err(error) = CourseConfig::parse(Path::new("lectern.toml"), &text) {
            prop_assert!(error.to_string().starts_with("lectern.toml:"), "{}", error);
        }
    }
}
