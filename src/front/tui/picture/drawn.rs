//! Pictures by the protocols of kitty, iTerm2 and sixel. Which one a terminal has is told by its environment: asking it would hold
//! up the first screen, and its answer would come among the keys. Files are read and scaled by threads of their own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use image::{ImageReader, Limits};
use ratatui::Frame;
use ratatui::layout::{Rect, Size};
use ratatui_image::picker::{Picker, ProtocolType};
use ratatui_image::sliced::{SignedPosition, SlicedImage, SlicedProtocol};
use ratatui_image::{FontSize, Resize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::front::files;
use crate::lesson::Course;

/// Rows that a picture takes at most, so that what it belongs to stays in view.
const ROWS: u16 = 20;
/// Pixels in each direction, and bytes while it is read, that a picture may take: files of a lesson may be made to burst.
const PIXELS: u32 = 8192;
const BYTES: u64 = 256 * 1024 * 1024;

/// A picture, ready for the terminal.
pub struct Picture(SlicedProtocol);

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({:?})", self.0.size())
    }
}

impl Picture {
    /// How many rows it takes.
    pub fn rows(&self) -> usize {
        usize::from(self.0.size().height)
    }

    /// Draws what of it lies in `area`, its first row in row `top` of it, which may be above.
    pub fn draw(&self, frame: &mut Frame<'_>, area: Rect, top: isize) {
        if let Ok(top) = i16::try_from(top) {
            frame.render_widget(SlicedImage::new(&self.0, SignedPosition { x: 0, y: top }), area);
        }
    }
}

/// A file, and how many columns there are for it.
type Key = (PathBuf, u16);

/// The pictures of the pages that were shown.
#[derive(Default)]
pub struct Pictures {
    drawer: Option<Drawer>,
}

struct Drawer {
    picker: Picker,
    /// None while it is read, and where it cannot be.
    known: RefCell<BTreeMap<Key, Option<Rc<Picture>>>>,
    tell: UnboundedSender<(Key, SlicedProtocol)>,
    told: UnboundedReceiver<(Key, SlicedProtocol)>,
    version: u64,
}

impl std::fmt::Debug for Pictures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pictures({:?})", self.drawer.as_ref().map(|drawer| drawer.picker.protocol_type()))
    }
}

impl Pictures {
    /// By what the terminal can.
    pub fn of_terminal() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let Some(protocol) = protocol(&variable) else { return Self::default() };
        let Ok(window) = crossterm::terminal::window_size() else { return Self::default() };
        let font = (window.width.checked_div(window.columns), window.height.checked_div(window.rows));
        match font {
            (Some(width @ 1..), Some(height @ 1..)) => Self::by(protocol, FontSize::new(width, height)),
            _ => Self::default(),
        }
    }

    fn by(protocol: ProtocolType, font: FontSize) -> Self {
        #[allow(deprecated, reason = "what takes its place asks the terminal, see above")]
        let mut picker = Picker::from_fontsize(font);
        picker.set_protocol_type(protocol);
        let (tell, told) = unbounded_channel();
        Self { drawer: Some(Drawer { picker, known: RefCell::default(), tell, told, version: 0 }) }
    }

    /// Another number whenever there is another picture.
    pub fn version(&self) -> u64 {
        self.drawer.as_ref().map_or(0, |drawer| drawer.version)
    }

    /// The picture that a page names, at most so many columns wide, if it is there already. What is not is got ready.
    pub fn of(&self, course: &Course, page: &Path, url: &str, columns: usize) -> Option<Rc<Picture>> {
        let drawer = self.drawer.as_ref()?;
        let columns = u16::try_from(columns).ok().filter(|columns| *columns > 0)?;
        let (path, file) = files::picture(course, page, url)?;
        let key = (path, columns);
        if let Some(known) = drawer.known.borrow().get(&key) {
            return known.clone();
        }
        drawer.known.borrow_mut().insert(key.clone(), None);
        let (picker, tell) = (drawer.picker.clone(), drawer.tell.clone());
        std::thread::spawn(move || {
            // Of what is no picture the caption stays.
            if let Some(picture) = read(&picker, file, columns) {
                drop(tell.send((key, picture)));
            }
        });
        None
    }

    /// Waits until another picture is ready.
    pub async fn next(&mut self) {
        match &mut self.drawer {
            Some(drawer) => {
                if let Some((key, picture)) = drawer.told.recv().await {
                    drawer.known.borrow_mut().insert(key, Some(Rc::new(Picture(picture))));
                    drawer.version += 1;
                }
            }
            None => std::future::pending().await,
        }
    }
}

/// The protocol of the terminal that the environment tells of. Inside of tmux and screen nothing gets through unasked.
fn protocol(variable: &dyn Fn(&str) -> Option<String>) -> Option<ProtocolType> {
    let (term, program) = (variable("TERM").unwrap_or_default(), variable("TERM_PROGRAM").unwrap_or_default());
    if variable("TMUX").is_some() || variable("STY").is_some() || term.starts_with("tmux") || term.starts_with("screen")
    {
        return None;
    }
    if variable("KITTY_WINDOW_ID").is_some() || term.contains("kitty") || term.contains("ghostty") {
        return Some(ProtocolType::Kitty);
    }
    match program.as_str() {
        "ghostty" => Some(ProtocolType::Kitty),
        "iTerm.app" | "WezTerm" | "mintty" | "rio" => Some(ProtocolType::Iterm2),
        _ if term.starts_with("foot") || term.starts_with("mlterm") || term.contains("sixel") => {
            Some(ProtocolType::Sixel)
        }
        _ => None,
    }
}

/// Reads a picture and makes it fit.
fn read(picker: &Picker, file: File, columns: u16) -> Option<SlicedProtocol> {
    let mut reader = ImageReader::new(BufReader::new(file)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(PIXELS);
    limits.max_image_height = Some(PIXELS);
    limits.max_alloc = Some(BYTES);
    reader.limits(limits);
    let picture = reader.decode().ok()?;
    let room = Size::new(columns, ROWS);
    let size = Resize::Fit(None).size_for(&picture, picker.font_size(), room);
    SlicedProtocol::new(picker, picture, Some(size)).ok()
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn by(variables: &[(&str, &str)]) -> Option<ProtocolType> {
        let of = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        protocol(&of)
    }

    #[test]
    fn the_environment_tells_the_protocol() {
        for (variables, expected) in [
            (&[("TERM", "xterm-kitty")][..], Some(ProtocolType::Kitty)),
            (&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "ghostty")], Some(ProtocolType::Kitty)),
            (&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "WezTerm")], Some(ProtocolType::Iterm2)),
            (&[("TERM", "foot")], Some(ProtocolType::Sixel)),
            (&[("TERM", "tmux-256color"), ("KITTY_WINDOW_ID", "1")], None),
            (&[("TERM", "xterm-256color")], None),
        ] {
            assert_eq!(by(variables), expected, "{variables:?}");
        }
    }

    fn course() -> (tempfile::TempDir, Course, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("website");
        std::fs::create_dir_all(root.join("static/img")).unwrap();
        image::RgbImage::from_pixel(400, 200, image::Rgb([9, 8, 7])).save(root.join("static/img/a.png")).unwrap();
        // Says that it is as large as a picture can say.
        let mut bomb = std::fs::read(root.join("static/img/a.png")).unwrap();
        bomb[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        std::fs::write(root.join("static/img/bomb.png"), bomb).unwrap();
        std::fs::write(folder.path().join("secret.png"), "s").unwrap();
        let page = root.join("page.md");
        (folder, Course { root, ..Course::default() }, page)
    }

    #[tokio::test]
    async fn a_picture_is_read_behind_the_screen_and_drawn_where_it_stands() {
        let (_folder, course, page) = course();
        let mut pictures = Pictures::by(ProtocolType::Kitty, FontSize::new(10, 20));
        assert!(pictures.of(&course, &page, "/img/a.png", 60).is_none());
        pictures.next().await;
        assert_eq!(pictures.version(), 1);
        let picture = pictures.of(&course, &page, "/img/a.png", 60).expect("read by now");
        assert_eq!(picture.rows(), 10);
        let mut terminal = Terminal::new(TestBackend::new(60, 12)).unwrap();
        // Scrolled by four rows: six of them are left.
        terminal.draw(|frame| picture.draw(frame, frame.area(), -4)).unwrap();
        let buffer = terminal.backend().buffer();
        let drawn: Vec<u16> =
            (0..12).filter(|row| buffer.cell((0, *row)).is_some_and(|cell| cell.symbol() != " ")).collect();
        assert_eq!(drawn, (0..6).collect::<Vec<u16>>());
        assert!(buffer.cell((0, 0)).unwrap().symbol().contains("\u{1b}_G"), "the picture itself is sent");
    }

    #[test]
    fn what_bursts_or_is_no_picture_stays_a_caption() {
        let (_folder, course, page) = course();
        let pictures = Pictures::by(ProtocolType::Sixel, FontSize::new(10, 20));
        let picker = &pictures.drawer.as_ref().unwrap().picker;
        let at = |name: &str| File::open(course.root.join("static/img").join(name)).unwrap();
        assert!(read(picker, at("a.png"), 40).is_some());
        assert!(read(picker, at("bomb.png"), 40).is_none());
        assert!(read(picker, File::open(course.root.parent().unwrap().join("secret.png")).unwrap(), 40).is_none());
        for url in ["../secret.png", "/../secret.png", "https://example.com/a.png", "/img/none.png", ""] {
            assert!(pictures.of(&course, &page, url, 40).is_none());
        }
        assert!(pictures.drawer.unwrap().known.borrow().is_empty());
    }
}
