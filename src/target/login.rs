//! Who calls on the person's own account: the SDK's chain of credentials, made when a call first needs it. While it is made without a
//! region, it asks the machine's metadata service for one.

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::token::ProvideToken;
use aws_credential_types::provider::{ProvideCredentials, error, future};
use tokio::sync::OnceCell;

/// The SDK's chain of credentials.
#[derive(Debug)]
pub(super) struct Chain {
    /// How it reaches what it asks.
    config: ProviderConfig,
    /// The profile that it begins with, if not the environment's.
    profile: Option<String>,
    /// Where it asks.
    region: Option<Region>,
    chain: OnceCell<DefaultCredentialsChain>,
}

impl Chain {
    /// A chain that is not made yet.
    pub fn new(config: ProviderConfig, profile: Option<&str>, region: Option<Region>) -> Self {
        Self { config, profile: profile.map(str::to_owned), region, chain: OnceCell::new() }
    }

    async fn made(&self) -> &DefaultCredentialsChain {
        let make = async || {
            let mut builder = DefaultCredentialsChain::builder().configure(self.config.clone());
            builder.set_region(self.region.clone());
            if let Some(profile) = &self.profile {
                builder = builder.profile_name(profile);
            }
            builder.build().await
        };
        self.chain.get_or_init(make).await
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.made().await.provide_credentials().await })
    }
}

/// No token: none of the services that are called takes one.
#[derive(Debug)]
pub(super) struct NoToken;

impl ProvideToken for NoToken {
    fn provide_token<'a>(&'a self) -> future::ProvideToken<'a>
    where
        Self: 'a,
    {
        future::ProvideToken::ready(Err(error::TokenError::not_loaded("no service here takes one")))
    }
}
