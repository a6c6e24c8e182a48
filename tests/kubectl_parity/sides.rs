//! One section on both sides.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lectern::clock::{Clock, session_runtime};
use lectern::sandbox::{Sandbox, Scenario};
use lectern::target::{KubeOptions, Target};
use lectern::tools::{Commands, Errand, Files, Root};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::Outcome;
use crate::harness::{Cluster, Ran};
use crate::lines::{Line, Section};
use crate::masks::Masks;

/// How many times faster than real time a sandbox goes whose lines change something.
const SPEED: u32 = 100;
/// The least time limit (thousandths of a second) of the real one where limits are scaled.
const LEAST: u32 = 2000;
/// Where editors are looked for.
const PATH: &str = "/usr/bin:/bin";
/// How long (session time) a change may take to settle before the next line.
const SETTLES: Duration = Duration::from_secs(90);

/// What all sections share.
pub struct Place {
    pub program: PathBuf,
    pub corpus: PathBuf,
    pub masks: Masks,
    /// What the time went to, over all sections.
    pub spent: Mutex<BTreeMap<&'static str, Duration>>,
}

impl Place {
    /// Notes what the time since `began` went to, and begins anew.
    fn spend(&self, what: &'static str, began: &mut Instant) {
        let now = Instant::now();
        *self.spent.lock().unwrap().entry(what).or_default() += now - *began;
        *began = now;
    }
}

/// The real kubectl, its home and the files that it is started among.
struct Theirs {
    program: PathBuf,
    home: tempfile::TempDir,
    folder: PathBuf,
    server: String,
}

impl Theirs {
    /// With the native one's kubeconfig, but for the server's address.
    fn new(program: &Path, folder: &Path, address: &str, cluster: &Cluster) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = cluster.target.kubeconfig(&KubeOptions::default(), &cluster.files).unwrap();
        let server = config.clusters[0].cluster.clone().unwrap().server.unwrap();
        let mut config = serde_json::to_value(config).unwrap();
        config["clusters"][0]["cluster"]["server"] = address.into();
        std::fs::create_dir(home.path().join(".kube")).unwrap();
        std::fs::write(home.path().join(".kube/config"), config.to_string()).unwrap();
        Self { program: program.to_owned(), home, folder: folder.to_owned(), server }
    }

    /// Runs it. Session time goes on at real speed while it works; once it waits, time goes fast.
    async fn run_beside(&self, clock: &Clock, watched: &Notify, line: &Line, address: &str, hurried: bool) -> Ran {
        // How long a drain waits it finds out by asking again and again.
        let busy = (line.verb() != "drain").then(|| clock.busy());
        let run = self.run(line, address, hurried);
        tokio::pin!(run);
        tokio::select! {
            real = &mut run => return real,
            () = watched.notified(), if line.waits() => drop(busy),
        }
        run.await
    }

    /// Runs it, away from the runtime's thread.
    #[allow(clippy::disallowed_methods, reason = "the real kubectl is what the native one is measured by")]
    async fn run(&self, line: &Line, address: &str, hurried: bool) -> Ran {
        let words = if hurried { hurry(line) } else { line.words.clone() };
        let mut command = std::process::Command::new(&self.program);
        command
            .args(words)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", PATH)
            .envs(&line.env)
            .current_dir(&self.folder);
        command.stdin(match &line.stdin {
            Some(file) => std::fs::File::open(self.folder.join(file)).unwrap().into(),
            None => std::process::Stdio::null(),
        });
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8_lossy(&bytes).replace("kubectl.1.33", "kubectl");
            text.replace(address, &self.server)
        };
        Ran {
            status: output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// The same line with its time limit in the real one's time.
fn hurry(line: &Line) -> Vec<String> {
    let mut words = line.words.clone();
    let scale = |text: &str| {
        let (number, unit) = text.split_at(text.len().saturating_sub(1));
        let seconds: u32 = number.parse().ok()?;
        let seconds = match unit {
            "s" => seconds,
            "m" => seconds * 60,
            _ => return None,
        };
        // As long as the real one needs to look once on a busy machine.
        Some(format!("{}ms", (seconds * 1000 / SPEED).max(LEAST)))
    };
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let mut limited = line.verb() != "wait";
    for at in 0..end {
        if let Some(limit) = words[at].strip_prefix("--timeout=").map(str::to_owned) {
            limited = true;
            if let Some(scaled) = scale(&limit) {
                words[at] = format!("--timeout={scaled}");
            }
        } else if words[at] == "--timeout" && at + 1 < end {
            limited = true;
            if let Some(scaled) = scale(&words[at + 1]) {
                words[at + 1] = scaled;
            }
        }
    }
    if !limited {
        words.insert(end, format!("--timeout={LEAST}ms"));
    }
    words
}

/// Whoever runs the commands of the native one: the same editors as those of the real one. What they print goes to `printed`.
#[allow(clippy::disallowed_methods, reason = "both sides have the same editor")]
fn commands(line: &Line, folder: &Path, clock: &Clock, printed: &Arc<Mutex<Vec<u8>>>) -> Commands {
    let (errands_in, mut errands) = tokio::sync::mpsc::channel::<Errand>(1);
    let (env, folder, own, printed) = (line.env.clone(), folder.to_owned(), clock.clone(), printed.clone());
    tokio::spawn(async move {
        while let Some(Errand { words, answer, busy: _busy }) = errands.recv().await {
            let mut command = std::process::Command::new(&words[0]);
            command
                .args(&words[1..])
                .env_clear()
                .env("PATH", PATH)
                .envs(&env)
                .current_dir(&folder)
                .stdin(std::process::Stdio::null());
            let ran = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
            let status = ran.ok().map(|ran| {
                printed.lock().unwrap().extend(ran.stdout);
                ran.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255)
            });
            let _ = answer.send((status, own.busy()));
        }
    });
    Commands::new(errands_in, clock.clone())
}

/// Lets a cluster be reached on a socket; answers its URL. Who watches is told of.
async fn serve(cluster: &Cluster, watched: &Arc<Notify>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = cluster.target.as_sandbox().unwrap().cluster().server().clone();
    let watched = watched.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (server, watched) = (server.clone(), watched.clone());
            let (near, far) = tokio::io::duplex(64 * 1024);
            tokio::spawn(async move { server.serve_connection(far).await });
            tokio::spawn(pass(stream, near, watched));
        }
    });
    address
}

/// Passes a connection on, and tells when a watch is asked for.
async fn pass(outside: TcpStream, inside: DuplexStream, watched: Arc<Notify>) -> io::Result<()> {
    let (mut from_outside, mut to_outside) = outside.into_split();
    let (mut from_inside, mut to_inside) = tokio::io::split(inside);
    let asks = async {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = from_outside.read(&mut buffer).await?;
            if read == 0 {
                return to_inside.shutdown().await;
            }
            if buffer[..read].windows(10).any(|bytes| bytes == b"watch=true") {
                watched.notify_waiters();
            }
            to_inside.write_all(&buffer[..read]).await?;
        }
    };
    let answers = async {
        tokio::io::copy(&mut from_inside, &mut to_outside).await?;
        to_outside.shutdown().await
    };
    tokio::try_join!(asks, answers).map(|_| ())
}

/// Waits until nothing is due to happen any more.
async fn settle(cluster: &Cluster, clock: &Clock) {
    let end = clock.elapsed() + SETTLES;
    clock.sleep(Duration::from_secs(2)).await;
    while cluster.target.as_sandbox().unwrap().cluster().is_pending() && clock.elapsed() < end {
        clock.sleep(Duration::from_secs(5)).await;
    }
}

/// A folder with the files that the lines name.
pub fn folder() -> tempfile::TempDir {
    let made = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubectl_parity/files"), made.path());
    made
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn files(folder: &Path, corpus: &Path) -> Files {
    let root = |path: &Path, writable| {
        let dir = cap_std::fs::Dir::open_ambient_dir(path, cap_std::ambient_authority()).unwrap();
        Root { path: path.to_owned(), dir, writable }
    };
    let mut roots = vec![root(folder, true)];
    roots.push(root(&corpus.join("manifests"), false));
    Files::new(roots, folder.to_owned())
}

/// Runs a section on both sides and tells what differs: `-` the real one, `+` ours.
pub fn run(place: &Place, section: Section) -> Vec<Outcome> {
    let clock = if section.changes { Clock::accelerated(SPEED.into()) } else { Clock::real() };
    let runtime = session_runtime(&clock).unwrap();
    let (ours_at, theirs_at) = (folder(), folder());
    let show = std::env::var_os("LECTERN_PARITY_SHOW").is_some();
    runtime.block_on(async {
        let mut began = Instant::now();
        let mut scenario = Scenario::default_bundled().unwrap();
        scenario.cluster.random = 7;
        let start = async |folder: &tempfile::TempDir| {
            let sandbox = Sandbox::start(&scenario, &clock).await.unwrap();
            let target = Target::sandbox(sandbox, clock.clone());
            Cluster::new(&clock, target, files(&folder.path().canonicalize().unwrap(), &place.corpus))
        };
        let ours = start(&ours_at).await;
        let second = if section.changes { Some(start(&theirs_at).await) } else { None };
        let other = second.as_ref().unwrap_or(&ours);
        let watched = Arc::new(Notify::new());
        let address = serve(other, &watched).await;
        let theirs_folder = if section.changes { theirs_at.path() } else { ours_at.path() };
        let theirs = Theirs::new(&place.program, &theirs_folder.canonicalize().unwrap(), &address, &ours);
        let mut outcomes = Vec::new();
        place.spend("start", &mut began);
        for line in section.lines {
            let stdin = line.stdin.as_ref().map(|file| std::fs::read_to_string(ours_at.path().join(file)).unwrap());
            let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
            let stdin = stdin.unwrap_or_default();
            let real = theirs.run_beside(&clock, &watched, &line, &address, section.changes);
            let printed = Arc::default();
            let commands = commands(&line, ours_at.path(), &clock, &printed);
            let own = ours.with_commands(&words, &stdin, line.env.clone(), commands);
            // What waits does so at the same time: a time limit of one must not use up the other's.
            let (mut own, real) = match line.waits() {
                true => {
                    let both = tokio::join!(own, real);
                    place.spend("both", &mut began);
                    both
                }
                false => {
                    let own = own.await;
                    place.spend("own", &mut began);
                    let real = real.await;
                    place.spend("real", &mut began);
                    (own, real)
                }
            };
            own.stdout.insert_str(0, &String::from_utf8_lossy(&printed.lock().unwrap()));
            let same = if section.changes {
                if line.may_change() {
                    settle(&ours, &clock).await;
                    settle(other, &clock).await;
                }
                place.spend("settle", &mut began);
                own == real || place.masks.apply(&line, &own) == place.masks.apply(&line, &real)
            } else {
                // Between the two a second may have passed.
                if own != real {
                    own = ours.words(&words, &stdin).await;
                }
                place.masks.temporary(&line, &own) == place.masks.temporary(&line, &real)
            };
            if !same || show {
                let (own, real) = match section.changes {
                    true => (place.masks.apply(&line, &own), place.masks.apply(&line, &real)),
                    false => (own, real),
                };
                let told = if same {
                    told(&own)
                } else {
                    similar::TextDiff::from_lines(told(&real), told(&own)).unified_diff().context_radius(1).to_string()
                };
                println!("--- {}: kubectl {}\n{told}", section.name, line.text);
            }
            place.spend("compare", &mut began);
            outcomes.push(Outcome { line, same });
        }
        outcomes
    })
}

fn told(ran: &Ran) -> String {
    format!("(status {})\n{}(standard error)\n{}", ran.status, ran.stdout, ran.stderr)
}
