//! `--raw` of commands that send something: a request to a path as it is, and the answer as it comes.

use http::Method;

use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::manifests::reason;
use crate::tools::kubectl::options::duration::quote;
use crate::tools::kubectl::session::Session;

/// Sends what `-f` names to the path that `--raw` names, and prints the answer. `needs_file`: whether there must be something to send.
///
/// # Errors
/// As kubectl.
pub async fn send(session: &Session, method: Method, needs_file: bool) -> Result<(), Failure> {
    let options = &session.options;
    let exclusive = |option: &str| Failure::message(format!("--raw and {option} are mutually exclusive"));
    let files = options.all("filename");
    if options.on("edit") {
        return Err(exclusive("--edit"));
    }
    if files.len() > 1 || needs_file && files.is_empty() {
        return Err(Failure::message("--raw can only use a single local file or stdin"));
    }
    if files.first().is_some_and(|file| file.starts_with("http")) {
        return Err(Failure::message("--raw cannot read from a url"));
    }
    if options.on("recursive") {
        return Err(exclusive("--recursive"));
    }
    if needs_file && !options.text("selector").is_empty() {
        return Err(exclusive("--selector (-l)"));
    }
    if !options.text("output").is_empty() {
        return Err(exclusive("--output"));
    }
    let path = options.text("raw");
    if !path.starts_with('/') {
        return Err(Failure::message(format!(
            "--raw must be a valid URL path: parse {}: invalid URI for request",
            quote(path)
        )));
    }
    let body = match files.first().map(String::as_str) {
        None => Vec::new(),
        Some("-") => session.read_stdin().await?,
        Some(file) => {
            session.files().read(file).map_err(|error| Failure::message(format!("open {file}: {}", reason(&error))))?
        }
    };
    let answer = session.api().await?.bytes(&Call::new(method, path).body("application/json", body)).await?;
    session.print(answer).await
}
