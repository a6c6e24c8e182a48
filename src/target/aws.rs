//! AWS clients of a target: region, credentials and time for the SDK, and the record of what it calls.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextRef,
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;

use super::{CallRecord, Calls, Keys};
use crate::clock::Clock;
use crate::sandbox::aws::Aws;

/// Clients of AWS services for one command. Their calls are recorded, and the last answer can be read as it was on the
/// wire: what the SDK makes of it has lost the order of maps and the difference between absent and empty.
#[derive(Clone)]
pub struct AwsClients {
    sdk: SdkConfig,
    recorder: Recorder,
}

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl AwsClients {
    pub(super) fn new(sdk: SdkConfig, calls: &Calls, clock: &Clock) -> Self {
        let recorder = Recorder {
            calls: calls.clone(),
            clock: clock.clone(),
            last: Arc::default(),
            attempts: Arc::default(),
            seen: Arc::default(),
        };
        Self { sdk, recorder }
    }

    /// The SDK's configuration, whose calls are not recorded.
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// A client for EKS.
    pub fn eks(&self) -> aws_sdk_eks::Client {
        let config = aws_sdk_eks::config::Builder::from(&self.sdk).interceptor(self.recorder.clone());
        aws_sdk_eks::Client::from_conf(config.build())
    }

    /// A client for IAM.
    pub fn iam(&self) -> aws_sdk_iam::Client {
        let config = aws_sdk_iam::config::Builder::from(&self.sdk).interceptor(self.recorder.clone());
        aws_sdk_iam::Client::from_conf(config.build())
    }

    /// A client for STS.
    pub fn sts(&self) -> aws_sdk_sts::Client {
        let config = aws_sdk_sts::config::Builder::from(&self.sdk).interceptor(self.recorder.clone());
        aws_sdk_sts::Client::from_conf(config.build())
    }

    /// How often the last call was sent.
    pub fn attempts(&self) -> u32 {
        self.recorder.attempts.load(Ordering::Relaxed)
    }

    /// How often a call is sent at most.
    pub fn most_attempts(&self) -> u32 {
        self.sdk.retry_config().map_or(3, RetryConfig::max_attempts)
    }

    /// The URL that was sent to last.
    pub fn last_url(&self) -> String {
        self.recorder.seen().url.clone()
    }

    /// From now on calls are written down, without their secrets, for [`AwsClients::take_trace`].
    pub fn trace(&self) {
        self.recorder.seen().lines.get_or_insert_default();
    }

    /// What was written down since the last time, by lines.
    pub fn take_trace(&self) -> Vec<String> {
        self.recorder.seen().lines.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes the last answer that these clients got.
    pub fn take_answer(&self) -> Option<WireAnswer> {
        self.recorder.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The SDK's configuration for the sandbox. It is built from nothing but what is given: neither the process's environment
/// nor any file is read.
pub(super) fn sandbox(aws: &Aws, region: Option<&str>, keys: Option<&Keys>, clock: &Clock) -> SdkConfig {
    let credentials = match keys {
        Some(keys) => Credentials::new(&keys.id, &keys.secret, keys.token.clone(), None, "shell"),
        None => Credentials::new("ASIASANDBOXLECTERN00", "sandbox", None, None, "sandbox"),
    };
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.unwrap_or(aws.region()).to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws.http_client())
        .sleep_impl(SessionSleep(clock.clone()))
        .time_source(SessionTime(clock.clone()))
        .retry_config(RetryConfig::standard())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

/// The SDK's waits, on the session's clock.
pub(super) struct SessionSleep(pub Clock);

impl std::fmt::Debug for SessionSleep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSleep")
    }
}

impl AsyncSleep for SessionSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        let sleep = self.0.sleep(duration);
        Sleep::new(async move {
            let _ = sleep.await;
        })
    }
}

/// The SDK's time: the session's.
pub(super) struct SessionTime(pub Clock);

impl std::fmt::Debug for SessionTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionTime")
    }
}

impl TimeSource for SessionTime {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

#[derive(Clone)]
struct Recorder {
    calls: Calls,
    clock: Clock,
    last: Arc<Mutex<Option<WireAnswer>>>,
    attempts: Arc<AtomicU32>,
    seen: Arc<Mutex<Seen>>,
}

/// What the recorder has seen on the wire.
#[derive(Default)]
struct Seen {
    url: String,
    /// Calls and answers, when they are to be written down.
    lines: Option<Vec<String>>,
}

impl Recorder {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a header's or a form's value is not to be shown.
fn is_secret(name: &str) -> bool {
    const SECRET: &[&str] = &["authorization", "token", "password", "secret", "privatekey", "assertion", "code"];
    let lower = name.to_ascii_lowercase().replace(['-', '_'], "");
    // An idempotency token is none.
    SECRET.iter().any(|part| lower.contains(part)) && !lower.contains("requesttoken") && lower != "nexttoken"
}

/// A body as it may be shown: of forms and JSON objects the secrets are left out.
fn shown_body(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if let Ok(serde_json::Value::Object(mut map)) = serde_json::from_slice(body) {
        for (name, value) in &mut map {
            if is_secret(name) {
                *value = "****".into();
            }
        }
        return serde_json::Value::Object(map).to_string();
    }
    let pairs = text.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}=****"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

/// When a call began, session time.
#[derive(Debug, Clone)]
struct Began(Duration);

impl Storable for Began {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Recorder {
    fn name(&self) -> &'static str {
        "lectern recorder"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(Began(self.clock.elapsed()));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.attempts.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("a call without a name", Metadata::name);
        Ok(self.calls.permit(operation, changes(operation))?)
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        let request = context.request();
        let mut seen = self.seen();
        seen.url = request.uri().to_owned();
        if let Some(lines) = &mut seen.lines {
            let operation = config.load::<Metadata>().map_or("", Metadata::name);
            lines.push(format!("{operation}, attempt {attempt}: {} {}", request.method(), request.uri()));
            let headers = request
                .headers()
                .iter()
                .map(|(name, value)| format!("  {name}: {}", if is_secret(name) { "****" } else { value }));
            lines.extend(headers);
            if let Some(body) = request.body().bytes().filter(|body| !body.is_empty()) {
                lines.push(format!("  {}", shown_body(body)));
            }
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let answer = WireAnswer {
            status: response.status().as_u16(),
            body: response.body().bytes().map(Bytes::copy_from_slice).unwrap_or_default(),
        };
        if let Some(lines) = &mut self.seen().lines {
            let id = response.headers().get("x-amzn-requestid").unwrap_or_default();
            // What came back may hold keys: it is what the command prints, or its error.
            lines.push(format!("answered {} with {} bytes, request {id}", answer.status, answer.body.len()));
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // A call that never left (no credentials, a bad parameter) was not made.
        if self.attempts.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let Some(metadata) = config.load::<Metadata>() else { return Ok(()) };
        let began = config.load::<Began>().map_or(Duration::ZERO, |began| began.0);
        let ms = self.clock.elapsed().saturating_sub(began).as_millis();
        self.calls.record(CallRecord {
            service: metadata.service().to_lowercase(),
            operation: metadata.name().to_owned(),
            path: String::new(),
            status: context.response().map_or(0, |response| response.status().as_u16()),
            ms: u64::try_from(ms).unwrap_or(u64::MAX),
            mutating: changes(metadata.name()),
        });
        Ok(())
    }
}

/// Whether an operation of that name could change something. AWS names what only reads by these verbs.
pub(super) fn changes(operation: &str) -> bool {
    const READING: &[&str] = &["Assume", "Decode", "Describe", "Get", "List", "Simulate"];
    !READING.iter().any(|verb| operation.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for name in
            ["authorization", "x-amz-security-token", "Password", "WebIdentityToken", "SAMLAssertion", "TokenCode"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in ["host", "clientRequestToken", "RoleName", "nextToken", "x-amz-date"] {
            assert!(!is_secret(name), "{name}");
        }
        assert_eq!(shown_body(b"Action=X&Password=p%20q&UserName=u"), "Action=X&Password=****&UserName=u");
        assert_eq!(shown_body(br#"{"a":1,"secret":"s"}"#), r#"{"a":1,"secret":"****"}"#);
    }
}
