//! What each form is for, what it asks, and what it sends.

use std::{borrow::Cow, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    fill::send,
    sheet::{Chosen, Field, Form, Kind, Pick},
};
use crate::{
    domain::{
        BreakGlassId, Ceiling, ChangeId, Command, DiagnosisId, DrillId, Event, Findings, IncidentId, Judgement,
        Message, OverrideId, Recorded, RecoveryId, RunId, Severity,
    },
    tui::{
        article, decision, drill,
        message::Request,
        model::Model,
        on_call,
        preview::Foreseen,
        templates,
        walk::{self, Said},
        written::{Breaks, Written},
    },
};

/// What a note may hold.
const NOTE: usize = 4000;
/// What a line may hold.
const LINE: usize = 400;
/// What a section of a post-mortem may hold: fifty lines, each as long as a line may be.
const SECTION: usize = 50 * (LINE + 1);
/// What a part of an article may hold.
const PAGE: usize = 20_000;

/// What a form is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    /// Whether a use of break-glass was justified.
    ReviewBreakGlass(BreakGlassId),
    /// A use of break-glass that is taken away from somebody.
    RevokeBreakGlass(BreakGlassId),
    /// What a recovery did is agreed to beforehand from now on.
    MakeTemplate(RecoveryId),
    /// A standard change that is agreed to no longer.
    SuspendTemplate(String),
    /// A standard change that is asked for.
    UseTemplate(String),
    /// Whether a diagnosis was right.
    Judge(DiagnosisId, Judgement),
    /// An article that is proposed, perhaps from an incident.
    ProposeArticle(Option<IncidentId>),
    /// An article that is written anew.
    EditArticle(String),
    /// An article that is not to be used any more.
    RetireArticle(String),
    /// A function that is done by hand from here on.
    WorkByHand(String),
    /// A function that is not done by hand any more.
    EndByHand(String),
    /// Somebody who is on call instead of whoever a schedule names.
    Override(String),
    /// That is taken back.
    EndOverride(OverrideId),
    /// A run of a runbook that is begun.
    StartRun(String),
    /// Something about a step of a run.
    Step(RunId, String, Said),
    /// A drill that is begun.
    HoldDrill(String),
    /// What is broken in a drill.
    AnswerDrill(DrillId),
    /// A drill that is stopped.
    AbortDrill(DrillId),
}

impl Writing {
    /// The change that it is about.
    #[must_use]
    pub fn change(&self) -> Option<ChangeId> {
        match self {
            Self::Approve(id)
            | Self::Reject(id)
            | Self::Revoke(id)
            | Self::Withdraw(id)
            | Self::Validate(id)
            | Self::Review(id) => Some(*id),
            _ => None,
        }
    }

    /// Whether it is about what takes an approval, and so shows what it leads to before it is sent.
    #[must_use]
    pub fn is_decision(&self) -> bool {
        match self {
            Self::Delegate
            | Self::ReviewBreakGlass(_)
            | Self::RevokeBreakGlass(_)
            | Self::MakeTemplate(_)
            | Self::SuspendTemplate(_)
            | Self::UseTemplate(_)
            | Self::Judge(..)
            | Self::ProposeArticle(_)
            | Self::EditArticle(_)
            | Self::RetireArticle(_)
            | Self::WorkByHand(_)
            | Self::EndByHand(_)
            | Self::Override(_)
            | Self::EndOverride(_)
            | Self::StartRun(_)
            | Self::HoldDrill(_)
            | Self::AnswerDrill(_)
            | Self::AbortDrill(_) => true,
            Self::Step(_, _, said) => said.is_decision(),
            about => about.change().is_some(),
        }
    }
}

impl Form {
    /// An empty form.
    #[must_use]
    pub fn empty(purpose: Writing) -> Self {
        let text = |label: &'static str, about: &'static str, limit, breaks| Field {
            label: label.into(),
            about: about.into(),
            kind: Kind::Text(Written::new(limit, breaks)),
        };
        let line = |label, about| text(label, about, LINE, Breaks::None);
        let services = || {
            let filter = Written::new(64, Breaks::None);
            let kind = Kind::Services(Chosen { names: Vec::new(), filter, at: 0 });
            Field { label: "Services".into(), about: "type to find, space takes one".into(), kind }
        };
        let pick = |label: &'static str, about: &'static str| Field {
            label: label.into(),
            about: about.into(),
            kind: Kind::Choice(Pick::default()),
        };
        let fields = match &purpose {
            Writing::Approve(_) => vec![line("Reason", "what you looked at; may stay empty"), pick("As", "")],
            Writing::Reject(_) => vec![line("Reason", "what is wrong with it, and what instead")],
            Writing::Revoke(_) => vec![line("Reason", "what you know now")],
            Writing::Withdraw(_) => vec![line("Reason", "why it is not wanted any more")],
            Writing::Validate(_) => vec![pick("Found", ""), line("Note", "what you looked at, and what you saw")],
            Writing::Review(_) => vec![pick("Outcome", ""), text("Findings", "what was learned", NOTE, Breaks::Lines)],
            Writing::Delegate => vec![
                pick("To", "nobody here may stand in for one of your roles"),
                pick("As", "you hold no role that could be handed on"),
                text("For", "how long: 90m, 8h, 5d; at most 31d", 16, Breaks::None),
                line("Reason", "why; part of the record"),
                services(),
            ],
            Writing::ReviewBreakGlass(_) => {
                vec![pick("Verdict", ""), line("Findings", "what you looked at, and what you found")]
            }
            Writing::RevokeBreakGlass(_) => vec![line("Reason", "why it has to end now")],
            Writing::MakeTemplate(_) => {
                vec![text("Name", "what it is asked for by: letters, digits, - _ and .", 60, Breaks::None)]
            }
            Writing::SuspendTemplate(_) => vec![line("Reason", "why nobody may use it any more")],
            Writing::UseTemplate(_) => vec![line("Reason", "why it is done now")],
            Writing::Override(_) => vec![
                pick("Who", "nobody here may take a shift by your word"),
                text("From", "UTC: 2026-12-24 08:00, 18:30, or in 3h; empty: at once", 24, Breaks::None),
                text("Until", "the same", 24, Breaks::None),
                line("Reason", "why; part of the record"),
            ],
            Writing::EndOverride(_) => vec![line("Reason", "why the schedule holds again")],
            Writing::WorkByHand(_) => vec![line("Reason", "why it cannot wait for the platform")],
            Writing::EndByHand(_) => vec![line("Note", "what is still to be entered, and by whom")],
            Writing::ProposeArticle(_) | Writing::EditArticle(_) => {
                let lines = |label, about, limit| text(label, about, limit, Breaks::Lines);
                let options = decision::choices_of_article();
                let category =
                    Field { label: "Category".into(), about: "".into(), kind: Kind::Choice(Pick { options, at: 0 }) };
                let mut fields = vec![
                    text("Name", "small letters, digits and -; it never changes", 80, Breaks::None),
                    line("Title", "the failure in one line"),
                    category,
                    lines("Signs", "words, error codes, lines of a log that come with it, a line for each", SECTION),
                    line("Patterns", "ids of patterns of its logs that come with it; may stay empty"),
                    lines(
                        "Fixes",
                        "run: restart, roll back: code, or what is done by hand; @ SERVICE; a line for each",
                        SECTION,
                    ),
                    lines("How", "how to go about it, step by step", PAGE),
                    lines("Avoid", "what keeps it from coming back; may stay empty", PAGE),
                ];
                fields.retain(|field| field.label != "Name" || matches!(purpose, Writing::ProposeArticle(_)));
                fields
            }
            Writing::RetireArticle(_) => vec![line("Reason", "why it is not to be used any more")],
            Writing::Judge(_, Judgement::Right) => vec![line("Note", "how you know; may stay empty")],
            Writing::Judge(..) => vec![
                pick("Service", ""),
                pick("Category", ""),
                line("Cause", "what it was, in one line; may stay empty"),
                line("Note", "how you know; may stay empty"),
            ],
            Writing::Note(_) => vec![text("Note", "what you see or do", NOTE, Breaks::Lines)],
            Writing::Update(_) => vec![
                line("Message", "what those who wait are told; all else may stay empty"),
                line("Conditions", "how things stand"),
                line("Actions", "what is being done"),
                line("Needs", "what is needed, and from whom"),
            ],
            Writing::PostMortem(_) => {
                let section = |label, about| text(label, about, SECTION, Breaks::Lines);
                vec![
                    section("Well", "what went well, a line for each"),
                    section("Badly", "what went badly"),
                    section("Lucky", "where we were lucky"),
                    section("Lessons", "what is to be remembered"),
                ]
            }
            Writing::BreakGlass(_) => vec![
                services(),
                text("Reach", "action, code or data", 8, Breaks::None),
                text("Minutes", "1 to 60", 2, Breaks::None),
                line("Reason", "what cannot wait for an approval, and why"),
                text("Confirm", "type the incident's name", 16, Breaks::None),
            ],
            Writing::Declare => vec![
                Field {
                    label: Cow::Borrowed("Severity"),
                    about: Cow::Borrowed(""),
                    kind: Kind::Severity(Severity::Sev2),
                },
                line("Title", "what is wrong, in one line"),
                services(),
                text("Note", "what is known so far; may stay empty", NOTE, Breaks::Lines),
            ],
            Writing::StartRun(_) | Writing::Step(..) => walk::fields(&purpose),
            Writing::HoldDrill(_) | Writing::AnswerDrill(_) | Writing::AbortDrill(_) => drill::fields(&purpose),
            Writing::Maintain => vec![
                services(),
                text("For", "how long: 90m, 2h, 1h30m", 16, Breaks::None),
                line("Reason", "what is done meanwhile"),
            ],
        };
        Self::new(purpose, fields)
    }
}

/// A form with what is on record already: what is sent replaces it.
pub(super) fn begun(model: &Model, purpose: &Writing) -> Form {
    let mut form = Form::empty(purpose.clone());
    if let Writing::PostMortem(id) = purpose
        && let Some(incident) = model.state.incidents.get(id)
    {
        let held = &incident.post_mortem.findings;
        let sections =
            [("Well", &held.well), ("Badly", &held.badly), ("Lucky", &held.lucky), ("Lessons", &held.lessons)];
        for (label, lines) in sections {
            form.fill(label, &lines.join("\n"));
        }
    }
    if let Writing::BreakGlass(id) = purpose
        && let Some(incident) = model.state.incidents.get(id)
    {
        // As narrow as can be foreseen: the cause where it is known.
        let scope = incident.root.as_ref().map_or(incident.services.as_slice(), std::slice::from_ref);
        scope.iter().for_each(|service| form.toggle(service));
        form.fill("Reach", "code");
        form.fill("Minutes", "30");
    }
    match purpose {
        Writing::ProposeArticle(incident) => article::begin(model, &mut form, *incident),
        Writing::EditArticle(name) => article::begin_again(model, &mut form, name),
        _ => {}
    }
    if let Writing::MakeTemplate(proof) = purpose {
        form.fill("Name", &templates::name_for(model, *proof));
    }
    if matches!(purpose, Writing::Override(_)) {
        on_call::begun(model, &mut form);
    }
    walk::begun(model, &mut form);
    form
}

/// What saying something about a change leads to.
pub(super) fn decided(model: &Model, form: &Form, commands: &[Command]) -> Foreseen {
    let mut all = Foreseen::default();
    for command in commands {
        let found = match form.purpose {
            Writing::StartRun(_) | Writing::Step(..) => walk::foreseen(model, command),
            Writing::HoldDrill(_) | Writing::AnswerDrill(_) | Writing::AbortDrill(_) => {
                drill::foreseen(model, form, command)
            }
            _ => decision::said(model, form, command),
        };
        all.lines.extend(found.lines);
    }
    all
}

/// What a form asks for; the field that lacks something and what, else.
pub(super) fn commands(model: &Model, form: &Form) -> Result<Vec<Command>, (&'static str, String)> {
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
        Writing::Override(ref schedule) => vec![on_call::override_of(model, form, schedule)?],
        Writing::StartRun(_) | Writing::Step(..) => vec![walk::command(model, form)?],
        Writing::HoldDrill(_) | Writing::AnswerDrill(_) | Writing::AbortDrill(_) => vec![drill::command(model, form)?],
        _ => vec![decision::command(model, form)?],
    })
}

/// When a time from now is over.
pub(in crate::tui) fn until(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let known = humantime::parse_duration(text).ok().filter(|time| *time >= Duration::from_secs(60));
    let time = known.ok_or_else(|| format!("“{text}” is no time of a minute or more; write 90m, 2h, 1h30m"))?;
    TimeDelta::from_std(time)
        .ok()
        .and_then(|time| now.checked_add_signed(time))
        .ok_or_else(|| format!("“{text}” is too long"))
}

/// What was accepted is no draft any more; the first note of an incident follows it.
pub(in crate::tui) fn settle(model: &mut Model, recorded: &Recorded) -> Vec<Request> {
    walk::settled(model, &recorded.event);
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
        Event::BreakGlassReviewed { break_glass, .. } => Writing::ReviewBreakGlass(*break_glass),
        Event::BreakGlassEnded { break_glass, .. } => Writing::RevokeBreakGlass(*break_glass),
        Event::TemplateMade { template } => Writing::MakeTemplate(template.proved_by),
        Event::ArticleProposed { incident, .. } => Writing::ProposeArticle(*incident),
        Event::ArticleEdited { article, .. } => Writing::EditArticle(article.clone()),
        Event::ArticleRetired { article, .. } => Writing::RetireArticle(article.clone()),
        Event::FallbackActivated { function, .. } => Writing::WorkByHand(function.clone()),
        Event::FallbackEnded { function, .. } => Writing::EndByHand(function.clone()),
        Event::OnCallOverridden { schedule, .. } => Writing::Override(schedule.clone()),
        Event::OverrideEnded { id, .. } => Writing::EndOverride(*id),
        Event::DiagnosisJudged { diagnosis, judgement, .. } => Writing::Judge(*diagnosis, *judgement),
        Event::DrillAnswered { drill, .. } => Writing::AnswerDrill(*drill),
        Event::DrillAborted { drill, .. } => Writing::AbortDrill(*drill),
        Event::TemplateSuspended { template, .. } => Writing::SuspendTemplate(template.clone()),
        Event::ChangeSubmitted { template: Some(template), .. } => Writing::UseTemplate(template.clone()),
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
