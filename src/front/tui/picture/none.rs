//! Without the feature there are captions only.

use std::path::Path;
use std::rc::Rc;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::lesson::Course;

/// No picture.
#[derive(Debug)]
pub enum Picture {}

impl Picture {
    /// How many rows it takes.
    pub fn rows(&self) -> usize {
        match *self {}
    }

    /// Draws it.
    pub fn draw(&self, _: &mut Frame<'_>, _: Rect, _: isize) {
        match *self {}
    }
}

/// No pictures.
#[derive(Debug, Default)]
pub struct Pictures(());

impl Pictures {
    /// None, whatever the terminal can.
    pub fn of_terminal() -> Self {
        Self(())
    }

    /// Never another one.
    pub fn version(&self) -> u64 {
        0
    }

    /// No picture.
    pub fn of(&self, _: &Course, _: &Path, _: &str, _: usize) -> Option<Rc<Picture>> {
        None
    }

    /// Waits for ever.
    pub async fn next(&mut self) {
        std::future::pending().await
    }
}
