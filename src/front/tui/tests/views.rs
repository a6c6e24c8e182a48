//! Every view at three sizes, and its colours in two themes.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use crossterm::event::KeyCode;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::{FIRST, PAGE, draw, options, press, state, step_report};
use crate::front::tui::Options;
use crate::front::tui::model::Model;
use crate::front::tui::theme::Theme;
use crate::front::tui::update;
use crate::front::tui::view::{Cache, view};
use crate::lesson::{Course, CourseFolder, Lesson};
use crate::session::{Cause, Event, StepState};
use crate::tools::StdStream;

const SIZES: [(u16, u16); 3] = [(40, 20), (80, 24), (120, 40)];

const SECOND_PAGE: &str = r#"---
title: Blocks of all kinds
---
::required-time{estimatedLabExecutionTimeMinutes="12"}

<!-- a remark that nobody sees -->

> Quoted *words*,
> on two lines.

1. one
   - inner
     1. innermost
2. two, with a [page](./page.md) and the [web](https://example.org/a)

:::warning Careful
It bites.
:::

<Tabs>
  <TabItem value="a" label="Linux">
    For Linux.
  </TabItem>
  <TabItem value="b" label="macOS">
    For macOS.
  </TabItem>
</Tabs>

![A diagram of the cluster](./cluster.png)

```diff
-old
+new
```

```json
{"a": [1, "two", null]}
```

| Left | Right |
| :--- | ---: |
| 漢字 | 1 |
| b | 22 |
"#;

fn course() -> Arc<Course> {
    let page = |name: &str, text: &str| Lesson::parse(Path::new(name), text.as_bytes()).expect("a page");
    let lessons = vec![page("/course/page.md", PAGE), page("/course/blocks.md", SECOND_PAGE)];
    let tree = CourseFolder { title: "Course".into(), lessons: vec![0, 1], ..CourseFolder::default() };
    Arc::new(Course { root: "/course".into(), title: "A course".into(), lessons, tree })
}

fn model() -> Model {
    model_in(options())
}

fn model_in(options: Options) -> Model {
    let mut model = Model::new(course(), options, (80, 24));
    update::event(&mut model, state(FIRST, StepState::Ready));
    model
}

fn on_page(mut model: Model, step: Option<StepState>) -> Model {
    model.home = false;
    let Some(step) = step else { return model };
    update::event(&mut model, state(FIRST, StepState::Running(0)));
    let text = "NAME  READY  STATUS\nweb-2  1/1  Pending\n".to_owned();
    update::event(&mut model, Event::Output { id: FIRST, command: Some(0), stream: StdStream::Stdout, text });
    let cause = if let StepState::Failed(cause) = step { Some(cause) } else { None };
    if !matches!(step, StepState::Running(_)) {
        update::event(&mut model, Event::StepDone { id: FIRST, report: step_report(cause, cause.is_none()) });
    }
    update::event(&mut model, state(FIRST, step));
    model
}

/// All sizes of a view, one below the other.
fn sizes(mut make: impl FnMut() -> Model) -> String {
    let mut out = String::new();
    for (columns, rows) in SIZES {
        let mut model = make();
        model.size = (columns, rows);
        let _ = writeln!(out, "{columns}x{rows}");
        for line in draw(&mut model, columns, rows).lines() {
            let _ = writeln!(out, "|{line}");
        }
    }
    out
}

fn keyed(mut model: Model, keys: &[KeyCode]) -> Model {
    for key in keys {
        let (columns, rows) = model.size;
        draw(&mut model, columns, rows);
        press(&mut model, *key);
    }
    model
}

#[test]
fn home() {
    insta::assert_snapshot!(sizes(model));
}

#[test]
fn prose() {
    insta::assert_snapshot!(sizes(|| {
        let mut model = on_page(model(), None);
        update::input(&mut model, &crossterm::event::Event::Resize(80, 24));
        model.lesson = 1;
        model.selected = None;
        model
    }));
}

#[test]
fn a_step_ready() {
    insta::assert_snapshot!(sizes(|| keyed(on_page(model(), None), &[KeyCode::Tab, KeyCode::BackTab])));
}

#[test]
fn a_step_running() {
    insta::assert_snapshot!(sizes(|| on_page(model(), Some(StepState::Running(0)))));
}

#[test]
fn a_step_passed() {
    insta::assert_snapshot!(sizes(|| keyed(
        on_page(model(), Some(StepState::Waiting(24))),
        &[KeyCode::Char('d'), KeyCode::Tab, KeyCode::BackTab]
    )));
}

#[test]
fn a_step_failed() {
    insta::assert_snapshot!(sizes(|| keyed(
        on_page(model(), Some(StepState::Failed(Cause::Output))),
        &[KeyCode::Char('e')]
    )));
}

#[test]
fn a_difference_side_by_side() {
    insta::assert_snapshot!(sizes(|| keyed(
        on_page(model(), Some(StepState::Failed(Cause::Output))),
        &[KeyCode::Char('v'), KeyCode::Char('v'), KeyCode::Tab, KeyCode::BackTab]
    )));
}

#[test]
fn the_output() {
    insta::assert_snapshot!(sizes(|| keyed(on_page(model(), Some(StepState::Running(0))), &[KeyCode::Char('t')])));
}

#[test]
fn over_the_page() {
    let mut out = String::new();
    for key in ['?', 'o', 'm', ':', 'f'] {
        let _ = writeln!(out, "{key}");
        let mut model = keyed(on_page(model(), None), &[KeyCode::Char(key)]);
        out.push_str(&draw(&mut model, 60, 14));
    }
    insta::assert_snapshot!(out);
}

/// Where each style begins and ends, a row a line.
fn styles(theme: &str) -> String {
    let theme = Theme::named(theme).expect("a theme");
    let mut model = on_page(model_in(Options { theme, ..options() }), Some(StepState::Failed(Cause::Output)));
    let mut terminal = Terminal::new(TestBackend::new(60, 30)).expect("a test backend");
    let mut cache = Cache::default();
    for _ in 0..2 {
        terminal.draw(|frame| view(frame, &mut model, &mut cache)).expect("drawn");
    }
    let buffer = terminal.backend().buffer();
    let mut out = String::new();
    for row in 0..30 {
        let mut last = None;
        let mut line = String::new();
        for column in 0..60 {
            let cell = &buffer[(column, row)];
            let style = (cell.fg, cell.modifier);
            if last != Some(style) && !cell.symbol().trim().is_empty() {
                let _ = write!(line, "{{{:?} {:?}}}", cell.fg, cell.modifier);
                last = Some(style);
            }
            line.push_str(cell.symbol());
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out.replace("Modifier(0x0)", "").replace(" NONE}", "}")
}

#[test]
fn colours_of_the_terminal() {
    insta::assert_snapshot!(styles("ansi"));
}

#[test]
fn colours_for_a_light_background() {
    insta::assert_snapshot!(styles("light"));
}

#[test]
fn a_link_opens_its_page_and_a_tab_turns() {
    let mut model = on_page(model(), None);
    press(&mut model, KeyCode::Char(']'));
    assert_eq!(model.lesson, 1);
    let screen = draw(&mut model, 80, 60);
    assert!(screen.contains("For Linux.") && !screen.contains("For macOS."), "{screen}");
    assert!(!screen.contains("remark that nobody sees"), "{screen}");
    press(&mut model, KeyCode::Char('w'));
    let screen = draw(&mut model, 80, 60);
    assert!(!screen.contains("For Linux.") && screen.contains("For macOS."), "{screen}");
    press(&mut model, KeyCode::Char('f'));
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.lesson, 0);
}

#[test]
fn only_addresses_of_the_web_are_given_to_the_terminal() {
    let mut model = on_page(model(), None);
    press(&mut model, KeyCode::Char(']'));
    let mut terminal = Terminal::new(TestBackend::new(80, 60)).expect("a test backend");
    let mut cache = Cache::default();
    terminal.draw(|frame| view(frame, &mut model, &mut cache)).expect("drawn");
    let links = cache.links.borrow();
    assert_eq!(links.iter().map(|link| (link.2, link.3.as_str())).collect::<Vec<_>>(), [(3, "https://example.org/a")]);
}

#[test]
fn a_search_goes_on_over_the_course() {
    let mut model = on_page(model(), None);
    draw(&mut model, 80, 24);
    press(&mut model, KeyCode::Char('/'));
    for letter in "bites".chars() {
        press(&mut model, KeyCode::Char(letter));
    }
    press(&mut model, KeyCode::Enter);
    let screen = draw(&mut model, 80, 24);
    assert_eq!(model.lesson, 1, "{screen}");
    assert!(screen.contains("It bites."), "{screen}");
}

#[test]
fn a_page_whose_predecessor_is_unfinished_says_so() {
    let mut model = on_page(model(), None);
    press(&mut model, KeyCode::Char(']'));
    assert!(draw(&mut model, 80, 24).contains("is not finished (0/2"));
}
