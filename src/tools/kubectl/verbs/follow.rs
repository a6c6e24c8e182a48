//! Following one object until something is true of it, by a list and a watch that is opened again when it ends.

use std::time::Duration;

use serde_json::Value;

use super::get_watch::status;
use crate::tools::kubectl::api::{Call, Stream};
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::resources::{Object, with_kind};
use crate::tools::kubectl::session::Session;

/// How long to wait before a watch that broke is opened again.
const AGAIN: Duration = Duration::from_secs(1);

/// What happened to the object.
#[derive(Debug, Clone)]
pub enum Event {
    /// It is not there when the following begins, or not any more when the watch had to be opened again.
    Absent,
    /// It is there, or was changed.
    Present(Value),
    /// It was deleted.
    Deleted,
}

/// Follows one object.
pub struct Following<'a> {
    session: &'a Session,
    object: &'a Object,
    list: Call,
    /// The version of the object that was told last; empty when it was not there.
    known: Option<String>,
    stream: Option<Stream>,
    /// Whether a watch was open before: then a pause comes ahead of the next.
    again: bool,
}

impl<'a> Following<'a> {
    /// Begins to follow.
    pub fn new(session: &'a Session, object: &'a Object) -> Self {
        let list = Call::get(object.mapping.path(&object.namespace, "", ""))
            .query("fieldSelector", format!("metadata.name={}", object.name));
        Self { session, object, list, known: None, stream: None, again: false }
    }

    /// What happens next. The first answer is what is there now.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            let Some(stream) = &mut self.stream else {
                if let Some(event) = self.open().await? {
                    return Ok(event);
                }
                continue;
            };
            let Some((kind, value)) = stream.event().await? else {
                self.stream = None;
                continue;
            };
            match kind.as_str() {
                "ADDED" | "MODIFIED" => {
                    self.known = version(&value);
                    return Ok(Event::Present(value));
                }
                "DELETED" => {
                    self.known = Some(String::new());
                    return Ok(Event::Deleted);
                }
                "ERROR" if value["code"] == 410 => self.stream = None,
                "ERROR" => return Err(status(&value)),
                _ => {}
            }
        }
    }

    /// Lists, opens the watch from there, and tells what changed since the last time.
    async fn open(&mut self) -> Result<Option<Event>, Failure> {
        let api = self.session.api().await?;
        if std::mem::replace(&mut self.again, true) {
            self.session.clock().sleep(AGAIN).await;
        }
        let mut found = match api.value(&self.list).await {
            Ok(found) => found,
            // A server that went away in the middle comes back.
            Err(failure) if self.known.is_some() && passes(&failure) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let from = version(&found).unwrap_or_default();
        let watch = self.list.clone().query("resourceVersion", from).query("watch", "true");
        match api.stream(&watch.query("allowWatchBookmarks", "true")).await {
            Ok(stream) => self.stream = Some(stream),
            Err(failure) if passes(&failure) => return Ok(None),
            Err(Failure::Api(failure)) if failure.code == 410 => return Ok(None),
            Err(failure) => return Err(failure),
        }
        let item = found["items"].as_array_mut().and_then(|items| items.first_mut()).map(Value::take);
        let now = Some(item.as_ref().and_then(version).unwrap_or_default());
        let changed = self.known != now;
        self.known = now;
        Ok(match item {
            _ if !changed => None,
            None => Some(Event::Absent),
            Some(item) => Some(Event::Present(with_kind(item, &self.object.mapping))),
        })
    }
}

/// Whether a server that was there before may be there again later: it is away, starting or has too much to do.
fn passes(failure: &Failure) -> bool {
    match failure {
        Failure::Away { .. } => true,
        Failure::Api(failure) => failure.code == 429 || failure.code >= 500,
        _ => false,
    }
}

fn version(value: &Value) -> Option<String> {
    value["metadata"]["resourceVersion"].as_str().map(str::to_owned)
}
