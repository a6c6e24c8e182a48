//! The editor of `edit`: what KUBE_EDITOR or EDITOR says, run as a command of the shell on a temporary file. No program is started
//! that the shell would not start.

use std::io::{ErrorKind, Write};

use super::error::Failure;
use super::manifests::reason;
use super::options::duration::quote;
use super::session::Session;

/// The variables that name it, the first that is set.
const VARIABLES: [&str; 2] = ["KUBE_EDITOR", "EDITOR"];
/// The editor when none is named.
const DEFAULT: &str = "vi";
/// The shell that reads an editor with quotes, when SHELL is not set.
const SHELL: &str = "/bin/bash";

/// An editor.
#[derive(Debug)]
pub struct Editor {
    words: Vec<String>,
    /// Whether the last word is a script, with the file to be put behind it.
    script: bool,
}

impl Editor {
    /// The editor that the shell's variables name. One with quotes or backslashes is a shell's script.
    pub fn of(session: &Session) -> Self {
        let named = VARIABLES.iter().map(|name| session.variable(name)).find(|text| !text.is_empty());
        let text = named.unwrap_or(DEFAULT);
        if text.contains(' ') && text.contains(['"', '\'', '\\']) {
            let shell = Some(session.variable("SHELL")).filter(|shell| !shell.is_empty()).unwrap_or(SHELL);
            return Self { words: vec![shell.to_owned(), "-c".to_owned(), text.to_owned()], script: true };
        }
        Self { words: text.split(' ').map(str::to_owned).collect(), script: false }
    }

    /// The command line for a file.
    fn command(&self, path: &str) -> Vec<String> {
        let mut words = self.words.clone();
        match words.last_mut() {
            Some(script) if self.script => script.push_str(&format!(" {}", quote(path))),
            _ => words.push(path.to_owned()),
        }
        // The lesson's own shell is meant, wherever it would lie elsewhere.
        if self.script
            && let Some((_, name)) = self.words[0].rsplit_once('/')
        {
            name.clone_into(&mut words[0]);
        }
        words
    }

    /// Lets the text be edited in a temporary file; answers what it is then, and the file.
    ///
    /// # Errors
    /// When there is no such editor, or it fails, or no file can be written.
    pub async fn edit(&self, session: &Session, ending: &str, text: &[u8]) -> Result<(Vec<u8>, String), Failure> {
        let path = write(session, ending, text)?;
        match session.commands().run(self.command(&path)).await {
            Some(0) => {}
            failed => {
                remove(session, &path);
                let words = quote(&self.words.join(" "));
                // Of one with a path it is not looked first whether it is there.
                let unknown = failed.is_none() && !self.words[0].contains('/');
                return Err(Failure::message(match unknown {
                    true => format!("unable to launch the editor {words}"),
                    false => format!("there was a problem with the editor {words}"),
                }));
            }
        }
        match session.files().read(&path) {
            Ok(edited) => Ok((edited, path)),
            Err(error) => Err(Failure::message(format!("open {path}: {}", reason(&error)))),
        }
    }
}

/// Writes a temporary file: in TMPDIR or `/tmp` where that is the lesson's, else in the home folder.
fn write(session: &Session, ending: &str, text: &[u8]) -> Result<String, Failure> {
    let here = session.files().cwd().to_string_lossy().into_owned();
    let folders = [session.variable("TMPDIR"), "/tmp", session.home(), here.as_str()];
    let mut failed = None;
    for folder in folders.into_iter().filter(|folder| !folder.is_empty()) {
        let path = format!("{}/kubectl-edit-{}{ending}", folder.trim_end_matches('/'), fastrand::u32(..));
        match session.files().create(&path).and_then(|mut file| file.write_all(text)) {
            Ok(()) => return Ok(path),
            Err(error) => {
                let closed = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied);
                failed = Some(format!("open {path}: {}", reason(&error)));
                if !closed {
                    break;
                }
            }
        }
    }
    Err(Failure::message(failed.unwrap_or_default()))
}

/// Takes a temporary file away. One that is gone is no harm.
pub fn remove(session: &Session, path: &str) {
    let _ = session.files().remove_file(path);
}
