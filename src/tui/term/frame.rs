//! Frames: what of a picture is different from the one before, as the bytes that a terminal needs for it.

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
};
use unicode_width::UnicodeWidthStr as _;

use super::cells;

/// Bytes from which a frame is shown all at once; what is shorter is there in one piece anyway.
const LONG: usize = 512;

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
        let begin = b"\x1b[?2026h";
        frame.extend_from_slice(begin);
        if repaint {
            frame.extend_from_slice(b"\x1b[0m\x1b[2J");
            self.shown = Buffer::empty(picture.area);
        }
        cells::write(&mut frame, &self.changed(&picture));
        if frame.len() < LONG {
            frame.drain(..begin.len());
        } else {
            frame.extend_from_slice(b"\x1b[?2026l");
        }
        self.shown = picture;
        self.repaint = false;
        Some(frame)
    }

    /// The cells that are written anew, in the order of the screen.
    fn changed<'a>(&self, picture: &'a Buffer) -> Vec<(u16, u16, &'a Cell)> {
        let mut cells = self.shown.diff(picture);
        // Where half of a wide sign is written over, terminals do not agree on how the other half looks.
        let is_wide = |x: u16, y: u16| self.shown[(x, y)].symbol().width() > 1;
        let halves = cells.iter().filter_map(|(x, y, cell)| {
            let last = *x + u16::from(cell.symbol().width() > 1);
            let half = last + 1;
            (half < picture.area.right() && is_wide(last, *y)).then(|| (half, *y, &picture[(half, *y)]))
        });
        let halves: Vec<_> = halves.collect();
        if !halves.is_empty() {
            cells.extend(halves);
            cells.sort_by_key(|(x, y, _)| (*y, *x));
            cells.dedup_by_key(|(x, y, _)| (*y, *x));
        }
        cells
    }
}
