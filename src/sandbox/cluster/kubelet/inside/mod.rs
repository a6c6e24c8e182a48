//! Commands that are run inside containers. A container has the programs that the scenario gives to its image besides a few that
//! every image is taken to have; what they answer follows from the cluster: its Services, its network policies, the container's
//! environment and files.

mod curl;
mod files;
mod listing;
mod network;
mod script;
mod tar;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

pub use self::files::Disks;
use self::files::Files;
use self::network::{Network, Unreached};
use super::super::controllers::control::Control;
use super::super::object;
use super::super::seed::{Behaviour, Listens, Readiness};
use super::answers::Answer;
use super::behaviour;
use super::runtime::Run;

/// The programs that every image is taken to have.
const EVERYWHERE: [&str; 11] =
    ["cat", "echo", "env", "false", "hostname", "ls", "printenv", "sh", "sleep", "test", "true"];
/// The programs that an image has of which the scenario says nothing, beside those.
const USUAL: [&str; 1] = ["tar"];

/// Why a command gives no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lacking {
    /// The image has no such program.
    Program,
    /// The program is there, but nobody plays what is asked of it.
    Unplayed(String),
}

/// One running container, as a command in it sees the world.
pub(super) struct Inside<'a> {
    pub control: &'a Control,
    pub pod: &'a Value,
    pub container: &'a Value,
    pub run: &'a Run,
    pub row: Option<&'a Behaviour>,
    pub disks: &'a mut Disks,
    /// What is written to the command's standard input.
    pub input: &'a [u8],
}

impl Inside<'_> {
    /// Runs a command.
    pub fn execute(&mut self, command: &[String]) -> Result<Answer, Lacking> {
        let program = command.first().map_or("", |program| program.rsplit('/').next().unwrap_or_default());
        let given = self.row.map_or(&[][..], |row| row.programs.as_slice());
        let usual = self.row.is_none() && USUAL.contains(&program);
        if !EVERYWHERE.contains(&program) && !usual && !given.iter().any(|known| known == program) {
            return Err(Lacking::Program);
        }
        let arguments: Vec<&str> = command.iter().skip(1).map(String::as_str).collect();
        let unplayed = || Err(Lacking::Unplayed(command.join(" ")));
        let said = |stdout: String| Ok(Answer { stdout, ..Answer::default() });
        match (program, arguments.as_slice()) {
            ("env" | "printenv", []) => {
                said(self.run.environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect())
            }
            ("printenv", names) => {
                let found: Vec<&str> = names.iter().filter_map(|name| self.variable(name)).collect();
                let code = i32::from(found.len() < names.len());
                let stdout = found.iter().map(|value| format!("{value}\n")).collect();
                Ok(Answer { stdout, code, ..Answer::default() })
            }
            ("hostname", []) => said(format!("{}\n", self.variable("HOSTNAME").unwrap_or_default())),
            ("echo", ["-n", words @ ..]) => said(words.join(" ")),
            ("echo", words) => said(format!("{}\n", words.join(" "))),
            ("sleep", [span]) => {
                let (number, unit) = span.split_at(span.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
                let unit = match unit {
                    "" | "s" => 1.0,
                    "m" => 60.0,
                    "h" => 3600.0,
                    "d" => 86_400.0,
                    _ => return unplayed(),
                };
                let seconds = number.parse::<f64>().ok().map(|number| number * unit);
                let took = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                took.map_or_else(unplayed, |took| Ok(Answer { took, ..Answer::default() }))
            }
            ("true", _) => Ok(Answer::default()),
            ("false", _) => Ok(Answer { code: 1, ..Answer::default() }),
            ("cat", files) if !files.is_empty() => Ok(self.cat(files)),
            ("ls", arguments) => listing::ls(&self.files(), arguments).map_or_else(unplayed, Ok),
            ("df", ["-h"] | []) => said(listing::df(&self.files())),
            ("test", [kind @ ("-d" | "-e" | "-f"), path]) => {
                let found = self.files().list(path).ok().map(|(folder, _)| folder);
                let right = found.is_some_and(|folder| *kind == "-e" || folder == (*kind == "-d"));
                Ok(Answer { code: i32::from(!right), ..Answer::default() })
            }
            ("tar", arguments) => {
                let input = self.input;
                tar::tar(&mut self.files(), arguments, input).map_or_else(unplayed, Ok)
            }
            ("sh" | "bash", ["-c", text]) => self.script(text),
            ("curl", arguments) => curl::curl(self, arguments).map_or_else(unplayed, Ok),
            ("nslookup", [name]) => Ok(self.nslookup(name)),
            _ => unplayed(),
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.run.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn network(&self) -> Network<'_> {
        Network { control: self.control, pod: self.pod }
    }

    fn files(&mut self) -> Files<'_> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        Files {
            control: self.control,
            pod: self.pod,
            container: self.container,
            run: &self.run.id,
            started: self.run.started,
            image: self.row.map_or(&NONE, |row| &row.files),
            disks: self.disks,
        }
    }

    fn cat(&mut self, names: &[&str]) -> Answer {
        let mut answer = Answer::default();
        for name in names {
            if *name == "/etc/hostname" {
                answer.stdout.push_str(self.variable("HOSTNAME").unwrap_or_default());
                answer.stdout.push('\n');
                continue;
            }
            match self.files().read(name) {
                Ok(text) => answer.stdout.push_str(&text),
                Err(why) => {
                    answer.stderr.push_str(&format!("cat: {name}: {why}\n"));
                    answer.code = 1;
                }
            }
        }
        answer
    }

    /// A script, command by command, as far as it is made of plain commands.
    fn script(&mut self, text: &str) -> Result<Answer, Lacking> {
        let variable = |name: &str| self.variable(name).unwrap_or_default().to_owned();
        let Some(steps) = script::steps(text, &variable) else { return Err(Lacking::Unplayed(text.to_owned())) };
        let mut all = Answer::default();
        for step in steps {
            if !step.runs_after(all.code) {
                continue;
            }
            let mut answer = match self.execute(&step.words) {
                Ok(answer) => answer,
                Err(Lacking::Program) => {
                    let program = step.words.first().map(String::as_str).unwrap_or_default();
                    let stderr = format!("bash: line 1: {program}: command not found\n");
                    Answer { stderr, code: 127, ..Answer::default() }
                }
                Err(unplayed) => return Err(unplayed),
            };
            if step.joins_errors {
                answer.stdout.push_str(&std::mem::take(&mut answer.stderr));
            }
            if let Some((path, append)) = &step.to {
                let text = std::mem::take(&mut answer.stdout);
                if path != "/dev/null"
                    && let Err(why) = self.files().write(path, &text, *append)
                {
                    answer = Answer { stderr: format!("bash: line 1: {path}: {why}\n"), code: 1, ..Answer::default() };
                }
            }
            if step.drops_errors {
                answer.stderr.clear();
            }
            all.stdout.push_str(&answer.stdout);
            all.stderr.push_str(&answer.stderr);
            all.code = answer.code;
            all.took += answer.took;
        }
        Ok(all)
    }

    /// As busybox has it.
    fn nslookup(&self, name: &str) -> Answer {
        let network = self.network();
        let dns = network.dns();
        let head = format!("Server:\t\t{dns}\nAddress:\t{dns}:53\n\n");
        match network.resolve(name) {
            Ok(host) => {
                let address = network.address(&host);
                Answer { stdout: format!("{head}\nName:\t{name}\nAddress: {address}\n\n"), ..Answer::default() }
            }
            Err(Unreached::DnsSilent) => {
                let stdout = ";; connection timed out; no servers could be reached\n\n".to_owned();
                Answer { stdout, code: 1, took: Duration::from_secs(10), ..Answer::default() }
            }
            Err(_) => {
                let failed = format!("** server can't find {name}: NXDOMAIN\n\n");
                Answer { stdout: format!("{head}{failed}{failed}"), code: 1, ..Answer::default() }
            }
        }
    }
}

/// Whether a Pod's containers can connect to `host:port`.
pub(super) fn reaches(control: &Control, pod: &Value, place: &str) -> bool {
    let network = Network { control, pod };
    let Some((host, port)) = place.rsplit_once(':') else { return false };
    let Ok(port) = port.parse::<i64>() else { return false };
    let connected = network.resolve(host).and_then(|host| network.connect(&host, port));
    connected.is_ok_and(|(pod, port)| listener(control, &pod, port).is_some())
}

/// What listens at a port of a Pod.
enum Listener<'a> {
    /// What the scenario describes, in a container.
    Described(&'a Value, &'a Listens),
    /// A container declares the port, and nothing more is known.
    Declared,
}

/// What listens at a port of a Pod, if something does.
fn listener<'a>(control: &'a Control, pod: &'a Value, port: i64) -> Option<Listener<'a>> {
    let mut declared = false;
    for container in object::list(pod, "/spec/containers") {
        let row = behaviour(control, pod, container);
        if !is_up(control, pod, container, row) {
            continue;
        }
        let described = row.and_then(|row| {
            let listens = row.listens.iter().find(|listens| i64::from(listens.port) == port)?;
            Some(Listener::Described(container, listens))
        });
        if described.is_some() {
            return described;
        }
        declared |= object::list(container, "/ports").iter().any(|row| row["containerPort"].as_i64() == Some(port));
    }
    declared.then_some(Listener::Declared)
}

/// Whether a container has run for as long as it takes to get ready.
fn is_up(control: &Control, pod: &Value, container: &Value, row: Option<&Behaviour>) -> bool {
    let boot = match row.and_then(|row| row.ready) {
        None => Duration::ZERO,
        Some(Readiness::After(span)) => span.0,
        Some(Readiness::Never) => return false,
    };
    let mut statuses = object::list(pod, "/status/containerStatuses").iter();
    let own = statuses.find(|status| status["name"] == container["name"]);
    let started = own.and_then(|status| object::time(status, "/state/running/startedAt"));
    started.is_some_and(|started| object::after(started, boot) <= control.now)
}
