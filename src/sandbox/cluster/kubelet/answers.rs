//! What a node answers for a container: its log, and commands run in it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::super::controllers::control::Control;
use super::super::object::{self, resources};
use super::super::seed::fits_pattern;
use super::inside::{Inside, Lacking};
use super::runtime::{ContainerRuntime, End, PodRuntime, Run, Stage};
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
    play::all_containers(pod).find(|container| object::text(container, "/name") == name)
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
    // What a command printed is there as soon as it runs.
    let told = run.end.as_ref().or(run.planned.as_ref());
    if let (Some(words), Some(end)) = (&run.last_words, told) {
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

/// Attaches to a container: what it has printed by now, and what a shell that waits there for its standard input says to `input`. The
/// shell ends with it.
///
/// # Errors
/// The kubelet's words when the container does not run.
pub fn attach(
    control: &Control,
    nodes: &mut Nodes,
    pod: &Value,
    name: &str,
    input: Option<&str>,
) -> Result<Answer, String> {
    let uid = object::uid(pod);
    let runtime = nodes.pod(uid).cloned();
    let own = runtime.as_ref().and_then(|runtime| runtime.containers.get(name));
    let (Some(Stage::Running(run)), Some(container)) = (own.map(|own| &own.stage), container(pod, name)) else {
        return Err(format!("container {name} not found in pod {}_{}", object::name(pod), object::namespace(pod)));
    };
    let (printed, _) = lines(control, pod, name, run, control.now);
    let mut answer =
        Answer { stdout: printed.iter().map(|(_, line)| format!("{line}\n")).collect(), ..Answer::default() };
    if let Some(planned) = &run.planned {
        answer.took = planned.at.duration_since(control.now).unsigned_abs();
        return Ok(answer);
    }
    // Only a container that was given no command waits for one: a shell.
    let commands = ["command", "args"].into_iter().flat_map(|field| container[field].as_array().into_iter().flatten());
    let is_shell = commands.clone().count() < 2 && commands.clone().all(|word| word == "sh" || word == "bash");
    let Some(input) = input.filter(|_| container["stdin"] == true && is_shell) else { return Ok(answer) };
    let row = behaviour(control, pod, container);
    let mut inside = Inside { control, pod, container, run, row, disks: &mut nodes.disks, input: &[] };
    let script = ["sh".to_owned(), "-c".to_owned(), input.to_owned()];
    let said = match inside.execute(&script) {
        Ok(said) => said,
        Err(Lacking::Program | Lacking::Unplayed(_)) => {
            let stderr = format!("the sandbox's containers cannot do this: {}\n", input.trim_end());
            Answer { stderr, code: 1, ..Answer::default() }
        }
    };
    let mut ended = run.clone();
    ended.last_words = Some(format!("{}{}", said.stdout, said.stderr));
    ended.planned = Some(End { at: control.now, code: i64::from(said.code) });
    nodes.change_run(uid, name, ended);
    // The Pod's status tells everybody else.
    nodes.sync(control, pod);
    answer.stdout.push_str(&said.stdout);
    Ok(Answer { stdout: answer.stdout, ..said })
}

/// Runs a command in a container; `input` is what it reads.
///
/// # Errors
/// The kubelet's words when the container does not run or has no such program.
pub fn exec(
    control: &Control,
    nodes: &mut Nodes,
    pod: &Value,
    name: &str,
    command: &[String],
    input: &[u8],
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
    let mut inside = Inside { control, pod, container, run, row, disks: &mut nodes.disks, input };
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
