//! Courses of strangers that want what is not theirs, played as their users run them. Each kind of attack has a file of its own.

#[path = "hostile/files.rs"]
mod files;
mod support;
#[path = "hostile/terminal.rs"]
mod terminal;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use support::World;

/// What stands in the person's files, and must stand in nothing that the program prints or writes.
const CANARY: &str = "canary-5f21c0";

/// A course of a stranger in `course`, beside a person's home whose files hold canaries.
struct Hostile(World);

impl Hostile {
    fn new() -> Self {
        let world = World::new();
        world.bare();
        let hostile = Self(world);
        hostile.write("home/.aws/credentials", &format!("[default]\naws_secret_access_key = {CANARY}\n"));
        hostile.write("home/.aws/kustomization.yaml", "resources: [pod.yaml]\n");
        hostile.write("home/.aws/pod.yaml", &format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {CANARY}\n"));
        hostile.write("home/.aws/scenario.yaml", &format!("description: x\nenvironment: {{SECRET: {CANARY}}}\n"));
        hostile.write("home/.aws/hook-mine.sh", &format!("before() {{ kubectl get pod {CANARY}; }}\nbefore\n"));
        hostile
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn link(&self, to: impl AsRef<Path>, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        symlink(to, path).expect("linked");
    }

    /// A page of one step.
    fn page(&self, name: &str, info: &str, commands: &str) {
        self.write(name, &format!("---\ntitle: A page\n---\n```bash {info}\n{commands}\n```\n"));
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.0.run(arguments)
    }

    /// Runs every command that opens a course; returns for each its name, exit status, and all that it printed.
    fn all(&self, course: &str, more: &[&str]) -> Vec<(&'static str, Option<i32>, String)> {
        let commands: [(&str, &[&str], bool); 6] = [
            ("learn", &["learn", "--plain"], true),
            ("grade", &["grade"], true),
            ("verify", &["verify"], true),
            ("plan", &["plan"], false),
            ("check", &["check"], false),
            ("steps", &["steps"], false),
        ];
        let run = |(name, words, session): (&'static str, &[&str], bool)| {
            let more = if session { more } else { &[] };
            let arguments: Vec<&str> = words.iter().copied().chain([course]).chain(more.iter().copied()).collect();
            let output = self.0.run_with(&arguments, "\n\n\n\n\n\n");
            (name, output.status.code(), printed(&output))
        };
        commands.into_iter().map(run).collect()
    }

    /// No command tells a canary.
    fn keeps_its_secret(&self, course: &str, more: &[&str]) {
        for (name, _, text) in self.all(course, more) {
            assert!(!text.contains(CANARY), "{name}: {text}");
        }
    }
}

/// All that a program printed.
fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// A text as one line, without the frame that errors are set in.
fn joined(text: &str) -> String {
    text.replace(['│', '×', '╰', '─', '▶', '├'], " ").split_whitespace().collect::<Vec<_>>().concat()
}
