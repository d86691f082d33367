//! Forms: what is written in several lines or several fields before it is sent.
//!
//! What was written stays as a draft when its form is left, and while it is on its way, until the engine has accepted it:
//! nobody writes a note twice because a rule said no or a link broke.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    action::cannot_act,
    decision,
    message::Request,
    model::{Model, Overlay},
    preview::{Foreseen, declared, maintained, unapproved},
    term::input::Key,
    written::{Breaks, Written},
};
use crate::domain::{Ceiling, ChangeId, Command, Event, Findings, IncidentId, Message, Recorded, Severity};

/// Keys that come sooner after what will happen is shown were meant for the fields.
const STARTLED: TimeDelta = TimeDelta::milliseconds(150);
/// What a note may hold.
const NOTE: usize = 4000;
/// What a line may hold.
const LINE: usize = 400;
/// What a section of a post-mortem may hold: fifty lines, each as long as a line may be.
const SECTION: usize = 50 * (LINE + 1);

/// What a form is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writing {
    /// A note on an incident.
    Note(IncidentId),
    /// What those who wait for an incident are told.
    Update(IncidentId),
    /// What was learned from an incident.
    PostMortem(IncidentId),
    /// To act without an approval for an incident.
    BreakGlass(IncidentId),
    /// A new incident.
    Declare,
    /// Work on services that begins now.
    Maintain,
    /// A yes to a change.
    Approve(ChangeId),
    /// A no to a change.
    Reject(ChangeId),
    /// A yes or no to a change that is taken back.
    Revoke(ChangeId),
    /// The own change is not wanted any more.
    Withdraw(ChangeId),
    /// Whether a change was seen to work.
    Validate(ChangeId),
    /// What was learned from a change.
    Review(ChangeId),
    /// Who may agree in the own place.
    Delegate,
}

impl Writing {
    /// The change that it is about.
    #[must_use]
    pub fn change(self) -> Option<ChangeId> {
        match self {
            Self::Approve(id)
            | Self::Reject(id)
            | Self::Revoke(id)
            | Self::Withdraw(id)
            | Self::Validate(id)
            | Self::Review(id) => Some(id),
            Self::Note(_)
            | Self::Update(_)
            | Self::PostMortem(_)
            | Self::BreakGlass(_)
            | Self::Declare
            | Self::Maintain
            | Self::Delegate => None,
        }
    }

    /// Whether it is about approvals, and so shows what it leads to before it is sent.
    #[must_use]
    pub fn is_decision(self) -> bool {
        self == Self::Delegate || self.change().is_some()
    }
}

/// Something that is written before it is sent.
#[derive(Debug, Clone)]
pub struct Form {
    /// What it is for.
    pub purpose: Writing,
    /// Its fields, in the order of `Tab`.
    pub fields: Vec<Field>,
    /// The field with the cursor.
    pub at: usize,
    /// What will happen, while that is looked at before it is asked for.
    pub review: Option<Review>,
    /// It was begun before, and left or not accepted.
    pub is_draft: bool,
    /// The hash of the plan that was on the screen when it was opened, and its round.
    pub seen: Option<(String, u32)>,
}

/// What will happen, shown before it is asked for.
#[derive(Debug, Clone)]
pub struct Review {
    /// In words.
    pub foreseen: Foreseen,
    /// What is asked for.
    pub commands: Vec<Command>,
    /// Since when it is shown.
    pub since: DateTime<Utc>,
}

/// A field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    /// What it is called.
    pub label: &'static str,
    /// What belongs in it, shown while it is empty.
    pub about: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// What a field holds.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Text.
    Text(Written),
    /// How bad it is.
    Severity(Severity),
    /// Any number of services.
    Services(Chosen),
    /// One of a few.
    Choice(Pick),
}

/// One of a few, each with how it is said.
#[derive(Debug, Clone, Default)]
pub struct Pick {
    /// Its value, and what is shown for it.
    pub options: Vec<(String, String)>,
    /// The chosen one.
    pub at: usize,
}

/// Services that are chosen, and what the list of them is narrowed to.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// In the order in which they were chosen.
    pub names: Vec<String>,
    /// What the list is narrowed to.
    pub filter: Written,
    /// The row of the list with the cursor.
    pub at: usize,
}

impl Form {
    fn new(purpose: Writing, fields: Vec<Field>) -> Self {
        Self { purpose, fields, at: 0, review: None, is_draft: false, seen: None }
    }

    /// An empty form.
    #[must_use]
    pub fn empty(purpose: Writing) -> Self {
        let text = |label, about, limit, breaks| Field { label, about, kind: Kind::Text(Written::new(limit, breaks)) };
        let line = |label, about| text(label, about, LINE, Breaks::None);
        let services = || {
            let filter = Written::new(64, Breaks::None);
            let kind = Kind::Services(Chosen { names: Vec::new(), filter, at: 0 });
            Field { label: "Services", about: "type to find, space takes one", kind }
        };
        let pick = |label, about| Field { label, about, kind: Kind::Choice(Pick::default()) };
        match purpose {
            Writing::Approve(_) => {
                Self::new(purpose, vec![line("Reason", "what you looked at; may stay empty"), pick("As", "")])
            }
            Writing::Reject(_) => Self::new(purpose, vec![line("Reason", "what is wrong with it, and what instead")]),
            Writing::Revoke(_) => Self::new(purpose, vec![line("Reason", "what you know now")]),
            Writing::Withdraw(_) => Self::new(purpose, vec![line("Reason", "why it is not wanted any more")]),
            Writing::Validate(_) => {
                Self::new(purpose, vec![pick("Found", ""), line("Note", "what you looked at, and what you saw")])
            }
            Writing::Review(_) => {
                Self::new(purpose, vec![pick("Outcome", ""), text("Findings", "what was learned", NOTE, Breaks::Lines)])
            }
            Writing::Delegate => Self::new(
                purpose,
                vec![
                    pick("To", "nobody here may stand in for one of your roles"),
                    pick("As", "you hold no role that could be handed on"),
                    text("For", "how long: 90m, 8h, 5d; at most 31d", 16, Breaks::None),
                    line("Reason", "why; part of the record"),
                    services(),
                ],
            ),
            Writing::Note(_) => Self::new(purpose, vec![text("Note", "what you see or do", NOTE, Breaks::Lines)]),
            Writing::Update(_) => Self::new(
                purpose,
                vec![
                    line("Message", "what those who wait are told; all else may stay empty"),
                    line("Conditions", "how things stand"),
                    line("Actions", "what is being done"),
                    line("Needs", "what is needed, and from whom"),
                ],
            ),
            Writing::PostMortem(_) => {
                let section = |label, about| text(label, about, SECTION, Breaks::Lines);
                Self::new(
                    purpose,
                    vec![
                        section("Well", "what went well, a line for each"),
                        section("Badly", "what went badly"),
                        section("Lucky", "where we were lucky"),
                        section("Lessons", "what is to be remembered"),
                    ],
                )
            }
            Writing::BreakGlass(_) => Self::new(
                purpose,
                vec![
                    services(),
                    text("Reach", "action, code or data", 8, Breaks::None),
                    text("Minutes", "1 to 60", 2, Breaks::None),
                    line("Reason", "what cannot wait for an approval, and why"),
                    text("Confirm", "type the incident's name", 16, Breaks::None),
                ],
            ),
            Writing::Declare => Self::new(
                purpose,
                vec![
                    Field { label: "Severity", about: "", kind: Kind::Severity(Severity::Sev2) },
                    line("Title", "what is wrong, in one line"),
                    services(),
                    text("Note", "what is known so far; may stay empty", NOTE, Breaks::Lines),
                ],
            ),
            Writing::Maintain => Self::new(
                purpose,
                vec![
                    services(),
                    text("For", "how long: 90m, 2h, 1h30m", 16, Breaks::None),
                    line("Reason", "what is done meanwhile"),
                ],
            ),
        }
    }

    /// What a field of text holds.
    #[must_use]
    pub fn text(&self, label: &str) -> String {
        let field = self.fields.iter().find(|field| field.label == label);
        match field.map(|field| &field.kind) {
            Some(Kind::Text(written)) => written.text().trim().to_owned(),
            _ => String::new(),
        }
    }

    /// Writes into a field of text.
    pub fn fill(&mut self, label: &str, text: &str) {
        let field = self.fields.iter_mut().find(|field| field.label == label);
        if let Some(Kind::Text(written)) = field.map(|field| &mut field.kind) {
            written.paste(text);
        }
    }

    /// The value of what was chosen of a few.
    #[must_use]
    pub fn choice(&self, label: &str) -> String {
        let field = self.fields.iter().find(|field| field.label == label);
        match field.map(|field| &field.kind) {
            Some(Kind::Choice(pick)) => pick.options.get(pick.at).map(|(value, _)| value.clone()).unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// What can be chosen now; what was chosen before stays so, where it still can be.
    fn offer(&mut self, model: &Model) {
        let purpose = self.purpose;
        for field in &mut self.fields {
            let Kind::Choice(pick) = &mut field.kind else { continue };
            let held = pick.options.get(pick.at).map(|(value, _)| value.clone());
            pick.options = decision::choices(model, purpose, field.label);
            pick.at = pick.options.iter().position(|(value, _)| Some(value) == held.as_ref()).unwrap_or(0);
        }
        // Where there is nothing to choose between, nothing is asked.
        if matches!(purpose, Writing::Approve(_)) {
            self.fields.retain(|field| !matches!(&field.kind, Kind::Choice(pick) if pick.options.len() < 2 && pick.options.iter().all(|(value, _)| value.is_empty())));
        }
        let change = purpose.change().and_then(|id| model.state.changes.get(&id));
        self.seen = change.map(|change| (change.plan_hash.clone(), change.round));
        self.at = self.at.min(self.fields.len().saturating_sub(1));
    }

    /// The services chosen.
    #[must_use]
    pub fn services(&self) -> &[String] {
        self.fields
            .iter()
            .find_map(|field| match &field.kind {
                Kind::Services(chosen) => Some(chosen.names.as_slice()),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// Takes a service, or lets it go.
    pub fn toggle(&mut self, service: &str) {
        for field in &mut self.fields {
            let Kind::Services(chosen) = &mut field.kind else { continue };
            match chosen.names.iter().position(|name| name == service) {
                Some(place) => drop(chosen.names.remove(place)),
                None => chosen.names.push(service.to_owned()),
            }
        }
    }

    /// Says how bad it is, and goes on there.
    pub fn grade(&mut self, chosen: Severity) {
        for (place, field) in self.fields.iter_mut().enumerate() {
            if let Kind::Severity(severity) = &mut field.kind {
                *severity = chosen;
                self.at = place;
            }
        }
    }

    fn severity(&self) -> Severity {
        let chosen = self.fields.iter().find_map(|field| match field.kind {
            Kind::Severity(severity) => Some(severity),
            _ => None,
        });
        chosen.unwrap_or(Severity::Sev2)
    }

    /// Nothing was written or chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.services().is_empty()
            && self.fields.iter().all(|field| match &field.kind {
                Kind::Text(written) => written.text().trim().is_empty(),
                Kind::Severity(_) | Kind::Services(_) | Kind::Choice(_) => true,
            })
    }

    /// Takes pasted text as one insertion; says how much of it did not fit.
    pub fn paste(&mut self, pasted: &str) -> Option<String> {
        if self.review.is_some() {
            return None;
        }
        match &mut self.fields.get_mut(self.at)?.kind {
            Kind::Text(written) => written.paste(pasted),
            Kind::Services(chosen) => chosen.filter.paste(pasted),
            Kind::Severity(_) | Kind::Choice(_) => None,
        }
    }

    /// Nothing stands in it that does not stand in the other.
    fn says_no_more_than(&self, other: &Self) -> bool {
        self.services() == other.services()
            && self.fields.iter().all(|field| self.text(field.label) == other.text(field.label))
    }

    /// The first field whose label it is gets the cursor.
    fn turn_to(&mut self, label: &str) {
        if let Some(place) = self.fields.iter().position(|field| field.label == label) {
            self.at = place;
        }
    }
}

impl Chosen {
    /// The services that the list shows, the worst first.
    #[must_use]
    pub fn found<'a>(&self, model: &'a Model) -> Vec<&'a str> {
        let wanted = self.filter.text().trim().to_lowercase();
        let services = model.state.platform.services.iter().map(|service| service.name.as_str());
        let mut found: Vec<&str> = services.filter(|name| name.to_lowercase().contains(&wanted)).collect();
        found.sort_by_cached_key(|name| std::cmp::Reverse(model.urgency(name)));
        found
    }
}

/// Opens a form, with what was written in it before; a new one knows the service in question.
pub(super) fn open_form(model: &mut Model, purpose: Writing, service: Option<String>) -> Vec<Request> {
    let mut form = match model.drafts.get(&purpose) {
        Some(draft) => Form { is_draft: true, review: None, ..draft.clone() },
        None => {
            let mut form = begun(model, purpose);
            if let Some(name) = service {
                form.toggle(&name);
            }
            form
        }
    };
    form.offer(model);
    model.overlay = Some(Overlay::Form(Box::new(form)));
    Vec::new()
}

/// A form with what is on record already: what is sent replaces it.
fn begun(model: &Model, purpose: Writing) -> Form {
    let mut form = Form::empty(purpose);
    if let Writing::PostMortem(id) = purpose
        && let Some(incident) = model.state.incidents.get(&id)
    {
        let held = &incident.post_mortem.findings;
        let sections =
            [("Well", &held.well), ("Badly", &held.badly), ("Lucky", &held.lucky), ("Lessons", &held.lessons)];
        for (label, lines) in sections {
            form.fill(label, &lines.join("\n"));
        }
    }
    if let Writing::BreakGlass(id) = purpose
        && let Some(incident) = model.state.incidents.get(&id)
    {
        incident.services.iter().for_each(|service| form.toggle(service));
        form.fill("Reach", "code");
        form.fill("Minutes", "30");
    }
    form
}

/// Takes a key for a form.
pub(super) fn on_form_key(model: &mut Model, mut form: Box<Form>, key: Key) -> Vec<Request> {
    let reviewing = form.review.is_some();
    match key {
        Key::Esc if reviewing => form.review = None,
        Key::Esc => return leave(model, *form),
        Key::Enter => return go_on(model, form),
        _ if reviewing => {}
        Key::Tab => form.at = (form.at + 1) % form.fields.len(),
        Key::BackTab => form.at = (form.at + form.fields.len() - 1) % form.fields.len(),
        key => {
            if let Some(why) = on_field_key(model, &mut form, key) {
                model.say(why, true);
            }
        }
    }
    model.overlay = Some(Overlay::Form(form));
    Vec::new()
}

/// Takes a key for the field with the cursor; says why it was not taken.
fn on_field_key(model: &Model, form: &mut Form, key: Key) -> Option<String> {
    let last = form.fields.len() - 1;
    match &mut form.fields.get_mut(form.at)?.kind {
        Kind::Text(written) => match key {
            // In one line there is no line above.
            Key::Up if !written.has_lines() => form.at = form.at.saturating_sub(1),
            Key::Down if !written.has_lines() => form.at = (form.at + 1).min(last),
            key => return written.key(key).err(),
        },
        Kind::Severity(severity) => {
            let place = usize::from(severity.number() - 1);
            let place = match key {
                Key::Char(digit @ '1'..='4') => digit as usize - '1' as usize,
                Key::Down | Key::Right | Key::Char('j') => place + 1,
                Key::Up | Key::Left | Key::Char('k') => place.saturating_sub(1),
                _ => place,
            };
            *severity = Severity::ALL[place.min(Severity::ALL.len() - 1)];
        }
        Kind::Choice(pick) => {
            let most = pick.options.len().saturating_sub(1);
            match key {
                Key::Down | Key::Right | Key::Char('j') => pick.at = (pick.at + 1).min(most),
                Key::Up | Key::Left | Key::Char('k') => pick.at = pick.at.saturating_sub(1),
                Key::Char(digit @ '1'..='9') => pick.at = (digit as usize - '1' as usize).min(most),
                _ => {}
            }
        }
        Kind::Services(chosen) => {
            let found = chosen.found(model);
            match key {
                Key::Down => chosen.at = (chosen.at + 1).min(found.len().saturating_sub(1)),
                Key::Up => chosen.at = chosen.at.saturating_sub(1),
                Key::Char(' ') => {
                    let name = found.get(chosen.at).map(|name| (*name).to_owned());
                    chosen.filter.clear();
                    chosen.at = 0;
                    match name {
                        Some(name) => form.toggle(&name),
                        None => return Some("no service of that name".to_owned()),
                    }
                }
                Key::Backspace if chosen.filter.text().is_empty() => drop(chosen.names.pop()),
                key => {
                    chosen.at = 0;
                    return chosen.filter.key(key).err();
                }
            }
        }
    }
    None
}

/// Leaves a form; what was written stays.
fn leave(model: &mut Model, form: Form) -> Vec<Request> {
    if form.is_empty() || form.says_no_more_than(&begun(model, form.purpose)) {
        model.drafts.remove(&form.purpose);
    } else {
        model.drafts.insert(form.purpose, form);
        model.say("nothing was sent; what you wrote is there when you come back", false);
    }
    Vec::new()
}

/// Sends what is written, or shows first what it will lead to; what is missing is said.
pub(super) fn go_on(model: &mut Model, mut form: Box<Form>) -> Vec<Request> {
    if let Some(why) = cannot_act(model) {
        model.say(why, true);
        model.overlay = Some(Overlay::Form(form));
        return Vec::new();
    }
    if let Some(review) = &form.review {
        if model.now - review.since < STARTLED || review.foreseen.is_refused() {
            model.overlay = Some(Overlay::Form(form));
            return Vec::new();
        }
        let commands = review.commands.clone();
        return send(model, *form, commands);
    }
    match commands(model, &form) {
        Err((field, why)) => {
            form.turn_to(field);
            model.say(why, true);
            model.overlay = Some(Overlay::Form(form));
            Vec::new()
        }
        Ok(commands) => {
            let foreseen = match form.purpose {
                Writing::Declare => declared(model, &commands, &form.text("Note")),
                Writing::Maintain => maintained(model, &commands),
                Writing::BreakGlass(_) => unapproved(model, &commands),
                purpose if purpose.is_decision() => decided(model, &form, &commands),
                _ => return send(model, *form, commands),
            };
            model.toast = None;
            form.review = Some(Review { foreseen, commands, since: model.now });
            model.overlay = Some(Overlay::Form(form));
            Vec::new()
        }
    }
}

/// What saying something about a change leads to.
fn decided(model: &Model, form: &Form, commands: &[Command]) -> Foreseen {
    let mut all = Foreseen::default();
    for command in commands {
        all.lines.extend(decision::said(model, form, command).lines);
    }
    all
}

fn send(model: &mut Model, form: Form, commands: Vec<Command>) -> Vec<Request> {
    // It stays as a draft until it is accepted.
    model.drafts.insert(form.purpose, form);
    commands.into_iter().map(|command| Request::Submit(Box::new(command))).collect()
}

/// What a form asks for; the field that lacks something and what, else.
fn commands(model: &Model, form: &Form) -> Result<Vec<Command>, (&'static str, String)> {
    let needed = |label: &'static str| match form.text(label) {
        text if text.is_empty() => Err((label, format!("{} is empty", label.to_lowercase()))),
        text => Ok(text),
    };
    let optional = |label: &str| Some(form.text(label)).filter(|text| !text.is_empty());
    let lines = |label: &'static str| {
        let lines: Vec<String> =
            form.text(label).lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        match lines.iter().find(|line| line.chars().count() > LINE) {
            Some(_) => Err((label, format!("a line has at most {LINE} characters; break the long one in two"))),
            None => Ok(lines),
        }
    };
    Ok(match form.purpose {
        Writing::Note(incident) => vec![Command::NoteIncident { incident, text: needed("Note")? }],
        Writing::Update(incident) => {
            let message = Message {
                text: needed("Message")?,
                conditions: optional("Conditions"),
                actions: optional("Actions"),
                needs: optional("Needs"),
            };
            vec![Command::UpdateStakeholders { incident, message }]
        }
        Writing::PostMortem(incident) => {
            if form.is_empty() {
                return Err(("Well", "nothing was written".to_owned()));
            }
            let findings = Findings {
                well: lines("Well")?,
                badly: lines("Badly")?,
                lucky: lines("Lucky")?,
                lessons: lines("Lessons")?,
            };
            vec![Command::WritePostMortem { incident, findings }]
        }
        Writing::BreakGlass(incident) => {
            let services = form.services().to_vec();
            if services.is_empty() {
                return Err(("Services", "choose a service with space".to_owned()));
            }
            let reach = needed("Reach")?;
            let ceiling = Ceiling::ALL.into_iter().find(|ceiling| ceiling.to_string() == reach.to_lowercase());
            let ceiling = ceiling.ok_or_else(|| ("Reach", format!("“{reach}” is none of action, code and data")))?;
            let minutes = needed("Minutes")?.parse().map_err(|_| ("Minutes", "it is 1 to 60 minutes".to_owned()))?;
            let reason = needed("Reason")?;
            if !needed("Confirm")?.eq_ignore_ascii_case(&incident.to_string()) {
                return Err(("Confirm", format!("type {incident} to go on")));
            }
            vec![Command::BreakGlass { incident, reason, services, ceiling, minutes }]
        }
        Writing::Declare => {
            let services = form.services().to_vec();
            vec![Command::DeclareIncident { severity: form.severity(), title: needed("Title")?, services }]
        }
        Writing::Maintain => {
            if form.services().is_empty() {
                return Err(("Services", "choose a service with space".to_owned()));
            }
            let until = until(&needed("For")?, model.now).map_err(|why| ("For", why))?;
            let reason = needed("Reason")?;
            let start = |service: &String| Command::StartMaintenance {
                service: service.clone(),
                until,
                reason: reason.clone(),
            };
            form.services().iter().map(start).collect()
        }
        _ => vec![decision::command(model, form)?],
    })
}

/// When a time from now is over.
pub(super) fn until(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let known = humantime::parse_duration(text).ok().filter(|time| *time >= Duration::from_secs(60));
    let time = known.ok_or_else(|| format!("“{text}” is no time of a minute or more; write 90m, 2h, 1h30m"))?;
    TimeDelta::from_std(time)
        .ok()
        .and_then(|time| now.checked_add_signed(time))
        .ok_or_else(|| format!("“{text}” is too long"))
}

/// What was accepted is no draft any more; the first note of an incident follows it.
pub(super) fn settle(model: &mut Model, recorded: &Recorded) -> Vec<Request> {
    let purpose = match &recorded.event {
        Event::IncidentNoted { incident, .. } => Writing::Note(*incident),
        Event::StakeholdersUpdated { incident, .. } => Writing::Update(*incident),
        Event::PostMortemWritten { incident, .. } => Writing::PostMortem(*incident),
        Event::BreakGlassOpened { incident, .. } => Writing::BreakGlass(*incident),
        Event::MaintenanceStarted { .. } => Writing::Maintain,
        Event::IncidentOpened { .. } => Writing::Declare,
        Event::ChangeApproved { change, .. } => Writing::Approve(*change),
        Event::ChangeRejected { change, .. } => Writing::Reject(*change),
        Event::ApprovalRevoked { change, .. } | Event::RejectionRevoked { change, .. } => Writing::Revoke(*change),
        Event::ChangeWithdrawn { change, .. } => Writing::Withdraw(*change),
        Event::ChangeChecked { change, .. } => Writing::Validate(*change),
        Event::ChangeReviewed { change, .. } => Writing::Review(*change),
        Event::ApprovalDelegated { .. } => Writing::Delegate,
        _ => return Vec::new(),
    };
    let Some(form) = model.drafts.remove(&purpose) else { return Vec::new() };
    match (&recorded.event, form.text("Note")) {
        (Event::IncidentOpened { incident, .. }, text) if !text.is_empty() => {
            let mut note = Form::empty(Writing::Note(*incident));
            note.fill("Note", &text);
            send(model, note, vec![Command::NoteIncident { incident: *incident, text }])
        }
        _ => Vec::new(),
    }
}
