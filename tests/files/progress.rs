//! Progress where the disk gives out.

use std::fs;
use std::path::PathBuf;

use super::page;
use super::support::World;

const THREE: &str = "```bash\n$ echo 1\n1\n```\n\n```bash\n$ echo 2\n2\n```\n\n```bash\n$ echo 3\n3\n```";

/// The folder of the only session of this world.
fn session(world: &World) -> PathBuf {
    let all = fs::read_dir(world.state().join("lectern")).expect("states").map(|entry| entry.expect("one").path());
    let all: Vec<PathBuf> = all.filter(|path| path.join("lock").exists()).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

#[test]
fn what_cannot_be_saved_is_told_and_saved_after_the_next_step() {
    let world = World::new();
    world.bare();
    let page = page(&world, "page.md", THREE);
    let arguments = ["learn", "--plain", &page, "--scenario", "./bare"];
    let mut screen = world.terminal(40, &arguments);
    screen.until_text("Enter runs step 1.");
    screen.until_text("> ");
    // A folder stands where the file would.
    let now = session(&world).join("now.json");
    fs::create_dir(&now).expect("a folder");
    screen.press("\n");
    screen.until_text("Enter runs step 2.");
    screen.until_text("Your progress could not be saved");
    fs::remove_dir(&now).expect("gone");
    screen.press("\n");
    screen.until_text("Enter runs step 3.");
    screen.until_text("Your progress is saved again.");
    screen.press("quit\n");
    assert_eq!(screen.end(), 0);
    let mut screen = world.terminal(24, &arguments);
    screen.until_text("2 of 3 steps done");
    screen.press("quit\n");
    assert_eq!(screen.end(), 0);
}

#[test]
fn what_is_not_saved_when_one_quits_is_named() {
    let world = World::new();
    world.bare();
    let page = page(&world, "page.md", THREE);
    let arguments = ["learn", &page, "--scenario", "./bare"];
    let mut screen = world.terminal_of(100, 40, &arguments);
    screen.until_text("Enter run");
    screen.press("\r");
    screen.until_text("1/3 steps");
    screen.until_text("Enter run");
    let now = session(&world).join("now.json");
    // It is saved already: a learner sees it passed.
    let kept = fs::read(&now).expect("the first step's state");
    fs::remove_file(&now).expect("gone");
    fs::create_dir(&now).expect("a folder");
    screen.press("\r");
    screen.until_text("2/3 steps");
    screen.until_text("could not be saved");
    screen.press("q");
    assert_eq!(screen.end(), 4, "{}", screen.text());
    let raw = String::from_utf8_lossy(&screen.raw).into_owned();
    assert!(raw.contains("1 step that passed is not kept: page.md line 10"), "{raw}");
    fs::remove_dir(&now).expect("gone");
    fs::write(&now, kept).expect("written");
    let mut screen = world.terminal(24, &arguments);
    screen.until_text("1/3 steps");
    screen.press("q");
    assert_eq!(screen.end(), 0);
}

/// A limit of the system on the size of files stands for a disk that gets full: writing fails in the middle.
#[test]
fn a_limit_on_files_does_not_end_the_session() {
    let world = World::new();
    world.bare();
    let page = page(&world, "page.md", THREE);
    // The limit is the shell's that starts the program.
    let script = format!("ulimit -f 4; exec {} learn --plain {page} --scenario ./bare", super::support::LECTERN);
    #[allow(clippy::disallowed_methods, reason = "a limit can only be set by a program that starts another")]
    let mut command = std::process::Command::new("sh");
    let mut child = command
        .args(["-c", &script])
        .env("XDG_STATE_HOME", world.state())
        .current_dir(world.folder.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("sh");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), b"run\nrun\nrun\nquit\n").expect("typed");
    let output = child.wait_with_output().expect("it ends");
    let (out, error) = (super::text(&output.stdout), super::text(&output.stderr));
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(out.contains("Step 3 passed.") && out.contains("Your progress could not be saved"), "{out}");
    assert!(error.contains("3 steps that passed are not kept"), "{error}");
}
