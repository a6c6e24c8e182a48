//! The program as its users run it: an environment of its own, and a terminal that the test reads.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod svg;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// The built program.
pub const LECTERN: &str = env!("CARGO_BIN_EXE_lectern");

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Folders of one test, and the program with nothing of the machine's environment.
pub struct World {
    /// Holds everything.
    pub folder: tempfile::TempDir,
    /// What its environment holds besides.
    pub env: Vec<(String, String)>,
}

impl World {
    /// A new one.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), env: Vec::new() }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where state goes.
    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// Writes a scenario of an empty account and an empty cluster, for sessions that need no more: they begin many times faster.
    /// To be named with `--scenario ./bare`.
    pub fn bare(&self) {
        let folder = self.path("bare");
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in [
            ("scenario.yaml", "description: Nothing yet.\n"),
            ("aws.yaml", "account: \"111122223333\"\nregion: eu-west-1\nclusters: [{name: bare, version: \"1.36\"}]\n"),
            ("cluster.yaml", "name: bare\nregion: eu-west-1\nversion: v1.36.2\n"),
        ] {
            std::fs::write(folder.join(name), text).expect("written");
        }
    }

    fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![("HOME", self.path("home")), ("XDG_STATE_HOME", self.state()), ("TERM", "xterm-256color".into())]
    }

    /// Runs the program to its end, with nothing to read.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "")
    }

    /// Runs the program to its end, with this to read.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.start(arguments);
        let mut stdin = child.stdin.take().expect("piped");
        // A program that has ended reads no more.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        child.wait_with_output().expect("the program ends")
    }

    /// Starts the program with pipes.
    pub fn start(&self, arguments: &[&str]) -> std::process::Child {
        // The test runs the program that it tests.
        #[allow(clippy::disallowed_methods)]
        let mut command = Command::new(LECTERN);
        command
            .env_clear()
            .envs(self.environment())
            .envs(self.env.clone())
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    /// Runs the program and reads its standard output as JSON.
    pub fn json(&self, arguments: &[&str]) -> (serde_json::Value, Option<i32>) {
        let output = self.run(arguments);
        let text = String::from_utf8_lossy(&output.stdout);
        let value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error} in {text}\n{}", String::from_utf8_lossy(&output.stderr)));
        (value, output.status.code())
    }

    /// Starts the program in a terminal of 80 columns and `rows` rows.
    pub fn terminal(&self, rows: u16, arguments: &[&str]) -> Screen {
        self.terminal_of(80, rows, arguments)
    }

    /// Starts the program in a terminal of this size.
    pub fn terminal_of(&self, columns: u16, rows: u16, arguments: &[&str]) -> Screen {
        let pty = native_pty_system()
            .openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 })
            .expect("a terminal");
        let mut command = CommandBuilder::new(LECTERN);
        command.env_clear();
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        for (name, value) in &self.env {
            command.env(name, value);
        }
        command.args(arguments);
        command.cwd(self.folder.path());
        let child = pty.slave.spawn_command(command).expect("the program starts");
        drop(pty.slave);
        let mut reader = pty.master.try_clone_reader().expect("a reader");
        let (tell, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if tell.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let writer = pty.master.take_writer().expect("a writer");
        let size = |number| std::num::NonZero::new(number).expect("not zero");
        let parser = vt100::Parser::new(size(rows), size(columns), 0);
        Screen { child, writer, bytes, parser, raw: Vec::new(), master: pty.master }
    }
}

/// The program in a terminal.
pub struct Screen {
    /// The program.
    pub child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Everything that it wrote.
    pub raw: Vec<u8>,
    /// The terminal's other end.
    pub master: Box<dyn MasterPty + Send>,
}

impl Screen {
    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).and_then(|()| self.writer.flush()).expect("typed");
    }

    /// What is to be seen.
    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// What is to be seen, with its styles.
    pub fn cells(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let size = |number| std::num::NonZero::new(number).expect("not zero");
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).expect("resized");
        self.parser.screen_mut().set_size(size(rows), size(columns));
    }

    /// Whether the program has the terminal's other screen.
    pub fn alternate(&self) -> bool {
        self.parser.screen().alternate_screen()
    }

    /// Takes in what comes for a while; whether the program has closed the terminal.
    pub fn read_for(&mut self, time: Duration) -> bool {
        match self.bytes.recv_timeout(time) {
            Ok(bytes) => {
                self.parser.process(&bytes);
                self.raw.extend(bytes);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        }
    }

    /// Waits until the screen is as wanted; much longer than any machine needs, before it gives up.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !wanted(&self.text()) {
            assert!(began.elapsed() < PATIENCE, "waited for {what}; the screen shows\n{}", self.text());
            let closed = self.read_for(Duration::from_millis(50));
            assert!(!closed || wanted(&self.text()), "ended while waiting for {what}:\n{}", self.text());
        }
    }

    /// Waits until the screen holds a text.
    pub fn until_text(&mut self, text: &str) {
        self.until(&format!("{text:?}"), |screen| screen.contains(text));
    }

    /// Waits for the program's end; answers its exit status.
    pub fn end(&mut self) -> u32 {
        let began = Instant::now();
        loop {
            self.read_for(Duration::from_millis(20));
            if let Some(status) = self.child.try_wait().expect("a child") {
                while !self.read_for(Duration::from_millis(100)) && began.elapsed() < PATIENCE {}
                return status.exit_code();
            }
            assert!(began.elapsed() < PATIENCE, "did not end:\n{}", self.text());
        }
    }

    /// Sends a signal by its number.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = self.child.process_id().and_then(|id| rustix::process::Pid::from_raw(id as i32)).expect("a process");
        rustix::process::kill_process(id, signal).expect("sent");
    }
}
