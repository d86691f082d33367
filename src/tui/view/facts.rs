//! What is known of an incident, the most important first: who, what comes next, what suffers, why, what changed before it,
//! what was tried, what people were told, and what is left to do.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{canvas::Piece, recovery::outcome, rows};
use crate::{
    domain::{
        ChangeState, Deployment, DeploymentOrigin, DiagnosisDocument, DiagnosisState, Incident, IncidentRole,
        Milestone, RunOutcome, SecondOpinion, Stance, Stand, missing_roles, role_name,
    },
    tui::{
        action::latest_document,
        model::{Model, Screen, Target},
        text,
        theme::Role,
    },
};

/// How far back from the first sign changes are looked for.
const BEFORE: TimeDelta = TimeDelta::hours(24);
/// A version is seen up to so much later than it went live.
const NOTICED: TimeDelta = TimeDelta::seconds(5);
/// Changes before it that are shown.
const SHOWN: usize = 4;
/// Pieces of evidence that are shown.
const EVIDENCE: usize = 3;
/// Columns of a label, with the space around it.
const LABEL: usize = 9;

/// A line, and what a click on it does.
pub(super) type Fact = (Vec<Piece>, Option<Target>);

/// Facts under their labels.
pub(super) struct Facts {
    pub(super) lines: Vec<Fact>,
    room: usize,
    label: &'static str,
}

impl Facts {
    /// None yet, in lines of so many columns.
    pub(super) fn new(columns: usize) -> Self {
        Self { lines: Vec::new(), room: columns.saturating_sub(LABEL + 1), label: "" }
    }

    /// What follows stands under this label.
    pub(super) fn about(&mut self, label: &'static str) {
        self.label = label;
    }

    /// A line between two subjects.
    pub(super) fn gap(&mut self) {
        self.lines.push((Vec::new(), None));
    }

    /// Whether so many columns fit behind a label.
    pub(super) fn has_room(&self, columns: usize) -> bool {
        columns <= self.room
    }

    /// A text, wrapped.
    pub(super) fn say(&mut self, role: Role, content: &str) {
        for line in text::wrap(content, self.room) {
            self.put(vec![(role, line)], None);
        }
    }

    /// Several paragraphs, each in as few lines as it takes, the points of a list below their own signs.
    pub(super) fn prose(&mut self, role: Role, content: &str) {
        for paragraph in text::paragraphs(content) {
            if paragraph.is_empty() {
                self.put(Vec::new(), None);
                continue;
            }
            let hang = text::sign_of_point(&paragraph);
            let (sign, rest) = paragraph.split_at(hang);
            for (place, line) in text::wrap(rest, self.room.saturating_sub(hang)).into_iter().enumerate() {
                let before = if place == 0 { sign.to_owned() } else { " ".repeat(hang) };
                self.put(vec![(role, format!("{before}{line}"))], None);
            }
        }
    }

    /// Something that is chosen with its digit, counted from 1, or clicked.
    pub(super) fn option(&mut self, place: usize, role: Role, content: &str) {
        for (row, line) in text::wrap(content, self.room.saturating_sub(2)).into_iter().enumerate() {
            let digit = if row == 0 { format!("{} ", place + 1) } else { "  ".to_owned() };
            self.put(vec![(Role::Key, digit), (role, line)], Some(Target::Choice(place)));
        }
    }

    /// A line as a program wrote it, its blanks where they were; what does not fit goes on in the next.
    pub(super) fn verbatim(&mut self, role: Role, line: &str) {
        let line = text::clean(&line.replace('\t', "    "));
        let mut rest = line.as_str();
        loop {
            let mut end = rest.len().min(self.room.max(1));
            while end < rest.len() && !rest.is_char_boundary(end) {
                end += 1;
            }
            self.put(vec![(role, rest[..end].to_owned())], None);
            rest = &rest[end..];
            if rest.is_empty() {
                return;
            }
        }
    }

    /// A text, wrapped, that can be clicked.
    pub(super) fn link(&mut self, role: Role, content: &str, target: &Target) {
        for line in text::wrap(content, self.room) {
            self.put(vec![(role, line)], Some(target.clone()));
        }
    }

    /// Pieces one after the other, on as many lines as they need.
    pub(super) fn row(&mut self, pieces: Vec<Piece>) {
        let mut line: Vec<Piece> = Vec::new();
        let mut used = 0;
        for (role, piece) in pieces {
            let columns = text::width(&piece);
            if used > 0 && used + 3 + columns > self.room {
                self.put(std::mem::take(&mut line), None);
                used = 0;
            }
            if used > 0 {
                line.push((Role::Muted, " · ".to_owned()));
                used += 3;
            }
            used += columns;
            line.push((role, piece));
        }
        if !line.is_empty() {
            self.put(line, None);
        }
    }

    /// A line of several pieces; what does not fit is cut, and shows that it is.
    pub(super) fn put(&mut self, pieces: Vec<Piece>, target: Option<Target>) {
        let label = std::mem::take(&mut self.label);
        let mut line = vec![(Role::Muted, format!(" {} ", text::left(label, LABEL - 2)))];
        line.extend(pieces);
        self.lines.push((line, target));
    }
}

/// All that is known, in lines of so many columns.
pub(super) fn facts(model: &Model, incident: &Incident, columns: usize) -> Vec<Fact> {
    let mut facts = Facts::new(columns);
    let document = latest_document(model, incident.id);
    if let Some(resolution) = &incident.resolution {
        facts.about("Ended");
        facts.say(Role::Ok, resolution);
    }
    next(model, incident, document.as_deref(), &mut facts);
    track(model, incident, &mut facts);
    who(incident, &mut facts);
    hits(model, incident, &mut facts);
    cause(model, incident, document.as_deref(), &mut facts);
    before(model, incident, document.as_deref(), &mut facts);
    tried(model, incident, &mut facts);
    told(model, incident, &mut facts);
    left_to_do(model, incident, &mut facts);
    facts.lines
}

fn who(incident: &Incident, facts: &mut Facts) {
    let role = |role| incident.roles.get(&role).map_or("—", String::as_str);
    facts.about("Who");
    facts.say(
        Role::Text,
        &format!(
            "commander {} · comms {} · scribe {}",
            role(IncidentRole::Commander),
            role(IncidentRole::Communications),
            role(IncidentRole::Scribe)
        ),
    );
    match &incident.on_call {
        Some(found) if found.is_there() => facts.say(Role::Text, &found.to_string()),
        Some(missing) => facts.say(Role::Bad, &format!("✖ {missing}")),
        None => {}
    }
    if incident.escalation > 0 {
        facts.say(Role::Warn, &format!("▲ escalated to level {} of 3", incident.escalation));
    }
}

/// What somebody has to do now: decide, watch, or do what is proposed.
fn next(model: &Model, incident: &Incident, document: Option<&DiagnosisDocument>, facts: &mut Facts) {
    if !incident.state.is_open() {
        return;
    }
    facts.about("Next");
    if incident.acknowledged_at.is_none() {
        facts.link(
            Role::Key,
            &format!("[{}] acknowledge: nobody has yet", model.key("acknowledge")),
            &Target::Action("acknowledge"),
        );
    }
    for run in model.state.open_runs().filter(|run| run.incident == Some(incident.id)) {
        let waits = model.waits(run);
        let at = run.current().map(|step| format!(" step {} {}", step.number, step.title)).unwrap_or_default();
        let words = format!("[{}] {}{at}: {}", model.key("run-at-hand"), run.id, waits.words);
        facts.link(if waits.mine { Role::Key } else { waits.role }, &words, &Target::Page(Screen::Run(run.id)));
    }
    let changes = incident.changes.iter().filter_map(|id| model.state.changes.get(id));
    for change in changes.filter(|change| change.state == ChangeState::Pending) {
        let missing: Vec<&str> = missing_roles(&model.state, change).into_iter().map(role_name).collect();
        let (open, missing) = (model.key("open"), missing.join(" and the "));
        let waits = format!("[{open}] {} waits for the {missing}: {}", change.id, change.title);
        facts.link(Role::Warn, &waits, &Target::Action("open"));
    }
    let recoveries = incident.recoveries.iter().filter_map(|id| model.state.recoveries.get(id));
    for recovery in recoveries.filter(|recovery| recovery.is_running()) {
        let runs = format!("[{}] {} runs: {}", model.key("open"), recovery.id, recovery.plan.title);
        facts.link(Role::Focus, &runs, &Target::Action("open"));
    }
    for (place, fix) in document.iter().flat_map(|document| document.suggested_fixes.iter().enumerate()) {
        let line = format!("[{}] {}   ~{} s   {:?} risk", place + 1, fix.action, fix.estimated_time, fix.risk);
        facts.link(Role::Key, &line.to_lowercase(), &Target::Choice(place));
    }
    if document.is_none() && !is_diagnosed(model, incident) {
        let words = format!("[{}] diagnose: nobody has looked for the cause", model.key("diagnose"));
        facts.link(Role::Key, &words, &Target::Action("diagnose"));
    }
}

fn is_diagnosed(model: &Model, incident: &Incident) -> bool {
    let mut diagnoses = incident.diagnoses.iter().filter_map(|id| model.state.diagnoses.get(id));
    diagnoses.any(|diagnosis| diagnosis.state == DiagnosisState::Running)
}

/// How far it is on the fast track: what was reached, what is late, and what its clock runs for.
fn track(model: &Model, incident: &Incident, facts: &mut Facts) {
    let Some(known) = incident.fast_track.as_ref().filter(|_| incident.state.is_open()) else { return };
    let now = model.now;
    let rows = incident.milestones(now);
    let reached = rows.iter().filter(|row| row.reached_at.is_some()).count();
    let Some(next) = rows.iter().find(|row| row.is_running && row.milestone != Milestone::Reviewed) else { return };
    facts.about("Track");
    let limit = text::clock(next.milestone.limit());
    let late = rows.iter().filter(|row| row.is_late && row.is_running).count();
    let mut pieces = vec![(Role::Ok, format!("✓ {reached} of {}", rows.len()))];
    pieces.push(match next.is_late {
        true => (Role::Bad, format!("  ✖ to be {}: {} late", next.milestone, text::clock(now - next.due_at))),
        false => (Role::Text, format!("  to be {}: {} left", next.milestone, text::clock(next.due_at - now))),
    });
    pieces.push((Role::Muted, format!(" of {limit}")));
    if late > 1 {
        pieces.push((Role::Bad, format!("  + {} more late", late - 1)));
    }
    facts.put(pieces, None);
    match (known.break_glass, known.offered_at) {
        (Some(glass), _) => facts.say(Role::Bad, &format!("carried out under {glass}, not approved")),
        (None, Some(_)) => {
            facts.link(
                Role::Bad,
                &format!("[{}] break-glass is offered: nobody has decided in time", model.key("break-glass")),
                &Target::Action("break-glass"),
            );
        }
        (None, None) => {}
    }
}

/// Each service and how it is now, the root first.
fn hits(model: &Model, incident: &Incident, facts: &mut Facts) {
    facts.about("Hits");
    let root = incident.root.iter();
    let others = incident.services.iter().filter(|name| incident.root.as_ref() != Some(*name));
    let all: Vec<&String> = root.chain(others).collect();
    if all.is_empty() {
        facts.say(Role::Muted, "no service was named");
    }
    for name in all {
        let (glyph, word, role) = rows::badge_of(model, name);
        let health = model.state.services.get(name);
        let since = health.and_then(|health| health.since).map(|at| text::short(model.now - at)).unwrap_or_default();
        let mut pieces = vec![
            (role, format!("{glyph} {} ", text::left(word, 5))),
            (Role::Text, name.clone()),
            (Role::Muted, format!(" for {since}")),
        ];
        if incident.root.as_ref() == Some(name) {
            pieces.push((Role::Title, "  root".to_owned()));
        }
        let bad = health.filter(|health| health.status != crate::domain::Status::Healthy);
        if let Some(health) = bad {
            pieces.push((Role::Muted, format!("  {}", health.reason)));
        }
        facts.put(pieces, None);
    }
}

fn cause(model: &Model, incident: &Incident, document: Option<&DiagnosisDocument>, facts: &mut Facts) {
    facts.about("Cause");
    let Some(document) = document else {
        let words = if is_diagnosed(model, incident) { "looking for it …" } else { "not looked for yet" };
        return facts.say(Role::Muted, words);
    };
    let cause = &document.root_cause;
    let page = Target::Page(Screen::Diagnosis(incident.id, None));
    facts.link(Role::Title, &cause.issue, &page);
    let (dots, service, why) = (dots(cause.confidence), &cause.service, model.key("diagnosis"));
    let sure = format!("{dots} {:.2} · {service} · [{why}] why", cause.confidence);
    facts.link(Role::Text, &sure, &page);
    // A line for each: what changed before it must not fall below the edge.
    for evidence in cause.evidence.iter().take(EVIDENCE) {
        let times = if evidence.count > 1 { format!("×{} ", evidence.count) } else { String::new() };
        facts.put(vec![(Role::Muted, format!("{times}{}: “{}”", evidence.source, evidence.text))], None);
    }
    if cause.evidence.len() > EVIDENCE {
        facts.say(Role::Muted, &format!("+ {} more", cause.evidence.len() - EVIDENCE));
    }
    match &document.second_opinion {
        Some(opinion) => second_opinion(opinion, facts),
        None if model.state.platform.language_model.is_some() && is_diagnosed(model, incident) => {
            facts.say(Role::Muted, "a language model is asked about it …");
        }
        None => {}
    }
}

/// What a language model says of a cause: its words are shown as its words.
fn second_opinion(opinion: &SecondOpinion, facts: &mut Facts) {
    let stands_against = matches!(opinion.stance, Stance::Reordered | Stance::Outweighed);
    let role = if stands_against { Role::Warn } else { Role::Muted };
    let note = if opinion.note.is_empty() { String::new() } else { format!(": {}", opinion.note) };
    facts.say(role, &format!("{} {}{note}", opinion.model, opinion.stance.words()));
    if !opinion.explanation.is_empty() {
        facts.say(Role::Muted, &format!("it says: “{}”", opinion.explanation));
    }
}

/// Confidence as dots, for those who do not read figures at night.
pub(super) fn dots(confidence: f64) -> &'static str {
    match confidence {
        0.9.. => "●●●●",
        0.7..0.9 => "●●●○",
        0.5..0.7 => "●●○○",
        0.2..0.5 => "●○○○",
        _ => "○○○○",
    }
}

/// What went live or was worked on in the day before, on the services hit and all that they need, newest first.
fn before(model: &Model, incident: &Incident, document: Option<&DiagnosisDocument>, facts: &mut Facts) {
    let platform = &model.state.platform;
    let hit = incident.services.iter().chain(&incident.root);
    let way: BTreeSet<&str> =
        hit.flat_map(|name| std::iter::once(name.as_str()).chain(model.map.below(name))).collect();
    let first = incident.detected_at;
    let recent = |at: DateTime<Utc>| at > first - BEFORE && at <= first + NOTICED;
    // Where no service was named, anything may have to do with it.
    let on_the_way = |deployment: &&Deployment| {
        way.is_empty()
            || platform
                .component(&deployment.component)
                .is_some_and(|component| way.contains(component.service.as_str()))
    };
    let suspect = document.and_then(|document| document.root_cause.deployment);
    let own = |deployment: &&Deployment| match deployment.origin {
        DeploymentOrigin::Recovery(id) => !incident.recoveries.contains(&id),
        DeploymentOrigin::Reported | DeploymentOrigin::Observed => true,
    };
    let live: Vec<&Deployment> =
        model.state.deployments.values().filter(|deployment| recent(deployment.at)).filter(own).collect();
    let elsewhere = live.iter().filter(|deployment| !on_the_way(deployment)).count();
    let mut changes: Vec<(DateTime<Utc>, Role, String)> = live
        .into_iter()
        .filter(on_the_way)
        .map(|deployment| {
            let over = deployment.previous.as_ref().map(|version| format!(" over {version}")).unwrap_or_default();
            let blamed = suspect == Some(deployment.id);
            let mark = if blamed { " ◀ suspected" } else { "" };
            let what = format!("{} {} went live{over}{mark}", deployment.component, deployment.version);
            (deployment.at, if blamed { Role::Bad } else { Role::Text }, what)
        })
        .collect();
    changes.extend(way.iter().filter_map(|name| {
        let at = model.state.maintained.get(*name).copied().filter(|at| recent(*at))?;
        Some((at, Role::Planned, format!("maintenance of {name} began")))
    }));
    changes.sort_by_key(|(at, _, _)| std::cmp::Reverse(*at));
    facts.about("Before");
    if changes.is_empty() {
        let words = match elsewhere {
            0 => "nothing went live in the 24 h before".to_owned(),
            more => format!("nothing here in the 24 h before; {more} elsewhere"),
        };
        facts.say(Role::Muted, &words);
    }
    let hidden = changes.len().saturating_sub(SHOWN);
    for (at, role, what) in changes.into_iter().take(SHOWN) {
        let ago = first - at;
        let when = if ago < TimeDelta::zero() {
            "at the first sign".to_owned()
        } else {
            format!("{} before", text::short(ago))
        };
        facts.say(role, &format!("{when}: {what}"));
    }
    if hidden > 0 {
        facts.say(Role::Muted, &format!("+ {hidden} more in the 24 h before"));
    }
}

/// Changes and recoveries in the order in which they were tried, each with what came of it.
fn tried(model: &Model, incident: &Incident, facts: &mut Facts) {
    let mut all: Vec<(DateTime<Utc>, Role, String, Target)> = Vec::new();
    for change in incident.changes.iter().filter_map(|id| model.state.changes.get(id)) {
        let role = match change.state {
            // It stands under what comes next.
            ChangeState::Pending => continue,
            // Its recovery tells how it went.
            _ if change.recovery.is_some() => continue,
            ChangeState::Validating | ChangeState::Validated | ChangeState::Closed => Role::Ok,
            ChangeState::Failed | ChangeState::Rejected | ChangeState::Expired | ChangeState::RolledBack => Role::Bad,
            ChangeState::Approved | ChangeState::Implementing | ChangeState::Withdrawn => Role::Text,
        };
        let why = match &change.decision {
            Some((by, reason)) if !reason.is_empty() => format!(" ({by}: {reason})"),
            _ => String::new(),
        };
        let words = format!("{} {}: {}{why}", change.id, change.state, change.title);
        all.push((change.submitted_at, role, words, Target::Action("open")));
    }
    for recovery in incident.recoveries.iter().filter_map(|id| model.state.recoveries.get(id)) {
        let (role, word) = outcome(recovery);
        let took = recovery.ended.map_or(model.now, |(at, _)| at) - recovery.started_at;
        let change = recovery.change.map(|id| format!(" ({id})")).unwrap_or_default();
        let why = match &recovery.relapse {
            Some(why) => format!("; {why}"),
            None if recovery.is_running() || recovery.lasted() => String::new(),
            None => format!("; {}", recovery.summary),
        };
        let words = format!("{word} {}{change} in {}: {}{why}", recovery.id, text::clock(took), recovery.plan.title);
        all.push((recovery.started_at, role, words, Target::Action("open")));
    }
    for run in model.state.runs.values().filter(|run| run.incident == Some(incident.id)) {
        let Stand::Ended { at, outcome } = &run.stand else { continue };
        let took = text::clock(*at - run.started_at);
        let words = format!("{} {} in {took}: {outcome}", run.id, run.book.front.id);
        let role = if *outcome == RunOutcome::Completed { Role::Ok } else { Role::Text };
        all.push((run.started_at, role, words, Target::Page(Screen::Run(run.id))));
    }
    all.sort_by_key(|(at, ..)| *at);
    facts.about("Tried");
    if all.is_empty() {
        facts.say(Role::Muted, "nothing yet");
    }
    for (_, role, words, target) in all {
        facts.link(role, &words, &target);
    }
}

/// What those who wait heard last, and when they should hear more.
fn told(model: &Model, incident: &Incident, facts: &mut Facts) {
    facts.about("Told");
    if let Some((role, words)) = rows::update(model, incident) {
        facts.say(role, &words);
    }
    if let Some(last) = incident.updates.said.last() {
        let words = format!("{} {}: {}", last.at.format("%H:%M:%S"), last.by, last.message.line());
        facts.say(Role::Text, &words);
    }
}

/// What is owed after it: the post-mortem, what is to be done so that it does not come back; and what it has to do with.
fn left_to_do(model: &Model, incident: &Incident, facts: &mut Facts) {
    facts.about("Paper");
    if let Some((role, words)) = paper(incident, model.now) {
        facts.say(role, &words);
    }
    facts.about("Glass");
    for glass in model.state.break_glass.values().filter(|glass| glass.incident == incident.id) {
        let (role, time) = rows::break_glass_time(model, glass);
        let words = format!("{}: {time}", rows::break_glass_title(glass));
        facts.link(role, &format!("{} {words}", glass.id), &Target::Page(Screen::BreakGlass(glass.id)));
    }
    facts.about("To do");
    let items = incident.post_mortem.actions.iter().enumerate();
    let (open, done): (Vec<_>, Vec<_>) = items.partition(|(_, item)| item.done_at.is_none());
    for (place, item) in open {
        let owner = item.owner.as_deref().unwrap_or("nobody yet");
        let late = item.due.is_some_and(|due| due < model.now.date_naive());
        let due = match item.due {
            Some(due) if late => format!("OVERDUE since {due}"),
            Some(due) => format!("until {due}"),
            None => "no date yet".to_owned(),
        };
        let words = format!("{} {}: {} · {owner} · {due}", place + 1, item.kind.name(), item.what);
        facts.say(if late { Role::Bad } else { Role::Text }, &words);
    }
    if !done.is_empty() {
        facts.say(Role::Ok, &format!("✓ {} done", done.len()));
    }
    facts.about("Links");
    if let Some(into) = incident.merged_into {
        facts.say(Role::Warn, &format!("merged into {into}: go on there"));
    }
    for id in &incident.links {
        let words = match model.state.incidents.get(id) {
            Some(other) => format!("{id} {} {}: {}", other.severity, other.state, other.title),
            None => id.to_string(),
        };
        facts.say(Role::Text, &words);
    }
}

/// What is left to write, once it is over.
fn paper(incident: &Incident, now: DateTime<Utc>) -> Option<Piece> {
    if let Some((at, by)) = &incident.post_mortem.completed {
        return Some((Role::Ok, format!("post-mortem completed {} by {by}", at.format("%H:%M:%S"))));
    }
    let due = incident.post_mortem_due_at()?;
    Some(match due - now {
        late if late <= TimeDelta::zero() => (Role::Bad, format!("post-mortem OVERDUE by {}", text::span(-late))),
        left => (Role::Text, format!("post-mortem due in {}", text::span(left))),
    })
}
