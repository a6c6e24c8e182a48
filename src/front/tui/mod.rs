//! The terminal screen: a model, what changes it, and a view of it. It draws only when something has changed; all work is
//! the session's, on its own thread.

mod card;
mod difference;
mod document;
mod editor;
mod highlight;
pub mod keys;
mod model;
mod output;
mod picture;
pub mod preview;
mod prompt;
mod setter;
mod system;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
pub mod theme;
mod update;
mod view;
mod wrap;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::EventStream;
use futures::StreamExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use self::keys::KeyMap;
use self::model::{Model, Wish};
use self::picture::Pictures;
use self::terminal::Screen;
pub use self::terminal::give_back;
use self::theme::Theme;
use self::view::{Cache, view};
use super::clipboard;
use crate::fault::{Room, may_panic};
use crate::lesson::Course;
use crate::session::{Event, Request, state_home};

/// For so long events are taken in before keys are looked at again.
const BATCH: Duration = Duration::from_millis(4);

/// While output streams, drawings are no closer than this: what comes in between is drawn with the next. A key is drawn
/// at once.
const APART: Duration = Duration::from_millis(16);

/// How a person wants the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Which key does what.
    pub keys: KeyMap,
    /// The styles.
    pub theme: Theme,
    /// Whether the mouse is on from the start.
    pub mouse: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { keys: KeyMap::default(), theme: Theme::from_environment(), mouse: false }
    }
}

/// Shows the course until the learner quits, the session ends, or `ended` says that a signal came; answers the exit
/// status. The terminal is as it was before on every way out. `shown` is called when the first screen is to be seen: what is
/// begun then does not hold it up.
///
/// # Errors
/// When the terminal cannot be used.
pub async fn run(
    course: Arc<Course>,
    options: Options,
    requests: UnboundedSender<Request>,
    mut events: UnboundedReceiver<Event>,
    ended: impl Future<Output = u8>,
    shown: impl FnOnce(),
) -> io::Result<u8> {
    let mut screen = Screen::take()?;
    let size = screen.terminal().size()?;
    let mut model = Model::new(course, options, (size.width, size.height));
    model.pictures = Pictures::of_terminal();
    let mut cache = Cache { links: screen.links(), ..Cache::default() };
    let mut input = EventStream::new();
    let mut stops = system::Stops::listen();
    let mut shown = Some(shown);
    let mut colours = None;
    highlight::hold();
    tokio::pin!(ended);
    let mut drawn = Instant::now().checked_sub(APART).unwrap_or_else(Instant::now);
    let mut late = false;
    while !model.quit {
        may_panic(Room::Draw);
        for wish in std::mem::take(&mut model.wishes) {
            grant(wish, &mut model, &mut screen)?;
        }
        if !late {
            screen.terminal().draw(|frame| view(frame, &mut model, &mut cache))?;
            drawn = Instant::now();
        }
        if let Some(shown) = shown.take() {
            shown();
            colours = Some(highlight::load());
        }
        let asked = tokio::select! {
            biased;
            status = &mut ended => {
                drop(requests.send(Request::Quit));
                return Ok(status);
            }
            typed = input.next() => {
                late = false;
                match typed {
                    Some(typed) => update::input(&mut model, &typed?),
                    // The terminal is gone.
                    None => {
                        drop(requests.send(Request::Quit));
                        return Ok(129);
                    }
                }
            }
            () = stops.next() => {
                model.wishes.push(Wish::Suspend);
                late = false;
                Vec::new()
            }
            () = loaded(&mut colours), if colours.is_some() => {
                colours = None;
                Vec::new()
            }
            () = model.pictures.next() => Vec::new(),
            () = tokio::time::sleep_until((drawn + APART).into()), if late => {
                late = false;
                Vec::new()
            }
            event = events.recv() => match event {
                Some(event) => {
                    let began = Instant::now();
                    update::event(&mut model, event);
                    while began.elapsed() < BATCH {
                        match events.try_recv() {
                            Ok(event) => update::event(&mut model, event),
                            Err(_) => break,
                        }
                    }
                    late = drawn.elapsed() < APART;
                    Vec::new()
                }
                None => return Ok(0),
            },
        };
        for request in std::mem::take(&mut model.requests).into_iter().chain(asked) {
            drop(requests.send(request));
        }
    }
    Ok(0)
}

async fn loaded(colours: &mut Option<tokio::sync::oneshot::Receiver<()>>) {
    if let Some(colours) = colours {
        // A thread that broke off leaves code without colours.
        drop(colours.await);
    }
}

/// Does what the terminal is asked for, beside drawing.
fn grant(wish: Wish, model: &mut Model, screen: &mut Screen) -> io::Result<()> {
    match wish {
        Wish::Copy { what, text } => {
            let said = clipboard::copy(&what, &text, Some(&mut io::stdout()), &state_home());
            model.say(said);
        }
        Wish::Mouse(on) => screen.mouse(on)?,
        Wish::Suspend => {
            screen.lend(system::stop)?;
            if model.mouse {
                screen.mouse(true)?;
            }
        }
        Wish::Redraw => screen.terminal().clear()?,
        Wish::Author(_) => {}
    }
    Ok(())
}
