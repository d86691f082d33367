//! Post-mortems: what people learned from an incident, what they will do about it, and until when that is to be written.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    Actor, Event, Incident, IncidentId, Named, Recorded, Refusal, Severity, State, TimelineKind, apply::tell,
    next_step, text,
};

/// The post-mortem of a SEV1 or SEV2 is due so long after it was resolved.
pub const POST_MORTEM_DUE: TimeDelta = TimeDelta::hours(24);

/// Lines of a section, and action items of an incident, at most.
const ITEMS: usize = 50;

/// What people add to the record of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostMortem {
    /// What people found.
    pub findings: Findings,
    /// What is to be done so that it does not come back, or is noticed or ended sooner; numbered from 1.
    pub actions: Vec<ActionItem>,
    /// Who completed it, and when.
    pub completed: Option<(DateTime<Utc>, Actor)>,
    /// When it was recorded as overdue.
    pub overdue_at: Option<DateTime<Utc>>,
}

/// The sections that only people can write, each a list of lines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Findings {
    /// What went well.
    pub well: Vec<String>,
    /// What went badly.
    pub badly: Vec<String>,
    /// Where we were lucky.
    pub lucky: Vec<String>,
    /// What is to be remembered.
    pub lessons: Vec<String>,
}

impl Findings {
    /// Each section under its heading.
    #[must_use]
    pub fn sections(&self) -> [(&'static str, &[String]); 4] {
        [
            ("What went well", &self.well),
            ("What went badly", &self.badly),
            ("Where we were lucky", &self.lucky),
            ("Lessons", &self.lessons),
        ]
    }
}

/// Something to be done after an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionItem {
    /// What.
    pub what: String,
    /// What it is good for.
    pub kind: ActionKind,
    /// Who sees to it.
    pub owner: Option<String>,
    /// Until when.
    pub due: Option<NaiveDate>,
    /// When it was done.
    pub done_at: Option<DateTime<Utc>>,
    /// When it was recorded as overdue.
    #[serde(default)]
    pub overdue_at: Option<DateTime<Utc>>,
}

impl ActionItem {
    /// When it is late, while it is not done: at the end of its day.
    #[must_use]
    pub fn late_at(&self) -> Option<DateTime<Utc>> {
        let due = self.due.filter(|_| self.done_at.is_none())?;
        Some(due.succ_opt()?.and_time(NaiveTime::MIN).and_utc())
    }
}

/// What an action item is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// It does not happen again.
    Prevent,
    /// It is noticed sooner.
    Detect,
    /// It hurts less or is over sooner.
    Mitigate,
}

impl ActionKind {
    /// As people say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prevent => "prevent",
            Self::Detect => "detect",
            Self::Mitigate => "mitigate",
        }
    }
}

impl PostMortem {
    /// What it still lacks before it can be completed.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let empty = self.findings.sections().into_iter().filter(|(_, lines)| lines.is_empty());
        let sections = empty.map(|(heading, _)| heading.to_lowercase());
        let items = self.actions.iter().zip(1..).flat_map(|(item, number): (&ActionItem, u32)| {
            let owner = item.owner.is_none().then(|| format!("an owner of action item {number}"));
            let due = item.due.is_none().then(|| format!("the due date of action item {number}"));
            owner.into_iter().chain(due)
        });
        sections.chain(items).collect()
    }
}

impl Incident {
    /// When the post-mortem is due, while it is owed and not completed.
    #[must_use]
    pub fn post_mortem_due_at(&self) -> Option<DateTime<Utc>> {
        let owed =
            self.severity <= Severity::Sev2 && self.merged_into.is_none() && self.post_mortem.completed.is_none();
        Some(self.resolved_at.filter(|_| owed)? + POST_MORTEM_DUE)
    }
}

/// Decides what the sections say from now on; one of which nothing is said stays as it is.
pub(in crate::domain) fn write(state: &State, id: IncidentId, findings: Findings) -> Result<Vec<Event>, Refusal> {
    let found = writable(state, id)?;
    if found.post_mortem.completed.is_some() {
        return Err(Refusal::new("post-mortem-completed", format!("the post-mortem of {id} is completed"))
            .hint(format!("say what is new in a note: codeblue incident note {id} TEXT")));
    }
    let Findings { well, badly, lucky, lessons } = findings;
    let findings =
        Findings { well: lines(&well)?, badly: lines(&badly)?, lucky: lines(&lucky)?, lessons: lines(&lessons)? };
    if findings == Findings::default() {
        return Err(Refusal::new("nothing-said", "no section of the post-mortem was given")
            .hint("write at least one section: --well, --badly, --lucky or --lesson"));
    }
    Ok(vec![Event::PostMortemWritten { incident: id, findings }])
}

fn lines(given: &[String]) -> Result<Vec<String>, Refusal> {
    if given.len() > ITEMS {
        return Err(
            Refusal::new("too-many-lines", format!("a section has at most {ITEMS} lines")).hint("put several together")
        );
    }
    given.iter().map(|text| text::line("finding", text)).collect()
}

/// Decides that something is to be done.
pub(in crate::domain) fn add_action(
    state: &State,
    id: IncidentId,
    what: &str,
    kind: ActionKind,
    owner: Option<String>,
    due: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let found = writable(state, id)?;
    if found.post_mortem.actions.len() >= ITEMS {
        return Err(Refusal::new(
            "too-many-actions",
            format!("{id} has {ITEMS} action items, which is all it may have"),
        )
        .hint("put several together, or keep the rest where your team keeps its work"));
    }
    if found.post_mortem.completed.is_some() && (owner.is_none() || due.is_none()) {
        return Err(Refusal::new("action-unowned", format!("the post-mortem of {id} is completed"))
            .hint("an action item that is added now needs both: --owner NAME --due DATE"));
    }
    may_own(state, owner.as_deref())?;
    not_past(due, now)?;
    let what = text::line("action", what)?;
    Ok(vec![Event::ActionItemAdded { incident: id, what, kind, owner, due }])
}

/// Decides that an action item has another owner or due date.
pub(in crate::domain) fn change_action(
    state: &State,
    id: IncidentId,
    item: usize,
    owner: Option<String>,
    due: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let known = action(state, id, item)?;
    if known.done_at.is_some() {
        return Err(Refusal::new("action-done", format!("action item {item} of {id} is done"))
            .hint("nothing is left to do; what is open: codeblue incident action list"));
    }
    may_own(state, owner.as_deref())?;
    not_past(due, now)?;
    let same = |new: &Option<String>| new.is_none() || *new == known.owner;
    if same(&owner) && (due.is_none() || due == known.due) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::ActionItemChanged { incident: id, item, owner, due }])
}

/// Decides that an action item is done.
pub(in crate::domain) fn finish_action(state: &State, id: IncidentId, item: usize) -> Result<Vec<Event>, Refusal> {
    let done = action(state, id, item)?.done_at.is_some();
    Ok(if done { Vec::new() } else { vec![Event::ActionItemDone { incident: id, item }] })
}

/// Decides that nothing is left to write.
pub(in crate::domain) fn complete(state: &State, id: IncidentId) -> Result<Vec<Event>, Refusal> {
    let found = writable(state, id)?;
    if found.state.is_open() {
        return Err(Refusal::new("not-resolved", format!("{id} is {}", found.state))
            .hint(format!("resolve the incident first: codeblue incident resolve {id} --reason WHY")));
    }
    if found.post_mortem.completed.is_some() {
        return Ok(Vec::new());
    }
    let missing = found.post_mortem.missing();
    if !missing.is_empty() {
        return Err(Refusal::new(
            "post-mortem-incomplete",
            format!("the post-mortem of {id} lacks: {}", missing.join(", ")),
        )
        .hint(format!(
            "codeblue incident postmortem {id} --well … and codeblue incident action set {id} 1 --owner …"
        )));
    }
    Ok(vec![Event::PostMortemCompleted { incident: id }])
}

/// Decides that it is overdue, unless it is not owed any more.
pub(in crate::domain) fn lapse(state: &State, id: IncidentId, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let found = state.incident(id)?;
    let late = found.post_mortem.overdue_at.is_none() && found.post_mortem_due_at().is_some_and(|due| due <= now);
    Ok(if late { vec![Event::PostMortemOverdue { incident: id }] } else { Vec::new() })
}

/// Decides that an action item is overdue, unless it was done or put off meanwhile.
pub(in crate::domain) fn lapse_action(
    state: &State,
    id: IncidentId,
    item: usize,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let found = action(state, id, item)?;
    let late = found.overdue_at.is_none() && found.late_at().is_some_and(|late| late <= now);
    Ok(if late { vec![Event::ActionItemOverdue { incident: id, item }] } else { Vec::new() })
}

fn writable(state: &State, id: IncidentId) -> Result<&Incident, Refusal> {
    let found = state.incident(id)?;
    match found.merged_into {
        Some(into) => Err(Refusal::new("merged", format!("{id} was merged into {into}"))
            .hint(format!("write that one: codeblue incident postmortem {into}"))),
        None => Ok(found),
    }
}

fn action(state: &State, id: IncidentId, item: usize) -> Result<&ActionItem, Refusal> {
    let items = &state.incident(id)?.post_mortem.actions;
    item.checked_sub(1)
        .and_then(|place| items.get(place))
        .ok_or_else(|| Refusal::unknown(Named::ActionItem, format!("{item} of {id}")))
}

fn may_own(state: &State, owner: Option<&str>) -> Result<(), Refusal> {
    let Some(name) = owner else { return Ok(()) };
    match state.operators.get(name) {
        Some(operator) if operator.may_act() => Ok(()),
        Some(_) => {
            Err(Refusal::new("owner-may-not-act", format!("{name} may look but not act")).hint(next_step::WHO_MAY))
        }
        None => Err(Refusal::unknown(Named::Owner, name)),
    }
}

fn not_past(due: Option<NaiveDate>, now: DateTime<Utc>) -> Result<(), Refusal> {
    match due {
        Some(date) if date < now.date_naive() => {
            Err(Refusal::new("due-in-the-past", format!("{date} is over")).hint("give a day to come"))
        }
        _ => Ok(()),
    }
}

pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let (id, kind, text) = match &recorded.event {
        Event::PostMortemWritten { incident, findings } => {
            let written = findings.sections().into_iter().filter(|(_, lines)| !lines.is_empty());
            let headings: Vec<String> = written.map(|(heading, _)| heading.to_lowercase()).collect();
            (*incident, TimelineKind::State, format!("post-mortem: {}", headings.join(", ")))
        }
        Event::ActionItemAdded { incident, what, kind, .. } => {
            (*incident, TimelineKind::State, format!("action item to {}: {what}", kind.name()))
        }
        Event::ActionItemChanged { incident, item, owner, due } => {
            let owner = owner.as_ref().map(|owner| format!(" {owner} sees to it")).unwrap_or_default();
            let due = due.map(|due| format!(" until {due}")).unwrap_or_default();
            (*incident, TimelineKind::State, format!("action item {item}:{owner}{due}"))
        }
        Event::ActionItemOverdue { incident, item } => {
            (*incident, TimelineKind::Bad, format!("action item {item} is overdue"))
        }
        Event::ActionItemDone { incident, item } => {
            (*incident, TimelineKind::Good, format!("action item {item} is done"))
        }
        Event::PostMortemCompleted { incident } => {
            (*incident, TimelineKind::Good, "the post-mortem is completed".to_owned())
        }
        Event::PostMortemOverdue { incident } => {
            (*incident, TimelineKind::Bad, "the post-mortem is overdue".to_owned())
        }
        _ => return,
    };
    if let Some(found) = state.incidents.get_mut(&id) {
        change(&mut found.post_mortem, recorded);
    }
    tell(state, id, recorded, kind, text);
}

fn change(post_mortem: &mut PostMortem, recorded: &Recorded) {
    match &recorded.event {
        Event::PostMortemWritten { findings, .. } => {
            let known = &mut post_mortem.findings;
            let sections = [
                (&mut known.well, &findings.well),
                (&mut known.badly, &findings.badly),
                (&mut known.lucky, &findings.lucky),
                (&mut known.lessons, &findings.lessons),
            ];
            for (section, said) in sections.into_iter().filter(|(_, said)| !said.is_empty()) {
                section.clone_from(said);
            }
        }
        Event::ActionItemAdded { what, kind, owner, due, .. } => post_mortem.actions.push(ActionItem {
            what: what.clone(),
            kind: *kind,
            owner: owner.clone(),
            due: *due,
            done_at: None,
            overdue_at: None,
        }),
        Event::ActionItemChanged { item, owner, due, .. } => {
            if let Some(known) = item.checked_sub(1).and_then(|place| post_mortem.actions.get_mut(place)) {
                known.owner = owner.clone().or(known.owner.take());
                if due.is_some() {
                    (known.due, known.overdue_at) = (*due, None);
                }
            }
        }
        Event::ActionItemOverdue { item, .. } => {
            if let Some(known) = item.checked_sub(1).and_then(|place| post_mortem.actions.get_mut(place)) {
                known.overdue_at = Some(recorded.at);
            }
        }
        Event::ActionItemDone { item, .. } => {
            if let Some(known) = item.checked_sub(1).and_then(|place| post_mortem.actions.get_mut(place)) {
                known.done_at = Some(recorded.at);
            }
        }
        Event::PostMortemCompleted { .. } => {
            post_mortem.completed = Some((recorded.at, recorded.actor.clone()));
        }
        Event::PostMortemOverdue { .. } => post_mortem.overdue_at = Some(recorded.at),
        _ => {}
    }
}
