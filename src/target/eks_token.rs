//! Tokens that EKS takes: a GetCallerIdentity request of STS, signed ahead by the caller and bound to one cluster. Whoever
//! gets one asks STS who signed it. Made here, in process: `aws eks get-token` and `aws-iam-authenticator` do the same.
//!
//! The form of the token, its prefix and times are those of the AWS CLI's `eks get-token`.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::aws::AwsClients;
use super::model::Place;
use super::{AwsOptions, Target, TargetError};

/// How long the signed request may be sent after it was signed, as it says itself.
const SENT_WITHIN: Duration = Duration::from_secs(60);
/// How long EKS takes the token: 15 minutes, less one for clocks that differ.
const VALID: SignedDuration = SignedDuration::from_mins(14);
/// The name of the session in which a role is taken for a token.
const SESSION_NAME: &str = "EKSGetTokenAuth";

/// All but the unreserved characters of RFC 3986, as signatures want them.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A bearer token for an EKS cluster's API server.
#[derive(Clone, PartialEq, Eq)]
pub struct EksToken {
    /// The token: `k8s-aws-v1.` and the signed request in base64.
    pub token: String,
    /// Until when it should be used.
    pub expires: Timestamp,
}

impl std::fmt::Debug for EksToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EksToken {{ expires: {} }}", self.expires)
    }
}

impl Target {
    /// Makes a token for the cluster of that name, signed by the credentials that `options` choose, or by those of `role`,
    /// which is assumed first (a recorded call). Nothing else is called. Without any region the request is for the global
    /// endpoint of STS.
    ///
    /// # Errors
    /// When there are no credentials, the profile is not there, or the role cannot be assumed.
    pub async fn eks_token(
        &self,
        options: &AwsOptions,
        cluster: &str,
        role: Option<&str>,
    ) -> Result<EksToken, TargetError> {
        let sdk = match &self.place {
            Place::Sandbox(_) => self.aws(options).await?.sdk().clone(),
            Place::Live(live) => live.sdk(options, self.clock()).await?,
        };
        let caller = match role {
            None => credentials(&sdk).await?,
            Some(role) => self.assumed(&sdk, role).await?,
        };
        let endpoint = options.endpoint.clone().or_else(|| self.own_variable("AWS_ENDPOINT_URL_STS"));
        let now = match &self.place {
            Place::Sandbox(_) => self.clock().now(),
            // What is signed is judged by real time.
            Place::Live(_) => Timestamp::now(),
        };
        let url = presigned(&sdk, endpoint.as_deref(), caller, cluster, now).await?;
        Ok(EksToken { token: format!("k8s-aws-v1.{}", BASE64_URL_SAFE_NO_PAD.encode(url)), expires: now + VALID })
    }

    async fn assumed(&self, sdk: &SdkConfig, role: &str) -> Result<Credentials, TargetError> {
        let unknown = |why: String| TargetError::NoIdentity(format!("the role {role} cannot be assumed: {why}"));
        let clients = AwsClients::new(sdk.clone(), self.calls(), self.clock());
        let request = clients.sts().assume_role().role_arn(role).role_session_name(SESSION_NAME);
        let answer = request
            .send()
            .await
            .map_err(|error| unknown(aws_sdk_sts::error::DisplayErrorContext(&error).to_string()))?;
        let given = answer.credentials.ok_or_else(|| unknown("the answer holds no credentials".into()))?;
        Ok(Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            SystemTime::try_from(given.expiration).ok(),
            "AssumeRole",
        ))
    }
}

async fn credentials(sdk: &SdkConfig) -> Result<Credentials, TargetError> {
    let none = || TargetError::NoIdentity("no credentials were found".into());
    let provider = sdk.credentials_provider().ok_or_else(none)?;
    provider
        .provide_credentials()
        .await
        .map_err(|error| TargetError::NoIdentity(aws_sdk_sts::error::DisplayErrorContext(&error).to_string()))
}

/// The signed URL. Its parameters come in the order that the AWS CLI gives them.
async fn presigned(
    sdk: &SdkConfig,
    endpoint: Option<&str>,
    caller: Credentials,
    cluster: &str,
    now: Timestamp,
) -> Result<String, TargetError> {
    let broken =
        |error: &dyn std::fmt::Display| TargetError::NoIdentity(format!("the token cannot be signed: {error}"));
    let region = sdk.region().map(|region| region.to_string());
    // The global endpoint is the one of the commercial partition, and its signatures are for this region.
    let signed_for = region.clone().unwrap_or_else(|| "us-east-1".to_owned());
    let params = Params::builder()
        .set_region(Some(region.clone().unwrap_or_else(|| "aws-global".to_owned())))
        .set_use_fips(sdk.use_fips())
        .set_use_dual_stack(sdk.use_dual_stack())
        .set_endpoint(endpoint.or(sdk.endpoint_url()).map(str::to_owned))
        .use_global_endpoint(region.is_none())
        .build()
        .map_err(|error| broken(&error))?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.map_err(|error| broken(&error))?;
    let base = endpoint.url().trim_end_matches('/');
    let url = format!("{base}/?Action=GetCallerIdentity&Version=2011-06-15");

    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(SENT_WITHIN);
    let identity = caller.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&signed_for)
        .name("sts")
        .time(now.into())
        .settings(settings)
        .build()
        .map_err(|error| broken(&error))?
        .into();
    let headers = std::iter::once(("x-k8s-aws-id", cluster));
    let request =
        SignableRequest::new("GET", url.as_str(), headers, SignableBody::Bytes(b"")).map_err(|error| broken(&error))?;
    let (instructions, _) = sign(request, &params).map_err(|error| broken(&error))?.into_parts();
    let mut signed = url.clone();
    let order = ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Security-Token", "Signature"];
    for name in order {
        let param = instructions.params().iter().find(|(param, _)| param.strip_prefix("X-Amz-") == Some(name));
        if let Some((name, value)) = param {
            signed.push_str(&format!("&{name}={}", utf8_percent_encode(value, RESERVED)));
        }
    }
    Ok(signed)
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region};

    use super::*;

    fn sdk(region: Option<&str>) -> SdkConfig {
        let builder = SdkConfig::builder().behavior_version(BehaviorVersion::latest());
        builder.region(region.map(|region| Region::new(region.to_owned()))).build()
    }

    async fn url(region: Option<&str>, session: Option<&str>, cluster: &str) -> String {
        let caller = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            session.map(str::to_owned),
            None,
            "test",
        );
        let now = "2026-03-04T05:06:07Z".parse().unwrap();
        presigned(&sdk(region), None, caller, cluster, now).await.unwrap()
    }

    /// The signatures are botocore's for the same caller, cluster and time.
    #[tokio::test]
    async fn the_signed_request_is_the_aws_cli_s() {
        for (region, session, cluster, host, scope, token, signature) in [
            (
                Some("us-west-2"),
                None,
                "eks-workshop",
                "sts.us-west-2.amazonaws.com",
                "us-west-2",
                "",
                "36443d742bb289df7c98b13a8c9e485b15c2fd941026ac8950cff6afeef9b0de",
            ),
            (
                Some("eu-central-1"),
                Some("tok/en+with=signs"),
                "a cluster/odd",
                "sts.eu-central-1.amazonaws.com",
                "eu-central-1",
                "&X-Amz-Security-Token=tok%2Fen%2Bwith%3Dsigns",
                "d06819af9e6f9c550546ffc896edd4aead6eaeafc1195fe859a7646764c97190",
            ),
            (
                None,
                None,
                "eks-workshop",
                "sts.amazonaws.com",
                "us-east-1",
                "",
                "d4fa994ea19b3b8cb665390866c9363cf378683a1bcfa6b250bf3ff677487ae3",
            ),
        ] {
            let expected = format!(
                "https://{host}/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=AKIDEXAMPLE%2F20260304%2F{scope}%2Fsts%2Faws4_request&X-Amz-Date=20260304T050607Z\
                 &X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id{token}&X-Amz-Signature={signature}"
            );
            assert_eq!(url(region, session, cluster).await, expected);
        }
    }

    #[tokio::test]
    async fn partitions_have_their_own_endpoints_and_the_person_may_name_one() {
        for (region, host) in
            [("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"), ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com")]
        {
            assert!(url(Some(region), None, "c").await.starts_with(&format!("https://{host}/?Action=")));
        }
        let caller = Credentials::new("a", "b", None, None, "test");
        let now = Timestamp::UNIX_EPOCH;
        let own = presigned(&sdk(Some("eu-west-1")), Some("http://127.0.0.1:9/"), caller, "c", now).await.unwrap();
        assert!(own.starts_with("http://127.0.0.1:9/?Action=GetCallerIdentity&"), "{own}");
    }
}
