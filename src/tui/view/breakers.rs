//! The circuit breaker of each service: what it says, since when, until when, and why, and of the selected one by what it opens and closes. Nothing in front of services acts on them yet,
//! and the page says so.

use ratatui::layout::Rect;

use super::{canvas::Canvas, list};
use crate::{
    domain::BreakerState,
    tui::{
        model::{List, Model},
        text,
        theme::{Role, breaker_badge},
    },
};

const NOTHING: &str = "no services yet: describe them in codeblue.toml, and each has a breaker";

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let found = model.state.breaker_figures();
    let summary = format!("{} open · {} half-open · {} forced", found.open, found.half_open, found.forced);
    let inside = canvas.frame(area, "Circuit breakers", &summary, true);
    let columns = usize::from(inside.width).saturating_sub(2);
    let service = (columns * 30 / 100).clamp(12, 28);
    let note = Rect { y: inside.bottom().saturating_sub(1), height: inside.height.min(1), ..inside };
    let thresholds = Rect { y: inside.bottom().saturating_sub(2), ..note };
    let rows = Rect { height: inside.height.saturating_sub(3), ..inside };
    let head = format!(
        "{}{}{:>5}  {}WHY",
        text::left("STATE", 17),
        text::left("SERVICE", service),
        "SINCE",
        text::left("UNTIL", 13)
    );
    list::rows(model, canvas, rows, List::Breakers, &head, NOTHING, |name| {
        let breaker = model.state.breaker(name);
        let (glyph, word, role) = breaker_badge(breaker.state);
        let since = breaker.since.map(|at| text::short(model.now - at)).unwrap_or_default();
        let until = match breaker.until {
            Some(at) if at > model.now => format!("{} left", text::clock(at - model.now)),
            Some(_) => "any moment".to_owned(),
            None => String::new(),
        };
        let reason = match (breaker.state, breaker.openings) {
            (BreakerState::Open, 2..) => format!("opened {} times: {}", breaker.openings, breaker.reason),
            _ => breaker.reason,
        };
        vec![
            (role, text::left(&format!("{glyph} {word}"), 17)),
            (Role::Text, text::left(&text::fit_middle(name, service.saturating_sub(1)), service)),
            (Role::Muted, format!("{since:>5}  ")),
            (Role::Text, text::left(&until, 13)),
            (Role::Muted, reason),
        ]
    });
    if let Some(name) = model.selected(List::Breakers) {
        let words = format!(" {name} {}", model.state.breaker_thresholds(&name).words());
        canvas.line(thresholds, 0, &[(Role::Muted, words)]);
    }
    canvas.line(
        note,
        0,
        &[(
            Role::Warn,
            " ▲ nothing in front of services acts on breakers yet: they say what would be held back".to_owned(),
        )],
    );
}
