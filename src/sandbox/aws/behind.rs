//! A winterbaume service behind a front of our own, and the one place where what it gets wrong is put right:
//!
//! - its account is always 123456789012 (the one setting is for the whole process): on the way in our account takes that
//!   one's place and the other way round, on the way out they change places again, so that both can occur in documents;
//! - it stamps what it makes with the wall clock: new timestamps become session time;
//! - the unique ids that it gives are of the wrong alphabet: they become IAM's;
//! - it decodes forms byte by byte as if they were Latin-1: what it stored is decoded again as UTF-8.
//!
//! Its state is kept beside it as a view, in our account and time, so that it can be asked without waiting.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use winterbaume_core::{DEFAULT_ACCOUNT_ID, MockRequest, MockResponse, MockService, StatefulService};

use super::wire::{self, Refusal};
use crate::clock::Clock;
use crate::sandbox::SandboxError;

pub(super) struct Behind<S: StatefulService> {
    service: S,
    region: String,
    account: String,
    clock: Clock,
    /// One call at a time: a call, the look at what it changed and the correction belong together.
    turn: tokio::sync::Mutex<()>,
    view: Mutex<Value>,
}

impl<S> Behind<S>
where
    S: StatefulService + MockService,
    S::StateView: Serialize + DeserializeOwned + Default + Send,
{
    /// `region` is the one that the service itself keeps the state under.
    pub fn new(service: S, region: &str, account: &str, clock: &Clock) -> Self {
        Self {
            service,
            region: region.into(),
            account: account.into(),
            clock: clock.clone(),
            turn: tokio::sync::Mutex::default(),
            view: Mutex::new(Value::Null),
        }
    }

    /// The state, in our account and session time.
    pub fn view(&self) -> S::StateView {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::from_value(view.clone()).unwrap_or_default()
    }

    /// The state as data.
    pub fn snapshot(&self) -> Value {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes back to a state.
    pub async fn restore(&self, mut state: Value) -> Result<(), SandboxError> {
        let _turn = self.turn.lock().await;
        self.put(&state).await?;
        // As the service itself says it, so that later looks compare like with like.
        state = self.look().await?;
        self.keep(state);
        Ok(())
    }

    /// Lets the service answer. `uri` is what it routes by; the body is in its account already where that matters to the
    /// encoding, see [`swap`].
    pub async fn call(&self, mut request: MockRequest, mutating: bool) -> Result<MockResponse, SandboxError> {
        let _turn = self.turn.lock().await;
        let query = request.uri.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
        if request.uri.contains('?') || request.uri.contains(&self.account) {
            request.uri = wire_uri(&request.uri, &query, &self.account);
        }
        let known = self.known();
        let mut response = self.service.handle(request).await;
        if mutating && response.status / 100 == 2 {
            let mut after = self.look().await?;
            let now = self.clock.now();
            correct(&mut after, &known, now);
            self.put(&after).await?;
            self.keep(after);
        }
        let text = swap(&String::from_utf8_lossy(&response.body), &self.account);
        response.body = self.in_session_time(&text, &self.known()).into();
        Ok(response)
    }

    /// Changes the state without the service.
    pub async fn edit<T>(&self, change: impl FnOnce(&mut S::StateView) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let failed = |error: SandboxError| Refusal::new(500, "ServiceFailure", error.to_string());
        let _turn = self.turn.lock().await;
        let mut view = self.view();
        let out = change(&mut view)?;
        let state = serde_json::to_value(view).map_err(|error| failed(SandboxError::Snapshot(error.to_string())))?;
        self.put(&state).await.map_err(failed)?;
        self.keep(state);
        Ok(out)
    }

    fn keep(&self, state: Value) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    async fn put(&self, state: &Value) -> Result<(), SandboxError> {
        let view = serde_json::from_value(swap_all(state, &self.account))
            .map_err(|error| SandboxError::Snapshot(error.to_string()))?;
        self.service
            .restore(DEFAULT_ACCOUNT_ID, &self.region, view)
            .await
            .map_err(|error| SandboxError::Snapshot(error.to_string()))
    }

    async fn look(&self) -> Result<Value, SandboxError> {
        let view = self.service.snapshot(DEFAULT_ACCOUNT_ID, &self.region).await;
        let view = serde_json::to_value(view).map_err(|error| SandboxError::Snapshot(error.to_string()))?;
        Ok(swap_all(&view, &self.account))
    }

    /// Every moment that the state holds.
    fn known(&self) -> HashSet<Timestamp> {
        let mut known = HashSet::new();
        collect(&self.view.lock().unwrap_or_else(PoisonError::into_inner), &mut known);
        known
    }

    /// Replaces moments in an answer that the state does not hold: the service took them from the wall clock.
    fn in_session_time(&self, text: &str, known: &HashSet<Timestamp>) -> String {
        let seconds: HashSet<i64> = known.iter().map(|moment| moment.as_second()).collect();
        let now = self.clock.now();
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("Date>").map(|at| at + "Date>".len()) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let end = rest.find('<').unwrap_or(0);
            match rest[..end].parse::<Timestamp>() {
                Ok(moment) if !seconds.contains(&moment.as_second()) => out.push_str(&iso_seconds(now)),
                _ => out.push_str(&rest[..end]),
            }
            rest = &rest[end..];
        }
        out.push_str(rest);
        out
    }
}

/// `2026-01-02T03:04:05Z`, as IAM writes moments.
pub(super) fn iso_seconds(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn wire_uri(uri: &str, query: &str, account: &str) -> String {
    let path = uri.split('?').next().unwrap_or(uri);
    let path: Vec<String> = path
        .split('/')
        .map(|part| {
            // Scheme and host hold no account; colons of ARNs must survive, so only what changes is encoded anew.
            let plain = wire::percent_decode(part, false);
            let swapped = swap(&plain, account);
            if swapped == plain { part.to_owned() } else { wire::percent_encode(&swapped) }
        })
        .collect();
    let mut uri = path.join("/");
    if !query.is_empty() {
        let pairs: Vec<_> = wire::form(query).into_iter().map(|(k, v)| (k, swap(&v, account))).collect();
        uri.push('?');
        uri.push_str(&wire::to_form(&pairs));
    }
    uri
}

/// Lets our account and the service's change places. Its own inverse: only whole numbers of twelve digits change.
pub(super) fn swap(text: &str, account: &str) -> String {
    if account == DEFAULT_ACCOUNT_ID {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let end = rest[start..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |len| start + len);
        out.push_str(&rest[..start]);
        out.push_str(match &rest[start..end] {
            number if number == account => DEFAULT_ACCOUNT_ID,
            DEFAULT_ACCOUNT_ID => account,
            number => number,
        });
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

fn swap_all(value: &Value, account: &str) -> Value {
    match value {
        Value::String(text) => Value::String(swap(text, account)),
        Value::Array(items) => items.iter().map(|item| swap_all(item, account)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (swap(key, account), swap_all(value, account))).collect())
        }
        other => other.clone(),
    }
}

/// Whether a member of a view holds a moment.
fn is_moment(key: &str) -> bool {
    key.ends_with("_date") || key.ends_with("_at") || key == "expiration" || key == "valid_until"
}

fn collect(value: &Value, known: &mut HashSet<Timestamp>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if is_moment(key) => known.extend(text.parse::<Timestamp>()),
                    value => collect(value, known),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, known)),
        _ => {}
    }
}

/// The prefix of the ids in a member of a view
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>).
fn id_prefix(key: &str) -> Option<&'static str> {
    Some(match key {
        "role_id" => "AROA",
        "policy_id" => "ANPA",
        "user_id" => "AIDA",
        "group_id" => "AGPA",
        "instance_profile_id" => "AIPA",
        _ => return None,
    })
}

fn is_id(prefix: &str, id: &str) -> bool {
    id.starts_with(prefix) && id.len() == 21 && id.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b))
}

/// A unique id as IAM gives them, the same for the same `source`.
pub(super) fn unique_id(prefix: &str, source: &str) -> String {
    use sha2::Digest;
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = sha2::Sha256::digest(source.as_bytes());
    let tail: String = digest.iter().take(17).map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    format!("{prefix}{tail}")
}

/// Sets moments that were not known to `now`, and undoes the wrong decoding of text.
fn correct(value: &mut Value, known: &HashSet<Timestamp>, now: Timestamp) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(text) if is_moment(key) => {
                        if text.parse::<Timestamp>().is_ok_and(|moment| !known.contains(&moment)) {
                            *text = iso_seconds(now);
                        }
                    }
                    Value::String(id) => match id_prefix(key) {
                        Some(prefix) if !is_id(prefix, id) => *id = unique_id(prefix, id),
                        _ => correct(value, known, now),
                    },
                    value => correct(value, known, now),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| correct(item, known, now)),
        Value::String(text) if !text.is_ascii() => {
            let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
            if let Some(decoded) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
                *text = decoded;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_change_places_and_back() {
        let ours = "889914021345";
        for text in [
            "arn:aws:iam::889914021345:role/x and 123456789012",
            "1234567890123 888899140213459",
            "889914021345123456789012",
            "ünï 889914021345",
        ] {
            assert_eq!(swap(&swap(text, ours), ours), text);
        }
        assert_eq!(swap("a:889914021345:b:123456789012", ours), "a:123456789012:b:889914021345");
        assert_eq!(swap("1234567890123", ours), "1234567890123");
    }

    #[test]
    fn only_unknown_moments_become_now() {
        let old: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let now: Timestamp = "2026-05-05T05:05:05Z".parse().unwrap();
        let mut state = serde_json::json!({"a": {"create_date": "2026-01-01T00:00:00+00:00", "update_date": "2031-01-01T00:00:00.123+00:00"},
            "text": "\u{c3}\u{bc}", "name": "2031-01-01T00:00:00Z"});
        correct(&mut state, &HashSet::from([old]), now);
        assert_eq!(
            state,
            serde_json::json!({"a": {"create_date": "2026-01-01T00:00:00+00:00", "update_date": "2026-05-05T05:05:05Z"},
                "text": "ü", "name": "2031-01-01T00:00:00Z"})
        );
    }
}
