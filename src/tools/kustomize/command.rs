//! `kustomize build`.

use crate::tools::{Invocation, Status, Streams};

const HELP: &str = "Builds a set of objects from the kustomization in a folder.\n\nUsage:\n  kustomize build [DIR]\n";

/// Prints the objects of a kustomization; the folder is the working directory where none is given.
pub fn kustomize(call: &Invocation, streams: &mut Streams<'_>) -> Status {
    let mut words = call.args.iter().map(String::as_str);
    let folder = match (words.next(), words.next(), words.next()) {
        (None | Some("help" | "-h" | "--help"), ..) | (Some("build"), Some("-h" | "--help"), _) => {
            let _ = streams.stdout.write_all(HELP.as_bytes());
            return 0;
        }
        (Some("build"), folder, None) => folder.unwrap_or("."),
        (Some("build"), ..) => return fail(streams, "specify one path to kustomization.yaml"),
        (Some(other), ..) => return fail(streams, &format!("unknown command \"{other}\" for \"kustomize\"")),
    };
    if folder.starts_with('-') {
        return fail(streams, &format!("unknown flag: {folder}"));
    }
    let mut warnings = Vec::new();
    let built = super::build_with_warnings(&call.files, folder, &mut warnings);
    for warning in warnings {
        let _ = writeln!(streams.stderr, "{warning}");
    }
    match built {
        Ok(resources) => match streams.stdout.write_all(super::render(&resources).as_bytes()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => 141,
            Err(_) => 1,
            Ok(()) => 0,
        },
        Err(error) => fail(streams, &error.to_string()),
    }
}

fn fail(streams: &mut Streams<'_>, why: &str) -> Status {
    let _ = writeln!(streams.stderr, "Error: {}", why.trim_end_matches('\n'));
    1
}
