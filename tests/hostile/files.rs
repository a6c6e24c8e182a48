//! The files of the person: a course maps, reads and shows only what lies in its own folder.

use std::fs;

use super::{CANARY, Hostile, joined, printed};

const BARE: [&str; 2] = ["--scenario", "./bare"];

/// A course whose lesson reads what it mapped to `~/x`.
fn mapping(folder: &str) -> Hostile {
    let course = Hostile::new();
    course.write("course/lectern.toml", &format!("[map]\n\"~/x\" = \"{folder}\"\n"));
    course.page("course/page.md", "", "$ cat ~/x/credentials || cat < ~/x/credentials");
    course
}

fn is_refused(course: &Hostile, place: &str) {
    let real = course.path("home/.aws").canonicalize().expect("there");
    for (name, status, text) in course.all("course", &BARE) {
        assert!(!text.contains(CANARY), "{name}: {text}");
        if ["learn", "grade", "verify", "plan"].contains(&name) {
            assert_eq!(status, Some(2), "{name}: {text}");
            for part in [place, "leads out of the course", &real.display().to_string(), "--map '~/x="] {
                assert!(joined(&text).contains(&joined(part)), "{name}: no {part:?} in {text}");
            }
        }
    }
}

#[test]
fn a_folder_above_the_course_is_not_mapped() {
    is_refused(&mapping("../home/.aws"), "lectern.toml:2:9");
    is_refused(&mapping("./../home/.aws"), "lectern.toml:2:9");
}

#[test]
fn an_absolute_path_is_not_mapped() {
    let course = mapping("x");
    let home = course.path("home/.aws");
    course.write("course/lectern.toml", &format!("[map]\n\"~/x\" = \"{}\"\n", home.display()));
    is_refused(&course, "lectern.toml:2:9");
}

#[test]
fn a_link_in_the_course_is_not_mapped() {
    let course = mapping("own");
    course.link("../home/.aws", "course/own");
    is_refused(&course, "lectern.toml:2:9");
    let course = mapping("deep/own");
    course.link(course.path("home"), "course/deep");
    course.write("home/own/credentials", CANARY);
    course.keeps_its_secret("course", &BARE);
}

#[test]
fn a_link_in_a_mapped_folder_leads_nowhere() {
    let course = mapping("own");
    course.link("../../home/.aws/credentials", "course/own/credentials");
    for (name, status, text) in course.all("course", &BARE) {
        assert!(!text.contains(CANARY), "{name}: {text}");
        if name == "grade" {
            assert_eq!(status, Some(1), "{text}");
        }
    }
}

#[test]
fn what_the_person_maps_may_be_anywhere() {
    let course = mapping("../home/.aws");
    course.page("course/page.md", "", &format!("$ grep -o {CANARY} ~/x/credentials\n{CANARY}"));
    let output = course.run(&["grade", "course", "--scenario", "./bare", "--map", "~/x=home/.aws"]);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
}

#[test]
fn what_the_course_holds_is_mapped() {
    let course = mapping("own");
    course.write("course/files/credentials", "mine\n");
    course.link("files", "course/own");
    course.page("course/in/page.md", "", "$ cat ~/x/credentials < ~/x/credentials\nmine");
    for path in ["course/in", "course/in/page.md"] {
        let output = course.run(&["grade", path, "--scenario", "./bare"]);
        assert_eq!(output.status.code(), Some(0), "{path}: {}", printed(&output));
    }
}

#[test]
fn manifests_beside_the_website_are_mapped_unless_they_are_a_link() {
    let course = Hostile::new();
    course.write("site/manifests/credentials", "mine\n");
    course.page("site/website/docs/page.md", "", "$ cat ~/environment/eks-workshop/credentials\nmine");
    for path in ["site/website", "site/website/docs", "site/website/docs/page.md"] {
        let output = course.run(&["grade", path, "--scenario", "./bare"]);
        assert_eq!(output.status.code(), Some(0), "{path}: {}", printed(&output));
    }
    fs::remove_dir_all(course.path("site/manifests")).expect("removed");
    course.link("../home/.aws", "site/manifests");
    for (name, status, text) in course.all("site/website", &BARE) {
        assert!(!text.contains(CANARY), "{name}: {text}");
        if ["learn", "grade", "verify", "plan"].contains(&name) {
            assert_eq!(status, Some(2), "{name}: {text}");
            let real = course.path("home/.aws").canonicalize().expect("there");
            let help = format!("--map '~/environment/eks-workshop={}'", real.display());
            assert!(joined(&text).contains(&joined(&help)), "{name}: {text}");
        }
    }
}

#[test]
fn a_folder_that_is_exchanged_for_a_link_in_between_is_not_read() {
    let course = mapping("own");
    course.write("course/own/credentials", "mine\n");
    // The lesson waits at its first step until the exchange is made, which it sees in its course's folder.
    let there = course.path("course").canonicalize().expect("there").join("exchanged");
    let wait = format!("$ until cat {} 2>/dev/null; do sleep 1; done", there.display());
    let read = "cat ~/x/credentials; cat < ~/x/credentials; cat ~/x/*";
    course.page("course/page.md", "", &format!("$ echo begun\n{wait}\n$ {read}"));
    let arguments = ["grade", "course", "--scenario", "./bare", "--no-wait"];
    let mut child = course.0.start(&[&arguments[..], &["--timeout", "600"]].concat());
    drop(child.stdin.take());
    // Its home has the link to the mapped folder as soon as the shell has begun: the folder was opened before that.
    let (moved, own) = (course.path("course/moved"), course.path("course/own"));
    fs::rename(&own, &moved).expect("moved");
    std::os::unix::fs::symlink("../home/.aws", &own).expect("linked");
    fs::write(&there, "now\n").expect("written");
    let output = child.wait_with_output().expect("it ends");
    // Whether it came before or after the opening, nothing is told.
    assert!(!printed(&output).contains(CANARY), "{}", printed(&output));
    assert!([Some(0), Some(1), Some(2)].contains(&output.status.code()), "{}", printed(&output));
}

#[test]
fn a_scenario_of_the_course_lies_in_it() {
    let course = Hostile::new();
    course.page("course/page.md", "", "$ echo \"$SECRET\"\nmine");
    let outside = course.path("home/.aws");
    course.link("../home/.aws", "course/linked");
    for name in ["../home/.aws", "./linked", &outside.display().to_string()] {
        course.write("course/lectern.toml", &format!("scenario = \"{name}\"\n"));
        for (command, status, text) in course.all("course", &[]) {
            assert!(!text.contains(CANARY), "{command}: {text}");
            if ["learn", "grade", "verify"].contains(&command) {
                assert_eq!(status, Some(2), "{command}: {text}");
                for part in ["lectern.toml:1:12", "leads out of the course", "--scenario"] {
                    assert!(joined(&text).contains(&joined(part)), "{command}: no {part:?} in {text}");
                }
            }
        }
    }
    // Files of it, and what it builds on.
    course.write("course/lectern.toml", "scenario = \"./start\"\n");
    course.write("course/start/aws.yaml", &fs::read_to_string(course.path("bare/aws.yaml")).expect("there"));
    course.write("course/start/cluster.yaml", &fs::read_to_string(course.path("bare/cluster.yaml")).expect("there"));
    course.write("course/start/scenario.yaml", "base: ../../home/.aws\n");
    course.keeps_its_secret("course", &[]);
    fs::remove_file(course.path("course/start/scenario.yaml")).expect("removed");
    course.link("../../home/.aws/scenario.yaml", "course/start/scenario.yaml");
    course.keeps_its_secret("course", &[]);
    // One that is the course's own is seen from its lectern.toml, wherever the person stands.
    fs::remove_file(course.path("course/start/scenario.yaml")).expect("removed");
    course.write("course/start/scenario.yaml", "environment: {SECRET: mine}\n");
    let output = course.run(&["grade", "course"]);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
}

#[test]
fn a_hook_is_a_file_of_the_course() {
    let course = Hostile::new();
    course.page("course/page.md", "hook=mine", "$ true");
    course.link("../../home/.aws/hook-mine.sh", "course/tests/hook-mine.sh");
    course.link("../../home/.aws/credentials", "course/tests/hook-suite.sh");
    course.keeps_its_secret("course", &BARE);
    let course = Hostile::new();
    course.page("course/page.md", "hook=mine", "$ true");
    course.link("../home/.aws", "course/tests");
    course.keeps_its_secret("course", &BARE);
    // The course's own is run, however the course is named.
    let course = Hostile::new();
    course.page("course/page.md", "hook=mine", "$ true");
    course.write("course/tests/hook-mine.sh", "before() { true; }\nafter() { true; }\n\"$1\"\n");
    course.link("course", "other");
    for path in ["course", "course/page.md", "./course/../course/page.md", "other", "other/page.md"] {
        let output = course.run(&["grade", path, "--scenario", "./bare"]);
        assert_eq!(output.status.code(), Some(0), "{path}: {}", printed(&output));
    }
}

#[test]
fn a_page_shows_files_of_the_course() {
    let course = Hostile::new();
    let fences = "::yaml{file=\"manifests/credentials\"}\n\n```file\nmanifests/credentials\n```\n\n```file\n../home/.aws/credentials\n```\n\n\
        ```kustomization\nmanifests/kustomization.yaml\nPod/x\n```\n\n::yaml{file=\"linked.yaml\"}\n\n![A picture](linked.png)\n";
    course.write("course/page.md", &format!("---\ntitle: A page\n---\n{fences}\n```bash\n$ true\n```\n"));
    course.link("../home/.aws", "course/manifests");
    course.link("../home/.aws/credentials", "course/linked.yaml");
    course.link("../home/.aws/credentials", "course/linked.png");
    course.keeps_its_secret("course", &BARE);
    // What is the course's own is shown.
    fs::remove_file(course.path("course/manifests")).expect("removed");
    course.write("course/manifests/credentials", "own: yes\n");
    let shown = course.0.run_with(&["learn", "--plain", "course", "--scenario", "./bare"], "\n\n\n\n");
    assert!(printed(&shown).contains("own: yes"), "{}", printed(&shown));
}

#[test]
fn a_lectern_toml_that_is_a_link_out_is_not_read() {
    let course = Hostile::new();
    course.page("course/page.md", "", "$ true");
    course.link("../home/.aws/credentials", "course/lectern.toml");
    for (name, status, text) in course.all("course", &BARE) {
        assert!(!text.contains(CANARY) && !text.contains("aws_secret"), "{name}: {text}");
        if name == "grade" {
            assert_eq!(status, Some(2), "{text}");
        }
    }
}
