//! The lines of `own.txt`: a person's own configuration, shown and changed by `lectern sh` on a live target and by the real kubectl,
//! in a folder each. What they print, their status and the file must be the same.

use std::path::Path;
use std::process::Command;

use crate::harness::Ran;
use crate::masks::Masks;
use crate::{lines, sides};
use needs::needs;

/// Runs a program in a folder that is its home.
#[allow(clippy::disallowed_methods, reason = "two programs are compared as their users start them")]
pub fn run(program: &Path, words: &[&str], folder: &Path) -> Ran {
    let output = Command::new(program)
        .args(words)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", "/usr/bin:/bin")
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace("kubectl.1.33", "kubectl");
    Ran {
        status: output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

#[needs("kubectl")]
#[test]
fn a_configuration_of_one_s_own_is_shown_and_changed_as_kubectl_does() {
    let program = oracles::path("kubectl");
    let masks = Masks::new();
    for section in lines::sections(include_str!("own.txt"), true) {
        let (ours_at, theirs_at) = (sides::folder(), sides::folder());
        for line in section.lines {
            let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
            let real = run(&program, &words, theirs_at.path());
            let text = format!("kubectl {}", line.text);
            let lectern = Path::new(env!("CARGO_BIN_EXE_lectern"));
            let own = run(lectern, &["sh", "--target", "live", "-c", &text], ours_at.path());
            assert_eq!(masks.temporary(&line, &own), masks.temporary(&line, &real), "{}", line.text);
            let file = |folder: &tempfile::TempDir| std::fs::read_to_string(folder.path().join("own.yaml")).unwrap();
            assert_eq!(file(&ours_at), file(&theirs_at), "{}", line.text);
        }
    }
}
