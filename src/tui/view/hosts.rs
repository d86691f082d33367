//! The host whose engine this board hears, where nobody has named others: how it is reached, what it runs, how it is there, and how old
//! its last news is.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    facts::Facts,
    page,
};
use crate::{
    domain::Status,
    platform::count,
    tui::{
        decision::day_time,
        model::{Link, Model, Screen, Target},
        text,
        theme::Role,
    },
};

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let inside = canvas.frame(area, "Hosts", "1 host", true);
    let columns = usize::from(inside.width);
    let mut lines =
        vec![(head(columns), None), (row(model, columns), Some(Target::Page(Screen::Board))), (Vec::new(), None)];
    lines.extend(facts(model, columns));
    let (lines, targets): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    canvas.page(inside, &lines, model.scroll);
    page::links(canvas, inside, targets, model.scroll.min(lines.len().saturating_sub(usize::from(inside.height))));
}

/// Columns of each figure: host, link, engine, services, incidents, recovery point, news.
fn widths(columns: usize) -> [usize; 7] {
    match columns {
        0..=57 => [14, 14, 0, 0, 0, 0, 7],
        58..=79 => [16, 16, 0, 14, 10, 0, 9],
        80..=99 => [16, 16, 8, 14, 10, 10, 9],
        _ => [22, 20, 9, 18, 12, 12, 10],
    }
}

fn head(columns: usize) -> Vec<Piece> {
    let names = ["HOST", "LINK", "ENGINE", "SERVICES", "INCIDENTS", "RPO", "NEWS"];
    let cells = names.into_iter().zip(widths(columns)).map(|(name, width)| text::left(&text::fit(name, width), width));
    vec![(Role::Muted, format!("   {}", cells.collect::<String>()))]
}

fn row(model: &Model, columns: usize) -> Vec<Piece> {
    let [host, link, engine, services, incidents, point, news] = widths(columns);
    let (glyph, role) = match &model.link {
        Link::Live => ("●", Role::Ok),
        Link::Connecting => ("◌", Role::Warn),
        Link::Lost { .. } => ("◌", Role::Unknown),
    };
    let is_lost = model.link != Link::Live;
    let of = |wanted: Status| {
        model.state.platform.services.iter().filter(|service| model.status_of(&service.name) == wanted).count()
    };
    let (down, degraded) = (of(Status::Down), of(Status::Degraded));
    let (how, how_role) = match (is_lost, down, degraded) {
        (true, ..) => ("unknown".to_owned(), Role::Unknown),
        (_, 0, 0) => (format!("{} · all ●", model.state.platform.services.len()), Role::Ok),
        (_, down, degraded) => {
            let parts = [(down, "✖"), (degraded, "▲")].into_iter().filter(|(number, _)| *number > 0);
            let words: Vec<String> = parts.map(|(number, glyph)| format!("{number} {glyph}")).collect();
            (format!("{} · {}", model.state.platform.services.len(), words.join(" ")), Role::Bad)
        }
    };
    let open = model.state.open_incidents().count();
    let worst = model.worst_point(model.state.platform.components.iter());
    let (recovery_point, point_role) = match worst.and_then(|(_, point)| Some((point.words()?, point.is_over()))) {
        _ if is_lost => ("?".to_owned(), Role::Unknown),
        Some((_, true)) => ("✖ over".to_owned(), Role::Bad),
        Some((words, false)) => (words, Role::Text),
        None => ("—".to_owned(), Role::Muted),
    };
    let cell = |role, words: &str, width: usize| (role, text::left(&text::fit(words, width.saturating_sub(1)), width));
    vec![
        (role, format!(" {glyph} ")),
        cell(Role::Title, &model.state.engine.host, host),
        cell(role, &reached(model), link),
        cell(Role::Text, &model.state.engine.version, engine),
        cell(how_role, &how, services),
        cell(
            if open > 0 { Role::Bad } else { Role::Text },
            &if open > 0 { open.to_string() } else { "—".to_owned() },
            incidents,
        ),
        cell(point_role, &recovery_point, point),
        cell(role, &last_news(model), news),
    ]
}

fn reached(model: &Model) -> String {
    match &model.link {
        Link::Live => match model.reached.took {
            Some(took) => format!("live, {}", text::latency(took)),
            None => "live".to_owned(),
        },
        Link::Connecting => "connecting …".to_owned(),
        Link::Lost { since, .. } => format!("lost {}", text::clock(model.now - *since)),
    }
}

/// How old the newest result of any check is.
fn last_news(model: &Model) -> String {
    let seen = model.vitals.services.values().filter_map(crate::domain::ServiceVitals::last_seen).max();
    seen.map_or_else(|| "—".to_owned(), |at| text::age(model.now - at))
}

fn facts(model: &Model, columns: usize) -> Vec<super::facts::Fact> {
    let mut facts = Facts::new(columns);
    let engine = &model.state.engine;
    facts.about("Link");
    match &model.link {
        Link::Live => facts.say(Role::Ok, "● live: events come as they happen"),
        Link::Connecting => facts.say(Role::Warn, "◌ connecting: nothing has been heard yet"),
        Link::Lost { since, reason } => {
            let at = since.format("%H:%M:%SZ");
            facts.say(Role::Bad, &format!("✖ lost at {at}: {reason}; it is tried again. What is shown is from then"));
        }
    }
    facts.about("Engine");
    facts.say(Role::Text, &format!("codeblue {} on {}", engine.version, engine.host));
    match engine.started_at {
        Some(at) => {
            facts.say(
                Role::Text,
                &format!("in charge since {}, for {}", day_time(at, model.now), text::span(model.now - at)),
            );
        }
        None => facts.say(Role::Warn, "▲ it let go in good order; none is in charge"),
    }
    facts.about("Journal");
    facts.say(Role::Text, &format!("{} · {}", engine.origin, count(model.state.seq, "event")));
    for (place, outage) in &model.state.evidence.outages {
        let since = text::short(model.now - outage.since);
        facts.say(Role::Warn, &format!("▲ checkpoints have not reached {place} for {since}: {}", outage.problem));
    }
    facts.about("Watches");
    let platform = &model.state.platform;
    facts.say(
        Role::Text,
        &format!(
            "{} · {} · {} · {}",
            platform.name,
            format!("{:?}", platform.profile).to_lowercase(),
            count(platform.services.len(), "service"),
            count(platform.components.len(), "component"),
        ),
    );
    facts.about("Others");
    facts.say(
        Role::Muted,
        "Each host has its own engine. codeblue host add NAME ADDRESS names another: from then on this page shows all of them.",
    );
    facts.lines
}
