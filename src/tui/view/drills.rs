//! The drills: the one that runs, those that can be held with what was shown of them, and what those came to that were held.

use ratatui::layout::Rect;

use super::{
    approvals::show,
    books::buttons,
    canvas::{Canvas, Piece},
    heat::badge,
    list::why_empty,
    page,
};
use crate::{
    domain::{BookProof, ConfidenceCell, Drill, DrillOutcome, proof_of},
    platform::{Profile, count},
    tui::{
        drill::{DrillOffer, DrillRow},
        model::{List, Loaded, Model},
        text,
        theme::Role,
    },
};

/// From so many columns on a drill takes one line.
const WIDE: usize = 140;

/// Columns below which a drill says only what it is about, and how sure it is that people can handle it.
const NARROW: usize = 60;

/// A line of the list, and the row it belongs to.
type Line = (Vec<Piece>, Option<usize>);

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let names = ["tutorial", "open", "hold-drill", "abort-drill", "heat-map", "back"];
    let foot = page::buttons(canvas, area, buttons(&names, model));
    let area = Rect { height: area.height.saturating_sub(foot), ..area };
    let held = model.state.drills.held.len();
    let summary = format!("{} · {held} held", count(model.offers().len(), "drill"));
    let inside = canvas.frame(area, "Drills", &model.summary_of(List::Drills, &summary), true);
    let columns = usize::from(inside.width);
    let selected = model.selected_place(List::Drills);
    let rows = model.drill_rows();
    let heat = model.heat();
    let mut lines: Vec<Line> = Vec::new();
    for (role, words) in notes(model, rows.is_empty()) {
        let wrapped = text::wrap(&words, columns.saturating_sub(4));
        lines.extend(wrapped.into_iter().map(|line| (vec![(role, format!("  {line}"))], None)));
    }
    let mut under = "";
    for (place, row) in rows.iter().enumerate() {
        let heading = match row {
            DrillRow::Held(drill) if drill.ended.is_none() => "Runs now",
            DrillRow::Held(_) => "Were held",
            DrillRow::Any | DrillRow::Offer(_) => "Can be held",
        };
        if heading != under {
            if !lines.is_empty() {
                lines.push((Vec::new(), None));
            }
            lines.push((vec![(Role::Title, format!(" {heading}"))], None));
            under = heading;
        }
        let room = columns.saturating_sub(3);
        let entry = match row {
            DrillRow::Held(drill) => vec![of_held(model, drill, room)],
            DrillRow::Any => {
                let own = if room < NARROW { 5 } else { 27 };
                vec![vec![
                    (Role::Title, text::left("any", own)),
                    (
                        Role::Text,
                        text::fit("one that the seed picks: not even you know which", room.saturating_sub(own)),
                    ),
                ]]
            }
            DrillRow::Offer(offer) => of_offer(model, &heat, offer, room),
        };
        for (row, pieces) in entry.into_iter().enumerate() {
            let mark = if place == selected && row == 0 { "▶ " } else { "  " };
            lines.push((std::iter::once((Role::Focus, mark.to_owned())).chain(pieces).collect(), Some(place)));
        }
    }
    show(canvas, inside, &lines, List::Drills, selected);
}

/// What has to be known before the list: that none can be held here and why, and what became of the last that was asked for.
fn notes(model: &Model, nothing: bool) -> Vec<(Role, String)> {
    let mut notes = Vec::new();
    if let Some(at) = model.drills.asked_at {
        let since = text::clock(model.now - at);
        notes.push((Role::Warn, format!("◌ a drill is being begun for {since}: its hold on the sandbox comes first")));
    }
    if let Some(why) = &model.drills.failed {
        notes.push((Role::Bad, format!("✖ the last one was not held: {why}")));
    }
    let name = &model.state.platform.name;
    if model.state.platform.profile != Profile::Drill {
        notes.push((
            Role::Muted,
            format!(
                "{name} is not there to be broken, so no drill is held on it. codeblue demo has a platform that is: {} there",
                model.key("drills")
            ),
        ));
    } else if model.faults.is_empty() {
        notes.push((
            Role::Muted,
            "No sandbox is beside this engine, so none can be begun from this board. What was held is listed."
                .to_owned(),
        ));
    } else if let Some(Loaded::Failed(why)) = &model.drills.offers {
        notes.push((Role::Bad, format!("✖ the drills cannot be read: {why}")));
    } else if matches!(model.drills.offers, None | Some(Loaded::Waiting)) {
        notes.push((Role::Muted, "the drills are on their way …".to_owned()));
    } else if nothing && !model.filter.is_empty() {
        notes.push((Role::Muted, why_empty(model, "")));
    } else if model.state.drills.held.is_empty() {
        notes.push((
            Role::Text,
            "No drill was held yet. The first time, take the tutorial (t): it breaks this sandbox, and tells at each moment what to \
             look at and which key to press."
                .to_owned(),
        ));
    }
    notes
}

/// A drill that can be held: what it is about, how sure it is that people can handle it, and how it went.
fn of_offer(model: &Model, heat: &[ConfidenceCell], offer: &DrillOffer, columns: usize) -> Vec<Vec<Piece>> {
    if !offer.readable {
        return vec![vec![
            (Role::Muted, text::left(&offer.id, 27)),
            (Role::Bad, text::fit(&format!("✖ {}", offer.title), columns.saturating_sub(27))),
        ]];
    }
    let (heat_role, heat_word) = badge(model.sureness(heat, offer));
    if columns < NARROW {
        return vec![
            vec![
                (Role::Title, text::left(&offer.id, columns.saturating_sub(11))),
                (heat_role, text::right(heat_word, 10)),
            ],
            vec![(Role::Text, text::fit(&format!("  {}", offer.title), columns))],
        ];
    }
    let services: Vec<&str> = offer.services.iter().map(String::as_str).collect();
    let mut first = vec![
        (Role::Title, text::left(&text::fit(&offer.id, 26), 27)),
        (Role::Muted, text::left(&offer.scenario, 15)),
        (Role::Text, text::left(&text::fit(&services.join(", "), 19), 20)),
        (heat_role, text::left(heat_word, 12)),
    ];
    let earnest = || model.held_of(&offer.id).filter(|drill| drill.is_earnest());
    let best = earnest().filter_map(|drill| drill.score.as_ref()).map(|score| score.total).max();
    let went = match (earnest().next().or_else(|| model.held_of(&offer.id).next()), best) {
        (Some(drill), best) => {
            let ago = text::short(model.now - drill.at());
            let came = match (best, drill.unattended) {
                (Some(best), _) => format!("best {best}"),
                (None, true) => "people played".to_owned(),
                (None, false) => drill.mode.to_string(),
            };
            format!("{} {ago} ago · {came}", drill.id)
        }
        (None, _) => "never held".to_owned(),
    };
    let book = model.book(&offer.book).and_then(|book| book.runbook.as_ref());
    let proof = book.map_or(BookProof::Never, |book| proof_of(&model.state.drills, book));
    let told = format!("{went} · book {}", proof.word());
    let room = columns.saturating_sub(27 + 15 + 20 + 12);
    if columns >= WIDE {
        let rest = room.saturating_sub(text::width(&told) + 1);
        first.push((Role::Text, text::left(&text::fit(&offer.title, rest.saturating_sub(1)), rest)));
        first.push((Role::Muted, format!(" {told}")));
        return vec![first];
    }
    let rest = columns.saturating_sub(text::width(&told) + 3);
    let second = vec![
        (Role::Text, format!("  {}", text::left(&text::fit(&offer.title, rest.saturating_sub(1)), rest))),
        (Role::Muted, format!(" {told}")),
    ];
    vec![first, second]
}

/// A drill that runs or was held, in one line.
fn of_held(model: &Model, drill: &Drill, columns: usize) -> Vec<Piece> {
    let (role, came_to) = came_to(drill);
    let what = match drill.ended.as_ref().and_then(|end| end.reveal.as_deref()) {
        Some(reveal) if reveal.truth.is_false_alarm() => format!("{}, a false alarm", reveal.truth.file),
        Some(reveal) => reveal.truth.file.clone(),
        None => drill.told.scenario.clone().unwrap_or_else(|| "what is broken is not told".to_owned()),
    };
    let played = if drill.unattended { ", people played" } else { "" };
    let when = match &drill.ended {
        Some(end) => format!("{} ago", text::short(model.now - end.at)),
        None => text::clock(model.now - drill.started_at),
    };
    let rest = columns.saturating_sub(10 + 14 + 26 + 10);
    if columns < NARROW {
        return vec![
            (Role::Title, text::left(&drill.id.to_string(), 10)),
            (role, text::left(&came_to, 14)),
            (Role::Text, text::fit(&what, columns.saturating_sub(24))),
        ];
    }
    vec![
        (Role::Title, text::left(&drill.id.to_string(), 10)),
        (role, text::left(&came_to, 14)),
        (Role::Text, text::left(&text::fit(&what, 25), 26)),
        (Role::Muted, text::left(&when, 10)),
        (Role::Muted, text::fit(&format!("{}{played} · {}", drill.mode, drill.conductor), rest)),
    ]
}

/// What a drill came to, in a word.
fn came_to(drill: &Drill) -> (Role, String) {
    match (&drill.ended, &drill.score) {
        (None, _) if drill.aborted.is_some() => (Role::Warn, "▶ is stopped".to_owned()),
        (None, _) => (Role::Planned, "▶ RUNS".to_owned()),
        (Some(_), Some(score)) => (standing(score.total), format!("{:>3} of 100 {:?}", score.total, score.letter)),
        (Some(end), None) if end.outcome == DrillOutcome::Aborted => (Role::Muted, "✖ aborted".to_owned()),
        (Some(end), None) => (Role::Muted, format!("– {}", end.outcome)),
    }
}

/// How points look.
pub(super) fn standing(points: u32) -> Role {
    match points {
        90.. => Role::Ok,
        50.. => Role::Warn,
        _ => Role::Bad,
    }
}
