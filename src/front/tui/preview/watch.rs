//! Says that files have changed: by what the system tells, or where it tells nothing, by looking again and again.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use notify::{Config, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::front::tui::system;

/// How often files are looked at where nothing tells of their changes.
const OFTEN: Duration = Duration::from_secs(1);

/// An editor writes in several goes: what is on the disk counts once nothing has changed for so long.
const QUIET: Duration = Duration::from_millis(80);

/// But it is looked at after this at the latest.
const LATEST: Duration = Duration::from_millis(600);

/// A folder to watch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watched {
    /// The folder.
    pub path: PathBuf,
    /// Whether what is below its folders counts too.
    pub deep: bool,
}

/// Watches folders.
pub struct Watcher {
    how: How,
    watched: BTreeSet<Watched>,
    tell: UnboundedSender<Told>,
    told: UnboundedReceiver<Told>,
}

enum How {
    Told(RecommendedWatcher),
    Looking(PollWatcher),
    /// Not at all.
    Blind,
}

/// What a watcher says.
enum Told {
    Changed,
    Broken(String),
}

impl Watcher {
    /// A watcher of nothing yet, and what the person should know of it. `poll` looks again and again from the start.
    pub fn new(poll: bool) -> (Self, Option<String>) {
        let (tell, told) = unbounded_channel();
        let mut watcher = Self { how: How::Blind, watched: BTreeSet::new(), tell, told };
        if poll {
            let said = watcher.look_often().err().map(|error| format!("Changed files are not seen: {error}."));
            return (watcher, said);
        }
        let said = match RecommendedWatcher::new(teller(&watcher.tell), Config::default()) {
            Ok(native) => {
                watcher.how = How::Told(native);
                None
            }
            Err(error) => Some(watcher.fall_back(&format!("the system does not tell of changed files ({error})"))),
        };
        (watcher, said)
    }

    /// Watches these folders from now on; answers what the person should know.
    pub fn watch(&mut self, wanted: &[Watched]) -> Option<String> {
        let wanted: BTreeSet<Watched> = wanted.iter().filter(|of| of.path.is_dir()).cloned().collect();
        let mut said = None;
        if matches!(self.how, How::Told(_))
            && let Some(of) = wanted.iter().find(|of| system::is_remote(&of.path))
        {
            said = Some(self.fall_back(&format!("{} is on another machine's or system's disk", of.path.display())));
        }
        let gone: Vec<Watched> = self.watched.difference(&wanted).cloned().collect();
        for of in gone {
            drop(self.with(|watcher| watcher.unwatch(&of.path)));
            self.watched.remove(&of);
        }
        for of in wanted {
            if self.watched.contains(&of) {
                continue;
            }
            if let Err(error) = self.add(&of) {
                if matches!(self.how, How::Told(_)) {
                    said = Some(self.fall_back(&error.to_string()));
                    drop(self.add(&of));
                } else {
                    said = Some(format!("{}: changes are not seen: {error}", of.path.display()));
                }
            }
            self.watched.insert(of);
        }
        said
    }

    /// The next change; a message for the person if there is something to say.
    pub async fn next(&mut self) -> Option<String> {
        match self.told.recv().await {
            Some(Told::Changed) | None => None,
            Some(Told::Broken(error)) => matches!(self.how, How::Told(_)).then(|| self.fall_back(&error)),
        }
    }

    fn add(&mut self, of: &Watched) -> notify::Result<()> {
        let mode = if of.deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        self.with(|watcher| watcher.watch(&of.path, mode))
    }

    fn with(&mut self, act: impl FnOnce(&mut dyn notify::Watcher) -> notify::Result<()>) -> notify::Result<()> {
        match &mut self.how {
            How::Told(watcher) => act(watcher),
            How::Looking(watcher) => act(watcher),
            How::Blind => Ok(()),
        }
    }

    /// Looks again and again from now on; answers what the person should know.
    fn fall_back(&mut self, why: &str) -> String {
        match self.look_often() {
            Ok(()) => format!("Changed files are looked for every second: {why}."),
            Err(error) => format!("Changed files are not seen ({why}; {error}): quit and start again to see them."),
        }
    }

    fn look_often(&mut self) -> notify::Result<()> {
        // Times of change are compared by the second: what was saved twice in one would not be seen.
        let config = Config::default().with_poll_interval(OFTEN).with_compare_contents(true);
        self.how = How::Looking(PollWatcher::new(teller(&self.tell), config)?);
        for of in self.watched.clone() {
            drop(self.add(&of));
        }
        Ok(())
    }
}

/// Passes on what matters of what a watcher says.
fn teller(tell: &UnboundedSender<Told>) -> impl Fn(notify::Result<notify::Event>) + Send + 'static {
    let tell = tell.clone();
    move |event| {
        let told = match event {
            // Reading is no change.
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => return,
            Ok(_) => Told::Changed,
            // A file that is gone again while it is looked at has changed.
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound | notify::ErrorKind::Io(_)) => {
                Told::Changed
            }
            Err(error) => Told::Broken(error.to_string()),
        };
        drop(tell.send(told));
    }
}

/// When to look at files that are being changed.
#[derive(Debug, Default)]
pub struct Quiet {
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Quiet {
    /// Something has changed.
    pub fn changed(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    /// When to look.
    pub fn due(&self) -> Option<Instant> {
        Some((self.last? + QUIET).min(self.first? + LATEST))
    }

    /// They are looked at.
    pub fn looked(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_looked_at_when_they_have_come_to_rest() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut quiet = Quiet::default();
        assert_eq!(quiet.due(), None);
        quiet.changed(at(0));
        assert_eq!(quiet.due(), Some(at(80)));
        quiet.changed(at(50));
        assert_eq!(quiet.due(), Some(at(130)));
        for ms in (100..2000).step_by(50) {
            quiet.changed(at(ms));
        }
        assert_eq!(quiet.due(), Some(at(600)), "a file that is written all the time is looked at too");
        quiet.looked();
        assert_eq!(quiet.due(), None);
    }

    /// Both ways of watching see a change, and a new file below.
    #[tokio::test]
    async fn changes_are_seen() {
        for poll in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("below")).unwrap();
            let (mut watcher, _) = Watcher::new(poll);
            assert_eq!(matches!(watcher.how, How::Looking(_)), poll);
            watcher.watch(&[Watched { path: folder.path().to_owned(), deep: true }]);
            // Again and again, so that no moment in which the watcher is not ready yet can be missed.
            let write = async {
                for number in 0.. {
                    std::fs::write(folder.path().join("below").join(number.to_string()), "x").unwrap();
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            };
            tokio::select! {
                said = watcher.next() => assert_eq!(said, None),
                () = write => {}
            }
        }
    }
}
