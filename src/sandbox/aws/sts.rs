//! STS: who the caller is, and the roles that it takes, also with a token of a cluster's service account. Keys that it gives
//! are the caller's until they expire. Federation by SAML and the management of root users have nothing behind them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use winterbaume_iam::views::RoleView;

use super::access;
use super::behind::{iso_seconds, unique_id};
use super::seed::Principal;
use super::web_identity;
use super::wire::{self, Refusal, WireRequest, WireResponse, escape};
use super::{Inner, SandboxError};

pub(super) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The sessions that STS gave keys for, by their access key's id.
#[derive(Default)]
pub(super) struct Sts(Mutex<BTreeMap<String, Session>>);

/// Whom keys belong to, and how long.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Session {
    arn: String,
    user_id: String,
    expires: Timestamp,
}

impl Sts {
    /// Who signs with that key; `None` when STS did not give it.
    pub fn caller(&self, key: &str, now: Timestamp) -> Option<Result<Principal, Refusal>> {
        let session = self.lock().get(key).cloned()?;
        if session.expires <= now {
            let message = "The security token included in the request is expired";
            return Some(Err(Refusal::new(403, "ExpiredToken", message)));
        }
        Some(Ok(Principal { arn: session.arn, user_id: session.user_id }))
    }

    pub fn knows(&self, key: &str) -> bool {
        self.lock().contains_key(key)
    }

    pub fn snapshot(&self) -> Result<Value, SandboxError> {
        serde_json::to_value(&*self.lock()).map_err(|error| SandboxError::Snapshot(error.to_string()))
    }

    pub fn restore(&self, snapshot: &Value) -> Result<(), SandboxError> {
        let sessions =
            serde_json::from_value(snapshot.clone()).map_err(|error| SandboxError::Snapshot(error.to_string()))?;
        *self.lock() = sessions;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys for a session; the content of `<Credentials>`.
    fn keys(&self, session: Session) -> String {
        let (id, secret) = wire::access_key("ASIA");
        let bytes: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(240).collect();
        let token = base64::engine::general_purpose::STANDARD.encode(bytes);
        let out = format!(
            "<Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken><Expiration>{}</Expiration></Credentials>",
            iso_seconds(session.expires),
        );
        self.lock().insert(id, session);
        out
    }
}

/// Answers a request that nobody signed: only those who bring a token may.
pub(super) fn unsigned(inner: &Inner, request: &WireRequest, now: Timestamp) -> WireResponse {
    let parameters = wire::form(&String::from_utf8_lossy(request.body()));
    let action = parameters.iter().find(|(key, _)| key == "Action").map(|(_, value)| value.as_str());
    let missing = || Refusal::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
    match action {
        Some(action @ "AssumeRoleWithWebIdentity") => {
            match with_web_identity(inner, &parameters.iter().cloned().collect(), now) {
                Ok(content) => wire::xml(NAMESPACE, action, Some(&content)),
                Err(refusal) => wire::xml_refusal(NAMESPACE, &refusal),
            }
        }
        Some(action @ "AssumeRoleWithSAML") => wire::xml_refusal(NAMESPACE, &Refusal::absent("sts", action)),
        Some(_) => wire::xml_refusal(NAMESPACE, &missing()),
        None => wire::json_refusal(&missing()),
    }
}

/// Answers a request of that caller.
pub(super) fn call(inner: &Inner, request: &WireRequest, caller: &Principal, now: Timestamp) -> WireResponse {
    let parameters: HashMap<String, String> =
        wire::form(&String::from_utf8_lossy(request.body())).into_iter().collect();
    let action = parameters.get("Action").map_or("", String::as_str);
    let content = match action {
        "GetCallerIdentity" => Ok(format!(
            "<UserId>{}</UserId><Account>{}</Account><Arn>{}</Arn>",
            escape(&caller.user_id),
            inner.account,
            escape(&caller.arn)
        )),
        "AssumeRole" => assume_role(inner, &parameters, caller, now),
        "AssumeRoleWithWebIdentity" => with_web_identity(inner, &parameters, now),
        "GetSessionToken" => session_token(inner, &parameters, caller, now),
        // Messages are encoded where a refusal hides its reason. Nothing here hides it: there is none to decode.
        "DecodeAuthorizationMessage" => {
            Err(Refusal::new(400, "InvalidAuthorizationMessageException", "Message is not valid"))
        }
        "GetAccessKeyInfo" => {
            let key = parameters.get("AccessKeyId").map_or("", String::as_str);
            if inner.sts.knows(key) || inner.iam.view().access_keys.contains_key(key) {
                Ok(format!("<Account>{}</Account>", inner.account))
            } else {
                Err(invalid("Invalid access key ID"))
            }
        }
        other => Err(Refusal::absent("sts", other)),
    };
    match content {
        Ok(content) => wire::xml(NAMESPACE, action, Some(&content)),
        Err(refusal) => wire::xml_refusal(NAMESPACE, &refusal),
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}

/// The seconds that a session is asked to last: from 15 minutes to `most`.
fn duration(parameters: &HashMap<String, String>, default: u64, most: u64) -> Result<u64, Refusal> {
    let Some(text) = parameters.get("DurationSeconds") else { return Ok(default.min(most)) };
    let seconds: u64 = text.parse().map_err(|_| invalid("DurationSeconds must be a number"))?;
    let range = |what: &str, limit: u64, word: &str| {
        invalid(format!(
            "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value {word} than or equal to {limit}{what}"
        ))
    };
    match seconds {
        0..900 => Err(range("", 900, "greater")),
        129_601.. => Err(range("", 129_600, "less")),
        seconds if seconds > most => {
            Err(invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."))
        }
        seconds => Ok(seconds),
    }
}

fn later(now: Timestamp, seconds: u64) -> Timestamp {
    now.saturating_add(Duration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

fn assume_role(
    inner: &Inner,
    parameters: &HashMap<String, String>,
    caller: &Principal,
    now: Timestamp,
) -> Result<String, Refusal> {
    let (arn, session) = wanted(parameters)?;
    let of = |key: &str| parameters.get(key).map_or("", String::as_str);
    let denied = || {
        let message = format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}", caller.arn);
        Refusal::new(403, "AccessDenied", message)
    };
    if caller.arn.ends_with(":root") {
        return Err(Refusal::new(403, "AccessDenied", "Roles may not be assumed by root accounts."));
    }
    let view = inner.iam.view();
    // A role that is not there and one that does not trust the caller are refused alike.
    let role = view.roles.values().find(|role| role.arn == arn).ok_or_else(denied)?;
    let own = super::authorise::role_of(&caller.arn).and_then(|name| view.roles.get(name));
    let mut context = access::Context::from([("aws:principalaccount".into(), inner.account.clone())]);
    if !of("ExternalId").is_empty() {
        context.insert("sts:externalid".into(), of("ExternalId").to_owned());
    }
    let names = [Some(caller.arn.as_str()), own.map(|role| role.arn.as_str())];
    let named: Vec<&str> = names.into_iter().flatten().collect();
    let account = [inner.account.clone(), format!("arn:aws:iam::{}:root", inner.account)];
    let account: Vec<&str> = account.iter().map(String::as_str).collect();
    if !access::trusts_principal(role, &named, "sts:AssumeRole", &context) {
        // Trust in the account leaves it to the caller's own policies.
        let may = own.is_none_or(|own| {
            access::may(&view, &own.into(), None, "sts:AssumeRole", arn, &context) == access::Decision::Allowed
        });
        if !may || !access::trusts_principal(role, &account, "sts:AssumeRole", &context) {
            return Err(denied());
        }
    }
    let most = u64::try_from(role.max_session_duration).unwrap_or(3600);
    // A role that takes a role has an hour at most.
    let chained = if own.is_some() { 3600 } else { most };
    let expires = later(now, duration(parameters, 3600, most.min(chained))?);
    Ok(taken(inner, role, session, expires))
}

/// The role that is asked for, and the session's name.
fn wanted(parameters: &HashMap<String, String>) -> Result<(&str, &str), Refusal> {
    let of = |key: &str| parameters.get(key).map_or("", String::as_str);
    let (arn, session) = (of("RoleArn"), of("RoleSessionName"));
    if !arn.starts_with("arn:") || arn.split(':').count() < 6 {
        return Err(invalid(format!("{arn} is invalid")));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(2..=64).contains(&session.len()) || !session.chars().all(fits) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{session}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
        )));
    }
    Ok((arn, session))
}

/// Keys for a session of that role, and whom they make of the caller.
fn taken(inner: &Inner, role: &RoleView, session: &str, expires: Timestamp) -> String {
    let assumed = format!("arn:aws:sts::{}:assumed-role/{}/{session}", inner.account, role.name);
    let user_id = format!("{}:{session}", role.role_id);
    let out = inner.sts.keys(Session { arn: assumed.clone(), user_id: user_id.clone(), expires });
    format!(
        "{out}<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>",
        escape(&user_id),
        escape(&assumed)
    )
}

fn with_web_identity(inner: &Inner, parameters: &HashMap<String, String>, now: Timestamp) -> Result<String, Refusal> {
    let (arn, session) = wanted(parameters)?;
    let token = parameters.get("WebIdentityToken").map_or("", String::as_str);
    let claims = web_identity::claims(inner, token, now)?;
    let found = web_identity::take(inner, &claims, arn)?;
    let most = u64::try_from(found.role.max_session_duration).unwrap_or(3600);
    let expires = later(now, duration(parameters, 3600, most)?);
    Ok(format!(
        "{}<SubjectFromWebIdentityToken>{}</SubjectFromWebIdentityToken><Provider>{}</Provider><Audience>{}</Audience>",
        taken(inner, &found.role, session, expires),
        escape(&claims.subject),
        escape(&found.provider),
        escape(&found.audience),
    ))
}

fn session_token(
    inner: &Inner,
    parameters: &HashMap<String, String>,
    caller: &Principal,
    now: Timestamp,
) -> Result<String, Refusal> {
    if caller.arn.contains(":assumed-role/") {
        return Err(Refusal::new(403, "AccessDenied", "Cannot call GetSessionToken with session credentials"));
    }
    let (default, most) = if caller.arn.ends_with(":root") { (3600, 3600) } else { (43_200, 129_600) };
    let expires = later(now, duration(parameters, default, most)?);
    let user_id = if caller.user_id.is_empty() { unique_id("AIDA", &caller.arn) } else { caller.user_id.clone() };
    Ok(inner.sts.keys(Session { arn: caller.arn.clone(), user_id, expires }))
}
