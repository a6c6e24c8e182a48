//! `lectern learn` in a real terminal: from the first screen to the last step, and every way out.

#[path = "learn/preview.rs"]
mod preview;
mod support;

use std::time::Duration;

use rustix::process::Signal;
use support::{Screen, World};

/// Reads on to the next step, runs it and waits until it is passed.
fn pass(screen: &mut Screen, passed: usize) {
    let done = format!("{passed}/7 steps");
    for _ in 0..40 {
        screen.until("something to do", |text| {
            text.contains(&done) || text.contains("Enter run") || text.contains("Enter read on")
        });
        if screen.text().contains(&done) {
            return;
        }
        let before = screen.text();
        screen.press("\r");
        screen.until("the screen to change", |text| text != before);
    }
    panic!("step {passed} did not pass:\n{}", screen.text());
}

#[test]
fn a_learner_finishes_the_bundled_lesson() {
    let world = World::new();
    let mut screen = world.terminal(24, &["learn", "--speed", "1000"]);
    open_lesson(&mut screen);
    assert!(screen.alternate());
    for passed in 1..=7 {
        pass(&mut screen, passed);
    }
    screen.press("q");
    assert_eq!(screen.end(), 0);
    assert!(!screen.alternate(), "the terminal is as it was");
}

/// From the course's first screen to the page with steps.
fn open_lesson(screen: &mut Screen) {
    screen.until("the first screen", |text| text.contains("? keys"));
    for _ in 0..8 {
        if screen.text().contains("/7 steps") {
            return;
        }
        let before = screen.text();
        screen.press("]");
        let header = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        screen.until("another page", |text| header(text) != header(&before) && header(text).contains("page "));
    }
    screen.until_text("/7 steps");
}

#[test]
fn what_was_done_is_still_done_the_next_time() {
    let world = World::new();
    let mut screen = world.terminal(24, &["learn", "--speed", "1000"]);
    open_lesson(&mut screen);
    pass(&mut screen, 1);
    pass(&mut screen, 2);
    screen.press("q");
    assert_eq!(screen.end(), 0);
    let mut screen = world.terminal(24, &["learn", "--speed", "1000"]);
    open_lesson(&mut screen);
    screen.until_text("2/7 steps");
    for passed in 3..=7 {
        pass(&mut screen, passed);
    }
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for (signal, status) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let world = World::new();
        let mut screen = world.terminal(24, &["learn"]);
        screen.until("the first screen", |text| text.contains("? keys"));
        screen.signal(signal);
        assert_eq!(screen.end(), status, "{signal:?}");
        assert!(!screen.alternate(), "{signal:?}: the terminal is as it was");
    }
}

#[test]
fn killed_at_any_moment_it_goes_on_from_the_last_step() {
    let world = World::new();
    // Twenty moments, spread over the whole lesson; the clock is slow enough that steps are cut in the middle.
    for moment in 0..20u64 {
        let mut screen = world.terminal(24, &["learn", "--speed", "100"]);
        open_lesson(&mut screen);
        let began = std::time::Instant::now();
        let until = Duration::from_millis(40 + moment * 37 % 400);
        let mut pressed = String::new();
        while began.elapsed() < until {
            let text = screen.text();
            if text != pressed && (text.contains("Enter run") || text.contains("Enter read on")) {
                pressed = text;
                screen.press("\r");
            }
            screen.read_for(Duration::from_millis(10));
        }
        screen.signal(Signal::KILL);
        screen.end();
    }
    let mut screen = world.terminal(24, &["learn", "--speed", "1000"]);
    open_lesson(&mut screen);
    screen.until("something to do", |text| text.contains("Enter "));
    let done: usize = progress(&screen.text()).parse().expect("a number");
    for passed in done + 1..=7 {
        pass(&mut screen, passed);
    }
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

/// How many steps are passed, as the top line says it.
fn progress(text: &str) -> String {
    let before = text.split("/7 steps").next().unwrap_or_default();
    before.rsplit(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn one_course_is_open_in_one_lectern() {
    let world = World::new();
    let mut first = world.terminal(24, &["learn"]);
    first.until("the first screen", |text| text.contains("? keys"));
    let second = world.run(&["learn"]);
    assert_eq!(second.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&second.stderr).contains("open in another lectern"));
    first.press("q");
    assert_eq!(first.end(), 0);
}

/// What the dialogue says to these answers, and how it ends.
fn dialogue(world: &World, arguments: &[&str], answers: &str) -> (String, Option<i32>) {
    let output = world.run_with(&[&["learn"], arguments].concat(), answers);
    assert!(output.stderr.is_empty(), "{output:?}");
    (String::from_utf8(output.stdout).expect("text"), output.status.code())
}

#[test]
fn without_a_terminal_it_is_a_dialogue_that_ends_with_its_answers() {
    let world = World::new();
    let (text, status) = dialogue(&world, &["--speed", "1000"], "");
    assert_eq!(status, Some(0));
    assert!(text.starts_with("7 pages, 0 of 17 steps done."), "{text}");
    // Every page is opened and every step run by as many empty lines.
    let (text, status) = dialogue(&world, &["--speed", "1000"], &"\n".repeat(40));
    assert_eq!(status, Some(0));
    assert_eq!(text.matches(" passed.\n").count(), 17, "{text}");
    assert!(text.contains("This was the last page."), "{text}");
    assert!(!text.contains('\u{1b}'), "nothing moves the cursor");
    let (text, _) = dialogue(&world, &["--speed", "1000"], "pages\n");
    assert!(text.starts_with("7 pages, 17 of 17 steps done."), "{text}");
}

#[test]
fn the_dialogue_tells_a_failure_tries_again_and_goes_back() {
    let world = World::new();
    let page = world.path("page.md");
    let body = "---\ntitle: T\n---\n\nFirst this.\n\n```bash\n$ kubectl create namespace made\nnamespace/made created\n```\n\n```bash\n$ echo a\nb\n```\n";
    std::fs::write(&page, body).expect("written");
    let page = page.display().to_string();
    let (text, status) = dialogue(&world, &[&page], "run\nrun\nagain\ndetails\nundo 1\nrun\nnonsense\nquit\n");
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("First this.\n"), "{text}");
    // The first try, the second, and a second time from the start: an undone namespace can be made again.
    assert_eq!(text.matches("$ echo a\na\nThe output is not what the page shows.\n").count(), 2, "{text}");
    assert_eq!(
        text.matches("namespace/made created\nThe output is what the page shows.\nStep 1 passed.").count(),
        2,
        "{text}"
    );
    assert!(text.contains("At line 1") && text.contains("  expected: b\n  printed: a\n"), "{text}");
    assert!(text.contains("Back to before step 1.") && text.contains("`nonsense` is not understood"), "{text}");
    // It goes on where it was left.
    let (text, _) = dialogue(&world, &[&page], "");
    assert!(text.starts_with("1 page, 1 of 2 steps done."), "{text}");
}

/// A copy of the bundled page that may be edited.
fn own_page(world: &World) -> std::path::PathBuf {
    fn copy(from: &std::path::Path, to: &std::path::Path) {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("a folder") {
            let path = entry.expect("an entry").path();
            let target = to.join(path.file_name().expect("a name"));
            if path.is_dir() {
                copy(&path, &target);
            } else {
                std::fs::copy(&path, target).expect("copied");
            }
        }
    }
    fn find(folder: &std::path::Path) -> Option<std::path::PathBuf> {
        let entries = std::fs::read_dir(folder).ok()?;
        entries.filter_map(Result::ok).map(|entry| entry.path()).find_map(|path| {
            let holds = |path: &std::path::Path| {
                std::fs::read_to_string(path).is_ok_and(|text| text.matches("\n```bash").count() == 7)
            };
            if path.is_dir() { find(&path) } else { holds(&path).then_some(path) }
        })
    }
    let course = world.path("course");
    copy(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons"), &course);
    find(&course).expect("a page of seven steps")
}

#[test]
fn an_edited_page_keeps_what_still_holds() {
    let world = World::new();
    let page = own_page(&world);
    let name = page.display().to_string();
    let mut screen = world.terminal(24, &["learn", &name, "--speed", "1000"]);
    screen.until("something to do", |text| text.contains("Enter "));
    for passed in 1..=3 {
        pass(&mut screen, passed);
    }
    screen.press("q");
    assert_eq!(screen.end(), 0);

    // Other prose invalidates nothing.
    let text = std::fs::read_to_string(&page).expect("the page");
    std::fs::write(&page, format!("{text}\nOne more line of prose.\n")).expect("written");
    let mut screen = world.terminal(24, &["learn", &name, "--speed", "1000"]);
    screen.until_text("3/7 steps");
    screen.press("q");
    assert_eq!(screen.end(), 0);

    // Another command in the third step invalidates it, and says so.
    let edited = text.replace("aws iam get-role ", "aws iam get-role --no-cli-pager ");
    assert_ne!(edited, text);
    std::fs::write(&page, edited).expect("written");
    let mut screen = world.terminal(24, &["learn", &name, "--speed", "1000"]);
    screen.until_text("2/7 steps");
    screen.until_text("has changed");
    for passed in 3..=7 {
        pass(&mut screen, passed);
    }
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

/// A page of one's own, opened until its first step can be run.
fn open_own(world: &World, body: &str) -> Screen {
    let page = world.path("page.md");
    std::fs::write(&page, format!("---\ntitle: Own page\n---\n{body}")).expect("written");
    let mut screen = world.terminal(24, &["learn", &page.display().to_string(), "--speed", "1000"]);
    screen.until_text("Enter run");
    screen
}

#[test]
fn a_step_fails_is_tried_again_undone_and_the_page_reset() {
    let world = World::new();
    let mut screen = open_own(&world, "```bash\n$ echo one\none\n```\n\n```bash\n$ ls missing\n```\n");
    screen.press("\r");
    screen.until_text("1/2 steps");
    screen.until_text("Enter run");
    screen.press("\r");
    screen.until_text("Enter try again");
    assert!(screen.text().contains("ended with status"), "{}", screen.text());
    screen.press("e");
    screen.until_text("does not exist");
    screen.press("\r");
    screen.until("another failure", |text| text.contains("Enter try again") && !text.contains("does not exist (yet)"));
    screen.press("u");
    screen.until("the step as it was", |text| text.contains("Enter run") && text.contains("1/2 steps"));
    screen.press("U");
    screen.until_text("0/2 steps");
    screen.press("\r");
    screen.until_text("1/2 steps");
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

#[test]
fn what_a_lesson_says_or_prints_is_never_obeyed_by_the_terminal() {
    let world = World::new();
    let mut screen = open_own(
        &world,
        "Text \u{1b}]52;c;aGFjaw==\u{7} and a [link](https://example.org/\u{1b}]0;owned\u{7}x) end.\n\n```bash\n$ \
         printf 'before\\033]52;c;aGFjaw==\\a\\033]0;owned\\a\\033P$q q\\033\\\\\\033[?1049lafter\\n'\n```\n",
    );
    screen.press("\r");
    screen.until_text("1/1 steps");
    screen.press("q");
    assert_eq!(screen.end(), 0);
    let raw = String::from_utf8_lossy(&screen.raw);
    for sequence in ["\u{1b}]52;", "\u{1b}]0;", "\u{1b}P", "owned\u{7}"] {
        assert!(!raw.contains(sequence), "{sequence:?} reached the terminal");
    }
    assert_eq!(raw.matches("\u{1b}[?1049l").count(), 1, "the screen was left once");
}

#[test]
fn stopped_it_gives_the_terminal_back_and_takes_it_again() {
    let world = World::new();
    let mut screen = world.terminal(24, &["learn"]);
    screen.until_text("Enter go on");
    screen.signal(Signal::TSTP);
    while screen.alternate() {
        assert!(!screen.read_for(Duration::from_millis(50)), "it ended");
    }
    // What is sent to a process that is not stopped yet would be lost.
    screen.read_for(Duration::from_millis(500));
    screen.signal(Signal::CONT);
    screen.until("the screen again", |text| text.contains("Enter go on"));
    assert!(screen.alternate());
    screen.press("q");
    assert_eq!(screen.end(), 0);
}
