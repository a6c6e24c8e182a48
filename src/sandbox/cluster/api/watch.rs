//! Watches: the changes of a list as they happen, one JSON document a line.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::body::{self, Body};
use super::kinds::Kind;
use super::read::{Form, Include, deprecation, metadata_only};
use super::request::{Call, Target, number};
use super::selector::Selector;
use super::{Server, Status, convert, table};
use crate::clock::Clock;
use crate::sandbox::cluster::store::{self, Change, Watch, WatchEvent};

/// How long a watch lasts when the request does not say: a real server chooses between 30 and 60 minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// How often a watch that allows bookmarks gets one.
const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);

impl Server {
    /// Starts a watch.
    pub(super) fn watch(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let form = Form::of(call)?;
        let kind = &target.kind;
        let fields = match (&target.name, call.param("fieldSelector")) {
            (Some(name), None) => Some(format!("metadata.name={name}")),
            (Some(name), Some(fields)) => Some(format!("metadata.name={name},{fields}")),
            (None, fields) => fields.map(str::to_owned),
        };
        let selector = Selector::parse(kind, call.param("labelSelector"), fields.as_deref())?;
        let timeout = number::<u64>(call, "timeoutSeconds")?.filter(|seconds| *seconds > 0);
        let version = number::<u64>(call, "resourceVersion")?.unwrap_or(0);
        let initial = call.flag("sendInitialEvents");
        if call.param("sendInitialEvents").is_some() && call.param("resourceVersionMatch") != Some("NotOlderThan") {
            let message = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            return Err(Status::new(422, "Invalid", message));
        }
        let mut stream = Stream {
            kind: kind.clone(),
            namespace: target.namespace.clone(),
            selector,
            form,
            clock: self.clock().clone(),
            headers_sent: false,
            ready: VecDeque::new(),
            bookmarks: call.flag("allowWatchBookmarks"),
            next_bookmark: self.clock().elapsed().saturating_add(BOOKMARK_PERIOD),
            until: self.clock().elapsed().saturating_add(timeout.map_or(DEFAULT_TIMEOUT, Duration::from_secs)),
            watch: None,
        };
        // A watch without a version, or from "0", begins with what there is.
        let from = if version == 0 || initial {
            let (objects, revision) = self.store().list_at(&kind.resource(), target.namespace.as_deref());
            if version > revision {
                let message = format!("Too large resource version: {version}, current: {revision}");
                return Err(Status::new(504, "Timeout", message));
            }
            if initial || call.param("sendInitialEvents").is_none() {
                for object in &objects {
                    if stream.selector.matches(object) {
                        stream.say("ADDED", object);
                    }
                }
            }
            if initial && stream.bookmarks {
                stream.bookmark(revision, true);
            }
            revision
        } else {
            version
        };
        match self.store().watch(Some(kind.resource()), Some(from)) {
            Ok(watch) => stream.watch = Some(watch),
            Err(store::Gone) => stream.expired(from, self.store().revision()),
        }
        let stream = futures::stream::unfold(stream, |mut stream| async {
            let line = stream.next().await?;
            Some((line, stream))
        });
        let mut response = Response::new(body::streamed(stream));
        *response.status_mut() = StatusCode::OK;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        body::warn(response.headers_mut(), &deprecation(kind));
        Ok(response)
    }
}

/// One document of a watch.
fn line(kind: &str, object: &Value) -> Bytes {
    Bytes::from(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"))
}

struct Stream {
    kind: Kind,
    namespace: Option<String>,
    selector: Selector,
    form: Form,
    clock: Clock,
    /// Whether a Table's columns have been told: they come with the first row only.
    headers_sent: bool,
    ready: VecDeque<Bytes>,
    bookmarks: bool,
    next_bookmark: Duration,
    until: Duration,
    /// `None` once the watch has ended.
    watch: Option<Watch>,
}

impl Stream {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(line);
            }
            let watch = self.watch.as_mut()?;
            let wake = if self.bookmarks { self.next_bookmark.min(self.until) } else { self.until };
            tokio::select! {
                biased;
                event = watch.next() => match event {
                    Some(event) => self.tell(&event),
                    None => {
                        let seen = watch.seen();
                        self.expired(seen, seen);
                    }
                },
                _ = self.clock.sleep_until(wake) => {
                    if self.clock.elapsed() >= self.until {
                        return None;
                    }
                    let seen = watch.seen();
                    self.next_bookmark = self.clock.elapsed().saturating_add(BOOKMARK_PERIOD);
                    self.bookmark(seen, false);
                }
            }
        }
    }

    fn selects(&self, object: &Value) -> bool {
        let here = self.namespace.as_deref().is_none_or(|namespace| object["metadata"]["namespace"] == namespace);
        here && self.selector.matches(object)
    }

    /// A change as this watch sees it: an object that ceases to be selected is gone, one that begins to be is new.
    fn tell(&mut self, event: &WatchEvent) {
        let before = event.previous.as_deref().is_some_and(|object| self.selects(object));
        let after = event.kind != Change::Deleted && self.selects(&event.object);
        match (before, after) {
            (false, true) if event.kind == Change::Added => self.say_event("ADDED", event),
            (false, true) => self.say("ADDED", &event.object),
            (true, true) => self.say_event("MODIFIED", event),
            (true, false) if event.kind == Change::Deleted => self.say_event("DELETED", event),
            (true, false) => {
                // The last state that was selected, with the version of the change.
                let mut last = event.previous.as_deref().cloned().unwrap_or_default();
                last["metadata"]["resourceVersion"] = event.revision.to_string().into();
                self.say("DELETED", &last);
            }
            (false, false) => {}
        }
    }

    fn say(&mut self, kind: &str, object: &Value) {
        let line = match self.form {
            Form::Whole => line(kind, &convert::shown(&self.kind, object)),
            Form::Metadata => line(kind, &metadata_only(object)),
            Form::Table(include) => line(kind, &self.table(object, include)),
        };
        self.ready.push_back(line);
    }

    /// As [`Stream::say`] of an event's own object: many watches say the same.
    fn say_event(&mut self, kind: &str, event: &WatchEvent) {
        if matches!(self.form, Form::Whole) && event.object["apiVersion"] == self.kind.api_version() {
            self.ready.push_back(event.line.get_or_init(|| line(kind, &event.object)).clone());
        } else {
            self.say(kind, &event.object);
        }
    }

    fn table(&mut self, object: &Value, include: Include) -> Value {
        let mut table = table::render(&self.kind, [object], include, self.clock.now(), !self.headers_sent);
        table["metadata"] = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
        self.headers_sent = true;
        table
    }

    fn bookmark(&mut self, revision: u64, initial: bool) {
        let mut meta = json!({"resourceVersion": revision.to_string()});
        if !matches!(self.form, Form::Table(_)) {
            meta["creationTimestamp"] = Value::Null;
        }
        if initial {
            meta["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.form {
            Form::Whole => {
                json!({"kind": self.kind.kind, "apiVersion": self.kind.api_version(), "metadata": meta})
            }
            Form::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta})
            }
            Form::Table(_) => {
                json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "columnDefinitions": null, "rows": []})
            }
        };
        self.ready.push_back(line("BOOKMARK", &object));
    }

    /// Ends the watch: it asked for, or waited for, what is forgotten.
    fn expired(&mut self, asked: u64, oldest: u64) {
        let status = Status::expired(format!("too old resource version: {asked} ({oldest})"));
        self.ready.push_back(line("ERROR", &status.to_json()));
        self.watch = None;
    }
}
