//! The terminal itself: taken at the start, given back on every way out.

use std::io::{self, Stdout, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use std::cell::RefCell;
use std::rc::Rc;

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{execute, queue, style::Print};
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal in raw mode on its alternate screen. Dropping it gives the terminal back: so does a panic of the thread that draws.
pub struct Screen {
    terminal: Terminal<Linked>,
    links: Rc<RefCell<Links>>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none, or it refuses.
    pub fn take() -> io::Result<Self> {
        let links = Rc::new(RefCell::new(Links::new()));
        let backend = Linked { inner: CrosstermBackend::new(stdout()), links: Rc::clone(&links) };
        match take().and_then(|()| Terminal::new(backend)) {
            Ok(terminal) => Ok(Self { terminal, links }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// What is a link in the next drawing: to be filled while drawing.
    pub fn links(&self) -> Rc<RefCell<Links>> {
        Rc::clone(&self.links)
    }

    /// Switches the mouse on or off.
    ///
    /// # Errors
    /// As the terminal's.
    pub fn mouse(&mut self, on: bool) -> io::Result<()> {
        if on { execute!(stdout(), EnableMouseCapture) } else { execute!(stdout(), DisableMouseCapture) }
    }

    /// Gives the terminal back while something goes on, and takes it again.
    ///
    /// # Errors
    /// When it can't be taken again.
    pub fn lend(&mut self, meanwhile: impl FnOnce()) -> io::Result<()> {
        give_back();
        meanwhile();
        take()?;
        self.terminal.clear()
    }

    /// The terminal to draw on.
    pub fn terminal(&mut self) -> &mut Terminal<Linked> {
        &mut self.terminal
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Brings the terminal back to how it was, once. What fails here has nobody left to tell.
pub fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        drop(execute!(stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show));
        drop(disable_raw_mode());
    }
}

fn take() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)
}

/// Row, first column, columns and address of each link on the screen.
pub type Links = Vec<(u16, u16, u16, String)>;

/// The terminal, with links (OSC 8) around the cells that are part of one. The addresses are checked before they come here.
pub struct Linked {
    inner: CrosstermBackend<Stdout>,
    links: Rc<RefCell<Links>>,
}

impl Backend for Linked {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let links = self.links.borrow();
        if links.is_empty() {
            return self.inner.draw(content);
        }
        let of =
            |x: u16, y: u16| links.iter().position(|(row, from, wide, _)| *row == y && x >= *from && x - *from < *wide);
        let mut cells: Vec<(u16, u16, &Cell)> = Vec::new();
        let mut open: Option<usize> = None;
        for (x, y, cell) in content {
            let link = of(x, y);
            if link != open {
                flush(&mut self.inner, &mut cells, open.and_then(|at| links.get(at)).map(|link| link.3.as_str()))?;
                open = link;
            }
            cells.push((x, y, cell));
        }
        flush(&mut self.inner, &mut cells, open.and_then(|at| links.get(at)).map(|link| link.3.as_str()))
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // Clearing asks for it, to put it back. The terminal's answer would go to whoever reads the keys, and the cursor is
        // hidden: it may be anywhere.
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.inner)
    }
}

/// Draws what has been collected, as a link if it is part of one.
fn flush(
    inner: &mut CrosstermBackend<Stdout>,
    cells: &mut Vec<(u16, u16, &Cell)>,
    link: Option<&str>,
) -> io::Result<()> {
    if cells.is_empty() {
        return Ok(());
    }
    if let Some(url) = link {
        queue!(inner, Print(format!("\u{1b}]8;;{url}\u{1b}\\")))?;
    }
    inner.draw(cells.drain(..))?;
    if link.is_some() {
        queue!(inner, Print("\u{1b}]8;;\u{1b}\\"))?;
    }
    Ok(())
}
