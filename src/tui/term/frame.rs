//! Frames: what of a picture is different from the one before, as the bytes that a terminal needs for it.

use ratatui::{
    backend::{Backend, CrosstermBackend},
    buffer::Buffer,
    layout::Rect,
};

/// The last picture, and whether the terminal may show something else.
#[derive(Debug)]
pub struct Frames {
    shown: Buffer,
    repaint: bool,
}

impl Frames {
    /// Of a terminal of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self { shown: Buffer::empty(Rect::ZERO), repaint: true }
    }

    /// The terminal may show anything: the next frame paints all of it.
    pub fn repaint(&mut self) {
        self.repaint = true;
    }

    /// The bytes that make the last picture this one; none when they are the same.
    pub fn next(&mut self, picture: Buffer) -> Option<Vec<u8>> {
        let repaint = self.repaint || self.shown.area != picture.area;
        if !repaint && self.shown == picture {
            return None;
        }
        let mut frame = Vec::with_capacity(8 * 1024);
        frame.extend_from_slice(b"\x1b[?2026h");
        if repaint {
            frame.extend_from_slice(b"\x1b[0m\x1b[2J");
            self.shown = Buffer::empty(picture.area);
        }
        if CrosstermBackend::new(&mut frame).draw(self.shown.diff(&picture).into_iter()).is_err() {
            self.repaint = true;
            return None;
        }
        frame.extend_from_slice(b"\x1b[?2026l");
        self.shown = picture;
        self.repaint = false;
        Some(frame)
    }
}
