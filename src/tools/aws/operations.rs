//! The table of operations: the SDK's call for each, and the setters of its input. A setter's value is the member of that
//! name; its type says how the value is read. An operation costs one line; a structure, a union or an enumeration that
//! occurs in an input costs one more. The lines are written by `assets/aws/generate.py`.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::{Map, Value};

use crate::target::{AwsClients, TargetError};

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum CallError {
    /// The service refused.
    Refused { code: String, message: String },
    /// Nobody answers at the endpoint.
    Unreachable,
    /// The endpoint took longer than is waited for.
    TimedOut,
    /// There are no credentials to sign with.
    NoCredentials,
    /// There was no answer, or none that can be read.
    NoAnswer { words: String },
}

type Outcome = Pin<Box<dyn Future<Output = Result<(), CallError>> + Send>>;

/// Makes the call. The answer is read from the clients, as it was on the wire.
pub(super) type Call = fn(AwsClients, Map<String, Value>) -> Outcome;

/// A value of the command line as the SDK's type.
trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl FromValue for i32 {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_i64().and_then(|number| Self::try_from(number).ok())
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::from_value).collect()
    }
}

impl<T: FromValue> FromValue for HashMap<String, T> {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_object()?.iter().map(|(key, value)| Some((key.clone(), T::from_value(value)?))).collect()
    }
}

macro_rules! enumerations {
    ($($name:path),* $(,)?) => {$(
        impl FromValue for $name {
            fn from_value(value: &Value) -> Option<Self> {
                value.as_str().map(Self::from)
            }
        }
    )*};
}

macro_rules! structures {
    ($($name:path { $($set:ident),* };)*) => {$(
        impl FromValue for $name {
            fn from_value(value: &Value) -> Option<Self> {
                let members = value.as_object()?;
                let builder = <$name>::builder();
                $(let builder = builder.$set(member(members, stringify!($set)));)*
                Built::built(builder.build())
            }
        }
    )*

        #[cfg(test)]
        pub(super) const STRUCTURES: &[(&str, &[&str])] = &[$((stringify!($name), &[$(stringify!($set)),*])),*];
    };
}

macro_rules! unions {
    ($($name:path { $($variant:ident),* };)*) => {$(
        impl FromValue for $name {
            fn from_value(value: &Value) -> Option<Self> {
                let (key, value) = value.as_object()?.iter().next()?;
                match key.as_str() {
                    $(stringify!($variant) => FromValue::from_value(value).map(<$name>::$variant),)*
                    _ => None,
                }
            }
        }
    )*};
}

/// What a builder gives: the structure, or an error where a required member is missing.
trait Built<T> {
    fn built(self) -> Option<T>;
}

impl<T, E> Built<T> for Result<T, E> {
    fn built(self) -> Option<T> {
        self.ok()
    }
}

impl<T> Built<T> for T {
    fn built(self) -> Option<T> {
        Some(self)
    }
}

macro_rules! operations {
    ($client:ident { $($name:literal => $method:ident($($set:ident),*),)* }) => {
        /// The call of an operation.
        pub(super) fn find(name: &str) -> Option<Call> {
            match name {
                $($name => Some(|clients, input| Box::pin(async move {
                    let _ = &input;
                    let call = clients.$client().$method();
                    $(let call = call.$set(given(&input, stringify!($set))?);)*
                    call.send().await.map(|_| ()).map_err(failed)
                })),)*
                _ => None,
            }
        }

        #[cfg(test)]
        pub(super) const TABLE: &[(&str, &[&str])] = &[$(($name, &[$(stringify!($set)),*])),*];
    };
}

#[expect(deprecated, reason = "the CLI takes these members still")]
mod eks;
mod iam;
mod sts;

/// The member that a setter sets: `set_cluster_name` sets `clusterName`.
fn member<T: FromValue>(members: &Map<String, Value>, setter: &str) -> Option<T> {
    let wanted = setter_key(setter);
    members.iter().find(|(name, _)| name.to_ascii_lowercase() == wanted).and_then(|(_, value)| T::from_value(value))
}

/// The member that a setter sets, of an input: what the SDK cannot take is an error, never left out.
fn given<T: FromValue>(input: &Map<String, Value>, setter: &str) -> Result<Option<T>, CallError> {
    let wanted = setter_key(setter);
    let Some((name, value)) = input.iter().find(|(name, _)| name.to_ascii_lowercase() == wanted) else {
        return Ok(None);
    };
    let unfit = || CallError::NoAnswer { words: format!("The value of {name} cannot be sent: {value}") };
    T::from_value(value).map(Some).ok_or_else(unfit)
}

fn setter_key(setter: &str) -> String {
    setter.strip_prefix("set_").unwrap_or(setter).replace('_', "")
}

fn failed<E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static>(
    error: SdkError<E, HttpResponse>,
) -> CallError {
    if let SdkError::ServiceError(context) = &error {
        let (metadata, raw) = (context.err(), context.raw());
        let body = raw.body().bytes().unwrap_or_default();
        if metadata.code().is_none() && raw.status().as_u16() < 300 {
            let body = String::from_utf8_lossy(body).into_owned();
            return CallError::NoAnswer {
                words: format!(
                    "Unable to parse response (the service's model does not fit it), invalid response received. Further retries may succeed:\n{body}"
                ),
            };
        }
        return CallError::Refused {
            code: metadata.code().map_or_else(|| raw.status().as_u16().to_string(), str::to_owned),
            message: metadata.message().map_or_else(|| message_of(raw.status().as_u16(), body), str::to_owned),
        };
    }
    match &error {
        SdkError::TimeoutError(_) => return CallError::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => return CallError::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_io() => return CallError::Unreachable,
        _ => {}
    }
    let mut words = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        if let Some(refused @ TargetError::Refused { .. }) = inner.downcast_ref::<TargetError>() {
            return CallError::NoAnswer { words: refused.to_string() };
        }
        if let Some(CredentialsError::CredentialsNotLoaded(_)) = inner.downcast_ref::<CredentialsError>() {
            return CallError::NoCredentials;
        }
        words = format!("{words}: {inner}");
        source = inner.source();
    }
    CallError::NoAnswer { words }
}

/// The message of an error that names no code, as botocore finds it: that of the body, or the status's own words.
fn message_of(status: u16, body: &[u8]) -> String {
    let text = serde_json::from_slice::<Value>(body).ok();
    let text = text.as_ref().and_then(|body| body["message"].as_str().or_else(|| body["Message"].as_str()));
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    match text {
        Some(text) => text.to_owned(),
        None if status >= 500 => reason.unwrap_or_default().to_owned(),
        None => String::new(),
    }
}

/// The call of an operation, if the table has it.
pub(super) fn find(service: &str, operation: &str) -> Option<Call> {
    match service {
        "eks" => eks::find(operation),
        "iam" => iam::find(operation),
        "sts" => sts::find(operation),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::model;
    use super::*;

    /// All that lectern calls: every operation that the SDKs had when this was written, and those by name that lessons
    /// cannot do without.
    #[test]
    fn nothing_is_missing() {
        for (table, least) in [(eks::TABLE, 70), (iam::TABLE, 180), (sts::TABLE, 11)] {
            assert!(table.len() >= least, "{}", table.len());
        }
        let kinds = ["AccessEntry", "Addon", "Cluster", "FargateProfile", "Nodegroup", "PodIdentityAssociation"];
        for kind in kinds {
            for verb in ["Create", "Delete", "Describe"] {
                assert!(find("eks", &format!("{verb}{kind}")).is_some(), "{verb}{kind}");
            }
        }
        for kind in ["Role", "Policy", "InstanceProfile", "OpenIDConnectProvider", "User", "Group", "ServiceLinkedRole"]
        {
            for verb in ["Create", "Delete"] {
                assert!(find("iam", &format!("{verb}{kind}")).is_some(), "{verb}{kind}");
            }
        }
        for kind in ["Role", "Policy", "InstanceProfile", "OpenIDConnectProvider", "User"] {
            for verb in ["Tag", "Untag", "Get"] {
                assert!(find("iam", &format!("{verb}{kind}")).is_some(), "{verb}{kind}");
            }
        }
        let sts = [
            "AssumeRole",
            "AssumeRoleWithWebIdentity",
            "DecodeAuthorizationMessage",
            "GetAccessKeyInfo",
            "GetCallerIdentity",
            "GetSessionToken",
        ];
        for name in sts {
            assert!(find("sts", name).is_some(), "{name}");
        }
        assert!(find("eks", "Nonesuch").is_none() && find("ec2", "DescribeInstances").is_none());
    }

    #[test]
    fn structures_have_every_member_too() {
        for (service, table) in [("eks", eks::STRUCTURES), ("iam", iam::STRUCTURES), ("sts", sts::STRUCTURES)] {
            let service = model::service(service).unwrap();
            let mut known = 0;
            for (name, setters) in table {
                let name = name.rsplit("::").next().unwrap_or(name).trim();
                let shapes = [name.to_owned(), name[..1].to_lowercase() + &name[1..]];
                let Some(shape) = shapes.iter().map(|name| service.shape(name)).find(|shape| !shape.members.is_empty())
                else {
                    continue;
                };
                let mut members: Vec<String> =
                    shape.members.iter().map(|member| member.name.to_ascii_lowercase()).collect();
                let mut set: Vec<String> = setters.iter().map(|setter| setter_key(setter)).collect();
                members.sort();
                set.sort();
                assert_eq!(members, set, "{name}");
                known += 1;
            }
            assert!(known * 10 >= table.len() * 9, "{known} of {}", table.len());
        }
    }

    #[test]
    fn what_the_sdk_cannot_take_is_an_error() {
        let input = serde_json::json!({"maxResults": 99_999_999_999_i64}).as_object().cloned().unwrap_or_default();
        assert!(matches!(given::<i32>(&input, "set_max_results"), Err(CallError::NoAnswer { .. })));
        assert!(matches!(given::<i32>(&input, "set_next_token"), Ok(None)));
    }

    #[test]
    fn the_table_has_every_member_of_every_input() {
        for (service, table) in [("eks", eks::TABLE), ("iam", iam::TABLE), ("sts", sts::TABLE)] {
            let service = model::service(service).unwrap();
            for (name, setters) in table {
                let operation = service.operations.get(*name).unwrap_or_else(|| panic!("{name} is not in the model"));
                let mut members: Vec<String> =
                    service.input(operation).iter().map(|member| member.name.to_ascii_lowercase()).collect();
                let mut set: Vec<String> = setters.iter().map(|setter| setter_key(setter)).collect();
                members.sort();
                set.sort();
                assert_eq!(members, set, "{name}");
                assert!(find(&service.name, name).is_some());
            }
            let mut without: Vec<_> =
                service.operations.keys().filter(|name| find(&service.name, name).is_none()).collect();
            without.sort();
            assert!(without.is_empty(), "{without:?}");
        }
    }
}
