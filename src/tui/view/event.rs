//! One event of the journal: when, by whom, because of what, what followed, and every field of it.

use ratatui::layout::Rect;
use serde_json::Value;

use super::{canvas::Canvas, facts::Facts, page};
use crate::{
    domain::Recorded,
    tui::{
        model::{Model, Screen, Target},
        text,
        theme::Role,
    },
};

/// Events that followed from it that are listed.
const FOLLOWED: usize = 12;
/// Fields of it that are listed; a platform file has thousands.
const FIELDS: usize = 400;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, seq: u64) {
    let Some(recorded) = model.recent.iter().find(|recorded| recorded.seq == seq) else {
        let inside = canvas.frame(area, &format!("Event {seq}"), "", true);
        let held = model.recent.len();
        let words = format!("This board holds the last {held} events only. codeblue audit show {seq} has this one.");
        let room = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
        canvas.paragraph(room, 0, Role::Muted, &words);
        return;
    };
    let inside = canvas.frame(area, &format!("Event {seq}"), &kind(recorded), true);
    let facts = facts(model, recorded, usize::from(inside.width));
    let (lines, targets): (Vec<_>, Vec<_>) = facts.lines.into_iter().unzip();
    canvas.page(inside, &lines, model.scroll);
    page::links(canvas, inside, targets, model.scroll.min(lines.len().saturating_sub(usize::from(inside.height))));
}

/// Its name in the journal.
fn kind(recorded: &Recorded) -> String {
    let value = serde_json::to_value(&recorded.event).unwrap_or_default();
    value.get("type").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn facts(model: &Model, recorded: &Recorded, columns: usize) -> Facts {
    let mut facts = Facts::new(columns);
    facts.about("What");
    facts.say(Role::Title, &recorded.event.summary());
    facts.about("When");
    let ago = text::ago(model.now - recorded.at);
    facts.say(Role::Text, &format!("{} · {ago}", recorded.at.format("%Y-%m-%d %H:%M:%S%.6fZ")));
    facts.about("Who");
    facts.say(Role::Text, &recorded.actor.to_string());
    facts.about("Because");
    match recorded.cause {
        None => facts.say(Role::Muted, "it follows from no other event"),
        Some(cause) => {
            let known = model.recent.iter().find(|other| other.seq == cause);
            let said = known.map_or_else(|| "not held here".to_owned(), |other| other.event.summary());
            facts.link(Role::Text, &format!("{cause} {said}"), &Target::Page(Screen::Event(cause)));
        }
    }
    facts.about("Led to");
    let mut followed = model.recent.iter().filter(|other| other.cause == Some(recorded.seq)).peekable();
    if followed.peek().is_none() {
        facts.say(Role::Muted, "nothing that is held here");
    }
    for other in followed.by_ref().take(FOLLOWED) {
        let line = format!("{} {}", other.seq, other.event.summary());
        facts.link(Role::Text, &line, &Target::Page(Screen::Event(other.seq)));
    }
    let more = followed.count();
    if more > 0 {
        facts.say(Role::Muted, &format!("and {more} more"));
    }
    facts.about("Hash");
    facts.say(Role::Muted, &recorded.hash);
    facts.about("Fields");
    let mut fields = Vec::new();
    list(&serde_json::to_value(&recorded.event).unwrap_or_default(), "", &mut fields);
    let hidden = fields.len().saturating_sub(FIELDS);
    for (name, value) in fields.into_iter().take(FIELDS).filter(|(name, _)| name != "type") {
        facts.say(Role::Text, &format!("{name}  {value}"));
    }
    if hidden > 0 {
        facts.say(Role::Muted, &format!("and {hidden} more: codeblue audit show {} has them all", recorded.seq));
    }
    facts
}

/// Every value with the way to it, such as `plan.steps.2.component`.
fn list(value: &Value, way: &str, fields: &mut Vec<(String, String)>) {
    let below = |name: &str| if way.is_empty() { name.to_owned() } else { format!("{way}.{name}") };
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| list(value, &below(name), fields)),
        Value::Array(all) if all.iter().all(|one| !one.is_object() && !one.is_array()) => {
            let words: Vec<String> = all.iter().map(plain).collect();
            fields.push((way.to_owned(), if words.is_empty() { "none".to_owned() } else { words.join(", ") }));
        }
        Value::Array(all) => {
            all.iter()
                .zip(1..)
                .for_each(|(value, place): (&Value, usize)| list(value, &below(&place.to_string()), fields));
        }
        value => fields.push((way.to_owned(), plain(value))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::String(said) => text::clean(said),
        other => other.to_string(),
    }
}
