//! The lines of `away.txt`: what is said of a server that cannot be reached, or does not say what it has, by `lectern sh` on a live
//! target and by the real kubectl. A section's name is that of the server, one of [`SERVERS`].

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Mutex;

use needs::needs;
use serde_json::json;

use crate::lines::Section;
use crate::masks::Masks;
use crate::own::run;
use crate::{lines, sides};

/// What servers answer, whatever they are asked: the status, the type and the body.
const SERVERS: &[(&str, u16, &str, &str)] = &[
    ("knows nobody", 401, "text/plain", "go away\n"),
    (
        "lets nobody in",
        401,
        "application/json",
        r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#,
    ),
    (
        "forbids",
        403,
        "application/json",
        r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"forbidden: no","reason":"Forbidden","details":{},"code":403}"#,
    ),
    ("is no cluster", 404, "text/plain", "404 page not found\n"),
    ("is broken", 500, "text/plain", "boom\n"),
    ("is not ready", 503, "text/plain", "no upstream\n"),
    ("is a web page", 200, "text/html", "<html></html>"),
];
/// The server that is not there.
const DEAD: &str = "is not there";
/// How many lines are run at the same time.
const AT_ONCE: usize = 3;

/// Answers every request on a connection alike.
fn answer(mut stream: TcpStream, answer: &str) -> std::io::Result<()> {
    let mut asked = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        asked.extend_from_slice(&buffer[..read]);
        let Some(end) = asked.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&asked[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
        if asked.len() < end + 4 + length.unwrap_or(0) {
            continue;
        }
        asked.drain(..end + 4 + length.unwrap_or(0));
        stream.write_all(answer.as_bytes())?;
    }
}

/// Starts all servers; answers their addresses by name.
fn start() -> BTreeMap<&'static str, String> {
    let mut addresses = BTreeMap::new();
    for (name, status, kind, body) in SERVERS {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        addresses.insert(*name, format!("http://{}", listener.local_addr().unwrap()));
        let text =
            format!("HTTP/1.1 {status} Told\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let text = text.clone();
                std::thread::spawn(move || answer(stream, &text));
            }
        });
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    addresses.insert(DEAD, format!("http://{}", closed.local_addr().unwrap()));
    addresses
}

/// Makes the configuration of a home: a context for each server, the one named being current.
fn configure(home: &Path, addresses: &BTreeMap<&str, String>, current: &str) {
    let clusters = addresses.iter().map(|(name, server)| json!({"name": name, "cluster": {"server": server}}));
    let contexts = addresses.keys().map(|name| json!({"name": name, "context": {"cluster": name, "user": "me"}}));
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": current,
        "clusters": clusters.collect::<Vec<_>>(), "contexts": contexts.collect::<Vec<_>>(),
        "users": [{"name": "me", "user": {"token": "t"}}]});
    std::fs::create_dir_all(home.join(".kube")).unwrap();
    std::fs::write(home.join(".kube/config"), config.to_string()).unwrap();
}

#[needs("kubectl")]
#[test]
fn of_a_server_that_is_away_is_said_what_kubectl_says() {
    let program = oracles::path("kubectl");
    let masks = Masks::new();
    let addresses = start();
    let sections = Mutex::new(lines::sections(include_str!("away.txt"), true));
    let different = Mutex::new(Vec::new());
    let section = |section: Section| {
        let (ours_at, theirs_at) = (sides::folder(), sides::folder());
        configure(ours_at.path(), &addresses, &section.name);
        configure(theirs_at.path(), &addresses, &section.name);
        for line in section.lines {
            let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
            let real = run(&program, &words, theirs_at.path());
            let text = format!("kubectl {}", line.text);
            let lectern = Path::new(env!("CARGO_BIN_EXE_lectern"));
            let own = run(lectern, &["sh", "--target", "live", "-c", &text], ours_at.path());
            let (own, real) = (masks.temporary(&line, &own), masks.temporary(&line, &real));
            if own != real {
                println!("--- {}: kubectl {}\n- {real:#?}\n+ {own:#?}", section.name, line.text);
                different.lock().unwrap().push(format!("{}: {}", section.name, line.text));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(next) = sections.lock().unwrap().pop() else { break };
                    section(next);
                }
            });
        }
    });
    let different = different.into_inner().unwrap();
    assert!(different.is_empty(), "different: {different:#?}");
}
