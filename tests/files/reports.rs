//! `grade --output`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, symlink};

use rustix::process::{Pid, Signal, kill_process};

use super::support::World;
use super::{everything, page, program, text};

/// A world with a page whose step leaves a mark when it runs.
fn marking() -> (World, String) {
    let mut world = World::new();
    world.bare();
    let mark = world.path("mark");
    program(&mut world, "leave-mark", &format!("echo ran > {}", mark.display()));
    let page = page(&world, "page.md", "```bash\n$ leave-mark\n```");
    (world, page)
}

fn grade<'a>(page: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["grade", page, "--scenario", "./bare", "--allow", "leave-mark"], more].concat()
}

#[test]
fn what_cannot_be_written_is_an_error_before_anything_runs() {
    let (world, page) = marking();
    fs::create_dir(world.path("folder")).expect("a folder");
    fs::write(world.path("old"), "the report of last time").expect("written");
    symlink("old", world.path("link")).expect("a link");
    let before = everything(world.folder.path());
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["--output", "json=/nonexistent/x"],
            &["/nonexistent/x", "No such file or directory", "make the folder /nonexistent"],
        ),
        (&["--output", "json=folder"], &["--output folder", "is a directory", "name a file in it"]),
        (&["--output", "json=old/x"], &["--output old/x", "Not a directory"]),
        (&["--output", "json=old", "--output", "tap=./old"], &["--output ./old", "the same file as old"]),
        (&["--output", "json=old", "--output", "tap=link"], &["--output link", "the same file as old"]),
        (&["--output", "old", "--output", "old"], &["two reports would be written to it"]),
        (&["--output", "json=new", "--output", "tap=new"], &["two reports would be written to it"]),
        (&["--output", "json=page.md"], &["a page to be graded"]),
        (&["--output", "json=old", "--output", "json=/nonexistent/x"], &["/nonexistent/x"]),
    ];
    for (options, said) in cases {
        let output = world.run(&grade(&page, options));
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {error}");
        // A line may be broken anywhere.
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "");
        for said in *said {
            assert!(error.contains(said), "{options:?}: no {said:?} in {error}");
        }
        assert!(output.stdout.is_empty());
        assert_eq!(everything(world.folder.path()), before, "{options:?}");
    }
}

#[test]
fn a_report_that_cannot_be_written_any_more_is_on_standard_output() {
    let (mut world, page) = marking();
    // A device that is always full, and a folder that goes while the page is graded.
    let output = world.run(&grade(&page, &["--output", "json=/dev/full", "--output", "tap=report.tap"]));
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(4), "{error}");
    assert!(
        error.contains("/dev/full: No space left on device") && error.contains("the json report is on standard"),
        "{error}"
    );
    let json = &out[out.find("\n{").expect("the JSON, behind the report for people")..];
    let report: serde_json::Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(report["lessons"][0]["verdict"], "passed");
    assert!(world.path("mark").exists());
    assert!(fs::read_to_string(world.path("report.tap")).expect("the other one").starts_with("TAP version 14"));

    program(&mut world, "leave-mark", "rm -r \"$GOES\"");
    fs::create_dir(world.path("goes")).expect("a folder");
    let goes = world.path("goes").display().to_string();
    let body = format!("```bash\n$ export GOES={goes}\n$ leave-mark\n```");
    let page = super::page(&world, "page.md", &body);
    let to = format!("{goes}/report.json");
    let output = world.run(&grade(&page, &["--format", "json", "--output", &to]));
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(text(&output.stderr).contains("goes/report.json: No such file or directory"), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one report");
    assert_eq!(report["lessons"][0]["verdict"], "passed");
}

#[test]
fn a_report_takes_the_place_of_the_old_one_whole() {
    let (world, page) = marking();
    fs::write(world.path("old"), "the report of last time").expect("written");
    fs::set_permissions(world.path("old"), fs::Permissions::from_mode(0o640)).expect("set");
    symlink("old", world.path("link")).expect("a link");
    let output = world
        .run(&grade(&page, &["--output", "json=link", "--output", "junit=/dev/null", "--output", "tap=/dev/stdout"]));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("TAP version 14\n"));
    let report: serde_json::Value = serde_json::from_slice(&fs::read(world.path("old")).expect("there")).expect("JSON");
    assert_eq!(report["summary"]["passed"], 1);
    assert!(fs::symlink_metadata(world.path("link")).expect("there").is_symlink());
    assert_eq!(fs::metadata(world.path("old")).expect("there").permissions().mode() & 0o777, 0o640);
    let names = fs::read_dir(world.folder.path()).expect("a folder").map(|entry| entry.expect("one").file_name());
    let hidden: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with('.')).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn a_signal_during_a_wait_leaves_a_report_with_the_step_passed() {
    let world = World::new();
    world.bare();
    let page = page(&world, "page.md", "```bash wait=3000\n$ echo a\na\n```\n\n```bash\n$ echo b\n```");
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        fs::write(world.path("report"), "the report of last time").expect("written");
        let mut child = world.start(&["grade", &page, "--scenario", "./bare", "--output", "json=report"]);
        let mut said = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("echo a") {
            line.clear();
            assert_ne!(said.read_line(&mut line).expect("read"), 0, "it ended by itself");
        }
        assert_eq!(fs::read_to_string(world.path("report")).expect("there"), "the report of last time");
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(id, signal).expect("sent");
        drop(said.read_to_string(&mut line));
        assert_eq!(child.wait().expect("it ends").code(), Some(status));
        let report = fs::read(world.path("report")).expect("there");
        let report: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
        let steps = &report["lessons"][0]["steps"];
        assert_eq!((&steps[0]["verdict"], &steps[0]["cause"]), (&"passed".into(), &serde_json::Value::Null));
        assert!(steps[0]["wait_s"].as_u64().is_some_and(|waited| waited < 3000), "{report}");
        assert_eq!(steps[1]["verdict"], "skipped");
    }
}
