//! The circuit breaker of each service: what it says, since when, until when, and why, and of the selected one by what it opens and closes. Nothing in front of services acts on them yet,
//! and the page says so.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    list,
};
use crate::{
    domain::BreakerState,
    tui::{
        layout,
        model::{List, Model},
        text,
        theme::{Role, breaker_badge},
    },
};

/// Columns of a breaker's state.
const STATE: usize = 16;
/// Columns of since when and until when, and at least some of why.
const TIMES: usize = 5 + 2 + 12 + 10;

const NOTHING: &str = "no services yet: describe them in codeblue.toml, and each has a breaker";

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let found = model.state.breaker_figures();
    let summary = format!("{} open · {} half-open · {} forced", found.open, found.half_open, found.forced);
    let inside = canvas.frame(area, "Circuit breakers", &summary, true);
    let columns = usize::from(inside.width).saturating_sub(2);
    let names = model.state.platform.services.iter().map(|service| text::width(&service.name)).max().unwrap_or(0);
    let service = (names + 2).clamp(10, 28).min((columns * 30 / 100).max(18));
    let words = foot(model, usize::from(inside.width));
    let below = if area.height < layout::LIST_ALONE { 0 } else { u16::try_from(words.len() + 1).unwrap_or(u16::MAX) };
    let (rows, foot) = layout::rows(inside, inside.height.saturating_sub(below));
    // Where it is narrow, what says how long goes before why, and why before nothing.
    let has_times = columns >= STATE + service + TIMES;
    let times = if has_times { format!("{:>5}  {}WHY", "SINCE", text::left("UNTIL", 12)) } else { String::new() };
    let head = format!("{}{}{times}", text::left("STATE", STATE), text::left("SERVICE", service));
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
            (role, text::left(&format!("{glyph} {word}"), STATE)),
            (Role::Text, text::left(&text::fit_middle(name, service.saturating_sub(1)), service)),
            (Role::Muted, if has_times { format!("{since:>5}  ") } else { String::new() }),
            (Role::Text, if has_times { text::left(&until, 12) } else { String::new() }),
            (Role::Muted, if has_times { reason } else { String::new() }),
        ]
    });
    for (row, line) in (1..).zip(words) {
        canvas.line(foot, row, &[line]);
    }
}

/// Below the list: what opens and closes the selected breaker, and that nothing acts on any.
fn foot(model: &Model, columns: usize) -> Vec<Piece> {
    let thresholds = model
        .selected(List::Breakers)
        .map(|name| (Role::Muted, format!("{name} {}", model.state.breaker_thresholds(&name).words())));
    let note = "▲ nothing in front of services acts on breakers yet: they say what would be held back";
    let all = thresholds.into_iter().chain([(Role::Warn, note.to_owned())]);
    let wrapped = |(role, words): Piece| {
        text::wrap(&words, columns.saturating_sub(2)).into_iter().map(move |line| (role, format!(" {line}")))
    };
    all.flat_map(wrapped).collect()
}
