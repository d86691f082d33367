//! The team, and one operator of it.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    facts::{Fact, Facts},
    list, page,
};
use crate::{
    domain::{Operator, duty, role_name},
    platform::{OnCallSchedule, count},
    tui::{
        action::roles,
        decision::day_time,
        layout,
        model::{List, Model, Screen, Target},
        team::{AGREEING, Availability},
        text,
        theme::Role,
    },
};

/// Of what somebody did last, so much is listed.
const DONE: usize = 12;

const NOTHING: &str = "nobody works here yet: [[operator]] in the platform file, or codeblue operator add";

pub(super) fn list(model: &Model, canvas: &mut Canvas, area: Rect) {
    let there = model.team().into_iter().filter(|operator| model.availability(operator) == Availability::There).count();
    let inside = canvas.frame(area, "Team", &format!("{there} of {} can act", model.team().len()), true);
    let is_alone = area.height < layout::LIST_ALONE;
    let said = who_agrees(model, usize::from(inside.width)).into_iter();
    let mut above = 0;
    for (_, line) in said.filter(|(role, _)| !is_alone || *role == Role::Bad) {
        canvas.line(inside, above, &line);
        above += 1;
    }
    if above > 0 {
        above += 1;
    }
    let (_, rest) = layout::rows(inside, above);
    let columns = usize::from(rest.width).saturating_sub(3);
    let place = columns.saturating_sub(10 + 12 + 24 + 7 + 7);
    let roles_columns = if place < 10 { columns.saturating_sub(10 + 12 + 7 + 7) } else { 24 };
    let place = if place < 10 { 0 } else { place };
    let head = format!(
        "{}{}{}{:>7}{:>7}{}",
        text::left("", 10),
        text::left("NAME", 12),
        text::left("ROLES", roles_columns),
        "WAITS",
        "ACTED",
        if place > 0 { "  IN THEIR PLACE" } else { "" }
    );
    list::rows(model, canvas, rest, List::Team, &head, NOTHING, |name| {
        let Some(operator) = model.state.operators.get(name) else { return Vec::new() };
        let (role, mut badge) = badge(model.availability(operator));
        if model.availability(operator) == Availability::There && !model.on_call_now(name).is_empty() {
            badge = "● on call";
        }
        let waits = model.waits_for(name).len();
        let acted = model.last_acted(name).map_or_else(|| "—".to_owned(), |at| text::age(model.now - at));
        let mut pieces = vec![
            (role, text::left(badge, 10)),
            (Role::Text, text::left(&text::fit(name, 11), 12)),
            (Role::Muted, text::left(&text::fit(&roles(operator), roles_columns.saturating_sub(1)), roles_columns)),
            (
                if waits > 0 { Role::Warn } else { Role::Muted },
                format!("{:>7}", if waits > 0 { waits.to_string() } else { "—".to_owned() }),
            ),
            (Role::Muted, format!("{acted:>7}")),
        ];
        if place > 0 {
            let in_place: Vec<String> = model
                .stand_ins(name)
                .map(|found| format!("{} until {}", found.to, day_time(found.until, model.now)))
                .collect();
            pieces.push((Role::Text, format!("  {}", text::fit(&in_place.join(", "), place.saturating_sub(2)))));
        }
        pieces
    });
}

fn badge(availability: Availability) -> (Role, &'static str) {
    match availability {
        Availability::There => (Role::Ok, "● may act"),
        Availability::Away => (Role::Planned, "◌ away"),
        Availability::Looks => (Role::Muted, "○ looks"),
        Availability::Disabled => (Role::Bad, "✖ off"),
    }
}

/// For each role that agrees to changes, who could now, bad where nobody could; and who is on call.
fn who_agrees(model: &Model, columns: usize) -> Vec<(Role, Vec<Piece>)> {
    let mut lines = Vec::new();
    for role in AGREEING {
        let able = |operator: &&&Operator| operator.may_act() && operator.can_stand_for(role);
        let team = model.team();
        let names: Vec<&str> = team.iter().filter(able).map(|operator| operator.name.as_str()).collect();
        let (tone, words) = match names.as_slice() {
            [] => (Role::Bad, "✖ nobody".to_owned()),
            names => (Role::Text, names.join(", ")),
        };
        let name = (Role::Muted, format!(" {}", text::left(&format!("as {}", role_name(role)), 22)));
        lines.push((tone, vec![name, (tone, text::fit(&words, columns.saturating_sub(24)))]));
    }
    lines.extend(who_is_on_call(model, columns));
    lines
}

/// For each schedule who is on call now, bad where nobody is.
fn who_is_on_call(model: &Model, columns: usize) -> Vec<(Role, Vec<Piece>)> {
    let schedules = &model.state.platform.on_call;
    if schedules.is_empty() {
        let unknown = text::fit(" Nobody is on call by name: no [[oncall]] in the platform file.", columns);
        return vec![(Role::Muted, vec![(Role::Muted, unknown)])];
    }
    let line = |schedule: &OnCallSchedule| {
        let duty = duty(&model.state, schedule, model.now);
        let until = duty.until.map(|until| format!(" until {}", schedule.told(until))).unwrap_or_default();
        let then = duty.next.and_then(|next| next.person).map(|next| format!(", then {next}")).unwrap_or_default();
        let (tone, who) = match duty.person {
            Some(person) => (Role::Text, person),
            None => (Role::Bad, "✖ NOBODY".to_owned()),
        };
        let name = text::fit_middle(&format!("on call {}", schedule.name), 21);
        let words = text::fit(&format!("{who}{until}{then}"), columns.saturating_sub(24));
        (tone, vec![(Role::Muted, format!(" {}", text::left(&name, 22))), (tone, words)])
    };
    schedules.iter().map(line).collect()
}

/// One operator.
pub(super) fn operator(model: &Model, canvas: &mut Canvas, area: Rect, name: &str) {
    let Some(operator) = model.state.operators.get(name) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {name} does not work here"))]);
        return;
    };
    let (_, badge) = badge(model.availability(operator));
    let inside = canvas.frame(area, name, badge, true);
    let (lines, targets): (Vec<_>, Vec<_>) = facts(model, operator, usize::from(inside.width)).into_iter().unzip();
    canvas.page(inside, &lines, model.scroll);
    page::links(canvas, inside, targets, model.scroll.min(lines.len().saturating_sub(usize::from(inside.height))));
}

fn facts(model: &Model, operator: &Operator, columns: usize) -> Vec<Fact> {
    let name = operator.name.as_str();
    let mut facts = Facts::new(columns);
    facts.about("Now");
    let (role, word) = badge(model.availability(operator));
    facts.say(role, word);
    for (schedule, until) in model.on_call_now(name) {
        let until = until.map(|until| format!(" until {}", schedule.told(until))).unwrap_or_default();
        facts.say(Role::Ok, &format!("on call for {}{until}", schedule.name));
    }
    for found in model.stand_ins(name) {
        let (until, role) = (day_time(found.until, model.now), role_name(found.role));
        facts.say(Role::Text, &format!("{} agrees as {role} in this place until {until}: {}", found.to, found.reason));
    }
    for found in model.state.delegations.iter().filter(|found| found.to == name && found.until > model.now) {
        let (until, role) = (day_time(found.until, model.now), role_name(found.role));
        facts.say(Role::Text, &format!("agrees as {role} in the place of {} until {until}", found.from));
    }
    facts.about("Roles");
    facts.say(Role::Text, &roles(operator));
    let may: Vec<&str> = AGREEING.into_iter().filter(|role| operator.can_stand_for(*role)).map(role_name).collect();
    facts.say(
        Role::Muted,
        &if may.is_empty() { "agrees to no change".to_owned() } else { format!("may agree as {}", may.join(", ")) },
    );
    facts.about("Waits");
    let waits = model.waits_for(name);
    if waits.is_empty() {
        facts.say(Role::Muted, "no change waits for this one");
    }
    for change in waits {
        let line = format!("{} {}", change.id, change.title);
        facts.link(Role::Warn, &line, &Target::Page(Screen::Change(change.id)));
    }
    facts.about("Proof");
    match (&operator.second_factor, operator.keys.len()) {
        (Some(_), 0) => facts.say(Role::Ok, "✓ second factor"),
        (Some(_), keys) => facts.say(Role::Ok, &format!("✓ second factor · {}", count(keys, "key"))),
        (None, 0) => facts.say(Role::Warn, "▲ no second factor, and no key: codeblue operator totp enrol"),
        (None, keys) => facts.say(Role::Text, &format!("{}; no second factor", count(keys, "key"))),
    }
    facts.say(
        Role::Muted,
        &operator
            .login
            .as_ref()
            .map_or_else(|| "no login on this host".to_owned(), |login| format!("login {login} on this host")),
    );
    let others: Vec<&str> = model
        .state
        .operators
        .values()
        .filter(|other| other.belongs_to.as_deref() == Some(name))
        .map(|other| other.name.as_str())
        .collect();
    if !others.is_empty() {
        facts.say(Role::Muted, &format!("also known as {}", others.join(", ")));
    }
    facts.about("Did");
    let mut done = model.recent.iter().rev().filter(|recorded| recorded.actor.operator() == Some(name)).peekable();
    if done.peek().is_none() {
        facts.say(Role::Muted, "nothing that this board has heard of");
    }
    for recorded in done.take(DONE) {
        let line = format!("{} {}", recorded.at.format("%H:%M:%S"), recorded.event.summary());
        facts.link(Role::Text, &line, &Target::Page(Screen::Event(recorded.seq)));
    }
    facts.lines
}
