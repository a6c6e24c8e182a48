//! Asks a session for one step after the other.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::progress::Progress;
use crate::lesson::{Course, StepId};
use crate::session::{Cause, Event, Request, StepState};

/// Goes through steps; a page whose step fails is left for the next page.
pub struct Conductor<'p> {
    order: Vec<StepId>,
    at: usize,
    bail: bool,
    requests: mpsc::UnboundedSender<Request>,
    course: Arc<Course>,
    progress: &'p Progress,
}

impl<'p> Conductor<'p> {
    /// One that has asked for nothing yet.
    pub fn new(
        order: Vec<StepId>,
        bail: bool,
        requests: mpsc::UnboundedSender<Request>,
        course: Arc<Course>,
        progress: &'p Progress,
    ) -> Self {
        Self { order, at: 0, bail, requests, course, progress }
    }

    /// Asks for the step that is next, or for the end.
    pub fn next(&mut self) {
        let request = self.order.get(self.at).map_or(Request::Quit, |id| Request::Run(*id));
        self.ask(request);
    }

    /// Asks for something. A session that has ended needs no more of it.
    pub fn ask(&self, request: Request) {
        drop(self.requests.send(request));
    }

    /// Takes what the session tells.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::StepDone { id, report } => {
                let command = self.course.step(*id).and_then(|step| step.commands.first());
                let page = self.course.lessons.get(id.lesson).map_or("", |lesson| lesson.front_matter.title.as_str());
                self.progress.step(page, report, command.map_or("", |command| command.text.as_str()));
            }
            Event::Notice { text } | Event::Refused { text } => self.progress.line(&format!("lectern: {text}")),
            Event::Step { id, state } if self.order.get(self.at) == Some(id) => match state {
                StepState::Passed => {
                    self.at += 1;
                    self.next();
                }
                StepState::Failed(Cause::Cancelled) | StepState::Unfinished => self.ask(Request::Quit),
                StepState::Failed(_) => {
                    let lesson = id.lesson;
                    self.at = if self.bail {
                        self.order.len()
                    } else {
                        self.order.iter().position(|other| other.lesson > lesson).unwrap_or(self.order.len())
                    };
                    self.next();
                }
                _ => {}
            },
            _ => {}
        }
    }
}
