//! What tools say beside their output: progress, remarks and failures.

/// Lines that come any number of times while something is under way.
pub(super) fn is_progress(content: &str) -> bool {
    let waits = content.starts_with("Waiting for ") || content.starts_with("waiting for ");
    waits && (content.ends_with("...") || content.ends_with('…')) || is_meter(content)
}

/// Curl's meter: columns of numbers with times like `--:--:--` among them, and its heading.
pub(super) fn is_meter(content: &str) -> bool {
    if content.starts_with("% Total") || content.starts_with("Dload  Upload") {
        return true;
    }
    let mut words = content.split_whitespace();
    let starts = words.next().is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit()));
    let timed = |w: &str| {
        w.len() >= 7
            && w.bytes().filter(|&b| b == b':').count() == 2
            && w.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'-'))
    };
    starts && words.clone().take(16).filter(|w| timed(w)).count() >= 3 && words.count() == 11
}

/// What kubectl says on standard error beside its answer: it may come and go with versions.
pub(super) fn is_benign(content: &str) -> bool {
    content.starts_with("Warning: ")
        || content.starts_with("Defaulted container ")
        || content.starts_with("Unable to use a TTY")
        || content.starts_with("Flag --") && content.contains("deprecated")
        || content.starts_with("# Warning: ")
        || content.starts_with("WARNING: version difference between client ")
        || is_connecting(content)
}

/// What `curl -v` tells of how it connects, which depends on its version and on the addresses that a name has.
fn is_connecting(content: &str) -> bool {
    content.strip_prefix("* ").is_some_and(|note| {
        let note = note.trim_start();
        ["Trying ", "IPv4: ", "IPv6: ", "ipv4 connect timeout ", "ipv6 connect timeout "]
            .iter()
            .any(|s| note.starts_with(s))
            || note.starts_with("Host ") && note.ends_with(" was resolved.")
    })
}

/// Whether a line reports a failure of the tool itself.
pub(super) fn is_failure(content: &str) -> bool {
    const STARTS: [&str; 12] = [
        "error: ",
        "Error: ",
        "Error from server",
        "ERROR: ",
        "Unable to connect",
        "The connection to the server",
        "FATA[",
        "fatal: ",
        "An error occurred",
        "Unable to locate credentials",
        "panic: ",
        "aws: error",
    ];
    STARTS.iter().any(|start| content.starts_with(start)) || content.ends_with(": command not found")
}

/// A failure that goes away when the object comes.
pub(super) fn is_absence(content: &str) -> bool {
    content.starts_with("No resources found") || content.contains("(NotFound)") || content.ends_with(" not found")
}
