//! The pages of the EKS Workshop, as real input: all of them parse, and what the parser finds is what a reader of lines counts.
//!
//! They are not part of this repository: the tests are ignored where they are missing. `LECTERN_SHARED` names the folder
//! that holds them, `../shared` beside the repository otherwise.

use std::path::Path;

use lectern::cli::steps;
use lectern::lesson::blocks::Block;
use lectern::lesson::{Course, CourseFolder, Expected, Lesson, Severity, Span, Step};
use needs::needs;

fn course() -> Course {
    Course::open(&oracles::path("shared/corpus/website")).unwrap_or_else(|error| panic!("{error:?}"))
}

/// What stands in a page, counted line by line: no Markdown parser, no shell words.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
struct Count {
    steps: usize,
    commands: usize,
    annotations: usize,
    not_tested: usize,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.commands += other.commands;
        self.annotations += other.annotations;
        self.not_tested += other.not_tested;
    }
}

/// In these pages a fence at the left edge is in no list and no quote, and one in a list is indented.
fn count_lines(page: &str) -> Count {
    let mut count = Count::default();
    let mut fence: Option<bool> = None;
    let mut heredoc: Option<String> = None;
    let mut goes_on = false;
    for line in page.lines() {
        let Some(is_step) = fence else {
            if let Some(info) = line.strip_prefix("```") {
                let words: Vec<&str> = info.split_whitespace().collect();
                let is_step = words.first() == Some(&"bash");
                if is_step {
                    count.steps += 1;
                    count.annotations += words.iter().filter(|word| word.contains('=')).count();
                    count.not_tested += usize::from(words.contains(&"test=false"));
                }
                fence = Some(is_step);
            }
            continue;
        };
        if line.starts_with("```") {
            (fence, heredoc, goes_on) = (None, None, false);
            continue;
        }
        if !is_step {
            continue;
        }
        if heredoc.as_deref().is_some_and(|end| line == end) {
            heredoc = None;
            continue;
        }
        if heredoc.is_some() {
            continue;
        }
        let prompt = line.starts_with("$ ");
        if prompt && !goes_on {
            count.commands += 1;
        }
        if (prompt || goes_on) && line.contains("<<") {
            let word = line.split("<<").nth(1).unwrap_or_default().trim();
            heredoc = Some(word.split_whitespace().next().unwrap_or_default().replace('\'', ""));
        }
        goes_on = (prompt || goes_on) && line.ends_with('\\');
    }
    count
}

fn count_parsed(lesson: &Lesson) -> Count {
    let default = lectern::lesson::Annotations::default();
    let said = |step: &Step| {
        let a = &step.annotations;
        [
            a.test != default.test,
            a.wait != default.wait,
            a.hook.is_some(),
            a.hook_timeout != default.hook_timeout,
            a.expect_error,
            a.raw,
        ]
        .into_iter()
        .filter(|said| *said)
        .count()
            // The workshop writes the default down once in a while: `timeout` is looked up in the fence's own line.
            + usize::from(lesson.source[step.span.start..].lines().next().is_some_and(|info| info.contains(" timeout=")))
    };
    Count {
        steps: lesson.steps.len(),
        commands: lesson.steps.iter().map(|step| step.commands.len()).sum(),
        annotations: lesson.steps.iter().map(said).sum(),
        not_tested: lesson.steps.iter().filter(|step| !step.annotations.test).count(),
    }
}

#[needs("shared/corpus")]
#[test]
fn every_page_parses_and_holds_what_its_lines_hold() {
    let course = course();
    let mut total = Count::default();
    for lesson in &course.lessons {
        let text = std::fs::read_to_string(&lesson.path).unwrap();
        let counted = count_lines(&text);
        assert_eq!(count_parsed(lesson), counted, "{}", lesson.path.display());
        total += counted;
        let errors: Vec<_> = lesson.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", lesson.path.display());
    }
    println!("{} pages: {total:?}", course.lessons.len());
    assert_eq!(course.lessons.len(), 167);
    assert_eq!(total, Count { steps: 600, commands: 770, annotations: 235, not_tested: 20 });
}

#[needs("shared/corpus")]
#[test]
fn what_is_said_about_the_pages_is_little_and_true() {
    let course = course();
    let mut said: Vec<String> = Vec::new();
    for lesson in &course.lessons {
        let name = lesson.path.components().rev().take(2).map(|c| c.as_os_str().to_string_lossy().into_owned());
        let name = name.collect::<Vec<_>>().join(" in ");
        said.extend(lesson.diagnostics.iter().map(|d| format!("{name}:{}: {}", d.span.line, d.message)));
        for command in lesson.steps.iter().flat_map(|step| &step.commands) {
            let unchecked = matches!(command.expected, Expected::Unchecked { .. });
            assert_eq!(unchecked, name.starts_with("understanding.md in amazon-eks-pod-identity"), "{name}");
        }
    }
    let forgotten = said.iter().filter(|line| line.contains("`$ ` was forgotten")).count();
    assert_eq!((said.len(), forgotten), (2, 2), "{said:#?}");
}

#[needs("shared/corpus")]
#[test]
fn spans_are_where_they_say() {
    let course = course();
    for lesson in &course.lessons {
        check_spans(lesson);
    }
}

fn check_spans(lesson: &Lesson) {
    let slice = |span: Span| {
        let text = &lesson.source[span.start..span.end];
        let before = &lesson.source[..span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        assert_eq!(span.line, before.matches('\n').count() + 1);
        assert_eq!(span.column, before[line_start..].chars().count() + 1);
        text
    };
    for step in &lesson.steps {
        let fence = slice(step.span);
        assert!(fence.starts_with("```") || fence.starts_with("~~~"), "{fence}");
        for command in &step.commands {
            let text = slice(command.span);
            if !step.annotations.raw {
                assert_eq!(text, format!("$ {}", command.text));
            }
            if let Expected::Text { text, span } | Expected::Unchecked { text, span, .. } = &command.expected {
                assert_eq!(slice(*span), text);
            }
        }
    }
}

/// Titles of the pages in a folder and the folders in it, as one line each.
fn outline(folder: &CourseFolder, course: &Course, depth: usize, into: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    into.push(format!("{indent}{}/ {}", folder.title, if folder.suite.is_some() { "with a suite" } else { "" }));
    for page in &folder.lessons {
        into.push(format!("{indent}  {}", course.lessons[*page].front_matter.title));
    }
    for inner in &folder.folders {
        outline(inner, course, depth + 1, into);
    }
}

#[needs("shared/corpus")]
#[test]
fn pages_come_in_course_order() {
    let path = oracles::path("shared/corpus/website/docs/fundamentals/workloads/keda");
    let course = Course::open(&path).unwrap();
    let names: Vec<_> =
        course.lessons.iter().map(|lesson| lesson.path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let orders: Vec<_> = course.lessons.iter().skip(1).map(|lesson| lesson.front_matter.order).collect();
    assert_eq!(names[0], "index.md");
    assert!(orders.is_sorted(), "{orders:?}");
    let mut lines = Vec::new();
    outline(&course.tree, &course, 0, &mut lines);
    assert_eq!(lines.len(), names.len() + 1, "{lines:#?}");
    assert!(lines[0].ends_with("with a suite"), "{lines:#?}");
}

#[needs("shared/corpus")]
#[test]
fn set_up_pages_are_shown_and_never_executed() {
    let course = course();
    let shown: Vec<_> = course.lessons.iter().filter(|lesson| !lesson.executable).collect();
    assert!(!shown.is_empty());
    for lesson in &course.lessons {
        let path = lesson.path.to_string_lossy();
        let set_up = path.contains("fastpaths/setup/") || path.contains("introduction/setup/");
        assert_eq!(lesson.executable, !set_up, "{path}");
    }
    // The same page named alone is no more executable than in its folder.
    assert!(!Lesson::read(&shown[0].path).unwrap().executable);
}

#[needs("shared/seed")]
#[test]
fn the_seed_lesson_has_seven_steps() {
    let path = oracles::path("shared/seed/use-pod-identity.md");
    let course = Course::open(&path).unwrap();
    let lesson = &course.lessons[0];
    assert_eq!((course.title.as_str(), lesson.steps.len()), ("Using EKS Pod Identity", 7));
    assert!((0..7).all(|step| lesson.executes(step)) && lesson.diagnostics.is_empty());
    assert_eq!(lesson.steps.iter().map(|step| step.span.line).collect::<Vec<_>>(), [9, 18, 41, 64, 86, 93, 99]);
    assert_eq!(lesson.steps[3].annotations.wait, 30);
    let recycle = &lesson.steps[5].annotations;
    assert_eq!(
        (recycle.hook.as_deref(), recycle.hook_timeout, recycle.timeout),
        (Some("enable-pod-identity"), 430, 120)
    );
    assert!(lesson.hook_path("enable-pod-identity").unwrap().is_file());
    assert_eq!(lesson.steps[4].commands[0].expected.text(), Some("  Service Account:  carts"));
    assert!(course.tree.suite.is_none());
}

#[needs("shared/seed")]
#[test]
fn the_bundled_course_has_the_seed_lessons_steps_in_its_own_words() {
    let bundled = Course::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons")).unwrap();
    assert_eq!(bundled.title, "Working with Amazon EKS");
    assert!(bundled.lessons.iter().all(|lesson| lesson.diagnostics.is_empty() && lesson.executable));
    let path = oracles::path("shared/seed/use-pod-identity.md");
    let seed = Lesson::read(&path).unwrap();
    let lesson = bundled.lessons.iter().find(|lesson| lesson.path.ends_with("use-pod-identity.md")).unwrap();
    let steps = |lesson: &Lesson| -> Vec<_> {
        lesson.steps.iter().map(|step| (step.annotations.clone(), step.source.clone())).collect()
    };
    assert_eq!(steps(lesson), steps(&seed));
    // Not one sentence of the workshop's.
    let prose = |lesson: &Lesson| -> Vec<String> {
        let mut text = lesson.source[lesson.body..].to_owned();
        for step in lesson.steps.iter().rev() {
            text.replace_range(step.span.start - lesson.body..step.span.end - lesson.body, "\n\n");
        }
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        words.split(['.', ':', '?', '!']).map(|sentence| sentence.trim().to_lowercase()).collect()
    };
    let ours = prose(lesson);
    for sentence in prose(&seed).iter().filter(|sentence| sentence.len() > 20) {
        assert!(!ours.contains(sentence), "{sentence}");
    }
}

#[test]
fn a_page_with_an_error_is_told_apart_from_one_without() {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.md");
    let steps_of = |text: &str| {
        std::fs::write(&page, text).unwrap();
        steps::run(&steps::Steps { path: page.clone(), format: steps::Format::Json })
    };
    assert_eq!(steps_of("---\ntitle: x\n---\n```bash wiat=1\n$ a\n```\n").unwrap(), 0);
    assert_eq!(steps_of("---\ntitle: x\n---\n```bash wait=abc\n$ a\n```\n").unwrap(), 2);
    let course = Course::open(&page).unwrap();
    let shown = steps::errors(&course);
    assert!(shown.contains("page.md:4:9: `wait=abc` is not a value that `wait` can have\n  help: "), "{shown}");
    let data: serde_json::Value = serde_json::from_str(&steps::json(&course).unwrap()).unwrap();
    assert_eq!(data["lessons"][0]["steps"][0]["executed"], false);
    let diagnostic = &data["lessons"][0]["diagnostics"][0];
    assert_eq!(
        (&diagnostic["severity"], &diagnostic["line"], &diagnostic["column"]),
        (&"error".into(), &4.into(), &9.into())
    );
    let error = steps_of("no front matter").unwrap_err();
    assert!(error.to_string().contains("page.md:1:1: the page has no front matter"), "{error}");
}

#[test]
fn what_a_person_reads_has_no_control_characters() {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.md");
    std::fs::write(&page, "---\ntitle: \"x\\e[2J\"\n---\n```bash a\u{1b}[1m=1\n$ echo \u{1b}]0;title\u{7}\n```\n")
        .unwrap();
    let text = steps::human(&Course::open(&page).unwrap());
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    assert!(text.ends_with("1 lesson, 1 step, 1 of them executed, with 1 command\n"), "{text}");
}

/// All blocks, the ones in other blocks included.
fn every<'a>(blocks: &'a [Block], into: &mut Vec<&'a Block>) {
    for block in blocks {
        into.push(block);
        match block {
            Block::List { items, .. } => items.iter().for_each(|item| every(&item.blocks, into)),
            Block::Tabs(tabs) => tabs.iter().for_each(|tab| every(&tab.blocks, into)),
            Block::Admonition { blocks, .. }
            | Block::Details { blocks, .. }
            | Block::Browser { blocks, .. }
            | Block::Quote(blocks) => every(blocks, into),
            _ => {}
        }
    }
}

#[needs("shared/corpus")]
#[test]
fn the_tree_to_show_has_every_mark_of_the_pages() {
    let course = course();
    let count_lines = |start: &str| -> usize {
        let lines = |lesson: &Lesson| lesson.source.lines().filter(|line| line.trim_start().starts_with(start)).count();
        course.lessons.iter().map(lines).sum()
    };
    let trees: Vec<_> = course.lessons.iter().map(Lesson::blocks).collect();
    let mut blocks = Vec::new();
    trees.iter().for_each(|tree| every(tree, &mut blocks));
    let count = |fits: fn(&&&Block) -> bool| blocks.iter().filter(fits).count();
    assert_eq!(count(|b| matches!(b, Block::YamlFile { .. })), count_lines("::yaml{"));
    assert_eq!(count(|b| matches!(b, Block::RequiredTime { .. })), count_lines("::required-time"));
    assert_eq!(count(|b| matches!(b, Block::Tabs(_))), count_lines("<Tabs>"));
    assert_eq!(count(|b| matches!(b, Block::Browser { .. })), count_lines("<Browser "));
    let opened: usize = ["tip", "info", "note", "caution", "warning", "danger"]
        .iter()
        .map(|kind| count_lines(&format!(":::{kind}")))
        .sum();
    assert!(count(|b| matches!(b, Block::Admonition { .. })) >= opened, "{opened}");
    for (lesson, tree) in course.lessons.iter().zip(&trees) {
        let mut blocks = Vec::new();
        every(tree, &mut blocks);
        let shown: Vec<_> =
            blocks.iter().filter_map(|b| if let Block::Code { step, .. } = b { *step } else { None }).collect();
        assert_eq!(shown, (0..lesson.steps.len()).collect::<Vec<_>>(), "{}", lesson.path.display());
        for block in blocks {
            if let Block::Code { step: Some(step), source, .. } = block {
                assert_eq!(source, &lesson.steps[*step].source, "{}", lesson.path.display());
            }
            if let Block::Paragraph(runs) = block {
                let text: String = runs.iter().map(|run| run.text.as_str()).collect();
                assert!(!text.contains(":::") && !text.contains("___"), "{}: {text}", lesson.path.display());
            }
        }
    }
}

#[needs("shared/seed")]
#[test]
fn the_course_as_data_has_the_agreed_fields() {
    let path = oracles::path("shared/seed/use-pod-identity.md");
    let course = Course::open(&path).unwrap();
    let text = steps::json(&course).unwrap();
    let order = [
        "\"path\"",
        "\"title\"",
        "\"steps\"",
        "\"line\"",
        "\"executed\"",
        "\"annotations\"",
        "\"test\"",
        "\"timeout\"",
        "\"wait\"",
        "\"hook\"",
        "\"hookTimeout\"",
        "\"expectError\"",
        "\"raw\"",
        "\"commands\"",
        "\"command\"",
        "\"expected\"",
    ];
    let places: Vec<_> = order.iter().map(|key| text.find(key).unwrap_or_else(|| panic!("{key}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
    let data: serde_json::Value = serde_json::from_str(&text).unwrap();
    let lesson = &data["lessons"][0];
    assert_eq!(lesson["diagnostics"], serde_json::json!([]));
    assert_eq!(
        lesson["steps"][5],
        serde_json::json!({
            "line": 93,
            "executed": true,
            "annotations": {
                "test": true, "timeout": 120, "wait": 0, "hook": "enable-pod-identity", "hookTimeout": 430,
                "expectError": false, "raw": false
            },
            "commands": [{
                "line": 94,
                "command": "kubectl -n carts rollout restart deployment/carts",
                "expected": "deployment.apps/carts restarted"
            }]
        })
    );
    assert!(
        lesson["steps"][1]["commands"][0]["command"]
            .as_str()
            .unwrap()
            .starts_with("aws iam get-policy-version \\\n  --version-id")
    );
}
