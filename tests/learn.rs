//! `lectern learn` in a real terminal: from the first screen to the last step, and every way out.

#[path = "learn/preview.rs"]
mod preview;
mod support;
#[path = "learn/waits.rs"]
mod waits;

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

/// Runs the dialogue with these answers and kills it when it has said its n-th line; answers the lines.
fn killed_after(world: &World, page: &str, answers: &str, lines: usize) -> Vec<String> {
    use std::io::{BufRead, BufReader, Write};
    let mut child = world.start(&["learn", page, "--speed", "1000", "--scenario", "./bare"]);
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(answers.as_bytes()).and_then(|()| stdin.flush()).expect("written");
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    let said = stdout.lines().take(lines).map(|line| line.expect("text")).collect();
    // Whether it still runs or has come to its end.
    drop(child.kill());
    child.wait().expect("it ends");
    drop(stdin);
    said
}

#[test]
fn killed_at_fifty_moments_it_goes_on_from_the_last_step_that_was_kept() {
    let world = World::new();
    world.bare();
    let page = world.path("page.md");
    let step = |name: &str| {
        format!(
            "```bash\n$ kubectl create namespace {name}\nnamespace/{name} created\n$ echo {name} >> names; wc -l < names\n```\n\n"
        )
    };
    let body: String = ["a", "b", "c"].iter().map(|name| step(name)).collect();
    std::fs::write(&page, format!("---\ntitle: T\n---\n{body}")).expect("written");
    let page = page.display().to_string();
    // Steps that must be kept at the next start, and may be.
    let mut kept = 0..=0;
    for moment in 0..50 {
        // What is done is undone, so that there is always something to cut.
        let again = *kept.end() == 3;
        let answers = if again { "undo 1\n\n\n\n" } else { "\n\n\n" };
        let said = killed_after(&world, &page, answers, 1 + moment * 7 % 31);
        let done = said.first().and_then(|line| line.split_whitespace().nth(2)?.parse::<usize>().ok());
        let done = done.unwrap_or_else(|| panic!("moment {moment}: {said:?}"));
        assert!(kept.contains(&done), "moment {moment}: {done} of {kept:?}: {said:?}");
        let passed = said.iter().filter(|line| line.ends_with(" passed.")).count();
        // A step that was told to have passed may be lost by a kill in the same moment, none before it.
        kept = match again {
            true => 0..=3,
            false => (done + passed).saturating_sub(usize::from(passed > 0))..=(done + passed + 1).min(3),
        };
    }
    // What each step made is there once: a second `create` would fail, and `names` would have more lines.
    let rest = "\n".repeat(5);
    let (text, _) = dialogue(
        &world,
        &[&page, "--speed", "1000", "--scenario", "./bare"],
        &format!("{rest}try wc -l < names\ntry kubectl get ns a b c -o name\n"),
    );
    assert!(text.contains("\n3\n") && text.contains("namespace/a\nnamespace/b\nnamespace/c\n"), "{text}");
    assert!(!text.contains("failed"), "{text}");
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

#[test]
fn what_is_tried_counts_for_no_step_and_its_effects_last() {
    let world = World::new();
    let page = world.path("page.md");
    let body = "---\ntitle: T\n---\n\n```bash\n$ kubectl get namespace made -o name\nnamespace/made\n```\n\n```bash\n$ echo $X\nx\n```\n";
    std::fs::write(&page, body).expect("written");
    let page = page.display().to_string();
    let answers = "run\nwhy\ntry kubectl get namespaces\ntry false\ntry kubectl create namespace made\n\ntry X=x\n\nundo 2\n\nquit\n";
    let (text, status) = dialogue(&world, &[&page], answers);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("What it names does not exist (yet)") && text.contains("  try kubectl get events"), "{text}");
    assert!(text.contains("kube-system") && text.contains("Exit status 1.\n"), "{text}");
    assert!(text.contains("namespace/made created\n") && text.contains("What you did at the prompt stays"), "{text}");
    // The second step passes again after it was undone: what was tried ahead of it is what was before it.
    assert_eq!((text.matches("Step 1 passed.").count(), text.matches("Step 2 passed.").count()), (1, 2), "{text}");
    // It is there the next time.
    let (text, _) = dialogue(&world, &[&page], "try kubectl get ns made\ntry echo $X-\n");
    assert!(text.contains("made   Active") && text.contains("x-\n"), "{text}");
    let (text, _) = dialogue(&world, &[&page], "search x\nsearch nothing of that kind\ncopy output\ncopy\nsearch\n");
    assert!(text.contains("Page 1: $ echo $X") && text.contains("is nowhere in this course"), "{text}");
    assert!(text.contains("Copied the command (1 line) into "), "{text}");
}

/// Whether the prompt waits for a command: while one runs, quitting is asked about.
fn is_idle(text: &str) -> bool {
    !text.contains("Ctrl-C cancel")
}

#[test]
fn at_the_prompt_commands_are_completed_run_and_remembered() {
    let world = World::new();
    let mut screen = open_own(&world, "```bash\n$ echo one\none\n```\n");
    screen.press("p");
    screen.until_text("Try it yourself");
    screen.press("kubec\t");
    screen.until_text("$ kubectl");
    screen.press("get names\t");
    screen.until_text("get namespaces");
    screen.press("kube-s\t");
    screen.until_text("namespaces kube-system");
    screen.press("-o na\t\r");
    screen.until("the names", |text| text.contains("namespace/kube-system") && is_idle(text));
    // A loop ends with Ctrl-C, and the line is free for the next command.
    screen.press("while :; do sleep 1; done\r");
    screen.until_text("Ctrl-C cancel");
    screen.press("\u{3}");
    screen.until_text("cancelled");
    screen.press("echo 'a\rb'\r");
    screen.until("two lines of output", |text| text.contains("\na\nb\n") && is_idle(text));
    // Left and come back to, it is as it was; the step is still to do.
    screen.press("\u{1b}");
    screen.until("the page alone", |text| !text.contains("Try it yourself") && text.contains("0/1 steps"));
    screen.press("q");
    assert_eq!(screen.end(), 0);
    let page = world.path("page.md").display().to_string();
    let mut screen = world.terminal(24, &["learn", &page, "--scenario", "./bare"]);
    screen.until_text("Enter run");
    screen.press("p");
    screen.until_text("Try it yourself");
    screen.press("\u{12}kube-s");
    screen.until_text("namespaces kube-system -o name");
    screen.press("\r");
    screen.until("the names", |text| text.contains("namespace/kube-system") && is_idle(text));
    screen.press("exit\r");
    screen.until("the page alone", |text| !text.contains("Try it yourself"));
    screen.press("q");
    assert_eq!(screen.end(), 0);
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
    world.bare();
    let page = page.display().to_string();
    let mut screen = world.terminal(24, &["learn", &page, "--speed", "1000", "--scenario", "./bare"]);
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
fn interrupted_a_step_ends_first_and_then_the_program() {
    let world = World::new();
    let body = "```bash timeout=3000\n$ while :; do sleep 1; done\n```\n";
    let mut screen = open_own(&world, body);
    screen.press("\r");
    screen.until_text("Esc cancel");
    screen.press("\u{3}");
    screen.until_text("Enter try again");
    screen.press("\u{3}");
    screen.until_text("Ctrl-C again");
    screen.press("\u{3}");
    assert_eq!(screen.end(), 0);
    assert!(!screen.alternate());
    // The same in the dialogue, where the terminal makes signals of keys.
    let page = world.path("page.md").display().to_string();
    let arguments = ["learn", "--plain", &page, "--scenario", "./bare"];
    let mut screen = world.terminal(24, &arguments);
    screen.until_text("> ");
    screen.press("again\n");
    screen.until_text("$ while");
    screen.press("details\n");
    screen.until_text("A step is running");
    screen.press("\u{3}");
    screen.until_text("The step failed: it was cancelled.");
    screen.press("try while :; do sleep 1; done\n");
    screen.press("cancel\n");
    screen.until_text("It was cancelled.");
    screen.press("\u{3}");
    assert_eq!(screen.end(), 130);
    let raw = String::from_utf8_lossy(&screen.raw);
    assert!(!raw.contains('\u{1b}'), "{raw:?}");
    for (signal, status) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut screen = world.terminal(24, &arguments);
        screen.until_text("> ");
        screen.signal(signal);
        assert_eq!(screen.end(), status, "{signal:?}");
    }
}

#[test]
fn in_the_dialogue_pages_are_opened_and_a_page_is_begun_anew() {
    let world = World::new();
    let page = |name: &str, weight: u8| {
        let body = format!("---\ntitle: {name}\nweight: {weight}\n---\n```bash\n$ echo {name}\n{name}\n```\n");
        std::fs::write(world.path(&format!("course/{name}.md")), body).expect("written");
    };
    std::fs::create_dir(world.path("course")).expect("a folder");
    page("one", 1);
    page("two", 2);
    let course = world.path("course").display().to_string();
    let answers = "open 2\n\nopen 3\nback\n\nreset\npages\n";
    let (text, status) = dialogue(&world, &[&course], answers);
    assert_eq!(status, Some(0), "{text}");
    for said in [
        "Page 2 of 2: two, 0 of 1 step done",
        "Page 1 ahead of it is not done yet",
        "There is no page 3.",
        "Page 1 of 2: one, 0 of 1 step done",
        "Back to before step 1.",
        "1. one: 0 of 1 step (here)\n2. two: 0 of 1 step\n",
    ] {
        assert!(text.contains(said), "{said:?} in {text}");
    }
    // A screen reader is asked for by the environment too.
    let mut world = world;
    world.env.push(("LECTERN_PLAIN".into(), "1".into()));
    let mut screen = world.terminal(24, &["learn", &course]);
    screen.until_text("Say help for what can be said.");
    screen.press("quit\n");
    assert_eq!(screen.end(), 0);
}

#[test]
fn a_storm_of_sizes_leaves_the_screen_whole() {
    let world = World::new();
    let mut screen = open_own(&world, "```bash timeout=3000\n$ while :; do echo line; sleep 0.1; done\n```\n");
    screen.press("\r");
    screen.until_text("Esc cancel");
    let mut random = fastrand::Rng::with_seed(11);
    for number in 0..200 {
        let (columns, rows) = (random.u16(1..160), random.u16(1..50));
        screen.resize(columns, rows);
        screen.press(["t", "p", "\u{1b}", "?", "o", "d"][number % 6]);
        screen.read_for(Duration::from_millis(1));
    }
    screen.resize(100, 30);
    // What lies over the page is closed by a key that means nothing there; then what runs is ended.
    screen.press("\u{1b}\u{1b}\u{3}\u{3}");
    screen.until("the whole screen", |text| text.contains("Own page") && text.lines().count() == 30);
    screen.signal(Signal::TERM);
    assert_eq!(screen.end(), 143);
    assert!(!screen.alternate());
}

#[test]
fn what_a_lesson_says_or_prints_is_never_obeyed_by_the_terminal() {
    let world = World::new();
    const BYTES: &str = "\\033]52;c;aGFjaw==\\a\\033]0;owned\\a\\033P$q q\\033\\\\\\033[?1049l\\033_x\\033\\\\\\r\\b";
    std::fs::create_dir(world.path("tests")).expect("a folder");
    let hook = format!("before() {{ printf '{BYTES}hooked'; }}\nafter() {{ printf '{BYTES}'; return 1; }}\n\"$1\"\n");
    std::fs::write(world.path("tests/hook-h.sh"), hook).expect("written");
    let mut screen = open_own(
        &world,
        &format!(
            "# A \u{1b}]0;owned\u{7}heading\n\nText \u{1b}]52;c;aGFjaw==\u{7} and a \
             [link](https://example.org/\u{1b}]0;owned\u{7}x) end.\n\n```bash hook=h\n$ printf 'before{BYTES}after\\n'\n```\n"
        ),
    );
    screen.press("\r");
    screen.until_text("Enter try again");
    // Every view of it.
    for (keys, shown) in [("d", "hooked"), ("e", "own check"), ("t", "back to the page"), ("t", "try again")] {
        screen.press(keys);
        screen.until_text(shown);
    }
    for (key, shown) in
        [("o", " Pages "), ("m", " Messages "), ("f", " Links "), (":", " What to do "), ("?", " Keys ")]
    {
        screen.press(key);
        screen.until_text(shown);
        screen.press("\u{1b}");
        screen.until("the page again", |text| !text.contains(shown));
    }
    screen.press("p");
    screen.until_text("Try it yourself");
    screen.press(&format!("\u{1b}[200~printf 'X\u{7}{BYTES}Y\\n'\u{1b}[201~"));
    screen.press("\r");
    screen.until_text("\nXY");
    screen.press("\u{1b}");
    screen.until_text("Enter try again");
    screen.press("q");
    assert_eq!(screen.end(), 0);
    let raw = String::from_utf8_lossy(&screen.raw);
    for sequence in ["\u{1b}]52;", "\u{1b}]0;", "\u{1b}P", "\u{1b}_", "owned\u{7}"] {
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
    // What is sent to a process that is not stopped yet is lost: it is sent until it is heard.
    while !(screen.alternate() && screen.text().contains("Enter go on")) {
        screen.signal(Signal::CONT);
        assert!(!screen.read_for(Duration::from_millis(200)), "it ended");
    }
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

/// Draws `assets/screen.svg` from the real program: `cargo test --test learn picture -- --ignored`.
#[test]
#[ignore = "it writes the picture of the README"]
fn picture() {
    let world = World::new();
    let mut screen = world.terminal_of(120, 34, &["learn", "--speed", "1000"]);
    open_lesson(&mut screen);
    for passed in 1..=5 {
        pass(&mut screen, passed);
    }
    screen.press("\u{1b}");
    screen.until("no message", |text| !text.contains("hides,"));
    screen.press("p");
    screen.until_text("Try it yourself");
    screen.press("kubectl -n carts get pods\r");
    screen.until_text("Running");
    screen.press("kubectl -n carts get s\t");
    screen.until_text("statefulsets");
    screen.read_for(Duration::from_millis(300));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/screen.svg");
    std::fs::write(path, support::svg::draw(screen.cells())).expect("written");
    screen.signal(Signal::TERM);
    screen.end();
}
