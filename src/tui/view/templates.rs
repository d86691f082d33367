//! Standard changes: what is agreed to beforehand, whether it still may be used and why not, what proved it, and how it went.

use ratatui::layout::Rect;

use super::{
    approvals::show,
    canvas::{Canvas, Piece},
    list::why_empty,
};
use crate::{
    domain::ChangeTemplate,
    platform::count,
    tui::{
        decision::day_time,
        model::{List, Model},
        templates::{TemplateStatus, does},
        text,
        theme::Role,
    },
};

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let templates = model.state.templates.values();
    let usable = templates.filter(|known| model.status_of_template(known) == TemplateStatus::Usable).count();
    let summary = format!("{usable} of {} may be used", model.state.templates.len());
    let inside = canvas.frame(area, "Standard changes", &model.summary_of(List::Templates, &summary), true);
    let columns = usize::from(inside.width);
    let keys = model.rows(List::Templates);
    let mut lines: Vec<(Vec<Piece>, Option<usize>)> = Vec::new();
    if keys.is_empty() {
        let why = why_empty(
            model,
            &format!(
                "nothing is agreed to beforehand. {} on the page of a change that was carried out, or of its recovery, agrees to \
                 the same beforehand: an action of risk 3 at most that worked and lasted",
                model.key("make-template")
            ),
        );
        lines.extend(text::wrap(&why, columns.saturating_sub(4)).into_iter().map(|line| muted(&line, None)));
    }
    let selected = model.selected_place(List::Templates);
    for (place, template) in keys.iter().filter_map(|name| model.state.templates.get(name)).enumerate() {
        entry(model, template, (place, place == selected), columns, &mut lines);
    }
    show(canvas, inside, &lines, List::Templates, selected);
}

fn muted(words: &str, place: Option<usize>) -> (Vec<Piece>, Option<usize>) {
    (vec![(Role::Muted, format!("   {words}"))], place)
}

/// A template: its name, what it does and whether it may be used; why not; what proved it; how it went.
fn entry(
    model: &Model,
    template: &ChangeTemplate,
    (place, is_selected): (usize, bool),
    columns: usize,
    lines: &mut Vec<(Vec<Piece>, Option<usize>)>,
) {
    let (role, word, why) = match model.status_of_template(template) {
        TemplateStatus::Usable => (Role::Ok, "✓ usable", None),
        TemplateStatus::Suspended(why) => (Role::Bad, "✖ SUSPENDED", Some(why)),
        TemplateStatus::Unproved(why) => (Role::Warn, "▲ NOT PROVED", Some(why)),
    };
    let mark = if is_selected { "▶ " } else { "  " };
    let room = columns.saturating_sub(2 + 13);
    let name = room * 45 / 100;
    lines.push((
        vec![
            (Role::Focus, mark.to_owned()),
            (Role::Title, text::left(&template.name, name.saturating_sub(1)) + " "),
            (Role::Text, text::left(&does(&template.request), room - name)),
            (role, text::right(word, 13)),
        ],
        Some(place),
    ));
    let room = columns.saturating_sub(6);
    for line in why.iter().flat_map(|why| text::wrap(why, room)) {
        lines.push((vec![(role, format!("     {line}"))], Some(place)));
    }
    let (by, at) = (&template.made_by, day_time(template.made_at, model.now));
    let mut told = format!("proved by {}, agreed to by {by} {at}", template.proved_by);
    let uses: Vec<_> = model.uses_of(template).collect();
    told += &match uses.first() {
        None => " · not used yet".to_owned(),
        Some(last) => {
            let ago = text::short(model.now - last.submitted_at);
            let times = count(uses.len(), "use");
            format!(" · {times}, the last {} {ago} ago: {}", last.id, last.state)
        }
    };
    for line in text::wrap(&told, room) {
        lines.push((vec![(Role::Muted, format!("     {line}"))], Some(place)));
    }
}
