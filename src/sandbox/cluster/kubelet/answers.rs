//! What a node answers for a container: its log, and commands run in it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::super::controllers::control::Control;
use super::super::object::{self, resources};
use super::super::seed::fits_pattern;
use super::inside::{Inside, Lacking};
use super::runtime::{ContainerRuntime, PodRuntime, Run, Stage};
use super::{Nodes, behaviour, conditions, play};

/// What a command in a container did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
    /// Its exit status.
    pub code: i32,
    /// How long it took.
    pub took: Duration,
}

fn container<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    play::containers(pod, "containers")
        .chain(play::containers(pod, "initContainers"))
        .find(|container| object::text(container, "/name") == name)
}

/// The run whose log was asked for: the present or latest one, or the one before.
///
/// # Errors
/// The kubelet's words when there is none.
pub fn logged_run<'a>(
    pod: &Value,
    runtime: Option<&'a PodRuntime>,
    name: &str,
    previous: bool,
) -> Result<&'a Run, String> {
    let own: Option<&ContainerRuntime> = runtime.and_then(|runtime| runtime.containers.get(name));
    if previous {
        // While a container waits to start again, the run that ended is the previous one.
        let ended = own.and_then(|own| match &own.stage {
            Stage::Ended { run, waiting: Some(_), .. } => Some(run),
            _ => own.last.as_ref(),
        });
        return ended.ok_or_else(|| {
            format!("previous terminated container \"{name}\" in pod \"{}\" not found", object::name(pod))
        });
    }
    if let Some(run) = own.and_then(|own| own.run().or(own.last.as_ref())) {
        return Ok(run);
    }
    let why = match own.map(|own| &own.stage) {
        Some(Stage::PullFailed { .. }) => "trying and failing to pull image",
        Some(Stage::ConfigError(_)) => "CreateContainerConfigError",
        _ if !object::list(pod, "/spec/initContainers").is_empty() => "PodInitializing",
        _ => "ContainerCreating",
    };
    Err(format!("container \"{name}\" in pod \"{}\" is waiting to start: {why}", object::name(pod)))
}

/// What a run has printed by now, line by line, and whether more may come.
pub fn lines(
    control: &Control,
    pod: &Value,
    name: &str,
    run: &Run,
    now: Timestamp,
) -> (Vec<(Timestamp, String)>, bool) {
    let Some(container) = container(pod, name) else { return (Vec::new(), false) };
    let until = run.end.as_ref().map_or(now, |end| end.at.min(now));
    let mut printed: Vec<(Timestamp, String)> = Vec::new();
    for line in behaviour(control, pod, container).map_or(&[][..], |row| row.logs.as_slice()) {
        let at = object::after(run.started, line.after.0);
        if at <= until {
            let text = conditions::fill(control, pod, container, &line.text, &run.environment, "", at);
            printed.extend(text.lines().map(|line| (at, line.to_owned())));
        }
    }
    if let (Some(words), Some(end)) = (&run.last_words, &run.end) {
        printed.extend(words.lines().map(|line| (end.at, line.to_owned())));
    }
    printed.sort_by_key(|(at, _)| *at);
    (printed, run.end.is_none())
}

/// When a run prints next after `now`.
pub fn next_line(control: &Control, pod: &Value, name: &str, run: &Run, now: Timestamp) -> Option<Timestamp> {
    let container = container(pod, name)?;
    let rows = behaviour(control, pod, container).map_or(&[][..], |row| row.logs.as_slice());
    rows.iter().map(|line| object::after(run.started, line.after.0)).filter(|at| *at > now).min()
}

/// For how long after its start a container is waited for to print what it has to say.
const TALKATIVE: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// Whether a container is about to print something more of what it prints as it starts.
pub fn is_talking(control: &Control, nodes: &Nodes, now: Timestamp) -> bool {
    control.store.list(&resources::PODS, None).iter().any(|pod| {
        let containers = nodes.pod(object::uid(pod)).map(|runtime| &runtime.containers);
        containers.into_iter().flatten().any(|(name, own)| match &own.stage {
            Stage::Running(run) if now.duration_since(run.started) < TALKATIVE => {
                next_line(control, pod, name, run, now).is_some_and(|at| at.duration_since(run.started) < TALKATIVE)
            }
            _ => false,
        })
    })
}

/// Runs a command in a container.
///
/// # Errors
/// The kubelet's words when the container does not run or has no such program.
pub fn exec(
    control: &Control,
    nodes: &mut Nodes,
    pod: &Value,
    name: &str,
    command: &[String],
) -> Result<Answer, String> {
    let runtime = nodes.pod(object::uid(pod)).cloned();
    let own = runtime.as_ref().and_then(|runtime| runtime.containers.get(name));
    let (Some(Stage::Running(run)), Some(container)) = (own.map(|own| &own.stage), container(pod, name)) else {
        return Err(format!("container not found (\"{name}\")"));
    };
    let joined = command.join(" ");
    let fill = |text: &Option<super::super::seed::Text>| {
        text.as_ref().map_or(String::new(), |text| {
            conditions::fill(control, pod, container, text, &run.environment, "", control.now)
        })
    };
    let row = behaviour(control, pod, container);
    let rows = row.map_or(&[][..], |row| row.exec.as_slice());
    if let Some(row) = rows.iter().find(|row| fits_pattern(&row.command, &joined)) {
        let code = i32::try_from(row.code).unwrap_or(1);
        return Ok(Answer { stdout: fill(&row.stdout), stderr: fill(&row.stderr), code, ..Answer::default() });
    }
    let mut inside = Inside { control, pod, container, run, row, disks: &mut nodes.disks };
    inside.execute(command).map_err(|lacking| match lacking {
        Lacking::Program => {
            let program = command.first().map(String::as_str).unwrap_or_default();
            format!(
                "Internal error occurred: error executing command in container: failed to exec in container: failed to \
                 start exec \"{}\": OCI runtime exec failed: exec failed: unable to start container process: exec: \
                 \"{program}\": executable file not found in $PATH",
                object::digest(&[&run.id, &joined])
            )
        }
        Lacking::Unplayed(text) => format!("the sandbox's containers cannot do this: {text}"),
    })
}
