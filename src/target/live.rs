//! The person's own account: aws-config's chain, resolved from the person's environment and files, never from a lesson.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::{ProvideRegion, RegionProviderChain, future};
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use tokio::sync::Mutex;

use super::aws::SessionSleep;
use super::https::OnDemand;
use super::login::{Chain, NoToken};
use super::{AwsOptions, Identity, Programs, TargetError};
use crate::clock::Clock;

/// What is resolved of the person's configuration, once for each profile that commands name.
pub(super) struct Live {
    profiles: Mutex<HashMap<Option<String>, SdkConfig>>,
    default_region: Option<String>,
    /// The person's environment.
    variables: HashMap<String, String>,
    pub(super) identity: std::sync::Mutex<Identity>,
    /// The programs that may be started for credentials.
    programs: Programs,
}

impl Live {
    pub async fn resolve(clock: &Clock, programs: &Programs) -> Result<Self, TargetError> {
        let sdk = load(None, clock, programs).await?;
        let default_region = sdk.region().map(|region| region.to_string());
        let identity = Identity { region: default_region.clone(), ..Identity::default() };
        Ok(Self {
            profiles: Mutex::new(HashMap::from([(None, sdk)])),
            default_region,
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            identity: std::sync::Mutex::new(identity),
            programs: programs.clone(),
        })
    }

    /// The SDK's configuration for a command.
    pub async fn aws(&self, options: &AwsOptions, clock: &Clock) -> Result<SdkConfig, TargetError> {
        let sdk = self.sdk(options, clock).await?;
        if sdk.region().is_none() { Err(TargetError::NoRegion) } else { Ok(sdk) }
    }

    /// The same for what needs no region.
    pub async fn sdk(&self, options: &AwsOptions, clock: &Clock) -> Result<SdkConfig, TargetError> {
        let mut profiles = self.profiles.lock().await;
        let sdk = match profiles.get(&options.profile) {
            Some(sdk) => sdk.clone(),
            None => {
                let sdk = load(options.profile.as_deref(), clock, &self.programs).await?;
                profiles.insert(options.profile.clone(), sdk.clone());
                sdk
            }
        };
        let mut sdk = sdk.into_builder();
        if let Some(region) = &options.region {
            sdk = sdk.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &options.endpoint {
            sdk = sdk.endpoint_url(endpoint);
        }
        // The AWS CLI's own limits.
        let limit =
            |asked: Option<Duration>| Some(asked.unwrap_or(Duration::from_secs(60))).filter(|limit| !limit.is_zero());
        let mut limits = TimeoutConfig::builder();
        limits.set_connect_timeout(limit(options.connect_timeout)).set_read_timeout(limit(options.read_timeout));
        let sdk = sdk.timeout_config(limits.build());
        Ok(sdk.build())
    }

    /// An AWS variable of the person's environment.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).filter(|_| name.starts_with("AWS_")).cloned()
    }

    /// The person's environment as far as a lesson may see it.
    pub fn for_lessons(&self) -> impl Iterator<Item = (String, String)> {
        let seen = self.variables.iter().filter(|(name, _)| !is_kept_from_lessons(name));
        seen.map(|(name, value)| (name.clone(), value.clone()))
    }

    /// The region that the person's own configuration names.
    pub fn region(&self) -> Option<&str> {
        self.default_region.as_deref()
    }
}

/// What a lesson does not get of the person's environment: what the shell sets itself, secrets, and what would lead calls
/// elsewhere (that is resolved once, and tools refuse it when it comes from a lesson).
pub(super) fn is_kept_from_lessons(name: &str) -> bool {
    const OWN: &[&str] =
        &["HOME", "PATH", "PWD", "OLDPWD", "SHELL", "SHLVL", "_", "IFS", "ENV", "PS4", "TMPDIR", "KUBECONFIG"];
    const SECRET: &[&str] = &["SECRET", "TOKEN", "PASSWORD", "PASSWD", "ACCESS_KEY", "CREDENTIAL", "PRIVATE_KEY"];
    let upper = name.to_ascii_uppercase();
    OWN.contains(&name)
        || SECRET.iter().any(|part| upper.contains(part))
        || upper.ends_with("_PROXY")
        || upper.starts_with("AWS_ENDPOINT_URL")
        || upper.starts_with("BASH")
        || upper.starts_with("LD_")
        || upper == "AWS_CA_BUNDLE"
}

async fn load(profile: Option<&str>, clock: &Clock, programs: &Programs) -> Result<SdkConfig, TargetError> {
    let chosen = profile.map(str::to_owned).or_else(|| std::env::var("AWS_PROFILE").ok());
    let files = ProfileFiles::read();
    match &chosen {
        Some(name) if name != "default" && !files.has(name) => return Err(TargetError::NoProfile(name.clone())),
        _ => {}
    }
    if let Some(plugin) = files.plugin(chosen.as_deref().unwrap_or("default"), programs) {
        return Err(plugin);
    }
    // As the CLI's, and not the SDK's own, which asks the machine's metadata service too.
    let mut of_profile = ProfileFileRegionProvider::builder();
    if let Some(profile) = profile {
        of_profile = of_profile.profile_name(profile);
    }
    let region = EnvironmentVariableRegionProvider::new();
    let region = RegionProviderChain::first_try(region).or_else(of_profile.build()).region().await;
    let (client, sleep) = (OnDemand::new(), SharedAsyncSleep::new(SessionSleep(clock.clone())));
    let calls = ProviderConfig::without_region()
        .with_http_client(client.clone())
        .with_sleep_impl(sleep.clone())
        .with_behavior_version(Some(BehaviorVersion::latest()));
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .credentials_provider(Chain::new(calls, profile, region.clone()))
        .token_provider(NoToken)
        .sleep_impl(sleep)
        .http_client(client)
        .region(Known(region));
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    Ok(loader.load().await)
}

/// A region that was looked for already.
#[derive(Debug)]
struct Known(Option<Region>);

impl ProvideRegion for Known {
    fn region(&self) -> future::ProvideRegion<'_> {
        future::ProvideRegion::ready(self.0.clone())
    }
}

/// The person's profiles as far as they must be known before the SDK reads them: their names, and whether one of them
/// starts a program.
struct ProfileFiles(HashMap<String, HashMap<String, String>>);

impl ProfileFiles {
    fn read() -> Self {
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let at = |variable: &str, name: &str| {
            std::env::var_os(variable).map_or_else(|| home.join(".aws").join(name), PathBuf::from)
        };
        let mut profiles = HashMap::new();
        for path in [at("AWS_CONFIG_FILE", "config"), at("AWS_SHARED_CREDENTIALS_FILE", "credentials")] {
            // A file that cannot be read is none; the SDK says so when it needs it.
            parse(&std::fs::read_to_string(path).unwrap_or_default(), &mut profiles);
        }
        Self(profiles)
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The refusal of a program that a profile, or one that it builds on, would start for its credentials, unless the
    /// person allowed it.
    fn plugin(&self, name: &str, programs: &Programs) -> Option<TargetError> {
        let mut name = name.to_owned();
        for _ in 0..self.0.len() + 1 {
            let profile = self.0.get(&name)?;
            if let Some(command) = profile.get("credential_process")
                && program_name(command).is_none_or(|name| programs.path(name).is_none())
            {
                return Some(TargetError::Refused {
                    what: format!("credential_process of the profile {name}"),
                    why: "lectern starts no program for credentials; use a profile with keys, SSO or a role, or allow the \
                          program by its name with --allow"
                        .into(),
                });
            }
            name = profile.get("source_profile")?.clone();
        }
        None
    }
}

/// The name of the program in a command line: its first word, which may be in quotes, without its folder.
fn program_name(command: &str) -> Option<&str> {
    let command = command.trim();
    let path = match command.strip_prefix('"') {
        Some(rest) => rest.split('"').next(),
        None => command.split_whitespace().next(),
    };
    path?.rsplit('/').next()
}

/// The sections and settings of a configuration file: `[profile NAME]` or `[NAME]`, `key = value`.
fn parse(text: &str, profiles: &mut HashMap<String, HashMap<String, String>>) {
    let mut current: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let name = section.trim();
            let name = name.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(name).trim();
            profiles.entry(name.to_owned()).or_default();
            current = Some(name.to_owned());
        } else if let (Some(name), Some((key, value))) = (&current, trimmed.split_once('=')) {
            profiles.entry(name.clone()).or_default().insert(key.trim().to_lowercase(), value.trim().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lessons_see_no_secrets_and_no_other_ways() {
        for name in [
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "GITHUB_TOKEN",
            "HOME",
            "https_proxy",
            "AWS_ENDPOINT_URL_EKS",
        ] {
            assert!(is_kept_from_lessons(name), "{name}");
        }
        for name in ["EKS_CLUSTER_NAME", "AWS_REGION", "AWS_PROFILE", "LANG", "CARTS_DYNAMODB_TABLENAME"] {
            assert!(!is_kept_from_lessons(name), "{name}");
        }
    }

    #[test]
    fn a_program_for_credentials_is_refused_also_behind_a_source_profile() {
        let mut profiles = HashMap::new();
        let text = "[default]\nregion = us-west-2\n[profile a]\nsource_profile = b\n[ profile\tb ]\n# x\ncredential_process = /bin/x --y=z\n";
        parse(text, &mut profiles);
        let files = ProfileFiles(profiles);
        assert!(files.has("a") && files.has("default") && !files.has("c"));
        assert!(files.plugin("default", &Programs::default()).is_none());
        assert!(matches!(files.plugin("a", &Programs::default()), Some(TargetError::Refused { .. })));
    }

    #[test]
    fn profiles_that_build_on_each_other_in_a_circle_end() {
        let mut profiles = HashMap::new();
        parse("[profile a]\nsource_profile=b\n[profile b]\nsource_profile=a\n", &mut profiles);
        assert!(ProfileFiles(profiles).plugin("a", &Programs::default()).is_none());
    }

    #[test]
    fn a_program_is_known_by_its_first_word() {
        assert_eq!(program_name("/opt/x/get-keys --profile a"), Some("get-keys"));
        assert_eq!(program_name(" \"/opt/my tools/get-keys\" --x"), Some("get-keys"));
        assert_eq!(program_name("get-keys"), Some("get-keys"));
    }
}
