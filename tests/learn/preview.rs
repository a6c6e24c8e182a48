//! `lectern preview` in a real terminal: files are saved, and the screen follows.

use std::path::Path;

use crate::support::{Screen, World};

fn page(body: &str) -> String {
    format!("---\ntitle: Pods\n---\n\n{body}")
}

/// Saves a file as editors do: beside it, then in its place.
fn save(path: &Path, text: &str) {
    let beside = path.with_extension("swp");
    std::fs::write(&beside, text).expect("written");
    std::fs::rename(&beside, path).expect("in its place");
}

const STEPS: &str =
    "Read this.\n\n```bash\n$ NAME=pods\n$ echo one\none\n```\n\n```bash\n$ echo two $NAME\ntwo pods\n```\n";

fn open(world: &World, arguments: &[&str]) -> Screen {
    let mut all = vec!["preview", "page.md", "--speed", "1000"];
    all.extend(arguments);
    let mut screen = world.terminal(40, &all);
    screen.until_text("Preview: Pods");
    screen.until("the session", |text| text.contains("Enter run"));
    screen
}

#[test]
fn a_saved_page_is_seen_and_what_was_run_stays_run() {
    let world = World::new();
    let file = world.path("page.md");
    std::fs::write(&file, page(STEPS)).expect("written");
    let mut screen = open(&world, &[]);
    screen.press("\t");
    screen.press("X");
    screen.until_text("2/2 steps");
    save(&file, &page(&STEPS.replace("Read this.", "Read that.")));
    screen.until_text("Read that.");
    screen.until_text("2/2 steps");
    // The second step is another one now; what the first one did is still there.
    save(&file, &page(&STEPS.replace("$ echo two $NAME\ntwo pods", "$ echo three $NAME\nthree pods")));
    screen.until_text("1/2 steps");
    screen.press("x");
    screen.until_text("2/2 steps");
    screen.until_text("did not do the same as the last time");
    screen.press("i");
    screen.until_text("- two pods");
    screen.until_text("+ three pods");
    screen.press("\r");
    screen.until("the list to be closed", |text| !text.contains("+ three pods"));
    screen.press("q");
    assert_eq!(screen.end(), 0);
    assert!(!screen.alternate(), "the terminal is as it was");
    assert!(!world.state().join("lectern").join("courses").exists(), "a preview is no learner's progress");
}

#[test]
fn a_half_saved_page_says_what_is_wrong_and_stays_to_be_seen() {
    let world = World::new();
    let file = world.path("page.md");
    std::fs::write(&file, page(STEPS)).expect("written");
    let mut screen = open(&world, &[]);
    save(&file, "---\ntitle: Pods\n");
    screen.until_text("What is shown is");
    assert!(screen.text().contains("is not closed"), "{}", screen.text());
    assert!(screen.text().contains("echo one"), "{}", screen.text());
    save(&file, &page(&STEPS.replace("```bash\n$ NAME", "```bash hooktimeout=3\n$ NAME")));
    screen.until("the page to be mended", |text| !text.contains("What is shown is") && text.contains("! 1"));
    screen.press("D");
    screen.until_text("hookTimeout");
    screen.press("\r");
    screen.until("the place of it", |text| text.lines().any(|line| line.trim_start().starts_with('!')));
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

#[test]
fn a_page_that_cannot_be_used_yet_is_waited_for() {
    let world = World::new();
    let file = world.path("page.md");
    std::fs::write(&file, "# Pods\n").expect("written");
    let mut screen = world.terminal(40, &["preview", "page.md"]);
    screen.until_text("This page cannot be used yet");
    save(&file, &page(STEPS));
    screen.until_text("Preview: Pods");
    screen.until("the session", |text| text.contains("Enter run"));
    screen.press("\r");
    screen.until_text("1/2 steps");
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

#[test]
fn another_world_is_another_session_and_polling_sees_it_too() {
    let world = World::new();
    std::fs::write(world.path("page.md"), page(STEPS)).expect("written");
    let config = world.path("lectern.toml");
    std::fs::write(&config, "").expect("written");
    let mut screen = open(&world, &["--poll"]);
    screen.press("X");
    screen.until_text("1/2 steps");
    save(&config, "[known]\nAWS_REGION = \"eu-west-1\"\n");
    screen.until_text("0/2 steps");
    screen.until_text("begins anew");
    screen.until("the session", |text| text.contains("Enter run"));
    screen.press("X");
    screen.until_text("1/2 steps");
    // One that cannot be used changes nothing, but is told.
    save(&config, "[known\n");
    screen.until_text("✗ 1");
    screen.until_text("1/2 steps");
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

#[test]
fn a_preview_wants_a_terminal_and_the_sandbox() {
    let world = World::new();
    std::fs::write(world.path("page.md"), page(STEPS)).expect("written");
    for (arguments, said) in [
        (&["preview", "page.md"][..], "needs a terminal"),
        (&["preview", "page.md", "--target", "live"], "runs in the sandbox"),
    ] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(said));
    }
}
