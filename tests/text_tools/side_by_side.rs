//! Runs a command line natively and with the real tool.

use std::io::Write as _;
use std::path::Path;

use lectern::clock::Clock;
use lectern::tools::{Files, Invocation, Root, Streams, Tool, find};

/// What a command line did.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    pub stdout: String,
    pub stderr: String,
    pub status: i32,
}

/// Words of a command line: blanks separate, quotes hold together, `$'…'` knows `\n` and `\t`.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' => words.extend(word.take()),
            '\'' => word.get_or_insert_default().extend(chars.by_ref().take_while(|c| *c != '\'')),
            '"' => word.get_or_insert_default().extend(chars.by_ref().take_while(|c| *c != '"')),
            '$' if chars.peek() == Some(&'\'') => {
                chars.next();
                let text: String = chars.by_ref().take_while(|c| *c != '\'').collect();
                word.get_or_insert_default().push_str(&text.replace("\\n", "\n").replace("\\t", "\t"));
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Runs a command line natively, in `folder`.
pub fn ours(line: &[String], stdin: &[u8], folder: &Path) -> Ran {
    let root = Root {
        path: folder.to_owned(),
        dir: cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap(),
        writable: true,
    };
    let invocation = Invocation {
        name: line[0].clone(),
        args: line[1..].to_vec(),
        env: environment(),
        files: Files::new(vec![root], folder.to_owned()),
        clock: Clock::real(),
        cancel: tokio_util::sync::CancellationToken::new(),
    };
    let Some(Tool::Stream(tool)) = find(&line[0]) else { panic!("{} is no stream tool", line[0]) };
    let (mut stdout, mut stderr, mut stdin) = (Vec::new(), Vec::new(), stdin);
    let status = tool(&invocation, &mut Streams { stdin: &mut stdin, stdout: &mut stdout, stderr: &mut stderr });
    Ran {
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
        status: status.into(),
    }
}

fn environment() -> std::collections::BTreeMap<String, String> {
    let pairs = [("LC_ALL", "C.UTF-8"), ("NAME", "world"), ("EMPTY", ""), ("TZ", "UTC")];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Runs the real tool.
#[allow(clippy::disallowed_methods, reason = "the real tool is the measure")]
pub fn theirs(line: &[String], stdin: &[u8], folder: &Path) -> Ran {
    let mut child = std::process::Command::new(&line[0])
        .args(&line[1..])
        .env_clear()
        .envs(environment())
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir(folder)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", line[0]));
    let mut pipe = child.stdin.take().unwrap();
    let input = stdin.to_vec();
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        status: output.status.code().unwrap_or(-1),
    }
}

/// Compares all command lines of a table, after `settle` has taken out what may differ.
pub fn compare(lines: &[&str], stdin: &str, files: &[(&str, &str)], settle: impl Fn(&mut Ran)) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut wrong = Vec::new();
    for line in lines {
        let words = words(line);
        let mut theirs = theirs(&words, stdin.as_bytes(), folder.path());
        let mut ours = ours(&words, stdin.as_bytes(), folder.path());
        settle(&mut ours);
        settle(&mut theirs);
        if ours != theirs {
            wrong.push(format!("{line}\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), lines.len(), wrong.join("\n"));
}
