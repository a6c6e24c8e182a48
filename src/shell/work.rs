//! Whether any thread of a shell has something to do, as the kernel sees it.
//!
//! Commands say when they wait, but between them brush itself works: it starts the next stage of a pipeline while the
//! first one waits already. On a machine with much else to do that takes long enough for session time to go far ahead. A
//! thread that was woken is runnable from that moment on, however late it gets to run: so this is asked before time goes
//! fast.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Whether a thread of this process with that name runs or could run. False where the kernel does not tell.
pub(super) fn is_going_on(name: &str) -> bool {
    // Threads are looked at one after the other, and may hand work on meanwhile. If none has run between two looks at it,
    // there was a moment, between the two passes, at which all of them waited.
    match (look(name), look(name)) {
        (Some(before), Some(after)) => before != after,
        _ => true,
    }
}

/// The processor time that each thread of that name has had; none when one of them runs or could run.
fn look(name: &str) -> Option<BTreeMap<OsString, String>> {
    let mut times = BTreeMap::new();
    for thread in std::fs::read_dir("/proc/self/task").into_iter().flatten().filter_map(Result::ok) {
        let path = thread.path();
        let Ok(stat) = std::fs::read_to_string(path.join("stat")) else { continue };
        match is_runnable(&stat, name) {
            None => {}
            Some(true) => return None,
            Some(false) => {
                let time = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
                times.insert(thread.file_name(), time);
            }
        }
    }
    Some(times)
}

/// The second field of `stat` is the name in parentheses, the third the state (proc_pid_stat(5)).
/// None for a thread of another name.
fn is_runnable(stat: &str, name: &str) -> Option<bool> {
    let (start, rest) = stat.rsplit_once(')')?;
    let (_, found) = start.split_once('(')?;
    (found == name).then(|| rest.trim_start().starts_with(['R', 'D']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read_behind_the_name() {
        assert_eq!(is_runnable("12 (shell-1) R 1 2", "shell-1"), Some(true));
        assert_eq!(is_runnable("12 (shell-1) S 1 2", "shell-1"), Some(false));
        assert_eq!(is_runnable("12 (shell-11) R 1 2", "shell-1"), None);
        assert_eq!(is_runnable("12 (a) R) R 1", "a) R"), Some(true));
    }

    #[test]
    fn a_thread_that_spins_is_at_work_and_one_that_waits_is_not() {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let spinning = std::thread::Builder::new()
            .name("spins".into())
            .spawn(move || while stopped.try_recv().is_err() {})
            .unwrap();
        let (wake, waits) = std::sync::mpsc::channel::<()>();
        let waiting = std::thread::Builder::new().name("waits".into()).spawn(move || waits.recv()).unwrap();
        while !is_going_on("spins") || is_going_on("waits") {
            std::thread::yield_now();
        }
        stop.send(()).unwrap();
        wake.send(()).unwrap();
        spinning.join().unwrap();
        waiting.join().unwrap().unwrap();
        assert!(!is_going_on("spins"));
    }
}
