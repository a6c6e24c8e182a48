//! Opens a session: target, shell, folders, saved state.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::directives;
use super::driver::{Session, SessionError, root_of};
use super::machine::{Machine, Rules, first_change};
use super::saver::Saver;
use super::state::{self, Moment, StateFolder};
use crate::clock::Clock;
use crate::compare::{self, Known};
use crate::files::Below;
use crate::lesson::{Course, CourseConfig, LessonError, is_folder};
use crate::sandbox::{Sandbox, Scenario};
use crate::shell::{self, Confinement, Limits, Mapped, Shell, ShellConfig};
use crate::target::{Effects, Identity, Kind, Programs, Target};
use crate::tools;

/// What a session is to be.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The course.
    pub course: Arc<Course>,
    /// The page or folder that the person named.
    pub named: PathBuf,
    /// Where calls go.
    pub kind: Kind,
    /// A bundled scenario's name or a folder, if the person named one.
    pub scenario: Option<String>,
    /// Folders that the lesson sees: where it sees them, and where they are.
    pub maps: Vec<(String, PathBuf)>,
    /// How many times faster than real time waiting goes. Live targets are always real time.
    pub speed: f64,
    /// Leave the waits behind steps out.
    pub no_wait: bool,
    /// The programs of this machine that lessons may start.
    pub programs: Programs,
    /// How the machine is to go, where that is not as the pages say.
    pub how: How,
    /// Whether to save the state and go on from it, or to leave nothing behind.
    pub keep: bool,
    /// Only look at what is there, change nothing.
    pub look: Option<Look>,
}

/// How a target is only looked at.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Where commands claim what they would change.
    pub effects: Effects,
    /// The folder of somebody's saved session, whose sandbox is looked at; by default the person's own of the course.
    pub state: Option<PathBuf>,
}

/// What a grader or an author wants otherwise than the pages say it.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// Every step is open from the start.
    pub unlocked: bool,
    /// What the commands of a step may take together.
    pub timeout: Option<Duration>,
    /// What one call of a hook may take.
    pub hook_timeout: Option<Duration>,
}

/// A session whose time is known: its clock must exist before the runtime that it runs on.
pub struct Prepared {
    setup: Setup,
    compare: compare::Rules,
    mapped: Vec<Mapped>,
    scenario: Scenario,
    clock: Clock,
    state: Option<StateFolder>,
    moment: Option<Moment>,
    notices: Vec<String>,
    /// Who calls in a live session, asked once.
    live: Option<Identity>,
    /// Why nothing may be changed, if so.
    read_only: Option<String>,
}

impl Setup {
    /// Reads what was saved and what the course says of itself.
    ///
    /// # Errors
    /// When the course's configuration or the scenario is wrong, or another lectern has the course open.
    pub fn prepare(self) -> Result<Prepared, SessionError> {
        let config = CourseConfig::of(&self.named)?.unwrap_or_default();
        let compare = directives::of_course(&config)?;
        let name = self.scenario.clone().or_else(|| config.scenario.clone());
        let scenario = start_of(self.scenario.as_deref(), &config)?;
        // Before anything is started or shown: whoever is refused is told at once.
        let mapped = mapped(&self.named, &self.maps, &config)?;
        let mut notices = Vec::new();
        let live = match self.kind {
            Kind::Sandbox => None,
            Kind::Live => Some(caller(&self.programs, &mut notices)?),
        };
        let mut state = None;
        let mut moment = None;
        let io = |source| SessionError::Folder { path: self.named.clone(), source };
        let of_target = match &live {
            None => format!("sandbox {}", name.as_deref().unwrap_or("default")),
            Some(Identity { account, cluster, .. }) => format!("live {account:?} {cluster:?}"),
        };
        if let Some(look) = self.look.as_ref().filter(|_| live.is_none()) {
            let folder = match &look.state {
                Some(folder) => folder.clone(),
                None => state::folder_of(&self.named.canonicalize().map_err(io)?, &of_target),
            };
            moment = Some(state::look(&folder)?);
        } else if self.keep {
            let folder = StateFolder::open(&self.named.canonicalize().map_err(io)?, &of_target)?;
            let (latest, complaint) = folder.latest();
            notices.extend(complaint);
            moment = match latest {
                Some(latest) => still_valid(&self.course, &folder, latest, &mut notices),
                None => None,
            };
            if moment.is_none() {
                folder.clear()?;
            }
            state = Some(folder);
        }
        let clock = match &moment {
            _ if live.is_some() => Clock::real(),
            Some(moment) => Clock::starting_at(self.speed, moment.epoch, moment.elapsed),
            None => Clock::accelerated(self.speed),
        };
        Ok(Prepared { setup: self, compare, mapped, scenario, clock, state, moment, notices, live, read_only: None })
    }
}

/// The state that still holds for the course as it is now: the saved one, or the one before the first step that changed.
fn still_valid(course: &Course, folder: &StateFolder, latest: Moment, notices: &mut Vec<String>) -> Option<Moment> {
    let Some((id, page)) = first_change(course, &latest.progress) else { return Some(latest) };
    let line = course.step(id).map_or(0, |step| step.span.line);
    let before = folder.before(id);
    notices.push(match before {
        Some(_) => format!("{page} has changed: what was done from the step in line {line} on has been undone."),
        None => format!("{page} has changed: the session begins anew."),
    });
    before
}

impl Prepared {
    /// The session's clock, for its runtime.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Who calls, and where, in a live session.
    pub fn live(&self) -> Option<&Identity> {
        self.live.as_ref()
    }

    /// Lets nothing be changed; `why` is what a step is told whose call is stopped.
    pub fn forbid_changes(&mut self, why: impl Into<String>) {
        self.read_only = Some(why.into());
    }

    /// Starts the target and the shell, on the session's runtime.
    ///
    /// # Errors
    /// When one of them cannot be started.
    pub async fn open(self) -> Result<Session, SessionError> {
        let Self { setup, compare, mapped, scenario, clock, state, moment, mut notices, live, read_only } = self;
        let temporary = match &state {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix("lectern-")
                    .tempdir()
                    .map_err(|source| SessionError::Folder { path: std::env::temp_dir(), source })?,
            ),
        };
        let work = match (&state, &temporary) {
            (Some(state), _) => state.work(),
            (None, Some(temporary)) => temporary.path().to_owned(),
            (None, None) => std::env::temp_dir(),
        };
        let work = work.canonicalize().map_err(|source| SessionError::Folder { path: work.clone(), source })?;
        let target = match live {
            Some(identity) => Target::live(clock.clone(), setup.programs.clone()).await?.known_as(identity),
            None => {
                let sandbox = Sandbox::start(&scenario, &clock).await?;
                if let Some(held) = moment.as_ref().and_then(|moment| moment.sandbox.as_ref()) {
                    sandbox.restore(held).await?;
                }
                Target::sandbox(sandbox, clock.clone())
            }
        };
        if let Some(why) = read_only {
            target.calls().forbid_changes(why);
        }
        // Of somebody's session that is only looked at, its sandbox alone counts.
        let (target, moment) = match &setup.look {
            Some(look) => (target.only_looked_at(look.effects.clone(), "here is only looked at what is there"), None),
            None => (target, moment),
        };
        let target = Arc::new(target.allowing(setup.programs.clone()));
        let environment = target.environment();
        if let Some(moment) = &moment {
            moment.work.write(&work).map_err(|source| SessionError::Folder { path: work.clone(), source })?;
        }
        let root = root_of(&setup.course);
        let readable = root.canonicalize().map_err(|source| SessionError::Folder { path: root.to_owned(), source })?;
        let shell = Shell::start(ShellConfig {
            home: None,
            mapped,
            readable: vec![readable],
            work: work.clone(),
            env: environment,
            limits: Limits::default(),
            clock: clock.clone(),
            target: Arc::clone(&target),
        })
        .await?;
        if let Some(moment) = &moment {
            shell.restore(&moment.shell).await?;
        }
        if let Confinement::NoLandlock(why) = shell.confinement() {
            notices.push(format!(
                "The kernel does not confine the lesson's file access ({why}): run only lessons that you trust."
            ));
        }
        let How { unlocked, timeout, hook_timeout } = setup.how;
        let (no_wait, live) = (setup.no_wait, setup.kind == Kind::Live);
        let rules = Rules { only_look: setup.look.is_some(), no_wait, live, unlocked, timeout, hook_timeout, compare };
        let machine = match &moment {
            Some(moment) => Machine::resume(Arc::clone(&setup.course), rules, &moment.progress),
            None => Machine::new(Arc::clone(&setup.course), rules),
        };
        Ok(Session {
            course: setup.course,
            saver: state.map(|folder| Saver::new(folder, &machine)),
            machine,
            shell: Arc::new(shell),
            target,
            clock,
            work,
            notices,
            before: BTreeMap::new(),
            _temporary: temporary,
        })
    }
}

/// Asks who calls on a live target. A lesson may need the cluster alone, so that an account that nobody knows is told, and
/// is an error only where there is no cluster either.
fn caller(programs: &Programs, notices: &mut Vec<String>) -> Result<Identity, SessionError> {
    let io = |source| SessionError::Folder { path: PathBuf::from("."), source };
    let clock = Clock::real();
    let runtime = crate::clock::session_runtime(&clock).map_err(io)?;
    runtime.block_on(async {
        let target = Target::live(clock.clone(), programs.clone()).await?;
        match target.identify().await {
            Ok(identity) => Ok(identity),
            Err(error) if target.identity().cluster.is_some() => {
                notices.push(format!("Calls of AWS will fail: {error}."));
                Ok(target.identity())
            }
            Err(error) => Err(error.into()),
        }
    })
}

/// A scenario by its name or folder; the default one if none is named.
///
/// # Errors
/// When there is none of that name, or its files are wrong.
pub fn scenario(name: Option<&str>) -> Result<Scenario, crate::sandbox::SandboxError> {
    match name {
        Some(name) if is_folder(name) => Scenario::load(Path::new(name)),
        Some(name) => Scenario::bundled(name),
        None => Scenario::default_bundled(),
    }
}

/// What a sandbox of a course starts with: the scenario that the person named, or the course's own.
///
/// # Errors
/// When there is none of that name, its files are wrong, or a folder that the course names leads out of it.
pub fn start_of(named: Option<&str>, config: &CourseConfig) -> Result<Scenario, SessionError> {
    if named.is_some() {
        return Ok(scenario(named)?);
    }
    match config.open_scenario()? {
        Some((root, folder)) => Ok(Scenario::of_course(root, &folder)?),
        None => Ok(scenario(config.scenario.as_deref())?),
    }
}

/// The files that the lessons of a page or folder see, with `home` as their home folder and working directory: what a session
/// would map is mapped.
///
/// # Errors
/// When one of the folders cannot be opened.
pub fn lesson_files(
    named: &Path,
    maps: &[(String, PathBuf)],
    config: &CourseConfig,
    home: &Path,
) -> Result<tools::Files, SessionError> {
    Ok(shell::files(home, home, &[], &mapped(named, maps, config)?)?)
}

/// The folders that a lesson sees in its work folder. What the person maps may be anywhere; what the course maps is in the
/// course, and the person's own counts more.
fn mapped(named: &Path, maps: &[(String, PathBuf)], config: &CourseConfig) -> Result<Vec<Mapped>, SessionError> {
    let inside = |path: &str| PathBuf::from(path.trim_start_matches("~/").trim_matches('/'));
    let mut mapped: Vec<Mapped> = maps.iter().map(|(at, folder)| Mapped::named(inside(at), folder)).collect();
    for at in config.map.keys() {
        if !mapped.iter().any(|one| one.at == inside(at)) {
            mapped.push(Mapped::of_course(inside(at), config.open_mapped(at)?));
        }
    }
    if mapped.is_empty()
        && let Some(folder) = manifests_beside(named)?
    {
        mapped.push(Mapped::of_course("environment/eks-workshop", folder));
    }
    Ok(mapped)
}

/// The `manifests` folder beside the nearest `website` above a page: where the workshop keeps what its lessons apply. It is a
/// folder of the course and no link to another one.
fn manifests_beside(page: &Path) -> Result<Option<Below>, SessionError> {
    let Ok(page) = page.canonicalize() else { return Ok(None) };
    let websites = page.ancestors().filter(|folder| folder.file_name().is_some_and(|name| name == "website"));
    let Some(course) = websites.filter_map(Path::parent).find(|course| course.join(MANIFESTS).is_dir()) else {
        return Ok(None);
    };
    let manifests = course.join(MANIFESTS);
    let io = |source| SessionError::Folder { path: manifests.clone(), source };
    match Below::open(course).map_err(io)?.own_folder(MANIFESTS) {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            let real = manifests.canonicalize().map_err(io)?;
            let message = format!("this folder is a link, which leads to {}", real.display());
            let help = format!(
                "a course can show lessons only what is in its own folder; if you want this, say so yourself: --map '~/environment/eks-workshop={}'",
                real.display()
            );
            Err(LessonError::at(&manifests, 1, 1, message, help).into())
        }
        Err(error) => Err(io(error)),
    }
}

/// The name of the folder.
const MANIFESTS: &str = "manifests";

/// What the comparison may take as known.
pub(super) fn known(environment: &BTreeMap<String, String>) -> Known {
    const KNOWN: [&str; 4] = ["AWS_ACCOUNT_ID", "AWS_REGION", "EKS_CLUSTER_NAME", "EKS_CLUSTER_AUTO_NAME"];
    Known(KNOWN.iter().filter_map(|name| Some(((*name).to_owned(), environment.get(*name)?.clone()))).collect())
}
