//! One change, as its approver sees it: what it is, how much time there is, how risky it is and how it is undone, then why,
//! what it touches and who agrees; beside that, or below, its plan and what the plan would change.

use chrono::{DateTime, Utc};
use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    facts::{Fact, Facts},
    incident::part,
    page,
    plan::{self, Shown},
    recovery, rows,
};
use crate::{
    domain::{
        Actor, Approval, Attestation, BreakGlassId, Change, ChangeId, ChangeState, ReviewOutcome, RiskLevel, WayBack,
        role_name, unsatisfiable, who_may_approve,
    },
    platform::HealthInformation,
    tui::{
        decision::{clashes, day_time, short_hash},
        layout::{self, Zoom},
        model::{Loaded, Model, Part, Screen, Target},
        queue::{Owed, owed},
        text,
        theme::Role,
    },
};

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, id: ChangeId) {
    let Some(change) = model.state.changes.get(&id) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {id} is on its way …"))]);
        return;
    };
    let foot = page::buttons(canvas, area, buttons(model, change));
    let area = Rect { height: area.height.saturating_sub(foot), ..area };
    // Where it is narrow, the time left comes before of what kind it is.
    let title = if area.width < 60 { id.to_string() } else { format!("{id} · {} change", change.kind) };
    let summary = rows::time_left(model, change).1;
    let Some((left, right)) = layout::halves(area, 50) else {
        let inside = canvas.frame(area, &title, &summary, true);
        let columns = usize::from(inside.width);
        let mut all = facts(model, change, columns);
        let mut way = Facts::new(columns);
        way.about("Stage");
        way.row(stages(change));
        all.extend(way.lines);
        all.push((Vec::new(), None));
        let heading = format!(" Plan {}   {}", short_hash(&change.plan_hash), how_far(model, change));
        all.push((vec![(Role::Title, heading)], None));
        all.extend(plan_lines(model, change, inside.width).into_iter().map(|line| (line, None)));
        let (lines, targets): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        canvas.page(inside, &lines, model.scroll);
        let first = model.scroll.min(lines.len().saturating_sub(usize::from(inside.height)));
        page::links(canvas, inside, targets, first);
        return;
    };
    let way = stages(change).into_iter().flat_map(|stage| [(Role::Muted, " · ".to_owned()), stage]).skip(1);
    canvas.line(area, 0, &std::iter::once((Role::Text, " ".to_owned())).chain(way).collect::<Vec<_>>());
    let (left, right) = match (model.page_zoom(), model.part) {
        (Zoom::Out, _) => (layout::rows(left, 1).1, layout::rows(right, 1).1),
        (Zoom::In, Part::Facts) => (layout::rows(area, 1).1, Rect::ZERO),
        (Zoom::In, Part::Aside) => (Rect::ZERO, layout::rows(area, 1).1),
    };
    let inside = canvas.frame(left, &title, &summary, model.part == Part::Facts);
    canvas.hits.add(left, Target::Part(Part::Facts));
    let (lines, targets): (Vec<_>, Vec<_>) = facts(model, change, usize::from(inside.width)).into_iter().unzip();
    let first = part(model, canvas, inside, &lines, Part::Facts);
    page::links(canvas, inside, targets, first);
    let title = format!("Plan {}", short_hash(&change.plan_hash));
    let inside = canvas.frame(right, &title, &how_far(model, change), model.part == Part::Aside);
    canvas.hits.add(right, Target::Part(Part::Aside));
    part(model, canvas, inside, &plan_lines(model, change, inside.width), Part::Aside);
}

/// What can be done now, and where it leads.
fn buttons(model: &Model, change: &Change) -> Vec<(String, Target)> {
    let mut all: Vec<(String, Target)> = model.ways().into_iter().map(|action| page::asking(model, action)).collect();
    if change.recovery.is_some() {
        all.push((model.named_button("open", "Recovery"), Target::Action("open")));
    }
    all.push(("Esc Back".to_owned(), Target::Action("back")));
    all
}

/// How far the plan is: its dry run before it was carried out, how it goes or went afterwards.
fn how_far(model: &Model, change: &Change) -> String {
    let run = change.recovery.and_then(|id| model.state.recoveries.get(&id));
    match run {
        Some(run) => format!("{} {}", run.id, recovery::outcome(run).1),
        None if is_ahead(change) => plan::progress(model, &shown(model, change)),
        None => "not carried out".to_owned(),
    }
}

fn is_ahead(change: &Change) -> bool {
    change.state <= ChangeState::Approved
}

fn shown<'a>(model: &'a Model, change: &'a Change) -> Shown<'a> {
    let dry_run = model.dry_runs.get(&change.id).unwrap_or(&Loaded::Waiting);
    Shown { plan: &change.plan, hash: &change.plan_hash, risk: &change.risk, dry_run }
}

fn plan_lines(model: &Model, change: &Change, columns: u16) -> Vec<Vec<Piece>> {
    let run = change.recovery.and_then(|id| model.state.recoveries.get(&id));
    match run {
        Some(run) => recovery::steps(model, run, usize::from(columns)).0,
        None if is_ahead(change) => plan::lines(model, &shown(model, change), columns),
        None => change
            .plan
            .steps
            .iter()
            .zip(1..)
            .map(|(step, place)| vec![(Role::Muted, format!(" {place} ")), (Role::Muted, step.to_string())])
            .collect(),
    }
}

/// All that is known of it beside its plan, the most important first.
fn facts(model: &Model, change: &Change, columns: usize) -> Vec<Fact> {
    let mut facts = Facts::new(columns);
    facts.about("What");
    facts.say(Role::Title, &text::capitalised(&change.title));
    now(model, change, &mut facts);
    risk(change, &mut facts);
    back(change, &mut facts);
    clash(model, change, &mut facts);
    who(model, change, &mut facts);
    why(model, change, &mut facts);
    touches(model, change, &mut facts);
    facts.lines
}

/// What is waited for, and how long.
fn now(model: &Model, change: &Change, facts: &mut Facts) {
    facts.about("Now");
    let (role, left) = rows::time_left(model, change);
    match change.state {
        ChangeState::Pending => {
            facts.say(role, &format!("waits: {left}; it lapses at {}", day_time(change.expires_at, model.now)));
            let begin = text::span(chrono::TimeDelta::seconds(change.terms.start_within_seconds.cast_signed()));
            if change.window.is_none() {
                facts.say(Role::Text, &format!("then it begins, within {begin} at the latest"));
            }
        }
        ChangeState::Approved => {
            let by = change.execute_by().map(|by| format!(", by {}", day_time(by, model.now))).unwrap_or_default();
            facts.say(role, &format!("agreed to: {left}{by}"));
        }
        ChangeState::Implementing => {
            let run = change.recovery.map(|id| id.to_string()).unwrap_or_default();
            facts.link(role, &format!("{run} carries it out: {left}"), &Target::Action("open"));
            if change.recovery.and_then(|id| model.state.recoveries.get(&id)).is_some_and(|run| run.cancel_requested) {
                facts.say(Role::Warn, "▲ it stops after the step under way");
            }
        }
        ChangeState::Validating => {
            facts.say(
                Role::Warn,
                &format!(
                    "▲ carried out; somebody who had no part in it has to see that it worked ({})",
                    model.key("validate")
                ),
            );
        }
        state => {
            let at =
                change.ended_at.map(|at| format!(", carried out at {}", day_time(at, model.now))).unwrap_or_default();
            facts.say(if owed(change).is_some() { Role::Text } else { role }, &format!("{state}{at}"));
        }
    }
    if let Some(window) = change.window {
        facts.say(
            Role::Text,
            &format!("window {} to {}", day_time(window.from, model.now), day_time(window.until, model.now)),
        );
    }
    if let Some((actor, reason)) = &change.decision {
        facts.say(Role::Text, &format!("by {}: {reason}", actor_name(actor)));
    }
    if let (Some(id), true) = (change.recovery, change.ended_at.is_some()) {
        facts.link(Role::Focus, &format!("{id} carried it out ({})", model.key("open")), &Target::Action("open"));
    }
    if let Some(by) = &change.validated_by {
        let saw = if change.state == ChangeState::Failed { "saw that it did not work" } else { "saw that it worked" };
        facts.say(Role::Text, &format!("{} {saw}", actor_name(by)));
    }
    match (&change.review, change.review_due_at()) {
        (Some(review), _) => {
            let outcome = match review.outcome {
                ReviewOutcome::Successful => "successful",
                ReviewOutcome::WithIssues => "successful with issues",
                ReviewOutcome::Unsuccessful => "unsuccessful",
            };
            facts.say(Role::Text, &format!("reviewed by {}: {outcome}. {}", review.by, review.findings));
        }
        (None, Some(due)) if due <= model.now => {
            let late = text::span(model.now - due);
            facts.say(Role::Bad, &format!("✖ its review is OVERDUE by {late} ({})", model.key("review")));
        }
        (None, Some(due)) => {
            let left = text::span(due - model.now);
            let after = if owed(change) == Some(Owed::Validation) { ", after its validation" } else { "" };
            facts.say(Role::Warn, &format!("▲ its review is owed in {left}{after} ({})", model.key("review")));
        }
        (None, None) => {}
    }
}

fn risk(change: &Change, facts: &mut Facts) {
    facts.about("Risk");
    let level = change.risk.level();
    let role = match level {
        RiskLevel::Low | RiskLevel::Medium => Role::Title,
        RiskLevel::High | RiskLevel::Critical => Role::Bad,
    };
    facts.say(role, &format!("{} of 10, {}", change.risk.score, level.name()));
    for point in &change.risk.points {
        facts.say(Role::Text, &format!("{:+} {}", point.points, point.why));
    }
    let sum: i32 = change.risk.points.iter().map(|point| i32::from(point.points)).sum();
    facts.say(Role::Text, &format!("= {sum}"));
}

/// The way back, and what no way brings back.
fn back(change: &Change, facts: &mut Facts) {
    facts.about("Undo");
    match change.impact.way_back {
        WayBack::None => facts.say(Role::Bad, "✖ no way back: by hand, if at all"),
        way @ (WayBack::Switch | WayBack::Restore | WayBack::NotNeeded) => facts.say(Role::Text, &way.to_string()),
    }
    match &change.plan.loses {
        Some(loses) => facts.say(Role::Bad, &format!("✖ LOSES {loses}")),
        None if change.plan.components().next().is_some() => facts.say(Role::Text, "nothing is lost"),
        None => {}
    }
}

fn why(model: &Model, change: &Change, facts: &mut Facts) {
    facts.about("Why");
    facts.say(Role::Text, &change.reason);
    let incident = change.incident.and_then(|id| model.state.incidents.get(&id));
    if let Some(incident) = incident {
        facts.say(Role::Text, &format!("for {} {}: {}", incident.id, incident.severity, incident.title));
    }
    if let Some(template) = &change.template {
        facts.say(Role::Text, &format!("agreed to beforehand, as the standard change {template}"));
    }
}

/// What it changes, whom that reaches, and what they do with it.
fn touches(model: &Model, change: &Change, facts: &mut Facts) {
    let impact = &change.impact;
    facts.about("Touches");
    facts.say(Role::Text, &impact.services.join(", "));
    if !impact.reaches.is_empty() {
        facts.say(Role::Text, &format!("reaches {}", impact.reaches.join(", ")));
    }
    if !impact.functions.is_empty() {
        facts.say(Role::Text, &format!("people use it for {}", impact.functions.join(", ")));
    }
    if let Some(users) = impact.users {
        facts.say(Role::Text, &format!("about {users} users"));
    }
    match impact.health_information {
        HealthInformation::None => {}
        HealthInformation::Reads => facts.say(Role::Text, "it reads protected health information"),
        HealthInformation::Writes => facts.say(Role::Warn, "▲ it keeps protected health information"),
    }
    match impact.downtime_seconds {
        0 => facts.say(Role::Text, "interrupts nothing that works now"),
        seconds => facts.say(Role::Warn, &format!("▲ interrupts what works now for about {seconds} s")),
    }
    if is_ahead(change) {
        let mut pieces = vec![(Role::Text, "takes ".to_owned())];
        pieces.extend(plan::time(model, &shown(model, change)));
        facts.put(pieces, None);
    }
}

/// What else is done to the same, and what comes first.
fn clash(model: &Model, change: &Change, facts: &mut Facts) {
    if !change.state.is_open() {
        return;
    }
    facts.about("Clash");
    for other in clashes(&model.state, change) {
        facts.say(Role::Warn, &format!("▲ {} works on the same, and is {}: {}", other.id, other.state, other.title));
    }
    for other in change.after.iter().filter_map(|id| model.state.changes.get(id)) {
        let over = if other.state.is_open() { "first" } else { "came first" };
        facts.say(Role::Text, &format!("{} {over}: {}, {}", other.id, other.state, other.title));
    }
}

/// Who asks, who has agreed and what shows it, and who has yet to.
fn who(model: &Model, change: &Change, facts: &mut Facts) {
    facts.about("Who");
    if change.round > 1 {
        let because = change.asked_anew.as_deref().map(|why| format!(", because {why}")).unwrap_or_default();
        let round = change.round;
        facts.say(Role::Warn, &format!("▲ asked anew, round {round}{because}; what was agreed before counts no more"));
    }
    if let Some(glass) = change.break_glass {
        under_break_glass(model, glass, facts);
    }
    for approval in change.current_approvals() {
        facts.say(Role::Ok, &agreed(approval, model.now));
    }
    if change.state == ChangeState::Pending {
        waits_for(model, change, facts);
    }
    let authors: Vec<&str> =
        change.authors.iter().map(String::as_str).filter(|name| change.requester.operator() != Some(*name)).collect();
    let with = if authors.is_empty() { String::new() } else { format!(" with {}", authors.join(", ")) };
    facts.say(
        Role::Muted,
        &format!("asked by {}{with} at {}", actor_name(&change.requester), day_time(change.submitted_at, model.now)),
    );
}

fn under_break_glass(model: &Model, id: BreakGlassId, facts: &mut Facts) {
    let who = model.state.break_glass.get(&id).map(|glass| format!(" of {}", glass.operator)).unwrap_or_default();
    let said = format!("▲ carried out under {id}{who}, without the approvals it lacks");
    facts.link(Role::Bad, &said, &Target::Page(Screen::BreakGlass(id)));
}

fn agreed(approval: &Approval, now: DateTime<Utc>) -> String {
    let place = approval.on_behalf_of.as_ref().map(|name| format!(" in place of {name}")).unwrap_or_default();
    let how = match &approval.attestation {
        Attestation::Session => "session".to_owned(),
        Attestation::SecondFactor => "session and second factor".to_owned(),
        Attestation::Signature { fingerprint, .. } => format!("signed, {fingerprint}"),
    };
    let said = if approval.reason.is_empty() { String::new() } else { format!(": {}", approval.reason) };
    let (who, role, at) = (&approval.operator, role_name(approval.role), day_time(approval.at, now));
    format!("✓ {who}{place}, as {role}, {at} ({how}){said}")
}

fn waits_for(model: &Model, change: &Change, facts: &mut Facts) {
    for (role, people) in who_may_approve(&model.state, change) {
        let could = match people.as_slice() {
            [] => "nobody here could".to_owned(),
            people => people.join(" or "),
        };
        facts.say(Role::Warn, &format!("… {}: {could}", role_name(role)));
    }
    for role in unsatisfiable(&model.state, change) {
        let role = role_name(role);
        facts.say(Role::Bad, &format!("✖ WAITS IN VAIN: nobody is left who may agree as {role}"));
    }
    let me = model.my_name();
    let seats = model.seats(change);
    let signs = model.state.operators.get(me).is_some_and(|known| !known.keys.is_empty());
    for seat in &seats {
        let place = seat.of.as_ref().map(|name| format!(" in place of {name}")).unwrap_or_default();
        facts.say(Role::Ok, &format!("you ({me}) may approve{place} as {}", role_name(seat.role)));
    }
    if signs && !seats.is_empty() {
        facts.say(Role::Muted, &format!("with your SSH key: codeblue change approve {} --sign KEY", change.id));
    }
    if let (true, Err(refusal)) = (seats.is_empty(), crate::domain::role_to_fill(&model.state, change, me)) {
        facts.say(Role::Warn, &format!("you ({me}) may not approve: {}", model.in_keys(&refusal.words())));
    }
}

fn actor_name(actor: &Actor) -> String {
    match actor {
        Actor::Policy(name) => format!("policy “{name}”"),
        other => other.to_string(),
    }
}

/// The whole way of a change, and where on it this one is.
fn stages(change: &Change) -> Vec<Piece> {
    let names = ["Submitted", "Analysed", "Assessed", "Approval", "Implementation", "Validation", "Documentation"];
    let begun = change.recovery.is_some();
    let decided = if change.authorised_at.is_some() { 4 } else { 3 };
    let (at, stopped) = match change.state {
        ChangeState::Pending => (3, false),
        ChangeState::Approved | ChangeState::Implementing => (4, false),
        ChangeState::Validating => (5, false),
        ChangeState::Validated => (6, false),
        ChangeState::Closed => (7, false),
        ChangeState::Failed => (if change.validated_by.is_some() { 5 } else { 4 }, true),
        ChangeState::RolledBack => (4, true),
        ChangeState::Rejected | ChangeState::Expired | ChangeState::Withdrawn => (decided, true),
    };
    let piece = |(place, name): (usize, &&str)| match place {
        3 if begun && change.break_glass.is_some() => (Role::Warn, format!("▲ {name} missing")),
        6 if change.review.is_some() => (Role::Ok, format!("✓ {name}")),
        place if place < at => (Role::Ok, format!("✓ {name}")),
        place if place == at && stopped => (Role::Bad, format!("✖ {name}")),
        place if place == at => (Role::Focus, format!("▶ {name}")),
        _ => (Role::Muted, (*name).to_owned()),
    };
    names.iter().enumerate().map(piece).collect()
}
