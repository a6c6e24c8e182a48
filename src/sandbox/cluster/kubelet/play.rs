//! The life of a Pod's containers, moment by moment.

use std::time::Duration;

use serde_json::Value;

use super::super::controllers::control::Control;
use super::super::object::{self, resources};
use super::conditions::Scene;
use super::inside::{Inside, Lacking};
use super::runtime::{ContainerRuntime, End, PodRuntime, Run, Stage};
use super::{COMPONENT, KIND, Nodes, behaviour, environment, images, probes};

/// How long the network of a Pod takes.
const NETWORK: Duration = Duration::from_secs(1);
/// How long a container takes to be made.
const CREATE: Duration = Duration::from_millis(500);
/// How long an image takes that the scenario says nothing of.
const PULL: Duration = Duration::from_secs(2);
/// How long it takes to see that a present image is the newest.
const CHECK: Duration = Duration::from_millis(400);
/// How long a container takes to stop that the scenario says nothing of.
const STOP: Duration = Duration::from_secs(1);
/// How long the kubelet shows an end before it says that it waits.
const NOTICE: Duration = Duration::from_secs(1);
/// Crash and pull waits double up to this many seconds.
const LONGEST_WAIT: u64 = 300;
/// A container that ran this long starts anew with the shortest wait.
const FORGIVEN: i64 = 600;

/// The lists of a Pod's containers.
pub(super) const MAIN: &str = "containers";
pub(super) const INIT: &str = "initContainers";
pub(super) const EPHEMERAL: &str = "ephemeralContainers";

/// A Pod's containers of a list.
pub(super) fn containers<'a>(pod: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    pod["spec"][field].as_array().into_iter().flatten()
}

/// All of a Pod's containers.
pub(super) fn all_containers(pod: &Value) -> impl Iterator<Item = &Value> {
    [MAIN, INIT, EPHEMERAL].into_iter().flat_map(|list| containers(pod, list))
}

/// Brings a Pod to the present. Answers whether it has ended for good and is to go.
pub(super) fn advance(nodes: &mut Nodes, control: &Control, pod: &Value, runtime: &mut PodRuntime) -> bool {
    if object::is_deleting(pod) {
        return stop(control, pod, runtime);
    }
    runtime.missing = missing_volume(control, pod);
    if let Some(message) = &runtime.missing {
        control.warning(COMPONENT, pod, KIND, "FailedMount", message);
        return false;
    }
    let network_at = *runtime.network_at.get_or_insert_with(|| object::after(control.now, NETWORK));
    if control.now < network_at {
        return false;
    }
    if runtime.ip.is_empty() {
        runtime.ip = if pod["spec"]["hostNetwork"] == true {
            super::node_address(control, object::text(pod, "/spec/nodeName")).unwrap_or_default()
        } else {
            nodes.address(control, object::text(pod, "/spec/nodeName"), object::uid(pod))
        };
    }
    // They wait for no other container.
    for container in containers(pod, EPHEMERAL) {
        one(nodes, control, pod, runtime, (EPHEMERAL, container));
    }
    for container in containers(pod, INIT) {
        let own = one(nodes, control, pod, runtime, (INIT, container));
        let passed = match &own.stage {
            Stage::Ended { run, .. } => run.end.as_ref().is_some_and(|end| end.code == 0),
            Stage::Running(_) => container["restartPolicy"] == "Always",
            _ => false,
        };
        if !passed {
            return false;
        }
    }
    for container in containers(pod, MAIN) {
        one(nodes, control, pod, runtime, (MAIN, container));
    }
    false
}

/// Brings one container of a list to the present.
fn one<'r>(
    nodes: &mut Nodes,
    control: &Control,
    pod: &Value,
    runtime: &'r mut PodRuntime,
    (list, container): (&'static str, &Value),
) -> &'r ContainerRuntime {
    let name = object::text(container, "/name");
    let mut own = runtime.containers.remove(name).unwrap_or_default();
    Player { nodes, control, pod, container, list, ip: &runtime.ip }.play(&mut own);
    runtime.containers.entry(name.to_owned()).or_insert(own)
}

/// Asks the containers to stop, and ends them when their time has come.
fn stop(control: &Control, pod: &Value, runtime: &mut PodRuntime) -> bool {
    let now = control.now;
    let at = match runtime.stop_at {
        Some(at) => at,
        None => {
            let grace = object::number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(30);
            let grace = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
            let mut longest = Duration::ZERO;
            for container in all_containers(pod) {
                let name = object::text(container, "/name");
                if matches!(runtime.containers.get(name).map(|own| &own.stage), Some(Stage::Running(_))) {
                    let field = format!("spec.containers{{{name}}}");
                    let message = format!("Stopping container {name}");
                    control.record_event(COMPONENT, pod, KIND, "Normal", "Killing", &message, &field);
                    let takes = behaviour(control, pod, container).and_then(|row| row.stop).map_or(STOP, |stop| stop.0);
                    longest = longest.max(takes);
                }
            }
            object::after(now, longest.min(grace))
        }
    };
    runtime.stop_at = Some(at);
    if now < at {
        return false;
    }
    for container in all_containers(pod) {
        if let Some(own) = runtime.containers.get_mut(object::text(container, "/name"))
            && let Stage::Running(run) = &own.stage
        {
            let mut run = run.clone();
            let code = behaviour(control, pod, container).map_or(0, |row| row.stop_code);
            run.end = Some(End { at: now, code });
            own.stage = Stage::Ended { run, restart_at: None, wait_from: None, waiting: None };
        }
    }
    true
}

/// The kubelet's message for the first volume whose source is not there.
fn missing_volume(control: &Control, pod: &Value) -> Option<String> {
    let namespace = object::namespace(pod);
    let missing = |name: &str, source: &Value, is_secret: bool, optional: bool| {
        let (resource, word) =
            if is_secret { (resources::SECRETS, "secret") } else { (resources::CONFIG_MAPS, "configmap") };
        let of = if is_secret { object::text(source, "/secretName") } else { object::text(source, "/name") };
        let of = if of.is_empty() { object::text(source, "/name") } else { of };
        (!optional && control.get(&resource, namespace, of).is_none())
            .then(|| format!("MountVolume.SetUp failed for volume \"{name}\" : {word} \"{of}\" not found"))
    };
    containers_volumes(pod).find_map(|volume| {
        let name = object::text(volume, "/name");
        let check = |source: &Value| {
            [("configMap", false), ("secret", true)].into_iter().find_map(|(field, is_secret)| {
                let inner = source.get(field).filter(|inner| !inner.is_null())?;
                missing(name, inner, is_secret, inner["optional"] == true)
            })
        };
        check(volume).or_else(|| object::list(volume, "/projected/sources").iter().find_map(check))
    })
}

fn containers_volumes(pod: &Value) -> impl Iterator<Item = &Value> {
    pod["spec"]["volumes"].as_array().into_iter().flatten()
}

/// One container at one moment.
struct Player<'a> {
    nodes: &'a mut Nodes,
    control: &'a Control,
    pod: &'a Value,
    container: &'a Value,
    list: &'static str,
    ip: &'a str,
}

impl Player<'_> {
    fn name(&self) -> &str {
        object::text(self.container, "/name")
    }

    fn image(&self) -> &str {
        object::text(self.container, "/image")
    }

    fn field(&self) -> String {
        format!("spec.{}{{{}}}", self.list, self.name())
    }

    fn event(&self, severity: &str, reason: &str, message: &str) {
        self.control.record_event(COMPONENT, self.pod, KIND, severity, reason, message, &self.field());
    }

    /// Goes from stage to stage as long as something is due.
    fn play(&mut self, own: &mut ContainerRuntime) {
        while self.step(own) {}
    }

    fn step(&mut self, own: &mut ContainerRuntime) -> bool {
        let now = self.control.now;
        match std::mem::take(&mut own.stage) {
            Stage::Waiting => {
                self.fetch(own);
                true
            }
            Stage::Pulling { since, until } => {
                if now < until {
                    own.stage = Stage::Pulling { since, until };
                    return false;
                }
                self.fetched(own, until.duration_since(since).unsigned_abs());
                true
            }
            Stage::PullFailed { message, wait_from, until, waiting } => {
                if now >= until {
                    self.pull(own);
                    return true;
                }
                let says = now >= wait_from;
                if says && !waiting {
                    let image = self.image();
                    self.event("Normal", "BackOff", &format!("Back-off pulling image \"{image}\""));
                    self.event("Warning", "Failed", "Error: ImagePullBackOff");
                }
                own.stage = Stage::PullFailed { message, wait_from, until, waiting: waiting || says };
                false
            }
            Stage::Creating { until } => {
                if now < until {
                    own.stage = Stage::Creating { until };
                    return false;
                }
                self.start(own);
                true
            }
            Stage::ConfigError(message) => {
                match environment::resolve(self.control, self.pod, self.container, self.ip) {
                    Ok(_) => {
                        own.stage = Stage::Waiting;
                        true
                    }
                    Err(_) => {
                        own.stage = Stage::ConfigError(message);
                        false
                    }
                }
            }
            Stage::Running(run) => self.run(own, run),
            Stage::Ended { run, restart_at, wait_from, waiting } => {
                if restart_at.is_some_and(|at| now >= at) {
                    own.restarts += 1;
                    own.last = Some(run);
                    own.stage = Stage::Waiting;
                    return true;
                }
                let mut waiting = waiting;
                if waiting.is_none()
                    && let (Some(from), Some(until)) = (wait_from, restart_at)
                    && now >= from
                {
                    let ended = run.end.as_ref().map_or(from, |end| end.at);
                    waiting = Some(until.duration_since(ended).unsigned_abs().as_secs());
                    let message = format!(
                        "Back-off restarting failed container {} in pod {}_{}({})",
                        self.name(),
                        object::name(self.pod),
                        object::namespace(self.pod),
                        object::uid(self.pod)
                    );
                    self.event("Warning", "BackOff", &message);
                }
                own.stage = Stage::Ended { run, restart_at, wait_from, waiting };
                false
            }
        }
    }

    fn fetch(&mut self, own: &mut ContainerRuntime) {
        let image = self.image().to_owned();
        let place = (object::text(self.pod, "/spec/nodeName").to_owned(), image.clone());
        let policy = object::text(self.container, "/imagePullPolicy");
        let unavailable = behaviour(self.control, self.pod, self.container).is_some_and(|row| row.pull_error.is_some());
        let present = self.nodes.images.contains(&place) && !unavailable;
        if present && !images::always_pulled(policy, &image) {
            let mut message = format!("Container image \"{image}\" already present on machine");
            if self.control.seed.is_at_least(35) {
                message.push_str(" and can be accessed by the pod");
            }
            self.event("Normal", "Pulled", &message);
            own.has_image = true;
            own.stage = Stage::Creating { until: object::after(self.control.now, CREATE) };
        } else {
            self.pull(own);
        }
    }

    fn pull(&mut self, own: &mut ContainerRuntime) {
        let image = self.image();
        let place = (object::text(self.pod, "/spec/nodeName").to_owned(), image.to_owned());
        self.event("Normal", "Pulling", &format!("Pulling image \"{image}\""));
        let row = behaviour(self.control, self.pod, self.container);
        let takes = if self.nodes.images.contains(&place) {
            CHECK
        } else {
            row.and_then(|row| row.pull).map_or(PULL, |pull| pull.0)
        };
        let now = self.control.now;
        own.stage = Stage::Pulling { since: now, until: object::after(now, takes) };
    }

    fn fetched(&mut self, own: &mut ContainerRuntime, took: Duration) {
        let image = self.image().to_owned();
        let row = behaviour(self.control, self.pod, self.container);
        if let Some(error) = row.and_then(|row| row.pull_error.as_ref()) {
            let Self { control, pod, container, .. } = *self;
            let why = Scene { control, pod, container, environment: &[] }.fill(error, "");
            let message = format!("Failed to pull image \"{image}\": {why}");
            self.event("Warning", "Failed", &message);
            self.event("Warning", "Failed", "Error: ErrImagePull");
            own.pull_wait = if own.pull_wait == 0 { 10 } else { (own.pull_wait * 2).min(LONGEST_WAIT) };
            let now = self.control.now;
            own.stage = Stage::PullFailed {
                message: why,
                wait_from: object::after(now, NOTICE),
                until: object::after(now, Duration::from_secs(own.pull_wait)),
                waiting: false,
            };
            return;
        }
        let size = row.and_then(|row| row.image_size).unwrap_or_else(|| {
            // Some tens of megabytes that follow from the name.
            let digits = &object::digest(&[&image])[..6];
            20_000_000 + u64::from_str_radix(digits, 16).unwrap_or(0)
        });
        let seconds = if took < Duration::from_secs(1) {
            format!("{}ms", took.as_millis())
        } else {
            format!("{}s", took.as_millis() as f64 / 1000.0)
        };
        let message = format!(
            "Successfully pulled image \"{image}\" in {seconds} ({seconds} including waiting). Image size: {size} bytes."
        );
        self.event("Normal", "Pulled", &message);
        self.nodes.images.insert((object::text(self.pod, "/spec/nodeName").to_owned(), image));
        own.has_image = true;
        own.pull_wait = 0;
        own.stage = Stage::Creating { until: object::after(self.control.now, CREATE) };
    }

    fn start(&mut self, own: &mut ContainerRuntime) {
        let environment = match environment::resolve(self.control, self.pod, self.container, self.ip) {
            Ok(environment) => environment,
            Err(message) => {
                self.event("Warning", "Failed", &format!("Error: {message}"));
                own.stage = Stage::ConfigError(message);
                return;
            }
        };
        // Since 1.35 the Event's object alone says which container it is.
        let name = object::text(self.container, "/name");
        let (created, started) = if self.control.seed.is_at_least(35) {
            ("Container created".to_owned(), "Container started".to_owned())
        } else {
            (format!("Created container: {name}"), format!("Started container {name}"))
        };
        self.event("Normal", "Created", &created);
        self.event("Normal", "Started", &started);
        let now = self.control.now;
        let row = behaviour(self.control, self.pod, self.container);
        let (ready_at, unhealthy_at) = probes::readiness(self.container, row, now);
        let run = Run {
            id: format!(
                "containerd://{}",
                object::digest(&[object::uid(self.pod), self.name(), &own.restarts.to_string()])
            ),
            started: now,
            environment,
            ready_at,
            unhealthy_at,
            next_exit: 0,
            exit_at: None,
            last_words: None,
            planned: None,
            end: None,
        };
        // What somebody starts by hand and once, such as a debugger, does what it is told to; others run on as the scenario says.
        let once = object::text(self.pod, "/spec/restartPolicy") == "Never" && object::controller(self.pod).is_none();
        let told = self.list == EPHEMERAL || self.list == MAIN && once && row.is_none();
        own.stage = Stage::Running(if told { self.with_command(run, row.is_some()) } else { run });
    }

    /// A run of what a container was given to do: its output and its end are known as soon as it starts.
    fn with_command(&mut self, mut run: Run, described: bool) -> Run {
        let words = |field: &str| {
            let words = self.container[field].as_array().into_iter().flatten().filter_map(Value::as_str);
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        let mut command = [words("command"), words("args")].concat();
        if matches!(command.as_slice(), [shell] if matches!(shell.as_str(), "sh" | "bash")) {
            command.clear();
        }
        let ephemeral = self.list == EPHEMERAL;
        // Without a command it is a shell that waits for its input, or does what its image does, which nobody knows but the scenario.
        if command.is_empty() && (self.container["stdin"] == true || described || !ephemeral) {
            return run;
        }
        let now = self.control.now;
        let (text, code, took) = if command.is_empty() {
            (String::new(), 0, Duration::ZERO)
        } else {
            let Self { control, pod, container, .. } = *self;
            let row = behaviour(control, pod, container);
            let mut inside =
                Inside { control, pod, container, run: &run, row, disks: &mut self.nodes.disks, input: &[] };
            match inside.execute(&command) {
                Ok(answer) => (answer.stdout + &answer.stderr, i64::from(answer.code), answer.took),
                Err(_) if !ephemeral => return run,
                Err(Lacking::Program) => {
                    let program = &command[0];
                    let why = format!("exec: \"{program}\": executable file not found in $PATH\n");
                    (why, 127, Duration::ZERO)
                }
                Err(Lacking::Unplayed(what)) => {
                    (format!("the sandbox's containers cannot do this: {what}\n"), 1, Duration::ZERO)
                }
            }
        };
        run.last_words = Some(text);
        run.planned = Some(End { at: object::after(now, took.max(NOTICE)), code });
        run
    }

    fn run(&mut self, own: &mut ContainerRuntime, mut run: Run) -> bool {
        let now = self.control.now;
        let row = behaviour(self.control, self.pod, self.container);
        if run.unhealthy_at.is_some_and(|at| now >= at) {
            run.unhealthy_at = None;
            self.event("Warning", "Unhealthy", &probes::complaint(self.container, self.ip));
        }
        let exits = row.map_or(&[][..], |row| row.exits.as_slice());
        while let Some(exit) = exits.get(run.next_exit) {
            let at = object::after(run.started, exit.after.0);
            run.exit_at = Some(at);
            if now < at {
                own.stage = Stage::Running(run);
                return false;
            }
            let mut reason = String::new();
            let holds = exit.when.as_ref().is_none_or(|when| self.scene(&run).holds(when, &mut reason));
            if holds {
                run.last_words = exit.logs.as_ref().map(|logs| self.scene(&run).fill(logs, &reason));
                self.end(own, run, exit.code);
                return true;
            }
            run.next_exit += 1;
        }
        if let Some(End { at, code }) = run.planned {
            if now >= at {
                self.end(own, run, code);
                return true;
            }
            run.exit_at = Some(at);
            own.stage = Stage::Running(run);
            return false;
        }
        run.exit_at = None;
        // An init container that the scenario says nothing of does its work and ends.
        let sidecar = self.container["restartPolicy"] == "Always";
        if self.list == INIT && !sidecar && exits.is_empty() {
            let at = object::after(run.started, NOTICE);
            if now >= at {
                self.end(own, run, 0);
                return true;
            }
            run.exit_at = Some(at);
        }
        own.stage = Stage::Running(run);
        false
    }

    fn end(&mut self, own: &mut ContainerRuntime, mut run: Run, code: i64) {
        let now = self.control.now;
        run.end = Some(End { at: now, code });
        let policy = match object::text(self.pod, "/spec/restartPolicy") {
            "" => "Always",
            policy => policy,
        };
        let again = match (policy, self.list == INIT) {
            _ if self.list == EPHEMERAL => false,
            ("Always", false) => true,
            ("Always" | "OnFailure", _) => code != 0,
            _ => false,
        };
        let ran = now.as_second() - run.started.as_second();
        let (restart_at, wait_from) = if !again {
            (None, None)
        } else if own.crash_wait == 0 || ran > FORGIVEN {
            own.crash_wait = 10;
            (Some(object::after(now, NOTICE)), None)
        } else {
            let wait = Duration::from_secs(own.crash_wait);
            own.crash_wait = (own.crash_wait * 2).min(LONGEST_WAIT);
            (Some(object::after(now, wait)), Some(object::after(now, NOTICE)))
        };
        own.stage = Stage::Ended { run, restart_at, wait_from, waiting: None };
    }

    fn scene<'s>(&'s self, run: &'s Run) -> Scene<'s> {
        let Self { control, pod, container, .. } = *self;
        Scene { control, pod, container, environment: &run.environment }
    }
}
