//! One use of break-glass: who acted without an approval on what, what was done under it, and what others think of it.

use ratatui::layout::Rect;

use super::{
    canvas::Canvas,
    facts::{Fact, Facts},
    page, recovery, rows,
};
use crate::{
    domain::{BREAK_GLASS_REVIEW, BreakGlass, BreakGlassAct, BreakGlassId, ReviewVerdict, role_name},
    platform::count,
    tui::{
        action::named,
        break_glass::{reviewers_missing, reviewing_role},
        decision::{cannot_write, day_time},
        form::Writing,
        layout,
        model::{Model, Screen, Target},
        text,
        theme::Role,
    },
};

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, id: BreakGlassId) {
    let Some(glass) = model.state.break_glass.get(&id) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {id} is on its way …"))]);
        return;
    };
    let foot = page::buttons(canvas, area, buttons(model, glass));
    let area = Rect { height: area.height.saturating_sub(foot), ..area };
    let title = format!("{id} · break-glass");
    let inside = canvas.frame(area, &title, &rows::break_glass_time(model, glass).1, true);
    let (lines, targets): (Vec<_>, Vec<_>) = facts(model, glass, usize::from(inside.width)).into_iter().unzip();
    canvas.page(inside, &lines, model.scroll);
    let first = model.scroll.min(lines.len().saturating_sub(usize::from(inside.height)));
    page::links(canvas, inside, targets, first);
}

fn buttons(model: &Model, glass: &BreakGlass) -> Vec<(String, Target)> {
    let names = ["review-break-glass", "end-break-glass", "revoke-break-glass"];
    let able = names.into_iter().filter_map(named).filter(|action| action.why_not(model).is_none());
    let mut all: Vec<(String, Target)> = able.map(|action| page::asking(model, action)).collect();
    let leads = if glass.acts.is_empty() { "Incident" } else { "Recovery" };
    all.push((model.named_button("open", leads), Target::Action("open")));
    all.push(("Esc Back".to_owned(), Target::Action("back")));
    all
}

fn facts(model: &Model, glass: &BreakGlass, columns: usize) -> Vec<Fact> {
    let mut facts = Facts::new(columns);
    let (who, services) = (&glass.operator, glass.services.join(", "));
    let acts = if glass.is_open() { "acts" } else { "acted" };
    facts.about("What");
    facts.say(
        Role::Title,
        &format!("{who} {acts} without an approval on {services}, as far as {}", glass.ceiling.says()),
    );
    now(model, glass, &mut facts);
    review(model, glass, &mut facts);
    facts.about("Acts");
    if glass.acts.is_empty() {
        let words = if glass.is_open() { "nothing so far" } else { "nothing was done under it" };
        facts.say(Role::Muted, words);
    }
    for done in glass.acts.iter().rev() {
        act(model, done, &mut facts);
    }
    facts.about("Why");
    facts.say(Role::Text, &glass.reason);
    if let Some(incident) = model.state.incidents.get(&glass.incident) {
        let words = format!("for {} {}: {}", incident.id, incident.severity, incident.title);
        facts.link(Role::Text, &words, &Target::Page(Screen::Incident(incident.id)));
    }
    facts.lines
}

/// Whether it is open, and how it ended.
fn now(model: &Model, glass: &BreakGlass, facts: &mut Facts) {
    facts.about("Now");
    let since = format!("opened {}", day_time(glass.opened_at, model.now));
    let Some(ended) = &glass.ended else {
        let (role, left) = rows::break_glass_time(model, glass);
        facts.say(role, &format!("OPEN: {left}, until {}; {since}", day_time(glass.until, model.now)));
        return;
    };
    let by = ended.by.operator().map(|name| format!(" by {name}")).unwrap_or_default();
    let (how, at, why) = (ended.how.says(), day_time(ended.at, model.now), &ended.reason);
    facts.say(Role::Text, &format!("{how}{by} at {at}: {why}; {since}"));
}

/// What others think of it, who has yet to say, and until when.
fn review(model: &Model, glass: &BreakGlass, facts: &mut Facts) {
    facts.about("Review");
    match glass.review_due_at() {
        Some(due) if due <= model.now => {
            facts.say(Role::Bad, &format!("✖ its review is OVERDUE by {}", text::span(model.now - due)));
        }
        Some(due) => {
            facts.say(
                Role::Warn,
                &format!("▲ its review is owed in {}, until {}", text::span(due - model.now), day_time(due, model.now)),
            );
        }
        None => {}
    }
    for known in &glass.reviews {
        let (role, mark) = match known.verdict {
            ReviewVerdict::Justified => (Role::Ok, "✓"),
            ReviewVerdict::Unjustified => (Role::Bad, "✖"),
        };
        let highest = known.roles.iter().next_back().map(|role| role_name(*role)).unwrap_or_default();
        let (who, at, verdict) = (&known.operator, day_time(known.at, model.now), known.verdict);
        facts.say(role, &format!("{mark} {who}, as {highest}, {at}: {verdict}. {}", known.findings));
    }
    match reviewers_missing(&model.state, glass) {
        Some(who) if glass.is_open() => {
            facts.say(Role::Text, &format!("within {} h of its end, by {who}", BREAK_GLASS_REVIEW.num_hours()));
        }
        Some(who) => facts.say(Role::Warn, &format!("… {who}")),
        None => {}
    }
    if glass.overdue_at.is_some() {
        facts.say(Role::Bad, "✖ FINDING: it was not reviewed in time");
    }
    let me = model.my_name();
    if !glass.is_open() && glass.is_review_owed() {
        match cannot_write(model, &Writing::ReviewBreakGlass(glass.id)) {
            None => facts.say(
                Role::Ok,
                &format!(
                    "you ({me}) may review it, as {} ({})",
                    reviewing_role(model),
                    model.key("review-break-glass")
                ),
            ),
            Some(why) => facts.say(Role::Text, &format!("you ({me}) may not review it: {why}")),
        }
    }
    if glass.is_review_owed() {
        let (who, incident) = (&glass.operator, glass.incident);
        facts.say(Role::Muted, &format!("until then {who} opens no other, and {incident} is not closed"));
    }
}

/// Something that was done under it: how risky it was, and how it went.
fn act(model: &Model, act: &BreakGlassAct, facts: &mut Facts) {
    let page = Target::Page(Screen::Recovery(act.recovery));
    let change = act.change.map(|change| format!(" for {change}")).unwrap_or_default();
    let (title, (role, outcome)) = match model.state.recoveries.get(&act.recovery) {
        Some(run) => (run.plan.title.as_str(), recovery::outcome(run)),
        None => ("", (Role::Muted, "")),
    };
    let (at, id, score) = (act.at.format("%H:%M:%SZ"), act.recovery, act.risk.score);
    facts.link(role, &format!("{at} {id}{change} {outcome}: {title}, risk {score} of 10"), &page);
    for point in &act.risk.points {
        facts.say(Role::Muted, &format!("  {:+} {}", point.points, point.why));
    }
}

/// Who acts without an approval, on every page as long as somebody does: who, how long still, how much was done, on what, and the
/// key that ends it. Gives the rows it takes.
pub(super) fn banner(model: &Model, canvas: &mut Canvas, area: Rect) -> u16 {
    let Some(glass) = model.loud() else { return 0 };
    let left = text::clock((glass.until - model.now).max(chrono::TimeDelta::zero()));
    let acts = count(glass.acts.len(), "act");
    let until = glass.until.format("%H:%MZ");
    let who = format!(" BREAK-GLASS {}: {left} left, {acts} ", glass.operator);
    let services = glass.services.join(", ");
    let who_until = format!(" BREAK-GLASS {}: {left} left, until {until}, {acts} ", glass.operator);
    let more = model.state.break_glass.values().filter(|glass| glass.is_open()).count() - 1;
    let more = if more > 0 { format!(" and {more} more ({})", model.key("approvals")) } else { String::new() };
    let brief = format!("{who}on {services} ({}), {}{more} ", glass.ceiling, glass.incident);
    let scope = format!(" on {services}, reach {}, for {}{more} ", glass.ceiling, glass.incident);
    let ways = ["end-break-glass", "revoke-break-glass"].into_iter().filter_map(named);
    let way = ways.into_iter().find(|action| action.why_not(model).is_none());
    // The key is about what is looked at; where that is another one, it does not belong on this line.
    let way = way.filter(|_| model.break_glass_to_end() == Some(glass.id));
    let key = way.map(|action| {
        let verb = action.label.split(' ').next().unwrap_or_default();
        (model.keymap.button(action, &format!("{verb}…")), Target::Action(action.name))
    });
    let columns = usize::from(area.width);
    let reserved = key.as_ref().map_or(0, |(label, _)| text::width(label) + 5);
    let page = Target::Page(Screen::BreakGlass(glass.id));
    let has_room = |words: &str| text::width(words) + reserved <= columns;
    let rows: Vec<String> = if has_room(&(who_until.clone() + &scope)) {
        vec![who_until + &scope]
    } else if has_room(&brief) {
        vec![brief]
    } else if area.height < layout::LIST_ALONE + 3 {
        let shorter = [who, format!(" BREAK-GLASS {}: {left} left ", glass.operator)];
        let shortest = format!(" BREAK-GLASS {}: {left} ", text::fit(&glass.operator, columns / 4));
        vec![shorter.into_iter().find(|words| has_room(words)).unwrap_or(shortest)]
    } else {
        let first = if text::width(&who_until) <= columns { who_until } else { who };
        vec![first, text::fit(&scope, columns.saturating_sub(reserved))]
    };
    let height = u16::try_from(rows.len()).unwrap_or(1);
    for (row, words) in (1..).zip(rows) {
        canvas.line(area, row, &[(Role::Emergency, words)]);
        canvas.hits.add(Rect { y: area.y + row, height: 1, ..area }, page.clone());
    }
    if let Some((label, target)) = key {
        let at = area.width.saturating_sub(u16::try_from(text::width(&label)).unwrap_or(u16::MAX).saturating_add(5));
        canvas.button(area, height, at, &label, target, false);
    }
    height
}
