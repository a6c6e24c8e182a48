//! Where the real tools and recordings are that tests compare with, found when it is asked.

#![forbid(unsafe_code)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment variables that say where oracles are.
pub const VARIABLES: [&str; 5] = ["PATH", "LECTERN_KUBECTL", "LECTERN_AWS_CLI", "LECTERN_MOTO", "LECTERN_SHARED"];

/// The path of an oracle by its name: `kubectl`, `aws`, `moto`, `shared`, `shared/PATH`, `landlock`, or a program on `PATH`.
///
/// # Errors
/// Why there is none, in words for the reader of a test's output.
pub fn find(name: &str) -> Result<PathBuf, String> {
    match name {
        "kubectl" => kubectl(),
        "aws" => aws(),
        "moto" => env::var_os("LECTERN_MOTO")
            .map(PathBuf::from)
            .ok_or_else(|| "needs moto_server: set LECTERN_MOTO to its binary (pip install 'moto[server]')".to_owned()),
        "landlock" => landlock(),
        "shared" => shared(""),
        name => match name.strip_prefix("shared/") {
            Some(inside) => shared(inside),
            None => on_path(name).ok_or_else(|| format!("needs {name}: it is not on PATH")),
        },
    }
}

/// The path of an oracle that the test was said to need.
///
/// # Panics
/// When it is missing: the test was run although it is ignored, or the oracle went away after the test was built.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    match find(name) {
        Ok(path) => path,
        Err(reason) => panic!("{reason}"),
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn kubectl() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os("LECTERN_KUBECTL") {
        return Ok(named.into());
    }
    let beside = || {
        let kubectl = on_path("kubectl")?.canonicalize().ok()?;
        Some(kubectl.parent()?.join("kubectl.1.33")).filter(|path| path.is_file())
    };
    let missing =
        "needs kubectl 1.33: LECTERN_KUBECTL names none, and there is no kubectl.1.33 beside the kubectl on PATH";
    beside().ok_or_else(|| missing.to_owned())
}

#[expect(clippy::disallowed_methods, reason = "the CLI is asked for its version")]
fn aws() -> Result<PathBuf, String> {
    let missing = || "needs the AWS CLI 1: set LECTERN_AWS_CLI to its binary (pip install awscli)".to_owned();
    let named = env::var_os("LECTERN_AWS_CLI").map(PathBuf::from);
    let cli = named.or_else(|| on_path("aws")).ok_or_else(missing)?;
    let version = Command::new(&cli).arg("--version").output().map_err(|_| missing())?;
    // Version 1 prints it to either stream, by its age.
    let said = [version.stdout, version.stderr].concat();
    if !String::from_utf8_lossy(&said).contains("aws-cli/1.") {
        return Err(missing());
    }
    // Tests drive it from within its own Python, which the script's first line names; a version manager's shim does not.
    let script = std::fs::read_to_string(&cli).unwrap_or_default();
    match script.lines().next().and_then(|line| line.strip_prefix("#!")) {
        Some(python) if Path::new(python.trim()).is_file() => Ok(cli),
        _ => Err(format!("needs the AWS CLI's own script, not a shim as {} is: set LECTERN_AWS_CLI", cli.display())),
    }
}

/// Landlock has no path; the kernel is asked by restricting a thread that does nothing else.
#[cfg(target_os = "linux")]
fn landlock() -> Result<PathBuf, String> {
    use landlock::{AccessFs, Ruleset, RulesetAttr, RulesetStatus};
    let restrict = || {
        let ruleset = Ruleset::default().handle_access(AccessFs::Execute).ok()?.create().ok()?;
        Some(ruleset.restrict_self().ok()?.ruleset)
    };
    match std::thread::spawn(restrict).join() {
        Ok(Some(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced)) => Ok(PathBuf::new()),
        _ => Err("needs a kernel with Landlock".to_owned()),
    }
}

#[cfg(not(target_os = "linux"))]
fn landlock() -> Result<PathBuf, String> {
    Err("needs a kernel with Landlock".to_owned())
}

fn shared(inside: &str) -> Result<PathBuf, String> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    let folder = env::var_os("LECTERN_SHARED").map_or_else(|| project.join("../shared"), PathBuf::from);
    let path = if inside.is_empty() { folder } else { folder.join(inside) };
    path.canonicalize()
        .map_err(|_| format!("needs the shared recordings (LECTERN_SHARED): there is no {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_path_and_a_missing_one_is_named() {
        assert!(find("cargo").is_ok_and(|path| path.is_file()));
        assert_eq!(find("no-such-program"), Err("needs no-such-program: it is not on PATH".into()));
        assert!(find("shared/no/such/file").is_err_and(|reason| reason.contains("no/such/file")));
    }
}
