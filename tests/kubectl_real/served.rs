//! A running `lectern sandbox`, and programs that talk to it.
#![allow(clippy::disallowed_methods, reason = "tests run the program, and the real kubectl on it")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// The sandbox's program while it runs. Dropping it is a `kill -9`.
pub struct Served {
    pub child: Child,
    /// What it printed for `eval`, as the shell understands it.
    pub environment: BTreeMap<String, String>,
    pub folder: tempfile::TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs `lectern sandbox` to its end.
pub fn sandbox(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lectern"));
    command.env_clear().arg("sandbox").args(arguments).output().unwrap()
}

impl Served {
    /// Starts it and waits until it answers.
    pub fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let printed = folder.path().join("exports");
        let mut command = Command::new(env!("CARGO_BIN_EXE_lectern"));
        command.env_clear().env("TMPDIR", folder.path()).arg("sandbox").args(arguments);
        command.stdin(Stdio::null()).stdout(std::fs::File::create(&printed).unwrap()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        if !line.contains("answers until Ctrl-C") {
            said.read_to_string(&mut line).unwrap();
            panic!("the sandbox did not start: {line}");
        }
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::stderr()));
        // The shell says what the lines mean.
        let script = format!("eval \"$(cat {})\"; env -0", printed.display());
        let output =
            Command::new("bash").env_clear().env("AWS_PROFILE", "mine").args(["-c", &script]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
        let environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { child, environment, folder }
    }

    /// Where the kubeconfig is.
    pub fn kubeconfig(&self) -> &Path {
        Path::new(&self.environment["KUBECONFIG"])
    }

    /// A client as the kubeconfig says.
    pub async fn client(&self) -> kube::Client {
        let config = kube::config::Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }

    /// Sends a signed-looking request to the account; answers status line, headers and body as text.
    pub fn account(&self, service: &str, access_key: &str, method: &str, path: &str, body: &str) -> String {
        let address = self.environment["AWS_ENDPOINT_URL"].strip_prefix("http://").unwrap();
        let media = if service == "eks" { "application/json" } else { "application/x-www-form-urlencoded" };
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={access_key}/20260101/us-west-2/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Runs a line of bash in which `kubectl` is the real one.
    pub fn bash(&self, kubectl: &Path, folder: &Path, line: &str) -> Output {
        let programs = self.folder.path().join("bin");
        if !programs.exists() {
            std::fs::create_dir(&programs).unwrap();
            std::os::unix::fs::symlink(kubectl, programs.join("kubectl")).unwrap();
        }
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.env_clear().envs(&self.environment).env("PATH", path).env("HOME", self.folder.path());
        command.current_dir(folder).args(["-c", line]).stdin(Stdio::null()).output().unwrap()
    }

    /// As [`Served::bash`], in the sandbox's own folder: exit status and both outputs as text.
    pub fn kubectl(&self, kubectl: &Path, line: &str) -> (i32, String, String) {
        let output = self.bash(kubectl, self.folder.path(), line);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }
}
