//! The target and what is known of it.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use super::aws::{self, AwsClients};
use super::live::Live;
use super::{Calls, Effects, Programs, TargetError};
use crate::clock::Clock;
use crate::sandbox::Sandbox;
use crate::sandbox::serve::Serving;

/// Sandbox or live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The embedded one, inside the process.
    Sandbox,
    /// The person's own account and cluster.
    Live,
}

/// Who calls, and where: what the comparison may take as known and what a live session names before it changes anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// The account id, twelve digits.
    pub account: Option<String>,
    /// The principal's ARN.
    pub principal: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The cluster that kubectl talks to, by name or server address.
    pub cluster: Option<String>,
}

/// What a command may choose of its AWS configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsOptions {
    /// `--region`, else AWS_REGION, else AWS_DEFAULT_REGION of the shell.
    pub region: Option<String>,
    /// `--profile`, else AWS_PROFILE of the shell: a profile of the person's own files.
    pub profile: Option<String>,
    /// In the sandbox: keys that its account gave and the shell's variables hold. Live ones never come from a shell.
    pub keys: Option<Keys>,
    /// The longest that a connection may take to be made; for ever when zero, 60 s when absent.
    pub connect_timeout: Option<Duration>,
    /// The longest that an answer may be silent; as above.
    pub read_timeout: Option<Duration>,
    /// Another endpoint than the service's own. Only a person's own line may name one, see [`Target::trusts_commands`].
    pub endpoint: Option<String>,
}

/// An access key, as AWS_ACCESS_KEY_ID and the variables beside it have it.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The key's id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The session's token, if it is one of a session.
    pub token: Option<String>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Where a session's calls go.
pub struct Target {
    pub(super) clock: Clock,
    pub(super) calls: Calls,
    pub(super) place: Place,
    pub(super) trusts_commands: bool,
    pub(super) kube: super::kube::KubeSide,
    pub(super) programs: Programs,
    pub(super) effects: Option<Effects>,
    /// The sandbox on loopback, once a program needed it.
    pub(super) served: tokio::sync::OnceCell<Serving>,
}

pub(super) enum Place {
    Sandbox(Box<Sandbox>),
    Live(Box<Live>),
}

impl Target {
    /// The sandbox as target.
    pub fn sandbox(sandbox: Sandbox, clock: Clock) -> Self {
        Self {
            clock,
            calls: Calls::default(),
            place: Place::Sandbox(Box::new(sandbox)),
            trusts_commands: false,
            kube: super::kube::KubeSide::default(),
            programs: Programs::default(),
            effects: None,
            served: tokio::sync::OnceCell::new(),
        }
    }

    /// The person's own account and cluster, as the process's environment and the person's files name them. Makes no call.
    /// `programs` may be started for credentials, and by lessons.
    ///
    /// # Errors
    /// When AWS_PROFILE names a profile that is not there, or one that would start a program.
    pub async fn live(clock: Clock, programs: Programs) -> Result<Self, TargetError> {
        let live = Live::resolve(&clock, &programs).await?;
        let kube = super::kube::KubeSide::of_environment();
        if let Some(cluster) = kube.cluster() {
            let mut identity = live.identity.lock().unwrap_or_else(PoisonError::into_inner);
            identity.cluster = Some(cluster.name);
            identity.region = identity.region.take().or(cluster.region);
        }
        let place = Place::Live(Box::new(live));
        let served = tokio::sync::OnceCell::new();
        let calls = Calls::default();
        Ok(Self { clock, calls, place, trusts_commands: false, kube, programs, effects: None, served })
    }

    /// The same target for commands that the person wrote: they may name endpoints. Lessons may not.
    #[must_use]
    pub fn trusting_commands(mut self) -> Self {
        self.trusts_commands = true;
        self
    }

    /// The same target, only looked at: its clients refuse whatever could change something, `why` is what they tell, and
    /// commands that would change something put into `effects` what should be there.
    #[must_use]
    pub fn only_looked_at(mut self, effects: Effects, why: &str) -> Self {
        self.calls.forbid_changes(why);
        self.effects = Some(effects);
        self
    }

    /// Where commands claim what should be there instead of changing it, if the target is only looked at.
    pub fn effects(&self) -> Option<&Effects> {
        self.effects.as_ref()
    }

    /// Whether commands are the person's own.
    pub fn trusts_commands(&self) -> bool {
        self.trusts_commands
    }

    /// A variable of the person's own environment, as it was when a live target was resolved. The sandbox has none.
    pub fn own_variable(&self, name: &str) -> Option<String> {
        match &self.place {
            Place::Sandbox(_) => None,
            Place::Live(live) => live.variable(name),
        }
    }

    /// Sandbox or live.
    pub fn kind(&self) -> Kind {
        match self.place {
            Place::Sandbox(_) => Kind::Sandbox,
            Place::Live(_) => Kind::Live,
        }
    }

    /// The sandbox, if it is one.
    pub fn as_sandbox(&self) -> Option<&Sandbox> {
        match &self.place {
            Place::Sandbox(sandbox) => Some(sandbox),
            Place::Live(_) => None,
        }
    }

    /// The session's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The calls made through this target.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Clients of AWS services, their calls recorded.
    ///
    /// # Errors
    /// When the options name what is not there, or no region is known.
    pub async fn aws(&self, options: &AwsOptions) -> Result<AwsClients, TargetError> {
        let sdk = match &self.place {
            Place::Sandbox(sandbox) => {
                // The sandbox's learner has one set of credentials and no profiles.
                if let Some(profile) = options.profile.as_ref().filter(|profile| *profile != "default") {
                    return Err(TargetError::NoProfile(profile.clone()));
                }
                aws::sandbox(sandbox.aws(), options.region.as_deref(), options.keys.as_ref(), &self.clock)
            }
            Place::Live(live) => live.aws(options, &self.clock).await?,
        };
        Ok(AwsClients::new(sdk, &self.calls, &self.clock))
    }

    /// Who calls, and where. Live, what is known without a call, and what [`Target::identify`] has found out since.
    pub fn identity(&self) -> Identity {
        match &self.place {
            Place::Sandbox(sandbox) => {
                let aws = sandbox.aws();
                Identity {
                    account: Some(aws.account().to_owned()),
                    principal: Some(aws.principal().arn.clone()),
                    region: Some(aws.region().to_owned()),
                    cluster: sandbox.cluster_name(),
                }
            }
            Place::Live(live) => live.identity.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Asks who calls. Live this is a call of STS, which is not recorded: it is not the lesson's.
    ///
    /// # Errors
    /// When the person's configuration has no region, or the call fails: with the SDK's words.
    pub async fn identify(&self) -> Result<Identity, TargetError> {
        if let Place::Live(live) = &self.place {
            let sdk = live.aws(&AwsOptions::default(), &self.clock).await?;
            let caller = aws_sdk_sts::Client::new(&sdk).get_caller_identity().send().await;
            let caller = caller.map_err(|error| {
                TargetError::NoIdentity(aws_sdk_sts::error::DisplayErrorContext(&error).to_string())
            })?;
            let mut identity = live.identity.lock().unwrap_or_else(PoisonError::into_inner);
            identity.account = caller.account;
            identity.principal = caller.arn;
        }
        Ok(self.identity())
    }

    /// The same live target, whose caller was asked for already.
    #[must_use]
    pub fn known_as(self, identity: Identity) -> Self {
        if let Place::Live(live) = &self.place {
            *live.identity.lock().unwrap_or_else(PoisonError::into_inner) = identity;
        }
        self
    }

    /// The environment that lessons start with: the scenario's in the sandbox; live the person's own without its secrets,
    /// account and region filled in from the identity where they are unset.
    pub fn environment(&self) -> BTreeMap<String, String> {
        match &self.place {
            Place::Sandbox(sandbox) => sandbox.environment(),
            Place::Live(live) => {
                let identity = live.identity.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let mut environment: BTreeMap<String, String> = live.for_lessons().collect();
                let region = identity.region.or_else(|| live.region().map(str::to_owned));
                for (name, value) in [("AWS_ACCOUNT_ID", identity.account), ("AWS_REGION", region)] {
                    if let Some(value) = value {
                        environment.entry(name.to_owned()).or_insert(value);
                    }
                }
                environment
            }
        }
    }
}
