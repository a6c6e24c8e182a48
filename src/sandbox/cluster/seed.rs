//! What a cluster starts with, as a scenario's `cluster.yaml` says it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use super::api::{Quantity, Usage};

/// What the cluster starts with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The cluster's name, by which the account knows it.
    #[serde(default)]
    pub name: String,
    /// Its region.
    #[serde(default)]
    pub region: String,
    /// The version that server and nodes report: `v1.36.2`.
    #[serde(default = "default_version")]
    pub version: String,
    /// For how long everything that the manifests deploy has been there when the session begins.
    #[serde(default = "default_running_for")]
    pub running_for: Span,
    /// The nodes.
    #[serde(default)]
    pub nodes: Vec<NodeSeed>,
    /// Zones that machines may be started in besides those of the nodes, with the networks of their Pods.
    #[serde(default)]
    pub zones: BTreeMap<String, Network>,
    /// How containers behave: the first row that matches a container counts.
    #[serde(default)]
    pub containers: Vec<Behaviour>,
    /// Images that all nodes have from the start.
    #[serde(default)]
    pub images: Vec<String>,
    /// How long a load balancer takes to get its name.
    #[serde(default = "default_load_balancer")]
    pub load_balancer_after: Span,
    /// Names and uids follow from it.
    #[serde(default)]
    pub random: u64,
    /// The objects that are there at the start. They come from the scenario's `manifests`, not from `cluster.yaml`.
    #[serde(skip)]
    pub manifests: Vec<Manifest>,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            name: String::new(),
            region: String::new(),
            version: default_version(),
            running_for: default_running_for(),
            nodes: Vec::new(),
            zones: BTreeMap::new(),
            containers: Vec::new(),
            images: Vec::new(),
            load_balancer_after: default_load_balancer(),
            random: 0,
            manifests: Vec::new(),
        }
    }
}

impl Seed {
    /// Whether the cluster is of Kubernetes 1.`minor` or later.
    pub fn is_at_least(&self, minor: u32) -> bool {
        let own = self.version.trim_start_matches('v').split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
        own.is_none_or(|own| own >= minor)
    }
}

fn default_version() -> String {
    "v1.36.2".into()
}

fn default_running_for() -> Span {
    Span(Duration::from_secs(20 * 60))
}

fn default_load_balancer() -> Span {
    Span(Duration::from_secs(20))
}

/// One object that is there at the start, and where it was written.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file.
    pub file: PathBuf,
    /// The line in it that the object begins at, from 1.
    pub line: usize,
    /// The object.
    pub object: Value,
}

/// A node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSeed {
    /// Its name.
    pub name: String,
    /// Its address, an IPv4 address.
    pub address: std::net::Ipv4Addr,
    /// The network that its Pods' addresses are from: `10.42.96.0/20`.
    pub pod_network: Network,
    /// Labels besides those that follow from name, region and zone.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The availability zone.
    pub zone: String,
    /// The instance type.
    pub instance_type: String,
    /// The instance's id.
    pub instance_id: String,
    /// `cpu`, `memory`, `pods`, …: what it has.
    pub capacity: BTreeMap<String, String>,
    /// What Pods may use of it; the capacity when not said.
    #[serde(default)]
    pub allocatable: BTreeMap<String, String>,
    /// The taints that Pods must tolerate.
    #[serde(default)]
    pub taints: Vec<Value>,
    /// What it uses besides its containers.
    pub usage: Option<Usage>,
    /// `status.nodeInfo` entries besides those that follow from the version.
    #[serde(default)]
    pub info: BTreeMap<String, String>,
}

/// An IPv4 network in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Network {
    /// Its first address.
    pub first: u32,
    /// How many addresses it has.
    pub size: u32,
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        format!("{}/{}", std::net::Ipv4Addr::from(network.first), 32 - network.size.trailing_zeros())
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || de::Error::custom(format!("{text:?} is not a network; write one as 10.42.96.0/20"));
        let (address, bits) = text.split_once('/').ok_or_else(wrong)?;
        let address: std::net::Ipv4Addr = address.parse().map_err(|_| wrong())?;
        let bits: u32 = bits.parse().ok().filter(|bits| (8..=30).contains(bits)).ok_or_else(wrong)?;
        let size = 1_u32 << (32 - bits);
        Ok(Self { first: u32::from(address) & !(size - 1), size })
    }
}

/// A span of time, written `500ms`, `20s`, `5m`, `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub Duration);

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a span of time; write one as 500ms, 20s, 5m or 1h30m");
        let mut total = Duration::ZERO;
        let mut rest = text;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
            let amount: u64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = &rest[digits..];
            let letters = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
            let unit = match &rest[..letters] {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                _ => return Err(wrong()),
            };
            rest = &rest[letters..];
            total += Duration::from_millis(amount.checked_mul(unit).ok_or_else(wrong)?);
        }
        Ok(Self(total))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// How containers of one sort behave.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// Which containers; without a condition all.
    #[serde(default, rename = "match")]
    pub applies: Match,
    /// How long pulling the image takes where it is not there yet.
    pub pull: Option<Span>,
    /// Why the image cannot be pulled.
    pub pull_error: Option<Text>,
    /// How large the image is, in bytes.
    pub image_size: Option<u64>,
    /// From the start until probes succeed.
    pub ready: Option<Readiness>,
    /// From the request to stop until the end.
    pub stop: Option<Span>,
    /// The exit status of a container that was asked to stop.
    #[serde(default)]
    pub stop_code: i64,
    /// What it prints while it runs.
    #[serde(default)]
    pub logs: Vec<LogLine>,
    /// When it ends by itself, each examined at its time after the start. The first whose condition holds is its end.
    #[serde(default)]
    pub exits: Vec<Exit>,
    /// What commands print that are run in it.
    #[serde(default)]
    pub exec: Vec<ExecAnswer>,
    /// What it uses while it runs; a little of what it asks for when not said.
    pub usage: Option<Usage>,
    /// What it uses besides, while something keeps it busy.
    #[serde(default)]
    pub load: Vec<Load>,
    /// The programs that its image has besides those of every image: `bash`, `curl`, `df`, `nslookup`.
    #[serde(default)]
    pub programs: Vec<String>,
    /// The files that its image has, by their path.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Where it listens once it is ready, and what it answers there.
    #[serde(default)]
    pub listens: Vec<Listens>,
}

/// Work that comes from outside and is shared: the containers of a namespace that the same row plays and that are ready
/// carry equal parts of it, as behind a Service. A container's CPU limit bounds what it uses of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// On what condition; without one always.
    pub when: Option<Condition>,
    /// The processor time that all of them use together.
    #[serde(default)]
    pub cpu: Quantity,
    /// The memory that all of them use together.
    #[serde(default)]
    pub memory: Quantity,
}

/// A port at which a container listens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listens {
    /// Its number.
    pub port: u16,
    /// What it answers to HTTP requests: the first page that fits the path counts.
    #[serde(default)]
    pub pages: Vec<Page>,
    /// What it says first, in a protocol of its own: then it does not speak HTTP.
    #[serde(default)]
    pub greeting: Option<Text>,
}

/// An answer to HTTP requests.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The path without its query; may hold `*`.
    pub path: String,
    /// The status code.
    #[serde(default = "ok")]
    pub status: u16,
    /// The media type.
    #[serde(default = "json", rename = "type")]
    pub kind: String,
    /// What it is.
    pub body: Text,
}

fn ok() -> u16 {
    200
}

fn json() -> String {
    "application/json".into()
}

/// Which containers a [`Behaviour`] is for. Patterns may hold `*`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// The image as the Pod names it.
    pub image: Option<String>,
    /// The container's name.
    pub container: Option<String>,
    /// The Pod's namespace.
    pub namespace: Option<String>,
    /// The Pod's labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The kind of the Pod's controller.
    pub owner: Option<String>,
}

/// When probes succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// This long after the start.
    After(Span),
    /// Never.
    Never,
}

impl<'de> Deserialize<'de> for Readiness {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "never" {
            return Ok(Self::Never);
        }
        text.parse().map(Self::After).map_err(de::Error::custom)
    }
}

/// What a container prints, and when.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLine {
    /// From the start.
    #[serde(default)]
    pub after: Span,
    /// One or more lines.
    pub text: Text,
}

/// How a container ends.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    /// On what condition; without one in any case.
    pub when: Option<Condition>,
    /// From the start.
    pub after: Span,
    /// The exit status.
    pub code: i64,
    /// What it prints before it ends.
    pub logs: Option<Text>,
}

/// What a command prints that is run in a container.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecAnswer {
    /// The command and its arguments, joined by spaces; may hold `*`.
    pub command: String,
    /// What it prints.
    pub stdout: Option<Text>,
    /// What it complains.
    pub stderr: Option<Text>,
    /// Its exit status.
    #[serde(default)]
    pub code: i64,
}

/// What must hold. Written as a map with one key.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// All of them.
    All(Vec<Condition>),
    /// At least one of them.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// The container's environment: variables and patterns (`*`); a variable that is not set fits no pattern.
    Env(BTreeMap<String, String>),
    /// The Pod's service account fits a pattern.
    ServiceAccount(String),
    /// There is the Service that a URL or host names, seen from the Pod's namespace.
    Service(Text),
    /// A container of that sort runs somewhere in the cluster.
    Running(Match),
    /// The container can connect to a port, `host:port`: something listens there, and no network policy is in the way.
    Reaches(Text),
    /// The Pod has credentials of its service account's pod identity association, and these allow an action.
    Allowed(Permission),
}

/// An action on a resource of the account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// `dynamodb:DescribeTable`.
    pub action: String,
    /// Its ARN.
    pub resource: Text,
}

/// Text with places to fill: `${env.NAME}` (a variable of the container; empty when not set), `${pod}`, `${namespace}`,
/// `${container}`, `${image}`, `${node}`, `${service_account}`, `${account}`, `${region}`, `${cluster}`, `${time}` and
/// `${date}` (of the line; as ISO 8601 and as `date` prints it) and `${reason}` (why the last `allowed` did not hold). `$${` is a plain `${`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Env(String),
    Value(&'static str),
}

/// The names that [`Text`] knows besides `env.NAME`.
const VALUES: [&str; 12] = [
    "pod",
    "namespace",
    "container",
    "image",
    "node",
    "service_account",
    "account",
    "region",
    "cluster",
    "time",
    "date",
    "reason",
];

impl Text {
    /// The text with its places filled. `value` is asked for the names, `env` for variables.
    pub fn fill(&self, value: &dyn Fn(&str) -> String, env: &dyn Fn(&str) -> Option<String>) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Plain(text) => text.clone(),
                Piece::Env(name) => env(name).unwrap_or_default(),
                Piece::Value(name) => value(name),
            })
            .collect()
    }
}

impl std::str::FromStr for Text {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if let Some(before) = rest[..at].strip_suffix('$') {
                plain.push_str(before);
                plain.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            plain.push_str(&rest[..at]);
            let Some(end) = rest[at..].find('}') else {
                return Err("`${` without `}`; write `$${` for a plain one".into());
            };
            let inner = &rest[at + 2..at + end];
            if !plain.is_empty() {
                pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            }
            pieces.push(match (inner.strip_prefix("env."), VALUES.iter().find(|known| **known == inner)) {
                (Some(name), _) => Piece::Env(name.into()),
                (None, Some(known)) => Piece::Value(known),
                (None, None) => {
                    return Err(format!("`${{{inner}}}` is not known; there are env.NAME, {}", VALUES.join(", ")));
                }
            });
            rest = &rest[at + end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Ok(Self(pieces))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Whether `text` fits a pattern in which `*` stands for anything.
pub fn fits_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (text, milliseconds) in [("500ms", 500), ("20s", 20_000), ("1h30m", 5_400_000), ("0s", 0)] {
            assert_eq!(text.parse::<Span>(), Ok(Span(Duration::from_millis(milliseconds))));
        }
        for text in ["", "5", "s", "5d", "-1s", "1s2", "99999999999999999999s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn texts_are_filled_and_unknown_names_are_errors() {
        let text: Text = "a ${pod} $${b} ${env.X}${env.NONE}.".parse().unwrap();
        let filled = text.fill(&|name| format!("<{name}>"), &|name| (name == "X").then(|| "1".into()));
        assert_eq!(filled, "a <pod> ${b} 1.");
        assert!("${nope}".parse::<Text>().unwrap_err().contains("env.NAME"));
        assert!("${pod".parse::<Text>().is_err());
    }

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("*b*", "abc", true),
            ("", "", true),
        ] {
            assert_eq!(fits_pattern(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn networks() {
        let read = |text: &str| serde_json::from_value::<Network>(text.into());
        assert_eq!(read("10.42.97.3/20").unwrap(), Network { first: 0x0a2a_6000, size: 4096 });
        assert!(read("10.42.0.0").is_err() && read("x/20").is_err() && read("10.0.0.0/33").is_err());
    }
}
