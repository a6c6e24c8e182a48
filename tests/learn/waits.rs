//! The wait behind a step: the verdict stands before it, whatever ends it.

use super::open_own;
use super::support::{Screen, World};

const BODY: &str = "```bash wait=3000\n$ echo a\na\n```\n\n```bash\n$ echo b\nb\n```\n";

fn waiting(world: &World) -> Screen {
    let mut screen = open_own(world, BODY);
    screen.press("\r");
    screen.until("a wait", |text| text.contains("s before the next step") && text.contains("Esc go on"));
    let text = screen.text();
    assert!(text.contains("1/2 steps") && text.contains("✓ Step 1 passed, waiting "), "{text}");
    screen
}

#[test]
fn esc_and_ctrl_c_skip_the_wait_and_the_step_stays_passed() {
    for key in ["\u{1b}", "\u{3}", "s"] {
        let world = World::new();
        let mut screen = waiting(&world);
        screen.press(key);
        screen
            .until("the next step", |text| text.contains("ready: Enter runs it") && !text.contains("before the next"));
        assert!(!screen.text().contains("cancelled"), "{}", screen.text());
        screen.press("\r");
        screen.until_text("2/2 steps");
        screen.press("q");
        assert_eq!(screen.end(), 0);
    }
}

#[test]
fn commands_are_tried_while_a_wait_goes_on() {
    let world = World::new();
    let mut screen = waiting(&world);
    screen.press("p");
    screen.until_text("Esc back to the page");
    screen.press("echo t''ried\r");
    screen.until_text("tried");
    screen.press("\u{1b}");
    screen.until_text("Esc go on");
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

#[test]
fn quitting_in_a_wait_leaves_the_step_passed_and_the_next_one_open() {
    let world = World::new();
    let mut screen = waiting(&world);
    // Nothing runs: there is nothing to be asked.
    screen.press("q");
    assert_eq!(screen.end(), 0);
    let page = world.path("page.md").display().to_string();
    let mut screen = world.terminal(24, &["learn", "--plain", &page, "--scenario", "./bare"]);
    screen.until_text("1 of 2 steps done");
    screen.until_text("Enter runs step 2.");
    // A process that is killed in a wait has saved the verdict too.
    screen.press("undo 1\n");
    screen.until_text("Enter runs step 1.\n> ");
    screen.press("\n");
    screen.until_text("Step 1 passed.");
    screen.until_text("Waiting 3000 seconds before the next step; say skip to go on at once.");
    screen.press("details\n");
    screen.until_text("the wait before the next one goes on: say skip");
    screen.signal(rustix::process::Signal::KILL);
    screen.end();
    let mut screen = world.terminal(24, &["learn", "--plain", &page, "--scenario", "./bare"]);
    screen.until_text("1 of 2 steps done");
    screen.press("undo\n");
    screen.until_text("Back to before step 1.");
    screen.press("\n");
    screen.until_text("say skip to go on at once");
    screen.press("skip\n");
    screen.until_text("Enter runs step 2.");
    screen.press("quit\n");
    assert_eq!(screen.end(), 0);
}
