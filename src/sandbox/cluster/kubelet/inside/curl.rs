//! `curl` in a container: it asks the pages that the scenario gives to containers, through the cluster's network. Messages and exit
//! statuses as curl 7.88 has them: <https://curl.se/libcurl/c/libcurl-errors.html>

use std::time::Duration;

use serde_json::Value;

use super::super::super::controllers::control::Control;
use super::super::super::object;
use super::super::super::seed::{Listens, Page};
use super::super::answers::Answer;
use super::super::conditions;
use super::{Inside, Listener, Unreached, listener};

/// How long a connection is tried when nobody says.
const PATIENCE: Duration = Duration::from_secs(134);

/// What stands above the progress that curl shows when its output goes elsewhere.
const PROGRESS: &str = "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n                                 Dload  Upload   Total   Spent    Left  Speed\n";

#[derive(Default)]
struct Options<'a> {
    urls: Vec<&'a str>,
    silent: bool,
    show_error: bool,
    verbose: bool,
    include: bool,
    head: bool,
    fail: bool,
    old_http: bool,
    method: Option<&'a str>,
    output: Option<&'a str>,
    write_out: Option<&'a str>,
    headers: Vec<&'a str>,
    patience: Option<Duration>,
}

/// Reads the command line; `None` with options that nobody plays.
fn options<'a>(arguments: &[&'a str]) -> Option<Options<'a>> {
    let mut options = Options::default();
    let mut left = arguments.iter().copied();
    while let Some(argument) = left.next() {
        let seconds = |text: Option<&str>| {
            Some(Duration::from_secs_f64(text?.parse::<f64>().ok().filter(|n| (0.0..1e6).contains(n))?))
        };
        match argument {
            "--silent" => options.silent = true,
            "--show-error" => options.show_error = true,
            "--verbose" => options.verbose = true,
            "--include" => options.include = true,
            "--head" => options.head = true,
            "--fail" => options.fail = true,
            "--http0.9" => options.old_http = true,
            "--insecure" | "--location" => {}
            "--request" | "-X" => options.method = Some(left.next()?),
            "--output" | "-o" => options.output = Some(left.next()?),
            "--write-out" | "-w" => options.write_out = Some(left.next()?),
            "--header" | "-H" => options.headers.push(left.next()?),
            "--connect-timeout" | "--max-time" | "-m" => {
                let limit = seconds(left.next())?;
                options.patience = Some(options.patience.map_or(limit, |known| known.min(limit)));
            }
            _ if argument.starts_with("--") => return None,
            _ => match argument.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                None => options.urls.push(argument),
                Some(letters) => {
                    for letter in letters.chars() {
                        match letter {
                            's' => options.silent = true,
                            'S' => options.show_error = true,
                            'v' => options.verbose = true,
                            'i' => options.include = true,
                            'I' => options.head = true,
                            'f' => options.fail = true,
                            'k' | 'L' => {}
                            _ => return None,
                        }
                    }
                }
            },
        }
    }
    Some(options)
}

/// A URL's parts.
struct Url<'a> {
    scheme: &'a str,
    host: &'a str,
    port: i64,
    /// The host as the request names it.
    authority: &'a str,
    path: String,
}

fn url(text: &str) -> Option<Url<'_>> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let default = match scheme {
        "http" => 80,
        "telnet" => 23,
        // Nobody plays TLS.
        _ => return None,
    };
    let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, default),
    };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (!host.is_empty()).then_some(Url { scheme, host, port, authority, path })
}

/// Runs curl; `None` with options or URLs that nobody plays.
pub(super) fn curl(inside: &mut Inside<'_>, arguments: &[&str]) -> Option<Answer> {
    let options = options(arguments)?;
    if options.urls.is_empty() {
        let stderr = "curl: (2) no URL specified\n".to_owned();
        return Some(Answer { stderr, code: 2, ..Answer::default() });
    }
    let mut all = Answer::default();
    for text in &options.urls {
        let answer = fetch(inside, &options, &url(text)?);
        all.stdout.push_str(&answer.stdout);
        all.stderr.push_str(&answer.stderr);
        all.code = answer.code;
        all.took += answer.took;
    }
    Some(all)
}

fn fetch(inside: &mut Inside<'_>, options: &Options<'_>, url: &Url<'_>) -> Answer {
    let meter = !options.silent && options.output.is_none_or(|file| file != "-");
    let mut answer = Answer::default();
    let patience = options.patience.unwrap_or(PATIENCE);
    let milliseconds = patience.as_millis();
    let host = match inside.network().resolve(url.host) {
        Ok(host) => host,
        Err(Unreached::DnsSilent) => {
            return failed(
                options,
                meter,
                28,
                &format!("Resolving timed out after {milliseconds} milliseconds"),
                patience,
            );
        }
        Err(_) => return failed(options, meter, 6, &format!("Could not resolve host: {}", url.host), Duration::ZERO),
    };
    let address = inside.network().address(&host);
    let mut told = String::new();
    if options.verbose {
        told.push_str(&format!("*   Trying {address}:{}...\n", url.port));
    }
    let place = format!("Failed to connect to {} port {} after", url.host, url.port);
    let connected = inside.network().connect(&host, url.port);
    let control = inside.control;
    let reply = connected.and_then(|(pod, port)| {
        let found = listener(control, &pod, port).ok_or(Unreached::Refused)?;
        let fill = |container, text| conditions::fill(control, &pod, container, text, &[], "", control.now);
        Ok(match found {
            Listener::Declared => Reply::Nothing,
            Listener::Described(container, Listens { greeting: Some(greeting), .. }) => {
                Reply::Greeting(fill(container, greeting))
            }
            Listener::Described(container, listens) => {
                Reply::Page(page(control, &pod, container, &listens.pages, &url.path))
            }
        })
    });
    let reply = match reply {
        Ok(reply) => reply,
        Err(Unreached::Refused | Unreached::NoName) => {
            let why = format!("{place} 0 ms: Couldn't connect to server");
            if options.verbose {
                told.push_str(&format!(
                    "* connect to {address} port {} failed: Connection refused\n* {why}\n* Closing connection 0\n",
                    url.port
                ));
            }
            return told_first(told, failed(options, meter, 7, &why, Duration::ZERO));
        }
        Err(Unreached::Silent | Unreached::DnsSilent) => {
            let why = format!("{place} {milliseconds} ms: Timeout was reached");
            if options.verbose {
                told.push_str(&format!(
                    "* ipv4 connect timeout after {}ms, move on!\n* {why}\n* Closing connection 0\n",
                    milliseconds.saturating_sub(1)
                ));
            }
            return told_first(told, failed(options, meter, 28, &why, patience));
        }
    };
    let method = options.method.unwrap_or(if options.head { "HEAD" } else { "GET" });
    if options.verbose {
        told.push_str(&format!("* Connected to {} ({address}) port {} (#0)\n", url.host, url.port));
        if url.scheme == "http" {
            told.push_str(&format!(
                "> {method} {} HTTP/1.1\n> Host: {}\n> User-Agent: curl/7.88.1\n> Accept: */*\n> \n",
                url.path, url.authority
            ));
        }
    }
    let page = match reply {
        Reply::Page(page) => page,
        Reply::Greeting(text) if options.old_http || url.scheme == "telnet" => {
            answer.stdout = text;
            answer.stderr = told;
            return answer;
        }
        Reply::Greeting(_) => {
            return told_first(told, failed(options, meter, 1, "Received HTTP/0.9 when not allowed", Duration::ZERO));
        }
        Reply::Nothing => {
            return told_first(told, failed(options, meter, 52, "Empty reply from server", Duration::ZERO));
        }
    };
    let head = head(&page, inside);
    if options.verbose {
        told.push_str(&head.lines().map(|line| format!("< {line}\n")).collect::<String>());
    }
    let body =
        if options.head && options.method.is_none_or(|method| method == "HEAD") { String::new() } else { page.body };
    if meter {
        let size = body.len();
        let sum = format!("{size:>5}");
        answer.stderr = format!(
            "{PROGRESS}\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\r100 {sum}  100 {sum}    0     0  {:>5}      0 --:--:-- --:--:-- --:--:-- {:>5}\n",
            size * 250,
            size * 250,
        );
    }
    answer.stderr.push_str(&told);
    if options.verbose {
        answer.stderr.push_str(&format!("* Connection #0 to host {} left intact\n", url.host));
    }
    if options.fail && page.status >= 400 {
        let why = format!("The requested URL returned error: {}", page.status);
        return told_first(answer.stderr, failed(options, false, 22, &why, Duration::ZERO));
    }
    let mut out = if options.include || options.head { head.clone() } else { String::new() };
    if !options.head || options.include {
        out.push_str(&body);
    }
    match options.output.filter(|file| *file != "-") {
        Some("/dev/null") => {}
        Some(file) => {
            if let Err(why) = inside.files().write(file, &out, false) {
                let failure = format!("Failed to open the file {file}: {why}");
                answer.stderr.push_str(&format!(
                    "Warning: {failure}\ncurl: (23) client returned ERROR on write, {} bytes wanted\n",
                    out.len()
                ));
                answer.code = 23;
                return answer;
            }
        }
        None => answer.stdout = out,
    }
    if let Some(format) = options.write_out {
        answer.stdout.push_str(&format.replace("%{http_code}", &page.status.to_string()).replace("\\n", "\n"));
    }
    answer
}

fn told_first(told: String, mut answer: Answer) -> Answer {
    answer.stderr.insert_str(0, &told);
    answer
}

fn failed(options: &Options<'_>, meter: bool, code: i32, why: &str, took: Duration) -> Answer {
    let mut stderr = String::new();
    if meter {
        let spent = took.as_secs();
        let spent = if spent == 0 {
            "--:--:--".into()
        } else {
            format!("{:>2}:{:02}:{:02}", spent / 3600, spent / 60 % 60, spent % 60)
        };
        stderr = format!("{PROGRESS}\r  0     0    0     0    0     0      0      0 --:--:-- {spent} --:--:--     0\n");
    }
    if !options.silent || options.show_error {
        stderr.push_str(&format!("curl: ({code}) {why}\n"));
    }
    Answer { stderr, code, took, ..Answer::default() }
}

/// What comes back from a port.
enum Reply {
    /// A page.
    Page(Found),
    /// A protocol of its own, which begins with this.
    Greeting(String),
    /// The connection is taken, and nothing is said.
    Nothing,
}

struct Found {
    status: u16,
    kind: String,
    body: String,
}

/// The page at a path, or that there is none.
fn page(control: &Control, pod: &Value, container: &Value, pages: &[Page], path: &str) -> Found {
    let plain = path.split('?').next().unwrap_or_default();
    let environment = super::super::environment::resolve(control, pod, container, object::text(pod, "/status/podIP"));
    let environment = environment.unwrap_or_default();
    for page in pages {
        if super::super::super::seed::fits_pattern(&page.path, plain) {
            let body = conditions::fill(control, pod, container, &page.body, &environment, "", control.now);
            return Found { status: page.status, kind: page.kind.clone(), body };
        }
    }
    Found { status: 404, kind: "text/plain".into(), body: "404 page not found".into() }
}

fn head(page: &Found, inside: &Inside<'_>) -> String {
    let reason = match page.status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "",
    };
    let date = inside.control.now.strftime("%a, %d %b %Y %H:%M:%S GMT");
    format!(
        "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nDate: {date}\r\nContent-Length: {}\r\n\r\n",
        page.status,
        page.kind,
        page.body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let read = |text| url(text).map(|url| (url.host.to_owned(), url.port, url.path));
        assert_eq!(read("catalog.catalog/health"), Some(("catalog.catalog".into(), 80, "/health".into())));
        assert_eq!(read("http://ui:8080?x=1"), Some(("ui".into(), 8080, "/?x=1".into())));
        assert_eq!(read("telnet://db:3306"), Some(("db".into(), 3306, "/".into())));
        for text in ["https://x", "http://", "x:y"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn command_lines() {
        let read = options(&["-sSvk", "-o", "/x", "--connect-timeout", "5", "-m", "3", "a", "b"]).unwrap();
        assert!(read.silent && read.show_error && read.verbose);
        assert_eq!((read.output, read.patience, read.urls), (Some("/x"), Some(Duration::from_secs(3)), vec!["a", "b"]));
        assert!(options(&["--strange", "a"]).is_none() && options(&["-sZ", "a"]).is_none());
    }
}
