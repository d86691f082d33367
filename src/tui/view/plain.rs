//! A page as text: all of it, without frames, as it is copied or read elsewhere.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{canvas::Canvas, page_of};
use crate::tui::{hit::HitMap, model::Model, theme::Theme};

/// Columns of a page as text: on as many, what stands beside something else on a screen stands below it.
const COLUMNS: u16 = 99;

/// Rows that a page may take.
const ROWS: u16 = 2000;

/// The whole page on top, however long.
#[must_use]
pub fn plain(model: &Model) -> String {
    let area = Rect { x: 0, y: 0, width: COLUMNS, height: ROWS };
    let mut buffer = Buffer::empty(area);
    let mut hits = HitMap::default();
    let mut canvas = Canvas { buffer: &mut buffer, hits: &mut hits, theme: Theme::mono(), deepest: 0, is_aside: false };
    page_of(model, &mut canvas, area, model.screen());
    let mut text = String::new();
    let mut blank = true;
    for y in 0..ROWS {
        let row: String = (0..COLUMNS).map(|x| buffer[(x, y)].symbol()).collect();
        let Some(line) = without_frame(&row) else { continue };
        if line.is_empty() && blank {
            continue;
        }
        blank = line.is_empty();
        text.push_str(&line);
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// A row without the frame around it; none for the lower edge of one.
fn without_frame(row: &str) -> Option<String> {
    let row = row.trim_end();
    if row.starts_with('└') {
        return None;
    }
    if let Some(edge) = row.strip_prefix('┌') {
        let words: Vec<&str> =
            edge.trim_end_matches('┐').split('─').map(str::trim).filter(|word| !word.is_empty()).collect();
        return Some(words.join(" · "));
    }
    let inside = row.strip_prefix('│').unwrap_or(row);
    Some(inside.strip_suffix('│').unwrap_or(inside).trim_end().to_owned())
}
