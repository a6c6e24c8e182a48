//! `lectern preview`: the learner's screen for a page's author. Everything is open, files are taken up as they are saved, and
//! what is wrong with them stands beside them.

mod model;
mod place;
mod runs;
#[cfg(test)]
mod tests;
mod view;
mod watch;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use crossterm::event::{Event as Input, EventStream, KeyEventKind};
use futures::StreamExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use self::model::Preview;
pub use self::model::{Look, Remark};
pub use self::watch::Watched;
use self::watch::{Quiet, Watcher};
use super::document::Page;
use super::model::{Model, Wish};
use super::picture::Pictures;
use super::terminal::Screen;
use super::view::{Cache, view as draw_page};
use super::{APART, BATCH, Options, grant, system, update};
use crate::lesson::Course;
use crate::session::{Event, Request};

/// A session that runs.
pub struct Running {
    /// What it may be asked.
    pub requests: UnboundedSender<Request>,
    /// What it tells.
    pub events: UnboundedReceiver<Event>,
    /// Waits for its end; answers why it could not do its work, if so.
    pub end: Box<dyn FnOnce() -> Option<String> + Send>,
}

/// What a preview needs of the world outside of the screen.
pub trait Author: Send + Sync + 'static {
    /// Looks at the files. Pages that cannot be used are taken from `before`.
    fn look(&self, before: &Course) -> Look;

    /// Starts a session for a course.
    ///
    /// # Errors
    /// A message for the author.
    fn start(&self, course: Arc<Course>) -> Result<Running, String>;
}

/// Shows the course until the author quits, or `ended` says that a signal came; answers the exit status. With `poll` files are
/// looked at again and again.
///
/// # Errors
/// When the terminal cannot be used.
pub async fn run(
    author: Arc<dyn Author>,
    course: Arc<Course>,
    first: Look,
    options: Options,
    poll: bool,
    ended: impl Future<Output = u8>,
) -> io::Result<u8> {
    let mut screen = Screen::take()?;
    let size = screen.terminal().size()?;
    let mut model = Model::new(course, options, (size.width, size.height));
    model.preview = true;
    model.pictures = Pictures::of_terminal();
    let mut preview = Preview::new(&first);
    let mut world = first.world;
    let (mut watcher, said) = Watcher::new(poll);
    said.into_iter().chain(watcher.watch(&first.watched)).for_each(|text| model.say(text));
    let mut session = start(&*author, &mut model);
    let mut over = Vec::new();
    let mut cache = Cache { links: screen.links(), ..Cache::default() };
    let mut input = EventStream::new();
    let mut stops = system::Stops::listen();
    let mut quiet = Quiet::default();
    let mut looking: Option<tokio::task::JoinHandle<Look>> = None;
    tokio::pin!(ended);
    let mut drawn = Instant::now().checked_sub(APART).unwrap_or_else(Instant::now);
    let mut late = false;
    let mut status = 0;
    while !model.quit {
        let mut asked = Vec::new();
        for wish in std::mem::take(&mut model.wishes) {
            match wish {
                Wish::Author(action) => asked.extend(model::act(&mut model, &mut preview, action)),
                wish => grant(wish, &mut model, &mut screen)?,
            }
        }
        tell(session.as_ref(), asked);
        if !late {
            screen.terminal().draw(|frame| {
                draw_page(frame, &mut model, &mut cache);
                if view::settle(&mut model, &mut preview, &cache.page.document) {
                    frame.buffer_mut().reset();
                    draw_page(frame, &mut model, &mut cache);
                }
                view::over(frame, &model, &preview, &cache.page.document);
            })?;
            drawn = Instant::now();
        }
        let due = quiet.due();
        tokio::select! {
            biased;
            signal = &mut ended => {
                status = signal;
                break;
            }
            typed = input.next() => {
                late = false;
                match typed {
                    Some(typed) => {
                        let asked = take(&mut model, &mut preview, &typed?);
                        tell(session.as_ref(), asked);
                    }
                    // The terminal is gone.
                    None => {
                        status = 129;
                        break;
                    }
                }
            }
            () = stops.next() => {
                model.wishes.push(Wish::Suspend);
                late = false;
            }
            () = tokio::time::sleep_until((drawn + APART).into()), if late => late = false,
            () = model.pictures.next() => late = false,
            event = next(&mut session) => match event {
                Some(event) => {
                    let began = Instant::now();
                    model::hear(&mut model, &mut preview, event);
                    while began.elapsed() < BATCH {
                        match session.as_mut().map(|session| session.events.try_recv()) {
                            Some(Ok(event)) => model::hear(&mut model, &mut preview, event),
                            _ => break,
                        }
                    }
                    tell(session.as_ref(), std::mem::take(&mut model.requests));
                    late = drawn.elapsed() < APART;
                }
                None => {
                    late = false;
                    let why = session.take().and_then(|session| (session.end)());
                    let why = why.unwrap_or_else(|| "nobody said why".to_owned());
                    model::begin_anew(&mut model, &mut preview);
                    model.started = true;
                    model.say(format!("The session has ended: {why}. Save a file to begin anew."));
                }
            },
            said = watcher.next() => {
                late = false;
                said.into_iter().for_each(|text| model.say(text));
                quiet.changed(Instant::now());
            }
            () = at(due), if due.is_some() && looking.is_none() => {
                late = false;
                quiet.looked();
                let (author, before) = (Arc::clone(&author), Arc::clone(&model.course));
                looking = Some(tokio::task::spawn_blocking(move || author.look(&before)));
            }
            look = found(&mut looking) => {
                late = false;
                looking = None;
                let Some(look) = look else { continue };
                watcher.watch(&look.watched).into_iter().for_each(|text| model.say(text));
                let lines = place::texts(&cache.page.document);
                let asked = model::reload(&mut model, &mut preview, &look, lines);
                cache.page = Page::default();
                let other = !look.world.is_empty() && look.world != world;
                if other || session.is_none() {
                    world = look.world;
                    if let Some(session) = session.take() {
                        drop(session.requests.send(Request::Quit));
                        over.push(session.end);
                        model.say("What the session starts from has changed: it begins anew.");
                    }
                    model::begin_anew(&mut model, &mut preview);
                    session = start(&*author, &mut model);
                } else {
                    tell(session.as_ref(), asked);
                }
            }
        }
    }
    if let Some(session) = session {
        drop(session.requests.send(Request::Quit));
        over.push(session.end);
    }
    drop(screen);
    // Work folders and programs that steps started go with their sessions.
    over.into_iter().for_each(|end| drop(end()));
    Ok(status)
}

/// Takes what the terminal says.
fn take(model: &mut Model, preview: &mut Preview, input: &Input) -> Vec<Request> {
    if let Input::Key(key) = input
        && preview.list.is_some()
        && key.kind != KeyEventKind::Release
    {
        if let Some(action) = model.options.keys.action(*key) {
            model::act_in_list(model, preview, action);
        }
        return Vec::new();
    }
    let asked = update::input(model, input);
    // An author runs a step as it is now, however often.
    let again = |request| if let Request::Run(id) = request { Request::RunAgain(id) } else { request };
    asked.into_iter().map(again).collect()
}

fn start(author: &dyn Author, model: &mut Model) -> Option<Running> {
    match author.start(Arc::clone(&model.course)) {
        Ok(session) => Some(session),
        Err(why) => {
            model.started = true;
            model.say(format!("No session can be started: {why}. Save a file to try again."));
            None
        }
    }
}

fn tell(session: Option<&Running>, requests: Vec<Request>) {
    if let Some(session) = session {
        requests.into_iter().for_each(|request| drop(session.requests.send(request)));
    }
}

async fn next(session: &mut Option<Running>) -> Option<Event> {
    match session {
        Some(session) => session.events.recv().await,
        None => std::future::pending().await,
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// What was found; none if looking broke off.
async fn found(looking: &mut Option<tokio::task::JoinHandle<Look>>) -> Option<Look> {
    match looking {
        Some(look) => look.await.ok(),
        None => std::future::pending().await,
    }
}
