//! Beside a list: the page of what is selected, to be looked at. A click opens it, or what it leads to.

use ratatui::layout::Rect;

use super::{canvas::Canvas, page_of, snapshots};
use crate::tui::{
    model::{Model, Screen, Target},
    theme::Role,
};

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let Some(screen) = model.page_beside() else {
        let inside = canvas.frame(area, "Beside", "", false);
        let words = match model.screen() {
            Screen::Drills => {
                let key = model.key("open");
                format!("What was held stands here. What can be held begins with {key}, after a question.")
            }
            _ => "What is selected stands here.".to_owned(),
        };
        let room = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
        canvas.paragraph(room, 0, Role::Muted, &words);
        return;
    };
    canvas.hits.add(area, Target::Page(screen.clone()));
    let before = canvas.hits.len();
    canvas.is_aside = true;
    match screen {
        Screen::Snapshots => snapshots::details(model, canvas, area),
        screen => page_of(model, canvas, area, &screen),
    }
    canvas.is_aside = false;
    // What is only looked at leads elsewhere, and does nothing.
    canvas.hits.keep_of_later(before, |target| matches!(target, Target::Page(_)));
}
