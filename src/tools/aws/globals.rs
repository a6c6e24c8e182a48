//! The options that every command has, and what the environment says where they are absent.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::failure::Failure;
use super::options::{Opt, Parsed, Values};
use super::output::{FORMATS, Format};
use super::query::Query;
use crate::target::{AwsOptions, Keys, Kind, Target};

/// What holds for any operation.
pub(super) struct Globals {
    pub format: Format,
    pub query: Option<Query>,
    pub paginate: bool,
    /// Whether calls are shown on standard error.
    pub debug: bool,
    pub zone: TimeZone,
    pub aws: AwsOptions,
}

/// The global options of AWS CLI v2.
pub(super) fn options() -> Vec<Opt> {
    let one = |name| Opt::new(name, Values::One);
    let flag = |name| Opt::new(name, Values::None);
    let choice = |name, choices| Opt { choices, ..Opt::new(name, Values::One) };
    vec![
        flag("debug"),
        one("endpoint-url"),
        flag("no-verify-ssl"),
        flag("no-paginate"),
        choice("output", FORMATS),
        one("query"),
        one("profile"),
        one("region"),
        flag("version"),
        choice("color", &["on", "off", "auto"]),
        flag("no-sign-request"),
        one("ca-bundle"),
        one("cli-read-timeout"),
        one("cli-connect-timeout"),
        choice("cli-binary-format", &["base64", "raw-in-base64-out"]),
        flag("no-cli-pager"),
        flag("cli-auto-prompt"),
        flag("no-cli-auto-prompt"),
    ]
}

impl Globals {
    /// Reads them from the command line and the shell's variables.
    pub fn new(parsed: &Parsed, env: &BTreeMap<String, String>, target: &Target) -> Result<Self, Failure> {
        for option in ["no-verify-ssl", "no-sign-request", "ca-bundle"] {
            if parsed.has(option) {
                return Err(refused(&format!("--{option}")));
            }
        }
        if parsed.has("cli-auto-prompt") {
            return Err(Failure::parameter("lectern's aws does not prompt"));
        }
        let set = |name: &str| env.get(name).filter(|value| !value.is_empty()).cloned();
        let endpoint = endpoint(parsed, env, target)?;
        let format = match parsed.last("output").map(str::to_owned).or_else(|| set("AWS_DEFAULT_OUTPUT")) {
            Some(name) => Format::named(&name)?,
            None => Format::Json,
        };
        let query = match parsed.last("query") {
            Some(text) => Some(
                Query::parse(text)
                    .map_err(|problem| Failure::parameter(format!("Bad value for --query {text}: {problem}")))?,
            ),
            None => None,
        };
        let seconds = |name: &str| match parsed.last(name) {
            Some(text) => text
                .trim()
                .parse()
                .map(|seconds| Some(Duration::from_secs(seconds)))
                .map_err(|_| Failure::general(format!("invalid literal for int() with base 10: '{text}'"))),
            None => Ok(None),
        };
        let keys = set("AWS_ACCESS_KEY_ID").zip(set("AWS_SECRET_ACCESS_KEY"));
        let keys = keys.map(|(id, secret)| Keys { id, secret, token: set("AWS_SESSION_TOKEN") });
        let aws = AwsOptions {
            keys: keys.filter(|_| target.kind() == Kind::Sandbox),
            connect_timeout: seconds("cli-connect-timeout")?,
            read_timeout: seconds("cli-read-timeout")?,
            region: parsed
                .last("region")
                .map(str::to_owned)
                .or_else(|| set("AWS_REGION"))
                .or_else(|| set("AWS_DEFAULT_REGION")),
            profile: parsed
                .last("profile")
                .map(str::to_owned)
                .or_else(|| set("AWS_PROFILE"))
                .or_else(|| set("AWS_DEFAULT_PROFILE")),
            endpoint,
        };
        Ok(Self {
            format,
            query,
            paginate: !parsed.has("no-paginate"),
            debug: parsed.has("debug"),
            zone: zone(env.get("TZ"), target),
            aws,
        })
    }
}

/// The endpoint that the person's own line asks for. From a lesson none is taken: its calls would carry the person's
/// credentials to wherever it says.
fn endpoint(parsed: &Parsed, env: &BTreeMap<String, String>, target: &Target) -> Result<Option<String>, Failure> {
    let trusted = target.trusts_commands() && target.kind() == Kind::Live;
    if let Some(url) = parsed.last("endpoint-url") {
        if !trusted {
            return Err(refused("--endpoint-url"));
        }
        if !url.contains("://") {
            return Err(Failure::parameter(format!(
                "Bad value for --endpoint-url \"{url}\": scheme is missing.  Must be of the form http://<hostname>/ or https://<hostname>/"
            )));
        }
        return Ok(Some(url.to_owned()));
    }
    let service = parsed.positional.as_deref().unwrap_or_default().to_uppercase();
    for name in [format!("AWS_ENDPOINT_URL_{service}"), "AWS_ENDPOINT_URL".to_owned()] {
        let Some(url) = env.get(&name).filter(|url| !url.is_empty()) else { continue };
        if trusted {
            return Ok(Some(url.clone()));
        }
        if target.own_variable(&name).as_ref() != Some(url) {
            return Err(refused(&name));
        }
    }
    Ok(None)
}

fn refused(what: &str) -> Failure {
    Failure::parameter(format!(
        "{what} is refused: where calls go and how they are secured is the person's choice, not a lesson's; set it in \
         the environment that lectern is started from"
    ))
}

/// The local time zone: TZ, else the machine's on a live target, else UTC.
fn zone(variable: Option<&String>, target: &Target) -> TimeZone {
    match variable.map(|zone| zone.strip_prefix(':').unwrap_or(zone)) {
        Some("") => TimeZone::UTC,
        Some(name) => TimeZone::get(name).or_else(|_| TimeZone::posix(name)).unwrap_or(TimeZone::UTC),
        None if target.kind() == Kind::Live => TimeZone::system(),
        None => TimeZone::UTC,
    }
}
